#include "common/catalogue/retention.h"

#include "common/catalogue/policy.h"
#include "common/catalogue/rules_parts.h"
#include "common/catalogue/show.h"

#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {"shrink", "restrict", "erase", NULL};

const char *retention_action_name(enum retention_action a) {
    return a <= RETENTION_ERASE ? actions[a] : "?";
}

static void read_keep(struct rule_reading *g, const struct document_node *n, const struct catalogue_type *t, struct retention_rule *e) {
    bool shrinks = e->action == RETENTION_SHRINK;
    const struct document_node *list = read_list(g, n, "keep", shrinks, 256);
    uint32_t *keep = rules_take(g->r, document_count(list), sizeof *keep);
    if (!shrinks && document_get(n, "keep") != NULL)
        document_complain(g->d, document_get(n, "keep"), g->c, "only a shrunk record keeps fields");
    for (size_t i = 0; i < document_count(list); i++) {
        const struct catalogue_field *f = read_type_field(g, t, document_item(list, i), document_text(document_item(list, i)));
        if (f != NULL)
            keep[e->keep_count++] = f->number;
    }
    e->keep = keep;
}

static void read_rule(struct rule_reading *g, const struct document_node *n, struct retention_rule *e) {
    static const char *const keys[] = {"name", "type", "event", "days", "action", "keep", "when", NULL};
    if (!read_map(g, n, keys, "{name: …, type: WageClaim, event: closed_on, days: 1096, action: erase}"))
        return;
    const struct document_node *event = document_get(n, "event");
    const struct catalogue_type *t = NULL;
    e->name = read_text(g, n, "name", true, RULE_NAME_MOST);
    if (document_get(n, "type") == NULL)
        document_complain(g->d, n, g->c, "type is missing");
    else
        t = read_type(g, document_get(n, "type"));
    e->type = t == NULL ? 0 : t->number;
    e->days = read_number(g, n, "days", true, 0, 36525, 36525);
    e->action = (enum retention_action)read_choice(g, n, "action", actions, true, RETENTION_RESTRICT);
    if (event == NULL)
        document_complain(g->d, n, g->c, "event is missing: a date field of the record, or last_change");
    else if (document_text(event) == NULL || strcmp(document_text(event), "last_change") != 0) {
        const struct catalogue_field *f = read_type_field(g, t, event, document_text(event));
        e->event = f == NULL ? 0 : f->number;
        if (f != NULL && f->kind != VALUE_DATE)
            document_complain(g->d, event, g->c, "%s is no date; an event is a date field or last_change", f->name);
    }
    read_keep(g, n, t, e);
    read_condition(g, n, "when", t, &e->when);
}

void read_retention(struct rule_reading *g) {
    static const char *const keys[] = {"rules", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "rules", true, 1000);
    size_t count = document_count(list);
    struct retention *s = rules_take(g->r, 1, sizeof *s);
    struct retention_rule *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        read_rule(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].name, document_item(list, i)};
    }
    read_unique(g, names, count);
    free(names);
    *s = (struct retention){g->source, all, count, g->r->retentions};
    g->r->retentions = s;
}

/* ---- asking */

/* What the hub does by itself is no use of the record: it moves it, restricts it, empties it. */
static bool is_upkeep(uint32_t field, const struct head *h) {
    return h->version.node == 0 && (field == FIELD_HOME || field == FIELD_SHARED || field == FIELD_RESTRICTED || h->value.len == 0);
}

static uint64_t latest(uint32_t field, const struct head *list, size_t count, uint64_t hlc) {
    for (size_t i = 0; i < count; i++)
        if (!is_upkeep(field, &list[i]) && list[i].version.hlc > hlc)
            hlc = list[i].version.hlc;
    return hlc;
}

int64_t retention_last_change(const struct record *record) {
    uint64_t hlc = 0;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *f = &record->fields[i];
        hlc = latest(f->number, f->heads, f->head_count, hlc);
        hlc = latest(f->number, f->elements, f->element_count, hlc);
    }
    return hlc == 0 ? RULE_DAY_LAST : city_day(hlc_ms(hlc));
}

/* A date that says only its month or year ends with it. */
static int64_t event_day(const struct catalogue *k, const struct retention_rule *e, const struct record *record) {
    struct value v;
    if (e->event == 0)
        return retention_last_change(record);
    const struct field *f = record_field(record, e->event);
    const struct head *h = f == NULL ? NULL : field_shown(k, record->type, f);
    if (h == NULL || !value_unpack(h->value, &v) || v.kind != VALUE_DATE)
        return RULE_DAY_LAST;
    return v.number + (v.precision == 0 ? 0 : v.precision == 1 ? 30 : 365);
}

static bool before(const struct retention_due *x, const struct retention_due *y) {
    return x->day < y->day || (x->day == y->day && x->rule->action < y->rule->action);
}

size_t rules_retention(
    const struct rules *r, const struct catalogue *k, const struct record *record, int64_t today, struct retention_due out[], size_t room) {
    size_t count = 0;
    for (const struct retention *s = r->retentions; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++) {
            const struct retention_rule *e = &s->rules[i];
            bool meant = e->type == record->type && condition_holds(k, record, &e->when);
            int64_t event = meant ? event_day(k, e, record) : RULE_DAY_LAST;
            if (event == RULE_DAY_LAST || event > RULE_DAY_LAST - e->days)
                continue;
            struct retention_due due = {.rule = e, .source = s->source, .day = event + e->days, .now = event + e->days <= today};
            size_t at = count < room ? count : room;
            for (; at > 0 && before(&due, &out[at - 1]); at--)
                if (at < room)
                    out[at] = out[at - 1];
            if (at < room)
                out[at] = due;
            count++;
        }
    return count;
}
