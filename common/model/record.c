#include "common/model/record.h"

#include "common/base/invariant.h"

#include <string.h>

static size_t place(const struct record *r, uint32_t number) {
    size_t low = 0, high = r->field_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (r->fields[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct field *record_field(const struct record *r, uint32_t number) {
    size_t at = place(r, number);
    return at < r->field_count && r->fields[at].number == number ? &r->fields[at] : NULL;
}

struct field *record_field_make(struct record *r, uint32_t number, struct arena *a) {
    size_t at = place(r, number);
    if (at < r->field_count && r->fields[at].number == number)
        return &r->fields[at];
    struct field *fields = arena_take(a, (r->field_count + 1) * sizeof *fields);
    invariant(fields != NULL);
    if (at > 0)
        memcpy(fields, r->fields, at * sizeof *fields);
    if (at < r->field_count)
        memcpy(fields + at + 1, r->fields + at, (r->field_count - at) * sizeof *fields);
    fields[at] = (struct field){.number = number};
    r->fields = fields;
    r->field_count++;
    return &fields[at];
}

const struct head *field_winner(const struct field *f) {
    return f == NULL || f->head_count == 0 ? NULL : &f->heads[f->head_count - 1];
}

bool field_concurrent(const struct field *f) {
    for (size_t i = 1; f != NULL && i < f->head_count; i++)
        if (!bytes_equal(f->heads[i].value, f->heads[0].value))
            return true;
    return false;
}

void record_fields_make(struct record *r, const struct change *c, struct arena *a) {
    size_t missing = 0;
    for (size_t i = 0; i < c->op_count; i++)
        missing += record_field(r, c->ops[i].field) == NULL;
    if (missing == 0)
        return;
    struct field *fields = arena_take(a, (r->field_count + missing) * sizeof *fields);
    invariant(fields != NULL);
    if (r->field_count > 0)
        memcpy(fields, r->fields, r->field_count * sizeof *fields);
    r->fields = fields;
    for (size_t i = 0; i < c->op_count; i++) {
        size_t at = place(r, c->ops[i].field);
        if (at < r->field_count && fields[at].number == c->ops[i].field)
            continue;
        memmove(fields + at + 1, fields + at, (r->field_count - at) * sizeof *fields);
        fields[at] = (struct field){.number = c->ops[i].field};
        r->field_count++;
    }
}

static bool heads_equal(const struct head *a, size_t a_count, const struct head *b, size_t b_count) {
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        bool equal = version_compare(a[i].version, b[i].version) == 0 && name_equal(a[i].name, b[i].name) &&
                     bytes_equal(a[i].value, b[i].value) && a[i].replace_count == b[i].replace_count;
        for (size_t k = 0; k < a[i].replace_count && equal; k++)
            equal = name_equal(a[i].replaces[k], b[i].replaces[k]);
        if (!equal)
            return false;
    }
    return a_count == b_count;
}

bool field_equal(const struct field *a, const struct field *b) {
    return a->number == b->number && heads_equal(a->heads, a->head_count, b->heads, b->head_count) &&
           heads_equal(a->elements, a->element_count, b->elements, b->element_count);
}

/* The encoding of Value: an area is field 8 as fixed64, a flag is field 4 as a varint (model/value.h). */
static bool read_area(struct bytes value, area *out) {
    if (value.len != 9 || value.at[0] != 0x41)
        return false;
    area a = 0;
    for (size_t i = 0; i < 8; i++)
        a |= (area)value.at[1 + i] << (8 * i);
    *out = a;
    return area_valid(a);
}

static size_t add_area(area out[], size_t n, size_t room, struct bytes value) {
    area a;
    if (!read_area(value, &a))
        return n;
    size_t at = 0;
    while (at < n && out[at] < a)
        at++;
    if ((at < n && out[at] == a) || n == room)
        return n;
    memmove(out + at + 1, out + at, (n - at) * sizeof *out);
    out[at] = a;
    return n + 1;
}

size_t record_areas_now(const struct record *r, area out[], size_t room) {
    const struct field *home = record_field(r, FIELD_HOME), *shared = record_field(r, FIELD_SHARED);
    size_t n = 0;
    for (size_t i = 0; home != NULL && i < home->head_count; i++)
        n = add_area(out, n, room, home->heads[i].value);
    for (size_t i = 0; shared != NULL && i < shared->element_count; i++)
        n = add_area(out, n, room, shared->elements[i].value);
    return n;
}

static bool flagged(const struct record *r, uint32_t number) {
    const struct field *f = record_field(r, number);
    for (size_t i = 0; f != NULL && i < f->head_count; i++)
        if (f->heads[i].value.len == 2 && f->heads[i].value.at[0] == 0x20 && f->heads[i].value.at[1] == 1)
            return true;
    return false;
}

bool record_deleted(const struct record *r) {
    return flagged(r, FIELD_DELETED);
}

bool record_restricted(const struct record *r) {
    return flagged(r, FIELD_RESTRICTED);
}

bool record_empty(const struct record *r) {
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].head_count > 0 || r->fields[i].element_count > 0)
            return false;
    return true;
}

static void *copy(const void *at, size_t count, size_t size, struct arena *a) {
    if (count == 0)
        return NULL;
    void *to = arena_take(a, count * size);
    invariant(to != NULL);
    return memcpy(to, at, count * size);
}

static struct head *copy_heads(const struct head *heads, size_t count, struct arena *a) {
    struct head *to = copy(heads, count, sizeof *heads, a);
    for (size_t i = 0; i < count; i++) {
        to[i].value = arena_copy(a, heads[i].value);
        to[i].replaces = copy(heads[i].replaces, heads[i].replace_count, sizeof *heads[i].replaces, a);
    }
    return to;
}

struct record record_copy(const struct record *r, struct arena *a) {
    struct record c = *r;
    c.fields = copy(r->fields, r->field_count, sizeof *r->fields, a);
    c.areas = copy(r->areas, r->area_count, sizeof *r->areas, a);
    for (size_t i = 0; i < c.field_count; i++) {
        c.fields[i].heads = copy_heads(r->fields[i].heads, r->fields[i].head_count, a);
        c.fields[i].elements = copy_heads(r->fields[i].elements, r->fields[i].element_count, a);
        c.fields[i].early = copy(r->fields[i].early, r->fields[i].early_count, sizeof *r->fields[i].early, a);
    }
    return c;
}

/* Written through a pointer into room that was measured before: the state hash of every merged record comes by here. */
static uint8_t *put_be(uint8_t *at, uint64_t v, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
    return at + bytes;
}

static uint8_t *put_bytes(uint8_t *at, const void *from, size_t len) {
    if (len > 0)
        memcpy(at, from, len);
    return at + len;
}

enum { CANONICAL_HEAD = 8 + 4 + 4 + 8 + 4 };

static size_t heads_size(const struct head *heads, size_t count) {
    size_t n = 4 + count * CANONICAL_HEAD;
    for (size_t i = 0; i < count; i++)
        n += heads[i].value.len;
    return n;
}

static uint8_t *put_heads(uint8_t *at, const struct head *heads, size_t count) {
    at = put_be(at, count, 4);
    for (size_t i = 0; i < count; i++) {
        at = put_be(at, heads[i].version.hlc, 8);
        at = put_be(at, heads[i].version.node, 4);
        at = put_be(at, heads[i].name.node, 4);
        at = put_be(at, heads[i].name.tag, 8);
        at = put_be(at, heads[i].value.len, 4);
        at = put_bytes(at, heads[i].value.at, heads[i].value.len);
    }
    return at;
}

void record_canonical(const struct record *r, struct buffer *out) {
    size_t size = 4 + sizeof r->id.b;
    bool empty = true;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        if (f->head_count == 0 && f->element_count == 0)
            continue;
        empty = false;
        size += 4 + heads_size(f->heads, f->head_count) + heads_size(f->elements, f->element_count);
    }
    if (empty)
        return;
    uint8_t *at = buffer_grow(out, size);
    at = put_be(at, r->type, 4);
    at = put_bytes(at, r->id.b, sizeof r->id.b);
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        if (f->head_count == 0 && f->element_count == 0)
            continue;
        at = put_be(at, f->number, 4);
        at = put_heads(at, f->heads, f->head_count);
        at = put_heads(at, f->elements, f->element_count);
    }
}

struct hash record_state_hash(const struct record *r) {
    struct buffer b = {0};
    record_canonical(r, &b);
    struct hash h = hash_of(buffer_bytes(&b));
    buffer_close(&b);
    return h;
}

static struct digest of(const struct record *r) {
    struct hash h = record_state_hash(r);
    struct digest d;
    memcpy(d.lane, h.b, sizeof d.lane);
    return d;
}

void digest_add(struct digest *d, const struct record *r) {
    if (record_empty(r))
        return;
    struct digest more = of(r);
    d->lane[0] += more.lane[0];
    d->lane[1] += more.lane[1];
}

void digest_take(struct digest *d, const struct record *r) {
    if (record_empty(r))
        return;
    struct digest less = of(r);
    d->lane[0] -= less.lane[0];
    d->lane[1] -= less.lane[1];
}

bool digest_equal(struct digest a, struct digest b) {
    return a.lane[0] == b.lane[0] && a.lane[1] == b.lane[1];
}

/* Ids are random in their last bytes (UUIDv7, v8), so their sum is even enough; the type keeps two types of one id apart. */
unsigned digest_bucket(uint32_t type, const struct id16 *id) {
    unsigned sum = type * 31u;
    for (size_t i = 8; i < sizeof id->b; i++)
        sum = sum * 33u + id->b[i];
    return (sum ^ sum >> 8 ^ sum >> 16) % DIGEST_BUCKETS;
}
