/* The audit log, before any encoding: what an entry says, the chain's head, and what hub and node tell each other of their heads.
 *
 * The chain is h(n) = H(h(n-1) || H(entry n)). A log that was cut or written anew leads to another head than the one that the other side
 * keeps. A life is a stretch between two events that may have cost entries (a restore, a damaged block): it begins with an entry of its own
 * in the same chain, so a break that has a reason can be told from one that has none. */
#pragma once

#include "common/model/record.h"

/* The numbers are in stores. */
enum audit_action {
    AUDIT_READ = 1,
    AUDIT_SEARCH,
    AUDIT_EXPORT,
    AUDIT_HISTORY,
    AUDIT_REFUSED, /* asked for, not shown or not done */
    AUDIT_LOG,     /* looked into an audit log */
    AUDIT_PRINT,
    AUDIT_CHANGE,
    AUDIT_DECIDE,     /* a change that settled concurrent values */
    AUDIT_ADMINISTER, /* an order to the daemon; the note has its words */
    AUDIT_LIFE,       /* this log's next life: record has its id, subject the one before */
};

struct audit_entry {
    uint64_t n; /* its place in the chain; not in its bytes */
    wall_ms at;
    struct id16 actor; /* zero: only the uid is known */
    bool has_uid;
    uint32_t uid;        /* of the process that asked, by the kernel's word */
    struct id16 case_id; /* zero: none */
    struct id16 record;  /* zero: none, or a look at a whole log */
    struct id16 subject; /* the person whom the record is about (its field 3); zero: nobody, or the record itself */
    struct name change;  /* of CHANGE and DECIDE; tag 0: none was made */
    struct bytes note;   /* borrows; text */
    uint32_t action;     /* enum audit_action */
    uint32_t purpose, type;
};

struct audit_head {
    struct id16 life; /* zero: there is no log */
    uint64_t n;       /* entries */
    struct hash hash; /* of the chain after them */
};

/* A head as its log's owner signed it (engine/signed.h). */
enum { AUDIT_SIGNATURE_BYTES = 64 };
struct audit_told {
    struct audit_head head;
    wall_ms at; /* by the owner's clock */
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
};

/* What one side says to the other. An older peer says nothing: all of it is zero. */
struct audit_say {
    struct audit_told mine;
    struct audit_told yours; /* the last that I keep; zero: none */
    uint64_t asked;          /* the n of the last head of mine that you keep … */
    struct hash asked_hash;  /* … and my chain after it, computed again; zero: it is not there */
};

enum audit_verdict {
    AUDIT_EXTENDS,   /* what was said goes on from what was kept */
    AUDIT_UNPROVEN,  /* nothing can be said yet: it did not answer for what is kept */
    AUDIT_CUT,       /* it has fewer entries */
    AUDIT_REWRITTEN, /* it has others */
    AUDIT_RESTORED,  /* either of these, in a new life that begins with an entry that says so */
};

/* A head as the other side keeps it. */
struct audit_kept {
    struct audit_told told;
    wall_ms heard;              /* by the keeper's clock */
    enum audit_verdict verdict; /* of a break */
    struct audit_head said;     /* of a break: instead of `told` */
};

enum audit_verdict audit_judge(const struct audit_head *kept, const struct audit_say *said);
const char *audit_verdict_text(enum audit_verdict v); /* static, English, for a person: "its log …" */
const char *audit_action_name(uint32_t action);       /* static */
bool audit_head_none(const struct audit_head *h);
