/* face.c: a small game engine that draws faces in software and answers the bridge of f2p-sdk.
 *
 *     gcc -std=c99 -Wall -Wextra -Werror face.c -o face -lpthread -lm
 *     f2p check -g sketch --listen tcp://127.0.0.1:15702     (in another terminal)
 *     ./face --connect tcp://127.0.0.1:15702 --exit-with-host
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define F2P_ENGINE_IMPLEMENTATION
#include "f2p_engine.h"

#include <signal.h>

#define LAYOUT_HASH "87bde4948766e914" /* of face.toml */
#define MAX_SIDE 1024
enum { BACKGROUND, SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, NOSE, UPPER_LIP, INNER_MOUTH, LOWER_LIP, HAIR };

/* ---- The picture: y runs down, the smaller side is 1, the centre is (0.5, 0.5) ------------------ */

typedef struct {
    int width, height, side;
    unsigned char color[3 * MAX_SIDE * MAX_SIDE], labels[MAX_SIDE * MAX_SIDE];
    float landmarks[73][3];
} canvas;

typedef struct {
    float x, y, rx, ry; /* centre and radii */
    float top, bottom;  /* rows outside of these are not drawn */
} oval;

static float to_x(const canvas *c, float x) { return (x - 0.5f) * (float)c->side + 0.5f * (float)(c->width - 1); }
static float to_y(const canvas *c, float y) { return (y - 0.5f) * (float)c->side + 0.5f * (float)(c->height - 1); }

static int clamp(float value, int high) { return value < 0 ? 0 : value > (float)high ? high : (int)value; }

/* Paint an oval with smooth edges. `shade` darkens it towards the edge, from 0 to 1; label -1 keeps the labels. */
static void paint(canvas *c, oval o, const float color[3], float shade, int label) {
    float cx = to_x(c, o.x), cy = to_y(c, o.y), rx = o.rx * (float)c->side, ry = o.ry * (float)c->side;
    float top = to_y(c, o.top), bottom = to_y(c, o.bottom);
    int x0 = clamp(cx - rx - 1, c->width), x1 = clamp(cx + rx + 2, c->width), x, y, i;
    int y0 = clamp(cy - ry - 1, c->height), y1 = clamp(cy + ry + 2, c->height);
    for (y = y0; y < y1; y++) {
        for (x = x0; x < x1; x++) {
            float u = ((float)x - cx) / rx, v = ((float)y - cy) / ry, radius = sqrtf(u * u + v * v);
            float slope = sqrtf(u * u / (rx * rx) + v * v / (ry * ry)); /* of the radius, per pixel, times the radius */
            float cover = slope > 0 ? 0.5f + (1 - radius) * radius / slope : 1, light = 1 - shade * radius * radius;
            unsigned char *pixel = c->color + 3 * (y * c->width + x);
            cover = cover > 1 ? 1 : cover;
            if ((float)y < top) cover *= 1 + (float)y - top;
            if ((float)y > bottom) cover *= 1 + bottom - (float)y;
            if ((float)y <= top - 1 || (float)y >= bottom + 1 || cover <= 0) continue;
            for (i = 0; i < 3; i++) pixel[i] = (unsigned char)((1 - cover) * pixel[i] + cover * light * color[i] + 0.5f);
            if (label >= 0 && cover >= 0.5f) c->labels[y * c->width + x] = (unsigned char)label;
        }
    }
}

static oval whole(float x, float y, float rx, float ry) {
    oval o;
    o.x = x, o.y = y, o.rx = rx, o.ry = ry, o.top = -100, o.bottom = 100;
    return o;
}

/* ---- The face ----------------------------------------------------------------------------------- */

static const char *const SLIDERS[] = {"skin_tone", "face_width", "eye_size", "eye_distance",
                                      "brow_height", "nose_length", "mouth_width", "lip_height"};
enum { SKIN_TONE, FACE_WIDTH, EYE_SIZE, EYE_DISTANCE, BROW_HEIGHT, NOSE_LENGTH, MOUTH_WIDTH, LIP_HEIGHT, SLIDER_COUNT };
static const char *const HAIRS[] = {"none", "short", "long"};

typedef struct {
    double sliders[SLIDER_COUNT];
    int hair;
} character;

/* Read the values of a character; return 0 and name the missing one in `problem`. */
static int read_character(const f2p_value *values, character *who, char problem[80]) {
    int i;
    for (i = 0; i < SLIDER_COUNT; i++) {
        if (!f2p_get_number(values, SLIDERS[i], &who->sliders[i]) || fabs(who->sliders[i]) > 1000) {
            snprintf(problem, 80, "%s must be a number in the range of the layout", SLIDERS[i]);
            return 0;
        }
    }
    who->hair = f2p_get_choice(values, "hair", HAIRS, 3);
    if (who->hair < 0) snprintf(problem, 80, "hair must be none, short or long");
    return who->hair >= 0;
}

static void mark(canvas *c, int *next, float x, float y) {
    float *point = c->landmarks[(*next)++];
    point[0] = to_x(c, x), point[1] = to_y(c, y);
    point[2] = point[0] >= 0 && point[1] >= 0 && point[0] < (float)c->width && point[1] < (float)c->height;
}

/* Mark points of an oval: `count` ones from `from` to `to` degrees; 180 is on the left, 90 at the bottom. */
static void mark_oval(canvas *c, int *next, oval o, int count, float from, float to) {
    int i;
    for (i = 0; i < count; i++) {
        float angle = (from + (to - from) * (float)i / (float)(count > 1 ? count - 1 : 1)) * 0.01745329f;
        mark(c, next, o.x + o.rx * cosf(angle), o.y + o.ry * sinf(angle));
    }
}

static void draw(canvas *c, const character *who) {
    const double *s = who->sliders;
    const float tone = 1 - (float)s[SKIN_TONE] / 160, meter = 0.042f; /* size of a centimetre */
    const float skin[3] = {245 * tone, 200 * tone, 172 * tone}, shadow[3] = {150 * tone, 105 * tone, 90 * tone};
    const float hair[3] = {62, 42, 30}, white[3] = {240, 238, 234}, iris[3] = {70, 95, 120}, black[3] = {18, 14, 14};
    const float lip[3] = {185 * (0.4f + 0.6f * tone), 78 * tone, 82 * tone}, mouth[3] = {80, 25, 28};
    const float width = (float)s[FACE_WIDTH] * meter / 2, eye_x = (float)s[EYE_DISTANCE] * meter / 20, eye_y = 0.47f;
    const float eye = (float)s[EYE_SIZE] * meter / 20 * 1.5f, brow_y = eye_y - 0.02f - (float)s[BROW_HEIGHT] * meter / 10;
    const float nose_y = eye_y - 0.06f + (float)s[NOSE_LENGTH] * meter / 10, mouth_y = 0.715f;
    const oval face = whole(0.5f, 0.53f, width, 0.37f);
    oval lips = whole(0.5f, mouth_y, (float)s[MOUTH_WIDTH] * meter / 20, (float)s[LIP_HEIGHT] * meter / 20), eyes[2], brows[2], part;
    int x, y, i, next = 0;
    for (y = 0; y < c->height; y++)
        for (x = 0; x < c->width; x++)
            for (i = 0; i < 3; i++) c->color[3 * (y * c->width + x) + i] = (unsigned char)(150 - 40 * y / c->height + 6 * i);
    memset(c->labels, BACKGROUND, (size_t)c->width * (size_t)c->height);
    if (who->hair == 2) paint(c, whole(0.5f, 0.58f, width + 0.09f, 0.5f), hair, 0.35f, HAIR);
    paint(c, whole(0.5f, 0.98f, 0.14f, 0.2f), shadow, 0.2f, BACKGROUND);
    paint(c, whole(0.5f, 1.12f, 0.42f, 0.17f), iris, 0.3f, BACKGROUND);
    for (i = -1; i < 2; i += 2) paint(c, whole(0.5f + (float)i * width, 0.52f, 0.03f, 0.06f), shadow, 0.2f, BACKGROUND);
    paint(c, face, skin, 0.28f, SKIN);
    for (i = 0; i < 2; i++) { /* 0: the subject's right eye, on the left of the picture */
        float side = i ? 1.0f : -1.0f;
        eyes[i] = whole(0.5f + side * eye_x, eye_y, eye, 0.42f * eye);
        brows[i] = whole(0.5f + side * eye_x, brow_y, 0.078f, 0.013f);
        part = eyes[i], part.rx *= 1.25f, part.ry *= 1.45f;
        paint(c, part, shadow, 0, -1);
        paint(c, eyes[i], white, 0.15f, i ? LEFT_EYE : RIGHT_EYE);
        paint(c, whole(eyes[i].x, eye_y, 0.42f * eye, 0.42f * eye), iris, 0.3f, -1);
        paint(c, whole(eyes[i].x, eye_y, 0.2f * eye, 0.2f * eye), black, 0, -1);
        paint(c, whole(eyes[i].x + 0.1f * eye, eye_y - 0.12f * eye, 0.07f * eye, 0.07f * eye), white, 0, -1);
        paint(c, brows[i], hair, 0, i ? LEFT_BROW : RIGHT_BROW);
    }
    part = whole(0.5f, nose_y - 0.04f, 0.055f, 0.05f);
    paint(c, whole(0.5f, (eye_y + nose_y) / 2, 0.024f, (nose_y - eye_y) / 2 + 0.01f), skin, 0.05f, NOSE);
    paint(c, part, skin, 0.22f, NOSE);
    for (i = -1; i < 2; i += 2) paint(c, whole(0.5f + 0.025f * (float)i, nose_y - 0.005f, 0.012f, 0.007f), shadow, 0, NOSE);
    part = lips, part.bottom = mouth_y;
    paint(c, part, lip, 0.25f, UPPER_LIP);
    part.top = mouth_y, part.bottom = 100, part.ry *= 1.2f;
    paint(c, part, lip, 0.1f, LOWER_LIP);
    paint(c, whole(0.5f, mouth_y, 0.96f * lips.rx, 0.008f), mouth, 0, INNER_MOUTH);
    if (who->hair) {
        part = whole(0.5f, 0.36f, width + 0.03f, 0.27f), part.bottom = 0.27f;
        paint(c, part, hair, 0.3f, HAIR);
    }
    mark_oval(c, &next, face, 17, 180, 0);
    for (i = 0; i < 10; i++) mark(c, &next, brows[i / 5].x + brows[i / 5].rx * (float)(i % 5 - 2) / 2, brow_y);
    for (i = 0; i < 4; i++) mark(c, &next, 0.5f, eye_y + (nose_y - 0.02f - eye_y) * (float)i / 3);
    for (i = 0; i < 5; i++) mark(c, &next, 0.5f + 0.02f * (float)(i - 2), nose_y);
    for (i = 0; i < 2; i++) {
        mark_oval(c, &next, eyes[i], 4, 180, 360);
        mark_oval(c, &next, eyes[i], 2, 60, 120);
    }
    mark_oval(c, &next, lips, 7, 180, 360);
    part = lips, part.ry *= 1.2f;
    mark_oval(c, &next, part, 5, 30, 150);
    part = whole(0.5f, mouth_y, 0.96f * lips.rx, 0.008f);
    mark_oval(c, &next, part, 5, 180, 360);
    mark_oval(c, &next, part, 3, 45, 135);
    for (i = 1; i >= 0; i--) {
        mark_oval(c, &next, eyes[i], 1, i ? 0.0f : 180.0f, 0);
        mark_oval(c, &next, eyes[i], 1, i ? 180.0f : 0.0f, 0);
    }
    mark(c, &next, 0.5f, nose_y);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static canvas picture; /* of the thread that draws */

static void answer(f2p_engine *engine, const f2p_request *request) {
    static const char remedy[] = "send every parameter of face.toml";
    f2p_value characters = request->characters, item;
    f2p_plane planes[3];
    character who;
    char problem[80];
    double start = f2p_seconds();
    int round, count = 0;
    picture.width = request->width, picture.height = request->height;
    picture.side = request->width < request->height ? request->width : request->height;
    if (request->type == F2P_MEASURE) {
        for (round = 0; round <= request->repeat; round++) { /* the first round is not measured */
            if (round == 1) start = f2p_seconds();
            for (characters = request->characters; f2p_next(&characters, &item); count += round > 0) {
                if (!read_character(&item, &who, problem)) {
                    f2p_engine_failed(engine, request, problem, remedy);
                    return;
                }
                draw(&picture, &who);
            }
        }
        f2p_engine_measured(engine, request, f2p_seconds() - start, count);
    } else if (!read_character(&request->values, &who, problem))
        f2p_engine_failed(engine, request, problem, remedy);
    else if (request->type == F2P_APPLY) {
        printf("applied: %s hair\n", HAIRS[who.hair]);
        f2p_engine_applied(engine, request);
    } else {
        draw(&picture, &who);
        memset(planes, 0, sizeof planes);
        planes[0].pass = "color", planes[0].data = picture.color;
        planes[1].pass = "labels", planes[1].data = picture.labels;
        planes[2].pass = "landmarks", planes[2].data = picture.landmarks;
        f2p_engine_picture(engine, request, planes, 3, f2p_seconds() - start);
    }
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

int main(int argc, char **argv) {
    static const char *const passes[] = {"color", "labels", "landmarks"};
    static const char *const states[] = {"waiting", "greeting", "serving", "ended"};
    static const f2p_kind kinds[] = {{"face", LAYOUT_HASH}};
    const char *watchdog = getenv("F2P_WATCHDOG");
    char text[1024], shown[1024] = "";
    f2p_config config;
    f2p_engine *engine;
    f2p_request request;
    int i, got = 0, state = -1;
    memset(&config, 0, sizeof config);
    config.endpoint = "tcp://127.0.0.1:15702";
    config.game = "sketch", config.name = "face.c", config.version = "1.0", config.assets = "face-1";
    config.kinds = kinds, config.kind_count = 1;
    config.passes = passes, config.pass_count = 3;
    config.max_size = MAX_SIDE;
    config.watchdog_port = watchdog ? atoi(watchdog) : 0;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--exit-with-host")) config.exit_with_host = 1;
        else if (!strcmp(argv[i], "--connect") && i + 1 < argc) config.endpoint = argv[++i];
        else if (!strcmp(argv[i], "--keys") && i + 1 < argc) config.keys = argv[++i];
        else {
            fprintf(stderr, "usage: face [--connect tcp://HOST:PORT] [--exit-with-host] [--keys DIR]\n");
            return 2;
        }
    }
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    engine = f2p_engine_start(&config, text, sizeof text);
    if (!engine) {
        fprintf(stderr, "face: %s\n", text);
        return 2;
    }
    while (!interrupted && got >= 0) {
        got = f2p_engine_wait(engine, &request, 0.1); /* a game calls f2p_engine_poll once per frame */
        if (got > 0) answer(engine, &request);
        f2p_engine_message(engine, text, sizeof text);
        if ((int)f2p_engine_state(engine) != state || strcmp(text, shown)) {
            state = (int)f2p_engine_state(engine);
            strcpy(shown, text);
            fprintf(stderr, "face: %s: %s\n", states[state], text);
        }
    }
    f2p_engine_free(engine);
    return interrupted || config.exit_with_host ? 0 : 1;
}
