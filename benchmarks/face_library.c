/* face_library.c: the drawing of examples/engine_c/face.c for other programs; sketch.py loads it.
 *
 *     gcc -std=c99 -O2 -shared -fPIC -I examples/engine_c benchmarks/face_library.c -o face.so -lpthread -lm
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define main face_main
#include "face.c"
#undef main

int face_main(int argc, char **argv);

/* Draw a face; `sliders` have the order of SLIDERS. 0: the size is out of range. */
int face_draw(const double *sliders, int hair, int width, int height, unsigned char *color, unsigned char *labels) {
    character who;
    size_t pixels = (size_t)width * (size_t)height;
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE || hair < 0 || hair > 2) return 0;
    memcpy(who.sliders, sliders, sizeof who.sliders);
    who.hair = hair;
    picture.width = width, picture.height = height, picture.side = width < height ? width : height;
    draw(&picture, &who);
    memcpy(color, picture.color, 3 * pixels);
    memcpy(labels, picture.labels, pixels);
    return 1;
}
