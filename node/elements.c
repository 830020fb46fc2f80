#include "node/elements.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/daemon/rows.h"

#include <string.h>

static struct bytes keep(struct arena *arena, struct buffer *b) {
    struct bytes kept = arena_copy(arena, buffer_bytes(b));
    buffer_close(b);
    return kept;
}

/* ---- reading */

static void state_names(const struct workflow *w, size_t from /* WORKFLOW_NONE: all */, struct buffer *out) {
    for (size_t i = 0; i < w->count; i++)
        if (from == WORKFLOW_NONE || workflow_moves(w, from, i))
            buffer_format(
                out, "%s%s (%s)%s", out->len == 0 ? "" : ", ", w->states[i].name, w->states[i].zh, w->states[i].hub ? " by the city" : "");
}

/* STATE or STATE@DAY; without one it is today. */
static bool move_op(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, struct bytes words, struct bytes reason,
    struct arena *arena, struct op *out) {
    const uint8_t *at = memchr(words.at, '@', words.len);
    struct bytes name = bytes_of(words.at, at == NULL ? words.len : (size_t)(at - words.at));
    struct workflow_event e = {.to = name, .reason = reason, .actor = a->actor};
    struct value day;
    char today[32];
    when_text(clock_wall(), today);
    today[10] = '\0';
    e.date = at == NULL ? bytes_text(today) : bytes_of(at + 1, words.len - name.len - 1);
    size_t to = workflow_find(t->workflow, name);
    if (to == WORKFLOW_NONE) {
        CLEANUP(buffer_close) struct buffer names = {0};
        state_names(t->workflow, WORKFLOW_NONE, &names);
        ask_fail(
            a, "bad_request", "STATE or STATE@DAY", "%s.%s: no state '%.*s'; there are: %s", t->name, f->name, (int)name.len,
            (const char *)name.at, buffer_string(&names));
        return false;
    }
    const char *why = value_read(VALUE_DATE, e.date, &day);
    if (why != NULL) {
        ask_fail(a, "bad_request", "STATE or STATE@DAY", "%s.%s: %s", t->name, f->name, request_words(a->request, why));
        return false;
    }
    if (t->workflow->states[to].reason && reason.len == 0) {
        ask_fail(
            a, "bad_request", "--reason TEXT", "%s.%s: '%s' (%s) needs a reason: nobody is refused and nothing is closed without one",
            t->name, f->name, t->workflow->states[to].name, t->workflow->states[to].zh);
        return false;
    }
    struct buffer b = {0};
    workflow_event_pack(&e, &b);
    *out = (struct op){.field = f->number, .kind = OP_ADD, .value = keep(arena, &b)};
    return true;
}

static bool reversal_op(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, struct bytes words, struct arena *arena,
    struct op *out) {
    struct name entry;
    struct buffer b = {0};
    if (!ledger_name_parse(words, &entry)) {
        ask_fail(
            a, "bad_request", "`anjuctl get` shows the entries", "%s.%s: an entry of a ledger is reversed by its name, NODE:TAG", t->name,
            f->name);
        return false;
    }
    ledger_reversal_pack(entry, &b);
    *out = (struct op){.field = f->number, .kind = OP_ADD, .value = keep(arena, &b)};
    return true;
}

bool element_words(const struct catalogue_field *f, char sign) {
    return f->rule == SHOW_WORKFLOW || (f->rule == SHOW_LEDGER && sign == '-');
}

bool element_op(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, char sign, struct bytes words, const struct value *v,
    struct bytes reason, struct arena *arena, struct op *out) {
    if (!rule_elements(f->rule) || (f->rule == SHOW_WORKFLOW && sign != '='))
        ask_fail(a, "bad_request", "FIELD=VALUE", "%s.%s: nothing is added to it or taken out of it", t->name, f->name);
    else if (words.len == 0)
        ask_fail(
            a, "bad_request", "FIELD-=VALUE takes one out", "%s.%s: it has values of its own each, so it cannot be cleared at once",
            t->name, f->name);
    else if (f->rule == SHOW_WORKFLOW)
        return move_op(a, t, f, words, reason, arena, out);
    else if (element_words(f, sign))
        return reversal_op(a, t, f, words, arena, out);
    if (a->code != NULL)
        return false;
    struct buffer b = {0};
    value_pack(v, &b);
    *out = (struct op){.field = f->number, .kind = sign == '-' ? OP_REMOVE : OP_ADD, .value = keep(arena, &b)};
    return true;
}

/* ---- settling */

static bool is_element(const struct field *f, struct bytes value) {
    for (size_t i = 0; f != NULL && i < f->element_count; i++)
        if (bytes_equal(f->elements[i].value, value))
            return true;
    return false;
}

bool element_there(const struct catalogue_type *t, const struct catalogue_field *f, const struct record *r, const struct op *o) {
    const struct field *has = record_field(r, o->field);
    struct workflow_event e;
    if (f->rule == SHOW_WORKFLOW)
        return workflow_event_read(o->value, &e) && workflow_find(t->workflow, e.to) == workflow_fold(t->workflow, has, NULL);
    return is_element(has, o->value) == (o->kind == OP_ADD);
}

static bool settle_removal(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, const struct field *has, struct arena *arena,
    struct op *o) {
    struct name *names = arena_take(arena, ((has == NULL ? 0 : has->element_count) + 1) * sizeof *names);
    for (size_t i = 0; has != NULL && i < has->element_count; i++)
        if (bytes_equal(has->elements[i].value, o->value))
            names[o->name_count++] = has->elements[i].name;
    o->names = names;
    o->value = (struct bytes){NULL, 0};
    if (o->name_count == 0)
        ask_fail(a, "not_found", "`anjuctl get` shows what is in it", "%s.%s: this value is not in it", t->name, f->name);
    return o->name_count > 0;
}

static bool settle_reversal(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, const struct field *has, struct name of) {
    const struct head *entry = NULL;
    struct name other;
    for (size_t i = 0; has != NULL && i < has->element_count; i++)
        if (name_equal(has->elements[i].name, of))
            entry = &has->elements[i];
    if (entry == NULL)
        ask_fail(a, "not_found", "`anjuctl get` shows the entries", "%s.%s: there is no such entry", t->name, f->name);
    else if (ledger_reversal_read(entry->value, &other) || ledger_reversed(has, of))
        ask_fail(a, "conflict", "add the right entry", "%s.%s: the entry is a reversal, or is reversed already", t->name, f->name);
    return a->code == NULL;
}

static bool settle_move(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, const struct field *has, struct arena *arena,
    struct op *o, json_t *warnings) {
    const struct workflow *w = t->workflow;
    struct workflow_event e;
    if (!workflow_event_read(o->value, &e))
        return true;
    size_t from = workflow_fold(w, has, NULL), to = workflow_find(w, e.to);
    if (!workflow_moves(w, from, to)) {
        CLEANUP(buffer_close) struct buffer names = {0};
        state_names(w, from, &names);
        ask_fail(
            a, "conflict", "`anjuctl get` shows how it came there", "%s.%s is '%s' (%s): from there it goes to %s", t->name, f->name,
            w->states[from].name, w->states[from].zh,
            names.len == 0 ? request_words(a->request, "nothing any more") : buffer_string(&names));
        return false;
    }
    e.from = bytes_text(w->states[from].name);
    struct buffer b = {0};
    workflow_event_pack(&e, &b);
    o->value = keep(arena, &b);
    /* What would the fold make of it? */
    struct head mine = {.name = {UINT32_MAX, 0}, .value = o->value};
    struct field with = {.number = f->number, .element_count = (has == NULL ? 0 : has->element_count) + 1};
    with.elements = arena_take(arena, with.element_count * sizeof *with.elements);
    if (has != NULL && has->element_count > 0)
        memcpy(with.elements, has->elements, has->element_count * sizeof *with.elements);
    with.elements[with.element_count - 1] = mine;
    if (workflow_fold(w, &with, NULL) == from)
        json_array_append_new(
            warnings, json_pack("{s:s, s:s}", "field", f->name, "reason", "a proposal: it counts when the city has confirmed it"));
    return true;
}

bool element_settle(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, const struct record *r, struct arena *arena,
    struct op *o, json_t *warnings) {
    const struct field *has = r == NULL ? NULL : record_field(r, o->field);
    struct name of;
    if (o->kind == OP_REMOVE)
        return settle_removal(a, t, f, has, arena, o);
    if (f->rule == SHOW_LEDGER && ledger_reversal_read(o->value, &of))
        return settle_reversal(a, t, f, has, of);
    return f->rule != SHOW_WORKFLOW || settle_move(a, t, f, has, arena, o, warnings);
}
