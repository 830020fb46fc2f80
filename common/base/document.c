#include "common/base/document.h"

#include "common/base/file.h"
#include "common/base/invariant.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { COMPLAINTS_MOST = 1000 /* that are told; the others only count */, KEYS_MOST = 128 /* that a document_only may know */ };

struct document_node {
    enum document_kind kind;
    char *text; /* owns; a scalar's */
    bool plain;
    size_t line, column;
    struct document_node **keys, **items; /* owns the arrays and what they point to */
    size_t count;
};

struct document {
    char *name;
    struct document_node *root;
};

void complaints_say(struct complaints *c, const char *about, const char *what) {
    buffer_format(&c->text, "%s: %s\n", about, what);
    c->count++;
}

void complaints_close(struct complaints *c) {
    buffer_close(&c->text);
    c->count = 0;
}

static void complain_at(const char *name, size_t line, size_t column, struct complaints *c, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));
static void complain_at(const char *name, size_t line, size_t column, struct complaints *c, const char *format, va_list args) {
    char text[1024];
    if (c->count < COMPLAINTS_MOST) {
        vsnprintf(text, sizeof text, format, args);
        buffer_format(&c->text, "%s:%zu:%zu: %s\n", name, line, column, text);
    } else if (c->count == COMPLAINTS_MOST) {
        buffer_format(&c->text, "%s:%zu:%zu: more is wrong than is said here\n", name, line, column);
    }
    c->count++;
}

static void complain(const char *name, size_t line, size_t column, struct complaints *c, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void complain(const char *name, size_t line, size_t column, struct complaints *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    complain_at(name, line, column, c, format, args);
    va_end(args);
}

void document_complain(const struct document *d, const struct document_node *at, struct complaints *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    complain_at(d->name, at == NULL ? 1 : at->line, at == NULL ? 1 : at->column, c, format, args);
    va_end(args);
}

size_t document_line(const struct document_node *n) {
    return n->line;
}

/* ---- from libyaml's document to our tree; an alias is copied, and counted, each time */

struct copying {
    const char *name;
    yaml_document_t *yaml;
    struct complaints *c;
    size_t nodes;
    bool stopped;
};

enum { DEPTH_MAX = 16 };

static struct document_node *copy(struct copying *y, int index, unsigned depth);

static struct document_node *node_free(struct document_node *n) {
    if (n == NULL)
        return NULL;
    for (size_t i = 0; i < n->count; i++) {
        if (n->keys != NULL)
            node_free(n->keys[i]);
        node_free(n->items[i]);
    }
    free(n->text);
    free(n->keys);
    free(n->items);
    free(n);
    return NULL;
}

static void copy_scalar(struct copying *y, const yaml_node_t *from, struct document_node *n) {
    struct bytes text = bytes_of(from->data.scalar.value, from->data.scalar.length);
    n->kind = DOCUMENT_SCALAR;
    n->plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!utf8_valid(text)) {
        complain(y->name, n->line, n->column, y->c, "this text is not valid UTF-8; save the file as UTF-8");
        text = BYTES("");
    }
    n->text = memory_zeroed(text.len + 1, 1);
    if (text.len > 0)
        memcpy(n->text, text.at, text.len);
}

static void copy_list(struct copying *y, const yaml_node_t *from, struct document_node *n, unsigned depth) {
    const yaml_node_item_t *first = from->data.sequence.items.start;
    n->kind = DOCUMENT_LIST;
    n->count = (size_t)(from->data.sequence.items.top - first);
    n->items = memory_zeroed(n->count + 1, sizeof *n->items);
    for (size_t i = 0; i < n->count; i++)
        n->items[i] = copy(y, first[i], depth + 1);
}

static void copy_map(struct copying *y, const yaml_node_t *from, struct document_node *n, unsigned depth) {
    const yaml_node_pair_t *first = from->data.mapping.pairs.start;
    n->kind = DOCUMENT_MAP;
    n->count = (size_t)(from->data.mapping.pairs.top - first);
    n->items = memory_zeroed(n->count + 1, sizeof *n->items);
    n->keys = memory_zeroed(n->count + 1, sizeof *n->keys);
    for (size_t i = 0; i < n->count; i++) {
        n->keys[i] = copy(y, first[i].key, depth + 1);
        n->items[i] = copy(y, first[i].value, depth + 1);
        if (n->keys[i]->kind != DOCUMENT_SCALAR)
            complain(y->name, n->keys[i]->line, n->keys[i]->column, y->c, "a key must be a plain word");
    }
}

static struct document_node *copy(struct copying *y, int index, unsigned depth) {
    struct document_node *n = memory_zeroed(1, sizeof *n);
    const yaml_node_t *from = yaml_document_get_node(y->yaml, index);
    n->line = from == NULL ? 1 : from->start_mark.line + 1;
    n->column = from == NULL ? 1 : from->start_mark.column + 1;
    if (from == NULL || y->stopped || ++y->nodes > LIMIT_DOCUMENT_NODES || depth > DEPTH_MAX) {
        if (!y->stopped)
            complain(
                y->name, n->line, n->column, y->c, "too much: more than %d values, aliases counted each time, or more than %d levels",
                LIMIT_DOCUMENT_NODES, DEPTH_MAX);
        y->stopped = true;
        n->text = memory_text("");
        return n;
    }
    if (from->type == YAML_SEQUENCE_NODE)
        copy_list(y, from, n, depth);
    else if (from->type == YAML_MAPPING_NODE)
        copy_map(y, from, n, depth);
    else
        copy_scalar(y, from, n);
    return n;
}

struct document *document_read(const char *name, struct bytes text, struct complaints *c) {
    yaml_parser_t parser;
    yaml_document_t yaml;
    unsigned before = c->count;
    if (text.len > LIMIT_DOCUMENT_BYTES) {
        complain(name, 1, 1, c, "the file has more than %d bytes", LIMIT_DOCUMENT_BYTES);
        return NULL;
    }
    struct document *d = memory_zeroed(1, sizeof *d);
    d->name = memory_text(name);
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING); /* a mark at the beginning does not make it another */
    yaml_parser_set_input_string(&parser, text.at, text.len);
    bool loaded = yaml_parser_load(&parser, &yaml) != 0, context = parser.context != NULL;
    if (!loaded && parser.error == YAML_READER_ERROR) {
        size_t line = 1;
        for (size_t i = 0; i < parser.problem_offset && i < text.len; i++)
            line += text.at[i] == '\n';
        complain(name, line, 1, c, "this is no UTF-8 text (%s); save the file as UTF-8", parser.problem);
    } else if (!loaded) {
        complain(
            name, parser.problem_mark.line + 1, parser.problem_mark.column + 1, c, "%s%s%s",
            parser.problem == NULL ? "this is no YAML" : parser.problem, context ? " " : "", context ? parser.context : "");
    } else {
        struct copying y = {.name = name, .yaml = &yaml, .c = c};
        if (yaml_document_get_root_node(&yaml) == NULL)
            complain(name, 1, 1, c, "the file is empty");
        else
            d->root = copy(&y, 1, 0);
        yaml_document_delete(&yaml);
    }
    yaml_parser_delete(&parser);
    return c->count == before ? d : document_free(d);
}

struct document *document_load(const char *path, struct complaints *c) {
    struct buffer text = {0};
    int r = file_read(path, LIMIT_DOCUMENT_BYTES, &text);
    struct document *d = NULL;
    if (r == 0 || r == -EFBIG) /* document_read says what is too much */
        d = document_read(path, buffer_bytes(&text), c);
    else
        complain(path, 1, 1, c, "cannot be read: %s", strerror(-r));
    buffer_close(&text);
    return d;
}

struct document *document_free(struct document *d) {
    if (d != NULL) {
        node_free(d->root);
        free(d->name);
        free(d);
    }
    return NULL;
}

/* ---- reading the tree; a NULL node reads as nothing */

const struct document_node *document_root(const struct document *d) {
    return d->root;
}

enum document_kind document_kind(const struct document_node *n) {
    return n->kind;
}

const char *document_text(const struct document_node *n) {
    return n == NULL ? NULL : n->text;
}

bool document_plain(const struct document_node *n) {
    return n != NULL && n->plain;
}

size_t document_count(const struct document_node *n) {
    return n == NULL ? 0 : n->count;
}

const struct document_node *document_item(const struct document_node *n, size_t i) {
    return n == NULL || i >= n->count ? NULL : n->items[i];
}

const struct document_node *document_key(const struct document_node *n, size_t i) {
    return n == NULL || n->keys == NULL || i >= n->count ? NULL : n->keys[i];
}

const struct document_node *document_get(const struct document_node *map, const char *key) {
    for (size_t i = 0; map != NULL && map->keys != NULL && i < map->count; i++)
        if (map->keys[i]->text != NULL && strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

void document_only(const struct document *d, const struct document_node *map, const char *const *known, struct complaints *c) {
    bool seen[KEYS_MOST] = {false};
    for (size_t i = 0; map != NULL && map->keys != NULL && i < map->count; i++) {
        const char *key = map->keys[i]->text;
        size_t k = 0;
        if (key == NULL)
            continue;
        while (known[k] != NULL && strcmp(known[k], key) != 0)
            k++;
        invariant(k < KEYS_MOST);
        if (known[k] != NULL && seen[k])
            document_complain(d, map->keys[i], c, "'%s' is here twice", key);
        seen[k] = true;
        const char *near = known[k] != NULL || c->count > COMPLAINTS_MOST ? NULL : nearest_word(key, known);
        if (near != NULL)
            document_complain(d, map->keys[i], c, "unknown key '%s'; did you mean '%s'?", key, near);
        else if (known[k] == NULL)
            document_complain(d, map->keys[i], c, "unknown key '%s'", key);
    }
}

bool document_int(
    const struct document *d, const struct document_node *n, int64_t least, int64_t most, int64_t *out, struct complaints *c) {
    const char *text = document_text(n);
    char *end = NULL;
    errno = 0;
    long long v = text == NULL ? 0 : strtoll(text, &end, 10);
    if (text == NULL || !n->plain || *text == '\0' || *end != '\0' || errno != 0 || v < least || v > most) {
        document_complain(d, n, c, "a whole number from %" PRId64 " to %" PRId64 " belongs here", least, most);
        return false;
    }
    *out = v;
    return true;
}

bool document_bool(const struct document *d, const struct document_node *n, bool *out, struct complaints *c) {
    const char *text = document_text(n);
    bool yes = text != NULL && strcmp(text, "true") == 0, no = text != NULL && strcmp(text, "false") == 0;
    if (!(yes || no) || !n->plain) {
        document_complain(d, n, c, "true or false belongs here");
        return false;
    }
    *out = yes;
    return true;
}

static size_t distance(const char *a, const char *b) {
    size_t row[64], la = strlen(a), lb = strlen(b);
    if (la >= 64 || lb >= 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]), least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            corner = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[lb];
}

const char *nearest_word(const char *word, const char *const *known) {
    const char *best = NULL;
    size_t at_most = strlen(word) / 3 + 1;
    for (size_t i = 0; known[i] != NULL; i++) {
        size_t d = distance(word, known[i]);
        if (d < at_most || (d == at_most && best == NULL)) {
            best = known[i];
            at_most = d;
        }
    }
    return best;
}
