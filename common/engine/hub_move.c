#include "common/engine/hub_move.h"

#include "common/base/error.h"

#include <string.h>

static void words(
    const struct id16 *city, const struct public_keys *former, const struct public_keys *next, struct bytes endpoint, struct buffer *out) {
    buffer_text(out, "anju hub key 1\n");
    buffer_add(out, bytes_of(city->b, sizeof city->b));
    buffer_add(out, bytes_of(former->curve, KEY_BYTES));
    buffer_add(out, bytes_of(former->sign, KEY_BYTES));
    buffer_add(out, bytes_of(next->curve, KEY_BYTES));
    buffer_add(out, bytes_of(next->sign, KEY_BYTES));
    buffer_add(out, endpoint);
}

void hub_move_write(
    const struct id16 *city, const struct keys *former, const struct public_keys *next, struct bytes endpoint, struct buffer *body) {
    CLEANUP(buffer_close) struct buffer said = {0};
    char was[PUBLIC_TEXT], now[PUBLIC_TEXT];
    uint8_t signature[SIGNATURE_BYTES];
    words(city, &former->public, next, endpoint, &said);
    keys_sign(former, buffer_bytes(&said), signature);
    buffer_format(
        body, "kind: " HUB_MOVE_KIND "\nname: " HUB_MOVE_NAME "\nformer: %s\nnext: %s\nendpoint: ", public_text(&former->public, was),
        public_text(next, now));
    buffer_add(body, endpoint);
    buffer_text(body, "\nsignature: ");
    hex_encode(bytes_of(signature, sizeof signature), body);
    buffer_text(body, "\n");
}

/* What stands behind a word at the beginning of a line. */
static struct bytes behind(struct bytes body, const char *word) {
    size_t len = strlen(word);
    while (body.len > 0) {
        const uint8_t *end = memchr(body.at, '\n', body.len);
        size_t line = end == NULL ? body.len : (size_t)(end - body.at);
        if (line > len && memcmp(body.at, word, len) == 0)
            return bytes_of(body.at + len, line - len);
        size_t step = end == NULL ? line : line + 1;
        body = bytes_of(body.at + step, body.len - step);
    }
    return (struct bytes){NULL, 0};
}

bool hub_move_read(struct bytes body, struct hub_move *out) {
    CLEANUP(buffer_close) struct buffer signature = {0};
    struct bytes hex = behind(body, "signature: ");
    out->endpoint = behind(body, "endpoint: ");
    if (!public_parse(behind(body, "former: "), &out->former) || !public_parse(behind(body, "next: "), &out->next) ||
        out->endpoint.len == 0 || hex.len != (size_t)2 * SIGNATURE_BYTES || !hex_decode((const char *)hex.at, hex.len, &signature))
        return false;
    memcpy(out->signature, signature.at, SIGNATURE_BYTES);
    return true;
}

bool hub_move_holds(const struct hub_move *m, const struct id16 *city) {
    CLEANUP(buffer_close) struct buffer said = {0};
    words(city, &m->former, &m->next, m->endpoint, &said);
    return keys_check(m->former.sign, buffer_bytes(&said), bytes_of(m->signature, sizeof m->signature));
}
