#include "common/daemon/problems.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/daemon/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct problem table[] = {
#define X(name, code, level, where, en, zh, next, next_zh) [PROBLEM_##name] = {code, PROBLEM_##level, where, en, zh, next, next_zh},
    PROBLEM_TABLE(X)
#undef X
};

const struct problem *problem_of(enum problem_name name) {
    return &table[name];
}

void problem_add(struct problems *p, enum problem_name name, const char *facts, ...) {
    va_list args;
    json_error_t error;
    va_start(args, facts);
    json_t *o = json_vpack_ex(&error, 0, facts, args);
    va_end(args);
    invariant(o != NULL);
    p->list = memory_resize(p->list, (p->count + 1) * sizeof *p->list);
    p->list[p->count++] = (struct problem_found){.name = name, .level = table[name].level, .facts = o};
}

void problems_sort(struct problems *p) {
    for (size_t i = 1; i < p->count; i++)
        for (size_t k = i; k > 0 && p->list[k].level > p->list[k - 1].level; k--) {
            struct problem_found x = p->list[k];
            p->list[k] = p->list[k - 1];
            p->list[k - 1] = x;
        }
}

enum problem_level problems_level(const struct problems *p) {
    enum problem_level worst = PROBLEM_FINE;
    for (size_t i = 0; i < p->count; i++)
        worst = p->list[i].level > worst ? p->list[i].level : worst;
    return worst;
}

const char *problem_level_name(enum problem_level level) {
    static const char *const names[] = {"ok", "warning", "critical"};
    return names[level];
}

void problems_close(struct problems *p) {
    for (size_t i = 0; i < p->count; i++)
        json_decref(p->list[i].facts);
    free(p->list);
    *p = (struct problems){.count = 0};
}

/* ---- words */

static void say_time(uint64_t ms, bool zh, struct buffer *out) {
    static const struct {
        uint64_t ms;
        const char *en, *zh;
    } units[] = {{86400000, "days", "天"}, {3600000, "hours", "小时"}, {60000, "minutes", "分钟"}, {1000, "seconds", "秒"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ms >= 2 * units[i].ms || i + 1 == sizeof units / sizeof *units) {
            buffer_format(out, zh ? "%" PRIu64 "%s" : "%" PRIu64 " %s", ms / units[i].ms, zh ? units[i].zh : units[i].en);
            return;
        }
}

static void say_size(uint64_t bytes, struct buffer *out) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 10240 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    buffer_format(out, "%" PRIu64 " %s", bytes, units[unit]);
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

static void say_fact(const json_t *facts, const char *name, bool zh, struct buffer *out) {
    const json_t *v = json_object_get(facts, name);
    uint64_t n = (uint64_t)json_integer_value(v);
    if (v == NULL) /* a screen that is asked in need is worth more than our pride; a test looks for it */
        buffer_text(out, "?");
    else if (json_is_string(v))
        buffer_text(out, words_in(zh, json_string_value(v)));
    else if (ends_with(name, "_ms"))
        say_time(n, zh, out);
    else if (ends_with(name, "_bytes"))
        say_size(n, out);
    else
        buffer_format(out, "%" PRIu64, n);
}

static void say(const char *words, const json_t *facts, bool zh, struct buffer *out) {
    char name[32];
    while (*words != '\0') {
        size_t n = strcspn(words, "{");
        buffer_add(out, bytes_of(words, n));
        words += n;
        if (*words == '\0')
            return;
        n = strcspn(words, "}");
        invariant(words[n] == '}' && n - 1 < sizeof name);
        memcpy(name, words + 1, n - 1);
        name[n - 1] = '\0';
        say_fact(facts, name, zh, out);
        words += n + 1;
    }
}

void problem_text(const struct problem_found *f, bool zh, struct buffer *out) {
    say(zh ? table[f->name].zh : table[f->name].en, f->facts, zh, out);
}

void problem_next(const struct problem_found *f, bool zh, struct buffer *out) {
    say(zh ? table[f->name].next_zh : table[f->name].next, f->facts, zh, out);
}

/* ---- answers */

json_t *problems_words(const struct problems *p, bool zh) {
    json_t *all = json_array();
    struct buffer line = {0};
    for (size_t i = 0; i < p->count; i++) {
        buffer_clear(&line);
        problem_text(&p->list[i], zh, &line);
        buffer_text(&line, zh ? "；" : "; ");
        problem_next(&p->list[i], zh, &line);
        json_array_append_new(all, json_string(buffer_string(&line)));
    }
    buffer_close(&line);
    return all;
}

json_t *problem_row(const struct problem_found *f, bool zh) {
    struct buffer text = {0}, next = {0};
    json_t *node = json_object_get(f->facts, "node");
    problem_text(f, zh, &text);
    problem_next(f, zh, &next);
    json_t *row = json_pack(
        "{s:s, s:s, s:O, s:s, s:s, s:O}", "severity", problem_level_name(f->level), "code", table[f->name].code, "node",
        node == NULL ? json_null() : node, "text", buffer_string(&text), "next", buffer_string(&next), "facts", f->facts);
    buffer_close(&text);
    buffer_close(&next);
    return row;
}

static void answer_table(struct request *q) {
    for (size_t i = 0; i < PROBLEM_NAMES; i++)
        request_row(
            q, json_pack(
                   "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "severity", problem_level_name(table[i].level), "code", table[i].code, "where",
                   table[i].where, "text", table[i].en, "text_zh", table[i].zh, "next", table[i].next, "next_zh", table[i].next_zh));
    request_end(q);
}

void problems_answer(struct request *q, const struct problems *p) {
    bool zh = request_chinese(q);
    if (request_flag(q, "all")) {
        answer_table(q);
        return;
    }
    for (size_t i = 0; i < p->count; i++)
        request_row(q, problem_row(&p->list[i], zh));
    request_end(q);
}

void problems_answer_check(struct request *q, const struct problems *p, json_t *numbers) {
    bool zh = request_chinese(q);
    json_t *rows = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(rows, problem_row(&p->list[i], zh));
    request_ok(q, json_pack("{s:s, s:o, s:o}", "state", problem_level_name(problems_level(p)), "numbers", numbers, "problems", rows));
}

uint64_t problems_number(const struct problems *p, enum problem_name name) {
    uint64_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].name == name) {
            const json_t *count = json_object_get(p->list[i].facts, "count");
            n += count == NULL ? 1 : (uint64_t)json_integer_value(count);
        }
    return n;
}

/* A number of `scale`; absent: as it is. */
static bool take_limit(struct request *q, const char *name, double scale, uint64_t *out) {
    const char *text = request_text(q, name);
    char *end = NULL;
    double v = text == NULL ? 0 : strtod(text, &end);
    if (text == NULL)
        return true;
    if (end == text || *end != '\0' || !(v >= 0 && v <= 1e9)) {
        request_errorf(q, "bad_request", "seconds, for --disk MiB", "--%s is a number, not %s", name, text);
        return false;
    }
    *out = (uint64_t)(v * scale);
    return true;
}

bool problem_limits_of(struct request *q, struct problem_limits *out) {
    *out = (struct problem_limits){PROBLEM_LAG_MS, PROBLEM_OFFLINE_MS, PROBLEM_DISK_BYTES};
    return take_limit(q, "max-lag", 1000, &out->lag_ms) && take_limit(q, "max-offline", 1000, &out->offline_ms) &&
           take_limit(q, "disk", 1048576, &out->disk_bytes);
}
