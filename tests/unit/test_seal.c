/* Sealed values: what was changed, moved, or sealed with another key does not open; days and records are destroyed with their keys. */
#include "tests/support/test_seal.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_MS = 86400000 };

static const struct bytes text = {(const uint8_t *)"Zhang San 65029919900101", 24};

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static bool holds(struct bytes all, struct bytes part) {
    return all.len > 0 && memmem(all.at, all.len, part.at, part.len) != NULL;
}

/* One value of each format, under the key "k" (a record's history under "kk"). */
static const struct {
    unsigned tree;
    const char *key;
} places[] = {{NODE_META, "k"}, {NODE_BASE, "k"}, {NODE_BASE, "kk"}, {NODE_LOG, "k"}};
enum { PLACES = sizeof places / sizeof *places, HISTORY = 2 };

static void put_all(struct txn *t) {
    struct seal_key own;
    envelope_put(t, NODE_META, BYTES("k"), text);
    envelope_new_key(t, &own);
    envelope_put_own(t, NODE_BASE, BYTES("k"), text, &own);
    envelope_put_under(t, NODE_BASE, BYTES("kk"), text, &own);
    envelope_put_day(t, NODE_LOG, BYTES("k"), text, 5 * (wall_ms)DAY_MS);
}

static int open_at(struct txn *t, unsigned place, unsigned tree, struct bytes key, struct bytes stored, struct bytes *value) {
    struct bytes record;
    struct seal_key own;
    if (place != HISTORY)
        return envelope_open(t, tree, key, stored, value);
    if (!txn_get(t, NODE_BASE, BYTES("k"), &record) || !envelope_own_key(t, record, &own))
        return ENVELOPE_MISSING;
    return envelope_open_under(t, tree, key, stored, &own, value);
}

static struct bytes stored_at(struct txn *t, unsigned place) {
    struct bytes stored;
    assert_true(txn_get(t, places[place].tree, bytes_text(places[place].key), &stored));
    return stored;
}

static void opens_where_it_was_put(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct bytes value;
    put_all(t);
    for (unsigned i = 0; i < PLACES; i++) {
        struct bytes key = bytes_text(places[i].key), stored = stored_at(t, i);
        assert_false(holds(stored, text));
        assert_int_equal(open_at(t, i, places[i].tree, key, stored, &value), 0);
        assert_true(bytes_equal(value, text));
        assert_int_equal(open_at(t, i, places[i].tree, BYTES("l"), stored, &value), ENVELOPE_ROTTEN);
        assert_int_equal(open_at(t, i, NODE_DIGESTS, key, stored, &value), ENVELOPE_ROTTEN);
        /* under a record's key only what was put there, and that only there */
        assert_int_equal(open_at(t, i == HISTORY ? 0 : HISTORY, places[i].tree, key, stored, &value), ENVELOPE_ROTTEN);
    }
    assert_int_equal(envelope_get(t, NODE_META, BYTES("none"), &value), ENVELOPE_MISSING);
    txn_abort(t);
    store_close(s);
}

/* Every bit of what is stored, and every length. */
static void no_changed_byte_opens(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct bytes value;
    put_all(t);
    for (unsigned i = 0; i < PLACES; i++) {
        CLEANUP(buffer_close) struct buffer b = {0};
        struct bytes key = bytes_text(places[i].key);
        buffer_add(&b, stored_at(t, i));
        for (size_t bit = 0; bit < 8 * b.len; bit++) {
            b.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(open_at(t, i, places[i].tree, key, buffer_bytes(&b), &value), ENVELOPE_ROTTEN);
            b.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t len = 0; len < b.len; len++)
            assert_int_equal(open_at(t, i, places[i].tree, key, bytes_of(b.at, len), &value), ENVELOPE_ROTTEN);
        buffer_u8(&b, 0);
        assert_int_equal(open_at(t, i, places[i].tree, key, buffer_bytes(&b), &value), ENVELOPE_ROTTEN);
    }
    txn_abort(t);
    store_close(s);
}

/* What one store sealed, read in another: of the same kind with another key, and of another kind with the same. */
static void opens_in_its_store_only(void **state) {
    (void)state;
    struct seal_key k = {{7}};
    struct seal *others = seal_new(&k);
    struct store_shape own = shape_node;
    own.number = shape_hub_state.number;
    struct store *mine = store_memory(&shape_node, test_seal());
    struct store *other_key = store_memory(&shape_node, others), *other_kind = store_memory(&own, test_seal());
    struct txn *t = writing(mine), *a = writing(other_key), *b = writing(other_kind);
    put_all(t);
    put_all(a); /* so that there is a record and a day */
    put_all(b);
    for (unsigned i = 0; i < PLACES; i++) {
        struct bytes key = bytes_text(places[i].key), stored = stored_at(t, i), value;
        assert_int_equal(open_at(a, i, places[i].tree, key, stored, &value), ENVELOPE_ROTTEN);
        assert_int_equal(open_at(b, i, places[i].tree, key, stored, &value), ENVELOPE_ROTTEN);
    }
    assert_int_not_equal(seal_id(others), seal_id(test_seal()));
    txn_abort(t);
    txn_abort(a);
    txn_abort(b);
    store_close(mine);
    store_close(other_key);
    store_close(other_kind);
    seal_free(others);
}

static void nothing_is_sealed_twice_alike(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    CLEANUP(buffer_close) struct buffer all = {0};
    for (unsigned n = 0; n < 200; n++) {
        struct txn *t = writing(s);
        for (unsigned i = 0; i < 2; i++) {
            put_all(t);
            struct bytes stored = stored_at(t, 1);
            assert_false(holds(buffer_bytes(&all), bytes_of(stored.at + 23, SEAL_NONCE)));
            buffer_add(&all, bytes_of(stored.at + 23, SEAL_NONCE));
        }
        assert_int_equal(txn_commit(t), 0);
    }
    store_close(s);
}

/* ---- a record, and what lies under its key */

static void a_history_goes_with_its_record(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct seal_key own;
    struct bytes value;
    put_all(t);
    CLEANUP(buffer_close) struct buffer history = {0};
    buffer_add(&history, stored_at(t, HISTORY));
    assert_int_equal(envelope_open_own(t, NODE_BASE, BYTES("k"), stored_at(t, 1), &value, &own), 0);
    envelope_put_own(t, NODE_BASE, BYTES("k"), BYTES("written again"), &own);
    assert_int_equal(open_at(t, HISTORY, NODE_BASE, BYTES("kk"), buffer_bytes(&history), &value), 0);
    envelope_put(t, NODE_BASE, BYTES("k"), BYTES("under another key"));
    assert_int_equal(open_at(t, HISTORY, NODE_BASE, BYTES("kk"), buffer_bytes(&history), &value), ENVELOPE_ROTTEN);
    txn_delete(t, NODE_BASE, BYTES("k"));
    assert_int_equal(open_at(t, HISTORY, NODE_BASE, BYTES("kk"), buffer_bytes(&history), &value), ENVELOPE_MISSING);
    txn_abort(t);
    store_close(s);
}

/* ---- days */

static void put_day(struct txn *t, uint64_t seq, unsigned day) {
    struct key k = key_u64(seq);
    envelope_append_day(t, HUB_LOG_ENTRIES, key_bytes(&k), text, day * (wall_ms)DAY_MS + seq);
}

static bool opens(struct txn *t, uint64_t seq) {
    struct key k = key_u64(seq);
    struct bytes value;
    return envelope_get(t, HUB_LOG_ENTRIES, key_bytes(&k), &value) == 0;
}

static void a_day_goes_with_its_last_entry(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_hub_log, test_seal());
    struct txn *t = writing(s);
    CLEANUP(buffer_close) struct buffer kept = {0};
    struct bytes stored, value;
    for (uint64_t seq = 1; seq <= 9; seq++)
        put_day(t, seq, (unsigned)(seq - 1) / 3 + 10);
    put_day(t, 10, 11); /* the clock went back */
    assert_int_equal(store_count(t, HUB_LOG_META), 6);
    struct key first = key_u64(1);
    assert_true(txn_get(t, HUB_LOG_ENTRIES, key_bytes(&first), &stored));
    buffer_add(&kept, stored); /* as somebody may have copied it */
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct key k = key_u64(seq);
        txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    }
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    assert_int_equal(store_count(t, HUB_LOG_META), 6);
    assert_int_equal(envelope_open(t, HUB_LOG_ENTRIES, key_bytes(&first), buffer_bytes(&kept), &value), 0);
    for (uint64_t seq = 3; seq <= 6; seq++) {
        struct key k = key_u64(seq);
        txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    }
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    assert_int_equal(store_count(t, HUB_LOG_META), 4); /* of day 11 one is left */
    assert_int_equal(envelope_open(t, HUB_LOG_ENTRIES, key_bytes(&first), buffer_bytes(&kept), &value), ENVELOPE_ROTTEN);
    for (uint64_t seq = 7; seq <= 10; seq++)
        assert_true(opens(t, seq));
    txn_clear(t, HUB_LOG_ENTRIES);
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    assert_int_equal(store_count(t, HUB_LOG_META), 0);
    put_day(t, 11, 10);
    assert_true(opens(t, 11));
    assert_int_equal(envelope_open(t, HUB_LOG_ENTRIES, key_bytes(&first), buffer_bytes(&kept), &value), ENVELOPE_ROTTEN);
    txn_abort(t);
    store_close(s);
}

/* So much hangs on a day's key that it lies there twice. */
static void a_day_outlives_a_flipped_bit(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_hub_log, test_seal());
    struct txn *t = writing(s);
    put_day(t, 1, 10);
    for (unsigned copy = 0; copy < 2; copy++) {
        const uint8_t at[] = {'d', 'a', 'y', 0, 0, 0, 10, (uint8_t)copy};
        CLEANUP(buffer_close) struct buffer b = {0};
        struct bytes stored;
        assert_true(txn_get(t, HUB_LOG_META, bytes_of(at, sizeof at), &stored));
        buffer_add(&b, stored);
        b.at[b.len - 1] ^= 1;
        txn_put(t, HUB_LOG_META, bytes_of(at, sizeof at), buffer_bytes(&b));
        assert_int_equal(opens(t, 1), copy == 0);
    }
    put_day(t, 2, 10); /* a new one is made, and what lay under the lost one stays lost */
    assert_true(opens(t, 2));
    assert_false(opens(t, 1));
    txn_abort(t);
    store_close(s);
}

/* ---- memory of what was opened */

static void marks_bound_a_walk(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct bytes first, value;
    uint8_t *big = memory_zeroed(1, 100000);
    envelope_put(t, NODE_META, BYTES("k"), text);
    envelope_put(t, NODE_META, BYTES("l"), bytes_of(big, 100000));
    assert_int_equal(envelope_get(t, NODE_META, BYTES("k"), &first), 0);
    struct arena_mark mark = envelope_mark(t);
    for (unsigned i = 0; i < 1000; i++) {
        envelope_release(t, mark);
        assert_int_equal(envelope_get(t, NODE_META, BYTES("l"), &value), 0);
        assert_memory_equal(value.at, big, value.len);
    }
    assert_true(mark.used < 1000);
    assert_true(bytes_equal(first, text)); /* what was opened before the mark stays */
    txn_abort(t);
    store_close(s);
    free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_where_it_was_put),         cmocka_unit_test(no_changed_byte_opens),
        cmocka_unit_test(opens_in_its_store_only),        cmocka_unit_test(nothing_is_sealed_twice_alike),
        cmocka_unit_test(a_history_goes_with_its_record), cmocka_unit_test(a_day_goes_with_its_last_entry),
        cmocka_unit_test(a_day_outlives_a_flipped_bit),   cmocka_unit_test(marks_bound_a_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
