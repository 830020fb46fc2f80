#include "common/wire/wire_audit.h"

#include "common/wire/pb.h"

#include <string.h>

void wire_audit_entry_pack(const struct audit_entry *e, struct buffer *out) {
    pb_uint(out, 1, e->at);
    pb_id(out, 2, &e->actor);
    pb_uint(out, 3, e->has_uid ? (uint64_t)e->uid + 1 : 0);
    pb_uint(out, 4, e->action);
    pb_uint(out, 5, e->purpose);
    pb_id(out, 6, &e->case_id);
    pb_uint(out, 7, e->type);
    pb_id(out, 8, &e->record);
    pb_id(out, 9, &e->subject);
    pb_uint(out, 10, e->change.node);
    pb_fixed64(out, 11, e->change.tag);
    pb_bytes(out, 12, e->note);
}

int wire_audit_entry_unpack(struct bytes packed, struct audit_entry *out) {
    struct pb p = {.rest = packed};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->at = p.number;
            break;
        case 2:
            pb_read_id(&p, &out->actor);
            break;
        case 3:
            out->has_uid = p.number > 0;
            out->uid = out->has_uid ? (uint32_t)(p.number - 1) : 0;
            p.bad = p.bad || p.wire != 0 || p.number > (uint64_t)UINT32_MAX + 1;
            break;
        case 4:
            out->action = pb_read_u32(&p);
            break;
        case 5:
            out->purpose = pb_read_u32(&p);
            break;
        case 6:
            pb_read_id(&p, &out->case_id);
            break;
        case 7:
            out->type = pb_read_u32(&p);
            break;
        case 8:
            pb_read_id(&p, &out->record);
            break;
        case 9:
            pb_read_id(&p, &out->subject);
            break;
        case 10:
            out->change.node = pb_read_u32(&p);
            break;
        case 11:
            out->change.tag = p.number;
            break;
        case 12:
            out->note = p.bytes;
            break;
        default:
            break;
        }
    }
    return p.bad ? WIRE_BROKEN : 0;
}

void wire_audit_block_pack(const struct audit_block *b, struct buffer *out) {
    pb_uint(out, 1, b->count);
    pb_hash(out, 2, &b->before);
    pb_hash(out, 3, &b->after);
    pb_uint(out, 4, b->from);
    pb_uint(out, 5, b->to);
    pb_bytes(out, 6, b->body);
    pb_uint(out, 7, b->packed);
    pb_uint(out, 8, b->behind);
}

int wire_audit_block_unpack(struct bytes stored, struct audit_block *out) {
    struct pb p = {.rest = stored};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->count = pb_read_u32(&p);
            break;
        case 2:
            pb_read_hash(&p, &out->before);
            break;
        case 3:
            pb_read_hash(&p, &out->after);
            break;
        case 4:
            out->from = p.number;
            break;
        case 5:
            out->to = p.number;
            break;
        case 6:
            out->body = p.bytes;
            break;
        case 7:
            out->packed = p.number != 0;
            break;
        case 8:
            out->behind = p.number;
            break;
        default:
            break;
        }
    }
    return p.bad || out->count == 0 || out->count > LIMIT_AUDIT_BLOCK_ENTRIES ? WIRE_BROKEN : 0;
}

void wire_audit_log_pack(const struct audit_log *l, struct buffer *out) {
    pb_id(out, 1, &l->life);
    pb_uint(out, 2, l->trimmed);
    pb_hash(out, 3, &l->trimmed_hash);
}

int wire_audit_log_unpack(struct bytes stored, struct audit_log *out) {
    struct pb p = {.rest = stored};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        if (p.field == 1)
            pb_read_id(&p, &out->life);
        else if (p.field == 2)
            out->trimmed = p.number;
        else if (p.field == 3)
            pb_read_hash(&p, &out->trimmed_hash);
    }
    /* Counted from 1, one for each look: nobody looks so often. */
    return p.bad || id_zero(&out->life) || out->trimmed > INT64_MAX ? WIRE_BROKEN : 0;
}

/* ---- heads that are kept: here by the scan, on the wire by wire_message.c */

static void head_pack(uint32_t field, const struct audit_head *h, struct buffer *out) {
    if (audit_head_none(h))
        return;
    size_t mark = pb_open(out, field);
    pb_id(out, 1, &h->life);
    pb_uint(out, 2, h->n);
    pb_hash(out, 3, &h->hash);
    pb_close(out, mark);
}

static bool head_unpack(struct bytes b, struct audit_head *h) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        if (p.field == 1)
            pb_read_id(&p, &h->life);
        else if (p.field == 2)
            h->n = p.number;
        else if (p.field == 3)
            pb_read_hash(&p, &h->hash);
    }
    return !p.bad;
}

static bool told_unpack(struct bytes b, struct audit_told *t) {
    struct pb p = {.rest = b};
    bool good = true;
    while (good && pb_next(&p)) {
        if (p.field == 1)
            good = p.wire == 2 && head_unpack(p.bytes, &t->head);
        else if (p.field == 2)
            t->at = p.number;
        else if (p.field == 3) {
            good = p.bytes.len == sizeof t->signature;
            if (good)
                memcpy(t->signature, p.bytes.at, sizeof t->signature);
        }
    }
    return good && !p.bad;
}

void wire_audit_kept_pack(const struct audit_kept *k, struct buffer *out) {
    size_t mark = pb_open(out, 1);
    head_pack(1, &k->told.head, out);
    pb_uint(out, 2, k->told.at);
    pb_bytes(out, 3, bytes_of(k->told.signature, sizeof k->told.signature));
    pb_close(out, mark);
    pb_uint(out, 2, k->heard);
    pb_uint(out, 3, k->verdict);
    head_pack(4, &k->said, out);
}

int wire_audit_kept_unpack(struct bytes stored, struct audit_kept *out) {
    struct pb p = {.rest = stored};
    bool good = true;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            good = p.wire == 2 && told_unpack(p.bytes, &out->told);
            break;
        case 2:
            out->heard = p.number;
            break;
        case 3:
            out->verdict = (enum audit_verdict)pb_read_u32(&p);
            break;
        case 4:
            good = p.wire == 2 && head_unpack(p.bytes, &out->said);
            break;
        default:
            break;
        }
    }
    return good && !p.bad && !audit_head_none(&out->told.head) ? 0 : WIRE_BROKEN;
}
