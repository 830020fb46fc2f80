#include "tests/sim/oracle.h"

#include <stdlib.h>
#include <string.h>

void oracle_close(struct oracle *o) {
    free(o->edits);
    memset(o, 0, sizeof *o);
}

struct oracle_edit *oracle_add(struct oracle *o) {
    if (o->count == o->room) {
        o->room = o->room == 0 ? 64 : 2 * o->room;
        o->edits = realloc(o->edits, o->room * sizeof *o->edits);
        if (o->edits == NULL)
            abort();
    }
    struct oracle_edit *e = &o->edits[o->count++];
    memset(e, 0, sizeof *e);
    return e;
}

struct oracle_edit *oracle_find(struct oracle *o, uint64_t name) {
    for (size_t i = 0; i < o->count; i++)
        if (o->edits[i].name == name)
            return &o->edits[i];
    return NULL;
}

static bool ordered(const struct oracle *o, uint64_t record) {
    for (size_t i = 0; i < o->erased_count; i++)
        if (o->erased[i] == record)
            return true;
    return false;
}

bool oracle_erased(const struct oracle *o, uint64_t record, bool may) {
    for (size_t i = 0; i < o->count && !ordered(o, record); i++)
        if (o->edits[i].record == record && o->edits[i].about != 0 && (may || !o->edits[i].lost) &&
            oracle_erased(o, o->edits[i].about, may))
            return true;
    return ordered(o, record);
}

enum { CHAIN = 32 };

static bool names(const struct oracle *o, const struct oracle_edit *e, uint32_t field, uint64_t name, unsigned depth);

/* A merged edit that names a held one takes over that one's names too (B10). */
static bool takes_over(const struct oracle *o, uint64_t record, uint32_t field, uint64_t held, uint64_t name, unsigned depth) {
    for (size_t i = 0; i < o->count && depth < CHAIN; i++) {
        const struct oracle_edit *h = &o->edits[i];
        if (h->name == held && h->held && h->record == record && names(o, h, field, name, depth + 1))
            return true;
    }
    return false;
}

static bool names(const struct oracle *o, const struct oracle_edit *e, uint32_t field, uint64_t name, unsigned depth) {
    for (size_t k = 0; k < e->op_count; k++)
        for (size_t n = 0; e->ops[k].field == field && n < e->ops[k].name_count; n++)
            if (e->ops[k].names[n] == name || takes_over(o, e->record, field, e->ops[k].names[n], name, depth))
                return true;
    return false;
}

static bool gone(const struct oracle *o, uint64_t record, uint32_t field, uint64_t name) {
    for (size_t i = 0; i < o->count; i++)
        if (o->edits[i].merged && o->edits[i].record == record && names(o, &o->edits[i], field, name, 0))
            return true;
    return false;
}

static int by_name(const void *a, const void *b) {
    const struct oracle_item *x = a, *y = b;
    return (x->name > y->name) - (x->name < y->name);
}

size_t oracle_field(const struct oracle *o, uint64_t record, uint32_t field, enum oracle_kind kind, struct oracle_item *out, size_t room) {
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++) {
        const struct oracle_edit *e = &o->edits[i];
        if (!e->merged || e->record != record || oracle_erased(o, record, false))
            continue;
        for (size_t k = 0; k < e->op_count; k++)
            if (e->ops[k].field == field && e->ops[k].kind == kind && !gone(o, record, field, e->name) && n < room)
                out[n++] = (struct oracle_item){e->name, e->ops[k].value};
    }
    qsort(out, n, sizeof *out, by_name);
    return n;
}
