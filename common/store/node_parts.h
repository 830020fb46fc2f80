/* What the chapters of a node's durable life share. Only node_*.c use this. */
#pragma once

#include "common/model/erasure.h"
#include "common/model/merge.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"

/* ---- the log (node_log.c, node_trim.c) */
struct logged {
    struct hash after;
    wall_ms saved;
    struct bytes packed; /* borrowed as txn_get's */
};
bool log_read(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct logged *out); /* false: not there, or rotten (told) */
void log_write(struct txn *t, const struct id16 *incarnation, uint64_t seq, const struct hash *after, wall_ms saved, struct bytes packed);
void log_drop(struct txn *t, const struct id16 *incarnation, uint64_t seq);
bool log_change(
    struct txn *t, const struct id16 *incarnation, uint64_t seq, struct arena *a, struct change *out); /* read and decoded; slices in a */
bool log_holds(
    struct txn *t, const struct id16 *incarnation, uint64_t after, const struct hash *chain,
    uint64_t last); /* is all from after + 1 to last readable, and does its chain continue `chain`? */
void log_forget(struct txn *t, const struct id16 *incarnation); /* a whole life: its changes, verdicts, tail */
struct key meta_key(const char *word, const struct id16 *incarnation, uint64_t seq, size_t len); /* word, and len bytes of the log's key */
void tail_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, const struct hash *after);
void lost_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, wall_ms at);
bool held_get(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict *out);
void held_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict reason); /* MERGED: forgets it */
uint64_t held_waiting(struct txn *t); /* how many of them a person may still decide on */

/* ---- base, views and pending changes (node_view.c) */
struct touched_list {
    struct touched_key {
        uint32_t type;
        struct id16 id;
    } * keys; /* owns */
    size_t count, room;
    uint32_t *slots; /* owns; open addressing: index + 1, 0 = empty */
    size_t slot_count;
};
size_t touched_add(struct touched_list *l, uint32_t type, const struct id16 *id); /* its index in keys */
void touched_close(struct touched_list *l);

int base_get(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out); /* + enum node_record_outcome */
uint64_t base_top(struct txn *t); /* the highest stamp in any base copy */
void digest_recompute(struct txn *t, area a);
void digest_put(struct txn *t, area a, struct digest d);
void pending_put(struct txn *t, const struct change *c, const struct id16 *incarnation);
void pending_delete(struct txn *t, const struct change *c, const struct id16 *incarnation);
bool pending_forget(
    struct txn *t, const struct id16 *incarnation, uint64_t seq, uint32_t *type,
    struct id16 *record); /* of a change that cannot be read any more; gives the record that it was of; false: was not there */
void pending_remake(struct txn *t, const struct node_progress *p); /* all of it, from the log; and every view */
void view_rebuild(struct txn *t, uint32_t type, const struct id16 *id, struct arena *scratch);

/* ---- erased for ever (node_erase.c) */
void erased_mark(struct txn *t, uint32_t type, const struct id16 *id, const struct id16 *order);
/* Keeps an order and marks what it names, which is added to `erased`; true: some of it was not marked before. */
bool erasure_take(struct txn *t, const struct erasure_order *o, struct touched_list *erased);
bool log_erased(struct txn *t, const struct id16 *incarnation, uint64_t seq);              /* only a hash stands there */
void log_erase(struct txn *t, const struct life *l, uint64_t seq, const struct change *c); /* one change, read from there */
void logs_erase(struct txn *t, const struct node_progress *p);                             /* all that is marked, in every life */
/* Says the orders again that lie above a row, as changes at the end of the present life. */
void erasures_give_back(struct txn *t, struct node_progress *p, uint64_t above, wall_ms local_now);

/* ---- base copies in work (node_bases.c): what a page changes is read once, changed in memory and written once, digests with it. Nothing
 * else writes NODE_BASE but the scrub. All zeroes with `t` set is ready. */
struct base_in_work {
    struct record record; /* type and id are always set */
    bool there, rotten, changed;
};
struct bases {
    struct txn *t; /* borrows */
    struct touched_list keys;
    struct base_in_work *each; /* owns; beside keys */
    size_t room;
    struct arena arena; /* what the records are made of, beside slices of the page */
    struct area_sum {
        area area;
        struct digest sum;
    } sums[LIMIT_AREAS];
    size_t sum_count;
};
/* Both pointers hold until the next call. */
int bases_get(struct bases *b, uint32_t type, const struct id16 *id, const struct record **out); /* 0 or + enum node_record_outcome */
struct record *bases_change(
    struct bases *b, uint32_t type, const struct id16 *id); /* an empty one when there is none; left empty: dropped */
void bases_drop(struct bases *b, uint32_t type, const struct id16 *id);
void bases_flush(struct bases *b); /* afterwards the trees are as told, and nothing is in work */
void bases_close(struct bases *b); /* after a flush */
