/* What this system never holds about a person (ARCHITECTURE.md, "What is never held"), told by the names of types, fields and columns. One
 * table, in banned.c: the catalogue at hub and node, mappings, spreadsheets, edit logs and tests/tidy/refusals.sh all use it. */
#pragma once

/* The refused word that a name holds (static, as the table writes it), or NULL. Case, separators and nativePlace for native_place do not
 * matter. A name may be NULL. */
const char *banned_word(const char *name);

/* A name under which many people are the same: whose employer, whose landlord, from where. Records about people are never searched by such
 * a field, since a search by it is a list of people. NULL: it is none. */
const char *grouping_word(const char *name);
