/* The other end of the status socket: a blocking session of anju-ctl/1, for anjuctl. */
#pragma once

#include "common/base/bytes.h"

#include <jansson.h>

/* Exit codes of anjuctl (5-INTERFACES). */
enum { CTL_GOOD = 0, CTL_REFUSED = 1, CTL_NOT_RUNNING = 3, CTL_DENIED = 4, CTL_NOT_FOUND = 5, CTL_TIMEOUT = 6, CTL_USAGE = 64 };

struct client {
    int fd; /* -1: not open */
    struct buffer in;
    size_t taken;
    unsigned timeout_ms; /* for each answer */
    const char *lang;    /* borrows; "zh" or "en": what is said on stderr, and the argument `lang` of all that is asked */
    json_int_t id;       /* of the last request */
};

/* One line on stderr: anjuctl's own errors, in words of its table (words.h). */
void client_complain(const char *lang, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A folder (its admin.sock, or status.sock where that may not be opened) or a socket. 0 or a CTL_ code; says why on stderr. */
int client_open(struct client *c, const char *where, unsigned timeout_ms, const char *lang /* borrows */);
void client_close(struct client *c);
int client_ask(struct client *c, const char *cmd, json_t *args /* takes, may be NULL */); /* 0 or a CTL_ code */
/* Likewise, to be answered every so many seconds until the session ends (control.h). */
int client_watch(struct client *c, const char *cmd, json_t *args /* takes, may be NULL */, double seconds);
json_t *client_next(struct client *c, int *code); /* gives the next answer line; NULL: *code, said on stderr */
int client_error_code(const json_t *error);       /* CTL_ code of an error object */
void client_say_error(const json_t *error);       /* message and hint, on stderr */
/* Reads answers of the last request to their end. Rows go to `row` (borrowed), the object of ok too. */
int client_answers(struct client *c, void (*row)(void *owner, const json_t *row), void *owner);
/* Of what is watched: `frame` after the rows of each answer. Returns when the watch is over. */
int client_frames(struct client *c, void (*row)(void *owner, const json_t *row), void (*frame)(void *owner), void *owner);
