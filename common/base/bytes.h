/* A slice of somebody's memory, and a buffer that grows and owns its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *at; /* borrows */
    size_t len;
};

struct buffer {
    uint8_t *at; /* owns */
    size_t len, room;
};

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline struct bytes bytes_of(const void *at, size_t len) {
    return (struct bytes){(const uint8_t *)at, len};
}
struct bytes bytes_text(const char *text); /* without the NUL; NULL gives the empty slice */
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* as memcmp, a shorter prefix first */

/* A buffer of all zeroes is empty and ready. buffer_close is idempotent. Growing ends the process when memory is out. */
void buffer_close(struct buffer *b);
void buffer_clear(struct buffer *b);                /* keeps the room */
uint8_t *buffer_grow(struct buffer *b, size_t len); /* borrows: len new bytes at the end, until the next growth */
void buffer_add(struct buffer *b, struct bytes more);
void buffer_text(struct buffer *b, const char *text);
void buffer_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_u8(struct buffer *b, uint8_t v);
void buffer_u16be(struct buffer *b, uint16_t v);
void buffer_u32be(struct buffer *b, uint32_t v);
void buffer_u64be(struct buffer *b, uint64_t v);
const char *buffer_string(struct buffer *b); /* borrows: NUL-terminated; the NUL does not count in len */
struct bytes buffer_bytes(const struct buffer *b);

/* A reader over a slice: every take checks the bound; after one failed take `bad` stays set and takes give zeroes. */
struct reader {
    struct bytes rest;
    bool bad;
};

struct bytes reader_take(struct reader *r, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
