/* What the hub holds by the show rules of fields: learnt from the policies that its fold merges, the same when the log is folded again. */
#include "common/catalogue/policy.h"
#include "common/engine/write_rules.h"
#include "tests/support/hub_city.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FREE = 30, OWN, ADDS, LEDGER };

static void publish(struct city *y, const char *rule_of_own) {
    char body[512];
    snprintf(
        body, sizeof body,
        "kind: record_type\nnumber: %u\nname: Thing\nzh: 物\nfields:\n  - {number: %d, name: a, zh: 甲, kind: text}\n"
        "  - {number: %d, name: b, zh: 乙, kind: text, rule: %s}\n  - {number: %d, name: c, zh: 丙, kind: text, rule: set}\n"
        "  - {number: %d, name: d, zh: 丁, kind: text, rule: ledger}\n",
        CITY_TYPE, FREE, OWN, rule_of_own, ADDS, LEDGER);
    struct op ops[POLICY_OPS];
    struct policy p = {.kind = BYTES("record_type"), .name = BYTES("Thing"), .version = 1, .to = POLICY_NEVER, .body = bytes_text(body)};
    p.size = p.body.len;
    p.hash = hash_of(p.body);
    struct change c = {.type = TYPE_POLICY, .record = city_id(1000 + y->change_count), .ops = ops};
    c.op_count = policy_ops(&p, &y->arena, ops);
    city_say_change(y, 0, &c);
    city_merge(y, 100);
}

static struct name say(
    struct city *y, uint32_t node, uint32_t field, enum op_kind kind, const char *text, const struct name *names, size_t n) {
    struct op op = city_op(field, kind, text == NULL ? (struct bytes){NULL, 0} : city_text(y, text), names, n);
    struct name made = city_say(y, node, 1, &op, 1);
    city_merge(y, 100);
    return made;
}

/* Of a node's last change. */
static enum verdict verdict(struct city *y, uint32_t node) {
    enum verdict why = VERDICT_MERGED;
    return city_held(y, node, y->writers[node].seq, &why) ? why : VERDICT_MERGED;
}

static void open_both(struct city *y) {
    city_open(y, 7, NULL);
    y->learn = write_rules_learn;
    city_create(y, 1, 1);
    struct op take = city_op(FIELD_SHARED, OP_ADD, city_area(y, city_home(2)), NULL, 0);
    city_say(y, 2, 1, &take, 1);
    city_merge(y, 100);
}

static void only_ones_own(void **unused) {
    struct city y;
    (void)unused;
    open_both(&y);
    publish(&y, "once");
    struct name first = say(&y, 1, OWN, OP_SET, "first", NULL, 0);
    say(&y, 2, OWN, OP_SET, "beside it", NULL, 0);
    assert_int_equal(verdict(&y, 2), VERDICT_MERGED);
    say(&y, 2, OWN, OP_SET, "in its place", &first, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_RULE);
    say(&y, 2, OWN, OP_REMOVE, NULL, &first, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_RULE);
    say(&y, 1, OWN, OP_SET, "put right", &first, 1);
    assert_int_equal(verdict(&y, 1), VERDICT_MERGED);
    say(&y, 1, OWN, OP_ADD, "added", NULL, 0);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    struct name shared = say(&y, 1, FREE, OP_SET, "a", NULL, 0);
    say(&y, 2, FREE, OP_SET, "b", &shared, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_MERGED);
    struct name heads[8];
    size_t count = city_names(&y, 1, OWN, heads, 8);
    assert_int_equal(count, 2);
    say(&y, 0, OWN, OP_SET, "the city", heads, count); /* which may */
    assert_int_equal(city_names(&y, 1, OWN, heads, 8), 1);
    city_verify(&y);
    city_close(&y);
}

static void only_added(void **unused) {
    struct city y;
    (void)unused;
    open_both(&y);
    publish(&y, "hub");
    struct name element = say(&y, 1, ADDS, OP_ADD, "one", NULL, 0), entry = say(&y, 1, LEDGER, OP_ADD, "1", NULL, 0);
    assert_int_equal(verdict(&y, 1), VERDICT_MERGED);
    say(&y, 1, ADDS, OP_SET, "two", NULL, 0);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    say(&y, 2, ADDS, OP_REMOVE, NULL, &element, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_MERGED);
    say(&y, 2, LEDGER, OP_REMOVE, NULL, &entry, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_RULE);
    say(&y, 1, LEDGER, OP_SET, "2", NULL, 0);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    city_verify(&y);
    city_close(&y);
}

/* Before anything is known of the type everything goes; what was given once stays, whatever a later version says. */
static void given_once(void **unused) {
    struct city y;
    (void)unused;
    open_both(&y);
    struct name first = say(&y, 1, OWN, OP_SET, "first", NULL, 0), again;
    again = say(&y, 2, OWN, OP_SET, "second", &first, 1);
    assert_int_equal(verdict(&y, 2), VERDICT_MERGED);
    publish(&y, "max");
    say(&y, 1, OWN, OP_SET, "third", &again, 1);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    publish(&y, "last");
    say(&y, 1, OWN, OP_SET, "fourth", &again, 1);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    publish(&y, "set");
    say(&y, 2, OWN, OP_SET, "beside it", NULL, 0);
    assert_int_equal(verdict(&y, 2), VERDICT_MERGED);
    say(&y, 1, OWN, OP_SET, "fifth", &again, 1);
    assert_int_equal(verdict(&y, 1), VERDICT_RULE);
    /* A person has looked at it, and orders it. */
    city_order(&y, LOG_RETRY, 1, y.writers[1].seq);
    city_merge(&y, 100);
    assert_int_equal(verdict(&y, 1), VERDICT_MERGED);
    assert_true(city_text_is(&y, 1, OWN, "fifth"));
    city_verify(&y);
    city_close(&y);
}

/* The same log, folded anew in stretches of other sizes: the same records, the same held. */
static void a_replay_says_the_same(void **unused) {
    struct city y;
    struct random chance;
    (void)unused;
    random_seed(&chance, 11);
    open_both(&y);
    struct store *beginning = store_memory_copy(y.state);
    for (unsigned i = 0; i < 200; i++) {
        static const uint32_t fields[] = {FREE, OWN, ADDS, LEDGER};
        uint32_t node = 1 + (uint32_t)random_below(&chance, 2), field = fields[random_below(&chance, 4)];
        struct name names[8];
        size_t count = random_below(&chance, 2) == 0 ? 0 : city_names(&y, 1, field, names, 8);
        enum op_kind kind = count > 0 && random_below(&chance, 3) == 0 ? OP_REMOVE : random_below(&chance, 2) == 0 ? OP_SET : OP_ADD;
        say(&y, node, field, kind, kind == OP_REMOVE ? NULL : "v", names, kind == OP_ADD ? 0 : count);
        if (i == 30)
            publish(&y, "min");
    }
    assert_true(city_place(&y).held > 20);
    struct buffer before = {0}, after = {0};
    city_sweep(&y, 0);
    city_dump(y.state, &shape_hub_state, &before);
    for (uint32_t limit = 1; limit < 400; limit = 3 * limit + 1) {
        store_close(y.state);
        y.state = store_memory_copy(beginning);
        city_merge(&y, limit);
        city_sweep(&y, 0);
        buffer_clear(&after);
        city_dump(y.state, &shape_hub_state, &after);
        assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
    }
    store_close(beginning);
    city_verify(&y);
    buffer_close(&before);
    buffer_close(&after);
    city_close(&y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ones_own),
        cmocka_unit_test(only_added),
        cmocka_unit_test(given_once),
        cmocka_unit_test(a_replay_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
