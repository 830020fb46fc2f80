/* The tables of the rules: working days and deadlines, areas, services, papers, notices, admission, retention. */
#include "tests/support/rule_kit.h"

#include "common/catalogue/admission.h"
#include "common/catalogue/areas.h"
#include "common/catalogue/calendar.h"
#include "common/catalogue/codes.h"
#include "common/catalogue/retention.h"
#include "common/catalogue/services.h"

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

static area area_at(const char *digits) {
    area a;
    assert_true(area_parse(bytes_text(digits), &a));
    return a;
}

static const char *date_of(int64_t day) {
    static char text[16];
    struct value v = {.kind = VALUE_DATE, .number = day};
    struct buffer b = {0};
    value_text(&v, &b);
    snprintf(text, sizeof text, "%s", buffer_string(&b));
    buffer_close(&b);
    return text;
}

/* ---- working days: the State Council's list for 2025 */

static const char holidays[] = "kind: calendar\nname: \"2025\"\nfirst: 2025-01-01\nlast: 2025-12-31\nholidays:\n  - 2025-01-01\n"
                               "  - {from: 2025-01-28, to: 2025-02-04, zh: 春节}\n  - {from: 2025-04-04, to: 2025-04-06, zh: 清明节}\n"
                               "  - {from: 2025-05-01, to: 2025-05-05, zh: 劳动节}\n  - {from: 2025-05-31, to: 2025-06-02, zh: 端午节}\n"
                               "  - {from: 2025-10-01, to: 2025-10-08, zh: 国庆节、中秋节}\n"
                               "workdays: [2025-01-26, 2025-02-08, 2025-04-27, 2025-09-28, 2025-10-11]\n";

static void working_days(void **state) {
    struct rule_kit *t = *state;
    static const struct {
        const char *from, *to;
        unsigned n;
    } vectors[] = {
        {"2025-01-20", "2025-02-08", 10}, {"2025-01-20", "2025-02-10", 11}, {"2025-09-26", "2025-09-28", 1},
        {"2025-09-26", "2025-10-09", 4},  {"2025-09-26", "2025-10-11", 6},  {"2025-09-26", "2025-10-13", 7},
        {"2025-04-30", "2025-05-06", 1},  {"2025-05-01", "2025-05-06", 0},  {"2025-05-06", "2025-05-06", 0},
        {"2025-04-25", "2025-04-27", 1},  {"2025-05-30", "2025-06-03", 1},  {"2025-04-03", "2025-04-07", 1},
        {"2024-12-31", "2025-01-02", 1},  {"2025-12-31", "2026-01-01", 1}, /* next year's list is not there yet */
    };
    kit_add(t, 1, holidays);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_string_equal(date_of(calendar_add_workdays(t->rules.calendars, kit_day(vectors[i].from), vectors[i].n)), vectors[i].to);
    assert_string_equal(date_of(calendar_add_workdays(NULL, kit_day("2025-01-24"), 1)), "2025-01-27");
    assert_string_equal(date_of(calendar_add_workdays(NULL, kit_day("1969-12-26"), 1)), "1969-12-29");
    assert_false(calendar_is_workday(t->rules.calendars, kit_day("2025-10-08")));
    assert_true(calendar_is_workday(t->rules.calendars, kit_day("2025-10-11")));
}

/* n days and m more are n + m days; a day later is never earlier; every answer is a working day. */
static void working_days_add_up(void **state) {
    struct rule_kit *t = *state;
    kit_add(t, 1, holidays);
    const struct calendar *c = t->rules.calendars;
    for (int64_t day = kit_day("2024-12-20"); day < kit_day("2026-01-20"); day++)
        for (unsigned n = 0; n < 12; n++) {
            int64_t there = calendar_add_workdays(c, day, n);
            assert_true(calendar_is_workday(c, there));
            assert_true(there <= calendar_add_workdays(c, day + 1, n));
            assert_int_equal(calendar_add_workdays(c, there, 3), calendar_add_workdays(c, day, n + 3 + (n == 0 && there > day)));
        }
}

static void wrong_calendars(void **state) {
    struct rule_kit *t = *state;
#define YEAR "kind: calendar\nname: a\nfirst: 2025-01-01\nlast: 2025-12-31\n"
    kit_refuses(
        t, YEAR "workdays: [2025-01-27]\n", "kit:5:12: a make-up day is a Saturday or a Sunday; this one is a working day anyway\n");
    kit_refuses(t, YEAR "holidays: [2025-01-26]\nworkdays: [2025-01-26]\n", "kit:6:12: this day is a holiday and a working day at once\n");
    kit_refuses(t, YEAR "holidays: [2026-01-01]\n", "kit:5:12: this lies outside of the days that the calendar covers (first, last)\n");
    kit_refuses(t, YEAR "holidays: [{from: 2025-02-04, to: 2025-01-28}]\n", "kit:5:35: the dates are in the wrong order");
    kit_refuses(t, YEAR "holidays: [{from: 2025-02-04}]\n", "kit:5:12: a range has a first day and a last one: write from and to\n");
    kit_refuses(
        t, "kind: calendar\nname: a\nfirst: 2025-12-31\nlast: 2025-01-01\n",
        "kit:4:7: the dates are in the wrong order: last is before first\n");
    kit_refuses(t, "kind: calendar\nname: a\nfirst: 2025\nlast: x\n", "kit:3:8: a day like 2026-03-01 belongs here\nkit:4:7: a day");
}

/* ---- deadlines */

static void dues(void **state) {
    struct rule_kit *t = *state;
    struct due due;
    assert_false(rules_due(&t->rules, 54, NULL, NULL, 0, &due));
    kit_add(t, 1, holidays);
    kit_add(
        t, 1,
        "kind: deadlines\nname: city\nlegal_basis: 某法\ndeadlines:\n"
        "  - {name: mediation, type: MediationCase, count: 30, unit: day, warn: 5, escalate_to: street}\n"
        "  - {name: labour, type: MediationCase, state: asked, count: 15, unit: day}\n"
        "  - {name: insurance, service: transfer, count: 10, unit: workday, warn: 2}\n");
    assert_true(rules_due(&t->rules, 54, NULL, NULL, kit_day("2025-01-20"), &due));
    assert_string_equal(date_of(due.day), "2025-02-19");
    assert_string_equal(date_of(due.amber), "2025-02-14");
    assert_string_equal(due.deadline->escalate_to, "street");
    assert_string_equal(due.source->legal_basis, "某法");
    assert_false(due.estimated);
    assert_true(rules_due(&t->rules, 54, "asked", NULL, kit_day("2025-01-20"), &due));
    assert_string_equal(due.deadline->name, "labour");
    assert_true(rules_due(&t->rules, 54, "other", NULL, kit_day("2025-01-20"), &due));
    assert_string_equal(due.deadline->name, "mediation");
    assert_true(rules_due(&t->rules, 54, "asked", "transfer", kit_day("2025-01-20"), &due));
    assert_string_equal(date_of(due.day), "2025-02-08");
    assert_true(rules_due(&t->rules, 53, NULL, "transfer", kit_day("2025-12-25"), &due));
    assert_true(due.estimated);
    assert_false(rules_due(&t->rules, 53, NULL, NULL, kit_day("2025-12-25"), &due));
    kit_refuses(
        t, "kind: deadlines\nname: a\ndeadlines:\n  - {name: a, count: 5, unit: days}\n",
        "kit:4:5: a deadline is for a type or a service: write type or service\n"
        "kit:4:31: unit is one of: day, workday; did you mean 'day'?\n");
    kit_refuses(
        t,
        "kind: deadlines\nname: a\ndeadlines:\n  - {name: a, service: s, count: 5, unit: day}\n  - {name: b, service: s, count: 6, unit: "
        "day}\n",
        "kit:5:5: b is for the same as a\n");
}

/* A case keeps the deadline under which it came in. */
static void dues_of_open_cases(void **state) {
    struct rule_kit *t = *state;
    struct due due;
#define DAYS(n) "kind: deadlines\nname: city\ndeadlines:\n  - {name: m, type: MediationCase, count: " n ", unit: day}\n"
    kit_add_from(t, 1, "2025-01-01", DAYS("30"));
    kit_add_from(t, 2, "2026-01-01", DAYS("10"));
    assert_true(rules_due(&t->rules, 54, NULL, NULL, kit_day("2025-12-31"), &due));
    assert_int_equal(due.deadline->count, 30);
    assert_true(rules_due(&t->rules, 54, NULL, NULL, kit_day("2026-01-01"), &due));
    assert_int_equal(due.deadline->count, 10);
    kit_add_from(t, 3, "2026-02-01", DAYS("5") "applies_to_open: true\n");
    assert_true(rules_due(&t->rules, 54, NULL, NULL, kit_day("2025-12-31"), &due));
    assert_int_equal(due.deadline->count, 5);
}

/* ---- areas */

static void areas(void **state) {
    struct rule_kit *t = *state;
    area a;
    assert_true(area_of_code("650203000000", &a) && a == area_at("650203"));
    assert_true(area_of_code("650000000000", &a) && a == area_at("65"));
    assert_true(area_of_code("650203001000", &a) && a == area_at("650203001"));
    assert_true(area_of_code("650203001001", &a) && a == area_at("650203001001"));
    assert_false(area_of_code("6502030010", &a));
    assert_false(area_of_code("", &a));
    assert_false(area_of_code("node:7", &a));
    kit_add(
        t, 1,
        "kind: area_tree\nname: city\nareas:\n  - {code: \"650203000000\", zh: 某区}\n  - {code: \"650203001\", zh: 某街道}\n"
        "  - {code: \"650203001001\", zh: 甲, to: 2025-12-31, successor: \"650203001002\"}\n"
        "  - {code: \"650203001002\", zh: 乙, en: Second, to: 2026-06-30, successor: \"650203001003\"}\n"
        "  - {code: \"650203001003\", zh: 丙, from: 2026-07-01}\n  - {code: \"650203001004\", zh: 丁, to: 2025-12-31}\n");
    assert_string_equal(areas_find(&t->rules, area_at("650203001002"))->en, "Second");
    assert_true(areas_find(&t->rules, area_at("650203001002"))->parent == area_at("650203001"));
    assert_true(areas_successor(&t->rules, area_at("650203001001"), kit_day("2025-12-31")) == area_at("650203001001"));
    assert_true(areas_successor(&t->rules, area_at("650203001001"), kit_day("2026-01-01")) == area_at("650203001002"));
    assert_true(areas_successor(&t->rules, area_at("650203001001"), kit_day("2026-07-01")) == area_at("650203001003"));
    assert_true(areas_successor(&t->rules, area_at("650203001004"), kit_day("2026-07-01")) == area_at("650203001004"));
    assert_true(areas_successor(&t->rules, area_at("110101001001"), kit_day("2026-07-01")) == area_at("110101001001"));
    assert_true(areas_valid(&t->rules, area_at("650203001003"), kit_day("2026-07-01")));
    assert_false(areas_valid(&t->rules, area_at("650203001003"), kit_day("2026-06-30")));
    assert_false(areas_valid(&t->rules, area_at("650203001009"), kit_day("2026-07-01")));
#define TREE "kind: area_tree\nname: a\nareas:\n"
    kit_refuses(
        t,
        TREE "  - {code: \"650203001001\", zh: 甲, to: 2025-12-31, successor: \"650203001002\"}\n"
             "  - {code: \"650203001002\", zh: 乙, to: 2025-12-31, successor: \"650203001001\"}\n",
        "kit:4:62: the successors of 650203001001 go round in a loop\nkit:5:62: the successors of 650203001002 go round in a loop\n");
    kit_refuses(
        t, TREE "  - {code: \"650203001001\", zh: 甲, successor: \"650203001001\"}\n", "an area with a successor has a last day: write to");
    kit_refuses(
        t, TREE "  - {code: \"650203001001\", zh: 甲, to: 2025-12-31, successor: \"650203001009\"}\n",
        "kit:4:62: successor 650203001009 is not in this tree\n");
    kit_refuses(
        t,
        TREE "  - {code: \"650203001001\", zh: 甲, to: 2025-12-31, successor: [\"650203001002\", \"650203001003\"]}\n"
             "  - {code: \"650203001002\", zh: 乙}\n  - {code: \"650203001003\", zh: 丙}\n",
        "kit:4:62: one successor at most: where an area is split, people decide which record goes where; leave it out\n");
    kit_refuses(
        t, TREE "  - {code: \"65020300100A\", zh: 甲}\n", "kit:4:12: a division code of 2, 4, 6, 9 or 12 digits belongs here, in quotes\n");
    kit_refuses(
        t, TREE "  - {code: \"650203001001\", zh: 甲}\n  - {code: \"650203001001\", zh: 乙}\n", "kit:5:5: '650203001001' is here twice\n");
    kit_refuses(t, TREE "  - {code: \"650203001001\", zh: 甲, parent: \"650203001001\"}\n", "kit:4:43: an area does not lie in itself\n");
    kit_refuses(t, TREE "  - {code: \"650203001001\", zh: 甲, parent: \"650204\"}\n", "kit:4:43: parent 650204 is not in this tree\n");
}

/* ---- what people call things */

static void names(void **state) {
    struct rule_kit *t = *state;
    const struct catalogue_type *person = catalogue_type(&t->catalogue, "Person"), *vacancy = catalogue_type(&t->catalogue, "Vacancy");
    const struct catalogue_field *name = type_field(person, "name");
    uint32_t occupation = type_field(vacancy, "occupation")->number;
    assert_string_equal(label_type(&t->rules, person, "zh"), "居民");
    assert_string_equal(label_type(&t->rules, person, "en"), "Person");
    kit_add(
        t, 1,
        "kind: code_list\nname: occupation\nfields: [Vacancy.occupation]\ncodes:\n  - {code: a, zh: 甲, en: First}\n  - {code: b, zh: "
        "乙}\n");
    kit_add(
        t, 1,
        "kind: labels\nname: words\nlabels:\n  Person: {en: Resident}\n  Person.name: {zh: 称呼}\n  occupation:a: {zh: 子}\n"
        "  occupation:b: {en: Second}\n");
    assert_string_equal(label_type(&t->rules, person, "zh"), "居民");
    assert_string_equal(label_type(&t->rules, person, "en"), "Resident");
    assert_string_equal(label_field(&t->rules, person, name, "zh"), "称呼");
    assert_string_equal(label_field(&t->rules, person, name, "en"), "称呼");
    assert_string_equal(label_code(&t->rules, vacancy->number, occupation, BYTES("a"), "zh"), "子");
    assert_string_equal(label_code(&t->rules, vacancy->number, occupation, BYTES("a"), "en"), "First");
    assert_string_equal(label_code(&t->rules, vacancy->number, occupation, BYTES("b"), "zh"), "乙");
    assert_string_equal(label_code(&t->rules, vacancy->number, occupation, BYTES("b"), "en"), "Second");
    assert_null(label_code(&t->rules, vacancy->number, occupation, BYTES("c"), "zh"));
    assert_null(label_code(&t->rules, person->number, name->number, BYTES("a"), "zh"));
}

/* ---- services, papers, notices */

static void services(void **state) {
    struct rule_kit *t = *state;
    const struct offer *menu[2];
    kit_add(
        t, 1,
        "kind: service_catalogue\nname: city\nservices:\n"
        "  - {code: advice, zh: 咨询, type: MediationCase, authority: 某局, legal: 某法}\n"
        "  - {code: claim, zh: 欠薪, type: WageClaim, authority: 某局, legal: 某法, from: 2026-04-01, cost: 0}\n"
        "  - {code: old, zh: 旧, type: WageClaim, authority: 某局, legal: 某法, to: 2025-12-31}\n");
    assert_int_equal(services_offered(&t->rules, kit_day("2026-03-31"), menu, 2), 1);
    assert_string_equal(menu[0]->code, "advice");
    assert_int_equal(services_offered(&t->rules, kit_day("2026-04-01"), menu, 1), 2);
    assert_null(services_find(&t->rules, "claim", kit_day("2026-03-31")));
    assert_int_equal(services_find(&t->rules, "claim", kit_day("2026-04-01"))->type, 53);
    kit_refuses(
        t, "kind: service_catalogue\nname: a\nservices:\n  - {code: a, zh: 甲, type: WageClaim, authority: 某局, cost: 5}\n",
        "kit:4:5: legal is missing\nkit:4:60: these services are free: cost is 0\n");
    kit_refuses(
        t, "kind: service_catalogue\nname: a\nservices:\n  - {code: a, zh: 甲, authority: 某局, legal: 某法}\n",
        "kit:4:5: type is missing: which record a case of this service is\n");
}

static void papers(void **state) {
    struct rule_kit *t = *state;
    const struct evidence_need *missing[4];
    size_t count;
    kit_add(
        t, 1,
        "kind: document_rules\nname: city\nchecklists:\n  - service: school\n    any_of:\n"
        "      - [{kind: id, zh: 证件}, {kind: lease, zh: 租约, valid_days: 90}, {kind: work, zh: 工作证明, pledge: true}]\n"
        "      - [{kind: id, zh: 证件}, {kind: deed, zh: 房产证}]\n");
    assert_true(services_complete(&t->rules, "other", NULL, 0, 100, missing, 4, &count));
    assert_false(services_complete(&t->rules, "school", NULL, 0, 100, missing, 4, &count));
    assert_int_equal(count, 2);
    assert_string_equal(missing[1]->kind, "deed");
    struct evidence have[] = {{"id", false, 100}, {"lease", false, 100}, {"work", true, 100}};
    assert_true(services_complete(&t->rules, "school", have, 3, 190, missing, 4, &count));
    assert_false(services_complete(&t->rules, "school", have, 3, 191, missing, 4, &count));
    assert_int_equal(count, 1);
    assert_string_equal(missing[0]->kind, "lease");
    have[0].pledge = true;
    assert_false(services_complete(&t->rules, "school", have, 3, 190, missing, 1, &count));
    assert_string_equal(missing[0]->kind, "id");
    kit_refuses(
        t, "kind: document_rules\nname: a\nchecklists:\n  - {service: s, any_of: [[]]}\n",
        "kit:4:27: a set is a list of 1 to 64 papers that are enough together\n");
}

static void board(void **state) {
    struct rule_kit *t = *state;
    const struct notice *shown[4];
    kit_add(
        t, 1,
        "kind: notices\nname: city\nnotices:\n"
        "  - {name: all, from: 2026-03-01, to: 2026-03-31, title: {zh: 甲}, body: {zh: 乙, en: b}}\n"
        "  - {name: there, area: \"650203\", from: 2026-03-10, to: 2026-03-10, audience: residents, title: {zh: 甲}, body: {zh: 乙}}\n");
    assert_int_equal(notices_shown(&t->rules, area_at("650203001001"), kit_day("2026-03-09"), shown, 4), 1);
    assert_string_equal(shown[0]->body_en, "b");
    assert_int_equal(notices_shown(&t->rules, area_at("650203001001"), kit_day("2026-03-10"), shown, 4), 2);
    assert_int_equal(notices_shown(&t->rules, area_at("650204001001"), kit_day("2026-03-10"), shown, 4), 1);
    assert_int_equal(notices_shown(&t->rules, area_at("650203001001"), kit_day("2026-04-01"), shown, 4), 0);
    kit_refuses(
        t, "kind: notices\nname: a\nnotices:\n  - {name: a, title: {zh: 甲}}\n", "kit:4:5: to is missing: a notice has a last day\n");
}

/* ---- schools */

static const char admission[] =
    "kind: school_admission\nname: \"2026\"\nopens: 2026-01-01\ncloses: 2026-04-15\npoints_by: 2026-04-30\n"
    "published: 2026-06-15\nobjections_to: 2026-06-22\nranking: [catchment, points, applied_on]\nschools:\n"
    "  - {code: first, zh: 第一小学, catchment: [\"650203001\"], grades: [{grade: 1, seats: 40}]}\n"
    "  - {code: second, zh: 第二小学, closes: 2026-03-31, grades: [{grade: 1, seats: 20}, {grade: 7, seats: 5}]}\n";

static void schools(void **state) {
    struct rule_kit *t = *state;
    kit_add(t, 1, admission);
    static const struct {
        const char *day;
        enum admission_state first, second;
    } days[] = {
        {"2025-12-31", ADMISSION_BEFORE, ADMISSION_BEFORE},   {"2026-01-01", ADMISSION_OPEN, ADMISSION_OPEN},
        {"2026-03-31", ADMISSION_OPEN, ADMISSION_OPEN},       {"2026-04-01", ADMISSION_OPEN, ADMISSION_SIGNING},
        {"2026-04-15", ADMISSION_OPEN, ADMISSION_SIGNING},    {"2026-04-16", ADMISSION_SIGNING, ADMISSION_SIGNING},
        {"2026-04-30", ADMISSION_SIGNING, ADMISSION_SIGNING}, {"2026-05-01", ADMISSION_CLOSED, ADMISSION_CLOSED},
    };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        assert_int_equal(admission_at(&t->rules, "first", 1, kit_day(days[i].day)), days[i].first);
        assert_int_equal(admission_at(&t->rules, "second", 7, kit_day(days[i].day)), days[i].second);
    }
    assert_int_equal(admission_at(&t->rules, "first", 7, kit_day("2026-03-01")), ADMISSION_NONE);
    assert_int_equal(admission_at(&t->rules, "third", 1, kit_day("2026-03-01")), ADMISSION_NONE);
#define SCHOOL(dates, ranking)                                                                                                             \
    "kind: school_admission\nname: a\n" dates "ranking: [" ranking "]\nschools:\n  - {code: a, zh: 甲, grades: [{grade: 1, seats: 4}]}\n"
    kit_refuses(
        t, SCHOOL("opens: 2026-04-15\ncloses: 2026-01-01\npublished: 2026-06-15\n", "points"),
        "kit:4:9: the dates are in the wrong order: closes is before the one that comes first\n");
    kit_refuses(
        t, SCHOOL("opens: 2026-01-01\npublished: 2026-06-15\n", "points"), "kit:7:5: closes is missing, here and for all schools\n");
    kit_refuses(
        t, SCHOOL("opens: 2026-01-01\ncloses: 2026-04-15\npublished: 2026-06-15\n", "income"),
        "kit:6:11: places are ranked by: catchment, points");
    kit_refuses(
        t, SCHOOL("opens: 2026-01-01\ncloses: 2026-04-15\npublished: 2026-06-15\n", "points, points"),
        "kit:6:19: 'points' is here twice\n");
}

static void ranking(void **state) {
    struct rule_kit *t = *state;
    const struct admission *a;
    kit_add(t, 1, admission);
    const struct school *s = admission_school(&t->rules, "first", &a);
    struct applicant near = {.home = area_at("650203001001"), .points = 0, .applied_on = 9, .lot = 4},
                     far = {.home = area_at("650204001001"), .points = 900, .applied_on = 1, .lot = 3},
                     more = {.home = area_at("650203001002"), .points = 1, .applied_on = 9, .lot = 2},
                     early = {.home = area_at("650203001002"), .points = 1, .applied_on = 8, .lot = 1};
    const struct applicant *order[] = {&early, &more, &near, &far};
    for (size_t x = 0; x < 4; x++)
        for (size_t y = 0; y < 4; y++) {
            int got = admission_compare(a, s, order[x], order[y]);
            assert_int_equal((got > 0) - (got < 0), (x > y) - (x < y));
        }
    struct applicant other = early;
    other.lot = 5;
    assert_true(admission_compare(a, s, &early, &other) < 0);
}

/* ---- retention */

static void keeping(void **state) {
    struct rule_kit *t = *state;
    struct retention_due due[4];
    kit_add(
        t, 1,
        "kind: retention\nname: city\nlegal_basis: 某法\nrules:\n  - {name: claim, type: WageClaim, event: closed_on, days: 100, action: "
        "erase}\n"
        "  - {name: thin, type: WageClaim, event: closed_on, days: 10, action: shrink, keep: [opened_on, closed_on]}\n"
        "  - {name: idle, type: MediationCase, event: last_change, days: 5, action: restrict}\n");
    struct record *w = kit_record(t, "WageClaim"), *m = kit_record(t, "MediationCase");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-01-01"), due, 4), 0);
    kit_set(t, w, "closed_on", "2026-01-01");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-01-10"), due, 4), 2);
    assert_string_equal(due[0].rule->name, "thin");
    assert_string_equal(date_of(due[0].day), "2026-01-11");
    assert_false(due[0].now);
    assert_int_equal(due[0].rule->keep_count, 2);
    assert_int_equal(due[0].rule->keep[1], 17);
    assert_string_equal(due[1].source->legal_basis, "某法");
    assert_int_equal(due[1].rule->action, RETENTION_ERASE);
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-01-11"), due, 1), 2);
    assert_true(due[0].now);
    kit_set_on(t, m, "note", "甲", "2026-01-01");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, m, kit_day("2026-01-06"), due, 4), 1);
    assert_string_equal(date_of(due[0].day), "2026-01-06");
    assert_true(due[0].now);
    struct head moved = {.version = {.hlc = UINT64_MAX}, .value = BYTES("later")}; /* what the hub does by itself is no change */
    struct field *home = record_field_make(m, FIELD_HOME, &t->memory), *emptied = record_field_make(m, 900, &t->memory);
    home->heads = &moved;
    home->head_count = 1;
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, m, kit_day("2026-01-06"), due, 4), 1);
    assert_string_equal(date_of(due[0].day), "2026-01-06");
    struct head empty = {.version = {.hlc = UINT64_MAX}};
    emptied->heads = &empty;
    emptied->head_count = 1;
    assert_true(retention_last_change(m) == kit_day("2026-01-01"));
    empty.version = (struct version){.hlc = HLC_MS(kit_day("2026-01-03") * 86400000LL), .node = 3}; /* what an office empties is one */
    assert_true(retention_last_change(m) == kit_day("2026-01-03"));
#define KEEP(rule) "kind: retention\nname: a\nrules:\n  - {name: a, " rule "}\n"
    kit_refuses(
        t, KEEP("type: WageClaim, event: amount, days: 1, action: erase"),
        "kit:4:39: amount is no date; an event is a date field or last_change\n");
    kit_refuses(t, KEEP("type: WageClaim, event: closed_on, days: 1, action: shrink"), "kit:4:5: keep is missing\n");
    kit_refuses(
        t, KEEP("type: WageClaim, event: closed_on, days: 1, action: erase, keep: [opened_on]"), "only a shrunk record keeps fields");
    kit_refuses(
        t, KEEP("type: WageClaim, event: closd_on, days: 1, action: erase"), "WageClaim has no field closd_on; did you mean closed_on?");
    kit_refuses(t, KEEP("type: WageClaim, days: -1, action: erased"), "kit:4:5: event is missing");
}

/* A case is kept while it is open, however old it is. */
static void keeping_by_state(void **state) {
    struct rule_kit *t = *state;
    struct retention_due due[1];
    kit_add(
        t, 1,
        "kind: retention\nname: city\nrules:\n"
        "  - {name: claim, type: WageClaim, event: last_change, days: 10, action: erase, when: {field: state, is: [closed]}}\n");
    struct record *w = kit_record(t, "WageClaim");
    kit_move(t, w, "paid", "2026-01-01");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-12-31"), due, 1), 0);
    kit_move(t, w, "closed", "2026-02-01");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-12-31"), due, 1), 1);
    assert_string_equal(date_of(due[0].day), "2026-02-11");
    kit_refuses(
        t, KEEP("type: WageClaim, event: last_change, days: 1, action: erase, when: {field: state, is: [close]}"),
        "WageClaim has no state close; did you mean closed?\n");
    kit_refuses(
        t, "kind: deadlines\nname: a\ndeadlines:\n  - {name: a, type: WageClaim, state: payed, count: 5, unit: day}\n",
        "kit:4:39: WageClaim has no state payed; did you mean paid?\n");
}

/* A month ends before its records do. */
static void imprecise_dates(void **state) {
    struct rule_kit *t = *state;
    struct retention_due due[1];
    kit_add(t, 1, "kind: retention\nname: city\nrules:\n  - {name: claim, type: WageClaim, event: closed_on, days: 0, action: erase}\n");
    struct record *w = kit_record(t, "WageClaim");
    kit_set(t, w, "closed_on", "2026-02");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-02-28"), due, 1), 1);
    assert_true(due[0].day >= kit_day("2026-02-28"));
    kit_set(t, w, "closed_on", "2026");
    assert_int_equal(rules_retention(&t->rules, &t->catalogue, w, kit_day("2026-02-28"), due, 1), 1);
    assert_true(due[0].day >= kit_day("2026-12-31"));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(working_days),
        TEST(working_days_add_up),
        TEST(wrong_calendars),
        TEST(dues),
        TEST(dues_of_open_cases),
        TEST(areas),
        TEST(names),
        TEST(services),
        TEST(papers),
        TEST(board),
        TEST(schools),
        TEST(ranking),
        TEST(keeping),
        TEST(imprecise_dates),
        TEST(keeping_by_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
