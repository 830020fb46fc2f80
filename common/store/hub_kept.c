#include "common/store/hub_kept.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/envelope.h"
#include "common/store/hub_merge.h"

#include <stdlib.h>
#include <string.h>

enum { FORM = 1, ID_BYTES = 16 };

static struct key key_kept(uint64_t n) {
    struct key k = key_word("backup");
    for (unsigned i = 0; i < 8; i++)
        k.b[k.len++] = (uint8_t)(n >> (56 - 8 * i));
    return k;
}

static void pack(const struct hub_kept *k, struct buffer *b) {
    buffer_u8(b, FORM);
    buffer_add(b, bytes_of(k->id.b, ID_BYTES));
    buffer_add(b, bytes_of(k->log_life.b, ID_BYTES));
    buffer_u64be(b, k->made);
    buffer_u64be(b, k->position);
    buffer_u64be(b, k->bytes);
    buffer_u16be(b, (uint16_t)strlen(k->path));
    buffer_text(b, k->path);
    buffer_u32be(b, (uint32_t)k->life_count);
    for (size_t i = 0; i < k->life_count; i++) {
        buffer_u32be(b, k->lives[i].node);
        buffer_add(b, bytes_of(k->lives[i].incarnation.b, ID_BYTES));
        buffer_u64be(b, k->lives[i].accepted);
    }
}

static void take_id(struct reader *in, struct id16 *out) {
    struct bytes id = reader_take(in, ID_BYTES);
    if (!in->bad)
        memcpy(out->b, id.at, ID_BYTES);
}

static int by_life(const void *x, const void *y) {
    const struct backup_life *a = x, *b = y;
    return a->node != b->node ? (a->node < b->node ? -1 : 1) : id_compare(&a->incarnation, &b->incarnation);
}

static bool unpack(struct bytes value, struct hub_kept *out) {
    struct reader in = {.rest = value};
    struct buffer path = {0};
    bool form = reader_u8(&in) == FORM;
    take_id(&in, &out->id);
    take_id(&in, &out->log_life);
    out->made = reader_u64be(&in);
    out->position = reader_u64be(&in);
    out->bytes = reader_u64be(&in);
    buffer_add(&path, reader_take(&in, reader_u16be(&in)));
    out->path = memory_text(buffer_string(&path));
    buffer_close(&path);
    out->life_count = reader_u32be(&in);
    if (!form || in.bad || out->life_count > in.rest.len / (4 + ID_BYTES + 8)) {
        out->life_count = 0;
        return false;
    }
    out->lives = memory_zeroed(out->life_count + 1, sizeof *out->lives);
    for (size_t i = 0; i < out->life_count; i++) {
        out->lives[i].node = reader_u32be(&in);
        take_id(&in, &out->lives[i].incarnation);
        out->lives[i].accepted = reader_u64be(&in);
    }
    qsort(out->lives, out->life_count, sizeof *out->lives, by_life);
    return !in.bad;
}

static const struct backup_life *find(const struct backup_life *lives, size_t count, const struct backup_life *wanted) {
    return count == 0 ? NULL : bsearch(wanted, lives, count, sizeof *lives, by_life);
}

static void make_safe(struct hub_kept_view *v) {
    const struct hub_kept *oldest = &v->kept[0];
    v->safe_count = oldest->life_count;
    v->safe = memory_zeroed(v->safe_count + 1, sizeof *v->safe);
    for (size_t i = 0; i < v->safe_count; i++) {
        struct backup_life *s = &v->safe[i];
        *s = oldest->lives[i];
        for (size_t k = 1; k < v->count; k++) {
            const struct backup_life *other = find(v->kept[k].lives, v->kept[k].life_count, s);
            if (other == NULL || other->accepted < s->accepted)
                s->accepted = other == NULL ? 0 : other->accepted;
        }
    }
}

/* What it held is not known any more: then nothing is safe, and nothing of the log may go. */
static void damaged(struct hub_kept *k) {
    free(k->path);
    free(k->lives);
    *k = (struct hub_kept){.n = k->n, .path = memory_text("")};
    log_fact(LOG_ERROR, "backup.note_damaged", FACT_UINT("n", k->n), FACT_TEXT("do", "make a new backup"));
}

void hub_kept_view(struct txn *own, struct hub_kept_view *out) {
    struct key first = key_word("backup");
    struct bytes at, value, packed;
    *out = (struct hub_kept_view){.kept = NULL};
    struct scan *c = scan_open(own, HUB_OWN_META);
    for (bool on = scan_from(c, key_bytes(&first), &at, &value); on && key_starts(at, &first); on = scan_next(c, &at, &value)) {
        struct reader in = {.rest = bytes_of(at.at + first.len, at.len - first.len)};
        struct hub_kept k = {.n = reader_u64be(&in)};
        bool good = !in.bad && envelope_open(own, HUB_OWN_META, at, value, &packed) == 0 && unpack(packed, &k);
        if (!good)
            damaged(&k);
        out->kept = memory_resize(out->kept, (out->count + 1) * sizeof *out->kept);
        out->kept[out->count++] = k;
    }
    scan_close(c);
    if (out->count > 0)
        make_safe(out);
}

void hub_kept_view_close(struct hub_kept_view *v) {
    for (size_t i = 0; i < v->count; i++) {
        free(v->kept[i].path);
        free(v->kept[i].lives);
    }
    free(v->kept);
    free(v->safe);
    *v = (struct hub_kept_view){.kept = NULL};
}

uint64_t hub_kept_safe(const struct hub_kept_view *v, uint32_t node, const struct id16 *incarnation) {
    const struct backup_life *l = find(v->safe, v->safe_count, &(struct backup_life){.node = node, .incarnation = *incarnation});
    return l == NULL ? 0 : l->accepted;
}

uint64_t hub_kept_below(const struct hub_kept_view *v, const struct id16 *log_life) {
    uint64_t below = 0;
    for (size_t i = 0; i < v->count; i++)
        if (*v->kept[i].path == '\0')
            return 0;
    for (size_t i = 0; i < v->count; i++)
        if (id_equal(&v->kept[i].log_life, log_life) && (below == 0 || v->kept[i].position + 1 < below))
            below = v->kept[i].position + 1;
    return below;
}

uint64_t hub_kept_put(struct txn *own, const struct hub_kept *k) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct hub_kept_view v;
    uint64_t n = 0;
    hub_kept_view(own, &v);
    for (size_t i = 0; i < v.count && n == 0; i++)
        n = id_equal(&v.kept[i].id, &k->id) ? v.kept[i].n : 0;
    if (n == 0)
        n = v.count == 0 ? 1 : v.kept[v.count - 1].n + 1;
    hub_kept_view_close(&v);
    pack(k, &b);
    struct key key = key_kept(n);
    envelope_put(own, HUB_OWN_META, key_bytes(&key), buffer_bytes(&b));
    return n;
}

void hub_kept_drop(struct txn *own, uint64_t n) {
    struct key key = key_kept(n);
    txn_delete(own, HUB_OWN_META, key_bytes(&key));
}

/* ---- after a restore */

void hub_restored_mark(struct txn *state, struct txn *log, const struct id16 *life) {
    struct key k = key_word("restored");
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    if (hub_place_get(state, place)) {
        place->log_life = *life;
        hub_place_put(state, place);
        hub_log_rename(log, life);
    }
    free(place);
    envelope_put(state, HUB_META, key_bytes(&k), BYTES("1"));
}

bool hub_restored_take(struct txn *state) {
    struct key k = key_word("restored");
    struct bytes value;
    bool marked = envelope_get(state, HUB_META, key_bytes(&k), &value) != ENVELOPE_MISSING;
    if (marked)
        txn_delete(state, HUB_META, key_bytes(&k));
    return marked;
}
