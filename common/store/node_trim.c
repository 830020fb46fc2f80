/* What a node no longer needs of its change log. */
#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

static void free_both(void *at) {
    free(*(void **)at);
}

static uint64_t lower(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t forgettable(const struct life *l) {
    return lower(l->safe, lower(l->includes, l->acked));
}

static uint64_t log_bytes(struct txn *t) {
    struct bytes at, value;
    uint64_t sum = 0;
    struct scan *c = scan_open(t, NODE_LOG);
    for (bool more = scan_from(c, (struct bytes){NULL, 0}, &at, &value); more; more = scan_next(c, &at, &value))
        sum += value.len;
    scan_close(c);
    return sum;
}

struct trimming {
    struct txn *t;
    wall_ms before; /* what was saved until then is old */
    uint64_t bytes; /* of the whole log */
    uint32_t work, limit, gone;
};

/* What is held keeps its bytes, for a person to read, but not its place: what follows it goes on without it. */
static void trim_life(struct trimming *y, struct life *l) {
    uint64_t upto = forgettable(l), tail = 0;
    struct hash after;
    for (; l->first <= upto && y->work < y->limit; l->first++, y->work++) {
        struct logged e = {.saved = 0};
        enum verdict held = VERDICT_MERGED;
        bool there = log_read(y->t, &l->incarnation, l->first, &e); /* what is damaged is of no use: the hub has it */
        if (there && e.saved > y->before && y->bytes <= LIMIT_LOG_KEEP_BYTES)
            break;
        if (there) {
            tail = l->first;
            after = e.after;
        }
        if (held_get(y->t, &l->incarnation, l->first, &held) && held != VERDICT_DISCARDED && there)
            continue;
        y->bytes -= lower(y->bytes, e.packed.len);
        log_drop(y->t, &l->incarnation, l->first);
        held_put(y->t, &l->incarnation, l->first, VERDICT_MERGED);
        y->gone++;
    }
    if (tail > 0)
        tail_put(y->t, &l->incarnation, tail, &after);
}

uint32_t node_trim(struct txn *t, wall_ms local_now, uint32_t limit) {
    enum { KEEP_MS = (wall_ms)LIMIT_LOG_KEEP_DAYS * DAY_MS };
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    if (!node_progress_get(t, p))
        return 0;
    bool any = false;
    for (size_t i = 0; i < p->life_count; i++)
        any = any || p->lives[i].first <= forgettable(&p->lives[i]);
    if (!any)
        return 0;
    struct trimming y = {.t = t, .before = local_now > KEEP_MS ? local_now - KEEP_MS : 0, .bytes = log_bytes(t), .limit = limit};
    for (size_t i = 0; i < p->life_count; i++)
        trim_life(&y, &p->lives[i]);
    if (y.work == 0)
        return 0;
    p->held_count = store_count(t, NODE_HELD);
    node_progress_put(t, p);
    return y.gone;
}
