/* Base copies, views over them, and the digests of the base. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

/* The slot of a key, or the empty one where it belongs. Ids are random, or hashes: their first bytes spread. */
static uint32_t *touched_slot(const struct touched_list *l, uint32_t type, const struct id16 *id) {
    uint64_t h;
    memcpy(&h, id->b + 8, sizeof h);
    size_t at = (size_t)((h ^ type) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (l->slot_count - 1);
    while (l->slots[at] != 0) {
        const struct touched_key *k = &l->keys[l->slots[at] - 1];
        if (k->type == type && id_equal(&k->id, id))
            break;
        at = (at + 1) & (l->slot_count - 1);
    }
    return &l->slots[at];
}

size_t touched_add(struct touched_list *l, uint32_t type, const struct id16 *id) {
    if (2 * l->count >= l->slot_count) {
        l->slot_count = l->slot_count == 0 ? 32 : 2 * l->slot_count;
        free(l->slots);
        l->slots = memory_zeroed(l->slot_count, sizeof *l->slots);
        for (size_t i = 0; i < l->count; i++)
            *touched_slot(l, l->keys[i].type, &l->keys[i].id) = (uint32_t)i + 1;
    }
    uint32_t *slot = touched_slot(l, type, id);
    if (*slot != 0)
        return *slot - 1;
    if (l->count == l->room) {
        l->room = l->room == 0 ? 16 : 2 * l->room;
        l->keys = memory_resize(l->keys, l->room * sizeof *l->keys);
    }
    l->keys[l->count] = (struct touched_key){type, *id};
    *slot = (uint32_t)++l->count;
    return l->count - 1;
}

void touched_close(struct touched_list *l) {
    free(l->keys);
    free(l->slots);
    *l = (struct touched_list){0};
}

static int get(struct txn *t, unsigned tree, uint32_t type, const struct id16 *id, struct arena *a, struct record *out) {
    struct key k = key_record(type, id);
    struct bytes value;
    struct arena_mark mark = envelope_mark(t);
    int r = envelope_get(t, tree, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return NODE_RECORD_NONE;
    if (r == 0) {
        struct bytes kept = arena_copy(a, value);
        envelope_release(t, mark);
        if (wire_record_unpack(kept, a, out) == 0 && out->type == type && id_equal(&out->id, id))
            return 0;
    }
    log_fact(LOG_ERROR, "node.record_rotten", FACT_UINT("type", type), FACT_HEX("id", bytes_of(id->b, sizeof id->b)));
    return NODE_RECORD_ROTTEN;
}

int base_get(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out) {
    return get(t, NODE_BASE, type, id, a, out);
}

int node_base(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out) {
    return get(t, NODE_BASE, type, id, a, out);
}

int node_record(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out, bool *pending) {
    int r = get(t, NODE_VIEW, type, id, a, out);
    *pending = r == 0;
    return r == NODE_RECORD_NONE ? get(t, NODE_BASE, type, id, a, out) : r;
}

static int higher(void *owner, const struct record *r, bool pending) {
    uint64_t *top = owner;
    (void)pending;
    for (size_t i = 0; i < r->field_count; i++)
        for (size_t k = 0; k < r->fields[i].head_count; k++)
            if (r->fields[i].heads[k].version.hlc > *top)
                *top = r->fields[i].heads[k].version.hlc;
    return 0;
}

uint64_t base_top(struct txn *t) {
    uint64_t top = 0;
    node_records(t, 0, true, higher, &top);
    return top;
}

/* ---- digests */

struct digest node_digest(struct txn *t, area a) {
    struct key k = key_u64(a);
    struct bytes value;
    struct digest d = {{0, 0}};
    if (envelope_get(t, NODE_DIGESTS, key_bytes(&k), &value) == 0) {
        struct reader r = {.rest = value};
        d.lane[0] = reader_u64be(&r);
        d.lane[1] = reader_u64be(&r);
    }
    return d;
}

void digest_put(struct txn *t, area a, struct digest d) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_u64(a);
    buffer_u64be(&b, d.lane[0]);
    buffer_u64be(&b, d.lane[1]);
    envelope_put(t, NODE_DIGESTS, key_bytes(&k), buffer_bytes(&b));
}

struct summing {
    area area;
    struct digest sum;
    struct digest *buckets; /* NULL: only the sum */
};

static int sum_one(void *owner, const struct record *r, bool pending) {
    struct summing *s = owner;
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    (void)pending;
    for (size_t i = 0; i < n; i++)
        if (now[i] == s->area) {
            digest_add(&s->sum, r);
            if (s->buckets != NULL)
                digest_add(&s->buckets[digest_bucket(r->type, &r->id)], r);
        }
    return 0;
}

void digest_recompute(struct txn *t, area a) {
    struct summing s = {.area = a};
    node_records(t, 0, true, sum_one, &s);
    digest_put(t, a, s.sum);
}

void node_buckets(struct txn *t, area a, struct digest out[DIGEST_BUCKETS]) {
    struct summing s = {.area = a, .buckets = out};
    memset(out, 0, DIGEST_BUCKETS * sizeof *out);
    node_records(t, 0, true, sum_one, &s);
}

/* ---- pending changes and views */

void pending_put(struct txn *t, const struct change *c, const struct id16 *incarnation) {
    struct key k = key_pending(c->type, &c->record, c->version.hlc, incarnation, c->seq);
    envelope_put(t, NODE_PENDING, key_bytes(&k), (struct bytes){NULL, 0});
}

void pending_delete(struct txn *t, const struct change *c, const struct id16 *incarnation) {
    struct key k = key_pending(c->type, &c->record, c->version.hlc, incarnation, c->seq);
    txn_delete(t, NODE_PENDING, key_bytes(&k));
}

bool pending_forget(struct txn *t, const struct id16 *incarnation, uint64_t seq, uint32_t *type, struct id16 *record) {
    struct bytes at, value;
    struct key found = {.len = 0};
    struct scan *c = scan_open(t, NODE_PENDING);
    for (bool more = scan_from(c, (struct bytes){NULL, 0}, &at, &value); more && found.len == 0; more = scan_next(c, &at, &value)) {
        struct id16 its_life;
        uint64_t hlc, its_seq;
        if (key_pending_read(at, type, record, &hlc, &its_life, &its_seq) && its_seq == seq && id_equal(&its_life, incarnation))
            found = key_pending(*type, record, hlc, &its_life, its_seq);
    }
    scan_close(c);
    if (found.len > 0)
        txn_delete(t, NODE_PENDING, key_bytes(&found));
    return found.len > 0;
}

void view_rebuild(struct txn *t, uint32_t type, const struct id16 *id, struct arena *scratch) {
    struct key prefix = key_record(type, id);
    struct record view;
    struct bytes at, value, none;
    size_t merged = 0;
    arena_clear(scratch);
    struct scan *c = scan_open(t, NODE_PENDING);
    for (bool more = scan_from(c, key_bytes(&prefix), &at, &value); more && key_starts(at, &prefix); more = scan_next(c, &at, &value)) {
        struct id16 record, incarnation;
        uint32_t its_type;
        uint64_t hlc, seq;
        struct change change;
        if (envelope_open(t, NODE_PENDING, at, value, &none) != 0) { /* its change is in the log and comes back from the hub */
            log_fact(LOG_ERROR, "node.pending_rotten", FACT_UINT("type", type), FACT_HEX("id", bytes_of(id->b, sizeof id->b)));
            continue;
        }
        if (!key_pending_read(at, &its_type, &record, &hlc, &incarnation, &seq) || !log_change(t, &incarnation, seq, scratch, &change))
            continue;
        if (merged++ == 0 && base_get(t, type, id, scratch, &view) != 0)
            view = (struct record){.type = type, .id = *id};
        merge_change(&view, &change, NULL, scratch);
    }
    scan_close(c);
    if (merged == 0) {
        txn_delete(t, NODE_VIEW, key_bytes(&prefix));
        return;
    }
    struct buffer b = {0};
    wire_record_pack(&view, RECORD_BASE, &b);
    envelope_put(t, NODE_VIEW, key_bytes(&prefix), buffer_bytes(&b));
    buffer_close(&b);
}

void pending_remake(struct txn *t, const struct node_progress *p) {
    struct arena scratch = {.cap = 0};
    struct touched_list records = {0};
    struct bytes at, value;
    struct scan *c = scan_open(t, NODE_VIEW);
    for (bool more = scan_from(c, (struct bytes){NULL, 0}, &at, &value); more; more = scan_next(c, &at, &value)) {
        uint32_t type;
        struct id16 id;
        if (key_record_read(at, &type, &id))
            touched_add(&records, type, &id);
    }
    scan_close(c);
    txn_clear(t, NODE_PENDING);
    txn_clear(t, NODE_VIEW);
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *l = &p->lives[i];
        uint64_t from = l->includes + 1 > l->first ? l->includes + 1 : l->first;
        for (uint64_t seq = from; seq <= l->last; seq++) {
            CLEANUP(arena_close) struct arena a = {.cap = 0};
            struct change change;
            enum verdict held;
            if (held_get(t, &l->incarnation, seq, &held) || !log_change(t, &l->incarnation, seq, &a, &change) ||
                change.type == TYPE_ERASURE)
                continue;
            pending_put(t, &change, &l->incarnation);
            touched_add(&records, change.type, &change.record);
        }
    }
    for (size_t i = 0; i < records.count; i++)
        view_rebuild(t, records.keys[i].type, &records.keys[i].id, &scratch);
    arena_close(&scratch);
    touched_close(&records);
}
