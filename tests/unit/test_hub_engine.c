/* The hub's engine over stores on disk, without a node: what its workers do by themselves, and how it takes what is damaged. */
#include "common/base/clock.h"
#include "common/base/invariant.h"
#include "common/engine/hub_engine.h"
#include "common/engine/signed.h"
#include "common/net/node_door.h"
#include "tests/support/hub_city.h"
#include "tests/support/test_seal.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the four above
#include <cmocka.h>

enum { DEADLINE_MS = 20000 };

struct hub {
    char folder[32], endpoint[64];
    struct city city; /* fills the stores before the engine has them */
    uv_loop_t loop;
    struct keys keys;
    struct hub_engine *engine;
    int fatal;
    bool answered;
    uint64_t rows;
};

static void on_fatal(void *owner, int result) {
    struct hub *h = owner;
    h->fatal = result;
}

static int open_hub(void **state) {
    struct hub *h = memory_zeroed(1, sizeof *h);
    char path[64];
    strcpy(h->folder, "/tmp/anju-hub-XXXXXX");
    invariant(mkdtemp(h->folder) != NULL);
    snprintf(path, sizeof path, "%s/keys", h->folder);
    invariant(keys_make(path, &h->keys) == 0);
    city_open(&h->city, 7, h->folder);
    *state = h;
    return 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)s;
    (void)type;
    (void)f;
    return remove(path);
}

static int close_hub(void **state) {
    struct hub *h = *state;
    city_close(&h->city);
    nftw(h->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(h);
    return 0;
}

/* The city's stores go to an engine. */
static int start(struct hub *h) {
    struct hub_stores stores;
    struct hub_engine_calls calls = {.fatal = on_fatal, .owner = h};
    city_close(&h->city);
    int r = hub_stores_open(h->folder, test_seal(), &stores);
    if (r != 0)
        return r;
    assert_int_equal(uv_loop_init(&h->loop), 0);
    snprintf(h->endpoint, sizeof h->endpoint, "ipc://%s/door", h->folder);
    return hub_engine_open(&h->loop, &stores, h->endpoint, &h->keys, &calls, &h->engine);
}

static void stop(struct hub *h) {
    h->engine = hub_engine_close(h->engine);
    while (uv_run(&h->loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&h->loop), 0);
}

static void on_tick(uv_timer_t *t) {
    (void)t;
}

static void until(struct hub *h, bool (*holds)(struct hub *h)) {
    uv_timer_t tick;
    uv_timer_init(&h->loop, &tick);
    instant end = clock_now() + DEADLINE_MS;
    while (!holds(h)) {
        assert_true(clock_now() < end);
        uv_timer_start(&tick, on_tick, 10, 0);
        uv_run(&h->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&h->loop, UV_RUN_NOWAIT);
}

static bool all_merged(struct hub *h) {
    struct hub_counts n = hub_engine_counts(h->engine);
    return n.log_last > 0 && n.position == n.log_last;
}

/* Opens one of the city's stores again, for a look or for damage. */
static struct txn *write_to(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static void flip(struct txn *t, unsigned tree, struct bytes key) {
    struct bytes value;
    struct buffer flipped = {0};
    assert_true(txn_get(t, tree, key, &value));
    buffer_add(&flipped, value);
    flipped.at[flipped.len - 1] ^= 0x10;
    txn_put(t, tree, key, buffer_bytes(&flipped));
    buffer_close(&flipped);
}

static void test_merges(void **state) {
    struct hub *h = *state;
    city_create(&h->city, 1, 1);
    assert_int_equal(start(h), 0);
    assert_int_equal(hub_engine_peers(h->engine), CITY_NODES);
    until(h, all_merged);
    assert_int_equal(hub_engine_counts(h->engine).records, 1 + CITY_NODES);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

/* A state whose next entry the log has forgotten: this pair cannot go on, and that is not a full disk. */
static void test_trimmed(void **state) {
    struct hub *h = *state;
    for (uint64_t i = 1; i <= 3; i++)
        city_create(&h->city, 1, i);
    struct txn *t = write_to(h->city.log);
    struct hub_log_place place;
    hub_log_place(t, &place);
    hub_log_trim(t, place.last);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(start(h), HUB_STORES_JOIN + HUB_JOIN_TRIMMED);
}

/* A change of the hub itself that can be read no more, and that the log does not have: the engine does not open, and does not wait. */
static void test_own_rotten(void **state) {
    struct hub *h = *state;
    struct hub_stores stores;
    struct op op = {.field = 20, .kind = OP_SET, .value = BYTES("\x0a\x01x")};
    struct change c = {.version = {HLC_MS(1), 0}, .name = {0, 1}, .type = 5, .record = {{1}}, .ops = &op, .op_count = 1};
    city_close(&h->city);
    assert_int_equal(hub_stores_open(h->folder, test_seal(), &stores), 0);
    struct txn *t = write_to(stores.own);
    struct key k = key_u64(hub_own_append(t, &c));
    flip(t, HUB_OWN_ENTRIES, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
    hub_stores_close(&stores);
    int r = start(h);
    if (r == 0)
        until(h, all_merged);
    stop(h);
    assert_true(h->fatal < 0);
}

/* ---- damage */

static void flip_record(struct hub *h, uint32_t type, const struct id16 *id) {
    struct txn *t = write_to(h->city.state);
    struct key k = key_record(type, id);
    flip(t, HUB_RECORDS, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
}

static bool paused(struct hub *h) {
    return hub_engine_troubles(h->engine).merge_paused;
}

static bool answered(struct hub *h) {
    return h->answered;
}

struct order {
    struct hub_write write;
    struct hub *hub;
    uint32_t node;
    int result;
    bool acts; /* when it was told */
};

static void on_order(struct hub_write *w, int result) {
    struct order *o = (struct order *)w;
    const struct hub_peer *p = o->hub->engine == NULL ? NULL : hub_engine_peer_of(o->hub->engine, o->node);
    o->result = result;
    o->acts = p != NULL && p->link.paused;
    o->hub->answered = true;
}

/* The hub says a word about an office. */
static struct order *order_begin(struct hub *h, uint32_t node) {
    struct order *o = memory_zeroed(1, sizeof *o);
    o->hub = h;
    o->node = node;
    o->write.type = TYPE_OFFICE;
    o->write.record = office_id(node);
    o->write.ops[0] = (struct op){.field = OFFICE_STATUS, .kind = OP_SET, .value = BYTES("\x0a\x06paused")};
    o->write.op_count = 1;
    o->write.done = on_order;
    h->answered = false;
    hub_engine_write(h->engine, &o->write);
    return o;
}

static int order(struct hub *h, uint32_t node) {
    struct order *o = order_begin(h, node);
    until(h, answered);
    int result = o->result;
    assert_int_equal(o->acts, result == 0);
    free(o);
    return result;
}

/* Whoever hears that it is done may come, or send somebody, at once. */
static void test_an_order_acts_when_it_is_told(void **state) {
    struct hub *h = *state;
    assert_int_equal(start(h), 0);
    assert_int_equal(order(h, 3), 0);
    struct order *first = order_begin(h, 1), *second = order_begin(h, 2);
    while (!second->acts) {
        until(h, answered);
        h->answered = false;
    }
    assert_true(first->acts);
    stop(h);
    free(first);
    free(second);
}

static void test_the_end_tells_what_waits(void **state) {
    struct hub *h = *state;
    assert_int_equal(start(h), 0);
    struct order *first = order_begin(h, 1), *second = order_begin(h, 2);
    second->result = first->result = 1;
    stop(h);
    assert_true(first->result != 1 && second->result != 1);
    free(first);
    free(second);
}

/* The fold needs a record that is damaged: nothing is lost, nothing ends, and all that does not need it goes on. */
static void test_damaged_for_the_fold(void **state) {
    struct hub *h = *state;
    struct id16 id = city_id(1);
    city_create(&h->city, 1, 1);
    city_merge(&h->city, 100);
    city_create(&h->city, 2, 2);
    city_write(&h->city, 1, 1, CITY_B, "cannot be merged");
    flip_record(h, CITY_TYPE, &id);
    assert_int_equal(start(h), 0);
    until(h, paused);
    struct hub_counts n = hub_engine_counts(h->engine);
    assert_true(n.position < n.log_last);
    assert_int_equal(n.records, 1 + CITY_NODES);
    assert_int_equal(hub_engine_peers(h->engine), CITY_NODES);
    assert_int_equal(order(h, 3), HUB_WRITE_NOTED);
    assert_int_equal(hub_engine_counts(h->engine).log_last, n.log_last + 1);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

static void test_damaged_office(void **state) {
    struct hub *h = *state;
    struct id16 id = office_id(2);
    flip_record(h, TYPE_OFFICE, &id);
    assert_int_equal(start(h), 0);
    assert_int_equal(hub_engine_peers(h->engine), CITY_NODES - 1);
    assert_true(hub_engine_troubles(h->engine).roster_damaged);
    assert_int_equal(hub_engine_troubles(h->engine).damaged, 1);
    assert_int_equal(order(h, 2), HUB_WRITE_DAMAGED); /* it would only stop the fold */
    assert_int_equal(order(h, 3), 0);
    assert_false(hub_engine_troubles(h->engine).merge_paused);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

static bool roster_whole(struct hub *h) {
    return !hub_engine_troubles(h->engine).roster_damaged;
}

/* What was damaged is as it was: a check that began since settles it, one that began before does not. */
static void test_damage_that_is_mended(void **state) {
    struct hub *h = *state;
    struct id16 id = office_id(2);
    struct key k = key_record(TYPE_OFFICE, &id);
    flip_record(h, TYPE_OFFICE, &id);
    assert_int_equal(start(h), 0);
    assert_int_equal(hub_engine_damage_met(h->engine), 1);
    struct txn *t = write_to(hub_engine_stores(h->engine)->state);
    flip(t, HUB_RECORDS, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
    hub_engine_sound(h->engine, 0);
    assert_int_equal(hub_engine_troubles(h->engine).damaged, 1);
    hub_engine_sound(h->engine, 1);
    assert_int_equal(hub_engine_troubles(h->engine).damaged, 0);
    until(h, roster_whole);
    assert_int_equal(hub_engine_peers(h->engine), CITY_NODES);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

/* A place that cannot be read is told as that, not as a log and a state of two moments. */
static void test_damaged_place(void **state) {
    struct hub *h = *state;
    struct hub_stores stores;
    struct key at = key_word("at");
    city_create(&h->city, 1, 1);
    city_create(&h->city, 1, 2);
    city_merge(&h->city, 100);
    struct txn *t = write_to(h->city.log);
    hub_log_trim(t, 2);
    assert_int_equal(txn_commit(t), 0);
    t = write_to(h->city.state);
    flip(t, HUB_META, key_bytes(&at));
    assert_int_equal(txn_commit(t), 0);
    city_close(&h->city);
    assert_int_equal(hub_stores_open(h->folder, test_seal(), &stores), -EBADMSG);
}

/* ---- the gate */

static bool somebody_failed(struct hub *h) {
    return hub_engine_failures(h->engine)->count > 0;
}

static void on_nothing(void *owner) {
    (void)owner;
}
static void on_down(void *owner, const char *reason) {
    (void)owner;
    (void)reason;
}
static void on_word(void *owner, struct bytes frame) {
    (void)owner;
    (void)frame;
}

/* Why a machine whose key is in no office that can be read does not come in. */
static enum router_reason knock(struct hub *h) {
    struct keys keys;
    char path[64];
    struct node_door_calls calls = {on_nothing, on_down, on_word, h};
    snprintf(path, sizeof path, "%s/machine", h->folder);
    assert_int_equal(keys_make(path, &keys), 0);
    assert_int_equal(start(h), 0);
    struct node_door *d = node_door_open(&h->loop, h->endpoint, h->keys.public.curve, &keys, &calls);
    node_door_connect(d);
    until(h, somebody_failed);
    enum router_reason why = hub_engine_failures(h->engine)->last[0].reason;
    node_door_close(d);
    stop(h);
    return why;
}

/* With an office that cannot be read nobody is told that he is a stranger: he may be the one. */
static void test_gate(void **state) {
    assert_int_equal(knock(*state), ROUTER_UNKNOWN_KEY);
}

static void test_gate_of_a_damaged_roster(void **state) {
    struct hub *h = *state;
    struct id16 id = office_id(2);
    flip_record(h, TYPE_OFFICE, &id);
    assert_int_equal(knock(h), ROUTER_LATER);
}

/* ---- quarantine */

static bool second_is_full(struct hub *h) {
    return hub_engine_peer(h->engine, 1)->link.full;
}

static void flood(struct hub *h, uint32_t node, size_t count) {
    struct city *y = &h->city;
    struct arena a = {0};
    struct bytes packed[500];
    size_t n = 0;
    struct op op = city_op(CITY_A, OP_SET, city_text(y, "in no area"), NULL, 0);
    uint64_t first = y->writers[node].seq + 1;
    for (size_t i = 0; i < count; i++) {
        struct change c = {.type = CITY_TYPE, .record = city_id(1000 + i), .ops = &op, .op_count = 1};
        struct buffer b = {0};
        c.seq = ++y->writers[node].seq;
        c.version = (struct version){HLC_MS(y->now), node};
        c.name = (struct name){node, random_u64(&y->chance)};
        wire_change_pack(&c, &b);
        packed[n++] = arena_copy(&a, buffer_bytes(&b));
        buffer_close(&b);
        if (n < 500 && i + 1 < count)
            continue;
        city_append(y, node, packed, n, first);
        first += n;
        n = 0;
        arena_clear(&a);
    }
    arena_close(&a);
}

static void test_flood(void **state) {
    struct hub *h = *state;
    flood(h, 2, LIMIT_QUARANTINE_ITEMS - 1);
    struct merged m = city_merge(&h->city, 20000);
    assert_int_equal(city_place(&h->city).held, LIMIT_QUARANTINE_ITEMS - 1);
    assert_int_equal(m.node_count, 0);
    flood(h, 2, 1);
    assert_int_equal(start(h), 0);
    until(h, second_is_full);
    assert_false(hub_engine_peer(h->engine, 0)->link.full);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

/* ---- the sweep */

struct row_count {
    struct hub_read read;
    struct hub *hub;
    uint64_t rows;
};

static void count_works(struct hub_read *q, struct txn *state, struct txn *log) {
    (void)log;
    ((struct row_count *)q)->rows = store_count(state, HUB_ROWS);
}

static void count_done(struct hub_read *q, int result) {
    struct row_count *c = (struct row_count *)q;
    assert_int_equal(result, 0);
    c->hub->rows = c->rows;
    c->hub->answered = true;
    free(c);
}

static uint64_t rows_now(struct hub *h) {
    struct row_count *c = memory_zeroed(1, sizeof *c);
    c->hub = h;
    c->read.work = count_works;
    c->read.done = count_done;
    h->answered = false;
    hub_engine_read(h->engine, &c->read);
    until(h, answered);
    return h->rows;
}

enum { ROWS_LEFT = CITY_NODES + 3 + 1 };

static bool swept(struct hub *h) {
    return rows_now(h) <= ROWS_LEFT;
}

/* Stale rows go; that a record left an area stays told as long as a node is known that may not have heard it. */
static void test_sweeps(void **state) {
    struct hub *h = *state;
    struct city *y = &h->city;
    struct hub_log_node n;
    struct name home[1];
    for (uint64_t i = 1; i <= 3; i++)
        city_create(y, 1, i);
    city_merge(y, 100);
    for (unsigned i = 0; i < 200; i++)
        city_write(y, 1, 1, CITY_A, i % 2 == 0 ? "even" : "odd");
    assert_int_equal(city_names(y, 3, FIELD_HOME, home, 1), 1);
    struct op move = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), home, 1);
    city_say(y, 0, 3, &move, 1);
    city_merge(y, 1);
    struct txn *t = write_to(y->state);
    assert_true(store_count(t, HUB_ROWS) > ROWS_LEFT + 100);
    txn_abort(t);
    t = write_to(y->log);
    hub_log_node(t, 1, &n);
    n.current = y->writers[1].incarnation;
    hub_log_node_put(t, &n);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(start(h), 0);
    until(h, swept);
    assert_int_equal(rows_now(h), ROWS_LEFT);
    stop(h);
    assert_int_equal(h->fatal, 0);
}

#define WITH_HUB(f) cmocka_unit_test_setup_teardown(f, open_hub, close_hub)

/* ---- the hub's keys change */

/* Which of the two signed the newest entry of the log; 2: neither. */
static unsigned signer_of_last(struct hub *h, const struct keys *by) {
    struct hub_log_place place;
    struct log_entry entry;
    struct txn *t;
    unsigned who = 2;
    assert_int_equal(store_read(hub_engine_stores(h->engine)->log, &t), 0);
    assert_true(hub_log_place(t, &place));
    assert_int_equal(hub_log_read(t, place.last, &entry), 0);
    struct push p = push_of_entry(&entry);
    for (unsigned i = 0; i < 2; i++)
        if (push_signed(by[i].public.sign, 0, &p))
            who = i;
    txn_abort(t);
    return who;
}

static void test_next_keys_sign_at_once(void **state) {
    struct hub *h = *state;
    struct keys by[2];
    char path[64];
    assert_int_equal(start(h), 0);
    by[0] = h->keys;
    snprintf(path, sizeof path, "%s/keys.next", h->folder);
    assert_int_equal(keys_make(path, &by[1]), 0);
    snprintf(path, sizeof path, "ipc://%s/next", h->folder);
    assert_int_equal(order(h, 1), 0);
    assert_int_equal(signer_of_last(h, by), 0);
    assert_int_equal(hub_engine_next_door(h->engine, path, &by[1]), 0);
    assert_int_equal(order(h, 2), 0);
    assert_int_equal(signer_of_last(h, by), 0);
    hub_engine_drop_door(h->engine, false);
    keys_forget(&h->keys); /* the engine does not need it */
    assert_int_equal(order(h, 3), 0);
    assert_int_equal(signer_of_last(h, by), 1);
    stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_HUB(test_merges),
        WITH_HUB(test_trimmed),
        WITH_HUB(test_own_rotten),
        WITH_HUB(test_damaged_for_the_fold),
        WITH_HUB(test_damaged_office),
        WITH_HUB(test_damage_that_is_mended),
        WITH_HUB(test_damaged_place),
        WITH_HUB(test_flood),
        WITH_HUB(test_sweeps),
        WITH_HUB(test_gate),
        WITH_HUB(test_gate_of_a_damaged_roster),
        cmocka_unit_test_setup_teardown(test_next_keys_sign_at_once, open_hub, close_hub),
        WITH_HUB(test_an_order_acts_when_it_is_told),
        WITH_HUB(test_the_end_tells_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
