/* The ZAP gate (ZeroMQ RFC 27): libzmq asks it for every CURVE handshake in this context, before any message gets through.
 *
 * It fails closed: no answer of the roster, a wrong domain or a malformed request is a refusal. A temporary answer (300) makes an honest
 * node try again; a final one (400) it is shown. The client's key becomes the connection's User-Id, as hex. */
#pragma once

#include "common/base/bytes.h"

#include <uv.h>

enum gate_verdict { GATE_REFUSED, GATE_LATER, GATE_ADMITTED };
typedef enum gate_verdict gate_asks(void *owner, const uint8_t key[32]);

/* Told when somebody was not admitted. `key`: what was offered as one, or nothing; `address`: where from, without the port. */
typedef void gate_refuses(void *owner, enum gate_verdict verdict, struct bytes key, struct bytes address);

struct gate;
/* One per ZeroMQ context, opened before the first socket binds. `domain` borrows, static. */
int gate_open(
    uv_loop_t *loop, void *context, const char *domain, gate_asks *asks, gate_refuses *refuses /* may be NULL */, void *owner,
    struct gate **out /* gives */);
struct gate *gate_close(struct gate *g /* takes, may be NULL */); /* returns NULL */

/* Knocks at the endpoint with a random key and runs the loop until it is refused. -EACCES: it was let in, or not refused within the
 * deadline: the daemon must not go on. */
int gate_self_test(uv_loop_t *loop, void *context, const char *endpoint, const uint8_t hub_key[32], uint64_t deadline_ms);
