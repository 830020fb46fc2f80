/* Metrics in the text form of Prometheus: by a command, and over HTTP on a loopback port (there is no login, and nothing personal in it:
 * numbers of the daemon and of the city, never of a person, a clerk or a single office). */
#pragma once

#include "common/daemon/http.h"
#include "common/daemon/problems.h"

/* One family; a daemon's are a table beside the function that fills them. */
struct metric {
    const char *name, *type /* gauge, counter, histogram */, *help;
};

struct metrics {
    struct buffer text; /* owns */
};
void metric_begin(struct metrics *m, const struct metric *what); /* its samples follow at once */
void metric_sample(struct metrics *m, const struct metric *what, const char *labels /* state="x"; NULL: none */, double value);
void metric_one(struct metrics *m, const struct metric *what, double value); /* both; without labels */
/* counts[n] are the values up to bounds[n]; the last one, above all bounds, is counts[count]. */
void metric_histogram(struct metrics *m, const struct metric *what, const double *bounds, size_t count, const uint64_t *counts, double sum);
/* What every daemon says: its build, and each problem of the table that can be found here, 0 when it is not. */
void metric_common(struct metrics *m, const char *where /* hub, node */, const struct problems *p);

/* The port, and the answer. */
struct metrics_door {
    void (*fill)(void *owner, struct metrics *m);
    void *owner; /* borrows */
    const char *wanted;
    struct http *http; /* owns; NULL: not open */
    int failed;        /* negative errno: it could not be opened */
};
void metrics_open(
    struct metrics_door *d, uv_loop_t *loop, const char *endpoint /* borrows; "": nowhere */, void (*fill)(void *owner, struct metrics *m),
    void *owner);
void metrics_close(struct metrics_door *d);                 /* runs the loop */
const char *metrics_endpoint(const struct metrics_door *d); /* "" when it is not open */
void metrics_problem(const struct metrics_door *d, struct problems *p);
void metrics_answer(const struct metrics_door *d, struct request *q /* takes */); /* of the command `metrics`: {"text"} */
