/* Policy documents become rules: whole or not at all, every error at once and in plain words; what a kind means is in the other
 * test_rules_*.c. */
#include "tests/support/rule_kit.h"

#include "common/base/limits.h"
#include "common/catalogue/codes.h"

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

#define LABELS(body) "kind: labels\nname: words\n" body

static void all_errors_come_at_once(void **state) {
    struct rule_kit *t = *state;
    struct complaints c = {.count = 0};
    static const char text[] = "kind: validation\nname: people\nscop: \"65\"\nfrom: 2026-02-30\nrules:\n"
                               "  - {name: a, field: Persn.name, rule: required, severity: block}\n"
                               "  - {name: b, field: Person.nam, rule: length, severity: block, most: 60}\n"
                               "  - {name: b, field: Person.name, rule: lenght, severity: blok}\n";
    assert_false(rules_kind_check(NULL, "people.yaml", bytes_text(text), &t->catalogue, &c));
    assert_string_equal(
        buffer_string(&c.text),
        "people.yaml:3:1: unknown key 'scop'; did you mean 'scope'?\n"
        "people.yaml:4:7: from is a day, written 2027-01-31\n"
        "people.yaml:6:22: there is no record type Persn; did you mean Person?\n"
        "people.yaml:7:22: Person has no field nam; did you mean name?\n"
        "people.yaml:8:5: 'b' is here twice\n"
        "people.yaml:8:41: rule is one of: required, pattern, range, not_future, length, cross_field, check; did you mean 'length'?\n"
        "people.yaml:8:59: severity is one of: note, warn, block; did you mean 'block'?\n");
    complaints_close(&c);
}

static void headers(void **state) {
    struct rule_kit *t = *state;
    kit_takes(
        t,
        LABELS("scope: \"650203\"\nfrom: 2026-03-01\nto: 2026-03-01\nlegal_basis: 居住证暂行条例 第九条\napplies_to_open: true\nlabels:\n"
               "  Person: {zh: 新居民}\n"));
    kit_refuses(
        t, LABELS("from: 2026-03-02\nto: 2026-03-01\nlabels:\n  Person: {zh: 新居民}\n"),
        "kit:4:5: it ends before it begins: `to` is its last day, and is before `from`\n");
    kit_refuses(
        t, LABELS("scope: \"65020\"\nlabels:\n  Person: {zh: 新居民}\n"), "kit:3:8: scope is a division code of 2, 4, 6, 9 or 12 digits");
    kit_refuses(t, LABELS("scope: \"node:7\"\nlabels:\n  Person: {zh: 新居民}\n"), "kit:3:8: scope is a division code");
    kit_refuses(t, LABELS("applies_to_open: perhaps\nlabels:\n  Person: {zh: 新居民}\n"), "kit:3:18: true or false belongs here\n");
    kit_refuses(t, "kind: labels\nlabels:\n  Person: {zh: 新居民}\n", "kit:1:1: name is missing\n");
    kit_refuses(t, "name: words\n", "kit:1:1: kind is missing\n");
    kit_refuses(t, "kind: unknown_thing\nname: words\n", "kit:1:7: there is no kind of policy 'unknown_thing'\n");
    kit_refuses(t, "kind: unknown\nname: words\n", "there is no kind of policy");
    kit_refuses(t, "- a\n- b\n", "kit:1:1: a policy begins with lines like kind: labels and name: city\n");
}

static void nearest_kind(void **state) {
    struct rule_kit *t = *state;
    struct complaints c = {.count = 0};
    assert_false(rules_kind_check(NULL, "kit", BYTES("kind: calender\nname: a\n"), &t->catalogue, &c));
    assert_string_equal(buffer_string(&c.text), "kit:1:7: there is no kind of policy 'calender'; did you mean 'calendar'?\n");
    complaints_close(&c);
    assert_false(rules_kind_check("labels", "kit", BYTES("kind: calendar\nname: a\n"), &t->catalogue, &c));
    assert_string_equal(buffer_string(&c.text), "kit:1:7: this says kind calendar, but it came as labels\n");
    complaints_close(&c);
}

static void every_kind_has_a_reader(void **state) {
    struct rule_kit *t = *state;
    size_t count = 0;
    for (; rules_kind_name(count) != NULL; count++) {
        struct complaints c = {.count = 0};
        char text[128];
        snprintf(text, sizeof text, "kind: %s\nname: nothing\n", rules_kind_name(count));
        assert_false(rules_kind_check(NULL, "kit", bytes_text(text), &t->catalogue, &c)); /* its body is missing */
        complaints_close(&c);
    }
    assert_int_equal(count, 22);
}

/* ---- bad input */

static void broken_yaml(void **state) {
    struct rule_kit *t = *state;
    kit_refuses(t, "kind: labels\nname: [words\nlabels: {}\n", "kit:3:");
    kit_refuses(t, "kind: labels\nname: \"words\nlabels:", "kit:");
    kit_refuses(t, "", "kit:1:1: the file is empty\n");
    kit_refuses(t, "kind: labels\nname: a\nkind: labels\nlabels:\n  Person: {zh: 人}\n", "kit:3:1: 'kind' is here twice\n");
    kit_refuses(t, "kind: labels\nname: a\nlabels: 7\n", "kit:3:9: labels are lines like Person: {zh: 新居民, en: New resident}\n");
    kit_refuses(
        t, "kind: labels\nname: {a: b}\nlabels:\n  Person: {zh: 人}\n", "kit:2:7: name is a text of at most 64 bytes in one line\n");
    kit_refuses(t, "kind: code_list\nname: a\ncodes: {code: b}\n", "kit:3:8: codes is a list\n");
    kit_refuses(t, "kind: code_list\nname: a\ncodes: []\n", "kit:3:8: codes is empty\n");
    kit_refuses(t, "kind: code_list\nname: a\ncodes: [b]\n", "kit:3:9: this is written {code: \"20204\", zh: …, en: …}\n");
}

static void alias_bomb(void **state) {
    struct rule_kit *t = *state;
    struct buffer b = {0};
    buffer_text(&b, "kind: labels\nname: bomb\na: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c < 'i'; c++)
        buffer_format(
            &b, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1,
            c - 1, c - 1, c - 1);
    kit_refuses(t, buffer_string(&b), "values, aliases counted each time, or more than");
    buffer_close(&b);
}

static void too_large(void **state) {
    struct rule_kit *t = *state;
    struct buffer b = {0};
    buffer_text(&b, "kind: labels\nname: large\nlabels:\n");
    while (b.len < 10 * 1000 * 1000)
        buffer_text(&b, "  Person: {zh: 新居民}\n");
    kit_refuses(t, buffer_string(&b), "kit:1:1: the file has more than 1048576 bytes\n");
    buffer_close(&b);
}

static void codes_text(struct buffer *b, unsigned count) {
    buffer_text(b, "kind: code_list\nname: many\ncodes:\n");
    for (unsigned i = 0; i < count; i++)
        buffer_format(b, "- {code: %u, zh: 码}\n", i);
}

static void many_codes(void **state) {
    struct rule_kit *t = *state;
    struct buffer b = {0};
    codes_text(&b, 20000);
    kit_add(t, 1, buffer_string(&b));
    assert_int_equal(codes_list(&t->rules, "many")->count, 20000);
    assert_string_equal(rules_label(&t->rules, "many:19999", "zh"), "码");
    buffer_clear(&b);
    codes_text(&b, 20001);
    kit_refuses(t, buffer_string(&b), "kit:4:1: codes has 20001 items; at most 20000 may be in it\n");
    buffer_clear(&b);
    codes_text(&b, 100000);
    kit_refuses(t, buffer_string(&b), "kit:1:1: the file has more than 1048576 bytes\n");
    buffer_close(&b);
}

/* One wrong thing said a hundred thousand times is said often enough in a page. */
static void many_errors(void **state) {
    struct rule_kit *t = *state;
    struct buffer b = {0};
    struct complaints c = {.count = 0};
    buffer_text(&b, "kind: labels\nname: wrong\n");
    for (unsigned i = 0; i < 60000; i++)
        buffer_format(&b, "k%u: 1\n", i % 100);
    assert_false(rules_kind_check(NULL, "kit", buffer_bytes(&b), &t->catalogue, &c));
    assert_true(c.text.len < 1000 * 1000);
    assert_non_null(strstr(buffer_string(&c.text), "more is wrong than is said here"));
    complaints_close(&c);
    buffer_close(&b);
}

static void encodings(void **state) {
    struct rule_kit *t = *state;
    kit_refuses(t, "kind: labels\nname: words\nlabels:\n  Person: {zh: \xd0\xc2\xbe\xd3\xc3\xf1}\n", "save the file as UTF-8\n");
    kit_refuses(t, "kind: labels\nname: words\n# \xc8\xcb\nlabels:\n  Person: {zh: 新居民}\n", "save the file as UTF-8\n");
    kit_refuses(t, "\xff\xfek\0i\0n\0", "save the file as UTF-8\n");
}

/* ---- whole or not at all, versions, unknown kinds */

static void nothing_of_a_wrong_one(void **state) {
    struct rule_kit *t = *state;
    kit_add(t, 1, LABELS("labels:\n  Person: {zh: 新居民, en: New resident}\n"));
    kit_refuses(t, LABELS("labels:\n  Person: {zh: 甲}\n  Person.nam: {zh: 乙}\n"), "Person has no field nam");
    kit_refuses(
        t,
        "kind: validation\nname: a\nrules:\n  - {name: a, field: Person.name, rule: pattern, severity: warn, pattern: \"[a-z]*\"}\n"
        "  - {name: b, field: Person.name, rule: pattern, severity: warn, pattern: \"[a-z\"}\n",
        "a [ ] is not closed");
    assert_string_equal(rules_label(&t->rules, "Person", "zh"), "新居民");
    assert_string_equal(rules_label(&t->rules, "Person", "en"), "New resident");
    assert_string_equal(rules_label(&t->rules, "Person", "fr"), "新居民");
    assert_null(rules_label(&t->rules, "Person.name", "zh"));
    kit_add(t, 2, LABELS("labels:\n  Person: {zh: 来建设者}\n"));
    assert_string_equal(rules_label(&t->rules, "Person", "en"), "来建设者");
    kit_add(t, 1, LABELS("labels:\n  Person: {zh: 旧}\n"));
    assert_string_equal(rules_label(&t->rules, "Person", "zh"), "来建设者");
}

static void unknown_kinds_are_kept_aside(void **state) {
    struct rule_kit *t = *state;
    kit_add(t, 3, "kind: of_next_year\nname: thing\nwhatever: [1, 2, {a: b}]\n");
    assert_string_equal(t->rules.sources->kind, "of_next_year");
    assert_false(t->rules.sources->acts);
    assert_int_equal(t->rules.sources->version, 3);
    kit_add(t, 1, "kind: permit_rules\nname: city\nmonths: 6\ngrounds:\n  - {ground: job, proof: [contract]}\n");
    assert_false(t->rules.sources->acts);
    kit_refuses(t, "kind: permit_rules\nname: city\ngrounds: [job]\n", "kit:3:11: each of the grounds is written key: value\n");
    kit_refuses(
        t, "kind: permit_rules\nname: city\nmonth: 6\ngrounds: [{a: b}]\n", "kit:3:1: unknown key 'month'; did you mean 'months'?\n");
}

static void labels_of(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        "kind: code_list\nname: occupation\nfields: [Vacancy.occupation]\ncodes:\n  - {code: \"20204\", zh: 技术员, en: Technician}\n"
        "  - {code: \"20205\", zh: 护士}\n");
    assert_string_equal(rules_label(&t->rules, "occupation:20204", "en"), "Technician");
    assert_string_equal(rules_label(&t->rules, "occupation:20205", "en"), "护士");
    assert_null(rules_label(&t->rules, "occupation:1", "en"));
    assert_null(rules_label(&t->rules, "occupatio:20204", "en"));
    kit_add(t, 1, LABELS("labels:\n  occupation:20204: {en: Engineer}\n  ui.save: {zh: 保存, en: Save}\n"));
    assert_string_equal(rules_label(&t->rules, "occupation:20204", "en"), "Engineer");
    assert_string_equal(rules_label(&t->rules, "ui.save", "zh"), "保存");
    kit_refuses(t, LABELS("labels:\n  Persn: {zh: 甲}\n"), "kit:4:3: there is no record type Persn; did you mean Person?\n");
    kit_refuses(t, LABELS("labels:\n  \":x\": {zh: 甲}\n"), "kit:4:3: a label is for Type, Type.field, list:code or ui.something\n");
    kit_refuses(t, LABELS("labels:\n  Person: {}\n"), "kit:4:11: zh or en is missing\n");
}

static void gates(void **state) {
    struct rule_kit *t = *state;
    assert_true(rules_opens(&t->rules, 3, 32, 16));
    kit_add(
        t, 1,
        "kind: purposes\nname: purposes\npurposes:\n  - {number: 1, name: all, zh: 全部}\n"
        "  - {number: 3, name: some, zh: 部分, types: [WageClaim], fields: [Person.name]}\n");
    assert_true(rules_opens(&t->rules, 1, 54, 16));
    assert_true(rules_opens(&t->rules, 3, 53, 19));
    assert_true(rules_opens(&t->rules, 3, 32, 16));
    assert_true(rules_opens(&t->rules, 3, 32, 0));
    assert_false(rules_opens(&t->rules, 3, 32, 19));
    assert_false(rules_opens(&t->rules, 3, 54, 16));
    assert_false(rules_opens(&t->rules, 4, 54, 16));
    kit_refuses(
        t, "kind: purposes\nname: purposes\npurposes:\n  - {number: 3, name: some, zh: 部分, types: [WageClaims]}\n",
        "kit:4:45: there is no record type WageClaims; did you mean WageClaim?\n");
}

static void protocol(void **state) {
    struct rule_kit *t = *state;
    assert_int_equal(rules_protocol(&t->rules, 1, 1), PROTOCOL_OK);
    kit_add(t, 1, "kind: protocol\nname: city\nleast_protocol: 2\nleast_store: 3\nfeatures:\n  points: true\n  letters: false\n");
    assert_int_equal(rules_protocol(&t->rules, 2, 3), PROTOCOL_OK);
    assert_int_equal(rules_protocol(&t->rules, 1, 3), PROTOCOL_UPDATE_NEEDED);
    assert_int_equal(rules_protocol(&t->rules, 2, 2), PROTOCOL_UPDATE_NEEDED);
    assert_true(rules_feature(&t->rules, "points"));
    assert_false(rules_feature(&t->rules, "letters"));
    assert_false(rules_feature(&t->rules, "other"));
    kit_refuses(t, "kind: protocol\nname: city\nleast_protocol: two\n", "kit:3:17: a whole number from 0 to 1000000 belongs here\n");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_errors_come_at_once),
        TEST(headers),
        TEST(nearest_kind),
        TEST(every_kind_has_a_reader),
        TEST(broken_yaml),
        TEST(alias_bomb),
        TEST(too_large),
        TEST(many_codes),
        TEST(many_errors),
        TEST(encodings),
        TEST(nothing_of_a_wrong_one),
        TEST(labels_of),
        TEST(gates),
        TEST(protocol),
        TEST(unknown_kinds_are_kept_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
