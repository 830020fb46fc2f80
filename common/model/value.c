#include "common/model/value.h"

#include "common/base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* ---- protobuf's wire format (protobuf.dev/programming-guides/encoding), as much of it as Value needs */

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

static void put_varint(struct buffer *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buffer_u8(b, (uint8_t)(v | 0x80));
    buffer_u8(b, (uint8_t)v);
}

static void put_key(struct buffer *b, unsigned number, enum wire_type type) {
    put_varint(b, number << 3 | type);
}

static void put_bytes(struct buffer *b, unsigned number, struct bytes v) {
    put_key(b, number, LENGTH);
    put_varint(b, v.len);
    buffer_add(b, v);
}

static uint64_t zigzag(int64_t v) {
    return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unzigzag(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t take_varint(struct reader *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = reader_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

struct part {
    unsigned number;
    enum wire_type type;
    uint64_t v;
    struct bytes bytes;
};

static bool take_part(struct reader *r, struct part *p) {
    if (r->bad || r->rest.len == 0)
        return false;
    uint64_t key = take_varint(r);
    *p = (struct part){.number = (unsigned)(key >> 3), .type = key & 7};
    if (p->type == VARINT) {
        p->v = take_varint(r);
    } else if (p->type == LENGTH) {
        p->bytes = reader_take(r, take_varint(r));
    } else if (p->type == FIXED64) {
        struct bytes b = reader_take(r, 8);
        for (size_t i = 0; b.at != NULL && i < 8; i++)
            p->v |= (uint64_t)b.at[i] << 8 * i;
    } else {
        r->bad = true;
    }
    return !r->bad;
}

void value_pack(const struct value *v, struct buffer *out) {
    struct buffer inner = {0};
    switch (v->kind) {
    case VALUE_TEXT:
    case VALUE_BLOB:
    case VALUE_CODE:
        put_bytes(out, v->kind, v->text);
        break;
    case VALUE_NUMBER:
    case VALUE_FEN:
        put_key(out, v->kind, VARINT);
        put_varint(out, zigzag(v->number));
        break;
    case VALUE_FLAG:
        put_key(out, v->kind, VARINT);
        put_varint(out, v->number != 0);
        break;
    case VALUE_DATE:
        if (v->number != 0) { /* as any protobuf writer leaves zero out, so that one date has one form */
            put_key(&inner, 1, VARINT);
            put_varint(&inner, zigzag(v->number));
        }
        if (v->precision != 0) {
            put_key(&inner, 2, VARINT);
            put_varint(&inner, v->precision);
        }
        put_bytes(out, v->kind, buffer_bytes(&inner));
        break;
    case VALUE_REFERENCE:
        put_key(&inner, 1, VARINT);
        put_varint(&inner, v->reference.type);
        put_bytes(&inner, 2, bytes_of(v->reference.id.b, sizeof v->reference.id.b));
        if (v->reference.key.len > 0)
            put_bytes(&inner, 3, v->reference.key);
        put_bytes(out, v->kind, buffer_bytes(&inner));
        break;
    case VALUE_AREA:
        put_key(out, v->kind, FIXED64);
        for (unsigned i = 0; i < 8; i++)
            buffer_u8(out, (uint8_t)(v->area >> 8 * i));
        break;
    case VALUE_LIST:
        put_bytes(out, v->kind, v->list);
        break;
    case VALUE_NONE:
    case VALUE_KINDS:
        break;
    }
    buffer_close(&inner);
}

static bool read_inner(struct bytes packed, struct value *out) {
    struct reader r = {.rest = packed};
    struct part p;
    while (take_part(&r, &p)) {
        if (out->kind == VALUE_DATE && p.number == 1)
            out->number = unzigzag(p.v);
        else if (out->kind == VALUE_DATE && p.number == 2)
            out->precision = (uint32_t)p.v;
        else if (out->kind == VALUE_REFERENCE && p.number == 1)
            out->reference.type = (uint32_t)p.v;
        else if (out->kind == VALUE_REFERENCE && p.number == 2 && p.bytes.len == sizeof out->reference.id.b)
            memcpy(out->reference.id.b, p.bytes.at, sizeof out->reference.id.b);
        else if (out->kind == VALUE_REFERENCE && p.number == 3)
            out->reference.key = p.bytes;
    }
    return !r.bad;
}

bool value_unpack(struct bytes packed, struct value *out) {
    static const uint8_t form[VALUE_KINDS] = {
        [VALUE_TEXT] = LENGTH, [VALUE_NUMBER] = VARINT,    [VALUE_BLOB] = LENGTH,  [VALUE_FLAG] = VARINT, [VALUE_DATE] = LENGTH,
        [VALUE_FEN] = VARINT,  [VALUE_REFERENCE] = LENGTH, [VALUE_AREA] = FIXED64, [VALUE_LIST] = LENGTH, [VALUE_CODE] = LENGTH};
    struct reader r = {.rest = packed};
    struct part p;
    *out = (struct value){.kind = VALUE_NONE};
    if (packed.len == 0)
        return true;
    if (!take_part(&r, &p) || r.rest.len != 0 || p.number == 0 || p.number >= VALUE_KINDS || p.type != form[p.number])
        return false;
    out->kind = (enum value_kind)p.number;
    out->text = out->list = p.bytes;
    out->area = p.v;
    out->number = out->kind == VALUE_FLAG ? p.v != 0 : unzigzag(p.v);
    if (out->kind == VALUE_DATE || out->kind == VALUE_REFERENCE)
        return read_inner(p.bytes, out);
    return true;
}

bool value_item(struct bytes *list, struct bytes *item) {
    struct reader r = {.rest = *list};
    struct part p;
    while (take_part(&r, &p)) {
        *list = r.rest;
        if (p.number == 1 && p.type == LENGTH) {
            *item = p.bytes;
            return true;
        }
    }
    return false;
}

void value_list_add(struct buffer *list, struct bytes item) {
    put_bytes(list, 1, item);
}

/* ---- dates: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil) */

static int64_t days_of(int64_t y, unsigned m, unsigned d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, year = y - era * 400, month = m > 2 ? m - 3 : m + 9;
    int64_t day = (153 * month + 2) / 5 + d - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static void civil_of(int64_t days, int64_t *y, unsigned *m, unsigned *d) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, n = days - era * 146097;
    int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365, day = n - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day + 2) / 153;
    *d = (unsigned)(day - (153 * month + 2) / 5 + 1);
    *m = (unsigned)(month < 10 ? month + 3 : month - 9);
    *y = year + era * 400 + (*m <= 2);
}

static bool digits(struct bytes t, size_t from, size_t count, unsigned *out) {
    *out = 0;
    for (size_t i = from; i < from + count; i++) {
        if (i >= t.len || t.at[i] < '0' || t.at[i] > '9')
            return false;
        *out = *out * 10 + (t.at[i] - '0');
    }
    return true;
}

static const char *read_date(struct bytes t, struct value *out) {
    static const char wrong[] = "a date is written 2025-03-31, 2025-03 or 2025";
    unsigned y, m = 1, d = 1;
    if (!digits(t, 0, 4, &y) || (t.len != 4 && t.len != 7 && t.len != 10))
        return wrong;
    if (t.len >= 7 && (t.at[4] != '-' || !digits(t, 5, 2, &m)))
        return wrong;
    if (t.len == 10 && (t.at[7] != '-' || !digits(t, 8, 2, &d)))
        return wrong;
    out->number = days_of(y, m, d);
    out->precision = t.len == 10 ? 0 : t.len == 7 ? 1 : 2;
    int64_t y2;
    unsigned m2, d2;
    civil_of(out->number, &y2, &m2, &d2);
    return m >= 1 && m <= 12 && y2 == y && m2 == m && d2 == d ? NULL : "there is no such day";
}

static const char *read_number(struct bytes t, int64_t *out) {
    bool minus = t.len > 0 && t.at[0] == '-';
    size_t i = minus;
    int64_t v = 0;
    if (i == t.len || t.len - i > 15)
        return "a whole number of at most 15 digits belongs here";
    for (; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return "a whole number of at most 15 digits belongs here";
        v = v * 10 + (t.at[i] - '0');
    }
    *out = minus ? -v : v;
    return NULL;
}

static const char *read_money(struct bytes t, int64_t *out) {
    static const char wrong[] = "an amount in yuan is written 12, 12.3 or 12.34";
    size_t dot = 0;
    while (dot < t.len && t.at[dot] != '.')
        dot++;
    unsigned cents = 0;
    size_t places = dot < t.len ? t.len - dot - 1 : 0;
    if (dot < t.len && (places < 1 || places > 2 || !digits(t, dot + 1, places, &cents)))
        return wrong;
    int64_t yuan;
    if (read_number(bytes_of(t.at, dot), &yuan) != NULL || dot > 13)
        return wrong;
    cents *= places == 1 ? 10 : 1;
    *out = yuan * 100 + (t.at[0] == '-' ? -(int64_t)cents : (int64_t)cents);
    return NULL;
}

const char *value_read(enum value_kind kind, struct bytes text, struct value *out) {
    *out = (struct value){.kind = kind, .text = text};
    char hex[ID_HEX];
    switch (kind) {
    case VALUE_TEXT:
    case VALUE_CODE:
        return utf8_valid(text) ? NULL : "this text is not valid UTF-8";
    case VALUE_NUMBER:
        return read_number(text, &out->number);
    case VALUE_FEN:
        return read_money(text, &out->number);
    case VALUE_DATE:
        return read_date(text, out);
    case VALUE_FLAG:
        out->number = bytes_equal(text, BYTES("true"));
        return out->number != 0 || bytes_equal(text, BYTES("false")) ? NULL : "true or false belongs here";
    case VALUE_AREA:
        return area_parse(text, &out->area) ? NULL : "an area is written with 0, 2, 4, 6, 9 or 12 digits";
    case VALUE_REFERENCE:
        if (text.len == ID_HEX - 1) {
            memcpy(hex, text.at, text.len);
            hex[text.len] = '\0';
            if (id_parse(hex, &out->reference.id))
                return NULL;
        }
        return "a reference is the record's id: 32 hex digits";
    case VALUE_BLOB:
    case VALUE_LIST:
    case VALUE_NONE:
    case VALUE_KINDS:
        break;
    }
    return "a value of this kind cannot be typed";
}

static void date_text(const struct value *v, struct buffer *out) {
    int64_t y;
    unsigned m, d;
    civil_of(v->number, &y, &m, &d);
    buffer_format(out, "%04" PRId64, y);
    if (v->precision < 2)
        buffer_format(out, "-%02u", m);
    if (v->precision < 1)
        buffer_format(out, "-%02u", d);
}

void value_text(const struct value *v, struct buffer *out) {
    char text[ID_HEX];
    struct bytes list = v->list, item;
    int64_t fen = v->number < 0 ? -v->number : v->number;
    switch (v->kind) {
    case VALUE_TEXT:
    case VALUE_CODE:
        buffer_add(out, v->text);
        break;
    case VALUE_BLOB:
        hex_encode(v->text, out);
        break;
    case VALUE_NUMBER:
        buffer_format(out, "%" PRId64, v->number);
        break;
    case VALUE_FEN:
        buffer_format(out, "%s%" PRId64 ".%02d", v->number < 0 ? "-" : "", fen / 100, (int)(fen % 100));
        break;
    case VALUE_FLAG:
        buffer_text(out, v->number != 0 ? "true" : "false");
        break;
    case VALUE_DATE:
        date_text(v, out);
        break;
    case VALUE_REFERENCE:
        buffer_text(out, id_hex(&v->reference.id, text));
        break;
    case VALUE_AREA:
        buffer_text(out, area_text(v->area, text));
        break;
    case VALUE_LIST:
        for (bool first = true; value_item(&list, &item); first = false) {
            if (!first)
                buffer_u8(out, '\n');
            buffer_add(out, item);
        }
        break;
    case VALUE_NONE:
    case VALUE_KINDS:
        break;
    }
}

const char *value_kind_name(enum value_kind k) {
    static const char *const names[VALUE_KINDS] = {"none",  "text",      "number", "blob", "flag", "date",
                                                   "money", "reference", "area",   "list", "code"};
    return k < VALUE_KINDS ? names[k] : "?";
}
