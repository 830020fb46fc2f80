/* What takes a look into the state to know, and is wanted without one: the ages of quarantine and conflicts, and whether quarantine grows.
 * Quarantine is looked through once a minute while there is something in it; conflicts have no index, so all records are walked in short
 * stretches with rests between them, round after round while there are any. */
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/model/version.h"
#include "hub/city.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 60000, SAMPLE_MS = 600000, SAMPLES = 144 /* a day */, WALK_RECORDS = 500 };

struct watch {
    bool busy;
    instant look_at;
    wall_ms held_oldest;            /* 0: none, or not known yet */
    uint64_t held_samples[SAMPLES]; /* how many there were, every SAMPLE_MS */
    wall_ms sampled[SAMPLES];
    size_t sample_count;
    uint32_t at_type; /* where the walk over the records stands */
    struct id16 at_id;
    wall_ms round_oldest, conflict_oldest; /* of the round under way, of the last whole one; 0: none */
    bool round_done;
};

struct look {
    struct hub_read read; /* first */
    struct city *city;
    uint32_t at_type;
    struct id16 at_id;
    bool held, conflicts, end;
    wall_ms held_oldest, conflict_oldest;
};

static int each_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct look *l = owner;
    (void)node;
    (void)h;
    if (q->reason != VERDICT_DISCARDED && (l->held_oldest == 0 || q->received < l->held_oldest))
        l->held_oldest = q->received;
    return 0;
}

/* A conflict is as old as the second of the values that stand side by side. */
static int each_record(void *owner, const struct record *r) {
    struct look *l = owner;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        wall_ms newest = 0;
        if (!field_concurrent(f))
            continue;
        for (size_t k = 0; k < f->head_count; k++)
            newest = hlc_ms(f->heads[k].version.hlc) > newest ? hlc_ms(f->heads[k].version.hlc) : newest;
        if (l->conflict_oldest == 0 || newest < l->conflict_oldest)
            l->conflict_oldest = newest;
    }
    return 0;
}

static void look_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct look *l = (struct look *)r;
    (void)log;
    if (l->held)
        hub_held(state, 0, each_held, l);
    if (l->conflicts)
        l->end = hub_records_walk(state, &l->at_type, &l->at_id, WALK_RECORDS, each_record, l, &r->damaged) == HUB_WALK_END;
}

static void look_done(struct hub_read *r, int result) {
    struct look *l = (struct look *)r;
    struct watch *w = l->city->watch;
    w->busy = false;
    if (result == 0 && l->held)
        w->held_oldest = l->held_oldest;
    if (result == 0 && l->conflicts) {
        if (l->conflict_oldest != 0 && (w->round_oldest == 0 || l->conflict_oldest < w->round_oldest))
            w->round_oldest = l->conflict_oldest;
        w->at_type = l->end ? 0 : l->at_type;
        w->at_id = l->at_id;
        if (l->end)
            w->at_id = (struct id16){{0}};
        if (l->end) {
            w->conflict_oldest = w->round_oldest;
            w->round_oldest = 0;
        }
        w->round_done = l->end;
    }
    free(l);
}

static void sample(struct watch *w, uint64_t held) {
    wall_ms now = clock_wall();
    if (w->sample_count > 0 && now - w->sampled[w->sample_count - 1] < SAMPLE_MS)
        return;
    if (w->sample_count == SAMPLES) {
        memmove(w->held_samples, w->held_samples + 1, (SAMPLES - 1) * sizeof *w->held_samples);
        memmove(w->sampled, w->sampled + 1, (SAMPLES - 1) * sizeof *w->sampled);
        w->sample_count--;
    }
    w->held_samples[w->sample_count] = held;
    w->sampled[w->sample_count++] = now;
}

void watch_look(struct city *c) {
    struct watch *w = c->watch;
    struct hub_counts n = hub_engine_counts(c->engine);
    if (w == NULL)
        return;
    sample(w, n.held);
    w->held_oldest = n.held == 0 ? 0 : w->held_oldest;
    w->conflict_oldest = n.conflicts == 0 ? 0 : w->conflict_oldest;
    bool due = clock_now() >= w->look_at;
    bool held = n.held > 0 && (due || w->held_oldest == 0), conflicts = n.conflicts > 0 && (due || !w->round_done);
    if (w->busy || (!held && !conflicts))
        return;
    struct look *l = memory_zeroed(1, sizeof *l);
    l->read.work = look_works;
    l->read.done = look_done;
    l->city = c;
    l->held = held;
    l->conflicts = conflicts;
    l->at_type = w->at_type;
    l->at_id = w->at_id;
    w->busy = true;
    w->look_at = due ? clock_now() + LOOK_MS : w->look_at;
    hub_engine_read(c->engine, &l->read);
}

void watch_open(struct city *c) {
    c->watch = memory_zeroed(1, sizeof *c->watch);
    watch_look(c);
}

void watch_close(struct city *c) {
    free(c->watch);
    c->watch = NULL;
}

static json_t *age(wall_ms since) {
    wall_ms now = clock_wall();
    return since == 0 ? json_null() : json_integer(now > since ? (json_int_t)(now - since) : 0);
}

void watch_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct watch *w = c->watch;
    uint64_t held = hub_engine_counts(c->engine).held, before = held;
    wall_ms since = 0;
    for (size_t i = 0; w != NULL && i < w->sample_count; i++)
        if (w->held_samples[i] < before) {
            before = w->held_samples[i];
            since = w->sampled[i];
        }
    if (held > before)
        problem_add(
            problems, PROBLEM_QUARANTINE_GROWS, "{s:I, s:I, s:o}", "count", (json_int_t)held, "more", (json_int_t)(held - before), "age_ms",
            age(since));
    else if (held > 0)
        problem_add(problems, PROBLEM_QUARANTINE, "{s:I}", "count", (json_int_t)held);
    json_object_set_new(out, "held_oldest_ms", age(w == NULL ? 0 : w->held_oldest));
    json_object_set_new(out, "conflicts_oldest_ms", age(w == NULL ? 0 : w->conflict_oldest));
}
