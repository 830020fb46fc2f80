/* What a daemon answers of itself, whichever it is: long work (jobs.h) and compactions, which begin by themselves; the latest of its log;
 * its settings. It is the first member of what the daemon's commands get as their owner, so that they are the same functions in both. */
#pragma once

#include "common/daemon/config.h"
#include "common/daemon/events.h"
#include "common/daemon/jobs.h"

struct self {
    const struct settings *settings; /* borrows */
    struct jobs *jobs;               /* owns */
    struct events *events;           /* owns */
    uint64_t compaction;             /* the job, while one is under way */
};
void self_open(struct self *s, const struct settings *settings /* borrows, until self_close */);
void self_close(struct self *s); /* after the control, since a job's request must have been answered; idempotent */

/* Commands; the owner begins with a struct self. */
void self_events(void *owner, struct request *q);
void self_log_level(void *owner, struct request *q);
void self_config_show(void *owner, struct request *q);
void self_config_check(void *owner, struct request *q);
void self_jobs(void *owner, struct request *q);
void self_job_wait(void *owner, struct request *q);
void self_job_cancel(void *owner, struct request *q);

/* Of compactor_calls; the owner likewise. */
void self_compaction_began(void *owner, struct progress *p);
void self_compaction_ended(void *owner, const char *why);

/* Rows of the daemons' command tables. */
#define SELF_COMMANDS                                                                                                                      \
    {"events",                                                                                                                             \
     CONTROL_ADMIN,                                                                                                                        \
     self_events,                                                                                                                          \
     "",                                                                                                                                   \
     "level= after= count= follow",                                                                                                        \
     EVENTS_COLUMNS,                                                                                                                       \
     "the latest of the log: --count 50, --level warning; --follow: and what comes",                                                       \
     "最近的日志"},                                                                                                                        \
        {"log level",                                                                                                                      \
         CONTROL_ADMIN,                                                                                                                    \
         self_log_level,                                                                                                                   \
         "level?",                                                                                                                         \
         "",                                                                                                                               \
         "",                                                                                                                               \
         "show or set what is logged, until the daemon ends: debug info warning error",                                                    \
         "查看或设置日志级别"},                                                                                                            \
        {"config show", CONTROL_STATUS, self_config_show, "", "", CONFIG_SHOW_COLUMNS, "the settings in force and where they come from",   \
         "当前配置"},                                                                                                                      \
        {"config check",                                                                                                                   \
         CONTROL_ADMIN,                                                                                                                    \
         self_config_check,                                                                                                                \
         "path?",                                                                                                                          \
         "",                                                                                                                               \
         CONFIG_CHECK_COLUMNS,                                                                                                             \
         "read the configuration again: all that is wrong with it, or what a restart would change",                                        \
         "检查配置文件"},                                                                                                                  \
        {"jobs",                                                                                                                           \
         CONTROL_STATUS,                                                                                                                   \
         self_jobs,                                                                                                                        \
         "",                                                                                                                               \
         "",                                                                                                                               \
         JOBS_COLUMNS,                                                                                                                     \
         "long work that runs or has run (backups, checks, compactions; at the hub retention, at a node imports): how far it is",          \
         "正在进行和已结束的任务"},                                                                                                        \
        {"job wait",    CONTROL_STATUS, self_job_wait, "job", "timeout=", "", "wait until a job ends; answers as its command does",        \
         "等待任务结束"},                                                                                                                  \
    {                                                                                                                                      \
        "job cancel", CONTROL_ADMIN, self_job_cancel, "job", "", "", "ask a job to stop; nothing half-made is kept", "取消任务"        \
    }
#define SELF_FIELDS EVENTS_FIELDS, CONFIG_FIELDS, JOBS_FIELDS
