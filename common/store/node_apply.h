/* A node's durable life: edits, its change log, the base and the views, laying feed pages, and what a Welcome asks for. Everything works on
 * the node store (layout.h) inside one write transaction of the caller; progress is read and written with it.
 *
 * view = base + the node's own changes above `includes` that are not held; one copy while nothing of the record is pending. */
#pragma once

#include "common/base/progress.h"
#include "common/model/message.h"
#include "common/model/office.h"
#include "common/model/progress.h"
#include "common/store/store.h"
#include "common/wire/wire.h"

/* False: this store was never begun; or what lies there is damaged, or speaks of more changes than the log can hold, and the transaction
 * fails. */
bool node_progress_get(struct txn *t, struct node_progress *out);
void node_progress_put(struct txn *t, const struct node_progress *p);

/* A new node: one incarnation, everything it serves in `loading`. */
void node_begin(struct txn *t, uint32_t node, const area *served, size_t count, const struct id16 *incarnation);

/* A cloned disk becomes another node (2-PROTOCOL, "Lives and timelines"): every change that some copy of the hub may lack is labelled again
 * in one new incarnation of the new node, in order, names kept, `again`; what the city holds back stays where it is. Base copies go, and
 * everything loads. A store that was never begun is begun. */
void node_enrol_anew(struct txn *t, uint32_t node, const area *served, size_t count, const struct id16 *incarnation);

/* ---- a clerk's edit: stamped, merged into the view, appended to the log */
struct edit {
    uint32_t type;
    struct id16 record;
    struct id16 actor, case_id;
    uint32_t purpose;
    const struct op *ops; /* names of SETs may be left to us: see `replace_all` */
    size_t op_count;
    bool replace_all;    /* every SET without names replaces all heads that the view has of its field */
    const uint32_t *own; /* … but of these fields only those that this node wrote; borrows */
    size_t own_count;
    uint64_t tag, salt; /* 128 random bits */
};
enum node_edit_outcome {
    NODE_EDIT_NOT_ENROLLED = 1,
    NODE_EDIT_BAD,       /* change_check: *why says it */
    NODE_EDIT_REQUESTED, /* the record is adopted but has not come yet: only adopting it is possible until the feed brings it */
    NODE_EDIT_FULL,      /* the record would pass LIMIT_RECORD_BYTES */
    NODE_EDIT_ERASED,    /* it is, or is about, what is erased for ever */
};
int node_edit(
    struct txn *t, const struct edit *e, wall_ms local_now, struct change *out /* seq, version, name */,
    const char **why /* static */); /* + enum node_edit_outcome */
/* Several, all or none: nothing is written before every one of them is ready, each seeing those before it. On an outcome nothing was
 * changed, and `which` is the one that it is about. */
int node_edits(
    struct txn *t, const struct edit *edits, size_t count, wall_ms local_now, struct change *out /* count of them */, size_t *which,
    const char **why /* static */); /* + enum node_edit_outcome */

/* ---- the log upwards */
/* Reads changes after `after` of a life, up to max_bytes packed (at least one), LIMIT_PUSH_CHANGES: fills first, count, before, after and
 * the raw batch. Nothing leaves whose chain does not hold. */
enum node_batch_outcome {
    NODE_BATCH_EMPTY = 1,
    NODE_BATCH_BROKEN, /* what follows `after` is damaged, or not in the log any more: the next Welcome settles it */
};
int node_batch(
    struct txn *t, const struct id16 *incarnation, uint64_t after, size_t max_bytes, struct push *out,
    struct buffer *raw); /* + enum node_batch_outcome */
bool node_chain(
    struct txn *t, const struct id16 *incarnation, uint64_t seq,
    struct hash *out);                                             /* seq 0 gives zeroes; false: not in the log any more, or damaged */
wall_ms node_oldest(struct txn *t, const struct node_progress *p); /* when the oldest change not accepted was saved; 0: there is none */
void node_acked(struct txn *t, const struct ack *m);               /* durable watermarks: acked + hash, safe */
/* Forgets what is safe, included, and older or more than LIMIT_LOG_KEEP_* allow; what is held stays readable, but is not in the way. Gives
 * the count. */
uint32_t node_trim(struct txn *t, wall_ms local_now, uint32_t limit);

/* ---- a Welcome, in one transaction: chain check, nonce, offset, epoch, cursor, watermarks, re-stamping (A10) */
enum node_welcome_outcome {
    NODE_WELCOME_RESTORED = 1, /* node_new_life is next. The hub accepted what we do not have, or other bytes: nothing was changed; or what
                                  it lacks is damaged here: only what it accepted was noted */
    NODE_WELCOME_STALE,        /* an epoch below the highest seen (I5): nothing was changed; not our hub's present */
    NODE_WELCOME_GAP,          /* the hub lacks what we have trimmed (A9): nothing was changed; an operator decides */
};
/* `asked`: the local clock when the Hello went out. Somewhere between then and now the hub read its clock: the offset is corrected to what
 * that leaves open and no further (Cristian 1989), so that a Welcome that was long on its way moves no clock that is right. */
int node_welcome(struct txn *t, const struct welcome *m, wall_ms asked, wall_ms local_now); /* + enum node_welcome_outcome */
/* RESTORED: a new incarnation; what lies above the branch points (durable acked of each life) is labelled again (names kept, `again`),
 * chain made anew; every area loads; unproven. What is damaged there is lost, told and kept by name (node_lost_each). When there are
 * LIMIT_LIVES, the oldest gives way, and all of it that is not safe is labelled again. */
void node_new_life(struct txn *t, const struct id16 *incarnation);

/* ---- the feed downwards, each in one transaction (A4) */
struct node_laid {
    bool dropped; /* not from where we stand (cursor, epoch, what is being loaded): nothing was changed */
    bool caught_up;
    bool digests_equal; /* meaningful when caught_up and compared */
    bool compared;
    area differs; /* the first area whose digest differs */
    bool alarm;   /* it differs although it was proven: a bug or bit rot */
    uint32_t entries;
    bool scope_changed;
    uint32_t erased; /* records that orders named for the first time, changes that the hub refused because of one */
};
int node_lay_feed(struct txn *t, const struct feed *m, struct node_laid *out);
int node_lay_repair(struct txn *t, const struct repair_fill *m, struct node_laid *out);
void node_buckets(struct txn *t, area a, struct digest out[DIGEST_BUCKETS]);

/* ---- the end: the city closes this office's node. From then on no edit is taken, for good */
void node_close(struct txn *t, uint32_t node);
bool node_closed(struct txn *t, uint32_t node); /* it said so, or our office's record says that it will be */

/* ---- reads */
enum node_record_outcome { NODE_RECORD_NONE = 1, NODE_RECORD_ROTTEN };
int node_record(
    struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out,
    bool *pending); /* the view; + enum node_record_outcome */
int node_base(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out); /* + enum node_record_outcome */
int node_records(
    struct txn *t, uint32_t type /* 0 = all */, bool base_only, int (*each)(void *owner, const struct record *r, bool pending),
    void *owner);
/* The own changes still in the log, newest life last, above `after` of each life's includes when pending_only. */
int node_log_each(
    struct txn *t, bool pending_only,
    int (*each)(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held), void *owner);
int node_held_each(struct txn *t, int (*each)(void *owner, const struct held *h, const struct change *c /* NULL: trimmed */), void *owner);
/* Unsent changes that were damaged on this disk and are in no log any more; forgotten after LIMIT_LOG_KEEP_DAYS. */
int node_lost_each(struct txn *t, int (*each)(void *owner, const struct id16 *incarnation, uint64_t seq, wall_ms noticed), void *owner);
struct digest node_digest(struct txn *t, area a);
void node_compacted(struct txn *t); /* the store's file was made anew since the last order was carried out */
bool node_erased(struct txn *t, uint32_t type, const struct id16 *id); /* for ever: no copy is kept, no change is taken */
bool node_erased_change(
    struct txn *t, uint32_t type, const struct id16 *record, const struct op *ops, size_t count); /* of such a one, or about one */
/* The orders to erase that are known here, as the hub made them. */
int node_erasures(struct txn *t, int (*each)(void *owner, uint64_t row, const struct change *c, struct bytes packed), void *owner);
int node_verify(struct txn *t, void (*complain)(void *owner, const char *what), void *owner, struct progress *p /* values */);
