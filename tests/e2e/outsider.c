/* Somebody on the network who has no key, with many sockets.
 *
 *   outsider HOST:PORT COUNT SECONDS PUBLIC [FROM]
 *
 * COUNT connections at once for SECONDS, from the address FROM (loopback only), the behaviours of `kinds` in turn; one that is closed comes
 * back a second later. PUBLIC is the hub's public string: whoever has seen an enrolment file knows it. Prints a line when every socket was
 * tried once, and at the end what was seen. */
#include "common/base/memory.h"
#include "common/net/keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SILENT, SLOW, HUGE, FAT, LIAR, CALLER, KINDS };
enum { MIB = 1 << 20, EVENTS = 256, PACE_MS = 1000, OPEN_EACH = 400 };

static const char *const kinds[KINDS] = {
    "says nothing",
    "greets a byte a second",
    "greets, then the header of 512 MiB and bytes",
    "greets for CURVE, then a command of 1 MiB that never ends",
    "greets, then a HELLO that is no HELLO",
    "greets with a true HELLO for the hub's key, then 1 MiB that never ends",
};

struct script {
    struct buffer begin; /* owns; then filler up to `total` */
    size_t total;
};

struct visitor {
    int fd; /* -1: none */
    unsigned kind;
    bool full; /* the kernel takes no more just now */
    size_t sent;
    uint64_t due; /* ms: opens again, or says the next byte */
};

struct crowd {
    struct sockaddr_in to, from;
    bool bound;
    int epoll;
    struct visitor *visitors; /* owns */
    size_t count;
    struct script scripts[KINDS];
    uint64_t opened, closed_on, taken, refused, most;
    uint64_t now;
};

static uint8_t filler[65536];

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

_Noreturn static void die(const char *what) {
    fprintf(stderr, "outsider: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- what each kind says (ZMTP 3.1, RFC 37; CurveZMQ, RFC 26) */

static void greeting(struct buffer *b, const char *mechanism) {
    uint8_t g[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1};
    memcpy(g + 12, mechanism, strlen(mechanism));
    buffer_add(b, bytes_of(g, sizeof g));
}

static void long_header(struct buffer *b, uint8_t flags, uint64_t len) {
    buffer_u8(b, flags);
    for (unsigned i = 0; i < 8; i++)
        buffer_u8(b, (uint8_t)(len >> (56 - 8 * i)));
}

static void hello(struct buffer *b, const uint8_t hub[KEY_BYTES]) {
    static const uint8_t zeros[64] = {0};
    uint8_t body[200] = "\5HELLO\1", public[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    uint8_t nonce[crypto_box_NONCEBYTES] = "CurveZMQHELLO---";
    if (hub != NULL) {
        crypto_box_keypair(public, secret);
        memcpy(body + 80, public, sizeof public);
        nonce[23] = body[119] = 1;
        if (crypto_box_easy(body + 120, zeros, sizeof zeros, nonce, hub, secret) != 0)
            die("no box");
    }
    buffer_u8(b, 4);
    buffer_u8(b, sizeof body);
    buffer_add(b, bytes_of(body, sizeof body));
}

static void write_scripts(struct crowd *c, const uint8_t hub[KEY_BYTES]) {
    struct script *s = c->scripts;
    greeting(&s[SLOW].begin, "CURVE");
    s[SLOW].total = s[SLOW].begin.len;
    greeting(&s[HUGE].begin, "NULL");
    long_header(&s[HUGE].begin, 2, 512ULL * MIB);
    s[HUGE].total = 512UL * MIB;
    greeting(&s[FAT].begin, "CURVE");
    long_header(&s[FAT].begin, 6, MIB);
    s[FAT].total = s[FAT].begin.len + MIB - 1;
    greeting(&s[LIAR].begin, "CURVE");
    hello(&s[LIAR].begin, NULL);
    s[LIAR].total = s[LIAR].begin.len;
    greeting(&s[CALLER].begin, "CURVE");
    hello(&s[CALLER].begin, hub);
    long_header(&s[CALLER].begin, 6, MIB);
    s[CALLER].total = s[CALLER].begin.len + MIB - 1;
}

/* ---- one visitor */

static void leave(struct crowd *c, struct visitor *v) {
    close(v->fd);
    v->fd = -1;
    v->due = c->now + PACE_MS;
    c->closed_on++;
}

static void speak(struct crowd *c, struct visitor *v) {
    const struct script *s = &c->scripts[v->kind];
    while (v->fd >= 0 && !v->full && v->sent < s->total && (v->kind != SLOW || v->due <= c->now)) {
        bool begins = v->sent < s->begin.len;
        size_t left = begins ? s->begin.len - v->sent : s->total - v->sent;
        const uint8_t *at = begins ? s->begin.at + v->sent : filler;
        size_t len = v->kind == SLOW ? 1 : left < sizeof filler ? left : sizeof filler;
        ssize_t n = send(v->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        v->due = c->now + PACE_MS;
        if (n > 0) {
            v->sent += (size_t)n;
            c->taken += (size_t)n;
        } else if (errno == EAGAIN) {
            v->full = true;
        } else {
            leave(c, v);
        }
    }
}

static void visit(struct crowd *c, struct visitor *v) {
    const struct linger reset = {1, 0}; /* no port is kept busy by one that has left */
    v->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (v->fd < 0)
        die("socket");
    v->sent = 0;
    v->full = true; /* until it is connected */
    v->due = c->now;
    setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = v};
    if ((c->bound && bind(v->fd, (struct sockaddr *)&c->from, sizeof c->from) != 0) ||
        (connect(v->fd, (struct sockaddr *)&c->to, sizeof c->to) != 0 && errno != EINPROGRESS)) {
        c->refused++;
        leave(c, v);
        return;
    }
    c->opened++;
    if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, v->fd, &e) != 0)
        die("epoll_ctl");
}

static void look(struct crowd *c, struct visitor *v, uint32_t events) {
    uint8_t heard[4096];
    ssize_t n = 1;
    while (v->fd >= 0 && (events & (EPOLLIN | EPOLLRDHUP)) != 0 && (n = recv(v->fd, heard, sizeof heard, MSG_DONTWAIT)) > 0)
        continue;
    if (n == 0 || (n < 0 && errno != EAGAIN) || (events & (EPOLLERR | EPOLLHUP)) != 0) {
        leave(c, v);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        v->full = false;
    speak(c, v);
}

/* ---- all of them */

static void run(struct crowd *c, uint64_t until) {
    struct epoll_event events[EVENTS];
    size_t begun = 0;
    while ((c->now = now_ms()) < until) {
        size_t there = 0, opens = 0;
        for (size_t i = 0; i < c->count; i++) {
            struct visitor *v = &c->visitors[i];
            if (v->fd < 0 && v->due <= c->now && opens++ < OPEN_EACH)
                visit(c, v);
            else if (v->fd >= 0 && v->kind == SLOW)
                speak(c, v);
            there += v->fd >= 0;
        }
        c->most = there > c->most ? there : c->most;
        if (begun < c->count && (begun += opens) >= c->count) {
            printf("every socket was tried\n");
            fflush(stdout);
        }
        int n = epoll_wait(c->epoll, events, EVENTS, 20);
        for (int i = 0; i < n; i++) {
            struct visitor *v = events[i].data.ptr;
            if (v->fd >= 0)
                look(c, v, events[i].events);
        }
    }
}

static bool loopback(const char *host, struct sockaddr_in *out) {
    out->sin_family = AF_INET;
    return inet_pton(AF_INET, host, &out->sin_addr) == 1 && ntohl(out->sin_addr.s_addr) >> 24 == 127;
}

int main(int argc, char **argv) {
    struct crowd c = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct public_keys hub;
    struct rlimit files;
    char *port = argc < 5 ? NULL : strrchr(argv[1], ':');
    if (port == NULL || sodium_init() < 0 || !public_parse(bytes_text(argv[4]), &hub)) {
        fprintf(stderr, "outsider HOST:PORT COUNT SECONDS PUBLIC [FROM]\n");
        return 64;
    }
    *port++ = '\0';
    c.to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    c.count = strtoul(argv[2], NULL, 10);
    c.bound = argc > 5;
    if (!loopback(argv[1], &c.to) || (c.bound && !loopback(argv[5], &c.from)))
        die("only on loopback");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur < c.count + 64) {
        c.count = files.rlim_cur - 64;
        printf("only %zu sockets: RLIMIT_NOFILE\n", c.count);
    }
    c.visitors = memory_zeroed(c.count, sizeof *c.visitors);
    for (size_t i = 0; i < c.count; i++)
        c.visitors[i] = (struct visitor){.fd = -1, .kind = (unsigned)(i % KINDS)};
    write_scripts(&c, hub.curve);
    run(&c, now_ms() + 1000 * strtoul(argv[3], NULL, 10));
    printf(
        "opened %llu, could not %llu, ended by the hub %llu, at most %llu at once, %llu KiB taken\n", (unsigned long long)c.opened,
        (unsigned long long)c.refused, (unsigned long long)(c.closed_on - c.refused), (unsigned long long)c.most,
        (unsigned long long)(c.taken >> 10));
    size_t there[KINDS] = {0};
    for (size_t i = 0; i < c.count; i++)
        there[c.visitors[i].kind] += c.visitors[i].fd >= 0;
    for (size_t k = 0; k < KINDS; k++)
        printf("%6zu still there: %s\n", there[k], kinds[k]);
    for (size_t k = 0; k < KINDS; k++)
        buffer_close(&c.scripts[k].begin);
    free(c.visitors);
    return 0;
}
