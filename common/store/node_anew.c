/* A disk that was cloned, and whose machine is enrolled as another node: what it alone may hold is said again in the new name. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/store/node_parts.h"

#include <errno.h>
#include <stdlib.h>

struct kept {
    struct txn *t;
    uint32_t node;
    struct buffer list; /* saved u64 | length u64 | packed change, in order */
    uint64_t count;
};

static void keep(struct kept *k, const struct id16 *incarnation, uint64_t seq) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    CLEANUP(buffer_close) struct buffer packed = {0};
    struct logged e;
    struct change c;
    enum verdict held;
    if (held_get(k->t, incarnation, seq, &held))
        return; /* it lies in the city's quarantine, with its bytes, under its old place */
    if (!log_read(k->t, incarnation, seq, &e) || !log_change(k->t, incarnation, seq, &a, &c)) {
        txn_fail(k->t, fail(-EBADMSG));
        return;
    }
    c.seq = ++k->count;
    c.version.node = k->node;
    c.again = true;
    wire_change_pack(&c, &packed);
    buffer_u64be(&k->list, e.saved);
    buffer_u64be(&k->list, packed.len);
    buffer_add(&k->list, buffer_bytes(&packed));
}

/* A new log of what was kept, from 1. */
static void relabel(struct kept *k, struct life *life) {
    struct reader in = {.rest = buffer_bytes(&k->list)};
    struct hash chain = {{0}};
    while (in.rest.len > 0 && !in.bad) {
        wall_ms saved = reader_u64be(&in);
        struct bytes packed = reader_take(&in, (size_t)reader_u64be(&in));
        chain = wire_chain(&chain, packed);
        log_write(k->t, &life->incarnation, ++life->last, &chain, saved, packed);
    }
    invariant(life->last == k->count && !in.bad);
}

void node_enrol_anew(struct txn *t, uint32_t node, const area *served, size_t count, const struct id16 *incarnation) {
    struct node_progress *old = memory_zeroed(1, sizeof *old), *new = memory_zeroed(1, sizeof *new);
    struct kept k = {.t = t, .node = node};
    if (node_progress_get(t, old)) {
        for (size_t i = 0; i < old->life_count; i++) {
            const struct life *l = &old->lives[i];
            for (uint64_t seq = l->safe + 1 > l->first ? l->safe + 1 : l->first; seq <= l->last && txn_result(t) == 0; seq++)
                keep(&k, &l->incarnation, seq);
        }
        static const unsigned trees[] = {NODE_LOG, NODE_BASE, NODE_VIEW, NODE_PENDING, NODE_HELD, NODE_DIGESTS};
        for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
            txn_clear(t, trees[i]);
    }
    node_begin(t, node, served, count, incarnation);
    if (node_progress_get(t, new)) {
        relabel(&k, &new->lives[0]);
        new->highest = old->highest;
        new->offset_ms = old->offset_ms;
        new->hlc = old->hlc;
        pending_remake(t, new);
        node_progress_put(t, new);
    }
    buffer_close(&k.list);
    free(old);
    free(new);
}
