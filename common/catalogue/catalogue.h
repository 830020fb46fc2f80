/* The catalogue: one YAML document per record type, and one with the purposes (3-RECORDS, "Catalogue"). */
#pragma once

#include "common/catalogue/workflow.h"
#include "common/model/value.h"

/* What several heads or elements of a field mean (show.h). The hub holds what an office may not do with a field of such a rule
 * (store/hub_merge.h), so it is for ever, as number, name and kind are. */
enum show_rule { SHOW_LAST, SHOW_ONCE, SHOW_BOTH, SHOW_HUB, SHOW_MAX, SHOW_MIN, SHOW_SET, SHOW_LEDGER, SHOW_WORKFLOW, SHOW_RULES };
enum field_check { CHECK_NONE, CHECK_GB11643 /* identity number */, CHECK_GB32100 /* organisation code */ };

struct catalogue_field {
    uint32_t number;
    char *name, *zh; /* owns */
    enum value_kind kind;
    enum show_rule rule;
    enum field_check check;
    char *refers;         /* owns; REFERENCE: the type's name, else NULL */
    uint32_t refers_type; /* its number */
    char *unverified;     /* owns; the field that says so when the check fails, else NULL */
    bool required;
    bool about; /* REFERENCE: the record is about whom it refers to, who is its subject */
};

enum record_class { CLASS_PUBLIC, CLASS_INTERNAL, CLASS_PERSONAL, CLASS_SENSITIVE };

struct catalogue_type {
    uint32_t number;
    char *name, *zh; /* owns */
    enum record_class class;
    char *keep;                     /* owns; how long, in words, or NULL */
    struct catalogue_field *fields; /* owns */
    size_t field_count;
    struct workflow *workflow; /* owns; of its one field of rule workflow; NULL: it has none */
};

struct catalogue_purpose {
    uint32_t number;
    char *name, *zh; /* owns */
};

struct catalogue {
    struct catalogue_type *types; /* owns */
    size_t type_count;
    struct catalogue_purpose *purposes; /* owns */
    size_t purpose_count;
};

/* Adds one document; what is wrong goes to c and nothing of the document is added then. `name` is for messages. A type or a field whose
 * name says that it is for something this system never holds (banned.h) is wrong. */
bool catalogue_add(struct catalogue *k, const char *name, struct bytes text, struct complaints *c);
/* After the last document: references to types that are there, numbers and names used once. */
bool catalogue_finish(struct catalogue *k, struct complaints *c);
void catalogue_close(struct catalogue *k); /* idempotent */
/* Several documents in one text, apart by lines of "---", as enrolment files carry them. */
bool catalogue_add_all(struct catalogue *k, struct bytes text, struct complaints *c);
/* Puts one document into such a text: in the place of the one that describes the same type (or the purposes), or at its end. */
void catalogue_put(struct buffer *all, struct bytes one);
/* Numbers are given once and for ever: complains about every type and field of `old` that is gone from `new` or has there another number,
 * name, kind or rule, and about states of a workflow that are gone. What is stored under a number must be read the same way for ever. */
bool catalogue_keeps(const struct catalogue *old, const struct catalogue *new, struct complaints *c);

const struct catalogue_type *catalogue_type(const struct catalogue *k, const char *name); /* NULL: none; case does not count */
const struct catalogue_type *catalogue_type_number(const struct catalogue *k, uint32_t number);
const struct catalogue_field *type_field(const struct catalogue_type *t, const char *name);
const struct catalogue_field *type_field_number(const struct catalogue_type *t, uint32_t number);
const struct catalogue_purpose *catalogue_purpose(const struct catalogue *k, const char *name);
const struct catalogue_purpose *catalogue_purpose_number(const struct catalogue *k, uint32_t number);
/* May a record that is only kept (FIELD_RESTRICTED) be looked at or changed? For what a person has a right to, and to put it right. */
bool catalogue_opens_restricted(const struct catalogue *k, uint32_t purpose);
const char *catalogue_nearest_type(const struct catalogue *k, const char *name);  /* for "did you mean"; NULL */
const char *type_nearest_field(const struct catalogue_type *t, const char *name); /* likewise */
const char *show_rule_name(enum show_rule r);
const char *record_class_name(enum record_class c);
bool rule_own_heads(enum show_rule r); /* once, hub, max, min: a writer replaces only what it wrote itself */
bool rule_elements(enum show_rule r);  /* set, ledger, workflow: values are added, none is put in another's place */

/* The rules that one document gives to numbers, read without the rest of it: what a later program adds to documents changes nothing here,
 * since the hub's fold takes them from the log (engine/write_rules.h). Appends them; nothing for a document of another kind. */
struct field_rule {
    uint32_t type, field;
    enum show_rule rule;
};
void catalogue_rules(struct bytes document, struct buffer *out /* of struct field_rule */);

/* What a check says of a text: NULL all is well, else why not, static. Identity numbers: GB 11643-1999, 18 characters, ISO 7064 MOD 11-2;
 * the place in the first six digits is not looked at. Organisation codes: GB 32100-2015. */
const char *field_check_text(enum field_check check, struct bytes text);

const char *common_field_name(uint32_t number); /* of a field that every type has (change.h); NULL: none */
