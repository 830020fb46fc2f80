/* Mapping files (import.h) and CSV files read whole. */
#pragma once

#include "common/base/document.h"

#include <jansson.h>

struct mapped_column {
    char *column, *type, *field; /* own; type NULL: left out */
    json_t *codes;               /* owns; NULL: as it is */
};

struct mapping {
    char *table, *record, *key;    /* own */
    struct mapped_column *columns; /* owns */
    size_t column_count;
    struct mapped_column *also; /* owns; `column` is the value */
    size_t also_count;
};

struct mapping *mapping_load(const char *path, struct complaints *c);                    /* gives; NULL: c says why */
struct mapping *mapping_free(struct mapping *m /* takes, may be NULL */);                /* returns NULL */
const struct mapped_column *mapping_column(const struct mapping *m, const char *column); /* NULL: unknown */

/* Makes the records of a row or an edit for the node's `edit`: op create (a row), set, adopt, delete. Values are given by column; NULL: not
 * given. Returns NULL and fills why for a code that the mapping does not know. */
json_t *mapping_records(
    const struct mapping *m, const char *op, const char *key, const char *const *columns, const char *const *values, size_t count,
    bool zh /* why is told in Chinese */, struct buffer *why); /* gives an array */

struct csv_table {
    char **cells; /* owns; row by row, every row has `columns` of them; row 0 is the header */
    size_t columns, rows, room;
    size_t *lines;  /* owns; where each row begins in the file */
    size_t *widths; /* owns; how many cells the row really had */
};
/* UTF-8 (a BOM is skipped) or GB18030. False: c says why; a file without a first line is told too. */
bool csv_load(const char *path, struct csv_table *out, struct complaints *c);
void csv_close(struct csv_table *t);
