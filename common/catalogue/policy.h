/* A policy document as a record of TYPE_POLICY holds it, and the words that its signature is over. */
#pragma once

#include "common/base/hash.h"
#include "common/model/record.h"

struct policy {
    struct bytes kind, name, body, signer, signature; /* borrow from the record */
    int64_t version;
};

bool policy_of(const struct record *r, struct policy *out);    /* false: not a whole policy */
void policy_words(const struct policy *p, struct buffer *out); /* appends what is signed: kind, name, version, body */
struct id16 policy_id(const struct id16 *city, struct bytes kind, struct bytes name); /* the record of a policy, in every version */
bool policy_catalogue(const struct policy *p);                                        /* its kind is one that makes the catalogue */
