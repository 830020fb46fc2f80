#include "common/engine/unsent.h"

#include "common/base/error.h"
#include "common/base/invariant.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_word[] = "anju-unsent-1 ", last_word[] = "signature ";

static void base64(struct bytes b, struct buffer *out) {
    size_t len = sodium_base64_encoded_len(b.len, sodium_base64_VARIANT_ORIGINAL);
    char *at = (char *)buffer_grow(out, len);
    sodium_bin2base64(at, len, b.at, b.len, sodium_base64_VARIANT_ORIGINAL);
    out->len--; /* its NUL */
}

void unsent_begin(uint32_t node, struct buffer *out) {
    buffer_format(out, "%s%" PRIu32 "\n", first_word, node);
}

void unsent_add(const struct push *p, struct buffer *out) {
    CLEANUP(buffer_close) struct buffer frame = {0};
    struct message *m = memory_zeroed(1, sizeof *m);
    m->kind = MESSAGE_PUSH;
    m->push = *p;
    m->push.session = 0;
    invariant(wire_pack(m, &frame) == 0); /* a batch keeps the limits */
    free(m);
    base64(buffer_bytes(&frame), out);
    buffer_text(out, "\n");
}

static void words(const struct hash *whole, struct buffer *out) {
    buffer_text(out, "anju unsent 1\n");
    buffer_add(out, bytes_of(whole->b, sizeof whole->b));
}

void unsent_end(const struct keys *by, struct buffer *out) {
    CLEANUP(buffer_close) struct buffer said = {0};
    struct hash whole = hash_of(buffer_bytes(out));
    uint8_t signature[SIGNATURE_BYTES];
    words(&whole, &said);
    keys_sign(by, buffer_bytes(&said), signature);
    buffer_text(out, last_word);
    base64(bytes_of(signature, sizeof signature), out);
    buffer_text(out, "\n");
}

/* ---- reading */

/* The next line without its end; false: there is no whole one. */
static bool take_line(struct bytes *rest, struct bytes *line) {
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);
    if (end == NULL)
        return false;
    *line = bytes_of(rest->at, (size_t)(end - rest->at));
    *rest = bytes_of(end + 1, rest->len - line->len - 1);
    return true;
}

static bool starts(struct bytes line, const char *word) {
    return line.len >= strlen(word) && memcmp(line.at, word, strlen(word)) == 0;
}

static bool from_base64(struct bytes line, uint8_t *out, size_t room, size_t *len) {
    return sodium_base642bin(out, room, (const char *)line.at, line.len, NULL, len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

static bool take_push(struct bytes line, struct arena *a, struct push *out) {
    size_t len = 0, room = line.len / 4 * 3 + 3;
    uint8_t *frame = arena_take(a, room);
    struct message *m = memory_zeroed(1, sizeof *m);
    bool good = frame != NULL && from_base64(line, frame, room, &len) && wire_unpack(bytes_of(frame, len), a, m) == 0 &&
                m->kind == MESSAGE_PUSH && m->push.count > 0 && m->push.first > 0;
    if (good)
        *out = m->push;
    free(m);
    return good;
}

static bool take_node(struct bytes line, uint32_t *node) {
    char number[16], *end;
    size_t len = line.len - strlen(first_word);
    if (len == 0 || len >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)len, (const char *)line.at + strlen(first_word));
    unsigned long n = strtoul(number, &end, 10);
    *node = (uint32_t)n;
    return *end == '\0' && n > 0 && n <= UINT32_MAX;
}

int unsent_read(struct bytes file, struct arena *a, struct unsent *out) {
    struct bytes rest = file, line;
    size_t lines = 0, len = 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < file.len; i++)
        lines += file.at[i] == '\n';
    out->pushes = arena_take(a, (lines + 1) * sizeof *out->pushes);
    if (out->pushes == NULL || !take_line(&rest, &line) || !starts(line, first_word) || !take_node(line, &out->node))
        return UNSENT_BROKEN;
    while (take_line(&rest, &line)) {
        if (starts(line, last_word)) {
            out->whole = hash_of(bytes_of(file.at, (size_t)(line.at - file.at)));
            struct bytes text = bytes_of(line.at + strlen(last_word), line.len - strlen(last_word));
            return from_base64(text, out->signature, sizeof out->signature, &len) && len == sizeof out->signature && rest.len == 0
                       ? 0
                       : UNSENT_BROKEN;
        }
        if (!take_push(line, a, &out->pushes[out->count]))
            return UNSENT_BROKEN;
        out->count++;
    }
    return UNSENT_BROKEN;
}

bool unsent_holds(const struct unsent *u, const uint8_t sign_public[KEY_BYTES]) {
    CLEANUP(buffer_close) struct buffer said = {0};
    words(&u->whole, &said);
    if (!keys_check(sign_public, buffer_bytes(&said), bytes_of(u->signature, sizeof u->signature)))
        return false;
    for (size_t i = 0; i < u->count; i++)
        if (!push_signed(sign_public, u->node, &u->pushes[i]) || !push_holds(&u->pushes[i]))
            return false;
    return true;
}
