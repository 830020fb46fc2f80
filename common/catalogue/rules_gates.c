/* The small kinds: what a purpose opens, the protocol's floor, and those that are only carried. */
#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- purposes: which types and fields one opens (catalogue.c reads the rest of the document) */

struct opening {
    uint32_t purpose;
    bool all;
    const struct rule_field *fields; /* field 0: the whole type */
    size_t count;
};

struct purpose_gate {
    const struct rule_source *source;
    const struct opening *openings;
    size_t count;
    struct purpose_gate *next;
};

static void read_opening(struct rule_reading *g, const struct document_node *n, struct opening *o) {
    const struct document_node *types = read_list(g, n, "types", false, 256);
    size_t field_count;
    const struct rule_field *fields = read_fields(g, n, "fields", false, &field_count);
    struct rule_field *all = rules_take(g->r, document_count(types) + field_count, sizeof *all);
    for (size_t i = 0; i < document_count(types); i++) {
        const struct catalogue_type *t = read_type(g, document_item(types, i));
        if (t != NULL)
            all[o->count++] = (struct rule_field){t->number, 0};
    }
    for (size_t i = 0; i < field_count; i++)
        all[o->count++] = fields[i];
    o->fields = all;
    o->purpose = (uint32_t)read_number(g, n, "number", true, 1, 65535, 0);
    o->all = document_get(n, "types") == NULL && document_get(n, "fields") == NULL;
}

void read_purpose_gate(struct rule_reading *g) {
    const struct document_node *list = document_get(g->root, "purposes");
    struct purpose_gate *gate = rules_take(g->r, 1, sizeof *gate);
    size_t count = list == NULL || document_kind(list) != DOCUMENT_LIST ? 0 : document_count(list);
    struct opening *all = rules_take(g->r, count, sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (document_kind(document_item(list, i)) == DOCUMENT_MAP)
            read_opening(g, document_item(list, i), &all[i]);
    *gate = (struct purpose_gate){g->source, all, count, g->r->gates};
    g->r->gates = gate;
}

static bool opens(const struct opening *o, uint32_t type, uint32_t field) {
    if (o->all)
        return true;
    for (size_t i = 0; i < o->count; i++)
        if (o->fields[i].type == type && (field < FIELD_OWN || o->fields[i].field == 0 || o->fields[i].field == field))
            return true;
    return false;
}

bool rules_opens(const struct rules *r, uint32_t purpose, uint32_t type, uint32_t field) {
    bool said = false;
    for (const struct purpose_gate *g = r->gates; g != NULL; g = g->next) {
        if (!g->source->newest)
            continue;
        said = true;
        for (size_t i = 0; i < g->count; i++)
            if (g->openings[i].purpose == purpose && opens(&g->openings[i], type, field))
                return true;
    }
    return !said;
}

/* ---- the protocol's floor */

struct feature {
    const char *name;
    bool on;
};

struct protocol_floor {
    const struct rule_source *source;
    int64_t protocol, store;
    const struct feature *features;
    size_t count;
    struct protocol_floor *next;
};

void read_protocol(struct rule_reading *g) {
    static const char *const keys[] = {"least_protocol", "least_store", "features", NULL};
    const struct document_node *map = document_get(g->root, "features");
    struct protocol_floor *f = rules_take(g->r, 1, sizeof *f);
    read_top(g, keys);
    f->source = g->source;
    f->protocol = read_number(g, g->root, "least_protocol", true, 0, 1000000, 0);
    f->store = read_number(g, g->root, "least_store", false, 0, 1000000, 0);
    if (map != NULL && (document_kind(map) != DOCUMENT_MAP || document_count(map) > 256)) {
        document_complain(g->d, map, g->c, "features are at most 256 lines like name: true");
    } else if (map != NULL) {
        struct feature *all = rules_take(g->r, document_count(map), sizeof *all);
        struct read_name *names = memory_zeroed(document_count(map) + 1, sizeof *names);
        for (f->count = 0; f->count < document_count(map); f->count++) {
            struct feature *one = &all[f->count];
            const struct document_node *key = document_key(map, f->count);
            one->name = read_scalar(g, key, "a feature's name", RULE_NAME_MOST);
            document_bool(g->d, document_item(map, f->count), &one->on, g->c);
            names[f->count] = (struct read_name){one->name, key};
        }
        read_unique(g, names, f->count);
        free(names);
        f->features = all;
    }
    f->next = g->r->floors;
    g->r->floors = f;
}

void rules_floor(const struct rules *r, int64_t *protocol, int64_t *store_format) {
    *protocol = *store_format = 0;
    for (const struct protocol_floor *f = r->floors; f != NULL; f = f->next) {
        if (!f->source->newest)
            continue;
        *protocol = f->protocol > *protocol ? f->protocol : *protocol;
        *store_format = f->store > *store_format ? f->store : *store_format;
    }
}

enum protocol_verdict rules_protocol(const struct rules *r, int64_t protocol, int64_t store_format) {
    int64_t least_protocol, least_store;
    rules_floor(r, &least_protocol, &least_store);
    return protocol < least_protocol || store_format < least_store ? PROTOCOL_UPDATE_NEEDED : PROTOCOL_OK;
}

bool rules_feature(const struct rules *r, const char *feature) {
    for (const struct protocol_floor *f = r->floors; f != NULL; f = f->next)
        for (size_t i = 0; f->source->newest && i < f->count; i++)
            if (strcmp(f->features[i].name, feature) == 0)
                return f->features[i].on;
    return false;
}

/* ---- what is carried: its form alone */

void read_carried(struct rule_reading *g) {
    static const struct {
        const char *kind, *keys[8]; /* the first is needed */
    } forms[] = {
        {"permit_rules", {"grounds", "months", "endorse_before_days", "restart", NULL}},
        {"settlement_rules", {"tiers", "tier", NULL}},
        {"report_defs", {"reports", "least_cell", NULL}},
        {"match_rules", {"keys", "thresholds", "guards", NULL}},
        {"organisation_notices", {"notices", NULL}},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(forms[i].kind, g->source->kind) != 0)
            continue;
        const struct document_node *body = read_list(g, g->root, forms[i].keys[0], true, RULE_LIST_MOST);
        read_top(g, forms[i].keys);
        for (size_t n = 0; n < document_count(body); n++)
            if (document_kind(document_item(body, n)) != DOCUMENT_MAP)
                document_complain(g->d, document_item(body, n), g->c, "each of the %s is written key: value", forms[i].keys[0]);
    }
}
