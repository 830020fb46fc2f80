/* What operators ask. No value of a person's record leaves here, only ids, numbers, reasons; but for `export --raw`, which names its actor
 * and purpose and leaves an entry in the hub's audit log for each record. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/daemon/print.h"
#include "common/daemon/rows.h"
#include "common/daemon/words.h"
#include "common/engine/log_proof.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "hub/city.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void question_work(struct hub_read *r, struct txn *state, struct txn *log) {
    struct question *a = (struct question *)r;
    a->run(a, state, log);
}

void question_answer(struct question *a, int result) {
    size_t n = json_array_size(a->rows);
    if (result == STORE_DISK_FULL)
        request_error(
            a->request, "busy", "the disk is full: nothing is shown, since the audit log cannot note it", "free space on the hub's disk");
    else if (result != 0)
        request_error(a->request, "internal", "the store could not be read", "restart the hub and run `anjuctl verify`");
    else if (a->code != NULL)
        request_error(a->request, a->code, buffer_string(&a->message), a->hint);
    else if (a->one)
        request_ok(a->request, n > 0 ? json_incref(json_array_get(a->rows, 0)) : json_object());
    else {
        for (size_t i = 0; i < n; i++)
            request_row(a->request, json_incref(json_array_get(a->rows, i)));
        request_end(a->request);
    }
    json_decref(a->rows);
    buffer_close(&a->message);
    buffer_close(&a->shown);
    buffer_close(&a->subjects);
    buffer_close(&a->only);
    log_proof_close(a->proof);
    free(a);
}

static void question_done(struct hub_read *r, int result) {
    struct question *a = (struct question *)r;
    if (result == 0 && a->more) {
        a->more = false;
        question_submit(a);
        return;
    }
    if (a->finish != NULL)
        a->finish(a);
    if (result == 0 && a->asked.action != 0)
        hub_engine_own(a->city->engine, &a->note);
    else
        question_answer(a, a->code != NULL ? 0 : result);
}

/* ---- no silent reading: what shows something personal is in the audit log before it is answered */

static struct question *noted(struct hub_own_work *w) {
    return (struct question *)(void *)((char *)w - offsetof(struct question, note));
}

static void note_works(struct hub_own_work *w, struct txn *own) {
    struct question *a = noted(w);
    struct audit_entry *shown = (struct audit_entry *)(void *)a->shown.at;
    size_t count = a->code == NULL ? a->shown.len / sizeof *shown : 0;
    if (a->code != NULL)
        a->asked.action = AUDIT_REFUSED;
    for (size_t i = 0; i < count; i++) {
        struct audit_entry e = a->asked;
        e.type = shown[i].type;
        e.record = shown[i].record;
        e.subject = shown[i].subject;
        shown[i] = e;
    }
    audit_add(own, &audit_hub, count > 0 ? shown : &a->asked, count > 0 ? count : 1);
}

static void note_done(struct hub_own_work *w, int result) {
    question_answer(noted(w), result);
}

bool question_purpose(struct question *a, uint32_t action) {
    const char *actor = request_text(a->request, "actor"), *purpose = request_text(a->request, "purpose");
    const char *for_case = request_text(a->request, "case"), *wrong = NULL;
    const struct catalogue_purpose *p = purpose == NULL ? NULL : catalogue_purpose(&a->city->catalogue, purpose);
    if (actor == NULL || *actor == '\0')
        wrong = "who are you? every look at personal data names its actor: --actor LOGIN";
    else if (purpose == NULL || *purpose == '\0')
        wrong = "what for? every look at personal data names its purpose: --purpose NAME";
    else if (p == NULL)
        wrong = "there is no such purpose";
    else if (for_case != NULL && !id_parse(for_case, &a->asked.case_id))
        wrong = "a case is named by its id of 32 hex digits";
    if (wrong != NULL) {
        question_refuse(a, "bad_request", "the purposes are those of the catalogue's document `purposes`", wrong);
        return false;
    }
    a->asked.at = clock_wall();
    a->asked.has_uid = request_account(a->request) == NULL;
    a->asked.uid = a->asked.has_uid ? request_uid(a->request) : 0;
    a->asked.actor = id_of_key(a->city->who.city_secret, TYPE_STAFF, bytes_text(actor));
    a->asked.purpose = p->number;
    a->asked.action = action;
    a->note.work = note_works;
    a->note.done = note_done;
    return true;
}

bool question_target(struct question *a) {
    const char *type = request_text(a->request, "type"), *id = request_text(a->request, "id");
    const struct catalogue_type *t = type == NULL ? NULL : catalogue_type(&a->city->catalogue, type);
    if (t == NULL) {
        question_refuse(a, "bad_request", "`anjuctl types` at an office lists them", "there is no such record type");
        return false;
    }
    if (id == NULL || *id == '\0') {
        question_refuse(a, "bad_request", "32 hex digits, or the key that a source calls it by", "which record? the id is missing");
        return false;
    }
    a->asked.type = t->number;
    if (!id_parse(id, &a->asked.record))
        a->asked.record = id_of_key(a->city->who.city_secret, t->number, bytes_text(id));
    return true;
}

void question_refuse(struct question *a, const char *code, const char *hint, const char *message) {
    question_fail(a, code, hint, "%s", request_words(a->request, message));
    question_answer(a, 0);
}

struct question *question_new(struct city *c, struct request *q, void (*run)(struct question *a, struct txn *state, struct txn *log)) {
    return question_of(c, q, sizeof(struct question), run);
}

void *question_of(struct city *c, struct request *q, size_t size, void (*run)(struct question *a, struct txn *state, struct txn *log)) {
    struct question *a = memory_zeroed(1, size);
    a->city = c;
    a->hub = c->keys.public;
    a->request = q;
    a->run = run;
    a->rows = json_array();
    a->read.work = question_work;
    a->read.done = question_done;
    return a;
}

void question_submit(struct question *a) {
    hub_engine_read(a->city->engine, &a->read);
}

void question_fail(struct question *a, const char *code, const char *hint, const char *format, ...) {
    va_list args;
    if (a->code != NULL)
        return;
    a->code = code;
    a->hint = hint;
    va_start(args, format);
    words_format(&a->message, request_chinese(a->request), format, args);
    va_end(args);
}

/* ---- status and nodes: from the machines, without the store */

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

void cmd_status(void *owner, struct request *q) {
    struct city *c = owner;
    json_t *out = json_object();
    struct problems problems = {.count = 0};
    json_object_set_new(out, "state", json_null()); /* it stands first */
    city_problems(c, &(struct problem_limits){PROBLEM_LAG_MS, PROBLEM_OFFLINE_MS, PROBLEM_DISK_BYTES}, out, &problems);
    json_object_set_new(out, "state", json_string(problem_level_name(problems_level(&problems))));
    json_object_set_new(out, "problems", problems_words(&problems, request_chinese(q)));
    json_object_set_new(out, "as_of_ms", number(clock_wall()));
    problems_close(&problems);
    request_ok(q, out);
}

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static bool is_wanted(const struct question *a, uint32_t node) {
    return a->only.len == 0 || bsearch(&node, a->only.at, a->only.len / sizeof node, sizeof node, by_number) != NULL;
}

/* Names and areas lie in the state, what the link says in the machine. */
static int office_row(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct question *a = owner;
    char text[AREA_TEXT];
    struct buffer name = {0}, areas = {0};
    if (!is_wanted(a, node))
        return 0;
    const struct head *h = office == NULL ? NULL : field_winner(record_field(office, OFFICE_NAME));
    if (h != NULL)
        value_show(h->value, &name);
    for (size_t i = 0; i < n->served_count; i++)
        buffer_format(&areas, "%s%s", i == 0 ? "" : " ", area_text(n->served[i], text));
    json_array_append_new(
        a->rows, json_pack(
                     "{s:i, s:s, s:s, s:I, s:I, s:I, s:I}", "node", (int)node, "name", buffer_string(&name), "areas", buffer_string(&areas),
                     "received", (json_int_t)n->received, "merged", (json_int_t)n->merged, "held", (json_int_t)n->held, "repeated",
                     (json_int_t)n->repeated));
    buffer_close(&name);
    buffer_close(&areas);
    return 0;
}

static void run_nodes(struct question *a, struct txn *state, struct txn *log) {
    (void)log;
    hub_offices(state, office_row, a, &a->read.damaged);
}

static void add_link(const struct city *c, const struct hub_peer *p, json_t *row) {
    const struct hub_link *l = &p->link;
    instant now = clock_now();
    char text[PUBLIC_TEXT];
    uint64_t accepted = 0;
    for (size_t x = 0; x < l->life_count; x++)
        accepted += l->lives[x].accepted;
    const char *state = office_state(l, now);
    bool now_so = strcmp(state, "online") == 0;
    json_object_set_new(row, "state", json_string(state));
    json_object_set_new(row, "retiring", json_boolean(p->retiring));
    json_object_set_new(row, "accepted", number(accepted));
    json_object_set_new(row, "wrongs", number(office_wrongs(p)));
    json_object_set_new(row, "garbage", number(p->wrongs.garbage));
    json_object_set_new(row, "forged", number(p->wrongs.forged));
    json_object_set_new(row, "flood", number(p->wrongs.flood));
    json_object_set_new(row, "moved", c->rekey != REKEY_OPEN ? json_null() : json_boolean(hub_engine_moved(c->engine, p)));
    json_object_set_new(row, "public", json_string(public_text(&p->keys, text)));
    json_object_set_new(row, "key_before_until_ms", p->before_until > clock_wall() ? number(p->before_until) : json_null());
    json_object_set_new(row, "at", number(l->at));
    json_object_set_new(row, "software", *l->software == '\0' ? json_null() : json_string(l->software));
    json_object_set_new(row, "update_needed", json_boolean(standing_update_needed(c, l)));
    json_object_set_new(row, "backlog", l->reported == 0 ? json_null() : number(l->last.backlog));
    json_object_set_new(row, "queue", l->reported == 0 ? json_null() : json_sprintf("%" PRIu64 "%s", l->last.backlog, now_so ? "" : "?"));
    json_object_set_new(row, "as_of_ms", now_so ? number(clock_wall()) : l->reported == 0 ? json_null() : number(l->reported));
    json_object_set_new(row, "verified_ms", l->verified == 0 ? json_null() : number(l->verified));
    json_object_set_new(row, "clock_ahead_ms", l->heard == 0 ? json_null() : json_integer(l->clock_ahead_ms));
    json_object_set_new(row, "oldest_ms", l->reported == 0 ? json_null() : number(l->last.oldest_ms));
    json_object_set_new(row, "reported_ms", l->reported == 0 ? json_null() : number(l->reported));
    json_object_set_new(row, "disk_free_bytes", l->reported == 0 ? json_null() : number(l->last.disk_free));
    json_object_set_new(row, "last_seen_ms", l->heard == 0 ? json_null() : number(now - l->heard));
}

static void finish_nodes(struct question *a) {
    const struct city *c = a->city;
    size_t i;
    json_t *row;
    a->rows = rows_sorted_by(a->rows, "node", false); /* office records lie in the order of their ids */
    json_array_foreach(a->rows, i, row) {
        const struct hub_peer *p = hub_engine_peer_of(c->engine, (uint32_t)json_integer_value(json_object_get(row, "node")));
        if (p != NULL)
            add_link(c, p, row);
    }
    if (a->only.len > 0 && json_array_size(a->rows) == 0)
        question_fail(a, "not_found", "`anjuctl nodes` lists them", "there is no node %u", *(const uint32_t *)(const void *)a->only.at);
}

/* Which of them, and in which order. */
struct listing {
    struct question ask;
    const char *sort, *state; /* borrow, of the request; NULL: by number, in any state */
    bool down;
};

static void finish_listing(struct question *a) {
    const struct listing *l = (const struct listing *)a;
    finish_nodes(a);
    for (size_t i = json_array_size(a->rows); l->state != NULL && i-- > 0;) {
        const char *state = json_string_value(json_object_get(json_array_get(a->rows, i), "state"));
        if (state == NULL || strcmp(state, l->state) != 0)
            json_array_remove(a->rows, i);
    }
    if (l->sort != NULL)
        a->rows = rows_sorted_by(a->rows, l->sort, l->down);
}

/* By either of its names; `all` gets those that the asker's language has. */
static const char *state_known(const struct request *q, const char *state, struct buffer *all) {
    const char *known = NULL;
    for (const char *const *s = office_states; *s != NULL; s++) {
        buffer_format(all, "%s%s", s == office_states ? "" : ", ", print_state(request_chinese(q), *s));
        if (strcmp(*s, state) == 0 || strcmp(print_state(true, *s), state) == 0)
            known = *s;
    }
    return known;
}

/* --sort FIELD or -FIELD, --state STATE, also in Chinese. False: there is none of that name, and it was answered. */
static bool take_order(struct request *q, const char **sort, const char **state, bool *down) {
    struct buffer all = {0};
    bool good = false;
    *sort = request_text(q, "sort");
    *state = request_text(q, "state");
    *down = *sort != NULL && **sort == '-';
    if (*down)
        (*sort)++;
    if (*sort != NULL && !schema_has("nodes", *sort, &all)) {
        request_errorf(q, "bad_request", buffer_string(&all), "a node has no field '%s' to sort by; it has:", *sort);
    } else {
        buffer_clear(&all);
        const char *known = *state == NULL ? NULL : state_known(q, *state, &all);
        good = *state == NULL || known != NULL;
        if (!good)
            request_errorf(q, "bad_request", buffer_string(&all), "a node is never '%s'; its state is one of:", *state);
        *state = known;
    }
    buffer_close(&all);
    return good;
}

void cmd_nodes(void *owner, struct request *q) {
    const char *sort, *state;
    bool down;
    if (!take_order(q, &sort, &state, &down))
        return;
    struct listing *l = question_of(owner, q, sizeof *l, run_nodes);
    struct question *a = &l->ask;
    const json_t *words = json_object_get(request_args(q), "nodes"), *word;
    size_t i;
    l->sort = sort;
    l->state = state;
    l->down = down;
    a->finish = finish_listing;
    json_array_foreach(words, i, word) {
        uint64_t number;
        uint32_t node = request_number_in(word, &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
        buffer_add(&a->only, bytes_of(&node, sizeof node));
    }
    if (a->only.len > 0)
        qsort(a->only.at, a->only.len / sizeof(uint32_t), sizeof(uint32_t), by_number);
    question_submit(a);
}

void cmd_node_show(void *owner, struct request *q) {
    struct question *a = question_new(owner, q, run_nodes);
    a->finish = finish_nodes;
    a->one = true;
    uint32_t node = request_node(q);
    buffer_add(&a->only, bytes_of(&node, sizeof node));
    question_submit(a);
}

/* A node's enrolment file once more: who lost it need not enrol another machine. */
static int enrolment_row(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct question *a = owner;
    struct buffer name = {0};
    if (node != a->node || office == NULL)
        return 0;
    const struct head *h = field_winner(record_field(office, OFFICE_NAME));
    if (h != NULL)
        value_show(h->value, &name);
    memcpy(a->areas, n->served, sizeof n->served);
    a->area_count = n->served_count;
    json_array_append_new(a->rows, json_pack("{s:I, s:s}", "node", (json_int_t)node, "name", buffer_string(&name)));
    buffer_close(&name);
    return 0;
}

static void run_enrolment(struct question *a, struct txn *state, struct txn *log) {
    (void)log;
    hub_offices(state, enrolment_row, a, &a->read.damaged);
}

static void finish_enrolment(struct question *a) {
    json_t *row = json_array_get(a->rows, 0);
    struct office_areas areas = {.count = a->area_count};
    struct buffer file = {0}, hex = {0};
    const struct hub_peer *p = hub_engine_peer_of(a->city->engine, a->node);
    if (row == NULL || (p != NULL && p->link.revoked)) {
        question_fail(
            a, row == NULL ? "not_found" : "conflict", "`anjuctl nodes` lists them",
            row == NULL ? "there is no node %u" : "node %u was revoked: its machine is enrolled no more", a->node);
        return;
    }
    memcpy(areas.areas, a->areas, sizeof areas.areas);
    office_enrolment(a->city, false, a->node, &areas, json_string_value(json_object_get(row, "name")), &file);
    hex_encode(buffer_bytes(&file), &hex);
    json_object_set_new(row, "file_hex", json_string(buffer_string(&hex)));
    log_fact(LOG_WARNING, "node.enrolment_again", FACT_UINT("node", a->node), FACT_UINT("uid", request_uid(a->request)));
    buffer_close(&file);
    buffer_close(&hex);
}

void cmd_node_enrolment(void *owner, struct request *q) {
    struct question *a = question_new(owner, q, run_enrolment);
    a->finish = finish_enrolment;
    a->one = true;
    a->node = request_node(q);
    question_submit(a);
}

/* ---- conflicts */

static int conflict_row(void *owner, const struct record *r) {
    struct question *a = owner;
    char id[ID_HEX];
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        if (!field_concurrent(f))
            continue;
        json_t *nodes = json_array();
        for (size_t k = 0; k < f->head_count; k++)
            json_array_append_new(
                nodes,
                json_pack(
                    "{s:I, s:I}", "node", (json_int_t)f->heads[k].version.node, "at_ms", (json_int_t)hlc_ms(f->heads[k].version.hlc)));
        json_array_append_new(
            a->rows, json_pack(
                         "{s:I, s:s, s:I, s:o}", "type", (json_int_t)r->type, "id", id_hex(&r->id, id), "field", (json_int_t)f->number,
                         "sides", nodes));
    }
    return 0;
}

static void run_conflicts(struct question *a, struct txn *state, struct txn *log) {
    (void)log;
    hub_records(state, 0, conflict_row, a, &a->read.damaged);
}

static void name_fields(struct question *a) {
    size_t i;
    json_t *row;
    char unknown[16];
    json_array_foreach(a->rows, i, row) {
        uint32_t type = (uint32_t)json_integer_value(json_object_get(row, "type"));
        json_t *field = json_object_get(row, "field");
        const struct catalogue_type *t = catalogue_type_number(&a->city->catalogue, type);
        const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, (uint32_t)json_integer_value(field));
        json_object_set_new(row, "type", json_string(type_name(&a->city->catalogue, type, unknown)));
        if (f != NULL)
            json_object_set_new(row, "field", json_string(f->name));
    }
}

/* Several values of a field whose rule says which of them counts are no conflict. */
static void leave_out_settled(struct question *a) {
    json_t *rest = json_array(), *row;
    size_t i;
    json_array_foreach(a->rows, i, row) {
        const struct catalogue_type *t =
            catalogue_type_number(&a->city->catalogue, (uint32_t)json_integer_value(json_object_get(row, "type")));
        const struct catalogue_field *f =
            t == NULL ? NULL : type_field_number(t, (uint32_t)json_integer_value(json_object_get(row, "field")));
        if (f == NULL || (f->rule != SHOW_HUB && f->rule != SHOW_MAX && f->rule != SHOW_MIN))
            json_array_append(rest, row);
    }
    json_decref(a->rows);
    a->rows = rest;
    name_fields(a);
}

void cmd_conflicts(void *owner, struct request *q) {
    struct question *a = question_new(owner, q, run_conflicts);
    a->finish = leave_out_settled;
    question_submit(a);
}

/* Who said what is to be decided of one record, and which office decides: no values. */
static void run_sides(struct question *a, struct txn *state, struct txn *log) {
    struct arena arena = {0};
    struct record r;
    struct value home = {.kind = VALUE_NONE};
    char text[AREA_TEXT], side[HEAD_SIDE_TEXT], id[ID_HEX];
    (void)log;
    int there = hub_record(state, a->asked.type, &a->asked.record, &arena, &r);
    if (there != 0)
        question_fail(
            a, there == HUB_RECORD_ROTTEN ? "internal" : "not_found",
            there == HUB_RECORD_ROTTEN ? "run `anjuctl verify`" : "the record's id, or the key that its source calls it by",
            there == HUB_RECORD_ROTTEN ? "the record could not be read" : "there is no such record in the city");
    const struct head *lies = there == 0 ? field_winner(record_field(&r, FIELD_HOME)) : NULL;
    bool placed = lies != NULL && value_unpack(lies->value, &home) && home.kind == VALUE_AREA;
    for (size_t i = 0; there == 0 && i < r.field_count; i++) {
        const struct field *f = &r.fields[i];
        for (size_t k = 0; field_concurrent(f) && k < f->head_count; k++) {
            const struct head *h = &f->heads[k];
            json_array_append_new(
                a->rows, json_pack(
                             "{s:I, s:s, s:I, s:s, s:I, s:I, s:s}", "type", (json_int_t)r.type, "id", id_hex(&r.id, id), "field",
                             (json_int_t)f->number, "side", head_side(h, side), "node", (json_int_t)h->version.node, "at_ms",
                             (json_int_t)hlc_ms(h->version.hlc), "home", placed ? area_text(home.area, text) : ""));
        }
    }
    arena_close(&arena);
}

void cmd_conflict_show(void *owner, struct request *q) {
    struct question *a = question_new(owner, q, run_sides);
    a->finish = leave_out_settled;
    if (question_target(a))
        question_submit(a);
}

/* ---- the same as a node has: digests and the replicated state of its areas */

static bool find_areas(struct question *a, struct txn *state) {
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    if (a->node == 0) {
        a->area_count = 0;
    } else if (hub_node_get(state, a->node, n)) {
        a->area_count = area_expand(n->served, n->served_count, a->node, a->areas, LIMIT_AREAS);
    } else {
        question_fail(a, "not_found", "`anjuctl nodes` lists them", "there is no node %u", a->node);
    }
    free(n);
    return a->code == NULL;
}

static void run_digest(struct question *a, struct txn *state, struct txn *log) {
    char text[AREA_TEXT], hex[40];
    (void)log;
    if (!find_areas(a, state))
        return;
    for (size_t i = 0; i < a->area_count; i++) {
        struct digest d = hub_digest(state, a->areas[i]);
        snprintf(hex, sizeof hex, "%016lx%016lx", (unsigned long)d.lane[0], (unsigned long)d.lane[1]);
        json_array_append_new(a->rows, json_pack("{s:s, s:s}", "area", area_text(a->areas[i], text), "digest", hex));
    }
}

void cmd_digest(void *owner, struct request *q) {
    struct question *a = question_new(owner, q, run_digest);
    a->node = request_node(q);
    if (a->node == 0) {
        area one;
        const char *text = request_text(q, "area");
        if (text == NULL || !area_parse(bytes_text(text), &one)) {
            question_fail(a, "bad_request", "--node N or --area DIGITS", "a digest is of an area, or of all areas of a node");
        } else {
            a->areas[0] = one;
            a->area_count = 1;
        }
    }
    question_submit(a);
}

static int export_row(void *owner, const struct record *r) {
    struct question *a = owner;
    area now[64];
    size_t count = record_areas_now(r, now, 64);
    bool in = a->node == 0;
    for (size_t i = 0; i < count && i < 64 && !in; i++)
        for (size_t k = 0; k < a->area_count && !in; k++)
            in = now[i] == a->areas[k];
    in = in && (a->hashes || a->restricted || !record_restricted(r));
    json_t *row = in ? record_show_raw(r, a->hashes) : NULL;
    if (row != NULL)
        json_array_append_new(a->rows, row);
    if (row != NULL && a->raw && r->type != TYPE_OFFICE && r->type != TYPE_POLICY) {
        struct audit_entry e = {.type = r->type, .record = r->id, .subject = record_subject(buffer_bytes(&a->subjects), r)};
        buffer_add(&a->shown, bytes_of(&e, sizeof e));
    }
    return 0;
}

static void run_export(struct question *a, struct txn *state, struct txn *log) {
    (void)log;
    if (find_areas(a, state))
        hub_records(state, 0, export_row, a, &a->read.damaged);
    if (a->read.damaged.len > 0) /* what is compared or restored by it must be whole */
        question_fail(a, "conflict", "run `anjuctl verify`, then restore or rebuild the state", "some records are damaged");
}

void cmd_export(void *owner, struct request *q) {
    bool hashes = request_flag(q, "hashes");
    if (!hashes && !request_flag(q, "raw")) {
        request_error(
            q, "bad_request", "the hub gives out no records of persons, only the replicated state", "--hashes to compare by, --raw");
        return;
    }
    struct question *a = question_new(owner, q, run_export);
    a->node = request_node(q);
    a->hashes = hashes;
    a->raw = !hashes;
    subject_fields(&a->city->catalogue, &a->subjects);
    if (!hashes && !question_purpose(a, AUDIT_EXPORT))
        return;
    a->restricted = catalogue_opens_restricted(&a->city->catalogue, a->asked.purpose);
    question_submit(a);
}

static void complain(void *owner, const char *what) {
    struct question *a = owner;
    json_array_append_new(a->rows, json_pack("{s:s}", "complaint", what));
}

static int office_key_each(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    static const uint32_t fields[] = {OFFICE_KEY, OFFICE_KEY_BEFORE};
    (void)n;
    for (size_t i = 0; office != NULL && i < sizeof fields / sizeof *fields; i++) {
        const struct head *h = field_winner(record_field(office, fields[i]));
        struct value v;
        if (h != NULL && value_unpack(h->value, &v) && v.kind == VALUE_TEXT)
            log_proof_key(owner, node, v.text);
    }
    return 0;
}

/* What no proof looks at: places, offices' rows, tokens, who looked at what. */
static void check_values(struct question *a, struct txn *log, struct txn *own) {
    envelope_check(log, HUB_LOG_META, complain, a, &a->progress);
    envelope_check(log, HUB_LOG_NODES, complain, a, &a->progress);
    envelope_check(own, HUB_OWN_META, complain, a, &a->progress);
    envelope_check(own, HUB_OWN_AUDIT, complain, a, &a->progress);
    envelope_check(own, HUB_OWN_HEADS, complain, a, &a->progress);
    envelope_check(own, HUB_OWN_TOKENS, complain, a, &a->progress);
}

void question_keys(struct question *a, struct txn *state, struct txn *own, void (*complain_to)(void *owner, const char *what)) {
    a->proof = log_proof_open(&a->hub, own, complain_to, a);
    if (txn_result(own) != 0)
        complain_to(a, "the second home of the hub's own changes cannot be read");
    hub_offices(state, office_key_each, a->proof, &a->read.damaged);
}

static void begin_proof(struct question *a, struct txn *state, struct txn *log) {
    struct txn *own;
    if (store_read(hub_engine_stores(a->city->engine)->own, &own) != 0) {
        complain(a, "the second home of the hub's own changes cannot be read");
        return;
    }
    check_values(a, log, own);
    question_keys(a, state, own, complain);
    txn_abort(own);
}

/* A check reads a snapshot of the state on the thread of backups, then the log stretch by stretch: questions and pages to offices do not
 * wait for it. */
struct verifying {
    struct question ask; /* first */
    struct job job;
    uint64_t met; /* damage, when it began */
};

static struct verifying *verifying(struct job *j) {
    return (struct verifying *)(void *)((char *)j - offsetof(struct verifying, job));
}

static void check_state(struct question *a) {
    const struct hub_stores *stores = hub_engine_stores(a->city->engine);
    struct txn *state, *log;
    if (store_read(stores->state, &state) != 0) {
        complain(a, "the state cannot be read");
        return;
    }
    hub_verify(state, complain, a, &a->progress);
    if (txn_result(state) != 0)
        complain(a, "the state cannot be read");
    if (store_read(stores->log, &log) == 0) {
        progress_expect(&a->progress, store_count(log, HUB_LOG_ENTRIES));
        begin_proof(a, state, log);
        txn_abort(log);
    } else {
        complain(a, "the log cannot be read");
    }
    txn_abort(state);
}

/* False: that was the last, or the log cannot be read. */
static bool check_log(struct question *a) {
    enum { STRETCH = 200 };
    uint64_t before = log_proof_pushes(a->proof);
    struct txn *log;
    if (store_read(hub_engine_stores(a->city->engine)->log, &log) != 0) {
        complain(a, "the log cannot be read");
        return false;
    }
    bool more = log_proof_walk(a->proof, log, STRETCH);
    progress_step(&a->progress, log_proof_pushes(a->proof) - before);
    if (txn_result(log) != 0)
        complain(a, "the log cannot be read");
    txn_abort(log);
    return more;
}

static void verify_works(struct job *j, void *owner) {
    struct question *a = &verifying(j)->ask;
    (void)owner;
    check_state(a);
    while (a->proof != NULL && !progress_stopped(&a->progress) && check_log(a))
        continue;
}

static void verify_done(struct job *j, int result) {
    struct verifying *v = verifying(j);
    struct question *a = &v->ask;
    size_t n = json_array_size(a->rows);
    (void)result;
    if (progress_stopped(&a->progress)) {
        question_fail(a, "busy", "run it again", "the check was cancelled, or the daemon is stopping");
    } else if (n > 0) {
        question_fail(
            a, "conflict", "keep a copy of the data folder, then restore a backup", "%zu complaints; the first: %s", n,
            json_string_value(json_object_get(json_array_get(a->rows, 0), "complaint")));
    } else {
        hub_engine_sound(a->city->engine, v->met);
        json_array_append_new(
            a->rows, json_pack(
                         "{s:I, s:I, s:s}", "checked", (json_int_t)(a->progress.done - log_proof_pushes(a->proof)), "pushes",
                         (json_int_t)log_proof_pushes(a->proof), "result", "sound"));
    }
    buffer_close(&a->read.damaged); /* said by `complain` */
    question_answer(a, 0);
}

void cmd_verify_state(void *owner, struct request *q) {
    struct city *c = owner;
    struct verifying *v = question_of(owner, q, sizeof *v, NULL);
    v->met = hub_engine_damage_met(c->engine);
    v->ask.one = true;
    v->job.work = verify_works;
    v->job.done = verify_done;
    jobs_begin(c->self.jobs, q, "verify", "values", &v->ask.progress);
    backups_submit(c, &v->job);
}
