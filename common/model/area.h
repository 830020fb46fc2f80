/* An area: a division code of 0..12 digits (a prefix; 12 digits = one community), or one node, as the place a record's rows lie in.
 *
 * Digits are left-justified as BCD nibbles in bits 59..12, their count in the low 4 bits; so numeric order is the order of the digits,
 * and 0 is the whole city. A node's own area, in which its office record and its verdicts travel, has 0xF in the top nibble and the
 * node id in the low 32 bits. */
#pragma once

#include "common/base/bytes.h"

typedef uint64_t area;

#define AREA_CITY ((area)0)
enum { AREA_DIGITS = 12, AREA_TEXT = 20 };

bool area_parse(struct bytes digits, area *out);    /* 0, 2, 4, 6, 9 or 12 digits, or "node:N" */
const char *area_text(area a, char out[AREA_TEXT]); /* borrows out; "" for the city, "node:7" for a node */
bool area_valid(area a);                            /* has one of the forms above; for what a peer sent */
area area_of_node(uint32_t node);
bool area_is_node(area a);
bool area_is_community(area a);           /* 12 digits */
bool area_within(area inner, area outer); /* outer is a prefix of inner, or the same; node areas only the same */

/* The areas whose rows an office pulls: each served area, every prefix of it down to the city, the node's own. Sorted, no doubles. */
size_t area_expand(const area *served, size_t count, uint32_t node, area out[], size_t room); /* gives the count; never above room */
