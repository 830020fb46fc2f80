#include "common/daemon/service.h"

#include "common/base/invariant.h"
#include "common/base/log.h"
#include "common/base/program.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void help(const char *program, bool joins) {
    printf(
        "%s %s\n\n"
        "  --init              make keys%s; never overwrites anything\n"
        "%s"
        "  --restore FOLDER    make the data folder, which must be empty, from this backup (DIR/<time>)\n"
        "  --backup-key FILE   with --restore: the key it was made with; keep that away from the backups, and not on this machine only\n"
        "%s"
        "  --check             with --restore: change nothing, say whether the backup is whole%s\n"
        "  --config FILE       run with this configuration (YAML)\n"
        "  --set KEY=VALUE     one setting; wins over the file; may be given again\n"
        "  --check-config      say all that is wrong with the configuration, and end\n"
        "  --show-config       print every setting with its value and what it means, and end\n"
        "  --show-commands     print every command of the status socket with its arguments and options, and end\n"
        "  --version, --help\n\n"
        "Exit: 0 good, 1 failed, 64 usage, 69 something this daemon needs is not there, 74 the store failed: verify it, 78 configuration\n",
        program, joins ? "at one community office" : "at city hall", joins ? "" : ", stores and the city's secrets",
        joins ? "  --join FILE         become the node that this enrolment file (anjuctl node add) describes;\n"
                "                      without one it runs and waits: anjuctl enrol TOKEN@HOST:PORT\n"
                "  --anew              with --join: a cloned disk, under a key of its own, becomes another node of the same city;\n"
                "                      what it alone may hold is sent again in the new node's name\n"
              : "",
        joins ? ""
              : "  --own FOLDER        with --restore: the hub's own changes (`own` of the lost data folder), when they can still be read\n"
                "  --rolled-back       the data folder is an older copy of itself (anju-rollback): the next start begins a new epoch, and "
                "the\n"
                "                      nodes send again what the copy lacks\n",
        joins ? "" : " and which nodes it would hit");
}

int service_arguments(int argc, char **argv, const char *program, bool joins, struct service_options *out) {
    enum {
        INIT = 1000,
        JOIN,
        ANEW,
        RESTORE,
        BACKUP_KEY,
        OWN,
        ROLLED_BACK,
        CHECK_BACKUP,
        CONFIG,
        SET,
        CHECK,
        SHOW,
        COMMANDS,
        VERSION,
        HELP
    };
    static const struct option options[] = {
        {"init", no_argument, NULL, INIT},
        {"join", required_argument, NULL, JOIN},
        {"config", required_argument, NULL, CONFIG},
        {"set", required_argument, NULL, SET},
        {"check-config", no_argument, NULL, CHECK},
        {"show-config", no_argument, NULL, SHOW},
        {"show-commands", no_argument, NULL, COMMANDS},
        {"version", no_argument, NULL, VERSION},
        {"anew", no_argument, NULL, ANEW},
        {"help", no_argument, NULL, HELP},
        {"restore", required_argument, NULL, RESTORE},
        {"own", required_argument, NULL, OWN},
        {"backup-key", required_argument, NULL, BACKUP_KEY},
        {"check", no_argument, NULL, CHECK_BACKUP},
        {"rolled-back", no_argument, NULL, ROLLED_BACK},
        {NULL, 0, NULL, 0}};
    *out = (struct service_options){.init = false};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case INIT:
            out->init = true;
            break;
        case JOIN:
            out->join = optarg;
            break;
        case ANEW:
            out->anew = true;
            break;
        case CONFIG:
            out->config = optarg;
            break;
        case RESTORE:
            out->restore = optarg;
            break;
        case BACKUP_KEY:
            out->backup_key = optarg;
            break;
        case OWN:
            out->own = optarg;
            break;
        case CHECK_BACKUP:
            out->check = true;
            break;
        case ROLLED_BACK:
            out->rolled_back = true;
            break;
        case SET:
            if (out->set_count == sizeof out->sets / sizeof *out->sets) {
                fprintf(stderr, "%s: too many --set; use a file\n", program);
                return EXIT_USAGE;
            }
            out->sets[out->set_count++] = optarg;
            break;
        case CHECK:
            out->check_config = true;
            break;
        case SHOW:
            out->show_config = true;
            break;
        case COMMANDS:
            out->show_commands = true;
            break;
        case VERSION:
            printf("%s %s, store format %d, protocol %d\n", program, PROGRAM_VERSION, PROGRAM_STORE_FORMAT, PROGRAM_PROTOCOL);
            return EXIT_GOOD;
        case HELP:
            help(program, joins);
            return EXIT_GOOD;
        default:
            fprintf(stderr, "%s --help lists what there is\n", program);
            return EXIT_USAGE;
        }
    }
    bool needs_restore = out->restore == NULL && (out->backup_key != NULL || out->own != NULL || out->check);
    if (optind < argc || (out->join != NULL && !joins) || (out->anew && out->join == NULL) || (out->own != NULL && joins) ||
        (out->rolled_back && joins) || needs_restore) {
        fprintf(
            stderr, "%s: '%s' has no place here; --help lists what there is\n", program,
            optind < argc                       ? argv[optind]
            : out->anew                         ? "--anew"
            : out->rolled_back                  ? "--rolled-back"
            : needs_restore || out->own != NULL ? "an option of --restore"
                                                : "--join");
        return EXIT_USAGE;
    }
    return -1;
}

void service_no_dumps(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void set_log(const struct settings *s) {
    enum log_level level = LOG_INFO;
    const char *form = settings_text(s, "log_form");
    invariant(log_level_parse(settings_text(s, "log_level"), &level));
    log_level_set(level);
    log_form_set(strcmp(form, "journal") == 0 ? LOG_JOURNAL : strcmp(form, "json") == 0 ? LOG_JSON : LOG_PLAIN);
}

int service_settings(const struct service_options *o, const struct setting *table, size_t count, struct settings **out) {
    struct complaints c = {.count = 0};
    struct buffer shown = {0};
    int r = -1;
    *out = settings_load(table, count, o->config, o->sets, o->set_count, &c);
    if (*out != NULL)
        set_log(*out);
    if (*out == NULL) {
        fprintf(stderr, "%s", buffer_string(&c.text));
        r = EXIT_CONFIG;
    } else if (o->show_config) {
        settings_show(*out, &shown);
        fputs(buffer_string(&shown), stdout);
        r = EXIT_GOOD;
    } else if (o->check_config) {
        sealing_describe(*out, &shown);
        printf("the configuration is good; the stores are sealed with %s\n", buffer_string(&shown));
        r = EXIT_GOOD;
    }
    complaints_close(&c);
    buffer_close(&shown);
    return r;
}

int service_seal(const char *program, const struct settings *s, const char *salts, bool make, struct sealing *out) {
    int r = sealing_open(s, salts, make, out);
    if (r != 0)
        fprintf(stderr, "%s: %s: %s\n", program, out->where, sealing_text(r));
    else if (out->made)
        fprintf(stderr, "%s: made the sealing key %s: keep a copy of it elsewhere (deploy/SECURITY.md)\n", program, out->where);
    return r == 0 ? EXIT_GOOD : EXIT_STORE;
}

void service_seal_beside(const struct sealing *k) {
    if (k->beside)
        log_fact(
            LOG_WARNING, "seal.key_beside_data", FACT_TEXT("file", k->where),
            FACT_TEXT("protects", "only what leaves this machine without it: copies, backups, a single disk"),
            FACT_TEXT("do", "keep a copy elsewhere; to take it away see \"The sealing key\" in deploy/SECURITY.md"));
}

static void notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof to.sun_path)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    strcpy(to.sun_path, path);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    sendto(
        fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static void on_signal(uv_signal_t *h, int number) {
    struct service *s = h->data;
    (void)number;
    s->stopping = true;
    notify("STOPPING=1");
    uv_stop(h->loop);
}

static void on_watchdog(uv_timer_t *t) {
    struct service *s = t->data;
    uint64_t oldest = s->oldest_ms == NULL ? 0 : s->oldest_ms(s->owner);
    bool stuck = oldest > WATCHDOG_PATIENCE * s->watchdog_ms;
    if (stuck && !s->stuck)
        log_fact(
            LOG_ERROR, "watchdog.stuck", FACT_UINT("oldest_ms", oldest),
            FACT_TEXT("do", "work on the store does not end: look at the disk; the service manager restarts this daemon"));
    s->stuck = stuck;
    if (!stuck)
        notify("WATCHDOG=1");
}

void service_watch(struct service *s, uint64_t (*oldest_ms)(void *owner), void *owner) {
    s->oldest_ms = oldest_ms;
    s->owner = owner;
}

void service_start(struct service *s, uv_loop_t *loop) {
    memset(s, 0, sizeof *s);
    signal(SIGPIPE, SIG_IGN);
    uv_signal_init(loop, &s->term);
    uv_signal_init(loop, &s->interrupt);
    uv_timer_init(loop, &s->watchdog);
    s->term.data = s->interrupt.data = s->watchdog.data = s;
    uv_signal_start(&s->term, on_signal, SIGTERM);
    uv_signal_start(&s->interrupt, on_signal, SIGINT);
    const char *usec = getenv("WATCHDOG_USEC");
    s->watchdog_ms = usec == NULL ? 0 : strtoull(usec, NULL, 10) / 1000;
    if (s->watchdog_ms > 1)
        uv_timer_start(&s->watchdog, on_watchdog, s->watchdog_ms / 2, s->watchdog_ms / 2);
}

void service_ready(struct service *s, const char *status) {
    char text[512];
    (void)s;
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
    notify(text);
}

void service_stop(struct service *s) {
    uv_close((uv_handle_t *)&s->term, NULL);
    uv_close((uv_handle_t *)&s->interrupt, NULL);
    uv_close((uv_handle_t *)&s->watchdog, NULL);
}
