#include "common/model/progress.h"

uint64_t progress_backlog(const struct node_progress *p) {
    uint64_t n = 0;
    for (size_t i = 0; i < p->life_count; i++)
        n += p->lives[i].last > p->lives[i].acked ? p->lives[i].last - p->lives[i].acked : 0;
    return n;
}

bool progress_loads(const struct node_progress *p, area a) {
    for (size_t i = 0; i < p->loading_count; i++)
        if (p->loading[i].area == a)
            return true;
    return false;
}
