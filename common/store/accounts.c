#include "common/store/accounts.h"

#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <string.h>

enum { META = 0, FORM = 1 };

bool account_name_good(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len < ACCOUNT_NAME_TEXT && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static struct key key_account(const struct id16 *id) {
    struct key k = key_word("account");
    memcpy(k.b + k.len, id->b, ACCOUNT_ID_BYTES);
    k.len += ACCOUNT_ID_BYTES;
    return k;
}

static void put_text(struct buffer *b, const char *text) {
    buffer_u16be(b, (uint16_t)strlen(text));
    buffer_text(b, text);
}

static bool take_text(struct reader *in, char *out, size_t room) {
    struct bytes text = reader_take(in, reader_u16be(in));
    if (in->bad || text.len >= room)
        return false;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

void account_put(struct txn *t, const struct id16 *id, const struct account *a) {
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_account(id);
    buffer_u8(&b, FORM);
    put_text(&b, a->name);
    put_text(&b, a->hash);
    buffer_u64be(&b, a->made);
    buffer_u64be(&b, a->changed);
    envelope_put(t, META, key_bytes(&k), buffer_bytes(&b));
}

void account_drop(struct txn *t, const struct id16 *id) {
    struct key k = key_account(id);
    txn_delete(t, META, key_bytes(&k));
}

/* What a later version adds behind these is not looked at. */
static bool unpack(struct bytes value, struct account *a) {
    struct reader in = {.rest = value};
    if (reader_u8(&in) != FORM || !take_text(&in, a->name, sizeof a->name) || !take_text(&in, a->hash, sizeof a->hash))
        return false;
    a->made = reader_u64be(&in);
    a->changed = reader_u64be(&in);
    return !in.bad && account_name_good(a->name);
}

size_t account_each(struct txn *t, void (*each)(void *owner, const struct id16 *id, const struct account *a), void *owner) {
    struct key first = key_word("account");
    struct bytes at, stored, value;
    size_t damaged = 0;
    struct scan *c = scan_open(t, META);
    for (bool on = scan_from(c, key_bytes(&first), &at, &stored); on && key_starts(at, &first); on = scan_next(c, &at, &stored)) {
        struct account a = {.made = 0};
        struct id16 id;
        if (at.len != first.len + ACCOUNT_ID_BYTES || envelope_open(t, META, at, stored, &value) != 0 || !unpack(value, &a)) {
            damaged++;
            continue;
        }
        memcpy(id.b, at.at + first.len, ACCOUNT_ID_BYTES);
        each(owner, &id, &a);
    }
    scan_close(c);
    return damaged;
}
