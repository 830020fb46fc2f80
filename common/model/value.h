/* A field's value (proto/value.proto) and its text form, the one that a clerk types and an export shows. */
#pragma once

#include "common/base/id.h"
#include "common/base/memory.h"
#include "common/model/area.h"

enum value_kind {
    VALUE_NONE = 0, /* empty: the field was cleared */
    VALUE_TEXT = 1,
    VALUE_NUMBER,
    VALUE_BLOB,
    VALUE_FLAG,
    VALUE_DATE,
    VALUE_FEN, /* money */
    VALUE_REFERENCE,
    VALUE_AREA,
    VALUE_LIST,
    VALUE_CODE,
    VALUE_KINDS
};

struct value {
    enum value_kind kind;
    struct bytes text;  /* TEXT, CODE, BLOB; borrows */
    int64_t number;     /* NUMBER, FEN; DATE: days since 1970-01-01; FLAG: 0 or 1 */
    uint32_t precision; /* DATE: 0 day, 1 month, 2 year */
    struct {
        uint32_t type;
        struct id16 id;
        struct bytes key; /* borrows */
    } reference;
    area area;
    struct bytes list; /* LIST: packed items; value_item walks them */
};

void value_pack(const struct value *v, struct buffer *out);  /* appends; NONE appends nothing */
bool value_unpack(struct bytes packed, struct value *out);   /* false: broken, or of a kind this build does not know */
bool value_item(struct bytes *list, struct bytes *item);     /* takes the next item off; false at the end, or broken */
void value_list_add(struct buffer *list, struct bytes item); /* builds struct value.list */

/* Text of the kind's form -> value (slices borrow text): dates 2025, 2025-03, 2025-03-31; money 12 or 12.34 yuan; flags true/false; a list
 * one item a line; a reference 32 hex digits (its type is the caller's). NULL when it was read, else what is wrong, static. */
const char *value_read(enum value_kind kind, struct bytes text, struct value *out);
void value_text(const struct value *v, struct buffer *out); /* appends; value_read reads it back */
const char *value_kind_name(enum value_kind k);             /* "text", "number", … as catalogues write them */
