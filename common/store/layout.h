/* Where everything lies. Keys are made here and nowhere else; all numbers in keys are big-endian, so that byte order is their order. Every
 * value lies sealed in an envelope (envelope.h), also one that says nothing: a flipped bit of its key is found by it. Keys are not sealed:
 * they hold ids, numbers, areas and times, never a name or a value.
 *
 * Sealed under the store key, but for: `own` = a key of its own, wrapped beside it; `record` = the own key of the record before it; `day` =
 * the key of its day, which lies in meta under "day" | day u32 | copy u8 until the last of that day is trimmed. So one wrapped key is all
 * that opens a record with its history at the hub; a base, a view and a held change have one each, since nothing else lies under them.
 *
 *   hub-log      (appended and fsynced before any acknowledgement)
 *     meta       "life" -> id16 of this log's life, "last" is found by scan
 *     entries    position u64                                   -> log entry                                                    (day)
 *     nodes      node u32                                       -> accepted lives, current incarnation, nonces
 *
 *   hub-state    (a fold over the log; lost or torn, it is made again from it)
 *     meta       "at" -> log life, position, hub_seq, highest hlc, counters; "epochs" -> list of (epoch, first hub_seq);
 *                "sweep" -> the row at which the sweep goes on; "restored" -> the next start begins a new epoch;
 *                "search", "bytes" -> what orders to erase leave to be done; "rules" -> type u32 | field u32 | what offices may
 *                do with it u8, sorted
 *     records    type u32 | id 16                               -> aside, record   (its history lies behind it)                   (own)
 *                type u32 | id 16 | node u32 | tag u64          -> history entry                                                (record)
 *     rows       area u64 | hub_seq u64                         -> type, id        (stale when it is not the record's row in that area)
 *     verdicts   node u32 | hub_seq u64                         -> incarnation, seq, verdict
 *     held       node u32 | incarnation 16 | seq u64            -> quarantined change                                           (own)
 *     waiting    type u32 | id 16 | node u32 | incarnation | seq -> name, verdict   (held changes of a record: those that wait for scope
 *                are tried again when its areas grow; those that a later change replaces give it their names)
 *     nodes      node u32                                       -> merged lives with chain hash, areas served, counters
 *     digests    area u64                                       -> digest
 *     erased     type u32 | id 16                               -> the order by which the record is erased for ever
 *     erasures   hub_seq u64                                    -> packed change of an order to erase
 *
 *   hub-own      (the hub's own changes, a second home that a restore replays; and who looked at what there)
 *     entries    seq u64                                        -> packed change                                                (day)
 *     meta       "life" -> incarnation of writer 0; "backup" | n u64 -> a backup that a restore may use (hub_kept.h); "audit" -> life of
 *                the audit log, what was trimmed of it; "signers" -> public keys that its heads were signed with;
 *                "moved" | node u32 -> the hub's next key, by which that node was heard last while keys changed;
 *                "retention" -> when retention ran last, and what it did;
 *                "account" | hash of its name 16 -> an account that may log in at the page (accounts.h)
 *     audit      n of its first entry u64                       -> block of the audit log (audit.h): what operators looked at and ordered
 *     heads      node u32 | day u32                             -> last head of that node's audit log on that day
 *     tokens     BLAKE2b of the secret 32                       -> enrolment token: areas, who used it (nothing to replay)
 *     erasures   id 16 of an order                              -> whom it erases, why, by which legal order
 *                node u32                                       -> how far its office says that it carried orders out
 *
 *   node         (log and state change in one transaction)
 *     meta       "progress", "enrolment", "scrub"; "tail" | incarnation -> seq, chain hash; "lost" | incarnation | seq -> when;
 *                "backup" -> when and where the last was made; "audit", "signers" as at the hub
 *     log        incarnation 16 | seq u64                       -> chain hash after it, saved at, packed change                  (day)
 *     base       type u32 | id 16                               -> record as the hub sent it                                    (own)
 *     view       type u32 | id 16                               -> base + pending changes; only while some are pending          (own)
 *     pending    type u32 | id 16 | hlc u64 | incarnation | seq -> nothing
 *     held       incarnation 16 | seq u64                       -> verdict
 *     digests    area u64                                       -> digest of the base
 *     audit      n of its first entry u64                       -> block of the audit log
 *     heads      0 u32 | day u32                                -> last head of the hub's audit log on that day
 *     erased     type u32 | id 16                               -> the order by which the record is erased for ever
 *     erasures   tag u64 of the order's change                  -> its row, the packed change
 *     book       id 16 of a policy's record                     -> what this office took up of it, or why not (node_book.h)
 */
#pragma once

#include "common/model/record.h"
#include "common/store/store.h"

enum hub_log_tree { HUB_LOG_META, HUB_LOG_ENTRIES, HUB_LOG_NODES, HUB_LOG_TREES };
enum hub_state_tree {
    HUB_META,
    HUB_RECORDS,
    HUB_ROWS,
    HUB_VERDICTS,
    HUB_HELD,
    HUB_WAITING,
    HUB_NODES,
    HUB_DIGESTS,
    HUB_ERASED,
    HUB_ERASURES,
    HUB_STATE_TREES,
};
enum hub_own_tree { HUB_OWN_META, HUB_OWN_ENTRIES, HUB_OWN_AUDIT, HUB_OWN_TOKENS, HUB_OWN_HEADS, HUB_OWN_ERASURES, HUB_OWN_TREES };
enum node_tree {
    NODE_META,
    NODE_LOG,
    NODE_BASE,
    NODE_VIEW,
    NODE_PENDING,
    NODE_HELD,
    NODE_DIGESTS,
    NODE_AUDIT,
    NODE_HEADS,
    NODE_ERASED,
    NODE_ERASURES,
    NODE_BOOK,
    NODE_TREES,
};

extern const struct store_shape shape_hub_log, shape_hub_state, shape_hub_own, shape_node;

/* A key under construction; big enough for every key above. */
struct key {
    uint8_t b[96];
    size_t len;
};

struct bytes key_bytes(const struct key *k); /* borrows k */
struct key key_u32(uint32_t v);
struct key key_u64(uint64_t v);
struct key key_word(const char *word);
struct key key_record(uint32_t type, const struct id16 *id);
struct key key_history(uint32_t type, const struct id16 *id, struct name name);
struct key key_row(area a, uint64_t hub_seq);
struct key key_verdict(uint32_t node, uint64_t hub_seq);
struct key key_held(uint32_t node, const struct id16 *incarnation, uint64_t seq); /* at the hub */
struct key key_waiting(uint32_t type, const struct id16 *id, uint32_t node, const struct id16 *incarnation, uint64_t seq);
struct key key_log(const struct id16 *incarnation, uint64_t seq); /* a node's log, and its held */
struct key key_pending(uint32_t type, const struct id16 *id, uint64_t hlc, const struct id16 *incarnation, uint64_t seq);
struct key key_head(uint32_t node, uint32_t day);
struct key key_token(const struct hash *secret_hash);
struct key key_moved(uint32_t node);
struct key key_said(uint32_t node);

/* Readers of the same keys; false when the length does not fit. */
bool key_record_read(struct bytes key, uint32_t *type, struct id16 *id); /* exactly a record's, not a history's */
bool key_history_read(struct bytes key, uint32_t *type, struct id16 *id, struct name *name);
bool key_row_read(struct bytes key, area *a, uint64_t *hub_seq);
bool key_verdict_read(struct bytes key, uint32_t *node, uint64_t *hub_seq);
bool key_held_read(struct bytes key, uint32_t *node, struct id16 *incarnation, uint64_t *seq);
bool key_waiting_read(struct bytes key, uint32_t *type, struct id16 *id, uint32_t *node, struct id16 *incarnation, uint64_t *seq);
bool key_log_read(struct bytes key, struct id16 *incarnation, uint64_t *seq);
bool key_pending_read(struct bytes key, uint32_t *type, struct id16 *id, uint64_t *hlc, struct id16 *incarnation, uint64_t *seq);
bool key_token_read(struct bytes key, struct hash *secret_hash);
bool key_head_read(struct bytes key, uint32_t *node, uint32_t *day);
bool key_starts(struct bytes key, const struct key *prefix);
