#include "common/store/hub_log.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <errno.h>
#include <string.h>

enum { NODE_FORM = 1, ID_BYTES = 16, HASH_BYTES = 32 };

/* ---- the log's place */

struct life_row {
    struct id16 life;
    uint64_t first;
};

static bool life_read(struct txn *t, unsigned tree, struct life_row *out) {
    struct key k = key_word("life");
    struct bytes value;
    int r = envelope_get(t, tree, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return false;
    struct reader in = {.rest = value};
    struct bytes id = {NULL, 0};
    if (r == 0) {
        id = reader_take(&in, ID_BYTES);
        out->first = reader_u64be(&in);
    }
    if (r != 0 || in.bad) {
        txn_fail(t, fail(-EBADMSG));
        return false;
    }
    memcpy(out->life.b, id.at, ID_BYTES);
    return true;
}

static void life_write(struct txn *t, unsigned tree, const struct id16 *life, uint64_t first) {
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_add(&b, bytes_of(life->b, sizeof life->b));
    buffer_u64be(&b, first);
    struct key k = key_word("life");
    envelope_put(t, tree, key_bytes(&k), buffer_bytes(&b));
}

/* The highest key of a tree whose keys are one u64; 0 when it is empty. */
static uint64_t last_of(struct txn *t, unsigned tree) {
    struct bytes at, value;
    uint64_t last = 0;
    struct scan *c = scan_open(t, tree);
    if (scan_last(c, &at, &value)) {
        struct reader in = {.rest = at};
        last = reader_u64be(&in);
    }
    scan_close(c);
    return last;
}

void hub_log_begin(struct txn *t, const struct id16 *life, uint64_t first) {
    invariant(first > 0);
    txn_clear(t, HUB_LOG_ENTRIES);
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    life_write(t, HUB_LOG_META, life, first);
}

void hub_log_rename(struct txn *t, const struct id16 *life) {
    struct hub_log_place at;
    if (hub_log_place(t, &at))
        life_write(t, HUB_LOG_META, life, at.first);
}

bool hub_log_place(struct txn *t, struct hub_log_place *out) {
    struct life_row row = {.first = 0};
    if (!life_read(t, HUB_LOG_META, &row))
        return false;
    uint64_t last = last_of(t, HUB_LOG_ENTRIES);
    *out = (struct hub_log_place){.life = row.life, .first = row.first, .last = last == 0 ? row.first - 1 : last};
    return true;
}

/* ---- what the log knows of a node */

static bool node_unpack(struct bytes value, struct hub_log_node *out) {
    struct reader in = {.rest = value};
    if (reader_u8(&in) != NODE_FORM)
        return false;
    struct bytes current = reader_take(&in, ID_BYTES);
    out->issued = reader_u64be(&in);
    out->used = reader_u64be(&in);
    out->life_count = reader_u8(&in);
    if (in.bad || out->life_count > LIMIT_LIVES)
        return false;
    memcpy(out->current.b, current.at, ID_BYTES);
    for (size_t i = 0; i < out->life_count; i++) {
        struct life *l = &out->lives[i];
        struct bytes id = reader_take(&in, ID_BYTES);
        l->acked = reader_u64be(&in);
        struct bytes hash = reader_take(&in, HASH_BYTES);
        if (in.bad)
            return false;
        memcpy(l->incarnation.b, id.at, ID_BYTES);
        memcpy(l->acked_hash.b, hash.at, HASH_BYTES);
    }
    return true;
}

bool hub_log_node(struct txn *t, uint32_t node, struct hub_log_node *out) {
    memset(out, 0, sizeof *out);
    out->node = node;
    struct key k = key_u32(node);
    struct bytes value;
    int r = envelope_get(t, HUB_LOG_NODES, key_bytes(&k), &value);
    if (r == ENVELOPE_MISSING)
        return false;
    if (r == 0 && node_unpack(value, out))
        return true;
    txn_fail(t, fail(-EBADMSG));
    memset(out, 0, sizeof *out);
    out->node = node;
    return false;
}

void hub_log_node_put(struct txn *t, const struct hub_log_node *n) {
    invariant(n->life_count <= LIMIT_LIVES);
    CLEANUP(buffer_close) struct buffer b = {0};
    buffer_u8(&b, NODE_FORM);
    buffer_add(&b, bytes_of(n->current.b, ID_BYTES));
    buffer_u64be(&b, n->issued);
    buffer_u64be(&b, n->used);
    buffer_u8(&b, (uint8_t)n->life_count);
    for (size_t i = 0; i < n->life_count; i++) {
        buffer_add(&b, bytes_of(n->lives[i].incarnation.b, ID_BYTES));
        buffer_u64be(&b, n->lives[i].acked);
        buffer_add(&b, bytes_of(n->lives[i].acked_hash.b, HASH_BYTES));
    }
    struct key k = key_u32(n->node);
    envelope_put(t, HUB_LOG_NODES, key_bytes(&k), buffer_bytes(&b));
}

int hub_log_nodes(struct txn *t, int (*each)(void *owner, const struct hub_log_node *n), void *owner) {
    struct scan *c = scan_open(t, HUB_LOG_NODES);
    struct bytes at, value;
    int r = 0;
    for (bool on = scan_from(c, BYTES("\0"), &at, &value); on && r == 0; on = scan_next(c, &at, &value)) {
        struct reader key = {.rest = at};
        struct hub_log_node n;
        if (!hub_log_node(t, reader_u32be(&key), &n)) {
            r = pass(txn_result(t) < 0 ? txn_result(t) : -EBADMSG);
            break;
        }
        r = each(owner, &n);
    }
    scan_close(c);
    return r;
}

static struct life *life_make(struct hub_log_node *n, const struct id16 *incarnation) {
    struct life *l = life_find(n->lives, n->life_count, incarnation);
    if (l != NULL)
        return l;
    if (n->life_count == LIMIT_LIVES) { /* the oldest gives way */
        memmove(n->lives, n->lives + 1, sizeof *n->lives * (LIMIT_LIVES - 1));
        n->life_count--;
    }
    l = &n->lives[n->life_count++];
    *l = (struct life){.incarnation = *incarnation};
    return l;
}

/* ---- entries */

bool hub_log_hole(const struct life *known, uint64_t reached, size_t life_count, uint64_t first) {
    if (known != NULL)
        return first > reached + 1;
    return first > 1 && life_count < LIMIT_LIVES; /* a full table may have forgotten it */
}

/* Puts an entry that fits its node's row at a position above every other. */
static void put_entry(struct txn *t, uint64_t position, const struct log_entry *e, struct hub_log_node *n) {
    CLEANUP(buffer_close) struct buffer b = {0};
    wire_log_entry_pack(e, &b);
    struct key k = key_u64(position);
    envelope_append_day(t, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&b), e->received);
    if (!log_changes(e->kind))
        return;
    struct life *l = life_make(n, &e->incarnation);
    l->acked = e->first + e->count - 1;
    l->acked_hash = e->after;
    hub_log_node_put(t, n);
}

void hub_log_append(struct txn *t, const struct log_entry *e) {
    struct hub_log_place place;
    struct hub_log_node n;
    if (!hub_log_place(t, &place)) {
        txn_fail(t, fail(-EINVAL));
        return;
    }
    if (log_changes(e->kind)) {
        hub_log_node(t, e->node, &n);
        const struct life *known = life_find(n.lives, n.life_count, &e->incarnation);
        if (hub_log_hole(known, known == NULL ? 0 : known->acked, n.life_count, e->first)) {
            log_fact(LOG_ERROR, "hub.log_hole", FACT_UINT("node", e->node), FACT_UINT("first", e->first));
            txn_fail(t, fail(-EINVAL));
            return;
        }
    }
    put_entry(t, place.last + 1, e, &n);
}

bool hub_log_continues(const struct log_entry *e, const struct life *known) {
    CLEANUP(buffer_close) struct buffer raw = {0};
    uint64_t reached = known == NULL ? 0 : known->acked, seq = e->first;
    struct hash chain = e->before;
    if (e->count == 0 || e->first == 0 || e->first > reached + 1 || e->first + e->count - 1 <= reached)
        return false;
    if (seq <= reached && wire_batch_open(e->body, &raw) != 0)
        return false;
    struct reader in = {.rest = buffer_bytes(&raw)};
    struct bytes packed;
    for (; seq <= reached && wire_batch_next(&in, &packed); seq++)
        chain = wire_chain(&chain, packed);
    static const struct hash none = {{0}};
    return seq > reached && memcmp(&chain, known == NULL ? &none : &known->acked_hash, sizeof chain) == 0;
}

void hub_log_renew(struct txn *t, const struct id16 *life, uint64_t first) {
    struct arena_mark mark = envelope_mark(t);
    struct hub_log_place place;
    uint64_t last = first - 1;
    bool begun = hub_log_place(t, &place);
    invariant(!begun || first > place.last);
    life_write(t, HUB_LOG_META, life, first);
    for (uint64_t p = begun ? place.first : 1; begun && p <= place.last; p++) {
        struct key k = key_u64(p);
        struct bytes stored;
        struct log_entry e;
        struct hub_log_node n;
        envelope_release(t, mark);
        bool sound = envelope_get(t, HUB_LOG_ENTRIES, key_bytes(&k), &stored) == 0;
        txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
        if (!sound || wire_log_entry_unpack(stored, &e) != 0)
            continue;
        if (log_changes(e.kind)) {
            hub_log_node(t, e.node, &n);
            if (!hub_log_continues(&e, life_find(n.lives, n.life_count, &e.incarnation)))
                continue;
        }
        put_entry(t, ++last, &e, &n);
    }
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    if (last >= first)
        log_fact(LOG_WARNING, "hub.log_carried_over", FACT_UINT("entries", last - first + 1));
}

int hub_log_read(struct txn *t, uint64_t position, struct log_entry *out) {
    struct key k = key_u64(position);
    struct bytes value;
    int r = envelope_get(t, HUB_LOG_ENTRIES, key_bytes(&k), &value);
    if (r == 0)
        return wire_log_entry_unpack(value, out) == 0 ? 0 : HUB_LOG_ROTTEN;
    if (r == ENVELOPE_ROTTEN)
        return HUB_LOG_ROTTEN;
    /* Not there: beyond the last, trimmed, or gone from between its neighbours. */
    return position > last_of(t, HUB_LOG_ENTRIES) ? HUB_LOG_END : HUB_LOG_ROTTEN;
}

void hub_log_trim(struct txn *t, uint64_t below) {
    struct hub_log_place place;
    if (!hub_log_place(t, &place))
        return;
    uint64_t first = below <= place.last ? below : place.last + 1;
    if (first <= place.first)
        return;
    for (uint64_t p = place.first; p < first; p++) {
        struct key k = key_u64(p);
        txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    }
    envelope_drop_days(t, HUB_LOG_ENTRIES);
    life_write(t, HUB_LOG_META, &place.life, first);
}

/* ---- the hub's own changes */

void hub_own_begin(struct txn *own, const struct id16 *incarnation) {
    life_write(own, HUB_OWN_META, incarnation, 1);
}

void hub_own_moved(struct txn *own, uint32_t node, const uint8_t key[32]) {
    struct key k = key_moved(node);
    envelope_put(own, HUB_OWN_META, key_bytes(&k), bytes_of(key, 32));
}

void hub_own_moved_to(struct txn *own, uint32_t node, uint8_t out[32]) {
    struct key k = key_moved(node);
    struct bytes value;
    memset(out, 0, 32);
    if (envelope_get(own, HUB_OWN_META, key_bytes(&k), &value) == 0 && value.len == 32)
        memcpy(out, value.at, 32);
}

void hub_own_said(struct txn *own, uint32_t node, const struct office_said *said) {
    struct key k = key_said(node);
    struct message m = {.kind = MESSAGE_REPORT, .report = said->report};
    struct buffer row = {0}, frame = {0};
    m.report.software = bytes_of(said->software, strlen(said->software));
    if (wire_pack(&m, &frame) == 0) {
        buffer_u64be(&row, said->at);
        buffer_add(&row, buffer_bytes(&frame));
        envelope_put(own, HUB_OWN_META, key_bytes(&k), buffer_bytes(&row));
    }
    buffer_close(&row);
    buffer_close(&frame);
}

void hub_own_said_last(struct txn *own, uint32_t node, struct office_said *out) {
    struct key k = key_said(node);
    struct bytes value;
    struct arena a = {0};
    struct message m;
    *out = (struct office_said){0};
    if (envelope_get(own, HUB_OWN_META, key_bytes(&k), &value) != 0)
        return;
    struct reader r = {value, false};
    wall_ms at = reader_u64be(&r);
    if (!r.bad && wire_unpack(r.rest, &a, &m) == 0 && m.kind == MESSAGE_REPORT) {
        out->at = at;
        out->report = m.report;
        out->report.software = (struct bytes){NULL, 0};
        memcpy(out->software, m.report.software.at, m.report.software.len < sizeof out->software ? m.report.software.len : 0);
    }
    arena_close(&a);
}

uint64_t hub_own_last(struct txn *own, struct id16 *incarnation) {
    struct life_row row = {.first = 0};
    if (!life_read(own, HUB_OWN_META, &row))
        return 0;
    if (incarnation != NULL)
        *incarnation = row.life;
    return last_of(own, HUB_OWN_ENTRIES);
}

uint64_t hub_own_append(struct txn *own, struct change *c) {
    CLEANUP(buffer_close) struct buffer b = {0};
    c->seq = last_of(own, HUB_OWN_ENTRIES) + 1;
    wire_change_pack(c, &b);
    struct key k = key_u64(c->seq);
    envelope_append_day(own, HUB_OWN_ENTRIES, key_bytes(&k), buffer_bytes(&b), hlc_ms(c->version.hlc));
    return c->seq;
}

bool hub_own_entry(struct txn *own, uint64_t after, const struct hash *before, wall_ms now, struct buffer *body, struct log_entry *out) {
    struct life_row row = {.first = 0};
    if (!life_read(own, HUB_OWN_META, &row))
        return false;
    CLEANUP(buffer_close) struct buffer raw = {0};
    struct hash chain = *before;
    uint32_t count = 0;
    struct key from = key_u64(after + 1);
    struct bytes at, value, packed;
    struct scan *c = scan_open(own, HUB_OWN_ENTRIES);
    for (bool on = scan_from(c, key_bytes(&from), &at, &value); on && count < LIMIT_PUSH_CHANGES; on = scan_next(c, &at, &value)) {
        struct key expected = key_u64(after + 1 + count);
        if (!bytes_equal(at, key_bytes(&expected)) || envelope_open(own, HUB_OWN_ENTRIES, at, value, &packed) != 0) {
            txn_fail(own, fail(-EBADMSG));
            break;
        }
        /* Half a message, so that even what does not compress fits one push. */
        if (count > 0 && raw.len + packed.len > LIMIT_MESSAGE_BYTES / 2)
            break;
        wire_batch_add(&raw, packed);
        chain = wire_chain(&chain, packed);
        count++;
    }
    scan_close(c);
    if (count == 0 || txn_result(own) != 0)
        return false;
    buffer_clear(body);
    if (wire_batch_seal(buffer_bytes(&raw), body) != 0) {
        txn_fail(own, fail(-EMSGSIZE));
        return false;
    }
    *out = (struct log_entry){
        .kind = LOG_PUSH,
        .node = 0,
        .incarnation = row.life,
        .first = after + 1,
        .count = count,
        .before = *before,
        .after = chain,
        .received = now,
        .body = buffer_bytes(body),
    };
    return true;
}
