/* The audit log: blocks, the chain through them, and every way of tampering that verification or the other side's heads must see. */
#include "common/base/error.h"
#include "common/base/random.h"
#include "common/store/audit.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000000, DAY = 86400000, BLOCK = AUDIT_PACK, TYPE = 40 };

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct id16 id_of(uint64_t n) {
    struct id16 id;
    struct random r;
    random_seed(&r, n);
    random_fill(&r, id.b, sizeof id.b);
    return id;
}

static struct audit_entry entry_of(uint64_t n) {
    return (struct audit_entry){
        .at = NOW + n * 1000,
        .actor = id_of(n % 5),
        .has_uid = true,
        .uid = (uint32_t)n,
        .record = id_of(1000 + n),
        .subject = n % 2 == 0 ? id_of(7) : (struct id16){{0}},
        .change = n % 3 == 0 ? (struct name){4, n} : (struct name){0, 0},
        .note = n % 7 == 0 ? BYTES("why") : (struct bytes){NULL, 0},
        .action = AUDIT_READ + (uint32_t)(n % 3),
        .purpose = 2,
        .type = TYPE,
    };
}

/* Entries 2..n: the first is the life's. */
static void add_some(struct txn *t, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; n++) {
        struct audit_entry e = entry_of(n);
        audit_add(t, &audit_node, &e, 1);
    }
}

static struct store *log_of(uint64_t entries) {
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    add_some(t, 2, entries);
    assert_int_equal(txn_commit(t), 0);
    return s;
}

static struct audit_head head_of(struct txn *t) {
    struct audit_head h;
    assert_true(audit_head(t, &audit_node, &h));
    return h;
}

static uint64_t bad_of(struct txn *t) {
    struct audit_checked c;
    audit_verify(t, &audit_node, &c);
    assert_true((c.bad == 0) == (c.what.len == 0));
    buffer_close(&c.what);
    return c.bad;
}

static int same_each(void *owner, const struct audit_entry *e) {
    uint64_t *n = owner;
    struct audit_entry wanted = entry_of(e->n);
    assert_int_equal(e->n, ++*n);
    if (e->n == 1) {
        assert_int_equal(e->action, AUDIT_LIFE);
        return 0;
    }
    assert_true(id_equal(&e->actor, &wanted.actor) && id_equal(&e->record, &wanted.record) && id_equal(&e->subject, &wanted.subject));
    assert_true(
        e->at == wanted.at && e->has_uid && e->uid == wanted.uid && e->action == wanted.action && e->purpose == 2 && e->type == TYPE);
    assert_true(name_equal(e->change, wanted.change) && bytes_equal(e->note, wanted.note));
    return 0;
}

/* What was added one by one or all at once is the same log. */
static void entries_come_back(void **state) {
    (void)state;
    enum { ALL = 3 * BLOCK + 17 };
    struct store *s = log_of(ALL);
    struct txn *t = writing(s);
    uint64_t n = 0;
    assert_int_equal(audit_each(t, &audit_node, 0, 0, same_each, &n), 0);
    assert_int_equal(n, ALL);
    assert_int_equal(store_count(t, NODE_AUDIT), 3 + 17); /* packed, and those that wait */
    assert_int_equal(head_of(t).n, ALL);
    assert_int_equal(bad_of(t), 0);
    txn_abort(t);
    store_close(s);
    struct audit_entry *many = memory_zeroed(ALL, sizeof *many);
    for (uint64_t i = 2; i <= ALL; i++)
        many[i - 2] = entry_of(i);
    s = store_memory(&shape_node, test_seal());
    t = writing(s);
    audit_add(t, &audit_node, many, ALL - 1);
    n = 0;
    assert_int_equal(audit_each(t, &audit_node, 0, 0, same_each, &n), 0);
    assert_int_equal(n, ALL);
    assert_int_equal(bad_of(t), 0);
    txn_abort(t);
    store_close(s);
    free(many);
}

static int count_each(void *owner, const struct audit_entry *e) {
    (void)e;
    ++*(uint64_t *)owner;
    return 0;
}

static void a_time_span_is_found(void **state) {
    (void)state;
    struct store *s = log_of(4 * BLOCK);
    struct txn *t = writing(s);
    uint64_t n = 0;
    audit_each(t, &audit_node, NOW + 100 * 1000, NOW + 299 * 1000, count_each, &n);
    assert_int_equal(n, 200);
    n = 0;
    audit_each(t, &audit_node, NOW + 500 * 1000, 0, count_each, &n);
    assert_int_equal(n, 4 * BLOCK - 499);
    txn_abort(t);
    store_close(s);
}

/* The chain after any entry is what the head was when that entry was the last. */
static void every_hash_is_found_again(void **state) {
    (void)state;
    enum { ALL = 2 * BLOCK + 5 };
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct hash then[ALL + 1], h;
    for (uint64_t n = 2; n <= ALL; n++) {
        add_some(t, n, n);
        then[n] = head_of(t).hash;
    }
    for (uint64_t n = 2; n <= ALL; n++) {
        assert_true(audit_hash_at(t, &audit_node, n, &h));
        assert_true(hash_equal(&h, &then[n]));
    }
    assert_true(audit_hash_at(t, &audit_node, 0, &h));
    assert_false(audit_hash_at(t, &audit_node, ALL + 1, &h));
    txn_abort(t);
    store_close(s);
}

/* Two logs with the same entries have other chains: a genesis is bound to its life. */
static void no_two_chains_are_alike(void **state) {
    (void)state;
    struct store *a = log_of(3), *b = log_of(3);
    struct txn *x = writing(a), *y = writing(b);
    struct audit_head one = head_of(x), two = head_of(y);
    assert_false(id_equal(&one.life, &two.life));
    assert_false(hash_equal(&one.hash, &two.hash));
    txn_abort(x);
    txn_abort(y);
    store_close(a);
    store_close(b);
}

/* ---- tampering */

static bool block_get(struct txn *t, uint64_t first, struct audit_block *b, struct buffer *raw) {
    struct key k = key_u64(first);
    struct bytes value;
    buffer_clear(raw);
    if (envelope_get(t, NODE_AUDIT, key_bytes(&k), &value) != 0 || wire_audit_block_unpack(value, b) != 0)
        return false;
    if (b->packed)
        return wire_batch_open(b->body, raw) == 0;
    buffer_add(raw, b->body);
    return true;
}

static void block_set(struct txn *t, uint64_t first, struct audit_block *b, const struct buffer *raw) {
    CLEANUP(buffer_close) struct buffer body = {0}, value = {0};
    struct key k = key_u64(first);
    if (b->packed)
        assert_int_equal(wire_batch_seal(buffer_bytes(raw), &body), 0);
    b->body = b->packed ? buffer_bytes(&body) : buffer_bytes(raw);
    wire_audit_block_pack(b, &value);
    envelope_put(t, NODE_AUDIT, key_bytes(&k), buffer_bytes(&value));
}

/* The first entries of all blocks from the one that holds n on; gives their count. */
static size_t blocks_from(struct txn *t, uint64_t n, uint64_t firsts[], size_t room) {
    struct key k = key_u64(n + 1);
    struct bytes at, stored;
    size_t count = 0;
    struct scan *c = scan_open(t, NODE_AUDIT);
    for (bool on = scan_before(c, key_bytes(&k), &at, &stored); on && count < room; on = scan_next(c, &at, &stored)) {
        struct reader r = {.rest = at};
        firsts[count++] = reader_u64be(&r);
    }
    scan_close(c);
    return count;
}

/* Another actor in one entry; `hashed`: with all hashes of its block and of those after it made to fit. */
static void rewrite(struct txn *t, uint64_t n, bool hashed) {
    CLEANUP(buffer_close) struct buffer raw = {0}, other = {0}, packed = {0};
    uint64_t firsts[2000];
    struct audit_block b;
    struct hash after = {{0}};
    size_t count = blocks_from(t, n, firsts, 2000);
    assert_true(count > 0);
    for (size_t i = 0; i < (hashed ? count : 1); i++) {
        assert_true(block_get(t, firsts[i], &b, &raw));
        struct reader r = {.rest = buffer_bytes(&raw)};
        struct bytes one;
        if (i > 0)
            b.before = after;
        after = b.before;
        buffer_clear(&other);
        for (uint64_t at = firsts[i]; wire_batch_next(&r, &one); at++) {
            struct audit_entry e;
            assert_int_equal(wire_audit_entry_unpack(one, &e), 0);
            if (at == n)
                e.actor = id_of(99);
            buffer_clear(&packed);
            wire_audit_entry_pack(&e, &packed);
            wire_batch_add(&other, buffer_bytes(&packed));
            after = wire_chain(&after, buffer_bytes(&packed));
        }
        if (hashed)
            b.after = after;
        block_set(t, firsts[i], &b, &other);
    }
}

static void keep_own(struct txn *t, uint64_t n, wall_ms heard) {
    struct audit_kept k = {.told.head = head_of(t), .heard = heard};
    k.told.head.n = n;
    assert_true(audit_hash_at(t, &audit_node, n, &k.told.head.hash));
    audit_keep(t, &audit_node, HEADS_OWN, &k);
}

static void cut(struct txn *t, uint64_t keep) {
    CLEANUP(buffer_close) struct buffer raw = {0}, less = {0};
    uint64_t firsts[2000];
    struct audit_block b;
    size_t count = blocks_from(t, keep, firsts, 2000);
    for (size_t i = 1; i < count; i++) {
        struct key k = key_u64(firsts[i]);
        txn_delete(t, NODE_AUDIT, key_bytes(&k));
    }
    assert_true(block_get(t, firsts[0], &b, &raw));
    struct reader r = {.rest = buffer_bytes(&raw)};
    struct bytes one;
    uint64_t n = firsts[0];
    b.after = b.before;
    for (; n <= keep && wire_batch_next(&r, &one); n++) {
        wire_batch_add(&less, one);
        b.after = wire_chain(&b.after, one);
    }
    b.count = (uint32_t)(n - firsts[0]);
    b.packed = false;
    block_set(t, firsts[0], &b, &less);
}

static void delete_block(struct txn *t, uint64_t first) {
    struct key k = key_u64(first);
    txn_delete(t, NODE_AUDIT, key_bytes(&k));
}

static void swap_blocks(struct txn *t, uint64_t one, uint64_t two) {
    CLEANUP(buffer_close) struct buffer a = {0}, b = {0};
    struct audit_block x, y;
    assert_true(block_get(t, one, &x, &a) && block_get(t, two, &y, &b));
    block_set(t, one, &y, &b);
    block_set(t, two, &x, &a);
}

/* What somebody does who may write the store and knows its form, and the first serial that verification names. */
static void tampering_is_seen(void **state) {
    (void)state;
    enum { ALL = 3 * BLOCK + 40 };
    struct store *s = log_of(ALL);
    struct txn *t = writing(s);
    assert_int_equal(bad_of(t), 0);
    txn_abort(t);

    t = writing(s); /* an entry, and nothing else */
    rewrite(t, BLOCK + 9, false);
    assert_int_equal(bad_of(t), BLOCK + 1);
    txn_abort(t);

    t = writing(s); /* with all hashes after it: only a head that lies elsewhere tells */
    keep_own(t, 50, NOW);
    keep_own(t, 2 * BLOCK + 3, NOW + DAY);
    rewrite(t, BLOCK + 9, true);
    assert_int_equal(bad_of(t), 51);
    txn_abort(t);

    t = writing(s);
    rewrite(t, BLOCK + 9, true);
    assert_int_equal(bad_of(t), 0);
    txn_abort(t);

    t = writing(s); /* the middle */
    delete_block(t, BLOCK + 1);
    assert_int_equal(bad_of(t), BLOCK + 1);
    txn_abort(t);

    t = writing(s); /* the beginning */
    delete_block(t, 1);
    assert_int_equal(bad_of(t), 1);
    txn_abort(t);

    t = writing(s);
    swap_blocks(t, 1, BLOCK + 1);
    assert_int_equal(bad_of(t), 1);
    txn_abort(t);

    t = writing(s); /* the end, in the last block and in one before it */
    keep_own(t, ALL, NOW);
    cut(t, ALL - 3);
    assert_int_equal(bad_of(t), ALL - 2);
    cut(t, 2 * BLOCK);
    assert_int_equal(bad_of(t), 2 * BLOCK + 1);
    txn_abort(t);

    t = writing(s); /* all of it */
    keep_own(t, ALL, NOW);
    txn_clear(t, NODE_AUDIT);
    assert_int_equal(bad_of(t), 1);
    txn_abort(t);

    t = writing(s); /* an older store: whatever was added since is another branch */
    struct audit_head kept = head_of(t);
    txn_abort(t);
    struct store *older = log_of(10);
    t = writing(older);
    audit_keep(t, &audit_node, HEADS_OWN, &(struct audit_kept){.told.head = kept, .heard = NOW});
    assert_int_equal(bad_of(t), 11);
    add_some(t, 11, ALL + 5);
    assert_int_equal(bad_of(t), 1);
    txn_abort(t);
    store_close(older);
    store_close(s);
}

static void flip(struct txn *t, unsigned tree, struct key k) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct bytes value;
    assert_true(txn_get(t, tree, key_bytes(&k), &value));
    buffer_add(&b, value);
    b.at[b.len - 1] ^= 1;
    txn_put(t, tree, key_bytes(&k), buffer_bytes(&b));
}

/* What was tampered with before it was packed is not made right by packing; what is damaged is not packed, and those behind it are. */
static void packing_makes_nothing_right(void **state) {
    (void)state;
    struct store *s = log_of(BLOCK + 100);
    struct txn *t = writing(s);
    rewrite(t, BLOCK + 9, false);
    add_some(t, BLOCK + 101, 2 * BLOCK);
    assert_int_equal(store_count(t, NODE_AUDIT), 2);
    assert_int_equal(bad_of(t), BLOCK + 1);
    txn_abort(t);

    t = writing(s);
    flip(t, NODE_AUDIT, key_u64(BLOCK + 9));
    add_some(t, BLOCK + 101, 2 * BLOCK + 1);
    assert_int_equal(store_count(t, NODE_AUDIT), 1 + BLOCK + 1);
    assert_int_equal(bad_of(t), BLOCK + 9);
    add_some(t, 2 * BLOCK + 2, 3 * BLOCK);
    assert_int_equal(store_count(t, NODE_AUDIT), 1 + BLOCK + 1);
    assert_int_equal(bad_of(t), BLOCK + 9);
    txn_abort(t);

    t = writing(s);
    delete_block(t, BLOCK + 9);
    add_some(t, BLOCK + 101, 2 * BLOCK);
    assert_int_equal(store_count(t, NODE_AUDIT), 1 + BLOCK - 1);
    assert_int_equal(bad_of(t), BLOCK + 9);
    txn_abort(t);
    store_close(s);
}

/* ---- what the other side sees */

static struct audit_say say_of(struct txn *t, uint64_t asked) {
    struct audit_say say = {.mine.head = head_of(t), .asked = asked};
    audit_hash_at(t, &audit_node, asked, &say.asked_hash);
    return say;
}

static enum audit_verdict judged(struct txn *t, const struct audit_head *kept) {
    struct audit_say say = say_of(t, kept->n);
    return audit_judge(kept, &say);
}

static void the_other_side_sees_it(void **state) {
    (void)state;
    struct store *s = log_of(BLOCK + 20);
    struct txn *t = writing(s);
    struct audit_head kept = head_of(t);
    assert_int_equal(judged(t, &kept), AUDIT_EXTENDS);
    add_some(t, BLOCK + 21, 3 * BLOCK);
    assert_int_equal(judged(t, &kept), AUDIT_EXTENDS);
    assert_int_equal(txn_commit(t), 0);

    t = writing(s);
    cut(t, 30);
    assert_int_equal(judged(t, &kept), AUDIT_CUT);
    audit_life(t, &audit_node, NOW, "restored");
    assert_int_equal(judged(t, &kept), AUDIT_RESTORED);
    add_some(t, 32, 3 * BLOCK + 9); /* longer than it was */
    assert_int_equal(judged(t, &kept), AUDIT_RESTORED);
    txn_abort(t);

    t = writing(s);
    rewrite(t, 9, true);
    assert_int_equal(judged(t, &kept), AUDIT_REWRITTEN);
    txn_abort(t);

    t = writing(s); /* a new life that lost nothing goes on */
    audit_life(t, &audit_node, NOW, "restored");
    assert_int_equal(judged(t, &kept), AUDIT_EXTENDS);
    assert_int_equal(bad_of(t), 0);
    struct audit_say say = say_of(t, 3); /* it answers for something else */
    assert_int_equal(audit_judge(&kept, &say), AUDIT_UNPROVEN);
    say.mine.head = kept;
    assert_int_equal(audit_judge(&kept, &say), AUDIT_EXTENDS);
    say.mine.head.hash.b[3] ^= 1;
    assert_int_equal(audit_judge(&kept, &say), AUDIT_REWRITTEN);
    struct audit_head none = {.n = 0};
    assert_int_equal(audit_judge(&none, &say), AUDIT_EXTENDS);
    txn_abort(t);
    store_close(s);
}

/* ---- damage, and letting go */

static void a_damaged_log_goes_on_in_a_new_life(void **state) {
    (void)state;
    struct store *s = log_of(BLOCK + 20);
    struct txn *t = writing(s);
    struct audit_head before = head_of(t), after;
    flip(t, NODE_AUDIT, key_u64(BLOCK + 20));
    assert_false(audit_head(t, &audit_node, &after));
    add_some(t, 5000, 5000);
    after = head_of(t);
    assert_false(id_equal(&before.life, &after.life));
    assert_int_equal(after.n, BLOCK + 20 + LIMIT_AUDIT_BLOCK_ENTRIES + 1);
    assert_int_equal(bad_of(t), BLOCK + 20);
    assert_int_equal(judged(t, &before), AUDIT_RESTORED);
    txn_abort(t);

    t = writing(s);
    flip(t, NODE_META, key_word("audit"));
    add_some(t, 5000, 5000);
    after = head_of(t);
    assert_false(id_equal(&before.life, &after.life));
    assert_int_equal(after.n, BLOCK + 22);
    assert_int_equal(bad_of(t), 0); /* the chain itself lost nothing */
    assert_int_equal(judged(t, &before), AUDIT_EXTENDS);
    txn_abort(t);
    store_close(s);
}

static void what_is_too_old_goes_and_the_chain_holds(void **state) {
    (void)state;
    struct store *s = log_of(4 * BLOCK + 3);
    struct txn *t = writing(s);
    struct audit_head head = head_of(t), now;
    struct hash h;
    keep_own(t, 20, NOW);
    keep_own(t, 3 * BLOCK + 1, NOW + DAY);
    audit_trim(t, &audit_node, NOW + 1000, 8);
    assert_int_equal(store_count(t, NODE_AUDIT), 4 + 3);
    audit_trim(t, &audit_node, NOW + (2 * BLOCK + 5) * 1000, 1);
    assert_int_equal(store_count(t, NODE_AUDIT), 3 + 3);
    audit_trim(t, &audit_node, NOW + (2 * BLOCK + 5) * 1000, 8);
    assert_int_equal(store_count(t, NODE_AUDIT), 2 + 3);
    struct audit_checked c;
    audit_verify(t, &audit_node, &c);
    assert_int_equal(c.bad, 0);
    assert_int_equal(c.first, 2 * BLOCK + 1);
    assert_int_equal(c.last, 4 * BLOCK + 3);
    assert_int_equal(c.heads, 1);
    buffer_close(&c.what);
    now = head_of(t);
    assert_true(now.n == head.n && hash_equal(&now.hash, &head.hash));
    assert_true(audit_hash_at(t, &audit_node, 2 * BLOCK, &h));
    assert_false(audit_hash_at(t, &audit_node, 2 * BLOCK - 1, &h));
    audit_trim(t, &audit_node, UINT64_MAX, 100);
    assert_int_equal(store_count(t, NODE_AUDIT), 3); /* what is not packed stays */
    assert_int_equal(bad_of(t), 0);
    for (uint64_t n = 1; n <= 3; n++)
        delete_block(t, 4 * BLOCK + n);
    add_some(t, 9000, 9000); /* and the next goes where it would have gone */
    assert_int_equal(head_of(t).n, 4 * BLOCK + 1);
    txn_abort(t);
    store_close(s);
}

static int heads_each(void *owner, const struct audit_kept *k) {
    struct buffer *b = owner;
    buffer_u64be(b, k->told.head.n);
    return 0;
}

static uint64_t heads_of(struct txn *t, uint32_t node) {
    CLEANUP(buffer_close) struct buffer b = {0};
    audit_kept_each(t, &audit_hub, node, heads_each, &b);
    return b.len / 8;
}

static void heads_are_kept_and_thinned(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_hub_own, test_seal());
    struct txn *t = writing(s);
    struct audit_kept k = {.told.head.life = {{1}}}, last;
    for (uint64_t day = 0; day < 400; day++)
        for (uint64_t i = 0; i < 3; i++) {
            k.told.head.n = 10 * day + i;
            k.heard = (20000 + day) * DAY + i;
            audit_keep(t, &audit_hub, 7, &k);
        }
    assert_int_equal(heads_of(t, 6) + heads_of(t, 8), 0);
    assert_true(heads_of(t, 7) > 36 + 11 && heads_of(t, 7) < 36 + 14);
    assert_true(audit_kept_last(t, &audit_hub, 7, &last));
    assert_int_equal(last.told.head.n, 3992);
    assert_false(audit_kept_last(t, &audit_hub, 8, &last));

    assert_false(audit_break_get(t, &audit_hub, 7, &last));
    k.verdict = AUDIT_CUT;
    audit_break_put(t, &audit_hub, 7, &k);
    k.told.head.n = 5;
    k.verdict = AUDIT_RESTORED;
    audit_break_put(t, &audit_hub, 7, &k);
    assert_true(audit_break_get(t, &audit_hub, 7, &last));
    assert_true(last.told.head.n == 3992 && last.verdict == AUDIT_RESTORED);
    assert_true(audit_kept_last(t, &audit_hub, 7, &last));
    assert_int_equal(last.told.head.n, 3992);
    audit_break_settle(t, &audit_hub, 7);
    assert_false(audit_break_get(t, &audit_hub, 7, &last));
    assert_true(audit_kept_last(t, &audit_hub, 7, &last));
    txn_abort(t);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(a_time_span_is_found),
        cmocka_unit_test(every_hash_is_found_again),
        cmocka_unit_test(no_two_chains_are_alike),
        cmocka_unit_test(tampering_is_seen),
        cmocka_unit_test(packing_makes_nothing_right),
        cmocka_unit_test(the_other_side_sees_it),
        cmocka_unit_test(a_damaged_log_goes_on_in_a_new_life),
        cmocka_unit_test(what_is_too_old_goes_and_the_chain_holds),
        cmocka_unit_test(heads_are_kept_and_thinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
