/* What an implementation of the store gives to store.c, and the parts of store, transaction and scan that all of them share.
 *
 * store.c keeps the sticky result, the bounds of keys and the place of scans; an implementation only maps keys to values. */
#pragma once

#include "common/base/memory.h"
#include "common/store/store.h"

#include <pthread.h>

/* A get or a seek that finds nothing returns this, beside 0 and a negative errno. A put or a commit may return STORE_DISK_FULL. */
enum store_lookup { STORE_ABSENT = 1 };

enum seek { SEEK_FIRST, SEEK_FROM, SEEK_NEXT, SEEK_BEFORE, SEEK_LAST };

struct store_ops {
    struct store *(*close)(struct store *s /* takes */); /* returns NULL */
    int (*read)(struct store *s, struct txn **out /* gives */);
    int (*write)(struct store *s, struct txn **out /* gives */);
    int (*commit)(struct txn *t /* takes */); /* + STORE_DISK_FULL */
    void (*abort)(struct txn *t /* takes */);
    int (*renew)(struct txn *t);
    int (*get)(struct txn *t, unsigned tree, struct bytes key, struct bytes *value);             /* + STORE_ABSENT */
    int (*put)(struct txn *t, unsigned tree, struct bytes key, struct bytes value, bool append); /* + STORE_DISK_FULL */
    int (*remove)(struct txn *t, unsigned tree, struct bytes key);                               /* + STORE_DISK_FULL */
    int (*clear)(struct txn *t, unsigned tree);                                                  /* + STORE_DISK_FULL */
    int (*scan_open)(struct txn *t, unsigned tree, struct scan **out /* gives, zeroed but for its own part */);
    void (*scan_close)(struct scan *c /* takes */);
    int (*scan_seek)(struct scan *c, enum seek to, struct bytes key, struct bytes *at, struct bytes *value); /* + STORE_ABSENT */
    uint64_t (*bytes)(struct store *s);
    int (*count)(struct txn *t, unsigned tree, uint64_t *out);
    int (*copy)(struct store *s, const char *folder);
    int (*compact)(struct store *s); /* + STORE_DISK_FULL */
    int (*rest)(struct store *s);    /* may be NULL: nothing to give back */
};

/* An implementation's own struct starts with one of these. */
struct store {
    const struct store_ops *ops;
    struct store_shape shape;
    const struct seal *seal; /* borrows */
    /* store.c's: who is inside, transactions and copies; while it is shut nobody comes in. */
    pthread_mutex_t gate;
    pthread_cond_t moved;
    unsigned inside;
    bool shut;
    uint64_t bytes; /* as last known */
};
void store_gate(struct store *s); /* when it is made */

struct txn {
    struct store *store; /* borrows */
    struct scan *scans;  /* borrows: the open ones */
    int result;          /* sticky: 0 or a negative errno */
    bool writes;
    bool full;                 /* the result comes from a full disk */
    struct arena opened;       /* what envelope.c opened in it */
    struct seal_random random; /* of envelope.c */
};

struct scan {
    struct txn *txn; /* borrows; NULL when its transaction could not open it */
    struct scan *next;
    unsigned tree;
    enum { SCAN_FRESH, SCAN_STANDS, SCAN_KEPT /* the tree was written: only the key in `kept` is known */, SCAN_OFF } place;
    struct bytes at; /* borrows from the tree, or from `kept` */
    uint8_t kept[STORE_KEY_MAX];
};
