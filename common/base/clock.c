#include "common/base/clock.h"

#include <time.h>

static uint64_t ms(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

instant clock_now(void) {
    return ms(CLOCK_MONOTONIC);
}

wall_ms clock_wall(void) {
    return ms(CLOCK_REALTIME);
}
