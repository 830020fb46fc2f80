/* The office's audit log, for those who may look into it: who looks is an entry too. And the entries of orders to the daemon itself, which
 * are made before the order is carried out. */
#include "common/base/clock.h"
#include "common/daemon/rows.h"
#include "node/office.h"

#include <stdlib.h>
#include <string.h>

struct auditing {
    struct ask ask;
    wall_ms from, to, heard;
    bool zh;
    char name[256]; /* of the office */
};

/* ---- export: the entries as they are */

static int export_each(void *owner, const struct audit_entry *e) {
    struct auditing *x = owner;
    struct ask *a = &x->ask;
    if (!id_zero(&a->record) && !id_equal(&a->record, &e->record))
        return 0;
    json_t *row = audit_row(e);
    audit_row_names(a->catalogue, row);
    json_array_append_new(a->rows, row);
    return 0;
}

static void run_export(struct ask *a, struct txn *t) {
    struct auditing *x = (struct auditing *)a;
    audit_each(t, &audit_node, x->from, x->to, export_each, x);
}

void cmd_audit_export(void *owner, struct request *q) {
    struct auditing *x = ask_new(owner, q, sizeof *x, run_export);
    const char *id = request_text(q, "id"), *from = request_text(q, "from"), *to = request_text(q, "to");
    if (!ask_purpose(&x->ask, AUDIT_LOG))
        return;
    if ((from != NULL && !when_parse(from, false, &x->from)) || (to != NULL && !when_parse(to, true, &x->to))) {
        ask_refuse(&x->ask, "bad_request", "--from 2026-03-01, --to \"2026-03-01 17:30\"", "a time is a day, or a day and a minute");
        return;
    }
    if (id != NULL && !id_parse(id, &x->ask.record) && !ask_target(&x->ask))
        return;
    ask_submit(&x->ask);
}

/* ---- person: who was shown what of me */

static int person_each(void *owner, const struct audit_entry *e) {
    struct auditing *x = owner;
    struct ask *a = &x->ask;
    if (!audit_concerns(e, &a->record))
        return 0;
    json_t *row = audit_row(e);
    audit_row_names(a->catalogue, row);
    json_array_append_new(a->rows, audit_words(a->catalogue, a->rules, row, x->name, x->zh));
    json_decref(row);
    return 0;
}

/* What this office cannot know. */
static json_t *as_of(const struct auditing *x) {
    char at[32];
    const char *when = x->heard == 0 ? (x->zh ? "尚未联系" : "never yet") : when_text(x->heard, at);
    json_t *row = json_object();
    json_object_set_new(row, "as_of_ms", x->heard == 0 ? json_null() : json_integer((json_int_t)x->heard));
    json_object_set_new(row, "office", json_string(x->name));
    json_object_set_new(
        row, "words",
        x->zh ? json_sprintf(
                    "以上是%s自己的记录；数据截至 %s（本办公室最近一次联系市级的时间）。其他办公室和市级各自保存记录，请向其查询。",
                    x->name, when)
              : json_sprintf(
                    "This is what %s itself noted, as of %s, when it last heard city hall. Other offices and city hall keep their own "
                    "notes: ask there.",
                    x->name, when));
    return row;
}

static void run_person(struct ask *a, struct txn *t) {
    struct auditing *x = (struct auditing *)a;
    audit_each(t, &audit_node, 0, 0, person_each, x);
    json_array_append_new(a->rows, as_of(x));
}

void cmd_audit_person(void *owner, struct request *q) {
    struct office *o = owner;
    struct auditing *x = ask_new(o, q, sizeof *x, run_person);
    struct bytes name = node_engine_who(o->engine)->name;
    if (!ask_purpose(&x->ask, AUDIT_LOG) || !ask_person(&x->ask, "anjuctl audit person Person/ID --actor LOGIN --purpose NAME"))
        return;
    x->zh = strcmp(ask_lang(&x->ask), "zh") == 0;
    memcpy(x->name, name.at, name.len < sizeof x->name ? name.len : sizeof x->name - 1);
    x->heard = node_engine_side(o->engine)->state == NODE_READY ? clock_wall() : node_engine_audit(o->engine)->hub.heard;
    ask_submit(&x->ask);
}

/* ---- verify, heads, settle: no personal data */

static void run_verify(struct ask *a, struct txn *t) {
    struct audit_checked c;
    struct audit_kept k;
    audit_verify(t, &audit_node, &c);
    if (c.bad != 0)
        ask_fail(
            a, "conflict",
            "keep a copy of the store's folder, and find out who could write there; `anjuctl audit heads` tells what is kept",
            "from entry %llu on the log does not hold: %s", (unsigned long long)c.bad, buffer_string(&c.what));
    else
        json_array_append_new(
            a->rows,
            json_pack(
                "{s:I, s:I, s:I, s:I, s:b, s:s}", "first", (json_int_t)c.first, "last", (json_int_t)c.last, "blocks", (json_int_t)c.blocks,
                "heads", (json_int_t)c.heads, "hub_broken", audit_break_get(t, &audit_node, 0, &k), "result", "sound"));
    buffer_close(&c.what);
}

void cmd_audit_verify(void *owner, struct request *q) {
    struct ask *a = ask_new(owner, q, sizeof *a, run_verify);
    a->one = true;
    ask_submit(a);
}

struct heads {
    struct ask *ask;
    const char *whose, *keeper;
};

static int head_each(void *owner, const struct audit_kept *k) {
    const struct heads *h = owner;
    json_array_append_new(h->ask->rows, audit_head_row(h->whose, h->keeper, k));
    return 0;
}

static void run_heads(struct ask *a, struct txn *t) {
    struct heads hub = {a, "hub", "this node"}, own = {a, "this node", "hub"};
    struct audit_kept k;
    audit_kept_each(t, &audit_node, 0, head_each, &hub);
    if (audit_break_get(t, &audit_node, 0, &k))
        head_each(&hub, &k);
    audit_kept_each(t, &audit_node, HEADS_OWN, head_each, &own);
    if (audit_break_get(t, &audit_node, HEADS_OWN, &k))
        head_each(&own, &k);
}

void cmd_audit_heads(void *owner, struct request *q) {
    ask_submit(ask_new(owner, q, sizeof(struct ask), run_heads));
}

static void run_settle(struct ask *a, struct txn *t) {
    audit_break_settle(t, &audit_node, 0);
    audit_break_settle(t, &audit_node, HEADS_OWN);
    json_array_append_new(a->rows, json_pack("{s:s}", "audit", "settled"));
}

static void settle_free(struct ask *a) {
    if (a->code == NULL)
        node_engine_audit_settled(a->office->engine);
}

void cmd_audit_settle(void *owner, struct request *q) {
    struct ask *a = ask_new(owner, q, sizeof *a, run_settle);
    a->one = true;
    a->free = settle_free;
    ask_submit(a);
}

/* ---- orders to the daemon */

struct ordering {
    struct node_work work;
    struct office *office;
    struct request *request;
    struct buffer words; /* owns */
    uint32_t uid;
};

static void order_works(struct node_work *w, struct txn *t) {
    struct ordering *x = (struct ordering *)w;
    struct audit_entry e = {
        .at = clock_wall(), .has_uid = true, .uid = x->uid, .action = AUDIT_ADMINISTER, .note = buffer_bytes(&x->words)};
    audit_add(t, &audit_node, &e, 1);
}

static void order_done(struct node_work *w, int result) {
    struct ordering *x = (struct ordering *)w;
    if (result == 0)
        office_ordered(x->office, x->request);
    else
        request_error(
            x->request, "busy", "nothing was done, since the audit log cannot note it: the disk is full, or failed",
            "free space on this machine's disk");
    buffer_close(&x->words);
    free(x);
}

void cmd_administer(void *owner, struct request *q) {
    struct office *o = owner;
    if (o->engine == NULL) { /* not enrolled: there is no log yet, and enrolling begins it */
        office_ordered(o, q);
        return;
    }
    struct ordering *x = memory_zeroed(1, sizeof *x);
    x->office = o;
    x->request = q;
    x->uid = request_uid(q);
    order_words(q, &x->words);
    x->work.work = order_works;
    x->work.done = order_done;
    node_engine_submit(o->engine, &x->work);
}
