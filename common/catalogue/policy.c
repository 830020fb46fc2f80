#include "common/catalogue/policy.h"

#include "common/model/value.h"

#include <inttypes.h>
#include <string.h>

static bool field_value(const struct record *r, uint32_t field, struct value *v) {
    const struct head *h = field_winner(record_field(r, field));
    return h != NULL && value_unpack(h->value, v);
}

bool policy_of(const struct record *r, struct policy *out) {
    struct value kind, name, version, body, v;
    memset(out, 0, sizeof *out);
    if (record_deleted(r) || !field_value(r, POLICY_KIND, &kind) || !field_value(r, POLICY_NAME, &name) ||
        !field_value(r, POLICY_VERSION, &version) || !field_value(r, POLICY_BODY, &body))
        return false;
    out->kind = kind.text;
    out->name = name.text;
    out->version = version.number;
    out->body = body.text;
    if (field_value(r, POLICY_SIGNER, &v))
        out->signer = v.text;
    if (field_value(r, POLICY_SIGNATURE, &v))
        out->signature = v.text;
    return true;
}

void policy_words(const struct policy *p, struct buffer *out) {
    buffer_text(out, "anju-policy-1\n");
    buffer_add(out, p->kind);
    buffer_text(out, "\n");
    buffer_add(out, p->name);
    buffer_format(out, "\n%" PRId64 "\n", p->version);
    buffer_add(out, p->body);
}

struct id16 policy_id(const struct id16 *city, struct bytes kind, struct bytes name) {
    struct bytes parts[] = {BYTES("policy"), kind, name};
    return hash_derive_id(bytes_of(city->b, sizeof city->b), parts, 3);
}

bool policy_catalogue(const struct policy *p) {
    return bytes_equal(p->kind, BYTES("record_type")) || bytes_equal(p->kind, BYTES("purposes"));
}
