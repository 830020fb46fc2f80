#include "common/catalogue/policy.h"

#include "common/base/error.h"
#include "common/catalogue/rules.h"
#include "common/model/value.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, FLAG_OPEN = 1, FLAG_ENDED = 2, SIGNED_BYTES = POLICY_KEY_BYTES + POLICY_SIGNATURE_BYTES };

int64_t city_day(wall_ms now) {
    return (int64_t)((now + CITY_UTC_OFFSET_MS) / DAY_MS);
}

/* ---- the root */

static const char root_magic[] = "anju-policy-root-1\n";

void policy_root_text(const struct policy_root *root, struct buffer *out) {
    buffer_format(out, "%sthreshold %u\n", root_magic, root->threshold);
    for (size_t i = 0; i < root->count; i++) {
        hex_encode(bytes_of(root->keys[i], POLICY_KEY_BYTES), out);
        buffer_text(out, "\n");
    }
}

bool policy_root_has(const struct policy_root *root, const uint8_t key[POLICY_KEY_BYTES]) {
    for (size_t i = 0; i < root->count; i++)
        if (memcmp(root->keys[i], key, POLICY_KEY_BYTES) == 0)
            return true;
    return false;
}

static bool take_line(struct bytes *text, struct bytes *line) {
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->at, '\n', text->len);
    if (end == NULL)
        return false;
    *line = bytes_of(text->at, (size_t)(end - text->at));
    *text = bytes_of(end + 1, text->len - line->len - 1);
    return true;
}

bool policy_root_parse(struct bytes text, struct policy_root *out) {
    static const char word[] = "threshold ";
    size_t magic = sizeof root_magic - 1, head = sizeof word - 1;
    struct bytes line;
    memset(out, 0, sizeof *out);
    if (text.len < magic || memcmp(text.at, root_magic, magic) != 0)
        return false;
    text = bytes_of(text.at + magic, text.len - magic);
    if (!take_line(&text, &line) || line.len != head + 1 || memcmp(line.at, word, head) != 0 || line.at[head] < '1' || line.at[head] > '9')
        return false;
    out->threshold = (unsigned)(line.at[head] - '0');
    while (take_line(&text, &line)) {
        CLEANUP(buffer_close) struct buffer key = {0};
        if (out->count == POLICY_KEYS_MAX || line.len != (size_t)2 * POLICY_KEY_BYTES ||
            !hex_decode((const char *)line.at, line.len, &key) || policy_root_has(out, key.at))
            return false;
        memcpy(out->keys[out->count++], key.at, key.len);
    }
    return text.len == 0 && out->count > 0 && out->threshold <= out->count;
}

/* ---- the envelope */

static void add_counted(struct buffer *out, struct bytes text) {
    buffer_format(out, "%zu:", text.len);
    buffer_add(out, text);
    buffer_text(out, "\n");
}

void policy_words(const struct policy *p, struct buffer *out) {
    char scope[AREA_TEXT];
    buffer_text(out, "anju-policy-2\n");
    add_counted(out, p->kind);
    add_counted(out, p->name);
    add_counted(out, bytes_text(area_text(p->scope, scope)));
    buffer_format(
        out, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %d\n", p->version, p->supersedes, p->from, p->to, p->open, p->ended);
    add_counted(out, p->basis);
    hex_encode(bytes_of(p->hash.b, sizeof p->hash.b), out);
    buffer_format(out, " %zu\n", p->size);
}

struct id16 policy_id(const struct id16 *city, const struct policy *p) {
    char scope[AREA_TEXT], version[24];
    snprintf(version, sizeof version, "%" PRId64, p->version);
    struct bytes parts[] = {BYTES("policy"), p->kind, p->name, bytes_text(area_text(p->scope, scope)), bytes_text(version)};
    return hash_derive_id(bytes_of(city->b, sizeof city->b), parts, sizeof parts / sizeof *parts);
}

struct id16 policy_part_id(const struct id16 *policy, unsigned part) {
    char number[12];
    snprintf(number, sizeof number, "%u", part);
    struct bytes parts[] = {BYTES("part"), bytes_text(number)};
    return hash_derive_id(bytes_of(policy->b, sizeof policy->b), parts, 2);
}

unsigned policy_parts(const struct policy *p) {
    return p->size == 0 ? 1 : (unsigned)((p->size + LIMIT_POLICY_PART_BYTES - 1) / LIMIT_POLICY_PART_BYTES);
}

void policy_sign(const struct policy *p, const uint8_t key[POLICY_KEY_BYTES], const uint8_t secret[64], struct buffer *signatures) {
    CLEANUP(buffer_close) struct buffer words = {0};
    uint8_t signature[POLICY_SIGNATURE_BYTES];
    policy_words(p, &words);
    crypto_sign_detached(signature, NULL, words.at, words.len, secret);
    buffer_add(signatures, bytes_of(key, POLICY_KEY_BYTES));
    buffer_add(signatures, bytes_of(signature, sizeof signature));
}

unsigned policy_signers(const struct policy *p, const struct policy_root *root) {
    CLEANUP(buffer_close) struct buffer words = {0};
    bool signs[POLICY_KEYS_MAX] = {false};
    unsigned count = 0;
    policy_words(p, &words);
    for (size_t at = 0; at + SIGNED_BYTES <= p->signatures.len && at < (size_t)POLICY_KEYS_MAX * SIGNED_BYTES; at += SIGNED_BYTES)
        for (size_t k = 0; k < root->count; k++) {
            const uint8_t *one = p->signatures.at + at;
            if (signs[k] || memcmp(one, root->keys[k], POLICY_KEY_BYTES) != 0)
                continue;
            signs[k] = crypto_sign_verify_detached(one + POLICY_KEY_BYTES, words.at, words.len, one) == 0;
            count += signs[k];
        }
    return count;
}

/* ---- records */

static void put(struct op *ops, size_t *n, struct arena *a, uint32_t field, const struct value *v) {
    struct buffer b = {0};
    value_pack(v, &b);
    ops[(*n)++] = (struct op){.field = field, .kind = OP_SET, .value = arena_copy(a, buffer_bytes(&b))};
    buffer_close(&b);
}

static void put_text(struct op *ops, size_t *n, struct arena *a, uint32_t field, enum value_kind kind, struct bytes text) {
    put(ops, n, a, field, &(struct value){.kind = kind, .text = text});
}

static void put_number(struct op *ops, size_t *n, struct arena *a, uint32_t field, int64_t number) {
    put(ops, n, a, field, &(struct value){.kind = VALUE_NUMBER, .number = number});
}

/* Of the body in hand. */
static struct bytes part_of(const struct policy *p, unsigned part) {
    size_t at = (size_t)part * LIMIT_POLICY_PART_BYTES, left = p->body.len - at;
    return bytes_of(p->body.at + at, left > LIMIT_POLICY_PART_BYTES ? LIMIT_POLICY_PART_BYTES : left);
}

size_t policy_ops(const struct policy *p, struct arena *a, struct op ops[POLICY_OPS]) {
    size_t n = 0;
    put(ops, &n, a, FIELD_HOME, &(struct value){.kind = VALUE_AREA, .area = p->scope});
    put_text(ops, &n, a, POLICY_KIND, VALUE_TEXT, p->kind);
    put_text(ops, &n, a, POLICY_NAME, VALUE_TEXT, p->name);
    put_number(ops, &n, a, POLICY_VERSION, p->version);
    put_text(ops, &n, a, POLICY_BODY, VALUE_TEXT, part_of(p, 0));
    put_text(ops, &n, a, POLICY_ROOT, VALUE_TEXT, p->root);
    put_text(ops, &n, a, POLICY_SIGNATURES, VALUE_BLOB, p->signatures);
    put_number(ops, &n, a, POLICY_FROM, p->from);
    put_number(ops, &n, a, POLICY_TO, p->to);
    put_number(ops, &n, a, POLICY_SUPERSEDES, p->supersedes);
    put_number(ops, &n, a, POLICY_FLAGS, (p->open ? FLAG_OPEN : 0) | (p->ended ? FLAG_ENDED : 0));
    put_text(ops, &n, a, POLICY_BASIS, VALUE_TEXT, p->basis);
    put_text(ops, &n, a, POLICY_HASH, VALUE_BLOB, bytes_of(p->hash.b, sizeof p->hash.b));
    put_number(ops, &n, a, POLICY_SIZE, (int64_t)p->size);
    return n;
}

size_t policy_part_ops(const struct policy *p, const struct id16 *id, unsigned part, struct arena *a, struct op ops[POLICY_OPS]) {
    size_t n = 0;
    put(ops, &n, a, FIELD_HOME, &(struct value){.kind = VALUE_AREA, .area = p->scope});
    put_text(ops, &n, a, PART_POLICY, VALUE_BLOB, bytes_of(id->b, sizeof id->b));
    put_number(ops, &n, a, PART_NUMBER, part);
    put_text(ops, &n, a, PART_TEXT, VALUE_TEXT, part_of(p, part));
    return n;
}

static bool field_value(const struct record *r, uint32_t field, enum value_kind kind, struct value *v) {
    const struct head *h = field_winner(record_field(r, field));
    return h != NULL && value_unpack(h->value, v) && v->kind == kind;
}

static bool take_text(const struct record *r, uint32_t field, enum value_kind kind, struct bytes *out) {
    struct value v;
    bool there = field_value(r, field, kind, &v);
    if (there)
        *out = v.text;
    return there;
}

static bool take_number(const struct record *r, uint32_t field, int64_t *out) {
    struct value v;
    bool there = field_value(r, field, VALUE_NUMBER, &v);
    if (there)
        *out = v.number;
    return there;
}

bool policy_of(const struct record *r, struct policy *out) {
    struct value scope;
    struct bytes hash;
    int64_t flags = 0, size = 0;
    memset(out, 0, sizeof *out);
    bool whole = !record_deleted(r) && field_value(r, FIELD_HOME, VALUE_AREA, &scope) &&
                 take_text(r, POLICY_KIND, VALUE_TEXT, &out->kind) && take_text(r, POLICY_NAME, VALUE_TEXT, &out->name) &&
                 take_text(r, POLICY_BODY, VALUE_TEXT, &out->body) && take_text(r, POLICY_ROOT, VALUE_TEXT, &out->root) &&
                 take_text(r, POLICY_SIGNATURES, VALUE_BLOB, &out->signatures) && take_text(r, POLICY_HASH, VALUE_BLOB, &hash) &&
                 take_text(r, POLICY_BASIS, VALUE_TEXT, &out->basis) && take_number(r, POLICY_VERSION, &out->version) &&
                 take_number(r, POLICY_FROM, &out->from) && take_number(r, POLICY_TO, &out->to) &&
                 take_number(r, POLICY_SUPERSEDES, &out->supersedes) && take_number(r, POLICY_FLAGS, &flags) &&
                 take_number(r, POLICY_SIZE, &size) && size >= 0 && size <= LIMIT_POLICY_BYTES && hash.len == sizeof out->hash.b;
    if (!whole)
        return false;
    out->scope = scope.area;
    out->open = (flags & FLAG_OPEN) != 0;
    out->ended = (flags & FLAG_ENDED) != 0;
    out->size = (size_t)size;
    memcpy(out->hash.b, hash.at, sizeof out->hash.b);
    return true;
}

bool policy_part_of(const struct record *r, struct id16 *policy, struct bytes *text) {
    struct bytes id;
    if (record_deleted(r) || !take_text(r, PART_POLICY, VALUE_BLOB, &id) || id.len != sizeof policy->b ||
        !take_text(r, PART_TEXT, VALUE_TEXT, text))
        return false;
    memcpy(policy->b, id.at, sizeof policy->b);
    return true;
}

/* ---- may it be taken up? */

const char *policy_fault_name(enum policy_fault f) {
    static const char *const names[POLICY_FAULTS] = {"good", "unsigned", "scope", "dates", "text", "changed", "older", "overlap", "parts"};
    return f < POLICY_FAULTS ? names[f] : "?";
}

const char *policy_fault_text(enum policy_fault f) {
    static const char *const texts[POLICY_FAULTS] = {
        "taken up",
        "not signed by as many of this city's policy keys as its root asks for",
        "its scope is no area, not where its record lies, or not above this office",
        "it ends before it begins, or supersedes what is not before it",
        "its text is not the one that was signed, or no document of its kind",
        "this version was taken up with another text before; the one that was first stays",
        "a later version is in force already",
        "its days overlap with those of another version that it does not supersede",
        "parts of its text are still to come",
    };
    return f < POLICY_FAULTS ? texts[f] : "?";
}

static bool plain_name(struct bytes t, size_t most) {
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] < 0x20 || t.at[i] == 0x7f)
            return false;
    return t.len <= most;
}

enum policy_fault policy_holds(const struct policy *p, const struct hash *root, area home, area at) {
    struct policy_root r;
    struct hash h = hash_of(p->root);
    unsigned need = 1;
    if (!hash_equal(&h, root) || !policy_root_parse(p->root, &r))
        return POLICY_UNSIGNED;
    if (!bytes_equal(p->kind, BYTES("hub_key")))
        need = r.threshold;
    if (policy_signers(p, &r) < need)
        return POLICY_UNSIGNED;
    if (!area_valid(p->scope) || area_is_node(p->scope) || p->scope != home || !area_within(at, p->scope))
        return POLICY_SCOPE;
    if (p->version < 1 || p->from > p->to || p->supersedes < 0 || p->supersedes >= p->version)
        return POLICY_DATES;
    if (p->kind.len == 0 || p->name.len == 0 || !plain_name(p->kind, POLICY_NAME_MAX) || !plain_name(p->name, POLICY_NAME_MAX) ||
        !plain_name(p->basis, POLICY_BASIS_MAX))
        return POLICY_TEXT;
    return POLICY_GOOD;
}

static bool same_chain(const struct policy *a, const struct policy *b) {
    return a->scope == b->scope && bytes_equal(a->kind, b->kind) && bytes_equal(a->name, b->name);
}

bool policy_begun(const struct policy *p, const struct policy *taken, size_t count, int64_t day) {
    if (day < p->from || day > p->to)
        return false;
    for (size_t i = 0; i < count; i++)
        if (same_chain(&taken[i], p) && taken[i].version > p->version && taken[i].supersedes >= p->version && taken[i].from <= day)
            return false;
    return true;
}

enum policy_fault policy_fits(const struct policy *p, const struct policy *taken, size_t count, int64_t day) {
    for (size_t i = 0; i < count; i++) {
        const struct policy *o = &taken[i];
        if (!same_chain(o, p))
            continue;
        if (o->version == p->version)
            return hash_equal(&o->hash, &p->hash) && o->from == p->from && o->to == p->to && o->supersedes == p->supersedes &&
                           o->open == p->open && o->ended == p->ended
                       ? POLICY_GOOD
                       : POLICY_CHANGED;
        const struct policy *late = o->version > p->version ? o : p, *early = late == o ? p : o;
        if (late == o && (policy_begun(o, taken, count, day) || (o->supersedes >= p->version && o->from <= day)))
            return POLICY_OLDER;
        if (late->supersedes < early->version && late->from <= early->to && early->from <= late->to)
            return POLICY_OVERLAP;
    }
    return POLICY_GOOD;
}

/* ---- what is in force */

static unsigned digits(area a) {
    return (unsigned)(a & 15);
}

/* Does a stand before b, both of one kind and name, at a place and on a day at which both have begun? */
static bool stands_before(const struct policy *a, const struct policy *b) {
    if (digits(a->scope) != digits(b->scope))
        return digits(a->scope) > digits(b->scope);
    if (a->version != b->version)
        return a->version > b->version;
    return a->from > b->from;
}

/* The best of its chain's scope; an ended one leaves its place to the next shorter scope. */
const struct policy *policy_in_force(const struct policy *taken, size_t count, struct bytes kind, struct bytes name, area at, int64_t day) {
    const struct policy *best = NULL;
    unsigned shorter = AREA_DIGITS + 1;
    do {
        best = NULL;
        for (size_t i = 0; i < count; i++) {
            const struct policy *p = &taken[i];
            if (digits(p->scope) < shorter && bytes_equal(p->kind, kind) && bytes_equal(p->name, name) && area_within(at, p->scope) &&
                policy_begun(p, taken, count, day) && (best == NULL || stands_before(p, best)))
                best = p;
        }
        if (best != NULL)
            shorter = digits(best->scope);
    } while (best != NULL && best->ended);
    return best;
}

static int by_name(const void *one, const void *other) {
    const struct policy *a = *(const struct policy *const *)one, *b = *(const struct policy *const *)other;
    int by_kind = bytes_compare(a->kind, b->kind);
    return by_kind != 0 ? by_kind : bytes_compare(a->name, b->name);
}

size_t policies_in_force(const struct policy *taken, size_t count, area at, int64_t day, const struct policy **out) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t k = 0; k < i && first; k++)
            first = !bytes_equal(taken[k].kind, taken[i].kind) || !bytes_equal(taken[k].name, taken[i].name);
        const struct policy *p = first ? policy_in_force(taken, count, taken[i].kind, taken[i].name, at, day) : NULL;
        if (p != NULL)
            out[n++] = p;
    }
    qsort(out, n, sizeof *out, by_name);
    return n;
}

bool policy_is_catalogue(struct bytes kind) {
    return bytes_equal(kind, BYTES("record_type")) || bytes_equal(kind, BYTES("purposes"));
}

/* ---- a document's header */

const char *const policy_header_keys[] = {"kind", "name", "scope", "from", "to", "supersedes", "legal_basis", "applies_to_open", NULL};

static void word(
    const struct document *d, const struct document_node *root, const char *key, bool needed, size_t most, struct bytes *out,
    struct complaints *c) {
    const struct document_node *n = document_get(root, key);
    const char *text = document_text(n);
    *out = text == NULL ? (struct bytes){NULL, 0} : bytes_text(text);
    if (n == NULL && needed)
        document_complain(d, root, c, "%s is missing", key);
    else if (n != NULL && (text == NULL || (needed && out->len == 0) || !plain_name(*out, most)))
        document_complain(d, n, c, "%s is a text of at most %zu bytes in one line", key, most);
}

static void date(
    const struct document *d, const struct document_node *root, const char *key, int64_t standard, int64_t *out, struct complaints *c) {
    const struct document_node *n = document_get(root, key);
    const char *text = document_text(n);
    struct value v;
    *out = standard;
    if (n == NULL)
        return;
    if (text == NULL || strlen(text) != 10 || value_read(VALUE_DATE, bytes_text(text), &v) != NULL || v.precision != 0)
        document_complain(d, n, c, "%s is a day, written 2027-01-31", key);
    else
        *out = v.number;
}

bool policy_header(const struct document *d, int64_t today, struct policy *out, struct complaints *c) {
    unsigned before = c->count;
    const struct document_node *root = document_root(d), *n;
    memset(out, 0, sizeof *out);
    if (document_kind(root) != DOCUMENT_MAP) {
        document_complain(d, root, c, "a policy is written as keys and values: kind: …, name: …");
        return false;
    }
    word(d, root, "kind", true, POLICY_NAME_MAX, &out->kind, c);
    word(d, root, "name", true, POLICY_NAME_MAX, &out->name, c);
    word(d, root, "legal_basis", false, POLICY_BASIS_MAX, &out->basis, c);
    date(d, root, "from", today, &out->from, c);
    date(d, root, "to", POLICY_NEVER, &out->to, c);
    if (out->from > out->to)
        document_complain(d, document_get(root, "to"), c, "it ends before it begins: `to` is its last day, and is before `from`");
    n = document_get(root, "scope");
    if (n != NULL && (document_text(n) == NULL || !area_parse(bytes_text(document_text(n)), &out->scope) || area_is_node(out->scope)))
        document_complain(d, n, c, "scope is a division code of 2, 4, 6, 9 or 12 digits in quotes, or \"\" for the whole city");
    else if (n != NULL && document_plain(n) && *document_text(n) != '\0')
        document_complain(d, n, c, "put the scope in quotes (scope: \"%s\"): it is a code, no number", document_text(n));
    out->supersedes = -1;
    if (document_get(root, "supersedes") != NULL)
        document_int(d, document_get(root, "supersedes"), 0, INT32_MAX, &out->supersedes, c);
    if (document_get(root, "applies_to_open") != NULL)
        document_bool(d, document_get(root, "applies_to_open"), &out->open, c);
    return c->count == before;
}

bool policy_document_check(const char *name, struct bytes text, int64_t today, const struct catalogue *k, struct complaints *c) {
    unsigned before = c->count;
    struct policy p;
    if (rules_kind_check(NULL, name, text, k, c)) {
        struct document *d = document_read(name, text, c);
        policy_header(d, today, &p, c); /* its days beside today */
        document_free(d);
    }
    return c->count == before;
}

/* ---- two versions, line by line */

bool policy_line(struct bytes *text, struct bytes *line) {
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->at, '\n', text->len);
    if (text->len == 0)
        return false;
    *line = bytes_of(text->at, end == NULL ? text->len : (size_t)(end - text->at));
    size_t used = line->len + (end != NULL);
    *text = bytes_of(text->at + used, text->len - used);
    return true;
}

bool policy_has_line(struct bytes text, struct bytes line) {
    struct bytes one;
    while (policy_line(&text, &one))
        if (bytes_equal(one, line))
            return true;
    return false;
}
