/* Every stored value lies sealed in an envelope: format (1 byte), key id (4), tag (16), length of the slot (2), slot, sealed value.
 *
 * The tag covers tree, key and format beside the value, so a flipped bit, and a value in a wrong place, are found by it: LMDB 0.9 has no
 * checksums. The key id says with which daemon's key all this was sealed. Four formats, told apart by what a value lies under:
 *
 *   store    the store key                                        slot: nonce 24
 *   own      a random key of its own, wrapped by the store key    slot: nonce 24, wrapped key 32
 *   record   the own key of another value of the tree             slot: nonce 24
 *   day      the key of its day                                   slot: nonce 24, day u32
 *
 * A record's value and its history at the hub are `own` and `record`: whoever destroys that one wrapped key has destroyed them all. A day
 * key lies in the store's meta tree (always tree 0) under "day" | day u32 | copy u8, twice, since so much hangs on it, until nothing of
 * that day is left. So that what is sealed under a key can be destroyed with it, no key lies anywhere else. */
#pragma once

#include "common/base/instant.h"
#include "common/base/progress.h"
#include "common/store/store.h"

enum envelope_outcome { ENVELOPE_MISSING = 1, ENVELOPE_ROTTEN };

/* Under the store key, or, in the shape's own_trees, a new key of its own. */
void envelope_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value);

/* Values that get and open give lie in the transaction's memory until it ends, or until that is released to a mark taken before: for walks
 * over more than fits into memory. */
int envelope_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value /* borrowed */); /* + enum envelope_outcome */
int envelope_open(
    struct txn *t, unsigned tree, struct bytes key, struct bytes stored,
    struct bytes *value /* borrowed */); /* of a pair that a scan gave; + ENVELOPE_ROTTEN */
struct arena_mark envelope_mark(const struct txn *t);
void envelope_release(struct txn *t, struct arena_mark to); /* in the order of a stack */

/* Opens every value of a tree (not HUB_RECORDS, whose histories need their records: hub_verify), and complains of those that do not. */
void envelope_check(
    struct txn *t, unsigned tree, void (*complain)(void *owner, const char *what), void *owner,
    struct progress *p /* values; may stop it */);

/* A record and what lies under its key. A key is kept over the record's life: what lies under it is not sealed anew. */
void envelope_new_key(struct txn *t, struct seal_key *out);
void envelope_put_own(struct txn *t, unsigned tree, struct bytes key, struct bytes value, const struct seal_key *own);
void envelope_put_under(struct txn *t, unsigned tree, struct bytes key, struct bytes value, const struct seal_key *own);
int envelope_open_own(struct txn *t, unsigned tree, struct bytes key, struct bytes stored, struct bytes *value, struct seal_key *own);
int envelope_open_under(
    struct txn *t, unsigned tree, struct bytes key, struct bytes stored, const struct seal_key *own, struct bytes *value);
/* The key in a stored value, as it is wrapped there: that it is right is known when something opens with it. False: there is none. */
bool envelope_own_key(struct txn *t, struct bytes stored, struct seal_key *out);

/* Logs: under the key of the day `when`, which is made when it is missing. */
void envelope_put_day(struct txn *t, unsigned tree, struct bytes key, struct bytes value, wall_ms when);
void envelope_append_day(
    struct txn *t, unsigned tree, struct bytes key, struct bytes value, wall_ms when); /* as txn_append: the key is above all */
/* After a tree of such values was cut: destroys the keys of days of which none is left. It reads as far as the first value of the oldest
 * day that has a key, so a log in the order of time costs one look until a day has gone whole. */
void envelope_drop_days(struct txn *t, unsigned tree);
