/* What may come in today, beyond what a rule says of one record by itself: applications while the form of their school is open
 * (school_admission), cases of services that are offered (service_catalogue), points that are not taken away (points_schedule). */
#pragma once

#include "common/catalogue/rules.h"

struct intake {
    const struct rules *rules;
    const struct catalogue *catalogue;
    const struct record *before; /* NULL, or without a home: it is made by this edit */
    const struct record *after;
    const struct record *reversed; /* what a points entry takes back (intake_reverses); NULL: it is not here */
    int64_t today;
    struct arena *words; /* of the findings */
};

/* Appends what is to be said. Old cases stay whatever is offered now, and may be gone on with. */
void intake_check(const struct intake *x, struct findings *out);
/* Does a points entry take another one back, and which? */
bool intake_reverses(const struct catalogue *k, const struct record *r, struct id16 *entry);

/* The value that stands in a field that is called so; false: there is none. Slices borrow from the record. */
bool named_value(const struct catalogue *k, const struct record *r, const char *field, struct value *out);
