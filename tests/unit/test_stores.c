/* The hub's store and a node's, through the wire and without the protocol: what one page cannot carry,
 * what neither knows, and what rots. */
#include "common/base/error.h"
#include "common/store/audit.h"
#include "common/store/node_apply.h"
#include "common/store/node_book.h"
#include "tests/support/hub_city.h"
#include "tests/support/test_seal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VERDICTS = 30000, RECORDS = 1000, BATCH = 500, PAGES_MAX = 1000 };

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct txn *reading(struct store *s) {
    struct txn *t;
    assert_int_equal(store_read(s, &t), 0);
    return t;
}

/* ---- a node */

static struct node_progress progress(struct store *s) {
    struct node_progress p;
    struct txn *t = reading(s);
    memset(&p, 0, sizeof p);
    assert_true(node_progress_get(t, &p));
    txn_abort(t);
    return p;
}

static struct store *node_open(struct city *y, uint32_t node) {
    struct store *s = store_memory(&shape_node, test_seal());
    area home = city_home(node);
    struct hub_place place = city_place(y);
    struct welcome *m = memory_zeroed(1, sizeof *m);
    *m = (struct welcome){.session = 9, .protocol = 1, .clock = y->now, .load = true, .life_count = 1};
    m->lives[0].incarnation = y->writers[node].incarnation;
    m->cursor = (struct cursor){place.epochs[0].epoch, place.hub_seq, place.hub_seq};
    struct txn *t = writing(s);
    node_begin(t, node, &home, 1, &y->writers[node].incarnation);
    assert_int_equal(node_welcome(t, m, y->now, y->now), 0);
    assert_int_equal(txn_commit(t), 0);
    free(m);
    return s;
}

static void node_says(struct city *y, struct txn *t, uint64_t record, const struct op *ops, size_t count) {
    struct change out;
    const char *why;
    struct edit e = {.type = CITY_TYPE, .record = city_id(record), .ops = ops, .op_count = count, .replace_all = true};
    e.tag = random_u64(&y->chance);
    y->now++;
    assert_int_equal(node_edit(t, &e, y->now, &out, &why), 0);
}

/* Everything in its log goes to the hub. */
static void node_pushes(struct city *y, struct store *s, uint32_t node) {
    CLEANUP(buffer_close) struct buffer raw = {0};
    struct push push;
    struct txn *t = reading(s);
    for (uint64_t after = 0; node_batch(t, &y->writers[node].incarnation, after, 1 << 20, &push, &raw) == 0; after += push.count) {
        struct bytes packed[LIMIT_PUSH_CHANGES];
        struct reader r = {.rest = buffer_bytes(&raw)};
        size_t n = 0;
        while (wire_batch_next(&r, &packed[n]))
            n++;
        assert_int_equal(n, push.count);
        city_append(y, node, packed, n, push.first);
        buffer_clear(&raw);
    }
    txn_abort(t);
    city_merge(y, BATCH);
}

/* Through the wire and back: `m` is then what the other side has. */
static void travel(struct message *m, struct arena *a) {
    struct buffer b = {0};
    assert_int_equal(wire_pack(m, &b), 0);
    assert_true(b.len <= LIMIT_MESSAGE_BYTES);
    assert_int_equal(wire_unpack(arena_copy(a, buffer_bytes(&b)), a, m), 0);
    buffer_close(&b);
}

/* One page from the hub, laid; says if the node is caught up then. */
static bool node_pulls(struct city *y, struct store *s, uint32_t node) {
    CLEANUP(arena_close) struct arena hub = {0}, own = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct node_progress p = progress(s);
    struct pull pull = {
        .cursor = p.cursor,
        .loading_count = p.loading_count,
        .verdicts_after = p.verdicts_after,
        .erasures_after = p.erasures_after,
        .bytes = 1 << 20};
    struct node_laid laid;
    pull.area_count = area_expand(p.served, p.served_count, node, pull.areas, LIMIT_AREAS);
    memcpy(pull.loading, p.loading, sizeof pull.loading);
    struct txn *t = reading(y->state);
    m->kind = MESSAGE_FEED;
    assert_int_equal(hub_feed_page(t, node, &pull, &hub, &m->feed, NULL), 0);
    m->feed.session = 1;
    travel(m, &own);
    txn_abort(t);
    t = writing(s);
    assert_int_equal(node_lay_feed(t, &m->feed, &laid), 0);
    assert_int_equal(txn_commit(t), 0);
    assert_false(laid.dropped);
    assert_true(!laid.compared || laid.digests_equal);
    free(m);
    return laid.caught_up;
}

static unsigned node_catches_up(struct city *y, struct store *s, uint32_t node) {
    unsigned pages = 1;
    while (!node_pulls(y, s, node))
        assert_true(++pages < PAGES_MAX);
    return pages;
}

/* Asks for what differs in its own area; says if more differs. */
static bool node_repairs(struct city *y, struct store *s, uint32_t node, struct digest buckets[DIGEST_BUCKETS], size_t *covers) {
    CLEANUP(arena_close) struct arena hub = {0}, own = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct repair_ask *ask = memory_zeroed(1, sizeof *ask);
    struct node_laid laid;
    *ask = (struct repair_ask){.cursor = progress(s).cursor, .area = city_home(node)};
    memcpy(ask->buckets, buckets, sizeof ask->buckets);
    struct txn *t = reading(y->state);
    m->kind = MESSAGE_REPAIR_FILL;
    assert_int_equal(hub_repair_fill(t, node, ask, &hub, &m->repair_fill, NULL), 0);
    m->repair_fill.session = 1;
    travel(m, &own);
    txn_abort(t);
    *covers = 0;
    for (size_t i = 0; i < DIGEST_BUCKETS; i++)
        *covers += m->repair_fill.covers[i];
    bool more = m->repair_fill.more;
    t = writing(s);
    assert_int_equal(node_lay_repair(t, &m->repair_fill, &laid), 0);
    assert_int_equal(txn_commit(t), 0);
    assert_false(laid.dropped);
    free(m);
    free(ask);
    return more;
}

/* ---- more verdicts than a page may carry */

static void many_verdicts_come_in_pages(void **state) {
    (void)state;
    struct city y;
    city_open(&y, 7, NULL);
    struct store *s = node_open(&y, 1);
    struct op home = city_op(FIELD_HOME, OP_SET, city_area(&y, city_home(1)), NULL, 0);
    struct op bad = city_op(CITY_A, OP_SET, city_text(&y, "!bad"), NULL, 0);
    struct txn *t = writing(s);
    for (unsigned i = 1; i <= RECORDS; i++)
        node_says(&y, t, i, &home, 1);
    for (unsigned i = 0; i < VERDICTS; i++)
        node_says(&y, t, 1 + i % RECORDS, &bad, 1);
    assert_int_equal(txn_commit(t), 0);
    node_pushes(&y, s, 1);
    assert_int_equal(city_place(&y).held, VERDICTS);

    assert_false(node_pulls(&y, s, 1));
    struct node_progress p = progress(s);
    assert_int_equal(p.held_count, LIMIT_FEED_VERDICTS);
    assert_int_equal(p.lives[0].includes, 0); /* of none it is known yet that all verdicts below it have come */

    struct digest none[DIGEST_BUCKETS] = {{{0}}};
    size_t covers;
    assert_false(node_repairs(&y, s, 1, none, &covers)); /* too many above the cursor: nothing is filled, nothing more is asked for */
    assert_int_equal(covers, 0);
    assert_int_equal(progress(s).lives[0].includes, 0);

    /* Some are settled while the pages are on their way. */
    y.upgraded = true;
    for (uint64_t seq = RECORDS + 1; seq <= RECORDS + BATCH; seq++)
        city_order(&y, LOG_RETRY, 1, seq);
    city_merge(&y, BATCH);
    assert_true(node_catches_up(&y, s, 1) >= VERDICTS / LIMIT_FEED_VERDICTS);
    p = progress(s);
    assert_int_equal(p.lives[0].includes, RECORDS + VERDICTS);
    assert_int_equal(p.held_count, city_place(&y).held);
    assert_true(p.held_count < VERDICTS);

    /* A node that forgot everything asks from the beginning, and comes to the same. */
    struct store *again = node_open(&y, 1);
    node_catches_up(&y, again, 1);
    assert_int_equal(progress(again).held_count, city_place(&y).held);
    assert_false(node_repairs(&y, again, 1, none, &covers));
    assert_true(covers > 0);
    node_catches_up(&y, again, 1);
    store_close(again);
    store_close(s);
    city_close(&y);
}

/* ---- what this build does not know */

static void has_value(struct store *s, uint32_t field, struct bytes value) {
    CLEANUP(arena_close) struct arena a = {0};
    struct record r;
    struct id16 id = city_id(1);
    bool pending;
    struct txn *t = reading(s);
    assert_int_equal(node_record(t, CITY_TYPE, &id, &a, &r, &pending), 0);
    const struct field *f = record_field(&r, field);
    assert_non_null(f);
    assert_int_equal(f->head_count + f->element_count, 1);
    assert_true(bytes_equal(f->head_count == 1 ? f->heads[0].value : f->elements[0].value, value));
    assert_false(pending);
    txn_abort(t);
}

/* Kind 77 of Value, in fields that no catalogue has: from an office to the city, to another office, through an edit there, and back. */
static void unknown_values_travel_byte_exact(void **state) {
    (void)state;
    enum { FIELD_HEAD = 60000, FIELD_ELEMENT = 60001 };
    struct bytes head = BYTES("\xea\x04\x03new"), element = BYTES("\xe8\x04\x80\x00"); /* the second not even in the shortest form */
    struct city y;
    city_open(&y, 7, NULL);
    struct store *one = node_open(&y, 1), *two = node_open(&y, 2);
    struct op made[] = {
        city_op(FIELD_HOME, OP_SET, city_area(&y, city_home(1)), NULL, 0),
        city_op(FIELD_SHARED, OP_ADD, city_area(&y, city_home(2)), NULL, 0), city_op(FIELD_HEAD, OP_SET, head, NULL, 0),
        city_op(FIELD_ELEMENT, OP_ADD, element, NULL, 0)};
    struct op edited = city_op(CITY_A, OP_SET, city_text(&y, "by the other"), NULL, 0);
    struct txn *t = writing(one);
    node_says(&y, t, 1, made, 4);
    assert_int_equal(txn_commit(t), 0);
    node_pushes(&y, one, 1);
    node_catches_up(&y, two, 2);
    has_value(two, FIELD_HEAD, head);
    has_value(two, FIELD_ELEMENT, element);
    t = writing(two);
    node_says(&y, t, 1, &edited, 1);
    assert_int_equal(txn_commit(t), 0);
    node_pushes(&y, two, 2);
    node_catches_up(&y, one, 1);
    has_value(one, FIELD_HEAD, head);
    has_value(one, FIELD_ELEMENT, element);
    has_value(one, CITY_A, edited.value);
    node_catches_up(&y, two, 2);
    has_value(two, FIELD_HEAD, head);
    store_close(one);
    store_close(two);
    city_verify(&y);
    city_close(&y);
}

/* ---- a flipped bit, in what is stored or in its key */

static void complained(void *owner, const char *what) {
    (void)what;
    ++*(unsigned *)owner;
}

static bool complains_of_hub(struct txn *t) {
    unsigned count = 0;
    return hub_verify(t, complained, &count, NULL) > 0 && count > 0;
}

static bool complains_of_node(struct txn *t) {
    unsigned count = 0;
    node_verify(t, complained, &count, NULL);
    return count > 0;
}

/* In the first and in the last pair of a tree, in the last bit of each. */
static void flip(struct txn *t, unsigned tree, bool last, bool in_key) {
    CLEANUP(buffer_close) struct buffer key = {0}, value = {0};
    struct bytes k, v;
    struct scan *c = scan_open(t, tree);
    for (bool on = scan_from(c, BYTES("\0"), &k, &v); on; on = last && scan_next(c, &k, &v)) {
        buffer_clear(&key);
        buffer_clear(&value);
        buffer_add(&key, k);
        buffer_add(&value, v);
    }
    scan_close(c);
    assert_true(key.len > 0 && value.len > 0); /* no tree of the test is empty */
    if (in_key)
        txn_delete(t, tree, buffer_bytes(&key));
    struct buffer *b = in_key ? &key : &value;
    b->at[b->len - 1] ^= 1;
    txn_put(t, tree, buffer_bytes(&key), buffer_bytes(&value));
}

static void every_flip_is_found(struct store *s, const struct store_shape *shape, bool (*complains)(struct txn *t)) {
    struct txn *t = writing(s);
    assert_false(complains(t));
    txn_abort(t);
    for (unsigned tree = 0; tree < shape->tree_count; tree++)
        for (unsigned way = 0; way < 4; way++) {
            t = writing(s);
            flip(t, tree, way / 2 == 1, way % 2 == 1);
            if (!complains(t))
                fail_msg(
                    "%s: tree %s, %s, %s", shape->kind, shape->trees[tree], way / 2 == 1 ? "last" : "first", way % 2 ? "key" : "value");
            txn_abort(t);
        }
}

static void flipped_bits_are_found(void **state) {
    (void)state;
    struct city y;
    city_open(&y, 7, NULL);
    struct store *s = node_open(&y, 1);
    struct op ops[] = {
        city_op(FIELD_HOME, OP_SET, city_area(&y, city_home(1)), NULL, 0), city_op(CITY_A, OP_SET, city_text(&y, "good"), NULL, 0)};
    struct op bad = city_op(CITY_A, OP_SET, city_text(&y, "!bad"), NULL, 0);
    struct txn *t = writing(s);
    for (uint64_t i = 1; i <= 3; i++)
        node_says(&y, t, i, ops, 2);
    node_says(&y, t, 1, &bad, 1);
    node_says(&y, t, 2, &bad, 1);
    assert_int_equal(txn_commit(t), 0);
    node_pushes(&y, s, 1);
    city_erase(&y, 3);
    city_erase(&y, 9);
    city_merge(&y, 100);
    node_catches_up(&y, s, 1);
    t = writing(s);
    node_says(&y, t, 1, ops + 1, 1);
    node_says(&y, t, 2, ops + 1, 1);
    audit_add(t, &audit_node, &(struct audit_entry){.at = y.now, .purpose = 1, .type = CITY_TYPE, .record = city_id(1), .action = 1}, 1);
    book_put(t, &(struct book_entry){.id = city_id(1), .fault = 1, .at = y.now});
    audit_keep(t, &audit_node, 0, &(struct audit_kept){.told.head = {.life = city_id(2), .n = 3}, .heard = y.now});
    assert_int_equal(txn_commit(t), 0);
    every_flip_is_found(y.state, &shape_hub_state, complains_of_hub);
    every_flip_is_found(s, &shape_node, complains_of_node);
    store_close(s);
    city_close(&y);
}

/* A row that says nothing, or of nobody, stops the page: a record would else be left out without a word. */
static void a_rotten_row_is_not_passed_over(void **state) {
    (void)state;
    struct city y;
    city_open(&y, 7, NULL);
    city_create(&y, 1, 1);
    city_merge(&y, 100);
    struct pull pull = {.cursor.epoch = city_place(&y).epochs[0].epoch, .areas = {city_home(1)}, .area_count = 1, .bytes = 1 << 20};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct repair_ask *ask = memory_zeroed(1, sizeof *ask);
    struct repair_fill *fill = memory_zeroed(1, sizeof *fill);
    *ask = (struct repair_ask){.cursor = pull.cursor, .area = city_home(1)};
    for (unsigned way = 0; way < 3; way++) {
        struct arena a = {0};
        struct txn *t = writing(y.state);
        struct id16 id = city_id(1);
        struct key k = key_record(CITY_TYPE, &id);
        assert_int_equal(hub_feed_page(t, 1, &pull, &a, f, NULL), 0);
        assert_int_equal(f->entry_count, 1);
        if (way < 2)
            flip(t, HUB_ROWS, false, false);
        else
            txn_delete(t, HUB_RECORDS, key_bytes(&k));
        struct buffer damaged = {0};
        if (way == 1) {
            assert_int_equal(hub_repair_fill(t, 1, ask, &a, fill, &damaged), 0);
            for (unsigned i = 0; i < DIGEST_BUCKETS; i++)
                assert_false(fill->covers[i]); /* the office keeps its own copy */
        } else {
            assert_int_equal(hub_feed_page(t, 1, &pull, &a, f, &damaged), 0);
            assert_int_equal(f->entry_count, 0);
        }
        assert_int_equal(damaged.len, sizeof(struct hub_damage));
        buffer_close(&damaged);
        txn_abort(t);
        arena_close(&a);
    }
    free(f);
    free(ask);
    free(fill);
    city_close(&y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_verdicts_come_in_pages),
        cmocka_unit_test(unknown_values_travel_byte_exact),
        cmocka_unit_test(flipped_bits_are_found),
        cmocka_unit_test(a_rotten_row_is_not_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
