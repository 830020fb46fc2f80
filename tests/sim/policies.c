/* Policies in the simulator: the hub's signed versions, each office's book, and an oracle that knows what was published and nothing of how
 * offices resolve it. */
#include "tests/sim/parts.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/engine/policy_book.h"
#include "common/store/hub_merge.h"
#include "common/store/node_apply.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct signer {
    uint8_t public[POLICY_KEY_BYTES], secret[64];
};

static struct signer signer_of(uint8_t which) {
    struct signer s;
    uint8_t seed[32];
    memset(seed, which, sizeof seed);
    invariant(sodium_init() >= 0 && crypto_sign_seed_keypair(s.public, s.secret, seed) == 0);
    return s;
}

static struct hash city_root(struct buffer *text) {
    struct signer s = signer_of(1);
    struct policy_root root = {.count = 1, .threshold = 1};
    memcpy(root.keys[0], s.public, sizeof s.public);
    policy_root_text(&root, text);
    return hash_of(buffer_bytes(text));
}

static area scope_of(const struct world *w, uint32_t node) {
    return node == 0 ? AREA_CITY : w->nodes[node].home;
}

static const struct id16 sim_city = {{1, 2, 3}};

/* ---- publishing */

static struct policy envelope(const struct world_published *p, const char name[2], const struct buffer *root, struct buffer *body) {
    struct policy out = {.kind = BYTES("note"), .name = bytes_text(name), .version = p->version, .supersedes = p->version - 1};
    out.scope = p->scope;
    out.from = p->from;
    out.to = POLICY_NEVER;
    out.ended = p->ended;
    if (!p->ended)
        buffer_format(body, "kind: note\nname: %s\nvalue: %" PRIu64 "\n", name, p->value);
    out.body = buffer_bytes(body);
    out.size = body->len;
    out.hash = hash_of(out.body);
    out.root = bytes_of(root->at, root->len);
    return out;
}

static bool write_policy(struct world *w, const struct world_published *p, uint8_t signer) {
    CLEANUP(buffer_close) struct buffer root = {0}, body = {0}, signatures = {0};
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    char name[2] = {p->name, '\0'};
    struct signer s = signer_of(signer);
    struct op ops[POLICY_OPS];
    struct name had[POLICY_OPS][4];
    struct record r;
    struct txn *t;
    city_root(&root);
    struct policy out = envelope(p, name, &root, &body);
    policy_sign(&out, s.public, s.secret, &signatures);
    out.signatures = buffer_bytes(&signatures);
    struct id16 id = policy_id(&sim_city, &out);
    size_t n = policy_ops(&out, &a, ops);
    invariant(store_read(w->hub.state, &t) == 0);
    bool there = hub_record(t, TYPE_POLICY, &id, &a, &r) == 0;
    for (size_t i = 0; i < n && there; i++) {
        const struct field *f = record_field(&r, ops[i].field);
        for (size_t k = 0; f != NULL && k < f->head_count && k < 4; k++)
            had[i][ops[i].name_count++] = f->heads[k].name;
        ops[i].names = had[i];
    }
    txn_abort(t);
    return world_own_change(w, TYPE_POLICY, id, ops, n, random_u64(&w->chance));
}

static int64_t last_version(const struct world *w, char name, area scope) {
    int64_t last = 0;
    for (size_t i = 0; i < w->published_count; i++)
        if (w->published[i].name == name && w->published[i].scope == scope && w->published[i].version > last)
            last = w->published[i].version;
    return last;
}

static void publish(struct world *w, char name, uint32_t node, int64_t from, bool ended, uint64_t value) {
    struct world_published p = {.name = name, .scope = scope_of(w, node), .from = from, .ended = ended, .value = value};
    p.version = last_version(w, name, p.scope) + 1;
    if (w->published_count == WORLD_POLICIES || !write_policy(w, &p, 1))
        return;
    w->published[w->published_count++] = p;
    world_say(w, "hub  publishes policy %c version %" PRId64 " for %s", name, p.version, node == 0 ? "the city" : "a community");
}

void world_publish(struct world *w, char name, uint32_t node, int64_t days, uint64_t value) {
    publish(w, name, node, days == 0 ? 0 : city_day(world_clock(w, 0)) + days, false, value);
}

void world_halt(struct world *w, char name, uint32_t node) {
    publish(w, name, node, 0, true, 0);
}

void world_forge(struct world *w, char name, enum world_forgery how, uint64_t value) {
    int64_t last = last_version(w, name, AREA_CITY);
    struct world_published p = {.name = name, .scope = AREA_CITY, .version = how == FORGE_SIGNATURE ? last + 1 : last, .value = value};
    if (how == FORGE_REPLAY)
        p.version = 1;
    write_policy(w, &p, how == FORGE_SIGNATURE ? 2 : 1);
    world_say(w, "hub  writes a policy %c version %" PRId64 " that it should not", name, p.version);
}

/* ---- offices */

void world_lay_policies(struct world *w, struct world_node *n, struct txn *t, const struct entry *entries, size_t count) {
    CLEANUP(buffer_close) struct buffer root = {0};
    struct policy_place place = {.root = city_root(&root), .at = n->home};
    policy_book_laid(t, &place, entries, count, world_clock(w, n->id));
}

static void shelf_of(struct world *w, uint32_t node, struct policy_shelf *s) {
    struct txn *t;
    invariant(store_read(w->nodes[node].store, &t) == 0);
    policy_shelf_read(t, s);
    txn_abort(t);
}

uint64_t world_in_force(struct world *w, uint32_t node, char name) {
    struct policy_shelf s;
    char called[2] = {name, '\0'};
    shelf_of(w, node, &s);
    const struct policy *p =
        policy_in_force(s.taken, s.count, BYTES("note"), bytes_text(called), w->nodes[node].home, city_day(world_clock(w, node)));
    uint64_t value = 0;
    if (p != NULL) {
        static const char word[] = "value: ";
        const uint8_t *at = memmem(p->body.at, p->body.len, word, sizeof word - 1);
        invariant(at != NULL);
        value = strtoull((const char *)at + sizeof word - 1, NULL, 10); /* a line end follows */
    }
    policy_shelf_close(&s);
    return value;
}

size_t world_refused(struct world *w, uint32_t node) {
    struct book_say said;
    struct txn *t;
    invariant(store_read(w->nodes[node].store, &t) == 0);
    policy_book_say(t, &said);
    txn_abort(t);
    return said.count;
}

static int has_policies(void *owner, const struct record *r, bool pending) {
    struct policy p;
    const char *name = owner;
    (void)pending;
    return policy_of(r, &p) && p.name.len == 1 && p.name.at[0] == (uint8_t)*name;
}

bool world_heard_of(struct world *w, uint32_t node, char name) {
    struct txn *t;
    invariant(store_read(w->nodes[node].store, &t) == 0);
    bool has = node_records(t, TYPE_POLICY, true, has_policies, &name) != 0;
    txn_abort(t);
    return has;
}

/* ---- the oracle */

static uint64_t should_be(const struct world *w, char name, area home, int64_t day) {
    const area scopes[2] = {home, AREA_CITY};
    for (size_t s = 0; s < 2; s++) {
        const struct world_published *best = NULL;
        for (size_t i = 0; i < w->published_count; i++) {
            const struct world_published *p = &w->published[i];
            if (p->name == name && p->scope == scopes[s] && p->from <= day && (best == NULL || p->version > best->version))
                best = p;
        }
        if (best != NULL && !best->ended)
            return best->value;
    }
    return 0;
}

void world_check_policies(struct world *w) {
    if (w->own_lost || w->published_count == 0)
        return;
    for (uint32_t i = 1; i <= w->node_count; i++)
        for (char name = 'x'; name <= 'z'; name++) {
            uint64_t is = world_in_force(w, i, name);
            uint64_t should = should_be(w, name, w->nodes[i].home, city_day(world_clock(w, i)));
            if (is != should)
                world_fail(w, "POLICY: %c is %" PRIu64 " at n-%u, and should be %" PRIu64, name, is, i, should);
        }
}
