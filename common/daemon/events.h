/* The latest facts of the log, for `anjuctl events`: a bounded ring, filled from any thread. It holds what the log holds: nothing of a
 * record, but the accounts that log in, addresses, and the codes of machines that ask to be let in. So it is for admin.sock. */
#pragma once

#include "common/daemon/control.h"

enum { EVENTS_MOST = 1000, EVENTS_BYTES_MOST = 256 * 1024 };

struct events;
struct events *events_open(void); /* gives; from now on every fact that passes the log's level is kept */
struct events *events_close(struct events *e /* takes, may be NULL */); /* returns NULL */
/* Rows, oldest first: --level LEAST, --after NUMBER, --count NUMBER (the last 50; EVENTS_MOST at the most). */
void events_list(struct events *e, struct request *q);
/* Shows the least level that is logged, or sets it until the daemon ends; `configured`: the one of its configuration. */
void events_level(struct request *q, const char *configured);

#define EVENTS_COLUMNS "at_ms level event facts"
/* For the daemons' field tables. */
#define EVENTS_FIELDS                                                                                                                      \
    {"events", "n", "", "its number since the daemon started, for --after", "序号"},                                                       \
        {"events", "at_ms", "ms since 1970", "when it was told", "时间"}, {"events", "level", "", "debug, info, warning, error", "级别"},  \
        {"events", "event", "", "its name", "事件"}, {"events", "facts", "", "what belongs to it: key=value", "内容"},                     \
        {"log level", "level", "", "the least that is logged from now on, until the daemon ends", "日志级别"}, {                           \
        "log level", "configured", "", "as the configuration has it: so it is after a restart", "配置的日志级别"                    \
    }
