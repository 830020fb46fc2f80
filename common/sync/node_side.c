#include "common/sync/node_side.h"

#include "common/base/invariant.h"

#include <string.h>

/* Times in ms. Back-off: full jitter, 0..min(300 s, 2^n s) (Brooker, "Exponential Backoff and Jitter", 2015). */
enum {
    CONNECT_MS = 15000,
    GREETING_MS = 30000,
    BACKOFF_MS_MAX = 300000,
    PERSON_MS = 300000, /* a person has to act: ask again now and then */
    PAUSED_MS_MIN = 2000,
    PAUSED_MS_MAX = 28000,
    PUSH_MS = 20000,
    REST_MS_MAX = 16000,
    PULL_MS = 30000,
    REPORT_MS = 60000,
    SILENT_MAX = 2, /* so many deadlines without a word: the hub does not know this session (any more) */
    PULL_BYTES = 512 * 1024,
    BATCH_BYTES = 256 * 1024,
};

static const unsigned allowed[NODE_STATES] = {
    [NODE_ASLEEP] = 1u << NODE_DOWN | 1u << NODE_ASLEEP,
    [NODE_DOWN] = 1u << NODE_CONNECTING | 1u << NODE_DOWN | 1u << NODE_ASLEEP,
    [NODE_CONNECTING] = 1u << NODE_GREETING | 1u << NODE_DOWN | 1u << NODE_ASLEEP,
    [NODE_GREETING] = 1u << NODE_SETTLING | 1u << NODE_DOWN | 1u << NODE_ASLEEP | 1u << NODE_GREETING,
    [NODE_SETTLING] = 1u << NODE_READY | 1u << NODE_GREETING | 1u << NODE_DOWN | 1u << NODE_ASLEEP,
    [NODE_READY] = 1u << NODE_DOWN | 1u << NODE_SETTLING | 1u << NODE_ASLEEP,
};

static void move(struct node_side *n, enum node_state to, instant until) {
    invariant(allowed[n->state] & 1u << to);
    n->state = to;
    n->until = until;
}

static struct node_effect *emit(struct node_effects *out, enum node_effect_kind kind) {
    invariant(out->count < NODE_EFFECTS);
    struct node_effect *e = &out->list[out->count++];
    e->kind = kind;
    return e;
}

static void note(struct node_effects *out, enum node_note what, uint64_t number) {
    struct node_effect *e = emit(out, NODE_FX_NOTE);
    e->note.note = what;
    e->note.refusal = 0;
    e->note.number = number;
}

static struct message *send(struct node_effects *out, enum message_kind kind) {
    struct node_effect *e = emit(out, NODE_FX_SEND);
    memset(&e->message, 0, sizeof e->message);
    e->message.kind = kind;
    return &e->message;
}

static void verb(struct node_side *n, enum node_verb what, area a, struct node_effects *out) {
    invariant(n->busy == NODE_VERB_NONE);
    n->busy = what;
    struct node_effect *e = emit(out, NODE_FX_VERB);
    e->verb.verb = what;
    e->verb.area = a;
    e->verb.asked = n->asked;
}

static void forget_session(struct node_side *n) {
    n->session = 0;
    n->credit = n->spent = 0;
    n->silent = 0;
    n->reading = n->resting = n->pulling = n->repair_open = false;
    n->rewinds = 0;
    n->reports = n->canary = n->canary_named = n->canary_out = 0;
    n->push_deadline = n->pull_deadline = n->next_report = INSTANT_NEVER;
}

static instant back_off(struct node_side *n, instant now) {
    uint64_t top = n->attempt >= 9 ? BACKOFF_MS_MAX : 1000u << n->attempt;
    n->attempt++;
    return now + random_below(&n->chance, (top < BACKOFF_MS_MAX ? top : BACKOFF_MS_MAX) + 1);
}

static void down(struct node_side *n, instant until) {
    forget_session(n);
    move(n, NODE_DOWN, until);
}

static void greet(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    forget_session(n);
    move(n, NODE_GREETING, in->now + GREETING_MS);
    struct hello *h = &send(out, MESSAGE_HELLO)->hello;
    h->protocol_least = h->protocol_most = 1;
    h->software = n->software;
    h->life_count = n->progress.life_count;
    memcpy(h->lives, n->progress.lives, sizeof h->lives);
    h->cursor = n->progress.cursor;
    h->clock = n->asked = in->wall;
    h->nonce = n->progress.nonce;
}

/* ---- pushing: lives in their order, each from what was accepted, within credit */

static void read_more(struct node_side *n, struct node_effects *out) {
    if (n->state != NODE_READY || n->reading || n->resting || n->credit <= n->spent || n->progress.erasures_after < n->erasures)
        return;
    for (size_t i = 0; i < n->progress.life_count; i++) {
        const struct life *l = &n->progress.lives[i];
        if (n->sent[i] < l->last) {
            size_t room = (size_t)(n->credit - n->spent);
            struct node_effect *e = emit(out, NODE_FX_READ);
            e->read.session = n->session;
            e->read.incarnation = l->incarnation;
            e->read.after = n->sent[i];
            e->read.bytes = room < BATCH_BYTES ? room : BATCH_BYTES;
            n->reading = true;
            return;
        }
        if (l->acked < l->last) /* the next life's changes come after this one's: order of the office's own edits */
            return;
    }
}

static bool in_flight(const struct node_side *n) {
    for (size_t i = 0; i < n->progress.life_count; i++)
        if (n->sent[i] > n->progress.lives[i].acked)
            return true;
    return false;
}

static void rewind_sent(struct node_side *n) {
    for (size_t i = 0; i < n->progress.life_count; i++)
        n->sent[i] = n->progress.lives[i].acked;
    n->push_deadline = INSTANT_NEVER;
}

/* The hub asks for everything again though nothing came through since it last did: its disk is full, or it is flooded. The first time may
 * be a lost message; from the second on it is given time, twice as long each time. */
static void rest(struct node_side *n, instant now) {
    if (++n->rewinds < 2)
        return;
    uint64_t ms = n->rewinds > 6 ? REST_MS_MAX : 500u << n->rewinds;
    n->resting = true;
    n->push_deadline = now + (ms < REST_MS_MAX ? ms : REST_MS_MAX);
}

static void on_batch(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    if (n->state != NODE_READY || in->batch.session != n->session)
        return;
    n->reading = false;
    if (in->batch.broken) {
        note(out, NODE_NOTE_LINK_DOWN, n->attempt);
        emit(out, NODE_FX_DISCONNECT);
        down(n, back_off(n, in->now));
        return;
    }
    const struct push *p = &in->batch.push;
    struct life *l = life_find(n->progress.lives, n->progress.life_count, &p->incarnation);
    if (p->count == 0 || l == NULL)
        return;
    size_t i = (size_t)(l - n->progress.lives);
    if (n->resting || p->first != n->sent[i] + 1 || n->spent + p->body.len > n->credit) /* rewound, or it did not compress as hoped */
        return;
    n->sent[i] = p->first + p->count - 1;
    n->spent += p->body.len;
    if (n->push_deadline == INSTANT_NEVER)
        n->push_deadline = in->now + PUSH_MS;
    struct push *m = &send(out, MESSAGE_PUSH)->push;
    *m = *p;
    m->session = n->session;
    read_more(n, out);
}

static void on_ack(struct node_side *n, const struct ack *m, const struct node_event *in, struct node_effects *out) {
    for (size_t i = 0; i < m->life_count; i++) {
        struct life *l = life_find(n->progress.lives, n->progress.life_count, &m->lives[i].incarnation);
        if (l == NULL || m->lives[i].acked > l->last)
            continue;
        if (m->lives[i].acked > l->acked) {
            n->rewinds = 0;
            n->resting = false;
        }
        l->acked = m->lives[i].acked;
        l->acked_hash = m->lives[i].acked_hash;
        if (m->lives[i].safe > l->safe && m->lives[i].safe <= l->acked)
            l->safe = m->lives[i].safe;
        size_t at = (size_t)(l - n->progress.lives);
        if (n->sent[at] < l->acked)
            n->sent[at] = l->acked;
    }
    n->credit = m->credit;
    n->canary_named = m->canary > n->canary_named ? m->canary : n->canary_named;
    emit(out, NODE_FX_ACK);
    if (m->rewind && !n->resting) { /* at rest nothing is in flight, and the deadline wakes it */
        rewind_sent(n);
        note(out, NODE_NOTE_REWIND, m->life_count == 0 ? 0 : m->lives[0].acked);
        rest(n, in->now);
    }
    if (!n->resting)
        n->push_deadline = in_flight(n) ? in->now + PUSH_MS : INSTANT_NEVER;
    read_more(n, out);
}

/* ---- pulling */

static void pull(struct node_side *n, instant now, struct node_effects *out) {
    if (n->state != NODE_READY || n->pulling || n->busy != NODE_VERB_NONE || n->repair_open)
        return;
    struct pull *m = &send(out, MESSAGE_PULL)->pull;
    const struct node_progress *p = &n->progress;
    m->session = n->session;
    m->cursor = p->cursor;
    m->area_count = area_expand(p->served, p->served_count, p->node, m->areas, LIMIT_AREAS);
    m->loading_count = p->loading_count;
    memcpy(m->loading, p->loading, sizeof m->loading);
    m->verdicts_after = p->verdicts_after;
    m->erasures_after = p->erasures_after;
    m->bytes = PULL_BYTES;
    n->pulling = true;
    n->want_pull = false;
    n->pull_deadline = now + PULL_MS;
}

static void report(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    const struct node_progress *p = &n->progress;
    struct report *m = &send(out, MESSAGE_REPORT)->report;
    m->session = n->session;
    m->backlog = progress_backlog(p);
    m->oldest_ms = m->backlog > 0 && in->wall > p->oldest_saved ? in->wall - p->oldest_saved : 0;
    m->at = p->cursor.at;
    m->digest_ok_at = p->digest_ok_at;
    m->held = p->held_count;
    m->software = n->software;
    m->erasures_to = p->erasures_after;
    m->destroyed = !p->uncompacted;
    const struct life *l = &p->lives[p->life_count - 1];
    m->alarms = node_side_alarmed(n);
    m->number = ++n->reports;
    m->canary = n->canary;
    if (n->canary_out == 0) {
        n->canary_out = m->number;
        n->canary_last = l->last;
        n->canary_pages = n->pages;
    }
    n->told_backlog = m->backlog;
    n->tell_laid = false;
    n->next_report = in->now + REPORT_MS;
}

/* The first one of a session is told at once: until then the hub cannot know that the link works. */
static void look_at_canary(struct node_side *n, const struct node_event *in) {
    const struct node_progress *p = &n->progress;
    if (n->canary_out == 0 || n->canary_named < n->canary_out || n->pages == n->canary_pages ||
        p->lives[p->life_count - 1].includes < n->canary_last)
        return;
    if (n->canary == 0)
        n->next_report = in->now;
    n->canary = n->canary_out;
    n->canary_out = 0;
    n->verified = in->wall;
}

/* The store's progress counts, but for Acks heard since it was read, and never for another session's. */
static void take_progress(struct node_side *n, const struct node_progress *p, wall_ms wall) {
    struct node_progress old = n->progress;
    uint64_t sent[LIMIT_LIVES] = {0};
    n->progress = *p;
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *was = life_find(old.lives, old.life_count, &p->lives[i].incarnation);
        if (was == NULL)
            continue;
        sent[i] = n->sent[was - old.lives];
        if (n->state == NODE_READY) {
            n->progress.lives[i].acked = was->acked;
            n->progress.lives[i].acked_hash = was->acked_hash;
            n->progress.lives[i].safe = was->safe > p->lives[i].safe ? was->safe : p->lives[i].safe;
        }
    }
    memcpy(n->sent, sent, sizeof n->sent);
    if (p->oldest_saved == 0) /* not looked up: what was the oldest still is, or it was saved just now */
        n->progress.oldest_saved = old.oldest_saved != 0 && progress_backlog(&old) > 0 ? old.oldest_saved : wall;
}

static void on_refuse(struct node_side *n, const struct refuse *m, const struct node_event *in, struct node_effects *out) {
    n->refused = m->reason;
    note(out, NODE_NOTE_REFUSED, m->retry_after_ms);
    out->list[out->count - 1].note.refusal = m->reason;
    if (m->reason == REFUSE_RESTORED) {
        if (n->busy != NODE_VERB_NONE) { /* a page is being laid: greet again when it is done, the hub will repeat itself */
            emit(out, NODE_FX_DISCONNECT);
            down(n, in->now + 1000);
            return;
        }
        forget_session(n);
        move(n, NODE_SETTLING, INSTANT_NEVER);
        verb(n, NODE_VERB_NEW_LIFE, 0, out);
        return;
    }
    emit(out, NODE_FX_DISCONNECT);
    if (m->reason == REFUSE_RETIRED) { /* nothing is ever said again, unless somebody starts it */
        forget_session(n);
        move(n, NODE_ASLEEP, INSTANT_NEVER);
        return;
    }
    if (m->reason == REFUSE_PAUSED) { /* an operator resumes it any moment, and looks whether it comes */
        uint64_t most = m->retry_after_ms < PAUSED_MS_MAX ? m->retry_after_ms : PAUSED_MS_MAX;
        down(n, in->now + PAUSED_MS_MIN + random_below(&n->chance, most + 1));
        return;
    }
    uint64_t wait = m->reason == REFUSE_BUSY || m->reason == REFUSE_DISK_FULL ? m->retry_after_ms : PERSON_MS;
    down(n, in->now + wait / 2 + random_below(&n->chance, wait / 2 + 1));
}

static bool heard_in(struct node_side *n, uint64_t session) {
    if (session != n->session)
        return false;
    n->silent = 0;
    return true;
}

static void on_heard(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    struct message *m = in->heard;
    bool ready = n->state == NODE_READY;
    switch (m->kind) {
    case MESSAGE_WELCOME:
        if (n->state != NODE_GREETING || n->busy != NODE_VERB_NONE)
            return;
        move(n, NODE_SETTLING, INSTANT_NEVER);
        n->session = m->welcome.session;
        n->credit = m->welcome.credit;
        n->tip = m->welcome.tip;
        n->erasures = m->welcome.erasures;
        verb(n, NODE_VERB_WELCOME, 0, out);
        return;
    case MESSAGE_REFUSE:
        if (n->state == NODE_GREETING || ready)
            on_refuse(n, &m->refuse, in, out);
        return;
    case MESSAGE_ACK:
        if (ready && heard_in(n, m->ack.session)) {
            on_ack(n, &m->ack, in, out);
            look_at_canary(n, in);
        }
        return;
    case MESSAGE_FEED:
        if (!ready || !heard_in(n, m->feed.session) || !n->pulling || !cursor_equal(m->feed.from, n->progress.cursor))
            return;
        n->pulling = false;
        n->pull_deadline = INSTANT_NEVER;
        verb(n, NODE_VERB_LAY_FEED, 0, out);
        return;
    case MESSAGE_TIP:
        if (!ready || !heard_in(n, m->tip.session))
            return;
        if (m->tip.hub_seq > n->tip)
            n->tip = m->tip.hub_seq;
        n->want_pull = true;
        pull(n, in->now, out);
        return;
    case MESSAGE_REPAIR_FILL:
        if (!ready || !heard_in(n, m->repair_fill.session) || !n->repair_open || n->busy != NODE_VERB_NONE)
            return;
        n->repair_open = false;
        n->pull_deadline = INSTANT_NEVER;
        verb(n, NODE_VERB_LAY_REPAIR, 0, out);
        return;
    case MESSAGE_HELLO:
    case MESSAGE_PUSH:
    case MESSAGE_PULL:
    case MESSAGE_REPORT:
    case MESSAGE_REPAIR_ASK:
    case MESSAGE_KEY_OFFER:
        return; /* a hub does not say these */
    case MESSAGE_KEY_TAKEN:
        return; /* the engine's */
    }
}

/* ---- verbs come back */

static void on_welcomed(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    enum { RESTORED = 1, STALE, GAP }; /* enum node_welcome_outcome of the store */
    switch (in->done.outcome) {
    case 0:
        move(n, NODE_READY, INSTANT_NEVER);
        n->attempt = 0;
        n->refused = 0;
        n->spent = 0;
        n->welcomed_wall = in->wall;
        rewind_sent(n);
        note(out, NODE_NOTE_WELCOME, n->progress.cursor.at);
        report(n, in, out);
        pull(n, in->now, out);
        read_more(n, out);
        return;
    case RESTORED:
        n->session = 0;
        verb(n, NODE_VERB_NEW_LIFE, 0, out);
        return;
    default:
        note(out, in->done.outcome == STALE ? NODE_NOTE_STALE : NODE_NOTE_GAP, 0);
        if (in->done.outcome == GAP)
            n->refused = REFUSE_GAP;
        emit(out, NODE_FX_DISCONNECT);
        down(n, in->now + PERSON_MS / 2 + random_below(&n->chance, PERSON_MS / 2));
    }
}

static void on_laid(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    n->tell_laid |= in->done.erased || in->done.policies;
    if (in->done.dropped || !in->done.caught_up) {
        pull(n, in->now, out);
        return;
    }
    n->caught_up_at = in->now;
    n->pages++;
    look_at_canary(n, in);
    note(out, NODE_NOTE_CAUGHT_UP, n->progress.cursor.at);
    if (n->tell_laid ||
        (n->told_backlog > 0 && progress_backlog(&n->progress) == 0)) /* an operator need not wait a minute to hear that all is sent */
        report(n, in, out);
    if (in->done.compared)
        n->unequal = !in->done.equal;
    if (in->done.compared && !in->done.equal) {
        n->repairs += !in->done.alarm;
        n->alarms += in->done.alarm;
        note(out, in->done.alarm ? NODE_NOTE_ALARM : NODE_NOTE_REPAIR, in->done.differs);
        n->repairing = in->done.differs;
        verb(n, NODE_VERB_BUCKETS, n->repairing, out);
        return;
    }
    if (n->want_pull || n->tip > n->progress.cursor.at)
        pull(n, in->now, out);
}

static void on_done(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    enum node_verb done = in->done.verb;
    invariant(n->busy == done);
    n->busy = NODE_VERB_NONE;
    take_progress(n, in->done.progress, in->wall);
    if (n->state == NODE_ASLEEP || n->state == NODE_DOWN || n->state == NODE_CONNECTING)
        return; /* the link went while the store worked: the next session goes on from the durable progress */
    if (n->state == NODE_GREETING)
        return;
    switch (done) {
    case NODE_VERB_WELCOME:
        on_welcomed(n, in, out);
        break;
    case NODE_VERB_NEW_LIFE:
        note(out, NODE_NOTE_RESTORED, n->progress.life_count);
        greet(n, in, out);
        break;
    case NODE_VERB_LAY_FEED:
        on_laid(n, in, out);
        read_more(n, out);
        break;
    case NODE_VERB_BUCKETS: {
        struct repair_ask *m = &send(out, MESSAGE_REPAIR_ASK)->repair_ask;
        m->session = n->session;
        m->cursor = n->progress.cursor;
        m->area = n->repairing;
        memcpy(m->buckets, in->done.buckets, sizeof m->buckets);
        n->repair_open = true;
        n->pull_deadline = in->now + PULL_MS;
        break;
    }
    case NODE_VERB_LAY_REPAIR:
        if (in->done.more && !in->done.dropped)
            verb(n, NODE_VERB_BUCKETS, n->repairing, out);
        else
            pull(n, in->now, out);
        break;
    case NODE_VERB_NONE:
        break;
    }
}

static void on_tick(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    if (n->state == NODE_DOWN && in->now >= n->until && n->busy == NODE_VERB_NONE) {
        move(n, NODE_CONNECTING, in->now + CONNECT_MS);
        emit(out, NODE_FX_CONNECT);
        return;
    }
    if ((n->state == NODE_CONNECTING || n->state == NODE_GREETING) && in->now >= n->until) {
        emit(out, NODE_FX_DISCONNECT);
        down(n, back_off(n, in->now));
        return;
    }
    if (n->state != NODE_READY)
        return;
    n->silent += in->now >= n->pull_deadline;
    n->silent += in->now >= n->push_deadline && !n->resting;
    if (n->silent >= SILENT_MAX) {
        note(out, NODE_NOTE_LINK_DOWN, n->silent);
        emit(out, NODE_FX_DISCONNECT);
        down(n, back_off(n, in->now));
        return;
    }
    if (in->now >= n->pull_deadline) { /* the page, or the Pull, was lost */
        n->pulling = n->repair_open = false;
        n->pull_deadline = INSTANT_NEVER;
        n->want_pull = true;
    }
    if (in->now >= n->push_deadline) {
        if (!n->resting)
            note(out, NODE_NOTE_REWIND, 0);
        n->resting = false;
        rewind_sent(n);
        read_more(n, out);
    }
    if (in->now >= n->next_report) {
        report(n, in, out);
        emit(out, NODE_FX_TRIM);
        n->want_pull = true; /* a Tip may have been lost (B13) */
    }
    if (n->want_pull)
        pull(n, in->now, out);
}

uint64_t node_side_alarmed(const struct node_side *n) {
    return n->alarms - n->settled;
}

void node_side_init(struct node_side *n, uint64_t seed, struct bytes software) {
    memset(n, 0, sizeof *n);
    random_seed(&n->chance, seed);
    n->software = software;
    n->until = INSTANT_NEVER;
    forget_session(n);
}

void node_side_step(struct node_side *n, const struct node_event *in, struct node_effects *out) {
    out->count = 0;
    switch (in->kind) {
    case NODE_START:
        take_progress(n, in->progress, in->wall);
        if (n->state == NODE_ASLEEP && n->progress.node != 0)
            down(n, in->now);
        return;
    case NODE_PAUSE:
        if (n->state != NODE_ASLEEP) {
            emit(out, NODE_FX_DISCONNECT);
            forget_session(n);
            move(n, NODE_ASLEEP, INSTANT_NEVER);
        }
        return;
    case NODE_SAVED: {
        bool destroys = n->progress.uncompacted && !in->progress->uncompacted;
        take_progress(n, in->progress, in->wall);
        if (n->state == NODE_READY && destroys)
            report(n, in, out);
        read_more(n, out);
        return;
    }
    case NODE_SOUND:
        if (!n->unequal && in->alarms > n->settled) {
            n->settled = in->alarms;
            if (n->state == NODE_READY)
                report(n, in, out);
        }
        return;
    case NODE_LINK_UP:
        if (n->state == NODE_CONNECTING) {
            note(out, NODE_NOTE_CONNECTED, 0);
            greet(n, in, out);
        }
        return;
    case NODE_LINK_DOWN:
        if (n->state != NODE_ASLEEP && n->state != NODE_DOWN) {
            note(out, NODE_NOTE_LINK_DOWN, n->attempt);
            emit(out, NODE_FX_DISCONNECT);
            down(n, back_off(n, in->now));
        }
        return;
    case NODE_HEARD:
        on_heard(n, in, out);
        return;
    case NODE_BATCH:
        on_batch(n, in, out);
        return;
    case NODE_DONE:
        on_done(n, in, out);
        return;
    case NODE_TICK:
        on_tick(n, in, out);
        return;
    }
}

static instant sooner(instant a, instant b) {
    return a < b ? a : b;
}

instant node_side_deadline(const struct node_side *n) {
    switch (n->state) {
    case NODE_DOWN:
        return n->busy == NODE_VERB_NONE ? n->until : INSTANT_NEVER;
    case NODE_CONNECTING:
    case NODE_GREETING:
        return n->until;
    case NODE_READY:
        return sooner(n->next_report, sooner(n->pull_deadline, n->push_deadline));
    case NODE_ASLEEP:
    case NODE_SETTLING:
    case NODE_STATES:
        break;
    }
    return INSTANT_NEVER;
}

const char *node_state_name(enum node_state s) {
    static const char *const names[] = {"asleep", "down", "connecting", "greeting", "settling", "ready"};
    return s < NODE_STATES ? names[s] : "?";
}

const char *node_note_name(enum node_note what) {
    static const char *const names[] = {"connected", "welcome", "refused", "restored", "stale",    "gap",
                                        "caught_up", "repair",  "alarm",   "rewind",   "link_down"};
    return (size_t)what < sizeof names / sizeof *names ? names[what] : "?";
}
