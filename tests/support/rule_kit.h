/* Rules for tests: a small catalogue, documents added to them or refused, records made of typed values. */
#pragma once

#include "common/catalogue/rules.h"

struct rule_kit {
    struct catalogue catalogue;
    struct rules rules;
    struct arena memory; /* of records */
};

void kit_open(struct rule_kit *t); /* types Person 32, Identifier 33, Vacancy 48, WageClaim 53, MediationCase 54 */
void kit_close(struct rule_kit *t);

/* What the envelope says: kind and name are read from the text's first two lines, "kind: K" and "name: N". */
void kit_add(struct rule_kit *t, int64_t version, const char *text);
void kit_add_from(struct rule_kit *t, int64_t version, const char *from, const char *text);
/* rules_kind_check must complain with exactly these words (after "kit:LINE:COLUMN: " or as a whole), and rules_add must add nothing. */
void kit_refuses(struct rule_kit *t, const char *text, const char *complaint);
void kit_takes(struct rule_kit *t, const char *text); /* rules_kind_check has nothing to say */
int64_t kit_day(const char *date);

struct record *kit_record(struct rule_kit *t, const char *type);
void kit_set(struct rule_kit *t, struct record *r, const char *field, const char *value);                      /* not stamped yet */
void kit_set_on(struct rule_kit *t, struct record *r, const char *field, const char *value, const char *date); /* written on that day */
void kit_move(struct rule_kit *t, struct record *r, const char *state, const char *date);                      /* its workflow */
void kit_home(struct rule_kit *t, struct record *r, const char *area);

/* "field rule severity; …" of all findings, in their order. */
const char *kit_findings(struct rule_kit *t, const struct record *r, const char *today, const char *receipt);
