/* Points: the same total in every order, explained row by row, never below zero. */
#include "tests/support/rule_kit.h"

#include "common/base/random.h"
#include "common/catalogue/points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
    struct rule_kit *t = malloc(sizeof *t);
    kit_open(t);
    *state = t;
    return 0;
}

static int teardown(void **state) {
    kit_close(*state);
    free(*state);
    return 0;
}

#define INDEX(name, counts, points, cap)                                                                                                   \
    "  - {index: " name ", zh: 甲, counts: " counts ", unit: year, points: " points ", cap: " cap ", evidence: [proof]}\n"
#define SCHEDULE(cap, indices) "kind: points_schedule\nname: city\npublished: 2025-01-01\ncap: " cap "\nindices:\n" indices
#define THREE(a, b) INDEX("live", "residence", a, b) INDEX("work", "employment", "1", "10") INDEX("insured", "insurance", "1.5", "15")

static struct points_entry entry(unsigned id, const char *index, int64_t version, int64_t points) {
    struct points_entry e = {.schedule = "city", .index = index, .version = version, .points = points};
    e.id.b[14] = (uint8_t)(id >> 8);
    e.id.b[15] = (uint8_t)id;
    return e;
}

static struct points_entry reversal(unsigned id, const struct points_entry *of) {
    struct points_entry e = *of;
    e.id.b[14] = (uint8_t)(id >> 8);
    e.id.b[15] = (uint8_t)id;
    e.reverses = of->id;
    return e;
}

static int64_t total(struct rule_kit *t, const struct points_entry *all, size_t count) {
    struct points_total out;
    points_count(&t->rules, all, count, &out);
    int64_t sum = 0;
    for (size_t i = 0; i < out.count; i++)
        sum += out.rows[i].counted;
    assert_int_equal(sum, out.total); /* the explanation adds up */
    assert_true(out.total >= 0);
    int64_t is = out.total;
    points_close(&out);
    return is;
}

static void caps(void **state) {
    struct rule_kit *t = *state;
    kit_add(t, 1, SCHEDULE("22", THREE("2", "6")));
    struct points_entry all[] = {
        entry(1, "live", 1, 400), entry(2, "live", 1, 400), entry(3, "work", 1, 300), entry(4, "insured", 1, 1500)};
    assert_int_equal(total(t, all, 0), 0);
    assert_int_equal(total(t, all, 1), 400);
    assert_int_equal(total(t, all, 2), 600);
    assert_int_equal(total(t, all, 3), 900);
    assert_int_equal(total(t, all, 4), 2200);
    assert_int_equal(points_current(&t->rules)->count, 3);
    assert_int_equal(points_index_of(&t->rules, "city", 1, "insured")->points, 150);
    assert_null(points_index_of(&t->rules, "city", 2, "insured"));
}

static void reversals(void **state) {
    struct rule_kit *t = *state;
    struct points_total out;
    kit_add(t, 1, SCHEDULE("100", THREE("2", "6")));
    struct points_entry all[6] = {entry(1, "live", 1, 400), entry(2, "live", 1, -400), entry(3, "live", 1, 100)};
    all[3] = reversal(4, &all[0]);
    all[4] = reversal(5, &all[0]); /* twice is once */
    all[5] = reversal(6, &all[3]); /* a reversal is not taken back: the entry is posted again */
    points_count(&t->rules, all, 6, &out);
    static const enum points_row_kind kinds[] = {POINTS_REVERSED, POINTS_NEGATIVE, POINTS_COUNTED,
                                                 POINTS_REVERSAL, POINTS_REVERSAL, POINTS_REVERSES_NOTHING};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(out.rows[i].kind, kinds[i]);
        assert_true(strlen(points_row_text(out.rows[i].kind)) > 1);
    }
    assert_int_equal(out.total, 100);
    points_close(&out);
    points_close(&out);
    struct points_entry twice[] = {all[2], all[2]};
    assert_int_equal(total(t, twice, 2), 100);
}

/* What was posted under the first version stays explained by it. */
static void versions(void **state) {
    struct rule_kit *t = *state;
    struct points_entry all[] = {entry(1, "live", 1, 600), entry(2, "live", 2, 300), entry(3, "live", 2, 100)};
    struct points_total out;
    kit_add_from(t, 1, "2025-01-01", SCHEDULE("100", THREE("2", "6")));
    kit_add_from(t, 2, "2026-01-01", SCHEDULE("100", THREE("1", "3")));
    points_count(&t->rules, all, 3, &out);
    assert_int_equal(out.rows[0].index->points, 200);
    assert_int_equal(out.rows[1].index->points, 100);
    assert_int_equal(out.total, 600); /* 6 under the first; the second adds nothing above the higher cap */
    points_close(&out);
    assert_int_equal(total(t, all + 1, 2), 300);
    struct points_entry foreign[] = {entry(1, "live", 7, 999), entry(2, "gone", 1, 1)};
    points_count(&t->rules, foreign, 2, &out);
    assert_null(out.rows[0].index);
    assert_int_equal(out.total, 1000);
    points_close(&out);
}

/* 10,000 entries, reversals and doubles among them, in any order. */
static void any_order(void **state) {
    struct rule_kit *t = *state;
    enum { ENTRIES = 10000 };
    static const char *const indices[] = {"live", "work", "insured"};
    struct points_entry *all = malloc(ENTRIES * sizeof *all);
    struct random r;
    random_seed(&r, 7);
    kit_add_from(t, 1, "2025-01-01", SCHEDULE("1000000", THREE("2", "3000")));
    kit_add_from(t, 2, "2026-01-01", SCHEDULE("1000000", THREE("3", "2500")));
    for (unsigned i = 0; i < ENTRIES; i++) {
        all[i] = entry(i + 1, indices[random_below(&r, 3)], 1 + (int64_t)random_below(&r, 2), (int64_t)random_below(&r, 300) - 20);
        if (i > 10 && random_below(&r, 5) == 0)
            all[i] = reversal(i + 1, &all[random_below(&r, i)]);
        else if (i > 10 && random_below(&r, 50) == 0)
            all[i] = all[random_below(&r, i)];
    }
    int64_t first = total(t, all, ENTRIES);
    assert_true(first > 0 && first <= 300000 + 1000 + 1500); /* all three caps */
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = ENTRIES - 1; i > 0; i--) {
            size_t at = random_below(&r, i + 1);
            struct points_entry kept = all[i];
            all[i] = all[at];
            all[at] = kept;
        }
        assert_int_equal(total(t, all, ENTRIES), first);
    }
    free(all);
}

static void wrong_schedules(void **state) {
    struct rule_kit *t = *state;
    kit_refuses(
        t, SCHEDULE("100", INDEX("live", "residence", "2", "6")),
        "kit:6:3: no index counts employment; a schedule must\nkit:6:3: no index counts insurance; a schedule must\n");
    kit_refuses(t, SCHEDULE("100", THREE("-2", "6")), "points below zero: this system takes nothing away from people\n");
    kit_refuses(t, SCHEDULE("100", THREE("7", "6")), "kit:6:73: cap is below the points of one unit\n");
    kit_refuses(t, SCHEDULE("100", THREE("2", "6") INDEX("fine", "other", "-1", "0")), "points below zero");
    kit_refuses(
        t, SCHEDULE("100", THREE("2", "6") INDEX("deduction", "other", "1", "1")), "deduction: there are no deductions and no vetoes\n");
    kit_refuses(t, SCHEDULE("-5", THREE("2", "6")), "kit:4:6: cap below zero: this system takes nothing away from people\n");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(caps), TEST(reversals), TEST(versions), TEST(any_order), TEST(wrong_schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
