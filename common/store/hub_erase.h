/* What the hub erases for ever (model/erasure.h): the orders that the state has carried out, what they concern beyond it, and the bytes
 * that are left of it in the log and among the hub's own changes.
 *
 * Carrying out is the fold's: with the order's change, in its transaction, the record, its history and what quarantine holds of it go, and
 * its id is marked. A change of a marked record, or one that makes a record about one, is ERASED, whoever brings it and whenever. */
#pragma once

#include "common/model/erasure.h"
#include "common/store/hub_merge.h"

bool hub_erased(struct txn *state, uint32_t type, const struct id16 *id);
uint64_t hub_erasures_tip(struct txn *state); /* row of the newest order's change; 0: none */
int hub_erasures(struct txn *state, uint64_t after, int (*each)(void *owner, uint64_t row, struct bytes packed), void *owner);

/* Looks through the whole state for what concerns one record (id NULL: any that is erased, by an order that is told): records that are
 * about it, of which it is a head of FIELD_SUBJECT or of a field that `names_subject` knows, also if only quarantine knows so; and fields
 * that refer to it, in records about others. */
struct hub_concerns {
    int (*about)(void *owner, const struct id16 *order, uint32_t type, const struct id16 *id);
    int (*refers)(void *owner, const struct id16 *order, const struct record *r, const struct field *f); /* may be NULL */
    bool (*names_subject)(void *owner, uint32_t type, uint32_t field);                                   /* may be NULL */
    void *owner;                                                                                         /* borrows */
};
int hub_concerning(struct txn *state, uint32_t type, const struct id16 *id, const struct hub_concerns *c, struct buffer *damaged);

/* What an order leaves to be done, in the state until it is: to look for what is about what it named, until nothing new is found (only then
 * can nothing about it be there any more, since the fold lets none in); and to take the bytes out of the log and the second home. */
enum hub_chore { HUB_CHORE_SEARCH, HUB_CHORE_BYTES };
uint64_t hub_chore_due(struct txn *state, enum hub_chore c);                /* since which row; 0: nothing is due */
void hub_chore_done(struct txn *state, enum hub_chore c, uint64_t hub_seq); /* as of a snapshot at this place of the feed */

/* Puts a hash in the place of each change of an erased record, in the log up to the position that is folded, or in the hub's second home:
 * from *at on (1: from the beginning), up to `limit` entries; *at moves on. The chains and signatures over them hold as before. True: the
 * end was reached. */
bool hub_log_erase(struct txn *log, struct txn *state /* read */, uint64_t *at, uint32_t limit);
bool hub_own_erase(struct txn *own, struct txn *state /* read */, uint64_t *at, uint32_t limit);
