/* A backup: copies of a daemon's stores and files in a folder of their own, DIR/<time>, encrypted, with a manifest that says what they are.
 *
 * Each part is a file NAME.part: a secretstream (XChaCha20-Poly1305, libsodium) in chunks of 64 KiB, bound to the backup's id and the
 * part's name. `manifest` is one line of JSON that people can read, it names nobody, and one line with its keyed hash. Whoever has the key
 * file can open every backup made with it; whoever has only the folder can open nothing and change nothing unnoticed.
 *
 * A backup is made under a name that begins with a dot, read back whole, and only then called by its time: nothing half-made bears one. */
#pragma once

#include "common/base/hash.h"
#include "common/base/instant.h"
#include "common/base/progress.h"
#include "common/model/message.h"
#include "common/store/store.h"

enum backup_outcome {
    BACKUP_KEY_MISSING = 1, /* no such key file */
    BACKUP_KEY_OPEN,        /* others may read the key file */
    BACKUP_KEY_BROKEN,      /* not a key file, or damaged */
    BACKUP_WRONG_KEY,       /* made with another key */
    BACKUP_NONE,            /* no backup lies there */
    BACKUP_NEWER,           /* made by a newer version */
    BACKUP_OTHER,           /* of another daemon, node or city */
    BACKUP_TAMPERED,        /* not what was written */
    BACKUP_NO_FOLDER,       /* the folder for backups does not exist */
    BACKUP_DENIED,          /* no permission, or mounted read-only */
    BACKUP_THERE,           /* a backup of this very moment is there */
    BACKUP_FULL,            /* no room, at the backups or for the copy in the data folder */
    BACKUP_STOPPED,         /* it was asked to stop: by a person, or because the daemon ends */
    BACKUP_UNSOUND,         /* a copy does not pass its own check: the store is damaged */
    BACKUP_NOT_EMPTY,       /* restore: the data folder holds something */
};
const char *backup_text(int outcome); /* words for a person: what to do; static; of a negative errno too */

enum { BACKUP_KEY_BYTES = 32, BACKUP_NAME = 16, BACKUP_PARTS = 12 };

struct backup_key {
    uint8_t b[BACKUP_KEY_BYTES];
};

/* The key file: mode 0600, never overwritten. To be kept away from the backups, and not only on this machine. */
int backup_key_make(const char *path, struct backup_key *out);                         /* durable; -EEXIST when there is one */
int backup_key_load(const char *path, struct backup_key *out);                         /* + BACKUP_KEY_* */
int backup_key_store(const char *path, const struct backup_key *k);                    /* as make, of a key that is known */
int backup_key_ready(const char *path, struct backup_key *out, bool *made /* anew */); /* loads it, or makes it; + BACKUP_KEY_* */

struct backup_part {
    char name[BACKUP_NAME];
    bool store; /* goes to NAME/data.mdb */
    uint64_t bytes;
    struct hash hash; /* of what it holds */
};

struct backup_life {
    uint32_t node;
    struct id16 incarnation;
    uint64_t accepted; /* at a node: saved */
};

struct backup_manifest {
    char kind[8]; /* "hub", "node" */
    struct id16 id, city;
    uint32_t node; /* 0: the hub */
    wall_ms made;
    struct epoch epoch;
    struct id16 log_life; /* the hub's, as the rest */
    uint64_t position, log_last, hub_seq;
    struct backup_life *lives; /* owns */
    size_t life_count;
    struct backup_part parts[BACKUP_PARTS];
    size_t part_count;
};
void backup_manifest_close(struct backup_manifest *m); /* idempotent */
void backup_life_add(struct backup_manifest *m, uint32_t node, const struct id16 *incarnation, uint64_t accepted);
uint64_t backup_bytes(const struct backup_manifest *m);

/* Making one; on any thread, since nothing here is shared. Whatever fails: backup_close leaves nothing behind. */
struct backup {
    struct backup_manifest manifest; /* kind, city, node, made: the caller's, before backup_begin; the rest as it becomes known */
    struct backup_key key;
    struct progress *progress; /* borrows; bytes that are copied, sealed, and read back */
    char *folder;              /* owns; DIR/<time>, after backup_end */
    char *half;                /* owns; where it is being made; NULL: done */
};
int backup_begin(struct backup *b, const char *dir); /* + NO_FOLDER, DENIED, FULL; removes what a killed one left there */
int backup_add(struct backup *b, const char *name, const char *path, bool store); /* + DENIED, FULL, STOPPED */
/* The same of a store that is in use: copied to the folder `room` (which is removed again; its disk must have the room and 16 MiB more),
 * opened, looked at, added. */
int backup_add_store(
    struct backup *b, const char *name, struct store *s, const struct store_shape *shape, const char *room,
    int (*look)(void *owner, struct txn *t) /* may be NULL */, void *owner); /* + as above, and what `look` gives */
int backup_end(struct backup *b);                                            /* + TAMPERED, THERE and as above */
void backup_close(struct backup *b);                                         /* idempotent */

/* Reading one. */
int backup_read(const char *folder, const struct backup_key *k, struct backup_manifest *out /* gives */); /* + NONE, NEWER, WRONG_KEY, … */
int backup_check(const char *folder, const struct backup_key *k, const struct backup_manifest *m, struct progress *p); /* every byte */

/* Restore in two steps, so that the caller can look at the stores between them: into the folder `restoring` of an empty data folder (made
 * when missing), then to their places, the keys last. backup_undo instead removes what the first step made. */
int backup_unpack(
    const char *folder, const struct backup_key *k, const struct backup_manifest *m, const char *data,
    struct progress *p); /* + NOT_EMPTY, STOPPED, … */
int backup_place(const struct backup_manifest *m, const char *data);
void backup_undo(const char *data);

/* Removes the oldest backups of this daemon in DIR but `keep`; only those that the key opens. */
void backup_prune(const char *dir, const struct backup_key *k, const struct backup_manifest *like, size_t keep);
int backup_remove(const char *folder); /* a folder with all that is in it; 0 also when there is none */
