/* Who said a push, or the head of an audit log: its sender's signature, over where it stands in the log and its chain. The pure core knows
 * no keys; the engines sign what they send and append, and check what comes. */
#pragma once

#include "common/model/message.h"
#include "common/net/keys.h"
#include "common/store/audit.h"
#include "common/wire/wire.h"

enum { SIGNATURE_BYTES = 64 };

void push_sign(const struct keys *k, uint32_t node, const struct push *p, uint8_t signature[SIGNATURE_BYTES]);
bool push_signed(
    const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct push *p); /* false: none, or another's, or of other words */
/* A node's new keys: both the old and the new key sign, so that nobody gives a node a key that he has not. */
void key_offer_sign(const struct keys *by, uint32_t node, struct bytes public_string, uint8_t signature[SIGNATURE_BYTES]);
bool key_offer_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct key_offer *m, struct public_keys *offered);
/* The head of an audit log, of a node or of the hub (0). */
void audit_sign(const struct keys *k, uint32_t node, struct audit_told *t);
bool audit_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, const struct audit_told *t);
/* Our own, as the other side kept it: by any key that we signed heads with (store/audit.h). */
bool audit_signed_here(struct txn *t, const struct audit_place *in, uint32_t node, const struct audit_told *told);
/* What an office says of its policies (message.h), as of a place in the feed. */
void book_sign(const struct keys *k, uint32_t node, uint64_t at, struct book_say *s);
bool book_signed(const uint8_t sign_public[KEY_BYTES], uint32_t node, uint64_t at, const struct book_say *s);
bool push_holds(const struct push *p);                /* its body has as many changes as it says, and they lead from `before` to `after` */
struct push push_of_entry(const struct log_entry *e); /* borrows what the entry borrows */
