/* overhead.c: an engine that draws nothing; overhead.py measures the bridge with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define F2P_ENGINE_IMPLEMENTATION
#include "f2p_engine.h"

enum { SIDE = 2048 };

int main(int argc, char **argv) {
    static unsigned char picture[3 * SIDE * SIDE];
    static const f2p_kind kinds[] = {{"nothing", "0000000000000000"}};
    char text[200];
    f2p_config config;
    f2p_engine *engine;
    f2p_request request;
    f2p_plane plane;
    int got;
    memset(&config, 0, sizeof config);
    memset(&plane, 0, sizeof plane);
    config.endpoint = argc > 1 ? argv[1] : "";
    config.game = "overhead", config.name = "overhead.c", config.version = "1.0";
    config.kinds = kinds, config.kind_count = 1;
    config.max_size = SIDE;
    config.exit_with_host = 1;
    engine = f2p_engine_start(&config, text, sizeof text);
    if (!engine) {
        fprintf(stderr, "overhead: %s\n", text);
        return 2;
    }
    plane.pass = "color", plane.data = picture;
    while ((got = f2p_engine_wait(engine, &request, 1.0)) >= 0)
        if (got && request.type == F2P_RENDER) f2p_engine_picture(engine, &request, &plane, 1, 0);
        else if (got) f2p_engine_failed(engine, &request, "this engine only answers RENDER", "");
    f2p_engine_free(engine);
    return 0;
}
