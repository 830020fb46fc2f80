/* anjuctl: the operators' and scripts' tool. It asks the daemon for its command table and makes help, arguments and tables from it; only
 * what reads local files is known here: import, replay, batch. */
#include "common/base/document.h"
#include "common/base/file.h"
#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/program.h"
#include "common/base/utf8.h"
#include "common/daemon/check.h"
#include "common/daemon/client.h"
#include "common/daemon/import.h"
#include "common/daemon/policy_tool.h"
#include "common/daemon/print.h"
#include "common/daemon/words.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { STANDARD_MS = 30000, PATIENT_MS = 86400000 };

struct ctl {
    struct client client;
    struct print print;
    const char *socket, *lang;
    unsigned timeout_ms;
    double watch;     /* seconds; 0: asked once */
    json_t *commands; /* owns; rows of `commands` */
    json_t *titles;   /* owns; by field, of the command that is asked */
};

static const char usage_text[] =
    "anjuctl [-s FOLDER|hub|node] [-o table|wide|json|jsonl|csv|name] [-t SECONDS] [--watch[=SECONDS]] [--no-header] "
    "[--color=auto|always|never] "
    "[--lang zh|en] COMMAND …\n"
    "These options may also follow the command. `anjuctl help COMMAND` tells what it takes and what its answers mean.\n"
    "\n"
    "Local commands:\n"
    "  import TABLE FILE.csv --map FILE   a spreadsheet's rows; says per row what is wrong; --update writes over older values  (node)\n"
    "  replay …                           edit logs of several offices in time order          (node; anjuctl replay --help)\n"
    "  policy check FILE.yaml…            all that is wrong with policy files\n"
    "  policy keygen, policy sign         policy keys and signatures away from the hub; --help\n"
    "  batch                              requests from standard input, one JSON object a line\n"
    "  check                              a daemon for a monitor: exits 0 good, 1 warning, 2 critical or not to be asked, 3 unknown;\n"
    "                                     `status -x` does so too\n"
    "  completion bash                    what the shell is to know: eval \"$(anjuctl completion bash)\"\n"
    "  version, help\n"
    "\nExit: 0 good, 1 refused or failed, 3 not running, 4 denied, 5 no such thing, 6 timed out, 64 usage\n";

static const char usage_zh[] =
    "anjuctl [-s 目录|hub|node] [-o table|wide|json|jsonl|csv|name] [-t 秒] [--watch[=秒]] [--no-header] [--color=auto|always|never] "
    "[--lang zh|en] 命令 …\n"
    "以上选项也可写在命令之后。`anjuctl help 命令`说明该命令的参数和结果的含义。\n"
    "\n"
    "本机命令：\n"
    "  import 表 文件.csv --map 文件      导入表格的行，逐行说明错误；--update覆盖旧值（节点）\n"
    "  replay …                           按时间顺序重放几个办公室的编辑日志（节点；anjuctl replay --help）\n"
    "  policy check 文件.yaml…            检查政策文件的全部错误\n"
    "  policy keygen, policy sign         离线生成政策密钥和签名；--help\n"
    "  batch                              从标准输入读取请求，每行一个JSON对象\n"
    "  check                              供监控系统检查守护进程：退出码0正常，1警告，2严重或无法查询，3未知；\n"
    "                                     `status -x`同此\n"
    "  completion bash                    命令补全：eval \"$(anjuctl completion bash)\"\n"
    "  version, help\n"
    "\n退出码：0成功，1被拒绝或失败，3未运行，4无权限，5不存在，6超时，64用法错误\n";

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
    int r = client_open(&c->client, c->socket, c->timeout_ms, c->lang);
    if (r == CTL_GOOD)
        r = client_ask(&c->client, "commands", NULL);
    c->commands = json_array();
    return r == CTL_GOOD ? client_answers(&c->client, keep_row, c->commands) : r;
}

static bool chinese(const struct ctl *c) {
    return strcmp(c->lang, "zh") == 0;
}

static void help_line(const struct ctl *c, const json_t *row) {
    printf("  %-16s %-14s %s\n", text(row, "name"), text(row, "arguments"), text(row, chinese(c) ? "summary_zh" : "summary"));
    if (strcmp(text(row, "options"), "password") == 0)
        return; /* no word of a line: it is asked for */
    for (const char *at = text(row, "options"); *at != '\0';) {
        size_t n = strcspn(at, " ");
        printf(at == text(row, "options") ? "  %-16s   --%.*s%s" : "%.0s --%.*s%s", "", (int)n, at, at[n - 1] == '=' ? "…" : "");
        at += n + (at[n] == ' ');
        if (*at == '\0')
            putchar('\n');
    }
}

static int help(struct ctl *c) {
    size_t i;
    json_t *row;
    fputs(chinese(c) ? usage_zh : usage_text, stdout);
    if (load_commands(c) != CTL_GOOD)
        return CTL_GOOD;
    printf(words_in(chinese(c), "\nCommands of the daemon at %s:\n"), c->socket);
    json_array_foreach(c->commands, i, row) {
        help_line(c, row);
    }
    return CTL_GOOD;
}

static void field_line(void *owner, const json_t *row) {
    const struct ctl *c = owner;
    printf("  %-18s %-14s %s\n", text(row, "field"), text(row, "unit"), text(row, chinese(c) ? "text_zh" : "text"));
}

static int ask_schema(struct ctl *c, const json_t *command, void (*each)(void *owner, const json_t *row), void *owner) {
    int r = client_ask(&c->client, "schema", json_pack("{s:s}", "command", text(command, "name")));
    return r == CTL_GOOD ? client_answers(&c->client, each, owner) : r;
}

/* One command's: what it takes, and its answers' fields from the daemon's schema. */
static int help_command(struct ctl *c, const json_t *command) {
    help_line(c, command);
    putchar('\n');
    return ask_schema(c, command, field_line, c);
}

/* "磁盘剩余(上次报告)" is 磁盘剩余 on a column. */
static void keep_title(void *titles, const json_t *row) {
    const char *title = text(row, "text_zh");
    size_t len = strcspn(title, "(");
    const char *colon = strstr(title, "：");
    if (colon != NULL && (size_t)(colon - title) < len)
        len = (size_t)(colon - title);
    json_object_set_new(titles, text(row, "field"), json_stringn(title, len));
}

/* Tables in Chinese have Chinese titles: the daemon's own short texts of its fields. */
static void ask_titles(struct ctl *c, const json_t *command) {
    if (!chinese(c) || (c->print.form != PRINT_TABLE && c->print.form != PRINT_WIDE))
        return;
    c->titles = json_object();
    if (ask_schema(c, command, keep_title, c->titles) == CTL_GOOD)
        c->print.titles = c->titles;
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
        for (int n = 1; n <= argc && n <= 3; n++) {
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
    client_complain(
        c->lang,
        near == NULL ? "no command '%s'%s; `anjuctl help` lists them" : "no command '%s'; did you mean '%s'? `anjuctl help` lists them",
        word, near == NULL ? "" : near);
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

static size_t line_not_utf8(struct bytes text) {
    size_t line = 1;
    for (;; line++) {
        const uint8_t *end = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.at);
        if (end == NULL || !utf8_valid(bytes_of(text.at, len)))
            return line;
        text = bytes_of(end + 1, text.len - len - 1);
    }
}

static bool file_text(const struct ctl *c, const char *path, json_t *args) {
    struct buffer b = {0};
    int r = file_read(path, LIMIT_POLICY_BYTES, &b);
    json_t *v = r == 0 ? json_stringn(buffer_string(&b), b.len) : NULL;
    if (r == -EFBIG)
        client_complain(c->lang, "%s: a policy has at most 1 MiB; make several of it, each with a name of its own", path);
    else if (r != 0)
        client_complain(c->lang, "%s: %s", path, words_errno(chinese(c), -r));
    else if (v == NULL)
        client_complain(c->lang, "%s:%zu:1: this is no UTF-8 text; save the file as UTF-8", path, line_not_utf8(buffer_bytes(&b)));
    else
        json_object_set_new(args, "file", v);
    buffer_close(&b);
    return v != NULL;
}

/* Words and options to the request's arguments, by the command's own description. */
static bool make_args(const struct ctl *c, const json_t *command, int argc, char **argv, json_t *args, const char **out) {
    char *names = memory_text(text(command, "arguments")), *rest = names, *name = strsep(&rest, " ");
    bool good = true, plain = false, value;
    for (int i = 0; i < argc && good; i++) {
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && strcmp(argv[i], "-f") == 0 && has_option(text(command, "options"), "follow", 6, &value)) {
            json_object_set_new(args, "follow", json_true());
        } else if (!plain && strncmp(argv[i], "--", 2) == 0) {
            const char *equals = strchr(argv[i], '=');
            size_t len = equals == NULL ? strlen(argv[i]) - 2 : (size_t)(equals - argv[i]) - 2;
            struct buffer option = {0};
            buffer_add(&option, bytes_of(argv[i] + 2, len));
            if (!has_option(text(command, "options"), buffer_string(&option), len, &value)) {
                client_complain(
                    c->lang, "%s has no option --%s; it has: %s", text(command, "name"), buffer_string(&option), text(command, "options"));
                good = false;
            } else if (strcmp(buffer_string(&option), "password") == 0) {
                client_complain(c->lang, "a password does not belong into a command line: it is asked for, or one line of standard input");
                good = false;
            } else if (!value) {
                json_object_set_new(args, buffer_string(&option), json_true());
            } else if (equals == NULL && i + 1 == argc) {
                client_complain(c->lang, "--%s needs a value", buffer_string(&option));
                good = false;
            } else {
                const char *v = equals != NULL ? equals + 1 : argv[++i];
                if (strcmp(buffer_string(&option), "out") == 0)
                    *out = v;
                json_object_set_new(args, buffer_string(&option), json_string(v));
            }
            buffer_close(&option);
        } else if (name == NULL || *name == '\0') {
            client_complain(c->lang, "%s: '%s' has no place; arguments: %s", text(command, "name"), argv[i], text(command, "arguments"));
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
                good = file_text(c, argv[i], args);
            else
                json_object_set_new(args, name, json_string(argv[i]));
            name = strsep(&rest, " ");
        }
    }
    if (good && name != NULL && *name != '\0' && strpbrk(name, "?*") == NULL) {
        client_complain(c->lang, "%s: %s is missing; arguments: %s", text(command, "name"), name, text(command, "arguments"));
        good = false;
    }
    free(names);
    return good;
}

/* An answer's file goes to --out, mode 0600, and is not printed. The file is made before the daemon is asked: what can be had only once is
 * not asked for when it cannot be kept. */
struct saving {
    const struct ctl *ctl; /* borrows */
    struct print *print;
    const char *out;
    int fd, code;
    bool kept;
};

static bool saving_open(const struct ctl *c, struct saving *s, const json_t *command) {
    bool value;
    s->fd = -1;
    if (!has_option(text(command, "options"), "out", 3, &value))
        return true;
    if (s->out == NULL) {
        client_complain(c->lang, "%s: its file holds secrets and is not shown; --out FILE says where it goes", text(command, "name"));
        s->code = CTL_USAGE;
        return false;
    }
    s->fd = open(s->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        client_complain(c->lang, "%s: %s; nothing was asked for", s->out, words_errno(chinese(c), errno));
        s->code = CTL_REFUSED;
    }
    return s->fd >= 0;
}

static void saving_close(struct saving *s) {
    if (s->fd < 0)
        return;
    close(s->fd);
    if (!s->kept)
        unlink(s->out);
}

static void save_row(void *owner, const json_t *row) {
    struct saving *s = owner;
    const char *hex = text(row, "file_hex");
    struct buffer file = {0};
    if (*hex == '\0' || s->fd < 0) {
        print_row(s->print, row);
        return;
    }
    s->kept = hex_decode(hex, strlen(hex), &file) && write(s->fd, file.at, file.len) == (ssize_t)file.len && fsync(s->fd) == 0;
    if (!s->kept) {
        client_complain(
            s->ctl->lang, "%s: %s; it was done, and `anjuctl node enrolment %lld --out FILE` gives the file again", s->out,
            words_errno(chinese(s->ctl), errno), (long long)json_integer_value(json_object_get(row, "node")));
        s->code = CTL_REFUSED;
    }
    buffer_close(&file);
    json_t *shown = json_copy((json_t *)(uintptr_t)row);
    json_object_del(shown, "file_hex");
    json_object_set_new(shown, "file", s->kept ? json_string(s->out) : json_null());
    print_row(s->print, shown);
    json_decref(shown);
}

static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* What cannot be taken back asks a person at a terminal to say the id once more; a script says --confirm ID, or --yes. */
static void ask_confirmation(const struct ctl *c, const json_t *command, json_t *args) {
    char line[128];
    bool value;
    if (!has_option(text(command, "options"), "confirm", 7, &value) || json_object_get(args, "confirm") != NULL ||
        json_object_get(args, "yes") != NULL || json_object_get(args, "dry-run") != NULL || !isatty(STDIN_FILENO))
        return;
    fputs(words_in(chinese(c), "This cannot be undone. Type the id once more to confirm: "), stderr);
    if (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        json_object_set_new(args, "confirm", json_string(line));
    }
}

static bool read_line(char *line, size_t room) {
    if (fgets(line, (int)room, stdin) == NULL)
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

/* Others see the words of a command, and a shell keeps them: a password is none of them. A person at a terminal says it twice. */
static bool ask_password(const struct ctl *c, json_t *args) {
    enum { ROOM = LIMIT_PASSWORD_BYTES + 3 /* a longer one is refused by the daemon */ };
    char line[ROOM] = "", again[ROOM] = "";
    struct termios was, quiet;
    bool person = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0, good;
    if (person) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        fputs(words_in(chinese(c), "Password: "), stderr);
        good = read_line(line, sizeof line);
        fputs(words_in(chinese(c), "\nOnce more: "), stderr);
        good = good && read_line(again, sizeof again);
        fputc('\n', stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        if (good && strcmp(line, again) != 0) {
            client_complain(c->lang, "the two are not the same");
            good = false;
        }
    } else if (!(good = read_line(line, sizeof line))) {
        client_complain(c->lang, "the password is one line of standard input, and there is none");
    }
    if (good && json_object_set_new(args, "password", json_string(line)) != 0) {
        client_complain(c->lang, "the password is not valid UTF-8");
        good = false;
    }
    sodium_memzero(line, sizeof line);
    sodium_memzero(again, sizeof again);
    return good;
}

/* A screen that is drawn anew where there is one; else one answer below the other. */
static void draw_frame(void *owner) {
    struct saving *s = owner;
    if (s->print->form == PRINT_TABLE || s->print->form == PRINT_WIDE)
        fputs(isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "\n", stdout);
    print_end(s->print);
    fflush(stdout);
}

/* What came last is not asked for again; until the daemon ends, or Ctrl-C. With --count 0 the first answer only says where that is. */
struct following {
    struct print *print;
    json_int_t last;
    bool silent;
};

static void follow_row(void *owner, const json_t *row) {
    struct following *f = owner;
    f->last = json_integer_value(json_object_get(row, "n"));
    if (!f->silent)
        print_row(f->print, row);
}

static int follow(struct ctl *c, const char *name, json_t *args /* takes */) {
    enum { EACH_MS = 500 };
    const char *count = text(args, "count");
    struct following f = {&c->print, strtoll(text(args, "after"), NULL, 10), *count != '\0' && count[strspn(count, "0")] == '\0'};
    int r = CTL_GOOD;
    bool first = true;
    json_object_del(args, "follow");
    if (f.silent)
        json_object_set_new(args, "count", json_integer(1));
    for (; r == CTL_GOOD; first = false) {
        r = client_ask(&c->client, name, json_deep_copy(args));
        if (r == CTL_GOOD)
            r = client_answers(&c->client, follow_row, &f);
        if (c->print.rows != NULL) {
            print_end(&c->print);
            c->print.no_header = true;
        }
        fflush(stdout);
        f.silent = false;
        json_object_set_new(args, "after", json_integer(f.last));
        json_object_set_new(args, "count", json_integer(1000000));
        if (r == CTL_GOOD)
            poll(NULL, 0, EACH_MS);
    }
    json_decref(args);
    return !first && r == CTL_REFUSED ? CTL_NOT_RUNNING : r; /* the same question again: it is stopping */
}

static int ask_daemon(struct ctl *c, const json_t *command, int argc, char **argv) {
    struct saving s = {.ctl = c, .print = &c->print, .fd = -1};
    json_t *args = json_object();
    if (!make_args(c, command, argc, argv, args, &s.out) || !saving_open(c, &s, command)) {
        json_decref(args);
        return s.code == CTL_GOOD ? CTL_USAGE : s.code;
    }
    ask_confirmation(c, command, args);
    bool with_value;
    if (has_option(text(command, "options"), "password", 8, &with_value) && !ask_password(c, args)) {
        json_decref(args);
        saving_close(&s);
        return CTL_USAGE;
    }
    const char *timeout = text(args, "timeout");
    bool waits;
    if (*timeout != '\0')
        c->client.timeout_ms = (unsigned)(strtod(timeout, NULL) * 1000) + 5000;
    else if (c->timeout_ms == STANDARD_MS && has_option(text(command, "options"), "timeout", 7, &waits))
        c->client.timeout_ms = PATIENT_MS; /* it takes as long as it takes, and the daemon says when it is over */
    c->print.columns = text(command, "columns");
    ask_titles(c, command);
    if (json_is_true(json_object_get(args, "follow")))
        return follow(c, text(command, "name"), args);
    int r = c->watch > 0 ? client_watch(&c->client, text(command, "name"), args, c->watch)
                         : client_ask(&c->client, text(command, "name"), args);
    if (r == CTL_GOOD)
        r = c->watch > 0 ? client_frames(&c->client, save_row, draw_frame, &s) : client_answers(&c->client, save_row, &s);
    saving_close(&s);
    if (r == CTL_GOOD || c->print.rows != NULL)
        print_end(&c->print);
    return r == CTL_GOOD ? s.code : r;
}

static int run_command(struct ctl *c, int argc, char **argv) {
    int used, r = load_commands(c);
    if (r != CTL_GOOD)
        return r;
    const json_t *command = find_command(c, argc, argv, &used);
    if (command != NULL && asks_help(argc - used, argv + used))
        return help_command(c, command);
    if (command != NULL)
        return ask_daemon(c, command, argc - used, argv + used);
    static const char *const always[] = {"hello", "version", "limits", "commands"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (strcmp(argv[0], always[i]) == 0) {
            c->print.columns = i <= 1 ? "" : i == 2 ? "name value unit what" : "name level arguments summary";
            r = client_ask(&c->client, always[i], NULL);
            r = r == CTL_GOOD ? client_answers(&c->client, print_row, &c->print) : r;
            print_end(&c->print);
            return r;
        }
    return unknown(c, argv[0]);
}

/* help COMMAND: the local commands tell themselves. */
static int help_for(struct ctl *c, int argc, char **argv) {
    char *asks[] = {"--help"};
    int used, r;
    if (strcmp(argv[0], "import") == 0)
        return import_run(c->socket, c->lang, 1, asks);
    if (strcmp(argv[0], "replay") == 0)
        return replay_run(c->lang, 1, asks);
    r = load_commands(c);
    if (r != CTL_GOOD)
        return r;
    const json_t *command = find_command(c, argc, argv, &used);
    return command == NULL ? unknown(c, argv[0]) : help_command(c, command);
}

static int show_version(struct ctl *c) {
    printf("anjuctl %s, anju-ctl/1\n", PROGRAM_VERSION);
    if (access(c->socket, F_OK) != 0)
        return CTL_GOOD; /* no daemon here to ask */
    int r = client_open(&c->client, c->socket, c->timeout_ms, c->lang);
    if (r == CTL_GOOD)
        r = client_ask(&c->client, "version", NULL);
    c->print.columns = "";
    if (r == CTL_GOOD)
        r = client_answers(&c->client, print_row, &c->print);
    if (r == CTL_GOOD)
        print_end(&c->print);
    return r;
}

/* Requests from standard input over one session; the answers' lines as they are. */
static int run_batch(struct ctl *c) {
    int r = client_open(&c->client, c->socket, c->timeout_ms, c->lang), worst = CTL_GOOD;
    char *line = NULL;
    size_t room = 0;
    while (r == CTL_GOOD && getline(&line, &room, stdin) > 0) {
        json_error_t wrong;
        json_t *q = json_loads(line, 0, &wrong);
        const char *cmd = json_string_value(json_object_get(q, "cmd"));
        if (cmd == NULL) {
            line[strcspn(line, "\n")] = '\0';
            client_complain(c->lang, "a line of a batch is {\"cmd\":…,\"args\":{…}}: %s", line);
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

/* The screen, and the exit code of a check. */
static int status_for_monitor(struct ctl *c) {
    char *quiet[] = {"-f", "none"}, *status[] = {"status"};
    int r = run_command(c, 1, status);
    return r == CTL_NOT_RUNNING || r == CTL_DENIED || r == CTL_TIMEOUT ? CHECK_CRITICAL
                                                                       : check_run(c->socket, c->timeout_ms, c->lang, 2, quiet);
}

static void put_text(void *owner, const json_t *row) {
    (void)owner;
    fputs(text(row, "text"), stdout);
}

/* As they are, unless another form is asked for. */
static int show_metrics(struct ctl *c) {
    int r = client_open(&c->client, c->socket, c->timeout_ms, c->lang);
    r = r == CTL_GOOD ? client_ask(&c->client, "metrics", NULL) : r;
    return r == CTL_GOOD ? client_answers(&c->client, put_text, NULL) : r;
}

/* ---- completion: the shell asks for the words that may come next, and the daemon's table knows them */

static void offer(const char *word, size_t len, const char *begun) {
    if (strncmp(word, begun, strlen(begun)) == 0 && len >= strlen(begun))
        printf("%.*s\n", (int)len, word);
}

/* The names' next words after those that are there, and the options of the command that they name. */
static int offer_words(struct ctl *c, int argc, char **argv) {
    static const char *const local[] = {"import", "replay", "policy check", "policy keygen", "policy sign",
                                        "batch",  "check",  "version",      "help",          "completion bash"};
    static const char *const globals[] = {"-s", "-o", "-t", "--watch", "--no-header", "--color=", "--lang"};
    const char *begun = argc == 0 ? "" : argv[argc - 1];
    struct buffer said = {0};
    size_t i, given = argc == 0 ? 0 : (size_t)argc - 1;
    json_t *names = json_array(), *row;
    if (access(c->socket, F_OK) == 0)
        load_commands(c);
    for (i = 0; i < sizeof local / sizeof *local; i++)
        json_array_append_new(names, json_pack("{s:s, s:s}", "name", local[i], "options", ""));
    json_array_extend(names, c->commands);
    for (i = 0; i < given; i++)
        buffer_format(&said, "%s%s", i == 0 ? "" : " ", argv[i]);
    size_t len = said.len;
    for (i = 0; given == 0 && *begun == '-' && i < sizeof globals / sizeof *globals; i++)
        offer(globals[i], strlen(globals[i]), begun);
    json_array_foreach(names, i, row) {
        const char *name = text(row, "name");
        bool longer = strncmp(name, buffer_string(&said), len) == 0 && (len == 0 || name[len] == ' ');
        if (longer) {
            const char *next = name + len + (len > 0);
            offer(next, strcspn(next, " "), begun);
        }
        size_t whole = strlen(name);
        if (*begun == '-' && strncmp(buffer_string(&said), name, whole) == 0 && (said.len == whole || said.at[whole] == ' '))
            for (const char *at = text(row, "options"); *at != '\0'; at += *at == ' ') {
                struct buffer option = {0};
                size_t n = strcspn(at, " ");
                buffer_format(&option, "--%.*s", (int)(n - (at[n - 1] == '=')), at);
                offer(buffer_string(&option), option.len, begun);
                buffer_close(&option);
                at += n;
            }
    }
    buffer_close(&said);
    json_decref(names);
    return CTL_GOOD;
}

static const char bash_text[] = "_anjuctl() {\n"
                                "    local IFS=$'\\n'\n"
                                "    COMPREPLY=($(anjuctl completion words \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | sort -u))\n"
                                "}\n"
                                "complete -o default -F _anjuctl anjuctl\n";

static int completion(struct ctl *c, int argc, char **argv) {
    if (argc > 0 && strcmp(argv[0], "words") == 0)
        return offer_words(c, argc - 1, argv + 1);
    if (argc == 1 && strcmp(argv[0], "bash") == 0) {
        fputs(bash_text, stdout);
        return CTL_GOOD;
    }
    client_complain(c->lang, "completion bash: what the shell is to know");
    return CTL_USAGE;
}

static int run(struct ctl *c, int argc, char **argv) {
    static const struct {
        const char *word;
        int (*run)(int argc, char **argv);
    } policies[] = {{"check", policy_check}, {"keygen", policy_keygen}, {"sign", policy_sign_words}};
    if (argc == 0 || strcmp(argv[0], "--help") == 0)
        return help(c);
    if (strcmp(argv[0], "help") == 0)
        return argc == 1 ? help(c) : help_for(c, argc - 1, argv + 1);
    if (strcmp(argv[0], "version") == 0)
        return show_version(c);
    if (strcmp(argv[0], "completion") == 0)
        return completion(c, argc - 1, argv + 1);
    if (strcmp(argv[0], "batch") == 0)
        return run_batch(c);
    if (strcmp(argv[0], "import") == 0)
        return import_run(c->socket, c->lang, argc - 1, argv + 1);
    if (strcmp(argv[0], "replay") == 0)
        return replay_run(c->lang, argc - 1, argv + 1);
    if (strcmp(argv[0], "check") == 0 && !asks_help(argc - 1, argv + 1))
        return check_run(c->socket, c->timeout_ms, c->lang, argc - 1, argv + 1);
    if (argc == 1 && strcmp(argv[0], "metrics") == 0 && c->print.form == PRINT_TABLE)
        return show_metrics(c);
    if (argc == 2 && strcmp(argv[0], "status") == 0 && strcmp(argv[1], "-x") == 0)
        return status_for_monitor(c);
    for (size_t i = 0; i < sizeof policies / sizeof *policies && argc > 1; i++)
        if (strcmp(argv[0], "policy") == 0 && strcmp(argv[1], policies[i].word) == 0)
            return policies[i].run(argc - 2, argv + 2);
    return run_command(c, argc, argv);
}

static bool take_timeout(const char *word, unsigned *ms) {
    char *end;
    double seconds = strtod(word, &end);
    if (end == word || *end != '\0' || !(seconds > 0 && seconds <= 86400))
        return false;
    *ms = (unsigned)(seconds * 1000);
    return true;
}

static bool take_watch(const char *word, double *seconds) {
    char *end;
    *seconds = 2;
    if (*word == '\0')
        return true;
    *seconds = strtod(word + 1, &end);
    return end != word + 1 && *end == '\0' && *seconds >= 0.2 && *seconds <= 3600;
}

/* auto: on a terminal, unless NO_COLOR says otherwise (no-color.org). */
static bool take_color(const char *when, bool *color) {
    const char *none = getenv("NO_COLOR");
    *color = strcmp(when, "always") == 0 || (strcmp(when, "auto") == 0 && isatty(STDOUT_FILENO) == 1 && (none == NULL || *none == '\0'));
    return *color || strcmp(when, "auto") == 0 || strcmp(when, "never") == 0;
}

/* Takes the options that every command has out of the words, before or behind the command, up to a "--". */
static bool take_globals(struct ctl *c, int *argc, char **argv, const char **socket) {
    int kept = 0;
    bool plain = false, command = false;
    for (int i = 0; i < *argc && argv[i] != NULL; i++) {
        const char *word = argv[i], *value = i + 1 < *argc ? argv[i + 1] : NULL;
        bool good = true, took = true;
        plain = plain || strcmp(word, "--") == 0;
        if (plain)
            took = false;
        else if (strcmp(word, "-s") == 0) {
            good = value != NULL;
            *socket = value;
        } else if (strcmp(word, "-o") == 0)
            good = value != NULL && print_form_parse(value, &c->print.form);
        else if (strcmp(word, "-t") == 0)
            good = value != NULL && take_timeout(value, &c->timeout_ms);
        else if (strcmp(word, "--lang") == 0) {
            good = value != NULL && (strcmp(value, "zh") == 0 || strcmp(value, "en") == 0);
            c->lang = good ? value : c->lang;
        } else if (strcmp(word, "--no-header") == 0)
            c->print.no_header = true;
        else if (strncmp(word, "--color=", 8) == 0)
            good = take_color(word + 8, &c->print.color);
        else if (strcmp(word, "--watch") == 0 || strncmp(word, "--watch=", 8) == 0)
            good = take_watch(word + 7, &c->watch);
        else {
            took = false;
            good = command || word[0] != '-' || strcmp(word, "--help") == 0;
        }
        if (!good) {
            client_complain(
                c->lang, "'%s%s%s' is not understood", word, took && value != NULL ? " " : "", took && value != NULL ? value : "");
            fputs(chinese(c) ? usage_zh : usage_text, stderr);
            return false;
        }
        c->print.zh = chinese(c);
        command = command || !took;
        if (!took)
            argv[kept++] = argv[i];
        else if (strcmp(word, "--no-header") != 0 && strncmp(word, "--watch", 7) != 0 && strncmp(word, "--color=", 8) != 0)
            i++;
    }
    *argc = kept;
    return true;
}

/* As programs that have their texts by gettext find it (POSIX.1-2017, 8.2); --lang says another. */
static const char *language_of_environment(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return strncmp(value, "zh", 2) == 0 ? "zh" : "en";
    }
    return "en";
}

int main(int argc, char **argv) {
    struct ctl c = {.lang = language_of_environment(), .timeout_ms = STANDARD_MS, .client = {.fd = -1}, .print = {.columns = ""}};
    const char *socket = NULL;
    if (setlocale(LC_ALL, "") == NULL || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
        setlocale(LC_ALL, "C.UTF-8");
    take_color("auto", &c.print.color);
    c.print.zh = chinese(&c);
    argc--;
    argv++;
    if (!take_globals(&c, &argc, argv, &socket))
        return CTL_USAGE;
    c.socket = folder_of(socket);
    int r = run(&c, argc, argv);
    client_close(&c.client);
    json_decref(c.commands);
    json_decref(c.titles);
    return r;
}
