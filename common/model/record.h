/* A record: the state that changes add up to. Merged without a schema; what a field means is the catalogue's business. */
#pragma once

#include "common/base/hash.h"
#include "common/base/memory.h"
#include "common/model/change.h"

/* A head is a SET that no later SET replaced; an element an ADD that was not removed. */
struct head {
    struct version version;
    struct name name;
    struct bytes value;
    const struct name *replaces; /* what its SET replaced; not in the canonical form */
    size_t replace_count;
};

struct field {
    uint32_t number;
    struct head *heads; /* in version order, then name order */
    size_t head_count;
    struct head *elements; /* likewise; no replaces */
    size_t element_count;
    struct name *early; /* hub only: replaced or removed here before they arrived */
    size_t early_count;
    uint64_t feed_seq; /* hub only: hub_seq of the last change that touched this field */
};

/* Hub only: the record's row in an area's feed. Areas it ever had stay in the list with present = false (their rows are `left`). */
struct area_row {
    area area;
    uint64_t row;   /* hub_seq of its current row; 0: it never had one, since what gave the area was replaced before it arrived */
    bool present;   /* false: left */
    uint64_t since; /* hub_seq at which it (last) came into the area */
};

struct record {
    uint32_t type;
    struct id16 id;
    struct field *fields; /* by number */
    size_t field_count;
    struct area_row *areas; /* hub only, by area */
    size_t area_count;
    uint64_t feed_seq; /* hub only: hub_seq of its last change */
};

/* All slices and arrays of a record live in an arena that outlives it. */
struct field *record_field(const struct record *r, uint32_t number);                 /* NULL when there is none */
struct field *record_field_make(struct record *r, uint32_t number, struct arena *a); /* finds or adds */
void record_fields_make(struct record *r, const struct change *c, struct arena *a);  /* adds what a change writes, in one piece */
const struct head *field_winner(const struct field *f);         /* the head with the highest version; NULL: none, or f is NULL */
bool field_concurrent(const struct field *f);                   /* heads of different values */
bool field_equal(const struct field *a, const struct field *b); /* as a base copy keeps them: what is the hub's only is left out */
size_t record_areas_now(const struct record *r, area out[], size_t room); /* home heads and shared elements; sorted, no doubles */
bool record_deleted(const struct record *r);                              /* a head of FIELD_DELETED says true */
bool record_restricted(const struct record *r);                           /* likewise of FIELD_RESTRICTED */
bool record_empty(const struct record *r);                                /* no head and no element anywhere */
struct record record_copy(const struct record *r, struct arena *a);       /* shares no memory */

/* Canonical form: type, id, and per field its heads and elements in version order (version, name, value). Left out: replaces, early,
 * hub_seq, areas. Equal bytes = equal state. An empty record's form is empty. */
void record_canonical(const struct record *r, struct buffer *out);
struct hash record_state_hash(const struct record *r);

/* An area's running digest: the sum of the state hashes of its records, two lanes mod 2^64, kept up to date at O(1) a change. */
struct digest {
    uint64_t lane[2];
};
void digest_add(struct digest *d, const struct record *r); /* nothing for an empty record */
void digest_take(struct digest *d, const struct record *r);
bool digest_equal(struct digest a, struct digest b);
enum { DIGEST_BUCKETS = 256 };
unsigned digest_bucket(uint32_t type, const struct id16 *id); /* which bucket of its area a record is in; spread evenly */
