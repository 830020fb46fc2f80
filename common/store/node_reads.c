/* Walks over what a node holds: records, log, held changes; and the check of all of it. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/model/office.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/node_parts.h"

#include <stdlib.h>
#include <string.h>

static void free_both(void *at) {
    free(*(void **)at);
}

/* One tree's records; with `skip`, those that have a view are left to it. */
static int walk(
    struct txn *t, unsigned tree, uint32_t type, bool skip, int (*each)(void *owner, const struct record *r, bool pending), void *owner) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct key from = key_u32(type);
    struct bytes at, value, sound, view;
    int r = 0;
    struct arena_mark mark = envelope_mark(t);
    struct scan *c = scan_open(t, tree);
    bool more = type == 0 ? scan_from(c, (struct bytes){NULL, 0}, &at, &value) : scan_from(c, key_bytes(&from), &at, &value);
    for (; more && r == 0 && (type == 0 || key_starts(at, &from)); more = scan_next(c, &at, &value)) {
        struct record record;
        if (skip && txn_get(t, NODE_VIEW, at, &view))
            continue;
        arena_clear(&a);
        envelope_release(t, mark);
        if (envelope_open(t, tree, at, value, &sound) == 0 && wire_record_unpack(sound, &a, &record) == 0) {
            r = each(owner, &record, tree == NODE_VIEW);
            continue;
        }
        log_fact(LOG_ERROR, "node.record_rotten", FACT_HEX("key", at));
    }
    scan_close(c);
    return r;
}

int node_records(
    struct txn *t, uint32_t type, bool base_only, int (*each)(void *owner, const struct record *r, bool pending), void *owner) {
    int r = walk(t, NODE_BASE, type, !base_only, each, owner);
    return r == 0 && !base_only ? walk(t, NODE_VIEW, type, false, each, owner) : r;
}

int node_log_each(
    struct txn *t, bool pending_only,
    int (*each)(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held), void *owner) {
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    int r = 0;
    if (!node_progress_get(t, p))
        return txn_result(t);
    for (size_t i = 0; i < p->life_count && r == 0; i++) {
        const struct life *l = &p->lives[i];
        uint64_t from = pending_only && l->includes + 1 > l->first ? l->includes + 1 : l->first;
        for (uint64_t seq = from; seq <= l->last && r == 0; seq++) {
            CLEANUP(arena_close) struct arena a = {.cap = 0};
            enum verdict held = VERDICT_MERGED;
            struct logged e;
            struct change c;
            struct arena_mark mark = envelope_mark(t);
            bool there = log_read(t, &l->incarnation, seq, &e) && wire_change_unpack(arena_copy(&a, e.packed), &a, &c) == 0;
            envelope_release(t, mark);
            if (!there)
                continue;
            held_get(t, &l->incarnation, seq, &held);
            r = each(owner, &l->incarnation, &c, e.saved, held);
        }
    }
    return r;
}

int node_held_each(struct txn *t, int (*each)(void *owner, const struct held *h, const struct change *c), void *owner) {
    struct bytes at, value;
    int r = 0;
    struct scan *s = scan_open(t, NODE_HELD);
    for (bool more = scan_from(s, (struct bytes){NULL, 0}, &at, &value); more && r == 0; more = scan_next(s, &at, &value)) {
        CLEANUP(arena_close) struct arena a = {.cap = 0};
        struct held h;
        struct change c;
        if (!key_log_read(at, &h.incarnation, &h.seq) || !held_get(t, &h.incarnation, h.seq, &h.reason))
            continue;
        bool there = log_change(t, &h.incarnation, h.seq, &a, &c);
        r = each(owner, &h, there ? &c : NULL);
    }
    scan_close(s);
    return r;
}

/* ---- verify */

struct verifying {
    struct txn *t;
    void (*complain)(void *owner, const char *what);
    void *owner;
    struct progress *progress;
};

static void check_chain(struct verifying *v, const struct life *l) {
    struct hash before, after;
    struct logged e;
    if (!node_chain(v->t, &l->incarnation, l->first - 1, &before)) {
        v->complain(v->owner, "log: the hash before the first change is missing");
        return;
    }
    struct arena_mark mark = envelope_mark(v->t);
    for (uint64_t seq = l->first; seq <= l->last && !progress_stopped(v->progress); seq++) {
        progress_step(v->progress, 1);
        envelope_release(v->t, mark);
        if (!log_read(v->t, &l->incarnation, seq, &e)) {
            v->complain(v->owner, "log: a change is missing");
            return;
        }
        after = wire_chain(&before, e.packed);
        if (!hash_equal(&after, &e.after))
            v->complain(v->owner, "log: the chain of hashes breaks");
        before = e.after;
    }
}

int node_verify(struct txn *t, void (*complain)(void *owner, const char *what), void *owner, struct progress *progress) {
    static const unsigned trees[] = {NODE_META,    NODE_LOG,   NODE_BASE,  NODE_VIEW,   NODE_PENDING,  NODE_HELD,
                                     NODE_DIGESTS, NODE_AUDIT, NODE_HEADS, NODE_ERASED, NODE_ERASURES, NODE_BOOK};
    CLEANUP(free_both) struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct verifying v = {t, complain, owner, progress};
    area areas[LIMIT_AREAS];
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        progress_expect(progress, store_count(t, trees[i]));
    progress_expect(progress, store_count(t, NODE_LOG)); /* for the chain */
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        envelope_check(t, trees[i], complain, owner, progress);
    if (!node_progress_get(t, p))
        return txn_result(t);
    for (size_t i = 0; i < p->life_count; i++)
        check_chain(&v, &p->lives[i]);
    size_t n = area_expand(p->served, p->served_count, p->node, areas, LIMIT_AREAS);
    for (size_t i = 0; i < n && !progress_stopped(progress); i++) {
        struct digest buckets[DIGEST_BUCKETS], sum = {{0, 0}};
        node_buckets(t, areas[i], buckets);
        for (size_t k = 0; k < DIGEST_BUCKETS; k++) {
            sum.lane[0] += buckets[k].lane[0];
            sum.lane[1] += buckets[k].lane[1];
        }
        if (!digest_equal(sum, node_digest(t, areas[i])))
            complain(owner, "digests: an area's running digest is not that of its records");
    }
    return txn_result(t);
}

/* ---- the end */

void node_close(struct txn *t, uint32_t node) {
    struct key k = key_word("closed"), which = key_u32(node);
    envelope_put(t, NODE_META, key_bytes(&k), key_bytes(&which));
}

bool node_closed(struct txn *t, uint32_t node) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    struct key k = key_word("closed"), which = key_u32(node);
    struct id16 id = office_id(node);
    struct record office;
    struct bytes value;
    struct value status;
    if (envelope_get(t, NODE_META, key_bytes(&k), &value) == 0 && bytes_equal(value, key_bytes(&which)))
        return true;
    if (node_base(t, TYPE_OFFICE, &id, &a, &office) != 0)
        return false;
    const struct head *h = field_winner(record_field(&office, OFFICE_STATUS));
    return h != NULL && value_unpack(h->value, &status) && status.kind == VALUE_TEXT &&
           (bytes_equal(status.text, BYTES("retiring")) || bytes_equal(status.text, BYTES("retired")));
}
