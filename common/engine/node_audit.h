/* An office's part in the exchange of audit heads (model/audit.h): whether the hub's log goes on from what is kept of it here, and whether
 * this node's own holds what the hub keeps of it. In the store's transaction. */
#pragma once

#include "common/store/audit.h"

struct node_audit {
    struct audit_kept hub;                    /* the last head of the hub's; `heard`: when it spoke last; no life: never */
    struct audit_kept hub_broken, own_broken; /* no life: not; own: this node's log does not hold what the hub keeps of it */
    uint64_t bad;                             /* the first entry of this node's log that did not hold when it started; 0: all did */
};

/* The hub said this, and a key of its own signed it. a->bad is the caller's, the rest becomes what is known from now on. *asked_hash: this
 * node's chain where the hub keeps a head of it; zero: it is not there. A head that no key of this node signed proves nothing. */
void node_audit_heard(
    struct txn *t, uint32_t node, const struct audit_say *say, wall_ms now, struct node_audit *a, struct hash *asked_hash);
void node_audit_breaks(struct txn *t, struct node_audit *a); /* reads the two that are broken */
