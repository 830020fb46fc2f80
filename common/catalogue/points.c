#include "common/catalogue/points.h"

#include "common/catalogue/rules_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading */

/* What a schedule must count (S4 Art 28): how long somebody lives, works and is insured here. */
static const char *const counts[] = {"residence", "employment", "insurance", "other", NULL};

static int read_index(struct rule_reading *g, const struct document_node *n, struct points_index *x) {
    static const char *const keys[] = {"index", "zh", "en", "counts", "unit", "points", "cap", "evidence", NULL};
    if (!read_map(g, n, keys, "{index: residence-years, zh: …, counts: residence, unit: year, points: 2, cap: 20}"))
        return 3;
    x->index = read_text(g, n, "index", true, 40);
    read_names(g, n, RULE_NAME_MOST, &x->zh, &x->en);
    x->unit = read_text(g, n, "unit", true, 40);
    x->points = read_hundredths(g, n, "points", true, 0);
    x->cap = read_hundredths(g, n, "cap", true, 0);
    x->evidence = read_words(g, n, "evidence", true, 32, &x->evidence_count);
    if (x->cap < x->points)
        document_complain(g->d, document_get(n, "cap"), g->c, "cap is below the points of one unit");
    return read_choice(g, n, "counts", counts, true, 3);
}

void read_points_schedule(struct rule_reading *g) {
    static const char *const keys[] = {"published", "cap", "indices", NULL};
    bool counted[4] = {false};
    unsigned before = g->c->count;
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "indices", true, 500);
    struct points_schedule *s = rules_take(g->r, 1, sizeof *s);
    struct points_index *all = rules_take(g->r, document_count(list), sizeof *all);
    struct read_name *names = memory_zeroed(document_count(list) + 1, sizeof *names);
    for (; s->count < document_count(list); s->count++) {
        counted[read_index(g, document_item(list, s->count), &all[s->count])] = true;
        names[s->count] = (struct read_name){all[s->count].index, document_item(list, s->count)};
    }
    read_unique(g, names, s->count);
    free(names);
    bool whole = g->c->count == before;
    for (size_t i = 0; whole && i < 3; i++)
        if (!counted[i])
            document_complain(g->d, list, g->c, "no index counts %s; a schedule must", counts[i]);
    s->source = g->source;
    s->published = read_day(g, g->root, "published", true, 0);
    s->cap = read_hundredths(g, g->root, "cap", false, INT64_MAX);
    s->indices = all;
    s->next = g->r->points;
    g->r->points = s;
}

/* ---- asking */

static const struct points_schedule *schedule_of(const struct rules *r, const char *name, int64_t version) {
    for (const struct points_schedule *s = r->points; s != NULL; s = s->next)
        if (s->source->version == version && strcmp(s->source->name, name) == 0)
            return s;
    return NULL;
}

const struct points_index *points_index_of(const struct rules *r, const char *schedule, int64_t version, const char *index) {
    const struct points_schedule *s = schedule_of(r, schedule, version);
    for (size_t i = 0; s != NULL && i < s->count; i++)
        if (strcmp(s->indices[i].index, index) == 0)
            return &s->indices[i];
    return NULL;
}

const struct points_schedule *points_current(const struct rules *r) {
    const struct points_schedule *s = r->points;
    while (s != NULL && !s->source->newest)
        s = s->next;
    return s;
}

void points_posting(const struct rules *r, struct bytes rule, struct points_posting *out) {
    const struct points_schedule *now = points_current(r);
    const uint8_t *slash = rule.len == 0 ? NULL : memchr(rule.at, '/', rule.len);
    size_t before = slash == NULL ? 0 : (size_t)(slash - rule.at), skip = slash == NULL ? 0 : before + 1;
    if (slash == NULL)
        snprintf(out->schedule, sizeof out->schedule, "%s", now == NULL ? "" : now->source->name);
    else
        snprintf(out->schedule, sizeof out->schedule, "%.*s", (int)before, (const char *)rule.at);
    snprintf(out->index, sizeof out->index, "%.*s", (int)(rule.len - skip), rule.len == 0 ? "" : (const char *)rule.at + skip);
}

/* ---- counting */

static bool adds(const struct points_entry *e) {
    return id_zero(&e->reverses);
}

static int64_t at_most(int64_t v, int64_t most) {
    return v < most ? v : most;
}

/* The order of the explanation, in which nothing of how the entries came is left. */
static int by_place(const void *a, const void *b) {
    const struct points_entry *x = ((const struct points_row *)a)->entry, *y = ((const struct points_row *)b)->entry;
    int order = strcmp(x->schedule, y->schedule);
    if (order == 0)
        order = strcmp(x->index, y->index);
    if (order == 0)
        order = (x->version > y->version) - (x->version < y->version);
    if (order == 0)
        order = memcmp(x->id.b, y->id.b, sizeof x->id.b);
    if (order == 0) /* one id twice: the one that adds less, and does not reverse, is first */
        order = (x->points > y->points) - (x->points < y->points);
    return order == 0 ? memcmp(x->reverses.b, y->reverses.b, sizeof x->reverses.b) : order;
}

static int by_id(const void *a, const void *b) {
    const struct points_row *x = *(struct points_row *const *)a, *y = *(struct points_row *const *)b;
    int order = memcmp(x->entry->id.b, y->entry->id.b, sizeof x->entry->id.b);
    return order == 0 ? (x > y) - (x < y) : order;
}

static struct points_row *row_of(struct points_row **sorted, size_t count, const struct id16 *id) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(sorted[middle]->entry->id.b, id->b, sizeof id->b) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && memcmp(sorted[low]->entry->id.b, id->b, sizeof id->b) == 0 ? sorted[low] : NULL;
}

static void judge(const struct rules *r, struct points_row *rows, size_t count) {
    struct points_row **sorted = memory_zeroed(count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        const struct points_entry *e = rows[i].entry;
        sorted[i] = &rows[i];
        rows[i].index = points_index_of(r, e->schedule, e->version, e->index);
        rows[i].kind = !adds(e) ? POINTS_REVERSES_NOTHING : e->points < 0 ? POINTS_NEGATIVE : POINTS_COUNTED;
    }
    qsort(sorted, count, sizeof(struct points_row *), by_id);
    for (size_t i = 1; i < count; i++)
        if (memcmp(sorted[i]->entry->id.b, sorted[i - 1]->entry->id.b, sizeof sorted[i]->entry->id.b) == 0)
            sorted[i]->kind = POINTS_TWICE;
    for (size_t i = 0; i < count; i++) {
        struct points_row *to = rows[i].kind == POINTS_REVERSES_NOTHING ? row_of(sorted, count, &rows[i].entry->reverses) : NULL;
        if (to == NULL || !(to->kind == POINTS_COUNTED || to->kind == POINTS_REVERSED))
            continue;
        to->kind = POINTS_REVERSED;
        rows[i].kind = POINTS_REVERSAL;
    }
    free(sorted);
}

static bool same_index(const struct points_entry *a, const struct points_entry *b) {
    return strcmp(a->schedule, b->schedule) == 0 && strcmp(a->index, b->index) == 0;
}

/* One index of one schedule, all its versions, from rows[0]. Gives how many rows those are. */
static size_t count_index(struct points_row *rows, size_t count, int64_t *room) {
    size_t end = 0;
    int64_t cap = 0, left;
    for (; end < count && same_index(rows[0].entry, rows[end].entry); end++)
        if (rows[end].kind == POINTS_COUNTED && cap < (rows[end].index == NULL ? INT64_MAX : rows[end].index->cap))
            cap = rows[end].index == NULL ? INT64_MAX : rows[end].index->cap;
    left = at_most(cap, *room);
    for (size_t first = 0, last; first < end; first = last) {
        int64_t of_version = rows[first].index == NULL ? INT64_MAX : rows[first].index->cap;
        for (last = first; last < end && rows[last].entry->version == rows[first].entry->version; last++) {
            if (rows[last].kind != POINTS_COUNTED)
                continue;
            rows[last].counted = at_most(at_most(rows[last].entry->points, of_version), left);
            of_version -= rows[last].counted;
            left -= rows[last].counted;
            *room -= rows[last].counted;
        }
    }
    return end;
}

void points_count(const struct rules *r, const struct points_entry *entries, size_t count, struct points_total *out) {
    const struct points_schedule *newest = NULL;
    *out = (struct points_total){.rows = memory_zeroed(count + 1, sizeof *out->rows), .count = count};
    for (size_t i = 0; i < count; i++) {
        const struct points_schedule *s = schedule_of(r, entries[i].schedule, entries[i].version);
        out->rows[i].entry = &entries[i];
        if (s != NULL &&
            (newest == NULL || s->source->from > newest->source->from ||
             (s->source->from == newest->source->from && s->source->version > newest->source->version) ||
             (s->source->from == newest->source->from && s->source->version == newest->source->version && s->cap > newest->cap)))
            newest = s;
    }
    qsort(out->rows, count, sizeof *out->rows, by_place);
    judge(r, out->rows, count);
    int64_t most = newest == NULL ? INT64_MAX : newest->cap, room = most;
    for (size_t at = 0; at < count;)
        at += count_index(out->rows + at, count - at, &room);
    out->total = most - room;
}

void points_close(struct points_total *t) {
    free(t->rows);
    *t = (struct points_total){.rows = NULL};
}

const char *points_row_text(enum points_row_kind k) {
    static const char *const words[] = {
        "counted",        "taken back by another entry", "takes an entry back", "names no entry that adds", "below zero: not counted",
        "is here already"};
    return k <= POINTS_TWICE ? words[k] : "?";
}
