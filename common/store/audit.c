#include "common/store/audit.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <stdlib.h>
#include <string.h>

const struct audit_place audit_node = {NODE_AUDIT, NODE_META, NODE_HEADS};
const struct audit_place audit_hub = {HUB_OWN_AUDIT, HUB_OWN_META, HUB_OWN_HEADS};

/* A block while it is worked on. */
struct block {
    uint64_t first; /* its key */
    struct audit_block is;
    struct buffer raw; /* owns; the framed entries */
};

static struct hash genesis(const struct id16 *life) {
    return hash_of_two(BYTES("anju audit 1"), bytes_of(life->b, sizeof life->b));
}

/* False: none is known, or what says so is damaged; *out is empty then. */
static bool log_get(struct txn *t, const struct audit_place *in, struct audit_log *out) {
    struct key k = key_word("audit");
    struct bytes value;
    if (envelope_get(t, in->meta, key_bytes(&k), &value) == 0 && wire_audit_log_unpack(value, out) == 0)
        return true;
    *out = (struct audit_log){.trimmed = 0};
    return false;
}

static void log_put(struct txn *t, const struct audit_place *in, const struct audit_log *l) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_word("audit");
    wire_audit_log_pack(l, &b);
    envelope_put(t, in->meta, key_bytes(&k), buffer_bytes(&b));
}

/* The entries of a stored block, framed; false: it is damaged. */
static bool block_open(struct txn *t, const struct audit_place *in, struct bytes at, struct bytes stored, struct block *out) {
    struct reader key = {.rest = at};
    struct arena_mark mark = envelope_mark(t);
    struct bytes value;
    out->first = reader_u64be(&key);
    buffer_clear(&out->raw);
    bool good = !key.bad && key.rest.len == 0 && out->first != 0 && envelope_open(t, in->entries, at, stored, &value) == 0 &&
                wire_audit_block_unpack(value, &out->is) == 0;
    if (good && out->is.packed)
        good = wire_batch_open(out->is.body, &out->raw) == 0;
    else if (good)
        buffer_add(&out->raw, out->is.body);
    good = good && out->is.behind < out->first;
    out->is.body = (struct bytes){NULL, 0};
    envelope_release(t, mark); /* a walk over the whole log keeps one block in memory */
    return good;
}

static void block_put(struct txn *t, const struct audit_place *in, struct block *b, bool pack) {
    CLEANUP(buffer_close) struct buffer body = {0}, value = {0};
    struct key k = key_u64(b->first);
    b->is.packed = pack && wire_batch_seal(buffer_bytes(&b->raw), &body) == 0;
    b->is.body = b->is.packed ? buffer_bytes(&body) : buffer_bytes(&b->raw);
    wire_audit_block_pack(&b->is, &value);
    envelope_put(t, in->entries, key_bytes(&k), buffer_bytes(&value));
}

/* Computes the block's hashes again. `stop`: the hash after so many of its entries goes to *then. Gives the entries that it counted; *after
 * is where they lead. */
static uint32_t block_chain(const struct block *b, uint32_t stop, struct hash *then, struct hash *after) {
    struct reader r = {.rest = buffer_bytes(&b->raw)};
    struct bytes packed;
    uint32_t count = 0;
    *after = b->is.before;
    while (wire_batch_next(&r, &packed)) {
        *after = wire_chain(after, packed);
        if (++count == stop)
            *then = *after;
    }
    return r.bad ? 0 : count;
}

enum last { LAST_OPEN, LAST_FULL, LAST_NONE, LAST_ROTTEN };

/* The block that the next one follows. */
static enum last last_block(struct txn *t, const struct audit_place *in, struct block *b) {
    struct bytes at, stored;
    struct scan *c = scan_open(t, in->entries);
    bool on = scan_last(c, &at, &stored);
    bool good = on && block_open(t, in, at, stored, b) && wire_batch_holds(buffer_bytes(&b->raw), b->is.count);
    enum last l = !on ? LAST_NONE : good ? LAST_OPEN : LAST_ROTTEN;
    scan_close(c);
    return l == LAST_OPEN && b->is.packed ? LAST_FULL : l;
}

static void block_next(struct block *b, uint64_t first, const struct hash *before, uint64_t behind) {
    struct audit_block is = {.before = *before, .after = *before, .behind = behind};
    b->first = first;
    b->is = is;
    buffer_clear(&b->raw);
}

/* The blocks from `first` to the end become one. It has their hashes as they stood: what was not right in them is not made right. Blocks
 * that are damaged, or not all there, stay as they are. */
static void pack(struct txn *t, const struct audit_place *in, uint64_t first) {
    CLEANUP(buffer_close) struct buffer keys = {0};
    struct block all = {.first = first}, one = {.first = 0};
    struct bytes at, stored;
    struct key from = key_u64(first);
    bool good = true;
    struct scan *c = scan_open(t, in->entries);
    for (bool on = scan_from(c, key_bytes(&from), &at, &stored); on && good; on = scan_next(c, &at, &stored)) {
        good = block_open(t, in, at, stored, &one) && !one.is.packed && one.first == first + all.is.count &&
               one.is.count <= LIMIT_AUDIT_BLOCK_ENTRIES - all.is.count;
        struct audit_block was = all.is;
        all.is = one.is;
        if (was.count > 0) {
            all.is.before = was.before;
            all.is.count += was.count;
            all.is.from = was.from < one.is.from ? was.from : one.is.from;
            all.is.to = was.to > one.is.to ? was.to : one.is.to;
        }
        buffer_add(&all.raw, buffer_bytes(&one.raw));
        buffer_u64be(&keys, one.first);
    }
    scan_close(c);
    for (size_t i = 0; good && i < keys.len; i += 8)
        txn_delete(t, in->entries, bytes_of(keys.at + i, 8));
    all.is.behind = 0;
    if (good)
        block_put(t, in, &all, true);
    buffer_close(&all.raw);
    buffer_close(&one.raw);
}

/* The block is in the store, and the next stands behind it. */
static void block_flush(struct txn *t, const struct audit_place *in, struct block *b) {
    uint64_t behind = b->is.behind + b->is.count, next = b->first + b->is.count;
    struct hash follows = b->is.after;
    block_put(t, in, b, false);
    if (behind >= AUDIT_PACK) {
        pack(t, in, next - behind);
        behind = 0;
    }
    block_next(b, next, &follows, behind);
}

static void entry_add(struct txn *t, const struct audit_place *in, struct block *b, struct buffer *scratch, const struct audit_entry *e) {
    struct audit_entry bounded = *e;
    if (bounded.note.len > LIMIT_AUDIT_NOTE_BYTES)
        bounded.note.len = LIMIT_AUDIT_NOTE_BYTES;
    buffer_clear(scratch);
    wire_audit_entry_pack(&bounded, scratch);
    wire_batch_add(&b->raw, buffer_bytes(scratch));
    b->is.after = wire_chain(&b->is.after, buffer_bytes(scratch));
    b->is.from = b->is.count == 0 || e->at < b->is.from ? e->at : b->is.from;
    b->is.to = e->at > b->is.to ? e->at : b->is.to;
    if (++b->is.count == AUDIT_PACK)
        block_flush(t, in, b);
}

/* What is known of the log when what says so is damaged: from its first block. */
static void trimmed_of(struct txn *t, const struct audit_place *in, struct audit_log *out) {
    struct block b = {.first = 0};
    struct bytes at, stored;
    struct scan *c = scan_open(t, in->entries);
    if (scan_from(c, (struct bytes){NULL, 0}, &at, &stored) && block_open(t, in, at, stored, &b)) {
        out->trimmed = b.first - 1;
        out->trimmed_hash = b.is.before;
    }
    scan_close(c);
    buffer_close(&b.raw);
}

/* Stands where the next entry goes; a life that begins is the first that goes there. `anew`: why one begins now; NULL: only if it must. */
static void stand(struct txn *t, const struct audit_place *in, struct block *b, struct buffer *scratch, wall_ms at, const char *anew) {
    struct audit_log log;
    bool known = log_get(t, in, &log);
    enum last last = last_block(t, in, b);
    struct id16 old = log.life, life = {{0}};
    if (last == LAST_ROTTEN)
        anew = "the last block was damaged";
    else if (!known && last != LAST_NONE)
        anew = "what the store said of this log was damaged";
    else if (!known && anew == NULL)
        anew = "the log begins";
    if (anew != NULL)
        life = entropy_id();
    if (!known && last == LAST_NONE)
        log.trimmed_hash = genesis(&life);
    else if (!known)
        trimmed_of(t, in, &log);
    struct hash follows = last == LAST_NONE ? log.trimmed_hash : last == LAST_ROTTEN ? genesis(&life) : b->is.after;
    uint64_t behind = last == LAST_OPEN ? b->is.behind + b->is.count : 0;
    if (last == LAST_NONE)
        block_next(b, log.trimmed + 1, &follows, 0);
    else if (last == LAST_ROTTEN) /* how many entries it had is not known: their numbers are not used again */
        block_next(b, b->first + LIMIT_AUDIT_BLOCK_ENTRIES, &follows, 0);
    else
        block_next(b, b->first + b->is.count, &follows, behind < AUDIT_PACK ? behind : 0); /* more: they could not be packed */
    if (anew == NULL)
        return;
    log.life = life;
    log_put(t, in, &log);
    struct audit_entry e = {.at = at, .action = AUDIT_LIFE, .record = life, .subject = old, .note = bytes_text(anew)};
    entry_add(t, in, b, scratch, &e);
}

static void write_entries(
    struct txn *t, const struct audit_place *in, wall_ms at, const char *anew, const struct audit_entry *entries, size_t count) {
    CLEANUP(buffer_close) struct buffer scratch = {0};
    struct block b = {.first = 0};
    stand(t, in, &b, &scratch, at, anew);
    for (size_t i = 0; i < count; i++)
        entry_add(t, in, &b, &scratch, &entries[i]);
    if (b.is.count > 0)
        block_flush(t, in, &b);
    buffer_close(&b.raw);
}

void audit_add(struct txn *t, const struct audit_place *in, const struct audit_entry *entries, size_t count) {
    if (count > 0)
        write_entries(t, in, entries[0].at, NULL, entries, count);
}

void audit_life(struct txn *t, const struct audit_place *in, wall_ms at, const char *note) {
    write_entries(t, in, at, note, NULL, 0);
}

bool audit_head(struct txn *t, const struct audit_place *in, struct audit_head *out) {
    struct block b = {.first = 0};
    struct audit_log log;
    bool known = log_get(t, in, &log);
    enum last last = known ? last_block(t, in, &b) : LAST_ROTTEN;
    if (last == LAST_NONE)
        *out = (struct audit_head){log.life, log.trimmed, log.trimmed_hash};
    else if (last != LAST_ROTTEN)
        *out = (struct audit_head){log.life, b.first + b.is.count - 1, b.is.after};
    buffer_close(&b.raw);
    return last != LAST_ROTTEN;
}

bool audit_hash_at(struct txn *t, const struct audit_place *in, uint64_t n, struct hash *out) {
    struct block b = {.first = 0};
    struct audit_log log;
    struct bytes at, stored;
    struct hash then = {{0}}, after;
    if (!log_get(t, in, &log) || n < log.trimmed || n == UINT64_MAX)
        return false;
    if (n == log.trimmed) {
        *out = log.trimmed_hash;
        return true;
    }
    struct key k = key_u64(n + 1);
    struct scan *c = scan_open(t, in->entries);
    bool there = scan_before(c, key_bytes(&k), &at, &stored) && block_open(t, in, at, stored, &b) && n - b.first < b.is.count &&
                 block_chain(&b, (uint32_t)(n - b.first) + 1, &then, &after) == b.is.count;
    scan_close(c);
    if (there)
        *out = then;
    buffer_close(&b.raw);
    return there;
}

/* ---- reading */

static int block_each(const struct block *b, wall_ms from, wall_ms to, int (*each)(void *owner, const struct audit_entry *e), void *owner) {
    struct reader r = {.rest = buffer_bytes(&b->raw)};
    struct bytes packed;
    struct audit_entry e;
    int result = 0;
    for (uint64_t n = b->first; result == 0 && wire_batch_next(&r, &packed); n++) {
        if (wire_audit_entry_unpack(packed, &e) != 0 || e.at < from || (to != 0 && e.at > to))
            continue;
        e.n = n;
        result = each(owner, &e);
    }
    return result;
}

int audit_each(
    struct txn *t, const struct audit_place *in, wall_ms from, wall_ms to, int (*each)(void *owner, const struct audit_entry *e),
    void *owner) {
    struct block b = {.first = 0};
    struct bytes at, stored;
    int r = 0;
    struct scan *c = scan_open(t, in->entries);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &stored); on && r == 0; on = scan_next(c, &at, &stored)) {
        if (!block_open(t, in, at, stored, &b))
            log_fact(LOG_ERROR, "audit.rotten", FACT_HEX("key", at), FACT_TEXT("do", "run anjuctl audit verify"));
        else if (b.is.to >= from && (to == 0 || b.is.from <= to))
            r = block_each(&b, from, to, each, owner);
    }
    scan_close(c);
    buffer_close(&b.raw);
    return r;
}

/* The first block that stays says where the log begins. Those that will be packed stay, and the last one in any case. */
void audit_trim(struct txn *t, const struct audit_place *in, wall_ms before, unsigned most) {
    struct block b = {.first = 0};
    struct audit_log log;
    struct bytes at, stored;
    enum last last = last_block(t, in, &b);
    if (!log_get(t, in, &log) || last == LAST_NONE || last == LAST_ROTTEN) {
        buffer_close(&b.raw);
        return;
    }
    uint64_t end = b.first - b.is.behind;
    struct scan *c = scan_open(t, in->entries);
    bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &stored), stays = false;
    for (unsigned i = 0; on && !stays && i <= most; on = !stays && scan_next(c, &at, &stored), i++)
        stays = block_open(t, in, at, stored, &b) && (b.first >= end || b.is.to >= before || i == most);
    uint64_t first = stays ? b.first : 0;
    for (on = first > log.trimmed + 1 && scan_from(c, (struct bytes){NULL, 0}, &at, &stored); on; on = scan_next(c, &at, &stored)) {
        struct reader key = {.rest = at};
        uint64_t its = reader_u64be(&key);
        struct key k = key_u64(its);
        if (its >= first)
            break;
        txn_delete(t, in->entries, key_bytes(&k));
    }
    scan_close(c);
    if (first > log.trimmed + 1) {
        log.trimmed = first - 1;
        log.trimmed_hash = b.is.before;
        log_put(t, in, &log);
    }
    buffer_close(&b.raw);
}

/* ---- verification */

struct verifying {
    struct audit_checked *out;
    struct audit_kept *heads; /* by n */
    size_t head_count, next;
    uint64_t proven; /* up to here a head agrees */
    struct hash at;  /* the chain after the entries so far */
    uint64_t n;
};

static void bad(struct verifying *v, uint64_t first, const char *what) {
    if (v->out->bad != 0)
        return;
    v->out->bad = first;
    buffer_text(&v->out->what, what);
}

static void bad_by_head(struct verifying *v, uint64_t first, const char *what) {
    v->out->by_head = v->out->by_head || v->out->bad == 0;
    bad(v, first, what);
}

static void compare_head(struct verifying *v, const struct hash *now) {
    const struct audit_head *h = &v->heads[v->next++].told.head;
    v->out->heads++;
    if (hash_equal(&h->hash, now))
        v->proven = h->n;
    else
        bad_by_head(v, v->proven + 1, "the chain is not the one whose head the other side keeps");
}

/* Whoever rewrites a block and all hashes after it meets a head; whoever does not do the latter is met here. */
static void verify_block(struct verifying *v, const struct block *b) {
    struct reader r = {.rest = buffer_bytes(&b->raw)};
    struct bytes packed;
    uint32_t count = 0;
    if (!hash_equal(&b->is.before, &v->at))
        bad(v, b->first, "the block does not follow what is before it");
    v->at = b->is.before;
    v->n = b->first - 1;
    while (wire_batch_next(&r, &packed)) {
        v->at = wire_chain(&v->at, packed);
        v->n++;
        count++;
        while (v->next < v->head_count && v->heads[v->next].told.head.n == v->n)
            compare_head(v, &v->at);
    }
    if (r.bad || count != b->is.count || !hash_equal(&v->at, &b->is.after))
        bad(v, b->first, "the block's entries are not those that its hash is of");
    v->at = b->is.after;
    v->n = b->first + b->is.count - 1;
}

static int add_head(void *owner, const struct audit_kept *k) {
    buffer_add(owner, bytes_of(k, sizeof *k));
    return 0;
}

static int by_n(const void *x, const void *y) {
    uint64_t a = ((const struct audit_kept *)x)->told.head.n, b = ((const struct audit_kept *)y)->told.head.n;
    return (a > b) - (a < b);
}

static void verify_blocks(struct verifying *v, struct txn *t, const struct audit_place *in) {
    struct block b = {.first = 0};
    struct bytes at, stored;
    struct scan *c = scan_open(t, in->entries);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &stored); on; on = scan_next(c, &at, &stored)) {
        v->out->blocks++;
        if (!block_open(t, in, at, stored, &b)) {
            bad(v, v->n + 1, "the block is damaged");
            continue;
        }
        if (b.first != v->n + 1)
            bad(v, v->n + 1, "entries are missing");
        verify_block(v, &b);
    }
    scan_close(c);
    buffer_close(&b.raw);
}

void audit_verify(struct txn *t, const struct audit_place *in, struct audit_checked *out) {
    CLEANUP(buffer_close) struct buffer heads = {0};
    struct audit_log log = {.trimmed = 0};
    struct audit_kept broken;
    struct bytes at, stored;
    *out = (struct audit_checked){.first = 0};
    audit_kept_each(t, in, HEADS_OWN, add_head, &heads);
    if (audit_break_get(t, in, HEADS_OWN, &broken))
        add_head(&heads, &broken);
    struct verifying v = {.out = out, .heads = (struct audit_kept *)(void *)heads.at, .head_count = heads.len / sizeof(struct audit_kept)};
    if (v.head_count > 0)
        qsort(v.heads, v.head_count, sizeof *v.heads, by_n);
    if (!log_get(t, in, &log)) {
        struct scan *c = scan_open(t, in->entries);
        if (v.head_count > 0 || scan_last(c, &at, &stored))
            bad(&v, 1, "what the store says of this log is missing or damaged");
        scan_close(c);
    }
    v.at = log.trimmed_hash;
    v.n = v.proven = log.trimmed;
    while (v.next < v.head_count && v.heads[v.next].told.head.n <= log.trimmed) /* of what is kept no longer */
        v.next++;
    verify_blocks(&v, t, in);
    if (v.next < v.head_count)
        bad_by_head(&v, v.n + 1, "entries are missing at its end: the other side keeps a head of more");
    out->first = log.trimmed + 1;
    out->last = v.n;
}

/* ---- heads that are kept */

enum { DAY_MS = 86400000, DAILY_DAYS = 35, MONTH_DAYS = 30, BREAK_DAY = UINT32_MAX };

static void kept_put(struct txn *t, const struct audit_place *in, uint32_t node, uint32_t day, const struct audit_kept *k) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key key = key_head(node, day);
    wire_audit_kept_pack(k, &b);
    envelope_put(t, in->heads, key_bytes(&key), buffer_bytes(&b));
}

static bool kept_get(struct txn *t, const struct audit_place *in, uint32_t node, uint32_t day, struct audit_kept *out) {
    struct key key = key_head(node, day);
    struct bytes value;
    return envelope_get(t, in->heads, key_bytes(&key), &value) == 0 && wire_audit_kept_unpack(value, out) == 0;
}

/* Of what is older than DAILY_DAYS only the last of each month stays, and nothing of what the log itself lets go of. */
static void thin(struct txn *t, const struct audit_place *in, uint32_t node, uint32_t today) {
    struct key first = key_u32(node);
    struct bytes at, stored;
    uint32_t its, day = 0, before = 0;
    struct scan *c = scan_open(t, in->heads);
    for (bool on = scan_from(c, key_bytes(&first), &at, &stored); on && key_head_read(at, &its, &day) && its == node && day < today;
         on = scan_next(c, &at, &stored)) {
        struct key last = key_head(node, before);
        if (before != 0 && before + DAILY_DAYS < today &&
            (before / MONTH_DAYS == day / MONTH_DAYS || before + LIMIT_AUDIT_KEEP_DAYS < today))
            txn_delete(t, in->heads, key_bytes(&last));
        before = day;
    }
    scan_close(c);
}

void audit_keep(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_kept *k) {
    uint32_t day = (uint32_t)(k->heard / DAY_MS);
    struct audit_kept had;
    bool fresh = !kept_get(t, in, node, day, &had);
    kept_put(t, in, node, day, k);
    if (fresh)
        thin(t, in, node, day);
}

bool audit_kept_last(struct txn *t, const struct audit_place *in, uint32_t node, struct audit_kept *out) {
    struct key end = key_head(node, BREAK_DAY);
    struct bytes at, stored, value;
    uint32_t its, day;
    struct scan *c = scan_open(t, in->heads);
    bool there = scan_before(c, key_bytes(&end), &at, &stored) && key_head_read(at, &its, &day) && its == node &&
                 envelope_open(t, in->heads, at, stored, &value) == 0 && wire_audit_kept_unpack(value, out) == 0;
    scan_close(c);
    return there;
}

int audit_kept_each(
    struct txn *t, const struct audit_place *in, uint32_t node, int (*each)(void *owner, const struct audit_kept *k), void *owner) {
    struct key first = key_u32(node);
    struct bytes at, stored, value;
    struct audit_kept k;
    uint32_t its, day;
    int r = 0;
    struct scan *c = scan_open(t, in->heads);
    for (bool on = scan_from(c, key_bytes(&first), &at, &stored);
         on && r == 0 && key_head_read(at, &its, &day) && its == node && day != BREAK_DAY; on = scan_next(c, &at, &stored))
        if (envelope_open(t, in->heads, at, stored, &value) == 0 && wire_audit_kept_unpack(value, &k) == 0)
            r = each(owner, &k);
    scan_close(c);
    return r;
}

void audit_break_put(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_kept *k) {
    struct audit_kept now = *k, had;
    if (audit_break_get(t, in, node, &had) && had.told.head.n > k->told.head.n)
        now.told = had.told; /* who knew most is the better witness */
    kept_put(t, in, node, BREAK_DAY, &now);
}

bool audit_break_get(struct txn *t, const struct audit_place *in, uint32_t node, struct audit_kept *out) {
    return kept_get(t, in, node, BREAK_DAY, out);
}

/* Of our own log the heads that it does not hold go too: they have been looked at. */
void audit_break_settle(struct txn *t, const struct audit_place *in, uint32_t node) {
    struct key first = key_u32(node), end = key_head(node, BREAK_DAY);
    struct bytes at, stored;
    uint32_t its, day;
    struct scan *c = scan_open(t, in->heads);
    for (bool on = node == HEADS_OWN && scan_from(c, key_bytes(&first), &at, &stored); on && key_head_read(at, &its, &day) && its == node;
         on = scan_next(c, &at, &stored)) {
        struct key k = key_head(its, day);
        txn_delete(t, in->heads, key_bytes(&k));
    }
    scan_close(c);
    txn_delete(t, in->heads, key_bytes(&end));
}

/* ---- keys */

size_t audit_signers(struct txn *t, const struct audit_place *in, uint8_t out[AUDIT_SIGNERS][AUDIT_SIGNER_BYTES]) {
    struct key k = key_word("signers");
    struct bytes value;
    size_t count = envelope_get(t, in->meta, key_bytes(&k), &value) == 0 ? value.len / AUDIT_SIGNER_BYTES : 0;
    count = count > AUDIT_SIGNERS ? AUDIT_SIGNERS : count;
    if (count > 0)
        memcpy(out, value.at, count * AUDIT_SIGNER_BYTES);
    return count;
}

void audit_signer_add(struct txn *t, const struct audit_place *in, const uint8_t public_half[AUDIT_SIGNER_BYTES]) {
    uint8_t all[AUDIT_SIGNERS + 1][AUDIT_SIGNER_BYTES];
    struct key k = key_word("signers");
    struct bytes value;
    size_t count = audit_signers(t, in, all), first;
    if (count == 0 && envelope_get(t, in->meta, key_bytes(&k), &value) == ENVELOPE_ROTTEN)
        return; /* written over it could not be told any more: `verify` tells it */
    for (size_t i = 0; i < count; i++)
        if (memcmp(all[i], public_half, AUDIT_SIGNER_BYTES) == 0)
            return;
    memcpy(all[count++], public_half, AUDIT_SIGNER_BYTES);
    first = count > AUDIT_SIGNERS ? count - AUDIT_SIGNERS : 0;
    envelope_put(t, in->meta, key_bytes(&k), bytes_of(all[first], (count - first) * AUDIT_SIGNER_BYTES));
}
