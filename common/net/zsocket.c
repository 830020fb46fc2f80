#include "common/net/zsocket.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct zsocket {
    void *socket; /* owns */
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    unsigned handles;
    zsocket_drain *drain;
    void *owner; /* borrows */
};

static bool pending(const struct zsocket *z) {
    int events = 0;
    size_t len = sizeof events;
    return z->socket != NULL && zmq_getsockopt(z->socket, ZMQ_EVENTS, &events, &len) == 0 && (events & ZMQ_POLLIN) != 0;
}

static void on_poll(uv_poll_t *h, int status, int events) {
    (void)h, (void)status, (void)events;
}

static void on_idle(uv_idle_t *h) {
    (void)h;
}

static void on_prepare(uv_prepare_t *h) {
    struct zsocket *z = h->data;
    if (pending(z))
        uv_idle_start(&z->idle, on_idle);
}

static void on_check(uv_check_t *h) {
    struct zsocket *z = h->data;
    uv_idle_stop(&z->idle);
    if (pending(z))
        z->drain(z->owner);
}

struct zsocket *zsocket_open(uv_loop_t *loop, void *socket, zsocket_drain *drain, void *owner) {
    struct zsocket *z = memory_zeroed(1, sizeof *z);
    uv_os_sock_t fd;
    size_t len = sizeof fd;
    invariant(zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0);
    z->socket = socket;
    z->drain = drain;
    z->owner = owner;
    z->handles = 4;
    invariant(uv_poll_init(loop, &z->poll, fd) == 0);
    uv_prepare_init(loop, &z->prepare);
    uv_check_init(loop, &z->check);
    uv_idle_init(loop, &z->idle);
    z->poll.data = z->prepare.data = z->check.data = z->idle.data = z;
    uv_poll_start(&z->poll, UV_READABLE, on_poll);
    uv_prepare_start(&z->prepare, on_prepare);
    uv_check_start(&z->check, on_check);
    return z;
}

void *zsocket_raw(struct zsocket *z) {
    return z->socket;
}

static void on_closed(uv_handle_t *h) {
    struct zsocket *z = h->data;
    if (--z->handles == 0)
        free(z);
}

/* libuv must forget the descriptor before ZeroMQ closes it; uv_poll_stop does that at once. */
struct zsocket *zsocket_close(struct zsocket *z) {
    if (z == NULL)
        return NULL;
    uv_poll_stop(&z->poll);
    uv_close((uv_handle_t *)&z->poll, on_closed);
    uv_close((uv_handle_t *)&z->prepare, on_closed);
    uv_close((uv_handle_t *)&z->check, on_closed);
    uv_close((uv_handle_t *)&z->idle, on_closed);
    zmq_close(z->socket);
    z->socket = NULL;
    return NULL;
}

bool zsocket_event(struct zsocket *monitor, uint16_t *event, uint32_t *value) {
    for (bool first = false; !first;) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, monitor->socket, ZMQ_DONTWAIT) < 0)
            return false;
        first = zmq_msg_more(&m) != 0 && zmq_msg_size(&m) >= sizeof *event + sizeof *value;
        if (first) {
            memcpy(event, zmq_msg_data(&m), sizeof *event);
            memcpy(value, (const uint8_t *)zmq_msg_data(&m) + sizeof *event, sizeof *value);
        }
        zmq_msg_close(&m);
    }
    return true;
}
