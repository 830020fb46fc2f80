/* Merge over all orders of small histories, causal and acausal, with and without one change repeated, against the set of changes itself. */
#include "common/base/random.h"
#include "common/model/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CHANGES = 6, HISTORIES = 600, WIDE_HISTORIES = 300, FIELD = 16, FIELDS = 3, OPS = 2 * FIELDS };

struct history {
    struct change changes[CHANGES];
    struct op ops[CHANGES][OPS];
    struct name names[CHANGES][OPS][CHANGES];
    uint8_t values[CHANGES][3];
    size_t count;
};

enum shape {
    CAUSAL = 0,
    ACAUSAL = 1, /* a change may name those after it */
    WIDE = 2,    /* several operations over several fields, and stamps that are equal but for the node */
};

static struct name name_of(size_t i) {
    return (struct name){(uint32_t)(i % 3), 100 + i};
}

/* One operation of change i: it names a random part of all others before it, or of all others whatever their place. */
static void add_op(struct history *h, struct random *chance, size_t i, uint32_t field, enum op_kind kind, bool acausal) {
    struct change *c = &h->changes[i];
    struct op *o = &h->ops[i][c->op_count];
    struct name *names = h->names[i][c->op_count];
    *o = (struct op){.field = field, .kind = kind, .names = names};
    for (size_t k = 0; kind != OP_ADD && k < (acausal ? h->count : i); k++)
        if (k != i && random_below(chance, 2) == 0)
            names[o->name_count++] = name_of(k);
    if (o->kind == OP_REMOVE && o->name_count == 0)
        return;
    if (o->kind != OP_REMOVE)
        o->value = bytes_of(h->values[i], 3);
    c->op_count++;
}

static void make(struct history *h, struct random *chance, unsigned shape) {
    memset(h, 0, sizeof *h);
    h->count = 2 + random_below(chance, CHANGES - 1);
    for (size_t i = 0; i < h->count; i++) {
        struct change *c = &h->changes[i];
        h->values[i][0] = 0x0a;
        h->values[i][1] = 1;
        h->values[i][2] = (uint8_t)('a' + i);
        uint64_t hlc = (shape & WIDE) != 0 ? 10 + random_below(chance, 3) : 10 * (i + 1);
        *c = (struct change){.seq = i + 1, .version = {hlc, (uint32_t)(i % 3)}, .name = name_of(i), .type = 40, .ops = h->ops[i]};
        while (c->op_count == 0)
            for (uint32_t field = FIELD; field < FIELD + ((shape & WIDE) != 0 ? FIELDS : 1); field++) {
                uint64_t kind = random_below(chance, (shape & WIDE) != 0 ? 14 : 10);
                enum op_kind first = kind < 6 ? OP_SET : kind < 8 ? OP_ADD : OP_REMOVE;
                if (kind < 10 || kind >= 12) /* 10 and 11: this change does not touch the field; above: two operations on it */
                    add_op(h, chance, i, field, first, (shape & ACAUSAL) != 0);
                if (kind >= 12)
                    add_op(h, chance, i, field, kind == 12 ? OP_SET : OP_ADD, (shape & ACAUSAL) != 0);
            }
        assert_null(change_check(c));
    }
}

struct seen {
    struct name names[2 * CHANGES];
    size_t count;
};

static bool has(void *owner, struct name name) {
    const struct seen *s = owner;
    for (size_t i = 0; i < s->count; i++)
        if (name_equal(s->names[i], name))
            return true;
    return false;
}

static bool names(const struct change *c, uint32_t field, struct name name) {
    for (size_t i = 0; i < c->op_count; i++)
        for (size_t n = 0; c->ops[i].field == field && n < c->ops[i].name_count; n++)
            if (name_equal(c->ops[i].names[n], name))
                return true;
    return false;
}

static enum op_kind gives(const struct change *c, uint32_t field) {
    for (size_t i = 0; i < c->op_count; i++)
        if (c->ops[i].field == field && c->ops[i].kind != OP_REMOVE)
            return c->ops[i].kind;
    return OP_REMOVE;
}

static size_t places(const struct head *list, size_t count, struct name name) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += name_equal(list[i].name, name);
    return n;
}

/* A field as a function of the set: what no change names. The head of the highest version wins, by name when two are equal. */
static void expect_field(const struct history *h, const struct record *r, uint32_t number) {
    static const struct field empty;
    const struct field *f = record_field(r, number);
    const struct change *top = NULL;
    if (f == NULL)
        f = &empty;
    for (size_t i = 0; i < h->count; i++) {
        const struct change *c = &h->changes[i];
        enum op_kind kind = gives(c, number);
        bool there = kind != OP_REMOVE;
        for (size_t k = 0; k < h->count; k++)
            there = there && !names(&h->changes[k], number, c->name);
        assert_int_equal(places(f->heads, f->head_count, c->name), there && kind == OP_SET);
        assert_int_equal(places(f->elements, f->element_count, c->name), there && kind == OP_ADD);
        int above = top == NULL ? 1 : version_compare(c->version, top->version);
        if (there && kind == OP_SET && (above > 0 || (above == 0 && name_compare(c->name, top->name) > 0)))
            top = c;
    }
    const struct head *winner = f == &empty ? NULL : field_winner(f);
    assert_true((winner == NULL) == (top == NULL));
    assert_true(top == NULL || name_equal(winner->name, top->name));
}

static void expect(const struct history *h, const struct record *r) {
    for (uint32_t field = FIELD; field < FIELD + FIELDS; field++)
        expect_field(h, r, field);
}

static struct hash apply(const struct history *h, const size_t *order, size_t repeated) {
    struct arena a = {.cap = 0};
    struct record r = {.type = 40};
    struct seen seen = {.count = 0};
    struct merge_history memory = {has, &seen};
    for (size_t i = 0; i < h->count; i++) {
        assert_int_equal(merge_change(&r, &h->changes[order[i]], &memory, &a), 0);
        seen.names[seen.count++] = h->changes[order[i]].name;
        struct change again = h->changes[repeated < h->count ? repeated : 0];
        again.again = true;
        if (repeated < h->count && has(&seen, again.name))
            assert_int_equal(merge_change(&r, &again, &memory, &a), MERGE_REPEATED);
    }
    expect(h, &r);
    struct hash state = record_state_hash(&r);
    arena_close(&a);
    return state;
}

/* Heap's algorithm: every order once. */
static void all_orders(const struct history *h, size_t repeated) {
    size_t order[CHANGES] = {0}, stack[CHANGES] = {0};
    for (size_t i = 0; i < h->count; i++)
        order[i] = i;
    struct hash first = apply(h, order, repeated);
    for (size_t i = 0; i < h->count;) {
        if (stack[i] >= i) {
            stack[i++] = 0;
            continue;
        }
        size_t with = i % 2 == 0 ? 0 : stack[i], kept = order[with];
        order[with] = order[i];
        order[i] = kept;
        struct hash other = apply(h, order, repeated);
        assert_true(hash_equal(&first, &other));
        stack[i]++;
        i = 0;
    }
}

static void orders(unsigned shape, uint64_t histories) {
    for (uint64_t seed = 1; seed <= histories; seed++) {
        struct history h;
        struct random chance;
        random_seed(&chance, seed);
        make(&h, &chance, shape);
        print_message("seed %u\n", (unsigned)seed);
        all_orders(&h, CHANGES);
        all_orders(&h, random_below(&chance, h.count));
    }
}

static void causal_orders(void **state) {
    (void)state;
    orders(CAUSAL, HISTORIES);
}

static void acausal_orders(void **state) {
    (void)state;
    orders(ACAUSAL, HISTORIES);
}

static void causal_orders_of_many_operations(void **state) {
    (void)state;
    orders(CAUSAL | WIDE, WIDE_HISTORIES);
}

static void acausal_orders_of_many_operations(void **state) {
    (void)state;
    orders(ACAUSAL | WIDE, WIDE_HISTORIES);
}

/* ---- versions */

static void versions_are_one_order(void **state) {
    (void)state;
    const struct version rising[] = {{0, 0},         {0, UINT32_MAX},    {1, 0},          {1, 7},
                                     {HLC_MS(1), 3}, {HLC_MS(1) + 1, 2}, {UINT64_MAX, 0}, {UINT64_MAX, 1}};
    size_t count = sizeof rising / sizeof *rising;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            assert_int_equal(version_compare(rising[i], rising[k]), (i > k) - (i < k));
}

static void stamps_rise_whatever_the_clock_does(void **state) {
    (void)state;
    assert_true(hlc_next(0, 5) == HLC_MS(5));                  /* the clock is ahead: its time, counter 0 */
    assert_true(hlc_next(HLC_MS(5), 5) == HLC_MS(5) + 1);      /* the same millisecond: counted */
    assert_true(hlc_next(HLC_MS(9) + 3, 5) == HLC_MS(9) + 4);  /* the clock went back: the last stamp counts on */
    assert_true(hlc_next(HLC_MS(5) + 0xffff, 5) == HLC_MS(6)); /* a full counter runs over into the next millisecond */
    assert_true(hlc_next(HLC_MS(5) + 0xffff, 6) == HLC_MS(6) + 0 && hlc_ms(HLC_MS(6)) == 6);
    struct random chance;
    random_seed(&chance, 1);
    uint64_t last = 0;
    for (unsigned i = 0; i < 100000; i++) {
        wall_ms now = 1000 + random_below(&chance, 50);
        uint64_t next = hlc_next(last, now);
        assert_true(next > last && hlc_ms(next) >= now);
        last = next;
    }
}

/* A node's copy has no memory: a change that a head of it replaced already is left out. */
static void a_copy_leaves_out_what_is_replaced(void **state) {
    struct arena a = {.cap = 0};
    struct record r = {.type = 40};
    struct name old = {1, 5};
    struct op newer = {.field = FIELD, .kind = OP_SET, .value = BYTES("\x0a\x01n"), .names = &old, .name_count = 1};
    struct op older = {.field = FIELD, .kind = OP_SET, .value = BYTES("\x0a\x01o")};
    struct change c = {.seq = 2, .version = {20, 1}, .name = {1, 6}, .type = 40, .ops = &newer, .op_count = 1};
    (void)state;
    assert_int_equal(merge_change(&r, &c, NULL, &a), 0);
    c.name = old;
    c.version.hlc = 10;
    c.ops = &older;
    assert_int_equal(merge_change(&r, &c, NULL, &a), 0);
    assert_int_equal(record_field(&r, FIELD)->head_count, 1);
    assert_int_equal(field_winner(record_field(&r, FIELD))->name.tag, 6);
    arena_close(&a);
}

/* What a base copy keeps of a field, and nothing less, makes two of them equal: an entry of the feed that says the same is not laid. */
static void fields_are_equal_as_a_copy_keeps_them(void **state) {
    (void)state;
    struct name other[2] = {name_of(8), name_of(9)}, replaced[2] = {name_of(8), name_of(9)};
    struct head head = {.version = {7, 1}, .name = name_of(1), .value = BYTES("one"), .replaces = other, .replace_count = 2};
    struct head b_head = head, b_element = head;
    struct field a = {.number = FIELD, .heads = &head, .head_count = 1, .elements = &head, .element_count = 1};
    struct field b = {.number = FIELD, .heads = &b_head, .head_count = 1, .elements = &b_element, .element_count = 1};
    b_head.replaces = replaced;
    b.early = other; /* the hub's only */
    b.early_count = 1;
    b.feed_seq = 12;
    assert_true(field_equal(&a, &b));
    for (int i = 0; i < 9; i++) {
        struct field was = b;
        struct head was_head = b_head;
        b.number += i == 0;
        b.head_count -= i == 1;
        b.element_count -= i == 2;
        b_head.version.hlc += i == 3;
        b_head.version.node += i == 4;
        b_head.name = i == 5 ? name_of(2) : b_head.name;
        b_head.value = i == 6 ? BYTES("two") : b_head.value;
        b_head.replace_count -= i == 7;
        b_element.value = i == 8 ? BYTES("two") : b_element.value;
        assert_false(field_equal(&a, &b));
        b = was;
        b_head = was_head;
    }
    b_element = head;
    replaced[1] = name_of(10);
    assert_false(field_equal(&a, &b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causal_orders),
        cmocka_unit_test(acausal_orders),
        cmocka_unit_test(causal_orders_of_many_operations),
        cmocka_unit_test(acausal_orders_of_many_operations),
        cmocka_unit_test(versions_are_one_order),
        cmocka_unit_test(stamps_rise_whatever_the_clock_does),
        cmocka_unit_test(a_copy_leaves_out_what_is_replaced),
        cmocka_unit_test(fields_are_equal_as_a_copy_keeps_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
