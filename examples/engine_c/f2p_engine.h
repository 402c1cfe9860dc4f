/* f2p_engine.h: client of the f2p-sdk bridge for game engines. C99, one file, no dependencies.
 *
 * Exactly one .c file defines F2P_ENGINE_IMPLEMENTATION and includes this file before any other. Link with -lpthread
 * and -lm, on Windows with ws2_32. The game, on the thread that may draw:
 *
 *     f2p_engine *engine = f2p_engine_start(&config, error, sizeof error);
 *     while (playing) {
 *         f2p_request request;
 *         if (f2p_engine_poll(engine, &request) > 0) draw_and_answer(engine, &request);
 *         frame();
 *     }
 *     f2p_engine_free(engine);
 *
 * A thread of the client owns the connection: it connects, sends heartbeats and answers, and receives requests. With
 * F2P_ENGINE_LIBZMQ defined, f2p_engine_zmq.h connects over libzmq, which has CURVE keys. docs/reference/protocol.md
 * specifies the messages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if defined(F2P_ENGINE_IMPLEMENTATION) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#if defined(F2P_ENGINE_IMPLEMENTATION) && defined(_WIN32) && !defined(_WIN32_WINNT)
#define _WIN32_WINNT 0x0601
#endif

#ifndef F2P_ENGINE_H
#define F2P_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define F2P_MAX_PASSES 8
#define F2P_MAX_SIDE 4096
#define F2P_MAX_CREDITS 64

typedef struct f2p_engine f2p_engine;

/* A kind of character, and the hash of its layout (`f2p check -g GAME/KIND --no-engine` prints it). */
typedef struct {
    const char *name, *layout;
} f2p_kind;

/* Description of the engine; all zero except the required fields is valid. Texts are copied. */
typedef struct {
    const char *endpoint;            /* "tcp://HOST:PORT"; required, and so are game, name, version, kinds */
    const char *game, *name, *version;
    const char *assets;              /* version of rig and art; may be NULL */
    const f2p_kind *kinds;
    int kind_count;                  /* 1 to 64 */
    const char *const *passes;       /* NULL: only "color", which must be among them */
    int pass_count;
    int max_size;                    /* longest side of a picture, pixels; 0: 1024 */
    int credits;                     /* requests that the host may have open, 1 to 64; 0: 4 */
    int scenes;                      /* 0: requests with scene settings are answered with an error */
    int exit_with_host;              /* 1: end when the host is gone, or there is none for a minute; then a game that
                                        does not end within five heartbeats is ended */
    int watchdog_port;               /* number in the environment variable F2P_WATCHDOG; 0: none */
    const char *keys;                /* folder with host.key and engine.key_secret; only with F2P_ENGINE_LIBZMQ */
} f2p_config;

typedef enum {
    F2P_WAITING,                     /* there is no connection; the client tries again and again */
    F2P_GREETING,                    /* connected, not admitted yet */
    F2P_SERVING,                     /* admitted: requests may arrive */
    F2P_ENDED                        /* refused, or the host is gone; f2p_engine_message has the reason */
} f2p_state;

/* Values of a message. Numbers are integers or floats; both have `real`. */
enum { F2P_NIL = 0, F2P_BOOL, F2P_UINT, F2P_INT, F2P_FLOAT, F2P_TEXT, F2P_ARRAY, F2P_MAP = 7 };

typedef struct {
    int type;
    uint64_t number;                 /* unsigned integer; bytes of a text; items of an array; pairs of a map */
    double real;                     /* value of a number or a boolean */
    const unsigned char *data, *end; /* bytes of a text (UTF-8, no zero at the end), or the items */
} f2p_value;

enum { F2P_RENDER = 16, F2P_APPLY = 18, F2P_MEASURE = 20 };

/* A request. Its values stay valid until it is answered. */
typedef struct {
    int type;                        /* F2P_RENDER, F2P_APPLY or F2P_MEASURE */
    uint64_t id;
    int kind;                        /* index into f2p_config.kinds */
    int width, height;               /* pixels; at most max_size; not in F2P_APPLY */
    int pass_count;
    const char *passes[F2P_MAX_PASSES];
    f2p_value values;                /* map: name -> finite number or text; not in F2P_MEASURE */
    f2p_value scene;                 /* map; empty for the standard portrait */
    f2p_value characters;            /* array of maps like `values`; only in F2P_MEASURE */
    int repeat;                      /* how often F2P_MEASURE draws all characters */
    int slot;                        /* private */
    uint64_t ticket;                 /* private */
} f2p_request;

enum { F2P_RGB, F2P_RGBA, F2P_BGRA }; /* byte orders of a color plane; the bridge carries RGB */

/* A picture of a pass, as the engine has it. The client copies it, removes padding and turns it. */
typedef struct {
    const char *pass;
    const void *data;
    size_t stride;                   /* bytes from one row to the next; 0: rows without padding */
    int format;                      /* of color: F2P_RGB, F2P_RGBA or F2P_BGRA */
    int bottom_up;                   /* 1: the first row is the lowest one, as in OpenGL */
    int rows, columns;               /* of vertices, attributes and triangles; other passes have fixed shapes */
} f2p_plane;

/* Start the client. Resolves the name of the host, then returns; NULL and a text in `error` if the
 * configuration is wrong. Only this function may wait (for a name server). */
f2p_engine *f2p_engine_start(const f2p_config *config, char *error, size_t error_size);

/* Next request: 1 and *request, 0 if there is none, -1 after the end. Never waits. */
int f2p_engine_poll(f2p_engine *engine, f2p_request *request);
/* The same, but waits up to `seconds` for a request or the end. */
int f2p_engine_wait(f2p_engine *engine, f2p_request *request, double seconds);

/* Answers, from any thread, exactly one for each request. They copy and return at once. They are sent in this order.
 * 1: queued; 0: dropped (the connection was lost, or the request has its answer already);
 * -1: the planes are wrong, and the host gets an error with the reason. */
int f2p_engine_picture(f2p_engine *engine, const f2p_request *request, const f2p_plane *planes, int count,
                       double seconds);
int f2p_engine_applied(f2p_engine *engine, const f2p_request *request);
int f2p_engine_measured(f2p_engine *engine, const f2p_request *request, double seconds, int pictures);
int f2p_engine_failed(f2p_engine *engine, const f2p_request *request, const char *message, const char *remedy);

f2p_state f2p_engine_state(f2p_engine *engine);
/* Last event as text for people: the host, why the connection was lost, or why the host refused. */
void f2p_engine_message(f2p_engine *engine, char *text, size_t size);

/* Send GOODBYE and end the client's thread, in less than a second from every state. Other threads may
 * still hold requests; their answers are dropped. */
void f2p_engine_stop(f2p_engine *engine);
/* Stop, and free all memory. No thread may use the engine or its requests afterwards. */
void f2p_engine_free(f2p_engine *engine);

/* Reading of values. All return 0 for a missing entry or another type. */
int f2p_get(const f2p_value *map, const char *key, f2p_value *value);
int f2p_get_number(const f2p_value *map, const char *key, double *number);
/* Index of the text at `key` in `choices`, or -1. */
int f2p_get_choice(const f2p_value *map, const char *key, const char *const *choices, int count);
/* Next item of an array, or next key or value of a map, in turn. `*items` starts as a copy of the map or
 * array and is used up. */
int f2p_next(f2p_value *items, f2p_value *item);
/* Seconds of a clock that only runs forward. */
double f2p_seconds(void);

#ifdef __cplusplus
}
#endif
#endif /* F2P_ENGINE_H */

#ifdef F2P_ENGINE_IMPLEMENTATION
#undef F2P_ENGINE_IMPLEMENTATION

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#if !defined(CLOCK_MONOTONIC)
#error "include f2p_engine.h before the system's headers in the file with F2P_ENGINE_IMPLEMENTATION"
#endif
#endif

enum { F2P__MAJOR = 1, F2P__MINOR = 0, F2P__MAX_KINDS = 64, F2P__MAX_SLOTS = 2 * F2P_MAX_CREDITS };
enum { F2P__MAX_FRAMES = 10, F2P__MAX_PREAMBLE = 64, F2P__MAX_HEADER = 262144, F2P__MAX_PLANE = 67108864 };
enum { F2P__MAX_DEPTH = 8, F2P__MAX_ITEMS = 8192, F2P__MAX_TEXT = 4096, F2P__MAX_ROWS = 1048576, F2P__MAX_NAME = 200 };
enum { F2P__MAX_CONTROLS = 64, F2P__MAX_SENT_TEXT = 1000, F2P__RECEIVE = 16384, F2P__SEND = 262144 };
enum { F2P__HELLO = 1, F2P__WELCOME, F2P__REFUSED, F2P__AGAIN, F2P__HEARTBEAT, F2P__GOODBYE };
enum { F2P__PICTURE = 17, F2P__APPLIED = 19, F2P__MEASURED = 21, F2P__FAILED = 22 };

/* Name and type of each pass; columns: -1 for the size of the picture, 0 if the plane tells; bytes of an item. */
enum { F2P__COLOR, F2P__LABELS, F2P__LANDMARKS, F2P__DEPTH, F2P__VERTICES, F2P__ATTRIBUTES, F2P__TRIANGLES };
enum { F2P__PASSES = 7 };
static const struct {
    const char *name, *dtype;
    int columns, bytes;
} f2p__passes[F2P__PASSES] = {
    {"color", "u1", -1, 3},   {"labels", "u1", -1, 1},    {"landmarks", "f4", 3, 4}, {"depth", "f4", -1, 4},
    {"vertices", "f4", 5, 4}, {"attributes", "f4", 0, 4}, {"triangles", "i4", 3, 4},
};

/* ---- System: sockets, clock, lock and thread ---------------------------------------------------- */

#ifdef _WIN32
typedef SOCKET f2p__socket;
typedef WSAPOLLFD f2p__pollfd;
typedef CRITICAL_SECTION f2p__mutex;
typedef HANDLE f2p__thread;
#define F2P__NO_SOCKET INVALID_SOCKET
#define F2P__MAIN DWORD WINAPI
#define F2P__WOULD_BLOCK (WSAGetLastError() == WSAEWOULDBLOCK)
#define f2p__poll WSAPoll
#define f2p__close_socket closesocket
#define f2p__open_lock(mutex) InitializeCriticalSection(mutex)
#define f2p__lock(e) EnterCriticalSection(&(e)->mutex)
#define f2p__unlock(e) LeaveCriticalSection(&(e)->mutex)
#define f2p__close_lock(mutex) DeleteCriticalSection(mutex)

double f2p_seconds(void) {
    LARGE_INTEGER count, rate;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&rate);
    return (double)count.QuadPart / (double)rate.QuadPart;
}

static void f2p__prepare_socket(f2p__socket s) {
    u_long on = 1;
    ioctlsocket(s, (long)FIONBIO, &on);
}

static int f2p__start_thread(f2p__thread *thread, DWORD(WINAPI *run)(void *), void *engine) {
    *thread = CreateThread(NULL, 0, run, engine, 0, NULL);
    return *thread != NULL;
}

static void f2p__join_thread(f2p__thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}
#else
typedef int f2p__socket;
typedef struct pollfd f2p__pollfd;
typedef pthread_mutex_t f2p__mutex;
typedef pthread_t f2p__thread;
#define F2P__NO_SOCKET (-1)
#define F2P__MAIN void *
#define F2P__WOULD_BLOCK (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS || errno == EINTR)
#define f2p__poll poll
#define f2p__close_socket close
#define f2p__open_lock(mutex) pthread_mutex_init(mutex, NULL)
#define f2p__lock(e) pthread_mutex_lock(&(e)->mutex)
#define f2p__unlock(e) pthread_mutex_unlock(&(e)->mutex)
#define f2p__close_lock(mutex) pthread_mutex_destroy(mutex)

double f2p_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Let no call on a socket wait, and no program that the game starts inherit it. */
static void f2p__prepare_socket(f2p__socket s) {
    fcntl(s, F_SETFL, fcntl(s, F_GETFL, 0) | O_NONBLOCK);
    fcntl(s, F_SETFD, FD_CLOEXEC);
}

/* The thread blocks all signals except those of its own faults: the game's handlers do not run on it, no call is
 * interrupted, and SIGPIPE does not end the game. */
static int f2p__start_thread(f2p__thread *thread, void *(*run)(void *), void *engine) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    sigset_t blocked, before;
    int i, failed;
    sigfillset(&blocked);
    for (i = 0; i < 4; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    failed = pthread_create(thread, NULL, run, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

static void f2p__join_thread(f2p__thread thread) { pthread_join(thread, NULL); }
#endif

/* A socket that is connected to a port of this machine; port 0: to itself, for f2p__signal. */
static f2p__socket f2p__loopback(int type, int port) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    f2p__socket s = socket(AF_INET, type, 0);
    int failed = s == F2P__NO_SOCKET;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!failed && !port)
        failed = bind(s, (struct sockaddr *)&address, size) || getsockname(s, (struct sockaddr *)&address, &size);
    if (!failed) failed = connect(s, (struct sockaddr *)&address, size);
    if (!failed) f2p__prepare_socket(s);
    if (!failed || s == F2P__NO_SOCKET) return s;
    f2p__close_socket(s);
    return F2P__NO_SOCKET;
}

/* End a wait of another thread. */
static void f2p__signal(f2p__socket s) {
    if (send(s, "", 1, 0) < 0) return; /* full: a byte is there already */
}

/* Wait for a signal, for events of another socket, or for at most 0.1 s; return the events. */
static int f2p__wait(f2p__socket signal, f2p__socket other, int events, double seconds) {
    f2p__pollfd fds[2];
    char drained[64];
    int count = other == F2P__NO_SOCKET ? 1 : 2, i;
    int ms = seconds > 0.1 ? 100 : seconds > 0 ? (int)(seconds * 1000) + 1 : 0;
    memset(fds, 0, sizeof fds);
    fds[0].fd = signal;
    fds[0].events = POLLIN;
    fds[1].fd = other;
    fds[1].events = (short)events;
    if (f2p__poll(fds, (unsigned)count, ms) < 0) fds[1].revents = 0;
    for (i = 0; i < 256 && recv(signal, drained, sizeof drained, 0) > 0; i++) continue;
    return count == 2 ? fds[1].revents : 0;
}

/* ---- Buffers and the msgpack writer ------------------------------------------------------------- */

typedef struct {
    unsigned char *data;
    size_t size, capacity;
    int failed;                      /* memory ran out; the content is not complete */
} f2p__buffer;

/* Append bytes that the caller writes; return their place, or NULL if memory ran out. */
static unsigned char *f2p__grow(f2p__buffer *b, size_t more) {
    size_t capacity = b->capacity ? b->capacity : 1024;
    while (capacity - b->size < more && capacity <= ((size_t)-1) / 4) capacity *= 2;
    if (!b->failed && capacity > b->capacity) {
        void *data = capacity - b->size < more ? NULL : realloc(b->data, capacity);
        b->failed = !data;
        if (data) {
            b->data = (unsigned char *)data;
            b->capacity = capacity;
        }
    }
    if (b->failed) return NULL;
    b->size += more;
    return b->data + b->size - more;
}

static void f2p__put(f2p__buffer *b, const void *data, size_t size) {
    unsigned char *at = f2p__grow(b, size);
    if (at && size) memcpy(at, data, size);
}

/* Append a byte and a big-endian number. */
static void f2p__put_big(f2p__buffer *b, int code, uint64_t value, int bytes) {
    unsigned char *at = f2p__grow(b, (size_t)bytes + 1);
    if (!at) return;
    *at++ = (unsigned char)code;
    while (bytes--) *at++ = (unsigned char)(value >> (8 * bytes));
}

static void f2p__put_uint(f2p__buffer *b, uint64_t v) {
    if (v < 128) f2p__put_big(b, (int)v, 0, 0);
    else if (v < 0x100) f2p__put_big(b, 0xcc, v, 1);
    else if (v < 0x10000) f2p__put_big(b, 0xcd, v, 2);
    else if (v <= 0xffffffffu) f2p__put_big(b, 0xce, v, 4);
    else f2p__put_big(b, 0xcf, v, 8);
}

/* Characters of a UTF-8 text, or -1 if it is not UTF-8 (overlong forms and surrogates are not). */
static long f2p__characters(const unsigned char *p, size_t size) {
    static const unsigned long least[4] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *end = p + size;
    long count = 0;
    for (; p < end; count++) {
        unsigned long code = *p++;
        int more = code < 0x80 ? 0 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3, i;
        if ((code >= 0x80 && code < 0xc0) || code > 0xf7 || end - p < more) return -1;
        if (more) code &= 0x3fu >> more;
        for (i = 0; i < more; i++) {
            if ((*p & 0xc0) != 0x80) return -1;
            code = code << 6 | (*p++ & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return -1;
    }
    return count;
}

/* Append a text of at most F2P__MAX_SENT_TEXT bytes. If it is not UTF-8, question marks replace its other bytes. */
static void f2p__put_text(f2p__buffer *b, const char *text) {
    const unsigned char *from = (const unsigned char *)(text ? text : "");
    size_t size = 0, i;
    unsigned char *at;
    int valid;
    while (size < F2P__MAX_SENT_TEXT && from[size]) size++;
    while (size && (from[size] & 0xc0) == 0x80) size--; /* cut before a character, not inside it */
    valid = f2p__characters(from, size) >= 0;
    if (size < 32) f2p__put_big(b, 0xa0 | (int)size, 0, 0);
    else if (size < 0x100) f2p__put_big(b, 0xd9, size, 1);
    else f2p__put_big(b, 0xda, size, 2);
    at = f2p__grow(b, size);
    for (i = 0; at && i < size; i++) at[i] = valid || from[i] < 0x80 ? from[i] : '?';
}

/* Append values, one for each letter: m map or a array (int: number of entries, which follow), s text, u unsigned
 * integer (uint64_t), f float. */
static void f2p__pack_list(f2p__buffer *b, const char *letters, va_list values) {
    for (; *letters; letters++) {
        if (*letters == 's') f2p__put_text(b, va_arg(values, const char *));
        else if (*letters == 'u') f2p__put_uint(b, va_arg(values, uint64_t));
        else if (*letters == 'f') {
            double real = va_arg(values, double);
            uint64_t bits;
            memcpy(&bits, &real, 8);
            f2p__put_big(b, 0xcb, bits, 8);
        } else {
            int map = *letters == 'm', count = va_arg(values, int);
            if (count < 16) f2p__put_big(b, (map ? 0x80 : 0x90) | count, 0, 0);
            else f2p__put_big(b, map ? 0xde : 0xdc, (uint64_t)count, 2);
        }
    }
}

static void f2p__pack(f2p__buffer *b, const char *letters, ...) {
    va_list values;
    va_start(values, letters);
    f2p__pack_list(b, letters, values);
    va_end(values);
}

/* Begin a frame; return its position. Frames are stored as ZMTP sends them: flags (1: another frame of the message
 * follows, 2: the size has 8 bytes), size, bytes. */
static size_t f2p__begin_frame(f2p__buffer *b) {
    f2p__put_big(b, 2, 0, 8);
    return b->size - 9;
}

static void f2p__end_frame(f2p__buffer *b, size_t at, int more) {
    uint64_t size = b->size - at - 9;
    int i;
    if (b->failed) return;
    b->data[at] = (unsigned char)(2 | more);
    for (i = 0; i < 8; i++) b->data[at + 8 - (size_t)i] = (unsigned char)(size >> (8 * i));
}

/* Begin a message: its preamble, and the frame of its header, 8 bytes later. Return the message's position. */
static size_t f2p__begin(f2p__buffer *b, int type) {
    const unsigned char preamble[8] = {1, 6, 'F', '2', 'P', F2P__MAJOR, F2P__MINOR, (unsigned char)type};
    size_t at = b->size;
    f2p__put(b, preamble, 8);
    f2p__begin_frame(b);
    return at;
}

/* End a message without planes; leave it out if memory ran out. */
static void f2p__end(f2p__buffer *b, size_t at) {
    f2p__end_frame(b, at + 8, 0);
    if (b->failed) b->size = at;
    b->failed = 0;
}

/* Write a message without planes; the values as in f2p__pack. */
static void f2p__write(f2p__buffer *b, int type, const char *letters, ...) {
    size_t at = f2p__begin(b, type);
    va_list values;
    va_start(values, letters);
    f2p__pack_list(b, letters, values);
    va_end(values);
    f2p__end(b, at);
}

static void f2p__write_failed(f2p__buffer *b, uint64_t id, const char *message, const char *remedy) {
    f2p__write(b, F2P__FAILED, "msusussss", 4, "id", id, "credits", (uint64_t)1, "message", message, "remedy", remedy);
}

/* ---- The msgpack reader ------------------------------------------------------------------------- */

static uint64_t f2p__big(const unsigned char *p, size_t bytes) {
    uint64_t value = 0;
    while (bytes--) value = value << 8 | *p++;
    return value;
}

/* Read one value without its items; return the position after it, or NULL: the end, or a type that is not allowed. */
static const unsigned char *f2p__read(const unsigned char *p, const unsigned char *end, f2p_value *v) {
    /* Types and bytes of the codes from 0xc0 to 0xdf; '-': binary, extension or unused. */
    static const char types[] = "0-11------4422223333-----5556677", sizes[] = "00000000004812481248000001242424";
    unsigned code;
    int bytes = 1;
    if (p >= end) return NULL;
    memset(v, 0, sizeof *v);
    code = *p++;
    v->number = code;
    if (code < 0x80) v->type = F2P_UINT;
    else if (code >= 0xe0) v->type = F2P_INT;
    else if (code < 0xc0) {
        v->type = code < 0x90 ? F2P_MAP : code < 0xa0 ? F2P_ARRAY : F2P_TEXT;
        v->number &= v->type == F2P_TEXT ? 31 : 15;
    } else {
        v->type = types[code - 0xc0] - '0';
        bytes = sizes[code - 0xc0] - '0';
        if (v->type < 0 || end - p < bytes) return NULL;
        v->number = f2p__big(p, (size_t)bytes);
        p += bytes;
    }
    if (v->type == F2P_INT) {
        uint64_t sign = (uint64_t)1 << (8 * bytes - 1);
        v->number = (v->number ^ sign) - sign;
        if (v->number >> 63) v->real = -(double)(0 - v->number);
        else v->type = F2P_UINT;
    }
    if (v->type == F2P_UINT) v->real = (double)v->number;
    if (v->type == F2P_BOOL) v->real = code & 1;
    if (v->type == F2P_FLOAT && bytes == 8) memcpy(&v->real, &v->number, 8);
    if (v->type == F2P_FLOAT && bytes == 4) {
        uint32_t bits = (uint32_t)v->number;
        float real;
        memcpy(&real, &bits, 4);
        v->real = (double)real;
    }
    v->data = p;
    v->end = end;
    if (v->type == F2P_TEXT) {
        if (v->number > (uint64_t)(end - p)) return NULL;
        p += (size_t)v->number;
        v->end = p;
    }
    return p;
}

/* Read one value, and check it and its items against the limits; return the position after them, or NULL. */
static const unsigned char *f2p__check(const unsigned char *p, const unsigned char *end, int depth, f2p_value *v) {
    f2p_value item;
    uint64_t left;
    p = f2p__read(p, end, v);
    if (!p) return NULL;
    if (v->type == F2P_TEXT) {
        long count = f2p__characters(v->data, (size_t)v->number);
        return count < 0 || count > F2P__MAX_TEXT ? NULL : p;
    }
    if (v->type != F2P_ARRAY && v->type != F2P_MAP) return p;
    if (depth == F2P__MAX_DEPTH || v->number > F2P__MAX_ITEMS) return NULL;
    for (left = v->number; p && left; left--) {
        if (v->type == F2P_MAP) p = f2p__check(p, end, depth + 1, &item);
        if (p && v->type == F2P_MAP && item.type != F2P_TEXT) p = NULL; /* keys are texts */
        if (p) p = f2p__check(p, end, depth + 1, &item);
    }
    return p;
}

/* Header of a message: 1 and its map if the bytes are exactly one valid map. */
static int f2p__read_header(const unsigned char *data, size_t size, f2p_value *map) {
    return f2p__check(data, data + size, 0, map) == data + size && map->type == F2P_MAP;
}

int f2p_next(f2p_value *items, f2p_value *item) {
    const unsigned char *p;
    if (items->type == F2P_MAP) {
        items->type = F2P_ARRAY;
        items->number *= 2;
    }
    if (items->type != F2P_ARRAY || !items->number) return 0;
    p = f2p__check(items->data, items->end, 0, item);
    if (!p) return 0;
    items->data = p;
    items->number--;
    return 1;
}

static int f2p__equal(const f2p_value *value, const char *text) {
    size_t size = strlen(text);
    return value->type == F2P_TEXT && value->number == size && !memcmp(value->data, text, size);
}

int f2p_get(const f2p_value *map, const char *key, f2p_value *value) {
    f2p_value items = *map, name, item;
    int found = 0;
    while (map->type == F2P_MAP && f2p_next(&items, &name) && f2p_next(&items, &item)) {
        if (!f2p__equal(&name, key)) continue;
        *value = item;               /* of equal keys the last one counts */
        found = 1;
    }
    return found;
}

static int f2p__get(const f2p_value *map, const char *key, int type, f2p_value *value) {
    return f2p_get(map, key, value) && value->type == type;
}

static int f2p__is_number(const f2p_value *value) {
    return value->type == F2P_UINT || value->type == F2P_INT || (value->type == F2P_FLOAT && isfinite(value->real));
}

int f2p_get_number(const f2p_value *map, const char *key, double *number) {
    f2p_value value;
    if (!f2p_get(map, key, &value) || !f2p__is_number(&value)) return 0;
    *number = value.real;
    return 1;
}

int f2p_get_choice(const f2p_value *map, const char *key, const char *const *choices, int count) {
    f2p_value value;
    int i;
    if (!f2p_get(map, key, &value)) return -1;
    for (i = 0; i < count; i++)
        if (f2p__equal(&value, choices[i])) return i;
    return -1;
}

/* ---- The engine --------------------------------------------------------------------------------- */

/* A request: QUEUED until the game takes it, TAKEN until the game answers it. */
enum { F2P__FREE, F2P__QUEUED, F2P__TAKEN };

typedef struct {
    int state;
    uint64_t epoch;                  /* number of the WELCOME before it */
    double taken;                    /* time when the game took it */
    f2p__buffer header;
    f2p_request request;
} f2p__slot;

/* Phases of the connection. libzmq needs only the first and the last one. */
enum { F2P__CLOSED, F2P__CONNECTING, F2P__WAIT_GREETING, F2P__WAIT_READY, F2P__OPEN };

struct f2p_engine {
    f2p__thread thread;
    f2p__mutex mutex;
    int threaded;                    /* the thread runs and nobody waits for its end yet */
    f2p__socket wake, arrived;       /* signals to the client's thread, and to f2p_engine_wait */
    f2p__socket watchdog, socket;
    /* Configuration. */
    char endpoint[300];
    f2p__buffer hello;               /* the message */
    f2p_value kinds;                 /* map in `hello` */
    int passes[F2P__PASSES], slot_count, max_size, scenes, exit_with_host;
#ifdef F2P_ENGINE_LIBZMQ
    void *context, *dealer, *monitor;
    int failures;                    /* failed handshakes in a row */
#else
    struct addrinfo *addresses, *address; /* of the host; the next one to try */
#endif
    /* Protected by the mutex. */
    int state, closing;
    uint64_t epoch, ticket;
    char message[2048];
    f2p__slot slots[F2P__MAX_SLOTS];
    f2p__buffer out;                 /* messages to send, and ZMTP commands */
    size_t first, sent, answer;      /* the first unsent message; its sent bytes; the answer that is being written */
    int open, controls;              /* unanswered requests and unsent answers; other unsent messages */
    /* Only for the client's thread. */
    int phase, welcomed;
    double heartbeat, silence, backoff;
    double next_send, last_hello, last_message, absent_since, deadline, retry_at, ended_at;
    f2p__buffer in;                  /* received bytes */
    uint64_t skip;                   /* bytes to ignore */
    int frame;                       /* number of the next frame in its message */
    unsigned char preamble[F2P__MAX_PREAMBLE];
    size_t preamble_size;
};

/* The functions from here to f2p__run are called with the lock held, or before the thread starts. */

/* Set the text of f2p_engine_message. Parts of it come from the host: control characters become blanks. */
static void f2p__say(f2p_engine *e, const char *format, ...) {
    va_list arguments;
    unsigned char *c;
    va_start(arguments, format);
    vsnprintf(e->message, sizeof e->message, format, arguments);
    va_end(arguments);
    for (c = (unsigned char *)e->message; *c; c++)
        if (*c < 32 || *c == 127) *c = ' ';
        else if (*c == 0xc2 && c[1] && c[1] < 0xa0) c[0] = c[1] = ' ';
}

static void f2p__set_state(f2p_engine *e, int state) {
    if (e->state == F2P_ENDED) return;
    if (state == F2P_ENDED) e->ended_at = f2p_seconds();
    e->state = state;
    f2p__signal(e->arrived);
}

/* Bytes of the message or the ZMTP command at `p`. */
static size_t f2p__message_size(const unsigned char *p) {
    size_t at = 0;
    int flags = 1;
    while (flags & 1) {
        flags = p[at];
        at += flags & 2 ? 9 + (size_t)f2p__big(p + at + 1, 8) : 2 + (size_t)p[at + 1];
    }
    return at;
}

/* 1 for an answer, 0 for another message and for a ZMTP command. */
static int f2p__is_answer(const unsigned char *p) { return !(p[0] & 4) && p[7] >= F2P_RENDER; }

/* Drop all requests and their answers, but send the rest of a message that was begun. */
static void f2p__drop(f2p_engine *e) {
    const unsigned char *begun = e->sent ? e->out.data + e->first : NULL;
    int i;
    e->epoch++;
    e->out.size = e->first + (begun ? f2p__message_size(begun) : 0);
    e->open = begun && f2p__is_answer(begun);
    e->controls = begun && !e->open;
    for (i = 0; i < e->slot_count; i++)
        if (e->slots[i].state == F2P__QUEUED) e->slots[i].state = F2P__FREE;
}

static void f2p__disconnect(f2p_engine *e);

/* The connection is gone, or there was none. */
static void f2p__lost(f2p_engine *e, const char *reason, const char *detail) {
    if (e->state != F2P_ENDED) f2p__say(e, "no connection to %s: %s%s", e->endpoint, reason, detail);
    f2p__disconnect(e);
    e->sent = 0;
    f2p__drop(e);
    e->in.size = 0;
    e->in.failed = 0;
    e->skip = 0;
    e->frame = 0;
    e->phase = F2P__CLOSED;
    e->retry_at = f2p_seconds() + e->backoff;
    e->backoff = e->backoff < 0.5 ? 2 * e->backoff : 1;
    f2p__set_state(e, F2P_WAITING);
}

static void f2p__opened(f2p_engine *e) {
    e->phase = F2P__OPEN;
    e->last_message = f2p_seconds();
    e->next_send = e->last_hello + 0.1;
    f2p__set_state(e, F2P_GREETING);
}

/* 1 if another message that is no answer may be queued: their number is bounded while the host does not read. */
static int f2p__room(f2p_engine *e) { return e->controls < F2P__MAX_CONTROLS && ++e->controls; }

static void f2p__send_goodbye(f2p_engine *e, const char *reason) {
    if (f2p__room(e)) f2p__write(&e->out, F2P__GOODBYE, "mss", 1, "reason", reason);
}

static void f2p__send_heartbeat(f2p_engine *e, double now) {
    double busy = 0;
    int i;
    for (i = 0; i < e->slot_count; i++)
        if (e->slots[i].state == F2P__TAKEN && e->slots[i].epoch == e->epoch && now - e->slots[i].taken > busy)
            busy = now - e->slots[i].taken;
    if (f2p__room(e)) f2p__write(&e->out, F2P__HEARTBEAT, "msf", 1, "busy", busy);
}

/* ---- Messages of the host ----------------------------------------------------------------------- */

/* NULL, or the defect of a character: every value is a finite number or a text. */
static const char *f2p__check_values(const f2p_value *map) {
    f2p_value items = *map, key, value;
    if (map->type != F2P_MAP) return "a character is not a map";
    while (f2p_next(&items, &key) && f2p_next(&items, &value))
        if (value.type != F2P_TEXT && !f2p__is_number(&value))
            return "a value of the character is neither a finite number nor a text";
    return NULL;
}

static const char *f2p__read_kind(f2p_engine *e, const f2p_value *header, f2p_request *r) {
    f2p_value kind, kinds = e->kinds, name, layout;
    if (!f2p__get(header, "kind", F2P_TEXT, &kind)) return "the request has no kind";
    for (; f2p_next(&kinds, &name) && f2p_next(&kinds, &layout); r->kind++)
        if (name.number == kind.number && !memcmp(name.data, kind.data, (size_t)name.number)) return NULL;
    return "this kind of character is not drawn here";
}

static const char *f2p__read_drawing(f2p_engine *e, const f2p_value *header, f2p_request *r) {
    f2p_value size, passes, item;
    int *const sides[2] = {&r->width, &r->height};
    int i, pass;
    if (!f2p__get(header, "size", F2P_ARRAY, &size) || size.number != 2) return "the size is not width and height";
    for (i = 0; f2p_next(&size, &item); i++) {
        if (item.type != F2P_UINT || item.number < 1 || item.number > (unsigned)e->max_size)
            return "width and height are not integers from 1 to the engine's max_size";
        *sides[i] = (int)item.number;
    }
    if (!f2p__get(header, "passes", F2P_ARRAY, &passes) || !passes.number) return "there are no passes";
    while (f2p_next(&passes, &item)) {
        for (pass = 0; pass < F2P__PASSES && !f2p__equal(&item, f2p__passes[pass].name); pass++) continue;
        if (pass == F2P__PASSES || !e->passes[pass]) return "a requested pass is not drawn here";
        for (i = 0; i < r->pass_count; i++)
            if (f2p__equal(&item, r->passes[i])) return "a pass is requested twice";
        r->passes[r->pass_count++] = f2p__passes[pass].name;
    }
    if (!f2p_get(header, "scene", &item) || item.type == F2P_NIL) return NULL;
    if (item.type != F2P_MAP) return "the scene is not a map";
    if (item.number && !e->scenes) return "this engine draws only the standard portrait, without scene settings";
    r->scene = item;
    return NULL;
}

/* Read a request; return NULL, or the reason for FAILED. */
static const char *f2p__read_request(f2p_engine *e, const f2p_value *header, f2p_request *r) {
    f2p_value items, item;
    const char *problem = f2p__read_kind(e, header, r);
    if (!problem && r->type != F2P_APPLY) problem = f2p__read_drawing(e, header, r);
    if (problem) return problem;
    if (r->type != F2P_MEASURE)
        return f2p_get(header, "values", &r->values) ? f2p__check_values(&r->values) : "the request has no values";
    if (!f2p__get(header, "characters", F2P_ARRAY, &r->characters) || !r->characters.number)
        return "MEASURE needs at least one character";
    if (!f2p__get(header, "repeat", F2P_UINT, &item) || item.number < 1 || item.number > 100000)
        return "MEASURE needs a repeat from 1 to 100000";
    r->repeat = (int)item.number;
    items = r->characters;
    while (!problem && f2p_next(&items, &item)) problem = f2p__check_values(&item);
    return problem;
}

static void f2p__accept(f2p_engine *e, int type, const f2p_value *header, const unsigned char *data, size_t size) {
    f2p_value id, copy;
    f2p__slot *slot = e->slots, *end = e->slots + e->slot_count;
    const char *problem = NULL;
    if (e->state != F2P_SERVING || !f2p__get(header, "id", F2P_UINT, &id)) return; /* no answer can be given */
    if (e->open == e->slot_count) return; /* far beyond the credits: the host has a defect */
    e->open++;
    while (slot < end && slot->state != F2P__FREE) slot++;
    if (slot == end) problem = "too many requests wait for an answer";
    else {
        slot->header.size = 0;
        slot->header.failed = 0;
        f2p__put(&slot->header, data, size);
        if (slot->header.failed) problem = "the engine ran out of memory";
    }
    if (!problem) {
        memset(&slot->request, 0, sizeof slot->request);
        slot->epoch = e->epoch;
        slot->request.type = type;
        slot->request.id = id.number;
        slot->request.slot = (int)(slot - e->slots);
        slot->request.ticket = ++e->ticket;
        slot->request.scene.type = slot->request.values.type = F2P_MAP;
        f2p__read_header(slot->header.data, size, &copy);
        problem = f2p__read_request(e, &copy, &slot->request);
    }
    if (problem) f2p__write_failed(&e->out, id.number, problem, "compare the request with docs/reference/protocol.md");
    else {
        slot->state = F2P__QUEUED;
        f2p__signal(e->arrived);
    }
}

/* The text at a key for the format "%.*s"; 0, and an empty text, if there is none. */
static int f2p__get_text(const f2p_value *map, const char *key, f2p_value *text) {
    if (f2p__get(map, key, F2P_TEXT, text)) return 1;
    memset(text, 0, sizeof *text);
    text->data = (const unsigned char *)"";
    return 0;
}
#define F2P__TEXT(value) (int)(value).number, (const char *)(value).data

static void f2p__welcome(f2p_engine *e, const f2p_value *header) {
    f2p_value host, warnings, first;
    double heartbeat, silence;
    if (!f2p__get_text(header, "host", &host) || !f2p_get_number(header, "heartbeat", &heartbeat) ||
        !f2p_get_number(header, "silence", &silence))
        return;
    f2p__drop(e);
    e->heartbeat = heartbeat < 0.02 ? 0.02 : heartbeat > 60 ? 60 : heartbeat;
    e->silence = silence < 0.1 ? 0.1 : silence > 600 ? 600 : silence;
    e->welcomed = 1;
    e->backoff = 0.1;
    e->next_send = 0;
    if (f2p__get(header, "warnings", F2P_ARRAY, &warnings) && f2p_next(&warnings, &first) && first.type == F2P_TEXT)
        f2p__say(e, "connected to %.*s; warning: %.*s", F2P__TEXT(host), F2P__TEXT(first));
    else f2p__say(e, "connected to %.*s", F2P__TEXT(host));
    f2p__set_state(e, F2P_SERVING);
}

static void f2p__handle_message(f2p_engine *e, const unsigned char *preamble, size_t preamble_size,
                                const unsigned char *data, size_t size) {
    f2p_value header, code, message, remedy;
    double now = f2p_seconds();
    int type, valid;
    if (preamble_size != 6 || memcmp(preamble, "F2P", 3)) return;
    type = preamble[5];
    valid = f2p__read_header(data, size, &header);
    if (preamble[3] != F2P__MAJOR) {
        if (!valid || type != F2P__REFUSED) memset(&header, 0, sizeof header);
        f2p__get_text(&header, "message", &message);
        f2p__say(e, "the host uses bridge protocol %d.%d, this engine %d.%d; install matching releases%s%.*s",
                 preamble[3], preamble[4], F2P__MAJOR, F2P__MINOR, message.number ? ": " : "", F2P__TEXT(message));
        f2p__set_state(e, F2P_ENDED);
        return;
    }
    if (!valid) return;              /* the message is of no use, but the connection continues */
    e->last_message = now;
    if (type == F2P_RENDER || type == F2P_APPLY || type == F2P_MEASURE) f2p__accept(e, type, &header, data, size);
    else if (type == F2P__WELCOME) f2p__welcome(e, &header);
    else if (type == F2P__REFUSED) {
        if (!f2p__get_text(&header, "code", &code) || !f2p__get_text(&header, "message", &message) ||
            !f2p__get_text(&header, "remedy", &remedy))
            return;
        f2p__say(e, "the host refused this engine (%.*s): %.*s%s%.*s", F2P__TEXT(code), F2P__TEXT(message),
                 remedy.number ? "; next: " : "", F2P__TEXT(remedy));
        f2p__set_state(e, F2P_ENDED);
    } else if (type == F2P__AGAIN) {
        f2p__drop(e);
        e->next_send = e->last_hello + 0.1;
        f2p__set_state(e, F2P_GREETING);
    } else if (type == F2P__GOODBYE) {
        f2p__drop(e);
        e->next_send = now + (e->heartbeat > 0.1 ? e->heartbeat : 0.1);
        f2p__get_text(&header, "reason", &message);
        f2p__say(e, "the host said goodbye: %.*s", F2P__TEXT(message));
        f2p__send_goodbye(e, "answer to the host's");
        f2p__set_state(e, e->exit_with_host ? F2P_ENDED : F2P_GREETING);
    }
}

/* Handle a frame: the preamble, the header, or a plane, which is ignored. */
static void f2p__frame(f2p_engine *e, const unsigned char *data, size_t size, int more) {
    if (e->frame == 0) {
        e->preamble_size = size < sizeof e->preamble ? size : sizeof e->preamble;
        memcpy(e->preamble, data, e->preamble_size);
    } else if (e->frame == 1) f2p__handle_message(e, e->preamble, e->preamble_size, data, size);
    e->frame = more ? e->frame + 1 : 0;
}

/* ---- The connection: ZMTP 3.0 with the NULL mechanism; f2p_engine_zmq.h defines the same functions */

#ifdef F2P_ENGINE_LIBZMQ
#include "f2p_engine_zmq.h"
#else

static void f2p__disconnect(f2p_engine *e) {
    if (e->socket != F2P__NO_SOCKET) f2p__close_socket(e->socket);
    e->socket = F2P__NO_SOCKET;
}

static void f2p__close_connection(f2p_engine *e) {
    f2p__disconnect(e);
    if (e->addresses) freeaddrinfo(e->addresses);
    e->addresses = NULL;
}

/* Resolve the endpoint; return NULL or the problem. */
static const char *f2p__open_connection(f2p_engine *e, const f2p_config *config) {
    struct addrinfo hints;
    char host[256], port[6];
    if (config->keys) return "keys need libzmq: build this client with F2P_ENGINE_LIBZMQ";
    if (sscanf(e->endpoint, "tcp://[%255[^]]]:%5[0-9]", host, port) != 2 &&
        sscanf(e->endpoint, "tcp://%255[^:]:%5[0-9]", host, port) != 2)
        return "the endpoint is not tcp://HOST:PORT";
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    return getaddrinfo(host, port, &hints, &e->addresses) ? "the host of the endpoint is unknown" : NULL;
}

static void f2p__connect(f2p_engine *e) {
    const struct addrinfo *a = e->address ? e->address : e->addresses;
    int on = 1;
    e->address = a->ai_next;
    e->socket = socket(a->ai_family, SOCK_STREAM, 0);
    e->phase = F2P__CONNECTING;
    e->deadline = f2p_seconds() + 5;
    if (e->socket != F2P__NO_SOCKET) {
        f2p__prepare_socket(e->socket);
        setsockopt(e->socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
        if (!connect(e->socket, a->ai_addr, (socklen_t)a->ai_addrlen) || F2P__WOULD_BLOCK) return;
    }
    f2p__lost(e, "is the host running?", "");
}

/* Send a part of a message; return its bytes, 0 if the socket is full, -1 if it is broken. */
static long f2p__push(f2p_engine *e, const unsigned char *data, size_t size) {
    long sent = (long)send(e->socket, (const char *)data, size < F2P__SEND ? size : (size_t)F2P__SEND, 0);
    return sent > 0 ? sent : F2P__WOULD_BLOCK ? 0 : -1;
}

/* Handle a ZMTP command; return NULL, or the reason to disconnect. */
static const char *f2p__command(f2p_engine *e, const unsigned char *p, size_t size) {
    unsigned char pong[2 + 5 + 16] = {4, 5, 4, 'P', 'O', 'N', 'G'};
    size_t at, context;
    if (size >= 6 && !memcmp(p, "\5ERROR", 6)) return "an error in the handshake";
    if (size >= 6 && !memcmp(p, "\5READY", 6) && e->phase == F2P__WAIT_READY) {
        for (at = 6; at + 22 <= size && memcmp(p + at, "\13Socket-Type\0\0\0\6ROUTER", 22); at++) continue;
        if (at + 22 > size) return "another type of socket than ROUTER";
        f2p__opened(e);
    } else if (size >= 7 && !memcmp(p, "\4PING", 5) && f2p__room(e)) {
        context = size - 7 < 16 ? size - 7 : 16; /* after a time to live of 2 bytes */
        pong[1] = (unsigned char)(5 + context);
        memcpy(pong + 7, p + 7, context);
        f2p__put(&e->out, pong, 7 + context);
    }
    return NULL;
}

static const char *f2p__greeting(f2p_engine *e, const unsigned char *p) {
    static const unsigned char ready[] = "\4\51\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0";
    if (p[0] != 0xff || !(p[9] & 1)) return "bytes that are not ZMTP: is another program listening there?";
    if (p[10] < 3) return "ZMTP before 3.0: the host's ZeroMQ is too old";
    if (memcmp(p + 12, "NULL\0", 5)) return "a request for keys: define F2P_ENGINE_LIBZMQ and set config.keys";
    f2p__put(&e->out, ready, sizeof ready);
    e->controls++;
    e->phase = F2P__WAIT_READY;
    return NULL;
}

/* Handle the greeting, the command or the frame at the start of the received bytes; return its size. 0: it is not
 * complete, or there is a problem, and thus a reason to disconnect. */
static size_t f2p__take(f2p_engine *e, const unsigned char *p, size_t size, const char **problem) {
    size_t head;
    uint64_t length, limit;
    int command;
    if (e->skip) {
        head = e->skip < size ? (size_t)e->skip : size;
        e->skip -= head;
        return head;
    }
    if (e->phase == F2P__WAIT_GREETING) {
        if (size < 64 && (!size || p[0] == 0xff)) return 0;
        *problem = f2p__greeting(e, p);
        return 64;
    }
    if (size < 2) return 0;
    head = p[0] & 2 ? 9 : 2;
    if (size < head) return 0;
    command = p[0] & 4;
    length = f2p__big(p + 1, head - 1);
    limit = command ? 1024 : e->frame == 0 ? F2P__MAX_PREAMBLE : e->frame == 1 ? F2P__MAX_HEADER : F2P__MAX_PLANE;
    if (p[0] & ~7 || (command ? p[0] & 1 : e->phase != F2P__OPEN)) *problem = "bytes that are not ZMTP";
    else if (!command && e->frame == F2P__MAX_FRAMES) *problem = "a message with too many frames";
    else if (length > limit) *problem = "a frame that is too large";
    if (*problem) return 0;
    if (!command && e->frame > 1) {  /* a plane is not stored */
        e->skip = length;
        f2p__frame(e, p, 0, p[0] & 1);
        return head;
    }
    if (size - head < length) return 0;
    if (command) *problem = f2p__command(e, p + head, (size_t)length);
    else f2p__frame(e, p + head, (size_t)length, p[0] & 1);
    return head + (size_t)length;
}

/* Handle the received bytes that are complete; return NULL, or the reason to disconnect. */
static const char *f2p__parse(f2p_engine *e) {
    const char *problem = NULL;
    size_t at = 0, taken = 1;
    while (taken && e->state != F2P_ENDED) {
        taken = f2p__take(e, e->in.data + at, e->in.size - at, &problem);
        if (problem) return problem;
        at += taken;
    }
    e->in.size -= at;
    if (at) memmove(e->in.data, e->in.data + at, e->in.size);
    return NULL;
}

static void f2p__connected(f2p_engine *e) {
    static const unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    int error = 0;
    socklen_t size = sizeof error;
    e->phase = F2P__WAIT_GREETING;
    getsockopt(e->socket, SOL_SOCKET, SO_ERROR, (char *)&error, &size);
    if (error || f2p__push(e, greeting, 64) != 64) f2p__lost(e, "is the host running?", "");
}

/* Receive bytes, at most 16 times before answers are sent again, and handle them. */
static void f2p__pull(f2p_engine *e) {
    const char *problem = NULL;
    int rounds;
    if (e->phase == F2P__CONNECTING) f2p__connected(e);
    for (rounds = 0; rounds < 16 && e->phase > F2P__CONNECTING && e->state != F2P_ENDED; rounds++) {
        unsigned char *tail = f2p__grow(&e->in, F2P__RECEIVE);
        long received = -1;
        if (tail) {
            e->in.size -= F2P__RECEIVE;
            received = (long)recv(e->socket, (char *)tail, F2P__RECEIVE, 0);
            if (received < 0 && F2P__WOULD_BLOCK) return;
        }
        if (received > 0) {
            e->in.size += (size_t)received;
            problem = f2p__parse(e);
            if (problem) f2p__lost(e, "it sent ", problem);
        } else if (e->phase == F2P__OPEN) f2p__lost(e, "the host closed it", "");
        else
            f2p__lost(e, "the host closed it in the handshake: does it require keys? ",
                      "Then build this client with F2P_ENGINE_LIBZMQ and give the keys");
    }
}

/* Events of the socket to wait for. */
static int f2p__interest(f2p_engine *e, int output, double *seconds) {
    (void)seconds;
    if (e->phase == F2P__CONNECTING) return POLLOUT;
    return output ? POLLIN | POLLOUT : POLLIN;
}

#endif

/* ---- The client's thread ------------------------------------------------------------------------ */

/* Send messages until the connection is full; return 1 if something is left. */
static int f2p__flush(f2p_engine *e) {
    while (e->phase > F2P__CONNECTING && e->first < e->out.size) {
        const unsigned char *first = e->out.data + e->first;
        size_t size = f2p__message_size(first);
        long sent = f2p__push(e, first + e->sent, size - e->sent);
        if (sent < 0) f2p__lost(e, "the host closed it", "");
        if (sent <= 0) return sent == 0;
        e->sent += (size_t)sent;
        if (e->sent < size) continue;
        if (f2p__is_answer(first)) e->open--;
        else e->controls--;
        e->first += size;
        e->sent = 0;
        if (e->first >= e->out.size - e->first) {
            e->out.size -= e->first;
            memmove(e->out.data, e->out.data + e->first, e->out.size);
            e->first = 0;
        }
    }
    return 0;
}

/* 1 if the command that started this engine has ended. */
static int f2p__orphaned(const f2p_engine *e) {
    char byte;
    long received;
    if (e->watchdog == F2P__NO_SOCKET) return 0;
    received = (long)recv(e->watchdog, &byte, 1, 0);
    return !received || (received < 0 && !F2P__WOULD_BLOCK);
}

/* Send the messages that are due, and compare times with their limits. */
static void f2p__tick(f2p_engine *e, double now) {
    double absent, limit = !e->welcomed ? 60 : e->phase == F2P__OPEN ? e->silence : 3 * e->heartbeat;
    if (e->state == F2P_SERVING) e->absent_since = now;
    absent = now - e->absent_since;
    if (f2p__orphaned(e)) {
        f2p__say(e, "the command that started this engine has ended");
        e->exit_with_host = 1;
        f2p__set_state(e, F2P_ENDED);
    } else if (e->exit_with_host && absent > limit) /* the message says why there is no connection */
        f2p__set_state(e, F2P_ENDED);
    if (e->state == F2P_ENDED) return;
    if (e->phase == F2P__OPEN && now - e->last_message > e->silence)
        f2p__lost(e, "no message arrived in the host's time of silence", "");
    else if (e->phase != F2P__OPEN && e->phase != F2P__CLOSED && now > e->deadline)
        f2p__lost(e, "no answer: is another program listening there?", "");
    if (e->phase == F2P__CLOSED && now >= e->retry_at) f2p__connect(e);
    if (e->phase != F2P__OPEN || now < e->next_send) return;
    e->next_send = now + e->heartbeat;
    if (e->state == F2P_SERVING) f2p__send_heartbeat(e, now);
    else {
        e->last_hello = now;
        if (e->heartbeat < 0.1) e->next_send = now + 0.1;
        if (f2p__room(e)) f2p__put(&e->out, e->hello.data, e->hello.size);
    }
}

/* Wait for the connection or a signal, without the lock; return the events of the connection. */
static int f2p__wait_io(f2p_engine *e, int output, double seconds) {
    int events = f2p__interest(e, output, &seconds);
    f2p__unlock(e);
    events = f2p__wait(e->wake, e->socket, events, seconds);
    f2p__lock(e);
    return events;
}

/* Say GOODBYE and send the rest of a message that was begun, at most for a third of a second. */
static void f2p__farewell(f2p_engine *e) {
    double until = f2p_seconds() + 0.3;
    int stopped = e->state != F2P_ENDED;
    if (stopped) {
        f2p__drop(e);
        if (e->state == F2P_SERVING) f2p__send_goodbye(e, "the engine closes");
        f2p__say(e, "the engine was stopped");
    }
    f2p__set_state(e, F2P_ENDED);
    while (e->phase == F2P__OPEN && f2p__flush(e) && f2p_seconds() < until) f2p__wait_io(e, 1, 0.02);
    f2p__lost(e, "", "");
    f2p__unlock(e);
    f2p__close_connection(e);
    f2p__lock(e);
}

static F2P__MAIN f2p__run(void *engine) {
    f2p_engine *e = (f2p_engine *)engine;
    f2p__lock(e);
    while (!e->closing && e->state != F2P_ENDED) {
        int output, events;
        f2p__tick(e, f2p_seconds());
        output = f2p__flush(e);
        events = f2p__wait_io(e, output, e->phase == F2P__OPEN ? e->next_send - f2p_seconds() : 0.05);
        if (events || e->phase == F2P__CLOSED || e->phase == F2P__OPEN) f2p__pull(e);
    }
    f2p__farewell(e);
    while (!e->closing) {
        /* The game hangs, and no other process is left to end it. */
        if (e->exit_with_host && f2p_seconds() - e->ended_at > 5 * (e->heartbeat > 1 ? e->heartbeat : 1)) _Exit(3);
        f2p__wait_io(e, 0, 0.1);
    }
    f2p__unlock(e);
    return 0;
}

/* ---- Start and end ------------------------------------------------------------------------------ */

/* Characters of a name; more than any limit if it is missing or not UTF-8. */
static long f2p__long(const char *text) {
    long count = text ? f2p__characters((const unsigned char *)text, strlen(text)) : -1;
    return count < 0 ? 100000 : count;
}

/* Read the configuration, and write HELLO; return NULL or the problem. */
static const char *f2p__configure(f2p_engine *e, const f2p_config *c) {
    static const char *const only_color[] = {"color"};
    const char *const *passes = c->passes ? c->passes : only_color;
    int count = c->passes ? c->pass_count : 1, credits = c->credits ? c->credits : 4, i, pass;
    f2p__buffer *b = &e->hello;
    f2p_value header;
    size_t at = f2p__begin(b, F2P__HELLO);
    if (f2p__long(c->game) > F2P__MAX_NAME || f2p__long(c->name) > F2P__MAX_NAME ||
        f2p__long(c->version) > F2P__MAX_NAME || (c->assets && f2p__long(c->assets) > F2P__MAX_NAME))
        return "game, name, version and assets must be UTF-8 of at most 200 characters";
    if (!c->kinds || c->kind_count < 1 || c->kind_count > F2P__MAX_KINDS || credits < 1 || credits > F2P_MAX_CREDITS ||
        c->max_size < 0 || c->max_size > F2P_MAX_SIDE)
        return "kind_count and credits must be 1 to 64, max_size at most 4096";
    if (!c->endpoint || strlen(c->endpoint) >= sizeof e->endpoint) return "the endpoint is not tcp://HOST:PORT";
    strcpy(e->endpoint, c->endpoint);
    e->max_size = c->max_size ? c->max_size : 1024;
    e->slot_count = 2 * credits;     /* a game may still hold requests of the connection before */
    e->scenes = c->scenes;
    e->exit_with_host = c->exit_with_host;
    f2p__pack(b, "mssssss", c->assets ? 9 : 8, "role", "engine", "game", c->game, "name", c->name);
    f2p__pack(b, "sssm", "version", c->version, "kinds", c->kind_count);
    for (i = 0; i < c->kind_count; i++) {
        if (f2p__long(c->kinds[i].name) + f2p__long(c->kinds[i].layout) > F2P__MAX_NAME)
            return "a kind and its layout hash must be UTF-8 of at most 200 characters together";
        f2p__pack(b, "ss", c->kinds[i].name, c->kinds[i].layout);
    }
    f2p__pack(b, "susa", "max_size", (uint64_t)e->max_size, "passes", count);
    for (i = 0; i < count; i++) {
        for (pass = 0; pass < F2P__PASSES && passes[i] && strcmp(passes[i], f2p__passes[pass].name); pass++) continue;
        if (pass == F2P__PASSES || !passes[i] || e->passes[pass]) return "a pass is unknown, or named twice";
        e->passes[pass] = 1;
        f2p__pack(b, "s", passes[i]);
    }
    if (!e->passes[F2P__COLOR]) return "passes must contain color";
    f2p__pack(b, "su", "credits", (uint64_t)credits);
    if (c->assets) f2p__pack(b, "ss", "assets", c->assets);
    f2p__end(b, at);
    if (!b->size) return "out of memory";
    f2p__read_header(b->data + 17, b->size - 17, &header);
    f2p_get(&header, "kinds", &e->kinds);
    return NULL;
}

static const char *f2p__launch(f2p_engine *e, const f2p_config *config) {
    const char *problem = f2p__configure(e, config);
    if (!problem) problem = f2p__open_connection(e, config);
    if (problem) return problem;
    e->wake = f2p__loopback(SOCK_DGRAM, 0);
    e->arrived = f2p__loopback(SOCK_DGRAM, 0);
    if (e->wake == F2P__NO_SOCKET || e->arrived == F2P__NO_SOCKET) return "no socket is left";
    if (config->watchdog_port) {
        e->watchdog = f2p__loopback(SOCK_STREAM, config->watchdog_port);
        if (e->watchdog == F2P__NO_SOCKET) return "the command that started this engine has ended";
    }
    e->heartbeat = 1;
    e->silence = 10;
    e->backoff = 0.1;
    e->absent_since = f2p_seconds();
    f2p__say(e, "connecting to %s", e->endpoint);
    e->threaded = f2p__start_thread(&e->thread, f2p__run, e);
    return e->threaded ? NULL : "no thread is left";
}

f2p_engine *f2p_engine_start(const f2p_config *config, char *error, size_t error_size) {
    const char *problem = "out of memory";
    f2p_engine *e = (f2p_engine *)calloc(1, sizeof *e);
#ifdef _WIN32
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data); /* after a failure there is no socket, and the start says so */
#endif
    if (e) {
        f2p__open_lock(&e->mutex);
        e->wake = e->arrived = e->watchdog = e->socket = F2P__NO_SOCKET;
        problem = f2p__launch(e, config);
    }
    if (!problem) return e;
    if (error && error_size) snprintf(error, error_size, "%s", problem);
    f2p_engine_free(e);
    return NULL;
}

void f2p_engine_stop(f2p_engine *e) {
    int running;
    f2p__lock(e);
    running = e->threaded;
    e->threaded = 0;
    e->closing = 1;
    f2p__unlock(e);
    if (!running) return;
    f2p__signal(e->arrived);
    f2p__signal(e->wake);
    f2p__join_thread(e->thread);
}

void f2p_engine_free(f2p_engine *e) {
    int i;
    if (!e) return;
    f2p_engine_stop(e);
    f2p__close_connection(e);
    if (e->wake != F2P__NO_SOCKET) f2p__close_socket(e->wake);
    if (e->arrived != F2P__NO_SOCKET) f2p__close_socket(e->arrived);
    if (e->watchdog != F2P__NO_SOCKET) f2p__close_socket(e->watchdog);
    for (i = 0; i < F2P__MAX_SLOTS; i++) free(e->slots[i].header.data);
    free(e->hello.data);
    free(e->out.data);
    free(e->in.data);
    f2p__close_lock(&e->mutex);
    free(e);
#ifdef _WIN32
    WSACleanup();
#endif
}

/* ---- Requests and answers ----------------------------------------------------------------------- */

int f2p_engine_poll(f2p_engine *e, f2p_request *request) {
    f2p__slot *first = NULL, *slot;
    int result = 0;
    f2p__lock(e);
    for (slot = e->slots; slot < e->slots + e->slot_count; slot++)
        if (slot->state == F2P__QUEUED && (!first || slot->request.ticket < first->request.ticket)) first = slot;
    if (e->state == F2P_ENDED || e->closing) result = -1;
    else if (first) {
        first->state = F2P__TAKEN;
        first->taken = f2p_seconds();
        *request = first->request;
        result = 1;
    }
    f2p__unlock(e);
    return result;
}

int f2p_engine_wait(f2p_engine *e, f2p_request *request, double seconds) {
    double until = f2p_seconds() + seconds, left = seconds;
    for (;;) {
        int result = f2p_engine_poll(e, request);
        if (result || !(left > 0)) return result;
        f2p__wait(e->arrived, F2P__NO_SOCKET, 0, left);
        left = until - f2p_seconds();
    }
}

/* The slot of a request that may be answered now, and the lock, which f2p__deliver releases; otherwise NULL. */
static f2p__slot *f2p__claim(f2p_engine *e, const f2p_request *r) {
    f2p__slot *slot = r->slot >= 0 && r->slot < F2P__MAX_SLOTS ? &e->slots[r->slot] : NULL;
    f2p__lock(e);
    e->answer = e->out.size;
    if (slot && slot->state == F2P__TAKEN && slot->request.ticket == r->ticket) {
        slot->state = F2P__FREE;
        if (slot->epoch == e->epoch) return slot;
    }
    f2p__unlock(e);
    return NULL;
}

/* Finish the answer to a request of `type`; with a problem FAILED replaces it. */
static int f2p__deliver(f2p_engine *e, const f2p__slot *slot, int type, const char *problem) {
    if (!slot) return 0;
    if (slot->request.type != type) problem = "the engine gave another type of answer than was requested";
    if (e->out.failed || e->out.size == e->answer) problem = "the engine ran out of memory";
    if (problem) {
        e->out.size = e->answer;
        e->out.failed = 0;
        f2p__write_failed(&e->out, slot->request.id, problem, "correct the engine's answer");
    }
    f2p__unlock(e);
    f2p__signal(e->wake);
    return problem ? -1 : 1;
}

static double f2p__duration(double seconds) { return seconds > 0 && isfinite(seconds) ? seconds : 0; }

/* Rows, columns, bytes of an item and bytes from row to row of a plane; return the pass, or -1 if they are wrong. */
static int f2p__shape(const f2p_request *r, const f2p_plane *plane, size_t shape[4]) {
    int pass = 0, rows = plane->rows, columns;
    size_t row;
    while (strcmp(plane->pass, f2p__passes[pass].name)) pass++;
    columns = f2p__passes[pass].columns ? f2p__passes[pass].columns : plane->columns;
    if (pass == F2P__LANDMARKS) rows = 73;
    if (columns < 0) {
        rows = r->height;
        columns = r->width;
    }
    if (rows < 0 || rows > F2P__MAX_ROWS || columns < 1 || columns > F2P_MAX_SIDE) return -1;
    if (pass == F2P__ATTRIBUTES && columns < 4) return -1;
    shape[0] = (size_t)rows;
    shape[1] = (size_t)columns;
    shape[2] = (size_t)f2p__passes[pass].bytes;
    row = shape[1] * (pass == F2P__COLOR && plane->format != F2P_RGB ? 4 : shape[2]);
    shape[3] = plane->stride ? plane->stride : row;
    return shape[3] < row || shape[0] > F2P__MAX_PLANE / (shape[1] * shape[2]) ? -1 : pass;
}

/* Copy a plane's rows without padding, from top to bottom, colours as RGB. */
static void f2p__write_plane(f2p__buffer *b, int pass, const f2p_plane *plane, const size_t shape[4]) {
    int converted = pass == F2P__COLOR && plane->format != F2P_RGB, red = plane->format == F2P_BGRA ? 2 : 0;
    size_t row = shape[1] * shape[2], x, y;
    unsigned char *to = f2p__grow(b, row * shape[0]);
    for (y = 0; to && y < shape[0]; y++, to += row) {
        const unsigned char *from = (const unsigned char *)plane->data;
        from += shape[3] * (plane->bottom_up ? shape[0] - 1 - y : y);
        if (!converted) memcpy(to, from, row);
        for (x = 0; converted && x < shape[1]; x++, from += 4) {
            to[3 * x] = from[red];
            to[3 * x + 1] = from[1];
            to[3 * x + 2] = from[2 - red];
        }
    }
}

/* Write PICTURE; return NULL, or the defect of the planes. */
static const char *f2p__write_picture(f2p__buffer *b, const f2p_request *r, const f2p_plane *planes, int count,
                                      double seconds) {
    const f2p_plane *given[F2P_MAX_PASSES];
    size_t shape[4], at = f2p__begin(b, F2P__PICTURE);
    int i, j, pass;
    f2p__pack(b, "msususf", 4, "id", r->id, "credits", (uint64_t)1, "seconds", f2p__duration(seconds));
    f2p__pack(b, "sa", "planes", r->pass_count);
    for (i = 0; i < r->pass_count; i++) {
        given[i] = NULL;
        for (j = 0; j < count && !given[i]; j++)
            if (planes[j].pass && planes[j].data && !strcmp(planes[j].pass, r->passes[i])) given[i] = &planes[j];
        if (!given[i]) return "the engine gave no plane for a requested pass";
        pass = f2p__shape(r, given[i], shape);
        if (pass < 0) return "the rows or columns of a plane are out of range, or its stride is shorter than its rows";
        f2p__pack(b, "msssssauu", 3, "pass", r->passes[i], "dtype", f2p__passes[pass].dtype, "shape",
                  pass == F2P__COLOR ? 3 : 2, (uint64_t)shape[0], (uint64_t)shape[1]);
        if (pass == F2P__COLOR) f2p__pack(b, "u", (uint64_t)3);
    }
    f2p__end_frame(b, at + 8, 1);
    for (i = 0; i < r->pass_count; i++) {
        at = f2p__begin_frame(b);
        pass = f2p__shape(r, given[i], shape);
        f2p__write_plane(b, pass, given[i], shape);
        f2p__end_frame(b, at, i + 1 < r->pass_count);
    }
    return NULL;
}

int f2p_engine_picture(f2p_engine *e, const f2p_request *request, const f2p_plane *planes, int count, double seconds) {
    f2p__slot *slot = f2p__claim(e, request);
    const char *problem = slot ? f2p__write_picture(&e->out, &slot->request, planes, count, seconds) : NULL;
    return f2p__deliver(e, slot, F2P_RENDER, problem);
}

int f2p_engine_applied(f2p_engine *e, const f2p_request *request) {
    f2p__slot *slot = f2p__claim(e, request);
    if (slot) f2p__write(&e->out, F2P__APPLIED, "msusu", 2, "id", slot->request.id, "credits", (uint64_t)1);
    return f2p__deliver(e, slot, F2P_APPLY, NULL);
}

int f2p_engine_measured(f2p_engine *e, const f2p_request *request, double seconds, int pictures) {
    f2p__slot *slot = f2p__claim(e, request);
    if (slot)
        f2p__write(&e->out, F2P__MEASURED, "msususfsu", 4, "id", slot->request.id, "credits", (uint64_t)1, "seconds",
                   f2p__duration(seconds), "pictures", (uint64_t)(pictures > 0 ? pictures : 1));
    return f2p__deliver(e, slot, F2P_MEASURE, NULL);
}

int f2p_engine_failed(f2p_engine *e, const f2p_request *request, const char *message, const char *remedy) {
    f2p__slot *slot = f2p__claim(e, request);
    if (slot) f2p__write_failed(&e->out, slot->request.id, message, remedy);
    return f2p__deliver(e, slot, slot ? slot->request.type : 0, NULL);
}

f2p_state f2p_engine_state(f2p_engine *e) {
    int state;
    f2p__lock(e);
    state = e->state;
    f2p__unlock(e);
    return (f2p_state)state;
}

void f2p_engine_message(f2p_engine *e, char *text, size_t size) {
    f2p__lock(e);
    if (size) snprintf(text, size, "%s", e->message);
    f2p__unlock(e);
}

#endif /* F2P_ENGINE_IMPLEMENTATION */
