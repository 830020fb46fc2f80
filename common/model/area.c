#include "common/model/area.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_NIBBLE = 0xF };

static unsigned digits_of(area a) {
    return (unsigned)(a & 15);
}

static bool form(unsigned digits) {
    return digits == 0 || digits == 2 || digits == 4 || digits == 6 || digits == 9 || digits == 12;
}

static area prefix(area a, unsigned digits) {
    return digits == 0 ? AREA_CITY : (a & ~(UINT64_MAX >> (4 + 4 * digits)) & ~((area)15)) | digits;
}

bool area_parse(struct bytes text, area *out) {
    if (text.len > 5 && memcmp(text.at, "node:", 5) == 0) {
        uint64_t node = 0;
        for (size_t i = 5; i < text.len; i++) {
            if (text.at[i] < '0' || text.at[i] > '9' || node > UINT32_MAX)
                return false;
            node = 10 * node + (uint64_t)(text.at[i] - '0');
        }
        if (node > UINT32_MAX)
            return false;
        *out = area_of_node((uint32_t)node);
        return true;
    }
    if (text.len > AREA_DIGITS || !form((unsigned)text.len))
        return false;
    area a = text.len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        a |= (area)(text.at[i] - '0') << (56 - 4 * i);
    }
    *out = a;
    return true;
}

const char *area_text(area a, char out[AREA_TEXT]) {
    if (area_is_node(a)) {
        snprintf(out, AREA_TEXT, "node:%" PRIu32, (uint32_t)a);
        return out;
    }
    unsigned n = digits_of(a) > AREA_DIGITS ? AREA_DIGITS : digits_of(a);
    for (unsigned i = 0; i < n; i++)
        out[i] = (char)('0' + (a >> (56 - 4 * i) & 15));
    out[n] = 0;
    return out;
}

bool area_valid(area a) {
    if (area_is_node(a))
        return (a & ~((area)NODE_NIBBLE << 60 | UINT32_MAX)) == 0;
    if (!form(digits_of(a)) || a >> 60 != 0 || prefix(a, digits_of(a)) != a)
        return false;
    for (unsigned i = 0; i < digits_of(a); i++)
        if ((a >> (56 - 4 * i) & 15) > 9)
            return false;
    return true;
}

area area_of_node(uint32_t node) {
    return (area)NODE_NIBBLE << 60 | node;
}

bool area_is_node(area a) {
    return a >> 60 == NODE_NIBBLE;
}

bool area_is_community(area a) {
    return !area_is_node(a) && digits_of(a) == AREA_DIGITS;
}

bool area_within(area inner, area outer) {
    if (area_is_node(inner) || area_is_node(outer))
        return inner == outer;
    return digits_of(outer) <= digits_of(inner) && prefix(inner, digits_of(outer)) == outer;
}

static size_t add(area out[], size_t count, size_t room, area a) {
    size_t at = 0;
    while (at < count && out[at] < a)
        at++;
    if (count == room || (at < count && out[at] == a))
        return count;
    memmove(out + at + 1, out + at, (count - at) * sizeof *out);
    out[at] = a;
    return count + 1;
}

size_t area_expand(const area *served, size_t count, uint32_t node, area out[], size_t room) {
    static const unsigned forms[] = {0, 2, 4, 6, 9, 12};
    size_t n = add(out, 0, room, area_of_node(node));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof forms / sizeof *forms && forms[k] <= digits_of(served[i]); k++)
            n = add(out, n, room, prefix(served[i], forms[k]));
    return n;
}
