/* The merge worker: it folds the log into the state, stretch by stretch, and sweeps, and erases what was ordered to be, when there is
 * nothing to fold. What follows from a fold is told on the loop (merge_done). */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/engine/hub_parts.h"
#include "common/engine/write_rules.h"
#include "common/store/hub_erase.h"

#include <errno.h>
#include <stdlib.h>

enum {
    RETRY_MS = 500,
    SWEEP_MS = 1000,
    SWEEP_ROWS = 64,
    /* A fold in random order rewrites nearly every page, however much it brings. So many are about a second; its memory is capped. */
    MERGE_CHANGES = 50000
};

/* ---- folding */

struct folding {
    struct job job;
    struct hub_engine *engine;
    struct merged done;
    uint64_t log_last;
    struct hub_place place;
    uint64_t took_us;
    int result;
};

static void count_round(struct hub_counts *n, uint64_t took_us) {
    static const double bounds[] = HUB_ROUND_SECONDS;
    size_t i = 0;
    while (i + 1 < HUB_ROUNDS && (double)took_us > bounds[i] * 1e6)
        i++;
    n->rounds[i]++;
    n->rounds_us += took_us;
}

static void merge_works(struct job *j, void *owner) {
    struct folding *f = (struct folding *)j;
    uint64_t began = uv_hrtime();
    struct hub_engine *e = owner;
    struct txn *log, *state;
    struct hub_log_place place;
    f->result = store_read(e->stores.log, &log);
    if (f->result != 0)
        return;
    f->result = store_write(e->stores.state, &state);
    if (f->result != 0) {
        txn_abort(log);
        return;
    }
    hub_place_get(state, &f->place);
    struct hub_rules rules = {.learn = write_rules_learn, .signed_order = e->calls.signed_order, .owner = e->calls.owner};
    f->result = hub_merge(log, state, MERGE_CHANGES, &rules, &f->done);
    if (hub_log_place(log, &place))
        f->log_last = place.last;
    if (f->result == 0)
        hub_place_get(state, &f->place);
    txn_abort(log);
    if (f->result != 0)
        txn_abort(state);
    else
        f->result = txn_commit(state);
    f->took_us = (uv_hrtime() - began) / 1000;
}

void hub_folds_quiet(void *owner) {
    struct hub_engine *e = owner;
    store_rest(e->stores.state); /* if that fails, so does the next transaction, and it is told there */
}

static void on_merge_again(uv_timer_t *t) {
    hub_folds_soon(t->data);
}

/* What the fold needs next is damaged: it can neither go past it nor do without. It stops there, and everything else goes on: what comes is
 * in the log and acknowledged, what is merged is read. A person has to repair the state, and then the fold goes on with the same entry. */
static void merge_pause(struct hub_engine *e) {
    e->troubles.merge_paused = true;
    log_fact(
        LOG_ERROR, "hub.merge_paused", FACT_UINT("position", e->counts.position),
        FACT_TEXT("do", "what comes is kept in the log; run anjuctl verify, then restore or rebuild the state"));
    if (e->writing != NULL && e->writing->position != 0)
        hub_write_finish(e, e->writing, HUB_WRITE_NOTED);
}

static void set_counts(struct hub_engine *e, const struct folding *f) {
    struct hub_counts *n = &e->counts;
    if (f->place.epoch_count == 0)
        return;
    if (n->position != f->place.position)
        n->moved_at = clock_now();
    n->position = f->place.position;
    hub_appends_reached(e, f->log_last);
    n->hub_seq = f->place.hub_seq;
    n->records = f->place.records;
    n->conflicts = f->place.conflicts;
    n->held = f->place.held;
    e->epoch = f->place.epochs[f->place.epoch_count - 1].epoch;
    if (e->side.tip < n->hub_seq)
        e->side.tip = n->hub_seq;
}

/* Whom the fold moved: a flood that fills its quarantine gets no more credit (B13). */
static void set_full(struct hub_engine *e, const struct folding *f) {
    for (size_t i = 0; i < f->done.node_count; i++) {
        struct hub_peer *p = hub_peer_by_node(e, f->done.nodes[i]);
        if (p == NULL)
            continue;
        p->link.full = f->done.full[i];
        p->full_at = f->done.position;
    }
}

static void merge_done(struct job *j, int result) {
    struct folding *f = (struct folding *)j;
    struct hub_engine *e = f->engine;
    (void)result;
    e->merging = false;
    if (f->result == 0 || f->result == -EBADMSG)
        set_counts(e, f);
    if (f->result == -EBADMSG)
        merge_pause(e);
    else if (f->result < 0)
        hub_fatal(e, f->result);
    else
        e->troubles.state_full = f->result == STORE_DISK_FULL;
    if (f->result == STORE_DISK_FULL && !e->closing)
        uv_timer_start(&e->merge_again, on_merge_again, RETRY_MS, 0);
    if (f->result == 0 && !e->closing) {
        set_full(e, f);
        e->counts.merged_changes += f->done.changes;
        if (f->done.changes > 0)
            count_round(&e->counts, f->took_us);
        if (f->done.changes > 0 || f->done.every_node || f->done.node_count > 0) {
            e->counts.merged_at = clock_wall();
            struct hub_event in = {.kind = HUB_MERGED};
            in.merged.tip = f->done.hub_seq;
            in.merged.backlog = f->log_last - f->done.position;
            in.merged.areas = f->done.areas;
            in.merged.area_count = f->done.area_count;
            in.merged.every = f->done.every_area || f->done.every_node;
            in.merged.nodes = f->done.nodes;
            in.merged.node_count = f->done.node_count;
            hub_step(e, &in, NULL);
        }
        hub_step(e, &(struct hub_event){.kind = HUB_FOLDED, .folded = e->counts.position}, NULL);
        for (size_t i = 0; i < f->done.forger_count; i++) {
            struct hub_peer *p = hub_peer_by_node(e, f->done.forgers[i].node);
            if (p != NULL)
                hub_peer_wrong(p, &p->wrongs.forged, f->done.forgers[i].changes, "sent changes in another's name");
        }
        bool folded = e->writing != NULL && e->writing->position != 0 && e->writing->position <= f->done.position;
        if (f->done.offices || f->done.every_node || (folded && e->writing->type == TYPE_OFFICE))
            hub_roster_soon(e);
        if (f->done.changes > 0 && e->calls.merged != NULL)
            e->calls.merged(e->calls.owner, &f->done);
        if (f->done.ordered && e->calls.ordered != NULL)
            e->calls.ordered(e->calls.owner);
        if (f->done.changes > 0) {
            e->sweep_wanted = true;
            hub_folds_sweep(e);
        }
        if (folded)
            hub_write_folded(e);
        if (f->done.position < f->log_last || e->merge_wanted)
            hub_folds_soon(e);
    }
    free(f);
}

void hub_folds_soon(struct hub_engine *e) {
    e->merge_wanted = e->merging;
    if (e->merging || e->closing || e->troubles.merge_paused)
        return;
    struct folding *f = memory_zeroed(1, sizeof *f);
    e->merging = true;
    f->engine = e;
    f->job.work = merge_works;
    f->job.done = merge_done;
    worker_submit(e->merge, &f->job);
}

/* ---- the sweep, on the merge worker when there is nothing to merge: a few rows a turn, round after round while the fold moves */

struct sweep {
    struct job job;
    struct hub_engine *engine;
    uint64_t floor;
    uint32_t removed;
    bool rests, erases, erased;
    int result;
};

/* Every node that may still pull has passed it, durably at its end: a Pull carries what is in the node's store. One that was not heard
 * since the start may be anywhere; one that never spoke, or may not, begins with a load. A node that comes back with an older disk and
 * finds its floor swept loads too (A3). */
static uint64_t lowest_floor(const struct hub_engine *e) {
    uint64_t lowest = e->counts.hub_seq;
    for (size_t i = 0; i < e->peer_count; i++) {
        const struct hub_peer *p = e->peers[i];
        if (p->link.revoked || p->link.retired || id_zero(&p->link.current))
            continue;
        uint64_t floor = epoch_equal(p->pulled.epoch, e->epoch) ? p->pulled.floor : 0;
        lowest = floor < lowest ? floor : lowest;
    }
    return lowest;
}

enum { ERASE_ENTRIES = 32 };

static int erase_from(struct hub_engine *e, struct store *s, struct txn *state, bool own, bool *end) {
    struct txn *t;
    int r = store_write(s, &t);
    if (r != 0)
        return pass(r);
    *end = own ? hub_own_erase(t, state, &e->erase_own, 16 * ERASE_ENTRIES) : hub_log_erase(t, state, &e->erase_log, ERASE_ENTRIES);
    return txn_commit(t);
}

static int chore_done(struct hub_engine *e, enum hub_chore c, uint64_t hub_seq) {
    struct txn *state;
    int r = store_write(e->stores.state, &state);
    if (r != 0)
        return pass(r);
    hub_chore_done(state, c, hub_seq);
    return txn_commit(state);
}

/* A piece of the pass. What comes meanwhile makes another one due. */
static int erase_works(struct hub_engine *e, bool *more, bool *done) {
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct txn *state = NULL;
    bool log_end = false, own_end = false;
    int r = store_read(e->stores.state, &state);
    if (r == 0 && hub_chore_due(state, HUB_CHORE_BYTES) != 0 && hub_place_get(state, place)) {
        if (e->erase_seq == 0) {
            e->erase_seq = place->hub_seq;
            e->erase_log = e->erase_own = 1;
        }
        r = erase_from(e, e->stores.log, state, false, &log_end);
        if (r == 0 && log_end)
            r = erase_from(e, e->stores.own, state, true, &own_end);
        *more = r == 0 && !own_end;
    }
    txn_abort(state);
    if (r != 0 || own_end) {
        uint64_t seq = e->erase_seq;
        e->erase_seq = 0;
        if (r == 0)
            r = chore_done(e, HUB_CHORE_BYTES, seq);
        *done = r == 0;
    }
    free(place);
    return r;
}

static void sweep_works(struct job *j, void *owner) {
    struct sweep *s = (struct sweep *)j;
    struct hub_engine *e = owner;
    struct txn *state;
    s->result = erase_works(e, &s->erases, &s->erased);
    if (s->result == 0)
        s->result = store_write(e->stores.state, &state);
    if (s->result != 0)
        return;
    s->removed = hub_sweep(state, SWEEP_ROWS, s->floor);
    s->rests = hub_sweep_rests(state);
    s->result = txn_commit(state);
}

static void sweep_turn(struct hub_engine *e);

static void sweep_done(struct job *j, int result) {
    struct sweep *s = (struct sweep *)j;
    struct hub_engine *e = s->engine;
    (void)result;
    e->sweeping = false;
    if (s->erased && e->calls.ordered != NULL)
        e->calls.ordered(e->calls.owner); /* what is left to be done has changed */
    if (s->result == -EBADMSG)
        log_fact(LOG_ERROR, "hub.sweep_stopped", FACT_TEXT("do", "run anjuctl verify"));
    else if (s->result < 0)
        hub_fatal(e, s->result);
    else if (s->result == 0 && (s->removed == SWEEP_ROWS || s->erases))
        sweep_turn(e);
    else if (s->result == 0 && (!s->rests || e->sweep_wanted))
        hub_folds_sweep(e);
    free(s);
}

static void sweep_turn(struct hub_engine *e) {
    if (e->closing || e->sweeping || e->troubles.merge_paused)
        return;
    if (e->merging || e->counts.position < e->counts.log_last) {
        hub_folds_sweep(e);
        return;
    }
    struct sweep *s = memory_zeroed(1, sizeof *s);
    e->sweeping = true;
    e->sweep_wanted = false;
    s->engine = e;
    s->floor = lowest_floor(e);
    s->job.work = sweep_works;
    s->job.done = sweep_done;
    worker_submit(e->merge, &s->job);
}

struct searched {
    struct job job;
    struct hub_engine *engine;
    uint64_t hub_seq;
    int result;
};

static void searched_works(struct job *j, void *owner) {
    struct searched *s = (struct searched *)j;
    s->result = chore_done(owner, HUB_CHORE_SEARCH, s->hub_seq);
}

static void searched_done(struct job *j, int result) {
    struct searched *s = (struct searched *)j;
    (void)result;
    if (s->result < 0)
        hub_fatal(s->engine, s->result);
    else if (s->engine->calls.ordered != NULL)
        s->engine->calls.ordered(s->engine->calls.owner);
    free(s);
}

void hub_engine_searched(struct hub_engine *e, uint64_t hub_seq) {
    if (e->closing)
        return;
    struct searched *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->hub_seq = hub_seq;
    s->job.work = searched_works;
    s->job.done = searched_done;
    worker_submit(e->merge, &s->job);
}

void hub_folds_compacted(void *owner, int result) {
    struct hub_engine *e = owner;
    if (result < 0)
        hub_fatal(e, result);
    else if (e->calls.compacted != NULL)
        e->calls.compacted(e->calls.owner, e->compact_upto);
}

void hub_engine_compact(struct hub_engine *e, uint64_t hub_seq) {
    if (e->closing)
        return;
    e->compact_upto = hub_seq;
    compactor_soon(e->compactor);
}

bool hub_engine_compact_full(const struct hub_engine *e) {
    return compactor_full(e->compactor);
}

static void on_sweep_again(uv_timer_t *t) {
    sweep_turn(t->data);
}

void hub_folds_sweep(struct hub_engine *e) {
    if (!e->closing && !e->sweeping && !uv_is_active((uv_handle_t *)&e->sweep_again))
        uv_timer_start(&e->sweep_again, on_sweep_again, SWEEP_MS, 0);
}
