#include "common/daemon/events.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STANDARD = 50 };

struct event {
    uint64_t n, at_ms;
    enum log_level level;
    char *line; /* owns; one fact in the plain form */
};

struct events {
    pthread_mutex_t lock; /* all below: facts come from any thread */
    struct event ring[EVENTS_MOST];
    uint64_t first, next; /* numbers; what is kept is first <= n < next, at n % EVENTS_MOST */
    size_t bytes;
};

static void drop_first(struct events *e) {
    struct event *old = &e->ring[e->first++ % EVENTS_MOST];
    e->bytes -= strlen(old->line) + 1;
    free(old->line);
    old->line = NULL;
}

static void on_fact(void *owner, enum log_level level, const char *line) {
    struct events *e = owner;
    size_t len = strlen(line) + 1;
    pthread_mutex_lock(&e->lock);
    while (e->first < e->next && (e->next - e->first == EVENTS_MOST || e->bytes + len > EVENTS_BYTES_MOST))
        drop_first(e);
    e->ring[e->next % EVENTS_MOST] = (struct event){.n = e->next, .at_ms = clock_wall(), .level = level, .line = memory_text(line)};
    /* A line that was cut may end within a character. */
    if (!utf8_valid(bytes_text(line)))
        for (char *c = e->ring[e->next % EVENTS_MOST].line; *c != '\0'; c++)
            *c = (char)((unsigned char)*c < 0x80 ? *c : '?');
    e->next++;
    e->bytes += len;
    pthread_mutex_unlock(&e->lock);
}

struct events *events_open(void) {
    struct events *e = memory_zeroed(1, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    e->first = e->next = 1;
    log_watch(on_fact, e);
    return e;
}

struct events *events_close(struct events *e) {
    if (e == NULL)
        return NULL;
    log_watch(NULL, NULL);
    while (e->first < e->next)
        drop_first(e);
    pthread_mutex_destroy(&e->lock);
    free(e);
    return NULL;
}

/* false: it is no number, and was answered so. Not there: as it was. */
static bool number_of(struct request *q, const char *name, uint64_t *out) {
    if (!request_has(q, name) || request_number(q, name, out))
        return true;
    request_errorf(q, "bad_request", "anjuctl events --after 0 --count 100", "--%s is a number", name);
    return false;
}

/* false: it was answered that this is none. */
static bool level_of(struct request *q, const char *text, enum log_level *out) {
    if (text == NULL || log_level_parse(text, out))
        return true;
    request_errorf(q, "bad_request", "debug, info, warning or error", "'%.40s' is no level", text);
    return false;
}

void events_list(struct events *e, struct request *q) {
    enum log_level least = LOG_DEBUG;
    uint64_t after = 0, count = STANDARD;
    if (!level_of(q, request_text(q, "level"), &least) || !number_of(q, "after", &after) || !number_of(q, "count", &count))
        return;
    json_t *rows = json_array(), *row;
    size_t i;
    pthread_mutex_lock(&e->lock);
    for (uint64_t n = e->next; n > e->first && n - 1 > after && json_array_size(rows) < count; n--) {
        const struct event *x = &e->ring[(n - 1) % EVENTS_MOST];
        const char *facts = strchr(x->line, ' ');
        if (x->level >= least)
            json_array_insert_new(
                rows, 0,
                json_pack(
                    "{s:I, s:I, s:s, s:s%, s:s}", "n", (json_int_t)x->n, "at_ms", (json_int_t)x->at_ms, "level", log_level_name(x->level),
                    "event", x->line, facts == NULL ? strlen(x->line) : (size_t)(facts - x->line), "facts",
                    facts == NULL ? "" : facts + 1));
    }
    pthread_mutex_unlock(&e->lock);
    json_array_foreach(rows, i, row) {
        request_row(q, json_incref(row));
    }
    json_decref(rows);
    request_end(q);
}

void events_level(struct request *q, const char *configured) {
    const char *text = request_text(q, "level");
    enum log_level least = log_level_now();
    if (!level_of(q, text, &least))
        return;
    if (text != NULL) {
        log_level_set(LOG_INFO); /* that it was changed is told in any case */
        log_fact(LOG_INFO, "log.level", FACT_TEXT("level", log_level_name(least)), FACT_UINT("uid", request_uid(q)));
        log_level_set(least);
    }
    request_ok(q, json_pack("{s:s, s:s}", "level", log_level_name(least), "configured", configured));
}
