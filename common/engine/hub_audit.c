#include "common/engine/hub_audit.h"

#include "common/base/clock.h"
#include "common/engine/signed.h"

enum audit_verdict hub_audit_heard(struct hub_audit *a, const struct audit_say *say, wall_ms now) {
    enum audit_verdict v = audit_judge(&a->kept.told.head, say);
    a->told = say->yours;
    a->due = true;
    a->dirty = true;
    a->kept.heard = now;
    if (v != AUDIT_EXTENDS && v != AUDIT_UNPROVEN) {
        bool knew_more = a->broken.told.head.n > a->kept.told.head.n;
        a->broken =
            (struct audit_kept){.told = knew_more ? a->broken.told : a->kept.told, .heard = now, .verdict = v, .said = say->mine.head};
    }
    if (v != AUDIT_UNPROVEN) /* also after a break: what comes next is watched too */
        a->kept.told = say->mine;
    return v;
}

void hub_audit_say(
    struct txn *own, const struct keys *keys, const struct audit_told *told, bool vouch, struct audit_say *out,
    enum audit_verdict *verdict) {
    *verdict = AUDIT_UNPROVEN;
    if (!audit_head(own, &audit_hub, &out->mine.head))
        return;
    out->mine.at = clock_wall();
    audit_sign(keys, 0, &out->mine);
    out->asked = told->head.n;
    if (vouch)
        audit_hash_at(own, &audit_hub, told->head.n, &out->asked_hash);
    if (!audit_head_none(&told->head) && audit_signed_here(own, &audit_hub, 0, told))
        *verdict = audit_judge(&told->head, out);
}

void hub_audit_read(struct txn *own, uint32_t node, struct hub_audit *out) {
    struct audit_kept k;
    if (audit_kept_last(own, &audit_hub, node, &k))
        out->kept = k;
    if (audit_break_get(own, &audit_hub, node, &k))
        out->broken = k;
}

void hub_audit_write(struct txn *own, uint32_t node, const struct hub_audit *a) {
    if (!audit_head_none(&a->kept.told.head))
        audit_keep(own, &audit_hub, node, &a->kept);
    if (!audit_head_none(&a->broken.told.head))
        audit_break_put(own, &audit_hub, node, &a->broken);
}
