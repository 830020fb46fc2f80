#include "common/store/store.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/store/store_ops.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct store_ops *ops_of(const struct txn *t) {
    return t->store->ops;
}

/* ---- life of stores and transactions */

void store_gate(struct store *s) {
    pthread_mutex_init(&s->gate, NULL);
    pthread_cond_init(&s->moved, NULL);
}

static void enter(struct store *s) {
    pthread_mutex_lock(&s->gate);
    while (s->shut)
        pthread_cond_wait(&s->moved, &s->gate);
    s->inside++;
    pthread_mutex_unlock(&s->gate);
}

static void leave(struct store *s) {
    pthread_mutex_lock(&s->gate);
    s->inside--;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->gate);
}

struct store *store_close(struct store *s) {
    if (s == NULL)
        return NULL;
    pthread_mutex_destroy(&s->gate);
    pthread_cond_destroy(&s->moved);
    return s->ops->close(s);
}

int store_rest(struct store *s) {
    int r = s->ops->rest == NULL ? 0 : s->ops->rest(s);
    return r == 0 ? 0 : pass(r == STORE_DISK_FULL ? -ENOSPC : r);
}

int store_read(struct store *s, struct txn **out) {
    enter(s);
    int r = s->ops->read(s, out);
    if (r != 0)
        leave(s);
    return r != 0 ? pass(r) : 0;
}

int store_write(struct store *s, struct txn **out) {
    enter(s);
    int r = s->ops->write(s, out);
    if (r != 0)
        leave(s);
    return r != 0 ? pass(r) : 0;
}

static void forget(struct txn *t) {
    arena_close(&t->opened);
    seal_random_close(&t->random);
}

int txn_commit(struct txn *t) {
    invariant(t->writes);
    invariant(t->scans == NULL);
    const struct store_ops *ops = ops_of(t);
    struct store *s = t->store;
    int r = t->full ? STORE_DISK_FULL : t->result;
    forget(t);
    if (t->result == 0)
        r = ops->commit(t);
    else
        ops->abort(t);
    leave(s);
    return r;
}

void txn_abort(struct txn *t) {
    if (t == NULL)
        return;
    invariant(t->scans == NULL);
    struct store *s = t->store;
    forget(t);
    ops_of(t)->abort(t);
    leave(s);
}

int txn_result(const struct txn *t) {
    return t->result;
}

void txn_fail(struct txn *t, int result) {
    invariant(result < 0);
    if (t->result == 0)
        t->result = result;
}

void txn_renew(struct txn *t) {
    invariant(!t->writes);
    invariant(t->scans == NULL);
    arena_clear(&t->opened);
    int r = ops_of(t)->renew(t);
    if (r < 0)
        txn_fail(t, r);
}

/* ---- gets and puts */

static bool works(struct txn *t, unsigned tree) {
    invariant(tree < t->store->shape.tree_count);
    return t->result == 0;
}

static bool key_fits(struct txn *t, struct bytes key) {
    if (key.len >= 1 && key.len <= STORE_KEY_MAX)
        return true;
    txn_fail(t, fail(-EINVAL));
    return false;
}

static void wrote(struct txn *t, int r) {
    if (r == STORE_DISK_FULL) {
        t->full = true;
        txn_fail(t, -ENOSPC);
    } else if (r < 0) {
        txn_fail(t, r);
    }
}

/* A write may move what the scans of its tree stand on, so they keep their key and look for it again when they go on. The key that
 * is written may be the very one a scan lent: then the kept copy is used. */
static struct bytes keep_places(struct txn *t, unsigned tree, struct bytes key) {
    for (struct scan *c = t->scans; c != NULL; c = c->next) {
        if (c->tree != tree || c->place != SCAN_STANDS)
            continue;
        invariant(c->at.len <= sizeof c->kept);
        memcpy(c->kept, c->at.at, c->at.len);
        if (key.at == c->at.at && key.len == c->at.len)
            key.at = c->kept;
        c->at.at = c->kept;
        c->place = SCAN_KEPT;
    }
    return key;
}

bool txn_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value) {
    if (!works(t, tree) || !key_fits(t, key))
        return false;
    int r = ops_of(t)->get(t, tree, key, value);
    if (r < 0)
        txn_fail(t, r);
    return r == 0;
}

static void put(struct txn *t, unsigned tree, struct bytes key, struct bytes value, bool append) {
    invariant(t->writes);
    if (!works(t, tree) || !key_fits(t, key))
        return;
    if (t->scans != NULL)
        key = keep_places(t, tree, key);
    wrote(t, ops_of(t)->put(t, tree, key, value, append));
}

void txn_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value) {
    put(t, tree, key, value, false);
}

void txn_append(struct txn *t, unsigned tree, struct bytes key, struct bytes value) {
    put(t, tree, key, value, true);
}

void txn_delete(struct txn *t, unsigned tree, struct bytes key) {
    invariant(t->writes);
    if (!works(t, tree) || !key_fits(t, key))
        return;
    key = keep_places(t, tree, key);
    wrote(t, ops_of(t)->remove(t, tree, key));
}

void txn_clear(struct txn *t, unsigned tree) {
    invariant(t->writes);
    if (!works(t, tree))
        return;
    keep_places(t, tree, bytes_of(NULL, 0));
    wrote(t, ops_of(t)->clear(t, tree));
}

/* ---- scans */

struct scan *scan_open(struct txn *t, unsigned tree) {
    struct scan *c = NULL;
    if (works(t, tree)) {
        int r = ops_of(t)->scan_open(t, tree, &c);
        if (r < 0)
            txn_fail(t, r);
    }
    if (c == NULL)
        return memory_zeroed(1, sizeof *c);
    c->txn = t;
    c->tree = tree;
    c->next = t->scans;
    t->scans = c;
    return c;
}

struct scan *scan_close(struct scan *c) {
    if (c == NULL)
        return NULL;
    if (c->txn == NULL) {
        free(c);
        return NULL;
    }
    struct scan **link = &c->txn->scans;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    ops_of(c->txn)->scan_close(c);
    return NULL;
}

static bool can_seek(const struct scan *c) {
    return c->txn != NULL && c->txn->result == 0;
}

static bool seek(struct scan *c, enum seek to, struct bytes key, struct bytes *at, struct bytes *value) {
    int r = ops_of(c->txn)->scan_seek(c, to, key, at, value);
    if (r < 0)
        txn_fail(c->txn, r);
    c->place = r == 0 ? SCAN_STANDS : SCAN_OFF;
    c->at = r == 0 ? *at : bytes_of(NULL, 0);
    return r == 0;
}

static bool search_fits(struct scan *c, struct bytes key) {
    return can_seek(c) && (key.len == 0 || key_fits(c->txn, key));
}

bool scan_from(struct scan *c, struct bytes key, struct bytes *at, struct bytes *value) {
    return search_fits(c, key) && seek(c, key.len == 0 ? SEEK_FIRST : SEEK_FROM, key, at, value);
}

bool scan_before(struct scan *c, struct bytes key, struct bytes *at, struct bytes *value) {
    if (!search_fits(c, key))
        return false;
    if (key.len == 0) {
        c->place = SCAN_OFF;
        return false;
    }
    return seek(c, SEEK_BEFORE, key, at, value);
}

bool scan_last(struct scan *c, struct bytes *at, struct bytes *value) {
    return can_seek(c) && seek(c, SEEK_LAST, bytes_of(NULL, 0), at, value);
}

bool scan_next(struct scan *c, struct bytes *at, struct bytes *value) {
    if (!can_seek(c) || c->place == SCAN_OFF)
        return false;
    if (c->place == SCAN_FRESH)
        return seek(c, SEEK_FIRST, bytes_of(NULL, 0), at, value);
    if (c->place == SCAN_KEPT) {
        struct bytes kept = c->at;
        if (!seek(c, SEEK_FROM, kept, at, value))
            return false;
        if (!bytes_equal(bytes_of(c->kept, kept.len), *at))
            return true;
    }
    return seek(c, SEEK_NEXT, bytes_of(NULL, 0), at, value);
}

/* ---- questions and copies */

const struct seal *store_seal(const struct store *s) {
    return s->seal;
}

/* A question of the loop: it does not wait for a compaction. */
uint64_t store_bytes(struct store *s) {
    pthread_mutex_lock(&s->gate);
    if (!s->shut)
        s->bytes = s->ops->bytes(s);
    uint64_t bytes = s->bytes;
    pthread_mutex_unlock(&s->gate);
    return bytes;
}

uint64_t store_count(struct txn *t, unsigned tree) {
    uint64_t count = 0;
    if (works(t, tree)) {
        int r = ops_of(t)->count(t, tree, &count);
        if (r < 0)
            txn_fail(t, r);
    }
    return count;
}

int store_copy(struct store *s, const char *folder) {
    enter(s);
    int r = s->ops->copy(s, folder);
    leave(s);
    return r < 0 ? pass(r) : r;
}

/* Nobody comes in any more: gives whether those who are inside have gone in time; else all is as it was. */
static bool shut(struct store *s, unsigned patience_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->gate);
    bool mine = !s->shut, late = false;
    s->shut = true;
    while (mine && s->inside > 0 && !late)
        late = pthread_cond_timedwait(&s->moved, &s->gate, &until) == ETIMEDOUT;
    bool quiet = mine && s->inside == 0;
    if (mine && !quiet) {
        s->shut = false;
        pthread_cond_broadcast(&s->moved);
    }
    pthread_mutex_unlock(&s->gate);
    return quiet;
}

static void open_again(struct store *s) {
    pthread_mutex_lock(&s->gate);
    s->shut = false;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->gate);
}

int store_compact(struct store *s, unsigned patience_ms) {
    if (!shut(s, patience_ms))
        return STORE_BUSY;
    int r = s->ops->compact(s);
    open_again(s);
    return r < 0 ? pass(r) : r;
}

const char *store_open_hint(int outcome) {
    switch (outcome) {
    case 0:
        return "the store is open";
    case STORE_DISK_FULL:
        return "the disk is full: free at least 1 MiB on the disk of the data folder and start again";
    case STORE_BUSY:
        return "the store is in use; it is tried again";
    case STORE_NEWER_FORMAT:
        return "this data was written by a newer version; nothing was changed: install that version again, or go back to what lay here "
               "before the upgrade (as root `anju-rollback hub`, at an office `anju-rollback node`), or restore a backup made by this one";
    case STORE_OLDER_FORMAT:
        return "this data was written by a version that did not seal it yet, and no version reads it any more; nothing was changed: give "
               "this one an empty folder";
    case STORE_WRONG_KEY:
        return "this data is sealed with another key than the one given; nothing was changed: put back its key (seal_key, credential or "
               "passphrase; deploy/SECURITY.md)";
    case STORE_LOCKED:
        return "another process has this data folder open: stop it first, or give this one a folder of its own";
    case STORE_NOT_OURS:
        return "this folder holds no data of this program; nothing was changed: check the data folder in the configuration";
    case -ENOENT:
        return "the folder that should hold the data folder does not exist: create it, or correct the configuration";
    case -EACCES:
    case -EPERM:
        return "no permission for the data folder: it must belong to the user that runs this program";
    case -EROFS:
        return "the disk is mounted read-only: look at the kernel's log for disk errors";
    case -EIO:
        return "the disk reports errors: look at the kernel's log, replace the disk if needed, and restore from a backup";
    default:
        return "the data folder could not be opened: the log says why";
    }
}
