/* Accounts in a store, and logging in: what is kept, how long a session lives, who has to wait. */
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/daemon/login.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static struct account account_of(const char *name, const char *hash) {
    struct account a = {.made = 5, .changed = 6};
    strcpy(a.name, name);
    strcpy(a.hash, hash);
    return a;
}

static void count_each(void *owner, const struct id16 *id, const struct account *a) {
    struct account *last = owner;
    assert_int_equal(id->b[0], a->name[0]);
    *last = *a;
}

static void test_names(void **state) {
    (void)state;
    assert_true(account_name_good("zhang.wei-2_x"));
    assert_false(account_name_good(""));
    assert_false(account_name_good("Zhang"));
    assert_false(account_name_good("a b"));
    assert_false(account_name_good("张伟"));
    assert_true(account_name_good("abcdefghijklmnopqrstuvwxyz012345"));
    assert_false(account_name_good("abcdefghijklmnopqrstuvwxyz0123456"));
}

static void test_stored(void **state) {
    struct store *s = store_memory(&shape_hub_own, test_seal());
    struct txn *t = writing(s);
    struct account a = account_of("abel", "hash one"), b = account_of("ben", "hash two"), last = {.made = 0};
    struct id16 ida = {{'a'}}, idb = {{'b'}};
    (void)state;
    account_put(t, &ida, &a);
    account_put(t, &idb, &b);
    account_put(t, &ida, &a);
    envelope_put(t, 0, BYTES("accounts are not this"), BYTES("x"));
    assert_int_equal(txn_commit(t), 0);
    t = writing(s);
    assert_int_equal(account_each(t, count_each, &last), 1); /* the stranger's key does not fit */
    assert_string_equal(last.name, "ben");
    assert_string_equal(last.hash, "hash two");
    assert_int_equal(last.made, 5);
    assert_int_equal(last.changed, 6);
    account_drop(t, &idb);
    last = (struct account){.made = 0};
    account_each(t, count_each, &last);
    assert_string_equal(last.name, "abel");
    struct bytes at, stored;
    struct scan *c = scan_open(t, 0);
    for (bool on = scan_from(c, BYTES("account"), &at, &stored); on; on = scan_next(c, &at, &stored)) {
        assert_null(memmem(at.at, at.len, "abel", 4)); /* no name in a key … */
        assert_null(memmem(stored.at, stored.len, "abel", 4));
        assert_null(memmem(stored.at, stored.len, "hash one", 8)); /* … and all else sealed */
    }
    scan_close(c);
    txn_abort(t);
    store_close(s);
}

/* ---- logging in, on a store in memory */

struct bench {
    uv_loop_t loop;
    struct store *store;
    struct logins *logins;
    unsigned answers;
    enum login_outcome outcome;
    char token[LOGIN_TOKEN_TEXT];
};

static void bench_write(void *owner, struct login_work *w) {
    struct bench *b = owner;
    struct txn *t = writing(b->store);
    w->work(w, t);
    w->done(w, txn_commit(t));
}

static struct id16 bench_id(void *owner, const char *name) {
    struct bytes part = bytes_text(name);
    (void)owner;
    return hash_derive_id(BYTES("0123456789abcdef"), &part, 1);
}

static void bench_answer(void *owner, enum login_outcome outcome, const char *account, const char *token) {
    struct bench *b = owner;
    (void)account;
    b->answers++;
    b->outcome = outcome;
    strcpy(b->token, token);
}

static enum login_outcome try(struct bench *b, const char *name, const char *password, const char *address) {
    unsigned before = b->answers;
    login_ask(b->logins, name, password, address, bench_answer, b);
    while (b->answers == before)
        uv_run(&b->loop, UV_RUN_ONCE);
    return b->outcome;
}

/* As an order makes it. */
static void put(struct bench *b, const char *name, const char *password) {
    struct account a = account_of(name, "");
    struct id16 id = bench_id(b, name);
    assert_int_equal(crypto_pwhash_str(a.hash, password, strlen(password), crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN), 0);
    struct txn *t = writing(b->store);
    account_put(t, &id, &a);
    assert_int_equal(txn_commit(t), 0);
}

static void bench_open(struct bench *b) {
    struct login_calls calls = {.write = bench_write, .id = bench_id, .owner = b};
    *b = (struct bench){.store = store_memory(&shape_hub_own, test_seal())};
    uv_loop_init(&b->loop);
    put(b, "abel", "a good long password");
    for (unsigned i = 0; i < LIMIT_LOGIN_TRIES; i++) { /* whose passwords are cheap to compare */
        char name[32];
        snprintf(name, sizeof name, "name%u", i);
        put(b, name, "another long password");
    }
    b->logins = logins_open(&b->loop, &calls);
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void bench_close(struct bench *b) {
    logins_stop(b->logins);
    b->logins = logins_close(b->logins);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    store_close(b->store);
}

static void test_login(void **state) {
    struct bench b;
    (void)state;
    bench_open(&b);
    assert_int_equal(try(&b, "abel", "a wrong long password", "1.1.1.1"), LOGIN_WRONG);
    assert_int_equal(try(&b, "nobody", "a good long password", "1.1.1.1"), LOGIN_WRONG);
    assert_int_equal(try(&b, "Not A Name", "a good long password", "1.1.1.1"), LOGIN_WRONG);
    assert_int_equal(try(&b, "abel", "a good long password", "1.1.1.1"), LOGIN_GOOD);
    assert_string_equal(login_account(b.logins, b.token, false), "abel");
    assert_null(login_account(b.logins, NULL, false));
    assert_null(login_account(b.logins, "00", false));
    char other[LOGIN_TOKEN_TEXT];
    strcpy(other, b.token);
    other[3] = other[3] == '0' ? '1' : '0';
    assert_null(login_account(b.logins, other, false));
    login_end(b.logins, b.token);
    assert_null(login_account(b.logins, b.token, false));
    bench_close(&b);
}

/* The loop's clock is moved, as time would. */
static void later(struct bench *b, uint64_t ms) {
    b->loop.time += ms;
}

static void test_sessions_end(void **state) {
    struct bench b;
    (void)state;
    bench_open(&b);
    assert_int_equal(try(&b, "abel", "a good long password", "1.1.1.1"), LOGIN_GOOD);
    later(&b, LIMIT_SESSION_IDLE_MS - 1000);
    assert_non_null(login_account(b.logins, b.token, true)); /* somebody did something */
    later(&b, LIMIT_SESSION_IDLE_MS - 1000);
    assert_non_null(login_account(b.logins, b.token, false)); /* a timer did not */
    later(&b, 2000);
    assert_null(login_account(b.logins, b.token, true));
    uv_update_time(&b.loop);
    assert_int_equal(try(&b, "abel", "a good long password", "1.1.1.1"), LOGIN_GOOD);
    for (uint64_t ms = 0; ms + 600000 < LIMIT_SESSION_MS; ms += 600000) {
        later(&b, 600000);
        assert_non_null(login_account(b.logins, b.token, true));
    }
    later(&b, 700000);
    assert_null(login_account(b.logins, b.token, true)); /* ten hours are over, whatever somebody did */
    bench_close(&b);
}

static void test_tries(void **state) {
    struct bench b;
    char address[32];
    (void)state;
    bench_open(&b);
    for (unsigned i = 0; i < LIMIT_LOGIN_TRIES; i++) { /* from everywhere, for one name */
        snprintf(address, sizeof address, "1.1.1.%u", i);
        assert_int_equal(try(&b, "abel", "a wrong long password", address), LOGIN_WRONG);
    }
    assert_int_equal(try(&b, "abel", "a good long password", "2.2.2.2"), LOGIN_OFTEN); /* the right one is not looked at */
    later(&b, LIMIT_LOGIN_WINDOW_MS + 1);
    assert_int_equal(try(&b, "abel", "a good long password", "2.2.2.2"), LOGIN_GOOD);
    for (unsigned i = 0; i < LIMIT_LOGIN_TRIES; i++) { /* from one address, for all names */
        char name[32];
        snprintf(name, sizeof name, "name%u", i);
        assert_int_equal(try(&b, name, "a wrong long password", "3.3.3.3"), LOGIN_WRONG);
    }
    assert_int_equal(try(&b, "abel", "a good long password", "3.3.3.3"), LOGIN_OFTEN);
    assert_int_equal(try(&b, "abel", "a good long password", "4.4.4.4"), LOGIN_GOOD);
    bench_close(&b);
}

static void test_many_at_once(void **state) {
    struct bench b;
    unsigned busy = 0;
    (void)state;
    bench_open(&b);
    for (unsigned i = 0; i < 3 * LIMIT_LOGIN_WAITING; i++) {
        char name[32], address[32];
        unsigned before = b.answers;
        snprintf(name, sizeof name, "name%u", i);
        snprintf(address, sizeof address, "1.1.1.%u", i);
        login_ask(b.logins, name, "a wrong long password", address, bench_answer, &b);
        busy += b.answers != before && b.outcome == LOGIN_BUSY;
    }
    assert_in_range(busy, 2 * LIMIT_LOGIN_WAITING - 1, 2 * LIMIT_LOGIN_WAITING);
    logins_stop(b.logins); /* what waits is answered … */
    assert_int_equal(b.answers, 3 * LIMIT_LOGIN_WAITING);
    assert_int_equal(try(&b, "abel", "a good long password", "5.5.5.5"), LOGIN_BUSY); /* … and nothing more is taken */
    bench_close(&b);
}

static void test_many_for_one(void **state) {
    struct bench b;
    (void)state;
    bench_open(&b);
    for (unsigned i = 0; i <= LIMIT_LOGIN_TRIES; i++)
        login_ask(b.logins, "abel", "a wrong long password", "9.9.9.9", bench_answer, &b);
    assert_int_equal(b.outcome, LOGIN_OFTEN); /* the eleventh, though no answer was known yet */
    assert_int_equal(b.answers, 1);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(b.answers, LIMIT_LOGIN_TRIES + 1);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_stored), cmocka_unit_test(test_login),
        cmocka_unit_test(test_sessions_end), cmocka_unit_test(test_tries),  cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_many_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
