/* The porter's process: one thread, one epoll(7), no memory but for those who are here. */
#include "common/base/error.h"
#include "common/base/instant.h"
#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/greeting.h"
#include "common/net/porter.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#define HASH_FUNCTION HASH_FNV /* clang warns about fall-throughs in the standard one */
#include <uthash.h>

enum {
    LISTENING = 3,      /* the descriptor that the hub left us */
    PATIENCE_MS = 5000, /* for the HELLO, and again for the handshake */
    STUCK_MS = 30000,   /* without one byte; libzmq keeps what waits for it */
    FAREWELL_MS = 2000, /* for the last words of the hub to one it sends away */
    TELL_MS = 10000,
    EVENTS = 256,
    ACCEPTS = 64,
    CHUNK = 65536
};

enum stage {
    OUTSIDE,  /* has not said its HELLO: the hub knows nothing of it */
    GREETING, /* the hub and it shake hands */
    LEAVING,  /* the hub has closed; what it said last is on its way */
    INSIDE,   /* the hub said READY */
    STUCK,    /* inside, and does not take what the hub says */
    STAGES
};

struct source { /* an address: IPv4 whole, of IPv6 the network of 64 bits */
    uint8_t address[16];
    size_t here[STAGES];
    UT_hash_handle hh;
};

/* Bytes that one end has said and the other does not take yet; while there are any, nothing more is read. */
struct flow {
    uint8_t *at; /* owns */
    size_t len, sent;
};

struct guest;
struct end {
    struct guest *guest;
    int fd; /* owns; -1: none */
    uint32_t wanted;
    struct flow out; /* waits to be written to this end */
};

struct guest {
    struct end node, hub;
    enum stage stage;
    instant since; /* in this stage */
    struct greeting said, answered;
    uint8_t hello[GREETING_BYTES + GREETING_HELLO];
    size_t hello_len, handshake; /* bytes after the HELLO */
    struct source *source;
    struct guest *before, *after; /* in the stage, the longest waiting first */
    bool gone;
};

struct stage_list {
    struct guest *first, *last;
    size_t count, most;
};

struct work {
    int epoll;
    bool listening;
    struct sockaddr_un door;
    uint8_t greeting[GREETING_BYTES];
    struct source *sources; /* owns */
    struct stage_list stages[STAGES];
    struct guest *gone; /* freed after the events that may still name them */
    uint8_t *chunk;     /* owns */
    instant inside_ms;  /* patience with who is inside; 0: for ever */
    instant now, told;
    uint64_t crowded, late, wrong;
};

static instant clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (instant)t.tv_sec * 1000 + (instant)t.tv_nsec / 1000000;
}

/* ---- stages */

static void stage_leave(struct work *w, struct guest *g) {
    struct stage_list *l = &w->stages[g->stage];
    *(g->before != NULL ? &g->before->after : &l->first) = g->after;
    *(g->after != NULL ? &g->after->before : &l->last) = g->before;
    l->count--;
    g->source->here[g->stage]--;
}

static void stage_enter(struct work *w, struct guest *g, enum stage stage) {
    struct stage_list *l = &w->stages[stage];
    g->stage = stage;
    g->since = w->now;
    g->after = NULL;
    g->before = l->last;
    *(l->last != NULL ? &l->last->after : &l->first) = g;
    l->last = g;
    l->count++;
    g->source->here[stage]++;
}

static void stage_move(struct work *w, struct guest *g, enum stage stage) {
    stage_leave(w, g);
    stage_enter(w, g, stage);
}

static struct source *source_of(struct work *w, const struct sockaddr_storage *from) {
    uint8_t address[16] = {0};
    struct source *s;
    if (from->ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        memcpy(address, six, IN6_IS_ADDR_V4MAPPED(six) ? 16 : 8);
    } else {
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    }
    HASH_FIND(hh, w->sources, address, sizeof address, s);
    if (s == NULL) {
        s = memory_zeroed(1, sizeof *s);
        memcpy(s->address, address, sizeof address);
        HASH_ADD(hh, w->sources, address, sizeof address, s);
    }
    return s;
}

static void source_drop(struct work *w, struct source *s) {
    for (size_t i = 0; i < STAGES; i++)
        if (s->here[i] > 0)
            return;
    HASH_DEL(w->sources, s);
    free(s);
}

/* ---- ends */

/* An end of which nothing is wanted is taken out whole: a hang-up would be told for ever. */
static void want(struct work *w, struct end *e, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.ptr = e};
    if (e->fd < 0)
        return;
    if (e->wanted != events)
        invariant(epoll_ctl(w->epoll, e->wanted == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, e->fd, &ev) == 0);
    e->wanted = events;
}

static void end_close(struct end *e) {
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
    free(e->out.at);
    e->out = (struct flow){NULL, 0, 0};
}

static void listen_again(struct work *w, bool on) {
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (w->listening != on)
        invariant(epoll_ctl(w->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, LISTENING, &ev) == 0);
    w->listening = on;
}

/* One that was never let in is reset, so that nothing of it stays in the kernel. */
static void send_away(struct work *w, struct guest *g) {
    const struct linger reset = {1, 0};
    if (g->gone)
        return;
    g->gone = true;
    if (g->stage == OUTSIDE || g->stage == GREETING)
        setsockopt(g->node.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    end_close(&g->node);
    end_close(&g->hub);
    stage_leave(w, g);
    source_drop(w, g->source);
    g->after = w->gone;
    w->gone = g;
    listen_again(w, true);
}

/* Room for one more in a stage that is bounded: the longest waiting of the address with the most goes. */
static void make_room(struct work *w, enum stage stage) {
    struct stage_list *l = &w->stages[stage];
    if (l->most == 0 || l->count < l->most)
        return;
    size_t most = 0;
    for (const struct source *s = w->sources; s != NULL; s = s->hh.next)
        most = s->here[stage] > most ? s->here[stage] : most;
    struct guest *g = l->first;
    while (g->source->here[stage] < most)
        g = g->after;
    w->crowded++;
    send_away(w, g);
}

/* ---- the splice. What an end says is written to the other at once; what it does not take is kept, and nothing more read. */

static void pass_on(struct work *w, struct guest *g, struct end *to, struct bytes said) {
    ssize_t n = said.len == 0 ? 0 : send(to->fd, said.at, said.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN) {
        send_away(w, g);
        return;
    }
    size_t sent = n < 0 ? 0 : (size_t)n;
    if (sent == said.len)
        return;
    size_t left = said.len - sent, had = to->out.len - to->out.sent;
    uint8_t *both = memory_zeroed(had + left, 1);
    if (had > 0)
        memcpy(both, to->out.at + to->out.sent, had);
    memcpy(both + had, said.at + sent, left);
    free(to->out.at);
    to->out = (struct flow){both, had + left, 0};
    struct end *from = to == &g->hub ? &g->node : &g->hub;
    want(w, to, to->wanted | EPOLLOUT);
    want(w, from, from->wanted & ~(uint32_t)EPOLLIN);
    if (g->stage == INSIDE && to == &g->node)
        stage_move(w, g, STUCK);
}

static void flush(struct work *w, struct end *e) {
    struct flow *f = &e->out;
    struct guest *g = e->guest;
    while (f->sent < f->len) {
        ssize_t n = send(e->fd, f->at + f->sent, f->len - f->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            send_away(w, g);
            return;
        }
        f->sent += (size_t)n;
        if (g->stage == STUCK && e == &g->node)
            stage_move(w, g, STUCK);
    }
    if (g->stage == STUCK && e == &g->node)
        stage_move(w, g, INSIDE);
    free(f->at);
    *f = (struct flow){NULL, 0, 0};
    if (g->stage == LEAVING) {
        send_away(w, g);
        return;
    }
    struct end *from = e == &g->hub ? &g->node : &g->hub;
    want(w, e, e->wanted & ~(uint32_t)EPOLLOUT);
    want(w, from, from->wanted | EPOLLIN);
}

/* ---- from outside to the hub */

static void wrong(struct work *w, struct guest *g) {
    w->wrong++;
    send_away(w, g);
}

static void call_hub(struct work *w, struct guest *g) {
    static const int on = 1, idle = 60;
    make_room(w, GREETING);
    if (g->gone)
        return;
    setsockopt(g->node.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(g->node.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(g->node.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    g->hub.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (g->hub.fd < 0 || connect(g->hub.fd, (struct sockaddr *)&w->door, sizeof w->door) != 0) {
        send_away(w, g); /* no descriptors, or the hub is behind with its door: it comes again */
        return;
    }
    stage_move(w, g, GREETING);
    want(w, &g->hub, EPOLLIN);
    pass_on(w, g, &g->hub, bytes_of(g->hello, g->hello_len));
}

static void hear_outside(struct work *w, struct guest *g) {
    ssize_t n = recv(g->node.fd, g->hello + g->hello_len, sizeof g->hello - g->hello_len, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            send_away(w, g);
        return;
    }
    struct bytes rest = bytes_of(g->hello + g->hello_len, (size_t)n);
    g->hello_len += (size_t)n;
    while (rest.len > 0)
        if (greeting_take(&g->said, &rest) == GREETING_WRONG) {
            wrong(w, g);
            return;
        }
    if (g->said.commands == 1)
        call_hub(w, g);
}

/* ---- while they shake hands */

static void hear_node(struct work *w, struct guest *g, struct bytes said) {
    for (struct bytes rest = said; rest.len > 0;)
        if (g->said.commands > 1 || greeting_take(&g->said, &rest) == GREETING_WRONG) {
            wrong(w, g);
            return;
        }
    pass_on(w, g, &g->hub, said);
}

/* The hub's greeting was said by us already. */
static void hear_hub(struct work *w, struct guest *g, struct bytes said) {
    struct bytes rest = said;
    while (rest.len > 0 && g->stage == GREETING) {
        bool greeting = g->answered.greeted < GREETING_BYTES;
        if (greeting_take(&g->answered, &rest) == GREETING_WRONG) {
            log_fact(LOG_ERROR, "porter.hub_speaks_otherwise");
            send_away(w, g);
            return;
        }
        if (greeting)
            said = rest;
        if (greeting_named(&g->answered, "READY")) {
            make_room(w, INSIDE);
            stage_move(w, g, INSIDE);
        }
    }
    pass_on(w, g, &g->node, said);
}

/* The hub has closed. What it said last, why it takes nobody of that key, still goes out. */
static void part(struct work *w, struct guest *g) {
    stage_move(w, g, LEAVING);
    end_close(&g->hub);
    if (g->node.out.len == 0)
        send_away(w, g);
    else
        want(w, &g->node, EPOLLOUT);
}

static void hear(struct work *w, struct end *e) {
    struct guest *g = e->guest;
    if (g->stage == OUTSIDE) {
        hear_outside(w, g);
        return;
    }
    ssize_t n = recv(e->fd, w->chunk, CHUNK, MSG_DONTWAIT);
    struct bytes said = bytes_of(w->chunk, n > 0 ? (size_t)n : 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && e == &g->hub)
        part(w, g);
    else if (n <= 0)
        send_away(w, g);
    else if (g->stage == INSIDE || g->stage == STUCK)
        pass_on(w, g, e == &g->hub ? &g->node : &g->hub, said);
    else if (e == &g->hub)
        hear_hub(w, g, said);
    else
        hear_node(w, g, said);
}

static void on_end(struct work *w, struct end *e, uint32_t events) {
    struct guest *g = e->guest;
    if (!g->gone && e->fd >= 0 && (events & EPOLLOUT) != 0)
        flush(w, e);
    if (!g->gone && e->fd >= 0 && (e->wanted & EPOLLIN) != 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        hear(w, e);
    else if (!g->gone && (events & (EPOLLHUP | EPOLLERR)) != 0)
        send_away(w, g); /* the one that we wait for to take something has gone */
}

/* ---- who comes */

static void welcome(struct work *w, int fd, const struct sockaddr_storage *from) {
    make_room(w, OUTSIDE);
    struct guest *g = memory_zeroed(1, sizeof *g);
    g->node = (struct end){.guest = g, .fd = fd};
    g->hub = (struct end){.guest = g, .fd = -1};
    greeting_begin(&g->said, GREETING_NODE);
    greeting_begin(&g->answered, GREETING_HUB);
    g->source = source_of(w, from);
    stage_enter(w, g, OUTSIDE);
    want(w, &g->node, EPOLLIN);
    pass_on(w, g, &g->node, bytes_of(w->greeting, sizeof w->greeting));
}

static void on_listening(struct work *w) {
    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd = accept4(LISTENING, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            welcome(w, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            log_fact(LOG_ERROR, "porter.no_descriptors", FACT_TEXT("do", "raise LimitNOFILE"));
            listen_again(w, false); /* until somebody has left */
        }
        return;
    }
}

static void on_time(struct work *w) {
    const instant patience[STAGES] = {
        [OUTSIDE] = PATIENCE_MS, [GREETING] = PATIENCE_MS, [LEAVING] = FAREWELL_MS, [INSIDE] = w->inside_ms, [STUCK] = STUCK_MS};
    for (size_t s = 0; s < STAGES; s++)
        while (patience[s] > 0 && w->stages[s].first != NULL && w->stages[s].first->since + patience[s] <= w->now) {
            w->late++;
            send_away(w, w->stages[s].first);
        }
    if (w->now < w->told + TELL_MS || w->crowded + w->late + w->wrong == 0)
        return;
    log_fact(
        LOG_WARNING, "porter.sent_away", FACT_TEXT("door", strrchr(w->door.sun_path, '/') + 1), FACT_UINT("for_room", w->crowded),
        FACT_UINT("late", w->late), FACT_UINT("wrong", w->wrong), FACT_UINT("outside", w->stages[OUTSIDE].count),
        FACT_UINT("greeting", w->stages[GREETING].count), FACT_UINT("inside", w->stages[INSIDE].count + w->stages[STUCK].count));
    w->told = w->now;
    w->crowded = w->late = w->wrong = 0;
}

static _Noreturn void serve(struct work *w) {
    struct epoll_event events[EVENTS];
    for (;;) {
        bool waits = w->stages[OUTSIDE].count + w->stages[GREETING].count + w->stages[LEAVING].count + w->stages[STUCK].count > 0 ||
                     (w->inside_ms > 0 && w->stages[INSIDE].count > 0) || w->crowded + w->late + w->wrong > 0;
        int n = epoll_wait(w->epoll, events, EVENTS, waits ? 100 : -1);
        w->now = clock_ms();
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                on_listening(w);
            else
                on_end(w, events[i].data.ptr, events[i].events);
        }
        on_time(w);
        while (w->gone != NULL) {
            struct guest *g = w->gone;
            w->gone = g->after;
            free(g);
        }
    }
}

/* ---- what it may do at all */

/* Everything but this fails with EPERM. What is there: its descriptors, and sockets to the door. */
static int confine(void) {
    static const int calls[] = {
        SCMP_SYS(read),         SCMP_SYS(write),          SCMP_SYS(writev),        SCMP_SYS(recvfrom),   SCMP_SYS(sendto),
        SCMP_SYS(accept4),      SCMP_SYS(connect),        SCMP_SYS(close),         SCMP_SYS(setsockopt), SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_ctl),    SCMP_SYS(epoll_pwait),    SCMP_SYS(brk),           SCMP_SYS(munmap),     SCMP_SYS(mremap),
        SCMP_SYS(madvise),      SCMP_SYS(futex),          SCMP_SYS(clock_gettime), SCMP_SYS(exit),       SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(gettid),        SCMP_SYS(getpid),     SCMP_SYS(tgkill)};
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = c == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && r == 0; i++)
        r = seccomp_rule_add(c, SCMP_ACT_ALLOW, calls[i], 0);
    if (r == 0)
        r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    if (r == 0)
        r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_load(c);
    seccomp_release(c);
    return r;
}

/* All the descriptors that it may have; the rooms shrink with them. */
static size_t take_files(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 1024;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)files.rlim_cur;
}

int porter_main(int argc, char **argv) {
    static const struct rlimit no_core = {0, 0};
    enum { SELF, ARGUMENT, DOOR, HUB, LEVEL, FORM, ROOM_OUTSIDE, ROOM_GREETING, ROOM_INSIDE, ROOM_INSIDE_MS, WANTED };
    struct work w = {.epoll = -1};
    if (argc != WANTED || strlen(argv[DOOR]) >= sizeof w.door.sun_path || strchr(argv[DOOR], '/') == NULL)
        return 64;
    close_range(LISTENING + 1, ~0U, 0); /* LMDB leaves one descriptor open across execve(2) */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != (pid_t)strtol(argv[HUB], NULL, 10))
        return 1; /* the hub is gone already */
    log_level_set((enum log_level)strtoul(argv[LEVEL], NULL, 10));
    log_form_set((enum log_form)strtoul(argv[FORM], NULL, 10));
    signal(SIGINT, SIG_IGN); /* the hub is told to stop and ends us */
    signal(SIGTERM, SIG_IGN);
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_NAME, "anju-porter");
    size_t files = take_files();
    size_t outside = strtoul(argv[ROOM_OUTSIDE], NULL, 10), greeting = strtoul(argv[ROOM_GREETING], NULL, 10);
    w.stages[OUTSIDE].most = files / 4 < outside ? files / 4 : outside;
    w.stages[GREETING].most = files / 8 < greeting ? files / 8 : greeting;
    w.stages[INSIDE].most = strtoul(argv[ROOM_INSIDE], NULL, 10);
    w.inside_ms = strtoul(argv[ROOM_INSIDE_MS], NULL, 10);
    w.door.sun_family = AF_UNIX;
    strcpy(w.door.sun_path, argv[DOOR]);
    w.chunk = memory_zeroed(1, CHUNK);
    greeting_of_hub(w.greeting);
    w.epoll = epoll_create1(EPOLL_CLOEXEC);
    invariant(w.epoll >= 0);
    listen_again(&w, true);
    int r = confine();
    if (r != 0) {
        log_fact(LOG_ERROR, "porter.not_confined", FACT_TEXT("why", error_text(r)));
        return 1;
    }
    serve(&w);
}
