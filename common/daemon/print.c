#include "common/daemon/print.h"

#include "common/base/bytes.h"
#include "common/base/memory.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

bool print_form_parse(const char *text, enum print_form *out) {
    static const char *const names[] = {"table", "json", "jsonl", "name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum print_form)i;
            return true;
        }
    return false;
}

static FILE *out_of(const struct print *p) {
    return p->out == NULL ? stdout : p->out;
}

static void put_line(const struct print *p, const char *text) {
    fputs(text, out_of(p));
    fputc('\n', out_of(p));
}

/* A value in one cell. */
static void cell(const json_t *v, struct buffer *out) {
    if (json_is_string(v)) {
        buffer_text(out, json_string_value(v));
    } else if (json_is_null(v) || v == NULL || (json_is_array(v) && json_array_size(v) == 0)) {
        buffer_text(out, "-");
    } else {
        char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII * 0);
        buffer_text(out, text == NULL ? "?" : text);
        free(text);
    }
}

static void print_line(const struct print *p, const json_t *row) {
    char *text = json_dumps(row, JSON_COMPACT);
    if (text != NULL)
        put_line(p, text);
    free(text);
}

static void print_name(const struct print *p, const json_t *row) {
    static const char *const names[] = {"raw", "hash", "id", "node", "name", "area"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *v = json_object_get(row, names[i]);
        struct buffer b = {0};
        if (v == NULL)
            continue;
        cell(v, &b);
        put_line(p, buffer_string(&b));
        buffer_close(&b);
        return;
    }
}

void print_row(void *owner, const json_t *row) {
    struct print *p = owner;
    if (p->form == PRINT_JSONL)
        print_line(p, row);
    else if (p->form == PRINT_NAME)
        print_name(p, row);
    else {
        if (p->rows == NULL)
            p->rows = json_array();
        json_array_append(p->rows, (json_t *)(uintptr_t)row);
    }
}

static void print_object(FILE *out, const json_t *o, unsigned indent) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        struct buffer b = {0};
        if (json_is_object(v) && json_object_size(v) > 0) {
            fprintf(out, "%*s%s:\n", (int)indent, "", key);
            print_object(out, v, indent + 2);
        } else {
            cell(v, &b);
            fprintf(out, "%*s%-*s %s\n", (int)indent, "", 20 - (int)indent, key, buffer_string(&b));
        }
        buffer_close(&b);
    }
}

/* A command may answer in several ways: columns that no row has are left out. */
static bool any_has(const json_t *rows, const char *name) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (json_object_get(row, name) != NULL) return true;
    return false;
}

static void print_table(const struct print *p) {
    struct libscols_table *t = scols_new_table();
    char *names = memory_text(p->columns), *rest = names, *name;
    char *columns[32];
    size_t count = 0, i;
    json_t *row;
    scols_table_set_stream(t, out_of(p));
    scols_table_enable_noheadings(t, p->no_header);
    while ((name = strsep(&rest, " ")) != NULL && count < 32)
        if (*name != '\0' && any_has(p->rows, name)) {
            columns[count++] = name;
            scols_table_new_column(t, name, 0, 0);
        }
    json_array_foreach(p->rows, i, row) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        for (size_t k = 0; k < count; k++) {
            struct buffer b = {0};
            cell(json_object_get(row, columns[k]), &b);
            scols_line_set_data(line, k, buffer_string(&b));
            buffer_close(&b);
        }
    }
    scols_print_table(t);
    scols_unref_table(t);
    free(names);
}

void print_end(struct print *p) {
    if (p->form == PRINT_JSON) {
        const json_t *what = *p->columns == '\0' && json_array_size(p->rows) == 1 ? json_array_get(p->rows, 0) : p->rows;
        char *text = what == NULL ? NULL : json_dumps(what, JSON_INDENT(1));
        put_line(p, text == NULL ? "[]" : text);
        free(text);
    } else if (p->form == PRINT_TABLE && p->rows != NULL) {
        if (*p->columns == '\0')
            print_object(out_of(p), json_array_get(p->rows, 0), 0);
        else
            print_table(p);
    }
    json_decref(p->rows);
    p->rows = NULL;
}
