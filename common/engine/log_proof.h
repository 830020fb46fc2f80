/* Who said what the hub's log holds: each push in it is checked by itself, against its sender's key, and against the one before it of the
 * same life. A stretch at a time, since a log may be long and no snapshot is held for longer. */
#pragma once

#include "common/net/keys.h"
#include "common/store/hub_log.h"

struct log_proof;

/* The keys: the hub's own for writer 0, with those before and after as its announcements name them, and all that its own changes ever gave
 * an office, since a machine may have had another one when it signed. complain: borrows what; called while it opens and walks. */
struct log_proof *log_proof_open(
    const struct public_keys *hub, struct txn *own, void (*complain)(void *owner, const char *what), void *owner); /* gives */
void log_proof_key(struct log_proof *p, uint32_t node, struct bytes public_string); /* one more key; what is none is left out */
/* One entry by itself, of changes: is it what a key of its sender signed? */
enum log_said { LOG_SAID, LOG_SAID_BY_NOBODY, LOG_SAID_OTHERWISE };
enum log_said log_proof_said(struct log_proof *p, const struct log_entry *e);
bool log_proof_walk(struct log_proof *p, struct txn *log, uint32_t most);        /* the next entries; false: that was the last */
uint64_t log_proof_pushes(const struct log_proof *p);                            /* looked at so far */
struct log_proof *log_proof_close(struct log_proof *p /* takes, may be NULL */); /* returns NULL */
