/* A machine that lies to the enrolment door: enrol_liar TOKEN@HOST:PORT key|signature|newer|garbage|twice
 * Prints the word of the hub's answer; "silence" when there is none in 3 s; exits with 1 when it was not even let in.
 *
 * enrol_liar TOKEN@HOST:PORT hold takes as many connections as there are, says nothing on them and keeps them; prints "full", and then
 * "dropped" when the hub has taken them back, or "held" when it did not in 30 s. */
#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/net/node_door.h"
#include "common/wire/wire_enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct liar {
    uv_loop_t loop;
    struct node_door *door;
    struct keys keys, other;
    struct enrol_token token;
    const char *lie;
    bool let_in, over;
    unsigned answers;
};

static void on_up(void *owner) {
    struct liar *l = owner;
    struct enrol_ask ask = {.version = ENROL_VERSION, .policy_root = l->token.policy_root};
    struct buffer said = {0}, frame = {0};
    uint8_t noise[700];
    bool key = strcmp(l->lie, "key") == 0;
    l->let_in = true;
    memcpy(ask.secret, l->token.secret, sizeof ask.secret);
    public_text(key ? &l->other.public : &l->keys.public, ask.public);
    enrol_ask_signed(&ask, l->token.hub, &said);
    keys_sign(key ? &l->other : &l->keys, buffer_bytes(&said), ask.signature); /* both halves are another machine's, and belong together */
    if (strcmp(l->lie, "signature") == 0)
        ask.signature[5] ^= 1;
    if (strcmp(l->lie, "newer") == 0)
        ask.version++;
    enrol_ask_pack(&ask, &frame);
    entropy_fill(noise, sizeof noise);
    if (strcmp(l->lie, "garbage") == 0)
        node_door_send(l->door, bytes_of(noise, sizeof noise));
    else
        node_door_send(l->door, buffer_bytes(&frame));
    if (strcmp(l->lie, "twice") == 0)
        node_door_send(l->door, buffer_bytes(&frame));
    buffer_close(&said);
    buffer_close(&frame);
}

static void on_down(void *owner, const char *reason) {
    printf("%s\n", reason);
    ((struct liar *)owner)->over = true;
}

static void on_heard(void *owner, struct bytes frame) {
    struct liar *l = owner;
    struct enrol_answer a;
    const struct enrol_words *w = enrol_answer_unpack(frame, &a) == 0 ? enrol_outcome_words(a.outcome) : NULL;
    printf("%s\n", w == NULL ? "unreadable" : w->word);
    l->over = ++l->answers == (strcmp(l->lie, "twice") == 0 ? 2 : 1);
}

static void on_late(uv_timer_t *t) {
    struct liar *l = t->data;
    if (l->let_in)
        printf("silence\n");
    l->over = true;
}

/* ---- hold */

struct holding {
    unsigned up;
    bool full, dropped, late;
};

static void hold_up(void *owner) {
    struct holding *h = owner;
    if (++h->up == LIMIT_ENROL_PEERS) {
        h->full = true;
        printf("full\n");
        fflush(stdout);
    }
}

static void hold_down(void *owner, const char *reason) {
    struct holding *h = owner;
    (void)reason;
    h->dropped = h->full;
}

static void hold_heard(void *owner, struct bytes frame) {
    (void)owner, (void)frame;
}

static void hold_late(uv_timer_t *t) {
    ((struct holding *)t->data)->late = true;
}

static int hold(struct liar *l, const char *endpoint) {
    struct node_door *doors[LIMIT_ENROL_PEERS];
    struct holding h = {.up = 0};
    struct node_door_calls calls = {hold_up, hold_down, hold_heard, &h};
    uv_timer_t timer;
    uv_timer_init(&l->loop, &timer);
    timer.data = &h;
    uv_timer_start(&timer, hold_late, 30000, 0);
    for (size_t i = 0; i < LIMIT_ENROL_PEERS; i++) {
        doors[i] = node_door_open(&l->loop, endpoint, l->token.hub, &l->keys, &calls);
        node_door_connect(doors[i]);
    }
    while (!h.dropped && !h.late)
        uv_run(&l->loop, UV_RUN_ONCE);
    printf("%s\n", h.dropped ? "dropped" : "held");
    for (size_t i = 0; i < LIMIT_ENROL_PEERS; i++)
        node_door_close(doors[i]);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    return h.dropped ? 0 : 1;
}

static bool make_keys(struct keys *out) {
    char path[] = "/tmp/anju-liar-XXXXXX", file[64];
    if (mkdtemp(path) == NULL)
        return false;
    snprintf(file, sizeof file, "%s/keys", path);
    int r = keys_make(file, out);
    unlink(file);
    rmdir(path);
    return r == 0;
}

int main(int argc, char **argv) {
    struct liar *l = calloc(1, sizeof *l);
    const char *at = argc == 3 ? strchr(argv[1], '@') : NULL;
    char endpoint[256];
    uv_timer_t timer;
    if (at == NULL || !enrol_token_parse(bytes_of(argv[1], (size_t)(at - argv[1])), &l->token) || !make_keys(&l->keys) ||
        !make_keys(&l->other))
        return 64;
    l->lie = argv[2];
    snprintf(endpoint, sizeof endpoint, "tcp://%s", at + 1);
    uv_loop_init(&l->loop);
    if (strcmp(l->lie, "hold") == 0)
        return hold(l, endpoint);
    uv_timer_init(&l->loop, &timer);
    timer.data = l;
    uv_timer_start(&timer, on_late, 3000, 0);
    struct node_door_calls calls = {on_up, on_down, on_heard, l};
    l->door = node_door_open(&l->loop, endpoint, l->token.hub, &l->keys, &calls);
    node_door_connect(l->door);
    while (!l->over)
        uv_run(&l->loop, UV_RUN_ONCE);
    l->door = node_door_close(l->door);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    uv_loop_close(&l->loop);
    int r = l->let_in ? 0 : 1;
    free(l);
    return r;
}
