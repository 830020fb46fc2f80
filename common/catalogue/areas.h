/* The area tree (kind area_tree): the division codes that there are, what they are called, and what became of those that are gone. */
#pragma once

#include "common/catalogue/rules.h"

struct area_entry {
    area code, parent;
    const char *zh, *en; /* en may be NULL */
    int64_t from, to;    /* valid on both days */
    area successor;      /* AREA_CITY: none */
};

struct area_tree {
    const struct rule_source *source;
    const struct area_entry *entries; /* by code */
    size_t count;
    struct area_tree *next;
};

/* A code as the table of divisions writes it, 12 digits with zeroes behind ("650203000000"), or only its 2, 4, 6, 9 or 12 digits. */
bool area_of_code(const char *text, area *out);

const struct area_entry *areas_find(const struct rules *r, area code); /* NULL: not in any tree */
/* Where records of this area belong on that day: the area itself, or what follows it when it is no more. One that no tree knows stays. */
area areas_successor(const struct rules *r, area code, int64_t day);
bool areas_valid(const struct rules *r, area code, int64_t day); /* there on that day; true when there is no tree at all */
