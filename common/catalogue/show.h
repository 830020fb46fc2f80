/* A record as people read it: JSON with the catalogue's names. Fields that the catalogue does not know are shown by number, as hex. */
#pragma once

#include "common/catalogue/catalogue.h"
#include "common/model/record.h"

#include <jansson.h>

/* {"type","id","key","home","deleted","fields":{name:text},"concurrent":[name…]}; with `sides` also
 * "sides":{name:[{"value","node","at_ms"}…]} for concurrent fields. A record that other offices took up also has
 * "taken_up":[{"area","reason","actor","node","at_ms"}…]. */
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
