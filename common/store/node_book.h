/* The book of policies that this office took up (common/catalogue/policy.h): what was once taken up stays as it was, whatever the hub's
 * records say later. Works inside the caller's transaction; what goes wrong is in its sticky result. */
#pragma once

#include "common/base/instant.h"
#include "common/model/record.h"
#include "common/store/store.h"

struct book_entry {
    struct id16 id;   /* of the policy's record: one version in one scope */
    bool taken;       /* it counts */
    uint32_t fault;   /* enum policy_fault of the last time when its record was looked at, 0: none. One that is taken may have one too */
    struct hash seen; /* of the record that was looked at last */
    wall_ms at;       /* when it was taken up, or refused for the first time */
    struct record record; /* taken: as it was then */
    struct bytes body;    /* taken: whole */
};

void book_put(struct txn *t, const struct book_entry *e);
bool book_get(struct txn *t, const struct id16 *id, struct arena *a, struct book_entry *out); /* slices and record live in `a` */
/* In the order of ids. What cannot be read is left out, and logged: its record comes into the book again. */
int book_each(struct txn *t, struct arena *a, int (*each)(void *owner, const struct book_entry *e), void *owner);
