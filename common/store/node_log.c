/* The change log of a node: edits in, batches out, what was acknowledged, what may be forgotten. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_ROOM = 16 /* a change that is labelled again may grow by so much */ };

static void free_both(void *at) {
    free(*(void **)at);
}

/* Everything that walks a life does so from its first change to its last, and each of them is a key of the log's tree, readable or not. */
static bool claims_too_much(struct txn *t, const struct node_progress *p) {
    enum { SPARE = 64 }; /* a key that damage took away: that change is told as lost, and the rest is of use */
    uint64_t room = store_count(t, NODE_LOG) + SPARE;
    for (size_t i = 0; i < p->life_count; i++) {
        const struct life *l = &p->lives[i];
        uint64_t end = l->acked > l->last ? l->acked : l->last;
        if (end < l->first)
            continue;
        if (end - l->first >= room)
            return true;
        room -= end - l->first + 1;
    }
    return false;
}

bool node_progress_get(struct txn *t, struct node_progress *out) {
    struct key k = key_word("progress");
    struct bytes value;
    int r = envelope_get(t, NODE_META, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return false;
    if (r != 0 || wire_progress_unpack(value, out) != 0 || claims_too_much(t, out)) {
        log_fact(LOG_ERROR, "node.progress_rotten");
        txn_fail(t, -EBADMSG);
        return false;
    }
    return true;
}

void node_progress_put(struct txn *t, const struct node_progress *p) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_word("progress");
    wire_progress_pack(p, &b);
    envelope_put(t, NODE_META, key_bytes(&k), buffer_bytes(&b));
}

void node_begin(struct txn *t, uint32_t node, const area *served, size_t count, const struct id16 *incarnation) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    area all[LIMIT_AREAS];
    invariant(count <= LIMIT_AREAS);
    p->node = node;
    p->lives[p->life_count++] = (struct life){.incarnation = *incarnation, .first = 1};
    memcpy(p->served, served, count * sizeof *served);
    p->served_count = count;
    p->unproven = true;
    p->loading_count = area_expand(served, count, node, all, LIMIT_AREAS);
    for (size_t i = 0; i < p->loading_count; i++)
        p->loading[i] = (struct loading){.area = all[i]};
    node_progress_put(t, p);
}

/* ---- entries */

bool log_read(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct logged *out) {
    struct key k = key_log(incarnation, seq);
    struct bytes value;
    int r = envelope_get(t, NODE_LOG, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return false;
    struct reader in = {.rest = r == 0 ? value : (struct bytes){NULL, 0}};
    struct bytes after = reader_take(&in, sizeof out->after.b);
    out->saved = reader_u64be(&in);
    if (r != 0 || in.bad || after.at == NULL) {
        log_fact(LOG_ERROR, "node.log_rotten", FACT_UINT("seq", seq));
        return false;
    }
    memcpy(out->after.b, after.at, sizeof out->after.b);
    out->packed = in.rest;
    return true;
}

void log_write(struct txn *t, const struct id16 *incarnation, uint64_t seq, const struct hash *after, wall_ms saved, struct bytes packed) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_log(incarnation, seq);
    buffer_add(&b, bytes_of(after->b, sizeof after->b));
    buffer_u64be(&b, saved);
    buffer_add(&b, packed);
    envelope_put_day(t, NODE_LOG, key_bytes(&k), buffer_bytes(&b), saved);
}

void log_drop(struct txn *t, const struct id16 *incarnation, uint64_t seq) {
    struct key k = key_log(incarnation, seq);
    txn_delete(t, NODE_LOG, key_bytes(&k));
}

bool log_change(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct arena *a, struct change *out) {
    struct logged e;
    struct arena_mark mark = envelope_mark(t);
    if (!log_read(t, incarnation, seq, &e))
        return false;
    struct bytes kept = arena_copy(a, e.packed);
    envelope_release(t, mark);
    return wire_change_unpack(kept, a, out) == 0;
}

bool held_get(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict *out) {
    struct key k = key_log(incarnation, seq);
    struct bytes value;
    struct arena_mark mark = envelope_mark(t);
    bool there = envelope_get(t, NODE_HELD, key_bytes(&k), &value) == 0 && value.len == 1;
    if (there)
        *out = (enum verdict)value.at[0];
    envelope_release(t, mark);
    return there;
}

void held_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, enum verdict reason) {
    struct key k = key_log(incarnation, seq);
    uint8_t one = (uint8_t)reason;
    if (reason == VERDICT_MERGED)
        txn_delete(t, NODE_HELD, key_bytes(&k));
    else
        envelope_put(t, NODE_HELD, key_bytes(&k), bytes_of(&one, 1));
}

uint64_t held_waiting(struct txn *t) {
    struct bytes at, value;
    uint64_t count = 0;
    struct scan *s = scan_open(t, NODE_HELD);
    for (bool more = scan_from(s, (struct bytes){NULL, 0}, &at, &value); more; more = scan_next(s, &at, &value)) {
        struct held h;
        count += key_log_read(at, &h.incarnation, &h.seq) && held_get(t, &h.incarnation, h.seq, &h.reason) && verdict_waits(h.reason);
    }
    scan_close(s);
    return count;
}

/* ---- an edit */

static bool adopted_only(const struct record *r) {
    const struct field *home = record_field(r, FIELD_HOME);
    const struct field *shared = record_field(r, FIELD_SHARED);
    return (home == NULL || home->head_count == 0) && shared != NULL && shared->element_count > 0;
}

static bool own_only(const struct edit *e, uint32_t field) {
    for (size_t i = 0; i < e->own_count; i++)
        if (e->own[i] == field)
            return true;
    return false;
}

static const char *fill_ops(const struct edit *e, const struct record *view, struct arena *a, struct change *c) {
    struct op *ops = arena_take(a, (e->op_count + 1) * sizeof *ops);
    invariant(ops != NULL);
    for (size_t i = 0; i < e->op_count; i++) {
        ops[i] = e->ops[i];
        const struct field *f = record_field(view, e->ops[i].field);
        if (!e->replace_all || ops[i].kind != OP_SET || ops[i].name_count > 0 || f == NULL || f->head_count == 0)
            continue;
        if (f->head_count > LIMIT_OP_NAMES)
            return "the field has more concurrent values than one edit can replace";
        struct name *names = arena_take(a, f->head_count * sizeof *names);
        invariant(names != NULL);
        bool own = own_only(e, ops[i].field);
        for (size_t k = 0; k < f->head_count; k++)
            if (!own || f->heads[k].name.node == c->name.node)
                names[ops[i].name_count++] = f->heads[k].name;
        ops[i].names = names;
    }
    c->ops = ops;
    c->op_count = e->op_count;
    return change_check(c);
}

static uint64_t highest(const struct record *r) {
    uint64_t top = 0;
    for (size_t i = 0; i < r->field_count; i++)
        for (size_t k = 0; k < r->fields[i].head_count; k++)
            if (r->fields[i].heads[k].version.hlc > top)
                top = r->fields[i].heads[k].version.hlc;
    return top;
}

/* An edit made ready; nothing of it is written yet. */
struct made {
    struct change change;
    struct record view; /* with it */
    struct buffer packed, record;
};

static void made_free(struct made *all, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buffer_close(&all[i].packed);
        buffer_close(&all[i].record);
    }
    free(all);
}

/* What the office sees of the record, with the edits before this one. */
static int see(struct txn *t, const struct edit *e, const struct made *all, size_t before, struct arena *a, struct record *out) {
    bool pending;
    for (size_t i = before; i > 0; i--)
        if (all[i - 1].view.type == e->type && id_equal(&all[i - 1].view.id, &e->record)) {
            *out = all[i - 1].view;
            return 0;
        }
    return node_record(t, e->type, &e->record, a, out, &pending);
}

/* Makes all[at] ready; the stamp and the seq count on in p. */
static int make(
    struct txn *t, const struct edit *e, wall_ms local_now, struct node_progress *p, struct made *all, size_t at, struct arena *a,
    const char **why) {
    struct made *m = &all[at];
    struct life *life = &p->lives[p->life_count - 1];
    if (node_erased_change(t, e->type, &e->record, e->ops, e->op_count)) {
        *why = "the record, or the person it is about, was erased for ever by an order of the city";
        return NODE_EDIT_ERASED;
    }
    int r = see(t, e, all, at, a, &m->view);
    if (r == NODE_RECORD_ROTTEN) {
        *why = "the stored copy of this record is damaged; it is being fetched again from the hub";
        return NODE_EDIT_BAD;
    }
    if (r < 0)
        return pass(r);
    if (r == NODE_RECORD_NONE)
        m->view = (struct record){.type = e->type, .id = e->record};
    struct record base;
    if (adopted_only(&m->view) && base_get(t, e->type, &e->record, a, &base) == NODE_RECORD_NONE)
        for (size_t i = 0; i < e->op_count; i++)
            if (e->ops[i].field != FIELD_SHARED && e->ops[i].field != FIELD_TAKEN_UP) {
                *why = "the record is requested from its home office and has not come yet";
                return NODE_EDIT_REQUESTED;
            }
    uint64_t last = p->hlc > highest(&m->view) ? p->hlc : highest(&m->view);
    m->change = (struct change){
        .seq = ++life->last,
        .version = {hlc_next(last, (wall_ms)((int64_t)local_now + p->offset_ms)), p->node},
        .name = {p->node, e->tag},
        .salt = e->salt,
        .type = e->type,
        .record = e->record,
        .actor = e->actor,
        .purpose = e->purpose,
        .case_id = e->case_id,
    };
    p->hlc = m->change.version.hlc;
    *why = fill_ops(e, &m->view, a, &m->change);
    if (*why != NULL)
        return NODE_EDIT_BAD;
    wire_change_pack(&m->change, &m->packed);
    merge_change(&m->view, &m->change, NULL, a);
    wire_record_pack(&m->view, RECORD_BASE, &m->record);
    bool large = m->packed.len + LABEL_ROOM > LIMIT_CHANGE_BYTES;
    *why = large ? "the edit is too large; split it" : "the record would become too large";
    return large || m->record.len > LIMIT_RECORD_BYTES ? NODE_EDIT_FULL : 0;
}

static void save(struct txn *t, const struct life *life, const struct made *m, struct hash *chain, wall_ms local_now) {
    struct key k = key_record(m->change.type, &m->change.record);
    *chain = wire_chain(chain, buffer_bytes(&m->packed));
    log_write(t, &life->incarnation, m->change.seq, chain, local_now, buffer_bytes(&m->packed));
    pending_put(t, &m->change, &life->incarnation);
    envelope_put(t, NODE_VIEW, key_bytes(&k), buffer_bytes(&m->record));
}

int node_edits(
    struct txn *t, const struct edit *edits, size_t count, wall_ms local_now, struct change *out, size_t *which, const char **why) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    *why = "";
    *which = 0;
    if (!node_progress_get(t, p) || p->node == 0) {
        *why = "this node is not enrolled; ask the city for an enrolment file and run anju-node --join FILE";
        return txn_result(t) < 0 ? pass(txn_result(t)) : NODE_EDIT_NOT_ENROLLED;
    }
    struct life *life = &p->lives[p->life_count - 1];
    struct hash chain = {{0}};
    node_chain(t, &life->incarnation, life->last, &chain); /* damaged: what follows it is labelled again before anything is sent */
    struct made *all = memory_zeroed(count + 1, sizeof *all);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        *which = i;
        r = make(t, &edits[i], local_now, p, all, i, &a, why);
    }
    for (size_t i = 0; i < count && r == 0; i++) {
        save(t, life, &all[i], &chain, local_now);
        out[i] = all[i].change;
        out[i].ops = NULL; /* they end with this call */
        out[i].op_count = 0;
    }
    made_free(all, count);
    if (r != 0)
        return r;
    node_progress_put(t, p);
    return txn_result(t) < 0 ? pass(txn_result(t)) : 0;
}

int node_edit(struct txn *t, const struct edit *e, wall_ms local_now, struct change *out, const char **why) {
    size_t which;
    return node_edits(t, e, 1, local_now, out, &which, why);
}

/* ---- upwards */

struct key meta_key(const char *word, const struct id16 *incarnation, uint64_t seq, size_t len) {
    struct key k = key_word(word), rest = key_log(incarnation, seq);
    memcpy(k.b + k.len, rest.b, len);
    k.len += len;
    return k;
}

/* The hash after the newest forgotten change of a life, so that its chain can go on (meta "tail" | incarnation -> seq, hash). */
static struct key tail_key(const struct id16 *incarnation) {
    return meta_key("tail", incarnation, 0, sizeof incarnation->b);
}

static bool tail_get(struct txn *t, const struct id16 *incarnation, uint64_t *seq, struct hash *out) {
    struct key k = tail_key(incarnation);
    struct bytes value;
    if (envelope_get(t, NODE_META, key_bytes(&k), &value) != 0)
        return false;
    struct reader r = {.rest = value};
    *seq = reader_u64be(&r);
    struct bytes h = reader_take(&r, sizeof out->b);
    if (h.at == NULL)
        return false;
    memcpy(out->b, h.at, sizeof out->b);
    return true;
}

void tail_put(struct txn *t, const struct id16 *incarnation, uint64_t seq, const struct hash *after) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = tail_key(incarnation);
    buffer_u64be(&b, seq);
    buffer_add(&b, bytes_of(after->b, sizeof after->b));
    envelope_put(t, NODE_META, key_bytes(&k), buffer_bytes(&b));
}

/* What was accepted is known by progress too, when its change is damaged. */
static bool accepted_chain(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct hash *out) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    const struct life *l = node_progress_get(t, p) ? life_find(p->lives, p->life_count, incarnation) : NULL;
    if (l == NULL || l->acked != seq)
        return false;
    *out = l->acked_hash;
    return true;
}

bool node_chain(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct hash *out) {
    struct logged e;
    uint64_t tail;
    memset(out, 0, sizeof *out);
    if (seq == 0)
        return true;
    if (log_read(t, incarnation, seq, &e)) {
        *out = e.after;
        return true;
    }
    if ((tail_get(t, incarnation, &tail, out) && tail == seq) || accepted_chain(t, incarnation, seq, out))
        return true;
    memset(out, 0, sizeof *out);
    return false;
}

/* The change after `chain`, if it is there and the chain goes on with it. */
static bool log_next(struct txn *t, const struct id16 *incarnation, uint64_t seq, struct hash *chain, struct logged *out) {
    if (!log_read(t, incarnation, seq, out))
        return false;
    *chain = wire_chain(chain, out->packed);
    return hash_equal(chain, &out->after);
}

bool log_holds(struct txn *t, const struct id16 *incarnation, uint64_t after, const struct hash *chain, uint64_t last) {
    struct hash h = *chain;
    struct logged e;
    struct arena_mark mark = envelope_mark(t);
    bool holds = true;
    for (uint64_t seq = after + 1; holds && seq <= last; seq++) {
        holds = log_next(t, incarnation, seq, &h, &e);
        envelope_release(t, mark);
    }
    return holds;
}

int node_batch(struct txn *t, const struct id16 *incarnation, uint64_t after, size_t max_bytes, struct push *out, struct buffer *raw) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    const struct life *l = node_progress_get(t, p) ? life_find(p->lives, p->life_count, incarnation) : NULL;
    struct logged e;
    memset(out, 0, sizeof *out);
    out->incarnation = *incarnation;
    out->first = after + 1;
    if (l == NULL || after >= l->last)
        return txn_result(t) < 0 ? pass(txn_result(t)) : NODE_BATCH_EMPTY;
    if (!node_chain(t, incarnation, after, &out->before))
        return NODE_BATCH_BROKEN;
    struct hash chain = out->before;
    for (uint64_t seq = after + 1; seq <= l->last && out->count < LIMIT_PUSH_CHANGES && log_next(t, incarnation, seq, &chain, &e); seq++) {
        if (out->count > 0 && raw->len + e.packed.len + 8 > max_bytes)
            break;
        wire_batch_add(raw, e.packed);
        out->after = e.after;
        out->count++;
    }
    return out->count == 0 ? NODE_BATCH_BROKEN : 0;
}

wall_ms node_oldest(struct txn *t, const struct node_progress *p) {
    for (size_t i = 0; i < p->life_count; i++) {
        struct logged e;
        if (p->lives[i].acked < p->lives[i].last && log_read(t, &p->lives[i].incarnation, p->lives[i].acked + 1, &e))
            return e.saved;
    }
    return 0;
}

void node_acked(struct txn *t, const struct ack *m) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    if (!node_progress_get(t, p) || m->session != p->nonce)
        return; /* an Ack of a session before the last Welcome, which has said more */
    for (size_t i = 0; i < m->life_count; i++) {
        struct life *l = life_find(p->lives, p->life_count, &m->lives[i].incarnation);
        struct hash mine;
        if (l == NULL || m->lives[i].acked > l->last || m->lives[i].acked < l->acked)
            continue; /* the last: Acks overtake each other, and what is accepted never falls within a session */
        if (!node_chain(t, &l->incarnation, m->lives[i].acked, &mine) || !hash_equal(&mine, &m->lives[i].acked_hash))
            continue; /* not our history: the next Welcome settles it */
        l->acked = m->lives[i].acked;
        l->acked_hash = m->lives[i].acked_hash;
        if (m->lives[i].safe > l->safe && m->lives[i].safe <= l->acked)
            l->safe = m->lives[i].safe;
    }
    node_progress_put(t, p);
}

static void forget_prefix(struct txn *t, unsigned tree, const struct key *prefix) {
    CLEANUP(buffer_close) struct buffer keys = {0};
    struct bytes at, value;
    struct scan *c = scan_open(t, tree);
    for (bool more = scan_from(c, key_bytes(prefix), &at, &value); more && key_starts(at, prefix); more = scan_next(c, &at, &value))
        buffer_add(&keys, at);
    scan_close(c);
    for (size_t i = 0; i + 24 <= keys.len; i += 24)
        txn_delete(t, tree, bytes_of(keys.at + i, 24));
}

void log_forget(struct txn *t, const struct id16 *incarnation) {
    struct key life = key_log(incarnation, 0), tail = tail_key(incarnation);
    life.len = sizeof incarnation->b;
    forget_prefix(t, NODE_LOG, &life);
    forget_prefix(t, NODE_HELD, &life);
    txn_delete(t, NODE_META, key_bytes(&tail));
}
