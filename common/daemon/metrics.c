#include "common/daemon/metrics.h"

#include "common/base/log.h"
#include "common/base/program.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void metric_begin(struct metrics *m, const struct metric *what) {
    buffer_format(&m->text, "# HELP %s %s\n# TYPE %s %s\n", what->name, what->help, what->name, what->type);
}

/* Whole numbers without a fraction, whatever their size. */
static void say_value(struct metrics *m, double value) {
    if (fabs(value) < 1e15 && value == floor(value))
        buffer_format(&m->text, " %" PRId64 "\n", (int64_t)value);
    else
        buffer_format(&m->text, " %.6g\n", value);
}

void metric_sample(struct metrics *m, const struct metric *what, const char *labels, double value) {
    buffer_text(&m->text, what->name);
    if (labels != NULL)
        buffer_format(&m->text, "{%s}", labels);
    say_value(m, value);
}

void metric_one(struct metrics *m, const struct metric *what, double value) {
    metric_begin(m, what);
    metric_sample(m, what, NULL, value);
}

void metric_histogram(
    struct metrics *m, const struct metric *what, const double *bounds, size_t count, const uint64_t *counts, double sum) {
    uint64_t all = 0;
    metric_begin(m, what);
    for (size_t i = 0; i <= count; i++) {
        char bound[32] = "+Inf";
        all += counts[i];
        if (i < count)
            snprintf(bound, sizeof bound, "%g", bounds[i]);
        buffer_format(&m->text, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", what->name, bound, all);
    }
    buffer_format(&m->text, "%s_sum", what->name);
    say_value(m, sum);
    buffer_format(&m->text, "%s_count %" PRIu64 "\n", what->name, all);
}

void metric_common(struct metrics *m, const char *where, const struct problems *p) {
    static const struct metric build = {"anju_build_info", "gauge", "What this program is."};
    static const struct metric problem = {"anju_problem", "gauge", "How many there are of a problem, by its code: anjuctl problems --all."};
    char labels[256];
    snprintf(
        labels, sizeof labels, "daemon=\"%s\",version=\"%s\",protocol=\"%d\",store_format=\"%d\"", where, PROGRAM_VERSION, PROGRAM_PROTOCOL,
        PROGRAM_STORE_FORMAT);
    metric_begin(m, &build);
    metric_sample(m, &build, labels, 1);
    metric_begin(m, &problem);
    for (enum problem_name i = 0; i < PROBLEM_NAMES; i++) {
        const struct problem *what = problem_of(i);
        if (strcmp(what->where, "both") != 0 && strcmp(what->where, where) != 0)
            continue;
        snprintf(labels, sizeof labels, "code=\"%s\",severity=\"%s\"", what->code, problem_level_name(what->level));
        metric_sample(m, &problem, labels, (double)problems_number(p, i));
    }
}

/* ---- the port */

static void on_metrics(void *owner, struct http_request *r) {
    const struct metrics_door *d = owner;
    struct metrics m = {.text = {0}};
    d->fill(d->owner, &m);
    http_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_bytes(&m.text));
    buffer_close(&m.text);
}

static const struct http_route routes[] = {{"GET", "/metrics", on_metrics, 0}};

void metrics_open(
    struct metrics_door *d, uv_loop_t *loop, const char *endpoint, void (*fill)(void *owner, struct metrics *m), void *owner) {
    static const struct http_limits few = {.connections = 16, .per_address = 16, .idle_s = 30, .stream_behind = 0, .streams = 0};
    *d = (struct metrics_door){.fill = fill, .owner = owner, .wanted = endpoint};
    if (*endpoint == '\0')
        return;
    d->failed = http_open(loop, endpoint, &few, routes, 1, d, &d->http);
    if (d->failed != 0)
        log_fact(LOG_WARNING, "metrics.port", FACT_TEXT("endpoint", endpoint), FACT_TEXT("why", strerror(-d->failed)));
}

void metrics_close(struct metrics_door *d) {
    d->http = http_close(d->http);
}

const char *metrics_endpoint(const struct metrics_door *d) {
    return d->http == NULL ? "" : http_endpoint(d->http);
}

void metrics_problem(const struct metrics_door *d, struct problems *p) {
    if (d->failed != 0)
        problem_add(p, PROBLEM_METRICS_PORT, "{s:s, s:s}", "endpoint", d->wanted, "why", strerror(-d->failed));
}

void metrics_answer(const struct metrics_door *d, struct request *q) {
    struct metrics m = {.text = {0}};
    d->fill(d->owner, &m);
    request_ok(q, json_pack("{s:s}", "text", buffer_string(&m.text)));
    buffer_close(&m.text);
}
