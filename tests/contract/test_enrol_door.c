/* The enrolment door over real sockets: strangers come in, but few, and only here. */
#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/net/enrol_door.h"
#include "common/net/hub_door.h"
#include "common/net/node_door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/anju-door-XXXXXX";

struct stage {
    uv_loop_t loop;
    struct enrol_door *door;
    struct node_door *node;
    struct keys hub_keys, node_keys;
    unsigned up, down, door_heard, node_heard;
    uint8_t last_key[KEY_BYTES];
};

static void door_heard(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame) {
    struct stage *s = owner;
    s->door_heard++;
    memcpy(s->last_key, key, KEY_BYTES);
    enrol_door_answer(s->door, from, frame);
}

static void node_up(void *owner) {
    ((struct stage *)owner)->up++;
}

static void node_down(void *owner, const char *reason) {
    (void)reason;
    ((struct stage *)owner)->down++;
}

static void node_heard(void *owner, struct bytes frame) {
    (void)frame;
    ((struct stage *)owner)->node_heard++;
}

static void on_late(uv_timer_t *t) {
    *(bool *)t->data = true;
}

static bool never(const struct stage *s) {
    (void)s;
    return false;
}

/* Runs the loop until it holds; false after 30 s. */
static bool until(struct stage *s, bool (*holds)(const struct stage *s), const unsigned *counter, unsigned number) {
    uv_timer_t t;
    bool late = false;
    uv_timer_init(&s->loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 30000, 0);
    while (!late && !holds(s) && (counter == NULL || *counter < number))
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    return !late;
}

static void make_keys(struct keys *out) {
    static unsigned n;
    char path[128];
    snprintf(path, sizeof path, "%s/%u", folder, ++n);
    assert_int_equal(keys_make(path, out), 0);
}

static void connect_node(struct stage *s, const char *endpoint, const uint8_t hub[KEY_BYTES]) {
    struct node_door_calls calls = {node_up, node_down, node_heard, s};
    node_door_close(s->node);
    s->node = node_door_open(&s->loop, endpoint, hub, &s->node_keys, &calls);
    node_door_connect(s->node);
}

static void open_stage(struct stage *s) {
    memset(s, 0, sizeof *s);
    uv_loop_init(&s->loop);
    make_keys(&s->hub_keys);
    make_keys(&s->node_keys);
    assert_int_equal(enrol_door_open(&s->loop, "tcp://127.0.0.1:*", &s->hub_keys, door_heard, s, &s->door), 0);
}

static void close_stage(struct stage *s) {
    s->node = node_door_close(s->node);
    s->door = enrol_door_close(s->door);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

static enum gate_verdict nobody(void *owner, const uint8_t key[KEY_BYTES]) {
    (void)owner, (void)key;
    return GATE_REFUSED;
}

static void hub_heard(void *owner, const uint8_t key[KEY_BYTES], struct bytes frame) {
    (void)owner, (void)key, (void)frame;
    fail();
}

static void hub_gone(void *owner, const uint8_t key[KEY_BYTES]) {
    (void)owner, (void)key;
}

static void a_stranger_comes_in_here_and_nowhere_else(void **state) {
    (void)state;
    struct stage s;
    struct hub_door *hub;
    struct hub_door_calls calls = {nobody, hub_heard, hub_gone, &s};
    open_stage(&s);
    assert_int_equal(hub_door_open(&s.loop, "tcp://127.0.0.1:*", &s.hub_keys, &calls, &hub), 0);
    connect_node(&s, enrol_door_endpoint(s.door), s.hub_keys.public.curve);
    assert_true(until(&s, never, &s.up, 1));
    assert_true(node_door_send(s.node, BYTES("let me in")));
    assert_true(until(&s, never, &s.node_heard, 1));
    assert_memory_equal(s.last_key, s.node_keys.public.curve, KEY_BYTES);
    connect_node(&s, hub_door_endpoint(hub), s.hub_keys.public.curve);
    assert_true(until(&s, never, &s.down, 1));
    assert_int_equal(node_door_ended(s.node), NODE_DOOR_REFUSED);
    connect_node(&s, enrol_door_endpoint(s.door), s.node_keys.public.curve); /* not the key of this hub */
    assert_true(until(&s, never, &s.down, 2));
    assert_int_equal(node_door_ended(s.node), NODE_DOOR_STRANGER);
    connect_node(&s, "tcp://127.0.0.1:1", s.hub_keys.public.curve);
    assert_true(until(&s, never, &s.down, 3));
    assert_int_equal(node_door_ended(s.node), NODE_DOOR_NOBODY);
    assert_int_equal(s.up, 1);
    hub_door_close(hub);
    close_stage(&s);
}

static void a_long_question_ends_its_connection(void **state) {
    (void)state;
    struct stage s;
    uint8_t big[LIMIT_ENROL_BYTES + 200] = {0};
    open_stage(&s);
    connect_node(&s, enrol_door_endpoint(s.door), s.hub_keys.public.curve);
    assert_true(until(&s, never, &s.up, 1));
    assert_true(node_door_send(s.node, bytes_of(big, sizeof big)));
    assert_true(until(&s, never, &s.down, 1));
    assert_int_equal(s.door_heard, 0);
    node_door_connect(s.node);
    assert_true(until(&s, never, &s.up, 2));
    assert_true(node_door_send(s.node, bytes_of(big, LIMIT_ENROL_BYTES)));
    assert_true(until(&s, never, &s.node_heard, 1));
    close_stage(&s);
}

static void wrong_secrets_are_counted(void **state) {
    (void)state;
    struct stage s;
    uint8_t key[KEY_BYTES] = {0};
    open_stage(&s);
    for (unsigned i = 0; i < LIMIT_ENROL_TRIES / 2; i++)
        assert_true(enrol_door_wrong(s.door, key));
    for (unsigned i = 0; i < 1000; i++) /* one key that goes on trying leaves the others what is theirs */
        assert_false(enrol_door_wrong(s.door, key));
    for (unsigned i = 0; i < LIMIT_ENROL_TRIES / 2; i++) {
        key[0]++;
        assert_true(enrol_door_wrong(s.door, key));
    }
    for (unsigned i = 0; i < 100; i++) {
        key[0]++;
        assert_false(enrol_door_wrong(s.door, key));
    }
    assert_int_equal(enrol_door_wrongs(s.door), LIMIT_ENROL_TRIES + 1100);
    close_stage(&s);
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_comes_in_here_and_nowhere_else),
        cmocka_unit_test(a_long_question_ends_its_connection),
        cmocka_unit_test(wrong_secrets_are_counted),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    char clean[160];
    snprintf(clean, sizeof clean, "rm -rf %s", folder);
    return system(clean) == 0 ? r : 1;
}
