/* Shows what a record's destroyed key is worth: somebody who kept sealed bytes from before, and who has the daemon's key and the bytes of
 * every file since, looks for the key that opens them.
 *
 *   unseal save FOLDER TYPE ID OUT
 *       FOLDER: a copy of the data folder of a stopped hub or node, the key beside it (FOLDER.seal). Keeps what its store has sealed for
 * the record: the value, its history, views; and each entry of the log that says something of it unseal open FOLDER SAVED FILE… takes every
 * 56 bytes of the files for a wrapped key with its nonce, and tries it on what was saved of the record. Exit 0: one opens, and where it
 * lay; 1: none does unseal find SAVED FILE… looks for the saved bytes themselves, the log's among them. Exit as above */
#include "common/base/file.h"
#include "common/store/envelope.h"
#include "common/store/hub_log.h"
#include "common/store/layout.h"
#include "common/store/node_parts.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILE_MOST = 1 << 28,
    WINDOW = SEAL_NONCE + SEAL_KEY,
    FORMAT_OWN = 3,
    FORMAT_RECORD = 4,
    HEAD = 1 + 4,
    NONCE_AT = HEAD + SEAL_TAG + 2
};

/* A saved item in a file: number of the kind of store, tree, length of the key, the key, length of what is stored (4), that. */
static void save(FILE *out, const struct store_shape *shape, unsigned tree, struct bytes key, struct bytes stored) {
    uint8_t head[3] = {(uint8_t)shape->number, (uint8_t)tree, (uint8_t)key.len};
    uint8_t len[4] = {(uint8_t)(stored.len >> 24), (uint8_t)(stored.len >> 16), (uint8_t)(stored.len >> 8), (uint8_t)stored.len};
    fwrite(head, 1, sizeof head, out);
    fwrite(key.at, 1, key.len, out);
    fwrite(len, 1, sizeof len, out);
    fwrite(stored.at, 1, stored.len, out);
}

struct saving {
    FILE *out;
    uint32_t type;
    struct id16 id;
    unsigned items, entries;
};

static void save_tree(struct saving *s, struct txn *t, const struct store_shape *shape, unsigned tree) {
    struct key prefix = key_record(s->type, &s->id);
    struct bytes key, stored;
    struct scan *c = scan_open(t, tree);
    for (bool on = scan_from(c, key_bytes(&prefix), &key, &stored); on && key_starts(key, &prefix); on = scan_next(c, &key, &stored)) {
        save(s->out, shape, tree, key, stored);
        s->items++;
    }
    scan_close(c);
}

static bool says(const struct saving *s, struct bytes packed) {
    struct arena a = {0};
    struct change c;
    bool it = wire_change_unpack(packed, &a, &c) == 0 && c.type == s->type && id_equal(&c.record, &s->id);
    arena_close(&a);
    return it;
}

static bool batch_says(const struct saving *s, struct bytes body) {
    struct buffer raw = {0};
    struct bytes packed;
    bool it = false;
    if (wire_batch_open(body, &raw) == 0)
        for (struct reader r = {.rest = buffer_bytes(&raw)}; !it && wire_batch_next(&r, &packed);)
            it = says(s, packed);
    buffer_close(&raw);
    return it;
}

static void save_log(struct saving *s, struct txn *t, const struct store_shape *shape, unsigned tree) {
    struct bytes key, stored, value;
    struct scan *c = scan_open(t, tree);
    for (bool on = scan_from(c, BYTES("\0"), &key, &stored); on; on = scan_next(c, &key, &stored)) {
        struct log_entry e;
        if (envelope_open(t, tree, key, stored, &value) != 0)
            continue;
        bool it = shape == &shape_node ? value.len > 40 && says(s, bytes_of(value.at + 40, value.len - 40)) /* hash and time before it */
                                       : wire_log_entry_unpack(value, &e) == 0 && log_changes(e.kind) && batch_says(s, e.body);
        if (it)
            save(s->out, shape, tree, key, stored);
        s->entries += it;
    }
    scan_close(c);
}

static int save_store(struct saving *s, const char *folder, const char *part, const struct store_shape *shape) {
    struct buffer path = {0};
    struct store *store;
    struct stat st;
    struct txn *t;
    buffer_format(&path, "%s/%s", folder, part);
    const char *at = buffer_string(&path);
    int r = stat(at, &st) != 0 ? 1 : store_open_lmdb(at, shape, test_seal_of(at), 0, &store);
    buffer_close(&path);
    if (r != 0)
        return r;
    r = store_read(store, &t);
    if (r == 0) {
        if (shape == &shape_hub_state)
            save_tree(s, t, shape, HUB_RECORDS);
        if (shape == &shape_node) {
            save_tree(s, t, shape, NODE_BASE);
            save_tree(s, t, shape, NODE_VIEW);
            save_log(s, t, shape, NODE_LOG);
        }
        if (shape == &shape_hub_log)
            save_log(s, t, shape, HUB_LOG_ENTRIES);
        txn_abort(t);
    }
    store_close(store);
    return r;
}

static int save_all(const char *folder, const char *type, const char *id, const char *to) {
    struct saving s = {.out = fopen(to, "wbe"), .type = (uint32_t)strtoul(type, NULL, 10)};
    if (s.out == NULL || !id_parse(id, &s.id))
        return 2;
    bool hub = save_store(&s, folder, "state", &shape_hub_state) == 0 && save_store(&s, folder, "log", &shape_hub_log) == 0;
    bool node = !hub && save_store(&s, folder, "store", &shape_node) == 0;
    if (fclose(s.out) != 0 || (!hub && !node))
        return 2;
    printf("%u sealed values of the record, %u entries of the log\n", s.items, s.entries);
    return s.items > 0 ? 0 : 1;
}

/* ---- what was saved */

struct item {
    unsigned store, tree;
    struct bytes key, stored;
};

static bool next_item(struct reader *in, struct item *out) {
    if (in->rest.len == 0)
        return false;
    out->store = reader_u8(in);
    out->tree = reader_u8(in);
    out->key = reader_take(in, reader_u8(in));
    out->stored = reader_take(in, reader_u32be(in));
    return !in->bad;
}

static bool read_file(const char *path, struct buffer *out) {
    struct stat st;
    buffer_clear(out);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && file_read(path, FILE_MOST, out) == 0;
}

/* The value itself, and one line of history at the most: all of that is under the one key. */
static size_t choose(struct bytes saved, struct item *out, size_t room) {
    struct reader in = {.rest = saved};
    struct item i;
    size_t n = 0;
    bool history = false;
    while (next_item(&in, &i) && n < room) {
        unsigned format = i.stored.at[0];
        if (format == FORMAT_OWN || (format == FORMAT_RECORD && !history))
            out[n++] = i;
        history = history || format == FORMAT_RECORD;
    }
    return n;
}

static bool opens(const struct item *i, const struct seal_key *k, uint8_t *room) {
    uint8_t place[4 + STORE_KEY_MAX] = {i->stored.at[0], (uint8_t)i->tree, (uint8_t)(i->key.len >> 8), (uint8_t)i->key.len};
    memcpy(place + 4, i->key.at, i->key.len);
    size_t slot = (size_t)i->stored.at[NONCE_AT - 2] << 8 | i->stored.at[NONCE_AT - 1];
    struct bytes sealed = bytes_of(i->stored.at + NONCE_AT + slot, i->stored.len - NONCE_AT - slot);
    return seal_lift(k, i->stored.at + NONCE_AT, bytes_of(place, 4 + i->key.len), sealed, i->stored.at + HEAD, room);
}

static int open_any(const char *folder, const char *saved_path, char **files, int count) {
    enum { ITEMS = 8 };
    struct buffer saved = {0}, file = {0}, store = {0};
    struct item items[ITEMS];
    size_t tried = 0, n = read_file(saved_path, &saved) ? choose(buffer_bytes(&saved), items, ITEMS) : 0;
    buffer_format(&store, "%s/x", folder);
    const struct seal *seal = test_seal_of(buffer_string(&store));
    uint8_t *room = malloc(FILE_MOST);
    int found = 0;
    if (n == 0 || room == NULL)
        return 2;
    for (int f = 0; f < count && !found; f++) {
        if (!read_file(files[f], &file))
            continue;
        for (size_t at = 0; at + WINDOW <= file.len && !found; at++, tried++)
            for (size_t i = 0; i < n && !found; i++) {
                struct seal_key k;
                seal_wrap(seal_store_key(seal, items[i].store), file.at + at, file.at + at + SEAL_NONCE, k.b);
                found = opens(&items[i], &k, room);
                if (found)
                    printf("a key that opens tree %u lies in %s at %zu\n", items[i].tree, files[f], at);
            }
    }
    if (!found)
        printf("none of %zu windows of %d files opens one of %zu values\n", tried, count, n);
    free(room);
    buffer_close(&store);
    buffer_close(&saved);
    buffer_close(&file);
    return !found;
}

static int find_any(const char *saved_path, char **files, int count) {
    struct buffer saved = {0}, file = {0};
    size_t looked = 0;
    int found = 0;
    if (!read_file(saved_path, &saved))
        return 2;
    for (int f = 0; f < count && !found; f++) {
        struct item i;
        if (!read_file(files[f], &file))
            continue;
        looked += file.len;
        for (struct reader in = {.rest = buffer_bytes(&saved)}; !found && next_item(&in, &i);) {
            const void *at =
                memmem(file.at, file.len, i.stored.at, i.stored.len < 200 ? i.stored.len : 200); /* a page holds so much of it */
            found = at != NULL;
            if (found)
                printf("sealed bytes of tree %u lie in %s\n", i.tree, files[f]);
        }
    }
    if (!found)
        printf("nothing of it in %zu bytes\n", looked);
    buffer_close(&saved);
    buffer_close(&file);
    return !found;
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "save") == 0)
        return save_all(argv[2], argv[3], argv[4], argv[5]);
    if (argc > 4 && strcmp(argv[1], "open") == 0)
        return open_any(argv[2], argv[3], argv + 4, argc - 4);
    if (argc > 3 && strcmp(argv[1], "find") == 0)
        return find_any(argv[2], argv + 3, argc - 3);
    fprintf(stderr, "unseal save FOLDER TYPE ID OUT · unseal open FOLDER SAVED FILE… · unseal find SAVED FILE…\n");
    return 2;
}
