/* What is in force: a table of vectors, and that it does not depend on the order in which versions come; what may be taken up; the envelope
 * and its signatures; the header of a document. */
#include "common/base/random.h"
#include "common/catalogue/policy.h"
#include "common/model/merge.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static area at(const char *digits) {
    area a;
    assert_true(area_parse(bytes_text(digits), &a));
    return a;
}

static struct policy one(const char *name, const char *scope, int64_t version, int64_t supersedes, int64_t from, int64_t to) {
    struct policy p = {.kind = BYTES("validation"), .name = bytes_text(name), .version = version, .supersedes = supersedes};
    char body[64];
    p.scope = at(scope);
    p.from = from;
    p.to = to;
    snprintf(body, sizeof body, "%s %s %d", name, scope, (int)version);
    p.hash = hash_of(bytes_text(body));
    return p;
}

static const int64_t never = POLICY_NEVER;
static const char here[] = "650203001001";

/* Which version of `a` counts at `here` on a day: scope and version, or none. */
static void in_force(const struct policy *all, size_t n, int64_t day, const char *scope, int64_t version) {
    const struct policy *p = policy_in_force(all, n, BYTES("validation"), BYTES("a"), at(here), day);
    if (scope == NULL) {
        assert_null(p);
        return;
    }
    assert_non_null(p);
    assert_true(p->scope == at(scope));
    assert_int_equal(p->version, version);
}

static void vectors(void **state) {
    (void)state;
    struct policy all[] = {
        one("a", "", 1, 0, 100, never),             /* the city's */
        one("a", "", 2, 1, 200, never),             /* the next, from day 200 */
        one("a", "650203", 1, 0, 150, 250),         /* the district's, for a hundred days */
        one("a", "650203001001", 1, 0, 160, never), /* this community's … */
        one("a", "650203001001", 2, 1, 180, never), /* … which ends */
        one("a", "650204", 1, 0, 100, never),       /* another district's */
        one("b", "", 9, 0, 0, never),               /* another policy */
    };
    all[4].ended = true;
    size_t n = sizeof all / sizeof *all;
    in_force(all, n, 99, NULL, 0);
    in_force(all, n, 100, "", 1);
    in_force(all, n, 149, "", 1);
    in_force(all, n, 150, "650203", 1);
    in_force(all, n, 160, here, 1);
    in_force(all, n, 179, here, 1);
    in_force(all, n, 180, "650203", 1); /* ended: the next wider scope's */
    in_force(all, n, 200, "650203", 1);
    in_force(all, n, 250, "650203", 1);
    in_force(all, n, 251, "", 2);
    in_force(all, 2, 199, "", 1);
    in_force(all, 2, 200, "", 2);
    struct policy back[] = {one("a", "", 1, 0, 100, never), one("a", "", 2, 1, 200, 300)};
    in_force(back, 2, 300, "", 2);
    in_force(back, 2, 301, NULL, 0); /* what was superseded does not come back by itself */
    struct policy apart[] = {one("a", "", 1, 0, 100, 150), one("a", "", 2, 0, 200, 300)};
    in_force(apart, 2, 170, NULL, 0);
    in_force(apart, 2, 200, "", 2);
    const struct policy *out[8];
    assert_int_equal(policies_in_force(all, n, at(here), 260, out), 2);
    assert_true(out[0] == &all[1] && out[1] == &all[6]);
}

static void faults(void **state) {
    (void)state;
    struct policy v1 = one("a", "", 1, 0, 100, never), v2 = one("a", "", 2, 1, 200, never), v3 = one("a", "", 3, 1, 300, never);
    struct policy all[] = {v1, v2};
    assert_int_equal(policy_fits(&v1, NULL, 0, 50), POLICY_GOOD);
    assert_int_equal(policy_fits(&v2, all, 1, 50), POLICY_GOOD);
    assert_int_equal(policy_fits(&v1, all, 2, 50), POLICY_GOOD); /* the same again */
    v1.hash.b[0] ^= 1;
    assert_int_equal(policy_fits(&v1, all, 2, 50), POLICY_CHANGED);
    v1.hash.b[0] ^= 1;
    v1.to = 4000;
    assert_int_equal(policy_fits(&v1, all, 2, 50), POLICY_CHANGED);
    assert_int_equal(policy_fits(&v3, all, 2, 50), POLICY_OVERLAP); /* it leaves 2 in force beside itself */
    v3.supersedes = 2;
    assert_int_equal(policy_fits(&v3, all, 2, 50), POLICY_GOOD);
    v1 = one("a", "", 1, 0, 100, never);
    assert_int_equal(policy_fits(&v1, &all[1], 1, 199), POLICY_GOOD); /* it still counts until day 200 */
    assert_int_equal(policy_fits(&v1, &all[1], 1, 200), POLICY_OLDER);
    struct policy other = one("a", "6502", 1, 0, 0, never); /* another scope is another chain */
    assert_int_equal(policy_fits(&other, all, 2, 500), POLICY_GOOD);
}

/* Ten versions in three scopes, taken up in any order on any day: whatever was refused, what is in force on every later day is the same. */
static void any_order(void **state) {
    (void)state;
    static const char *const scopes[] = {"", "650203", "650203001001"};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct random r;
        struct policy made[10], taken[2][10];
        size_t order[10], count[2] = {0, 0};
        int64_t last[3] = {0, 0, 0};
        random_seed(&r, seed);
        for (size_t i = 0; i < 10; i++) {
            size_t s = random_below(&r, 3);
            int64_t from = 1 + (int64_t)random_below(&r, 40);
            made[i] = one("a", scopes[s], last[s] + 1, last[s], from, random_below(&r, 3) == 0 ? from + 10 : never);
            made[i].ended = random_below(&r, 5) == 0;
            last[s]++;
            order[i] = i;
        }
        int64_t today = (int64_t)random_below(&r, 45);
        for (int way = 0; way < 2; way++) {
            for (size_t i = 0; i < 10; i++)
                if (policy_fits(&made[order[i]], taken[way], count[way], today) == POLICY_GOOD)
                    taken[way][count[way]++] = made[order[i]];
            for (size_t i = 9; i > 0; i--) {
                size_t k = random_below(&r, i + 1), was = order[i];
                order[i] = order[k];
                order[k] = was;
            }
        }
        for (int64_t day = today; day < 60; day++) {
            const struct policy *a = policy_in_force(taken[0], count[0], BYTES("validation"), BYTES("a"), at(here), day);
            const struct policy *b = policy_in_force(taken[1], count[1], BYTES("validation"), BYTES("a"), at(here), day);
            if ((a == NULL) != (b == NULL) || (a != NULL && (a->scope != b->scope || a->version != b->version)))
                fail_msg("seed %d, today %d, day %d", (int)seed, (int)today, (int)day);
        }
    }
}

/* ---- envelope, root, signatures */

struct signer {
    uint8_t public[32], secret[64];
};

static void root_of(const struct signer *s, size_t n, unsigned threshold, struct buffer *text, struct hash *h) {
    struct policy_root root = {.count = n, .threshold = threshold};
    for (size_t i = 0; i < n; i++)
        memcpy(root.keys[i], s[i].public, 32);
    policy_root_text(&root, text);
    *h = hash_of(buffer_bytes(text));
}

static void envelopes(void **state) {
    (void)state;
    struct signer s[3];
    struct buffer root = {0}, body = {0}, signatures = {0};
    struct hash h;
    struct arena arena = {0};
    struct op ops[POLICY_OPS];
    struct record r = {.type = TYPE_POLICY};
    struct policy p = one("a", "650203", 4, 3, 100, 200), back;
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < 3; i++)
        crypto_sign_keypair(s[i].public, s[i].secret);
    root_of(s, 2, 2, &root, &h);
    for (int i = 0; i < 4000; i++)
        buffer_text(&body, "twenty-four bytes here \n");
    p.basis = BYTES("Art 9");
    p.body = buffer_bytes(&body);
    p.size = body.len;
    p.hash = hash_of(p.body);
    p.root = buffer_bytes(&root);
    policy_sign(&p, s[0].public, s[0].secret, &signatures);
    policy_sign(&p, s[0].public, s[0].secret, &signatures);
    policy_sign(&p, s[2].public, s[2].secret, &signatures);
    p.signatures = buffer_bytes(&signatures);
    assert_int_equal(policy_holds(&p, &h, p.scope, at(here)), POLICY_UNSIGNED); /* one key twice, and a stranger's */
    policy_sign(&p, s[1].public, s[1].secret, &signatures);
    p.signatures = buffer_bytes(&signatures);
    assert_int_equal(policy_holds(&p, &h, p.scope, at(here)), POLICY_GOOD);
    assert_int_equal(policy_holds(&p, &h, AREA_CITY, at(here)), POLICY_SCOPE);
    assert_int_equal(policy_holds(&p, &h, p.scope, at("650204001001")), POLICY_SCOPE);
    size_t n = policy_ops(&p, &arena, ops);
    for (size_t i = 0; i < n; i++) {
        struct change c = {.name = {0, i + 1}, .version = {.hlc = i + 1}, .type = TYPE_POLICY, .ops = &ops[i], .op_count = 1};
        record_fields_make(&r, &c, &arena);
        struct field *f = record_field(&r, ops[i].field);
        f->heads = arena_take(&arena, sizeof *f->heads);
        f->heads[0] = (struct head){.version = c.version, .name = c.name, .value = ops[i].value};
        f->head_count = 1;
    }
    assert_true(policy_of(&r, &back));
    assert_int_equal(policy_parts(&back), 2);
    assert_int_equal(back.body.len, LIMIT_POLICY_PART_BYTES);
    assert_int_equal(policy_holds(&back, &h, back.scope, at(here)), POLICY_GOOD); /* all that is signed came back */
    /* Whatever is changed of it is seen. */
    struct policy bad[] = {back, back, back, back, back, back, back, back, back, back};
    bad[0].kind = BYTES("labels");
    bad[1].name = BYTES("b");
    bad[2].version++;
    bad[3].supersedes--;
    bad[4].from++;
    bad[5].to++;
    bad[6].open = !bad[6].open;
    bad[7].ended = !bad[7].ended;
    bad[8].hash.b[31] ^= 1;
    bad[9].basis = BYTES("Art 8");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(policy_holds(&bad[i], &h, back.scope, at(here)), POLICY_UNSIGNED);
    struct hash other = h;
    other.b[0] ^= 1;
    assert_int_equal(policy_holds(&back, &other, back.scope, at(here)), POLICY_UNSIGNED);
    arena_close(&arena);
    buffer_close(&root);
    buffer_close(&body);
    buffer_close(&signatures);
}

static void roots(void **state) {
    (void)state;
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct {
        const char *form;
        bool good;
    } all[] = {
        {"anju-policy-root-1\nthreshold 1\n%s\n", true},  {"anju-policy-root-1\nthreshold 2\n%s\n", false},
        {"anju-policy-root-1\nthreshold 0\n%s\n", false}, {"anju-policy-root-1\nthreshold 1\n%s", false},
        {"anju-policy-root-2\nthreshold 1\n%s\n", false}, {"anju-policy-root-1\nthreshold 1\n%s0\n", false},
        {"anju-policy-root-1\nthreshold 1\n", false},     {"", false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct buffer b = {0};
        struct policy_root root;
        for (const char *at_ = all[i].form; *at_ != '\0'; at_++)
            if (at_[0] == '%' && at_[1] == 's') {
                buffer_text(&b, key);
                at_++;
            } else {
                buffer_u8(&b, (uint8_t)*at_);
            }
        assert_int_equal(policy_root_parse(buffer_bytes(&b), &root), all[i].good);
        buffer_close(&b);
    }
}

/* ---- the header */

static void header(const char *text, const char *complaint) {
    struct complaints c = {.count = 0};
    struct policy p;
    struct document *d = document_read("file", bytes_text(text), &c);
    assert_non_null(d);
    bool good = policy_header(d, 20000, &p, &c);
    if (complaint == NULL && !good)
        fail_msg("%s", buffer_string(&c.text));
    if (complaint != NULL && strstr(buffer_string(&c.text), complaint) == NULL)
        fail_msg("%s: %s", text, buffer_string(&c.text));
    assert_int_equal(good, complaint == NULL);
    document_free(d);
    complaints_close(&c);
}

static void headers(void **state) {
    (void)state;
    header("kind: a\nname: b\n", NULL);
    header(
        "kind: a\nname: b\nscope: \"6502\"\nfrom: 2027-01-01\nto: 2027-12-31\nlegal_basis: Art 9\napplies_to_open: true\nsupersedes: 3\n",
        NULL);
    header("kind: a\n", "file:1:1: name is missing");
    header("kind: a\nname: b\nscope: 65020\n", "file:3:8: scope is a division code");
    header("kind: a\nname: b\nscope: 6502\n", "file:3:8: put the scope in quotes");
    header("kind: a\nname: b\nscope: node:7\n", "scope is a division code");
    header("kind: a\nname: b\nfrom: 2027-02-30\n", "from is a day");
    header("kind: a\nname: b\nfrom: 2027-02\n", "from is a day");
    header("kind: a\nname: b\nfrom: 2027-02-01\nto: 2027-01-31\n", "it ends before it begins");
    header("kind: a\nname: b\nsupersedes: -1\n", "a whole number");
    header("kind: a\nname: b\napplies_to_open: perhaps\n", "true or false");
    header("kind: a\nname: [b]\n", "name is a text");
    header("- a\n", "a policy is written as keys and values");
    struct complaints c = {.count = 0};
    struct document *d = document_read("file", BYTES("kind: a\nscope: x\nfrom: y\nto: z\n"), &c);
    struct policy p;
    policy_header(d, 0, &p, &c);
    assert_int_equal(c.count, 4); /* all at once */
    document_free(d);
    complaints_close(&c);
    assert_int_equal(city_day(1767196799999ULL), city_day(1767196800000ULL) - 1); /* 2026-01-01 begins at 16:00 UTC the day before */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),   cmocka_unit_test(faults), cmocka_unit_test(any_order),
        cmocka_unit_test(envelopes), cmocka_unit_test(roots),  cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
