/* One ZeroMQ socket on a libuv loop.
 *
 * ZMQ_FD is edge-triggered and belongs to the whole socket, so it only wakes the loop (its callback is empty); `prepare` asks
 * ZMQ_EVENTS and keeps the loop from sleeping while something is pending, and `check` drains. Draining in the poll callback alone loses
 * wake-ups (design, "what the machine allows"; libzmq's zmq_getsockopt(3), ZMQ_FD). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct zsocket;

/* Called on the loop while there is something to receive: take up to a budget of messages, non-blocking. */
typedef void zsocket_drain(void *owner);

struct zsocket *zsocket_open(uv_loop_t *loop, void *socket /* takes */, zsocket_drain *drain, void *owner); /* gives */
void *zsocket_raw(struct zsocket *z);                                                                       /* borrows */
struct zsocket *zsocket_close(struct zsocket *z /* takes, may be NULL */); /* returns NULL; frees itself when the loop has let go */

/* The next event of a socket's monitor (zmq_socket_monitor(3)), its address left out; false: none is there now. */
bool zsocket_event(struct zsocket *monitor, uint16_t *event, uint32_t *value);
