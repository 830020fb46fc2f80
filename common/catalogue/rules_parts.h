/* How the readers of rule documents read: shared by rules*.c and the files of each concern, for nobody else. Every read_ complains about
 * what is wrong, at its place, and goes on with something harmless, so that all errors of a file are told at once. */
#pragma once

#include "common/catalogue/codes.h"
#include "common/catalogue/rules.h"

enum { RULE_LIST_MOST = 20000, RULE_NAME_MOST = 60, RULE_WORDS_MOST = 200, RULE_PROSE_MOST = 4000 };

struct rule_reading {
    struct rules *r; /* what is read goes here, its pieces into its memory */
    const struct catalogue *k;
    const struct document *d;
    const struct document_node *root;
    struct rule_source *source;
    struct complaints *c;
};

/* The readers of each kind. */
void read_area_tree(struct rule_reading *g);
void read_code_list(struct rule_reading *g);
void read_labels(struct rule_reading *g);
void read_validation(struct rule_reading *g);
void read_wage_floor(struct rule_reading *g);
void read_text_lint(struct rule_reading *g);
void read_calendar(struct rule_reading *g);
void read_deadlines(struct rule_reading *g);
void read_retention(struct rule_reading *g);
void read_service_catalogue(struct rule_reading *g);
void read_document_rules(struct rule_reading *g);
void read_notices(struct rule_reading *g);
void read_school_admission(struct rule_reading *g);
void read_points_schedule(struct rule_reading *g);
void read_purpose_gate(struct rule_reading *g);
void read_protocol(struct rule_reading *g);
void read_carried(struct rule_reading *g);

void *rules_take(struct rules *r, size_t count, size_t size); /* zeroed memory of the rules; never NULL */
char *rules_keep(struct rules *r, const char *text);          /* a copy in it; NULL stays NULL */
char *rules_words(struct rules *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

void read_top(struct rule_reading *g, const char *const *own); /* the root: keys of every kind and these */
/* A map with these keys alone; false: it is none, and `form` says how one is written. */
bool read_map(struct rule_reading *g, const struct document_node *n, const char *const *keys, const char *form);
/* A list of at most `most`; NULL: there is none (a complaint when needed), or it is wrong. */
const struct document_node *read_list(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most);
const char *read_text(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most); /* NULL: none */
const char *read_scalar(struct rule_reading *g, const struct document_node *n, const char *what, size_t most);             /* never NULL */
void read_names(struct rule_reading *g, const struct document_node *map, size_t most, const char **zh, const char **en); /* zh is needed */
int64_t read_number(
    struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t least, int64_t most, int64_t standard);
int64_t read_hundredths(
    struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t standard); /* >= 0: money, points */
bool read_flag(struct rule_reading *g, const struct document_node *map, const char *key, bool standard);
int64_t read_day(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, int64_t standard);
int64_t read_day_of(struct rule_reading *g, const struct document_node *n);                          /* RULE_DAY_FIRST: wrong */
void read_days(struct rule_reading *g, const struct document_node *map, int64_t *from, int64_t *to); /* from, to: in this order */
/* The place of the word in the NULL-terminated list; `standard` when there is none or it is wrong. */
int read_choice(
    struct rule_reading *g, const struct document_node *map, const char *key, const char *const *words, bool needed, int standard);
const char *const *severity_words(void);                               /* for read_choice, in the order of enum severity */
area read_area(struct rule_reading *g, const struct document_node *n); /* AREA_CITY also when it is wrong */
const char *const *read_words(
    struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t most, size_t *count);
const struct catalogue_type *read_type(struct rule_reading *g, const struct document_node *n); /* NULL: wrong */
const struct catalogue_field *read_type_field(
    struct rule_reading *g, const struct catalogue_type *t, const struct document_node *n, const char *name);
/* "Type.field"; false: wrong. */
bool read_field(struct rule_reading *g, const struct document_node *n, const struct catalogue_type **t, const struct catalogue_field **f);
const struct rule_field *read_fields(struct rule_reading *g, const struct document_node *map, const char *key, bool needed, size_t *count);
/* {field, is} under the key, when it is there. */
void read_condition(
    struct rule_reading *g, const struct document_node *map, const char *key, const struct catalogue_type *t, struct condition *out);
/* Complains about a state that the type's workflow does not have. */
void read_state(struct rule_reading *g, const struct document_node *n, const struct catalogue_type *t, const char *state);
/* Complains about every name that was there before; the name and the node of each, in the order of the file. */
struct read_name {
    const char *name;
    const struct document_node *at;
};
void read_unique(struct rule_reading *g, const struct read_name *names, size_t count);

/* Checking (rules_check.c, rules_values.c). */
bool source_speaks(const struct rules *r, const struct rule_source *s, int64_t receipt);            /* about a record that came in then */
bool condition_holds(const struct catalogue *k, const struct record *r, const struct condition *c); /* true without one */
bool field_winner_value(const struct record *r, uint32_t field, struct value *out);                 /* false: it has none */

/* What only shows when all documents are there (rules_finish). */
bool codes_finish(const struct rules *r, struct complaints *c);
