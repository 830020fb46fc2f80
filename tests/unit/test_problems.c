/* The table of problems: words in both languages name the same facts, codes are unique and stable in form, and facts are told as people
 * read them. */
#include "common/daemon/problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The facts of these words, one by one, are in those. */
static void named_in(const char *code, const char *words, const char *others) {
    char name[40];
    for (const char *at = strchr(words, '{'); at != NULL; at = strchr(at + 1, '{')) {
        size_t n = strcspn(at, "}") + 1;
        assert_true(n < sizeof name);
        memcpy(name, at, n);
        name[n] = '\0';
        if (strstr(others, name) == NULL)
            fail_msg("%s: %s is in one language only: %s | %s", code, name, words, others);
    }
}

static void both_languages_name_the_same_facts(void **state) {
    (void)state;
    for (enum problem_name i = 0; i < PROBLEM_NAMES; i++) {
        const struct problem *p = problem_of(i);
        assert_true(strlen(p->en) > 0 && strlen(p->zh) > 0 && strlen(p->next) > 0 && strlen(p->next_zh) > 0);
        named_in(p->code, p->en, p->zh);
        named_in(p->code, p->zh, p->en);
        named_in(p->code, p->next, p->next_zh);
        named_in(p->code, p->next_zh, p->next);
    }
}

static void codes_are_unique_words(void **state) {
    (void)state;
    for (enum problem_name i = 0; i < PROBLEM_NAMES; i++) {
        const struct problem *p = problem_of(i);
        assert_int_equal(strspn(p->code, "abcdefghijklmnopqrstuvwxyz_"), strlen(p->code));
        assert_true(strcmp(p->where, "hub") == 0 || strcmp(p->where, "node") == 0 || strcmp(p->where, "both") == 0);
        assert_true(p->level == PROBLEM_WARNING || p->level == PROBLEM_CRITICAL);
        for (enum problem_name k = 0; k < i; k++)
            assert_string_not_equal(p->code, problem_of(k)->code);
    }
}

static void expect(const struct problem_found *f, bool zh, const char *text) {
    struct buffer b = {0};
    problem_text(f, zh, &b);
    assert_string_equal(buffer_string(&b), text);
    buffer_close(&b);
}

static void facts_are_told_as_people_read_them(void **state) {
    (void)state;
    struct problems p = {.count = 0};
    problem_add(&p, PROBLEM_BACKUP_OLD, "{s:I}", "age_ms", (json_int_t)3 * 86400000);
    expect(&p.list[0], false, "the last backup is 3 days old");
    expect(&p.list[0], true, "上次备份距今3天");
    problem_add(&p, PROBLEM_BACKUP_OLD, "{s:I}", "age_ms", (json_int_t)119000);
    expect(&p.list[1], false, "the last backup is 119 seconds old");
    problem_add(&p, PROBLEM_DISK_LOW, "{s:I}", "free_bytes", (json_int_t)700 << 20);
    expect(&p.list[2], false, "only 700 MiB are free on this disk");
    problem_add(&p, PROBLEM_BACKUP_FAILED, "{s:s}", "why", "no room");
    expect(&p.list[3], false, "the last backup failed: no room");
    problems_sort(&p);
    assert_int_equal(p.list[0].name, PROBLEM_BACKUP_FAILED); /* the critical one first, the others in their order */
    assert_int_equal(p.list[1].name, PROBLEM_BACKUP_OLD);
    assert_int_equal(p.list[3].name, PROBLEM_DISK_LOW);
    assert_int_equal(problems_level(&p), PROBLEM_CRITICAL);
    assert_int_equal(problems_number(&p, PROBLEM_BACKUP_OLD), 2);
    problem_add(&p, PROBLEM_QUARANTINE, "{s:I}", "count", (json_int_t)7);
    assert_int_equal(problems_number(&p, PROBLEM_QUARANTINE), 7);
    problems_close(&p);
    assert_int_equal(problems_level(&p), PROBLEM_FINE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_languages_name_the_same_facts),
        cmocka_unit_test(codes_are_unique_words),
        cmocka_unit_test(facts_are_told_as_people_read_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
