/* The porter: a process of its own between the network and the hub's door.
 *
 * It owns a public port and knows no key and no data. Whoever comes must first say the greeting and a HELLO of the right size, before
 * the hub hears of him; then the porter splices to the hub's door, reading along (greeting.h) until the hub says READY. The room for those
 * who are not let in yet is bounded in number, bytes and time; when it is full, the longest waiting of the address with the most goes.
 * libzmq alone cannot do that: it gives anybody 1 MiB and 5 s, as often as he asks. Identity stays the CURVE key; the hub sees no
 * addresses.
 *
 * The process is the hub's own program with a hidden first argument. It may open no file and no connection but to the door (seccomp(2)), is
 * begun again when it dies, and dies with the hub. */
#pragma once

#include "common/base/bytes.h"

#include <uv.h>

#define PORTER_ARGUMENT "--porter" /* argv[1] of the process */

/* Who may be here at a time. Of those inside only a door for short visits bounds the number and the stay. */
struct porter_rooms {
    unsigned outside, greeting; /* before a HELLO; in a handshake at the hub */
    unsigned inside, inside_ms; /* 0: as many as there are descriptors, as long as they like */
};
extern const struct porter_rooms porter_rooms_nodes, porter_rooms_enrol;

struct porter;
/* Binds and begins the process. `endpoint`: tcp://host:port, host an address, a name or *, port * takes a free one, and one that is taken
 * is tried for `wait_ms`, while the loop stands still; `door`: the path of the hub's Unix socket. -EADDRINUSE and such are said by errno,
 * -EINVAL is an endpoint that cannot be read. */
int porter_open(
    uv_loop_t *loop, const char *endpoint, unsigned wait_ms, const char *door, const struct porter_rooms *rooms /* static */,
    struct porter **out /* gives */);
const char *porter_endpoint(const struct porter *p);                    /* borrows: with the real port */
unsigned porter_begun(const struct porter *p);                          /* how often the process was begun */
struct porter *porter_close(struct porter *p /* takes, may be NULL */); /* returns NULL; the loop must run once more */

int porter_main(int argc, char **argv); /* the process itself; its exit code */
