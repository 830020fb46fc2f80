/* Backups of a node (common/store/backup.h): the store and the keys, made beside all other work on a thread of their own; and starting
 * again from one. The hub has all that was accepted, so what a node's backup saves is what was not sent yet, and the way to city hall. */
#include "common/store/backup.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/daemon/shown.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "node/office.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backups {
    struct worker *worker;
    struct progress progress; /* of the one that is being made */
    bool busy;
    wall_ms made;       /* 0: none */
    struct buffer path; /* owns */
};

struct making {
    struct job job;        /* first: of the backup's thread */
    struct node_work note; /* of the store's thread */
    struct office *office;
    struct request *request;
    struct backup backup;
    struct buffer dir, key, keys, room; /* own */
    struct buffer salt;                 /* owns; empty: no passphrase */
    size_t keep;
    wall_ms began;
    int result;
    bool key_made;
};

static void key_path(const struct office *o, struct buffer *out) {
    const char *set = settings_text(o->settings, "backup_key");
    if (*set != '\0')
        buffer_text(out, set);
    else
        buffer_format(out, "%s/backup.key", settings_text(o->settings, "data"));
}

/* ---- the copies, on the backup's thread */

static void complain(void *owner, const char *what) {
    log_fact(LOG_ERROR, "backup.unsound", FACT_TEXT("what", what));
    *(unsigned *)owner += 1;
}

static int look(void *owner, struct txn *t) {
    struct backup_manifest *m = owner;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    unsigned complaints = 0;
    bool sound = node_verify(t, complain, &complaints, NULL) == 0 && complaints == 0 && node_progress_get(t, p);
    for (size_t i = 0; sound && i < p->life_count; i++)
        backup_life_add(m, m->node, &p->lives[i].incarnation, p->lives[i].last);
    m->epoch = p->highest;
    m->hub_seq = p->cursor.at;
    free(p);
    return sound ? 0 : BACKUP_UNSOUND;
}

static void make_works(struct job *j, void *owner) {
    struct making *m = (struct making *)j;
    struct store *s = node_engine_store(m->office->engine);
    (void)owner;
    progress_expect(m->backup.progress, 3 * store_bytes(s));
    int r = backup_key_ready(buffer_string(&m->key), &m->backup.key, &m->key_made);
    if (r == 0)
        r = backup_begin(&m->backup, buffer_string(&m->dir));
    if (r == 0)
        r = backup_add_store(&m->backup, "store", s, &shape_node, buffer_string(&m->room), look, &m->backup.manifest);
    if (r == 0 && m->salt.len > 0)
        r = backup_add(&m->backup, SEALING_SALT, buffer_string(&m->salt), false);
    if (r == 0)
        r = backup_add(&m->backup, "keys", buffer_string(&m->keys), false);
    if (r == 0)
        r = backup_end(&m->backup);
    if (r == 0)
        backup_prune(buffer_string(&m->dir), &m->backup.key, &m->backup.manifest, m->keep);
    m->result = r;
}

/* ---- afterwards: a note in the store, for status */

static void make_free(struct making *m) {
    m->office->backups->busy = false;
    backup_close(&m->backup);
    buffer_close(&m->dir);
    buffer_close(&m->key);
    buffer_close(&m->keys);
    buffer_close(&m->salt);
    buffer_close(&m->room);
    free(m);
}

static void note_works(struct node_work *w, struct txn *t) {
    const struct making *m = (const struct making *)(const void *)((const char *)w - offsetof(struct making, note));
    CLEANUP(buffer_close) struct buffer b = {0};
    struct key k = key_word("backup");
    buffer_u64be(&b, m->backup.manifest.made);
    buffer_text(&b, m->backup.folder);
    envelope_put(t, NODE_META, key_bytes(&k), buffer_bytes(&b));
}

/* Without the note it is a backup all the same. */
static void note_done(struct node_work *w, int result) {
    struct making *m = (struct making *)(void *)((char *)w - offsetof(struct making, note));
    struct backups *b = m->office->backups;
    if (result != 0)
        log_fact(LOG_WARNING, "backup.not_noted", FACT_INT("result", result));
    b->made = m->backup.manifest.made;
    buffer_clear(&b->path);
    buffer_text(&b->path, m->backup.folder);
    log_fact(LOG_INFO, "backup.done", FACT_TEXT("path", m->backup.folder), FACT_UINT("uid", request_uid(m->request)));
    request_ok(
        m->request, json_pack(
                        "{s:s, s:I, s:I, s:s, s:b}", "path", m->backup.folder, "bytes", (json_int_t)backup_bytes(&m->backup.manifest),
                        "took_ms", (json_int_t)(clock_wall() - m->began), "key_file", buffer_string(&m->key), "key_made", m->key_made));
    make_free(m);
}

static void make_done(struct job *j, int result) {
    struct making *m = (struct making *)j;
    (void)result;
    if (m->result != 0) {
        const char *why = backup_text(m->result);
        bool wait = m->result == BACKUP_STOPPED || m->result == BACKUP_FULL;
        if (m->result != BACKUP_STOPPED)
            log_fact(LOG_ERROR, "backup.failed", FACT_TEXT("folder", buffer_string(&m->dir)), FACT_TEXT("why", why));
        request_errorf(
            m->request,
            wait            ? "busy"
            : m->result < 0 ? "internal"
                            : "conflict",
            "nothing half-made was left", "no backup was made: %s", request_words(m->request, why));
        make_free(m);
        return;
    }
    m->note.work = note_works;
    m->note.done = note_done;
    node_engine_submit(m->office->engine, &m->note);
}

void cmd_backup(void *owner, struct request *q) {
    struct office *o = owner;
    const char *dir = request_text(q, "dir"), *data = settings_text(o->settings, "data");
    const struct enrolment *who = node_engine_who(o->engine);
    if (dir == NULL || *dir != '/') {
        request_error(q, "bad_request", "name the folder for the backups from / on", "anjuctl backup /media/backup");
        return;
    }
    if (o->backups->busy) {
        request_error(q, "busy", "a backup is being made already", "wait until it is done");
        return;
    }
    struct making *m = memory_zeroed(1, sizeof *m);
    o->backups->busy = true;
    m->office = o;
    m->request = q;
    m->keep = (size_t)settings_number(o->settings, "backups_kept");
    m->began = m->backup.manifest.made = clock_wall();
    strcpy(m->backup.manifest.kind, "node");
    m->backup.manifest.city = who->city;
    m->backup.manifest.node = who->node;
    m->backup.progress = &o->backups->progress;
    progress_begin(&o->backups->progress);
    jobs_begin(o->self.jobs, q, "backup", "bytes", &o->backups->progress);
    buffer_text(&m->dir, dir);
    while (m->dir.len > 1 && m->dir.at[m->dir.len - 1] == '/')
        m->dir.len--;
    buffer_format(&m->room, "%s/backup.copy", data);
    buffer_format(&m->keys, "%s/keys", data);
    if (strcmp(o->sealing.from, "passphrase") == 0)
        buffer_format(&m->salt, "%s/%s", data, SEALING_SALT);
    key_path(o, &m->key);
    m->job.work = make_works;
    m->job.done = make_done;
    worker_submit(o->backups->worker, &m->job);
}

void backups_status(const struct office *o, json_t *out) {
    struct backups *b = o->backups;
    wall_ms now = clock_wall();
    json_object_set_new(out, "backup_running", json_boolean(b->busy));
    json_object_set_new(out, "backup_ms", b->made == 0 ? json_null() : json_integer((json_int_t)b->made));
    json_object_set_new(out, "backup_age_ms", b->made == 0 ? json_null() : json_integer(now < b->made ? 0 : (json_int_t)(now - b->made)));
    json_object_set_new(out, "backup_path", b->made == 0 ? json_null() : json_string(buffer_string(&b->path)));
}

/* ---- life */

static void read_last(struct backups *b, struct store *s) {
    struct key k = key_word("backup");
    struct bytes value;
    struct txn *t;
    if (store_read(s, &t) != 0)
        return;
    if (envelope_get(t, NODE_META, key_bytes(&k), &value) == 0) {
        struct reader in = {.rest = value};
        b->made = reader_u64be(&in);
        buffer_add(&b->path, in.rest);
    }
    txn_abort(t);
}

void backups_open(struct office *o) {
    struct worker_calls calls = {.owner = o};
    struct buffer room = {0};
    o->backups = memory_zeroed(1, sizeof *o->backups);
    o->backups->worker = worker_open(&o->loop, "anju-backup", &calls);
    read_last(o->backups, node_engine_store(o->engine));
    buffer_format(&room, "%s/backup.copy", settings_text(o->settings, "data"));
    backup_remove(buffer_string(&room)); /* of one that was killed */
    buffer_close(&room);
}

void backups_submit(struct office *o, struct job *j) {
    worker_submit(o->backups->worker, j);
}

void backups_stop(struct office *o) {
    if (o->backups == NULL)
        return;
    atomic_store(&o->backups->progress.stop, true);
    o->backups->worker = worker_close(o->backups->worker);
}

void backups_close(struct office *o) {
    if (o->backups != NULL)
        buffer_close(&o->backups->path);
    free(o->backups);
    o->backups = NULL;
}

/* ---- starting again from one */

static int say(const char *what, const char *why) {
    fprintf(stderr, "anju-node: %s: %s\n", what, why);
    return EXIT_FAILED;
}

/* It is sealed as the node's store was: without the daemon's key it cannot be restored. */
static int look_restored(struct office *o, const char *data) {
    struct buffer path = {0};
    struct store *s = NULL;
    struct txn *t;
    unsigned complaints = 0;
    buffer_format(&path, "%s/restoring", data);
    int r = service_seal("anju-node", o->settings, buffer_string(&path), false, &o->sealing);
    if (r != 0) {
        buffer_close(&path);
        return r;
    }
    buffer_text(&path, "/store");
    r = store_open_lmdb(buffer_string(&path), &shape_node, o->sealing.seal, 0, &s);
    if (r != 0)
        say(buffer_string(&path), r > 0 ? store_open_hint(r) : error_text(r));
    if (r == 0 && (r = store_read(s, &t)) == 0) {
        if (node_verify(t, complain, &complaints, NULL) != 0 || complaints > 0)
            r = say(buffer_string(&path), "the store in it does not pass its check: take another backup");
        txn_abort(t);
    }
    store_close(s);
    buffer_close(&path);
    return r;
}

static int unpack(struct office *o, const char *folder, const struct backup_key *k, const struct backup_manifest *m) {
    const char *data = settings_text(o->settings, "data");
    struct buffer path = {0};
    struct progress progress = {.total = backup_bytes(m)};
    struct shown shown;
    shown_begin(&shown, "restoring", "bytes", &progress);
    int r = backup_unpack(folder, k, m, data, &progress);
    shown_end(&shown);
    if (r != 0)
        return say(r == BACKUP_NOT_EMPTY || r == BACKUP_FULL || r == BACKUP_DENIED ? data : folder, backup_text(r));
    r = look_restored(o, data);
    if (r == 0 && (r = backup_place(m, data)) != 0)
        say(data, backup_text(r));
    if (r != 0) {
        backup_undo(data);
        return EXIT_FAILED;
    }
    key_path(o, &path);
    r = backup_key_store(buffer_string(&path), k);
    if (r != 0 && r != -EEXIST)
        say(buffer_string(&path), backup_text(r));
    buffer_close(&path);
    printf("this is node %u as it was; start it, and never the old disk again: two would speak with one key\n", m->node);
    return EXIT_GOOD;
}

int node_restore(struct office *o, const char *folder, const char *key_file, bool check) {
    struct buffer path = {0};
    struct backup_key key;
    struct backup_manifest m = {.lives = NULL};
    if (key_file != NULL)
        buffer_text(&path, key_file);
    else
        key_path(o, &path);
    int r = backup_key_load(buffer_string(&path), &key);
    int exit = r == 0 ? EXIT_GOOD : say(buffer_string(&path), backup_text(r));
    if (r == 0) {
        r = backup_read(folder, &key, &m);
        if (r == 0 && strcmp(m.kind, "node") != 0)
            r = BACKUP_OTHER;
        struct progress progress = {.total = backup_bytes(&m)};
        struct shown shown;
        if (r == 0 && check) {
            shown_begin(&shown, "reading", "bytes", &progress);
            r = backup_check(folder, &key, &m, &progress);
            shown_end(&shown);
        }
        if (r == 0 && check)
            printf("this backup of node %u is whole\n", m.node);
        exit = r != 0 ? say(folder, backup_text(r)) : check ? EXIT_GOOD : unpack(o, folder, &key, &m);
    }
    backup_manifest_close(&m);
    sodium_memzero(&key, sizeof key);
    buffer_close(&path);
    return exit;
}
