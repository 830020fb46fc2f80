/* Rows that both daemons answer with. */
#pragma once

#include "common/catalogue/show.h"
#include "common/store/access.h"

json_t *access_show(const struct catalogue *k, const struct access_entry *e); /* gives */
/* The replicated state as it is: {"type","id","raw"}, the canonical form in hex; or with `hash` {"type","id","hash"}: equal hashes = equal
 * forms. NULL: an empty record. Types by number, since a catalogue may be behind. */
json_t *record_show_raw(const struct record *r, bool hash); /* gives */
