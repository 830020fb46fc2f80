#include "node/judge.h"

#include "common/base/clock.h"
#include "common/catalogue/codes.h"
#include "common/catalogue/intake.h"
#include "common/catalogue/policy.h"
#include "common/model/merge.h"
#include "common/store/node_apply.h"

#include <string.h>

/* The record as it will be: every SET takes the place of what there is, as node_edits has it. */
static void foresee(struct record *r, uint32_t type, const struct id16 *id, const struct op *ops, size_t count, struct arena *a) {
    struct change c = {.type = type, .record = *id, .version = {.hlc = 0}, .name = {.node = UINT32_MAX}};
    r->type = type;
    r->id = *id;
    for (size_t i = 0; i < count; i++) {
        const struct field *f = record_field(r, ops[i].field);
        struct op op = ops[i];
        struct name *names = arena_take(a, (f == NULL ? 1 : f->head_count + 1) * sizeof *names);
        if (op.kind == OP_SET && op.name_count == 0 && f != NULL) {
            for (size_t k = 0; k < f->head_count; k++)
                names[k] = f->heads[k].name;
            op.names = names;
            op.name_count = f->head_count;
        }
        c.name.tag = i + 1;
        c.ops = &op;
        c.op_count = 1;
        merge_change(r, &c, NULL, a);
    }
}

static bool touches(const struct op *ops, size_t count, uint32_t field) {
    for (size_t i = 0; i < count; i++)
        if (ops[i].field == field)
            return true;
    return false;
}

static bool was_found(const struct findings *before, const struct finding *f) {
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i].field == f->field && before->items[i].source == f->source && strcmp(before->items[i].rule, f->rule) == 0)
            return true;
    return false;
}

static const char *words_of(const struct finding *f, bool chinese) {
    return chinese ? (f->zh != NULL ? f->zh : f->en) : (f->en != NULL ? f->en : f->zh);
}

static void tell(struct ask *a, const struct catalogue_type *t, const struct finding *f, json_t *warnings) {
    const struct catalogue_field *field = type_field_number(t, f->field);
    const char *name = field == NULL ? "" : field->name, *lang = ask_lang(a);
    const char *words = words_of(f, strcmp(lang, "zh") == 0);
    const char *called = field == NULL ? label_type(a->rules, t, lang) : label_field(a->rules, t, field, lang);
    if (f->severity != SEVERITY_BLOCK) {
        json_array_append_new(
            warnings, json_pack(
                          "{s:s, s:s, s:s, s:s, s:s, s:s}", "field", name, "called", called, "reason", words == NULL ? "" : words, "rule",
                          f->rule, "severity", severity_name(f->severity), "legal_basis", f->legal_basis));
        return;
    }
    if (a->code != NULL)
        buffer_text(&a->message, "\n");
    else
        ask_fail(a, "bad_request", "correct it, then save it again; nothing was saved", "%s", "");
    buffer_format(&a->message, "%s%s%s", t->name, *name == '\0' ? "" : ".", name);
    if (strcmp(called, field == NULL ? t->name : name) != 0)
        buffer_format(&a->message, " %s", called);
    buffer_format(&a->message, ": %s (%s", words == NULL ? "" : words, f->rule);
    if (*f->legal_basis != '\0')
        buffer_format(&a->message, ", %s", f->legal_basis);
    buffer_text(&a->message, ")");
}

/* What a points entry takes back, when it is here. */
static bool reversed_by(struct ask *a, const struct record *after, struct arena *scratch, struct record *out) {
    struct id16 id;
    bool pending;
    return intake_reverses(a->catalogue, after, &id) && node_record(a->txn, after->type, &id, scratch, out, &pending) == 0 &&
           field_winner(record_field(out, FIELD_HOME)) != NULL;
}

bool judge_edit(
    struct ask *a, const struct catalogue_type *t, const struct id16 *id, const struct record *before, const struct op *ops, size_t count,
    json_t *warnings) {
    struct arena scratch = {0};
    struct findings found, had = {.count = 0};
    struct record after = {.type = t->number};
    int64_t today = city_day(clock_wall()), receipt = today;
    const struct head *made = before == NULL ? NULL : field_winner(record_field(before, FIELD_HOME));
    if (made != NULL)
        receipt = city_day(hlc_ms(made->version.hlc));
    if (before != NULL)
        after = record_copy(before, &scratch);
    foresee(&after, t->number, id, ops, count, &scratch);
    if (!record_deleted(&after)) {
        struct record reversed;
        struct intake x = {
            .rules = a->rules, .catalogue = a->catalogue, .before = before, .after = &after, .today = today, .words = &scratch};
        x.reversed = reversed_by(a, &after, &scratch, &reversed) ? &reversed : NULL;
        rules_check(a->rules, a->catalogue, &after, today, receipt, &found);
        intake_check(&x, &found);
        if (before != NULL)
            rules_check(a->rules, a->catalogue, before, today, receipt, &had);
        for (size_t i = 0; i < found.count; i++) {
            struct finding *f = &found.items[i];
            if (f->severity == SEVERITY_BLOCK && f->field != 0 && !touches(ops, count, f->field) && was_found(&had, f))
                f->severity = SEVERITY_WARN; /* it was so before, and this edit is about something else */
            tell(a, t, f, warnings);
        }
        if (a->code != NULL && found.more > 0)
            buffer_format(&a->message, request_words(a->request, "\nand %zu more"), found.more);
    }
    arena_close(&scratch);
    return a->code == NULL;
}
