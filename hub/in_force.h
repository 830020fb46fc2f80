/* The rules of one kind as they are in force on a day, at every place of the city: read from the state, for the read worker. */
#pragma once

#include "common/catalogue/rules.h"
#include "common/engine/policy_book.h"
#include "hub/city.h"

struct in_force {
    int64_t day;
    struct policy_shelf shelf;     /* owns */
    struct catalogue catalogue;    /* owns */
    struct in_force_place *places; /* owns; each scope for which there is such a policy, and the city */
    size_t count;
};
struct in_force_place {
    area scope;
    struct rules rules; /* at every place of which no longer scope is another of these */
};

/* `documents`: the catalogue's, as city->documents has them (they belong to the loop: a copy). */
void in_force_read(struct txn *state, struct bytes documents, const char *kind, int64_t day, struct in_force *out, struct buffer *damaged);
const struct in_force_place *in_force_at(const struct in_force *f, area at); /* never NULL */
void in_force_close(struct in_force *f);                                     /* idempotent */
