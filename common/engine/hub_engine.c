/* The engine as a whole, on the loop: its life, the keys that it signs with, each step of the protocol with its effects, and what is asked
 * of it. What the workers do is in the rooms beside it (hub_parts.h). */
#include "common/engine/hub_engine.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/engine/hub_parts.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_BYTES = 256 << 20, AUDIT_EACH_MS = 60000 };

/* ---- what it signs with */

/* A signature for who came by the next door, or is to come by it; without that door by the one that there is. */
void hub_keys_take(struct hub_engine *e, bool next, struct keys *out) {
    pthread_mutex_lock(&e->keys_lock);
    *out = e->keys[next && e->next_keys ? 1 : 0];
    pthread_mutex_unlock(&e->keys_lock);
}

void hub_keys_hold(struct hub_engine *e, const struct keys *next) {
    pthread_mutex_lock(&e->keys_lock);
    e->keys[1] = *next;
    e->next_keys = true;
    pthread_mutex_unlock(&e->keys_lock);
}

/* These are not the hub's any more; the others stand in the first place. */
void hub_keys_drop(struct hub_engine *e, bool next) {
    pthread_mutex_lock(&e->keys_lock);
    if (!next)
        e->keys[0] = e->keys[1];
    keys_forget(&e->keys[1]);
    e->next_keys = false;
    pthread_mutex_unlock(&e->keys_lock);
}

/* ---- a step with its effects, and a failure */

struct stepping {
    struct hub_engine *engine;
    struct heard *heard;
};

static void on_effect(void *owner, const struct hub_effect *x) {
    struct stepping *s = owner;
    struct hub_engine *e = s->engine;
    switch (x->kind) {
    case HUB_FX_SEND:
        hub_peer_say((struct hub_peer *)x->link, &x->message);
        break;
    case HUB_FX_APPEND:
    case HUB_FX_NONCE:
        hub_appends_add(e, x, s->heard);
        break;
    case HUB_FX_WELCOME:
    case HUB_FX_PAGE:
    case HUB_FX_REPAIR:
        hub_reads_answer(e, x, s->heard);
        break;
    case HUB_FX_NOTE:
        if (x->note == HUB_NOTE_FLOOD)
            hub_peer_flooded((struct hub_peer *)x->link);
        if (x->link != NULL && !hub_within(&((struct hub_peer *)x->link)->line_due, clock_now(), LINE_EACH_MS))
            break; /* one peer does not fill the log */
        log_fact(
            x->note == HUB_NOTE_REFUSED || x->note == HUB_NOTE_FLOOD ? LOG_WARNING : LOG_INFO, "hub",
            FACT_TEXT("note", hub_note_name(x->note)), FACT_UINT("node", x->link == NULL ? 0 : x->link->node),
            FACT_TEXT("refusal", x->refusal == 0 ? "" : refusal_text(x->refusal)));
        break;
    }
}

/* A report of this session: how far the office carried out what was ordered to be erased. */
static void holder_says(struct hub_engine *e, struct hub_peer *p) {
    const struct report *m = &p->link.last;
    if (hub_side_session(&p->link) == 0 || m->session != p->link.session)
        return;
    p->said_dirty = true;
    if (e->calls.holder == NULL || (m->erasures_to == p->erasures_told && m->destroyed == p->destroyed_told))
        return;
    p->erasures_told = m->erasures_to;
    p->destroyed_told = m->destroyed;
    e->calls.holder(e->calls.owner, p);
}

void hub_step(struct hub_engine *e, struct hub_event *in, struct heard *h) {
    struct stepping s = {e, h};
    in->now = clock_now();
    in->wall = clock_wall();
    hub_side_step(&e->side, in, &(struct hub_out){on_effect, &s});
    if (in->kind == HUB_HEARD && in->heard->kind == MESSAGE_REPORT)
        holder_says(e, (struct hub_peer *)in->link);
}

void hub_fatal(struct hub_engine *e, int result) {
    if (e->failure == 0) {
        e->failure = result;
        e->calls.fatal(e->calls.owner, result);
    }
}

/* ---- life */

int hub_engine_open(
    uv_loop_t *loop, struct hub_stores *stores, const char *endpoint, const struct keys *keys, const struct hub_engine_calls *calls,
    struct hub_engine **out) {
    struct hub_engine *e = memory_zeroed(1, sizeof *e);
    uint64_t seed;
    entropy_fill(&seed, sizeof seed);
    e->loop = loop;
    e->keys[0] = *keys;
    pthread_mutex_init(&e->keys_lock, NULL);
    e->stores = *stores;
    *stores = (struct hub_stores){NULL, NULL, NULL};
    e->calls = *calls;
    e->generation = 1;
    e->writes_last = &e->writes;
    e->unseen_last = &e->unseen;
    hub_side_init(&e->side, seed, POOL_BYTES);
    struct worker_calls check = {.owner = e}, merge = {.quiet = hub_folds_quiet, .owner = e};
    struct worker_calls log = {.begin = hub_appends_begin, .end = hub_appends_end, .owner = e, .batch_max = 4096};
    struct worker_calls read = {.begin = hub_reads_begin, .end = hub_reads_end, .owner = e, .batch_max = 64};
    e->check = worker_open(loop, "anju-check", &check);
    e->log = worker_open(loop, "anju-log", &log);
    e->merge = worker_open(loop, "anju-merge", &merge);
    e->read = worker_open(loop, "anju-read", &read);
    struct compactor_calls compactor = {hub_folds_compacted, e, e->calls.compaction};
    e->compactor = compactor_open(loop, (struct store *[]){e->stores.log, e->stores.own, e->stores.state}, 3, &compactor);
    uv_timer_init(loop, &e->merge_again);
    uv_timer_init(loop, &e->own_again);
    uv_timer_init(loop, &e->sweep_again);
    uv_timer_init(loop, &e->hello_again);
    uv_timer_init(loop, &e->audit_again);
    e->merge_again.data = e->own_again.data = e->sweep_again.data = e->hello_again.data = e->audit_again.data = e;
    e->handles = 5;
    uv_timer_start(&e->audit_again, hub_notes_again, AUDIT_EACH_MS, AUDIT_EACH_MS);
    e->sweep_wanted = true;
    hub_folds_sweep(e);
    int r = hub_notes_read(e);
    if (r != 0)
        hub_fatal(e, r);
    hub_appends_replay(e);
    hub_notes_prove(e);
    hub_roster_soon(e);
    /* Nobody is told to wait who need not, and nobody is shown the city as it was before the hub's own latest decisions (I6). */
    while ((!e->roster_known || !e->own_known || (e->counts.position < e->own_until && !e->troubles.state_full)) && e->failure == 0)
        uv_run(loop, UV_RUN_ONCE);
    r = e->failure;
    if (r == 0)
        r = hub_way_open(e, endpoint, keys, &e->way);
    if (r != 0) {
        hub_engine_close(e);
        return r;
    }
    hub_notes_signers(e);
    *out = e;
    return 0;
}

static void on_closed(uv_handle_t *h) {
    struct hub_engine *e = h->data;
    if (--e->handles > 0) /* libuv tells them in no order to rely on */
        return;
    hub_side_close(&e->side);
    for (size_t i = 0; i < e->peer_count; i++) {
        hub_arrivals_drop(e->peers[i]);
        free(e->peers[i]);
    }
    free(e->peers);
    free(e->links);
    buffer_close(&e->damaged);
    hub_kept_view_close(&e->kept);
    keys_forget(&e->keys[0]);
    keys_forget(&e->keys[1]);
    pthread_mutex_destroy(&e->keys_lock);
    free(e);
}

struct hub_engine *hub_engine_close(struct hub_engine *e) {
    if (e == NULL)
        return NULL;
    hub_notes_save(e);
    e->closing = true;
    e->compactor = compactor_close(e->compactor);
    e->way = hub_way_close(e->way);
    e->next_way = hub_way_close(e->next_way);
    e->check = worker_close(e->check);
    e->log = worker_close(e->log);
    e->merge = worker_close(e->merge);
    e->read = worker_close(e->read);
    hub_writes_seen(e, UINT64_MAX);
    if (e->writing != NULL)
        hub_write_finish(e, e->writing, HUB_WRITE_NOTED); /* it waited for the fold */
    while (e->writes != NULL) {
        struct hub_write *w = e->writes;
        e->writes = (struct hub_write *)w->job.next;
        arena_close(&w->arena);
        w->done(w, -1);
    }
    hub_stores_close(&e->stores);
    uv_close((uv_handle_t *)&e->own_again, on_closed);
    uv_close((uv_handle_t *)&e->sweep_again, on_closed);
    uv_close((uv_handle_t *)&e->hello_again, on_closed);
    uv_close((uv_handle_t *)&e->merge_again, on_closed);
    uv_close((uv_handle_t *)&e->audit_again, on_closed);
    return NULL;
}

/* ---- what an operator says, and questions for status */

bool hub_engine_settle_fork(struct hub_engine *e, uint32_t node) {
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_link *l = &e->peers[i]->link;
        if (l->node != node)
            continue;
        l->forked = false;
        memset(&l->current, 0, sizeof l->current);
        l->issued = l->used = 0;
        hub_appends_add(e, &(struct hub_effect){.kind = HUB_FX_NONCE, .link = l}, NULL);
        return true;
    }
    return false;
}

const struct hub_stores *hub_engine_stores(const struct hub_engine *e) {
    return &e->stores;
}

struct epoch hub_engine_epoch(const struct hub_engine *e) {
    return e->epoch;
}

uint64_t hub_engine_oldest_ms(const struct hub_engine *e) {
    struct worker *all[] = {e->check, e->log, e->merge, e->read};
    uint64_t most = 0;
    if (compactor_busy(e->compactor))
        return 0; /* all wait for it, and nobody hangs */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t ms = worker_oldest_ms(all[i]);
        most = ms > most ? ms : most;
    }
    return most;
}

struct hub_counts hub_engine_counts(const struct hub_engine *e) {
    return e->counts;
}

const struct router_failures *hub_engine_failures(const struct hub_engine *e) {
    return hub_door_failures(e->next_way != NULL ? e->next_way->door : e->way->door);
}

uint64_t hub_engine_damage_met(const struct hub_engine *e) {
    return e->damage_met;
}

void hub_engine_sound(struct hub_engine *e, uint64_t met) {
    if (met != e->damage_met)
        return;
    e->troubles.unreadable = false;
    e->troubles.damaged = 0;
    buffer_clear(&e->damaged);
    if (e->troubles.roster_damaged)
        hub_roster_soon(e);
}

struct hub_troubles hub_engine_troubles(const struct hub_engine *e) {
    return e->troubles;
}
