/* Rows that both daemons answer with. */
#pragma once

#include "common/catalogue/show.h"
#include "common/daemon/control.h"
#include "common/model/audit.h"

json_t *audit_show(const struct catalogue *k, const struct audit_entry *e); /* gives */
/* The replicated state as it is: {"type","id","raw"}, the canonical form in hex; or with `hash` {"type","id","hash"}: equal hashes = equal
 * forms. NULL: an empty record. Types by number, since a catalogue may be behind. */
json_t *record_show_raw(const struct record *r, bool hash);                                                            /* gives */
json_t *rows_sorted(json_t *rows /* takes, an array */, int (*compare)(const void *, const void *) /* of json_t * */); /* gives */

/* One field of a command's answer, for `schema`: what it counts in and what it means. A daemon's table stands beside its commands. */
struct field_text {
    const char *command, *field, *unit, *text, *text_zh;
};
void schema_answer(struct request *q /* takes; argument "command" narrows */, const struct field_text *table, size_t count);
