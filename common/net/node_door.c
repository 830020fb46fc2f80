#include "common/net/node_door.h"

#include "common/base/invariant.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/net/zsocket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    BUDGET = 64,
    HANDSHAKE_MS = 10000,
    CURVE_BYTES = 64 /* what CURVE puts around a frame */,
    HEARTBEAT_MS = 15000,
    HEARTBEAT_LOST_MS = 45000,
    NEVER_MS = 24 * 3600 * 1000,
    QUEUE = 1000
};

struct node_door {
    uv_loop_t *loop;
    void *context; /* owns */
    char *endpoint;
    uint8_t hub_curve[KEY_BYTES];
    struct keys keys;
    struct node_door_calls calls;
    struct zsocket *dealer, *monitor; /* NULL: no attempt under way */
    bool up;
    enum node_door_end ended;
    uint64_t attempts;
};

static void drop(struct node_door *d) {
    if (d->dealer == NULL)
        return;
    zmq_socket_monitor(zsocket_raw(d->dealer), NULL, 0);
    d->monitor = zsocket_close(d->monitor);
    d->dealer = zsocket_close(d->dealer);
    d->up = false;
}

static void lost(struct node_door *d, enum node_door_end end, const char *reason) {
    drop(d);
    d->ended = end;
    d->calls.down(d->calls.owner, reason);
}

static void drain(void *owner) {
    struct node_door *d = owner;
    for (unsigned i = 0; i < BUDGET && d->dealer != NULL; i++) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, zsocket_raw(d->dealer), ZMQ_DONTWAIT) < 0)
            return;
        if (!zmq_msg_more(&m))
            d->calls.heard(d->calls.owner, bytes_of(zmq_msg_data(&m), zmq_msg_size(&m)));
        zmq_msg_close(&m);
    }
}

static const char *auth_reason(uint32_t status) {
    return status == 400   ? "the hub does not know this machine's key: enrol it (anjuctl node add), or it was revoked"
           : status == 500 ? "the hub's gate has an internal error; city IT sees it in the hub's log"
                           : "the hub cannot decide just now who may connect; it is tried again";
}

/* Events of zmq_socket_monitor(3). Without automatic reconnecting each of these ends the attempt. */
static const char *ending(uint16_t event, uint32_t value, enum node_door_end *end) {
    *end = NODE_DOOR_BROKE;
    switch (event) {
    case ZMQ_EVENT_CLOSED:
        *end = NODE_DOOR_NOBODY;
        return "nobody answers at the hub's address: is the hub running, is the line up? or did it change its key while this office was "
               "away: then city "
               "hall makes a new enrolment file (anjuctl node enrolment), for --join here";
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        *end = value == 400 ? NODE_DOOR_REFUSED : NODE_DOOR_BROKE;
        return auth_reason(value);
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        *end = NODE_DOOR_STRANGER;
        return "who answers at the hub's address does not speak our protocol, or has another key than this node was enrolled with; if the "
               "hub changed its "
               "key: a new enrolment file (anjuctl node enrolment at the hub), --join here";
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_DISCONNECTED:
        return "the connection broke";
    default:
        return NULL;
    }
}

static void watch(void *owner) {
    struct node_door *d = owner;
    uint16_t event;
    uint32_t value;
    while (d->monitor != NULL && zsocket_event(d->monitor, &event, &value)) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && !d->up) {
            d->up = true;
            d->calls.up(d->calls.owner);
            continue;
        }
        enum node_door_end end;
        const char *reason = ending(event, value, &end);
        if (reason != NULL) {
            bool silent = !d->up && (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
            lost(
                d, silent ? NODE_DOOR_STRANGER : end,
                silent ? "the hub closed the connection during the handshake: another key than this node was enrolled with, or it is busy"
                       : reason);
        }
    }
}

struct node_door *node_door_open(
    uv_loop_t *loop, const char *endpoint, const uint8_t hub_curve[KEY_BYTES], const struct keys *keys,
    const struct node_door_calls *calls) {
    struct node_door *d = memory_zeroed(1, sizeof *d);
    d->loop = loop;
    d->endpoint = memory_text(endpoint);
    d->context = zmq_ctx_new();
    d->keys = *keys;
    d->calls = *calls;
    memcpy(d->hub_curve, hub_curve, KEY_BYTES);
    return d;
}

void node_door_hub(struct node_door *d, const char *endpoint, const uint8_t hub_curve[KEY_BYTES]) {
    free(d->endpoint);
    d->endpoint = memory_text(endpoint);
    memcpy(d->hub_curve, hub_curve, KEY_BYTES);
}

void node_door_keys(struct node_door *d, const struct keys *keys) {
    d->keys = *keys;
}

void node_door_connect(struct node_door *d) {
    drop(d);
    void *socket = zmq_socket(d->context, ZMQ_DEALER), *monitor = zmq_socket(d->context, ZMQ_PAIR);
    int64_t most = LIMIT_MESSAGE_BYTES + CURVE_BYTES;
    char name[64];
    const struct {
        int option, value;
    } ints[] = {
        {ZMQ_LINGER, 0},
        /* This door connects again, with another socket. By -1, libzmq looks through the machine's interfaces (AF_NETLINK) whenever a
         * connection breaks, and aborts when it may not. */
        {ZMQ_RECONNECT_IVL, NEVER_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_CONNECT_TIMEOUT, HANDSHAKE_MS},
        {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
        {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_LOST_MS},
        {ZMQ_HEARTBEAT_TTL, HEARTBEAT_LOST_MS},
        {ZMQ_SNDHWM, QUEUE},
        {ZMQ_IPV6, 1}};
    invariant(socket != NULL && monitor != NULL);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        invariant(zmq_setsockopt(socket, ints[i].option, &ints[i].value, sizeof ints[i].value) == 0);
    invariant(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
    invariant(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, d->hub_curve, KEY_BYTES) == 0);
    invariant(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, d->keys.public.curve, KEY_BYTES) == 0);
    invariant(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, d->keys.curve_secret, KEY_BYTES) == 0);
    snprintf(name, sizeof name, "inproc://link-%" PRIu64, ++d->attempts);
    invariant(zmq_socket_monitor(socket, name, ZMQ_EVENT_ALL) == 0);
    invariant(zmq_connect(monitor, name) == 0);
    d->dealer = zsocket_open(d->loop, socket, drain, d);
    d->monitor = zsocket_open(d->loop, monitor, watch, d);
    if (zmq_connect(socket, d->endpoint) != 0)
        lost(d, NODE_DOOR_NOBODY, "the hub's address in the enrolment is no address that can be reached");
}

void node_door_disconnect(struct node_door *d) {
    drop(d);
}

bool node_door_send(struct node_door *d, struct bytes frame) {
    return d->dealer != NULL && d->up && zmq_send(zsocket_raw(d->dealer), frame.at, frame.len, ZMQ_DONTWAIT) >= 0;
}

enum node_door_end node_door_ended(const struct node_door *d) {
    return d->ended;
}

struct node_door *node_door_close(struct node_door *d) {
    if (d == NULL)
        return NULL;
    drop(d);
    zmq_ctx_term(d->context);
    keys_forget(&d->keys);
    free(d->endpoint);
    free(d);
    return NULL;
}
