/* One suite over both implementations of the store. */
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const trees[] = {"one", "two"};
static const struct store_shape shape = {"test", 2, trees, 2, 7, 0};
static const struct store_shape newer = {"test", 3, trees, 2, 7, 0};
static const struct store_shape other = {"else", 2, trees, 2, 7, 0};

struct place {
    bool lmdb;
    char folder[64];
    struct store *s;
};

static int open_memory(void **state) {
    struct place *p = memory_zeroed(1, sizeof *p);
    p->s = store_memory(&shape, test_seal());
    *state = p;
    return 0;
}

static int open_lmdb(void **state) {
    struct place *p = memory_zeroed(1, sizeof *p);
    p->lmdb = true;
    snprintf(p->folder, sizeof p->folder, "/tmp/anju-test-XXXXXX");
    if (mkdtemp(p->folder) == NULL || store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s) != 0)
        return -1;
    *state = p;
    return 0;
}

static int close_both(void **state) {
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
    struct place *p = *state;
    store_close(p->s);
    for (size_t i = 0; p->lmdb && i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", p->folder, files[i]);
        unlink(path);
    }
    if (p->lmdb)
        rmdir(p->folder);
    free(p);
    return 0;
}

static struct txn *begin(struct store *s, bool write) {
    struct txn *t = NULL;
    assert_int_equal(write ? store_write(s, &t) : store_read(s, &t), 0);
    return t;
}

static void put(struct txn *t, const char *key, const char *value) {
    txn_put(t, 0, bytes_text(key), bytes_text(value));
}

static bool has(struct txn *t, const char *key, const char *value) {
    struct bytes v;
    return txn_get(t, 0, bytes_text(key), &v) && bytes_equal(v, bytes_text(value));
}

static void commits_and_aborts(void **state) {
    struct place *p = *state;
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    assert_true(has(t, "a", "1"));
    assert_int_equal(txn_commit(t), 0);
    t = begin(p->s, true);
    put(t, "a", "2");
    put(t, "b", "2");
    txn_abort(t);
    t = begin(p->s, false);
    assert_true(has(t, "a", "1"));
    assert_false(has(t, "b", "2"));
    txn_abort(t);
}

static void a_reader_sees_its_snapshot(void **state) {
    struct place *p = *state;
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    assert_int_equal(txn_commit(t), 0);
    struct txn *r = begin(p->s, false);
    t = begin(p->s, true);
    put(t, "a", "2");
    assert_true(has(r, "a", "1"));
    assert_int_equal(txn_commit(t), 0);
    assert_true(has(r, "a", "1"));
    txn_renew(r);
    assert_true(has(r, "a", "2"));
    txn_abort(r);
}

static void results_stick(void **state) {
    struct place *p = *state;
    struct bytes v;
    uint8_t long_key[STORE_KEY_MAX + 1] = {1};
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    txn_put(t, 0, bytes_of(long_key, sizeof long_key), BYTES("x"));
    assert_true(txn_result(t) < 0);
    assert_false(txn_get(t, 0, BYTES("a"), &v));
    assert_true(txn_commit(t) < 0);
    t = begin(p->s, true);
    txn_put(t, 0, bytes_of(long_key, 0), BYTES("x"));
    assert_true(txn_commit(t) < 0);
    t = begin(p->s, true);
    txn_put(t, 0, bytes_of(long_key, STORE_KEY_MAX), BYTES("x"));
    assert_int_equal(txn_commit(t), 0);
    t = begin(p->s, false);
    assert_false(has(t, "a", "1"));
    txn_abort(t);
}

static void scans_survive_own_writes(void **state) {
    struct place *p = *state;
    struct bytes k, v;
    struct txn *t = begin(p->s, true);
    for (unsigned i = 0; i < 100; i++) {
        struct key key = key_u32(2 * i);
        txn_append(t, 0, key_bytes(&key), BYTES("v"));
    }
    struct scan *c = scan_open(t, 0);
    unsigned seen = 0;
    for (bool more = scan_from(c, bytes_of(NULL, 0), &k, &v); more; more = scan_next(c, &k, &v)) {
        struct reader r = {.rest = k};
        uint32_t at = reader_u32be(&r);
        struct key odd = key_u32(at + 1), same = key_u32(at);
        seen++;
        if (at % 2 == 0) {
            txn_delete(t, 0, key_bytes(&same));
            txn_put(t, 0, key_bytes(&odd), BYTES("w"));
        }
    }
    assert_int_equal(seen, 200);
    struct key past = key_u32(51);
    assert_true(scan_before(c, key_bytes(&past), &k, &v));
    struct key before = key_u32(49);
    assert_true(bytes_equal(k, key_bytes(&before)));
    assert_true(scan_last(c, &k, &v));
    assert_false(scan_next(c, &k, &v));
    scan_close(c);
    assert_int_equal(store_count(t, 0), 100);
    txn_clear(t, 0);
    assert_int_equal(store_count(t, 0), 0);
    assert_int_equal(txn_commit(t), 0);
}

enum { KEYS = 60 };

/* Random puts, deletes, aborts and looks against a plain array. */
static void agrees_with_an_array(void **state) {
    struct place *p = *state;
    struct random chance;
    uint32_t now[KEYS] = {0}, next[KEYS];
    random_seed(&chance, 7);
    for (unsigned round = 0; round < 60; round++) {
        struct txn *t = begin(p->s, true);
        memcpy(next, now, sizeof now);
        for (unsigned i = 0; i < 40; i++) {
            uint32_t key = (uint32_t)random_below(&chance, KEYS), value = (uint32_t)random_u64(&chance) | 1;
            struct key k = key_u32(key), v = key_u32(value);
            if (random_below(&chance, 3) == 0) {
                txn_delete(t, 1, key_bytes(&k));
                next[key] = 0;
            } else {
                txn_put(t, 1, key_bytes(&k), key_bytes(&v));
                next[key] = value;
            }
        }
        if (random_below(&chance, 4) == 0) {
            txn_abort(t);
        } else {
            assert_int_equal(txn_commit(t), 0);
            memcpy(now, next, sizeof now);
        }
        t = begin(p->s, false);
        size_t count = 0;
        for (uint32_t key = 0; key < KEYS; key++) {
            struct key k = key_u32(key), v = key_u32(now[key]);
            struct bytes got;
            bool there = txn_get(t, 1, key_bytes(&k), &got);
            assert_true(there == (now[key] != 0));
            assert_true(!there || bytes_equal(got, key_bytes(&v)));
            count += there;
        }
        assert_int_equal(store_count(t, 1), count);
        txn_abort(t);
    }
}

static void large_values(void **state) {
    struct place *p = *state;
    uint8_t *big = memory_zeroed(1, 1 << 20);
    struct bytes v;
    memset(big, 7, 1 << 20);
    struct txn *t = begin(p->s, true);
    txn_put(t, 0, BYTES("big"), bytes_of(big, 1 << 20));
    assert_int_equal(txn_commit(t), 0);
    t = begin(p->s, false);
    assert_true(txn_get(t, 0, BYTES("big"), &v));
    assert_true(bytes_equal(v, bytes_of(big, 1 << 20)));
    txn_abort(t);
    free(big);
}

static void a_full_disk_loses_nothing(void **state) {
    struct place *p = *state;
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    assert_int_equal(txn_commit(t), 0);
    store_memory_fault(p->s, STORE_FAULT_DISK_FULL);
    t = begin(p->s, true);
    put(t, "a", "2");
    assert_int_equal(txn_commit(t), STORE_DISK_FULL);
    store_memory_fault(p->s, STORE_FAULT_NONE);
    t = begin(p->s, false);
    assert_true(has(t, "a", "1"));
    txn_abort(t);
}

static void reopens(void **state) {
    struct place *p = *state;
    struct store *second = NULL;
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &second), STORE_LOCKED);
    p->s = store_close(p->s);
    assert_int_equal(store_open_lmdb(p->folder, &other, test_seal(), 0, &second), STORE_NOT_OURS);
    assert_int_equal(store_open_lmdb(p->folder, &newer, test_seal(), 0, &second), 0);
    store_close(second);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &second), STORE_NEWER_FORMAT);
    assert_int_equal(store_open_lmdb(p->folder, &newer, test_seal(), 0, &p->s), 0);
    t = begin(p->s, false);
    assert_true(has(t, "a", "1"));
    txn_abort(t);
    assert_non_null(strstr(store_open_hint(STORE_NEWER_FORMAT), "newer version"));
}

/* Does mallinfo2 tell what is in use? Not where a checker has taken the allocator's place. */
static bool memory_is_told(void) {
    size_t before = mallinfo2().uordblks;
    void *some = memory_resize(NULL, 100000);
    bool told = mallinfo2().uordblks >= before + 100000;
    free(some);
    return told;
}

/* After a large transaction a store gives its memory back, and nobody who uses it notices. */
static void rests(void **state) {
    struct place *p = *state;
    uint8_t value[500] = {7};
    struct txn *t = begin(p->s, true);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t k = i * 2654435761u;
        txn_put(t, 0, bytes_of(&k, sizeof k), bytes_of(value, sizeof value));
    }
    put(t, "a", "1");
    assert_int_equal(txn_commit(t), 0);
    size_t before = mallinfo2().uordblks;
    t = begin(p->s, false);
    assert_int_equal(store_rest(p->s), 0);
    assert_true(has(t, "a", "1"));
    if (memory_is_told())
        assert_true(mallinfo2().uordblks + 1000000 > before); /* somebody reads */
    txn_abort(t);
    assert_int_equal(store_rest(p->s), 0);
    if (memory_is_told())
        assert_true(mallinfo2().uordblks + 8000000 < before);
    t = begin(p->s, true);
    assert_true(has(t, "a", "1"));
    put(t, "a", "2");
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(store_rest(p->s), 0);
    t = begin(p->s, false);
    assert_true(has(t, "a", "2"));
    assert_int_equal(store_count(t, 0), 20001);
    txn_abort(t);
}

static void a_small_map_is_a_full_disk(void **state) {
    struct place *p = *state;
    store_close(p->s);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 1 << 20, &p->s), 0);
    uint8_t *big = memory_zeroed(1, 1 << 21);
    struct txn *t = begin(p->s, true);
    txn_put(t, 0, BYTES("big"), bytes_of(big, 1 << 21));
    assert_int_equal(txn_commit(t), STORE_DISK_FULL);
    t = begin(p->s, true);
    put(t, "small", "1");
    assert_int_equal(txn_commit(t), 0);
    free(big);
}

static void another_key_or_an_older_form_is_refused(void **state) {
    struct place *p = *state;
    static const struct store_shape unsealed = {"test", 1, trees, 2, 7, 0};
    struct seal_key k = {{1}};
    struct seal *wrong = seal_new(&k);
    struct store *second = NULL;
    struct txn *t = begin(p->s, true);
    put(t, "a", "1");
    assert_int_equal(txn_commit(t), 0);
    p->s = store_close(p->s);
    assert_int_equal(store_open_lmdb(p->folder, &shape, wrong, 0, &second), STORE_WRONG_KEY);
    assert_non_null(strstr(store_open_hint(STORE_WRONG_KEY), "another key"));
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s), 0);
    t = begin(p->s, false);
    assert_true(has(t, "a", "1"));
    txn_abort(t);
    store_close(p->s);
    char path[128];
    snprintf(path, sizeof path, "%s/data.mdb", p->folder);
    unlink(path);
    assert_int_equal(store_open_lmdb(p->folder, &unsealed, test_seal(), 0, &p->s), 0);
    p->s = store_close(p->s);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s), STORE_OLDER_FORMAT);
    assert_non_null(strstr(store_open_hint(STORE_OLDER_FORMAT), "did not seal"));
    seal_free(wrong);
}

/* ---- compaction: nothing of what was deleted is left, in no block that the store had */

static const char marker[] = "what nobody may find again";

static bool marked(int file) {
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    uint8_t *all = memory_zeroed(1, (size_t)st.st_size + 1);
    assert_int_equal(pread(file, all, (size_t)st.st_size, 0), st.st_size);
    bool found = memmem(all, (size_t)st.st_size, marker, sizeof marker - 1) != NULL;
    free(all);
    return found;
}

static int file_in(const struct place *p, const char *name, int flags) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    int file = open(path, flags | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    return file;
}

static bool is_there(const struct place *p, const char *name) {
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    return stat(path, &st) == 0;
}

static void put_and_delete(struct store *s) {
    struct txn *t = begin(s, true);
    put(t, "stays", "1");
    put(t, "goes", marker);
    assert_int_equal(txn_commit(t), 0);
    t = begin(s, true);
    txn_delete(t, 0, BYTES("goes"));
    assert_int_equal(txn_commit(t), 0);
}

static void only_what_stays(struct store *s) {
    struct txn *t = begin(s, true);
    assert_true(has(t, "stays", "1"));
    assert_int_equal(store_count(t, 0), 1);
    put(t, "more", "2");
    assert_int_equal(txn_commit(t), 0);
}

static void compacts(void **state) {
    struct place *p = *state;
    put_and_delete(p->s);
    int old = p->lmdb ? file_in(p, "data.mdb", O_RDONLY) : -1;
    if (p->lmdb)
        assert_true(marked(old));            /* else this shows nothing */
    struct txn *inside = begin(p->s, false); /* a reader that stays keeps it from anything */
    assert_int_equal(store_compact(p->s, 20), STORE_BUSY);
    assert_true(has(inside, "stays", "1"));
    txn_abort(inside);
    assert_int_equal(store_compact(p->s, 1000), 0);
    if (p->lmdb) {
        int now = file_in(p, "data.mdb", O_RDONLY);
        assert_false(marked(now));
        assert_false(marked(old)); /* the blocks that it had */
        assert_false(is_there(p, "old.mdb") || is_there(p, "compact"));
        close(now);
        close(old);
    }
    only_what_stays(p->s);
}

/* Transactions of other threads go on, each waits for the compaction under way or is waited for, and all that they wrote is there. */
enum { WRITES = 200 };

static void *writes(void *arg) {
    struct store *s = arg;
    for (unsigned i = 0; i < WRITES; i++) {
        uint8_t key[2] = {'k', (uint8_t)i};
        struct txn *t;
        if (store_write(s, &t) != 0)
            return arg;
        txn_put(t, 0, bytes_of(key, sizeof key), BYTES("x"));
        if (txn_commit(t) != 0)
            return arg;
    }
    return NULL;
}

static void compacts_beside_work(void **state) {
    struct place *p = *state;
    pthread_t thread;
    void *failed;
    assert_int_equal(pthread_create(&thread, NULL, writes, p->s), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(store_compact(p->s, 10000), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
    struct txn *t = begin(p->s, false);
    assert_int_equal(store_count(t, 0), WRITES);
    txn_abort(t);
}

/* The places at which it may be cut short: the next open finishes it. */
static void a_compaction_cut_short_is_finished(void **state) {
    struct place *p = *state;
    char from[128], to[128];
    put_and_delete(p->s);
    p->s = store_close(p->s);
    snprintf(from, sizeof from, "%s/data.mdb", p->folder);

    snprintf(to, sizeof to, "%s/compact", p->folder); /* while the copy was written */
    assert_int_equal(mkdir(to, 0700), 0);
    int half = file_in(p, "compact/data.mdb", O_RDWR | O_CREAT);
    assert_int_equal(write(half, marker, sizeof marker), sizeof marker);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s), 0);
    assert_false(marked(half) || is_there(p, "compact"));
    close(half);
    p->s = store_close(p->s);

    snprintf(to, sizeof to, "%s/old.mdb", p->folder); /* after the second name was given: both are the same file, and whole */
    assert_int_equal(link(from, to), 0);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s), 0);
    assert_false(is_there(p, "old.mdb"));
    p->s = store_close(p->s);

    int old = file_in(p, "old.mdb", O_RDWR | O_CREAT); /* after the new file took its place */
    assert_int_equal(write(old, marker, sizeof marker), sizeof marker);
    assert_int_equal(store_open_lmdb(p->folder, &shape, test_seal(), 0, &p->s), 0);
    assert_false(marked(old) || is_there(p, "old.mdb"));
    close(old);
    only_what_stays(p->s);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, open_lmdb, close_both)
#define BOTH(test)                                                                                                                         \
    cmocka_unit_test_setup_teardown(test, open_memory, close_both), cmocka_unit_test_setup_teardown(test, open_lmdb, close_both)

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(commits_and_aborts),
        BOTH(a_reader_sees_its_snapshot),
        BOTH(results_stick),
        BOTH(scans_survive_own_writes),
        BOTH(agrees_with_an_array),
        BOTH(large_values),
        BOTH(compacts_beside_work),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, open_memory, close_both),
        ON_DISK(reopens),
        BOTH(compacts),
        ON_DISK(a_compaction_cut_short_is_finished),
        ON_DISK(another_key_or_an_older_form_is_refused),
        ON_DISK(rests),
        ON_DISK(a_small_map_is_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
