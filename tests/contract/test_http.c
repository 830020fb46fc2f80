/* HTTP over real sockets. The daemon's loop runs in this thread, so a client here never blocks: it looks, and lets the loop run on. */
#include "common/daemon/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    uv_loop_t loop;
    struct http *http;
    struct http_request *held; /* of /later */
    struct http_stream *stream;
    unsigned gone, port;
    char folder[64];
};

static void run_echo(void *owner, struct http_request *r) {
    struct buffer out = {0};
    const char *name = http_argument(r, "name"), *head = http_header(r, "X-Head"), *cookie = http_cookie(r, "who");
    (void)owner;
    buffer_format(
        &out, "[%s|%s|%s|%s|%.*s]", http_path(r), name == NULL ? "-" : name, head == NULL ? "-" : head, cookie == NULL ? "-" : cookie,
        (int)http_body(r).len, (const char *)http_body(r).at);
    http_say_header(r, "Set-Cookie", "who=me");
    http_answer(r, 200, "text/plain", buffer_bytes(&out));
    buffer_close(&out);
}

static void run_later(void *owner, struct http_request *r) {
    ((struct stage *)owner)->held = r;
}

static void on_gone(void *owner, struct http_stream *stream) {
    struct stage *s = owner;
    assert_true(s->stream == NULL || s->stream == stream);
    s->stream = NULL;
    s->gone++;
}

static void run_stream(void *owner, struct http_request *r) {
    struct stage *s = owner;
    struct http_stream *stream;
    if (http_stream(r, "text/event-stream", on_gone, s, &stream))
        s->stream = stream;
}

static void run_file(void *owner, struct http_request *r) {
    http_answer_file(r, ((struct stage *)owner)->folder, http_path(r) + strlen("/www/"), "text/html");
}

static const struct http_route routes[] = {
    {"GET", "/echo", run_echo, 0},     {"POST", "/echo", run_echo, 100}, {"GET", "/later", run_later, 0},
    {"GET", "/stream", run_stream, 0}, {"GET", "/www/*", run_file, 0},
};
static const struct http_limits limits = {.connections = 8, .per_address = 6, .idle_s = 1, .stream_behind = 100000, .streams = 1};

static void open_stage(struct stage *s) {
    memset(s, 0, sizeof *s);
    signal(SIGPIPE, SIG_IGN);
    strcpy(s->folder, "/tmp/anju-http-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    uv_loop_init(&s->loop);
    assert_int_equal(http_open(&s->loop, "tcp://127.0.0.1:*", &limits, routes, sizeof routes / sizeof *routes, s, &s->http), 0);
    assert_int_equal(sscanf(http_endpoint(s->http), "tcp://127.0.0.1:%u", &s->port), 1);
}

static void close_stage(struct stage *s) {
    char command[128];
    s->http = http_close(s->http);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    snprintf(command, sizeof command, "rm -r %s", s->folder);
    assert_int_equal(system(command), 0);
}

static int call(const struct stage *s, const char *text) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    return fd;
}

/* Lets the loop run until what came holds the text (NULL: until the other end closes), or time is over. */
static bool hear(struct stage *s, int fd, struct buffer *in, const char *until) {
    uint64_t end = uv_hrtime() + 10000000000u;
    char room[4096];
    while (uv_hrtime() < end) {
        uv_run(&s->loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, room, sizeof room, MSG_DONTWAIT);
        if (n > 0)
            buffer_add(in, bytes_of(room, (size_t)n));
        if (until != NULL && strstr(buffer_string(in), until) != NULL)
            return true;
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return until == NULL;
    }
    return false;
}

static void expect(struct stage *s, const char *question, const char *status, const char *holds) {
    struct buffer in = {0};
    int fd = call(s, question);
    if (!hear(s, fd, &in, NULL) || strncmp(buffer_string(&in), status, strlen(status)) != 0 || strstr(buffer_string(&in), holds) == NULL)
        fail_msg("%s was answered: %s", question, buffer_string(&in));
    buffer_close(&in);
    close(fd);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static void routes_are_found(void **state) {
    struct stage s;
    (void)state;
    open_stage(&s);
    expect(&s, "GET /echo?name=a%20b HTTP/1.1\r\nX-Head: hat\r\nCookie: a=b; who=i\r\n" END, "HTTP/1.1 200", "\r\n\r\n[/echo|a b|hat|i|]");
    expect(&s, "GET /echo HTTP/1.1\r\n" END, "HTTP/1.1 200", "X-Content-Type-Options: nosniff");
    expect(&s, "GET /echo HTTP/1.1\r\n" END, "HTTP/1.1 200", "Set-Cookie: who=me");
    expect(&s, "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n" END "body", "HTTP/1.1 200", "[/echo|-|-|-|body]");
    expect(&s, "HEAD /echo HTTP/1.1\r\n" END, "HTTP/1.1 200", "Content-Length: 14");
    expect(&s, "GET /nothing HTTP/1.1\r\n" END, "HTTP/1.1 404", "no such page");
    expect(&s, "DELETE /echo HTTP/1.1\r\n" END, "HTTP/1.1 405", "");
    close_stage(&s);
}

static void a_long_body_is_refused(void **state) {
    struct stage s;
    char question[400] = "POST /echo HTTP/1.1\r\nContent-Length: 101\r\n" END;
    (void)state;
    open_stage(&s);
    memset(question + strlen(question), 'x', 101);
    expect(&s, question, "HTTP/1.1 413", "too much");
    close_stage(&s);
}

static void an_answer_may_come_later(void **state) {
    struct stage s;
    struct buffer in = {0};
    (void)state;
    open_stage(&s);
    int fd = call(&s, "GET /later HTTP/1.1\r\n" END);
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    expect(&s, "GET /echo HTTP/1.1\r\n" END, "HTTP/1.1 200", "[/echo"); /* nobody waits for it */
    http_answer(s.held, 200, "text/plain", BYTES("at last"));
    assert_true(hear(&s, fd, &in, NULL));
    assert_non_null(strstr(buffer_string(&in), "at last"));
    close(fd);
    s.held = NULL; /* who asked may be gone when the answer comes */
    fd = call(&s, "GET /later HTTP/1.1\r\n" END);
    while (s.held == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    close(fd);
    http_answer(s.held, 200, "text/plain", BYTES("to nobody"));
    buffer_close(&in);
    close_stage(&s);
}

static void streams_go_on(void **state) {
    struct stage s;
    struct buffer in = {0}, more = {0};
    (void)state;
    open_stage(&s);
    int fd = call(&s, "GET /stream HTTP/1.1\r\n" END);
    while (s.stream == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    expect(&s, "GET /stream HTTP/1.1\r\n" END, "HTTP/1.1 503", "too many listen");
    http_say(s.stream, BYTES("data: one\n\n"));
    assert_true(hear(&s, fd, &in, "data: one"));
    http_say(s.stream, BYTES("data: two\n\n"));
    assert_true(hear(&s, fd, &in, "data: two"));
    http_say(s.stream, BYTES("data: last\n\n"));
    http_end(s.stream);
    assert_true(hear(&s, fd, &in, NULL));
    assert_non_null(strstr(buffer_string(&in), "data: last"));
    assert_int_equal(s.gone, 1);
    close(fd);

    fd = call(&s, "GET /stream HTTP/1.1\r\n" END); /* who goes away is noticed when there is something to say */
    while (s.stream == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    close(fd);
    for (uint64_t end = uv_hrtime() + 10000000000u; s.stream != NULL && uv_hrtime() < end;) {
        http_say(s.stream, BYTES("data: anybody?\n\n"));
        uv_run(&s.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(s.gone, 2);

    memset(buffer_grow(&more, 50000), 120, 50000); /* who does not read is dropped: the sockets take some, then `stream_behind` counts */
    fd = call(&s, "GET /stream HTTP/1.1\r\n" END);
    while (s.stream == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    for (uint64_t end = uv_hrtime() + 900000000u; s.stream != NULL && uv_hrtime() < end;) { /* before idle_s */
        http_say(s.stream, buffer_bytes(&more));
        uv_run(&s.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(s.gone, 3);
    close(fd);

    fd = call(&s, "GET /stream HTTP/1.1\r\n" END); /* one is open at the end */
    while (s.stream == NULL)
        uv_run(&s.loop, UV_RUN_ONCE);
    buffer_close(&in);
    buffer_close(&more);
    close_stage(&s);
    assert_int_equal(s.gone, 4);
    close(fd);
}

static void files_of_one_folder(void **state) {
    struct stage s;
    char path[128];
    (void)state;
    open_stage(&s);
    snprintf(path, sizeof path, "%s/index.html", s.folder);
    FILE *f = fopen(path, "w");
    fputs("<p>page", f);
    fclose(f);
    expect(&s, "GET /www/index.html HTTP/1.1\r\n" END, "HTTP/1.1 200", "<p>page");
    expect(&s, "GET /www/none.html HTTP/1.1\r\n" END, "HTTP/1.1 404", "");
    expect(&s, "GET /www/ HTTP/1.1\r\n" END, "HTTP/1.1 404", "");
    expect(&s, "GET /www/../../etc/passwd HTTP/1.1\r\n" END, "HTTP/1.1 404", "");
    expect(&s, "GET /www/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" END, "HTTP/1.1 404", "");
    snprintf(path, sizeof path, "%s/link", s.folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    expect(&s, "GET /www/link HTTP/1.1\r\n" END, "HTTP/1.1 404", "");
    close_stage(&s);
}

static void it_is_bounded(void **state) {
    struct stage s;
    int fds[6];
    struct buffer in = {0};
    (void)state;
    open_stage(&s);
    for (int i = 0; i < 6; i++)
        fds[i] = call(&s, "GET /ec"); /* half a question each */
    for (int i = 0; i < 20; i++)
        uv_run(&s.loop, UV_RUN_NOWAIT);
    int more = call(&s, "GET /echo HTTP/1.1\r\n" END);
    assert_true(hear(&s, more, &in, NULL)); /* closed, unanswered */
    assert_int_equal(in.len, 0);
    close(more);
    for (int i = 0; i < 6; i++) { /* and those after idle_s */
        assert_true(hear(&s, fds[i], &in, NULL));
        close(fds[i]);
    }
    expect(&s, "GET /echo HTTP/1.1\r\n" END, "HTTP/1.1 200", "[/echo");
    buffer_close(&in);
    close_stage(&s);
}

static void a_taken_port_is_an_error(void **state) {
    struct stage s;
    struct http *second;
    char at[64];
    (void)state;
    open_stage(&s);
    snprintf(at, sizeof at, "tcp://127.0.0.1:%u", s.port);
    assert_int_equal(http_open(&s.loop, at, &limits, routes, 1, &s, &second), -EADDRINUSE);
    assert_int_equal(http_open(&s.loop, "127.0.0.1:80", &limits, routes, 1, &s, &second), -EINVAL);
    close_stage(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_found),         cmocka_unit_test(a_long_body_is_refused),
        cmocka_unit_test(an_answer_may_come_later), cmocka_unit_test(streams_go_on),
        cmocka_unit_test(files_of_one_folder),      cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(a_taken_port_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
