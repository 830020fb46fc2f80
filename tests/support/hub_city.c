#include "tests/support/hub_city.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/model/erasure.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "tests/support/test_seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct txn *read_of(struct store *s) {
    struct txn *t;
    invariant(store_read(s, &t) == 0);
    return t;
}

static struct txn *write_of(struct store *s) {
    struct txn *t;
    invariant(store_write(s, &t) == 0);
    return t;
}

static void commit(struct txn *t) {
    invariant(txn_commit(t) == 0);
}

/* ---- values and ids */

struct bytes city_text(struct city *y, const char *text) {
    size_t len = strlen(text);
    invariant(len < 16384);
    struct buffer b = {0};
    buffer_u8(&b, 0x0a);
    if (len > 127)
        buffer_u8(&b, (uint8_t)(0x80 | (len & 0x7f)));
    buffer_u8(&b, (uint8_t)(len > 127 ? len >> 7 : len));
    buffer_text(&b, text);
    struct bytes v = arena_copy(&y->arena, buffer_bytes(&b));
    buffer_close(&b);
    return v;
}

struct bytes city_number(struct city *y, char kind, uint64_t n) {
    char text[32];
    snprintf(text, sizeof text, "%c%" PRIu64, kind, n);
    return city_text(y, text);
}

struct bytes city_area(struct city *y, area a) {
    uint8_t v[9] = {0x41};
    for (size_t i = 0; i < 8; i++)
        v[1 + i] = (uint8_t)(a >> (8 * i));
    return arena_copy(&y->arena, bytes_of(v, sizeof v));
}

area city_home(uint32_t node) {
    char digits[AREA_DIGITS + 1];
    area a;
    snprintf(digits, sizeof digits, "65029900100%u", node % 10);
    invariant(area_parse(bytes_text(digits), &a));
    return a;
}

struct id16 city_id(uint64_t n) {
    struct id16 id = {{0x01}};
    for (size_t i = 0; i < 8; i++)
        id.b[15 - i] = (uint8_t)(n >> (8 * i));
    return id;
}

struct op city_op(uint32_t field, enum op_kind kind, struct bytes value, const struct name *names, size_t count) {
    return (struct op){.field = field, .kind = kind, .value = value, .names = names, .name_count = count};
}

/* ---- writing */

static void keep(struct city *y, uint32_t node, const struct change *c, struct bytes packed) {
    if (y->change_count == y->change_room) {
        y->change_room = y->change_room == 0 ? 64 : 2 * y->change_room;
        y->changes = memory_resize(y->changes, y->change_room * sizeof *y->changes);
    }
    struct city_change *k = &y->changes[y->change_count++];
    *k = (struct city_change){.node = node, .c = *c, .packed = arena_copy(&y->arena, packed)};
    struct op *ops = arena_take(&y->arena, c->op_count * sizeof *ops);
    for (size_t i = 0; i < c->op_count; i++) {
        ops[i] = c->ops[i];
        ops[i].value = arena_copy(&y->arena, c->ops[i].value);
        ops[i].names =
            (const struct name *)(const void *)arena_copy(&y->arena, bytes_of(c->ops[i].names, c->ops[i].name_count * sizeof(struct name)))
                .at;
    }
    k->c.ops = ops;
}

void city_append(struct city *y, uint32_t node, const struct bytes *packed, size_t count, uint64_t first) {
    CLEANUP(buffer_close) struct buffer raw = {0}, body = {0};
    struct city_writer *w = &y->writers[node];
    struct hash before = w->chain;
    for (size_t i = 0; i < count; i++) {
        wire_batch_add(&raw, packed[i]);
        w->chain = wire_chain(&w->chain, packed[i]);
    }
    invariant(wire_batch_seal(buffer_bytes(&raw), &body) == 0);
    struct log_entry e = {
        .kind = y->in_a_file ? LOG_TRIAGE : LOG_PUSH,
        .node = node,
        .incarnation = w->incarnation,
        .first = first,
        .count = (uint32_t)count,
        .before = before,
        .after = w->chain,
        .received = y->now,
        .body = buffer_bytes(&body),
    };
    struct txn *t = write_of(y->log);
    hub_log_append(t, &e);
    commit(t);
}

void city_order(struct city *y, enum log_kind kind, uint32_t node, uint64_t seq) {
    struct log_entry e = {.kind = kind, .node = node, .incarnation = y->writers[node].incarnation, .first = seq, .received = y->now};
    struct txn *t = write_of(y->log);
    hub_log_append(t, &e);
    commit(t);
}

struct name city_say_change(struct city *y, uint32_t node, struct change *c) {
    struct city_writer *w = &y->writers[node];
    y->now++;
    c->seq = ++w->seq;
    if (c->version.hlc == 0)
        c->version = (struct version){HLC_MS(y->now), node};
    if (c->name.tag == 0)
        c->name = (struct name){node, random_u64(&y->chance)};
    if (c->type == 0)
        c->type = CITY_TYPE;
    CLEANUP(buffer_close) struct buffer packed = {0};
    wire_change_pack(c, &packed);
    keep(y, node, c, buffer_bytes(&packed));
    struct bytes b = buffer_bytes(&packed);
    city_append(y, node, &b, 1, c->seq);
    return c->name;
}

struct name city_say(struct city *y, uint32_t node, uint64_t record, const struct op *ops, size_t count) {
    struct change c = {.record = city_id(record), .ops = ops, .op_count = count};
    return city_say_change(y, node, &c);
}

struct name city_create(struct city *y, uint32_t node, uint64_t record) {
    struct op ops[] = {
        city_op(FIELD_HOME, OP_SET, city_area(y, city_home(node)), NULL, 0),
        city_op(CITY_A, OP_SET, city_number(y, 'c', record), NULL, 0),
    };
    return city_say(y, node, record, ops, 2);
}

struct name city_write(struct city *y, uint32_t node, uint64_t record, uint32_t field, const char *text) {
    struct name names[64];
    size_t n = city_names(y, record, field, names, 64);
    struct op op = city_op(field, OP_SET, city_text(y, text), names, n);
    return city_say(y, node, record, &op, 1);
}

void city_erase(struct city *y, uint64_t record) {
    CLEANUP(buffer_close) struct buffer list = {0}, value = {0};
    struct id16 id = city_id(record);
    erasure_name(&list, CITY_TYPE, &id);
    value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, &value);
    struct op op = city_op(ERASURE_TARGETS, OP_ADD, buffer_bytes(&value), NULL, 0);
    struct change c = {.type = TYPE_ERASURE, .record = city_id(1000 + record), .ops = &op, .op_count = 1};
    city_say_change(y, 0, &c);
}

void city_office(struct city *y, uint32_t node, const area *served, size_t count) {
    CLEANUP(buffer_close) struct buffer list = {0}, value = {0};
    CLEANUP(arena_close) struct arena a = {0};
    for (size_t i = 0; i < count; i++) {
        char text[AREA_TEXT];
        area_text(served[i], text);
        buffer_u8(&list, 0x0a);
        buffer_u8(&list, (uint8_t)strlen(text));
        buffer_text(&list, text);
    }
    buffer_u8(&value, 0x4a);
    invariant(list.len < 128);
    buffer_u8(&value, (uint8_t)list.len);
    buffer_add(&value, buffer_bytes(&list));
    struct id16 id = office_id(node);
    struct record r;
    struct name names[16];
    size_t name_count = 0;
    struct txn *t = read_of(y->state);
    bool there = hub_record(t, TYPE_OFFICE, &id, &a, &r) == 0;
    const struct field *f = there ? record_field(&r, OFFICE_AREAS) : NULL;
    for (size_t i = 0; f != NULL && i < f->head_count && i < 16; i++)
        names[name_count++] = f->heads[i].name;
    txn_abort(t);
    struct op ops[] = {
        city_op(OFFICE_AREAS, OP_SET, buffer_bytes(&value), names, name_count),
        city_op(FIELD_HOME, OP_SET, city_area(y, area_of_node(node)), NULL, 0),
    };
    struct change c = {.type = TYPE_OFFICE, .record = id, .ops = ops, .op_count = there ? 1 : 2};
    city_say_change(y, 0, &c);
}

/* ---- folding */

static bool allows(void *owner, const struct change *c, const struct record *before) {
    const struct city *y = owner;
    (void)before;
    for (size_t i = 0; i < c->op_count; i++)
        if (!y->upgraded && c->ops[i].value.len > 2 && c->ops[i].value.at[2] == '!')
            return false;
    return true;
}

struct merged city_merge(struct city *y, uint32_t limit) {
    for (;;) {
        struct merged m;
        y->rules = (struct hub_rules){.allows = allows, .learn = y->learn, .owner = y};
        struct txn *log = read_of(y->log), *state = write_of(y->state);
        uint64_t before = city_place(y).position;
        int r = hub_merge(log, state, limit, &y->rules, &m);
        invariant(r == 0);
        txn_abort(log);
        commit(state);
        if (m.position == before)
            return m;
    }
}

void city_sweep(struct city *y, uint64_t floor) {
    for (int quiet = 0; quiet < 2;) { /* twice nothing: once to the end, once from the beginning */
        struct txn *t = write_of(y->state);
        quiet = hub_sweep(t, 100000, floor) == 0 ? quiet + 1 : 0;
        commit(t);
    }
}

/* ---- looking */

size_t city_names(struct city *y, uint64_t record, uint32_t field, struct name *out, size_t room) {
    CLEANUP(arena_close) struct arena a = {0};
    struct record r;
    struct id16 id = city_id(record);
    size_t n = 0;
    struct txn *t = read_of(y->state);
    const struct field *f = hub_record(t, CITY_TYPE, &id, &a, &r) == 0 ? record_field(&r, field) : NULL;
    for (size_t i = 0; f != NULL && i < f->head_count && n < room; i++)
        out[n++] = f->heads[i].name;
    for (size_t i = 0; f != NULL && f->head_count == 0 && i < f->element_count && n < room; i++)
        out[n++] = f->elements[i].name;
    txn_abort(t);
    return n;
}

bool city_text_is(struct city *y, uint64_t record, uint32_t field, const char *text) {
    CLEANUP(arena_close) struct arena a = {0};
    struct record r;
    struct id16 id = city_id(record);
    struct txn *t = read_of(y->state);
    const struct head *h = hub_record(t, CITY_TYPE, &id, &a, &r) == 0 ? field_winner(record_field(&r, field)) : NULL;
    bool same = h != NULL && bytes_equal(h->value, city_text(y, text));
    txn_abort(t);
    return same;
}

struct looked_for {
    uint32_t node;
    uint64_t seq;
    bool found;
    enum verdict reason;
};

static int look(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct looked_for *l = owner;
    (void)q;
    if (node == l->node && h->seq == l->seq) {
        l->found = true;
        l->reason = h->reason;
    }
    return 0;
}

bool city_held(struct city *y, uint32_t node, uint64_t seq, enum verdict *why) {
    struct looked_for l = {.node = node, .seq = seq};
    struct txn *t = read_of(y->state);
    invariant(hub_held(t, node, look, &l) == 0);
    txn_abort(t);
    *why = l.reason;
    return l.found;
}

struct hub_place city_place(struct city *y) {
    struct hub_place p;
    struct txn *t = read_of(y->state);
    invariant(hub_place_get(t, &p));
    txn_abort(t);
    return p;
}

static void complain(void *owner, const char *what) {
    (void)owner;
    fprintf(stderr, "verify: %s\n", what);
}

void city_verify(struct city *y) {
    struct progress progress = {.done = 0};
    struct txn *t = read_of(y->state);
    invariant(hub_verify(t, complain, NULL, &progress) == 0);
    invariant(progress.done > 0);
    txn_abort(t);
}

void city_dump(struct store *s, const struct store_shape *shape, struct buffer *out) {
    struct txn *t = read_of(s);
    for (unsigned tree = 0; tree < shape->tree_count; tree++) {
        struct bytes key, stored, value;
        struct seal_key own = {{0}}; /* of the record that came last: its history follows it */
        struct scan *c = scan_open(t, tree);
        for (bool on = scan_from(c, BYTES("\0"), &key, &stored); on; on = scan_next(c, &key, &stored)) {
            uint32_t type;
            struct id16 id;
            if (bytes_equal(key, BYTES("sweep")))
                continue; /* where the sweep stands is no part of the state */
            if (tree != HUB_RECORDS)
                invariant(envelope_open(t, tree, key, stored, &value) == 0);
            else if (key_record_read(key, &type, &id))
                invariant(envelope_open_own(t, tree, key, stored, &value, &own) == 0);
            else
                invariant(envelope_open_under(t, tree, key, stored, &own, &value) == 0);
            buffer_u8(out, (uint8_t)tree);
            buffer_u32be(out, (uint32_t)key.len);
            buffer_add(out, key);
            buffer_u32be(out, (uint32_t)value.len);
            buffer_add(out, value);
        }
        scan_close(c);
    }
    txn_abort(t);
}

static int dump_record(void *owner, const struct record *r) {
    record_canonical(r, owner);
    return 0;
}

static int dump_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)q;
    buffer_u32be(owner, node);
    buffer_u64be(owner, h->seq);
    buffer_u8(owner, (uint8_t)h->reason);
    return 0;
}

void city_dump_merged(struct store *state, struct buffer *out) {
    struct txn *t = read_of(state);
    invariant(hub_records(t, CITY_TYPE, dump_record, out, NULL) == 0);
    invariant(hub_held(t, 0, dump_held, out) == 0);
    txn_abort(t);
}

/* ---- life */

void city_open(struct city *y, uint64_t seed, const char *folder) {
    memset(y, 0, sizeof *y);
    random_seed(&y->chance, seed);
    y->now = UINT64_C(1790000000000);
    if (folder == NULL) {
        y->log = store_memory(&shape_hub_log, test_seal());
        y->state = store_memory(&shape_hub_state, test_seal());
    } else {
        char path[512];
        snprintf(path, sizeof path, "%s/log", folder);
        invariant(store_open_lmdb(path, &shape_hub_log, test_seal(), 0, &y->log) == 0);
        snprintf(path, sizeof path, "%s/state", folder);
        invariant(store_open_lmdb(path, &shape_hub_state, test_seal(), 0, &y->state) == 0);
    }
    struct id16 life;
    random_fill(&y->chance, life.b, sizeof life.b);
    struct txn *log = write_of(y->log), *state = write_of(y->state);
    hub_log_begin(log, &life, 1);
    hub_epoch_begin(state, y->now, random_u64(&y->chance));
    invariant(hub_join_log(state, log, &life) == 0);
    commit(log);
    commit(state);
    for (uint32_t i = 0; i <= CITY_NODES; i++)
        random_fill(&y->chance, y->writers[i].incarnation.b, sizeof y->writers[i].incarnation.b);
    for (uint32_t i = 1; i <= CITY_NODES; i++) {
        area home = city_home(i);
        city_office(y, i, &home, 1);
    }
    city_merge(y, 1000);
}

void city_close(struct city *y) {
    y->log = store_close(y->log);
    y->state = store_close(y->state);
    free(y->changes);
    arena_close(&y->arena);
    memset(y, 0, sizeof *y);
}

/* ---- an office that pulls */

static bool in(const area *list, size_t count, area a) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == a)
            return true;
    return false;
}

static bool loads(const struct reader_office *o, area a) {
    for (size_t i = 0; i < o->loading_count; i++)
        if (o->loading[i].area == a)
            return true;
    return false;
}

static bool is_in_areas(const struct reader_office *o, const struct record *r) {
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    for (size_t i = 0; i < n; i++)
        if (in(o->areas, o->area_count, now[i]))
            return true;
    return false;
}

/* Takes the scope as the state has it (a node has it from its office record in the feed). */
static void scope(struct city *y, struct reader_office *o) {
    struct hub_node_state n;
    struct txn *t = read_of(y->state);
    hub_node_get(t, o->node, &n);
    txn_abort(t);
    area areas[LIMIT_AREAS];
    size_t count = area_expand(n.served, n.served_count, o->node, areas, LIMIT_AREAS), kept = 0;
    for (size_t i = 0; i < o->loading_count; i++)
        if (in(areas, count, o->loading[i].area))
            o->loading[kept++] = o->loading[i];
    o->loading_count = kept;
    for (size_t i = 0; i < count; i++)
        if (!in(o->areas, o->area_count, areas[i]))
            o->loading[o->loading_count++] = (struct loading){.area = areas[i]};
    memcpy(o->areas, areas, sizeof areas);
    o->area_count = count;
    kept = 0;
    for (size_t i = 0; i < o->count; i++)
        if (is_in_areas(o, &o->base[i]))
            o->base[kept++] = o->base[i];
    o->count = kept;
}

void office_open(struct city *y, struct reader_office *o, uint32_t node) {
    memset(o, 0, sizeof *o);
    o->node = node;
    struct hub_place p = city_place(y);
    bool load;
    hub_cursor_adopt(&p, o->cursor, &o->cursor, &load);
    invariant(load);
}

void office_close(struct reader_office *o) {
    free(o->base);
    arena_close(&o->arena);
}

static struct record *find(const struct reader_office *o, uint32_t type, const struct id16 *id) {
    for (size_t i = 0; i < o->count; i++)
        if (o->base[i].type == type && id_equal(&o->base[i].id, id))
            return &o->base[i];
    return NULL;
}

const struct record *office_record(const struct reader_office *o, uint64_t record) {
    struct id16 id = city_id(record);
    return find(o, CITY_TYPE, &id);
}

static void lay(struct reader_office *o, const struct entry *e) {
    struct record *r = find(o, e->record.type, &e->record.id);
    o->entries++;
    if (e->kind == ENTRY_LEFT) {
        o->left++;
        if (r != NULL)
            *r = o->base[--o->count];
        return;
    }
    struct record new = record_copy(&e->record, &o->arena);
    if (r == NULL) {
        if (o->count == o->room) {
            o->room = o->room == 0 ? 64 : 2 * o->room;
            o->base = memory_resize(o->base, o->room * sizeof *o->base);
        }
        r = &o->base[o->count++];
        *r = (struct record){.type = new.type, .id = new.id};
    }
    if (e->kind == ENTRY_WHOLE) {
        o->whole++;
        *r = new;
        return;
    }
    for (size_t i = 0; i < new.field_count; i++) {
        struct field *f = record_field_make(r, new.fields[i].number, &o->arena);
        *f = new.fields[i];
    }
}

static void lay_order(struct reader_office *o, struct bytes packed) {
    CLEANUP(arena_close) struct arena a = {0};
    struct change c;
    uint32_t type;
    struct id16 id;
    invariant(wire_change_unpack(packed, &a, &c) == 0);
    for (struct bytes list = erasure_targets(&c); erasure_next(&list, &type, &id);) {
        struct record *r = find(o, type, &id);
        if (r != NULL)
            *r = o->base[--o->count];
    }
}

static void check_digests(const struct reader_office *o, const struct feed *f) {
    for (size_t i = 0; i < f->digest_count; i++) {
        struct digest d = {{0, 0}};
        for (size_t k = 0; k < o->count; k++) {
            area now[LIMIT_AREAS];
            size_t n = record_areas_now(&o->base[k], now, LIMIT_AREAS);
            if (in(now, n, f->digests[i].area))
                digest_add(&d, &o->base[k]);
        }
        invariant(digest_equal(d, f->digests[i].digest));
    }
}

void office_pull(struct city *y, struct reader_office *o, uint32_t bytes) {
    CLEANUP(arena_close) struct arena a = {0};
    scope(y, o);
    struct pull *pull = memory_zeroed(1, sizeof *pull);
    struct feed *f = memory_zeroed(1, sizeof *f);
    *pull = (struct pull){
        .cursor = o->cursor,
        .area_count = o->area_count,
        .loading_count = o->loading_count,
        .verdicts_after = o->verdicts_after,
        .bytes = bytes};
    memcpy(pull->areas, o->areas, sizeof o->areas);
    memcpy(pull->loading, o->loading, sizeof o->loading);
    struct txn *t = read_of(y->state);
    invariant(hub_feed_page(t, o->node, pull, &a, f, NULL) == 0);
    invariant(cursor_equal(f->from, o->cursor));
    invariant(f->entry_count > 0 || f->to.at > o->cursor.at || f->caught_up || f->loading_count > 0);
    for (size_t i = 0; i < f->erasure_count; i++)
        lay_order(o, f->erasures[i].change);
    for (size_t i = 0; i < f->entry_count; i++)
        lay(o, &f->entries[i]);
    o->cursor = f->to;
    o->loading_count = 0;
    for (size_t i = 0; i < f->loading_count; i++)
        if (!f->loading[i].done)
            o->loading[o->loading_count++] = f->loading[i];
    o->caught_up = f->caught_up;
    invariant(!f->caught_up || (f->to.floor == f->to.at && f->digest_count == o->area_count));
    if (f->caught_up)
        check_digests(o, f);
    invariant(!loads(o, 0) || !f->caught_up);
    txn_abort(t);
    free(pull);
    free(f);
}

void office_catch_up(struct city *y, struct reader_office *o, uint32_t bytes) {
    unsigned pages = 0;
    do {
        office_pull(y, o, bytes);
        invariant(++pages < 100000);
    } while (!o->caught_up);
}
