#include "common/engine/write_rules.h"

#include "common/base/error.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/policy.h"
#include "common/store/hub_merge.h"

static enum write_rule of_show_rule(enum show_rule r) {
    if (rule_own_heads(r))
        return WRITE_OWN;
    return r == SHOW_SET ? WRITE_SET : rule_elements(r) ? WRITE_LEDGER : WRITE_ANY;
}

void write_rules_learn(void *owner, const struct record *policy, struct buffer *out) {
    CLEANUP(buffer_close) struct buffer rules = {0};
    struct policy p;
    (void)owner;
    if (!policy_of(policy, &p) || !bytes_equal(p.kind, BYTES("record_type")) || p.body.len != p.size)
        return;
    catalogue_rules(p.body, &rules);
    const struct field_rule *all = (const struct field_rule *)(const void *)rules.at;
    for (size_t i = 0; i < rules.len / sizeof *all; i++) {
        struct field_write one = {all[i].type, all[i].field, of_show_rule(all[i].rule)};
        if (one.rule != WRITE_ANY)
            buffer_add(out, bytes_of(&one, sizeof one));
    }
}
