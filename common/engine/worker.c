#include "common/engine/worker.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct list {
    struct job *first, **last;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    const struct job *working;    /* the first of the batch on the thread, or NULL; under the lock */
    struct list queued, finished; /* under the lock; a finished job's result lies beside it */
    struct result {
        struct result *next;
        size_t jobs;
        int result;
    } * results, **results_last; /* owns */
    bool stop;
    uv_async_t async;
    struct worker_calls calls;
    size_t waiting;
};

static void add(struct list *l, struct job *j) {
    j->next = NULL;
    *l->last = j;
    l->last = &j->next;
}

static void clear(struct list *l) {
    l->first = NULL;
    l->last = &l->first;
}

static int run_batch(struct worker *w, struct job *first, size_t *count) {
    int r = w->calls.begin == NULL ? 0 : w->calls.begin(w->calls.owner);
    *count = 0;
    for (struct job *j = first; j != NULL; j = j->next, ++*count)
        if (r == 0)
            j->work(j, w->calls.owner);
    if (r == 0 && w->calls.end != NULL)
        r = w->calls.end(w->calls.owner);
    return r;
}

/* Takes up to batch_max jobs off the queue. */
static struct job *take(struct worker *w) {
    struct job *first = w->queued.first, *last = first;
    if (w->calls.batch_max == 0) {
        clear(&w->queued);
        return first;
    }
    for (size_t n = 1; n < w->calls.batch_max && last != NULL && last->next != NULL; n++)
        last = last->next;
    if (last == NULL || last->next == NULL) {
        clear(&w->queued);
        return first;
    }
    w->queued.first = last->next;
    last->next = NULL;
    return first;
}

static void finish(struct worker *w, struct job *first, size_t count, int result) {
    struct result *r = memory_zeroed(1, sizeof *r);
    r->jobs = count;
    r->result = result;
    pthread_mutex_lock(&w->lock);
    w->working = NULL;
    *w->results_last = r;
    w->results_last = &r->next;
    while (first != NULL) {
        struct job *next = first->next;
        add(&w->finished, first);
        first = next;
    }
    pthread_mutex_unlock(&w->lock);
    uv_async_send(&w->async);
}

enum { QUIET_SECONDS = 2 };

struct leisure {
    bool worked;       /* since it was quiet */
    uint64_t freed_at; /* ns; 0: what was freed is given back */
};

/* Waits for work. After some and a quiet while, what the allocator holds goes back: an idle daemon is small (8-GOALS). */
static void rest(struct worker *w, struct leisure *l) {
    struct timespec until;
    if (!l->worked && l->freed_at == 0) {
        pthread_cond_wait(&w->wake, &w->lock);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += QUIET_SECONDS;
    if (pthread_cond_timedwait(&w->wake, &w->lock, &until) == ETIMEDOUT) {
        pthread_mutex_unlock(&w->lock);
        if (l->worked) {
            if (w->calls.quiet != NULL)
                w->calls.quiet(w->calls.owner);
            *l = (struct leisure){.freed_at = uv_hrtime()};
        }
        if (memory_give_back(l->freed_at, uv_hrtime()))
            l->freed_at = 0;
        pthread_mutex_lock(&w->lock);
    }
}

static void *run(void *arg) {
    struct worker *w = arg;
    bool more = w->calls.idle != NULL;
    struct leisure leisure = {0};
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->queued.first == NULL && !w->stop && !more)
            rest(w, &leisure);
        if (w->queued.first == NULL && w->stop)
            break;
        struct job *first = take(w);
        w->working = first;
        pthread_mutex_unlock(&w->lock);
        if (first != NULL) {
            size_t count;
            int r = run_batch(w, first, &count);
            finish(w, first, count, r);
            leisure.worked = true;
            more = w->calls.idle != NULL;
        } else {
            more = w->calls.idle(w->calls.owner);
        }
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void drain(struct worker *w) {
    pthread_mutex_lock(&w->lock);
    struct job *first = w->finished.first;
    struct result *r = w->results;
    clear(&w->finished);
    w->results = NULL;
    w->results_last = &w->results;
    pthread_mutex_unlock(&w->lock);
    while (r != NULL) {
        for (size_t i = 0; i < r->jobs; i++) {
            struct job *j = first;
            first = j->next;
            w->waiting--;
            j->done(j, r->result);
        }
        struct result *next = r->next;
        free(r);
        r = next;
    }
}

static void on_async(uv_async_t *a) {
    drain(a->data);
}

struct worker *worker_open(uv_loop_t *loop, const char *name, const struct worker_calls *calls) {
    memory_keep();
    struct worker *w = memory_zeroed(1, sizeof *w);
    w->calls = *calls;
    clear(&w->queued);
    clear(&w->finished);
    w->results_last = &w->results;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    invariant(uv_async_init(loop, &w->async, on_async) == 0);
    w->async.data = w;
    invariant(pthread_create(&w->thread, NULL, run, w) == 0);
    pthread_setname_np(w->thread, name);
    return w;
}

void worker_submit(struct worker *w, struct job *j) {
    w->waiting++;
    j->since = uv_hrtime() / 1000000;
    pthread_mutex_lock(&w->lock);
    add(&w->queued, j);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

size_t worker_waiting(const struct worker *w) {
    return w->waiting;
}

uint64_t worker_oldest_ms(struct worker *w) {
    pthread_mutex_lock(&w->lock);
    const struct job *j = w->working != NULL ? w->working : w->queued.first;
    uint64_t now = uv_hrtime() / 1000000, since = j == NULL ? now : j->since;
    pthread_mutex_unlock(&w->lock);
    return now - since;
}

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

struct worker *worker_close(struct worker *w) {
    if (w == NULL)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    drain(w);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    uv_close((uv_handle_t *)&w->async, on_closed);
    return NULL;
}
