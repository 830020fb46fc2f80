/* The hub's part in the exchange of audit heads (model/audit.h): of every node the last head that is kept, whether its log went on from it,
 * and what the node keeps of the hub's own. A node's belongs to the loop; what takes a transaction runs where that is. */
#pragma once

#include "common/net/keys.h"
#include "common/store/audit.h"

struct hub_audit {
    struct audit_kept kept, broken; /* no life: none */
    struct audit_told told;         /* the last head of the hub's log that it says it keeps */
    bool dirty;                     /* kept and broken are newer than the store */
    bool due;                       /* it has spoken and was not answered yet */
};

/* A node said this, in its session and signed; the outcome is kept in `a`. */
enum audit_verdict hub_audit_heard(struct hub_audit *a, const struct audit_say *say, wall_ms now);

/* What the hub says to a node, from its own store, signed with the keys that the node knows: out->yours is the caller's; `told` is what the
 * node keeps of the hub's log, and *own what that says of it: AUDIT_UNPROVEN when it says nothing, or no key that the hub ever had signed
 * it. `vouch`: the log was whole at the start. */
void hub_audit_say(
    struct txn *own, const struct keys *keys, const struct audit_told *told, bool vouch, struct audit_say *out,
    enum audit_verdict *verdict);

void hub_audit_read(struct txn *own, uint32_t node, struct hub_audit *out);
void hub_audit_write(struct txn *own, uint32_t node, const struct hub_audit *a);
