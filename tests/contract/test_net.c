/* Keys, the gate and both doors, over real sockets on loopback. */
#include "common/base/random.h"
#include "common/net/hub_door.h"
#include "common/net/node_door.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

static char folder[] = "/tmp/anju-net-XXXXXX";

/* Stands in front of the C library's, for libzmq as well: it needs AF_NETLINK, which the units refuse, and libzmq then aborts. */
static unsigned interfaces_asked;
int getifaddrs(struct ifaddrs **out) {
    (void)out;
    interfaces_asked++;
    errno = EOPNOTSUPP;
    return -1;
}

static void path_of(const char *name, char out[128]) {
    snprintf(out, 128, "%s/%s", folder, name);
}

static void make_keys(const char *name, struct keys *out) {
    char path[128];
    path_of(name, path);
    assert_int_equal(keys_make(path, out), 0);
}

static void keys_in_a_file(void **state) {
    (void)state;
    struct keys a, b;
    char path[128], text[PUBLIC_TEXT];
    struct public_keys p;
    uint8_t signature[64];
    make_keys("one", &a);
    path_of("one", path);
    assert_int_equal(keys_make(path, &b), KEYS_EXIST);
    assert_int_equal(keys_load(path, &b), 0);
    assert_memory_equal(&a, &b, sizeof a);
    public_text(&a.public, text);
    assert_true(public_parse(bytes_text(text), &p));
    assert_memory_equal(&p, &a.public, sizeof p);
    text[20] = text[20] == 'A' ? 'B' : 'A';
    assert_false(public_parse(bytes_text(text), &p));
    keys_sign(&a, BYTES("what"), signature);
    assert_true(keys_check(a.public.sign, BYTES("what"), bytes_of(signature, 64)));
    assert_false(keys_check(a.public.sign, BYTES("that"), bytes_of(signature, 64)));
    chmod(path, 0640);
    assert_int_equal(keys_load(path, &b), KEYS_OPEN);
    chmod(path, 0600);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(keys_load(path, &b), KEYS_BROKEN);
    unlink(path);
    assert_int_equal(keys_load(path, &b), KEYS_MISSING);
}

/* ---- a hub and one node on one loop */

struct stage {
    uv_loop_t loop;
    struct hub_door *hub;
    struct node_door *node;
    struct keys hub_keys, node_keys;
    enum gate_verdict verdict;
    char reason[256];
    unsigned up, down, hub_heard, node_heard, gone, asked;
    size_t last_len;
    uint8_t last_key[KEY_BYTES];
    bool echo, late;
};

static enum gate_verdict admits(void *owner, const uint8_t key[32]) {
    struct stage *s = owner;
    s->asked++;
    return memcmp(key, s->node_keys.public.curve, 32) == 0 ? s->verdict : GATE_REFUSED;
}

static void hub_heard(void *owner, const uint8_t key[32], struct bytes frame) {
    struct stage *s = owner;
    s->hub_heard++;
    s->last_len = frame.len;
    memcpy(s->last_key, key, 32);
    if (s->echo)
        hub_door_send(s->hub, key, frame);
}

static void hub_gone(void *owner, const uint8_t key[32]) {
    (void)key;
    ((struct stage *)owner)->gone++;
}

static void node_up(void *owner) {
    ((struct stage *)owner)->up++;
}

static void node_down(void *owner, const char *reason) {
    struct stage *s = owner;
    s->down++;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static void node_heard(void *owner, struct bytes frame) {
    (void)frame;
    ((struct stage *)owner)->node_heard++;
}

static void on_late(uv_timer_t *t) {
    *(bool *)t->data = true;
}

/* Runs the loop until the counter reaches the number; a minute is the deadline. */
static void until(struct stage *s, const unsigned *counter, unsigned number) {
    uv_timer_t t;
    bool late = false;
    uv_timer_init(&s->loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 60000, 0);
    while (*counter < number && !late)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

static void open_stage(struct stage *s) {
    static unsigned n;
    char name[32];
    memset(s, 0, sizeof *s);
    snprintf(name, sizeof name, "hub%u", ++n);
    make_keys(name, &s->hub_keys);
    snprintf(name, sizeof name, "node%u", n);
    make_keys(name, &s->node_keys);
    s->verdict = GATE_ADMITTED;
    uv_loop_init(&s->loop);
    struct hub_door_calls calls = {admits, hub_heard, hub_gone, s};
    assert_int_equal(hub_door_open(&s->loop, "tcp://127.0.0.1:*", &s->hub_keys, &calls, &s->hub), 0);
    assert_int_equal(hub_door_failures(s->hub)->count, 0); /* its own knock is nobody's */
    struct node_door_calls ours = {node_up, node_down, node_heard, s};
    s->node = node_door_open(&s->loop, hub_door_endpoint(s->hub), s->hub_keys.public.curve, &s->node_keys, &ours);
}

static void close_stage(struct stage *s) {
    s->node = node_door_close(s->node);
    s->hub = hub_door_close(s->hub);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

/* The hub's side of a failed handshake: it is told a moment after the node's. */
static void until_failed(struct stage *s, enum router_reason reason, uint64_t number) {
    uv_timer_t t;
    bool late = false;
    uv_timer_init(&s->loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 60000, 0);
    while (hub_door_failures(s->hub)->counts[reason] < number && !late)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    const struct router_failures *f = hub_door_failures(s->hub);
    uint64_t all = 0;
    for (size_t i = 0; i < ROUTER_REASONS; i++)
        all += f->counts[i];
    assert_int_equal(f->counts[reason], number);
    assert_int_equal(f->count, all < ROUTER_FAILURES ? all : ROUTER_FAILURES);
    assert_int_equal(f->last[0].reason, reason);
    if (reason != ROUTER_OTHER_HUB) /* that fails at once: the connection may be gone before anybody could ask where it came from */
        assert_string_equal(f->last[0].address, "127.0.0.1");
    assert_in_range(f->last[0].at, uv_now(&s->loop) - 60000, uv_now(&s->loop));
}

static void frames_go_both_ways(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s);
    s.echo = true;
    node_door_connect(s.node);
    until(&s, &s.up, 1);
    for (unsigned round = 1; round <= 10; round++) { /* libzmq tells of room in halves of what may wait */
        for (unsigned i = 0; i < 50; i++)
            assert_true(node_door_send(s.node, BYTES("hello")));
        until(&s, &s.node_heard, 50 * round);
    }
    assert_memory_equal(s.last_key, s.node_keys.public.curve, 32);
    node_door_disconnect(s.node); /* and again, on a new connection */
    node_door_connect(s.node);
    until(&s, &s.up, 2);
    assert_true(node_door_send(s.node, BYTES("again")));
    until(&s, &s.node_heard, 501);
    node_door_disconnect(s.node);
    while (s.gone == 0) {
        hub_door_send(s.hub, s.node_keys.public.curve, BYTES("are you there"));
        uv_run(&s.loop, UV_RUN_NOWAIT);
    }
    close_stage(&s);
}

static void strangers_are_told(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s);
    s.verdict = GATE_REFUSED;
    node_door_connect(s.node);
    until(&s, &s.down, 1);
    assert_non_null(strstr(s.reason, "does not know this machine's key"));
    assert_int_equal(s.up, 0);
    until_failed(&s, ROUTER_UNKNOWN_KEY, 1);
    assert_true(hub_door_failures(s.hub)->last[0].keyed);
    assert_memory_equal(hub_door_failures(s.hub)->last[0].key, s.node_keys.public.curve, KEY_BYTES);
    s.verdict = GATE_LATER; /* not stranded: silence now, let in afterwards */
    node_door_connect(s.node);
    unsigned asked = s.asked;
    until(&s, &s.asked, asked + 1);
    until_failed(&s, ROUTER_LATER, 1);
    s.verdict = GATE_ADMITTED;
    node_door_connect(s.node);
    until(&s, &s.up, 1);
    const uint64_t *counts = hub_door_failures(s.hub)->counts;
    assert_int_equal(counts[ROUTER_UNKNOWN_KEY], 1);
    assert_int_equal(counts[ROUTER_LATER], 1); /* and perhaps one broken off: it left while it was to wait */
    close_stage(&s);
}

/* Ten more than are kept: the newest are there, all are counted. */
static void strangers_are_counted(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s);
    s.verdict = GATE_REFUSED;
    for (unsigned i = 1; i <= ROUTER_FAILURES + 2; i++) {
        node_door_connect(s.node);
        until(&s, &s.down, i);
        until_failed(&s, ROUTER_UNKNOWN_KEY, i);
    }
    close_stage(&s);
}

/* A TCP connection that the hub has accepted and looked at: how soon a failing one is gone is a matter of luck, and its address with it. */
static int tcp_to(struct stage *s) {
    char signature[10];
    const char *port = strrchr(hub_door_endpoint(s->hub), ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port + 1)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(recv(fd, signature, sizeof signature, MSG_WAITALL), sizeof signature);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    return fd;
}

/* What is no node at all: a browser, and somebody who only looks whether the port is open. */
static void what_is_no_node_leaves_a_trace(void **state) {
    static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
    (void)state;
    struct stage s;
    open_stage(&s);
    int fd = tcp_to(&s);
    close(fd);
    until_failed(&s, ROUTER_BROKEN_OFF, 1);
    fd = tcp_to(&s);
    assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
    until_failed(&s, ROUTER_OTHER_TONGUE, 1);
    close(fd);
    assert_false(hub_door_failures(s.hub)->last[0].keyed);
    assert_int_equal(hub_door_failures(s.hub)->last[1].reason, ROUTER_BROKEN_OFF);
    close_stage(&s);
}

static void wrong_hub_key_and_nobody_there(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s);
    struct keys other;
    static unsigned n;
    char name[32];
    snprintf(name, sizeof name, "other%u", ++n);
    make_keys(name, &other);
    struct node_door_calls ours = {node_up, node_down, node_heard, &s};
    node_door_close(s.node);
    s.node = node_door_open(&s.loop, hub_door_endpoint(s.hub), other.public.curve, &s.node_keys, &ours);
    node_door_connect(s.node);
    until(&s, &s.down, 1);
    assert_non_null(strstr(s.reason, "another key"));
    until_failed(&s, ROUTER_OTHER_HUB, 1);
    assert_false(hub_door_failures(s.hub)->last[0].keyed); /* it never came to the gate */
    node_door_close(s.node);
    s.node = node_door_open(&s.loop, "tcp://127.0.0.1:1", s.hub_keys.public.curve, &s.node_keys, &ours);
    node_door_connect(s.node);
    until(&s, &s.down, 2);
    assert_non_null(strstr(s.reason, "nobody answers"));
    close_stage(&s);
}

static void a_frame_too_big_ends_the_connection(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s);
    node_door_connect(s.node);
    until(&s, &s.up, 1);
    size_t len = (1u << 20) + 200;
    uint8_t *big = calloc(1, len);
    assert_true(node_door_send(s.node, bytes_of(big, len)));
    until(&s, &s.down, 1);
    assert_int_equal(s.hub_heard, 0);
    node_door_connect(s.node);
    until(&s, &s.up, 2);
    assert_true(node_door_send(s.node, bytes_of(big, len - 200)));
    until(&s, &s.hub_heard, 1);
    assert_int_equal(s.last_len, len - 200);
    free(big);
    close_stage(&s);
}

static void a_broken_connection_asks_for_no_interfaces(void **state) {
    (void)state;
    for (unsigned round = 0; round < 10; round++) { /* libzmq may be done with the connection before it could ask */
        struct stage s;
        open_stage(&s);
        node_door_connect(s.node);
        until(&s, &s.up, 1);
        interfaces_asked = 0;
        s.hub = hub_door_close(s.hub);
        until(&s, &s.down, 1);
        s.node = node_door_close(s.node); /* waits until libzmq is done */
        assert_int_equal(interfaces_asked, 0);
        close_stage(&s);
    }
}

/* ---- the knock at oneself must find what it is there for */

static enum gate_verdict admits_all(void *owner, const uint8_t key[32]) {
    (void)owner, (void)key;
    return GATE_ADMITTED;
}

static void a_hub_whose_gate_lets_all_in_does_not_start(void **state) {
    (void)state;
    struct keys keys;
    struct hub_door *door = NULL;
    uv_loop_t loop;
    make_keys("open", &keys);
    uv_loop_init(&loop);
    struct hub_door_calls calls = {admits_all, hub_heard, hub_gone, NULL};
    assert_int_equal(hub_door_open(&loop, "tcp://127.0.0.1:*", &keys, &calls, &door), -EACCES);
    assert_null(door);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* A ROUTER with CURVE but without a gate: with no domain libzmq lets everybody in; with one that is enforced nobody, but nobody is told
 * either, and a hub that cannot know must not go on. */
static void knock_without_a_gate(bool enforced) {
    enum { ENFORCE_DOMAIN = 93 };
    char public_z85[41], secret_z85[41], endpoint[64];
    uint8_t hub_key[32];
    uv_loop_t loop;
    int one = 1, linger = 0;
    size_t len = sizeof endpoint;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_ROUTER);
    zmq_curve_keypair(public_z85, secret_z85);
    assert_non_null(zmq_z85_decode(hub_key, public_z85));
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_z85, sizeof secret_z85), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger), 0);
    if (enforced) {
        assert_int_equal(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "anju", 4), 0);
        assert_int_equal(zmq_setsockopt(socket, ENFORCE_DOMAIN, &one, sizeof one), 0);
    }
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &len), 0);
    uv_loop_init(&loop);
    assert_int_equal(gate_self_test(&loop, context, endpoint, hub_key, 1000), -EACCES);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void a_door_without_a_gate_is_found_out(void **state) {
    (void)state;
    knock_without_a_gate(false);
    knock_without_a_gate(true);
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_in_a_file),
        cmocka_unit_test(frames_go_both_ways),
        cmocka_unit_test(strangers_are_told),
        cmocka_unit_test(wrong_hub_key_and_nobody_there),
        cmocka_unit_test(a_frame_too_big_ends_the_connection),
        cmocka_unit_test(a_broken_connection_asks_for_no_interfaces),
        cmocka_unit_test(strangers_are_counted),
        cmocka_unit_test(what_is_no_node_leaves_a_trace),
        cmocka_unit_test(a_hub_whose_gate_lets_all_in_does_not_start),
        cmocka_unit_test(a_door_without_a_gate_is_found_out),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    char clean[160];
    snprintf(clean, sizeof clean, "rm -rf %s", folder);
    return system(clean) == 0 ? r : 1;
}
