#include "common/daemon/control.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/program.h"
#include "common/base/utf8.h"
#include "common/daemon/print.h"
#include "common/daemon/words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct session {
    uv_pipe_t pipe;
    struct control *control;
    struct session *next;
    enum control_level level;
    struct buffer in;
    unsigned requests;       /* under way, and watches; the session lives as long */
    struct watch *watches;   /* each owns itself */
    struct leaving *leaving; /* own */
    bool ending;             /* what there is to say is on its way, then it closes */
    bool closing, closed, paused, eof;
    uint64_t said, taken; /* bytes: all of our lines; how many the reader had taken when it was last looked at, being behind */
    bool behind;
    bool deaf;        /* a line was too long: the rest is read and thrown away, so that our answer is read */
    size_t discarded; /* bytes, while deaf */
    unsigned uid;
    /* Of one request that comes by another way (control_ask): there is no pipe, and its lines go there. */
    void (*heard)(void *owner, const json_t *line);
    void *heard_owner; /* borrows */
    char *account;     /* owns */
    char read_room[65536];
};

/* Somebody who wants to know when a session is over. */
struct leaving {
    struct leaving *next;
    void (*gone)(void *owner, uint64_t what);
    void *owner; /* borrows */
    uint64_t what;
};

/* A question that is asked again and again. */
struct watch {
    uv_timer_t timer;
    struct session *session;
    struct watch *next;
    json_t *whole; /* owns; the request */
    json_int_t id;
    uint64_t every_ms, frames;
    bool running, ended; /* an answer is under way; it goes when that is there */
    bool told;           /* the client knows that it is over */
};

struct door {
    uv_pipe_t pipe;
    struct control *control;
    enum control_level level;
    char path[108];
    bool open;
};

/* The last answer to a watched question: many watch the same screen, and it is made once for all of them. */
struct shared {
    json_t *cmd, *args, *answer; /* own; cmd NULL: none */
    uint64_t at;                 /* ms of the loop */
};
enum { SHARED_MOST = 8, SHARED_MS = 500 };

struct control {
    uv_loop_t *loop;
    struct shared shared[SHARED_MOST];
    size_t shared_next;
    const struct command *table;
    size_t count;
    void *owner;
    struct door doors[2];
    struct session *sessions;
    uv_timer_t look; /* runs while a reader is behind */
    int lock;        /* of the folder */
    unsigned handles;
    bool stopping;
};

struct request {
    struct session *session;
    json_t *whole; /* owns */
    json_int_t id;
    uint64_t rows;
    const struct command *command; /* borrows */
    struct watch *watch;           /* whose question it is; NULL: asked once */
    bool person;                   /* asked by a line that is no JSON: answered as a table */
    void (*followed)(void *owner, const json_t *line);
    void *follower; /* borrows */
    struct print print;
};

/* ---- writing */

struct writing {
    uv_write_t write;
    char *text; /* owns */
};

static void session_read(struct session *s);
static void session_end(struct session *s);

static void on_written(uv_write_t *w, int status) {
    struct writing *out = (struct writing *)w;
    struct session *s = w->data;
    (void)status;
    free(out->text);
    free(out);
    if (s->paused && !s->closing && uv_stream_get_write_queue_size((uv_stream_t *)&s->pipe) < LIMIT_STATUS_BEHIND_BYTES / 2) {
        s->paused = false;
        session_read(s);
    }
}

static bool is_behind(const struct session *s) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&s->pipe) > LIMIT_STATUS_BEHIND_BYTES;
}

static uint64_t bytes_taken(const struct session *s) {
    return s->said - uv_stream_get_write_queue_size((const uv_stream_t *)&s->pipe);
}

static void session_close(struct session *s);

/* Who is behind and has taken nothing since the last look is dropped. It could not be told: what it does not read is in the way. */
static void on_look(uv_timer_t *t) {
    struct control *c = t->data;
    bool any = false;
    for (struct session *s = c->sessions; s != NULL; s = s->next) {
        if (s->closing)
            continue;
        if (s->behind && is_behind(s) && s->taken == bytes_taken(s)) {
            log_fact(LOG_WARNING, "control.too_slow", FACT_UINT("uid", s->uid), FACT_UINT("unread_bytes", s->said - s->taken));
            session_close(s);
            continue;
        }
        s->behind = is_behind(s);
        s->taken = bytes_taken(s);
        any |= s->behind;
    }
    if (!any)
        uv_timer_stop(t);
}

static void say_text(struct session *s, char *text /* takes, may be NULL */, size_t len) {
    if (text == NULL || s->closing) {
        free(text);
        return;
    }
    struct writing *w = memory_zeroed(1, sizeof *w);
    uv_buf_t b = uv_buf_init(text, (unsigned)len);
    w->text = text;
    w->write.data = s;
    if (uv_write(&w->write, (uv_stream_t *)&s->pipe, &b, 1, on_written) != 0) {
        free(text);
        free(w);
        return;
    }
    s->said += len;
    if (is_behind(s) && !uv_is_active((uv_handle_t *)&s->control->look))
        uv_timer_start(&s->control->look, on_look, LIMIT_STATUS_STALL_MS, LIMIT_STATUS_STALL_MS);
}

static void say(struct session *s, json_t *line /* takes */) {
    if (s->heard != NULL) {
        s->heard(s->heard_owner, line);
        json_decref(line);
        return;
    }
    char *text = s->closing ? NULL : json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL)
        return;
    size_t len = strlen(text);
    text[len] = '\n';
    say_text(s, text, len + 1);
}

static json_t *error_object(const char *code, const char *message, const char *hint) {
    return json_pack("{s:s, s:s, s:s}", "code", code, "message", message, "hint", hint == NULL ? "" : hint);
}

/* ---- requests */

static void session_free(struct session *s) {
    if (!s->closed || s->requests > 0)
        return;
    buffer_close(&s->in);
    free(s->account);
    free(s);
}

static void let_go(struct session *s) {
    s->requests--;
    if (s->eof && s->requests == 0 && !s->closing)
        session_end(s);
    session_free(s);
}

static void watch_next(struct watch *w);

static void request_free(struct request *q) {
    struct session *s = q->session;
    struct watch *w = q->watch;
    json_decref(q->whole);
    json_decref(q->print.rows);
    free(q);
    if (w != NULL)
        watch_next(w);
    let_go(s);
}

const json_t *request_args(const struct request *q) {
    return json_object_get(q->whole, "args");
}

const char *request_text(const struct request *q, const char *name) {
    return json_string_value(json_object_get(request_args(q), name));
}

bool request_flag(const struct request *q, const char *name) {
    return json_is_true(json_object_get(request_args(q), name));
}

bool request_number_in(const json_t *v, uint64_t *out) {
    enum { DIGITS_MOST = 18 }; /* of a number that JSON can hold too */
    const char *text = json_string_value(v);
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    if (text == NULL ? !json_is_integer(v) || json_integer_value(v) < 0 : digits == 0 || digits > DIGITS_MOST || text[digits] != '\0')
        return false;
    *out = text == NULL ? (uint64_t)json_integer_value(v) : strtoull(text, NULL, 10);
    return true;
}

bool request_number(const struct request *q, const char *name, uint64_t *out) {
    return request_number_in(json_object_get(request_args(q), name), out);
}

bool request_has(const struct request *q, const char *name) {
    return json_object_get(request_args(q), name) != NULL;
}

uint32_t request_node(const struct request *q) {
    uint64_t number;
    return request_number(q, "node", &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static bool chinese(const json_t *whole) {
    const char *lang = json_string_value(json_object_get(json_object_get(whole, "args"), "lang"));
    return lang != NULL && strcmp(lang, "zh") == 0;
}

bool request_chinese(const struct request *q) {
    return chinese(q->whole);
}

const char *request_words(const struct request *q, const char *text) {
    return words_in(chinese(q->whole), text);
}

enum control_level request_level(const struct request *q) {
    return q->session->level;
}

const struct command *request_command(const struct request *q) {
    return q->command;
}

unsigned request_uid(const struct request *q) {
    return q->session->uid;
}

const char *request_account(const struct request *q) {
    return q->session->account;
}

static struct session *session_aside(struct control *c, enum control_level level, const char *account) {
    struct session *s = memory_zeroed(1, sizeof *s);
    s->control = c;
    s->level = level;
    s->account = account == NULL ? NULL : memory_text(account);
    s->closed = true; /* it goes with its request */
    return s;
}

static void ignore(void *owner, const json_t *line) {
    (void)owner;
    (void)line;
}

void request_follow(struct request *q, void (*line)(void *owner, const json_t *line), void *owner, json_t *instead) {
    q->followed = line;
    q->follower = owner;
    if (instead == NULL)
        return;
    struct session *from = q->session, *to = session_aside(from->control, from->level, from->account);
    struct request *now = memory_zeroed(1, sizeof *now);
    to->uid = from->uid;
    to->heard = ignore;
    to->requests = 1;
    *now = (struct request){
        .session = from,
        .whole = json_object(),
        .id = q->id,
        .command = q->command,
        .person = q->person,
        .watch = q->watch,
        .print = q->print};
    q->session = to;
    q->person = false;
    q->watch = NULL;
    q->print = (struct print){.columns = ""};
    request_ok(now, instead);
}

void request_session_end(struct request *q, void (*gone)(void *owner, uint64_t what), void *owner, uint64_t what) {
    struct session *s = q->session;
    if (s->heard != NULL || s->closing)
        return;
    struct leaving *l = memory_zeroed(1, sizeof *l);
    *l = (struct leaving){s->leaving, gone, owner, what};
    s->leaving = l;
}

/* A line of the answer, for whoever follows; the asker may be a person, who gets it as words. Gives it back. */
static json_t *followed(const struct request *q, json_t *line) {
    if (q->followed != NULL)
        q->followed(q->follower, line);
    return line;
}

static bool person_row(struct request *q, const json_t *row) {
    if (q->person)
        print_row(&q->print, row);
    return q->person;
}

/* The table, or the object, that was collected for a person. */
static bool person_end(struct request *q) {
    char *text = NULL;
    size_t len = 0;
    if (!q->person)
        return false;
    q->print.out = open_memstream(&text, &len);
    if (q->print.out == NULL)
        abort();
    print_end(&q->print);
    fclose(q->print.out);
    say_text(q->session, text, len);
    return true;
}

void request_row(struct request *q, json_t *row) {
    json_t *line = followed(q, json_pack("{s:I, s:o}", "id", q->id, "row", row));
    q->rows++;
    if (person_row(q, row))
        json_decref(line);
    else
        say(q->session, line);
}

static void shared_close(struct shared *s) {
    json_decref(s->cmd);
    json_decref(s->args);
    json_decref(s->answer);
    *s = (struct shared){.cmd = NULL};
}

static void share(const struct request *q, json_t *answer) {
    struct control *c = q->session->control;
    struct shared *s = &c->shared[c->shared_next++ % SHARED_MOST];
    shared_close(s);
    s->cmd = json_incref(json_object_get(q->whole, "cmd"));
    s->args = json_deep_copy(json_object_get(q->watch->whole, "args"));
    s->answer = json_incref(answer);
    s->at = uv_now(c->loop);
}

static json_t *shared_of(const struct control *c, const struct watch *w) {
    for (size_t i = 0; i < SHARED_MOST; i++) {
        const struct shared *s = &c->shared[i];
        if (s->cmd != NULL && uv_now(c->loop) - s->at < SHARED_MS && json_equal(s->cmd, json_object_get(w->whole, "cmd")) &&
            json_equal(s->args, json_object_get(w->whole, "args")))
            return s->answer;
    }
    return NULL;
}

static void say_frame(struct request *q) {
    say(q->session, json_pack("{s:I, s:{s:I}}", "id", q->id, "frame", "count", (json_int_t)q->rows));
    q->watch->frames++;
    request_free(q);
}

void request_end(struct request *q) {
    if (q->watch != NULL) {
        say_frame(q);
        return;
    }
    json_t *line = followed(q, json_pack("{s:I, s:{s:I}}", "id", q->id, "end", "count", (json_int_t)q->rows));
    if (person_end(q))
        json_decref(line);
    else
        say(q->session, line);
    request_free(q);
}

void request_ok(struct request *q, json_t *answer) {
    if (q->watch != NULL) {
        share(q, answer);
        request_row(q, answer);
        say_frame(q);
        return;
    }
    q->print.columns = ""; /* one object, whatever the command's rows look like */
    json_t *line = followed(q, json_pack("{s:I, s:o}", "id", q->id, "ok", answer));
    if (person_row(q, answer) && person_end(q))
        json_decref(line);
    else
        say(q->session, line);
    request_free(q);
}

static void say_person_error(struct session *s, const char *message, const char *hint) {
    struct buffer text = {0};
    buffer_format(&text, "error: %s\n", message);
    if (hint != NULL && *hint != '\0')
        buffer_format(&text, "  %s\n", hint);
    say_text(s, (char *)text.at, text.len);
}

void request_error(struct request *q, const char *code, const char *message, const char *hint) {
    message = request_words(q, message);
    hint = request_words(q, hint);
    json_t *line = followed(q, json_pack("{s:I, s:o}", "id", q->id, "error", error_object(code, message, hint)));
    if (q->person)
        say_person_error(q->session, message, hint);
    else
        say(q->session, json_incref(line));
    json_decref(line);
    if (q->watch != NULL)
        q->watch->ended = q->watch->told = true;
    request_free(q);
}

void request_errorf(struct request *q, const char *code, const char *hint, const char *format, ...) {
    CLEANUP(buffer_close) struct buffer text = {0};
    va_list args;
    va_start(args, format);
    words_format(&text, chinese(q->whole), format, args);
    va_end(args);
    request_error(q, code, buffer_string(&text), hint);
}

/* ---- the commands every daemon has */

static void tell_commands(void *owner, struct request *q) {
    const struct control *c = q->session->control;
    (void)owner;
    for (size_t i = 0; i < c->count; i++) {
        const struct command *k = &c->table[i];
        request_row(
            q, json_pack(
                   "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", k->name, "level", k->level == CONTROL_ADMIN ? "admin" : "status",
                   "arguments", k->arguments, "options", k->options, "columns", k->columns, "summary", k->summary, "summary_zh",
                   k->summary_zh));
    }
    request_end(q);
}

static void tell_limits(void *owner, struct request *q) {
    (void)owner;
    static const struct {
        const char *name;
        json_int_t value;
        const char *unit, *what;
    } rows[] = {
#define X(n, v, u, w) {#n, v, u, w},
        LIMITS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        request_row(
            q, json_pack("{s:s, s:I, s:s, s:s}", "name", rows[i].name, "value", rows[i].value, "unit", rows[i].unit, "what", rows[i].what));
    request_end(q);
}

static void tell_hello(void *owner, struct request *q) {
    (void)owner;
    request_ok(
        q, json_pack(
               "{s:s, s:i, s:s, s:s, s:s}", "protocol", "anju-ctl", "v", 1, "program", program_invocation_short_name, "version",
               PROGRAM_VERSION, "level", q->session->level == CONTROL_ADMIN ? "admin" : "status"));
}

static void tell_version(void *owner, struct request *q) {
    (void)owner;
    request_ok(
        q, json_pack(
               "{s:s, s:s, s:i, s:i}", "program", program_invocation_short_name, "version", PROGRAM_VERSION, "store_format",
               PROGRAM_STORE_FORMAT, "protocol", PROGRAM_PROTOCOL));
}

static void tell_cancel(void *owner, struct request *q);

static const struct command every[] = {
    {"cancel", CONTROL_STATUS, tell_cancel, "id", "", "", "", ""},
    {"hello", CONTROL_STATUS, tell_hello, "", "", "", "", ""},
    {"version", CONTROL_STATUS, tell_version, "", "", "", "", ""},
    {"commands", CONTROL_STATUS, tell_commands, "", "", "name level arguments summary", "", ""},
    {"limits", CONTROL_STATUS, tell_limits, "", "", "name value unit what", "", ""},
};

static const struct command *find(const struct control *c, const char *name) {
    for (size_t i = 0; i < sizeof every / sizeof *every; i++)
        if (strcmp(every[i].name, name) == 0)
            return &every[i];
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->table[i].name, name) == 0)
            return &c->table[i];
    return NULL;
}

static void run(struct request *q, const char *cmd) {
    struct control *c = q->session->control;
    const struct command *k = find(c, cmd);
    if (c->stopping)
        request_error(q, "busy", "the daemon is stopping", "ask again when it runs");
    else if (k == NULL)
        request_errorf(q, "unknown_cmd", "`commands` lists what there is", "no command '%s' here", cmd);
    else if (k->level > q->session->level)
        request_error(q, "denied", "this socket may only read the state of the daemon", "use admin.sock");
    else {
        q->print.columns = k->columns;
        q->command = k;
        k->run(c->owner, q);
    }
}

void control_show(const struct command *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        printf("%s\t%s\t%s\t%s\n", table[i].name, table[i].arguments, table[i].options, table[i].summary);
}

static struct request *request_new(struct session *s, json_t *whole /* takes */) {
    struct request *q = memory_zeroed(1, sizeof *q);
    if (json_object_get(whole, "args") == NULL)
        json_object_set_new(whole, "args", json_object());
    q->session = s;
    q->whole = whole;
    q->id = json_integer_value(json_object_get(whole, "id"));
    s->requests++;
    return q;
}

/* ---- watches */

static void on_watch_closed(uv_handle_t *h) {
    struct watch *w = h->data;
    struct session *s = w->session;
    struct watch **at = &s->watches;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    json_decref(w->whole);
    free(w);
    let_go(s);
}

/* No frame after this; told is whoever still listens. */
static void watch_end(struct watch *w) {
    w->ended = true;
    if (w->running || uv_is_closing((uv_handle_t *)&w->timer))
        return;
    if (!w->session->closing && !w->told)
        say(w->session, json_pack("{s:I, s:{s:I}}", "id", w->id, "end", "count", (json_int_t)w->frames));
    uv_close((uv_handle_t *)&w->timer, on_watch_closed);
}

static void watches_end(struct session *s) {
    for (struct watch *w = s->watches; w != NULL; w = w->next)
        watch_end(w);
}

static void on_watch(uv_timer_t *t) {
    struct watch *w = t->data;
    if (is_behind(w->session)) {
        uv_timer_start(t, on_watch, w->every_ms, 0);
        return;
    }
    struct request *q = request_new(w->session, json_deep_copy(w->whole)); /* a command may take its arguments apart */
    q->watch = w;
    w->running = true;
    json_t *same = shared_of(w->session->control, w);
    if (same != NULL && !w->session->control->stopping) {
        request_row(q, json_incref(same));
        say_frame(q);
    } else
        run(q, json_string_value(json_object_get(w->whole, "cmd")));
}

static void watch_next(struct watch *w) {
    w->running = false;
    if (w->ended || w->session->closing || w->session->eof || w->session->control->stopping)
        watch_end(w);
    else
        uv_timer_start(&w->timer, on_watch, w->every_ms, 0);
}

static void watch_new(struct session *s, json_t *whole /* borrows */, double seconds) {
    struct watch *w = memory_zeroed(1, sizeof *w);
    uv_timer_init(s->control->loop, &w->timer);
    w->timer.data = w;
    w->session = s;
    w->whole = json_incref(whole);
    w->id = json_integer_value(json_object_get(whole, "id"));
    w->every_ms = (uint64_t)(seconds * 1000);
    w->next = s->watches;
    s->watches = w;
    s->requests++;
    on_watch(&w->timer);
}

static void tell_cancel(void *owner, struct request *q) {
    const json_t *id = json_object_get(request_args(q), "id");
    (void)owner;
    for (struct watch *w = q->session->watches; w != NULL; w = w->next)
        if (!w->ended && json_is_integer(id) && json_integer_value(id) == w->id) {
            watch_end(w);
            request_ok(q, json_pack("{s:I}", "cancelled", json_integer_value(id)));
            return;
        }
    request_error(q, "not_found", "nothing is watched under this id in this session", "");
}

/* False: it was refused. */
static bool may_watch(struct session *s, const json_t *whole) {
    const char *cmd = json_string_value(json_object_get(whole, "cmd"));
    json_t *id = json_object_get(whole, "id");
    const json_t *watch = json_object_get(whole, "watch");
    const struct command *k = find(s->control, cmd);
    double seconds = json_number_value(watch);
    size_t count = 0;
    for (const struct watch *w = s->watches; w != NULL; w = w->next)
        count++;
    const char *wrong = NULL;
    if (!json_is_number(watch) || seconds < 0.2 || seconds > 3600)
        wrong = "\"watch\" is a number of seconds, from 0.2 to 3600";
    else if (!json_is_integer(id))
        wrong = "a watch needs an \"id\"";
    else if (k != NULL && (k->level != CONTROL_STATUS || k->run == tell_cancel))
        wrong = "only what status.sock answers can be watched";
    else if (count >= LIMIT_STATUS_WATCHES)
        wrong = "too many watches in one session: cancel some";
    if (wrong != NULL)
        say(s, json_pack("{s:O?, s:o}", "id", id, "error", error_object("bad_request", words_in(chinese(whole), wrong), "")));
    return wrong == NULL;
}

void control_ask(
    struct control *c, enum control_level level, const char *account, const char *cmd, json_t *args,
    void (*line)(void *owner, const json_t *line), void *owner) {
    struct session *s = session_aside(c, level, account);
    s->uid = getuid();
    s->heard = line;
    s->heard_owner = owner;
    run(request_new(s, json_pack("{s:o}", "args", args)), cmd);
}

static void refuse_line(struct session *s, const char *code, const char *message, const char *hint) {
    say(s, json_pack("{s:n, s:o}", "id", "error", error_object(code, message, hint)));
}

static void on_json(struct session *s, const char *at, size_t len) {
    json_error_t wrong;
    json_t *whole = json_loadb(at, len, JSON_REJECT_DUPLICATES, &wrong);
    const char *cmd = json_string_value(json_object_get(whole, "cmd"));
    const json_t *v = json_object_get(whole, "v"), *args = json_object_get(whole, "args");
    if (whole == NULL) {
        refuse_line(s, "bad_request", wrong.text, "one JSON object a line: {\"v\":1,\"id\":1,\"cmd\":\"status\"}");
    } else if (cmd == NULL || (args != NULL && !json_is_object(args))) {
        refuse_line(s, "bad_request", "a request needs \"cmd\", and \"args\" must be an object", "");
    } else if (v != NULL && json_integer_value(v) != 1) {
        refuse_line(s, "bad_version", "this daemon speaks version 1", "");
    } else if (json_object_get(whole, "watch") == NULL) {
        run(request_new(s, json_incref(whole)), cmd);
    } else if (may_watch(s, whole)) {
        watch_new(s, whole, json_number_value(json_object_get(whole, "watch")));
    }
    json_decref(whole);
}

/* Words behind the command's name: arguments in their order, --option or --option=VALUE anywhere. NULL, or the word that has no place. */
static const char *person_args(const struct command *k, char *words, json_t *args) {
    char *names = memory_text(k->arguments), *rest = names, *word;
    while ((word = strsep(&words, " \t")) != NULL) {
        char *value = strchr(word, '=');
        if (*word == '\0')
            continue;
        if (strncmp(word, "--", 2) == 0) {
            if (value != NULL)
                *value++ = '\0';
            json_object_set_new(args, word + 2, value == NULL ? json_true() : json_string(value));
            continue;
        }
        if (rest == NULL || *rest == '\0')
            break;
        size_t len = strcspn(rest, "?* ");
        if (rest[len] == '*') {
            json_t *all = json_object_getn(args, rest, len);
            if (all == NULL)
                json_object_setn_new(args, rest, len, all = json_array());
            json_array_append_new(all, json_string(word));
        } else {
            json_object_setn_new(args, rest, len, json_string(word));
            rest += strcspn(rest, " ");
            rest += *rest == ' ';
        }
    }
    free(names);
    return word;
}

/* A person at a terminal: the command's one or two words, and what belongs to it. */
static void on_words(struct session *s, const char *at, size_t len) {
    char *line = memory_zeroed(len + 1, 1);
    memcpy(line, at, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' && line[i] != '\t' && line[i] != '\r')
            len = 0; /* no person */
    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    if (len == 0 || !utf8_valid(bytes_of(line, len))) {
        refuse_line(s, "bad_request", "neither a JSON object nor a command's words", "{\"v\":1,\"id\":1,\"cmd\":\"status\"}, or: status");
        free(line);
        return;
    }
    const struct command *k = NULL;
    char *end = line;
    for (size_t n = 1; n <= 2 && *end != '\0'; n++) { /* the longer name wins: "node show" */
        end += strcspn(end + (n == 2), " \t") + (n == 2);
        char was = *end;
        *end = '\0';
        const struct command *found = find(s->control, line);
        if (found != NULL)
            k = found;
        *end = was;
        if (found == NULL && k != NULL)
            break;
    }
    json_t *whole = json_object(), *args = json_object();
    json_object_set_new(whole, "args", args);
    struct request *q = request_new(s, whole);
    q->person = true;
    const char *left = k == NULL ? NULL : person_args(k, line + strlen(k->name), args);
    if (left != NULL)
        request_errorf(q, "bad_request", k->arguments, "%s: '%s' has no place; arguments:", k->name, left);
    else
        run(q, k == NULL ? line : k->name);
    free(line);
}

static void on_line(struct session *s, const char *at, size_t len) {
    if (len > 0 && *at == '{')
        on_json(s, at, len);
    else if (len > 0)
        on_words(s, at, len);
}

/* ---- sessions */

static void on_closed(uv_handle_t *h) {
    struct session *s = h->data;
    struct session **at = &s->control->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->closed = true;
    session_free(s);
}

static void session_close(struct session *s) {
    if (s->closing)
        return;
    s->closing = true;
    watches_end(s);
    for (struct leaving *l = s->leaving, *next; l != NULL; l = next) {
        next = l->next;
        l->gone(l->owner, l->what);
        free(l);
    }
    s->leaving = NULL;
    uv_close((uv_handle_t *)&s->pipe, on_closed);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b) {
    struct session *s = h->data;
    (void)wanted;
    *b = uv_buf_init(s->read_room, sizeof s->read_room);
}

static void on_flushed(uv_shutdown_t *r, int status) {
    (void)status;
    session_close(r->data);
    free(r);
}

/* Says what there is to say, then closes. */
static void session_end(struct session *s) {
    if (s->ending || s->closing)
        return;
    s->ending = true;
    uv_shutdown_t *r = memory_zeroed(1, sizeof *r);
    r->data = s;
    uv_read_stop((uv_stream_t *)&s->pipe);
    s->paused = false;
    if (uv_shutdown(r, (uv_stream_t *)&s->pipe, on_flushed) != 0) {
        free(r);
        session_close(s);
    }
}

static void take_lines(struct session *s) {
    size_t from = 0, most = s->level == CONTROL_ADMIN ? LIMIT_BATCH_BYTES : LIMIT_STATUS_LINE_BYTES;
    for (;;) {
        const uint8_t *end = s->in.len > from ? memchr(s->in.at + from, '\n', s->in.len - from) : NULL;
        if (end == NULL)
            break;
        size_t len = (size_t)(end - (s->in.at + from));
        if (len > most)
            break;
        on_line(s, (const char *)s->in.at + from, len);
        from += len + 1;
        if (s->closing)
            return;
    }
    if (from > 0) {
        memmove(s->in.at, s->in.at + from, s->in.len - from);
        s->in.len -= from;
    }
    if (s->in.len > most) {
        refuse_line(s, "too_long", "the request line is too long", s->level == CONTROL_ADMIN ? "" : "admin.sock takes longer ones");
        buffer_close(&s->in);
        s->deaf = true;
    } else if (is_behind(s)) {
        s->paused = true;
        uv_read_stop((uv_stream_t *)&s->pipe);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
    struct session *s = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        s->eof = n == UV_EOF; /* half-closed: the answers still go out */
        if (s->eof)
            watches_end(s);
        if (!s->eof)
            session_close(s);
        else if (s->requests == 0)
            session_end(s);
        return;
    }
    s->discarded += s->deaf ? (size_t)n : 0;
    if (s->discarded > LIMIT_BATCH_BYTES)
        session_close(s);
    if (s->deaf)
        return;
    buffer_add(&s->in, bytes_of(b->base, (size_t)n));
    take_lines(s);
}

static void session_read(struct session *s) {
    take_lines(s);
    if (!s->closing && !s->paused)
        uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
}

static void on_connection(uv_stream_t *server, int status) {
    struct door *d = server->data;
    struct control *c = d->control;
    if (status != 0 || c->stopping)
        return;
    struct session *s = memory_zeroed(1, sizeof *s);
    uv_pipe_init(c->loop, &s->pipe, 0);
    s->pipe.data = s;
    s->control = c;
    s->level = d->level;
    s->next = c->sessions;
    c->sessions = s;
    if (uv_accept(server, (uv_stream_t *)&s->pipe) != 0) {
        session_close(s);
        return;
    }
    uv_os_fd_t fd;
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof who;
    if (uv_fileno((uv_handle_t *)&s->pipe, &fd) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
    s->uid = who.uid;
    session_read(s);
}

static int door_open(struct control *c, struct door *d, const char *folder, const char *name, enum control_level level, mode_t mode) {
    d->control = c;
    d->level = level;
    if ((size_t)snprintf(d->path, sizeof d->path, "%s/%s", folder, name) >= 100)
        return fail(-ENAMETOOLONG);
    unlink(d->path);
    uv_pipe_init(c->loop, &d->pipe, 0);
    d->pipe.data = d;
    d->open = true;
    c->handles++;
    int r = uv_pipe_bind(&d->pipe, d->path);
    if (r == 0 && chmod(d->path, mode) != 0)
        r = -errno;
    if (r == 0)
        r = uv_listen((uv_stream_t *)&d->pipe, 64, on_connection);
    return r == 0 ? 0 : fail(r);
}

/* The folder itself is locked, so that no file is left behind; the lock goes with the process, however that ends. */
static int lock_folder(struct control *c, const char *folder) {
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return fail(-errno);
    c->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->lock < 0)
        return fail(-errno);
    if (flock(c->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? CONTROL_TAKEN : fail(-errno);
}

int control_open(uv_loop_t *loop, const char *folder, const struct command *table, size_t count, void *owner, struct control **out) {
    struct control *c = memory_zeroed(1, sizeof *c);
    c->loop = loop;
    c->table = table;
    c->count = count;
    c->owner = owner;
    uv_timer_init(loop, &c->look);
    c->look.data = c;
    c->handles = 1;
    c->lock = -1;
    int r = lock_folder(c, folder);
    if (r == 0)
        r = door_open(c, &c->doors[0], folder, "status.sock", CONTROL_STATUS, 0666);
    if (r == 0)
        r = door_open(c, &c->doors[1], folder, "admin.sock", CONTROL_ADMIN, 0660);
    if (r != 0) {
        control_close(c);
        return r;
    }
    *out = c;
    return 0;
}

const char *control_outcome_text(int outcome) {
    return outcome == CONTROL_TAKEN ? "another daemon answers in this folder; stop it, or give this one its own: --set socket=FOLDER"
                                    : error_text(outcome);
}

static void on_door_closed(uv_handle_t *h) {
    struct door *d = h->data;
    d->control->handles--;
}

static void on_look_closed(uv_handle_t *h) {
    struct control *c = h->data;
    c->handles--;
}

void control_stop(struct control *c) {
    if (c == NULL || c->stopping)
        return;
    c->stopping = true;
    for (struct session *s = c->sessions; s != NULL; s = s->next)
        watches_end(s);
    for (size_t i = 0; i < 2; i++)
        if (c->doors[i].open) {
            unlink(c->doors[i].path);
            uv_close((uv_handle_t *)&c->doors[i].pipe, on_door_closed);
        }
}

static void on_late(uv_timer_t *t) {
    struct control *c = t->data;
    for (struct session *s = c->sessions; s != NULL; s = s->next)
        session_close(s);
}

struct control *control_close(struct control *c) {
    enum { SLOW_MS = 2000 };
    if (c == NULL)
        return NULL;
    control_stop(c);
    uv_run(c->loop, UV_RUN_NOWAIT); /* what was asked meanwhile is refused in words */
    for (struct session *s = c->sessions; s != NULL; s = s->next)
        session_end(s);
    uv_timer_start(&c->look, on_late, SLOW_MS, 0);
    while (c->sessions != NULL)
        uv_run(c->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&c->look, on_look_closed);
    while (c->handles > 0)
        uv_run(c->loop, UV_RUN_ONCE);
    if (c->lock >= 0)
        close(c->lock);
    for (size_t i = 0; i < SHARED_MOST; i++)
        shared_close(&c->shared[i]);
    free(c);
    return NULL;
}
