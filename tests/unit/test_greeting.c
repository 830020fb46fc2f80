/* What may be said before the hub has let one in: read in pieces of any size, and refused at the first byte that nobody of ours says. */
#include "common/net/greeting.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

static void say_greeting(struct buffer *b) {
    uint8_t g[GREETING_BYTES];
    greeting_of_hub(g);
    buffer_add(b, bytes_of(g, sizeof g));
}

static void say_command(struct buffer *b, const char *name, size_t body) {
    bool large = body > 255;
    buffer_u8(b, large ? 6 : 4);
    if (large)
        buffer_u64be(b, body);
    else
        buffer_u8(b, (uint8_t)body);
    buffer_u8(b, (uint8_t)strlen(name));
    buffer_text(b, name);
    for (size_t i = 1 + strlen(name); i < body; i++)
        buffer_u8(b, (uint8_t)i);
}

/* Feeds pieces of `step` bytes. True: nothing was wrong; `ends` gets what ended and where. */
static bool read_all(enum greeting_side side, struct bytes all, size_t step, size_t ends[8], size_t *count, struct greeting *g) {
    greeting_begin(g, side);
    *count = 0;
    for (size_t at = 0; at < all.len; at += step) {
        struct bytes piece = bytes_of(all.at + at, all.len - at < step ? all.len - at : step), rest = piece;
        while (rest.len > 0) {
            enum greeting_outcome o = greeting_take(g, &rest);
            if (o == GREETING_WRONG)
                return false;
            if (o == GREETING_ENDED)
                ends[(*count)++] = at + (piece.len - rest.len);
        }
    }
    return true;
}

static bool right(enum greeting_side side, const struct buffer *b) {
    struct greeting g;
    size_t ends[8], count;
    return read_all(side, buffer_bytes(b), b->len, ends, &count, &g);
}

static void handshakes_in_pieces(void **state) {
    (void)state;
    struct buffer node = {0}, hub = {0};
    struct greeting g;
    size_t ends[8], count;
    say_greeting(&node);
    say_command(&node, "HELLO", 200);
    say_command(&node, "INITIATE", 300);
    say_greeting(&hub);
    say_command(&hub, "WELCOME", 168);
    say_command(&hub, "READY", 60);
    for (size_t step = 1; step <= node.len; step++) {
        assert_true(read_all(GREETING_NODE, buffer_bytes(&node), step, ends, &count, &g));
        assert_int_equal(count, 3);
        assert_int_equal(ends[0], GREETING_BYTES);
        assert_int_equal(ends[1], GREETING_BYTES + GREETING_HELLO);
        assert_int_equal(ends[2], node.len);
        assert_true(greeting_named(&g, "INITIATE"));
    }
    for (size_t step = 1; step <= hub.len; step++) {
        assert_true(read_all(GREETING_HUB, buffer_bytes(&hub), step, ends, &count, &g));
        assert_int_equal(g.commands, 2);
        assert_true(greeting_named(&g, "READY"));
    }
    buffer_close(&node);
    buffer_close(&hub);
}

static void what_is_cut_off(void **state) {
    (void)state;
    struct buffer b = {0};
    static const size_t fixed[] = {0, 9, 10, 12, 17, 31};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        say_greeting(&b);
        assert_true(right(GREETING_NODE, &b));
        b.at[fixed[i]] = 1;
        assert_false(right(GREETING_NODE, &b));
        buffer_clear(&b);
    }
    say_greeting(&b);
    size_t greeted = b.len;
    say_command(&b, "HELLO", 199); /* it has one size */
    assert_false(right(GREETING_NODE, &b));
    b.len = greeted;
    say_command(&b, "HELLO", 300);
    assert_false(right(GREETING_NODE, &b));
    b.len = greeted;
    buffer_u8(&b, 0); /* a message before anybody was let in */
    assert_false(right(GREETING_NODE, &b));
    b.len = greeted;
    buffer_u8(&b, 2);
    buffer_u64be(&b, 512 << 20);
    assert_false(right(GREETING_NODE, &b));
    b.len = greeted;
    say_command(&b, "HELLO", 200);
    size_t called = b.len;
    say_command(&b, "INITIATE", GREETING_COMMAND);
    assert_true(right(GREETING_NODE, &b));
    b.len = called;
    buffer_u8(&b, 6);
    buffer_u64be(&b, GREETING_COMMAND + 1);
    assert_false(right(GREETING_NODE, &b));
    b.len = called;
    buffer_u8(&b, 4);
    buffer_u8(&b, 0); /* a command without a name */
    assert_false(right(GREETING_NODE, &b));
    buffer_close(&b);
}

/* The porter greets in the hub's place, so it must say what the library says. */
static void as_the_library_greets(void **state) {
    (void)state;
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    int on = 1;
    char endpoint[64], public[41], secret[41];
    size_t len = sizeof endpoint, had = 0;
    uint8_t ours[GREETING_BYTES], its[GREETING_BYTES];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    zmq_setsockopt(router, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret, sizeof secret);
    assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &len), 0);
    to.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    greeting_of_hub(ours);
    assert_int_equal(send(fd, ours, sizeof ours, 0), (ssize_t)sizeof ours);
    while (had < sizeof its) {
        ssize_t n = recv(fd, its + had, sizeof its - had, 0);
        assert_true(n > 0);
        had += (size_t)n;
    }
    assert_memory_equal(ours, its, sizeof its);
    close(fd);
    zmq_close(router);
    zmq_ctx_term(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_in_pieces),
        cmocka_unit_test(what_is_cut_off),
        cmocka_unit_test(as_the_library_greets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
