/* The hub's log, fold and feed, over the memory store. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/hub_erase.h"
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

enum { SOME_BYTES = 1 << 20 };

static int open_city(void **state) {
    struct city *y = memory_zeroed(1, sizeof *y);
    city_open(y, 7, NULL);
    *state = y;
    return 0;
}

static int close_city(void **state) {
    city_close(*state);
    free(*state);
    return 0;
}

static struct hub_node_state node_of(struct city *y, uint32_t node) {
    struct hub_node_state n;
    struct txn *t;
    assert_int_equal(store_read(y->state, &t), 0);
    hub_node_get(t, node, &n);
    txn_abort(t);
    return n;
}

static enum verdict held(struct city *y, uint32_t node, uint64_t seq) {
    enum verdict why = VERDICT_MERGED;
    return city_held(y, node, seq, &why) ? why : VERDICT_MERGED;
}

/* ---- verdicts */

static void test_merges(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_A, "second");
    struct merged m = city_merge(y, 100);
    assert_int_equal(m.changes, 0); /* the last call found nothing */
    assert_true(city_text_is(y, 1, CITY_A, "second"));
    struct hub_node_state n = node_of(y, 1);
    assert_int_equal(n.received, 2);
    assert_int_equal(n.merged, 2);
    assert_int_equal(n.life_count, 1);
    assert_int_equal(n.lives[0].includes, 2);
    assert_true(hash_equal(&n.lives[0].acked_hash, &y->writers[1].chain));
    assert_int_equal(city_place(y).records, 1 + CITY_NODES);
    city_verify(y);
}

static void test_scope(void **state) {
    struct city *y = *state;
    struct op foreign[] = {
        city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), NULL, 0), city_op(CITY_A, OP_SET, city_text(y, "x"), NULL, 0)};
    struct op nowhere = city_op(CITY_A, OP_SET, city_text(y, "x"), NULL, 0);
    struct op city = city_op(FIELD_SHARED, OP_ADD, city_area(y, AREA_CITY), NULL, 0);
    city_create(y, 1, 1);
    city_say(y, 1, 2, foreign, 2);  /* seq 2: creates in another's area */
    city_say(y, 1, 3, &nowhere, 1); /* seq 3: in no area */
    city_say(y, 1, 1, &city, 1);    /* seq 4: lays its record before the whole city */
    struct change office = {.type = TYPE_OFFICE, .record = office_id(1), .ops = foreign, .op_count = 2};
    city_say_change(y, 1, &office);          /* seq 5 */
    city_write(y, 2, 1, CITY_A, "not mine"); /* of node 2 */
    city_merge(y, 100);
    for (uint64_t seq = 2; seq <= 5; seq++)
        assert_int_equal(held(y, 1, seq), VERDICT_SCOPE);
    assert_int_equal(held(y, 2, 1), VERDICT_SCOPE);
    assert_int_equal(city_place(y).held, 5);
    city_verify(y);

    /* Adopting: node 2 adds itself to record 1; what it wrote before is tried again and merged. */
    struct op adopt = city_op(FIELD_SHARED, OP_ADD, city_area(y, city_home(2)), NULL, 0);
    city_say(y, 2, 1, &adopt, 1);
    city_merge(y, 100);
    assert_int_equal(held(y, 2, 1), VERDICT_MERGED);
    assert_int_equal(city_place(y).held, 4);
    struct name heads[4];
    assert_int_equal(city_names(y, 1, CITY_A, heads, 4), 2);
    assert_int_equal(city_place(y).conflicts, 1);
    city_verify(y);
}

static void test_scope_past(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    struct name home[1];
    assert_int_equal(city_names(y, 1, FIELD_HOME, home, 1), 1);
    struct op move = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), home, 1);
    city_say(y, 0, 1, &move, 1);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_B, "in good faith");
    city_merge(y, 100);
    assert_int_equal(city_place(y).held, 0);
    assert_true(city_text_is(y, 1, CITY_B, "in good faith"));
    city_verify(y);
}

/* That a record is only kept is for the hub to say, and to take back. */
static void test_restricted(void **state) {
    struct city *y = *state;
    struct buffer flag = {0};
    struct name head[1];
    value_pack(&(struct value){.kind = VALUE_FLAG, .number = 1}, &flag);
    struct op restrict_it = city_op(FIELD_RESTRICTED, OP_SET, buffer_bytes(&flag), NULL, 0);
    city_create(y, 1, 1);
    city_say(y, 1, 1, &restrict_it, 1);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_RULE);
    city_say(y, 0, 1, &restrict_it, 1);
    city_merge(y, 100);
    assert_int_equal(city_names(y, 1, FIELD_RESTRICTED, head, 1), 1);
    struct op lift = city_op(FIELD_RESTRICTED, OP_SET, (struct bytes){NULL, 0}, head, 1);
    city_say(y, 1, 1, &lift, 1);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 3), VERDICT_RULE);
    buffer_close(&flag);
    city_verify(y);
}

/* ---- what lies in an area */

static int note_record(void *owner, const struct record *r) {
    struct buffer *seen = owner;
    buffer_u8(seen, r->id.b[15]);
    return seen->len == 3 ? -EDOM : 0;
}

static int walk(struct city *y, uint64_t *after, uint32_t limit, struct buffer *seen) {
    struct txn *t;
    assert_int_equal(store_read(y->state, &t), 0);
    int r = hub_area_walk(t, city_home(1), after, limit, note_record, seen, NULL);
    txn_abort(t);
    return r;
}

static void test_area_walk(void **state) {
    struct city *y = *state;
    struct buffer seen = {0};
    struct name home[1];
    uint64_t after = 0;
    for (uint64_t i = 1; i <= 4; i++)
        city_create(y, 1, i);
    city_create(y, 2, 9);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_A, "later"); /* its first row is stale */
    assert_int_equal(city_names(y, 2, FIELD_HOME, home, 1), 1);
    struct op move = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), home, 1);
    city_say(y, 0, 2, &move, 1);
    city_merge(y, 100);
    assert_int_equal(walk(y, &after, 1, &seen), 0); /* the stale one */
    assert_int_equal(seen.len, 0);
    assert_true(after > 0);
    assert_int_equal(walk(y, &after, 100, &seen), -EDOM); /* 3, 4, 1: the one that it stops at is seen again */
    assert_int_equal(walk(y, &after, 100, &seen), HUB_AREA_END);
    uint8_t wanted[] = {3, 4, 1, 1};
    assert_int_equal(seen.len, sizeof wanted);
    assert_memory_equal(seen.at, wanted, sizeof wanted);
    assert_int_equal(walk(y, &after, 100, &seen), HUB_AREA_END);
    assert_int_equal(seen.len, sizeof wanted);
    city_create(y, 1, 7);
    city_merge(y, 100);
    assert_int_equal(walk(y, &after, 100, &seen), HUB_AREA_END); /* what comes later is above */
    assert_int_equal(seen.at[4], 7);
    buffer_close(&seen);
}

static void test_scope_of_office_grows(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    city_write(y, 2, 1, CITY_B, "too early");
    city_merge(y, 100);
    assert_int_equal(held(y, 2, 1), VERDICT_SCOPE);
    area both[] = {city_home(2), city_home(1)};
    city_office(y, 2, both, 2);
    struct merged m = city_merge(y, 100);
    (void)m;
    assert_int_equal(held(y, 2, 1), VERDICT_MERGED);
    assert_true(city_text_is(y, 1, CITY_B, "too early"));
    struct hub_node_state n = node_of(y, 2);
    assert_int_equal(n.served_count, 2);
    assert_int_equal(n.merged, 1);
    assert_int_equal(n.held_bytes, 0);
    city_verify(y);
}

static void test_clock(void **state) {
    struct city *y = *state;
    struct op op = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(1)), NULL, 0);
    struct change ahead = {.record = city_id(1), .version = {HLC_MS(y->now + 1 + 60000), 1}, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &ahead); /* exactly 60 s: still honest */
    city_merge(y, 100);
    assert_int_equal(city_place(y).held, 0);
    struct change far = {.record = city_id(2), .version = {HLC_MS(y->now + 1 + 60000 + 3600000), 1}, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &far);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_CLOCK);
    /* The hub's clock was a year ahead for an hour; afterwards an edit just above what was merged then is no lie (A10). */
    wall_ms year = UINT64_C(365) * 86400000;
    struct change own = {.record = city_id(3), .version = {HLC_MS(y->now + year), 0}, .ops = &op, .op_count = 1};
    city_say_change(y, 0, &own);
    struct change above = {.record = city_id(4), .version = {own.version.hlc + 1, 1}, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &above);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 3), VERDICT_MERGED);
    /* An operator tries the held one again. By now it is not ahead of what was merged. */
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_MERGED);
    assert_int_equal(city_place(y).held, 0);
    city_verify(y);
}

/* One fold; city_merge gives the last, empty one. */
static struct merged fold_once(struct city *y) {
    struct txn *log, *fold;
    struct merged m;
    assert_int_equal(store_read(y->log, &log), 0);
    assert_int_equal(store_write(y->state, &fold), 0);
    assert_int_equal(hub_merge(log, fold, 100, NULL, &m), 0);
    assert_int_equal(txn_commit(fold), 0);
    txn_abort(log);
    return m;
}

static void test_forged(void **state) {
    struct city *y = *state;
    struct op op = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(1)), NULL, 0);
    struct change name = {.record = city_id(1), .name = {2, 99}, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &name);
    struct change version = {.record = city_id(1), .version = {HLC_MS(y->now), 2}, .again = true, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &version);
    struct change again = {.record = city_id(1), .name = {2, 98}, .again = true, .ops = &op, .op_count = 1};
    city_say_change(y, 1, &again);
    struct merged m = fold_once(y);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(held(y, 1, seq), VERDICT_FORGED);
    assert_int_equal(m.forger_count, 1);
    assert_int_equal(m.forgers[0].node, 1);
    assert_int_equal(m.forgers[0].changes, 3);
    /* A person may say that a name is right, as of a clone's branch; a version never is. */
    city_order(y, LOG_RETRY, 1, 2);
    city_order(y, LOG_RETRY, 1, 3);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_FORGED);
    assert_int_equal(held(y, 1, 3), VERDICT_MERGED);
    /* A copy of what is merged says nothing new, whoever sends it; one that claims not to be a copy does. */
    struct name merged = city_create(y, 2, 2);
    struct op other = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), NULL, 0);
    struct change copy = {.record = city_id(2), .name = merged, .again = true, .ops = &other, .op_count = 1};
    city_say_change(y, 1, &copy);
    copy.again = false;
    city_say_change(y, 1, &copy);
    m = fold_once(y);
    assert_int_equal(held(y, 1, 4), VERDICT_MERGED);
    assert_int_equal(held(y, 1, 5), VERDICT_FORGED);
    assert_int_equal(node_of(y, 1).repeated, 1);
    assert_int_equal(m.forgers[0].changes, 1);
    /* A clone's branch goes on as a new node of the same office, and keeps its names; a change that is no copy has none of them. */
    area office = city_home(1);
    city_office(y, 4, &office, 1);
    struct change clone = {.record = city_id(3), .name = {1, 97}, .again = true, .ops = &op, .op_count = 1};
    city_say_change(y, 4, &clone);
    clone.name.tag = 96;
    clone.again = false;
    city_say_change(y, 4, &clone);
    city_merge(y, 100);
    assert_int_equal(held(y, 4, 1), VERDICT_MERGED);
    assert_int_equal(held(y, 4, 2), VERDICT_FORGED);
    city_verify(y);
}

static int keep_bytes(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)node;
    (void)h;
    buffer_clear(owner);
    buffer_add(owner, q->change);
    return 0;
}

static void test_garbage(void **state) {
    struct city *y = *state;
    CLEANUP(buffer_close) struct buffer kept = {0};
    struct bytes junk = BYTES("\xff\xff\xff this is no change");
    city_append(y, 1, &junk, 1, ++y->writers[1].seq);
    city_create(y, 1, 1);
    struct city_change first = y->changes[y->change_count - 1];
    city_append(y, 1, &first.packed, 1, ++y->writers[1].seq); /* its seq is not where it stands */
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 1), VERDICT_GARBAGE);
    assert_int_equal(held(y, 1, 2), VERDICT_MERGED);
    assert_int_equal(held(y, 1, 3), VERDICT_GARBAGE);
    city_order(y, LOG_DISCARD, 1, 3);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 3), VERDICT_DISCARDED);
    city_order(y, LOG_RETRY, 1, 1);
    city_order(y, LOG_RETRY, 1, 77); /* there is no such */
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 1), VERDICT_GARBAGE);
    struct txn *t;
    assert_int_equal(store_read(y->state, &t), 0);
    city_order(y, LOG_DISCARD, 1, 3);
    assert_int_equal(hub_held(t, 1, keep_bytes, &kept), 0);
    txn_abort(t);
    struct hub_node_state n = node_of(y, 1);
    assert_int_equal(n.received, 3);
    assert_int_equal(n.held, 1);
    assert_int_equal(n.discarded, 1);
    assert_int_equal(n.held_bytes, junk.len);
    city_verify(y);
}

/* A body that is no batch: nobody can be answered any more; all its seqs are held, the bytes are kept. */
static void test_broken_batch(void **state) {
    struct city *y = *state;
    struct log_entry e = {
        .kind = LOG_PUSH,
        .node = 1,
        .incarnation = y->writers[1].incarnation,
        .first = 1,
        .count = 3,
        .received = y->now,
        .body = BYTES("no zstd frame")};
    struct txn *t;
    assert_int_equal(store_write(y->log, &t), 0);
    hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), 0);
    y->writers[1].seq = 3;
    city_create(y, 1, 1);
    city_merge(y, 100);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(held(y, 1, seq), VERDICT_GARBAGE);
    assert_int_equal(node_of(y, 1).held_bytes, e.body.len);
    assert_int_equal(node_of(y, 1).merged, 1);
    city_verify(y);
}

static void test_full(void **state) {
    struct city *y = *state;
    CLEANUP(buffer_close) struct buffer value = {0};
    city_create(y, 1, 1);
    size_t len = 60000;
    uint8_t head[] = {0x0a, (uint8_t)(0x80 | (len & 0x7f)), (uint8_t)(0x80 | (len >> 7 & 0x7f)), (uint8_t)(len >> 14)};
    buffer_add(&value, bytes_of(head, sizeof head));
    memset(buffer_grow(&value, len), 'a', len);
    for (uint64_t i = 0; i < 16; i++) {
        struct op op = city_op(CITY_SET, OP_ADD, buffer_bytes(&value), NULL, 0);
        city_say(y, 1, 1, &op, 1);
        if (i % 3 == 0)
            city_merge(y, 100);
    }
    city_merge(y, 100);
    uint64_t merged = node_of(y, 1).merged;
    assert_int_equal(merged, 1 + 13); /* 13 * 60,000 < 786,432 - 4,096 < 14 * 60,000 */
    assert_int_equal(held(y, 1, 15), VERDICT_FULL);
    /* What makes room lets a retry through. */
    struct name elements[20];
    size_t n = city_names(y, 1, CITY_SET, elements, 20);
    struct op op = city_op(CITY_SET, OP_REMOVE, (struct bytes){NULL, 0}, elements, n);
    city_say(y, 1, 1, &op, 1);
    city_order(y, LOG_RETRY, 1, 15);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 15), VERDICT_MERGED);
    city_verify(y);
}

/* What a revoked node had not sent comes in a file: all of it is held, also what would be merged, and that its area grows lets none of it
 * in; one after the other a person does. */
static void test_triage(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    y->in_a_file = true;
    city_write(y, 1, 1, CITY_A, "two");
    city_create(y, 1, 2);
    city_write(y, 1, 2, CITY_B, "four");
    struct bytes junk = BYTES("\xff\xff no change");
    city_append(y, 1, &junk, 1, ++y->writers[1].seq);
    y->in_a_file = false;
    city_merge(y, 100);
    for (uint64_t seq = 2; seq <= 4; seq++)
        assert_int_equal(held(y, 1, seq), VERDICT_REVOKED);
    assert_int_equal(held(y, 1, 5), VERDICT_GARBAGE);
    area more[] = {city_home(1), city_home(2)};
    city_office(y, 1, more, 2);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_REVOKED);
    assert_int_equal(node_of(y, 1).merged, 1);
    city_order(y, LOG_RETRY, 1, 4); /* before what it is about: a record that is not there is nobody's */
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_MERGED);
    assert_true(city_text_is(y, 1, CITY_A, "two"));
    assert_int_equal(held(y, 1, 3), VERDICT_REVOKED);
    assert_int_equal(held(y, 1, 4), VERDICT_SCOPE);
    city_order(y, LOG_RETRY, 1, 3);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 3), VERDICT_MERGED);
    assert_int_equal(held(y, 1, 4), VERDICT_MERGED); /* a person had let it in, and now it has a home */
    assert_true(city_text_is(y, 2, CITY_B, "four"));
    struct hub_node_state n = node_of(y, 1);
    assert_int_equal(n.received, 5);
    assert_int_equal(n.merged, 4);
    assert_int_equal(n.held, 1);
    city_verify(y);
}

static void test_rule_retry(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_A, "!bad");
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_RULE);
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_RULE);
    y->upgraded = true;
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(held(y, 1, 2), VERDICT_MERGED);
    assert_true(city_text_is(y, 1, CITY_A, "!bad"));
    city_verify(y);
}

/* B10: v1 <- held <- v3. What replaces the held change replaces v1 too; a retry of the held one changes nothing any more. */
static void test_take_over(void **state) {
    struct city *y = *state;
    struct name names[4];
    city_create(y, 1, 1);
    city_merge(y, 100);
    struct name bad = city_write(y, 1, 1, CITY_A, "!bad");
    struct op worse = city_op(CITY_A, OP_SET, city_text(y, "!worse"), &bad, 1);
    struct name second = city_say(y, 1, 1, &worse, 1);
    struct op good = city_op(CITY_A, OP_SET, city_text(y, "good"), &second, 1);
    city_say(y, 1, 1, &good, 1);
    city_merge(y, 100);
    assert_int_equal(city_place(y).held, 2);
    assert_int_equal(city_names(y, 1, CITY_A, names, 4), 1);
    assert_true(city_text_is(y, 1, CITY_A, "good"));
    y->upgraded = true;
    city_order(y, LOG_RETRY, 1, 3);
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(city_place(y).held, 0);
    assert_int_equal(city_names(y, 1, CITY_A, names, 4), 1);
    assert_true(city_text_is(y, 1, CITY_A, "good"));
    city_verify(y);
}

/* A restored node labels a held change again; the copy is merged: nothing of it stays in quarantine. */
static void test_copies(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_A, "!bad");
    city_merge(y, 100);
    struct city_change first = y->changes[y->change_count - 1];
    y->writers[1].incarnation.b[0] ^= 1;
    y->writers[1].seq = 0;
    y->upgraded = true;
    struct change again = first.c;
    again.again = true;
    city_say_change(y, 1, &again);
    city_merge(y, 100);
    assert_int_equal(city_place(y).held, 0);
    struct hub_node_state n = node_of(y, 1);
    assert_int_equal(n.merged, 2);
    assert_int_equal(n.repeated, 1);
    assert_int_equal(n.life_count, 2);
    struct change third = first.c;
    third.again = true;
    y->upgraded = false; /* it would be held now, but what is merged is merged */
    city_say_change(y, 1, &third);
    city_merge(y, 100);
    assert_int_equal(node_of(y, 1).repeated, 2);
    assert_int_equal(city_place(y).held, 0);
    city_verify(y);
}

/* The first copy comes after the one that was labelled again, and after what replaced it: it is no head any more. */
static void test_late_copy(void **state) {
    struct city *y = *state;
    struct name names[4];
    city_create(y, 1, 1);
    city_merge(y, 100);
    struct op op = city_op(CITY_B, OP_SET, city_text(y, "one"), NULL, 0);
    struct change copy = {.record = city_id(1), .again = true, .ops = &op, .op_count = 1};
    struct name name = city_say_change(y, 1, &copy);
    city_merge(y, 100);
    struct op later = city_op(CITY_B, OP_SET, city_text(y, "two"), &name, 1);
    city_say(y, 1, 1, &later, 1);
    city_merge(y, 100);
    copy.again = false;
    city_say_change(y, 1, &copy);
    city_merge(y, 100);
    assert_int_equal(city_names(y, 1, CITY_B, names, 4), 1);
    assert_true(city_text_is(y, 1, CITY_B, "two"));
    assert_int_equal(node_of(y, 1).repeated, 1);
    city_verify(y);
}

/* An entry that was folded before is passed over: a life and a seq name one change for ever. */
static void test_doubled(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    struct city_change first = y->changes[y->change_count - 1];
    city_append(y, 1, &first.packed, 1, 1);
    city_merge(y, 100);
    assert_int_equal(node_of(y, 1).received, 1);
    assert_int_equal(node_of(y, 1).merged, 1);
    city_verify(y);
}

static void test_rotten(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    struct id16 id = city_id(1);
    struct key k = key_record(CITY_TYPE, &id);
    struct bytes value;
    CLEANUP(buffer_close) struct buffer flipped = {0};
    struct txn *t, *log;
    assert_int_equal(store_write(y->state, &t), 0);
    assert_true(txn_get(t, HUB_RECORDS, key_bytes(&k), &value));
    buffer_add(&flipped, value);
    flipped.at[flipped.len - 1] ^= 0x10;
    txn_put(t, HUB_RECORDS, key_bytes(&k), buffer_bytes(&flipped));
    assert_int_equal(txn_commit(t), 0);
    struct op op = city_op(CITY_A, OP_SET, city_text(y, "never laid over it"), NULL, 0);
    city_say(y, 1, 1, &op, 1);
    struct merged m;
    assert_int_equal(store_read(y->log, &log), 0);
    assert_int_equal(store_write(y->state, &t), 0);
    assert_int_equal(hub_merge(log, t, 100, NULL, &m), -EBADMSG);
    assert_int_equal(txn_commit(t), -EBADMSG);
    txn_abort(log);
    CLEANUP(arena_close) struct arena a = {0};
    struct record r;
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_record(t, CITY_TYPE, &id, &a, &r), HUB_RECORD_ROTTEN);
    assert_true(hub_verify(t, NULL, NULL, NULL) > 0);
    txn_abort(t);
}

/* What was not looked at to its end is no complaint, and how much there is was known at the start. */
static void test_verify_stops(void **state) {
    struct city *y = *state;
    struct txn *t;
    struct progress whole = {.done = 0}, none = {.stop = true};
    for (uint64_t i = 1; i <= 3; i++)
        city_create(y, 1, i);
    city_merge(y, 100);
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_verify(t, NULL, NULL, &whole), 0);
    assert_true(whole.total > 9);
    assert_int_equal(whole.done, whole.total);
    assert_int_equal(hub_verify(t, NULL, NULL, &none), 0);
    assert_int_equal(none.done, 0);
    assert_int_equal(none.total, whole.total);
    txn_abort(t);
}

/* A damaged record is not served, the rest of its area is; and where it cannot be read, an office's own copy of it is left alone. */
static void test_rot_served(void **state) {
    struct city *y = *state;
    for (uint64_t i = 1; i <= 3; i++)
        city_create(y, 1, i);
    city_merge(y, 100);
    struct id16 id = city_id(2);
    struct key k = key_record(CITY_TYPE, &id);
    struct bytes value;
    CLEANUP(buffer_close) struct buffer flipped = {0}, damaged = {0};
    CLEANUP(arena_close) struct arena a = {0};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct repair_ask *ask = memory_zeroed(1, sizeof *ask);
    struct repair_fill *fill = memory_zeroed(1, sizeof *fill);
    struct pull pull = {.cursor.epoch = city_place(y).epochs[0].epoch, .areas = {city_home(1)}, .area_count = 1, .bytes = 1 << 20};
    struct txn *t;
    assert_int_equal(store_write(y->state, &t), 0);
    assert_true(txn_get(t, HUB_RECORDS, key_bytes(&k), &value));
    buffer_add(&flipped, value);
    flipped.at[flipped.len - 1] ^= 0x10;
    txn_put(t, HUB_RECORDS, key_bytes(&k), buffer_bytes(&flipped));
    assert_int_equal(hub_feed_page(t, 1, &pull, &a, f, &damaged), 0);
    assert_true(f->caught_up);
    assert_int_equal(f->entry_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_false(id_equal(&f->entries[i].record.id, &id));
    const struct hub_damage *found = (const struct hub_damage *)(const void *)damaged.at;
    assert_int_equal(damaged.len, sizeof *found);
    assert_int_equal(found->type, CITY_TYPE);
    assert_true(id_equal(&found->id, &id));
    *ask = (struct repair_ask){.cursor = pull.cursor, .area = city_home(1)};
    assert_int_equal(hub_repair_fill(t, 1, ask, &a, fill, NULL), 0);
    unsigned other = digest_bucket(CITY_TYPE, &f->entries[0].record.id), spoiled = digest_bucket(CITY_TYPE, &id);
    assert_int_not_equal(other, spoiled);
    assert_true(fill->covers[other]);
    assert_false(fill->covers[spoiled]);
    txn_abort(t);
    free(f);
    free(ask);
    free(fill);
}

/* ---- the log itself */

static struct store *begun_log(uint64_t first, struct id16 *life) {
    struct store *s = store_memory(&shape_hub_log, test_seal());
    struct txn *t;
    *life = entropy_id();
    assert_int_equal(store_write(s, &t), 0);
    hub_log_begin(t, life, first);
    assert_int_equal(txn_commit(t), 0);
    return s;
}

static void test_log(void **state) {
    (void)state;
    struct id16 life;
    struct store *s = begun_log(1, &life);
    struct txn *t;
    struct hub_log_place place;
    struct log_entry e = {.kind = LOG_PUSH, .node = 3, .incarnation = {{5}}, .count = 2, .body = BYTES("body")}, out;
    assert_int_equal(store_write(s, &t), 0);
    assert_true(hub_log_place(t, &place));
    assert_int_equal(place.last, 0);
    for (uint64_t i = 0; i < 10; i++) {
        e.first = 1 + 2 * i;
        hub_log_append(t, &e);
    }
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(store_write(s, &t), 0);
    assert_true(hub_log_place(t, &place));
    assert_int_equal(place.first, 1);
    assert_int_equal(place.last, 10);
    assert_int_equal(hub_log_read(t, 4, &out), 0);
    assert_int_equal(out.first, 7);
    assert_int_equal(hub_log_read(t, 11, &out), HUB_LOG_END);
    struct log_entry endless = {.kind = LOG_PUSH, .node = 4, .incarnation = {{6}}, .first = 1, .count = LIMIT_PUSH_CHANGES + 1};
    hub_log_append(t, &endless); /* more than a push holds: a fold that believed it would run for hours */
    assert_int_equal(hub_log_read(t, 11, &out), HUB_LOG_ROTTEN);
    struct key beyond = key_u64(11);
    txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&beyond));
    struct hub_log_node n;
    assert_true(hub_log_node(t, 3, &n));
    assert_int_equal(n.life_count, 1);
    assert_int_equal(n.lives[0].acked, 20);
    hub_log_trim(t, 6);
    assert_true(hub_log_place(t, &place));
    assert_int_equal(place.first, 6);
    assert_int_equal(hub_log_read(t, 5, &out), HUB_LOG_ROTTEN);
    assert_int_equal(hub_log_read(t, 6, &out), 0);
    hub_log_trim(t, 100); /* never beyond what is there */
    assert_true(hub_log_place(t, &place));
    assert_int_equal(place.first, 11);
    assert_int_equal(place.last, 10);
    hub_log_append(t, &e);
    assert_true(hub_log_place(t, &place));
    assert_int_equal(place.last, 11);
    e.first = 1;
    for (uint8_t i = 0; i < LIMIT_LIVES + 2; i++) {
        e.incarnation.b[1] = (uint8_t)(i + 1);
        hub_log_append(t, &e);
    }
    assert_true(hub_log_node(t, 3, &n));
    assert_int_equal(n.life_count, LIMIT_LIVES);
    assert_int_equal(n.lives[LIMIT_LIVES - 1].incarnation.b[1], LIMIT_LIVES + 2);
    txn_abort(t);
    store_close(s);
}

/* A push behind a hole would be acknowledged, and what is missing before it never come again. */
static void test_log_hole(void **state) {
    (void)state;
    struct id16 life;
    struct store *s = begun_log(1, &life);
    struct txn *t;
    struct log_entry e = {.kind = LOG_PUSH, .node = 3, .incarnation = {{5}}, .first = 1, .count = 2, .body = BYTES("body")};
    assert_int_equal(store_write(s, &t), 0);
    hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), 0);
    e.first = 4;
    assert_int_equal(store_write(s, &t), 0);
    hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), -EINVAL);
    e.incarnation.b[0] = 6;
    e.first = 2;
    assert_int_equal(store_write(s, &t), 0);
    hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), -EINVAL);
    store_close(s);
}

/* A log that has one all the same, from an older program: the fold stops there and says so, and counts nothing beyond as merged. */
static void test_fold_hole(void **state) {
    struct city *y = *state;
    city_create(y, 1, 1);
    city_merge(y, 100);
    struct txn *t, *log;
    struct merged m;
    struct log_entry e = {.kind = LOG_PUSH, .node = 1, .incarnation = y->writers[1].incarnation, .first = 2, .count = 1};
    assert_int_equal(store_write(y->log, &t), 0);
    hub_log_append(t, &e);
    struct hub_log_place place;
    hub_log_place(t, &place);
    e.first = 9;
    CLEANUP(buffer_close) struct buffer packed = {0};
    wire_log_entry_pack(&e, &packed);
    struct key k = key_u64(place.last);
    envelope_put(t, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&packed));
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(store_read(y->log, &log), 0);
    assert_int_equal(store_write(y->state, &t), 0);
    assert_int_equal(hub_merge(log, t, 100, NULL, &m), -EBADMSG);
    txn_abort(t);
    txn_abort(log);
    assert_int_equal(node_of(y, 1).lives[0].includes, 1);
}

static void test_own(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_hub_own, test_seal());
    struct id16 incarnation = {{9}}, found;
    struct txn *t;
    struct op op = {.field = 20, .kind = OP_SET, .value = BYTES("\x0a\x01x")};
    CLEANUP(buffer_close) struct buffer body = {0};
    struct log_entry e;
    struct hash zero = {{0}};
    assert_int_equal(store_write(s, &t), 0);
    hub_own_begin(t, &incarnation);
    assert_int_equal(hub_own_last(t, &found), 0);
    assert_true(id_equal(&found, &incarnation));
    assert_false(hub_own_entry(t, 0, &zero, 1, &body, &e));
    for (uint64_t i = 1; i <= 700; i++) {
        struct change c = {.version = {HLC_MS(i), 0}, .name = {0, i}, .type = 5, .record = {{1}}, .ops = &op, .op_count = 1};
        assert_int_equal(hub_own_append(t, &c), i);
        assert_int_equal(c.seq, i);
    }
    uint64_t after = 0;
    struct hash chain = zero;
    unsigned entries = 0;
    while (hub_own_entry(t, after, &chain, 1, &body, &e)) {
        assert_int_equal(e.first, after + 1);
        after += e.count;
        chain = e.after;
        entries++;
    }
    assert_int_equal(after, 700);
    assert_int_equal(entries, 2);
    txn_abort(t);
    store_close(s);
}

/* ---- log and state of different moments (A8) */

static int join(struct city *y, struct store *log, struct store *state, const struct id16 *life) {
    struct txn *l, *s;
    (void)y;
    assert_int_equal(store_write(log, &l), 0);
    assert_int_equal(store_write(state, &s), 0);
    int r = hub_join_log(s, l, life);
    assert_int_equal(txn_commit(l), 0);
    assert_int_equal(txn_commit(s), 0);
    return r;
}

static uint64_t accepted(struct store *log, uint32_t node) {
    struct hub_log_node n;
    struct txn *t;
    assert_int_equal(store_read(log, &t), 0);
    hub_log_node(t, node, &n);
    txn_abort(t);
    return n.life_count == 0 ? 0 : n.lives[0].acked;
}

static void test_join(void **state) {
    struct city *y = *state;
    struct id16 life = {{0x77}}, other = {{0x78}};
    struct hub_log_place place;
    struct txn *t;
    city_create(y, 1, 1);
    struct store *older = store_memory_copy(y->log); /* accepted 1 */
    city_create(y, 1, 2);
    city_merge(y, 100); /* state: merged 2 */
    uint64_t position = city_place(y).position;
    city_create(y, 1, 3);
    struct store *newer = store_memory_copy(y->log); /* accepted 3 */

    /* Inside this log: nothing changes. */
    assert_int_equal(join(y, newer, y->state, &life), 0);
    assert_int_equal(accepted(newer, 1), 3);

    /* Beyond its end: a new life at position + 1, accepted = merged. */
    struct store *copy = store_memory_copy(y->state);
    assert_int_equal(join(y, older, copy, &life), 0);
    assert_int_equal(store_read(older, &t), 0);
    assert_true(hub_log_place(t, &place));
    txn_abort(t);
    assert_true(id_equal(&place.life, &life));
    assert_int_equal(place.first, position + 1);
    assert_int_equal(place.last, position);
    assert_int_equal(accepted(older, 1), 2);
    assert_int_equal(join(y, older, copy, &other), 0); /* joined now: another start changes nothing */
    assert_int_equal(store_read(older, &t), 0);
    assert_true(hub_log_place(t, &place));
    txn_abort(t);
    assert_true(id_equal(&place.life, &life));
    store_close(copy);

    /* Another life: of what it accepted, what does not continue what is merged is asked for again. */
    struct id16 foreign;
    struct store *alien = begun_log(1, &foreign);
    struct log_entry e = {
        .kind = LOG_PUSH, .node = 1, .incarnation = y->writers[1].incarnation, .first = 1, .count = 9, .body = BYTES("x")};
    assert_int_equal(store_write(alien, &t), 0);
    for (int i = 0; i < 50; i++)
        hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), 0);
    copy = store_memory_copy(y->state);
    assert_int_equal(join(y, alien, copy, &life), 0);
    assert_int_equal(accepted(alien, 1), 2);
    assert_int_equal(accepted(alien, 0), CITY_NODES); /* also of a node that this log had not heard of */
    store_close(copy);

    /* Trimmed above the state: this pair cannot go on. */
    assert_int_equal(store_write(newer, &t), 0);
    hub_log_trim(t, position + 2);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(join(y, newer, y->state, &life), HUB_JOIN_TRIMMED);

    /* A lost state is made again from the log's beginning. */
    struct store *empty = store_memory(&shape_hub_state, test_seal());
    assert_int_equal(join(y, y->log, empty, &life), 0);
    assert_int_equal(accepted(y->log, 1), 3);
    struct store *was = y->state;
    y->state = empty;
    city_merge(y, 2);
    CLEANUP(buffer_close) struct buffer a = {0}, b = {0};
    city_dump_merged(y->state, &a);
    store_close(y->state);
    y->state = was;
    city_merge(y, 100);
    city_dump_merged(y->state, &b);
    assert_true(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    store_close(older);
    store_close(newer);
    store_close(alien);
}

static void test_epochs(void **state) {
    struct city *y = *state;
    struct hub_place p = city_place(y);
    assert_int_equal(p.epoch_count, 1);
    for (uint64_t i = 0; i < HUB_EPOCHS + 5; i++) {
        struct txn *t;
        assert_int_equal(store_write(y->state, &t), 0);
        hub_epoch_begin(t, 5, i); /* a clock that stands still, and in the past */
        assert_int_equal(txn_commit(t), 0);
        struct hub_place q = city_place(y);
        assert_true(q.epochs[q.epoch_count - 1].epoch.counter > p.epochs[p.epoch_count - 1].epoch.counter);
        p = q;
    }
    assert_int_equal(p.epoch_count, HUB_EPOCHS);
    assert_int_equal(p.epochs[HUB_EPOCHS - 1].epoch.random, HUB_EPOCHS + 4);
}

static void test_adopt(void **state) {
    (void)state;
    struct hub_place p = {.hub_seq = 100, .epoch_count = 3};
    struct epoch e1 = {10, 1}, e2 = {20, 2}, e3 = {30, 3}, unknown = {20, 9};
    p.epochs[0] = (struct hub_epoch){e1, 0};
    p.epochs[1] = (struct hub_epoch){e2, 50};
    p.epochs[2] = (struct hub_epoch){e3, 40};
    struct cursor out;
    bool load;
    hub_cursor_adopt(&p, (struct cursor){e3, 90, 80}, &out, &load);
    assert_true(!load && out.at == 90 && out.floor == 80);
    /* Of an older epoch: the lowest beginning of all epochs after it. */
    hub_cursor_adopt(&p, (struct cursor){e1, 90, 80}, &out, &load);
    assert_true(!load && out.at == 40 && out.floor == 40 && epoch_equal(out.epoch, e3));
    hub_cursor_adopt(&p, (struct cursor){e2, 45, 30}, &out, &load);
    assert_true(!load && out.at == 40 && out.floor == 30);
    hub_cursor_adopt(&p, (struct cursor){e1, 20, 10}, &out, &load);
    assert_true(!load && out.at == 20 && out.floor == 10);
    hub_cursor_adopt(&p, (struct cursor){unknown, 20, 10}, &out, &load);
    assert_true(load && out.at == 100 && out.floor == 100 && epoch_equal(out.epoch, e3));
    hub_cursor_adopt(&p, (struct cursor){{0, 0}, 0, 0}, &out, &load);
    assert_true(load);
    /* `left` rows that it has not seen are swept (A3). */
    p.swept = 81;
    hub_cursor_adopt(&p, (struct cursor){e3, 90, 80}, &out, &load);
    assert_true(load && out.at == 100);
    hub_cursor_adopt(&p, (struct cursor){e3, 90, 81}, &out, &load);
    assert_true(!load);
}

/* ---- the feed */

static void test_paging(void **state) {
    struct city *y = *state;
    struct reader_office o;
    office_open(y, &o, 1);
    office_catch_up(y, &o, SOME_BYTES);
    for (uint64_t i = 1; i <= 4; i++)
        city_create(y, 1, i);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_B, "x"); /* the row of its creation is stale now */
    city_merge(y, 100);
    office_pull(y, &o, 1); /* one entry a page: the creations of 2, 3, 4, then record 1 with all that is newer than the floor */
    assert_false(o.caught_up);
    office_pull(y, &o, 1);
    office_pull(y, &o, 1);
    assert_null(office_record(&o, 1));
    office_catch_up(y, &o, 1);
    assert_non_null(office_record(&o, 1));
    assert_non_null(record_field(office_record(&o, 1), FIELD_HOME));
    office_close(&o);
}

static void test_whole_and_left(void **state) {
    struct city *y = *state;
    struct reader_office one, two;
    office_open(y, &one, 1);
    office_open(y, &two, 2);
    city_create(y, 1, 1);
    city_merge(y, 100);
    office_catch_up(y, &one, SOME_BYTES);
    office_catch_up(y, &two, SOME_BYTES);
    assert_non_null(office_record(&one, 1));
    struct name home[1];
    city_names(y, 1, FIELD_HOME, home, 1);
    struct op move = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(2)), home, 1);
    city_say(y, 1, 1, &move, 1);
    city_merge(y, 100);
    city_write(y, 2, 1, CITY_B, "b"); /* node 1's row is not the record's newest, and yet current */
    city_merge(y, 100);
    uint64_t whole = two.whole, left = one.left;
    office_catch_up(y, &two, SOME_BYTES);
    assert_int_equal(two.whole, whole + 1);
    assert_non_null(record_field(office_record(&two, 1), CITY_A));
    office_catch_up(y, &one, SOME_BYTES);
    assert_int_equal(one.left, left + 1);
    assert_null(office_record(&one, 1));
    /* The next edit comes as what is new only. */
    city_write(y, 2, 1, CITY_B, "c");
    city_merge(y, 100);
    whole = two.whole;
    office_catch_up(y, &two, SOME_BYTES);
    assert_int_equal(two.whole, whole);
    office_close(&one);
    office_close(&two);
}

static void test_stale_cursor(void **state) {
    struct city *y = *state;
    CLEANUP(arena_close) struct arena a = {0};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct pull *pull = memory_zeroed(1, sizeof *pull);
    struct txn *t;
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), HUB_FEED_STALE);
    pull->cursor.epoch = city_place(y).epochs[0].epoch;
    pull->cursor.at = pull->cursor.floor = 1000000;
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), HUB_FEED_STALE);
    pull->cursor.at = pull->cursor.floor = 0;
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), 0);
    txn_abort(t);

    /* What lies between its floor and what is swept it would never hear. */
    struct hub_place p;
    assert_int_equal(store_write(y->state, &t), 0);
    assert_true(hub_place_get(t, &p));
    p.swept = p.hub_seq;
    hub_place_put(t, &p);
    pull->cursor.at = p.hub_seq;
    pull->cursor.floor = p.hub_seq - 1;
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), HUB_FEED_STALE);
    pull->cursor.floor = p.hub_seq;
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), 0);
    txn_abort(t);
    free(f);
    free(pull);
}

/* Areas outside the node's scope are silently left out. */
static void test_scope_of_page(void **state) {
    struct city *y = *state;
    CLEANUP(arena_close) struct arena a = {0};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct pull *pull = memory_zeroed(1, sizeof *pull);
    struct txn *t;
    city_create(y, 1, 1);
    city_merge(y, 100);
    pull->cursor.epoch = city_place(y).epochs[0].epoch;
    pull->areas[0] = city_home(1);
    pull->area_count = 1;
    pull->bytes = SOME_BYTES;
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_feed_page(t, 2, pull, &a, f, NULL), 0);
    assert_int_equal(f->entry_count, 0);
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), 0);
    assert_int_equal(f->entry_count, 1);
    pull->loading[0] = (struct loading){.area = city_home(1)};
    pull->loading_count = 1;
    assert_int_equal(hub_feed_page(t, 2, pull, &a, f, NULL), 0);
    assert_int_equal(f->entry_count, 0);
    txn_abort(t);
    free(f);
    free(pull);
}

static void test_verdicts_in_feed(void **state) {
    struct city *y = *state;
    CLEANUP(arena_close) struct arena a = {0};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct pull *pull = memory_zeroed(1, sizeof *pull);
    struct txn *t;
    city_create(y, 1, 1);
    city_merge(y, 100);
    city_write(y, 1, 1, CITY_A, "!bad");
    city_merge(y, 100);
    pull->cursor.epoch = city_place(y).epochs[0].epoch;
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), 0);
    assert_int_equal(f->held_count, 1);
    assert_int_equal(f->held[0].seq, 2);
    assert_int_equal(f->held[0].reason, VERDICT_RULE);
    assert_int_equal(f->life_count, 1);
    assert_int_equal(f->lives[0].includes, 2);
    txn_abort(t);
    pull->verdicts_after = city_place(y).hub_seq;
    y->upgraded = true;
    city_order(y, LOG_RETRY, 1, 2);
    city_merge(y, 100);
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_feed_page(t, 1, pull, &a, f, NULL), 0);
    assert_int_equal(f->held_count, 1);
    assert_int_equal(f->held[0].reason, VERDICT_MERGED);
    txn_abort(t);
    free(f);
    free(pull);
}

static void test_repair(void **state) {
    struct city *y = *state;
    CLEANUP(arena_close) struct arena a = {0};
    struct repair_fill *fill = memory_zeroed(1, sizeof *fill);
    struct repair_ask *ask = memory_zeroed(1, sizeof *ask);
    struct txn *t;
    for (uint64_t i = 1; i <= 50; i++)
        city_create(y, 1, i);
    city_merge(y, 100);
    ask->cursor.epoch = city_place(y).epochs[0].epoch;
    ask->cursor.at = city_place(y).hub_seq;
    ask->area = city_home(1);
    assert_int_equal(store_read(y->state, &t), 0);
    assert_int_equal(hub_repair_fill(t, 1, ask, &a, fill, NULL), 0);
    assert_int_equal(fill->entry_count, 50); /* an office that has nothing */
    assert_false(fill->more);
    for (size_t i = 0; i < fill->entry_count; i++)
        digest_add(&ask->buckets[digest_bucket(CITY_TYPE, &fill->entries[i].record.id)], &fill->entries[i].record);
    assert_int_equal(hub_repair_fill(t, 1, ask, &a, fill, NULL), 0);
    assert_int_equal(fill->entry_count, 0); /* an office that has all */
    struct id16 id = city_id(7);
    unsigned bucket = digest_bucket(CITY_TYPE, &id);
    ask->buckets[bucket].lane[1] ^= 1;
    assert_int_equal(hub_repair_fill(t, 1, ask, &a, fill, NULL), 0);
    assert_true(fill->entry_count >= 1 && fill->entry_count < 50);
    for (unsigned i = 0; i < DIGEST_BUCKETS; i++)
        assert_int_equal(fill->covers[i], i == bucket);
    assert_int_equal(hub_repair_fill(t, 2, ask, &a, fill, NULL), HUB_FEED_STALE); /* not its area */
    txn_abort(t);
    free(fill);
    free(ask);
}

/* ---- random histories */

/* The view an office writes from: what is merged; plus its own last change of a field, merged or not. */
struct memory {
    uint64_t record;
    uint32_t field;
    struct name name;
};

enum { RECORDS = 12, MEMORIES = CITY_NODES * RECORDS * 8 };

struct history {
    struct city *y;
    struct memory own[CITY_NODES + 1][RECORDS * 3 + 3];
};

static size_t bases(struct history *h, uint32_t node, uint64_t record, uint32_t field, struct name *out, size_t room) {
    struct memory *m = &h->own[node][3 * (record % RECORDS) + (field == FIELD_HOME ? 0 : field == CITY_A ? 1 : 2)];
    if (m->record == record && m->field == field && m->name.tag != 0 && random_below(&h->y->chance, 3) > 0) {
        out[0] = m->name;
        return 1;
    }
    return city_names(h->y, record, field, out, room);
}

static void remember(struct history *h, uint32_t node, uint64_t record, uint32_t field, struct name name) {
    h->own[node][3 * (record % RECORDS) + (field == FIELD_HOME ? 0 : field == CITY_A ? 1 : 2)] = (struct memory){record, field, name};
}

static void random_edit(struct history *h) {
    struct city *y = h->y;
    struct random *r = &y->chance;
    uint32_t node = (uint32_t)random_below(r, CITY_NODES + 1);
    uint64_t record = 1 + random_below(r, RECORDS), p = random_below(r, 100);
    struct name names[64];
    struct op op;
    uint32_t field = random_below(r, 2) == 0 ? CITY_A : CITY_B;
    if (node == 0)
        p = 20 + random_below(r, 40);
    if (p < 20) {
        city_create(y, node, record);
        return;
    }
    if (p < 50) {
        size_t n = bases(h, node, record, field, names, 64);
        op = city_op(field, OP_SET, city_number(y, random_below(r, 6) == 0 ? '!' : 'v', random_below(r, 50)), names, n);
        remember(h, node, record, field, city_say(y, node, record, &op, 1));
        return;
    }
    if (p < 60) {
        size_t n = bases(h, node, record, FIELD_HOME, names, 64);
        op = city_op(FIELD_HOME, OP_SET, city_area(y, city_home(1 + (uint32_t)random_below(r, CITY_NODES))), names, n);
        remember(h, node, record, FIELD_HOME, city_say(y, node, record, &op, 1));
        return;
    }
    if (p < 70) {
        op = city_op(FIELD_SHARED, OP_ADD, city_area(y, city_home(node)), NULL, 0);
        city_say(y, node, record, &op, 1);
        return;
    }
    size_t n = city_names(y, record, p < 75 ? FIELD_SHARED : CITY_SET, names, 64);
    if (p < 82 && n > 0)
        op = city_op(p < 75 ? FIELD_SHARED : CITY_SET, OP_REMOVE, (struct bytes){NULL, 0}, names, 1 + random_below(r, n));
    else
        op = city_op(CITY_SET, OP_ADD, city_number(y, 'e', random_below(r, 50)), NULL, 0);
    city_say(y, node, record, &op, 1);
}

/* The oracle: a field as a function of the set of changes that are not held. A name is gone when a merged change names it, itself or by
 * way of a change that it names (B10). */
static const struct city_change *by_name(const struct city *y, struct name name) {
    for (size_t i = 0; i < y->change_count; i++)
        if (name_equal(y->changes[i].c.name, name))
            return &y->changes[i];
    return NULL;
}

static bool names_it(const struct city *y, const struct change *c, uint32_t field, struct name name) {
    for (size_t i = 0; i < c->op_count; i++)
        for (size_t k = 0; c->ops[i].field == field && k < c->ops[i].name_count; k++) {
            if (name_equal(c->ops[i].names[k], name))
                return true;
            const struct city_change *next = by_name(y, c->ops[i].names[k]);
            if (next != NULL && id_equal(&next->c.record, &c->record) && names_it(y, &next->c, field, name))
                return true;
        }
    return false;
}

static size_t want(struct city *y, const bool *merged, uint64_t record, uint32_t field, bool elements, struct name *out, size_t room) {
    struct id16 id = city_id(record);
    size_t n = 0;
    for (size_t i = 0; i < y->change_count; i++) {
        const struct change *c = &y->changes[i].c;
        if (!merged[i] || c->type != CITY_TYPE || !id_equal(&c->record, &id))
            continue;
        for (size_t k = 0; k < c->op_count; k++) {
            if (c->ops[k].field != field || c->ops[k].kind != (elements ? OP_ADD : OP_SET))
                continue;
            bool gone = false;
            for (size_t j = 0; j < y->change_count && !gone; j++)
                gone = merged[j] && j != i && id_equal(&y->changes[j].c.record, &id) && names_it(y, &y->changes[j].c, field, c->name);
            if (!gone && n < room)
                out[n++] = c->name;
        }
    }
    return n;
}

static void check_oracle(struct city *y) {
    bool *merged = memory_zeroed(y->change_count + 1, sizeof *merged);
    static const uint32_t fields[] = {FIELD_HOME, FIELD_SHARED, CITY_A, CITY_B, CITY_SET};
    for (size_t i = 0; i < y->change_count; i++) {
        enum verdict why;
        merged[i] = !city_held(y, y->changes[i].node, y->changes[i].c.seq, &why);
    }
    struct txn *t;
    assert_int_equal(store_read(y->state, &t), 0);
    CLEANUP(arena_close) struct arena a = {0};
    for (uint64_t record = 1; record <= RECORDS; record++) {
        struct id16 id = city_id(record);
        struct record r = {0};
        hub_record(t, CITY_TYPE, &id, &a, &r);
        for (size_t i = 0; i < 2 * (sizeof fields / sizeof *fields); i++) {
            bool elements = i % 2 == 1;
            struct name expect[256];
            size_t n = want(y, merged, record, fields[i / 2], elements, expect, 256);
            const struct field *f = record_field(&r, fields[i / 2]);
            size_t count = f == NULL ? 0 : elements ? f->element_count : f->head_count;
            assert_int_equal(count, n);
            for (size_t k = 0; k < count; k++) {
                struct name name = elements ? f->elements[k].name : f->heads[k].name;
                bool found = false;
                for (size_t m = 0; m < n; m++)
                    found = found || name_equal(expect[m], name);
                assert_true(found);
            }
        }
    }
    txn_abort(t);
    free(merged);
}

static void run_history(struct history *h, unsigned steps) {
    for (unsigned i = 0; i < steps; i++) {
        random_edit(h);
        if (random_below(&h->y->chance, 6) == 0)
            city_merge(h->y, 1 + (uint32_t)random_below(&h->y->chance, 9));
        if (random_below(&h->y->chance, 40) == 0) {
            uint32_t node = 1 + (uint32_t)random_below(&h->y->chance, CITY_NODES);
            uint64_t last = h->y->writers[node].seq;
            if (last > 0)
                city_order(
                    h->y, random_below(&h->y->chance, 3) == 0 ? LOG_DISCARD : LOG_RETRY, node, 1 + random_below(&h->y->chance, last));
        }
    }
    city_merge(h->y, 50);
}

static void open_history(struct history *h, struct city *y, uint64_t seed) {
    memset(h, 0, sizeof *h);
    city_open(y, seed, NULL);
    h->y = y;
}

static void test_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct history h;
        struct city y;
        open_history(&h, &y, seed);
        run_history(&h, 120);
        check_oracle(&y);
        city_verify(&y);
        for (uint32_t i = 1; i <= CITY_NODES; i++) {
            struct hub_node_state n = node_of(&y, i);
            assert_int_equal(n.received, y.writers[i].seq);
        }
        y.upgraded = true; /* everything that a rule held is tried again */
        for (size_t i = 0; i < y.change_count; i++) {
            enum verdict why;
            if (city_held(&y, y.changes[i].node, y.changes[i].c.seq, &why) && why == VERDICT_RULE)
                city_order(&y, LOG_RETRY, y.changes[i].node, y.changes[i].c.seq);
        }
        city_merge(&y, 50);
        check_oracle(&y);
        city_verify(&y);
        city_close(&y);
    }
}

/* From any crash point, with the same stretches, the same bytes; with other stretches the same but for stale rows. */
static void test_replay(void **state) {
    (void)state;
    for (uint64_t seed = 100; seed < 120; seed++) {
        struct history h;
        struct city y;
        CLEANUP(buffer_close) struct buffer first = {0}, second = {0}, third = {0};
        open_history(&h, &y, seed);
        struct store *beginning = store_memory_copy(y.state);
        run_history(&h, 80);
        struct store *was = y.state;

        y.state = store_memory_copy(beginning);
        city_merge(&y, 7);
        city_dump(y.state, &shape_hub_state, &first);
        store_close(y.state);

        /* The same, but every other transaction is thrown away before its commit. */
        y.state = store_memory_copy(beginning);
        for (uint64_t before = 0, n = 0;; n++) {
            struct merged m;
            struct txn *log, *t;
            before = city_place(&y).position;
            assert_int_equal(store_read(y.log, &log), 0);
            assert_int_equal(store_write(y.state, &t), 0);
            assert_int_equal(hub_merge(log, t, 7, &y.rules, &m), 0);
            txn_abort(log);
            if (n % 2 == 0) {
                txn_abort(t);
                continue;
            }
            assert_int_equal(txn_commit(t), 0);
            if (m.position == before)
                break;
        }
        city_dump(y.state, &shape_hub_state, &second);
        assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));

        /* One by one, and all at once: swept of stale rows they are equal. */
        city_sweep(&y, 0);
        buffer_clear(&second);
        city_dump(y.state, &shape_hub_state, &second);
        store_close(y.state);
        for (uint32_t limit = 1; limit <= 1000; limit *= 10) {
            y.state = store_memory_copy(beginning);
            city_merge(&y, limit);
            city_sweep(&y, 0);
            buffer_clear(&third);
            city_dump(y.state, &shape_hub_state, &third);
            assert_true(bytes_equal(buffer_bytes(&second), buffer_bytes(&third)));
            store_close(y.state);
        }
        y.state = was;
        store_close(beginning);
        city_close(&y);
    }
}

/* The same logs, in another order of the offices: the same records, the same held set (refill.py). */
static void test_order(void **state) {
    (void)state;
    for (uint64_t seed = 200; seed < 230; seed++) {
        struct history h;
        struct city y;
        CLEANUP(buffer_close) struct buffer first = {0}, other = {0};
        open_history(&h, &y, seed);
        for (unsigned i = 0; i < 100; i++) {
            random_edit(&h);
            if (random_below(&y.chance, 6) == 0)
                city_merge(&y, 9);
        }
        city_merge(&y, 50);
        city_dump_merged(y.state, &first);
        for (int round = 0; round < 4; round++) {
            struct city z;
            city_open(&z, seed, NULL); /* offices first */
            z.now += 1000000000;
            size_t next[CITY_NODES + 1] = {0};
            for (;;) {
                uint32_t node = (uint32_t)random_below(&y.chance, CITY_NODES + 1);
                bool any = false;
                for (uint32_t k = 0; k <= CITY_NODES && !any; k++, node = (node + 1) % (CITY_NODES + 1)) {
                    size_t i = next[node];
                    while (i < y.change_count && (y.changes[i].node != node || y.changes[i].c.type == TYPE_OFFICE))
                        i++;
                    next[node] = i + 1;
                    if (i >= y.change_count)
                        continue;
                    any = true;
                    z.writers[node].seq++;
                    city_append(&z, node, &y.changes[i].packed, 1, y.changes[i].c.seq);
                }
                if (!any)
                    break;
            }
            city_merge(&z, 1 + (uint32_t)random_below(&y.chance, 40));
            buffer_clear(&other);
            city_dump_merged(z.state, &other);
            assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&other)));
            city_verify(&z);
            city_close(&z);
        }
        city_close(&y);
    }
}

/* Offices pull at random moments, with small pages, while scopes change and rows are swept; at the end each has what the hub has. */
static void test_offices(void **state) {
    (void)state;
    for (uint64_t seed = 300; seed < 330; seed++) {
        struct history h;
        struct city y;
        struct reader_office o[CITY_NODES + 1];
        open_history(&h, &y, seed);
        for (uint32_t i = 1; i <= CITY_NODES; i++)
            office_open(&y, &o[i], i);
        for (unsigned i = 0; i < 250; i++) {
            uint64_t p = random_below(&y.chance, 100);
            uint32_t node = 1 + (uint32_t)random_below(&y.chance, CITY_NODES);
            if (p < 45) {
                random_edit(&h);
            } else if (p < 60) {
                city_merge(&y, 1 + (uint32_t)random_below(&y.chance, 9));
            } else if (p < 90) {
                office_pull(&y, &o[node], random_below(&y.chance, 2) == 0 ? 1 : 400);
            } else if (p < 94) {
                area served[] = {city_home(node), city_home(1 + (uint32_t)random_below(&y.chance, CITY_NODES))};
                city_office(&y, node, served, served[0] == served[1] ? 1 : 2);
            } else {
                uint64_t floor = UINT64_MAX;
                for (uint32_t k = 1; k <= CITY_NODES; k++)
                    floor = o[k].cursor.floor < floor ? o[k].cursor.floor : floor;
                city_sweep(&y, floor);
            }
        }
        city_merge(&y, 50);
        for (uint32_t i = 1; i <= CITY_NODES; i++) {
            office_catch_up(&y, &o[i], 300);
            office_close(&o[i]);
        }
        city_verify(&y);
        city_close(&y);
    }
}

/* What a page delivers is the same before and after a sweep. */
static void test_sweep(void **state) {
    (void)state;
    for (uint64_t seed = 400; seed < 410; seed++) {
        struct history h;
        struct city y;
        open_history(&h, &y, seed);
        run_history(&h, 150);
        struct store *swept = store_memory_copy(y.state), *was = y.state;
        struct hub_place place = city_place(&y);
        uint64_t floor = random_below(&y.chance, place.hub_seq);
        y.state = swept;
        struct txn *t;
        assert_int_equal(store_read(was, &t), 0);
        uint64_t rows = store_count(t, HUB_ROWS);
        txn_abort(t);
        city_sweep(&y, floor);
        assert_int_equal(store_read(swept, &t), 0);
        assert_true(store_count(t, HUB_ROWS) < rows);
        txn_abort(t);
        city_verify(&y);
        for (uint64_t at = floor; at < place.hub_seq; at += 7) {
            struct pull *pull = memory_zeroed(1, sizeof *pull);
            struct feed *f[2] = {memory_zeroed(1, sizeof **f), memory_zeroed(1, sizeof **f)};
            CLEANUP(arena_close) struct arena a = {0};
            struct buffer laid[2] = {{0}, {0}};
            *pull = (struct pull){.cursor = {place.epochs[0].epoch, at, floor}, .areas = {city_home(1)}, .area_count = 1, .bytes = 600};
            for (int i = 0; i < 2; i++) {
                assert_int_equal(store_read(i == 0 ? was : swept, &t), 0);
                assert_int_equal(hub_feed_page(t, 1, pull, &a, f[i], NULL), 0);
                for (size_t k = 0; k < f[i]->entry_count; k++) {
                    buffer_u8(&laid[i], (uint8_t)f[i]->entries[k].kind);
                    buffer_add(&laid[i], bytes_of(f[i]->entries[k].record.id.b, 16));
                    wire_record_pack(&f[i]->entries[k].record, RECORD_BASE, &laid[i]);
                }
                txn_abort(t);
            }
            assert_int_equal(f[0]->entry_count, f[1]->entry_count);
            assert_true(bytes_equal(buffer_bytes(&laid[0]), buffer_bytes(&laid[1])));
            buffer_close(&laid[0]);
            buffer_close(&laid[1]);
            free(f[0]);
            free(f[1]);
            free(pull);
        }
        store_close(swept);
        y.state = was;
        city_close(&y);
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* The same history over LMDB gives the same bytes. */
static void test_lmdb(void **state) {
    (void)state;
    char folder[] = "/tmp/anju-hub-apply-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct history h;
    struct city on_disk, in_memory;
    CLEANUP(buffer_close) struct buffer first = {0}, second = {0};
    memset(&h, 0, sizeof h);
    city_open(&on_disk, 500, folder);
    h.y = &on_disk;
    run_history(&h, 150);
    check_oracle(&on_disk);
    city_sweep(&on_disk, 0);
    city_verify(&on_disk);
    city_dump(on_disk.state, &shape_hub_state, &first);
    city_close(&on_disk);
    open_history(&h, &in_memory, 500);
    run_history(&h, 150);
    city_sweep(&in_memory, 0);
    city_dump(in_memory.state, &shape_hub_state, &second);
    city_close(&in_memory);
    assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A record that came into an office's area and left it again between two pulls, and that is now only in an area the office is loading,
 * comes whole: the office has nothing of it. */
static void test_left_into_loading(void **state) {
    struct city *y = *state;
    struct reader_office o;
    office_open(y, &o, 1);
    city_create(y, 2, 1);
    city_merge(y, 100);
    office_catch_up(y, &o, SOME_BYTES);
    struct op share = city_op(FIELD_SHARED, OP_ADD, city_area(y, city_home(1)), NULL, 0);
    struct name shared = city_say(y, 1, 1, &share, 1);
    struct op back = city_op(FIELD_SHARED, OP_REMOVE, (struct bytes){NULL, 0}, &shared, 1);
    city_say(y, 1, 1, &back, 1);
    area both[] = {city_home(1), city_home(2)};
    city_office(y, 1, both, 2);
    city_merge(y, 100);
    office_pull(y, &o, 1); /* its `left` row of record 1 comes first */
    assert_non_null(office_record(&o, 1));
    assert_non_null(record_field(office_record(&o, 1), CITY_A));
    office_catch_up(y, &o, SOME_BYTES);
    office_close(&o);
}

/* ---- erasing for ever */

static struct txn *reading(struct store *s) {
    struct txn *t;
    assert_int_equal(store_read(s, &t), 0);
    return t;
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static bool there(struct city *y, uint64_t record) {
    struct id16 id = city_id(record);
    struct key k = key_record(CITY_TYPE, &id);
    struct bytes key, value;
    struct txn *t = reading(y->state);
    struct scan *c = scan_open(t, HUB_RECORDS);
    bool any = scan_from(c, key_bytes(&k), &key, &value) && key_starts(key, &k);
    scan_close(c);
    txn_abort(t);
    return any;
}

static void test_erased(void **state) {
    struct city *y = *state;
    struct reader_office o;
    office_open(y, &o, 1);
    city_create(y, 1, 1);
    city_create(y, 1, 2);
    city_write(y, 1, 1, CITY_B, "more");
    city_write(y, 1, 1, CITY_A, "!held");
    city_merge(y, 100);
    office_catch_up(y, &o, SOME_BYTES);
    assert_int_equal(city_place(y).held, 1);
    city_erase(y, 1);
    city_write(y, 1, 1, CITY_B, "in the same stretch, later");
    city_merge(y, 100);
    assert_false(there(y, 1)); /* neither it nor its history */
    assert_true(there(y, 2));
    assert_int_equal(city_place(y).held, 0);
    assert_int_equal(node_of(y, 1).erased, 2);
    city_create(y, 1, 1);
    struct op hub = city_op(CITY_A, OP_SET, city_text(y, "the hub itself"), NULL, 0);
    city_say(y, 0, 1, &hub, 1);
    city_order(y, LOG_RETRY, 1, 4);
    city_merge(y, 1);
    assert_false(there(y, 1));
    assert_int_equal(node_of(y, 1).erased, 3);
    assert_int_equal(node_of(y, 0).erased, 1);
    city_sweep(y, UINT64_MAX);
    office_catch_up(y, &o, SOME_BYTES);
    city_verify(y);
    office_close(&o);
}

/* What the hub's log still says of it goes, and what is said after it is believed as before. */
static void test_erased_log(void **state) {
    struct city *y = *state;
    struct id16 id = city_id(1);
    city_create(y, 1, 1);
    city_create(y, 1, 2);
    city_write(y, 1, 1, CITY_B, "a secret");
    city_merge(y, 100);
    city_erase(y, 1);
    city_merge(y, 100);
    for (int way = 0; way < 2; way++) {
        struct txn *log = writing(y->log), *t = reading(y->state);
        uint64_t at = 1;
        assert_false(hub_log_erase(log, t, &at, 2)); /* a piece at a time */
        assert_true(hub_log_erase(log, t, &at, 100));
        txn_abort(t);
        assert_int_equal(txn_commit(log), 0);
    }
    struct txn *log = reading(y->log);
    struct hub_log_place place;
    unsigned gone = 0, left = 0;
    assert_true(hub_log_place(log, &place));
    for (uint64_t p = place.first; p <= place.last; p++) {
        CLEANUP(buffer_close) struct buffer raw = {0};
        struct log_entry e;
        struct bytes packed;
        assert_int_equal(hub_log_read(log, p, &e), 0);
        if (e.kind != LOG_PUSH || wire_batch_open(e.body, &raw) != 0)
            continue;
        struct hash chain = e.before;
        for (struct reader r = {.rest = buffer_bytes(&raw)}; wire_batch_next(&r, &packed);) {
            CLEANUP(arena_close) struct arena a = {0};
            struct change c;
            chain = wire_chain(&chain, packed);
            gone += wire_change_erased(packed);
            left += wire_change_unpack(packed, &a, &c) == 0 && c.type == CITY_TYPE && id_equal(&c.record, &id);
        }
        assert_true(hash_equal(&chain, &e.after));
    }
    txn_abort(log);
    assert_int_equal(gone, 2);
    assert_int_equal(left, 0);
    city_write(y, 1, 2, CITY_B, "and so on");
    city_merge(y, 100);
    assert_true(city_text_is(y, 2, CITY_B, "and so on"));
}

static bool not_ours(void *owner, const struct change *c) {
    (void)c;
    return *(bool *)owner;
}

/* An office brings an order back: only one that the city signed is carried out, unless nothing of it is there. */
static void test_order_returned(void **state) {
    struct city *y = *state;
    bool ours = false;
    for (uint64_t record = 1; record <= 2; record++) {
        CLEANUP(buffer_close) struct buffer list = {0}, value = {0}, packed = {0}, blob = {0};
        struct id16 id = city_id(record);
        city_create(y, 2, record);
        city_merge(y, 100);
        erasure_name(&list, CITY_TYPE, &id);
        value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, &value);
        struct op op = city_op(ERASURE_TARGETS, OP_ADD, buffer_bytes(&value), NULL, 0);
        struct change order = {
            .seq = 9, .version = {.hlc = 5}, .name = {0, record}, .type = TYPE_ERASURE, .record = city_id(7), .ops = &op, .op_count = 1};
        wire_change_pack(&order, &packed);
        value_pack(&(struct value){.kind = VALUE_BLOB, .text = buffer_bytes(&packed)}, &blob);
        struct op back = city_op(ERASURE_RETURNED, OP_ADD, buffer_bytes(&blob), NULL, 0);
        struct change c = {.type = TYPE_ERASURE, .record = city_id(7), .ops = &back, .op_count = 1};
        ours = record == 2;
        city_merge(y, 1);
        y->rules.signed_order = not_ours;
        y->rules.allows = NULL;
        y->rules.owner = &ours;
        city_say_change(y, 1, &c);
        struct txn *log = reading(y->log), *t = writing(y->state);
        struct merged done;
        assert_int_equal(hub_merge(log, t, 100, &y->rules, &done), 0);
        txn_abort(log);
        assert_int_equal(txn_commit(t), 0);
        y->rules = (struct hub_rules){.allows = NULL};
        assert_int_equal(there(y, record), !ours);
        assert_int_equal(city_place(y).held, 1); /* the forged one, for a person to see */
    }
}

/* Whatever makes a new record about one that is erased goes by the same order; what is there already does not. */
static void test_about_erased(void **state) {
    struct city *y = *state;
    CLEANUP(buffer_close) struct buffer value = {0};
    struct value whom = {.kind = VALUE_REFERENCE};
    whom.reference.type = CITY_TYPE;
    whom.reference.id = city_id(1);
    value_pack(&whom, &value);
    city_create(y, 1, 1);
    city_create(y, 1, 3);
    city_erase(y, 1);
    city_merge(y, 100);
    struct op about[] = {
        city_op(FIELD_HOME, OP_SET, city_area(y, city_home(1)), NULL, 0), city_op(FIELD_SUBJECT, OP_SET, buffer_bytes(&value), NULL, 0)};
    city_say(y, 1, 2, about, 2);
    city_say(y, 1, 3, about + 1, 1);
    city_merge(y, 100);
    city_create(y, 1, 2); /* it does not say any more whom it is about */
    city_merge(y, 100);
    assert_false(there(y, 2));
    assert_true(there(y, 3));
    assert_int_equal(node_of(y, 1).erased, 3);
    city_verify(y);
}

int main(void) {
#define IN_CITY(f) cmocka_unit_test_setup_teardown(f, open_city, close_city)
    const struct CMUnitTest tests[] = {
        IN_CITY(test_merges),
        IN_CITY(test_scope),
        IN_CITY(test_scope_past),
        IN_CITY(test_restricted),
        IN_CITY(test_area_walk),
        IN_CITY(test_scope_of_office_grows),
        IN_CITY(test_clock),
        IN_CITY(test_forged),
        IN_CITY(test_garbage),
        IN_CITY(test_broken_batch),
        IN_CITY(test_full),
        IN_CITY(test_rule_retry),
        IN_CITY(test_triage),
        IN_CITY(test_take_over),
        IN_CITY(test_copies),
        IN_CITY(test_doubled),
        IN_CITY(test_late_copy),
        IN_CITY(test_rotten),
        IN_CITY(test_verify_stops),
        IN_CITY(test_rot_served),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_hole),
        IN_CITY(test_fold_hole),
        cmocka_unit_test(test_own),
        IN_CITY(test_join),
        IN_CITY(test_epochs),
        cmocka_unit_test(test_adopt),
        IN_CITY(test_paging),
        IN_CITY(test_whole_and_left),
        IN_CITY(test_stale_cursor),
        IN_CITY(test_scope_of_page),
        IN_CITY(test_verdicts_in_feed),
        IN_CITY(test_repair),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_offices),
        cmocka_unit_test(test_sweep),
        IN_CITY(test_left_into_loading),
        IN_CITY(test_erased),
        IN_CITY(test_erased_log),
        IN_CITY(test_order_returned),
        IN_CITY(test_about_erased),
        cmocka_unit_test(test_lmdb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
