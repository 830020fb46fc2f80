/* Code lists and labels (kinds code_list, labels). */
#pragma once

#include "common/catalogue/rules.h"

struct rule_field { /* Type.field */
    uint32_t type, field;
};

struct code {
    const char *code, *zh, *en; /* en may be NULL */
    int64_t from, to;           /* for new entries, both days included */
    const char *replaced_by;    /* NULL: none */
};

struct code_list {
    const struct rule_source *source; /* its name is the list's */
    const struct code *codes;         /* in the order of the file */
    const struct code **sorted;       /* by code */
    size_t count;
    const struct rule_field *fields; /* whose values are codes of this list */
    size_t field_count;
    enum severity severity; /* of a value that is not offered; block unless the file says otherwise */
    struct code_list *next;
};

struct label {
    const char *key, *zh, *en; /* zh or en may be NULL */
};

struct label_set {
    const struct rule_source *source;
    const struct label *labels; /* by key */
    size_t count;
    struct label_set *next;
};

const struct code_list *codes_list(const struct rules *r, const char *name);
const struct code_list *codes_of_field(const struct rules *r, uint32_t type, uint32_t field); /* NULL: the field is bound to none */
const struct code *codes_find(const struct code_list *l, struct bytes code);
bool code_offered(const struct code *c, int64_t day); /* in drop-downs; a retired one still names old values */

/* How people call a type, a field, a value, in a language ("zh", "en"): a label in force, else what the catalogue or the list says. All
 * that is printed for people goes through these. */
const char *label_type(const struct rules *r, const struct catalogue_type *t, const char *lang);
const char *label_field(const struct rules *r, const struct catalogue_type *t, const struct catalogue_field *f, const char *lang);
const char *label_code(
    const struct rules *r, uint32_t type, uint32_t field, struct bytes code, const char *lang); /* NULL: no code of the field's list */
