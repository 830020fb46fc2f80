/* What both daemons do around their work: the command line, signals, and words to systemd. */
#pragma once

#include "common/daemon/sealing.h"
#include "common/daemon/settings.h"

#include <uv.h>

/* The command line that both daemons share: --init, --join FILE, --anew, --restore FOLDER, --backup-key FILE, --own FOLDER, --check,
 * --rolled-back, --config FILE, --set KEY=VALUE, --check-config, --show-config, --show-commands, --version, --help. */
struct service_options {
    bool init, check_config, show_config, show_commands;
    bool anew;
    const char *join, *config;              /* borrow argv */
    const char *restore, *backup_key, *own; /* likewise; own: only where nobody joins, at the hub */
    bool check;                             /* with restore: only what would happen */
    bool rolled_back;                       /* only where nobody joins, at the hub */
    const char *sets[64];
    size_t set_count;
};
enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_CONFIG = 78 /* sysexits(3) EX_CONFIG */, EXIT_USAGE = 64, EXIT_FULL = 69, EXIT_STORE = 74 };

void service_no_dumps(void); /* first of all: this process leaves no core file, and nobody but root may look into its memory */

/* < 0: go on; else exit with it (help and version were printed, or what is wrong). */
int service_arguments(int argc, char **argv, const char *program, bool joins, struct service_options *out);

/* Reads the settings and sets up the log by them (the table has the CHOICEs log_level and log_form). < 0: go on; else exit with it: what is
 * wrong was said, or --check-config or --show-config was answered. */
int service_settings(
    const struct service_options *o, const struct setting *table, size_t count,
    struct settings **out /* gives; freed by the caller in any case */);

/* The key of the stores (sealing.h); says what is wrong, or in a line that a key file was made. Gives EXIT_GOOD or EXIT_STORE. */
int service_seal(const char *program, const struct settings *s, const char *salts, bool make, struct sealing *out);
void service_seal_beside(const struct sealing *k); /* a daemon that starts: warns in its log when the key lies beside the data */

/* SIGTERM and SIGINT stop the loop; SIGPIPE is ignored. Readiness and watchdog: sd_notify(3), sd_watchdog_enabled(3). */
struct service {
    uv_signal_t term, interrupt;
    uv_timer_t watchdog;
    uint64_t watchdog_ms; /* what the service manager waits for a sign of life; 0: it does not */
    uint64_t (*oldest_ms)(void *owner);
    void *owner; /* borrows */
    bool stopping, stuck;
};
void service_start(struct service *s, uv_loop_t *loop);
/* The loop alone is not the daemon: no sign of life goes out while the oldest work of its threads is older than WATCHDOG_PATIENCE times
 * the manager's interval (a verification or an export of a whole city is long, and no fault). Until service_stop, or NULL. */
enum { WATCHDOG_PATIENCE = 10 };
void service_watch(struct service *s, uint64_t (*oldest_ms)(void *owner) /* may be NULL */, void *owner /* borrows */);
void service_ready(struct service *s, const char *status);
void service_stop(struct service *s); /* closes its handles */
