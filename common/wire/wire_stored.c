/* What lies in the stores beside records and changes (proto/stored.proto). */
#include "common/base/limits.h"
#include "common/wire/pb.h"
#include "common/wire/wire_parts.h"

#include <string.h>

static void epoch_pack(uint32_t field, struct epoch e, struct buffer *out) {
    size_t mark = pb_open(out, field);
    pb_uint(out, 1, e.counter);
    pb_fixed64(out, 2, e.random);
    pb_close(out, mark);
}

static bool epoch_unpack(struct bytes b, struct epoch *e) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        if (p.field == 1)
            e->counter = p.number;
        else if (p.field == 2)
            e->random = p.number;
    }
    return !p.bad;
}

static bool cursor_unpack(struct bytes b, struct cursor *c) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        if (p.field == 1 && !epoch_unpack(p.bytes, &c->epoch))
            return false;
        if (p.field == 2)
            c->at = p.number;
        else if (p.field == 3)
            c->floor = p.number;
    }
    return !p.bad;
}

static bool life_unpack(struct bytes b, struct life *l) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            pb_read_id(&p, &l->incarnation);
            break;
        case 2:
            l->first = p.number;
            break;
        case 3:
            l->last = p.number;
            break;
        case 4:
            l->acked = p.number;
            break;
        case 5:
            pb_read_hash(&p, &l->acked_hash);
            break;
        case 6:
            l->safe = p.number;
            break;
        case 7:
            l->includes = p.number;
            break;
        default:
            break;
        }
    }
    return !p.bad;
}

void wire_areas_pack(uint32_t field, const area *list, size_t count, struct buffer *out) {
    if (count == 0)
        return;
    size_t mark = pb_open(out, field);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 8; k++)
            buffer_u8(out, (uint8_t)(list[i] >> (8 * k)));
    pb_close(out, mark);
}

void wire_progress_pack(const struct node_progress *n, struct buffer *out) {
    size_t mark;
    pb_uint(out, 1, n->node);
    for (size_t i = 0; i < n->life_count; i++) {
        const struct life *l = &n->lives[i];
        mark = pb_open(out, 2);
        pb_id(out, 1, &l->incarnation);
        pb_uint(out, 2, l->first);
        pb_uint(out, 3, l->last);
        pb_uint(out, 4, l->acked);
        pb_hash(out, 5, &l->acked_hash);
        pb_uint(out, 6, l->safe);
        pb_uint(out, 7, l->includes);
        pb_close(out, mark);
    }
    mark = pb_open(out, 3);
    epoch_pack(1, n->cursor.epoch, out);
    pb_uint(out, 2, n->cursor.at);
    pb_uint(out, 3, n->cursor.floor);
    pb_close(out, mark);
    epoch_pack(4, n->highest, out);
    pb_fixed64(out, 5, n->nonce);
    pb_sint(out, 6, n->offset_ms);
    pb_fixed64(out, 7, n->hlc);
    wire_areas_pack(8, n->served, n->served_count, out);
    for (size_t i = 0; i < n->loading_count; i++) {
        mark = pb_open(out, 9);
        pb_fixed64(out, 1, n->loading[i].area);
        pb_uint(out, 2, n->loading[i].upto);
        pb_close(out, mark);
    }
    pb_uint(out, 10, n->verdicts_after);
    pb_uint(out, 11, n->unproven);
    pb_uint(out, 12, n->digest_ok_at);
    pb_uint(out, 13, n->held_count);
    pb_uint(out, 14, n->lost_count);
    pb_uint(out, 15, n->erasures_after);
    pb_uint(out, 16, n->uncompacted);
}

static bool loading_unpack(struct bytes b, struct loading *l) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        if (p.field == 1)
            l->area = p.number;
        else if (p.field == 2)
            l->upto = p.number;
        else if (p.field == 3)
            l->done = p.number != 0;
    }
    return !p.bad && area_valid(l->area);
}

bool wire_areas_unpack(struct bytes b, area *out, size_t room, size_t *count) {
    if (b.len % 8 != 0 || b.len / 8 > room)
        return false;
    *count = b.len / 8;
    for (size_t i = 0; i < *count; i++) {
        out[i] = 0;
        for (size_t k = 0; k < 8; k++)
            out[i] |= (area)b.at[8 * i + k] << (8 * k);
        if (!area_valid(out[i]))
            return false;
    }
    return true;
}

int wire_progress_unpack(struct bytes stored, struct node_progress *out) {
    struct pb p = {.rest = stored};
    bool good = true;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->node = pb_read_u32(&p);
            break;
        case 2:
            good = out->life_count < LIMIT_LIVES && life_unpack(p.bytes, &out->lives[out->life_count++]);
            break;
        case 3:
            good = cursor_unpack(p.bytes, &out->cursor);
            break;
        case 4:
            good = epoch_unpack(p.bytes, &out->highest);
            break;
        case 5:
            out->nonce = p.number;
            break;
        case 6:
            out->offset_ms = pb_signed(&p);
            break;
        case 7:
            out->hlc = p.number;
            break;
        case 8:
            good = wire_areas_unpack(p.bytes, out->served, LIMIT_AREAS, &out->served_count);
            break;
        case 9:
            good = out->loading_count < LIMIT_AREAS && loading_unpack(p.bytes, &out->loading[out->loading_count++]);
            break;
        case 10:
            out->verdicts_after = p.number;
            break;
        case 11:
            out->unproven = p.number != 0;
            break;
        case 12:
            out->digest_ok_at = p.number;
            break;
        case 13:
            out->held_count = p.number;
            break;
        case 14:
            out->lost_count = p.number;
            break;
        case 15:
            out->erasures_after = p.number;
            break;
        case 16:
            out->uncompacted = p.number != 0;
            break;
        default:
            break;
        }
    }
    return good && !p.bad && out->life_count > 0 ? 0 : WIRE_BROKEN;
}

struct log_entry wire_log_entry_of(enum log_kind kind, uint32_t node, const struct push *p, wall_ms received) {
    return (struct log_entry){
        .kind = kind,
        .node = node,
        .incarnation = p->incarnation,
        .first = p->first,
        .count = p->count,
        .before = p->before,
        .after = p->after,
        .received = received,
        .signature = p->signature,
        .body = p->body};
}

void wire_log_entry_pack(const struct log_entry *e, struct buffer *out) {
    pb_uint(out, 1, e->kind);
    pb_uint(out, 2, e->node);
    pb_id(out, 3, &e->incarnation);
    pb_uint(out, 4, e->first);
    pb_uint(out, 5, e->count);
    pb_hash(out, 6, &e->after);
    pb_uint(out, 7, e->received);
    pb_bytes(out, 8, e->signature);
    pb_bytes(out, 9, e->body);
    pb_id(out, 10, &e->actor);
    pb_hash(out, 11, &e->before);
}

int wire_log_entry_unpack(struct bytes stored, struct log_entry *out) {
    struct pb p = {.rest = stored};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->kind = (enum log_kind)pb_read_u32(&p);
            break;
        case 2:
            out->node = pb_read_u32(&p);
            break;
        case 3:
            pb_read_id(&p, &out->incarnation);
            break;
        case 4:
            out->first = p.number;
            break;
        case 5:
            out->count = pb_read_u32(&p);
            break;
        case 6:
            pb_read_hash(&p, &out->after);
            break;
        case 7:
            out->received = p.number;
            break;
        case 8:
            out->signature = p.bytes;
            break;
        case 9:
            out->body = p.bytes;
            break;
        case 10:
            pb_read_id(&p, &out->actor);
            break;
        case 11:
            pb_read_hash(&p, &out->before);
            break;
        default:
            break;
        }
    }
    return p.bad || out->kind == 0 || out->count > LIMIT_PUSH_CHANGES ? WIRE_BROKEN : 0;
}

void wire_history_pack(const struct history_entry *h, struct buffer *out) {
    pb_uint(out, 1, h->hub_seq);
    pb_fixed64(out, 2, h->version.hlc);
    pb_uint(out, 3, h->version.node);
    pb_uint(out, 4, h->name.node);
    pb_fixed64(out, 5, h->name.tag);
    pb_id(out, 6, &h->actor);
    pb_uint(out, 7, h->purpose);
    pb_id(out, 8, &h->incarnation);
    pb_uint(out, 9, h->seq);
    pb_uint(out, 10, h->received);
    struct buffer fields = {0};
    for (size_t i = 0; i < h->field_count; i++) {
        uint32_t v = h->fields[i];
        for (; v >= 0x80; v >>= 7)
            buffer_u8(&fields, (uint8_t)(v | 0x80));
        buffer_u8(&fields, (uint8_t)v);
    }
    pb_bytes(out, 11, buffer_bytes(&fields));
    buffer_close(&fields);
}

int wire_history_unpack(struct bytes stored, struct history_entry *out) {
    struct pb p = {.rest = stored};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->hub_seq = p.number;
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
            pb_read_id(&p, &out->actor);
            break;
        case 7:
            out->purpose = pb_read_u32(&p);
            break;
        case 8:
            pb_read_id(&p, &out->incarnation);
            break;
        case 9:
            out->seq = p.number;
            break;
        case 10:
            out->received = p.number;
            break;
        case 11: {
            uint32_t v = 0;
            unsigned shift = 0;
            for (size_t i = 0; i < p.bytes.len; i++) {
                if (shift > 28 || out->field_count == LIMIT_CHANGE_FIELDS)
                    return WIRE_BROKEN;
                v |= (uint32_t)(p.bytes.at[i] & 0x7f) << shift;
                shift += 7;
                if (p.bytes.at[i] < 0x80) {
                    out->fields[out->field_count++] = v;
                    v = 0;
                    shift = 0;
                }
            }
            break;
        }
        default:
            break;
        }
    }
    return p.bad ? WIRE_BROKEN : 0;
}

void wire_quarantined_pack(const struct quarantined *q, struct buffer *out) {
    pb_uint(out, 1, q->reason);
    pb_uint(out, 2, q->received);
    pb_uint(out, 3, q->row);
    pb_uint(out, 4, q->position);
    pb_bytes(out, 5, q->change);
}

int wire_quarantined_unpack(struct bytes stored, struct quarantined *out) {
    struct pb p = {.rest = stored};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->reason = (enum verdict)pb_read_u32(&p);
            break;
        case 2:
            out->received = p.number;
            break;
        case 3:
            out->row = p.number;
            break;
        case 4:
            out->position = p.number;
            break;
        case 5:
            out->change = p.bytes;
            break;
        default:
            break;
        }
    }
    return p.bad ? WIRE_BROKEN : 0;
}

void wire_enrolment_pack(const struct enrolment *e, struct buffer *out) {
    pb_uint(out, 1, e->node);
    pb_id(out, 2, &e->city);
    wire_areas_pack(3, e->served, e->served_count, out);
    pb_bytes(out, 4, e->name);
    pb_bytes(out, 5, e->hub_public);
    pb_bytes(out, 6, e->endpoint);
    pb_bytes(out, 7, e->city_secret);
    pb_bytes(out, 8, e->index_key);
    pb_hash(out, 9, &e->policy_root);
    pb_bytes(out, 10, e->catalogue);
    pb_uint(out, 11, e->catalogue_version);
    pb_bytes(out, 12, e->next_public);
    pb_bytes(out, 13, e->next_endpoint);
}

/* False: the arena's cap. */
static bool copy(struct bytes b, struct arena *a, struct bytes *out) {
    *out = arena_copy(a, b);
    return out->at != NULL || out->len == 0;
}

int wire_enrolment_unpack(struct bytes stored, struct arena *a, struct enrolment *out) {
    struct pb p = {.rest = stored};
    bool good = true;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->node = pb_read_u32(&p);
            break;
        case 2:
            pb_read_id(&p, &out->city);
            break;
        case 3:
            good = wire_areas_unpack(p.bytes, out->served, LIMIT_AREAS, &out->served_count);
            break;
        case 4:
            good = copy(p.bytes, a, &out->name);
            break;
        case 5:
            good = copy(p.bytes, a, &out->hub_public);
            break;
        case 6:
            good = copy(p.bytes, a, &out->endpoint);
            break;
        case 7:
            good = copy(p.bytes, a, &out->city_secret);
            break;
        case 8:
            good = copy(p.bytes, a, &out->index_key);
            break;
        case 9:
            pb_read_hash(&p, &out->policy_root);
            break;
        case 10:
            good = copy(p.bytes, a, &out->catalogue);
            break;
        case 11:
            out->catalogue_version = p.number;
            break;
        case 12:
            good = copy(p.bytes, a, &out->next_public);
            break;
        case 13:
            good = copy(p.bytes, a, &out->next_endpoint);
            break;
        default:
            break;
        }
    }
    return good && !p.bad && out->city_secret.len == 32 && out->index_key.len == 32 ? 0 : WIRE_BROKEN;
}
