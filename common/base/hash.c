#include "common/base/hash.h"

#include "common/base/invariant.h"

#include <sodium.h>
#include <string.h>

bool hash_equal(const struct hash *a, const struct hash *b) {
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

struct hash hash_of(struct bytes one) {
    return hash_of_two(one, (struct bytes){NULL, 0});
}

struct hash hash_of_two(struct bytes one, struct bytes two) {
    struct hash out;
    crypto_generichash_state s;
    crypto_generichash_init(&s, NULL, 0, sizeof out.b);
    crypto_generichash_update(&s, one.at, one.len);
    crypto_generichash_update(&s, two.at, two.len);
    crypto_generichash_final(&s, out.b, sizeof out.b);
    return out;
}

struct checksum checksum_of_two(struct bytes one, struct bytes two) {
    /* Digits of pi: with zeroes for a key everything would have the same sum. */
    static const uint8_t key[crypto_onetimeauth_KEYBYTES] = {0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3, 0x13, 0x19, 0x8a,
                                                             0x2e, 0x03, 0x70, 0x73, 0x44, 0xa4, 0x09, 0x38, 0x22, 0x29, 0x9f,
                                                             0x31, 0xd0, 0x08, 0x2e, 0xfa, 0x98, 0xec, 0x4e, 0x6c, 0x89};
    struct checksum out;
    crypto_onetimeauth_state s;
    crypto_onetimeauth_init(&s, key);
    crypto_onetimeauth_update(&s, one.at, one.len);
    crypto_onetimeauth_update(&s, two.at, two.len);
    crypto_onetimeauth_final(&s, out.b);
    return out;
}

struct id16 hash_derive_id(struct bytes key, const struct bytes *parts, size_t count) {
    invariant(key.len >= crypto_generichash_KEYBYTES_MIN && key.len <= crypto_generichash_KEYBYTES_MAX);
    struct id16 id;
    crypto_generichash_state s;
    crypto_generichash_init(&s, key.at, key.len, sizeof id.b);
    for (size_t i = 0; i < count; i++) {
        uint8_t len[4] = {
            (uint8_t)(parts[i].len >> 24), (uint8_t)(parts[i].len >> 16), (uint8_t)(parts[i].len >> 8), (uint8_t)parts[i].len};
        crypto_generichash_update(&s, len, sizeof len);
        crypto_generichash_update(&s, parts[i].at, parts[i].len);
    }
    crypto_generichash_final(&s, id.b, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}
