/* Who changed one record: each change that the hub's state or log still knows of, with what proves it. The state knows what was merged
 * (who, when, what for, which fields) and what is held; the log has the signed pushes, as far back as it goes. The state first, then the
 * log a stretch at a time, as of the moment of the state. */
#pragma once

#include "common/engine/log_proof.h"
#include "common/store/hub_merge.h"

enum history_stage {
    HISTORY_ACCEPTED, /* in the log, not merged yet */
    HISTORY_MERGED,
    HISTORY_REPEATED, /* one more copy of what is merged */
    HISTORY_HELD,     /* also what was discarded */
    HISTORY_UNKNOWN,  /* the log has it, and the state, which is further, has not */
};

enum history_proof {
    HISTORY_KEPT,   /* the state says so; its push is no longer in the log */
    HISTORY_SIGNED, /* in the log, in a push that a key of the sender signed, and the state says the same */
    HISTORY_BROKEN, /* in the log, or it should be, and that does not hold */
};

struct history_row {
    uint32_t node; /* whose log it came in */
    struct id16 incarnation;
    uint64_t seq;
    struct version version;
    struct name name;
    struct id16 actor, case_id; /* the case: zero when only the state knows of the change */
    uint32_t purpose;
    wall_ms received;
    const uint32_t *fields; /* numbers; in the history's arena */
    size_t field_count;
    enum history_stage stage;
    enum verdict reason; /* of one that is held */
    enum history_proof proof;
    uint64_t hub_seq;  /* of one that is merged; else 0 */
    uint64_t position; /* log entry that has it; 0: none */
    char against[128]; /* what speaks against it; empty: nothing */
};

struct history;

int history_open(
    struct txn *state, struct txn *log, uint32_t type, const struct id16 *id, struct history **out /* gives when 0 */); /* -EBADMSG */
/* The next entries of the log; false: that was the last, and the rows are in the order of their versions. */
bool history_walk(struct history *h, struct log_proof *keys, struct txn *log, uint32_t most);
size_t history_count(const struct history *h);
const struct history_row *history_at(const struct history *h, size_t i);   /* borrows */
struct history *history_close(struct history *h /* takes, may be NULL */); /* returns NULL */
