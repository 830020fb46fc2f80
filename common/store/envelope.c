#include "common/store/envelope.h"

#include "common/base/error.h"
#include "common/base/hash.h"

#include <errno.h>
#include <string.h>

enum { FORMAT = 1, TAG_BYTES = 16, HEAD_BYTES = 1 + 4 + TAG_BYTES + 2 };

static void tag_of(unsigned tree, struct bytes key, struct bytes value, uint8_t out[TAG_BYTES]) {
    uint8_t place[1 + STORE_KEY_MAX];
    place[0] = (uint8_t)tree;
    memcpy(place + 1, key.at, key.len);
    struct hash h = hash_of_two(bytes_of(place, 1 + key.len), value);
    memcpy(out, h.b, TAG_BYTES);
}

static void put(
    struct txn *t, unsigned tree, struct bytes key, struct bytes value,
    void (*how)(struct txn *t, unsigned tree, struct bytes key, struct bytes value)) {
    CLEANUP(buffer_close) struct buffer b = {0};
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        txn_fail(t, -EINVAL);
        return;
    }
    uint8_t *head = buffer_grow(&b, HEAD_BYTES + value.len);
    memset(head, 0, HEAD_BYTES);
    head[0] = FORMAT;
    tag_of(tree, key, value, head + 5);
    if (value.len > 0)
        memcpy(head + HEAD_BYTES, value.at, value.len);
    how(t, tree, key, buffer_bytes(&b));
}

void envelope_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value) {
    put(t, tree, key, value, txn_put);
}

void envelope_append(struct txn *t, unsigned tree, struct bytes key, struct bytes value) {
    put(t, tree, key, value, txn_append);
}

int envelope_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value) {
    struct bytes stored;
    return txn_get(t, tree, key, &stored) ? envelope_open(tree, key, stored, value) : ENVELOPE_MISSING;
}

int envelope_open(unsigned tree, struct bytes key, struct bytes stored, struct bytes *value) {
    struct reader r = {.rest = stored};
    uint8_t format = reader_u8(&r), tag[TAG_BYTES];
    reader_u32be(&r);
    struct bytes found = reader_take(&r, TAG_BYTES);
    reader_take(&r, reader_u16be(&r));
    if (r.bad || format != FORMAT || key.len > STORE_KEY_MAX)
        return ENVELOPE_ROTTEN;
    tag_of(tree, key, r.rest, tag);
    if (memcmp(tag, found.at, TAG_BYTES) != 0)
        return ENVELOPE_ROTTEN;
    *value = r.rest;
    return 0;
}
