#include "common/engine/compactor.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdlib.h>

enum {
    QUIET_MS = 10000,    /* orders come one after the other: one pass is enough for several */
    AGAIN_MS = 3600000,  /* between two passes, and after one that was cancelled */
    RETRY_MS = 60000,    /* after one that found no room, or no pause */
    PATIENCE_MS = 10000, /* for transactions to end; a reader lives 5 s at the most, but for a check of a whole store */
};

struct compactor {
    struct worker *worker;
    uv_timer_t timer;
    struct store *stores[COMPACTOR_STORES];
    size_t count;
    struct compactor_calls calls;
    bool busy, wanted, full, closing;
    struct progress progress; /* of the pass: stores */
    uint64_t rested;          /* uv_now when the last pass ended; 0: there was none */
};

struct pass {
    struct job job;
    struct compactor *c;
    int result;
    bool cancelled; /* before the last store */
};

static void pass_works(struct job *j, void *owner) {
    struct pass *p = (struct pass *)j;
    struct compactor *c = owner;
    for (size_t i = 0; i < c->count && p->result == 0; i++) {
        p->cancelled = progress_stopped(&c->progress);
        if (p->cancelled)
            break;
        p->result = store_compact(c->stores[i], PATIENCE_MS);
        progress_step(&c->progress, p->result == 0);
    }
}

static void on_time(uv_timer_t *t);

static void later(struct compactor *c, uint64_t ms) {
    if (!c->closing)
        uv_timer_start(&c->timer, on_time, ms, 0);
}

static void pass_done(struct job *j, int result) {
    struct pass *p = (struct pass *)j;
    struct compactor *c = p->c;
    int r = p->result;
    bool cancelled = p->cancelled;
    const char *why = cancelled ? "cancelled; it is done in an hour" : r == 0 ? NULL : r > 0 ? store_open_hint(r) : "the disk failed";
    (void)result;
    free(p);
    c->busy = false;
    c->full = r == STORE_DISK_FULL;
    c->rested = uv_now(c->timer.loop);
    if (why == NULL)
        log_fact(LOG_INFO, "store.compacted");
    else
        log_fact(LOG_WARNING, "store.not_compacted", FACT_TEXT("why", why));
    if (c->calls.watch.ended != NULL)
        c->calls.watch.ended(c->calls.watch.owner, why);
    if (cancelled) {
        c->wanted = true;
        later(c, AGAIN_MS);
    } else if (r > 0) {
        c->wanted = true;
        later(c, RETRY_MS);
    } else if (c->wanted) {
        later(c, AGAIN_MS);
    }
    if (!c->closing && !cancelled && (r < 0 || (r == 0 && !c->wanted))) /* what came meanwhile is for the next pass to say */
        c->calls.done(c->calls.owner, r);
}

static void on_time(uv_timer_t *t) {
    struct compactor *c = t->data;
    struct pass *p = memory_zeroed(1, sizeof *p);
    c->busy = true;
    c->wanted = false;
    progress_begin(&c->progress);
    progress_expect(&c->progress, c->count);
    if (c->calls.watch.began != NULL)
        c->calls.watch.began(c->calls.watch.owner, &c->progress);
    p->c = c;
    p->job.work = pass_works;
    p->job.done = pass_done;
    worker_submit(c->worker, &p->job);
}

struct compactor *compactor_open(uv_loop_t *loop, struct store *const stores[], size_t count, const struct compactor_calls *calls) {
    struct compactor *c = memory_zeroed(1, sizeof *c);
    for (size_t i = 0; i < count && i < COMPACTOR_STORES; i++)
        c->stores[c->count++] = stores[i];
    c->calls = *calls;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    struct worker_calls w = {.owner = c, .batch_max = 1};
    c->worker = worker_open(loop, "anju-compact", &w);
    return c;
}

void compactor_soon(struct compactor *c) {
    uint64_t now = uv_now(c->timer.loop), wait = QUIET_MS;
    c->wanted = true;
    if (c->busy)
        return;
    if (c->rested != 0 && now < c->rested + AGAIN_MS && !c->full)
        wait = c->rested + AGAIN_MS - now;
    later(c, wait < QUIET_MS ? QUIET_MS : wait);
}

bool compactor_busy(const struct compactor *c) {
    return c->busy;
}

bool compactor_full(const struct compactor *c) {
    return c->full;
}

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

struct compactor *compactor_close(struct compactor *c) {
    if (c == NULL)
        return NULL;
    c->closing = true;
    uv_timer_stop(&c->timer);
    c->worker = worker_close(c->worker);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    return NULL;
}
