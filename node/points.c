/* Points of one person, explained row by row (kind points_schedule). The total is computed, never stored; nothing compares people. */
#include "common/catalogue/points.h"

#include "common/catalogue/intake.h"
#include "common/store/node_apply.h"
#include "node/gate.h"

#include <stdlib.h>
#include <string.h>

struct pointing {
    struct ask ask;
    struct arena arena;           /* of the entries' texts */
    struct points_entry *entries; /* owns */
    size_t count;
};

static void pointing_free(struct ask *a) {
    struct pointing *x = (struct pointing *)a;
    free(x->entries);
    arena_close(&x->arena);
}

static char *keep(struct arena *a, const char *text) {
    size_t len = strlen(text) + 1;
    return memcpy(arena_take(a, len), text, len);
}

static int entry_each(void *owner, const struct record *r, bool pending) {
    struct pointing *x = owner;
    const struct catalogue *k = x->ask.catalogue;
    struct points_posting posting;
    struct value v;
    (void)pending;
    if (record_deleted(r) || !named_value(k, r, "person", &v) || v.kind != VALUE_REFERENCE || !id_equal(&v.reference.id, &x->ask.record))
        return 0;
    struct points_entry e = {.id = r->id};
    points_posting(x->ask.rules, named_value(k, r, "rule", &v) ? v.text : (struct bytes){NULL, 0}, &posting);
    e.schedule = keep(&x->arena, posting.schedule);
    e.index = keep(&x->arena, posting.index);
    e.version = named_value(k, r, "rule_version", &v) ? v.number : 0;
    e.points = named_value(k, r, "points", &v) ? v.number : 0;
    intake_reverses(k, r, &e.reverses);
    x->entries = memory_resize(x->entries, (x->count + 1) * sizeof *x->entries);
    x->entries[x->count++] = e;
    ask_shows(&x->ask, r);
    return 0;
}

/* In points, though they are kept in hundredths of one. */
static json_t *points_json(int64_t hundredths) {
    struct buffer b = {0};
    value_text(&(struct value){.kind = VALUE_FEN, .number = hundredths}, &b);
    json_t *t = json_string(buffer_string(&b));
    buffer_close(&b);
    return t;
}

static json_t *row_of(const struct pointing *x, const struct points_row *r) {
    const struct points_index *i = r->index;
    const char *name = i == NULL ? r->entry->index : strcmp(ask_lang(&x->ask), "en") == 0 && i->en != NULL ? i->en : i->zh;
    char id[ID_HEX], of[ID_HEX];
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:s, s:o}", "id", id_hex(&r->entry->id, id), "schedule", r->entry->schedule, "index",
        r->entry->index, "version", (json_int_t)r->entry->version, "name", name, "unit", i == NULL ? "" : i->unit, "points",
        points_json(r->entry->points), "cap", i == NULL ? json_null() : points_json(i->cap), "counted", points_json(r->counted), "why",
        points_row_text(r->kind), "reverses", id_zero(&r->entry->reverses) ? json_null() : json_string(id_hex(&r->entry->reverses, of)));
}

static void run_points(struct ask *a, struct txn *t) {
    struct pointing *x = (struct pointing *)a;
    static const char *const needs[] = {"person", "rule", "rule_version", "points", "reverses"};
    const struct catalogue_type *type = catalogue_type_number(a->catalogue, a->type);
    const struct points_schedule *now = points_current(a->rules);
    struct points_total total;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const struct catalogue_field *f = type_field(type, needs[i]);
        if (f != NULL && !gate_field(a, f->number))
            return;
    }
    if (node_records(t, a->type, false, entry_each, x) < 0) {
        ask_fail(a, "internal", "run `anjuctl verify`", "the records could not be read");
        return;
    }
    points_count(a->rules, x->entries, x->count, &total);
    json_t *rows = json_array();
    for (size_t i = 0; i < total.count; i++)
        json_array_append_new(rows, row_of(x, &total.rows[i]));
    json_array_append_new(
        a->rows, json_pack(
                     "{s:o, s:o, s:s, s:I, s:o}", "total", points_json(total.total), "cap",
                     now == NULL || now->cap == INT64_MAX ? json_null() : points_json(now->cap), "schedule",
                     now == NULL ? "" : now->source->name, "version", (json_int_t)(now == NULL ? 0 : now->source->version), "rows", rows));
    points_close(&total);
}

void cmd_points(void *owner, struct request *q) {
    struct office *o = owner;
    const struct catalogue_type *t = office_type(o, q, "PointsEntry");
    if (t == NULL)
        return;
    struct pointing *x = ask_new(o, q, sizeof *x, run_points);
    x->ask.one = true;
    x->ask.free = pointing_free;
    if (!ask_purpose(&x->ask, AUDIT_READ) || !ask_person(&x->ask, "anjuctl points Person/ID --actor LOGIN --purpose NAME"))
        return;
    x->ask.type = t->number;
    ask_submit(&x->ask);
}
