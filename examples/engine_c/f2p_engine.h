/* f2p_engine.h: client of the f2p-sdk bridge for game engines. C99, one file, no dependencies.
 *
 * Exactly one .c file defines F2P_ENGINE_IMPLEMENTATION and includes this file before any other:
 *
 *     #define F2P_ENGINE_IMPLEMENTATION
 *     #include "f2p_engine.h"
 *
 * The game, on the thread that may draw:
 *
 *     f2p_engine *engine = f2p_engine_start(&config, error, sizeof error);
 *     while (playing) {
 *         f2p_request request;
 *         if (f2p_engine_poll(engine, &request) > 0) draw_and_answer(engine, &request);
 *         frame();
 *     }
 *     f2p_engine_free(engine);
 *
 * A thread of the client owns the connection: it connects, sends heartbeats, receives requests and sends
 * answers. No function of the game's side waits for the network. docs/reference/protocol.md specifies the
 * messages. Link with -lpthread, on Windows with ws2_32. With F2P_ENGINE_LIBZMQ the connection is one of
 * libzmq, with CURVE keys if the configuration names a folder of keys; link with -lzmq.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if defined(F2P_ENGINE_IMPLEMENTATION) && !defined(_WIN32)
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif
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
    int exit_with_host;              /* 1: end when the host is gone; a game that does not notice is ended */
    double connect_timeout;          /* seconds until the first welcome; 0: no limit, or 60 with exit_with_host */
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
enum { F2P_NIL, F2P_BOOL, F2P_UINT, F2P_INT, F2P_FLOAT, F2P_TEXT, F2P_ARRAY, F2P_MAP };

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

/* Answers, from any thread, exactly one for each request. They copy and return at once.
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
typedef SOCKET f2p__socket;
typedef WSAPOLLFD f2p__pollfd;
#define F2P__NO_SOCKET INVALID_SOCKET
#define f2p__poll WSAPoll
#define f2p__close_socket closesocket
#else
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
typedef int f2p__socket;
typedef struct pollfd f2p__pollfd;
#define F2P__NO_SOCKET (-1)
#define f2p__poll poll
#define f2p__close_socket close
#if !defined(CLOCK_MONOTONIC)
#error "include f2p_engine.h before the system's headers in the file with F2P_ENGINE_IMPLEMENTATION"
#endif
#endif
#ifdef MSG_NOSIGNAL
#define F2P__SEND_FLAGS MSG_NOSIGNAL
#else
#define F2P__SEND_FLAGS 0
#endif
#ifdef F2P_ENGINE_LIBZMQ
#include <zmq.h>
#define F2P__FAILED_HANDSHAKES \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#endif

enum { F2P__MAJOR = 1, F2P__MINOR = 0, F2P__MAX_KINDS = 64, F2P__MAX_ADDRESSES = 4, F2P__MAX_SLOTS = 2 * F2P_MAX_CREDITS };
enum { F2P__MAX_FRAMES = 10, F2P__MAX_HEADER = 262144, F2P__MAX_PLANE = 67108864, F2P__MAX_DEPTH = 8 };
enum { F2P__MAX_ITEMS = 8192, F2P__MAX_TEXT = 4096, F2P__MAX_ROWS = 1048576, F2P__MAX_NAME = 200 };
enum { F2P__CONTROL_LIMIT = 65536, F2P__MESSAGE = 2048 };
enum { F2P__HELLO = 1, F2P__WELCOME, F2P__REFUSED, F2P__AGAIN, F2P__HEARTBEAT, F2P__GOODBYE };
enum { F2P__PICTURE = 17, F2P__APPLIED = 19, F2P__MEASURED = 21, F2P__FAILED = 22 };
enum { F2P__COLOR, F2P__LABELS, F2P__LANDMARKS, F2P__DEPTH, F2P__VERTICES, F2P__ATTRIBUTES, F2P__TRIANGLES, F2P__PASSES };

/* Names and types of the passes, in the order of the enum above. */
static const char *f2p__pass_name(int pass) {
    static const char *const names[F2P__PASSES] = {"color", "labels", "landmarks", "depth", "vertices", "attributes", "triangles"};
    return names[pass];
}

static int f2p__find_pass(const char *text, size_t size) {
    int pass;
    for (pass = 0; pass < F2P__PASSES; pass++)
        if (strlen(f2p__pass_name(pass)) == size && !memcmp(f2p__pass_name(pass), text, size)) return pass;
    return -1;
}

/* ---- Buffers and the msgpack writer ------------------------------------------------------------ */

typedef struct {
    unsigned char *data;
    size_t size, capacity;
    int failed;                      /* memory ran out; the content is not complete */
} f2p__buffer;

static unsigned char *f2p__grow(f2p__buffer *b, size_t more) {
    unsigned char *at;
    if (!b->failed && (!b->data || more > b->capacity - b->size)) {
        size_t capacity = b->capacity ? b->capacity : 1024;
        void *data = NULL;
        while (capacity - b->size < more && capacity <= ((size_t)-1) / 4) capacity *= 2;
        if (capacity - b->size >= more) data = realloc(b->data, capacity);
        if (data) b->data = (unsigned char *)data, b->capacity = capacity;
        else b->failed = 1;
    }
    if (b->failed) return NULL;
    at = b->data + b->size;
    b->size += more;
    return at;
}

static void f2p__put(f2p__buffer *b, const void *data, size_t size) {
    unsigned char *at = f2p__grow(b, size);
    if (at && size) memcpy(at, data, size);
}

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

static void f2p__put_float(f2p__buffer *b, double v) {
    uint64_t bits;
    memcpy(&bits, &v, 8);
    f2p__put_big(b, 0xcb, bits, 8);
}

static void f2p__put_map(f2p__buffer *b, unsigned n) {
    if (n < 16) f2p__put_big(b, 0x80 | (int)n, 0, 0);
    else f2p__put_big(b, 0xde, n, 2);
}

static void f2p__put_array(f2p__buffer *b, unsigned n) {
    if (n < 16) f2p__put_big(b, 0x90 | (int)n, 0, 0);
    else f2p__put_big(b, 0xdc, n, 2);
}

/* Characters of a UTF-8 text, or -1 if it is not UTF-8 (overlong forms and surrogates are not). */
static long f2p__characters(const unsigned char *p, size_t size) {
    const unsigned char *end = p + size;
    long count = 0;
    for (; p < end; count++) {
        unsigned first = *p++, low = 0x80, high = 0xbf, more;
        if (first < 0x80) continue;
        if (first < 0xc2 || first > 0xf4) return -1;
        more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
        for (; more; more--, low = 0x80, high = 0xbf)
            if (p == end || *p < low || *p > high) return -1;
            else p++;
    }
    return count;
}

/* A text; longer ones are cut at `limit` bytes. Bytes that are not UTF-8 become question marks. */
static void f2p__put_text(f2p__buffer *b, const char *text, size_t limit) {
    size_t size = 0, i;
    unsigned char *at;
    int valid;
    if (!text) text = "";
    while (size < limit && text[size]) size++;
    if (size == limit) while (size && ((unsigned char)text[size] & 0xc0) == 0x80) size--;
    valid = f2p__characters((const unsigned char *)text, size) >= 0;
    if (size < 32) f2p__put_big(b, 0xa0 | (int)size, 0, 0);
    else if (size < 0x100) f2p__put_big(b, 0xd9, size, 1);
    else f2p__put_big(b, 0xda, size, 2);
    at = f2p__grow(b, size);
    for (i = 0; at && i < size; i++) at[i] = (unsigned char)(valid || (unsigned char)text[i] < 0x80 ? text[i] : '?');
}

/* Begin a message: preamble and the start of the header's frame, of which it returns the position. Frames
 * are stored as ZMTP sends them: flags (1: more follow, 2: long size), size, bytes. */
static size_t f2p__begin(f2p__buffer *b, int type) {
    unsigned char preamble[8] = {1, 6, 'F', '2', 'P', F2P__MAJOR, F2P__MINOR, 0};
    preamble[7] = (unsigned char)type;
    f2p__put(b, preamble, 8);
    f2p__put_big(b, 2, 0, 8);
    return b->size;
}

static void f2p__end(f2p__buffer *b, size_t start, int more) {
    uint64_t size = b->size - start;
    int i;
    if (b->failed) return;
    b->data[start - 9] = (unsigned char)(2 | more);
    for (i = 0; i < 8; i++) b->data[start - 8 + (size_t)i] = (unsigned char)(size >> (8 * (7 - i)));
}

static size_t f2p__begin_answer(f2p__buffer *b, int type, uint64_t id, unsigned fields) {
    size_t start = f2p__begin(b, type);
    f2p__put_map(b, fields);
    f2p__put_text(b, "id", 8);
    f2p__put_uint(b, id);
    f2p__put_text(b, "credits", 8);
    f2p__put_uint(b, 1);
    return start;
}

static void f2p__write_failed(f2p__buffer *b, uint64_t id, const char *message, const char *remedy) {
    size_t start = f2p__begin_answer(b, F2P__FAILED, id, 4);
    f2p__put_text(b, "message", 8);
    f2p__put_text(b, message, 1000);
    f2p__put_text(b, "remedy", 8);
    f2p__put_text(b, remedy, 1000);
    f2p__end(b, start, 0);
}

/* ---- The msgpack reader ------------------------------------------------------------------------ */

static uint64_t f2p__big(const unsigned char *p, int bytes) {
    uint64_t value = 0;
    while (bytes--) value = value << 8 | *p++;
    return value;
}

/* Read one value without its items; return the position after it, or NULL: the end, or a type that is
 * not allowed. */
static const unsigned char *f2p__read(const unsigned char *p, const unsigned char *end, f2p_value *v) {
    unsigned code;
    int bytes = 0;
    if (p >= end) return NULL;
    memset(v, 0, sizeof *v);
    code = *p++;
    if (code >= 0xd0 && code <= 0xd3) bytes = 1 << (code - 0xd0);
    else if (code >= 0xcc && code <= 0xcf) bytes = 1 << (code - 0xcc);
    else if (code == 0xca) bytes = 4;
    else if (code == 0xcb) bytes = 8;
    else if (code >= 0xd9 && code <= 0xdb) bytes = 1 << (code - 0xd9);
    else if (code >= 0xdc && code <= 0xdf) bytes = code & 1 ? 4 : 2;
    if (end - p < bytes) return NULL;
    v->number = f2p__big(p, bytes);
    if (code < 0x80) v->type = F2P_UINT, v->number = code;
    else if (code < 0x90) v->type = F2P_MAP, v->number = code & 15;
    else if (code < 0xa0) v->type = F2P_ARRAY, v->number = code & 15;
    else if (code < 0xc0) v->type = F2P_TEXT, v->number = code & 31;
    else if (code == 0xc0) v->type = F2P_NIL;
    else if (code == 0xc2 || code == 0xc3) v->type = F2P_BOOL, v->real = (double)(code & 1);
    else if (code == 0xca) {
        uint32_t bits = (uint32_t)v->number;
        float real;
        memcpy(&real, &bits, 4);
        v->type = F2P_FLOAT, v->real = (double)real;
    } else if (code == 0xcb) v->type = F2P_FLOAT, memcpy(&v->real, &v->number, 8);
    else if (code >= 0xcc && code <= 0xcf) v->type = F2P_UINT;
    else if (code >= 0xe0 || (code >= 0xd0 && code <= 0xd3)) {
        int shift = 64 - 8 * bytes;
        int64_t value = code >= 0xe0 ? (int64_t)code - 256 : 0;
        if (bytes) {
            uint64_t moved = v->number << shift, sign = moved >> 63;
            value = sign ? -(int64_t)((~moved >> shift) & 0x7fffffffffffffffu) - 1 : (int64_t)v->number;
        }
        v->type = value < 0 ? F2P_INT : F2P_UINT, v->number = (uint64_t)value, v->real = (double)value;
    } else if (code >= 0xd9 && code <= 0xdb) v->type = F2P_TEXT;
    else if (code >= 0xdc && code <= 0xdd) v->type = F2P_ARRAY;
    else if (code >= 0xde && code <= 0xdf) v->type = F2P_MAP;
    else return NULL;                /* binary, extension and unused codes */
    if (v->type == F2P_UINT) v->real = (double)v->number;
    v->data = p += bytes, v->end = end;
    if (v->type == F2P_TEXT) {
        if (v->number > (uint64_t)(end - p)) return NULL;
        v->end = p += (size_t)v->number;
    }
    return p;
}

/* Check a value and its items against the limits; return the position after it, or NULL. Text keys cannot
 * be nested, so that the recursion ends at MAX_DEPTH. */
static const unsigned char *f2p__check(const unsigned char *p, const unsigned char *end, int depth) {
    f2p_value v;
    uint64_t left;
    p = f2p__read(p, end, &v);
    if (!p) return NULL;
    if (v.type == F2P_TEXT) {
        long count = f2p__characters(v.data, (size_t)v.number);
        return count < 0 || count > F2P__MAX_TEXT ? NULL : p;
    }
    if (v.type != F2P_ARRAY && v.type != F2P_MAP) return p;
    if (depth >= F2P__MAX_DEPTH || v.number > F2P__MAX_ITEMS) return NULL;
    for (left = v.number; p && left; left--) {
        if (v.type == F2P_MAP) {
            f2p_value key;
            if (!f2p__read(p, end, &key) || key.type != F2P_TEXT) return NULL;
            p = f2p__check(p, end, depth + 1);
        }
        if (p) p = f2p__check(p, end, depth + 1);
    }
    return p;
}

/* Header of a message: 1 and its map if the bytes are exactly one valid map. */
static int f2p__read_header(const unsigned char *data, size_t size, f2p_value *map) {
    if (f2p__check(data, data + size, 0) != data + size) return 0;
    return f2p__read(data, data + size, map) && map->type == F2P_MAP;
}

int f2p_next(f2p_value *items, f2p_value *item) {
    const unsigned char *p;
    uint64_t left = 1;
    f2p_value skipped;
    if (items->type == F2P_MAP) items->number *= 2, items->type = F2P_ARRAY;
    if (items->type != F2P_ARRAY || !items->number) return 0;
    p = f2p__read(items->data, items->end, item);
    for (skipped = *item; p; p = f2p__read(p, items->end, &skipped)) {
        left--;
        if (skipped.type == F2P_ARRAY) left += skipped.number;
        if (skipped.type == F2P_MAP) left += 2 * skipped.number;
        if (!left) break;
    }
    if (!p) return 0;
    items->data = p, items->number--;
    return 1;
}

int f2p_get(const f2p_value *map, const char *key, f2p_value *value) {
    f2p_value items = *map, name, found;
    size_t size = strlen(key);
    int result = 0;
    if (map->type != F2P_MAP) return 0;
    while (f2p_next(&items, &name) && f2p_next(&items, &found))
        if (name.number == size && !memcmp(name.data, key, size)) *value = found, result = 1; /* the last one counts */
    return result;
}

static int f2p__get(const f2p_value *map, const char *key, int type, f2p_value *value) {
    return f2p_get(map, key, value) && value->type == type;
}

int f2p_get_number(const f2p_value *map, const char *key, double *number) {
    f2p_value value;
    if (!f2p_get(map, key, &value) || value.type < F2P_UINT || value.type > F2P_FLOAT) return 0;
    *number = value.real;
    return 1;
}

int f2p_get_choice(const f2p_value *map, const char *key, const char *const *choices, int count) {
    f2p_value value;
    int i;
    if (!f2p__get(map, key, F2P_TEXT, &value)) return -1;
    for (i = 0; i < count; i++)
        if (strlen(choices[i]) == value.number && !memcmp(choices[i], value.data, (size_t)value.number)) return i;
    return -1;
}

/* ---- The engine -------------------------------------------------------------------------------- */

/* A request is in one of these states. Only the thread that moved it to TAKEN may move it to WRITING, and
 * only the client's thread touches SENDING. */
enum { F2P__FREE, F2P__QUEUED, F2P__TAKEN, F2P__WRITING, F2P__ANSWERED, F2P__SENDING };
enum { F2P__CLOSED, F2P__CONNECTING, F2P__HANDSHAKE, F2P__OPEN };

typedef struct {
    int state;
    uint64_t epoch;                  /* number of the WELCOME before it */
    double taken;                    /* time when the game took it */
    unsigned char passes[F2P_MAX_PASSES];
    f2p__buffer in, out;             /* header of the request; frames of the answer */
    f2p_request request;
} f2p__slot;

struct f2p_engine {
#ifdef _WIN32
    HANDLE thread;
    CRITICAL_SECTION lock;
    CONDITION_VARIABLE changed;
#else
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;          /* a request arrived, or the state changed */
#endif
    int threaded;                    /* the thread was started and not joined yet */
    f2p__socket wake, watchdog, socket;
    /* Configuration. */
    char *kinds[F2P__MAX_KINDS], *endpoint;
    int kind_count, passes[F2P__PASSES], slot_count, max_size, scenes, exit_with_host;
    double connect_timeout;
    f2p__buffer hello;
    struct sockaddr_storage addresses[F2P__MAX_ADDRESSES];
    int address_sizes[F2P__MAX_ADDRESSES], address_count, address;
    /* Under the lock. */
    int state, closing;
    uint64_t epoch, ticket;
    char message[F2P__MESSAGE];
    f2p__slot slots[F2P__MAX_SLOTS];
    /* Only for the client's thread. */
    int phase, welcomed, greeted, events, watchdog_events;
    double heartbeat, silence, next_send, last_message, absent_since, deadline, retry_at, backoff, ended_at;
    f2p__buffer control, in;         /* frames to send that answer no request; bytes received */
    size_t control_at, sending_at;
    f2p__slot *sending;
    int frame, more;                 /* number of the next frame of the message; the frame in `skip` has one after it */
    uint64_t skip;                   /* bytes of the frame that are ignored */
    unsigned char preamble[64];
    size_t preamble_size;
#ifdef F2P_ENGINE_LIBZMQ
    void *context, *dealer, *monitor;
#endif
};

double f2p_seconds(void) {
#ifdef _WIN32
    LARGE_INTEGER count, rate;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&rate);
    return (double)count.QuadPart / (double)rate.QuadPart;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
}

#ifdef _WIN32
#define f2p__lock(e) EnterCriticalSection(&(e)->lock)
#define f2p__unlock(e) LeaveCriticalSection(&(e)->lock)
#define f2p__notify(e) WakeAllConditionVariable(&(e)->changed)
static void f2p__wait_changed(f2p_engine *e, double seconds) {
    SleepConditionVariableCS(&e->changed, &e->lock, (DWORD)(seconds * 1000) + 1);
}
#else
#define f2p__lock(e) pthread_mutex_lock(&(e)->lock)
#define f2p__unlock(e) pthread_mutex_unlock(&(e)->lock)
#define f2p__notify(e) pthread_cond_broadcast(&(e)->changed)
static void f2p__wait_changed(f2p_engine *e, double seconds) {
    struct timespec t;
#ifdef __APPLE__
    t.tv_sec = (time_t)seconds, t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    pthread_cond_timedwait_relative_np(&e->changed, &e->lock, &t);
#else
    double until = f2p_seconds() + seconds;
    t.tv_sec = (time_t)until, t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
    pthread_cond_timedwait(&e->changed, &e->lock, &t);
#endif
}
#endif

/* Set the text of f2p_engine_message, without control characters: parts of it come from the host. */
static void f2p__say(f2p_engine *e, const char *format, ...) {
    va_list arguments;
    unsigned char *c;
    va_start(arguments, format);
    vsnprintf(e->message, sizeof e->message, format, arguments);
    va_end(arguments);
    for (c = (unsigned char *)e->message; *c; c++)
        if (*c < 32 || *c == 127) *c = ' ';
}

static void f2p__set_state(f2p_engine *e, int state) {
    e->state = state;
    f2p__notify(e);
}

static void f2p__finish(f2p_engine *e) {
    if (e->state == F2P_ENDED) return;
    e->ended_at = f2p_seconds();
    f2p__set_state(e, F2P_ENDED);
}

/* Drop all requests: from now on their answers must not be sent. */
static void f2p__drop(f2p_engine *e) {
    int i;
    e->epoch++;
    for (i = 0; i < e->slot_count; i++)
        if (e->slots[i].state == F2P__QUEUED || e->slots[i].state == F2P__ANSWERED) e->slots[i].state = F2P__FREE;
}

static void f2p__disconnect(f2p_engine *e);
static void f2p__connect(f2p_engine *e);

/* The connection is gone; the caller has set the message. */
static void f2p__lost(f2p_engine *e) {
    f2p__disconnect(e);
    f2p__drop(e);
    if (e->sending) e->sending->state = F2P__FREE;
    e->sending = NULL;
    e->control.size = e->control_at = e->in.size = e->preamble_size = 0;
    e->frame = e->more = e->greeted = 0;
    e->skip = 0;
    e->phase = F2P__CLOSED;
    e->retry_at = f2p_seconds() + e->backoff;
    e->backoff = e->backoff < 0.5 ? 2 * e->backoff : 1.0;
    if (e->state != F2P_ENDED) f2p__set_state(e, F2P_WAITING);
}

static void f2p__opened(f2p_engine *e) {
    e->phase = F2P__OPEN;
    e->last_message = f2p_seconds();
    e->next_send = 0;
    f2p__set_state(e, F2P_GREETING);
}

/* 1 if the control buffer takes another message: its size is bounded while the host does not read. */
static int f2p__control_room(f2p_engine *e) {
    e->control.failed = 0;
    return e->control.size < F2P__CONTROL_LIMIT;
}

static void f2p__send_goodbye(f2p_engine *e, const char *reason) {
    size_t start = f2p__begin(&e->control, F2P__GOODBYE);
    f2p__put_map(&e->control, 1);
    f2p__put_text(&e->control, "reason", 8);
    f2p__put_text(&e->control, reason, 100);
    f2p__end(&e->control, start, 0);
}

static void f2p__send_heartbeat(f2p_engine *e, double now) {
    double busy = 0;
    size_t start;
    int i;
    for (i = 0; i < e->slot_count; i++)
        if (e->slots[i].state == F2P__TAKEN && e->slots[i].epoch == e->epoch && now - e->slots[i].taken > busy)
            busy = now - e->slots[i].taken;
    start = f2p__begin(&e->control, F2P__HEARTBEAT);
    f2p__put_map(&e->control, 1);
    f2p__put_text(&e->control, "busy", 8);
    f2p__put_float(&e->control, busy);
    f2p__end(&e->control, start, 0);
}

/* ---- Messages of the host, with the lock held -------------------------------------------------- */

/* NULL, or the first defect of a character: every value is a finite number or a text. */
static const char *f2p__check_values(const f2p_value *map) {
    f2p_value items = *map, key, value;
    if (map->type != F2P_MAP) return "a character is not a map";
    while (f2p_next(&items, &key) && f2p_next(&items, &value))
        if (value.type != F2P_TEXT && (value.type < F2P_UINT || value.type > F2P_FLOAT || !isfinite(value.real)))
            return "a value of the character is neither a finite number nor a text";
    return NULL;
}

/* Read a request into its slot; return NULL, or the reason for FAILED. */
static const char *f2p__read_request(f2p_engine *e, f2p__slot *slot, const f2p_value *header) {
    f2p_request *r = &slot->request;
    f2p_value v, item;
    int sides[2], i;
    const char *problem = NULL;
    r->kind = -1;
    if (!f2p__get(header, "kind", F2P_TEXT, &v)) return "the request has no kind";
    for (i = 0; i < e->kind_count && r->kind < 0; i++)
        if (strlen(e->kinds[i]) == v.number && !memcmp(e->kinds[i], v.data, (size_t)v.number)) r->kind = i;
    if (r->kind < 0) return "this kind of character is not drawn here";
    if (r->type != F2P_MEASURE) {
        if (!f2p_get(header, "values", &r->values)) return "the request has no values";
        problem = f2p__check_values(&r->values);
    }
    if (problem || r->type == F2P_APPLY) return problem;
    if (!f2p__get(header, "size", F2P_ARRAY, &v) || v.number != 2) return "the size is not width and height";
    for (i = 0; i < 2; i++) {
        if (!f2p_next(&v, &item) || item.type != F2P_UINT || item.number < 1 || item.number > F2P_MAX_SIDE)
            return "the size is not width and height";
        sides[i] = (int)item.number;
    }
    r->width = sides[0], r->height = sides[1];
    if (r->width > e->max_size || r->height > e->max_size) return "the size is larger than the engine's max_size";
    if (!f2p__get(header, "passes", F2P_ARRAY, &v) || v.number > F2P_MAX_PASSES) return "the passes are not an array";
    while (f2p_next(&v, &item)) {
        int pass = item.type == F2P_TEXT ? f2p__find_pass((const char *)item.data, (size_t)item.number) : -1;
        if (pass < 0 || !e->passes[pass]) return "a requested pass is not drawn here";
        slot->passes[r->pass_count] = (unsigned char)pass;
        r->passes[r->pass_count++] = f2p__pass_name(pass);
    }
    if (f2p_get(header, "scene", &v) && v.type != F2P_NIL) {
        if (v.type != F2P_MAP) return "the scene is not a map";
        if (v.number && !e->scenes) return "this engine draws only the standard portrait, without scene settings";
        r->scene = v;
    }
    if (r->type != F2P_MEASURE) return NULL;
    if (!f2p__get(header, "characters", F2P_ARRAY, &r->characters) || !r->characters.number)
        return "MEASURE needs at least one character";
    if (!f2p__get(header, "repeat", F2P_UINT, &v) || v.number < 1 || v.number > 100000)
        return "MEASURE needs a repeat from 1 to 100000";
    r->repeat = (int)v.number;
    for (v = r->characters; !problem && f2p_next(&v, &item);) problem = f2p__check_values(&item);
    return problem;
}

static void f2p__accept(f2p_engine *e, int type, const f2p_value *header, const unsigned char *data, size_t size) {
    f2p_value id, copy;
    f2p__slot *slot = NULL;
    const char *problem;
    int i;
    if (e->state != F2P_SERVING) return;
    if (!f2p__get(header, "id", F2P_UINT, &id)) return; /* nobody waits for an answer that has no id */
    for (i = 0; i < e->slot_count && !slot; i++)
        if (e->slots[i].state == F2P__FREE) slot = &e->slots[i];
    if (slot) {
        slot->in.size = 0, slot->in.failed = 0;
        f2p__put(&slot->in, data, size);
    }
    if (!slot || slot->in.failed) {
        if (f2p__control_room(e))
            f2p__write_failed(&e->control, id.number, slot ? "out of memory" : "too many requests wait for an answer",
                              "send no request without credit");
        return;
    }
    memset(&slot->request, 0, sizeof slot->request);
    slot->epoch = e->epoch;
    slot->request.type = type;
    slot->request.id = id.number;
    slot->request.slot = (int)(slot - e->slots);
    slot->request.ticket = ++e->ticket;
    slot->request.scene.type = slot->request.values.type = F2P_MAP;
    f2p__read(slot->in.data, slot->in.data + size, &copy);
    problem = f2p__read_request(e, slot, &copy);
    slot->state = problem ? F2P__ANSWERED : F2P__QUEUED;
    slot->out.size = 0, slot->out.failed = 0;
    if (problem) f2p__write_failed(&slot->out, id.number, problem, "compare the request with docs/reference/protocol.md");
    else f2p__notify(e);
}

static void f2p__handle_message(f2p_engine *e, const unsigned char *preamble, size_t preamble_size,
                                const unsigned char *data, size_t size) {
    f2p_value header, a, b, c;
    int type, valid, len;
    double heartbeat = 1, silence = 10;
    if (preamble_size != 6 || memcmp(preamble, "F2P", 3)) return;
    type = preamble[5];
    valid = f2p__read_header(data, size, &header);
    if (preamble[3] != F2P__MAJOR) {
        len = valid && type == F2P__REFUSED && f2p__get(&header, "message", F2P_TEXT, &a) ? (int)a.number : 0;
        f2p__say(e, "the host uses bridge protocol %d.%d, this engine %d.%d; install matching releases of f2p-sdk%s%.*s",
                 preamble[3], preamble[4], F2P__MAJOR, F2P__MINOR, len ? ": " : "", len, len ? (const char *)a.data : "");
        f2p__finish(e);
        return;
    }
    if (!valid) return;              /* malformed: a message of no use, but the connection continues */
    e->last_message = f2p_seconds();
    if (type == F2P_RENDER || type == F2P_APPLY || type == F2P_MEASURE) f2p__accept(e, type, &header, data, size);
    else if (type == F2P__WELCOME) {
        if (!f2p__get(&header, "host", F2P_TEXT, &a) || !f2p_get_number(&header, "heartbeat", &heartbeat) ||
            !f2p_get_number(&header, "silence", &silence))
            return;
        f2p__drop(e);
        e->heartbeat = heartbeat > 0.02 ? (heartbeat < 60 ? heartbeat : 60) : 0.02;
        e->silence = silence > 0.1 ? (silence < 600 ? silence : 600) : 0.1;
        e->welcomed = 1;
        e->backoff = 0.1;
        e->next_send = 0;
        len = f2p__get(&header, "warnings", F2P_ARRAY, &b) && f2p_next(&b, &c) && c.type == F2P_TEXT ? (int)c.number : 0;
        f2p__say(e, "connected to %.*s%s%.*s", (int)a.number, (const char *)a.data, len ? "; warning: " : "", len,
                 len ? (const char *)c.data : "");
        f2p__set_state(e, F2P_SERVING);
    } else if (type == F2P__REFUSED) {
        if (!f2p__get(&header, "code", F2P_TEXT, &a) || !f2p__get(&header, "message", F2P_TEXT, &b) ||
            !f2p__get(&header, "remedy", F2P_TEXT, &c))
            return;
        f2p__say(e, "the host refused this engine (%.*s): %.*s%s%.*s", (int)a.number, (const char *)a.data,
                 (int)b.number, (const char *)b.data, c.number ? "; next: " : "", (int)c.number, (const char *)c.data);
        f2p__finish(e);
    } else if (type == F2P__AGAIN || type == F2P__GOODBYE) {
        f2p__drop(e);
        e->next_send = e->state == F2P_GREETING ? f2p_seconds() + 0.1 : 0; /* AGAIN asks for HELLO, but not in a loop */
        f2p__set_state(e, F2P_GREETING);
        if (type == F2P__AGAIN) return;
        e->next_send = f2p_seconds() + e->heartbeat;
        len = f2p__get(&header, "reason", F2P_TEXT, &a) ? (int)a.number : 0;
        f2p__say(e, "the host said goodbye: %.*s", len, len ? (const char *)a.data : "");
        if (f2p__control_room(e)) f2p__send_goodbye(e, "answer to the host's");
        if (e->exit_with_host) f2p__finish(e);
    }
}

/* Let no call on a socket wait, and no child process inherit it. */
static void f2p__prepare_socket(f2p__socket s) {
#ifdef _WIN32
    u_long on = 1;
    ioctlsocket(s, (long)FIONBIO, &on);
#else
    fcntl(s, F_SETFL, fcntl(s, F_GETFL, 0) | O_NONBLOCK);
    fcntl(s, F_SETFD, FD_CLOEXEC);
#endif
}

#ifndef F2P_ENGINE_LIBZMQ
/* ---- ZMTP 3.0 with the NULL mechanism over a socket -------------------------------------------- */

static int f2p__would_block(void) {
#ifdef _WIN32
    return WSAGetLastError() == WSAEWOULDBLOCK;
#else
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS || errno == EINTR;
#endif
}

static void f2p__disconnect(f2p_engine *e) {
    if (e->socket != F2P__NO_SOCKET) f2p__close_socket(e->socket);
    e->socket = F2P__NO_SOCKET;
}

static void f2p__connect(f2p_engine *e) {
    int i = e->address, on = 1;
    e->address = (e->address + 1) % e->address_count;
    e->socket = socket(e->addresses[i].ss_family, SOCK_STREAM, 0);
    if (e->socket != F2P__NO_SOCKET) {
        f2p__prepare_socket(e->socket);
#ifdef SO_NOSIGPIPE
        setsockopt(e->socket, SOL_SOCKET, SO_NOSIGPIPE, (const char *)&on, sizeof on);
#endif
        setsockopt(e->socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
        if (!connect(e->socket, (struct sockaddr *)&e->addresses[i], (socklen_t)e->address_sizes[i]) || f2p__would_block()) {
            e->phase = F2P__CONNECTING;
            e->deadline = f2p_seconds() + 5;
            return;
        }
    }
    f2p__lost(e);
}

static int f2p__pollable(f2p_engine *e, f2p__pollfd *fds, int output) {
    if (e->socket == F2P__NO_SOCKET) return 0;
    fds->fd = e->socket;
    fds->events = (short)((e->phase != F2P__CONNECTING ? POLLIN : 0) | (e->phase == F2P__CONNECTING || output ? POLLOUT : 0));
    return 1;
}

/* Bytes of the given whole messages that were sent; 0 if the socket is full, -1 if it is broken. */
static long f2p__push(f2p_engine *e, const unsigned char *data, size_t size) {
    int part = size < (1 << 20) ? (int)size : 1 << 20;
    long sent = (long)send(e->socket, (const char *)data, (size_t)part, F2P__SEND_FLAGS);
    return sent > 0 ? sent : f2p__would_block() ? 0 : -1;
}

/* Handle a ZMTP command; return NULL, or the reason to disconnect. */
static const char *f2p__command(f2p_engine *e, const unsigned char *p, size_t size) {
    unsigned char pong[2 + 5 + 16] = {4, 5, 4, 'P', 'O', 'N', 'G'};
    size_t at = 6, context;
    if (size >= 6 && !memcmp(p, "\5READY", 6) && !e->greeted) {
        while (at < size) {          /* name size, name, value size (4 bytes), value */
            size_t name = p[at], value;
            if (size - at < 1 + name + 4) return "a malformed READY";
            value = (size_t)f2p__big(p + at + 1 + name, 4);
            if (value > size - at - 1 - name - 4) return "a malformed READY";
            if (name == 11 && !memcmp(p + at + 1, "Socket-Type", 11) && (value != 6 || memcmp(p + at + 16, "ROUTER", 6)))
                return "another type of socket than ROUTER";
            at += 1 + name + 4 + value;
        }
        e->greeted = 1;
        f2p__opened(e);
    } else if (size >= 6 && !memcmp(p, "\5ERROR", 6)) return "an error in the handshake";
    else if (size >= 7 && !memcmp(p, "\4PING", 5) && f2p__control_room(e)) {
        context = size - 7 < 16 ? size - 7 : 16; /* after a time to live of 2 bytes */
        pong[1] = (unsigned char)(5 + context);
        memcpy(pong + 7, p + 7, context);
        f2p__put(&e->control, pong, 7 + context);
    }
    return NULL;
}

static const char *f2p__greeting(f2p_engine *e, const unsigned char *p) {
    static const unsigned char ready[] = "\4\51\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0";
    if (p[0] != 0xff || !(p[9] & 1)) return "bytes that are not ZMTP: is another program listening there?";
    if (p[10] < 3) return "ZMTP before 3.0: the host's ZeroMQ is too old";
    if (memcmp(p + 12, "NULL\0", 5)) return "a request for keys: build this client with F2P_ENGINE_LIBZMQ and give the keys";
    f2p__put(&e->control, ready, sizeof ready);
    return NULL;
}

/* Handle the received bytes that are complete; return NULL, or the reason to disconnect. */
static const char *f2p__parse(f2p_engine *e) {
    size_t at = 0;
    const char *problem = NULL;
    while (!problem && e->state != F2P_ENDED) {
        const unsigned char *p = e->in.data + at;
        size_t left = e->in.size - at, head;
        uint64_t size;
        int flags;
        if (e->skip) {
            size_t skipped = e->skip < left ? (size_t)e->skip : left;
            at += skipped, e->skip -= skipped;
            if (e->skip) break;
            if (!e->more) e->frame = 0;
            continue;
        }
        if (e->phase == F2P__HANDSHAKE && !e->preamble_size) { /* it is 1 after the greeting */
            if (left && p[0] != 0xff) problem = f2p__greeting(e, p);
            if (left < 64) break;
            problem = f2p__greeting(e, p);
            at += 64, e->preamble_size = 1;
            continue;
        }
        if (left < 2 || left < (head = p[0] & 2 ? 9 : 2)) break;
        flags = p[0];
        size = f2p__big(p + 1, (int)head - 1);
        if (flags & 4) {
            if (flags & ~6 || size > 1024) problem = "a malformed command";
            else if (left - head < size) break;
            else problem = f2p__command(e, p + head, (size_t)size);
            at += head + (size_t)size;
            continue;
        }
        if (flags & ~3 || e->phase != F2P__OPEN) problem = "bytes that are not ZMTP";
        else if (e->frame >= F2P__MAX_FRAMES) problem = "a message with too many frames";
        else if (size > (uint64_t)(e->frame == 0 ? 64 : e->frame == 1 ? F2P__MAX_HEADER : F2P__MAX_PLANE))
            problem = "a frame that is too large";
        if (problem) break;
        if (e->frame >= 2 || (e->frame == 1 && flags & 1)) { /* no message of the host has planes: ignored */
            e->skip = size, e->more = flags & 1, e->frame++;
            at += head;
            if (!size && !e->more) e->frame = 0;
            continue;
        }
        if (left - head < size) break;
        if (e->frame == 0) memcpy(e->preamble, p + head, e->preamble_size = (size_t)size);
        else f2p__handle_message(e, e->preamble, e->preamble_size, p + head, (size_t)size);
        e->frame = flags & 1;
        at += head + (size_t)size;
    }
    if (problem) return problem;
    if (at) memmove(e->in.data, e->in.data + at, e->in.size - at);
    e->in.size -= at;
    return NULL;
}

/* Receive and handle messages after the wait; `e->events` are the events of the socket. */
static void f2p__pull(f2p_engine *e) {
    static const unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    const char *problem = NULL;
    int rounds;
    if (e->phase == F2P__CONNECTING && e->events) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(e->socket, SOL_SOCKET, SO_ERROR, (char *)&error, &size);
        if (error) {
            f2p__say(e, "no connection to %s: is the host running?", e->endpoint);
            f2p__lost(e);
        } else {
            e->phase = F2P__HANDSHAKE;
            f2p__put(&e->control, greeting, 64);
        }
        return;
    }
    if (e->phase < F2P__HANDSHAKE || !e->events) return;
    for (rounds = 0; rounds < 16 && e->state != F2P_ENDED; rounds++) { /* then answers are sent */
        long received;
        unsigned char *tail = f2p__grow(&e->in, 16384);
        if (!tail) problem = "a message, but memory ran out";
        if (problem) break;
        e->in.size -= 16384;
        received = (long)recv(e->socket, (char *)tail, 16384, 0);
        if (received < 0 && f2p__would_block()) return;
        if (received <= 0) {
            f2p__say(e, e->phase == F2P__OPEN ? "connection lost: the host closed it"
                                              : "the host closed the connection in the handshake: does it require keys? "
                                                "Then build this client with F2P_ENGINE_LIBZMQ and give the keys");
            f2p__lost(e);
            return;
        }
        e->in.size += (size_t)received;
        problem = f2p__parse(e);
    }
    if (!problem) return;
    e->in.failed = 0;
    f2p__say(e, "%s sent %s", e->endpoint, problem);
    f2p__lost(e);
}

#else
/* ---- libzmq ------------------------------------------------------------------------------------ */

static void f2p__disconnect(f2p_engine *e) { (void)e; } /* libzmq connects again by itself */
static void f2p__connect(f2p_engine *e) { e->retry_at = f2p_seconds() + 1; }

/* Read a key of a file that zmq.auth has written: lines `public-key = "..."` and `secret-key = "..."`. */
static int f2p__read_key(const char *folder, const char *file, const char *name, char key[41]) {
    char path[1024], line[256], format[64];
    FILE *stream;
    int found = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path || !(stream = fopen(path, "r"))) return 0;
    snprintf(format, sizeof format, " %s = \"%%40[^\"]\"", name);
    while (!found && fgets(line, sizeof line, stream)) found = sscanf(line, format, key) == 1 && strlen(key) == 40;
    fclose(stream);
    return found;
}

static const char *f2p__open_zmq(f2p_engine *e, const f2p_config *config) {
    int linger = 300, one = 1, first = 100, last = 1000, queue = 256;
    int64_t largest = F2P__MAX_PLANE;
    char host[41], public_key[41], secret[41];
    e->context = zmq_ctx_new();
    e->dealer = e->context ? zmq_socket(e->context, ZMQ_DEALER) : NULL;
    if (!e->dealer) return "libzmq has no socket left";
    zmq_setsockopt(e->dealer, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(e->dealer, ZMQ_IMMEDIATE, &one, sizeof one);
    zmq_setsockopt(e->dealer, ZMQ_IPV6, &one, sizeof one);
    zmq_setsockopt(e->dealer, ZMQ_RECONNECT_IVL, &first, sizeof first);
    zmq_setsockopt(e->dealer, ZMQ_RECONNECT_IVL_MAX, &last, sizeof last);
    zmq_setsockopt(e->dealer, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(e->dealer, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(e->dealer, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
#ifdef ZMQ_EVENT_HANDSHAKE_FAILED_AUTH /* libzmq 4.3 */
    if (!zmq_socket_monitor(e->dealer, "inproc://f2p-monitor", F2P__FAILED_HANDSHAKES))
        e->monitor = zmq_socket(e->context, ZMQ_PAIR);
    if (e->monitor) zmq_connect(e->monitor, "inproc://f2p-monitor");
#endif
    if (config->keys) {
        if (!f2p__read_key(config->keys, "host.key", "public-key", host) ||
            !f2p__read_key(config->keys, "engine.key_secret", "public-key", public_key) ||
            !f2p__read_key(config->keys, "engine.key_secret", "secret-key", secret))
            return "no usable host.key and engine.key_secret in the folder of keys: copy them from the host";
        if (zmq_setsockopt(e->dealer, ZMQ_CURVE_SERVERKEY, host, 41) ||
            zmq_setsockopt(e->dealer, ZMQ_CURVE_PUBLICKEY, public_key, 41) ||
            zmq_setsockopt(e->dealer, ZMQ_CURVE_SECRETKEY, secret, 41))
            return "this libzmq cannot use the keys: it was built without CURVE, or a key is damaged";
    }
    return zmq_connect(e->dealer, e->endpoint) ? "the endpoint is not tcp://HOST:PORT" : NULL;
}

/* Say that the host refused a handshake: all events of the monitor are failed handshakes. */
static void f2p__check_handshakes(f2p_engine *e) {
    int failed = 0;
    zmq_msg_t part;
    while (e->monitor && zmq_msg_init(&part) == 0) {
        int got = zmq_msg_recv(&part, e->monitor, ZMQ_DONTWAIT);
        zmq_msg_close(&part);
        if (got < 0) break;
        failed = 1;
    }
    if (failed && e->phase != F2P__OPEN)
        f2p__say(e, "the host closed the connection in the handshake: the keys do not fit; next: copy host.key and "
                    "engine.key_secret from the host, and give both sides keys or neither");
}

/* Bytes of the first message in `data` if it was queued; 0 if the queue is full or there is no connection. */
static long f2p__push(f2p_engine *e, const unsigned char *data, size_t size) {
    size_t at = 0;
    int more = 1;
    while (more && at < size) {
        size_t head = data[at] & 2 ? 9 : 2, length = (size_t)f2p__big(data + at + 1, (int)head - 1);
        more = data[at] & 1;
        if (zmq_send(e->dealer, data + at + head, length, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0)
            return at ? -1 : 0;
        at += head + length;
    }
    return (long)at;
}

static void f2p__pull(f2p_engine *e) {
    int events = 0, count;
    size_t events_size = sizeof events;
    f2p__check_handshakes(e);
    zmq_getsockopt(e->dealer, ZMQ_EVENTS, &events, &events_size);
    for (count = 0; count < 1024 && e->state != F2P_ENDED; count++) {
        zmq_msg_t part;
        int more;
        size_t size;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, e->dealer, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            break;
        }
        more = zmq_msg_more(&part);
        size = zmq_msg_size(&part);
        if (e->frame == 0) {
            e->preamble_size = size <= sizeof e->preamble ? size : 0;
            memcpy(e->preamble, zmq_msg_data(&part), e->preamble_size);
        } else if (e->frame == 1 && !more && size <= F2P__MAX_HEADER) /* more frames: ignored */
            f2p__handle_message(e, e->preamble, e->preamble_size, (const unsigned char *)zmq_msg_data(&part), size);
        e->frame = !more ? 0 : e->frame < 2 ? e->frame + 1 : 2;
        zmq_msg_close(&part);
    }
    zmq_getsockopt(e->dealer, ZMQ_EVENTS, &events, &events_size);
    if (e->phase != F2P__OPEN && events & ZMQ_POLLOUT) f2p__opened(e);
    else if (e->phase == F2P__OPEN && !(events & ZMQ_POLLOUT) && e->state != F2P_ENDED) {
        f2p__say(e, "connection lost: the host closed it");
        f2p__lost(e);
    }
}
#endif

/* ---- The client's thread ----------------------------------------------------------------------- */

/* The oldest request of this connection, if it has an answer: answers go out in the order of arrival. */
static f2p__slot *f2p__next_answer(f2p_engine *e) {
    f2p__slot *first = NULL;
    int i;
    for (i = 0; i < e->slot_count; i++) {
        f2p__slot *slot = &e->slots[i];
        if (slot->state == F2P__FREE || slot->epoch != e->epoch) continue;
        if (!first || slot->request.ticket < first->request.ticket) first = slot;
    }
    return first && first->state == F2P__ANSWERED ? first : NULL;
}

/* Send what is ready; return 1 if something is left. */
static int f2p__flush(f2p_engine *e) {
    while (e->phase >= F2P__HANDSHAKE) {
        f2p__buffer *b = &e->control;
        size_t *at = &e->control_at;
        long sent;
        if (!e->sending && e->control_at == e->control.size) {
            e->control.size = e->control_at = 0;
            e->sending = f2p__next_answer(e);
            if (!e->sending) return 0;
            e->sending->state = F2P__SENDING;
            e->sending_at = 0;
        }
        if (e->sending) b = &e->sending->out, at = &e->sending_at;
        f2p__unlock(e);              /* the game must not wait for the network */
        sent = f2p__push(e, b->data + *at, b->size - *at);
        f2p__lock(e);
        if (sent < 0) {
            f2p__say(e, "connection lost while sending");
            f2p__lost(e);
            return 0;
        }
        if (!sent) return 1;
        *at += (size_t)sent;
        if (e->sending && e->sending_at == e->sending->out.size) {
            e->sending->state = F2P__FREE;
            e->sending = NULL;
        }
    }
    return 0;
}

/* Send the messages that are due, and compare the silence with its limits. */
static void f2p__tick(f2p_engine *e, double now) {
    if (e->state == F2P_SERVING) e->absent_since = now;
    if (e->welcomed && e->exit_with_host && now - e->absent_since > (e->phase == F2P__OPEN ? e->silence : 3 * e->heartbeat))
        f2p__finish(e);              /* the message says why the connection was lost */
    if (!e->welcomed && e->connect_timeout > 0 && now - e->absent_since > e->connect_timeout) {
        f2p__say(e, "no welcome from %s within %g s: check that the host runs there, with the same port and keys",
                 e->endpoint, e->connect_timeout);
        f2p__finish(e);
    }
    if (e->phase == F2P__OPEN && now - e->last_message > e->silence) {
        f2p__say(e, "connection lost: no message from the host for %g s", e->silence);
        f2p__lost(e);
    } else if ((e->phase == F2P__CONNECTING || e->phase == F2P__HANDSHAKE) && now > e->deadline) {
        f2p__say(e, "no answer from %s: is another program listening there?", e->endpoint);
        f2p__lost(e);
    }
    if (e->phase == F2P__CLOSED && now >= e->retry_at) f2p__connect(e);
    if (e->phase == F2P__OPEN && now >= e->next_send && f2p__control_room(e)) {
        if (e->state == F2P_SERVING) f2p__send_heartbeat(e, now);
        else f2p__put(&e->control, e->hello.data, e->hello.size);
        e->next_send = now + e->heartbeat;
    }
}

/* Wait for bytes, for a wake-up by an answer, or for `ms` milliseconds. Called without the lock. */
static void f2p__wait_io(f2p_engine *e, int ms, int output) {
    char drained[64];
    int count = 0, connection = -1, watchdog = -1, i;
#ifdef F2P_ENGINE_LIBZMQ
    zmq_pollitem_t fds[3];
    memset(fds, 0, sizeof fds);
    fds[count].socket = e->dealer, fds[count].events = (short)(ZMQ_POLLIN | (output || e->phase != F2P__OPEN ? ZMQ_POLLOUT : 0));
    connection = count++;
    fds[count].fd = e->wake, fds[count++].events = ZMQ_POLLIN;
    if (e->watchdog != F2P__NO_SOCKET) fds[watchdog = count].fd = e->watchdog, fds[count++].events = ZMQ_POLLIN;
    if (zmq_poll(fds, count, ms) < 0) memset(fds, 0, sizeof fds);
#else
    f2p__pollfd fds[3];
    memset(fds, 0, sizeof fds);
    if (f2p__pollable(e, fds, output)) connection = count++;
    fds[count].fd = e->wake, fds[count++].events = POLLIN;
    if (e->watchdog != F2P__NO_SOCKET) fds[watchdog = count].fd = e->watchdog, fds[count++].events = POLLIN;
    if (f2p__poll(fds, (unsigned)count, ms) < 0)
        for (i = 0; i < count; i++) fds[i].revents = 0;
#endif
    e->events = connection < 0 ? 0 : fds[connection].revents;
    e->watchdog_events = watchdog < 0 ? 0 : fds[watchdog].revents;
    for (i = 0; i < 256 && recv(e->wake, drained, sizeof drained, 0) > 0; i++) continue;
    if (e->watchdog_events && recv(e->watchdog, drained, sizeof drained, 0) > 0) e->watchdog_events = 0;
}

/* Say GOODBYE and send the rest of what was begun, at most for a third of a second. */
static void f2p__farewell(f2p_engine *e) {
    double until = f2p_seconds() + 0.3;
    int ready = e->phase == F2P__OPEN;
    if (e->state == F2P_SERVING && ready && f2p__control_room(e)) f2p__send_goodbye(e, "the engine closes");
    f2p__drop(e);
    while (ready && f2p__flush(e) && f2p_seconds() < until) {
        f2p__unlock(e);
        f2p__wait_io(e, 20, 1);
        f2p__lock(e);
    }
    f2p__lost(e);
    e->retry_at = HUGE_VAL;
}

static void f2p__run(f2p_engine *e) {
    f2p__lock(e);
    while (!e->closing && e->state != F2P_ENDED) {
        double left;
        int output, ms;
        f2p__tick(e, f2p_seconds());
        output = f2p__flush(e);
        left = e->phase == F2P__OPEN ? e->next_send - f2p_seconds() : 0.05;
        ms = left < 0.001 ? 1 : left > 0.1 ? 100 : (int)(left * 1000) + 1;
        f2p__unlock(e);
        f2p__wait_io(e, ms, output);
        f2p__lock(e);
        f2p__pull(e);
        if (e->watchdog_events && e->state != F2P_ENDED) {
            f2p__say(e, "the command that started this engine has ended");
            e->exit_with_host = 1;
            f2p__finish(e);
        }
    }
    f2p__farewell(e);
    while (!e->closing) {
        /* The game hangs, and no other process is left to end it. */
        if (e->exit_with_host && f2p_seconds() - e->ended_at > 5 * (e->heartbeat > 1 ? e->heartbeat : 1)) _Exit(3);
        f2p__unlock(e);
        f2p__wait_io(e, 100, 0);
        f2p__lock(e);
    }
    f2p__unlock(e);
}

#ifdef _WIN32
static DWORD WINAPI f2p__thread(LPVOID engine) {
    f2p__run((f2p_engine *)engine);
    return 0;
}
#else
static void *f2p__thread(void *engine) {
    f2p__run((f2p_engine *)engine);
    return NULL;
}
#endif

/* ---- Functions of the game --------------------------------------------------------------------- */

/* A socket that is connected to itself: a byte sent to it ends the wait of the client's thread. */
static f2p__socket f2p__open_wake(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    f2p__socket s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s == F2P__NO_SOCKET) return s;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(s, (struct sockaddr *)&address, size) || getsockname(s, (struct sockaddr *)&address, &size) ||
        connect(s, (struct sockaddr *)&address, size)) {
        f2p__close_socket(s);
        return F2P__NO_SOCKET;
    }
    f2p__prepare_socket(s);
    return s;
}

static void f2p__wake(f2p_engine *e) {
    if (send(e->wake, "", 1, F2P__SEND_FLAGS) < 0) return; /* full: a byte is there already */
}

static char *f2p__copy(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = (char *)malloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

/* Resolve tcp://HOST:PORT into the addresses; return NULL or the problem. */
static const char *f2p__resolve(f2p_engine *e) {
    char host[256];
    const char *start = e->endpoint + 6, *colon = strrchr(e->endpoint, ':');
    struct addrinfo hints, *found = NULL, *a;
    size_t size;
    if (strncmp(e->endpoint, "tcp://", 6) || !colon || colon < start || !colon[1]) return "the endpoint is not tcp://HOST:PORT";
    size = (size_t)(colon - start);
    if (size > 1 && *start == '[' && colon[-1] == ']') start++, size -= 2;
    if (!size || size >= sizeof host) return "the endpoint is not tcp://HOST:PORT";
    memcpy(host, start, size);
    host[size] = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, colon + 1, &hints, &found)) return "the host of the endpoint is unknown";
    for (a = found; a && e->address_count < F2P__MAX_ADDRESSES; a = a->ai_next) {
        if (a->ai_addrlen > sizeof e->addresses[0]) continue;
        memcpy(&e->addresses[e->address_count], a->ai_addr, a->ai_addrlen);
        e->address_sizes[e->address_count++] = (int)a->ai_addrlen;
    }
    freeaddrinfo(found);
    return e->address_count ? NULL : "the host of the endpoint is unknown";
}

static const char *f2p__open_watchdog(f2p_engine *e, int port) {
    struct sockaddr_in address;
    if (!port) return NULL;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    e->watchdog = socket(AF_INET, SOCK_STREAM, 0);
    if (e->watchdog == F2P__NO_SOCKET || connect(e->watchdog, (struct sockaddr *)&address, sizeof address))
        return "the command that started this engine has ended";
    f2p__prepare_socket(e->watchdog);
    return NULL;
}

static size_t f2p__long(const char *text) {
    return f2p__characters((const unsigned char *)text, strlen(text)) < 0 ? F2P__MAX_NAME + 1 : strlen(text);
}

/* Copy the configuration, and write HELLO; return NULL or the problem. */
static const char *f2p__configure(f2p_engine *e, const f2p_config *c) {
    static const char *const only_color[] = {"color"};
    const char *const *passes = c->passes ? c->passes : only_color;
    int count = c->passes ? c->pass_count : 1, credits = c->credits ? c->credits : 4, i;
    f2p__buffer *b = &e->hello;
    size_t start;
    if (!c->endpoint || !c->game || !c->name || !c->version || !c->kinds) return "endpoint, game, name, version and kinds are required";
    if (c->kind_count < 1 || c->kind_count > F2P__MAX_KINDS) return "kind_count must be 1 to 64";
    if (credits < 1 || credits > F2P_MAX_CREDITS) return "credits must be 1 to 64";
    if (c->max_size < 0 || c->max_size > F2P_MAX_SIDE) return "max_size must be at most 4096";
    if (f2p__long(c->game) > F2P__MAX_NAME || f2p__long(c->name) > F2P__MAX_NAME || f2p__long(c->version) > F2P__MAX_NAME ||
        (c->assets && f2p__long(c->assets) > F2P__MAX_NAME))
        return "game, name, version and assets must be UTF-8 of at most 200 bytes";
    e->max_size = c->max_size ? c->max_size : 1024;
    e->slot_count = 2 * credits;     /* a game may still hold requests of the connection before */
    e->scenes = c->scenes, e->exit_with_host = c->exit_with_host;
    e->connect_timeout = c->connect_timeout > 0 ? c->connect_timeout : c->exit_with_host ? 60 : 0;
    start = f2p__begin(b, F2P__HELLO);
    f2p__put_map(b, c->assets ? 9 : 8);
    f2p__put_text(b, "role", 8), f2p__put_text(b, "engine", 8);
    f2p__put_text(b, "game", 8), f2p__put_text(b, c->game, F2P__MAX_NAME);
    f2p__put_text(b, "name", 8), f2p__put_text(b, c->name, F2P__MAX_NAME);
    f2p__put_text(b, "version", 8), f2p__put_text(b, c->version, F2P__MAX_NAME);
    f2p__put_text(b, "kinds", 8), f2p__put_map(b, (unsigned)c->kind_count);
    for (i = 0; i < c->kind_count; i++, e->kind_count++) {
        if (f2p__long(c->kinds[i].name) + f2p__long(c->kinds[i].layout) > F2P__MAX_NAME)
            return "a kind and its layout hash must be UTF-8 of at most 200 bytes together";
        if (!(e->kinds[i] = f2p__copy(c->kinds[i].name))) return "out of memory";
        f2p__put_text(b, c->kinds[i].name, F2P__MAX_NAME), f2p__put_text(b, c->kinds[i].layout, F2P__MAX_NAME);
    }
    f2p__put_text(b, "max_size", 8), f2p__put_uint(b, (unsigned)e->max_size);
    f2p__put_text(b, "passes", 8), f2p__put_array(b, (unsigned)count);
    for (i = 0; i < count; i++) {
        int pass = f2p__find_pass(passes[i], strlen(passes[i]));
        if (pass < 0 || e->passes[pass]) return "a pass is unknown, or named twice";
        e->passes[pass] = 1;
        f2p__put_text(b, passes[i], 16);
    }
    if (!e->passes[F2P__COLOR]) return "passes must contain color";
    f2p__put_text(b, "credits", 8), f2p__put_uint(b, (unsigned)credits);
    if (c->assets) f2p__put_text(b, "assets", 8), f2p__put_text(b, c->assets, F2P__MAX_NAME);
    f2p__end(b, start, 0);
    for (i = 0; i < e->slot_count; i++) f2p__grow(&e->slots[i].out, 4096), e->slots[i].out.size = 0;
    for (i = 0; i < e->slot_count; i++)
        if (e->slots[i].out.failed || b->failed) return "out of memory";
    return (e->endpoint = f2p__copy(c->endpoint)) ? f2p__resolve(e) : "out of memory";
}

static const char *f2p__launch(f2p_engine *e, const f2p_config *config) {
    const char *problem = f2p__configure(e, config);
#ifdef F2P_ENGINE_LIBZMQ
    if (!problem) problem = f2p__open_zmq(e, config);
#else
    if (!problem && config->keys) problem = "keys need libzmq: build this client with F2P_ENGINE_LIBZMQ";
#endif
    if (!problem) problem = f2p__open_watchdog(e, config->watchdog_port);
    if (!problem && (e->wake = f2p__open_wake()) == F2P__NO_SOCKET) problem = "no socket is left";
    if (problem) return problem;
    e->heartbeat = 1, e->silence = 10, e->backoff = 0.1;
    e->absent_since = f2p_seconds();
    f2p__say(e, "connecting to %s", e->endpoint);
#ifdef _WIN32
    e->thread = CreateThread(NULL, 0, f2p__thread, e, 0, NULL);
    e->threaded = e->thread != NULL;
#else
    e->threaded = !pthread_create(&e->thread, NULL, f2p__thread, e);
#endif
    return e->threaded ? NULL : "no thread is left";
}

f2p_engine *f2p_engine_start(const f2p_config *config, char *error, size_t error_size) {
    const char *problem;
    f2p_engine *e = (f2p_engine *)calloc(1, sizeof *e);
#ifdef _WIN32
    WSADATA data;
    if (e && WSAStartup(MAKEWORD(2, 2), &data)) free(e), e = NULL;
    if (e) InitializeCriticalSection(&e->lock), InitializeConditionVariable(&e->changed);
#else
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    if (e) pthread_mutex_init(&e->lock, NULL), pthread_cond_init(&e->changed, &attributes);
    pthread_condattr_destroy(&attributes);
#endif
    if (e) e->wake = e->watchdog = e->socket = F2P__NO_SOCKET;
    problem = e ? f2p__launch(e, config) : "out of memory";
    if (!problem) return e;
    if (error && error_size) snprintf(error, error_size, "%s", problem);
    f2p_engine_free(e);
    return NULL;
}

int f2p_engine_wait(f2p_engine *e, f2p_request *request, double seconds) {
    double until = f2p_seconds() + (seconds < 1e6 ? seconds : 1e6);
    int result = 0;
    f2p__lock(e);
    for (;;) {
        f2p__slot *first = NULL;
        double left;
        int i;
        for (i = 0; i < e->slot_count && e->state == F2P_SERVING; i++)
            if (e->slots[i].state == F2P__QUEUED && (!first || e->slots[i].request.ticket < first->request.ticket))
                first = &e->slots[i];
        if (first) {
            first->state = F2P__TAKEN;
            first->taken = f2p_seconds();
            *request = first->request;
            result = 1;
        } else if (e->state == F2P_ENDED || e->closing) result = -1;
        left = result || seconds <= 0 ? 0 : until - f2p_seconds();
        if (left <= 0) break;
        f2p__wait_changed(e, left);
    }
    f2p__unlock(e);
    return result;
}

int f2p_engine_poll(f2p_engine *e, f2p_request *request) { return f2p_engine_wait(e, request, 0); }

/* The slot of a request that may be answered now, or NULL. */
static f2p__slot *f2p__claim(f2p_engine *e, const f2p_request *r) {
    f2p__slot *slot = NULL;
    f2p__lock(e);
    if (r->slot >= 0 && r->slot < e->slot_count) slot = &e->slots[r->slot];
    if (slot && (slot->state != F2P__TAKEN || slot->request.ticket != r->ticket)) slot = NULL;
    if (slot) {
        slot->state = slot->epoch == e->epoch ? F2P__WRITING : F2P__FREE;
        slot->out.size = 0, slot->out.failed = 0;
        if (slot->state == F2P__FREE) slot = NULL;
    }
    f2p__unlock(e);
    return slot;
}

static int f2p__deliver(f2p_engine *e, f2p__slot *slot, const char *problem) {
    int queued;
    if (slot->out.failed) problem = "the engine ran out of memory";
    if (problem) {
        slot->out.size = 0, slot->out.failed = 0;
        f2p__write_failed(&slot->out, slot->request.id, problem, "correct the engine's call of f2p_engine_picture");
    }
    f2p__lock(e);
    queued = slot->epoch == e->epoch;
    slot->state = queued ? F2P__ANSWERED : F2P__FREE;
    f2p__unlock(e);
    if (queued) f2p__wake(e);
    return !queued ? 0 : problem ? -1 : 1;
}

/* Rows, columns and bytes of an item of a pass; 1 if the shape is valid. */
static int f2p__shape(const f2p_request *r, int pass, const f2p_plane *plane, size_t shape[3]) {
    shape[0] = (size_t)r->height, shape[1] = (size_t)r->width, shape[2] = pass == F2P__COLOR ? 3 : pass == F2P__DEPTH ? 4 : 1;
    if (pass <= F2P__LABELS || pass == F2P__DEPTH) return 1;
    shape[0] = pass == F2P__LANDMARKS ? 73 : (size_t)plane->rows;
    shape[1] = pass == F2P__VERTICES ? 5 : pass == F2P__ATTRIBUTES ? (size_t)plane->columns : 3;
    shape[2] = 4;
    if (pass != F2P__LANDMARKS && (plane->rows < 0 || plane->rows > F2P__MAX_ROWS)) return 0;
    if (pass == F2P__ATTRIBUTES && (plane->columns < 4 || plane->columns > 1024)) return 0;
    return shape[0] * shape[1] * shape[2] <= F2P__MAX_PLANE;
}

/* Copy a plane's rows without padding, from top to bottom, colours as RGB. */
static const char *f2p__write_plane(f2p__buffer *b, int pass, const f2p_plane *plane, const size_t shape[3]) {
    size_t pixel = pass == F2P__COLOR && plane->format != F2P_RGB ? 4 : shape[2];
    size_t stride = plane->stride ? plane->stride : pixel * shape[1], row = shape[1] * shape[2], x, y;
    unsigned char *to = f2p__grow(b, row * shape[0]);
    if (stride < pixel * shape[1]) return "the stride of a plane is shorter than its rows";
    for (y = 0; to && y < shape[0]; y++, to += row) {
        const unsigned char *from = (const unsigned char *)plane->data + stride * (plane->bottom_up ? shape[0] - 1 - y : y);
        int red = plane->format == F2P_BGRA ? 2 : 0;
        if (pixel == shape[2]) memcpy(to, from, row);
        else
            for (x = 0; x < shape[1]; x++) {
                to[3 * x] = from[4 * x + (size_t)red];
                to[3 * x + 1] = from[4 * x + 1];
                to[3 * x + 2] = from[4 * x + 2 - (size_t)red];
            }
    }
    return NULL;
}

int f2p_engine_picture(f2p_engine *e, const f2p_request *request, const f2p_plane *planes, int count, double seconds) {
    f2p__slot *slot = f2p__claim(e, request);
    const f2p_request *r;
    const f2p_plane *given[F2P_MAX_PASSES];
    const char *problem = NULL;
    size_t start, shape[3], at;
    int i, j;
    if (!slot) return 0;
    r = &slot->request;
    if (r->type != F2P_RENDER) return f2p__deliver(e, slot, "the engine answered with a picture, but none was requested");
    start = f2p__begin_answer(&slot->out, F2P__PICTURE, r->id, 4);
    f2p__put_text(&slot->out, "seconds", 8), f2p__put_float(&slot->out, seconds > 0 && isfinite(seconds) ? seconds : 0);
    f2p__put_text(&slot->out, "planes", 8), f2p__put_array(&slot->out, (unsigned)r->pass_count);
    for (i = 0; i < r->pass_count && !problem; i++) {
        int pass = slot->passes[i], dimensions = pass == F2P__COLOR ? 3 : 2;
        given[i] = NULL;
        for (j = 0; j < count && !given[i]; j++)
            if (planes[j].data && !strcmp(planes[j].pass, r->passes[i])) given[i] = &planes[j];
        if (!given[i]) problem = "the engine gave no plane for a requested pass";
        else if (!f2p__shape(r, pass, given[i], shape)) problem = "the rows or columns of a plane are out of range";
        if (problem) break;
        f2p__put_map(&slot->out, 3);
        f2p__put_text(&slot->out, "pass", 8), f2p__put_text(&slot->out, r->passes[i], 16);
        f2p__put_text(&slot->out, "dtype", 8);
        f2p__put_text(&slot->out, pass <= F2P__LABELS ? "u1" : pass == F2P__TRIANGLES ? "i4" : "f4", 8);
        f2p__put_text(&slot->out, "shape", 8), f2p__put_array(&slot->out, (unsigned)dimensions);
        for (j = 0; j < dimensions; j++) f2p__put_uint(&slot->out, shape[j]);
    }
    if (!problem) f2p__end(&slot->out, start, r->pass_count > 0);
    for (i = 0; i < r->pass_count && !problem; i++) {
        f2p__shape(r, slot->passes[i], given[i], shape);
        f2p__put_big(&slot->out, 2, 0, 8);
        at = slot->out.size;
        problem = f2p__write_plane(&slot->out, slot->passes[i], given[i], shape);
        f2p__end(&slot->out, at, i + 1 < r->pass_count);
    }
    return f2p__deliver(e, slot, problem);
}

int f2p_engine_applied(f2p_engine *e, const f2p_request *request) {
    f2p__slot *slot = f2p__claim(e, request);
    if (!slot) return 0;
    if (slot->request.type != F2P_APPLY) return f2p__deliver(e, slot, "the engine answered another request than APPLY");
    f2p__end(&slot->out, f2p__begin_answer(&slot->out, F2P__APPLIED, slot->request.id, 2), 0);
    return f2p__deliver(e, slot, NULL);
}

int f2p_engine_measured(f2p_engine *e, const f2p_request *request, double seconds, int pictures) {
    f2p__slot *slot = f2p__claim(e, request);
    size_t start;
    if (!slot) return 0;
    if (slot->request.type != F2P_MEASURE) return f2p__deliver(e, slot, "the engine answered another request than MEASURE");
    start = f2p__begin_answer(&slot->out, F2P__MEASURED, slot->request.id, 4);
    f2p__put_text(&slot->out, "seconds", 8), f2p__put_float(&slot->out, seconds > 0 && isfinite(seconds) ? seconds : 0);
    f2p__put_text(&slot->out, "pictures", 16), f2p__put_uint(&slot->out, pictures > 0 ? (unsigned)pictures : 0);
    f2p__end(&slot->out, start, 0);
    return f2p__deliver(e, slot, NULL);
}

int f2p_engine_failed(f2p_engine *e, const f2p_request *request, const char *message, const char *remedy) {
    f2p__slot *slot = f2p__claim(e, request);
    if (!slot) return 0;
    f2p__write_failed(&slot->out, slot->request.id, message, remedy);
    return f2p__deliver(e, slot, NULL);
}

f2p_state f2p_engine_state(f2p_engine *e) {
    f2p_state state;
    f2p__lock(e);
    state = (f2p_state)e->state;
    f2p__unlock(e);
    return state;
}

void f2p_engine_message(f2p_engine *e, char *text, size_t size) {
    f2p__lock(e);
    if (size) snprintf(text, size, "%s", e->message);
    f2p__unlock(e);
}

void f2p_engine_stop(f2p_engine *e) {
    if (!e->threaded) return;
    f2p__lock(e);
    e->closing = 1;
    f2p__notify(e);
    f2p__unlock(e);
    f2p__wake(e);
#ifdef _WIN32
    WaitForSingleObject(e->thread, INFINITE);
    CloseHandle(e->thread);
#else
    pthread_join(e->thread, NULL);
#endif
    e->threaded = 0;
#ifdef F2P_ENGINE_LIBZMQ
    zmq_close(e->dealer);
    if (e->monitor) zmq_close(e->monitor);
    zmq_ctx_term(e->context);        /* at most the linger time */
    e->dealer = e->monitor = e->context = NULL;
#endif
}

void f2p_engine_free(f2p_engine *e) {
    int i;
    if (!e) return;
    f2p_engine_stop(e);
#ifdef F2P_ENGINE_LIBZMQ
    if (e->dealer) zmq_close(e->dealer);
    if (e->monitor) zmq_close(e->monitor);
    if (e->context) zmq_ctx_term(e->context);
#endif
    if (e->wake != F2P__NO_SOCKET) f2p__close_socket(e->wake);
    if (e->watchdog != F2P__NO_SOCKET) f2p__close_socket(e->watchdog);
    for (i = 0; i < F2P__MAX_SLOTS; i++) free(e->slots[i].in.data), free(e->slots[i].out.data);
    for (i = 0; i < F2P__MAX_KINDS; i++) free(e->kinds[i]);
    free(e->endpoint), free(e->hello.data), free(e->control.data), free(e->in.data);
#ifdef _WIN32
    DeleteCriticalSection(&e->lock);
    WSACleanup();
#else
    pthread_cond_destroy(&e->changed), pthread_mutex_destroy(&e->lock);
#endif
    free(e);
}

#endif /* F2P_ENGINE_IMPLEMENTATION */
