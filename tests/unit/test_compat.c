/* A capture of every message of each protocol number, written once: tests/compat/protocol-N. This build reads it, says the same of it as
 * the build that wrote it, and writes it again byte for byte, so that the other side, one version older or newer, reads us too. */
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/program.h"
#include "common/sync/narrate.h"
#include "common/wire/wire.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is read of a frame, in words; packed again it is the same message. */
static void read_frame(const char *path, struct bytes frame, struct buffer *words, struct buffer *again) {
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    if (wire_unpack(frame, &a, m) != 0)
        fail_msg("%s is not read any more", path);
    narrate_message(m, words);
    assert_int_equal(wire_pack(m, again), 0);
    free(m);
    arena_close(&a);
}

/* Appends "NAME: what narrate says". A frame may lack fields that this build always writes, so the first writing is compared with the
 * second. */
static void look(const char *path, struct buffer *said) {
    struct buffer frame = {0}, first = {0}, second = {0}, words = {0}, words_again = {0};
    assert_int_equal(file_read(path, LIMIT_MESSAGE_BYTES, &frame), 0);
    read_frame(path, buffer_bytes(&frame), &words, &first);
    read_frame(path, buffer_bytes(&first), &words_again, &second);
    if (!bytes_equal(buffer_bytes(&first), buffer_bytes(&second)) || strcmp(buffer_string(&words), buffer_string(&words_again)) != 0)
        fail_msg("%s is not the same after it was read and written", path);
    buffer_format(said, "%s: %s\n", strrchr(path, '/') + 1, buffer_string(&words));
    buffer_close(&frame);
    buffer_close(&first);
    buffer_close(&second);
    buffer_close(&words);
    buffer_close(&words_again);
}

static void every_message_that_was(void **state) {
    (void)state;
    for (unsigned protocol = 1; protocol <= PROGRAM_PROTOCOL; protocol++) {
        char pattern[64];
        glob_t found;
        struct buffer said = {0}, then = {0};
        snprintf(pattern, sizeof pattern, "tests/compat/protocol-%u/*[!.]*", protocol);
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
            if (strstr(found.gl_pathv[i], "/said") == NULL)
                look(found.gl_pathv[i], &said);
        snprintf(pattern, sizeof pattern, "tests/compat/protocol-%u/said", protocol);
        if (file_read(pattern, LIMIT_DOCUMENT_BYTES, &then) != 0)
            fail_msg("%s is missing; it would be:\n%s", pattern, buffer_string(&said));
        assert_string_equal(buffer_string(&said), buffer_string(&then));
        globfree(&found);
        buffer_close(&said);
        buffer_close(&then);
    }
}

/* What the next protocol may do to this one: another field in a message, another kind of message. */
static void what_comes_next(void **state) {
    (void)state;
    static const uint8_t field[] = {0xfa, 0x01, 0x02, 'x', 'y'}, kind[] = {0xc2, 0x3e, 0x00};
    struct buffer frame = {0}, plain = {0}, with = {0};
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    assert_int_equal(file_read("tests/compat/protocol-1/tip", LIMIT_MESSAGE_BYTES, &frame), 0);
    assert_int_equal(wire_unpack(buffer_bytes(&frame), &a, m), 0);
    narrate_message(m, &plain);
    /* into the message inside the envelope, whose length is one byte */
    frame.at[1] = (uint8_t)(frame.at[1] + sizeof field);
    buffer_add(&frame, bytes_of(field, sizeof field));
    memset(m, 0, sizeof *m);
    assert_int_equal(wire_unpack(buffer_bytes(&frame), &a, m), 0);
    narrate_message(m, &with);
    assert_string_equal(buffer_string(&plain), buffer_string(&with));
    memset(m, 0, sizeof *m);
    assert_int_equal(wire_unpack(bytes_of(kind, sizeof kind), &a, m), WIRE_NEWER);
    free(m);
    arena_close(&a);
    buffer_close(&frame);
    buffer_close(&plain);
    buffer_close(&with);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_message_that_was), cmocka_unit_test(what_comes_next)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
