/* Reads. Every look at personal data names an actor and a purpose and leaves an access-log entry in the same transaction. */
#include "common/engine/clock.h"
#include "common/store/layout.h"
#include "node/office.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCESS_READ = 1, ACCESS_SEARCH, ACCESS_EXPORT, ACCESS_HISTORY, FOUND_MAX = 20 };

/* ---- one record */

static void run_get(struct ask *a, struct txn *t) {
    struct arena arena = {0};
    struct record r;
    bool pending = false;
    int there = node_record(t, a->type, &a->record, &arena, &r, &pending);
    if (there == 0 && record_areas_now(&r, (area[1]){0}, 1) == 0 && record_field(&r, FIELD_HOME) == NULL)
        ask_fail(
            a, "conflict", "wait until the city has sent it: `anjuctl wait --caught-up`", "the record was taken up but has not come yet");
    else if (there == 0) {
        json_t *shown = record_show(a->catalogue, &r, true);
        json_object_set_new(shown, "pending", json_boolean(pending));
        json_array_append_new(a->rows, shown);
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
    if (ask_purpose(a, ACCESS_READ) && ask_target(a))
        ask_submit(a);
}

/* ---- find: exact values only, in the office's own records (7-DOMAIN section 0: no prefix, no range, no listing) */

struct finding {
    struct ask ask;
    uint32_t field;
    char value[512];
    size_t found;
};

static int find_each(void *owner, const struct record *r, bool pending) {
    struct finding *f = owner;
    const struct head *h = field_winner(record_field(r, f->field));
    struct buffer text = {0};
    if (h != NULL && !record_deleted(r)) {
        value_show(h->value, &text);
        if (strcmp(buffer_string(&text), f->value) == 0 && ++f->found <= FOUND_MAX) {
            json_t *shown = record_show(f->ask.catalogue, r, false);
            json_object_set_new(shown, "pending", json_boolean(pending));
            json_array_append_new(f->ask.rows, shown);
        }
    }
    buffer_close(&text);
    return 0;
}

static void run_find(struct ask *a, struct txn *t) {
    struct finding *f = (struct finding *)a;
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
    if (number == 0 || strlen(equals + 1) >= sizeof((struct finding *)NULL)->value) {
        const char *near = type_nearest_field(t, name);
        request_errorf(
            q, "bad_request", "`anjuctl types` lists the fields", near == NULL ? "no field '%s'%s" : "no field '%s'; did you mean '%s'?",
            name, near == NULL ? "" : near);
        return;
    }
    struct finding *f = ask_new(o, q, sizeof *f, run_find);
    f->field = number;
    strcpy(f->value, equals + 1);
    f->ask.type = t->number;
    if (ask_purpose(&f->ask, ACCESS_SEARCH))
        ask_submit(&f->ask);
}

/* ---- history: what this office wrote and still has in its log */

static json_t *change_show(const struct catalogue *k, const struct change *c, wall_ms saved) {
    const struct catalogue_type *t = catalogue_type_number(k, c->type);
    char id[ID_HEX], unknown[16], number[24];
    json_t *fields = json_array();
    for (size_t i = 0; i < c->op_count; i++) {
        const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, c->ops[i].field);
        snprintf(number, sizeof number, "field-%u", c->ops[i].field);
        json_array_append_new(fields, json_string(f == NULL ? number : f->name));
    }
    return json_pack(
        "{s:I, s:s, s:s, s:I, s:I, s:i, s:o}", "seq", (json_int_t)c->seq, "type", type_name(k, c->type, unknown), "id",
        id_hex(&c->record, id), "saved_ms", (json_int_t)saved, "version_ms", (json_int_t)hlc_ms(c->version.hlc), "purpose", (int)c->purpose,
        "fields", fields);
}

struct logging {
    struct ask ask;
    const struct node_progress *progress;
    bool only_record, only_unmerged;
};

static const char *stage(const struct node_progress *p, const struct id16 *incarnation, uint64_t seq, enum verdict held) {
    const struct life *l = life_find((struct life *)(uintptr_t)p->lives, p->life_count, incarnation);
    if (held != VERDICT_MERGED)
        return "held";
    return l == NULL ? "?" : seq <= l->includes ? "merged" : seq <= l->acked ? "accepted" : "saved";
}

static int log_each(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    struct logging *l = owner;
    if (l->only_record && (c->type != l->ask.type || !id_equal(&c->record, &l->ask.record)))
        return 0;
    const char *at = stage(l->progress, incarnation, c->seq, held);
    if (l->only_unmerged && strcmp(at, "merged") == 0)
        return 0;
    json_t *row = change_show(l->ask.catalogue, c, saved);
    json_object_set_new(row, "state", json_string(at));
    json_object_set_new(row, "reason", held == VERDICT_MERGED ? json_null() : json_string(verdict_text(held)));
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

void cmd_history(void *owner, struct request *q) {
    struct logging *l = ask_new(owner, q, sizeof *l, run_log);
    l->only_record = true;
    if (ask_purpose(&l->ask, ACCESS_HISTORY) && ask_target(&l->ask))
        ask_submit(&l->ask);
}

void cmd_queue(void *owner, struct request *q) {
    struct logging *l = ask_new(owner, q, sizeof *l, run_log);
    l->only_unmerged = true;
    ask_submit(&l->ask);
}

/* ---- held */

static int held_each(void *owner, const struct held *h, const struct change *c) {
    struct ask *a = owner;
    json_t *row = c == NULL ? json_pack("{s:I}", "seq", (json_int_t)h->seq) : change_show(a->catalogue, c, 0);
    json_object_set_new(row, "reason", json_string(verdict_text(h->reason)));
    json_object_del(row, "saved_ms");
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

/* ---- export and conflicts */

struct exporting {
    struct ask ask;
    bool raw, conflicts;
};

static int export_each(void *owner, const struct record *r, bool pending) {
    struct exporting *x = owner;
    if (x->raw) {
        struct buffer form = {0}, hex = {0};
        record_canonical(r, &form);
        hex_encode(buffer_bytes(&form), &hex);
        json_array_append_new(x->ask.rows, json_pack("{s:s#}", "raw", buffer_string(&hex), (int)hex.len));
        buffer_close(&form);
        buffer_close(&hex);
        return 0;
    }
    if (r->type == TYPE_OFFICE || r->type == TYPE_POLICY || field_winner(record_field(r, FIELD_HOME)) == NULL)
        return 0; /* without a home it was only taken up: it has not come, or there is none */
    json_t *shown = record_show(x->ask.catalogue, r, x->conflicts);
    json_object_set_new(shown, "pending", json_boolean(pending));
    if (x->conflicts && json_array_size(json_object_get(shown, "concurrent")) == 0)
        json_decref(shown);
    else
        json_array_append_new(x->ask.rows, shown);
    return 0;
}

static void run_export(struct ask *a, struct txn *t) {
    struct exporting *x = (struct exporting *)a;
    if (node_records(t, a->type, x->raw, export_each, x) < 0)
        ask_fail(a, "internal", "run `anjuctl verify`", "the records could not be read");
}

static void exporting(struct office *o, struct request *q, bool conflicts) {
    const char *type = request_text(q, "type");
    const struct catalogue_type *t = type == NULL ? NULL : office_type(o, q, type);
    if (type != NULL && t == NULL)
        return;
    struct exporting *x = ask_new(o, q, sizeof *x, run_export);
    x->raw = request_flag(q, "raw");
    x->conflicts = conflicts;
    x->ask.type = t == NULL ? 0 : t->number;
    if (ask_purpose(&x->ask, ACCESS_EXPORT))
        ask_submit(&x->ask);
}

void cmd_export(void *owner, struct request *q) {
    exporting(owner, q, false);
}

void cmd_conflicts(void *owner, struct request *q) {
    exporting(owner, q, true);
}

/* ---- the access log itself */

static int access_each(void *owner, const struct access_entry *e) {
    static const char *const actions[] = {"", "read", "search", "export", "history", "refused"};
    struct ask *a = owner;
    char actor[ID_HEX], record[ID_HEX], unknown[16];
    if (!id_zero(&a->record) && !id_equal(&a->record, &e->record))
        return 0;
    json_array_append_new(
        a->rows, json_pack(
                     "{s:I, s:s, s:s, s:i, s:s, s:s}", "at_ms", (json_int_t)e->at, "actor", id_hex(&e->actor, actor), "action",
                     e->action < sizeof actions / sizeof *actions ? actions[e->action] : "?", "purpose", (int)e->purpose, "type",
                     type_name(a->catalogue, e->type, unknown), "record", id_zero(&e->record) ? "" : id_hex(&e->record, record)));
    return 0;
}

static void run_access(struct ask *a, struct txn *t) {
    node_access_each(t, access_each, a);
}

void cmd_access_log(void *owner, struct request *q) {
    struct ask *a = ask_new(owner, q, sizeof *a, run_access);
    const char *id = request_text(q, "id");
    if (id != NULL && !id_parse(id, &a->record)) {
        if (!ask_target(a))
            return;
    }
    ask_submit(a);
}
