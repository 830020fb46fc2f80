/* Values: text -> value -> bytes -> value -> text; what cannot be read; bytes that are broken. */
#include "common/base/random.h"
#include "common/model/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void round_trip(enum value_kind kind, const char *text, const char *shown) {
    struct value v, w;
    struct buffer packed = {0}, again = {0};
    assert_null(value_read(kind, bytes_text(text), &v));
    value_pack(&v, &packed);
    assert_true(value_unpack(buffer_bytes(&packed), &w));
    value_text(&w, &again);
    assert_string_equal(buffer_string(&again), shown);
    for (size_t cut = 1; cut < packed.len; cut++)
        assert_false(value_unpack(bytes_of(packed.at, cut), &w));
    buffer_close(&packed);
    buffer_close(&again);
}

static void every_kind_goes_round(void **state) {
    (void)state;
    round_trip(VALUE_TEXT, "王宇轩", "王宇轩");
    round_trip(VALUE_CODE, "1", "1");
    round_trip(VALUE_NUMBER, "-17", "-17");
    round_trip(VALUE_FEN, "12.3", "12.30");
    round_trip(VALUE_FEN, "-0.05", "-0.05");
    round_trip(VALUE_FLAG, "true", "true");
    round_trip(VALUE_DATE, "1880-02-29", "1880-02-29");
    round_trip(VALUE_DATE, "2025-03", "2025-03");
    round_trip(VALUE_DATE, "1969", "1969");
    round_trip(VALUE_AREA, "650203001001", "650203001001");
    round_trip(VALUE_REFERENCE, "00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff");
}

static void every_day_of_four_centuries(void **state) {
    (void)state;
    int64_t last = INT64_MIN;
    for (unsigned y = 1700; y < 2100; y++)
        for (unsigned m = 1; m <= 12; m++)
            for (unsigned d = 1; d <= 31; d++) {
                struct buffer b = {0};
                struct value v;
                buffer_format(&b, "%04u-%02u-%02u", y, m, d);
                if (value_read(VALUE_DATE, buffer_bytes(&b), &v) == NULL) {
                    assert_true(last == INT64_MIN || v.number == last + 1);
                    last = v.number;
                }
                buffer_close(&b);
            }
}

static void what_cannot_be_read(void **state) {
    (void)state;
    const struct {
        enum value_kind kind;
        const char *text;
    } bad[] = {{VALUE_DATE, "2025-02-29"}, {VALUE_DATE, "2025-13-01"}, {VALUE_DATE, "2025/01/01"}, {VALUE_DATE, ""},
               {VALUE_NUMBER, ""},         {VALUE_NUMBER, "1a"},       {VALUE_FEN, "1."},          {VALUE_FEN, "1.234"},
               {VALUE_FLAG, "yes"},        {VALUE_AREA, "65020"},      {VALUE_REFERENCE, "12"},    {VALUE_TEXT, "\xff"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct value v;
        assert_non_null(value_read(bad[i].kind, bytes_text(bad[i].text), &v));
    }
}

static void lists_and_unknown_kinds(void **state) {
    (void)state;
    struct buffer list = {0}, packed = {0};
    struct value v;
    value_list_add(&list, BYTES("a"));
    value_list_add(&list, BYTES(""));
    value_list_add(&list, BYTES("b"));
    value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, &packed);
    assert_true(value_unpack(buffer_bytes(&packed), &v));
    struct bytes rest = v.list, item;
    assert_true(value_item(&rest, &item) && bytes_equal(item, BYTES("a")));
    assert_true(value_item(&rest, &item) && item.len == 0);
    assert_true(value_item(&rest, &item) && bytes_equal(item, BYTES("b")));
    assert_false(value_item(&rest, &item));
    assert_false(value_unpack(BYTES("\x5a\x01x"), &v)); /* field 11: a later build's */
    assert_true(value_unpack(BYTES(""), &v) && v.kind == VALUE_NONE);
    struct random r;
    random_seed(&r, 7);
    for (int i = 0; i < 20000; i++) {
        uint8_t noise[24];
        random_fill(&r, noise, sizeof noise);
        value_unpack(bytes_of(noise, random_below(&r, sizeof noise)), &v);
    }
    buffer_close(&list);
    buffer_close(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_goes_round),
        cmocka_unit_test(every_day_of_four_centuries),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(lists_and_unknown_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
