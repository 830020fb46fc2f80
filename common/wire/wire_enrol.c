#include "common/wire/wire_enrol.h"

#include "common/base/utf8.h"
#include "common/wire/pb.h"
#include "common/wire/wire_parts.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK = 4, TOKEN_BYTES = 1024 };
static const char token_prefix[] = "anju-token1:", code_letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" /* Crockford's */;

const struct enrol_words *enrol_outcome_words(uint32_t outcome) {
    static const struct enrol_words table[] = {
#define X(name, number, final, word, text, hint) [name] = {word, text, hint, final},
        ENROL_OUTCOMES(X)
#undef X
    };
    return outcome < sizeof table / sizeof *table && table[outcome].word != NULL ? &table[outcome] : NULL;
}

/* ---- parts */

/* Areas that an office may serve: neither the whole city nor one node. */
static bool take_areas(const struct pb *p, area *areas, size_t *count) {
    bool good = p->wire == 2 && wire_areas_unpack(p->bytes, areas, ENROL_AREAS, count);
    for (size_t i = 0; good && i < *count; i++)
        good = areas[i] != AREA_CITY && !area_is_node(areas[i]);
    return good;
}

static bool take_exactly(const struct pb *p, uint8_t *out, size_t len) {
    if (p->wire != 2 || p->bytes.len != len)
        return false;
    memcpy(out, p->bytes.at, len);
    return true;
}

static bool take_text(const struct pb *p, char *out, size_t room) {
    if (p->wire != 2 || p->bytes.len >= room || !utf8_valid(p->bytes))
        return false;
    if (p->bytes.len > 0)
        memcpy(out, p->bytes.at, p->bytes.len);
    out[p->bytes.len] = '\0';
    return true;
}

/* ---- the token */

void enrol_token_pack(const struct enrol_token *t, struct buffer *out) {
    pb_bytes(out, 1, bytes_of(t->secret, sizeof t->secret));
    pb_bytes(out, 2, bytes_of(t->hub, sizeof t->hub));
    pb_hash(out, 3, &t->policy_root);
    wire_areas_pack(4, t->areas, t->area_count, out);
    pb_uint(out, 5, t->expires);
}

void enrol_token_text(const struct enrol_token *t, struct buffer *out) {
    struct buffer raw = {0};
    enrol_token_pack(t, &raw);
    struct hash h = hash_of(buffer_bytes(&raw));
    buffer_add(&raw, bytes_of(h.b, CHECK));
    size_t room = sodium_base64_ENCODED_LEN(raw.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buffer_text(out, token_prefix);
    sodium_bin2base64((char *)buffer_grow(out, room), room, raw.at, raw.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->len--; /* the NUL */
    sodium_memzero(raw.at, raw.len);
    buffer_close(&raw);
}

int enrol_token_unpack(struct bytes raw, struct enrol_token *out) {
    struct pb p = {.rest = raw};
    bool good = true, secret = false, hub = false;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            good = secret = take_exactly(&p, out->secret, sizeof out->secret);
            break;
        case 2:
            good = hub = take_exactly(&p, out->hub, sizeof out->hub);
            break;
        case 3:
            pb_read_hash(&p, &out->policy_root);
            break;
        case 4:
            good = take_areas(&p, out->areas, &out->area_count);
            break;
        case 5:
            out->expires = p.number;
            break;
        default:
            break;
        }
    }
    return good && !p.bad && secret && hub ? 0 : WIRE_BROKEN;
}

bool enrol_token_parse(struct bytes text, struct enrol_token *out) {
    uint8_t raw[TOKEN_BYTES];
    size_t len = 0, head = sizeof token_prefix - 1;
    memset(out, 0, sizeof *out);
    bool good = text.len > head && memcmp(text.at, token_prefix, head) == 0 &&
                sodium_base642bin(
                    raw, sizeof raw, (const char *)text.at + head, text.len - head, NULL, &len, NULL,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
                len > CHECK;
    if (good) {
        struct hash h = hash_of(bytes_of(raw, len - CHECK));
        good = memcmp(h.b, raw + len - CHECK, CHECK) == 0 && enrol_token_unpack(bytes_of(raw, len - CHECK), out) == 0;
    }
    sodium_memzero(raw, sizeof raw);
    return good;
}

/* ---- messages */

void enrol_ask_pack(const struct enrol_ask *a, struct buffer *out) {
    pb_uint(out, 1, a->version);
    pb_bytes(out, 2, bytes_of(a->secret, sizeof a->secret));
    pb_bytes(out, 3, bytes_text(a->public));
    pb_hash(out, 4, &a->policy_root);
    pb_bytes(out, 5, bytes_of(a->signature, sizeof a->signature));
}

int enrol_ask_unpack(struct bytes frame, struct enrol_ask *out) {
    struct pb p = {.rest = frame};
    bool good = true, secret = false;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->version = pb_read_u32(&p);
            if (!p.bad && out->version > ENROL_VERSION)
                return WIRE_NEWER;
            break;
        case 2:
            good = secret = take_exactly(&p, out->secret, sizeof out->secret);
            break;
        case 3:
            good = take_text(&p, out->public, sizeof out->public);
            break;
        case 4:
            pb_read_hash(&p, &out->policy_root);
            break;
        case 5:
            good = take_exactly(&p, out->signature, sizeof out->signature);
            break;
        default:
            break;
        }
    }
    return good && !p.bad && secret && out->version > 0 ? 0 : WIRE_BROKEN;
}

void enrol_ask_signed(const struct enrol_ask *a, const uint8_t hub[ENROL_KEY], struct buffer *out) {
    struct hash secret = hash_of(bytes_of(a->secret, sizeof a->secret));
    buffer_text(out, "anju enrol 1\n");
    buffer_add(out, bytes_of(hub, ENROL_KEY));
    buffer_add(out, bytes_of(secret.b, sizeof secret.b));
    buffer_text(out, a->public);
}

void enrol_answer_pack(const struct enrol_answer *a, struct buffer *out) {
    pb_uint(out, 1, a->outcome);
    pb_uint(out, 2, a->retry_after_ms);
    pb_bytes(out, 3, a->file);
}

int enrol_answer_unpack(struct bytes frame, struct enrol_answer *out) {
    struct pb p = {.rest = frame};
    memset(out, 0, sizeof *out);
    while (pb_next(&p)) {
        switch (p.field) {
        case 1:
            out->outcome = pb_read_u32(&p);
            break;
        case 2:
            out->retry_after_ms = pb_read_u32(&p);
            break;
        case 3:
            out->file = p.bytes;
            break;
        default:
            break;
        }
    }
    return p.bad || out->outcome == 0 ? WIRE_BROKEN : 0;
}

/* ---- what the hub keeps */

void enrol_entry_pack(const struct enrol_entry *e, struct buffer *out) {
    wire_areas_pack(1, e->areas, e->area_count, out);
    pb_bytes(out, 2, bytes_text(e->name));
    pb_uint(out, 3, e->made);
    pb_uint(out, 4, e->expires);
    pb_uint(out, 5, e->automatic);
    pb_uint(out, 6, e->revoked);
    pb_uint(out, 7, e->rejected);
    pb_bytes(out, 8, bytes_text(e->public));
    pb_uint(out, 9, e->claimed);
    pb_uint(out, 10, e->node);
    if (e->names_hub)
        pb_bytes(out, 11, bytes_of(e->hub, sizeof e->hub));
}

int enrol_entry_unpack(struct bytes stored, struct enrol_entry *out) {
    struct pb p = {.rest = stored};
    bool good = true;
    memset(out, 0, sizeof *out);
    while (good && pb_next(&p)) {
        switch (p.field) {
        case 1:
            good = take_areas(&p, out->areas, &out->area_count);
            break;
        case 2:
            good = take_text(&p, out->name, sizeof out->name);
            break;
        case 3:
            out->made = p.number;
            break;
        case 4:
            out->expires = p.number;
            break;
        case 5:
            out->automatic = p.number != 0;
            break;
        case 6:
            out->revoked = p.number != 0;
            break;
        case 7:
            out->rejected = p.number != 0;
            break;
        case 8:
            good = take_text(&p, out->public, sizeof out->public);
            break;
        case 9:
            out->claimed = p.number;
            break;
        case 10:
            out->node = pb_read_u32(&p);
            break;
        case 11:
            out->names_hub = good = p.bytes.len == sizeof out->hub;
            if (good)
                memcpy(out->hub, p.bytes.at, sizeof out->hub);
            break;
        default:
            break;
        }
    }
    return good && !p.bad && out->area_count > 0 ? 0 : WIRE_BROKEN;
}

/* ---- the short code */

void enrol_code(
    const uint8_t hub[ENROL_KEY], const struct hash *policy_root, const struct hash *secret_hash, const char *public_text,
    char out[ENROL_CODE_TEXT]) {
    struct buffer b = {0};
    buffer_text(&b, "anju enrol code 1\n");
    buffer_add(&b, bytes_of(hub, ENROL_KEY));
    buffer_add(&b, bytes_of(policy_root->b, sizeof policy_root->b));
    buffer_add(&b, bytes_of(secret_hash->b, sizeof secret_hash->b));
    buffer_text(&b, public_text);
    struct hash h = hash_of(buffer_bytes(&b));
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | h.b[i];
    for (size_t i = 0; i + 1 < ENROL_CODE_TEXT; i++) {
        if (i % 5 == 4) {
            out[i] = '-';
            continue;
        }
        out[i] = code_letters[bits >> 59];
        bits <<= 5;
    }
    out[ENROL_CODE_TEXT - 1] = '\0';
    buffer_close(&b);
}

bool enrol_code_parse(const char *text, char out[ENROL_CODE_TEXT]) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        char c = (char)toupper((unsigned char)*text);
        if (c == '-' || c == ' ')
            continue;
        if (c == 'O')
            c = '0';
        if (c == 'I' || c == 'L')
            c = '1';
        if (strchr(code_letters, c) == NULL || n == ENROL_CODE_TEXT - 1)
            return false;
        if (n % 5 == 4)
            out[n++] = '-';
        out[n++] = c;
    }
    out[n] = '\0';
    return n == ENROL_CODE_TEXT - 1;
}
