#include "common/net/hub_door.h"

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/zsocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_FNV /* clang warns about fall-throughs in the standard one */
#include <uthash.h>
#include <zmq.h>

/* A connection's routing id is libzmq's own: 5 bytes, since no client may choose one here (ZMQ_ROUTER_HANDOVER stays off). */
enum {
    ROUTE_MAX = 16,
    ENFORCE_DOMAIN = 93 /* ZMQ_ZAP_ENFORCE_DOMAIN: without a gate nobody gets in; a draft in zmq.h */,
    BUDGET = 256,
    HANDSHAKE_MS = 5000,
    CURVE_BYTES = 64 /* what CURVE puts around a frame */,
    BACKLOG = 4096,
    QUEUE = 4000
};

struct route {
    uint8_t key[KEY_BYTES];
    uint8_t id[ROUTE_MAX];
    size_t len; /* 0: none now */
    UT_hash_handle hh;
};

struct hub_door {
    void *context; /* owns */
    struct gate *gate;
    struct zsocket *router;
    struct hub_door_calls calls;
    char endpoint[256];
    struct route *routes; /* owns; by key */
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

static void heard(struct hub_door *d, const uint8_t *id, size_t id_len, zmq_msg_t *last) {
    uint8_t key[KEY_BYTES];
    if (id_len == 0 || id_len > ROUTE_MAX || !user_key(last, key))
        return;
    struct route *r;
    HASH_FIND(hh, d->routes, key, KEY_BYTES, r);
    if (r == NULL) {
        r = memory_zeroed(1, sizeof *r);
        memcpy(r->key, key, KEY_BYTES);
        HASH_ADD(hh, d->routes, key, KEY_BYTES, r);
    }
    memcpy(r->id, id, id_len);
    r->len = id_len;
    d->calls.heard(d->calls.owner, key, bytes_of(zmq_msg_data(last), zmq_msg_size(last)));
}

/* One message: the route and exactly one frame; anything else is no peer of ours and is dropped whole. */
static bool receive(struct hub_door *d) {
    void *socket = zsocket_raw(d->router);
    uint8_t id[ROUTE_MAX];
    size_t id_len = 0, frames = 0;
    for (bool more = true; more; frames++) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(&m) != 0;
        if (frames == 0) {
            id_len = zmq_msg_size(&m);
            if (id_len <= ROUTE_MAX)
                memcpy(id, zmq_msg_data(&m), id_len);
        } else if (frames == 1 && !more) {
            heard(d, id, id_len, &m);
        }
        zmq_msg_close(&m);
    }
    return true;
}

static void drain(void *owner) {
    struct hub_door *d = owner;
    for (unsigned i = 0; i < BUDGET && receive(d); i++)
        continue;
}

static int set_int(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : fail(-zmq_errno());
}

static int prepare(void *socket, const char *endpoint, const struct keys *keys) {
    int64_t most = LIMIT_MESSAGE_BYTES + CURVE_BYTES;
    const struct {
        int option, value;
    } ints[] = {{ZMQ_CURVE_SERVER, 1},     {ZMQ_LINGER, 0},
                {ZMQ_ROUTER_MANDATORY, 1}, {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
                {ZMQ_BACKLOG, BACKLOG},    {ZMQ_SNDHWM, QUEUE},
                {ENFORCE_DOMAIN, 1},       {ZMQ_IPV6, strchr(endpoint, '[') != NULL},
                {ZMQ_TCP_KEEPALIVE, 1},    {ZMQ_TCP_KEEPALIVE_IDLE, 60}};
    int r = 0;
    for (size_t i = 0; i < sizeof ints / sizeof *ints && r == 0; i++)
        r = set_int(socket, ints[i].option, ints[i].value);
    if (r == 0 &&
        (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->curve_secret, KEY_BYTES) != 0 ||
         zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "anju", 4) != 0 || zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0))
        r = fail(-zmq_errno());
    return r;
}

/* What was bound, so that a node on this machine can reach it: an address of all interfaces is asked for on loopback. */
static int bind_at(struct hub_door *d, const char *endpoint) {
    size_t len = sizeof d->endpoint;
    if (zmq_bind(zsocket_raw(d->router), endpoint) != 0)
        return -zmq_errno();
    return zmq_getsockopt(zsocket_raw(d->router), ZMQ_LAST_ENDPOINT, d->endpoint, &len) == 0 ? 0 : fail(-zmq_errno());
}

static void knock_at(const struct hub_door *d, char out[256]) {
    const char *port = strrchr(d->endpoint, ':');
    bool all = strncmp(d->endpoint, "tcp://0.0.0.0:", 14) == 0 || strncmp(d->endpoint, "tcp://[::]:", 11) == 0;
    if (all && port != NULL) {
        strcpy(out, "tcp://127.0.0.1");
        strncat(out, port, 16);
    } else {
        strcpy(out, d->endpoint);
    }
}

int hub_door_open(
    uv_loop_t *loop, const char *endpoint, const struct keys *keys, const struct hub_door_calls *calls, struct hub_door **out) {
    struct hub_door *d = memory_zeroed(1, sizeof *d);
    char knock[256];
    d->calls = *calls;
    d->context = zmq_ctx_new();
    zmq_ctx_set(d->context, ZMQ_MAX_SOCKETS, 20000);
    int r = gate_open(loop, d->context, "anju", calls->admits, calls->owner, &d->gate);
    void *socket = r == 0 ? zmq_socket(d->context, ZMQ_ROUTER) : NULL;
    if (r == 0 && socket == NULL)
        r = fail(-zmq_errno());
    if (r == 0)
        r = prepare(socket, endpoint, keys);
    if (r != 0 && socket != NULL)
        zmq_close(socket);
    if (r == 0) {
        d->router = zsocket_open(loop, socket, drain, d);
        r = bind_at(d, endpoint);
    }
    if (r == 0) {
        knock_at(d, knock);
        r = gate_self_test(loop, d->context, knock, keys->public.curve, HANDSHAKE_MS);
    }
    if (r != 0) {
        hub_door_close(d);
        return pass(r);
    }
    *out = d;
    return 0;
}

const char *hub_door_endpoint(const struct hub_door *d) {
    return d->endpoint;
}

void hub_door_send(struct hub_door *d, const uint8_t key[KEY_BYTES], struct bytes frame) {
    struct route *r;
    void *socket = zsocket_raw(d->router);
    HASH_FIND(hh, d->routes, key, KEY_BYTES, r);
    if (r == NULL || r->len == 0)
        return;
    if (zmq_send(socket, r->id, r->len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 && zmq_send(socket, frame.at, frame.len, ZMQ_DONTWAIT) >= 0)
        return;
    r->len = 0; /* EHOSTUNREACH: it left; EAGAIN: it does not read. Either way it greets again. */
    d->calls.gone(d->calls.owner, key);
}

void hub_door_forget(struct hub_door *d, const uint8_t key[KEY_BYTES]) {
    struct route *r;
    HASH_FIND(hh, d->routes, key, KEY_BYTES, r);
    if (r != NULL)
        r->len = 0;
}

size_t hub_door_peers(const struct hub_door *d) {
    size_t n = 0;
    for (const struct route *r = d->routes; r != NULL; r = r->hh.next)
        n += r->len > 0;
    return n;
}

uint64_t hub_door_refused(const struct hub_door *d) {
    return gate_refused(d->gate);
}

struct hub_door *hub_door_close(struct hub_door *d) {
    if (d == NULL)
        return NULL;
    struct route *r, *next;
    HASH_ITER(hh, d->routes, r, next) {
        HASH_DEL(d->routes, r);
        free(r);
    }
    zsocket_close(d->router);
    gate_close(d->gate);
    zmq_ctx_term(d->context);
    free(d);
    return NULL;
}
