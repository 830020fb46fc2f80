/* A node's store by itself: what a Welcome may not do, and that edits come back as they were made. */
#include "common/model/value.h"
#include "common/store/layout.h"
#include "common/store/node_parts.h"
#include "common/wire/pb.h"
#include "tests/support/test_seal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store *begun(area *home) {
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t;
    struct id16 life;
    memset(life.b, 7, sizeof life.b);
    assert_true(area_parse(BYTES("650203001001"), home));
    assert_int_equal(store_write(s, &t), 0);
    node_begin(t, 1, home, 1, &life);
    assert_int_equal(txn_commit(t), 0);
    return s;
}

static int welcome(struct store *s, uint64_t counter, uint64_t random, uint64_t acked) {
    struct welcome *m = calloc(1, sizeof *m);
    struct txn *t;
    m->session = 9;
    m->protocol = 1;
    m->clock = 1750000000000;
    m->cursor.epoch = (struct epoch){counter, random};
    m->load = true;
    m->life_count = 1;
    memset(m->lives[0].incarnation.b, 7, sizeof m->lives[0].incarnation.b);
    m->lives[0].acked = acked;
    assert_int_equal(store_write(s, &t), 0);
    int r = node_welcome(t, m, 1750000000000, 1750000000000);
    assert_int_equal(txn_commit(t), 0);
    free(m);
    return r;
}

#define NOW ((wall_ms)1750000000000)

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct node_progress *progress(struct store *s) { /* to be freed */
    struct node_progress *p = calloc(1, sizeof *p);
    struct txn *t;
    assert_int_equal(store_read(s, &t), 0);
    assert_true(node_progress_get(t, p));
    txn_abort(t);
    return p;
}

/* An edit of record 3 of type 40: one text. Gives what node_edit gave. */
static int edit(struct store *s, uint64_t tag, wall_ms now) {
    struct buffer text = {0};
    struct txn *t = writing(s);
    struct change out;
    const char *why;
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES("甲")}, &text);
    struct op op = {.field = 16, .kind = OP_SET, .value = buffer_bytes(&text)};
    struct edit e = {.type = 40, .ops = &op, .op_count = 1, .replace_all = true, .tag = tag, .salt = 6};
    memset(e.record.b, 3, sizeof e.record.b);
    int r = node_edit(t, &e, now, &out, &why);
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&text);
    return r;
}

static void an_older_epoch_is_not_followed(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(welcome(s, 10, 1, 0), 0); /* the same one again */
    assert_int_equal(welcome(s, 5, 9, 0), NODE_WELCOME_STALE);
    assert_int_equal(welcome(s, 10, 2, 0), NODE_WELCOME_STALE);
    assert_int_equal(welcome(s, 11, 0, 0), 0);
    store_close(s);
}

static void a_hub_that_has_more_than_this_disk(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 3), NODE_WELCOME_RESTORED);
    store_close(s);
}

static void edits_come_back(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct txn *t;
    struct arena a = {0};
    struct record r;
    struct buffer area_bytes = {0}, text = {0};
    bool pending;
    value_pack(&(struct value){.kind = VALUE_AREA, .area = home}, &area_bytes);
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES("甲")}, &text);
    struct op ops[] = {
        {.field = FIELD_HOME, .kind = OP_SET, .value = buffer_bytes(&area_bytes)},
        {.field = 16, .kind = OP_SET, .value = buffer_bytes(&text)}};
    struct edit e = {.type = 40, .ops = ops, .op_count = 2, .replace_all = true, .tag = 5, .salt = 6};
    struct change out;
    const char *why;
    memset(e.record.b, 3, sizeof e.record.b);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        e.tag = seq;
        assert_int_equal(store_write(s, &t), 0);
        assert_int_equal(node_edit(t, &e, 1750000000000, &out, &why), 0);
        assert_int_equal(out.seq, seq);
        assert_int_equal(txn_commit(t), 0);
    }
    assert_int_equal(store_read(s, &t), 0);
    assert_int_equal(node_record(t, 40, &e.record, &a, &r, &pending), 0);
    assert_true(pending);
    assert_int_equal(record_field(&r, 16)->head_count, 1); /* each SET replaced the one before */
    assert_int_equal(record_field(&r, 16)->heads[0].name.tag, 3);
    assert_true(bytes_equal(field_winner(record_field(&r, 16))->value, buffer_bytes(&text)));
    txn_abort(t);
    arena_close(&a);
    buffer_close(&area_bytes);
    buffer_close(&text);
    store_close(s);
}

static void acknowledge(struct store *s, uint64_t session, uint64_t acked, uint64_t safe) {
    struct ack m = {.session = session, .life_count = 1};
    struct txn *t = writing(s);
    memset(m.lives[0].incarnation.b, 7, sizeof m.lives[0].incarnation.b);
    m.lives[0].acked = acked;
    m.lives[0].safe = safe;
    assert_true(node_chain(t, &m.lives[0].incarnation, acked, &m.lives[0].acked_hash));
    node_acked(t, &m);
    assert_int_equal(txn_commit(t), 0);
}

static void an_ack_that_was_overtaken(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    for (uint64_t tag = 1; tag <= 3; tag++)
        assert_int_equal(edit(s, tag, NOW), 0);
    acknowledge(s, 9, 2, 1);
    acknowledge(s, 9, 1, 0);
    acknowledge(s, 8, 3, 0); /* of the session before */
    struct node_progress *p = progress(s);
    assert_int_equal(p->lives[0].acked, 2);
    assert_int_equal(p->lives[0].safe, 1);
    free(p);
    store_close(s);
}

/* The second is against the rules, or too large beside the first, which is of the same record: nothing of either is there. */
static void several_edits_are_one(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    static uint8_t much[60000];
    struct buffer text = {0};
    struct op ops[2][4];
    struct edit e[2] = {{.type = 40, .ops = ops[0], .op_count = 4, .tag = 1}, {.type = 40, .ops = ops[1], .op_count = 4, .tag = 2}};
    struct change out[2];
    const char *why;
    size_t which;
    memset(much, 'x', sizeof much);
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = bytes_of(much, sizeof much)}, &text);
    for (uint32_t i = 0; i < 8; i++)
        ops[i / 4][i % 4] = (struct op){.field = 16 + i, .kind = OP_SET, .value = buffer_bytes(&text)};
    for (uint64_t round = 0; round < 2; round++) {
        struct node_progress *before = progress(s);
        struct txn *t = writing(s);
        if (round == 0)
            ops[1][1].field = ops[1][0].field;
        else
            for (uint32_t i = 0; i < 4; i++)
                ops[1][i].field = 20 + i;
        if (round == 1) { /* the record is nearly full, and the first fills it */
            for (uint64_t k = 0; k < 2; k++) {
                struct op more[4];
                struct edit one = {.type = 40, .ops = more, .op_count = 4, .tag = 10 + k};
                for (uint32_t i = 0; i < 4; i++)
                    more[i] = (struct op){.field = 40 + 4 * (uint32_t)k + i, .kind = OP_SET, .value = buffer_bytes(&text)};
                assert_int_equal(node_edit(t, &one, NOW, out, &why), 0);
            }
            assert_true(node_progress_get(t, before));
        }
        assert_int_equal(node_edits(t, e, 2, NOW, out, &which, &why), round == 0 ? NODE_EDIT_BAD : NODE_EDIT_FULL);
        assert_int_equal(which, 1);
        assert_int_equal(txn_commit(t), 0);
        struct node_progress *after = progress(s);
        assert_memory_equal(before, after, sizeof *after);
        assert_int_equal(store_read(s, &t), 0);
        assert_int_equal(store_count(t, NODE_LOG), before->lives[0].last);
        assert_int_equal(store_count(t, NODE_PENDING), before->lives[0].last);
        txn_abort(t);
        free(before);
        free(after);
    }
    struct txn *t = writing(s);
    e[1] = (struct edit){.type = 41, .ops = ops[1], .op_count = 1, .tag = 3};
    assert_int_equal(node_edits(t, e, 2, NOW, out, &which, &why), 0);
    assert_int_equal(out[1].seq, out[0].seq + 1);
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&text);
    store_close(s);
}

/* Stamped ahead, accepted, not judged yet: nothing is left to stamp again, and the clock comes back all the same. */
static void a_welcome_brings_the_clock_back(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(edit(s, 1, NOW + 7200000), 0);
    acknowledge(s, 9, 1, 0);
    struct welcome *m = calloc(1, sizeof *m);
    struct node_progress *p = progress(s);
    *m = (struct welcome){.session = 10, .protocol = 1, .clock = NOW, .cursor = p->cursor, .life_count = 1};
    m->lives[0] = p->lives[0];
    struct txn *t = writing(s);
    assert_int_equal(node_welcome(t, m, NOW, NOW), 0);
    assert_int_equal(txn_commit(t), 0);
    free(p);
    p = progress(s);
    assert_int_equal(hlc_ms(p->hlc), NOW);
    free(p);
    free(m);
    store_close(s);
}

/* What a Welcome's way leaves open is not taken for a wrong clock. */
static void a_slow_welcome_moves_no_right_clock(void **state) {
    (void)state;
    static const struct {
        int64_t hub, asked, now, offset; /* readings, from NOW; the offset that is left */
    } steps[] = {
        {-900, -1000, 0, 0},      /* 900 ms on its way: 0 is as good as any of the rest */
        {5000, -40, 0, 5000},     /* five seconds behind: the least correction that explains it */
        {5020, -40, 0, 5020},     /* … */
        {4000, -3000, 0, 5020},   /* a slow one says nothing new */
        {3, -10, 0, 13},          /* the machine's clock was set right */
        {-700, 2000000, 0, -700}, /* … or back, while the Welcome was on its way: the later reading counts */
    };
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct welcome *m = calloc(1, sizeof *m);
        struct node_progress *p = progress(s);
        *m = (struct welcome){.session = 10 + i, .protocol = 1, .clock = NOW + (wall_ms)steps[i].hub, .cursor = p->cursor, .life_count = 1};
        m->lives[0] = p->lives[0];
        struct txn *t = writing(s);
        assert_int_equal(node_welcome(t, m, NOW + (wall_ms)steps[i].asked, NOW + (wall_ms)steps[i].now), 0);
        assert_int_equal(txn_commit(t), 0);
        free(p);
        p = progress(s);
        assert_int_equal(p->offset_ms, steps[i].offset);
        free(p);
        free(m);
    }
    store_close(s);
}

/* A field of a later version in an unsent change stays when the change is stamped or labelled again. */
static void what_is_not_known_stays(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct buffer packed = {0}, future = {0};
    struct logged e;
    struct id16 life, next;
    memset(life.b, 7, sizeof life.b);
    memset(next.b, 8, sizeof next.b);
    pb_bytes(&future, 900, BYTES("from the future"));
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(edit(s, 1, NOW + 7200000), 0);
    struct txn *t = writing(s);
    assert_true(log_read(t, &life, 1, &e));
    buffer_add(&packed, e.packed);
    buffer_add(&packed, buffer_bytes(&future));
    struct hash chain = wire_chain(&(struct hash){{0}}, buffer_bytes(&packed));
    log_write(t, &life, 1, &chain, NOW, buffer_bytes(&packed));
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(welcome(s, 10, 1, 0), 0); /* stamps it again */
    t = writing(s);
    node_new_life(t, &next);
    assert_true(log_read(t, &next, 1, &e));
    assert_true(e.packed.len > future.len);
    assert_true(bytes_equal(bytes_of(e.packed.at + e.packed.len - future.len, future.len), buffer_bytes(&future)));
    struct arena a = {0};
    struct change c;
    assert_int_equal(wire_change_unpack(e.packed, &a, &c), 0);
    assert_true(c.again && c.name.tag == 1 && hlc_ms(c.version.hlc) == NOW);
    assert_int_equal(txn_commit(t), 0);
    arena_close(&a);
    buffer_close(&packed);
    buffer_close(&future);
    store_close(s);
}

static struct node_laid lay(struct store *s, const struct feed *m) {
    struct node_laid laid;
    struct txn *t = writing(s);
    assert_int_equal(node_lay_feed(t, m, &laid), 0);
    assert_int_equal(txn_commit(t), 0);
    return laid;
}

/* One Pull came twice at the hub. The first answer ends the load of all areas but one without moving the cursor; the second was made after
 * the hub merged more, and covers of the areas that it takes as being loaded only a part. */
static void a_page_that_came_late(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    struct node_progress *p = progress(s);
    struct feed *m = calloc(1, sizeof *m);
    m->from = m->to = p->cursor;
    m->loading_count = p->loading_count;
    for (size_t i = 0; i < p->loading_count; i++)
        m->loading[i] = (struct loading){.area = p->loading[i].area, .done = i > 0};
    assert_false(lay(s, m).dropped);
    m->to.at += 20;
    assert_true(lay(s, m).dropped);
    free(p);
    p = progress(s);
    assert_true(cursor_equal(p->cursor, m->from));
    m->loading_count = 1; /* asked for after the first */
    assert_false(lay(s, m).dropped);
    free(p);
    free(m);
    store_close(s);
}

static struct id16 life_of(uint8_t n) {
    struct id16 id;
    memset(id.b, n, sizeof id.b);
    return id;
}

static void rot(struct store *s, const struct id16 *life, uint64_t seq) {
    struct txn *t = writing(s);
    struct key k = key_log(life, seq);
    struct bytes value;
    struct buffer b = {0};
    assert_true(txn_get(t, NODE_LOG, key_bytes(&k), &value));
    buffer_add(&b, value);
    b.at[b.len - 1] ^= 1;
    txn_put(t, NODE_LOG, key_bytes(&k), buffer_bytes(&b));
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&b);
}

/* Damaged after it was accepted and before it is merged: the page that includes it ends its being pending. */
static void a_damaged_change_is_merged(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct id16 life = life_of(7);
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(edit(s, 1, NOW), 0);
    acknowledge(s, 9, 1, 0);
    rot(s, &life, 1);
    struct node_progress *p = progress(s);
    struct feed *m = calloc(1, sizeof *m);
    m->from = m->to = p->cursor;
    m->lives[m->life_count++] = (struct life){.incarnation = life, .includes = 1};
    assert_false(lay(s, m).dropped);
    struct txn *t;
    assert_int_equal(store_read(s, &t), 0);
    assert_int_equal(store_count(t, NODE_PENDING), 0);
    assert_int_equal(store_count(t, NODE_VIEW), 0);
    txn_abort(t);
    free(p);
    free(m);
    store_close(s);
}

static int name_lost(void *owner, const struct id16 *incarnation, uint64_t seq, wall_ms noticed) {
    struct held *lost = owner;
    (void)noticed;
    *lost = (struct held){.incarnation = *incarnation, .seq = seq};
    return 0;
}

static void a_lost_change_has_a_name(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct id16 life = life_of(7), next = life_of(8);
    for (uint64_t tag = 1; tag <= 3; tag++)
        assert_int_equal(edit(s, tag, NOW), 0);
    rot(s, &life, 2);
    struct push push;
    struct buffer raw = {0};
    struct txn *t = writing(s);
    assert_int_equal(node_batch(t, &life, 0, 100000, &push, &raw), 0);
    assert_int_equal(push.count, 1);
    assert_int_equal(node_batch(t, &life, 1, 100000, &push, &raw), NODE_BATCH_BROKEN);
    assert_int_equal(node_batch(t, &life, 2, 100000, &push, &raw), NODE_BATCH_BROKEN);
    assert_int_equal(node_batch(t, &life, 3, 100000, &push, &raw), NODE_BATCH_EMPTY);
    txn_abort(t);
    assert_int_equal(welcome(s, 10, 1, 0), NODE_WELCOME_RESTORED);
    t = writing(s);
    node_new_life(t, &next);
    assert_int_equal(txn_commit(t), 0);
    struct node_progress *p = progress(s);
    struct held lost = {.seq = 0};
    assert_int_equal(p->lost_count, 1);
    assert_int_equal(p->lives[1].last, 2);
    t = writing(s);
    assert_int_equal(node_lost_each(t, name_lost, &lost), 0);
    assert_true(lost.seq == 2 && id_equal(&lost.incarnation, &life));
    node_trim(t, NOW + (wall_ms)40 * 86400000, 100);
    assert_int_equal(txn_commit(t), 0);
    free(p);
    p = progress(s);
    assert_int_equal(p->lost_count, 0);
    free(p);
    buffer_close(&raw);
    store_close(s);
}

/* It was accepted, but its Ack was not heard: what was written behind it cannot know the chain, and does not go out under a wrong one. */
static void behind_a_damaged_change(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct id16 life = life_of(7), next = life_of(8);
    struct welcome *m = calloc(1, sizeof *m);
    struct push push;
    struct buffer raw = {0};
    assert_int_equal(welcome(s, 10, 1, 0), 0);
    assert_int_equal(edit(s, 1, NOW), 0);
    struct node_progress *p = progress(s);
    *m = (struct welcome){.session = 10, .protocol = 1, .clock = NOW, .cursor = p->cursor, .life_count = 1};
    m->lives[0] = (struct life){.incarnation = life, .acked = 1};
    struct txn *t = writing(s);
    assert_true(node_chain(t, &life, 1, &m->lives[0].acked_hash));
    txn_abort(t);
    rot(s, &life, 1);
    assert_int_equal(edit(s, 2, NOW), 0);
    t = writing(s);
    assert_int_equal(node_welcome(t, m, NOW, NOW), NODE_WELCOME_RESTORED);
    assert_int_equal(node_batch(t, &life, 1, 100000, &push, &raw), NODE_BATCH_BROKEN);
    node_new_life(t, &next);
    assert_int_equal(txn_commit(t), 0);
    free(p);
    p = progress(s);
    assert_int_equal(p->lost_count, 0);
    assert_int_equal(p->lives[0].last, 1);
    assert_int_equal(p->lives[1].last, 1);
    m->lives[1] = p->lives[1];
    m->life_count = 2;
    t = writing(s);
    assert_int_equal(node_welcome(t, m, NOW, NOW), 0);
    assert_int_equal(node_batch(t, &next, 0, 100000, &push, &raw), 0);
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&raw);
    free(m);
    free(p);
    store_close(s);
}

/* Every life but the last was accepted, of the oldest only the first change is safe: when it gives way, the other goes up again. */
static void the_oldest_life_gives_way(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    struct txn *t;
    for (uint8_t n = 1; n <= LIMIT_LIVES; n++) {
        assert_int_equal(edit(s, 10u * n, NOW), 0);
        assert_int_equal(edit(s, 10u * n + 1, NOW), 0);
        struct node_progress *p = progress(s);
        struct life *l = &p->lives[p->life_count - 1];
        t = writing(s);
        l->acked = l->last;
        l->safe = n == 1 ? 1 : 0;
        assert_true(node_chain(t, &l->incarnation, l->acked, &l->acked_hash));
        node_progress_put(t, p);
        struct id16 next = life_of((uint8_t)(100 + n));
        node_new_life(t, &next);
        assert_int_equal(txn_commit(t), 0);
        free(p);
    }
    struct node_progress *p = progress(s);
    struct id16 gone = life_of(7);
    struct logged e;
    struct arena a = {0};
    struct change c;
    assert_int_equal(p->life_count, LIMIT_LIVES);
    assert_null(life_find(p->lives, p->life_count, &gone));
    assert_int_equal(store_read(s, &t), 0);
    assert_false(log_read(t, &gone, 1, &e));
    assert_int_equal(p->lives[LIMIT_LIVES - 1].last, 1);
    assert_true(log_change(t, &p->lives[LIMIT_LIVES - 1].incarnation, 1, &a, &c));
    assert_true(c.again && c.name.tag == 11);
    assert_int_equal(store_count(t, NODE_LOG), 2 * LIMIT_LIVES - 1);
    txn_abort(t);
    arena_close(&a);
    free(p);
    store_close(s);
}

static size_t held_rows(struct txn *t, uint64_t seq, bool readable) {
    struct id16 life = life_of(7);
    struct arena a = {0};
    struct change c;
    enum verdict v;
    size_t n = held_get(t, &life, seq, &v) && log_change(t, &life, seq, &a, &c) == readable;
    arena_close(&a);
    return n;
}

/* 2 is held, 3 discarded; the log is young, and 5 and 6 make it larger than what is kept. */
static void trimming(void **state) {
    (void)state;
    enum { MUCH = LIMIT_LOG_KEEP_BYTES / 2 };
    area home;
    struct store *s = begun(&home);
    struct id16 life = life_of(7);
    uint8_t *much = calloc(1, MUCH);
    for (uint64_t tag = 1; tag <= 6; tag++)
        assert_int_equal(edit(s, tag, NOW), 0);
    struct node_progress *p = progress(s);
    struct life *l = &p->lives[0];
    struct txn *t = writing(s);
    l->acked = l->safe = l->includes = 4;
    assert_true(node_chain(t, &life, 4, &l->acked_hash));
    held_put(t, &life, 2, VERDICT_RULE);
    held_put(t, &life, 3, VERDICT_DISCARDED);
    node_progress_put(t, p);
    assert_int_equal(node_trim(t, NOW, 100), 0); /* young and small: all stays */
    for (uint64_t seq = 5; seq <= 6; seq++)
        log_write(t, &life, seq, &l->acked_hash, NOW, bytes_of(much, MUCH));
    assert_int_equal(node_trim(t, NOW, 100), 3);
    assert_true(node_progress_get(t, p));
    assert_int_equal(l->first, 5);
    assert_int_equal(p->held_count, 1);
    assert_int_equal(held_rows(t, 2, true), 1);
    struct hash h;
    assert_true(node_chain(t, &life, 4, &h));
    assert_true(hash_equal(&h, &l->acked_hash));
    assert_int_equal(txn_commit(t), 0);
    struct feed *m = calloc(1, sizeof *m); /* the held one is settled: its bytes go */
    struct held held = {life, 2, VERDICT_MERGED};
    m->from = m->to = p->cursor;
    m->held = &held;
    m->held_count = 1;
    assert_false(lay(s, m).dropped);
    struct logged e;
    assert_int_equal(store_read(s, &t), 0);
    assert_false(log_read(t, &life, 2, &e));
    txn_abort(t);
    free(m);
    free(p);
    free(much);
    store_close(s);
}

/* Under a seal that holds: nobody walks over what is not there. */
static void more_than_the_log_can_hold(void **state) {
    (void)state;
    area home;
    struct store *s = begun(&home);
    assert_int_equal(edit(s, 1, NOW), 0);
    struct node_progress *p = progress(s), *said = calloc(1, sizeof *said);
    const uint64_t ends[][3] = {{1, UINT64_MAX, 0}, {0, UINT64_MAX, 0}, {1, UINT64_MAX / 2, 0}, {1, 1000, 0}, {1, 1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct txn *t = writing(s);
        *said = *p;
        said->lives[0].first = ends[i][0];
        said->lives[0].last = ends[i][1];
        said->lives[0].acked = ends[i][2];
        node_progress_put(t, said);
        assert_false(node_progress_get(t, said));
        assert_int_equal(txn_result(t), -EBADMSG);
        txn_abort(t);
    }
    struct txn *t = writing(s);
    assert_true(node_progress_get(t, said));
    txn_abort(t);
    free(said);
    free(p);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_epoch_is_not_followed),
        cmocka_unit_test(a_hub_that_has_more_than_this_disk),
        cmocka_unit_test(edits_come_back),
        cmocka_unit_test(an_ack_that_was_overtaken),
        cmocka_unit_test(several_edits_are_one),
        cmocka_unit_test(a_welcome_brings_the_clock_back),
        cmocka_unit_test(what_is_not_known_stays),
        cmocka_unit_test(a_page_that_came_late),
        cmocka_unit_test(a_damaged_change_is_merged),
        cmocka_unit_test(a_slow_welcome_moves_no_right_clock),
        cmocka_unit_test(a_lost_change_has_a_name),
        cmocka_unit_test(behind_a_damaged_change),
        cmocka_unit_test(the_oldest_life_gives_way),
        cmocka_unit_test(trimming),
        cmocka_unit_test(more_than_the_log_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
