/* What comes in: the hub's doors, on the loop; each frame is decoded and proved on the check worker (arrival_works), and goes on from there
 * into a step, on the loop again. A node's new keys come this way too. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/hub_parts.h"
#include "common/engine/signed.h"

#include <stdlib.h>
#include <string.h>

/* A peer's share: what is kept of it before it is checked (its credit and a message), and how much of that the check worker has at once. */
enum { PEER_FRAMES = 512, PEER_BYTES = LIMIT_UNACKED_BYTES + 2 * LIMIT_MESSAGE_BYTES, PEER_CHECKING = 8 };
/* How often a peer may greet: once each so many ms, and a burst (hub_within). */
enum { HELLO_EACH_MS = 500, HELLO_AGAIN_MS = 50 };

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
        return !hub_within(&p->small_due, now, SMALL_EACH_MS);
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
        hub_notes_hear(p->engine, p, &h->message.report);
        close_when_empty(p, &h->message.report);
    }
    hub_step(p->engine, &(struct hub_event){.kind = HUB_HEARD, .link = &p->link, .heard = &h->message}, h);
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
        if (hub_within(&p->hello_due, now, HELLO_EACH_MS)) {
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
    if (p->hello == NULL && hub_within(&p->hello_due, clock_now(), HELLO_EACH_MS)) {
        hear(p, h);
        return;
    }
    if (p->hello != NULL)
        hub_peer_flooded(p);
    drop_hello(p);
    p->hello = heard_hold(h);
    if (!uv_is_active((uv_handle_t *)&e->hello_again))
        uv_timer_start(&e->hello_again, on_hello_again, HELLO_AGAIN_MS, 0);
}

/* ---- a node's new keys (1) signed by both, (2) in the office's record, durable and merged, (3) told. Told again to who asks again with
 * either: the answer may be lost. Who has only the key before can change nothing any more. */

static bool same_keys(const struct public_keys *a, const struct public_keys *b) {
    return memcmp(a->curve, b->curve, KEY_BYTES) == 0 && memcmp(a->sign, b->sign, KEY_BYTES) == 0;
}

static void hear_offer(struct hub_peer *p, const struct arrival *a) {
    struct hub_engine *e = p->engine;
    if (hub_side_session(&p->link) != a->heard->message.key_offer.session || p->link.revoked || p->link.paused || p->changing)
        return;
    if (same_keys(&a->offered, &p->keys)) {
        hub_peer_tell_key(p);
    } else if (!same_keys(&a->keys, &p->keys) || hub_peer_by_key(e, a->offered.curve) != NULL) {
        hub_peer_wrong(p, &p->wrongs.forged, 1, "a new key by one that was replaced, or one that another has");
    } else {
        p->changing = true;
        e->calls.key(e->calls.owner, p, &a->offered, clock_wall() + HUB_KEY_BOTH_DAYS * (wall_ms)86400000);
    }
}

void hub_engine_key_changed(struct hub_engine *e, uint32_t node, const struct public_keys *offered, int result) {
    struct hub_peer *p = hub_peer_by_node(e, node);
    if (p == NULL)
        return;
    p->changing = false;
    if (result != 0 || e->closing)
        return;
    log_fact(LOG_INFO, "hub.key_changed", FACT_UINT("node", node), FACT_HEX("key", bytes_of(offered->curve, KEY_BYTES)));
    hub_peer_tell_key(p); /* the roster has it */
}

static void arrival_free(struct arrival *a) {
    heard_drop(a->heard);
    free(a);
}

void hub_arrivals_drop(struct hub_peer *p) {
    while (p->arrivals != NULL) {
        struct arrival *a = p->arrivals;
        p->arrivals = a->next;
        arrival_free(a);
    }
    drop_hello(p);
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
        hub_peer_wrong(p, &p->wrongs.forged, 1, "a push, a key or a head without this key's signature");
    else if (!a->holds)
        hub_peer_wrong(
            p, &p->wrongs.garbage, 1, a->outcome == 0 ? "a chain that does not hold, or a hub's words" : "an unreadable message");
    else if (too_often(p, &a->heard->message))
        hub_peer_flooded(p);
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
    const struct hub_peer *p = hub_peer_by_key(e, key);
    /* Perhaps he is in the part of the roster that cannot be read. Until the door is open only its own test asks, which must be refused. */
    bool complete = e->roster_known && (!e->troubles.roster_damaged || e->way == NULL);
    if (p == NULL)
        return complete ? GATE_REFUSED : GATE_LATER;
    return p->link.revoked ? GATE_REFUSED : GATE_ADMITTED;
}

static void on_frame(void *owner, const uint8_t key[KEY_BYTES], struct bytes frame) {
    struct hub_way *way = owner;
    struct hub_engine *e = way->engine;
    struct hub_peer *p = hub_peer_by_key(e, key);
    const struct public_keys *keys = p == NULL ? NULL : hub_peer_keys(p, key); /* a former key's time may end between the two */
    if (keys == NULL || e->closing)
        return;
    p->way = way;
    hub_notes_moved(p);
    if (p->waiting == PEER_FRAMES || p->waiting_bytes + frame.len > PEER_BYTES) {
        hub_peer_flooded(p); /* an honest push that is lost here is sent again: the next one does not follow it */
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
    struct hub_peer *p = hub_peer_by_key(e, key);
    if (p != NULL && !e->closing && p->way == way && memcmp(key, hub_peer_keys_in_use(p)->curve, KEY_BYTES) == 0)
        hub_step(e, &(struct hub_event){.kind = HUB_GONE, .link = &p->link}, NULL);
}

int hub_way_open(struct hub_engine *e, const char *endpoint, const struct keys *keys, struct hub_way **out) {
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

struct hub_way *hub_way_close(struct hub_way *way) {
    if (way == NULL)
        return NULL;
    hub_door_close(way->door);
    free(way);
    return NULL;
}

int hub_engine_next_door(struct hub_engine *e, const char *endpoint, const struct keys *keys) {
    int r = hub_way_open(e, endpoint, keys, &e->next_way);
    if (r == 0) {
        hub_keys_hold(e, keys);
        hub_notes_signers(e);
        for (size_t i = 0; i < e->peer_count; i++)
            hub_notes_moved(e->peers[i]);
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
        hub_step(e, &(struct hub_event){.kind = HUB_GONE, .link = &p->link}, NULL);
    }
    e->way = next ? e->way : e->next_way;
    e->next_way = NULL;
    hub_keys_drop(e, next);
    hub_way_close(goes);
}
