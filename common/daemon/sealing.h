/* Where a daemon finds the key that its stores are sealed with (common/store/seal.h). The first of these that is there:
 *
 *   credential   the file anju-seal in $CREDENTIALS_DIRECTORY (systemd LoadCredential, LoadCredentialEncrypted)
 *   file         the key file that the setting seal_key names
 *   passphrase   read from the file descriptor $ANJU_PASSPHRASE_FD; argon2id with a salt that lies in the data folder
 *   made         a key file beside the data folder, DATA.seal: made when nothing is sealed yet
 *
 * It never lies in the data folder, so that a copy of that does not carry its own key. */
#pragma once

#include "common/daemon/settings.h"
#include "common/store/seal.h"

enum sealing_outcome {
    SEALING_MISSING = 1,   /* no key, and there is something sealed already */
    SEALING_OPEN,          /* others may read the key file */
    SEALING_BROKEN,        /* not a key file, or damaged */
    SEALING_NO_PASSPHRASE, /* what is there was sealed with one, or the descriptor gives none */
    SEALING_SHORT,         /* a passphrase of less than SEALING_PASSPHRASE_LEAST bytes */
};
enum { SEALING_PASSPHRASE_LEAST = 12 };

struct sealing {
    struct seal *seal; /* owns */
    const char *from;  /* static: "credential", "file", "passphrase" */
    char *where;       /* owns: the file */
    bool made;         /* just now: say so */
    bool beside;       /* it is the file beside the data folder, which protects only what leaves this machine without it */
};

#define SEALING_SETTING                                                                                                                    \
    {                                                                                                                                      \
        "seal_key", SETTING_TEXT, "", 0, 0,                                                                                                \
            "file of the key that the stores are sealed with; empty: a credential or a passphrase when one is given, else a file beside "  \
            "the "                                                                                                                         \
            "data folder, DATA.seal"                                                                                                       \
    }
#define SEALING_SALT "seal.salt" /* in the data folder; not secret; goes into backups */

/* Finds the key, or with `make` makes one when there is none. `salts`: the folder where a passphrase's salt lies. */
int sealing_open(const struct settings *s, const char *salts /* borrows */, bool make, struct sealing *out); /* + enum sealing_outcome */
void sealing_close(struct sealing *k);                                                                       /* idempotent */
const char *sealing_text(int outcome);                               /* what to do; static; of a negative errno too */
void sealing_describe(const struct settings *s, struct buffer *out); /* where the key would come from, in words */
