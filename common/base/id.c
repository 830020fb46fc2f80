#include "common/base/id.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

bool id_equal(const struct id16 *a, const struct id16 *b) {
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

int id_compare(const struct id16 *a, const struct id16 *b) {
    return memcmp(a->b, b->b, sizeof a->b);
}

bool id_zero(const struct id16 *a) {
    static const struct id16 zero;
    return id_equal(a, &zero);
}

const char *id_hex(const struct id16 *a, char out[ID_HEX]) {
    for (size_t i = 0; i < sizeof a->b; i++) {
        out[2 * i] = digits[a->b[i] >> 4];
        out[2 * i + 1] = digits[a->b[i] & 15];
    }
    out[ID_HEX - 1] = 0;
    return out;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool id_parse(const char *text, struct id16 *out) {
    size_t n = 0;
    for (; *text != 0; text++) {
        if (*text == '-' && (n == 8 || n == 12 || n == 16 || n == 20))
            continue;
        int v = nibble(*text);
        if (v < 0 || n == 32)
            return false;
        out->b[n / 2] = (uint8_t)(n % 2 == 0 ? v << 4 : out->b[n / 2] | v);
        n++;
    }
    return n == 32;
}

void hex_encode(struct bytes b, struct buffer *out) {
    for (size_t i = 0; i < b.len; i++) {
        buffer_u8(out, (uint8_t)digits[b.at[i] >> 4]);
        buffer_u8(out, (uint8_t)digits[b.at[i] & 15]);
    }
}

bool hex_decode(const char *text, size_t chars, struct buffer *out) {
    if (chars % 2 != 0)
        return false;
    for (size_t i = 0; i < chars; i += 2) {
        int high = nibble(text[i]), low = nibble(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buffer_u8(out, (uint8_t)(high << 4 | low));
    }
    return true;
}
