/* What the rooms of the hub's engine share: the engine itself, and the few functions that one room calls of another. Only the rooms use
 * this; everybody else has hub_engine.h.
 *
 *   hub_engine.c    the loop: life of the engine, the keys that it signs with, each step and its effects
 *   hub_peers.c     peers: who may come (the roster), what each may take of us, words to it
 *   hub_arrivals.c  the doors, and the check worker behind them
 *   hub_appends.c   the log worker
 *   hub_folds.c     the merge worker
 *   hub_reads.c     the read worker
 *   hub_notes.c     what is kept of peers, keys and backups beside the log, by hub_engine_own
 *   hub_stores.c    the stores: opened, settled after a restore, closed
 *
 * hub_engine.c calls every room (life, effects), and every room may call it (a step, a failure, keys) and hub_peers.c. Work for the log and
 * the read worker is given as everybody gives it: hub_engine_own, hub_engine_read. Beyond that:
 *
 *   arrivals -> notes                    it was heard
 *   reads    -> notes                    it was answered
 *   notes    -> appends                  the backups have changed: the log may be trimmed
 *   appends  -> folds, folds -> appends  there is something to fold; it is folded
 *   peers    -> appends                  the roster has it
 *
 * Threads: a job's …_works and a worker's begin, end and quiet run on that worker's thread, with what they call; all else runs on the
 * loop's, unless it says otherwise. */
#pragma once

#include "common/engine/heard.h"
#include "common/engine/hub_engine.h"
#include "common/net/hub_door.h"

#include <pthread.h>

/* A peer's pace, for hub_within: what is small, and a line in the log, one each so many ms. */
enum { SMALL_EACH_MS = 100, LINE_EACH_MS = 100 };

/* A door, and by which a peer came. */
struct hub_way {
    struct hub_engine *engine;
    struct hub_door *door;
};

struct hub_engine {
    uv_loop_t *loop;
    struct hub_stores stores;
    struct hub_side side;
    struct hub_way *way, *next_way; /* own; next: beside the other while the hub's keys change, else NULL */
    struct hub_engine_calls calls;
    struct hub_peer **peers; /* owns; by node id */
    struct hub_link **links; /* owns the table */
    size_t peer_count;
    bool roster_known, roster_wanted, roster_reading;
    bool own_known;     /* what the second home held at the start is in the log … */
    uint64_t own_until; /* … up to this position; 0: nothing was missing */
    struct worker *check, *log, *merge, *read;
    struct compactor *compactor;
    uint64_t compact_upto;
    uv_timer_t merge_again, own_again, sweep_again, hello_again, audit_again;
    unsigned handles; /* of these, not closed yet */
    bool merging, merge_wanted, closing;
    bool sweeping, sweep_wanted; /* wanted: rows may have become stale since the round began */
    struct epoch epoch;          /* of the last fold */
    struct buffer damaged;       /* owns; struct hub_damage, each found once */
    int failure;                 /* the first: what `fatal` was called with */
    struct hub_troubles troubles;
    uint64_t damage_met; /* so far: unanswered for damage, and what is in `damaged` */
    struct hub_counts counts;
    struct hub_kept_view kept;
    struct audit_kept own_told, own_broken; /* of the hub's audit log, as nodes keep it */
    bool moved_saving;
    bool own_told_dirty, signers_dirty;      /* signers: a key that heads are signed with is not kept yet */
    uint64_t generation;                     /* of appends; one more after each failed commit */
    struct hub_write *writes, **writes_last; /* waiting for the one before */
    struct hub_write *writing;
    struct hub_write *unseen, **unseen_last; /* changes of offices that are folded, and that no roster has yet */
    /* Of the log thread. */
    struct txn *log_txn;
    uint64_t failed_generation; /* appends of this generation or before were taken back */
    int log_broken;             /* negative: a commit failed; nothing is appended any more, or it would follow a hole */
    uint64_t hlc;
    struct append *last_append;
    /* Of the merge thread: the pass that takes out what orders to erase leave in the log and the second home. */
    uint64_t erase_seq, erase_log, erase_own; /* as of which place of the feed (0: none under way), where it goes on */
    /* Of the read thread. */
    struct txn *read_state, *read_log;
    /* Shared: what is signed with, of the door and of the next one. Workers take a copy for as long as they sign. */
    pthread_mutex_t keys_lock;
    struct keys keys[2];
    bool next_keys;
};

/* ---- the loop (hub_engine.c) */

/* One event into the protocol's machine; the time is set here. Its effects are carried out, or with the workers, when it returns. */
void hub_step(struct hub_engine *e, struct hub_event *in, struct heard *h /* borrows; what `in` was heard from, may be NULL */);
void hub_fatal(struct hub_engine *e, int result /* negative */); /* a store failed: the first time the owner is told to stop, once */

/* What the hub signs with. Taken on any thread; who takes a copy wipes it (keys_forget). */
void hub_keys_take(struct hub_engine *e, bool next /* for who came by the next door */, struct keys *out);
void hub_keys_hold(struct hub_engine *e, const struct keys *next /* copies */); /* beside the former, for the next door */
void hub_keys_drop(struct hub_engine *e, bool next); /* wipes those, or the former; the others are the only ones then */

/* ---- peers (hub_peers.c) */

/* Borrowed until the engine closes; NULL: there is none. A key: its own, or the one before as long as that is taken. */
struct hub_peer *hub_peer_by_key(const struct hub_engine *e, const uint8_t key[KEY_BYTES]);
struct hub_peer *hub_peer_by_node(const struct hub_engine *e, uint32_t node);
const struct public_keys *hub_peer_keys_in_use(const struct hub_peer *p); /* borrows */

/* Is it its turn, at a pace of one each so many ms, with a burst? Then `due`, of this peer and kind, moves on. */
bool hub_within(instant *due, instant now, uint64_t each_ms);
/* It did what no node of ours does: `count`, one of p->wrongs, goes up, and the log tells it, at most once in a while. */
void hub_peer_wrong(struct hub_peer *p, uint64_t *count, uint64_t more, const char *what);
void hub_peer_flooded(struct hub_peer *p);

/* By the door where it was heard last; nowhere, if it was not or that door is closed. Whatever is sent may be lost. When the door finds
 * that it has left, HUB_GONE is stepped before these return. */
void hub_peer_send(struct hub_peer *p, struct bytes frame /* copies */);
void hub_peer_say(struct hub_peer *p, const struct message *m /* borrows */);
void hub_peer_tell_key(struct hub_peer *p); /* KEY_TAKEN: the keys that its record has */

/* The office records may say something new: they are read, by the read worker and once more if that is under way, and peers follow. */
void hub_roster_soon(struct hub_engine *e);

/* ---- the doors and the check worker (hub_arrivals.c) */

int hub_way_open(struct hub_engine *e, const char *endpoint, const struct keys *keys /* copies */, struct hub_way **out /* gives when 0 */);
struct hub_way *hub_way_close(struct hub_way *way /* takes, may be NULL */); /* returns NULL */
void hub_arrivals_drop(struct hub_peer *p); /* when the check worker has ended: what it did not get, and a greeting that waits */

/* ---- the log worker (hub_appends.c) */

int hub_appends_begin(void *owner); /* of a batch: one transaction on the log; none any more after a commit that failed */
int hub_appends_end(void *owner);
/* Carries out HUB_FX_APPEND and HUB_FX_NONCE; HUB_APPENDED follows when it is durable, or HUB_FAILED when the disk is full. */
void hub_appends_add(struct hub_engine *e, const struct hub_effect *x, struct heard *h /* holds it until then; of a nonce NULL */);
void hub_appends_reached(struct hub_engine *e, uint64_t position); /* the log goes up to there: counted */
/* What the second home holds and the log does not goes there; after the first time own_known and own_until say so. */
void hub_appends_replay(struct hub_engine *e);
void hub_appends_trim(struct hub_engine *e); /* what no backup of e->kept needs leaves the log, a stretch at a time */
/* The fold has passed e->writing: it ends, and the next write begins. One that changes an office ends when the roster has it, since who
 * hears of it may come at once, and is refused for seconds when the hub does not know him yet. */
void hub_write_folded(struct hub_engine *e);
void hub_writes_seen(struct hub_engine *e, uint64_t position); /* the roster is as of this position of the log */
/* e->writing ends with this result, and the next write begins. */
void hub_write_finish(struct hub_engine *e, struct hub_write *w /* gives it back by `done` */, int result);

/* ---- the merge worker (hub_folds.c) */

void hub_folds_quiet(void *owner);                 /* the state may rest (store_rest) */
void hub_folds_soon(struct hub_engine *e);         /* there may be something to fold; if a fold is under way, another one after it */
void hub_folds_sweep(struct hub_engine *e);        /* a turn of the sweep in a while, unless one waits or is under way */
void hub_folds_compacted(void *owner, int result); /* for compactor_calls */

/* ---- the read worker (hub_reads.c) */

int hub_reads_begin(void *owner); /* of a batch: one snapshot of the state, one of the log */
int hub_reads_end(void *owner);
/* Carries out HUB_FX_WELCOME, HUB_FX_PAGE and HUB_FX_REPAIR; the answer is sent if the session is the same then. */
void hub_reads_answer(struct hub_engine *e, const struct hub_effect *x, struct heard *h /* holds the question; of a Welcome NULL */);

/* ---- what is kept beside the log (hub_notes.c) */

int hub_notes_read(struct hub_engine *e);     /* at the start, from hub-own: e->kept, own_told, own_broken */
void hub_notes_prove(struct hub_engine *e);   /* at the start: is the hub's own audit log whole? The read worker looks */
void hub_notes_again(uv_timer_t *t);          /* each minute: what has changed is saved */
void hub_notes_save(struct hub_engine *e);    /* now: what offices said last, heads, signers; what could not be goes with the next */
void hub_notes_signers(struct hub_engine *e); /* heads are signed with other keys from now on: those are kept, to be known again */
void hub_notes_moved(struct hub_peer *p);     /* heard by p->way: it has moved to the next keys, or has not; kept if that is new */
void hub_notes_hear(struct hub_engine *e, struct hub_peer *p, const struct report *m /* borrows */); /* the head of its audit log */
/* It keeps `told` of the hub's audit log and was answered with `say`, which means this verdict. */
void hub_notes_judged(
    struct hub_engine *e, struct hub_peer *p, const struct audit_told *told, const struct audit_say *say, enum audit_verdict v);
