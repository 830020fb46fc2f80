/* Policies at an office: what the feed laid is checked, and taken up into the book (store/node_book.h) or refused, in the transaction that
 * laid it; what is in force is resolved from the book alone (catalogue/policy.h). */
#pragma once

#include "common/catalogue/policy.h"
#include "common/model/message.h"
#include "common/store/store.h"

struct policy_place {
    struct hash root; /* policy root of the enrolment */
    area at;          /* the office's community */
};

/* After node_lay_feed and node_lay_repair: looks at the policies among what was laid. Gives true when the book changed. */
bool policy_book_laid(struct txn *t, const struct policy_place *place, const struct entry *laid, size_t count, wall_ms now);

/* Policies in memory, with their bodies: an office's book, or what the hub's state has. */
struct shelf_mark {
    struct id16 id;
    enum policy_fault fault; /* an office's: of the last look at its record */
    wall_ms at;              /* an office's: when it was taken up */
    uint64_t row;            /* the hub's: hub_seq of its newest change */
};
struct shelf_refusal {
    struct id16 id;
    enum policy_fault fault;
    wall_ms at;
};
struct policy_shelf {
    struct arena arena;       /* owns all slices */
    struct policy *taken;     /* owns; those that count */
    struct shelf_mark *marks; /* owns; of them */
    size_t count;
    struct shelf_refusal *refused; /* owns; an office's: those that do not count, and those whose record is not as it was taken up */
    size_t refused_count;
};
void policy_shelf_read(struct txn *t, struct policy_shelf *out); /* an office's book */
void policy_shelf_of_hub(
    struct txn *state, struct policy_shelf *out, struct buffer *damaged); /* of hub_records; what is not whole is left out */
void policy_shelf_close(struct policy_shelf *s);                          /* idempotent */

/* What the office tells the hub of it, unsigned. */
void policy_book_say(struct txn *t, struct book_say *out);

/* What a body must be, whatever signed it: a document of its kind without what this system never holds. `why` may be NULL. */
bool policy_body_good(const struct policy *p, struct complaints *why);
