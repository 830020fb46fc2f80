#include "common/catalogue/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *type_name(const struct catalogue *k, uint32_t type, char out[16]) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    if (t != NULL)
        return t->name;
    if (type == TYPE_OFFICE)
        return "Office";
    if (type == TYPE_POLICY)
        return "PolicyDocument";
    snprintf(out, 16, "type-%" PRIu32, type);
    return out;
}

const char *field_name(const struct catalogue *k, uint32_t type, uint32_t field, char out[24]) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, field);
    if (f != NULL)
        return f->name;
    if (common_field_name(field) != NULL)
        return common_field_name(field);
    snprintf(out, 24, "field-%" PRIu32, field);
    return out;
}

void value_show(struct bytes packed, struct buffer *out) {
    struct value v;
    if (!value_unpack(packed, &v))
        hex_encode(packed, out);
    else if (v.kind == VALUE_REFERENCE && v.reference.key.len > 0)
        buffer_add(out, v.reference.key);
    else
        value_text(&v, out);
}

json_t *value_json(struct bytes packed) {
    struct buffer b = {0};
    value_show(packed, &b);
    json_t *text = json_stringn(buffer_string(&b), b.len);
    if (text == NULL) { /* a later build's text form may be no UTF-8 */
        buffer_clear(&b);
        hex_encode(packed, &b);
        text = json_stringn(buffer_string(&b), b.len);
    }
    buffer_close(&b);
    return text;
}

static json_t *sides_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->head_count; i++)
        json_array_append_new(
            all, json_pack(
                     "{s:o, s:I, s:I}", "value", value_json(f->heads[i].value), "node", (json_int_t)f->heads[i].version.node, "at_ms",
                     (json_int_t)hlc_ms(f->heads[i].version.hlc)));
    return all;
}

static json_t *elements_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->element_count; i++)
        json_array_append_new(all, value_json(f->elements[i].value));
    return all;
}

/* Which offices took the record up, and why (FIELD_TAKEN_UP). */
static json_t *takers_of(const struct field *f) {
    json_t *all = json_array();
    for (size_t i = 0; i < f->element_count; i++) {
        static const char *const names[] = {"area", "reason", "actor"};
        json_t *one = json_pack(
            "{s:I, s:I}", "node", (json_int_t)f->elements[i].version.node, "at_ms", (json_int_t)hlc_ms(f->elements[i].version.hlc));
        struct value v;
        struct bytes item;
        if (value_unpack(f->elements[i].value, &v) && v.kind == VALUE_LIST)
            for (size_t k = 0; k < 3 && value_item(&v.list, &item); k++)
                json_object_set_new(one, names[k], json_stringn((const char *)item.at, item.len));
        json_array_append_new(all, one);
    }
    return all;
}

json_t *record_show(const struct catalogue *k, const struct record *r, bool sides) {
    json_t *fields = json_object(), *concurrent = json_array(), *both = json_object(), *out;
    char id[ID_HEX], unknown[16], number[24];
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        const struct head *winner = field_winner(f);
        if (f->number < FIELD_OWN)
            continue;
        const char *name = field_name(k, r->type, f->number, number);
        if (winner != NULL && winner->value.len > 0)
            json_object_set_new(fields, name, value_json(winner->value));
        else if (f->element_count > 0)
            json_object_set_new(fields, name, elements_of(f));
        if (field_concurrent(f)) {
            json_array_append_new(concurrent, json_string(name));
            json_object_set_new(both, name, sides_of(f));
        }
    }
    const struct head *key = field_winner(record_field(r, FIELD_KEY)), *home = field_winner(record_field(r, FIELD_HOME));
    out = json_pack(
        "{s:s, s:s, s:o?, s:o?, s:b, s:o, s:o}", "type", type_name(k, r->type, unknown), "id", id_hex(&r->id, id), "key",
        key == NULL ? NULL : value_json(key->value), "home", home == NULL ? NULL : value_json(home->value), "deleted", record_deleted(r),
        "fields", fields, "concurrent", concurrent);
    const struct field *taken = record_field(r, FIELD_TAKEN_UP);
    if (taken != NULL && taken->element_count > 0)
        json_object_set_new(out, "taken_up", takers_of(taken));
    if (sides)
        json_object_set_new(out, "sides", both);
    else
        json_decref(both);
    return out;
}

bool field_names_subject(const struct catalogue *k, uint32_t type, uint32_t field) {
    const struct catalogue_type *t = catalogue_type_number(k, type);
    const struct catalogue_field *f = t == NULL ? NULL : type_field_number(t, field);
    return field == FIELD_SUBJECT || (f != NULL && f->refers != NULL && strcmp(f->refers, "Person") == 0);
}

void subject_fields(const struct catalogue *k, struct buffer *out) {
    for (size_t i = 0; i < k->type_count; i++)
        for (size_t f = 0; f < k->types[i].field_count; f++)
            if (field_names_subject(k, k->types[i].number, k->types[i].fields[f].number)) {
                buffer_u32be(out, k->types[i].number);
                buffer_u32be(out, k->types[i].fields[f].number);
            }
}

static bool names_subject(struct bytes list, uint32_t type, uint32_t field) {
    struct reader r = {.rest = list};
    while (r.rest.len > 0) {
        uint32_t its = reader_u32be(&r);
        if (reader_u32be(&r) == field && its == type)
            return true;
    }
    return field == FIELD_SUBJECT;
}

struct id16 record_subject(struct bytes list, const struct record *r) {
    struct value v;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct head *h = field_winner(&r->fields[i]);
        if (h != NULL && names_subject(list, r->type, r->fields[i].number) && value_unpack(h->value, &v) && v.kind == VALUE_REFERENCE)
            return v.reference.id;
    }
    return (struct id16){{0}};
}
