/* The happy path: the epoll descriptor of libmicrohttpd becomes readable -> MHD_run -> on_access with the head, the body piece by piece,
 * then an empty piece -> the route's function -> a response is queued, or the connection is suspended until there is one.
 *
 * Ways to fail: a connection that stands still (its timeout), that is one too many (refused by the library), a body that is too long (413,
 * the rest is read and thrown away), a reader of a stream that does not read (dropped at `stream_behind`). */
#include "common/daemon/http.h"

#include "common/base/endpoint.h"
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTION_BYTES = 32768, BLOCK_BYTES = 16384, HEADERS_MOST = 8 };

const struct http_limits http_limits_usual = {.connections = 256, .per_address = 64, .idle_s = 30, .stream_behind = 262144, .streams = 200};

struct http {
    uv_loop_t *loop;
    struct http_limits limits;
    const struct http_route *routes;
    size_t count;
    void *owner;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles, streams, waiting; /* waiting: requests that are not answered yet */
    bool closing;
    struct http_stream *first;
    char endpoint[ENDPOINT_MAX];
};

struct http_request {
    struct http *http;
    struct MHD_Connection *connection;
    const struct http_route *route; /* NULL: none fits */
    unsigned refused;               /* status, while the body still comes; 0: not */
    char *path;                     /* owns */
    struct buffer body;
    struct {
        char *name, *value; /* own */
    } headers[HEADERS_MOST];
    size_t header_count;
    struct MHD_Response *response; /* owns, until it is queued */
    unsigned status;
    bool asked, suspended;
    char peer[INET6_ADDRSTRLEN];
};

struct http_stream {
    struct http *http;
    struct http_stream *next, **at;
    struct MHD_Connection *connection;
    struct buffer out;
    size_t taken; /* of `out` */
    bool suspended, ended, dropped;
    void (*gone)(void *owner, struct http_stream *s);
    void *owner;
};

/* ---- the loop */

static void on_timer(uv_timer_t *t);

static void soon(struct http *h) {
    uv_timer_start(&h->timer, on_timer, 0, 0);
}

static void work(struct http *h) {
    MHD_UNSIGNED_LONG_LONG wait;
    MHD_run(h->daemon);
    if (uv_timer_get_due_in(&h->timer) == 0 && uv_is_active((uv_handle_t *)&h->timer))
        return; /* somebody was answered meanwhile */
    if (MHD_get_timeout(h->daemon, &wait) == MHD_YES)
        uv_timer_start(&h->timer, on_timer, wait, 0);
    else
        uv_timer_stop(&h->timer);
}

static void on_timer(uv_timer_t *t) {
    work(t->data);
}

static void on_readable(uv_poll_t *p, int status, int events) {
    (void)status;
    (void)events;
    work(p->data);
}

__attribute__((format(printf, 2, 0))) static void say_trouble(void *owner, const char *format, va_list args) {
    char text[256];
    (void)owner;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    log_fact(LOG_DEBUG, "http.trouble", FACT_TEXT("why", text));
}

/* ---- questions */

const char *http_path(const struct http_request *r) {
    return r->path;
}

const char *http_argument(const struct http_request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, name);
}

struct bytes http_body(const struct http_request *r) {
    return buffer_bytes(&r->body);
}

const char *http_peer(const struct http_request *r) {
    return r->peer;
}

/* ---- answers */

void http_say_header(struct http_request *r, const char *name, const char *value) {
    invariant(r->header_count < HEADERS_MOST);
    r->headers[r->header_count].name = memory_text(name);
    r->headers[r->header_count++].value = memory_text(value);
}

/* Outside of on_access the connection is suspended, and takes its answer when it goes on. */
static void respond(struct http_request *r, unsigned status, const char *type, struct MHD_Response *response /* takes, may be NULL */) {
    invariant(r->response == NULL && r->asked);
    if (response == NULL) { /* no memory */
        static const char none[] = "";
        response = MHD_create_response_from_buffer(0, (void *)(uintptr_t)none, MHD_RESPMEM_PERSISTENT);
        status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < r->header_count; i++)
        MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    r->response = response;
    r->status = status;
    if (r->suspended) {
        r->suspended = false;
        r->http->waiting--;
        MHD_resume_connection(r->connection);
        soon(r->http);
    }
}

void http_answer(struct http_request *r, unsigned status, const char *type, struct bytes body) {
    respond(r, status, type, MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)(const void *)body.at, MHD_RESPMEM_MUST_COPY));
}

static void answer_text(struct http_request *r, unsigned status, const char *text) {
    http_answer(r, status, "text/plain; charset=utf-8", bytes_text(text));
}

static bool name_good(const char *name) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    return n > 0 && n < 128 && *name != '.' && strspn(name, good) == n;
}

void http_answer_file(struct http_request *r, const char *folder, const char *name, const char *type) {
    struct buffer path = {0};
    struct stat st;
    buffer_format(&path, "%s/%s", folder, name);
    int fd = name_good(name) ? open(buffer_string(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    buffer_close(&path);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        answer_text(r, MHD_HTTP_NOT_FOUND, "there is no such page\n");
        return;
    }
    respond(r, MHD_HTTP_OK, type, MHD_create_response_from_fd64((uint64_t)st.st_size, fd));
}

/* ---- streams */

static ssize_t on_wanted(void *owner, uint64_t pos, char *room, size_t most) {
    struct http_stream *s = owner;
    size_t n = s->out.len - s->taken;
    (void)pos;
    if (s->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0 && s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    n = n < most ? n : most;
    memcpy(room, s->out.at + s->taken, n);
    s->taken += n;
    if (s->taken == s->out.len) {
        buffer_clear(&s->out);
        s->taken = 0;
    }
    return (ssize_t)n;
}

static void on_stream_free(void *owner) {
    struct http_stream *s = owner;
    *s->at = s->next;
    if (s->next != NULL)
        s->next->at = s->at;
    s->http->streams--;
    s->gone(s->owner, s);
    buffer_close(&s->out);
    free(s);
}

static void go_on(struct http_stream *s) {
    if (!s->suspended)
        return;
    s->suspended = false;
    MHD_resume_connection(s->connection);
    soon(s->http);
}

bool http_stream(
    struct http_request *r, const char *type, void (*gone)(void *owner, struct http_stream *s), void *owner, struct http_stream **out) {
    struct http *h = r->http;
    *out = NULL;
    if (h->streams >= h->limits.streams) {
        answer_text(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many listen already\n");
        return false;
    }
    struct http_stream *s = memory_zeroed(1, sizeof *s);
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_wanted, s, on_stream_free);
    if (response == NULL) {
        free(s);
        respond(r, 0, type, NULL);
        return false;
    }
    *s = (struct http_stream){.http = h, .connection = r->connection, .gone = gone, .owner = owner, .next = h->first, .at = &h->first};
    if (h->first != NULL)
        h->first->at = &s->next;
    h->first = s;
    h->streams++;
    *out = s;
    http_say_header(r, "Cache-Control", "no-store");
    respond(r, MHD_HTTP_OK, type, response);
    return true;
}

void http_say(struct http_stream *s, struct bytes more) {
    if (s->ended || s->dropped)
        return;
    if (s->out.len - s->taken + more.len > s->http->limits.stream_behind) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(s->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        s->dropped = true;
        if (info != NULL) /* else the library waits for its turn to write */
            shutdown(info->connect_fd, SHUT_RDWR);
        log_fact(LOG_WARNING, "http.too_slow", FACT_UINT("unread_bytes", s->out.len - s->taken));
    } else {
        buffer_add(&s->out, more);
    }
    go_on(s);
}

void http_end(struct http_stream *s) {
    s->ended = true;
    go_on(s);
}

/* ---- what the library calls */

static bool fits(const struct http_route *t, const char *path) {
    size_t n = strlen(t->path);
    return n > 0 && t->path[n - 1] == '*' ? strncmp(t->path, path, n - 1) == 0 : strcmp(t->path, path) == 0;
}

static void find_route(struct http_request *r, const char *method) {
    const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;
    r->refused = MHD_HTTP_NOT_FOUND;
    for (size_t i = 0; i < r->http->count && r->route == NULL; i++) {
        const struct http_route *t = &r->http->routes[i];
        if (!fits(t, r->path))
            continue;
        r->refused = MHD_HTTP_METHOD_NOT_ALLOWED;
        if (strcmp(t->method, as) == 0)
            r->route = t;
    }
    r->refused = r->route != NULL ? 0 : r->refused;
}

static void find_peer(struct http_request *r) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL ||
        getnameinfo(
            info->client_addr, info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), r->peer,
            sizeof r->peer, NULL, 0, NI_NUMERICHOST) != 0)
        r->peer[0] = '\0';
}

static void ask(struct http_request *r) {
    r->asked = true;
    if (r->http->closing)
        answer_text(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is stopping\n");
    else if (r->refused == 0)
        r->route->run(r->http->owner, r);
    else
        answer_text(
            r, r->refused,
            r->refused == MHD_HTTP_NOT_FOUND            ? "there is no such page\n"
            : r->refused == MHD_HTTP_METHOD_NOT_ALLOWED ? "this page is not asked in this way\n"
                                                        : "that is too much\n");
}

static enum MHD_Result on_access(
    void *owner, struct MHD_Connection *connection, const char *path, const char *method, const char *version, const char *piece,
    size_t *len, void **mine) {
    struct http_request *r = *mine;
    (void)version;
    if (r == NULL) {
        *mine = r = memory_zeroed(1, sizeof *r);
        r->http = owner;
        r->connection = connection;
        r->path = memory_text(path);
        find_route(r, method);
        find_peer(r);
        return MHD_YES;
    }
    if (*len > 0) {
        if (r->refused == 0 && r->body.len + *len > r->route->body_most)
            r->refused = MHD_HTTP_CONTENT_TOO_LARGE;
        if (r->refused == 0)
            buffer_add(&r->body, bytes_of(piece, *len));
        *len = 0;
        return MHD_YES;
    }
    if (!r->asked)
        ask(r);
    if (r->response == NULL) {
        r->suspended = true;
        r->http->waiting++;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    enum MHD_Result result = MHD_queue_response(connection, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return result;
}

static void on_completed(void *owner, struct MHD_Connection *connection, void **mine, enum MHD_RequestTerminationCode why) {
    struct http_request *r = *mine;
    (void)owner;
    (void)connection;
    (void)why;
    if (r == NULL)
        return;
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    for (size_t i = 0; i < r->header_count; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    buffer_close(&r->body);
    free(r->path);
    free(r);
    *mine = NULL;
}

/* ---- life */

static int address_of(const char *listen, struct addrinfo **out /* gives */) {
    char host[ENDPOINT_MAX];
    const char *start = listen + strlen("tcp://"), *port = strrchr(start, ':');
    if (!endpoint_good(listen, true))
        return -EINVAL;
    bool v6 = *start == '[';
    snprintf(host, sizeof host, "%.*s", (int)(port - start) - (v6 ? 2 : 0), start + (v6 ? 1 : 0));
    struct addrinfo want = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    const char *service = strcmp(port, ":*") == 0 ? "0" : port + 1;
    return getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, service, &want, out) == 0 ? 0 : -EADDRNOTAVAIL;
}

static int listen_at(const struct addrinfo *at, int *out /* gives */) {
    int on = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 128) != 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *out = fd;
    return 0;
}

static void name_endpoint(struct http *h, const char *listen, int fd) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char port[16] = "";
    if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        getnameinfo((struct sockaddr *)&at, len, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    snprintf(h->endpoint, sizeof h->endpoint, "%.*s:%s", (int)(strrchr(listen, ':') - listen), listen, port);
}

int http_open(
    uv_loop_t *loop, const char *listen, const struct http_limits *limits, const struct http_route *routes, size_t count, void *owner,
    struct http **out) {
    struct addrinfo *at = NULL;
    int fd = -1, r = address_of(listen, &at);
    if (r == 0)
        r = listen_at(at, &fd);
    if (at != NULL)
        freeaddrinfo(at);
    if (r != 0)
        return r;
    struct http *h = memory_zeroed(1, sizeof *h);
    *h = (struct http){.loop = loop, .limits = *limits, .routes = routes, .count = count, .owner = owner};
    name_endpoint(h, listen, fd);
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access, h, MHD_OPTION_EXTERNAL_LOGGER, say_trouble,
        NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limits->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        limits->per_address, MHD_OPTION_CONNECTION_TIMEOUT, limits->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (h->daemon == NULL) { /* whether it closed the socket depends on how far it came; twice would be worse than not at all */
        free(h);
        return fail(-EIO);
    }
    uv_timer_init(loop, &h->timer);
    uv_poll_init(loop, &h->poll, MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    h->timer.data = h->poll.data = h;
    h->handles = 2;
    uv_poll_start(&h->poll, UV_READABLE, on_readable);
    *out = h;
    return 0;
}

const char *http_endpoint(const struct http *h) {
    return h->endpoint;
}

static void on_closed(uv_handle_t *handle) {
    struct http *h = handle->data;
    h->handles--;
}

struct http *http_close(struct http *h) {
    if (h == NULL)
        return NULL;
    invariant(h->waiting == 0);
    h->closing = true;
    for (struct http_stream *s = h->first; s != NULL; s = s->next)
        http_end(s); /* the library stops with no connection suspended */
    MHD_run(h->daemon);
    uv_close((uv_handle_t *)&h->poll, on_closed);
    uv_close((uv_handle_t *)&h->timer, on_closed);
    while (h->handles > 0)
        uv_run(h->loop, UV_RUN_ONCE);
    MHD_stop_daemon(h->daemon);
    free(h);
    return NULL;
}
