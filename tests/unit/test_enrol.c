/* Enrolment by token: texts that people copy, messages that strangers send, what the hub keeps. */
#include "common/wire/wire.h"
#include "common/wire/wire_enrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct enrol_token sample_token(void) {
    struct enrol_token t = {.area_count = 2, .expires = 1750000000000};
    memset(t.secret, 7, sizeof t.secret);
    memset(t.hub, 8, sizeof t.hub);
    memset(t.policy_root.b, 9, sizeof t.policy_root.b);
    assert_true(area_parse(BYTES("650203001001"), &t.areas[0]));
    assert_true(area_parse(BYTES("650203"), &t.areas[1]));
    return t;
}

static void a_token_mistyped_anywhere_is_no_token(void **state) {
    struct enrol_token t = sample_token(), back;
    struct buffer text = {0};
    (void)state;
    enrol_token_text(&t, &text);
    assert_null(memchr(text.at, '@', text.len)); /* what follows it is the hub's address */
    assert_true(enrol_token_parse(buffer_bytes(&text), &back));
    assert_memory_equal(&t, &back, sizeof t);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t was = text.at[i];
        text.at[i] = was == 'A' ? 'B' : 'A';
        assert_false(enrol_token_parse(buffer_bytes(&text), &back));
        text.at[i] = was;
        assert_false(enrol_token_parse(bytes_of(text.at, i), &back)); /* cut */
    }
    for (size_t i = 12; i + 1 < text.len; i++) { /* two letters changed places */
        uint8_t was = text.at[i];
        if (was == text.at[i + 1])
            continue;
        text.at[i] = text.at[i + 1];
        text.at[i + 1] = was;
        assert_false(enrol_token_parse(buffer_bytes(&text), &back));
        text.at[i + 1] = text.at[i];
        text.at[i] = was;
    }
    buffer_close(&text);
}

static struct enrol_ask sample_ask(void) {
    struct enrol_ask a = {.version = ENROL_VERSION};
    memset(a.secret, 7, sizeof a.secret);
    memset(a.policy_root.b, 9, sizeof a.policy_root.b);
    memset(a.signature, 5, sizeof a.signature);
    strcpy(a.public, "anju1:abc");
    return a;
}

static void an_ask_survives_and_is_checked(void **state) {
    struct enrol_ask a = sample_ask(), back;
    struct buffer b = {0};
    (void)state;
    enrol_ask_pack(&a, &b);
    assert_int_equal(enrol_ask_unpack(buffer_bytes(&b), &back), 0);
    assert_memory_equal(&a, &back, sizeof a);
    for (size_t i = 0; i < b.len; i++) { /* cut short it is broken, or lacks what it said at its end */
        int r = enrol_ask_unpack(bytes_of(b.at, i), &back);
        assert_true(r == WIRE_BROKEN || memcmp(&a, &back, sizeof a) != 0);
    }
    buffer_clear(&b);
    a.version = ENROL_VERSION + 1;
    enrol_ask_pack(&a, &b);
    assert_int_equal(enrol_ask_unpack(buffer_bytes(&b), &back), WIRE_NEWER);
    buffer_clear(&b);
    buffer_text(&b, "\x08\x01\x12\x0fshort by one...");
    assert_int_equal(enrol_ask_unpack(buffer_bytes(&b), &back), WIRE_BROKEN);
    buffer_close(&b);
}

static void what_is_signed_names_all_of_it(void **state) {
    struct enrol_ask a = sample_ask(), other = a;
    uint8_t hub[ENROL_KEY] = {1}, other_hub[ENROL_KEY] = {2};
    struct buffer one = {0}, two = {0};
    (void)state;
    enrol_ask_signed(&a, hub, &one);
    assert_false(memmem(one.at, one.len, a.secret, sizeof a.secret) != NULL);
    enrol_ask_signed(&a, other_hub, &two);
    assert_false(bytes_equal(buffer_bytes(&one), buffer_bytes(&two)));
    buffer_clear(&two);
    other.secret[3] ^= 1;
    enrol_ask_signed(&other, hub, &two);
    assert_false(bytes_equal(buffer_bytes(&one), buffer_bytes(&two)));
    buffer_clear(&two);
    other = a;
    other.public[7] ^= 1;
    enrol_ask_signed(&other, hub, &two);
    assert_false(bytes_equal(buffer_bytes(&one), buffer_bytes(&two)));
    buffer_close(&one);
    buffer_close(&two);
}

static void an_answer_survives(void **state) {
    struct enrol_answer a = {ENROL_WAIT, 2000, BYTES("file")}, back;
    struct buffer b = {0};
    (void)state;
    enrol_answer_pack(&a, &b);
    assert_int_equal(enrol_answer_unpack(buffer_bytes(&b), &back), 0);
    assert_true(back.outcome == ENROL_WAIT && back.retry_after_ms == 2000 && bytes_equal(back.file, a.file));
    assert_int_equal(enrol_answer_unpack(BYTES(""), &back), WIRE_BROKEN);
    assert_int_equal(enrol_answer_unpack(bytes_of(b.at, b.len - 1), &back), WIRE_BROKEN);
    buffer_close(&b);
}

static void what_the_hub_keeps_survives(void **state) {
    struct enrol_entry e =
                           {.area_count = 1,
                            .name = "和平社区",
                            .made = 5,
                            .expires = 6,
                            .claimed = 7,
                            .automatic = true,
                            .node = 8,
                            .names_hub = true,
                            .hub = {9, 9}},
                       back;
    struct buffer b = {0};
    (void)state;
    assert_true(area_parse(BYTES("650203001001"), &e.areas[0]));
    strcpy(e.public, "anju1:abc");
    e.rejected = true;
    enrol_entry_pack(&e, &b);
    assert_int_equal(enrol_entry_unpack(buffer_bytes(&b), &back), 0);
    assert_memory_equal(&e, &back, sizeof e);
    buffer_clear(&b);
    e.area_count = 0;
    enrol_entry_pack(&e, &b);
    assert_int_equal(enrol_entry_unpack(buffer_bytes(&b), &back), WIRE_BROKEN);
    buffer_close(&b);
}

static void the_code_is_of_both_machines(void **state) {
    uint8_t hub[ENROL_KEY] = {1}, other[ENROL_KEY] = {2};
    struct hash root = {{3}}, secret = {{4}}, secret2 = {{5}};
    char a[ENROL_CODE_TEXT], b[ENROL_CODE_TEXT], c[ENROL_CODE_TEXT];
    (void)state;
    enrol_code(hub, &root, &secret, "anju1:abc", a);
    assert_int_equal(strlen(a), 14);
    assert_true(a[4] == '-' && a[9] == '-');
    enrol_code(hub, &root, &secret, "anju1:abd", b);
    assert_string_not_equal(a, b);
    enrol_code(other, &root, &secret, "anju1:abc", b);
    assert_string_not_equal(a, b);
    enrol_code(hub, &secret, &secret, "anju1:abc", b);
    assert_string_not_equal(a, b);
    enrol_code(hub, &root, &secret2, "anju1:abc", b);
    assert_string_not_equal(a, b);
    assert_true(enrol_code_parse(a, c));
    assert_string_equal(a, c);
    assert_true(enrol_code_parse("o1li 0o00 zzZz", c)); /* as people write them */
    assert_string_equal(c, "0111-0000-ZZZZ");
    assert_true(enrol_code_parse("123456789012", c));
    assert_string_equal(c, "1234-5678-9012");
    static const char *const none[] = {"", "7", "4294967295", "1234-5678-901", "1234-5678-9012-3", "1234-5678-901U", "1234-5678-901*"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(enrol_code_parse(none[i], c));
}

static void every_outcome_has_words(void **state) {
    (void)state;
    assert_null(enrol_outcome_words(0));
    assert_null(enrol_outcome_words(16));
    assert_null(enrol_outcome_words(UINT32_MAX));
    for (uint32_t i = ENROL_DONE; i <= ENROL_TOO_BIG; i++) {
        const struct enrol_words *w = enrol_outcome_words(i);
        assert_true(w != NULL && *w->text != '\0' && (i == ENROL_DONE || *w->hint != '\0'));
        assert_true(w->final == (i < ENROL_WAIT || i > ENROL_BUSY));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_mistyped_anywhere_is_no_token),
        cmocka_unit_test(an_ask_survives_and_is_checked),
        cmocka_unit_test(what_is_signed_names_all_of_it),
        cmocka_unit_test(an_answer_survives),
        cmocka_unit_test(what_the_hub_keeps_survives),
        cmocka_unit_test(the_code_is_of_both_machines),
        cmocka_unit_test(every_outcome_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
