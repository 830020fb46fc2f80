#include "common/catalogue/rules.h"

#include "common/catalogue/policy.h"
#include "common/catalogue/refusals.h"
#include "common/catalogue/rules_parts.h"
#include "common/catalogue/validation.h"

#include <stdlib.h>
#include <string.h>

/* What makes the catalogue is read there; here it is only known. */
static void read_elsewhere(struct rule_reading *g) {
    (void)g;
}

/* Every kind, in the order in which people are told of them. */
static const struct {
    const char *name;
    bool acts;
    void (*read)(struct rule_reading *g);
} kinds[] = {
    {"record_type", true, read_elsewhere},
    {"purposes", true, read_purpose_gate},
    {"area_tree", true, read_area_tree},
    {"code_list", true, read_code_list},
    {"service_catalogue", true, read_service_catalogue},
    {"document_rules", true, read_document_rules},
    {"validation", true, read_validation},
    {"labels", true, read_labels},
    {"deadlines", true, read_deadlines},
    {"calendar", true, read_calendar},
    {"permit_rules", false, read_carried},
    {"settlement_rules", false, read_carried},
    {"points_schedule", true, read_points_schedule},
    {"school_admission", true, read_school_admission},
    {"wage_floor", true, read_wage_floor},
    {"retention", true, read_retention},
    {"report_defs", false, read_carried},
    {"match_rules", false, read_carried},
    {"notices", true, read_notices},
    {"text_lint", true, read_text_lint},
    {"protocol", true, read_protocol},
    {"organisation_notices", false, read_carried},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *rules_kind_name(size_t i) {
    return i < KINDS ? kinds[i].name : NULL;
}

static size_t kind_of(const char *name) {
    size_t i = 0;
    while (i < KINDS && strcmp(kinds[i].name, name) != 0)
        i++;
    return i;
}

/* ---- a document: what it says about itself, then what its kind reads */

/* Without a place and a day of its own: in force from ever, everywhere, until the envelope says otherwise. */
static void read_header(struct rule_reading *g) {
    struct policy p;
    struct rule_source *s = g->source;
    policy_header(g->d, RULE_DAY_FIRST, &p, g->c);
    s->name = p.name.at == NULL ? "" : rules_keep(g->r, (const char *)p.name.at);
    s->from = p.from;
    s->scope = p.scope;
    s->legal_basis = p.basis.at == NULL ? "" : rules_keep(g->r, (const char *)p.basis.at);
    s->applies_to_open = p.open;
}

/* The kind that the document itself names; NULL: it names none. */
static const char *kind_inside(struct rule_reading *g, const char *expected) {
    if (document_kind(g->root) != DOCUMENT_MAP) {
        document_complain(g->d, g->root, g->c, "a policy begins with lines like kind: labels and name: city");
        return NULL;
    }
    const struct document_node *n = document_get(g->root, "kind");
    const char *kind = document_text(n);
    if (n == NULL)
        document_complain(g->d, g->root, g->c, "kind is missing");
    else if (kind == NULL)
        document_complain(g->d, n, g->c, "kind: a word belongs here");
    else if (expected != NULL && strcmp(kind, expected) != 0)
        document_complain(g->d, n, g->c, "this says kind %s, but it came as %s", kind, expected);
    else
        return kind;
    return NULL;
}

/* Into g->r, whole or with complaints. */
static void read_document(struct rule_reading *g, const char *kind) {
    size_t i = kind_of(kind);
    g->source->kind = rules_keep(g->r, kind);
    g->source->acts = i < KINDS && kinds[i].acts;
    read_header(g);
    refusals_check(g->d, kind, g->c);
    if (i < KINDS)
        kinds[i].read(g);
}

static void patterns_free(struct rule_pattern *from, const struct rule_pattern *to) {
    for (; from != to; from = from->next)
        regfree(&from->compiled);
}

/* The envelope decides over what the text says of itself: it is what was signed and what was chosen by. */
static void take_envelope(struct rules *r, struct rule_source *s, const struct rule_text *t) {
    s->name = rules_keep(r, t->name);
    s->version = t->version;
    s->scope = t->scope;
    s->from = t->from;
    if (t->legal_basis != NULL)
        s->legal_basis = rules_keep(r, t->legal_basis);
}

static void take_source(struct rules *r, struct rule_source *s) {
    s->newest = true;
    for (struct rule_source *o = r->sources; o != NULL; o = o->next) {
        if (strcmp(o->kind, s->kind) != 0 || strcmp(o->name, s->name) != 0)
            continue;
        if (o->version > s->version)
            s->newest = false;
        else
            o->newest = false;
    }
    s->next = r->sources;
    r->sources = s;
}

bool rules_add(struct rules *r, const struct rule_text *t, const struct catalogue *k, struct complaints *c) {
    unsigned before = c->count;
    struct rules was = *r;
    struct arena_mark mark = arena_mark(&r->memory);
    struct document *d = document_read(t->name, t->text, c);
    if (d == NULL)
        return false;
    struct rule_reading g = {.r = r, .k = k, .d = d, .root = document_root(d), .c = c};
    g.source = rules_take(r, 1, sizeof *g.source);
    if (kind_inside(&g, t->kind) != NULL)
        read_document(&g, t->kind);
    document_free(d);
    if (c->count == before) {
        take_envelope(r, g.source, t);
        take_source(r, g.source);
        return true;
    }
    patterns_free(r->patterns, was.patterns);
    arena_release(&r->memory, mark);
    was.memory = r->memory;
    *r = was;
    return false;
}

void rules_close(struct rules *r) {
    patterns_free(r->patterns, NULL);
    arena_close(&r->memory);
    *r = (struct rules){.sources = NULL};
}

bool source_speaks(const struct rules *r, const struct rule_source *s, int64_t receipt) {
    if (s->from > receipt && !s->applies_to_open)
        return false;
    for (const struct rule_source *o = r->sources; o != NULL; o = o->next)
        if (o != s && o->version > s->version && (o->from <= receipt || o->applies_to_open) && strcmp(o->kind, s->kind) == 0 &&
            strcmp(o->name, s->name) == 0)
            return false;
    return true;
}

struct line {
    const char *at;
    size_t len;
    unsigned long row, column;
};

static int by_place(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int order = (x->row > y->row) - (x->row < y->row);
    if (order == 0)
        order = (x->column > y->column) - (x->column < y->column);
    return order == 0 ? (x->at > y->at) - (x->at < y->at) : order;
}

/* A reader goes by what belongs together; people read a file from its top. Puts the lines from `from` on, which begin with the file's name
 * and a place, in the order of the places. */
static void put_in_order(struct complaints *c, size_t from, const char *name) {
    struct buffer sorted = {0};
    char *text = memory_text(buffer_string(&c->text) + from), *end;
    size_t count = 0, room = 0;
    struct line *lines = NULL;
    for (char *at = text; *at != '\0'; at += lines[count++].len) {
        if (count == room)
            lines = memory_resize(lines, (room = room * 2 + 16) * sizeof *lines);
        lines[count] = (struct line){.at = at, .len = strcspn(at, "\n") + 1};
        if (strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == ':') {
            lines[count].row = strtoul(at + strlen(name) + 1, &end, 10);
            lines[count].column = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
        }
    }
    if (count > 0)
        qsort(lines, count, sizeof *lines, by_place);
    for (size_t i = 0; i < count; i++)
        buffer_add(&sorted, bytes_of(lines[i].at, lines[i].len));
    c->text.len = from;
    buffer_add(&c->text, buffer_bytes(&sorted));
    buffer_close(&sorted);
    free(lines);
    free(text);
}

static void complain_of_kind(struct rule_reading *g, const char *kind) {
    const char *known[KINDS + 1] = {NULL}, *near;
    for (size_t i = 0; i < KINDS; i++)
        known[i] = kinds[i].name;
    near = nearest_word(kind, known);
    if (near != NULL)
        document_complain(g->d, document_get(g->root, "kind"), g->c, "there is no kind of policy '%s'; did you mean '%s'?", kind, near);
    else
        document_complain(g->d, document_get(g->root, "kind"), g->c, "there is no kind of policy '%s'", kind);
}

bool rules_kind_check(const char *kind, const char *name, struct bytes text, const struct catalogue *k, struct complaints *c) {
    unsigned before = c->count;
    size_t said = c->text.len;
    struct rules alone = {.sources = NULL};
    struct document *d = document_read(name, text, c);
    if (d == NULL)
        return false;
    struct rule_reading g = {.r = &alone, .k = k, .d = d, .root = document_root(d), .c = c};
    g.source = rules_take(&alone, 1, sizeof *g.source);
    kind = kind_inside(&g, kind);
    if (kind != NULL && kind_of(kind) == KINDS)
        complain_of_kind(&g, kind);
    else if (kind != NULL)
        read_document(&g, kind);
    if (kind != NULL && policy_is_catalogue(bytes_text(kind))) {
        struct catalogue own = {.types = NULL};
        catalogue_add(&own, name, text, c);
        catalogue_close(&own);
    }
    document_free(d);
    rules_close(&alone);
    if (c->count > before)
        put_in_order(c, said, name);
    return c->count == before;
}

const char *const *severity_words(void) {
    static const char *const words[] = {"note", "warn", "block", NULL};
    return words;
}

const char *severity_name(enum severity s) {
    return s <= SEVERITY_BLOCK ? severity_words()[s] : "?";
}

bool rules_finish(const struct rules *r, struct complaints *c) {
    return codes_finish(r, c);
}
