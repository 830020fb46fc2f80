#include "common/base/utf8.h"

/* The length of the sequence that starts at p with n bytes left, 0 when it is none (Unicode 15, table 3-7). */
static size_t sequence(const uint8_t *p, size_t n) {
    uint8_t low = 0x80, high = 0xbf;
    size_t len;
    if (p[0] == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (len > n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return len;
}

bool utf8_valid(struct bytes text) {
    size_t i = 0, step;
    for (; i < text.len; i += step)
        if ((step = sequence(text.at + i, text.len - i)) == 0)
            return false;
    return true;
}

size_t utf8_count(struct bytes text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (text.at[i] & 0xc0) != 0x80;
    return n;
}
