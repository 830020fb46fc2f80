/* The audit log of an office or of the hub: who was shown, changed or ordered what, and what for (3-RECORDS, "First format"). Entries are
 * only ever added, and go into the transaction that shows or changes something, so nothing is answered without them.
 *
 * What is added together is a block, one value. As soon as AUDIT_PACK entries lie in such blocks they become one, compressed, which is not
 * touched again: the log outweighs the data. The chain (model/audit.h) runs through all of them. Beside the log lie heads: of the other
 * side's log, and those of one's own that the other side says it keeps. Nobody can cut or rewrite the log without making a head wrong that
 * lies elsewhere. */
#pragma once

#include "common/model/audit.h"
#include "common/store/store.h"
#include "common/wire/wire_audit.h"

/* Where a store has its log: trees (layout.h). */
struct audit_place {
    unsigned entries, meta, heads;
};
extern const struct audit_place audit_node, audit_hub;

enum { AUDIT_PACK = 512 };

/* ---- the log. What goes wrong is in the transaction's sticky result. */

/* A log that is not there yet begins; one whose last block is damaged begins a new life behind it. `n` of the entries is not looked at. */
void audit_add(struct txn *t, const struct audit_place *in, const struct audit_entry *entries, size_t count);
/* A new life, for the reason in the note; the first if there is none. */
void audit_life(struct txn *t, const struct audit_place *in, wall_ms at, const char *note);
bool audit_head(struct txn *t, const struct audit_place *in, struct audit_head *out); /* false: there is no log, or it cannot be read */
/* The chain after entry n, computed again; false: n is not there. */
bool audit_hash_at(struct txn *t, const struct audit_place *in, uint64_t n, struct hash *out);

/* In their order, those whose time is in from..to (0: no bound). A damaged block is passed over. The note of an entry lives as long as the
 * call. Stops when `each` gives something else than 0, and gives that. */
int audit_each(
    struct txn *t, const struct audit_place *in, wall_ms from, wall_ms to, int (*each)(void *owner, const struct audit_entry *e),
    void *owner);

/* Lets go of blocks, at most `most`, whose entries are all older than `before`. The chain's hash before what is left is kept. */
void audit_trim(struct txn *t, const struct audit_place *in, wall_ms before, unsigned most);

struct audit_checked {
    uint64_t first, last; /* entries that are there */
    uint64_t blocks, heads;
    uint64_t bad;       /* the first entry that does not hold, or is not proven; 0: all do */
    bool by_head;       /* it holds in itself: a head that the other side keeps says otherwise */
    struct buffer what; /* owns; words */
};
/* Computes the whole chain again, and compares it with every head of this log that is kept here (HEADS_OWN). */
void audit_verify(struct txn *t, const struct audit_place *in, struct audit_checked *out);

/* ---- heads that are kept: of the log of a node (0: the hub), the last of each day; of older ones one for each 30 days */

enum { HEADS_OWN = UINT32_MAX /* instead of a node: our own log's, as the other side says it keeps them */ };

void audit_keep(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_kept *k);
bool audit_kept_last(struct txn *t, const struct audit_place *in, uint32_t node, struct audit_kept *out);
int audit_kept_each(
    struct txn *t, const struct audit_place *in, uint32_t node, int (*each)(void *owner, const struct audit_kept *k), void *owner);
/* Of a node whose log did not go on from what was kept: stays until it is settled, whatever comes later. */
void audit_break_put(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_kept *k);
bool audit_break_get(struct txn *t, const struct audit_place *in, uint32_t node, struct audit_kept *out);
void audit_break_settle(struct txn *t, const struct audit_place *in, uint32_t node);

/* ---- the keys that heads of our own log were signed with here: a head that the other side kept since before the keys changed is ours too
 */

enum { AUDIT_SIGNERS = 32, AUDIT_SIGNER_BYTES = 32 };

/* The public half; before anything signed with it is said. Of more than AUDIT_SIGNERS the oldest go. */
void audit_signer_add(struct txn *t, const struct audit_place *in, const uint8_t public_half[AUDIT_SIGNER_BYTES]);
size_t audit_signers(struct txn *t, const struct audit_place *in, uint8_t out[AUDIT_SIGNERS][AUDIT_SIGNER_BYTES]); /* how many */
