/* The accounts of people who log in at a daemon's page. They lie sealed in the store's meta tree (tree 0) of what is the daemon's own: the
 * hub's hub-own, a node's store. Names are no keys: a key is "account" and a hash of the name under a key that the caller has. */
#pragma once

#include "common/base/id.h"
#include "common/base/instant.h"
#include "common/store/store.h"

enum {
    ACCOUNT_NAME_TEXT = 33,  /* room for a name and its NUL */
    ACCOUNT_HASH_TEXT = 128, /* crypto_pwhash_STRBYTES */
    ACCOUNT_ID_BYTES = 16,
};

struct account {
    char name[ACCOUNT_NAME_TEXT];
    char hash[ACCOUNT_HASH_TEXT]; /* argon2id, with its salt and cost, as libsodium writes it */
    wall_ms made, changed;        /* changed: the password */
};

bool account_name_good(const char *name); /* 1 to 32 of a-z 0-9 . _ - */

/* What goes wrong is in the transaction's sticky result. */
void account_put(struct txn *t, const struct id16 *id, const struct account *a); /* in the place of one with the same id */
void account_drop(struct txn *t, const struct id16 *id);
/* In no order that says anything. A damaged one is passed over and counted. */
size_t account_each(struct txn *t, void (*each)(void *owner, const struct id16 *id, const struct account *a), void *owner);
