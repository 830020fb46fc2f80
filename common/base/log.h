/* Log facts: one event name and its fields, told from the domain, never a printf line.
 *
 *   log_fact(LOG_INFO, "link.caught_up", FACT_UINT("peer", node), FACT_UINT("upto", at));
 *
 * Personal data never goes into a fact: ids, numbers and reasons only. */
#pragma once

#include "common/base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum fact_kind { FACT_END_KIND, FACT_TEXT_KIND, FACT_INT_KIND, FACT_UINT_KIND, FACT_HEX_KIND };

struct fact {
    const char *key;
    enum fact_kind kind;
    union {
        const char *text; /* borrows */
        int64_t i;
        uint64_t u;
        struct bytes hex; /* borrows */
    };
};

#define FACT_TEXT(k, v) ((struct fact){(k), FACT_TEXT_KIND, {.text = (v)}})
#define FACT_INT(k, v) ((struct fact){(k), FACT_INT_KIND, {.i = (v)}})
#define FACT_UINT(k, v) ((struct fact){(k), FACT_UINT_KIND, {.u = (v)}})
#define FACT_HEX(k, v) ((struct fact){(k), FACT_HEX_KIND, {.hex = (v)}})

#define log_fact(level, event, ...)                                                                                                        \
    log_facts((level), (event), (const struct fact[]){__VA_ARGS__ __VA_OPT__(, ){NULL, FACT_END_KIND, {.u = 0}}})

enum log_form { LOG_PLAIN, LOG_JOURNAL /* <n> prefix of sd-daemon(3) */, LOG_JSON };

void log_facts(enum log_level level, const char *event, const struct fact *facts);
void log_form_set(enum log_form form);
void log_level_set(enum log_level least);
enum log_level log_level_now(void);
enum log_form log_form_now(void);
const char *log_level_name(enum log_level level);            /* static */
bool log_level_parse(const char *text, enum log_level *out); /* debug info warning error */

/* Everything that passes the level also goes to the watcher (NULL: none): `line` is one fact without time, in the plain form.
 * Called on the thread that logs, under the log's lock: it must not log. */
void log_watch(void (*watcher)(void *owner, enum log_level level, const char *line), void *owner);
