#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <string.h>

/* ---- the three trees of quarantine
 *
 * held: the change itself. verdicts: what its node is told, in the order of hub_seq. waiting: by record, with the change's name and the
 * reason in the value, so that looking for a name or for what waits for scope needs no decoding. */

struct waiting {
    uint32_t node;
    struct id16 incarnation;
    uint64_t seq;
    struct name name;
    enum verdict reason;
};

static void verdict_put(struct fold *f, uint32_t node, uint64_t row, const struct id16 *incarnation, uint64_t seq, enum verdict v) {
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_add(&b, bytes_of(incarnation->b, sizeof incarnation->b));
    buffer_u64be(&b, seq);
    buffer_u8(&b, (uint8_t)v);
    struct key k = key_verdict(node, row);
    envelope_put(f->state, HUB_VERDICTS, key_bytes(&k), buffer_bytes(&b));
}

static void held_put(struct fold *f, uint32_t node, const struct id16 *incarnation, uint64_t seq, const struct quarantined *q) {
    CLEANUP(buffer_close) struct buffer b = {0};
    wire_quarantined_pack(q, &b);
    struct key k = key_held(node, incarnation, seq);
    envelope_put(f->state, HUB_HELD, key_bytes(&k), buffer_bytes(&b));
}

static void waiting_put(
    struct fold *f, uint32_t node, const struct id16 *incarnation, uint64_t seq, const struct change *c, enum verdict reason) {
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_u32be(&b, c->name.node);
    buffer_u64be(&b, c->name.tag);
    buffer_u8(&b, (uint8_t)reason);
    struct key k = key_waiting(c->type, &c->record, node, incarnation, seq);
    struct bytes old;
    if (!txn_get(f->state, HUB_WAITING, key_bytes(&k), &old))
        f->waiting++;
    envelope_put(f->state, HUB_WAITING, key_bytes(&k), buffer_bytes(&b));
}

static void waiting_delete(struct fold *f, uint32_t node, const struct id16 *incarnation, uint64_t seq, const struct change *c) {
    struct key k = key_waiting(c->type, &c->record, node, incarnation, seq);
    struct bytes old;
    if (!txn_get(f->state, HUB_WAITING, key_bytes(&k), &old))
        return;
    f->waiting--;
    txn_delete(f->state, HUB_WAITING, key_bytes(&k));
}

/* Everything that waits for one record, in key order, copied out. */
static struct waiting *waiting_of(struct fold *f, const struct record *r, size_t *count, struct buffer *list) {
    buffer_clear(list);
    *count = 0;
    if (f->waiting == 0)
        return NULL;
    struct key prefix = key_record(r->type, &r->id);
    struct bytes key, value, packed = {NULL, 0};
    struct arena_mark mark = envelope_mark(f->state);
    struct scan *c = scan_open(f->state, HUB_WAITING);
    for (bool on = scan_from(c, key_bytes(&prefix), &key, &value); on && key_starts(key, &prefix); on = scan_next(c, &key, &value)) {
        envelope_release(f->state, mark);
        struct waiting w = {.reason = VERDICT_MERGED};
        bool sound = envelope_open(f->state, HUB_WAITING, key, value, &packed) == 0;
        struct reader in = {.rest = packed};
        uint32_t type;
        struct id16 id;
        w.name.node = reader_u32be(&in);
        w.name.tag = reader_u64be(&in);
        w.reason = (enum verdict)reader_u8(&in);
        if (!sound || in.bad || !key_waiting_read(key, &type, &id, &w.node, &w.incarnation, &w.seq)) {
            log_fact(LOG_ERROR, "hub.waiting_rotten", FACT_UINT("type", r->type), FACT_HEX("id", bytes_of(r->id.b, sizeof r->id.b)));
            txn_fail(f->state, fail(-EBADMSG));
            break;
        }
        buffer_add(list, bytes_of(&w, sizeof w));
    }
    scan_close(c);
    *count = list->len / sizeof(struct waiting);
    return (struct waiting *)(void *)list->at;
}

/* Reads a held change; its bytes and what they decode to live in the arena. False: there is none (or the transaction has failed). */
struct item {
    uint32_t node;
    struct id16 incarnation;
    uint64_t seq;
    struct quarantined q;
    struct change c;
    bool decoded;
};

static bool item_get(struct fold *f, uint32_t node, const struct id16 *incarnation, uint64_t seq, struct arena *a, struct item *out) {
    struct key k = key_held(node, incarnation, seq);
    struct bytes value = {NULL, 0};
    struct arena_mark mark = envelope_mark(f->state);
    int r = envelope_get(f->state, HUB_HELD, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return false;
    *out = (struct item){.node = node, .incarnation = *incarnation, .seq = seq};
    value = arena_copy(a, value);
    envelope_release(f->state, mark);
    if (r != 0 || wire_quarantined_unpack(value, &out->q) != 0) {
        log_fact(LOG_ERROR, "hub.held_rotten", FACT_UINT("node", node), FACT_UINT("seq", seq));
        txn_fail(f->state, fail(-EBADMSG));
        return false;
    }
    out->decoded = wire_change_unpack(out->q.change, a, &out->c) == 0 && out->c.seq == seq;
    return true;
}

/* ---- counters */

static void count_in(struct fold *f, struct fold_node *n, enum verdict reason, size_t bytes) {
    n->changed = n->moved = true;
    if (reason == VERDICT_DISCARDED) {
        n->state.discarded++;
        return;
    }
    n->state.held++;
    n->state.held_bytes += bytes;
    f->place.held++;
}

static void count_out(struct fold *f, struct fold_node *n, enum verdict reason, size_t bytes) {
    n->changed = n->moved = true;
    if (reason == VERDICT_DISCARDED) {
        n->state.discarded--;
        return;
    }
    n->state.held--;
    n->state.held_bytes -= bytes;
    f->place.held--;
}

/* ---- holding, requalifying, letting go */

void fold_hold(
    struct fold *f, struct fold_node *writer, const struct origin *from, const struct change *c, struct bytes packed, enum verdict reason) {
    struct quarantined q = {
        .reason = reason, .received = from->received, .row = ++f->place.hub_seq, .position = from->position, .change = packed};
    uint32_t node = writer->state.node;
    verdict_put(f, node, q.row, &from->incarnation, from->seq, reason);
    held_put(f, node, &from->incarnation, from->seq, &q);
    if (c != NULL)
        waiting_put(f, node, &from->incarnation, from->seq, c, reason);
    count_in(f, writer, reason, packed.len);
    writer->forged += reason == VERDICT_FORGED;
}

static void requalify(struct fold *f, struct fold_node *writer, struct item *i, enum verdict reason) {
    struct key old = key_verdict(i->node, i->q.row);
    txn_delete(f->state, HUB_VERDICTS, key_bytes(&old));
    count_out(f, writer, i->q.reason, i->q.change.len);
    i->q.reason = reason;
    i->q.row = ++f->place.hub_seq;
    verdict_put(f, i->node, i->q.row, &i->incarnation, i->seq, reason);
    held_put(f, i->node, &i->incarnation, i->seq, &i->q);
    if (i->decoded)
        waiting_put(f, i->node, &i->incarnation, i->seq, &i->c, reason);
    count_in(f, writer, reason, i->q.change.len);
}

static void let_go(struct fold *f, struct fold_node *writer, const struct item *i) {
    struct key held = key_held(i->node, &i->incarnation, i->seq), old = key_verdict(i->node, i->q.row);
    txn_delete(f->state, HUB_HELD, key_bytes(&held));
    txn_delete(f->state, HUB_VERDICTS, key_bytes(&old));
    waiting_delete(f, i->node, &i->incarnation, i->seq, &i->c);
    count_out(f, writer, i->q.reason, i->q.change.len);
}

void fold_refuse(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq) {
    writer->changed = writer->moved = true;
    writer->state.erased++;
    f->refused = true;
    verdict_put(f, writer->state.node, ++f->place.hub_seq, incarnation, seq, VERDICT_ERASED);
    chore_put(f->state, HUB_CHORE_BYTES, f->place.hub_seq);
}

void fold_release(struct fold *f, struct touched *t) {
    CLEANUP(buffer_close) struct buffer list = {0};
    CLEANUP(arena_close) struct arena a = {0};
    size_t count;
    const struct waiting *all = waiting_of(f, &t->record, &count, &list);
    for (size_t k = 0; k < count && txn_result(f->state) == 0; k++) {
        struct item i;
        if (!item_get(f, all[k].node, &all[k].incarnation, all[k].seq, &a, &i) || !i.decoded)
            continue;
        let_go(f, fold_node(f, i.node), &i);
        fold_refuse(f, fold_node(f, i.node), &i.incarnation, i.seq);
    }
}

void fold_retry(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq, wall_ms now) {
    CLEANUP(arena_close) struct arena a = {0};
    struct item i;
    if (!item_get(f, writer->state.node, incarnation, seq, &a, &i) || !i.decoded)
        return;
    struct touched *t = fold_record(f, i.c.type, &i.c.record);
    if (t == NULL)
        return;
    i.c.again = true; /* another copy of it may have been merged meanwhile */
    size_t packed = i.q.change.len;
    wall_ms received = now > i.q.received ? now : i.q.received;
    const struct change *c = fold_take_over(f, t, &i.c);
    f->vouched = now != 0;
    enum verdict v = fold_verdict(f, writer, t, c, received, packed);
    f->vouched = false;
    if (v == VERDICT_ERASED) {
        let_go(f, writer, &i);
        fold_refuse(f, writer, &i.incarnation, i.seq);
        return;
    }
    if (v != VERDICT_MERGED) {
        if (v != i.q.reason)
            requalify(f, writer, &i, v);
        return;
    }
    let_go(f, writer, &i);
    struct origin from = {.incarnation = i.incarnation, .seq = i.seq, .position = i.q.position, .received = i.q.received};
    uint64_t row = fold_change(f, writer, t, c, &from, packed);
    verdict_put(f, i.node, row, &i.incarnation, i.seq, VERDICT_MERGED);
}

void fold_discard(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq) {
    CLEANUP(arena_close) struct arena a = {0};
    struct item i;
    if (item_get(f, writer->state.node, incarnation, seq, &a, &i) && i.q.reason != VERDICT_DISCARDED)
        requalify(f, writer, &i, VERDICT_DISCARDED);
}

void fold_settle_copies(struct fold *f, struct touched *t, struct name name) {
    CLEANUP(buffer_close) struct buffer list = {0};
    CLEANUP(arena_close) struct arena a = {0};
    size_t count;
    const struct waiting *all = waiting_of(f, &t->record, &count, &list);
    for (size_t k = 0; k < count; k++) {
        struct item i;
        if (!name_equal(all[k].name, name) || !item_get(f, all[k].node, &all[k].incarnation, all[k].seq, &a, &i) || !i.decoded)
            continue;
        struct fold_node *writer = fold_node(f, i.node);
        let_go(f, writer, &i);
        writer->state.repeated++;
        verdict_put(f, i.node, ++f->place.hub_seq, &i.incarnation, i.seq, VERDICT_MERGED);
    }
}

/* ---- trying again when scope has grown */

static void retry_record(struct fold *f, struct touched *t) {
    CLEANUP(buffer_close) struct buffer list = {0};
    size_t count;
    const struct waiting *all = waiting_of(f, &t->record, &count, &list);
    for (size_t i = 0; i < count && txn_result(f->state) == 0; i++)
        if (all[i].reason == VERDICT_SCOPE)
            fold_retry(f, fold_node(f, all[i].node), &all[i].incarnation, all[i].seq, 0);
}

static void retry_node(struct fold *f, struct fold_node *n) {
    CLEANUP(buffer_close) struct buffer list = {0};
    struct key prefix = key_u32(n->state.node);
    struct bytes key, value, packed;
    struct arena_mark mark = envelope_mark(f->state);
    struct scan *c = scan_open(f->state, HUB_HELD);
    for (bool on = scan_from(c, key_bytes(&prefix), &key, &value); on && key_starts(key, &prefix); on = scan_next(c, &key, &value)) {
        envelope_release(f->state, mark);
        struct quarantined q;
        struct held h = {.reason = VERDICT_MERGED};
        uint32_t node;
        if (!key_held_read(key, &node, &h.incarnation, &h.seq) || envelope_open(f->state, HUB_HELD, key, value, &packed) != 0 ||
            wire_quarantined_unpack(packed, &q) != 0) {
            txn_fail(f->state, fail(-EBADMSG));
            break;
        }
        if (q.reason == VERDICT_SCOPE)
            buffer_add(&list, bytes_of(&h, sizeof h));
    }
    scan_close(c);
    const struct held *all = (const struct held *)(const void *)list.at;
    for (size_t i = 0; i < list.len / sizeof *all && txn_result(f->state) == 0; i++)
        fold_retry(f, n, &all[i].incarnation, all[i].seq, 0);
}

void fold_retry_grown(struct fold *f) {
    size_t record = 0, node = 0;
    while (record < f->grown_count || node < f->grown_node_count) {
        if (txn_result(f->state) != 0)
            break;
        if (record < f->grown_count) {
            struct touched *t = f->grown[record++];
            t->grown = false; /* it may grow again by what is merged now */
            retry_record(f, t);
        } else {
            struct fold_node *n = f->grown_nodes[node++];
            n->grown = false;
            retry_node(f, n);
        }
    }
    f->grown_count = f->grown_node_count = 0;
}

/* ---- taking over names (B10) */

struct taking {
    struct fold *f;
    const struct waiting *all;
    size_t count;
    struct name *names; /* of one operation, growing */
    size_t name_count;
};

static const struct waiting *held_as(const struct taking *t, struct name name) {
    for (size_t i = 0; i < t->count; i++)
        if (name_equal(t->all[i].name, name))
            return &t->all[i];
    return NULL;
}

static bool listed(const struct name *names, size_t count, struct name name) {
    for (size_t i = 0; i < count; i++)
        if (name_equal(names[i], name))
            return true;
    return false;
}

/* Walks the growing list, so that a held change that itself replaces held ones brings theirs too. */
static void take_names(struct taking *t, const struct change *c, uint32_t field) {
    for (size_t i = 0; i < t->name_count; i++) {
        const struct waiting *w = held_as(t, t->names[i]);
        struct item held;
        if (w == NULL || !item_get(t->f, w->node, &w->incarnation, w->seq, &t->f->scratch, &held) || !held.decoded)
            continue;
        for (size_t k = 0; k < held.c.op_count; k++) {
            const struct op *o = &held.c.ops[k];
            for (size_t n = 0; o->field == field && n < o->name_count && t->name_count < LIMIT_OP_NAMES; n++)
                if (!name_equal(o->names[n], c->name) && !listed(t->names, t->name_count, o->names[n]))
                    t->names[t->name_count++] = o->names[n];
        }
    }
}

const struct change *fold_take_over(struct fold *f, struct touched *t, const struct change *c) {
    if (f->waiting == 0)
        return c;
    CLEANUP(buffer_close) struct buffer list = {0};
    struct taking taking = {.f = f};
    taking.all = waiting_of(f, &t->record, &taking.count, &list);
    if (taking.count == 0)
        return c;
    struct change *more = NULL;
    struct op *ops = NULL;
    for (size_t i = 0; i < c->op_count; i++) {
        const struct op *o = &c->ops[i];
        bool any = false;
        for (size_t k = 0; k < o->name_count && !any; k++)
            any = held_as(&taking, o->names[k]) != NULL;
        if (!any)
            continue;
        if (more == NULL) {
            more = arena_take(&f->scratch, sizeof *more);
            ops = arena_take(&f->scratch, c->op_count * sizeof *ops);
            *more = *c;
            memcpy(ops, c->ops, c->op_count * sizeof *ops);
            more->ops = ops;
        }
        taking.names = arena_take(&f->scratch, LIMIT_OP_NAMES * sizeof *taking.names);
        taking.name_count = o->name_count;
        memcpy(taking.names, o->names, o->name_count * sizeof *taking.names);
        take_names(&taking, c, o->field);
        ops[i].names = taking.names;
        ops[i].name_count = taking.name_count;
    }
    return more == NULL ? c : more;
}
