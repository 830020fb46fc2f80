#include "common/net/router.h"

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/zsocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#define HASH_FUNCTION HASH_FNV /* clang warns about fall-throughs in the standard one */
#include <uthash.h>
#include <zmq.h>

enum {
    ENFORCE_DOMAIN = 93 /* ZMQ_ZAP_ENFORCE_DOMAIN: without a gate nobody gets in; a draft in zmq.h */,
    BUDGET = 256,
    HANDSHAKE_MS = 5000,
    LINE_EACH_MS = 1000,
    LINE_BURST_MS = 20000,
    CURVE_BYTES = 64 /* what CURVE puts around a frame */
};

/* A TCP connection and where it came from: the monitor tells of failures by descriptor only. */
struct caller {
    int fd;
    char address[64];
    UT_hash_handle hh;
};

struct router {
    void *context; /* owns */
    struct gate *gate;
    struct zsocket *socket, *monitor;
    struct router_spec spec; /* its keys and endpoint are not kept */
    uv_loop_t *loop;
    struct caller *callers;     /* owns; by descriptor */
    enum router_reason failing; /* of the connection whose end is told next; ROUTER_REASONS: of none */
    struct router_failures failures;
    uint64_t line_due; /* ms of the loop: the log has had its share of refusals until then */
    char endpoint[256];
    bool open; /* nobody is heard before the gate has proved itself and the owner has us */
};

static bool user_key(zmq_msg_t *m, uint8_t out[KEY_BYTES]) {
    const char *hex = zmq_msg_gets(m, "User-Id");
    struct buffer raw = {0};
    bool good = hex != NULL && strlen(hex) == KEY_HEX && hex_decode(hex, KEY_HEX, &raw);
    if (good)
        memcpy(out, raw.at, KEY_BYTES);
    buffer_close(&raw);
    return good;
}

/* One message: the route and exactly one frame; anything else is no peer of ours and is dropped whole. */
static bool receive(struct router *r) {
    void *socket = zsocket_raw(r->socket);
    struct router_route from = {.len = 0};
    uint8_t key[KEY_BYTES];
    size_t frames = 0;
    for (bool more = true; more; frames++) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(&m) != 0;
        if (frames == 0 && zmq_msg_size(&m) <= sizeof from.id) {
            from.len = zmq_msg_size(&m);
            memcpy(from.id, zmq_msg_data(&m), from.len);
        } else if (frames == 1 && !more && from.len > 0 && user_key(&m, key)) {
            r->spec.heard(r->spec.owner, key, &from, bytes_of(zmq_msg_data(&m), zmq_msg_size(&m)));
        }
        zmq_msg_close(&m);
    }
    return true;
}

static void drain(void *owner) {
    struct router *r = owner;
    for (unsigned i = 0; i < BUDGET && r->open && receive(r); i++)
        continue;
}

/* ---- who is connected, and who did not come in: zmq_socket_monitor(3) and the gate
 *
 * A handshake that fails is told as HANDSHAKE_FAILED_*, without a word about whose it was, and then, by the same thread and with nothing
 * between, as DISCONNECTED with the descriptor. That one was told as ACCEPTED before, when its address could be asked for; a connection
 * that is gone by then stays without one. What the gate refused it has told already, with the key. */

static const struct {
    const char *name, *text;
} reasons[ROUTER_REASONS] = {
    [ROUTER_UNKNOWN_KEY] = {"unknown_key", "its key is not enrolled here, or revoked"},
    [ROUTER_LATER] = {"later", "nobody could be let in just then; it tries again"},
    [ROUTER_OTHER_HUB] = {"other_hub_key", "it was enrolled with another hub's key, and takes this one for a stranger"},
    [ROUTER_OTHER_TONGUE] = {"other_protocol", "it speaks another protocol"},
    [ROUTER_BROKEN_OFF] = {"broken_off", "it left before it had said who it is"},
};

const char *router_reason_name(enum router_reason reason) {
    return reasons[reason].name;
}

const char *router_reason_text(enum router_reason reason) {
    return reasons[reason].text;
}

static void note(struct router *r, enum router_reason reason, struct bytes key, const char *address) {
    struct router_failures *f = &r->failures;
    if (!r->open) /* our own knock */
        return;
    size_t kept = f->count < ROUTER_FAILURES ? f->count++ : ROUTER_FAILURES - 1;
    memmove(&f->last[1], &f->last[0], kept * sizeof f->last[0]);
    f->last[0] = (struct router_failure){.at = uv_now(r->loop), .reason = reason, .keyed = key.len == KEY_BYTES};
    strncat(f->last[0].address, address, sizeof f->last[0].address - 1);
    if (f->last[0].keyed)
        memcpy(f->last[0].key, key.at, KEY_BYTES);
    f->counts[reason]++;
    uint64_t due = (r->line_due > uv_now(r->loop) ? r->line_due : uv_now(r->loop)) + LINE_EACH_MS;
    if (due > uv_now(r->loop) + LINE_BURST_MS) /* thousands may knock: they are counted, and do not fill the log */
        return;
    r->line_due = due;
    log_fact(
        reason == ROUTER_BROKEN_OFF ? LOG_DEBUG : LOG_WARNING, "door.refused", FACT_TEXT("door", r->spec.domain),
        FACT_TEXT("reason", reasons[reason].name), FACT_TEXT("address", address), FACT_HEX("key", key));
}

static void refuses(void *owner, enum gate_verdict verdict, struct bytes key, struct bytes address) {
    char text[64] = "";
    if (address.len > 0 && *address.at != ':') /* libzmq calls a Unix socket's other end :uid:gid:pid */
        memcpy(text, address.at, address.len < sizeof text ? address.len : sizeof text - 1);
    note(owner, verdict == GATE_LATER ? ROUTER_LATER : ROUTER_UNKNOWN_KEY, key, text);
}

static void address_of(int fd, char out[64]) {
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof a;
    *out = '\0';
    if (getpeername(fd, (struct sockaddr *)&a, &len) != 0)
        return;
    if (a.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&a)->sin_addr, out, 64);
    else if (a.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&a)->sin6_addr, out, 64);
}

static void on_accepted(struct router *r, int fd) {
    struct caller *c;
    HASH_FIND_INT(r->callers, &fd, c);
    if (c == NULL) {
        c = memory_zeroed(1, sizeof *c);
        c->fd = fd;
        HASH_ADD_INT(r->callers, fd, c);
    }
    address_of(fd, c->address);
}

static void on_disconnected(struct router *r, int fd) {
    struct caller *c;
    HASH_FIND_INT(r->callers, &fd, c);
    if (r->failing != ROUTER_REASONS)
        note(r, r->failing, BYTES(""), c == NULL ? "" : c->address);
    r->failing = ROUTER_REASONS;
    if (c != NULL) {
        HASH_DEL(r->callers, c);
        free(c);
    }
}

static void on_event(struct router *r, uint16_t event, uint32_t value) {
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        on_accepted(r, (int)value);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        on_disconnected(r, (int)value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: /* a box that our key does not open */
        r->failing = value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC ? ROUTER_OTHER_HUB : ROUTER_OTHER_TONGUE;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        if (r->failing == ROUTER_REASONS)
            r->failing = ROUTER_BROKEN_OFF;
        break;
    default:
        break;
    }
}

static void watch(void *owner) {
    struct router *r = owner;
    uint16_t event;
    uint32_t value;
    while (zsocket_event(r->monitor, &event, &value))
        on_event(r, event, value);
}

static int watch_peers(struct router *r, uv_loop_t *loop, void *socket) {
    static const char name[] = "inproc://router-peers";
    void *monitor = zmq_socket(r->context, ZMQ_PAIR);
    int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    r->failing = ROUTER_REASONS;
    if (monitor == NULL || zmq_socket_monitor(socket, name, events) != 0 || zmq_connect(monitor, name) != 0) {
        int e = -zmq_errno();
        zmq_close(monitor);
        return fail(e);
    }
    r->monitor = zsocket_open(loop, monitor, watch, r);
    return 0;
}

static enum gate_verdict admits(void *owner, const uint8_t key[KEY_BYTES]) {
    const struct router *r = owner;
    return r->spec.admits(r->spec.owner, key);
}

/* ---- life */

static int prepare(void *socket, const struct router_spec *spec) {
    int64_t most = (int64_t)spec->message_bytes + CURVE_BYTES;
    const struct {
        int option, value;
    } ints[] = {
        {ZMQ_CURVE_SERVER, 1},
        {ZMQ_LINGER, 0},
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_BACKLOG, spec->backlog},
        {ZMQ_SNDHWM, spec->queue},
        {ZMQ_RCVHWM, spec->queue},
        {ENFORCE_DOMAIN, 1},
        {ZMQ_IPV6, strchr(spec->endpoint, '[') != NULL},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 60}};
    int r = 0;
    for (size_t i = 0; i < sizeof ints / sizeof *ints && r == 0; i++)
        r = zmq_setsockopt(socket, ints[i].option, &ints[i].value, sizeof ints[i].value) == 0 ? 0 : fail(-zmq_errno());
    if (r == 0 && (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, spec->keys->curve_secret, KEY_BYTES) != 0 ||
                   zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, spec->domain, strlen(spec->domain)) != 0 ||
                   zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0))
        r = fail(-zmq_errno());
    return r;
}

static int bind_at(struct router *r, const char *endpoint) {
    size_t len = sizeof r->endpoint;
    if (zmq_bind(zsocket_raw(r->socket), endpoint) != 0)
        return -zmq_errno();
    return zmq_getsockopt(zsocket_raw(r->socket), ZMQ_LAST_ENDPOINT, r->endpoint, &len) == 0 ? 0 : fail(-zmq_errno());
}

/* What was bound, so that this machine can reach it: an address of all interfaces is asked for on loopback. */
static void knock_at(const struct router *r, char out[256]) {
    const char *port = strrchr(r->endpoint, ':');
    bool all = strncmp(r->endpoint, "tcp://0.0.0.0:", 14) == 0 || strncmp(r->endpoint, "tcp://[::]:", 11) == 0;
    if (all && port != NULL) {
        strcpy(out, "tcp://127.0.0.1");
        strncat(out, port, 16);
    } else {
        strcpy(out, r->endpoint);
    }
}

int router_open(uv_loop_t *loop, const struct router_spec *spec, struct router **out) {
    struct router *r = memory_zeroed(1, sizeof *r);
    char knock[256];
    r->spec = *spec;
    r->loop = loop;
    r->spec.keys = NULL;
    r->spec.endpoint = NULL;
    r->context = zmq_ctx_new();
    zmq_ctx_set(r->context, ZMQ_MAX_SOCKETS, 20000);
    int e = gate_open(loop, r->context, spec->domain, admits, refuses, r, &r->gate);
    void *socket = e == 0 ? zmq_socket(r->context, ZMQ_ROUTER) : NULL;
    if (e == 0 && socket == NULL)
        e = fail(-zmq_errno());
    if (e == 0)
        e = prepare(socket, spec);
    if (e == 0)
        e = watch_peers(r, loop, socket);
    if (e != 0 && socket != NULL)
        zmq_close(socket);
    if (e == 0) {
        r->socket = zsocket_open(loop, socket, drain, r);
        e = bind_at(r, spec->endpoint);
    }
    if (e == 0 && !spec->strangers) {
        knock_at(r, knock);
        e = gate_self_test(loop, r->context, knock, spec->keys->public.curve, HANDSHAKE_MS);
    }
    if (e != 0) {
        router_close(r);
        return pass(e);
    }
    r->open = true;
    *out = r;
    return 0;
}

const char *router_endpoint(const struct router *r) {
    return r->endpoint;
}

bool router_send(struct router *r, const struct router_route *to, struct bytes frame) {
    void *socket = zsocket_raw(r->socket);
    return zmq_send(socket, to->id, to->len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 && zmq_send(socket, frame.at, frame.len, ZMQ_DONTWAIT) >= 0;
}

const struct router_failures *router_failures(const struct router *r) {
    return &r->failures;
}

struct router *router_close(struct router *r) {
    if (r == NULL)
        return NULL;
    if (r->monitor != NULL && r->socket != NULL)
        zmq_socket_monitor(zsocket_raw(r->socket), NULL, 0);
    zsocket_close(r->monitor);
    zsocket_close(r->socket);
    gate_close(r->gate);
    zmq_ctx_term(r->context);
    struct caller *c, *next;
    HASH_ITER(hh, r->callers, c, next) {
        HASH_DEL(r->callers, c); /* NOLINT: uthash frees nothing here */
        free(c);
    }
    free(r);
    return NULL;
}
