/* A record as people read it: JSON with the catalogue's names. Fields that the catalogue does not know are shown by number, as hex. */
#pragma once

#include "common/catalogue/catalogue.h"
#include "common/model/record.h"

#include <jansson.h>

/* What stands in a field, by its show rule (catalogue.h); pure, the same on every replica that holds the same record and catalogue:
 *
 *   last, both   the head with the highest version     once       the head with the lowest version
 *   max, min     the extreme value                     hub        the hub's head with the highest version; what offices wrote are proposals
 *   set, ledger  elements: shown_elements              workflow   the state that its events add up to (workflow.h)
 *
 * NULL: nothing stands there. A cleared value is none. A field that the catalogue does not know is `last`. */
const struct head *field_shown(const struct catalogue *k, uint32_t type, const struct field *f);
/* Must a person decide between values? Fields of rule both with several, and of rule once, of which a second is an error. */
bool field_to_decide(const struct catalogue *k, uint32_t type, const struct field *f);
/* … or was a value put aside (rule last), whose author should hear of it? */
bool field_put_aside(const struct catalogue *k, uint32_t type, const struct field *f);

/* A ledger's entry is a value, or a reversal: a list of "reverses" and the name of the entry that counts no more. */
enum { LEDGER_NAME = 32 };
const char *ledger_name(struct name n, char out[LEDGER_NAME]); /* as people see and type it: node:tag */
bool ledger_name_parse(struct bytes text, struct name *out);
void ledger_reversal_pack(struct name of, struct buffer *out);  /* appends the packed value */
bool ledger_reversal_read(struct bytes value, struct name *of); /* false: an entry of its own */
bool ledger_reversed(const struct field *f, struct name of);    /* an entry of the field reverses it */
bool ledger_sum(const struct field *f, struct value *out); /* of money or numbers, without what is reversed; false: none, or too large */

/* How one of several values is named: "NODE@AT_MS", its writer and its time. */
enum { HEAD_SIDE_TEXT = 40 };
const char *head_side(const struct head *h, char out[HEAD_SIDE_TEXT]);

/* {"type","id","key","home","deleted","fields":{name:text | list},"concurrent":[name…]}, and where there is something to say:
 *   "proposals": {name:[{"side","value","node","at_ms"}…]} of rule hub, from offices
 *   "sums": {name:text}                                 of ledgers of money and numbers, whose entries are
 *                                                       {"entry","value","node","at_ms"[,"reversed":true][,"reverses":entry]}
 *   "workflow": {"state","state_zh","moves":[…],"proposed":[…],"review":[…],"events":[…]}
 *   "sides": {name:[{"side","value","node","at_ms"}…]}  asked for with `sides`: all values of what is to be decided or was put aside
 *   "restricted": true                                  it is only kept
 *   "taken_up": [{"area","reason","actor","node","at_ms"}…] */
json_t *record_show(const struct catalogue *k, const struct record *r, bool sides); /* gives */
/* A value as text: a reference by its source's key where it has one. */
void value_show(struct bytes packed, struct buffer *out);                      /* appends */
json_t *value_json(struct bytes packed);                                       /* gives the same as a JSON text */
const char *type_name(const struct catalogue *k, uint32_t type, char out[16]); /* borrows */
const char *field_name(const struct catalogue *k, uint32_t type, uint32_t field, char out[24]);

/* Whom a record is about: the field that says so is the common one, or one that refers to a Person. */
bool field_names_subject(const struct catalogue *k, uint32_t type, uint32_t field);
void subject_fields(const struct catalogue *k, struct buffer *out); /* all such fields, as a list that needs no catalogue any more */
struct id16 record_subject(struct bytes list /* of subject_fields */, const struct record *r); /* zero: nobody, as far as is known */
