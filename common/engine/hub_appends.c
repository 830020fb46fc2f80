/* The log worker: everything that goes into the hub's log and its second home (hub-own), one transaction and one fsync of the log for all
 * that waits. Pushes and nonces that a step appends, the hub's own changes, what a person orders, trimming. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/engine/hub_parts.h"
#include "common/engine/signed.h"

#include <errno.h>
#include <stdlib.h>

enum { OWN_RETRY_MS = 5000, TRIM_ENTRIES = 2000 };

static void next_write(struct hub_engine *e);
static void own_later(struct hub_engine *e);

/* ---- the batch, and what a step appends: pushes and nonces */

struct append {
    struct job job;
    struct hub_engine *engine;
    struct heard *heard; /* a push; NULL: nonces */
    uint32_t node;
    struct id16 current;
    uint64_t issued, used, ticket, generation;
    bool last, skipped;
    uint64_t position; /* of the last: what the log reaches */
};

int hub_appends_begin(void *owner) {
    struct hub_engine *e = owner;
    e->last_append = NULL;
    if (e->log_broken == 0)
        e->log_broken = store_write(e->stores.log, &e->log_txn);
    return e->log_broken;
}

int hub_appends_end(void *owner) {
    struct hub_engine *e = owner;
    struct hub_log_place place;
    if (e->last_append != NULL && hub_log_place(e->log_txn, &place))
        e->last_append->position = place.last;
    int r = txn_commit(e->log_txn);
    e->log_txn = NULL;
    if (e->last_append != NULL) {
        e->last_append->last = true;
        if (r == STORE_DISK_FULL)
            e->failed_generation = e->last_append->generation;
    }
    if (r < 0)
        e->log_broken = r;
    return r;
}

static void append_works(struct job *j, void *owner) {
    struct append *a = (struct append *)j;
    struct hub_engine *e = owner;
    if (a->generation <= e->failed_generation) {
        a->skipped = true;
        return;
    }
    e->last_append = a;
    if (a->heard == NULL) {
        struct hub_log_node *n = memory_zeroed(1, sizeof *n);
        hub_log_node(e->log_txn, a->node, n);
        n->current = a->current;
        n->issued = a->issued;
        n->used = a->used;
        hub_log_node_put(e->log_txn, n);
        free(n);
        return;
    }
    struct log_entry entry = wire_log_entry_of(LOG_PUSH, a->node, &a->heard->message.push, clock_wall());
    hub_log_append(e->log_txn, &entry);
}

/* From the first entry that waits the fold's time runs. */
void hub_appends_reached(struct hub_engine *e, uint64_t position) {
    struct hub_counts *n = &e->counts;
    if (n->log_last <= n->position && position > n->position)
        n->moved_at = clock_now();
    n->log_last = position > n->log_last ? position : n->log_last;
}

static void append_done(struct job *j, int result) {
    struct append *a = (struct append *)j;
    struct hub_engine *e = a->engine;
    if (result < 0)
        hub_fatal(e, result); /* what was queued behind it is refused too; whom it concerns hears nothing and sends it again */
    if (a->last && !e->closing && result >= 0) {
        e->troubles.log_full = result == STORE_DISK_FULL;
        if (result == 0) {
            hub_appends_reached(e, a->position);
            hub_step(e, &(struct hub_event){.kind = HUB_APPENDED, .appended = {a->ticket, e->counts.log_last}}, NULL);
            hub_folds_soon(e);
        } else {
            log_fact(LOG_ERROR, "store.disk_full", FACT_TEXT("do", "free space on the hub's disk; nothing is acknowledged until then"));
            e->generation++;
            hub_step(e, &(struct hub_event){.kind = HUB_FAILED}, NULL);
        }
    }
    heard_drop(a->heard);
    free(a);
}

void hub_appends_add(struct hub_engine *e, const struct hub_effect *x, struct heard *h) {
    struct append *a = memory_zeroed(1, sizeof *a);
    a->engine = e;
    a->heard = x->kind == HUB_FX_APPEND ? heard_hold(h) : NULL;
    a->node = x->link->node;
    a->current = x->link->current;
    a->issued = x->link->issued;
    a->used = x->link->used;
    a->ticket = x->ticket;
    a->generation = e->generation;
    a->job.work = append_works;
    a->job.done = append_done;
    if (h != NULL && a->heard != NULL)
        e->counts.received_bytes += h->frame.len;
    worker_submit(e->log, &a->job);
}

/* ---- the hub's own changes */

/* What lies in the second home and not in the log yet goes there now. */
static int replay_own(struct hub_engine *e) {
    struct txn *own;
    int r = store_read(e->stores.own, &own);
    if (r != 0)
        return pass(r);
    struct hub_log_node *zero = memory_zeroed(1, sizeof *zero);
    struct id16 incarnation;
    struct buffer body = {0};
    struct log_entry entry;
    CLEANUP(keys_forget) struct keys keys;
    hub_keys_take(e, false, &keys);
    hub_own_last(own, &incarnation);
    for (;;) {
        struct hash before = {{0}};
        hub_log_node(e->log_txn, 0, zero);
        const struct life *l = life_find(zero->lives, zero->life_count, &incarnation);
        if (l != NULL)
            before = l->acked_hash;
        buffer_clear(&body);
        if (!hub_own_entry(own, l == NULL ? 0 : l->acked, &before, clock_wall(), &body, &entry))
            break;
        struct push p = push_of_entry(&entry);
        uint8_t signature[SIGNATURE_BYTES];
        push_sign(&keys, 0, &p, signature);
        entry.signature = bytes_of(signature, sizeof signature);
        hub_log_append(e->log_txn, &entry);
    }
    buffer_close(&body);
    free(zero);
    r = txn_result(own);
    txn_abort(own);
    return r == 0 ? 0 : pass(r);
}

/* Fills in what a SET replaces: every head that its field has now. + HUB_WRITE_DAMAGED */
static int name_heads(struct hub_engine *e, struct hub_write *w) {
    struct arena a = {0};
    struct record r;
    struct txn *state;
    int result = store_read(e->stores.state, &state);
    if (result != 0)
        return pass(result);
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    if (hub_place_get(state, place) && place->highest_hlc > e->hlc)
        e->hlc = place->highest_hlc;
    int there = hub_record(state, w->type, &w->record, &a, &r);
    if (there == 0)
        for (size_t i = 0; i < w->op_count; i++) {
            const struct field *f = record_field(&r, w->ops[i].field);
            if (w->ops[i].kind != OP_SET || w->ops[i].name_count > 0 || f == NULL)
                continue;
            struct name *names = arena_take(&w->arena, (f->head_count + 1) * sizeof *names);
            for (size_t k = 0; k < f->head_count; k++)
                names[k] = f->heads[k].name;
            w->ops[i].names = names;
            w->ops[i].name_count = f->head_count;
        }
    result = txn_result(state);
    txn_abort(state);
    arena_close(&a);
    free(place);
    if (result == -EBADMSG || there == HUB_RECORD_ROTTEN)
        return HUB_WRITE_DAMAGED;
    return result == 0 ? 0 : pass(result);
}

/* Makes the change durable in its second home: from then on it is noted, and sooner or later carried out. */
static int write_own(struct hub_engine *e, struct hub_write *w) {
    struct txn *own;
    struct change c = {
        .type = w->type, .record = w->record, .actor = w->actor, .purpose = w->purpose, .ops = w->ops, .op_count = w->op_count};
    int r = name_heads(e, w);
    if (r != 0)
        return r < 0 ? pass(r) : r;
    e->hlc = hlc_next(e->hlc, clock_wall());
    c.version = (struct version){e->hlc, 0};
    c.name.node = 0;
    entropy_fill(&c.name.tag, sizeof c.name.tag);
    entropy_fill(&c.salt, sizeof c.salt);
    invariant(change_check(&c) == NULL);
    r = store_write(e->stores.own, &own);
    if (r != 0)
        return pass(r);
    hub_own_append(own, &c);
    audit_add(
        own, &audit_hub,
        &(struct audit_entry){
            .at = clock_wall(),
            .actor = w->actor,
            .has_uid = w->has_uid,
            .uid = w->uid,
            .action = AUDIT_CHANGE,
            .purpose = w->purpose,
            .type = w->type,
            .record = w->record,
            .change = c.name},
        1);
    return txn_commit(own);
}

static void write_works(struct job *j, void *owner) {
    struct hub_write *w = (struct hub_write *)j;
    struct hub_engine *e = owner;
    struct hub_log_place place;
    w->result = write_own(e, w);
    w->noted = w->result == 0;
    if (w->result == 0)
        w->result = replay_own(e);
    if (w->result == 0 && hub_log_place(e->log_txn, &place))
        w->position = place.last;
}

void hub_write_finish(struct hub_engine *e, struct hub_write *w, int result) {
    e->writing = NULL;
    arena_close(&w->arena);
    w->done(w, result);
    next_write(e);
}

void hub_write_folded(struct hub_engine *e) {
    struct hub_write *w = e->writing;
    if (w->type != TYPE_OFFICE) {
        hub_write_finish(e, w, 0);
        return;
    }
    e->writing = NULL;
    arena_close(&w->arena);
    w->job.next = NULL;
    *e->unseen_last = w;
    e->unseen_last = (struct hub_write **)&w->job.next;
    next_write(e);
}

void hub_writes_seen(struct hub_engine *e, uint64_t position) {
    while (e->unseen != NULL && e->unseen->position <= position) {
        struct hub_write *w = e->unseen;
        e->unseen = (struct hub_write *)w->job.next;
        if (e->unseen == NULL)
            e->unseen_last = &e->unseen;
        w->done(w, 0);
    }
}

static void write_done(struct job *j, int result) {
    struct hub_write *w = (struct hub_write *)j;
    struct hub_engine *e = w->engine;
    if (result >= 0 && w->noted)
        e->troubles.log_full = result == STORE_DISK_FULL;
    if (result == 0)
        result = w->result;
    if (result < 0)
        hub_fatal(e, result);
    e->troubles.own_full = result == STORE_DISK_FULL && !w->noted;
    if (result == STORE_DISK_FULL && w->noted && !e->closing)
        own_later(e);
    if (result != 0 || e->closing) {
        hub_write_finish(e, w, w->noted ? HUB_WRITE_NOTED : result);
        return;
    }
    hub_appends_reached(e, w->position);
    if (e->troubles.merge_paused)
        hub_write_finish(e, w, HUB_WRITE_NOTED);
    hub_folds_soon(e); /* the rest follows when the fold has passed w->position */
}

static void next_write(struct hub_engine *e) {
    struct hub_write *w = e->writes;
    if (e->writing != NULL || w == NULL || e->closing)
        return;
    e->writes = (struct hub_write *)w->job.next;
    if (e->writes == NULL)
        e->writes_last = &e->writes;
    e->writing = w;
    worker_submit(e->log, &w->job);
}

void hub_engine_write(struct hub_engine *e, struct hub_write *w) {
    w->engine = e;
    w->noted = false;
    w->result = 0;
    w->position = 0;
    w->job.work = write_works;
    w->job.done = write_done;
    w->job.next = NULL;
    *e->writes_last = w;
    e->writes_last = (struct hub_write **)&w->job.next;
    next_write(e);
}

static void own_works(struct job *j, void *owner) {
    struct hub_own_work *w = (struct hub_own_work *)j;
    struct hub_engine *e = owner;
    struct txn *own;
    w->result = store_write(e->stores.own, &own);
    if (w->result != 0)
        return;
    w->work(w, own);
    w->result = txn_commit(own);
}

static void own_done(struct job *j, int result) {
    struct hub_own_work *w = (struct hub_own_work *)j;
    struct hub_engine *e = w->engine;
    if (result == 0)
        result = w->result;
    if (result < 0)
        hub_fatal(e, result);
    e->troubles.own_full = result == STORE_DISK_FULL;
    w->done(w, result);
}

void hub_engine_own(struct hub_engine *e, struct hub_own_work *w) {
    if (e->closing) {
        w->done(w, -ECANCELED);
        return;
    }
    w->engine = e;
    w->job.work = own_works;
    w->job.done = own_done;
    worker_submit(e->log, &w->job);
}

/* ---- what a person orders */

static void triage_works(struct hub_engine *e, struct hub_entries *w, struct log_entry *x) {
    struct hub_log_node n;
    hub_log_node(e->log_txn, x->node, &n);
    const struct life *known = life_find(n.lives, n.life_count, &x->incarnation);
    uint64_t last = x->first + x->count - 1, reached = known == NULL ? 0 : known->acked;
    bool taken = false;
    if (last <= reached) {
        w->known += x->count;
    } else if (hub_log_continues(x, known)) {
        w->known += reached - (x->first - 1);
        w->taken += last - reached;
        hub_log_append(e->log_txn, x);
        taken = true;
    } else {
        w->other += x->count;
    }
    if (!taken)
        x->count = 0; /* it is in the log already, or cannot be */
}

static void entries_works(struct job *j, void *owner) {
    struct hub_entries *w = (struct hub_entries *)j;
    struct hub_engine *e = owner;
    struct hub_log_place place;
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].kind == LOG_TRIAGE)
            triage_works(e, w, &w->list[i]);
        else
            hub_log_append(e->log_txn, &w->list[i]);
    if (hub_log_place(e->log_txn, &place))
        w->position = place.last;
}

/* What the log has of the node is what its link goes on from, should it ever speak again. */
static void note_accepted(struct hub_engine *e, const struct log_entry *x) {
    struct hub_peer *p = hub_peer_by_node(e, x->node);
    uint64_t last = x->first + x->count - 1;
    struct hub_link *l = p == NULL ? NULL : &p->link;
    for (size_t i = 0; l != NULL && i <= l->life_count && i < LIMIT_LIVES; i++) {
        if (i == l->life_count)
            l->lives[l->life_count++] = (struct hub_life){.incarnation = x->incarnation};
        struct hub_life *life = &l->lives[i];
        if (!id_equal(&life->incarnation, &x->incarnation))
            continue;
        if (life->accepted < last) {
            life->accepted = life->expected = last;
            life->accepted_hash = life->expected_hash = x->after;
        }
        return;
    }
}

static void entries_done(struct job *j, int result) {
    struct hub_entries *w = (struct hub_entries *)j;
    struct hub_engine *e = w->engine;
    if (result < 0)
        hub_fatal(e, result);
    e->troubles.log_full = result == STORE_DISK_FULL;
    for (size_t i = 0; result == 0 && i < w->count; i++)
        if (w->list[i].kind == LOG_TRIAGE && w->list[i].count > 0)
            note_accepted(e, &w->list[i]);
    if (result == 0)
        hub_appends_reached(e, w->position);
    if (result == 0 && !e->closing)
        hub_folds_soon(e);
    struct arena arena = w->arena;
    w->done(w, result);
    arena_close(&arena);
}

void hub_engine_entries(struct hub_engine *e, struct hub_entries *w) {
    w->engine = e;
    w->taken = w->known = w->other = w->position = 0;
    w->job.work = entries_works;
    w->job.done = entries_done;
    worker_submit(e->log, &w->job);
}

/* ---- what the second home holds and the log does not */

/* At start: what a crash left between the second home and the log. Later: what found the log without room. */
struct own_replay {
    struct job job;
    struct hub_engine *engine;
    uint64_t position; /* of the log when all is in it; 0: nothing was missing */
    int result;
};

static void own_replay_works(struct job *j, void *owner) {
    struct own_replay *s = (struct own_replay *)j;
    struct hub_engine *e = owner;
    struct hub_log_place before, after;
    hub_log_place(e->log_txn, &before);
    s->result = replay_own(e);
    if (s->result == 0 && hub_log_place(e->log_txn, &after) && after.last > before.last)
        s->position = after.last;
}

static void own_replay_done(struct job *j, int result) {
    struct own_replay *s = (struct own_replay *)j;
    struct hub_engine *e = s->engine;
    if (result == 0)
        result = s->result;
    if (result < 0)
        hub_fatal(e, result);
    else
        e->troubles.log_full = result == STORE_DISK_FULL;
    if (!e->own_known && result == 0)
        e->own_until = s->position;
    e->own_known = true;
    if (result == STORE_DISK_FULL && !e->closing)
        own_later(e);
    else if (!e->closing)
        hub_folds_soon(e);
    free(s);
}

void hub_appends_replay(struct hub_engine *e) {
    struct own_replay *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->job.work = own_replay_works;
    s->job.done = own_replay_done;
    worker_submit(e->log, &s->job);
}

static void on_own_again(uv_timer_t *t) {
    hub_appends_replay(t->data);
}

/* What was noted while the log had no room is carried out when it has. */
static void own_later(struct hub_engine *e) {
    uv_timer_start(&e->own_again, on_own_again, OWN_RETRY_MS, 0);
}

/* ---- trimming: the log below what the backups need */

struct trim {
    struct job job;
    struct hub_engine *engine;
    struct id16 life;
    uint64_t below; /* in this life of the log */
    bool more;
};

/* A stretch at a time: pushes wait behind it. */
static void trim_works(struct job *j, void *owner) {
    struct trim *t = (struct trim *)j;
    struct hub_engine *e = owner;
    struct hub_log_place place;
    t->more = false;
    if (!hub_log_place(e->log_txn, &place) || !id_equal(&place.life, &t->life))
        return;
    uint64_t upto = place.first + TRIM_ENTRIES;
    t->more = upto < t->below;
    hub_log_trim(e->log_txn, t->more ? upto : t->below);
}

static void trim_done(struct job *j, int result) {
    struct trim *t = (struct trim *)j;
    if (result < 0)
        hub_fatal(t->engine, result);
    if (result == 0 && t->more && !t->engine->closing)
        hub_appends_trim(t->engine);
    free(t);
}

void hub_appends_trim(struct hub_engine *e) {
    if (e->kept.count == 0)
        return;
    struct trim *t = memory_zeroed(1, sizeof *t);
    t->engine = e;
    t->life = e->kept.kept[e->kept.count - 1].log_life;
    t->below = hub_kept_below(&e->kept, &t->life);
    t->job.work = trim_works;
    t->job.done = trim_done;
    worker_submit(e->log, &t->job);
}
