/* One fold under way: what a stretch of the log touches, held in memory until it is written out, sorted, tree by tree.
 *
 * Only hub_merge.c and its parts use this. Touched: a record that the stretch concerns, read once, written once. The cold trees (held,
 * waiting, verdicts) are read and written directly. The result equals applying the changes one by one. */
#pragma once

#include "common/store/hub_erase.h"

/* A merged change's line of history, not written yet. */
struct fold_history {
    struct touched *of;
    struct fold_history *next; /* of the same record */
    struct name name;
    struct bytes packed;
};

struct touched {
    struct record record;
    struct seal_key key; /* of its value, and of its history */
    bool exists;         /* in the store, or merged into by this fold */
    bool changed;        /* merged into by this fold; then the members `before` are filled */
    bool copies;         /* a change marked `again` was merged into it: any other may be the first copy of one, and come late */
    bool erased;         /* by this fold; nothing of it is left to be written */
    bool grown;          /* its areas grew and its held changes wait to be tried again */
    size_t bound;        /* the packed record is not longer than this */
    struct fold_history *history;
    struct digest before;
    area *areas_before;
    size_t areas_before_count;
    bool counted_before;
    uint64_t conflicts_before;
};

struct fold_node {
    struct hub_node_state state;
    bool changed;    /* to be written */
    bool moved;      /* to be told: its watermark or verdicts moved */
    uint32_t forged; /* changes in another's name, in this fold */
    bool grown;      /* it serves more areas, and its held changes wait to be tried again */
};

/* Where a change came from. */
struct origin {
    struct id16 incarnation;
    uint64_t seq, position;
    wall_ms received;
    bool triage; /* nothing of it is merged before a person says so */
};

struct pointer_table {
    void **slots; /* owns; open addressing, room is a power of two */
    size_t room, count;
};

struct fold {
    struct txn *state;
    const struct hub_rules *rules; /* borrows; may be NULL */
    struct hub_place place;
    uint64_t begin;       /* hub_seq before this fold */
    struct arena arena;   /* lives as long as the fold */
    struct arena scratch; /* one change */
    struct pointer_table records, history, nodes;
    struct touched **grown; /* owns; a queue, in the order in which they grew */
    size_t grown_count, grown_room;
    struct fold_node **grown_nodes; /* owns; likewise */
    size_t grown_node_count, grown_node_room;
    uint64_t waiting; /* keys in the tree */
    uint64_t erased;  /* likewise */
    bool offices, policies, ordered;
    bool refused;              /* a change of an erased record came */
    struct buffer rules_table; /* owns; what offices may do with fields (hub_rules.c) */
    bool rules_read, rules_changed;
    bool vouched; /* an operator's order is under way: a person has looked at the change */
};

void fold_begin(struct fold *f, struct txn *state, const struct hub_rules *rules);
void fold_close(struct fold *f);
/* Writes everything out and says what moved. */
void fold_end(struct fold *f, struct merged *out);
void fold_touch(struct fold *f, struct touched *t); /* before the first thing that alters it */

struct touched *fold_record(struct fold *f, uint32_t type, const struct id16 *id); /* NULL: rotten; the transaction has failed */
struct fold_node *fold_node(struct fold *f, uint32_t node);                        /* never NULL */
bool fold_merged(struct fold *f, struct touched *t, struct name name);             /* was a change of this name ever merged into t? */

/* Gives the change its verdict; MERGED: it may be merged. Never GARBAGE: the change was decoded. `packed` is its length. */
enum verdict fold_verdict(
    struct fold *f, const struct fold_node *writer, struct touched *t, const struct change *c, wall_ms received, size_t packed);
/* Merges a change (after `c` took over the names of held ones it replaces, see fold_take_over), with a hub_seq of its own, which it gives.
 * Counts it as merged or repeated for its writer. */
uint64_t fold_change(
    struct fold *f, struct fold_node *writer, struct touched *t, const struct change *c, const struct origin *from, size_t packed);

/* An upper bound of what a change adds to the packed record. */
size_t fold_growth(const struct change *c, size_t packed);

/* ---- what offices may do with fields (hub_rules.c) */
void fold_learn(struct fold *f, const struct record *policy); /* a policy was merged */
bool fold_rules_allow(struct fold *f, const struct change *c);
void fold_rules_end(struct fold *f); /* writes what was learnt */

/* ---- quarantine (hub_held.c) */
/* A change that names held ones takes over their names too (B10). Gives c itself when there is none, else a copy in the scratch arena. */
const struct change *fold_take_over(struct fold *f, struct touched *t, const struct change *c);
/* Keeps a change that is not merged; c is NULL when it cannot be decoded. */
void fold_hold(
    struct fold *f, struct fold_node *writer, const struct origin *from, const struct change *c, struct bytes packed, enum verdict reason);
/* Tries a held change again; `now` is the order's receive time, 0 when the hub itself tries. */
void fold_retry(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq, wall_ms now);
void fold_discard(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq);
/* Another copy of a held change was merged: what is held is counted as repeated. */
void fold_settle_copies(struct fold *f, struct touched *t, struct name name);
/* A change of an erased record: it is kept nowhere, its writer is told. */
void fold_refuse(struct fold *f, struct fold_node *writer, const struct id16 *incarnation, uint64_t seq);
void fold_release(struct fold *f, struct touched *t); /* what is held of a record that is erased goes the same way */
/* Tries what waits for scope, until no record and no office grows any more. */
void fold_retry_grown(struct fold *f);

/* ---- erasing (hub_erase.c) */
void chore_put(struct txn *state, enum hub_chore c, uint64_t row);
void fold_order(struct fold *f, const struct change *c, uint64_t row);       /* a change of TYPE_ERASURE was merged: it is carried out */
bool fold_erased(struct fold *f, struct touched *t, const struct change *c); /* is it of, or about, what is erased? */
/* An office brings an order back, which a restored hub may have lost: it is merged as the change that it was, in place of c. False: c is
 * no such thing. */
bool fold_returned(struct fold *f, struct fold_node *writer, const struct change *c, const struct origin *from, size_t packed);

/* The record that a row of an area's feed stands for; false: the row is rotten. */
bool hub_row_open(struct txn *state, area a, uint64_t hub_seq, struct bytes stored, uint32_t *type, struct id16 *id);

/* The area that an operation gives its record, as home or as one that shares it; false: none. */
bool op_area(const struct op *o, area *out);
/* A record as the state keeps it: before the packed record stand its digest, so that what an area's digest loses by a change need not be
 * computed again, and whether a change marked `again` was merged into it. */
struct hub_aside {
    struct digest own;
    bool copies;
};
void hub_value_pack(const struct record *r, const struct hub_aside *aside, struct buffer *out);
bool hub_value_unpack(struct bytes value, struct arena *a, struct record *r, struct hub_aside *aside /* may be NULL */);
