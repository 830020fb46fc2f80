/* How long a node waits before it tries again: full jitter under a top that doubles, from the start again after a good session, and what
 * the hub asked for when it asked. */
#include "common/base/memory.h"
#include "common/sync/node_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 1000, TOP_MS = 300000 };

struct node {
    struct node_side side;
    struct node_progress progress;
    struct node_effects out;
    struct message in;
    instant now;
};

static struct node *begin(uint64_t seed) {
    struct node *n = memory_zeroed(1, sizeof *n);
    n->now = 1000000;
    node_side_init(&n->side, seed, BYTES("test"));
    n->progress.node = 1;
    n->progress.life_count = 1;
    n->progress.lives[0].incarnation.b[0] = 1;
    node_side_step(&n->side, &(struct node_event){.kind = NODE_START, .now = n->now, .progress = &n->progress}, &n->out);
    return n;
}

static void tell(struct node *n, struct node_event e) {
    e.now = n->now;
    node_side_step(&n->side, &e, &n->out);
}

static void connect(struct node *n) {
    assert_int_equal(n->side.state, NODE_DOWN);
    n->now = node_side_deadline(&n->side);
    tell(n, (struct node_event){.kind = NODE_TICK});
    assert_int_equal(n->side.state, NODE_CONNECTING);
}

/* One attempt that fails; how long the next one is put off. */
static uint64_t attempt(struct node *n) {
    connect(n);
    tell(n, (struct node_event){.kind = NODE_LINK_DOWN});
    assert_int_equal(n->side.state, NODE_DOWN);
    return node_side_deadline(&n->side) - n->now;
}

static void session(struct node *n) {
    connect(n);
    tell(n, (struct node_event){.kind = NODE_LINK_UP});
    n->in = (struct message){.kind = MESSAGE_WELCOME, .welcome = {.session = 7, .credit = 1000}};
    tell(n, (struct node_event){.kind = NODE_HEARD, .heard = &n->in});
    assert_int_equal(n->side.state, NODE_SETTLING);
    tell(n, (struct node_event){.kind = NODE_DONE, .done = {.verb = NODE_VERB_WELCOME, .progress = &n->progress}});
    assert_int_equal(n->side.state, NODE_READY);
}

static void the_top_doubles_and_ends(void **state) {
    enum { ATTEMPTS = 14 };
    uint64_t most[ATTEMPTS] = {0}, least[ATTEMPTS], sum[ATTEMPTS] = {0};
    (void)state;
    memset(least, 0xff, sizeof least);
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        struct node *n = begin(seed);
        for (size_t i = 0; i < ATTEMPTS; i++) {
            uint64_t wait = attempt(n);
            most[i] = wait > most[i] ? wait : most[i];
            least[i] = wait < least[i] ? wait : least[i];
            sum[i] += wait;
        }
        free(n);
    }
    for (size_t i = 0; i < ATTEMPTS; i++) {
        uint64_t top = i < 9 && (1000u << i) < TOP_MS ? 1000u << i : TOP_MS;
        assert_in_range(most[i], top * 97 / 100, top); /* all of the room is used, and no more */
        assert_in_range(least[i], 0, top * 3 / 100);
        assert_in_range(sum[i] / DRAWS, top * 45 / 100, top * 55 / 100);
    }
}

static void a_good_session_begins_anew(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        struct node *n = begin(seed);
        for (size_t i = 0; i < 12; i++)
            attempt(n);
        session(n);
        tell(n, (struct node_event){.kind = NODE_LINK_DOWN});
        assert_in_range(node_side_deadline(&n->side) - n->now, 0, 1000);
        assert_in_range(attempt(n), 0, 2000);
        free(n);
    }
}

/* A transport that comes up proves nothing: a hub that then says no, or nothing, is not asked every second. */
static void a_handshake_is_no_good_session(void **state) {
    uint64_t most = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        struct node *n = begin(seed);
        for (size_t i = 0; i < 6; i++)
            attempt(n);
        connect(n);
        tell(n, (struct node_event){.kind = NODE_LINK_UP});
        tell(n, (struct node_event){.kind = NODE_LINK_DOWN});
        uint64_t wait = node_side_deadline(&n->side) - n->now;
        most = wait > most ? wait : most;
        assert_in_range(wait, 0, 64000);
        free(n);
    }
    assert_true(most > 60000);
}

static uint64_t refused(uint64_t seed, enum refusal reason, uint32_t retry_after_ms) {
    struct node *n = begin(seed);
    connect(n);
    tell(n, (struct node_event){.kind = NODE_LINK_UP});
    n->in = (struct message){.kind = MESSAGE_REFUSE, .refuse = {.reason = reason, .retry_after_ms = retry_after_ms}};
    tell(n, (struct node_event){.kind = NODE_HEARD, .heard = &n->in});
    assert_int_equal(n->side.state, NODE_DOWN);
    uint64_t wait = node_side_deadline(&n->side) - n->now;
    free(n);
    return wait;
}

/* Half of it to all of it, so that those who were refused together do not come back together. */
static void what_the_hub_asks_for_is_kept(void **state) {
    static const uint32_t asked[] = {2000, 40000, 3600000};
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (uint64_t seed = 1; seed <= DRAWS; seed++) {
            uint64_t wait = refused(seed, REFUSE_BUSY, asked[i]);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, asked[i] / 2, asked[i] / 100 * 52);
        assert_in_range(most, asked[i] / 100 * 98, asked[i]);
    }
}

/* An operator who resumes a node looks whether it comes: within half a minute, and not all at once. An older hub asks for a minute. */
static void a_paused_node_is_soon_back(void **state) {
    (void)state;
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        uint64_t wait = refused(seed, REFUSE_PAUSED, 60000);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        sum += wait;
    }
    assert_in_range(least, 2000, 3000);
    assert_in_range(most, 29000, 30000);
    assert_in_range(sum / DRAWS, 15000, 17000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_doubles_and_ends),       cmocka_unit_test(a_good_session_begins_anew),
        cmocka_unit_test(a_handshake_is_no_good_session), cmocka_unit_test(what_the_hub_asks_for_is_kept),
        cmocka_unit_test(a_paused_node_is_soon_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
