/* Stores are written anew when what was erased still lies in their free pages (store_compact): on a thread of its own, some quiet while
 * after the last order, and not more often than is good for the disk. Everything on the loop's thread but the work itself. */
#pragma once

#include "common/base/progress.h"
#include "common/engine/worker.h"
#include "common/store/store.h"

enum { COMPACTOR_STORES = 3 };

/* Who is told of a pass, on the loop. */
struct compaction_watch {
    void (*began)(void *owner, struct progress *p /* borrows until `ended`; stores; it may be asked to stop between two of them */);
    void (*ended)(void *owner, const char *why /* static; NULL: all of it was done */);
    void *owner; /* borrows */
};

struct compactor_calls {
    void (*done)(
        void *owner, int result);  /* 0: all of them hold nothing any more that was deleted when it began; negative: they must close */
    void *owner;                   /* borrows */
    struct compaction_watch watch; /* zeroes: nobody watches */
};

struct compactor;
struct compactor *compactor_open(
    uv_loop_t *loop, struct store *const stores[], size_t count /* borrows; at most COMPACTOR_STORES */,
    const struct compactor_calls *calls);
void compactor_soon(struct compactor *c);       /* something was deleted for good: counts from now on */
bool compactor_busy(const struct compactor *c); /* a pass is under way: work on the stores may wait for it */
bool compactor_full(const struct compactor *c); /* the last try found no room for a second copy */
struct compactor *compactor_close(struct compactor *c /* takes, may be NULL */); /* returns NULL; waits for what is under way */
