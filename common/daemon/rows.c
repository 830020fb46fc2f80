#include "common/daemon/rows.h"

json_t *access_show(const struct catalogue *k, const struct access_entry *e) {
    char actor[ID_HEX], record[ID_HEX], for_case[ID_HEX], unknown[16];
    const struct catalogue_purpose *p = catalogue_purpose_number(k, e->purpose);
    json_t *row = json_pack(
        "{s:I, s:s, s:s, s:I, s:s, s:s}", "at_ms", (json_int_t)e->at, "actor", id_hex(&e->actor, actor), "action",
        access_action_name(e->action), "purpose", (json_int_t)e->purpose, "type", e->type == 0 ? "" : type_name(k, e->type, unknown),
        "record", id_zero(&e->record) ? "" : id_hex(&e->record, record));
    if (p != NULL)
        json_object_set_new(row, "purpose", json_string(p->name));
    json_object_set_new(row, "case", id_zero(&e->case_id) ? json_null() : json_string(id_hex(&e->case_id, for_case)));
    return row;
}

json_t *record_show_raw(const struct record *r, bool hash) {
    struct buffer form = {0}, hex = {0};
    char id[ID_HEX];
    json_t *row = NULL;
    record_canonical(r, &form);
    if (form.len > 0) {
        struct hash h = hash_of(buffer_bytes(&form));
        hex_encode(hash ? bytes_of(h.b, sizeof h.b) : buffer_bytes(&form), &hex);
        row = json_pack(
            "{s:I, s:s, s:s#}", "type", (json_int_t)r->type, "id", id_hex(&r->id, id), hash ? "hash" : "raw", buffer_string(&hex),
            (int)hex.len);
    }
    buffer_close(&form);
    buffer_close(&hex);
    return row;
}
