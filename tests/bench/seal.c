/* What sealing a stored value costs, beside nothing but the seal: microseconds of processor time and bytes.
 *
 *   seal BYTES COUNT
 *       prints for values of that size: us to put and us to open one under the store key, the same under a key of its own, and the bytes
 *       that each stored value has more. The store lies in memory; what the same puts and gets cost without a seal is taken off. */
#include "common/base/memory.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    if (store_write(s, &t) != 0)
        exit(1);
    return t;
}

enum { KEYS = 1000 };

static void each_put(struct txn *t, unsigned tree, struct bytes value, uint64_t count, bool sealed) {
    for (uint64_t i = 0; i < count; i++) {
        struct key k = key_u64(i % KEYS);
        if (sealed)
            envelope_put(t, tree, key_bytes(&k), value);
        else
            txn_put(t, tree, key_bytes(&k), value);
    }
}

static void each_open(struct txn *t, unsigned tree, uint64_t count, bool sealed) {
    struct arena_mark mark = envelope_mark(t);
    for (uint64_t i = 0; i < count; i++) {
        struct key k = key_u64(i % KEYS);
        struct bytes value;
        if (!(sealed ? envelope_get(t, tree, key_bytes(&k), &value) == 0 : txn_get(t, tree, key_bytes(&k), &value)))
            exit(1);
        envelope_release(t, mark);
    }
}

/* us to put, us to open, one */
static void measure(unsigned tree, struct bytes value, uint64_t count, bool sealed, double out[2]) {
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    each_put(t, tree, value, KEYS, sealed);
    double at = cpu_us();
    each_put(t, tree, value, count, sealed);
    double put = cpu_us();
    each_open(t, tree, count, sealed);
    out[0] = (put - at) / (double)count;
    out[1] = (cpu_us() - put) / (double)count;
    txn_abort(t);
    store_close(s);
}

static size_t more_bytes(unsigned tree, struct bytes value) {
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct bytes stored = {NULL, 0};
    envelope_put(t, tree, BYTES("k"), value);
    txn_get(t, tree, BYTES("k"), &stored);
    size_t more = stored.len - value.len;
    txn_abort(t);
    store_close(s);
    return more;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "seal BYTES COUNT\n");
        return 64;
    }
    static const unsigned trees[] = {NODE_DIGESTS, NODE_BASE};
    size_t len = strtoul(argv[1], NULL, 10);
    uint64_t count = strtoull(argv[2], NULL, 10);
    uint8_t *value = memory_zeroed(1, len);
    for (size_t i = 0; i < 2; i++) {
        double sealed[2], plain[2];
        measure(trees[i], bytes_of(value, len), count, true, sealed);
        measure(trees[i], bytes_of(value, len), count, false, plain);
        printf("%.3f %.3f %zu\n", sealed[0] - plain[0], sealed[1] - plain[1], more_bytes(trees[i], bytes_of(value, len)));
    }
    free(value);
    return 0;
}
