#include "common/store/seal.h"

#include "common/base/invariant.h"

#include <sodium.h>
#include <string.h>

/* What crypto_kdf tells derived keys apart by: a store's key has the number of its kind, the id is 0. */
static const char context[crypto_kdf_CONTEXTBYTES] = {'a', 'n', 'j', 'u', 's', 'e', 'a', 'l'};

struct seal {
    struct seal_key daemon, stores[SEAL_STORES];
    uint32_t id;
};

struct seal *seal_new(const struct seal_key *daemon) {
    invariant(sodium_init() >= 0);
    struct seal *s = sodium_malloc(sizeof *s); /* guarded, locked, left out of core dumps; wiped when freed */
    invariant(s != NULL);
    uint8_t id[crypto_kdf_BYTES_MIN];
    s->daemon = *daemon;
    crypto_kdf_derive_from_key(id, sizeof id, 0, context, daemon->b);
    s->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    s->id = s->id == 0 ? 1 : s->id;
    memset(&s->stores[0], 0, sizeof s->stores[0]);
    for (unsigned i = 1; i < SEAL_STORES; i++)
        crypto_kdf_derive_from_key(s->stores[i].b, SEAL_KEY, i, context, daemon->b);
    sodium_mprotect_readonly(s);
    return s;
}

struct seal *seal_free(struct seal *s) {
    sodium_free(s);
    return NULL;
}

uint32_t seal_id(const struct seal *s) {
    return s->id;
}

const struct seal_key *seal_store_key(const struct seal *s, unsigned store) {
    invariant(store > 0);
    invariant(store < SEAL_STORES);
    return &s->stores[store];
}

void seal_forget(struct seal_key *k) {
    sodium_memzero(k, sizeof *k);
}

void seal_apply(
    const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], struct bytes place, struct bytes plain, uint8_t *out,
    uint8_t tag[SEAL_TAG]) {
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached(out, tag, NULL, plain.at, plain.len, place.at, place.len, NULL, nonce, k->b);
}

bool seal_lift(
    const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], struct bytes place, struct bytes sealed, const uint8_t tag[SEAL_TAG],
    uint8_t *out) {
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, sealed.at, sealed.len, tag, place.at, place.len, nonce, k->b) ==
           0;
}

void seal_wrap(const struct seal_key *k, const uint8_t nonce[SEAL_NONCE], const uint8_t in[SEAL_KEY], uint8_t out[SEAL_KEY]) {
    crypto_stream_xchacha20_xor(out, in, SEAL_KEY, nonce, k->b);
}

static void refill(struct seal_random *r) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0}; /* the key is new each time */
    uint8_t all[SEAL_KEY + sizeof r->pool];
    if (!r->seeded)
        randombytes_buf(r->key.b, SEAL_KEY);
    r->seeded = true;
    crypto_stream_chacha20(all, sizeof all, nonce, r->key.b);
    memcpy(r->key.b, all, SEAL_KEY);
    memcpy(r->pool, all + SEAL_KEY, sizeof r->pool);
    r->left = sizeof r->pool;
    sodium_memzero(all, sizeof all);
}

void seal_random_fill(struct seal_random *r, void *out, size_t len) {
    invariant(len <= SEAL_KEY);
    if (r->left < len)
        refill(r);
    uint8_t *at = r->pool + sizeof r->pool - r->left;
    memcpy(out, at, len);
    sodium_memzero(at, len);
    r->left -= len;
}

void seal_random_close(struct seal_random *r) {
    if (r->seeded)
        sodium_memzero(r, sizeof *r);
}
