#include "common/store/envelope.h"

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/store/store_ops.h"

#include <errno.h>
#include <string.h>

enum { FORMAT_STORE = 2, FORMAT_OWN, FORMAT_RECORD, FORMAT_DAY };
enum { META = 0, TAG_AT = 1 + 4, SLOT_AT = TAG_AT + SEAL_TAG + 2, SLOT_MOST = SEAL_NONCE + SEAL_KEY, DAY_MS = 86400000, DAY_COPIES = 2 };

static size_t slot_bytes(unsigned format) {
    switch (format) {
    case FORMAT_STORE:
    case FORMAT_RECORD:
        return SEAL_NONCE;
    case FORMAT_OWN:
        return SEAL_NONCE + SEAL_KEY;
    case FORMAT_DAY:
        return SEAL_NONCE + 4;
    default:
        return 0;
    }
}

static const struct seal_key *store_key(const struct txn *t) {
    return seal_store_key(t->store->seal, t->store->shape.number);
}

/* The length of the key is said, so that nothing can be read as another place. */
struct place {
    uint8_t b[4 + STORE_KEY_MAX];
    size_t len;
};

static struct bytes place_of(struct place *p, unsigned format, unsigned tree, struct bytes key) {
    p->b[0] = (uint8_t)format;
    p->b[1] = (uint8_t)tree;
    p->b[2] = (uint8_t)(key.len >> 8);
    p->b[3] = (uint8_t)key.len;
    memcpy(p->b + 4, key.at, key.len);
    return bytes_of(p->b, 4 + key.len);
}

/* ---- sealing */

struct under {
    unsigned format;
    const struct seal_key *key;
    uint32_t day;
};

static void put_u32(uint8_t out[4], uint32_t v) {
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put(struct txn *t, unsigned tree, struct bytes key, struct bytes value, struct under u, bool append) {
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        txn_fail(t, fail(-EINVAL));
        return;
    }
    CLEANUP(buffer_close) struct buffer b = {0};
    struct place place;
    size_t slot = slot_bytes(u.format), len = SLOT_AT + slot + value.len;
    uint8_t small[1024], *head = len <= sizeof small ? small : buffer_grow(&b, len), *nonce = head + SLOT_AT;
    head[0] = (uint8_t)u.format;
    put_u32(head + 1, seal_id(t->store->seal));
    head[SLOT_AT - 2] = 0;
    head[SLOT_AT - 1] = (uint8_t)slot;
    seal_random_fill(&t->random, nonce, SEAL_NONCE);
    if (u.format == FORMAT_OWN)
        seal_wrap(store_key(t), nonce, u.key->b, nonce + SEAL_NONCE);
    if (u.format == FORMAT_DAY)
        put_u32(nonce + SEAL_NONCE, u.day);
    seal_apply(u.key, nonce, place_of(&place, u.format, tree, key), value, head + SLOT_AT + slot, head + TAG_AT);
    (append ? txn_append : txn_put)(t, tree, key, bytes_of(head, len));
}

void envelope_new_key(struct txn *t, struct seal_key *out) {
    seal_random_fill(&t->random, out->b, sizeof out->b);
}

void envelope_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value) {
    struct seal_key own;
    if ((t->store->shape.own_trees >> tree & 1) == 0) {
        put(t, tree, key, value, (struct under){.format = FORMAT_STORE, .key = store_key(t)}, false);
        return;
    }
    envelope_new_key(t, &own);
    envelope_put_own(t, tree, key, value, &own);
    seal_forget(&own);
}

void envelope_put_own(struct txn *t, unsigned tree, struct bytes key, struct bytes value, const struct seal_key *own) {
    put(t, tree, key, value, (struct under){.format = FORMAT_OWN, .key = own}, false);
}

void envelope_put_under(struct txn *t, unsigned tree, struct bytes key, struct bytes value, const struct seal_key *own) {
    put(t, tree, key, value, (struct under){.format = FORMAT_RECORD, .key = own}, false);
}

/* ---- opening */

struct envelope {
    unsigned format;
    struct bytes tag, slot, sealed;
};

static bool take_apart(const struct txn *t, struct bytes stored, struct envelope *out) {
    struct reader r = {.rest = stored};
    out->format = reader_u8(&r);
    uint32_t id = reader_u32be(&r);
    out->tag = reader_take(&r, SEAL_TAG);
    uint16_t slot = reader_u16be(&r);
    out->slot = reader_take(&r, slot);
    out->sealed = r.rest;
    return !r.bad && slot > 0 && slot == slot_bytes(out->format) && id == seal_id(t->store->seal);
}

static int lift(struct txn *t, unsigned tree, struct bytes key, const struct envelope *e, const struct seal_key *k, struct bytes *value) {
    struct place place;
    uint8_t nothing, *out = e->sealed.len == 0 ? &nothing : arena_take(&t->opened, e->sealed.len);
    if (out == NULL || !seal_lift(k, e->slot.at, place_of(&place, e->format, tree, key), e->sealed, e->tag.at, out))
        return ENVELOPE_ROTTEN;
    *value = bytes_of(e->sealed.len == 0 ? NULL : out, e->sealed.len);
    return 0;
}

static bool day_key(struct txn *t, uint32_t day, struct seal_key *out);

int envelope_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value) {
    struct bytes stored;
    return txn_get(t, tree, key, &stored) ? envelope_open(t, tree, key, stored, value) : ENVELOPE_MISSING;
}

int envelope_open(struct txn *t, unsigned tree, struct bytes key, struct bytes stored, struct bytes *value) {
    struct envelope e;
    struct seal_key k;
    if (key.len > STORE_KEY_MAX || !take_apart(t, stored, &e))
        return ENVELOPE_ROTTEN;
    if (e.format == FORMAT_STORE)
        return lift(t, tree, key, &e, store_key(t), value);
    if (e.format == FORMAT_OWN)
        seal_wrap(store_key(t), e.slot.at, e.slot.at + SEAL_NONCE, k.b);
    else if (e.format == FORMAT_DAY) {
        struct reader day = {.rest = bytes_of(e.slot.at + SEAL_NONCE, 4)};
        if (!day_key(t, reader_u32be(&day), &k))
            return ENVELOPE_ROTTEN;
    } else {
        return ENVELOPE_ROTTEN;
    }
    int r = lift(t, tree, key, &e, &k, value);
    seal_forget(&k);
    return r;
}

bool envelope_own_key(struct txn *t, struct bytes stored, struct seal_key *out) {
    struct envelope e;
    if (!take_apart(t, stored, &e) || e.format != FORMAT_OWN)
        return false;
    seal_wrap(store_key(t), e.slot.at, e.slot.at + SEAL_NONCE, out->b);
    return true;
}

int envelope_open_own(struct txn *t, unsigned tree, struct bytes key, struct bytes stored, struct bytes *value, struct seal_key *own) {
    struct envelope e;
    if (key.len > STORE_KEY_MAX || !take_apart(t, stored, &e) || !envelope_own_key(t, stored, own))
        return ENVELOPE_ROTTEN;
    return lift(t, tree, key, &e, own, value);
}

int envelope_open_under(
    struct txn *t, unsigned tree, struct bytes key, struct bytes stored, const struct seal_key *own, struct bytes *value) {
    struct envelope e;
    if (key.len > STORE_KEY_MAX || !take_apart(t, stored, &e) || e.format != FORMAT_RECORD)
        return ENVELOPE_ROTTEN;
    return lift(t, tree, key, &e, own, value);
}

struct arena_mark envelope_mark(const struct txn *t) {
    return arena_mark(&t->opened);
}

void envelope_release(struct txn *t, struct arena_mark to) {
    arena_release(&t->opened, to);
}

void envelope_check(struct txn *t, unsigned tree, void (*complain)(void *owner, const char *what), void *owner, struct progress *p) {
    struct bytes at, stored, value;
    struct arena_mark mark = envelope_mark(t);
    struct scan *c = scan_open(t, tree);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &stored); on && !progress_stopped(p); on = scan_next(c, &at, &stored)) {
        progress_step(p, 1);
        if (envelope_open(t, tree, at, stored, &value) != 0) {
            CLEANUP(buffer_close) struct buffer b = {0};
            buffer_format(&b, "%s: a stored value is damaged, key ", t->store->shape.trees[tree]);
            hex_encode(at, &b);
            complain(owner, buffer_string(&b));
        }
        envelope_release(t, mark);
    }
    scan_close(c);
}

/* ---- days */

enum { DAY_WORD = 3, DAY_KEY = DAY_WORD + 4 + 1 };

static struct bytes day_place(uint8_t out[DAY_KEY], uint32_t day, unsigned copy) {
    memcpy(out, "day", DAY_WORD);
    put_u32(out + DAY_WORD, day);
    out[DAY_KEY - 1] = (uint8_t)copy;
    return bytes_of(out, DAY_KEY);
}

static bool day_key(struct txn *t, uint32_t day, struct seal_key *out) {
    uint8_t at[DAY_KEY];
    struct bytes value;
    struct arena_mark mark = envelope_mark(t);
    bool found = false;
    for (unsigned copy = 0; copy < DAY_COPIES && !found; copy++) {
        found = envelope_get(t, META, day_place(at, day, copy), &value) == 0 && value.len == sizeof out->b;
        if (found)
            memcpy(out->b, value.at, sizeof out->b);
    }
    envelope_release(t, mark);
    return found;
}

static void put_day(struct txn *t, unsigned tree, struct bytes key, struct bytes value, wall_ms when, bool append) {
    uint32_t day = (uint32_t)(when / DAY_MS);
    uint8_t at[DAY_KEY];
    struct seal_key k;
    if (!day_key(t, day, &k)) {
        envelope_new_key(t, &k);
        for (unsigned copy = 0; copy < DAY_COPIES; copy++)
            envelope_put(t, META, day_place(at, day, copy), bytes_of(k.b, sizeof k.b));
    }
    put(t, tree, key, value, (struct under){FORMAT_DAY, &k, day}, append);
    seal_forget(&k);
}

void envelope_put_day(struct txn *t, unsigned tree, struct bytes key, struct bytes value, wall_ms when) {
    put_day(t, tree, key, value, when, false);
}

void envelope_append_day(struct txn *t, unsigned tree, struct bytes key, struct bytes value, wall_ms when) {
    put_day(t, tree, key, value, when, true);
}

/* The days that have a key, in their order; as 4 bytes each. */
static void days_with_key(struct txn *t, struct buffer *out) {
    struct bytes at, value;
    struct scan *c = scan_open(t, META);
    for (bool on = scan_from(c, BYTES("day"), &at, &value); on && at.len >= DAY_WORD && memcmp(at.at, "day", DAY_WORD) == 0;
         on = scan_next(c, &at, &value))
        if (at.len == DAY_KEY && (out->len == 0 || memcmp(out->at + out->len - 4, at.at + DAY_WORD, 4) != 0))
            buffer_add(out, bytes_of(at.at + DAY_WORD, 4));
    scan_close(c);
}

static size_t day_among(const struct buffer *days, struct bytes day) {
    size_t i = 0;
    while (i < days->len && memcmp(days->at + i, day.at, 4) != 0)
        i += 4;
    return i;
}

/* Looks at the slots only. One whose day is not what it was keeps a key too long, or cannot be opened in any case. */
void envelope_drop_days(struct txn *t, unsigned tree) {
    CLEANUP(buffer_close) struct buffer days = {0}, used = {0};
    struct bytes at, value;
    days_with_key(t, &days);
    if (days.len == 0)
        return;
    memset(buffer_grow(&used, days.len), 0, days.len);
    struct scan *c = scan_open(t, tree);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &value); on && used.at[0] == 0; on = scan_next(c, &at, &value)) {
        struct envelope e;
        if (!take_apart(t, value, &e) || e.format != FORMAT_DAY)
            continue;
        size_t i = day_among(&days, bytes_of(e.slot.at + SEAL_NONCE, 4));
        if (i < days.len)
            used.at[i] = 1;
    }
    scan_close(c);
    if (used.at[0] != 0 || txn_result(t) != 0)
        return;
    for (size_t i = 0; i < days.len; i += 4) {
        struct reader in = {.rest = bytes_of(days.at + i, 4)};
        uint32_t day = reader_u32be(&in);
        uint8_t key[DAY_KEY];
        for (unsigned copy = 0; copy < DAY_COPIES && used.at[i] == 0; copy++)
            txn_delete(t, META, day_place(key, day, copy));
    }
}
