/* The read gate: a purpose that names record types and fields opens those and no others (kind purposes, rules_opens). */
#pragma once

#include "node/office.h"

/* Before a read is carried out. False: the purpose does not open the type that is asked for, and the ask has failed with those that do. */
bool gate_type(struct ask *a);
bool gate_field(struct ask *a, uint32_t field); /* the same of a field that is asked by */
bool gate_all(struct ask *a, bool every_field); /* … of all types, or, with `every_field`, of all that a record has; type 0: all types */
bool gate_opens(const struct ask *a, uint32_t type, uint32_t field);
/* The record without the fields that stay closed; adds their names to `withheld`. Shares the rest; the list of fields is in the arena. */
struct record gate_record(const struct ask *a, const struct record *r, struct arena *arena, json_t *withheld);
