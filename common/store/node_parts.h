/* What the chapters of a node's durable life share. Only node_*.c use this. */
#pragma once

#include "common/model/merge.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"

/* ---- the log (node_log.c) */
struct logged {
    struct hash after;
    wall_ms saved;
    struct bytes packed; /* borrowed as txn_get's */
};
bool log_read(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct logged *out); /* false: not there, or rotten (told) */
void log_write(struct txn *t, const struct id16 *incarnation, uint64_t seq, const struct hash *after, wall_ms saved, struct bytes packed);
bool log_change(
    struct txn *t, const struct id16 *incarnation, uint64_t seq, struct arena *a, struct change *out); /* read and decoded; slices in a */
bool held_get(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict *out);
void held_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict reason); /* MERGED: forgets it */

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
void touched_add(struct touched_list *l, uint32_t type, const struct id16 *id);
void touched_close(struct touched_list *l);

int base_get(struct txn *t, uint32_t type, const struct id16 *id, struct arena *a, struct record *out); /* + enum node_record_outcome */
void base_put(struct txn *t, const struct record *r); /* digests follow; an empty record is dropped */
void base_drop(struct txn *t, uint32_t type, const struct id16 *id);
void digest_recompute(struct txn *t, area a);
void pending_put(struct txn *t, const struct change *c, const struct id16 *incarnation);
void pending_delete(struct txn *t, const struct change *c, const struct id16 *incarnation);
void pending_remake(struct txn *t, const struct node_progress *p); /* all of it, from the log; and every view */
void view_rebuild(struct txn *t, uint32_t type, const struct id16 *id);
