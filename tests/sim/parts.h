/* What the chapters of the simulator share among themselves. */
#pragma once

#include "tests/sim/world.h"

#define WORLD_WALL ((wall_ms)1750000000000) /* the wall clock at virtual time 0 */

enum world_event_kind {
    WORLD_NOTHING,
    WORLD_TO_HUB,
    WORLD_TO_NODE,
    WORLD_LINK, /* a = 1: an attempt to connect ends; a = 0: the link is lost */
    WORLD_READ,
    WORLD_VERB,
    WORLD_ACK,
    WORLD_HUB_GONE,
    WORLD_COMMIT,
    WORLD_MERGE,
    WORLD_PAGE,
    WORLD_REPAIR,
    WORLD_WELCOME,
    WORLD_OWN,
    WORLD_NODE_UP,
    WORLD_HUB_UP,
    WORLD_FULL_ENDS,
};

void world_later(struct world *w, uint64_t ms, struct world_event e);
struct bytes world_keep(struct bytes b); /* gives a copy */
wall_ms world_clock(const struct world *w, uint32_t node);
uint64_t world_disk_ms(struct world *w);
void world_send(struct world *w, uint32_t node, bool up, const struct message *m);
void world_disconnect(struct world *w, uint32_t node, bool tell_node);
void world_node_step(struct world *w, struct world_node *n, struct node_event *in, struct bytes frame);
void world_node_saved(struct world *w, struct world_node *n);
void world_node_start(struct world *w, struct world_node *n);
void world_hub_step(struct world *w, struct hub_event *in, struct bytes frame);
void world_hub_start(struct world *w);
void world_disk_failed(struct world *w, uint32_t node, int result); /* of a commit, negative: what the process does about it */
void world_hub_queue(struct world *w, uint64_t ticket, uint32_t node, const struct log_entry *entry, const struct hub_link *nonce);
uint64_t world_safe(struct world *w, uint32_t node, const struct id16 *incarnation); /* what every kept backup holds */
void world_hub_safe(struct world *w);                                                /* that is safe, and the hub may say so */
void world_begin(struct world *w);                                                   /* stores, office records, first start */
/* A change of the hub itself, in its second home and on its way; false: it could not be saved. */
bool world_own_change(struct world *w, uint32_t type, struct id16 record, const struct op *ops, size_t count, uint64_t tag);
void world_lay_policies(struct world *w, struct world_node *n, struct txn *t, const struct entry *entries, size_t count);
void world_check_policies(struct world *w); /* at rest: what is in force at each office */
void world_hub_erases(struct world *w);     /* goes on with orders to erase: the search, and the bytes in log and second home */
void world_clock_read(
    struct world *w); /* the highest that the hub's clock has shown, right or wrong: also for a moment between two steps */
void world_check_cheap(struct world *w);
void world_check_stores(struct world *w);
uint64_t world_number(struct bytes value); /* of a value that a doing made */
bool world_hub_merged(struct world *w, struct txn *state, const struct oracle_edit *e);
