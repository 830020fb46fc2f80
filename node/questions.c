/* Reads. Every look at personal data names an actor and a purpose and leaves an audit-log entry for each record that it shows, in the same
 * transaction. What waits and what is held is shown without values, by random ids, and needs neither. */
#include "common/catalogue/banned.h"
#include "common/catalogue/codes.h"
#include "common/daemon/rows.h"
#include "common/store/layout.h"
#include "node/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 20 };

/* ---- how a record is shown */

static bool is_here(struct txn *t, const struct value *to) {
    struct arena arena = {0};
    struct record r;
    bool pending;
    bool here = node_record(t, to->reference.type, &to->reference.id, &arena, &r, &pending) == 0 &&
                field_winner(record_field(&r, FIELD_HOME)) != NULL;
    arena_close(&arena);
    return here;
}

static bool missing(struct txn *t, struct bytes packed) {
    struct value v;
    return value_unpack(packed, &v) && v.kind == VALUE_REFERENCE && !is_here(t, &v);
}

/* The fields that refer to what this office does not hold; nothing is kept of it, so they resolve by themselves when it comes. */
static json_t *unresolved(const struct ask *a, const struct record *r) {
    json_t *all = json_array();
    char name[24];
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        const struct head *h = field_winner(f);
        bool lacks = h != NULL && missing(a->txn, h->value);
        for (size_t k = 0; k < f->element_count && !lacks; k++)
            lacks = missing(a->txn, f->elements[k].value);
        if (lacks)
            json_array_append_new(all, json_string(field_name(a->catalogue, r->type, f->number, name)));
    }
    return all;
}

/* What people call the fields that are shown, and the codes in them. */
static void add_names(const struct ask *a, const struct record *r, json_t *shown) {
    const struct catalogue_type *t = catalogue_type_number(a->catalogue, r->type);
    const char *lang = ask_lang(a), *name;
    json_t *names = json_object(), *codes = json_object(), *value;
    json_object_foreach(json_object_get(shown, "fields"), name, value) {
        const struct catalogue_field *f = t == NULL ? NULL : type_field(t, name);
        if (f == NULL)
            continue;
        json_object_set_new(names, name, json_string(label_field(a->rules, t, f, lang)));
        const char *code = json_string_value(value);
        code = code == NULL ? NULL : label_code(a->rules, t->number, f->number, bytes_text(code), lang);
        if (code != NULL)
            json_object_set_new(codes, name, json_string(code));
    }
    if (t != NULL)
        json_object_set_new(shown, "type_name", json_string(label_type(a->rules, t, lang)));
    json_object_set_new(shown, "names", names);
    if (json_object_size(codes) > 0)
        json_object_set(shown, "codes", codes);
    json_decref(codes);
}

/* A workflow is shown for every record of its type, also without events. */
static void hide_workflow(const struct ask *a, uint32_t type, json_t *shown) {
    const struct catalogue_type *t = catalogue_type_number(a->catalogue, type);
    for (size_t i = 0; t != NULL && i < t->field_count; i++)
        if (t->fields[i].rule == SHOW_WORKFLOW && !gate_opens(a, type, t->fields[i].number)) {
            json_object_del(shown, "workflow");
            json_object_del(json_object_get(shown, "fields"), t->fields[i].name);
        }
}

static json_t *show(struct ask *a, const struct record *r, bool pending, bool sides) {
    struct arena arena = {0};
    json_t *withheld = json_array();
    struct record open = gate_record(a, r, &arena, withheld);
    json_t *shown = record_show(a->catalogue, &open, sides);
    hide_workflow(a, r->type, shown);
    json_object_set_new(shown, "unresolved", unresolved(a, &open));
    json_object_set_new(shown, "pending", json_boolean(pending));
    if (a->names)
        add_names(a, &open, shown);
    if (json_array_size(withheld) > 0)
        json_object_set(shown, "withheld", withheld);
    json_decref(withheld);
    arena_close(&arena);
    return shown;
}

/* Without a home it was only taken up: it has not come, or there is none. */
static bool has_come(const struct record *r) {
    return field_winner(record_field(r, FIELD_HOME)) != NULL;
}

/* One that is only kept is as if it were not here. */
static bool may_see(const struct ask *a, const struct record *r) {
    return !record_restricted(r) || catalogue_opens_restricted(a->catalogue, a->purpose);
}

/* ---- one record */

static void run_get(struct ask *a, struct txn *t) {
    struct arena arena = {0};
    struct record r;
    bool pending = false;
    int there = node_record(t, a->type, &a->record, &arena, &r, &pending);
    if (there == 0 && !has_come(&r))
        ask_fail(
            a, "conflict", "wait until the city has sent it: `anjuctl wait --caught-up`", "the record was taken up but has not come yet");
    else if (there == 0 && !may_see(a, &r))
        ask_restricted(a);
    else if (there == 0) {
        json_array_append_new(a->rows, show(a, &r, pending, true));
        ask_shows(a, &r);
    } else if (there == NODE_RECORD_ROTTEN)
        ask_fail(
            a, "internal", "`anjuctl verify` tells more; repair brings it back when the line is up", "the record is damaged on this disk");
    else
        ask_fail(a, "not_found", "`anjuctl adopt` takes up a record of another office", "this office has no such record");
    arena_close(&arena);
}

void cmd_get(void *owner, struct request *q) {
    struct ask *a = ask_new(owner, q, sizeof *a, run_get);
    a->one = true;
    a->names = true;
    if (ask_purpose(a, request_flag(q, "print") ? AUDIT_PRINT : AUDIT_READ) && ask_target(a))
        ask_submit(a);
}

/* ---- find: exact values only, in the office's own records (7-DOMAIN section 0: no prefix, no range, no listing) */

struct searching {
    struct ask ask;
    uint32_t field;
    bool proposals; /* the field is the hub's: what offices proposed is found too */
    char value[512];
    size_t found;
};

static bool is_value(const struct head *h, const char *wanted) {
    struct buffer text = {0};
    value_show(h->value, &text);
    bool is = strcmp(buffer_string(&text), wanted) == 0;
    buffer_close(&text);
    return is;
}

static int find_each(void *owner, const struct record *r, bool pending) {
    struct searching *f = owner;
    const struct field *field = record_field(r, f->field);
    const struct head *h = field_shown(f->ask.catalogue, r->type, field);
    bool has = h != NULL && is_value(h, f->value);
    for (size_t i = 0; field != NULL && f->proposals && i < field->head_count && !has; i++)
        has = is_value(&field->heads[i], f->value);
    for (size_t i = 0; field != NULL && i < field->element_count && !has; i++)
        has = is_value(&field->elements[i], f->value);
    if (has && !record_deleted(r) && may_see(&f->ask, r) && ++f->found <= FOUND_MAX) {
        json_array_append_new(f->ask.rows, show(&f->ask, r, pending, false));
        ask_shows(&f->ask, r);
    }
    return 0;
}

static void run_find(struct ask *a, struct txn *t) {
    struct searching *f = (struct searching *)a;
    if (!gate_field(a, f->field)) /* else a search would tell what is withheld */
        return;
    int r = node_records(t, a->type, false, find_each, f);
    if (r < 0)
        ask_fail(a, "internal", "run `anjuctl verify`", "the records could not be read");
    else if (f->found > FOUND_MAX)
        ask_fail(a, "bad_request", "ask for a value that fewer records have", "more than %d records have this value", FOUND_MAX);
}

void cmd_find(void *owner, struct request *q) {
    struct office *o = owner;
    const struct catalogue_type *t = office_type(o, q, request_text(q, "type"));
    const char *query = request_text(q, "query"), *equals = query == NULL ? NULL : strchr(query, '=');
    char name[64];
    if (t == NULL)
        return;
    if (equals == NULL || equals == query || (size_t)(equals - query) >= sizeof name || equals[1] == '\0') {
        request_error(q, "bad_request", "a search is an exact value of one field", "anjuctl find TYPE FIELD=VALUE");
        return;
    }
    memcpy(name, query, (size_t)(equals - query));
    name[equals - query] = '\0';
    const struct catalogue_field *field = type_field(t, name);
    uint32_t number = field != NULL ? field->number : strcmp(name, "key") == 0 ? FIELD_KEY : 0;
    if (number == 0 || strlen(equals + 1) >= sizeof((struct searching *)NULL)->value) {
        const char *near = type_nearest_field(t, name);
        request_errorf(
            q, "bad_request", "`anjuctl types` lists the fields", near == NULL ? "no field '%s'%s" : "no field '%s'; did you mean '%s'?",
            name, near == NULL ? "" : near);
        return;
    }
    if (t->class >= CLASS_PERSONAL && field != NULL && (grouping_word(field->name) != NULL || grouping_word(field->zh) != NULL)) {
        request_errorf(
            q, "denied", "ask for one person: by id, key, phone, or name with birth date",
            "records about people are never listed by %s (%s)", field->name, field->zh);
        return;
    }
    struct searching *f = ask_new(o, q, sizeof *f, run_find);
    f->field = number;
    f->proposals = field != NULL && field->rule == SHOW_HUB;
    strcpy(f->value, equals + 1);
    f->ask.type = t->number;
    f->ask.names = true;
    if (ask_purpose(&f->ask, AUDIT_SEARCH))
        ask_submit(&f->ask);
}

/* ---- what is in the log: a change, with names of its fields */

static json_t *change_show(const struct catalogue *k, const struct change *c) {
    char id[ID_HEX], unknown[16], name[24];
    json_t *fields = json_array();
    for (size_t i = 0; i < c->op_count; i++)
        json_array_append_new(fields, json_string(field_name(k, c->type, c->ops[i].field, name)));
    return json_pack(
        "{s:I, s:s, s:s, s:I, s:o}", "seq", (json_int_t)c->seq, "type", type_name(k, c->type, unknown), "id", id_hex(&c->record, id),
        "version_ms", (json_int_t)hlc_ms(c->version.hlc), "fields", fields);
}

struct logging {
    struct ask ask;
    const struct node_progress *progress;
    bool history;        /* of one record, with values and authors; else what is not merged yet */
    struct buffer names; /* owns; of the changes that were shown, to know what is left of others' */
};

static const char *stage(const struct node_progress *p, const struct id16 *incarnation, uint64_t seq, enum verdict held) {
    const struct life *l = life_find((struct life *)(uintptr_t)p->lives, p->life_count, incarnation);
    if (held != VERDICT_MERGED)
        return "held";
    return l == NULL ? "?" : seq <= l->includes ? "merged" : seq <= l->acked ? "accepted" : "saved";
}

/* Who wrote it and why, and the values: only a history shows them. */
static void add_author(const struct catalogue *k, const struct change *c, json_t *row) {
    const struct catalogue_purpose *p = catalogue_purpose_number(k, c->purpose);
    char actor[ID_HEX], for_case[ID_HEX], name[24];
    json_t *values = json_object();
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].kind != OP_REMOVE)
            json_object_set_new(values, field_name(k, c->type, c->ops[i].field, name), value_json(c->ops[i].value));
    json_object_set_new(row, "node", json_integer(c->version.node));
    json_object_set_new(row, "actor", json_string(id_hex(&c->actor, actor)));
    json_object_set_new(row, "purpose", p != NULL ? json_string(p->name) : json_integer(c->purpose));
    json_object_set_new(row, "case", id_zero(&c->case_id) ? json_null() : json_string(id_hex(&c->case_id, for_case)));
    json_object_set_new(row, "values", values);
}

static void add_withheld(json_t *row, const char *field) {
    json_t *all = json_object_get(row, "withheld");
    if (all == NULL) {
        all = json_array();
        json_object_set_new(row, "withheld", all);
    }
    json_array_append_new(all, json_string(field));
}

/* The row of a change, of a history only with what the purpose opens. */
static json_t *row_of_change(const struct logging *l, const struct change *c) {
    const struct ask *a = &l->ask;
    struct op *ops = memory_zeroed(c->op_count + 1, sizeof *ops);
    struct change open = *c;
    char name[24];
    open.ops = ops;
    open.op_count = 0;
    for (size_t i = 0; i < c->op_count; i++)
        if (!l->history || gate_opens(a, c->type, c->ops[i].field))
            ops[open.op_count++] = c->ops[i];
    json_t *row = change_show(a->catalogue, &open);
    if (l->history)
        add_author(a->catalogue, &open, row);
    for (size_t i = 0; l->history && i < c->op_count; i++)
        if (!gate_opens(a, c->type, c->ops[i].field))
            add_withheld(row, field_name(a->catalogue, c->type, c->ops[i].field, name));
    free(ops);
    return row;
}

static int log_each(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    struct logging *l = owner;
    if (l->history && (c->type != l->ask.type || !id_equal(&c->record, &l->ask.record)))
        return 0;
    const char *at = stage(l->progress, incarnation, c->seq, held);
    if (!l->history && strcmp(at, "merged") == 0)
        return 0;
    json_t *row = row_of_change(l, c);
    json_object_set_new(row, "saved_ms", json_integer((json_int_t)saved));
    json_object_set_new(row, "state", json_string(at));
    json_object_set_new(row, "reason", held == VERDICT_MERGED ? json_null() : json_string(verdict_text(held)));
    if (l->history)
        buffer_add(&l->names, bytes_of(&c->name, sizeof c->name));
    json_array_append_new(l->ask.rows, row);
    return 0;
}

static void run_log(struct ask *a, struct txn *t) {
    struct logging *l = (struct logging *)a;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    node_progress_get(t, p);
    l->progress = p;
    if (node_log_each(t, false, log_each, l) < 0)
        ask_fail(a, "internal", "run `anjuctl verify`", "the change log could not be read");
    free(p);
}

/* ---- history: this office's changes from its log, and of others' (and of what the log has forgotten) what still stands in the record. Who
 * sat there and what for is in their own logs. */

static json_t *row_of(struct logging *l, const struct record *r, const struct head *h) {
    size_t i;
    json_t *row;
    char id[ID_HEX], unknown[16], tag[24];
    snprintf(tag, sizeof tag, "%016" PRIx64, h->name.tag);
    json_array_foreach(l->ask.rows, i, row) {
        const char *its = json_string_value(json_object_get(row, "tag"));
        if (its != NULL && strcmp(its, tag) == 0)
            return row;
    }
    row = json_pack(
        "{s:n, s:s, s:s, s:I, s:[], s:n, s:s, s:n, s:I, s:n, s:n, s:n, s:{}, s:s}", "seq", "type",
        type_name(l->ask.catalogue, r->type, unknown), "id", id_hex(&r->id, id), "version_ms", (json_int_t)hlc_ms(h->version.hlc), "fields",
        "saved_ms", "state", "merged", "reason", "node", (json_int_t)h->version.node, "actor", "purpose", "case", "values", "tag", tag);
    json_array_append_new(l->ask.rows, row);
    return row;
}

static void add_standing(struct logging *l, const struct record *r, const struct field *f, const struct head *h) {
    const struct name *own = (const struct name *)(const void *)l->names.at;
    char name[24];
    for (size_t i = 0; i < l->names.len / sizeof *own; i++)
        if (name_equal(own[i], h->name))
            return;
    json_t *row = row_of(l, r, h);
    const char *field = field_name(l->ask.catalogue, r->type, f->number, name);
    if (!gate_opens(&l->ask, r->type, f->number)) {
        add_withheld(row, field);
        return;
    }
    json_array_append_new(json_object_get(row, "fields"), json_string(field));
    json_object_set_new(json_object_get(row, "values"), field, value_json(h->value));
}

static int by_version(const void *x, const void *y) {
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)x, "version_ms"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)y, "version_ms"));
    if (a == b) {
        a = json_integer_value(json_object_get(*(json_t *const *)x, "seq"));
        b = json_integer_value(json_object_get(*(json_t *const *)y, "seq"));
    }
    return (a > b) - (a < b);
}

static json_t *names_of(const struct ask *a, const json_t *fields) {
    const struct catalogue_type *t = catalogue_type_number(a->catalogue, a->type);
    json_t *names = json_object(), *name;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)fields, i, name) {
        const struct catalogue_field *f = t == NULL ? NULL : type_field(t, json_string_value(name));
        if (f != NULL)
            json_object_set_new(names, f->name, json_string(label_field(a->rules, t, f, ask_lang(a))));
    }
    return names;
}

static void run_history(struct ask *a, struct txn *t) {
    struct logging *l = (struct logging *)a;
    struct arena arena = {0};
    struct record r;
    bool pending, there = node_record(t, a->type, &a->record, &arena, &r, &pending) == 0;
    if (there && !may_see(a, &r)) {
        ask_restricted(a);
        arena_close(&arena);
        return;
    }
    run_log(a, t);
    if (there) {
        ask_shows(a, &r);
        for (size_t i = 0; i < r.field_count; i++) {
            const struct field *f = &r.fields[i];
            for (size_t k = 0; k < f->head_count; k++)
                add_standing(l, &r, f, &f->heads[k]);
            for (size_t k = 0; k < f->element_count; k++)
                add_standing(l, &r, f, &f->elements[k]);
        }
    }
    arena_close(&arena);
    size_t i;
    json_t *row;
    json_array_foreach(a->rows, i, row) {
        json_object_del(row, "tag");
        json_object_set_new(row, "names", names_of(a, json_object_get(row, "fields")));
    }
    a->rows = rows_sorted(a->rows, by_version);
}

static void history_free(struct ask *a) {
    buffer_close(&((struct logging *)a)->names);
}

void cmd_history(void *owner, struct request *q) {
    struct logging *l = ask_new(owner, q, sizeof *l, run_history);
    l->history = true;
    l->ask.free = history_free;
    if (ask_purpose(&l->ask, AUDIT_HISTORY) && ask_target(&l->ask))
        ask_submit(&l->ask);
}

void cmd_queue(void *owner, struct request *q) {
    struct logging *l = ask_new(owner, q, sizeof *l, run_log);
    ask_submit(&l->ask);
}

/* ---- held */

static int held_each(void *owner, const struct held *h, const struct change *c) {
    struct ask *a = owner;
    json_t *row = c == NULL ? json_pack("{s:I}", "seq", (json_int_t)h->seq) : change_show(a->catalogue, c);
    json_object_set_new(row, "reason", json_string(verdict_text(h->reason)));
    json_array_append_new(a->rows, row);
    return 0;
}

static int lost_each(void *owner, const struct id16 *incarnation, uint64_t seq, wall_ms noticed) {
    struct ask *a = owner;
    char id[ID_HEX];
    json_array_append_new(
        a->rows, json_pack(
                     "{s:I, s:s, s:s, s:I}", "seq", (json_int_t)seq, "reason", "damaged on this disk before it was sent: lost",
                     "incarnation", id_hex(incarnation, id), "noticed_ms", (json_int_t)noticed));
    return 0;
}

static void run_held(struct ask *a, struct txn *t) {
    node_held_each(t, held_each, a);
    node_lost_each(t, lost_each, a);
}

void cmd_held(void *owner, struct request *q) {
    ask_submit(ask_new(owner, q, sizeof(struct ask), run_held));
}

/* ---- export and conflicts. With `raw` the replicated state as it is, with `hashes` one of each record: enough to compare by, and nothing
 * personal. */

struct exporting {
    struct ask ask;
    bool raw, hashes, conflicts;
};

/* Values between which a person decides or that were put aside, and events that did not count. */
static bool to_look_at(const json_t *shown) {
    const json_t *workflow = json_object_get(shown, "workflow");
    return json_object_size(json_object_get(shown, "sides")) > 0 || json_array_size(json_object_get(workflow, "review")) > 0;
}

static int export_each(void *owner, const struct record *r, bool pending) {
    struct exporting *x = owner;
    bool ours = r->type == TYPE_OFFICE || r->type == TYPE_POLICY;
    if (!x->hashes && !may_see(&x->ask, r))
        return 0;
    if (x->raw || x->hashes) {
        json_t *row = record_show_raw(r, x->hashes);
        if (row != NULL)
            json_array_append_new(x->ask.rows, row);
        if (row != NULL && x->raw && !ours)
            ask_shows(&x->ask, r);
        return 0;
    }
    if (ours || !has_come(r))
        return 0;
    json_t *shown = show(&x->ask, r, pending, x->conflicts);
    if (x->conflicts && !to_look_at(shown)) {
        json_decref(shown);
    } else {
        json_array_append_new(x->ask.rows, shown);
        ask_shows(&x->ask, r);
    }
    return 0;
}

static void run_export(struct ask *a, struct txn *t) {
    struct exporting *x = (struct exporting *)a;
    if (!x->hashes && (x->raw || a->type == 0) && !gate_all(a, x->raw))
        return;
    if (node_records(t, a->type, x->raw || x->hashes, export_each, x) < 0)
        ask_fail(a, "internal", "run `anjuctl verify`", "the records could not be read");
}

static void exporting(struct office *o, struct request *q, bool conflicts) {
    const char *type = request_text(q, "type");
    const struct catalogue_type *t = type == NULL ? NULL : office_type(o, q, type);
    if (type != NULL && t == NULL)
        return;
    struct exporting *x = ask_new(o, q, sizeof *x, run_export);
    x->hashes = !conflicts && request_flag(q, "hashes");
    x->raw = !conflicts && !x->hashes && request_flag(q, "raw");
    x->conflicts = conflicts;
    x->ask.type = t == NULL ? 0 : t->number;
    x->ask.names = conflicts || request_flag(q, "names");
    if (x->hashes || ask_purpose(&x->ask, AUDIT_EXPORT))
        ask_submit(&x->ask);
}

void cmd_export(void *owner, struct request *q) {
    exporting(owner, q, false);
}

/* What is to be decided of one record, a row for each value. */
static void run_sides(struct ask *a, struct txn *t) {
    const char *name;
    json_t *sides, *side;
    size_t i;
    run_get(a, t);
    if (a->code != NULL)
        return;
    json_t *shown = json_incref(json_array_get(a->rows, 0)), *names = json_object_get(shown, "names");
    json_array_clear(a->rows);
    json_object_foreach(json_object_get(shown, "sides"), name, sides) {
        json_array_foreach(sides, i, side) {
            json_t *row = json_copy(side);
            json_object_set_new(row, "field", json_string(name));
            json_object_set(row, "name", json_object_get(names, name));
            json_array_append_new(a->rows, row);
        }
    }
    json_decref(shown);
}

void cmd_conflict_show(void *owner, struct request *q) {
    struct ask *a = ask_new(owner, q, sizeof *a, run_sides);
    a->names = true;
    if (ask_purpose(a, AUDIT_READ) && ask_target(a))
        ask_submit(a);
}

void cmd_conflicts(void *owner, struct request *q) {
    exporting(owner, q, true);
}
