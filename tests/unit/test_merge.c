/* Merge over all orders of small histories, causal and acausal, with and without one change repeated, against the set of changes itself. */
#include "common/base/random.h"
#include "common/model/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CHANGES = 6, HISTORIES = 600, FIELD = 16 };

struct history {
    struct change changes[CHANGES];
    struct op ops[CHANGES];
    struct name names[CHANGES][CHANGES];
    uint8_t values[CHANGES][3];
    size_t count;
};

/* Each change names a random part of all others before it (causal), or of all others whatever their place (acausal). */
static void make(struct history *h, struct random *chance, bool acausal) {
    memset(h, 0, sizeof *h);
    h->count = 2 + random_below(chance, CHANGES - 1);
    for (size_t i = 0; i < h->count; i++) {
        struct op *o = &h->ops[i];
        h->values[i][0] = 0x0a;
        h->values[i][1] = 1;
        h->values[i][2] = (uint8_t)('a' + i);
        o->field = FIELD;
        o->names = h->names[i];
        for (size_t k = 0; k < (acausal ? h->count : i); k++)
            if (k != i && random_below(chance, 2) == 0)
                h->names[i][o->name_count++] = (struct name){(uint32_t)(k % 3), 100 + k};
        uint64_t kind = random_below(chance, 10);
        o->kind = kind < 6 ? OP_SET : kind < 8 || o->name_count == 0 ? OP_ADD : OP_REMOVE;
        if (o->kind == OP_ADD)
            o->name_count = 0;
        if (o->kind != OP_REMOVE)
            o->value = bytes_of(h->values[i], 3);
        h->changes[i] = (struct change){
            .seq = i + 1,
            .version = {10 * (i + 1), (uint32_t)(i % 3)},
            .name = {(uint32_t)(i % 3), 100 + i},
            .type = 40,
            .ops = o,
            .op_count = 1};
        assert_null(change_check(&h->changes[i]));
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

/* The field as a function of the set: what no change names. */
static void expect(const struct history *h, const struct record *r) {
    const struct field *f = record_field(r, FIELD);
    size_t heads = 0, elements = 0;
    for (size_t i = 0; i < h->count; i++) {
        bool gone = false;
        for (size_t k = 0; k < h->count; k++)
            for (size_t n = 0; n < h->ops[k].name_count; n++)
                gone = gone || name_equal(h->ops[k].names[n], h->changes[i].name);
        heads += !gone && h->ops[i].kind == OP_SET;
        elements += !gone && h->ops[i].kind == OP_ADD;
        bool there = false;
        for (size_t k = 0; k < f->head_count; k++)
            there = there || name_equal(f->heads[k].name, h->changes[i].name);
        for (size_t k = 0; k < f->element_count; k++)
            there = there || name_equal(f->elements[k].name, h->changes[i].name);
        assert_true(there == (!gone && h->ops[i].kind != OP_REMOVE));
    }
    assert_int_equal(f->head_count, heads);
    assert_int_equal(f->element_count, elements);
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

static void orders(bool acausal) {
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        struct history h;
        struct random chance;
        random_seed(&chance, seed);
        make(&h, &chance, acausal);
        print_message("seed %u\n", (unsigned)seed);
        all_orders(&h, CHANGES);
        all_orders(&h, random_below(&chance, h.count));
    }
}

static void causal_orders(void **state) {
    (void)state;
    orders(false);
}

static void acausal_orders(void **state) {
    (void)state;
    orders(true);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causal_orders),
        cmocka_unit_test(acausal_orders),
        cmocka_unit_test(a_copy_leaves_out_what_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
