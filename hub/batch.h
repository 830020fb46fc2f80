/* Work of the hub itself that changes many records: a look at a snapshot says what is to be written, that is written, one change after the
 * other, and then the next look says what is left. So it goes on after a crash by itself, and an order of a person waits for at most one
 * batch. */
#pragma once

#include "hub/city.h"

enum { BATCH_WRITES = 64 };

struct batched;

struct batch {
    struct hub_read read; /* first */
    struct city *city;
    void (*look)(struct batch *b, struct txn *state); /* on the read worker; calls batch_write */
    void (*end)(struct batch *b, int result);         /* on the loop, when all is merged or one failed; takes b */
    struct batched *writes;                           /* owns */
    size_t count, left;
    int result; /* of the look, then of the first write that failed */
};

void batch_submit(struct batch *b /* takes; `end` gives it back */);
bool batch_full(const struct batch *b);
/* A change to be filled: ops, with values and names in its arena. At most BATCH_WRITES. */
struct hub_write *batch_write(struct batch *b, uint32_t type, const struct id16 *id);
struct bytes batch_keep(struct hub_write *w, const struct value *v); /* its packed form, in the arena */
struct id16 hub_actor(const struct city *c, const char *what);       /* the author of changes that nobody orders */
