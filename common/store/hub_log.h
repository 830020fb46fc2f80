/* The hub's log: everything that arrives, appended and fsynced before it is acknowledged, and what a merge may depend on.
 *
 * A position counts log entries from 1 and is never used twice within one life of the log (A8). Everything here works on the hub-log store
 * (layout.h), inside transactions of the caller. */
#pragma once

#include "common/model/message.h"
#include "common/store/store.h"
#include "common/wire/wire.h"

/* What the log knows of one node: how far its lives were accepted, which life is the current one, and its session nonces (B1). */
struct hub_log_node {
    uint32_t node;
    struct life lives[LIMIT_LIVES]; /* incarnation, acked, acked_hash; in the order in which they first came */
    size_t life_count;
    struct id16 current;   /* the life that may speak; zero: none yet */
    uint64_t issued, used; /* session nonces; 0: none */
};

struct hub_log_place {
    struct id16 life;
    uint64_t first, last; /* positions that are there; last = first - 1 when there is none */
};

void hub_log_begin(struct txn *t, const struct id16 *life, uint64_t first); /* a new, empty log that starts at `first` */
/* A new life that starts at `first`, which lies above every position that is there, once the nodes' rows say what is merged (A8).
 * Operators' orders go with it, and of the pushes those that continue, by their chain, what their node's row has reached: they may be the
 * only copy of what was acknowledged. The rest can never be folded; whoever sent it keeps what lies above `safe`, and sends it again. */
void hub_log_renew(struct txn *t, const struct id16 *life, uint64_t first);
void hub_log_rename(struct txn *t, const struct id16 *life);  /* goes on under another life: what follows is not what followed before */
bool hub_log_place(struct txn *t, struct hub_log_place *out); /* false: never begun */
bool hub_log_node(struct txn *t, uint32_t node, struct hub_log_node *out); /* false: unknown, out is empty with its node set */
void hub_log_node_put(struct txn *t, const struct hub_log_node *n);
int hub_log_nodes(struct txn *t, int (*each)(void *owner, const struct hub_log_node *n), void *owner); /* stops at the first result != 0 */

/* Appends an entry, and for a push the node's new (seq, hash). The caller has checked order, chain and window (the protocol's hub side);
 * a push that would leave a hole before it fails the transaction all the same: what is acknowledged above a hole is lost for ever.
 * A life that is new here is added; when LIMIT_LIVES are there the oldest gives way. */
void hub_log_append(struct txn *t, const struct log_entry *e);

/* Would changes be missing between what a life has reached and this first one? */
bool hub_log_hole(const struct life *known /* NULL: not in the table */, uint64_t reached, size_t life_count, uint64_t first);

/* Does a push begin at or below the next seq, end above what is reached, and have the chain that was reached there? */
bool hub_log_continues(const struct log_entry *e, const struct life *known /* NULL: nothing is */);

/* Reads the entry at a position. HUB_LOG_END: beyond the last; HUB_LOG_ROTTEN: its checksum does not hold, or it was trimmed. */
enum hub_log_outcome { HUB_LOG_END = 1, HUB_LOG_ROTTEN };
int hub_log_read(struct txn *t, uint64_t position, struct log_entry *out /* slices borrowed as txn_get's */); /* + enum hub_log_outcome */
void hub_log_trim(struct txn *t, uint64_t below); /* forgets the entries below a position that every kept state copy has passed */

/* The hub's own changes (writer 0) have a log like a node's in the hub-own store, their second home (A12): written and fsynced there first,
 * then appended to the hub's log as a push of node 0. */
uint64_t hub_own_append(struct txn *own, struct change *c /* its seq is filled in */); /* gives the seq */
uint64_t hub_own_last(struct txn *own, struct id16 *incarnation);
void hub_own_begin(struct txn *own, const struct id16 *incarnation);
/* By which key of the hub a node was heard last while those change; zero: by the former one. */
void hub_own_moved(struct txn *own, uint32_t node, const uint8_t key[32]);
void hub_own_moved_to(struct txn *own, uint32_t node, uint8_t out[32]);
/* A node's last report and when it came, so that a restart does not forget what an office said that is away since. */
struct office_said {
    wall_ms at;           /* 0: nothing */
    struct report report; /* its software is … */
    char software[64 + 1];
};
void hub_own_said(struct txn *own, uint32_t node, const struct office_said *said);
void hub_own_said_last(
    struct txn *own, uint32_t node, struct office_said *out); /* nothing also when the row is damaged: it will say it again */
/* Makes the log entry of the own changes above `after` (as many as fit one push), not signed yet; false when there is none. */
bool hub_own_entry(struct txn *own, uint64_t after, const struct hash *before, wall_ms now, struct buffer *body, struct log_entry *out);
