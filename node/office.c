#include "node/office.h"

#include "common/base/clock.h"
#include "common/base/program.h"
#include "common/daemon/words.h"
#include "common/store/layout.h"
#include "node/gate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(struct ask *a, int result) {
    struct request *q = a->request;
    size_t n = json_array_size(a->rows);
    if (result == STORE_DISK_FULL && !a->work.edits && a->action != 0)
        request_error(
            q, "busy", "the disk is full: nothing is shown, since the audit log cannot note it", "free space on this machine's disk");
    else if (result == STORE_DISK_FULL)
        request_error(q, "busy", "the disk is full; nothing of this was saved", "free space on this machine's disk, then send it again");
    else if (result != 0)
        request_error(q, "internal", "the store failed; nothing of this is certain", "restart the node and run `anjuctl verify`");
    else if (a->code != NULL)
        request_error(q, a->code, buffer_string(&a->message), a->hint);
    else if (a->one)
        request_ok(q, n > 0 ? json_incref(json_array_get(a->rows, 0)) : json_object());
    else {
        for (size_t i = 0; i < n; i++)
            request_row(q, json_incref(json_array_get(a->rows, i)));
        request_end(q);
    }
}

static void ask_free(struct ask *a) {
    if (a->free != NULL)
        a->free(a);
    json_decref(a->rows);
    buffer_close(&a->message);
    buffer_close(&a->shown);
    free(a);
}

static bool reads(uint32_t action) {
    return action == AUDIT_READ || action == AUDIT_SEARCH || action == AUDIT_EXPORT || action == AUDIT_HISTORY || action == AUDIT_PRINT;
}

/* No silent reading: the entries are in the same transaction as the read, so nothing is answered without them. One for each record that is
 * shown or changed, so that its subject finds them all; one for the asking itself when none is. */
static void ask_works(struct node_work *w, struct txn *t) {
    struct ask *a = (struct ask *)w;
    struct audit_entry asked = {
        .at = clock_wall(),
        .actor = a->actor,
        .has_uid = true,
        .uid = a->uid,
        .case_id = a->case_id,
        .purpose = a->purpose,
        .type = a->type,
        .record = a->record};
    a->txn = t;
    if (!reads(a->action) || a->type == 0 || gate_type(a))
        a->run(a, t);
    a->txn = NULL;
    asked.action = a->code == NULL ? a->action : AUDIT_REFUSED;
    struct audit_entry *shown = (struct audit_entry *)(void *)a->shown.at;
    size_t count = a->code == NULL ? a->shown.len / sizeof *shown : 0;
    for (size_t i = 0; i < count; i++) {
        struct audit_entry e = asked;
        e.type = shown[i].type;
        e.record = shown[i].record;
        e.subject = shown[i].subject;
        e.change = shown[i].change;
        e.action = shown[i].action != 0 ? shown[i].action : asked.action;
        shown[i] = e;
    }
    if (a->action != 0)
        audit_add(t, &audit_node, count > 0 ? shown : &asked, count > 0 ? count : 1);
}

void ask_notes(struct ask *a, const struct audit_entry *e) {
    buffer_add(&a->shown, bytes_of(e, sizeof *e));
}

void ask_shows(struct ask *a, const struct record *r) {
    ask_notes(a, &(struct audit_entry){.type = r->type, .record = r->id, .subject = record_subject(buffer_bytes(a->subjects), r)});
}

static void ask_done(struct node_work *w, int result) {
    struct ask *a = (struct ask *)w;
    answer(a, result);
    ask_free(a);
}

void *ask_new(struct office *o, struct request *q, size_t size, void (*run)(struct ask *a, struct txn *t)) {
    struct ask *a = memory_zeroed(1, size);
    a->office = o;
    a->request = q;
    a->uid = request_uid(q);
    a->catalogue = &o->catalogue->catalogue;
    a->rules = &o->catalogue->rules;
    a->subjects = &o->catalogue->subjects;
    a->run = run;
    a->rows = json_array();
    a->work.work = ask_works;
    a->work.done = ask_done;
    return a;
}

void ask_submit(struct ask *a) {
    node_engine_submit(a->office->engine, &a->work);
}

void ask_fail(struct ask *a, const char *code, const char *hint, const char *format, ...) {
    va_list args;
    if (a->code != NULL)
        return;
    a->code = code;
    a->hint = hint;
    va_start(args, format);
    words_format(&a->message, request_chinese(a->request), format, args);
    va_end(args);
}

void ask_restricted(struct ask *a) {
    ask_fail(
        a, "denied", "--purpose rights_request or correction, if that is what it is for",
        "the record is restricted: its time is over, and it is only kept");
}

bool ask_refuse(struct ask *a, const char *code, const char *hint, const char *message) {
    request_error(a->request, code, message, hint);
    ask_free(a);
    return false;
}

bool ask_purpose(struct ask *a, uint32_t action) {
    const char *actor = request_text(a->request, "actor"), *purpose = request_text(a->request, "purpose");
    const char *for_case = request_text(a->request, "case");
    if (actor == NULL || *actor == '\0')
        return ask_refuse(a, "bad_request", "--actor LOGIN", "who are you? every look at personal data names its actor");
    if (purpose == NULL || *purpose == '\0')
        return ask_refuse(
            a, "bad_request", "--purpose NAME; `anjuctl types` lists the purposes",
            "what for? every look at personal data names its purpose");
    const struct catalogue_purpose *p = catalogue_purpose(a->catalogue, purpose);
    if (p == NULL)
        return ask_refuse(a, "bad_request", "`anjuctl types` lists the purposes", "there is no such purpose");
    if (for_case != NULL && !id_parse(for_case, &a->case_id))
        return ask_refuse(a, "bad_request", "--case ID, as `anjuctl put` printed it", "a case is named by its id of 32 hex digits");
    a->purpose = p->number;
    a->actor = office_derived_id(a->office, TYPE_STAFF, bytes_text(actor));
    a->action = action;
    return true;
}

const char *ask_lang(const struct ask *a) {
    const char *lang = request_text(a->request, "lang");
    return lang != NULL && strcmp(lang, "zh") == 0 ? "zh" : "en";
}

bool ask_person(struct ask *a, const char *how) {
    const char *whole = request_text(a->request, "person"), *slash = whole == NULL ? NULL : strchr(whole, '/');
    char name[64] = "Person";
    if (slash != NULL && (size_t)(slash - whole) < sizeof name) {
        memcpy(name, whole, (size_t)(slash - whole));
        name[slash - whole] = '\0';
    }
    const char *id = slash == NULL ? whole : slash + 1;
    const struct catalogue_type *t = id == NULL || *id == '\0' ? NULL : catalogue_type(a->catalogue, name);
    if (t == NULL)
        return ask_refuse(a, "bad_request", how, "whose record? TYPE/ID");
    a->type = t->number;
    if (!id_parse(id, &a->record))
        a->record = office_derived_id(a->office, t->number, bytes_text(id));
    return true;
}

bool office_too_old(const struct rules *r, const char *lang, struct buffer *out) {
    int64_t protocol, store;
    bool zh = strcmp(lang, "zh") == 0;
    if (rules_protocol(r, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT) == PROTOCOL_OK)
        return false;
    const char *label = rules_label(r, "ui.update_needed", lang);
    rules_floor(r, &protocol, &store);
    buffer_format(
        out,
        zh ? "%s：全市要求协议 %" PRId64 "、存储格式 %" PRId64 "，本程序（%s）为 %d 和 %d，不能再录入"
           : "%s: the city asks for protocol %" PRId64 " and store format %" PRId64 "; this program (%s) has %d and %d, and takes no edits",
        label != NULL ? label
        : zh          ? "请先升级"
                      : "update needed",
        protocol, store, PROGRAM_VERSION, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT);
    return true;
}

json_t *office_day(int64_t day) {
    struct buffer b = {0};
    if (day != RULE_DAY_FIRST && day != RULE_DAY_LAST)
        value_text(&(struct value){.kind = VALUE_DATE, .number = day}, &b);
    json_t *t = json_string(buffer_string(&b));
    buffer_close(&b);
    return t;
}

const struct catalogue_type *office_type(const struct office *o, struct request *q, const char *name) {
    const struct catalogue *k = &o->catalogue->catalogue;
    const struct catalogue_type *t = name == NULL ? NULL : catalogue_type(k, name);
    if (t != NULL)
        return t;
    const char *near = name == NULL ? NULL : catalogue_nearest_type(k, name);
    request_errorf(
        q, "bad_request", "`anjuctl types` lists them", near == NULL ? "no record type '%s'%s" : "no record type '%s'; did you mean '%s'?",
        name == NULL ? "" : name, near == NULL ? "" : near);
    return NULL;
}

struct id16 office_derived_id(const struct office *o, uint32_t type, struct bytes key) {
    return id_of_key(node_engine_who(o->engine)->city_secret, type, key);
}

bool ask_target(struct ask *a) {
    const char *id = request_text(a->request, "id");
    const struct catalogue_type *t = office_type(a->office, a->request, request_text(a->request, "type"));
    if (t == NULL) {
        ask_free(a);
        return false;
    }
    if (id == NULL || *id == '\0')
        return ask_refuse(a, "bad_request", "32 hex digits, or the key that a source calls it by", "which record? the id is missing");
    a->type = t->number;
    if (!id_parse(id, &a->record))
        a->record = office_derived_id(a->office, t->number, bytes_text(id));
    return true;
}
