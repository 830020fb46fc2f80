/* anjuctl's work with files: a spreadsheet's rows, and edit logs, become edits at nodes. A mapping file per table says which column goes to
 * which field of which record type; one row may become several records, saved together or not at all.
 *
 *   table: person
 *   record: Person                 # what the row is; other types are made when one of their columns has a value
 *   key: record_id                 # the column with the source's key
 *   left_out: [native_place]       # never stored (7-DOMAIN section 0)
 *   columns:
 *     name: Person.name
 *     sex: {to: Person.sex, codes: {男: "1", 女: "2"}}
 *   also:                          # of a new record; @key is the row's key
 *     Identifier.person: "@key"
 */
#pragma once

int import_run(const char *socket, const char *lang, int argc, char **argv); /* gives an exit code */
int replay_run(const char *lang, int argc, char **argv);                     /* likewise */
