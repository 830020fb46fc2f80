/* The node's engine: one loop, one store thread, one that reads batches for sending, one door.
 *
 * All work on the store goes through one queue and shares its transactions: edits of clerks, reads, the protocol's verbs. An answer leaves
 * only when its batch is durable. A full disk fails edits (the clerk is told) and makes verbs wait; any other failure of a commit stops the
 * daemon, since the device cannot be trusted. */
#pragma once

#include "common/engine/compactor.h"
#include "common/engine/node_audit.h"
#include "common/engine/worker.h"
#include "common/net/keys.h"
#include "common/store/node_apply.h"
#include "common/sync/node_side.h"

struct node_engine;

struct node_engine_calls {
    void (*fatal)(void *owner, int result); /* the store failed: stop, restart, verify */
    void (*note)(void *owner);              /* may be NULL: something that status shows has changed */
    void (*rekeyed)(void *owner);           /* the hub let us in with the next keys: the old ones are no longer needed */
    void *owner;                            /* borrows */
    struct compaction_watch compaction;
};

enum node_enrolled { NODE_NOT_ENROLLED = 1, NODE_ENROLMENT_BROKEN };
/* The store is opened and enrolled already (node_engine_enrol); on 0 the engine takes it, else nothing was begun. */
int node_engine_open(
    uv_loop_t *loop, struct store *store /* takes */, const char *folder /* of the store */, const struct keys *keys /* borrows */,
    const struct node_engine_calls *calls, struct node_engine **out /* gives */); /* + enum node_enrolled */
/* The hub's next keys and where they answer: durable before they are tried; both are, until it has let us in there. */
void node_engine_hub_moves(struct node_engine *e, const struct public_keys *next, struct bytes endpoint);

/* Keys that take the place of those we have, once the hub has them: offered in every session until it says so, then used. Until the hub
 * has let us in with them (`rekeyed`) both are kept, and whichever it takes is used. */
void node_engine_rekey(
    struct node_engine *e, const struct keys *next /* borrows, until `rekeyed`: there its owner moves them into `keys` */);
enum node_rekeying { NODE_KEYS_SETTLED, NODE_KEYS_OFFERED /* the hub has not said that it has them */, NODE_KEYS_TAKEN };
enum node_rekeying node_engine_rekeying(const struct node_engine *e);
struct node_engine *node_engine_close(struct node_engine *e /* takes, may be NULL */); /* returns NULL; finishes all work */
void node_engine_resume(struct node_engine *e);                                        /* the link opens: at the start, and after a pause */
void node_engine_sound(struct node_engine *e, uint64_t alarms); /* a whole check found the store sound; so many alarms when it began */
void node_engine_pause(struct node_engine *e);                  /* an operator's: the link closes and stays closed */

/* Enrolment in the store: who we are, and the first progress. 0, or a store outcome. */
int node_engine_enrol(struct store *s, struct bytes enrolment_file);
int node_engine_enrol_anew(struct store *s, struct bytes enrolment_file);           /* of a cloned disk: it becomes the node of the file */
int node_engine_enrolment(struct store *s, struct arena *a, struct enrolment *out); /* + enum node_enrolled */

/* One's own work: `work` runs on the store thread inside a write transaction that it shares with others. It must not fail the
 * transaction for reasons of its own: what is wrong with the request is found before anything is written. */
struct node_work {
    struct job job;
    void (*work)(struct node_work *w, struct txn *t);
    void (*done)(struct node_work *w, int result); /* on the loop; 0 durable, STORE_DISK_FULL: nothing of it was written */
    bool edits;                                    /* the change log may have grown */
    struct node_engine *engine;                    /* filled in */
};
void node_engine_submit(struct node_engine *e, struct node_work *w /* takes; `done` gives it back */);

/* Policies (engine/policy_book.h): how often the book changed since the start; the community for which they are resolved. */
uint64_t node_engine_book_changes(struct node_engine *e);
area node_engine_place(struct node_engine *e);

/* What this node and the hub keep of each other's audit logs. */
const struct node_audit *node_engine_audit(const struct node_engine *e);
uint64_t node_engine_audit_entries(struct node_engine *e); /* durable, in this node's log */
void node_engine_audit_settled(struct node_engine *e);     /* the store has no note of a break any more */

/* For status. */
const struct node_side *node_engine_side(const struct node_engine *e);
const struct enrolment *node_engine_who(const struct node_engine *e);
const char *node_engine_link_reason(const struct node_engine *e); /* why the last attempt ended; "" = none did */
bool node_engine_disk_full(const struct node_engine *e);
bool node_engine_compact_full(const struct node_engine *e);   /* what was erased is still in the file: no room to write it anew */
uint64_t node_engine_oldest_ms(const struct node_engine *e);  /* how long the oldest work on any thread has waited; 0: none */
struct store *node_engine_store(const struct node_engine *e); /* borrows */
