/* What a Welcome asks of the store: is our history the hub's, which epoch, where does the cursor go on; and new lives. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_both(void *at) {
    free(*(void **)at);
}

static const struct life *of(const struct welcome *m, const struct id16 *incarnation) {
    for (size_t i = 0; i < m->life_count; i++)
        if (id_equal(&m->lives[i].incarnation, incarnation))
            return &m->lives[i];
    return NULL;
}

static int check(struct txn *t, const struct node_progress *p, const struct welcome *m) {
    if (!epoch_equal(m->cursor.epoch, p->highest) && m->cursor.epoch.counter <= p->highest.counter)
        return NODE_WELCOME_STALE;
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *mine = &p->lives[i], *theirs = of(m, &mine->incarnation);
        uint64_t acked = theirs == NULL ? 0 : theirs->acked;
        bool current = i + 1 == p->life_count; /* older lives are closed: what the hub has above their end went with a lost disk */
        struct hash chain;
        if (current && acked > mine->last)
            return NODE_WELCOME_RESTORED;
        if (acked + 1 < mine->first)
            return NODE_WELCOME_GAP;
        if (current && acked > 0 && node_chain(t, &mine->incarnation, acked, &chain) && !hash_equal(&chain, &theirs->acked_hash))
            return NODE_WELCOME_RESTORED;
    }
    return 0;
}

/* ---- re-stamping (A10): order and names are kept, the chain is made anew */

static bool ahead(struct txn *t, const struct life *l, wall_ms hub_now) {
    for (uint64_t seq = l->acked + 1; seq <= l->last; seq++) {
        CLEANUP(arena_close) struct arena a = {.cap = 0};
        struct change c;
        if (log_change(t, &l->incarnation, seq, &a, &c) && hlc_ms(c.version.hlc) > hub_now + LIMIT_CLOCK_AHEAD_MS)
            return true;
    }
    return false;
}

/* Where the clock goes on: above the hub's, the base, and what the hub accepted and did not hold. What is itself ahead does not count: it
 * is held, or will be. */
static uint64_t clock_again(struct txn *t, const struct life *l, wall_ms hub_now) {
    uint64_t top = base_top(t);
    if (top < HLC_MS(hub_now))
        top = HLC_MS(hub_now);
    for (uint64_t seq = l->first; seq <= l->acked; seq++) {
        CLEANUP(arena_close) struct arena a = {.cap = 0};
        struct change c;
        enum verdict held;
        if (!held_get(t, &l->incarnation, seq, &held) && log_change(t, &l->incarnation, seq, &a, &c) &&
            hlc_ms(c.version.hlc) <= hub_now + LIMIT_CLOCK_AHEAD_MS && c.version.hlc > top)
            top = c.version.hlc;
    }
    return top;
}

static void restamp(struct txn *t, struct node_progress *p, struct life *l) {
    struct hash chain;
    if (!node_chain(t, &l->incarnation, l->acked, &chain)) {
        txn_fail(t, -EBADMSG);
        return;
    }
    struct arena_mark mark = envelope_mark(t);
    for (uint64_t seq = l->acked + 1; seq <= l->last; seq++) {
        CLEANUP(buffer_close) struct buffer packed = {0};
        struct logged e;
        envelope_release(t, mark);
        bool there = log_read(t, &l->incarnation, seq, &e);
        if (there && wire_change_erased(e.packed)) {
            buffer_add(&packed, e.packed);
        } else if (!there || wire_change_label(e.packed, seq, ++p->hlc, 0, false, &packed) != 0) {
            txn_fail(t, -EBADMSG);
            return;
        }
        chain = wire_chain(&chain, buffer_bytes(&packed));
        log_write(t, &l->incarnation, seq, &chain, e.saved, buffer_bytes(&packed));
    }
    log_fact(LOG_WARNING, "node.restamped", FACT_UINT("changes", l->last - l->acked));
}

/* Verdicts that the new timeline has not given are forgotten; says if there were any. */
static bool forget_verdicts(struct txn *t, const struct node_progress *p) {
    CLEANUP(buffer_close) struct buffer keys = {0};
    struct bytes at, value;
    struct scan *c = scan_open(t, NODE_HELD);
    for (bool more = scan_from(c, (struct bytes){NULL, 0}, &at, &value); more; more = scan_next(c, &at, &value)) {
        struct id16 incarnation;
        uint64_t seq;
        bool keep = false;
        if (key_log_read(at, &incarnation, &seq))
            for (size_t i = 0; i < p->life_count; i++)
                keep = keep || (id_equal(&p->lives[i].incarnation, &incarnation) && seq <= p->lives[i].includes);
        if (!keep)
            buffer_add(&keys, at);
    }
    scan_close(c);
    for (size_t i = 0; i + 24 <= keys.len; i += 24)
        txn_delete(t, NODE_HELD, bytes_of(keys.at + i, 24));
    return keys.len > 0;
}

static void load_all(struct node_progress *p) {
    area all[LIMIT_AREAS];
    p->loading_count = area_expand(p->served, p->served_count, p->node, all, LIMIT_AREAS);
    for (size_t i = 0; i < p->loading_count; i++)
        p->loading[i] = (struct loading){.area = all[i]};
}

/* Takes what the hub accepted. Where the change itself is damaged here, the hub's word on the chain is all that is left. */
static void accept(struct txn *t, struct node_progress *p, const struct welcome *m) {
    for (size_t i = 0; i < p->life_count; i++) {
        struct life *mine = &p->lives[i];
        const struct life *theirs = of(m, &mine->incarnation);
        uint64_t acked = theirs == NULL ? 0 : theirs->acked < mine->last ? theirs->acked : mine->last;
        if (!node_chain(t, &mine->incarnation, acked, &mine->acked_hash) && theirs != NULL && theirs->acked == acked)
            mine->acked_hash = theirs->acked_hash;
        mine->acked = acked;
        if (theirs != NULL && theirs->safe > mine->safe)
            mine->safe = theirs->safe;
        if (mine->safe > mine->acked) /* what a hub lost is not safe there, whatever it said before */
            mine->safe = mine->acked;
    }
}

/* Can all that the hub lacks be sent as it is? */
static bool sendable(struct txn *t, const struct node_progress *p) {
    for (size_t i = 0; i < p->life_count; i++)
        if (!log_holds(t, &p->lives[i].incarnation, p->lives[i].acked, &p->lives[i].acked_hash, p->lives[i].last))
            return false;
    return true;
}

/* A local clock that was set meanwhile leaves no room between the two: then the later reading counts. */
static int64_t corrected(int64_t offset, wall_ms hub, wall_ms asked, wall_ms local_now) {
    int64_t least = (int64_t)hub - (int64_t)local_now, most = (int64_t)hub - (int64_t)asked;
    if (offset > most)
        offset = most;
    return offset < least ? least : offset;
}

int node_welcome(struct txn *t, const struct welcome *m, wall_ms asked, wall_ms local_now) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    if (!node_progress_get(t, p))
        return txn_result(t) < 0 ? pass(txn_result(t)) : NODE_WELCOME_STALE;
    int r = check(t, p, m);
    if (r != 0)
        return r;
    accept(t, p, m);
    if (!sendable(t, p)) {
        node_progress_put(t, p);
        return txn_result(t) < 0 ? pass(txn_result(t)) : NODE_WELCOME_RESTORED;
    }
    bool other = !epoch_equal(m->cursor.epoch, p->cursor.epoch), remake = false;
    p->nonce = m->session;
    p->offset_ms = corrected(p->offset_ms, m->clock, asked, local_now);
    for (size_t i = 0; i < p->life_count && other; i++) {
        struct life *mine = &p->lives[i];
        const struct life *theirs = of(m, &mine->incarnation);
        uint64_t before = mine->includes;
        mine->includes = theirs == NULL ? 0 : theirs->includes;
        if (mine->includes > mine->last)
            mine->includes = mine->last;
        remake = remake || mine->includes != before;
    }
    if (other) {
        remake = forget_verdicts(t, p) || remake;
        p->verdicts_after = p->erasures_after = 0;
        p->unproven = true;
        for (size_t i = 0; i < p->loading_count; i++)
            if (p->loading[i].upto > m->cursor.at)
                p->loading[i].upto = m->cursor.at;
    }
    bool began = p->cursor.epoch.counter != 0;
    if (m->load)
        load_all(p);
    p->cursor = m->cursor;
    if (p->cursor.floor > p->cursor.at)
        p->cursor.floor = p->cursor.at;
    p->highest = m->cursor.epoch;
    struct life *current = &p->lives[p->life_count - 1];
    if (hlc_ms(p->hlc) > m->clock + LIMIT_CLOCK_AHEAD_MS) {
        p->hlc = clock_again(t, current, m->clock); /* also when all was sent: else every edit to come would be held as well */
        if (ahead(t, current, m->clock)) {
            restamp(t, p, current);
            remake = true;
        }
    }
    if (other && began)
        erasures_give_back(t, p, m->load ? 0 : m->cursor.at, local_now);
    if (remake)
        pending_remake(t, p);
    p->held_count = held_waiting(t);
    node_progress_put(t, p);
    return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
}

/* ---- a new life: what lies above the branch point is labelled again */

struct renewal {
    struct txn *t;
    struct node_progress *p;
    struct life *life; /* the new one */
    struct hash chain;
};

/* Moves what lies above `after` into the new life. What is damaged is lost: there is no other copy of it. */
static void move_up(struct renewal *n, struct life *old, uint64_t after) {
    struct arena_mark mark = envelope_mark(n->t);
    for (uint64_t seq = old->first > after + 1 ? old->first : after + 1; seq <= old->last; seq++) {
        CLEANUP(buffer_close) struct buffer packed = {0};
        struct logged e;
        envelope_release(n->t, mark);
        bool there = log_read(n->t, &old->incarnation, seq, &e);
        if (there && wire_change_erased(e.packed)) { /* it need not be said again */
        } else if (there && wire_change_label(e.packed, n->life->last + 1, 0, 0, true, &packed) == 0) {
            wall_ms saved = e.saved;
            n->chain = wire_chain(&n->chain, buffer_bytes(&packed));
            log_write(n->t, &n->life->incarnation, ++n->life->last, &n->chain, saved, buffer_bytes(&packed));
        } else if (seq > old->acked) {
            lost_put(n->t, &old->incarnation, seq, (wall_ms)hlc_ms(n->p->hlc));
            n->p->lost_count++;
            log_fact(
                LOG_ERROR, "node.change_lost", FACT_UINT("seq", seq), FACT_TEXT("why", "its stored bytes are damaged, it was not sent"));
        }
        log_drop(n->t, &old->incarnation, seq);
        held_put(n->t, &old->incarnation, seq, VERDICT_MERGED);
    }
    old->last = after;
    if (old->includes > old->last)
        old->includes = old->last;
}

void node_new_life(struct txn *t, const struct id16 *incarnation) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct life new = {.incarnation = *incarnation, .first = 1};
    struct renewal n = {.t = t, .p = p, .life = &new};
    if (!node_progress_get(t, p))
        return;
    bool full = p->life_count == LIMIT_LIVES;
    for (size_t i = 0; i < p->life_count; i++) /* in the order in which they were written */
        move_up(&n, &p->lives[i], full && i == 0 ? p->lives[i].safe : p->lives[i].acked);
    if (full) {
        log_forget(t, &p->lives[0].incarnation);
        memmove(p->lives, p->lives + 1, (LIMIT_LIVES - 1) * sizeof *p->lives);
        p->life_count--;
    }
    p->lives[p->life_count++] = new;
    p->cursor.floor = 0;
    p->verdicts_after = 0;
    p->unproven = true;
    load_all(p);
    pending_remake(t, p);
    p->held_count = held_waiting(t);
    node_progress_put(t, p);
}
