#include "common/store/hub_feed.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/hub_erase.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_BYTES = LIMIT_MESSAGE_BYTES - 128 * 1024, /* before compression: what does not compress must fit a message too */
    PAGE_ROWS = 50000,                             /* looked at for one page; a reader must not live long */
    HELD_BYTES = 36,                               /* of one verdict on the wire, rounded up */
    ERASURE_BYTES = 256 * 1024,                    /* of one page's orders to erase */
    ORDER_BYTES = 32,                              /* around one of them */
};

/* ---- a page under construction */

struct laid { /* a record that this page has dealt with, or need not */
    uint32_t type;
    struct id16 id;
};

struct page {
    struct txn *state;
    struct arena *arena;   /* the caller's: what the page gives lives there */
    struct arena scratch;  /* one row */
    struct buffer entries; /* struct entry, while it grows */
    struct laid *laid;     /* owns; open addressing */
    size_t laid_room, laid_count;
    area areas[LIMIT_AREAS]; /* of the node: those of the Pull that it may see */
    bool loads[LIMIT_AREAS]; /* areas[i] is being loaded */
    size_t area_count;
    uint64_t floor;
    size_t bytes, budget, rows;
    struct buffer *damaged; /* the caller's; may be NULL */
};

static size_t laid_at(const struct page *p, uint32_t type, const struct id16 *id) {
    uint64_t half[2];
    memcpy(half, id->b, sizeof half);
    uint64_t h = (half[0] ^ half[1] * UINT64_C(0x9E3779B97F4A7C15) ^ type) * UINT64_C(0xD6E8FEB86659FD93);
    size_t at = (size_t)(h >> 20) & (p->laid_room - 1);
    while (p->laid[at].type != 0 && !(p->laid[at].type == type && id_equal(&p->laid[at].id, id)))
        at = (at + 1) & (p->laid_room - 1);
    return at;
}

static bool was_laid(const struct page *p, uint32_t type, const struct id16 *id) {
    return p->laid_room > 0 && p->laid[laid_at(p, type, id)].type != 0;
}

static void mark_laid(struct page *p, uint32_t type, const struct id16 *id) {
    if (p->laid_room < 2 * (p->laid_count + 1)) {
        struct page more = {.laid_room = p->laid_room == 0 ? 256 : 4 * p->laid_room};
        more.laid = memory_zeroed(more.laid_room, sizeof *more.laid);
        for (size_t i = 0; i < p->laid_room; i++)
            if (p->laid[i].type != 0)
                more.laid[laid_at(&more, p->laid[i].type, &p->laid[i].id)] = p->laid[i];
        free(p->laid);
        p->laid = more.laid;
        p->laid_room = more.laid_room;
    }
    p->laid[laid_at(p, type, id)] = (struct laid){type, *id};
    p->laid_count++;
}

static void page_close(struct page *p) {
    buffer_close(&p->entries);
    arena_close(&p->scratch);
    free(p->laid);
    p->laid = NULL;
}

static size_t entry_count(const struct page *p) {
    return p->entries.len / sizeof(struct entry);
}

static size_t area_at(const struct page *p, area a) {
    size_t i = 0;
    while (i < p->area_count && p->areas[i] != a)
        i++;
    return i;
}

/* ---- one row */

static const struct area_row *row_of(const struct record *r, area a) {
    for (size_t i = 0; i < r->area_count; i++)
        if (r->areas[i].area == a)
            return &r->areas[i];
    return NULL;
}

/* Is the record in any of the node's areas, and since when in one that is not being loaded (0: in none of those)? */
static bool in_areas(const struct page *p, const struct record *r, uint64_t *since) {
    bool in = false;
    *since = 0;
    for (size_t i = 0; i < r->area_count; i++) {
        size_t at = r->areas[i].present ? area_at(p, r->areas[i].area) : p->area_count;
        if (at == p->area_count)
            continue;
        in = true;
        /* What is being loaded does not count: the node may not have the record from there yet. */
        if (!p->loads[at] && (*since == 0 || r->areas[i].since < *since))
            *since = r->areas[i].since;
    }
    return in;
}

static void to_wire(struct record *r) {
    r->areas = NULL;
    r->area_count = 0;
    r->feed_seq = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        r->fields[i].early = NULL;
        r->fields[i].early_count = 0;
        r->fields[i].feed_seq = 0;
    }
}

static void only_newer(struct record *r, uint64_t floor) {
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].feed_seq > floor)
            r->fields[n++] = r->fields[i];
    r->field_count = n;
}

enum row_outcome { ROW_DONE, ROW_FULL };

static void row_damaged(struct buffer *damaged, area a, uint64_t hub_seq) {
    struct key k = key_row(a, hub_seq);
    struct id16 id;
    invariant(k.len == sizeof id.b);
    memcpy(id.b, k.b, sizeof id.b);
    hub_damaged(damaged, 0, &id);
}

/* Lays what a row stands for; what is damaged is never served, and must not keep the rest from its office. ROW_FULL: it does not fit any
 * more and was left. */
static enum row_outcome lay_opened(struct page *p, area a, uint64_t hub_seq, struct bytes stored, bool loading) {
    uint32_t type;
    struct id16 id;
    p->rows++;
    if (!hub_row_open(p->state, a, hub_seq, stored, &type, &id)) {
        row_damaged(p->damaged, a, hub_seq);
        return ROW_DONE;
    }
    if (was_laid(p, type, &id))
        return ROW_DONE;
    struct record r;
    struct key k = key_record(type, &id);
    struct bytes packed;
    int got = envelope_get(p->state, HUB_RECORDS, key_bytes(&k), &packed);
    arena_clear(&p->scratch); /* looked at there first: what is stale must not fill the page's memory */
    if (got == ENVELOPE_MISSING && hub_erased(p->state, type, &id))
        return ROW_DONE;
    if (got != 0 || !hub_value_unpack(packed, &p->scratch, &r, NULL)) { /* one that is missing too: records are never deleted */
        hub_damaged(p->damaged, type, &id);
        return ROW_DONE;
    }
    const struct area_row *row = row_of(&r, a);
    if (row == NULL || row->row != hub_seq)
        return ROW_DONE; /* stale: a newer row of it stands further on */
    struct entry e = {.kind = ENTRY_LEFT, .record = {.type = type, .id = id}};
    uint64_t since;
    if (in_areas(p, &r, &since)) {
        /* Also for a `left` row, though a row in another area brings the same: the node may lose that area before it gets there, and
         * must then know that the record is not in this one any more. */
        e.kind = loading || since == 0 || since > p->floor ? ENTRY_WHOLE : ENTRY_FIELDS;
        invariant(hub_value_unpack(arena_copy(p->arena, packed), p->arena, &e.record, NULL)); /* it was just unpacked */
        if (e.kind == ENTRY_FIELDS)
            only_newer(&e.record, p->floor);
        to_wire(&e.record);
    }
    size_t size = wire_entry_size(&e);
    if (entry_count(p) > 0 && (p->bytes + size > p->budget || entry_count(p) == LIMIT_FEED_ENTRIES))
        return ROW_FULL;
    p->bytes += size;
    buffer_add(&p->entries, bytes_of(&e, sizeof e));
    mark_laid(p, type, &id);
    return ROW_DONE;
}

static enum row_outcome lay_row(struct page *p, area a, uint64_t hub_seq, struct bytes stored, bool loading) {
    struct arena_mark mark = envelope_mark(p->state);
    enum row_outcome r = lay_opened(p, a, hub_seq, stored, loading);
    envelope_release(p->state, mark);
    return r;
}

/* ---- the areas that are known: their rows in the order of hub_seq, through as many scans */

struct stream {
    struct scan *scan;
    area area;
    uint64_t hub_seq;
    struct bytes value;
    bool on;
};

static void stream_set(struct stream *s, bool on, struct bytes key) {
    area a;
    s->on = on && key_row_read(key, &a, &s->hub_seq) && a == s->area;
}

/* Gives how far the page covers the known areas: `tip`, or what lies below the row that did not fit. */
static enum row_outcome lay_known(struct page *p, uint64_t at, uint64_t tip, uint64_t *covered) {
    struct stream streams[LIMIT_AREAS] = {0};
    size_t count = 0;
    enum row_outcome r = ROW_DONE;
    struct bytes key;
    for (size_t i = 0; i < p->area_count; i++) {
        if (p->loads[i])
            continue;
        struct stream *s = &streams[count++];
        s->area = p->areas[i];
        s->scan = scan_open(p->state, HUB_ROWS);
        struct key from = key_row(s->area, at + 1);
        stream_set(s, scan_from(s->scan, key_bytes(&from), &key, &s->value), key);
    }
    *covered = tip;
    for (;;) {
        struct stream *s = NULL;
        for (size_t i = 0; i < count; i++)
            if (streams[i].on && (s == NULL || streams[i].hub_seq < s->hub_seq))
                s = &streams[i];
        if (s == NULL)
            break;
        r = p->rows < PAGE_ROWS ? lay_row(p, s->area, s->hub_seq, s->value, false) : ROW_FULL;
        if (r != ROW_DONE) {
            *covered = s->hub_seq - 1;
            break;
        }
        stream_set(s, scan_next(s->scan, &key, &s->value), key);
    }
    for (size_t i = 0; i < count; i++)
        scan_close(streams[i].scan);
    return r;
}

/* ---- the areas that are being loaded, one after the other */

static enum row_outcome lay_loading(struct page *p, struct loading *l, uint64_t tip) {
    struct key from = key_row(l->area, l->upto + 1);
    struct bytes key, value;
    enum row_outcome r = ROW_DONE;
    struct scan *c = scan_open(p->state, HUB_ROWS);
    for (bool on = scan_from(c, key_bytes(&from), &key, &value); on; on = scan_next(c, &key, &value)) {
        area a;
        uint64_t hub_seq;
        if (!key_row_read(key, &a, &hub_seq) || a != l->area)
            break;
        r = p->rows < PAGE_ROWS ? lay_row(p, a, hub_seq, value, true) : ROW_FULL;
        if (r != ROW_DONE)
            break;
        l->upto = hub_seq;
    }
    scan_close(c);
    if (r == ROW_DONE) {
        l->upto = tip;
        l->done = true;
    }
    return r;
}

/* ---- verdicts and watermarks of this snapshot */

/* The verdicts above `after`, LIMIT_FEED_VERDICTS at the most; `upto` is where they end: the tip when these are all. */
static int held_above(
    struct txn *state, uint32_t node, uint64_t after, uint64_t tip, struct arena *a, const struct held **out, size_t *count,
    uint64_t *upto) {
    CLEANUP(buffer_close) struct buffer list = {0};
    struct key from = key_verdict(node, after + 1), prefix = key_u32(node);
    struct bytes key, value, packed;
    uint64_t row = after;
    int r = 0;
    *upto = tip;
    struct scan *c = scan_open(state, HUB_VERDICTS);
    for (bool on = after < UINT64_MAX && scan_from(c, key_bytes(&from), &key, &value); on && key_starts(key, &prefix);
         on = scan_next(c, &key, &value)) {
        struct held h;
        uint32_t whose;
        if (list.len == LIMIT_FEED_VERDICTS * sizeof h) {
            *upto = row;
            break;
        }
        if (!key_verdict_read(key, &whose, &row) || envelope_open(state, HUB_VERDICTS, key, value, &packed) != 0) {
            r = fail(-EBADMSG);
            break;
        }
        struct reader in = {.rest = packed};
        struct bytes id = reader_take(&in, sizeof h.incarnation.b);
        h.seq = reader_u64be(&in);
        h.reason = (enum verdict)reader_u8(&in);
        if (in.bad) {
            r = fail(-EBADMSG);
            break;
        }
        memcpy(h.incarnation.b, id.at, sizeof h.incarnation.b);
        buffer_add(&list, bytes_of(&h, sizeof h));
    }
    scan_close(c);
    *count = list.len / sizeof(struct held);
    *out = (const struct held *)(const void *)arena_copy(a, buffer_bytes(&list)).at;
    return r;
}

struct erasing {
    struct arena *arena;
    struct buffer list;
    size_t bytes;
    uint64_t row;
};

enum { ERASING_FULL = 1 };

static int add_erasure(void *owner, uint64_t row, struct bytes packed) {
    struct erasing *e = owner;
    size_t size = packed.len + ORDER_BYTES;
    if (e->list.len > 0 && (e->bytes + size > ERASURE_BYTES || e->list.len == LIMIT_FEED_ERASURES * sizeof(struct erasure_order)))
        return ERASING_FULL;
    struct erasure_order o = {row, arena_copy(e->arena, packed)};
    buffer_add(&e->list, bytes_of(&o, sizeof o));
    e->bytes += size;
    e->row = row;
    return 0;
}

/* The orders to erase above `after`, as many as one page takes; all of them: up to the tip. Gives their bytes. */
static int erasures_above(struct txn *state, uint64_t after, uint64_t tip, struct arena *a, struct feed *out, size_t *bytes) {
    struct erasing e = {.arena = a, .row = after};
    int r = hub_erasures(state, after, add_erasure, &e);
    out->erasures_to = r == ERASING_FULL ? e.row : tip;
    out->erasure_count = e.list.len / sizeof(struct erasure_order);
    out->erasures = (const struct erasure_order *)(const void *)arena_copy(a, buffer_bytes(&e.list)).at;
    *bytes = e.bytes;
    buffer_close(&e.list);
    return r == ERASING_FULL ? 0 : r;
}

/* For entries, beside so many verdicts. */
static size_t page_bytes(size_t verdicts) {
    return PAGE_BYTES - verdicts * HELD_BYTES;
}

static size_t lives_of(const struct hub_node_state *n, struct life out[LIMIT_LIVES]) {
    for (size_t i = 0; i < n->life_count; i++)
        out[i] = (struct life){.incarnation = n->lives[i].incarnation, .includes = n->lives[i].includes};
    return n->life_count;
}

static bool stale(const struct hub_place *place, const struct cursor *c) {
    return place->epoch_count == 0 || !epoch_equal(c->epoch, place->epochs[place->epoch_count - 1].epoch) || c->at > place->hub_seq ||
           c->floor < place->swept; /* swept between its Welcome and now: what it misses is gone */
}

static size_t may_see(const struct hub_node_state *n, area out[LIMIT_AREAS]) {
    return n->node == 0 ? 0 : area_expand(n->served, n->served_count, n->node, out, LIMIT_AREAS);
}

static bool among(const area *list, size_t count, area a) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == a)
            return true;
    return false;
}

/* ---- the page */

static void choose_areas(struct page *p, const struct hub_node_state *n, const struct pull *pull) {
    area seen[LIMIT_AREAS];
    size_t count = may_see(n, seen);
    for (size_t i = 0; i < pull->area_count; i++) {
        area a = pull->areas[i];
        if (!among(seen, count, a) || among(p->areas, p->area_count, a))
            continue;
        for (size_t k = 0; k < pull->loading_count; k++)
            p->loads[p->area_count] = p->loads[p->area_count] || pull->loading[k].area == a;
        p->areas[p->area_count++] = a;
    }
}

static void fill(struct page *p, const struct hub_place *place, const struct pull *pull, struct feed *out) {
    uint64_t tip = place->hub_seq;
    bool room = lay_known(p, pull->cursor.at, tip, &out->to.at) == ROW_DONE, loaded = true;
    for (size_t i = 0; i < pull->loading_count; i++) {
        if (area_at(p, pull->loading[i].area) == p->area_count)
            continue;
        struct loading *l = &out->loading[out->loading_count++];
        *l = (struct loading){.area = pull->loading[i].area, .upto = pull->loading[i].upto};
        room = room && lay_loading(p, l, tip) == ROW_DONE;
        loaded = loaded && l->done;
    }
    out->caught_up = out->to.at == tip && loaded;
    if (out->caught_up) {
        out->to.floor = tip;
        for (size_t i = 0; i < p->area_count; i++)
            out->digests[out->digest_count++] = (struct area_digest){p->areas[i], hub_digest(p->state, p->areas[i])};
    }
    out->entry_count = entry_count(p);
    out->entries = (const struct entry *)(const void *)arena_copy(p->arena, buffer_bytes(&p->entries)).at;
}

static void free_both(void *at) {
    free(*(void **)at);
}

int hub_feed_page(struct txn *state, uint32_t node, const struct pull *pull, struct arena *a, struct feed *out, struct buffer *damaged) {
    CLEANUP(free_both) struct hub_place *place = memory_zeroed(1, sizeof *place);
    CLEANUP(free_both) struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    CLEANUP(page_close) struct page p = {.state = state, .arena = a, .floor = pull->cursor.floor, .damaged = damaged};
    memset(out, 0, sizeof *out);
    hub_place_get(state, place);
    hub_node_get(state, node, n);
    if (stale(place, &pull->cursor))
        return txn_result(state) == 0 ? HUB_FEED_STALE : pass(txn_result(state));
    invariant(pull->area_count <= LIMIT_AREAS);
    invariant(pull->loading_count <= LIMIT_AREAS);
    out->from = out->to = pull->cursor;
    int r = held_above(state, node, pull->verdicts_after, place->hub_seq, a, &out->held, &out->held_count, &out->verdicts_to);
    size_t erasing = 0;
    if (r == 0)
        r = erasures_above(state, pull->erasures_after, place->hub_seq, a, out, &erasing);
    if (r != 0)
        return pass(r);
    if (out->verdicts_to == place->hub_seq && out->erasures_to == place->hub_seq) { /* else they are the page */
        size_t room = page_bytes(out->held_count) - erasing;
        p.budget = pull->bytes < room ? pull->bytes : room;
        out->life_count = lives_of(n, out->lives);
        choose_areas(&p, n, pull);
        fill(&p, place, pull, out);
    }
    if (r == 0)
        r = txn_result(state);
    return r == 0 ? 0 : pass(r);
}

/* ---- repair */

struct bucket {
    struct digest digest;
    size_t bytes, count;
    bool chosen;
    bool damaged; /* a record of it cannot be read: not to be repaired from here, or the office would lose its own copy */
};

/* Of a row that cannot be read itself nobody knows which bucket it concerns. */
static void bucket_damaged(struct bucket *buckets, uint32_t type, const struct id16 *id) {
    for (unsigned i = 0; i < DIGEST_BUCKETS; i++)
        buckets[i].damaged = buckets[i].damaged || type == 0 || i == digest_bucket(type, id);
}

/* The record of a current row. STALE: a newer row of it stands further on, or it lies in this area no more. DAMAGED: it was told, and *type
 * is 0 when it is not known whose the row is. */
enum row_holds { ROW_HOLDS, ROW_IS_STALE, ROW_IS_DAMAGED };

static enum row_holds row_record(
    struct txn *state, area a, uint64_t hub_seq, struct bytes stored, struct arena *arena, struct record *out, uint32_t *type,
    struct id16 *id, struct buffer *damaged) {
    *type = 0;
    if (!hub_row_open(state, a, hub_seq, stored, type, id)) {
        row_damaged(damaged, a, hub_seq);
        return ROW_IS_DAMAGED;
    }
    int got = hub_record(state, *type, id, arena, out);
    if (got == HUB_RECORD_NONE && hub_erased(state, *type, id))
        return ROW_IS_STALE;
    if (got != 0) {
        hub_damaged(damaged, *type, id);
        return ROW_IS_DAMAGED;
    }
    const struct area_row *row = row_of(out, a);
    return row != NULL && row->present && row->row == hub_seq ? ROW_HOLDS : ROW_IS_STALE;
}

int hub_area_walk(
    struct txn *state, area a, uint64_t *after, uint32_t limit, int (*each)(void *owner, const struct record *r), void *owner,
    struct buffer *damaged) {
    CLEANUP(arena_close) struct arena arena = {0};
    struct key from = key_row(a, *after + 1);
    struct bytes key, value;
    uint32_t seen = 0, type;
    struct id16 id;
    area at;
    uint64_t hub_seq;
    int r = 0;
    struct scan *c = scan_open(state, HUB_ROWS);
    bool on = scan_from(c, key_bytes(&from), &key, &value);
    while (r == 0 && seen < limit && on && key_row_read(key, &at, &hub_seq) && at == a) {
        struct record rec;
        arena_clear(&arena);
        if (row_record(state, a, hub_seq, value, &arena, &rec, &type, &id, damaged) == ROW_HOLDS)
            r = each(owner, &rec);
        if (r == 0)
            *after = hub_seq;
        seen++;
        on = scan_next(c, &key, &value);
    }
    scan_close(c);
    if (r == 0 && txn_result(state) != 0)
        return pass(txn_result(state));
    return r != 0 ? r : seen < limit ? HUB_AREA_END : 0;
}

/* Calls for each record that is in the area now. */
static int area_walk(
    struct txn *state, area a, struct arena *arena, int (*each)(void *owner, const struct record *r, struct arena *arena), void *owner,
    struct bucket *buckets, struct buffer *damaged) {
    struct key from = key_row(a, 0);
    struct bytes key, value;
    int r = 0;
    struct scan *c = scan_open(state, HUB_ROWS);
    for (bool on = scan_from(c, key_bytes(&from), &key, &value); on && r == 0; on = scan_next(c, &key, &value)) {
        area at;
        uint64_t hub_seq;
        uint32_t type;
        struct id16 id;
        if (!key_row_read(key, &at, &hub_seq) || at != a)
            break;
        struct record rec;
        enum row_holds holds = row_record(state, a, hub_seq, value, arena, &rec, &type, &id, damaged);
        if (holds == ROW_IS_DAMAGED)
            bucket_damaged(buckets, type, &id);
        else if (holds == ROW_HOLDS)
            r = each(owner, &rec, arena);
    }
    scan_close(c);
    return r;
}

struct measure {
    struct bucket *buckets;
};

static int measure_one(void *owner, const struct record *r, struct arena *arena) {
    struct measure *m = owner;
    struct bucket *b = &m->buckets[digest_bucket(r->type, &r->id)];
    struct entry e = {.kind = ENTRY_WHOLE, .record = *r};
    to_wire(&e.record);
    digest_add(&b->digest, &e.record);
    b->bytes += wire_entry_size(&e);
    b->count++;
    arena_clear(arena);
    return 0;
}

struct collect {
    const struct bucket *buckets;
    struct entry *entries;
    size_t count, room;
};

static int collect_one(void *owner, const struct record *r, struct arena *arena) {
    struct collect *c = owner;
    (void)arena;
    if (!c->buckets[digest_bucket(r->type, &r->id)].chosen || c->count == c->room)
        return 0;
    struct entry *e = &c->entries[c->count++];
    *e = (struct entry){.kind = ENTRY_WHOLE, .record = *r};
    to_wire(&e->record);
    return 0;
}

/* As many differing buckets as fit one message, at least one. */
static size_t choose_buckets(struct bucket *buckets, const struct repair_ask *ask, struct repair_fill *out) {
    size_t room = page_bytes(out->held_count);
    size_t bytes = 0, count = 0;
    bool any = false;
    for (unsigned i = 0; i < DIGEST_BUCKETS; i++) {
        struct bucket *b = &buckets[i];
        if (b->damaged || digest_equal(b->digest, ask->buckets[i]))
            continue;
        if (any && (bytes + b->bytes > room || count + b->count > LIMIT_FEED_ENTRIES)) {
            out->more = true;
            continue;
        }
        any = b->chosen = out->covers[i] = true;
        bytes += b->bytes;
        count += b->count;
    }
    return count;
}

int hub_repair_fill(
    struct txn *state, uint32_t node, const struct repair_ask *ask, struct arena *a, struct repair_fill *out, struct buffer *damaged) {
    CLEANUP(free_both) struct hub_place *place = memory_zeroed(1, sizeof *place);
    CLEANUP(free_both) struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    CLEANUP(free_both) struct bucket *buckets = memory_zeroed(DIGEST_BUCKETS, sizeof *buckets);
    CLEANUP(arena_close) struct arena walk = {0};
    area seen[LIMIT_AREAS];
    memset(out, 0, sizeof *out);
    hub_place_get(state, place);
    hub_node_get(state, node, n);
    if (stale(place, &ask->cursor) || !among(seen, may_see(n, seen), ask->area))
        return txn_result(state) == 0 ? HUB_FEED_STALE : pass(txn_result(state));
    out->epoch = ask->cursor.epoch;
    out->area = ask->area;
    uint64_t upto;
    int r = held_above(state, node, ask->cursor.at, place->hub_seq, a, &out->held, &out->held_count, &upto);
    if (r != 0)
        return pass(r);
    if (upto < place->hub_seq) {
        out->held_count = 0;
        return 0;
    }
    out->life_count = lives_of(n, out->lives);
    struct measure m = {buckets};
    r = area_walk(state, ask->area, &walk, measure_one, &m, buckets, damaged);
    if (r != 0)
        return pass(r);
    struct collect c = {.buckets = buckets, .room = choose_buckets(buckets, ask, out)};
    c.entries = arena_take(a, (c.room + 1) * sizeof *c.entries);
    r = area_walk(state, ask->area, a, collect_one, &c, buckets, NULL);
    if (r == 0)
        r = txn_result(state);
    if (r != 0)
        return pass(r);
    out->entries = c.entries;
    out->entry_count = c.count;
    return 0;
}

/* ---- cursors of other timelines */

void hub_cursor_adopt(const struct hub_place *place, struct cursor theirs, struct cursor *out, bool *load) {
    invariant(place->epoch_count > 0);
    size_t last = place->epoch_count - 1, known = 0;
    while (known <= last && !epoch_equal(place->epochs[known].epoch, theirs.epoch))
        known++;
    *out = theirs;
    out->epoch = place->epochs[last].epoch;
    for (size_t i = known + 1; i <= last; i++)
        if (place->epochs[i].first < out->at)
            out->at = place->epochs[i].first;
    if (out->floor > out->at)
        out->floor = out->at;
    *load = known > last || out->at > place->hub_seq || out->floor < place->swept;
    if (*load)
        out->at = out->floor = place->hub_seq;
}
