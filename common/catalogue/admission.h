/* School admission (kind school_admission): when a school's form is open, and by which published order places are given. The order is by
 * the application's own facts; places themselves are allotted by the hub alone. */
#pragma once

#include "common/catalogue/rules.h"

enum ranking_key {
    RANK_CATCHMENT,
    RANK_POINTS,
    RANK_RESIDENCE_MONTHS,
    RANK_INSURANCE_MONTHS,
    RANK_SIBLING,
    RANK_APPLIED_ON,
    RANK_LOT,
    RANKS
};
enum admission_state { ADMISSION_NONE, ADMISSION_BEFORE, ADMISSION_OPEN, ADMISSION_SIGNING, ADMISSION_CLOSED };

struct school {
    const char *code, *zh, *en; /* en may be NULL */
    const area *catchment;
    size_t catchment_count;
    const int64_t *grades, *seats; /* as many */
    size_t grade_count;
    int64_t opens, closes; /* the form takes applications on both days */
    int64_t points_by;     /* the last day to sign points */
    int64_t published;     /* the list */
    int64_t objections_to;
    int64_t second_round; /* RULE_DAY_LAST: none */
};

struct admission {
    const struct rule_source *source;
    const struct school *schools;
    size_t count;
    enum ranking_key ranking[RANKS];
    size_t ranking_count;
    struct admission *next;
};

/* What places are ranked by. */
struct applicant {
    area home;
    int64_t points; /* centi-points */
    int64_t residence_months, insurance_months, applied_on;
    bool sibling;
    uint64_t lot; /* drawn by the hub; equal for nobody */
};

const struct school *admission_school(const struct rules *r, const char *code, const struct admission **of /* may be NULL */);
/* ADMISSION_NONE: no such school or grade. */
enum admission_state admission_at(const struct rules *r, const char *school, int64_t grade, int64_t day);
/* Below 0: a comes before b. Total and the same everywhere: what the keys leave open the lot decides. */
int admission_compare(const struct admission *a, const struct school *s, const struct applicant *x, const struct applicant *y);
const char *ranking_name(enum ranking_key k);
