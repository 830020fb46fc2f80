/* How far long work is, and whether it shall end: the thread that works counts, the loop reads and may ask it to stop. Every function takes
 * NULL: nobody looks. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    _Atomic uint64_t done, total; /* of one unit; total 0: not known, and an estimate until the end */
    atomic_bool stop;
};

static inline void progress_begin(struct progress *p) {
    atomic_store(&p->done, 0);
    atomic_store(&p->total, 0);
    atomic_store(&p->stop, false);
}

static inline void progress_expect(struct progress *p, uint64_t more) {
    if (p != NULL)
        atomic_fetch_add_explicit(&p->total, more, memory_order_relaxed);
}

static inline void progress_step(struct progress *p, uint64_t by) {
    if (p != NULL)
        atomic_fetch_add_explicit(&p->done, by, memory_order_relaxed);
}

static inline bool progress_stopped(const struct progress *p) {
    return p != NULL && atomic_load_explicit(&p->stop, memory_order_relaxed);
}
