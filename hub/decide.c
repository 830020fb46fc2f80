/* What only the city says of an office's record: a field of rule hub, the value that stands where a first one was said twice, a state of a
 * case that is the city's. It is looked up first, so that a wrong order changes nothing; then it is a change of the hub itself. */
#include "common/base/clock.h"
#include "hub/city.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 8 };

struct deciding {
    struct hub_read read;
    struct hub_write write;
    struct city *city;
    struct request *request;
    const char *reason; /* borrows; of the request */
    uint32_t type;
    struct id16 id;
    struct arena arena;
    struct record record;
    int there;
};

static void deciding_free(struct deciding *x) {
    arena_close(&x->arena);
    arena_close(&x->write.arena);
    free(x);
}

static void refuse(struct deciding *x /* takes */, const char *code, const char *message, const char *hint) {
    request_error(x->request, code, message, hint);
    deciding_free(x);
}

static struct bytes keep(struct deciding *x, const struct value *v) {
    struct buffer b = {0};
    value_pack(v, &b);
    struct bytes kept = arena_copy(&x->write.arena, buffer_bytes(&b));
    buffer_close(&b);
    return kept;
}

static const char *read_value(const struct city *c, const struct catalogue_field *f, struct bytes text, struct value *v) {
    const char *why = text.len == 0 ? NULL : value_read(f->kind, text, v);
    if (text.len == 0)
        *v = (struct value){.kind = VALUE_NONE};
    if (f->kind != VALUE_REFERENCE || text.len == 0)
        return why;
    if (why != NULL) { /* a source's key */
        v->reference.id = id_of_key(c->who.city_secret, f->refers_type, text);
        v->reference.key = text;
    }
    v->reference.type = f->refers_type;
    return NULL;
}

/* The city leads a case where any move leads, with a person's name, and a reason where one is needed. */
static const char *move(struct deciding *x, const struct workflow *w, const struct catalogue_field *f, struct bytes state, struct op *op) {
    size_t from = workflow_fold(w, record_field(&x->record, f->number), NULL), to = workflow_find(w, state);
    struct workflow_event e = {.to = state, .from = bytes_text(w->states[from].name), .actor = x->write.actor};
    struct buffer day = {0}, event = {0};
    if (to == WORKFLOW_NONE)
        return "there is no such state";
    if (!workflow_moves(w, from, to))
        return "no move leads there from the state in which it is";
    if (w->states[to].reason && x->reason == NULL)
        return "nobody is refused and nothing is closed without a reason: --reason TEXT";
    if (x->reason != NULL)
        e.reason = bytes_text(x->reason);
    value_text(&(struct value){.kind = VALUE_DATE, .number = city_day(clock_wall())}, &day);
    e.date = buffer_bytes(&day);
    workflow_event_pack(&e, &event);
    *op = (struct op){.field = f->number, .kind = OP_ADD, .value = arena_copy(&x->write.arena, buffer_bytes(&event))};
    buffer_close(&day);
    buffer_close(&event);
    return NULL;
}

/* FIELD=VALUE; NULL: it is one more operation. */
static const char *take_word(struct deciding *x, const struct catalogue_type *t, const char *word) {
    const char *equals = strchr(word, '=');
    struct value v;
    char name[64];
    size_t len = equals == NULL ? 0 : (size_t)(equals - word);
    if (len == 0 || len >= sizeof name)
        return "what is decided is written FIELD=VALUE";
    memcpy(name, word, len);
    name[len] = '\0';
    const struct catalogue_field *f = type_field(t, name);
    struct bytes text = bytes_text(equals + 1);
    if (f == NULL)
        return "there is no such field; `anjuctl types` at an office lists them";
    if (x->write.op_count == FIELDS_MAX)
        return "too many fields at once";
    for (size_t i = 0; i < x->write.op_count; i++)
        if (x->write.ops[i].field == f->number)
            return "a field is here twice";
    struct op *op = &x->write.ops[x->write.op_count];
    if (f->rule == SHOW_WORKFLOW) {
        const char *why = move(x, t->workflow, f, text, op);
        x->write.op_count += why == NULL;
        return why;
    }
    if (!rule_own_heads(f->rule))
        return "an office says that; the city decides fields of rule hub, once, max and min, and states";
    const char *why = read_value(x->city, f, text, &v);
    if (why != NULL)
        return why;
    *op = (struct op){.field = f->number, .kind = OP_SET, .value = keep(x, &v)};
    x->write.op_count++;
    return NULL;
}

static void looked(struct hub_read *r, struct txn *state, struct txn *log) {
    struct deciding *x = (struct deciding *)r;
    (void)log;
    x->there = hub_record(state, x->type, &x->id, &x->arena, &x->record);
}

static struct deciding *of_write(struct hub_write *w) {
    return (struct deciding *)(void *)((char *)w - offsetof(struct deciding, write));
}

static void written(struct hub_write *w, int result) {
    struct deciding *x = of_write(w);
    char id[ID_HEX];
    json_t *answer = json_pack("{s:s, s:s}", "id", id_hex(&x->id, id), "state", "decided");
    hub_write_answer(x->request, result, answer);
    json_decref(answer);
    deciding_free(x);
}

static void found(struct hub_read *r, int result) {
    struct deciding *x = (struct deciding *)r;
    const struct catalogue_type *t = catalogue_type_number(&x->city->catalogue, x->type);
    const json_t *words = json_object_get(request_args(x->request), "words");
    const char *why = NULL;
    if (result != 0 || x->there == HUB_RECORD_ROTTEN || t == NULL) {
        refuse(x, "internal", "the record could not be read", "run `anjuctl verify`");
        return;
    }
    if (x->there != 0 || field_winner(record_field(&x->record, FIELD_HOME)) == NULL || record_deleted(&x->record)) {
        refuse(x, "not_found", "there is no such record in the city", "the record's id, or the key that its source calls it by");
        return;
    }
    if (record_restricted(&x->record) && !catalogue_opens_restricted(&x->city->catalogue, x->write.purpose)) {
        refuse(x, "denied", "the record is restricted: its time is over, and it is only kept", "--purpose rights_request or correction");
        return;
    }
    for (size_t i = 0; i < json_array_size(words) && why == NULL; i++)
        why = take_word(x, t, json_string_value(json_array_get(words, i)) == NULL ? "" : json_string_value(json_array_get(words, i)));
    if (why == NULL && x->write.op_count == 0)
        why = "what is decided? FIELD=VALUE";
    if (why != NULL) {
        refuse(x, "bad_request", why, "");
        return;
    }
    x->write.done = written;
    hub_engine_write(x->city->engine, &x->write);
}

void cmd_decide(void *owner, struct request *q) {
    struct city *c = owner;
    const char *type = request_text(q, "type"), *id = request_text(q, "id"), *actor = request_text(q, "actor");
    const char *purpose = request_text(q, "purpose"), *reason = request_text(q, "reason");
    const struct catalogue_type *t = type == NULL ? NULL : catalogue_type(&c->catalogue, type);
    const struct catalogue_purpose *p = purpose == NULL ? NULL : catalogue_purpose(&c->catalogue, purpose);
    if (t == NULL || id == NULL || *id == '\0')
        request_error(q, "bad_request", "of which record?", "anjuctl decide TYPE ID FIELD=VALUE…");
    else if (actor == NULL || *actor == '\0' || p == NULL)
        request_error(q, "bad_request", "who decides, and what for?", "--actor LOGIN --purpose NAME");
    else if (reason != NULL && strlen(reason) > 1500)
        request_error(q, "bad_request", "a reason has at most 1500 bytes", "");
    else {
        struct deciding *x = memory_zeroed(1, sizeof *x);
        x->city = c;
        x->request = q;
        x->reason = reason == NULL || *reason == '\0' ? NULL : reason;
        x->type = t->number;
        if (!id_parse(id, &x->id))
            x->id = id_of_key(c->who.city_secret, t->number, bytes_text(id));
        x->write.type = t->number;
        x->write.record = x->id;
        x->write.actor = id_of_key(c->who.city_secret, TYPE_STAFF, bytes_text(actor));
        x->write.purpose = p->number;
        x->write.has_uid = true;
        x->write.uid = request_uid(q);
        x->read.work = looked;
        x->read.done = found;
        hub_engine_read(c->engine, &x->read);
    }
}
