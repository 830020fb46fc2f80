#include "common/daemon/print.h"

#include "common/base/bytes.h"
#include "common/base/memory.h"
#include "common/daemon/words.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

enum { COLUMNS_MOST = 128 };

bool print_form_parse(const char *text, enum print_form *out) {
    static const char *const names[] = {"table", "wide", "json", "jsonl", "csv", "name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum print_form)i;
            return true;
        }
    return false;
}

static FILE *out_of(const struct print *p) {
    return p->out == NULL ? stdout : p->out;
}

static void put_line(const struct print *p, const char *text) {
    fputs(text, out_of(p));
    fputc('\n', out_of(p));
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

/* A time since 1970 as the clock on the wall says it; a span as a few of its units. */
static bool as_time(const char *name, json_int_t v, struct buffer *out) {
    static const json_int_t since_2001 = 1000000000000;
    static const struct {
        const char *unit;
        json_int_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    if (!ends_with(name, "_ms") || v < 0)
        return false;
    if (v > since_2001) {
        char text[40];
        time_t t = (time_t)(v / 1000);
        struct tm when;
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&t, &when));
        buffer_text(out, text);
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (v >= 2 * units[i].ms) {
            buffer_format(out, "%" JSON_INTEGER_FORMAT " %s", v / units[i].ms, units[i].unit);
            return true;
        }
    buffer_format(out, "%" JSON_INTEGER_FORMAT " ms", v);
    return true;
}

static bool as_size(const char *name, json_int_t v, struct buffer *out) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    if (!ends_with(name, "_bytes") || v < 0)
        return false;
    for (; v >= 10240 && i + 1 < sizeof units / sizeof *units; i++)
        v /= 1024;
    buffer_format(out, "%" JSON_INTEGER_FORMAT " %s", v, units[i]);
    return true;
}

/* States and severities: their Chinese, and what they are painted with, as its escape (ECMA-48, 8.3.117); NULL: as the rest. */
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
static const struct state {
    const char *word, *zh, *color;
} states[] = {
    /* problems */
    {"ok", "正常", GREEN},
    {"warning", "警告", YELLOW},
    {"critical", "严重", RED},
    /* links */
    {"online", "在线", GREEN},
    {"offline", "离线", RED},
    {"never seen", "从未连接", NULL},
    {"greeting", "正在握手", NULL},
    {"unknown", "尚未确认", YELLOW},
    {"stale", "数据不通", YELLOW},
    {"forked", "两块磁盘同一密钥", RED},
    {"paused", "已暂停", YELLOW},
    {"resumed", "已恢复", NULL},
    {"retired", "已停用", NULL},
    {"revoked", "已吊销", RED},
    {"asleep", "休眠", NULL},
    {"down", "断开", RED},
    {"connecting", "正在连接", NULL},
    {"settling", "正在核对", NULL},
    {"ready", "正常", GREEN},
    {"lost", "中断", RED},
    /* machines that ask to be let in */
    {"expired", "已过期", NULL},
    {"pending", "待处理", YELLOW},
    {"enrolled", "已登记", GREEN},
    {"rejected", "已拒绝", RED},
    {"outdated", "已失效", NULL},
    {"waits", "等待", YELLOW},
    /* changes */
    {"saved", "已保存", NULL},
    {"accepted", "已接收", NULL},
    {"merged", "已合并", GREEN},
    {"repeated", "重复", NULL},
    {"held", "已搁置", YELLOW},
    {"unchanged", "未变", NULL},
    {"decided", "已决定", NULL},
    {"there", "已有", NULL},
    {"missing", "缺少", YELLOW},
    /* policies, areas */
    {"active", "生效", GREEN},
    {"staged", "待生效", NULL},
    {"coming", "正在传来", NULL},
    {"waiting", "等待", NULL},
    {"ended", "已停止", NULL},
    {"over", "已结束", NULL},
    {"applied", "已采用", GREEN},
    {"refused", "已拒绝", RED},
    {"to come", "将生效", NULL},
    {"dissolved", "已撤销", NULL},
    {"closed", "已截止", NULL},
    /* time that is over, and erasing */
    {"due", "到期", NULL},
    {"ordered", "已下令", NULL},
    {"noted", "已记录", NULL},
    {"erased", "已删除", NULL},
    {"destroyed", "已销毁", NULL},
    /* accounts, jobs */
    {"added", "已添加", NULL},
    {"changed", "已更改", NULL},
    {"removed", "已移除", NULL},
    {"running", "进行中", NULL},
    {"stopping", "正在停止", YELLOW},
    {"done", "完成", GREEN},
    {"failed", "失败", RED},
    {"cancelled", "已取消", YELLOW},
};

static const struct state *state_find(const char *word) {
    for (size_t i = 0; word != NULL && i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i].word, word) == 0)
            return &states[i];
    return NULL;
}

static bool names_state(const char *name) {
    return strcmp(name, "state") == 0 || strcmp(name, "severity") == 0 || strcmp(name, "link") == 0 || strcmp(name, "link_state") == 0;
}

const char *print_state(bool zh, const char *word) {
    const struct state *s = state_find(word);
    return zh && s != NULL ? s->zh : word;
}

static const char *color_of(const struct print *p, const char *name, const json_t *v) {
    const struct state *s = p->color && names_state(name) ? state_find(json_string_value(v)) : NULL;
    return s == NULL ? NULL : s->color;
}

static void cell(const json_t *v, struct buffer *out);

/* A value as people read it: by the unit that its name has, a reason, a state, yes and no in their language. */
static void people_cell(const struct print *p, const char *name, const json_t *v, struct buffer *out) {
    if (json_is_string(v) && strcmp(name, "reason") == 0)
        buffer_text(out, words_in(p->zh, json_string_value(v)));
    else if (json_is_string(v) && names_state(name))
        buffer_text(out, print_state(p->zh, json_string_value(v)));
    else if (p->zh && json_is_boolean(v))
        buffer_text(out, json_is_true(v) ? "是" : "否");
    else if (!json_is_integer(v) || (!as_time(name, json_integer_value(v), out) && !as_size(name, json_integer_value(v), out)))
        cell(v, out);
}

/* A value in one cell. */
static void cell(const json_t *v, struct buffer *out) {
    if (json_is_string(v)) {
        buffer_text(out, json_string_value(v));
    } else if (json_is_null(v) || v == NULL || (json_is_array(v) && json_array_size(v) == 0)) {
        buffer_text(out, "-");
    } else {
        char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII * 0);
        buffer_text(out, text == NULL ? "?" : text);
        free(text);
    }
}

static void print_line(const struct print *p, const json_t *row) {
    char *text = json_dumps(row, JSON_COMPACT);
    if (text != NULL)
        put_line(p, text);
    free(text);
}

static void print_name(const struct print *p, const json_t *row) {
    static const char *const names[] = {"raw", "hash", "id", "node", "name", "area"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *v = json_object_get(row, names[i]);
        struct buffer b = {0};
        if (v == NULL)
            continue;
        cell(v, &b);
        put_line(p, buffer_string(&b));
        buffer_close(&b);
        return;
    }
}

void print_row(void *owner, const json_t *row) {
    struct print *p = owner;
    if (p->form == PRINT_JSONL)
        print_line(p, row);
    else if (p->form == PRINT_NAME)
        print_name(p, row);
    else {
        if (p->rows == NULL)
            p->rows = json_array();
        json_array_append(p->rows, (json_t *)(uintptr_t)row);
    }
}

static const char *title_of(const struct print *p, const char *name) {
    const char *title = p->titles == NULL ? NULL : json_string_value(json_object_get(p->titles, name));
    return title == NULL || *title == '\0' ? name : title;
}

/* How many columns of a terminal it takes; what is no text of this locale as many as it has bytes. */
static int width_of(const char *text) {
    wchar_t wide[128];
    size_t n = mbstowcs(wide, text, sizeof wide / sizeof *wide);
    int width = n >= sizeof wide / sizeof *wide ? -1 : wcswidth(wide, n);
    return width < 0 ? (int)strlen(text) : width;
}

static void print_object(const struct print *p, const json_t *o, unsigned indent) {
    FILE *out = out_of(p);
    const char *key;
    json_t *v;
    int widest = 20 - (int)indent;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        int width = indent == 0 && p->titles != NULL ? width_of(title_of(p, key)) : 0;
        widest = width > widest ? width : widest;
    }
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        struct buffer b = {0};
        const char *title = indent == 0 ? title_of(p, key) : key; /* further in the names are a catalogue's */
        int width = width_of(title), space = width < widest ? widest - width + 1 : 1;
        if (json_is_object(v) && json_object_size(v) > 0) {
            fprintf(out, "%*s%s:\n", (int)indent, "", title);
            print_object(p, v, indent + 2);
        } else if (json_is_array(v) && json_is_string(json_array_get(v, 0))) { /* texts: a line each */
            for (size_t i = 0; i < json_array_size(v); i++)
                fprintf(
                    out, "%*s%s%*s%s\n", (int)indent, "", i == 0 ? title : "", i == 0 ? space : widest + 1, "",
                    json_string_value(json_array_get(v, i)));
        } else {
            people_cell(p, key, v, &b);
            const char *color = color_of(p, key, v);
            fprintf(
                out, "%*s%s%*s%s%s%s\n", (int)indent, "", title, space, "", color == NULL ? "" : color, buffer_string(&b),
                color == NULL ? "" : "\033[0m");
        }
        buffer_close(&b);
    }
}

/* A command may answer in several ways: columns that no row has are left out. */
static bool any_has(const json_t *rows, const char *name) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (json_object_get(row, name) != NULL) return true;
    return false;
}

/* All fields of all rows that are one value each, in the order in which they come. */
static json_t *fields_of(const json_t *rows) {
    json_t *names = json_object(), *row, *v;
    const char *key;
    size_t i;
    json_array_foreach(rows, i, row) json_object_foreach(row, key, v) if (!json_is_object(v) && !json_is_array(v))
        json_object_set_new(names, key, json_null());
    return names;
}

static void csv_cell(const char *text, FILE *out) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_csv(const struct print *p) {
    json_t *names = fields_of(p->rows), *row, *v;
    const char *key;
    size_t i, n = 0;
    FILE *out = out_of(p);
    if (!p->no_header) {
        json_object_foreach(names, key, v) {
            fputs(n++ == 0 ? "" : ",", out);
            csv_cell(key, out);
        }
        fputs("\r\n", out);
    }
    json_array_foreach(p->rows, i, row) {
        n = 0;
        json_object_foreach(names, key, v) {
            const json_t *value = json_object_get(row, key);
            struct buffer b = {0};
            fputs(n++ == 0 ? "" : ",", out);
            if (value != NULL && !json_is_null(value) && !json_is_object(value) && !json_is_array(value))
                cell(value, &b);
            csv_cell(buffer_string(&b), out);
            buffer_close(&b);
        }
        fputs("\r\n", out);
    }
    json_decref(names);
}

static void print_table(const struct print *p);

static void print_wide(const struct print *p) {
    json_t *names = fields_of(p->rows), *v;
    const char *key;
    struct buffer all = {0};
    json_object_foreach(names, key, v) buffer_format(&all, "%s%s", all.len == 0 ? "" : " ", key);
    struct print wide = *p;
    wide.columns = buffer_string(&all);
    print_table(&wide);
    buffer_close(&all);
    json_decref(names);
}

static void print_table(const struct print *p) {
    struct libscols_table *t = scols_new_table();
    char *names = memory_text(p->columns), *rest = names, *name;
    char *columns[COLUMNS_MOST];
    size_t count = 0, i;
    json_t *row;
    scols_table_set_stream(t, out_of(p));
    scols_table_enable_noheadings(t, p->no_header);
    scols_table_enable_colors(t, p->color);
    while ((name = strsep(&rest, " ")) != NULL && count < COLUMNS_MOST)
        if (*name != '\0' && any_has(p->rows, name)) {
            columns[count++] = name;
            scols_table_new_column(t, title_of(p, name), 0, 0);
        }
    json_array_foreach(p->rows, i, row) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        for (size_t k = 0; k < count; k++) {
            struct buffer b = {0};
            people_cell(p, columns[k], json_object_get(row, columns[k]), &b);
            scols_line_set_data(line, k, buffer_string(&b));
            scols_cell_set_color(scols_line_get_cell(line, k), color_of(p, columns[k], json_object_get(row, columns[k])));
            buffer_close(&b);
        }
    }
    scols_print_table(t);
    scols_unref_table(t);
    free(names);
}

void print_end(struct print *p) {
    if (p->form == PRINT_JSON) {
        const json_t *what = *p->columns == '\0' && json_array_size(p->rows) == 1 ? json_array_get(p->rows, 0) : p->rows;
        char *text = what == NULL ? NULL : json_dumps(what, JSON_INDENT(1));
        put_line(p, text == NULL ? "[]" : text);
        free(text);
    } else if (p->form == PRINT_CSV && p->rows != NULL) {
        print_csv(p);
    } else if (p->form == PRINT_WIDE && p->rows != NULL && *p->columns != '\0') {
        print_wide(p);
    } else if ((p->form == PRINT_TABLE || p->form == PRINT_WIDE) && p->rows != NULL) {
        if (*p->columns == '\0')
            print_object(p, json_array_get(p->rows, 0), 0);
        else
            print_table(p);
    }
    json_decref(p->rows);
    p->rows = NULL;
}
