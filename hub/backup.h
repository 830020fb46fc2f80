/* The hub's backups: making them (backup.c) and starting again from one (restore.c). */
#pragma once

#include "common/daemon/settings.h"

struct city;

void backup_key_path(const struct settings *s, struct buffer *out); /* the setting's, or data/backup.key */

/* anju-hub --restore: the data folder from a backup, or with `check` only what would happen. Speaks; gives the exit code. */
struct restore_options {
    const char *folder, *key, *own; /* borrow; key, own: NULL = none named */
    bool check;
};
int hub_restore(const struct settings *s, const struct restore_options *o);
/* anju-hub --rolled-back: what lies in the data folder is an older copy of all of it. The start after it begins a new epoch, so that the
 * nodes send again what the copy lacks. Speaks; gives the exit code. */
int hub_rolled_back(const struct settings *s);
