/* What the city has not got of this office, as a signed file that a person carries to city hall: of a node that may not speak any more. It
 * shows what is personal, so it names actor and purpose and leaves an access-log entry for each record in it. */
#include "common/engine/unsent.h"
#include "node/office.h"

#include "common/base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 128 * 1024 };

struct unsent_ask {
    struct ask ask;
    struct keys keys;
    uint32_t node;
    uint64_t part, at; /* wanted; under way */
    struct buffer text;
    uint64_t changes;
    bool more;
};

static void unsent_free(struct ask *a) {
    struct unsent_ask *u = (struct unsent_ask *)a;
    keys_forget(&u->keys);
    buffer_close(&u->text);
}

static void note_shown(struct unsent_ask *u, struct txn *t, struct bytes raw) {
    struct reader r = {.rest = raw};
    struct bytes packed;
    while (wire_batch_next(&r, &packed)) {
        CLEANUP(arena_close) struct arena arena = {.cap = LIMIT_DECODE_BYTES};
        struct change c;
        struct record shown;
        bool pending;
        if (wire_change_unpack(packed, &arena, &c) != 0)
            continue;
        if (node_record(t, c.type, &c.record, &arena, &shown, &pending) != 0)
            shown = (struct record){.type = c.type, .id = c.record};
        ask_shows(&u->ask, &shown);
    }
}

/* A batch, into the part that is wanted; the parts before it are only passed. */
static bool add_batch(struct unsent_ask *u, struct txn *t, const struct life *l, uint64_t *after, size_t *filled) {
    CLEANUP(buffer_close) struct buffer raw = {0}, body = {0};
    struct push p;
    uint8_t signature[SIGNATURE_BYTES];
    int r = node_batch(t, &l->incarnation, *after, BATCH_BYTES, &p, &raw);
    if (r != 0)
        return false;
    if (wire_batch_seal(buffer_bytes(&raw), &body) != 0)
        return false;
    size_t size = body.len / 3 * 4 + 512;
    if (*filled > 0 && *filled + size > UNSENT_PART_BYTES) {
        *filled = 0;
        u->at++;
    }
    *filled += size;
    *after += p.count;
    if (u->at > u->part) {
        u->more = true;
        return false;
    }
    if (u->at < u->part)
        return true;
    p.body = buffer_bytes(&body);
    push_sign(&u->keys, u->node, &p, signature);
    p.signature = bytes_of(signature, sizeof signature);
    unsent_add(&p, &u->text);
    u->changes += p.count;
    note_shown(u, t, buffer_bytes(&raw));
    return true;
}

static void run_unsent(struct ask *a, struct txn *t) {
    struct unsent_ask *u = (struct unsent_ask *)a;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct buffer hex = {0};
    size_t filled = 0;
    node_progress_get(t, p);
    unsent_begin(u->node, &u->text);
    for (size_t i = 0; i < p->life_count && !u->more; i++) {
        uint64_t after = p->lives[i].acked;
        while (after < p->lives[i].last && add_batch(u, t, &p->lives[i], &after, &filled))
            continue;
        if (after < p->lives[i].last && !u->more)
            ask_fail(a, "conflict", "run `anjuctl verify`", "change %" PRIu64 " of the log cannot be read", after + 1);
    }
    if (a->code == NULL && u->changes == 0)
        ask_fail(
            a, "not_found", "`anjuctl queue` shows what waits",
            u->part > 1 ? "there is no such part" : "the city has all that this office saved");
    unsent_end(&u->keys, &u->text);
    hex_encode(buffer_bytes(&u->text), &hex);
    if (a->code == NULL)
        json_array_append_new(
            a->rows, json_pack(
                         "{s:I, s:I, s:b, s:s, s:s}", "part", (json_int_t)u->part, "changes", (json_int_t)u->changes, "more", u->more,
                         "file_hex", buffer_string(&hex), "next",
                         u->more ? "at city hall: anjuctl node triage FILE; then the next part here: --part N"
                                 : "at city hall: anjuctl node triage FILE"));
    buffer_close(&hex);
    free(p);
}

void cmd_export_unsent(void *owner, struct request *q) {
    struct office *o = owner;
    uint64_t number = 1;
    if (request_has(q, "part") && (!request_number(q, "part", &number) || number == 0)) {
        request_error(q, "bad_request", "which part? they are counted from 1", "--part 2");
        return;
    }
    struct unsent_ask *u = ask_new(o, q, sizeof *u, run_unsent);
    u->ask.free = unsent_free;
    u->ask.one = true;
    u->keys = o->keys;
    u->node = node_engine_who(o->engine)->node;
    u->part = number;
    u->at = 1;
    if (ask_purpose(&u->ask, AUDIT_EXPORT))
        ask_submit(&u->ask);
}
