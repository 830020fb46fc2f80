/* The read worker: questions answered from snapshots of state and log, those of the loop's own (hub_engine_read) and those of peers. What
 * they find damaged is collected on the loop. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/engine/hub_parts.h"
#include "common/store/hub_erase.h"

#include <errno.h>
#include <stdlib.h>

enum { DAMAGED_MOST = 1000 };

/* ---- questions */

int hub_reads_end(void *owner) {
    struct hub_engine *e = owner;
    txn_abort(e->read_state);
    txn_abort(e->read_log);
    e->read_state = e->read_log = NULL;
    return 0;
}

int hub_reads_begin(void *owner) {
    struct hub_engine *e = owner;
    int r = store_read(e->stores.state, &e->read_state);
    if (r == 0)
        r = store_read(e->stores.log, &e->read_log);
    if (r != 0)
        hub_reads_end(e);
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
        hub_reads_end(e);
    if (e->read_state == NULL)
        q->result = hub_reads_begin(e);
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
        hub_fatal(e, result);
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

/* ---- answers to peers: a page, a repair, a Welcome */

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
    hub_keys_take(e, a->by_next, &keys);
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
        hub_fatal(e, a->outcome);
    if ((result != 0 || a->outcome != 0) && hub_within(&a->peer->line_due, clock_now(), LINE_EACH_MS))
        log_fact(
            LOG_WARNING, "hub.no_answer", FACT_UINT("node", a->peer->link.node), FACT_INT("outcome", result != 0 ? result : a->outcome));
    if (result == 0 && a->outcome == 0 && !e->closing && hub_side_session(&a->peer->link) == a->session)
        hub_peer_send(a->peer, buffer_bytes(&a->frame));
    if (result == 0 && a->audits && !e->closing)
        hub_notes_judged(e, a->peer, &a->told, &a->audit, a->verdict);
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
    if (p->asked[kind] != NULL && !hub_within(&p->small_due, clock_now(), SMALL_EACH_MS))
        hub_peer_flooded(p);
    answer_free(p->asked[kind]);
    p->asked[kind] = a;
    if (!p->answering[kind])
        next_answer(e, p, kind);
}

void hub_reads_answer(struct hub_engine *e, const struct hub_effect *x, struct heard *h) {
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
