/* What it costs to look at a large city.
 *
 *   status HUB COUNT         enrols COUNT offices that never come, then asks `status` and `nodes` 200 and 20 times; prints the microseconds
 * of each, in the middle and at the 99th percentile: STATUS_P50 STATUS_P99 NODES_P50 status --watch HUB COUNT SECONDS COUNT sessions watch
 * `status` every two seconds, for so long; prints how many frames came
 */
#include "common/daemon/client.h"
#include "common/net/keys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ASKED = 200, LISTED = 20, WATCHERS_MOST = 1000 };

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what) {
    fprintf(stderr, "status: %s\n", what);
    exit(1);
}

static void nothing(void *owner, const json_t *row) {
    (void)owner;
    (void)row;
}

static void ask(struct client *c, const char *cmd, json_t *args) {
    if (client_ask(c, cmd, args) != CTL_GOOD || client_answers(c, nothing, NULL) != CTL_GOOD)
        die(cmd);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(struct client *c, const char *cmd, size_t times, double *p50, double *p99) {
    double each[ASKED];
    for (size_t i = 0; i < times; i++) {
        double began = now_us();
        ask(c, cmd, NULL);
        each[i] = now_us() - began;
    }
    qsort(each, times, sizeof *each, by_size);
    *p50 = each[times / 2];
    *p99 = each[times * 99 / 100];
}

static void look(const char *hub, size_t count) {
    struct client c;
    double status50, status99, nodes50, nodes99;
    if (client_open(&c, hub, 60000, "en") != CTL_GOOD)
        die("no hub answers there");
    for (size_t i = 0; i < count; i++) {
        struct keys keys;
        char path[64], public[PUBLIC_TEXT], digits[32];
        snprintf(path, sizeof path, "/tmp/anju-bench-key.%d", (int)getpid());
        snprintf(digits, sizeof digits, "650299%03zu%03zu", 1 + i / 900, 1 + i % 900);
        if (keys_make(path, &keys) != 0)
            die("keys cannot be made");
        unlink(path);
        ask(&c, "node add", json_pack("{s:s, s:s, s:s}", "area", digits, "key", public_text(&keys.public, public), "name", "office"));
    }
    measure(&c, "status", ASKED, &status50, &status99);
    measure(&c, "nodes", LISTED, &nodes50, &nodes99);
    printf("%.0f %.0f %.0f\n", status50, status99, nodes50);
    client_close(&c);
}

static void watch(const char *hub, size_t count, double seconds) {
    static struct client all[WATCHERS_MOST];
    static struct pollfd polls[WATCHERS_MOST];
    double end = now_us() + seconds * 1e6;
    size_t frames = 0;
    for (size_t i = 0; i < count; i++) {
        if (client_open(&all[i], hub, 60000, "en") != CTL_GOOD || client_watch(&all[i], "status", NULL, 2) != CTL_GOOD)
            die("no hub answers there");
        polls[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
    }
    for (double left = end - now_us(); left > 0; left = end - now_us()) {
        char part[65536];
        poll(polls, count, (int)(left / 1e3) + 1);
        for (size_t i = 0; i < count; i++) {
            if ((polls[i].revents & POLLIN) == 0)
                continue;
            ssize_t n = read(polls[i].fd, part, sizeof part);
            if (n <= 0)
                die("the hub closed a session");
            for (const char *at = part, *to = part + n; (at = memmem(at, (size_t)(to - at), "\"frame\"", 7)) != NULL; at += 7)
                frames++;
        }
    }
    printf("%zu\n", frames);
}

int main(int argc, char **argv) {
    bool watches = argc == 5 && strcmp(argv[1], "--watch") == 0;
    size_t count = watches ? strtoul(argv[3], NULL, 10) : argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if ((argc != 3 && !watches) || (count == 0 && !watches) || count > (watches ? WATCHERS_MOST : 100000)) {
        fprintf(stderr, "status HUB COUNT | status --watch HUB COUNT SECONDS\n");
        return 64;
    }
    if (watches)
        watch(argv[2], count, strtod(argv[4], NULL));
    else
        look(argv[1], count);
    return 0;
}
