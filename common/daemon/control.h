/* The status socket `anju-ctl/1`: one JSON object a line, over two Unix sockets in one folder. `status.sock` may only read, `admin.sock`
 * (mode 0660) may all; the socket decides, not the caller.
 *
 *   -> {"v":1,"id":7,"cmd":"nodes","args":{…}}
 *   <- {"id":7,"ok":{…}} | {"id":7,"row":{…}} … {"id":7,"end":{"count":30}} | {"id":7,"error":{"code":"…","message":"…","hint":"…"}}
 *
 * A question of status.sock's level with "watch":SECONDS (0.2 to 3600) is answered again and again: rows, what would be "ok" as a row too,
 * and {"id":7,"frame":{"count":30}} after each answer, the first at once. It ends with {"id":8,"cmd":"cancel","args":{"id":7}}, answered by
 * {"id":7,"end":{"count":FRAMES}}; with an error; with the client's end of the session. A reader that is behind misses frames, and an
 * object that was made for another watch of the same question less than half a second ago is told again.
 *
 * A line that does not begin with `{` is a person's: `echo node show 3 | socat - UNIX:status.sock` is answered with words or a table.
 *
 * A session may send many requests without waiting; answers carry their ids. A request line longer than LIMIT_STATUS_LINE_BYTES on
 * status.sock (LIMIT_BATCH_BYTES on admin.sock, where records come in) ends the session with too_long. A reader that is
 * LIMIT_STATUS_BEHIND_BYTES behind is not read from until it catches up; when it takes nothing for LIMIT_STATUS_STALL_MS it is dropped
 * and the log says too_slow. The folder is locked: it belongs to one daemon at a time, and what a killed one left is replaced. */
#pragma once

#include "common/base/bytes.h"

#include <jansson.h>
#include <uv.h>

enum control_level { CONTROL_STATUS, CONTROL_ADMIN };

struct control;
struct request; /* one question; answered exactly once by ok, end or error, at any later time on the loop */

/* One command of a daemon. The table also makes `commands`, from which anjuctl has its help, its arguments and its columns. */
struct command {
    const char *name; /* "node add" */
    enum control_level level;
    void (*run)(void *owner, struct request *q);
    const char *arguments; /* positional names, space-separated; "name?" may be missing, "name*" takes the rest */
    const char *options;   /* known --options, space-separated; "name=" takes a value */
    const char *columns;   /* of rows in a table, space-separated; "" = the answer is one object */
    const char *summary;
    const char *summary_zh;
};

/* A line for each command on standard output: name, arguments, options, summary, apart by tabs. What the manual is made from. */
void control_show(const struct command *table, size_t count);

enum control_outcome { CONTROL_TAKEN = 1 /* control_open: another daemon runs in this folder; nothing of its was touched */ };

/* + enum control_outcome; runs the loop when it fails, to let go of what it had */
int control_open(
    uv_loop_t *loop, const char *folder /* for the sockets; made 0750 when missing */, const struct command *table, size_t count,
    void *owner, struct control **out /* gives */);
const char *control_outcome_text(int outcome); /* what to do; static */
/* Ends in two steps, with the owner's end of work between them: from control_stop on nobody gets in and no command is run, what is asked
 * is answered `busy`; control_close sends what was answered, waits a little for slow readers, and runs the loop meanwhile. Every request
 * must have been answered before it. */
void control_stop(struct control *c /* may be NULL */);
struct control *control_close(struct control *c /* takes, may be NULL */); /* returns NULL */

/* A request that comes by another way than the sockets, of somebody whom the caller has let in: the same commands, the same answers, each
 * line given to `line` as it would be written; the last is the one without a "row". It may come before this returns. */
void control_ask(
    struct control *c, enum control_level level, const char *account /* copies; NULL: nobody logged in */, const char *cmd,
    json_t *args /* takes; an object */, void (*line)(void *owner, const json_t *line /* borrows */), void *owner);

const json_t *request_args(const struct request *q);                 /* borrows; an object */
const char *request_text(const struct request *q, const char *name); /* borrows; NULL: not there, or no text */
bool request_flag(const struct request *q, const char *name);
bool request_chinese(const struct request *q); /* its argument lang, which every command may have: "zh", or "en" as without it */
const char *request_words(const struct request *q, const char *text)
    __attribute__((format_arg(2))); /* words_in() of the request's language */
/* Digits, or a JSON integer; false: not there, or something else. */
bool request_number(const struct request *q, const char *name, uint64_t *out);
bool request_number_in(const json_t *v /* may be NULL */, uint64_t *out); /* likewise, of one of several */
bool request_has(const struct request *q, const char *name);
uint32_t request_node(const struct request *q); /* its argument "node"; 0: it has none, or that is no number of a node */
enum control_level request_level(const struct request *q);
unsigned request_uid(const struct request *q);                  /* SO_PEERCRED; of a control_ask the daemon's own */
const char *request_account(const struct request *q);           /* borrows; of a control_ask; NULL: by a socket, or nobody logged in */
const struct command *request_command(const struct request *q); /* what was asked for; borrows the table */

/* Each line of its answer is told to `line` too, as it would be written; the last is the one without a "row". With `instead`, who asked is
 * answered with that now, and the rest is told to `line` only. */
void request_follow(
    struct request *q, void (*line)(void *owner, const json_t *line /* borrows */), void *owner, json_t *instead /* takes, may be NULL */);
/* When the session that asked is over; nothing of it was asked by a control_ask. `owner` outlives control_close. */
void request_session_end(struct request *q, void (*gone)(void *owner, uint64_t what), void *owner, uint64_t what);
void request_row(struct request *q, json_t *row /* takes */);
void request_end(struct request *q /* takes */);
void request_ok(struct request *q /* takes */, json_t *answer /* takes */);
/* Message, hint and format are English, and are told in the request's language; words among the arguments are the caller's to translate
 * (request_words).
 * code: bad_request bad_version unknown_cmd denied not_found conflict busy timeout too_long internal; too_slow is only logged */
void request_error(struct request *q /* takes */, const char *code, const char *message, const char *hint);
void request_errorf(struct request *q /* takes */, const char *code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
