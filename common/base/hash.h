/* BLAKE2b-256 (RFC 7693, by libsodium): chain hashes, state hashes, derived ids. */
#pragma once

#include "common/base/id.h"

struct hash {
    uint8_t b[32];
};

bool hash_equal(const struct hash *a, const struct hash *b);
struct hash hash_of(struct bytes one);
struct hash hash_of_two(struct bytes one, struct bytes two); /* H(one || two): the chain hash takes the previous hash as `one` */

/* A check against flipped bits and misplaced values, not against people: Poly1305 under a key that everybody knows, several times as fast
 * as a hash. What is sealed has a tag of its own. */
struct checksum {
    uint8_t b[16];
};
struct checksum checksum_of_two(struct bytes one, struct bytes two); /* over one || two */

/* UUIDv8 (RFC 9562) = keyed BLAKE2b over the parts, each preceded by its length. */
struct id16 hash_derive_id(struct bytes key /* 16..64 bytes */, const struct bytes *parts, size_t count);
