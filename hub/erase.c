/* `person erase`: orders to erase for ever, from the city's side (model/erasure.h). An order is a change of the hub itself, signed with the
 * policy key; whom it erases, why and by which legal order stays in the hub's second home. When the fold has carried an order out, the
 * state is looked through for what is about whom it named, and that is ordered too; values that refer to them elsewhere are taken out. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/daemon/rows.h"
#include "common/store/envelope.h"
#include "common/store/hub_erase.h"
#include "common/store/layout.h"
#include "hub/policy.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PURPOSE_ADMINISTRATION = 1, TARGETS_MAX = 1000, INFO_FORM = 1, RECEIPT_FORM = 1, SIGNED_BYTES = KEY_BYTES + 64, REASON_MAX = 1000 };

/* What the city knows of an order, and what an office says of all of them. */
struct known_order {
    struct id16 id;
    uint64_t row; /* of its newest change */
};
struct receipt {
    uint32_t node;
    struct epoch epoch;
    uint64_t erased, destroyed; /* rows */
    wall_ms at;
};

struct erasures {
    struct buffer orders, receipts; /* own: struct known_order, struct receipt */
    bool searching, wanted, due;
};

/* ---- forms in the second home */

static void receipt_pack(const struct receipt *r, struct buffer *out) {
    buffer_u8(out, RECEIPT_FORM);
    buffer_u64be(out, r->epoch.counter);
    buffer_u64be(out, r->epoch.random);
    buffer_u64be(out, r->erased);
    buffer_u64be(out, r->destroyed);
    buffer_u64be(out, r->at);
}

static bool receipt_unpack(struct bytes packed, struct receipt *r) {
    struct reader in = {.rest = packed};
    bool known = reader_u8(&in) == RECEIPT_FORM;
    r->epoch.counter = reader_u64be(&in);
    r->epoch.random = reader_u64be(&in);
    r->erased = reader_u64be(&in);
    r->destroyed = reader_u64be(&in);
    r->at = reader_u64be(&in);
    return known && !in.bad;
}

struct order_info {
    wall_ms at;
    uint32_t uid, type;
    struct id16 id;
    struct bytes reason, order; /* text */
};

static void info_pack(const struct order_info *i, struct buffer *out) {
    buffer_u8(out, INFO_FORM);
    buffer_u64be(out, i->at);
    buffer_u32be(out, i->uid);
    buffer_u32be(out, i->type);
    buffer_add(out, bytes_of(i->id.b, sizeof i->id.b));
    buffer_u32be(out, (uint32_t)i->reason.len);
    buffer_add(out, i->reason);
    buffer_add(out, i->order);
}

static bool info_unpack(struct bytes packed, struct order_info *i) {
    struct reader in = {.rest = packed};
    bool known = reader_u8(&in) == INFO_FORM;
    i->at = reader_u64be(&in);
    i->uid = reader_u32be(&in);
    i->type = reader_u32be(&in);
    struct bytes id = reader_take(&in, sizeof i->id.b);
    i->reason = reader_take(&in, reader_u32be(&in));
    i->order = in.rest;
    if (id.at != NULL)
        memcpy(i->id.b, id.at, sizeof i->id.b);
    return known && !in.bad;
}

/* ---- the signature */

bool erase_signed(void *owner, const struct change *c) {
    const struct city *city = owner;
    struct buffer words = {0};
    struct bytes blob = {NULL, 0};
    for (size_t i = 0; i < c->op_count; i++) {
        struct value v;
        if (c->ops[i].field == ERASURE_SIGNED && c->ops[i].kind == OP_ADD && value_unpack(c->ops[i].value, &v) && v.kind == VALUE_BLOB)
            blob = v.text;
    }
    erasure_words(&c->record, erasure_targets(c), &words);
    bool good = blob.len == SIGNED_BYTES;
    good = good && policy_signer(city, blob.at) && crypto_sign_verify_detached(blob.at + KEY_BYTES, words.at, words.len, blob.at) == 0;
    buffer_close(&words);
    return good;
}

/* ---- writing an order, or a part of one */

struct ordering {
    struct hub_write write; /* first */
    struct city *city;
    struct request *request; /* NULL: our own */
    struct id16 order;
    size_t records;
    struct order_info info; /* of a new one; its texts are in the write's arena until then */
    struct buffer packed;   /* owns */
    struct hub_own_work note;
    void (*end)(void *owner, int result); /* of erase_records; else NULL */
    void *end_owner;
};

static void search_soon(struct city *c);

static void ordered(struct hub_write *w, int result) {
    struct ordering *o = (struct ordering *)w;
    char id[ID_HEX];
    if (o->request != NULL && result == 0)
        request_ok(
            o->request, json_pack(
                            "{s:s, s:s, s:s}", "order", id_hex(&o->order, id), "state", "ordered", "next",
                            "`anjuctl person erase-status ORDER` says who has carried it out"));
    else if (o->request != NULL && result == HUB_WRITE_NOTED)
        request_error(
            o->request, "busy", "it was noted, and is carried out when the hub can go on; do not say it again",
            "`anjuctl status` says what is in the way");
    else if (o->request != NULL)
        request_error(o->request, "internal", "it could not be saved; nothing was erased", "`anjuctl status` says what is in the way");
    else if (result != 0)
        log_fact(LOG_ERROR, "erase.not_saved", FACT_INT("result", result));
    if (o->end != NULL) {
        o->end(o->end_owner, result);
    } else {
        o->city->erasures->searching = false;
        if (o->city->erasures->wanted)
            search_soon(o->city);
    }
    buffer_close(&o->packed);
    free(o);
}

static struct bytes keep(struct ordering *o, const struct value *v) {
    struct buffer b = {0};
    value_pack(v, &b);
    struct bytes kept = arena_copy(&o->write.arena, buffer_bytes(&b));
    buffer_close(&b);
    return kept;
}

static struct ordering *ordering_new(struct city *c, struct request *q, uint32_t type, const struct id16 *record) {
    struct ordering *o = memory_zeroed(1, sizeof *o);
    struct bytes who = BYTES("operator");
    o->city = c;
    o->request = q;
    o->write.type = type;
    o->write.record = o->order = *record;
    o->write.purpose = PURPOSE_ADMINISTRATION;
    o->write.actor = hash_derive_id(c->who.city_secret, &who, 1);
    o->write.done = ordered;
    return o;
}

static struct ordering *order_names(struct city *c, struct request *q, const struct id16 *order, struct bytes list) {
    struct ordering *o = ordering_new(c, q, TYPE_ERASURE, order);
    struct buffer words = {0};
    uint8_t blob[SIGNED_BYTES];
    erasure_words(order, list, &words);
    memcpy(blob, c->policy_keys.public.sign, KEY_BYTES);
    keys_sign(&c->policy_keys, buffer_bytes(&words), blob + KEY_BYTES);
    buffer_close(&words);
    o->write.ops[o->write.op_count++] =
        (struct op){.field = ERASURE_TARGETS, .kind = OP_ADD, .value = keep(o, &(struct value){.kind = VALUE_LIST, .list = list})};
    o->write.ops[o->write.op_count++] = (struct op){
        .field = ERASURE_SIGNED,
        .kind = OP_ADD,
        .value = keep(o, &(struct value){.kind = VALUE_BLOB, .text = bytes_of(blob, sizeof blob)})};
    return o;
}

/* ---- looking through the state */

struct found_record {
    struct id16 order;
    uint32_t type;
    struct id16 id;
};
struct found_value { /* heads and elements of one field that refer to what is erased */
    uint32_t type;
    struct id16 id;
    uint32_t field;
    size_t heads, elements;
    struct name names[2 * 8];
};
struct about_field {
    uint32_t type, field;
};

struct looking {
    struct hub_read read; /* first */
    struct city *city;
    struct request *request; /* of `person erase`; NULL: for what is due */
    uint32_t type;
    struct id16 id;
    struct order_info info;
    struct buffer texts; /* owns: reason and order */
    bool dry, sure, there, gone;
    struct buffer about, found, values, orders; /* own: struct about_field, found_record, found_value, known_order */
    struct txn *state;                          /* of the read's thread, while it works */
    uint64_t due, hub_seq, bytes_due;
    int result;
};

static bool names_subject(void *owner, uint32_t type, uint32_t field) {
    const struct looking *l = owner;
    const struct about_field *all = (const struct about_field *)(const void *)l->about.at;
    for (size_t i = 0; i < l->about.len / sizeof *all; i++)
        if (all[i].type == type && all[i].field == field)
            return true;
    return false;
}

static int found_about(void *owner, const struct id16 *order, uint32_t type, const struct id16 *id) {
    struct looking *l = owner;
    struct found_record f = {.order = *order, .type = type, .id = *id};
    buffer_add(&l->found, bytes_of(&f, sizeof f));
    return 0;
}

static bool refers(const struct looking *l, struct bytes value) {
    uint32_t type;
    struct id16 id;
    if (!erasure_refers(value, &type, &id))
        return false;
    return l->request != NULL ? type == l->type && id_equal(&id, &l->id) : hub_erased(l->state, type, &id);
}

static int found_reference(void *owner, const struct id16 *order, const struct record *r, const struct field *f) {
    struct looking *l = owner;
    struct found_value v = {.type = r->type, .id = r->id, .field = f->number};
    (void)order;
    for (size_t i = 0; i < f->head_count && v.heads < 8; i++)
        if (refers(l, f->heads[i].value))
            v.names[v.heads++] = f->heads[i].name;
    for (size_t i = 0; i < f->element_count && v.elements < 8; i++)
        if (refers(l, f->elements[i].value))
            v.names[8 + v.elements++] = f->elements[i].name;
    buffer_add(&l->values, bytes_of(&v, sizeof v));
    return 0;
}

static int found_order(void *owner, uint64_t row, struct bytes packed) {
    struct looking *l = owner;
    CLEANUP(arena_close) struct arena a = {0};
    struct change c;
    struct known_order *all = (struct known_order *)(void *)l->orders.at;
    if (wire_change_unpack(packed, &a, &c) != 0)
        return 0;
    for (size_t i = 0; i < l->orders.len / sizeof *all; i++)
        if (id_equal(&all[i].id, &c.record)) {
            all[i].row = row;
            return 0;
        }
    struct known_order o = {c.record, row};
    buffer_add(&l->orders, bytes_of(&o, sizeof o));
    return 0;
}

static void look_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct looking *l = (struct looking *)r;
    CLEANUP(arena_close) struct arena a = {0};
    struct hub_concerns c = {.about = found_about, .refers = found_reference, .names_subject = names_subject, .owner = l};
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct record record;
    (void)log;
    l->state = state;
    hub_place_get(state, place);
    l->hub_seq = place->hub_seq;
    free(place);
    l->due = hub_chore_due(state, HUB_CHORE_SEARCH);
    l->bytes_due = hub_chore_due(state, HUB_CHORE_BYTES);
    if (l->request != NULL) {
        l->there = hub_record(state, l->type, &l->id, &a, &record) != HUB_RECORD_NONE;
        l->gone = hub_erased(state, l->type, &l->id);
        if (!l->gone)
            l->result = hub_concerning(state, l->type, &l->id, &c, &r->damaged);
        return;
    }
    l->result = hub_erasures(state, 0, found_order, l);
    if (l->result == 0 && l->due != 0)
        l->result = hub_concerning(state, 0, NULL, &c, &r->damaged);
}

static void looking_free(struct looking *l) {
    buffer_close(&l->texts);
    buffer_close(&l->about);
    buffer_close(&l->found);
    buffer_close(&l->values);
    buffer_close(&l->orders);
    free(l);
}

static struct looking *looking_new(struct city *c, struct request *q, void (*done)(struct hub_read *r, int result)) {
    struct looking *l = memory_zeroed(1, sizeof *l);
    l->city = c;
    l->request = q;
    l->read.work = look_works;
    l->read.done = done;
    for (size_t i = 0; i < c->catalogue.type_count; i++) {
        const struct catalogue_type *t = &c->catalogue.types[i];
        for (size_t k = 0; k < t->field_count; k++)
            if (t->fields[k].about) {
                struct about_field f = {t->number, t->fields[k].number};
                buffer_add(&l->about, bytes_of(&f, sizeof f));
            }
    }
    return l;
}

/* Where the node's receipt is, or would be: they lie by node. */
static size_t receipt_at(const struct erasures *e, uint32_t node) {
    const struct receipt *all = (const struct receipt *)(const void *)e->receipts.at;
    size_t low = 0, high = e->receipts.len / sizeof *all;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (all[mid].node < node)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct receipt *receipt_of(const struct erasures *e, uint32_t node) {
    struct receipt *all = (struct receipt *)(void *)e->receipts.at;
    size_t at = receipt_at(e, node);
    return at < e->receipts.len / sizeof *all && all[at].node == node ? &all[at] : NULL;
}

/* ---- what is due since an order was carried out */

/* Of one order, as many as one change names; the fold that carries them out asks for the next. */
static void order_found(struct looking *l) {
    const struct found_record *all = (const struct found_record *)(const void *)l->found.at;
    struct buffer list = {0};
    for (size_t i = 0, n = 0; i < l->found.len / sizeof *all && n < TARGETS_MAX; i++)
        if (id_equal(&all[i].order, &all[0].order)) {
            erasure_name(&list, all[i].type, &all[i].id);
            n++;
        }
    hub_engine_write(l->city->engine, &order_names(l->city, NULL, &all[0].order, buffer_bytes(&list))->write);
    buffer_close(&list);
}

/* One field at a time: a SET without a value in the place of the heads that refer, a REMOVE of the elements. */
static void take_reference(struct looking *l) {
    const struct found_value *v = (const struct found_value *)(const void *)l->values.at;
    struct ordering *o = ordering_new(l->city, NULL, v->type, &v->id);
    struct bytes names = arena_copy(&o->write.arena, bytes_of(v->names, sizeof v->names));
    const struct name *all = (const struct name *)(const void *)names.at;
    if (v->heads > 0)
        o->write.ops[o->write.op_count++] = (struct op){.field = v->field, .kind = OP_SET, .names = all, .name_count = v->heads};
    if (v->elements > 0)
        o->write.ops[o->write.op_count++] = (struct op){.field = v->field, .kind = OP_REMOVE, .names = all + 8, .name_count = v->elements};
    l->city->erasures->wanted = true; /* such a change carries out no order: nobody else asks for the next */
    hub_engine_write(l->city->engine, &o->write);
}

static uint64_t newest_row(const struct erasures *e) {
    const struct known_order *all = (const struct known_order *)(const void *)e->orders.at;
    uint64_t row = 0;
    for (size_t i = 0; i < e->orders.len / sizeof *all; i++)
        row = all[i].row > row ? all[i].row : row;
    return row;
}

/* Up to which row the hub itself has destroyed what was ordered. */
static uint64_t everywhere_here(const struct city *c) {
    const struct receipt *r = receipt_of(c->erasures, 0);
    return r != NULL && epoch_equal(r->epoch, hub_engine_epoch(c->engine)) ? r->destroyed : 0;
}

static void due_done(struct hub_read *r, int result) {
    struct looking *l = (struct looking *)r;
    struct erasures *e = l->city->erasures;
    bool good = result == 0 && l->result == 0, writes = false;
    if (good) {
        buffer_clear(&e->orders);
        buffer_add(&e->orders, buffer_bytes(&l->orders));
        e->due = l->due != 0 || l->bytes_due != 0;
    }
    if (good && l->due != 0 && l->found.len > 0) {
        order_found(l);
        writes = true;
    } else if (good && l->due != 0 && l->values.len > 0) {
        take_reference(l);
        writes = true;
    } else if (good && l->due != 0) {
        hub_engine_searched(l->city->engine, l->hub_seq);
    } else if (good && !e->due && everywhere_here(l->city) < newest_row(e)) {
        hub_engine_compact(l->city->engine, l->hub_seq);
    }
    e->searching = writes;
    if (!writes && e->wanted)
        search_soon(l->city);
    looking_free(l);
}

static void search_soon(struct city *c) {
    struct erasures *e = c->erasures;
    e->wanted = e->searching;
    if (e->searching)
        return;
    e->searching = true;
    hub_engine_read(c->engine, &looking_new(c, NULL, due_done)->read);
}

void erase_ordered(void *owner) {
    struct city *c = owner;
    if (c->erasures != NULL)
        search_soon(c);
}

/* ---- receipts */

static void receipt_add(struct erasures *e, const struct receipt *r) {
    size_t at = receipt_at(e, r->node), count = e->receipts.len / sizeof *r;
    buffer_add(&e->receipts, bytes_of(r, sizeof *r));
    struct receipt *all = (struct receipt *)(void *)e->receipts.at;
    memmove(all + at + 1, all + at, (count - at) * sizeof *all);
    all[at] = *r;
}

struct noting {
    struct hub_own_work own; /* first */
    struct city *city;
    struct receipt receipt;
    struct buffer all; /* owns: struct receipt, of the first look */
};

static void note_works(struct hub_own_work *w, struct txn *own) {
    struct noting *n = (struct noting *)w;
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_u32(n->receipt.node);
    receipt_pack(&n->receipt, &b);
    envelope_put(own, HUB_OWN_ERASURES, key_bytes(&k), buffer_bytes(&b));
}

static void note_done(struct hub_own_work *w, int result) {
    struct noting *n = (struct noting *)w;
    if (result != 0) /* it is said again with the next report of another session */
        log_fact(LOG_WARNING, "erase.receipt_not_kept", FACT_UINT("node", n->receipt.node));
    free(n);
}

static void keep_receipt(struct city *c, const struct receipt *now) {
    struct receipt *old = receipt_of(c->erasures, now->node);
    if (old == NULL)
        receipt_add(c->erasures, now);
    else
        *old = *now;
    struct noting *n = memory_zeroed(1, sizeof *n);
    n->city = c;
    n->receipt = *now;
    n->own.work = note_works;
    n->own.done = note_done;
    hub_engine_own(c->engine, &n->own);
}

void erase_holder(void *owner, const struct hub_peer *p) {
    struct city *c = owner;
    struct erasures *e = c->erasures;
    const struct report *m = &p->link.last;
    if (e == NULL)
        return;
    struct receipt now = {.node = p->link.node, .epoch = hub_engine_epoch(c->engine), .erased = m->erasures_to, .at = clock_wall()};
    struct receipt *old = receipt_of(e, p->link.node);
    bool same = old != NULL && epoch_equal(old->epoch, now.epoch);
    now.destroyed = m->destroyed ? m->erasures_to : same ? old->destroyed : 0;
    if (same && old->destroyed >= now.destroyed && old->erased >= newest_row(e))
        return; /* it says nothing of an order that it has not said */
    keep_receipt(c, &now);
}

void erase_compacted(void *owner, uint64_t hub_seq) {
    struct city *c = owner;
    struct receipt now = {.epoch = hub_engine_epoch(c->engine), .erased = hub_seq, .destroyed = hub_seq, .at = clock_wall()};
    if (c->erasures != NULL)
        keep_receipt(c, &now);
}

static void first_works(struct hub_own_work *w, struct txn *own) {
    struct noting *n = (struct noting *)w;
    struct bytes at, value, packed;
    struct scan *c = scan_open(own, HUB_OWN_ERASURES);
    for (bool on = scan_from(c, BYTES("\0"), &at, &value); on; on = scan_next(c, &at, &value)) {
        struct reader key = {.rest = at};
        struct receipt r = {.node = reader_u32be(&key)};
        if (at.len == 4 && envelope_open(own, HUB_OWN_ERASURES, at, value, &packed) == 0 && receipt_unpack(packed, &r))
            buffer_add(&n->all, bytes_of(&r, sizeof r));
    }
    scan_close(c);
}

static void first_done(struct hub_own_work *w, int result) {
    struct noting *n = (struct noting *)w;
    if (result == 0 && n->city->erasures != NULL && n->city->erasures->receipts.len == 0)
        buffer_add(&n->city->erasures->receipts, buffer_bytes(&n->all));
    buffer_close(&n->all);
    free(n);
}

void erase_open(struct city *c) {
    struct noting *n = memory_zeroed(1, sizeof *n);
    c->erasures = memory_zeroed(1, sizeof *c->erasures);
    n->city = c;
    n->own.work = first_works;
    n->own.done = first_done;
    hub_engine_own(c->engine, &n->own);
    search_soon(c); /* also what a stop or a crash left */
}

void erase_close(struct city *c) {
    if (c->erasures == NULL)
        return;
    buffer_close(&c->erasures->orders);
    buffer_close(&c->erasures->receipts);
    free(c->erasures);
    c->erasures = NULL;
}

/* ---- who has carried it out */

enum holding { HOLDS, ERASED, DESTROYED };

static enum holding holding_of(const struct city *c, uint32_t node, uint64_t row, wall_ms *at) {
    const struct receipt *r = receipt_of(c->erasures, node);
    struct epoch now = hub_engine_epoch(c->engine);
    *at = r == NULL ? 0 : r->at;
    if (r == NULL || !epoch_equal(r->epoch, now) || r->erased < row)
        return HOLDS;
    return r->destroyed >= row ? DESTROYED : ERASED;
}

/* Carried out to the end by everybody, up to this row; 0 also when there is no order. */
static uint64_t everywhere(const struct city *c) {
    const struct erasures *e = c->erasures;
    uint64_t row = e->orders.len == 0 || e->due ? 0 : everywhere_here(c);
    for (size_t k = 0; k < hub_engine_peers(c->engine) && row > 0; k++) {
        const struct hub_peer *p = hub_engine_peer(c->engine, k);
        const struct receipt *r = receipt_of(e, p->link.node);
        bool now = r != NULL && epoch_equal(r->epoch, hub_engine_epoch(c->engine));
        if (!p->link.revoked && (!now || r->destroyed < row))
            row = now ? r->destroyed : 0;
    }
    return row;
}

void erase_status(struct city *c, json_t *out) {
    if (c->erasures != NULL && c->erasures->due && !c->erasures->searching)
        search_soon(c); /* the answer to the next question */
    const struct erasures *e = c->erasures;
    const struct known_order *all = e == NULL ? NULL : (const struct known_order *)(const void *)e->orders.at;
    size_t count = e == NULL ? 0 : e->orders.len / sizeof *all, open = 0;
    uint64_t done = count == 0 ? 0 : everywhere(c);
    for (size_t i = 0; i < count; i++)
        open += all[i].row > done;
    json_object_set_new(out, "erasures", json_integer((json_int_t)count));
    json_object_set_new(out, "erasures_open", json_integer((json_int_t)open));
}

struct asking {
    struct hub_own_work own; /* first */
    struct city *city;
    struct request *request;
    struct id16 order;
    struct buffer packed; /* owns; what the second home knows of it */
};

static void asking_works(struct hub_own_work *w, struct txn *own) {
    struct asking *a = (struct asking *)w;
    struct bytes packed;
    if (envelope_get(own, HUB_OWN_ERASURES, bytes_of(a->order.b, sizeof a->order.b), &packed) == 0)
        buffer_add(&a->packed, packed);
}

static void holder_row(struct asking *a, uint32_t node, const char *name, enum holding h, wall_ms at) {
    static const char *const states[] = {"open", "erased", "destroyed"};
    request_row(
        a->request, json_pack(
                        "{s:I, s:s, s:s, s:I}", "node", (json_int_t)node, "name", name, "state", states[h], "at_ms",
                        (json_int_t)(h == HOLDS ? 0 : at)));
}

/* Backups from before it hold what it erases, until they are deleted: a restore carries it out again before anybody is served. */
static void backup_rows(struct asking *a, wall_ms ordered_at) {
    const struct hub_kept_view *v = hub_engine_backups(a->city->engine);
    for (size_t i = 0; i < v->count; i++)
        if (v->kept[i].made <= ordered_at) {
            struct buffer name = {0};
            buffer_format(&name, "backup %s", v->kept[i].path);
            holder_row(a, 0, buffer_string(&name), HOLDS, 0);
            buffer_close(&name);
        }
}

static void asking_done(struct hub_own_work *w, int result) {
    struct asking *a = (struct asking *)w;
    struct city *c = a->city;
    const struct known_order *all = (const struct known_order *)(const void *)c->erasures->orders.at, *o = NULL;
    for (size_t i = 0; i < c->erasures->orders.len / sizeof *all; i++)
        if (id_equal(&all[i].id, &a->order))
            o = &all[i];
    struct order_info info = {.at = 0};
    if (a->packed.len > 0)
        info_unpack(buffer_bytes(&a->packed), &info);
    if (result != 0) {
        request_error(a->request, "internal", "the second home could not be read", "`anjuctl status` says what is in the way");
    } else if (o == NULL) {
        request_error(a->request, "not_found", "there is no such order, or it is not carried out yet", "");
    } else {
        wall_ms at;
        enum holding here = holding_of(c, 0, o->row, &at);
        holder_row(a, 0, "hub", here == DESTROYED ? here : c->erasures->due ? HOLDS : ERASED, here == DESTROYED ? at : info.at);
        for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
            const struct hub_peer *p = hub_engine_peer(c->engine, i);
            enum holding h = holding_of(c, p->link.node, o->row, &at);
            if (!p->link.revoked || h != HOLDS)
                holder_row(a, p->link.node, p->link.revoked ? "revoked" : "", h, at);
        }
        backup_rows(a, info.at);
        request_end(a->request);
    }
    buffer_close(&a->packed);
    free(a);
}

void cmd_person_erase_status(void *owner, struct request *q) {
    struct city *c = owner;
    const char *order = request_text(q, "order");
    struct asking *a = memory_zeroed(1, sizeof *a);
    if (order == NULL || !id_parse(order, &a->order)) {
        request_error(q, "bad_request", "which order? 32 hex digits, as `person erase` answered", "");
        free(a);
        return;
    }
    a->city = c;
    a->request = q;
    a->own.work = asking_works;
    a->own.done = asking_done;
    hub_engine_own(c->engine, &a->own);
}

/* ---- all orders, and why */

struct telling {
    struct hub_own_work own; /* first */
    struct city *city;
    struct request *request;
    json_t *rows; /* owns; each with the row of its order in `row` */
};

static void telling_works(struct hub_own_work *w, struct txn *own) {
    struct telling *t = (struct telling *)w;
    struct bytes at, value, packed;
    struct scan *c = scan_open(own, HUB_OWN_ERASURES);
    for (bool on = scan_from(c, BYTES("\0"), &at, &value); on; on = scan_next(c, &at, &value)) {
        struct order_info i;
        struct id16 id;
        char hex[ID_HEX];
        if (at.len != sizeof id.b || envelope_open(own, HUB_OWN_ERASURES, at, value, &packed) != 0 || !info_unpack(packed, &i))
            continue;
        memcpy(id.b, at.at, sizeof id.b);
        json_array_append_new(
            t->rows, json_pack(
                         "{s:s, s:I, s:I, s:s#, s:s#}", "order", id_hex(&id, hex), "at_ms", (json_int_t)i.at, "type", (json_int_t)i.type,
                         "reason", (const char *)i.reason.at, (int)i.reason.len, "law", (const char *)i.order.at, (int)i.order.len));
    }
    scan_close(c);
}

static const char *state_of(const struct city *c, const char *order) {
    const struct known_order *all = (const struct known_order *)(const void *)c->erasures->orders.at;
    uint64_t done = everywhere(c);
    char hex[ID_HEX];
    for (size_t i = 0; i < c->erasures->orders.len / sizeof *all; i++)
        if (strcmp(id_hex(&all[i].id, hex), order) == 0)
            return all[i].row <= done ? "destroyed" : "open";
    return "noted";
}

static int by_time(const void *x, const void *y) {
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)x, "at_ms"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)y, "at_ms"));
    return (a > b) - (a < b);
}

static void telling_done(struct hub_own_work *w, int result) {
    struct telling *t = (struct telling *)w;
    const struct catalogue *k = &t->city->catalogue;
    size_t i;
    json_t *row;
    char unknown[16];
    if (result != 0) {
        request_error(t->request, "internal", "the second home could not be read", "`anjuctl status` says what is in the way");
    } else {
        t->rows = rows_sorted(t->rows, by_time);
        json_array_foreach(t->rows, i, row) {
            json_object_set_new(row, "state", json_string(state_of(t->city, json_string_value(json_object_get(row, "order")))));
            json_object_set_new(
                row, "type", json_string(type_name(k, (uint32_t)json_integer_value(json_object_get(row, "type")), unknown)));
            request_row(t->request, json_incref(row));
        }
        request_end(t->request);
    }
    json_decref(t->rows);
    free(t);
}

void cmd_erasures(void *owner, struct request *q) {
    struct telling *t = memory_zeroed(1, sizeof *t);
    t->city = owner;
    t->request = q;
    t->rows = json_array();
    t->own.work = telling_works;
    t->own.done = telling_done;
    hub_engine_own(t->city->engine, &t->own);
}

/* ---- the command */

static void noted_works(struct hub_own_work *w, struct txn *own) {
    struct ordering *o = (struct ordering *)(void *)((char *)w - offsetof(struct ordering, note));
    envelope_put(own, HUB_OWN_ERASURES, bytes_of(o->order.b, sizeof o->order.b), buffer_bytes(&o->packed));
}

static void noted(struct hub_own_work *w, int result) {
    struct ordering *o = (struct ordering *)(void *)((char *)w - offsetof(struct ordering, note));
    if (result == 0) {
        hub_engine_write(o->city->engine, &o->write);
        return;
    }
    arena_close(&o->write.arena);
    ordered(&o->write, result);
}

static void erase_now(struct looking *l) {
    struct id16 order = entropy_id();
    struct buffer list = {0};
    char hex[ID_HEX];
    erasure_name(&list, l->type, &l->id);
    struct ordering *o = order_names(l->city, l->request, &order, buffer_bytes(&list));
    buffer_close(&list);
    info_pack(&l->info, &o->packed);
    o->note.work = noted_works;
    o->note.done = noted;
    log_fact(LOG_WARNING, "erase.ordered", FACT_TEXT("order", id_hex(&order, hex)), FACT_UINT("uid", l->info.uid));
    hub_engine_own(l->city->engine, &o->note);
}

void erase_records(
    struct city *c, const struct id16 *order, struct bytes names, uint32_t type, const char *reason, const char *law,
    void (*end)(void *owner, int result), void *owner) {
    struct ordering *o = order_names(c, NULL, order, names);
    struct order_info info = {.at = clock_wall(), .type = type, .reason = bytes_text(reason), .order = bytes_text(law)};
    char hex[ID_HEX];
    info_pack(&info, &o->packed);
    o->note.work = noted_works;
    o->note.done = noted;
    o->end = end;
    o->end_owner = owner;
    log_fact(LOG_WARNING, "erase.ordered", FACT_TEXT("order", id_hex(order, hex)), FACT_TEXT("reason", reason));
    hub_engine_own(c->engine, &o->note);
}

/* What would go, by type: never more than numbers. */
static void list_found(struct looking *l) {
    const struct found_record *records = (const struct found_record *)(const void *)l->found.at;
    const struct found_value *values = (const struct found_value *)(const void *)l->values.at;
    size_t count = l->found.len / sizeof *records, referring = l->values.len / sizeof *values;
    for (size_t t = 0; t < l->city->catalogue.type_count; t++) {
        const struct catalogue_type *type = &l->city->catalogue.types[t];
        size_t gone = type->number == l->type && l->there, cleared = 0;
        for (size_t i = 0; i < count; i++)
            gone += records[i].type == type->number;
        for (size_t i = 0; i < referring; i++)
            cleared += values[i].type == type->number;
        if (gone + cleared > 0)
            request_row(
                l->request, json_pack("{s:s, s:I, s:I}", "type", type->name, "erased", (json_int_t)gone, "cleared", (json_int_t)cleared));
    }
    request_end(l->request);
}

static void asked_done(struct hub_read *r, int result) {
    struct looking *l = (struct looking *)r;
    size_t records = l->found.len / sizeof(struct found_record) + l->there;
    if (result != 0 || l->result != 0)
        request_error(l->request, "internal", "the state could not be read", "run `anjuctl verify`");
    else if (l->gone)
        request_error(l->request, "conflict", "it is erased already", "");
    else if (!l->there)
        request_error(l->request, "not_found", "there is no such record in the city", "`anjuctl export --hashes` lists ids");
    else if (l->dry)
        list_found(l);
    else if (!l->sure)
        request_errorf(
            l->request, "bad_request", "--confirm ID with the same id, or --yes; --dry-run lists what goes",
            "this erases %zu records for ever, at every office; no backup brings them back", records);
    else
        erase_now(l);
    looking_free(l);
}

void cmd_person_erase(void *owner, struct request *q) {
    struct city *c = owner;
    const char *id = request_text(q, "id"), *type = request_text(q, "type"), *reason = request_text(q, "reason");
    const char *order = request_text(q, "order"), *confirm = request_text(q, "confirm");
    const struct catalogue_type *t = catalogue_type(&c->catalogue, type == NULL ? "Person" : type);
    bool dry = request_flag(q, "dry-run");
    struct id16 parsed;
    if (t == NULL)
        request_error(q, "bad_request", "no such record type", "--type NAME; without it a Person is meant");
    else if (id == NULL || !id_parse(id, &parsed))
        request_error(q, "bad_request", "whom? the record's id of 32 hex digits", "");
    else if (!dry && (reason == NULL || *reason == '\0' || order == NULL || *order == '\0'))
        request_error(
            q, "bad_request", "why, and by which legal order? both are kept here, and go nowhere else", "--reason TEXT --order TEXT");
    else if (!dry && strlen(reason) + strlen(order) > REASON_MAX)
        request_error(q, "bad_request", "reason and order are too long", "");
    else if (confirm != NULL && strcmp(confirm, id) != 0)
        request_error(q, "bad_request", "the id that confirms it is another one; nothing was erased", "");
    else {
        struct looking *l = looking_new(c, q, asked_done);
        l->type = t->number;
        l->id = parsed;
        l->dry = dry;
        l->sure = confirm != NULL || request_flag(q, "yes");
        if (!dry) {
            buffer_text(&l->texts, reason);
            buffer_text(&l->texts, order);
            l->info = (struct order_info){
                .at = clock_wall(),
                .uid = request_uid(q),
                .type = t->number,
                .id = parsed,
                .reason = bytes_of(l->texts.at, strlen(reason)),
                .order = bytes_of(l->texts.at + strlen(reason), strlen(order))};
        }
        hub_engine_read(c->engine, &l->read);
    }
}
