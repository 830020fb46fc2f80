/* Memory: small allocations that end the process when there is none (the store makes that safe), and an arena with a cap
 * for what a peer can make us decode. */
#pragma once

#include "common/base/bytes.h"

void *memory_zeroed(size_t count, size_t size);                     /* gives; never NULL; freed with free() */
void *memory_resize(void *at /* takes, may be NULL */, size_t len); /* gives; never NULL */

/* What the one allocator of the process does with what is freed. While there is work it stays with the process: to give a page back and
 * fault it in again costs more than most jobs. In a quiet while it goes back; the walk is as long as the process is large, so of many who
 * are quiet at once one does it for all. Times in ns of one monotonic clock. */
void memory_keep(void);
bool memory_give_back(
    uint64_t freed_at, uint64_t now); /* false: somebody did in the last seconds, but before `freed_at`: ask again later */
char *memory_text(const char *text);  /* gives a copy */

/* An arena gives memory that lives until arena_clear or arena_close. One of all zeroes with `cap` set is ready. */
struct arena_block;
struct arena {
    struct arena_block *blocks; /* owns */
    size_t used;                /* bytes given since the last clear */
    size_t cap;                 /* bytes; 0 = no cap (own data only, never a peer's) */
};

void arena_clear(struct arena *a);                        /* keeps one block for reuse */
void arena_close(struct arena *a);                        /* idempotent */
void *arena_take(struct arena *a, size_t len);            /* zeroed, aligned for any type; NULL when the cap would be passed */
struct bytes arena_copy(struct arena *a, struct bytes b); /* .at is NULL when the cap would be passed and len > 0 */

/* What was given after a mark can be taken back, in the order of a stack. */
struct arena_mark {
    const struct arena_block *block;
    size_t block_used, used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark to); /* the arena was not cleared or released further meanwhile */
