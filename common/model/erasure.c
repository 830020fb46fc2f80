#include "common/model/erasure.h"

#include "common/model/value.h"

bool erasure_may(uint32_t type) {
    return type > TYPE_POLICY_PART;
}

bool erasure_refers(struct bytes value, uint32_t *type, struct id16 *id) {
    struct value v;
    if (!value_unpack(value, &v) || v.kind != VALUE_REFERENCE)
        return false;
    *type = v.reference.type;
    *id = v.reference.id;
    return true;
}

static const struct op *added(const struct change *c, uint32_t field) {
    for (size_t i = 0; c->type == TYPE_ERASURE && i < c->op_count; i++)
        if (c->ops[i].field == field && c->ops[i].kind == OP_ADD)
            return &c->ops[i];
    return NULL;
}

struct bytes erasure_targets(const struct change *c) {
    const struct op *o = added(c, ERASURE_TARGETS);
    struct value v;
    return o != NULL && value_unpack(o->value, &v) && v.kind == VALUE_LIST ? v.list : (struct bytes){NULL, 0};
}

bool erasure_next(struct bytes *list, uint32_t *type, struct id16 *id) {
    struct bytes item;
    while (value_item(list, &item))
        if (erasure_refers(item, type, id))
            return true;
    return false;
}

void erasure_name(struct buffer *list, uint32_t type, const struct id16 *id) {
    struct buffer item = {0};
    struct value v = {.kind = VALUE_REFERENCE};
    v.reference.type = type;
    v.reference.id = *id;
    value_pack(&v, &item);
    value_list_add(list, buffer_bytes(&item));
    buffer_close(&item);
}

void erasure_words(const struct id16 *order, struct bytes list, struct buffer *out) {
    buffer_text(out, "anju erasure 1\n");
    buffer_add(out, bytes_of(order->b, sizeof order->b));
    buffer_add(out, list);
}

bool erasure_returned(const struct change *c, struct bytes *packed) {
    const struct op *o = added(c, ERASURE_RETURNED);
    struct value v;
    if (o == NULL || !value_unpack(o->value, &v) || v.kind != VALUE_BLOB)
        return false;
    *packed = v.text;
    return true;
}

bool erasure_subject(const struct op *o, uint32_t *type, struct id16 *id) {
    return o->field == FIELD_SUBJECT && o->kind != OP_REMOVE && erasure_refers(o->value, type, id);
}
