/* f2p_engine_zmq.h: the connection of f2p_engine.h over libzmq 4.2 or later, with CURVE keys.
 *
 * f2p_engine.h includes this file if F2P_ENGINE_LIBZMQ is defined. Link with -lzmq. libzmq connects again by itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <zmq.h>

/* Events of a monitor, since libzmq 4.3: a handshake failed; succeeded; was refused for its protocol or its keys. */
enum { F2P__SHAKE_FAILED = 0x0800, F2P__SHAKEN = 0x1000, F2P__SHAKE_REFUSED = 0x6000, F2P__MAX_FAILURES = 3 };

static void f2p__disconnect(f2p_engine *e) { (void)e; }

static void f2p__connect(f2p_engine *e) {
    f2p__say(e, "no connection to %s: is the host running, with the same keys?", e->endpoint);
    e->retry_at = f2p_seconds() + 1;
}

/* Waits for unsent messages, at most for the linger time. */
static void f2p__close_connection(f2p_engine *e) {
    if (e->dealer) zmq_close(e->dealer);
    if (e->monitor) zmq_close(e->monitor);
    while (e->context && zmq_ctx_term(e->context) && zmq_errno() == EINTR) continue;
    e->dealer = e->monitor = e->context = NULL;
    e->socket = F2P__NO_SOCKET;
}

/* Read a key of a file that zmq.auth has written: lines `public-key = "..."` and `secret-key = "..."`. */
static int f2p__read_key(const char *folder, const char *file, const char *name, char key[41]) {
    char path[1024], line[256], format[64];
    FILE *stream;
    int found = 0;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    snprintf(format, sizeof format, " %s = \"%%40[^\"]\"", name);
    stream = fopen(path, "r");
    while (stream && !found && fgets(line, sizeof line, stream))
        found = sscanf(line, format, key) == 1 && strlen(key) == 40;
    if (stream) fclose(stream);
    return found;
}

static const char *f2p__open_connection(f2p_engine *e, const f2p_config *config) {
    static const int options[][2] = {
        {ZMQ_LINGER, 300}, {ZMQ_IMMEDIATE, 1}, {ZMQ_IPV6, 1}, {ZMQ_RECONNECT_IVL, 100}, {ZMQ_RECONNECT_IVL_MAX, 1000},
        {ZMQ_SNDHWM, 256}, {ZMQ_RCVHWM, 256}}; /* no heartbeats of libzmq: they can abort the process */
    const int shakes = F2P__SHAKE_FAILED | F2P__SHAKEN | F2P__SHAKE_REFUSED;
    int64_t largest = F2P__MAX_PLANE;
    char host[41], public_key[41], secret[41];
    size_t i, size = sizeof e->socket;
    e->context = zmq_ctx_new();
    e->dealer = e->context ? zmq_socket(e->context, ZMQ_DEALER) : NULL;
    e->monitor = e->dealer ? zmq_socket(e->context, ZMQ_PAIR) : NULL;
    if (!e->monitor || zmq_socket_monitor(e->dealer, "inproc://f2p-monitor", shakes) ||
        zmq_connect(e->monitor, "inproc://f2p-monitor"))
        return "libzmq has no socket left";
    for (i = 0; i < sizeof options / sizeof *options; i++)
        zmq_setsockopt(e->dealer, options[i][0], &options[i][1], sizeof options[i][1]);
    zmq_setsockopt(e->dealer, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
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
    if (zmq_connect(e->dealer, e->endpoint)) return "the endpoint is not tcp://HOST:PORT";
    zmq_getsockopt(e->dealer, ZMQ_FD, &e->socket, &size);
    return NULL;
}

/* Queue one message; return its bytes, 0 if the queue is full or there is no connection, -1 if libzmq failed. */
static long f2p__push(f2p_engine *e, const unsigned char *data, size_t size) {
    size_t at = 0;
    while (at < size) {
        size_t head = data[at] & 2 ? 9 : 2, length = (size_t)f2p__big(data + at + 1, head - 1);
        int flags = data[at] & 1 ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT;
        if (zmq_send(e->dealer, data + at + head, length, flags) < 0) return at ? -1 : 0;
        at += head + length;
    }
    return (long)at;
}

static int f2p__zmq_events(f2p_engine *e) {
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(e->dealer, ZMQ_EVENTS, &events, &size);
    return events;
}

/* End if the host refuses the keys, or closes several connections in a row; a host that ends may close one. */
static void f2p__watch_handshakes(f2p_engine *e) {
    unsigned char part[6];           /* the event in 2 bytes, and a value; then the address */
    while (e->state != F2P_ENDED && zmq_recv(e->monitor, part, sizeof part, ZMQ_DONTWAIT) >= 0) {
        int event = part[0] | part[1] << 8;
        zmq_recv(e->monitor, part, sizeof part, ZMQ_DONTWAIT);
        e->failures = event == F2P__SHAKEN ? 0 : e->failures + 1;
        if (!(event & F2P__SHAKE_REFUSED) && e->failures < F2P__MAX_FAILURES) continue;
        f2p__say(e, "%s: the host refused the connection: the keys do not fit; next: copy host.key and "
                 "engine.key_secret from the host, and give both sides keys or neither", e->endpoint);
        f2p__set_state(e, F2P_ENDED);
    }
}

static void f2p__pull(f2p_engine *e) {
    int received = 0, events;
    f2p__watch_handshakes(e);
    while (received >= 0 && e->state != F2P_ENDED) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        received = zmq_msg_recv(&part, e->dealer, ZMQ_DONTWAIT);
        if (received > F2P__MAX_HEADER && e->frame < 2) e->frame = 2; /* ignored like a plane */
        if (received >= 0)
            f2p__frame(e, (const unsigned char *)zmq_msg_data(&part), (size_t)received, zmq_msg_more(&part));
        zmq_msg_close(&part);
    }
    events = f2p__zmq_events(e);
    if (e->phase != F2P__OPEN && events & ZMQ_POLLOUT) f2p__opened(e);
    else if (e->phase == F2P__OPEN && !(events & ZMQ_POLLOUT)) f2p__lost(e, "the host closed it", "");
}

/* The descriptor of libzmq tells changes only: what was there before the wait needs no wait. */
static int f2p__interest(f2p_engine *e, int output, double *seconds) {
    int wanted = output || e->phase != F2P__OPEN ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN;
    if (e->dealer && f2p__zmq_events(e) & wanted) *seconds = 0;
    return POLLIN;
}
