/* Messages and stored values <-> protobuf. The only room that sees generated code; limits are checked here before and while decoding.
 *
 * Outgoing: packed into a buffer, checked against the same limits. Incoming: the arena (cap LIMIT_DECODE_BYTES for what a peer sent) holds
 * all that is decoded; slices may also point into the frame, which the caller keeps as long. Unknown protobuf fields are skipped
 * everywhere, and not written again: log and quarantine keep a change as its original bytes, but a record is what this build knows of it.
 * Unknown field numbers of a record and unknown kinds of Value are kept byte by byte (proto/README.md). */
#pragma once

#include "common/model/message.h"
#include "common/model/progress.h"

enum wire_outcome {
    WIRE_BROKEN = 1, /* no such message, or against its rules */
    WIRE_TOO_BIG,    /* passes a limit */
    WIRE_NEWER,      /* well-formed, but of a kind this build does not know (message kind, operation kind) */
};

/* ---- one ZeroMQ message */
int wire_pack(const struct message *m, struct buffer *out);                /* + WIRE_TOO_BIG */
int wire_unpack(struct bytes frame, struct arena *a, struct message *out); /* + enum wire_outcome */
size_t wire_entry_size(const struct entry *e); /* bytes it takes in a Feed before compression; for filling pages */

/* ---- a change, and the batches that a Push carries */
void wire_change_pack(const struct change *c, struct buffer *out);                /* appends; c has passed change_check */
int wire_change_unpack(struct bytes packed, struct arena *a, struct change *out); /* + enum wire_outcome; change_check has passed when 0 */
/* The same change under another seq, stamp and writer (0: its own), marked `again` or as it was; all else, also what this build does not
 * know, stays byte-exact. */
int wire_change_label(
    struct bytes packed, uint64_t seq, uint64_t hlc, uint32_t node, bool again, struct buffer *out); /* appends; + WIRE_BROKEN */
/* What stands in a log for a change whose record is erased: its hash, so that the chain goes on over it (and may be put there later). */
void wire_change_erase(struct bytes packed, struct buffer *out); /* appends; of one that is erased already the same again */
bool wire_change_erased(struct bytes packed);
/* A batch is a sequence of packed changes; its body is one zstd frame of it. */
void wire_batch_add(struct buffer *raw, struct bytes packed_change);
int wire_batch_seal(struct bytes raw, struct buffer *body); /* + WIRE_TOO_BIG (LIMIT_BATCH_BYTES) */
int wire_batch_open(
    struct bytes body, struct buffer *raw /* filled */); /* + WIRE_BROKEN, WIRE_TOO_BIG; checks the frame's declared size first */
bool wire_batch_next(struct reader *r, struct bytes *packed_change);           /* false at the end, or when broken (r->bad) */
bool wire_batch_holds(struct bytes raw, uint32_t count);                       /* exactly so many, and nothing broken */
struct hash wire_chain(const struct hash *before, struct bytes packed_change); /* h(n) = H(h(n-1) || H(change bytes)); + erased */

/* ---- stored values */
enum record_form { RECORD_HUB, RECORD_BASE /* without early, areas and hub_seqs */ };
void wire_record_pack(const struct record *r, enum record_form form, struct buffer *out);
int wire_record_unpack(struct bytes stored, struct arena *a, struct record *out); /* + WIRE_BROKEN; slices point into `stored` */

void wire_progress_pack(const struct node_progress *p, struct buffer *out);
int wire_progress_unpack(struct bytes stored, struct node_progress *out); /* + WIRE_BROKEN */

/* An entry of the hub's log. Of a push it keeps all that the signature is over, so that it can be proved by itself. */
enum log_kind {
    LOG_PUSH = 1, /* changes of a node, or of the hub itself (node 0) */
    LOG_RETRY,    /* an operator's order: try a held change again (node, incarnation, first) */
    LOG_DISCARD,  /* an operator's order, with a reason */
    LOG_TRIAGE,   /* a push that a person brought in a file: its changes are held, whatever they are */
};
static inline bool log_changes(enum log_kind k) { /* does it hold changes of a life, one after the other? */
    return k == LOG_PUSH || k == LOG_TRIAGE;
}
struct log_entry {
    enum log_kind kind;
    uint32_t node;
    struct id16 incarnation;
    uint64_t first;
    uint32_t count;            /* at most LIMIT_PUSH_CHANGES */
    struct hash before, after; /* PUSH: chain hash before the first and after the last change */
    wall_ms received;
    struct bytes signature;
    struct bytes body; /* PUSH: as it came; DISCARD: the reason as text */
    struct id16 actor; /* RETRY, DISCARD: who ordered it */
};
struct log_entry wire_log_entry_of(enum log_kind kind, uint32_t node, const struct push *p, wall_ms received); /* borrows what `p` does */
void wire_log_entry_pack(const struct log_entry *e, struct buffer *out);
int wire_log_entry_unpack(struct bytes stored, struct log_entry *out); /* + WIRE_BROKEN; slices point into `stored` */

/* What a record's history keeps of a merged change: who, when, why, which fields. */
struct history_entry {
    uint64_t hub_seq;
    struct version version;
    struct name name;
    struct id16 actor;
    uint32_t purpose;
    struct id16 incarnation;
    uint64_t seq;
    wall_ms received;
    uint32_t fields[LIMIT_CHANGE_FIELDS];
    size_t field_count;
};
void wire_history_pack(const struct history_entry *h, struct buffer *out);
int wire_history_unpack(struct bytes stored, struct history_entry *out); /* + WIRE_BROKEN */

/* A held change in quarantine. */
struct quarantined {
    enum verdict reason;
    wall_ms received;
    uint64_t row;        /* hub_seq of its verdict row */
    uint64_t position;   /* in the hub's log */
    struct bytes change; /* packed, original bytes */
};
void wire_quarantined_pack(const struct quarantined *q, struct buffer *out);
int wire_quarantined_unpack(struct bytes stored, struct quarantined *out); /* + WIRE_BROKEN */

/* What an enrolment file holds (3-RECORDS, "Who has an id"). */
struct enrolment {
    uint32_t node; /* 0: the city itself, as its hub keeps it */
    struct id16 city;
    area served[LIMIT_AREAS];
    size_t served_count;
    struct bytes name;        /* text */
    struct bytes hub_public;  /* the hub's public key string */
    struct bytes endpoint;    /* tcp://host:port */
    struct bytes city_secret; /* 32 bytes: for derived ids */
    struct bytes index_key;   /* 32 bytes */
    struct hash policy_root;
    struct bytes catalogue; /* YAML documents */
    uint64_t catalogue_version;
    struct bytes next_public, next_endpoint; /* of the hub, while its keys change; empty: none */
};
void wire_enrolment_pack(const struct enrolment *e, struct buffer *out);
int wire_enrolment_unpack(struct bytes stored, struct arena *a, struct enrolment *out); /* + WIRE_BROKEN */
