/* A node's store by itself: what a Welcome may not do, and that edits come back as they were made. */
#include "common/model/value.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store *begun(area *home) {
    struct store *s = store_memory(&shape_node);
    struct txn *t;
    struct id16 life;
    memset(life.b, 7, sizeof life.b);
    assert_true(area_parse(BYTES("650203001001"), home));
    assert_int_equal(store_write(s, &t), 0);
    node_begin(t, 1, home, 1, &life);
    assert_int_equal(txn_commit(t), 0);
    return s;
}

static int welcome(struct store *s, uint64_t counter, uint64_t random, uint64_t acked) {
    struct welcome *m = calloc(1, sizeof *m);
    struct txn *t;
    m->session = 9;
    m->protocol = 1;
    m->clock = 1750000000000;
    m->cursor.epoch = (struct epoch){counter, random};
    m->load = true;
    m->life_count = 1;
    memset(m->lives[0].incarnation.b, 7, sizeof m->lives[0].incarnation.b);
    m->lives[0].acked = acked;
    assert_int_equal(store_write(s, &t), 0);
    int r = node_welcome(t, m, 1750000000000);
    assert_int_equal(txn_commit(t), 0);
    free(m);
    return r;
}

static void an_older_epoch_is_not_followed(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(welcome(s, 10, 1, 0), 0); /* the same one again */
    assert_int_equal(welcome(s, 5, 9, 0), NODE_WELCOME_STALE);
    assert_int_equal(welcome(s, 10, 2, 0), NODE_WELCOME_STALE);
    assert_int_equal(welcome(s, 11, 0, 0), 0);
    store_close(s);
}

static void a_hub_that_has_more_than_this_disk(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 3), NODE_WELCOME_RESTORED);
    store_close(s);
}

static void edits_come_back(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct txn *t;
    struct arena a = {0};
    struct record r;
    struct buffer area_bytes = {0}, text = {0};
    bool pending;
    value_pack(&(struct value){.kind = VALUE_AREA, .area = home}, &area_bytes);
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES("甲")}, &text);
    struct op ops[] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = buffer_bytes(&area_bytes)},
        {.field = 16, .kind = OP_SET, .value = buffer_bytes(&text)}};
    struct edit e = {.type = 40, .ops = ops, .op_count = 2, .replace_all = true, .tag = 5, .salt = 6};
    struct change out;
    const char *why;
    memset(e.record.b, 3, sizeof e.record.b);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        e.tag = seq;
        assert_int_equal(store_write(s, &t), 0);
        assert_int_equal(node_edit(t, &e, 1750000000000, &out, &why), 0);
        assert_int_equal(out.seq, seq);
        assert_int_equal(txn_commit(t), 0);
    }
    assert_int_equal(store_read(s, &t), 0);
    assert_int_equal(node_record(t, 40, &e.record, &a, &r, &pending), 0);
    assert_true(pending);
    assert_int_equal(record_field(&r, 16)->head_count, 1); /* each SET replaced the one before */
    assert_int_equal(record_field(&r, 16)->heads[0].name.tag, 3);
    assert_true(bytes_equal(field_winner(record_field(&r, 16))->value, buffer_bytes(&text)));
    txn_abort(t);
    arena_close(&a);
    buffer_close(&area_bytes);
    buffer_close(&text);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_epoch_is_not_followed),
        cmocka_unit_test(a_hub_that_has_more_than_this_disk),
        cmocka_unit_test(edits_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
