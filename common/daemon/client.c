#include "common/daemon/client.h"

#include "common/base/error.h"
#include "common/daemon/words.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void client_complain(const char *lang, const char *format, ...) {
    CLEANUP(buffer_close) struct buffer text = {0};
    va_list args;
    va_start(args, format);
    words_format(&text, strcmp(lang, "zh") == 0, format, args);
    va_end(args);
    fprintf(stderr, "anjuctl: %s\n", buffer_string(&text));
}

static int try_open(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

int client_open(struct client *c, const char *where, unsigned timeout_ms, const char *lang) {
    struct stat st;
    *c = (struct client){.fd = -1, .timeout_ms = timeout_ms, .lang = lang};
    if (stat(where, &st) == 0 && S_ISDIR(st.st_mode)) {
        char path[512];
        snprintf(path, sizeof path, "%s/admin.sock", where);
        c->fd = try_open(path);
        if (c->fd < 0 && (errno == EACCES || errno == EPERM)) {
            snprintf(path, sizeof path, "%s/status.sock", where);
            c->fd = try_open(path);
        }
    } else {
        c->fd = try_open(where);
    }
    if (c->fd >= 0)
        return CTL_GOOD;
    int denied = errno == EACCES || errno == EPERM;
    client_complain(
        lang, denied ? "%s: %s; ask to be added to the daemon's group" : "%s: %s; is the daemon running? -s names its socket folder", where,
        words_errno(strcmp(lang, "zh") == 0, errno));
    return denied ? CTL_DENIED : CTL_NOT_RUNNING;
}

void client_close(struct client *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buffer_close(&c->in);
}

static int lost(const struct client *c) {
    client_complain(c->lang, "the daemon closed the session; look into its log");
    return CTL_NOT_RUNNING;
}

static int ask(struct client *c, json_t *whole) {
    char *text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    if (text == NULL) {
        client_complain(c->lang, "the arguments are not valid UTF-8");
        return CTL_USAGE;
    }
    size_t len = strlen(text), at = 0;
    text[len++] = '\n';
    while (at < len) {
        ssize_t n = send(c->fd, text + at, len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            free(text);
            return lost(c);
        }
        at += (size_t)n;
    }
    free(text);
    return CTL_GOOD;
}

static json_t *question(struct client *c, const char *cmd, json_t *args) {
    args = args == NULL ? json_object() : args;
    if (json_object_get(args, "lang") == NULL)
        json_object_set_new(args, "lang", json_string(c->lang));
    return json_pack("{s:i, s:I, s:s, s:o}", "v", 1, "id", ++c->id, "cmd", cmd, "args", args);
}

int client_ask(struct client *c, const char *cmd, json_t *args) {
    return ask(c, question(c, cmd, args));
}

int client_watch(struct client *c, const char *cmd, json_t *args, double seconds) {
    json_t *whole = question(c, cmd, args);
    json_object_set_new(whole, "watch", json_real(seconds));
    c->timeout_ms += (unsigned)(seconds * 1000);
    return ask(c, whole);
}

json_t *client_next(struct client *c, int *code) {
    *code = CTL_GOOD;
    for (;;) {
        const uint8_t *from = c->in.at == NULL ? NULL : c->in.at + c->taken;
        const uint8_t *end = from == NULL ? NULL : memchr(from, '\n', c->in.len - c->taken);
        if (end != NULL) {
            json_error_t wrong;
            json_t *line = json_loadb((const char *)from, (size_t)(end - from), 0, &wrong);
            c->taken += (size_t)(end - from) + 1;
            if (line == NULL) {
                client_complain(c->lang, "the daemon's answer cannot be read: %s", wrong.text);
                *code = CTL_REFUSED;
            }
            return line;
        }
        if (from != NULL) {
            memmove(c->in.at, c->in.at + c->taken, c->in.len - c->taken);
            c->in.len -= c->taken;
            c->taken = 0;
        }
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int r = poll(&p, 1, (int)c->timeout_ms);
        if (r == 0) {
            client_complain(c->lang, "no answer within %u s; -t SECONDS waits longer", c->timeout_ms / 1000);
            *code = CTL_TIMEOUT;
            return NULL;
        }
        uint8_t part[65536];
        ssize_t n = r < 0 ? -1 : recv(c->fd, part, sizeof part, 0);
        if (n <= 0) {
            *code = lost(c);
            return NULL;
        }
        buffer_add(&c->in, bytes_of(part, (size_t)n));
    }
}

int client_error_code(const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    if (code == NULL)
        return CTL_REFUSED;
    if (strcmp(code, "denied") == 0)
        return CTL_DENIED;
    if (strcmp(code, "not_found") == 0)
        return CTL_NOT_FOUND;
    if (strcmp(code, "timeout") == 0)
        return CTL_TIMEOUT;
    return strcmp(code, "unknown_cmd") == 0 ? CTL_USAGE : CTL_REFUSED;
}

void client_say_error(const json_t *error) {
    const char *message = json_string_value(json_object_get(error, "message")), *hint = json_string_value(json_object_get(error, "hint"));
    fprintf(
        stderr, "anjuctl: %s%s%s\n", message == NULL ? "failed" : message, hint == NULL || *hint == '\0' ? "" : "\n  ",
        hint == NULL ? "" : hint);
}

/* Says what of the line is to be said; true: rows follow. */
static bool take_line(json_t *line, void (*row)(void *owner, const json_t *row), void *owner, int *code) {
    const json_t *one = json_object_get(line, "row"), *ok = json_object_get(line, "ok"), *error = json_object_get(line, "error");
    if (one != NULL || ok != NULL)
        row(owner, one != NULL ? one : ok);
    if (error != NULL) {
        *code = client_error_code(error);
        client_say_error(error);
    }
    return one != NULL;
}

int client_frames(struct client *c, void (*row)(void *owner, const json_t *row), void (*frame)(void *owner), void *owner) {
    for (;;) {
        int code;
        json_t *line = client_next(c, &code);
        if (line == NULL)
            return code;
        bool more = take_line(line, row, owner, &code), whole = json_object_get(line, "frame") != NULL;
        json_decref(line);
        if (whole)
            frame(owner);
        else if (!more)
            return code;
    }
}

int client_answers(struct client *c, void (*row)(void *owner, const json_t *row), void *owner) {
    for (;;) {
        int code;
        json_t *line = client_next(c, &code);
        if (line == NULL)
            return code;
        bool more = take_line(line, row, owner, &code);
        json_decref(line);
        if (!more)
            return code;
    }
}
