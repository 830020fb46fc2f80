/* HTTP on the daemon's loop: libmicrohttpd without a thread of its own, bounded in connections, in bytes and in time. It knows routes,
 * not what is behind them; there is no login and no TLS here.
 *
 *   open -> run(owner, r) once the whole request is there -> http_answer, now or at any later time on the loop
 *                                                            or http_stream -> http_say … -> http_end
 *
 * A request is answered exactly once. Who goes away before that is noticed when the answer is tried; the request lives until then. */
#pragma once

#include "common/base/bytes.h"

#include <uv.h>

struct http;
struct http_request;

struct http_route {
    const char *method; /* GET answers HEAD too */
    const char *path;   /* exact; with a * at the end all that begin so */
    void (*run)(void *owner, struct http_request *r);
    size_t body_most; /* bytes of a body; more is answered 413 */
};

struct http_limits {
    unsigned connections, per_address;
    unsigned idle_s;      /* a connection on which nothing moves is closed; streams and answers under way are not idle */
    size_t stream_behind; /* bytes that a reader of a stream may be behind before it is dropped */
    unsigned streams;     /* at once; more are answered 503 */
};
extern const struct http_limits http_limits_usual;

/* 0, or a negative errno: -EADDRINUSE and the like. `listen`: tcp://host:port (endpoint_good), port * takes a free one. */
int http_open(
    uv_loop_t *loop, const char *listen, const struct http_limits *limits, const struct http_route *routes /* borrows */, size_t count,
    void *owner /* borrows */, struct http **out /* gives */);
const char *http_endpoint(const struct http *h); /* borrows; with the port that it has */
/* Ends what is on the way; every request must have been answered before. Runs the loop. */
struct http *http_close(struct http *h /* takes, may be NULL */); /* returns NULL */

const char *http_path(const struct http_request *r);
const char *http_argument(const struct http_request *r, const char *name); /* of the query, decoded; NULL: not there */
const char *http_header(const struct http_request *r, const char *name);   /* NULL: not there */
const char *http_cookie(const struct http_request *r, const char *name);
struct bytes http_body(const struct http_request *r);
const char *http_peer(const struct http_request *r); /* the address, as text */

/* What goes with the answer; both are copied. Before it. */
void http_say_header(struct http_request *r, const char *name, const char *value);
void http_answer(struct http_request *r /* takes */, unsigned status, const char *type, struct bytes body /* copies */);
/* A file of a folder: `name` has no folder in it and begins with no dot, else, or when it is not there, the answer is 404. */
void http_answer_file(struct http_request *r /* takes */, const char *folder, const char *name, const char *type);

/* An answer without an end: server-sent events. `gone` follows exactly once, also after http_end; then the stream is no more. False: too
 * many are open, it was answered 503. */
struct http_stream;
bool http_stream(
    struct http_request *r /* takes */, const char *type, void (*gone)(void *owner, struct http_stream *s), void *owner /* borrows */,
    struct http_stream **out /* gives */);
void http_say(struct http_stream *s, struct bytes more /* copies */);
void http_end(struct http_stream *s); /* what was said goes out first */
