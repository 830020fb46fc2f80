#include "common/wire/pb.h"

#include <string.h>

static void varint(struct buffer *out, uint64_t v) {
    if (v < 0x80) {
        buffer_u8(out, (uint8_t)v);
        return;
    }
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        b[n++] = (uint8_t)(v | 0x80);
    b[n++] = (uint8_t)v;
    buffer_add(out, bytes_of(b, n));
}

static void key(struct buffer *out, uint32_t field, unsigned wire) {
    varint(out, (uint64_t)field << 3 | wire);
}

void pb_uint(struct buffer *out, uint32_t field, uint64_t v) {
    if (v == 0)
        return;
    key(out, field, 0);
    varint(out, v);
}

void pb_sint(struct buffer *out, uint32_t field, int64_t v) {
    pb_uint(out, field, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void pb_fixed64(struct buffer *out, uint32_t field, uint64_t v) {
    if (v == 0)
        return;
    key(out, field, 1);
    uint8_t *at = buffer_grow(out, 8);
    for (size_t i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static void always(struct buffer *out, uint32_t field, struct bytes b) {
    key(out, field, 2);
    varint(out, b.len);
    buffer_add(out, b);
}

void pb_bytes(struct buffer *out, uint32_t field, struct bytes b) {
    if (b.len > 0)
        always(out, field, b);
}

void pb_id(struct buffer *out, uint32_t field, const struct id16 *id) {
    if (!id_zero(id))
        always(out, field, bytes_of(id->b, sizeof id->b));
}

void pb_hash(struct buffer *out, uint32_t field, const struct hash *h) {
    static const struct hash zero;
    if (!hash_equal(h, &zero))
        always(out, field, bytes_of(h->b, sizeof h->b));
}

/* One byte is kept for the length; a longer one moves the message, which is rare. */
size_t pb_open(struct buffer *out, uint32_t field) {
    key(out, field, 2);
    buffer_u8(out, 0);
    return out->len;
}

void pb_close(struct buffer *out, size_t mark) {
    size_t len = out->len - mark, more = 0;
    for (size_t v = len; v >= 0x80; v >>= 7)
        more++;
    if (more > 0) {
        buffer_grow(out, more);
        memmove(out->at + mark + more, out->at + mark, len);
    }
    uint8_t *at = out->at + mark - 1;
    size_t v = len;
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at = (uint8_t)v;
}

static bool fail_at(struct pb *p) {
    p->bad = true;
    return false;
}

static inline bool take_varint(struct pb *p, uint64_t *out) {
    if (p->rest.len > 0 && p->rest.at[0] < 0x80) { /* nearly all of them */
        *out = p->rest.at[0];
        p->rest = bytes_of(p->rest.at + 1, p->rest.len - 1);
        return true;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < 10 && i < p->rest.len; i++) {
        uint8_t b = p->rest.at[i];
        if (i == 9 && b > 1)
            return false;
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            p->rest = bytes_of(p->rest.at + i + 1, p->rest.len - i - 1);
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take_fixed(struct pb *p, size_t width) {
    if (p->rest.len < width)
        return fail_at(p);
    p->number = 0;
    for (size_t i = 0; i < width; i++)
        p->number |= (uint64_t)p->rest.at[i] << (8 * i);
    p->rest = bytes_of(p->rest.at + width, p->rest.len - width);
    return true;
}

bool pb_next(struct pb *p) {
    uint64_t tag, len;
    if (p->bad || p->rest.len == 0)
        return false;
    if (!take_varint(p, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return fail_at(p);
    p->field = (uint32_t)(tag >> 3);
    p->wire = (unsigned)(tag & 7);
    p->bytes = (struct bytes){NULL, 0};
    p->number = 0;
    switch (p->wire) {
    case 0:
        return take_varint(p, &p->number) || fail_at(p);
    case 1:
        return take_fixed(p, 8);
    case 2:
        if (!take_varint(p, &len) || len > p->rest.len)
            return fail_at(p);
        p->bytes = bytes_of(p->rest.at, (size_t)len);
        p->rest = bytes_of(p->rest.at + len, p->rest.len - (size_t)len);
        return true;
    case 5:
        return take_fixed(p, 4);
    default:
        return fail_at(p);
    }
}

int64_t pb_signed(const struct pb *p) {
    return (int64_t)(p->number >> 1 ^ (0 - (p->number & 1)));
}

bool pb_read_id(struct pb *p, struct id16 *out) {
    if (p->wire != 2 || p->bytes.len != sizeof out->b)
        return fail_at(p);
    memcpy(out->b, p->bytes.at, sizeof out->b);
    return true;
}

bool pb_read_hash(struct pb *p, struct hash *out) {
    if (p->wire != 2 || p->bytes.len != sizeof out->b)
        return fail_at(p);
    memcpy(out->b, p->bytes.at, sizeof out->b);
    return true;
}

uint32_t pb_read_u32(struct pb *p) {
    if (p->wire != 0 || p->number > UINT32_MAX)
        p->bad = true;
    return (uint32_t)p->number;
}

size_t pb_more(const struct pb *p) {
    struct pb rest = *p;
    size_t n = 1;
    while (pb_next(&rest))
        n += rest.field == p->field;
    return n;
}
