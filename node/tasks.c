/* Tasks: open cases of this office whose state is due some day (kinds deadlines, calendar). By random ids and states alone: what the case
 * is about is read with a purpose. */
#include "common/base/clock.h"
#include "common/catalogue/calendar.h"
#include "common/catalogue/codes.h"
#include "common/catalogue/intake.h"
#include "common/catalogue/policy.h"
#include "common/daemon/rows.h"
#include "common/store/node_apply.h"
#include "node/office.h"

#include <string.h>

struct tasking {
    struct ask ask;
    const struct catalogue_type *type; /* the one that is looked through */
    uint32_t field;                    /* its workflow's */
    int64_t today;
    bool soon; /* only what is amber or overdue */
};

static const char *level_of(const struct due *d, int64_t today) {
    return today > d->day ? "overdue" : today >= d->amber ? "amber" : "open";
}

static void add_task(struct tasking *x, const struct record *r, const struct workflow_state *s, int64_t receipt, const struct due *d) {
    char id[ID_HEX];
    const char *lang = ask_lang(&x->ask), *level = level_of(d, x->today);
    if (x->soon && strcmp(level, "open") == 0)
        return;
    json_array_append_new(
        x->ask.rows, json_pack(
                         "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:b, s:s, s:s, s:s}", "type", x->type->name, "type_name",
                         label_type(x->ask.rules, x->type, lang), "id", id_hex(&r->id, id), "state", s->name, "state_zh", s->zh, "received",
                         office_day(receipt), "due", office_day(d->day), "days_left", (json_int_t)(d->day - x->today), "level", level,
                         "estimated", d->estimated, "escalate_to", d->deadline->escalate_to == NULL ? "" : d->deadline->escalate_to, "rule",
                         d->deadline->name, "legal_basis", d->source->legal_basis));
}

static int task_each(void *owner, const struct record *r, bool pending) {
    struct tasking *x = owner;
    const struct head *home = field_winner(record_field(r, FIELD_HOME));
    char service[128] = "";
    struct value v;
    struct due due;
    (void)pending;
    if (home == NULL || record_deleted(r))
        return 0;
    const struct workflow_state *s = &x->type->workflow->states[workflow_fold(x->type->workflow, record_field(r, x->field), NULL)];
    if (s->final)
        return 0;
    if (named_value(x->ask.catalogue, r, "service", &v) && (v.kind == VALUE_CODE || v.kind == VALUE_TEXT) && v.text.len < sizeof service)
        memcpy(service, v.text.at, v.text.len);
    int64_t receipt = city_day(hlc_ms(home->version.hlc));
    if (rules_due(x->ask.rules, r->type, s->name, *service == '\0' ? NULL : service, receipt, &due))
        add_task(x, r, s, receipt, &due);
    return 0;
}

static int by_due(const void *x, const void *y) {
    const json_t *a = *(json_t *const *)x, *b = *(json_t *const *)y;
    static const char *const keys[] = {"due", "type", "id"};
    int order = 0;
    for (size_t i = 0; i < 3 && order == 0; i++)
        order = strcmp(json_string_value(json_object_get(a, keys[i])), json_string_value(json_object_get(b, keys[i])));
    return order;
}

static void run_tasks(struct ask *a, struct txn *t) {
    struct tasking *x = (struct tasking *)a;
    for (size_t i = 0; i < a->catalogue->type_count; i++) {
        x->type = &a->catalogue->types[i];
        if (x->type->workflow == NULL || (a->type != 0 && a->type != x->type->number))
            continue;
        for (size_t f = 0; f < x->type->field_count; f++)
            if (x->type->fields[f].rule == SHOW_WORKFLOW)
                x->field = x->type->fields[f].number;
        if (node_records(t, x->type->number, false, task_each, x) < 0)
            ask_fail(a, "internal", "run `anjuctl verify`", "the records could not be read");
    }
    a->rows = rows_sorted(a->rows, by_due);
}

void cmd_tasks(void *owner, struct request *q) {
    struct office *o = owner;
    const char *type = request_text(q, "type");
    const struct catalogue_type *t = type == NULL ? NULL : office_type(o, q, type);
    if (type != NULL && t == NULL)
        return;
    struct tasking *x = ask_new(o, q, sizeof *x, run_tasks);
    x->ask.type = t == NULL ? 0 : t->number;
    x->today = city_day(clock_wall());
    x->soon = request_flag(q, "soon");
    ask_submit(&x->ask);
}
