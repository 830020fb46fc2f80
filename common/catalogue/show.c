#include "common/catalogue/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *type_name(const struct catalogue *k, uint32_t type, char out[16]) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    if (t != NULL)
        return t->name;
    if (type == TYPE_OFFICE)
        return "Office";
    if (type == TYPE_POLICY)
        return "PolicyDocument";
    snprintf(out, 16, "type-%" PRIu32, type);
    return out;
}

const char *field_name(const struct catalogue *k, uint32_t type, uint32_t field, char out[24]) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, field);
    if (f != NULL)
        return f->name;
    if (common_field_name(field) != NULL)
        return common_field_name(field);
    snprintf(out, 24, "field-%" PRIu32, field);
    return out;
}

void value_show(struct bytes packed, struct buffer *out) {
    struct value v;
    if (!value_unpack(packed, &v))
        hex_encode(packed, out);
    else if (v.kind == VALUE_REFERENCE && v.reference.key.len > 0)
        buffer_add(out, v.reference.key);
    else
        value_text(&v, out);
}

json_t *value_json(struct bytes packed) {
    struct buffer b = {0};
    value_show(packed, &b);
    json_t *text = json_stringn(buffer_string(&b), b.len);
    if (text == NULL) { /* a later build's text form may be no UTF-8 */
        buffer_clear(&b);
        hex_encode(packed, &b);
        text = json_stringn(buffer_string(&b), b.len);
    }
    buffer_close(&b);
    return text;
}

/* ---- rules */

static const struct catalogue_field *known_field(const struct catalogue *k, uint32_t type, uint32_t field) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    return t == NULL ? NULL : type_field_number(t, field);
}

static enum show_rule rule_of(const struct catalogue *k, uint32_t type, uint32_t field) {
    const struct catalogue_field *f = known_field(k, type, field);
    return f == NULL ? SHOW_LAST : f->rule;
}

/* Of values of one kind: by size, by day, or by bytes. What cannot be read is below all. */
static int value_order(struct bytes x, struct bytes y) {
    struct value a, b;
    bool read_a = value_unpack(x, &a), read_b = value_unpack(y, &b);
    if (!read_a || !read_b)
        return read_a - read_b;
    if (a.kind != b.kind)
        return a.kind < b.kind ? -1 : 1;
    if (a.kind == VALUE_NUMBER || a.kind == VALUE_FEN || a.kind == VALUE_DATE || a.kind == VALUE_FLAG)
        return (a.number > b.number) - (a.number < b.number);
    size_t least = x.len < y.len ? x.len : y.len;
    int r = least == 0 ? 0 : memcmp(x.at, y.at, least);
    return r != 0 ? r : (x.len > y.len) - (x.len < y.len);
}

static bool is_better(enum show_rule rule, const struct head *h, const struct head *than) {
    if (h->value.len == 0 || (rule == SHOW_HUB && h->name.node != 0))
        return false;
    if (than == NULL)
        return true;
    switch (rule) {
    case SHOW_ONCE:
        return false; /* heads come in version order */
    case SHOW_MAX:
        return value_order(h->value, than->value) > 0;
    case SHOW_MIN:
        return value_order(h->value, than->value) < 0;
    default:
        return true;
    }
}

const struct head *field_shown(const struct catalogue *k, uint32_t type, const struct field *f) {
    const struct head *best = NULL;
    if (f == NULL)
        return NULL;
    enum show_rule rule = rule_of(k, type, f->number);
    if (!rule_own_heads(rule)) {
        best = field_winner(f);
        return best == NULL || best->value.len == 0 ? NULL : best;
    }
    for (size_t i = 0; i < f->head_count; i++)
        if (is_better(rule, &f->heads[i], best))
            best = &f->heads[i];
    return best;
}

/* Are there heads of different values? One that was cleared is a value too, unless each writer has a head of its own. */
static bool differs(const struct field *f, enum show_rule rule) {
    const struct head *first = NULL;
    for (size_t i = 0; i < f->head_count; i++) {
        if (f->heads[i].value.len == 0 && rule_own_heads(rule))
            continue;
        if (first != NULL && !bytes_equal(first->value, f->heads[i].value))
            return true;
        first = &f->heads[i];
    }
    return false;
}

bool field_to_decide(const struct catalogue *k, uint32_t type, const struct field *f) {
    enum show_rule rule = rule_of(k, type, f->number);
    return (rule == SHOW_BOTH || rule == SHOW_ONCE) && differs(f, rule);
}

bool field_put_aside(const struct catalogue *k, uint32_t type, const struct field *f) {
    enum show_rule rule = rule_of(k, type, f->number);
    return rule == SHOW_LAST && differs(f, rule);
}

/* ---- ledgers */

static const char reverses[] = "reverses";

const char *ledger_name(struct name n, char out[LEDGER_NAME]) {
    snprintf(out, LEDGER_NAME, "%" PRIu32 ":%016" PRIx64, n.node, n.tag);
    return out;
}

bool ledger_name_parse(struct bytes text, struct name *out) {
    char copy[LEDGER_NAME], again[LEDGER_NAME];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return sscanf(copy, "%" SCNu32 ":%" SCNx64, &out->node, &out->tag) == 2 && strcmp(ledger_name(*out, again), copy) == 0;
}

void ledger_reversal_pack(struct name of, struct buffer *out) {
    struct buffer list = {0};
    char text[LEDGER_NAME];
    value_list_add(&list, BYTES(reverses));
    value_list_add(&list, bytes_text(ledger_name(of, text)));
    value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, out);
    buffer_close(&list);
}

bool ledger_reversal_read(struct bytes value, struct name *of) {
    struct value v;
    struct bytes item;
    return value_unpack(value, &v) && v.kind == VALUE_LIST && value_item(&v.list, &item) && bytes_equal(item, BYTES(reverses)) &&
           value_item(&v.list, &item) && ledger_name_parse(item, of);
}

bool ledger_reversed(const struct field *f, struct name of) {
    struct name its;
    for (size_t i = 0; f != NULL && i < f->element_count; i++)
        if (ledger_reversal_read(f->elements[i].value, &its) && name_equal(its, of))
            return true;
    return false;
}

bool ledger_sum(const struct field *f, struct value *out) {
    struct value v;
    struct name of;
    *out = (struct value){.kind = VALUE_NONE};
    for (size_t i = 0; i < f->element_count; i++) {
        if (ledger_reversal_read(f->elements[i].value, &of) || ledger_reversed(f, f->elements[i].name) ||
            !value_unpack(f->elements[i].value, &v))
            continue;
        if ((v.kind != VALUE_FEN && v.kind != VALUE_NUMBER) || (out->kind != VALUE_NONE && out->kind != v.kind) ||
            __builtin_add_overflow(out->number, v.number, &out->number))
            return false;
        out->kind = v.kind;
    }
    return out->kind != VALUE_NONE;
}

/* ---- one field as JSON */

const char *head_side(const struct head *h, char out[HEAD_SIDE_TEXT]) {
    snprintf(out, HEAD_SIDE_TEXT, "%" PRIu32 "@%" PRIu64, h->version.node, hlc_ms(h->version.hlc));
    return out;
}

static json_t *side_of(const struct head *h) {
    char side[HEAD_SIDE_TEXT];
    return json_pack(
        "{s:s, s:o, s:I, s:I}", "side", head_side(h, side), "value", value_json(h->value), "node", (json_int_t)h->version.node, "at_ms",
        (json_int_t)hlc_ms(h->version.hlc));
}

static json_t *sides_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->head_count; i++)
        json_array_append_new(all, side_of(&f->heads[i]));
    return all;
}

/* What offices say in a field of the hub's that the hub does not say. */
static json_t *proposals_of(const struct field *f, const struct head *shown) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->head_count; i++)
        if (f->heads[i].name.node != 0 && f->heads[i].value.len > 0 && (shown == NULL || !bytes_equal(shown->value, f->heads[i].value)))
            json_array_append_new(all, side_of(&f->heads[i]));
    return all;
}

static json_t *elements_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->element_count; i++) {
        bool known = false; /* two offices added the same */
        for (size_t b = 0; b < i && !known; b++)
            known = bytes_equal(f->elements[b].value, f->elements[i].value);
        if (!known)
            json_array_append_new(all, value_json(f->elements[i].value));
    }
    return all;
}

static json_t *entries_of(const struct field *f) {
    json_t *all = json_array();
    char name[LEDGER_NAME];
    struct name of;
    for (size_t i = 0; i < f->element_count; i++) {
        json_t *one = side_of(&f->elements[i]);
        json_object_set_new(one, "entry", json_string(ledger_name(f->elements[i].name, name)));
        if (ledger_reversed(f, f->elements[i].name))
            json_object_set_new(one, "reversed", json_true());
        if (ledger_reversal_read(f->elements[i].value, &of)) {
            json_object_set_new(one, "reverses", json_string(ledger_name(of, name)));
            json_object_del(one, "value");
        }
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *event_of(const struct workflow *w, const struct head *h, enum event_outcome outcome) {
    struct workflow_event e;
    char actor[ID_HEX];
    json_t *one = json_pack("{s:I, s:I}", "node", (json_int_t)h->version.node, "at_ms", (json_int_t)hlc_ms(h->version.hlc));
    json_object_set_new(one, "outcome", json_string(event_outcome_name(outcome)));
    if (!workflow_event_read(h->value, &e)) {
        json_object_set_new(one, "to", value_json(h->value));
        return one;
    }
    const struct {
        const char *name;
        struct bytes text;
    } parts[] = {{"to", e.to}, {"from", e.from}, {"date", e.date}, {"reason", e.reason}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        json_object_set_new(one, parts[i].name, json_stringn((const char *)parts[i].text.at, parts[i].text.len));
    size_t to = workflow_find(w, e.to);
    if (to != WORKFLOW_NONE)
        json_object_set_new(one, "to_zh", json_string(w->states[to].zh));
    json_object_set_new(one, "actor", id_zero(&e.actor) ? json_null() : json_string(id_hex(&e.actor, actor)));
    return one;
}

/* An office's proposal that the hub can still follow. */
static bool is_open(const struct workflow *w, size_t state, const struct head *h, enum event_outcome outcome) {
    struct workflow_event e;
    return outcome == EVENT_PROPOSED && workflow_event_read(h->value, &e) && workflow_moves(w, state, workflow_find(w, e.to));
}

static json_t *workflow_of(const struct workflow *w, const struct field *f) {
    size_t count = f == NULL ? 0 : f->element_count;
    enum event_outcome *outcomes = memory_zeroed(count + 1, sizeof *outcomes);
    size_t state = workflow_fold(w, f, outcomes);
    json_t *moves = json_array(), *proposed = json_array(), *review = json_array(), *events = json_array();
    for (size_t to = 0; to < w->count; to++)
        if (workflow_moves(w, state, to))
            json_array_append_new(moves, json_string(w->states[to].name));
    for (size_t i = 0; i < count; i++) {
        json_t *one = event_of(w, &f->elements[i], outcomes[i]);
        if (is_open(w, state, &f->elements[i], outcomes[i]))
            json_array_append(proposed, one);
        if (outcomes[i] >= EVENT_ILLEGAL)
            json_array_append(review, one);
        json_array_append_new(events, one);
    }
    free(outcomes);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o}", "state", w->states[state].name, "state_zh", w->states[state].zh, "moves", moves, "proposed",
        proposed, "review", review, "events", events);
}

/* Which offices took the record up, and why (FIELD_TAKEN_UP). */
static json_t *takers_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->element_count; i++) {
        static const char *const names[] = {"area", "reason", "actor"};
        json_t *one = json_pack(
            "{s:I, s:I}", "node", (json_int_t)f->elements[i].version.node, "at_ms", (json_int_t)hlc_ms(f->elements[i].version.hlc));
        struct value v;
        struct bytes item;
        if (value_unpack(f->elements[i].value, &v) && v.kind == VALUE_LIST)
            for (size_t k = 0; k < 3 && value_item(&v.list, &item); k++)
                json_object_set_new(one, names[k], json_stringn((const char *)item.at, item.len));
        json_array_append_new(all, one);
    }
    return all;
}

/* What a record's parts are gathered in. */
struct showing {
    const struct catalogue *k;
    json_t *fields, *concurrent, *sides, *proposals, *sums; /* own */
};

static void show_head(struct showing *s, uint32_t type, const struct field *f, const char *name) {
    const struct head *shown = field_shown(s->k, type, f);
    if (shown != NULL)
        json_object_set_new(s->fields, name, value_json(shown->value));
    else if (f->element_count > 0)
        json_object_set_new(s->fields, name, elements_of(f));
    bool decide = field_to_decide(s->k, type, f);
    if (decide)
        json_array_append_new(s->concurrent, json_string(name));
    if (decide || field_put_aside(s->k, type, f))
        json_object_set_new(s->sides, name, sides_of(f));
    if (rule_of(s->k, type, f->number) == SHOW_HUB) {
        json_t *all = proposals_of(f, shown);
        if (json_array_size(all) > 0)
            json_object_set(s->proposals, name, all);
        json_decref(all);
    }
}

static void show_ledger(struct showing *s, const struct field *f, const char *name) {
    struct value sum;
    struct buffer text = {0};
    json_object_set_new(s->fields, name, entries_of(f));
    if (ledger_sum(f, &sum)) {
        value_text(&sum, &text);
        json_object_set_new(s->sums, name, json_string(buffer_string(&text)));
    }
    buffer_close(&text);
}

static void show_field(struct showing *s, const struct record *r, const struct field *f) {
    char number[24];
    const char *name = field_name(s->k, r->type, f->number, number);
    enum show_rule rule = rule_of(s->k, r->type, f->number);
    if (rule == SHOW_WORKFLOW)
        return; /* shown for every record of the type, also without events */
    if (!rule_elements(rule))
        show_head(s, r->type, f, name);
    else if (f->element_count > 0 && rule == SHOW_LEDGER)
        show_ledger(s, f, name);
    else if (f->element_count > 0)
        json_object_set_new(s->fields, name, elements_of(f));
}

static void show_workflow(struct showing *s, const struct record *r, json_t *out) {
    const struct catalogue_type *t = catalogue_type_number(s->k, r->type);
    for (size_t i = 0; t != NULL && t->workflow != NULL && i < t->field_count; i++) {
        if (t->fields[i].rule != SHOW_WORKFLOW)
            continue;
        json_t *w = workflow_of(t->workflow, record_field(r, t->fields[i].number));
        json_object_set(s->fields, t->fields[i].name, json_object_get(w, "state"));
        json_object_set_new(out, "workflow", w);
    }
}

/* A part that says nothing is left out. */
static void put_part(json_t *out, const char *name, json_t *part /* takes */) {
    if (json_object_size(part) > 0)
        json_object_set(out, name, part);
    json_decref(part);
}

json_t *record_show(const struct catalogue *k, const struct record *r, bool sides) {
    struct showing s = {k, json_object(), json_array(), json_object(), json_object(), json_object()};
    char id[ID_HEX], unknown[16];
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].number >= FIELD_OWN)
            show_field(&s, r, &r->fields[i]);
    const struct head *key = field_winner(record_field(r, FIELD_KEY)), *home = field_winner(record_field(r, FIELD_HOME));
    json_t *out = json_pack(
        "{s:s, s:s, s:o?, s:o?, s:b, s:O, s:o}", "type", type_name(k, r->type, unknown), "id", id_hex(&r->id, id), "key",
        key == NULL ? NULL : value_json(key->value), "home", home == NULL ? NULL : value_json(home->value), "deleted", record_deleted(r),
        "fields", s.fields, "concurrent", s.concurrent);
    show_workflow(&s, r, out);
    json_decref(s.fields);
    put_part(out, "proposals", s.proposals);
    put_part(out, "sums", s.sums);
    if (record_restricted(r))
        json_object_set_new(out, "restricted", json_true());
    const struct field *taken = record_field(r, FIELD_TAKEN_UP);
    if (taken != NULL && taken->element_count > 0)
        json_object_set_new(out, "taken_up", takers_of(taken));
    if (sides)
        json_object_set(out, "sides", s.sides);
    json_decref(s.sides);
    return out;
}

bool field_names_subject(const struct catalogue *k, uint32_t type, uint32_t field) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, field);
    return field == FIELD_SUBJECT || (f != NULL && f->refers != NULL && strcmp(f->refers, "Person") == 0);
}

void subject_fields(const struct catalogue *k, struct buffer *out) {
    for (size_t i = 0; i < k->type_count; i++)
        for (size_t f = 0; f < k->types[i].field_count; f++)
            if (field_names_subject(k, k->types[i].number, k->types[i].fields[f].number)) {
                buffer_u32be(out, k->types[i].number);
                buffer_u32be(out, k->types[i].fields[f].number);
            }
}

static bool names_subject(struct bytes list, uint32_t type, uint32_t field) {
    struct reader r = {.rest = list};
    while (r.rest.len > 0) {
        uint32_t its = reader_u32be(&r);
        if (reader_u32be(&r) == field && its == type)
            return true;
    }
    return field == FIELD_SUBJECT;
}

struct id16 record_subject(struct bytes list, const struct record *r) {
    struct value v;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct head *h = field_winner(&r->fields[i]);
        if (h != NULL && names_subject(list, r->type, r->fields[i].number) && value_unpack(h->value, &v) && v.kind == VALUE_REFERENCE)
            return v.reference.id;
    }
    return (struct id16){{0}};
}
