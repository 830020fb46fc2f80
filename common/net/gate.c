#include "common/net/gate.h"

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/memory.h"
#include "common/net/zsocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct gate {
    struct zsocket *socket;
    const char *domain;
    gate_asks *asks;
    gate_refuses *refuses;
    void *owner; /* borrows */
};

enum { FRAMES = 8, FRAME_MAX = 256, BUDGET = 64 };

struct request {
    uint8_t frame[FRAMES][FRAME_MAX];
    size_t len[FRAMES], count;
    bool bad;
};

static bool receive(void *socket, struct request *q) {
    memset(q, 0, sizeof *q);
    for (;;) {
        uint8_t frame[FRAME_MAX];
        int more = 0;
        size_t size = sizeof more;
        int n = zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT);
        if (n < 0)
            return false;
        if (q->count < FRAMES && (size_t)n <= FRAME_MAX) {
            memcpy(q->frame[q->count], frame, (size_t)n);
            q->len[q->count++] = (size_t)n;
        } else {
            q->bad = true;
        }
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0 || !more)
            return true;
    }
}

static bool frame_is(const struct request *q, size_t i, const char *text) {
    return q->len[i] == strlen(text) && memcmp(q->frame[i], text, q->len[i]) == 0;
}

static void answer(struct gate *g, void *socket, const struct request *q) {
    enum { VERSION, ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, WANTED };
    enum gate_verdict v = GATE_REFUSED;
    if (!q->bad && q->count == WANTED && frame_is(q, VERSION, "1.0") && frame_is(q, DOMAIN, g->domain) && frame_is(q, MECHANISM, "CURVE") &&
        q->len[CREDENTIALS] == 32)
        v = g->asks(g->owner, q->frame[CREDENTIALS]);
    const char *status = v == GATE_ADMITTED ? "200" : v == GATE_LATER ? "300" : "400";
    struct buffer user = {0};
    if (v == GATE_ADMITTED)
        hex_encode(bytes_of(q->frame[CREDENTIALS], 32), &user);
    else if (g->refuses != NULL)
        g->refuses(g->owner, v, bytes_of(q->frame[CREDENTIALS], q->len[CREDENTIALS]), bytes_of(q->frame[ADDRESS], q->len[ADDRESS]));
    zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(socket, q->frame[ID], q->count > ID ? q->len[ID] : 0, ZMQ_SNDMORE);
    zmq_send(socket, status, 3, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, ZMQ_SNDMORE);
    zmq_send(socket, user.at, user.len, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, 0);
    buffer_close(&user);
}

static void drain(void *owner) {
    struct gate *g = owner;
    struct request q;
    for (unsigned i = 0; i < BUDGET && receive(zsocket_raw(g->socket), &q); i++)
        answer(g, zsocket_raw(g->socket), &q);
}

int gate_open(uv_loop_t *loop, void *context, const char *domain, gate_asks *asks, gate_refuses *refuses, void *owner, struct gate **out) {
    void *socket = zmq_socket(context, ZMQ_REP);
    if (socket == NULL)
        return fail(-zmq_errno());
    int linger = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(socket, "inproc://zeromq.zap.01") != 0) {
        int r = -zmq_errno();
        zmq_close(socket);
        return fail(r);
    }
    struct gate *g = memory_zeroed(1, sizeof *g);
    *g = (struct gate){.domain = domain, .asks = asks, .refuses = refuses, .owner = owner};
    g->socket = zsocket_open(loop, socket, drain, g);
    *out = g;
    return 0;
}

struct gate *gate_close(struct gate *g) {
    if (g != NULL) {
        zsocket_close(g->socket);
        free(g);
    }
    return NULL;
}

/* ---- the self-test: a stranger's handshake, seen from the stranger's side */

struct knock {
    void *monitor;
    int verdict; /* 0: none yet, 1: refused, -1: let in */
};

static void knock_drain(void *owner) {
    struct knock *k = owner;
    for (;;) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, k->monitor, ZMQ_DONTWAIT) < 0)
            break;
        uint16_t event = 0;
        if (zmq_msg_size(&m) >= sizeof event && zmq_msg_more(&m)) {
            memcpy(&event, zmq_msg_data(&m), sizeof event);
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
                k->verdict = -1;
            else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && k->verdict == 0)
                k->verdict = 1;
        }
        zmq_msg_close(&m);
    }
}

static void on_deadline(uv_timer_t *t) {
    *(bool *)t->data = true;
}

int gate_self_test(uv_loop_t *loop, void *context, const char *endpoint, const uint8_t hub_key[32], uint64_t deadline_ms) {
    char public_z85[41], secret_z85[41];
    struct knock k = {0};
    bool late = false;
    int linger = 0, never = -1;
    uv_timer_t timer;
    void *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_curve_keypair(public_z85, secret_z85);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, hub_key, 32);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_z85, sizeof public_z85);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_z85, sizeof secret_z85);
    zmq_socket_monitor(socket, "inproc://gate-self-test", ZMQ_EVENT_ALL);
    k.monitor = zmq_socket(context, ZMQ_PAIR);
    zmq_connect(k.monitor, "inproc://gate-self-test");
    struct zsocket *watch = zsocket_open(loop, k.monitor, knock_drain, &k);
    uv_timer_init(loop, &timer);
    timer.data = &late;
    uv_timer_start(&timer, on_deadline, deadline_ms, 0);
    int r = zmq_connect(socket, endpoint) == 0 ? 0 : -zmq_errno();
    while (r == 0 && k.verdict == 0 && !late)
        uv_run(loop, UV_RUN_ONCE);
    zmq_socket_monitor(socket, NULL, 0);
    zmq_close(socket);
    zsocket_close(watch);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    if (r != 0)
        return fail(r);
    return k.verdict == 1 ? 0 : fail(-EACCES);
}
