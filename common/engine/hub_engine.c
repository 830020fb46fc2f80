#include "common/engine/hub_engine.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/engine/heard.h"
#include "common/engine/signed.h"
#include "common/engine/write_rules.h"
#include "common/model/value.h"
#include "common/net/hub_door.h"
#include "common/store/hub_erase.h"
#include "common/store/layout.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 500,
    OWN_RETRY_MS = 5000,
    SWEEP_MS = 1000,
    SWEEP_ROWS = 64,
    DAMAGED_MOST = 1000,
    /* A fold in random order rewrites nearly every page, however much it brings. So many are about a second; its memory is capped. */
    MERGE_CHANGES = 50000,
    TRIM_ENTRIES = 2000,
    POOL_BYTES = 256 << 20,
    AUDIT_EACH_MS = 60000,
    AUDIT_TRIM_BLOCKS = 64
};

/* A peer's share: what is kept of it before it is checked (its credit and a message), and how much of that the check worker has at once. */
enum { PEER_FRAMES = 512, PEER_BYTES = LIMIT_UNACKED_BYTES + 2 * LIMIT_MESSAGE_BYTES, PEER_CHECKING = 8 };
/* How often a peer may greet, say something small, and fill the log: one each so many ms, and a burst of so many ms' worth. */
enum { HELLO_EACH_MS = 500, HELLO_AGAIN_MS = 50, SMALL_EACH_MS = 100, LINE_EACH_MS = 100, BURST_MS = 10000, ALARM_EACH_MS = 10000 };

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

static void step(struct hub_engine *e, struct hub_event *in, struct heard *h);
static void merge_soon(struct hub_engine *e);
static void roster_soon(struct hub_engine *e);
static void tell_key(struct hub_peer *p);
static void next_write(struct hub_engine *e);
static void own_later(struct hub_engine *e);
static void sweep_later(struct hub_engine *e);
static void drop_hello(struct hub_peer *p);

/* A signature for who came by the next door, or is to come by it; without that door by the one that there is. */
static void keys_take(struct hub_engine *e, bool next, struct keys *out) {
    pthread_mutex_lock(&e->keys_lock);
    *out = e->keys[next && e->next_keys ? 1 : 0];
    pthread_mutex_unlock(&e->keys_lock);
}

static void keys_hold(struct hub_engine *e, const struct keys *next) {
    pthread_mutex_lock(&e->keys_lock);
    e->keys[1] = *next;
    e->next_keys = true;
    pthread_mutex_unlock(&e->keys_lock);
}

/* These are not the hub's any more; the others stand in the first place. */
static void keys_drop(struct hub_engine *e, bool next) {
    pthread_mutex_lock(&e->keys_lock);
    if (!next)
        e->keys[0] = e->keys[1];
    keys_forget(&e->keys[1]);
    e->next_keys = false;
    pthread_mutex_unlock(&e->keys_lock);
}

static void fatal(struct hub_engine *e, int result) {
    if (e->failure == 0) {
        e->failure = result;
        e->calls.fatal(e->calls.owner, result);
    }
}

const struct public_keys *hub_peer_keys(const struct hub_peer *p, const uint8_t key[KEY_BYTES]) {
    if (p->keyed && memcmp(p->keys.curve, key, KEY_BYTES) == 0)
        return &p->keys;
    return p->keyed && memcmp(p->before.curve, key, KEY_BYTES) == 0 && clock_wall() < p->before_until ? &p->before : NULL;
}

static struct hub_peer *peer_by_key(const struct hub_engine *e, const uint8_t key[KEY_BYTES]) {
    for (size_t i = 0; i < e->peer_count; i++)
        if (hub_peer_keys(e->peers[i], key) != NULL)
            return e->peers[i];
    return NULL;
}

/* The one that it speaks with. */
static const struct public_keys *keys_in_use(const struct hub_peer *p) {
    return p->by_before ? &p->before : &p->keys;
}

static int against_peer(const void *node, const void *peer) {
    uint32_t a = *(const uint32_t *)node, b = (*(struct hub_peer *const *)peer)->link.node;
    return (a > b) - (a < b);
}

static struct hub_peer *peer_by_node(const struct hub_engine *e, uint32_t node) {
    struct hub_peer **at = e->peer_count == 0 ? NULL : bsearch(&node, e->peers, e->peer_count, sizeof *e->peers, against_peer);
    return at == NULL ? NULL : *at;
}

/* ---- what a peer may take of us */

static bool within(instant *due, instant now, uint64_t each_ms) {
    instant next = (*due > now ? *due : now) + each_ms;
    if (next > now + BURST_MS)
        return false;
    *due = next;
    return true;
}

static void send_to(struct hub_peer *p, struct bytes frame) {
    if (p->way != NULL)
        hub_door_send(p->way->door, keys_in_use(p)->curve, frame);
}

static void forget_key(struct hub_engine *e, const uint8_t key[KEY_BYTES]) {
    if (e->way != NULL)
        hub_door_forget(e->way->door, key);
    if (e->next_way != NULL)
        hub_door_forget(e->next_way->door, key);
}

static void wrong(struct hub_peer *p, uint64_t *count, uint64_t more, const char *what) {
    instant now = clock_now();
    bool first = *count == 0;
    *count += more;
    if (!first && now < p->told + ALARM_EACH_MS)
        return;
    p->told = now;
    log_fact(
        LOG_ERROR, "hub.alarm", FACT_TEXT("what", what), FACT_UINT("node", p->link.node),
        FACT_HEX("key", bytes_of(keys_in_use(p)->curve, KEY_BYTES)), FACT_UINT("garbage", p->wrongs.garbage),
        FACT_UINT("forged", p->wrongs.forged), FACT_UINT("flood", p->wrongs.flood));
}

static void flooded(struct hub_peer *p) {
    wrong(p, &p->wrongs.flood, 1, "floods");
}

/* ---- the log worker */

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

static int log_begin(void *owner) {
    struct hub_engine *e = owner;
    e->last_append = NULL;
    if (e->log_broken == 0)
        e->log_broken = store_write(e->stores.log, &e->log_txn);
    return e->log_broken;
}

static int log_end(void *owner) {
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
    const struct push *p = &a->heard->message.push;
    hub_log_append(
        e->log_txn, &(struct log_entry){
                        .kind = LOG_PUSH,
                        .node = a->node,
                        .incarnation = p->incarnation,
                        .first = p->first,
                        .count = p->count,
                        .before = p->before,
                        .after = p->after,
                        .received = clock_wall(),
                        .signature = p->signature,
                        .body = p->body,
                    });
}

/* From the first entry that waits the fold's time runs. */
static void log_reaches(struct hub_engine *e, uint64_t position) {
    struct hub_counts *n = &e->counts;
    if (n->log_last <= n->position && position > n->position)
        n->moved_at = clock_now();
    n->log_last = position > n->log_last ? position : n->log_last;
}

static void append_done(struct job *j, int result) {
    struct append *a = (struct append *)j;
    struct hub_engine *e = a->engine;
    if (result < 0)
        fatal(e, result); /* what was queued behind it is refused too; whom it concerns hears nothing and sends it again */
    if (a->last && !e->closing && result >= 0) {
        e->troubles.log_full = result == STORE_DISK_FULL;
        if (result == 0) {
            log_reaches(e, a->position);
            step(e, &(struct hub_event){.kind = HUB_APPENDED, .appended = {a->ticket, e->counts.log_last}}, NULL);
            merge_soon(e);
        } else {
            log_fact(LOG_ERROR, "store.disk_full", FACT_TEXT("do", "free space on the hub's disk; nothing is acknowledged until then"));
            e->generation++;
            step(e, &(struct hub_event){.kind = HUB_FAILED}, NULL);
        }
    }
    heard_drop(a->heard);
    free(a);
}

static void append(struct hub_engine *e, const struct hub_effect *x, struct heard *h) {
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

/* ---- the hub's own changes, on the log worker */

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
    keys_take(e, false, &keys);
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

static void write_finish(struct hub_engine *e, struct hub_write *w, int result) {
    e->writing = NULL;
    arena_close(&w->arena);
    w->done(w, result);
    next_write(e);
}

static void write_done(struct job *j, int result) {
    struct hub_write *w = (struct hub_write *)j;
    struct hub_engine *e = w->engine;
    if (result >= 0 && w->noted)
        e->troubles.log_full = result == STORE_DISK_FULL;
    if (result == 0)
        result = w->result;
    if (result < 0)
        fatal(e, result);
    e->troubles.own_full = result == STORE_DISK_FULL && !w->noted;
    if (result == STORE_DISK_FULL && w->noted && !e->closing)
        own_later(e);
    if (result != 0 || e->closing) {
        write_finish(e, w, w->noted ? HUB_WRITE_NOTED : result);
        return;
    }
    log_reaches(e, w->position);
    if (e->troubles.merge_paused)
        write_finish(e, w, HUB_WRITE_NOTED);
    merge_soon(e); /* `done` follows when the fold has passed w->position */
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
        fatal(e, result);
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

/* ---- what a person orders, on the log worker */

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
    struct hub_peer *p = peer_by_node(e, x->node);
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
        fatal(e, result);
    e->troubles.log_full = result == STORE_DISK_FULL;
    for (size_t i = 0; result == 0 && i < w->count; i++)
        if (w->list[i].kind == LOG_TRIAGE && w->list[i].count > 0)
            note_accepted(e, &w->list[i]);
    if (result == 0)
        log_reaches(e, w->position);
    if (result == 0 && !e->closing)
        merge_soon(e);
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
        fatal(e, result);
    else
        e->troubles.log_full = result == STORE_DISK_FULL;
    if (!e->own_known && result == 0)
        e->own_until = s->position;
    e->own_known = true;
    if (result == STORE_DISK_FULL && !e->closing)
        own_later(e);
    else if (!e->closing)
        merge_soon(e);
    free(s);
}

static void own_submit(struct hub_engine *e) {
    struct own_replay *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->job.work = own_replay_works;
    s->job.done = own_replay_done;
    worker_submit(e->log, &s->job);
}

static void on_own_again(uv_timer_t *t) {
    own_submit(t->data);
}

/* What was noted while the log had no room is carried out when it has. */
static void own_later(struct hub_engine *e) {
    uv_timer_start(&e->own_again, on_own_again, OWN_RETRY_MS, 0);
}

/* ---- what the offices said last, and the heads of audit logs: kept durably once a minute, a break at once */

struct audit_line {
    uint32_t node;
    struct hub_audit audit;
};

struct said_line {
    uint32_t node;
    struct office_said said;
};

struct audit_saving {
    struct hub_own_work own;
    struct hub_engine *engine;
    struct audit_line *lines; /* owns */
    struct said_line *said;   /* owns */
    size_t count, said_count, signer_count;
    uint8_t signers[2][KEY_BYTES];
};

static void audit_works(struct hub_own_work *w, struct txn *own) {
    struct audit_saving *s = (struct audit_saving *)w;
    wall_ms now = clock_wall(), keep = (wall_ms)LIMIT_AUDIT_KEEP_DAYS * 86400000;
    for (size_t i = 0; i < s->count; i++)
        hub_audit_write(own, s->lines[i].node, &s->lines[i].audit);
    for (size_t i = 0; i < s->said_count; i++)
        hub_own_said(own, s->said[i].node, &s->said[i].said);
    for (size_t i = 0; i < s->signer_count; i++)
        audit_signer_add(own, &audit_hub, s->signers[i]);
    audit_trim(own, &audit_hub, now > keep ? now - keep : 0, AUDIT_TRIM_BLOCKS);
}

static void audit_done(struct hub_own_work *w, int result) {
    struct audit_saving *s = (struct audit_saving *)w;
    for (size_t i = 0; i < s->count && result != 0; i++) { /* with the next that go */
        struct hub_peer *p = peer_by_node(s->engine, s->lines[i].node);
        if (p != NULL)
            p->audit.dirty = true;
        else
            s->engine->own_told_dirty = true;
    }
    for (size_t i = 0; i < s->said_count && result != 0; i++) {
        struct hub_peer *p = peer_by_node(s->engine, s->said[i].node);
        if (p != NULL)
            p->said_dirty = true;
    }
    s->engine->signers_dirty = s->engine->signers_dirty || (s->signer_count > 0 && result != 0);
    free(s->lines);
    free(s->said);
    free(s);
}

static void audit_save(struct hub_engine *e) {
    struct audit_saving *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->lines = memory_zeroed(e->peer_count + 1, sizeof *s->lines);
    s->said = memory_zeroed(e->peer_count + 1, sizeof *s->said);
    for (size_t i = 0; i < e->peer_count; i++) {
        const struct hub_link *l = &e->peers[i]->link;
        if (!e->peers[i]->said_dirty)
            continue;
        struct said_line *line = &s->said[s->said_count++];
        line->node = l->node;
        line->said.at = l->reported;
        line->said.report = l->last;
        memcpy(line->said.software, l->software, sizeof l->software);
        e->peers[i]->said_dirty = false;
    }
    for (size_t i = 0; i < e->peer_count; i++)
        if (e->peers[i]->audit.dirty) {
            s->lines[s->count++] = (struct audit_line){e->peers[i]->link.node, e->peers[i]->audit};
            e->peers[i]->audit.dirty = false;
        }
    if (e->own_told_dirty) {
        s->lines[s->count++] = (struct audit_line){HEADS_OWN, {.kept = e->own_told, .broken = e->own_broken}};
        e->own_told_dirty = false;
    }
    for (size_t i = 0; e->signers_dirty && i < (e->next_keys ? 2 : 1); i++)
        memcpy(s->signers[s->signer_count++], e->keys[i].public.sign, KEY_BYTES);
    e->signers_dirty = false;
    s->own.work = audit_works;
    s->own.done = audit_done;
    if (s->count > 0 || s->said_count > 0 || s->signer_count > 0)
        hub_engine_own(e, &s->own);
    else
        audit_done(&s->own, 0);
}

/* ---- who has moved to the hub's next keys: kept durably, one commit at a time */

struct moved_line {
    uint32_t node;
    uint8_t to[KEY_BYTES];
};

struct moved_saving {
    struct hub_own_work own;
    struct hub_engine *engine;
    struct moved_line *lines; /* owns */
    size_t count;
};

static void moved_works(struct hub_own_work *w, struct txn *own) {
    struct moved_saving *s = (struct moved_saving *)w;
    for (size_t i = 0; i < s->count; i++)
        hub_own_moved(own, s->lines[i].node, s->lines[i].to);
}

static void moved_save(struct hub_engine *e);

static void moved_done(struct hub_own_work *w, int result) {
    struct moved_saving *s = (struct moved_saving *)w;
    struct hub_engine *e = s->engine;
    e->moved_saving = false;
    for (size_t i = 0; i < s->count && result != 0; i++) { /* with the next that go */
        struct hub_peer *p = peer_by_node(e, s->lines[i].node);
        if (p != NULL)
            p->moved_dirty = true;
    }
    free(s->lines);
    free(s);
    if (result == 0 && !e->closing)
        moved_save(e);
}

static void moved_save(struct hub_engine *e) {
    size_t count = 0;
    for (size_t i = 0; i < e->peer_count; i++)
        count += e->peers[i]->moved_dirty;
    if (count == 0 || e->moved_saving)
        return;
    struct moved_saving *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->lines = memory_zeroed(count, sizeof *s->lines);
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_peer *p = e->peers[i];
        if (!p->moved_dirty)
            continue;
        s->lines[s->count].node = p->link.node;
        memcpy(s->lines[s->count++].to, p->moved_to, KEY_BYTES);
        p->moved_dirty = false;
    }
    s->own.work = moved_works;
    s->own.done = moved_done;
    e->moved_saving = true;
    hub_engine_own(e, &s->own);
}

/* It was heard. A copy of an office that has not the next keys comes by the former ones again, and has not moved then. */
static void note_moved(struct hub_peer *p) {
    static const uint8_t former[KEY_BYTES];
    struct hub_engine *e = p->engine;
    if (e->next_way == NULL || p->way == NULL)
        return;
    const uint8_t *to = p->way == e->next_way ? e->keys[1].public.curve : former;
    if (memcmp(p->moved_to, to, KEY_BYTES) == 0)
        return;
    memcpy(p->moved_to, to, KEY_BYTES);
    p->moved_dirty = true;
    moved_save(e);
}

static void on_audit_again(uv_timer_t *t) {
    audit_save(t->data);
    moved_save(t->data);
}

static void hear_audit(struct hub_engine *e, struct hub_peer *p, const struct report *m) {
    if (audit_head_none(&m->audit.mine.head) || m->session != hub_side_session(&p->link))
        return;
    enum audit_verdict v = hub_audit_heard(&p->audit, &m->audit, clock_wall());
    if (v == AUDIT_EXTENDS || v == AUDIT_UNPROVEN)
        return;
    log_fact(
        LOG_ERROR, "hub.alarm", FACT_TEXT("what", "an audit log that does not go on"), FACT_UINT("node", p->link.node),
        FACT_HEX("key", bytes_of(p->keys.curve, KEY_BYTES)), FACT_TEXT("it", audit_verdict_text(v)),
        FACT_UINT("kept", p->audit.broken.told.head.n), FACT_UINT("now", p->audit.broken.said.n));
    audit_save(e);
}

/* What a node keeps of the hub's own log, and the hub's answer to it. */
static void own_judged(
    struct hub_engine *e, struct hub_peer *p, const struct audit_told *told, const struct audit_say *say, enum audit_verdict v) {
    if (v == AUDIT_UNPROVEN)
        return;
    if (v == AUDIT_EXTENDS && told->head.n >= e->own_told.told.head.n) {
        e->own_told = (struct audit_kept){.told = *told, .heard = clock_wall()};
        e->own_told_dirty = true;
    }
    if (v == AUDIT_EXTENDS || e->own_broken.told.head.n >= told->head.n)
        return;
    e->own_broken = (struct audit_kept){.told = *told, .heard = clock_wall(), .verdict = v, .said = say->mine.head};
    e->own_told_dirty = true;
    log_fact(
        LOG_ERROR, "hub.audit_broken", FACT_TEXT("it", audit_verdict_text(v)), FACT_UINT("told_by", p->link.node),
        FACT_UINT("kept", told->head.n), FACT_UINT("now", say->mine.head.n));
    audit_save(e);
}

const struct audit_kept *hub_engine_audit_broken(const struct hub_engine *e) {
    return &e->own_broken;
}

void hub_engine_audit_settled(struct hub_engine *e, uint32_t node) {
    struct hub_peer *p = peer_by_node(e, node);
    if (node == HEADS_OWN)
        e->own_broken = e->own_told = (struct audit_kept){.heard = 0};
    else if (p != NULL)
        p->audit.broken = (struct audit_kept){.heard = 0};
}

/* Is the hub's own log whole? It answers for nothing if it is not. */
struct audit_proof {
    struct hub_read read;
    struct hub_engine *engine;
    struct audit_checked checked;
};

static void audit_proof_works(struct hub_read *q, struct txn *state, struct txn *log) {
    struct audit_proof *a = (struct audit_proof *)q;
    struct txn *own;
    (void)state;
    (void)log;
    if (store_read(a->engine->stores.own, &own) != 0)
        return;
    audit_verify(own, &audit_hub, &a->checked);
    txn_abort(own);
}

static void audit_proof_done(struct hub_read *q, int result) {
    struct audit_proof *a = (struct audit_proof *)q;
    (void)result;
    if (!a->checked.by_head)
        a->engine->troubles.audit_bad = a->checked.bad;
    if (a->checked.bad != 0)
        log_fact(LOG_ERROR, "audit.bad", FACT_UINT("from", a->checked.bad), FACT_TEXT("why", buffer_string(&a->checked.what)));
    buffer_close(&a->checked.what);
    free(a);
}

static void audit_prove(struct hub_engine *e) {
    struct audit_proof *a = memory_zeroed(1, sizeof *a);
    a->engine = e;
    a->read.work = audit_proof_works;
    a->read.done = audit_proof_done;
    hub_engine_read(e, &a->read);
}

/* ---- backups: what is safe, and the log below what they need */

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

static void trim_soon(struct hub_engine *e);

static void trim_done(struct job *j, int result) {
    struct trim *t = (struct trim *)j;
    if (result < 0)
        fatal(t->engine, result);
    if (result == 0 && t->more && !t->engine->closing)
        trim_soon(t->engine);
    free(t);
}

static void trim_soon(struct hub_engine *e) {
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

static int read_kept(struct hub_engine *e) {
    struct txn *own;
    int r = store_read(e->stores.own, &own);
    if (r != 0)
        return pass(r);
    struct hub_audit ours = {.due = false};
    hub_kept_view(own, &e->kept);
    hub_audit_read(own, HEADS_OWN, &ours);
    e->own_told = ours.kept;
    e->own_broken = ours.broken;
    r = txn_result(own);
    txn_abort(own);
    return r == 0 ? 0 : pass(r);
}

const struct hub_kept_view *hub_engine_backups(const struct hub_engine *e) {
    return &e->kept;
}

const struct hub_stores *hub_engine_stores(const struct hub_engine *e) {
    return &e->stores;
}

void hub_engine_kept(struct hub_engine *e, struct hub_kept_view *v) {
    hub_kept_view_close(&e->kept);
    e->kept = *v;
    *v = (struct hub_kept_view){.kept = NULL};
    if (e->closing)
        return;
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_link *l = &e->peers[i]->link;
        for (size_t k = 0; k < l->life_count; k++)
            l->lives[k].safe = hub_kept_safe(&e->kept, l->node, &l->lives[k].incarnation);
    }
    step(e, &(struct hub_event){.kind = HUB_KEPT}, NULL);
    trim_soon(e);
}

/* ---- the merge worker */

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

static void merge_quiet(void *owner) {
    struct hub_engine *e = owner;
    store_rest(e->stores.state); /* if that fails, so does the next transaction, and it is told there */
}

static void on_merge_again(uv_timer_t *t) {
    merge_soon(t->data);
}

/* What the fold needs next is damaged: it can neither go past it nor do without. It stops there, and everything else goes on: what comes is
 * in the log and acknowledged, what is merged is read. A person has to repair the state, and then the fold goes on with the same entry. */
static void merge_pause(struct hub_engine *e) {
    e->troubles.merge_paused = true;
    log_fact(
        LOG_ERROR, "hub.merge_paused", FACT_UINT("position", e->counts.position),
        FACT_TEXT("do", "what comes is kept in the log; run anjuctl verify, then restore or rebuild the state"));
    if (e->writing != NULL && e->writing->position != 0)
        write_finish(e, e->writing, HUB_WRITE_NOTED);
}

static void set_counts(struct hub_engine *e, const struct folding *f) {
    struct hub_counts *n = &e->counts;
    if (f->place.epoch_count == 0)
        return;
    if (n->position != f->place.position)
        n->moved_at = clock_now();
    n->position = f->place.position;
    log_reaches(e, f->log_last);
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
        struct hub_peer *p = peer_by_node(e, f->done.nodes[i]);
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
        fatal(e, f->result);
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
            step(e, &in, NULL);
        }
        step(e, &(struct hub_event){.kind = HUB_FOLDED, .folded = e->counts.position}, NULL);
        for (size_t i = 0; i < f->done.forger_count; i++) {
            struct hub_peer *p = peer_by_node(e, f->done.forgers[i].node);
            if (p != NULL)
                wrong(p, &p->wrongs.forged, f->done.forgers[i].changes, "sent changes in another's name");
        }
        if (f->done.offices || f->done.every_node)
            roster_soon(e);
        if (f->done.changes > 0 && e->calls.merged != NULL)
            e->calls.merged(e->calls.owner, &f->done);
        if (f->done.ordered && e->calls.ordered != NULL)
            e->calls.ordered(e->calls.owner);
        if (f->done.changes > 0) {
            e->sweep_wanted = true;
            sweep_later(e);
        }
        if (e->writing != NULL && e->writing->position != 0 && e->writing->position <= f->done.position)
            write_finish(e, e->writing, 0);
        if (f->done.position < f->log_last || e->merge_wanted)
            merge_soon(e);
    }
    free(f);
}

static void merge_soon(struct hub_engine *e) {
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
        fatal(e, s->result);
    else if (s->result == 0 && (s->removed == SWEEP_ROWS || s->erases))
        sweep_turn(e);
    else if (s->result == 0 && (!s->rests || e->sweep_wanted))
        sweep_later(e);
    free(s);
}

static void sweep_turn(struct hub_engine *e) {
    if (e->closing || e->sweeping || e->troubles.merge_paused)
        return;
    if (e->merging || e->counts.position < e->counts.log_last) {
        sweep_later(e);
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
        fatal(s->engine, s->result);
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

static void compacted(void *owner, int result) {
    struct hub_engine *e = owner;
    if (result < 0)
        fatal(e, result);
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

struct epoch hub_engine_epoch(const struct hub_engine *e) {
    return e->epoch;
}

static void on_sweep_again(uv_timer_t *t) {
    sweep_turn(t->data);
}

static void sweep_later(struct hub_engine *e) {
    if (!e->closing && !e->sweeping && !uv_is_active((uv_handle_t *)&e->sweep_again))
        uv_timer_start(&e->sweep_again, on_sweep_again, SWEEP_MS, 0);
}

/* ---- the read worker */

static int read_end(void *owner) {
    struct hub_engine *e = owner;
    txn_abort(e->read_state);
    txn_abort(e->read_log);
    e->read_state = e->read_log = NULL;
    return 0;
}

static int read_begin(void *owner) {
    struct hub_engine *e = owner;
    int r = store_read(e->stores.state, &e->read_state);
    if (r == 0)
        r = store_read(e->stores.log, &e->read_log);
    if (r != 0)
        read_end(e);
    return r;
}

static int read_result(const struct hub_engine *e) {
    return txn_result(e->read_state) != 0 ? txn_result(e->read_state) : txn_result(e->read_log);
}

/* A transaction that met damage finds nothing any more; who comes after must not be told that there is nothing. */
static void read_works(struct job *j, void *owner) {
    struct hub_engine *e = owner;
    struct hub_read *q = (struct hub_read *)j;
    if (e->read_state != NULL && read_result(e) != 0)
        read_end(e);
    if (e->read_state == NULL)
        q->result = read_begin(e);
    if (q->result != 0)
        return;
    q->work(q, e->read_state, e->read_log);
    q->result = read_result(e);
}

static bool found_before(const struct hub_engine *e, const struct hub_damage *d) {
    const struct hub_damage *all = (const struct hub_damage *)(const void *)e->damaged.at;
    for (size_t i = 0; i < e->troubles.damaged; i++)
        if (all[i].type == d->type && id_equal(&all[i].id, &d->id))
            return true;
    return false;
}

static void collect_damage(struct hub_engine *e, const struct buffer *found) {
    const struct hub_damage *all = (const struct hub_damage *)(const void *)found->at;
    for (size_t i = 0; i < found->len / sizeof *all && e->troubles.damaged < DAMAGED_MOST; i++) {
        if (found_before(e, &all[i]))
            continue;
        buffer_add(&e->damaged, bytes_of(&all[i], sizeof all[i]));
        e->troubles.damaged++;
        e->damage_met++;
        log_fact(
            LOG_ERROR, all[i].type == 0 ? "hub.row_rotten" : "hub.record_rotten", FACT_UINT("type", all[i].type),
            FACT_HEX("id", bytes_of(all[i].id.b, sizeof all[i].id.b)));
    }
}

static void met_unreadable(struct hub_engine *e) {
    e->troubles.unreadable = true;
    e->damage_met++;
}

static void read_done(struct job *j, int result) {
    struct hub_read *q = (struct hub_read *)j;
    struct hub_engine *e = q->engine;
    if (result == 0)
        result = q->result;
    if (result == -EBADMSG)
        met_unreadable(e);
    else if (result < 0)
        fatal(e, result);
    collect_damage(e, &q->damaged);
    q->whole = result == 0 && q->damaged.len == 0;
    buffer_close(&q->damaged);
    q->done(q, result);
}

void hub_engine_read(struct hub_engine *e, struct hub_read *q) {
    q->engine = e;
    q->result = 0;
    if (e->closing) {
        buffer_close(&q->damaged);
        q->done(q, -ECANCELED);
        return;
    }
    q->job.work = read_works;
    q->job.done = read_done;
    worker_submit(e->read, &q->job);
}

struct answer {
    struct hub_read read;
    struct hub_peer *peer;
    enum hub_effect_kind kind;
    uint64_t session;
    struct heard *heard;
    struct cursor cursor;
    struct message message;
    struct buffer frame;
    int outcome;
    /* Of audit logs: said with this answer, what the node keeps of ours, and what that says of ours. */
    bool audits, vouch;
    bool by_next; /* it goes by the next door */
    struct audit_say audit;
    struct audit_told told;
    enum audit_verdict verdict;
};

static void fill_audit(struct answer *a) {
    struct hub_engine *e = a->peer->engine;
    struct txn *own;
    CLEANUP(keys_forget) struct keys keys;
    keys_take(e, a->by_next, &keys);
    a->verdict = AUDIT_UNPROVEN;
    if (!a->audits || store_read(e->stores.own, &own) != 0)
        return;
    hub_audit_say(own, &keys, &a->told, a->vouch, &a->audit, &a->verdict);
    txn_abort(own);
    *(a->kind == HUB_FX_WELCOME ? &a->message.welcome.audit : &a->message.feed.audit) = a->audit;
}

static void fill_welcome(struct answer *a, struct txn *state) {
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct welcome *m = &a->message.welcome;
    hub_place_get(state, place);
    hub_node_get(state, a->peer->link.node, n);
    a->outcome = txn_result(state);
    if (a->outcome == 0)
        hub_cursor_adopt(place, a->cursor, &m->cursor, &m->load);
    m->tip = place->hub_seq;
    m->erasures = hub_erasures_tip(state);
    m->clock = clock_wall();
    for (size_t i = 0; i < m->life_count; i++) {
        const struct life *merged = life_find(n->lives, n->life_count, &m->lives[i].incarnation);
        m->lives[i].includes = merged == NULL ? 0 : merged->includes;
    }
    free(n);
    free(place);
}

static void answer_works(struct hub_read *q, struct txn *state, struct txn *log) {
    struct answer *a = (struct answer *)q;
    struct arena arena = {0};
    uint32_t node = a->peer->link.node;
    (void)log;
    if (a->kind == HUB_FX_WELCOME) {
        fill_welcome(a, state);
    } else if (a->kind == HUB_FX_PAGE) {
        a->message.kind = MESSAGE_FEED;
        a->outcome = hub_feed_page(state, node, &a->heard->message.pull, &arena, &a->message.feed, &q->damaged);
        a->message.feed.session = a->session;
    } else {
        a->message.kind = MESSAGE_REPAIR_FILL;
        a->outcome = hub_repair_fill(state, node, &a->heard->message.repair_ask, &arena, &a->message.repair_fill, &q->damaged);
        a->message.repair_fill.session = a->session;
    }
    if (a->outcome == 0)
        fill_audit(a);
    if (a->outcome == 0)
        a->outcome = wire_pack(&a->message, &a->frame);
    arena_close(&arena);
}

static void answer_free(struct answer *a) {
    if (a == NULL)
        return;
    heard_drop(a->heard);
    buffer_close(&a->frame);
    free(a);
}

static void next_answer(struct hub_engine *e, struct hub_peer *p, size_t kind);

static void answer_done(struct hub_read *q, int result) {
    struct answer *a = (struct answer *)q;
    struct hub_engine *e = a->peer->engine;
    if (result == 0 && a->outcome == -EBADMSG)
        met_unreadable(e);
    else if (result == 0 && a->outcome < 0)
        fatal(e, a->outcome);
    if ((result != 0 || a->outcome != 0) && within(&a->peer->line_due, clock_now(), LINE_EACH_MS))
        log_fact(
            LOG_WARNING, "hub.no_answer", FACT_UINT("node", a->peer->link.node), FACT_INT("outcome", result != 0 ? result : a->outcome));
    if (result == 0 && a->outcome == 0 && !e->closing && hub_side_session(&a->peer->link) == a->session)
        send_to(a->peer, buffer_bytes(&a->frame));
    if (result == 0 && a->audits && !e->closing)
        own_judged(e, a->peer, &a->told, &a->audit, a->verdict);
    if (a->kind != HUB_FX_WELCOME)
        next_answer(e, a->peer, a->kind == HUB_FX_REPAIR);
    answer_free(a);
}

/* A node has one question of a kind open; of one that asks again and again only the last is kept. */
static void next_answer(struct hub_engine *e, struct hub_peer *p, size_t kind) {
    struct answer *next = p->asked[kind];
    p->asked[kind] = NULL;
    p->answering[kind] = next != NULL && !e->closing;
    if (p->answering[kind])
        hub_engine_read(e, &next->read);
    else
        answer_free(next);
}

static void ask(struct hub_engine *e, struct answer *a, size_t kind) {
    struct hub_peer *p = a->peer;
    if (p->asked[kind] != NULL && !within(&p->small_due, clock_now(), SMALL_EACH_MS))
        flooded(p);
    answer_free(p->asked[kind]);
    p->asked[kind] = a;
    if (!p->answering[kind])
        next_answer(e, p, kind);
}

static void answer_with(struct hub_engine *e, const struct hub_effect *x, struct heard *h) {
    struct answer *a = memory_zeroed(1, sizeof *a);
    a->peer = (struct hub_peer *)x->link;
    a->kind = x->kind;
    a->session = hub_side_session(x->link);
    a->cursor = x->link->cursor;
    if (x->kind == HUB_FX_WELCOME)
        a->message = x->message;
    else
        a->heard = heard_hold(h);
    if (x->kind == HUB_FX_WELCOME) /* perhaps of an older disk */
        a->peer->pulled = (struct cursor){.at = 0};
    else if (x->kind == HUB_FX_PAGE)
        a->peer->pulled = h->message.pull.cursor;
    a->read.work = answer_works;
    a->read.done = answer_done;
    a->audits = x->kind == HUB_FX_WELCOME || (x->kind == HUB_FX_PAGE && a->peer->audit.due);
    a->vouch = e->troubles.audit_bad == 0;
    a->by_next = a->peer->way != NULL && a->peer->way == e->next_way;
    a->audit.yours = a->peer->audit.kept.told;
    if (x->kind == HUB_FX_PAGE) {
        a->told = a->peer->audit.told;
        a->peer->audit.due = false;
    }
    if (x->kind == HUB_FX_WELCOME)
        hub_engine_read(e, &a->read);
    else
        ask(e, a, x->kind == HUB_FX_REPAIR);
}

/* ---- the roster: who may come, from the office records */

struct office_line {
    uint32_t node;
    struct public_keys keys, before;
    wall_ms before_until;
    bool keyed, revoked, paused, retiring, retired, full;
    struct hub_audit audit;
    uint8_t moved_to[KEY_BYTES];
    struct office_said said;
    area areas[LIMIT_AREAS]; /* that it asks for in its Pulls */
    size_t area_count;
};

struct roster {
    struct hub_read read;
    struct hub_engine *engine;
    struct office_line *lines; /* owns */
    struct hub_log_node *logs; /* owns; of the same nodes */
    uint64_t position;         /* of the snapshot */
    size_t count, room;
};

static struct bytes winner_text(const struct record *r, uint32_t field) {
    const struct head *h = field_winner(record_field(r, field));
    struct value v;
    return h != NULL && value_unpack(h->value, &v) && v.kind == VALUE_TEXT ? v.text : BYTES("");
}

static wall_ms winner_number(const struct record *r, uint32_t field) {
    const struct head *h = field_winner(record_field(r, field));
    struct value v;
    return h != NULL && value_unpack(h->value, &v) && v.kind == VALUE_NUMBER && v.number > 0 ? (wall_ms)v.number : 0;
}

static int roster_each(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct roster *r = owner;
    if (office == NULL)
        return 0;
    if (r->count == r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->lines = memory_resize(r->lines, r->room * sizeof *r->lines);
    }
    struct office_line *l = &r->lines[r->count++];
    struct bytes status = winner_text(office, OFFICE_STATUS);
    *l = (struct office_line){.node = node};
    l->keyed = public_parse(winner_text(office, OFFICE_KEY), &l->keys);
    if (public_parse(winner_text(office, OFFICE_KEY_BEFORE), &l->before))
        l->before_until = winner_number(office, OFFICE_KEY_UNTIL);
    l->revoked = bytes_equal(status, BYTES("revoked"));
    l->paused = bytes_equal(status, BYTES("paused"));
    l->retiring = bytes_equal(status, BYTES("retiring"));
    l->retired = bytes_equal(status, BYTES("retired"));
    l->full = hub_node_full(n);
    l->area_count = area_expand(n->served, n->served_count, node, l->areas, LIMIT_AREAS);
    return 0;
}

static void roster_works(struct hub_read *q, struct txn *state, struct txn *log) {
    struct roster *r = (struct roster *)q;
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    if (hub_place_get(state, place))
        r->position = place->position;
    free(place);
    hub_offices(state, roster_each, r, &q->damaged);
    r->logs = memory_zeroed(r->count + 1, sizeof *r->logs);
    for (size_t i = 0; i < r->count; i++)
        hub_log_node(log, r->lines[i].node, &r->logs[i]);
    struct txn *own;
    if (store_read(r->engine->stores.own, &own) != 0)
        return;
    for (size_t i = 0; i < r->count; i++) {
        hub_audit_read(own, r->lines[i].node, &r->lines[i].audit);
        hub_own_moved_to(own, r->lines[i].node, r->lines[i].moved_to);
        hub_own_said_last(own, r->lines[i].node, &r->lines[i].said);
    }
    txn_abort(own);
}

static struct hub_peer *peer_add(struct hub_engine *e, const struct hub_log_node *n) {
    struct hub_peer *p = memory_zeroed(1, sizeof *p);
    struct hub_link *l = &p->link;
    p->engine = e;
    l->node = n->node;
    l->current = n->current;
    l->issued = n->issued;
    l->used = n->used;
    for (size_t k = 0; k < n->life_count; k++)
        l->lives[l->life_count++] = (struct hub_life){
            .incarnation = n->lives[k].incarnation,
            .accepted = n->lives[k].acked,
            .expected = n->lives[k].acked,
            .accepted_hash = n->lives[k].acked_hash,
            .expected_hash = n->lives[k].acked_hash,
            .safe = hub_kept_safe(&e->kept, n->node, &n->lives[k].incarnation),
        };
    e->peers = memory_resize(e->peers, (e->peer_count + 1) * sizeof(struct hub_peer *));
    e->links = memory_resize(e->links, (e->peer_count + 1) * sizeof(struct hub_link *));
    size_t at = e->peer_count;
    while (at > 0 && e->peers[at - 1]->link.node > l->node) {
        e->peers[at] = e->peers[at - 1];
        at--;
    }
    e->peers[at] = p;
    e->peer_count++;
    for (size_t i = 0; i < e->peer_count; i++)
        e->links[i] = &e->peers[i]->link;
    hub_side_links(&e->side, e->links, e->peer_count);
    return p;
}

static void set_keys(struct hub_engine *e, struct hub_peer *p, const struct office_line *l) {
    uint8_t used[KEY_BYTES];
    bool had = p->keyed;
    memcpy(used, keys_in_use(p)->curve, KEY_BYTES);
    p->keyed = l->keyed;
    p->keys = l->keys;
    p->before = l->before;
    p->before_until = l->before_until;
    p->by_before = had && hub_peer_keys(p, used) == &p->before;
    if (had && hub_peer_keys(p, used) == NULL)
        forget_key(e, used);
}

static void roster_done(struct hub_read *q, int result) {
    struct roster *r = (struct roster *)q;
    struct hub_engine *e = r->engine;
    e->roster_reading = false;
    if (result == -EBADMSG && !e->roster_known)
        fatal(e, result);                   /* it is not known what was accepted of whom */
    e->troubles.roster_damaged = !q->whole; /* who is missing in it stays as he was */
    for (size_t i = 0; result == 0 && !e->closing && i < r->count; i++) {
        const struct office_line *l = &r->lines[i];
        struct hub_peer *p = peer_by_node(e, l->node);
        if (p == NULL) {
            p = peer_add(e, &r->logs[i]);
            p->audit = l->audit;
            memcpy(p->moved_to, l->moved_to, sizeof p->moved_to);
            p->link.area_count = l->area_count;
            memcpy(p->link.areas, l->areas, sizeof p->link.areas);
            p->link.last = l->said.report;
            p->link.reported = l->said.at;
            memcpy(p->link.software, l->said.software, sizeof p->link.software);
        }
        set_keys(e, p, l);
        if (p->key_due)
            tell_key(p);
        p->key_due = false;
        p->link.revoked = l->revoked;
        p->link.paused = l->paused;
        p->link.retired = l->retired;
        if (l->retiring && !p->retiring)
            p->retire_at = e->counts.hub_seq; /* at least where its record says so */
        p->retiring = l->retiring;
        p->closing = p->closing && l->retiring;
        if (p->full_at <= r->position)
            p->link.full = l->full;
        step(e, &(struct hub_event){.kind = HUB_PEER, .link = &p->link}, NULL);
    }
    if (result == 0)
        e->roster_known = true;
    free(r->lines);
    free(r->logs);
    free(r);
    if (e->roster_wanted)
        roster_soon(e);
}

static void roster_soon(struct hub_engine *e) {
    e->roster_wanted = e->roster_reading;
    if (e->roster_reading || e->closing)
        return;
    struct roster *r = memory_zeroed(1, sizeof *r);
    e->roster_reading = true;
    r->engine = e;
    r->read.work = roster_works;
    r->read.done = roster_done;
    hub_engine_read(e, &r->read);
}

/* ---- effects */

struct stepping {
    struct hub_engine *engine;
    struct heard *heard;
};

static void say(struct hub_peer *p, const struct message *m) {
    struct buffer frame = {0};
    if (wire_pack(m, &frame) == 0)
        send_to(p, buffer_bytes(&frame));
    else
        log_fact(LOG_ERROR, "hub.message_too_big", FACT_TEXT("kind", message_name(m->kind)));
    buffer_close(&frame);
}

static void on_effect(void *owner, const struct hub_effect *x) {
    struct stepping *s = owner;
    struct hub_engine *e = s->engine;
    switch (x->kind) {
    case HUB_FX_SEND:
        say((struct hub_peer *)x->link, &x->message);
        break;
    case HUB_FX_APPEND:
    case HUB_FX_NONCE:
        append(e, x, s->heard);
        break;
    case HUB_FX_WELCOME:
    case HUB_FX_PAGE:
    case HUB_FX_REPAIR:
        answer_with(e, x, s->heard);
        break;
    case HUB_FX_NOTE:
        if (x->note == HUB_NOTE_FLOOD)
            flooded((struct hub_peer *)x->link);
        if (x->link != NULL && !within(&((struct hub_peer *)x->link)->line_due, clock_now(), LINE_EACH_MS))
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

static void step(struct hub_engine *e, struct hub_event *in, struct heard *h) {
    struct stepping s = {e, h};
    in->now = clock_now();
    in->wall = clock_wall();
    hub_side_step(&e->side, in, &(struct hub_out){on_effect, &s});
    if (in->kind == HUB_HEARD && in->heard->kind == MESSAGE_REPORT)
        holder_says(e, (struct hub_peer *)in->link);
}

/* ---- the check worker: everything that comes is decoded off the loop, each peer's in order, a few of each peer at a time */

struct arrival {
    struct job job;
    struct arrival *next; /* of the peer */
    struct hub_peer *peer;
    struct heard *heard;
    struct public_keys keys; /* by which it came: the roster may change meanwhile */
    struct public_keys offered;
    uint32_t node;
    int outcome;
    bool holds, forged;
};

/* What a node says at all; of anything else nothing is kept. */
static bool from_node(const struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO:
    case MESSAGE_PUSH:
    case MESSAGE_PULL:
    case MESSAGE_REPORT:
    case MESSAGE_REPAIR_ASK:
    case MESSAGE_KEY_OFFER:
        return true;
    case MESSAGE_WELCOME:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_FEED:
    case MESSAGE_TIP:
    case MESSAGE_REPAIR_FILL:
    case MESSAGE_KEY_TAKEN:
        break;
    }
    return false;
}

static void arrival_works(struct job *j, void *owner) {
    struct arrival *a = (struct arrival *)j;
    (void)owner;
    a->outcome = heard_decode(a->heard);
    const struct message *m = &a->heard->message;
    a->holds = a->outcome == 0 && from_node(m);
    if (a->holds && m->kind == MESSAGE_PUSH) {
        a->forged = !push_signed(a->keys.sign, a->node, &m->push);
        a->holds = !a->forged && push_holds(&m->push);
    } else if (a->holds && m->kind == MESSAGE_KEY_OFFER) {
        a->forged = !key_offer_signed(a->keys.sign, a->node, &m->key_offer, &a->offered);
        a->holds = !a->forged;
    }
    if (a->holds && m->kind == MESSAGE_REPORT && !audit_head_none(&m->report.audit.mine.head)) {
        a->forged = !audit_signed(a->keys.sign, a->node, &m->report.audit.mine) ||
                    !book_signed(a->keys.sign, a->node, m->report.at, &m->report.book);
        a->holds = !a->forged;
    }
    if (!a->holds)
        arena_close(&a->heard->arena);
}

/* Credit and order are the protocol's; here is what may come more often than any node says it. */
static bool too_often(struct hub_peer *p, const struct message *m) {
    const struct hub_link *l = &p->link;
    instant now = clock_now();
    if (m->kind == MESSAGE_REPORT || m->kind == MESSAGE_KEY_OFFER || (m->kind == MESSAGE_PUSH && l->spent + m->push.body.len > l->credit))
        return !within(&p->small_due, now, SMALL_EACH_MS);
    return false;
}

/* A node that is to be closed has seen that it is, and takes no more edits since; when all that it has is here, it is closed. */
static void close_when_empty(struct hub_peer *p, const struct report *m) {
    struct hub_engine *e = p->engine;
    if (!p->retiring || p->closing || m->session != hub_side_session(&p->link) || m->backlog > 0 || m->at < p->retire_at)
        return;
    p->closing = true;
    e->calls.emptied(e->calls.owner, p);
}

static void hear(struct hub_peer *p, struct heard *h) {
    if (h->message.kind == MESSAGE_REPORT) {
        hear_audit(p->engine, p, &h->message.report);
        close_when_empty(p, &h->message.report);
    }
    step(p->engine, &(struct hub_event){.kind = HUB_HEARD, .link = &p->link, .heard = &h->message}, h);
}

/* A greeting that comes too soon waits for its turn, half a second at most: a line that flaps is no fault of the node, and one that got no
 * answer would wait half a minute before it greets again. Of one peer the last one waits. */
static void on_hello_again(uv_timer_t *t) {
    struct hub_engine *e = t->data;
    instant now = clock_now();
    bool more = false;
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_peer *p = e->peers[i];
        if (p->hello == NULL)
            continue;
        if (within(&p->hello_due, now, HELLO_EACH_MS)) {
            struct heard *h = p->hello;
            p->hello = NULL;
            hear(p, h);
            heard_drop(h);
        }
        more = more || p->hello != NULL;
    }
    if (more)
        uv_timer_start(&e->hello_again, on_hello_again, HELLO_AGAIN_MS, 0);
}

static void drop_hello(struct hub_peer *p) {
    if (p->hello != NULL)
        heard_drop(p->hello);
    p->hello = NULL;
}

static void hear_hello(struct hub_peer *p, struct heard *h) {
    struct hub_engine *e = p->engine;
    if (p->hello == NULL && within(&p->hello_due, clock_now(), HELLO_EACH_MS)) {
        hear(p, h);
        return;
    }
    if (p->hello != NULL)
        flooded(p);
    drop_hello(p);
    p->hello = heard_hold(h);
    if (!uv_is_active((uv_handle_t *)&e->hello_again))
        uv_timer_start(&e->hello_again, on_hello_again, HELLO_AGAIN_MS, 0);
}

/* ---- a node's new keys (1) signed by both, (2) in the office's record, durable and merged, (3) told. Told again to who asks again with
 * either: the answer may be lost. Who has only the key before can change nothing any more. */

static void tell_key(struct hub_peer *p) {
    char text[PUBLIC_TEXT];
    struct message m = {.kind = MESSAGE_KEY_TAKEN};
    m.key_taken = (struct key_taken){bytes_text(public_text(&p->keys, text)), p->before_until};
    say(p, &m);
}

static bool same_keys(const struct public_keys *a, const struct public_keys *b) {
    return memcmp(a->curve, b->curve, KEY_BYTES) == 0 && memcmp(a->sign, b->sign, KEY_BYTES) == 0;
}

static void hear_offer(struct hub_peer *p, const struct arrival *a) {
    struct hub_engine *e = p->engine;
    if (hub_side_session(&p->link) != a->heard->message.key_offer.session || p->link.revoked || p->link.paused || p->changing)
        return;
    if (same_keys(&a->offered, &p->keys)) {
        tell_key(p);
    } else if (!same_keys(&a->keys, &p->keys) || peer_by_key(e, a->offered.curve) != NULL) {
        wrong(p, &p->wrongs.forged, 1, "a new key by one that was replaced, or one that another has");
    } else {
        p->changing = true;
        e->calls.key(e->calls.owner, p, &a->offered, clock_wall() + HUB_KEY_BOTH_DAYS * (wall_ms)86400000);
    }
}

void hub_engine_key_changed(struct hub_engine *e, uint32_t node, const struct public_keys *offered, int result) {
    struct hub_peer *p = peer_by_node(e, node);
    if (p == NULL)
        return;
    p->changing = false;
    if (result == 0 && !e->closing)
        log_fact(LOG_INFO, "hub.key_changed", FACT_UINT("node", node), FACT_HEX("key", bytes_of(offered->curve, KEY_BYTES)));
    p->key_due = result == 0;
}

static void arrival_free(struct arrival *a) {
    heard_drop(a->heard);
    free(a);
}

static void check_more(struct hub_engine *e, struct hub_peer *p) {
    while (p->arrivals != NULL && p->checking < PEER_CHECKING && !e->closing) {
        struct arrival *a = p->arrivals;
        p->arrivals = a->next;
        p->checking++;
        worker_submit(e->check, &a->job);
    }
}

static void arrival_done(struct job *j, int result) {
    struct arrival *a = (struct arrival *)j;
    struct hub_peer *p = a->peer;
    struct hub_engine *e = p->engine;
    (void)result;
    p->checking--;
    p->waiting--;
    p->waiting_bytes -= a->heard->frame.len;
    if (a->forged)
        wrong(p, &p->wrongs.forged, 1, "a push, a key or a head without this key's signature");
    else if (!a->holds)
        wrong(p, &p->wrongs.garbage, 1, a->outcome == 0 ? "a chain that does not hold, or a hub's words" : "an unreadable message");
    else if (too_often(p, &a->heard->message))
        flooded(p);
    else if (!e->closing && a->heard->message.kind == MESSAGE_KEY_OFFER)
        hear_offer(p, a);
    else if (!e->closing && a->heard->message.kind == MESSAGE_HELLO)
        hear_hello(p, a->heard);
    else if (!e->closing)
        hear(p, a->heard);
    arrival_free(a);
    check_more(e, p);
}

/* ---- the door */

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    const struct hub_engine *e = ((struct hub_way *)owner)->engine;
    const struct hub_peer *p = peer_by_key(e, key);
    /* Perhaps he is in the part of the roster that cannot be read. Until the door is open only its own test asks, which must be refused. */
    bool complete = e->roster_known && (!e->troubles.roster_damaged || e->way == NULL);
    if (p == NULL)
        return complete ? GATE_REFUSED : GATE_LATER;
    return p->link.revoked ? GATE_REFUSED : GATE_ADMITTED;
}

static void on_frame(void *owner, const uint8_t key[KEY_BYTES], struct bytes frame) {
    struct hub_way *way = owner;
    struct hub_engine *e = way->engine;
    struct hub_peer *p = peer_by_key(e, key);
    const struct public_keys *keys = p == NULL ? NULL : hub_peer_keys(p, key); /* a former key's time may end between the two */
    if (keys == NULL || e->closing)
        return;
    p->way = way;
    note_moved(p);
    if (p->waiting == PEER_FRAMES || p->waiting_bytes + frame.len > PEER_BYTES) {
        flooded(p); /* an honest push that is lost here is sent again: the next one does not follow it */
        return;
    }
    struct arrival *a = memory_zeroed(1, sizeof *a);
    a->peer = p;
    a->heard = heard_of(frame);
    a->node = p->link.node;
    a->keys = *keys;
    p->by_before = memcmp(key, p->keys.curve, KEY_BYTES) != 0;
    a->job.work = arrival_works;
    a->job.done = arrival_done;
    *(p->arrivals == NULL ? &p->arrivals : &p->arrivals_last->next) = a;
    p->arrivals_last = a;
    p->waiting++;
    p->waiting_bytes += frame.len;
    check_more(e, p);
}

static void on_gone(void *owner, const uint8_t key[KEY_BYTES]) {
    struct hub_way *way = owner;
    struct hub_engine *e = way->engine;
    struct hub_peer *p = peer_by_key(e, key);
    if (p != NULL && !e->closing && p->way == way && memcmp(key, keys_in_use(p)->curve, KEY_BYTES) == 0)
        step(e, &(struct hub_event){.kind = HUB_GONE, .link = &p->link}, NULL);
}

static int way_open(struct hub_engine *e, const char *endpoint, const struct keys *keys, struct hub_way **out) {
    struct hub_way *way = memory_zeroed(1, sizeof *way);
    way->engine = e;
    struct hub_door_calls calls = {admits, on_frame, on_gone, way};
    int r = hub_door_open(e->loop, endpoint, keys, &calls, &way->door);
    if (r == 0)
        *out = way;
    else
        free(way);
    return r;
}

static void keep_signers(struct hub_engine *e) {
    e->signers_dirty = true;
    audit_save(e);
}

static struct hub_way *way_close(struct hub_way *way) {
    if (way == NULL)
        return NULL;
    hub_door_close(way->door);
    free(way);
    return NULL;
}

int hub_engine_next_door(struct hub_engine *e, const char *endpoint, const struct keys *keys) {
    int r = way_open(e, endpoint, keys, &e->next_way);
    if (r == 0) {
        keys_hold(e, keys);
        keep_signers(e);
        for (size_t i = 0; i < e->peer_count; i++)
            note_moved(e->peers[i]);
    }
    return r;
}

void hub_engine_drop_door(struct hub_engine *e, bool next) {
    struct hub_way *goes = next ? e->next_way : e->way;
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_peer *p = e->peers[i];
        if (p->way != goes)
            continue;
        p->way = NULL;
        step(e, &(struct hub_event){.kind = HUB_GONE, .link = &p->link}, NULL);
    }
    e->way = next ? e->way : e->next_way;
    e->next_way = NULL;
    keys_drop(e, next);
    way_close(goes);
}

bool hub_engine_moved(const struct hub_engine *e, const struct hub_peer *p) {
    return e->next_way == NULL || memcmp(p->moved_to, e->keys[1].public.curve, sizeof p->moved_to) == 0;
}

bool hub_engine_settle_fork(struct hub_engine *e, uint32_t node) {
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_link *l = &e->peers[i]->link;
        if (l->node != node)
            continue;
        l->forked = false;
        memset(&l->current, 0, sizeof l->current);
        l->issued = l->used = 0;
        append(e, &(struct hub_effect){.kind = HUB_FX_NONCE, .link = l}, NULL);
        return true;
    }
    return false;
}

/* ---- stores */

static int collect(void *owner, const struct hub_log_node *n) {
    struct buffer *all = owner;
    buffer_add(all, bytes_of(n, sizeof *n));
    return 0;
}

struct settling {
    struct txn *log, *state, *own;
};

static int forget_nonces(struct txn *log) {
    CLEANUP(buffer_close) struct buffer all = {0};
    int r = hub_log_nodes(log, collect, &all);
    for (size_t i = 0; i < all.len / sizeof(struct hub_log_node); i++) {
        struct hub_log_node *n = memory_zeroed(1, sizeof *n);
        memcpy(n, all.at + i * sizeof *n, sizeof *n);
        n->issued = n->used = 0;
        hub_log_node_put(log, n);
        free(n);
    }
    return r == 0 ? 0 : pass(r);
}

/* Log and state are of one moment, or a restore is settled: a new epoch begins, and no nonce of before counts. */
static int settle_all(const struct settling *t) {
    struct hub_log_place at = {.first = 0};
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct id16 life = entropy_id(), own_life = {{0}};
    uint64_t chance;
    int r = 0;
    entropy_fill(&chance, sizeof chance);
    bool log_there = hub_log_place(t->log, &at), state_there = hub_place_get(t->state, place) && place->epoch_count > 0;
    r = txn_result(t->log) != 0 ? txn_result(t->log) : txn_result(t->state);
    if (r != 0) { /* a place that cannot be read is not one of another moment */
        free(place);
        return pass(r);
    }
    if (!log_there)
        hub_log_begin(t->log, &life, 1);
    if (hub_own_last(t->own, &own_life) == 0 && id_zero(&own_life)) {
        struct id16 fresh = entropy_id();
        hub_own_begin(t->own, &fresh);
    }
    bool fits =
        log_there && state_there && id_equal(&place->log_life, &at.life) && place->position + 1 >= at.first && place->position <= at.last;
    bool restored = hub_restored_take(t->state);
    struct audit_head head;
    if (restored || (!fits && (log_there || state_there)))
        audit_life(
            t->own, &audit_hub, clock_wall(), restored ? "the hub was restored from a backup" : "log and state were not of one moment");
    else if (!audit_head(t->own, &audit_hub, &head))
        audit_life(t->own, &audit_hub, clock_wall(), "no log was here");
    if (!fits || restored) {
        if (log_there || state_there)
            log_fact(LOG_WARNING, "hub.restored", FACT_UINT("position", place->position), FACT_UINT("log_last", at.last));
        r = hub_join_log(t->state, t->log, &life);
        if (r == 0)
            r = forget_nonces(t->log);
        if (r == 0)
            hub_epoch_begin(t->state, clock_wall(), chance);
    }
    free(place);
    return r;
}

static int settle(struct hub_stores *s) {
    struct settling t = {NULL, NULL, NULL};
    int r = store_write(s->log, &t.log);
    if (r == 0)
        r = store_write(s->state, &t.state);
    if (r == 0)
        r = store_write(s->own, &t.own);
    if (r == 0) {
        r = settle_all(&t);
        if (r > 0)
            r += HUB_STORES_JOIN;
    }
    if (r != 0) {
        txn_abort(t.own);
        txn_abort(t.state);
        txn_abort(t.log);
        return r < 0 ? pass(r) : r;
    }
    r = txn_commit(t.own);
    int second = txn_commit(t.log), third = txn_commit(t.state);
    return r != 0 ? r : second != 0 ? second : third;
}

int hub_stores_open(const char *folder, const struct seal *seal, struct hub_stores *out) {
    static const struct {
        const char *name;
        const struct store_shape *shape;
    } parts[] = {{"log", &shape_hub_log}, {"state", &shape_hub_state}, {"own", &shape_hub_own}};
    struct store *open[3] = {NULL, NULL, NULL};
    int r = 0;
    for (size_t i = 0; i < 3 && r == 0; i++) {
        struct buffer path = {0};
        buffer_format(&path, "%s/%s", folder, parts[i].name);
        r = store_open_lmdb(buffer_string(&path), parts[i].shape, seal, 0, &open[i]);
        buffer_close(&path);
    }
    *out = (struct hub_stores){open[0], open[1], open[2]};
    if (r == 0)
        r = settle(out);
    if (r != 0)
        hub_stores_close(out);
    return r;
}

void hub_stores_close(struct hub_stores *s) {
    s->log = store_close(s->log);
    s->state = store_close(s->state);
    s->own = store_close(s->own);
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
    hub_side_init(&e->side, seed, POOL_BYTES);
    struct worker_calls check = {.owner = e}, merge = {.quiet = merge_quiet, .owner = e};
    struct worker_calls log = {.begin = log_begin, .end = log_end, .owner = e, .batch_max = 4096};
    struct worker_calls read = {.begin = read_begin, .end = read_end, .owner = e, .batch_max = 64};
    e->check = worker_open(loop, "anju-check", &check);
    e->log = worker_open(loop, "anju-log", &log);
    e->merge = worker_open(loop, "anju-merge", &merge);
    e->read = worker_open(loop, "anju-read", &read);
    struct compactor_calls compactor = {compacted, e, e->calls.compaction};
    e->compactor = compactor_open(loop, (struct store *[]){e->stores.log, e->stores.own, e->stores.state}, 3, &compactor);
    uv_timer_init(loop, &e->merge_again);
    uv_timer_init(loop, &e->own_again);
    uv_timer_init(loop, &e->sweep_again);
    uv_timer_init(loop, &e->hello_again);
    uv_timer_init(loop, &e->audit_again);
    e->merge_again.data = e->own_again.data = e->sweep_again.data = e->hello_again.data = e->audit_again.data = e;
    e->handles = 5;
    uv_timer_start(&e->audit_again, on_audit_again, AUDIT_EACH_MS, AUDIT_EACH_MS);
    e->sweep_wanted = true;
    sweep_later(e);
    int r = read_kept(e);
    if (r != 0)
        fatal(e, r);
    own_submit(e);
    audit_prove(e);
    roster_soon(e);
    /* Nobody is told to wait who need not, and nobody is shown the city as it was before the hub's own latest decisions (I6). */
    while ((!e->roster_known || !e->own_known || (e->counts.position < e->own_until && !e->troubles.state_full)) && e->failure == 0)
        uv_run(loop, UV_RUN_ONCE);
    r = e->failure;
    if (r == 0)
        r = way_open(e, endpoint, keys, &e->way);
    if (r != 0) {
        hub_engine_close(e);
        return r;
    }
    keep_signers(e);
    *out = e;
    return 0;
}

static void on_closed(uv_handle_t *h) {
    struct hub_engine *e = h->data;
    if (--e->handles > 0) /* libuv tells them in no order to rely on */
        return;
    hub_side_close(&e->side);
    for (size_t i = 0; i < e->peer_count; i++) {
        while (e->peers[i]->arrivals != NULL) {
            struct arrival *a = e->peers[i]->arrivals;
            e->peers[i]->arrivals = a->next;
            arrival_free(a);
        }
        drop_hello(e->peers[i]);
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
    audit_save(e);
    e->closing = true;
    e->compactor = compactor_close(e->compactor);
    e->way = way_close(e->way);
    e->next_way = way_close(e->next_way);
    e->check = worker_close(e->check);
    e->log = worker_close(e->log);
    e->merge = worker_close(e->merge);
    e->read = worker_close(e->read);
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

size_t hub_engine_peers(const struct hub_engine *e) {
    return e->peer_count;
}

const struct hub_peer *hub_engine_peer(const struct hub_engine *e, size_t i) {
    return e->peers[i];
}

const struct hub_peer *hub_engine_peer_of(const struct hub_engine *e, uint32_t node) {
    return peer_by_node(e, node);
}

uint32_t hub_engine_free_node(const struct hub_engine *e) {
    return e->peer_count == 0 ? 1 : e->peers[e->peer_count - 1]->link.node + 1;
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
        roster_soon(e);
}

struct hub_troubles hub_engine_troubles(const struct hub_engine *e) {
    return e->troubles;
}
