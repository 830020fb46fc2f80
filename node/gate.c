#include "node/gate.h"

#include "common/base/error.h"

#include <string.h>

bool gate_opens(const struct ask *a, uint32_t type, uint32_t field) {
    return rules_opens(a->rules, a->purpose, type, field);
}

/* Which purposes open it, for whoever named another. */
static void refuse(struct ask *a, uint32_t type, uint32_t field) {
    CLEANUP(buffer_close) struct buffer others = {0};
    const struct catalogue_purpose *own = catalogue_purpose_number(a->catalogue, a->purpose);
    char name[16], its[24];
    for (size_t i = 0; i < a->catalogue->purpose_count; i++)
        if (rules_opens(a->rules, a->catalogue->purposes[i].number, type, field))
            buffer_format(&others, "%s%s", others.len == 0 ? "" : ", ", a->catalogue->purposes[i].name);
    ask_fail(
        a, "denied", "name the purpose that you really have; a refusal is in the audit log too",
        "the purpose '%s' does not open %s%s%s%s%s", own == NULL ? "" : own->name, type_name(a->catalogue, type, name),
        field == 0 ? "" : ".", field == 0 ? "" : field_name(a->catalogue, type, field, its),
        request_words(a->request, others.len == 0 ? "; no purpose does" : "; these do: "), buffer_string(&others));
}

bool gate_type(struct ask *a) {
    if (!gate_opens(a, a->type, 0))
        refuse(a, a->type, 0);
    return a->code == NULL;
}

bool gate_field(struct ask *a, uint32_t field) {
    if (!gate_opens(a, a->type, field))
        refuse(a, a->type, field);
    return a->code == NULL;
}

static bool opens_type(const struct ask *a, const struct catalogue_type *t, bool every_field) {
    bool all = gate_opens(a, t->number, 0);
    for (size_t i = 0; every_field && all && i < t->field_count; i++)
        all = gate_opens(a, t->number, t->fields[i].number);
    return all;
}

bool gate_all(struct ask *a, bool every_field) {
    CLEANUP(buffer_close) struct buffer open = {0};
    const struct catalogue_purpose *own = catalogue_purpose_number(a->catalogue, a->purpose);
    bool closed = false;
    for (size_t i = 0; i < a->catalogue->type_count; i++) {
        const struct catalogue_type *t = &a->catalogue->types[i];
        if (a->type != 0 && a->type != t->number)
            continue;
        if (!opens_type(a, t, every_field))
            closed = true;
        else if (a->type == 0)
            buffer_format(&open, "%s%s", open.len == 0 ? "" : ", ", t->name);
    }
    if (closed && a->type != 0)
        ask_fail(
            a, "denied", "leave --raw out: what the purpose opens is shown", "the purpose '%s' does not open all of the record",
            own == NULL ? "" : own->name);
    else if (closed)
        ask_fail(
            a, "denied", "name one of them: --type TYPE", "the purpose '%s' does not open all record types; it opens: %s",
            own == NULL ? "" : own->name, open.len == 0 ? request_words(a->request, "none of them") : buffer_string(&open));
    return a->code == NULL;
}

struct record gate_record(const struct ask *a, const struct record *r, struct arena *arena, json_t *withheld) {
    struct record open = *r;
    char name[24];
    open.fields = arena_take(arena, (r->field_count + 1) * sizeof *open.fields);
    open.field_count = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        if (gate_opens(a, r->type, f->number))
            open.fields[open.field_count++] = *f;
        else
            json_array_append_new(withheld, json_string(field_name(a->catalogue, r->type, f->number, name)));
    }
    return open;
}
