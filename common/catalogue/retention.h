/* How long records are kept (kind retention). What is due is done by the caller, with a certificate. */
#pragma once

#include "common/catalogue/rules.h"

enum retention_action { RETENTION_SHRINK, RETENTION_RESTRICT, RETENTION_ERASE };

struct retention_rule {
    const char *name;
    uint32_t type;
    uint32_t event; /* a date field; 0: the day of the last change */
    int64_t days;   /* after the event */
    enum retention_action action;
    const uint32_t *keep; /* shrink: the fields that stay */
    size_t keep_count;
    struct condition when;
};

struct retention {
    const struct rule_source *source;
    const struct retention_rule *rules;
    size_t count;
    struct retention *next;
};

struct retention_due {
    const struct retention_rule *rule;
    const struct rule_source *source;
    int64_t day; /* on which, or after which, it is to be done */
    bool now;    /* that is today or before */
};

/* By day, then action. An event that has not come, or a condition that does not hold, gives nothing. Gives how many there are, writes at
 * most `room`. */
size_t rules_retention(
    const struct rules *r, const struct catalogue *k, const struct record *record, int64_t today, struct retention_due out[], size_t room);
/* The day of the last change, but for what the hub does by itself to keep order; RULE_DAY_LAST: there was none. */
int64_t retention_last_change(const struct record *record);
const char *retention_action_name(enum retention_action a);
