/* A store: named trees of ordered keys behind one small batch interface, with two implementations (lmdb.c, memory.c).
 *
 * Glossary. Tree: an ordered map of byte keys (1..511 bytes) to byte values. Transaction: one consistent view of all trees; at
 * most one writes at a time. Sticky result: what goes wrong inside a transaction stays in it and is seen once, at the end:
 * after the first failure puts do nothing, gets find nothing, and the commit aborts and returns the failure. */
#pragma once

#include "common/base/bytes.h"
#include "common/store/seal.h"

/* What store_commit and store_open return beside 0 and a negative errno (device suspect: no acknowledgement, stop, restart, verify). */
enum store_outcome {
    STORE_DISK_FULL = 1, /* nothing was written; everything before still stands; the caller keeps the work and tries again later */
    STORE_NEWER_FORMAT,  /* open only: this store was written by a newer version; nothing was touched */
    STORE_LOCKED,        /* open only: another process has it */
    STORE_NOT_OURS,      /* open only: no store of the kind that was asked for */
    STORE_OLDER_FORMAT,  /* open only: written by a version before this format; nothing was touched */
    STORE_BUSY,          /* compact only: somebody was inside all the time; nothing was done */
    STORE_WRONG_KEY,     /* open only: sealed with another key; nothing was touched */
};

enum { STORE_KEY_MAX = 511, STORE_TREES_MAX = 32 };

struct store;
struct txn;
struct scan;

/* What a store is: written into it when it is made, checked when it is opened. */
struct store_shape {
    const char *kind;         /* "hub-log", "hub-state", "node"; borrows, static */
    uint32_t format;          /* this build's format number */
    const char *const *trees; /* names, static; a tree is then its index */
    unsigned tree_count;
    unsigned number;    /* of the kind: its store key (seal.h) */
    uint32_t own_trees; /* bits: trees in which every value has a key of its own (envelope.h) */
};

/* Life. A folder holds one store. Opening one that another process holds is STORE_LOCKED. */
int store_open_lmdb(
    const char *folder /* borrows; made with mode 0700 when missing */, const struct store_shape *shape,
    const struct seal *seal /* borrows; the daemon's */, uint64_t map_bytes /* 0 = 1 TiB, or what the process may have */,
    struct store **out /* gives */);                                                                /* + enum store_outcome */
struct store *store_memory(const struct store_shape *shape, const struct seal *seal /* borrows */); /* gives */
struct store *store_close(struct store *s /* takes, may be NULL */); /* returns NULL; no transaction may live */

/* Transactions belong to the thread that began them. A read sees the last commit; a write sees itself. */
int store_read(struct store *s, struct txn **out /* gives; end with txn_abort */);
int store_write(struct store *s, struct txn **out /* gives; end with txn_commit or txn_abort */);
int txn_commit(struct txn *t /* takes */); /* fsynced when it returns 0; + STORE_DISK_FULL; a negative sticky result is given back */
void txn_abort(struct txn *t /* takes, may be NULL */);
int txn_result(const struct txn *t);      /* the sticky result so far */
void txn_fail(struct txn *t, int result); /* makes the transaction fail with this result (negative), unless it has failed already */
void txn_renew(struct txn *t);            /* a read transaction only: moves its view to the last commit */

/* Slices that get and scan give are borrowed: valid until the next write in this transaction, or its end. */
bool txn_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value);
void txn_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value);
void txn_append(struct txn *t, unsigned tree, struct bytes key, struct bytes value); /* the key is above all in the tree; faster */
void txn_delete(struct txn *t, unsigned tree, struct bytes key);                     /* no matter if it was there */
void txn_clear(struct txn *t, unsigned tree);                                        /* every key of the tree */

/* A walk over one tree in key order. It stays valid over puts and deletes of its own transaction: it goes on from the key where
 * it stands. Each verb returns whether it stands on a pair, and then key and value are filled (borrowed as above). */
struct scan *scan_open(struct txn *t, unsigned tree);                                    /* gives; close it before the transaction ends */
bool scan_from(struct scan *c, struct bytes key, struct bytes *at, struct bytes *value); /* the first >= key */
bool scan_next(struct scan *c, struct bytes *at, struct bytes *value);
bool scan_before(struct scan *c, struct bytes key, struct bytes *at, struct bytes *value); /* the last < key */
bool scan_last(struct scan *c, struct bytes *at, struct bytes *value);                     /* the last of the tree */
struct scan *scan_close(struct scan *c /* takes, may be NULL */);                          /* returns NULL */

/* Questions and copies. */
const struct seal *store_seal(const struct store *s);                              /* borrows: the one it was opened with */
uint64_t store_bytes(struct store *s);                                             /* in use on disk */
uint64_t store_count(struct txn *t, unsigned tree);                                /* keys */
const char *store_open_hint(int outcome);                                          /* words for a person: what to do; static */
int store_copy(struct store *s, const char *folder /* borrows; must not exist */); /* hot, compacted, fsynced; sealed as it is */

/* Writes the store anew without its free pages, where what was deleted still lies, puts that in its place and overwrites the old file; cut
 * short at any moment, the next open finishes it. It waits until no transaction lives, for so long; whoever begins one meanwhile waits for
 * it. There must be room for a second store. STORE_DISK_FULL: the store is as it was. Negative: it can only be closed. (What a disk keeps
 * of overwritten blocks is its own affair: deploy/SECURITY.md.) */
int store_compact(struct store *s, unsigned patience_ms); /* + STORE_DISK_FULL, STORE_BUSY */

/* For a quiet moment, on any thread: what the implementation holds in memory beside the data goes back, if nobody uses the store just now.
 * Negative: the store is lost to this process, as after a failed commit. */
int store_rest(struct store *s);

/* Memory only, for tests and the simulator: the copy shares nothing with the original, as a backup or a cloned disk would. */
struct store *store_memory_copy(const struct store *s); /* gives */
enum store_memory_fault { STORE_FAULT_NONE, STORE_FAULT_DISK_FULL, STORE_FAULT_EIO };
void store_memory_fault(struct store *s, enum store_memory_fault fault); /* what every commit does until it is set back */
bool store_is_memory(const struct store *s);
