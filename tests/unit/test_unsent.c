/* The file of what was not sent: whole, or it is none. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/engine/unsent.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// cmocka needs the four above
#include <cmocka.h>

enum { NODE = 7, PUSHES = 3 };

static void make_keys(struct keys *k) {
    memset(k, 0, sizeof *k);
    invariant(crypto_sign_ed25519_keypair(k->public.sign, k->sign_secret) == 0);
}

/* A file of three pushes of one change each. */
static void make_file(const struct keys *k, struct buffer *out) {
    struct hash chain = {{0}};
    unsent_begin(NODE, out);
    for (uint64_t i = 1; i <= PUSHES; i++) {
        CLEANUP(buffer_close) struct buffer raw = {0}, body = {0};
        uint8_t signature[SIGNATURE_BYTES];
        struct bytes packed = bytes_text(i == 1 ? "one" : i == 2 ? "two" : "three");
        struct push p = {.session = 99, .incarnation = {{5}}, .first = i, .count = 1, .before = chain};
        wire_batch_add(&raw, packed);
        assert_int_equal(wire_batch_seal(buffer_bytes(&raw), &body), 0);
        chain = p.after = wire_chain(&chain, packed);
        p.body = buffer_bytes(&body);
        push_sign(k, NODE, &p, signature);
        p.signature = bytes_of(signature, sizeof signature);
        unsent_add(&p, out);
    }
    unsent_end(k, out);
}

static bool good(struct bytes file, const struct keys *k) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct unsent u;
    return unsent_read(file, &a, &u) == 0 && unsent_holds(&u, k->public.sign);
}

static void a_file_says_what_was_put_in(void **state) {
    CLEANUP(buffer_close) struct buffer file = {0};
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct keys k, other;
    struct unsent u;
    (void)state;
    make_keys(&k);
    make_keys(&other);
    make_file(&k, &file);
    assert_int_equal(unsent_read(buffer_bytes(&file), &a, &u), 0);
    assert_int_equal(u.node, NODE);
    assert_int_equal(u.count, PUSHES);
    assert_int_equal(u.pushes[2].first, 3);
    assert_true(unsent_holds(&u, k.public.sign));
    assert_false(unsent_holds(&u, other.public.sign));
    u.node++;
    assert_false(unsent_holds(&u, k.public.sign));
}

static void what_was_cut_or_changed_is_none(void **state) {
    CLEANUP(buffer_close) struct buffer file = {0};
    struct keys k;
    (void)state;
    make_keys(&k);
    make_file(&k, &file);
    for (size_t len = 0; len < file.len; len++)
        assert_false(good(bytes_of(file.at, len), &k));
    for (size_t i = 0; i < file.len; i++) {
        uint8_t was = file.at[i];
        file.at[i] ^= 0x01;
        assert_false(good(buffer_bytes(&file), &k));
        file.at[i] = was;
    }
    assert_true(good(buffer_bytes(&file), &k));
    buffer_text(&file, "x");
    assert_false(good(buffer_bytes(&file), &k));
}

/* Each push is signed; so is that there are no more and no fewer. */
static void none_can_be_left_out(void **state) {
    CLEANUP(buffer_close) struct buffer file = {0}, fewer = {0};
    struct keys k;
    (void)state;
    make_keys(&k);
    make_file(&k, &file);
    const uint8_t *at = file.at, *end = file.at + file.len;
    for (unsigned line = 0; at < end; line++) {
        const uint8_t *next = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
        if (line != 2)
            buffer_add(&fewer, bytes_of(at, (size_t)(next - at)));
        at = next;
    }
    assert_false(good(buffer_bytes(&fewer), &k));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_what_was_put_in),
        cmocka_unit_test(what_was_cut_or_changed_is_none),
        cmocka_unit_test(none_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
