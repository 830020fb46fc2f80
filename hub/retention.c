/* Retention: what the policies of the kind retention say of records whose time is over. Each night of the city, and when a person orders
 * it, the state is looked through in stretches, and what is due is done: an order erases (erase.c, with its certificates), the hub empties
 * what is to shrink but for the fields that stay, or marks what is only kept from then on; a mark is taken back when no rule asks for it
 * any more. Each of these leaves a record of which the same is not due again: so a night that was cut short is begun anew and goes on.
 *
 * A record is not erased while one about it lives: erasing a person takes what is about the person along, and that may have to stay. It
 * stays until that is due too, or, where no rule says when, until the days of its own rule after that one's last change. */
#include "common/catalogue/retention.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/hub_erase.h"
#include "common/store/layout.h"
#include "hub/batch.h"
#include "hub/in_force.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_RECORDS = 2000,
    RUN_DEEDS = 10000,  /* so many at most in one run; the rest waits for the next night */
    RUN_ITEMS = 200000, /* what is due is held in memory: so much of it, and what stays is among it */
    RULES_MOST = 16,
    LIST_ROWS = 1000,
    AGAIN_MS = 60000,
    CANCELLED_MS = 3600000, /* a night that a person cancelled begins anew then */
    PURPOSE_ADMINISTRATION = 1,
    NOTE_FORM = 1,
};

enum deed { DEED_SHRINK, DEED_RESTRICT, DEED_ERASE, DEED_LIFT, DEEDS };
static const char *const deeds[DEEDS] = {"shrink", "restrict", "erase", "lift"};

struct item {
    uint32_t type;
    struct id16 id;
    int64_t day;
    const struct retention_rule *rule; /* of the run's rules; LIFT: NULL */
    const struct rule_source *source;
    enum deed deed;
    bool kept; /* something about it lives */
};

/* What the last whole run did; lies in the second home. */
struct last_run {
    int64_t day; /* 0: there was none */
    wall_ms at;
    uint64_t done[DEEDS], left, kept;
};

struct keeping {
    struct last_run last;
    bool known;      /* the second home was asked */
    struct run *run; /* borrows; NULL: none is under way */
    instant again_at;
};

struct run {
    struct batch batch; /* first: each look, and the writes that follow */
    struct city *city;
    struct request *request; /* NULL: the night's */
    bool dry, listing, stopped /* a policy changed meanwhile */, read, finished;
    int64_t today, until; /* what is due up to then is looked for */
    struct buffer documents;
    struct in_force rules;
    uint32_t at_type; /* of the walk */
    struct id16 at_id;
    struct buffer items; /* struct item */
    uint64_t over;       /* due too, and more than one run does */
    size_t newly_kept, acted;
    uint64_t done[DEEDS], kept;
    struct progress progress;         /* records; of a run that acts */
    uint64_t job;                     /* of a night that has something to do */
    json_t *rows;                     /* owns */
    struct buffer order, reason, law; /* of the order to erase that is being made */
    struct id16 order_id;
    size_t order_names;
    struct hub_own_work note;
    struct id16 actor;
};

static struct item *item_at(const struct run *r, size_t i) {
    return (struct item *)(void *)r->items.at + i;
}

static size_t item_count(const struct run *r) {
    return r->items.len / sizeof(struct item);
}

static void sort(struct run *r, int (*compare)(const void *one, const void *other)) {
    if (item_count(r) > 1)
        qsort(r->items.at, item_count(r), sizeof(struct item), compare);
}

/* A policy changed meanwhile, or a person asked it to stop. */
static bool is_ended(const struct run *r) {
    return r->stopped || progress_stopped(&r->progress);
}

/* ---- what is due of one record */

static const struct in_force_place *place_of(const struct run *r, const struct record *record) {
    const struct head *home = field_winner(record_field(record, FIELD_HOME));
    struct value v;
    bool known = home != NULL && value_unpack(home->value, &v) && v.kind == VALUE_AREA;
    return in_force_at(&r->rules, known ? v.area : AREA_CITY);
}

static bool says_something(const struct field *f) {
    for (size_t i = 0; i < f->head_count; i++)
        if (f->heads[i].value.len > 0)
            return true;
    return f->element_count > 0;
}

static bool names_subject(const struct run *r, uint32_t type, uint32_t field) {
    const struct catalogue_type *t = catalogue_type_number(&r->rules.catalogue, type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, field);
    return field == FIELD_SUBJECT || (f != NULL && f->about);
}

/* Of the common fields goes who took the record up, and why in words; and whom it is about, where the field that says so goes. */
static bool stays(const struct run *r, const struct retention_rule *rule, uint32_t field) {
    bool stays = field < FIELD_OWN && field != FIELD_TAKEN_UP && field != FIELD_SUBJECT;
    for (size_t i = 0; i < rule->keep_count && !stays; i++)
        stays = rule->keep[i] == field || (field == FIELD_SUBJECT && names_subject(r, rule->type, rule->keep[i]));
    return stays;
}

static bool to_shrink(const struct run *r, const struct retention_rule *rule, const struct record *record) {
    for (size_t i = 0; i < record->field_count; i++)
        if (!stays(r, rule, record->fields[i].number) && says_something(&record->fields[i]))
            return true;
    return false;
}

/* Fills at most one item a rule, in the order of their days; a record that is to be erased needs nothing else. `until`: as if it were then.
 */
static size_t due_of(const struct run *r, const struct record *record, int64_t until, struct item out[RULES_MOST + 1]) {
    struct retention_due due[RULES_MOST];
    size_t n = rules_retention(&place_of(r, record)->rules, &r->rules.catalogue, record, until, due, RULES_MOST), count = 0;
    bool restricts = false;
    n = n < RULES_MOST ? n : RULES_MOST;
    for (size_t i = 0; i < n; i++) {
        enum retention_action a = due[i].rule->action;
        struct item x = {record->type, record->id, due[i].day, due[i].rule, due[i].source, DEED_ERASE, false};
        if (!due[i].now)
            continue;
        if (a == RETENTION_ERASE) {
            out[0] = x;
            return 1;
        }
        x.deed = a == RETENTION_SHRINK ? DEED_SHRINK : DEED_RESTRICT;
        restricts = restricts || a == RETENTION_RESTRICT;
        if (a == RETENTION_SHRINK ? to_shrink(r, due[i].rule, record) : !record_restricted(record))
            out[count++] = x;
    }
    if (record_restricted(record) && !restricts)
        out[count++] = (struct item){record->type, record->id, until, NULL, NULL, DEED_LIFT, false};
    return count;
}

/* ---- looking through the state */

static int look_record(void *owner, const struct record *record) {
    struct run *r = owner;
    struct item due[RULES_MOST + 1];
    if (!erasure_may(record->type))
        return 0;
    size_t n = due_of(r, record, r->until, due);
    for (size_t i = 0; i < n; i++)
        if (item_count(r) < RUN_ITEMS)
            buffer_add(&r->items, bytes_of(&due[i], sizeof due[i]));
        else
            r->over++;
    return 0;
}

static int by_record(const void *one, const void *other) {
    const struct item *a = one, *b = other;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return id_compare(&a->id, &b->id);
}

static struct item *to_erase(const struct run *r, uint32_t type, const struct id16 *id) {
    struct item wanted = {.type = type, .id = *id};
    struct item *x = item_count(r) == 0 ? NULL : bsearch(&wanted, r->items.at, item_count(r), sizeof wanted, by_record);
    return x != NULL && x->deed == DEED_ERASE ? x : NULL; /* one that is erased has one item */
}

/* Does a record about one that is to be erased let it go? */
static bool lets_go(const struct run *r, const struct record *record, const struct item *whom) {
    const struct rules *rules = &place_of(r, record)->rules;
    struct item due[RULES_MOST + 1];
    const struct item *own = to_erase(r, record->type, &record->id);
    if (own != NULL)
        return !own->kept;
    if (due_of(r, record, r->until, due) == 1 && due[0].deed == DEED_ERASE)
        return true;
    for (const struct retention *s = rules->retentions; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++)
            if (s->rules[i].type == record->type && s->rules[i].action == RETENTION_ERASE)
                return false; /* its own day will come */
    int64_t last = retention_last_change(record);
    return last == RULE_DAY_LAST || last + whom->rule->days <= r->until;
}

static int look_about(void *owner, const struct record *record) {
    struct run *r = owner;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *f = &record->fields[i];
        for (size_t k = 0; k < f->head_count && names_subject(r, record->type, f->number); k++) {
            uint32_t type;
            struct id16 id;
            struct item *whom = erasure_refers(f->heads[k].value, &type, &id) ? to_erase(r, type, &id) : NULL;
            if (whom == NULL || whom->kept || (type == record->type && id_equal(&id, &record->id)) || lets_go(r, record, whom))
                continue;
            whom->kept = true;
            r->newly_kept++;
        }
    }
    return 0;
}

static bool walk(struct run *r, struct txn *state, int (*each)(void *owner, const struct record *record)) {
    int got = hub_records_walk(state, &r->at_type, &r->at_id, LOOK_RECORDS, each, r, &r->batch.read.damaged);
    if (got < 0)
        r->batch.result = got;
    return got == HUB_WALK_END || got < 0;
}

static void walk_again(struct run *r) {
    r->at_type = 0;
    r->at_id = (struct id16){{0}};
}

/* ---- steps: each a look at a snapshot, then what is written, then the next */

static void step(struct run *r, void (*look)(struct batch *b, struct txn *state), void (*end)(struct batch *b, int result)) {
    struct city *c = r->city;
    r->batch = (struct batch){.city = c, .look = look, .end = end};
    batch_submit(&r->batch);
}

static void run_free(struct run *r) {
    in_force_close(&r->rules);
    buffer_close(&r->documents);
    buffer_close(&r->items);
    buffer_close(&r->order);
    buffer_close(&r->reason);
    buffer_close(&r->law);
    json_decref(r->rows);
    free(r);
}

static void run_end(struct run *r, int result) {
    struct keeping *k = r->city->keeping;
    bool cancelled = progress_stopped(&r->progress);
    if (r->job != 0)
        jobs_end(
            r->city->self.jobs, r->job,
            result == 0  ? NULL
            : r->stopped ? "a policy changed; it begins anew"
            : cancelled  ? "it was cancelled; it begins anew in an hour"
                         : "it failed; it is tried again");
    if (r->request != NULL && result == 0) {
        size_t i;
        json_t *row;
        json_array_foreach(r->rows, i, row) request_row(r->request, json_incref(row));
        request_end(r->request);
    } else if (r->request != NULL && r->stopped) {
        request_error(r->request, "conflict", "a policy changed meanwhile; what was done is done, the rest waits", "say it again");
    } else if (r->request != NULL && cancelled) {
        request_error(r->request, "busy", "it was cancelled, or the daemon is stopping; what was done is done", "say it again");
    } else if (r->request != NULL) {
        hub_write_answer(r->request, result, NULL);
    }
    if (!r->listing && k != NULL && k->run == r) {
        k->run = NULL;
        if (result != 0 && !r->stopped)
            k->again_at = clock_now() + (cancelled ? CANCELLED_MS : AGAIN_MS);
    }
    if (result != 0 && !r->stopped && !cancelled)
        log_fact(LOG_WARNING, "retention.cut_short", FACT_INT("result", result));
    run_free(r);
}

/* ---- the last step: what was done is noted */

static struct run *of_note(struct hub_own_work *w) {
    return (struct run *)(void *)((char *)w - offsetof(struct run, note));
}

static void last_pack(const struct last_run *l, struct buffer *out) {
    buffer_u8(out, NOTE_FORM);
    buffer_u64be(out, (uint64_t)l->day);
    buffer_u64be(out, l->at);
    for (size_t i = 0; i < DEEDS; i++)
        buffer_u64be(out, l->done[i]);
    buffer_u64be(out, l->left);
    buffer_u64be(out, l->kept);
}

static bool last_unpack(struct bytes packed, struct last_run *l) {
    struct reader in = {.rest = packed};
    bool known = reader_u8(&in) == NOTE_FORM;
    l->day = (int64_t)reader_u64be(&in);
    l->at = reader_u64be(&in);
    for (size_t i = 0; i < DEEDS; i++)
        l->done[i] = reader_u64be(&in);
    l->left = reader_u64be(&in);
    l->kept = reader_u64be(&in);
    return known && !in.bad;
}

static struct last_run as_last(const struct run *r) {
    struct last_run l = {.day = r->today, .at = clock_wall(), .left = r->over, .kept = r->kept};
    memcpy(l.done, r->done, sizeof l.done);
    return l;
}

static void note_works(struct hub_own_work *w, struct txn *own) {
    struct run *r = of_note(w);
    CLEANUP(buffer_close) struct buffer packed = {0}, words = {0};
    struct last_run l = as_last(r);
    struct key k = key_word("retention");
    last_pack(&l, &packed);
    envelope_put(own, HUB_OWN_META, key_bytes(&k), buffer_bytes(&packed));
    buffer_format(
        &words, "retention: erased %" PRIu64 ", shrunk %" PRIu64 ", restricted %" PRIu64 ", lifted %" PRIu64 "; left %" PRIu64,
        l.done[DEED_ERASE], l.done[DEED_SHRINK], l.done[DEED_RESTRICT], l.done[DEED_LIFT], l.left);
    struct audit_entry e = {
        .at = l.at, .actor = r->actor, .action = AUDIT_ADMINISTER, .purpose = PURPOSE_ADMINISTRATION, .note = buffer_bytes(&words)};
    audit_add(own, &audit_hub, &e, 1);
}

static void note_done(struct hub_own_work *w, int result) {
    struct run *r = of_note(w);
    if (result == 0) {
        r->city->keeping->last = as_last(r);
        log_fact(
            LOG_INFO, "retention.done", FACT_UINT("erased", r->done[DEED_ERASE]), FACT_UINT("shrunk", r->done[DEED_SHRINK]),
            FACT_UINT("restricted", r->done[DEED_RESTRICT]), FACT_UINT("lifted", r->done[DEED_LIFT]), FACT_UINT("left", r->over));
    }
    run_end(r, result);
}

static void note(struct run *r) {
    r->note.work = note_works;
    r->note.done = note_done;
    hub_engine_own(r->city->engine, &r->note);
}

/* ---- acting */

static void tell(struct run *r, const struct item *x, size_t records, const char *order, const char *state) {
    size_t i;
    json_t *row;
    const char *name = x->rule == NULL ? "" : x->rule->name, *policy = x->source == NULL ? "" : x->source->name;
    json_int_t version = x->source == NULL ? 0 : (json_int_t)x->source->version;
    char unknown[16];
    const char *type = type_name(&r->rules.catalogue, x->type, unknown);
    json_array_foreach(r->rows, i, row) {
        json_t *n = json_object_get(row, "records");
        bool same = strcmp(json_string_value(json_object_get(row, "action")), deeds[x->deed]) == 0 &&
                    strcmp(json_string_value(json_object_get(row, "type")), type) == 0 &&
                    strcmp(json_string_value(json_object_get(row, "rule")), name) == 0 &&
                    strcmp(json_string_value(json_object_get(row, "policy")), policy) == 0 &&
                    json_integer_value(json_object_get(row, "version")) == version &&
                    strcmp(json_string_value(json_object_get(row, "order")), order) == 0 &&
                    strcmp(json_string_value(json_object_get(row, "state")), state) == 0;
        if (!same)
            continue;
        json_integer_set(n, json_integer_value(n) + (json_int_t)records);
        return;
    }
    json_array_append_new(
        r->rows, json_pack(
                     "{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:I, s:s}", "action", deeds[x->deed], "type", type, "rule", name, "records",
                     (json_int_t)records, "order", order, "state", state, "policy", policy, "version", version, "law",
                     x->source == NULL ? "" : x->source->legal_basis));
}

/* Is the same due of the record as it is now? */
static bool still(const struct run *r, struct txn *state, const struct item *x, struct arena *a, struct record *record) {
    struct item due[RULES_MOST + 1];
    if (hub_record(state, x->type, &x->id, a, record) != 0)
        return false;
    size_t n = due_of(r, record, r->today, due);
    for (size_t i = 0; i < n; i++)
        if (due[i].deed == x->deed && due[i].rule == x->rule)
            return true;
    return false;
}

static void act(struct run *r);

/* One order names what one rule erases, as many as an order takes: whom it was is in the order alone. */
static void order_look(struct batch *b, struct txn *state) {
    struct run *r = (struct run *)b;
    const struct item *first = item_at(r, r->acted);
    struct bytes part[3] = {
        bytes_of(&r->today, sizeof r->today), bytes_of(&first->type, sizeof first->type), bytes_of(first->id.b, sizeof first->id.b)};
    buffer_clear(&r->order);
    r->order_names = 0;
    r->order_id = hash_derive_id(r->city->who.city_secret, part, 3);
    for (; r->acted < item_count(r) && r->order_names < ERASE_NAMES; r->acted++) {
        CLEANUP(arena_close) struct arena a = {0};
        struct record record;
        const struct item *x = item_at(r, r->acted);
        if (x->rule != first->rule)
            break;
        if (x->kept || !still(r, state, x, &a, &record))
            continue;
        erasure_name(&r->order, x->type, &x->id);
        r->order_names++;
    }
    progress_step(&r->progress, r->order_names);
}

static void order_merged(void *owner, int result) {
    struct run *r = owner;
    if (result != 0)
        run_end(r, result);
    else
        act(r);
}

static void order_end(struct batch *b, int result) {
    struct run *r = (struct run *)b;
    if (result != 0 || r->order_names == 0) {
        order_merged(r, result);
        return;
    }
    const struct item *x = item_at(r, r->acted - 1);
    char hex[ID_HEX];
    buffer_clear(&r->reason);
    buffer_clear(&r->law);
    buffer_format(&r->reason, "retention %s, version %" PRId64 ", rule %s", x->source->name, x->source->version, x->rule->name);
    buffer_text(&r->law, x->source->legal_basis);
    tell(r, x, r->order_names, id_hex(&r->order_id, hex), "ordered");
    r->done[DEED_ERASE] += r->order_names;
    erase_records(
        r->city, &r->order_id, buffer_bytes(&r->order), x->type, buffer_string(&r->reason), buffer_string(&r->law), order_merged, r);
}

enum { OPS_ROOM = 16, NAMES_MOST = 200 };

static void set_flag(struct run *r, const struct item *x, bool on) {
    struct hub_write *w = batch_write(&r->batch, x->type, &x->id);
    w->actor = r->actor;
    w->ops[w->op_count++] = (struct op){.field = FIELD_RESTRICTED, .kind = OP_SET};
    if (on)
        w->ops[0].value = batch_keep(w, &(struct value){.kind = VALUE_FLAG, .number = 1});
}

static const struct name *names_of(struct hub_write *w, const struct head *list, size_t count, size_t *out) {
    *out = count < NAMES_MOST ? count : NAMES_MOST;
    struct name *names = arena_take(&w->arena, (*out + 1) * sizeof *names);
    for (size_t i = 0; i < *out; i++)
        names[i] = list[i].name;
    return names;
}

/* As much as one change takes; true: there is more. */
static bool shrink_some(struct run *r, const struct item *x, const struct record *record) {
    struct hub_write *w = batch_write(&r->batch, x->type, &x->id);
    w->actor = r->actor;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *f = &record->fields[i];
        if (stays(r, x->rule, f->number) || !says_something(f))
            continue;
        if (w->op_count + 2 > OPS_ROOM)
            return true;
        size_t heads, elements;
        const struct name *of_heads = names_of(w, f->heads, f->head_count, &heads);
        const struct name *of_elements = names_of(w, f->elements, f->element_count, &elements);
        if (heads > 0)
            w->ops[w->op_count++] = (struct op){.field = f->number, .kind = OP_SET, .names = of_heads, .name_count = heads};
        if (elements > 0)
            w->ops[w->op_count++] = (struct op){.field = f->number, .kind = OP_REMOVE, .names = of_elements, .name_count = elements};
        if (heads < f->head_count || elements < f->element_count)
            return true;
    }
    return false;
}

/* Whether there is more of the last one shows in the next look: it stays where it is then. */
static void write_look(struct batch *b, struct txn *state) {
    struct run *r = (struct run *)b;
    while (r->acted < item_count(r) && item_at(r, r->acted)->deed != DEED_ERASE && !batch_full(b)) {
        CLEANUP(arena_close) struct arena a = {0};
        struct record record;
        const struct item *x = item_at(r, r->acted);
        bool due = still(r, state, x, &a, &record);
        if (due && x->deed == DEED_SHRINK && shrink_some(r, x, &record))
            return;
        if (due && x->deed != DEED_SHRINK)
            set_flag(r, x, x->deed == DEED_RESTRICT);
        if (due) {
            r->done[x->deed]++;
            progress_step(&r->progress, 1);
            tell(r, x, 1, "", "done");
        }
        r->acted++;
    }
}

static void write_end(struct batch *b, int result) {
    order_merged(b, result);
}

static void act(struct run *r) {
    if (is_ended(r))
        run_end(r, -ECANCELED);
    else if (r->acted == item_count(r))
        note(r);
    else if (item_at(r, r->acted)->deed == DEED_ERASE)
        step(r, order_look, order_end);
    else
        step(r, write_look, write_end);
}

/* ---- from the look to the acts */

static int by_act(const void *one, const void *other) {
    const struct item *a = one, *b = other;
    if (a->deed != b->deed)
        return (int)a->deed - (int)b->deed;
    if (a->rule != b->rule)
        return (uintptr_t)a->rule < (uintptr_t)b->rule ? -1 : 1;
    return by_record(one, other);
}

static int by_day(const void *one, const void *other) {
    const struct item *a = one, *b = other;
    return a->day != b->day ? (a->day < b->day ? -1 : 1) : by_record(one, other);
}

static void list(struct run *r) {
    sort(r, by_day);
    for (size_t i = 0; i < item_count(r) && json_array_size(r->rows) < LIST_ROWS; i++) {
        const struct item *x = item_at(r, i);
        CLEANUP(buffer_close) struct buffer day = {0};
        char id[ID_HEX], unknown[16];
        if (x->rule == NULL)
            continue;
        value_text(&(struct value){.kind = VALUE_DATE, .number = x->day}, &day);
        json_array_append_new(
            r->rows, json_pack(
                         "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "due", buffer_string(&day), "action", deeds[x->deed], "type",
                         type_name(&r->rules.catalogue, x->type, unknown), "id", id_hex(&x->id, id), "rule", x->rule->name, "policy",
                         x->source->name, "version", (json_int_t)x->source->version, "law", x->source->legal_basis, "kept", x->kept));
    }
}

/* What stays is no work: it is counted, and in nobody's way. */
static void limit(struct run *r) {
    size_t some = 0, left = 0;
    for (size_t i = 0; i < item_count(r); i++) {
        struct item x = *item_at(r, i);
        if (!x.kept && some == RUN_DEEDS) {
            r->over++;
            continue;
        }
        some += !x.kept;
        *item_at(r, left++) = x;
    }
    r->items.len = left * sizeof(struct item);
    progress_expect(&r->progress, some);
    if (r->request == NULL && some > 0)
        r->job = jobs_begin_own(r->city->self.jobs, "retention", "records", &r->progress);
}

static void known(struct run *r) {
    for (size_t i = 0; i < item_count(r); i++)
        r->kept += item_at(r, i)->kept;
    if (r->listing) {
        list(r);
        run_end(r, 0);
        return;
    }
    sort(r, by_act);
    limit(r);
    for (size_t i = 0; r->dry && i < item_count(r); i++)
        tell(r, item_at(r, i), 1, "", item_at(r, i)->kept ? "kept for what is about it" : "due");
    if (r->dry)
        run_end(r, 0);
    else
        act(r);
}

static void about_look(struct batch *b, struct txn *state) {
    struct run *r = (struct run *)b;
    r->finished = walk(r, state, look_about);
}

static void about_end(struct batch *b, int result) {
    struct run *r = (struct run *)b;
    if (result != 0 || is_ended(r)) {
        run_end(r, result != 0 ? result : -ECANCELED);
    } else if (!r->finished) {
        step(r, about_look, about_end);
    } else if (r->newly_kept > 0) { /* what stays may be about another that must stay then */
        r->newly_kept = 0;
        walk_again(r);
        step(r, about_look, about_end);
    } else {
        known(r);
    }
}

static void due_look(struct batch *b, struct txn *state) {
    struct run *r = (struct run *)b;
    if (!r->read)
        in_force_read(state, buffer_bytes(&r->documents), "retention", r->today, &r->rules, &b->read.damaged);
    r->read = true;
    r->finished = walk(r, state, look_record);
}

static void due_end(struct batch *b, int result) {
    struct run *r = (struct run *)b;
    bool erases = false;
    if (result != 0 || is_ended(r)) {
        run_end(r, result != 0 ? result : -ECANCELED);
        return;
    }
    if (!r->finished) {
        step(r, due_look, due_end);
        return;
    }
    sort(r, by_record);
    for (size_t i = 0; i < item_count(r); i++)
        erases = erases || item_at(r, i)->deed == DEED_ERASE;
    walk_again(r);
    if (erases)
        step(r, about_look, about_end);
    else
        known(r);
}

static struct run *run_new(struct city *c, struct request *q) {
    struct run *r = memory_zeroed(1, sizeof *r);
    r->city = c;
    r->request = q;
    r->today = r->until = city_day(clock_wall());
    r->rows = json_array();
    r->actor = hub_actor(c, "retention");
    buffer_add(&r->documents, buffer_bytes(&c->documents));
    return r;
}

static void run_begin(struct run *r) {
    if (r->request != NULL && !r->dry && !r->listing)
        jobs_begin(r->city->self.jobs, r->request, "retention", "records", &r->progress);
    step(r, due_look, due_end);
}

/* ---- when */

struct asking_last {
    struct hub_own_work own; /* first */
    struct city *city;
    struct last_run last;
};

static void last_works(struct hub_own_work *w, struct txn *own) {
    struct asking_last *a = (struct asking_last *)w;
    struct key k = key_word("retention");
    struct bytes packed;
    if (envelope_get(own, HUB_OWN_META, key_bytes(&k), &packed) != 0 || !last_unpack(packed, &a->last))
        a->last = (struct last_run){.day = 0};
}

static void last_done(struct hub_own_work *w, int result) {
    struct asking_last *a = (struct asking_last *)w;
    if (result == 0 && a->city->keeping != NULL) {
        a->city->keeping->last = a->last;
        a->city->keeping->known = true;
        retention_look(a->city);
    }
    free(a);
}

void retention_open(struct city *c) {
    struct asking_last *a = memory_zeroed(1, sizeof *a);
    c->keeping = memory_zeroed(1, sizeof *c->keeping);
    a->city = c;
    a->own.work = last_works;
    a->own.done = last_done;
    hub_engine_own(c->engine, &a->own);
}

void retention_close(struct city *c) {
    free(c->keeping);
    c->keeping = NULL;
}

void retention_look(struct city *c) {
    struct keeping *k = c->keeping;
    if (k == NULL || !k->known || k->run != NULL || k->last.day == city_day(clock_wall()) || clock_now() < k->again_at || !city_writes(c))
        return;
    k->run = run_new(c, NULL);
    run_begin(k->run);
}

void retention_merged(struct city *c, const struct merged *m) {
    if (c->keeping != NULL && c->keeping->run != NULL && m->policies)
        c->keeping->run->stopped = true; /* it begins anew, by what is in force now */
}

void retention_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct keeping *k = c->keeping;
    struct last_run l = k == NULL ? (struct last_run){.day = 0} : k->last;
    json_object_set_new(out, "retention_ms", l.day == 0 ? json_null() : json_integer((json_int_t)l.at));
    json_object_set_new(out, "retention_running", json_boolean(k != NULL && k->run != NULL));
    json_object_set_new(out, "retention_erased", json_integer((json_int_t)l.done[DEED_ERASE]));
    json_object_set_new(out, "retention_shrunk", json_integer((json_int_t)l.done[DEED_SHRINK]));
    json_object_set_new(out, "retention_restricted", json_integer((json_int_t)l.done[DEED_RESTRICT]));
    json_object_set_new(out, "retention_due", json_integer((json_int_t)l.left));
    json_object_set_new(out, "retention_kept", json_integer((json_int_t)l.kept));
    if (l.left > 0)
        problem_add(problems, PROBLEM_RETENTION_LEFT, "{s:I}", "count", (json_int_t)l.left);
}

/* ---- commands */

void cmd_retention(void *owner, struct request *q) {
    struct city *c = owner;
    const char *days = request_text(q, "days");
    char *end = NULL;
    long n = days == NULL ? 30 : strtol(days, &end, 10);
    if (n < 0 || n > 36525 || (days != NULL && (*days == '\0' || *end != '\0'))) {
        request_error(q, "bad_request", "--days is a number of days", "anjuctl retention --days 90");
        return;
    }
    struct run *r = run_new(c, q);
    r->listing = true;
    r->until = r->today + n;
    run_begin(r);
}

void cmd_retention_run(void *owner, struct request *q) {
    struct city *c = owner;
    if (c->keeping == NULL || c->keeping->run != NULL) {
        request_error(q, "busy", "it is under way", "`anjuctl status` says when it is over");
        return;
    }
    struct run *r = run_new(c, q);
    r->dry = request_flag(q, "dry-run");
    c->keeping->run = r;
    run_begin(r);
}
