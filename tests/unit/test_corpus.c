/* The fuzzers' corpora hold one of every message and stored form, and what they hold is still read: a form that once lay on a disk or was
 * on the wire stays readable. With ANJU_SEEDS=1 the seeds that are missing are written (from the top folder); those that are there stay. */
#include "common/base/error.h"
#include "common/store/audit.h"
#include "common/store/envelope.h"
#include "common/store/hub_feed.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"
#include "common/wire/wire_enrol.h"
#include "common/wire/wire_parts.h"
#include "tests/support/test_seal.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NODE = 1, TYPE = 40, NOW = 1000000000 };

static const struct id16 life = {{7}}, record = {{1}};
static const struct name name = {NODE, 2};

/* Which byte stands first is the target's business: see fuzz_wire.c and fuzz_stored.c. */
static void seed(const char *target, const char *what, unsigned first, struct bytes body) {
    char path[128];
    FILE *f;
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s/%s", target, what);
    f = fopen(path, "r");
    if (f == NULL && getenv("ANJU_SEEDS") != NULL) {
        f = fopen(path, "w");
        assert_non_null(f);
        fputc((int)first, f);
        assert_int_equal(fwrite(body.at, 1, body.len, f), body.len);
    }
    if (f == NULL)
        fail_msg("%s is missing; ANJU_SEEDS=1 %s writes it", path, "build/tests/unit/test_corpus");
    fclose(f);
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct bytes area_value(area a, struct buffer *b) {
    buffer_clear(b);
    buffer_u8(b, 0x41);
    for (size_t i = 0; i < 8; i++)
        buffer_u8(b, (uint8_t)(a >> (8 * i)));
    return buffer_bytes(b);
}

/* ---- a hub and a node that hold one of everything, under the keys that the targets use */

struct pair {
    struct store *log, *state, *node;
    area home;
    struct buffer raw; /* the batch that the node pushed */
};

static void edit(struct txn *t, const struct op *ops, size_t count, uint64_t tag) {
    struct edit e = {.type = TYPE, .record = record, .ops = ops, .op_count = count, .replace_all = true, .tag = tag, .purpose = 3};
    struct change out;
    const char *why;
    assert_int_equal(node_edit(t, &e, NOW, &out, &why), 0);
}

static void push(struct pair *p) {
    CLEANUP(buffer_close) struct buffer body = {0};
    struct push m;
    struct merged merged;
    struct txn *l = writing(p->log), *s = writing(p->state), *t = writing(p->node);
    assert_int_equal(node_batch(t, &life, 0, 1 << 20, &m, &p->raw), 0);
    assert_int_equal(wire_batch_seal(buffer_bytes(&p->raw), &body), 0);
    struct log_entry e = {
        .kind = LOG_PUSH,
        .node = NODE,
        .incarnation = life,
        .first = 1,
        .count = m.count,
        .after = m.after,
        .received = NOW,
        .body = buffer_bytes(&body)};
    hub_log_append(l, &e);
    assert_int_equal(hub_merge(l, s, 100, NULL, &merged), 0);
    assert_int_equal(merged.changes, 3);
    txn_abort(t);
    assert_int_equal(txn_commit(l), 0);
    assert_int_equal(txn_commit(s), 0);
}

static void open_pair(struct pair *p) {
    CLEANUP(buffer_close) struct buffer home = {0};
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct welcome *m = memory_zeroed(1, sizeof *m);
    *p = (struct pair){
        .log = store_memory(&shape_hub_log, test_seal()),
        .state = store_memory(&shape_hub_state, test_seal()),
        .node = store_memory(&shape_node, test_seal())};
    assert_true(area_parse(BYTES("650299001001"), &p->home));
    struct txn *l = writing(p->log), *s = writing(p->state), *t = writing(p->node);
    *n = (struct hub_node_state){.node = NODE, .served = {p->home}, .served_count = 1};
    hub_epoch_begin(s, NOW, 1);
    hub_node_put(s, n);
    hub_log_begin(l, &life, 1);
    assert_int_equal(hub_join_log(s, l, &life), 0);
    node_begin(t, NODE, &p->home, 1, &life);
    *m = (struct welcome){.session = 9, .clock = NOW, .load = true, .cursor = {.epoch = {NOW, 1}}};
    assert_int_equal(node_welcome(t, m, NOW, NOW), 0);
    struct op ops[] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = area_value(p->home, &home)},
        {.field = 16, .kind = OP_SET, .value = BYTES("\x0a\x01x")},
        {.field = 17, .kind = OP_ADD, .value = BYTES("\x0a\x01y")}};
    struct op whole = {.field = FIELD_HOME, .kind = OP_SET, .value = BYTES("\x41\0\0\0\0\0\0\0\0")}; /* held: not an office's to give */
    edit(t, ops, 3, 2);
    edit(t, ops + 1, 1, 3);
    edit(t, &whole, 1, 4);
    assert_int_equal(txn_commit(l), 0);
    assert_int_equal(txn_commit(s), 0);
    assert_int_equal(txn_commit(t), 0);
    free(n);
    free(m);
    push(p);
}

static void close_pair(struct pair *p) {
    store_close(p->log);
    store_close(p->state);
    store_close(p->node);
    buffer_close(&p->raw);
}

static void page(struct pair *p, struct feed *f, struct arena *a) {
    struct node_progress *now = memory_zeroed(1, sizeof *now);
    struct txn *s = writing(p->state), *t = writing(p->node);
    assert_true(node_progress_get(t, now));
    struct pull pull = {.cursor = now->cursor, .loading_count = now->loading_count, .bytes = 1 << 20};
    pull.area_count = area_expand(&p->home, 1, NODE, pull.areas, LIMIT_AREAS);
    memcpy(pull.loading, now->loading, sizeof pull.loading);
    assert_int_equal(hub_feed_page(s, NODE, &pull, a, f, NULL), 0);
    txn_abort(s);
    txn_abort(t);
    free(now);
}

/* ---- the wire */

static void message_seed(const char *what, enum message_kind kind, struct message *m) {
    CLEANUP(buffer_close) struct buffer b = {0};
    m->kind = kind;
    assert_int_equal(wire_pack(m, &b), 0);
    seed("wire", what, 0, buffer_bytes(&b));
}

static void messages(struct pair *p) {
    CLEANUP(arena_close) struct arena a = {0};
    struct message *m = memory_zeroed(1, sizeof *m);
    m->hello = (struct hello){.protocol_least = 1, .protocol_most = 1, .software = BYTES("t"), .life_count = 1, .nonce = 5, .clock = NOW};
    m->hello.lives[0] = (struct life){.incarnation = life, .first = 1, .last = 9, .acked = 4};
    message_seed("hello", MESSAGE_HELLO, m);
    m->welcome = (struct welcome){.session = 3, .load = true, .credit = 8, .cursor = {{4, 5}, 6, 7}, .life_count = 1};
    m->welcome.lives[0] = (struct life){.incarnation = life, .acked = 4, .safe = 2, .includes = 3};
    message_seed("welcome", MESSAGE_WELCOME, m);
    m->refuse = (struct refuse){REFUSE_BUSY, BYTES("busy"), 20};
    message_seed("refuse", MESSAGE_REFUSE, m);
    m->push = (struct push){.session = 3, .incarnation = life, .first = 2, .count = 3, .after = {{9}}, .body = BYTES("body")};
    message_seed("push", MESSAGE_PUSH, m);
    m->ack = (struct ack){.session = 3, .credit = 9, .rewind = true, .canary = 2, .life_count = 1};
    m->ack.lives[0] = (struct life){.incarnation = life, .acked = 4, .acked_hash = {{9}}};
    message_seed("ack", MESSAGE_ACK, m);
    m->pull = (struct pull){.session = 3, .areas = {p->home}, .area_count = 1, .loading_count = 1, .loading = {{.upto = 4}}, .bytes = 5};
    message_seed("pull", MESSAGE_PULL, m);
    memset(&m->feed, 0, sizeof m->feed);
    page(p, &m->feed, &a);
    m->feed.session = 3;
    message_seed("feed", MESSAGE_FEED, m);
    m->tip = (struct tip){3, 4};
    message_seed("tip", MESSAGE_TIP, m);
    m->report = (struct report){.session = 3, .backlog = 4, .number = 4, .canary = 3, .software = BYTES("t")};
    message_seed("report", MESSAGE_REPORT, m);
    m->repair_ask = (struct repair_ask){.session = 3, .area = p->home, .buckets = {[9] = {{1, 2}}}};
    message_seed("repair-ask", MESSAGE_REPAIR_ASK, m);
    struct entry left = {.kind = ENTRY_LEFT, .record = {.type = TYPE, .id = record}};
    struct held held = {life, 3, VERDICT_SCOPE};
    memset(&m->repair_fill, 0, sizeof m->repair_fill);
    m->repair_fill =
        (struct repair_fill){.session = 3, .covers = {[7] = true}, .held = &held, .held_count = 1, .entries = &left, .entry_count = 1};
    message_seed("repair-fill", MESSAGE_REPAIR_FILL, m);
    m->key_offer = (struct key_offer){3, BYTES("anju1:new"), BYTES("old"), BYTES("new")};
    message_seed("key-offer", MESSAGE_KEY_OFFER, m);
    m->key_taken = (struct key_taken){BYTES("anju1:new"), 7};
    message_seed("key-taken", MESSAGE_KEY_TAKEN, m);
    free(m);
}

static void forms(struct pair *p) {
    CLEANUP(buffer_close) struct buffer b = {0};
    CLEANUP(arena_close) struct arena a = {0};
    struct reader r = {.rest = buffer_bytes(&p->raw)};
    struct bytes packed;
    struct record rec;
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct txn *s = writing(p->state);
    assert_true(wire_batch_next(&r, &packed));
    seed("wire", "change", 1, packed);
    assert_int_equal(hub_record(s, TYPE, &record, &a, &rec), 0);
    wire_record_pack(&rec, RECORD_HUB, &b);
    seed("wire", "record", 2, buffer_bytes(&b));
    txn_abort(s);
    buffer_clear(&b);
    assert_int_equal(wire_batch_seal(buffer_bytes(&p->raw), &b), 0);
    seed("wire", "batch", 3, buffer_bytes(&b));
    buffer_clear(&b);
    struct enrolment *e = memory_zeroed(1, sizeof *e);
    uint8_t secret[32] = {1};
    *e = (struct enrolment){.node = NODE, .served = {p->home}, .served_count = 1, .name = BYTES("n"), .endpoint = BYTES("tcp://hub:1")};
    e->city_secret = e->index_key = bytes_of(secret, sizeof secret);
    wire_enrolment_pack(e, &b);
    seed("wire", "enrolment", 4, buffer_bytes(&b));
    free(e);
    page(p, f, &a);
    buffer_clear(&b);
    wire_entries_pack(f->entries, f->entry_count, &b);
    seed("wire", "entries", 5, buffer_bytes(&b));
    seed("stored", "laid", 3, buffer_bytes(&b));
    seed("stored", "pushed", 2, buffer_bytes(&p->raw));
    free(f);
}

/* ---- the stores */

static void stored(struct store *s, const char *what, unsigned first, unsigned tree, struct key k, const char *also_wire) {
    struct bytes value;
    struct txn *t = writing(s);
    struct key owner = key_record(TYPE, &record);
    struct bytes stored;
    struct seal_key own;
    if (key_starts(key_bytes(&k), &owner) && k.len == key_history(TYPE, &record, name).len) { /* a history lies under its record's key */
        assert_true(txn_get(t, tree, key_bytes(&owner), &stored) && envelope_own_key(t, stored, &own));
        assert_true(txn_get(t, tree, key_bytes(&k), &stored));
        assert_int_equal(envelope_open_under(t, tree, key_bytes(&k), stored, &own, &value), 0);
    } else {
        assert_int_equal(envelope_get(t, tree, key_bytes(&k), &value), 0);
    }
    seed("stored", what, first, value);
    if (also_wire != NULL)
        seed("wire", also_wire, 4, value);
    txn_abort(t);
}

static void hub_values(struct pair *p) {
    enum { FIRST = 5 };
    struct key home = key_u64(p->home);
    stored(p->log, "log-entry", 0, HUB_LOG_ENTRIES, key_u64(1), "log-entry");
    stored(p->log, "log-node", 1, HUB_LOG_NODES, key_u32(NODE), NULL);
    stored(p->state, "hub-at", FIRST, HUB_META, key_word("at"), NULL);
    stored(p->state, "hub-epochs", FIRST + 1, HUB_META, key_word("epochs"), NULL);
    stored(p->state, "hub-record", FIRST + 3, HUB_RECORDS, key_record(TYPE, &record), NULL);
    stored(p->state, "hub-history", FIRST + 4, HUB_RECORDS, key_history(TYPE, &record, name), "history");
    stored(p->state, "hub-row", FIRST + 5, HUB_ROWS, key_row(p->home, 2), NULL);
    stored(p->state, "hub-verdict", FIRST + 6, HUB_VERDICTS, key_verdict(NODE, 3), NULL);
    stored(p->state, "hub-held", FIRST + 7, HUB_HELD, key_held(NODE, &life, 3), "quarantined");
    stored(p->state, "hub-waiting", FIRST + 8, HUB_WAITING, key_waiting(TYPE, &record, NODE, &life, 3), NULL);
    stored(p->state, "hub-node", FIRST + 9, HUB_NODES, key_u32(NODE), NULL);
    stored(p->state, "hub-digest", FIRST + 10, HUB_DIGESTS, home, NULL);
}

/* It says that there are more changes than anybody could walk over. */
static void endless_progress(struct pair *p, unsigned first) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct node_progress *now = memory_zeroed(1, sizeof *now);
    struct txn *t = writing(p->node);
    assert_true(node_progress_get(t, now));
    now->lives[0].last = UINT64_MAX / 2;
    wire_progress_pack(now, &b);
    seed("stored", "node-progress-endless", first, buffer_bytes(&b));
    txn_abort(t);
    free(now);
}

static void node_values(struct pair *p) {
    enum { FIRST = 16 };
    CLEANUP(arena_close) struct arena a = {0};
    struct feed *f = memory_zeroed(1, sizeof *f);
    struct node_laid laid;
    struct op op = {.field = 16, .kind = OP_SET, .value = BYTES("\x0a\x01z")};
    page(p, f, &a);
    struct txn *t = writing(p->node);
    assert_int_equal(node_lay_feed(t, f, &laid), 0);
    assert_true(!laid.dropped && laid.caught_up && laid.digests_equal);
    edit(t, &op, 1, 5);
    audit_add(t, &audit_node, &(struct audit_entry){.at = 1, .purpose = 1, .type = TYPE, .record = record, .action = 1}, 1);
    audit_keep(t, &audit_node, 0, &(struct audit_kept){.told.head = {.life = life, .n = 3}, .heard = NOW});
    assert_int_equal(txn_commit(t), 0);
    stored(p->node, "node-progress", FIRST, NODE_META, key_word("progress"), "progress");
    endless_progress(p, FIRST);
    stored(p->node, "node-log", FIRST + 2, NODE_LOG, key_log(&life, 1), NULL);
    stored(p->node, "node-base", FIRST + 3, NODE_BASE, key_record(TYPE, &record), NULL);
    stored(p->node, "node-view", FIRST + 4, NODE_VIEW, key_record(TYPE, &record), NULL);
    stored(p->node, "node-held", FIRST + 5, NODE_HELD, key_log(&life, 3), NULL);
    stored(p->node, "node-digest", FIRST + 6, NODE_DIGESTS, key_u64(p->home), NULL);
    stored(p->node, "node-audit", FIRST + 7, NODE_AUDIT, key_u64(1), NULL);
    stored(p->node, "node-audit-log", FIRST + 8, NODE_META, key_word("audit"), NULL);
    stored(p->node, "node-head", FIRST + 9, NODE_HEADS, key_head(0, NOW / 86400000), NULL);
    free(f);
}

static void one_of_everything_is_there(void **state) {
    struct pair p;
    (void)state;
    open_pair(&p);
    messages(&p);
    forms(&p);
    hub_values(&p);
    node_values(&p);
    close_pair(&p);
}

/* ---- still read */

static int read_enrol(const char *what, struct bytes in) {
    struct enrol_ask ask;
    struct enrol_answer answer;
    struct enrol_entry entry;
    struct enrol_token token;
    char code[ENROL_CODE_TEXT];
    CLEANUP(buffer_close) struct buffer text = {0};
    buffer_add(&text, in);
    return strcmp(what, "enrol-ask") == 0      ? enrol_ask_unpack(in, &ask)
           : strcmp(what, "enrol-answer") == 0 ? enrol_answer_unpack(in, &answer)
           : strcmp(what, "enrol-entry") == 0  ? enrol_entry_unpack(in, &entry)
           : strcmp(what, "enrol-token") == 0  ? !enrol_token_parse(in, &token)
                                               : !enrol_code_parse(buffer_string(&text), code);
}

static int read_one(unsigned first, const char *what, struct bytes in, struct arena *a) {
    struct message *m = arena_take(a, sizeof *m);
    struct node_progress *p = arena_take(a, sizeof *p);
    struct enrolment *e = arena_take(a, sizeof *e);
    struct change c;
    struct record r;
    struct log_entry l;
    struct history_entry h;
    struct quarantined q;
    struct buffer raw = {0};
    const struct entry *entries;
    size_t count;
    int bad;
    switch (first) {
    case 0:
        return wire_unpack(in, a, m);
    case 1:
        return wire_change_unpack(in, a, &c);
    case 2:
        return wire_record_unpack(in, a, &r);
    case 3:
        bad = wire_batch_open(in, &raw);
        buffer_close(&raw);
        return bad;
    case 4:
        return strcmp(what, "log-entry") == 0     ? wire_log_entry_unpack(in, &l)
               : strcmp(what, "history") == 0     ? wire_history_unpack(in, &h)
               : strcmp(what, "quarantined") == 0 ? wire_quarantined_unpack(in, &q)
               : strcmp(what, "progress") == 0    ? wire_progress_unpack(in, p)
                                                  : wire_enrolment_unpack(in, a, e);
    case 5:
        return wire_entries_unpack(in, a, &entries, &count);
    case 6:
        return read_enrol(what, in);
    default:
        return WIRE_BROKEN;
    }
}

static void all_are_still_read(void **state) {
    (void)state;
    unsigned count = 0;
    DIR *d = opendir("tests/fuzz/corpus/wire");
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        CLEANUP(arena_close) struct arena a = {0};
        uint8_t text[16384];
        char path[512];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "tests/fuzz/corpus/wire/%s", e->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t len = fread(text, 1, sizeof text, f);
        fclose(f);
        assert_true(len > 0 && len < sizeof text);
        if (read_one(text[0], e->d_name, bytes_of(text + 1, len - 1), &a) != 0)
            fail_msg("%s cannot be read any more", path);
        count++;
    }
    closedir(d);
    assert_true(count >= 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_everything_is_there),
        cmocka_unit_test(all_are_still_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
