/* Both doors under load with random interleaving: no frame lost, doubled or out of order, and no wake-up lost.
 *
 *   doors COUNT [SEED]     COUNT frames in all, over LINKS links of which each half lives on a loop in a thread of its own
 *
 * Frames beget frames: what is heard is answered by none, one or two. The number in flight on a link walks at random between one and WINDOW
 * and never dies, and often is one: then nothing but the wake-up for that one frame can go on, and a lost one shows as a stall. No timer of
 * the test may wake a loop, so a watcher thread judges: no frame for STALL_SECONDS ends the test. */
#include "common/base/random.h"
#include "common/net/hub_door.h"
#include "common/net/node_door.h"
#include "tests/support/look.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS = 2,
    LINKS_EACH = 3,
    LINKS = THREADS * LINKS_EACH,
    WINDOW = 25 /* of each side; both: less than the hub's door queues */,
    PAYLOAD_MAX = 3000,
    STALL_SECONDS = 10,
    PHASE_MAX = 4000
};

/* One side of a link. Frame: seq (8), length of what follows, filled with a byte of the seq. */
struct side {
    uint64_t sent, heard;
    unsigned phase_left;
    bool growing;
};

struct link {
    struct keys keys;
    struct side hub, node;
    struct node_door *door;
    struct half *half;
    bool up;
};

struct half {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    struct random random;
    struct link *links;
    const char *endpoint;
    const uint8_t *hub_key;
};

static struct link links[LINKS];
static struct hub_door *hub;
static struct random hub_random;
static atomic_ullong moved; /* frames heard on both sides */
static unsigned long long wanted;
static uv_async_t hub_stop;
static atomic_bool over;

static void wrong(const char *what) {
    printf("FAIL %s\n0 passed, 1 failed\n", what);
    fflush(stdout);
    _exit(1);
}

static struct bytes frame_of(struct side *s, struct random *r, uint8_t room[8 + PAYLOAD_MAX]) {
    size_t len = random_below(r, 8) == 0 ? random_below(r, PAYLOAD_MAX) : random_below(r, 200);
    uint64_t seq = ++s->sent;
    memcpy(room, &seq, sizeof seq);
    memset(room + 8, (int)(seq & 0xff), len);
    return bytes_of(room, 8 + len);
}

/* How many to send for one heard; the walk grows or shrinks for a while. `begun`: frames this side sent unasked. A side that has nothing in
 * flight of its own answers always, so the frame that began the link, or one in its place, lives for ever. */
static unsigned answers(struct side *s, struct random *r, uint64_t begun) {
    if (s->phase_left == 0) {
        s->phase_left = 1 + (unsigned)random_below(r, PHASE_MAX);
        s->growing = !s->growing;
    }
    s->phase_left--;
    uint64_t surplus = s->sent + 1 - s->heard - begun; /* what is in flight because of this side, beyond the answer that is due */
    if (random_below(r, 2) == 0)
        return 1;
    if (s->growing)
        return surplus < WINDOW ? 2 : 1;
    return surplus > 0 ? 0 : 1;
}

static void take(struct side *s, struct bytes frame) {
    uint64_t seq;
    if (frame.len < 8)
        wrong("a frame was cut");
    memcpy(&seq, frame.at, sizeof seq);
    if (seq != s->heard + 1)
        wrong("a frame was lost, doubled or out of order");
    for (size_t i = 8; i < frame.len; i++)
        if (frame.at[i] != (uint8_t)seq)
            wrong("a frame came with other bytes");
    s->heard++;
    if (atomic_fetch_add(&moved, 1) + 1 == wanted) {
        atomic_store(&over, true);
        uv_async_send(&hub_stop);
    }
}

/* ---- the hub's side, on the main thread */

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    (void)owner;
    for (size_t i = 0; i < LINKS; i++)
        if (memcmp(key, links[i].keys.public.curve, KEY_BYTES) == 0)
            return GATE_ADMITTED;
    return GATE_REFUSED;
}

static void hub_heard(void *owner, const uint8_t key[KEY_BYTES], struct bytes frame) {
    uint8_t room[8 + PAYLOAD_MAX];
    (void)owner;
    for (size_t i = 0; i < LINKS; i++) {
        struct link *l = &links[i];
        if (memcmp(key, l->keys.public.curve, KEY_BYTES) != 0)
            continue;
        take(&l->hub, frame);
        for (unsigned n = answers(&l->hub, &hub_random, 0); n > 0 && !atomic_load(&over); n--)
            hub_door_send(hub, key, frame_of(&l->hub, &hub_random, room));
    }
}

static void hub_gone(void *owner, const uint8_t key[KEY_BYTES]) {
    (void)owner;
    (void)key;
    if (!atomic_load(&over))
        wrong("the hub's door lost a connection");
}

static void on_hub_stop(uv_async_t *a) {
    uv_stop(a->loop);
}

/* ---- the nodes' side, on threads */

static void node_up(void *owner) {
    struct link *l = owner;
    uint8_t room[8 + PAYLOAD_MAX];
    if (l->up)
        wrong("a link came up twice");
    l->up = true;
    if (!node_door_send(l->door, frame_of(&l->node, &l->half->random, room)))
        wrong("the first frame found no room");
}

static void node_down(void *owner, const char *reason) {
    (void)owner;
    if (atomic_load(&over))
        return;
    printf("a link went down: %s\n", reason);
    wrong("a link went down");
}

static void node_heard(void *owner, struct bytes frame) {
    struct link *l = owner;
    uint8_t room[8 + PAYLOAD_MAX];
    take(&l->node, frame);
    for (unsigned n = answers(&l->node, &l->half->random, 1); n > 0 && !atomic_load(&over); n--)
        if (!node_door_send(l->door, frame_of(&l->node, &l->half->random, room)))
            wrong("a frame found no room in the queue");
}

static void on_half_stop(uv_async_t *a) {
    struct half *h = a->data;
    for (size_t i = 0; i < LINKS_EACH; i++)
        h->links[i].door = node_door_close(h->links[i].door);
    uv_close((uv_handle_t *)a, NULL);
}

static void *half_runs(void *at) {
    struct half *h = at;
    for (size_t i = 0; i < LINKS_EACH; i++) {
        struct link *l = &h->links[i];
        struct node_door_calls calls = {node_up, node_down, node_heard, l};
        l->half = h;
        l->door = node_door_open(&h->loop, h->endpoint, h->hub_key, &l->keys, &calls);
        node_door_connect(l->door);
    }
    uv_run(&h->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void *watcher_runs(void *at) {
    (void)at;
    unsigned long long last = 0;
    for (unsigned still = 0; !atomic_load(&over); still++) {
        look_again_in(100);
        unsigned long long now = atomic_load(&moved);
        if (now != last)
            still = 0;
        last = now;
        if (still > STALL_SECONDS * 10) {
            printf("stalled after %llu frames\n", now);
            wrong("a wake-up was lost");
        }
    }
    return NULL;
}

static void make_keys(const char *folder, struct keys *out) {
    static unsigned n;
    char path[128];
    snprintf(path, sizeof path, "%s/%u", folder, ++n);
    if (keys_make(path, out) != 0)
        wrong("no keys can be made");
    unlink(path);
}

int main(int argc, char **argv) {
    static struct half halves[THREADS];
    char folder[] = "/tmp/anju-stress-XXXXXX";
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    struct keys hub_keys;
    pthread_t watcher;
    uv_loop_t loop;
    wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    if (wanted == 0 || mkdtemp(folder) == NULL) {
        fprintf(stderr, "doors COUNT [SEED]\n");
        return 64;
    }
    printf("%llu frames over %d links, seed %llu\n", wanted, LINKS, (unsigned long long)seed);
    fflush(stdout);
    make_keys(folder, &hub_keys);
    for (size_t i = 0; i < LINKS; i++)
        make_keys(folder, &links[i].keys);
    rmdir(folder);
    random_seed(&hub_random, seed);
    uv_loop_init(&loop);
    uv_async_init(&loop, &hub_stop, on_hub_stop);
    struct hub_door_calls calls = {admits, hub_heard, hub_gone, NULL};
    if (hub_door_open(&loop, "tcp://127.0.0.1:*", &hub_keys, &calls, &hub) != 0)
        wrong("the hub's door does not open");
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    pthread_create(&watcher, NULL, watcher_runs, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        struct half *h = &halves[i];
        h->links = &links[i * LINKS_EACH];
        h->endpoint = hub_door_endpoint(hub);
        h->hub_key = hub_keys.public.curve;
        random_seed(&h->random, seed + 1 + i);
        uv_loop_init(&h->loop);
        uv_async_init(&h->loop, &h->stop, on_half_stop);
        h->stop.data = h;
        pthread_create(&h->thread, NULL, half_runs, h);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    for (size_t i = 0; i < THREADS; i++) {
        uv_async_send(&halves[i].stop);
        pthread_join(halves[i].thread, NULL);
        uv_loop_close(&halves[i].loop);
    }
    hub = hub_door_close(hub);
    uv_close((uv_handle_t *)&hub_stop, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    pthread_join(watcher, NULL);
    for (size_t i = 0; i < LINKS; i++)
        if (!links[i].up || links[i].hub.heard == 0)
            wrong("a link carried nothing");
    printf(
        "%.1f s, no frame lost, doubled or out of order, no stall\n1 passed, 0 failed\n",
        (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9);
    return 0;
}
