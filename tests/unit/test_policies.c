/* The sample city's set of policies (deploy/policies): every file is taken, every kind has one, and together they stand. */
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/catalogue/calendar.h"
#include "common/catalogue/points.h"
#include "common/catalogue/rules.h"
#include "common/catalogue/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

struct city {
    struct catalogue catalogue;
    struct rules rules;
};

static void each(const char *pattern, void (*with)(struct city *c, const char *path, struct bytes text), struct city *c) {
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buffer text = {0};
        assert_int_equal(file_read(found.gl_pathv[i], LIMIT_DOCUMENT_BYTES, &text), 0);
        with(c, found.gl_pathv[i], buffer_bytes(&text));
        buffer_close(&text);
    }
    globfree(&found);
}

static void add_type(struct city *c, const char *path, struct bytes text) {
    struct complaints wrong = {.count = 0};
    if (!catalogue_add(&c->catalogue, path, text, &wrong))
        fail_msg("%s", buffer_string(&wrong.text));
    complaints_close(&wrong);
}

/* The word behind a key at the beginning of a line. */
static void word_of(struct bytes text, const char *key, char out[64]) {
    const uint8_t *at = memmem(text.at, text.len, key, strlen(key));
    assert_non_null(at);
    size_t len = 0;
    at += strlen(key);
    for (; at[len] != '\n' && len < 63; len++)
        out[len] = (char)at[len];
    out[len] = '\0';
}

static void add_policy(struct city *c, const char *path, struct bytes text) {
    struct complaints wrong = {.count = 0};
    char kind[64], name[64];
    if (!rules_kind_check(NULL, path, text, &c->catalogue, &wrong))
        fail_msg("%s", buffer_string(&wrong.text));
    word_of(text, "kind: ", kind);
    word_of(text, "\nname: ", name);
    struct rule_text t = {.kind = kind, .name = name, .version = 1, .from = 20454, .text = text};
    assert_true(rules_add(&c->rules, &t, &c->catalogue, &wrong));
    if (strlen(c->rules.sources->legal_basis) == 0)
        fail_msg("%s cites no law", path);
}

static int setup(void **state) {
    struct city *c = calloc(1, sizeof *c);
    struct complaints wrong = {.count = 0};
    each("deploy/catalogue/*.yaml", add_type, c);
    assert_true(catalogue_finish(&c->catalogue, &wrong));
    each("deploy/policies/*.yaml", add_policy, c);
    if (!rules_finish(&c->rules, &wrong))
        fail_msg("%s", buffer_string(&wrong.text));
    *state = c;
    return 0;
}

static int teardown(void **state) {
    struct city *c = *state;
    rules_close(&c->rules);
    catalogue_close(&c->catalogue);
    free(c);
    return 0;
}

static void a_file_for_every_kind(void **state) {
    const struct city *c = *state;
    for (size_t i = 0; rules_kind_name(i) != NULL; i++) {
        bool there = strcmp(rules_kind_name(i), "record_type") == 0 || strcmp(rules_kind_name(i), "purposes") == 0; /* deploy/catalogue */
        for (const struct rule_source *s = c->rules.sources; s != NULL; s = s->next)
            there |= strcmp(s->kind, rules_kind_name(i)) == 0;
        if (!there)
            fail_msg("deploy/policies has no %s", rules_kind_name(i));
    }
}

static void catalogue_files_pass_too(void **state) {
    struct city *c = *state;
    struct complaints wrong = {.count = 0};
    struct buffer text = {0};
    assert_int_equal(file_read("deploy/catalogue/purposes.yaml", LIMIT_DOCUMENT_BYTES, &text), 0);
    assert_true(rules_kind_check("purposes", "purposes.yaml", buffer_bytes(&text), &c->catalogue, &wrong));
    buffer_clear(&text);
    assert_int_equal(file_read("deploy/catalogue/53-WageClaim.yaml", LIMIT_DOCUMENT_BYTES, &text), 0);
    assert_true(rules_kind_check("record_type", "53-WageClaim.yaml", buffer_bytes(&text), &c->catalogue, &wrong));
    buffer_close(&text);
}

/* Every service has a form, a deadline and an authority: what a service promises is counted. */
static void services_have_deadlines(void **state) {
    const struct city *c = *state;
    const struct offer *menu[64];
    size_t count = services_offered(&c->rules, 20640 /* 2026-07-06 */, menu, 64);
    assert_true(count > 5 && count <= 64);
    for (size_t i = 0; i < count; i++) {
        struct due due;
        bool counted = rules_due(&c->rules, menu[i]->type, NULL, menu[i]->code, 20640, &due);
        const struct catalogue_type *t = catalogue_type_number(&c->catalogue, menu[i]->type);
        assert_non_null(t);
        if (!counted && strcmp(menu[i]->code, "school-place") != 0 &&
            strcmp(menu[i]->code, "training") != 0) /* these have published dates */
            fail_msg("service %s has no deadline", menu[i]->code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_for_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(catalogue_files_pass_too, setup, teardown),
        cmocka_unit_test_setup_teardown(services_have_deadlines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
