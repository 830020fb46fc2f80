/* Working days (kind calendar) and deadlines (kind deadlines). Saturdays and Sundays are free, unless they are make-up days (调休). */
#pragma once

#include "common/catalogue/rules.h"

struct day_range {
    int64_t first, last;
};

struct calendar {
    const struct rule_source *source;
    struct day_range covers; /* the days for which holidays were decided, normally a year */
    const struct day_range *holidays, *workdays;
    size_t holiday_count, workday_count;
    struct calendar *next;
};

enum deadline_unit { UNIT_DAY, UNIT_WORKDAY };

struct deadline {
    const char *name;
    uint32_t type;               /* 0: any */
    const char *state, *service; /* NULL: any */
    int64_t count;
    enum deadline_unit unit;
    int64_t warn;            /* days before the due day from which the task is amber */
    const char *escalate_to; /* office, street, district, city */
};

struct deadline_set {
    const struct rule_source *source;
    const struct deadline *deadlines;
    size_t count;
    struct deadline_set *next;
};

struct due {
    int64_t day, amber; /* the last day in time; from when it is amber */
    bool estimated;     /* it lies beyond every calendar: holidays are not decided yet */
    const struct deadline *deadline;
    const struct rule_source *source;
};

/* `calendar`: the list of all calendars of the rules; NULL: weekends alone. */
bool calendar_is_workday(const struct calendar *calendar, int64_t day);
bool calendar_covers(const struct calendar *calendar, int64_t day);
/* The n-th working day after `day` (n = 0: the day itself, or the next working day when it is free). 0 <= n <= CALENDAR_MOST. */
int64_t calendar_add_workdays(const struct calendar *calendar, int64_t day, unsigned n);
enum { CALENDAR_MOST = 3660 };

/* When something is due that came in at `receipt`. The deadline that says most wins: service before state before type. `state`, `service`
 * may be NULL. False: nobody set one. */
bool rules_due(const struct rules *r, uint32_t type, const char *state, const char *service, int64_t receipt, struct due *out);
