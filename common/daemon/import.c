#include "common/daemon/import.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/catalogue/banned.h"
#include "common/daemon/client.h"
#include "common/daemon/mapping.h"
#include "common/daemon/shown.h"
#include "common/daemon/words.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define HASH_FUNCTION HASH_FNV /* clang warns about fall-throughs in the standard one */
#include <uthash.h>

enum { IN_FLIGHT = 256, TIMEOUT_MS = 60000, WORDS_MAX = 64 };

struct options {
    const char *lang; /* what is said in, and asked in */
    const char *map, *actor, *purpose, *from, *until, *late, *waiting;
    const char *ignored[WORDS_MAX], *words[WORDS_MAX];
    size_t ignored_count, word_count;
    bool help, quiet, update;
};

static bool take_options(const char *lang, int argc, char **argv, struct options *o) {
    *o = (struct options){.lang = lang, .purpose = "registration", .actor = NULL};
    for (int i = 0; i < argc; i++) {
        const struct {
            const char *name;
            const char **to;
        } known[] = {{"--map", &o->map},     {"--actor", &o->actor}, {"--purpose", &o->purpose}, {"--from", &o->from},
                     {"--until", &o->until}, {"--late", &o->late},   {"--waiting", &o->waiting}};
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known && !found; k++)
            if (strcmp(argv[i], known[k].name) == 0 && i + 1 < argc) {
                *known[k].to = argv[++i];
                found = true;
            }
        if (found)
            continue;
        if (strcmp(argv[i], "--ignore") == 0 && i + 1 < argc && o->ignored_count < WORDS_MAX)
            o->ignored[o->ignored_count++] = argv[++i];
        else if (strcmp(argv[i], "--help") == 0)
            o->help = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            o->quiet = true;
        else if (strcmp(argv[i], "--update") == 0)
            o->update = true;
        else if (argv[i][0] != '-' && o->word_count < WORDS_MAX)
            o->words[o->word_count++] = argv[i];
        else {
            client_complain(o->lang, "'%s' is not understood here", argv[i]);
            return false;
        }
    }
    return true;
}

static bool one_of(const char *const *list, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}

/* exists: what becomes of a record that is there already (the node's `edit`). */
static json_t *edit_args(const struct options *o, const char *actor, const char *exists, json_t *records /* takes */) {
    return json_pack("{s:s, s:s, s:s, s:o}", "actor", actor, "purpose", o->purpose, "exists", exists, "records", records);
}

/* ---- import */

struct importing {
    const struct mapping *m;
    const struct csv_table *t;
    const char *path;
    bool zh;
    size_t good, bad, warned, there, unchanged;
    size_t row_of[IN_FLIGHT]; /* by request id modulo */
    struct client job;        /* tells the node how far it is; a node that knows no jobs is not told */
    json_int_t number;        /* of the job there; 0: none */
    struct progress progress; /* rows */
    struct shown shown;
};

/* One question and its answer; NULL: there is none. */
static json_t *job_ask(struct importing *x, const char *cmd, json_t *args /* takes */) {
    int code = client_ask(&x->job, cmd, args);
    return code == CTL_GOOD ? client_next(&x->job, &code) : NULL;
}

static void job_begin(const struct options *o, struct importing *x, const char *socket) {
    if (client_open(&x->job, socket, TIMEOUT_MS, o->lang) == CTL_GOOD) {
        json_t *line = job_ask(
            x, "job begin",
            json_pack("{s:s, s:I, s:b}", "kind", "import", "total", (json_int_t)atomic_load(&x->progress.total), "session", 1));
        x->number = json_integer_value(json_object_get(json_object_get(line, "ok"), "job"));
        json_decref(line);
    }
    shown_begin(&x->shown, "importing", "rows", &x->progress);
}

static void job_tell(struct importing *x) {
    if (x->number == 0)
        return;
    json_t *line = job_ask(x, "job tell", json_pack("{s:I, s:I}", "job", x->number, "done", (json_int_t)atomic_load(&x->progress.done)));
    if (json_is_true(json_object_get(json_object_get(line, "ok"), "stop")))
        atomic_store(&x->progress.stop, true);
    json_decref(line);
}

static void job_end(struct importing *x, int r) {
    const char *why = progress_stopped(&x->progress) ? "cancelled" : r != CTL_GOOD ? "the session with the node ended" : NULL;
    shown_end(&x->shown);
    if (x->number != 0)
        json_decref(job_ask(
            x, "job end", json_pack("{s:I, s:I, s:s*}", "job", x->number, "done", (json_int_t)atomic_load(&x->progress.done), "why", why)));
    client_close(&x->job);
}

/* "Type.field: reason" of the node, told as the column that it came from. */
static void tell(struct importing *x, size_t row, const char *what, const char *message) {
    const char *dot = strchr(message, '.'), *colon = strstr(message, ": ");
    const char *column = NULL;
    if (dot != NULL && colon != NULL && dot < colon)
        for (size_t i = 0; i < x->m->column_count && column == NULL; i++) {
            const struct mapped_column *c = &x->m->columns[i];
            if (c->type != NULL && strlen(c->type) == (size_t)(dot - message) && strncmp(c->type, message, strlen(c->type)) == 0 &&
                strlen(c->field) == (size_t)(colon - dot - 1) && strncmp(c->field, dot + 1, strlen(c->field)) == 0)
                column = c->column;
        }
    printf(
        "%s:%zu: %s: %s%s%s\n", x->path, x->t->lines[row], words_in(x->zh, what), column == NULL ? "" : words_in(x->zh, "column "),
        column == NULL ? message : column, column == NULL ? "" : colon);
}

static void tell_warnings(struct importing *x, size_t row, const json_t *answer) {
    size_t i;
    json_t *w;
    json_array_foreach(json_object_get(answer, "warnings"), i, w) {
        struct buffer b = {0};
        buffer_format(
            &b, "%s.%s: %s", json_string_value(json_object_get(answer, "type")), json_string_value(json_object_get(w, "field")),
            json_string_value(json_object_get(w, "reason")));
        tell(x, row, "kept, marked unverified", buffer_string(&b));
        buffer_close(&b);
        x->warned++;
    }
}

/* The column that a field of a type comes from; NULL: none. */
static const char *column_of(const struct mapping *m, const char *type, const char *field) {
    for (size_t i = 0; i < m->column_count; i++)
        if (m->columns[i].type != NULL && strcmp(m->columns[i].type, type) == 0 && strcmp(m->columns[i].field, field) == 0)
            return m->columns[i].column;
    return NULL;
}

static void tell_there(struct importing *x, size_t row, const json_t *answer) {
    struct buffer b = {0};
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(answer, "differs"), i, name) {
        const char *column = column_of(x->m, json_string_value(json_object_get(answer, "type")), json_string_value(name));
        buffer_format(&b, "%s%s", i == 0 ? words_in(x->zh, "it differs in ") : ", ", column == NULL ? json_string_value(name) : column);
    }
    tell(x, row, "there already, left as it is", b.len == 0 ? words_in(x->zh, "it was deleted") : buffer_string(&b));
    buffer_close(&b);
}

/* Takes one whole answer. A row counts once: as saved when anything of it was written. */
static int take_answer(struct client *c, struct importing *x) {
    bool written = false, there = false;
    for (;;) {
        int code;
        json_t *line = client_next(c, &code);
        if (line == NULL)
            return code;
        size_t row = x->row_of[json_integer_value(json_object_get(line, "id")) % IN_FLIGHT];
        const json_t *one = json_object_get(line, "row"), *error = json_object_get(line, "error");
        bool last = one == NULL;
        const char *state = json_string_value(json_object_get(one, "state"));
        bool differs = state != NULL && strcmp(state, "there") == 0, same = state != NULL && strcmp(state, "unchanged") == 0;
        if (one != NULL)
            tell_warnings(x, row, one);
        if (differs)
            tell_there(x, row, one);
        written = written || (one != NULL && !differs && !same);
        there = there || differs;
        if (error != NULL) {
            tell(x, row, "left out", json_string_value(json_object_get(error, "message")));
            x->bad++;
        } else if (last) {
            ++*(written ? &x->good : there ? &x->there : &x->unchanged);
        }
        json_decref(line);
        if (last)
            return CTL_GOOD;
    }
}

static bool check_header(const struct options *o, const struct mapping *m, const struct csv_table *t, const char *path, size_t *key) {
    const char *const *header = (const char *const *)t->cells;
    bool good = true;
    *key = t->columns;
    for (size_t i = 0; i < t->columns; i++) {
        const struct mapped_column *x = mapping_column(m, header[i]);
        if (one_of(header, i, header[i])) {
            client_complain(o->lang, "%s: column '%s' is there twice; nothing was imported", path, header[i]);
            good = false;
        } else if (strcmp(header[i], m->key) == 0) {
            *key = i;
        } else if (banned_word(header[i]) != NULL || (x != NULL && x->type == NULL)) {
            printf(words_in(strcmp(o->lang, "zh") == 0, "%s: column %s is left out: this system does not store it\n"), path, header[i]);
        } else if (x == NULL && !one_of(o->ignored, o->ignored_count, header[i])) {
            client_complain(
                o->lang, "%s: column '%s' is not in the mapping; nothing was imported. --ignore %s leaves it out", path, header[i],
                header[i]);
            good = false;
        }
    }
    if (*key == t->columns) {
        client_complain(o->lang, "%s: there is no column '%s', which the records are called by", path, m->key);
        good = false;
    }
    return good;
}

static int import_rows(const struct options *o, const char *socket, struct importing *x, size_t key) {
    struct client c;
    const struct csv_table *t = x->t;
    size_t flying = 0;
    int r = client_open(&c, socket, TIMEOUT_MS, o->lang);
    atomic_store(&x->progress.total, t->rows - 1);
    job_begin(o, x, socket);
    for (size_t row = 1; row < t->rows && r == CTL_GOOD && !progress_stopped(&x->progress); row++) {
        struct buffer why = {0};
        const char *const *cells = (const char *const *)&t->cells[row * t->columns];
        if (t->widths[row] != t->columns)
            buffer_format(&why, words_in(x->zh, "the line has %zu fields, the header %zu"), t->widths[row], t->columns);
        else if (*cells[key] == '\0')
            buffer_format(&why, words_in(x->zh, "column %s is empty"), x->m->key);
        json_t *records =
            why.len > 0 ? NULL : mapping_records(x->m, "create", cells[key], (const char *const *)t->cells, cells, t->columns, x->zh, &why);
        if (records == NULL) {
            tell(x, row, "left out", buffer_string(&why));
            x->bad++;
        } else {
            if (flying == IN_FLIGHT) {
                r = take_answer(&c, x);
                flying--;
            }
            x->row_of[(c.id + 1) % IN_FLIGHT] = row;
            if (r == CTL_GOOD)
                r = client_ask(&c, "edit", edit_args(o, o->actor, o->update ? "update" : "keep", records));
            else
                json_decref(records);
            flying++;
        }
        progress_step(&x->progress, 1);
        if (row % IN_FLIGHT == 0)
            job_tell(x);
        buffer_close(&why);
    }
    for (; flying > 0 && r == CTL_GOOD; flying--)
        r = take_answer(&c, x);
    job_end(x, r);
    client_close(&c);
    return r;
}

int import_run(const char *socket, const char *lang, int argc, char **argv) {
    struct options o;
    struct complaints c = {.count = 0};
    struct csv_table t = {.rows = 0};
    int r = CTL_USAGE;
    if (!take_options(lang, argc, argv, &o) || o.word_count != 2 || o.map == NULL || o.actor == NULL || o.help) {
        fputs(
            words_in(
                strcmp(lang, "zh") == 0,
                "anjuctl: import TABLE FILE.csv --map FILE --actor LOGIN [--purpose NAME] [--ignore COLUMN]… [--update]\n"
                "  a row whose record is there already, with other values, is left as it is; --update writes what differs\n"),
            o.help ? stdout : stderr);
        return o.help ? CTL_GOOD : CTL_USAGE;
    }
    struct mapping *m = mapping_load(o.map, &c);
    if (m == NULL) {
        r = CTL_REFUSED;
    } else if (strcmp(m->table, o.words[0]) != 0) {
        client_complain(lang, "%s is for the table '%s', not '%s'", o.map, m->table, o.words[0]);
    } else {
        struct importing x = {.m = m, .t = &t, .path = o.words[1], .zh = strcmp(lang, "zh") == 0};
        size_t key;
        r = CTL_REFUSED;
        if (csv_load(o.words[1], &t, &c) && check_header(&o, m, &t, o.words[1], &key)) {
            r = import_rows(&o, socket, &x, key);
            printf(
                words_in(x.zh, "%s: %zu rows saved, %zu left out, %zu warnings, %zu there already, %zu unchanged\n"), o.words[1], x.good,
                x.bad, x.warned, x.there, x.unchanged);
            if (progress_stopped(&x.progress))
                printf(
                    words_in(x.zh, "%s: cancelled after %zu of %zu rows; run it again to go on, what is there stays\n"), x.path,
                    (size_t)atomic_load(&x.progress.done), t.rows - 1);
            if (r == CTL_GOOD && (x.bad > 0 || progress_stopped(&x.progress)))
                r = CTL_REFUSED;
        }
    }
    fprintf(stderr, "%s", buffer_string(&c.text));
    csv_close(&t);
    mapping_free(m);
    complaints_close(&c);
    return r;
}

/* ---- replay: edit logs of several offices, in time order. Lines of one record at one instant are one edit. An edit of a record that was
 * taken up and has not come yet waits, and so do all later ones of this office to it. */

struct step {
    const char *time, *op, *table, *key, *actor;
    size_t office, first, count; /* lines of the office's log: rows of its table */
    bool done, waits;
};

struct office {
    const char *path;
    char *socket; /* owns */
    struct csv_table log;
    struct client client;
    bool open;
};

struct touched { /* who wrote a record last, and when: real time keeps their order */
    char *key;
    size_t office;
    uint64_t at_ms;
    UT_hash_handle hh;
};

struct blocked { /* an office's record that waits */
    char *key;
    UT_hash_handle hh;
};

struct replay {
    struct options o;
    struct mapping *maps[16];
    size_t map_count;
    struct office offices[WORDS_MAX];
    size_t office_count;
    struct step *steps; /* owns; in time order */
    size_t count, room;
    struct touched *touched;
    struct blocked *blocked;
    FILE *late;
    char now[40];                 /* the log's time that has been reached */
    const char *named[WORDS_MAX]; /* columns that were told as left out; borrows */
    size_t named_count;
    size_t applied, waited, failed, left_out;
};

enum { SEQ, TIME, OPERATOR, OP, TABLE, KEY, FIELD, VALUE, LOG_COLUMNS };

static const char *cell(const struct replay *r, const struct step *s, size_t line, size_t column) {
    const struct csv_table *t = &r->offices[s->office].log;
    return t->cells[(s->first + line) * t->columns + column];
}

static int by_time(const void *a, const void *b) {
    const struct step *x = a, *y = b;
    int order = strcmp(x->time, y->time);
    if (order != 0)
        return order;
    if (x->office != y->office)
        return x->office < y->office ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static bool same_edit(const struct csv_table *t, size_t a, size_t b) {
    const char *const *x = (const char *const *)&t->cells[a * t->columns], *const *y = (const char *const *)&t->cells[b * t->columns];
    bool sets = strcmp(y[OP], "set") == 0 && (strcmp(x[OP], "set") == 0 || strcmp(x[OP], "create") == 0);
    return sets && strcmp(x[TIME], y[TIME]) == 0 && strcmp(x[KEY], y[KEY]) == 0 && strcmp(x[TABLE], y[TABLE]) == 0;
}

static void cut_steps(struct replay *r, size_t office) {
    const struct csv_table *t = &r->offices[office].log;
    for (size_t row = 1; row < t->rows;) {
        size_t end = row + 1;
        while (end < t->rows && same_edit(t, row, end))
            end++;
        if (r->count == r->room) {
            r->room = r->room == 0 ? 1024 : 2 * r->room;
            r->steps = memory_resize(r->steps, r->room * sizeof *r->steps);
        }
        const char *const *x = (const char *const *)&t->cells[row * t->columns];
        r->steps[r->count++] = (struct step){
            .time = x[TIME],
            .op = x[OP],
            .table = x[TABLE],
            .key = x[KEY],
            .actor = x[OPERATOR],
            .office = office,
            .first = row,
            .count = end - row};
        row = end;
    }
}

static const struct mapping *map_of(const struct replay *r, const char *table) {
    for (size_t i = 0; i < r->map_count; i++)
        if (strcmp(r->maps[i]->table, table) == 0)
            return r->maps[i];
    return NULL;
}

static char *block_key(const struct step *s) {
    struct buffer b = {0};
    buffer_format(&b, "%zu %s %s", s->office, s->table, s->key);
    return (char *)(uintptr_t)buffer_string(&b); /* the buffer's memory is the caller's now */
}

static bool is_blocked(const struct replay *r, const struct step *s) {
    struct blocked *b;
    char *key = block_key(s);
    HASH_FIND_STR(r->blocked, key, b);
    free(key);
    return b != NULL;
}

static void block(struct replay *r, const struct step *s) {
    if (is_blocked(r, s))
        return;
    struct blocked *b = memory_zeroed(1, sizeof *b);
    b->key = block_key(s);
    HASH_ADD_KEYPTR(hh, r->blocked, b->key, strlen(b->key), b); /* NOLINT: uthash frees nothing here */
}

static void unblock_all(struct replay *r) {
    struct blocked *b, *next;
    /* NOLINTBEGIN: what is freed is out of the table, which the analyzer does not follow */
    HASH_ITER(hh, r->blocked, b, next) {
        HASH_DEL(r->blocked, b);
        free(b->key);
        free(b);
    }
    /* NOLINTEND */
}

/* Two offices that write one record in quick succession: their stamps must come in this order, although each node has its own idea of the
 * hub's clock. */
static struct touched *keep_order(struct replay *r, const struct step *s) {
    enum { MARGIN_MS = 150 };
    struct touched *t;
    HASH_FIND_STR(r->touched, s->key, t);
    if (t == NULL) {
        t = memory_zeroed(1, sizeof *t);
        t->key = memory_text(s->key);
        t->office = s->office;
        HASH_ADD_KEYPTR(hh, r->touched, t->key, strlen(t->key), t);
    }
    while (t->office != s->office && clock_wall() < t->at_ms + MARGIN_MS) {
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    t->office = s->office;
    return t;
}

/* A column that is never stored is counted each time, and told once. */
static void leave_out(struct replay *r, const struct step *s, const char *column) {
    r->left_out++;
    if (one_of(r->named, r->named_count, column) || r->named_count == WORDS_MAX)
        return;
    r->named[r->named_count++] = column;
    fprintf(stderr, "%s: column %s is left out: this system does not store it\n", r->offices[s->office].path, column);
}

static json_t *records_of(struct replay *r, const struct step *s, const struct mapping *m, struct buffer *why) {
    const char *columns[WORDS_MAX], *values[WORDS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->count && n < WORDS_MAX; i++) {
        const struct mapped_column *x = mapping_column(m, cell(r, s, i, FIELD));
        if (strcmp(cell(r, s, i, OP), "set") != 0)
            continue;
        if (banned_word(cell(r, s, i, FIELD)) != NULL || (x != NULL && x->type == NULL)) {
            leave_out(r, s, cell(r, s, i, FIELD));
            continue;
        }
        if (x == NULL) {
            buffer_format(why, words_in(strcmp(r->o.lang, "zh") == 0, "column '%s' is not in the mapping"), cell(r, s, i, FIELD));
            return NULL;
        }
        columns[n] = cell(r, s, i, FIELD);
        values[n++] = cell(r, s, i, VALUE);
    }
    json_t *records = mapping_records(m, s->op, s->key, columns, values, n, strcmp(r->o.lang, "zh") == 0, why), *record;
    const char *reason = *cell(r, s, 0, VALUE) == '\0' ? "as the office's edit log says" : cell(r, s, 0, VALUE);
    size_t i;
    if (strcmp(s->op, "adopt") == 0)
        json_array_foreach(records, i, record) {
            json_object_set_new(record, "reason", json_string(reason));
        }
    return records;
}

static void note_late(struct replay *r, const struct step *s) {
    if (r->late == NULL || strcmp(s->time, r->now) >= 0)
        return;
    const char *end = strrchr(r->offices[s->office].path, '/'); /* …/COMMUNITY/edits.csv */
    char code[16] = "";
    if (end != NULL && end - r->offices[s->office].path >= 12)
        snprintf(code, sizeof code, "%.12s", end - 12);
    for (size_t i = 0; i < s->count; i++)
        fprintf(r->late, "%s,%s,%.19s.5%s\n", code, cell(r, s, i, SEQ), r->now, r->now + 19);
}

/* 0: applied, or failed for good (told); 1: waits; negative: the session is gone. */
static int apply(struct replay *r, struct step *s) {
    struct buffer why = {0};
    struct office *o = &r->offices[s->office];
    const struct mapping *m = map_of(r, s->table);
    json_t *records = m == NULL ? NULL : records_of(r, s, m, &why);
    if (records == NULL || json_array_size(records) == 0) {
        if (records == NULL) {
            r->failed++;
            fprintf(stderr, "%s:%zu: %s\n", o->path, o->log.lines[s->first], m == NULL ? "no mapping for this table" : buffer_string(&why));
        }
        json_decref(records);
        buffer_close(&why);
        s->done = true;
        return 0;
    }
    buffer_close(&why);
    struct touched *touched = keep_order(r, s);
    int code = client_ask(&o->client, "edit", edit_args(&r->o, s->actor, "update", records)), result = 0;
    bool last = false;
    while (code == CTL_GOOD && !last) {
        json_t *line = client_next(&o->client, &code);
        const json_t *error = json_object_get(line, "error");
        const char *kind = json_string_value(json_object_get(error, "code"));
        last = line != NULL && json_object_get(line, "row") == NULL;
        if (kind != NULL && strcmp(kind, "conflict") == 0) {
            result = 1;
        } else if (kind != NULL && strcmp(kind, "not_found") == 0 && s->waits) {
            result = 1;
        } else if (error != NULL) {
            r->failed++;
            fprintf(stderr, "%s:%zu: %s\n", o->path, o->log.lines[s->first], json_string_value(json_object_get(error, "message")));
        }
        json_decref(line);
    }
    touched->at_ms = clock_wall();
    if (code != CTL_GOOD)
        return -1;
    if (result == 0) {
        s->done = true;
        r->applied++;
        note_late(r, s);
    }
    return result;
}

static bool in_time(const struct replay *r, const struct step *s) {
    return (r->o.from == NULL || strcmp(s->time, r->o.from) > 0) && (r->o.until == NULL || strcmp(s->time, r->o.until) <= 0);
}

/* Those that wait, in their order; what is still not there keeps its later edits back. */
static int retry(struct replay *r, size_t upto) {
    int code = 0;
    unblock_all(r);
    for (size_t i = 0; i < upto && code >= 0; i++) {
        struct step *s = &r->steps[i];
        if (!s->waits || s->done)
            continue;
        code = is_blocked(r, s) ? 1 : apply(r, s);
        if (code == 1)
            block(r, s);
    }
    return code < 0 ? -1 : 0;
}

static int run_steps(struct replay *r) {
    enum { RETRY_EVERY = 100 };
    for (size_t i = 0; i < r->count && r->o.from != NULL && strcmp(r->steps[i].time, r->o.from) <= 0; i++)
        snprintf(r->now, sizeof r->now, "%s", r->steps[i].time); /* what waited is later than all that was applied before */
    int code = retry(r, r->count);
    size_t since = 0;
    for (size_t i = 0; i < r->count && code >= 0; i++) {
        struct step *s = &r->steps[i];
        if (!in_time(r, s) || s->done || s->waits)
            continue;
        snprintf(r->now, sizeof r->now, "%s", s->time);
        code = is_blocked(r, s) ? 1 : apply(r, s);
        if (code == 1) {
            s->waits = true;
            r->waited++;
            block(r, s);
        }
        if (++since % RETRY_EVERY == 0 && r->blocked != NULL && code >= 0)
            code = retry(r, i);
    }
    return code < 0 ? -1 : retry(r, r->count);
}

/* The file of those that wait: office's log and first line, one a line. */
static void read_waiting(struct replay *r) {
    FILE *f = r->o.waiting == NULL ? NULL : fopen(r->o.waiting, "re");
    char path[1024];
    size_t first;
    while (f != NULL && fscanf(f, "%zu %1023[^\n]\n", &first, path) == 2)
        for (size_t i = 0; i < r->count; i++)
            if (r->steps[i].first == first && strcmp(r->offices[r->steps[i].office].path, path) == 0)
                r->steps[i].waits = true;
    if (f != NULL)
        fclose(f);
}

static size_t write_waiting(const struct replay *r) {
    FILE *f = r->o.waiting == NULL ? NULL : fopen(r->o.waiting, "we");
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct step *s = &r->steps[i];
        if (!s->waits || s->done)
            continue;
        n++;
        if (f != NULL)
            fprintf(f, "%zu %s\n", s->first, r->offices[s->office].path);
    }
    if (f != NULL)
        fclose(f);
    return n;
}

static bool load_maps(struct replay *r, struct complaints *c) {
    struct dirent **files = NULL;
    int n = scandir(r->o.map, &files, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        size_t len = strlen(files[i]->d_name);
        if (len > 5 && strcmp(files[i]->d_name + len - 5, ".yaml") == 0 && r->map_count < 16) {
            struct buffer path = {0};
            buffer_format(&path, "%s/%s", r->o.map, files[i]->d_name);
            struct mapping *m = mapping_load(buffer_string(&path), c);
            if (m != NULL)
                r->maps[r->map_count++] = m;
            buffer_close(&path);
        }
        free(files[i]);
    }
    free(files);
    return c->count == 0 && r->map_count > 0;
}

static int open_office(struct replay *r, const char *word, struct complaints *c) {
    const char *equals = strrchr(word, '=');
    struct office *o = &r->offices[r->office_count++];
    if (equals == NULL)
        return CTL_USAGE;
    o->path = strndup(word, (size_t)(equals - word));
    o->socket = memory_text(equals + 1);
    if (!csv_load(o->path, &o->log, c))
        return CTL_REFUSED;
    if (o->log.columns != LOG_COLUMNS) {
        buffer_format(&c->text, "%s:1: an edit log has %d columns, this has %zu\n", o->path, LOG_COLUMNS, o->log.columns);
        return CTL_REFUSED;
    }
    cut_steps(r, r->office_count - 1);
    o->open = client_open(&o->client, o->socket, TIMEOUT_MS, r->o.lang) == CTL_GOOD;
    return o->open ? CTL_GOOD : CTL_NOT_RUNNING;
}

static void replay_close(struct replay *r) {
    for (size_t i = 0; i < r->office_count; i++) {
        struct office *o = &r->offices[i];
        if (o->open)
            client_close(&o->client);
        csv_close(&o->log);
        free((void *)(uintptr_t)o->path);
        free(o->socket);
    }
    for (size_t i = 0; i < r->map_count; i++)
        mapping_free(r->maps[i]);
    struct touched *t, *next;
    HASH_ITER(hh, r->touched, t, next) {
        HASH_DEL(r->touched, t); /* NOLINT: uthash frees nothing here */
        free(t->key);
        free(t);
    }
    unblock_all(r);
    free(r->steps);
    if (r->late != NULL)
        fclose(r->late);
}

int replay_run(const char *lang, int argc, char **argv) {
    struct replay *r = memory_zeroed(1, sizeof *r);
    struct complaints c = {.count = 0};
    int code = take_options(lang, argc, argv, &r->o) && r->o.map != NULL && r->o.word_count > 0 && !r->o.help ? CTL_GOOD : CTL_USAGE;
    if (code == CTL_USAGE)
        fputs(
            words_in(
                strcmp(lang, "zh") == 0,
                "anjuctl: replay --map FOLDER [--from TIME] [--until TIME] [--waiting FILE] [--late FILE] EDITS.csv=SOCKET…\n"
                "  edits after --from up to --until, of all offices in time order; what waits for a record that was taken up is kept in\n"
                "  the file --waiting and tried again the next time; lines that were applied later than they say go to --late\n"),
            r->o.help ? stdout : stderr);
    if (code == CTL_GOOD && !load_maps(r, &c))
        code = CTL_REFUSED;
    for (size_t i = 0; i < r->o.word_count && code == CTL_GOOD; i++)
        code = open_office(r, r->o.words[i], &c);
    if (code == CTL_GOOD) {
        qsort(r->steps, r->count, sizeof *r->steps, by_time);
        if (r->o.from != NULL)
            snprintf(r->now, sizeof r->now, "%s", r->o.from);
        r->late = r->o.late == NULL ? NULL : fopen(r->o.late, "ae");
        read_waiting(r);
        code = run_steps(r) == 0 ? CTL_GOOD : CTL_NOT_RUNNING;
        size_t waiting = write_waiting(r);
        printf(
            "{\"applied\":%zu,\"waited\":%zu,\"waiting\":%zu,\"failed\":%zu,\"left_out\":%zu}\n", r->applied, r->waited, waiting, r->failed,
            r->left_out);
        if (code == CTL_GOOD && r->failed > 0)
            code = CTL_REFUSED;
    }
    fprintf(stderr, "%s", buffer_string(&c.text));
    if (r->o.help)
        code = CTL_GOOD;
    complaints_close(&c);
    replay_close(r);
    free(r);
    return code;
}
