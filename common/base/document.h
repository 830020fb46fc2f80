/* A YAML file that a person wrote (configuration, catalogue, mapping, policy), read so that ALL errors come at once, each with
 * line and column. libyaml's document API beneath; aliases are counted each time they are used, so a bomb is refused. */
#pragma once

#include "common/base/bytes.h"

enum document_kind { DOCUMENT_SCALAR, DOCUMENT_LIST, DOCUMENT_MAP };
struct document;
struct document_node; /* belongs to the document */

/* Collected complaints, "file:line:column: what is wrong; what to do", one a line, in the order of the file. After 1000 lines
 * one says that there is more, and only `count` goes on. All zeroes is empty. */
struct complaints {
    struct buffer text; /* owns */
    unsigned count;
};

void complaints_close(struct complaints *c);
void complaints_say(struct complaints *c, const char *about, const char *what); /* of something that has no place in a file */

/* Reads one document from text of at most LIMIT_DOCUMENT_BYTES. Returns NULL when it is no YAML or passes a limit; says why in c. */
struct document *document_read(const char *name /* borrows, for messages */, struct bytes text, struct complaints *c); /* gives */
struct document *document_load(const char *path, struct complaints *c);                                                /* gives */
struct document *document_free(struct document *d /* takes, may be NULL */);                                           /* returns NULL */

const struct document_node *document_root(const struct document *d);
enum document_kind document_kind(const struct document_node *n);
const char *document_text(const struct document_node *n); /* a scalar's text, NUL-terminated, UTF-8 checked; else NULL */
bool document_plain(const struct document_node *n);       /* a scalar without quotes: may be read as a number or a bool */
size_t document_count(const struct document_node *n);     /* items of a list or pairs of a map */
const struct document_node *document_item(const struct document_node *n, size_t i);         /* a list's i-th, or the i-th pair's value */
const struct document_node *document_key(const struct document_node *n, size_t i);          /* the i-th pair's key */
const struct document_node *document_get(const struct document_node *map, const char *key); /* NULL when there is none */

size_t document_line(const struct document_node *n); /* from 1 */
void document_complain(const struct document *d, const struct document_node *at, struct complaints *c, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Complains about every key of the map that is not in the NULL-terminated list, naming the nearest known one; and about doubled keys. */
void document_only(const struct document *d, const struct document_node *map, const char *const *known, struct complaints *c);
bool document_int(const struct document *d, const struct document_node *n, int64_t least, int64_t most, int64_t *out, struct complaints *c);
bool document_bool(const struct document *d, const struct document_node *n, bool *out, struct complaints *c);

/* The entry of the NULL-terminated list nearest to the word by edit distance (at most a third of its length), or NULL. */
const char *nearest_word(const char *word, const char *const *known);
