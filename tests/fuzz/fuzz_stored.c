/* What lies in a store, under a seal that holds: a value of every tree, an entry of the hub's log, and what is folded and laid from it.
 * The first byte chooses. Nothing may crash; and what came as a change or as a page must leave a store that is sound, whatever was in it.
 */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalogue/policy.h"
#include "common/store/audit.h"
#include "common/store/envelope.h"
#include "common/store/hub_feed.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"
#include "common/wire/wire_parts.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODE = 1, TYPE = 40, NOW = 1000000000 };

static const struct id16 life = {{7}}, record = {{1}};
static const struct name name = {NODE, 2};

static area home(void) {
    area a;
    if (!area_parse(BYTES("650299001001"), &a))
        abort();
    return a;
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    if (store_write(s, &t) != 0)
        abort();
    return t;
}

static void put(struct txn *t, unsigned tree, struct key k, struct bytes value) {
    envelope_put(t, tree, key_bytes(&k), value);
}

static void sound_or_abort(void *owner, const char *what) {
    (void)owner;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void ignore(void *owner, const char *what) {
    (void)owner;
    (void)what;
}

/* ---- the hub's state */

static int one_record(void *owner, const struct record *r) {
    struct policy p;
    struct buffer *b = owner;
    area areas[LIMIT_AREAS];
    size_t count;
    uint32_t node;
    if (policy_of(r, &p))
        policy_words(&p, b);
    office_node(r, &node);
    office_areas(r, areas, &count);
    return 0;
}

static int one_line(void *owner, const struct history_entry *h) {
    (void)owner;
    (void)h;
    return 0;
}

static int one_held(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    (void)owner;
    (void)node;
    (void)h;
    (void)q;
    return 0;
}

static int one_office(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    (void)owner;
    (void)node;
    (void)n;
    (void)office;
    return 0;
}

static void read_hub(struct txn *t) {
    CLEANUP(arena_close) struct arena a = {0};
    CLEANUP(buffer_close) struct buffer b = {0};
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct pull pull = {.areas = {home()}, .area_count = 1, .bytes = 1 << 20};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct repair_ask *ask = memory_zeroed(1, sizeof *ask);
    struct repair_fill *fill = memory_zeroed(1, sizeof *fill);
    struct cursor adopted;
    bool load;
    if (hub_place_get(t, place) && place->epoch_count > 0) {
        pull.cursor.epoch = place->epochs[place->epoch_count - 1].epoch;
        hub_cursor_adopt(place, pull.cursor, &adopted, &load);
    }
    ask->cursor = pull.cursor;
    ask->area = home();
    hub_feed_page(t, NODE, &pull, &a, f, NULL);
    hub_repair_fill(t, NODE, ask, &a, fill, NULL);
    hub_records(t, 0, one_record, &b, NULL);
    hub_history(t, TYPE, &record, one_line, NULL);
    hub_held(t, 0, one_held, NULL);
    hub_offices(t, one_office, NULL, NULL);
    free(place);
    free(f);
    free(ask);
    free(fill);
}

static void begin_hub(struct txn *t) {
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    *n = (struct hub_node_state){.node = NODE, .served = {home()}, .served_count = 1};
    hub_epoch_begin(t, NOW, 1);
    hub_node_put(t, n);
    free(n);
}

static void hub_value(struct bytes in, unsigned which) {
    const struct {
        unsigned tree;
        struct key key;
    } places[] = {
        {HUB_META, key_word("at")},
        {HUB_META, key_word("epochs")},
        {HUB_META, key_word("sweep")},
        {HUB_RECORDS, key_record(TYPE, &record)},
        {HUB_RECORDS, key_history(TYPE, &record, name)},
        {HUB_ROWS, key_row(home(), 1)},
        {HUB_VERDICTS, key_verdict(NODE, 1)},
        {HUB_HELD, key_held(NODE, &life, 1)},
        {HUB_WAITING, key_waiting(TYPE, &record, NODE, &life, 1)},
        {HUB_NODES, key_u32(NODE)},
        {HUB_DIGESTS, key_u64(home())},
    };
    struct store *s = store_memory(&shape_hub_state, test_seal());
    struct txn *t = writing(s);
    struct key self = key_record(TYPE, &record);
    begin_hub(t);
    put(t, HUB_ROWS, key_row(home(), 1), key_bytes(&self));
    if (places[which].tree == HUB_RECORDS) {
        bool history = places[which].key.len != self.len;
        struct seal_key own;
        envelope_new_key(t, &own);
        envelope_put_own(t, HUB_RECORDS, key_bytes(&self), history ? (struct bytes){NULL, 0} : in, &own);
        if (history)
            envelope_put_under(t, HUB_RECORDS, key_bytes(&places[which].key), in, &own);
    } else {
        put(t, places[which].tree, places[which].key, in);
    }
    read_hub(t);
    hub_verify(t, ignore, NULL, NULL);
    hub_sweep(t, 100, 1);
    txn_abort(t);
    store_close(s);
}
enum { HUB_PLACES = 11 };

/* ---- the hub's log, and what is folded from it */

static void fold(const struct log_entry *e, struct bytes raw_entry) {
    struct store *log = store_memory(&shape_hub_log, test_seal()), *state = store_memory(&shape_hub_state, test_seal());
    struct txn *l = writing(log), *t = writing(state);
    struct merged m;
    begin_hub(t);
    hub_log_begin(l, &life, 1);
    if (hub_join_log(t, l, &life) != 0)
        abort();
    if (e != NULL)
        hub_log_append(l, e);
    else
        put(l, HUB_LOG_ENTRIES, key_u64(1), raw_entry);
    if (hub_merge(l, t, 100, NULL, &m) == 0 && txn_result(t) == 0) {
        hub_verify(t, sound_or_abort, NULL, NULL);
        read_hub(t);
        if (txn_result(t) != 0)
            abort();
    }
    txn_abort(l);
    txn_abort(t);
    store_close(log);
    store_close(state);
}

static void log_entry(struct bytes in) {
    fold(NULL, in);
}

static void log_node(struct bytes in) {
    struct store *s = store_memory(&shape_hub_log, test_seal());
    struct txn *t = writing(s);
    struct hub_log_node n;
    struct hub_log_place place;
    hub_log_begin(t, &life, 1);
    put(t, HUB_LOG_NODES, key_u32(NODE), in);
    hub_log_node(t, NODE, &n);
    put(t, HUB_LOG_META, key_word("life"), in);
    hub_log_place(t, &place);
    txn_abort(t);
    store_close(s);
}

/* A batch as a node would have it: a sequence of changes. */
static void pushed(struct bytes in) {
    CLEANUP(buffer_close) struct buffer body = {0};
    struct log_entry e = {.kind = LOG_PUSH, .node = NODE, .incarnation = life, .first = 1, .received = NOW};
    struct reader r = {.rest = in};
    struct bytes packed;
    while (wire_batch_next(&r, &packed))
        e.count++;
    if (r.bad || e.count == 0 || wire_batch_seal(in, &body) != 0)
        return;
    e.body = buffer_bytes(&body);
    fold(&e, e.body);
}

/* ---- a node's store */

static int one_view(void *owner, const struct record *r, bool pending) {
    (void)pending;
    return one_record(owner, r);
}

static int one_logged(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    (void)owner;
    (void)incarnation;
    (void)c;
    (void)saved;
    (void)held;
    return 0;
}

static int one_verdict(void *owner, const struct held *h, const struct change *c) {
    (void)owner;
    (void)h;
    (void)c;
    return 0;
}

static int one_audited(void *owner, const struct audit_entry *e) {
    (void)owner;
    (void)e;
    return 0;
}

static int one_kept(void *owner, const struct audit_kept *k) {
    (void)owner;
    (void)k;
    return 0;
}

/* Whatever lies there, entries go on; unless the transaction has failed before: then nothing is shown, so nothing is to be noted. */
static void audit(struct txn *t) {
    bool sound = txn_result(t) == 0;
    struct audit_checked checked;
    struct audit_head head, again;
    struct hash h;
    struct audit_kept k;
    audit_each(t, &audit_node, 0, 0, one_audited, NULL);
    audit_kept_each(t, &audit_node, 0, one_kept, NULL);
    audit_kept_last(t, &audit_node, 0, &k);
    audit_verify(t, &audit_node, &checked);
    buffer_close(&checked.what);
    audit_add(t, &audit_node, &(struct audit_entry){.at = NOW, .action = AUDIT_READ, .type = TYPE, .record = record}, 1);
    if (!sound)
        return;
    if (!audit_head(t, &audit_node, &head) || !audit_hash_at(t, &audit_node, head.n, &h))
        abort();
    audit_add(t, &audit_node, &(struct audit_entry){.at = NOW, .action = AUDIT_READ, .type = TYPE, .record = record}, 1);
    if (!audit_head(t, &audit_node, &again) || again.n != head.n + 1)
        abort();
}

static const struct op edited = {.field = 16, .kind = OP_SET, .value = {(const uint8_t *)"\x0a\x01x", 3}};

static void edit(struct txn *t) {
    struct edit e = {.type = TYPE, .record = record, .ops = &edited, .op_count = 1, .replace_all = true, .tag = 3};
    struct change out;
    const char *why;
    node_edit(t, &e, NOW, &out, &why);
}

static void read_node(struct txn *t) {
    CLEANUP(buffer_close) struct buffer b = {0}, raw = {0};
    struct push push;
    node_records(t, 0, false, one_view, &b);
    node_log_each(t, false, one_logged, NULL);
    node_held_each(t, one_verdict, NULL);
    audit(t);
    node_batch(t, &life, 0, 1 << 20, &push, &raw);
}

static void begin_node(struct txn *t) {
    area a = home();
    struct welcome *m = memory_zeroed(1, sizeof *m);
    *m = (struct welcome){.session = 9, .clock = NOW, .load = true, .cursor = {.epoch = {1, 1}}};
    node_begin(t, NODE, &a, 1, &life);
    edit(t);
    if (node_welcome(t, m, NOW, NOW) != 0)
        abort();
    free(m);
}

static void node_value(struct bytes in, unsigned which) {
    const struct {
        unsigned tree;
        struct key key;
    } places[] = {
        {NODE_META, key_word("progress")},      {NODE_META, key_word("scrub")},
        {NODE_LOG, key_log(&life, 1)},          {NODE_BASE, key_record(TYPE, &record)},
        {NODE_VIEW, key_record(TYPE, &record)}, {NODE_HELD, key_log(&life, 1)},
        {NODE_DIGESTS, key_u64(home())},        {NODE_AUDIT, key_u64(1)},
        {NODE_META, key_word("audit")},         {NODE_HEADS, key_head(0, 1)},
    };
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct node_laid laid;
    begin_node(t);
    put(t, places[which].tree, places[which].key, in);
    node_verify(t, ignore, NULL, NULL);
    read_node(t);
    edit(t);
    if (node_progress_get(t, p)) {
        f->from = f->to = p->cursor;
        f->caught_up = true;
        f->lives[f->life_count++] = (struct life){.incarnation = life, .includes = 1};
        memcpy(f->loading, p->loading, sizeof f->loading);
        for (size_t i = 0; i < p->loading_count; i++)
            f->loading[f->loading_count++].done = true;
        node_lay_feed(t, f, &laid);
        node_trim(t, NOW, 100);
        node_new_life(t, &record);
    }
    txn_abort(t);
    store_close(s);
    free(f);
    free(p);
}
enum { NODE_PLACES = 10 };

/* Entries of a page, laid: twice, as after a crash before its acknowledgement, once as a page and once as a repair. */
static void laid(struct bytes in) {
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    const struct entry *entries;
    size_t count;
    if (wire_entries_unpack(in, &a, &entries, &count) != 0)
        return;
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct repair_fill *fill = memory_zeroed(1, sizeof *fill);
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct node_laid out;
    begin_node(t);
    if (!node_progress_get(t, p))
        abort();
    f->from = f->to = p->cursor;
    f->entries = entries;
    f->entry_count = count;
    node_lay_feed(t, f, &out);
    node_lay_feed(t, f, &out);
    *fill = (struct repair_fill){.epoch = p->cursor.epoch, .area = home(), .entries = entries, .entry_count = count};
    memset(fill->covers, 1, sizeof fill->covers);
    node_lay_repair(t, fill, &out);
    edit(t);
    node_verify(t, sound_or_abort, NULL, NULL);
    read_node(t);
    txn_abort(t);
    store_close(s);
    free(f);
    free(fill);
    free(p);
}

/* ---- keys and envelopes, as a scan finds them */

static void raw(struct bytes in) {
    uint32_t u;
    struct id16 id;
    struct name n;
    area a;
    uint64_t x, y;
    struct bytes value;
    size_t half = in.len / 2;
    key_record_read(in, &u, &id);
    key_history_read(in, &u, &id, &n);
    key_row_read(in, &a, &x);
    key_verdict_read(in, &u, &x);
    key_held_read(in, &u, &id, &x);
    key_waiting_read(in, &u, &id, &u, &id, &x);
    key_log_read(in, &id, &x);
    key_pending_read(in, &u, &id, &x, &id, &y);
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    if (half > 0)
        envelope_open(t, 0, bytes_of(in.at, half), bytes_of(in.at + half, in.len - half), &value);
    txn_abort(t);
    store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const others[])(struct bytes) = {log_entry, log_node, pushed, laid, raw};
    enum { OTHERS = sizeof others / sizeof *others };
    if (size == 0)
        return 0;
    log_level_set((enum log_level)(LOG_ERROR + 1)); /* all that is found rotten is told */
    struct bytes in = bytes_of(data + 1, size - 1);
    unsigned which = data[0] % (OTHERS + HUB_PLACES + NODE_PLACES);
    if (which < OTHERS)
        others[which](in);
    else if (which < OTHERS + HUB_PLACES)
        hub_value(in, which - OTHERS);
    else
        node_value(in, which - OTHERS - HUB_PLACES);
    return 0;
}
