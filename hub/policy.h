/* The city's policies: policy.c publishes, reach.c says who has what. */
#pragma once

#include "common/engine/policy_book.h"
#include "hub/city.h"

/* The root of trust (catalogue/policy.h) of a new city: the hub's own policy key and those that the setting policy_signers names, appended
 * as text. False: a setting names what is no key, a key twice, or asks for more signatures than there are keys. */
bool policy_root_make(const struct city *c, struct buffer *out);
bool policy_signer(const struct city *c, const uint8_t key[POLICY_KEY_BYTES]); /* is it one of the root's keys? */
