#include "common/store/backup.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/invariant.h"
#include "common/base/key_file.h"
#include "common/base/memory.h"
#include "common/base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    FORM = 1,
    CHUNK = 65536,
    SEALED = CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES,
    MANIFEST_BYTES = 64 << 20,
    RESERVE = 16 << 20
};
static const char key_words[] = "anju-backup-key", part_magic[] = "anju-backup 1\n";

static void free_text(char **text) {
    free(*text);
}
#define TEXT CLEANUP(free_text) char *

static char *join(const char *folder, const char *name, const char *end) {
    struct buffer b = {0};
    buffer_format(&b, "%s/%s%s", folder, name, end);
    char *text = memory_text(buffer_string(&b));
    buffer_close(&b);
    return text;
}

const char *backup_text(int outcome) {
    switch (outcome) {
    case BACKUP_KEY_MISSING:
        return "there is no such key file: --backup-key FILE names the one that the backup was made with";
    case BACKUP_KEY_OPEN:
        return "the backup's key file may be read by others: chmod 600 it";
    case BACKUP_KEY_BROKEN:
        return "this is no key file of a backup, or it is damaged: take the copy that was put away";
    case BACKUP_WRONG_KEY:
        return "it was made with another key: --backup-key FILE names the right one";
    case BACKUP_NONE:
        return "no backup lies there: name the folder DIR/<time> itself";
    case BACKUP_NEWER:
        return "it was made by a newer version: install that one";
    case BACKUP_OTHER:
        return "it belongs to another daemon or another city";
    case BACKUP_TAMPERED:
        return "it is not what was written: damaged or tampered with; take another backup";
    case BACKUP_NO_FOLDER:
        return "the folder for the backups is not there: make it, or mount its disk";
    case BACKUP_DENIED:
        return "no permission to write there, or the disk is mounted read-only: the folder must belong to the daemon's user";
    case BACKUP_THERE:
        return "a backup of this very moment is there: try again";
    case BACKUP_FULL:
        return "no room: the disk of the backups, or the data folder's, where a copy of the largest store lies meanwhile, is full";
    case BACKUP_STOPPED:
        return "it was cancelled, or the daemon is stopping; nothing was kept of it";
    case BACKUP_UNSOUND:
        return "the store does not pass its own check, so this would be no backup: run `anjuctl verify`";
    case BACKUP_NOT_EMPTY:
        return "the data folder is not empty: stop the daemon, move the old folder away and keep it, then name an empty one";
    default:
        return error_text(outcome);
    }
}

/* What a system call said about somebody's disk; outcomes as far as a person can mend them. */
static int said(int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return BACKUP_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return BACKUP_DENIED;
    default:
        return fail(number == 0 ? -EIO : -number);
    }
}

static int sync_path(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd >= 0 && fsync(fd) == 0 ? 0 : said(errno);
    if (fd >= 0)
        close(fd);
    return r;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)s;
    (void)type;
    (void)f;
    return remove(path);
}

int backup_remove(const char *folder) {
    if (nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return said(errno);
}

/* ---- the key */

static int key_result(int r) {
    _Static_assert((int)BACKUP_KEY_MISSING == (int)KEY_FILE_MISSING && (int)BACKUP_KEY_OPEN == (int)KEY_FILE_OPEN, "the same outcomes");
    _Static_assert((int)BACKUP_KEY_BROKEN == (int)KEY_FILE_BROKEN && (int)BACKUP_KEY_BYTES == (int)KEY_FILE_BYTES, "the same outcomes");
    return r >= 0 || r == -EEXIST ? r : said(-r);
}

int backup_key_store(const char *path, const struct backup_key *k) {
    return key_result(key_file_make(path, key_words, k->b));
}

int backup_key_make(const char *path, struct backup_key *out) {
    entropy_fill(out->b, sizeof out->b);
    return backup_key_store(path, out);
}

int backup_key_load(const char *path, struct backup_key *out) {
    return key_result(key_file_load(path, key_words, 077, out->b));
}

int backup_key_ready(const char *path, struct backup_key *out, bool *made) {
    int r = backup_key_load(path, out);
    *made = r == BACKUP_KEY_MISSING;
    return *made ? backup_key_make(path, out) : r;
}

/* One key for each use, from the one in the file. */
static void key_for(const struct backup_key *k, const char *what, uint8_t out[BACKUP_KEY_BYTES]) {
    crypto_generichash(out, BACKUP_KEY_BYTES, (const uint8_t *)what, strlen(what), k->b, sizeof k->b);
}

/* ---- the manifest */

void backup_manifest_close(struct backup_manifest *m) {
    free(m->lives);
    m->lives = NULL;
    m->life_count = 0;
}

void backup_life_add(struct backup_manifest *m, uint32_t node, const struct id16 *incarnation, uint64_t accepted) {
    if ((m->life_count & (m->life_count - 1)) == 0)
        m->lives = memory_resize(m->lives, (m->life_count == 0 ? 1 : 2 * m->life_count) * sizeof *m->lives);
    m->lives[m->life_count++] = (struct backup_life){.node = node, .incarnation = *incarnation, .accepted = accepted};
}

uint64_t backup_bytes(const struct backup_manifest *m) {
    uint64_t sum = 0;
    for (size_t i = 0; i < m->part_count; i++)
        sum += m->parts[i].bytes;
    return sum;
}

static void put_hex(json_t *to, const char *name, struct bytes what) {
    struct buffer hex = {0};
    hex_encode(what, &hex);
    json_object_set_new(to, name, json_string(buffer_string(&hex)));
    buffer_close(&hex);
}

static void put_number(json_t *to, const char *name, uint64_t v) {
    json_object_set_new(to, name, json_integer((json_int_t)v));
}

static bool get_hex(const json_t *from, const char *name, void *out, size_t len) {
    const char *text = json_string_value(json_object_get(from, name));
    struct buffer raw = {0};
    bool good = text != NULL && hex_decode(text, strlen(text), &raw) && raw.len == len;
    if (good)
        memcpy(out, raw.at, len);
    buffer_close(&raw);
    return good;
}

static uint64_t get_number(const json_t *from, const char *name) {
    json_int_t v = json_integer_value(json_object_get(from, name));
    return v < 0 ? 0 : (uint64_t)v;
}

static void key_name(const struct backup_key *k, uint8_t out[BACKUP_KEY_BYTES]) {
    key_for(k, "anju backup: which key", out);
}

static char *manifest_text(const struct backup_manifest *m, const struct backup_key *k) {
    uint8_t which[BACKUP_KEY_BYTES];
    json_t *o = json_object(), *lives = json_array(), *parts = json_array();
    key_name(k, which);
    put_number(o, "format", FORM);
    json_object_set_new(o, "kind", json_string(m->kind));
    put_hex(o, "id", bytes_of(m->id.b, sizeof m->id.b));
    put_hex(o, "city", bytes_of(m->city.b, sizeof m->city.b));
    put_number(o, "node", m->node);
    put_number(o, "made_ms", m->made);
    put_hex(o, "key", bytes_of(which, 8));
    put_number(o, "epoch", m->epoch.counter);
    put_hex(o, "epoch_random", bytes_of(&m->epoch.random, sizeof m->epoch.random));
    put_hex(o, "log_life", bytes_of(m->log_life.b, sizeof m->log_life.b));
    put_number(o, "position", m->position);
    put_number(o, "log_last", m->log_last);
    put_number(o, "hub_seq", m->hub_seq);
    for (size_t i = 0; i < m->life_count; i++) {
        json_t *l = json_object();
        put_number(l, "node", m->lives[i].node);
        put_hex(l, "incarnation", bytes_of(m->lives[i].incarnation.b, sizeof m->lives[i].incarnation.b));
        put_number(l, "accepted", m->lives[i].accepted);
        json_array_append_new(lives, l);
    }
    for (size_t i = 0; i < m->part_count; i++) {
        json_t *p = json_object();
        json_object_set_new(p, "name", json_string(m->parts[i].name));
        json_object_set_new(p, "store", json_boolean(m->parts[i].store));
        put_number(p, "bytes", m->parts[i].bytes);
        put_hex(p, "hash", bytes_of(m->parts[i].hash.b, sizeof m->parts[i].hash.b));
        json_array_append_new(parts, p);
    }
    json_object_set_new(o, "lives", lives);
    json_object_set_new(o, "files", parts);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    invariant(text != NULL);
    return text;
}

static struct hash manifest_seal(struct bytes line, const struct backup_key *k) {
    struct hash h;
    uint8_t key[BACKUP_KEY_BYTES];
    key_for(k, "anju backup: manifest", key);
    crypto_generichash(h.b, sizeof h.b, line.at, line.len, key, sizeof key);
    sodium_memzero(key, sizeof key);
    return h;
}

/* A part's name becomes a path: only such as we write. */
static bool name_good(const char *name) {
    return name != NULL && *name != '\0' && *name != '.' && strlen(name) < BACKUP_NAME &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz.")] == '\0';
}

static bool manifest_parse(const json_t *o, struct backup_manifest *m) {
    const char *kind = json_string_value(json_object_get(o, "kind"));
    json_t *row;
    size_t i;
    bool good = kind != NULL && strlen(kind) < sizeof m->kind && get_hex(o, "id", m->id.b, sizeof m->id.b) &&
                get_hex(o, "city", m->city.b, sizeof m->city.b) && get_hex(o, "log_life", m->log_life.b, sizeof m->log_life.b) &&
                get_hex(o, "epoch_random", &m->epoch.random, sizeof m->epoch.random);
    if (!good)
        return false;
    strcpy(m->kind, kind);
    m->node = (uint32_t)get_number(o, "node");
    m->made = get_number(o, "made_ms");
    m->epoch.counter = get_number(o, "epoch");
    m->position = get_number(o, "position");
    m->log_last = get_number(o, "log_last");
    m->hub_seq = get_number(o, "hub_seq");
    json_array_foreach(json_object_get(o, "lives"), i, row) {
        struct id16 incarnation;
        if (!get_hex(row, "incarnation", incarnation.b, sizeof incarnation.b))
            return false;
        backup_life_add(m, (uint32_t)get_number(row, "node"), &incarnation, get_number(row, "accepted"));
    }
    json_array_foreach(json_object_get(o, "files"), i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (i >= BACKUP_PARTS || !name_good(name))
            return false;
        struct backup_part *p = &m->parts[m->part_count++];
        strcpy(p->name, name);
        p->store = json_is_true(json_object_get(row, "store"));
        p->bytes = get_number(row, "bytes");
        if (!get_hex(row, "hash", p->hash.b, sizeof p->hash.b))
            return false;
    }
    return m->part_count > 0;
}

int backup_read(const char *folder, const struct backup_key *k, struct backup_manifest *out) {
    struct buffer text = {0}, seal = {0};
    uint8_t which[BACKUP_KEY_BYTES], theirs[8];
    TEXT path = join(folder, "manifest", "");
    memset(out, 0, sizeof *out);
    int r = file_read(path, MANIFEST_BYTES, &text);
    if (r != 0) {
        buffer_close(&text);
        return r == -ENOENT || r == -ENOTDIR ? BACKUP_NONE : r == -EISDIR ? BACKUP_TAMPERED : said(-r);
    }
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);
    size_t line = end == NULL ? 0 : (size_t)(end - text.at);
    json_t *o = end == NULL ? NULL : json_loadb((const char *)text.at, line, JSON_REJECT_DUPLICATES, NULL);
    r = BACKUP_TAMPERED;
    key_name(k, which);
    if (o != NULL && get_number(o, "format") > FORM)
        r = BACKUP_NEWER;
    else if (o != NULL && get_hex(o, "key", theirs, sizeof theirs) && memcmp(which, theirs, sizeof theirs) != 0)
        r = BACKUP_WRONG_KEY;
    else if (
        o != NULL && text.len == line + 66 && text.at[text.len - 1] == '\n' && hex_decode((const char *)end + 1, 64, &seal) &&
        sodium_memcmp(seal.at, manifest_seal(bytes_of(text.at, line), k).b, sizeof(struct hash)) == 0)
        r = manifest_parse(o, out) ? 0 : BACKUP_TAMPERED;
    json_decref(o);
    buffer_close(&seal);
    buffer_close(&text);
    if (r != 0)
        backup_manifest_close(out);
    return r;
}

/* ---- parts */

struct sealing {
    crypto_secretstream_xchacha20poly1305_state stream;
    crypto_generichash_state hash;
    uint8_t clear[CHUNK + 1], sealed[SEALED + 1]; /* one more, to see whether something follows */
    struct buffer bound;                          /* owns: what every chunk is bound to */
};

static struct sealing *sealing_open(const struct backup_manifest *m, const char *name) {
    struct sealing *s = memory_zeroed(1, sizeof *s);
    buffer_add(&s->bound, bytes_of(m->id.b, sizeof m->id.b));
    buffer_text(&s->bound, name);
    crypto_generichash_init(&s->hash, NULL, 0, sizeof(struct hash));
    return s;
}

static void sealing_close(struct sealing **s) {
    buffer_close(&(*s)->bound);
    sodium_memzero(*s, sizeof **s);
    free(*s);
}

static int write_all(int fd, const uint8_t *at, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return said(n == 0 ? EIO : errno);
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* As many as there are, up to len; negative errno. */
static ssize_t read_some(int fd, uint8_t *at, size_t len) {
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, at + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int seal_file(struct backup *b, struct sealing *s, int from, int to, struct backup_part *p) {
    uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES], key[BACKUP_KEY_BYTES];
    key_for(&b->key, "anju backup: parts", key);
    crypto_secretstream_xchacha20poly1305_init_push(&s->stream, header, key);
    sodium_memzero(key, sizeof key);
    int r = write_all(to, (const uint8_t *)part_magic, sizeof part_magic - 1);
    if (r == 0)
        r = write_all(to, header, sizeof header);
    ssize_t have = r == 0 ? read_some(from, s->clear, CHUNK) : 0;
    for (bool last = false; r == 0 && !last;) {
        uint8_t next[1];
        if (have < 0)
            return said((int)-have);
        ssize_t more = have == CHUNK ? read_some(from, next, 1) : 0;
        last = more == 0;
        crypto_generichash_update(&s->hash, s->clear, (size_t)have);
        p->bytes += (uint64_t)have;
        progress_step(b->progress, (uint64_t)have);
        crypto_secretstream_xchacha20poly1305_push(
            &s->stream, s->sealed, NULL, s->clear, (size_t)have, s->bound.at, s->bound.len,
            last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
        r = more < 0                        ? said((int)-more)
            : progress_stopped(b->progress) ? BACKUP_STOPPED
                                            : write_all(to, s->sealed, (size_t)have + crypto_secretstream_xchacha20poly1305_ABYTES);
        if (!last && r == 0) {
            s->clear[0] = next[0];
            have = read_some(from, s->clear + 1, CHUNK - 1);
            have += have >= 0;
        }
    }
    crypto_generichash_final(&s->hash, p->hash.b, sizeof p->hash.b);
    if (r == 0 && fsync(to) != 0)
        r = said(errno);
    /* What is checked afterwards shall come from the disk, not from memory. */
    (void)posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
    return r;
}

int backup_add(struct backup *b, const char *name, const char *path, bool store) {
    invariant(name_good(name) && b->manifest.part_count < BACKUP_PARTS && b->half != NULL);
    struct backup_part *p = &b->manifest.parts[b->manifest.part_count];
    CLEANUP(sealing_close) struct sealing *s = sealing_open(&b->manifest, name);
    TEXT to_path = join(b->half, name, ".part");
    *p = (struct backup_part){.store = store};
    strcpy(p->name, name);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return said(errno);
    int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = to < 0 ? said(errno) : seal_file(b, s, from, to, p);
    close(from);
    if (to >= 0 && close(to) != 0 && r == 0)
        r = said(errno);
    if (r == 0)
        b->manifest.part_count++;
    return r;
}

static int open_file(
    struct sealing *s, const struct backup_key *k, const struct backup_part *p, int from, int to, struct progress *progress) {
    uint8_t header[sizeof part_magic - 1 + crypto_secretstream_xchacha20poly1305_HEADERBYTES], key[BACKUP_KEY_BYTES];
    struct hash h;
    uint64_t bytes = 0;
    ssize_t n = read_some(from, header, sizeof header);
    if (n < 0)
        return said((int)-n);
    if ((size_t)n != sizeof header || memcmp(header, part_magic, sizeof part_magic - 1) != 0)
        return BACKUP_TAMPERED;
    key_for(k, "anju backup: parts", key);
    int bad = crypto_secretstream_xchacha20poly1305_init_pull(&s->stream, header + sizeof part_magic - 1, key);
    sodium_memzero(key, sizeof key);
    if (bad != 0)
        return BACKUP_TAMPERED;
    for (bool last = false; !last;) {
        unsigned char tag = 0;
        unsigned long long len = 0;
        n = read_some(from, s->sealed, SEALED);
        if (n < 0)
            return said((int)-n);
        if (n == 0 || crypto_secretstream_xchacha20poly1305_pull(
                          &s->stream, s->clear, &len, &tag, s->sealed, (size_t)n, s->bound.at, s->bound.len) != 0)
            return BACKUP_TAMPERED;
        last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
        crypto_generichash_update(&s->hash, s->clear, len);
        bytes += len;
        progress_step(progress, len);
        int r = progress_stopped(progress) ? BACKUP_STOPPED : to < 0 ? 0 : write_all(to, s->clear, len);
        if (r != 0)
            return r;
    }
    crypto_generichash_final(&s->hash, h.b, sizeof h.b);
    if (read_some(from, s->sealed, 1) != 0 || bytes != p->bytes || !hash_equal(&h, &p->hash))
        return BACKUP_TAMPERED;
    return to < 0 || fsync(to) == 0 ? 0 : said(errno);
}

/* Opens one part, into the file `to`, or only to see that it is whole. */
static int part_open(
    const char *folder, const struct backup_key *k, const struct backup_manifest *m, const struct backup_part *p, const char *to,
    struct progress *progress) {
    CLEANUP(sealing_close) struct sealing *s = sealing_open(m, p->name);
    TEXT path = join(folder, p->name, ".part");
    int from = open(path, O_RDONLY | O_CLOEXEC), out = -1;
    if (from < 0)
        return errno == ENOENT ? BACKUP_TAMPERED : said(errno);
    int r = 0;
    if (to != NULL && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        r = said(errno);
    if (r == 0)
        r = open_file(s, k, p, from, out, progress);
    close(from);
    if (out >= 0 && close(out) != 0 && r == 0)
        r = said(errno);
    return r;
}

int backup_check(const char *folder, const struct backup_key *k, const struct backup_manifest *m, struct progress *progress) {
    int r = 0;
    for (size_t i = 0; i < m->part_count && r == 0; i++)
        r = part_open(folder, k, m, &m->parts[i], NULL, progress);
    return r;
}

/* ---- making one */

int backup_begin(struct backup *b, const char *dir) {
    struct buffer name = {0};
    char id[ID_HEX], stamp[32];
    struct tm at;
    struct stat st;
    time_t seconds = (time_t)(b->manifest.made / 1000);
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return errno == EACCES ? BACKUP_DENIED : BACKUP_NO_FOLDER;
    gmtime_r(&seconds, &at);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &at);
    buffer_format(&name, "%s.%03uZ", stamp, (unsigned)(b->manifest.made % 1000));
    b->folder = join(dir, buffer_string(&name), "");
    buffer_clear(&name);
    buffer_format(&name, ".%s-%u-%.8s", b->manifest.kind, b->manifest.node, id_hex(&b->manifest.city, id));
    b->half = join(dir, buffer_string(&name), ".half");
    buffer_close(&name);
    b->manifest.id = entropy_id();
    int r = backup_remove(b->half);
    return r != 0 ? r : mkdir(b->half, 0700) == 0 ? 0 : said(errno);
}

/* A copy that filled the disk would stop the daemon's own work. */
static bool has_room(const char *room, uint64_t bytes) {
    struct statvfs disk;
    TEXT folder = memory_text(room);
    *strrchr(folder, '/') = '\0';
    return statvfs(folder, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= bytes + RESERVE;
}

int backup_add_store(
    struct backup *b, const char *name, struct store *s, const struct store_shape *shape, const char *room,
    int (*look)(void *owner, struct txn *t), void *owner) {
    struct store *copy = NULL;
    struct txn *t;
    int r = backup_remove(room);
    if (r == 0 && !has_room(room, store_bytes(s)))
        r = BACKUP_FULL;
    if (r == 0 && progress_stopped(b->progress))
        r = BACKUP_STOPPED;
    if (r == 0) {
        r = store_copy(s, room);
        r = r == STORE_DISK_FULL ? BACKUP_FULL : r < 0 ? said(-r) : r;
        progress_step(b->progress, store_bytes(s));
    }
    if (r == 0) {
        r = store_open_lmdb(room, shape, store_seal(s), 0, &copy);
        r = r == STORE_DISK_FULL ? BACKUP_FULL : r > 0 ? BACKUP_UNSOUND : r;
    }
    if (r == 0 && (r = store_read(copy, &t)) == 0) {
        r = look == NULL ? 0 : look(owner, t);
        if (r == 0 && txn_result(t) != 0)
            r = BACKUP_UNSOUND;
        txn_abort(t);
    }
    store_close(copy);
    TEXT data = join(room, "data.mdb", "");
    if (r == 0)
        r = backup_add(b, name, data, true);
    backup_remove(room);
    return r;
}

static int write_manifest(const struct backup *b) {
    struct buffer text = {0};
    TEXT path = join(b->half, "manifest", "");
    TEXT line = manifest_text(&b->manifest, &b->key);
    struct hash seal = manifest_seal(bytes_text(line), &b->key);
    buffer_text(&text, line);
    buffer_text(&text, "\n");
    hex_encode(bytes_of(seal.b, sizeof seal.b), &text);
    buffer_text(&text, "\n");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? said(errno) : write_all(fd, text.at, text.len);
    if (r == 0 && fsync(fd) != 0)
        r = said(errno);
    if (fd >= 0)
        close(fd);
    buffer_close(&text);
    return r;
}

int backup_end(struct backup *b) {
    struct backup_manifest again;
    int r = write_manifest(b);
    if (r == 0)
        r = sync_path(b->half);
    if (r == 0)
        r = backup_read(b->half, &b->key, &again);
    if (r == 0) {
        r = backup_check(b->half, &b->key, &again, b->progress);
        backup_manifest_close(&again);
    }
    if (r == 0 && rename(b->half, b->folder) != 0)
        r = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? BACKUP_THERE : said(errno);
    if (r != 0)
        return r;
    free(b->half);
    b->half = NULL;
    TEXT dir = memory_text(b->folder);
    *strrchr(dir, '/') = '\0';
    return sync_path(*dir == '\0' ? "/" : dir);
}

void backup_close(struct backup *b) {
    if (b->half != NULL)
        backup_remove(b->half);
    free(b->half);
    free(b->folder);
    b->half = b->folder = NULL;
    backup_manifest_close(&b->manifest);
    sodium_memzero(&b->key, sizeof b->key);
}

/* ---- restoring */

static int make_empty(const char *data) {
    int others = 0;
    if (mkdir(data, 0700) != 0 && errno != EEXIST)
        return errno == ENOENT ? BACKUP_NO_FOLDER : said(errno);
    DIR *d = opendir(data);
    if (d == NULL)
        return said(errno);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, "lost+found") != 0;
    closedir(d);
    return others > 0 ? BACKUP_NOT_EMPTY : 0;
}

int backup_unpack(
    const char *folder, const struct backup_key *k, const struct backup_manifest *m, const char *data, struct progress *progress) {
    TEXT room = join(data, "restoring", "");
    int r = make_empty(data);
    if (r != 0)
        return r;
    if (mkdir(room, 0700) != 0)
        return said(errno);
    for (size_t i = 0; i < m->part_count && r == 0; i++) {
        const struct backup_part *p = &m->parts[i];
        TEXT at = join(room, p->name, "");
        TEXT file = join(at, "data.mdb", "");
        if (p->store && mkdir(at, 0700) != 0)
            r = said(errno);
        if (r == 0)
            r = part_open(folder, k, m, p, p->store ? file : at, progress);
        if (r == 0 && p->store)
            r = sync_path(at);
    }
    if (r == 0)
        r = sync_path(room);
    if (r != 0)
        backup_undo(data);
    return r;
}

int backup_place(const struct backup_manifest *m, const char *data) {
    TEXT room = join(data, "restoring", "");
    int r = 0;
    for (size_t i = 0; i < m->part_count && r == 0; i++) {
        TEXT from = join(room, m->parts[i].name, "");
        TEXT to = join(data, m->parts[i].name, "");
        if (rename(from, to) != 0)
            r = said(errno);
    }
    if (r == 0 && rmdir(room) != 0)
        r = said(errno);
    return r == 0 ? sync_path(data) : r;
}

void backup_undo(const char *data) {
    TEXT room = join(data, "restoring", "");
    backup_remove(room);
}

/* ---- those that are older */

static int stamped(const struct dirent *d) {
    return d->d_name[0] >= '0' && d->d_name[0] <= '9';
}

void backup_prune(const char *dir, const struct backup_key *k, const struct backup_manifest *like, size_t keep) {
    struct dirent **found = NULL;
    int n = scandir(dir, &found, stamped, alphasort); /* in the order of time */
    for (int i = n - 1; i >= 0; i--) {
        struct backup_manifest m;
        TEXT path = join(dir, found[i]->d_name, "");
        if (backup_read(path, k, &m) == 0) {
            bool ours = strcmp(m.kind, like->kind) == 0 && m.node == like->node && id_equal(&m.city, &like->city);
            if (ours && keep == 0)
                backup_remove(path);
            keep -= ours && keep > 0;
            backup_manifest_close(&m);
        }
        free(found[i]);
    }
    free(found);
}
