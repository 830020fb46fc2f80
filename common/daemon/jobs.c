#include "common/daemon/jobs.h"

#include "common/base/clock.h"
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum state { RUNNING, DONE, FAILED, CANCELLED };
static const char *const states[] = {"running", "done", "failed", "cancelled"};

struct waiter {
    struct request *request;
    struct waiter *next;
};

struct entry {
    struct entry *next;            /* newer */
    uint64_t number, began, ended; /* ms since 1970 */
    uint64_t told;                 /* a guest: when it was last heard of, ms of a clock that nobody sets */
    const char *kind, *unit;       /* static */
    unsigned uid;
    bool own_uid; /* the daemon's own work */
    bool guest;
    enum state state;
    struct progress *progress; /* borrows while it runs; a guest: `mine` */
    struct progress mine;      /* what is known when it has ended */
    char *why;                 /* owns */
    json_t *answer;            /* owns; the line with ok, end or error that the request was answered with */
    struct waiter *waiters;    /* own */
};

struct jobs {
    struct entry *first; /* own; oldest first */
    uint64_t last;
    bool stopping;
};

struct jobs *jobs_open(void) {
    return memory_zeroed(1, sizeof(struct jobs));
}

static void entry_free(struct entry *e) {
    free(e->why);
    json_decref(e->answer);
    free(e);
}

/* Those that run are not forgotten, however many end. */
static void forget(struct jobs *j) {
    size_t ended = 0;
    for (struct entry *e = j->first; e != NULL; e = e->next)
        ended += e->state != RUNNING;
    for (struct entry **at = &j->first; *at != NULL && ended > JOBS_REMEMBERED;) {
        struct entry *e = *at;
        if (e->state == RUNNING) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        entry_free(e);
        ended--;
    }
}

static json_t *row_of(const struct entry *e) {
    const struct progress *p = e->progress;
    uint64_t done = atomic_load(&p->done), total = atomic_load(&p->total), now = clock_wall();
    uint64_t until = e->state == RUNNING ? now : e->ended;
    bool stopping = e->state == RUNNING && atomic_load(&p->stop);
    return json_pack(
        "{s:I, s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:o, s:s?}", "job", (json_int_t)e->number, "kind", e->kind, "state",
        stopping ? "stopping" : states[e->state], "done", (json_int_t)done, "total",
        total == 0 ? json_null() : json_integer((json_int_t)(total < done ? done : total)), "unit", e->unit, "began_ms",
        (json_int_t)e->began, "took_ms", (json_int_t)(until > e->began ? until - e->began : 0), "uid",
        e->own_uid ? json_null() : json_integer(e->uid), "why", e->why);
}

/* As the command itself was answered; of work that nobody asked for, its row. */
static void answer(const struct entry *e, struct request *q) {
    json_t *ok = json_object_get(e->answer, "ok"), *error = json_object_get(e->answer, "error");
    if (error != NULL)
        request_error(
            q, json_string_value(json_object_get(error, "code")), json_string_value(json_object_get(error, "message")),
            json_string_value(json_object_get(error, "hint")));
    else if (ok != NULL)
        request_ok(q, json_incref(ok));
    else if (e->state == DONE)
        request_ok(q, row_of(e));
    else
        request_error(q, e->state == CANCELLED ? "busy" : "conflict", e->why, "`anjuctl jobs` lists what runs and what has run");
}

static void entry_end(struct entry *e, const char *why) {
    struct waiter *w = e->waiters;
    atomic_store(&e->mine.done, atomic_load(&e->progress->done));
    atomic_store(&e->mine.total, why == NULL ? atomic_load(&e->progress->done) : atomic_load(&e->progress->total));
    e->state = why == NULL ? DONE : atomic_load(&e->progress->stop) ? CANCELLED : FAILED;
    e->progress = &e->mine;
    e->ended = clock_wall();
    e->why = why == NULL ? NULL : memory_text(why);
    e->waiters = NULL;
    while (w != NULL) {
        struct waiter *next = w->next;
        answer(e, w->request);
        free(w);
        w = next;
    }
}

static struct entry *find(struct jobs *j, uint64_t number) {
    for (struct entry *e = j->first; e != NULL; e = e->next)
        if (e->number == number)
            return e;
    return NULL;
}

/* Guests that were not heard of have ended: looked at whenever somebody asks. */
static void look(struct jobs *j) {
    uint64_t now = clock_now();
    for (struct entry *e = j->first; e != NULL; e = e->next)
        if (e->guest && e->state == RUNNING && now > e->told + JOBS_SILENT_MS)
            entry_end(e, "its program says nothing any more");
}

static struct entry *begin(struct jobs *j, const char *kind, const char *unit, struct progress *p) {
    struct entry *e = memory_zeroed(1, sizeof *e), **at = &j->first;
    e->number = ++j->last;
    e->began = clock_wall();
    e->told = clock_now();
    e->kind = kind;
    e->unit = unit;
    e->progress = p == NULL ? &e->mine : p;
    if (j->stopping)
        atomic_store(&e->progress->stop, true);
    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
    forget(j);
    return e;
}

static void on_answer(void *owner, const json_t *line) {
    struct entry *e = owner;
    const json_t *error = json_object_get(line, "error");
    if (json_object_get(line, "row") != NULL || e->state != RUNNING)
        return;
    e->answer = json_deep_copy(line);
    const char *why = json_string_value(json_object_get(error, "message"));
    entry_end(e, error == NULL ? NULL : why == NULL ? "it failed" : why);
}

void jobs_begin(struct jobs *j, struct request *q, const char *kind, const char *unit, struct progress *p) {
    struct entry *e = begin(j, kind, unit, p);
    e->uid = request_uid(q);
    request_follow(q, on_answer, e, request_flag(q, "no-wait") ? json_pack("{s:I}", "job", (json_int_t)e->number) : NULL);
}

uint64_t jobs_begin_own(struct jobs *j, const char *kind, const char *unit, struct progress *p) {
    struct entry *e = begin(j, kind, unit, p);
    e->own_uid = true;
    return e->number;
}

void jobs_end(struct jobs *j, uint64_t job, const char *why) {
    struct entry *e = find(j, job);
    if (e != NULL && e->state == RUNNING)
        entry_end(e, why);
}

void jobs_stop(struct jobs *j) {
    if (j == NULL)
        return;
    j->stopping = true;
    for (struct entry *e = j->first; e != NULL; e = e->next) {
        if (e->state != RUNNING)
            continue;
        atomic_store(&e->progress->stop, true);
        if (e->guest)
            entry_end(e, "the daemon is stopping");
        for (struct waiter *w = e->waiters, *next; w != NULL; w = next) {
            next = w->next;
            request_error(w->request, "busy", "the daemon is stopping", "ask again when it runs");
            free(w);
        }
        e->waiters = NULL;
    }
}

struct jobs *jobs_close(struct jobs *j) {
    while (j != NULL && j->first != NULL) {
        struct entry *e = j->first;
        j->first = e->next;
        entry_free(e);
    }
    free(j);
    return NULL;
}

/* ---- commands */

static struct entry *asked_for(struct jobs *j, const struct request *q) {
    uint64_t number;
    look(j);
    return request_number(q, "job", &number) ? find(j, number) : NULL;
}

/* Answered with an error: NULL. */
static struct entry *named(struct jobs *j, struct request *q) {
    struct entry *e = asked_for(j, q);
    if (e == NULL)
        request_error(q, "not_found", "there is no job with this number", "`anjuctl jobs` lists what runs and what has run");
    return e;
}

void jobs_list(struct jobs *j, struct request *q) {
    look(j);
    for (const struct entry *e = j->first; e != NULL; e = e->next)
        request_row(q, row_of(e));
    request_end(q);
}

void jobs_wait(struct jobs *j, struct request *q) {
    struct entry *e = named(j, q);
    if (e == NULL)
        return;
    if (e->state != RUNNING) {
        answer(e, q);
        return;
    }
    struct waiter *w = memory_zeroed(1, sizeof *w);
    w->request = q;
    w->next = e->waiters;
    e->waiters = w;
}

void jobs_stop_one(struct jobs *j, const struct request *q) {
    struct entry *e = asked_for(j, q);
    if (e != NULL && e->state == RUNNING)
        atomic_store(&e->progress->stop, true);
}

void jobs_cancel(struct jobs *j, struct request *q) {
    struct entry *e = named(j, q);
    if (e == NULL)
        return;
    if (e->state == DONE || e->state == FAILED) {
        request_errorf(
            q, "conflict", "`anjuctl jobs` lists what runs and what has run", "this job has ended already: %s", states[e->state]);
        return;
    }
    request_ok(q, row_of(e));
}

/* ---- guests */

/* Into `out`; what is not there, or no number, is 0. */
static void take_number(const struct request *q, const char *name, _Atomic uint64_t *out) {
    uint64_t number = 0;
    request_number(q, name, &number);
    atomic_store(out, number);
}

static void guest_gone(void *owner, uint64_t number) {
    struct entry *e = find(owner, number);
    if (e != NULL && e->state == RUNNING)
        entry_end(e, "its program went away before the end");
}

void jobs_guest_begin(struct jobs *j, struct request *q) {
    const char *kind = request_text(q, "kind");
    size_t guests = 0;
    look(j);
    for (const struct entry *e = j->first; e != NULL; e = e->next)
        guests += e->guest && e->state == RUNNING;
    if (kind == NULL || strcmp(kind, "import") != 0) {
        request_error(q, "bad_request", "only an import tells how far it is", "anjuctl import does so by itself");
    } else if (guests >= JOBS_GUESTS || j->stopping) {
        request_error(q, "busy", "too many imports are under way", "`anjuctl jobs` lists them; wait for one");
    } else {
        struct entry *e = begin(j, "import", "rows", NULL);
        e->guest = true;
        e->uid = request_uid(q);
        take_number(q, "total", &e->mine.total);
        if (request_flag(q, "session"))
            request_session_end(q, guest_gone, j, e->number);
        request_ok(q, json_pack("{s:I}", "job", (json_int_t)e->number));
    }
}

static struct entry *guest(struct jobs *j, struct request *q) {
    struct entry *e = named(j, q);
    if (e == NULL || (e->guest && e->state == RUNNING && e->uid == request_uid(q)))
        return e;
    request_error(q, "conflict", "no such import of yours is under way", "`anjuctl jobs` lists what runs and what has run");
    return NULL;
}

void jobs_guest_tell(struct jobs *j, struct request *q) {
    struct entry *e = guest(j, q);
    if (e == NULL)
        return;
    e->told = clock_now();
    take_number(q, "done", &e->mine.done);
    request_ok(q, json_pack("{s:b}", "stop", (int)atomic_load(&e->mine.stop)));
}

void jobs_guest_end(struct jobs *j, struct request *q) {
    struct entry *e = guest(j, q);
    const char *why = request_text(q, "why");
    if (e == NULL)
        return;
    take_number(q, "done", &e->mine.done);
    entry_end(e, why);
    request_ok(q, row_of(e));
}
