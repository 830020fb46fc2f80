/* The hub's engine: the loop's thread with the protocol's machines, and four workers.
 *
 *   check   decodes what came, verifies the signature of pushes, decompresses them under the cap, verifies their chain
 *   log     appends to the hub-log, one transaction and one fsync for all that waits; only then is anything acknowledged
 *   merge   folds the log into the hub-state, stretch by stretch; between them it sweeps rows that no page delivers any more
 *   read    answers from snapshots of the state: pages, repairs, Welcomes, the roster, questions of operators
 */
#pragma once

#include "common/engine/compactor.h"
#include "common/engine/hub_audit.h"
#include "common/engine/worker.h"
#include "common/net/keys.h"
#include "common/net/router.h"
#include "common/store/hub_feed.h"
#include "common/store/hub_kept.h"
#include "common/sync/hub_side.h"

struct hub_engine;

/* What a key did that no node of ours does; each is told in the log with the key, at most once in a while. */
struct hub_wrongs {
    uint64_t garbage; /* unreadable messages, chains that do not hold, messages that only a hub says */
    uint64_t forged;  /* changes in another's name, pushes without this key's signature */
    uint64_t flood;   /* beyond its credit, or more messages at once than are kept for one peer */
};

struct hub_peer {
    struct hub_link link;    /* first: effects give it back */
    struct public_keys keys; /* the link's, its signatures' */
    bool keyed;
    struct public_keys before; /* those that it had before, taken too until then, by the hub's clock */
    wall_ms before_until;
    struct hub_way *way;         /* by which door it was heard last; NULL: not since the start, or that door is closed */
    bool by_before;              /* it was heard last with those */
    uint8_t moved_to[KEY_BYTES]; /* the hub's next key, by whose door it was heard last; zero: by the former's. Durable, but for … */
    bool moved_dirty;            /* … what is not saved yet */
    bool said_dirty;             /* its last report is newer than the store */
    bool retiring, closing;      /* it is to be closed; it is being closed */
    uint64_t retire_at;          /* hub_seq at which it knows that */
    bool changing;               /* its new keys are on their way into its record */
    struct hub_engine *engine;
    struct cursor pulled;   /* of its last Pull since it was welcomed */
    uint64_t full_at;       /* the log position to which link.full is known */
    uint64_t erasures_told; /* of its last Report: `holder` was called for it */
    bool destroyed_told;
    struct hub_wrongs wrongs; /* since the hub started */
    struct hub_audit audit;   /* the heads of audit logs that it and the hub keep of each other */
    /* The rest is the engine's: no peer has more at work than its share, so that the others' turn comes. */
    struct arrival *arrivals, *arrivals_last; /* owns; heard and not given to the check worker yet */
    size_t waiting, waiting_bytes;            /* arrivals, also those at the worker */
    unsigned checking;
    bool answering[2]; /* a page, a repair: one at a time, and the last question waits */
    struct answer *asked[2];
    struct heard *hello; /* owns; came too soon and waits for its turn */
    instant told, hello_due, small_due, line_due;
};

struct hub_stores {
    struct store *log, *state, *own;
};

/* Rounds of the fold that brought something, by how long they took: up to these seconds each, the last one above all. */
#define HUB_ROUND_SECONDS                                                                                                                  \
    { 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10 }
enum { HUB_ROUNDS = 8 };

struct hub_counts {
    uint64_t rounds[HUB_ROUNDS], rounds_us;
    uint64_t position, log_last, hub_seq, records, conflicts, held, merged_changes, received_bytes;
    wall_ms merged_at;
    instant moved_at; /* when the fold came further last, or began to have something to do */
};

/* What is not as it should be and does not stop the hub; for status. */
struct hub_troubles {
    bool log_full, state_full, own_full; /* no room: nothing is accepted, nothing is merged, no order is taken */
    bool merge_paused;                   /* what the fold needs next is damaged; all the rest goes on */
    bool roster_damaged;                 /* an office record, or what belongs to it: whom it names cannot come, or stays as he was */
    bool unreadable;                     /* a question or an office found damage that is not a record's and got no answer */
    uint64_t audit_bad;                  /* the first entry of the hub's audit log that did not hold when it started; 0: all did */
    size_t damaged;                      /* records and feed rows that were found so; they are left out everywhere */
};

struct hub_engine_calls {
    void (*fatal)(void *owner, int result); /* once, negative: a store failed, or the log is damaged: stop, verify */
    /* A node proved that it has new keys: they belong into its office's record, and then hub_engine_key_changed is called. */
    void (*key)(void *owner, const struct hub_peer *p, const struct public_keys *offered, wall_ms old_until);
    /* A node that is to be closed has nothing left that is not accepted: its record says so from now on. */
    void (*emptied)(void *owner, const struct hub_peer *p);
    bool (*signed_order)(void *owner, const struct change *c); /* of an order to erase that an office brings back; on the merge worker */
    void (*merged)(void *owner, const struct merged *m);       /* the fold went on; before what waited for it is told */
    void (*ordered)(void *owner);                              /* orders to erase were carried out: there is something to search for */
    void (*compacted)(void *owner, uint64_t hub_seq);          /* of hub_engine_compact: done */
    void (*holder)(void *owner, const struct hub_peer *p);     /* its report says something new of the orders that it carried out */
    void *owner;                                               /* borrows */
    struct compaction_watch compaction;
};

/* Makes a new city's stores under the folder, or opens them and settles what a restore left (hub_join_log). + enum store_outcome, and
 * HUB_STORES_JOIN + enum hub_join_outcome */
enum { HUB_STORES_JOIN = 100 };
int hub_stores_open(const char *folder, const struct seal *seal /* borrows, until hub_stores_close */, struct hub_stores *out /* gives */);
void hub_stores_close(struct hub_stores *s);

int hub_engine_open(
    uv_loop_t *loop, struct hub_stores *stores /* takes */, const char *endpoint, const struct keys *keys /* copies */,
    const struct hub_engine_calls *calls, struct hub_engine **out /* gives */);
struct hub_engine *hub_engine_close(struct hub_engine *e /* takes, may be NULL */); /* returns NULL; finishes all work */

/* A question: `work` runs on the read worker on a snapshot of the state. What it finds damaged it adds to `damaged`, for status. */
struct hub_read {
    struct job job;
    void (*work)(struct hub_read *q, struct txn *state, struct txn *log);
    void (*done)(struct hub_read *q, int result); /* -EBADMSG: it met damage that cannot be left out; -ECANCELED: the engine closes */
    struct buffer damaged;                        /* struct hub_damage; closed by the engine before `done` */
    bool whole;                                   /* for `done`: nothing was damaged */
    struct hub_engine *engine;                    /* the rest is the engine's */
    int result;
};
void hub_engine_read(struct hub_engine *e, struct hub_read *q /* takes; `done` gives it back */);

/* One's own work on the hub-own store, on the log worker; durable when `done` is called with 0. */
struct hub_own_work {
    struct job job;
    void (*work)(struct hub_own_work *w, struct txn *own);
    void (*done)(struct hub_own_work *w, int result); /* STORE_DISK_FULL: nothing of it was written */
    int result;                                       /* the rest is the engine's */
    struct hub_engine *engine;
};
void hub_engine_own(struct hub_engine *e, struct hub_own_work *w /* takes; `done` gives it back */);

/* A change of the hub itself (writer 0): stamped, named, written to its second home, appended, merged. A SET without names replaces all
 * heads of its field. Such changes go one after the other, each on the base of the one before. One of an office record (TYPE_OFFICE) is
 * told when the peers are as it says: who may come, what he may do. */
struct hub_write {
    struct job job;
    uint32_t type;
    struct id16 record, actor;
    uint32_t purpose, uid;
    bool has_uid; /* of the process that ordered it, for the audit log, where the change is noted with it */
    struct op ops[16];
    size_t op_count;
    struct arena arena;                            /* owns what the ops point to; closed by the engine before `done` */
    void (*done)(struct hub_write *w, int result); /* on the loop: 0 = merged; negative; + the outcomes below */
    struct hub_engine *engine;                     /* the rest is the engine's */
    bool noted;
    int result;
    uint64_t position;
};
enum hub_write_outcome {
    /* STORE_DISK_FULL: the second home has no room; nothing was changed */
    HUB_WRITE_DAMAGED = 99, /* the record that it changes cannot be read; nothing was changed */
    HUB_WRITE_NOTED,        /* it lies in its second home, but could not be merged now: it is carried out when that is possible again */
};
void hub_engine_write(struct hub_engine *e, struct hub_write *w /* takes; `done` gives it back */);

/* Entries that a person orders: what a node has not sent (TRIAGE), or what becomes of a held change (RETRY, DISCARD). Durable when `done`
 * is called with 0; the fold follows. Of TRIAGE only what continues a life of the log is taken. */
struct hub_entries {
    struct job job;
    struct arena arena;     /* owns what the entries point to; closed by the engine after `done` */
    struct log_entry *list; /* count 0 afterwards: it was not taken */
    size_t count;
    uint64_t taken, known, other;                    /* changes of TRIAGE: taken, in the log already, of another history */
    void (*done)(struct hub_entries *w, int result); /* STORE_DISK_FULL: nothing of it was written */
    struct hub_engine *engine;                       /* the rest is the engine's */
    uint64_t position;
};
void hub_engine_entries(struct hub_engine *e, struct hub_entries *w /* takes; `done` gives it back */);

/* The state was looked through as of this place of the feed, and nothing was found that is about what orders to erase named. */
void hub_engine_searched(struct hub_engine *e, uint64_t hub_seq);
/* All that orders to erase up to this place of the feed took out is out of log, second home and state: when they are next written anew, no
 * file holds it. Some quiet while later that is done, while everything waits; `compacted` says so. */
void hub_engine_compact(struct hub_engine *e, uint64_t hub_seq);
bool hub_engine_compact_full(const struct hub_engine *e); /* there was no room for it */
struct epoch hub_engine_epoch(const struct hub_engine *e);

/* The backups that a restore may use (hub_kept.h): what is in all of them is safe and told to the nodes; the log is trimmed below what
 * they need. The engine reads the list when it opens; who changes it hands over the new one. */
void hub_engine_kept(struct hub_engine *e, struct hub_kept_view *v /* takes its content */);
const struct hub_kept_view *hub_engine_backups(const struct hub_engine *e); /* borrows; until the next hub_engine_kept */
const struct hub_stores *hub_engine_stores(const struct hub_engine *e);     /* borrows; for store_copy, on any thread of one's own */

/* While the hub's keys change: a further door with the next ones, and the end of one of the two. Opened outside of callbacks of the loop.
 */
int hub_engine_next_door(struct hub_engine *e, const char *endpoint, const struct keys *keys /* copies */); /* as hub_engine_open */
void hub_engine_drop_door(struct hub_engine *e, bool next); /* who was heard there last is gone; the other one is the door from now on,
                                                               and its keys sign; those of the one that goes are wiped */
bool hub_engine_moved(const struct hub_engine *e, const struct hub_peer *p); /* it was heard last at the next one, before a restart too */

enum { HUB_KEY_BOTH_DAYS = 7 }; /* so long a node's key before is taken beside its new one */
/* A key of the node that is taken now: its own, or the one before. */
const struct public_keys *hub_peer_keys(const struct hub_peer *p, const uint8_t key[KEY_BYTES]); /* NULL: neither */
/* What the record has now is told to the node; result: of the order. */
void hub_engine_key_changed(struct hub_engine *e, uint32_t node, const struct public_keys *offered, int result);

/* An operator's word on two disks that speak with one key: the one that is connected now goes on (2-PROTOCOL, FORKED). False: no such node.
 */
bool hub_engine_settle_fork(struct hub_engine *e, uint32_t node);

/* The hub's audit log does not hold what a node keeps of it; no life: it does. */
const struct audit_kept *hub_engine_audit_broken(const struct hub_engine *e);
/* A person has looked: the break of this node's log (HEADS_OWN: of the hub's) is told no more. Durable by the caller's own work. */
void hub_engine_audit_settled(struct hub_engine *e, uint32_t node);

/* For status; on the loop. */
size_t hub_engine_peers(const struct hub_engine *e);
const struct hub_peer *hub_engine_peer(const struct hub_engine *e, size_t i);         /* in order of node id */
const struct hub_peer *hub_engine_peer_of(const struct hub_engine *e, uint32_t node); /* NULL: there is none */
uint32_t hub_engine_free_node(const struct hub_engine *e);                            /* an id never used before */
uint64_t hub_engine_oldest_ms(const struct hub_engine *e); /* how long the oldest work on any thread has waited; 0: none */
struct hub_counts hub_engine_counts(const struct hub_engine *e);
const struct router_failures *hub_engine_failures(const struct hub_engine *e); /* borrows: who did not come in at the door */
struct hub_troubles hub_engine_troubles(const struct hub_engine *e);
/* How often damage was met so far; and: a whole check that began then found everything sound. Unless damage was met meanwhile, what was met
 * before it is no trouble any more. */
uint64_t hub_engine_damage_met(const struct hub_engine *e);
void hub_engine_sound(struct hub_engine *e, uint64_t met);
