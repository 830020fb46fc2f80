/* Laying what the hub sends, in one transaction (A4): own changes that are merged become part of the base, entries replace it, views
 * follow. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

enum { SCRUB_RECORDS = 64, WORK_BYTES = 8 << 20 };

static void free_both(void *at) {
    free(*(void **)at);
}

struct lay {
    struct txn *t;
    struct node_progress *p;
    struct bases bases;
    struct arena scratch;
    struct touched_list touched;
    /* Those that may lie in no served area: from entries, all after a change of scope, and those of which an own change is all that is here
     * (written before a change of scope took the record away). What an own change moved away from a base that is here stays: its row comes
     * on this page or a later one, and says if it left, or that another brought it back. */
    struct touched_list laid;
    bool erases;      /* there are marks of what is erased */
    uint32_t refused; /* changes, because of them */
    area areas[LIMIT_AREAS];
    size_t area_count;
    bool holds;      /* something is held here */
    bool clock_held; /* the hub found a stamp of ours too far ahead */
};

/* ---- own changes: those with old includes < seq <= new includes are folded into the base, except the held ones */

static void fold_one(struct lay *y, const struct life *l, const struct change *c) {
    const struct record *base;
    enum verdict held;
    int got;
    if (c->type == TYPE_ERASURE)
        return; /* an order that we gave back: it has no copy */
    pending_delete(y->t, c, &l->incarnation);
    touched_add(&y->touched, c->type, &c->record);
    if (y->holds && held_get(y->t, &l->incarnation, c->seq, &held))
        return;
    if (y->bases.arena.used > WORK_BYTES)
        bases_flush(&y->bases);
    got = bases_get(&y->bases, c->type, &c->record, &base);
    if (got == NODE_RECORD_ROTTEN)
        return; /* found by the scrub and filled again */
    if (got == NODE_RECORD_NONE)
        touched_add(&y->laid, c->type, &c->record);
    merge_change(bases_change(&y->bases, c->type, &c->record), c, NULL, &y->bases.arena);
}

struct own {
    const struct life *life;
    struct change change; /* slices in the scratch arena */
};

static int by_record(const void *a, const void *b) {
    const struct own *x = a, *y = b;
    if (x->change.type != y->change.type)
        return x->change.type < y->change.type ? -1 : 1;
    int r = id_compare(&x->change.record, &y->change.record);
    if (r != 0)
        return r;
    if (x->life != y->life)
        return x->life < y->life ? -1 : 1;
    return (x->change.seq > y->change.seq) - (x->change.seq < y->change.seq);
}

/* Record by record, each record's in the order of the log: one read and one write a record, and the trees are walked in their order. */
static void fold_own(struct lay *y, struct buffer *list) {
    struct own *own = (struct own *)(void *)list->at;
    size_t count = list->len / sizeof *own;
    if (count > 1)
        qsort(own, count, sizeof *own, by_record);
    for (size_t i = 0; i < count; i++)
        fold_one(y, own[i].life, &own[i].change);
    buffer_clear(list);
    arena_clear(&y->scratch);
}

static void include(struct lay *y, const struct life *lives, size_t count) {
    CLEANUP(buffer_close) struct buffer list = {0};
    y->holds = store_count(y->t, NODE_HELD) > 0;
    arena_clear(&y->scratch);
    for (size_t i = 0; i < count; i++) {
        struct life *l = life_find(y->p->lives, y->p->life_count, &lives[i].incarnation);
        if (l == NULL)
            continue;
        uint64_t upto = lives[i].includes < l->last ? lives[i].includes : l->last;
        for (uint64_t seq = (l->includes + 1 > l->first ? l->includes + 1 : l->first); seq <= upto; seq++) {
            struct own o = {.life = l};
            if (log_change(y->t, &l->incarnation, seq, &y->scratch, &o.change)) {
                buffer_add(&list, bytes_of(&o, sizeof o));
            } else if (!log_erased(y->t, &l->incarnation, seq)) { /* damaged, but merged: what it did comes with the feed */
                if (pending_forget(y->t, &l->incarnation, seq, &o.change.type, &o.change.record))
                    touched_add(&y->touched, o.change.type, &o.change.record);
                y->p->unproven = true;
            }
            if (y->scratch.used > WORK_BYTES)
                fold_own(y, &list);
        }
        if (upto > l->includes)
            l->includes = upto;
    }
    fold_own(y, &list);
}

/* The hub does not take it since its record is erased, or about one that is. Where no copy came from the city, all that is said of the
 * record here is of no use any more. */
static void refused(struct lay *y, const struct life *l, uint64_t seq, const struct change *c) {
    static const struct id16 unknown = {{0}};
    const struct record *base;
    log_erase(y->t, l, seq, c);
    y->refused++;
    y->p->uncompacted = true;
    if (erasure_may(c->type) && !node_erased(y->t, c->type, &c->record) && bases_get(&y->bases, c->type, &c->record, &base) != 0) {
        erased_mark(y->t, c->type, &c->record, &unknown);
        y->erases = true;
    }
}

static void take_erasures(struct lay *y, const struct feed *m, struct node_laid *out) {
    struct touched_list erased = {0};
    for (size_t i = 0; i < m->erasure_count; i++)
        out->erased += erasure_take(y->t, &m->erasures[i], &erased);
    if (out->erased > 0) {
        y->erases = y->p->uncompacted = true;
        logs_erase(y->t, y->p);
    }
    for (size_t i = 0; i < erased.count; i++) {
        bases_drop(&y->bases, erased.keys[i].type, &erased.keys[i].id);
        touched_add(&y->touched, erased.keys[i].type, &erased.keys[i].id);
    }
    y->p->erasures_after = m->erasures_to;
    touched_close(&erased);
}

static void take_verdicts(struct lay *y, const struct held *held, size_t count) {
    for (size_t i = 0; i < count; i++) {
        CLEANUP(arena_close) struct arena a = {.cap = 0};
        const struct life *l = life_find(y->p->lives, y->p->life_count, &held[i].incarnation);
        struct change c;
        if (l == NULL)
            continue;
        held_put(y->t, &held[i].incarnation, held[i].seq, held[i].reason);
        y->clock_held |= held[i].reason == VERDICT_CLOCK;
        bool there = log_change(y->t, &held[i].incarnation, held[i].seq, &a, &c);
        if (there)
            touched_add(&y->touched, c.type, &c.record);
        if (there && held[i].reason == VERDICT_ERASED)
            refused(y, l, held[i].seq, &c);
        if (!verdict_waits(held[i].reason) && held[i].seq < l->first) /* it was kept for being held only */
            log_drop(y->t, &held[i].incarnation, held[i].seq);
    }
}

/* ---- entries */

/* Does the base say all that already? It does where nobody else wrote: own changes were folded into it before. */
static bool says(const struct record *base, const struct entry *e) {
    const struct record *r = &e->record;
    if (e->kind == ENTRY_WHOLE && base->field_count != r->field_count)
        return false;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = record_field(base, r->fields[i].number);
        if (f == NULL || !field_equal(f, &r->fields[i]))
            return false;
    }
    return true;
}

static void lay_entry(struct lay *y, const struct entry *e) {
    const struct record *r = &e->record, *base;
    if (y->erases && node_erased(y->t, r->type, &r->id)) {
        y->p->unproven |= e->kind != ENTRY_LEFT; /* a hub that lost the order, and is about to hear of it again */
        return;
    }
    touched_add(&y->laid, r->type, &r->id);
    if (e->kind == ENTRY_LEFT) {
        touched_add(&y->touched, r->type, &r->id);
        bases_drop(&y->bases, r->type, &r->id);
        return;
    }
    if (y->bases.arena.used > WORK_BYTES)
        bases_flush(&y->bases);
    bool there = bases_get(&y->bases, r->type, &r->id, &base) == 0;
    if (there && says(base, e))
        return;
    there = there && e->kind == ENTRY_FIELDS;
    touched_add(&y->touched, r->type, &r->id);
    struct record *to = bases_change(&y->bases, r->type, &r->id);
    if (!there) {
        y->p->unproven |= e->kind == ENTRY_FIELDS; /* rotten, or dropped for another scope: the comparison finds what is missing */
        *to = *r;
        return;
    }
    for (size_t i = 0; i < r->field_count; i++)
        *record_field_make(to, r->fields[i].number, &y->bases.arena) = r->fields[i];
}

static bool serves(const struct lay *y, const struct record *r) {
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < y->area_count; k++)
            if (now[i] == y->areas[k])
                return true;
    return false;
}

static void drop_foreign(struct lay *y) {
    for (size_t i = 0; i < y->laid.count; i++) {
        const struct touched_key *k = &y->laid.keys[i];
        const struct record *base;
        if (y->bases.arena.used > WORK_BYTES)
            bases_flush(&y->bases);
        if (bases_get(&y->bases, k->type, &k->id, &base) == 0 && !serves(y, base))
            bases_drop(&y->bases, k->type, &k->id);
    }
    bases_flush(&y->bases);
}

static void rebuild_views(struct lay *y) {
    for (size_t i = 0; i < y->touched.count; i++)
        view_rebuild(y->t, y->touched.keys[i].type, &y->touched.keys[i].id, &y->scratch);
}

/* ---- scope: our own office record says which areas are ours */

static int all_base(void *owner, const struct record *r, bool pending) {
    struct lay *y = owner;
    (void)pending;
    touched_add(&y->touched, r->type, &r->id);
    touched_add(&y->laid, r->type, &r->id);
    return 0;
}

static bool follow_scope(struct lay *y) {
    struct node_progress *p = y->p;
    struct id16 id = office_id(p->node);
    const struct record *office;
    area served[LIMIT_AREAS], now[LIMIT_AREAS];
    size_t count;
    if (bases_get(&y->bases, TYPE_OFFICE, &id, &office) != 0 || !office_areas(office, served, &count))
        return false;
    if (count == p->served_count && memcmp(served, p->served, count * sizeof *served) == 0)
        return false;
    size_t n = area_expand(served, count, p->node, now, LIMIT_AREAS), kept = 0;
    for (size_t i = 0; i < p->loading_count; i++) {
        bool still = false;
        for (size_t k = 0; k < n && !still; k++)
            still = now[k] == p->loading[i].area;
        if (still)
            p->loading[kept++] = p->loading[i];
    }
    p->loading_count = kept;
    for (size_t i = 0; i < n; i++) {
        bool had = progress_loads(p, now[i]);
        for (size_t k = 0; k < y->area_count && !had; k++)
            had = y->areas[k] == now[i];
        if (!had)
            p->loading[p->loading_count++] = (struct loading){.area = now[i]};
    }
    memcpy(p->served, served, count * sizeof *served);
    p->served_count = count;
    memcpy(y->areas, now, n * sizeof *now);
    y->area_count = n;
    bases_flush(&y->bases);
    node_records(y->t, 0, true, all_base, y); /* whatever lies in no served area any more goes */
    return true;
}

/* ---- a slow walk over the base: what has rotted is dropped, so that the next comparison finds and fills it */

static void scrub(struct lay *y) {
    struct touched_list rotten = {0};
    struct key k = key_word("scrub");
    struct buffer last = {0};
    struct bytes from = {NULL, 0}, at, value;
    size_t seen = 0;
    if (envelope_get(y->t, NODE_META, key_bytes(&k), &from) != 0)
        from = (struct bytes){NULL, 0};
    buffer_add(&last, from);
    struct scan *c = scan_open(y->t, NODE_BASE);
    bool more = scan_from(c, buffer_bytes(&last), &at, &value);
    for (; more && seen < SCRUB_RECORDS; more = scan_next(c, &at, &value), seen++) {
        struct bytes sound;
        uint32_t type;
        struct id16 id;
        if (envelope_open(y->t, NODE_BASE, at, value, &sound) != 0 && key_record_read(at, &type, &id))
            touched_add(&rotten, type, &id);
    }
    buffer_clear(&last);
    if (more)
        buffer_add(&last, at);
    scan_close(c);
    if (last.len > 0 || from.len > 0)
        envelope_put(y->t, NODE_META, key_bytes(&k), buffer_bytes(&last));
    buffer_close(&last);
    for (size_t i = 0; i < rotten.count; i++) {
        struct key rk = key_record(rotten.keys[i].type, &rotten.keys[i].id);
        log_fact(
            LOG_ERROR, "node.record_dropped", FACT_UINT("type", rotten.keys[i].type), FACT_HEX("id", bytes_of(rotten.keys[i].id.b, 16)));
        txn_delete(y->t, NODE_BASE, key_bytes(&rk));
        touched_add(&y->touched, rotten.keys[i].type, &rotten.keys[i].id);
    }
    for (size_t i = 0; rotten.count > 0 && i < y->area_count; i++)
        digest_recompute(y->t, y->areas[i]);
    touched_close(&rotten);
}

static void compare(struct lay *y, const struct feed *m, struct node_laid *out) {
    out->compared = true;
    out->digests_equal = true;
    for (size_t i = 0; i < m->digest_count && out->digests_equal; i++) {
        bool ours = false;
        for (size_t k = 0; k < y->area_count && !ours; k++)
            ours = y->areas[k] == m->digests[i].area;
        if (ours && !digest_equal(node_digest(y->t, m->digests[i].area), m->digests[i].digest)) {
            out->digests_equal = false;
            out->differs = m->digests[i].area;
            out->alarm = !y->p->unproven;
        }
    }
    if (out->digests_equal) {
        y->p->unproven = false;
        y->p->digest_ok_at = m->to.at;
    }
}

static void begin(struct lay *y, struct txn *t, struct node_progress *p) {
    *y = (struct lay){.t = t, .p = p, .bases = {.t = t}};
    y->area_count = area_expand(p->served, p->served_count, p->node, y->areas, LIMIT_AREAS);
    y->erases = store_count(t, NODE_ERASED) > 0;
}

static void end(struct lay *y) {
    if (y->clock_held) /* the stamps that were held do not drag those to come with them: the clock goes on from what is merged */
        y->p->hlc = base_top(y->t);
    node_progress_put(y->t, y->p);
    bases_close(&y->bases);
    arena_close(&y->scratch);
    touched_close(&y->touched);
    touched_close(&y->laid);
}

static void load_on(struct node_progress *p, const struct loading *done, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < p->loading_count; k++)
            if (p->loading[k].area == done[i].area) {
                p->loading[k].upto = done[i].upto;
                if (done[i].done) {
                    memmove(p->loading + k, p->loading + k + 1, (p->loading_count - k - 1) * sizeof *p->loading);
                    p->loading_count--;
                }
                break;
            }
}

/* Is it a page of where we stand? A Pull that came twice is answered twice, and a load may end without the cursor moving: what a late page
 * takes as being loaded it does not bring up to its `to`, and we, for whom that area is known by now, would miss it. */
static bool page_fits(const struct node_progress *p, const struct feed *m) {
    for (size_t i = 0; i < m->loading_count; i++)
        if (!progress_loads(p, m->loading[i].area))
            return false;
    return cursor_equal(m->from, p->cursor) && epoch_equal(m->to.epoch, p->cursor.epoch);
}

int node_lay_feed(struct txn *t, const struct feed *m, struct node_laid *out) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct lay y;
    memset(out, 0, sizeof *out);
    if (!node_progress_get(t, p) || !page_fits(p, m)) {
        out->dropped = true;
        return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
    }
    begin(&y, t, p);
    take_erasures(&y, m, out);
    take_verdicts(&y, m->held, m->held_count);
    out->erased += y.refused;
    include(&y, m->lives, m->life_count);
    for (size_t i = 0; i < m->entry_count; i++)
        lay_entry(&y, &m->entries[i]);
    out->entries = (uint32_t)m->entry_count;
    load_on(p, m->loading, m->loading_count);
    p->cursor = m->to;
    p->verdicts_after = m->verdicts_to;
    out->scope_changed = follow_scope(&y);
    drop_foreign(&y);
    out->caught_up = m->caught_up && p->loading_count == 0;
    if (out->caught_up) {
        scrub(&y);
        compare(&y, m, out);
    }
    rebuild_views(&y);
    p->held_count = held_waiting(t);
    end(&y);
    return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
}

/* ---- repair */

struct covered {
    const struct repair_fill *m;
    struct touched_list in;
};

static int find_covered(void *owner, const struct record *r, bool pending) {
    struct covered *c = owner;
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    (void)pending;
    if (!c->m->covers[digest_bucket(r->type, &r->id)])
        return 0;
    for (size_t i = 0; i < n; i++)
        if (now[i] == c->m->area)
            touched_add(&c->in, r->type, &r->id);
    return 0;
}

int node_lay_repair(struct txn *t, const struct repair_fill *m, struct node_laid *out) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct lay y;
    memset(out, 0, sizeof *out);
    bool fits = node_progress_get(t, p) && epoch_equal(m->epoch, p->cursor.epoch);
    for (size_t i = 0; fits && i < m->life_count; i++) { /* includes never go backwards */
        const struct life *l = life_find(p->lives, p->life_count, &m->lives[i].incarnation);
        fits = l == NULL || m->lives[i].includes >= l->includes;
    }
    if (!fits) {
        out->dropped = true;
        return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
    }
    begin(&y, t, p);
    take_verdicts(&y, m->held, m->held_count);
    out->erased += y.refused;
    include(&y, m->lives, m->life_count);
    struct covered c = {.m = m};
    bases_flush(&y.bases);
    node_records(t, 0, true, find_covered, &c);
    for (size_t i = 0; i < c.in.count; i++) {
        touched_add(&y.touched, c.in.keys[i].type, &c.in.keys[i].id);
        bases_drop(&y.bases, c.in.keys[i].type, &c.in.keys[i].id);
    }
    touched_close(&c.in);
    for (size_t i = 0; i < m->entry_count; i++)
        lay_entry(&y, &m->entries[i]);
    out->entries = (uint32_t)m->entry_count;
    out->scope_changed = follow_scope(&y);
    drop_foreign(&y);
    digest_recompute(t, m->area);
    rebuild_views(&y);
    p->held_count = held_waiting(t);
    end(&y);
    return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
}
