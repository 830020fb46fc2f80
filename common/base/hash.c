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
