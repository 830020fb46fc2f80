/* Base copies in work: one read, one write and one sum a record, however many changes of a page meet it. */
#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>

static void sums_write(struct bases *b) {
    for (size_t i = 0; i < b->sum_count; i++)
        digest_put(b->t, b->sums[i].area, b->sums[i].sum);
    b->sum_count = 0;
}

static struct digest *sum_of(struct bases *b, area a) {
    for (size_t i = 0; i < b->sum_count; i++)
        if (b->sums[i].area == a)
            return &b->sums[i].sum;
    if (b->sum_count == LIMIT_AREAS)
        sums_write(b);
    b->sums[b->sum_count] = (struct area_sum){a, node_digest(b->t, a)};
    return &b->sums[b->sum_count++].sum;
}

static void count(struct bases *b, const struct record *r, bool in) {
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    for (size_t i = 0; i < n; i++)
        if (in)
            digest_add(sum_of(b, now[i]), r);
        else
            digest_take(sum_of(b, now[i]), r);
}

static struct base_in_work *find(struct bases *b, uint32_t type, const struct id16 *id) {
    size_t before = b->keys.count, at = touched_add(&b->keys, type, id);
    if (at < before)
        return &b->each[at];
    if (at >= b->room) {
        b->room = b->room == 0 ? 16 : 2 * b->room;
        b->each = memory_resize(b->each, b->room * sizeof *b->each);
    }
    struct base_in_work *w = &b->each[at];
    *w = (struct base_in_work){.there = false};
    int r = base_get(b->t, type, id, &b->arena, &w->record);
    w->there = r == 0;
    w->rotten = r == NODE_RECORD_ROTTEN;
    if (r != 0)
        w->record = (struct record){.type = type, .id = *id};
    return w;
}

int bases_get(struct bases *b, uint32_t type, const struct id16 *id, const struct record **out) {
    const struct base_in_work *w = find(b, type, id);
    *out = &w->record;
    return w->there ? 0 : w->rotten && !w->changed ? NODE_RECORD_ROTTEN : NODE_RECORD_NONE;
}

struct record *bases_change(struct bases *b, uint32_t type, const struct id16 *id) {
    struct base_in_work *w = find(b, type, id);
    if (w->there && !w->changed)
        count(b, &w->record, false);
    w->there = w->changed = true;
    return &w->record;
}

void bases_drop(struct bases *b, uint32_t type, const struct id16 *id) {
    *bases_change(b, type, id) = (struct record){.type = type, .id = *id};
    find(b, type, id)->there = false;
}

static void write_one(struct bases *b, const struct record *r, struct buffer *packed) {
    struct key k = key_record(r->type, &r->id);
    if (record_empty(r)) {
        txn_delete(b->t, NODE_BASE, key_bytes(&k));
        return;
    }
    buffer_clear(packed);
    wire_record_pack(r, RECORD_BASE, packed);
    envelope_put(b->t, NODE_BASE, key_bytes(&k), buffer_bytes(packed));
    count(b, r, true);
}

void bases_flush(struct bases *b) {
    CLEANUP(buffer_close) struct buffer packed = {0};
    for (size_t i = 0; i < b->keys.count; i++)
        if (b->each[i].changed)
            write_one(b, &b->each[i].record, &packed);
    sums_write(b);
    for (size_t i = 0; i < b->keys.count; i++) { /* what a rotten copy had added to the sums cannot be read any more */
        const struct base_in_work *w = &b->each[i];
        area now[LIMIT_AREAS];
        size_t n = w->changed && w->rotten ? record_areas_now(&w->record, now, LIMIT_AREAS) : 0;
        for (size_t k = 0; k < n; k++)
            digest_recompute(b->t, now[k]);
    }
    touched_close(&b->keys);
    arena_clear(&b->arena);
}

void bases_close(struct bases *b) {
    touched_close(&b->keys);
    free(b->each);
    arena_close(&b->arena);
    *b = (struct bases){.t = NULL};
}
