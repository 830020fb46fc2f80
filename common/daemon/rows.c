#include "common/daemon/rows.h"

#include "common/catalogue/codes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *id_or_none(const struct id16 *id) {
    char hex[ID_HEX];
    return id_zero(id) ? json_null() : json_string(id_hex(id, hex));
}

json_t *audit_row(const struct audit_entry *e) {
    json_t *row = json_object();
    json_object_set_new(row, "n", json_integer((json_int_t)e->n));
    json_object_set_new(row, "at_ms", json_integer((json_int_t)e->at));
    json_object_set_new(row, "actor", id_or_none(&e->actor));
    json_object_set_new(row, "uid", e->has_uid ? json_integer(e->uid) : json_null());
    json_object_set_new(row, "action", json_string(audit_action_name(e->action)));
    json_object_set_new(row, "purpose", e->purpose == 0 ? json_null() : json_integer(e->purpose));
    json_object_set_new(row, "type", e->type == 0 ? json_null() : json_integer(e->type));
    json_object_set_new(row, "record", id_or_none(&e->record));
    json_object_set_new(row, "case", id_or_none(&e->case_id));
    json_object_set_new(row, "subject", id_or_none(&e->subject));
    json_object_set_new(
        row, "change", e->change.tag == 0 ? json_null() : json_sprintf("%u:%016llx", e->change.node, (unsigned long long)e->change.tag));
    json_object_set_new(row, "note", e->note.len == 0 ? json_null() : json_stringn((const char *)e->note.at, e->note.len));
    return row;
}

void audit_row_names(const struct catalogue *k, json_t *row) {
    const json_t *purpose = json_object_get(row, "purpose"), *type = json_object_get(row, "type");
    const struct catalogue_purpose *p = catalogue_purpose_number(k, (uint32_t)json_integer_value(purpose));
    char unknown[16];
    if (json_is_integer(purpose) && p != NULL)
        json_object_set_new(row, "purpose", json_string(p->name));
    if (json_is_integer(type))
        json_object_set_new(row, "type", json_string(type_name(k, (uint32_t)json_integer_value(type), unknown)));
}

json_t *audit_head_row(const char *whose, const char *keeper, const struct audit_kept *k) {
    struct buffer hash = {0};
    hex_encode(bytes_of(k->told.head.hash.b, sizeof k->told.head.hash.b), &hash);
    json_t *row = json_pack(
        "{s:s, s:s, s:I, s:s, s:o, s:I, s:I}", "whose", whose, "keeper", keeper, "n", (json_int_t)k->told.head.n, "hash",
        buffer_string(&hash), "life", id_or_none(&k->told.head.life), "told_ms", (json_int_t)k->told.at, "heard_ms", (json_int_t)k->heard);
    json_object_set_new(row, "broken", k->verdict == AUDIT_EXTENDS ? json_null() : json_string(audit_verdict_text(k->verdict)));
    json_object_set_new(row, "now", k->verdict == AUDIT_EXTENDS ? json_null() : json_integer((json_int_t)k->said.n));
    buffer_close(&hash);
    return row;
}

bool audit_concerns(const struct audit_entry *e, const struct id16 *person) {
    return !id_zero(person) && (id_equal(&e->record, person) || id_equal(&e->subject, person));
}

const char *when_text(uint64_t ms, char out[32]) {
    struct tm tm;
    time_t at = (time_t)(ms / 1000);
    localtime_r(&at, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M", &tm);
    return out;
}

bool when_parse(const char *text, bool end, uint64_t *ms) {
    struct tm tm = {.tm_isdst = -1};
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    bool day = rest != NULL && *rest == '\0';
    if (rest != NULL && (*rest == ' ' || *rest == 'T'))
        rest = strptime(rest + 1, "%H:%M", &tm);
    if (rest == NULL || *rest != '\0')
        return false;
    if (day && end)
        tm.tm_mday++; /* mktime makes it a day; the hour of a day in which clocks are set is right too */
    time_t at = mktime(&tm);
    *ms = (uint64_t)at * 1000 + (end && !day ? 60000 : 0) - end;
    return at > 0;
}

static const char *action_words(const char *action, bool zh) {
    static const struct {
        const char *action, *en, *zh;
    } all[] = {
        {"read", "looked at", "查看了"},
        {"search", "found by a search", "通过检索查到"},
        {"export", "exported", "导出了"},
        {"history", "looked at the history of", "查看了更改历史："},
        {"refused", "asked for, and was refused,", "申请未获准："},
        {"log", "looked up who had seen", "查阅了访问记录："},
        {"print", "printed", "打印了"},
        {"change", "changed", "更改了"},
        {"decide", "decided between values of", "裁定了并存的值："},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].action, action) == 0)
            return zh ? all[i].zh : all[i].en;
    return action;
}

static const char *text_of(const json_t *row, const char *name) {
    const char *t = json_string_value(json_object_get(row, name));
    return t == NULL ? "" : t;
}

json_t *audit_words(const struct catalogue *k, const struct rules *r, const json_t *row, const char *office, bool zh) {
    const struct catalogue_purpose *p = catalogue_purpose(k, text_of(row, "purpose"));
    const struct catalogue_type *t = catalogue_type(k, text_of(row, "type"));
    const char *purpose = p == NULL ? text_of(row, "purpose") : zh && p->zh != NULL ? p->zh : p->name;
    const struct rules none = {.sources = NULL};
    const char *type = t == NULL ? text_of(row, "type") : label_type(r == NULL ? &none : r, t, zh ? "zh" : "en");
    const char *action = action_words(text_of(row, "action"), zh);
    json_t *out = json_object();
    char at[32];
    when_text((uint64_t)json_integer_value(json_object_get(row, "at_ms")), at);
    static const char *const same[] = {"at_ms", "action", "purpose", "type", "record", "case"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        json_object_set(out, same[i], json_object_get(row, same[i]));
    json_object_set_new(out, "office", json_string(office));
    json_object_set_new(
        out, "words",
        zh ? json_sprintf("%s %s%s%s记录，用途：%s", at, office, action, type, purpose)
           : json_sprintf("%s %s %s the %s record; what for: %s", at, office, action, type, purpose));
    return out;
}

void order_words(const struct request *q, struct buffer *out) {
    const struct command *c = request_command(q);
    char *names = memory_text(c->arguments), *rest = names, *name;
    buffer_text(out, c->name);
    while ((name = strsep(&rest, " ")) != NULL) {
        name[strcspn(name, "?*")] = '\0';
        const char *value = *name == '\0' || strcmp(name, "file") == 0 || strcmp(name, "token") == 0 ? NULL : request_text(q, name);
        if (value != NULL)
            buffer_format(out, " %s", value);
    }
    free(names);
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

struct ranked {
    json_t *row, *by; /* borrow */
    size_t place;
    bool down;
};

static int by_field(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    bool none = a->by == NULL || json_is_null(a->by), other = b->by == NULL || json_is_null(b->by);
    int order = 0;
    if (none || other)
        order = none - other;
    else if (json_is_string(a->by) && json_is_string(b->by))
        order = strverscmp(json_string_value(a->by), json_string_value(b->by));
    else if (json_is_boolean(a->by))
        order = json_is_true(a->by) - json_is_true(b->by);
    else
        order = (json_number_value(a->by) > json_number_value(b->by)) - (json_number_value(a->by) < json_number_value(b->by));
    if (order != 0)
        return a->down && !none && !other ? -order : order;
    return a->place < b->place ? -1 : 1;
}

json_t *rows_sorted_by(json_t *rows, const char *field, bool down) {
    size_t n = json_array_size(rows);
    struct ranked *all = memory_zeroed(n + 1, sizeof *all);
    json_t *sorted = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array_get(rows, i);
        all[i] = (struct ranked){.row = row, .by = json_object_get(row, field), .place = i, .down = down};
    }
    qsort(all, n, sizeof *all, by_field);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, all[i].row);
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
