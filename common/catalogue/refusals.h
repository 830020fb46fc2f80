/* What no policy may bring in, whatever its kind (ARCHITECTURE.md, "What is never held"): names for what is never held (banned.h), points
 * below zero, and lists of people. Looked at by whoever writes a policy and again by every node. */
#pragma once

#include "common/base/document.h"

/* Complains about everything in the document that is refused; true: nothing is. Words of a text_lint's terms and advice may name what is
 * never held, since they warn of it; so may the laws that are cited. */
bool refusals_check(const struct document *d, const char *kind, struct complaints *c);

/* What a text holds that stands for one person: "an identity number", "a phone number", "the id of a record"; NULL: nothing. */
const char *refusals_person(const char *text);

bool refusals_amount(const char *key); /* what it stands before is points of people: never below zero, and refusals_check says so */
