/* The stored forms of the audit log (proto/stored.proto). */
#pragma once

#include "common/model/audit.h"
#include "common/wire/wire.h"

/* n is not written. The bytes are canonical: one entry has one form, and the chain is over it. */
void wire_audit_entry_pack(const struct audit_entry *e, struct buffer *out);
int wire_audit_entry_unpack(struct bytes packed, struct audit_entry *out); /* + WIRE_BROKEN; the note points into `packed` */

/* A stretch of entries in one stored value: framed as the changes of a push are (wire_batch_add). */
struct audit_block {
    uint32_t count;
    struct hash before, after;
    wall_ms from, to;
    struct bytes body; /* borrows */
    bool packed;       /* a zstd frame */
    uint64_t behind;   /* not packed: so many entries before it are in blocks that are not either */
};
void wire_audit_block_pack(const struct audit_block *b, struct buffer *out);
int wire_audit_block_unpack(struct bytes stored, struct audit_block *out); /* + WIRE_BROKEN; the body points into `stored` */

struct audit_log {
    struct id16 life;
    uint64_t trimmed; /* at most INT64_MAX */
    struct hash trimmed_hash;
};
void wire_audit_log_pack(const struct audit_log *l, struct buffer *out);
int wire_audit_log_unpack(struct bytes stored, struct audit_log *out); /* + WIRE_BROKEN */

void wire_audit_kept_pack(const struct audit_kept *k, struct buffer *out);
int wire_audit_kept_unpack(struct bytes stored, struct audit_kept *out); /* + WIRE_BROKEN */
