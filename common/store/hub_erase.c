#include "common/store/hub_erase.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool hub_erased(struct txn *state, uint32_t type, const struct id16 *id) {
    struct key k = key_record(type, id);
    struct bytes value;
    return txn_get(state, HUB_ERASED, key_bytes(&k), &value);
}

uint64_t hub_erasures_tip(struct txn *state) {
    struct bytes at, value;
    struct scan *c = scan_open(state, HUB_ERASURES);
    struct reader in = {.rest = scan_last(c, &at, &value) ? at : (struct bytes){NULL, 0}};
    uint64_t row = in.rest.len == 0 ? 0 : reader_u64be(&in);
    scan_close(c);
    return row;
}

int hub_erasures(struct txn *state, uint64_t after, int (*each)(void *owner, uint64_t row, struct bytes packed), void *owner) {
    struct key from = key_u64(after + 1);
    struct bytes at, value, packed;
    int r = 0;
    struct scan *c = scan_open(state, HUB_ERASURES);
    for (bool on = after < UINT64_MAX && scan_from(c, key_bytes(&from), &at, &value); on && r == 0; on = scan_next(c, &at, &value)) {
        struct reader in = {.rest = at};
        r = envelope_open(state, HUB_ERASURES, at, value, &packed) == 0 ? each(owner, reader_u64be(&in), packed) : fail(-EBADMSG);
    }
    scan_close(c);
    return r;
}

/* ---- carrying out (the fold) */

static void mark(struct fold *f, uint32_t type, const struct id16 *id, const struct id16 *order) {
    struct key k = key_record(type, id);
    envelope_put(f->state, HUB_ERASED, key_bytes(&k), bytes_of(order->b, sizeof order->b));
    chore_put(f->state, HUB_CHORE_SEARCH, f->place.hub_seq);
    chore_put(f->state, HUB_CHORE_BYTES, f->place.hub_seq);
    f->erased++;
}

static void erase(struct fold *f, uint32_t type, const struct id16 *id, const struct id16 *order) {
    if (!erasure_may(type) || hub_erased(f->state, type, id))
        return;
    struct touched *t = fold_record(f, type, id);
    if (t == NULL)
        return;
    mark(f, type, id, order);
    fold_release(f, t);
    if (!t->exists)
        return;
    fold_touch(f, t);
    for (size_t i = 0; i < t->record.area_count; i++) { /* of rows not written yet there is nothing to delete */
        struct key k = key_row(t->record.areas[i].area, t->record.areas[i].row);
        txn_delete(f->state, HUB_ROWS, key_bytes(&k));
    }
    t->record = (struct record){.type = type, .id = *id};
    t->history = NULL;
    t->exists = t->copies = false;
    t->erased = true;
    t->bound = 0;
}

void fold_order(struct fold *f, const struct change *c, uint64_t row) {
    CLEANUP(buffer_close) struct buffer packed = {0};
    struct change as_made = *c;
    struct bytes list = erasure_targets(c);
    uint32_t type;
    struct id16 id;
    if (list.len == 0)
        return;
    as_made.again = false;
    wire_change_pack(&as_made, &packed);
    struct key k = key_u64(row);
    envelope_put(f->state, HUB_ERASURES, key_bytes(&k), buffer_bytes(&packed));
    f->ordered = true;
    while (erasure_next(&list, &type, &id) && txn_result(f->state) == 0)
        erase(f, type, &id, &c->record);
}

/* Nobody has made it yet: all that is there of it is that offices asked for it. */
static bool unmade(const struct touched *t) {
    const struct field *home = record_field(&t->record, FIELD_HOME);
    return !t->exists || home == NULL || home->head_count == 0;
}

/* What is said of the record to come says nothing of whom it is about: it goes by the order of that one. Offices hear of it as of any other
 * order, and bring it back to a hub that lost it. */
static void erase_unmade(struct fold *f, const struct touched *t, uint32_t about, const struct id16 *whom) {
    CLEANUP(buffer_close) struct buffer list = {0}, value = {0};
    struct key k = key_record(about, whom);
    struct change c = {.type = TYPE_ERASURE, .version = {.hlc = 1}};
    struct op op = {.field = ERASURE_TARGETS, .kind = OP_ADD};
    struct bytes order;
    if (envelope_get(f->state, HUB_ERASED, key_bytes(&k), &order) == 0 && order.len == sizeof c.record.b)
        memcpy(c.record.b, order.at, sizeof c.record.b);
    memcpy(&c.name.tag, t->record.id.b + sizeof t->record.id.b - sizeof c.name.tag, sizeof c.name.tag);
    erasure_name(&list, t->record.type, &t->record.id);
    value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, &value);
    op.value = buffer_bytes(&value);
    c.ops = &op;
    c.op_count = 1;
    fold_order(f, &c, ++f->place.hub_seq);
}

bool fold_erased(struct fold *f, struct touched *t, const struct change *c) {
    uint32_t type;
    struct id16 id;
    if (f->erased == 0 || !erasure_may(c->type))
        return false;
    if (hub_erased(f->state, c->type, &c->record))
        return true;
    for (size_t i = 0; i < c->op_count; i++) {
        if (!erasure_subject(&c->ops[i], &type, &id) || !hub_erased(f->state, type, &id))
            continue;
        if (unmade(t))
            erase_unmade(f, t, type, &id);
        return true;
    }
    return false;
}

static bool all_unmade(struct fold *f, const struct change *order) {
    struct bytes list = erasure_targets(order);
    uint32_t type;
    struct id16 id;
    while (erasure_next(&list, &type, &id)) {
        const struct touched *t = fold_record(f, type, &id);
        if (t == NULL || !unmade(t))
            return false;
    }
    return true;
}

bool fold_returned(struct fold *f, struct fold_node *writer, const struct change *c, const struct origin *from, size_t packed) {
    struct change order;
    struct bytes said;
    if (!erasure_returned(c, &said) || wire_change_unpack(said, &f->scratch, &order) != 0 || order.type != TYPE_ERASURE ||
        order.version.node != 0 || order.name.node != 0 || erasure_targets(&order).len == 0)
        return false;
    bool ours = f->rules == NULL || f->rules->signed_order == NULL || f->rules->signed_order(f->rules->owner, &order);
    if (!ours && !all_unmade(f, &order)) /* those of the fold itself are not signed, and concern nothing that is there */
        return false;
    struct touched *t = fold_record(f, order.type, &order.record);
    if (t == NULL)
        return true;
    order.again = true; /* it may be known: then it is repeated */
    fold_change(f, writer, t, &order, from, packed);
    return true;
}

/* ---- what concerns a record */

struct concerning {
    struct txn *state;
    uint32_t type;
    const struct id16 *id;
    const struct hub_concerns *c;
};

static bool concerns(const struct concerning *s, struct bytes value, struct id16 *order) {
    uint32_t type;
    struct id16 id;
    if (!erasure_refers(value, &type, &id))
        return false;
    if (s->id != NULL)
        return type == s->type && id_equal(&id, s->id);
    struct key k = key_record(type, &id);
    struct arena_mark mark = envelope_mark(s->state); /* there are many references in a state */
    struct bytes by;
    bool erased = envelope_get(s->state, HUB_ERASED, key_bytes(&k), &by) == 0 && by.len == sizeof order->b;
    if (erased)
        memcpy(order->b, by.at, sizeof order->b);
    envelope_release(s->state, mark);
    return erased;
}

static bool any(const struct concerning *s, const struct head *list, size_t count, struct id16 *order) {
    for (size_t i = 0; i < count; i++)
        if (concerns(s, list[i].value, order))
            return true;
    return false;
}

static bool subject_field(const struct concerning *s, uint32_t type, uint32_t field) {
    return field == FIELD_SUBJECT || (s->c->names_subject != NULL && s->c->names_subject(s->c->owner, type, field));
}

static int look_record(void *owner, const struct record *r) {
    struct concerning *s = owner;
    struct id16 order = {{0}};
    int done = 0;
    if (!erasure_may(r->type) || (s->id != NULL && r->type == s->type && id_equal(&r->id, s->id)))
        return 0;
    for (size_t i = 0; i < r->field_count; i++)
        if (subject_field(s, r->type, r->fields[i].number) && any(s, r->fields[i].heads, r->fields[i].head_count, &order))
            return s->c->about(s->c->owner, &order, r->type, &r->id);
    for (size_t i = 0; i < r->field_count && done == 0 && s->c->refers != NULL; i++) {
        const struct field *f = &r->fields[i];
        if (any(s, f->heads, f->head_count, &order) || any(s, f->elements, f->element_count, &order))
            done = s->c->refers(s->c->owner, &order, r, f);
    }
    return done;
}

static int look_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct concerning *s = owner;
    CLEANUP(arena_close) struct arena a = {0};
    struct id16 order = {{0}};
    struct change c;
    struct bytes there;
    (void)node;
    (void)h;
    if (wire_change_unpack(q->change, &a, &c) != 0 || !erasure_may(c.type))
        return 0;
    struct key k = key_record(c.type, &c.record);
    if (txn_get(s->state, HUB_RECORDS, key_bytes(&k), &there))
        return 0; /* what is there is not about whom a change says that nobody takes */
    for (size_t i = 0; i < c.op_count; i++)
        if (c.ops[i].kind != OP_REMOVE && subject_field(s, c.type, c.ops[i].field) && concerns(s, c.ops[i].value, &order))
            return s->c->about(s->c->owner, &order, c.type, &c.record);
    return 0;
}

int hub_concerning(struct txn *state, uint32_t type, const struct id16 *id, const struct hub_concerns *c, struct buffer *damaged) {
    struct concerning s = {.state = state, .type = type, .id = id, .c = c};
    int r = hub_records(state, 0, look_record, &s, damaged);
    return r != 0 ? pass(r) : hub_held(state, 0, look_held, &s);
}

static struct key chore_key(enum hub_chore c) {
    return key_word(c == HUB_CHORE_SEARCH ? "search" : "bytes");
}

void chore_put(struct txn *state, enum hub_chore c, uint64_t row) {
    struct key k = chore_key(c), value = key_u64(row);
    envelope_put(state, HUB_META, key_bytes(&k), key_bytes(&value));
}

uint64_t hub_chore_due(struct txn *state, enum hub_chore c) {
    struct key k = chore_key(c);
    struct bytes row;
    int r = envelope_get(state, HUB_META, key_bytes(&k), &row);
    struct reader in = {.rest = r == 0 ? row : (struct bytes){NULL, 0}};
    return r == ENVELOPE_MISSING ? 0 : r == 0 ? reader_u64be(&in) : 1; /* rotten: it is done once more */
}

void hub_chore_done(struct txn *state, enum hub_chore c, uint64_t hub_seq) {
    struct key k = chore_key(c);
    if (hub_chore_due(state, c) <= hub_seq)
        txn_delete(state, HUB_META, key_bytes(&k));
}

/* ---- the bytes that are left in the log and in the second home */

/* True: something in it was erased, `out` is the new batch. */
static bool erase_batch(struct txn *state, struct bytes raw, struct buffer *out) {
    CLEANUP(arena_close) struct arena a = {0};
    CLEANUP(buffer_close) struct buffer gone = {0};
    struct reader r = {.rest = raw};
    struct bytes packed;
    bool some = false;
    while (wire_batch_next(&r, &packed)) {
        struct change c;
        arena_clear(&a);
        if (!wire_change_erased(packed) && wire_change_unpack(packed, &a, &c) == 0 && hub_erased(state, c.type, &c.record)) {
            buffer_clear(&gone);
            wire_change_erase(packed, &gone);
            packed = buffer_bytes(&gone);
            some = true;
        }
        wire_batch_add(out, packed);
    }
    return some && !r.bad;
}

static void erase_entry(struct txn *log, struct txn *state, uint64_t position) {
    CLEANUP(buffer_close) struct buffer raw = {0}, less = {0}, body = {0}, entry = {0};
    struct log_entry e;
    if (hub_log_read(log, position, &e) != 0 || !log_changes(e.kind) || wire_batch_open(e.body, &raw) != 0 ||
        !erase_batch(state, buffer_bytes(&raw), &less) || wire_batch_seal(buffer_bytes(&less), &body) != 0)
        return;
    e.body = buffer_bytes(&body);
    wire_log_entry_pack(&e, &entry);
    struct key k = key_u64(position);
    envelope_put_day(log, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&entry), e.received);
}

bool hub_log_erase(struct txn *log, struct txn *state, uint64_t *at, uint32_t limit) {
    struct hub_log_place place;
    struct hub_place *folded = memory_zeroed(1, sizeof *folded);
    bool known = hub_log_place(log, &place) && hub_place_get(state, folded);
    uint64_t last = folded->position < place.last ? folded->position : place.last;
    free(folded);
    if (!known || store_count(state, HUB_ERASED) == 0)
        return true;
    if (*at < place.first)
        *at = place.first;
    for (uint32_t i = 0; *at <= last && i < limit; i++) {
        struct arena_mark mark = envelope_mark(log);
        erase_entry(log, state, (*at)++);
        envelope_release(log, mark);
    }
    return *at > last;
}

bool hub_own_erase(struct txn *own, struct txn *state, uint64_t *at, uint32_t limit) {
    CLEANUP(arena_close) struct arena a = {0};
    uint64_t last = hub_own_last(own, NULL);
    if (store_count(state, HUB_ERASED) == 0)
        return true;
    for (uint32_t i = 0; *at <= last && i < limit; i++) {
        CLEANUP(buffer_close) struct buffer gone = {0};
        struct key k = key_u64((*at)++);
        struct bytes packed;
        struct change c;
        arena_clear(&a);
        if (envelope_get(own, HUB_OWN_ENTRIES, key_bytes(&k), &packed) != 0 || wire_change_erased(packed) ||
            wire_change_unpack(packed, &a, &c) != 0 || !hub_erased(state, c.type, &c.record))
            continue;
        wire_change_erase(packed, &gone);
        envelope_put_day(own, HUB_OWN_ENTRIES, key_bytes(&k), buffer_bytes(&gone), hlc_ms(c.version.hlc));
    }
    return *at > last;
}
