/* Does to the store of a stopped node what no daemon would.
 *
 *   corrupt STORE-FOLDER
 *       changes one stored value, with a checksum that holds: what a bug in merging would leave behind
 *   corrupt --newer STORE-FOLDER
 *       makes it a store of the next format: what a daemon finds after a roll-back of the program
 *   corrupt --log STORE-FOLDER
 *   corrupt --meta WORD STORE-FOLDER
 *       flips a bit in the newest change of its log, or in what meta keeps under a word: what a failing disk leaves
 *   corrupt --hub STATE-FOLDER
 *       the same in a record of the hub's state that a clerk wrote; prints its id
 *   corrupt --tree TREE STORE-FOLDER
 *       the same in the last value of a tree of the store, which is a node's (`store`) or one of the hub's (`log`, `state`, `own`)
 *   corrupt --said LOG-FOLDER
 *       puts other words into the newest push of the hub's log, with chain and checksum that hold: what somebody who may write there does
 */
#include "common/model/value.h"
#include "common/store/envelope.h"
#include "common/store/hub_log.h"
#include "common/store/layout.h"
#include "common/store/node_parts.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <string.h>

struct picked {
    struct arena arena;
    struct record record;
    bool found;
};

/* The first record of a clerk with a text of its own. */
static int pick(void *owner, const struct record *r, bool pending) {
    struct picked *p = owner;
    (void)pending;
    if (p->found || r->type < 16)
        return 0;
    for (size_t i = 0; i < r->field_count; i++) {
        struct value v;
        const struct head *h = field_winner(&r->fields[i]);
        if (r->fields[i].number < FIELD_OWN || h == NULL || !value_unpack(h->value, &v) || v.kind != VALUE_TEXT || v.text.len == 0)
            continue;
        p->record = record_copy(r, &p->arena);
        p->found = true;
        return 0;
    }
    return 0;
}

static int make_newer(const char *folder) {
    struct store_shape next = shape_node;
    struct store *s;
    next.format++;
    if (store_open_lmdb(folder, &next, test_seal_of(folder), 0, &s) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened\n");
        return 1;
    }
    store_close(s);
    printf("of format %u now\n", next.format);
    return 0;
}

/* In the newest change, or in a value of meta. */
static int flip(const char *folder, const char *word) {
    struct buffer k = {0}, v = {0};
    struct bytes key, value;
    struct key meta = key_word(word == NULL ? "" : word);
    unsigned tree = word == NULL ? NODE_LOG : NODE_META;
    struct store *s;
    struct txn *t;
    if (store_open_lmdb(folder, &shape_node, test_seal_of(folder), 0, &s) != 0 || store_write(s, &t) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened\n");
        return 1;
    }
    struct scan *c = scan_open(t, tree);
    bool there = word == NULL ? scan_last(c, &key, &value) : scan_from(c, key_bytes(&meta), &key, &value) && key_starts(key, &meta);
    if (there) {
        buffer_add(&k, key);
        buffer_add(&v, value);
        v.at[v.len - 1] ^= 1;
        txn_put(t, tree, buffer_bytes(&k), buffer_bytes(&v));
    }
    scan_close(c);
    int r = txn_commit(t);
    store_close(s);
    buffer_close(&k);
    buffer_close(&v);
    printf("%s\n", there && r == 0 ? "a bit is flipped" : "nothing was changed");
    return there && r == 0 ? 0 : 1;
}

static int flip_in_tree(const char *tree, const char *folder) {
    const char *name = strrchr(folder, '/');
    const struct store_shape *shape = name == NULL                  ? &shape_node
                                      : strcmp(name, "/log") == 0   ? &shape_hub_log
                                      : strcmp(name, "/state") == 0 ? &shape_hub_state
                                      : strcmp(name, "/own") == 0   ? &shape_hub_own
                                                                    : &shape_node;
    struct buffer k = {0}, v = {0};
    struct bytes key, value;
    struct store *s;
    struct txn *t;
    unsigned at = 0;
    while (at < shape->tree_count && strcmp(shape->trees[at], tree) != 0)
        at++;
    if (at == shape->tree_count || store_open_lmdb(folder, shape, test_seal_of(folder), 0, &s) != 0 || store_write(s, &t) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened, or has no such tree\n");
        return 1;
    }
    struct scan *c = scan_open(t, at);
    bool there = scan_last(c, &key, &value);
    struct key sweep = key_word("sweep"); /* the hub writes it again by itself, soon after its start */
    if (there && bytes_equal(key, key_bytes(&sweep)))
        there = scan_before(c, key_bytes(&sweep), &key, &value);
    if (there) {
        buffer_add(&k, key);
        buffer_add(&v, value);
        v.at[v.len / 2] ^= 4;
        txn_put(t, at, buffer_bytes(&k), buffer_bytes(&v));
    }
    scan_close(c);
    int r = txn_commit(t);
    store_close(s);
    buffer_close(&k);
    buffer_close(&v);
    printf("%s\n", there && r == 0 ? "a bit is flipped" : "nothing was changed");
    return there && r == 0 ? 0 : 1;
}

/* The last record: those of the city itself have lower types. */
static int flip_at_hub(const char *folder) {
    struct buffer k = {0}, v = {0};
    struct bytes key, value;
    struct store *s;
    struct txn *t;
    uint32_t type = 0;
    struct id16 id;
    char hex[ID_HEX];
    if (store_open_lmdb(folder, &shape_hub_state, test_seal_of(folder), 0, &s) != 0 || store_write(s, &t) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened\n");
        return 1;
    }
    struct scan *c = scan_open(t, HUB_RECORDS);
    bool on = scan_last(c, &key, &value);
    while (on && !key_record_read(key, &type, &id)) { /* its history lies behind it */
        buffer_clear(&k);
        buffer_add(&k, key);
        on = scan_before(c, buffer_bytes(&k), &key, &value);
    }
    if (on) {
        buffer_clear(&k);
        buffer_add(&k, key);
        buffer_add(&v, value);
        v.at[v.len - 1] ^= 1;
        txn_put(t, HUB_RECORDS, buffer_bytes(&k), buffer_bytes(&v));
    }
    scan_close(c);
    int r = txn_commit(t);
    store_close(s);
    buffer_close(&k);
    buffer_close(&v);
    if (!on || r != 0 || type < 16)
        return 1;
    printf("%s\n", id_hex(&id, hex));
    return 0;
}

/* Its changes for another purpose: a chain can be made anew, a signature cannot. */
static int say_other(const char *folder) {
    struct buffer raw = {0}, other = {0}, body = {0}, packed = {0};
    struct hub_log_place place;
    struct log_entry e;
    struct bytes c;
    struct store *s;
    struct txn *t;
    if (store_open_lmdb(folder, &shape_hub_log, test_seal_of(folder), 0, &s) != 0 || store_write(s, &t) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened\n");
        return 1;
    }
    bool good = hub_log_place(t, &place) && hub_log_read(t, place.last, &e) == 0 && wire_batch_open(e.body, &raw) == 0;
    if (good) {
        struct reader r = {.rest = buffer_bytes(&raw)};
        e.after = e.before;
        while (wire_batch_next(&r, &c)) {
            struct arena a = {.cap = LIMIT_DECODE_BYTES};
            struct change said;
            buffer_clear(&packed);
            good = good && wire_change_unpack(c, &a, &said) == 0;
            if (good) {
                said.purpose++;
                wire_change_pack(&said, &packed);
                e.after = wire_chain(&e.after, buffer_bytes(&packed));
                wire_batch_add(&other, buffer_bytes(&packed));
            }
            arena_close(&a);
        }
        struct key k = key_u64(place.last);
        good = good && wire_batch_seal(buffer_bytes(&other), &body) == 0;
        e.body = buffer_bytes(&body);
        buffer_clear(&packed);
        wire_log_entry_pack(&e, &packed);
        if (good)
            envelope_put(t, HUB_LOG_ENTRIES, key_bytes(&k), buffer_bytes(&packed));
    }
    int r = txn_commit(t);
    store_close(s);
    buffer_close(&raw);
    buffer_close(&other);
    buffer_close(&body);
    buffer_close(&packed);
    printf("%s\n", good && r == 0 ? "the last push says something else" : "nothing was changed");
    return good && r == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct store *s;
    struct txn *t;
    struct picked p = {.found = false};
    if (argc == 3 && strcmp(argv[1], "--newer") == 0)
        return make_newer(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--hub") == 0)
        return flip_at_hub(argv[2]);
    if (argc == 4 && strcmp(argv[1], "--tree") == 0)
        return flip_in_tree(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "--said") == 0)
        return say_other(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--log") == 0)
        return flip(argv[2], NULL);
    if (argc == 4 && strcmp(argv[1], "--meta") == 0)
        return flip(argv[3], argv[2]);
    if (argc != 2 || store_open_lmdb(argv[1], &shape_node, test_seal_of(argv[1]), 0, &s) != 0 || store_write(s, &t) != 0) {
        fprintf(stderr, "corrupt: the store cannot be opened\n");
        return 1;
    }
    node_records(t, 0, true, pick, &p);
    for (size_t i = 0; p.found && i < p.record.field_count; i++) {
        struct field *f = &p.record.fields[i];
        struct buffer b = {0};
        if (f->number < FIELD_OWN || f->head_count == 0)
            continue;
        value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES("not what the clerk wrote")}, &b);
        f->heads[f->head_count - 1].value = arena_copy(&p.arena, buffer_bytes(&b));
        buffer_close(&b);
        break;
    }
    if (p.found) { /* past base_put, which would keep the digests true */
        struct buffer b = {0};
        struct key k = key_record(p.record.type, &p.record.id);
        wire_record_pack(&p.record, RECORD_BASE, &b);
        envelope_put(t, NODE_BASE, key_bytes(&k), buffer_bytes(&b));
        buffer_close(&b);
    }
    int r = txn_commit(t);
    store_close(s);
    arena_close(&p.arena);
    printf("%s\n", p.found && r == 0 ? "one value is another now" : "nothing was changed");
    return p.found && r == 0 ? 0 : 1;
}
