/* How long an office waits for the hub's word, edit by edit.
 *
 *   acks NODE COUNT [SECONDS]
 *       NODE is the socket folder of a running node. Saves an edit, waits until it is accepted, COUNT times or for SECONDS; prints p50, p99
 *       and the longest, in milliseconds. With SECONDS the link is closed and opened again before each edit: what coming back takes. */
#include "common/base/memory.h"
#include "common/daemon/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void nothing(void *owner, const json_t *row) {
    (void)owner;
    (void)row;
}

static void order(struct client *c, const char *cmd, json_t *args) {
    if (client_ask(c, cmd, args) != CTL_GOOD || client_answers(c, nothing, NULL) != CTL_GOOD)
        exit(1);
}

int main(int argc, char **argv) {
    struct client c;
    size_t count = argc < 3 ? 0 : strtoul(argv[2], NULL, 10), n = 0;
    double *each = memory_zeroed(count + 1, sizeof *each), until = now_ms() + (argc < 4 ? 1e12 : 1e3 * strtod(argv[3], NULL));
    if (count == 0 || client_open(&c, argv[1], 60000, "en") != CTL_GOOD) {
        fprintf(stderr, "acks NODE COUNT [SECONDS]\n");
        return 64;
    }
    while (n < count && now_ms() < until) {
        if (argc > 3)
            order(&c, "pause", NULL);
        double began = now_ms();
        if (argc > 3)
            order(&c, "resume", NULL);
        order(
            &c, "put", json_pack("{s:s, s:[s], s:s, s:s}", "type", "Person", "words", "name=x", "actor", "op1", "purpose", "registration"));
        order(&c, "wait", json_pack("{s:b, s:s}", "acked", 1, "timeout", "60"));
        each[n++] = now_ms() - began;
    }
    qsort(each, n, sizeof *each, by_size);
    printf("%.1f %.1f %.1f\n", each[n / 2], each[n - 1 - n / 100], each[n - 1]);
    client_close(&c);
    free(each);
    return 0;
}
