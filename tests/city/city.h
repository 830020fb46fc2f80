/* Small helpers of the sample city's programs, which judge the product and therefore share no code with it: text that lives until
 * the end, CSV in and out, growing arrays. Every failure ends the program with a message and exit code 2: these are one-shot tools. */
#pragma once

#include <csv.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 2), noreturn)) static inline void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

/* ---- memory: one pool for all text, freed in one go */
struct pool {
    struct pool_block *last; /* owns */
};
struct pool_block {
    struct pool_block *before;
    size_t used, size;
    char bytes[];
};

static inline void *pool_take(struct pool *p, size_t n) {
    n = (n + 15) & ~(size_t)15;
    if (p->last == NULL || p->last->size - p->last->used < n) {
        size_t size = n > 65536 ? n : 65536;
        struct pool_block *b = calloc(1, sizeof *b + size);
        if (b == NULL)
            die("out of memory");
        *b = (struct pool_block){.before = p->last, .size = size};
        p->last = b;
    }
    void *at = p->last->bytes + p->last->used;
    p->last->used += n;
    return at;
}

static inline void pool_close(struct pool *p) {
    while (p->last != NULL) {
        struct pool_block *b = p->last;
        p->last = b->before;
        free(b);
    }
}

static inline const char *text_copy(struct pool *p, const char *text, size_t length) {
    char *copy = pool_take(p, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

__attribute__((format(printf, 2, 3))) static inline const char *text_make(struct pool *p, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof text)
        die("a text of %d bytes is too long", n);
    return text_copy(p, text, (size_t)n);
}

/* Room for one more item in an array that doubles; returns the array, maybe moved. */
static inline void *array_grow(void *array, size_t count, size_t *room, size_t item_bytes) {
    if (count < *room)
        return array;
    *room = *room == 0 ? 64 : *room * 2;
    array = reallocarray(array, *room, item_bytes);
    if (array == NULL)
        die("out of memory");
    return array;
}

/* ---- CSV in: a whole file as cells, the first row names the columns */
struct table {
    const char *path;
    const char **cells; /* owns the array; the text is the pool's */
    size_t columns, rows, count, room, filled;
    struct pool *pool;
};

static inline void table_cell(void *text, size_t length, void *context) {
    struct table *t = context;
    t->cells = array_grow(t->cells, t->count, &t->room, sizeof *t->cells);
    t->cells[t->count++] = text == NULL ? "" : text_copy(t->pool, text, length);
    t->filled++;
}

static inline void table_row(int end, void *context) {
    struct table *t = context;
    (void)end;
    if (t->columns == 0)
        t->columns = t->filled;
    else if (t->filled != t->columns)
        die("%s: row %zu has %zu cells, the header %zu", t->path, t->rows + 2, t->filled, t->columns);
    else
        t->rows++;
    t->filled = 0;
}

static inline int table_no_space(unsigned char c) {
    (void)c;
    return 0; /* libcsv trims cells otherwise */
}

static inline struct table table_read(struct pool *pool, const char *path) {
    struct table t = {.path = path, .pool = pool};
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die("%s: %s", path, strerror(errno));
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        die("out of memory");
    csv_set_space_func(&parser, table_no_space);
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        if (csv_parse(&parser, block, n, table_cell, table_row, &t) != n)
            die("%s: row %zu: %s", path, t.rows + 2, csv_strerror(csv_error(&parser)));
    if (ferror(f) || csv_fini(&parser, table_cell, table_row, &t) != 0)
        die("%s: cannot be read to its end", path);
    csv_free(&parser);
    fclose(f);
    if (t.columns == 0)
        die("%s: no header line", path);
    return t;
}

static inline void table_close(struct table *t) {
    free(t->cells);
    t->cells = NULL;
}

static inline const char *table_name(const struct table *t, size_t column) {
    return t->cells[column];
}

static inline const char *table_at(const struct table *t, size_t row, size_t column) {
    return t->cells[(row + 1) * t->columns + column];
}

static inline size_t table_column(const struct table *t, const char *name) {
    for (size_t i = 0; i < t->columns; i++)
        if (strcmp(t->cells[i], name) == 0)
            return i;
    die("%s: no column %s", t->path, name);
}

/* ---- output */
static inline FILE *file_create(const char *path) {
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        die("%s: %s", path, strerror(errno));
    return f;
}

static inline void file_finish(FILE *f, const char *path) {
    bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        die("%s: could not be written", path);
}

static inline void csv_put(FILE *f, const char *text, bool last) {
    if (strpbrk(text, ",\"\n\r") == NULL)
        fputs(text, f);
    else
        csv_fwrite(f, text, strlen(text));
    fputc(last ? '\n' : ',', f);
}

/* A value in a line of tab-separated text. */
static inline void tsv_put(FILE *f, const char *text, bool last) {
    for (; *text != '\0'; text++) {
        const char *special = strchr("\t\n\r\\", *text);
        if (special == NULL)
            fputc(*text, f);
        else
            fprintf(f, "\\%c", "tnr\\"[special - "\t\n\r\\"]);
    }
    fputc(last ? '\n' : '\t', f);
}
