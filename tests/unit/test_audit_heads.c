/* Heads of audit logs that the other side kept since before the keys changed: they are ours, and prove what they prove. */
#include "common/engine/hub_audit.h"
#include "common/engine/node_audit.h"
#include "common/engine/signed.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000000, NODE = 4, CHANGES = 3 };

static void make_keys(struct keys *k) {
    memset(k, 0, sizeof *k);
    assert_int_equal(crypto_sign_ed25519_keypair(k->public.sign, k->sign_secret), 0);
}

static struct txn *writing(struct store *s) {
    struct txn *t;
    assert_int_equal(store_write(s, &t), 0);
    return t;
}

static void add_some(struct txn *t, const struct audit_place *in, unsigned count) {
    struct audit_entry e = {.at = NOW, .action = AUDIT_READ};
    for (unsigned i = 0; i < count; i++)
        audit_add(t, in, &e, 1);
}

/* The log's head after `count` more entries, signed. */
static struct audit_told told_after(struct txn *t, const struct audit_place *in, uint32_t node, unsigned count, const struct keys *by) {
    struct audit_told told = {.at = NOW};
    add_some(t, in, count);
    assert_true(audit_head(t, in, &told.head));
    audit_signer_add(t, in, by->public.sign);
    audit_sign(by, node, &told);
    return told;
}

static enum audit_verdict hub_says(struct txn *t, const struct keys *now, const struct audit_told *told) {
    struct audit_say say = {.asked = 0};
    enum audit_verdict v;
    hub_audit_say(t, now, told, true, &say, &v);
    assert_true(audit_signed(now->public.sign, 0, &say.mine));
    return v;
}

static void a_hubs_head_outlives_its_keys(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_hub_own, test_seal());
    struct keys keys[CHANGES], stranger;
    struct audit_told told[CHANGES];
    make_keys(&stranger);
    struct txn *t = writing(s);
    for (unsigned i = 0; i < CHANGES; i++) {
        make_keys(&keys[i]);
        told[i] = told_after(t, &audit_hub, 0, 5, &keys[i]);
    }
    assert_int_equal(txn_commit(t), 0);
    t = writing(s);
    for (unsigned i = 0; i < CHANGES; i++)
        assert_int_equal(hub_says(t, &keys[CHANGES - 1], &told[i]), AUDIT_EXTENDS);
    struct audit_told lie = told[CHANGES - 1];
    lie.head.n += 100;
    assert_int_equal(hub_says(t, &keys[CHANGES - 1], &lie), AUDIT_UNPROVEN);
    audit_sign(&stranger, 0, &lie);
    assert_int_equal(hub_says(t, &keys[CHANGES - 1], &lie), AUDIT_UNPROVEN);
    for (unsigned i = 0; i < CHANGES; i++) { /* what a former key signed shows a break too */
        struct audit_told cut = told[i];
        cut.head.n += 100;
        audit_sign(&keys[i], 0, &cut);
        assert_int_equal(hub_says(t, &keys[CHANGES - 1], &cut), AUDIT_CUT);
    }
    txn_abort(t);
    store_close(s);
}

static struct node_audit node_hears(struct txn *t, const struct audit_told *yours) {
    struct audit_say say = {.mine = {.head = {{{9}}, 1, {{1}}}, .at = NOW}, .yours = *yours};
    struct node_audit a = {.bad = 0};
    struct hash asked;
    node_audit_heard(t, NODE, &say, NOW, &a, &asked);
    return a;
}

static void an_offices_head_outlives_its_keys(void **state) {
    (void)state;
    struct store *s = store_memory(&shape_node, test_seal());
    struct keys keys[CHANGES], stranger;
    make_keys(&stranger);
    struct txn *t = writing(s);
    for (unsigned i = 0; i < CHANGES; i++) {
        make_keys(&keys[i]);
        told_after(t, &audit_node, NODE, 5, &keys[i]);
    }
    assert_int_equal(txn_commit(t), 0);
    for (unsigned i = 0; i < CHANGES; i++) {
        t = writing(s);
        struct audit_told told = told_after(t, &audit_node, NODE, 5, &keys[i]);
        struct node_audit a = node_hears(t, &told);
        assert_true(audit_head_none(&a.own_broken.told.head));
        told.head.hash.b[0] ^= 1;
        a = node_hears(t, &told); /* no key of ours signed that */
        assert_true(audit_head_none(&a.own_broken.told.head));
        audit_sign(&stranger, NODE, &told);
        a = node_hears(t, &told);
        assert_true(audit_head_none(&a.own_broken.told.head));
        audit_sign(&keys[i], NODE, &told);
        a = node_hears(t, &told);
        assert_int_equal(a.own_broken.verdict, AUDIT_REWRITTEN);
        assert_int_equal(a.own_broken.told.head.n, told.head.n);
        txn_abort(t);
    }
    store_close(s);
}

static void the_newest_keys_are_kept(void **state) {
    (void)state;
    uint8_t all[AUDIT_SIGNERS][AUDIT_SIGNER_BYTES], one[AUDIT_SIGNER_BYTES] = {0};
    struct store *s = store_memory(&shape_node, test_seal());
    struct txn *t = writing(s);
    assert_int_equal(audit_signers(t, &audit_node, all), 0);
    for (unsigned i = 0; i < AUDIT_SIGNERS + 3; i++) {
        one[0] = (uint8_t)i;
        audit_signer_add(t, &audit_node, one);
        audit_signer_add(t, &audit_node, one); /* once */
    }
    assert_int_equal(audit_signers(t, &audit_node, all), AUDIT_SIGNERS);
    for (unsigned i = 0; i < AUDIT_SIGNERS; i++)
        assert_int_equal(all[i][0], i + 3);
    txn_abort(t);
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hubs_head_outlives_its_keys),
        cmocka_unit_test(an_offices_head_outlives_its_keys),
        cmocka_unit_test(the_newest_keys_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
