/* Points (kind points_schedule): a total that is explained row by row and never goes below zero. There are no deductions: an entry adds,
 * and a reversal takes back the one entry that it names. Points are counted in hundredths. */
#pragma once

#include "common/catalogue/rules.h"

struct points_index {
    const char *index, *zh, *en, *unit; /* en may be NULL */
    int64_t points, cap;                /* of one unit; of all of it */
    const char *const *evidence;
    size_t evidence_count;
};

struct points_schedule {
    const struct rule_source *source;
    int64_t published;
    int64_t cap; /* of the total */
    const struct points_index *indices;
    size_t count;
    struct points_schedule *next;
};

struct points_entry {
    struct id16 id;
    const char *schedule, *index; /* borrow; the policy's name and the row of it that the entry was posted under */
    int64_t version;              /* of the schedule then */
    int64_t points;               /* >= 0 */
    struct id16 reverses;         /* zero: none, it adds */
};

enum points_row_kind {
    POINTS_COUNTED,
    POINTS_REVERSED,         /* another entry takes it back */
    POINTS_REVERSAL,         /* takes one back */
    POINTS_REVERSES_NOTHING, /* names no entry that adds */
    POINTS_NEGATIVE,         /* below zero: not counted */
    POINTS_TWICE             /* an entry that is here already */
};

/* One entry in the explanation, in the order of schedule, index, version, id. */
struct points_row {
    const struct points_entry *entry;
    enum points_row_kind kind;
    int64_t counted;                  /* of its points, after the caps */
    const struct points_index *index; /* as it was when posted; NULL: that schedule is not here, the points count as posted */
};

struct points_total {
    struct points_row *rows; /* owns, `count` of them */
    size_t count;
    int64_t total;
};

/* The same for every order of the entries. An index's cap is that of the version an entry was posted under; with several versions the
 * highest of them holds for all of the index. The total's cap is that of the newest schedule that an entry names. */
void points_count(const struct rules *r, const struct points_entry *entries, size_t count, struct points_total *out);
void points_close(struct points_total *t); /* idempotent */
const struct points_index *points_index_of(const struct rules *r, const char *schedule, int64_t version, const char *index);
/* What the text in an entry's field `rule` names: "SCHEDULE/INDEX", or an index of the newest schedule. */
struct points_posting {
    char schedule[128], index[128];
};
void points_posting(const struct rules *r, struct bytes rule, struct points_posting *out);
const struct points_schedule *points_current(const struct rules *r); /* the newest; NULL: none */
const char *points_row_text(enum points_row_kind k);
