#include "common/catalogue/admission.h"

#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

static const char *const keys_of_rank[] = {"catchment", "points", "residence_months", "insurance_months", "sibling", "applied_on",
                                           "lot",       NULL};

const char *ranking_name(enum ranking_key k) {
    return k < RANKS ? keys_of_rank[k] : "?";
}

/* ---- reading */

static void read_dates(struct rule_reading *g, const struct document_node *n, struct school *s) {
    static const char *const names[] = {"opens", "closes", "points_by", "published", "objections_to", "second_round"};
    int64_t *const days[] = {&s->opens, &s->closes, &s->points_by, &s->published, &s->objections_to, &s->second_round},
                   last = RULE_DAY_FIRST;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool needed = i < 2 || i == 3;
        const struct document_node *at = document_get(n, names[i]) != NULL ? document_get(n, names[i]) : document_get(g->root, names[i]);
        if (at == NULL && needed)
            document_complain(g->d, n, g->c, "%s is missing, here and for all schools", names[i]);
        *days[i] = at == NULL ? (i == 5 ? RULE_DAY_LAST : last) : read_day_of(g, at);
        if (at != NULL && *days[i] != RULE_DAY_FIRST && *days[i] < last)
            document_complain(g->d, at, g->c, "the dates are in the wrong order: %s is before the one that comes first", names[i]);
        last = *days[i];
    }
}

static void read_grades(struct rule_reading *g, const struct document_node *n, struct school *s) {
    static const char *const keys[] = {"grade", "seats", NULL};
    const struct document_node *list = read_list(g, n, "grades", true, 12);
    int64_t *grades = rules_take(g->r, document_count(list), sizeof *grades),
            *seats = rules_take(g->r, document_count(list), sizeof *seats);
    for (size_t i = 0; i < document_count(list); i++) {
        if (!read_map(g, document_item(list, i), keys, "{grade: 1, seats: 40}"))
            continue;
        grades[s->grade_count] = read_number(g, document_item(list, i), "grade", true, 1, 12, 1);
        seats[s->grade_count] = read_number(g, document_item(list, i), "seats", true, 0, 10000, 0);
        for (size_t k = 0; k < s->grade_count; k++)
            if (grades[k] == grades[s->grade_count])
                document_complain(g->d, document_item(list, i), g->c, "grade %d is here twice", (int)grades[k]);
        s->grade_count++;
    }
    s->grades = grades;
    s->seats = seats;
}

static void read_school(struct rule_reading *g, const struct document_node *n, struct school *s) {
    static const char *const keys[] = {"code",   "zh",        "en",        "catchment",     "grades",       "opens",
                                       "closes", "points_by", "published", "objections_to", "second_round", NULL};
    if (!read_map(g, n, keys, "{code: …, zh: …, catchment: [\"650203001\"], grades: [{grade: 1, seats: 40}]}"))
        return;
    s->code = read_text(g, n, "code", true, 40);
    read_names(g, n, RULE_NAME_MOST, &s->zh, &s->en);
    const struct document_node *list = read_list(g, n, "catchment", false, 1000);
    area *catchment = rules_take(g->r, document_count(list), sizeof *catchment);
    for (; s->catchment_count < document_count(list); s->catchment_count++)
        catchment[s->catchment_count] = read_area(g, document_item(list, s->catchment_count));
    s->catchment = catchment;
    read_grades(g, n, s);
    read_dates(g, n, s);
}

static void read_ranking(struct rule_reading *g, struct admission *a) {
    const struct document_node *list = read_list(g, g->root, "ranking", true, RANKS);
    for (size_t i = 0; i < document_count(list); i++) {
        const char *word = document_text(document_item(list, i));
        int k = 0;
        while (keys_of_rank[k] != NULL && (word == NULL || strcmp(word, keys_of_rank[k]) != 0))
            k++;
        for (size_t o = 0; o < a->ranking_count; o++)
            if ((int)a->ranking[o] == k)
                document_complain(g->d, document_item(list, i), g->c, "'%s' is here twice", word);
        if (k == RANKS)
            document_complain(
                g->d, document_item(list, i), g->c,
                "places are ranked by: catchment, points, residence_months, insurance_months, sibling, applied_on, lot");
        else
            a->ranking[a->ranking_count++] = (enum ranking_key)k;
    }
}

void read_school_admission(struct rule_reading *g) {
    static const char *const keys[] = {"schools",   "ranking",       "opens",        "closes", "points_by",
                                       "published", "objections_to", "second_round", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "schools", true, 2000);
    size_t count = document_count(list);
    struct admission *a = rules_take(g->r, 1, sizeof *a);
    struct school *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        read_school(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].code, document_item(list, i)};
    }
    read_unique(g, names, count);
    free(names);
    read_ranking(g, a);
    a->source = g->source;
    a->schools = all;
    a->count = count;
    a->next = g->r->admissions;
    g->r->admissions = a;
}

/* ---- asking */

const struct school *admission_school(const struct rules *r, const char *code, const struct admission **of) {
    for (const struct admission *a = r->admissions; a != NULL; a = a->next)
        for (size_t i = 0; a->source->newest && i < a->count; i++)
            if (strcmp(a->schools[i].code, code) == 0) {
                if (of != NULL)
                    *of = a;
                return &a->schools[i];
            }
    return NULL;
}

enum admission_state admission_at(const struct rules *r, const char *school, int64_t grade, int64_t day) {
    const struct school *s = admission_school(r, school, NULL);
    bool taught = false;
    for (size_t i = 0; s != NULL && i < s->grade_count; i++)
        taught |= s->grades[i] == grade;
    if (!taught)
        return ADMISSION_NONE;
    if (day < s->opens)
        return ADMISSION_BEFORE;
    if (day <= s->closes)
        return ADMISSION_OPEN;
    return day <= s->points_by ? ADMISSION_SIGNING : ADMISSION_CLOSED;
}

static bool in_catchment(const struct school *s, area home) {
    for (size_t i = 0; i < s->catchment_count; i++)
        if (area_within(home, s->catchment[i]))
            return true;
    return false;
}

static int more_first(int64_t x, int64_t y) {
    return (x < y) - (x > y);
}

static int by_key(enum ranking_key k, const struct school *s, const struct applicant *x, const struct applicant *y) {
    switch (k) {
    case RANK_CATCHMENT:
        return more_first(in_catchment(s, x->home), in_catchment(s, y->home));
    case RANK_POINTS:
        return more_first(x->points, y->points);
    case RANK_RESIDENCE_MONTHS:
        return more_first(x->residence_months, y->residence_months);
    case RANK_INSURANCE_MONTHS:
        return more_first(x->insurance_months, y->insurance_months);
    case RANK_SIBLING:
        return more_first(x->sibling, y->sibling);
    case RANK_APPLIED_ON:
        return more_first(y->applied_on, x->applied_on);
    case RANK_LOT:
        return (x->lot > y->lot) - (x->lot < y->lot);
    case RANKS:
        break;
    }
    return 0;
}

int admission_compare(const struct admission *a, const struct school *s, const struct applicant *x, const struct applicant *y) {
    for (size_t i = 0; i < a->ranking_count; i++) {
        int order = by_key(a->ranking[i], s, x, y);
        if (order != 0)
            return order;
    }
    return by_key(RANK_LOT, s, x, y);
}
