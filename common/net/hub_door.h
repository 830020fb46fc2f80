/* The hub's end of all links: a ROUTER with CURVE behind the gate. A peer is its CURVE key; when a key comes back on a new connection, the
 * newest one counts. Frames are never queued without bound: credit keeps them few (2-PROTOCOL), and what cannot be sent is told as gone. */
#pragma once

#include "common/base/bytes.h"
#include "common/net/gate.h"
#include "common/net/keys.h"
#include "common/net/router.h"

struct hub_door_calls {
    gate_asks *admits;
    void (*heard)(void *owner, const uint8_t key[KEY_BYTES], struct bytes frame); /* frame borrowed during the call */
    void (*gone)(void *owner, const uint8_t key[KEY_BYTES]);                      /* a send found its connection dead */
    void *owner;                                                                  /* borrows */
};

struct hub_door;
/* Binds and knocks at itself. `endpoint`: tcp://host:port, port * takes a free one. -EADDRINUSE and such: said by errno; -EACCES: the
 * gate's self-test failed. */
int hub_door_open(
    uv_loop_t *loop, const char *endpoint, const struct keys *keys, const struct hub_door_calls *calls, struct hub_door **out /* gives */);
const char *hub_door_endpoint(const struct hub_door *d); /* borrows: with the real port */
void hub_door_send(struct hub_door *d, const uint8_t key[KEY_BYTES], struct bytes frame);
void hub_door_forget(struct hub_door *d, const uint8_t key[KEY_BYTES]); /* its frames are dropped from now on (revoked) */
size_t hub_door_peers(const struct hub_door *d);
const struct router_failures *hub_door_failures(const struct hub_door *d);    /* borrows: who did not come in */
struct hub_door *hub_door_close(struct hub_door *d /* takes, may be NULL */); /* returns NULL; the loop must run once more */
