#include "common/engine/log_proof.h"

#include "common/base/error.h"
#include "common/engine/hub_move.h"
#include "common/engine/signed.h"
#include "common/model/office.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct office_key {
    struct id16 office;
    uint8_t sign[KEY_BYTES];
};

/* How far the walk has come in one life. */
struct reached {
    uint32_t node;
    struct id16 incarnation;
    uint64_t last;
    struct hash after;
};

struct log_proof {
    struct office_key *keys; /* owns; by office from the first walk on */
    size_t key_count, key_room;
    struct reached *lives; /* owns; by node and incarnation */
    size_t life_count, life_room;
    uint64_t position, pushes;
    bool sorted;
    void (*complain)(void *owner, const char *what);
    void *owner;
};

static void complain(struct log_proof *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct log_proof *p, const char *format, ...) {
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    p->complain(p->owner, text);
}

/* ---- keys */

static void add_key(struct log_proof *p, const struct id16 *office, struct bytes public_string) {
    struct public_keys keys;
    if (!public_parse(public_string, &keys))
        return;
    if (p->key_count == p->key_room) {
        p->key_room = p->key_room == 0 ? 64 : 2 * p->key_room;
        p->keys = memory_resize(p->keys, p->key_room * sizeof *p->keys);
    }
    struct office_key *k = &p->keys[p->key_count++];
    k->office = *office;
    memcpy(k->sign, keys.sign, KEY_BYTES);
    p->sorted = false;
}

void log_proof_key(struct log_proof *p, uint32_t node, struct bytes public_string) {
    struct id16 office = office_id(node);
    add_key(p, &office, public_string);
}

/* What the hub said of keys of its own. */
static void hub_keys_of(struct log_proof *p, const struct change *c) {
    struct id16 hub = office_id(0);
    struct bytes body = {NULL, 0};
    struct hub_move m;
    struct value v;
    char text[PUBLIC_TEXT];
    bool kind = false;
    for (size_t i = 0; i < c->op_count; i++) {
        if (!value_unpack(c->ops[i].value, &v) || v.kind != VALUE_TEXT)
            continue;
        kind = kind || (c->ops[i].field == POLICY_KIND && bytes_equal(v.text, BYTES(HUB_MOVE_KIND)));
        if (c->ops[i].field == POLICY_BODY)
            body = v.text;
    }
    if (!kind || !hub_move_read(body, &m))
        return;
    add_key(p, &hub, bytes_text(public_text(&m.former, text)));
    add_key(p, &hub, bytes_text(public_text(&m.next, text)));
}

static void keys_of(struct log_proof *p, struct bytes packed) {
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct change c;
    struct value v;
    if (wire_change_unpack(packed, &a, &c) != 0)
        return;
    if (c.type == TYPE_POLICY)
        hub_keys_of(p, &c);
    if (c.type != TYPE_OFFICE)
        return;
    for (size_t i = 0; i < c.op_count; i++)
        if (c.ops[i].field == OFFICE_KEY && value_unpack(c.ops[i].value, &v) && v.kind == VALUE_TEXT)
            add_key(p, &c.record, v.text);
}

struct log_proof *log_proof_open(
    const struct public_keys *hub, struct txn *own, void (*complain_to)(void *owner, const char *what), void *owner) {
    struct log_proof *p = memory_zeroed(1, sizeof *p);
    struct bytes at, value, packed;
    p->complain = complain_to;
    p->owner = owner;
    char text[PUBLIC_TEXT];
    log_proof_key(p, 0, bytes_text(public_text(hub, text)));
    struct scan *c = scan_open(own, HUB_OWN_ENTRIES);
    struct arena_mark mark = envelope_mark(own);
    for (bool on = scan_from(c, BYTES("\0"), &at, &value); on; on = scan_next(c, &at, &value)) {
        envelope_release(own, mark);
        if (envelope_open(own, HUB_OWN_ENTRIES, at, value, &packed) == 0)
            keys_of(p, packed);
        else
            complain(p, "a change of the hub itself is damaged in its second home");
    }
    scan_close(c);
    return p;
}

static int by_office(const void *a, const void *b) {
    return memcmp(((const struct office_key *)a)->office.b, ((const struct office_key *)b)->office.b, sizeof(struct id16));
}

/* One of the keys that the node has had. */
static bool by_its_key(struct log_proof *p, uint32_t node, const struct push *m) {
    struct id16 office = office_id(node);
    if (!p->sorted && p->key_count > 0)
        qsort(p->keys, p->key_count, sizeof *p->keys, by_office);
    p->sorted = true;
    size_t low = 0, high = p->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(p->keys[middle].office.b, office.b, sizeof office.b) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->key_count && id_equal(&p->keys[low].office, &office); low++)
        if (push_signed(p->keys[low].sign, node, m))
            return true;
    return false;
}

enum log_said log_proof_said(struct log_proof *p, const struct log_entry *e) {
    struct push m = push_of_entry(e);
    return !by_its_key(p, e->node, &m) ? LOG_SAID_BY_NOBODY : push_holds(&m) ? LOG_SAID : LOG_SAID_OTHERWISE;
}

/* ---- lives */

static int by_life(const struct reached *l, uint32_t node, const struct id16 *incarnation) {
    if (l->node != node)
        return l->node < node ? -1 : 1;
    return memcmp(l->incarnation.b, incarnation->b, sizeof incarnation->b);
}

/* The life's place; a new one has after = before of its first push that is kept. */
static struct reached *reached_of(struct log_proof *p, const struct log_entry *e) {
    size_t low = 0, high = p->life_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_life(&p->lives[middle], e->node, &e->incarnation) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < p->life_count && by_life(&p->lives[low], e->node, &e->incarnation) == 0)
        return &p->lives[low];
    if (p->life_count == p->life_room) {
        p->life_room = p->life_room == 0 ? 64 : 2 * p->life_room;
        p->lives = memory_resize(p->lives, p->life_room * sizeof *p->lives);
    }
    memmove(p->lives + low + 1, p->lives + low, (p->life_count - low) * sizeof *p->lives);
    p->life_count++;
    p->lives[low] = (struct reached){e->node, e->incarnation, e->first - 1, e->before};
    return &p->lives[low];
}

/* ---- the walk */

static void prove(struct log_proof *p, const struct log_entry *e) {
    struct reached *l = reached_of(p, e);
    enum log_said said = log_proof_said(p, e);
    p->pushes++;
    if (said == LOG_SAID_BY_NOBODY)
        complain(
            p, "log entry %" PRIu64 ": no key of node %" PRIu32 " signed its changes from %" PRIu64 " on", p->position, e->node, e->first);
    else if (said == LOG_SAID_OTHERWISE)
        complain(p, "log entry %" PRIu64 ": what it holds is not what node %" PRIu32 " signed", p->position, e->node);
    /* A life that the log's table forgot may say again what it said: then the two overlap. */
    else if (e->first > l->last + 1 || (e->first == l->last + 1 && !hash_equal(&e->before, &l->after)))
        complain(
            p, "log entry %" PRIu64 ": it does not follow what the log holds before it of node %" PRIu32 " (up to %" PRIu64 ")",
            p->position, e->node, l->last);
    l->last = e->first + e->count - 1;
    l->after = e->after;
}

bool log_proof_walk(struct log_proof *p, struct txn *log, uint32_t most) {
    struct hub_log_place place;
    if (!hub_log_place(log, &place))
        return false;
    if (p->position + 1 < place.first)
        p->position = place.first - 1;
    struct arena_mark mark = envelope_mark(log);
    for (uint32_t i = 0; i < most && p->position < place.last; i++) {
        struct log_entry e;
        envelope_release(log, mark);
        p->position++;
        if (hub_log_read(log, p->position, &e) != 0)
            complain(p, "log entry %" PRIu64 " is damaged or missing", p->position);
        else if (log_changes(e.kind))
            prove(p, &e);
    }
    return p->position < place.last;
}

uint64_t log_proof_pushes(const struct log_proof *p) {
    return p->pushes;
}

struct log_proof *log_proof_close(struct log_proof *p) {
    if (p == NULL)
        return NULL;
    free(p->keys);
    free(p->lives);
    free(p);
    return NULL;
}
