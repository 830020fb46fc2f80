/* Records and feed entries. Slices of what is read point into the stored bytes. */
#include "common/base/limits.h"
#include "common/wire/pb.h"
#include "common/wire/wire_parts.h"

#include <string.h>

static void heads_pack(uint32_t field, const struct head *heads, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++) {
        const struct head *h = &heads[i];
        size_t mark = pb_open(out, field);
        pb_fixed64(out, 1, h->version.hlc);
        pb_uint(out, 2, h->version.node);
        pb_uint(out, 3, h->name.node);
        pb_fixed64(out, 4, h->name.tag);
        pb_bytes(out, 5, h->value);
        for (size_t k = 0; k < h->replace_count; k++)
            wire_name_pack(6, h->replaces[k], out);
        pb_close(out, mark);
    }
}

void wire_record_pack(const struct record *r, enum record_form form, struct buffer *out) {
    pb_uint(out, 1, r->type);
    pb_id(out, 2, &r->id);
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        size_t mark = pb_open(out, 3);
        pb_uint(out, 1, f->number);
        heads_pack(2, f->heads, f->head_count, out);
        heads_pack(3, f->elements, f->element_count, out);
        if (form == RECORD_HUB) {
            for (size_t k = 0; k < f->early_count; k++)
                wire_name_pack(4, f->early[k], out);
            pb_uint(out, 5, f->feed_seq);
        }
        pb_close(out, mark);
    }
    for (size_t i = 0; form == RECORD_HUB && i < r->area_count; i++) {
        size_t mark = pb_open(out, 4);
        pb_fixed64(out, 1, r->areas[i].area);
        pb_uint(out, 2, r->areas[i].row);
        pb_uint(out, 3, r->areas[i].present);
        pb_uint(out, 4, r->areas[i].since);
        pb_close(out, mark);
    }
    if (form == RECORD_HUB)
        pb_uint(out, 5, r->feed_seq);
}

/* Room for all repeats of a field, taken when the first of them is met; false: the arena's cap. */
static bool room_for(const struct pb *p, void *list, size_t size, struct arena *a, size_t *count) {
    void **at = list;
    if (*at == NULL) {
        *count = pb_more(p);
        *at = arena_take(a, *count * size);
    }
    return *at != NULL;
}

static bool head_unpack(struct bytes b, struct arena *a, struct head *h) {
    struct pb p = {.rest = b};
    struct name *names = NULL;
    size_t count = 0, n = 0;
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            h->version.hlc = p.number;
            break;
        case 2:
            h->version.node = pb_read_u32(&p);
            break;
        case 3:
            h->name.node = pb_read_u32(&p);
            break;
        case 4:
            h->name.tag = p.number;
            break;
        case 5:
            h->value = p.bytes;
            break;
        case 6:
            if (p.wire != 2 || !room_for(&p, &names, sizeof *names, a, &count) || n == count || !wire_name_unpack(p.bytes, &names[n++]))
                return false;
            break;
        default:
            break;
        }
    }
    h->replaces = names;
    h->replace_count = n;
    return !p.bad;
}

static bool field_unpack(struct bytes b, struct arena *a, struct field *f) {
    struct pb p = {.rest = b};
    size_t heads = 0, elements = 0, early = 0;
    while (pb_next(&p)) {
        bool good = true;
        switch (p.field) {
        case 1:
            f->number = pb_read_u32(&p);
            break;
        case 2:
            good = p.wire == 2 && room_for(&p, &f->heads, sizeof *f->heads, a, &heads) && f->head_count < heads &&
                   head_unpack(p.bytes, a, &f->heads[f->head_count++]);
            break;
        case 3:
            good = p.wire == 2 && room_for(&p, &f->elements, sizeof *f->elements, a, &elements) && f->element_count < elements &&
                   head_unpack(p.bytes, a, &f->elements[f->element_count++]);
            break;
        case 4:
            good = p.wire == 2 && room_for(&p, &f->early, sizeof *f->early, a, &early) && f->early_count < early &&
                   wire_name_unpack(p.bytes, &f->early[f->early_count++]);
            break;
        case 5:
            f->feed_seq = p.number;
            break;
        default:
            break;
        }
        if (!good)
            return false;
    }
    return !p.bad && f->number != 0;
}

static bool area_unpack(struct bytes b, struct area_row *row) {
    struct pb p = {.rest = b};
    while (pb_next(&p)) {
        if (p.field == 1)
            row->area = p.number;
        else if (p.field == 2)
            row->row = p.number;
        else if (p.field == 3)
            row->present = p.number != 0;
        else if (p.field == 4)
            row->since = p.number;
    }
    return !p.bad && area_valid(row->area);
}

int wire_record_unpack(struct bytes stored, struct arena *a, struct record *out) {
    struct pb p = {.rest = stored};
    size_t fields = 0, areas = 0;
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        bool good = true;
        switch (p.field) {
        case 1:
            out->type = pb_read_u32(&p);
            break;
        case 2:
            pb_read_id(&p, &out->id);
            break;
        case 3: {
            good = p.wire == 2 && room_for(&p, &out->fields, sizeof *out->fields, a, &fields) && out->field_count < fields;
            struct field *f = good ? &out->fields[out->field_count] : NULL;
            good = good && field_unpack(p.bytes, a, f) && (out->field_count == 0 || f[-1].number < f->number);
            out->field_count += good;
            break;
        }
        case 4:
            good = p.wire == 2 && room_for(&p, &out->areas, sizeof *out->areas, a, &areas) && out->area_count < areas &&
                   area_unpack(p.bytes, &out->areas[out->area_count++]);
            break;
        case 5:
            out->feed_seq = p.number;
            break;
        default:
            break;
        }
        if (!good)
            return WIRE_BROKEN;
    }
    return p.bad ? WIRE_BROKEN : 0;
}

/* ---- feed entries */

static void entry_pack(const struct entry *e, struct buffer *out) {
    size_t mark = pb_open(out, 1), record;
    pb_uint(out, 1, e->kind);
    record = pb_open(out, 2);
    wire_record_pack(&e->record, RECORD_BASE, out);
    pb_close(out, record);
    pb_close(out, mark);
}

size_t wire_entry_size(const struct entry *e) {
    struct buffer b = {0};
    entry_pack(e, &b);
    size_t n = b.len;
    buffer_close(&b);
    return n;
}

void wire_entries_pack(const struct entry *entries, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++)
        entry_pack(&entries[i], out);
}

static int entry_unpack(struct bytes b, struct arena *a, struct entry *e) {
    struct pb p = {.rest = b};
    uint32_t kind = 0;
    int r = WIRE_BROKEN;
    while (pb_next(&p)) {
        if (p.field == 1)
            kind = pb_read_u32(&p);
        else if (p.field == 2 && p.wire == 2)
            r = wire_record_unpack(p.bytes, a, &e->record);
    }
    if (p.bad || r != 0 || kind == 0 || e->record.type == 0)
        return WIRE_BROKEN;
    e->kind = (enum entry_kind)kind;
    return kind > ENTRY_LEFT ? WIRE_NEWER : 0;
}

int wire_entries_unpack(struct bytes raw, struct arena *a, const struct entry **out, size_t *count) {
    struct pb p = {.rest = raw};
    struct entry *entries = NULL;
    size_t room = 0, n = 0;
    while (pb_next(&p)) {
        if (p.field != 1)
            continue;
        if (entries == NULL && (pb_more(&p) > LIMIT_FEED_ENTRIES || !room_for(&p, &entries, sizeof *entries, a, &room)))
            return WIRE_TOO_BIG;
        int r = p.wire != 2 || n == room ? WIRE_BROKEN : entry_unpack(p.bytes, a, &entries[n++]);
        if (r != 0)
            return r;
    }
    *out = entries;
    *count = n;
    return p.bad ? WIRE_BROKEN : 0;
}
