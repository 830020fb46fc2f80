/* What a node has not sent, as a file that a person carries: the pushes that it would say, each signed as on the wire, and all of them
 * together, so that none can be left out unseen. Text, a line each, so that it goes through every tool. */
#pragma once

#include "common/engine/signed.h"

enum { UNSENT_PART_BYTES = 700 * 1024 /* of one file; there may be several */ };

void unsent_begin(uint32_t node, struct buffer *out);
void unsent_add(const struct push *p /* with its signature */, struct buffer *out);
void unsent_end(const struct keys *by, struct buffer *out);

struct unsent {
    uint32_t node;
    struct push *pushes; /* in the arena */
    size_t count;
    struct hash whole; /* of all before the signature */
    uint8_t signature[SIGNATURE_BYTES];
};
enum unsent_outcome { UNSENT_BROKEN = 1 /* no such file, cut or damaged */ };
int unsent_read(struct bytes file, struct arena *a, struct unsent *out);         /* + enum unsent_outcome; proves nothing yet */
bool unsent_holds(const struct unsent *u, const uint8_t sign_public[KEY_BYTES]); /* all of it by this key, and whole */
