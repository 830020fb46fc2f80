#include "common/catalogue/codes.h"

#include "common/catalogue/rules_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- code lists */

static int by_code(const void *a, const void *b) {
    return strcmp((*(const struct code *const *)a)->code, (*(const struct code *const *)b)->code);
}

static void read_code(struct rule_reading *g, const struct document_node *n, struct code *e) {
    static const char *const keys[] = {"code", "zh", "en", "from", "to", "replaced_by", NULL};
    e->code = "";
    if (!read_map(g, n, keys, "{code: \"20204\", zh: …, en: …}"))
        return;
    if (document_get(n, "code") == NULL)
        document_complain(g->d, n, g->c, "code is missing");
    else
        e->code = read_scalar(g, document_get(n, "code"), "code", 40);
    read_names(g, n, RULE_WORDS_MOST, &e->zh, &e->en);
    read_days(g, n, &e->from, &e->to);
    e->replaced_by = read_text(g, n, "replaced_by", false, 40);
    if (e->replaced_by != NULL && e->to == RULE_DAY_LAST)
        document_complain(g->d, document_get(n, "replaced_by"), g->c, "a code that is replaced has a last day: write to");
}

static const struct code *find(const struct code *const *sorted, size_t count, const char *code) {
    struct code wanted = {.code = code};
    const struct code *key = &wanted;
    const struct code *const *found = count == 0 ? NULL : bsearch(&key, sorted, count, sizeof(const struct code *), by_code);
    return found == NULL ? NULL : *found;
}

/* Replacements are in the list and do not lead back. */
static void check_replaced(struct rule_reading *g, const struct code_list *l, const struct document_node *list) {
    for (size_t i = 0; i < l->count; i++) {
        const struct code *at = &l->codes[i];
        const struct document_node *n = document_get(document_item(list, i), "replaced_by");
        size_t steps = 0;
        if (at->replaced_by != NULL && find((const struct code *const *)l->sorted, l->count, at->replaced_by) == NULL) {
            document_complain(g->d, n, g->c, "replaced_by %s is not in this list", at->replaced_by);
            continue;
        }
        while (at != NULL && at->replaced_by != NULL && steps++ < 64)
            at = find((const struct code *const *)l->sorted, l->count, at->replaced_by);
        if (steps > 64)
            document_complain(g->d, n, g->c, "what replaces %s goes round in a loop", l->codes[i].code);
    }
}

void read_code_list(struct rule_reading *g) {
    static const char *const keys[] = {"fields", "codes", "severity", NULL};
    read_top(g, keys);
    struct code_list *l = rules_take(g->r, 1, sizeof *l);
    l->source = g->source;
    l->fields = read_fields(g, g->root, "fields", false, &l->field_count);
    l->severity = (enum severity)read_choice(g, g->root, "severity", severity_words(), false, SEVERITY_BLOCK);
    const struct document_node *list = read_list(g, g->root, "codes", true, RULE_LIST_MOST);
    l->count = document_count(list);
    struct code *all = rules_take(g->r, l->count, sizeof *all);
    l->sorted = rules_take(g->r, l->count, sizeof *l->sorted);
    struct read_name *names = memory_zeroed(l->count + 1, sizeof *names);
    for (size_t i = 0; i < l->count; i++) {
        read_code(g, document_item(list, i), &all[i]);
        l->sorted[i] = &all[i];
        names[i] = (struct read_name){all[i].code, document_item(list, i)};
    }
    read_unique(g, names, l->count);
    free(names);
    qsort(l->sorted, l->count, sizeof *l->sorted, by_code);
    l->codes = all;
    check_replaced(g, l, list);
    l->next = g->r->codes;
    g->r->codes = l;
}

const struct code_list *codes_list(const struct rules *r, const char *name) {
    for (const struct code_list *l = r->codes; l != NULL; l = l->next)
        if (l->source->newest && strcmp(l->source->name, name) == 0)
            return l;
    return NULL;
}

const struct code_list *codes_of_field(const struct rules *r, uint32_t type, uint32_t field) {
    for (const struct code_list *l = r->codes; l != NULL; l = l->next)
        for (size_t i = 0; l->source->newest && i < l->field_count; i++)
            if (l->fields[i].type == type && l->fields[i].field == field)
                return l;
    return NULL;
}

const struct code *codes_find(const struct code_list *l, struct bytes code) {
    char text[4 * 40 + 1];
    if (code.len == 0 || code.len >= sizeof text || memchr(code.at, 0, code.len) != NULL)
        return NULL;
    memcpy(text, code.at, code.len);
    text[code.len] = '\0';
    return find((const struct code *const *)l->sorted, l->count, text);
}

bool code_offered(const struct code *c, int64_t day) {
    return c->from <= day && day <= c->to;
}

bool codes_finish(const struct rules *r, struct complaints *c) {
    unsigned before = c->count;
    for (const struct code_list *l = r->codes; l != NULL; l = l->next)
        for (size_t i = 0; l->source->newest && i < l->field_count; i++) {
            const struct code_list *other = codes_of_field(r, l->fields[i].type, l->fields[i].field);
            if (other == l)
                continue;
            buffer_format(&c->text, "%s: a field has its codes from this list and from %s\n", l->source->name, other->source->name);
            c->count++;
        }
    return c->count == before;
}

/* ---- labels */

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* Type, Type.field, list:code, ui.… */
static void check_key(struct rule_reading *g, const struct document_node *n, const char *key) {
    const struct catalogue_type *t;
    const struct catalogue_field *f;
    if (strncmp(key, "ui.", 3) == 0 || (strchr(key, ':') != NULL && *key != ':' && key[strlen(key) - 1] != ':'))
        return;
    if (strchr(key, '.') != NULL)
        read_field(g, n, &t, &f);
    else if (strchr(key, ':') != NULL || *key == '\0')
        document_complain(g->d, n, g->c, "a label is for Type, Type.field, list:code or ui.something");
    else
        read_type(g, n);
}

void read_labels(struct rule_reading *g) {
    static const char *const keys[] = {"labels", NULL}, *const own[] = {"zh", "en", NULL};
    read_top(g, keys);
    const struct document_node *map = document_get(g->root, "labels");
    struct label_set *set = rules_take(g->r, 1, sizeof *set);
    if (map == NULL || document_kind(map) != DOCUMENT_MAP || document_count(map) == 0) {
        document_complain(g->d, map == NULL ? g->root : map, g->c, "labels are lines like Person: {zh: 新居民, en: New resident}");
        return;
    }
    size_t count = document_count(map) > RULE_LIST_MOST ? 0 : document_count(map);
    if (count == 0)
        document_complain(g->d, map, g->c, "labels has %zu lines; at most %d may be in it", document_count(map), RULE_LIST_MOST);
    struct label *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const struct document_node *n = document_item(map, i);
        all[i].key = read_scalar(g, document_key(map, i), "a label's key", 120);
        names[i] = (struct read_name){all[i].key, document_key(map, i)};
        check_key(g, document_key(map, i), all[i].key);
        if (!read_map(g, n, own, "{zh: 新居民, en: New resident}"))
            continue;
        all[i].zh = read_text(g, n, "zh", false, RULE_WORDS_MOST);
        all[i].en = read_text(g, n, "en", false, RULE_WORDS_MOST);
        if (all[i].zh == NULL && all[i].en == NULL)
            document_complain(g->d, n, g->c, "zh or en is missing");
    }
    read_unique(g, names, count);
    free(names);
    qsort(all, count, sizeof *all, by_key);
    *set = (struct label_set){g->source, all, count, g->r->labels};
    g->r->labels = set;
}

static const char *in(const char *zh, const char *en, const char *lang) {
    return strcmp(lang, "en") == 0 ? en : zh;
}

static const char *code_label(const struct rules *r, const char *key, const char *lang) {
    const char *colon = strchr(key, ':');
    for (const struct code_list *l = colon == NULL ? NULL : r->codes; l != NULL; l = l->next) {
        size_t len = (size_t)(colon - key);
        if (!l->source->newest || strlen(l->source->name) != len || memcmp(l->source->name, key, len) != 0)
            continue;
        const struct code *c = codes_find(l, bytes_text(colon + 1));
        return c == NULL ? NULL : in(c->zh, c->en, lang);
    }
    return NULL;
}

/* In this language and no other. */
static const char *said(const struct rules *r, const char *key, const char *lang) {
    struct label wanted = {.key = key};
    for (const struct label_set *s = r->labels; s != NULL; s = s->next) {
        const struct label *l = s->source->newest && s->count > 0 ? bsearch(&wanted, s->labels, s->count, sizeof *s->labels, by_key) : NULL;
        const char *text = l == NULL ? NULL : in(l->zh, l->en, lang);
        if (text != NULL)
            return text;
    }
    return code_label(r, key, lang);
}

const char *rules_label(const struct rules *r, const char *key, const char *lang) {
    const char *text = said(r, key, lang);
    if (text == NULL)
        text = said(r, key, "zh");
    return text == NULL ? said(r, key, "en") : text;
}

/* What the catalogue says is Chinese, and its names are words that an English reader can go by. */
static const char *called(const struct rules *r, const char *key, const char *zh, const char *name, const char *lang) {
    const char *text = said(r, key, lang);
    if (text == NULL && strcmp(lang, "en") == 0)
        text = said(r, key, "zh");
    return text != NULL ? text : strcmp(lang, "en") == 0 || zh == NULL ? name : zh;
}

const char *label_type(const struct rules *r, const struct catalogue_type *t, const char *lang) {
    return called(r, t->name, t->zh, t->name, lang);
}

const char *label_field(const struct rules *r, const struct catalogue_type *t, const struct catalogue_field *f, const char *lang) {
    char key[160];
    snprintf(key, sizeof key, "%s.%s", t->name, f->name);
    return called(r, key, f->zh, f->name, lang);
}

const char *label_code(const struct rules *r, uint32_t type, uint32_t field, struct bytes code, const char *lang) {
    char key[160];
    const struct code_list *l = codes_of_field(r, type, field);
    if (l == NULL || codes_find(l, code) == NULL)
        return NULL;
    snprintf(key, sizeof key, "%s:%.*s", l->source->name, (int)code.len, (const char *)code.at);
    return rules_label(r, key, lang);
}
