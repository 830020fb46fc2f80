/* A daemon's keys: a CURVE pair for links (Curve25519, RFC 7748) and an Ed25519 pair for signatures (RFC 8032), in one file of mode 0600
 * that is never overwritten. The public halves together are one string that people can copy: "anju1:" and base64url. */
#pragma once

#include "common/base/bytes.h"

enum { KEY_BYTES = 32, KEY_HEX = 64, PUBLIC_TEXT = 104 };

struct public_keys {
    uint8_t curve[KEY_BYTES], sign[KEY_BYTES];
};

struct keys {
    struct public_keys public;
    uint8_t curve_secret[KEY_BYTES], sign_secret[64];
};

enum keys_outcome {
    KEYS_EXIST = 1, /* keys_make: there is a file already; nothing was changed */
    KEYS_MISSING,   /* keys_load: no such file: --init makes it */
    KEYS_OPEN,      /* keys_load: others may read the file: chmod 600 */
    KEYS_BROKEN,    /* keys_load: not a file of ours, or damaged */
};

int keys_make(const char *path, struct keys *out); /* + KEYS_EXIST; makes new keys, durable when it returns 0 */
int keys_load(const char *path, struct keys *out); /* + KEYS_MISSING, KEYS_OPEN, KEYS_BROKEN */
int keys_replace(
    const char *path, const char *by); /* the file `by` takes the place of the other, durably; after a crash it is the one or the other */
void keys_forget(struct keys *k);      /* wipes the secrets */
const char *keys_outcome_text(int outcome); /* what to do; static */

const char *public_text(const struct public_keys *k, char out[PUBLIC_TEXT]); /* borrows out */
bool public_parse(struct bytes text, struct public_keys *out);               /* false: mistyped (it has a checksum) or no such string */
void keys_sign(const struct keys *k, struct bytes what, uint8_t signature[64]);
bool keys_check(const uint8_t sign_public[KEY_BYTES], struct bytes what, struct bytes signature);
