#include "common/engine/compactor.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdlib.h>

enum {
    QUIET_MS = 10000,    /* orders come one after the other: one pass is enough for several */
    AGAIN_MS = 3600000,  /* between two passes */
    RETRY_MS = 60000,    /* after one that found no room, or no pause */
    PATIENCE_MS = 10000, /* for transactions to end; a reader lives 5 s at the most */
};

struct compactor {
    struct worker *worker;
    uv_timer_t timer;
    struct store *stores[COMPACTOR_STORES];
    size_t count;
    struct compactor_calls calls;
    bool busy, wanted, full, closing;
    uint64_t rested; /* uv_now when the last pass ended; 0: there was none */
};

struct pass {
    struct job job;
    struct compactor *c;
    int result;
};

static void pass_works(struct job *j, void *owner) {
    struct pass *p = (struct pass *)j;
    struct compactor *c = owner;
    for (size_t i = 0; i < c->count && p->result == 0; i++)
        p->result = store_compact(c->stores[i], PATIENCE_MS);
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
    (void)result;
    free(p);
    c->busy = false;
    c->full = r == STORE_DISK_FULL;
    c->rested = uv_now(c->timer.loop);
    if (r == 0)
        log_fact(LOG_INFO, "store.compacted");
    else
        log_fact(LOG_WARNING, "store.not_compacted", FACT_TEXT("why", r > 0 ? store_open_hint(r) : "the disk failed"));
    if (r > 0) {
        c->wanted = true;
        later(c, RETRY_MS);
    } else if (c->wanted) {
        later(c, AGAIN_MS);
    }
    if (!c->closing && (r < 0 || (r == 0 && !c->wanted))) /* what came meanwhile is for the next pass to say */
        c->calls.done(c->calls.owner, r);
}

static void on_time(uv_timer_t *t) {
    struct compactor *c = t->data;
    struct pass *p = memory_zeroed(1, sizeof *p);
    c->busy = true;
    c->wanted = false;
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
