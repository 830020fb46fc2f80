/* Documents put into a catalogue's text, and what a new catalogue must keep of the one before. */
#include "common/catalogue/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char one[] = "kind: record_type\nnumber: 40\nname: One\nzh: 一\nfields:\n"
                          "  - {number: 16, name: a, zh: 甲, kind: text}\n  - {number: 17, name: b, zh: 乙, kind: date}\n";
static const char two[] = "kind: record_type\nnumber: 41\nname: Two\nzh: 二\nfields:\n  - {number: 16, name: a, zh: 甲, kind: text}\n";

static void read_all(struct catalogue *k, const struct buffer *text) {
    struct complaints c = {.count = 0};
    assert_true(catalogue_add_all(k, buffer_bytes(text), &c));
    complaints_close(&c);
}

static void documents_take_their_place(void **unused) {
    (void)unused;
    struct buffer all = {0};
    struct catalogue k = {.types = NULL};
    catalogue_put(&all, bytes_text(one));
    catalogue_put(&all, bytes_text(two));
    catalogue_put(&all, bytes_text("kind: record_type\nnumber: 40\nname: One\nzh: 壹\nfields: []\n"));
    read_all(&k, &all);
    assert_int_equal(k.type_count, 2);
    assert_string_equal(catalogue_type(&k, "One")->zh, "壹");
    assert_string_equal(k.types[0].name, "One");
    catalogue_close(&k);
    buffer_close(&all);
}

/* `now` in the place of `one`: how many complaints? */
static unsigned kept(const char *now) {
    struct buffer before = {0}, after = {0};
    struct catalogue old = {.types = NULL}, new = {.types = NULL};
    struct complaints c = {.count = 0};
    catalogue_put(&before, bytes_text(one));
    read_all(&old, &before);
    catalogue_put(&after, bytes_text(now));
    read_all(&new, &after);
    bool good = catalogue_keeps(&old, &new, &c);
    unsigned count = c.count;
    assert_int_equal(good, count == 0);
    complaints_close(&c);
    catalogue_close(&old);
    catalogue_close(&new);
    buffer_close(&before);
    buffer_close(&after);
    return count;
}

#define TYPE(number, name, fields) "kind: record_type\nnumber: " number "\nname: " name "\nzh: 一\nfields:\n" fields
#define A "  - {number: 16, name: a, zh: 甲, kind: text}\n"
#define B "  - {number: 17, name: b, zh: 乙, kind: date}\n"

static void numbers_are_for_ever(void **unused) {
    (void)unused;
    assert_int_equal(kept(one), 0);
    assert_int_equal(kept(TYPE("40", "One", A B "  - {number: 18, name: c, zh: 丙, kind: flag}\n")), 0);
    assert_int_equal(kept(TYPE("40", "One", A)), 1);
    assert_int_equal(kept(TYPE("40", "One", A "  - {number: 17, name: b, zh: 乙, kind: text}\n")), 1);
    assert_int_equal(kept(TYPE("40", "One", A "  - {number: 18, name: b, zh: 乙, kind: date}\n")), 1);
    assert_int_equal(kept(TYPE("40", "Other", A B)), 1);
    assert_int_equal(kept(TYPE("42", "One", A B)), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(documents_take_their_place), cmocka_unit_test(numbers_are_for_ever)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
