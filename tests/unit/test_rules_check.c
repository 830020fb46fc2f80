/* What rules say about a record: validation, codes, wages, notes; all findings at once. */
#include "tests/support/rule_kit.h"

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

#define ABOUT(rules) "kind: validation\nname: people\nlegal_basis: 某法 第一条\nrules:\n" rules
#define TODAY "2026-03-10"

static const char *said(struct rule_kit *t, const struct record *r) {
    return kit_findings(t, r, TODAY, TODAY);
}

static void all_findings_at_once(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: born, field: Person.birth_date, rule: required, severity: warn, zh: 请登记, legal_basis: 另一法}\n"
              "  - {name: short, field: Person.name, rule: length, least: 1, most: 4, severity: block}\n"
              "  - {name: digits, field: Person.phone, rule: pattern, pattern: \"[0-9]{11}\", severity: note}\n"));
    struct record *r = kit_record(t, "Person");
    assert_string_equal(said(t, r), "name required block; birth_date born warn");
    kit_set(t, r, "name", "一二三四五");
    kit_set(t, r, "phone", "12900000000");
    kit_set(t, r, "phone", "129");
    assert_string_equal(said(t, r), "birth_date born warn; name short block; phone digits note");
    struct findings f;
    rules_check(&t->rules, &t->catalogue, r, kit_day(TODAY), kit_day(TODAY), &f);
    assert_true(findings_block(&f));
    assert_string_equal(f.items[0].zh, "请登记");
    assert_string_equal(f.items[0].legal_basis, "另一法");
    assert_string_equal(f.items[1].legal_basis, "某法 第一条");
    assert_string_equal(f.items[1].en, "is too short or too long");
    kit_set(t, r, "name", "一二三四");
    kit_set(t, r, "birth_date", "1990-01-01");
    assert_string_equal(said(t, r), "phone digits note");
    rules_check(&t->rules, &t->catalogue, r, kit_day(TODAY), kit_day(TODAY), &f);
    assert_false(findings_block(&f));
}

static void too_many_findings_block(void **state) {
    struct rule_kit *t = *state;
    struct buffer b = {0};
    buffer_text(&b, ABOUT(""));
    for (unsigned i = 0; i < FINDINGS_MOST + 3; i++)
        buffer_format(&b, "  - {name: r%u, field: MediationCase.note, rule: required, severity: note}\n", i);
    kit_add(t, 1, buffer_string(&b));
    buffer_close(&b);
    struct findings f;
    rules_check(&t->rules, &t->catalogue, kit_record(t, "MediationCase"), 0, INT64_MAX, &f);
    assert_int_equal(f.count, FINDINGS_MOST);
    assert_int_equal(f.more, 3);
    assert_true(findings_block(&f));
}

static void ranges(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: born, field: Person.birth_date, rule: range, least: 1880-01-01, most: today, severity: block}\n"
              "  - {name: future, field: WageClaim.opened_on, rule: not_future, severity: block}\n"
              "  - {name: posts, field: Vacancy.posts, rule: range, least: 1, severity: block}\n"
              "  - {name: amount, field: WageClaim.amount, rule: range, least: 0.01, most: 1000000, severity: warn}\n"));
    struct record *p = kit_record(t, "Person"), *v = kit_record(t, "Vacancy"), *w = kit_record(t, "WageClaim");
    kit_set(t, p, "name", "甲");
    static const char *const good[] = {"1880-01-01", TODAY, "1990-05"}, *const bad[] = {"1879-12-31", "2026-03-11"};
    for (size_t i = 0; i < 3; i++) {
        kit_set(t, p, "birth_date", good[i]);
        assert_string_equal(said(t, p), "");
    }
    for (size_t i = 0; i < 2; i++) {
        kit_set(t, p, "birth_date", bad[i]);
        assert_string_equal(said(t, p), "birth_date born block");
    }
    kit_set(t, v, "posts", "0");
    assert_string_equal(said(t, v), "posts posts block");
    kit_set(t, w, "opened_on", "2026-03-11");
    kit_set(t, w, "amount", "1000000.01");
    assert_string_equal(said(t, w), "opened_on future block; amount amount warn");
    kit_set(t, w, "opened_on", TODAY);
    kit_set(t, w, "amount", "1000000");
    assert_string_equal(said(t, w), "");
}

static void two_fields(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: order, field: Identifier.issued, rule: cross_field, compare: before, other: expires, severity: block}\n"
              "  - {name: closed, field: WageClaim.opened_on, rule: cross_field, compare: not_after, other: closed_on, severity: block}\n"
              "  - {name: who, field: WageClaim.employer, rule: cross_field, compare: at_least_one, other: site, severity: block}\n"
              "  - {name: same, field: WageClaim.employer, rule: cross_field, compare: equal, other: site, severity: note}\n"));
    struct record *i = kit_record(t, "Identifier"), *w = kit_record(t, "WageClaim");
    kit_set(t, i, "issued", "2026-01-01");
    assert_string_equal(said(t, i), "");
    kit_set(t, i, "expires", "2026-01-01");
    assert_string_equal(said(t, i), "issued order block");
    kit_set(t, i, "expires", "2026-01-02");
    assert_string_equal(said(t, i), "");
    assert_string_equal(said(t, w), "employer who block");
    kit_set(t, w, "site", "甲");
    kit_set(t, w, "opened_on", "2026-01-02");
    kit_set(t, w, "closed_on", "2026-01-02");
    assert_string_equal(said(t, w), "");
    kit_set(t, w, "closed_on", "2026-01-01");
    kit_set(t, w, "employer", "乙");
    assert_string_equal(said(t, w), "opened_on closed block; employer same note");
    kit_set(t, w, "employer", "甲");
    assert_string_equal(said(t, w), "opened_on closed block");
    kit_add(
        t, 2, ABOUT("  - {name: one, field: WageClaim.employer, rule: cross_field, compare: not_both, other: site, severity: block}\n"));
    assert_string_equal(said(t, w), "employer one block");
}

static void conditions(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: number, field: Identifier.value, rule: check, check: gb11643, severity: block, when: {field: kind, is: "
              "[resident_id, "
              "permit]}}\n"
              "  - {name: dated, field: Identifier.issued, rule: required, severity: warn, unless: {field: kind, is: [none]}}\n"));
    struct record *r = kit_record(t, "Identifier");
    kit_set(t, r, "value", "650299199001010012");
    assert_string_equal(said(t, r), "issued dated warn");
    kit_set(t, r, "kind", "permit");
    assert_string_equal(said(t, r), "value number block; issued dated warn");
    kit_set(t, r, "kind", "none");
    assert_string_equal(said(t, r), "");
    kit_set(t, r, "kind", "resident_id");
    kit_set(t, r, "issued", "2026-01-01");
    static const char *const good[] = {"650299199001010011", "650299201602290127", "650299198512311233", "650299202009300456"};
    static const char *const bad[] = {"650299199001010012", "650299199002300010", "65029919900101001", "abc"};
    for (size_t i = 0; i < 4; i++) {
        kit_set(t, r, "value", good[i]);
        assert_string_equal(said(t, r), "");
        kit_set(t, r, "value", bad[i]);
        assert_string_equal(said(t, r), "value number block");
    }
}

static void conditions_on_a_state(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: amount, field: WageClaim.amount, rule: required, severity: block, when: {field: state, is: [paid, closed]}}\n"));
    struct record *r = kit_record(t, "WageClaim");
    assert_string_equal(said(t, r), "");
    kit_move(t, r, "paid", "2026-01-01");
    assert_string_equal(said(t, r), "amount amount block");
    kit_set(t, r, "amount", "5");
    assert_string_equal(said(t, r), "");
    kit_refuses(
        t, ABOUT("  - {name: a, field: WageClaim.amount, rule: required, severity: warn, when: {field: state, is: [open]}}\n"),
        "WageClaim has no state open");
}

static void licences(void **state) {
    struct rule_kit *t = *state;
    kit_refuses(
        t, ABOUT("  - {name: code, field: WageClaim.employer, rule: check, check: gb32100, severity: block}\n"),
        "kit:5:84: gb32100 never blocks, since real licences fail it: write severity: warn\n");
    kit_add(
        t, 1,
        ABOUT("  - {name: code, field: WageClaim.employer, rule: check, check: gb32100, severity: warn, zh: 请核对执照原件, en: seen on "
              "original "
              "licence}\n"));
    struct record *r = kit_record(t, "WageClaim");
    static const char *const good[] = {"91650299MA0000001E", "92650299MA0000002E", "52650299MJ00000036", "11650299MB00000042"};
    for (size_t i = 0; i < 4; i++) {
        kit_set(t, r, "employer", good[i]);
        assert_string_equal(said(t, r), "");
    }
    kit_set(t, r, "employer", "91650299MA0000001F");
    assert_string_equal(said(t, r), "employer code warn");
}

static void area_codes(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        ABOUT("  - {name: place, field: Identifier.place, rule: check, check: area_code, severity: block}\n"
              "  - {name: text, field: Identifier.value, rule: check, check: area_code, severity: block}\n"));
    struct record *r = kit_record(t, "Identifier");
    kit_set(t, r, "place", "650203001999");
    kit_set(t, r, "value", "65020300100A");
    assert_string_equal(said(t, r), "value text block");
    kit_set(t, r, "value", "650203001001");
    assert_string_equal(said(t, r), "");
    kit_add(
        t, 1,
        "kind: area_tree\nname: city\nareas:\n  - {code: \"650203001001\", zh: 甲}\n  - {code: \"650203001002\", zh: 乙, to: "
        "2025-12-31}\n");
    assert_string_equal(said(t, r), "place place block");
    kit_set(t, r, "place", "650203001001");
    kit_set(t, r, "value", "650203001002");
    assert_string_equal(said(t, r), "value text block");
}

static void patterns(void **state) {
    struct rule_kit *t = *state;
    static const struct {
        const char *pattern, *complaint;
    } bad[] = {
        {"(a)\\\\1", "a pattern has no back references (\\1)"},
        {"\\\\w", "a backslash stands before one of"},
        {"a\\\\", "a backslash stands before one of"},
        {"[a-", "a [ ] is not closed"},
        {"[一-龥]", "holds other letters than ASCII; write (甲|乙) instead"},
        {"(a", "this is no POSIX extended expression"},
        {"(a*)*", "a repeat around another repeat is not taken: it can take for ever"},
        {"((a{9}){9}){9}", "a repeat {n,m} goes to at most 100, and not around another repeat"},
        {"a{101}", "a repeat {n,m} goes to at most 100, and not around another repeat"},
        {"a{1,101}", "a repeat {n,m} goes to at most 100, and not around another repeat"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(
            text, sizeof text, ABOUT("  - {name: p, field: Person.name, rule: pattern, severity: block, pattern: \"%s\"}\n"),
            bad[i].pattern);
        kit_refuses(t, text, bad[i].complaint);
    }
    struct buffer b = {0};
    buffer_text(&b, ABOUT("  - {name: p, field: Person.name, rule: pattern, severity: block, pattern: \""));
    for (size_t i = 0; i < 201; i++)
        buffer_text(&b, "a");
    buffer_text(&b, "\"}\n");
    kit_refuses(t, buffer_string(&b), "kit:5:76: a pattern has at most 200 bytes\n");
    buffer_close(&b);
    kit_add(
        t, 1,
        ABOUT("  - {name: p, field: Person.name, rule: pattern, severity: block, pattern: \"a|b{2,3}|(甲|乙)[0-9]*|[[:upper:]]]\"}\n"));
    struct record *r = kit_record(t, "Person");
    static const char *const good[] = {"a", "bb", "bbb", "甲", "乙12", "A]"}, *const wrong[] = {"ab", "b", "bbbb", "丙", "a\n", "xa"};
    for (size_t i = 0; i < 6; i++) {
        kit_set(t, r, "name", good[i]);
        assert_string_equal(said(t, r), "");
        kit_set(t, r, "name", wrong[i]);
        assert_string_equal(said(t, r), "name p block");
    }
}

static void wrong_rules(void **state) {
    struct rule_kit *t = *state;
    static const char *const bad[][2] = {
        {"rule: range, severity: block, field: Person.name, least: 1", "name is no number, money or date: it has no range"},
        {"rule: range, severity: block, field: Vacancy.posts", "least or most is missing"},
        {"rule: range, severity: block, field: Vacancy.posts, least: 2, most: 1", "most is below least"},
        {"rule: range, severity: block, field: Vacancy.posts, least: today", "least: a whole number belongs here"},
        {"rule: range, severity: block, field: Person.birth_date, least: 1990", "least: a day like 2026-03-01, or today, belongs here"},
        {"rule: length, severity: block, field: Vacancy.posts, most: 3", "posts is no text: it has no length"},
        {"rule: length, severity: block, field: Person.name, least: 9, most: 3", "most is below least"},
        {"rule: pattern, severity: block, field: Person.name", "pattern is missing"},
        {"rule: pattern, severity: block, field: Vacancy.posts, pattern: a", "posts is no text: it has no pattern"},
        {"rule: not_future, severity: block, field: Vacancy.posts", "posts is no date"},
        {"rule: check, severity: block, field: Vacancy.posts, check: gb11643", "posts is no text: it has no check"},
        {"rule: cross_field, severity: block, field: Person.name, compare: equal, other: name", "a field is not compared with itself"},
        {"rule: cross_field, severity: block, field: Person.name, compare: before, other: phone", "are not both dates, numbers or money"},
        {"rule: cross_field, severity: block, field: Person.name, compare: equal, other: birth_date", "are of different kinds"},
        {"rule: cross_field, severity: block, field: Person.name, compare: equal", "other is missing"},
        {"rule: required, severity: block, field: Person", "a field is written Type.field, like Person.name"},
        {"rule: required, severity: block", "field is missing"},
        {"rule: required, field: Person.name", "severity is missing"},
        {"rule: required, severity: block, field: Person.name, most: 3", "most has no meaning in a rule of the form required"},
        {"rule: required, severity: block, field: Person.name, when: {field: nme, is: [a]}", "Person has no field nme; did you mean name?"},
        {"rule: required, severity: block, field: Person.name, when: {field: name}", "is is missing"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text, ABOUT("  - {name: x, %s}\n"), bad[i][0]);
        kit_refuses(t, text, bad[i][1]);
    }
}

/* A code that is retired is hidden for new entries and stays good in old ones. */
static void codes(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        "kind: code_list\nname: occupation\nfields: [Vacancy.occupation]\ncodes:\n  - {code: \"1\", zh: 甲}\n"
        "  - {code: \"2\", zh: 乙, to: 2026-01-31, replaced_by: \"1\"}\n  - {code: \"3\", zh: 丙, from: 2026-04-01}\n");
    struct record *r = kit_record(t, "Vacancy");
    assert_string_equal(said(t, r), "");
    kit_set(t, r, "occupation", "1");
    assert_string_equal(said(t, r), "");
    kit_set(t, r, "occupation", "2");
    assert_string_equal(said(t, r), "occupation occupation block");
    kit_set_on(t, r, "occupation", "2", "2026-01-31");
    assert_string_equal(said(t, r), "");
    kit_set_on(t, r, "occupation", "2", "2026-02-01");
    assert_string_equal(said(t, r), "occupation occupation block");
    kit_set(t, r, "occupation", "3");
    assert_string_equal(said(t, r), "occupation occupation block");
    kit_set(t, r, "occupation", "4");
    assert_string_equal(said(t, r), "occupation occupation block");
    kit_refuses(
        t, "kind: code_list\nname: a\ncodes:\n  - {code: \"1\", zh: 甲, replaced_by: \"2\"}\n",
        "a code that is replaced has a last day: write to");
    kit_refuses(
        t, "kind: code_list\nname: a\ncodes:\n  - {code: \"1\", zh: 甲, to: 2026-01-31, replaced_by: \"2\"}\n",
        "kit:4:53: replaced_by 2 is not in this list\n");
    kit_refuses(
        t, "kind: code_list\nname: a\ncodes:\n  - {code: \"1\", zh: 甲, to: 2026-01-31, replaced_by: \"1\"}\n",
        "kit:4:53: what replaces 1 goes round in a loop\n");
    kit_refuses(
        t, "kind: code_list\nname: a\ncodes:\n  - {code: \"1\", zh: 甲}\n  - {code: \"1\", zh: 乙}\n", "kit:5:5: '1' is here twice\n");
    kit_add(t, 2, "kind: code_list\nname: occupation\nseverity: warn\nfields: [Vacancy.occupation]\ncodes:\n  - {code: \"1\", zh: 甲}\n");
    assert_string_equal(said(t, r), "occupation occupation warn");
}

static void two_lists_for_one_field(void **state) {
    struct rule_kit *t = *state;
    struct complaints c = {.count = 0};
    kit_add(t, 1, "kind: code_list\nname: one\nfields: [Vacancy.occupation]\ncodes:\n  - {code: \"1\", zh: 甲}\n");
    struct rule_text two = {
        .kind = "code_list",
        .name = "two",
        .text = BYTES("kind: code_list\nname: two\nfields: [Vacancy.occupation]\ncodes:\n  - {code: \"1\", zh: 甲}\n")};
    assert_true(rules_add(&t->rules, &two, &t->catalogue, &c));
    assert_false(rules_finish(&t->rules, &c));
    assert_string_equal(buffer_string(&c.text), "one: a field has its codes from this list and from two\n");
    complaints_close(&c);
}

static void wages(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        "kind: wage_floor\nname: city\nfloors:\n  - {area: \"6502\", month: 1900, hour: 19}\n  - {area: \"650203\", month: 2100, hour: "
        "21}\n"
        "fields:\n  - {field: Vacancy.wage_min, unit: month, severity: block}\n  - {field: WageClaim.amount, unit: hour, severity: "
        "warn}\n");
    struct record *v = kit_record(t, "Vacancy"), *w = kit_record(t, "WageClaim");
    kit_set(t, v, "wage_min", "1899.99");
    assert_string_equal(said(t, v), "wage_min city block");
    kit_set(t, v, "wage_min", "2000");
    assert_string_equal(said(t, v), "");
    kit_home(t, v, "650202001001");
    assert_string_equal(said(t, v), "");
    kit_home(t, v, "650203001001");
    assert_string_equal(said(t, v), "wage_min city block");
    kit_set(t, v, "wage_min", "2100");
    assert_string_equal(said(t, v), "");
    kit_set(t, v, "wage_min", "1");
    kit_home(t, v, "110101001001");
    assert_string_equal(said(t, v), "");
    kit_set(t, w, "amount", "18.99");
    assert_string_equal(said(t, w), "amount city warn");
    kit_refuses(
        t,
        "kind: wage_floor\nname: a\nfloors:\n  - {month: 1, hour: -1}\nfields:\n  - {field: Vacancy.posts, unit: month, severity: warn}\n",
        "kit:4:22: hour is below zero\nkit:6:13: posts is no money\n");
}

static void notes(void **state) {
    struct rule_kit *t = *state;
    kit_add(
        t, 1,
        "kind: text_lint\nname: notes\nnotes: [MediationCase.note]\nterms:\n  - {term: 民族, zh: 不要写}\n  - {term: race, zh: 不要写, en: "
        "leave it "
        "out}\n");
    struct record *r = kit_record(t, "MediationCase");
    kit_set(t, r, "note", "a trace of races");
    assert_string_equal(said(t, r), "");
    kit_set(t, r, "note", "Race: 某民族");
    assert_string_equal(said(t, r), "note notes warn; note notes warn");
    struct buffer b = {0};
    for (size_t i = 0; i < 500; i++)
        buffer_text(&b, "字");
    kit_set(t, r, "note", buffer_string(&b));
    assert_string_equal(said(t, r), "");
    buffer_text(&b, "字");
    kit_set(t, r, "note", buffer_string(&b));
    assert_string_equal(said(t, r), "note notes block");
    buffer_close(&b);
    kit_refuses(
        t, "kind: text_lint\nname: a\nnotes: [MediationCase.note]\nmost: 501\nterms: [{term: a, zh: 甲}]\n",
        "kit:4:7: a whole number from 1 to 500 belongs here\n");
}

/* What came in before a rule is judged by what was in force then, unless the new one says that it is for open records too. */
static void open_records(void **state) {
    struct rule_kit *t = *state;
    static const char one[] = ABOUT("  - {name: one, field: MediationCase.note, rule: required, severity: block}\n");
    static const char two[] = ABOUT("  - {name: two, field: MediationCase.note, rule: required, severity: block}\n");
    static const char three[] =
        ABOUT("  - {name: three, field: MediationCase.note, rule: required, severity: block}\napplies_to_open: true\n");
    struct record *r = kit_record(t, "MediationCase");
    kit_add_from(t, 1, "2025-01-01", one);
    assert_string_equal(kit_findings(t, r, TODAY, "2024-12-31"), "");
    kit_add_from(t, 2, "2026-01-01", two);
    assert_string_equal(kit_findings(t, r, TODAY, "2024-12-31"), "");
    assert_string_equal(kit_findings(t, r, TODAY, "2025-12-31"), "note one block");
    assert_string_equal(kit_findings(t, r, TODAY, "2026-01-01"), "note two block");
    kit_add_from(t, 3, "2026-02-01", three);
    assert_string_equal(kit_findings(t, r, TODAY, "2024-12-31"), "note three block");
    assert_string_equal(kit_findings(t, r, TODAY, "2026-01-01"), "note three block");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_findings_at_once),
        TEST(too_many_findings_block),
        TEST(ranges),
        TEST(two_fields),
        TEST(conditions),
        TEST(licences),
        TEST(conditions_on_a_state),
        TEST(area_codes),
        TEST(patterns),
        TEST(wrong_rules),
        TEST(codes),
        TEST(wages),
        TEST(notes),
        TEST(open_records),
        TEST(two_lists_for_one_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
