/* What a node has durably, beside its records: where its log and its cursor stand. The store keeps it, the protocol's node side goes by it.
 */
#pragma once

#include "common/model/message.h"

struct node_progress {
    uint32_t node;                  /* 0: not enrolled */
    struct life lives[LIMIT_LIVES]; /* all members; the last one is the current */
    size_t life_count;
    struct cursor cursor;
    struct epoch highest; /* highest epoch ever seen (I5) */
    uint64_t nonce;       /* session last received */
    int64_t offset_ms;    /* hub clock - local clock, at the last Welcome */
    uint64_t hlc;         /* last stamp */
    area served[LIMIT_AREAS];
    size_t served_count;
    struct loading loading[LIMIT_AREAS];
    size_t loading_count;
    uint64_t verdicts_after; /* for the next Pull */
    uint64_t erasures_after; /* likewise */
    bool uncompacted;        /* an order to erase was carried out, and the store's file was not made anew since */
    bool unproven;           /* until the next equal digest: differences are repaired without alarm */
    uint64_t digest_ok_at;   /* hub_seq */
    uint64_t held_count;     /* own changes that wait in quarantine; what was discarded there is not among them */
    uint64_t lost_count;     /* unsent changes that were damaged on this disk (node_lost_each) */
    wall_ms oldest_saved; /* of what is not accepted, the oldest: when it was saved; 0: none, or not looked up. Not stored (node_oldest) */
};

uint64_t progress_backlog(const struct node_progress *p); /* saved and not accepted, over all lives */
bool progress_loads(const struct node_progress *p, area a);
