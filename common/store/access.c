#include "common/store/access.h"

#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <string.h>

const char *access_action_name(uint32_t action) {
    static const char *const names[] = {"", "read", "search", "export", "history", "refused", "log"};
    return action > 0 && action < sizeof names / sizeof *names ? names[action] : "?";
}

/* The number of the next entry of this millisecond. */
static uint32_t next_of(struct txn *t, unsigned tree, wall_ms at) {
    struct key after = key_access(at + 1, 0);
    struct bytes key, value;
    uint32_t n = 0;
    struct scan *c = scan_open(t, tree);
    if (scan_before(c, key_bytes(&after), &key, &value)) {
        struct reader r = {.rest = key};
        uint64_t its = reader_u64be(&r);
        uint32_t last = reader_u32be(&r);
        n = !r.bad && its == at ? last + 1 : 0;
    }
    scan_close(c);
    return n;
}

void access_add(struct txn *t, unsigned tree, const struct access_entry *entries, size_t count) {
    CLEANUP(buffer_close) struct buffer b = {0};
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct access_entry *e = &entries[i];
        n = i > 0 && entries[i - 1].at == e->at ? n + 1 : next_of(t, tree, e->at);
        struct key k = key_access(e->at, n);
        buffer_clear(&b);
        buffer_add(&b, bytes_of(e->actor.b, sizeof e->actor.b));
        buffer_u32be(&b, e->purpose);
        buffer_u32be(&b, e->type);
        buffer_add(&b, bytes_of(e->record.b, sizeof e->record.b));
        buffer_u32be(&b, e->action);
        if (!id_zero(&e->case_id))
            buffer_add(&b, bytes_of(e->case_id.b, sizeof e->case_id.b));
        envelope_put(t, tree, key_bytes(&k), buffer_bytes(&b));
    }
}

int access_each(struct txn *t, unsigned tree, int (*each)(void *owner, const struct access_entry *e), void *owner) {
    struct bytes at, value, sound;
    int r = 0;
    struct scan *c = scan_open(t, tree);
    for (bool more = scan_from(c, (struct bytes){NULL, 0}, &at, &value); more && r == 0; more = scan_next(c, &at, &value)) {
        struct reader key = {.rest = at};
        struct access_entry e = {.at = reader_u64be(&key)};
        if (envelope_open(tree, at, value, &sound) != 0)
            continue;
        struct reader in = {.rest = sound};
        struct bytes actor = reader_take(&in, sizeof e.actor.b);
        e.purpose = reader_u32be(&in);
        e.type = reader_u32be(&in);
        struct bytes record = reader_take(&in, sizeof e.record.b);
        e.action = reader_u32be(&in);
        if (in.bad)
            continue;
        memcpy(e.actor.b, actor.at, sizeof e.actor.b);
        memcpy(e.record.b, record.at, sizeof e.record.b);
        if (in.rest.len >= sizeof e.case_id.b)
            memcpy(e.case_id.b, in.rest.at, sizeof e.case_id.b);
        r = each(owner, &e);
    }
    scan_close(c);
    return r;
}
