#include "common/daemon/check.h"

#include "common/daemon/client.h"
#include "common/daemon/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_NAGIOS, FORM_PROMETHEUS, FORM_JSON, FORM_NONE /* only the exit code */ };

static const char *text(const json_t *o, const char *name) {
    const char *t = json_string_value(json_object_get(o, name));
    return t == NULL ? "" : t;
}

static int code_of(const char *state) {
    return strcmp(state, "ok") == 0         ? CHECK_GOOD
           : strcmp(state, "warning") == 0  ? CHECK_WARNING
           : strcmp(state, "critical") == 0 ? CHECK_CRITICAL
                                            : CHECK_UNKNOWN;
}

static const char *word_of(int code) {
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    return words[code];
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

/* ---- forms */

/* The words of a line may not hold what parts it. */
static void say_line(const char *words) {
    for (; *words != '\0'; words++)
        putchar(*words == '|' || *words == '\n' ? '/' : *words);
}

static void say_problem(const json_t *row) {
    say_line(text(row, "text"));
    fputs("; ", stdout);
    say_line(text(row, "next"));
}

static void say_nagios(const json_t *answer, int code) {
    const json_t *problems = json_object_get(answer, "problems");
    const char *name;
    json_t *v;
    size_t count = json_array_size(problems);
    printf("ANJU %s - ", word_of(code));
    if (count == 0)
        fputs("nothing is wrong", stdout);
    else
        say_problem(json_array_get(problems, 0));
    if (count > 1)
        printf(" (and %zu more)", count - 1);
    fputs(" |", stdout);
    json_object_foreach(json_object_get(answer, "numbers"), name, v) {
        if (json_is_integer(v))
            printf(
                " %s=%lld%s", name, (long long)json_integer_value(v),
                ends_with(name, "_ms")      ? "ms"
                : ends_with(name, "_bytes") ? "B"
                                            : "");
    }
    putchar('\n');
    for (size_t i = 1; i < count; i++) {
        printf("%s: ", text(json_array_get(problems, i), "severity"));
        say_problem(json_array_get(problems, i));
        putchar('\n');
    }
}

/* Problems of one code, as of several nodes, are one line. */
static void say_codes(const json_t *problems) {
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *row = json_array_get(problems, i);
        unsigned same = 0;
        bool told = false;
        for (size_t k = 0; k < json_array_size(problems); k++)
            if (strcmp(text(json_array_get(problems, k), "code"), text(row, "code")) == 0) {
                told = told || k < i;
                same++;
            }
        if (!told)
            printf("anju_check_problem{code=\"%s\",severity=\"%s\"} %u\n", text(row, "code"), text(row, "severity"), same);
    }
}

static void say_prometheus(const json_t *answer, int code) {
    const char *name;
    json_t *v;
    printf("# HELP anju_check_state 0 ok, 1 warning, 2 critical\n# TYPE anju_check_state gauge\nanju_check_state %d\n", code);
    if (json_array_size(json_object_get(answer, "problems")) > 0)
        fputs("# HELP anju_check_problem What is wrong, by code.\n# TYPE anju_check_problem gauge\n", stdout);
    say_codes(json_object_get(answer, "problems"));
    fputs("# HELP anju_check_number A number of the check, with its unit in the name.\n# TYPE anju_check_number gauge\n", stdout);
    json_object_foreach(json_object_get(answer, "numbers"), name, v) {
        if (json_is_integer(v))
            printf("anju_check_number{name=\"%s\"} %lld\n", name, (long long)json_integer_value(v));
    }
}

static void say(const json_t *answer, int code, enum form form) {
    if (form == FORM_NAGIOS) {
        say_nagios(answer, code);
    } else if (form == FORM_PROMETHEUS) {
        say_prometheus(answer, code);
    } else if (form == FORM_JSON) {
        char *all = json_dumps(answer, JSON_INDENT(1));
        puts(all == NULL ? "{}" : all);
        free(all);
    }
}

/* ---- asking */

static int unreachable(bool zh, enum form form) {
    json_t *answer = json_pack(
        "{s:s, s:{}, s:[{s:s, s:s, s:n, s:s, s:s, s:{}}]}", "state", "critical", "numbers", "problems", "severity", "critical", "code",
        "unreachable", "node", "text", words_in(zh, "the daemon cannot be asked"), "next", words_in(zh, "look whether it runs"), "facts");
    say(answer, CHECK_CRITICAL, form);
    json_decref(answer);
    return CHECK_CRITICAL;
}

static void keep(void *owner, const json_t *row) {
    json_t **answer = owner;
    json_decref(*answer);
    *answer = json_incref((json_t *)(uintptr_t)row);
}

static int ask(const char *socket, unsigned timeout_ms, const char *lang, json_t *args /* takes */, enum form form) {
    struct client client;
    json_t *answer = NULL;
    int r = client_open(&client, socket, timeout_ms, lang);
    if (r != CTL_GOOD)
        json_decref(args);
    else
        r = client_ask(&client, "check", args);
    if (r == CTL_GOOD)
        r = client_answers(&client, keep, &answer);
    client_close(&client);
    int code = r == CTL_GOOD ? code_of(text(answer, "state")) : CHECK_UNKNOWN;
    if (r == CTL_GOOD)
        say(answer, code, form);
    else if (r == CTL_NOT_RUNNING || r == CTL_DENIED || r == CTL_TIMEOUT)
        code = unreachable(strcmp(lang, "zh") == 0, form);
    else if (form == FORM_NAGIOS)
        printf("ANJU UNKNOWN - %s\n", words_in(strcmp(lang, "zh") == 0, "the question was refused"));
    json_decref(answer);
    return code;
}

static bool take_form(const char *word, enum form *out) {
    static const char *const names[] = {"nagios", "prometheus", "json", "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0) {
            *out = (enum form)i;
            return true;
        }
    return false;
}

int check_run(const char *socket, unsigned timeout_ms, const char *lang, int argc, char **argv) {
    static const char *const limits[] = {"max-lag", "max-offline", "disk"};
    enum form form = FORM_NAGIOS;
    json_t *args = json_object();
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *name = NULL, *value = NULL;
        for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
            size_t n = strlen(limits[k]);
            if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, limits[k], n) == 0 && (word[n + 2] == '\0' || word[n + 2] == '=')) {
                name = limits[k];
                value = word[n + 2] == '=' ? word + n + 3 : i + 1 < argc ? argv[++i] : NULL;
            }
        }
        if (name != NULL && value != NULL) {
            json_object_set_new(args, name, json_string(value));
        } else if (strcmp(word, "-f") != 0 || i + 1 >= argc || !take_form(argv[++i], &form)) {
            printf("ANJU UNKNOWN - check [--max-lag S] [--max-offline S] [--disk MIB] [-f nagios|prometheus|json]; not: %s\n", argv[i]);
            json_decref(args);
            return CHECK_UNKNOWN;
        }
    }
    return ask(socket, timeout_ms, lang, args, form);
}
