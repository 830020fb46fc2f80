/* Orders to erase, carried out at a node: copies, views and pending changes go, and in the log a hash stands for what was said. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

bool node_erased(struct txn *t, uint32_t type, const struct id16 *id) {
    struct key k = key_record(type, id);
    struct bytes value;
    return txn_get(t, NODE_ERASED, key_bytes(&k), &value);
}

void erased_mark(struct txn *t, uint32_t type, const struct id16 *id, const struct id16 *order) {
    struct key k = key_record(type, id);
    envelope_put(t, NODE_ERASED, key_bytes(&k), bytes_of(order->b, sizeof order->b));
}

bool node_erased_change(struct txn *t, uint32_t type, const struct id16 *record, const struct op *ops, size_t count) {
    uint32_t about;
    struct id16 id;
    if (store_count(t, NODE_ERASED) == 0)
        return false;
    bool erased = node_erased(t, type, record);
    for (size_t i = 0; i < count && !erased; i++)
        erased = erasure_subject(&ops[i], &about, &id) && node_erased(t, about, &id);
    return erased;
}

/* ---- orders */

static void order_put(struct txn *t, uint64_t row, const struct change *c, struct bytes packed) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_u64(c->name.tag);
    buffer_u64be(&b, row);
    buffer_add(&b, packed);
    envelope_put(t, NODE_ERASURES, key_bytes(&k), buffer_bytes(&b));
}

bool erasure_take(struct txn *t, const struct erasure_order *o, struct touched_list *erased) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct change c;
    struct bytes list;
    uint32_t type;
    struct id16 id;
    bool news = false;
    if (wire_change_unpack(o->change, &a, &c) != 0 || c.type != TYPE_ERASURE) {
        log_fact(LOG_ERROR, "node.erasure_unread", FACT_UINT("row", o->row));
        return false;
    }
    order_put(t, o->row, &c, o->change);
    for (list = erasure_targets(&c); erasure_next(&list, &type, &id);) {
        if (!erasure_may(type))
            continue;
        news = news || !node_erased(t, type, &id);
        erased_mark(t, type, &id, &c.record);
        touched_add(erased, type, &id);
    }
    return news;
}

int node_erasures(struct txn *t, int (*each)(void *owner, uint64_t row, const struct change *c, struct bytes packed), void *owner) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct bytes at, value, sound;
    int r = 0;
    struct scan *s = scan_open(t, NODE_ERASURES);
    for (bool on = scan_from(s, (struct bytes){NULL, 0}, &at, &value); on && r == 0; on = scan_next(s, &at, &value)) {
        struct change c;
        arena_clear(&a);
        struct reader in = {.rest = envelope_open(t, NODE_ERASURES, at, value, &sound) == 0 ? sound : (struct bytes){NULL, 0}};
        uint64_t row = reader_u64be(&in);
        struct bytes packed = arena_copy(&a, in.rest);
        if (!in.bad && wire_change_unpack(packed, &a, &c) == 0)
            r = each(owner, row, &c, packed);
    }
    scan_close(s);
    return r;
}

void node_compacted(struct txn *t) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    if (node_progress_get(t, p)) {
        p->uncompacted = false;
        node_progress_put(t, p);
    }
    free(p);
}

/* ---- the log */

bool log_erased(struct txn *t, const struct id16 *incarnation, uint64_t seq) {
    struct logged e;
    return log_read(t, incarnation, seq, &e) && wire_change_erased(e.packed);
}

void log_erase(struct txn *t, const struct life *l, uint64_t seq, const struct change *c) {
    CLEANUP(buffer_close) struct buffer gone = {0};
    struct logged e;
    if (!log_read(t, &l->incarnation, seq, &e) || wire_change_erased(e.packed))
        return;
    wire_change_erase(e.packed, &gone);
    log_write(t, &l->incarnation, seq, &e.after, e.saved, buffer_bytes(&gone));
    pending_delete(t, c, &l->incarnation);
    if (seq > l->includes)
        held_put(t, &l->incarnation, seq, VERDICT_ERASED); /* the hub says no more of it than that it heard */
}

void logs_erase(struct txn *t, const struct node_progress *p) {
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *l = &p->lives[i];
        for (uint64_t seq = l->first; seq <= l->last; seq++) {
            CLEANUP(arena_close) struct arena a = {.cap = 0};
            struct arena_mark mark = envelope_mark(t);
            struct change c;
            if (log_change(t, &l->incarnation, seq, &a, &c) && node_erased(t, c.type, &c.record))
                log_erase(t, l, seq, &c);
            envelope_release(t, mark);
        }
    }
}

/* ---- a hub on another timeline: it may have lost orders, and gets back those that it may not have any more */

struct giving_back {
    struct txn *t;
    struct node_progress *p;
    struct life *life;
    uint64_t above;
    struct hash chain;
    uint64_t random;
    wall_ms local_now;
    bool any;
};

static int give_back(void *owner, uint64_t row, const struct change *order, struct bytes packed) {
    struct giving_back *g = owner;
    if (row <= g->above)
        return 0;
    CLEANUP(buffer_close) struct buffer value = {0}, out = {0};
    struct buffer seed = {0};
    value_pack(&(struct value){.kind = VALUE_BLOB, .text = packed}, &value);
    struct op op = {.field = ERASURE_RETURNED, .kind = OP_ADD, .value = buffer_bytes(&value)};
    buffer_u64be(&seed, g->random);
    buffer_u64be(&seed, order->name.tag);
    buffer_u64be(&seed, g->life->last);
    struct hash h = hash_of_two(bytes_of(g->life->incarnation.b, sizeof g->life->incarnation.b), buffer_bytes(&seed));
    buffer_close(&seed);
    struct change c = {
        .seq = ++g->life->last,
        .version = {hlc_next(g->p->hlc, (wall_ms)((int64_t)g->local_now + g->p->offset_ms)), g->p->node},
        .name = {.node = g->p->node},
        .type = TYPE_ERASURE,
        .record = order->record,
        .ops = &op,
        .op_count = 1,
    };
    memcpy(&c.name.tag, h.b, sizeof c.name.tag); /* told apart like any other, without asking for chance here */
    memcpy(&c.salt, h.b + sizeof c.name.tag, sizeof c.salt);
    g->p->hlc = c.version.hlc;
    wire_change_pack(&c, &out);
    g->chain = wire_chain(&g->chain, buffer_bytes(&out));
    log_write(g->t, &g->life->incarnation, c.seq, &g->chain, g->local_now, buffer_bytes(&out));
    g->any = true;
    return 0;
}

void erasures_give_back(struct txn *t, struct node_progress *p, uint64_t above, wall_ms local_now) {
    struct giving_back g = {
        .t = t,
        .p = p,
        .life = &p->lives[p->life_count - 1],
        .above = above,
        .random = p->cursor.epoch.random,
        .local_now = local_now,
    };
    node_chain(t, &g.life->incarnation, g.life->last, &g.chain);
    node_erasures(t, give_back, &g);
    if (g.any)
        log_fact(LOG_WARNING, "node.erasures_given_back", FACT_UINT("above", above));
}
