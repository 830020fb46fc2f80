/* The hub's door for machines that are not enrolled yet: an endpoint, a ZeroMQ context and a ZAP domain of its own, so that its gate, which
 * lets everybody in who knows the hub's key, is never asked for the door of the nodes. What it takes is small: 8 KiB a frame; nothing is
 * kept of a connection, an answer goes back on the route that the question came by. How many come, and how long they stay, is the porter's.
 *
 * Wrong secrets are counted here, a minute at a time: LIMIT_ENROL_TRIES in all, half of that for one key. A right secret is looked up
 * before and never made to wait: nobody finds 128 bits by trying, so the count keeps the log short, and a stranger who tries must not be
 * able to keep an office out. */
#pragma once

#include "common/net/router.h"

struct enrol_door;
int enrol_door_open(
    uv_loop_t *loop, const char *endpoint, const struct keys *keys,
    void (*heard)(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame), void *owner,
    struct enrol_door **out /* gives */); /* as router_open */
const char *enrol_door_endpoint(const struct enrol_door *d);
void enrol_door_answer(struct enrol_door *d, const struct router_route *to, struct bytes frame);
bool enrol_door_wrong(struct enrol_door *d, const uint8_t key[KEY_BYTES]); /* notes a wrong secret; false: too many in this minute */
uint64_t enrol_door_wrongs(const struct enrol_door *d);                    /* since it opened */
struct enrol_door *enrol_door_close(struct enrol_door *d /* takes, may be NULL */); /* returns NULL; the loop must run once more */
