/* The state looked at as a whole: verified against itself, and swept of rows that no page delivers any more. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/hub_erase.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- verify */

struct sum {
    area area;
    struct digest digest;
};

struct check {
    struct txn *t;
    void (*complain)(void *owner, const char *what);
    void *owner;
    struct progress *progress;
    int complaints;
    struct buffer sums; /* struct sum, sorted by area */
    struct hub_place place;
    uint64_t records, conflicts, held;
};

__attribute__((format(printf, 2, 3))) static void complain(struct check *c, const char *format, ...) {
    char text[256];
    va_list args;
    if (progress_stopped(c->progress)) /* what was not looked at to its end does not add up */
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->complaints++;
    if (c->complain != NULL)
        c->complain(c->owner, text);
}

static void complain_of(void *owner, const char *what) {
    complain(owner, "%s", what);
}

static struct digest *sum_of(struct check *c, area a) {
    struct sum *all = (struct sum *)(void *)c->sums.at;
    size_t count = c->sums.len / sizeof *all, low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (all[mid].area < a)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == count || all[low].area != a) {
        buffer_grow(&c->sums, sizeof *all);
        all = (struct sum *)(void *)c->sums.at;
        memmove(all + low + 1, all + low, (count - low) * sizeof *all);
        all[low] = (struct sum){.area = a};
    }
    return &all[low].digest;
}

static void check_rows(struct check *c, const struct record *r, const char *id) {
    area now[LIMIT_AREAS];
    size_t count = record_areas_now(r, now, LIMIT_AREAS), present = 0;
    for (size_t i = 0; i < r->area_count; i++) {
        const struct area_row *row = &r->areas[i];
        if (!row->present)
            continue;
        if (present < LIMIT_AREAS && (present >= count || now[present] != row->area))
            complain(c, "record %u/%s: its list of areas is not what its fields say", r->type, id);
        present++;
        struct key k = key_row(row->area, row->row), self = key_record(r->type, &r->id);
        struct bytes value;
        if (envelope_get(c->t, HUB_ROWS, key_bytes(&k), &value) != 0 || !bytes_equal(value, key_bytes(&self)))
            complain(c, "record %u/%s: its row in an area's feed is missing or rotten", r->type, id);
        if (row->row > c->place.hub_seq || row->since > row->row)
            complain(c, "record %u/%s: its row %" PRIu64 " cannot be", r->type, id, row->row);
        digest_add(sum_of(c, row->area), r);
    }
    if (count < LIMIT_AREAS && present != count)
        complain(c, "record %u/%s: in %zu areas, its fields say %zu", r->type, id, present, count);
}

static void check_record(struct check *c, struct bytes key, struct bytes packed, struct arena *a) {
    uint32_t type;
    struct id16 id;
    struct record r;
    struct hub_aside aside;
    struct digest real = {{0, 0}};
    char hex[ID_HEX];
    key_record_read(key, &type, &id);
    id_hex(&id, hex);
    arena_clear(a);
    if (!hub_value_unpack(packed, a, &r, &aside) || r.type != type || !id_equal(&r.id, &id)) {
        complain(c, "record %u/%s cannot be read", type, hex);
        return;
    }
    digest_add(&real, &r);
    if (!digest_equal(aside.own, real))
        complain(c, "record %u/%s: its digest is not its own", type, hex);
    c->records += !record_empty(&r) && !record_deleted(&r);
    for (size_t i = 0; i < r.field_count; i++) {
        c->conflicts += field_concurrent(&r.fields[i]);
        if (r.fields[i].feed_seq > r.feed_seq)
            complain(c, "record %u/%s: field %u is newer than its record", type, hex, r.fields[i].number);
    }
    check_rows(c, &r, hex);
}

static void check_records(struct check *c) {
    CLEANUP(arena_close) struct arena a = {0};
    struct bytes key, value, packed;
    struct seal_key own = {{0}}; /* of the record that came last: its history follows it */
    struct arena_mark mark = envelope_mark(c->t);
    struct scan *s = scan_open(c->t, HUB_RECORDS);
    for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
        envelope_release(c->t, mark);
        uint32_t type;
        struct id16 id;
        struct name name;
        struct history_entry h;
        progress_step(c->progress, 1);
        bool record = key_record_read(key, &type, &id), history = !record && key_history_read(key, &type, &id, &name);
        if ((history ? envelope_open_under(c->t, HUB_RECORDS, key, value, &own, &packed)
                     : envelope_open_own(c->t, HUB_RECORDS, key, value, &packed, &own)) != 0) {
            char hex[ID_HEX];
            complain(c, "%s of record %u/%s is rotten", record ? "the value" : "the history", type, id_hex(&id, hex));
        } else if (record) {
            check_record(c, key, packed, &a);
        } else if (!history || wire_history_unpack(packed, &h) != 0 || !name_equal(h.name, name)) {
            complain(c, "a line of history cannot be read");
        }
    }
    scan_close(s);
    seal_forget(&own);
}

static void check_digests(struct check *c) {
    const struct sum *all = (const struct sum *)(const void *)c->sums.at;
    size_t count = c->sums.len / sizeof *all;
    char text[AREA_TEXT];
    for (size_t i = 0; i < count; i++)
        if (!digest_equal(all[i].digest, hub_digest(c->t, all[i].area)))
            complain(c, "the digest of area '%s' is not that of its records", area_text(all[i].area, text));
    struct bytes key, value, packed;
    struct scan *s = scan_open(c->t, HUB_DIGESTS);
    for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
        struct reader k = {.rest = key};
        area a = reader_u64be(&k);
        progress_step(c->progress, 1);
        if (envelope_open(c->t, HUB_DIGESTS, key, value, &packed) != 0)
            complain(c, "the digest of area '%s' is rotten", area_text(a, text));
        else if (!digest_equal(*sum_of(c, a), hub_digest(c->t, a)))
            complain(c, "the digest of area '%s' is not that of its records", area_text(a, text));
    }
    scan_close(s);
}

static void check_rows_tree(struct check *c) {
    struct bytes key, value;
    struct scan *s = scan_open(c->t, HUB_ROWS);
    for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
        area a;
        uint64_t hub_seq;
        uint32_t type;
        struct id16 id;
        progress_step(c->progress, 1);
        if (!key_row_read(key, &a, &hub_seq) || !hub_row_open(c->t, a, hub_seq, value, &type, &id) || hub_seq > c->place.hub_seq) {
            complain(c, "a row of a feed is rotten");
            continue;
        }
        struct key k = key_record(type, &id);
        if (!txn_get(c->t, HUB_RECORDS, key_bytes(&k), &value) && !hub_erased(c->t, type, &id)) {
            char hex[ID_HEX];
            complain(c, "record %u/%s has a row in a feed and is missing", type, id_hex(&id, hex));
        }
    }
    scan_close(s);
}

struct held_sum {
    uint64_t held, discarded, bytes;
};

static void check_opened(struct check *c, struct bytes key, struct bytes value, struct held_sum *sum, struct arena *a) {
    uint32_t node;
    struct id16 incarnation;
    uint64_t seq;
    struct quarantined q;
    struct bytes packed;
    struct change change;
    if (!key_held_read(key, &node, &incarnation, &seq) || envelope_open(c->t, HUB_HELD, key, value, &packed) != 0 ||
        wire_quarantined_unpack(packed, &q) != 0) {
        complain(c, "a held change is rotten");
        return;
    }
    if (q.reason == VERDICT_DISCARDED) {
        sum->discarded++;
    } else {
        sum->held++;
        sum->bytes += q.change.len;
    }
    struct key k = key_verdict(node, q.row);
    if (envelope_get(c->t, HUB_VERDICTS, key_bytes(&k), &packed) != 0)
        complain(c, "the verdict on change %" PRIu64 " of node %u is missing or rotten", seq, node);
    arena_clear(a);
    if (q.reason == VERDICT_GARBAGE || wire_change_unpack(q.change, a, &change) != 0)
        return;
    k = key_waiting(change.type, &change.record, node, &incarnation, seq);
    if (change.seq == seq && envelope_get(c->t, HUB_WAITING, key_bytes(&k), &packed) != 0)
        complain(c, "held change %" PRIu64 " of node %u is not listed at its record, or rotten there", seq, node);
}

static void check_item(struct check *c, struct bytes key, struct bytes value, struct held_sum *sum, struct arena *a) {
    struct arena_mark mark = envelope_mark(c->t);
    check_opened(c, key, value, sum, a);
    envelope_release(c->t, mark);
}

static void check_node(struct check *c, uint32_t node) {
    CLEANUP(arena_close) struct arena a = {0};
    struct hub_node_state n;
    struct held_sum sum = {0};
    hub_node_get(c->t, node, &n);
    struct key prefix = key_u32(node);
    struct bytes key, value;
    struct scan *s = scan_open(c->t, HUB_HELD);
    for (bool on = scan_from(s, key_bytes(&prefix), &key, &value); on && key_starts(key, &prefix) && !progress_stopped(c->progress);
         on = scan_next(s, &key, &value)) {
        progress_step(c->progress, 1);
        check_item(c, key, value, &sum, &a);
    }
    scan_close(s);
    if (sum.held != n.held || sum.bytes != n.held_bytes || sum.discarded != n.discarded)
        complain(c, "node %u: %" PRIu64 " changes are in quarantine, its counters say %" PRIu64, node, sum.held, n.held);
    if (n.received != n.merged + n.held + n.repeated + n.discarded + n.erased)
        complain(c, "node %u: received is not merged + held + repeated + discarded + erased", node);
    c->held += sum.held;
}

static void check_nodes(struct check *c) {
    struct bytes key, value, packed;
    struct scan *s = scan_open(c->t, HUB_NODES);
    for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
        struct reader k = {.rest = key};
        uint32_t node = reader_u32be(&k);
        progress_step(c->progress, 1);
        if (envelope_open(c->t, HUB_NODES, key, value, &packed) != 0)
            complain(c, "what the state knows of node %u is rotten", node);
        else
            check_node(c, node);
    }
    scan_close(s);
}

static void check_waiting(struct check *c) {
    struct bytes key, value, packed;
    struct arena_mark mark = envelope_mark(c->t);
    struct scan *s = scan_open(c->t, HUB_WAITING);
    for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
        envelope_release(c->t, mark);
        uint32_t type, node;
        struct id16 id, incarnation;
        uint64_t seq;
        progress_step(c->progress, 1);
        if (!key_waiting_read(key, &type, &id, &node, &incarnation, &seq) || envelope_open(c->t, HUB_WAITING, key, value, &packed) != 0) {
            complain(c, "a record's list of held changes is rotten");
            continue;
        }
        struct key k = key_held(node, &incarnation, seq);
        if (!txn_get(c->t, HUB_HELD, key_bytes(&k), &value))
            complain(c, "a record lists a held change that is not there");
    }
    scan_close(s);
}

static void check_erased(struct check *c) {
    static const unsigned trees[] = {HUB_META, HUB_ERASED, HUB_ERASURES};
    struct bytes key, value, sound;
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        struct scan *s = scan_open(c->t, trees[i]);
        for (bool on = scan_from(s, BYTES("\0"), &key, &value); on && !progress_stopped(c->progress); on = scan_next(s, &key, &value)) {
            progress_step(c->progress, 1);
            if (envelope_open(c->t, trees[i], key, value, &sound) != 0)
                complain(c, "%s: a value is rotten", shape_hub_state.trees[trees[i]]);
            else if (trees[i] == HUB_ERASED && txn_get(c->t, HUB_RECORDS, key, &value))
                complain(c, "a record is there that is erased for ever");
        }
        scan_close(s);
    }
}

static void check_close(struct check **c) {
    buffer_close(&(*c)->sums);
    free(*c);
}

int hub_verify(struct txn *state, void (*complain_to)(void *owner, const char *what), void *owner, struct progress *p) {
    static const unsigned trees[] = {HUB_META,  HUB_META, HUB_VERDICTS, HUB_RECORDS, HUB_DIGESTS, HUB_ROWS,
                                     HUB_NODES, HUB_HELD, HUB_WAITING,  HUB_ERASED,  HUB_ERASURES};
    CLEANUP(check_close) struct check *c = memory_zeroed(1, sizeof *c);
    c->t = state;
    c->complain = complain_to;
    c->owner = owner;
    c->progress = p;
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        progress_expect(p, store_count(state, trees[i]));
    if (!hub_place_get(state, &c->place))
        complain(c, "the state was never begun, or its place is rotten");
    envelope_check(state, HUB_META, complain_of, c, p);
    envelope_check(state, HUB_VERDICTS, complain_of, c, p);
    check_records(c);
    check_digests(c);
    check_rows_tree(c);
    check_nodes(c);
    check_waiting(c);
    check_erased(c);
    if (c->place.records != c->records || c->place.conflicts != c->conflicts || c->place.held != c->held)
        complain(
            c, "counted %" PRIu64 " records, %" PRIu64 " conflicts, %" PRIu64 " held; the counters say %" PRIu64 ", %" PRIu64 ", %" PRIu64,
            c->records, c->conflicts, c->held, c->place.records, c->place.conflicts, c->place.held);
    return c->complaints;
}

/* ---- sweep */

enum row_state { ROW_CURRENT, ROW_STALE, ROW_PASSED, ROW_UNKNOWN };

static enum row_state state_of_row(struct txn *t, struct bytes key, struct bytes value, uint64_t every_floor, struct arena *a) {
    area at;
    uint64_t hub_seq;
    uint32_t type;
    struct id16 id;
    struct record r;
    struct bytes packed;
    if (!key_row_read(key, &at, &hub_seq) || !hub_row_open(t, at, hub_seq, value, &type, &id))
        return ROW_UNKNOWN; /* left for a page or a check to report */
    struct key k = key_record(type, &id);
    arena_clear(a);
    int got = envelope_get(t, HUB_RECORDS, key_bytes(&k), &packed);
    if (got == ENVELOPE_MISSING && hub_erased(t, type, &id))
        return ROW_STALE;
    if (got != 0 || !hub_value_unpack(packed, a, &r, NULL))
        return ROW_UNKNOWN;
    for (size_t i = 0; i < r.area_count; i++)
        if (r.areas[i].area == at && r.areas[i].row == hub_seq)
            return r.areas[i].present || hub_seq > every_floor ? ROW_CURRENT : ROW_PASSED;
    return ROW_STALE;
}

static enum row_state row_state(struct txn *t, struct bytes key, struct bytes value, uint64_t every_floor, struct arena *a) {
    struct arena_mark mark = envelope_mark(t);
    enum row_state s = state_of_row(t, key, value, every_floor, a);
    envelope_release(t, mark);
    return s;
}

uint32_t hub_sweep(struct txn *state, uint32_t limit, uint64_t every_floor) {
    CLEANUP(arena_close) struct arena a = {0};
    CLEANUP(buffer_close) struct buffer at = {0};
    struct hub_place place;
    struct key sweep = key_word("sweep");
    struct bytes key, value;
    uint32_t removed = 0;
    uint64_t seen = 0, passed = 0;
    if (!hub_place_get(state, &place))
        return 0;
    if (envelope_get(state, HUB_META, key_bytes(&sweep), &value) == 0)
        buffer_add(&at, value);
    if (at.len == 0)
        buffer_u8(&at, 0);
    struct scan *c = scan_open(state, HUB_ROWS);
    bool on = scan_from(c, buffer_bytes(&at), &key, &value);
    for (; on && removed < limit && seen < 16 * (uint64_t)limit; on = scan_next(c, &key, &value), seen++) {
        enum row_state s = row_state(state, key, value, every_floor, &a);
        if (s != ROW_STALE && s != ROW_PASSED)
            continue;
        area in;
        uint64_t hub_seq;
        key_row_read(key, &in, &hub_seq);
        if (s == ROW_PASSED && hub_seq > passed)
            passed = hub_seq;
        buffer_clear(&at);
        buffer_add(&at, key);
        txn_delete(state, HUB_ROWS, buffer_bytes(&at));
        removed++;
    }
    buffer_clear(&at);
    if (on)
        buffer_add(&at, key);
    scan_close(c);
    envelope_put(state, HUB_META, key_bytes(&sweep), buffer_bytes(&at));
    if (passed > place.swept) {
        place.swept = passed;
        hub_place_put(state, &place);
    }
    return removed;
}

bool hub_sweep_rests(struct txn *state) {
    struct key sweep = key_word("sweep");
    struct bytes value;
    return envelope_get(state, HUB_META, key_bytes(&sweep), &value) != 0 || value.len == 0;
}
