#include "common/model/version.h"

int version_compare(struct version a, struct version b) {
    if (a.hlc != b.hlc)
        return a.hlc < b.hlc ? -1 : 1;
    return (a.node > b.node) - (a.node < b.node);
}

wall_ms hlc_ms(uint64_t hlc) {
    return hlc >> 16;
}

uint64_t hlc_next(uint64_t last, wall_ms now) {
    uint64_t physical = HLC_MS(now);
    return physical > last ? physical : last + 1;
}
