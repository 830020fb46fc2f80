#include "common/store/envelope.h"

#include "common/base/error.h"
#include "common/base/hash.h"

#include <errno.h>
#include <string.h>

enum { FORMAT = 1, TAG_BYTES = 16, HEAD_BYTES = 1 + 4 + TAG_BYTES + 2 };

/* The length of the key is said, so that place and value cannot run into each other. */
static struct checksum tag_of(unsigned tree, struct bytes key, struct bytes value) {
    uint8_t place[3 + STORE_KEY_MAX + 16] = {(uint8_t)tree, (uint8_t)(key.len >> 8), (uint8_t)key.len};
    memcpy(place + 3, key.at, key.len);
    size_t len = (3 + key.len + 15) / 16 * 16; /* whole blocks: the value is then read in place, not through a buffer */
    return checksum_of_two(bytes_of(place, len), value);
}

static void put(
    struct txn *t, unsigned tree, struct bytes key, struct bytes value,
    void (*how)(struct txn *t, unsigned tree, struct bytes key, struct bytes value)) {
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        txn_fail(t, -EINVAL);
        return;
    }
    CLEANUP(buffer_close) struct buffer b = {0};
    uint8_t small[1024], *head = HEAD_BYTES + value.len <= sizeof small ? small : buffer_grow(&b, HEAD_BYTES + value.len);
    struct checksum tag = tag_of(tree, key, value);
    memset(head, 0, HEAD_BYTES);
    head[0] = FORMAT;
    memcpy(head + 5, tag.b, TAG_BYTES);
    if (value.len > 0)
        memcpy(head + HEAD_BYTES, value.at, value.len);
    how(t, tree, key, bytes_of(head, HEAD_BYTES + value.len));
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
    uint8_t format = reader_u8(&r);
    reader_u32be(&r);
    struct bytes found = reader_take(&r, TAG_BYTES);
    reader_take(&r, reader_u16be(&r));
    if (r.bad || format != FORMAT || key.len > STORE_KEY_MAX)
        return ENVELOPE_ROTTEN;
    struct checksum tag = tag_of(tree, key, r.rest);
    if (memcmp(tag.b, found.at, TAG_BYTES) != 0)
        return ENVELOPE_ROTTEN;
    *value = r.rest;
    return 0;
}
