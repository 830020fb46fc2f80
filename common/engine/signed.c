#include "common/engine/signed.h"

#include "common/base/error.h"

static void words(uint32_t node, const struct push *p, struct buffer *out) {
    buffer_text(out, "anju push 1\n");
    buffer_u32be(out, node);
    buffer_add(out, bytes_of(p->incarnation.b, sizeof p->incarnation.b));
    buffer_u64be(out, p->first);
    buffer_u32be(out, p->count);
    buffer_add(out, bytes_of(p->before.b, sizeof p->before.b));
    buffer_add(out, bytes_of(p->after.b, sizeof p->after.b));
}

void push_sign(const struct keys *k, uint32_t node, const struct push *p, uint8_t signature[SIGNATURE_BYTES]) {
    CLEANUP(buffer_close) struct buffer said = {0};
    words(node, p, &said);
    keys_sign(k, buffer_bytes(&said), signature);
}

bool push_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct push *p) {
    CLEANUP(buffer_close) struct buffer said = {0};
    words(node, p, &said);
    return keys_check(sign_public, buffer_bytes(&said), p->signature);
}

static void offer_words(uint32_t node, struct bytes public_string, struct buffer *out) {
    buffer_text(out, "anju key 1\n");
    buffer_u32be(out, node);
    buffer_add(out, public_string);
}

void key_offer_sign(const struct keys *by, uint32_t node, struct bytes public_string, uint8_t signature[SIGNATURE_BYTES]) {
    CLEANUP(buffer_close) struct buffer said = {0};
    offer_words(node, public_string, &said);
    keys_sign(by, buffer_bytes(&said), signature);
}

bool key_offer_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct key_offer *m, struct public_keys *offered) {
    CLEANUP(buffer_close) struct buffer said = {0};
    offer_words(node, m->public, &said);
    return public_parse(m->public, offered) && keys_check(sign_public, buffer_bytes(&said), m->by_old) &&
           keys_check(offered->sign, buffer_bytes(&said), m->by_new);
}

static void audit_words(uint32_t node, const struct audit_told *t, struct buffer *out) {
    buffer_text(out, "anju audit 1\n");
    buffer_u32be(out, node);
    buffer_add(out, bytes_of(t->head.life.b, sizeof t->head.life.b));
    buffer_u64be(out, t->head.n);
    buffer_add(out, bytes_of(t->head.hash.b, sizeof t->head.hash.b));
    buffer_u64be(out, t->at);
}

void audit_sign(const struct keys *k, uint32_t node, struct audit_told *t) {
    CLEANUP(buffer_close) struct buffer said = {0};
    audit_words(node, t, &said);
    keys_sign(k, buffer_bytes(&said), t->signature);
}

bool audit_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct audit_told *t) {
    CLEANUP(buffer_close) struct buffer said = {0};
    audit_words(node, t, &said);
    return keys_check(sign_public, buffer_bytes(&said), bytes_of(t->signature, sizeof t->signature));
}

bool audit_signed_here(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_told *told) {
    _Static_assert((int)AUDIT_SIGNER_BYTES == (int)KEY_BYTES, "the store keeps what keys sign with");
    uint8_t all[AUDIT_SIGNERS][AUDIT_SIGNER_BYTES];
    for (size_t i = audit_signers(t, in, all); i > 0; i--)
        if (audit_signed(all[i - 1], node, told))
            return true;
    return false;
}

static void book_words(uint32_t node, uint64_t at, const struct book_say *s, struct buffer *out) {
    buffer_text(out, "anju book 1\n");
    buffer_u32be(out, node);
    buffer_u64be(out, at);
    buffer_u32be(out, s->count);
    for (uint32_t i = 0; i < s->count && i < BOOK_NAMES; i++) {
        buffer_add(out, bytes_of(s->refused[i].id.b, sizeof s->refused[i].id.b));
        buffer_u32be(out, s->refused[i].fault);
    }
}

void book_sign(const struct keys *k, uint32_t node, uint64_t at, struct book_say *s) {
    CLEANUP(buffer_close) struct buffer said = {0};
    book_words(node, at, s, &said);
    keys_sign(k, buffer_bytes(&said), s->signature);
}

bool book_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, uint64_t at, const struct book_say *s) {
    CLEANUP(buffer_close) struct buffer said = {0};
    book_words(node, at, s, &said);
    return keys_check(sign_public, buffer_bytes(&said), bytes_of(s->signature, sizeof s->signature));
}

bool push_holds(const struct push *p) {
    CLEANUP(buffer_close) struct buffer raw = {0};
    bool good = wire_batch_open(p->body, &raw) == 0;
    struct reader r = {.rest = buffer_bytes(&raw)};
    struct bytes packed;
    struct hash h = p->before;
    uint32_t count = 0;
    while (good && wire_batch_next(&r, &packed)) {
        h = wire_chain(&h, packed);
        count++;
    }
    return good && !r.bad && count == p->count && count <= LIMIT_PUSH_CHANGES && hash_equal(&h, &p->after);
}

struct push push_of_entry(const struct log_entry *e) {
    return (struct push){
        .incarnation = e->incarnation,
        .first = e->first,
        .count = e->count,
        .before = e->before,
        .after = e->after,
        .signature = e->signature,
        .body = e->body,
    };
}
