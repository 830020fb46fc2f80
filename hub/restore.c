/* anju-hub --restore: a city's data folder out of a backup. What is put in its place was decrypted, compared and checked before; log and
 * state are marked, so that the start after it opens a new epoch, and the nodes send again what the city lost since. */
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/daemon/service.h"
#include "common/daemon/shown.h"
#include "common/store/envelope.h"
#include "common/store/hub_kept.h"
#include "common/store/hub_merge.h"
#include "hub/backup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct restoring {
    const struct restore_options *o;
    const char *data;
    struct backup_key key;
    struct sealing sealing;
    struct backup_manifest manifest;
    struct hub_kept_view known; /* what the second home says was kept: whom this copy would hit */
    bool second_home;
};

static int say(const char *what, const char *why) {
    fprintf(stderr, "anju-hub: %s: %s\n", what, why);
    return EXIT_FAILED;
}

static void complain(void *owner, const char *what) {
    fprintf(stderr, "anju-hub: the state in the backup: %s\n", what);
    *(unsigned *)owner += 1;
}

/* A backup's stores are sealed as the city's were: without the daemon's key it cannot be restored. */
static int open_seal(const struct settings *s, struct restoring *x, const char *salts) {
    return service_seal("anju-hub", s, salts, false, &x->sealing);
}

static struct store *open_part(const struct restoring *x, const char *folder, const char *name, const struct store_shape *shape) {
    struct buffer path = {0};
    struct store *s = NULL;
    buffer_format(&path, "%s/%s", folder, name);
    int r = store_open_lmdb(buffer_string(&path), shape, x->sealing.seal, 0, &s);
    if (r != 0)
        say(buffer_string(&path), r > 0 ? store_open_hint(r) : error_text(r));
    buffer_close(&path);
    return r == 0 ? s : NULL;
}

/* The nodes that let go of changes which this copy lacks: they could not send them again (A9). */
static size_t name_hit(const struct restoring *x) {
    size_t hit = 0;
    for (size_t i = 0; i < x->known.safe_count; i++) {
        const struct backup_life *s = &x->known.safe[i];
        uint64_t holds = 0;
        char id[ID_HEX];
        for (size_t k = 0; k < x->manifest.life_count; k++)
            if (x->manifest.lives[k].node == s->node && id_equal(&x->manifest.lives[k].incarnation, &s->incarnation))
                holds = x->manifest.lives[k].accepted;
        if (s->node == 0 || holds >= s->accepted)
            continue;
        printf(
            "node %u may have let go of its changes %llu to %llu (%s), which this backup lacks: take a newer one\n", s->node,
            (unsigned long long)holds + 1, (unsigned long long)s->accepted, id_hex(&s->incarnation, id));
        hit++;
    }
    return hit;
}

/* How far a second home reaches: two are of one history when both have the same change there. */
struct reached {
    struct id16 life;
    uint64_t last;
    struct hash change; /* of the packed change at `last`; zero: it has none */
};

static void reach(struct txn *own, uint64_t at /* 0: its last */, struct reached *out) {
    struct bytes value;
    uint64_t last = hub_own_last(own, &out->life);
    struct key k = key_u64(out->last = at == 0 ? last : at);
    if (out->last > 0 && envelope_get(own, HUB_OWN_ENTRIES, key_bytes(&k), &value) == 0)
        out->change = hash_of(value);
}

/* The newer second home: the list of backups in it, and whether it is of the same city. */
static int read_own(struct restoring *x, struct txn *own, const struct reached *in_backup) {
    struct reached there = {.last = 0};
    reach(own, in_backup == NULL ? 0 : in_backup->last, &there);
    if (txn_result(own) != 0)
        return say(x->o->own, "damaged; restore without --own");
    if (in_backup != NULL && (!id_equal(&in_backup->life, &there.life) || !hash_equal(&in_backup->change, &there.change)))
        return say(x->o->own, "it is not the newer second home of this city's hub (the folder `own` of the data folder that was lost)");
    hub_kept_view(own, &x->known);
    return txn_result(own) == 0 ? 0 : say(x->o->own, "damaged; restore without --own");
}

static int with_own(struct restoring *x, const struct reached *in_backup, const char *to) {
    struct store *s = NULL;
    struct txn *t;
    struct stat st;
    if (stat(x->o->own, &st) != 0) /* opening would make one */
        return say(x->o->own, "there is no such folder");
    int r = store_open_lmdb(x->o->own, &shape_hub_own, x->sealing.seal, 0, &s);
    if (r != 0)
        return say(x->o->own, r > 0 ? store_open_hint(r) : error_text(r));
    r = store_read(s, &t);
    if (r == 0) {
        r = read_own(x, t, in_backup);
        txn_abort(t);
    }
    if (r == 0 && to != NULL) {
        r = backup_remove(to);
        if (r == 0)
            r = store_copy(s, to);
        if (r != 0)
            say(to, r == STORE_DISK_FULL ? backup_text(BACKUP_FULL) : backup_text(r));
    }
    store_close(s);
    return r;
}

/* What lies in `restoring`: a sound state, a log that fits, the second home that knows most; marked, and this backup in the list. */
static int settle_pair(const struct restoring *x, struct txn *state, struct txn *log) {
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct hub_log_place at;
    unsigned complaints = 0;
    int r = hub_verify(state, complain, &complaints, NULL);
    bool fits = r == 0 && complaints == 0 && hub_place_get(state, place) && hub_log_place(log, &at) &&
                id_equal(&place->log_life, &at.life) && place->position <= at.last && place->position + 1 >= at.first;
    free(place);
    if (!fits)
        return say(x->o->folder, "log and state in it do not pass their check: take another backup");
    struct id16 life = entropy_id();
    hub_restored_mark(state, log, &life);
    return 0;
}

static int settle_own(struct restoring *x, struct txn *own, const char *folder) {
    if (x->known.kept == NULL && txn_result(own) == 0)
        hub_kept_view(own, &x->known);
    hub_kept_put(
        own, &(struct hub_kept){
                 .id = x->manifest.id,
                 .log_life = x->manifest.log_life,
                 .made = x->manifest.made,
                 .position = x->manifest.position,
                 .bytes = backup_bytes(&x->manifest),
                 .path = (char *)(uintptr_t)folder,
                 .lives = x->manifest.lives,
                 .life_count = x->manifest.life_count,
             });
    return txn_result(own);
}

static int commit_all(struct restoring *x, struct store *const s[3], const char *folder) {
    struct txn *t[3] = {NULL, NULL, NULL};
    int r = 0;
    for (size_t i = 0; i < 3 && r == 0; i++)
        r = store_write(s[i], &t[i]);
    if (r == 0)
        r = settle_pair(x, t[0], t[1]);
    if (r == 0)
        r = settle_own(x, t[2], folder);
    for (size_t i = 0; i < 3; i++) {
        int committed = 0;
        if (r == 0)
            committed = txn_commit(t[i]);
        else
            txn_abort(t[i]);
        r = r == 0 ? committed : r;
    }
    return r;
}

static int own_reach(const struct restoring *x, const char *room, struct reached *out) {
    struct txn *t;
    struct store *s = open_part(x, room, "own", &shape_hub_own);
    int r = s == NULL ? EXIT_FAILED : store_read(s, &t);
    if (r == 0) {
        reach(t, 0, out);
        r = txn_result(t);
        txn_abort(t);
    }
    store_close(s);
    return r;
}

static int settle(struct restoring *x, const char *folder) {
    struct buffer room = {0}, own = {0};
    struct reached in_backup = {.last = 0};
    buffer_format(&room, "%s/restoring", x->data);
    buffer_format(&own, "%s/own", buffer_string(&room));
    int r = own_reach(x, buffer_string(&room), &in_backup);
    if (r == 0 && x->o->own != NULL)
        r = with_own(x, &in_backup, buffer_string(&own));
    if (r == 0) {
        struct store *s[3] = {
            open_part(x, buffer_string(&room), "state", &shape_hub_state), open_part(x, buffer_string(&room), "log", &shape_hub_log),
            open_part(x, buffer_string(&room), "own", &shape_hub_own)};
        r = s[0] != NULL && s[1] != NULL && s[2] != NULL ? commit_all(x, s, folder) : EXIT_FAILED;
        for (size_t i = 0; i < 3; i++)
            store_close(s[i]);
    }
    buffer_close(&room);
    buffer_close(&own);
    return r;
}

static void install_key(const struct settings *s, const struct restoring *x) {
    struct buffer path = {0};
    backup_key_path(s, &path);
    int r = backup_key_store(buffer_string(&path), &x->key);
    if (r != 0 && r != -EEXIST)
        say(buffer_string(&path), backup_text(r));
    buffer_close(&path);
}

static int unpack(const struct settings *s, struct restoring *x) {
    char *folder = realpath(x->o->folder, NULL);
    struct progress progress = {.total = backup_bytes(&x->manifest)};
    struct shown shown;
    shown_begin(&shown, "restoring", "bytes", &progress);
    int r = backup_unpack(x->o->folder, &x->key, &x->manifest, x->data, &progress);
    shown_end(&shown);
    if (r != 0) {
        say(r == BACKUP_NOT_EMPTY || r == BACKUP_FULL || r == BACKUP_DENIED ? x->data : x->o->folder, backup_text(r));
        free(folder);
        return EXIT_FAILED;
    }
    struct buffer salts = {0};
    buffer_format(&salts, "%s/restoring", x->data);
    r = open_seal(s, x, buffer_string(&salts));
    buffer_close(&salts);
    if (r == 0)
        r = settle(x, folder == NULL ? x->o->folder : folder);
    free(folder);
    if (r < 0)
        say(x->data, error_text(r));
    if (r == 0) {
        name_hit(x);
        r = backup_place(&x->manifest, x->data);
        if (r != 0)
            say(x->data, backup_text(r));
    }
    if (r != 0) {
        backup_undo(x->data);
        return EXIT_FAILED;
    }
    install_key(s, x);
    printf(
        "restored to position %llu of the log, %llu of the feed. Start the hub: a new epoch begins, and the nodes send again what is "
        "missing\n",
        (unsigned long long)x->manifest.position, (unsigned long long)x->manifest.hub_seq);
    return EXIT_GOOD;
}

static int check(const struct settings *s, struct restoring *x) {
    struct progress progress = {.total = backup_bytes(&x->manifest)};
    struct shown shown;
    shown_begin(&shown, "reading", "bytes", &progress);
    int r = backup_check(x->o->folder, &x->key, &x->manifest, &progress);
    shown_end(&shown);
    if (r != 0)
        return say(x->o->folder, backup_text(r));
    if (x->o->own != NULL) {
        struct buffer salts = {0};
        buffer_format(&salts, "%s/..", x->o->own);
        r = open_seal(s, x, buffer_string(&salts));
        buffer_close(&salts);
        if (r != 0 || with_own(x, NULL, NULL) != 0)
            return EXIT_FAILED;
    }
    printf(
        "this backup is whole: position %llu of the log, %llu of the feed\n", (unsigned long long)x->manifest.position,
        (unsigned long long)x->manifest.hub_seq);
    size_t hit = name_hit(x);
    if (x->o->own == NULL)
        printf("whom it would hit is known with --own FOLDER (`own` of the data folder that was lost)\n");
    else if (hit == 0)
        printf("every node still has what this backup lacks\n");
    return hit == 0 ? EXIT_GOOD : EXIT_FAILED;
}

int hub_restore(const struct settings *s, const struct restore_options *o) {
    struct restoring x = {.o = o, .data = settings_text(s, "data")};
    struct buffer key = {0};
    if (o->key != NULL)
        buffer_text(&key, o->key);
    else
        backup_key_path(s, &key);
    int r = backup_key_load(buffer_string(&key), &x.key);
    int exit = r == 0 ? EXIT_GOOD : say(buffer_string(&key), backup_text(r));
    if (r == 0) {
        r = backup_read(o->folder, &x.key, &x.manifest);
        if (r == 0 && strcmp(x.manifest.kind, "hub") != 0)
            r = BACKUP_OTHER;
        exit = r != 0 ? say(o->folder, backup_text(r)) : o->check ? check(s, &x) : unpack(s, &x);
    }
    hub_kept_view_close(&x.known);
    backup_manifest_close(&x.manifest);
    sodium_memzero(&x.key, sizeof x.key);
    sealing_close(&x.sealing);
    buffer_close(&key);
    return exit;
}

static int mark_pair(const struct restoring *x) {
    struct store *state = open_part(x, x->data, "state", &shape_hub_state), *log = open_part(x, x->data, "log", &shape_hub_log);
    struct txn *in_state = NULL, *in_log = NULL;
    int r = state == NULL || log == NULL ? EXIT_FAILED : store_write(state, &in_state);
    if (r == 0)
        r = store_write(log, &in_log);
    if (r == 0)
        r = settle_pair(x, in_state, in_log);
    if (in_log == NULL || r != 0) {
        txn_abort(in_log);
        txn_abort(in_state);
    } else if ((r = txn_commit(in_log)) == 0) {
        r = txn_commit(in_state);
    } else {
        txn_abort(in_state);
    }
    store_close(state);
    store_close(log);
    return r;
}

int hub_rolled_back(const struct settings *s) {
    struct restore_options o = {.folder = settings_text(s, "data")};
    struct restoring x = {.o = &o, .data = o.folder};
    struct buffer log = {0};
    struct stat st;
    buffer_format(&log, "%s/log", x.data);
    int r = stat(buffer_string(&log), &st) == 0 ? open_seal(s, &x, x.data) : say(buffer_string(&log), "there is no such folder");
    if (r == 0)
        r = mark_pair(&x);
    if (r == 0)
        printf("marked as an older copy. Start the hub: a new epoch begins, and the nodes send again what is missing\n");
    else if (r != EXIT_FAILED && r != EXIT_STORE)
        say(x.data, r > 0 ? store_open_hint(r) : error_text(r));
    sealing_close(&x.sealing);
    buffer_close(&log);
    return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}
