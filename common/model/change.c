#include "common/model/change.h"

#include "common/base/limits.h"

struct id16 id_of_key(struct bytes city_secret, uint32_t type, struct bytes key) {
    static const uint8_t generation = 1;
    uint8_t number[4] = {(uint8_t)(type >> 24), (uint8_t)(type >> 16), (uint8_t)(type >> 8), (uint8_t)type};
    struct bytes parts[] = {bytes_of(&generation, 1), bytes_of(number, sizeof number), key};
    return hash_derive_id(city_secret, parts, 3);
}

int name_compare(struct name a, struct name b) {
    if (a.node != b.node)
        return a.node < b.node ? -1 : 1;
    return (a.tag > b.tag) - (a.tag < b.tag);
}

bool name_equal(struct name a, struct name b) {
    return a.node == b.node && a.tag == b.tag;
}

const char *change_check(const struct change *c) {
    if (c->type == 0 || c->type > UINT16_MAX)
        return "the record type must be a number from 1 to 65535";
    if (c->op_count == 0)
        return "a change without operations changes nothing";
    if (c->op_count > LIMIT_CHANGE_FIELDS)
        return "too many operations in one change; split it";
    for (size_t i = 0; i < c->op_count; i++) {
        const struct op *o = &c->ops[i];
        if (o->field == 0 || o->field > UINT16_MAX)
            return "a field number must be from 1 to 65535";
        if (o->kind != OP_SET && o->kind != OP_ADD && o->kind != OP_REMOVE)
            return "an operation must be SET, ADD or REMOVE";
        if (o->value.len > LIMIT_VALUE_BYTES)
            return "a field value is too long";
        if (o->name_count > LIMIT_OP_NAMES)
            return "one operation replaces or removes too many values";
        if (o->kind == OP_ADD && (o->name_count > 0 || o->value.len == 0))
            return "ADD takes a value and replaces nothing";
        if (o->kind == OP_REMOVE && (o->name_count == 0 || o->value.len > 0))
            return "REMOVE names what it removes and has no value";
        for (size_t k = 0; k < i; k++)
            if (c->ops[k].field == o->field && (c->ops[k].kind == OP_REMOVE) == (o->kind == OP_REMOVE))
                return "one change holds at most one SET or ADD and one REMOVE of a field; use further changes";
        for (size_t k = 0; k < o->name_count; k++)
            if (name_equal(o->names[k], c->name))
                return "a change cannot replace itself";
    }
    return NULL;
}
