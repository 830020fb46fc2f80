/* anjuctl: the operators' and scripts' tool. It asks the daemon for its command table and makes help, arguments and tables from it; only
 * what reads local files is known here: import, replay, batch. */
#include "common/base/document.h"
#include "common/base/file.h"
#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/program.h"
#include "common/daemon/client.h"
#include "common/daemon/import.h"
#include "common/daemon/print.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ctl {
    struct client client;
    struct print print;
    const char *socket, *lang;
    unsigned timeout_ms;
    json_t *commands; /* owns; rows of `commands` */
};

static const char usage_text[] =
    "anjuctl [-s FOLDER|hub|node] [-o table|json|jsonl|name] [-t SECONDS] [--no-header] [--lang zh|en] COMMAND …\n"
    "\n"
    "Local commands:\n"
    "  import TABLE FILE.csv --map FILE   a spreadsheet's rows; says per row what is wrong; --update writes over older values  (node)\n"
    "  replay …                           edit logs of several offices in time order          (node; anjuctl replay --help)\n"
    "  batch                              requests from standard input, one JSON object a line\n"
    "  version, help\n"
    "\nExit: 0 good, 1 refused or failed, 3 not running, 4 denied, 5 no such thing, 6 timed out, 64 usage\n";

static const char *text(const json_t *row, const char *name) {
    const char *t = json_string_value(json_object_get(row, name));
    return t == NULL ? "" : t;
}

static const char *folder_of(const char *name) {
    struct stat st;
    const char *env = getenv("ANJU_SOCKET");
    if (name != NULL && strcmp(name, "hub") == 0)
        return "/run/anju/hub";
    if (name != NULL && strcmp(name, "node") == 0)
        return "/run/anju/node";
    if (name != NULL)
        return name;
    if (env != NULL && *env != '\0')
        return env;
    return stat("/run/anju/hub", &st) == 0 && stat("/run/anju/node", &st) != 0 ? "/run/anju/hub" : "/run/anju/node";
}

static void keep_row(void *rows, const json_t *row) {
    json_array_append(rows, (json_t *)(uintptr_t)row);
}

static int load_commands(struct ctl *c) {
    int r = client_open(&c->client, c->socket, c->timeout_ms);
    if (r == CTL_GOOD)
        r = client_ask(&c->client, "commands", NULL);
    c->commands = json_array();
    return r == CTL_GOOD ? client_answers(&c->client, keep_row, c->commands) : r;
}

static int help(struct ctl *c) {
    size_t i;
    json_t *row;
    fputs(usage_text, stdout);
    if (load_commands(c) != CTL_GOOD)
        return CTL_GOOD;
    printf("\nCommands of the daemon at %s:\n", c->socket);
    json_array_foreach(c->commands, i, row) {
        printf(
            "  %-16s %-14s %s\n", text(row, "name"), text(row, "arguments"),
            text(row, strcmp(c->lang, "zh") == 0 ? "summary_zh" : "summary"));
        if (*text(row, "options") != '\0')
            printf("  %-16s   --%s\n", "", text(row, "options"));
    }
    return CTL_GOOD;
}

/* The command whose name's words begin the arguments; *used says how many. */
static const json_t *find_command(const struct ctl *c, int argc, char **argv, int *used) {
    const json_t *best = NULL;
    size_t i;
    json_t *row;
    *used = 0;
    json_array_foreach(c->commands, i, row) {
        struct buffer words = {0};
        const char *name = text(row, "name");
        for (int n = 1; n <= argc && n <= 2; n++) {
            buffer_format(&words, "%s%s", n == 1 ? "" : " ", argv[n - 1]);
            if (n > *used && strcmp(buffer_string(&words), name) == 0) {
                best = row;
                *used = n;
            }
        }
        buffer_close(&words);
    }
    return best;
}

static int unknown(const struct ctl *c, const char *word) {
    const char **names = memory_zeroed(json_array_size(c->commands) + 1, sizeof *names);
    size_t i;
    json_t *row;
    json_array_foreach(c->commands, i, row) names[i] = text(row, "name");
    const char *near = nearest_word(word, names);
    fprintf(
        stderr, "anjuctl: no command '%s'%s%s%s; `anjuctl help` lists them\n", word, near == NULL ? "" : "; did you mean '",
        near == NULL ? "" : near, near == NULL ? "" : "'?");
    free(names);
    return CTL_USAGE;
}

static bool has_option(const char *list, const char *name, size_t len, bool *value) {
    while (*list != '\0') {
        size_t n = strcspn(list, " ");
        *value = n > 0 && list[n - 1] == '=';
        if (n - *value == len && strncmp(list, name, len) == 0)
            return true;
        list += n + (list[n] != '\0');
    }
    return false;
}

static bool file_text(const char *path, json_t *args) {
    struct buffer b = {0};
    int r = file_read(path, LIMIT_POLICY_BYTES, &b);
    json_t *v = r == 0 ? json_stringn(buffer_string(&b), b.len) : NULL;
    if (v == NULL)
        fprintf(stderr, "anjuctl: %s: %s\n", path, r == 0 ? "not valid UTF-8" : strerror(-r));
    else
        json_object_set_new(args, "file", v);
    buffer_close(&b);
    return v != NULL;
}

/* Words and options to the request's arguments, by the command's own description. */
static bool make_args(const json_t *command, int argc, char **argv, json_t *args, const char **out) {
    char *names = memory_text(text(command, "arguments")), *rest = names, *name = strsep(&rest, " ");
    bool good = true, plain = false, value;
    for (int i = 0; i < argc && good; i++) {
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && strncmp(argv[i], "--", 2) == 0) {
            const char *equals = strchr(argv[i], '=');
            size_t len = equals == NULL ? strlen(argv[i]) - 2 : (size_t)(equals - argv[i]) - 2;
            struct buffer option = {0};
            buffer_add(&option, bytes_of(argv[i] + 2, len));
            if (!has_option(text(command, "options"), buffer_string(&option), len, &value)) {
                fprintf(
                    stderr, "anjuctl: %s has no option --%s; it has: %s\n", text(command, "name"), buffer_string(&option),
                    text(command, "options"));
                good = false;
            } else if (!value) {
                json_object_set_new(args, buffer_string(&option), json_true());
            } else if (equals == NULL && i + 1 == argc) {
                fprintf(stderr, "anjuctl: --%s needs a value\n", buffer_string(&option));
                good = false;
            } else {
                const char *v = equals != NULL ? equals + 1 : argv[++i];
                if (strcmp(buffer_string(&option), "out") == 0)
                    *out = v;
                json_object_set_new(args, buffer_string(&option), json_string(v));
            }
            buffer_close(&option);
        } else if (name == NULL || *name == '\0') {
            fprintf(stderr, "anjuctl: %s: '%s' has no place; arguments: %s\n", text(command, "name"), argv[i], text(command, "arguments"));
            good = false;
        } else if (name[strlen(name) - 1] == '*') {
            name[strlen(name) - 1] = '\0';
            json_t *all = json_object_get(args, name);
            if (all == NULL)
                json_object_set_new(args, name, all = json_array());
            json_array_append_new(all, json_string(argv[i]));
            name[strlen(name)] = '*';
        } else {
            size_t last = strlen(name) - 1;
            if (name[last] == '?')
                name[last] = '\0';
            if (strcmp(name, "file") == 0)
                good = file_text(argv[i], args);
            else
                json_object_set_new(args, name, json_string(argv[i]));
            name = strsep(&rest, " ");
        }
    }
    if (good && name != NULL && *name != '\0' && strpbrk(name, "?*") == NULL) {
        fprintf(stderr, "anjuctl: %s: %s is missing; arguments: %s\n", text(command, "name"), name, text(command, "arguments"));
        good = false;
    }
    free(names);
    return good;
}

/* The answer's file goes to --out, mode 0600, and is not printed. */
struct saving {
    struct print *print;
    const char *out;
    int code;
};

static void save_row(void *owner, const json_t *row) {
    struct saving *s = owner;
    const char *hex = text(row, "file_hex");
    struct buffer file = {0};
    if (*hex == '\0' || s->out == NULL) {
        print_row(s->print, row);
        return;
    }
    int fd = open(s->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && hex_decode(hex, strlen(hex), &file) && write(fd, file.at, file.len) == (ssize_t)file.len && fsync(fd) == 0;
    if (!good) {
        fprintf(stderr, "anjuctl: %s: %s\n", s->out, strerror(errno));
        s->code = CTL_REFUSED;
    }
    if (fd >= 0)
        close(fd);
    buffer_close(&file);
    json_t *shown = json_copy((json_t *)(uintptr_t)row);
    json_object_del(shown, "file_hex");
    json_object_set_new(shown, "file", json_string(s->out));
    print_row(s->print, shown);
    json_decref(shown);
}

static int run_command(struct ctl *c, int argc, char **argv) {
    int used, r = load_commands(c);
    if (r != CTL_GOOD)
        return r;
    const json_t *command = find_command(c, argc, argv, &used);
    static const char *const always[] = {"hello", "version", "limits", "commands", "schema"};
    for (size_t i = 0; command == NULL && i < sizeof always / sizeof *always; i++)
        if (strcmp(argv[0], always[i]) == 0) {
            c->print.columns = i <= 1 ? "" : i == 2 ? "name value unit what" : "name level arguments summary";
            r = client_ask(&c->client, i == 4 ? "commands" : always[i], NULL);
            r = r == CTL_GOOD ? client_answers(&c->client, print_row, &c->print) : r;
            print_end(&c->print);
            return r;
        }
    if (command == NULL)
        return unknown(c, argv[0]);
    json_t *args = json_object();
    struct saving s = {.print = &c->print};
    if (!make_args(command, argc - used, argv + used, args, &s.out)) {
        json_decref(args);
        return CTL_USAGE;
    }
    const char *timeout = text(args, "timeout");
    if (*timeout != '\0')
        c->client.timeout_ms = (unsigned)(strtod(timeout, NULL) * 1000) + 5000;
    c->print.columns = text(command, "columns");
    r = client_ask(&c->client, text(command, "name"), args);
    if (r == CTL_GOOD)
        r = client_answers(&c->client, save_row, &s);
    print_end(&c->print);
    return r == CTL_GOOD ? s.code : r;
}

/* Requests from standard input over one session; the answers' lines as they are. */
static int run_batch(struct ctl *c) {
    int r = client_open(&c->client, c->socket, c->timeout_ms), worst = CTL_GOOD;
    char *line = NULL;
    size_t room = 0;
    while (r == CTL_GOOD && getline(&line, &room, stdin) > 0) {
        json_error_t wrong;
        json_t *q = json_loads(line, 0, &wrong);
        const char *cmd = json_string_value(json_object_get(q, "cmd"));
        if (cmd == NULL) {
            fprintf(stderr, "anjuctl: a line of a batch is {\"cmd\":…,\"args\":{…}}: %s", line);
            r = CTL_USAGE;
        } else {
            r = client_ask(&c->client, cmd, json_incref(json_object_get(q, "args")));
        }
        json_decref(q);
        bool last = false;
        while (r == CTL_GOOD && !last) {
            json_t *answer = client_next(&c->client, &r);
            if (answer == NULL)
                break;
            last = json_object_get(answer, "row") == NULL;
            if (json_object_get(answer, "error") != NULL)
                worst = client_error_code(json_object_get(answer, "error"));
            char *out = json_dumps(answer, JSON_COMPACT);
            puts(out);
            free(out);
            json_decref(answer);
        }
    }
    free(line);
    return r == CTL_GOOD ? worst : r;
}

static int run(struct ctl *c, int argc, char **argv) {
    if (argc == 0 || strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0)
        return help(c);
    if (strcmp(argv[0], "version") == 0) {
        printf("anjuctl %s, anju-ctl/1\n", PROGRAM_VERSION);
        return access(c->socket, F_OK) == 0 ? run_command(c, argc, argv) : CTL_GOOD; /* and the daemon's, where there is one */
    }
    if (strcmp(argv[0], "batch") == 0)
        return run_batch(c);
    if (strcmp(argv[0], "import") == 0)
        return import_run(c->socket, argc - 1, argv + 1);
    if (strcmp(argv[0], "replay") == 0)
        return replay_run(argc - 1, argv + 1);
    return run_command(c, argc, argv);
}

int main(int argc, char **argv) {
    struct ctl c = {.lang = "en", .timeout_ms = 30000, .client = {.fd = -1}, .print = {.columns = ""}};
    const char *socket = NULL;
    int i = 1;
    if (setlocale(LC_ALL, "") == NULL || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
        setlocale(LC_ALL, "C.UTF-8");
    for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--help") != 0; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "-s") == 0 && more)
            socket = argv[++i];
        else if (strcmp(argv[i], "-o") == 0 && more && print_form_parse(argv[i + 1], &c.print.form))
            i++;
        else if (strcmp(argv[i], "-t") == 0 && more)
            c.timeout_ms = (unsigned)(strtod(argv[++i], NULL) * 1000);
        else if (strcmp(argv[i], "--lang") == 0 && more)
            c.lang = argv[++i];
        else if (strcmp(argv[i], "--no-header") == 0)
            c.print.no_header = true;
        else {
            fprintf(stderr, "anjuctl: '%s' is not understood\n%s", argv[i], usage_text);
            return CTL_USAGE;
        }
    }
    c.socket = folder_of(socket);
    int r = run(&c, argc - i, argv + i);
    client_close(&c.client);
    json_decref(c.commands);
    return r;
}
