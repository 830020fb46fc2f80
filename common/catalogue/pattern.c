#include "common/catalogue/pattern.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MOST = 32, REPEAT_MOST = 100 };

static bool refused_repeat(const char *at, bool inside) {
    return inside || strtoul(at, NULL, 10) > REPEAT_MOST ||
           (strchr(at, ',') != NULL && strtoul(strchr(at, ',') + 1, NULL, 10) > REPEAT_MOST);
}

/* Past a bracket expression; NULL: it does not end, or holds what is not ASCII. */
static const char *past_bracket(const char *at) {
    at += at[1] == '^' ? 2 : 1;
    if (*at == ']')
        at++;
    for (; *at != '\0' && *at != ']'; at++) {
        if ((*at & 0x80) != 0)
            return NULL;
        if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=')) {
            const char mark[] = {at[1], ']', '\0'};
            at = strstr(at + 2, mark);
            if (at == NULL)
                return NULL;
            at++;
        }
    }
    return *at == ']' ? at : NULL;
}

/* What regcomp takes and we do not. */
static const char *refuse(const char *pattern) {
    bool repeats[GROUPS_MOST] = {false}, closed = false;
    unsigned depth = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        bool group = at > pattern && at[-1] == ')' && closed;
        if (*at == '\\') {
            if (at[1] >= '1' && at[1] <= '9')
                return "a pattern has no back references (\\1)";
            if (at[1] == '\0' || strchr(".*+?()[]{}|^$\\/-", at[1]) == NULL)
                return "a backslash stands before one of . * + ? ( ) [ ] { } | ^ $ \\ / -";
            at++;
            continue;
        }
        if (*at == '[') {
            at = past_bracket(at);
            if (at == NULL)
                return "a [ ] is not closed, or holds other letters than ASCII; write (甲|乙) instead";
        } else if (*at == '(') {
            if (++depth >= GROUPS_MOST)
                return "too many groups inside each other";
            repeats[depth] = false;
        } else if (*at == ')' && depth > 0) {
            closed = repeats[depth--];
            repeats[depth] |= closed;
        } else if (*at == '*' || *at == '+' || *at == '{') {
            if (*at == '{' && refused_repeat(at + 1, group))
                return "a repeat {n,m} goes to at most 100, and not around another repeat";
            if (group)
                return "a repeat around another repeat is not taken: it can take for ever";
            repeats[depth] = true;
        }
    }
    return NULL;
}

const char *pattern_compile(const char *pattern, regex_t *out) {
    char whole[PATTERN_MOST + 8];
    if (*pattern == '\0')
        return "a pattern is empty";
    if (strlen(pattern) > PATTERN_MOST)
        return "a pattern has at most 200 bytes";
    const char *wrong = refuse(pattern);
    if (wrong != NULL)
        return wrong;
    snprintf(whole, sizeof whole, "^(%s)$", pattern);
    return regcomp(out, whole, REG_EXTENDED | REG_NOSUB) == 0 ? NULL : "this is no POSIX extended expression";
}
