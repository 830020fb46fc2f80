#include "common/store/hub_merge.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/hub_fold.h"

#include <errno.h>
#include <string.h>

/* What a fold keeps in memory; a stretch that passes it ends with the entry that did. */
enum { FOLD_BYTES = 96 * 1024 * 1024 };

static struct life *life_make(struct hub_node_state *n, const struct id16 *incarnation) {
    struct life *l = life_find(n->lives, n->life_count, incarnation);
    if (l != NULL)
        return l;
    if (n->life_count == LIMIT_LIVES) { /* the oldest gives way, as in the log */
        memmove(n->lives, n->lives + 1, sizeof *n->lives * (LIMIT_LIVES - 1));
        n->life_count--;
    }
    l = &n->lives[n->life_count++];
    *l = (struct life){.incarnation = *incarnation};
    return l;
}

static void one_change(struct fold *f, struct fold_node *writer, const struct origin *from, struct bytes packed) {
    struct change read;
    arena_clear(&f->scratch);
    writer->state.received++;
    if (wire_change_erased(packed)) { /* its writer knows why */
        writer->state.erased++;
        return;
    }
    if (wire_change_unpack(packed, &f->scratch, &read) != 0 || read.seq != from->seq) {
        fold_hold(f, writer, from, NULL, packed, VERDICT_GARBAGE);
        return;
    }
    if (writer->state.node != 0 && fold_returned(f, writer, &read, from, packed.len))
        return;
    struct touched *t = fold_record(f, read.type, &read.record);
    if (t == NULL)
        return;
    /* A life that gave way may come again from its beginning: then names tell what was merged. */
    if (writer->state.life_count == LIMIT_LIVES && fold_merged(f, t, read.name))
        read.again = true;
    const struct change *c = fold_take_over(f, t, &read);
    enum verdict v = fold_verdict(f, writer, t, c, from->received, packed.len);
    if (from->triage && v != VERDICT_ERASED)
        v = VERDICT_REVOKED; /* whatever else it is: a person decides */
    if (v == VERDICT_ERASED) {
        fold_refuse(f, writer, &from->incarnation, from->seq);
        return;
    }
    /* Another copy of what would be held may be merged already (labelled again): then it is only repeated. */
    bool own = v != VERDICT_FORGED || (read.again && read.version.node == writer->state.node);
    if (v != VERDICT_MERGED && own && fold_merged(f, t, read.name)) {
        read.again = true;
        c = &read;
        v = VERDICT_MERGED;
    }
    if (v == VERDICT_MERGED)
        fold_change(f, writer, t, c, from, packed.len);
    else
        fold_hold(f, writer, from, &read, packed, v);
    fold_retry_grown(f);
}

/* A body that does not hold what its entry says: the log's writer has checked it, so nobody can be answered any more; it is kept whole. */
static void broken_batch(struct fold *f, struct fold_node *writer, struct origin from, const struct log_entry *e, uint64_t merged) {
    struct bytes packed = e->body;
    for (uint32_t i = 0; i < e->count; i++) {
        from.seq = e->first + i;
        if (from.seq <= merged)
            continue;
        writer->state.received++;
        fold_hold(f, writer, &from, NULL, packed, VERDICT_GARBAGE);
        packed = (struct bytes){NULL, 0};
    }
}

static void push(struct fold *f, const struct log_entry *e, uint64_t position, struct buffer *raw) {
    struct fold_node *writer = fold_node(f, e->node);
    const struct life *known = life_find(writer->state.lives, writer->state.life_count, &e->incarnation);
    if (hub_log_hole(known, known == NULL ? 0 : known->includes, writer->state.life_count, e->first)) {
        log_fact(LOG_ERROR, "hub.log_hole", FACT_UINT("node", e->node), FACT_UINT("position", position), FACT_UINT("first", e->first));
        txn_fail(f->state, fail(-EBADMSG));
        return;
    }
    struct life *life = life_make(&writer->state, &e->incarnation);
    uint64_t merged = life->includes;
    struct origin from = {.incarnation = e->incarnation, .position = position, .received = e->received, .triage = e->kind == LOG_TRIAGE};
    writer->changed = writer->moved = true;
    if (e->count == 0 || e->first + e->count - 1 <= merged)
        return; /* folded before: a name and a seq mean one change for ever (I4) */
    buffer_clear(raw);
    if (wire_batch_open(e->body, raw) != 0 || !wire_batch_holds(buffer_bytes(raw), e->count)) {
        log_fact(LOG_ERROR, "hub.batch_broken", FACT_UINT("node", e->node), FACT_UINT("position", position));
        broken_batch(f, writer, from, e, merged);
    } else {
        struct reader r = {.rest = buffer_bytes(raw)};
        struct bytes packed;
        for (from.seq = e->first; wire_batch_next(&r, &packed) && txn_result(f->state) == 0; from.seq++)
            if (from.seq > merged)
                one_change(f, writer, &from, packed);
    }
    life->includes = e->first + e->count - 1;
    life->acked_hash = e->after;
}

static void entry(struct fold *f, const struct log_entry *e, uint64_t position, struct buffer *raw) {
    switch (e->kind) {
    case LOG_PUSH:
    case LOG_TRIAGE:
        push(f, e, position, raw);
        return;
    case LOG_RETRY:
        arena_clear(&f->scratch);
        fold_retry(f, fold_node(f, e->node), &e->incarnation, e->first, e->received);
        fold_retry_grown(f);
        return;
    case LOG_DISCARD:
        fold_discard(f, fold_node(f, e->node), &e->incarnation, e->first);
        return;
    }
    log_fact(LOG_ERROR, "hub.entry_unknown", FACT_UINT("position", position), FACT_UINT("kind", (uint64_t)e->kind));
    txn_fail(f->state, fail(-EBADMSG));
}

static int stretch(struct fold *f, struct txn *log, uint32_t limit, struct merged *out) {
    CLEANUP(buffer_close) struct buffer raw = {0};
    struct arena_mark mark = envelope_mark(log);
    for (uint32_t work = 0; work < limit && f->arena.used < FOLD_BYTES;) {
        envelope_release(log, mark);
        struct log_entry e;
        uint64_t position = f->place.position + 1;
        int r = hub_log_read(log, position, &e);
        if (r == HUB_LOG_END)
            break;
        if (r != 0) {
            log_fact(LOG_ERROR, "hub.log_rotten", FACT_UINT("position", position));
            return fail(-EBADMSG);
        }
        uint32_t units = log_changes(e.kind) ? e.count : 1;
        if (work > 0 && units > limit - work)
            break;
        entry(f, &e, position, &raw);
        if (txn_result(f->state) != 0)
            return pass(txn_result(f->state));
        work += units;
        out->changes += log_changes(e.kind) ? e.count : 0;
        f->place.position = position;
    }
    return 0;
}

static void stretch_close(struct fold *f) {
    fold_close(f);
}

int hub_merge(struct txn *log, struct txn *state, uint32_t limit, const struct hub_rules *rules, struct merged *out) {
    memset(out, 0, sizeof *out);
    CLEANUP(stretch_close) struct fold f;
    fold_begin(&f, state, rules);
    struct hub_log_place place;
    uint64_t from = f.place.position;
    int r = txn_result(state);
    if (r == 0 && (!hub_log_place(log, &place) || !id_equal(&place.life, &f.place.log_life)))
        r = fail(-EINVAL); /* hub_join_log comes first */
    if (r == 0)
        r = stretch(&f, log, limit == 0 ? 1 : limit, out);
    if (r != 0) {
        txn_fail(state, r);
        return pass(r);
    }
    out->position = f.place.position;
    out->hub_seq = f.place.hub_seq;
    if (f.place.position == from)
        return 0;
    fold_end(&f, out);
    return txn_result(state) == 0 ? 0 : pass(txn_result(state));
}
