/* The seal on what lies on disk: XChaCha20-Poly1305 (libsodium) under keys that all come from one, the daemon's key.
 *
 * Glossary. Daemon's key: 32 bytes that never lie in a store (common/daemon/sealing.h finds them). Store key: derived from it, one for each
 * kind of store. Place: what a sealed value is bound to, so that it opens nowhere else. Envelopes (envelope.h) put it to use. */
#pragma once

#include "common/base/bytes.h"

enum { SEAL_KEY = 32, SEAL_NONCE = 24, SEAL_TAG = 16, SEAL_STORES = 8 };

struct seal_key {
    uint8_t b[SEAL_KEY];
};

/* A daemon's key and the store keys, in locked memory that is wiped when it is freed. Read by any thread. */
struct seal;
struct seal *seal_new(const struct seal_key *daemon /* copied */); /* gives */
struct seal *seal_free(struct seal *s /* takes, may be NULL */);   /* returns NULL; after the stores that use it */
uint32_t seal_id(const struct seal *s);                            /* says which key without telling it; never 0 */
const struct seal_key *seal_store_key(const struct seal *s, unsigned store /* 1 .. SEAL_STORES - 1 */); /* borrows s */
void seal_forget(struct seal_key *k);                                                                   /* wipes it */

/* out has sealed.len / plain.len bytes; it may not overlap. A nonce is never used twice with one key. */
void seal_apply(
    const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], struct bytes place, struct bytes plain, uint8_t *out, uint8_t tag[SEAL_TAG]);
bool seal_lift(
    const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], struct bytes place, struct bytes sealed, const uint8_t tag[SEAL_TAG],
    uint8_t *out); /* false: not what was sealed */

/* A key under another, the same call both ways. It has no tag of its own: what lies under it has one. */
void seal_wrap(const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], const uint8_t in[SEAL_KEY], uint8_t out[SEAL_KEY]);

/* Chance for nonces and keys, of one thread: from the kernel when it is first asked, then a stream whose key is replaced as it is used,
 * since a call to the kernel costs more than the sealing. All zeroes is ready; not to be kept for long, or a copied machine would go on
 * alike. */
struct seal_random {
    struct seal_key key;
    uint8_t pool[480];
    size_t left;
    bool seeded;
};
void seal_random_fill(struct seal_random *r, void *out, size_t len /* at most SEAL_KEY */);
void seal_random_close(struct seal_random *r); /* wipes it; idempotent */
