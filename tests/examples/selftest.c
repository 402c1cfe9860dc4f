/* Feeds messages to the C client without a connection; test_engine_c.py compiles and runs it.
 *
 * selftest replay < MESSAGES   each line has the frames of a message in hexadecimal, separated by blanks. Prints
 *                              "decoded" with the frames after decoding and encoding, "sent" with the frames
 *                              that the client's own functions write, and what the game sees of the host's.
 * selftest planes               prints pictures that were given with padding, upside down and as BGRA
 * selftest stop ENDPOINT        takes a request, does not answer it, stops, and answers it then
 * selftest fuzz SEED COUNT < MESSAGES   changes bytes of the messages at random and feeds them.
 */
#define F2P_ENGINE_IMPLEMENTATION
#include "f2p_engine.h"

enum { LIMIT = 16, FRAMES = 10 };

typedef struct {
    unsigned char data[120000];
    size_t size;
} frame;

typedef struct {
    frame frames[FRAMES];
    int count;
} message;

static message messages[LIMIT];
static int message_count;

static void read_messages(void) {
    static char line[500000];
    while (message_count < LIMIT && fgets(line, sizeof line, stdin)) {
        message *m = &messages[message_count++];
        char *word;
        for (word = strtok(line, " \n"); word && m->count < FRAMES; word = strtok(NULL, " \n")) {
            frame *f = &m->frames[m->count++];
            unsigned byte;
            for (; sscanf(word, "%2x", &byte) == 1; word += 2) f->data[f->size++] = (unsigned char)byte;
        }
    }
}

static void print_bytes(const unsigned char *data, size_t size) {
    size_t i;
    printf(" ");
    for (i = 0; i < size; i++) printf("%02x", data[i]);
}

/* Print frames as the client stores them: flags, size, bytes. */
static void print_frames(const char *what, const f2p__buffer *b) {
    size_t at = 0;
    printf("%s", what);
    while (at < b->size) {
        size_t head = b->data[at] & 2 ? 9 : 2, size = (size_t)f2p__big(b->data + at + 1, (int)head - 1);
        print_bytes(b->data + at + head, size);
        at += head + size;
    }
    printf("\n");
}

/* Write a value as it was read. */
static void copy_value(f2p__buffer *b, f2p_value v) {
    f2p_value item;
    char text[4096];
    if (v.type == F2P_NIL) f2p__put_big(b, 0xc0, 0, 0);
    else if (v.type == F2P_BOOL) f2p__put_big(b, v.real > 0 ? 0xc3 : 0xc2, 0, 0);
    else if (v.type == F2P_UINT) f2p__put_uint(b, v.number);
    else if (v.type == F2P_FLOAT) f2p__put_float(b, v.real);
    else if (v.type == F2P_TEXT) {
        memcpy(text, v.data, (size_t)v.number);
        text[v.number] = 0;
        f2p__put_text(b, text, sizeof text);
    } else {
        if (v.type == F2P_MAP) f2p__put_map(b, (unsigned)v.number);
        else f2p__put_array(b, (unsigned)v.number);
        while (f2p_next(&v, &item)) copy_value(b, item);
    }
}

static void init_engine(f2p_engine *e) {
    static const f2p_kind kinds[] = {{"female", "8c1f"}};
    f2p_config config;
    memset(e, 0, sizeof *e);
    memset(&config, 0, sizeof config);
    config.endpoint = "tcp://127.0.0.1:1";
    config.game = "justice", config.name = "openhead", config.version = "0.1.0";
    config.kinds = kinds, config.kind_count = 1;
    e->wake = e->watchdog = e->socket = F2P__NO_SOCKET;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    if (f2p__configure(e, &config)) exit(9);
    e->wake = f2p__open_wake();
    e->state = F2P_SERVING, e->phase = F2P__OPEN, e->heartbeat = 1, e->silence = 10;
}

static double number(const f2p_value *map, const char *key) {
    double value = 0;
    f2p_get_number(map, key, &value);
    return value;
}

static const char *string(const f2p_value *map, const char *key) {
    static char texts[2][200];
    static int turn;
    f2p_value v;
    char *text = texts[turn = !turn];
    if (f2p_get(map, key, &v)) snprintf(text, 200, "%.*s", (int)v.number, (const char *)v.data);
    return text;
}

/* Answer a request that never came, with the fields of a literal answer. */
static void print_answer(f2p_engine *e, int type, const f2p_value *header, const frame *plane) {
    f2p__slot *slot = &e->slots[0];
    f2p_plane given;
    int result = 0;
    slot->state = F2P__TAKEN, slot->epoch = e->epoch;
    memset(&slot->request, 0, sizeof slot->request);
    slot->request.type = type - 1, slot->request.id = (uint64_t)number(header, "id");
    slot->request.width = 2, slot->request.height = 1, slot->request.pass_count = 1;
    slot->request.passes[0] = "color", slot->passes[0] = F2P__COLOR;
    memset(&given, 0, sizeof given);
    given.pass = "color", given.data = plane->data;
    if (type == F2P__PICTURE) result = f2p_engine_picture(e, &slot->request, &given, 1, number(header, "seconds"));
    if (type == F2P__APPLIED) result = f2p_engine_applied(e, &slot->request);
    if (type == F2P__MEASURED)
        result = f2p_engine_measured(e, &slot->request, number(header, "seconds"), (int)number(header, "pictures"));
    if (type == F2P__FAILED)
        result = f2p_engine_failed(e, &slot->request, string(header, "message"), string(header, "remedy"));
    if (result == 1) print_frames("sent", &slot->out);
    slot->state = F2P__FREE;
}

static void print_seen(f2p_engine *e) {
    static const char *const states[] = {"waiting", "greeting", "serving", "ended"};
    f2p_request r;
    double nose = 0;
    f2p_value first, items;
    char text[500];
    int bob = -1;
    static const char *const hairs[] = {"bald", "bob"};
    f2p_engine_message(e, text, sizeof text);
    printf("state %s: %s\n", states[f2p_engine_state(e)], text);
    while (f2p_engine_poll(e, &r) > 0) {
        first = r.values, items = r.characters;
        if (r.type == F2P_MEASURE) f2p_next(&items, &first);
        f2p_get_number(&first, "nose_width", &nose);
        bob = f2p_get_choice(&first, "hair_style", hairs, 2);
        printf("request %d id %lu kind %d size %dx%d passes %d nose %g hair %d repeat %d\n", r.type,
               (unsigned long)r.id, r.kind, r.width, r.height, r.pass_count, nose, bob, r.repeat);
        f2p_engine_failed(e, &r, "", "");
    }
}

static void replay(f2p_engine *e, const message *m) {
    static f2p__buffer again;
    const frame *preamble = &m->frames[0], *header = &m->frames[1];
    f2p_value map;
    int type = preamble->data[5];
    if (!f2p__read_header(header->data, header->size, &map)) {
        printf("malformed\n");
        return;
    }
    again.size = 0;
    copy_value(&again, map);
    printf("decoded");
    print_bytes(again.data, again.size);
    printf("\n");
    e->control.size = e->control_at = 0;
    if (type == F2P__HELLO) print_frames("sent", &e->hello);
    else if (type == F2P__HEARTBEAT && f2p_get(&map, "busy", &map)) {
        e->slots[0].state = F2P__TAKEN, e->slots[0].epoch = e->epoch, e->slots[0].taken = 100;
        f2p__send_heartbeat(e, 100 + map.real);
        e->slots[0].state = F2P__FREE;
        print_frames("sent", &e->control);
    } else if (type >= F2P__PICTURE && type % 2) print_answer(e, type, &map, &m->frames[2]);
    else if (type == F2P__FAILED) print_answer(e, type, &map, preamble);
    else {
        e->state = F2P_SERVING;
        f2p__handle_message(e, preamble->data, preamble->size, header->data, header->size);
        print_seen(e);
        if (type == F2P__GOODBYE) {
            e->control.size = 0;
            f2p__send_goodbye(e, string(&map, "reason"));
            print_frames("sent", &e->control);
        }
    }
}

static uint64_t seed;

static unsigned random_below(unsigned n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* Feed a changed message as received bytes, in pieces, as ZMTP frames. */
static void fuzz(f2p_engine *e, long count) {
    static const unsigned char codes[] = {0x80, 0x8f, 0x90, 0x9f, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcb, 0xcc, 0xcf, 0xd0,
                                          0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x7f, 0x00};
    f2p_request r;
    long requests = 0, welcomes = 0;
    while (count--) {
        const message *m = &messages[random_below((unsigned)message_count)];
        unsigned char *at;
        size_t pieces, size, i;
        int f, changes;
        f2p__buffer bytes;
        memset(&bytes, 0, sizeof bytes);
        for (f = 0; f < m->count; f++) {
            f2p__put_big(&bytes, 2 | (f + 1 < m->count), m->frames[f].size, 8);
            f2p__put(&bytes, m->frames[f].data, m->frames[f].size);
        }
        for (changes = (int)random_below(6); changes > 0; changes--) {
            at = bytes.data + random_below((unsigned)bytes.size);
            *at = random_below(2) ? codes[random_below(sizeof codes)] : (unsigned char)random_below(256);
        }
        if (!random_below(4)) bytes.size = random_below((unsigned)bytes.size);
        if (e->phase != F2P__OPEN || e->state != F2P_SERVING) e->phase = F2P__OPEN, e->state = F2P_SERVING;
        for (i = 0; i < bytes.size; i += size) {
            pieces = 1 + random_below(200);
            size = bytes.size - i < pieces ? bytes.size - i : pieces;
            f2p__put(&e->in, bytes.data + i, size);
            if (f2p__parse(e)) {
                e->in.size = e->preamble_size = 0, e->skip = 0, e->frame = e->more = 0;
                break;
            }
        }
        if (random_below(3)) e->in.size = 0, e->skip = 0, e->frame = 0; /* a new connection */
        while (f2p_engine_poll(e, &r) > 0) {
            requests++;
            f2p_engine_failed(e, &r, "", "");
        }
        for (f = 0; f < e->slot_count; f++) e->slots[f].state = F2P__FREE;
        welcomes += e->welcomed, e->welcomed = 0;
        if (e->control.size > 2 * F2P__CONTROL_LIMIT || e->in.capacity > 1 << 21) exit(8);
        e->control.size = 0;
        free(bytes.data);
    }
    printf("%ld requests, %ld welcomes\n", requests, welcomes);
}

/* Pictures of 2 x 2 pixels: rows of 12 bytes, the lowest first, BGRA; then labels with rows of 3 bytes. */
static void planes(f2p_engine *e) {
    static const unsigned char color[24] = {7, 8, 9, 0, 10, 11, 12, 0, 99, 99, 99, 99, 1, 2, 3, 0, 4, 5, 6, 0};
    static const unsigned char labels[6] = {1, 2, 99, 3, 4, 99};
    f2p__slot *slot = &e->slots[0];
    f2p_plane given[2];
    int i;
    memset(given, 0, sizeof given);
    given[0].pass = "labels", given[0].data = labels, given[0].stride = 3;
    given[1].pass = "color", given[1].data = color, given[1].stride = 12;
    given[1].format = F2P_BGRA, given[1].bottom_up = 1;
    for (i = 0; i < 4; i++) { /* valid, a stride that is too short, a missing plane, an answer too many */
        memset(&slot->request, 0, sizeof slot->request);
        if (i < 3) slot->state = F2P__TAKEN;
        slot->request.type = F2P_RENDER, slot->request.width = slot->request.height = 2, slot->request.pass_count = 2;
        slot->request.passes[0] = "color", slot->passes[0] = F2P__COLOR;
        slot->request.passes[1] = "labels", slot->passes[1] = F2P__LABELS;
        if (i == 1) given[1].stride = 7;
        printf("result %d\n", f2p_engine_picture(e, &slot->request, given, i == 2 ? 1 : 2, 0));
        if (i < 3) print_frames("sent", &slot->out);
    }
    slot->state = F2P__FREE;
}

static int stop(const char *endpoint) {
    static const f2p_kind kinds[] = {{"female", "8c1f"}};
    f2p_config config;
    f2p_request r;
    char text[200];
    double start;
    f2p_engine *e;
    memset(&config, 0, sizeof config);
    config.endpoint = endpoint, config.game = "justice", config.name = "stop", config.version = "1";
    config.kinds = kinds, config.kind_count = 1;
    e = f2p_engine_start(&config, text, sizeof text);
    if (!e || f2p_engine_wait(e, &r, 20) != 1) return 3;
    start = f2p_seconds();
    f2p_engine_stop(e);
    printf("stopped in %.3f\n", f2p_seconds() - start);
    printf("answer %d, poll %d\n", f2p_engine_failed(e, &r, "too late", ""), f2p_engine_poll(e, &r));
    f2p_engine_free(e);
    return 0;
}

int main(int argc, char **argv) {
    static f2p_engine engine;
    int i;
    if (argc == 3 && !strcmp(argv[1], "stop")) return stop(argv[2]);
    (void)f2p__connect;
    init_engine(&engine);
    if (argc == 2 && !strcmp(argv[1], "planes")) planes(&engine);
    else read_messages();
    if (argc == 2 && !strcmp(argv[1], "replay"))
        for (i = 0; i < message_count; i++) replay(&engine, &messages[i]);
    else if (argc == 4 && !strcmp(argv[1], "fuzz")) seed = strtoul(argv[2], NULL, 10), fuzz(&engine, atol(argv[3]));
    
    printf("done\n");
    return 0;
}
