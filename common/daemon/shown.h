/* Long work of a command line, before or without a daemon: how far it is goes to standard error, twice a second on a terminal, else every
 * ten seconds; SIGINT and SIGTERM ask it to stop. */
#pragma once

#include "common/base/progress.h"

#include <pthread.h>
#include <signal.h>

struct shown {
    const char *what, *unit;   /* borrow: "restoring"; "bytes" are told as MiB */
    struct progress *progress; /* borrows */
    pthread_t thread;
    atomic_bool ended;
    bool terminal, told;
    sigset_t signals; /* as they were */
};
/* On the main thread, before any other is there: the signals are for the shown's thread until shown_end. */
void shown_begin(struct shown *s, const char *what, const char *unit, struct progress *p);
void shown_end(struct shown *s);
