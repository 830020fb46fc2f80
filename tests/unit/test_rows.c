/* Rows in the order of one of their fields: numbers, texts with numbers in them, what is not known, what is equal. */
#include "common/daemon/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sorts(const char *values, const char *field, bool down, const char *order) {
    json_t *rows = json_loads(values, 0, NULL), *row;
    size_t i;
    struct buffer names = {0};
    assert_non_null(rows);
    rows = rows_sorted_by(rows, field, down);
    json_array_foreach(rows, i, row) buffer_text(&names, json_string_value(json_object_get(row, "id")));
    assert_string_equal(buffer_string(&names), order);
    json_decref(rows);
    buffer_close(&names);
}

static void numbers(void **state) {
    static const char rows[] = "[{\"id\":\"a\",\"v\":10},{\"id\":\"b\",\"v\":9},{\"id\":\"c\",\"v\":-1},{\"id\":\"d\",\"v\":4294967296}]";
    (void)state;
    sorts(rows, "v", false, "cbad");
    sorts(rows, "v", true, "dabc");
}

static void texts(void **state) {
    static const char rows[] =
        "[{\"id\":\"a\",\"v\":\"10?\"},{\"id\":\"b\",\"v\":\"9\"},{\"id\":\"c\",\"v\":\"\"},{\"id\":\"d\",\"v\":\"东\"}]";
    (void)state;
    sorts(rows, "v", false, "cbad");
    sorts(rows, "v", true, "dabc");
}

static void answers(void **state) {
    static const char rows[] = "[{\"id\":\"a\",\"v\":true},{\"id\":\"b\",\"v\":false}]";
    (void)state;
    sorts(rows, "v", false, "ba");
    sorts(rows, "v", true, "ab");
}

static void unknown_is_last(void **state) {
    static const char rows[] = "[{\"id\":\"a\",\"v\":null},{\"id\":\"b\",\"v\":1},{\"id\":\"c\"},{\"id\":\"d\",\"v\":2}]";
    (void)state;
    sorts(rows, "v", false, "bdac");
    sorts(rows, "v", true, "dbac");
    sorts("[]", "v", true, "");
}

static void equal_stay(void **state) {
    static const char rows[] =
        "[{\"id\":\"a\",\"v\":2},{\"id\":\"b\",\"v\":1},{\"id\":\"c\",\"v\":2},{\"id\":\"d\",\"v\":1},{\"id\":\"e\",\"v\":2}]";
    (void)state;
    sorts(rows, "v", false, "bdace");
    sorts(rows, "v", true, "acebd");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),         cmocka_unit_test(texts),      cmocka_unit_test(answers),
        cmocka_unit_test(unknown_is_last), cmocka_unit_test(equal_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
