#include "common/model/audit.h"

bool audit_head_none(const struct audit_head *h) {
    return id_zero(&h->life);
}

enum audit_verdict audit_judge(const struct audit_head *kept, const struct audit_say *said) {
    const struct audit_head *now = &said->mine.head;
    enum audit_verdict v = AUDIT_EXTENDS;
    if (audit_head_none(kept) || kept->n == 0)
        return AUDIT_EXTENDS;
    if (now->n < kept->n)
        v = AUDIT_CUT;
    else if (said->asked == kept->n)
        v = hash_equal(&said->asked_hash, &kept->hash) ? AUDIT_EXTENDS : AUDIT_REWRITTEN;
    else if (now->n == kept->n)
        v = hash_equal(&now->hash, &kept->hash) ? AUDIT_EXTENDS : AUDIT_REWRITTEN;
    else
        return AUDIT_UNPROVEN;
    return v != AUDIT_EXTENDS && !id_equal(&now->life, &kept->life) ? AUDIT_RESTORED : v;
}

const char *audit_verdict_text(enum audit_verdict v) {
    static const char *const texts[] = {
        [AUDIT_EXTENDS] = "goes on from what is kept of it",
        [AUDIT_UNPROVEN] = "did not prove that it goes on from what is kept of it",
        [AUDIT_CUT] = "was cut: it has fewer entries than it had",
        [AUDIT_REWRITTEN] = "was written anew: its entries are not those that it had",
        [AUDIT_RESTORED] = "began a new life after a restore or damage: entries that it had are not in it"};
    return v <= AUDIT_RESTORED ? texts[v] : "?";
}

const char *audit_action_name(uint32_t action) {
    static const char *const names[] = {"",    "read",  "search", "export", "history",    "refused",
                                        "log", "print", "change", "decide", "administer", "life"};
    return action > 0 && action < sizeof names / sizeof *names ? names[action] : "?";
}
