#include "common/net/enrol_door.h"

#include "common/base/error.h"
#include "common/base/limits.h"
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 64, QUEUE = 8, KEYS = 16, WINDOW_MS = 60000 };

struct tries {
    uint64_t since; /* ms of the loop's clock; the window's start */
    unsigned count;
};

struct enrol_door {
    uv_loop_t *loop;
    struct router *router;
    void (*heard)(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame);
    void *owner; /* borrows */
    struct tries all;
    struct {
        uint8_t key[KEY_BYTES];
        struct tries tries;
    } keys[KEYS]; /* the newest ones */
    uint64_t wrongs;
};

static void heard(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame) {
    struct enrol_door *d = owner;
    d->heard(d->owner, key, from, frame);
}

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    (void)owner, (void)key;
    return GATE_ADMITTED;
}

int enrol_door_open(
    uv_loop_t *loop, const char *endpoint, const struct keys *keys,
    void (*hears)(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame), void *owner,
    struct enrol_door **out) {
    struct enrol_door *d = memory_zeroed(1, sizeof *d);
    d->loop = loop;
    d->heard = hears;
    d->owner = owner;
    int r = router_open(
        loop,
        &(struct router_spec){
            .domain = "anju-enrol",
            .endpoint = endpoint,
            .keys = keys,
            .message_bytes = LIMIT_ENROL_BYTES,
            .backlog = BACKLOG,
            .queue = QUEUE,
            .strangers = true,
            .admits = admits,
            .heard = heard,
            .owner = d},
        &d->router);
    if (r != 0) {
        free(d);
        return pass(r);
    }
    *out = d;
    return 0;
}

const char *enrol_door_endpoint(const struct enrol_door *d) {
    return router_endpoint(d->router);
}

void enrol_door_answer(struct enrol_door *d, const struct router_route *to, struct bytes frame) {
    router_send(d->router, to, frame); /* who left asks again */
}

static bool spend(struct tries *t, uint64_t now, unsigned most) {
    if (t->count == 0 || now - t->since >= WINDOW_MS)
        *t = (struct tries){.since = now};
    return ++t->count <= most;
}

bool enrol_door_wrong(struct enrol_door *d, const uint8_t key[KEY_BYTES]) {
    uint64_t now = uv_now(d->loop);
    size_t place = 0;
    d->wrongs++;
    for (size_t i = 0; i < KEYS; i++) {
        if (d->keys[i].tries.count > 0 && memcmp(d->keys[i].key, key, KEY_BYTES) == 0) {
            place = i;
            break;
        }
        if (d->keys[i].tries.since < d->keys[place].tries.since)
            place = i;
    }
    if (memcmp(d->keys[place].key, key, KEY_BYTES) != 0) {
        memcpy(d->keys[place].key, key, KEY_BYTES);
        d->keys[place].tries = (struct tries){.since = 0};
    }
    bool one = spend(&d->keys[place].tries, now, LIMIT_ENROL_TRIES / 2);
    return one && spend(&d->all, now, LIMIT_ENROL_TRIES); /* one machine's script does not use up what is there for all */
}

uint64_t enrol_door_wrongs(const struct enrol_door *d) {
    return d->wrongs;
}

struct enrol_door *enrol_door_close(struct enrol_door *d) {
    if (d != NULL) {
        router_close(d->router);
        free(d);
    }
    return NULL;
}
