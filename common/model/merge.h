/* Record x change -> record. Pure, schema-free; the result depends only on the SET of changes: commutative, associative, idempotent, in
 * any order, acausal ones and repeated changes included (3-RECORDS, "Merge"). */
#pragma once

#include "common/model/record.h"

/* The memory of which names were ever merged into this record; read only for changes marked `again` and for names that are no head or
 * element now. NULL at a node, whose base copies have no memory: then nothing becomes early, and a change that a head of the copy has
 * replaced already is left out. */
struct merge_history {
    bool (*has)(void *owner, struct name name);
    void *owner; /* borrows */
};

enum merge_outcome { MERGE_REPEATED = 1 }; /* its name was merged before: the record is as it was */

/* Values and names are copied into the arena. The caller adds c's name to the history when this returns 0. `c` has passed change_check. */
int merge_change(struct record *r, const struct change *c, const struct merge_history *h, struct arena *a); /* + enum merge_outcome */
