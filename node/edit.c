/* What a clerk sends becomes changes. A request with several records is saved whole or not at all: everything is read and checked before
 * the first change is written. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/random.h"
#include "node/elements.h"
#include "node/judge.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 64, OPS_MAX = 64 };
enum item_kind { ITEM_SET, ITEM_CREATE, ITEM_DELETE, ITEM_ADOPT, ITEM_RESOLVE };
/* What op create does with a record that is there: it may be newer than what a file says. */
enum there { THERE_REFUSE, THERE_KEEP, THERE_UPDATE };

struct item {
    enum item_kind kind;
    const struct catalogue_type *type;
    struct id16 id;
    bool fresh;             /* no id was given: a new record */
    bool optional, skipped; /* optional: need not be there */
    struct bytes key, reason;
    struct op ops[OPS_MAX + 6];
    size_t op_count;
    uint32_t own[OPS_MAX + 6]; /* fields of which only this office's own values are replaced */
    size_t own_count;
    json_t *warnings; /* owns */
    bool created, decides;
    struct id16 subject;
};

struct editing {
    struct ask ask;
    struct arena arena;
    struct item *items; /* owns */
    size_t count;
    area home;
    enum there there;
};

static void editing_free(struct ask *a) {
    struct editing *e = (struct editing *)a;
    for (size_t i = 0; i < e->count; i++)
        json_decref(e->items[i].warnings);
    free(e->items);
    arena_close(&e->arena);
}

static struct bytes pack(struct editing *e, const struct value *v) {
    struct buffer b = {0};
    value_pack(v, &b);
    struct bytes kept = arena_copy(&e->arena, buffer_bytes(&b));
    buffer_close(&b);
    return kept;
}

static void set(struct editing *e, struct item *it, uint32_t field, const struct value *v) {
    it->ops[it->op_count++] = (struct op){.field = field, .kind = OP_SET, .value = pack(e, v)};
}

static void warn(struct item *it, const char *field, const char *reason) {
    json_array_append_new(it->warnings, json_pack("{s:s, s:s}", "field", field, "reason", reason));
}

static bool read_value(struct editing *e, const struct item *it, const struct catalogue_field *f, struct bytes given, struct value *v) {
    const char *why = value_read(f->kind, given, v);
    if (f->kind == VALUE_REFERENCE) {
        if (why != NULL) { /* a source's key: the id follows from it, whichever came first */
            v->reference.id = office_derived_id(e->ask.office, f->refers_type, given);
            v->reference.key = given;
        }
        v->reference.type = f->refers_type;
        why = NULL;
    }
    if (why != NULL)
        ask_fail(&e->ask, "bad_request", "", "%s.%s: %s", it->type->name, f->name, request_words(e->ask.request, why));
    return why == NULL;
}

static void set_field(struct editing *e, struct item *it, const struct catalogue_field *f, const struct value *v) {
    set(e, it, f->number, v);
    if (rule_own_heads(f->rule))
        it->own[it->own_count++] = f->number;
    if (!f->about)
        return;
    set(e, it, FIELD_SUBJECT, v);
    if (rule_own_heads(f->rule))
        it->own[it->own_count++] = FIELD_SUBJECT;
}

static bool take_element(struct editing *e, struct item *it, const struct catalogue_field *f, char sign, struct bytes given) {
    struct value v = {.kind = VALUE_NONE};
    if (given.len > 0 && !element_words(f, sign) && !read_value(e, it, f, given, &v))
        return false;
    if (!element_op(&e->ask, it->type, f, sign, given, &v, it->reason, &e->arena, &it->ops[it->op_count]))
        return false;
    it->op_count++;
    return true;
}

/* A field of the catalogue from its text; its name may end with + or -. False: the ask has failed. */
static bool take_field(struct editing *e, struct item *it, const char *written, const char *text, size_t len) {
    size_t end = strlen(written);
    char sign = (char)(end > 0 && (written[end - 1] == '+' || written[end - 1] == '-') ? written[end - 1] : '=');
    char *name = arena_take(&e->arena, end + 1);
    memcpy(name, written, end + 1);
    name[end - (sign != '=')] = '\0';
    const struct catalogue_field *f = type_field(it->type, name);
    struct value v;
    struct bytes given = bytes_of(text, len);
    if (f == NULL) {
        const char *near = type_nearest_field(it->type, name);
        ask_fail(
            &e->ask, "bad_request", "`anjuctl types` lists the fields",
            near == NULL ? "%s has no field '%s'%s" : "%s has no field '%s'; did you mean '%s'?", it->type->name, name,
            near == NULL ? "" : near);
        return false;
    }
    if (it->kind == ITEM_RESOLVE) { /* of the sides one, whose value is looked up */
        it->ops[it->op_count++] = (struct op){.field = f->number, .kind = OP_SET, .value = arena_copy(&e->arena, given)};
        return true;
    }
    if (len > LIMIT_VALUE_BYTES - 64 || it->op_count >= OPS_MAX) {
        ask_fail(&e->ask, "bad_request", "", "%s.%s: too long, or too many fields at once", it->type->name, name);
        return false;
    }
    if (sign != '=' || rule_elements(f->rule))
        return take_element(e, it, f, sign, given);
    if (len == 0) {
        set_field(e, it, f, &(struct value){.kind = VALUE_NONE});
        return true;
    }
    if (!read_value(e, it, f, given, &v))
        return false;
    const char *doubt = field_check_text(f->check, given);
    const struct catalogue_field *mark = f->unverified == NULL ? NULL : type_field(it->type, f->unverified);
    if (doubt != NULL)
        warn(it, name, doubt);
    if (f->check != CHECK_NONE && mark != NULL) {
        static const char unverified[] = "unverified", current[] = "current";
        struct value m = {.kind = VALUE_CODE, .text = doubt != NULL ? BYTES(unverified) : BYTES(current)};
        set_field(e, it, mark, &m);
    }
    set_field(e, it, f, &v);
    return true;
}

static bool take_kind(struct editing *e, struct item *it, const char *op) {
    if (op == NULL || strcmp(op, "set") == 0)
        it->kind = ITEM_SET;
    else if (strcmp(op, "create") == 0)
        it->kind = ITEM_CREATE;
    else if (strcmp(op, "delete") == 0)
        it->kind = ITEM_DELETE;
    else if (strcmp(op, "adopt") == 0)
        it->kind = ITEM_ADOPT;
    else if (strcmp(op, "resolve") == 0)
        it->kind = ITEM_RESOLVE;
    else
        ask_fail(&e->ask, "bad_request", "set, create, delete, adopt or resolve", "no operation '%s'", op);
    return e->ask.code == NULL;
}

static bool take_reason(struct editing *e, struct item *it, const char *reason) {
    enum { REASON_BYTES = 1500 };
    if (reason == NULL || *reason == '\0') {
        if (it->kind == ITEM_ADOPT)
            ask_fail(&e->ask, "bad_request", "--reason TEXT", "why does this office take up the record? the home office will see it");
    } else if (strlen(reason) > REASON_BYTES)
        ask_fail(&e->ask, "bad_request", "", "a reason has at most %d bytes", REASON_BYTES);
    else
        it->reason = arena_copy(&e->arena, bytes_text(reason));
    return e->ask.code == NULL;
}

static bool take_item(struct editing *e, struct item *it, const json_t *from) {
    const char *type = json_string_value(json_object_get(from, "type")), *id = json_string_value(json_object_get(from, "id"));
    const char *key = json_string_value(json_object_get(from, "key")), *name;
    json_t *value;
    it->warnings = json_array();
    it->optional = json_is_true(json_object_get(from, "optional"));
    it->type = type == NULL ? NULL : catalogue_type(e->ask.catalogue, type);
    if (it->type == NULL) {
        ask_fail(&e->ask, "bad_request", "`anjuctl types` lists them", "no record type '%s'", type == NULL ? "" : type);
        return false;
    }
    if (!take_kind(e, it, json_string_value(json_object_get(from, "op"))))
        return false;
    if (id != NULL && !id_parse(id, &it->id))
        key = id;
    if (key != NULL && strlen(key) > 128) {
        ask_fail(&e->ask, "bad_request", "", "a source's key has at most 128 bytes");
        return false;
    }
    if (key != NULL) {
        it->key = arena_copy(&e->arena, bytes_text(key));
        it->id = office_derived_id(e->ask.office, it->type->number, it->key);
    } else if (id == NULL) {
        it->fresh = true;
        it->id = entropy_uuid7(clock_wall());
    }
    if (!take_reason(e, it, json_string_value(json_object_get(from, "reason"))))
        return false;
    const char *field;
    json_object_foreach(json_object_get(from, "fields"), field, value) {
        name = json_string_value(value);
        if (name == NULL) {
            ask_fail(&e->ask, "bad_request", "", "%s.%s: a value is sent as text", it->type->name, field);
            return false;
        }
        if (!take_field(e, it, field, name, json_string_length(value)))
            return false;
    }
    return true;
}

static bool sets_field(const struct item *it, uint32_t number) {
    for (size_t i = 0; i < it->op_count; i++)
        if (it->ops[i].field == number && it->ops[i].value.len > 0)
            return true;
    return false;
}

static bool check_required(struct editing *e, const struct item *it) {
    for (size_t i = 0; i < it->type->field_count; i++)
        if (it->type->fields[i].required && !sets_field(it, it->type->fields[i].number)) {
            ask_fail(&e->ask, "bad_request", "", "%s.%s is required", it->type->name, it->type->fields[i].name);
            return false;
        }
    return true;
}

static bool has_value(const struct item *it, const struct record *r, const struct op *o) {
    const struct catalogue_field *known = type_field_number(it->type, o->field);
    const struct field *f = record_field(r, o->field);
    const struct head *h = field_winner(f);
    if (known != NULL && rule_elements(known->rule))
        return element_there(it->type, known, r, o);
    for (size_t i = 0; f != NULL && known != NULL && rule_own_heads(known->rule) && i < f->head_count; i++)
        if (bytes_equal(f->heads[i].value, o->value))
            return true; /* said already, by this office or another */
    return !field_concurrent(f) && (h == NULL ? o->value.len == 0 : bytes_equal(h->value, o->value));
}

/* An op create of a record that is there: only what differs is left of it, and that is written when it was asked for. */
static bool create_again(struct editing *e, struct item *it, const struct record *r) {
    json_t *differs = json_array();
    char id[ID_HEX];
    size_t kept = 0;
    for (size_t i = 0; i < it->op_count; i++) {
        const struct catalogue_field *f = type_field_number(it->type, it->ops[i].field);
        if (has_value(it, r, &it->ops[i]))
            continue;
        json_array_append_new(differs, json_string(f == NULL ? "" : f->name));
        it->ops[kept++] = it->ops[i];
    }
    it->op_count = kept;
    bool same = kept == 0 && !record_deleted(r);
    if (!same && e->there == THERE_REFUSE)
        ask_fail(
            &e->ask, "conflict", "op set changes it; \"exists\": \"keep\" leaves it as it is, \"update\" writes what differs",
            "there is such a %s already, with other values", it->type->name);
    it->skipped = same || e->there == THERE_KEEP || kept == 0;
    if (it->skipped)
        json_array_append_new(
            e->ask.rows, json_pack(
                             "{s:s, s:s, s:b, s:n, s:s, s:O, s:[]}", "type", it->type->name, "id", id_hex(&it->id, id), "created", 0, "seq",
                             "state", same ? "unchanged" : "there", "differs", differs, "warnings"));
    json_decref(differs);
    return e->ask.code == NULL;
}

/* The office adds itself; in the same change it says why, and who did it, for the home office to see. */
static void take_up(struct editing *e, struct item *it) {
    struct value v = {.kind = VALUE_AREA, .area = e->home};
    struct buffer list = {0};
    char text[AREA_TEXT], actor[ID_HEX];
    it->ops[it->op_count++] = (struct op){.field = FIELD_SHARED, .kind = OP_ADD, .value = pack(e, &v)};
    value_list_add(&list, bytes_text(area_text(e->home, text)));
    value_list_add(&list, it->reason);
    value_list_add(&list, bytes_text(id_hex(&e->ask.actor, actor)));
    v = (struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)};
    it->ops[it->op_count++] = (struct op){.field = FIELD_TAKEN_UP, .kind = OP_ADD, .value = pack(e, &v)};
    buffer_close(&list);
}

/* The side that was seen, not whatever came from its office since. */
static bool take_side(struct editing *e, struct item *it, const struct record *r) {
    struct op *op = &it->ops[0];
    const struct catalogue_field *f = type_field_number(it->type, op->field);
    const struct field *now = record_field(r, op->field);
    char side[HEAD_SIDE_TEXT];
    if (!field_to_decide(e->ask.catalogue, it->type->number, now) && !field_put_aside(e->ask.catalogue, it->type->number, now)) {
        ask_fail(
            &e->ask, "conflict", "`anjuctl conflicts` lists what is to be decided", "%s.%s: there are no values to decide between",
            it->type->name, f->name);
        return false;
    }
    for (size_t i = 0; i < now->head_count; i++)
        if (bytes_equal(op->value, bytes_text(head_side(&now->heads[i], side)))) {
            op->value = arena_copy(&e->arena, now->heads[i].value);
            return true;
        }
    ask_fail(
        &e->ask, "not_found", "look again, it may have changed meanwhile: anjuctl conflict show TYPE ID", "%s.%s: there is no such side",
        it->type->name, f->name);
    return false;
}

/* home: the record is here; come: it was taken up, and the city says that there is none. */
static bool settle_as(struct editing *e, struct item *it, int there, bool home, bool come, const struct record *r) {
    bool new_here;
    if (there == NODE_RECORD_ROTTEN || there < 0) {
        ask_fail(
            &e->ask, "internal", "`anjuctl verify` tells more; repair brings it back when the line is up",
            "the record is damaged on this disk");
        return false;
    }
    new_here = there == NODE_RECORD_NONE;
    if (it->kind == ITEM_ADOPT) {
        take_up(e, it);
        return true;
    }
    if (new_here && it->kind != ITEM_CREATE && !it->fresh) {
        it->skipped = it->optional;
        if (it->skipped)
            return true;
        ask_fail(
            &e->ask, "not_found", "`anjuctl adopt` takes up a record of another office; op create makes a new one",
            "this office has no such %s", it->type->name);
        return false;
    }
    if (!new_here && !home && it->kind == ITEM_CREATE && come) {
        new_here = true; /* taken up, and the city says that there is none: it is made here */
    } else if (!new_here && !home) {
        ask_fail(
            &e->ask, "conflict", "wait until the city has sent it: `anjuctl wait --caught-up`",
            "the record was taken up but has not come yet");
        return false;
    }
    if (it->kind == ITEM_DELETE) {
        struct value v = {.kind = VALUE_FLAG, .number = 1};
        set(e, it, FIELD_DELETED, &v);
    } else if (it->kind == ITEM_RESOLVE) {
        return take_side(e, it, r);
    } else if (it->kind == ITEM_CREATE && home) {
        return create_again(e, it, r);
    } else if (new_here) {
        struct value v = {.kind = VALUE_AREA, .area = e->home};
        it->created = true;
        if (!check_required(e, it))
            return false;
        set(e, it, FIELD_HOME, &v);
        v = (struct value){.kind = VALUE_TEXT, .text = it->key};
        if (it->key.len > 0)
            set(e, it, FIELD_KEY, &v);
    } else if (it->op_count == 0) {
        ask_fail(&e->ask, "bad_request", "FIELD=VALUE", "nothing to save: no field was given");
        return false;
    }
    return true;
}

/* For the audit log: whom the record is about, before or by this change, and whether it settles concurrent values. */
static void look_at(const struct editing *e, struct item *it, const struct record *r /* NULL: it is not here */) {
    struct value v;
    if (r != NULL)
        it->subject = record_subject(buffer_bytes(e->ask.subjects), r);
    for (size_t i = 0; i < it->op_count; i++) {
        const struct op *o = &it->ops[i];
        if (field_names_subject(e->ask.catalogue, it->type->number, o->field) && value_unpack(o->value, &v) && v.kind == VALUE_REFERENCE)
            it->subject = v.reference.id;
        it->decides = it->decides || (r != NULL && o->kind == OP_SET && field_concurrent(record_field(r, o->field)));
    }
}

static void refused(struct editing *e, const struct item *it, int outcome, const char *why) {
    why = request_words(e->ask.request, why);
    if (outcome == NODE_EDIT_BAD)
        ask_fail(&e->ask, "bad_request", "", "%s: %s", it->type->name, why);
    else if (outcome == NODE_EDIT_REQUESTED)
        ask_fail(
            &e->ask, "conflict", "wait until the city has sent it: `anjuctl wait --caught-up`",
            "the record was taken up but has not come yet");
    else if (outcome == NODE_EDIT_ERASED)
        ask_fail(&e->ask, "conflict", "nothing can be saved about it any more; ask the city", "%s: %s", it->type->name, why);
    else if (outcome == NODE_EDIT_FULL)
        ask_fail(&e->ask, "bad_request", "remove what is not needed any more", "%s: %s", it->type->name, why);
    else
        ask_fail(&e->ask, "internal", "", "the edit failed");
}

/* A second value of another office, where the first stands. */
static void warn_second(
    const struct editing *e, struct item *it, const struct catalogue_field *f, const struct record *r, const struct op *o) {
    const struct head *first = r == NULL ? NULL : field_shown(e->ask.catalogue, r->type, record_field(r, o->field));
    if (f->rule == SHOW_ONCE && first != NULL && first->name.node != node_engine_who(e->ask.office->engine)->node && o->value.len > 0 &&
        !bytes_equal(first->value, o->value))
        warn(it, f->name, "another office has said it before: its value stands, and both are shown for review");
}

static bool settle_rules(struct editing *e, struct item *it, const struct record *r) {
    for (size_t i = 0; i < it->op_count; i++) {
        const struct catalogue_field *f = type_field_number(it->type, it->ops[i].field);
        if (f == NULL)
            continue;
        if (rule_elements(f->rule) && !element_settle(&e->ask, it->type, f, r, &e->arena, &it->ops[i], it->warnings))
            return false;
        warn_second(e, it, f, r, &it->ops[i]);
    }
    return true;
}

/* Against the store: does the record exist, may it be edited. Adds what a new record, a delete or an adoption needs. */
static bool settle(struct editing *e, struct item *it, struct txn *t) {
    if (node_erased(t, it->type->number, &it->id)) {
        refused(e, it, NODE_EDIT_ERASED, "it was erased for ever by an order of the city");
        return false;
    }
    struct arena a = {0};
    struct record r, base;
    bool pending;
    int there = node_record(t, it->type->number, &it->id, &a, &r, &pending);
    bool home = there == 0 && field_winner(record_field(&r, FIELD_HOME)) != NULL;
    bool come = there == 0 && !home && node_base(t, it->type->number, &it->id, &a, &base) == 0;
    if (there == 0 && record_restricted(&r) && !catalogue_opens_restricted(e->ask.catalogue, e->ask.purpose)) {
        ask_restricted(&e->ask);
        arena_close(&a);
        return false;
    }
    bool good = settle_as(e, it, there, home, come, &r) && (it->skipped || settle_rules(e, it, there == 0 ? &r : NULL));
    if (good && !it->skipped && it->kind != ITEM_ADOPT && it->kind != ITEM_DELETE)
        good = judge_edit(&e->ask, it->type, &it->id, there == 0 ? &r : NULL, it->ops, it->op_count, it->warnings);
    look_at(e, it, there == 0 ? &r : NULL);
    arena_close(&a);
    return good;
}

static void note(struct editing *e, const struct item *it, struct name change) {
    struct audit_entry n = {.type = it->type->number, .record = it->id, .subject = it->subject, .change = change};
    n.action = change.tag != 0 && it->decides ? AUDIT_DECIDE : AUDIT_CHANGE;
    ask_notes(&e->ask, &n);
}

static struct edit edit_of(const struct editing *e, const struct item *it) {
    struct edit edit = {
        .type = it->type->number,
        .record = it->id,
        .actor = e->ask.actor,
        .case_id = e->ask.case_id,
        .purpose = e->ask.purpose,
        .ops = it->ops,
        .op_count = it->op_count,
        .replace_all = true,
        .own = it->own,
        .own_count = it->own_count,
    };
    entropy_fill(&edit.tag, sizeof edit.tag);
    entropy_fill(&edit.salt, sizeof edit.salt);
    return edit;
}

static void saved(struct editing *e, const struct item *it, const struct change *c) {
    char id[ID_HEX];
    json_array_append_new(
        e->ask.rows, json_pack(
                         "{s:s, s:s, s:b, s:I, s:O}", "type", it->type->name, "id", id_hex(&it->id, id), "created", it->created, "seq",
                         (json_int_t)c->seq, "warnings", it->warnings));
    note(e, it, c->name);
}

static void run(struct ask *a, struct txn *t) {
    struct editing *e = (struct editing *)a;
    struct item *items[RECORDS_MAX];
    struct edit edits[RECORDS_MAX];
    struct change made[RECORDS_MAX];
    size_t count = 0, which;
    const char *why;
    if (node_closed(t, node_engine_who(a->office->engine)->node)) {
        ask_fail(
            a, "conflict", "what it holds can be read; ask city hall which office goes on with it",
            "the city closes this office's node: it takes no more edits");
        return;
    }
    CLEANUP(buffer_close) struct buffer why_old = {0};
    if (office_too_old(a->rules, ask_lang(a), &why_old)) {
        ask_fail(a, "conflict", "install a newer version; what is here can be read meanwhile", "%s", buffer_string(&why_old));
        return;
    }
    for (size_t i = 0; i < e->count; i++) {
        if (!settle(e, &e->items[i], t))
            return;
        if (!e->items[i].skipped)
            items[count++] = &e->items[i];
        else
            note(e, &e->items[i], (struct name){0, 0}); /* nothing is written, but who asked was told what is there */
    }
    for (size_t i = 0; i < count; i++)
        edits[i] = edit_of(e, items[i]);
    int r = count == 0 ? 0 : node_edits(t, edits, count, clock_wall(), made, &which, &why);
    if (r != 0)
        refused(e, items[which], r, why);
    for (size_t i = 0; i < count && r == 0; i++)
        saved(e, items[i], &made[i]);
}

static bool take_there(struct editing *e, const char *word) {
    if (word == NULL || strcmp(word, "refuse") == 0)
        e->there = THERE_REFUSE;
    else if (strcmp(word, "keep") == 0)
        e->there = THERE_KEEP;
    else if (strcmp(word, "update") == 0)
        e->there = THERE_UPDATE;
    else
        ask_fail(&e->ask, "bad_request", "refuse, keep or update", "exists: no such word as '%s'", word);
    return e->ask.code == NULL;
}

/* records: borrowed, an array of {type, id | key, op, fields}. */
static void edit(struct office *o, struct request *q, const json_t *records, bool one) {
    struct editing *e = ask_new(o, q, sizeof *e, run);
    size_t count = json_array_size(records);
    if (!ask_purpose(&e->ask, AUDIT_CHANGE))
        return;
    e->ask.free = editing_free;
    e->ask.one = one;
    e->ask.work.edits = true;
    e->home = node_engine_place(o->engine);
    if (count == 0 || count > RECORDS_MAX)
        ask_fail(&e->ask, "bad_request", "", "a request has 1 to %d records", RECORDS_MAX);
    else if (take_there(e, request_text(q, "exists")))
        e->items = memory_zeroed(count, sizeof *e->items);
    for (size_t i = 0; i < count && e->ask.code == NULL; i++) {
        e->count = i + 1;
        take_item(e, &e->items[i], json_array_get(records, i));
    }
    e->ask.type = count > 0 && e->items != NULL && e->items[0].type != NULL ? e->items[0].type->number : 0;
    if (e->ask.type != 0)
        e->ask.record = e->items[0].id;
    if (e->ask.code != NULL) {
        request_error(q, e->ask.code, buffer_string(&e->ask.message), e->ask.hint);
        e->ask.request = NULL;
        editing_free(&e->ask);
        json_decref(e->ask.rows);
        buffer_close(&e->ask.message);
        buffer_close(&e->ask.shown);
        free(e);
        return;
    }
    ask_submit(&e->ask);
}

void cmd_edit_many(void *owner, struct request *q) {
    edit(owner, q, json_object_get(request_args(q), "records"), false);
}

/* One record from a command line: words FIELD=VALUE, the first without "=" is the id. */
static void edit_one(struct office *o, struct request *q, const char *op) {
    json_t *record = json_object(), *fields = json_object(), *records = json_array();
    const json_t *words = json_object_get(request_args(q), "words");
    const char *type = request_text(q, "type"), *id = request_text(q, "id");
    bool twice = false;
    if (type != NULL)
        json_object_set_new(record, "type", json_string(type));
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i)), *equals = word == NULL ? NULL : strchr(word, '=');
        if (equals == NULL && id == NULL)
            id = word;
        else if (equals != NULL) {
            struct buffer name = {0};
            buffer_add(&name, bytes_of(word, (size_t)(equals - word)));
            twice = twice || json_object_get(fields, buffer_string(&name)) != NULL;
            json_object_set_new(fields, buffer_string(&name), json_string(equals + 1));
            buffer_close(&name);
        }
    }
    if (id != NULL)
        json_object_set_new(record, "id", json_string(id));
    json_object_set_new(record, "op", json_string(op));
    json_object_set(record, "reason", json_object_get(request_args(q), "reason"));
    json_object_set_new(record, "fields", fields);
    json_array_append_new(records, record);
    if (twice)
        request_error(q, "bad_request", "one put says one thing of a field", "a field is here twice; use two puts");
    else
        edit(o, q, records, true);
    json_decref(records);
}

void cmd_put(void *owner, struct request *q) {
    edit_one(owner, q, request_flag(q, "create") ? "create" : "set");
}

void cmd_delete(void *owner, struct request *q) {
    edit_one(owner, q, "delete");
}

void cmd_adopt(void *owner, struct request *q) {
    edit_one(owner, q, "adopt");
}

/* Which side counts: what a clerk saw side by side (`conflict show`). */
void cmd_conflict_resolve(void *owner, struct request *q) {
    const char *type = request_text(q, "type"), *id = request_text(q, "id"), *field = request_text(q, "field"),
               *side = request_text(q, "side");
    if (type == NULL || id == NULL || field == NULL || side == NULL) {
        request_error(q, "bad_request", "which side of which field counts?", "anjuctl conflict show TYPE ID names the sides");
        return;
    }
    json_t *records = json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "type", type, "id", id, "op", "resolve", "fields", field, side);
    edit(owner, q, records, true);
    json_decref(records);
}
