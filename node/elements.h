/* What a clerk adds to a set, a ledger or a workflow, or takes out of it: FIELD=VALUE or FIELD+=VALUE adds, FIELD-=VALUE takes a set's
 * value out or, of a ledger, names the entry that shall count no more; STATE or STATE@DAY moves a case. Read first, then settled against
 * what the office sees of the record. */
#pragma once

#include "node/office.h"

/* The operation that the words mean; v: the value as read, unless the words are a state or an entry. False: the ask has failed. */
bool element_op(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, char sign /* '=', '+' or '-' */, struct bytes words,
    const struct value *v, struct bytes reason, struct arena *arena, struct op *out);
bool element_words(const struct catalogue_field *f, char sign); /* are its words a state or an entry, and no value? */
/* Names what is removed, says from which state a case goes, refuses what is not allowed. `r` may be NULL: a new record. */
bool element_settle(
    struct ask *a, const struct catalogue_type *t, const struct catalogue_field *f, const struct record *r, struct arena *arena,
    struct op *o, json_t *warnings);
/* Is what the operation says so already? */
bool element_there(const struct catalogue_type *t, const struct catalogue_field *f, const struct record *r, const struct op *o);
