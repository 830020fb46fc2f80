#include "common/daemon/mapping.h"

#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"
#include "common/catalogue/banned.h"
#include "common/daemon/words.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- mapping files */

static void column_free(struct mapped_column *x) {
    free(x->column);
    free(x->type);
    free(x->field);
    json_decref(x->codes);
}

static bool target(const struct document *d, const struct document_node *n, struct mapped_column *x, struct complaints *c) {
    const char *text = document_text(n), *dot = text == NULL ? NULL : strchr(text, '.');
    if (dot == NULL || dot == text || dot[1] == '\0') {
        document_complain(d, n, c, "a target is written Type.field");
        return false;
    }
    x->type = strndup(text, (size_t)(dot - text));
    x->field = memory_text(dot + 1);
    if (banned_word(x->type) != NULL || banned_word(x->field) != NULL)
        document_complain(d, n, c, "%s: this system never holds such a thing", text);
    return true;
}

static void read_column(const struct document *d, const struct document_node *n, struct mapped_column *x, struct complaints *c) {
    static const char *const keys[] = {"to", "codes", NULL};
    if (document_kind(n) == DOCUMENT_SCALAR) {
        target(d, n, x, c);
        return;
    }
    document_only(d, n, keys, c);
    const struct document_node *codes = document_get(n, "codes");
    target(d, document_get(n, "to") == NULL ? n : document_get(n, "to"), x, c);
    if (codes == NULL || document_kind(codes) != DOCUMENT_MAP)
        return;
    x->codes = json_object();
    for (size_t i = 0; i < document_count(codes); i++) {
        const char *from = document_text(document_key(codes, i)), *to = document_text(document_item(codes, i));
        if (from != NULL && to != NULL)
            json_object_set_new(x->codes, from, json_string(to));
    }
}

static struct mapped_column *add(struct mapped_column **list, size_t *count, const char *column) {
    *list = memory_resize(*list, (*count + 1) * sizeof **list);
    struct mapped_column *x = &(*list)[(*count)++];
    *x = (struct mapped_column){.column = memory_text(column)};
    return x;
}

struct mapping *mapping_load(const char *path, struct complaints *c) {
    static const char *const keys[] = {"table", "record", "key", "left_out", "columns", "also", NULL};
    unsigned before = c->count;
    struct document *d = document_load(path, c);
    if (d == NULL)
        return NULL;
    struct mapping *m = memory_zeroed(1, sizeof *m);
    const struct document_node *root = document_root(d), *columns = document_get(root, "columns"), *also = document_get(root, "also");
    const struct document_node *out = document_get(root, "left_out");
    const char *table = document_text(document_get(root, "table")), *record = document_text(document_get(root, "record")),
               *key = document_text(document_get(root, "key"));
    document_only(d, root, keys, c);
    if (table == NULL || record == NULL || key == NULL || columns == NULL || document_kind(columns) != DOCUMENT_MAP)
        document_complain(d, root, c, "a mapping has table, record, key and columns");
    m->table = memory_text(table == NULL ? "" : table);
    m->record = memory_text(record == NULL ? "" : record);
    m->key = memory_text(key == NULL ? "" : key);
    for (size_t i = 0; i < document_count(columns); i++) {
        const char *column = document_text(document_key(columns, i));
        if (column == NULL) {
            document_complain(d, document_item(columns, i), c, "a column is a name and its target: NAME: Type.field");
            continue;
        }
        if (banned_word(column) != NULL)
            document_complain(
                d, document_key(columns, i), c, "column %s goes nowhere: this system never holds such a thing; it belongs in left_out",
                column);
        read_column(d, document_item(columns, i), add(&m->columns, &m->column_count, column), c);
    }
    for (size_t i = 0; i < document_count(out); i++)
        if (document_text(document_item(out, i)) != NULL)
            add(&m->columns, &m->column_count, document_text(document_item(out, i)));
    for (size_t i = 0; i < document_count(also); i++) {
        const char *value = document_text(document_item(also, i));
        target(d, document_key(also, i), add(&m->also, &m->also_count, value == NULL ? "" : value), c);
    }
    document_free(d);
    return c->count == before ? m : mapping_free(m);
}

struct mapping *mapping_free(struct mapping *m) {
    if (m == NULL)
        return NULL;
    for (size_t i = 0; i < m->column_count; i++)
        column_free(&m->columns[i]);
    for (size_t i = 0; i < m->also_count; i++)
        column_free(&m->also[i]);
    free(m->columns);
    free(m->also);
    free(m->table);
    free(m->record);
    free(m->key);
    free(m);
    return NULL;
}

const struct mapped_column *mapping_column(const struct mapping *m, const char *column) {
    for (size_t i = 0; i < m->column_count; i++)
        if (strcmp(m->columns[i].column, column) == 0)
            return &m->columns[i];
    return NULL;
}

/* The record of a type in the array, made when it is wanted and missing. */
static json_t *record_of(const struct mapping *m, json_t *all, const char *type, const char *op, const char *key, bool make) {
    size_t i;
    json_t *r;
    json_array_foreach(all, i, r) if (strcmp(json_string_value(json_object_get(r, "type")), type) == 0) return r;
    if (!make)
        return NULL;
    bool main_record = strcmp(type, m->record) == 0, set = strcmp(op, "set") == 0;
    /* What hangs on a row comes and goes with it: it is made when a value arrives, and need not be there. */
    r = json_pack("{s:s, s:s, s:s, s:{}}", "type", type, "key", key, "op", set && !main_record ? "create" : op, "fields");
    if (!main_record && strcmp(op, "delete") == 0)
        json_object_set_new(r, "optional", json_true());
    json_array_append_new(all, r);
    return r;
}

static void add_also(const struct mapping *m, json_t *all, const char *key) {
    size_t i;
    json_t *r;
    json_array_foreach(all, i, r) {
        if (strcmp(json_string_value(json_object_get(r, "op")), "create") != 0)
            continue;
        for (size_t k = 0; k < m->also_count; k++)
            if (strcmp(m->also[k].type, json_string_value(json_object_get(r, "type"))) == 0)
                json_object_set_new(
                    json_object_get(r, "fields"), m->also[k].field,
                    json_string(strcmp(m->also[k].column, "@key") == 0 ? key : m->also[k].column));
    }
}

json_t *mapping_records(
    const struct mapping *m, const char *op, const char *key, const char *const *columns, const char *const *values, size_t count, bool zh,
    struct buffer *why) {
    json_t *all = json_array();
    bool whole = strcmp(op, "adopt") == 0 || strcmp(op, "delete") == 0, set = strcmp(op, "set") == 0;
    if (!set)
        record_of(m, all, m->record, op, key, true);
    for (size_t i = 0; whole && i < m->column_count; i++) /* every record of the row */
        if (m->columns[i].type != NULL)
            record_of(m, all, m->columns[i].type, op, key, true);
    for (size_t i = 0; i < count; i++) {
        const struct mapped_column *x = mapping_column(m, columns[i]);
        if (x == NULL || x->type == NULL || values[i] == NULL || (*values[i] == '\0' && !set))
            continue;
        const char *value = values[i];
        if (x->codes != NULL && *value != '\0') {
            const json_t *code = json_object_get(x->codes, value);
            if (code == NULL) {
                buffer_format(why, words_in(zh, "column %s: '%s' is none of the values that the mapping knows"), columns[i], value);
                json_decref(all);
                return NULL;
            }
            value = json_string_value(code);
        }
        json_t *r = record_of(m, all, x->type, op, key, true);
        if (*value == '\0' && strcmp(x->type, m->record) != 0) { /* clearing makes nothing */
            json_object_set_new(r, "op", json_string("set"));
            json_object_set_new(r, "optional", json_true());
        }
        json_object_set_new(json_object_get(r, "fields"), x->field, json_string(value));
    }
    add_also(m, all, key);
    return all;
}

/* ---- CSV files */

struct csv_reading {
    struct csv_table *table;
    size_t column, line, start;
};

static void on_cell(void *at, size_t len, void *owner) {
    struct csv_reading *r = owner;
    struct csv_table *t = r->table;
    if (t->rows == 0)
        t->columns = r->column + 1;
    if (r->column < t->columns) {
        size_t place = t->rows * t->columns + r->column;
        if (t->rows == 0 || r->column == 0) {
            t->cells = memory_resize(t->cells, (place + t->columns + 1) * sizeof *t->cells);
            memset(t->cells + place, 0, (t->rows == 0 ? 1 : t->columns) * sizeof *t->cells);
        }
        t->cells[place] = memory_zeroed(len + 1, 1);
        if (len > 0)
            memcpy(t->cells[place], at, len);
    }
    for (size_t i = 0; i < len; i++)
        r->line += ((const char *)at)[i] == '\n';
    r->column++;
}

static void on_row(int end, void *owner) {
    struct csv_reading *r = owner;
    struct csv_table *t = r->table;
    (void)end;
    t->lines = memory_resize(t->lines, (t->rows + 1) * sizeof *t->lines);
    t->widths = memory_resize(t->widths, (t->rows + 1) * sizeof *t->widths);
    t->lines[t->rows] = r->start;
    t->widths[t->rows] = r->column;
    for (size_t i = r->column; t->rows > 0 && i < t->columns; i++)
        t->cells[t->rows * t->columns + i] = memory_text("");
    t->rows++;
    r->column = 0;
    r->start = ++r->line;
}

enum { CSV_BYTES = 256 << 20 };

static void complain(const char *path, size_t line, struct complaints *c, const char *what) {
    buffer_format(&c->text, "%s:%zu: %s\n", path, line, what);
    c->count++;
}

static bool from_gb18030(struct buffer *text) {
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    struct buffer out = {0};
    if (cd == (iconv_t)-1)
        return false;
    char *in = (char *)text->at, *to = (char *)buffer_grow(&out, text->len * 3 + 16);
    size_t left = text->len, room = out.len;
    bool good = iconv(cd, &in, &left, &to, &room) != (size_t)-1 && left == 0;
    iconv_close(cd);
    out.len -= room;
    if (!good) {
        buffer_close(&out);
        return false;
    }
    buffer_close(text);
    *text = out;
    return true;
}

bool csv_load(const char *path, struct csv_table *out, struct complaints *c) {
    struct buffer text = {0};
    struct csv_parser p;
    struct csv_reading r = {.table = out, .line = 1, .start = 1};
    *out = (struct csv_table){.rows = 0};
    int failed = file_read(path, CSV_BYTES, &text);
    if (failed != 0) {
        complain(path, 1, c, strerror(-failed));
        buffer_close(&text);
        return false;
    }
    if (!utf8_valid(buffer_bytes(&text)) && !from_gb18030(&text)) {
        complain(path, 1, c, "this file is neither UTF-8 nor GB18030; save it as \"CSV UTF-8\"");
        buffer_close(&text);
        return false;
    }
    size_t skip = text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    bool good =
        csv_parse(&p, text.at + skip, text.len - skip, on_cell, on_row, &r) == text.len - skip && csv_fini(&p, on_cell, on_row, &r) == 0;
    if (!good) {
        complain(
            path, r.line, c,
            "the quotes in or after this line are broken: a field in \"…\" ends with \" and a comma or the line's end, a quote inside is "
            "doubled");
        if (r.column > 0)
            on_row(-1, &r); /* what broke off belongs to the table too, and is freed with it */
    }
    if (good && out->rows == 0) {
        complain(path, 1, c, "the file is empty: its first line names the columns");
        good = false;
    }
    csv_free(&p);
    buffer_close(&text);
    return good;
}

void csv_close(struct csv_table *t) {
    for (size_t i = 0; i < t->rows * t->columns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t->lines);
    free(t->widths);
    *t = (struct csv_table){.rows = 0};
}
