/* Backups: what is sealed opens again and nothing else does; a full disk leaves nothing; the hub's list and what it makes safe; a restored
 * pair; the engine that lets go of its log. */
#include "common/store/backup.h"

#include "common/base/clock.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/engine/hub_engine.h"
#include "tests/support/hub_city.h"
#include "tests/support/test_seal.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
// cmocka needs the four above
#include <cmocka.h>

enum { CHUNK = 65536 };

struct place {
    char folder[32], dir[64], data[64], file[64];
    struct backup_key key;
};

static void put_file(const char *path, size_t len, unsigned seed) {
    FILE *f = fopen(path, "w");
    struct random chance;
    invariant(f != NULL);
    random_seed(&chance, seed);
    for (size_t i = 0; i < len; i++)
        fputc((int)random_below(&chance, 256), f);
    invariant(fclose(f) == 0);
}

static int open_place(void **state) {
    struct place *p = memory_zeroed(1, sizeof *p);
    strcpy(p->folder, "/tmp/anju-back-XXXXXX");
    invariant(mkdtemp(p->folder) != NULL);
    snprintf(p->dir, sizeof p->dir, "%s/dir", p->folder);
    snprintf(p->data, sizeof p->data, "%s/data", p->folder);
    snprintf(p->file, sizeof p->file, "%s/file", p->folder);
    invariant(mkdir(p->dir, 0700) == 0);
    char key[64];
    snprintf(key, sizeof key, "%s/key", p->folder);
    invariant(backup_key_make(key, &p->key) == 0);
    *state = p;
    return 0;
}

static int close_place(void **state) {
    struct place *p = *state;
    backup_remove(p->folder);
    free(p);
    return 0;
}

static void begin(struct place *p, struct backup *b, wall_ms made) {
    *b = (struct backup){.key = p->key};
    strcpy(b->manifest.kind, "hub");
    b->manifest.city = city_id(7);
    b->manifest.made = made;
    assert_int_equal(backup_begin(b, p->dir), 0);
}

/* One of a single part of so many bytes; gives its folder. */
static char *make_one(struct place *p, size_t len, wall_ms made) {
    struct backup b;
    put_file(p->file, len, (unsigned)len);
    begin(p, &b, made);
    backup_life_add(&b.manifest, 3, &(struct id16){{9}}, 77);
    assert_int_equal(backup_add(&b, "part", p->file, false), 0);
    assert_int_equal(backup_end(&b), 0);
    char *folder = memory_text(b.folder);
    backup_close(&b);
    return folder;
}

static size_t entries(const char *folder) {
    size_t n = 0;
    DIR *d = opendir(folder);
    for (; d != NULL && readdir(d) != NULL;)
        n++;
    if (d != NULL)
        closedir(d);
    return n < 2 ? 0 : n - 2;
}

static void test_key(void **state) {
    struct place *p = *state;
    struct backup_key again;
    char key[64];
    bool made;
    snprintf(key, sizeof key, "%s/key", p->folder);
    assert_int_equal(backup_key_load(key, &again), 0);
    assert_memory_equal(again.b, p->key.b, sizeof again.b);
    assert_int_equal(backup_key_ready(key, &again, &made), 0);
    assert_false(made);
    assert_int_equal(backup_key_make(key, &again), -EEXIST);
    chmod(key, 0640);
    assert_int_equal(backup_key_load(key, &again), BACKUP_KEY_OPEN);
    chmod(key, 0600);
    assert_int_equal(truncate(key, 60), 0);
    assert_int_equal(backup_key_load(key, &again), BACKUP_KEY_BROKEN);
    assert_int_equal(backup_key_load(p->data, &again), BACKUP_KEY_MISSING);
}

/* Every length around the chunks comes back as it was. */
static void test_round(void **state) {
    static const size_t lens[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5};
    struct place *p = *state;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct backup_manifest m;
        struct buffer was = {0}, is = {0};
        char at[128];
        char *folder = make_one(p, lens[i], 1000 + i);
        assert_int_equal(backup_read(folder, &p->key, &m), 0);
        assert_string_equal(m.kind, "hub");
        assert_int_equal(m.parts[0].bytes, lens[i]);
        assert_int_equal(m.life_count, 1);
        assert_int_equal(m.lives[0].accepted, 77);
        assert_int_equal(backup_unpack(folder, &p->key, &m, p->data, NULL), 0);
        assert_int_equal(backup_place(&m, p->data), 0);
        snprintf(at, sizeof at, "%s/part", p->data);
        FILE *f = fopen(p->file, "r"), *g = fopen(at, "r");
        for (int c; (c = fgetc(f)) != EOF;)
            buffer_u8(&was, (uint8_t)c);
        for (int c; (c = fgetc(g)) != EOF;)
            buffer_u8(&is, (uint8_t)c);
        fclose(f);
        fclose(g);
        assert_true(bytes_equal(buffer_bytes(&was), buffer_bytes(&is)));
        assert_int_equal(backup_unpack(folder, &p->key, &m, p->data, NULL), BACKUP_NOT_EMPTY);
        backup_remove(p->data);
        backup_manifest_close(&m);
        buffer_close(&was);
        buffer_close(&is);
        free(folder);
    }
}

static int look(struct place *p, const char *folder) {
    struct backup_manifest m;
    int r = backup_read(folder, &p->key, &m);
    if (r == 0)
        r = backup_check(folder, &p->key, &m, NULL);
    backup_manifest_close(&m);
    return r;
}

/* A bit anywhere, a cut anywhere, a byte more: told, in both files. */
static void test_tampered(void **state) {
    struct place *p = *state;
    char *folder = make_one(p, CHUNK + 100, 1000);
    const char *names[] = {"part.part", "manifest"};
    for (size_t n = 0; n < 2; n++) {
        char path[160];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, names[n]);
        assert_int_equal(stat(path, &st), 0);
        struct buffer all = {0};
        FILE *f = fopen(path, "r");
        invariant(fread(buffer_grow(&all, (size_t)st.st_size), 1, (size_t)st.st_size, f) == (size_t)st.st_size);
        fclose(f);
        for (size_t at = 0; at < all.len; at += n == 0 ? 997 : 1) {
            all.at[at] ^= 0x04;
            f = fopen(path, "w");
            fwrite(all.at, 1, all.len, f);
            fclose(f);
            assert_int_not_equal(look(p, folder), 0);
            all.at[at] ^= 0x04;
        }
        for (size_t len = 0; len < all.len; len += n == 0 ? 4099 : 7) {
            f = fopen(path, "w");
            fwrite(all.at, 1, len, f);
            fclose(f);
            assert_int_not_equal(look(p, folder), 0);
        }
        f = fopen(path, "w");
        fwrite(all.at, 1, all.len, f);
        fputc(0, f);
        fclose(f);
        assert_int_equal(look(p, folder), BACKUP_TAMPERED);
        f = fopen(path, "w");
        fwrite(all.at, 1, all.len, f);
        fclose(f);
        assert_int_equal(look(p, folder), 0);
        buffer_close(&all);
    }
    struct backup_key other = p->key;
    struct backup_manifest m;
    other.b[0] ^= 1;
    assert_int_equal(backup_read(folder, &other, &m), BACKUP_WRONG_KEY);
    assert_int_equal(backup_read(p->dir, &p->key, &m), BACKUP_NONE);
    free(folder);
}

/* A file of another backup with the same key, the same name and the same bytes is not this one's. */
static void test_swapped(void **state) {
    struct place *p = *state;
    char one[160], two[160];
    char *first = make_one(p, 500, 1000), *second = make_one(p, 500, 2000);
    snprintf(one, sizeof one, "%s/part.part", first);
    snprintf(two, sizeof two, "%s/part.part", second);
    assert_int_equal(rename(one, two), 0);
    assert_int_equal(look(p, second), BACKUP_TAMPERED);
    assert_int_equal(look(p, first), BACKUP_TAMPERED); /* its file is gone */
    free(first);
    free(second);
}

/* No room: an outcome, and nothing half-made; the same when it is to stop, and where the folder is not there. */
static void test_full(void **state) {
    struct place *p = *state;
    struct backup b;
    struct rlimit was, little = {2 * CHUNK, 0};
    put_file(p->file, 4 * CHUNK, 1);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    little.rlim_max = was.rlim_max;
    begin(p, &b, 1000);
    setrlimit(RLIMIT_FSIZE, &little);
    int r = backup_add(&b, "part", p->file, false);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(r, BACKUP_FULL);
    assert_int_equal(entries(p->dir), 1);
    backup_close(&b);
    assert_int_equal(entries(p->dir), 0);

    struct progress progress = {.stop = true};
    begin(p, &b, 1000);
    b.progress = &progress;
    assert_int_equal(backup_add(&b, "part", p->file, false), BACKUP_STOPPED);
    backup_close(&b);
    assert_int_equal(entries(p->dir), 0);

    begin(p, &b, 1000); /* one that was killed is removed by the next */
    free(b.half);
    b.half = NULL;
    backup_close(&b);
    assert_int_equal(entries(p->dir), 1);
    char *folder = make_one(p, 1, 1000);
    assert_int_equal(entries(p->dir), 1);
    begin(p, &b, 1000); /* of the very same moment */
    assert_int_equal(backup_add(&b, "part", p->file, false), 0);
    assert_int_equal(backup_end(&b), BACKUP_THERE);
    backup_close(&b);
    assert_int_equal(entries(p->dir), 1);
    free(folder);

    b = (struct backup){.key = p->key};
    assert_int_equal(backup_begin(&b, p->data), BACKUP_NO_FOLDER);
    backup_close(&b);
}

static void test_prune(void **state) {
    struct place *p = *state;
    struct backup_manifest like = {.kind = "hub", .city = city_id(7)};
    for (wall_ms at = 1000; at < 5000; at += 1000)
        free(make_one(p, 1, at));
    like.node = 4; /* another's are left alone */
    backup_prune(p->dir, &p->key, &like, 0);
    assert_int_equal(entries(p->dir), 4);
    like.node = 0;
    backup_prune(p->dir, &p->key, &like, 3);
    assert_int_equal(entries(p->dir), 3);
    char gone[128];
    snprintf(gone, sizeof gone, "%s/19700101T000001.000Z", p->dir);
    assert_int_not_equal(access(gone, F_OK), 0);
}

/* ---- the hub's list */

static uint64_t put(struct txn *own, unsigned id, uint64_t position, const struct id16 *log_life, const struct backup_life *l, size_t n) {
    return hub_kept_put(
        own, &(struct hub_kept){
                 .id = city_id(id),
                 .log_life = *log_life,
                 .made = id,
                 .position = position,
                 .path = (char *)(uintptr_t) "/media/x",
                 .lives = (struct backup_life *)(uintptr_t)l,
                 .life_count = n,
             });
}

/* A bit of the last of the list. */
static void damage(struct txn *own) {
    struct bytes at, value;
    struct buffer key = {0}, flipped = {0};
    struct scan *c = scan_open(own, HUB_OWN_META);
    for (bool on = scan_from(c, BYTES("backup"), &at, &value); on && memcmp(at.at, "backup", 6) == 0; on = scan_next(c, &at, &value)) {
        buffer_clear(&key);
        buffer_clear(&flipped);
        buffer_add(&key, at);
        buffer_add(&flipped, value);
    }
    scan_close(c);
    flipped.at[flipped.len - 1] ^= 0x10;
    txn_put(own, HUB_OWN_META, buffer_bytes(&key), buffer_bytes(&flipped));
    buffer_close(&key);
    buffer_close(&flipped);
}

static void test_kept(void **state) {
    struct store *own = store_memory(&shape_hub_own, test_seal());
    const struct id16 a = {{1}}, b = {{2}}, life = {{7}}, later = {{8}};
    const struct backup_life first[] = {{2, a, 30}, {1, a, 10}}, second[] = {{1, a, 25}, {1, b, 5}, {2, a, 20}};
    struct hub_kept_view v;
    struct txn *t;
    (void)state;
    assert_int_equal(store_write(own, &t), 0);
    hub_own_begin(t, &life);
    hub_kept_view(t, &v);
    assert_int_equal(v.count, 0);
    assert_int_equal(hub_kept_safe(&v, 1, &a), 0);
    assert_int_equal(hub_kept_below(&v, &life), 0);
    uint64_t n = put(t, 1, 100, &life, first, 2);
    hub_kept_view(t, &v);
    assert_int_equal(hub_kept_safe(&v, 1, &a), 10);
    assert_int_equal(hub_kept_safe(&v, 2, &a), 30);
    assert_int_equal(hub_kept_safe(&v, 2, &b), 0);
    assert_int_equal(hub_kept_below(&v, &life), 101);
    assert_int_equal(hub_kept_below(&v, &later), 0);
    hub_kept_view_close(&v);
    put(t, 2, 150, &life, second, 3);
    hub_kept_view(t, &v);
    assert_int_equal(v.count, 2);
    assert_string_equal(v.kept[1].path, "/media/x");
    assert_int_equal(hub_kept_safe(&v, 1, &a), 10);
    assert_int_equal(hub_kept_safe(&v, 1, &b), 0);  /* not in the oldest */
    assert_int_equal(hub_kept_safe(&v, 2, &a), 20); /* less in the newer */
    assert_int_equal(hub_kept_below(&v, &life), 101);
    hub_kept_view_close(&v);
    assert_int_equal(put(t, 1, 100, &life, first, 2), n); /* the same keeps its place */
    hub_kept_drop(t, n);
    hub_kept_view(t, &v);
    assert_int_equal(v.count, 1);
    assert_int_equal(hub_kept_safe(&v, 1, &a), 25);
    assert_int_equal(hub_kept_safe(&v, 1, &b), 5);
    assert_int_equal(hub_kept_below(&v, &life), 151);
    hub_kept_view_close(&v);
    put(t, 3, 200, &life, second, 3);
    damage(t);
    hub_kept_view(t, &v); /* what one of them holds is not known: nothing is safe, and nothing goes */
    assert_int_equal(v.count, 2);
    assert_int_equal(hub_kept_safe(&v, 1, &a), 0);
    assert_int_equal(hub_kept_below(&v, &life), 0);
    hub_kept_view_close(&v);
    assert_int_equal(txn_commit(t), 0);
    store_close(own);
}

/* ---- a restored pair, and the engine */

struct hub {
    struct place *place;
    struct city city;
    uv_loop_t loop;
    struct keys keys;
    struct hub_engine *engine;
    int fatal;
};

static void on_fatal(void *owner, int result) {
    struct hub *h = owner;
    h->fatal = result;
}

static void start(struct hub *h) {
    struct hub_stores stores;
    struct hub_engine_calls calls = {.fatal = on_fatal, .owner = h};
    assert_int_equal(hub_stores_open(h->place->folder, test_seal(), &stores), 0);
    assert_int_equal(uv_loop_init(&h->loop), 0);
    assert_int_equal(hub_engine_open(&h->loop, &stores, "tcp://127.0.0.1:*", &h->keys, &calls, &h->engine), 0);
}

static void stop_hub(struct hub *h) {
    h->engine = hub_engine_close(h->engine);
    while (uv_run(&h->loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&h->loop), 0);
    assert_int_equal(h->fatal, 0);
}

static struct hub *new_hub(struct place *p) {
    struct hub *h = memory_zeroed(1, sizeof *h);
    char path[64];
    h->place = p;
    snprintf(path, sizeof path, "%s/keys", p->folder);
    assert_int_equal(keys_make(path, &h->keys), 0);
    city_open(&h->city, 7, p->folder);
    return h;
}

static struct store *open_store(struct place *p, const char *name, const struct store_shape *shape) {
    char path[64];
    struct store *s;
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    assert_int_equal(store_open_lmdb(path, shape, test_seal(), 0, &s), 0);
    return s;
}

struct seen {
    struct hub_place at;
    struct hub_log_place log;
};

static struct seen look_at(struct place *p) {
    struct seen seen;
    struct txn *t;
    struct store *s = open_store(p, "state", &shape_hub_state);
    assert_int_equal(store_read(s, &t), 0);
    assert_true(hub_place_get(t, &seen.at));
    txn_abort(t);
    store_close(s);
    s = open_store(p, "log", &shape_hub_log);
    assert_int_equal(store_read(s, &t), 0);
    assert_true(hub_log_place(t, &seen.log));
    txn_abort(t);
    store_close(s);
    return seen;
}

/* Log and state fit, and yet the epoch is a new one, once; what is in the log stays. */
static void test_restored(void **state) {
    struct hub *h = new_hub(*state);
    struct txn *s, *l;
    for (uint64_t i = 1; i <= 3; i++)
        city_create(&h->city, 1, i);
    city_merge(&h->city, 1000);
    city_close(&h->city);
    start(h);
    stop_hub(h);
    struct seen before = look_at(h->place);
    struct store *st = open_store(h->place, "state", &shape_hub_state), *lg = open_store(h->place, "log", &shape_hub_log);
    assert_int_equal(store_write(st, &s), 0);
    assert_int_equal(store_write(lg, &l), 0);
    struct id16 life = entropy_id();
    hub_restored_mark(s, l, &life);
    assert_int_equal(txn_commit(l), 0);
    assert_int_equal(txn_commit(s), 0);
    store_close(st);
    store_close(lg);
    start(h);
    stop_hub(h);
    struct seen after = look_at(h->place);
    assert_int_equal(after.at.epoch_count, before.at.epoch_count + 1);
    assert_false(id_equal(&after.log.life, &before.log.life));
    assert_true(id_equal(&after.log.life, &after.at.log_life));
    assert_int_equal(after.log.first, before.log.first);
    assert_int_equal(after.log.last, before.log.last);
    start(h);
    stop_hub(h);
    assert_int_equal(look_at(h->place).at.epoch_count, after.at.epoch_count);
    free(h);
}

static void on_tick(uv_timer_t *t) {
    (void)t;
}

/* What a backup holds is safe for its node, and the log below its state goes; at the next start too. */
static void test_engine(void **state) {
    struct hub *h = new_hub(*state);
    for (uint64_t i = 1; i <= 9; i++)
        city_create(&h->city, 1, i);
    city_merge(&h->city, 1000);
    city_close(&h->city);
    start(h);
    stop_hub(h);
    struct seen before = look_at(h->place);
    uint64_t position = before.at.position - 2;
    assert_true(position > before.log.first);

    start(h);
    const struct hub_link *l = &hub_engine_peer(h->engine, 0)->link;
    assert_int_equal(l->lives[0].safe, 0);
    struct backup_life lives[] = {{l->node, l->lives[0].incarnation, 4}};
    struct hub_kept_view v;
    struct store *own = store_memory(&shape_hub_own, test_seal());
    struct txn *t;
    assert_int_equal(store_write(own, &t), 0);
    put(t, 1, position, &before.log.life, lives, 1);
    hub_kept_view(t, &v);
    txn_abort(t);
    store_close(own);
    hub_engine_kept(h->engine, &v);
    assert_int_equal(l->lives[0].safe, 4);
    uv_timer_t tick;
    uv_timer_init(&h->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 0);
    uv_run(&h->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    stop_hub(h); /* finishes all work */
    assert_int_equal(look_at(h->place).log.first, position + 1);

    own = open_store(h->place, "own", &shape_hub_own);
    assert_int_equal(store_write(own, &t), 0);
    put(t, 1, position, &before.log.life, lives, 1);
    assert_int_equal(txn_commit(t), 0);
    store_close(own);
    start(h);
    assert_int_equal(hub_engine_peer(h->engine, 0)->link.lives[0].safe, 4);
    assert_int_equal(hub_engine_backups(h->engine)->count, 1);
    stop_hub(h);
    free(h);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, open_place, close_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_PLACE(test_key),   WITH_PLACE(test_round),      WITH_PLACE(test_tampered), WITH_PLACE(test_swapped), WITH_PLACE(test_full),
        WITH_PLACE(test_prune), cmocka_unit_test(test_kept), WITH_PLACE(test_restored), WITH_PLACE(test_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
