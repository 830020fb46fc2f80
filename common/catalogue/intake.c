#include "common/catalogue/intake.h"
#include "common/base/invariant.h"

#include "common/catalogue/admission.h"
#include "common/catalogue/points.h"
#include "common/catalogue/services.h"
#include "common/catalogue/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct catalogue_field *named(const struct catalogue *k, uint32_t type, const char *field) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    return t == NULL ? NULL : type_field(t, field);
}

bool named_value(const struct catalogue *k, const struct record *r, const char *field, struct value *out) {
    const struct catalogue_field *f = r == NULL ? NULL : named(k, r->type, field);
    const struct head *h = f == NULL ? NULL : field_shown(k, r->type, record_field(r, f->number));
    return h != NULL && value_unpack(h->value, out);
}

/* A text or a code as a string; "" when there is none. */
static const char *text_of(const struct intake *x, const struct record *r, const char *field) {
    struct value v;
    if (!named_value(x->catalogue, r, field, &v) || (v.kind != VALUE_TEXT && v.kind != VALUE_CODE))
        return "";
    char *copy = arena_take(x->words, v.text.len + 1);
    if (v.text.len > 0)
        memcpy(copy, v.text.at, v.text.len);
    return copy;
}

static bool is_new(const struct intake *x) {
    return x->before == NULL || field_winner(record_field(x->before, FIELD_HOME)) == NULL;
}

static bool is_type(const struct intake *x, const char *name) {
    const struct catalogue_type *t = catalogue_type_number(x->catalogue, x->after->type);
    return t != NULL && strcmp(t->name, name) == 0;
}

static const char *words(const struct intake *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *words(const struct intake *x, const char *format, ...) {
    enum { MOST = 400 };
    char *text = arena_take(x->words, MOST);
    va_list args;
    va_start(args, format);
    vsnprintf(text, MOST, format, args);
    va_end(args);
    return text;
}

static void find(
    const struct intake *x, const char *rule, const char *field, enum severity severity, const struct rule_source *source, const char *zh,
    const char *en, struct findings *out) {
    const struct catalogue_field *f = named(x->catalogue, x->after->type, field);
    if (out->count == FINDINGS_MOST) {
        out->more++;
        return;
    }
    out->items[out->count++] = (struct finding){
        .field = f == NULL ? 0 : f->number,
        .rule = rule,
        .severity = severity,
        .zh = zh,
        .en = en,
        .legal_basis = source == NULL ? "" : source->legal_basis,
        .source = source};
}

/* ---- school_admission */

static const struct admission *admission_in_force(const struct rules *r) {
    const struct admission *a = r->admissions;
    while (a != NULL && !a->source->newest)
        a = a->next;
    return a;
}

static const char *day_words(const struct intake *x, int64_t day) {
    struct buffer b = {0};
    value_text(&(struct value){.kind = VALUE_DATE, .number = day}, &b);
    const char *text = words(x, "%s", buffer_string(&b));
    buffer_close(&b);
    return text;
}

/* The form is asked for when the application is made, and when it turns to another school. */
static void check_school(const struct intake *x, struct findings *out) {
    const struct admission *a = admission_in_force(x->rules);
    const char *school = text_of(x, x->after, "school"), *grade = text_of(x, x->after, "grade");
    if (a == NULL || (!is_new(x) && strcmp(school, text_of(x, x->before, "school")) == 0))
        return;
    char *end = NULL;
    long number = strtol(grade, &end, 10);
    const struct school *s = admission_school(x->rules, school, &a);
    enum admission_state state = *grade == '\0' || *end != '\0' ? ADMISSION_NONE : admission_at(x->rules, school, number, x->today);
    if (state == ADMISSION_OPEN)
        return;
    if (s == NULL)
        find(
            x, "admission", "school", SEVERITY_BLOCK, a->source, words(x, "没有招生学校“%s”", school),
            words(x, "no school '%s' takes applications; `anjuctl admission` lists them", school), out);
    else if (state == ADMISSION_NONE)
        find(
            x, "admission", "grade", SEVERITY_BLOCK, a->source, words(x, "%s没有“%s”年级", s->zh, grade),
            words(x, "%s has no grade '%s'", s->en == NULL ? s->code : s->en, grade), out);
    else
        find(
            x, "admission", "school", SEVERITY_BLOCK, a->source,
            words(x, "%s的申请时间为 %s 至 %s", s->zh, day_words(x, s->opens), day_words(x, s->closes)),
            words(
                x, "%s takes applications from %s to %s", s->en == NULL ? s->code : s->en, day_words(x, s->opens), day_words(x, s->closes)),
            out);
}

/* ---- service_catalogue */

static void check_service(const struct intake *x, struct findings *out) {
    const struct service_catalogue *c = x->rules->services;
    while (c != NULL && !c->source->newest)
        c = c->next;
    if (c == NULL || !is_new(x))
        return;
    const char *code = text_of(x, x->after, "service");
    const struct offer *s = services_find(x->rules, code, x->today);
    if (s == NULL)
        find(
            x, "offered", "service", SEVERITY_BLOCK, c->source, words(x, "今日不办理事项“%s”", code),
            words(x, "the service '%s' is not offered today; `anjuctl services` lists what is", code), out);
    else if (s->type != x->after->type) {
        char unknown[16];
        const char *type = type_name(x->catalogue, s->type, unknown);
        find(
            x, "offered", "service", SEVERITY_BLOCK, c->source, words(x, "事项“%s”的记录类型是 %s", s->zh, type),
            words(x, "cases of '%s' are of the type %s", code, type), out);
    }
}

/* ---- points: nothing is ever taken away but by naming what is taken back */

bool intake_reverses(const struct catalogue *k, const struct record *r, struct id16 *entry) {
    const struct catalogue_type *t = catalogue_type_number(k, r->type);
    struct value v;
    if (t == NULL || strcmp(t->name, "PointsEntry") != 0 || !named_value(k, r, "reverses", &v) || v.kind != VALUE_REFERENCE)
        return false;
    *entry = v.reference.id;
    return true;
}

static bool same_person(const struct intake *x, const struct record *a, const struct record *b) {
    struct value va, vb;
    return named_value(x->catalogue, a, "person", &va) && named_value(x->catalogue, b, "person", &vb) &&
           id_equal(&va.reference.id, &vb.reference.id);
}

static void check_reversal(const struct intake *x, const struct rule_source *source, struct findings *out) {
    struct id16 other;
    if (x->reversed == NULL)
        find(
            x, "reversal", "reverses", SEVERITY_WARN, source, "本站没有所冲销的流水，请核对编号",
            "the entry that it takes back is not here: check its id", out);
    else if (intake_reverses(x->catalogue, x->reversed, &other) || !same_person(x, x->after, x->reversed))
        find(
            x, "reversal", "reverses", SEVERITY_BLOCK, source, "只能冲销同一居民的加分流水",
            "only an entry of the same person that adds points can be taken back", out);
}

/* Old entries stay as they were posted; only a new one is held against the schedule. */
static void check_row(const struct intake *x, const struct points_schedule *s, struct findings *out) {
    struct value v;
    struct points_posting p;
    int64_t version = named_value(x->catalogue, x->after, "rule_version", &v) ? v.number : 0;
    if (s == NULL || !is_new(x))
        return;
    points_posting(x->rules, bytes_text(text_of(x, x->after, "rule")), &p);
    if (points_index_of(x->rules, p.schedule, version, p.index) == NULL)
        find(
            x, "schedule", "rule", SEVERITY_WARN, s->source, words(x, "积分办法第 %lld 版没有这一项，按所填分数计", (long long)version),
            words(x, "version %lld of the schedule has no such row: the points count as posted", (long long)version), out);
}

static void check_points(const struct intake *x, struct findings *out) {
    const struct record *after = x->after;
    invariant(after != NULL);
    const struct points_schedule *s = points_current(x->rules);
    const struct rule_source *source = s == NULL ? NULL : s->source;
    struct value v;
    struct id16 entry;
    bool has = named_value(x->catalogue, after, "points", &v), reverses = intake_reverses(x->catalogue, after, &entry);
    if (has && v.number < 0)
        find(
            x, "no_deduction", "points", SEVERITY_BLOCK, source, "积分不能为负；更正请冲销原流水",
            "points are never below zero; to correct, take the entry back that was wrong: reverses=ENTRY", out);
    else if (has && v.number > 0 && reverses)
        find(
            x, "reversal", "points", SEVERITY_BLOCK, source, "冲销流水不另计分", "an entry that takes another one back adds no points",
            out);
    else if (!has && !reverses && is_new(x))
        find(
            x, "reversal", "points", SEVERITY_BLOCK, source, "请填写分数，或所冲销的流水",
            "points=NUMBER, or reverses=ENTRY, the entry that it takes back", out);
    if (reverses)
        check_reversal(x, source, out);
    else
        check_row(x, s, out);
}

void intake_check(const struct intake *x, struct findings *out) {
    if (is_type(x, "SchoolPlaceApplication"))
        check_school(x, out);
    else if (is_type(x, "ServiceCase"))
        check_service(x, out);
    else if (is_type(x, "PointsEntry"))
        check_points(x, out);
}
