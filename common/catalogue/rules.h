/* The rules in force: what the city decided, as it stands at one place on one day, read from policy documents (3-RECORDS, "Policy"). Which
 * document of a kind and name is in force is not decided here: the caller adds it. Pure: no file, no clock; a day is days since 1970.
 *
 * A kind acts when something here reads its body; the others are carried: their form is checked, they are stored and shown. The tables of
 * each concern are in areas.h, codes.h, calendar.h, services.h, admission.h, points.h, retention.h. */
#pragma once

#include "common/catalogue/catalogue.h"
#include "common/model/record.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARN, SEVERITY_BLOCK };

#define RULE_DAY_FIRST INT64_MIN /* no day is before it: from ever */
#define RULE_DAY_LAST INT64_MAX  /* no day is after it: for ever */

/* Holds when the field's value is one of the words; of a workflow, when its state is. */
struct condition {
    uint32_t field; /* 0: no condition */
    const char *const *is;
    size_t count;
};

/* A policy document with what its envelope says. `name` is also the file's in complaints. */
struct rule_text {
    const char *kind, *name; /* borrow */
    int64_t version;
    area scope;
    int64_t from;            /* the first day on which it is in force */
    const char *legal_basis; /* borrows; NULL: the document's own */
    struct bytes text;       /* borrows */
};

/* Where a rule comes from, for whoever is told about it. */
struct rule_source {
    const char *kind, *name, *legal_basis; /* legal_basis "" when none is named */
    int64_t version;
    area scope;
    int64_t from;
    bool applies_to_open; /* also to records that came in before `from` */
    bool acts;            /* false: carried, or of a kind that this build does not know */
    bool newest;          /* no other of its kind and name that was added has a higher version */
    struct rule_source *next;
};

/* One list a kind, newest added first; every piece lives in `memory`. */
struct rules {
    struct arena memory;
    struct rule_source *sources;
    struct area_tree *areas;
    struct code_list *codes;
    struct label_set *labels;
    struct validation *validations;
    struct wage_floor *wages;
    struct text_lint *lints;
    struct calendar *calendars;
    struct deadline_set *deadlines;
    struct retention *retentions;
    struct service_catalogue *services;
    struct document_rules *checklists;
    struct notice_set *notices;
    struct admission *admissions;
    struct points_schedule *points;
    struct purpose_gate *gates;
    struct protocol_floor *floors;
    struct rule_pattern *patterns; /* compiled expressions; freed by rules_close */
};

/* Adds one document to rules of all zeroes or more. False: it is wrong, c says everything that is wrong with it, nothing of it was added,
 * what was there stays. A kind that this build does not know is kept aside as a source and is no error. An older version of a kind and
 * name may be added beside the newer one: records and points entries that came in under it are judged by it. */
bool rules_add(struct rules *r, const struct rule_text *t, const struct catalogue *k, struct complaints *c);
/* After the last document: what only shows across documents. False: c says what; the rules can be used. */
bool rules_finish(const struct rules *r, struct complaints *c);
void rules_close(struct rules *r); /* idempotent */

/* Checks a file that a person wrote: ALL that is wrong with it, each at file:line:column with what to do. `kind` may be NULL: the
 * document's own. Includes what is refused for good (refusals.h). An unknown kind is an error here, since nobody would act on it. */
bool rules_kind_check(const char *kind, const char *name, struct bytes text, const struct catalogue *k, struct complaints *c);
const char *rules_kind_name(size_t i); /* the i-th kind there is, record_type and purposes among them; NULL: no more */

/* What is to be said about a record, all at once. Words borrow from the rules. */
struct finding {
    uint32_t field;   /* 0: none alone */
    const char *rule; /* its name */
    enum severity severity;
    const char *zh, *en, *legal_basis; /* legal_basis is the rule's own, or its document's; may be "" */
    const struct rule_source *source;  /* NULL: the catalogue itself */
};

enum { FINDINGS_MOST = 64 };
struct findings {
    struct finding items[FINDINGS_MOST];
    size_t count;
    size_t more; /* what had no room */
};

/* The record as it would be after the edit. `receipt` is the day on which it came in (today for a new one): a rule that is in force only
 * since a later day speaks about it when its document applies to open records. A code that is retired is a finding when its value was
 * written on a day on which it was; a value whose version is not stamped yet is written today. */
void rules_check(
    const struct rules *r, const struct catalogue *k, const struct record *after, int64_t today, int64_t receipt, struct findings *out);
bool findings_block(const struct findings *f);
const char *severity_name(enum severity s);

/* The text for a key in a language ("zh", "en"): a type "Person", a field "Person.name", a code "occupation:20204", or "ui.…". A code
 * falls back on its list, a language on zh, and that on en. NULL: nobody said. For types and fields: codes.h. */
const char *rules_label(const struct rules *r, const char *key, const char *lang);

/* Which types and fields a purpose opens, by the document `purposes`. One that names none opens all of the catalogue. field 0: the type. */
bool rules_opens(const struct rules *r, uint32_t purpose, uint32_t type, uint32_t field);

/* The protocol's floor. */
enum protocol_verdict { PROTOCOL_OK, PROTOCOL_UPDATE_NEEDED };
enum protocol_verdict rules_protocol(const struct rules *r, int64_t protocol, int64_t store_format);
void rules_floor(const struct rules *r, int64_t *protocol, int64_t *store_format); /* the highest that is asked for; 0: nobody did */
bool rules_feature(const struct rules *r, const char *feature);                    /* false also when nobody said */
