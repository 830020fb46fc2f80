/* The fold: hub-log -> hub-state. Takes the next stretch of the log, gives each change its verdict, merges, and writes records, history,
 * feed rows, digests, watermarks and the log position in ONE state transaction; a crash replays with the same result (2-PROTOCOL,
 * "Upstream").
 *
 * Verdicts depend only on what is in the log and on what was merged before: never on a clock, never on arrival order among nodes (A7, B7).
 */
#pragma once

#include "common/base/progress.h"
#include "common/model/message.h"
#include "common/model/office.h"
#include "common/store/hub_log.h"

struct hub_epoch {
    struct epoch epoch;
    uint64_t first; /* hub_seq at which it began: rows above it belong to it or later ones */
};

enum { HUB_EPOCHS = 64 };

/* What the state has reached. */
struct hub_place {
    struct id16 log_life;
    uint64_t position; /* log entries folded */
    uint64_t hub_seq;  /* the feed's tip */
    uint64_t highest_hlc;
    struct hub_epoch epochs[HUB_EPOCHS]; /* oldest first, the last is in force; when full the oldest goes */
    size_t epoch_count;
    uint64_t records;   /* not empty and not deleted */
    uint64_t conflicts; /* fields with concurrent values */
    uint64_t held;
    uint64_t swept; /* `left` rows up to here are gone: a cursor whose floor is below must load (A3) */
};

/* What the state knows of one node: merged watermarks, scope, and the counts of I8 (received = merged + held + erased + repeated). */
struct hub_node_state {
    uint32_t node;
    struct life lives[LIMIT_LIVES]; /* incarnation, includes = merged seq, acked_hash = chain hash there */
    size_t life_count;
    area served[LIMIT_AREAS];
    size_t served_count;
    uint64_t received, merged, held, repeated, discarded, erased;
    uint64_t held_bytes;
};

bool hub_place_get(struct txn *t, struct hub_place *out); /* false: an empty state */
void hub_place_put(struct txn *t, const struct hub_place *p);
bool hub_node_get(struct txn *t, uint32_t node, struct hub_node_state *out); /* false: unknown, out empty with its node set */
void hub_node_put(struct txn *t, const struct hub_node_state *n);
bool hub_node_full(const struct hub_node_state *n); /* its quarantine budget is used up: nothing more is taken from it */

/* Begins a state: a new city, or after a restore or a fail-over a new epoch over what is there (its counter = max(last + 1, unix_ms)).
 * In both cases log and state may be of different moments (A8): hub_join_log settles it. */
void hub_epoch_begin(struct txn *state, uint64_t unix_ms, uint64_t random);
enum hub_join_outcome {
    HUB_JOIN_TRIMMED = 1, /* the state's position lies below the log's first: this pair cannot go on; the hub does not start */
};
/* Position inside this log: go on. Beyond its end, or another life: accepted := merged of every life, and the log begins a new life above
 * every position of both, with what continues there (hub_log_renew; beyond the end that is nothing). What does not, the nodes push again:
 * they keep all above `safe`. Both transactions are the caller's to commit, log first. */
int hub_join_log(struct txn *state, struct txn *log, const struct id16 *new_life); /* + enum hub_join_outcome */

/* What an office may do with a field, by its show rule. Given once for each number and for ever: the fold learns it from the policies that
 * it merges and keeps it in the state, so that a replay of the log gives the same verdicts. A field of which nothing was learnt: anything.
 */
enum write_rule {
    WRITE_ANY = 0,
    WRITE_OWN = 1,    /* once, hub, max, min: a SET replaces only its writer's own values */
    WRITE_SET = 2,    /* set: ADD and REMOVE */
    WRITE_LEDGER = 3, /* ledger, workflow: ADD */
};
struct field_write {
    uint32_t type, field;
    enum write_rule rule;
};

/* What a catalogue says about a change, beyond the schema-free core. NULL: no rules. Must be a function of its arguments. */
struct hub_rules {
    bool (*allows)(void *owner, const struct change *c, const struct record *before /* NULL: none yet */);
    void (*learn)(void *owner, const struct record *policy, struct buffer *out); /* appends its struct field_write; NULL: nothing */
    bool (*signed_order)(void *owner, const struct change *c); /* is an order to erase that an office brings back really ours? NULL: yes */
    void *owner;                                               /* borrows */
};

/* What one fold did. */
struct merged {
    uint64_t position, hub_seq;
    uint32_t changes;        /* log changes passed */
    area areas[LIMIT_AREAS]; /* areas with new rows; more than fit: every_area */
    size_t area_count;
    bool every_area;
    uint32_t nodes[64]; /* nodes whose watermark or verdicts moved; more than fit: every_node */
    bool full[64];      /* of the same nodes: hub_node_full */
    size_t node_count;
    bool every_node;
    bool offices;  /* an office record changed: scopes and roster are to be read again */
    bool policies; /* a policy document changed */
    bool ordered;  /* an order to erase was carried out */
    bool erased;   /* … or a change of an erased record came: log and second home hold bytes that are to go (hub_erase.h) */
    struct forger {
        uint32_t node, changes;
    } forgers[16]; /* who sent changes in another's name; more than fit are in quarantine all the same */
    size_t forger_count;
};

/* Folds up to `limit` changes (whole log entries, at least one if there is any). 0 with changes == 0 and the same position: nothing to do.
 * A rotten log entry, or one that follows a hole, fails the transaction with -EBADMSG. */
int hub_merge(struct txn *log /* read */, struct txn *state /* write */, uint32_t limit, const struct hub_rules *rules, struct merged *out);

/* Reads. One damaged value does not stop them: it is left out and added to `damaged` (which may be NULL) as one of these, perhaps more
 * than once. Where that is empty afterwards, what was read is whole. */
struct hub_damage {
    uint32_t type; /* of a record; 0: a row of a feed, whose key the id is */
    struct id16 id;
};
void hub_damaged(struct buffer *damaged, uint32_t type, const struct id16 *id);
enum hub_record_outcome { HUB_RECORD_NONE = 1, HUB_RECORD_ROTTEN };
int hub_record(
    struct txn *state, uint32_t type, const struct id16 *id, struct arena *a, struct record *out); /* + enum hub_record_outcome */
int hub_records(
    struct txn *state, uint32_t type /* 0 = all */, int (*each)(void *owner, const struct record *r), void *owner, struct buffer *damaged);
/* The same in stretches: up to `limit` records after (*type, *id), which move on (0 and zeroes: from the beginning). */
enum hub_walk_outcome { HUB_WALK_END = 1000 };
int hub_records_walk(
    struct txn *state, uint32_t *type, struct id16 *id, uint32_t limit, int (*each)(void *owner, const struct record *r), void *owner,
    struct buffer *damaged); /* + enum hub_walk_outcome, or what `each` gave */
int hub_history(
    struct txn *state, uint32_t type, const struct id16 *id, int (*each)(void *owner, const struct history_entry *h), void *owner);
/* Also those discarded, with that reason: a later change may still name them, and a person may think again. */
int hub_held(
    struct txn *state, uint32_t node /* 0 = all */,
    int (*each)(void *owner, uint32_t node, const struct held *h, const struct quarantined *q), void *owner);
struct digest hub_digest(struct txn *state, area a);
int hub_offices(
    struct txn *state, int (*each)(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office), void *owner,
    struct buffer *damaged);

/* The whole state checked against itself: every envelope, digests against the records, counters, rows. Each complaint is told; 0 = sound,
 * as far as it was looked at: it ends early when the progress was asked to stop. */
int hub_verify(struct txn *state, void (*complain)(void *owner, const char *what), void *owner, struct progress *p /* values */);

/* Removes stale rows and `left` rows that every node of the area has passed, up to `limit` rows; for the background. It goes on where the
 * last call stopped, so its transaction is to be committed also when nothing was removed. What a page delivers stays the same. */
uint32_t hub_sweep(struct txn *state, uint32_t limit, uint64_t every_floor /* lowest floor of all nodes */);
bool hub_sweep_rests(struct txn *state); /* the last call came to the end of all rows: the next begins anew */
