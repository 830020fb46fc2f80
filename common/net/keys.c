#include "common/net/keys.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "anju-keys 1\n", prefix[] = "anju1:";
enum { CHECK = 4, PUBLIC_BYTES = 2 * KEY_BYTES + CHECK, SECRET_ROOM = 512 };

static void derive(struct keys *k) {
    invariant(crypto_scalarmult_base(k->public.curve, k->curve_secret) == 0);
    invariant(crypto_sign_ed25519_sk_to_pk(k->public.sign, k->sign_secret) == 0);
}

static int sync_folder(const char *path) {
    char copy[4096];
    if (strlen(path) >= sizeof copy)
        return fail(-ENAMETOOLONG);
    strcpy(copy, path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(-errno);
    int r = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return r == 0 ? 0 : fail(r);
}

int keys_make(const char *path, struct keys *out) {
    invariant(sodium_init() >= 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? KEYS_EXIST : fail(-errno);
    uint8_t sign_public[KEY_BYTES];
    randombytes_buf(out->curve_secret, sizeof out->curve_secret);
    crypto_sign_ed25519_keypair(sign_public, out->sign_secret);
    derive(out);
    struct buffer text = {0};
    buffer_grow(&text, SECRET_ROOM); /* so that it does not move, and leave what it held behind */
    buffer_clear(&text);
    buffer_text(&text, magic);
    hex_encode(bytes_of(out->curve_secret, sizeof out->curve_secret), &text);
    buffer_text(&text, "\n");
    hex_encode(bytes_of(out->sign_secret, sizeof out->sign_secret), &text);
    buffer_text(&text, "\n");
    int r = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0 ? 0 : fail(errno == 0 ? -EIO : -errno);
    sodium_memzero(text.at, text.len);
    buffer_close(&text);
    close(fd);
    if (r == 0)
        r = sync_folder(path);
    if (r != 0)
        unlink(path);
    return r;
}

int keys_load(const char *path, struct keys *out) {
    invariant(sodium_init() >= 0);
    char text[512];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? KEYS_MISSING : fail(-errno);
    ssize_t len = read(fd, text, sizeof text - 1);
    int r = fstat(fd, &st) == 0 && len >= 0 ? 0 : fail(-errno);
    close(fd);
    if (r != 0)
        return r;
    if ((st.st_mode & 077) != 0)
        return KEYS_OPEN;
    struct buffer secret = {0};
    buffer_grow(&secret, SECRET_ROOM);
    buffer_clear(&secret);
    size_t head = sizeof magic - 1, curve = 2 * sizeof out->curve_secret, sign = 2 * sizeof out->sign_secret;
    bool good = (size_t)len == head + curve + 1 + sign + 1 && memcmp(text, magic, head) == 0 && hex_decode(text + head, curve, &secret) &&
                hex_decode(text + head + curve + 1, sign, &secret);
    if (good) {
        memcpy(out->curve_secret, secret.at, sizeof out->curve_secret);
        memcpy(out->sign_secret, secret.at + sizeof out->curve_secret, sizeof out->sign_secret);
        derive(out);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(secret.at, secret.len);
    buffer_close(&secret);
    return good ? 0 : KEYS_BROKEN;
}

int keys_replace(const char *path, const char *by) {
    if (rename(by, path) != 0)
        return fail(-errno);
    return sync_folder(path);
}

void keys_forget(struct keys *k) {
    sodium_memzero(k, sizeof *k);
}

const char *keys_outcome_text(int outcome) {
    switch (outcome) {
    case KEYS_EXIST:
        return "there are keys already; they are never overwritten";
    case KEYS_MISSING:
        return "there is no key file; run with --init first";
    case KEYS_OPEN:
        return "the key file may be read by others; chmod 600 it, and replace the keys if anybody did";
    case KEYS_BROKEN:
        return "the key file is damaged; put back its copy, or enrol this machine anew";
    default:
        return error_text(outcome);
    }
}

static void put_check(const struct public_keys *k, uint8_t out[PUBLIC_BYTES]) {
    memcpy(out, k->curve, KEY_BYTES);
    memcpy(out + KEY_BYTES, k->sign, KEY_BYTES);
    struct hash h = hash_of(bytes_of(out, (size_t)2 * KEY_BYTES));
    memcpy(out + (size_t)2 * KEY_BYTES, h.b, CHECK);
}

const char *public_text(const struct public_keys *k, char out[PUBLIC_TEXT]) {
    uint8_t raw[PUBLIC_BYTES];
    put_check(k, raw);
    strcpy(out, prefix);
    sodium_bin2base64(out + sizeof prefix - 1, PUBLIC_TEXT - sizeof prefix + 1, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return out;
}

bool public_parse(struct bytes text, struct public_keys *out) {
    uint8_t raw[PUBLIC_BYTES], again[PUBLIC_BYTES];
    size_t len = 0, head = sizeof prefix - 1;
    if (text.len <= head || text.len >= PUBLIC_TEXT || memcmp(text.at, prefix, head) != 0)
        return false;
    if (sodium_base642bin(
            raw, sizeof raw, (const char *)text.at + head, text.len - head, NULL, &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) !=
            0 ||
        len != sizeof raw)
        return false;
    memcpy(out->curve, raw, KEY_BYTES);
    memcpy(out->sign, raw + KEY_BYTES, KEY_BYTES);
    put_check(out, again);
    return memcmp(raw, again, sizeof raw) == 0;
}

void keys_sign(const struct keys *k, struct bytes what, uint8_t signature[64]) {
    invariant(crypto_sign_ed25519_detached(signature, NULL, what.at, what.len, k->sign_secret) == 0);
}

bool keys_check(const uint8_t sign_public[KEY_BYTES], struct bytes what, struct bytes signature) {
    return signature.len == crypto_sign_ed25519_BYTES &&
           crypto_sign_ed25519_verify_detached(signature.at, what.at, what.len, sign_public) == 0;
}
