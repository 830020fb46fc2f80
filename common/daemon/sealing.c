#include "common/daemon/sealing.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/key_file.h"
#include "common/base/memory.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char key_words[] = "anju-seal", salt_words[] = "anju-salt";
enum { GROUP_AND_OTHERS = 077, PASSPHRASE_MOST = 1024 };

static bool there(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* The first source that is there. */
enum source { CREDENTIAL, NAMED, PASSPHRASE, BESIDE };

static enum source find(const struct settings *s, struct buffer *where) {
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *named = settings_text(s, "seal_key"), *data = settings_text(s, "data");
    if (credentials != NULL) {
        buffer_format(where, "%s/%s", credentials, key_words);
        if (there(buffer_string(where)))
            return CREDENTIAL;
        buffer_clear(where);
    }
    if (*named != '\0') {
        buffer_text(where, named);
        return NAMED;
    }
    if (getenv("ANJU_PASSPHRASE_FD") != NULL) {
        buffer_text(where, "ANJU_PASSPHRASE_FD");
        return PASSPHRASE;
    }
    size_t len = strlen(data);
    while (len > 1 && data[len - 1] == '/')
        len--;
    buffer_format(where, "%.*s.seal", (int)len, data);
    return BESIDE;
}

/* ---- a passphrase */

static int read_passphrase(char out[PASSPHRASE_MOST + 1], size_t *len) {
    const char *text = getenv("ANJU_PASSPHRASE_FD");
    char *end = NULL;
    long fd = text == NULL ? -1 : strtol(text, &end, 10);
    *len = 0;
    if (text == NULL || *text == '\0' || *end != '\0' || fd < 0)
        return SEALING_NO_PASSPHRASE;
    for (ssize_t n = 1; n > 0 && *len < PASSPHRASE_MOST && memchr(out, '\n', *len) == NULL; *len += (size_t)n) {
        n = read((int)fd, out + *len, PASSPHRASE_MOST - *len);
        if (n < 0)
            return SEALING_NO_PASSPHRASE;
    }
    close((int)fd);
    const char *line = memchr(out, '\n', *len);
    *len = line == NULL ? *len : (size_t)(line - out);
    return *len == 0 ? SEALING_NO_PASSPHRASE : *len < SEALING_PASSPHRASE_LEAST ? SEALING_SHORT : 0;
}

static int salt_ready(const char *salts, bool make, uint8_t out[KEY_FILE_BYTES]) {
    CLEANUP(buffer_close) struct buffer path = {0};
    buffer_format(&path, "%s/%s", salts, SEALING_SALT);
    int r = key_file_load(buffer_string(&path), salt_words, 0, out);
    if (r != KEY_FILE_MISSING || !make)
        return r;
    randombytes_buf(out, KEY_FILE_BYTES);
    return key_file_make(buffer_string(&path), salt_words, out);
}

static int from_passphrase(const char *salts, bool make, struct seal_key *out) {
    char words[PASSPHRASE_MOST + 1];
    uint8_t salt[KEY_FILE_BYTES];
    size_t len;
    int r = read_passphrase(words, &len);
    if (r == 0)
        r = salt_ready(salts, make, salt);
    _Static_assert(KEY_FILE_BYTES >= crypto_pwhash_SALTBYTES, "the salt fits");
    if (r == 0 && crypto_pwhash(
                      out->b, sizeof out->b, words, len, salt, crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
        r = fail(-ENOMEM);
    sodium_memzero(words, sizeof words);
    return r;
}

/* ---- a file */

static int from_file(const char *path, unsigned forbidden, bool make, struct seal_key *out, bool *made) {
    int r = key_file_load(path, key_words, forbidden, out->b);
    if (r != KEY_FILE_MISSING || !make)
        return r;
    randombytes_buf(out->b, sizeof out->b);
    r = key_file_make(path, key_words, out->b);
    *made = r == 0;
    return r;
}

/* ---- all of them */

int sealing_open(const struct settings *s, const char *salts, bool make, struct sealing *out) {
    CLEANUP(buffer_close) struct buffer where = {0};
    CLEANUP(buffer_close) struct buffer salt = {0};
    CLEANUP(seal_forget) struct seal_key k = {{0}};
    invariant(sodium_init() >= 0);
    *out = (struct sealing){.seal = NULL};
    enum source from = find(s, &where);
    out->where = memory_text(buffer_string(&where));
    out->beside = from == BESIDE;
    out->from = from == CREDENTIAL ? "credential" : from == PASSPHRASE ? "passphrase" : "file";
    buffer_format(&salt, "%s/%s", salts, SEALING_SALT);
    int r = from == BESIDE && !there(out->where) && there(buffer_string(&salt)) ? SEALING_NO_PASSPHRASE
            : from == PASSPHRASE
                ? from_passphrase(salts, make, &k)
                : from_file(out->where, from == CREDENTIAL ? 0 : GROUP_AND_OTHERS, make && from != CREDENTIAL, &k, &out->made);
    _Static_assert((int)SEALING_MISSING == (int)KEY_FILE_MISSING && (int)SEALING_OPEN == (int)KEY_FILE_OPEN, "the same outcomes");
    _Static_assert((int)SEALING_BROKEN == (int)KEY_FILE_BROKEN, "the same outcomes");
    if (r == 0)
        out->seal = seal_new(&k);
    return r;
}

void sealing_close(struct sealing *k) {
    k->seal = seal_free(k->seal);
    free(k->where);
    k->where = NULL;
}

const char *sealing_text(int outcome) {
    switch (outcome) {
    case SEALING_MISSING:
        return "the key that the stores are sealed with is not there, and without it nothing can be read; nothing was changed: put it back "
               "(credential anju-seal, setting seal_key, $ANJU_PASSPHRASE_FD, or the file beside the data folder)";
    case SEALING_OPEN:
        return "the key file may be read by others; chmod 600 it";
    case SEALING_BROKEN:
        return "it is no key file, or damaged: put back its copy";
    case SEALING_NO_PASSPHRASE:
        return "a passphrase is needed: give its line over a file descriptor and name that in ANJU_PASSPHRASE_FD";
    case SEALING_SHORT:
        return "a passphrase has at least 12 bytes";
    default:
        return error_text(outcome);
    }
}

void sealing_describe(const struct settings *s, struct buffer *out) {
    CLEANUP(buffer_close) struct buffer where = {0};
    enum source from = find(s, &where);
    const char *path = buffer_string(&where);
    if (from == CREDENTIAL)
        buffer_format(out, "the credential %s", path);
    else if (from == PASSPHRASE)
        buffer_text(out, "a passphrase");
    else
        buffer_format(out, "the key file %s%s", path, there(path) ? "" : " (not there yet)");
}
