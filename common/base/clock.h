/* The two clocks, read where an event is made and nowhere deeper. */
#pragma once

#include "common/base/instant.h"

instant clock_now(void);  /* ms of the monotonic clock */
wall_ms clock_wall(void); /* ms since 1970 UTC */
