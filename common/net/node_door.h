/* A node's end of its one link: a DEALER with CURVE, a new socket for every attempt, since reconnecting is the protocol's business
 * (back-off with jitter, sync/node_side). Why an attempt failed is told in words. Heartbeats run from this side only. */
#pragma once

#include "common/base/bytes.h"
#include "common/net/keys.h"

#include <uv.h>

enum node_door_end {
    NODE_DOOR_BROKE,    /* the connection, or the handshake without a word */
    NODE_DOOR_NOBODY,   /* no address, or nobody answers there */
    NODE_DOOR_STRANGER, /* who answers is not the hub with this key, or is busy */
    NODE_DOOR_REFUSED,  /* the hub's gate says no to our key */
};

struct node_door_calls {
    void (*up)(void *owner);                        /* the handshake succeeded: the hub proved its key and let us in */
    void (*down)(void *owner, const char *reason);  /* static words; called at most once an attempt */
    void (*heard)(void *owner, struct bytes frame); /* borrowed during the call */
    void *owner;                                    /* borrows */
};

struct node_door;
struct node_door *node_door_open(
    uv_loop_t *loop, const char *endpoint /* copied */, const uint8_t hub_curve[KEY_BYTES], const struct keys *keys,
    const struct node_door_calls *calls);                                                          /* gives */
void node_door_hub(struct node_door *d, const char *endpoint, const uint8_t hub_curve[KEY_BYTES]); /* copies; of the attempts from now on */
void node_door_keys(struct node_door *d, const struct keys *keys);                                 /* copies; of the attempts from now on */
void node_door_connect(struct node_door *d);                   /* begins an attempt; an earlier one is given up silently */
void node_door_disconnect(struct node_door *d);                /* silently */
bool node_door_send(struct node_door *d, struct bytes frame);  /* false: not connected, or the queue is full: it comes back as down */
enum node_door_end node_door_ended(const struct node_door *d); /* of the last attempt that went down */
struct node_door *node_door_close(struct node_door *d /* takes, may be NULL */); /* returns NULL; the loop must run once more */
