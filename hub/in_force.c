#include "hub/in_force.h"

#include "common/base/error.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

static void add_place(struct in_force *f, area scope) {
    for (size_t i = 0; i < f->count; i++)
        if (f->places[i].scope == scope)
            return;
    f->places = memory_resize(f->places, (f->count + 1) * sizeof *f->places);
    f->places[f->count++] = (struct in_force_place){.scope = scope};
}

static void add_rule(struct in_force *f, struct rules *r, const struct policy *p) {
    CLEANUP(buffer_close) struct buffer kind = {0}, name = {0}, basis = {0};
    struct complaints c = {.count = 0};
    buffer_add(&kind, p->kind);
    buffer_add(&name, p->name);
    buffer_add(&basis, p->basis);
    struct rule_text text = {
        .kind = buffer_string(&kind),
        .name = buffer_string(&name),
        .version = p->version,
        .scope = p->scope,
        .from = p->from,
        .legal_basis = buffer_string(&basis),
        .text = p->body};
    if (!rules_add(r, &text, &f->catalogue, &c))
        log_fact(LOG_WARNING, "rule.unread", FACT_TEXT("name", buffer_string(&name)), FACT_TEXT("first", buffer_string(&c.text)));
    complaints_close(&c);
}

void in_force_read(struct txn *state, struct bytes documents, const char *kind, int64_t day, struct in_force *out, struct buffer *damaged) {
    struct complaints c = {.count = 0};
    *out = (struct in_force){.day = day};
    policy_shelf_of_hub(state, &out->shelf, damaged);
    catalogue_add_all(&out->catalogue, documents, &c);
    complaints_close(&c);
    const struct policy **all = memory_zeroed(out->shelf.count + 1, sizeof *all);
    add_place(out, AREA_CITY);
    for (size_t i = 0; i < out->shelf.count; i++)
        if (bytes_equal(out->shelf.taken[i].kind, bytes_text(kind)))
            add_place(out, out->shelf.taken[i].scope);
    for (size_t i = 0; i < out->count; i++) {
        size_t n = policies_in_force(out->shelf.taken, out->shelf.count, out->places[i].scope, day, all);
        for (size_t k = 0; k < n; k++)
            if (bytes_equal(all[k]->kind, bytes_text(kind)))
                add_rule(out, &out->places[i].rules, all[k]);
    }
    free(all);
}

const struct in_force_place *in_force_at(const struct in_force *f, area at) {
    const struct in_force_place *best = &f->places[0];
    for (size_t i = 1; i < f->count; i++)
        if (area_within(at, f->places[i].scope) && area_within(f->places[i].scope, best->scope))
            best = &f->places[i];
    return best;
}

void in_force_close(struct in_force *f) {
    for (size_t i = 0; i < f->count; i++)
        rules_close(&f->places[i].rules);
    free(f->places);
    catalogue_close(&f->catalogue);
    policy_shelf_close(&f->shelf);
    *f = (struct in_force){.count = 0};
}
