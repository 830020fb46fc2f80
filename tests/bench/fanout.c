/* How long the city's word takes to every office: from the order to publish until it is durable at each.
 *
 *   fanout HUB COUNT FOLDER
 *       HUB is the socket folder of a running hub, whose `enrol` nobody needs. Enrols COUNT offices, runs their engines in this one
 * process, waits until all are caught up, publishes a policy of two KiB and prints the milliseconds until half of them, and the last, have
 *       taken it into their books. FOLDER gets their stores.
 *   fanout --raw COUNT FOLDER
 *       The same commits alone: COUNT stores with one commit of two KiB each, by 32 threads; prints the milliseconds of all of them.
 */
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/daemon/client.h"
#include "common/engine/node_engine.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

enum {
    MAP_BYTES = 67108864 /* a thousand of the usual size are more than a process may address */,
    TEXT_BYTES = 2048,
    RAW_THREADS = 32,
    LOOK_MS = 1,
    WAIT_MS = 600000
};

struct office {
    struct node_engine *engine;
    struct store *store;
    struct keys keys;
    uint64_t changes; /* of its book, before */
    double taken;     /* 0: not yet */
    char folder[512];
};

static struct office *offices; /* owns */
static size_t count, done;
static double began;
static bool publishing;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what) {
    fprintf(stderr, "fanout: %s\n", what);
    exit(1);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- the commits alone */

static void *raw_commits(void *arg) {
    size_t from = (size_t)(uintptr_t)arg;
    uint8_t value[TEXT_BYTES] = {1};
    for (size_t i = from; i < count; i += RAW_THREADS) {
        struct txn *t;
        if (store_write(offices[i].store, &t) != 0)
            die("no transaction");
        txn_put(t, 0, BYTES("policy"), bytes_of(value, sizeof value));
        if (txn_commit(t) != 0)
            die("a commit failed");
    }
    return NULL;
}

static void open_store(size_t i, const char *folder) {
    struct office *o = &offices[i];
    snprintf(o->folder, sizeof o->folder, "%s/%zu", folder, i);
    if (mkdir(o->folder, 0700) != 0 || store_open_lmdb(o->folder, &shape_node, test_seal(), MAP_BYTES, &o->store) != 0)
        die("a store cannot be made; is the folder empty?");
}

static void raw(const char *folder) {
    pthread_t threads[RAW_THREADS];
    for (size_t i = 0; i < count; i++)
        open_store(i, folder);
    double at = now_ms();
    for (size_t i = 0; i < RAW_THREADS; i++)
        pthread_create(&threads[i], NULL, raw_commits, (void *)(uintptr_t)i);
    for (size_t i = 0; i < RAW_THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%.0f\n", now_ms() - at);
}

/* ---- offices */

static struct buffer enrolment;

static void take_enrolment(void *owner, const json_t *row) {
    const char *hex = json_string_value(json_object_get(row, "file_hex"));
    (void)owner;
    buffer_clear(&enrolment);
    if (hex == NULL || !hex_decode(hex, strlen(hex), &enrolment))
        die("the hub gave no enrolment file");
}

static void nothing(void *owner, const json_t *row) {
    (void)owner;
    (void)row;
}

static void order(struct client *c, const char *cmd, json_t *args, void (*row)(void *owner, const json_t *row)) {
    if (client_ask(c, cmd, args) != CTL_GOOD || client_answers(c, row, NULL) != CTL_GOOD)
        die(cmd);
}

static void on_fatal(void *owner, int result) {
    (void)owner;
    die(error_text(result));
}

static void enrol(struct client *c, uv_loop_t *loop, const char *folder, size_t i) {
    struct office *o = &offices[i];
    char keys[600], public[PUBLIC_TEXT], digits[32];
    snprintf(keys, sizeof keys, "%s/%zu.keys", folder, i);
    snprintf(digits, sizeof digits, "650299%03zu%03zu", 1 + i / 900, 1 + i % 900);
    if (keys_make(keys, &o->keys) != 0)
        die("keys cannot be made");
    order(
        c, "node add", json_pack("{s:s, s:s, s:s}", "area", digits, "key", public_text(&o->keys.public, public), "name", "office"),
        take_enrolment);
    open_store(i, folder);
    struct node_engine_calls calls = {.fatal = on_fatal};
    if (node_engine_enrol(o->store, buffer_bytes(&enrolment)) != 0 ||
        node_engine_open(loop, o->store, o->folder, &o->keys, &calls, &o->engine) != 0)
        die("an engine does not open");
    node_engine_resume(o->engine);
}

static bool all_caught_up(void) {
    for (size_t i = 0; i < count; i++)
        if (node_engine_side(offices[i].engine)->caught_up_at == 0)
            return false;
    return true;
}

static void look(uv_timer_t *t) {
    double now = now_ms();
    (void)t;
    for (size_t i = 0; i < count && publishing; i++)
        if (offices[i].taken == 0 && node_engine_book_changes(offices[i].engine) != offices[i].changes) {
            offices[i].taken = now - began;
            done++;
        }
}

static void until(uv_loop_t *loop, bool (*holds)(void)) {
    double end = now_ms() + WAIT_MS;
    while (!holds()) {
        uv_run(loop, UV_RUN_ONCE);
        if (now_ms() > end)
            die("it takes more than ten minutes");
    }
}

static bool all_taken(void) {
    return done == count;
}

static void *publish(void *arg) { /* the answer is not what is waited for: the loop goes on meanwhile */
    struct client *c = arg;
    struct buffer text = {0};
    buffer_text(&text, "kind: labels\nname: fanout\nlabels:\n");
    for (unsigned i = 0; text.len < TEXT_BYTES; i++)
        buffer_format(&text, "  ui.word%u: {zh: 文字, en: word}\n", i);
    order(c, "policy publish", json_pack("{s:s}", "file", buffer_string(&text)), nothing);
    buffer_close(&text);
    return NULL;
}

static void run(const char *hub, const char *folder) {
    uv_loop_t loop;
    uv_timer_t timer;
    struct client c;
    pthread_t thread;
    double *each = memory_zeroed(count, sizeof *each);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, look, LOOK_MS, LOOK_MS);
    if (client_open(&c, hub, 60000, "en") != CTL_GOOD)
        die("no hub answers there");
    for (size_t i = 0; i < count; i++) {
        enrol(&c, &loop, folder, i);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    until(&loop, all_caught_up);
    for (size_t i = 0; i < count; i++)
        offices[i].changes = node_engine_book_changes(offices[i].engine);
    began = now_ms();
    publishing = true;
    pthread_create(&thread, NULL, publish, &c);
    until(&loop, all_taken);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < count; i++)
        each[i] = offices[i].taken;
    qsort(each, count, sizeof *each, by_size);
    printf("%.0f %.0f\n", each[count / 2], each[count - 1]);
    fflush(stdout);
    _exit(0); /* a thousand engines are not closed one after the other */
}

int main(int argc, char **argv) {
    struct rlimit files;
    bool alone = argc == 4 && strcmp(argv[1], "--raw") == 0;
    count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > 5000) {
        fprintf(stderr, "fanout HUB|--raw COUNT FOLDER\n");
        return 64;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    offices = memory_zeroed(count, sizeof *offices);
    if (alone)
        raw(argv[3]);
    else
        run(argv[1], argv[3]);
    return 0;
}
