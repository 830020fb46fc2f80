/* What no policy may bring in: a good file of each form turns red with one refused thing put into it. */
#include "tests/support/rule_kit.h"

#include "common/catalogue/refusals.h"

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

static void persons(void **state) {
    (void)state;
    static const char *const none[] = {
        "",          "650203001001", "2026-03-01",  "20204",   "0990-6220000",          "91650299MA0000001E", "WageClaim",
        "1.50",      "10000000",     "650203",      "第129条", "2026-03-01 2026-03-31", "公安部令第1号",      "Person.name",
        "[0-9]{11}", "a-b-c-d-e",    "12345678901a"};
    static const char *const identities[] = {"650299199001010011",
                                             "证件650299199001010012号",
                                             "99000019850506123x",
                                             "650299 19900101 0011",
                                             "６５０２９９１９９００１０１００１１",
                                             "650299900101001"};
    static const char *const phones[] = {"12900000000",   "+8612900000000", "8612900000000",         "电话：12900000000",
                                         "129-0000-0000", "129 0000 0000",  "１２９００００００００"};
    static const char *const records[] = {"0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (refusals_person(none[i]) != NULL)
            fail_msg("'%s' is taken for %s", none[i], refusals_person(none[i]));
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++)
        assert_string_equal(refusals_person(identities[i]) == NULL ? identities[i] : refusals_person(identities[i]), "an identity number");
    for (size_t i = 0; i < sizeof phones / sizeof *phones; i++)
        assert_string_equal(refusals_person(phones[i]) == NULL ? phones[i] : refusals_person(phones[i]), "a phone number");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        assert_string_equal(refusals_person(records[i]) == NULL ? records[i] : refusals_person(records[i]), "the id of a record");
    assert_string_equal(refusals_person("650203001001-P000017"), "the key of a record");
}

/* A good document of each kind; where @ stands, a word is put. */
static const char *const forms[] = {
    "kind: area_tree\nname: city\nareas:\n  - {code: \"650203001001\", zh: @}\n",
    "kind: code_list\nname: city\ncodes:\n  - {code: a, zh: @}\n",
    "kind: code_list\nname: city\ncodes:\n  - {code: a, zh: 甲, en: @}\n",
    "kind: code_list\nname: city\ncodes:\n  - {code: @, zh: 甲}\n",
    "kind: code_list\nname: @\ncodes:\n  - {code: a, zh: 甲}\n",
    "kind: labels\nname: city\nlabels:\n  Person: {zh: @}\n",
    "kind: labels\nname: city\nlabels:\n  ui.@: {zh: 甲}\n",
    "kind: validation\nname: city\nrules:\n  - {name: @, field: Person.name, rule: required, severity: warn}\n",
    "kind: validation\nname: city\nrules:\n  - {name: a, field: Person.name, rule: required, severity: warn, zh: @}\n",
    "kind: deadlines\nname: city\ndeadlines:\n  - {name: @, type: WageClaim, count: 1, unit: day}\n",
    "kind: calendar\nname: city\nfirst: 2026-01-01\nlast: 2026-12-31\nholidays: [{from: 2026-01-01, to: 2026-01-03, zh: @}]\n",
    "kind: wage_floor\nname: city\nfloors: [{month: 1900, hour: 19}]\nfields: [{field: Vacancy.wage_min, unit: month, severity: warn, zh: "
    "@}]\n",
    "kind: retention\nname: city\nrules:\n  - {name: @, type: WageClaim, event: closed_on, days: 1, action: erase}\n",
    "kind: service_catalogue\nname: city\nservices:\n  - {code: a, zh: @, type: WageClaim, authority: 某局, legal: 某法}\n",
    "kind: document_rules\nname: city\nchecklists:\n  - {service: a, any_of: [[{kind: a, zh: @}]]}\n",
    "kind: notices\nname: city\nnotices:\n  - {name: a, to: 2026-12-31, title: {zh: @}, body: {zh: 甲}}\n",
    "kind: school_admission\nname: city\nopens: 2026-01-01\ncloses: 2026-01-02\npublished: 2026-01-03\nranking: [points]\nschools:\n"
    "  - {code: a, zh: @, grades: [{grade: 1, seats: 4}]}\n",
    "kind: points_schedule\nname: city\npublished: 2026-01-01\nindices:\n"
    "  - {index: a, zh: @, counts: residence, unit: year, points: 1, cap: 2, evidence: [proof]}\n"
    "  - {index: b, zh: 甲, counts: employment, unit: year, points: 1, cap: 2, evidence: [proof]}\n"
    "  - {index: c, zh: 甲, counts: insurance, unit: year, points: 1, cap: 2, evidence: [proof]}\n",
    "kind: protocol\nname: city\nleast_protocol: 1\nfeatures:\n  @: true\n",
    "kind: permit_rules\nname: city\ngrounds:\n  - {ground: @}\n",
    "kind: settlement_rules\nname: city\ntiers:\n  - {tier: @}\n",
    "kind: report_defs\nname: city\nreports:\n  - {name: a, by: [@]}\n",
    "kind: match_rules\nname: city\nkeys:\n  - {field: @, weight: 3}\n",
    "kind: organisation_notices\nname: city\nnotices:\n  - {org: @}\n",
    "kind: purposes\nname: purposes\npurposes:\n  - {number: 1, name: a, zh: @}\n",
};

static char *with(const char *form, const char *word) {
    const char *at = strchr(form, '@');
    char *text = malloc(strlen(form) + strlen(word));
    assert_non_null(text);
    assert_non_null(at);
    sprintf(text, "%.*s%s%s", (int)(at - form), form, word, at + 1);
    return text;
}

static void every_kind_is_looked_at(void **state) {
    struct rule_kit *t = *state;
    static const char *const bad[][2] = {
        {"民族", "民族: this system never holds such a thing\n"},
        {"ethnicity", "ethnicity: this system never holds such a thing\n"},
        {"重点人员", "重点人员: this system never holds such a thing\n"},
        {"contraception", "contraception: this system never holds such a thing\n"},
        {"\"650299199001010011\"", "this holds an identity number: a policy is about everybody, never about one person\n"},
        {"\"12900000000\"", "this holds a phone number: a policy is about everybody, never about one person\n"},
        {"0123456789abcdef0123456789abcdef", "this holds the id of a record: a policy is about everybody, never about one person\n"},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        char *good = with(forms[f], "thing");
        kit_takes(t, good);
        free(good);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            char *text = with(forms[f], bad[i][0]);
            if (strncmp(forms[f], "kind: labels\nname: city\nlabels:\n  ui", 36) == 0 && bad[i][0][0] == '"') {
                free(text);
                continue; /* a key in quotes is not part of a word */
            }
            kit_refuses(t, text, bad[i][1]);
            free(text);
        }
    }
}

static void lists_of_people(void **state) {
    struct rule_kit *t = *state;
    static const char *const keys[] = {"persons", "people", "person_ids", "名单", "重新核查名单", "当事人", "members"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[256], complaint[128];
        snprintf(text, sizeof text, "kind: report_defs\nname: city\nreports:\n  - {name: a, %s: [甲, 乙]}\n", keys[i]);
        snprintf(complaint, sizeof complaint, "kit:4:15: '%s': a policy has no list of people\n", keys[i]);
        kit_refuses(t, text, complaint);
    }
    kit_takes(t, "kind: labels\nname: city\nlabels:\n  Person: {zh: 居民}\n");
}

static void negative_points(void **state) {
    struct rule_kit *t = *state;
    kit_refuses(
        t, "kind: settlement_rules\nname: city\ntiers:\n  - {tier: a, points: -1}\n",
        "kit:4:23: points below zero: this system takes nothing away from people\n");
    kit_refuses(t, "kind: match_rules\nname: city\nkeys:\n  - {field: a, score: -1}\n", "score below zero");
    kit_takes(t, "kind: match_rules\nname: city\nkeys:\n  - {field: a, weight: -1}\n");
}

/* They warn of such words, so they have to name them; and laws are called what they are called. */
static void where_words_may_stand(void **state) {
    struct rule_kit *t = *state;
    kit_takes(t, "kind: text_lint\nname: city\nnotes: [MediationCase.note]\nterms: [{term: 民族, zh: 不记录民族, en: no ethnicity}]\n");
    kit_takes(t, "kind: labels\nname: city\nlegal_basis: 民族区域自治法\nlabels:\n  Person: {zh: 居民}\n");
    kit_takes(
        t, "kind: notices\nname: city\nnotices:\n  - {name: a, to: 2026-12-31, title: {zh: 告知}, body: {zh: 本站不登记民族和宗教信仰}}\n");
    kit_refuses(
        t, "kind: text_lint\nname: 民族\nnotes: [MediationCase.note]\nterms: [{term: a, zh: 甲}]\n",
        "kit:2:7: 民族: this system never holds");
    kit_refuses(
        t, "kind: text_lint\nname: city\nnotes: [MediationCase.note]\nterms: [{term: \"12900000000\", zh: 甲}]\n", "a phone number");
    kit_refuses(
        t, "kind: notices\nname: city\nnotices:\n  - {name: a, to: 2026-12-31, title: {zh: 告知}, body: {zh: 请找12900000000}}\n",
        "a phone number");
    kit_refuses(t, "kind: labels\nname: city\nlegal_basis: \"650299199001010011\"\nlabels:\n  Person: {zh: 居民}\n", "an identity number");
}

/* A kind that this build does not know is looked at all the same. */
static void unknown_kinds(void **state) {
    struct rule_kit *t = *state;
    struct complaints c = {.count = 0};
    struct rule_text text = {.kind = "of_next_year", .name = "a", .text = BYTES("kind: of_next_year\nname: a\nfields: [ethnicity]\n")};
    assert_false(rules_add(&t->rules, &text, &t->catalogue, &c));
    assert_string_equal(buffer_string(&c.text), "a:3:10: ethnicity: this system never holds such a thing\n");
    assert_null(t->rules.sources);
    complaints_close(&c);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(persons),         TEST(every_kind_is_looked_at), TEST(lists_of_people),
        TEST(negative_points), TEST(where_words_may_stand),   TEST(unknown_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
