/* Time as a number that somebody hands in, never a clock. */
#pragma once

#include <stdint.h>

typedef uint64_t instant; /* ms of a monotonic clock, from an event */
typedef uint64_t wall_ms; /* ms since 1970-01-01 UTC, from an event */

#define INSTANT_NEVER UINT64_MAX
