#include "common/store/node_book.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "common/wire/wire.h"

#include <string.h>

enum { FORM = 1 };

void book_put(struct txn *t, const struct book_entry *e) {
    CLEANUP(buffer_close) struct buffer b = {0}, record = {0};
    buffer_u8(&b, FORM);
    buffer_u8(&b, e->taken);
    buffer_u8(&b, (uint8_t)e->fault);
    buffer_add(&b, bytes_of(e->seen.b, sizeof e->seen.b));
    buffer_u64be(&b, e->at);
    if (e->taken)
        wire_record_pack(&e->record, RECORD_BASE, &record);
    buffer_u32be(&b, (uint32_t)record.len);
    buffer_add(&b, buffer_bytes(&record));
    if (e->taken)
        buffer_add(&b, e->body);
    envelope_put(t, NODE_BOOK, bytes_of(e->id.b, sizeof e->id.b), buffer_bytes(&b));
}

static bool read_entry(struct bytes at, struct bytes value, struct arena *a, struct book_entry *out) {
    struct reader in = {.rest = value};
    memset(out, 0, sizeof *out);
    if (at.len != sizeof out->id.b || reader_u8(&in) != FORM)
        return false;
    memcpy(out->id.b, at.at, sizeof out->id.b);
    out->taken = reader_u8(&in) == 1;
    out->fault = reader_u8(&in);
    struct bytes seen = reader_take(&in, sizeof out->seen.b);
    out->at = reader_u64be(&in);
    struct bytes record = reader_take(&in, reader_u32be(&in));
    if (in.bad)
        return false;
    memcpy(out->seen.b, seen.at, sizeof out->seen.b);
    out->body = arena_copy(a, in.rest);
    return !out->taken || wire_record_unpack(arena_copy(a, record), a, &out->record) == 0;
}

bool book_get(struct txn *t, const struct id16 *id, struct arena *a, struct book_entry *out) {
    struct bytes at = bytes_of(id->b, sizeof id->b), value;
    struct arena_mark mark = envelope_mark(t);
    bool there = envelope_get(t, NODE_BOOK, at, &value) == 0 && read_entry(at, value, a, out);
    envelope_release(t, mark);
    return there;
}

int book_each(struct txn *t, struct arena *a, int (*each)(void *owner, const struct book_entry *e), void *owner) {
    struct bytes at, value, sound;
    int r = 0;
    struct arena_mark mark = envelope_mark(t);
    struct scan *c = scan_open(t, NODE_BOOK);
    for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &value); on && r == 0; on = scan_next(c, &at, &value)) {
        struct book_entry e;
        envelope_release(t, mark);
        if (envelope_open(t, NODE_BOOK, at, value, &sound) == 0 && read_entry(at, sound, a, &e))
            r = each(owner, &e);
        else
            log_fact(LOG_ERROR, "node.book_rotten", FACT_HEX("key", at));
    }
    scan_close(c);
    return r;
}
