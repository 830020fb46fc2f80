#include "common/engine/history.h"

#include "common/base/error.h"
#include "common/store/envelope.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct history {
    uint32_t type;
    struct id16 id;
    struct history_row *rows; /* owns; the first `known` are the state's, by the place in their log */
    size_t count, room, known;
    struct arena arena;              /* of their fields */
    uint64_t position, last, folded; /* how far the walk has come, where it ends, how far the state was */
    uint64_t damaged;                /* the first entry that cannot be read; 0: none */
};

static struct history_row *add(struct history *h) {
    if (h->count == h->room) {
        h->room = h->room == 0 ? 64 : 2 * h->room;
        h->rows = memory_resize(h->rows, h->room * sizeof *h->rows);
    }
    struct history_row *r = &h->rows[h->count++];
    memset(r, 0, sizeof *r);
    return r;
}

static void speaks_against(struct history_row *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void speaks_against(struct history_row *r, const char *format, ...) {
    va_list args;
    r->proof = HISTORY_BROKEN;
    if (*r->against != '\0')
        return;
    va_start(args, format);
    vsnprintf(r->against, sizeof r->against, format, args);
    va_end(args);
}

/* ---- what a change says of itself */

static size_t fields_of(const struct change *c, uint32_t out[LIMIT_CHANGE_FIELDS]) {
    size_t n = 0;
    for (size_t i = 0; i < c->op_count && n < LIMIT_CHANGE_FIELDS; i++) {
        bool known = false; /* REMOVE and ADD of one field are two operations */
        for (size_t k = 0; k < n && !known; k++)
            known = out[k] == c->ops[i].field;
        if (!known)
            out[n++] = c->ops[i].field;
    }
    return n;
}

static void keep_fields(struct history *h, struct history_row *r, const uint32_t *fields, size_t count) {
    r->fields = (const uint32_t *)(const void *)arena_copy(&h->arena, bytes_of(fields, count * sizeof *fields)).at;
    r->field_count = count;
}

static void says(struct history *h, struct history_row *r, const struct change *c) {
    uint32_t fields[LIMIT_CHANGE_FIELDS];
    r->version = c->version;
    r->name = c->name;
    r->actor = c->actor;
    r->case_id = c->case_id;
    r->purpose = c->purpose;
    keep_fields(h, r, fields, fields_of(c, fields));
}

static bool says_the_same(const struct history_row *r, const struct change *c) {
    uint32_t fields[LIMIT_CHANGE_FIELDS];
    size_t n = fields_of(c, fields);
    return version_compare(r->version, c->version) == 0 && name_equal(r->name, c->name) && id_equal(&r->actor, &c->actor) &&
           r->purpose == c->purpose && r->field_count == n && (n == 0 || memcmp(r->fields, fields, n * sizeof *fields) == 0);
}

/* ---- what the state knows */

static int merged_each(void *owner, const struct history_entry *e) {
    struct history *h = owner;
    struct history_row *r = add(h);
    r->node = e->version.node; /* a version of another than its sender is never merged */
    r->incarnation = e->incarnation;
    r->seq = e->seq;
    r->version = e->version;
    r->name = e->name;
    r->actor = e->actor;
    r->purpose = e->purpose;
    r->received = e->received;
    r->stage = HISTORY_MERGED;
    r->hub_seq = e->hub_seq;
    keep_fields(h, r, e->fields, e->field_count);
    return 0;
}

static int held_each(void *owner, uint32_t node, const struct held *held, const struct quarantined *q) {
    struct history *h = owner;
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct change c;
    if (wire_change_unpack(q->change, &a, &c) != 0 || c.type != h->type || !id_equal(&c.record, &h->id))
        return 0;
    struct history_row *r = add(h);
    r->node = node;
    r->incarnation = held->incarnation;
    r->seq = held->seq;
    r->received = q->received;
    r->stage = HISTORY_HELD;
    r->reason = q->reason;
    says(h, r, &c);
    return 0;
}

static int by_life(const struct history_row *r, uint32_t node, const struct id16 *incarnation, uint64_t seq) {
    if (r->node != node)
        return r->node < node ? -1 : 1;
    int life = memcmp(r->incarnation.b, incarnation->b, sizeof incarnation->b);
    return life != 0 ? life : r->seq < seq ? -1 : r->seq > seq;
}

static int by_place(const void *a, const void *b) {
    const struct history_row *y = b;
    return by_life(a, y->node, &y->incarnation, y->seq);
}

int history_open(struct txn *state, struct txn *log, uint32_t type, const struct id16 *id, struct history **out) {
    struct history *h = memory_zeroed(1, sizeof *h);
    struct hub_log_place place;
    struct hub_place reached;
    h->type = type;
    h->id = *id;
    int r = hub_history(state, type, id, merged_each, h);
    if (r == 0)
        r = hub_held(state, 0, held_each, h);
    if (r != 0) {
        history_close(h);
        return pass(r);
    }
    h->known = h->count;
    if (h->known > 1)
        qsort(h->rows, h->known, sizeof *h->rows, by_place);
    h->folded = hub_place_get(state, &reached) ? reached.position : 0;
    h->last = hub_log_place(log, &place) ? place.last : 0;
    *out = h;
    return 0;
}

/* ---- what the log says */

/* The first of the state's rows that is not before this place. */
static size_t known_from(const struct history *h, uint32_t node, const struct id16 *incarnation, uint64_t seq) {
    size_t low = 0, high = h->known;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_life(&h->rows[middle], node, incarnation, seq) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool name_merged(const struct history *h, struct name name) {
    for (size_t i = 0; i < h->known; i++)
        if (h->rows[i].stage == HISTORY_MERGED && name_equal(h->rows[i].name, name))
            return true;
    return false;
}

static struct history_row *unknown(struct history *h, const struct log_entry *e, uint64_t seq, const struct change *c) {
    struct history_row *r = add(h);
    r->node = e->node;
    r->incarnation = e->incarnation;
    r->seq = seq;
    r->received = e->received;
    r->stage = h->position > h->folded ? HISTORY_ACCEPTED : name_merged(h, c->name) ? HISTORY_REPEATED : HISTORY_UNKNOWN;
    says(h, r, c);
    return r;
}

static void told(struct history *h, const struct log_entry *e, uint64_t seq, struct bytes packed, enum log_said said) {
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct change c;
    if (wire_change_unpack(packed, &a, &c) != 0 || c.type != h->type || !id_equal(&c.record, &h->id))
        return;
    size_t at = known_from(h, e->node, &e->incarnation, seq);
    bool known = at < h->known && by_life(&h->rows[at], e->node, &e->incarnation, seq) == 0;
    struct history_row *r = known ? &h->rows[at] : unknown(h, e, seq, &c);
    r->position = h->position;
    r->case_id = c.case_id;
    if (said == LOG_SAID_BY_NOBODY)
        speaks_against(r, "log entry %" PRIu64 ": no key of node %" PRIu32 " signed it", h->position, e->node);
    else if (said == LOG_SAID_OTHERWISE)
        speaks_against(r, "log entry %" PRIu64 ": what it holds is not what node %" PRIu32 " signed", h->position, e->node);
    else if (known && !says_the_same(r, &c))
        speaks_against(r, "log entry %" PRIu64 " says other things of it than the state", h->position);
    else if (r->proof == HISTORY_KEPT)
        r->proof = HISTORY_SIGNED;
}

/* Only pushes that speak of the record are looked at closely. */
static void look(struct history *h, struct log_proof *keys, const struct log_entry *e) {
    CLEANUP(buffer_close) struct buffer raw = {0};
    size_t from = known_from(h, e->node, &e->incarnation, e->first);
    size_t to = known_from(h, e->node, &e->incarnation, e->first + e->count);
    bool open = wire_batch_open(e->body, &raw) == 0;
    if (from == to && (!open || memmem(raw.at, raw.len, h->id.b, sizeof h->id.b) == NULL))
        return;
    enum log_said said = log_proof_said(keys, e);
    struct reader r = {.rest = buffer_bytes(&raw)};
    struct bytes packed;
    for (uint64_t seq = e->first; open && wire_batch_next(&r, &packed); seq++)
        told(h, e, seq, packed, said);
    for (size_t i = from; i < to; i++)
        if (h->rows[i].position != h->position)
            speaks_against(&h->rows[i], "log entry %" PRIu64 " should hold it and does not", h->position);
}

static int by_version(const void *a, const void *b) {
    const struct history_row *x = a, *y = b;
    int order = version_compare(x->version, y->version);
    return order != 0 ? order : by_place(a, b);
}

static void finish(struct history *h) {
    for (size_t i = 0; i < h->count; i++)
        if (h->rows[i].proof == HISTORY_KEPT && h->damaged != 0)
            snprintf(
                h->rows[i].against, sizeof h->rows[i].against, "log entry %" PRIu64 " is damaged or missing: it may have been there",
                h->damaged);
    if (h->count > 1)
        qsort(h->rows, h->count, sizeof *h->rows, by_version);
    h->known = 0; /* their order is another now */
}

bool history_walk(struct history *h, struct log_proof *keys, struct txn *log, uint32_t most) {
    struct hub_log_place place;
    if (hub_log_place(log, &place) && h->position + 1 < place.first)
        h->position = place.first - 1;
    struct arena_mark mark = envelope_mark(log);
    for (uint32_t i = 0; i < most && h->position < h->last; i++) {
        struct log_entry e;
        envelope_release(log, mark);
        h->position++;
        if (hub_log_read(log, h->position, &e) != 0)
            h->damaged = h->damaged == 0 ? h->position : h->damaged;
        else if (log_changes(e.kind))
            look(h, keys, &e);
    }
    if (h->position < h->last)
        return true;
    finish(h);
    return false;
}

size_t history_count(const struct history *h) {
    return h->count;
}

const struct history_row *history_at(const struct history *h, size_t i) {
    return &h->rows[i];
}

struct history *history_close(struct history *h) {
    if (h == NULL)
        return NULL;
    free(h->rows);
    arena_close(&h->arena);
    free(h);
    return NULL;
}
