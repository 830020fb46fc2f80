#include "common/catalogue/validation.h"

#include "common/catalogue/pattern.h"
#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

static const char *const forms[] = {"required", "pattern", "range", "not_future", "length", "cross_field", "check", NULL};
static const char *const comparisons[] = {"before", "not_after", "equal", "not_both", "at_least_one", NULL};
static const char *const algorithms[] = {"gb11643", "gb32100", "area_code", NULL};

struct about { /* what a rule is read for */
    const struct document_node *n;
    const struct catalogue_type *t;
    const struct catalogue_field *f;
    struct validation_rule *v;
};

static bool texts(const struct catalogue_field *f) {
    return f->kind == VALUE_TEXT || f->kind == VALUE_CODE;
}

static bool orders(const struct catalogue_field *f) {
    return f->kind == VALUE_NUMBER || f->kind == VALUE_FEN || f->kind == VALUE_DATE;
}

static struct bound read_bound(struct rule_reading *g, const struct about *a, const char *key) {
    const struct document_node *n = document_get(a->n, key);
    const char *text = document_text(n);
    struct value v;
    struct bound b = {.set = n != NULL};
    if (n == NULL || !orders(a->f))
        return b;
    if (text != NULL && a->f->kind == VALUE_DATE && strcmp(text, "today") == 0)
        b.today = true;
    else if (text == NULL || value_read(a->f->kind, bytes_text(text), &v) != NULL || v.precision != 0)
        document_complain(
            g->d, n, g->c, "%s: %s belongs here", key,
            a->f->kind == VALUE_DATE  ? "a day like 2026-03-01, or today,"
            : a->f->kind == VALUE_FEN ? "an amount like 12.50"
                                      : "a whole number");
    else
        b.value = v.number;
    return b;
}

static void read_range(struct rule_reading *g, const struct about *a) {
    a->v->least = read_bound(g, a, "least");
    a->v->most = read_bound(g, a, "most");
    if (!orders(a->f))
        document_complain(g->d, a->n, g->c, "%s is no number, money or date: it has no range", a->f->name);
    else if (!a->v->least.set && !a->v->most.set)
        document_complain(g->d, a->n, g->c, "least or most is missing");
    else if (a->v->least.set && a->v->most.set && !a->v->least.today && !a->v->most.today && a->v->least.value > a->v->most.value)
        document_complain(g->d, document_get(a->n, "most"), g->c, "most is below least");
}

static void read_length(struct rule_reading *g, const struct about *a) {
    a->v->least = (struct bound){true, false, read_number(g, a->n, "least", false, 0, 65536, 0)};
    a->v->most = (struct bound){true, false, read_number(g, a->n, "most", false, 1, 65536, 65536)};
    if (!texts(a->f))
        document_complain(g->d, a->n, g->c, "%s is no text: it has no length", a->f->name);
    else if (a->v->least.value > a->v->most.value)
        document_complain(g->d, document_get(a->n, "most"), g->c, "most is below least");
}

static void read_pattern(struct rule_reading *g, const struct about *a) {
    const struct document_node *n = document_get(a->n, "pattern");
    const char *text = document_text(n);
    struct rule_pattern *p = rules_take(g->r, 1, sizeof *p);
    const char *wrong = text == NULL ? "pattern: an expression belongs here, in quotes" : pattern_compile(text, &p->compiled);
    if (n == NULL)
        wrong = "pattern is missing";
    else if (!texts(a->f))
        document_complain(g->d, a->n, g->c, "%s is no text: it has no pattern", a->f->name);
    if (wrong != NULL) {
        document_complain(g->d, n == NULL ? a->n : n, g->c, "%s", wrong);
        return;
    }
    p->next = g->r->patterns;
    g->r->patterns = p;
    a->v->pattern = p;
}

static void read_cross(struct rule_reading *g, const struct about *a) {
    const struct document_node *n = document_get(a->n, "other");
    const struct catalogue_field *o = NULL;
    a->v->compare = (enum comparison)read_choice(g, a->n, "compare", comparisons, true, COMPARE_EQUAL);
    if (n == NULL)
        document_complain(g->d, a->n, g->c, "other is missing: the second field, by its name alone");
    else
        o = read_type_field(g, a->t, n, document_text(n));
    if (o == NULL)
        return;
    a->v->other = o->number;
    if (o->number == a->f->number)
        document_complain(g->d, n, g->c, "a field is not compared with itself");
    if (a->v->compare <= COMPARE_NOT_AFTER && (!orders(a->f) || o->kind != a->f->kind))
        document_complain(g->d, n, g->c, "%s and %s are not both dates, numbers or money", a->f->name, o->name);
    else if (a->v->compare == COMPARE_EQUAL && o->kind != a->f->kind)
        document_complain(g->d, n, g->c, "%s and %s are of different kinds", a->f->name, o->name);
}

static void read_check(struct rule_reading *g, const struct about *a) {
    bool area_kind = a->f->kind == VALUE_AREA;
    a->v->algorithm = (enum algorithm)read_choice(g, a->n, "check", algorithms, true, ALGORITHM_GB11643);
    if (!texts(a->f) && !(area_kind && a->v->algorithm == ALGORITHM_AREA_CODE))
        document_complain(g->d, a->n, g->c, "%s is no text: it has no check", a->f->name);
    /* Codes that registries gave out are known to fail the check: whoever saw the licence must be able to go on. */
    if (a->v->algorithm == ALGORITHM_GB32100 && a->v->severity == SEVERITY_BLOCK)
        document_complain(
            g->d, document_get(a->n, "severity") == NULL ? a->n : document_get(a->n, "severity"), g->c,
            "gb32100 never blocks, since real licences fail it: write severity: warn");
}

static const char *const default_en[] = {
    "is required",
    "does not have the form it should",
    "is out of range",
    "is in the future",
    "is too short or too long",
    "does not fit the other field",
    "does not pass its check"};
static const char *const default_zh[] = {"必填", "格式不符", "超出范围", "不能晚于今天", "长度不符", "与另一项不一致", "校验未通过"};

static void read_rule(struct rule_reading *g, const struct document_node *n, struct validation_rule *v) {
    static const char *const keys[] = {"name",  "field", "rule",    "severity", "zh",    "en",   "legal_basis", "pattern",
                                       "least", "most",  "compare", "other",    "check", "when", "unless",      NULL};
    if (!read_map(g, n, keys, "{name: …, field: Person.name, rule: required, severity: block, zh: …, en: …}"))
        return;
    struct about a = {.n = n, .v = v};
    v->name = read_text(g, n, "name", true, RULE_NAME_MOST);
    v->form = (enum validation_form)read_choice(g, n, "rule", forms, true, FORM_REQUIRED);
    v->severity = (enum severity)read_choice(g, n, "severity", severity_words(), true, SEVERITY_WARN);
    v->zh = read_text(g, n, "zh", false, RULE_WORDS_MOST);
    v->en = read_text(g, n, "en", false, RULE_WORDS_MOST);
    v->legal_basis = read_text(g, n, "legal_basis", false, RULE_WORDS_MOST);
    v->zh = v->zh == NULL ? default_zh[v->form] : v->zh;
    v->en = v->en == NULL ? default_en[v->form] : v->en;
    if (document_get(n, "field") == NULL)
        document_complain(g->d, n, g->c, "field is missing");
    if (document_get(n, "field") == NULL || !read_field(g, document_get(n, "field"), &a.t, &a.f))
        return;
    v->type = a.t->number;
    v->field = a.f->number;
    read_condition(g, n, "when", a.t, &v->when);
    read_condition(g, n, "unless", a.t, &v->unless);
    static void (*const own[])(struct rule_reading *, const struct about *) = {
        [FORM_PATTERN] = read_pattern,
        [FORM_RANGE] = read_range,
        [FORM_LENGTH] = read_length,
        [FORM_CROSS_FIELD] = read_cross,
        [FORM_CHECK] = read_check};
    if (own[v->form] != NULL)
        own[v->form](g, &a);
    else if (v->form == FORM_NOT_FUTURE && a.f->kind != VALUE_DATE)
        document_complain(g->d, n, g->c, "%s is no date", a.f->name);
}

/* A key that its rule does not read would be a rule that somebody believes in and nobody applies. */
static void refuse_idle_keys(struct rule_reading *g, const struct document_node *n, enum validation_form form) {
    static const struct {
        const char *key;
        unsigned forms;
    } uses[] = {
        {"pattern", 1U << FORM_PATTERN},
        {"least", 1U << FORM_RANGE | 1U << FORM_LENGTH},
        {"most", 1U << FORM_RANGE | 1U << FORM_LENGTH},
        {"compare", 1U << FORM_CROSS_FIELD},
        {"other", 1U << FORM_CROSS_FIELD},
        {"check", 1U << FORM_CHECK}};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (document_get(n, uses[i].key) != NULL && (uses[i].forms & 1U << form) == 0)
            document_complain(
                g->d, document_get(n, uses[i].key), g->c, "%s has no meaning in a rule of the form %s", uses[i].key, forms[form]);
}

void read_validation(struct rule_reading *g) {
    static const char *const keys[] = {"rules", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "rules", true, 2000);
    size_t count = document_count(list);
    struct validation *s = rules_take(g->r, 1, sizeof *s);
    struct validation_rule *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        unsigned before = g->c->count;
        read_rule(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].name, document_item(list, i)};
        if (g->c->count == before)
            refuse_idle_keys(g, document_item(list, i), all[i].form);
    }
    read_unique(g, names, count);
    free(names);
    *s = (struct validation){g->source, all, count, g->r->validations};
    g->r->validations = s;
}
