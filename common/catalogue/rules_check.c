#include "common/base/utf8.h"
#include "common/catalogue/areas.h"
#include "common/catalogue/pattern.h"
#include "common/catalogue/policy.h"
#include "common/catalogue/rules_parts.h"
#include "common/catalogue/validation.h"

#include <string.h>

struct checking {
    const struct rules *r;
    const struct catalogue *k;
    const struct record *after;
    int64_t today, receipt;
    struct findings *out;
};

bool field_winner_value(const struct record *r, uint32_t field, struct value *out) {
    const struct head *h = field_winner(record_field(r, field));
    return h != NULL && value_unpack(h->value, out) && out->kind != VALUE_NONE;
}

static void find(struct checking *x, struct finding f) {
    if (x->out->count < FINDINGS_MOST)
        x->out->items[x->out->count++] = f;
    else
        x->out->more++;
}

/* Every value of a field: its winner, and its elements. */
static bool value_at(const struct record *r, uint32_t number, size_t i, struct value *out, int64_t *written) {
    const struct field *f = record_field(r, number);
    const struct head *h = field_winner(f);
    if (f == NULL)
        return false;
    size_t first = h == NULL ? 0 : 1;
    if (i >= first) {
        i -= first;
        h = i < f->element_count ? &f->elements[i] : NULL;
    }
    if (h == NULL)
        return false;
    if (!value_unpack(h->value, out))
        out->kind = VALUE_NONE;
    *written = h->version.hlc == 0 ? RULE_DAY_LAST : city_day(hlc_ms(h->version.hlc));
    return true;
}

static bool is_there(const struct record *r, uint32_t field) {
    struct value v;
    int64_t written;
    for (size_t i = 0; value_at(r, field, i, &v, &written); i++)
        if (v.kind != VALUE_NONE && !((v.kind == VALUE_TEXT || v.kind == VALUE_CODE) && v.text.len == 0))
            return true;
    return false;
}

static bool listed(const struct condition *c, struct bytes text) {
    for (size_t i = 0; i < c->count; i++)
        if (bytes_equal(text, bytes_text(c->is[i])))
            return true;
    return false;
}

bool condition_holds(const struct catalogue *k, const struct record *r, const struct condition *c) {
    const struct catalogue_type *t = catalogue_type_number(k, r->type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, c->field);
    struct value v;
    int64_t written;
    bool yes = c->field == 0;
    if (!yes && f != NULL && f->rule == SHOW_WORKFLOW && t->workflow != NULL)
        return listed(c, bytes_text(t->workflow->states[workflow_fold(t->workflow, record_field(r, c->field), NULL)].name));
    for (size_t i = 0; !yes && value_at(r, c->field, i, &v, &written); i++) {
        struct buffer text = {0};
        value_text(&v, &text);
        yes = v.kind != VALUE_NONE && listed(c, buffer_bytes(&text));
        buffer_close(&text);
    }
    return yes;
}

/* ---- validation: false is a finding */

static bool matches(const struct rule_pattern *p, struct bytes text) {
    char line[PATTERN_TEXT_MOST + 1];
    if (text.len > PATTERN_TEXT_MOST || (text.len > 0 && memchr(text.at, 0, text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(line, text.at, text.len);
    line[text.len] = '\0';
    return regexec(&p->compiled, line, 0, NULL, 0) == 0;
}

static bool in_bounds(const struct validation_rule *e, int64_t v, int64_t today) {
    int64_t least = e->least.today ? today : e->least.value, most = e->most.today ? today : e->most.value;
    return (!e->least.set || v >= least) && (!e->most.set || v <= most);
}

static bool passes_area(const struct checking *x, const struct value *v) {
    area a = v->area;
    if (v->kind != VALUE_AREA && !(v->text.len == AREA_DIGITS && area_parse(v->text, &a)))
        return false;
    return area_is_community(a) && areas_valid(x->r, a, x->today);
}

static bool passes(const struct checking *x, const struct validation_rule *e, const struct value *v) {
    switch (e->form) {
    case FORM_PATTERN:
        return matches(e->pattern, v->text);
    case FORM_RANGE:
        return in_bounds(e, v->number, x->today);
    case FORM_NOT_FUTURE:
        return v->number <= x->today;
    case FORM_LENGTH:
        return in_bounds(e, (int64_t)utf8_count(v->text), x->today);
    case FORM_CHECK:
        if (e->algorithm == ALGORITHM_AREA_CODE)
            return passes_area(x, v);
        return field_check_text(e->algorithm == ALGORITHM_GB11643 ? CHECK_GB11643 : CHECK_GB32100, v->text) == NULL;
    case FORM_REQUIRED:
    case FORM_CROSS_FIELD:
        break;
    }
    return true;
}

static bool passes_cross(const struct checking *x, const struct validation_rule *e) {
    struct value a, b;
    bool one = is_there(x->after, e->field), other = is_there(x->after, e->other);
    if (e->compare == COMPARE_NOT_BOTH)
        return !(one && other);
    if (e->compare == COMPARE_AT_LEAST_ONE)
        return one || other;
    if (!field_winner_value(x->after, e->field, &a) || !field_winner_value(x->after, e->other, &b))
        return true; /* nothing to compare yet */
    if (e->compare == COMPARE_BEFORE)
        return a.number < b.number;
    if (e->compare == COMPARE_NOT_AFTER)
        return a.number <= b.number;
    return bytes_equal(field_winner(record_field(x->after, e->field))->value, field_winner(record_field(x->after, e->other))->value);
}

static bool passes_all(const struct checking *x, const struct validation_rule *e) {
    struct value v;
    int64_t written;
    if (e->form == FORM_REQUIRED)
        return is_there(x->after, e->field);
    if (e->form == FORM_CROSS_FIELD)
        return passes_cross(x, e);
    for (size_t i = 0; value_at(x->after, e->field, i, &v, &written); i++)
        if (v.kind != VALUE_NONE && v.kind != VALUE_LIST && !passes(x, e, &v)) /* a list: an event, or a ledger's reversal */
            return false;
    return true;
}

static void check_validation(struct checking *x) {
    for (const struct validation *s = x->r->validations; s != NULL; s = s->next)
        for (size_t i = 0; source_speaks(x->r, s->source, x->receipt) && i < s->count; i++) {
            const struct validation_rule *e = &s->rules[i];
            if (e->type != x->after->type || !condition_holds(x->k, x->after, &e->when) ||
                (e->unless.field != 0 && condition_holds(x->k, x->after, &e->unless)) || passes_all(x, e))
                continue;
            const char *basis = e->legal_basis == NULL ? s->source->legal_basis : e->legal_basis;
            find(x, (struct finding){e->field, e->name, e->severity, e->zh, e->en, basis, s->source});
        }
}

/* ---- codes */

static void check_codes(struct checking *x, const struct code_list *l, uint32_t field) {
    struct value v;
    int64_t written;
    for (size_t i = 0; value_at(x->after, field, i, &v, &written); i++) {
        if ((v.kind != VALUE_CODE && v.kind != VALUE_TEXT) || v.text.len == 0)
            continue;
        const struct code *c = codes_find(l, v.text);
        bool old = c != NULL && !code_offered(c, written == RULE_DAY_LAST ? x->today : written);
        if (c != NULL && !old)
            continue;
        find(
            x, (struct finding){
                   field, l->source->name, l->severity, old ? "代码已停用" : "代码不在代码表中",
                   old ? "this code is not offered any more" : "this code is not in the list", l->source->legal_basis, l->source});
    }
}

static void check_code_lists(struct checking *x) {
    for (const struct code_list *l = x->r->codes; l != NULL; l = l->next)
        for (size_t i = 0; l->source->newest && i < l->field_count; i++)
            if (l->fields[i].type == x->after->type)
                check_codes(x, l, l->fields[i].field);
}

/* ---- wages */

static int64_t floor_of(const struct wage_floor *s, const struct record *r, enum wage_unit unit) {
    struct value home;
    bool placed = field_winner_value(r, FIELD_HOME, &home) && home.kind == VALUE_AREA;
    const struct wage_amount *best = NULL;
    int64_t lowest = INT64_MAX; /* without a place nobody is said to be below another place's floor */
    for (size_t i = 0; i < s->amount_count; i++) {
        const struct wage_amount *a = &s->amounts[i];
        int64_t money = unit == WAGE_MONTH ? a->month : a->hour;
        lowest = money < lowest ? money : lowest;
        if (placed && area_within(home.area, a->where) && (best == NULL || area_within(a->where, best->where)))
            best = a;
    }
    if (best != NULL)
        return unit == WAGE_MONTH ? best->month : best->hour;
    return placed || s->amount_count == 0 ? 0 : lowest;
}

static void check_wages(struct checking *x) {
    for (const struct wage_floor *s = x->r->wages; s != NULL; s = s->next)
        for (size_t i = 0; source_speaks(x->r, s->source, x->receipt) && i < s->field_count; i++) {
            const struct wage_field *w = &s->fields[i];
            struct value v;
            if (w->field.type == x->after->type && field_winner_value(x->after, w->field.field, &v) && v.kind == VALUE_FEN &&
                v.number < floor_of(s, x->after, w->unit))
                find(x, (struct finding){w->field.field, s->source->name, w->severity, w->zh, w->en, s->source->legal_basis, s->source});
        }
}

/* ---- notes */

static char plain(uint8_t c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Latin words stand alone ("race", not "trace"); Chinese ones are found anywhere. */
static bool mentions(struct bytes text, const char *term) {
    size_t len = strlen(term);
    for (size_t at = 0; len > 0 && at + len <= text.len; at++) {
        size_t same = 0;
        while (same < len && plain(text.at[at + same]) == plain((uint8_t)term[same]))
            same++;
        bool inside = (letter((uint8_t)term[0]) && at > 0 && letter(text.at[at - 1])) ||
                      (letter((uint8_t)term[len - 1]) && at + len < text.len && letter(text.at[at + len]));
        if (same == len && !inside)
            return true;
    }
    return false;
}

static void check_note(struct checking *x, const struct text_lint *s, uint32_t field) {
    struct value v;
    int64_t written;
    for (size_t i = 0; value_at(x->after, field, i, &v, &written); i++) {
        if (v.kind != VALUE_TEXT)
            continue;
        if (utf8_count(v.text) > s->most)
            find(x, (struct finding){field, s->source->name, SEVERITY_BLOCK, s->long_zh, s->long_en, s->source->legal_basis, s->source});
        for (size_t t = 0; t < s->count; t++)
            if (mentions(v.text, s->terms[t].term))
                find(
                    x, (struct finding){
                           field, s->source->name, SEVERITY_WARN, s->terms[t].zh, s->terms[t].en, s->source->legal_basis, s->source});
    }
}

static void check_notes(struct checking *x) {
    for (const struct text_lint *s = x->r->lints; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->note_count; i++)
            if (s->notes[i].type == x->after->type)
                check_note(x, s, s->notes[i].field);
}

/* What the catalogue itself asks for. */
static void check_catalogue(struct checking *x, const struct catalogue_type *t) {
    for (size_t i = 0; t != NULL && i < t->field_count; i++)
        if (t->fields[i].required && !is_there(x->after, t->fields[i].number))
            find(x, (struct finding){t->fields[i].number, "required", SEVERITY_BLOCK, "必填", "is required", "", NULL});
}

void rules_check(
    const struct rules *r, const struct catalogue *k, const struct record *after, int64_t today, int64_t receipt, struct findings *out) {
    struct checking x = {r, k, after, today, receipt, out};
    out->count = out->more = 0;
    check_catalogue(&x, catalogue_type_number(k, after->type));
    check_validation(&x);
    check_code_lists(&x);
    check_wages(&x);
    check_notes(&x);
}

bool findings_block(const struct findings *f) {
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].severity == SEVERITY_BLOCK)
            return true;
    return f->more > 0; /* what had no room may */
}
