#include "common/net/hub_door.h"

#include "common/base/error.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/net/router.h"

#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_FNV /* clang warns about fall-throughs in the standard one */
#include <uthash.h>

/* Frames of one connection, each way: a node asks for one page at a time, and libzmq counts no bytes. */
enum { BACKLOG = 4096, QUEUE = 128 };

struct place {
    uint8_t key[KEY_BYTES];
    struct router_route route; /* the newest; len 0: none now */
    UT_hash_handle hh;
};

struct hub_door {
    struct router *router;
    struct hub_door_calls calls;
    struct place *places; /* owns; by key */
};

static struct place *place_of(const struct hub_door *d, const uint8_t key[KEY_BYTES]) {
    struct place *p;
    HASH_FIND(hh, d->places, key, KEY_BYTES, p);
    return p;
}

static void heard(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame) {
    struct hub_door *d = owner;
    struct place *p = place_of(d, key);
    if (p == NULL) {
        p = memory_zeroed(1, sizeof *p);
        memcpy(p->key, key, KEY_BYTES);
        HASH_ADD(hh, d->places, key, KEY_BYTES, p);
    }
    p->route = *from;
    d->calls.heard(d->calls.owner, key, frame);
}

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    const struct hub_door *d = owner;
    return d->calls.admits(d->calls.owner, key);
}

int hub_door_open(
    uv_loop_t *loop, const char *endpoint, const struct keys *keys, const struct hub_door_calls *calls, struct hub_door **out) {
    struct hub_door *d = memory_zeroed(1, sizeof *d);
    d->calls = *calls;
    int r = router_open(
        loop,
        &(struct router_spec){
            .domain = "anju",
            .endpoint = endpoint,
            .keys = keys,
            .message_bytes = LIMIT_MESSAGE_BYTES,
            .backlog = BACKLOG,
            .queue = QUEUE,
            .admits = admits,
            .heard = heard,
            .owner = d},
        &d->router);
    if (r != 0) {
        hub_door_close(d);
        return pass(r);
    }
    *out = d;
    return 0;
}

const char *hub_door_endpoint(const struct hub_door *d) {
    return router_endpoint(d->router);
}

void hub_door_send(struct hub_door *d, const uint8_t key[KEY_BYTES], struct bytes frame) {
    struct place *p = place_of(d, key);
    if (p == NULL || p->route.len == 0 || router_send(d->router, &p->route, frame))
        return;
    p->route.len = 0; /* it left, or it does not read. Either way it greets again. */
    d->calls.gone(d->calls.owner, key);
}

void hub_door_forget(struct hub_door *d, const uint8_t key[KEY_BYTES]) {
    struct place *p = place_of(d, key);
    if (p != NULL)
        p->route.len = 0;
}

size_t hub_door_peers(const struct hub_door *d) {
    size_t n = 0;
    for (const struct place *p = d->places; p != NULL; p = p->hh.next)
        n += p->route.len > 0;
    return n;
}

const struct router_failures *hub_door_failures(const struct hub_door *d) {
    return router_failures(d->router);
}

struct hub_door *hub_door_close(struct hub_door *d) {
    if (d == NULL)
        return NULL;
    struct place *p, *next;
    HASH_ITER(hh, d->places, p, next) {
        HASH_DEL(d->places, p); /* NOLINT: uthash frees nothing here */
        free(p);
    }
    router_close(d->router);
    free(d);
    return NULL;
}
