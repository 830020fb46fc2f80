/* The hub's new keys, as they are announced: a policy of the kind `hub_key`, signed like every policy by the city's policy key, and in its
 * body by the keys that it takes the place of. A node that was enrolled with those, and only such a one, moves over. */
#pragma once

#include "common/engine/signed.h"

#define HUB_MOVE_KIND "hub_key"
#define HUB_MOVE_NAME "hub"

struct hub_move {
    struct public_keys former, next;
    struct bytes endpoint; /* tcp://host:port, where the next ones answer */
    uint8_t signature[SIGNATURE_BYTES];
};

void hub_move_write(
    const struct id16 *city, const struct keys *former, const struct public_keys *next, struct bytes endpoint, struct buffer *body);
bool hub_move_read(struct bytes body, struct hub_move *out /* borrows */); /* false: none, or damaged; proves nothing yet */
bool hub_move_holds(const struct hub_move *m, const struct id16 *city);    /* the former keys say so */
