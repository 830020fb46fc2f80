#include "common/sync/hub_side.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { CREDIT_MIN = LIMIT_CHANGE_BYTES + 65536, BUSY_MS = 2000, BACKLOG_HIGH = 4000, FULL_MS = 5000 };
/* A paused node asks again within so long, anywhere in it. All 10,000 of a city paused at once are 700 handshakes a second, half a core. */
enum { PAUSED_MS = 28000 };
#define CANARY_NOWHERE UINT64_MAX /* it is not in the log yet */

static void emit(const struct hub_out *out, const struct hub_effect *e) {
    out->effect(out->owner, e);
}

static void note(const struct hub_out *out, struct hub_link *l, enum hub_note what, enum refusal refusal) {
    emit(out, &(struct hub_effect){.kind = HUB_FX_NOTE, .link = l, .note = what, .refusal = refusal});
}

static struct hub_life *life_of(struct hub_link *l, const struct id16 *incarnation) {
    for (size_t i = 0; i < l->life_count; i++)
        if (id_equal(&l->lives[i].incarnation, incarnation))
            return &l->lives[i];
    return NULL;
}

static bool names_life(const struct hello *m, const struct id16 *incarnation) {
    for (size_t i = 0; i < m->life_count; i++)
        if (id_equal(&m->lives[i].incarnation, incarnation))
            return true;
    return false;
}

/* A life that is new here. When the table is full one that the Hello does not name gives way: one of which nothing was ever accepted,
 * else the oldest, as in the log. */
static void life_add(struct hub_link *l, const struct hello *m, const struct id16 *incarnation) {
    if (l->life_count == LIMIT_LIVES) {
        size_t out = LIMIT_LIVES, empty = LIMIT_LIVES;
        for (size_t i = LIMIT_LIVES; i-- > 0;)
            if (!names_life(m, &l->lives[i].incarnation)) {
                out = i;
                empty = l->lives[i].expected == 0 ? i : empty;
            }
        invariant(out < LIMIT_LIVES); /* a Hello names no more than that, and one of them is not here */
        out = empty < LIMIT_LIVES ? empty : out;
        memmove(l->lives + out, l->lives + out + 1, (LIMIT_LIVES - 1 - out) * sizeof *l->lives);
        l->life_count--;
    }
    l->lives[l->life_count++] = (struct hub_life){.incarnation = *incarnation};
}

/* Is the speaking life perhaps one that gave way here? Then what it calls its first changes may be known as another history's. Only who
 * was just told to begin a new life, or has nothing to say yet, is certainly new. */
static bool perhaps_forgotten(const struct hub_link *l, const struct life *speaks) {
    size_t kept = 0;
    for (size_t i = 0; i < l->life_count; i++)
        kept += l->lives[i].expected > 0;
    return kept + 1 >= LIMIT_LIVES && speaks->last > 0 && !l->reborn;
}

static void canary_forget(struct hub_side *h, struct hub_link *l) {
    h->canaries -= l->canary_position != CANARY_NOWHERE && l->canary_number != 0;
    l->canary_number = l->canary_ticket = 0;
    l->canary_position = CANARY_NOWHERE;
}

static void end_session(struct hub_side *h, struct hub_link *l) {
    h->greeting -= l->state == HUB_GREETING;
    h->ready -= l->state == HUB_READY;
    l->state = HUB_ABSENT;
    l->session = 0;
    l->tipped = false;
    canary_forget(h, l);
    l->canary_passed = l->canary_back = 0;
}

static void refuse(struct hub_side *h, struct hub_link *l, enum refusal reason, uint32_t retry_after_ms, const struct hub_out *out) {
    struct hub_effect e = {.kind = HUB_FX_SEND, .link = l};
    e.message.kind = MESSAGE_REFUSE;
    e.message.refuse = (struct refuse){.reason = reason, .text = bytes_text(refusal_text(reason)), .retry_after_ms = retry_after_ms};
    end_session(h, l);
    l->reborn = reason == REFUSE_RESTORED;
    l->refused = reason;
    note(out, l, HUB_NOTE_REFUSED, reason);
    emit(out, &e);
}

/* An operator's word against this node, and when to ask again; false: there is none. */
static bool barred(struct hub_side *h, struct hub_link *l, const struct hub_out *out) {
    if (l->revoked)
        refuse(h, l, REFUSE_REVOKED, 0, out);
    else if (l->retired)
        refuse(h, l, REFUSE_RETIRED, 0, out);
    else if (l->paused)
        refuse(h, l, REFUSE_PAUSED, PAUSED_MS, out);
    else
        return false;
    return true;
}

/* ---- credit: an absolute limit per session, out of one pool, fairly; it shrinks as the merge falls behind */

static bool disk_full(const struct hub_side *h) {
    return h->now < h->full_until;
}

static uint64_t window(const struct hub_side *h, const struct hub_link *l) {
    if (l->full || disk_full(h))
        return 0;
    uint64_t share = h->pool_bytes / (h->ready + h->greeting == 0 ? 1 : h->ready + h->greeting);
    uint64_t w = share < LIMIT_UNACKED_BYTES ? share : LIMIT_UNACKED_BYTES;
    if (h->backlog > BACKLOG_HIGH)
        w = w * BACKLOG_HIGH / h->backlog;
    return w < CREDIT_MIN ? CREDIT_MIN : w;
}

static void grant(const struct hub_side *h, struct hub_link *l) {
    uint64_t upto = l->taken + window(h, l);
    if (upto > l->credit)
        l->credit = upto;
}

/* What a node hears of its lives. Copies may hold more of a life than was accepted since it came again: that is not this one's to trim. */
static size_t lives_told(const struct hub_link *l, struct life out[LIMIT_LIVES]) {
    for (size_t i = 0; i < l->life_count; i++) {
        const struct hub_life *life = &l->lives[i];
        out[i] = (struct life){
            .incarnation = life->incarnation,
            .acked = life->accepted,
            .acked_hash = life->accepted_hash,
            .safe = life->safe < life->accepted ? life->safe : life->accepted,
        };
    }
    return l->life_count;
}

static void ack(struct hub_side *h, struct hub_link *l, bool rewind, const struct hub_out *out) {
    if (l->state != HUB_READY)
        return;
    struct hub_effect e = {.kind = HUB_FX_SEND, .link = l};
    e.message.kind = MESSAGE_ACK;
    struct ack *m = &e.message.ack;
    grant(h, l);
    m->session = l->session;
    m->credit = l->credit;
    m->rewind = rewind;
    m->canary = l->canary_passed;
    m->life_count = lives_told(l, m->lives);
    if (rewind)
        note(out, l, HUB_NOTE_REWIND, 0);
    emit(out, &e);
}

/* ---- the queue to the log */

static struct hub_append *queue_add(struct hub_side *h, struct hub_link *l) {
    if (h->queue_len == HUB_QUEUE)
        return NULL;
    struct hub_append *q = &h->queue[(h->queue_first + h->queue_len++) % HUB_QUEUE];
    *q = (struct hub_append){.ticket = ++h->next_ticket, .link = l, .session = l->session};
    l->queued++;
    return q;
}

static void welcome(struct hub_side *h, struct hub_link *l, const struct hub_out *out) {
    struct hub_effect e = {.kind = HUB_FX_WELCOME, .link = l};
    e.message.kind = MESSAGE_WELCOME;
    struct welcome *m = &e.message.welcome;
    h->greeting--;
    h->ready++;
    l->state = HUB_READY;
    l->ready = h->now;
    l->refused = 0;
    l->taken = l->spent = l->credit = 0;
    grant(h, l);
    m->session = l->session;
    m->protocol = l->protocol;
    m->credit = l->credit;
    m->cursor = l->cursor;
    m->tip = h->tip;
    m->life_count = lives_told(l, m->lives);
    note(out, l, HUB_NOTE_WELCOME, 0);
    emit(out, &e);
}

/* ---- canaries */

/* One at a time: while the log or the fold stand still it is the oldest that waits, and nothing newer is named. */
static void canary_send(struct hub_side *h, struct hub_link *l, uint64_t number, const struct hub_out *out) {
    struct hub_append *q = number == 0 || l->canary_number != 0 || disk_full(h) ? NULL : queue_add(h, l);
    if (q == NULL)
        return;
    l->canary_number = number;
    l->canary_ticket = q->ticket;
    l->canary_position = CANARY_NOWHERE;
    emit(out, &(struct hub_effect){.kind = HUB_FX_NONCE, .link = l, .ticket = q->ticket});
}

static void canary_passes(struct hub_side *h, struct hub_link *l, const struct hub_out *out) {
    if (l->canary_number == 0 || l->canary_position > h->folded)
        return;
    l->canary_passed = l->canary_number;
    canary_forget(h, l);
    ack(h, l, false, out);
}

static void canary_logged(struct hub_side *h, struct hub_link *l, uint64_t position, const struct hub_out *out) {
    h->canaries++;
    l->canary_position = position;
    canary_passes(h, l, out);
}

static void on_folded(struct hub_side *h, uint64_t position, const struct hub_out *out) {
    h->folded = position;
    for (size_t i = 0; i < h->link_count && h->canaries > 0; i++)
        canary_passes(h, h->links[i], out);
}

static void on_appended(struct hub_side *h, uint64_t ticket, uint64_t position, const struct hub_out *out) {
    h->full_until = 0;
    while (h->queue_len > 0 && h->queue[h->queue_first].ticket <= ticket) {
        struct hub_append *q = &h->queue[h->queue_first];
        struct hub_link *l = q->link;
        h->queue_first = (h->queue_first + 1) % HUB_QUEUE;
        h->queue_len--;
        invariant(l->queued > 0);
        l->queued--;
        if (q->seq > 0) {
            struct hub_life *life = life_of(l, &q->incarnation);
            if (life != NULL && q->seq > life->accepted) {
                life->accepted = q->seq;
                life->accepted_hash = q->hash;
            }
            if (q->session == l->session)
                l->taken += q->bytes;
            bool more = false; /* several pushes of one node came in one commit: one Ack for all */
            for (size_t i = 0; i < h->queue_len && !more; i++) {
                const struct hub_append *next = &h->queue[(h->queue_first + i) % HUB_QUEUE];
                if (next->ticket > ticket)
                    break;
                more = next->link == l && next->seq > 0;
                if (i > 64)
                    break;
            }
            if (!more)
                ack(h, l, false, out);
        }
        if (q->ticket == l->canary_ticket)
            canary_logged(h, l, position, out);
        if (l->state == HUB_GREETING && l->queued == 0)
            welcome(h, l, out);
    }
}

static void on_failed(struct hub_side *h, const struct hub_out *out) {
    h->full_until = h->now + FULL_MS;
    while (h->queue_len > 0) {
        struct hub_append *q = &h->queue[h->queue_first];
        struct hub_link *l = q->link;
        h->queue_first = (h->queue_first + 1) % HUB_QUEUE;
        h->queue_len--;
        l->queued--;
        for (size_t i = 0; i < l->life_count; i++) {
            l->lives[i].expected = l->lives[i].accepted;
            l->lives[i].expected_hash = l->lives[i].accepted_hash;
        }
        if (q->session == l->session)
            l->taken += q->bytes;
        if (q->seq == 0)
            l->nonce_due = true;
        if (q->ticket == l->canary_ticket)
            canary_forget(h, l);
        if (l->queued > 0)
            continue;
        if (l->state == HUB_GREETING)
            refuse(h, l, REFUSE_DISK_FULL, BUSY_MS, out);
        else
            ack(h, l, true, out);
    }
    note(out, NULL, HUB_NOTE_APPEND_FAILED, 0);
}

/* ---- greeting */

static uint32_t busy_ms(struct hub_side *h) {
    return (uint32_t)(BUSY_MS + random_below(&h->chance, BUSY_MS * (1 + h->greeting / 64)));
}

/* A log whose oldest change lies above what is accepted cannot go on without a gap (A9). */
static bool gap(struct hub_link *l, const struct hello *m) {
    for (size_t i = 0; i < m->life_count; i++) {
        const struct hub_life *life = life_of(l, &m->lives[i].incarnation);
        if (m->lives[i].first > (life == NULL ? 0 : life->expected) + 1)
            return true;
    }
    return false;
}

/* It is for people, and a peer's words: what is not plain ASCII is left out. */
static void keep_software(struct hub_link *l, struct bytes text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < sizeof l->software; i++)
        if (text.at[i] >= ' ' && text.at[i] < 0x7f)
            l->software[n++] = (char)text.at[i];
    l->software[n] = '\0';
}

static void on_hello(struct hub_side *h, struct hub_link *l, const struct hello *m, const struct hub_out *out) {
    end_session(h, l);
    note(out, l, HUB_NOTE_HELLO, 0);
    if (barred(h, l, out))
        return;
    if (m->protocol_most < 1 || m->protocol_least > 1) {
        refuse(h, l, m->protocol_most < 1 ? REFUSE_TOO_OLD : REFUSE_TOO_NEW, 0, out);
        return;
    }
    if (disk_full(h) || h->greeting >= HUB_GREETINGS || h->queue_len > HUB_QUEUE - HUB_GREETINGS) {
        refuse(h, l, disk_full(h) ? REFUSE_DISK_FULL : REFUSE_BUSY, busy_ms(h), out);
        return;
    }
    if (m->life_count == 0)
        return; /* the wire lets none through */
    const struct id16 *speaks = &m->lives[m->life_count - 1].incarnation;
    bool first = id_zero(&l->current), same = !first && id_equal(&l->current, speaks);
    if (!first && !same && life_of(l, speaks) != NULL)
        l->forked = true; /* a life returns after another took over: two disks speak; both wait for a person */
    if (l->forked) {
        refuse(h, l, REFUSE_FORKED, 0, out);
        return;
    }
    /* The nonce issued last, or the one used last (its Welcome may be lost); anything else is an older copy of this disk. */
    if (same ? l->issued != 0 && m->nonce != l->issued && m->nonce != l->used : perhaps_forgotten(l, &m->lives[m->life_count - 1])) {
        refuse(h, l, REFUSE_RESTORED, 0, out);
        return;
    }
    if (gap(l, m)) { /* nothing is taken over from who cannot go on: else its next Hello would be called restored, and make a new life */
        refuse(h, l, REFUSE_GAP, 0, out);
        return;
    }
    if (same && m->nonce == l->issued)
        l->used = l->issued;
    if (!same) {
        if (!first)
            note(out, l, HUB_NOTE_TAKE_OVER, 0);
        l->current = *speaks;
        l->used = 0;
        l->reborn = false;
    }
    for (size_t i = 0; i < m->life_count; i++)
        if (life_of(l, &m->lives[i].incarnation) == NULL && (m->lives[i].last > 0 || i + 1 == m->life_count))
            life_add(l, m, &m->lives[i].incarnation);
    do
        l->session = random_u64(&h->chance);
    while (l->session == 0);
    l->issued = l->session;
    l->nonce_due = false;
    l->cursor = m->cursor;
    l->protocol = 1;
    l->state = HUB_GREETING;
    h->greeting++;
    struct hub_append *q = queue_add(h, l);
    invariant(q != NULL);
    emit(out, &(struct hub_effect){.kind = HUB_FX_NONCE, .link = l, .ticket = q->ticket});
}

/* ---- pushes */

static void on_push(struct hub_side *h, struct hub_link *l, const struct push *m, const struct hub_out *out) {
    l->spent += m->body.len;
    if (l->spent > l->credit) {
        l->spent -= m->body.len;
        note(out, l, HUB_NOTE_FLOOD, 0);
        ack(h, l, true, out);
        return;
    }
    struct hub_life *life = life_of(l, &m->incarnation);
    if (life == NULL || m->count == 0 || m->first == 0) {
        l->taken += m->body.len; /* a life that its Hello did not name */
        return;
    }
    if (m->first != life->expected + 1) {
        l->taken += m->body.len;
        ack(h, l, m->first > life->expected + 1, out);
        return;
    }
    if (!hash_equal(&m->before, &life->expected_hash)) {
        refuse(h, l, REFUSE_RESTORED, 0, out);
        return;
    }
    if (l->full) { /* credit from before may be worth a hundred times the budget; the next session begins without any */
        refuse(h, l, REFUSE_BUSY, busy_ms(h), out);
        return;
    }
    struct hub_append *q = disk_full(h) ? NULL : queue_add(h, l); /* no append is tried, only to fail, for each push that comes */
    if (q == NULL) {
        l->taken += m->body.len;
        ack(h, l, true, out);
        return;
    }
    q->incarnation = m->incarnation;
    q->seq = m->first + m->count - 1;
    q->hash = m->after;
    q->bytes = m->body.len;
    life->expected = q->seq;
    life->expected_hash = m->after;
    emit(out, &(struct hub_effect){.kind = HUB_FX_APPEND, .link = l, .ticket = q->ticket});
}

/* The first message of a session shows that its Welcome came: the older nonce dies, and a crash does not bring it back. */
static void used(struct hub_side *h, struct hub_link *l, const struct hub_out *out) {
    if (l->used == l->issued && !l->nonce_due)
        return;
    l->used = l->issued;
    struct hub_append *q = disk_full(h) ? NULL : queue_add(h, l);
    l->nonce_due = q == NULL;
    if (q != NULL)
        emit(out, &(struct hub_effect){.kind = HUB_FX_NONCE, .link = l, .ticket = q->ticket});
}

static uint64_t session_of(const struct message *m) {
    switch (m->kind) {
    case MESSAGE_PUSH:
        return m->push.session;
    case MESSAGE_PULL:
        return m->pull.session;
    case MESSAGE_REPORT:
        return m->report.session;
    case MESSAGE_REPAIR_ASK:
        return m->repair_ask.session;
    case MESSAGE_HELLO:
    case MESSAGE_WELCOME:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_FEED:
    case MESSAGE_TIP:
    case MESSAGE_REPAIR_FILL:
    case MESSAGE_KEY_OFFER: /* the engine's */
    case MESSAGE_KEY_TAKEN:
        break;
    }
    return 0;
}

static void on_heard(struct hub_side *h, const struct hub_event *in, const struct hub_out *out) {
    struct hub_link *l = in->link;
    struct message *m = in->heard;
    l->heard = in->now;
    if (m->kind == MESSAGE_HELLO) {
        keep_software(l, m->hello.software);
        l->clock_ahead_ms = (int64_t)(m->hello.clock - in->wall);
        on_hello(h, l, &m->hello, out);
        return;
    }
    if (l->state != HUB_READY || session_of(m) != l->session)
        return;
    if (barred(h, l, out))
        return;
    used(h, l, out);
    switch (m->kind) {
    case MESSAGE_PUSH:
        on_push(h, l, &m->push, out);
        break;
    case MESSAGE_PULL:
        l->area_count = m->pull.area_count;
        memcpy(l->areas, m->pull.areas, sizeof l->areas);
        l->at = m->pull.cursor.at;
        l->tipped = false;
        emit(out, &(struct hub_effect){.kind = HUB_FX_PAGE, .link = l});
        break;
    case MESSAGE_REPORT:
        l->last = m->report;
        l->last.software = (struct bytes){NULL, 0};
        keep_software(l, m->report.software);
        l->reported = in->wall;
        if (m->report.canary > l->canary_back && m->report.canary <= l->canary_passed) {
            l->canary_back = m->report.canary;
            l->verified = in->wall;
            l->verified_at = in->now;
        }
        canary_send(h, l, m->report.number, out);
        if (l->spent == l->taken && (l->credit < l->taken + window(h, l) || m->report.backlog > 0))
            ack(h, l, false, out); /* credit had dried up while the disk was full or the backlog long; or the Ack with it was lost */
        break;
    case MESSAGE_REPAIR_ASK:
        emit(out, &(struct hub_effect){.kind = HUB_FX_REPAIR, .link = l});
        break;
    case MESSAGE_HELLO:
    case MESSAGE_WELCOME:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_FEED:
    case MESSAGE_TIP:
    case MESSAGE_REPAIR_FILL:
    case MESSAGE_KEY_OFFER: /* the engine's */
    case MESSAGE_KEY_TAKEN:
        break;
    }
}

/* ---- the fold moved: wake the links in scope that are behind */

static bool concerns(const struct hub_link *l, const struct hub_event *in) {
    for (size_t i = 0; i < in->merged.node_count; i++)
        if (in->merged.nodes[i] == l->node)
            return true;
    for (size_t i = 0; i < in->merged.area_count; i++)
        for (size_t k = 0; k < l->area_count; k++)
            if (in->merged.areas[i] == l->areas[k])
                return true;
    return false;
}

static void on_merged(struct hub_side *h, const struct hub_event *in, const struct hub_out *out) {
    h->tip = in->merged.tip;
    h->backlog = in->merged.backlog;
    for (size_t i = 0; i < h->link_count; i++) {
        struct hub_link *l = h->links[i];
        if (l->state != HUB_READY || l->tipped || !(in->merged.every || concerns(l, in)))
            continue;
        l->tipped = true;
        struct hub_effect e = {.kind = HUB_FX_SEND, .link = l};
        e.message.kind = MESSAGE_TIP;
        e.message.tip = (struct tip){.session = l->session, .hub_seq = h->tip};
        emit(out, &e);
    }
}

void hub_side_init(struct hub_side *h, uint64_t seed, uint64_t pool_bytes) {
    memset(h, 0, sizeof *h);
    random_seed(&h->chance, seed);
    h->pool_bytes = pool_bytes;
    h->queue = memory_zeroed(HUB_QUEUE, sizeof *h->queue);
}

void hub_side_close(struct hub_side *h) {
    free(h->queue);
    h->queue = NULL;
}

void hub_side_links(struct hub_side *h, struct hub_link **links, size_t count) {
    h->links = links;
    h->link_count = count;
}

void hub_side_step(struct hub_side *h, const struct hub_event *in, const struct hub_out *out) {
    h->now = in->now;
    switch (in->kind) {
    case HUB_PEER:
        if (in->link->state != HUB_ABSENT)
            barred(h, in->link, out);
        return;
    case HUB_HEARD:
        on_heard(h, in, out);
        return;
    case HUB_GONE:
        end_session(h, in->link);
        return;
    case HUB_APPENDED:
        on_appended(h, in->appended.ticket, in->appended.position, out);
        return;
    case HUB_FOLDED:
        on_folded(h, in->folded, out);
        return;
    case HUB_FAILED:
        on_failed(h, out);
        return;
    case HUB_MERGED:
        on_merged(h, in, out);
        return;
    case HUB_KEPT:
        for (size_t i = 0; i < h->link_count; i++)
            ack(h, h->links[i], false, out);
        return;
    }
}

uint64_t hub_side_session(const struct hub_link *l) {
    return l->state == HUB_READY ? l->session : 0;
}

uint64_t hub_link_unverified_ms(const struct hub_link *l, instant now) {
    instant since = l->canary_back == 0 ? l->ready : l->verified_at;
    return l->state == HUB_READY && now > since ? now - since : 0;
}

enum hub_standing hub_link_standing(const struct hub_link *l, instant now, uint64_t stale_ms) {
    if (l->heard == 0)
        return HUB_NEVER_SEEN;
    if (l->state == HUB_ABSENT || now - l->heard > stale_ms)
        return HUB_OFFLINE;
    if (l->state == HUB_GREETING)
        return HUB_GREETS;
    if (hub_link_unverified_ms(l, now) > stale_ms)
        return HUB_STALE;
    return l->canary_back == 0 ? HUB_UNKNOWN : HUB_ONLINE;
}

const char *hub_note_name(enum hub_note what) {
    static const char *const names[] = {"hello", "welcome", "refused", "take_over", "rewind", "append_failed", "flood"};
    return (size_t)what < sizeof names / sizeof *names ? names[what] : "?";
}
