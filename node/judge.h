/* What the rules in force say of an edit before it is saved (common/catalogue/rules.h): all of it at once. */
#pragma once

#include "node/office.h"

/* `before`: NULL when the record is new here. What the rules only warn of goes into `warnings` ({field, reason, severity}). False: a rule
 * blocks it, and the ask has failed with everything that is wrong. */
bool judge_edit(
    struct ask *a, const struct catalogue_type *t, const struct id16 *id, const struct record *before, const struct op *ops, size_t count,
    json_t *warnings);
