#include "common/store/hub_fold.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/model/merge.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- a table of pointers by hash */

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = a ^ (b * UINT64_C(0x9E3779B97F4A7C15));
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 32;
}

static uint64_t hash_record(uint32_t type, const struct id16 *id) {
    uint64_t half[2];
    memcpy(half, id->b, sizeof half);
    return mix(mix(half[0], half[1]), type);
}

static uint64_t hash_name(const struct touched *of, struct name name) {
    return mix(mix((uint64_t)(uintptr_t)of, name.tag), name.node);
}

static void **table_find(
    const struct pointer_table *t, uint64_t hash, bool (*same)(const void *entry, const void *wanted), const void *wanted) {
    size_t at = (size_t)hash & (t->room - 1);
    while (t->slots[at] != NULL && !same(t->slots[at], wanted))
        at = (at + 1) & (t->room - 1);
    return &t->slots[at];
}

static void table_grow(struct pointer_table *t, uint64_t (*hash)(const void *entry)) {
    if (t->room > 0 && 2 * (t->count + 1) < t->room)
        return;
    struct pointer_table more = {.room = t->room == 0 ? 256 : 4 * t->room, .count = t->count};
    more.slots = memory_zeroed(more.room, sizeof *more.slots);
    for (size_t i = 0; i < t->room; i++) {
        if (t->slots[i] == NULL)
            continue;
        size_t at = (size_t)hash(t->slots[i]) & (more.room - 1);
        while (more.slots[at] != NULL)
            at = (at + 1) & (more.room - 1);
        more.slots[at] = t->slots[i];
    }
    free(t->slots);
    *t = more;
}

/* ---- begin and close */

void fold_begin(struct fold *f, struct txn *state, const struct hub_rules *rules) {
    memset(f, 0, sizeof *f);
    f->state = state;
    f->rules = rules;
    hub_place_get(state, &f->place);
    f->begin = f->place.hub_seq;
    f->waiting = store_count(state, HUB_WAITING);
    f->erased = store_count(state, HUB_ERASED);
}

void fold_close(struct fold *f) {
    for (size_t i = 0; i < f->nodes.room; i++)
        free(f->nodes.slots[i]);
    free(f->records.slots);
    free(f->history.slots);
    free(f->nodes.slots);
    free(f->grown);
    free(f->grown_nodes);
    buffer_close(&f->rules_table);
    arena_close(&f->arena);
    arena_close(&f->scratch);
    memset(f, 0, sizeof *f);
}

/* ---- what is touched */

static uint64_t touched_hash(const void *entry) {
    const struct touched *t = entry;
    return hash_record(t->record.type, &t->record.id);
}

struct record_key {
    uint32_t type;
    const struct id16 *id;
};

static bool touched_same(const void *entry, const void *wanted) {
    const struct touched *t = entry;
    const struct record_key *k = wanted;
    return t->record.type == k->type && id_equal(&t->record.id, k->id);
}

struct touched *fold_record(struct fold *f, uint32_t type, const struct id16 *id) {
    struct record_key wanted = {type, id};
    table_grow(&f->records, touched_hash);
    void **slot = table_find(&f->records, hash_record(type, id), touched_same, &wanted);
    if (*slot != NULL)
        return *slot;
    struct touched *t = arena_take(&f->arena, sizeof *t);
    struct key k = key_record(type, id);
    struct hub_aside aside;
    struct bytes stored, value;
    if (txn_get(f->state, HUB_RECORDS, key_bytes(&k), &stored)) {
        struct arena_mark mark = envelope_mark(f->state);
        if (envelope_open_own(f->state, HUB_RECORDS, key_bytes(&k), stored, &value, &t->key) != 0 ||
            !hub_value_unpack(arena_copy(&f->arena, value), &f->arena, &t->record, &aside) || t->record.type != type ||
            !id_equal(&t->record.id, id)) {
            log_fact(LOG_ERROR, "hub.record_rotten", FACT_UINT("type", type), FACT_HEX("id", bytes_of(id->b, sizeof id->b)));
            txn_fail(f->state, fail(-EBADMSG));
            return NULL;
        }
        t->exists = true;
        t->before = aside.own;
        t->copies = aside.copies;
        t->bound = value.len + 64 + 16 * (t->record.area_count + t->record.field_count);
        envelope_release(f->state, mark);
    } else {
        envelope_new_key(f->state, &t->key);
        t->record.type = type;
        t->record.id = *id;
        t->bound = 128;
    }
    *slot = t;
    f->records.count++;
    return t;
}

static uint64_t node_hash(const void *entry) {
    const struct fold_node *n = entry;
    return mix(n->state.node, 0);
}

static bool node_same(const void *entry, const void *wanted) {
    const struct fold_node *n = entry;
    return n->state.node == *(const uint32_t *)wanted;
}

struct fold_node *fold_node(struct fold *f, uint32_t node) {
    table_grow(&f->nodes, node_hash);
    void **slot = table_find(&f->nodes, mix(node, 0), node_same, &node);
    if (*slot != NULL)
        return *slot;
    struct fold_node *n = memory_zeroed(1, sizeof *n);
    hub_node_get(f->state, node, &n->state);
    *slot = n;
    f->nodes.count++;
    return n;
}

/* ---- history */

static uint64_t history_hash(const void *entry) {
    const struct fold_history *h = entry;
    return hash_name(h->of, h->name);
}

static bool history_same(const void *entry, const void *wanted) {
    const struct fold_history *h = entry, *w = wanted;
    return h->of == w->of && name_equal(h->name, w->name);
}

bool fold_merged(struct fold *f, struct touched *t, struct name name) {
    if (f->history.room > 0 && t->history != NULL) {
        struct fold_history wanted = {.of = t, .name = name};
        if (*table_find(&f->history, hash_name(t, name), history_same, &wanted) != NULL)
            return true;
    }
    if (!t->exists)
        return false;
    struct key k = key_history(t->record.type, &t->record.id, name);
    struct bytes value;
    return txn_get(f->state, HUB_RECORDS, key_bytes(&k), &value);
}

static void history_add(struct fold *f, struct touched *t, const struct change *c, const struct origin *from) {
    struct history_entry e = {
        .hub_seq = f->place.hub_seq,
        .version = c->version,
        .name = c->name,
        .actor = c->actor,
        .purpose = c->purpose,
        .incarnation = from->incarnation,
        .seq = from->seq,
        .received = from->received,
    };
    for (size_t i = 0; i < c->op_count && e.field_count < LIMIT_CHANGE_FIELDS; i++) {
        bool known = false; /* REMOVE and ADD of one field are two operations */
        for (size_t k = 0; k < e.field_count && !known; k++)
            known = e.fields[k] == c->ops[i].field;
        if (!known)
            e.fields[e.field_count++] = c->ops[i].field;
    }
    CLEANUP(buffer_close) struct buffer b = {0};
    wire_history_pack(&e, &b);
    struct fold_history *h = arena_take(&f->arena, sizeof *h);
    *h = (struct fold_history){.of = t, .next = t->history, .name = c->name, .packed = arena_copy(&f->arena, buffer_bytes(&b))};
    table_grow(&f->history, history_hash);
    void **slot = table_find(&f->history, hash_name(t, c->name), history_same, h);
    if (*slot != NULL) { /* a writer used a name twice: the later line stands, as one by one */
        ((struct fold_history *)*slot)->packed = h->packed;
        return;
    }
    *slot = h;
    f->history.count++;
    t->history = h;
}

struct asks {
    struct fold *f;
    struct touched *t;
};

static bool has(void *owner, struct name name) {
    const struct asks *a = owner;
    return fold_merged(a->f, a->t, name);
}

/* ---- merging one change */

size_t fold_growth(const struct change *c, size_t packed) {
    size_t names = 0;
    for (size_t i = 0; i < c->op_count; i++)
        names += c->ops[i].name_count;
    return packed + 128 * (c->op_count + 1) + 64 * names;
}

static uint64_t conflicts_of(const struct record *r) {
    uint64_t n = 0;
    for (size_t i = 0; i < r->field_count; i++)
        n += r->fields[i].head_count > 1 && field_concurrent(&r->fields[i]);
    return n;
}

static bool counts(const struct record *r) {
    return !record_empty(r) && !record_deleted(r);
}

void fold_touch(struct fold *f, struct touched *t) {
    const struct record *r = &t->record;
    if (t->changed)
        return;
    t->changed = true;
    t->counted_before = counts(r);
    t->conflicts_before = conflicts_of(r);
    t->areas_before = arena_take(&f->arena, (r->area_count + 1) * sizeof *t->areas_before);
    for (size_t i = 0; i < r->area_count; i++)
        if (r->areas[i].present)
            t->areas_before[t->areas_before_count++] = r->areas[i].area;
}

static struct area_row *area_make(struct record *r, area a, struct arena *arena) {
    size_t at = 0;
    while (at < r->area_count && r->areas[at].area < a)
        at++;
    if (at < r->area_count && r->areas[at].area == a)
        return &r->areas[at];
    struct area_row *more = arena_take(arena, (r->area_count + 1) * sizeof *more);
    if (at > 0)
        memcpy(more, r->areas, at * sizeof *more);
    if (at < r->area_count)
        memcpy(more + at + 1, r->areas + at, (r->area_count - at) * sizeof *more);
    more[at] = (struct area_row){.area = a};
    r->areas = more;
    r->area_count++;
    return &more[at];
}

static bool touches_areas(const struct change *c) {
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].field == FIELD_HOME || c->ops[i].field == FIELD_SHARED)
            return true;
    return false;
}

/* The record's rows after its last change: every area it was in before or is in now gets a row at `seq`. */
static void move_rows(struct fold *f, struct record *r, uint64_t seq, bool areas_may_differ) {
    if (!areas_may_differ) {
        for (size_t i = 0; i < r->area_count; i++)
            if (r->areas[i].present)
                r->areas[i].row = seq;
        return;
    }
    const struct field *home = record_field(r, FIELD_HOME), *shared = record_field(r, FIELD_SHARED);
    size_t room = (home == NULL ? 0 : home->head_count) + (shared == NULL ? 0 : shared->element_count);
    area *now = arena_take(&f->scratch, (room + 1) * sizeof *now);
    size_t count = record_areas_now(r, now, room);
    size_t k = 0;
    for (size_t i = 0; i < r->area_count; i++) {
        struct area_row *row = &r->areas[i];
        while (k < count && now[k] < row->area)
            k++;
        if (row->present && (k == count || now[k] != row->area))
            *row = (struct area_row){.area = row->area, .row = seq};
    }
    for (size_t i = 0; i < count; i++) {
        struct area_row *row = area_make(r, now[i], &f->arena);
        row->since = row->present ? row->since : seq;
        row->present = true;
        row->row = seq;
    }
}

/* An area that a change gave counts as one that the record had, also when a change that replaces it came first: what the record ever had
 * must not depend on the order of arrival (A7). Such an area has no row: no feed ever showed the record in it. */
static bool keep_ever(struct fold *f, struct record *r, const struct change *c) {
    size_t had = r->area_count;
    for (size_t i = 0; i < c->op_count; i++) {
        area a;
        if (op_area(&c->ops[i], &a))
            area_make(r, a, &f->arena);
    }
    return r->area_count > had;
}

/* What an office serves, from its record: a list of digit texts. A value of another form changes nothing. */
static void served_from(struct fold *f, const struct record *r) {
    uint32_t node;
    area served[LIMIT_AREAS];
    size_t count = 0;
    if (!office_node(r, &node) || !office_areas(r, served, &count))
        return;
    struct fold_node *n = fold_node(f, node);
    bool grew = false;
    for (size_t i = 0; i < count && !grew; i++) {
        bool had = false;
        for (size_t k = 0; k < n->state.served_count && !had; k++)
            had = n->state.served[k] == served[i];
        grew = !had;
    }
    memcpy(n->state.served, served, count * sizeof *served);
    n->state.served_count = count;
    n->changed = n->moved = true;
    if (grew && !n->grown) {
        n->grown = true;
        if (f->grown_node_count == f->grown_node_room) {
            f->grown_node_room = f->grown_node_room == 0 ? 16 : 2 * f->grown_node_room;
            f->grown_nodes = memory_resize(f->grown_nodes, f->grown_node_room * sizeof(struct fold_node *));
        }
        f->grown_nodes[f->grown_node_count++] = n;
    }
}

static void grown_add(struct fold *f, struct touched *t) {
    if (t->grown || f->waiting == 0)
        return;
    t->grown = true;
    if (f->grown_count == f->grown_room) {
        f->grown_room = f->grown_room == 0 ? 64 : 2 * f->grown_room;
        f->grown = memory_resize(f->grown, f->grown_room * sizeof(struct touched *));
    }
    f->grown[f->grown_count++] = t;
}

/* A writer lays its own merged change into its base copy. Where the record has left the writer's area (or never came into it, since what
 * gave the area was replaced first), it must hear so again, or it would keep what it wrote as if the record were its own. */
static void tell_writer(struct record *r, const struct hub_node_state *writer, uint64_t seq) {
    for (size_t i = 0; i < r->area_count; i++)
        for (size_t k = 0; k < writer->served_count && !r->areas[i].present; k++)
            if (writer->served[k] == r->areas[i].area)
                r->areas[i].row = seq;
}

uint64_t fold_change(
    struct fold *f, struct fold_node *writer, struct touched *t, const struct change *c, const struct origin *from, size_t packed) {
    struct asks asks = {f, t};
    struct merge_history h = {has, &asks};
    fold_touch(f, t);
    struct change looked_up = *c;
    looked_up.again = c->again || t->copies;
    t->copies = looked_up.again;
    c = &looked_up;
    int r = merge_change(&t->record, c, &h, &f->arena);
    uint64_t seq = ++f->place.hub_seq;
    t->exists = true;
    t->bound += fold_growth(c, packed);
    t->record.feed_seq = seq;
    for (size_t i = 0; i < c->op_count; i++) {
        struct field *field = record_field(&t->record, c->ops[i].field);
        if (field != NULL)
            field->feed_seq = seq;
    }
    bool moves = r == 0 && touches_areas(c), grew = moves && keep_ever(f, &t->record, c);
    move_rows(f, &t->record, seq, moves);
    tell_writer(&t->record, &writer->state, seq);
    writer->changed = writer->moved = true;
    if (r == MERGE_REPEATED) {
        writer->state.repeated++;
    } else {
        writer->state.merged++;
        history_add(f, t, c, from);
    }
    if (c->version.hlc > f->place.highest_hlc)
        f->place.highest_hlc = c->version.hlc;
    if (c->type == TYPE_OFFICE) {
        f->offices = true;
        served_from(f, &t->record);
    }
    if (c->type == TYPE_POLICY) {
        f->policies = true;
        fold_learn(f, &t->record);
    }
    if (c->type == TYPE_ERASURE && r == 0)
        fold_order(f, c, seq);
    if (c->again)
        fold_settle_copies(f, t, c->name);
    if (grew)
        grown_add(f, t);
    return seq;
}

/* ---- writing out */

struct row {
    area area;
    uint64_t hub_seq;
    const struct record *record;
};

struct area_delta {
    area area;
    uint64_t lane[2];
};

static int by_key(const void *a, const void *b) {
    const struct record *x = &(*(struct touched *const *)a)->record, *y = &(*(struct touched *const *)b)->record;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return id_compare(&x->id, &y->id);
}

static int by_row(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->area != y->area)
        return x->area < y->area ? -1 : 1;
    return (x->hub_seq > y->hub_seq) - (x->hub_seq < y->hub_seq);
}

static int by_area(const void *a, const void *b) {
    const struct area_delta *x = a, *y = b;
    return (x->area > y->area) - (x->area < y->area);
}

static int by_name(const void *a, const void *b) {
    return name_compare((*(struct fold_history *const *)a)->name, (*(struct fold_history *const *)b)->name);
}

static void write_history(struct fold *f, const struct touched *t, struct buffer *scratch) {
    buffer_clear(scratch);
    for (const struct fold_history *h = t->history; h != NULL; h = h->next)
        buffer_add(scratch, bytes_of(&h, sizeof h));
    struct fold_history **all = (struct fold_history **)(void *)scratch->at;
    size_t count = scratch->len / sizeof(struct fold_history *);
    if (count > 1)
        qsort(all, count, sizeof *all, by_name);
    for (size_t i = 0; i < count; i++) {
        struct key k = key_history(t->record.type, &t->record.id, all[i]->name);
        envelope_put_under(f->state, HUB_RECORDS, key_bytes(&k), all[i]->packed, &t->key);
    }
}

static void delta_add(struct buffer *list, area a, const struct digest *plus, const struct digest *minus) {
    struct area_delta d = {.area = a};
    for (unsigned i = 0; i < 2; i++)
        d.lane[i] = (plus == NULL ? 0 : plus->lane[i]) - (minus == NULL ? 0 : minus->lane[i]);
    buffer_add(list, bytes_of(&d, sizeof d));
}

/* An erased record, with its history. */
static void delete_record(struct fold *f, const struct record *r, struct buffer *keys) {
    struct key prefix = key_record(r->type, &r->id);
    struct bytes key, value;
    buffer_clear(keys);
    struct scan *c = scan_open(f->state, HUB_RECORDS);
    for (bool on = scan_from(c, key_bytes(&prefix), &key, &value); on && key_starts(key, &prefix); on = scan_next(c, &key, &value)) {
        buffer_u8(keys, (uint8_t)key.len);
        buffer_add(keys, key);
    }
    scan_close(c);
    for (struct reader in = {.rest = buffer_bytes(keys)}; in.rest.len > 0 && !in.bad;)
        txn_delete(f->state, HUB_RECORDS, reader_take(&in, reader_u8(&in)));
}

/* Counters, rows and digests of one record; then the record itself with what was merged into it. */
static void write_record(struct fold *f, struct touched *t, struct buffer *rows, struct buffer *deltas, struct buffer *scratch) {
    const struct record *r = &t->record;
    f->place.records += counts(r);
    f->place.records -= t->counted_before;
    f->place.conflicts += conflicts_of(r);
    f->place.conflicts -= t->conflicts_before;
    struct hub_aside after = {.copies = t->copies};
    digest_add(&after.own, r);
    for (size_t i = 0; i < t->areas_before_count; i++)
        delta_add(deltas, t->areas_before[i], NULL, &t->before);
    for (size_t i = 0; i < r->area_count; i++) {
        if (r->areas[i].present)
            delta_add(deltas, r->areas[i].area, &after.own, NULL);
        if (r->areas[i].row > f->begin) {
            struct row row = {r->areas[i].area, r->areas[i].row, r};
            buffer_add(rows, bytes_of(&row, sizeof row));
        }
    }
    if (t->erased) {
        delete_record(f, r, scratch);
        return;
    }
    buffer_clear(scratch);
    hub_value_pack(r, &after, scratch);
    struct key k = key_record(r->type, &r->id);
    envelope_put_own(f->state, HUB_RECORDS, key_bytes(&k), buffer_bytes(scratch), &t->key);
    write_history(f, t, scratch);
}

static void write_rows(struct fold *f, struct buffer *list, struct merged *out) {
    struct row *rows = (struct row *)(void *)list->at;
    size_t count = list->len / sizeof *rows;
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_row);
    for (size_t i = 0; i < count; i++) {
        struct key k = key_row(rows[i].area, rows[i].hub_seq), value = key_record(rows[i].record->type, &rows[i].record->id);
        envelope_put(f->state, HUB_ROWS, key_bytes(&k), key_bytes(&value));
        if (i > 0 && rows[i].area == rows[i - 1].area)
            continue;
        if (out->area_count < LIMIT_AREAS)
            out->areas[out->area_count++] = rows[i].area;
        else
            out->every_area = true;
    }
}

static void write_digests(struct fold *f, struct buffer *list) {
    struct area_delta *deltas = (struct area_delta *)(void *)list->at;
    size_t count = list->len / sizeof *deltas;
    if (count > 1)
        qsort(deltas, count, sizeof *deltas, by_area);
    for (size_t i = 0; i < count;) {
        struct digest d = hub_digest(f->state, deltas[i].area);
        area a = deltas[i].area;
        for (; i < count && deltas[i].area == a; i++) {
            d.lane[0] += deltas[i].lane[0];
            d.lane[1] += deltas[i].lane[1];
        }
        CLEANUP(buffer_close) struct buffer b = {0};
        buffer_u64be(&b, d.lane[0]);
        buffer_u64be(&b, d.lane[1]);
        struct key k = key_u64(a);
        envelope_put(f->state, HUB_DIGESTS, key_bytes(&k), buffer_bytes(&b));
    }
}

static int by_node(const void *a, const void *b) {
    uint32_t x = (*(struct fold_node *const *)a)->state.node, y = (*(struct fold_node *const *)b)->state.node;
    return (x > y) - (x < y);
}

static void write_nodes(struct fold *f, struct buffer *scratch, struct merged *out) {
    buffer_clear(scratch);
    for (size_t i = 0; i < f->nodes.room; i++)
        if (f->nodes.slots[i] != NULL)
            buffer_add(scratch, bytes_of(&f->nodes.slots[i], sizeof(struct fold_node *)));
    struct fold_node **all = (struct fold_node **)(void *)scratch->at;
    size_t count = scratch->len / sizeof(struct fold_node *);
    if (count > 1)
        qsort(all, count, sizeof *all, by_node);
    for (size_t i = 0; i < count; i++) {
        if (all[i]->changed)
            hub_node_put(f->state, &all[i]->state);
        if (all[i]->forged > 0 && out->forger_count < sizeof out->forgers / sizeof *out->forgers)
            out->forgers[out->forger_count++] = (struct forger){all[i]->state.node, all[i]->forged};
        if (!all[i]->moved)
            continue;
        if (out->node_count == sizeof out->nodes / sizeof *out->nodes) {
            out->every_node = true;
            continue;
        }
        out->full[out->node_count] = hub_node_full(&all[i]->state);
        out->nodes[out->node_count++] = all[i]->state.node;
    }
}

void fold_end(struct fold *f, struct merged *out) {
    CLEANUP(buffer_close) struct buffer list = {0}, rows = {0}, deltas = {0}, scratch = {0};
    for (size_t i = 0; i < f->records.room; i++)
        if (f->records.slots[i] != NULL && ((struct touched *)f->records.slots[i])->changed)
            buffer_add(&list, bytes_of(&f->records.slots[i], sizeof(struct touched *)));
    struct touched **all = (struct touched **)(void *)list.at;
    size_t count = list.len / sizeof(struct touched *);
    if (count > 1)
        qsort(all, count, sizeof *all, by_key);
    for (size_t i = 0; i < count; i++)
        write_record(f, all[i], &rows, &deltas, &scratch);
    write_rows(f, &rows, out);
    write_digests(f, &deltas);
    write_nodes(f, &scratch, out);
    fold_rules_end(f);
    hub_place_put(f->state, &f->place);
    out->position = f->place.position;
    out->hub_seq = f->place.hub_seq;
    out->offices = f->offices;
    out->policies = f->policies;
    out->ordered = f->ordered;
    out->erased = f->ordered || f->refused;
    out->every_node = out->every_node || f->ordered;
}
