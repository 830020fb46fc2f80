/* What the doors of the hub have in common: a ROUTER with CURVE behind a gate, in a ZeroMQ context of its own, so that one door's gate is
 * never asked for another's connections. A peer is its CURVE key; a route is one connection, and dies with it. */
#pragma once

#include "common/base/bytes.h"
#include "common/net/gate.h"
#include "common/net/keys.h"

/* A connection's routing id is libzmq's own: 5 bytes, since no client may choose one here (ZMQ_ROUTER_HANDOVER stays off). */
struct router_route {
    uint8_t id[16];
    size_t len; /* 0: none */
};

struct router_spec {
    const char *domain; /* of ZAP; static */
    const char *endpoint;
    const struct keys *keys;
    size_t message_bytes; /* the longest frame that is taken; a longer one ends its connection */
    int backlog, queue;   /* connections waiting to be accepted; frames waiting on one, each way */
    bool strangers;       /* whom nobody knows may come in; else the router knocks at itself, and does not open when it is let in */
    gate_asks *admits;
    void (*heard)(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame); /* all borrowed */
    void *owner;                                                                                                   /* borrows */
};

/* Who did not come in, and why; what of it the transport knows. */
enum router_reason {
    ROUTER_UNKNOWN_KEY,  /* its key is not enrolled, or revoked */
    ROUTER_LATER,        /* nobody can be let in just now; it tries again */
    ROUTER_OTHER_HUB,    /* it takes us for somebody else: it has another hub's public key */
    ROUTER_OTHER_TONGUE, /* it speaks no CURVE, or not ours */
    ROUTER_BROKEN_OFF,   /* it said nothing that makes sense, or left, before the end of the handshake */
    ROUTER_REASONS
};
const char *router_reason_name(enum router_reason reason); /* other_hub_key */
const char *router_reason_text(enum router_reason reason); /* in words */

struct router_failure {
    uint64_t at; /* ms of the loop's clock (uv_now) */
    enum router_reason reason;
    char address[64]; /* "" = not known */
    uint8_t key[KEY_BYTES];
    bool keyed; /* the gate saw a key */
};

enum { ROUTER_FAILURES = 8 };
struct router_failures {
    uint64_t counts[ROUTER_REASONS];             /* since it is open; its own knock is not among them */
    struct router_failure last[ROUTER_FAILURES]; /* the newest first */
    size_t count;                                /* of `last` */
};

struct router;
/* `endpoint`: tcp://host:port, port * takes a free one. -EADDRINUSE and such: said by errno; -EACCES: the gate let a stranger in. */
int router_open(uv_loop_t *loop, const struct router_spec *spec, struct router **out /* gives */);
const char *router_endpoint(const struct router *r);                                   /* borrows: with the real port */
bool router_send(struct router *r, const struct router_route *to, struct bytes frame); /* false: it left, or it does not read */
const struct router_failures *router_failures(const struct router *r);                 /* borrows */
struct router *router_close(struct router *r /* takes, may be NULL */);                /* returns NULL; the loop must run once more */
