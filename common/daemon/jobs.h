/* Long work of a daemon that an operator can look at, wait for and end: backups, checks, compactions, retention, imports. Each has a number
 * from the daemon's start on; those that ended are remembered, JOBS_REMEMBERED of them. All of it on the loop's thread but the progress
 * itself. */
#pragma once

#include "common/base/progress.h"
#include "common/daemon/control.h"

enum { JOBS_REMEMBERED = 50, JOBS_GUESTS = 16, JOBS_SILENT_MS = 60000 };

struct jobs;
struct jobs *jobs_open(void);
/* Asks all to stop, and says so to those who wait: nobody begins one any more. */
void jobs_stop(struct jobs *j /* may be NULL */);
struct jobs *jobs_close(struct jobs *j /* takes, may be NULL */); /* returns NULL; all the daemon's own work must have ended */

/* What a request asked for is a job from now on, until the request is answered: who waits for it is answered the same. With --no-wait the
 * asker is answered with its number at once. kind, unit: static. */
void jobs_begin(struct jobs *j, struct request *q, const char *kind, const char *unit, struct progress *p /* borrows until the answer */);
/* Work that nobody asked for; returns its number, for jobs_end. */
uint64_t jobs_begin_own(struct jobs *j, const char *kind, const char *unit, struct progress *p /* borrows until jobs_end */);
void jobs_end(struct jobs *j, uint64_t job, const char *why /* copies; NULL: it is done */);

/* The commands. A guest is work of a client, which tells how far it is, and is told when it shall stop; one whose session ends
 * before it, where it began with --session, or that says nothing for JOBS_SILENT_MS, has failed. */
void jobs_list(struct jobs *j, struct request *q);
void jobs_wait(struct jobs *j, struct request *q);
/* In two steps, since an order is noted before it is answered, and the store that notes it may be what the job holds up: it is asked to
 * stop at once, and that is answered. */
void jobs_stop_one(struct jobs *j, const struct request *q);
void jobs_cancel(struct jobs *j, struct request *q);
void jobs_guest_begin(struct jobs *j, struct request *q); /* busy when JOBS_GUESTS are there */
void jobs_guest_tell(struct jobs *j, struct request *q);
void jobs_guest_end(struct jobs *j, struct request *q);

/* For the daemons' command tables and field tables. */
#define JOBS_COLUMNS "job kind state done total unit began_ms took_ms uid why"
#define JOBS_FIELDS                                                                                                                        \
    {"jobs", "job", "", "its number, since this daemon started", "任务编号"},                                                              \
        {"jobs", "kind", "", "backup, verify, compaction, at the hub retention; at a node import", "任务类型"},                            \
        {"jobs", "state", "", "running, stopping (it was asked to), done, failed, cancelled", "状态"},                                     \
        {"jobs", "done", "", "of `unit`, so far", "已完成"},                                                                               \
        {"jobs", "total", "", "of `unit`, as it is known: an estimate until the end; null: not known", "总量"},                            \
        {"jobs", "unit", "", "bytes (copied, sealed and read back), values, stores, records, rows", "单位"},                               \
        {"jobs", "began_ms", "ms since 1970", "when it began", "开始时间"}, {"jobs", "took_ms", "ms", "that it took, so far", "用时"},     \
        {"jobs", "uid", "", "of the process that asked for it; null: the daemon itself", "发起用户"},                                      \
        {"jobs", "why", "", "it failed, or was cancelled", "原因"},                                                                        \
        {"job wait", "job", "", "of work that nobody asked for: as `jobs`; else the answer is that of the job's command", "任务编号"},     \
        {"job cancel", "job", "", "as `jobs` shows it; when it ends is told by `job wait`", "任务编号"}, {                                 \
        "job cancel", "state", "", "stopping", "状态"                                                                                    \
    }
