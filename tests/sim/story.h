/* A story: a short script over a world, with what must be told and what must be true at its end. One line in the table of stories.c each.
 */
#pragma once

#include "tests/sim/world.h"

struct story {
    const char *name, *about;
    uint32_t nodes;
    void (*tell)(struct world *w);
};

int stories_run(const char *only /* NULL: all */, bool tell, unsigned *passed, unsigned *failed);
