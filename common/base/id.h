/* Random and derived 128-bit ids, and bytes as lower-case hex. */
#pragma once

#include "common/base/bytes.h"

struct id16 {
    uint8_t b[16];
};

enum { ID_HEX = 33 }; /* 32 digits and the NUL */

bool id_equal(const struct id16 *a, const struct id16 *b);
int id_compare(const struct id16 *a, const struct id16 *b);
bool id_zero(const struct id16 *a);
const char *id_hex(const struct id16 *a, char out[ID_HEX]); /* borrows out */
bool id_parse(const char *text, struct id16 *out);          /* 32 hex digits, with or without the dashes of a UUID */

void hex_encode(struct bytes b, struct buffer *out);
bool hex_decode(const char *text, size_t chars, struct buffer *out); /* false: odd count or a character that is no hex digit */
