#include "common/engine/heard.h"

#include "common/base/limits.h"

#include <stdlib.h>

struct heard *heard_of(struct bytes frame) {
    struct heard *h = memory_zeroed(1, sizeof *h);
    h->holders = 1;
    h->arena.cap = LIMIT_DECODE_BYTES;
    buffer_add(&h->frame, frame);
    return h;
}

int heard_decode(struct heard *h) {
    return wire_unpack(buffer_bytes(&h->frame), &h->arena, &h->message);
}

struct heard *heard_hold(struct heard *h) {
    h->holders++;
    return h;
}

void heard_drop(struct heard *h) {
    if (h == NULL || --h->holders > 0)
        return;
    arena_close(&h->arena);
    buffer_close(&h->frame);
    free(h);
}
