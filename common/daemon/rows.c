#include "common/daemon/rows.h"

#include <stdlib.h>
#include <string.h>

static json_t *id_or_none(const struct id16 *id) {
    char hex[ID_HEX];
    return id_zero(id) ? json_null() : json_string(id_hex(id, hex));
}

json_t *audit_show(const struct catalogue *k, const struct audit_entry *e) {
    char unknown[16];
    const struct catalogue_purpose *p = catalogue_purpose_number(k, e->purpose);
    json_t *row = json_object();
    json_object_set_new(row, "n", json_integer((json_int_t)e->n));
    json_object_set_new(row, "at_ms", json_integer((json_int_t)e->at));
    json_object_set_new(row, "actor", id_or_none(&e->actor));
    json_object_set_new(row, "uid", e->has_uid ? json_integer(e->uid) : json_null());
    json_object_set_new(row, "action", json_string(audit_action_name(e->action)));
    json_object_set_new(row, "purpose", p != NULL ? json_string(p->name) : e->purpose == 0 ? json_null() : json_integer(e->purpose));
    json_object_set_new(row, "type", e->type == 0 ? json_null() : json_string(type_name(k, e->type, unknown)));
    json_object_set_new(row, "record", id_or_none(&e->record));
    json_object_set_new(row, "case", id_or_none(&e->case_id));
    json_object_set_new(row, "subject", id_or_none(&e->subject));
    json_object_set_new(
        row, "change", e->change.tag == 0 ? json_null() : json_sprintf("%u:%016llx", e->change.node, (unsigned long long)e->change.tag));
    json_object_set_new(row, "note", e->note.len == 0 ? json_null() : json_stringn((const char *)e->note.at, e->note.len));
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

json_t *rows_sorted(json_t *rows, int (*compare)(const void *, const void *)) {
    size_t n = json_array_size(rows);
    json_t **all = memory_zeroed(n + 1, sizeof(json_t *)), *sorted = json_array();
    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(rows, i);
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, all[i]);
    json_decref(rows);
    free(all);
    return sorted;
}

static void tell_fields(struct request *q, const char *only, const struct field_text *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (only == NULL || strcmp(only, table[i].command) == 0)
            request_row(
                q, json_pack(
                       "{s:s, s:s, s:s, s:s, s:s}", "command", table[i].command, "field", table[i].field, "unit", table[i].unit, "text",
                       table[i].text, "text_zh", table[i].text_zh));
}

void schema_answer(struct request *q, const struct field_text *table, size_t count) {
    /* Of the commands that every daemon has. */
    static const struct field_text every[] = {
        {"hello", "protocol", "", "name of this protocol", "协议名称"},
        {"hello", "v", "", "its version", "协议版本"},
        {"hello", "program", "", "which daemon answers", "程序名称"},
        {"hello", "version", "", "its version", "程序版本"},
        {"hello", "level", "", "what this socket may do: status, admin", "本套接字的权限级别"},
        {"version", "program", "", "which daemon answers", "程序名称"},
        {"version", "version", "", "its version", "程序版本"},
        {"version", "store_format", "", "number of the form of its stores", "存储格式号"},
        {"version", "protocol", "", "version of what hub and node say", "同步协议版本"},
        {"commands", "name", "", "the command", "命令"},
        {"commands", "level", "", "the socket that it needs", "所需权限级别"},
        {"commands", "arguments", "", "names of its words: ? may be missing, * takes the rest", "参数"},
        {"commands", "options", "", "its options: = takes a value", "选项"},
        {"commands", "columns", "", "of its rows in a table; none: the answer is one object", "表格列"},
        {"commands", "summary", "", "what it does", "说明(英文)"},
        {"commands", "summary_zh", "", "what it does, in Chinese", "说明(中文)"},
        {"limits", "name", "", "the limit", "限制名称"},
        {"limits", "value", "see unit", "its value", "限制值"},
        {"limits", "unit", "", "what it counts in", "单位"},
        {"limits", "what", "", "what is limited", "限制对象"},
        {"schema", "command", "", "the command", "命令"},
        {"schema", "field", "", "a field of its answer", "字段"},
        {"schema", "unit", "", "what it counts in", "单位"},
        {"schema", "text", "", "what it means", "含义(英文)"},
        {"schema", "text_zh", "", "what it means, in Chinese", "含义(中文)"},
    };
    const char *only = request_text(q, "command");
    tell_fields(q, only, every, sizeof every / sizeof *every);
    tell_fields(q, only, table, count);
    request_end(q);
}
