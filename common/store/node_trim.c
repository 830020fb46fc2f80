/* What a node no longer needs of its change log, and what it has lost of it. */
#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

static void free_both(void *at) {
    free(*(void **)at);
}

/* ---- what is lost */

static struct key lost_key(const struct id16 *incarnation, uint64_t seq) {
    return meta_key("lost", incarnation, seq, 24);
}

void lost_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, wall_ms at) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = lost_key(incarnation, seq);
    buffer_u64be(&b, at);
    envelope_put(t, NODE_META, key_bytes(&k), buffer_bytes(&b));
}

int node_lost_each(struct txn *t, int (*each)(void *owner, const struct id16 *incarnation, uint64_t seq, wall_ms noticed), void *owner) {
    struct key prefix = key_word("lost");
    struct bytes at, value, sound;
    int r = 0;
    struct scan *c = scan_open(t, NODE_META);
    for (bool more = scan_from(c, key_bytes(&prefix), &at, &value); more && r == 0 && key_starts(at, &prefix);
         more = scan_next(c, &at, &value)) {
        struct id16 incarnation;
        uint64_t seq;
        if (!key_log_read(bytes_of(at.at + prefix.len, at.len - prefix.len), &incarnation, &seq))
            continue;
        struct reader in = {.rest = envelope_open(t, NODE_META, at, value, &sound) == 0 ? sound : (struct bytes){NULL, 0}};
        r = each(owner, &incarnation, seq, reader_u64be(&in));
    }
    scan_close(c);
    return r;
}

/* ---- what may be forgotten */

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
        struct arena_mark mark = envelope_mark(y->t);
        bool there = log_read(y->t, &l->incarnation, l->first, &e); /* what is damaged is of no use: the hub has it */
        if (there && e.saved > y->before && y->bytes <= LIMIT_LOG_KEEP_BYTES)
            break;
        if (there) {
            tail = l->first;
            after = e.after;
        }
        envelope_release(y->t, mark);
        if (held_get(y->t, &l->incarnation, l->first, &held) && held != VERDICT_DISCARDED && held != VERDICT_ERASED && there)
            continue;
        y->bytes -= lower(y->bytes, e.packed.len);
        log_drop(y->t, &l->incarnation, l->first);
        held_put(y->t, &l->incarnation, l->first, VERDICT_MERGED);
        y->gone++;
    }
    if (tail > 0)
        tail_put(y->t, &l->incarnation, tail, &after);
}

struct lost_old {
    struct buffer keys;
    wall_ms before;
};

static int find_old(void *owner, const struct id16 *incarnation, uint64_t seq, wall_ms noticed) {
    struct lost_old *o = owner;
    struct key k = lost_key(incarnation, seq);
    if (noticed <= o->before)
        buffer_add(&o->keys, key_bytes(&k));
    return 0;
}

static uint64_t trim_lost(struct txn *t, wall_ms before) {
    struct lost_old o = {.before = before};
    size_t len = lost_key(&(struct id16){{0}}, 0).len;
    node_lost_each(t, find_old, &o);
    for (size_t i = 0; i + len <= o.keys.len; i += len)
        txn_delete(t, NODE_META, bytes_of(o.keys.at + i, len));
    uint64_t gone = o.keys.len / len;
    buffer_close(&o.keys);
    return gone;
}

uint32_t node_trim(struct txn *t, wall_ms local_now, uint32_t limit) {
    enum { KEEP_MS = (wall_ms)LIMIT_LOG_KEEP_DAYS * DAY_MS };
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    if (!node_progress_get(t, p))
        return 0;
    bool any = p->lost_count > 0;
    for (size_t i = 0; i < p->life_count; i++)
        any = any || p->lives[i].first <= forgettable(&p->lives[i]);
    if (!any)
        return 0;
    struct trimming y = {.t = t, .before = local_now > KEEP_MS ? local_now - KEEP_MS : 0, .bytes = log_bytes(t), .limit = limit};
    for (size_t i = 0; i < p->life_count; i++)
        trim_life(&y, &p->lives[i]);
    envelope_drop_days(t, NODE_LOG);
    uint64_t lost = p->lost_count == 0 ? 0 : trim_lost(t, y.before);
    if (y.work == 0 && lost == 0)
        return 0;
    p->lost_count -= lower(p->lost_count, lost);
    p->held_count = held_waiting(t);
    node_progress_put(t, p);
    return y.gone;
}
