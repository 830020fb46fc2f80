#include "common/store/layout.h"

#include "common/base/invariant.h"
#include "common/base/program.h"

#include <string.h>

static const char *const hub_log_trees[] = {"meta", "entries", "nodes"};
static const char *const hub_state_trees[] = {"meta",    "records", "rows",    "verdicts", "held",
                                              "waiting", "nodes",   "digests", "erased",   "erasures"};
static const char *const hub_own_trees[] = {"meta", "entries", "audit", "tokens", "heads", "erasures"};
static const char *const node_trees[] = {"meta",    "log",   "base",  "view",   "pending",  "held",
                                         "digests", "audit", "heads", "erased", "erasures", "book"};

/* The numbers of the kinds are in their store keys: never used twice. */
enum { FORMAT = PROGRAM_STORE_FORMAT };

const struct store_shape shape_hub_log = {"hub-log", FORMAT, hub_log_trees, HUB_LOG_TREES, 1, 0};
const struct store_shape shape_hub_state = {"hub-state", FORMAT, hub_state_trees, HUB_STATE_TREES, 2, 1u << HUB_HELD};
const struct store_shape shape_hub_own = {"hub-own", FORMAT, hub_own_trees, HUB_OWN_TREES, 3, 0};
const struct store_shape shape_node = {"node", FORMAT, node_trees, NODE_TREES, 4, 1u << NODE_BASE | 1u << NODE_VIEW};

static void add(struct key *k, const void *at, size_t len) {
    invariant(k->len + len <= sizeof k->b);
    memcpy(k->b + k->len, at, len);
    k->len += len;
}

static void add_u32(struct key *k, uint32_t v) {
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    add(k, b, sizeof b);
}

static void add_u64(struct key *k, uint64_t v) {
    add_u32(k, (uint32_t)(v >> 32));
    add_u32(k, (uint32_t)v);
}

struct bytes key_bytes(const struct key *k) {
    return bytes_of(k->b, k->len);
}

struct key key_u32(uint32_t v) {
    struct key k = {.len = 0};
    add_u32(&k, v);
    return k;
}

struct key key_u64(uint64_t v) {
    struct key k = {.len = 0};
    add_u64(&k, v);
    return k;
}

struct key key_word(const char *word) {
    struct key k = {.len = 0};
    add(&k, word, strlen(word));
    return k;
}

struct key key_record(uint32_t type, const struct id16 *id) {
    struct key k = key_u32(type);
    add(&k, id->b, sizeof id->b);
    return k;
}

struct key key_history(uint32_t type, const struct id16 *id, struct name name) {
    struct key k = key_record(type, id);
    add_u32(&k, name.node);
    add_u64(&k, name.tag);
    return k;
}

struct key key_row(area a, uint64_t hub_seq) {
    struct key k = key_u64(a);
    add_u64(&k, hub_seq);
    return k;
}

struct key key_verdict(uint32_t node, uint64_t hub_seq) {
    struct key k = key_u32(node);
    add_u64(&k, hub_seq);
    return k;
}

struct key key_log(const struct id16 *incarnation, uint64_t seq) {
    struct key k = {.len = 0};
    add(&k, incarnation->b, sizeof incarnation->b);
    add_u64(&k, seq);
    return k;
}

struct key key_held(uint32_t node, const struct id16 *incarnation, uint64_t seq) {
    struct key k = key_u32(node), rest = key_log(incarnation, seq);
    add(&k, rest.b, rest.len);
    return k;
}

struct key key_waiting(uint32_t type, const struct id16 *id, uint32_t node, const struct id16 *incarnation, uint64_t seq) {
    struct key k = key_record(type, id), rest = key_held(node, incarnation, seq);
    add(&k, rest.b, rest.len);
    return k;
}

struct key key_pending(uint32_t type, const struct id16 *id, uint64_t hlc, const struct id16 *incarnation, uint64_t seq) {
    struct key k = key_record(type, id), rest = key_log(incarnation, seq);
    add_u64(&k, hlc);
    add(&k, rest.b, rest.len);
    return k;
}

struct key key_head(uint32_t node, uint32_t day) {
    struct key k = key_u32(node);
    add_u32(&k, day);
    return k;
}

struct key key_token(const struct hash *secret_hash) {
    struct key k = {.len = 0};
    add(&k, secret_hash->b, sizeof secret_hash->b);
    return k;
}

struct key key_moved(uint32_t node) {
    struct key k = key_word("moved"), which = key_u32(node);
    add(&k, which.b, which.len);
    return k;
}

struct key key_said(uint32_t node) {
    struct key k = key_word("said"), which = key_u32(node);
    add(&k, which.b, which.len);
    return k;
}

static struct id16 take_id(struct reader *r) {
    struct id16 id = {{0}};
    struct bytes b = reader_take(r, sizeof id.b);
    if (b.at != NULL)
        memcpy(id.b, b.at, sizeof id.b);
    return id;
}

static bool done(const struct reader *r) {
    return !r->bad && r->rest.len == 0;
}

bool key_record_read(struct bytes key, uint32_t *type, struct id16 *id) {
    struct reader r = {.rest = key};
    *type = reader_u32be(&r);
    *id = take_id(&r);
    return done(&r);
}

bool key_history_read(struct bytes key, uint32_t *type, struct id16 *id, struct name *name) {
    struct reader r = {.rest = key};
    *type = reader_u32be(&r);
    *id = take_id(&r);
    name->node = reader_u32be(&r);
    name->tag = reader_u64be(&r);
    return done(&r);
}

bool key_row_read(struct bytes key, area *a, uint64_t *hub_seq) {
    struct reader r = {.rest = key};
    *a = reader_u64be(&r);
    *hub_seq = reader_u64be(&r);
    return done(&r);
}

bool key_verdict_read(struct bytes key, uint32_t *node, uint64_t *hub_seq) {
    struct reader r = {.rest = key};
    *node = reader_u32be(&r);
    *hub_seq = reader_u64be(&r);
    return done(&r);
}

bool key_held_read(struct bytes key, uint32_t *node, struct id16 *incarnation, uint64_t *seq) {
    struct reader r = {.rest = key};
    *node = reader_u32be(&r);
    *incarnation = take_id(&r);
    *seq = reader_u64be(&r);
    return done(&r);
}

bool key_waiting_read(struct bytes key, uint32_t *type, struct id16 *id, uint32_t *node, struct id16 *incarnation, uint64_t *seq) {
    struct reader r = {.rest = key};
    *type = reader_u32be(&r);
    *id = take_id(&r);
    *node = reader_u32be(&r);
    *incarnation = take_id(&r);
    *seq = reader_u64be(&r);
    return done(&r);
}

bool key_log_read(struct bytes key, struct id16 *incarnation, uint64_t *seq) {
    struct reader r = {.rest = key};
    *incarnation = take_id(&r);
    *seq = reader_u64be(&r);
    return done(&r);
}

bool key_pending_read(struct bytes key, uint32_t *type, struct id16 *id, uint64_t *hlc, struct id16 *incarnation, uint64_t *seq) {
    struct reader r = {.rest = key};
    *type = reader_u32be(&r);
    *id = take_id(&r);
    *hlc = reader_u64be(&r);
    *incarnation = take_id(&r);
    *seq = reader_u64be(&r);
    return done(&r);
}

bool key_token_read(struct bytes key, struct hash *secret_hash) {
    if (key.len != sizeof secret_hash->b)
        return false;
    memcpy(secret_hash->b, key.at, key.len);
    return true;
}

bool key_head_read(struct bytes key, uint32_t *node, uint32_t *day) {
    struct reader r = {.rest = key};
    *node = reader_u32be(&r);
    *day = reader_u32be(&r);
    return done(&r);
}

bool key_starts(struct bytes key, const struct key *prefix) {
    return key.len >= prefix->len && memcmp(key.at, prefix->b, prefix->len) == 0;
}
