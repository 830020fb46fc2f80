/* Every stored value carries a header (3-RECORDS, "First format"): format (1 byte), key id (4), checksum tag (16, bound to the
 * tree and the key so that a value in a wrong place is found too), the length of the record's wrapped key (2) and the wrapped key.
 * Until sealing fills them, the key id is 0 and there is no wrapped key. LMDB 0.9 has no checksums: a flipped bit is found here. */
#pragma once

#include "common/store/store.h"

enum envelope_outcome { ENVELOPE_MISSING = 1, ENVELOPE_ROTTEN };

void envelope_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value);
void envelope_append(struct txn *t, unsigned tree, struct bytes key, struct bytes value); /* as txn_append: the key is above all */
int envelope_get(
    struct txn *t, unsigned tree, struct bytes key, struct bytes *value); /* + enum envelope_outcome; value borrowed as txn_get's */
int envelope_open(
    unsigned tree, struct bytes key, struct bytes stored, struct bytes *value); /* of a pair that a scan gave; + ENVELOPE_ROTTEN */
