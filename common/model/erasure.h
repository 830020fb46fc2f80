/* Erasing for ever (2-PROTOCOL, B11). An order is a record of TYPE_ERASURE with a random id: each of the hub's changes to it names records
 * that are to be erased, and says nothing else that a person could be known by. Offices get those changes as they are, before anything
 * else; one that finds the hub on another timeline, where the order may have been lost, hands them back in a change of its own. */
#pragma once

#include "common/base/memory.h"
#include "common/model/change.h"

/* Of TYPE_ERASURE. The first two are the hub's, the last an office's. */
enum {
    ERASURE_TARGETS = 16,  /* elements of list of reference */
    ERASURE_SIGNED = 17,   /* elements of blob: key and signature over erasure_words of the targets in the same change */
    ERASURE_RETURNED = 18, /* elements of blob: a change of the hub, packed */
};

bool erasure_may(uint32_t type); /* can a record of this type be erased? not what the daemons themselves live by */

/* The records that a change of the hub names, one after the other: *list begins as erasure_targets gives it. */
struct bytes erasure_targets(const struct change *c); /* an encoded list; empty when it names none */
bool erasure_next(struct bytes *list, uint32_t *type, struct id16 *id);
void erasure_name(struct buffer *list, uint32_t type, const struct id16 *id); /* builds it */

/* What is signed: the order's id and the list. */
void erasure_words(const struct id16 *order, struct bytes list, struct buffer *out);

bool erasure_returned(const struct change *c, struct bytes *packed); /* an office's change that brings one back */

/* Whom an operation says the record is about (FIELD_SUBJECT); false: it says no such thing. */
bool erasure_subject(const struct op *o, uint32_t *type, struct id16 *id);
bool erasure_refers(struct bytes value, uint32_t *type, struct id16 *id); /* of one encoded value */
