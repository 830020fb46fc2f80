/* Who changed a record, with what proves it: signed, only kept, held, and each way in which log and state can be at odds. */
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/engine/history.h"
#include "common/engine/signed.h"
#include "common/store/envelope.h"
#include "tests/support/hub_city.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the four above
#include <cmocka.h>

struct world {
    struct city city;
    struct store *own;
    struct keys keys[CITY_NODES + 1];
    uint64_t offices; /* log entries before the first that a test says */
    struct history *told;
};

static void complain(void *owner, const char *what) {
    (void)owner;
    fail_msg("%s", what);
}

static struct txn *write_to(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct txn *read_from(struct store *s) {
    struct txn *t;
    assert_int_equal(store_read(s, &t), 0);
    return t;
}

static struct log_entry get(struct world *w, uint64_t position) {
    struct txn *t = read_from(w->city.log);
    struct log_entry e;
    assert_int_equal(hub_log_read(t, position, &e), 0);
    e.signature = arena_copy(&w->city.arena, e.signature);
    e.body = arena_copy(&w->city.arena, e.body);
    txn_abort(t);
    return e;
}

static void put(struct world *w, uint64_t position, const struct log_entry *e) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_u64(position);
    wire_log_entry_pack(e, &b);
    struct txn *t = write_to(w->city.log);
    envelope_put(t, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&b));
    assert_int_equal(txn_commit(t), 0);
}

static void sign(struct world *w, uint32_t by, struct log_entry *e) {
    uint8_t signature[SIGNATURE_BYTES];
    struct push m = push_of_entry(e);
    push_sign(&w->keys[by], e->node, &m, signature);
    e->signature = arena_copy(&w->city.arena, bytes_of(signature, sizeof signature));
}

static uint64_t log_last(struct world *w) {
    struct hub_log_place place;
    struct txn *t = read_from(w->city.log);
    assert_true(hub_log_place(t, &place));
    txn_abort(t);
    return place.last;
}

/* The support's city signs nothing. */
static void sign_all(struct world *w) {
    for (uint64_t i = 1; i <= log_last(w); i++) {
        struct log_entry e = get(w, i);
        sign(w, e.node, &e);
        put(w, i, &e);
    }
}

static int open_world(void **state) {
    struct world *w = memory_zeroed(1, sizeof *w);
    invariant(sodium_init() >= 0);
    city_open(&w->city, 7, NULL);
    w->own = store_memory(&shape_hub_own, test_seal());
    struct txn *t = write_to(w->own);
    hub_own_begin(t, &w->city.writers[0].incarnation);
    assert_int_equal(txn_commit(t), 0);
    for (uint32_t i = 0; i <= CITY_NODES; i++) {
        struct keys *k = &w->keys[i];
        randombytes_buf(k->curve_secret, sizeof k->curve_secret);
        invariant(crypto_scalarmult_base(k->public.curve, k->curve_secret) == 0);
        invariant(crypto_sign_ed25519_keypair(k->public.sign, k->sign_secret) == 0);
    }
    city_merge(&w->city, 100);
    w->offices = log_last(w);
    *state = w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;
    history_close(w->told);
    city_close(&w->city);
    store_close(w->own);
    free(w);
    return 0;
}

/* Asks for the history of a record, so many entries of the log at a time. */
static size_t tell(struct world *w, uint64_t record, uint32_t stretch) {
    struct txn *log = read_from(w->city.log), *state = read_from(w->city.state), *own = read_from(w->own);
    struct id16 id = city_id(record);
    struct log_proof *p = log_proof_open(&w->keys[0].public, own, complain, w);
    for (uint32_t i = 1; i <= CITY_NODES; i++) {
        char text[PUBLIC_TEXT];
        log_proof_key(p, i, bytes_text(public_text(&w->keys[i].public, text)));
    }
    w->told = history_close(w->told);
    assert_int_equal(history_open(state, log, CITY_TYPE, &id, &w->told), 0);
    while (history_walk(w->told, p, log, stretch))
        continue;
    log_proof_close(p);
    txn_abort(own);
    txn_abort(state);
    txn_abort(log);
    return history_count(w->told);
}

static void row_is(const struct world *w, size_t i, uint32_t node, enum history_stage stage, enum history_proof proof) {
    const struct history_row *r = history_at(w->told, i);
    assert_int_equal(r->node, node);
    assert_int_equal(r->stage, stage);
    assert_int_equal(r->proof, proof);
    assert_int_equal(*r->against == '\0', proof != HISTORY_BROKEN);
}

static void against(const struct world *w, size_t i, const char *text) {
    const char *said = history_at(w->told, i)->against;
    if (strstr(said, text) == NULL)
        fail_msg("'%s' does not say '%s'", said, text);
}

/* Two changes of office 1, and one of office 2, which does not serve the record. */
static void say_three(struct world *w) {
    city_create(&w->city, 1, 1);
    city_merge(&w->city, 100);
    struct op op = city_op(CITY_B, OP_SET, city_text(&w->city, "second"), NULL, 0);
    struct change c = {
        .record = city_id(1), .actor = {{4}}, .purpose = 3, .case_id = {{5}}, .ops = &op, .op_count = 1}; /* the city has no rules for it */
    city_say_change(&w->city, 1, &c);
    city_write(&w->city, 2, 1, CITY_A, "not theirs");
    city_create(&w->city, 3, 2); /* another record */
    city_merge(&w->city, 100);
    sign_all(w);
}

static void test_signed(void **state) {
    struct world *w = *state;
    say_three(w);
    for (uint32_t stretch = 1; stretch < 100; stretch *= 3) {
        assert_int_equal(tell(w, 1, stretch), 3);
        row_is(w, 0, 1, HISTORY_MERGED, HISTORY_SIGNED);
        row_is(w, 1, 1, HISTORY_MERGED, HISTORY_SIGNED);
        row_is(w, 2, 2, HISTORY_HELD, HISTORY_SIGNED);
        assert_int_equal(history_at(w->told, 2)->reason, VERDICT_SCOPE);
    }
    const struct history_row *r = history_at(w->told, 1);
    assert_int_equal(r->actor.b[0], 4);
    assert_int_equal(r->case_id.b[0], 5);
    assert_int_equal(r->purpose, 3);
    assert_int_equal(r->field_count, 1);
    assert_int_equal(r->fields[0], CITY_B);
    assert_int_equal(r->seq, 2);
    assert_int_equal(r->position, w->offices + 2);
    assert_int_equal(tell(w, 3, 10), 0); /* no such record */
}

static void test_trimmed(void **state) {
    struct world *w = *state;
    say_three(w);
    struct txn *t = write_to(w->city.log);
    hub_log_trim(t, w->offices + 2);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(tell(w, 1, 2), 3);
    row_is(w, 0, 1, HISTORY_MERGED, HISTORY_KEPT);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_SIGNED);
    t = write_to(w->city.log);
    hub_log_trim(t, w->offices + 4);
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(tell(w, 1, 2), 3);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_KEPT);
    assert_true(id_zero(&history_at(w->told, 1)->case_id)); /* only the log knew it */
    row_is(w, 2, 2, HISTORY_HELD, HISTORY_KEPT);
}

/* A signature that another key made, and true words under another's signature. */
static void test_not_signed(void **state) {
    struct world *w = *state;
    say_three(w);
    const struct log_entry as_it_was = get(w, w->offices + 2);
    struct log_entry e = as_it_was;
    sign(w, 2, &e);
    put(w, w->offices + 2, &e);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 0, 1, HISTORY_MERGED, HISTORY_SIGNED);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_BROKEN);
    against(w, 1, "no key of node 1 signed it");
    e = as_it_was;
    e.signature = BYTES("");
    put(w, w->offices + 2, &e);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_BROKEN);
    put(w, w->offices + 2, &as_it_was);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_SIGNED);
}

/* The entry of one change holds another: `sworn`, with the chain and a signature of its office that hold. */
static void replace(struct world *w, uint64_t position, const struct change *c, bool sworn) {
    CLEANUP(buffer_close) struct buffer raw = {0}, body = {0}, packed = {0};
    struct log_entry e = get(w, position);
    wire_change_pack(c, &packed);
    wire_batch_add(&raw, buffer_bytes(&packed));
    assert_int_equal(wire_batch_seal(buffer_bytes(&raw), &body), 0);
    e.body = buffer_bytes(&body);
    if (sworn) {
        e.after = wire_chain(&e.before, buffer_bytes(&packed));
        sign(w, e.node, &e);
    }
    put(w, position, &e);
}

static void test_other_words(void **state) {
    struct world *w = *state;
    say_three(w);
    struct change c = w->city.changes[w->city.change_count - 3].c;
    assert_int_equal(c.purpose, 3);
    c.purpose = 4;
    replace(w, w->offices + 2, &c, false);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_BROKEN);
    against(w, 1, "is not what node 1 signed");
    assert_int_equal(history_at(w->told, 1)->purpose, 3); /* as it was merged */
    replace(w, w->offices + 2, &c, true);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 1, 1, HISTORY_MERGED, HISTORY_BROKEN);
    against(w, 1, "says other things of it than the state");
}

/* A change that the log has and the state, which is further, has not; and one that the state has and its push has not. */
static void test_at_odds(void **state) {
    struct world *w = *state;
    say_three(w);
    struct change c = w->city.changes[w->city.change_count - 1].c; /* of record 2 */
    c.record = city_id(1);
    c.type = CITY_TYPE;
    replace(w, w->offices + 4, &c, true);
    assert_int_equal(tell(w, 1, 10), 4);
    row_is(w, 3, 3, HISTORY_UNKNOWN, HISTORY_SIGNED);
    assert_int_equal(tell(w, 2, 10), 1);
    row_is(w, 0, 3, HISTORY_MERGED, HISTORY_BROKEN);
    against(w, 0, "should hold it and does not");
}

static void test_damaged(void **state) {
    struct world *w = *state;
    say_three(w);
    struct key k = key_u64(w->offices + 2);
    struct txn *t = write_to(w->city.log);
    txn_delete(t, HUB_LOG_ENTRIES, key_bytes(&k));
    assert_int_equal(txn_commit(t), 0);
    assert_int_equal(tell(w, 1, 10), 3);
    row_is(w, 0, 1, HISTORY_MERGED, HISTORY_SIGNED);
    assert_int_equal(history_at(w->told, 1)->proof, HISTORY_KEPT);
    against(w, 1, "is damaged or missing");
}

/* What is not merged yet, and a copy of what is. */
static void test_waits(void **state) {
    struct world *w = *state;
    say_three(w);
    struct change copy = w->city.changes[w->city.change_count - 3].c;
    copy.again = true;
    copy.version = (struct version){0, 0};
    city_say_change(&w->city, 1, &copy);
    sign_all(w);
    assert_int_equal(tell(w, 1, 10), 4);
    row_is(w, 3, 1, HISTORY_ACCEPTED, HISTORY_SIGNED);
    city_merge(&w->city, 100);
    assert_int_equal(tell(w, 1, 10), 4);
    row_is(w, 3, 1, HISTORY_REPEATED, HISTORY_SIGNED);
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_signed),  WITH_WORLD(test_trimmed), WITH_WORLD(test_not_signed), WITH_WORLD(test_other_words),
        WITH_WORLD(test_at_odds), WITH_WORLD(test_damaged), WITH_WORLD(test_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
