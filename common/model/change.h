/* A change: one edit by one actor to one record.
 *
 * Its NAME = (node, 64 random bits: the first half of its salt) is kept for ever, also when the change is stamped or labelled again; heads,
 * elements, history, `replaces` and REMOVE use names. Its version orders it, its (incarnation, seq) says where it stands in a log. */
#pragma once

#include "common/base/hash.h"
#include "common/model/area.h"
#include "common/model/version.h"

/* Fields that every record type has. A type's own fields start at FIELD_OWN. */
enum {
    FIELD_HOME = 1,       /* area: the record's home community; decides the feed */
    FIELD_DELETED = 2,    /* flag */
    FIELD_SUBJECT = 3,    /* reference: the person the record is about */
    FIELD_SHARED = 4,     /* elements of area: offices that also serve the record */
    FIELD_KEY = 5,        /* text: the key under which a source calls the record; its id is derived from it */
    FIELD_TAKEN_UP = 6,   /* elements of list: area, reason, actor id: which office took the record up, why, and who did it */
    FIELD_RESTRICTED = 7, /* flag, the hub's alone: it is only kept, shown to nobody but for a right or a correction */
    FIELD_OWN = 16,
};

/* Record types that the daemons themselves read. All others are the catalogue's. */
enum {
    TYPE_OFFICE = 1,      /* one enrolled node: FIELD_HOME = its node area; the fields below */
    TYPE_POLICY = 2,      /* a policy document, FIELD_HOME = its scope prefix */
    TYPE_STAFF = 3,       /* the actors: an id is derived from the login name */
    TYPE_ERASURE = 4,     /* an order to erase records for ever (erasure.h) */
    TYPE_POLICY_PART = 5, /* what of a policy's body does not fit into its record */
};
/* Of TYPE_OFFICE: areas served (a list of digit texts), name, public key string, status (text: active, paused, revoked,
 * retiring, retired), the public key string before and the ms until which it is taken too. */
enum { OFFICE_AREAS = 16, OFFICE_NAME = 17, OFFICE_KEY = 18, OFFICE_STATUS = 19, OFFICE_KEY_BEFORE = 20, OFFICE_KEY_UNTIL = 21 };
/* Of TYPE_POLICY: one version of one policy in one scope (common/catalogue/policy.h). Kind, name (text), version (number), first part of
 * the body, root (text), signatures (blob: key and signature, one after the other), first and last day (number), the version up to which it
 * supersedes, flags, legal basis (text), hash (blob) and size of the whole body. */
enum {
    POLICY_KIND = 16,
    POLICY_NAME = 17,
    POLICY_VERSION = 18,
    POLICY_BODY = 19,
    POLICY_ROOT = 20,
    POLICY_SIGNATURES = 21,
    POLICY_FROM = 22,
    POLICY_TO = 23,
    POLICY_SUPERSEDES = 24,
    POLICY_FLAGS = 25,
    POLICY_BASIS = 26,
    POLICY_HASH = 27,
    POLICY_SIZE = 28,
};
/* Of TYPE_POLICY_PART: the policy's record (blob), which part (number, from 1), its text. */
enum { PART_POLICY = 16, PART_NUMBER = 17, PART_TEXT = 18 };

struct name {
    uint32_t node;
    uint64_t tag;
};

enum op_kind { OP_SET = 1, OP_ADD = 2, OP_REMOVE = 3 };

/* SET value replaces [names]; ADD value; REMOVE [names]. A change holds at most one SET or ADD a field (a head or element is called by
 * the change's name), beside at most one REMOVE of the same field. An empty SET value means: no value any more. */
struct op {
    uint32_t field;
    enum op_kind kind;
    struct bytes value;       /* an encoded Value (model/value.h); kept byte-exact, also of an unknown kind */
    const struct name *names; /* replaced or removed */
    size_t name_count;
};

struct change {
    uint64_t seq; /* in its incarnation, from 1 */
    struct version version;
    struct name name;
    uint64_t salt; /* the other half of the 128 random bits */
    uint32_t type;
    struct id16 record;
    struct id16 actor; /* a StaffUser record */
    uint32_t purpose;
    struct id16 case_id; /* zero: none */
    bool again;          /* its name may have been merged before: labelled again, retried, offered */
    const struct op *ops;
    size_t op_count;
};

/* The id under which a source's key is known all over the city (3-RECORDS): UUIDv8 of city secret, generation, type, key. */
struct id16 id_of_key(struct bytes city_secret, uint32_t type, struct bytes key);

int name_compare(struct name a, struct name b);
bool name_equal(struct name a, struct name b);

/* The form rules above, and every limit of one change. NULL when all is well, else words for a person (static). */
const char *change_check(const struct change *c);
