/* From a policy that the hub merges: what offices may do with the fields of the record type that it describes (store/hub_merge.h). */
#pragma once

#include "common/base/bytes.h"
#include "common/model/record.h"

/* For struct hub_rules; a function of the policy alone, also of one that is still to come. A document that goes on in parts, of more than
 * LIMIT_POLICY_PART_BYTES, gives no rules: no record type is of that size. */
void write_rules_learn(void *owner, const struct record *policy, struct buffer *out /* of struct field_write */);
