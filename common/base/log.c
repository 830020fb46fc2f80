#include "common/base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The one global in the house: a process has one stderr. */
static struct {
    pthread_mutex_t lock;
    enum log_form form;
    enum log_level least;
    void (*watcher)(void *, enum log_level, const char *);
    void *owner;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

enum { LINE_BYTES = 2048 };

struct line {
    char at[LINE_BYTES];
    size_t len;
};

static void add(struct line *l, char c) {
    if (l->len + 1 < sizeof l->at) {
        l->at[l->len++] = c;
        l->at[l->len] = 0;
    }
}

static void add_text(struct line *l, const char *text) {
    while (*text != 0)
        add(l, *text++);
}

static bool plain_word(const char *text) {
    for (; *text != 0; text++)
        if ((unsigned char)*text <= ' ' || *text == '"' || *text == '=' || *text == '\\')
            return false;
    return true;
}

static void add_quoted(struct line *l, const char *text) {
    add(l, '"');
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        char hex[8];
        if (c == '"' || c == '\\') {
            add(l, '\\');
            add(l, (char)c);
        } else if (c < ' ') {
            snprintf(hex, sizeof hex, "\\u%04x", c);
            add_text(l, hex);
        } else {
            add(l, (char)c);
        }
    }
    add(l, '"');
}

static void add_fact(struct line *l, const struct fact *f, bool json) {
    char number[32];
    const char *text = f->text == NULL ? "" : f->text;
    switch (f->kind) {
    case FACT_TEXT_KIND:
        if (json || text[0] == 0 || !plain_word(text))
            add_quoted(l, text);
        else
            add_text(l, text);
        break;
    case FACT_INT_KIND:
        snprintf(number, sizeof number, "%" PRId64, f->i);
        add_text(l, number);
        break;
    case FACT_UINT_KIND:
        snprintf(number, sizeof number, "%" PRIu64, f->u);
        add_text(l, number);
        break;
    case FACT_HEX_KIND:
        if (json)
            add(l, '"');
        for (size_t i = 0; i < f->hex.len && i < 32; i++) {
            snprintf(number, sizeof number, "%02x", f->hex.at[i]);
            add_text(l, number);
        }
        if (json)
            add(l, '"');
        break;
    case FACT_END_KIND:
        break;
    }
}

static void make_plain(struct line *l, const char *event, const struct fact *facts) {
    add_text(l, event);
    for (; facts->kind != FACT_END_KIND; facts++) {
        add(l, ' ');
        add_text(l, facts->key);
        add(l, '=');
        add_fact(l, facts, false);
    }
}

static void make_json(struct line *l, const char *time, enum log_level level, const char *event, const struct fact *facts) {
    add_text(l, "{\"time\":");
    add_quoted(l, time);
    add_text(l, ",\"level\":");
    add_quoted(l, level_names[level]);
    add_text(l, ",\"event\":");
    add_quoted(l, event);
    for (; facts->kind != FACT_END_KIND; facts++) {
        add(l, ',');
        add_quoted(l, facts->key);
        add(l, ':');
        add_fact(l, facts, true);
    }
    add(l, '}');
}

void log_facts(enum log_level level, const char *event, const struct fact *facts) {
    static const char journal[] = {'7', '6', '4', '3'};
    pthread_mutex_lock(&sink.lock);
    if (level >= sink.least) {
        struct line plain = {.len = 0};
        make_plain(&plain, event, facts);
        struct timespec now;
        struct tm parts;
        char stamp[40], whole[64];
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &parts);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(whole, sizeof whole, "%s.%03ldZ", stamp, now.tv_nsec / 1000000);
        if (sink.form == LOG_JSON) {
            struct line json = {.len = 0};
            make_json(&json, whole, level, event, facts);
            fprintf(stderr, "%s\n", json.at);
        } else if (sink.form == LOG_JOURNAL) {
            fprintf(stderr, "<%c>%s\n", journal[level], plain.at);
        } else {
            fprintf(stderr, "%s %-7s %s\n", whole, level_names[level], plain.at);
        }
        if (sink.watcher != NULL)
            sink.watcher(sink.owner, level, plain.at);
    }
    pthread_mutex_unlock(&sink.lock);
}

void log_form_set(enum log_form form) {
    pthread_mutex_lock(&sink.lock);
    sink.form = form;
    pthread_mutex_unlock(&sink.lock);
}

void log_level_set(enum log_level least) {
    pthread_mutex_lock(&sink.lock);
    sink.least = least;
    pthread_mutex_unlock(&sink.lock);
}

enum log_form log_form_now(void) {
    pthread_mutex_lock(&sink.lock);
    enum log_form now = sink.form;
    pthread_mutex_unlock(&sink.lock);
    return now;
}

enum log_level log_level_now(void) {
    pthread_mutex_lock(&sink.lock);
    enum log_level now = sink.least;
    pthread_mutex_unlock(&sink.lock);
    return now;
}

const char *log_level_name(enum log_level level) {
    return level_names[level];
}

bool log_level_parse(const char *text, enum log_level *out) {
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

void log_watch(void (*watcher)(void *, enum log_level, const char *), void *owner) {
    pthread_mutex_lock(&sink.lock);
    sink.watcher = watcher;
    sink.owner = owner;
    pthread_mutex_unlock(&sink.lock);
}
