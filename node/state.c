/* About the daemon itself: status, waiting, digests, verification, policies and the catalogue they carry. No personal data. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/catalogue/codes.h"
#include "common/catalogue/policy.h"
#include "common/engine/hub_move.h"
#include "common/store/layout.h"
#include "node/office.h"

#include "common/base/endpoint.h"
#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

static const struct life *current(const struct node_progress *p) {
    return &p->lives[p->life_count - 1];
}

static bool caught_up(const struct office *o) {
    const struct node_side *s = node_engine_side(o->engine);
    const struct node_progress *p = &s->progress;
    return s->state == NODE_READY && s->caught_up_at != 0 && !s->pulling && s->busy == NODE_VERB_NONE && !s->repair_open && !s->want_pull &&
           p->loading_count == 0 && p->cursor.at >= s->tip && progress_backlog(p) == 0 && current(p)->includes == current(p)->last;
}

/* Nothing of this office would be lost with the hub's disk: all of it lies in a backup. */
static bool all_safe(const struct office *o) {
    const struct node_progress *p = &node_engine_side(o->engine)->progress;
    for (size_t i = 0; i < p->life_count; i++)
        if (p->lives[i].safe < p->lives[i].last)
            return false;
    return true;
}

static bool all_acked(const struct office *o) {
    return progress_backlog(&node_engine_side(o->engine)->progress) == 0;
}

void cmd_status(void *owner, struct request *q) {
    struct office *o = owner;
    if (o->engine == NULL) {
        office_status_unenrolled(o, q);
        return;
    }
    const char *lang = request_chinese(q) ? "zh" : "en";
    const struct node_side *s = node_engine_side(o->engine);
    const struct node_progress *p = &s->progress;
    const struct enrolment *who = node_engine_who(o->engine);
    uint64_t saved = 0, acked = 0, merged = 0, safe = 0;
    json_t *areas = json_array(), *lives = json_array();
    char text[AREA_TEXT], id[ID_HEX], public[PUBLIC_TEXT];
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *l = &p->lives[i];
        saved += l->last;
        acked += l->acked;
        merged += l->includes;
        safe += l->safe;
        json_array_append_new(
            lives, json_pack(
                       "{s:s, s:I, s:I, s:I, s:I, s:I}", "incarnation", id_hex(&l->incarnation, id), "first", (json_int_t)l->first, "saved",
                       (json_int_t)l->last, "acked", (json_int_t)l->acked, "merged", (json_int_t)l->includes, "safe", (json_int_t)l->safe));
    }
    for (size_t i = 0; i < p->served_count; i++)
        json_array_append_new(areas, json_string(area_text(p->served[i], text)));
    json_t *out = json_object();
    json_object_set_new(out, "node", number(who->node));
    json_object_set_new(out, "name", json_stringn((const char *)who->name.at, who->name.len));
    json_object_set_new(out, "areas", areas);
    json_object_set_new(out, "hub", json_stringn((const char *)who->endpoint.at, who->endpoint.len));
    json_object_set_new(out, "hub_next", json_stringn((const char *)who->next_endpoint.at, who->next_endpoint.len));
    json_object_set_new(out, "link", json_string(node_state_name(s->state)));
    json_object_set_new(out, "metrics", json_string(metrics_endpoint(&o->metrics)));
    json_object_set_new(out, "link_state", json_string(office_link_state(o)));
    json_object_set_new(out, "verified_ms", s->verified == 0 ? json_null() : number(s->verified));
    struct problems problems = {.count = 0};
    office_problems(o, &(struct problem_limits){PROBLEM_LAG_MS, PROBLEM_OFFLINE_MS, PROBLEM_DISK_BYTES}, lang, &problems);
    json_t *words = problems_words(&problems, strcmp(lang, "zh") == 0);
    const char *first = json_string_value(json_array_get(words, 0));
    json_object_set_new(out, "state", json_string(problem_level_name(problems_level(&problems))));
    json_object_set_new(out, "problem", json_string(first == NULL ? "" : first));
    json_object_set_new(out, "problems", words);
    problems_close(&problems);
    json_object_set_new(out, "public", json_string(public_text(&o->keys.public, public)));
    json_object_set_new(out, "key_change", json_string(office_key_state(o)));
    json_object_set_new(out, "saved", number(saved));
    json_object_set_new(out, "acked", number(acked));
    json_object_set_new(out, "merged", number(merged));
    json_object_set_new(out, "safe", number(safe));
    json_object_set_new(out, "backlog", number(progress_backlog(p)));
    json_object_set_new(out, "held", number(p->held_count));
    json_object_set_new(out, "lost", number(p->lost_count));
    json_object_set_new(out, "cursor", number(p->cursor.at));
    json_object_set_new(out, "caught_up", json_boolean(caught_up(o)));
    json_object_set_new(out, "digest_ok_at", p->digest_ok_at == 0 ? json_null() : number(p->digest_ok_at));
    json_object_set_new(out, "clock_offset_ms", json_integer(p->offset_ms));
    json_object_set_new(out, "repairs", number(s->repairs));
    json_object_set_new(out, "alarms", number(s->alarms));
    json_object_set_new(out, "disk_full", json_boolean(node_engine_disk_full(o->engine)));
    json_object_set_new(out, "store_bytes", number(store_bytes(node_engine_store(o->engine))));
    json_object_set_new(out, "record_types", number(o->catalogue->catalogue.type_count));
    json_object_set_new(out, "policies_in_force", number(o->policies_in_force));
    json_object_set_new(out, "policies_staged", number(o->policies_staged));
    json_object_set_new(out, "policies_refused", number(o->policies_refused));
    json_object_set_new(out, "rules_unread", number(o->rules_unread));
    json_object_set_new(out, "incarnations", lives);
    json_object_set_new(out, "audit_entries", number(node_engine_audit_entries(o->engine)));
    backups_status(o, out);
    json_object_set_new(out, "seal", json_string(o->sealing.from));
    json_object_set_new(out, "as_of_ms", number(clock_wall()));
    request_ok(q, out);
}

/* ---- waiting */

struct wait {
    struct wait *next;
    struct request *request;
    bool (*good)(const struct office *o);
    instant until;
};

static void on_wait(uv_timer_t *t) {
    struct office *o = t->data;
    instant now = clock_now();
    for (struct wait **at = &o->waits; *at != NULL;) {
        struct wait *w = *at;
        bool good = w->good(o);
        if (!good && now < w->until) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        if (good)
            cmd_status(o, w->request);
        else
            request_error(w->request, "timeout", "it did not happen in time", "`anjuctl status` says how far it is and what is wrong");
        free(w);
    }
    if (o->waits == NULL)
        uv_timer_stop(t);
}

void cmd_wait(void *owner, struct request *q) {
    enum { LOOK_MS = 20, STANDARD_S = 60, MOST_S = 86400 };
    struct office *o = owner;
    const char *seconds = request_text(q, "timeout");
    char *end = NULL;
    double wanted = seconds == NULL ? STANDARD_S : strtod(seconds, &end);
    if (seconds != NULL && (end == seconds || *end != '\0' || !(wanted >= 0 && wanted <= MOST_S))) {
        request_error(q, "bad_request", "--timeout is a number of seconds, at most a day", "--timeout 60");
        return;
    }
    struct wait *w = memory_zeroed(1, sizeof *w);
    w->request = q;
    w->good = request_flag(q, "safe") ? all_safe : request_flag(q, "caught-up") ? caught_up : all_acked;
    w->until = clock_now() + (instant)(wanted * 1000);
    w->next = o->waits;
    o->waits = w;
    uv_timer_start(&o->waiting, on_wait, 0, LOOK_MS);
}

void office_waits_end(struct office *o) {
    while (o->waits != NULL) {
        struct wait *w = o->waits;
        o->waits = w->next;
        request_error(w->request, "busy", "the daemon is stopping", "");
        free(w);
    }
}

/* ---- digests, verification */

static void run_digest(struct ask *a, struct txn *t) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    area all[LIMIT_AREAS];
    char text[AREA_TEXT], hex[40];
    node_progress_get(t, p);
    size_t count = area_expand(p->served, p->served_count, p->node, all, LIMIT_AREAS);
    for (size_t i = 0; i < count; i++) {
        struct digest d = node_digest(t, all[i]);
        snprintf(hex, sizeof hex, "%016lx%016lx", (unsigned long)d.lane[0], (unsigned long)d.lane[1]);
        json_array_append_new(a->rows, json_pack("{s:s, s:s}", "area", area_text(all[i], text), "digest", hex));
    }
    free(p);
}

void cmd_digest(void *owner, struct request *q) {
    ask_submit(ask_new(owner, q, sizeof(struct ask), run_digest));
}

/* A check of the whole store reads a snapshot on the thread of backups: clerks go on saving meanwhile. */
struct verifying {
    struct job job; /* first */
    struct office *office;
    struct request *request;
    struct progress progress; /* values */
    uint64_t alarms;          /* when it began */
    size_t complaints;
    struct buffer first; /* owns; of them */
    int result;
};

static void complain(void *owner, const char *what) {
    struct verifying *v = owner;
    if (v->complaints++ == 0)
        buffer_text(&v->first, what);
}

static void verify_works(struct job *j, void *owner) {
    struct verifying *v = (struct verifying *)j;
    struct txn *t;
    (void)owner;
    v->result = store_read(node_engine_store(v->office->engine), &t);
    if (v->result != 0)
        return;
    v->result = node_verify(t, complain, v, &v->progress);
    txn_abort(t);
}

static void verify_done(struct job *j, int result) {
    struct verifying *v = (struct verifying *)j;
    (void)result;
    if (progress_stopped(&v->progress))
        request_error(v->request, "busy", "the check was cancelled, or the daemon is stopping", "run it again");
    else if (v->complaints > 0)
        request_errorf(
            v->request, "conflict", "keep a copy of the store's folder; repair from the hub, or restore a backup",
            "%zu complaints; the first: %s", v->complaints, buffer_string(&v->first));
    else if (v->result != 0)
        request_error(v->request, "internal", "the store could not be read", "look at the disk, restart the node");
    else {
        node_engine_sound(v->office->engine, v->alarms);
        request_ok(v->request, json_pack("{s:I, s:s}", "checked", (json_int_t)v->progress.done, "result", "sound"));
    }
    buffer_close(&v->first);
    free(v);
}

void cmd_verify_store(void *owner, struct request *q) {
    struct office *o = owner;
    struct verifying *v = memory_zeroed(1, sizeof *v);
    v->office = o;
    v->request = q;
    v->alarms = node_engine_side(o->engine)->alarms;
    v->job.work = verify_works;
    v->job.done = verify_done;
    jobs_begin(o->self.jobs, q, "verify", "values", &v->progress);
    backups_submit(o, &v->job);
}

/* Each state with the moves out of it, as lines: "draft 草稿 -> submitted, withdrawn"; * needs the city, ! a reason. */
static json_t *states_of(const struct workflow *w) {
    json_t *all = json_array();
    for (size_t i = 0; i < w->count; i++) {
        struct buffer line = {0};
        const struct workflow_state *s = &w->states[i];
        buffer_format(&line, "%s%s%s %s", s->name, s->hub ? "*" : "", s->reason ? "!" : "", s->zh);
        for (size_t to = 0, n = 0; to < w->count; to++)
            if (workflow_moves(w, i, to))
                buffer_format(&line, "%s%s", n++ == 0 ? " -> " : ", ", w->states[to].name);
        json_array_append_new(all, json_string(buffer_string(&line)));
        buffer_close(&line);
    }
    return all;
}

static json_t *field_row(const struct rules *r, const struct catalogue_type *t, const struct catalogue_field *f) {
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", t->name, "type_zh", label_type(r, t, "zh"), "type_en",
        label_type(r, t, "en"), "class", record_class_name(t->class), "name", f->name, "name_zh", label_field(r, t, f, "zh"), "name_en",
        label_field(r, t, f, "en"), "kind", value_kind_name(f->kind), "rule", show_rule_name(f->rule), "required", f->required);
    if (f->refers != NULL)
        json_object_set_new(row, "refers", json_string(f->refers));
    if (f->rule == SHOW_WORKFLOW)
        json_object_set_new(row, "states", states_of(t->workflow));
    return row;
}

void cmd_types(void *owner, struct request *q) {
    struct office *o = owner;
    const struct catalogue *k = &o->catalogue->catalogue;
    for (size_t i = 0; i < k->type_count; i++)
        for (size_t f = 0; f < k->types[i].field_count; f++)
            request_row(q, field_row(&o->catalogue->rules, &k->types[i], &k->types[i].fields[f]));
    for (size_t i = 0; i < k->purpose_count; i++)
        request_row(
            q, json_pack(
                   "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", "(purpose)", "type_zh", "用途", "class", "", "name",
                   k->purposes[i].name, "name_zh", k->purposes[i].zh, "kind", "purpose", "rule", "", "required", 0));
    request_end(q);
}

void cmd_pause(void *owner, struct request *q) {
    struct office *o = owner;
    node_engine_pause(o->engine);
    request_ok(q, json_pack("{s:s}", "link", "paused"));
}

void cmd_resume(void *owner, struct request *q) {
    struct office *o = owner;
    node_engine_resume(o->engine);
    request_ok(q, json_pack("{s:s}", "link", "resumed"));
}
