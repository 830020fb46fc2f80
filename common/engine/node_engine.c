#include "common/engine/node_engine.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/base/random.h"
#include "common/engine/heard.h"
#include "common/engine/policy_book.h"
#include "common/engine/signed.h"
#include "common/net/node_door.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum { RETRY_MS = 500, TRIM_MAX = 5000, OFFER_MS = 30000, MOVE_MS_MAX = 10000 };

struct node_engine {
    uv_loop_t *loop;
    char *folder;
    struct store *store;
    struct arena arena; /* of the enrolment */
    struct enrolment who;
    const struct keys *keys, *next; /* borrows; next: NULL, or those that are to take their place */
    bool with_next;                 /* the next attempt, and the link that is up, use those */
    instant offer_due;
    struct public_keys hub, hub_next; /* the hub's, and those that it will have: while who.next_public is there */
    bool at_next;                     /* the next attempt, and the link that is up, are to those */
    bool moving;                      /* the store is told of it */
    uv_timer_t move;
    struct node_engine_calls calls;
    struct node_side side;
    struct node_door *door;
    struct worker *worker;
    struct compactor *compactor;
    struct worker *reader; /* batches for pushes, from snapshots: sending goes on while a page is laid */
    uv_timer_t timer;
    unsigned handles;   /* the two timers, and those of verbs that wait; not closed yet */
    struct verb *again; /* those */
    bool closing, disk_full, failed;
    const char *reason;
    /* Of the store thread. */
    struct txn *txn;
    bool book_changed; /* in this transaction */
    /* Of the read thread. */
    struct txn *read;
    /* Shared: the progress after the last commit. */
    pthread_mutex_t lock;
    struct node_progress latest;
    struct audit_head latest_head;
    struct book_say latest_book; /* not signed yet */
    uint64_t book_changes;
    /* Of the loop. */
    struct node_audit audit;
    uint64_t asked; /* what the hub said that it keeps of this node's log, and this log after it */
    struct hash asked_hash;
    char software[64 + 1];
    bool accuses; /* the next report shows the hub the head that its log did not go on from */
};

/* ---- the store thread: one write transaction a batch */

static int begin(void *owner) {
    struct node_engine *e = owner;
    return store_write(e->store, &e->txn);
}

static int end(void *owner) {
    struct node_engine *e = owner;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    bool known = node_progress_get(e->txn, p);
    struct audit_head head;
    struct book_say book;
    bool logged = audit_head(e->txn, &audit_node, &head), changed = e->book_changed;
    if (changed)
        policy_book_say(e->txn, &book);
    int r = txn_commit(e->txn);
    e->txn = NULL;
    e->book_changed = false;
    if (r == 0 && known) {
        pthread_mutex_lock(&e->lock);
        e->latest = *p;
        if (logged)
            e->latest_head = head;
        if (changed) {
            e->latest_book = book;
            e->book_changes++;
        }
        pthread_mutex_unlock(&e->lock);
    }
    free(p);
    return r;
}

static void quiet(void *owner) {
    struct node_engine *e = owner;
    store_rest(e->store); /* if that fails, so does the next transaction, and it is told there */
}

static int read_begin(void *owner) {
    struct node_engine *e = owner;
    return store_read(e->store, &e->read);
}

static int read_end(void *owner) {
    struct node_engine *e = owner;
    txn_abort(e->read);
    e->read = NULL;
    return 0;
}

static void step(struct node_engine *e, struct node_event *in, struct heard *h);

/* What a commit gave concerns the whole engine once a batch. */
static void judge(struct node_engine *e, int result) {
    if (result == STORE_DISK_FULL && !e->disk_full)
        log_fact(LOG_ERROR, "store.disk_full", FACT_TEXT("do", "free space on the node's disk; edits are refused until then"));
    if (result >= 0)
        e->disk_full = result == STORE_DISK_FULL;
    if (result < 0 && !e->failed) {
        e->failed = true;
        e->calls.fatal(e->calls.owner, result);
    }
}

/* ---- one's own work */

static void work_runs(struct job *j, void *owner) {
    struct node_work *w = (struct node_work *)j;
    w->work(w, ((struct node_engine *)owner)->txn);
}

static void work_done(struct job *j, int result) {
    struct node_work *w = (struct node_work *)j;
    struct node_engine *e = w->engine;
    bool edits = w->edits;
    judge(e, result);
    w->done(w, result);
    if (edits && result == 0 && !e->closing) {
        struct node_progress *p = memory_zeroed(1, sizeof *p);
        pthread_mutex_lock(&e->lock);
        *p = e->latest;
        pthread_mutex_unlock(&e->lock);
        step(e, &(struct node_event){.kind = NODE_SAVED, .progress = p}, NULL);
        free(p);
    }
}

void node_engine_submit(struct node_engine *e, struct node_work *w) {
    w->engine = e;
    w->job.work = work_runs;
    w->job.done = work_done;
    worker_submit(e->worker, &w->job);
}

/* ---- the protocol's work */

struct verb {
    struct job job;
    struct node_engine *engine;
    struct heard *heard;
    enum node_effect_kind effect;
    enum node_verb verb;
    area area;
    wall_ms asked;
    uint64_t session, after;
    size_t bytes;
    struct id16 incarnation;
    struct node_event event; /* what to tell the machine */
    int failed;              /* READ: the store's failure */
    struct node_progress progress;
    struct digest buckets[DIGEST_BUCKETS];
    struct buffer raw, body;
    uint8_t signature[SIGNATURE_BYTES]; /* READ … */
    struct keys signs;                  /* … by those of the link that it is for */
    uv_timer_t again;
    struct verb *next_again;
};

static void verb_free(struct verb *v) {
    keys_forget(&v->signs);
    heard_drop(v->heard);
    buffer_close(&v->raw);
    buffer_close(&v->body);
    free(v);
}

static int read_once(struct verb *v, struct txn *t, size_t most) {
    buffer_clear(&v->raw);
    buffer_clear(&v->body);
    int r = node_batch(t, &v->incarnation, v->after, most, &v->event.batch.push, &v->raw);
    if (r == 0)
        invariant(wire_batch_seal(buffer_bytes(&v->raw), &v->body) == 0); /* a batch keeps the limits */
    return r;
}

static void read_batch(struct verb *v, struct txn *t) {
    struct push *p = &v->event.batch.push;
    v->event = (struct node_event){.kind = NODE_BATCH};
    v->event.batch.session = v->session;
    /* zstd takes small records to about a third; what does not fit the credit after all is read again, smaller. */
    size_t most = v->bytes * 2;
    int r = read_once(v, t, most);
    while (r == 0 && v->body.len > v->bytes && p->count > 1 && most > 512) {
        most /= 2;
        r = read_once(v, t, most);
    }
    if (r != 0)
        p->count = 0;
    v->failed = r < 0 ? r : 0;
    v->event.batch.broken = r == NODE_BATCH_BROKEN;
    p->incarnation = v->incarnation;
    p->body = buffer_bytes(&v->body);
}

static void read_works(struct job *j, void *owner) {
    struct verb *v = (struct verb *)j;
    struct node_engine *e = owner;
    struct push *p = &v->event.batch.push;
    read_batch(v, e->read);
    if (p->count == 0)
        return;
    push_sign(&v->signs, e->who.node, p, v->signature);
    p->signature = bytes_of(v->signature, sizeof v->signature);
}

/* An office that serves several communities is where the first of them is. */
static area place_of(const struct node_progress *p) {
    for (size_t i = 0; i < p->served_count; i++)
        if (area_is_community(p->served[i]))
            return p->served[i];
    return p->served_count == 0 ? AREA_CITY : p->served[0];
}

static void take_policies(struct node_engine *e, const struct entry *laid, size_t count) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct policy_place place = {.root = e->who.policy_root, .at = node_progress_get(e->txn, p) ? place_of(p) : AREA_CITY};
    free(p);
    e->book_changed = policy_book_laid(e->txn, &place, laid, count, clock_wall()) || e->book_changed;
}

static void verb_works(struct job *j, void *owner) {
    struct verb *v = (struct verb *)j;
    struct node_engine *e = owner;
    struct txn *t = e->txn;
    struct node_laid laid = {0};
    struct message *m = v->heard == NULL ? NULL : &v->heard->message;
    if (v->effect == NODE_FX_ACK) {
        node_acked(t, &m->ack);
        return;
    }
    if (v->effect == NODE_FX_TRIM) {
        node_trim(t, clock_wall(), TRIM_MAX);
        return;
    }
    v->event = (struct node_event){.kind = NODE_DONE};
    v->event.done.verb = v->verb;
    invariant(m != NULL || (v->verb != NODE_VERB_WELCOME && v->verb != NODE_VERB_LAY_FEED && v->verb != NODE_VERB_LAY_REPAIR));
    switch (v->verb) {
    case NODE_VERB_WELCOME:
        v->event.done.outcome = node_welcome(t, &m->welcome, v->asked, clock_wall());
        break;
    case NODE_VERB_NEW_LIFE: {
        struct id16 id = entropy_id();
        node_new_life(t, &id);
        audit_life(t, &audit_node, clock_wall(), "this node's disk is not the one that spoke to the hub last: restored, or copied");
        break;
    }
    case NODE_VERB_LAY_FEED:
        v->event.done.outcome = node_lay_feed(t, &m->feed, &laid);
        if (v->event.done.outcome == 0 && !laid.dropped)
            take_policies(e, m->feed.entries, m->feed.entry_count);
        break;
    case NODE_VERB_BUCKETS:
        node_buckets(t, v->area, v->buckets);
        break;
    case NODE_VERB_LAY_REPAIR:
        v->event.done.outcome = node_lay_repair(t, &m->repair_fill, &laid);
        if (v->event.done.outcome == 0 && !laid.dropped)
            take_policies(e, m->repair_fill.entries, m->repair_fill.entry_count);
        v->event.done.more = m->repair_fill.more;
        break;
    case NODE_VERB_NONE:
        break;
    }
    if (v->event.done.outcome < 0)
        txn_fail(t, v->event.done.outcome);
    v->event.done.dropped = laid.dropped;
    v->event.done.caught_up = laid.caught_up;
    v->event.done.compared = laid.compared;
    v->event.done.equal = laid.digests_equal;
    v->event.done.erased = laid.erased > 0;
    v->event.done.policies = e->book_changed;
    v->event.done.alarm = laid.alarm;
    v->event.done.differs = laid.differs;
    if (node_progress_get(t, &v->progress))
        v->progress.oldest_saved = node_oldest(t, &v->progress);
}

/* One of the engine's handles is closed; it goes with the last, in whatever order libuv tells them. */
static void handle_gone(struct node_engine *e) {
    if (--e->handles > 0)
        return;
    pthread_mutex_destroy(&e->lock);
    arena_close(&e->arena);
    free(e->folder);
    free(e);
}

static void on_again_closed(uv_handle_t *h) {
    struct verb *v = h->data;
    struct node_engine *e = v->engine;
    if (e->closing)
        verb_free(v);
    else
        worker_submit(e->worker, &v->job);
    handle_gone(e);
}

static void on_again(uv_timer_t *t) {
    struct verb *v = t->data, **at = &v->engine->again;
    while (*at != v)
        at = &(*at)->next_again;
    *at = v->next_again;
    uv_close((uv_handle_t *)t, on_again_closed);
}

static void verb_done(struct job *j, int result) {
    struct verb *v = (struct verb *)j;
    struct node_engine *e = v->engine;
    if (result == 0)
        result = v->failed;
    if (v->effect != NODE_FX_READ || result < 0)
        judge(e, result);
    bool answers = v->effect == NODE_FX_READ || v->effect == NODE_FX_VERB;
    if (result == STORE_DISK_FULL && answers && !e->closing) {
        uv_timer_init(e->loop, &v->again);
        v->again.data = v;
        v->next_again = e->again;
        e->again = v;
        e->handles++;
        uv_timer_start(&v->again, on_again, RETRY_MS, 0);
        return;
    }
    if (result == 0 && answers && !e->closing) {
        if (v->effect == NODE_FX_VERB) {
            v->event.done.progress = &v->progress;
            v->event.done.buckets = v->buckets;
        }
        if (v->effect == NODE_FX_VERB && v->event.done.erased)
            compactor_soon(e->compactor);
        step(e, &v->event, NULL);
    }
    verb_free(v);
}

static struct verb *verb_of(struct node_engine *e, enum node_effect_kind effect, struct heard *h) {
    struct verb *v = memory_zeroed(1, sizeof *v);
    v->engine = e;
    v->effect = effect;
    v->heard = h == NULL ? NULL : heard_hold(h);
    v->job.work = verb_works;
    v->job.done = verb_done;
    return v;
}

static const struct keys *keys_in_use(const struct node_engine *e) {
    return e->with_next ? e->next : e->keys;
}

/* ---- the heads of the audit logs: what the hub says of both (model/audit.h) */

struct witness {
    struct job job;
    struct node_engine *engine;
    struct audit_say say;
    struct node_audit found;
    struct hash asked_hash;
    uint8_t sign[2][KEY_BYTES]; /* this node's, with which it signs what the hub will keep */
};

static void witness_works(struct job *j, void *owner) {
    enum { TRIM_BLOCKS = 64 };
    struct witness *w = (struct witness *)j;
    struct txn *t = ((struct node_engine *)owner)->txn;
    wall_ms now = clock_wall(), sure = now < w->say.mine.at ? now : w->say.mine.at, keep = (wall_ms)LIMIT_AUDIT_KEEP_DAYS * 86400000;
    for (size_t i = 0; i < 2; i++)
        audit_signer_add(t, &audit_node, w->sign[i]);
    node_audit_heard(t, ((struct node_engine *)owner)->who.node, &w->say, now, &w->found, &w->asked_hash);
    if (sure > keep) /* a clock that is wrong alone takes nothing away */
        audit_trim(t, &audit_node, sure - keep, TRIM_BLOCKS);
}

static void tell_broken(const struct audit_kept *was, const struct audit_kept *now, const char *whose) {
    if (!audit_head_none(&now->told.head) && was->heard != now->heard)
        log_fact(
            LOG_ERROR, "audit.broken", FACT_TEXT("whose", whose), FACT_TEXT("it", audit_verdict_text(now->verdict)),
            FACT_UINT("kept", now->told.head.n), FACT_UINT("now", now->said.n));
}

static void witness_done(struct job *j, int result) {
    struct witness *w = (struct witness *)j;
    struct node_engine *e = w->engine;
    judge(e, result);
    if (result == 0) {
        e->accuses = e->accuses || e->audit.hub_broken.heard != w->found.hub_broken.heard;
        tell_broken(&e->audit.hub_broken, &w->found.hub_broken, "the hub's log");
        tell_broken(&e->audit.own_broken, &w->found.own_broken, "this node's log");
        e->audit = w->found;
        e->asked = w->say.yours.head.n;
        e->asked_hash = w->asked_hash;
    }
    free(w);
}

/* Before the core is told of the message: its next Report answers. */
static void hear_audit(struct node_engine *e, const struct audit_say *say) {
    if (audit_head_none(&say->mine.head))
        return;
    if (!audit_signed(e->hub.sign, 0, &say->mine) && !(e->who.next_public.len > 0 && audit_signed(e->hub_next.sign, 0, &say->mine))) {
        log_fact(LOG_WARNING, "audit.unsigned", FACT_TEXT("whose", "the hub's log"));
        return;
    }
    struct witness *w = memory_zeroed(1, sizeof *w);
    w->engine = e;
    w->say = *say;
    w->found.bad = e->audit.bad;
    memcpy(w->sign[0], e->keys->public.sign, KEY_BYTES);
    memcpy(w->sign[1], e->next == NULL ? e->keys->public.sign : e->next->public.sign, KEY_BYTES);
    w->job.work = witness_works;
    w->job.done = witness_done;
    worker_submit(e->worker, &w->job);
}

static void say_audit(struct node_engine *e, struct audit_say *out) {
    pthread_mutex_lock(&e->lock);
    out->mine.head = e->latest_head;
    pthread_mutex_unlock(&e->lock);
    out->mine.at = clock_wall();
    audit_sign(keys_in_use(e), e->who.node, &out->mine);
    out->yours = e->accuses ? e->audit.hub_broken.told : e->audit.hub.told;
    e->accuses = false;
    out->asked = e->asked;
    out->asked_hash = e->asked_hash;
}

uint64_t node_engine_book_changes(struct node_engine *e) {
    pthread_mutex_lock(&e->lock);
    uint64_t n = e->book_changes;
    pthread_mutex_unlock(&e->lock);
    return n;
}

area node_engine_place(struct node_engine *e) {
    pthread_mutex_lock(&e->lock);
    area at = place_of(&e->latest);
    pthread_mutex_unlock(&e->lock);
    return at;
}

const struct node_audit *node_engine_audit(const struct node_engine *e) {
    return &e->audit;
}

uint64_t node_engine_audit_entries(struct node_engine *e) {
    pthread_mutex_lock(&e->lock);
    uint64_t n = e->latest_head.n;
    pthread_mutex_unlock(&e->lock);
    return n;
}

void node_engine_audit_settled(struct node_engine *e) {
    e->audit.hub_broken = e->audit.own_broken = (struct audit_kept){.heard = 0};
}

/* ---- effects */

static uint64_t disk_free(const struct node_engine *e) {
    struct statvfs v;
    return statvfs(e->folder, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

static void say(struct node_engine *e, const struct message *m) {
    struct buffer frame = {0};
    if (m->kind == MESSAGE_REPORT) {
        struct message with = *m;
        with.report.disk_free = disk_free(e);
        say_audit(e, &with.report.audit);
        pthread_mutex_lock(&e->lock);
        with.report.book = e->latest_book;
        pthread_mutex_unlock(&e->lock);
        book_sign(keys_in_use(e), e->who.node, with.report.at, &with.report.book);
        if (wire_pack(&with, &frame) == 0)
            node_door_send(e->door, buffer_bytes(&frame));
    } else if (wire_pack(m, &frame) != 0) {
        log_fact(LOG_ERROR, "link.message_too_big", FACT_TEXT("kind", message_name(m->kind)));
    } else {
        node_door_send(e->door, buffer_bytes(&frame));
    }
    buffer_close(&frame);
}

/* ---- new keys: offered, signed by both; used when the hub says that it has them; the old ones go when it has let us in with them */

static void offer(struct node_engine *e) {
    instant now = clock_now();
    if (e->next == NULL || e->with_next || e->side.state != NODE_READY || now < e->offer_due)
        return;
    char text[PUBLIC_TEXT];
    uint8_t by_old[SIGNATURE_BYTES], by_new[SIGNATURE_BYTES];
    struct bytes public = bytes_text(public_text(&e->next->public, text));
    struct message *m = memory_zeroed(1, sizeof *m);
    key_offer_sign(e->keys, e->who.node, public, by_old);
    key_offer_sign(e->next, e->who.node, public, by_new);
    m->kind = MESSAGE_KEY_OFFER;
    m->key_offer = (struct key_offer){e->side.session, public, bytes_of(by_old, sizeof by_old), bytes_of(by_new, sizeof by_new)};
    say(e, m);
    free(m);
    e->offer_due = now + OFFER_MS;
}

static void rekeyed(struct node_engine *e) {
    e->offer_due = 0;
    if (!e->with_next)
        return;
    log_fact(LOG_INFO, "node.key_changed", FACT_HEX("key", bytes_of(e->next->public.curve, KEY_BYTES)));
    e->next = NULL;
    e->with_next = false;
    e->calls.rekeyed(e->calls.owner);
}

/* ---- the hub's next keys: learnt from the feed, kept, tried in turn with those that we know, and in their place once we are welcome there
 */

struct moving {
    struct node_work work;
    struct buffer public, endpoint; /* own; of the next ones; empty: they are the hub's now */
};

static void aim(struct node_engine *e) {
    const struct bytes to = e->at_next ? e->who.next_endpoint : e->who.endpoint;
    struct buffer endpoint = {0};
    buffer_add(&endpoint, to);
    node_door_hub(e->door, buffer_string(&endpoint), e->at_next ? e->hub_next.curve : e->hub.curve);
    buffer_close(&endpoint);
}

static void move_names(struct enrolment *who, const struct moving *m) {
    if (m->public.len == 0 && who->next_public.len > 0) {
        who->hub_public = who->next_public;
        who->endpoint = who->next_endpoint;
    }
    who->next_public = buffer_bytes(&m->public);
    who->next_endpoint = buffer_bytes(&m->endpoint);
}

static void move_works(struct node_work *w, struct txn *t) {
    struct key k = key_word("enrolment");
    struct arena a = {.cap = 0};
    struct buffer file = {0};
    struct enrolment *who = memory_zeroed(1, sizeof *who);
    struct bytes stored;
    if (envelope_get(t, NODE_META, key_bytes(&k), &stored) == 0 && wire_enrolment_unpack(stored, &a, who) == 0) {
        move_names(who, (struct moving *)w);
        wire_enrolment_pack(who, &file);
        envelope_put(t, NODE_META, key_bytes(&k), buffer_bytes(&file));
    }
    free(who);
    buffer_close(&file);
    arena_close(&a);
}

static void on_move(uv_timer_t *t) {
    struct node_engine *e = t->data;
    if (e->who.next_public.len == 0 || e->at_next)
        return;
    e->at_next = true;
    step(e, &(struct node_event){.kind = NODE_LINK_DOWN}, NULL);
}

static void move_done(struct node_work *w, int result) {
    struct moving *m = (struct moving *)w;
    struct node_engine *e = w->engine;
    bool learnt = m->public.len > 0;
    e->moving = false;
    if (result == 0) { /* full: the feed's document is read again, and the next Welcome says it again */
        move_names(&e->who, m);
        e->who.next_public = arena_copy(&e->arena, e->who.next_public);
        e->who.next_endpoint = arena_copy(&e->arena, e->who.next_endpoint);
        if (!learnt)
            e->hub = e->hub_next;
        if (!learnt)
            e->at_next = false; /* it is the only one now */
        log_fact(
            LOG_INFO, learnt ? "hub_key.announced" : "hub_key.moved",
            FACT_HEX("key", bytes_of(learnt ? e->hub_next.curve : e->hub.curve, KEY_BYTES)));
        if (learnt && !e->closing) /* not all offices at once */
            uv_timer_start(&e->move, on_move, random_below(&e->side.chance, MOVE_MS_MAX), 0);
    }
    buffer_close(&m->public);
    buffer_close(&m->endpoint);
    free(m);
}

static void move_submit(struct node_engine *e, struct bytes public, struct bytes endpoint) {
    struct moving *m = memory_zeroed(1, sizeof *m);
    buffer_add(&m->public, public);
    buffer_add(&m->endpoint, endpoint);
    m->work.work = move_works;
    m->work.done = move_done;
    e->moving = true;
    node_engine_submit(e, &m->work);
}

void node_engine_hub_moves(struct node_engine *e, const struct public_keys *next, struct bytes endpoint) {
    char text[PUBLIC_TEXT];
    struct bytes public = bytes_text(public_text(next, text));
    if (e->moving || (bytes_equal(public, e->who.next_public) && bytes_equal(endpoint, e->who.next_endpoint)))
        return;
    e->hub_next = *next;
    move_submit(e, public, endpoint);
}

static void welcomed(struct node_engine *e) {
    rekeyed(e);
    if (e->at_next && !e->moving)
        move_submit(e, BYTES(""), BYTES(""));
}

/* ---- the city has closed this office's node: that is known from now on, without asking */

static void close_works(struct node_work *w, struct txn *t) {
    node_close(t, w->engine->who.node);
}

static void close_done(struct node_work *w, int result) {
    (void)result; /* a full disk: it is told again at the next start */
    free(w);
}

static void closed(struct node_engine *e) {
    struct node_work *w = memory_zeroed(1, sizeof *w);
    w->work = close_works;
    w->done = close_done;
    node_engine_submit(e, w);
}

static void on_tick(uv_timer_t *t);
static void step(struct node_engine *e, struct node_event *in, struct heard *h);

static void taken(struct node_engine *e, const struct key_taken *m) {
    struct public_keys now;
    if (e->next == NULL || e->with_next || !public_parse(m->public, &now) || memcmp(&now, &e->next->public, sizeof now) != 0)
        return;
    e->with_next = true;
    step(e, &(struct node_event){.kind = NODE_LINK_DOWN}, NULL); /* and up again, with them */
}

void node_engine_rekey(struct node_engine *e, const struct keys *next) {
    e->next = next;
    e->offer_due = 0;
    offer(e);
}

enum node_rekeying node_engine_rekeying(const struct node_engine *e) {
    return e->next == NULL ? NODE_KEYS_SETTLED : e->with_next ? NODE_KEYS_TAKEN : NODE_KEYS_OFFERED;
}

static void carry_out(struct node_engine *e, const struct node_effect *x, struct heard *h) {
    struct verb *v;
    switch (x->kind) {
    case NODE_FX_CONNECT:
        node_door_keys(e->door, keys_in_use(e));
        aim(e);
        node_door_connect(e->door);
        break;
    case NODE_FX_DISCONNECT:
        node_door_disconnect(e->door);
        break;
    case NODE_FX_SEND:
        say(e, &x->message);
        break;
    case NODE_FX_READ:
        v = verb_of(e, x->kind, NULL);
        v->session = x->read.session;
        v->incarnation = x->read.incarnation;
        v->after = x->read.after;
        v->bytes = x->read.bytes;
        v->signs = *keys_in_use(e);
        v->job.work = read_works;
        worker_submit(e->reader, &v->job);
        break;
    case NODE_FX_VERB:
        v = verb_of(e, x->kind, h);
        v->verb = x->verb.verb;
        v->area = x->verb.area;
        v->asked = x->verb.asked;
        worker_submit(e->worker, &v->job);
        break;
    case NODE_FX_ACK:
    case NODE_FX_TRIM:
        v = verb_of(e, x->kind, h);
        worker_submit(e->worker, &v->job);
        break;
    case NODE_FX_NOTE:
        log_fact(
            x->note.note == NODE_NOTE_ALARM || x->note.note == NODE_NOTE_REFUSED ? LOG_WARNING : LOG_INFO, "node",
            FACT_TEXT("note", node_note_name(x->note.note)), FACT_UINT("number", x->note.number),
            FACT_TEXT("refusal", x->note.refusal == 0 ? "" : refusal_text(x->note.refusal)));
        if (x->note.note == NODE_NOTE_WELCOME)
            welcomed(e);
        if (x->note.note == NODE_NOTE_REFUSED && x->note.refusal == REFUSE_RETIRED)
            closed(e);
        if (e->calls.note != NULL)
            e->calls.note(e->calls.owner);
        break;
    }
}

static void step(struct node_engine *e, struct node_event *in, struct heard *h) {
    struct node_effects *out = memory_zeroed(1, sizeof *out);
    in->now = clock_now();
    in->wall = clock_wall();
    node_side_step(&e->side, in, out);
    for (size_t i = 0; i < out->count; i++)
        carry_out(e, &out->list[i], h);
    free(out);
    offer(e);
    instant at = node_side_deadline(&e->side), now = clock_now();
    if (at == INSTANT_NEVER)
        uv_timer_stop(&e->timer);
    else
        uv_timer_start(&e->timer, on_tick, at > now ? at - now : 0, 0);
}

static void on_tick(uv_timer_t *t) {
    step(t->data, &(struct node_event){.kind = NODE_TICK}, NULL);
}

/* ---- the door */

static void on_up(void *owner) {
    struct node_engine *e = owner;
    e->reason = "";
    step(e, &(struct node_event){.kind = NODE_LINK_UP}, NULL);
}

static void on_down(void *owner, const char *reason) {
    struct node_engine *e = owner;
    e->reason = reason;
    log_fact(LOG_INFO, "link.down", FACT_TEXT("reason", reason));
    if (e->who.next_public.len > 0 && e->side.state == NODE_CONNECTING)
        e->at_next = !e->at_next; /* one of the two endpoints is there */
    if (e->next != NULL && node_door_ended(e->door) == NODE_DOOR_REFUSED)
        e->with_next = !e->with_next; /* a crash may have come between the hub's word and ours: it knows one of the two */
    step(e, &(struct node_event){.kind = NODE_LINK_DOWN}, NULL);
}

static void on_frame(void *owner, struct bytes frame) {
    struct node_engine *e = owner;
    struct heard *h = heard_of(frame);
    int r = heard_decode(h);
    if (r == 0 && h->message.kind == MESSAGE_WELCOME)
        hear_audit(e, &h->message.welcome.audit);
    else if (r == 0 && h->message.kind == MESSAGE_FEED && h->message.feed.session == e->side.session)
        hear_audit(e, &h->message.feed.audit);
    if (r == 0 && h->message.kind == MESSAGE_KEY_TAKEN)
        taken(e, &h->message.key_taken);
    else if (r == 0)
        step(e, &(struct node_event){.kind = NODE_HEARD, .heard = &h->message}, h);
    else
        log_fact(LOG_WARNING, "link.unreadable", FACT_INT("outcome", r), FACT_UINT("bytes", frame.len));
    heard_drop(h);
}

/* ---- life */

static void audit_enrolled(struct txn *t, uint32_t node, bool anew) {
    char note[64];
    snprintf(note, sizeof note, "%senrolled as node %u", anew ? "a copied disk, " : "", node);
    struct audit_entry e = {.at = clock_wall(), .action = AUDIT_ADMINISTER, .note = bytes_text(note)};
    if (anew)
        audit_life(t, &audit_node, e.at, note);
    else
        audit_add(t, &audit_node, &e, 1);
}

static int enrol(struct store *s, struct bytes file, bool anew) {
    struct arena a = {0};
    struct enrolment *e = memory_zeroed(1, sizeof *e);
    struct txn *t;
    int r = wire_enrolment_unpack(file, &a, e) == 0 && e->node != 0 ? store_write(s, &t) : NODE_ENROLMENT_BROKEN;
    if (r == 0) {
        struct node_progress *p = memory_zeroed(1, sizeof *p);
        struct key k = key_word("enrolment");
        struct id16 life = entropy_id();
        if (anew)
            node_enrol_anew(t, e->node, e->served, e->served_count, &life);
        else if (!node_progress_get(t, p) || p->node == 0)
            node_begin(t, e->node, e->served, e->served_count, &life);
        envelope_put(t, NODE_META, key_bytes(&k), file);
        audit_enrolled(t, e->node, anew);
        r = txn_commit(t);
        free(p);
    }
    free(e);
    arena_close(&a);
    return r;
}

int node_engine_enrol(struct store *s, struct bytes file) {
    return enrol(s, file, false);
}

int node_engine_enrol_anew(struct store *s, struct bytes file) {
    return enrol(s, file, true);
}

int node_engine_enrolment(struct store *s, struct arena *a, struct enrolment *out) {
    struct txn *t;
    struct bytes stored;
    struct key k = key_word("enrolment");
    int r = store_read(s, &t);
    if (r != 0)
        return r;
    r = envelope_get(t, NODE_META, key_bytes(&k), &stored);
    if (r == ENVELOPE_MISSING)
        r = NODE_NOT_ENROLLED;
    else if (r == ENVELOPE_ROTTEN)
        r = NODE_ENROLMENT_BROKEN;
    else if (r == 0)
        r = wire_enrolment_unpack(arena_copy(a, stored), a, out) == 0 ? 0 : NODE_ENROLMENT_BROKEN;
    txn_abort(t);
    return r;
}

/* Is the audit log whole, and what is known of the hub's? One that cannot go on begins anew now, so that the hub is told. */
static int recall_audit(struct node_engine *e) {
    struct audit_checked checked;
    struct txn *t;
    int r = store_write(e->store, &t);
    if (r != 0)
        return pass(r);
    audit_verify(t, &audit_node, &checked);
    e->audit.bad = checked.by_head ? 0 : checked.bad; /* what heads say the hub sees for itself */
    if (checked.bad != 0)
        log_fact(LOG_ERROR, "audit.bad", FACT_UINT("from", checked.bad), FACT_TEXT("why", buffer_string(&checked.what)));
    buffer_close(&checked.what);
    if (!audit_head(t, &audit_node, &e->latest_head))
        audit_life(t, &audit_node, clock_wall(), "no log was here");
    audit_head(t, &audit_node, &e->latest_head);
    audit_kept_last(t, &audit_node, 0, &e->audit.hub);
    node_audit_breaks(t, &e->audit);
    r = txn_commit(t);
    if (r == STORE_DISK_FULL) /* the next commit that succeeds makes up for it */
        e->latest_head = (struct audit_head){.n = 0};
    return r < 0 ? pass(r) : 0;
}

/* Who we are, where the hub is, and how far we got: all that the store must tell before anything begins. */
static int recall(struct node_engine *e, char *endpoint, size_t room) {
    struct txn *t;
    int r = node_engine_enrolment(e->store, &e->arena, &e->who);
    if (r != 0)
        return r;
    if (!public_parse(e->who.hub_public, &e->hub) || e->who.endpoint.len >= room)
        return NODE_ENROLMENT_BROKEN;
    e->at_next = e->who.next_public.len > 0 && public_parse(e->who.next_public, &e->hub_next);
    memcpy(endpoint, e->who.endpoint.at, e->who.endpoint.len);
    endpoint[e->who.endpoint.len] = '\0';
    r = store_read(e->store, &t);
    if (r != 0)
        return pass(r);
    policy_book_say(t, &e->latest_book);
    if (node_progress_get(t, &e->latest))
        e->latest.oldest_saved = node_oldest(t, &e->latest);
    else
        r = txn_result(t) < 0 ? pass(txn_result(t)) : NODE_ENROLMENT_BROKEN;
    txn_abort(t);
    return r == 0 ? recall_audit(e) : r;
}

/* ---- the file made anew, after orders to erase */

static void compacted_works(struct node_work *w, struct txn *t) {
    (void)w;
    node_compacted(t);
}

static void compacted_done(struct node_work *w, int result) {
    (void)result; /* a full disk: the next order, or the next start, has it done again */
    free(w);
}

static void compacted(void *owner, int result) {
    struct node_engine *e = owner;
    if (result < 0) {
        judge(e, result);
        return;
    }
    struct node_work *w = memory_zeroed(1, sizeof *w);
    w->work = compacted_works;
    w->done = compacted_done;
    w->edits = true; /* the hub hears of it */
    node_engine_submit(e, w);
}

int node_engine_open(
    uv_loop_t *loop, struct store *store, const char *folder, const struct keys *keys, const struct node_engine_calls *calls,
    struct node_engine **out) {
    struct node_engine *e = memory_zeroed(1, sizeof *e);
    char endpoint[256];
    uint64_t seed;
    e->store = store;
    e->keys = keys;
    int r = recall(e, endpoint, sizeof endpoint);
    if (r != 0) {
        arena_close(&e->arena);
        free(e);
        return r;
    }
    e->folder = memory_text(folder);
    e->loop = loop;
    e->calls = *calls;
    e->reason = "";
    pthread_mutex_init(&e->lock, NULL);
    entropy_fill(&seed, sizeof seed);
    snprintf(e->software, sizeof e->software, "anju-node " PROGRAM_VERSION " " PROGRAM_SAYS, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT);
    node_side_init(&e->side, seed, bytes_text(e->software));
    struct node_door_calls door = {on_up, on_down, on_frame, e};
    e->door = node_door_open(loop, endpoint, e->hub.curve, keys, &door);
    struct worker_calls w = {.begin = begin, .end = end, .quiet = quiet, .owner = e, .batch_max = 1000};
    e->worker = worker_open(loop, "anju-store", &w);
    struct worker_calls reads = {.begin = read_begin, .end = read_end, .owner = e, .batch_max = 1};
    e->reader = worker_open(loop, "anju-read", &reads);
    struct compactor_calls compactor = {compacted, e, e->calls.compaction};
    e->compactor = compactor_open(loop, &e->store, 1, &compactor);
    if (e->latest.uncompacted)
        compactor_soon(e->compactor);
    uv_timer_init(loop, &e->timer);
    uv_timer_init(loop, &e->move);
    e->timer.data = e->move.data = e;
    e->handles = 2;
    *out = e;
    return 0;
}

void node_engine_resume(struct node_engine *e) {
    if (e->side.state != NODE_ASLEEP)
        return;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    pthread_mutex_lock(&e->lock);
    *p = e->latest;
    pthread_mutex_unlock(&e->lock);
    step(e, &(struct node_event){.kind = NODE_START, .progress = p}, NULL);
    free(p);
}

void node_engine_pause(struct node_engine *e) {
    step(e, &(struct node_event){.kind = NODE_PAUSE}, NULL);
}

void node_engine_sound(struct node_engine *e, uint64_t alarms) {
    step(e, &(struct node_event){.kind = NODE_SOUND, .alarms = alarms}, NULL);
}

static void on_closed(uv_handle_t *h) {
    handle_gone(h->data);
}

struct node_engine *node_engine_close(struct node_engine *e) {
    if (e == NULL)
        return NULL;
    e->closing = true;
    e->door = node_door_close(e->door);
    e->compactor = compactor_close(e->compactor);
    e->worker = worker_close(e->worker);
    e->reader = worker_close(e->reader);
    e->store = store_close(e->store);
    for (struct verb *v = e->again; v != NULL; v = v->next_again)
        uv_close((uv_handle_t *)&v->again, on_again_closed);
    uv_close((uv_handle_t *)&e->move, on_closed);
    uv_close((uv_handle_t *)&e->timer, on_closed);
    return NULL;
}

const struct node_side *node_engine_side(const struct node_engine *e) {
    return &e->side;
}

const struct enrolment *node_engine_who(const struct node_engine *e) {
    return &e->who;
}

const char *node_engine_link_reason(const struct node_engine *e) {
    return e->reason;
}

bool node_engine_compact_full(const struct node_engine *e) {
    return compactor_full(e->compactor);
}

bool node_engine_disk_full(const struct node_engine *e) {
    return e->disk_full;
}

struct store *node_engine_store(const struct node_engine *e) {
    return e->store;
}

uint64_t node_engine_oldest_ms(const struct node_engine *e) {
    if (compactor_busy(e->compactor))
        return 0; /* all wait for it, and nobody hangs */
    uint64_t writes = worker_oldest_ms(e->worker), reads = worker_oldest_ms(e->reader);
    return writes > reads ? writes : reads;
}
