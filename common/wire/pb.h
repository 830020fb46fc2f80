/* The protobuf wire format by a bounds-checked scan, for what is read and written a million times. */
#pragma once

#include "common/base/hash.h"
#include "common/base/memory.h"

/* ---- writing: default values are left out, as proto3 does */
void pb_uint(struct buffer *out, uint32_t field, uint64_t v);
void pb_sint(struct buffer *out, uint32_t field, int64_t v);
void pb_fixed64(struct buffer *out, uint32_t field, uint64_t v);
void pb_bytes(struct buffer *out, uint32_t field, struct bytes b);
void pb_id(struct buffer *out, uint32_t field, const struct id16 *id);  /* zero is left out */
void pb_hash(struct buffer *out, uint32_t field, const struct hash *h); /* likewise */
size_t pb_open(struct buffer *out, uint32_t field); /* begins a message (also an empty one is written); gives the mark for */
void pb_close(struct buffer *out, size_t mark);

/* ---- reading: pb_next until it is false; then `bad` tells a broken encoding from the end */
struct pb {
    struct bytes rest;
    bool bad;
    uint32_t field;
    unsigned wire;      /* 0 varint, 1 fixed64, 2 bytes, 5 fixed32 */
    uint64_t number;    /* of a varint or a fixed number */
    struct bytes bytes; /* of bytes */
};

bool pb_next(struct pb *p);
int64_t pb_signed(const struct pb *p);
bool pb_read_id(struct pb *p, struct id16 *out);   /* exactly 16 bytes; else bad */
bool pb_read_hash(struct pb *p, struct hash *out); /* exactly 32 bytes; else bad */
uint32_t pb_read_u32(struct pb *p);                /* above 32 bits: bad */
size_t pb_more(
    const struct pb *p); /* how often the field just read occurs from here on, itself too; what cannot be read counts as the end */
