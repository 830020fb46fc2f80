/* The status socket over real sockets: who gets in, what a person is answered, slow readers, and the end. The daemon's loop runs in this
 * thread, so a client here never blocks: it looks, and lets the loop run on. */
#include "common/daemon/control.h"

#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/program.h"
#include "common/base/utf8.h"
#include "common/daemon/words.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    uv_loop_t loop;
    struct control *control;
    struct request *held; /* of `later` */
    unsigned runs;
    char folder[64];
};

static void run_now(void *owner, struct request *q) {
    struct stage *s = owner;
    s->runs++;
    request_row(q, json_pack("{s:s, s:s}", "name", "first", "said", request_text(q, "text") == NULL ? "-" : request_text(q, "text")));
    request_row(q, json_pack("{s:s, s:b}", "name", "second", "said", request_flag(q, "loud")));
    request_end(q);
}

static void run_object(void *owner, struct request *q) {
    struct stage *s = owner;
    s->runs++;
    request_ok(q, json_pack("{s:i}", "runs", (int)s->runs));
}

static void run_later(void *owner, struct request *q) {
    struct stage *s = owner;
    s->runs++;
    s->held = q;
}

/* Rows of a kilobyte: far more than a reader may be behind, or just more than fits into the socket. */
static void run_flood(void *owner, struct request *q) {
    char text[1024];
    size_t rows = (request_flag(q, "brook") ? 1u : 16u) * LIMIT_STATUS_BEHIND_BYTES / sizeof text;
    (void)owner;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < rows; i++)
        request_row(q, json_pack("{s:s}", "name", text));
    request_end(q);
}

static const struct command table[] = {
    {"now", CONTROL_STATUS, run_now, "text?", "loud", "name said", "", ""},
    {"now once", CONTROL_STATUS, run_later, "", "", "", "", ""},
    {"object", CONTROL_STATUS, run_object, "", "", "", "", ""},
    {"later", CONTROL_STATUS, run_later, "", "", "", "", ""},
    {"flood", CONTROL_STATUS, run_flood, "", "brook", "name", "", ""},
    {"order", CONTROL_ADMIN, run_now, "", "", "name said", "", ""},
};

static int open_in(struct stage *s) {
    return control_open(&s->loop, s->folder, table, sizeof table / sizeof *table, s, &s->control);
}

static void open_stage(struct stage *s) {
    memset(s, 0, sizeof *s);
    strcpy(s->folder, "/tmp/anju-control-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    uv_loop_init(&s->loop);
    assert_int_equal(open_in(s), 0);
}

static void end_loop(struct stage *s) {
    char path[128];
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    snprintf(path, sizeof path, "%s/status.sock", s->folder);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rmdir(s->folder), 0); /* nothing is left behind */
}

static int client(const struct stage *s, const char *name) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s/%s", s->folder, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void write_line(int fd, const char *line) {
    assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
}

static void on_late(uv_timer_t *t) {
    *(bool *)t->data = true;
}

/* What comes until the text is there, the session ends, or a minute is over; runs the loop meanwhile. */
static struct buffer hear(struct stage *s, int fd, const char *until, bool *ended) {
    struct buffer all = {0};
    uv_timer_t t;
    bool late = false;
    *ended = false;
    uv_timer_init(&s->loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 60000, 0);
    while (!late && (until == NULL || strstr(buffer_string(&all), until) == NULL)) {
        char part[65536];
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            *ended = true;
            break;
        }
        if (n > 0)
            buffer_add(&all, bytes_of(part, (size_t)n));
        else
            uv_run(&s->loop, UV_RUN_NOWAIT);
    }
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    assert_false(late);
    return all;
}

static void answered(struct stage *s, int fd, const char *line, const char *wanted) {
    bool ended;
    write_line(fd, line);
    struct buffer all = hear(s, fd, wanted, &ended);
    assert_false(ended);
    buffer_close(&all);
}

static void hello_says_who_and_what_one_may(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    int status = client(&s, "status.sock"), admin = client(&s, "admin.sock");
    answered(&s, status, "{\"id\":1,\"cmd\":\"hello\"}\n", "\"version\":\"" PROGRAM_VERSION "\",\"level\":\"status\"}}");
    answered(&s, admin, "{\"id\":1,\"cmd\":\"hello\"}\n", "\"level\":\"admin\"}}");
    answered(&s, status, "{\"id\":2,\"cmd\":\"version\"}\n", "\"version\":\"" PROGRAM_VERSION "\",\"store_format\":2,\"protocol\":1}}");
    answered(&s, status, "{\"id\":3,\"cmd\":\"order\"}\n", "denied");
    close(status);
    close(admin);
    s.control = control_close(s.control);
    end_loop(&s);
}

static void a_person_gets_words_and_tables(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock");
    answered(&s, fd, "now\n", "first  -\nsecond false\n");
    answered(&s, fd, "now --loud  hello\r\n", "name   said\nfirst  hello\nsecond true\n");
    answered(&s, fd, "now hello too\n", "error: now: 'too' has no place");
    answered(&s, fd, "nothing\n", "error: no command 'nothing' here\n  `commands` lists what there is\n");
    answered(&s, fd, "order\n", "error: this socket may only read");
    answered(&s, fd, "version\n", "store_format         2\n");
    answered(&s, fd, "limits\n", "LIMIT_STATUS_LINE_BYTES ");
    answered(&s, fd, "now \001\n", "bad_request");
    answered(&s, fd, "\377\n", "bad_request");
    unsigned before = s.runs;
    write_line(fd, "now once\n"); /* the longer name */
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    assert_int_equal(s.runs, before + 1);
    request_ok(s.held, json_pack("{s:s}", "done", "yes"));
    answered(&s, fd, "now\n", "done                 yes\n");
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

static void the_end_refuses_and_finishes(void **state) {
    struct stage s;
    bool ended;
    (void)state;
    open_stage(&s);
    int asked = client(&s, "status.sock"), idle = client(&s, "status.sock"), late = client(&s, "status.sock");
    write_line(asked, "{\"id\":1,\"cmd\":\"later\"}\n");
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    answered(&s, late, "now\n", "second");
    int connecting = client(&s, "status.sock"); /* nobody has accepted it */
    write_line(connecting, "now\n");
    write_line(late, "{\"id\":2,\"cmd\":\"now\"}\n");
    unsigned before = s.runs;
    control_stop(s.control);
    request_ok(s.held, json_pack("{s:s}", "work", "finished"));
    s.control = control_close(s.control);
    assert_int_equal(s.runs, before); /* nothing was run against an owner that is half gone */
    struct buffer a = hear(&s, asked, NULL, &ended), b = hear(&s, late, NULL, &ended), c = hear(&s, idle, NULL, &ended),
                  d = hear(&s, connecting, NULL, &ended);
    assert_non_null(strstr(buffer_string(&a), "finished"));
    assert_non_null(strstr(buffer_string(&b), "\"id\":2,\"error\":{\"code\":\"busy\",\"message\":\"the daemon is stopping\""));
    assert_int_equal(c.len, 0);
    assert_int_equal(d.len, 0);
    buffer_close(&a);
    buffer_close(&b);
    close(asked);
    close(late);
    close(idle);
    close(connecting);
    end_loop(&s);
}

static void the_end_does_not_wait_for_a_sleeper(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock");
    write_line(fd, "{\"id\":1,\"cmd\":\"flood\"}\n{\"id\":2,\"cmd\":\"later\"}\n");
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    control_stop(s.control);
    request_ok(s.held, json_object());
    uint64_t before = uv_hrtime();
    s.control = control_close(s.control);
    uint64_t took_ms = (uv_hrtime() - before) / 1000000;
    assert_in_range(took_ms, 1500, 10000); /* it was given its time */
    close(fd);
    end_loop(&s);
}

/* Reads to the end in a thread of its own, as another process would. */
struct reading {
    int fd;
    size_t lines;
};

static void read_all(void *arg) {
    struct reading *r = arg;
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    char part[4096];
    for (ssize_t n = 1; n > 0 && poll(&p, 1, 60000) == 1;) {
        n = recv(r->fd, part, sizeof part, 0);
        for (ssize_t i = 0; i < n; i++)
            r->lines += part[i] == '\n';
    }
}

static void the_end_waits_for_who_reads(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    struct reading r = {.fd = client(&s, "status.sock")};
    uv_thread_t thread;
    write_line(r.fd, "{\"cmd\":\"flood\",\"args\":{\"brook\":true}}\n{\"cmd\":\"later\"}\n");
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    request_ok(s.held, json_object());
    assert_int_equal(shutdown(r.fd, SHUT_WR), 0); /* it has nothing more to ask: its end is on its way already */
    uv_run(&s.loop, UV_RUN_NOWAIT);
    uv_thread_create(&thread, read_all, &r);
    s.control = control_close(s.control);
    uv_thread_join(&thread);
    assert_int_equal(r.lines, LIMIT_STATUS_BEHIND_BYTES / 1024 + 2);
    close(r.fd);
    end_loop(&s);
}

static void on_sip(uv_timer_t *t) {
    static char part[32768];
    ssize_t n = recv(*(const int *)t->data, part, sizeof part, MSG_DONTWAIT);
    assert_true(n > 0 || (n < 0 && errno == EAGAIN));
}

static void who_does_not_read_is_dropped(void **state) {
    struct stage s;
    bool ended;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock"), reader = client(&s, "status.sock"), slow = client(&s, "status.sock");
    uv_timer_t sip; /* from now on: what follows takes its time under valgrind */
    uv_timer_init(&s.loop, &sip);
    sip.data = &slow;
    uv_timer_start(&sip, on_sip, 200, 200);
    write_line(slow, "{\"id\":1,\"cmd\":\"flood\"}\n");
    write_line(fd, "{\"id\":1,\"cmd\":\"flood\"}\n");
    write_line(reader, "{\"id\":1,\"cmd\":\"flood\"}\n");
    struct buffer all = hear(&s, reader, "\"end\"", &ended); /* as much at once, but read */
    assert_false(ended);
    buffer_close(&all);
    answered(&s, reader, "now\n", "second");
    uv_timer_t t;
    bool gone = false, late = false;
    uv_timer_init(&s.loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 4 * LIMIT_STATUS_STALL_MS, 0);
    while (!gone && !late) {
        uv_run(&s.loop, UV_RUN_ONCE);
        gone = send(fd, "\n", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
    }
    uv_close((uv_handle_t *)&t, NULL);
    uv_close((uv_handle_t *)&sip, NULL);
    assert_true(gone);
    write_line(slow, "\n"); /* behind as well, but it reads */
    close(slow);
    answered(&s, reader, "now\n", "second");
    close(fd);
    close(reader);
    s.control = control_close(s.control);
    end_loop(&s);
}

static void a_folder_belongs_to_one(void **state) {
    struct stage s, other;
    (void)state;
    open_stage(&s);
    memset(&other, 0, sizeof other);
    strcpy(other.folder, s.folder);
    uv_loop_init(&other.loop);
    assert_int_equal(open_in(&other), CONTROL_TAKEN);
    uv_run(&other.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&other.loop), 0);
    int fd = client(&s, "status.sock"); /* still the first one's */
    answered(&s, fd, "now\n", "second");
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

/* A process that is killed leaves its sockets lying; the next daemon takes their place. */
static void what_a_killed_one_left_is_replaced(void **state) {
    struct stage s;
    char path[128];
    (void)state;
    memset(&s, 0, sizeof s);
    strcpy(s.folder, "/tmp/anju-control-XXXXXX");
    assert_non_null(mkdtemp(s.folder));
    uv_loop_init(&s.loop);
    pid_t child = fork();
    if (child == 0)
        _exit(open_in(&s) == 0 ? 0 : 1);
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    snprintf(path, sizeof path, "%s/status.sock", s.folder);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(open_in(&s), 0);
    int fd = client(&s, "status.sock");
    answered(&s, fd, "now\n", "second");
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

static void what_is_watched_comes_again_until_it_is_cancelled(void **state) {
    struct stage s;
    bool ended;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock");
    answered(&s, fd, "{\"id\":7,\"cmd\":\"now\",\"watch\":0.2,\"args\":{\"text\":\"x\"}}\n", "\"said\":\"x\"}}\n");
    struct buffer more = hear(&s, fd, "\"said\":\"x\"}}\n", &ended); /* again, and not asked for */
    assert_non_null(strstr(buffer_string(&more), "{\"id\":7,\"frame\":{\"count\":2}}\n"));
    buffer_close(&more);
    assert_true(s.runs >= 2);
    answered(&s, fd, "{\"id\":8,\"cmd\":\"hello\",\"watch\":3600}\n", "{\"id\":8,\"frame\":{\"count\":1}}"); /* an object is a row */
    write_line(fd, "{\"id\":9,\"cmd\":\"cancel\",\"args\":{\"id\":7}}\n");
    more = hear(&s, fd, "{\"id\":9,\"ok\":{\"cancelled\":7}}\n", &ended);
    assert_non_null(strstr(buffer_string(&more), "{\"id\":7,\"end\":{\"count\":"));
    buffer_close(&more);
    unsigned runs = s.runs;
    uv_timer_t t;
    bool late = false;
    uv_timer_init(&s.loop, &t);
    t.data = &late;
    uv_timer_start(&t, on_late, 500, 0);
    while (!late)
        uv_run(&s.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    assert_int_equal(s.runs, runs); /* nobody asks any more */
    answered(&s, fd, "{\"id\":10,\"cmd\":\"cancel\",\"args\":{\"id\":7}}\n", "not_found");
    assert_int_equal(shutdown(fd, SHUT_WR), 0); /* the other watch ends with the session */
    more = hear(&s, fd, NULL, &ended);
    assert_true(ended);
    assert_non_null(strstr(buffer_string(&more), "{\"id\":8,\"end\":{\"count\":1}}\n"));
    buffer_close(&more);
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

/* Many look at one screen: it is made once for those who look at the same moment, and anew for who asks. */
static void one_answer_serves_all_who_watch_the_same(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    int one = client(&s, "status.sock"), other = client(&s, "status.sock");
    answered(&s, one, "{\"id\":1,\"cmd\":\"object\",\"watch\":3600,\"args\":{\"a\":1}}\n", "\"row\":{\"runs\":1}}\n{\"id\":1,\"frame\"");
    answered(&s, other, "{\"id\":2,\"cmd\":\"object\",\"watch\":3600,\"args\":{\"a\":1}}\n", "\"row\":{\"runs\":1}}\n{\"id\":2,\"frame\"");
    answered(&s, other, "{\"id\":3,\"cmd\":\"object\",\"watch\":3600,\"args\":{\"a\":2}}\n", "\"row\":{\"runs\":2}}\n{\"id\":3,\"frame\"");
    answered(&s, one, "{\"id\":4,\"cmd\":\"object\",\"args\":{\"a\":1}}\n", "\"ok\":{\"runs\":3}}");
    close(one);
    close(other);
    s.control = control_close(s.control);
    end_loop(&s);
}

static void what_cannot_be_watched_is_told(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "admin.sock");
    answered(&s, fd, "{\"id\":1,\"cmd\":\"order\",\"watch\":1}\n", "only what status.sock answers can be watched");
    answered(&s, fd, "{\"id\":1,\"cmd\":\"now\",\"watch\":0.1}\n", "from 0.2 to 3600");
    answered(&s, fd, "{\"id\":1,\"cmd\":\"now\",\"watch\":\"1\"}\n", "from 0.2 to 3600");
    answered(&s, fd, "{\"cmd\":\"now\",\"watch\":1}\n", "needs an \\\"id\\\"");
    assert_int_equal(s.runs, 0);
    answered(&s, fd, "{\"id\":1,\"cmd\":\"nothing\",\"watch\":1}\n", "{\"id\":1,\"error\":{\"code\":\"unknown_cmd\"");
    for (unsigned i = 0; i < LIMIT_STATUS_WATCHES; i++)
        answered(&s, fd, "{\"id\":2,\"cmd\":\"hello\",\"watch\":3600}\n", "frame");
    answered(&s, fd, "{\"id\":3,\"cmd\":\"hello\",\"watch\":3600}\n", "too many watches");
    answered(&s, fd, "{\"id\":4,\"cmd\":\"later\",\"watch\":1}\n", "too many watches");
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

/* The daemon ends while an answer to a watch is under way, and while one waits. */
static void the_end_ends_watches(void **state) {
    struct stage s;
    bool ended;
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock");
    write_line(fd, "{\"id\":1,\"cmd\":\"later\",\"watch\":1}\n{\"id\":2,\"cmd\":\"hello\",\"watch\":3600}\n");
    struct buffer all = hear(&s, fd, "frame", &ended);
    buffer_close(&all);
    control_stop(s.control);
    request_end(s.held);
    s.control = control_close(s.control);
    all = hear(&s, fd, NULL, &ended);
    assert_true(ended);
    assert_non_null(strstr(buffer_string(&all), "{\"id\":1,\"end\":{\"count\":1}}"));
    assert_non_null(strstr(buffer_string(&all), "{\"id\":2,\"end\":{\"count\":1}}"));
    buffer_close(&all);
    close(fd);
    end_loop(&s);
}

/* In Chinese by the argument `lang`, of every command; code and what is echoed stay. */
static void errors_speak_the_language_that_is_asked_for(void **state) {
    struct stage s;
    struct buffer line = {0};
    (void)state;
    open_stage(&s);
    int fd = client(&s, "status.sock");
    answered(
        &s, fd, "{\"id\":1,\"cmd\":\"order\",\"args\":{\"lang\":\"zh\"}}\n",
        "{\"id\":1,\"error\":{\"code\":\"denied\",\"message\":\"此套接字只能查看守护进程的状态\",\"hint\":\"请使用admin.sock\"}}\n");
    answered(&s, fd, "{\"id\":2,\"cmd\":\"一\",\"args\":{\"lang\":\"zh\"}}\n", "\"code\":\"unknown_cmd\",\"message\":\"这里没有命令“一”\"");
    answered(&s, fd, "{\"id\":3,\"cmd\":\"order\",\"args\":{\"lang\":\"en\"}}\n", "this socket may only read");
    answered(&s, fd, "{\"id\":4,\"cmd\":\"order\",\"args\":{\"lang\":7}}\n", "this socket may only read");
    answered(&s, fd, "{\"id\":5,\"cmd\":\"now\",\"watch\":0,\"args\":{\"lang\":\"zh\"}}\n", "\\\"watch\\\"是秒数");
    answered(&s, fd, "now hello too --lang=zh\n", "error: now: 'too' has no place"); /* it stands behind what is wrong */
    answered(&s, fd, "now --lang=zh hello too\n", "error: now：“too”多余；参数为：\n  text?\n");
    buffer_text(&line, "{\"id\":6,\"cmd\":\"x");
    for (unsigned i = 0; i < WORDS_MOST / 2; i++)
        buffer_text(&line, "安");
    buffer_text(&line, "\"}\n");
    answered(
        &s, fd, buffer_string(&line), "{\"id\":6,\"error\":{\"code\":\"unknown_cmd\""); /* cut between two characters, else it is no JSON */
    buffer_close(&line);
    close(fd);
    s.control = control_close(s.control);
    end_loop(&s);
}

/* Whatever the length, never half a character, and never more than allowed. */
static void __attribute__((format(printf, 3, 4))) say_words(struct buffer *out, bool zh, const char *format, ...) {
    va_list args;
    va_start(args, format);
    words_format(out, zh, format, args);
    va_end(args);
}

static void words_are_cut_between_characters(void **state) {
    struct buffer name = {0};
    (void)state;
    for (unsigned i = 0; i < WORDS_MOST / 3 - 3; i++)
        buffer_text(&name, "安");
    for (unsigned i = 0; i < 20; i++) {
        struct buffer out = {0};
        say_words(&out, i % 2 == 0, "there is no account %s", buffer_string(&name));
        assert_true(out.len <= WORDS_MOST && out.len + 4 > (name.len < WORDS_MOST ? name.len : WORDS_MOST));
        assert_true(utf8_valid(buffer_bytes(&out)));
        buffer_close(&out);
        buffer_text(&name, i % 3 == 0 ? "a" : "居");
    }
    buffer_close(&name);
    assert_string_equal(words_in(true, "nobody has translated this"), "nobody has translated this");
    assert_string_equal(words_in(false, "use admin.sock"), "use admin.sock");
    assert_null(words_in(true, NULL));
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* as service_start does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_says_who_and_what_one_may),
        cmocka_unit_test(a_person_gets_words_and_tables),
        cmocka_unit_test(the_end_refuses_and_finishes),
        cmocka_unit_test(the_end_does_not_wait_for_a_sleeper),
        cmocka_unit_test(the_end_waits_for_who_reads),
        cmocka_unit_test(who_does_not_read_is_dropped),
        cmocka_unit_test(what_is_watched_comes_again_until_it_is_cancelled),
        cmocka_unit_test(what_cannot_be_watched_is_told),
        cmocka_unit_test(one_answer_serves_all_who_watch_the_same),
        cmocka_unit_test(the_end_ends_watches),
        cmocka_unit_test(errors_speak_the_language_that_is_asked_for),
        cmocka_unit_test(words_are_cut_between_characters),
        cmocka_unit_test(a_folder_belongs_to_one),
        cmocka_unit_test(what_a_killed_one_left_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
