/* Kinds wage_floor and text_lint: how they are read (rules_check.c goes by them). */
#include "common/catalogue/rules_parts.h"
#include "common/catalogue/validation.h"

#include <stdlib.h>
#include <string.h>

static void read_amount(struct rule_reading *g, const struct document_node *n, struct wage_amount *a) {
    static const char *const keys[] = {"area", "month", "hour", NULL};
    if (!read_map(g, n, keys, "{area: \"6502\", month: 1900, hour: 19.00}"))
        return;
    if (document_get(n, "area") != NULL)
        a->where = read_area(g, document_get(n, "area"));
    a->month = read_hundredths(g, n, "month", true, 0);
    a->hour = read_hundredths(g, n, "hour", true, 0);
}

static void read_paid(struct rule_reading *g, const struct document_node *n, struct wage_field *w) {
    static const char *const keys[] = {"field", "unit", "severity", "zh", "en", NULL}, *const units[] = {"month", "hour", NULL};
    const struct catalogue_type *t;
    const struct catalogue_field *f;
    if (!read_map(g, n, keys, "{field: Vacancy.wage_min, unit: month, severity: block}"))
        return;
    w->unit = (enum wage_unit)read_choice(g, n, "unit", units, true, WAGE_MONTH);
    w->severity = (enum severity)read_choice(g, n, "severity", severity_words(), true, SEVERITY_WARN);
    w->zh = read_text(g, n, "zh", false, RULE_WORDS_MOST);
    w->en = read_text(g, n, "en", false, RULE_WORDS_MOST);
    w->zh = w->zh == NULL ? "低于最低工资标准" : w->zh;
    w->en = w->en == NULL ? "is below the minimum wage" : w->en;
    if (document_get(n, "field") == NULL) {
        document_complain(g->d, n, g->c, "field is missing");
    } else if (read_field(g, document_get(n, "field"), &t, &f)) {
        w->field = (struct rule_field){t->number, f->number};
        if (f->kind != VALUE_FEN)
            document_complain(g->d, document_get(n, "field"), g->c, "%s is no money", f->name);
    }
}

void read_wage_floor(struct rule_reading *g) {
    static const char *const keys[] = {"floors", "fields", NULL};
    read_top(g, keys);
    const struct document_node *floors = read_list(g, g->root, "floors", true, 1000), *fields = read_list(g, g->root, "fields", true, 100);
    struct wage_floor *s = rules_take(g->r, 1, sizeof *s);
    struct wage_amount *amounts = rules_take(g->r, document_count(floors), sizeof *amounts);
    struct wage_field *paid = rules_take(g->r, document_count(fields), sizeof *paid);
    for (; s->amount_count < document_count(floors); s->amount_count++) {
        read_amount(g, document_item(floors, s->amount_count), &amounts[s->amount_count]);
        for (size_t i = 0; i < s->amount_count; i++)
            if (amounts[i].where == amounts[s->amount_count].where)
                document_complain(g->d, document_item(floors, s->amount_count), g->c, "this area is here twice");
    }
    for (; s->field_count < document_count(fields); s->field_count++)
        read_paid(g, document_item(fields, s->field_count), &paid[s->field_count]);
    s->source = g->source;
    s->amounts = amounts;
    s->fields = paid;
    s->next = g->r->wages;
    g->r->wages = s;
}

static void read_term(struct rule_reading *g, const struct document_node *n, struct lint_term *t) {
    static const char *const keys[] = {"term", "zh", "en", NULL};
    t->term = "";
    if (!read_map(g, n, keys, "{term: …, zh: what to write instead}"))
        return;
    const char *term = read_text(g, n, "term", true, RULE_NAME_MOST);
    t->term = term == NULL ? "" : term;
    read_names(g, n, RULE_WORDS_MOST, &t->zh, &t->en);
    t->en = t->en == NULL ? "this does not belong into a note" : t->en;
}

void read_text_lint(struct rule_reading *g) {
    static const char *const keys[] = {"terms", "notes", "most", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "terms", true, 1000);
    struct text_lint *s = rules_take(g->r, 1, sizeof *s);
    struct lint_term *all = rules_take(g->r, document_count(list), sizeof *all);
    struct read_name *names = memory_zeroed(document_count(list) + 1, sizeof *names);
    for (; s->count < document_count(list); s->count++) {
        read_term(g, document_item(list, s->count), &all[s->count]);
        names[s->count] = (struct read_name){all[s->count].term, document_item(list, s->count)};
    }
    read_unique(g, names, s->count);
    free(names);
    s->source = g->source;
    s->terms = all;
    s->notes = read_fields(g, g->root, "notes", true, &s->note_count);
    for (size_t i = 0; i < s->note_count; i++)
        if (type_field_number(catalogue_type_number(g->k, s->notes[i].type), s->notes[i].field)->kind != VALUE_TEXT)
            document_complain(g->d, document_item(document_get(g->root, "notes"), i), g->c, "this field is no text");
    s->most = (size_t)read_number(g, g->root, "most", false, 1, 500, 500);
    s->long_zh = rules_words(g->r, "备注最多%zu字", s->most);
    s->long_en = rules_words(g->r, "a note has at most %zu characters", s->most);
    s->next = g->r->lints;
    g->r->lints = s;
}
