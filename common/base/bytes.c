#include "common/base/bytes.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_text(const char *text) {
    return text == NULL ? (struct bytes){NULL, 0} : bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

int bytes_compare(struct bytes a, struct bytes b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int r = common == 0 ? 0 : memcmp(a.at, b.at, common);
    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

void buffer_close(struct buffer *b) {
    free(b->at);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b) {
    b->len = 0;
}

uint8_t *buffer_grow(struct buffer *b, size_t len) {
    invariant(len <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    if (b->len + len + 1 > b->room) {
        size_t room = b->room < 64 ? 64 : b->room;
        while (room < b->len + len + 1)
            room *= 2;
        b->at = memory_resize(b->at, room);
        b->room = room;
    }
    uint8_t *at = b->at + b->len;
    b->len += len;
    return at;
}

void buffer_add(struct buffer *b, struct bytes more) {
    uint8_t *at = buffer_grow(b, more.len);
    if (more.len > 0)
        memcpy(at, more.at, more.len);
}

void buffer_text(struct buffer *b, const char *text) {
    buffer_add(b, bytes_text(text));
}

void buffer_format(struct buffer *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    invariant(len >= 0);
    uint8_t *at = buffer_grow(b, (size_t)len);
    vsnprintf((char *)at, (size_t)len + 1, format, again);
    va_end(again);
}

void buffer_u8(struct buffer *b, uint8_t v) {
    *buffer_grow(b, 1) = v;
}

static void add_be(struct buffer *b, uint64_t v, size_t width) {
    uint8_t *at = buffer_grow(b, width);
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

void buffer_u16be(struct buffer *b, uint16_t v) {
    add_be(b, v, 2);
}

void buffer_u32be(struct buffer *b, uint32_t v) {
    add_be(b, v, 4);
}

void buffer_u64be(struct buffer *b, uint64_t v) {
    add_be(b, v, 8);
}

const char *buffer_string(struct buffer *b) {
    *buffer_grow(b, 1) = 0;
    b->len--;
    return (const char *)b->at;
}

struct bytes buffer_bytes(const struct buffer *b) {
    return bytes_of(b->at, b->len);
}

struct bytes reader_take(struct reader *r, size_t len) {
    if (r->bad || len > r->rest.len) {
        r->bad = true;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = bytes_of(r->rest.at, len);
    r->rest = bytes_of(r->rest.at + len, r->rest.len - len);
    return taken;
}

static uint64_t take_be(struct reader *r, size_t width) {
    struct bytes b = reader_take(r, width);
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.at[i];
    return v;
}

uint8_t reader_u8(struct reader *r) {
    return (uint8_t)take_be(r, 1);
}

uint16_t reader_u16be(struct reader *r) {
    return (uint16_t)take_be(r, 2);
}

uint32_t reader_u32be(struct reader *r) {
    return (uint32_t)take_be(r, 4);
}

uint64_t reader_u64be(struct reader *r) {
    return take_be(r, 8);
}
