/* The rules in force here today: since when, what they speak about, what was in force before, and what of it changed. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/catalogue/admission.h"
#include "common/catalogue/areas.h"
#include "common/catalogue/calendar.h"
#include "common/catalogue/points.h"
#include "common/catalogue/retention.h"
#include "common/catalogue/services.h"
#include "common/catalogue/validation.h"
#include "common/engine/hub_move.h"
#include "common/engine/policy_book.h"
#include "node/office.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct ask ask;
    struct policy_shelf shelf;
    const struct policy **in_force; /* owns; into the shelf */
    size_t count;
    area at;
    int64_t day;
    struct buffer kind, name; /* own; of the one whose changes are asked for; empty: all are listed */
};

/* ---- what one speaks about, in a few words */

struct counted {
    const char *zh, *en;
    size_t count;
};

#define COUNT(of, list, member, chinese, english)                                                                                          \
    for (const struct of *l = r->list; l != NULL; l = l->next)                                                                             \
        if (l->source == s)                                                                                                                \
    return counted(chinese, english, l->member)

static struct counted counted(const char *zh, const char *en, size_t count) {
    return (struct counted){zh, en, count};
}

static struct counted count_of(const struct rules *r, const struct rule_source *s) {
    COUNT(area_tree, areas, count, "个区划", "divisions");
    COUNT(code_list, codes, count, "个代码", "codes");
    COUNT(label_set, labels, count, "个名称", "names");
    COUNT(validation, validations, count, "条校验", "checks");
    COUNT(wage_floor, wages, amount_count, "个工资标准", "wage floors");
    COUNT(text_lint, lints, count, "个用词", "words");
    COUNT(calendar, calendars, holiday_count, "段假期", "holidays");
    COUNT(deadline_set, deadlines, count, "个时限", "deadlines");
    COUNT(retention, retentions, count, "条保存期限", "retention rules");
    COUNT(service_catalogue, services, count, "个事项", "services");
    COUNT(document_rules, checklists, count, "个材料清单", "checklists");
    COUNT(notice_set, notices, count, "条通知", "notices");
    COUNT(admission, admissions, count, "所学校", "schools");
    COUNT(points_schedule, points, count, "个积分项", "rows of points");
    return counted("", "", 0);
}
#undef COUNT

static const struct rule_source *source_of(const struct ask *a, const struct policy *p) {
    const struct rule_source *s = a->rules->sources;
    while (s != NULL &&
           !(bytes_equal(bytes_text(s->kind), p->kind) && bytes_equal(bytes_text(s->name), p->name) && s->version == p->version))
        s = s->next;
    return s;
}

static json_t *speaks(const struct ask *a, const struct policy *p, const struct rule_source *s) {
    bool zh = strcmp(ask_lang(a), "zh") == 0;
    if (bytes_equal(p->kind, BYTES("record_type"))) {
        CLEANUP(buffer_close) struct buffer name = {0};
        buffer_add(&name, p->name);
        const struct catalogue_type *t = catalogue_type(a->catalogue, buffer_string(&name));
        return t == NULL ? json_string("") : json_sprintf(zh ? "%zu个字段" : "%zu fields", t->field_count);
    }
    if (bytes_equal(p->kind, BYTES("purposes")))
        return json_sprintf(zh ? "%zu个用途" : "%zu purposes", a->catalogue->purpose_count);
    if (bytes_equal(p->kind, BYTES("protocol"))) {
        int64_t protocol, store;
        rules_floor(a->rules, &protocol, &store);
        return json_sprintf(
            zh ? "协议至少%lld，存储至少%lld" : "at least protocol %lld and store format %lld", (long long)protocol, (long long)store);
    }
    struct counted c = s == NULL ? counted("", "", 0) : count_of(a->rules, s);
    return c.count == 0 ? json_string("") : zh ? json_sprintf("%zu%s", c.count, c.zh) : json_sprintf("%zu %s", c.count, c.en);
}

static const char *state_of(const struct policy *p, const struct rule_source *s) {
    static const char *const read_elsewhere[] = {"record_type", HUB_MOVE_KIND};
    for (size_t i = 0; i < sizeof read_elsewhere / sizeof *read_elsewhere; i++)
        if (bytes_equal(p->kind, bytes_text(read_elsewhere[i])))
            return "acts";
    return s == NULL ? "unread" : s->acts ? "acts" : "carried";
}

/* ---- what was in force before */

static const struct policy *before(const struct listing *x, const struct policy *p) {
    const struct policy *was =
        p->from == INT64_MIN ? NULL : policy_in_force(x->shelf.taken, x->shelf.count, p->kind, p->name, x->at, p->from - 1);
    for (size_t i = 0; was == NULL && i < x->shelf.count; i++) {
        const struct policy *o = &x->shelf.taken[i];
        if (o->version + 1 == p->version && o->scope == p->scope && !o->ended && bytes_equal(o->kind, p->kind) &&
            bytes_equal(o->name, p->name))
            was = o;
    }
    return was;
}

static json_t *rule_row(const struct listing *x, const struct policy *p) {
    const struct rule_source *s = source_of(&x->ask, p);
    const struct policy *was = before(x, p);
    char scope[AREA_TEXT];
    return json_pack(
        "{s:s#, s:s#, s:s, s:I, s:o, s:o, s:o, s:s, s:o, s:s#, s:b}", "kind", (const char *)p->kind.at, (int)p->kind.len, "name",
        (const char *)p->name.at, (int)p->name.len, "scope", area_text(p->scope, scope), "version", (json_int_t)p->version, "since",
        office_day(p->from), "to", office_day(p->to), "was", was == NULL ? json_null() : json_integer((json_int_t)was->version), "state",
        state_of(p, s), "speaks", speaks(&x->ask, p, s), "legal_basis", p->basis.len == 0 ? "" : (const char *)p->basis.at,
        (int)p->basis.len, "applies_to_open", p->open);
}

static void differ(json_t *rows, const char *mark, struct bytes from, struct bytes in) {
    struct bytes line;
    while (policy_line(&from, &line))
        if (!policy_has_line(in, line))
            json_array_append_new(
                rows, json_pack("{s:s, s:s#}", "line", mark, "text", line.len == 0 ? "" : (const char *)line.at, (int)line.len));
}

static void tell_changes(struct listing *x) {
    const struct policy *p = NULL;
    for (size_t i = 0; i < x->count; i++)
        if (bytes_equal(x->in_force[i]->kind, buffer_bytes(&x->kind)) && bytes_equal(x->in_force[i]->name, buffer_bytes(&x->name)))
            p = x->in_force[i];
    if (p == NULL) {
        ask_fail(&x->ask, "not_found", "`anjuctl rules` lists them", "no such rule is in force here");
        return;
    }
    const struct policy *was = before(x, p);
    struct bytes old = was == NULL ? (struct bytes){NULL, 0} : was->body;
    differ(x->ask.rows, "-", old, p->body);
    differ(x->ask.rows, "+", p->body, old);
}

static void run_rules(struct ask *a, struct txn *t) {
    struct listing *x = (struct listing *)a;
    policy_shelf_read(t, &x->shelf);
    x->in_force = memory_zeroed(x->shelf.count + 1, sizeof *x->in_force);
    x->count = policies_in_force(x->shelf.taken, x->shelf.count, x->at, x->day, x->in_force);
    if (x->kind.len > 0)
        tell_changes(x);
    for (size_t i = 0; i < x->count && x->kind.len == 0; i++)
        json_array_append_new(a->rows, rule_row(x, x->in_force[i]));
}

static void listing_free(struct ask *a) {
    struct listing *x = (struct listing *)a;
    free(x->in_force);
    policy_shelf_close(&x->shelf);
    buffer_close(&x->kind);
    buffer_close(&x->name);
}

void cmd_rules(void *owner, struct request *q) {
    struct office *o = owner;
    struct listing *x = ask_new(o, q, sizeof *x, run_rules);
    const char *which = request_text(q, "policy"), *slash = which == NULL ? NULL : strchr(which, '/');
    x->ask.free = listing_free;
    x->at = node_engine_place(o->engine);
    x->day = city_day(clock_wall());
    if (which != NULL && (slash == NULL || slash == which)) {
        ask_refuse(&x->ask, "bad_request", "`anjuctl rules` lists them", "which rule? KIND/NAME");
        return;
    }
    if (which != NULL) {
        buffer_add(&x->kind, bytes_of(which, (size_t)(slash - which)));
        buffer_text(&x->name, slash + 1);
    }
    ask_submit(&x->ask);
}
