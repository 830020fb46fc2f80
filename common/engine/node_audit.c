#include "common/engine/node_audit.h"

#include "common/engine/signed.h"

void node_audit_breaks(struct txn *t, struct node_audit *a) {
    struct audit_kept k;
    a->hub_broken = audit_break_get(t, &audit_node, 0, &k) ? k : (struct audit_kept){.heard = 0};
    a->own_broken = audit_break_get(t, &audit_node, HEADS_OWN, &k) ? k : (struct audit_kept){.heard = 0};
}

static void judge_hub(struct txn *t, const struct audit_say *say, wall_ms now, struct node_audit *a) {
    struct audit_kept kept = {.heard = 0}, next = {.told = say->mine, .heard = now};
    audit_kept_last(t, &audit_node, 0, &kept);
    enum audit_verdict v = audit_judge(&kept.told.head, say);
    if (v == AUDIT_UNPROVEN)
        next.told = kept.told;
    else if (v != AUDIT_EXTENDS)
        audit_break_put(t, &audit_node, 0, &(struct audit_kept){.told = kept.told, .heard = now, .verdict = v, .said = say->mine.head});
    audit_keep(t, &audit_node, 0, &next); /* also after a break: what comes next is watched too */
    a->hub = next;
}

/* A log that did not hold when we started answers for nothing: the hub shall see it. */
static void judge_own(
    struct txn *t, uint32_t node, const struct audit_say *say, wall_ms now, const struct node_audit *a, struct hash *asked_hash) {
    struct audit_kept k = {.told = say->yours, .heard = now};
    struct audit_say own = {.asked = say->yours.head.n};
    if (audit_head_none(&k.told.head) || !audit_head(t, &audit_node, &own.mine.head))
        return;
    if (a->bad == 0)
        audit_hash_at(t, &audit_node, own.asked, &own.asked_hash);
    *asked_hash = own.asked_hash;
    if (!audit_signed_here(t, &audit_node, node, &k.told))
        return;
    k.verdict = audit_judge(&k.told.head, &own);
    k.said = own.mine.head;
    if (k.verdict != AUDIT_EXTENDS)
        audit_break_put(t, &audit_node, HEADS_OWN, &k);
    else
        audit_keep(t, &audit_node, HEADS_OWN, &(struct audit_kept){.told = k.told, .heard = now});
}

void node_audit_heard(
    struct txn *t, uint32_t node, const struct audit_say *say, wall_ms now, struct node_audit *a, struct hash *asked_hash) {
    judge_hub(t, say, now, a);
    judge_own(t, node, say, now, a, asked_hash);
    node_audit_breaks(t, a);
}
