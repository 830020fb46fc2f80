/* The hub's list of the backups that a restore may use, in its own store (layout.h), and what follows from it: `safe` of every life, and
 * how far the log may be trimmed (A8, A9).
 *
 * Nodes let go of what is safe, so a backup is on this list until it is deleted, and nothing is safe before it is in every one of them. */
#pragma once

#include "common/store/backup.h"
#include "common/store/layout.h"

struct hub_kept {
    uint64_t n; /* its place in the list; 0: not in it yet */
    struct id16 id, log_life;
    wall_ms made;
    uint64_t position; /* of its state, in that life of the log */
    uint64_t bytes;
    char *path;                /* owns, in a view; borrows else; "": its note is damaged */
    struct backup_life *lives; /* likewise */
    size_t life_count;
};

/* Puts it in; one of the same id keeps its place (it was moved to another path). Gives its place. */
uint64_t hub_kept_put(struct txn *own, const struct hub_kept *k);
void hub_kept_drop(struct txn *own, uint64_t n);

/* The list as it is, oldest first. */
struct hub_kept_view {
    struct hub_kept *kept; /* owns, with what is in them */
    size_t count;
    struct backup_life *safe; /* owns; sorted; `accepted` = in every one of them */
    size_t safe_count;
};
void hub_kept_view(struct txn *own, struct hub_kept_view *out);
void hub_kept_view_close(struct hub_kept_view *v); /* idempotent */
uint64_t hub_kept_safe(const struct hub_kept_view *v, uint32_t node, const struct id16 *incarnation);
/* The first position of this life of the log that a kept state still needs; 0: none of them is of this life, nothing may go. */
uint64_t hub_kept_below(const struct hub_kept_view *v, const struct id16 *log_life);

/* A restored pair of log and state goes on under a new life of the log, since a position is never used twice within one, and is marked: the
 * next start begins a new epoch, even though log and state fit. */
void hub_restored_mark(struct txn *state, struct txn *log, const struct id16 *life /* a new one */);
bool hub_restored_take(struct txn *state); /* was it marked? The mark is gone with this transaction */
