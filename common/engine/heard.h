/* One message that came in: its frame, decoded, kept as long as somebody works on it. Counted by hand on the loop's thread; a worker only
 * reads it. */
#pragma once

#include "common/base/memory.h"
#include "common/wire/wire.h"

struct heard {
    unsigned holders;
    struct arena arena;
    struct buffer frame; /* owns */
    struct message message;
};

struct heard *heard_of(struct bytes frame); /* gives, held once; copies the frame, decodes nothing yet */
int heard_decode(struct heard *h);          /* wire_unpack's outcome */
struct heard *heard_hold(struct heard *h);  /* gives */
void heard_drop(struct heard *h /* takes, may be NULL */);
