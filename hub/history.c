/* Who changed a record, and what proves it: what the state knows, and the signed pushes of the log. Names of fields, no values. */
#include "common/engine/history.h"
#include "common/base/error.h"
#include "common/daemon/rows.h"
#include "common/store/hub_erase.h"
#include "hub/city.h"

struct telling {
    struct question ask;
    struct history *history; /* owns */
};

static void complain(void *owner, const char *what) {
    struct question *a = owner;
    question_fail(a, "conflict", "run `anjuctl verify`, then restore a backup: keys may be missing", "%s", request_words(a->request, what));
}

static void begin(struct telling *x, struct txn *state, struct txn *log) {
    struct question *a = &x->ask;
    const struct id16 *id = &a->asked.record;
    struct arena arena = {0};
    struct record record;
    struct txn *own;
    if (hub_erased(state, a->asked.type, id))
        question_fail(a, "not_found", "`anjuctl person erase-status`", "it is erased for ever, with its history");
    else if (history_open(state, log, a->asked.type, id, &x->history) != 0)
        question_fail(a, "conflict", "run `anjuctl verify`", "its history, or a held change, is damaged");
    else if (store_read(hub_engine_stores(a->city->engine)->own, &own) != 0)
        complain(a, "the second home of the hub's own changes cannot be read");
    else {
        question_keys(a, state, own, complain);
        txn_abort(own);
    }
    struct audit_entry e = {.type = a->asked.type, .record = *id};
    if (hub_record(state, a->asked.type, id, &arena, &record) == 0)
        e.subject = record_subject(buffer_bytes(&a->subjects), &record);
    buffer_add(&a->shown, bytes_of(&e, sizeof e));
    arena_close(&arena);
}

static const char *stage_text(enum history_stage s) {
    static const char *const texts[] = {"accepted", "merged", "repeated", "held", "unknown"};
    return texts[s];
}

static const char *proof_text(const struct history_row *r) {
    if (r->proof == HISTORY_BROKEN)
        return "broken";
    if (r->proof == HISTORY_SIGNED)
        return r->node == 0 ? "hub" : "signed";
    return r->stage == HISTORY_HELD ? "held" : "merged";
}

static json_t *office_name(struct txn *state, uint32_t node) {
    CLEANUP(arena_close) struct arena arena = {0};
    CLEANUP(buffer_close) struct buffer name = {0};
    struct id16 id = office_id(node);
    struct record office;
    if (node == 0)
        return json_string("hub");
    const struct head *h =
        hub_record(state, TYPE_OFFICE, &id, &arena, &office) == 0 ? field_winner(record_field(&office, OFFICE_NAME)) : NULL;
    if (h == NULL)
        return json_null();
    value_show(h->value, &name);
    return json_string(buffer_string(&name));
}

/* With numbers: the catalogue belongs to the loop. */
static json_t *row_of(const struct history_row *r, struct txn *state) {
    char id[ID_HEX];
    json_t *fields = json_array();
    for (size_t i = 0; i < r->field_count; i++)
        json_array_append_new(fields, json_integer(r->fields[i]));
    json_t *row = json_pack(
        "{s:I, s:I, s:o, s:I, s:s, s:I}", "seq", (json_int_t)r->seq, "version_ms", (json_int_t)hlc_ms(r->version.hlc), "fields", fields,
        "received_ms", (json_int_t)r->received, "state", stage_text(r->stage), "node", (json_int_t)r->node);
    json_object_set_new(row, "reason", r->stage == HISTORY_HELD ? json_string(verdict_text(r->reason)) : json_null());
    json_object_set_new(row, "office", office_name(state, r->node));
    json_object_set_new(row, "actor", json_string(id_hex(&r->actor, id)));
    json_object_set_new(row, "purpose", json_integer(r->purpose));
    json_object_set_new(row, "case", id_zero(&r->case_id) ? json_null() : json_string(id_hex(&r->case_id, id)));
    json_object_set_new(row, "proof", json_string(proof_text(r)));
    json_object_set_new(row, "against", *r->against == '\0' ? json_null() : json_string(r->against));
    json_object_set_new(row, "log_entry", r->position == 0 ? json_null() : json_integer((json_int_t)r->position));
    json_object_set_new(row, "incarnation", json_string(id_hex(&r->incarnation, id)));
    return row;
}

/* The state, then the log stretch by stretch: others have their turn between them. */
static void run_history(struct question *a, struct txn *state, struct txn *log) {
    enum { STRETCH = 200 };
    struct telling *x = (struct telling *)a;
    if (x->history == NULL) {
        begin(x, state, log);
        a->more = a->code == NULL;
        return;
    }
    a->more = history_walk(x->history, a->proof, log, STRETCH);
    if (a->more)
        return;
    for (size_t i = 0; i < history_count(x->history); i++)
        json_array_append_new(a->rows, row_of(history_at(x->history, i), state));
    if (history_count(x->history) == 0)
        question_fail(a, "not_found", "the type and the id must fit", "neither the state nor the log has a change of such a record");
}

static void finish_history(struct question *a) {
    struct telling *x = (struct telling *)a;
    const struct catalogue *k = &a->city->catalogue;
    size_t i, n;
    json_t *row, *number;
    char id[ID_HEX], unknown[16], name[24];
    json_array_foreach(a->rows, i, row) {
        json_t *names = json_array();
        const struct catalogue_purpose *p = catalogue_purpose_number(k, (uint32_t)json_integer_value(json_object_get(row, "purpose")));
        json_array_foreach(json_object_get(row, "fields"), n, number) {
            json_array_append_new(names, json_string(field_name(k, a->asked.type, (uint32_t)json_integer_value(number), name)));
        }
        json_object_set_new(row, "fields", names);
        json_object_set_new(row, "type", json_string(type_name(k, a->asked.type, unknown)));
        json_object_set_new(row, "id", json_string(id_hex(&a->asked.record, id)));
        if (p != NULL)
            json_object_set_new(row, "purpose", json_string(p->name));
    }
    x->history = history_close(x->history);
}

void cmd_history(void *owner, struct request *q) {
    struct city *c = owner;
    struct telling *x = question_of(c, q, sizeof *x, run_history);
    x->ask.finish = finish_history;
    if (!question_purpose(&x->ask, AUDIT_HISTORY))
        return;
    if (!question_target(&x->ask))
        return;
    subject_fields(&c->catalogue, &x->ask.subjects);
    question_submit(&x->ask);
}
