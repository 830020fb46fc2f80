#include "common/catalogue/calendar.h"

#include "common/base/invariant.h"
#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

enum { RANGES_MOST = 400 };

/* ---- reading */

static void read_range(struct rule_reading *g, const struct calendar *c, const struct document_node *n, struct day_range *out) {
    static const char *const keys[] = {"from", "to", "zh", "en", NULL};
    if (document_kind(n) == DOCUMENT_SCALAR) {
        out->first = out->last = read_day_of(g, n);
    } else if (read_map(g, n, keys, "{from: 2026-10-01, to: 2026-10-07, zh: 国庆节}, or one day")) {
        read_text(g, n, "zh", false, RULE_NAME_MOST);
        read_text(g, n, "en", false, RULE_NAME_MOST);
        read_days(g, n, &out->first, &out->last);
        if (out->first == RULE_DAY_FIRST || out->last == RULE_DAY_LAST)
            document_complain(g->d, n, g->c, "a range has a first day and a last one: write from and to");
        else if (out->last - out->first > 60)
            document_complain(g->d, n, g->c, "this range has more than 60 days");
    }
    if (out->first != RULE_DAY_FIRST && (out->first < c->covers.first || out->last > c->covers.last))
        document_complain(g->d, n, g->c, "this lies outside of the days that the calendar covers (first, last)");
}

static const struct day_range *read_ranges(struct rule_reading *g, const struct calendar *c, const char *key, size_t *count) {
    const struct document_node *list = read_list(g, g->root, key, false, RANGES_MOST);
    struct day_range *all = rules_take(g->r, document_count(list), sizeof *all);
    *count = document_count(list);
    for (size_t i = 0; i < *count; i++)
        read_range(g, c, document_item(list, i), &all[i]);
    return all;
}

static bool in_ranges(const struct day_range *all, size_t count, int64_t day) {
    for (size_t i = 0; i < count; i++)
        if (all[i].first <= day && day <= all[i].last)
            return true;
    return false;
}

static bool weekend(int64_t day) {
    int64_t of_week = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 is Monday */
    return of_week >= 5;
}

void read_calendar(struct rule_reading *g) {
    static const char *const keys[] = {"first", "last", "holidays", "workdays", NULL};
    struct calendar *c = rules_take(g->r, 1, sizeof *c);
    read_top(g, keys);
    c->source = g->source;
    c->covers.first = read_day(g, g->root, "first", true, RULE_DAY_FIRST);
    c->covers.last = read_day(g, g->root, "last", true, RULE_DAY_LAST);
    if (c->covers.last < c->covers.first)
        document_complain(g->d, document_get(g->root, "last"), g->c, "the dates are in the wrong order: last is before first");
    c->holidays = read_ranges(g, c, "holidays", &c->holiday_count);
    c->workdays = read_ranges(g, c, "workdays", &c->workday_count);
    for (size_t i = 0; i < c->workday_count; i++) {
        const struct document_node *n = document_item(document_get(g->root, "workdays"), i);
        if (c->workdays[i].first == RULE_DAY_FIRST || c->workdays[i].last == RULE_DAY_LAST ||
            c->workdays[i].last - c->workdays[i].first > 60)
            continue;
        for (int64_t day = c->workdays[i].first; day <= c->workdays[i].last; day++)
            if (in_ranges(c->holidays, c->holiday_count, day))
                document_complain(g->d, n, g->c, "this day is a holiday and a working day at once");
            else if (!weekend(day))
                document_complain(g->d, n, g->c, "a make-up day is a Saturday or a Sunday; this one is a working day anyway");
    }
    c->next = g->r->calendars;
    g->r->calendars = c;
}

/* ---- working days */

static const struct calendar *covering(const struct calendar *c, int64_t day) {
    for (; c != NULL; c = c->next)
        if (c->source->newest && c->covers.first <= day && day <= c->covers.last)
            return c;
    return NULL;
}

bool calendar_covers(const struct calendar *calendar, int64_t day) {
    return covering(calendar, day) != NULL;
}

/* Several documents may cover a day (the city's and a district's): a make-up day of one and a holiday of the other is free. */
bool calendar_is_workday(const struct calendar *calendar, int64_t day) {
    bool works = !weekend(day);
    for (const struct calendar *c = covering(calendar, day); c != NULL; c = covering(c->next, day))
        if (in_ranges(c->holidays, c->holiday_count, day))
            return false;
        else if (in_ranges(c->workdays, c->workday_count, day))
            works = true;
    return works;
}

int64_t calendar_add_workdays(const struct calendar *calendar, int64_t day, unsigned n) {
    invariant(n <= CALENDAR_MOST);
    if (n == 0)
        while (!calendar_is_workday(calendar, day))
            day++;
    while (n > 0)
        if (calendar_is_workday(calendar, ++day))
            n--;
    return day;
}

/* ---- deadlines */

static const char *const units[] = {"day", "workday", NULL};
static const char *const bodies[] = {"office", "street", "district", "city", NULL};

static void read_deadline(struct rule_reading *g, const struct document_node *n, struct deadline *e) {
    static const char *const keys[] = {"name", "type", "state", "service", "count", "unit", "warn", "escalate_to", NULL};
    if (!read_map(g, n, keys, "{name: …, type: MediationCase, state: registered, count: 15, unit: workday}"))
        return;
    e->name = read_text(g, n, "name", true, RULE_NAME_MOST);
    if (document_get(n, "type") != NULL) {
        const struct catalogue_type *t = read_type(g, document_get(n, "type"));
        e->type = t == NULL ? 0 : t->number;
    }
    e->state = read_text(g, n, "state", false, RULE_NAME_MOST);
    if (e->state != NULL && e->type != 0)
        read_state(g, document_get(n, "state"), catalogue_type_number(g->k, e->type), e->state);
    e->service = read_text(g, n, "service", false, RULE_NAME_MOST);
    if (document_get(n, "type") == NULL && e->service == NULL)
        document_complain(g->d, n, g->c, "a deadline is for a type or a service: write type or service");
    e->count = read_number(g, n, "count", true, 0, CALENDAR_MOST, 0);
    e->unit = (enum deadline_unit)read_choice(g, n, "unit", units, true, UNIT_DAY);
    e->warn = read_number(g, n, "warn", false, 0, 365, 0);
    e->escalate_to = bodies[read_choice(g, n, "escalate_to", bodies, false, 0)];
}

static bool same(const char *a, const char *b) {
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

void read_deadlines(struct rule_reading *g) {
    static const char *const keys[] = {"deadlines", NULL};
    struct deadline_set *s = rules_take(g->r, 1, sizeof *s);
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "deadlines", true, 1000);
    s->source = g->source;
    s->count = document_count(list);
    struct deadline *all = rules_take(g->r, s->count, sizeof *all);
    for (size_t i = 0; i < s->count; i++) {
        read_deadline(g, document_item(list, i), &all[i]);
        for (size_t k = 0; k < i; k++)
            if (all[k].type == all[i].type && same(all[k].state, all[i].state) && same(all[k].service, all[i].service) &&
                all[i].name != NULL && all[k].name != NULL) {
                document_complain(g->d, document_item(list, i), g->c, "%s is for the same as %s", all[i].name, all[k].name);
                break;
            }
    }
    s->deadlines = all;
    s->next = g->r->deadlines;
    g->r->deadlines = s;
}

/* How much of the question a deadline names; below 0: it is for something else. */
static int fits(const struct deadline *e, uint32_t type, const char *state, const char *service) {
    if ((e->type != 0 && e->type != type) || (e->state != NULL && (state == NULL || strcmp(e->state, state) != 0)) ||
        (e->service != NULL && (service == NULL || strcmp(e->service, service) != 0)))
        return -1;
    return (e->service != NULL ? 4 : 0) + (e->state != NULL ? 2 : 0) + (e->type != 0 ? 1 : 0);
}

static void set_due(const struct rules *r, const struct deadline *e, int64_t receipt, struct due *out) {
    out->day = e->unit == UNIT_DAY ? receipt + e->count : calendar_add_workdays(r->calendars, receipt, (unsigned)e->count);
    out->amber = out->day - e->warn;
    out->estimated = e->unit == UNIT_WORKDAY && !calendar_covers(r->calendars, out->day);
}

bool rules_due(const struct rules *r, uint32_t type, const char *state, const char *service, int64_t receipt, struct due *out) {
    int best = -1;
    *out = (struct due){.day = 0};
    for (const struct deadline_set *s = r->deadlines; s != NULL; s = s->next)
        for (size_t i = 0; source_speaks(r, s->source, receipt) && i < s->count; i++) {
            int how = fits(&s->deadlines[i], type, state, service);
            if (how > best) {
                best = how;
                out->deadline = &s->deadlines[i];
                out->source = s->source;
            }
        }
    if (best >= 0)
        set_due(r, out->deadline, receipt, out);
    return best >= 0;
}
