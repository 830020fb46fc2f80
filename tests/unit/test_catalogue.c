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
    assert_int_equal(kept(TYPE("40", "One", "  - {number: 16, name: a, zh: 甲, kind: text, rule: last}\n" B)), 0); /* as if not said */
    assert_int_equal(kept(TYPE("40", "One", "  - {number: 16, name: a, zh: 甲, kind: text, rule: once}\n" B)), 1);
    assert_int_equal(kept(TYPE("40", "One", "  - {number: 16, name: a, zh: 乙, kind: text, required: true}\n" B)), 0);
}

/* How many complaints about one document? */
static unsigned wrong(const char *text) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    catalogue_add(&k, "document", bytes_text(text), &c);
    unsigned count = c.count;
    assert_int_equal(k.type_count + k.purpose_count > 0, count == 0);
    catalogue_close(&k);
    complaints_close(&c);
    return count;
}

#define HEADER "scope: \"650203\"\nfrom: 2025-01-01\nto: 2025-12-31\nlegal_basis: 条例\napplies_to_open: true\n"

static void what_a_document_may_say(void **unused) {
    (void)unused;
    assert_int_equal(wrong(HEADER TYPE("40", "One", A)), 0);
    assert_int_equal(
        wrong(HEADER "kind: purposes\nname: purposes\npurposes:\n"
                     "  - {number: 1, name: service, zh: 办理, types: [One], fields: [One.a]}\n"),
        0);
    assert_int_equal(wrong("scopes: x\n" TYPE("40", "One", A)), 1);
    assert_int_equal(wrong("class: secret\n" TYPE("40", "One", A)), 1);
    /* What this system never holds, by its English and its Chinese name. */
    assert_int_equal(wrong(TYPE("40", "One", "  - {number: 16, name: ethnicity, zh: 甲, kind: text}\n")), 1);
    assert_int_equal(wrong(TYPE("40", "One", "  - {number: 16, name: a, zh: 民族, kind: text}\n")), 1);
    /* What is added bit by bit is nobody's only value. */
    assert_int_equal(wrong(TYPE("40", "One", "  - {number: 16, name: a, zh: 甲, kind: text, rule: set, required: true}\n")), 1);
    assert_int_equal(
        wrong(TYPE("40", "One", "  - {number: 16, name: a, zh: 甲, kind: reference, rule: set, refers: Two, about: true}\n")), 1);
}

static void rules_of_a_document(void **unused) {
    static const char text[] = "kind: record_type\nnumber: 40\nname: One\nunheard_of: 1\nfields:\n"
                               "  - {number: 16, name: a, kind: text}\n  - {number: 17, rule: hub, later: yes}\n"
                               "  - {number: 18, rule: ledger}\n  - {number: 3, rule: once}\n  - {number: 19, rule: strange}\n  - 7\n";
    struct buffer out = {0};
    (void)unused;
    catalogue_rules(bytes_text(text), &out);
    const struct field_rule *all = (const struct field_rule *)(const void *)out.at;
    assert_int_equal(out.len, 2 * sizeof *all);
    assert_true(all[0].type == 40 && all[0].field == 17 && all[0].rule == SHOW_HUB);
    assert_true(all[1].field == 18 && all[1].rule == SHOW_LEDGER);
    buffer_clear(&out);
    catalogue_rules(bytes_text("kind: purposes\nnumber: 40\nfields:\n  - {number: 17, rule: hub}\n"), &out);
    catalogue_rules(bytes_text("{"), &out);
    catalogue_rules(bytes_text("- kind"), &out);
    assert_int_equal(out.len, 0);
    buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_take_their_place),
        cmocka_unit_test(numbers_are_for_ever),
        cmocka_unit_test(what_a_document_may_say),
        cmocka_unit_test(rules_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
