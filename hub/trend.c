/* How the city was over the last day: a few numbers, looked at every ten seconds, in memory. From the machines, without the store. */
#include "common/base/clock.h"
#include "hub/city.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAMPLE_MS = 10000,
    SAMPLES = 8640 /* a day */,
    ROWS = 720, /* of an answer: more are drawn by nobody */
    HOURS = 24,
};

struct sample {
    wall_ms at;
    uint64_t offices_backlog, merge_backlog, oldest_ms, online, conflicts, held, received;
};

struct trend {
    struct city *city;
    uv_timer_t timer;
    struct sample *samples; /* owns; a ring */
    uint64_t count;         /* ever taken */
};

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Of an office that is away it is what it said last, and its oldest change has grown older since. */
static struct sample look(const struct city *c) {
    struct hub_counts n = hub_engine_counts(c->engine);
    struct sample s = {.at = clock_wall(), .merge_backlog = n.log_last - n.position, .conflicts = n.conflicts, .held = n.held};
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_link *l = &hub_engine_peer(c->engine, i)->link;
        for (size_t k = 0; k < l->life_count; k++)
            s.received += l->lives[k].accepted;
        if (l->revoked || l->retired)
            continue;
        s.online += strcmp(office_state(l, clock_now()), "online") == 0;
        if (l->reported == 0 || l->last.backlog == 0)
            continue;
        s.offices_backlog += l->last.backlog;
        s.oldest_ms = larger(s.oldest_ms, l->last.oldest_ms + (s.at > l->reported ? s.at - l->reported : 0));
    }
    return s;
}

static void on_sample(uv_timer_t *timer) {
    struct trend *t = timer->data;
    t->samples[t->count++ % SAMPLES] = look(t->city);
}

static json_t *row_of(const struct sample *s) {
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "at_ms", (json_int_t)s->at, "offices_backlog", (json_int_t)s->offices_backlog,
        "merge_backlog", (json_int_t)s->merge_backlog, "oldest_ms", (json_int_t)s->oldest_ms, "online", (json_int_t)s->online, "conflicts",
        (json_int_t)s->conflicts, "held", (json_int_t)s->held, "received", (json_int_t)s->received);
}

json_t *trend_last(const struct city *c) {
    const struct trend *t = c->trend;
    return t == NULL || t->count == 0 ? NULL : row_of(&t->samples[(t->count - 1) % SAMPLES]);
}

/* Of samples that become one row, what counts is the worst: the least that were online, the most of all else. */
static void join(struct sample *into, const struct sample *s) {
    into->at = s->at;
    into->online = s->online < into->online ? s->online : into->online;
    into->offices_backlog = larger(into->offices_backlog, s->offices_backlog);
    into->merge_backlog = larger(into->merge_backlog, s->merge_backlog);
    into->oldest_ms = larger(into->oldest_ms, s->oldest_ms);
    into->conflicts = larger(into->conflicts, s->conflicts);
    into->held = larger(into->held, s->held);
    into->received = s->received;
}

void cmd_trend(void *owner, struct request *q) {
    const struct city *c = owner;
    const struct trend *t = c->trend;
    uint64_t hours = HOURS;
    if (request_has(q, "hours") && (!request_number(q, "hours", &hours) || hours < 1 || hours > HOURS)) {
        request_error(q, "bad_request", "--hours is a number from 1 to 24", "anjuctl trend --hours 2");
        return;
    }
    uint64_t have = t == NULL ? 0 : t->count < SAMPLES ? t->count : SAMPLES, most = hours * 3600000 / SAMPLE_MS;
    uint64_t n = have < most ? have : most, step = (n + ROWS - 1) / ROWS;
    for (uint64_t i = 0; i < n; i += step) {
        struct sample s = t->samples[(t->count - n + i) % SAMPLES];
        for (uint64_t k = 1; k < step && i + k < n; k++)
            join(&s, &t->samples[(t->count - n + i + k) % SAMPLES]);
        request_row(q, row_of(&s));
    }
    request_end(q);
}

void trend_open(struct city *c) {
    struct trend *t = memory_zeroed(1, sizeof *t);
    t->city = c;
    t->samples = memory_zeroed(SAMPLES, sizeof *t->samples);
    uv_timer_init(&c->loop, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_sample, 0, SAMPLE_MS);
    c->trend = t;
}

static void on_closed(uv_handle_t *h) {
    struct trend *t = h->data;
    free(t->samples);
    free(t);
}

void trend_close(struct city *c) {
    if (c->trend != NULL)
        uv_close((uv_handle_t *)&c->trend->timer, on_closed);
    c->trend = NULL;
}
