/* The invariants: cheap ones after every step, what the stores show every 64 steps, I4, I8, I9, I11 and "nothing is lost" at quiet points.
 */
#include "common/base/invariant.h"
#include "common/store/layout.h"
#include "tests/sim/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 64 };

void world_clock_read(struct world *w) {
    wall_ms wall = world_clock(w, 0);
    w->hub.wall_highest = wall > w->hub.wall_highest ? wall : w->hub.wall_highest;
}

/* I1 as far as memory shows it: no node believes more accepted than the hub does, in one session. I3: what lies above safe is kept. I5: no
 * epoch below the highest. */
void world_check_cheap(struct world *w) {
    world_clock_read(w);
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
            if (mine->first > mine->safe + 1)
                world_fail(w, "I3: n-%u has forgotten up to %" PRIu64 ", safe is %" PRIu64, i, mine->first - 1, mine->safe);
        }
        if (epoch_compare(n->side.progress.cursor.epoch, n->side.progress.highest) < 0)
            world_fail(w, "I5: n-%u follows an old epoch", i);
    }
    if (w->steps % 64 == 0)
        world_check_stores(w);
}

/* ---- what the stores show, now and then */

struct standing {
    struct hub_log_node log;
    struct hub_node_state state;
    struct node_progress node;
};

static uint64_t of_life(const struct life *lives, size_t count, const struct id16 *incarnation, bool acked) {
    for (size_t i = 0; i < count; i++)
        if (id_equal(&lives[i].incarnation, incarnation))
            return acked ? lives[i].acked : lives[i].includes;
    return 0;
}

/* I1: acked <= in the log, merged <= folded. I2: safe <= what every copy holds that a restore may use. Once lives have given way the
 * tables are not complete any more, and are left alone. */
static void check_watermarks(struct world *w, uint32_t id, const struct standing *s) {
    const struct world_node *n = &w->nodes[id];
    bool together = n->up && n->side.state == NODE_READY && w->hub.up && hub_side_session(&w->hub.links[id - 1]) == n->side.session;
    if (s->log.life_count == LIMIT_LIVES || s->state.life_count == LIMIT_LIVES)
        return;
    for (size_t i = 0; i < s->state.life_count; i++) {
        const struct life *l = &s->state.lives[i];
        uint64_t logged = of_life(s->log.lives, s->log.life_count, &l->incarnation, true);
        if (l->includes > logged)
            world_fail(w, "I1: of n-%u %" PRIu64 " are merged, the log has %" PRIu64, id, l->includes, logged);
    }
    for (size_t i = 0; i < s->node.life_count; i++) {
        const struct life *l = &s->node.lives[i];
        uint64_t logged = of_life(s->log.lives, s->log.life_count, &l->incarnation, true);
        uint64_t merged = of_life(s->state.lives, s->state.life_count, &l->incarnation, false);
        if (together && n->side.progress.lives[i].acked > logged)
            world_fail(w, "I1: n-%u believes %" PRIu64 " accepted, the log has %" PRIu64, id, n->side.progress.lives[i].acked, logged);
        if (together && l->includes > merged)
            world_fail(w, "I1: n-%u includes %" PRIu64 ", the state has folded %" PRIu64, id, l->includes, merged);
        if (!w->promise_broken && l->safe > world_safe(w, id, &l->incarnation))
            world_fail(w, "I2: n-%u has safe %" PRIu64 ", a kept copy holds %" PRIu64, id, l->safe, world_safe(w, id, &l->incarnation));
    }
}

static uint64_t policy_at(struct txn *t) {
    struct id16 id = world_record_id(0);
    struct arena a = {0};
    struct record r;
    bool pending;
    const struct head *h = node_record(t, TYPE_POLICY, &id, &a, &r, &pending) == 0 ? field_winner(record_field(&r, WORLD_FIELD_A)) : NULL;
    uint64_t hlc = h == NULL ? 0 : h->version.hlc;
    arena_close(&a);
    return hlc;
}

/* I7, at any moment: who has carried an order out has nothing of what it names. */
static void check_marked(struct world *w, struct txn *t, uint32_t id) {
    static const unsigned trees[] = {NODE_BASE, NODE_VIEW};
    struct bytes key, value, there;
    struct scan *c = scan_open(t, NODE_ERASED);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &key, &value); on; on = scan_next(c, &key, &value))
        for (size_t i = 0; i < 2; i++)
            if (txn_get(t, trees[i], key, &there))
                world_fail(w, "I7: n-%u has carried out an order, and still has a copy of what it names", id);
    scan_close(c);
}

void world_check_stores(struct world *w) {
    struct standing *s = memory_zeroed(1, sizeof *s);
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct txn *log, *state, *t;
    invariant(store_read(w->hub.log, &log) == 0);
    invariant(store_read(w->hub.state, &state) == 0);
    hub_place_get(state, place);
    /* I10; each change may pass the highest merged by a little (B6), so a slack of one ms for each. */
    if (hlc_ms(place->highest_hlc) > w->hub.wall_highest + LIMIT_CLOCK_AHEAD_MS + place->hub_seq)
        world_fail(w, "I10: a peer has drawn the hub's clock %" PRIu64 " ms ahead", hlc_ms(place->highest_hlc) - w->hub.wall_highest);
    for (uint32_t i = 1; i <= w->node_count; i++) {
        struct world_node *n = &w->nodes[i];
        hub_log_node(log, i, &s->log);
        hub_node_get(state, i, &s->state);
        invariant(store_read(n->store, &t) == 0);
        invariant(node_progress_get(t, &s->node));
        uint64_t policy = policy_at(t);
        check_marked(w, t, i);
        txn_abort(t);
        if (policy < n->policy_hlc)
            world_fail(w, "I6: the policy at n-%u fell", i);
        n->policy_hlc = policy;
        check_watermarks(w, i, s);
    }
    txn_abort(log);
    txn_abort(state);
    free(place);
    free(s);
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
    for (uint32_t i = 1; i <= w->node_count; i++)
        if (w->nodes[i].side.state == NODE_READY && (w->nodes[i].side.canary == 0 || w->hub.links[i - 1].canary_back == 0))
            world_fail(w, "I11: at rest no canary of n-%u has come back", i);
    world_check(w);
}

/* ---- I9: the merged state is a function of the set of changes not held */

struct owner {
    struct world *w;
    struct txn *state, *node;
    uint32_t id;
    area areas[LIMIT_AREAS];
    size_t area_count, count, mine;
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
        if (oracle_erased(&w->oracle, record, true) != oracle_erased(&w->oracle, record, false))
            continue; /* nobody can tell */
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

static int check_at_hub(void *owner, const struct record *r, bool pending) {
    struct owner *o = owner;
    struct arena a = {0};
    struct record there;
    (void)pending;
    if (!record_empty(r)) {
        o->mine++;
        if (hub_record(o->state, r->type, &r->id, &a, &there) != 0 || !served(o, &there))
            world_fail(o->w, "I11: n-%u holds type %u record %u, which is in none of its areas", o->id, r->type, r->id.b[15]);
    }
    arena_close(&a);
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
    invariant(store_read(n->store, &o.node) == 0);
    node_progress_get(o.node, p);
    hub_node_get(state, id, at_hub);
    o.area_count = area_expand(p->served, p->served_count, id, o.areas, LIMIT_AREAS);
    if (p->served_count != at_hub->served_count || memcmp(p->served, at_hub->served, p->served_count * sizeof *p->served) != 0)
        world_fail(w, "I11: n-%u serves other areas than the hub knows", id);
    hub_records(state, 0, check_at_node, &o, NULL);
    node_records(o.node, 0, false, check_at_hub, &o);
    if (o.mine != o.count)
        world_fail(w, "I11: n-%u has %zu records, its areas have %zu", id, o.mine, o.count);
    for (size_t i = 0; i < o.area_count; i++)
        if (!digest_equal(hub_digest(state, o.areas[i]), node_digest(o.node, o.areas[i])))
            world_fail(w, "I11: n-%u has another digest of area %zu", id, i);
    if (n->alarmed)
        world_fail(w, "I11: a digest alarm at n-%u without bit rot", id);
    if (at_hub->received != at_hub->merged + at_hub->held + at_hub->repeated + at_hub->discarded + at_hub->erased)
        world_fail(
            w, "I8: of n-%u received %" PRIu64 " merged %" PRIu64 " held %" PRIu64 " repeated %" PRIu64, id, at_hub->received,
            at_hub->merged, at_hub->held, at_hub->repeated);
    node_verify(o.node, complain, w, NULL);
    txn_abort(o.node);
    free(p);
    free(at_hub);
}

/* ---- I4: (incarnation, seq) names one change for ever, a name one edit for ever, as far as the log tells */

struct logged_change {
    struct id16 incarnation;
    uint64_t seq;
    struct hash hash;
};

static int by_place(const void *a, const void *b) {
    const struct logged_change *x = a, *y = b;
    int r = memcmp(x->incarnation.b, y->incarnation.b, sizeof x->incarnation.b);
    return r != 0 ? r : x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void check_name(struct world *w, const struct change *c) {
    const struct oracle_edit *e = c->type == WORLD_TYPE ? oracle_find(&w->oracle, c->name.tag) : NULL;
    if (c->type != WORLD_TYPE)
        return;
    struct id16 record = world_record_id(e == NULL ? 0 : e->record);
    bool same = e != NULL && id_equal(&record, &c->record) && e->op_count == c->op_count;
    for (size_t i = 0; same && i < c->op_count; i++)
        same = e->ops[i].field == c->ops[i].field && (e->ops[i].kind == ORACLE_REMOVE || e->ops[i].value == world_number(c->ops[i].value));
    if (!same)
        world_fail(w, "I4: a name of n-%u stands for another edit than the one that was saved", c->name.node);
}

static void check_log(struct world *w) {
    struct buffer all = {0};
    struct hub_log_place place;
    struct txn *t;
    invariant(store_read(w->hub.log, &t) == 0);
    invariant(hub_log_place(t, &place));
    for (uint64_t p = place.first; p <= place.last; p++) {
        struct log_entry e;
        struct buffer raw = {0};
        struct bytes packed;
        if (hub_log_read(t, p, &e) != 0 || e.kind != LOG_PUSH || wire_batch_open(e.body, &raw) != 0)
            continue;
        struct reader r = {.rest = buffer_bytes(&raw)};
        for (uint64_t seq = e.first; wire_batch_next(&r, &packed); seq++) {
            struct logged_change one = {e.incarnation, seq, hash_of(packed)};
            if (packed.len == 34 && packed.at[0] == 0x72) /* erased: its hash stands there (field 14 of Change) */
                memcpy(one.hash.b, packed.at + 2, sizeof one.hash.b);
            struct arena a = {0};
            struct change c;
            if (wire_change_unpack(packed, &a, &c) == 0)
                check_name(w, &c);
            arena_close(&a);
            buffer_add(&all, bytes_of(&one, sizeof one));
        }
        buffer_close(&raw);
    }
    txn_abort(t);
    struct logged_change *list = (struct logged_change *)(void *)all.at;
    size_t count = all.len / sizeof *list;
    if (count > 1)
        qsort(list, count, sizeof *list, by_place);
    for (size_t i = 1; i < count; i++)
        if (by_place(&list[i - 1], &list[i]) == 0 && !hash_equal(&list[i - 1].hash, &list[i].hash))
            world_fail(
                w, "I4: seq %" PRIu64 " of life %02x%02x names two changes", list[i].seq, list[i].incarnation.b[0],
                list[i].incarnation.b[1]);
    buffer_close(&all);
}

/* ---- I7: of what is erased nothing is left, with the hub and at every office */

struct remains {
    struct world *w;
    const char *where;
    uint32_t node;
};

static void left(const struct remains *y, uint32_t type, const struct id16 *id) {
    uint64_t record = 0;
    for (size_t k = 0; k < 8; k++)
        record = record << 8 | id->b[8 + k];
    if (type == WORLD_TYPE && oracle_erased(&y->w->oracle, record, false))
        world_fail(y->w, "I7: record %" PRIu64 " is erased, and %s of n-%u has something of it", record, y->where, y->node);
}

static void left_packed(const struct remains *y, struct bytes packed) {
    struct arena a = {0};
    struct change c;
    if (wire_change_unpack(packed, &a, &c) == 0)
        left(y, c.type, &c.record);
    arena_close(&a);
}

static void left_keys(struct remains *y, struct txn *t, unsigned tree, const char *where) {
    struct bytes key, value;
    struct scan *c = scan_open(t, tree);
    y->where = where;
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &key, &value); on; on = scan_next(c, &key, &value)) {
        struct id16 id;
        if (key.len < 20)
            continue;
        memcpy(id.b, key.at + 4, sizeof id.b);
        left(y, (uint32_t)key.at[0] << 24 | (uint32_t)key.at[1] << 16 | (uint32_t)key.at[2] << 8 | key.at[3], &id);
    }
    scan_close(c);
}

static int left_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)node;
    (void)h;
    left_packed(owner, q->change);
    return 0;
}

static int left_logged(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    (void)incarnation;
    (void)saved;
    (void)held;
    left(owner, c->type, &c->record);
    return 0;
}

static void left_batch(const struct remains *y, struct bytes body) {
    struct buffer raw = {0};
    struct bytes packed;
    invariant(wire_batch_open(body, &raw) == 0);
    for (struct reader r = {.rest = buffer_bytes(&raw)}; wire_batch_next(&r, &packed);)
        left_packed(y, packed);
    buffer_close(&raw);
}

static void check_erased(struct world *w) {
    struct remains y = {.w = w};
    struct hub_log_place place;
    struct log_entry e;
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    left_keys(&y, t, HUB_RECORDS, "the state");
    left_keys(&y, t, HUB_WAITING, "the list of what is held");
    y.where = "quarantine";
    hub_held(t, 0, left_held, &y);
    txn_abort(t);
    invariant(store_read(w->hub.log, &t) == 0);
    invariant(hub_log_place(t, &place));
    y.where = "the log";
    for (uint64_t p = place.first; p <= place.last; p++)
        if (hub_log_read(t, p, &e) == 0 && e.kind == LOG_PUSH)
            left_batch(&y, e.body);
    txn_abort(t);
    invariant(store_read(w->hub.own, &t) == 0);
    struct buffer body = {0};
    struct hash zero = {{0}};
    y.where = "the second home";
    for (uint64_t after = 0; hub_own_entry(t, after, &zero, 0, &body, &e); after = e.first + e.count - 1) {
        left_batch(&y, e.body);
        buffer_clear(&body);
    }
    buffer_close(&body);
    txn_abort(t);
    for (y.node = 1; y.node <= w->node_count; y.node++) {
        invariant(store_read(w->nodes[y.node].store, &t) == 0);
        left_keys(&y, t, NODE_BASE, "the base");
        left_keys(&y, t, NODE_VIEW, "the view");
        left_keys(&y, t, NODE_PENDING, "the list of what is pending");
        y.where = "the log";
        node_log_each(t, false, left_logged, &y);
        txn_abort(t);
    }
}

void world_check(struct world *w) {
    struct txn *state;
    invariant(store_read(w->hub.state, &state) == 0);
    for (size_t i = 0; i < w->oracle.count; i++) {
        w->oracle.edits[i].held = false;
        w->oracle.edits[i].merged = world_hub_merged(w, state, &w->oracle.edits[i]);
    }
    hub_held(state, 0, mark_held, w);
    for (size_t i = 0; i < w->oracle.count; i++) {
        const struct oracle_edit *e = &w->oracle.edits[i];
        if (!e->merged && !e->held && !e->lost && !oracle_erased(&w->oracle, e->record, true))
            world_fail(w, "LOST: edit %zu of n-%u, record %" PRIu64, i + 1, e->node, e->record);
        if (e->merged && e->held)
            world_fail(w, "I8: edit %zu of n-%u is merged and held", i + 1, e->node);
    }
    check_state(w, state);
    check_log(w);
    check_erased(w);
    world_check_policies(w);
    world_check_stores(w);
    hub_verify(state, complain, w, NULL);
    for (uint32_t i = 1; i <= w->node_count; i++)
        check_node(w, i, state);
    txn_abort(state);
}
