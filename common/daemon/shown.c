#include "common/daemon/shown.h"

#include "common/base/invariant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void tell(struct shown *s) {
    uint64_t done = atomic_load(&s->progress->done), total = atomic_load(&s->progress->total);
    unsigned shift = strcmp(s->unit, "bytes") == 0 ? 20 : 0;
    fprintf(
        stderr, "%s%s: %u %% (%llu of %llu %s)%s", s->terminal ? "\r" : "", s->what,
        total == 0 || done > total ? 100 : (unsigned)(done * 100 / total), (unsigned long long)(done >> shift),
        (unsigned long long)(total >> shift), shift > 0 ? "MiB" : s->unit, s->terminal ? "" : "\n");
    fflush(stderr);
    s->told = true;
}

static void asked_to_stop(sigset_t *out) {
    sigemptyset(out);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
}

static void *show(void *owner) {
    struct shown *s = owner;
    struct timespec terminal = {.tv_nsec = 500000000}, other = {.tv_sec = 10};
    sigset_t stop;
    asked_to_stop(&stop);
    while (!atomic_load(&s->ended)) {
        if (sigtimedwait(&stop, NULL, s->terminal ? &terminal : &other) < 0)
            tell(s);
        else if (!atomic_load(&s->ended))
            atomic_store(&s->progress->stop, true);
    }
    return NULL;
}

void shown_begin(struct shown *s, const char *what, const char *unit, struct progress *p) {
    sigset_t stop;
    *s = (struct shown){.what = what, .unit = unit, .progress = p, .terminal = isatty(STDERR_FILENO) == 1};
    asked_to_stop(&stop);
    pthread_sigmask(SIG_BLOCK, &stop, &s->signals);
    invariant(pthread_create(&s->thread, NULL, show, s) == 0);
}

void shown_end(struct shown *s) {
    atomic_store(&s->ended, true);
    pthread_kill(s->thread, SIGINT);
    pthread_join(s->thread, NULL);
    if (s->told && s->terminal)
        fprintf(stderr, "\r\033[K");
    pthread_sigmask(SIG_SETMASK, &s->signals, NULL);
}
