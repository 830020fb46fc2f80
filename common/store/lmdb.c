/* The store over LMDB: one environment a folder, fsynced commits, read transactions that may live on any thread.
 *
 * Never WRITEMAP, NOSYNC or NOMEMINIT. The map is 1 TiB from the start, so it never has to grow; a smaller one is for tests, and full it is
 * a full disk. LMDB carries on after a failed fdatasync, so a failed commit is either a full disk (asked of the file system, and of a probe
 * file, since it shows as EIO too) or a suspect device: then the caller stops and the store is verified at the next start. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/store_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PROBE_BYTES = 65536, FREE_LEAST = 1 << 20, READERS = 126, WRITES_WORTH_A_REST = 1000, PATH_BYTES = 4096 };
enum { FORMAT_SEALED = 2 /* the first that was; older ones are not read */ };
#define MAP_MOST ((uint64_t)1 << 40)
#define MAP_LEAST ((uint64_t)1 << 32)

struct lmdb_store {
    struct store base;
    MDB_env *env;
    int lock; /* the flock that keeps a second process out */
    char *folder;
    uint64_t map_bytes;
    MDB_dbi trees[STORE_TREES_MAX];
    pthread_mutex_t in_use; /* over the two below */
    unsigned users;         /* of `env`: transactions and copies under way; it changes only when there is none */
    size_t most_writes;     /* of one transaction since `env` was opened: LMDB keeps the memory of as many pages */
};

struct lmdb_txn {
    struct txn base;
    MDB_txn *txn;
    size_t writes;
};

struct lmdb_scan {
    struct scan base;
    MDB_cursor *cursor;
};

static struct lmdb_store *store_of(struct store *s) {
    return (struct lmdb_store *)s;
}

static struct lmdb_txn *txn_of(struct txn *t) {
    return (struct lmdb_txn *)t;
}

static MDB_dbi tree_of(struct txn *t, unsigned tree) {
    return store_of(t->store)->trees[tree];
}

static MDB_val val(struct bytes b) {
    union {
        const uint8_t *from;
        void *to;
    } u = {.from = b.at}; /* LMDB does not write through it */
    return (MDB_val){b.len, u.to};
}

static struct bytes from_val(MDB_val v) {
    return bytes_of(v.mv_data, v.mv_size);
}

/* ---- what went wrong: a full disk, or a device that cannot be trusted? */

static bool disk_full(const struct lmdb_store *s) {
    struct statvfs fs;
    char path[PATH_BYTES];
    uint8_t *zeroes = memory_zeroed(1, PROBE_BYTES);
    if (statvfs(s->folder, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < FREE_LEAST) {
        free(zeroes);
        return true;
    }
    snprintf(path, sizeof path, "%s/probe", s->folder);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool full = file < 0 && errno == ENOSPC;
    if (file >= 0) {
        full = (write(file, zeroes, PROBE_BYTES) != PROBE_BYTES || fsync(file) != 0) && (errno == ENOSPC || errno == EDQUOT);
        close(file);
        unlink(path);
    }
    free(zeroes);
    return full;
}

static int outcome(struct lmdb_store *s, int r) {
    if (r == 0)
        return 0;
    if (r == MDB_MAP_FULL || r == MDB_TXN_FULL || r == ENOSPC || r == EDQUOT || (r == EIO && disk_full(s)))
        return STORE_DISK_FULL;
    log_fact(LOG_ERROR, "store.failed", FACT_TEXT("folder", s->folder), FACT_TEXT("what", mdb_strerror(r)));
    return r > 0 ? -r : -EIO;
}

/* ---- transactions */

static MDB_env *env_use(struct lmdb_store *s) {
    pthread_mutex_lock(&s->in_use);
    s->users++;
    pthread_mutex_unlock(&s->in_use);
    return s->env;
}

static void env_leave(struct lmdb_store *s, size_t writes) {
    pthread_mutex_lock(&s->in_use);
    s->users--;
    s->most_writes = writes > s->most_writes ? writes : s->most_writes;
    pthread_mutex_unlock(&s->in_use);
}

static int begin(struct store *s, bool writes, struct txn **out) {
    struct lmdb_txn *t = memory_zeroed(1, sizeof *t);
    MDB_env *env = env_use(store_of(s));
    int r = env == NULL ? EIO : mdb_txn_begin(env, NULL, writes ? 0 : MDB_RDONLY, &t->txn);
    if (r != 0) {
        env_leave(store_of(s), 0);
        free(t);
        r = outcome(store_of(s), r);
        return r == STORE_DISK_FULL ? -ENOSPC : r;
    }
    t->base.store = s;
    t->base.writes = writes;
    *out = &t->base;
    return 0;
}

static int lmdb_read(struct store *s, struct txn **out) {
    return begin(s, false, out);
}

static int lmdb_write(struct store *s, struct txn **out) {
    return begin(s, true, out);
}

static int lmdb_commit(struct txn *t) {
    struct lmdb_store *s = store_of(t->store);
    int r = mdb_txn_commit(txn_of(t)->txn);
    env_leave(s, txn_of(t)->writes);
    free(t);
    return outcome(s, r);
}

static void lmdb_abort(struct txn *t) {
    mdb_txn_abort(txn_of(t)->txn);
    env_leave(store_of(t->store), txn_of(t)->writes);
    free(t);
}

static int lmdb_renew(struct txn *t) {
    mdb_txn_reset(txn_of(t)->txn);
    return outcome(store_of(t->store), mdb_txn_renew(txn_of(t)->txn));
}

static int lmdb_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value) {
    MDB_val k = val(key), v;
    int r = mdb_get(txn_of(t)->txn, tree_of(t, tree), &k, &v);
    if (r == MDB_NOTFOUND)
        return STORE_ABSENT;
    if (r == 0)
        *value = from_val(v);
    return outcome(store_of(t->store), r);
}

static int lmdb_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value, bool append) {
    MDB_val k = val(key), v = val(value);
    int r = mdb_put(txn_of(t)->txn, tree_of(t, tree), &k, &v, append ? MDB_APPEND : 0);
    invariant(r != MDB_KEYEXIST); /* an append below the last key */
    txn_of(t)->writes++;
    return outcome(store_of(t->store), r);
}

static int lmdb_remove(struct txn *t, unsigned tree, struct bytes key) {
    MDB_val k = val(key);
    int r = mdb_del(txn_of(t)->txn, tree_of(t, tree), &k, NULL);
    txn_of(t)->writes++;
    return outcome(store_of(t->store), r == MDB_NOTFOUND ? 0 : r);
}

static int lmdb_clear(struct txn *t, unsigned tree) {
    return outcome(store_of(t->store), mdb_drop(txn_of(t)->txn, tree_of(t, tree), 0));
}

static int lmdb_count(struct txn *t, unsigned tree, uint64_t *out) {
    MDB_stat stat;
    int r = mdb_stat(txn_of(t)->txn, tree_of(t, tree), &stat);
    if (r == 0)
        *out = stat.ms_entries;
    return outcome(store_of(t->store), r);
}

/* ---- scans */

static int lmdb_scan_open(struct txn *t, unsigned tree, struct scan **out) {
    struct lmdb_scan *c = memory_zeroed(1, sizeof *c);
    int r = mdb_cursor_open(txn_of(t)->txn, tree_of(t, tree), &c->cursor);
    if (r != 0) {
        free(c);
        return outcome(store_of(t->store), r);
    }
    *out = &c->base;
    return 0;
}

static void lmdb_scan_close(struct scan *c) {
    mdb_cursor_close(((struct lmdb_scan *)c)->cursor);
    free(c);
}

static int lmdb_scan_seek(struct scan *scan, enum seek to, struct bytes key, struct bytes *at, struct bytes *value) {
    MDB_cursor *c = ((struct lmdb_scan *)scan)->cursor;
    MDB_val k = val(key), v;
    int r = 0;
    switch (to) {
    case SEEK_FIRST:
        r = mdb_cursor_get(c, &k, &v, MDB_FIRST);
        break;
    case SEEK_FROM:
        r = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        break;
    case SEEK_NEXT:
        r = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        break;
    case SEEK_BEFORE:
        r = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        r = mdb_cursor_get(c, &k, &v, r == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
        break;
    case SEEK_LAST:
        r = mdb_cursor_get(c, &k, &v, MDB_LAST);
        break;
    }
    if (r == MDB_NOTFOUND)
        return STORE_ABSENT;
    if (r != 0)
        return outcome(store_of(scan->txn->store), r);
    *at = from_val(k);
    *value = from_val(v);
    return 0;
}

/* ---- life */

static struct store *lmdb_close(struct store *s) {
    struct lmdb_store *l = store_of(s);
    if (l->env != NULL)
        mdb_env_close(l->env);
    if (l->lock >= 0)
        close(l->lock);
    pthread_mutex_destroy(&l->in_use);
    free(l->folder);
    free(l);
    return NULL;
}

static uint64_t lmdb_bytes(struct store *s) {
    MDB_envinfo info;
    MDB_stat stat;
    MDB_env *env = env_use(store_of(s));
    bool known = mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &stat) == 0;
    env_leave(store_of(s), 0);
    if (!known)
        return 0;
    return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

static int sync_folder(const char *folder) {
    int r = 0, dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) != 0)
        r = -errno;
    if (dir >= 0)
        close(dir);
    return r;
}

static int lmdb_copy(struct store *s, const char *folder) {
    char path[PATH_BYTES];
    if (mkdir(folder, 0700) != 0)
        return -errno;
    MDB_env *env = env_use(store_of(s));
    int r = env == NULL ? EIO : mdb_env_copy2(env, folder, MDB_CP_COMPACT);
    env_leave(store_of(s), 0);
    if (r != 0)
        return outcome(store_of(s), r);
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    r = file < 0 || fsync(file) != 0 ? -errno : 0;
    if (file >= 0)
        close(file);
    return r != 0 ? fail(r) : sync_folder(folder);
}

/* ---- compaction
 *
 * old.mdb is a second name of data.mdb before the new file takes that name: whenever it is cut short, data.mdb is one of the two, whole,
 * and what else lies there is to be overwritten. */

static void path_in(const struct lmdb_store *s, const char *name, char out[PATH_BYTES]) {
    snprintf(out, PATH_BYTES, "%s/%s", s->folder, name);
}

/* Overwrites a file and removes it; 0 also when there is none. */
static int wipe(const char *path) {
    enum { CHUNK = 1 << 20 };
    struct stat st;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 0 : -errno;
    uint8_t *zeroes = memory_zeroed(1, CHUNK);
    int r = fstat(file, &st) == 0 ? 0 : -errno;
    for (off_t at = 0; r == 0 && at < st.st_size;) {
        size_t len = st.st_size - at < CHUNK ? (size_t)(st.st_size - at) : CHUNK;
        ssize_t wrote = pwrite(file, zeroes, len, at);
        r = wrote > 0 ? 0 : -errno;
        at += wrote;
    }
    free(zeroes);
    if (r == 0 && fsync(file) != 0)
        r = -errno;
    close(file);
    return r == 0 && unlink(path) != 0 ? -errno : r;
}

/* Finishes a compaction, or takes back one that did not get as far as its swap. */
static int wipe_rest(const struct lmdb_store *s) {
    char data[PATH_BYTES], old[PATH_BYTES], copy[PATH_BYTES], room[PATH_BYTES];
    struct stat now, was;
    path_in(s, "data.mdb", data);
    path_in(s, "old.mdb", old);
    path_in(s, "compact/data.mdb", copy);
    path_in(s, "compact", room);
    int r = wipe(copy);
    if (r == 0 && rmdir(room) != 0 && errno != ENOENT)
        r = -errno;
    if (r == 0 && stat(old, &was) == 0 && stat(data, &now) == 0)
        r = was.st_ino != now.st_ino ? wipe(old) : unlink(old) == 0 ? 0 : -errno;
    return r == 0 ? sync_folder(s->folder) : r;
}

static int open_env(struct lmdb_store *s);

static int swap(const struct lmdb_store *s) {
    char data[PATH_BYTES], old[PATH_BYTES], copy[PATH_BYTES];
    path_in(s, "data.mdb", data);
    path_in(s, "old.mdb", old);
    path_in(s, "compact/data.mdb", copy);
    int r = link(data, old) == 0 ? sync_folder(s->folder) : -errno;
    if (r == 0 && rename(copy, data) != 0)
        r = -errno;
    return r == 0 ? sync_folder(s->folder) : r;
}

static int lmdb_compact(struct store *base) {
    struct lmdb_store *s = store_of(base);
    char room[PATH_BYTES];
    path_in(s, "compact", room);
    int r = wipe_rest(s);
    if (r == 0)
        r = lmdb_copy(base, room);
    if (r != 0) {
        int rest = wipe_rest(s);
        return r == STORE_DISK_FULL || rest == 0 ? r : rest;
    }
    mdb_env_close(s->env);
    s->env = NULL;
    r = swap(s);
    int rest = wipe_rest(s), again = open_env(s);
    return r != 0 ? r : rest != 0 ? rest : again > 0 ? fail(-EIO) : again;
}

static int open_map(struct lmdb_store *s, uint64_t map_bytes);

/* The trees are there: only their handles are new. Nothing is written, so a full disk is no hindrance. */
static int trees_open(struct lmdb_store *s) {
    MDB_txn *t;
    int r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t);
    if (r != 0)
        return r;
    for (unsigned i = 0; r == 0 && i < s->base.shape.tree_count; i++)
        r = mdb_dbi_open(t, s->base.shape.trees[i], 0, &s->trees[i]);
    if (r == 0)
        return mdb_txn_commit(t);
    mdb_txn_abort(t);
    return r;
}

/* LMDB keeps the page buffers of its largest transaction until the environment is closed. */
static int lmdb_rest(struct store *store) {
    struct lmdb_store *s = store_of(store);
    int r = 0;
    pthread_mutex_lock(&s->in_use);
    if (s->users == 0 && s->most_writes > WRITES_WORTH_A_REST) {
        s->most_writes = 0;
        mdb_env_close(s->env);
        s->env = NULL;
        r = open_map(s, s->map_bytes);
        if (r == 0)
            r = trees_open(s);
        if (r != 0) { /* every transaction from now on fails */
            mdb_env_close(s->env);
            s->env = NULL;
        }
    }
    pthread_mutex_unlock(&s->in_use);
    return outcome(s, r);
}

static const struct store_ops lmdb_ops = {
    .close = lmdb_close,
    .read = lmdb_read,
    .write = lmdb_write,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .renew = lmdb_renew,
    .get = lmdb_get,
    .put = lmdb_put,
    .remove = lmdb_remove,
    .clear = lmdb_clear,
    .scan_open = lmdb_scan_open,
    .scan_close = lmdb_scan_close,
    .scan_seek = lmdb_scan_seek,
    .bytes = lmdb_bytes,
    .count = lmdb_count,
    .copy = lmdb_copy,
    .compact = lmdb_compact,
    .rest = lmdb_rest,
};

/* The kind, the format and which key seals it lie in a tree of their own, read before anything is written. */
static int check_shape(MDB_txn *t, const struct store_shape *shape, const struct seal *seal) {
    MDB_dbi dbi;
    MDB_val kind, format, id, kind_key = {4, "kind"}, format_key = {6, "format"}, seal_key = {4, "seal"};
    int r = mdb_dbi_open(t, "store", 0, &dbi);
    if (r == MDB_NOTFOUND) {
        MDB_stat stat;
        MDB_dbi all;
        return mdb_dbi_open(t, NULL, 0, &all) == 0 && mdb_stat(t, all, &stat) == 0 && stat.ms_entries > 0 ? STORE_NOT_OURS : 0;
    }
    if (r != 0)
        return -EIO;
    if (mdb_get(t, dbi, &kind_key, &kind) != 0 || !bytes_equal(from_val(kind), bytes_text(shape->kind)))
        return STORE_NOT_OURS;
    if (mdb_get(t, dbi, &format_key, &format) != 0 || format.mv_size != 4)
        return STORE_NOT_OURS;
    struct reader in = {.rest = from_val(format)};
    uint32_t found = reader_u32be(&in);
    if (found > shape->format || found < FORMAT_SEALED)
        return found > shape->format ? STORE_NEWER_FORMAT : STORE_OLDER_FORMAT;
    if (mdb_get(t, dbi, &seal_key, &id) != 0 || id.mv_size != 4)
        return STORE_NOT_OURS;
    in = (struct reader){.rest = from_val(id)};
    return reader_u32be(&in) == seal_id(seal) ? 0 : STORE_WRONG_KEY;
}

static int make_trees(struct lmdb_store *s) {
    MDB_txn *t;
    MDB_dbi dbi;
    const struct store_shape *shape = &s->base.shape;
    CLEANUP(buffer_close) struct buffer numbers = {0};
    buffer_u32be(&numbers, shape->format);
    buffer_u32be(&numbers, seal_id(s->base.seal));
    MDB_val kind_key = {4, "kind"}, format_key = {6, "format"}, kind = val(bytes_text(shape->kind)), format = {4, numbers.at};
    MDB_val seal_key = {4, "seal"}, seal = {4, numbers.at + 4};
    int r = mdb_txn_begin(s->env, NULL, 0, &t);
    if (r != 0)
        return outcome(s, r);
    r = mdb_dbi_open(t, "store", MDB_CREATE, &dbi);
    if (r == 0)
        r = mdb_put(t, dbi, &kind_key, &kind, 0);
    if (r == 0)
        r = mdb_put(t, dbi, &format_key, &format, 0);
    if (r == 0)
        r = mdb_put(t, dbi, &seal_key, &seal, 0);
    for (unsigned i = 0; r == 0 && i < shape->tree_count; i++)
        r = mdb_dbi_open(t, shape->trees[i], MDB_CREATE, &s->trees[i]);
    if (r != 0) {
        mdb_txn_abort(t);
        return outcome(s, r);
    }
    return outcome(s, mdb_txn_commit(t));
}

static int open_sized(struct lmdb_store *s, uint64_t bytes) {
    int r = mdb_env_create(&s->env);
    if (r == 0)
        r = mdb_env_set_mapsize(s->env, (size_t)bytes);
    if (r == 0)
        r = mdb_env_set_maxdbs(s->env, STORE_TREES_MAX + 1);
    if (r == 0)
        r = mdb_env_set_maxreaders(s->env, READERS);
    return r != 0 ? r : mdb_env_open(s->env, s->folder, MDB_NOTLS, 0600);
}

/* Addresses cost nothing, so the map is as large as a store may ever be. Where a process may not have so many (a limit on it, or a checker
 * that it runs under) it is smaller: a store that outgrows it has a full disk. */
static int open_map(struct lmdb_store *s, uint64_t map_bytes) {
    uint64_t bytes = map_bytes == 0 ? MAP_MOST : map_bytes;
    int r = open_sized(s, bytes);
    while ((r == EINVAL || r == ENOMEM) && map_bytes == 0 && bytes > MAP_LEAST) {
        mdb_env_close(s->env);
        s->env = NULL;
        bytes /= 4;
        r = open_sized(s, bytes);
    }
    if (r == 0 && map_bytes == 0 && bytes < MAP_MOST)
        log_fact(LOG_WARNING, "store.map_small", FACT_TEXT("folder", s->folder), FACT_UINT("bytes", bytes));
    return r;
}

static int take_folder(struct lmdb_store *s) {
    char path[PATH_BYTES];
    if (mkdir(s->folder, 0700) != 0 && errno != EEXIST)
        return -errno;
    path_in(s, "lock", path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0)
        return -errno;
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? STORE_LOCKED : -errno;
    return 0;
}

static int open_env(struct lmdb_store *s) {
    MDB_txn *t;
    int r = open_map(s, s->map_bytes);
    if (r == MDB_INVALID || r == MDB_VERSION_MISMATCH)
        return STORE_NOT_OURS;
    if (r == 0)
        r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t);
    if (r != 0)
        return outcome(s, r);
    r = check_shape(t, &s->base.shape, s->base.seal);
    mdb_txn_abort(t);
    if (r == 0)
        r = make_trees(s);
    return r != 0 ? r : sync_folder(s->folder);
}

int store_open_lmdb(const char *folder, const struct store_shape *shape, const struct seal *seal, uint64_t map_bytes, struct store **out) {
    struct lmdb_store *s = memory_zeroed(1, sizeof *s);
    invariant(shape->tree_count <= STORE_TREES_MAX);
    s->base.ops = &lmdb_ops;
    s->base.shape = *shape;
    store_gate(&s->base);
    s->base.seal = seal;
    s->lock = -1;
    s->folder = memory_text(folder);
    s->map_bytes = map_bytes;
    pthread_mutex_init(&s->in_use, NULL);
    int r = take_folder(s);
    if (r == 0)
        r = open_env(s);
    int rest = r == 0 ? wipe_rest(s) : 0;
    if (rest != 0) /* tried again at the next start; the store itself is good */
        log_fact(LOG_ERROR, "store.old_file_stays", FACT_TEXT("folder", s->folder), FACT_TEXT("why", strerror(-rest)));
    if (r != 0) {
        lmdb_close(&s->base);
        return r < 0 ? fail(r) : r;
    }
    *out = &s->base;
    return 0;
}
