/* The hub's own audit log: what operators looked at and ordered here. What offices noted stays with them; of their logs the hub has heads
 * and nothing else. A look into the log is an entry too, and an order is one before it is carried out. */
#include "common/base/clock.h"
#include "common/daemon/rows.h"
#include "common/model/value.h"
#include "hub/city.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct auditing {
    struct question ask;
    wall_ms from, to;
    struct id16 person;
    bool zh;
};

static bool reads_own(struct question *a, struct txn **own) {
    if (store_read(hub_engine_stores(a->city->engine)->own, own) == 0)
        return true;
    question_fail(a, "internal", "restart the hub and run `anjuctl verify`", "the audit log cannot be read");
    return false;
}

/* ---- export */

static int export_each(void *owner, const struct audit_entry *e) {
    struct auditing *x = owner;
    if (id_zero(&x->ask.asked.record) || id_equal(&x->ask.asked.record, &e->record))
        json_array_append_new(x->ask.rows, audit_row(e));
    return 0;
}

static void run_export(struct question *a, struct txn *state, struct txn *log) {
    struct auditing *x = (struct auditing *)a;
    struct txn *own;
    (void)state;
    (void)log;
    if (!reads_own(a, &own))
        return;
    audit_each(own, &audit_hub, x->from, x->to, export_each, x);
    txn_abort(own);
}

static void finish_export(struct question *a) {
    size_t i;
    json_t *row;
    json_array_foreach(a->rows, i, row) {
        audit_row_names(&a->city->catalogue, row);
    }
}

void cmd_audit_export(void *owner, struct request *q) {
    struct auditing *x = question_of(owner, q, sizeof *x, run_export);
    const char *id = request_text(q, "id"), *from = request_text(q, "from"), *to = request_text(q, "to");
    x->ask.finish = finish_export;
    if (!question_purpose(&x->ask, AUDIT_LOG))
        return;
    if ((from != NULL && !when_parse(from, false, &x->from)) || (to != NULL && !when_parse(to, true, &x->to)))
        question_refuse(&x->ask, "bad_request", "--from 2026-03-01, --to \"2026-03-01 17:30\"", "a time is a day, or a day and a minute");
    else if (id != NULL && !id_parse(id, &x->ask.asked.record))
        question_refuse(&x->ask, "bad_request", "32 hex digits", "the hub knows records by their ids only");
    else
        question_submit(&x->ask);
}

/* ---- person: what the hub itself noted, and which offices keep notes of their own */

static int person_each(void *owner, const struct audit_entry *e) {
    struct auditing *x = owner;
    if (audit_concerns(e, &x->person))
        json_array_append_new(x->ask.rows, audit_row(e));
    return 0;
}

struct holders {
    struct auditing *x;
    struct record person;
};

/* An office in whose areas the record is, or was. */
static int holder_each(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct holders *h = owner;
    struct buffer name = {0};
    area served[LIMIT_AREAS];
    bool holds = false;
    size_t count = area_expand(n->served, n->served_count, node, served, LIMIT_AREAS);
    for (size_t i = 0; i < h->person.area_count && !holds; i++)
        for (size_t k = 0; k < count && !holds; k++)
            holds = h->person.areas[i].area == served[k];
    const struct head *said = office == NULL ? NULL : field_winner(record_field(office, OFFICE_NAME));
    if (holds && said != NULL)
        value_show(said->value, &name);
    if (holds)
        json_array_append_new(h->x->ask.rows, json_pack("{s:I, s:s}", "holder", (json_int_t)node, "office", buffer_string(&name)));
    buffer_close(&name);
    return 0;
}

static void run_person(struct question *a, struct txn *state, struct txn *log) {
    struct auditing *x = (struct auditing *)a;
    struct holders h = {.x = x};
    struct arena arena = {0};
    struct txn *own;
    (void)log;
    if (!reads_own(a, &own))
        return;
    audit_each(own, &audit_hub, 0, 0, person_each, x);
    txn_abort(own);
    if (hub_record(state, a->asked.type, &x->person, &arena, &h.person) == 0)
        hub_offices(state, holder_each, &h, &a->read.damaged);
    arena_close(&arena);
}

static json_t *holder_row(const struct auditing *x, const json_t *found) {
    json_int_t node = json_integer_value(json_object_get(found, "holder"));
    const struct hub_peer *p = hub_engine_peer_of(x->ask.city->engine, (uint32_t)node);
    const struct audit_kept *k = p == NULL || audit_head_none(&p->audit.kept.told.head) ? NULL : &p->audit.kept;
    const char *name = json_string_value(json_object_get(found, "office"));
    char at[32];
    json_t *row = json_object();
    json_object_set_new(row, "office", json_string(name));
    json_object_set_new(row, "node", json_integer(node));
    json_object_set_new(row, "as_of_ms", k == NULL ? json_null() : json_integer((json_int_t)k->heard));
    if (x->zh)
        json_object_set_new(
            row, "words",
            json_sprintf(
                "%s（节点%lld）保存自己的访问记录，市级未见；最近联系：%s。请向其查询。", name, (long long)node,
                k == NULL ? "尚未" : when_text(k->heard, at)));
    else
        json_object_set_new(
            row, "words",
            json_sprintf(
                "%s (node %lld) keeps its own notes, which are not seen here; last heard: %s. Ask there.", name, (long long)node,
                k == NULL ? "never" : when_text(k->heard, at)));
    return row;
}

static void finish_person(struct question *a) {
    struct auditing *x = (struct auditing *)a;
    json_t *shown = json_array(), *row;
    size_t i;
    json_array_foreach(a->rows, i, row) {
        if (json_object_get(row, "holder") != NULL) {
            json_array_append_new(shown, holder_row(x, row));
            continue;
        }
        audit_row_names(&a->city->catalogue, row);
        json_array_append_new(shown, audit_words(&a->city->catalogue, standing_labels(a->city), row, x->zh ? "市级" : "city hall", x->zh));
    }
    wall_ms now = clock_wall();
    char at[32];
    row = json_pack("{s:I, s:s}", "as_of_ms", (json_int_t)now, "office", x->zh ? "市级" : "city hall");
    json_object_set_new(
        row, "words",
        x->zh ? json_sprintf("以上是市级自己的记录，截至 %s。", when_text(now, at))
              : json_sprintf("This is what city hall itself noted, as of %s.", when_text(now, at)));
    json_array_append_new(shown, row);
    json_decref(a->rows);
    a->rows = shown;
}

void cmd_audit_person(void *owner, struct request *q) {
    struct city *c = owner;
    struct auditing *x = question_of(c, q, sizeof *x, run_person);
    const char *whole = request_text(q, "person"), *slash = whole == NULL ? NULL : strchr(whole, '/'), *lang = request_text(q, "lang");
    const char *id = slash == NULL ? whole : slash + 1;
    struct buffer name = {0};
    buffer_add(&name, slash == NULL ? BYTES("Person") : bytes_of(whole, (size_t)(slash - whole)));
    const struct catalogue_type *t = id == NULL || *id == '\0' ? NULL : catalogue_type(&c->catalogue, buffer_string(&name));
    buffer_close(&name);
    x->ask.finish = finish_person;
    x->zh = lang != NULL && strcmp(lang, "zh") == 0;
    if (!question_purpose(&x->ask, AUDIT_LOG))
        return;
    if (t == NULL) {
        question_refuse(&x->ask, "bad_request", "anjuctl audit person Person/ID --actor LOGIN --purpose NAME", "whose record? TYPE/ID");
        return;
    }
    if (!id_parse(id, &x->person))
        x->person = id_of_key(c->who.city_secret, t->number, bytes_text(id));
    x->ask.asked.type = t->number;
    x->ask.asked.record = x->person;
    question_submit(&x->ask);
}

/* ---- verify, heads, settle */

static void run_verify(struct question *a, struct txn *state, struct txn *log) {
    struct audit_checked c;
    struct txn *own;
    (void)state;
    (void)log;
    if (!reads_own(a, &own))
        return;
    audit_verify(own, &audit_hub, &c);
    txn_abort(own);
    if (c.bad != 0)
        question_fail(
            a, "conflict", "keep a copy of the data folder, and find out who could write there; `anjuctl audit heads` tells what is kept",
            "from entry %llu on the log does not hold: %s", (unsigned long long)c.bad, buffer_string(&c.what));
    else
        json_array_append_new(
            a->rows, json_pack(
                         "{s:I, s:I, s:I, s:I, s:s}", "first", (json_int_t)c.first, "last", (json_int_t)c.last, "blocks",
                         (json_int_t)c.blocks, "heads", (json_int_t)c.heads, "result", "sound"));
    buffer_close(&c.what);
}

/* Beside it: whose logs did not go on. They do not make the hub's own unsound. */
static void finish_verify(struct question *a) {
    json_t *broken = json_array();
    for (size_t i = 0; i < hub_engine_peers(a->city->engine); i++) {
        const struct hub_peer *p = hub_engine_peer(a->city->engine, i);
        if (!audit_head_none(&p->audit.broken.told.head))
            json_array_append_new(broken, json_integer(p->link.node));
    }
    json_t *row = json_array_get(a->rows, 0);
    if (row != NULL)
        json_object_set(row, "broken_nodes", broken);
    json_decref(broken);
}

void cmd_audit_verify(void *owner, struct request *q) {
    struct question *a = question_of(owner, q, sizeof *a, run_verify);
    a->finish = finish_verify;
    a->one = true;
    question_submit(a);
}

/* From the machine: the last of each node, and what is broken. */
void cmd_audit_heads(void *owner, struct request *q) {
    const struct city *c = owner;
    bool all = !request_has(q, "node");
    uint32_t only = request_node(q);
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_peer *p = hub_engine_peer(c->engine, i);
        char name[32];
        snprintf(name, sizeof name, "node %u", p->link.node);
        if (!all && only != p->link.node)
            continue;
        if (!audit_head_none(&p->audit.kept.told.head))
            request_row(q, audit_head_row(name, "hub", &p->audit.kept));
        if (!audit_head_none(&p->audit.broken.told.head))
            request_row(q, audit_head_row(name, "hub", &p->audit.broken));
        if (!audit_head_none(&p->audit.told.head))
            request_row(q, audit_head_row("hub", name, &(struct audit_kept){.told = p->audit.told, .heard = p->audit.kept.heard}));
    }
    const struct audit_kept *own = hub_engine_audit_broken(c->engine);
    if (!audit_head_none(&own->told.head))
        request_row(q, audit_head_row("hub", "a node", own));
    request_end(q);
}

struct settling {
    struct hub_own_work own;
    struct city *city;
    struct request *request;
    uint32_t node;
};

static void settle_works(struct hub_own_work *w, struct txn *own) {
    audit_break_settle(own, &audit_hub, ((struct settling *)w)->node);
}

static void settle_done(struct hub_own_work *w, int result) {
    struct settling *x = (struct settling *)w;
    if (result == 0) {
        hub_engine_audit_settled(x->city->engine, x->node);
        request_ok(x->request, json_pack("{s:s}", "audit", "settled"));
    } else {
        request_error(
            x->request, "busy", "the disk is full, or failed; nothing of this was saved", "free space on the hub's disk, then again");
    }
    free(x);
}

void cmd_audit_settle(void *owner, struct request *q) {
    struct city *c = owner;
    const char *text = request_text(q, "node");
    uint32_t node = text == NULL ? 0 : strcmp(text, "hub") == 0 ? HEADS_OWN : request_node(q);
    if (node != HEADS_OWN && hub_engine_peer_of(c->engine, node) == NULL) {
        request_error(q, "not_found", "`anjuctl nodes` lists them", "whose log? a node's number, or: hub");
        return;
    }
    struct settling *x = memory_zeroed(1, sizeof *x);
    x->city = c;
    x->request = q;
    x->node = node;
    x->own.work = settle_works;
    x->own.done = settle_done;
    hub_engine_own(c->engine, &x->own);
}

/* For status: whose log is not what it was. */
void audit_status(const struct city *c, struct problems *problems) {
    const struct audit_kept *own = hub_engine_audit_broken(c->engine);
    char at[32];
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_peer *p = hub_engine_peer(c->engine, i);
        const struct audit_kept *b = &p->audit.broken;
        if (!audit_head_none(&b->told.head))
            problem_add(
                problems, PROBLEM_AUDIT_NODE, "{s:I, s:s, s:I, s:s, s:I}", "node", (json_int_t)p->link.node, "verdict",
                audit_verdict_text(b->verdict), "n", (json_int_t)b->told.head.n, "when", when_text(b->heard, at), "said",
                (json_int_t)b->said.n);
    }
    if (!audit_head_none(&own->told.head))
        problem_add(
            problems, PROBLEM_AUDIT_HUB, "{s:s, s:I}", "verdict", audit_verdict_text(own->verdict), "n", (json_int_t)own->told.head.n);
    uint64_t bad = hub_engine_troubles(c->engine).audit_bad;
    if (bad != 0)
        problem_add(problems, PROBLEM_AUDIT_BAD, "{s:I}", "n", (json_int_t)bad);
}

/* ---- orders */

struct ordering {
    struct hub_own_work own;
    struct city *city;
    struct request *request;
    struct buffer words; /* owns */
    struct id16 actor;   /* zero: known by the uid alone */
    bool has_uid;
    uint32_t uid;
};

static void order_works(struct hub_own_work *w, struct txn *own) {
    struct ordering *x = (struct ordering *)w;
    struct audit_entry e = {
        .at = clock_wall(),
        .actor = x->actor,
        .has_uid = x->has_uid,
        .uid = x->uid,
        .action = AUDIT_ADMINISTER,
        .note = buffer_bytes(&x->words)};
    audit_add(own, &audit_hub, &e, 1);
}

static void order_done(struct hub_own_work *w, int result) {
    struct ordering *x = (struct ordering *)w;
    if (result == 0)
        city_ordered(x->city, x->request);
    else
        request_error(
            x->request, "busy", "nothing was done, since the audit log cannot note it: the disk is full, or failed",
            "free space on the hub's disk, then say it again");
    buffer_close(&x->words);
    free(x);
}

void cmd_administer(void *owner, struct request *q) {
    struct ordering *x = memory_zeroed(1, sizeof *x);
    x->city = owner;
    x->request = q;
    const char *account = request_account(q);
    x->has_uid = account == NULL;
    x->uid = x->has_uid ? request_uid(q) : 0;
    x->actor = (struct id16){{0}};
    if (account != NULL)
        x->actor = account_id(x->city, account);
    if (account != NULL)
        buffer_format(&x->words, "%s at the page: ", account);
    order_words(q, &x->words);
    x->own.work = order_works;
    x->own.done = order_done;
    hub_engine_own(x->city->engine, &x->own);
}

/* Before it is noted. */
void cmd_job_stop(void *owner, struct request *q) {
    struct city *c = owner;
    jobs_stop_one(c->self.jobs, q);
    cmd_administer(c, q);
}
