/* Chance: a seeded stream (simulator, jitter, property tests) and the kernel's (keys, names, ids). */
#pragma once

#include "common/base/id.h"

struct random {
    uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
uint64_t random_below(struct random *r, uint64_t bound); /* 0 .. bound-1; bound > 0 */
void random_fill(struct random *r, void *out, size_t len);

void entropy_fill(void *out, size_t len);        /* from the kernel; for what must not be guessed */
struct id16 entropy_id(void);                    /* 128 random bits */
struct id16 entropy_uuid7(uint64_t wall_now_ms); /* RFC 9562: time first, so that new keys lie together */
