#include "common/catalogue/areas.h"

#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

bool area_of_code(const char *text, area *out) {
    size_t len = strlen(text);
    if (len == AREA_DIGITS) {
        static const size_t ends[] = {9, 6, 4, 2};
        for (size_t i = 0; i < sizeof ends / sizeof *ends && strspn(text + ends[i], "0") == AREA_DIGITS - ends[i]; i++)
            len = ends[i];
    }
    return area_parse(bytes_of(text, len), out) && *out != AREA_CITY && !area_is_node(*out);
}

area read_area(struct rule_reading *g, const struct document_node *n) {
    area a = AREA_CITY;
    const char *text = document_text(n);
    if (text == NULL || (*text != '\0' && !area_of_code(text, &a)))
        document_complain(g->d, n, g->c, "a division code of 2, 4, 6, 9 or 12 digits belongs here, in quotes");
    return a;
}

/* The division above: 9 digits for a community, 6 for a street, and so on. */
static area above(area a) {
    char text[AREA_TEXT];
    size_t len = strlen(area_text(a, text));
    area up = AREA_CITY;
    static const size_t ends[] = {9, 6, 4, 2};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i] < len) {
            area_parse(bytes_of(text, ends[i]), &up);
            return up;
        }
    return up;
}

static int by_code(const void *a, const void *b) {
    const struct area_entry *x = a, *y = b;
    return (x->code > y->code) - (x->code < y->code);
}

static const struct area_entry *find(const struct area_tree *t, area code) {
    struct area_entry wanted = {.code = code};
    return t->count == 0 ? NULL : bsearch(&wanted, t->entries, t->count, sizeof *t->entries, by_code);
}

static void read_entry(struct rule_reading *g, const struct document_node *n, struct area_entry *e) {
    static const char *const keys[] = {"code", "parent", "zh", "en", "from", "to", "successor", NULL};
    if (!read_map(g, n, keys, "{code: \"650203001001\", zh: …}"))
        return;
    if (document_get(n, "code") == NULL)
        document_complain(g->d, n, g->c, "code is missing");
    else
        e->code = read_area(g, document_get(n, "code"));
    e->parent = document_get(n, "parent") == NULL ? above(e->code) : read_area(g, document_get(n, "parent"));
    read_names(g, n, RULE_NAME_MOST, &e->zh, &e->en);
    read_days(g, n, &e->from, &e->to);
    const struct document_node *next = document_get(n, "successor");
    if (next != NULL && document_kind(next) == DOCUMENT_LIST)
        document_complain(
            g->d, next, g->c, "one successor at most: where an area is split, people decide which record goes where; leave it out");
    else if (next != NULL)
        e->successor = read_area(g, next);
    if (e->successor != AREA_CITY && e->to == RULE_DAY_LAST)
        document_complain(g->d, next, g->c, "an area with a successor has a last day: write to");
    if (e->parent != AREA_CITY && (e->parent == e->code || area_within(e->parent, e->code)))
        document_complain(g->d, document_get(n, "parent"), g->c, "an area does not lie in itself");
}

enum { SUCCESSORS_MOST = 64 };

/* Whether successors go round, or on for so long that nobody meant it. In one tree is enough: a successor is in its own tree, and of
 * several trees that have an area the same one is always asked. */
static bool endless(const struct area_tree *t, const struct area_entry *e) {
    size_t steps = 0;
    while (e != NULL && e->successor != AREA_CITY && steps++ < SUCCESSORS_MOST)
        e = find(t, e->successor);
    return steps > SUCCESSORS_MOST;
}

static void check_links(struct rule_reading *g, const struct area_tree *t, const struct document_node *list) {
    for (size_t i = 0; i < document_count(list); i++) {
        const struct document_node *n = document_item(list, i), *next = document_get(n, "successor");
        area code = AREA_CITY;
        if (document_text(document_get(n, "code")) == NULL || !area_of_code(document_text(document_get(n, "code")), &code))
            continue;
        const struct area_entry *e = find(t, code);
        if (e == NULL || (next == NULL && document_get(n, "parent") == NULL))
            continue;
        if (document_get(n, "parent") != NULL && e->parent != AREA_CITY && find(t, e->parent) == NULL)
            document_complain(
                g->d, document_get(n, "parent"), g->c, "parent %s is not in this tree", document_text(document_get(n, "parent")));
        if (next != NULL && e->successor != AREA_CITY && find(t, e->successor) == NULL)
            document_complain(g->d, next, g->c, "successor %s is not in this tree", document_text(next));
        else if (next != NULL && endless(t, e))
            document_complain(g->d, next, g->c, "the successors of %s go round in a loop", document_text(document_get(n, "code")));
    }
}

void read_area_tree(struct rule_reading *g) {
    static const char *const keys[] = {"areas", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "areas", true, RULE_LIST_MOST);
    size_t count = document_count(list);
    struct area_tree *t = rules_take(g->r, 1, sizeof *t);
    struct area_entry *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        char text[AREA_TEXT];
        read_entry(g, document_item(list, i), &all[i]);
        names[i].name = all[i].code == AREA_CITY ? "" : rules_keep(g->r, area_text(all[i].code, text));
        names[i].at = document_item(list, i);
    }
    read_unique(g, names, count);
    free(names);
    qsort(all, count, sizeof *all, by_code);
    *t = (struct area_tree){g->source, all, count, g->r->areas};
    check_links(g, t, list);
    g->r->areas = t;
}

const struct area_entry *areas_find(const struct rules *r, area code) {
    for (const struct area_tree *t = r->areas; t != NULL; t = t->next) {
        const struct area_entry *e = t->source->newest ? find(t, code) : NULL;
        if (e != NULL)
            return e;
    }
    return NULL;
}

area areas_successor(const struct rules *r, area code, int64_t day) {
    size_t steps = 0;
    for (const struct area_entry *e = areas_find(r, code); e != NULL && steps < SUCCESSORS_MOST; e = areas_find(r, code), steps++) {
        if (e->to >= day || e->successor == AREA_CITY)
            break;
        code = e->successor;
    }
    return code;
}

bool areas_valid(const struct rules *r, area code, int64_t day) {
    const struct area_entry *e = areas_find(r, code);
    return r->areas == NULL || (e != NULL && e->from <= day && day <= e->to);
}
