#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/store/envelope.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FORM = 1, ID_BYTES = 16, HASH_BYTES = 32 };

static bool take_bytes(struct reader *in, void *out, size_t len) {
    struct bytes b = reader_take(in, len);
    if (b.at != NULL)
        memcpy(out, b.at, len);
    return !in->bad;
}

/* ---- the place */

static bool place_unpack(struct bytes at, struct bytes epochs, struct hub_place *out) {
    struct reader in = {.rest = at};
    if (reader_u8(&in) != FORM || !take_bytes(&in, out->log_life.b, ID_BYTES))
        return false;
    out->position = reader_u64be(&in);
    out->hub_seq = reader_u64be(&in);
    out->highest_hlc = reader_u64be(&in);
    out->records = reader_u64be(&in);
    out->conflicts = reader_u64be(&in);
    out->held = reader_u64be(&in);
    out->swept = reader_u64be(&in);
    if (in.bad)
        return false;
    in = (struct reader){.rest = epochs};
    out->epoch_count = reader_u8(&in);
    if (out->epoch_count > HUB_EPOCHS)
        return false;
    for (size_t i = 0; i < out->epoch_count; i++) {
        out->epochs[i].epoch.counter = reader_u64be(&in);
        out->epochs[i].epoch.random = reader_u64be(&in);
        out->epochs[i].first = reader_u64be(&in);
    }
    return !in.bad;
}

bool hub_place_get(struct txn *t, struct hub_place *out) {
    memset(out, 0, sizeof *out);
    struct key at = key_word("at"), epochs = key_word("epochs");
    struct bytes a, e;
    int r = envelope_get(t, HUB_META, key_bytes(&at), &a);
    if (r == ENVELOPE_MISSING)
        return false;
    if (r == 0 && envelope_get(t, HUB_META, key_bytes(&epochs), &e) == 0 && place_unpack(a, e, out))
        return true;
    txn_fail(t, fail(-EBADMSG));
    memset(out, 0, sizeof *out);
    return false;
}

void hub_place_put(struct txn *t, const struct hub_place *p) {
    invariant(p->epoch_count <= HUB_EPOCHS);
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_u8(&b, FORM);
    buffer_add(&b, bytes_of(p->log_life.b, ID_BYTES));
    buffer_u64be(&b, p->position);
    buffer_u64be(&b, p->hub_seq);
    buffer_u64be(&b, p->highest_hlc);
    buffer_u64be(&b, p->records);
    buffer_u64be(&b, p->conflicts);
    buffer_u64be(&b, p->held);
    buffer_u64be(&b, p->swept);
    struct key at = key_word("at"), epochs = key_word("epochs");
    envelope_put(t, HUB_META, key_bytes(&at), buffer_bytes(&b));
    buffer_clear(&b);
    buffer_u8(&b, (uint8_t)p->epoch_count);
    for (size_t i = 0; i < p->epoch_count; i++) {
        buffer_u64be(&b, p->epochs[i].epoch.counter);
        buffer_u64be(&b, p->epochs[i].epoch.random);
        buffer_u64be(&b, p->epochs[i].first);
    }
    envelope_put(t, HUB_META, key_bytes(&epochs), buffer_bytes(&b));
}

void hub_epoch_begin(struct txn *state, uint64_t unix_ms, uint64_t random) {
    struct hub_place p;
    hub_place_get(state, &p);
    uint64_t last = p.epoch_count == 0 ? 0 : p.epochs[p.epoch_count - 1].epoch.counter;
    if (p.epoch_count == HUB_EPOCHS) {
        memmove(p.epochs, p.epochs + 1, sizeof *p.epochs * (HUB_EPOCHS - 1));
        p.epoch_count--;
    }
    p.epochs[p.epoch_count++] = (struct hub_epoch){
        .epoch = {.counter = last + 1 > unix_ms ? last + 1 : unix_ms, .random = random},
        .first = p.hub_seq,
    };
    hub_place_put(state, &p);
}

/* ---- nodes */

static bool node_unpack(struct bytes value, struct hub_node_state *out) {
    struct reader in = {.rest = value};
    if (reader_u8(&in) != FORM)
        return false;
    out->received = reader_u64be(&in);
    out->merged = reader_u64be(&in);
    out->held = reader_u64be(&in);
    out->repeated = reader_u64be(&in);
    out->discarded = reader_u64be(&in);
    out->held_bytes = reader_u64be(&in);
    out->served_count = reader_u8(&in);
    if (out->served_count > LIMIT_AREAS)
        return false;
    for (size_t i = 0; i < out->served_count; i++)
        out->served[i] = reader_u64be(&in);
    out->life_count = reader_u8(&in);
    if (out->life_count > LIMIT_LIVES)
        return false;
    for (size_t i = 0; i < out->life_count; i++) {
        struct life *l = &out->lives[i];
        take_bytes(&in, l->incarnation.b, ID_BYTES);
        l->includes = reader_u64be(&in);
        take_bytes(&in, l->acked_hash.b, HASH_BYTES);
    }
    out->erased = in.rest.len == 0 ? 0 : reader_u64be(&in);
    return !in.bad;
}

/* + enum envelope_outcome; out is empty with its node set unless the result is 0 */
static int node_read(struct txn *t, uint32_t node, struct hub_node_state *out) {
    memset(out, 0, sizeof *out);
    out->node = node;
    struct key k = key_u32(node);
    struct bytes value;
    int r = envelope_get(t, HUB_NODES, key_bytes(&k), &value);
    if (r != 0)
        return r;
    if (node_unpack(value, out))
        return 0;
    memset(out, 0, sizeof *out);
    out->node = node;
    return ENVELOPE_ROTTEN;
}

bool hub_node_get(struct txn *t, uint32_t node, struct hub_node_state *out) {
    int r = node_read(t, node, out);
    if (r == ENVELOPE_ROTTEN)
        txn_fail(t, fail(-EBADMSG));
    return r == 0;
}

bool hub_node_full(const struct hub_node_state *n) {
    return n->held >= LIMIT_QUARANTINE_ITEMS || n->held_bytes >= LIMIT_QUARANTINE_BYTES;
}

void hub_node_put(struct txn *t, const struct hub_node_state *n) {
    invariant(n->served_count <= LIMIT_AREAS);
    invariant(n->life_count <= LIMIT_LIVES);
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_u8(&b, FORM);
    buffer_u64be(&b, n->received);
    buffer_u64be(&b, n->merged);
    buffer_u64be(&b, n->held);
    buffer_u64be(&b, n->repeated);
    buffer_u64be(&b, n->discarded);
    buffer_u64be(&b, n->held_bytes);
    buffer_u8(&b, (uint8_t)n->served_count);
    for (size_t i = 0; i < n->served_count; i++)
        buffer_u64be(&b, n->served[i]);
    buffer_u8(&b, (uint8_t)n->life_count);
    for (size_t i = 0; i < n->life_count; i++) {
        buffer_add(&b, bytes_of(n->lives[i].incarnation.b, ID_BYTES));
        buffer_u64be(&b, n->lives[i].includes);
        buffer_add(&b, bytes_of(n->lives[i].acked_hash.b, HASH_BYTES));
    }
    buffer_u64be(&b, n->erased);
    struct key k = key_u32(n->node);
    envelope_put(t, HUB_NODES, key_bytes(&k), buffer_bytes(&b));
}

/* ---- log and state of different moments (A8) */

/* accepted := merged of one node. Lives that the state does not know begin anew, at 0. */
static void accept_merged(struct txn *state, struct txn *log, struct hub_log_node *n) {
    struct hub_node_state merged;
    hub_node_get(state, n->node, &merged);
    for (size_t i = 0; i < n->life_count; i++) {
        struct life *l = &n->lives[i];
        const struct life *m = life_find(merged.lives, merged.life_count, &l->incarnation);
        l->acked = m == NULL ? 0 : m->includes;
        l->acked_hash = (struct hash){{0}};
        if (m != NULL)
            l->acked_hash = m->acked_hash;
    }
    for (size_t i = 0; i < merged.life_count; i++) {
        const struct life *m = &merged.lives[i];
        if (life_find(n->lives, n->life_count, &m->incarnation) != NULL || n->life_count == LIMIT_LIVES)
            continue;
        n->lives[n->life_count++] = (struct life){.incarnation = m->incarnation, .acked = m->includes, .acked_hash = m->acked_hash};
        if (id_zero(&n->current) && i + 1 == merged.life_count)
            n->current = m->incarnation;
    }
    hub_log_node_put(log, n);
}

static int collect_log_node(void *owner, const struct hub_log_node *n) {
    buffer_u32be(owner, n->node);
    return 0;
}

int hub_join_log(struct txn *state, struct txn *log, const struct id16 *new_life) {
    struct hub_place p;
    struct hub_log_place at;
    hub_place_get(state, &p);
    bool begun = hub_log_place(log, &at);
    if (begun && id_zero(&p.log_life)) { /* a state that was lost and is made again from the log's beginning */
        p.log_life = at.life;
        hub_place_put(state, &p);
    }
    if (begun && id_equal(&at.life, &p.log_life) && p.position <= at.last) {
        if (p.position + 1 < at.first)
            return HUB_JOIN_TRIMMED;
        return 0;
    }
    CLEANUP(buffer_close) struct buffer nodes = {0};
    int r = hub_log_nodes(log, collect_log_node, &nodes);
    if (r != 0)
        return pass(r);
    struct bytes key, value;
    struct scan *c = scan_open(state, HUB_NODES);
    for (bool on = scan_from(c, BYTES("\0"), &key, &value); on; on = scan_next(c, &key, &value))
        buffer_add(&nodes, key);
    scan_close(c);
    struct reader in = {.rest = buffer_bytes(&nodes)};
    while (in.rest.len > 0 && !in.bad) {
        struct hub_log_node n;
        hub_log_node(log, reader_u32be(&in), &n);
        accept_merged(state, log, &n);
    }
    if (begun && p.position < at.last)
        p.position = at.last;
    p.log_life = *new_life;
    hub_place_put(state, &p);
    hub_log_renew(log, new_life, p.position + 1);
    if (txn_result(log) != 0 || txn_result(state) != 0)
        return pass(txn_result(log) != 0 ? txn_result(log) : txn_result(state));
    return 0;
}

/* ---- reads */

void hub_value_pack(const struct record *r, const struct hub_aside *aside, struct buffer *out) {
    buffer_u64be(out, aside->own.lane[0]);
    buffer_u64be(out, aside->own.lane[1]);
    buffer_u8(out, aside->copies);
    wire_record_pack(r, RECORD_HUB, out);
}

bool hub_value_unpack(struct bytes value, struct arena *a, struct record *r, struct hub_aside *aside) {
    struct reader in = {.rest = value};
    uint64_t one = reader_u64be(&in), two = reader_u64be(&in);
    bool copies = reader_u8(&in) != 0;
    if (aside != NULL)
        *aside = (struct hub_aside){.own = {{one, two}}, .copies = copies};
    return !in.bad && wire_record_unpack(in.rest, a, r) == 0;
}

bool hub_row_open(struct txn *state, area a, uint64_t hub_seq, struct bytes stored, uint32_t *type, struct id16 *id) {
    struct key k = key_row(a, hub_seq);
    struct bytes self;
    struct arena_mark mark = envelope_mark(state);
    bool good = envelope_open(state, HUB_ROWS, key_bytes(&k), stored, &self) == 0 && key_record_read(self, type, id);
    envelope_release(state, mark);
    return good;
}

int hub_record(struct txn *state, uint32_t type, const struct id16 *id, struct arena *a, struct record *out) {
    struct key k = key_record(type, id);
    struct bytes value;
    struct arena_mark mark = envelope_mark(state);
    int r = envelope_get(state, HUB_RECORDS, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return HUB_RECORD_NONE;
    /* Copied: the record lives as long as the arena. */
    struct bytes own = r == 0 ? arena_copy(a, value) : (struct bytes){NULL, 0};
    envelope_release(state, mark);
    if (own.at == NULL || !hub_value_unpack(own, a, out, NULL))
        return HUB_RECORD_ROTTEN;
    return 0;
}

void hub_damaged(struct buffer *damaged, uint32_t type, const struct id16 *id) {
    struct hub_damage d = {.type = type, .id = *id};
    if (damaged != NULL)
        buffer_add(damaged, bytes_of(&d, sizeof d));
}

int hub_records(struct txn *state, uint32_t type, int (*each)(void *owner, const struct record *r), void *owner, struct buffer *damaged) {
    CLEANUP(arena_close) struct arena a = {0};
    struct id16 none = {{0}};
    struct key from = key_record(type, &none);
    struct bytes key, value, packed;
    int r = 0;
    struct arena_mark mark = envelope_mark(state);
    struct scan *c = scan_open(state, HUB_RECORDS);
    for (bool on = scan_from(c, key_bytes(&from), &key, &value); on && r == 0; on = scan_next(c, &key, &value)) {
        envelope_release(state, mark);
        uint32_t at;
        struct id16 id;
        if (!key_record_read(key, &at, &id))
            continue;
        if (type != 0 && at != type)
            break;
        struct record rec;
        arena_clear(&a);
        if (envelope_open(state, HUB_RECORDS, key, value, &packed) != 0 || !hub_value_unpack(packed, &a, &rec, NULL)) {
            hub_damaged(damaged, at, &id);
            continue;
        }
        r = each(owner, &rec);
    }
    scan_close(c);
    if (r == 0 && txn_result(state) != 0)
        r = pass(txn_result(state));
    return r;
}

int hub_records_walk(
    struct txn *state, uint32_t *type, struct id16 *id, uint32_t limit, int (*each)(void *owner, const struct record *r), void *owner,
    struct buffer *damaged) {
    CLEANUP(arena_close) struct arena a = {0};
    struct key from = key_record(*type, id);
    struct bytes key, value, packed;
    uint32_t seen = 0, at;
    struct id16 its;
    int r = 0;
    struct arena_mark mark = envelope_mark(state);
    struct scan *c = scan_open(state, HUB_RECORDS);
    bool on = scan_from(c, key_bytes(&from), &key, &value);
    for (; on && r == 0 && seen < limit; on = scan_next(c, &key, &value)) {
        envelope_release(state, mark);
        if (!key_record_read(key, &at, &its) || (at == *type && id_equal(&its, id)))
            continue;
        struct record rec;
        arena_clear(&a);
        if (envelope_open(state, HUB_RECORDS, key, value, &packed) != 0 || !hub_value_unpack(packed, &a, &rec, NULL))
            hub_damaged(damaged, at, &its);
        else
            r = each(owner, &rec);
        *type = at;
        *id = its;
        seen++;
    }
    scan_close(c);
    if (r == 0 && txn_result(state) != 0)
        return pass(txn_result(state));
    return r != 0 ? r : seen < limit ? HUB_WALK_END : 0;
}

static int by_hub_seq(const void *a, const void *b) {
    const struct history_entry *x = a, *y = b;
    return x->hub_seq < y->hub_seq ? -1 : x->hub_seq > y->hub_seq;
}

int hub_history(
    struct txn *state, uint32_t type, const struct id16 *id, int (*each)(void *owner, const struct history_entry *h), void *owner) {
    CLEANUP(buffer_close) struct buffer list = {0};
    struct key prefix = key_record(type, id);
    struct bytes key, value, packed;
    struct seal_key own = {{0}};
    int r = 0;
    struct arena_mark mark = envelope_mark(state);
    struct scan *c = scan_open(state, HUB_RECORDS);
    for (bool on = scan_from(c, key_bytes(&prefix), &key, &value); on && key_starts(key, &prefix); on = scan_next(c, &key, &value)) {
        struct history_entry h;
        envelope_release(state, mark);
        if (key.len == prefix.len
                ? !envelope_own_key(state, value, &own)
                : envelope_open_under(state, HUB_RECORDS, key, value, &own, &packed) != 0 || wire_history_unpack(packed, &h) != 0) {
            r = fail(-EBADMSG);
            break;
        }
        if (key.len != prefix.len)
            buffer_add(&list, bytes_of(&h, sizeof h));
    }
    scan_close(c);
    seal_forget(&own);
    if (r != 0)
        return r;
    struct history_entry *all = (struct history_entry *)(void *)list.at;
    size_t count = list.len / sizeof *all;
    if (count > 1)
        qsort(all, count, sizeof *all, by_hub_seq);
    for (size_t i = 0; i < count && r == 0; i++)
        r = each(owner, &all[i]);
    return r;
}

int hub_held(
    struct txn *state, uint32_t node, int (*each)(void *owner, uint32_t node, const struct held *h, const struct quarantined *q),
    void *owner) {
    struct key from = key_u32(node);
    struct bytes key, value, packed;
    int r = 0;
    struct arena_mark mark = envelope_mark(state);
    struct scan *c = scan_open(state, HUB_HELD);
    for (bool on = scan_from(c, key_bytes(&from), &key, &value); on && r == 0; on = scan_next(c, &key, &value)) {
        envelope_release(state, mark);
        uint32_t whose;
        struct held h;
        struct quarantined q;
        if (!key_held_read(key, &whose, &h.incarnation, &h.seq) || envelope_open(state, HUB_HELD, key, value, &packed) != 0 ||
            wire_quarantined_unpack(packed, &q) != 0) {
            r = fail(-EBADMSG);
            break;
        }
        if (node != 0 && whose != node)
            break;
        h.reason = q.reason;
        r = each(owner, whose, &h, &q);
    }
    scan_close(c);
    return r;
}

struct digest hub_digest(struct txn *state, area a) {
    struct digest d = {{0, 0}};
    struct key k = key_u64(a);
    struct bytes value;
    int r = envelope_get(state, HUB_DIGESTS, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return d;
    struct reader in = {.rest = value};
    if (r == 0) {
        d.lane[0] = reader_u64be(&in);
        d.lane[1] = reader_u64be(&in);
    }
    if (r != 0 || in.bad) {
        txn_fail(state, fail(-EBADMSG));
        return (struct digest){{0, 0}};
    }
    return d;
}

/* ---- offices */

struct offices {
    struct txn *state;
    int (*each)(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office);
    void *owner;
    struct buffer *damaged;
};

static int each_office(void *owner, const struct record *r) {
    struct offices *o = owner;
    uint32_t node;
    if (!office_node(r, &node))
        return 0;
    struct hub_node_state n;
    if (node_read(o->state, node, &n) == ENVELOPE_ROTTEN)
        hub_damaged(o->damaged, r->type, &r->id); /* what belongs to it: served areas, counts */
    return o->each(o->owner, node, &n, r);
}

int hub_offices(
    struct txn *state, int (*each)(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office), void *owner,
    struct buffer *damaged) {
    struct offices o = {state, each, owner, damaged};
    return hub_records(state, TYPE_OFFICE, each_office, &o, damaged);
}
