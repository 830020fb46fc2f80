/* Which edit is newer: a hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) and the node that stamped.
 * A version orders; a name identifies (change.h). */
#pragma once

#include "common/base/instant.h"

#include <stdbool.h>

struct version {
    uint64_t hlc;  /* 48 bits of ms since 1970, 16 bits of counter */
    uint32_t node; /* the writer; 0 = the hub */
};

#define HLC_MS(ms) ((uint64_t)(ms) << 16)

int version_compare(struct version a, struct version b);
wall_ms hlc_ms(uint64_t hlc);
/* The next stamp: above `last`, and not below the wall clock. */
uint64_t hlc_next(uint64_t last, wall_ms now);
