#include "common/base/random.h"

#include "common/base/invariant.h"

#include <sodium.h>
#include <string.h>

/* xoshiro256** seeded by splitmix64 (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018). */
void random_seed(struct random *r, uint64_t seed) {
    for (size_t i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        r->s[i] = z ^ (z >> 31);
    }
}

static uint64_t turn(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

uint64_t random_u64(struct random *r) {
    uint64_t *s = r->s, result = turn(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turn(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t bound) {
    invariant(bound > 0);
    uint64_t reject = (0 - bound) % bound, v;
    do
        v = random_u64(r);
    while (v < reject);
    return v % bound;
}

void random_fill(struct random *r, void *out, size_t len) {
    uint8_t *at = out;
    while (len > 0) {
        uint64_t v = random_u64(r);
        size_t n = len < sizeof v ? len : sizeof v;
        memcpy(at, &v, n);
        at += n;
        len -= n;
    }
}

void entropy_fill(void *out, size_t len) {
    invariant(sodium_init() >= 0);
    randombytes_buf(out, len);
}

struct id16 entropy_id(void) {
    struct id16 id;
    entropy_fill(id.b, sizeof id.b);
    return id;
}

struct id16 entropy_uuid7(uint64_t wall_now_ms) {
    struct id16 id = entropy_id();
    for (size_t i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(wall_now_ms >> (8 * (5 - i)));
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x70);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}
