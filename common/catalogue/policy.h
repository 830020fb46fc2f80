/* A policy: what the city decides, as a document that people write (YAML), an envelope that the city's policy keys sign, and records that
 * only the hub writes (3-RECORDS, "Policy").
 *
 * A policy is called by kind and name. Each scope has a chain of versions of its own, and each version is a record of TYPE_POLICY, so that
 * one that is still to come stands beside the one in force. A body of more than LIMIT_POLICY_PART_BYTES goes on in records of
 * TYPE_POLICY_PART. The envelope is what is signed; the document's header is only where it was taken from. */
#pragma once

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/model/record.h"

/* Days are local to the city, counted from 1970-01-01: all of China has one civil time, UTC+8, without summer time. */
enum { CITY_UTC_OFFSET_MS = 8 * 3600 * 1000 };
int64_t city_day(wall_ms now);
#define POLICY_NEVER INT64_MAX /* `to` of one without an end */

/* ---- the root: whose signatures count. Its hash is in every enrolment; its text travels in every policy. */
enum { POLICY_KEYS_MAX = 8, POLICY_KEY_BYTES = 32, POLICY_SIGNATURE_BYTES = 64 };
struct policy_root {
    uint8_t keys[POLICY_KEYS_MAX][POLICY_KEY_BYTES]; /* Ed25519 */
    size_t count;
    unsigned threshold; /* so many of them sign a policy */
};
bool policy_root_parse(struct bytes text, struct policy_root *out); /* false: not one: no key, a key twice, a threshold above the keys */
void policy_root_text(const struct policy_root *root, struct buffer *out); /* appends */
bool policy_root_has(const struct policy_root *root, const uint8_t key[POLICY_KEY_BYTES]);

/* ---- the envelope */
struct policy {
    struct bytes kind, name, basis; /* basis: of what law; may be empty. These and all slices borrow */
    int64_t version, supersedes;    /* versions up to `supersedes` end when this one begins; 0: none */
    area scope;
    int64_t from, to;                             /* days, both of them included */
    bool open /* applies to open cases */, ended; /* ended: from `from` on there is none in this scope; it has no body */
    struct hash hash;                             /* of the whole body */
    size_t size;                                  /* of the whole body; at most LIMIT_POLICY_BYTES */
    struct bytes body;                            /* its first part, in a record; all of it, in hand */
    struct bytes root;                            /* text */
    struct bytes signatures;                      /* key and signature, one after the other */
};
enum { POLICY_NAME_MAX = 64, POLICY_BASIS_MAX = 400 };

struct id16 policy_id(const struct id16 *city, const struct policy *p); /* by kind, name, scope and version */
struct id16 policy_part_id(const struct id16 *policy, unsigned part);   /* part: from 1 on; part 0 is in the policy's own record */
unsigned policy_parts(const struct policy *p);
void policy_words(const struct policy *p, struct buffer *out); /* appends what is signed: all but body, root and signatures */
void policy_sign(const struct policy *p, const uint8_t key[POLICY_KEY_BYTES], const uint8_t secret[64], struct buffer *signatures);
unsigned policy_signers(const struct policy *p, const struct policy_root *root); /* how many keys of the root really signed, each once */

/* Records. `ops` is built with its values in the arena; gives the count, at most POLICY_OPS. */
enum { POLICY_OPS = 16 };
size_t policy_ops(const struct policy *p, struct arena *a, struct op ops[POLICY_OPS]);
size_t policy_part_ops(const struct policy *p, const struct id16 *id, unsigned part, struct arena *a, struct op ops[POLICY_OPS]);
bool policy_of(const struct record *r, struct policy *out);                           /* false: not a whole envelope */
bool policy_part_of(const struct record *r, struct id16 *policy, struct bytes *text); /* likewise */

/* ---- may an office take it up? */
enum policy_fault {
    POLICY_GOOD,
    POLICY_UNSIGNED, /* not by the root that the enrolment names, or by too few of its keys */
    POLICY_SCOPE,    /* the record lies elsewhere than in its scope, or this office is not in it */
    POLICY_DATES,    /* it ends before it begins, or supersedes itself or what comes after it */
    POLICY_TEXT,     /* the text is not what was signed, or is no document of its kind */
    POLICY_CHANGED,  /* a version that was taken up with another text */
    POLICY_OLDER,    /* a later version is in force already */
    POLICY_OVERLAP,  /* its days and those of another version overlap, and neither supersedes the other */
    POLICY_PARTS,    /* parts of the body are still to come: not refused, waited for */
    POLICY_FAULTS
};
const char *policy_fault_name(enum policy_fault f); /* for machines */
const char *policy_fault_text(enum policy_fault f); /* what it means; static */

/* The envelope by itself: form, dates, place, signatures. `at`: the office's area. Kinds that the hub sends in the running of the city
 * (hub_key) need one signature, all others as many as the root asks. */
enum policy_fault policy_holds(const struct policy *p, const struct hash *root, area home /* of its record */, area at);
/* Beside those that were taken up before, which may be of any kind and name. */
enum policy_fault policy_fits(const struct policy *p, const struct policy *taken, size_t count, int64_t day);

/* ---- what is in force: a pure function of what was taken up, a place and a day (longest scope, then version, then the later beginning) */
bool policy_begun(
    const struct policy *p, const struct policy *taken, size_t count, int64_t day); /* it has its days, and is not superseded */
const struct policy *policy_in_force(
    const struct policy *taken, size_t count, struct bytes kind, struct bytes name, area at, int64_t day); /* NULL: none */
/* One of each kind and name, in the order of kind and name; gives the count. */
size_t policies_in_force(const struct policy *taken, size_t count, area at, int64_t day, const struct policy **out /* room for count */);

bool policy_is_catalogue(struct bytes kind); /* record types and purposes make the catalogue; all others are rules */

/* ---- the header of a document: the keys that all kinds have */
extern const char *const policy_header_keys[]; /* NULL-terminated: kind, name, scope, from, to, supersedes, legal_basis, applies_to_open */
/* Fills kind, name, basis, scope, from, to, open, and supersedes (-1: not said); slices point into the document. A document without `scope`
 * is the city's, without `from` of `today`. What is wrong goes to c. */
bool policy_header(const struct document *d, int64_t today, struct policy *out, struct complaints *c);
/* All that can be wrong with a document that a person wrote: its header, and what its kind wants. `k`: the record types that it may speak
 * of. */
bool policy_document_check(const char *name, struct bytes text, int64_t today, const struct catalogue *k, struct complaints *c);

/* What changed from one version to another is told by lines of the one that the other has not. */
bool policy_line(struct bytes *text, struct bytes *line); /* takes the next line off; false: there is none */
bool policy_has_line(struct bytes text, struct bytes line);
