#include "common/net/router.h"

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/memory.h"
#include "common/net/zsocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    ENFORCE_DOMAIN = 93 /* ZMQ_ZAP_ENFORCE_DOMAIN: without a gate nobody gets in; a draft in zmq.h */,
    BUDGET = 256,
    HANDSHAKE_MS = 5000,
    CURVE_BYTES = 64 /* what CURVE puts around a frame */
};

struct router {
    void *context; /* owns */
    struct gate *gate;
    struct zsocket *socket, *monitor; /* monitor: NULL when nothing is counted */
    struct router_spec spec;          /* its keys and endpoint are not kept */
    char endpoint[256];
    size_t peers;
    bool open; /* nobody is heard before the gate has proved itself and the owner has us */
};

static bool user_key(zmq_msg_t *m, uint8_t out[KEY_BYTES]) {
    const char *hex = zmq_msg_gets(m, "User-Id");
    struct buffer raw = {0};
    bool good = hex != NULL && strlen(hex) == 2 * KEY_BYTES && hex_decode(hex, 2 * KEY_BYTES, &raw);
    if (good)
        memcpy(out, raw.at, KEY_BYTES);
    buffer_close(&raw);
    return good;
}

/* One message: the route and exactly one frame; anything else is no peer of ours and is dropped whole. */
static bool receive(struct router *r) {
    void *socket = zsocket_raw(r->socket);
    struct router_route from = {.len = 0};
    uint8_t key[KEY_BYTES];
    size_t frames = 0;
    for (bool more = true; more; frames++) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(&m) != 0;
        if (frames == 0 && zmq_msg_size(&m) <= sizeof from.id) {
            from.len = zmq_msg_size(&m);
            memcpy(from.id, zmq_msg_data(&m), from.len);
        } else if (frames == 1 && !more && from.len > 0 && user_key(&m, key)) {
            r->spec.heard(r->spec.owner, key, &from, bytes_of(zmq_msg_data(&m), zmq_msg_size(&m)));
        }
        zmq_msg_close(&m);
    }
    return true;
}

static void drain(void *owner) {
    struct router *r = owner;
    for (unsigned i = 0; i < BUDGET && r->open && receive(r); i++)
        continue;
}

/* ---- how many are connected: zmq_socket_monitor(3) */

static void watch(void *owner) {
    struct router *r = owner;
    for (;;) {
        zmq_msg_t m;
        uint16_t event = 0;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, zsocket_raw(r->monitor), ZMQ_DONTWAIT) < 0)
            return;
        if (zmq_msg_more(&m) && zmq_msg_size(&m) >= sizeof event)
            memcpy(&event, zmq_msg_data(&m), sizeof event);
        zmq_msg_close(&m);
        if (event == ZMQ_EVENT_ACCEPTED)
            r->peers++;
        else if (event == ZMQ_EVENT_DISCONNECTED && r->peers > 0)
            r->peers--;
    }
}

static int count_peers(struct router *r, uv_loop_t *loop, void *socket) {
    static const char name[] = "inproc://router-peers";
    void *monitor = zmq_socket(r->context, ZMQ_PAIR);
    if (monitor == NULL || zmq_socket_monitor(socket, name, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0 ||
        zmq_connect(monitor, name) != 0) {
        int e = -zmq_errno();
        zmq_close(monitor);
        return fail(e);
    }
    r->monitor = zsocket_open(loop, monitor, watch, r);
    return 0;
}

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    const struct router *r = owner;
    return r->spec.peers_max > 0 && r->peers > r->spec.peers_max ? GATE_LATER : r->spec.admits(r->spec.owner, key);
}

/* ---- life */

static int prepare(void *socket, const struct router_spec *spec) {
    int64_t most = (int64_t)spec->message_bytes + CURVE_BYTES;
    const struct {
        int option, value;
    } ints[] = {
        {ZMQ_CURVE_SERVER, 1},
        {ZMQ_LINGER, 0},
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_BACKLOG, spec->backlog},
        {ZMQ_SNDHWM, spec->queue},
        {ZMQ_RCVHWM, spec->queue},
        {ENFORCE_DOMAIN, 1},
        {ZMQ_IPV6, strchr(spec->endpoint, '[') != NULL},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 60}};
    int r = 0;
    for (size_t i = 0; i < sizeof ints / sizeof *ints && r == 0; i++)
        r = zmq_setsockopt(socket, ints[i].option, &ints[i].value, sizeof ints[i].value) == 0 ? 0 : fail(-zmq_errno());
    if (r == 0 && (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, spec->keys->curve_secret, KEY_BYTES) != 0 ||
                   zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, spec->domain, strlen(spec->domain)) != 0 ||
                   zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0))
        r = fail(-zmq_errno());
    return r;
}

static int bind_at(struct router *r, const char *endpoint) {
    size_t len = sizeof r->endpoint;
    if (zmq_bind(zsocket_raw(r->socket), endpoint) != 0)
        return -zmq_errno();
    return zmq_getsockopt(zsocket_raw(r->socket), ZMQ_LAST_ENDPOINT, r->endpoint, &len) == 0 ? 0 : fail(-zmq_errno());
}

/* What was bound, so that this machine can reach it: an address of all interfaces is asked for on loopback. */
static void knock_at(const struct router *r, char out[256]) {
    const char *port = strrchr(r->endpoint, ':');
    bool all = strncmp(r->endpoint, "tcp://0.0.0.0:", 14) == 0 || strncmp(r->endpoint, "tcp://[::]:", 11) == 0;
    if (all && port != NULL) {
        strcpy(out, "tcp://127.0.0.1");
        strncat(out, port, 16);
    } else {
        strcpy(out, r->endpoint);
    }
}

int router_open(uv_loop_t *loop, const struct router_spec *spec, struct router **out) {
    struct router *r = memory_zeroed(1, sizeof *r);
    char knock[256];
    r->spec = *spec;
    r->spec.keys = NULL;
    r->spec.endpoint = NULL;
    r->context = zmq_ctx_new();
    zmq_ctx_set(r->context, ZMQ_MAX_SOCKETS, 20000);
    int e = gate_open(loop, r->context, spec->domain, admits, r, &r->gate);
    void *socket = e == 0 ? zmq_socket(r->context, ZMQ_ROUTER) : NULL;
    if (e == 0 && socket == NULL)
        e = fail(-zmq_errno());
    if (e == 0)
        e = prepare(socket, spec);
    if (e == 0 && spec->peers_max > 0)
        e = count_peers(r, loop, socket);
    if (e != 0 && socket != NULL)
        zmq_close(socket);
    if (e == 0) {
        r->socket = zsocket_open(loop, socket, drain, r);
        e = bind_at(r, spec->endpoint);
    }
    if (e == 0 && !spec->strangers) {
        knock_at(r, knock);
        e = gate_self_test(loop, r->context, knock, spec->keys->public.curve, HANDSHAKE_MS);
    }
    if (e != 0) {
        router_close(r);
        return pass(e);
    }
    r->open = true;
    *out = r;
    return 0;
}

const char *router_endpoint(const struct router *r) {
    return r->endpoint;
}

bool router_send(struct router *r, const struct router_route *to, struct bytes frame) {
    void *socket = zsocket_raw(r->socket);
    return zmq_send(socket, to->id, to->len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 && zmq_send(socket, frame.at, frame.len, ZMQ_DONTWAIT) >= 0;
}

size_t router_peers(const struct router *r) {
    return r->peers;
}

uint64_t router_refused(const struct router *r) {
    return gate_refused(r->gate);
}

struct router *router_close(struct router *r) {
    if (r == NULL)
        return NULL;
    if (r->monitor != NULL && r->socket != NULL)
        zmq_socket_monitor(zsocket_raw(r->socket), NULL, 0);
    zsocket_close(r->monitor);
    zsocket_close(r->socket);
    gate_close(r->gate);
    zmq_ctx_term(r->context);
    free(r);
    return NULL;
}
