#include "common/model/office.h"

struct id16 office_id(uint32_t node) {
    uint8_t number[4] = {(uint8_t)(node >> 24), (uint8_t)(node >> 16), (uint8_t)(node >> 8), (uint8_t)node};
    struct bytes part = bytes_of(number, sizeof number);
    return hash_derive_id(BYTES("anju office record"), &part, 1);
}

bool office_node(const struct record *r, uint32_t *node) {
    area now[2];
    if (r->type != TYPE_OFFICE || record_areas_now(r, now, 2) != 1 || !area_is_node(now[0]))
        return false;
    *node = (uint32_t)now[0];
    return true;
}

/* A protobuf field of bytes: its tag, a length of up to two bytes, the bytes (model/value.h). */
static struct bytes take_long(struct reader *r, uint8_t tag) {
    if (reader_u8(r) != tag)
        r->bad = true;
    size_t len = reader_u8(r);
    if (len >= 0x80) {
        size_t high = reader_u8(r);
        if (high >= 0x80)
            r->bad = true;
        len = (len & 0x7f) | high << 7;
    }
    return r->bad ? (struct bytes){NULL, 0} : reader_take(r, len);
}

bool office_areas(const struct record *r, area out[LIMIT_AREAS], size_t *count) {
    const struct head *h = field_winner(record_field(r, OFFICE_AREAS));
    if (h == NULL)
        return false;
    struct reader value = {.rest = h->value};
    struct reader list = {.rest = take_long(&value, 0x4a)};
    if (value.bad || value.rest.len > 0)
        return false;
    size_t n = 0;
    while (list.rest.len > 0 && n < LIMIT_AREAS) {
        struct bytes text = take_long(&list, 0x0a);
        if (list.bad || !area_parse(text, &out[n]) || area_is_node(out[n]))
            return false;
        n++;
    }
    *count = n;
    return true;
}
