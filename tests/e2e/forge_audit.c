/* Does to the audit log of a stopped daemon what somebody would who may write its store and knows its form.
 *
 *   forge_audit cut STORE N           the log ends with entry N, and all its hashes fit
 *   forge_audit rewrite STORE N       entry N has another actor, and all hashes after it are made to fit
 *   forge_audit clumsy STORE N        the same, but the hashes stay as they were
 *   forge_audit all STORE             nothing is left of it
 *
 * STORE: a node's folder `store`, or the hub's `own`. */
#include "common/store/audit.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct forging {
    struct txn *t;
    const struct audit_place *in;
    uint64_t n;
    bool cut, clumsy;
    struct hash chain; /* after what was written so far */
    bool begun;
};

static int die(const char *what) {
    fprintf(stderr, "forge_audit: %s\n", what);
    return 1;
}

static bool forge_block(struct forging *f, uint64_t first, struct audit_block *b, struct buffer *raw, struct buffer *out) {
    struct buffer packed = {0};
    struct reader r = {.rest = buffer_bytes(raw)};
    struct bytes one;
    uint64_t at = first;
    if (f->begun)
        b->before = f->chain;
    f->chain = b->before;
    for (; wire_batch_next(&r, &one) && !(f->cut && at > f->n); at++) {
        struct audit_entry e;
        if (wire_audit_entry_unpack(one, &e) != 0)
            return false;
        if (at == f->n && !f->cut)
            memset(e.actor.b, 0x5a, sizeof e.actor.b);
        buffer_clear(&packed);
        wire_audit_entry_pack(&e, &packed);
        wire_batch_add(out, buffer_bytes(&packed));
        f->chain = wire_chain(&f->chain, buffer_bytes(&packed));
    }
    buffer_close(&packed);
    b->count = (uint32_t)(at - first);
    b->packed = b->packed && b->count > 0 && !f->cut;
    if (!f->clumsy) {
        b->after = f->chain;
        f->begun = true;
    }
    return true;
}

static int forge(struct forging *f, struct bytes key, struct bytes stored) {
    struct buffer raw = {0}, out = {0}, body = {0}, value = {0}, kept = {0};
    struct audit_block b;
    struct bytes sound;
    struct reader r = {.rest = key};
    uint64_t first = reader_u64be(&r);
    struct key k = key_u64(first);
    int bad = 0;
    if (envelope_open(f->t, f->in->entries, key, stored, &sound) != 0)
        return die("a block is damaged already");
    buffer_add(&kept, sound);
    if (wire_audit_block_unpack(buffer_bytes(&kept), &b) != 0)
        bad = die("a block cannot be read");
    else if (b.packed)
        bad = wire_batch_open(b.body, &raw);
    else
        buffer_add(&raw, b.body);
    if (bad == 0 && f->cut && first > f->n) {
        txn_delete(f->t, f->in->entries, key_bytes(&k));
    } else if (bad == 0 && forge_block(f, first, &b, &raw, &out)) {
        if (b.packed && wire_batch_seal(buffer_bytes(&out), &body) != 0)
            bad = die("it cannot be compressed");
        b.body = b.packed ? buffer_bytes(&body) : buffer_bytes(&out);
        wire_audit_block_pack(&b, &value);
        envelope_put(f->t, f->in->entries, key_bytes(&k), buffer_bytes(&value));
    }
    buffer_close(&raw);
    buffer_close(&out);
    buffer_close(&body);
    buffer_close(&value);
    buffer_close(&kept);
    return bad;
}

int main(int argc, char **argv) {
    struct forging f = {.n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0};
    struct store *s;
    struct bytes at, stored;
    if (argc < 3)
        return die("cut|rewrite|clumsy|all STORE [N]");
    bool hub = strlen(argv[2]) > 4 && strcmp(argv[2] + strlen(argv[2]) - 4, "/own") == 0;
    f.in = hub ? &audit_hub : &audit_node;
    f.cut = strcmp(argv[1], "cut") == 0;
    f.clumsy = strcmp(argv[1], "clumsy") == 0;
    if (store_open_lmdb(argv[2], hub ? &shape_hub_own : &shape_node, test_seal_of(argv[2]), 0, &s) != 0 || store_write(s, &f.t) != 0)
        return die("the store cannot be opened");
    int bad = 0;
    if (strcmp(argv[1], "all") == 0) {
        struct key k = key_word("audit");
        txn_clear(f.t, f.in->entries);
        txn_clear(f.t, f.in->heads);
        txn_delete(f.t, f.in->meta, key_bytes(&k));
    } else {
        struct scan *c = scan_open(f.t, f.in->entries);
        for (bool on = scan_from(c, (struct bytes){NULL, 0}, &at, &stored); on && bad == 0; on = scan_next(c, &at, &stored))
            bad = forge(&f, at, stored);
        scan_close(c);
    }
    bad = txn_commit(f.t) != 0 || bad;
    store_close(s);
    printf("%s\n", bad ? "nothing was changed" : "forged");
    return bad;
}
