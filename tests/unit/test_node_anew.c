/* A cloned disk that becomes another node: what is said again, in whose name, and what is left behind. */
#include "common/model/value.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1750000000 };

static struct id16 id_of(uint8_t b) {
    struct id16 id;
    memset(id.b, b, sizeof id.b);
    return id;
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static void set(struct store *s, uint8_t record, uint64_t tag) {
    struct buffer value = {0};
    struct change out;
    const char *why;
    value_pack(&(struct value){.kind = VALUE_NUMBER, .number = (int64_t)tag}, &value);
    struct op op = {.field = 16, .kind = OP_SET, .value = buffer_bytes(&value)};
    struct edit e = {.type = 40, .record = id_of(record), .ops = &op, .op_count = 1, .replace_all = true, .tag = tag, .salt = 1};
    struct txn *t = writing(s);
    assert_int_equal(node_edit(t, &e, NOW, &out, &why), 0);
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&value);
}

struct seen {
    uint64_t count, tags[8];
};

static int see(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    struct seen *x = owner;
    struct id16 life = id_of(9);
    (void)held;
    assert_true(id_equal(incarnation, &life));
    assert_int_equal(c->seq, x->count + 1);
    assert_int_equal(c->name.node, 1); /* names are kept */
    assert_int_equal(c->version.node, 2);
    assert_true(c->again);
    assert_int_equal(saved, NOW);
    x->tags[x->count++] = c->name.tag;
    return 0;
}

static void what_a_copy_may_lack_is_said_again(void **state) {
    (void)state;
    area areas[2];
    struct id16 first = id_of(7), second = id_of(9);
    struct node_progress *p = calloc(1, sizeof *p);
    struct seen seen = {.count = 0};
    struct store *s = store_memory(&shape_node, test_seal());
    assert_true(area_parse(BYTES("650299001001"), &areas[0]) && area_parse(BYTES("650299001002"), &areas[1]));
    struct txn *t = writing(s);
    node_begin(t, 1, areas, 1, &first);
    assert_int_equal(txn_commit(t), 0);
    for (uint8_t i = 1; i <= 4; i++)
        set(s, i < 4 ? i : 3, i);

    /* 1 is in every copy, 2 only accepted, 3 and 4 never left this disk. */
    struct ack *ack = calloc(1, sizeof *ack);
    t = writing(s);
    ack->life_count = 1;
    ack->lives[0] = (struct life){.incarnation = first, .acked = 2, .safe = 1};
    assert_true(node_chain(t, &first, 2, &ack->lives[0].acked_hash));
    node_acked(t, ack);
    node_enrol_anew(t, 2, areas + 1, 1, &second);
    assert_int_equal(txn_commit(t), 0);

    assert_int_equal(store_read(s, &t), 0);
    assert_true(node_progress_get(t, p));
    assert_int_equal(p->node, 2);
    assert_int_equal(p->life_count, 1);
    assert_int_equal(p->lives[0].last, 3);
    assert_int_equal(p->lives[0].acked, 0);
    assert_true(p->served_count == 1 && p->served[0] == areas[1] && p->loading_count > 0 && p->nonce == 0);
    node_log_each(t, false, see, &seen);
    assert_int_equal(seen.count, 3);
    assert_true(seen.tags[0] == 2 && seen.tags[1] == 3 && seen.tags[2] == 4);

    struct arena a = {0};
    struct record r;
    struct id16 id = id_of(3), gone = id_of(1);
    bool pending;
    assert_int_equal(node_record(t, 40, &id, &a, &r, &pending), 0); /* its own work stays in view */
    assert_true(pending);
    assert_int_equal(record_field(&r, 16)->head_count, 1);
    assert_int_equal(record_field(&r, 16)->heads[0].name.tag, 4);
    assert_int_equal(node_record(t, 40, &gone, &a, &r, &pending), NODE_RECORD_NONE); /* the rest is loaded */
    struct push push;
    struct buffer raw = {0};
    assert_int_equal(node_batch(t, &second, 0, 10000, &push, &raw), 0);
    assert_int_equal(push.count, 3);
    txn_abort(t);
    buffer_close(&raw);
    arena_close(&a);
    free(ack);
    free(p);
    store_close(s);
}

/* What is damaged is lost alone, counted, and nothing behind it. */
static void damage_is_lost_alone(void **state) {
    (void)state;
    area home;
    struct id16 first = id_of(7), second = id_of(9);
    struct node_progress *p = calloc(1, sizeof *p);
    struct seen seen = {.count = 0};
    struct store *s = store_memory(&shape_node, test_seal());
    assert_true(area_parse(BYTES("650299001001"), &home));
    struct txn *t = writing(s);
    node_begin(t, 1, &home, 1, &first);
    assert_int_equal(txn_commit(t), 0);
    for (uint8_t i = 1; i <= 3; i++)
        set(s, i, i);
    struct key k = key_log(&first, 2);
    t = writing(s);
    txn_put(t, NODE_LOG, key_bytes(&k), BYTES("rotten"));
    node_enrol_anew(t, 2, &home, 1, &second);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(store_read(s, &t), 0);
    assert_true(node_progress_get(t, p));
    assert_int_equal(p->lost_count, 1);
    node_log_each(t, false, see, &seen);
    assert_true(seen.count == 2 && seen.tags[0] == 1 && seen.tags[1] == 3);
    txn_abort(t);
    free(p);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_copy_may_lack_is_said_again),
        cmocka_unit_test(damage_is_lost_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
