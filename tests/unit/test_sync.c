/* The two machines, event by event: what they must refuse, and what they must do again. */
#include "common/sync/hub_side.h"
#include "common/sync/node_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the hub, with one node */

struct hub {
    struct hub_side side;
    struct hub_link link, *table[1];
    struct message *in; /* owns */
    struct hub_effect seen[16];
    size_t count;
    struct id16 life;
    uint64_t session, trimmed, last;
    instant now;
};

static void see(void *owner, const struct hub_effect *e) {
    struct hub *h = owner;
    assert_true(h->count < 16);
    h->seen[h->count++] = *e;
}

static void step(struct hub *h, struct hub_event *e) {
    h->count = 0;
    e->now = h->now;
    e->wall = 1;
    hub_side_step(&h->side, e, &(struct hub_out){see, h});
}

static const struct hub_effect *effect(const struct hub *h, enum hub_effect_kind kind, enum message_kind message) {
    for (size_t i = 0; i < h->count; i++)
        if (h->seen[i].kind == kind && (kind != HUB_FX_SEND || h->seen[i].message.kind == message))
            return &h->seen[i];
    return NULL;
}

static void hello(struct hub *h, uint64_t nonce) {
    memset(h->in, 0, sizeof *h->in);
    h->in->kind = MESSAGE_HELLO;
    struct hello *m = &h->in->hello;
    m->protocol_least = m->protocol_most = 1;
    m->lives[0] = (struct life){.incarnation = h->life, .first = h->trimmed + 1, .last = h->last};
    m->life_count = 1;
    m->nonce = nonce;
    step(h, &(struct hub_event){.kind = HUB_HEARD, .link = &h->link, .heard = h->in});
}

static void push(struct hub *h, uint64_t first, uint32_t count, struct hash before, struct hash after) {
    memset(h->in, 0, sizeof *h->in);
    h->in->kind = MESSAGE_PUSH;
    h->in->push = (struct push){
        .session = h->session,
        .incarnation = h->life,
        .first = first,
        .count = count,
        .before = before,
        .after = after,
        .body = BYTES("body")};
    step(h, &(struct hub_event){.kind = HUB_HEARD, .link = &h->link, .heard = h->in});
}

static void greet(struct hub *h, uint64_t nonce) {
    hello(h, nonce);
    const struct hub_effect *e = effect(h, HUB_FX_NONCE, 0);
    assert_non_null(e);
    step(h, &(struct hub_event){.kind = HUB_APPENDED, .appended = {e->ticket, 0}});
    e = effect(h, HUB_FX_WELCOME, 0);
    assert_non_null(e);
    h->session = e->message.welcome.session;
}

static void open_hub(struct hub *h) {
    memset(h, 0, sizeof *h);
    h->in = calloc(1, sizeof *h->in);
    h->link.node = 1;
    h->now = 1000;
    h->last = 9;
    h->table[0] = &h->link;
    memset(h->life.b, 7, sizeof h->life.b);
    hub_side_init(&h->side, 3, 1 << 20);
    hub_side_links(&h->side, h->table, 1);
    greet(h, 0);
}

static void close_hub(struct hub *h) {
    hub_side_close(&h->side);
    free(h->in);
}

static struct hash hash_n(uint8_t n) {
    struct hash h;
    memset(h.b, n, sizeof h.b);
    return h;
}

static void a_push_with_a_gap_is_asked_for_again(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    push(&h, 1, 2, hash_n(0), hash_n(2));
    assert_non_null(effect(&h, HUB_FX_APPEND, 0));
    push(&h, 5, 1, hash_n(2), hash_n(5));
    assert_null(effect(&h, HUB_FX_APPEND, 0));
    const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_ACK);
    assert_non_null(e);
    assert_true(e->message.ack.rewind);
    assert_int_equal(e->message.ack.lives[0].acked, 0); /* queued is not durable */
    push(&h, 3, 1, hash_n(2), hash_n(3));
    assert_non_null(effect(&h, HUB_FX_APPEND, 0));
    close_hub(&h);
}

static void a_push_of_another_history_is_refused(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    push(&h, 1, 2, hash_n(0), hash_n(2));
    push(&h, 3, 1, hash_n(9), hash_n(3));
    assert_null(effect(&h, HUB_FX_APPEND, 0));
    const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_REFUSE);
    assert_non_null(e);
    assert_int_equal(e->message.refuse.reason, REFUSE_RESTORED);
    close_hub(&h);
}

static void an_older_copy_of_a_disk_is_refused(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    uint64_t first = h.session;
    greet(&h, first);
    push(&h, 1, 1, hash_n(0), hash_n(1)); /* the second session is in use: the first one's nonce is dead */
    hello(&h, first);
    const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_REFUSE);
    assert_non_null(e);
    assert_int_equal(e->message.refuse.reason, REFUSE_RESTORED);
    close_hub(&h);
}

/* B1: that the older nonce is dead is durable with the first message of the session; a failed append is tried again. */
static void a_used_nonce_is_made_durable(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    push(&h, 1, 1, hash_n(0), hash_n(1));
    const struct hub_effect *e = effect(&h, HUB_FX_NONCE, 0);
    assert_non_null(e);
    assert_int_equal(h.link.used, h.session);
    uint64_t ticket = e->ticket;
    assert_non_null(effect(&h, HUB_FX_APPEND, 0));
    assert_true(effect(&h, HUB_FX_APPEND, 0)->ticket > ticket);
    step(&h, &(struct hub_event){.kind = HUB_FAILED});
    push(&h, 1, 1, hash_n(0), hash_n(1));
    assert_null(effect(&h, HUB_FX_NONCE, 0)); /* no room yet */
    assert_null(effect(&h, HUB_FX_APPEND, 0));
    assert_true(effect(&h, HUB_FX_SEND, MESSAGE_ACK)->message.ack.rewind);
    h.now += 10000;
    push(&h, 1, 1, hash_n(0), hash_n(1));
    assert_non_null(effect(&h, HUB_FX_NONCE, 0));
    push(&h, 2, 1, hash_n(1), hash_n(2));
    assert_null(effect(&h, HUB_FX_NONCE, 0)); /* once is enough */
    close_hub(&h);
}

static void a_life_that_returns_is_forked(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    struct id16 old = h.life;
    memset(h.life.b, 8, sizeof h.life.b);
    greet(&h, 0);
    h.life = old;
    hello(&h, 0);
    const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_REFUSE);
    assert_non_null(e);
    assert_int_equal(e->message.refuse.reason, REFUSE_FORKED);
    close_hub(&h);
}

/* The store behind the hub is older than what this node has trimmed: it is told so at every Hello, and makes no new life of it. */
static void a_gap_takes_nothing_over(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    struct id16 before = h.link.current;
    memset(h.life.b, 8, sizeof h.life.b);
    h.trimmed = 4;
    for (int i = 0; i < 3; i++) {
        hello(&h, h.session);
        const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_REFUSE);
        assert_non_null(e);
        assert_int_equal(e->message.refuse.reason, REFUSE_GAP);
        assert_true(id_equal(&h.link.current, &before));
    }
    close_hub(&h);
}

static void commit_push(struct hub *h, struct hash after) {
    push(h, 1, 1, hash_n(0), after);
    const struct hub_effect *e = effect(h, HUB_FX_APPEND, 0);
    assert_non_null(e);
    step(h, &(struct hub_event){.kind = HUB_APPENDED, .appended = {e->ticket, 0}});
}

/* More lives than are remembered: those that never said anything give way first, and one that gave way is not taken for a new one. */
static void a_life_that_gave_way_is_not_new(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    struct id16 first = h.life;
    commit_push(&h, hash_n(1));
    for (uint8_t i = 1; i < 40; i++) { /* machines that never saved anything */
        memset(h.life.b, 0x40 + i, sizeof h.life.b);
        h.last = 0;
        greet(&h, 0);
    }
    assert_true(id_equal(&h.link.lives[0].incarnation, &first));
    for (uint8_t i = 0; i < LIMIT_LIVES + 1; i++) {
        h.last = 0;
        memset(h.life.b, 0x80 + i, sizeof h.life.b);
        greet(&h, 0);
        commit_push(&h, hash_n(1));
    }
    assert_int_equal(h.link.life_count, LIMIT_LIVES);
    h.life = first;
    h.last = 9;
    hello(&h, 0);
    const struct hub_effect *e = effect(&h, HUB_FX_SEND, MESSAGE_REFUSE);
    assert_non_null(e);
    assert_int_equal(e->message.refuse.reason, REFUSE_RESTORED);
    memset(h.life.b, 0xee, sizeof h.life.b); /* the life that it begins for that reason */
    greet(&h, 0);
    close_hub(&h);
}

/* ---- canaries at the hub */

static void report(struct hub *h, uint64_t number, uint64_t canary) {
    memset(h->in, 0, sizeof *h->in);
    h->in->kind = MESSAGE_REPORT;
    h->in->report = (struct report){.session = h->session, .number = number, .canary = canary};
    step(h, &(struct hub_event){.kind = HUB_HEARD, .link = &h->link, .heard = h->in});
}

static uint64_t named(const struct hub *h) {
    const struct hub_effect *e = effect(h, HUB_FX_SEND, MESSAGE_ACK);
    return e == NULL ? 0 : e->message.ack.canary;
}

static void canary_is_logged(struct hub *h, uint64_t position) {
    step(h, &(struct hub_event){.kind = HUB_APPENDED, .appended = {h->side.next_ticket, position}});
}

static void a_canary_passes_log_and_fold(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    report(&h, 1, 0);
    canary_is_logged(&h, 0); /* the nonce of the first message, and the canary: nothing to fold */
    assert_int_equal(named(&h), 1);
    report(&h, 2, 1);
    assert_int_equal(h.link.verified, 1);
    assert_int_equal(h.link.canary_back, 1);
    h.link.verified = 0;
    canary_is_logged(&h, 7); /* others' work is in the log and not folded */
    assert_int_equal(named(&h), 0);
    report(&h, 3, 2); /* named by nobody yet */
    assert_int_equal(h.link.verified, 0);
    assert_int_equal(h.link.canary_number, 2); /* the older one goes on waiting */
    step(&h, &(struct hub_event){.kind = HUB_FOLDED, .folded = 6});
    assert_int_equal(named(&h), 0);
    step(&h, &(struct hub_event){.kind = HUB_FOLDED, .folded = 7});
    assert_int_equal(named(&h), 2);
    assert_int_equal(h.side.canaries, 0);
    report(&h, 4, 2);
    assert_int_equal(h.link.verified, 1);
    canary_is_logged(&h, 8);
    greet(&h, h.session); /* it is of its session only */
    assert_int_equal(h.link.canary_number + h.link.canary_back + h.side.canaries, 0);
    h.link.verified = 0;
    report(&h, 1, 1);
    assert_int_equal(h.link.verified, 0);
    close_hub(&h);
}

static void a_link_stands_by_what_came_back(void **state) {
    (void)state;
    struct hub h;
    memset(&h.link, 0, sizeof h.link);
    assert_int_equal(hub_link_standing(&h.link, 5000, 100), HUB_NEVER_SEEN);
    open_hub(&h);
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_UNKNOWN); /* the socket is open, and that is all */
    assert_int_equal(hub_link_unverified_ms(&h.link, h.now + 60), 60);
    h.link.heard = h.now + 101; /* it speaks, but nothing comes back */
    assert_int_equal(hub_link_standing(&h.link, h.now + 101, 100), HUB_STALE);
    report(&h, 1, 0);
    canary_is_logged(&h, 0);
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_UNKNOWN);
    report(&h, 2, 1);
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_ONLINE);
    h.now += 100;
    report(&h, 3, 1);
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_ONLINE);
    h.now += 1;
    report(&h, 4, 1);
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_STALE);
    assert_int_equal(hub_link_standing(&h.link, h.now + 101, 100), HUB_OFFLINE);
    step(&h, &(struct hub_event){.kind = HUB_GONE, .link = &h.link});
    assert_int_equal(hub_link_standing(&h.link, h.now, 100), HUB_OFFLINE);
    assert_int_equal(hub_link_unverified_ms(&h.link, h.now), 0);
    close_hub(&h);
}

static void a_canary_that_is_not_logged_says_nothing(void **state) {
    (void)state;
    struct hub h;
    open_hub(&h);
    report(&h, 1, 0);
    step(&h, &(struct hub_event){.kind = HUB_FAILED});
    step(&h, &(struct hub_event){.kind = HUB_FOLDED, .folded = 100});
    assert_int_equal(named(&h), 0);
    report(&h, 2, 0); /* the disk is full: none is sent */
    assert_int_equal(h.link.canary_number, 0);
    h.now += 60000;
    report(&h, 3, 0);
    canary_is_logged(&h, 100);
    assert_int_equal(named(&h), 3);
    report(&h, 0, 1ull << 60); /* an older program names its session there */
    assert_int_equal(h.link.verified, 0);
    close_hub(&h);
}

/* ---- the node */

struct node {
    struct node_side side;
    struct node_effects out;
    struct node_progress progress;
    struct message in;
};

static void tell(struct node *n, struct node_event *e) {
    e->now = e->now == 0 ? 1000 : e->now;
    n->out.count = 0;
    node_side_step(&n->side, e, &n->out);
}

static const struct node_effect *did(const struct node *n, enum node_effect_kind kind, enum message_kind message) {
    for (size_t i = 0; i < n->out.count; i++)
        if (n->out.list[i].kind == kind && (kind != NODE_FX_SEND || n->out.list[i].message.kind == message))
            return &n->out.list[i];
    return NULL;
}

static struct node *ready_node(void) {
    struct node *n = calloc(1, sizeof *n);
    n->progress.node = 1;
    n->progress.life_count = 1;
    n->progress.lives[0] = (struct life){.first = 1, .last = 5};
    memset(n->progress.lives[0].incarnation.b, 7, sizeof n->progress.lives[0].incarnation.b);
    node_side_init(&n->side, 5, BYTES("test"));
    tell(n, &(struct node_event){.kind = NODE_START, .progress = &n->progress});
    tell(
        n, &(struct node_event){
               .kind = NODE_TICK, .now = node_side_deadline(&n->side) == INSTANT_NEVER ? 1000 : node_side_deadline(&n->side) + 1});
    if (did(n, NODE_FX_CONNECT, 0) == NULL)
        tell(n, &(struct node_event){.kind = NODE_TICK, .now = 10000000});
    tell(n, &(struct node_event){.kind = NODE_LINK_UP, .now = 10000001});
    assert_non_null(did(n, NODE_FX_SEND, MESSAGE_HELLO));
    n->in.kind = MESSAGE_WELCOME;
    n->in.welcome.session = 42;
    n->in.welcome.credit = 1 << 20;
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = 10000002});
    assert_non_null(did(n, NODE_FX_VERB, 0));
    struct node_event done = {.kind = NODE_DONE, .now = 10000003};
    done.done.verb = NODE_VERB_WELCOME;
    done.done.progress = &n->progress;
    tell(n, &done);
    assert_int_equal(n->side.state, NODE_READY);
    return n;
}

static void a_rewind_sends_again(void **state) {
    (void)state;
    struct node *n = ready_node();
    const struct node_effect *e = did(n, NODE_FX_READ, 0);
    assert_non_null(e);
    assert_int_equal(e->read.after, 0);
    struct node_event batch = {.kind = NODE_BATCH, .now = 10000004};
    batch.batch.session = 42;
    batch.batch.push = (struct push){.incarnation = n->progress.lives[0].incarnation, .first = 1, .count = 5, .body = BYTES("body")};
    tell(n, &batch);
    assert_non_null(did(n, NODE_FX_SEND, MESSAGE_PUSH));
    memset(&n->in, 0, sizeof n->in);
    n->in.kind = MESSAGE_ACK;
    n->in.ack = (struct ack){.session = 42, .life_count = 1, .credit = 1 << 20, .rewind = true};
    n->in.ack.lives[0] = (struct life){.incarnation = n->progress.lives[0].incarnation, .acked = 2};
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = 10000005});
    e = did(n, NODE_FX_READ, 0);
    assert_non_null(e);
    assert_int_equal(e->read.after, 2);
    free(n);
}

/* The hub takes nothing: the second time the node waits, and it wakes up by itself. */
static void a_rewind_without_progress_makes_it_rest(void **state) {
    (void)state;
    struct node *n = ready_node();
    instant now = 10000004;
    for (int i = 0; i < 2; i++) {
        assert_non_null(did(n, NODE_FX_READ, 0));
        struct node_event batch = {.kind = NODE_BATCH, .now = now++};
        batch.batch.session = 42;
        batch.batch.push = (struct push){.incarnation = n->progress.lives[0].incarnation, .first = 1, .count = 5, .body = BYTES("body")};
        tell(n, &batch);
        assert_non_null(did(n, NODE_FX_SEND, MESSAGE_PUSH));
        memset(&n->in, 0, sizeof n->in);
        n->in.kind = MESSAGE_ACK;
        n->in.ack = (struct ack){.session = 42, .life_count = 1, .credit = 1 << 20, .rewind = true};
        n->in.ack.lives[0] = (struct life){.incarnation = n->progress.lives[0].incarnation};
        tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = now++});
    }
    assert_null(did(n, NODE_FX_READ, 0));
    tell(n, &(struct node_event){.kind = NODE_SAVED, .progress = &n->progress, .now = now++});
    assert_null(did(n, NODE_FX_READ, 0));
    instant wakes = node_side_deadline(&n->side);
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = now++}); /* of another push that was on its way */
    assert_true(node_side_deadline(&n->side) == wakes && did(n, NODE_FX_READ, 0) == NULL);
    assert_true(node_side_deadline(&n->side) > now && node_side_deadline(&n->side) < now + 20000);
    tell(n, &(struct node_event){.kind = NODE_TICK, .now = node_side_deadline(&n->side)});
    assert_non_null(did(n, NODE_FX_READ, 0));
    free(n);
}

static uint64_t reported(struct node *n, instant at) {
    tell(n, &(struct node_event){.kind = NODE_TICK, .now = at});
    const struct node_effect *e = did(n, NODE_FX_SEND, MESSAGE_REPORT);
    assert_non_null(e);
    return e->message.report.canary;
}

static void names_canary(struct node *n, uint64_t number) {
    memset(&n->in, 0, sizeof n->in);
    n->in.kind = MESSAGE_ACK;
    n->in.ack = (struct ack){.session = 42, .life_count = 1, .credit = 1 << 20, .canary = number};
    n->in.ack.lives[0] = (struct life){.incarnation = n->progress.lives[0].incarnation};
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = 10000010});
}

static void lays(struct node *n, uint64_t includes, instant at) {
    memset(&n->in, 0, sizeof n->in);
    n->in.kind = MESSAGE_FEED;
    n->in.feed.session = 42;
    n->side.pulling = true;
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = at});
    struct node_event done = {.kind = NODE_DONE, .now = at, .wall = 77};
    n->progress.lives[0].includes = includes;
    done.done.verb = NODE_VERB_LAY_FEED;
    done.done.progress = &n->progress;
    done.done.caught_up = true;
    tell(n, &done);
}

static void a_canary_comes_back_with_all_that_was_saved(void **state) {
    (void)state;
    struct node *n = ready_node(); /* it said its first Report, with five changes saved */
    names_canary(n, 1);
    assert_int_equal(n->side.canary, 0); /* no page, nothing of ours in it */
    lays(n, 4, 10000020);
    assert_int_equal(n->side.canary, 0);
    lays(n, 5, 10000030);
    assert_int_equal(n->side.canary, 1);
    assert_int_equal(n->side.verified, 77);
    assert_int_equal(node_side_deadline(&n->side), 10000030); /* the first is told at once */
    assert_int_equal(reported(n, 10000030), 1);
    names_canary(n, 2);
    assert_int_equal(n->side.canary, 1); /* the page before the Report does not count */
    lays(n, 5, 10000040);
    assert_int_equal(n->side.canary, 2);
    assert_true(node_side_deadline(&n->side) > 10000041); /* the next goes with the next Report */
    tell(n, &(struct node_event){.kind = NODE_LINK_DOWN, .now = 10000050});
    assert_int_equal(n->side.canary + n->side.reports, 0);
    free(n);
}

/* An alarm that came while the check went on is of what it did not look at, and data that still differ are not sound. */
static void a_sound_store_settles_alarms(void **state) {
    (void)state;
    struct node *n = ready_node();
    n->side.alarms = 2;
    n->side.unequal = true;
    tell(n, &(struct node_event){.kind = NODE_SOUND, .alarms = 2});
    assert_int_equal(node_side_alarmed(&n->side), 2);
    n->side.unequal = false;
    tell(n, &(struct node_event){.kind = NODE_SOUND, .alarms = 1});
    assert_int_equal(node_side_alarmed(&n->side), 1);
    assert_int_equal(did(n, NODE_FX_SEND, MESSAGE_REPORT)->message.report.alarms, 1); /* the hub hears at once */
    tell(n, &(struct node_event){.kind = NODE_SOUND, .alarms = 2});
    assert_int_equal(node_side_alarmed(&n->side), 0);
    assert_int_equal(n->side.alarms, 2);
    free(n);
}

static void another_session_is_not_heard(void **state) {
    (void)state;
    struct node *n = ready_node();
    memset(&n->in, 0, sizeof n->in);
    n->in.kind = MESSAGE_ACK;
    n->in.ack = (struct ack){.session = 41, .life_count = 1, .credit = 1 << 30};
    n->in.ack.lives[0] = (struct life){.incarnation = n->progress.lives[0].incarnation, .acked = 5};
    tell(n, &(struct node_event){.kind = NODE_HEARD, .heard = &n->in, .now = 10000005});
    assert_int_equal(n->out.count, 0);
    free(n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_with_a_gap_is_asked_for_again),
        cmocka_unit_test(a_push_of_another_history_is_refused),
        cmocka_unit_test(an_older_copy_of_a_disk_is_refused),
        cmocka_unit_test(a_used_nonce_is_made_durable),
        cmocka_unit_test(a_life_that_returns_is_forked),
        cmocka_unit_test(a_gap_takes_nothing_over),
        cmocka_unit_test(a_life_that_gave_way_is_not_new),
        cmocka_unit_test(a_rewind_sends_again),
        cmocka_unit_test(a_link_stands_by_what_came_back),
        cmocka_unit_test(a_canary_passes_log_and_fold),
        cmocka_unit_test(a_canary_that_is_not_logged_says_nothing),
        cmocka_unit_test(a_canary_comes_back_with_all_that_was_saved),
        cmocka_unit_test(a_rewind_without_progress_makes_it_rest),
        cmocka_unit_test(a_sound_store_settles_alarms),
        cmocka_unit_test(another_session_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
