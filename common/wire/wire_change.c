/* Changes, and the batches that carry them. */
#include "common/base/limits.h"
#include "common/wire/pb.h"
#include "common/wire/wire.h"
#include "common/wire/wire_parts.h"

#include <string.h>
#include <zstd.h>

void wire_name_pack(uint32_t field, struct name n, struct buffer *out) {
    size_t mark = pb_open(out, field);
    pb_uint(out, 1, n.node);
    pb_fixed64(out, 2, n.tag);
    pb_close(out, mark);
}

bool wire_name_unpack(struct bytes b, struct name *out) {
    struct pb p = {.rest = b};
    *out = (struct name){0, 0};
    while (pb_next(&p)) {
        if (p.field == 1)
            out->node = pb_read_u32(&p);
        else if (p.field == 2)
            out->tag = p.number;
    }
    return !p.bad;
}

void wire_change_pack(const struct change *c, struct buffer *out) {
    pb_uint(out, 1, c->seq);
    pb_fixed64(out, 2, c->version.hlc);
    pb_uint(out, 3, c->version.node);
    pb_uint(out, 4, c->name.node);
    pb_fixed64(out, 5, c->name.tag);
    pb_fixed64(out, 6, c->salt);
    pb_uint(out, 7, c->type);
    pb_id(out, 8, &c->record);
    pb_id(out, 9, &c->actor);
    pb_uint(out, 10, c->purpose);
    pb_id(out, 11, &c->case_id);
    pb_uint(out, 12, c->again);
    for (size_t i = 0; i < c->op_count; i++) {
        const struct op *o = &c->ops[i];
        size_t mark = pb_open(out, 13);
        pb_uint(out, 1, o->field);
        pb_uint(out, 2, o->kind);
        pb_bytes(out, 3, o->value);
        for (size_t k = 0; k < o->name_count; k++)
            wire_name_pack(4, o->names[k], out);
        pb_close(out, mark);
    }
}

enum { CHANGE_SEQ = 1, CHANGE_HLC = 2, CHANGE_NODE = 3, CHANGE_AGAIN = 12 };

int wire_change_label(struct bytes packed, uint64_t seq, uint64_t hlc, uint32_t node, bool again, struct buffer *out) {
    struct pb p = {.rest = packed};
    uint64_t own = 0; /* said twice, the last counts, as for every reader */
    uint32_t writer = 0;
    while (pb_next(&p)) {
        if (p.field == CHANGE_HLC)
            own = p.number;
        if (p.field == CHANGE_NODE)
            writer = pb_read_u32(&p);
        again |= p.field == CHANGE_AGAIN && p.number != 0;
    }
    if (p.bad)
        return WIRE_BROKEN;
    pb_uint(out, CHANGE_SEQ, seq);
    pb_fixed64(out, CHANGE_HLC, hlc == 0 ? own : hlc);
    pb_uint(out, CHANGE_NODE, node == 0 ? writer : node);
    p = (struct pb){.rest = packed};
    for (const uint8_t *at = p.rest.at; pb_next(&p); at = p.rest.at) {
        if (again && p.field > CHANGE_AGAIN) { /* in the order in which wire_change_pack writes */
            pb_uint(out, CHANGE_AGAIN, 1);
            again = false;
        }
        if (p.field != CHANGE_SEQ && p.field != CHANGE_HLC && p.field != CHANGE_NODE && p.field != CHANGE_AGAIN)
            buffer_add(out, bytes_of(at, (size_t)(p.rest.at - at)));
    }
    pb_uint(out, CHANGE_AGAIN, again);
    return 0;
}

static int op_unpack(struct bytes b, struct arena *a, struct op *o) {
    struct pb p = {.rest = b};
    struct name *names = NULL;
    size_t count = 0, n = 0;
    uint32_t kind = 0;
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            o->field = pb_read_u32(&p);
            break;
        case 2:
            kind = pb_read_u32(&p);
            break;
        case 3:
            o->value = p.bytes;
            break;
        case 4:
            if (names == NULL) {
                count = pb_more(&p);
                names = count > LIMIT_OP_NAMES ? NULL : arena_take(a, count * sizeof *names);
                if (names == NULL)
                    return WIRE_TOO_BIG;
            }
            if (p.wire != 2 || n == count || !wire_name_unpack(p.bytes, &names[n++]))
                return WIRE_BROKEN;
            break;
        default:
            break;
        }
    }
    if (p.bad || kind == 0)
        return WIRE_BROKEN;
    o->names = names;
    o->name_count = n;
    o->kind = (enum op_kind)kind;
    return kind > OP_REMOVE ? WIRE_NEWER : 0;
}

int wire_change_unpack(struct bytes packed, struct arena *a, struct change *out) {
    struct pb p = {.rest = packed};
    struct op *ops = NULL;
    size_t count = 0, n = 0;
    int newer = 0;
    memset(out, 0, sizeof *out);
    if (packed.len > LIMIT_CHANGE_BYTES)
        return WIRE_TOO_BIG;
    while (pb_next(&p)) {
        int r = 0;
        switch (p.field) {
        case 1:
            out->seq = p.number;
            break;
        case 2:
            out->version.hlc = p.number;
            break;
        case 3:
            out->version.node = pb_read_u32(&p);
            break;
        case 4:
            out->name.node = pb_read_u32(&p);
            break;
        case 5:
            out->name.tag = p.number;
            break;
        case 6:
            out->salt = p.number;
            break;
        case 7:
            out->type = pb_read_u32(&p);
            break;
        case 8:
            pb_read_id(&p, &out->record);
            break;
        case 9:
            pb_read_id(&p, &out->actor);
            break;
        case 10:
            out->purpose = pb_read_u32(&p);
            break;
        case 11:
            pb_read_id(&p, &out->case_id);
            break;
        case 12:
            out->again = p.number != 0;
            break;
        case 13:
            if (ops == NULL) {
                count = pb_more(&p);
                ops = count > LIMIT_CHANGE_FIELDS ? NULL : arena_take(a, count * sizeof *ops);
                if (ops == NULL)
                    return WIRE_TOO_BIG;
            }
            r = p.wire != 2 || n == count ? WIRE_BROKEN : op_unpack(p.bytes, a, &ops[n++]);
            break;
        default:
            break;
        }
        if (r == WIRE_NEWER)
            newer = r;
        else if (r != 0)
            return r;
    }
    if (p.bad || ops == NULL)
        return WIRE_BROKEN;
    out->ops = ops;
    out->op_count = n;
    if (newer != 0)
        return newer;
    return change_check(out) == NULL ? 0 : WIRE_BROKEN;
}

/* ---- erased: field 14 alone, which no other change has */

enum { CHANGE_ERASED = 14, ERASED_HEAD = 2, ERASED_BYTES = ERASED_HEAD + sizeof(struct hash) };

bool wire_change_erased(struct bytes packed) {
    return packed.len == ERASED_BYTES && packed.at[0] == (CHANGE_ERASED << 3 | 2) && packed.at[1] == sizeof(struct hash);
}

void wire_change_erase(struct bytes packed, struct buffer *out) {
    if (wire_change_erased(packed)) {
        buffer_add(out, packed);
        return;
    }
    struct hash h = hash_of(packed);
    pb_bytes(out, CHANGE_ERASED, bytes_of(h.b, sizeof h.b));
}

/* ---- batches */

enum { ZSTD_LEVEL = 1 };

void wire_batch_add(struct buffer *raw, struct bytes packed_change) {
    size_t mark = pb_open(raw, 1);
    buffer_add(raw, packed_change);
    pb_close(raw, mark);
}

int wire_batch_seal(struct bytes raw, struct buffer *body) {
    if (raw.len > LIMIT_BATCH_BYTES)
        return WIRE_TOO_BIG;
    size_t room = ZSTD_compressBound(raw.len);
    uint8_t *at = buffer_grow(body, room);
    size_t n = ZSTD_compress(at, room, raw.at, raw.len, ZSTD_LEVEL);
    if (ZSTD_isError(n) != 0)
        return WIRE_BROKEN;
    body->len -= room - n;
    return 0;
}

/* The frame says its size before anything is decompressed; one that does not, or says too much, is refused. */
int wire_batch_open(struct bytes body, struct buffer *raw) {
    unsigned long long size = ZSTD_getFrameContentSize(body.at, body.len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR)
        return WIRE_BROKEN;
    if (size > LIMIT_BATCH_BYTES)
        return WIRE_TOO_BIG;
    size_t before = raw->len;
    uint8_t *at = buffer_grow(raw, (size_t)size);
    size_t n = ZSTD_decompress(at, (size_t)size, body.at, body.len);
    if (ZSTD_isError(n) != 0 || n != size) {
        raw->len = before;
        return WIRE_BROKEN;
    }
    return 0;
}

bool wire_batch_next(struct reader *r, struct bytes *packed_change) {
    struct pb p = {.rest = r->rest, .bad = r->bad};
    while (pb_next(&p)) {
        r->rest = p.rest;
        if (p.field == 1 && p.wire == 2) {
            *packed_change = p.bytes;
            return true;
        }
    }
    r->rest = p.rest;
    r->bad = p.bad;
    return false;
}

bool wire_batch_holds(struct bytes raw, uint32_t count) {
    struct reader r = {.rest = raw};
    struct bytes packed;
    uint32_t n = 0;
    while (n <= count && wire_batch_next(&r, &packed))
        n++;
    return !r.bad && n == count;
}

struct hash wire_chain(const struct hash *before, struct bytes packed_change) {
    struct hash h;
    if (wire_change_erased(packed_change))
        memcpy(h.b, packed_change.at + ERASED_HEAD, sizeof h.b);
    else
        h = hash_of(packed_change);
    return hash_of_two(bytes_of(before->b, sizeof before->b), bytes_of(h.b, sizeof h.b));
}
