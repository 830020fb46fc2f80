#include "common/catalogue/rules_parts.h"

#include "common/base/invariant.h"
#include "common/base/utf8.h"
#include "common/catalogue/policy.h"
#include "common/catalogue/refusals.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *rules_take(struct rules *r, size_t count, size_t size) {
    void *at = arena_take(&r->memory, (count == 0 ? 1 : count) * size);
    invariant(at != NULL); /* the memory has no cap: its bound is that of a document */
    return at;
}

char *rules_keep(struct rules *r, const char *text) {
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    return memcpy(rules_take(r, len, 1), text, len);
}

char *rules_words(struct rules *r, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return rules_keep(r, text);
}

void read_top(struct rule_reading *g, const char *const *own) {
    const char *keys[48] = {NULL};
    size_t count = 0;
    for (size_t i = 0; policy_header_keys[i] != NULL; i++)
        keys[count++] = policy_header_keys[i];
    for (size_t i = 0; own[i] != NULL; i++) {
        invariant(count + 1 < sizeof keys / sizeof *keys);
        keys[count++] = own[i];
    }
    document_only(g->d, g->root, keys, g->c);
}

bool read_map(struct rule_reading *g, const struct document_node *n, const char *const *keys, const char *form) {
    if (n == NULL || document_kind(n) != DOCUMENT_MAP) {
        document_complain(g->d, n, g->c, "this is written %s", form);
        return false;
    }
    document_only(g->d, n, keys, g->c);
    return true;
}

const struct document_node *read_list(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most) {
    const struct document_node *n = document_get(map, key);
    if (n == NULL && !needed)
        return NULL;
    if (n == NULL)
        document_complain(g->d, map, g->c, "%s is missing", key);
    else if (document_kind(n) != DOCUMENT_LIST)
        document_complain(g->d, n, g->c, "%s is a list", key);
    else if (needed && document_count(n) == 0)
        document_complain(g->d, n, g->c, "%s is empty", key);
    else if (document_count(n) > most)
        document_complain(g->d, n, g->c, "%s has %zu items; at most %zu may be in it", key, document_count(n), most);
    else
        return n;
    return NULL;
}

const char *read_scalar(struct rule_reading *g, const struct document_node *n, const char *what, size_t most) {
    const char *text = document_text(n);
    if (text == NULL || *text == '\0') {
        document_complain(g->d, n, g->c, "%s: a word or text belongs here", what);
        return "";
    }
    if (utf8_count(bytes_text(text)) > most) {
        document_complain(g->d, n, g->c, "%s has more than %zu characters", what, most);
        return "";
    }
    return rules_keep(g->r, text);
}

const char *read_text(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most) {
    const struct document_node *n = document_get(map, key);
    if (n == NULL && needed)
        document_complain(g->d, map, g->c, "%s is missing", key);
    return n == NULL ? NULL : read_scalar(g, n, key, most);
}

void read_names(struct rule_reading *g, const struct document_node *map, size_t most, const char **zh, const char **en) {
    *zh = read_text(g, map, "zh", true, most);
    *en = read_text(g, map, "en", false, most);
}

int64_t read_number(
    struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t least, int64_t most, int64_t standard) {
    const struct document_node *n = document_get(map, key);
    int64_t v = standard;
    if (n == NULL && needed)
        document_complain(g->d, map, g->c, "%s is missing", key);
    else if (n != NULL)
        document_int(g->d, n, least, most, &v, g->c);
    return v;
}

int64_t read_hundredths(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t standard) {
    const struct document_node *n = document_get(map, key);
    const char *text = document_text(n);
    struct value v;
    if (n == NULL && needed)
        document_complain(g->d, map, g->c, "%s is missing", key);
    if (n == NULL)
        return standard;
    if (text == NULL || value_read(VALUE_FEN, bytes_text(text), &v) != NULL)
        document_complain(g->d, n, g->c, "%s: an amount like 12 or 12.50 belongs here", key);
    else if (v.number < 0 && !refusals_amount(key))
        document_complain(g->d, n, g->c, "%s is below zero", key);
    else
        return v.number < 0 ? standard : v.number;
    return standard;
}

bool read_flag(struct rule_reading *g, const struct document_node *map, const char *key, bool standard) {
    bool v = standard;
    if (document_get(map, key) != NULL)
        document_bool(g->d, document_get(map, key), &v, g->c);
    return v;
}

int64_t read_day_of(struct rule_reading *g, const struct document_node *n) {
    const char *text = document_text(n);
    struct value v;
    if (text == NULL || value_read(VALUE_DATE, bytes_text(text), &v) != NULL || v.precision != 0) {
        document_complain(g->d, n, g->c, "a day like 2026-03-01 belongs here");
        return RULE_DAY_FIRST;
    }
    return v.number;
}

int64_t read_day(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t standard) {
    const struct document_node *n = document_get(map, key);
    if (n == NULL && needed)
        document_complain(g->d, map, g->c, "%s is missing", key);
    int64_t day = n == NULL ? standard : read_day_of(g, n);
    return day == RULE_DAY_FIRST ? standard : day;
}

void read_days(struct rule_reading *g, const struct document_node *map, int64_t *from, int64_t *to) {
    *from = read_day(g, map, "from", false, RULE_DAY_FIRST);
    *to = read_day(g, map, "to", false, RULE_DAY_LAST);
    if (*from > *to)
        document_complain(
            g->d, document_get(map, "to"), g->c, "the dates are in the wrong order: to (%s) is before from (%s)",
            document_text(document_get(map, "to")), document_text(document_get(map, "from")));
}

int read_choice(
    struct rule_reading *g, const struct document_node *map, const char *key, const char *const *words, bool needed, int standard) {
    const struct document_node *n = document_get(map, key);
    const char *text = document_text(n);
    struct buffer all = {0};
    if (n == NULL && needed)
        document_complain(g->d, map, g->c, "%s is missing", key);
    if (n == NULL)
        return standard;
    for (int i = 0; words[i] != NULL; i++) {
        if (text != NULL && strcmp(text, words[i]) == 0) {
            buffer_close(&all);
            return i;
        }
        buffer_format(&all, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    const char *near = text == NULL ? NULL : nearest_word(text, words);
    if (near != NULL)
        document_complain(g->d, n, g->c, "%s is one of: %s; did you mean '%s'?", key, buffer_string(&all), near);
    else
        document_complain(g->d, n, g->c, "%s is one of: %s", key, buffer_string(&all));
    buffer_close(&all);
    return standard;
}

const char *const *read_words(
    struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most, size_t *count) {
    const struct document_node *list = read_list(g, map, key, needed, most);
    *count = document_count(list);
    const char **words = rules_take(g->r, *count, sizeof *words);
    for (size_t i = 0; i < *count; i++)
        words[i] = read_scalar(g, document_item(list, i), key, RULE_NAME_MOST);
    return words;
}

const struct catalogue_type *read_type(struct rule_reading *g, const struct document_node *n) {
    const char *name = document_text(n);
    const struct catalogue_type *t = name == NULL ? NULL : catalogue_type(g->k, name);
    const char *near = t != NULL || name == NULL ? NULL : catalogue_nearest_type(g->k, name);
    if (t == NULL && near != NULL)
        document_complain(g->d, n, g->c, "there is no record type %s; did you mean %s?", name, near);
    else if (t == NULL)
        document_complain(g->d, n, g->c, "there is no record type %s", name == NULL ? "here" : name);
    return t;
}

const struct catalogue_field *read_type_field(
    struct rule_reading *g, const struct catalogue_type *t, const struct document_node *n, const char *name) {
    const struct catalogue_field *f = t == NULL || name == NULL ? NULL : type_field(t, name);
    const char *near = f != NULL || t == NULL || name == NULL ? NULL : type_nearest_field(t, name);
    if (t == NULL)
        return NULL;
    if (f == NULL && near != NULL)
        document_complain(g->d, n, g->c, "%s has no field %s; did you mean %s?", t->name, name, near);
    else if (f == NULL)
        document_complain(g->d, n, g->c, "%s has no field %s", t->name, name == NULL ? "here" : name);
    return f;
}

bool read_field(struct rule_reading *g, const struct document_node *n, const struct catalogue_type **t, const struct catalogue_field **f) {
    const char *text = document_text(n), *dot = text == NULL ? NULL : strchr(text, '.');
    char name[64];
    *t = NULL;
    *f = NULL;
    if (dot == NULL || (size_t)(dot - text) >= sizeof name) {
        document_complain(g->d, n, g->c, "a field is written Type.field, like Person.name");
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)(dot - text), text);
    *t = catalogue_type(g->k, name);
    if (*t == NULL) {
        const char *near = catalogue_nearest_type(g->k, name);
        document_complain(
            g->d, n, g->c, "there is no record type %s%s%s%s", name, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
            near == NULL ? "" : "?");
        return false;
    }
    *f = read_type_field(g, *t, n, dot + 1);
    return *f != NULL;
}

const struct rule_field *read_fields(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t *count) {
    const struct document_node *list = read_list(g, map, key, needed, 256);
    struct rule_field *fields = rules_take(g->r, document_count(list), sizeof *fields);
    *count = 0;
    for (size_t i = 0; i < document_count(list); i++) {
        const struct catalogue_type *t;
        const struct catalogue_field *f;
        if (read_field(g, document_item(list, i), &t, &f))
            fields[(*count)++] = (struct rule_field){t->number, f->number};
    }
    return fields;
}

void read_condition(
    struct rule_reading *g, const struct document_node *map, const char *key, const struct catalogue_type *t, struct condition *out) {
    static const char *const keys[] = {"field", "is", NULL};
    const struct document_node *n = document_get(map, key), *field = document_get(n, "field"), *is = document_get(n, "is");
    if (n == NULL || !read_map(g, n, keys, "{field: kind, is: [resident_id]}"))
        return;
    const struct catalogue_field *f = field == NULL ? NULL : read_type_field(g, t, field, document_text(field));
    if (field == NULL)
        document_complain(g->d, n, g->c, "field is missing");
    out->field = f == NULL ? 0 : f->number;
    out->is = read_words(g, n, "is", true, 64, &out->count);
    for (size_t i = 0; f != NULL && f->rule == SHOW_WORKFLOW && i < out->count; i++)
        read_state(g, document_item(is, i), t, out->is[i]);
}

void read_state(struct rule_reading *g, const struct document_node *n, const struct catalogue_type *t, const char *state) {
    const char *names[WORKFLOW_STATES + 1] = {NULL}, *near;
    if (t == NULL || t->workflow == NULL || *state == '\0' || workflow_find(t->workflow, bytes_text(state)) != WORKFLOW_NONE)
        return;
    for (size_t i = 0; i < t->workflow->count; i++)
        names[i] = t->workflow->states[i].name;
    near = nearest_word(state, names);
    document_complain(
        g->d, n, g->c, "%s has no state %s%s%s%s", t->name, state, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
        near == NULL ? "" : "?");
}

struct placed {
    const char *name;
    size_t at;
};

static int by_name(const void *a, const void *b) {
    const struct placed *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

void read_unique(struct rule_reading *g, const struct read_name *names, size_t count) {
    struct placed *sorted = memory_zeroed(count + 1, sizeof *sorted);
    bool *twice = memory_zeroed(count + 1, sizeof *twice);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct placed){names[i].name == NULL ? "" : names[i].name, i};
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++)
        twice[sorted[i].at] = *sorted[i].name != '\0' && strcmp(sorted[i].name, sorted[i - 1].name) == 0;
    for (size_t i = 0; i < count; i++)
        if (twice[i])
            document_complain(g->d, names[i].at, g->c, "'%s' is here twice", names[i].name);
    free(sorted);
    free(twice);
}
