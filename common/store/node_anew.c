/* A disk that was cloned, and whose machine is enrolled as another node: what it alone may hold is said again in the new name. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>

struct anew {
    struct txn *t;
    uint32_t node;
    struct life life; /* the new one */
    struct hash chain;
    uint64_t lost;
};

static void say_again(struct anew *n, const struct life *old, uint64_t seq, wall_ms now) {
    CLEANUP(buffer_close) struct buffer packed = {0};
    struct logged e;
    enum verdict held;
    if (held_get(n->t, &old->incarnation, seq, &held))
        return; /* it lies in the city's quarantine, with its bytes, under its old place */
    struct arena_mark mark = envelope_mark(n->t);
    bool there = log_read(n->t, &old->incarnation, seq, &e), erased = there && wire_change_erased(e.packed);
    if (erased) { /* it need not be said again */
    } else if (there && wire_change_label(e.packed, n->life.last + 1, 0, n->node, true, &packed) == 0) {
        wall_ms saved = e.saved;
        n->chain = wire_chain(&n->chain, buffer_bytes(&packed));
        log_write(n->t, &n->life.incarnation, ++n->life.last, &n->chain, saved, buffer_bytes(&packed));
    } else if (seq > old->acked) {
        lost_put(n->t, &old->incarnation, seq, now);
        n->lost++;
        log_fact(LOG_ERROR, "node.change_lost", FACT_UINT("seq", seq), FACT_TEXT("why", "its stored bytes are damaged, it was not sent"));
    }
    envelope_release(n->t, mark);
}

void node_enrol_anew(struct txn *t, uint32_t node, const area *served, size_t count, const struct id16 *incarnation) {
    static const unsigned trees[] = {NODE_BASE, NODE_VIEW, NODE_PENDING, NODE_HELD, NODE_DIGESTS};
    struct node_progress *old = memory_zeroed(1, sizeof *old), *new = memory_zeroed(1, sizeof *new);
    struct anew n = {.t = t, .node = node, .life = {.incarnation = *incarnation, .first = 1}};
    node_progress_get(t, old);
    for (size_t i = 0; i < old->life_count; i++) {
        const struct life *l = &old->lives[i];
        for (uint64_t seq = l->safe + 1 > l->first ? l->safe + 1 : l->first; seq <= l->last; seq++)
            say_again(&n, l, seq, (wall_ms)hlc_ms(old->hlc));
        log_forget(t, &l->incarnation);
    }
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        txn_clear(t, trees[i]);
    node_begin(t, node, served, count, incarnation);
    if (node_progress_get(t, new)) {
        new->lives[0] = n.life;
        new->highest = old->highest;
        new->offset_ms = old->offset_ms;
        new->hlc = old->hlc;
        new->lost_count = old->lost_count + n.lost;
        pending_remake(t, new);
        node_progress_put(t, new);
    }
    free(old);
    free(new);
}
