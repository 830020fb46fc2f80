/* A thread with a queue. Jobs are taken in order, all that wait at once (a batch), between `begin` and `end` on the thread; then each job's
 * `done` runs on the loop, in order. With a transaction begun in `begin` and committed in `end` that is group commit: no answer leaves
 * before its batch is durable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* The first member of a job of one's own. */
struct job {
    struct job *next;
    void (*work)(struct job *j, void *owner); /* on the thread */
    void (*done)(struct job *j, int result);  /* on the loop; owns the job; result: what `end` gave for its batch */
    uint64_t since;                           /* the worker's: ms (uv_hrtime) when it was submitted */
};

struct worker_calls {
    int (*begin)(void *owner);  /* may be NULL; a result != 0 skips the batch's jobs and is given to `done` */
    int (*end)(void *owner);    /* may be NULL */
    bool (*idle)(void *owner);  /* may be NULL: called again and again while it says true and nothing is queued */
    void (*quiet)(void *owner); /* may be NULL: once, when there was work and then none for a while; before freed memory goes back */
    void *owner;                /* borrows */
    size_t batch_max;           /* jobs; 0 = all that wait */
};

struct worker;
struct worker *worker_open(uv_loop_t *loop, const char *name /* of the thread; at most 15 characters */, const struct worker_calls *calls);
void worker_submit(struct worker *w, struct job *j /* takes */); /* on the loop's thread */
size_t worker_waiting(const struct worker *w);                   /* jobs submitted and not done */
uint64_t worker_oldest_ms(struct worker *w);                     /* how long the oldest job waits or works on the thread; 0: none does */
/* Everything submitted is finished, its `done` called, the thread joined; the loop must run once more for the handle. */
struct worker *worker_close(struct worker *w /* takes, may be NULL */); /* returns NULL */
