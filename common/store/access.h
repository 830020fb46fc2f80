/* The access log (3-RECORDS, "First format"): who looked at which record, and what for. An office's store has one, and the hub's own store
 * (layout.h); entries are only ever added, in the order of time. */
#pragma once

#include "common/model/record.h"
#include "common/store/store.h"

enum access_action { ACCESS_READ = 1, ACCESS_SEARCH, ACCESS_EXPORT, ACCESS_HISTORY, ACCESS_REFUSED, ACCESS_LOG /* looked at this log */ };

struct access_entry {
    wall_ms at;
    struct id16 actor;
    struct id16 case_id; /* zero: none */
    uint32_t purpose;
    uint32_t type;
    struct id16 record; /* zero: a search or an export that showed nothing, a look at the whole log */
    uint32_t action;    /* enum access_action */
};

const char *access_action_name(uint32_t action); /* static */
void access_add(struct txn *t, unsigned tree, const struct access_entry *entries, size_t count);
int access_each(struct txn *t, unsigned tree, int (*each)(void *owner, const struct access_entry *e), void *owner);
