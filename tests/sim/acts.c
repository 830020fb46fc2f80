/* What people and faults do to a world. */
#include "common/base/invariant.h"
#include "common/store/hub_erase.h"
#include "common/store/hub_kept.h"
#include "common/store/layout.h"
#include "tests/sim/parts.h"
#include "tests/support/test_seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAR_AHEAD_DAYS = 40 };

/* ---- values and ids, encoded here by hand: the simulator shares no encoder with the product */

struct sim_value {
    uint8_t b[64];
    size_t len;
};

static struct bytes value_bytes(const struct sim_value *v) {
    return bytes_of(v->b, v->len);
}

static struct sim_value text_value(char kind, uint64_t number) {
    struct sim_value v = {.b = {0x0a}};
    int n = snprintf((char *)v.b + 2, sizeof v.b - 2, "%c%" PRIu64, kind, number);
    v.b[1] = (uint8_t)n;
    v.len = 2 + (size_t)n;
    return v;
}

static struct sim_value area_value(area a) {
    struct sim_value v = {.b = {0x41}, .len = 9};
    for (size_t i = 0; i < 8; i++)
        v.b[1 + i] = (uint8_t)(a >> (8 * i));
    return v;
}

/* Field 7 of Value: a Reference, its type in field 1, its id in field 2. */
static struct sim_value reference_value(uint64_t record) {
    struct sim_value v = {.b = {0x3a, 20, 0x08, WORLD_TYPE, 0x12, 16}, .len = 22};
    struct id16 id = world_record_id(record);
    memcpy(v.b + 6, id.b, sizeof id.b);
    return v;
}

static struct sim_value true_value(void) {
    return (struct sim_value){.b = {0x20, 1}, .len = 2};
}

static uint64_t number_of(struct bytes value) {
    if (value.len == 9 && value.at[0] == 0x41) {
        uint64_t a = 0;
        for (size_t i = 0; i < 8; i++)
            a |= (uint64_t)value.at[1 + i] << (8 * i);
        return a;
    }
    if (value.len > 3 && value.at[0] == 0x0a) {
        uint64_t n = 0;
        for (size_t i = 3; i < value.len; i++)
            n = 10 * n + (uint64_t)(value.at[i] - '0');
        return n;
    }
    return value.len == 2 ? 1 : 0;
}

uint64_t world_number(struct bytes value) {
    return number_of(value);
}

struct id16 world_record_id(uint64_t record) {
    struct id16 id = {{0x01}};
    for (size_t i = 0; i < 8; i++)
        id.b[15 - i] = (uint8_t)(record >> (8 * i));
    return id;
}

static area area_of(uint32_t node) {
    char digits[AREA_DIGITS + 1];
    area a;
    snprintf(digits, sizeof digits, "65029900100%u", node);
    invariant(area_parse(bytes_text(digits), &a));
    return a;
}

/* ---- beginning */

static void commit(struct txn *t) {
    invariant(txn_commit(t) == 0);
}

/* False: its disk had no room, or failed; the person is told, and nothing is decided. */
bool world_own_change(struct world *w, uint32_t type, struct id16 record, const struct op *ops, size_t count, uint64_t tag) {
    struct world_hub *h = &w->hub;
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct txn *t;
    invariant(store_read(h->state, &t) == 0);
    hub_place_get(t, place);
    txn_abort(t);
    uint64_t last = place->highest_hlc > h->own_hlc ? place->highest_hlc : h->own_hlc;
    free(place);
    struct change c = {
        .version = {hlc_next(last, world_clock(w, 0)), 0},
        .name = {0, tag},
        .salt = random_u64(&w->chance),
        .type = type,
        .record = record,
        .ops = ops,
        .op_count = count,
    };
    invariant(change_check(&c) == NULL);
    invariant(store_write(h->own, &t) == 0);
    hub_own_append(t, &c);
    int r = txn_commit(t);
    if (r != 0) {
        world_say(w, "hub  cannot save its own decision: %d", r);
        if (r < 0)
            world_disk_failed(w, 0, r);
        return false;
    }
    h->own_hlc = c.version.hlc;
    if (h->up)
        world_later(w, 0, (struct world_event){.kind = WORLD_OWN, .life = h->life});
    return true;
}

/* An office record: what a node serves. The list of digits is encoded by hand: field 9 of Value, field 1 of List. */
static void office(struct world *w, uint32_t node, const area *served, size_t count) {
    struct buffer list = {0};
    struct id16 id = office_id(node);
    struct sim_value home = area_value(area_of_node(node));
    for (size_t i = 0; i < count; i++) {
        char text[AREA_TEXT];
        area_text(served[i], text);
        buffer_u8(&list, 0x0a);
        buffer_u8(&list, (uint8_t)strlen(text));
        buffer_text(&list, text);
    }
    struct buffer value = {0};
    buffer_u8(&value, 0x4a);
    buffer_u8(&value, (uint8_t)list.len);
    buffer_add(&value, buffer_bytes(&list));
    struct op ops[2] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = value_bytes(&home)},
        {.field = OFFICE_AREAS, .kind = OP_SET, .value = buffer_bytes(&value)}};
    struct name names[2][8];
    struct arena a = {0};
    struct record r;
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    size_t first = 0;
    if (hub_record(t, TYPE_OFFICE, &id, &a, &r) == 0) {
        first = 1; /* its home stays */
        const struct field *f = record_field(&r, OFFICE_AREAS);
        for (size_t i = 0; f != NULL && i < f->head_count && i < 8; i++)
            names[1][i] = f->heads[i].name;
        ops[1].names = names[1];
        ops[1].name_count = f == NULL ? 0 : f->head_count;
    }
    txn_abort(t);
    world_own_change(w, TYPE_OFFICE, id, ops + first, 2 - first, random_u64(&w->chance));
    arena_close(&a);
    buffer_close(&list);
    buffer_close(&value);
}

static void enrol(struct world *w, struct world_node *n) {
    struct id16 life;
    struct txn *t;
    n->store = store_memory(&shape_node, test_seal());
    random_fill(&w->chance, life.b, sizeof life.b);
    invariant(store_write(n->store, &t) == 0);
    node_begin(t, n->id, &n->home, 1, &life);
    commit(t);
}

void world_begin(struct world *w) {
    struct world_hub *h = &w->hub;
    struct id16 life;
    struct txn *t, *s;
    h->log = store_memory(&shape_hub_log, test_seal());
    h->state = store_memory(&shape_hub_state, test_seal());
    h->own = store_memory(&shape_hub_own, test_seal());
    random_fill(&w->chance, life.b, sizeof life.b);
    invariant(store_write(h->log, &t) == 0);
    hub_log_begin(t, &life, 1);
    invariant(store_write(h->state, &s) == 0);
    hub_epoch_begin(s, world_clock(w, 0), random_u64(&w->chance));
    invariant(hub_join_log(s, t, &life) == 0);
    commit(t);
    commit(s);
    random_fill(&w->chance, life.b, sizeof life.b);
    invariant(store_write(h->own, &t) == 0);
    hub_own_begin(t, &life);
    commit(t);
    for (uint32_t i = 1; i <= w->node_count; i++) {
        w->nodes[i].id = i;
        w->nodes[i].home = area_of(i);
        enrol(w, &w->nodes[i]);
    }
    for (uint32_t i = 1; i <= w->node_count; i++)
        office(w, i, &w->nodes[i].home, 1);
    world_hub_start(w);
    world_run(w, 1000);
    for (uint32_t i = 1; i <= w->node_count; i++)
        world_node_start(w, &w->nodes[i]);
}

/* ---- edits */

static bool view(struct world *w, uint32_t node, uint64_t record, struct arena *a, struct record *out) {
    struct id16 id = world_record_id(record);
    struct txn *t;
    bool pending;
    invariant(store_read(node == 0 ? w->hub.state : w->nodes[node].store, &t) == 0);
    struct record seen;
    int r = node == 0 ? hub_record(t, WORLD_TYPE, &id, a, &seen) : node_record(t, WORLD_TYPE, &id, a, &seen, &pending);
    if (r == 0)
        *out = record_copy(&seen, a);
    txn_abort(t);
    return r == 0;
}

static size_t heads_of(const struct record *r, uint32_t field, struct name *out, size_t room) {
    const struct field *f = r == NULL ? NULL : record_field(r, field);
    size_t n = 0;
    for (; f != NULL && n < f->head_count && n < room; n++)
        out[n] = f->heads[n].name;
    return n;
}

static void remember(struct world *w, uint32_t node, uint64_t tag, uint64_t record, const struct op *ops, size_t count) {
    struct oracle_edit *e = oracle_add(&w->oracle);
    e->name = tag;
    e->record = record;
    e->node = node;
    e->op_count = count;
    for (size_t i = 0; i < count; i++) {
        e->ops[i].field = ops[i].field;
        e->ops[i].kind = ops[i].kind == OP_SET ? ORACLE_SET : ops[i].kind == OP_ADD ? ORACLE_ADD : ORACLE_REMOVE;
        e->ops[i].value = number_of(ops[i].value);
        e->ops[i].name_count = ops[i].name_count;
        for (size_t k = 0; k < ops[i].name_count; k++)
            e->ops[i].names[k] = ops[i].names[k].tag;
        for (size_t k = 0; ops[i].field == FIELD_SUBJECT && k < 8; k++)
            e->about = e->about << 8 | ops[i].value.at[14 + k];
    }
}

static void edit(struct world *w, uint32_t node, uint64_t record, const struct op *ops, size_t count) {
    struct world_node *n = &w->nodes[node];
    struct edit e = {
        .type = WORLD_TYPE,
        .record = world_record_id(record),
        .ops = ops,
        .op_count = count,
        .tag = random_u64(&w->chance),
        .salt = random_u64(&w->chance)};
    struct change c;
    const char *why = "";
    struct txn *t;
    invariant(store_write(n->store, &t) == 0);
    int r = node_edit(t, &e, world_clock(w, node), &c, &why);
    if (r != 0) {
        txn_abort(t);
        world_say(w, "node n-%u refuses an edit of %" PRIu64 ": %d %s", node, record, r, why);
        return;
    }
    uint64_t seq = c.seq; /* c's slices end with the transaction */
    r = txn_commit(t);
    if (r != 0) {
        world_say(w, "node n-%u cannot save: %d", node, r);
        if (r < 0)
            world_disk_failed(w, node, r);
        return;
    }
    remember(w, node, e.tag, record, ops, count);
    uint64_t about = w->oracle.edits[w->oracle.count - 1].about;
    world_say(w, "node n-%u saved %" PRIu64 " of record %" PRIu64 "%s%.0" PRIu64, node, seq, record, about == 0 ? "" : ", about ", about);
    world_node_saved(w, n);
}

void world_create(struct world *w, uint32_t node, uint64_t record) {
    struct sim_value home = area_value(area_of(node)), first = text_value('v', record);
    struct op ops[2] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = value_bytes(&home)},
        {.field = WORLD_FIELD_A, .kind = OP_SET, .value = value_bytes(&first)}};
    if (record > w->records)
        w->records = record;
    edit(w, node, record, ops, 2);
}

void world_create_about(struct world *w, uint32_t node, uint64_t record, uint64_t about) {
    struct sim_value home = area_value(area_of(node)), first = text_value('v', record), whom = reference_value(about);
    struct op ops[3] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = value_bytes(&home)},
        {.field = FIELD_SUBJECT, .kind = OP_SET, .value = value_bytes(&whom)},
        {.field = WORLD_FIELD_A, .kind = OP_SET, .value = value_bytes(&first)}};
    if (record > w->records)
        w->records = record;
    edit(w, node, record, ops, 3);
}

static void set(struct world *w, uint32_t node, uint64_t record, uint32_t field, const struct sim_value *v) {
    struct arena a = {0};
    struct record r;
    struct name names[8];
    struct op op = {.field = field, .kind = OP_SET, .value = value_bytes(v), .names = names};
    if (view(w, node, record, &a, &r))
        op.name_count = heads_of(&r, field, names, 8);
    edit(w, node, record, &op, 1);
    arena_close(&a);
}

void world_set(struct world *w, uint32_t node, uint64_t record, uint32_t field, uint64_t value) {
    struct sim_value v = text_value('v', value);
    set(w, node, record, field, &v);
}

void world_set_bad(struct world *w, uint32_t node, uint64_t record, uint32_t field, uint64_t value) {
    struct sim_value v = text_value('b', value);
    set(w, node, record, field, &v);
}

void world_add(struct world *w, uint32_t node, uint64_t record, uint64_t value) {
    struct sim_value v = text_value('v', value);
    struct op op = {.field = WORLD_FIELD_SET, .kind = OP_ADD, .value = value_bytes(&v)};
    edit(w, node, record, &op, 1);
}

void world_remove(struct world *w, uint32_t node, uint64_t record) {
    struct arena a = {0};
    struct record r;
    const struct field *f = view(w, node, record, &a, &r) ? record_field(&r, WORLD_FIELD_SET) : NULL;
    if (f != NULL && f->element_count > 0) {
        struct name name = f->elements[random_below(&w->chance, f->element_count)].name;
        struct op op = {.field = WORLD_FIELD_SET, .kind = OP_REMOVE, .names = &name, .name_count = 1};
        edit(w, node, record, &op, 1);
    }
    arena_close(&a);
}

void world_move(struct world *w, uint32_t node, uint64_t record, uint32_t to) {
    struct sim_value v = area_value(area_of(to));
    set(w, node, record, FIELD_HOME, &v);
}

void world_adopt(struct world *w, uint32_t node, uint64_t record) {
    struct sim_value v = area_value(area_of(node));
    struct op op = {.field = FIELD_SHARED, .kind = OP_ADD, .value = value_bytes(&v)};
    edit(w, node, record, &op, 1);
}

void world_delete(struct world *w, uint32_t node, uint64_t record) {
    struct sim_value v = true_value();
    set(w, node, record, FIELD_DELETED, &v);
}

static void hub_set(struct world *w, uint64_t record, uint32_t field, const struct sim_value *v) {
    struct arena a = {0};
    struct record r;
    struct name names[8];
    struct op op = {.field = field, .kind = OP_SET, .value = value_bytes(v), .names = names};
    uint64_t tag = random_u64(&w->chance);
    if (view(w, 0, record, &a, &r))
        op.name_count = heads_of(&r, field, names, 8);
    if (world_own_change(w, WORLD_TYPE, world_record_id(record), &op, 1, tag))
        remember(w, 0, tag, record, &op, 1);
    arena_close(&a);
}

void world_hub_set(struct world *w, uint64_t record, uint32_t field, uint64_t value) {
    struct sim_value v = text_value('v', value);
    hub_set(w, record, field, &v);
}

void world_hub_move(struct world *w, uint64_t record, uint32_t to) {
    struct sim_value v = area_value(area_of(to));
    hub_set(w, record, FIELD_HOME, &v);
}

/* ---- erasing: an order names a record, and when that is carried out the hub looks for what is about it */

static bool order_change(struct world *w, const struct id16 *order, struct bytes list) {
    struct buffer value = {0};
    buffer_u8(&value, 0x4a); /* field 9 of Value: a List */
    size_t len = list.len;
    for (; len >= 0x80; len >>= 7)
        buffer_u8(&value, (uint8_t)(len | 0x80));
    buffer_u8(&value, (uint8_t)len);
    buffer_add(&value, list);
    struct op op = {.field = ERASURE_TARGETS, .kind = OP_ADD, .value = buffer_bytes(&value)};
    bool done = world_own_change(w, TYPE_ERASURE, *order, &op, 1, random_u64(&w->chance));
    buffer_close(&value);
    return done;
}

static void list_add(struct buffer *list, struct bytes item) {
    buffer_u8(list, 0x0a);
    buffer_u8(list, (uint8_t)item.len);
    buffer_add(list, item);
}

void world_erase(struct world *w, uint64_t record) {
    struct buffer list = {0};
    struct sim_value target = reference_value(record);
    struct id16 order;
    random_fill(&w->chance, order.b, sizeof order.b);
    list_add(&list, value_bytes(&target));
    if (order_change(w, &order, buffer_bytes(&list))) {
        invariant(w->oracle.erased_count < sizeof w->oracle.erased / sizeof *w->oracle.erased);
        w->oracle.erased[w->oracle.erased_count++] = record;
        world_say(w, "hub  orders that record %" PRIu64 " is erased", record);
    }
    buffer_close(&list);
}

struct found {
    struct id16 order;
    struct buffer list;
};

/* Of one order at a time: what is about what another one named is found again. */
static int found_about(void *owner, const struct id16 *order, uint32_t type, const struct id16 *id) {
    struct found *f = owner;
    uint64_t record = 0;
    for (size_t k = 0; type == WORLD_TYPE && k < 8; k++)
        record = record << 8 | id->b[8 + k];
    struct sim_value target = reference_value(record);
    if (f->list.len == 0)
        f->order = *order;
    if (id_equal(&f->order, order))
        list_add(&f->list, value_bytes(&target));
    return 0;
}

static void chore_done(struct world *w, enum hub_chore c, uint64_t hub_seq) {
    struct txn *t;
    invariant(store_write(w->hub.state, &t) == 0);
    hub_chore_done(t, c, hub_seq);
    int r = txn_commit(t);
    if (r < 0)
        world_disk_failed(w, 0, r);
}

static void search(struct world *w) {
    struct found found = {.list = {0}};
    struct hub_concerns c = {.about = found_about, .owner = &found};
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    bool due = hub_chore_due(t, HUB_CHORE_SEARCH) != 0;
    hub_place_get(t, place);
    if (due)
        invariant(hub_concerning(t, 0, NULL, &c, NULL) == 0);
    txn_abort(t);
    if (due && found.list.len > 0 && order_change(w, &found.order, buffer_bytes(&found.list)))
        world_say(w, "hub  erases what is about it");
    if (due && found.list.len == 0)
        chore_done(w, HUB_CHORE_SEARCH, place->hub_seq);
    buffer_close(&found.list);
    free(place);
}

static bool own_folded(struct world *w) {
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct id16 incarnation;
    struct txn *t;
    invariant(store_read(w->hub.own, &t) == 0);
    uint64_t last = hub_own_last(t, &incarnation);
    txn_abort(t);
    invariant(store_read(w->hub.state, &t) == 0);
    hub_node_get(t, 0, n);
    txn_abort(t);
    const struct life *l = life_find(n->lives, n->life_count, &incarnation);
    bool folded = l != NULL && l->includes >= last;
    free(n);
    return folded;
}

static int erase_bytes(struct world *w, struct store *from, bool own) {
    struct txn *t, *state;
    uint64_t at = 1;
    invariant(store_write(from, &t) == 0);
    invariant(store_read(w->hub.state, &state) == 0);
    own ? hub_own_erase(t, state, &at, UINT32_MAX) : hub_log_erase(t, state, &at, UINT32_MAX);
    txn_abort(state);
    return txn_commit(t);
}

void world_hub_erases(struct world *w) {
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    bool due = hub_chore_due(t, HUB_CHORE_BYTES) != 0;
    hub_place_get(t, place);
    txn_abort(t);
    uint64_t hub_seq = place->hub_seq;
    free(place);
    if (due) {
        int r = erase_bytes(w, w->hub.log, false);
        if (r == 0)
            r = erase_bytes(w, w->hub.own, true);
        if (r < 0) {
            world_disk_failed(w, 0, r);
            return;
        }
        if (r == 0)
            chore_done(w, HUB_CHORE_BYTES, hub_seq);
    }
    if (w->hub.up && own_folded(w))
        search(w);
}

void world_policy(struct world *w, uint64_t value) {
    struct id16 id = world_record_id(0);
    struct sim_value home = area_value(AREA_CITY), v = text_value('v', value);
    struct name names[8];
    struct op ops[2] = {
        {.field = WORLD_FIELD_A, .kind = OP_SET, .value = value_bytes(&v), .names = names},
        {.field = FIELD_HOME, .kind = OP_SET, .value = value_bytes(&home)}};
    struct arena a = {0};
    struct record r;
    struct txn *t;
    size_t count = 2;
    invariant(store_read(w->hub.state, &t) == 0);
    if (hub_record(t, TYPE_POLICY, &id, &a, &r) == 0) {
        ops[0].name_count = heads_of(&r, WORLD_FIELD_A, names, 8);
        count = 1;
    }
    txn_abort(t);
    world_own_change(w, TYPE_POLICY, id, ops, count, random_u64(&w->chance));
    arena_close(&a);
}

void world_scope(struct world *w, uint32_t node, uint32_t other, bool serves) {
    area served[2] = {w->nodes[node].home, area_of(other)};
    office(w, node, served, serves ? 2 : 1);
    world_say(w, "hub  n-%u %s the area of n-%u", node, serves ? "serves" : "leaves", other);
}

static void order(struct world *w, enum log_kind kind, uint32_t node, const struct id16 *incarnation, uint64_t seq) {
    struct log_entry e = {.kind = kind, .node = node, .incarnation = *incarnation, .first = seq, .received = world_clock(w, 0)};
    if (w->hub.queue_len < 200)
        world_hub_queue(w, 0, node, &e, NULL);
}

static int collect(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)q;
    if (h->reason == VERDICT_RULE)
        order(owner, LOG_RETRY, node, &h->incarnation, h->seq);
    return 0;
}

void world_upgrade(struct world *w) {
    struct txn *t;
    w->hub.upgraded = true;
    invariant(store_read(w->hub.state, &t) == 0);
    hub_held(t, 0, collect, w);
    txn_abort(t);
    world_say(w, "hub  is upgraded and tries what it held again");
}

struct choice {
    struct world *w;
    bool discard;
    uint64_t seen;
    uint32_t node;
    struct held held;
};

static int choose(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct choice *c = owner;
    (void)q;
    if (c->discard && h->reason == VERDICT_DISCARDED)
        return 0;
    if (random_below(&c->w->chance, ++c->seen) == 0) {
        c->node = node;
        c->held = *h;
    }
    return 0;
}

void world_order(struct world *w, uint32_t node, bool discard) {
    struct choice c = {.w = w, .discard = discard};
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    hub_held(t, node, choose, &c);
    txn_abort(t);
    if (c.seen == 0)
        return;
    order(w, discard ? LOG_DISCARD : LOG_RETRY, c.node, &c.held.incarnation, c.held.seq);
    world_say(w, "hub  an operator %s %" PRIu64 " of n-%u", discard ? "discards" : "retries", c.held.seq, c.node);
}

/* ---- questions */

uint64_t world_value(struct world *w, uint32_t node, uint64_t record, uint32_t field) {
    struct arena a = {0};
    struct record r;
    const struct head *h = view(w, node, record, &a, &r) ? field_winner(record_field(&r, field)) : NULL;
    uint64_t v = h == NULL ? 0 : number_of(h->value);
    arena_close(&a);
    return v;
}

size_t world_heads(struct world *w, uint32_t node, uint64_t record, uint32_t field) {
    struct arena a = {0};
    struct record r;
    const struct field *f = view(w, node, record, &a, &r) ? record_field(&r, field) : NULL;
    size_t n = f == NULL ? 0 : f->head_count;
    arena_close(&a);
    return n;
}

bool world_has(struct world *w, uint32_t node, uint64_t record) {
    struct arena a = {0};
    struct record r;
    bool has = view(w, node, record, &a, &r);
    arena_close(&a);
    return has;
}

uint64_t world_acked(struct world *w, uint32_t node) {
    uint64_t n = 0;
    for (size_t i = 0; i < w->nodes[node].side.progress.life_count; i++)
        n += w->nodes[node].side.progress.lives[i].acked;
    return n;
}

static int count_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)node;
    (void)h;
    (void)q;
    ++*(size_t *)owner;
    return 0;
}

size_t world_held(struct world *w) {
    struct txn *t;
    size_t n = 0;
    invariant(store_read(w->hub.state, &t) == 0);
    hub_held(t, 0, count_held, &n);
    txn_abort(t);
    return n;
}

uint64_t world_log_last(struct world *w) {
    struct hub_log_place place;
    struct txn *t;
    invariant(store_read(w->hub.log, &t) == 0);
    invariant(hub_log_place(t, &place));
    txn_abort(t);
    return place.last;
}

/* ---- faults */

void world_cut(struct world *w, uint32_t node) {
    world_say(w, "net  n-%u is cut off", node);
    w->nodes[node].cut = true;
    world_disconnect(w, node, true);
}

void world_join(struct world *w, uint32_t node) {
    world_say(w, "net  n-%u is reachable", node);
    w->nodes[node].cut = false;
    struct world_node *n = &w->nodes[node];
    if (n->up && n->side.state == NODE_DOWN)
        n->side.until = w->now; /* its patience need not be waited for */
}

static void hub_down(struct world *w) {
    struct world_hub *h = &w->hub;
    for (uint32_t i = 1; i <= w->node_count; i++)
        world_disconnect(w, i, true);
    for (size_t i = 0; i < h->queue_len; i++)
        free((void *)(uintptr_t)h->queue[i].entry.at);
    h->queue_len = 0;
    h->committing = h->merging = false;
    h->up = false;
    hub_side_close(&h->side);
}

void world_crash(struct world *w, uint32_t node, uint64_t down_ms) {
    if (node == 0) {
        if (!w->hub.up)
            return;
        world_say(w, "hub  crashes");
        hub_down(w);
        world_later(w, down_ms, (struct world_event){.kind = WORLD_HUB_UP});
        return;
    }
    struct world_node *n = &w->nodes[node];
    if (!n->up)
        return;
    world_say(w, "node n-%u crashes", node);
    world_disconnect(w, node, false);
    n->up = false;
    world_later(w, down_ms, (struct world_event){.kind = WORLD_NODE_UP, .node = node});
}

/* What one kept copy holds of a life whatever it is restored together with: in its log, and folded into its state. */
static uint64_t copy_holds(const struct hub_log_node *log, const struct hub_node_state *state, const struct id16 *incarnation) {
    for (size_t i = 0; i < log->life_count; i++)
        for (size_t k = 0; k < state->life_count; k++)
            if (id_equal(&log->lives[i].incarnation, incarnation) && id_equal(&state->lives[k].incarnation, incarnation))
                return log->lives[i].acked < state->lives[k].includes ? log->lives[i].acked : state->lives[k].includes;
    return 0;
}

uint64_t world_safe(struct world *w, uint32_t node, const struct id16 *incarnation) {
    struct hub_log_node *log = memory_zeroed(1, sizeof *log);
    struct hub_node_state *state = memory_zeroed(1, sizeof *state);
    uint64_t safe = w->hub.backup_count == 0 ? 0 : UINT64_MAX;
    for (size_t i = 0; i < w->hub.backup_count; i++) {
        struct txn *t;
        invariant(store_read(w->hub.backups[i].log, &t) == 0);
        hub_log_node(t, node, log);
        txn_abort(t);
        invariant(store_read(w->hub.backups[i].state, &t) == 0);
        hub_node_get(t, node, state);
        txn_abort(t);
        uint64_t holds = copy_holds(log, state, incarnation);
        safe = holds < safe ? holds : safe;
    }
    free(log);
    free(state);
    return safe;
}

void world_hub_safe(struct world *w) {
    for (uint32_t i = 0; i < w->node_count; i++) {
        struct hub_link *l = &w->hub.links[i];
        for (size_t k = 0; k < l->life_count; k++)
            l->lives[k].safe = world_safe(w, i + 1, &l->lives[k].incarnation);
    }
}

void world_backup(struct world *w, uint32_t node) {
    if (node != 0) {
        struct world_node *n = &w->nodes[node];
        if (n->backup_count == WORLD_BACKUPS) {
            store_close(n->backups[0]);
            memmove(n->backups, n->backups + 1, (WORLD_BACKUPS - 1) * sizeof *n->backups);
            n->backup_count--;
        }
        n->backups[n->backup_count++] = store_memory_copy(n->store);
        world_say(w, "node n-%u is backed up", node);
        return;
    }
    struct world_hub *h = &w->hub;
    if (h->backup_count == WORLD_BACKUPS) {
        store_close(h->backups[0].log);
        store_close(h->backups[0].state);
        memmove(h->backups, h->backups + 1, (WORLD_BACKUPS - 1) * sizeof *h->backups);
        h->backup_count--;
    }
    h->backups[h->backup_count].state = store_memory_copy(h->state);
    h->backups[h->backup_count].log = store_memory_copy(h->log);
    h->backup_count++;
    world_hub_safe(w);
    world_say(w, "hub  is backed up");
}

/* ---- what a fault destroyed for good: an edit of which no copy is left, and that nobody had forgotten as safe */

struct scan_names {
    struct world *w;
    bool *live;
};

static void mark(const struct scan_names *s, uint64_t tag) {
    for (size_t i = 0; i < s->w->oracle.count; i++)
        if (s->w->oracle.edits[i].name == tag)
            s->live[i] = true;
}

static int mark_log(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    (void)incarnation;
    (void)saved;
    (void)held;
    mark(owner, c->name.tag);
    return 0;
}

static void mark_batch(const struct scan_names *s, struct bytes body) {
    struct buffer raw = {0};
    struct arena a = {0};
    invariant(wire_batch_open(body, &raw) == 0);
    struct reader r = {.rest = buffer_bytes(&raw)};
    struct bytes packed;
    while (wire_batch_next(&r, &packed)) {
        struct change c;
        if (wire_change_unpack(packed, &a, &c) == 0)
            mark(s, c.name.tag);
        arena_clear(&a);
    }
    arena_close(&a);
    buffer_close(&raw);
}

static int mark_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)node;
    (void)h;
    struct arena a = {0};
    struct change c;
    if (wire_change_unpack(q->change, &a, &c) == 0)
        mark(owner, c.name.tag);
    arena_close(&a);
    return 0;
}

bool world_hub_merged(struct world *w, struct txn *state, const struct oracle_edit *e) {
    struct id16 id = world_record_id(e->record);
    struct key k = key_history(WORLD_TYPE, &id, (struct name){e->node, e->name});
    struct bytes value;
    (void)w;
    return txn_get(state, HUB_RECORDS, key_bytes(&k), &value);
}

static void find_live(struct world *w, bool *live) {
    struct scan_names s = {w, live};
    struct world_hub *h = &w->hub;
    struct txn *t;
    invariant(store_read(h->state, &t) == 0);
    for (size_t i = 0; i < w->oracle.count; i++)
        live[i] = world_hub_merged(w, t, &w->oracle.edits[i]);
    hub_held(t, 0, mark_held, &s);
    txn_abort(t);
    invariant(store_read(h->log, &t) == 0);
    struct hub_log_place place;
    invariant(hub_log_place(t, &place));
    for (uint64_t p = place.first; p <= place.last; p++) {
        struct log_entry e;
        if (hub_log_read(t, p, &e) == 0 && e.kind == LOG_PUSH)
            mark_batch(&s, e.body);
    }
    txn_abort(t);
    invariant(store_read(h->own, &t) == 0);
    struct buffer body = {0};
    struct hash zero = {{0}};
    struct log_entry e;
    for (uint64_t after = 0; hub_own_entry(t, after, &zero, 0, &body, &e); after = e.first + e.count - 1) {
        mark_batch(&s, e.body);
        buffer_clear(&body);
    }
    buffer_close(&body);
    txn_abort(t);
    for (uint32_t i = 1; i <= w->node_count; i++) {
        invariant(store_read(w->nodes[i].store, &t) == 0);
        node_log_each(t, false, mark_log, &s);
        txn_abort(t);
    }
}

static void after_fault(struct world *w) {
    bool *live = memory_zeroed(w->oracle.count + 1, sizeof *live);
    find_live(w, live);
    for (size_t i = 0; i < w->oracle.count; i++)
        if (!live[i] && !w->oracle.edits[i].trimmed && !w->oracle.edits[i].lost) {
            w->oracle.edits[i].lost = true;
            world_say(w, "the fault destroyed edit %" PRIu64 " of n-%u", (uint64_t)i + 1, w->oracle.edits[i].node);
        }
    free(live);
}

void world_trim(struct world *w, uint32_t node) {
    struct world_node *n = &w->nodes[node];
    bool *had = memory_zeroed(w->oracle.count + 1, sizeof *had), *has = memory_zeroed(w->oracle.count + 1, sizeof *has);
    struct txn *t;
    struct scan_names s = {w, had};
    invariant(store_write(n->store, &t) == 0);
    node_log_each(t, false, mark_log, &s);
    node_trim(t, world_clock(w, node) + FAR_AHEAD_DAYS * UINT64_C(86400000), 100);
    s.live = has;
    node_log_each(t, false, mark_log, &s);
    int r = txn_commit(t);
    if (r < 0)
        world_disk_failed(w, node, r);
    if (r == 0) {
        size_t gone = 0;
        for (size_t i = 0; i < w->oracle.count; i++)
            if (had[i] && !has[i]) {
                w->oracle.edits[i].trimmed = true;
                gone++;
            }
        if (gone > 0)
            world_say(w, "node n-%u forgets %zu safe changes", node, gone);
        if (n->up)
            world_node_saved(w, n);
    }
    free(had);
    free(has);
}

static void node_stops(struct world *w, struct world_node *n) {
    world_disconnect(w, n->id, false);
    n->up = false;
    n->life = ++w->lives;
    n->policy_hlc = 0;
    n->store = store_close(n->store);
}

static void node_returns(struct world *w, struct world_node *n) {
    after_fault(w);
    world_later(w, 10, (struct world_event){.kind = WORLD_NODE_UP, .node = n->id});
}

void world_restore_node(struct world *w, uint32_t node, size_t which) {
    struct world_node *n = &w->nodes[node];
    world_say(w, "node n-%u is restored from its backup %zu", node, which);
    node_stops(w, n);
    n->store = store_memory_copy(n->backups[which]);
    node_returns(w, n);
}

void world_enrol_anew(struct world *w, uint32_t node, struct store *disk, uint32_t other) {
    struct world_node *n = &w->nodes[node];
    area served[2] = {n->home, w->nodes[other].home};
    struct id16 life;
    struct txn *t;
    world_say(w, "node n-%u is enrolled, on a clone of the disk of n-%u", node, other);
    node_stops(w, n);
    n->store = disk;
    random_fill(&w->chance, life.b, sizeof life.b);
    invariant(store_write(n->store, &t) == 0);
    node_enrol_anew(t, node, served, 2, &life);
    commit(t);
    node_returns(w, n);
}

void world_new_machine(struct world *w, uint32_t node) {
    struct world_node *n = &w->nodes[node];
    world_say(w, "node n-%u is lost, a new machine is enrolled", node);
    node_stops(w, n);
    enrol(w, n);
    node_returns(w, n);
}

static int clear_nonces(void *owner, const struct hub_log_node *n) {
    struct hub_log_node *all = owner;
    invariant(n->node <= WORLD_NODES);
    all[n->node] = *n;
    return 0;
}

void world_restore_hub(struct world *w, size_t log, size_t state) {
    struct world_hub *h = &w->hub;
    struct id16 life;
    struct txn *l, *s;
    world_say(w, "hub  is restored: log of backup %zu, state of backup %zu", log, state);
    if (h->up)
        hub_down(w);
    h->life = ++w->lives;
    store_close(h->log);
    store_close(h->state);
    h->log = store_memory_copy(h->backups[log].log);
    h->state = store_memory_copy(h->backups[state].state);
    after_fault(w);
    random_fill(&w->chance, life.b, sizeof life.b);
    invariant(store_write(h->log, &l) == 0);
    invariant(store_write(h->state, &s) == 0);
    if (log == state) { /* as a backup is restored */
        hub_restored_mark(s, l, &life);
        invariant(hub_restored_take(s));
    }
    invariant(hub_join_log(s, l, &life) == 0);
    hub_epoch_begin(s, world_clock(w, 0), random_u64(&w->chance));
    struct hub_log_node *all = memory_zeroed(WORLD_NODES + 1, sizeof *all);
    hub_log_nodes(l, clear_nonces, all);
    for (uint32_t i = 1; i <= w->node_count; i++) {
        all[i].node = i;
        all[i].issued = all[i].used = 0;
        hub_log_node_put(l, &all[i]);
    }
    free(all);
    commit(l);
    commit(s);
    world_later(w, 50, (struct world_event){.kind = WORLD_HUB_UP});
}

void world_restore_own(struct world *w, struct store *own) {
    store_close(w->hub.own);
    w->hub.own = own;
    w->own_lost = true;
    world_say(w, "hub  has an older second home");
}

void world_skew(struct world *w, uint32_t node, int64_t ms) {
    if (node == 0)
        w->hub.skew_ms = ms;
    else
        w->nodes[node].skew_ms = ms;
    world_clock_read(w);
    world_say(w, "%s n-%u clock is off by %" PRId64 " ms", node == 0 ? "hub " : "node", node, ms);
}

void world_full(struct world *w, uint32_t node, bool full) {
    enum store_memory_fault f = full ? STORE_FAULT_DISK_FULL : STORE_FAULT_NONE;
    if (node == 0) {
        store_memory_fault(w->hub.log, f);
        store_memory_fault(w->hub.state, f);
        store_memory_fault(w->hub.own, f);
    } else {
        store_memory_fault(w->nodes[node].store, f);
    }
    world_say(w, "%s n-%u disk is %s", node == 0 ? "hub " : "node", node, full ? "full" : "free again");
}

void world_eio(struct world *w, uint32_t node) {
    struct store *of_hub[] = {w->hub.log, w->hub.state, w->hub.own};
    store_memory_fault(node == 0 ? of_hub[random_below(&w->chance, 3)] : w->nodes[node].store, STORE_FAULT_EIO);
    world_say(w, "%s n-%u disk will fail", node == 0 ? "hub " : "node", node);
}

/* Nothing is acknowledged, the process ends, and a person has looked at the disk before it starts again. */
void world_disk_failed(struct world *w, uint32_t node, int result) {
    if (result != -EIO)
        world_fail(w, "%s n-%u commit failed: %d", node == 0 ? "hub " : "node", node, result);
    if (node == 0) {
        store_memory_fault(w->hub.log, STORE_FAULT_NONE);
        store_memory_fault(w->hub.state, STORE_FAULT_NONE);
        store_memory_fault(w->hub.own, STORE_FAULT_NONE);
    } else {
        store_memory_fault(w->nodes[node].store, STORE_FAULT_NONE);
    }
    world_crash(w, node, 1000);
}

void world_sweep(struct world *w) {
    uint64_t floor = UINT64_MAX;
    struct txn *t;
    for (uint32_t i = 1; i <= w->node_count; i++) { /* of a node's whole past and possible past: its oldest copy */
        struct node_progress *p = memory_zeroed(1, sizeof *p);
        for (size_t k = 0; k <= w->nodes[i].backup_count; k++) {
            invariant(store_read(k == 0 ? w->nodes[i].store : w->nodes[i].backups[k - 1], &t) == 0);
            if (node_progress_get(t, p) && p->cursor.floor < floor)
                floor = p->cursor.floor;
            txn_abort(t);
        }
        free(p);
    }
    invariant(store_write(w->hub.state, &t) == 0);
    hub_sweep(t, 20, floor);
    int r = txn_commit(t);
    if (r == 0)
        world_say(w, "hub  sweeps stale rows");
    else if (r < 0)
        world_disk_failed(w, 0, r);
}

/* A person looks at nodes that are called forked: here there is only one machine, whose disk went back behind its own newer life. */
void world_person(struct world *w) {
    for (uint32_t i = 1; i <= w->node_count; i++) {
        struct hub_link *l = &w->hub.links[i - 1];
        const struct node_progress *p = &w->nodes[i].side.progress;
        if (!w->hub.up || !l->forked)
            continue;
        l->forked = false;
        l->current = p->lives[p->life_count - 1].incarnation;
        l->issued = l->used = 0;
        world_say(w, "hub  a person says which life of n-%u goes on", i);
        if (w->nodes[i].side.state == NODE_DOWN)
            w->nodes[i].side.until = w->now;
    }
}

void world_flip(struct world *w, uint32_t node) {
    struct txn *t;
    struct bytes key, value;
    invariant(store_write(w->nodes[node].store, &t) == 0);
    struct scan *c = scan_open(t, NODE_BASE);
    if (scan_from(c, (struct bytes){NULL, 0}, &key, &value)) {
        struct buffer k = {0}, v = {0};
        buffer_add(&k, key);
        buffer_add(&v, value);
        v.at[v.len - 1] ^= 1;
        txn_put(t, NODE_BASE, buffer_bytes(&k), buffer_bytes(&v));
        buffer_close(&k);
        buffer_close(&v);
    }
    scan_close(c);
    commit(t);
    world_say(w, "node n-%u has a flipped bit", node);
}

void world_rot(struct world *w, uint32_t node, uint64_t seq) {
    struct world_node *n = &w->nodes[node];
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct bytes value;
    struct buffer v = {0};
    struct txn *t;
    invariant(store_write(n->store, &t) == 0);
    invariant(node_progress_get(t, p));
    struct key k = key_log(&p->lives[p->life_count - 1].incarnation, seq);
    invariant(txn_get(t, NODE_LOG, key_bytes(&k), &value));
    buffer_add(&v, value);
    v.at[v.len - 1] ^= 1;
    txn_put(t, NODE_LOG, key_bytes(&k), buffer_bytes(&v));
    commit(t);
    world_say(w, "node n-%u has a flipped bit in change %" PRIu64, node, seq);
    after_fault(w);
    buffer_close(&v);
    free(p);
}
