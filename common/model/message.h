/* What hub and node say to each other, before any encoding (2-PROTOCOL, "Messages"). Slices borrow: from the frame on the way in, from
 * whoever sends on the way out. A peer's identity is its CURVE key, never a field here. */
#pragma once

#include "common/base/limits.h"
#include "common/model/audit.h"
#include "common/model/record.h"

struct epoch {
    uint64_t counter; /* max(last + 1, Unix ms) */
    uint64_t random;
};
struct cursor {
    struct epoch epoch;
    uint64_t at;    /* place in the feed */
    uint64_t floor; /* `at` when the node was last caught up */
};

/* One incarnation of a node's change log, as one side knows it. Which members count is said at each message. */
struct life {
    struct id16 incarnation;
    uint64_t first, last;   /* seqs still in the node's log; last = saved */
    uint64_t acked;         /* accepted: in the hub's log, fsynced */
    struct hash acked_hash; /* chain hash after `acked` */
    uint64_t safe;          /* in every copy that a restore may use */
    uint64_t includes;      /* merged, and reflected in the base */
};

/* Why a change is not applied but kept in quarantine; the numbers are on the wire and in stores. */
enum verdict {
    VERDICT_MERGED = 0,
    VERDICT_SCOPE = 1,
    VERDICT_CLOCK = 2,
    VERDICT_RULE = 3,
    VERDICT_FULL = 4,
    VERDICT_GARBAGE = 5,
    VERDICT_FORGED = 6,
    VERDICT_DISCARDED = 7,
    VERDICT_ERASED = 8,  /* of a record that is erased for ever: kept nowhere */
    VERDICT_REVOKED = 9, /* it came in a file, after its node was revoked or closed */
};
struct held {
    struct id16 incarnation;
    uint64_t seq;
    enum verdict reason; /* MERGED: was held, is merged now */
};

enum refusal {
    REFUSE_BUSY = 1,
    REFUSE_REVOKED,
    REFUSE_TOO_OLD,
    REFUSE_TOO_NEW,
    REFUSE_FORKED,
    REFUSE_RESTORED,
    REFUSE_GAP,
    REFUSE_CLOCK,
    REFUSE_PAUSED,
    REFUSE_DISK_FULL,
    REFUSE_RETIRED,
};

/* An area being loaded at a node: its rows up to `upto` have come, as whole entries; the page's cursor does not count for it. */
struct loading {
    area area;
    uint64_t upto;
    bool done; /* Feed only: the walk reached the snapshot's end, the cursor counts from now on */
};

enum entry_kind { ENTRY_FIELDS = 1, ENTRY_WHOLE = 2, ENTRY_LEFT = 3 };
struct entry {
    enum entry_kind kind;
    struct record record; /* FIELDS: those newer than the cursor's floor; WHOLE: all; LEFT: type and id only */
};
/* An order to erase (erasure.h): a change of the hub, packed as it was made, and its row. */
struct erasure_order {
    uint64_t row; /* hub_seq */
    struct bytes change;
};
struct area_digest {
    area area;
    struct digest digest;
};

enum message_kind {
    MESSAGE_HELLO = 1,
    MESSAGE_WELCOME,
    MESSAGE_REFUSE,
    MESSAGE_PUSH,
    MESSAGE_ACK,
    MESSAGE_PULL,
    MESSAGE_FEED,
    MESSAGE_TIP,
    MESSAGE_REPORT,
    MESSAGE_REPAIR_ASK,
    MESSAGE_REPAIR_FILL,
    MESSAGE_KEY_OFFER,
    MESSAGE_KEY_TAKEN,
};

struct hello {
    uint32_t protocol_least, protocol_most;
    struct bytes software;          /* text */
    struct life lives[LIMIT_LIVES]; /* incarnation, first, last, acked, acked_hash; the last one is the current */
    size_t life_count;
    struct cursor cursor;
    wall_ms clock;
    uint64_t nonce; /* the session last received; 0 = none yet */
};
struct welcome {
    uint64_t session; /* also the next Hello's nonce */
    uint32_t protocol;
    wall_ms clock;
    struct life lives[LIMIT_LIVES]; /* of the Hello's lives: incarnation, acked, acked_hash, safe, includes = merged */
    size_t life_count;
    struct cursor cursor; /* where this node goes on: its own, or as the epochs say */
    bool load;            /* the node's epoch is unknown here: everything is loaded anew (cursor.at = floor = tip) */
    uint64_t credit;      /* bytes of Push bodies in this session, absolute */
    uint64_t tip;
    uint64_t erasures;      /* row of the newest order to erase: the node has it before it pushes anything in this session */
    struct audit_say audit; /* here and below: the engines write and read it, the core does not look at it */
};
struct refuse {
    enum refusal reason;
    struct bytes text; /* for a person */
    uint32_t retry_after_ms;
};
struct push {
    uint64_t session;
    struct id16 incarnation;
    uint64_t first;
    uint32_t count;
    struct hash before, after; /* chain hash before the first and after the last change */
    struct bytes signature;    /* the sender's, over node, incarnation, place and chain; the engines sign and check it */
    struct bytes body;         /* zstd frame of packed changes */
};
struct ack {
    uint64_t session;
    struct life lives[LIMIT_LIVES]; /* incarnation, acked, acked_hash, safe */
    size_t life_count;
    uint64_t credit;
    bool rewind;     /* a push started above accepted + 1, or an append failed: send again from accepted + 1 */
    uint64_t canary; /* number of the newest Report of this session that passed the log, and the fold all that was in the log then */
};
struct pull {
    uint64_t session;
    struct cursor cursor;
    area areas[LIMIT_AREAS]; /* all that the node's feed consists of: area_expand of what it serves */
    size_t area_count;
    struct loading loading[LIMIT_AREAS]; /* those of `areas` that are being loaded */
    size_t loading_count;
    uint64_t verdicts_after; /* send verdicts whose row is above this hub_seq: verdicts_to of the last page, or 0 when the node forgot */
    uint64_t erasures_after; /* likewise, of orders to erase; only a node of another timeline forgets it */
    uint32_t bytes;          /* that it is ready to take */
};
struct feed {
    uint64_t session;
    struct cursor from; /* equals the node's cursor exactly, else the page is dropped */
    struct cursor to;
    bool caught_up;
    struct life lives[LIMIT_LIVES]; /* incarnation, includes: merged in this snapshot */
    size_t life_count;
    const struct held *held;
    size_t held_count;
    uint64_t verdicts_to; /* the verdicts whose rows are up to here have come with this page: the next Pull's verdicts_after */
    const struct erasure_order *erasures; /* laid before everything else */
    size_t erasure_count;
    uint64_t erasures_to;        /* the next Pull's erasures_after */
    const struct entry *entries; /* in the order in which they are laid */
    size_t entry_count;
    struct loading loading[LIMIT_AREAS]; /* how far each load of the Pull got */
    size_t loading_count;
    struct area_digest digests[LIMIT_AREAS]; /* when caught up */
    size_t digest_count;
    struct audit_say audit; /* the first since a Report */
};
struct tip {
    uint64_t session;
    uint64_t hub_seq;
};
/* Of the policies up to the report's cursor an office has taken up all but these. Signed by it, since the city relies on it. */
enum { BOOK_NAMES = 16 };
struct book_refusal {
    struct id16 id; /* of the policy's record */
    uint32_t fault; /* enum policy_fault */
};
struct book_say {
    uint32_t count; /* of all that it refused; the first BOOK_NAMES of them are named */
    struct book_refusal refused[BOOK_NAMES];
    uint8_t signature[64];
};
struct report {
    uint64_t session;
    uint64_t backlog;      /* changes saved and not accepted */
    uint64_t oldest_ms;    /* age of the oldest of them */
    uint64_t disk_free;    /* bytes */
    uint64_t at;           /* cursor */
    uint64_t digest_ok_at; /* hub_seq at which digests were last equal */
    uint64_t held;         /* changes of this node that the city did not take */
    uint64_t alarms;       /* digests that differed although they had been equal; a check that finds the store sound settles them */
    uint64_t number;       /* of this Report in its session, from 1 */
    uint64_t canary; /* of the newest one that came back: an Ack named it, a page came after it, and all that was saved then is in it */
    struct bytes software;
    uint64_t erasures_to; /* the orders to erase up to this row are carried out here … */
    bool destroyed;       /* … and no file holds what they concern any more */
    struct audit_say audit;
    struct book_say book;
};
struct repair_ask {
    uint64_t session;
    struct cursor cursor; /* caught up: the verdicts up to `at` have come too */
    area area;
    struct digest buckets[DIGEST_BUCKETS];
};
struct repair_fill { /* all records of the buckets of the area that differ; laid like a Feed. One that covers nothing: pull first */
    uint64_t session;
    struct epoch epoch;
    area area;
    bool covers[DIGEST_BUCKETS];    /* the buckets of this fill: the node drops what it has in them and is not here */
    struct life lives[LIMIT_LIVES]; /* incarnation, includes of the snapshot */
    size_t life_count;
    const struct held *held; /* every verdict with a row above the cursor of the ask */
    size_t held_count;
    const struct entry *entries; /* WHOLE */
    size_t entry_count;
    bool more; /* further buckets differ: ask again */
};

struct key_offer { /* a node's new keys, in place of those of this link; the engines sign and check it */
    uint64_t session;
    struct bytes public; /* text */
    struct bytes by_old, by_new;
};
struct key_taken {
    struct bytes public; /* as it was offered */
    wall_ms old_until;   /* by the hub's clock */
};

struct message {
    enum message_kind kind;
    union {
        struct hello hello;
        struct welcome welcome;
        struct refuse refuse;
        struct push push;
        struct ack ack;
        struct pull pull;
        struct feed feed;
        struct tip tip;
        struct report report;
        struct repair_ask repair_ask;
        struct repair_fill repair_fill;
        struct key_offer key_offer;
        struct key_taken key_taken;
    };
};

int epoch_compare(struct epoch a, struct epoch b); /* by counter, then random */
bool epoch_equal(struct epoch a, struct epoch b);
bool cursor_equal(struct cursor a, struct cursor b);
struct life *life_find(struct life *lives, size_t count, const struct id16 *incarnation); /* NULL when there is none */
bool verdict_waits(enum verdict v);       /* it is held, and a person may still decide on it */
const char *verdict_text(enum verdict v); /* static, English, for a person */
const char *verdict_name(enum verdict v); /* static, one word, for scripts: "clock"; NULL: not known */
bool verdict_named(const char *name, enum verdict *out);
const char *refusal_text(enum refusal r);
const char *message_name(enum message_kind kind);
