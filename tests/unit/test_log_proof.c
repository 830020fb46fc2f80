/* Who said what the hub's log holds: signed pushes, and each way in which somebody who may write to the log could change what it says. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/engine/hub_move.h"
#include "common/engine/log_proof.h"
#include "common/engine/signed.h"
#include "common/model/office.h"
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the four above
#include <cmocka.h>

enum { PUSHES = 6, STRETCH = 2 };

struct world {
    struct store *log, *own;
    struct keys hub, first, second; /* the office's: one after the other */
    struct id16 life;
    struct hash chain;
    uint64_t seq;
    unsigned complaints;
    uint64_t pushes;
    char said[200]; /* the first complaint */
};

static void make_keys(struct keys *k) {
    randombytes_buf(k->curve_secret, sizeof k->curve_secret);
    invariant(crypto_scalarmult_base(k->public.curve, k->curve_secret) == 0);
    invariant(crypto_sign_ed25519_keypair(k->public.sign, k->sign_secret) == 0);
}

static struct txn *write_to(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

/* The hub says that the office has this key. */
static void enrol(struct world *w, const struct keys *k) {
    char text[PUBLIC_TEXT];
    struct buffer value = {0};
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = bytes_text(public_text(&k->public, text))}, &value);
    struct op op = {.field = OFFICE_KEY, .kind = OP_SET, .value = buffer_bytes(&value)};
    struct change c = {.version = {HLC_MS(1), 0}, .type = TYPE_OFFICE, .record = office_id(1), .ops = &op, .op_count = 1};
    randombytes_buf(&c.name.tag, sizeof c.name.tag);
    struct txn *t = write_to(w->own);
    hub_own_append(t, &c);
    assert_int_equal(txn_commit(t), 0);
    buffer_close(&value);
}

/* A push of two changes by node 1. */
static struct log_entry entry(struct world *w, const struct keys *k, struct buffer *body, uint8_t signature[SIGNATURE_BYTES]) {
    CLEANUP(buffer_close) struct buffer raw = {0}, packed = {0};
    struct log_entry e = {.kind = LOG_PUSH, .node = 1, .incarnation = w->life, .first = w->seq + 1, .count = 2, .before = w->chain};
    for (unsigned i = 0; i < 2; i++) {
        struct op op = {.field = FIELD_OWN, .kind = OP_SET, .value = BYTES("\x0a\x01x")};
        struct change c = {.seq = ++w->seq, .version = {HLC_MS(w->seq), 1}, .name = {1, w->seq}, .type = 32, .ops = &op, .op_count = 1};
        buffer_clear(&packed);
        wire_change_pack(&c, &packed);
        w->chain = wire_chain(&w->chain, buffer_bytes(&packed));
        wire_batch_add(&raw, buffer_bytes(&packed));
    }
    invariant(wire_batch_seal(buffer_bytes(&raw), body) == 0);
    e.after = w->chain;
    e.body = buffer_bytes(body);
    struct push m = push_of_entry(&e);
    push_sign(k, 1, &m, signature);
    e.signature = bytes_of(signature, SIGNATURE_BYTES);
    return e;
}

static void append(struct world *w, const struct keys *k) {
    CLEANUP(buffer_close) struct buffer body = {0};
    uint8_t signature[SIGNATURE_BYTES];
    struct log_entry e = entry(w, k, &body, signature);
    struct txn *t = write_to(w->log);
    hub_log_append(t, &e);
    assert_int_equal(txn_commit(t), 0);
}

static int open_world(void **state) {
    struct world *w = memory_zeroed(1, sizeof *w);
    invariant(sodium_init() >= 0);
    w->log = store_memory(&shape_hub_log, test_seal());
    w->own = store_memory(&shape_hub_own, test_seal());
    w->life = (struct id16){{7}};
    make_keys(&w->hub);
    make_keys(&w->first);
    make_keys(&w->second);
    struct txn *t = write_to(w->own);
    hub_own_begin(t, &w->life);
    assert_int_equal(txn_commit(t), 0);
    t = write_to(w->log);
    hub_log_begin(t, &w->life, 1);
    assert_int_equal(txn_commit(t), 0);
    enrol(w, &w->first);
    for (unsigned i = 0; i < PUSHES / 2; i++)
        append(w, &w->first);
    enrol(w, &w->second);
    for (unsigned i = 0; i < PUSHES / 2; i++)
        append(w, &w->second);
    *state = w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;
    store_close(w->log);
    store_close(w->own);
    free(w);
    return 0;
}

static void complain(void *owner, const char *what) {
    struct world *w = owner;
    if (w->complaints++ == 0)
        strncpy(w->said, what, sizeof w->said - 1);
}

static unsigned walk(struct world *w) {
    struct txn *log, *own;
    assert_int_equal(store_read(w->own, &own), 0);
    assert_int_equal(store_read(w->log, &log), 0);
    w->complaints = 0;
    struct log_proof *p = log_proof_open(&w->hub.public, own, complain, w);
    while (log_proof_walk(p, log, STRETCH))
        continue;
    w->pushes = log_proof_pushes(p);
    log_proof_close(p);
    txn_abort(log);
    txn_abort(own);
    return w->complaints;
}

/* Puts the entry of one position to another, changed or not, as who may write there can. */
static void put(struct world *w, uint64_t position, const struct log_entry *e) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_u64(position);
    wire_log_entry_pack(e, &b);
    struct txn *t = write_to(w->log);
    envelope_put(t, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&b));
    assert_int_equal(txn_commit(t), 0);
}

static struct log_entry get(struct world *w, uint64_t position, struct arena *a) {
    struct txn *t;
    struct log_entry e;
    assert_int_equal(store_read(w->log, &t), 0);
    assert_int_equal(hub_log_read(t, position, &e), 0);
    e.signature = arena_copy(a, e.signature);
    e.body = arena_copy(a, e.body);
    txn_abort(t);
    return e;
}

static void test_whole(void **state) {
    struct world *w = *state;
    assert_int_equal(walk(w), 0);
    assert_int_equal(w->pushes, PUSHES);
    struct txn *t = write_to(w->log);
    hub_log_trim(t, 3); /* what is kept is proved without what was before it */
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(walk(w), 0);
    assert_int_equal(w->pushes, PUSHES - 2);
}

/* Of the hub itself, by its own key only. */
static void test_own(void **state) {
    struct world *w = *state;
    CLEANUP(buffer_close) struct buffer body = {0};
    uint8_t signature[SIGNATURE_BYTES];
    struct hash zero = {{0}};
    struct log_entry e;
    struct txn *own;
    for (unsigned good = 0; good < 2; good++) {
        assert_int_equal(store_read(w->own, &own), 0);
        assert_true(hub_own_entry(own, 0, &zero, 1, &body, &e));
        txn_abort(own);
        struct push m = push_of_entry(&e);
        push_sign(good ? &w->hub : &w->second, 0, &m, signature);
        e.signature = bytes_of(signature, sizeof signature);
        put(w, PUSHES + 1, &e);
        assert_int_equal(walk(w), good ? 0 : 1);
    }
}

/* The hub's keys changed: what the former ones signed is proven as soon as the hub has said that they were its own. */
static void test_hub_moved(void **state) {
    struct world *w = *state;
    CLEANUP(buffer_close) struct buffer body = {0}, said = {0}, kind = {0}, text = {0};
    uint8_t signature[SIGNATURE_BYTES];
    struct hash zero = {{0}};
    struct log_entry e;
    struct txn *own;
    struct keys former = w->hub;
    assert_int_equal(store_read(w->own, &own), 0);
    assert_true(hub_own_entry(own, 0, &zero, 1, &body, &e));
    txn_abort(own);
    struct push m = push_of_entry(&e);
    push_sign(&former, 0, &m, signature);
    e.signature = bytes_of(signature, sizeof signature);
    put(w, PUSHES + 1, &e);
    make_keys(&w->hub);
    assert_int_equal(walk(w), 1);
    hub_move_write(&w->life, &former, &w->hub.public, BYTES("tcp://h:1"), &said);
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES(HUB_MOVE_KIND)}, &kind);
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = buffer_bytes(&said)}, &text);
    struct op ops[] = {
        {.field = POLICY_KIND, .kind = OP_SET, .value = buffer_bytes(&kind)},
        {.field = POLICY_BODY, .kind = OP_SET, .value = buffer_bytes(&text)}};
    struct change c = {.version = {HLC_MS(9), 0}, .name = {0, 9}, .type = TYPE_POLICY, .record = {{4}}, .ops = ops, .op_count = 2};
    own = write_to(w->own);
    hub_own_append(own, &c);
    assert_int_equal(txn_commit(own), 0);
    assert_int_equal(walk(w), 0);
}

static void test_body(void **state) {
    struct world *w = *state;
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct log_entry e = get(w, 2, &a), other = get(w, 4, &a);
    e.body = other.body;
    put(w, 2, &e);
    assert_int_equal(walk(w), 1);
    assert_non_null(strstr(w->said, "log entry 2: what it holds is not what node 1 signed"));
}

static void test_signature(void **state) {
    struct world *w = *state;
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    const struct log_entry as_it_was = get(w, 2, &a), other = get(w, 3, &a);
    struct log_entry e = as_it_was;
    e.signature = other.signature;
    put(w, 2, &e);
    assert_int_equal(walk(w), 1);
    assert_non_null(strstr(w->said, "log entry 2: no key of node 1 signed"));
    e.signature = BYTES("");
    put(w, 2, &e);
    assert_int_equal(walk(w), 1);
    e = as_it_was;
    e.count++;
    put(w, 2, &e);
    assert_true(walk(w) >= 1);
    e = as_it_was;
    e.node = 2; /* who was never enrolled */
    put(w, 2, &e);
    assert_true(walk(w) >= 1);
    put(w, 2, &as_it_was);
    assert_int_equal(walk(w), 0);
}

/* An entry that is gone, and one whose place the next ones took. */
static void test_gone(void **state) {
    struct world *w = *state;
    CLEANUP(arena_close) struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct key k = key_u64(2);
    struct txn *t = write_to(w->log);
    txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(walk(w), 2); /* it is missing, and the next does not follow */
    for (uint64_t i = 3; i <= PUSHES; i++) {
        struct log_entry e = get(w, i, &a);
        put(w, i - 1, &e);
    }
    k = key_u64(PUSHES);
    t = write_to(w->log);
    txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(walk(w), 1);
    assert_non_null(strstr(w->said, "log entry 2: it does not follow"));
}

/* True signatures of two branches of one life: what a cloned disk or a stolen key can say. */
static void test_branch(void **state) {
    struct world *w = *state;
    w->chain.b[0] ^= 1;
    append(w, &w->second);
    assert_int_equal(walk(w), 1);
    assert_non_null(strstr(w->said, "it does not follow"));
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

/* A node's new keys are those that both the old and the new one signed, for this node. */
static void test_key_offer(void **state) {
    (void)state;
    struct keys old, next, strange;
    struct public_keys offered;
    uint8_t by_old[SIGNATURE_BYTES], by_new[SIGNATURE_BYTES];
    char text[PUBLIC_TEXT], other[PUBLIC_TEXT];
    make_keys(&old);
    make_keys(&next);
    make_keys(&strange);
    struct bytes public = bytes_text(public_text(&next.public, text));
    key_offer_sign(&old, 1, public, by_old);
    key_offer_sign(&next, 1, public, by_new);
    struct key_offer good = {1, public, bytes_of(by_old, sizeof by_old), bytes_of(by_new, sizeof by_new)}, bad;
    assert_true(key_offer_signed(old.public.sign, 1, &good, &offered));
    assert_memory_equal(&offered, &next.public, sizeof offered);
    assert_false(key_offer_signed(old.public.sign, 2, &good, &offered));
    assert_false(key_offer_signed(strange.public.sign, 1, &good, &offered));
    bad = good;
    bad.by_new = bad.by_old;
    assert_false(key_offer_signed(old.public.sign, 1, &bad, &offered));
    bad = good;
    bad.by_old = bad.by_new;
    assert_false(key_offer_signed(old.public.sign, 1, &bad, &offered));
    bad = good;
    bad.by_new.len--;
    assert_false(key_offer_signed(old.public.sign, 1, &bad, &offered));
    bad = good;
    bad.public = bytes_text(public_text(&strange.public, other));
    assert_false(key_offer_signed(old.public.sign, 1, &bad, &offered));
    bad.public.len--;
    assert_false(key_offer_signed(old.public.sign, 1, &bad, &offered));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_offer),
        WITH_WORLD(test_whole),
        WITH_WORLD(test_own),
        WITH_WORLD(test_hub_moved),
        WITH_WORLD(test_body),
        WITH_WORLD(test_signature),
        WITH_WORLD(test_gone),
        WITH_WORLD(test_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
