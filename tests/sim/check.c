/* The invariants: cheap ones after every step, I8, I9, I11 and "nothing is lost" at quiet points. */
#include "common/base/invariant.h"
#include "tests/sim/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 64 };

/* I1 as far as memory shows it: no node believes more accepted than the hub's log has, in one session. I5: no epoch below the highest. */
void world_check_cheap(struct world *w) {
    for (uint32_t i = 1; i <= w->node_count && w->hub.up; i++) {
        const struct world_node *n = &w->nodes[i];
        const struct hub_link *l = &w->hub.links[i - 1];
        if (!n->up || n->side.state != NODE_READY || hub_side_session(l) != n->side.session)
            continue;
        for (size_t k = 0; k < n->side.progress.life_count; k++) {
            const struct life *mine = &n->side.progress.lives[k];
            for (size_t j = 0; j < l->life_count; j++)
                if (id_equal(&l->lives[j].incarnation, &mine->incarnation) && mine->acked > l->lives[j].accepted)
                    world_fail(w, "I1: n-%u believes %" PRIu64 " accepted, the hub has %" PRIu64, i, mine->acked, l->lives[j].accepted);
            if (mine->safe > mine->last)
                world_fail(w, "I2: n-%u has safe %" PRIu64 " above saved %" PRIu64, i, mine->safe, mine->last);
        }
        if (epoch_compare(n->side.progress.cursor.epoch, n->side.progress.highest) < 0)
            world_fail(w, "I5: n-%u follows an old epoch", i);
    }
}

bool world_quiet(struct world *w) {
    struct hub_log_place place;
    struct hub_place *at = memory_zeroed(1, sizeof *at);
    struct txn *t;
    bool quiet = w->hub.up && w->hub.queue_len == 0;
    invariant(store_read(w->hub.log, &t) == 0);
    quiet = hub_log_place(t, &place) && quiet;
    txn_abort(t);
    invariant(store_read(w->hub.state, &t) == 0);
    quiet = hub_place_get(t, at) && at->position == place.last && quiet;
    txn_abort(t);
    for (uint32_t i = 1; i <= w->node_count && quiet; i++) {
        const struct node_side *s = &w->nodes[i].side;
        quiet = w->nodes[i].up && s->state == NODE_READY && s->busy == NODE_VERB_NONE && !s->pulling && !s->repair_open && !s->reading &&
                progress_backlog(&s->progress) == 0 && s->progress.loading_count == 0 && s->progress.cursor.at == at->hub_seq &&
                s->progress.cursor.floor == at->hub_seq && !s->progress.unproven;
        for (size_t k = 0; k < s->progress.life_count && quiet; k++)
            quiet = s->progress.lives[k].includes == s->progress.lives[k].last || s->progress.lives[k].last == 0;
    }
    free(at);
    return quiet;
}

/* Who gets no credit because of what is held waits for a person: rules are mended, and what is still held is discarded. */
static void operators(struct world *w) {
    for (uint32_t i = 1; i <= w->node_count && w->hub.up; i++) {
        if (w->hub.links[i - 1].full && w->hub.upgraded)
            world_order(w, i, true);
        else if (w->hub.links[i - 1].full)
            world_upgrade(w);
    }
}

void world_settle(struct world *w) {
    w->quiet = true;
    for (uint32_t i = 0; i <= w->node_count; i++) {
        world_full(w, i, false);
        world_skew(w, i, 0);
        if (i > 0)
            world_join(w, i);
    }
    for (int round = 0; round < 400; round++) {
        world_run(w, 2000);
        world_person(w);
        operators(w);
        if (round > 2 && world_quiet(w)) {
            /* one more full round of reports: digests are compared at rest */
            world_run(w, 65000);
            if (world_quiet(w))
                break;
        }
    }
    if (!world_quiet(w)) {
        world_fail(w, "I11: not at rest after all faults stopped");
        for (uint32_t i = 1; i <= w->node_count; i++) {
            const struct node_side *s = &w->nodes[i].side;
            world_say(
                w, "n-%u %s busy %d pulling %d backlog %" PRIu64 " loading %zu at %" PRIu64 " floor %" PRIu64 " unproven %d", i,
                node_state_name(s->state), (int)s->busy, s->pulling, progress_backlog(&s->progress), s->progress.loading_count,
                s->progress.cursor.at, s->progress.cursor.floor, s->progress.unproven);
        }
    }
    world_check(w);
}

/* ---- I9: the merged state is a function of the set of changes not held */

struct owner {
    struct world *w;
    struct txn *state, *node;
    uint32_t id;
    area areas[LIMIT_AREAS];
    size_t area_count, count;
};

static int mark_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct world *w = owner;
    struct arena a = {0};
    struct change c;
    (void)node;
    (void)h;
    if (wire_change_unpack(q->change, &a, &c) == 0) {
        struct oracle_edit *e = oracle_find(&w->oracle, c.name.tag);
        if (e != NULL)
            e->held = true;
    }
    arena_close(&a);
    return 0;
}

static void compare(struct world *w, uint64_t record, uint32_t field, enum oracle_kind kind, const struct head *got, size_t got_count) {
    struct oracle_item want[HEADS];
    size_t n = oracle_field(&w->oracle, record, field, kind, want, HEADS);
    bool same = n == got_count;
    for (size_t i = 0; i < got_count && same; i++) {
        same = false;
        for (size_t k = 0; k < n && !same; k++)
            same = want[k].name == got[i].name.tag && want[k].value == world_number(got[i].value);
    }
    if (!same)
        world_fail(
            w, "I9: record %" PRIu64 " field %u has %zu %s, the set of changes gives %zu", record, field, got_count,
            kind == ORACLE_SET ? "heads" : "elements", n);
}

static void check_state(struct world *w, struct txn *state) {
    static const uint32_t fields[] = {FIELD_HOME, FIELD_DELETED, FIELD_SHARED, WORLD_FIELD_A, WORLD_FIELD_B, WORLD_FIELD_SET};
    for (uint64_t record = 1; record <= w->records; record++) {
        struct arena a = {0};
        struct record r = {0};
        struct id16 id = world_record_id(record);
        int got = hub_record(state, WORLD_TYPE, &id, &a, &r);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            const struct field *f = got == 0 ? record_field(&r, fields[i]) : NULL;
            compare(w, record, fields[i], ORACLE_SET, f == NULL ? NULL : f->heads, f == NULL ? 0 : f->head_count);
            compare(w, record, fields[i], ORACLE_ADD, f == NULL ? NULL : f->elements, f == NULL ? 0 : f->element_count);
        }
        arena_close(&a);
    }
}

/* ---- I11: everyone holds the same */

static bool served(const struct owner *o, const struct record *r) {
    area now[LIMIT_AREAS];
    size_t n = record_areas_now(r, now, LIMIT_AREAS);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < o->area_count; k++)
            if (now[i] == o->areas[k])
                return true;
    return false;
}

static int check_at_node(void *owner, const struct record *r) {
    struct owner *o = owner;
    if (record_empty(r) || !served(o, r))
        return 0;
    o->count++;
    struct arena a = {0};
    struct record mine;
    bool pending;
    struct buffer x = {0}, y = {0};
    if (node_record(o->node, r->type, &r->id, &a, &mine, &pending) != 0) {
        world_fail(o->w, "I11: n-%u has no copy of type %u record %u", o->id, r->type, r->id.b[15]);
    } else {
        record_canonical(r, &x);
        record_canonical(&mine, &y);
        if (!bytes_equal(buffer_bytes(&x), buffer_bytes(&y)))
            world_fail(o->w, "I11: n-%u differs from the hub in type %u record %u", o->id, r->type, r->id.b[15]);
        if (pending)
            world_fail(o->w, "I11: n-%u still has changes of record %u pending", o->id, r->id.b[15]);
    }
    buffer_close(&x);
    buffer_close(&y);
    arena_close(&a);
    return 0;
}

static int count_records(void *owner, const struct record *r, bool pending) {
    (void)pending;
    *(size_t *)owner += !record_empty(r);
    return 0;
}

static void complain(void *owner, const char *what) {
    world_fail(owner, "verify: %s", what);
}

static void check_node(struct world *w, uint32_t id, struct txn *state) {
    struct world_node *n = &w->nodes[id];
    struct owner o = {.w = w, .state = state, .id = id};
    struct hub_node_state *at_hub = memory_zeroed(1, sizeof *at_hub);
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    size_t mine = 0;
    uint64_t checked = 0;
    invariant(store_read(n->store, &o.node) == 0);
    node_progress_get(o.node, p);
    hub_node_get(state, id, at_hub);
    o.area_count = area_expand(p->served, p->served_count, id, o.areas, LIMIT_AREAS);
    if (p->served_count != at_hub->served_count || memcmp(p->served, at_hub->served, p->served_count * sizeof *p->served) != 0)
        world_fail(w, "I11: n-%u serves other areas than the hub knows", id);
    hub_records(state, 0, check_at_node, &o);
    node_records(o.node, 0, false, count_records, &mine);
    if (mine != o.count)
        world_fail(w, "I11: n-%u has %zu records, its areas have %zu", id, mine, o.count);
    for (size_t i = 0; i < o.area_count; i++)
        if (!digest_equal(hub_digest(state, o.areas[i]), node_digest(o.node, o.areas[i])))
            world_fail(w, "I11: n-%u has another digest of area %zu", id, i);
    if (n->alarmed)
        world_fail(w, "I11: a digest alarm at n-%u without bit rot", id);
    if (at_hub->received != at_hub->merged + at_hub->held + at_hub->repeated + at_hub->discarded)
        world_fail(
            w, "I8: of n-%u received %" PRIu64 " merged %" PRIu64 " held %" PRIu64 " repeated %" PRIu64, id, at_hub->received,
            at_hub->merged, at_hub->held, at_hub->repeated);
    node_verify(o.node, complain, w, &checked);
    txn_abort(o.node);
    free(p);
    free(at_hub);
}

void world_check(struct world *w) {
    struct txn *state;
    uint64_t checked = 0;
    invariant(store_read(w->hub.state, &state) == 0);
    for (size_t i = 0; i < w->oracle.count; i++) {
        w->oracle.edits[i].held = false;
        w->oracle.edits[i].merged = world_hub_merged(w, state, &w->oracle.edits[i]);
    }
    hub_held(state, 0, mark_held, w);
    for (size_t i = 0; i < w->oracle.count; i++) {
        const struct oracle_edit *e = &w->oracle.edits[i];
        if (!e->merged && !e->held && !e->lost)
            world_fail(w, "LOST: edit %zu of n-%u, record %" PRIu64, i + 1, e->node, e->record);
        if (e->merged && e->held)
            world_fail(w, "I8: edit %zu of n-%u is merged and held", i + 1, e->node);
    }
    check_state(w, state);
    hub_verify(state, complain, w, &checked);
    for (uint32_t i = 1; i <= w->node_count; i++)
        check_node(w, i, state);
    txn_abort(state);
}
