/* Messages <-> generated code.
 *
 * Outgoing structs are built in an arena of their own. Incoming ones are decoded through an allocator over the caller's arena, so its cap
 * bounds what a frame can make us take (1 MiB of empty sub-messages would else take 92 MiB); counts are checked before anything is copied.
 */
#include "common/base/invariant.h"
#include "common/wire/pb.h"
#include "common/wire/wire_parts.h"
#include "sync.pb-c.h"

#include <string.h>

/* ---- packing */

static void *take(struct arena *a, size_t count, size_t size) {
    void *at = arena_take(a, count * size == 0 ? 1 : count * size);
    invariant(at != NULL);
    return at;
}

static ProtobufCBinaryData data(struct bytes b) {
    union {
        const uint8_t *from;
        uint8_t *to;
    } u = {.from = b.at}; /* generated structs are not const; packing does not write */
    return (ProtobufCBinaryData){b.len, u.to};
}

static ProtobufCBinaryData id_data(const struct id16 *id) {
    return data(id_zero(id) ? (struct bytes){NULL, 0} : bytes_of(id->b, sizeof id->b));
}

static ProtobufCBinaryData hash_data(const struct hash *h) {
    static const struct hash zero;
    return data(hash_equal(h, &zero) ? (struct bytes){NULL, 0} : bytes_of(h->b, sizeof h->b));
}

static Anju__Epoch *epoch_out(struct epoch e, struct arena *a) {
    Anju__Epoch *p = take(a, 1, sizeof *p);
    anju__epoch__init(p);
    p->counter = e.counter;
    p->random = e.random;
    return p;
}

static Anju__Cursor *cursor_out(struct cursor c, struct arena *a) {
    Anju__Cursor *p = take(a, 1, sizeof *p);
    anju__cursor__init(p);
    p->epoch = epoch_out(c.epoch, a);
    p->at = c.at;
    p->floor = c.floor;
    return p;
}

static Anju__Life **lives_out(const struct life *lives, size_t count, struct arena *a) {
    Anju__Life **list = take(a, count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        Anju__Life *p = list[i] = take(a, 1, sizeof *p);
        anju__life__init(p);
        p->incarnation = id_data(&lives[i].incarnation);
        p->first = lives[i].first;
        p->last = lives[i].last;
        p->acked = lives[i].acked;
        p->acked_hash = hash_data(&lives[i].acked_hash);
        p->safe = lives[i].safe;
        p->includes = lives[i].includes;
    }
    return list;
}

static Anju__Held **held_out(const struct held *held, size_t count, struct arena *a) {
    Anju__Held **list = take(a, count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        Anju__Held *p = list[i] = take(a, 1, sizeof *p);
        anju__held__init(p);
        p->incarnation = id_data(&held[i].incarnation);
        p->seq = held[i].seq;
        p->reason = held[i].reason;
    }
    return list;
}

static Anju__Loading **loading_out(const struct loading *loading, size_t count, struct arena *a) {
    Anju__Loading **list = take(a, count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        Anju__Loading *p = list[i] = take(a, 1, sizeof *p);
        anju__loading__init(p);
        p->area = loading[i].area;
        p->upto = loading[i].upto;
        p->done = loading[i].done;
    }
    return list;
}

static Anju__AuditTold *told_out(const struct audit_told *t, struct arena *a) {
    if (audit_head_none(&t->head))
        return NULL;
    Anju__AuditTold *p = take(a, 1, sizeof *p);
    anju__audit_told__init(p);
    p->head = take(a, 1, sizeof *p->head);
    anju__audit_head__init(p->head);
    p->head->life = id_data(&t->head.life);
    p->head->n = t->head.n;
    p->head->hash = hash_data(&t->head.hash);
    p->at = t->at;
    p->signature = data(bytes_of(t->signature, sizeof t->signature));
    return p;
}

static Anju__AuditSay *audit_out(const struct audit_say *s, struct arena *a) {
    if (audit_head_none(&s->mine.head))
        return NULL;
    Anju__AuditSay *p = take(a, 1, sizeof *p);
    anju__audit_say__init(p);
    p->mine = told_out(&s->mine, a);
    p->yours = told_out(&s->yours, a);
    p->asked = s->asked;
    p->asked_hash = hash_data(&s->asked_hash);
    return p;
}

static int entries_out(const struct entry *entries, size_t count, struct arena *a, ProtobufCBinaryData *out) {
    struct buffer raw = {0}, body = {0};
    if (count > LIMIT_FEED_ENTRIES)
        return WIRE_TOO_BIG;
    wire_entries_pack(entries, count, &raw);
    int r = count == 0 ? 0 : wire_batch_seal(buffer_bytes(&raw), &body);
    if (r == 0)
        *out = data(arena_copy(a, buffer_bytes(&body)));
    buffer_close(&raw);
    buffer_close(&body);
    return r;
}

#define BEGIN(kind, Type, var)                                                                                                             \
    Anju__##Type *p = take(a, 1, sizeof *p);                                                                                               \
    anju__##kind##__init(p);                                                                                                               \
    e->body_case = ANJU__ENVELOPE__BODY_##var;                                                                                             \
    e->kind = p

static void hello_out(const struct hello *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(hello, Hello, HELLO);
    p->protocol_least = m->protocol_least;
    p->protocol_most = m->protocol_most;
    p->software = data(m->software);
    p->n_lives = m->life_count;
    p->lives = lives_out(m->lives, m->life_count, a);
    p->cursor = cursor_out(m->cursor, a);
    p->clock = m->clock;
    p->nonce = m->nonce;
}

static void welcome_out(const struct welcome *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(welcome, Welcome, WELCOME);
    p->session = m->session;
    p->protocol = m->protocol;
    p->clock = m->clock;
    p->n_lives = m->life_count;
    p->lives = lives_out(m->lives, m->life_count, a);
    p->cursor = cursor_out(m->cursor, a);
    p->load = m->load;
    p->credit = m->credit;
    p->tip = m->tip;
    p->erasures = m->erasures;
    p->audit = audit_out(&m->audit, a);
}

static void refuse_out(const struct refuse *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(refuse, Refuse, REFUSE);
    p->reason = m->reason;
    p->text = data(m->text);
    p->retry_after_ms = m->retry_after_ms;
}

static void push_out(const struct push *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(push, Push, PUSH);
    p->session = m->session;
    p->incarnation = id_data(&m->incarnation);
    p->first = m->first;
    p->count = m->count;
    p->before = hash_data(&m->before);
    p->after = hash_data(&m->after);
    p->signature = data(m->signature);
    p->body = data(m->body);
}

static void ack_out(const struct ack *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(ack, Ack, ACK);
    p->session = m->session;
    p->n_lives = m->life_count;
    p->lives = lives_out(m->lives, m->life_count, a);
    p->credit = m->credit;
    p->rewind = m->rewind;
    p->canary = m->canary;
}

static void pull_out(const struct pull *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(pull, Pull, PULL);
    p->session = m->session;
    p->cursor = cursor_out(m->cursor, a);
    p->n_areas = m->area_count;
    p->areas = take(a, m->area_count, sizeof *p->areas);
    memcpy(p->areas, m->areas, m->area_count * sizeof *p->areas);
    p->n_loading = m->loading_count;
    p->loading = loading_out(m->loading, m->loading_count, a);
    p->verdicts_after = m->verdicts_after;
    p->bytes_ready = m->bytes;
    p->erasures_after = m->erasures_after;
}

static int feed_out(const struct feed *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(feed, Feed, FEED);
    if (m->held_count > LIMIT_FEED_VERDICTS || m->erasure_count > LIMIT_FEED_ERASURES)
        return WIRE_TOO_BIG;
    p->session = m->session;
    p->from = cursor_out(m->from, a);
    p->to = cursor_out(m->to, a);
    p->caught_up = m->caught_up;
    p->n_lives = m->life_count;
    p->lives = lives_out(m->lives, m->life_count, a);
    p->n_held = m->held_count;
    p->held = held_out(m->held, m->held_count, a);
    p->verdicts_to = m->verdicts_to;
    p->n_erasures = m->erasure_count;
    p->erasures = take(a, m->erasure_count, sizeof *p->erasures);
    for (size_t i = 0; i < m->erasure_count; i++) {
        Anju__ErasureOrder *o = p->erasures[i] = take(a, 1, sizeof *o);
        anju__erasure_order__init(o);
        o->row = m->erasures[i].row;
        o->change = data(m->erasures[i].change);
    }
    p->erasures_to = m->erasures_to;
    p->n_loading = m->loading_count;
    p->loading = loading_out(m->loading, m->loading_count, a);
    p->n_digests = m->digest_count;
    p->digests = take(a, m->digest_count, sizeof *p->digests);
    for (size_t i = 0; i < m->digest_count; i++) {
        Anju__AreaDigest *d = p->digests[i] = take(a, 1, sizeof *d);
        anju__area_digest__init(d);
        d->area = m->digests[i].area;
        d->lane0 = m->digests[i].digest.lane[0];
        d->lane1 = m->digests[i].digest.lane[1];
    }
    p->audit = audit_out(&m->audit, a);
    return entries_out(m->entries, m->entry_count, a, &p->entries);
}

static void tip_out(const struct tip *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(tip, Tip, TIP);
    p->session = m->session;
    p->hub_seq = m->hub_seq;
}

enum { REFUSAL_BYTES = 20 };

static size_t named(uint32_t count) {
    return count < BOOK_NAMES ? count : BOOK_NAMES;
}

static Anju__Book *book_out(const struct book_say *m, struct arena *a) {
    Anju__Book *p = take(a, 1, sizeof *p);
    anju__book__init(p);
    p->count = m->count;
    p->n_refused = named(m->count);
    p->refused = take(a, p->n_refused, sizeof *p->refused);
    for (size_t i = 0; i < p->n_refused; i++) {
        uint8_t *one = take(a, REFUSAL_BYTES, 1);
        memcpy(one, m->refused[i].id.b, sizeof m->refused[i].id.b);
        for (unsigned k = 0; k < 4; k++)
            one[sizeof m->refused[i].id.b + k] = (uint8_t)(m->refused[i].fault >> (24 - 8 * k));
        p->refused[i] = data(bytes_of(one, REFUSAL_BYTES));
    }
    p->signature = data(bytes_of(m->signature, sizeof m->signature));
    return p;
}

static void report_out(const struct report *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(report, Report, REPORT);
    p->session = m->session;
    p->backlog = m->backlog;
    p->oldest_ms = m->oldest_ms;
    p->disk_free = m->disk_free;
    p->at = m->at;
    p->digest_ok_at = m->digest_ok_at;
    p->held = m->held;
    p->canary = m->canary;
    p->number = m->number;
    p->alarms = m->alarms;
    p->software = data(m->software);
    p->erasures_to = m->erasures_to;
    p->destroyed = m->destroyed;
    p->audit = audit_out(&m->audit, a);
    p->book = book_out(&m->book, a);
}

static void repair_ask_out(const struct repair_ask *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(repair_ask, RepairAsk, REPAIR_ASK);
    p->session = m->session;
    p->cursor = cursor_out(m->cursor, a);
    p->area = m->area;
    p->n_lanes = (size_t)2 * DIGEST_BUCKETS;
    p->lanes = take(a, p->n_lanes, sizeof *p->lanes);
    for (size_t i = 0; i < p->n_lanes; i++)
        p->lanes[i] = m->buckets[i / 2].lane[i % 2];
}

static int repair_fill_out(const struct repair_fill *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(repair_fill, RepairFill, REPAIR_FILL);
    if (m->held_count > LIMIT_FEED_VERDICTS)
        return WIRE_TOO_BIG;
    p->session = m->session;
    p->epoch = epoch_out(m->epoch, a);
    p->area = m->area;
    p->covers = take(a, DIGEST_BUCKETS, sizeof *p->covers);
    for (uint32_t i = 0; i < DIGEST_BUCKETS; i++)
        if (m->covers[i])
            p->covers[p->n_covers++] = i;
    p->n_lives = m->life_count;
    p->lives = lives_out(m->lives, m->life_count, a);
    p->n_held = m->held_count;
    p->held = held_out(m->held, m->held_count, a);
    p->more = m->more;
    return entries_out(m->entries, m->entry_count, a, &p->entries);
}

static void key_offer_out(const struct key_offer *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(key_offer, KeyOffer, KEY_OFFER);
    p->session = m->session;
    p->public_ = data(m->public);
    p->by_old = data(m->by_old);
    p->by_new = data(m->by_new);
}

static void key_taken_out(const struct key_taken *m, Anju__Envelope *e, struct arena *a) {
    BEGIN(key_taken, KeyTaken, KEY_TAKEN);
    p->public_ = data(m->public);
    p->old_until = m->old_until;
}

int wire_pack(const struct message *m, struct buffer *out) {
    struct arena own = {.cap = 0}, *a = &own;
    Anju__Envelope e;
    int r = 0;
    anju__envelope__init(&e);
    switch (m->kind) {
    case MESSAGE_HELLO:
        hello_out(&m->hello, &e, a);
        break;
    case MESSAGE_WELCOME:
        welcome_out(&m->welcome, &e, a);
        break;
    case MESSAGE_REFUSE:
        refuse_out(&m->refuse, &e, a);
        break;
    case MESSAGE_PUSH:
        push_out(&m->push, &e, a);
        break;
    case MESSAGE_ACK:
        ack_out(&m->ack, &e, a);
        break;
    case MESSAGE_PULL:
        pull_out(&m->pull, &e, a);
        break;
    case MESSAGE_FEED:
        r = feed_out(&m->feed, &e, a);
        break;
    case MESSAGE_TIP:
        tip_out(&m->tip, &e, a);
        break;
    case MESSAGE_REPORT:
        report_out(&m->report, &e, a);
        break;
    case MESSAGE_REPAIR_ASK:
        repair_ask_out(&m->repair_ask, &e, a);
        break;
    case MESSAGE_REPAIR_FILL:
        r = repair_fill_out(&m->repair_fill, &e, a);
        break;
    case MESSAGE_KEY_OFFER:
        key_offer_out(&m->key_offer, &e, a);
        break;
    case MESSAGE_KEY_TAKEN:
        key_taken_out(&m->key_taken, &e, a);
        break;
    }
    size_t size = r == 0 ? anju__envelope__get_packed_size(&e) : 0;
    if (size > LIMIT_MESSAGE_BYTES)
        r = WIRE_TOO_BIG;
    if (r == 0)
        anju__envelope__pack(&e, buffer_grow(out, size));
    arena_close(a);
    return r;
}

/* ---- unpacking */

static void *arena_alloc(void *owner, size_t size) {
    return arena_take(owner, size);
}

static void arena_free(void *owner, void *at) {
    (void)owner;
    (void)at;
}

static struct bytes slice(ProtobufCBinaryData d) {
    return bytes_of(d.data, d.len);
}

static bool id_in(ProtobufCBinaryData d, struct id16 *out) {
    if (d.len != sizeof out->b)
        return false;
    memcpy(out->b, d.data, sizeof out->b);
    return true;
}

static bool hash_in(ProtobufCBinaryData d, struct hash *out) {
    if (d.len != 0 && d.len != sizeof out->b)
        return false;
    memset(out, 0, sizeof *out);
    if (d.len != 0)
        memcpy(out->b, d.data, sizeof out->b);
    return true;
}

static struct epoch epoch_in(const Anju__Epoch *p) {
    return p == NULL ? (struct epoch){0, 0} : (struct epoch){p->counter, p->random};
}

static struct cursor cursor_in(const Anju__Cursor *p) {
    return p == NULL ? (struct cursor){{0, 0}, 0, 0} : (struct cursor){epoch_in(p->epoch), p->at, p->floor};
}

static bool lives_in(Anju__Life *const *list, size_t count, struct life *out, size_t *out_count) {
    if (count > LIMIT_LIVES)
        return false;
    for (size_t i = 0; i < count; i++) {
        const Anju__Life *p = list[i];
        out[i] = (struct life){.first = p->first, .last = p->last, .acked = p->acked, .safe = p->safe, .includes = p->includes};
        if (!id_in(p->incarnation, &out[i].incarnation) || !hash_in(p->acked_hash, &out[i].acked_hash))
            return false;
    }
    *out_count = count;
    return true;
}

static bool held_in(Anju__Held *const *list, size_t count, struct arena *a, const struct held **out, size_t *out_count) {
    if (count > LIMIT_FEED_VERDICTS)
        return false;
    struct held *held = arena_take(a, (count + 1) * sizeof *held);
    if (held == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        held[i].seq = list[i]->seq;
        held[i].reason = (enum verdict)list[i]->reason;
        if (!id_in(list[i]->incarnation, &held[i].incarnation))
            return false;
    }
    *out = held;
    *out_count = count;
    return true;
}

static bool loading_in(Anju__Loading *const *list, size_t count, struct loading *out, size_t *out_count) {
    if (count > LIMIT_AREAS)
        return false;
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct loading){list[i]->area, list[i]->upto, list[i]->done};
        if (!area_valid(out[i].area))
            return false;
    }
    *out_count = count;
    return true;
}

static bool told_in(const Anju__AuditTold *p, struct audit_told *out) {
    if (p == NULL)
        return true;
    if (p->head == NULL || p->signature.len != sizeof out->signature || !id_in(p->head->life, &out->head.life) ||
        !hash_in(p->head->hash, &out->head.hash))
        return false;
    out->head.n = p->head->n;
    out->at = p->at;
    memcpy(out->signature, p->signature.data, sizeof out->signature);
    return true;
}

static bool audit_in(const Anju__AuditSay *p, struct audit_say *out) {
    if (p == NULL)
        return true;
    out->asked = p->asked;
    return told_in(p->mine, &out->mine) && told_in(p->yours, &out->yours) && hash_in(p->asked_hash, &out->asked_hash);
}

/* The decompressed entries live in the arena, since their slices do. */
static int entries_in(ProtobufCBinaryData d, struct arena *a, const struct entry **out, size_t *count) {
    struct buffer raw = {0};
    *out = NULL;
    *count = 0;
    if (d.len == 0)
        return 0;
    int r = wire_batch_open(slice(d), &raw);
    if (r == 0) {
        struct bytes kept = arena_copy(a, buffer_bytes(&raw));
        r = kept.at == NULL && kept.len > 0 ? WIRE_TOO_BIG : wire_entries_unpack(kept, a, out, count);
    }
    buffer_close(&raw);
    return r;
}

static int checked(bool good) {
    return good ? 0 : WIRE_BROKEN;
}

static int hello_in(const Anju__Hello *p, struct hello *m) {
    m->protocol_least = p->protocol_least;
    m->protocol_most = p->protocol_most;
    m->software = slice(p->software);
    m->cursor = cursor_in(p->cursor);
    m->clock = p->clock;
    m->nonce = p->nonce;
    return checked(p->n_lives > 0 && p->software.len <= 64 && lives_in(p->lives, p->n_lives, m->lives, &m->life_count));
}

static int welcome_in(const Anju__Welcome *p, struct welcome *m) {
    m->session = p->session;
    m->protocol = p->protocol;
    m->clock = p->clock;
    m->cursor = cursor_in(p->cursor);
    m->load = p->load;
    m->credit = p->credit;
    m->tip = p->tip;
    m->erasures = p->erasures;
    return checked(p->session != 0 && lives_in(p->lives, p->n_lives, m->lives, &m->life_count) && audit_in(p->audit, &m->audit));
}

static int push_in(const Anju__Push *p, struct push *m) {
    m->session = p->session;
    m->first = p->first;
    m->count = p->count;
    m->signature = slice(p->signature);
    m->body = slice(p->body);
    if (p->count > LIMIT_PUSH_CHANGES)
        return WIRE_TOO_BIG;
    return checked(
        p->count > 0 && p->first > 0 && p->first <= UINT64_MAX - p->count && p->signature.len <= 64 &&
        id_in(p->incarnation, &m->incarnation) && hash_in(p->before, &m->before) && hash_in(p->after, &m->after));
}

static int ack_in(const Anju__Ack *p, struct ack *m) {
    m->session = p->session;
    m->credit = p->credit;
    m->rewind = p->rewind;
    m->canary = p->canary;
    return checked(lives_in(p->lives, p->n_lives, m->lives, &m->life_count));
}

static int pull_in(const Anju__Pull *p, struct pull *m) {
    m->session = p->session;
    m->cursor = cursor_in(p->cursor);
    m->verdicts_after = p->verdicts_after;
    m->bytes = p->bytes_ready;
    m->erasures_after = p->erasures_after;
    if (p->n_areas > LIMIT_AREAS)
        return WIRE_TOO_BIG;
    m->area_count = p->n_areas;
    for (size_t i = 0; i < p->n_areas; i++) {
        m->areas[i] = p->areas[i];
        if (!area_valid(m->areas[i]))
            return WIRE_BROKEN;
    }
    return checked(loading_in(p->loading, p->n_loading, m->loading, &m->loading_count));
}

static bool erasures_in(const Anju__Feed *p, struct arena *a, struct feed *m) {
    struct erasure_order *list = p->n_erasures > LIMIT_FEED_ERASURES ? NULL : arena_take(a, (p->n_erasures + 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i < p->n_erasures; i++)
        list[i] = (struct erasure_order){p->erasures[i]->row, slice(p->erasures[i]->change)};
    m->erasures = list;
    m->erasure_count = p->n_erasures;
    m->erasures_to = p->erasures_to;
    return list != NULL;
}

static int feed_in(const Anju__Feed *p, struct arena *a, struct feed *m) {
    m->session = p->session;
    m->from = cursor_in(p->from);
    m->to = cursor_in(p->to);
    m->caught_up = p->caught_up;
    m->verdicts_to = p->verdicts_to;
    if (p->n_digests > LIMIT_AREAS)
        return WIRE_TOO_BIG;
    m->digest_count = p->n_digests;
    for (size_t i = 0; i < p->n_digests; i++)
        m->digests[i] = (struct area_digest){p->digests[i]->area, {{p->digests[i]->lane0, p->digests[i]->lane1}}};
    if (!lives_in(p->lives, p->n_lives, m->lives, &m->life_count) || !held_in(p->held, p->n_held, a, &m->held, &m->held_count) ||
        !loading_in(p->loading, p->n_loading, m->loading, &m->loading_count) || !audit_in(p->audit, &m->audit) || !erasures_in(p, a, m))
        return WIRE_BROKEN;
    return entries_in(p->entries, a, &m->entries, &m->entry_count);
}

static bool book_in(const Anju__Book *p, struct book_say *m) {
    memset(m, 0, sizeof *m);
    if (p == NULL) /* an older node's */
        return true;
    if (p->n_refused != named(p->count) || p->signature.len != sizeof m->signature)
        return false;
    m->count = p->count;
    for (size_t i = 0; i < p->n_refused; i++) {
        struct reader r = {.rest = slice(p->refused[i])};
        struct bytes id = reader_take(&r, sizeof m->refused[i].id.b);
        m->refused[i].fault = reader_u32be(&r);
        if (r.bad || r.rest.len != 0)
            return false;
        memcpy(m->refused[i].id.b, id.at, id.len);
    }
    memcpy(m->signature, p->signature.data, sizeof m->signature);
    return true;
}

static int report_in(const Anju__Report *p, struct report *m) {
    m->session = p->session;
    m->backlog = p->backlog;
    m->oldest_ms = p->oldest_ms;
    m->disk_free = p->disk_free;
    m->at = p->at;
    m->digest_ok_at = p->digest_ok_at;
    m->held = p->held;
    m->canary = p->canary;
    m->number = p->number;
    m->alarms = p->alarms;
    m->software = p->software.len <= 64 ? slice(p->software) : (struct bytes){NULL, 0};
    m->erasures_to = p->erasures_to;
    m->destroyed = p->destroyed;
    return checked(audit_in(p->audit, &m->audit) && book_in(p->book, &m->book));
}

static int repair_ask_in(const Anju__RepairAsk *p, struct repair_ask *m) {
    m->session = p->session;
    m->cursor = cursor_in(p->cursor);
    m->area = p->area;
    if (p->n_lanes != (size_t)2 * DIGEST_BUCKETS || !area_valid(p->area))
        return WIRE_BROKEN;
    for (size_t i = 0; i < p->n_lanes; i++)
        m->buckets[i / 2].lane[i % 2] = p->lanes[i];
    return 0;
}

static int repair_fill_in(const Anju__RepairFill *p, struct arena *a, struct repair_fill *m) {
    m->session = p->session;
    m->epoch = epoch_in(p->epoch);
    m->area = p->area;
    m->more = p->more;
    if (p->n_covers > DIGEST_BUCKETS || !area_valid(p->area))
        return WIRE_BROKEN;
    for (size_t i = 0; i < p->n_covers; i++) {
        if (p->covers[i] >= DIGEST_BUCKETS)
            return WIRE_BROKEN;
        m->covers[p->covers[i]] = true;
    }
    if (!lives_in(p->lives, p->n_lives, m->lives, &m->life_count) || !held_in(p->held, p->n_held, a, &m->held, &m->held_count))
        return WIRE_BROKEN;
    return entries_in(p->entries, a, &m->entries, &m->entry_count);
}

static int body_in(const Anju__Envelope *e, struct arena *a, struct message *out) {
    switch (e->body_case) {
    case ANJU__ENVELOPE__BODY_HELLO:
        out->kind = MESSAGE_HELLO;
        return hello_in(e->hello, &out->hello);
    case ANJU__ENVELOPE__BODY_WELCOME:
        out->kind = MESSAGE_WELCOME;
        return welcome_in(e->welcome, &out->welcome);
    case ANJU__ENVELOPE__BODY_REFUSE:
        out->kind = MESSAGE_REFUSE;
        out->refuse = (struct refuse){(enum refusal)e->refuse->reason, slice(e->refuse->text), e->refuse->retry_after_ms};
        return checked(e->refuse->reason != 0);
    case ANJU__ENVELOPE__BODY_PUSH:
        out->kind = MESSAGE_PUSH;
        return push_in(e->push, &out->push);
    case ANJU__ENVELOPE__BODY_ACK:
        out->kind = MESSAGE_ACK;
        return ack_in(e->ack, &out->ack);
    case ANJU__ENVELOPE__BODY_PULL:
        out->kind = MESSAGE_PULL;
        return pull_in(e->pull, &out->pull);
    case ANJU__ENVELOPE__BODY_FEED:
        out->kind = MESSAGE_FEED;
        return feed_in(e->feed, a, &out->feed);
    case ANJU__ENVELOPE__BODY_TIP:
        out->kind = MESSAGE_TIP;
        out->tip = (struct tip){e->tip->session, e->tip->hub_seq};
        return 0;
    case ANJU__ENVELOPE__BODY_REPORT:
        out->kind = MESSAGE_REPORT;
        return report_in(e->report, &out->report);
    case ANJU__ENVELOPE__BODY_REPAIR_ASK:
        out->kind = MESSAGE_REPAIR_ASK;
        return repair_ask_in(e->repair_ask, &out->repair_ask);
    case ANJU__ENVELOPE__BODY_REPAIR_FILL:
        out->kind = MESSAGE_REPAIR_FILL;
        return repair_fill_in(e->repair_fill, a, &out->repair_fill);
    case ANJU__ENVELOPE__BODY_KEY_OFFER:
        out->kind = MESSAGE_KEY_OFFER;
        out->key_offer = (struct key_offer){
            e->key_offer->session, slice(e->key_offer->public_), slice(e->key_offer->by_old), slice(e->key_offer->by_new)};
        return 0;
    case ANJU__ENVELOPE__BODY_KEY_TAKEN:
        out->kind = MESSAGE_KEY_TAKEN;
        out->key_taken = (struct key_taken){slice(e->key_taken->public_), e->key_taken->old_until};
        return 0;
    case ANJU__ENVELOPE__BODY__NOT_SET:
    default:
        return WIRE_NEWER;
    }
}

int wire_unpack(struct bytes frame, struct arena *a, struct message *out) {
    ProtobufCAllocator allocator = {arena_alloc, arena_free, a};
    memset(out, 0, sizeof *out);
    if (frame.len > LIMIT_MESSAGE_BYTES)
        return WIRE_TOO_BIG;
    Anju__Envelope *e = anju__envelope__unpack(&allocator, frame.len, frame.at);
    return e == NULL ? WIRE_BROKEN : body_in(e, a, out);
}
