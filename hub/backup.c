/* Backups of the hub (common/store/backup.h): made beside all other work on a thread of their own; the list of those that are kept lies in
 * the hub's own store (hub_kept.h) and says what is safe.
 *
 * The state is copied before the log and the log before the hub's own changes: what is copied later may know more, never less. */
#include "hub/backup.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/layout.h"
#include "hub/city.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OLD_MS = 2 * 86400000 };

struct backups {
    struct worker *worker;    /* NULL: stopping */
    struct progress progress; /* of the one that is being made */
    bool busy;
    const char *why; /* static: why the last one failed; NULL: it did not */
    wall_ms failed;
};

struct making {
    struct job job;          /* first: of the backup's thread */
    struct hub_own_work own; /* of the log's thread */
    struct city *city;
    struct request *request;
    struct backup backup;
    struct buffer dir, key, data, room; /* own */
    struct hub_place place;
    struct hub_kept_view view;
    bool *gone; /* owns; by place in the view: deleted */
    size_t deleted;
    wall_ms began;
    int result;
    bool key_made;
};

void backup_key_path(const struct settings *s, struct buffer *out) {
    const char *set = settings_text(s, "backup_key");
    if (*set != '\0')
        buffer_text(out, set);
    else
        buffer_format(out, "%s/backup.key", settings_text(s, "data"));
}

/* ---- the copies, on the backup's thread */

static void complain(void *owner, const char *what) {
    log_fact(LOG_ERROR, "backup.unsound", FACT_TEXT("what", what));
    *(unsigned *)owner += 1;
}

static int look_state(void *owner, struct txn *t) {
    struct making *m = owner;
    struct backup_manifest *to = &m->backup.manifest;
    unsigned complaints = 0;
    if (hub_verify(t, complain, &complaints, NULL) != 0 || complaints > 0 || !hub_place_get(t, &m->place) || m->place.epoch_count == 0)
        return BACKUP_UNSOUND;
    to->epoch = m->place.epochs[m->place.epoch_count - 1].epoch;
    to->log_life = m->place.log_life;
    to->position = m->place.position;
    to->hub_seq = m->place.hub_seq;
    return 0;
}

static int look_node(void *owner, const struct hub_log_node *n) {
    for (size_t i = 0; i < n->life_count; i++)
        backup_life_add(owner, n->node, &n->lives[i].incarnation, n->lives[i].acked);
    return 0;
}

static int look_log(void *owner, struct txn *t) {
    struct making *m = owner;
    struct backup_manifest *to = &m->backup.manifest;
    struct hub_log_place at;
    if (!hub_log_place(t, &at) || !id_equal(&at.life, &to->log_life) || at.last < to->position || at.first > to->position + 1)
        return BACKUP_UNSOUND;
    to->log_last = at.last;
    return hub_log_nodes(t, look_node, to);
}

static int add_file(struct making *m, const char *name) {
    struct buffer path = {0};
    buffer_format(&path, "%s/%s", buffer_string(&m->data), name);
    int r = backup_add(&m->backup, name, buffer_string(&path), false);
    buffer_close(&path);
    return r;
}

static bool there(struct making *m, const char *name) {
    struct buffer path = {0};
    buffer_format(&path, "%s/%s", buffer_string(&m->data), name);
    bool is = access(buffer_string(&path), F_OK) == 0;
    buffer_close(&path);
    return is;
}

static int make(struct making *m) {
    const struct hub_stores *s = hub_engine_stores(m->city->engine);
    const char *room = buffer_string(&m->room);
    progress_expect(m->backup.progress, 3 * (store_bytes(s->state) + store_bytes(s->log) + store_bytes(s->own)));
    int r = backup_key_ready(buffer_string(&m->key), &m->backup.key, &m->key_made);
    if (r == 0)
        r = backup_begin(&m->backup, buffer_string(&m->dir));
    if (r == 0)
        r = backup_add_store(&m->backup, "state", s->state, &shape_hub_state, room, look_state, m);
    if (r == 0)
        r = backup_add_store(&m->backup, "log", s->log, &shape_hub_log, room, look_log, m);
    if (r == 0)
        r = backup_add_store(&m->backup, "own", s->own, &shape_hub_own, room, NULL, NULL);
    if (r == 0 && strcmp(m->city->sealing.from, "passphrase") == 0)
        r = add_file(m, SEALING_SALT);
    static const char *const files[] = {"city", "policy.keys", "policy.root", "keys"}, *const perhaps[] = {
                                                                                           "keys.next", "next", "moved"}; /* rekey.c */
    for (size_t i = 0; i < sizeof files / sizeof *files && r == 0; i++)
        r = add_file(m, files[i]);
    for (size_t i = 0; i < sizeof perhaps / sizeof *perhaps && r == 0; i++)
        if (there(m, perhaps[i]))
            r = add_file(m, perhaps[i]);
    return r == 0 ? backup_end(&m->backup) : r;
}

static void make_works(struct job *j, void *owner) {
    struct making *m = (struct making *)j;
    (void)owner;
    m->result = make(m);
}

/* ---- afterwards */

static void make_free(struct making *m) {
    m->city->backups->busy = false;
    backup_close(&m->backup);
    hub_kept_view_close(&m->view);
    buffer_close(&m->dir);
    buffer_close(&m->key);
    buffer_close(&m->data);
    buffer_close(&m->room);
    free(m->gone);
    free(m);
}

static void make_failed(struct making *m, const char *why) {
    struct backups *b = m->city->backups;
    bool stopped = m->result == BACKUP_STOPPED;
    const char *code = stopped || m->result == BACKUP_FULL ? "busy" : m->result < 0 ? "internal" : "conflict";
    if (!stopped) {
        b->why = why;
        b->failed = clock_wall();
        log_fact(LOG_ERROR, "backup.failed", FACT_TEXT("folder", buffer_string(&m->dir)), FACT_TEXT("why", why));
    }
    request_errorf(
        m->request, code, "nothing half-made was left; `anjuctl backups` lists what there is", "no backup was made: %s",
        request_words(m->request, why));
    make_free(m);
}

static uint64_t safe_of(const struct city *c) {
    uint64_t safe = 0;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_link *l = &hub_engine_peer(c->engine, i)->link;
        for (size_t k = 0; k < l->life_count; k++)
            safe += l->lives[k].safe < l->lives[k].accepted ? l->lives[k].safe : l->lives[k].accepted;
    }
    return safe;
}

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

static void make_finish(struct making *m) {
    struct city *c = m->city;
    json_t *out = json_object();
    c->backups->why = NULL;
    hub_engine_kept(c->engine, &m->view);
    json_object_set_new(out, "path", json_string(m->backup.folder));
    json_object_set_new(out, "bytes", number(backup_bytes(&m->backup.manifest)));
    json_object_set_new(out, "position", number(m->backup.manifest.position));
    json_object_set_new(out, "took_ms", number(clock_wall() - m->began));
    json_object_set_new(out, "kept", number(hub_engine_backups(c->engine)->count));
    json_object_set_new(out, "deleted", number(m->deleted));
    json_object_set_new(out, "safe", number(safe_of(c)));
    json_object_set_new(out, "key_file", json_string(buffer_string(&m->key)));
    json_object_set_new(out, "key_made", json_boolean(m->key_made));
    log_fact(
        LOG_INFO, "backup.done", FACT_TEXT("path", m->backup.folder), FACT_UINT("bytes", backup_bytes(&m->backup.manifest)),
        FACT_UINT("uid", request_uid(m->request)));
    request_ok(m->request, out);
    make_free(m);
}

static struct making *made(struct hub_own_work *w) {
    return (struct making *)(void *)((char *)w - offsetof(struct making, own));
}

static void drop_works(struct hub_own_work *w, struct txn *own) {
    struct making *m = made(w);
    for (size_t i = 0; i < m->view.count; i++)
        if (m->gone[i]) {
            hub_kept_drop(own, m->view.kept[i].n);
            m->deleted++;
        }
    hub_kept_view_close(&m->view);
    hub_kept_view(own, &m->view);
}

static void drop_done(struct hub_own_work *w, int result) {
    struct making *m = made(w);
    if (result != 0) {
        m->result = result < 0 ? result : BACKUP_FULL;
        make_failed(m, "the hub's own store took no note of it; it lies there, and is not counted");
        return;
    }
    make_finish(m);
}

/* A folder that is not there any more, or holds something else by now, is gone too: no restore can use it. */
static void clear_works(struct job *j, void *owner) {
    struct making *m = (struct making *)j;
    size_t most = (size_t)settings_number(m->city->settings, "backups_kept");
    (void)owner;
    for (size_t i = 0; i + most < m->view.count; i++) {
        struct backup_manifest there;
        const struct hub_kept *k = &m->view.kept[i];
        int r = backup_read(k->path, &m->backup.key, &there);
        if (r == 0)
            r = id_equal(&there.id, &k->id) ? backup_remove(k->path) : 0;
        else if (r == BACKUP_NONE)
            r = 0;
        m->gone[i] = r == 0;
        if (r != 0)
            log_fact(LOG_WARNING, "backup.not_deleted", FACT_TEXT("path", k->path), FACT_TEXT("why", backup_text(r)));
        backup_manifest_close(&there);
    }
}

static void clear_done(struct job *j, int result) {
    struct making *m = (struct making *)j;
    (void)result;
    m->own.work = drop_works;
    m->own.done = drop_done;
    hub_engine_own(m->city->engine, &m->own);
}

static void note_works(struct hub_own_work *w, struct txn *own) {
    struct making *m = made(w);
    const struct backup_manifest *of = &m->backup.manifest;
    hub_kept_put(
        own, &(struct hub_kept){
                 .id = of->id,
                 .log_life = of->log_life,
                 .made = of->made,
                 .position = of->position,
                 .bytes = backup_bytes(of),
                 .path = m->backup.folder,
                 .lives = of->lives,
                 .life_count = of->life_count,
             });
    hub_kept_view(own, &m->view);
}

static void note_done(struct hub_own_work *w, int result) {
    struct making *m = made(w);
    struct backups *b = m->city->backups;
    if (result != 0) {
        drop_done(w, result);
        return;
    }
    m->gone = memory_zeroed(m->view.count + 1, sizeof *m->gone);
    if (b->worker == NULL || m->view.count <= (size_t)settings_number(m->city->settings, "backups_kept")) {
        make_finish(m);
        return;
    }
    m->job.work = clear_works;
    m->job.done = clear_done;
    worker_submit(b->worker, &m->job);
}

static void make_done(struct job *j, int result) {
    struct making *m = (struct making *)j;
    (void)result;
    if (m->result != 0) {
        make_failed(m, backup_text(m->result));
        return;
    }
    m->own.work = note_works;
    m->own.done = note_done;
    hub_engine_own(m->city->engine, &m->own);
}

/* ---- commands */

void cmd_backup(void *owner, struct request *q) {
    struct city *c = owner;
    const char *dir = request_text(q, "dir"), *data = settings_text(c->settings, "data");
    if (dir == NULL || *dir != '/') {
        request_error(q, "bad_request", "name the folder for the backups from / on", "anjuctl backup /media/backup");
        return;
    }
    if (c->backups->busy) {
        request_error(q, "busy", "a backup is being made already", "wait until it is done; `anjuctl backups` lists it then");
        return;
    }
    struct making *m = memory_zeroed(1, sizeof *m);
    c->backups->busy = true;
    m->city = c;
    m->request = q;
    m->began = m->backup.manifest.made = clock_wall();
    strcpy(m->backup.manifest.kind, "hub");
    m->backup.manifest.city = c->who.city;
    m->backup.progress = &c->backups->progress;
    progress_begin(&c->backups->progress);
    jobs_begin(c->self.jobs, q, "backup", "bytes", &c->backups->progress);
    buffer_text(&m->dir, dir);
    while (m->dir.len > 1 && m->dir.at[m->dir.len - 1] == '/')
        m->dir.len--;
    buffer_text(&m->data, data);
    buffer_format(&m->room, "%s/backup.copy", data);
    backup_key_path(c->settings, &m->key);
    m->job.work = make_works;
    m->job.done = make_done;
    worker_submit(c->backups->worker, &m->job);
}

void cmd_backups(void *owner, struct request *q) {
    const struct city *c = owner;
    const struct hub_kept_view *v = hub_engine_backups(c->engine);
    for (size_t i = 0; i < v->count; i++) {
        const struct hub_kept *k = &v->kept[i];
        uint64_t accepted = 0;
        for (size_t l = 0; l < k->life_count; l++)
            accepted += k->lives[l].accepted;
        request_row(
            q, json_pack(
                   "{s:s, s:I, s:I, s:I, s:I}", "path", k->path, "made_ms", (json_int_t)k->made, "bytes", (json_int_t)k->bytes, "position",
                   (json_int_t)k->position, "accepted", (json_int_t)accepted));
    }
    request_end(q);
}

void backups_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct hub_kept_view *v = hub_engine_backups(c->engine);
    const struct backups *b = c->backups;
    const struct hub_kept *last = v->count == 0 ? NULL : &v->kept[v->count - 1];
    wall_ms now = clock_wall(), age = last == NULL || now < last->made ? 0 : now - last->made;
    if (b->why != NULL)
        problem_add(problems, PROBLEM_BACKUP_FAILED, "{s:s}", "why", b->why);
    if (last == NULL)
        problem_add(problems, PROBLEM_BACKUP_NONE, "{}");
    if (age > OLD_MS)
        problem_add(problems, PROBLEM_BACKUP_OLD, "{s:I}", "age_ms", (json_int_t)age);
    if (v->count > (size_t)settings_number(c->settings, "backups_kept") && !b->busy)
        problem_add(problems, PROBLEM_BACKUPS_LEFT, "{}");
    json_object_set_new(out, "backup_running", json_boolean(b->busy));
    json_object_set_new(out, "backup_ms", last == NULL ? json_null() : number(last->made));
    json_object_set_new(out, "backup_age_ms", last == NULL ? json_null() : number(age));
    json_object_set_new(out, "backup_path", last == NULL ? json_null() : json_string(last->path));
    json_object_set_new(out, "backups_kept", number(v->count));
    json_object_set_new(out, "safe", number(safe_of(c)));
}

/* ---- life */

void backups_open(struct city *c) {
    struct buffer room = {0};
    struct worker_calls calls = {.owner = c};
    c->backups = memory_zeroed(1, sizeof *c->backups);
    c->backups->worker = worker_open(&c->loop, "anju-backup", &calls);
    buffer_format(&room, "%s/backup.copy", settings_text(c->settings, "data"));
    backup_remove(buffer_string(&room)); /* of one that was killed */
    buffer_close(&room);
}

void backups_submit(struct city *c, struct job *j) {
    worker_submit(c->backups->worker, j);
}

void backups_stop(struct city *c) {
    if (c->backups == NULL)
        return;
    struct worker *w = c->backups->worker;
    atomic_store(&c->backups->progress.stop, true);
    worker_close(w);
    c->backups->worker = NULL;
}

void backups_close(struct city *c) {
    free(c->backups);
    c->backups = NULL;
}
