/* The announcement of the hub's next keys: what was written is read, and no byte of it can be another. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/engine/hub_move.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// cmocka needs the four above
#include <cmocka.h>

static const struct id16 city = {{1, 2, 3}};

static void make_keys(struct keys *k) {
    memset(k, 0, sizeof *k);
    randombytes_buf(k->curve_secret, sizeof k->curve_secret);
    invariant(crypto_scalarmult_base(k->public.curve, k->curve_secret) == 0);
    invariant(crypto_sign_ed25519_keypair(k->public.sign, k->sign_secret) == 0);
}

static void what_was_written_is_read(void **state) {
    CLEANUP(buffer_close) struct buffer body = {0};
    struct keys former, next;
    struct hub_move m;
    struct id16 other = {{9}};
    (void)state;
    make_keys(&former);
    make_keys(&next);
    hub_move_write(&city, &former, &next.public, BYTES("tcp://hub.example:7411"), &body);
    assert_true(hub_move_read(buffer_bytes(&body), &m));
    assert_memory_equal(&m.former, &former.public, sizeof m.former);
    assert_memory_equal(&m.next, &next.public, sizeof m.next);
    assert_true(bytes_equal(m.endpoint, BYTES("tcp://hub.example:7411")));
    assert_true(hub_move_holds(&m, &city));
    assert_false(hub_move_holds(&m, &other));
    hub_move_read(buffer_bytes(&body), &m);
    m.former = next.public; /* signed by itself is signed by nobody that we know */
    assert_false(hub_move_holds(&m, &city));
}

/* The two lines before the keys are for people. */
static void no_byte_can_be_another(void **state) {
    CLEANUP(buffer_close) struct buffer body = {0};
    struct keys former, next;
    struct hub_move m, whole;
    (void)state;
    make_keys(&former);
    make_keys(&next);
    hub_move_write(&city, &former, &next.public, BYTES("tcp://hub.example:7411"), &body);
    assert_true(hub_move_read(buffer_bytes(&body), &whole));
    size_t from = (size_t)((const uint8_t *)strstr(buffer_string(&body), "former: ") - body.at);
    for (size_t i = from; i < body.len; i++) {
        uint8_t was = body.at[i];
        body.at[i] ^= 0x01;
        bool good =
            hub_move_read(buffer_bytes(&body), &m) && hub_move_holds(&m, &city) && memcmp(&m.former, &former.public, sizeof m.former) == 0;
        assert_false(good && i + 1 < body.len); /* the last line's end may be anything */
        body.at[i] = was;
    }
    for (size_t len = 0; len + 1 < body.len; len++)
        assert_false(hub_move_read(bytes_of(body.at, len), &m) && hub_move_holds(&m, &city));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(no_byte_can_be_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
