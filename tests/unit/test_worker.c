/* The worker: order, one result for a batch, and how old the oldest work is. */
#include "common/engine/worker.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    uv_loop_t loop;
    struct worker *worker;
    sem_t go, at_work, calm;
    unsigned worked, done, batches;
    int order[16];
};

struct task {
    struct job job;
    struct stage *stage;
    int number, result;
    bool waits;
};

static void work(struct job *j, void *owner) {
    struct task *t = (struct task *)j;
    (void)owner;
    if (t->waits) {
        sem_post(&t->stage->at_work);
        while (sem_wait(&t->stage->go) != 0)
            continue;
    }
    t->stage->order[t->stage->worked++] = t->number;
}

static void done(struct job *j, int result) {
    struct task *t = (struct task *)j;
    t->result = result;
    t->stage->done++;
}

static int end(void *owner) {
    return (int)++((struct stage *)owner)->batches;
}

static void quiet(void *owner) {
    sem_post(&((struct stage *)owner)->calm);
}

static void open_stage(struct stage *s) {
    memset(s, 0, sizeof *s);
    uv_loop_init(&s->loop);
    sem_init(&s->go, 0, 0);
    sem_init(&s->at_work, 0, 0);
    sem_init(&s->calm, 0, 0);
    struct worker_calls calls = {.end = end, .quiet = quiet, .owner = s};
    s->worker = worker_open(&s->loop, "test", &calls);
}

static void close_stage(struct stage *s) {
    s->worker = worker_close(s->worker);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    sem_destroy(&s->go);
    sem_destroy(&s->at_work);
    sem_destroy(&s->calm);
}

static void submit(struct stage *s, struct task *t, int number, bool waits) {
    *t = (struct task){.job = {.work = work, .done = done}, .stage = s, .number = number, .waits = waits};
    worker_submit(s->worker, &t->job);
}

/* Until the oldest work is so old; the deadline is 20 s. */
static bool becomes(struct stage *s, uint64_t ms) {
    uint64_t until = uv_hrtime() + 20000000000u;
    while (worker_oldest_ms(s->worker) < ms && uv_hrtime() < until)
        continue;
    return worker_oldest_ms(s->worker) >= ms;
}

static void batches_in_order_with_one_result(void **state) {
    struct stage s;
    struct task t[4];
    (void)state;
    open_stage(&s);
    submit(&s, &t[0], 0, true);
    sem_wait(&s.at_work); /* the others wait together: one batch */
    for (int i = 1; i < 4; i++)
        submit(&s, &t[i], i, false);
    assert_int_equal(worker_waiting(s.worker), 4);
    sem_post(&s.go);
    while (s.done < 4)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(worker_waiting(s.worker), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s.order[i], i);
        assert_int_equal(t[i].result, i == 0 ? 1 : 2);
    }
    close_stage(&s);
}

static void the_oldest_is_known_while_it_waits_and_works(void **state) {
    struct stage s;
    struct task t[2];
    (void)state;
    open_stage(&s);
    assert_int_equal(worker_oldest_ms(s.worker), 0);
    submit(&s, &t[0], 0, true);
    sem_wait(&s.at_work);
    assert_true(becomes(&s, 50)); /* on the thread */
    submit(&s, &t[1], 1, true);
    assert_true(worker_oldest_ms(s.worker) >= 50); /* a younger one does not hide it */
    sem_post(&s.go);
    sem_wait(&s.at_work); /* the first is finished; that the loop has not looked yet is not the thread's fault */
    assert_true(worker_oldest_ms(s.worker) < 40000);
    assert_true(becomes(&s, 50));
    sem_post(&s.go);
    while (s.done < 2)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(worker_oldest_ms(s.worker), 0);
    close_stage(&s);
}

/* It is told of a quiet time after work, and not of one after another. */
static void a_quiet_time_is_told_once(void **state) {
    struct stage s;
    struct task t;
    struct timespec until;
    (void)state;
    open_stage(&s);
    for (int i = 0; i < 2; i++) {
        submit(&s, &t, i, false);
        while (s.done < (unsigned)i + 1)
            uv_run(&s.loop, UV_RUN_ONCE);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 20;
        assert_int_equal(sem_timedwait(&s.calm, &until), 0);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3;
    assert_int_not_equal(sem_timedwait(&s.calm, &until), 0);
    close_stage(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_in_order_with_one_result),
        cmocka_unit_test(the_oldest_is_known_while_it_waits_and_works),
        cmocka_unit_test(a_quiet_time_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
