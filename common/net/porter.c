#include "common/net/porter.h"

#include "common/base/error.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, BIND_PAUSE_MS = 50, AGAIN_MS = 200, LISTENING = 3 /* the descriptor in the process */ };

/* A handshake takes about 38 KiB of the hub. A machine that enrols asks one question on a connection, and waits 12 s for the answer. */
const struct porter_rooms porter_rooms_nodes = {.outside = 4096, .greeting = 512};
const struct porter_rooms porter_rooms_enrol = {.outside = 1024, .greeting = 512, .inside = LIMIT_ENROL_PEERS, .inside_ms = 15000};

struct porter {
    uv_loop_t *loop;
    char endpoint[256], door[256], hub[16], level[16], form[16], rooms[4][16];
    int listening; /* owns */
    uv_process_t process;
    uv_timer_t again;
    bool alive, closing;
    unsigned begun, handles;
};

/* ---- the port */

static int bind_to(const struct addrinfo *a, int *out) {
    int on = 1, off = 0, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *out = fd;
    return 0;
}

/* "tcp://host:port" taken apart. */
static bool take_apart(const char *endpoint, char host[128], char port[16]) {
    const char *colon = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6) != 0 || colon == NULL || colon < endpoint + 6)
        return false;
    const char *from = endpoint + 6;
    size_t len = (size_t)(colon - from);
    if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
        from++;
        len -= 2;
    }
    if (len == 0 || len >= 128 || colon[1] == '\0' || strlen(colon + 1) >= 16)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    strcpy(port, strcmp(colon + 1, "*") == 0 ? "0" : colon + 1);
    return true;
}

static int bind_at(struct porter *p, const char *endpoint, unsigned wait_ms) {
    char host[128], port[16];
    struct addrinfo *found = NULL, wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!take_apart(endpoint, host, port))
        return fail(-EINVAL);
    bool all = strcmp(host, "*") == 0;
    if (getaddrinfo(all ? NULL : host, port, &wanted, &found) != 0)
        return fail(-EINVAL);
    int r = bind_to(found, &p->listening);
    /* After a hub was killed its porter goes a moment later, and with it the port. */
    for (unsigned ms = 0; ms < wait_ms && r == -EADDRINUSE; ms += BIND_PAUSE_MS) {
        poll(NULL, 0, BIND_PAUSE_MS);
        r = bind_to(found, &p->listening);
    }
    freeaddrinfo(found);
    struct sockaddr_storage real = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof real;
    if (r == 0 && (getsockname(p->listening, (struct sockaddr *)&real, &len) != 0 ||
                   getnameinfo((struct sockaddr *)&real, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0))
        r = -EINVAL;
    if (r == 0)
        snprintf(p->endpoint, sizeof p->endpoint, real.ss_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    return r == 0 ? 0 : fail(r);
}

/* ---- the process */

static void begin(struct porter *p);

static void on_again(uv_timer_t *t) {
    begin(t->data);
}

static void again_soon(struct porter *p) {
    uv_timer_start(&p->again, on_again, AGAIN_MS, 0);
}

static void on_handle_closed(uv_handle_t *h) {
    struct porter *p = h->data;
    if (--p->handles == 0)
        free(p);
}

static void on_process_closed(uv_handle_t *h) {
    struct porter *p = h->data;
    if (!p->closing)
        again_soon(p);
    on_handle_closed(h);
}

static void on_end_of_process(uv_process_t *process, int64_t status, int number) {
    struct porter *p = process->data;
    p->alive = false;
    if (p->closing)
        return;
    log_fact(LOG_ERROR, "porter.ended", FACT_INT("status", status), FACT_INT("signal", number));
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void begin(struct porter *p) {
    char self[] = "/proc/self/exe", name[] = "anju-hub", argument[] = PORTER_ARGUMENT;
    char *arguments[] = {name, argument, p->door, p->hub, p->level, p->form, p->rooms[0], p->rooms[1], p->rooms[2], p->rooms[3], NULL},
         *nothing[] = {NULL};
    uv_stdio_container_t files[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = p->listening}};
    uv_process_options_t o = {
        .exit_cb = on_end_of_process,
        .file = self,
        .args = arguments,
        .env = nothing,
        .stdio = files,
        .stdio_count = sizeof files / sizeof *files};
    int r = uv_spawn(p->loop, &p->process, &o);
    p->process.data = p;
    p->handles++;
    p->begun++;
    p->alive = r == 0;
    if (r == 0)
        return;
    log_fact(LOG_ERROR, "porter.not_begun", FACT_TEXT("why", uv_strerror(r)));
    uv_close((uv_handle_t *)&p->process, on_process_closed);
}

int porter_open(
    uv_loop_t *loop, const char *endpoint, unsigned wait_ms, const char *door, const struct porter_rooms *rooms, struct porter **out) {
    const unsigned numbers[] = {rooms->outside, rooms->greeting, rooms->inside, rooms->inside_ms};
    struct porter *p = memory_zeroed(1, sizeof *p);
    p->loop = loop;
    p->listening = -1;
    int r = strlen(door) < sizeof p->door ? bind_at(p, endpoint, wait_ms) : fail(-ENAMETOOLONG);
    if (r != 0) {
        free(p);
        return pass(r);
    }
    strcpy(p->door, door);
    snprintf(p->hub, sizeof p->hub, "%d", (int)getpid());
    snprintf(p->level, sizeof p->level, "%d", (int)log_level_now());
    snprintf(p->form, sizeof p->form, "%d", (int)log_form_now());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        snprintf(p->rooms[i], sizeof p->rooms[i], "%u", numbers[i]);
    uv_timer_init(loop, &p->again);
    p->again.data = p;
    p->handles = 1;
    begin(p);
    *out = p;
    return 0;
}

const char *porter_endpoint(const struct porter *p) {
    return p->endpoint;
}

unsigned porter_begun(const struct porter *p) {
    return p->begun;
}

struct porter *porter_close(struct porter *p) {
    if (p == NULL)
        return NULL;
    p->closing = true;
    close(p->listening);
    if (p->alive)
        uv_process_kill(&p->process, SIGKILL); /* it has nothing to put away */
    if (!uv_is_closing((uv_handle_t *)&p->process))
        uv_close((uv_handle_t *)&p->process, on_handle_closed);
    uv_close((uv_handle_t *)&p->again, on_handle_closed);
    return NULL;
}
