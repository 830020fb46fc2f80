/* Rows that both daemons answer with. */
#pragma once

#include "common/catalogue/rules.h"
#include "common/catalogue/show.h"
#include "common/daemon/control.h"
#include "common/model/audit.h"

/* An entry of an audit log, in two steps, since a catalogue belongs to one thread: with numbers, then with their names. */
json_t *audit_row(const struct audit_entry *e); /* gives */
void audit_row_names(const struct catalogue *k, json_t *row);
/* The same for the person whom the record is about: when, which office, what, what for, in words; the row has its names already. */
json_t *audit_words(
    const struct catalogue *k, const struct rules *r /* for labels; may be NULL */, const json_t *row, const char *office,
    bool zh); /* gives */
/* A head that `keeper` keeps of the log of `whose`, or the break that it saw. */
json_t *audit_head_row(const char *whose, const char *keeper, const struct audit_kept *k); /* gives */
bool audit_concerns(const struct audit_entry *e, const struct id16 *person);               /* the record is the person's, or about it */
/* "2026-03-01", "2026-03-01 08:30" in local time; `end`: the last moment of it. False: neither. */
bool when_parse(const char *text, bool end, uint64_t *ms);
const char *when_text(uint64_t ms, char out[32]); /* local, to the minute */
/* The words of an order for the audit log: the command and its arguments, but for what is secret or long. */
void order_words(const struct request *q, struct buffer *out);
/* The replicated state as it is: {"type","id","raw"}, the canonical form in hex; or with `hash` {"type","id","hash"}: equal hashes = equal
 * forms. NULL: an empty record. Types by number, since a catalogue may be behind. */
json_t *record_show_raw(const struct record *r, bool hash);                                                            /* gives */
json_t *rows_sorted(json_t *rows /* takes, an array */, int (*compare)(const void *, const void *) /* of json_t * */); /* gives */
/* By one field of theirs: numbers as numbers, texts with the numbers in them (9 before 10?), false before true. What is null or not there
 * comes last in both directions; what is equal stays in its order. */
json_t *rows_sorted_by(json_t *rows /* takes, an array */, const char *field, bool down); /* gives */

/* One field of a command's answer, for `schema`: what it counts in and what it means. A daemon's table stands beside its commands. */
struct field_text {
    const char *command, *field, *unit, *text, *text_zh;
};
void schema_answer(struct request *q /* takes; argument "command" narrows */, const struct field_text *table, size_t count);
