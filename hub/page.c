/* The page for city IT: files of hub/web, questions to the same commands as on the status socket, and what is live as server-sent events.
 *
 * Who can reach the port may look, as anybody on the machine may at status.sock; what changes something needs an account (accounts.c). No
 * value of a person's record is shown. Against pages of others in the same browser: the Host must be an address or a name that is known,
 * so no name can be pointed here; a question must come with a header that another page cannot send, and from our own Origin; the cookie is
 * sent to nobody else, and no script can read it. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/daemon/http.h"
#include "common/daemon/login.h"
#include "hub/city.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { TICK_MS = 2000, NODES_TICKS = 5, ALL_NODES_TICKS = 30, SEEN_STEP_MS = 1000 };
static const char cookie[] = "anju_hub", jsonl[] = "application/jsonl; charset=utf-8", text_type[] = "text/plain; charset=utf-8";

struct listener {
    struct listener *next, **at;
    struct page *page;
    struct http_stream *stream;
};

/* What an office's row has from the machine, which costs nothing to look at. */
struct glance {
    const char *state;
    instant heard;
    wall_ms reported, verified;
    uint64_t at, wrongs;
    bool retiring, update_needed;
};

struct page {
    struct city *city;
    struct http *http;
    int failed; /* errno of the opening */
    bool stopping;
    uv_timer_t tick;
    unsigned ticks;
    struct listener *listeners;    /* owns */
    bool status_asked, node_asked; /* the ticker's question is on its way */
    struct buffer status;          /* the last frame of it */
    json_t *rows, *known;          /* own; being read; of each node what was last told, by its number */
    struct glance *glances;        /* owns; of each office, in the order of node ids, as it was when rows were asked for last */
    size_t glance_count;
    wall_ms trend_at;
};

/* What may be asked here; the rest is for the sockets. */
static const struct {
    const char *cmd;
    bool admin;
} may_ask[] = {
    {"status", false},          {"problems", false},        {"nodes", false},           {"node show", false},         {"areas", false},
    {"trend", false},           {"policies", false},        {"policy show", false},     {"policy who", false},        {"conflicts", false},
    {"quarantine list", false}, {"quarantine show", false}, {"quarantine retry", true}, {"quarantine discard", true}, {"limits", false},
    {"schema", false},          {"version", false},
};

/* ---- who asks */

/* An address cannot be pointed elsewhere by whoever owns a name. */
static bool host_good(const struct page *p, const char *host) {
    char name[256];
    struct in6_addr any;
    const char *names = settings_text(p->city->settings, "page_names");
    size_t len = host == NULL ? 0 : *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
    if (len == 0 || len >= sizeof name)
        return false;
    bool v6 = *host == '[';
    snprintf(name, sizeof name, "%.*s", (int)(len - v6), host + v6);
    if (v6)
        return host[len] == ']' && inet_pton(AF_INET6, name, &any) == 1;
    if (strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &any) == 1)
        return true;
    while (*names != '\0') {
        size_t n = strcspn(names, ", ");
        if (n == len && strncasecmp(names, name, n) == 0)
            return true;
        names += n + strspn(names + n, ", ");
    }
    return false;
}

/* NULL, or why it is refused. */
static const char *foreign(const struct page *p, const struct http_request *r, bool question) {
    const char *host = http_header(r, "Host"), *origin = http_header(r, "Origin"), *site = http_header(r, "Sec-Fetch-Site");
    const char *type = http_header(r, "Content-Type"), *person = http_header(r, "X-Anju");
    if (!host_good(p, host))
        return "this hub's page is not known by this name: see `page_names` in the hub's configuration\n";
    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return "another page may not ask here\n";
    const char *from = origin == NULL ? NULL : strstr(origin, "://");
    if (origin != NULL && (from == NULL || strcasecmp(from + 3, host) != 0))
        return "another page may not ask here\n";
    if (question && (person == NULL || type == NULL || strncmp(type, "application/json", 16) != 0))
        return "a question is JSON, and has the header X-Anju\n";
    return NULL;
}

static void secure(struct http_request *r, const char *cache) {
    http_say_header(
        r, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    http_say_header(r, "X-Frame-Options", "DENY");
    http_say_header(r, "Referrer-Policy", "no-referrer");
    http_say_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    http_say_header(r, "Cache-Control", cache);
}

/* False: it was refused. */
static bool let_in(const struct page *p, struct http_request *r, bool question) {
    const char *why = foreign(p, r, question);
    if (why == NULL)
        return true;
    secure(r, "no-store");
    http_answer(r, 403, text_type, bytes_text(why));
    return false;
}

/* ---- files */

static const char plain[] =
    "<!doctype html>\n<html lang=\"zh-CN\">\n<meta charset=\"utf-8\">\n<title>安居 · anju</title>\n"
    "<h1>安居 市级中心</h1>\n<p>此市级服务器未安装网页文件（构建时没有 npm）。状态请用命令查看：<code>anjuctl -s hub status</code></p>\n"
    "<p lang=\"en\">The files of this hub's page are not here: it was built without npm, or <code>page_files</code> names another folder. "
    "The "
    "same is told by <code>anjuctl -s hub status</code>; <code>make pages</code> builds them.</p>\n</html>\n";

static const char *type_of(const char *name) {
    static const struct {
        const char *end, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (dot != NULL && strcmp(dot, types[i].end) == 0)
            return types[i].type;
    return NULL;
}

static bool there(const char *folder, const char *name) {
    struct buffer path = {0};
    buffer_format(&path, "%s/%s", folder, name);
    bool is = access(buffer_string(&path), R_OK) == 0;
    buffer_close(&path);
    return is;
}

/* The packed form, which lies beside each file, goes to who takes it. Parts have a hash in their name, the rest is asked for each time. */
static void get_file(void *owner, struct http_request *r) {
    struct page *p = owner;
    const char *folder = settings_text(p->city->settings, "page_files"), *name = http_path(r) + 1,
               *takes = http_header(r, "Accept-Encoding");
    struct buffer packed = {0};
    if (*name == '\0')
        name = "index.html";
    const char *type = type_of(name);
    if (!host_good(p, http_header(r, "Host"))) {
        let_in(p, r, false);
        return;
    }
    secure(r, strncmp(name, "part-", 5) == 0 ? "public, max-age=31536000, immutable" : "no-cache");
    if (strcmp(name, "index.html") == 0 && !there(folder, name)) {
        http_answer(r, 200, type, bytes_of(plain, sizeof plain - 1));
    } else if (type == NULL || strchr(name, '/') != NULL) {
        http_answer(r, 404, text_type, BYTES("there is no such page\n"));
    } else {
        buffer_format(&packed, "%s.gz", name);
        bool both = takes != NULL && strstr(takes, "gzip") != NULL && there(folder, buffer_string(&packed));
        if (both)
            http_say_header(r, "Content-Encoding", "gzip");
        http_answer_file(r, folder, both ? buffer_string(&packed) : name, type);
    }
    buffer_close(&packed);
}

/* ---- questions */

static unsigned http_status(const char *code) {
    static const struct {
        const char *code;
        unsigned status;
    } all[] = {{"denied", 403},   {"not_found", 404}, {"unknown_cmd", 404}, {"bad_request", 400},
               {"conflict", 409}, {"busy", 503},      {"too_often", 429},   {"too_long", 413}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].code, code) == 0)
            return all[i].status;
    return 500;
}

static void add_line(struct buffer *out, const json_t *line) {
    char *text = json_dumps(line, JSON_COMPACT);
    if (text == NULL)
        return;
    buffer_text(out, text);
    buffer_u8(out, '\n');
    free(text);
}

static void answer_lines(struct http_request *r, const struct buffer *lines, unsigned status) {
    secure(r, "no-store");
    http_answer(r, status, jsonl, buffer_bytes(lines));
}

/* One line: {"ok":…} or {"error":…}, as a command's. */
static void answer(struct http_request *r, unsigned status, json_t *line /* takes */) {
    struct buffer out = {0};
    add_line(&out, line);
    json_decref(line);
    answer_lines(r, &out, status);
    buffer_close(&out);
}

static void refuse(struct http_request *r, const char *code, const char *message, const char *hint) {
    answer(r, http_status(code), json_pack("{s:{s:s, s:s, s:s}}", "error", "code", code, "message", message, "hint", hint));
}

/* NULL: it was refused. */
static json_t *question_of_body(const struct page *p, struct http_request *r) {
    struct bytes body = http_body(r);
    json_error_t wrong;
    if (!let_in(p, r, true))
        return NULL;
    if (p->stopping) {
        refuse(r, "busy", "the hub is stopping", "");
        return NULL;
    }
    json_t *q = json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, &wrong);
    if (json_is_object(q))
        return q;
    json_decref(q);
    refuse(r, "bad_request", q == NULL ? wrong.text : "not an object", "{\"cmd\":\"status\",\"args\":{}}");
    return NULL;
}

static bool is_person(const struct http_request *r) {
    return strcmp(http_header(r, "X-Anju"), "person") == 0;
}

static const char *account_of(const struct page *p, const struct http_request *r) {
    return p->city->logins == NULL ? NULL : login_account(p->city->logins, http_cookie(r, cookie), is_person(r));
}

struct asking {
    struct http_request *http;
    struct buffer lines; /* owns */
};

static void on_line(void *owner, const json_t *line) {
    struct asking *a = owner;
    const json_t *error = json_object_get(line, "error");
    add_line(&a->lines, line);
    if (json_object_get(line, "row") != NULL)
        return;
    answer_lines(a->http, &a->lines, error == NULL ? 200 : http_status(json_string_value(json_object_get(error, "code"))));
    buffer_close(&a->lines);
    free(a);
}

static void post_ctl(void *owner, struct http_request *r) {
    struct page *p = owner;
    json_t *q = question_of_body(p, r);
    if (q == NULL)
        return;
    const char *cmd = json_string_value(json_object_get(q, "cmd")), *account = account_of(p, r);
    json_t *args = json_object_get(q, "args");
    size_t i = 0, count = sizeof may_ask / sizeof *may_ask;
    while (i < count && (cmd == NULL || strcmp(may_ask[i].cmd, cmd) != 0))
        i++;
    if (cmd == NULL || (args != NULL && !json_is_object(args))) {
        refuse(r, "bad_request", "a question needs \"cmd\", and \"args\" must be an object", "{\"cmd\":\"status\",\"args\":{}}");
    } else if (i == count) {
        refuse(r, "unknown_cmd", "this cannot be asked at the page", "anjuctl at the hub");
    } else if (may_ask[i].admin && account == NULL) {
        refuse(r, "denied", "log in first", "accounts are made at the hub: anjuctl account add NAME");
    } else {
        struct asking *a = memory_zeroed(1, sizeof *a);
        a->http = r;
        control_ask(
            p->city->control, may_ask[i].admin ? CONTROL_ADMIN : CONTROL_STATUS, may_ask[i].admin ? account : NULL, cmd,
            args == NULL ? json_object() : json_incref(args), on_line, a);
    }
    json_decref(q);
}

/* ---- logging in; each try is in the audit log before it is answered */

struct entering {
    struct hub_own_work own; /* first */
    struct page *page;
    struct http_request *http;
    enum login_outcome outcome;
    bool leaves;
    char account[ACCOUNT_NAME_TEXT], token[LOGIN_TOKEN_TEXT];
    struct buffer words; /* owns */
};

static void entering_free(struct entering *x) {
    explicit_bzero(x->token, sizeof x->token);
    buffer_close(&x->words);
    free(x);
}

static void note_works(struct hub_own_work *w, struct txn *own) {
    struct entering *x = (struct entering *)w;
    struct audit_entry e = {
        .at = clock_wall(),
        .actor = account_id(x->page->city, x->account),
        .action = x->leaves || x->outcome == LOGIN_GOOD ? AUDIT_ADMINISTER : AUDIT_REFUSED,
        .note = buffer_bytes(&x->words)};
    audit_add(own, &audit_hub, &e, 1);
}

/* A browser that reached a proxy by TLS shall send the cookie by nothing else. */
static void set_cookie(struct http_request *r, const char *token, unsigned seconds) {
    struct buffer b = {0};
    const char *origin = http_header(r, "Origin");
    bool tls = origin != NULL && strncmp(origin, "https://", 8) == 0;
    buffer_format(&b, "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Strict%s", cookie, token, seconds, tls ? "; Secure" : "");
    http_say_header(r, "Set-Cookie", buffer_string(&b));
    explicit_bzero(b.at, b.len);
    buffer_close(&b);
}

static void note_done(struct hub_own_work *w, int result) {
    struct entering *x = (struct entering *)w;
    if (result != 0) {
        login_end(x->page->city->logins, x->token);
        refuse(x->http, "busy", "the audit log cannot note it: the disk is full, or failed", "free space on the hub's disk");
    } else if (x->leaves) {
        set_cookie(x->http, "", 0);
        answer(x->http, 200, json_pack("{s:{s:n}}", "ok", "account"));
    } else if (x->outcome == LOGIN_GOOD) {
        set_cookie(x->http, x->token, LIMIT_SESSION_MS / 1000);
        answer(x->http, 200, json_pack("{s:{s:s}}", "ok", "account", x->account));
    } else {
        refuse(x->http, "not_found", "wrong account or password", "");
    }
    entering_free(x);
}

static void note(struct entering *x, const char *what) {
    log_fact(LOG_INFO, "page.login", FACT_TEXT("account", x->account), FACT_TEXT("what", what), FACT_TEXT("from", http_peer(x->http)));
    buffer_format(&x->words, "%s %s the page, from %s", x->account, what, http_peer(x->http));
    x->own.work = note_works;
    x->own.done = note_done;
    hub_engine_own(x->page->city->engine, &x->own);
}

static void on_login(void *owner, enum login_outcome outcome, const char *account, const char *token) {
    struct entering *x = owner;
    x->outcome = outcome;
    memcpy(x->account, account, strlen(account) + 1);
    memcpy(x->token, token, strlen(token) + 1);
    if (outcome == LOGIN_OFTEN || outcome == LOGIN_BUSY || *account == '\0') {
        if (outcome == LOGIN_OFTEN) {
            http_say_header(x->http, "Retry-After", "900");
            log_fact(LOG_WARNING, "page.login_often", FACT_TEXT("account", account), FACT_TEXT("from", http_peer(x->http)));
        }
        refuse(
            x->http,
            outcome == LOGIN_OFTEN  ? "too_often"
            : outcome == LOGIN_BUSY ? "busy"
                                    : "not_found",
            outcome == LOGIN_OFTEN  ? "wrong too often"
            : outcome == LOGIN_BUSY ? "too many log in at once"
                                    : "wrong account or password",
            outcome == LOGIN_OFTEN ? "wait a quarter of an hour" : "");
        entering_free(x);
    } else {
        note(x, outcome == LOGIN_GOOD ? "logged in at" : "was refused (wrong password) at");
    }
}

static struct entering *entering_new(struct page *p, struct http_request *r) {
    struct entering *x = memory_zeroed(1, sizeof *x);
    x->page = p;
    x->http = r;
    return x;
}

static void post_login(void *owner, struct http_request *r) {
    struct page *p = owner;
    json_t *q = question_of_body(p, r);
    if (q == NULL)
        return;
    const char *name = json_string_value(json_object_get(q, "name")), *password = json_string_value(json_object_get(q, "password"));
    if (name == NULL || password == NULL)
        refuse(r, "bad_request", "name and password are missing", "");
    else
        login_ask(p->city->logins, name, password, http_peer(r), on_login, entering_new(p, r));
    json_decref(q);
}

static void post_logout(void *owner, struct http_request *r) {
    struct page *p = owner;
    json_t *q = question_of_body(p, r);
    const char *account = q == NULL ? NULL : account_of(p, r);
    if (q != NULL && account == NULL) {
        set_cookie(r, "", 0);
        answer(r, 200, json_pack("{s:{s:n}}", "ok", "account"));
    } else if (q != NULL) {
        struct entering *x = entering_new(p, r);
        x->leaves = true;
        memcpy(x->account, account, strlen(account) + 1);
        login_end(p->city->logins, http_cookie(r, cookie));
        note(x, "logged out at");
    }
    json_decref(q);
}

static void post_session(void *owner, struct http_request *r) {
    struct page *p = owner;
    json_t *q = question_of_body(p, r);
    if (q == NULL)
        return;
    answer(r, 200, json_pack("{s:{s:s?, s:b}}", "ok", "account", account_of(p, r), "accounts", logins_count(p->city->logins) > 0));
    json_decref(q);
}

/* ---- what is live */

static void say_all(const struct page *p, struct bytes frame) {
    for (struct listener *l = p->listeners, *next; l != NULL; l = next) {
        next = l->next;
        http_say(l->stream, frame);
    }
}

static void frame(struct buffer *out, const char *event, const json_t *data) {
    char *text = json_dumps(data, JSON_COMPACT);
    buffer_clear(out);
    if (text != NULL)
        buffer_format(out, "event: %s\ndata: ", event);
    buffer_text(out, text);
    buffer_text(out, text == NULL ? "" : "\n\n");
    free(text);
}

static void on_status(void *owner, const json_t *line) {
    struct page *p = owner;
    const json_t *ok = json_object_get(line, "ok");
    p->status_asked = false;
    if (ok == NULL)
        return;
    frame(&p->status, "status", ok);
    say_all(p, buffer_bytes(&p->status));
}

/* When it was last heard is an age, which grows by itself, and so does the time of the row: it is told again when the age is less, or when
 * it says something else. */
static bool differs(struct page *p, const json_t *row) {
    char number[24];
    const json_t *age = json_object_get(row, "last_seen_ms");
    json_int_t seen = json_is_integer(age) ? (json_int_t)clock_wall() - json_integer_value(age) : 0;
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(row, "node")));
    json_t *rest = json_copy((json_t *)(uintptr_t)row);
    json_object_del(rest, "last_seen_ms");
    json_object_del(rest, "as_of_ms");
    const json_t *was = json_object_get(p->known, number);
    bool differs = !json_equal(rest, json_object_get(was, "row")) || seen > json_integer_value(json_object_get(was, "seen")) + SEEN_STEP_MS;
    if (differs)
        json_object_set_new(p->known, number, json_pack("{s:o, s:I}", "row", rest, "seen", seen));
    else
        json_decref(rest);
    return differs;
}

static void on_node(void *owner, const json_t *line) {
    struct page *p = owner;
    json_t *row = json_object_get(line, "row"), *changed;
    struct buffer out = {0};
    size_t i;
    if (row != NULL) {
        json_array_append(p->rows, row);
        return;
    }
    p->node_asked = false;
    bool first = p->known == NULL; /* who listens asks for all rows himself, after this question */
    if (first)
        p->known = json_object();
    changed = json_array();
    json_array_foreach(p->rows, i, row) {
        if (differs(p, row) && !first)
            json_array_append(changed, row);
    }
    if (json_array_size(changed) > 0) {
        frame(&out, "nodes", changed);
        say_all(p, buffer_bytes(&out));
    }
    buffer_close(&out);
    json_decref(changed);
    json_decref(p->rows);
    p->rows = NULL;
}

static bool same_glance(const struct glance *a, const struct glance *b) {
    return a->state == b->state && a->heard == b->heard && a->reported == b->reported && a->verified == b->verified && a->at == b->at &&
           a->wrongs == b->wrongs && a->retiring == b->retiring && a->update_needed == b->update_needed;
}

/* The numbers of those whose glance is another now. */
static json_t *offices_changed(struct page *p) {
    const struct city *c = p->city;
    instant now = clock_now();
    size_t count = hub_engine_peers(c->engine);
    json_t *out = json_array();
    p->glances = memory_resize(p->glances, (count + 1) * sizeof *p->glances);
    for (size_t i = 0; i < count; i++) {
        const struct hub_peer *peer = hub_engine_peer(c->engine, i);
        const struct hub_link *l = &peer->link;
        struct glance g = {
            .state = office_state(l, now),
            .heard = l->heard,
            .reported = l->reported,
            .verified = l->verified,
            .at = l->at,
            .wrongs = office_wrongs(peer),
            .retiring = peer->retiring,
            .update_needed = standing_update_needed(c, l)};
        if (i < p->glance_count && same_glance(&p->glances[i], &g))
            continue;
        p->glances[i] = g;
        json_array_append_new(out, json_integer(l->node));
    }
    p->glance_count = count;
    return out;
}

/* Rows are asked for of those that changed; of all once a minute, since names, areas and what is held lie in the store. */
static void ask_nodes(struct page *p, bool all) {
    json_t *changed = p->node_asked ? NULL : offices_changed(p);
    if (changed == NULL || (!all && json_array_size(changed) == 0)) {
        json_decref(changed);
        return;
    }
    p->node_asked = true;
    p->rows = json_array();
    json_t *args = json_object();
    if (all)
        json_decref(changed);
    else
        json_object_set_new(args, "nodes", changed);
    control_ask(p->city->control, CONTROL_STATUS, NULL, "nodes", args, on_node, p);
}

static void ask_live(struct page *p, bool nodes, bool all) {
    if (p->stopping)
        return;
    if (!p->status_asked) {
        p->status_asked = true;
        control_ask(p->city->control, CONTROL_STATUS, NULL, "status", json_object(), on_status, p);
    }
    if (nodes)
        ask_nodes(p, all);
}

static void tell_trend(struct page *p) {
    json_t *last = trend_last(p->city);
    wall_ms at = (wall_ms)json_integer_value(json_object_get(last, "at_ms"));
    struct buffer out = {0};
    if (last != NULL && at != p->trend_at) {
        frame(&out, "trend", last);
        say_all(p, buffer_bytes(&out));
        p->trend_at = at;
    }
    buffer_close(&out);
    json_decref(last);
}

/* Nobody listens: nothing is asked. */
static void on_tick(uv_timer_t *t) {
    struct page *p = t->data;
    p->ticks++;
    ask_live(p, p->ticks % NODES_TICKS == 0, p->ticks % ALL_NODES_TICKS == 0);
    tell_trend(p);
}

static void on_gone(void *owner, struct http_stream *s) {
    struct listener *l = owner;
    struct page *p = l->page;
    (void)s;
    *l->at = l->next;
    if (l->next != NULL)
        l->next->at = l->at;
    free(l);
    if (p->listeners != NULL)
        return;
    uv_timer_stop(&p->tick);
    json_decref(p->known);
    p->known = NULL;
}

static void get_events(void *owner, struct http_request *r) {
    struct page *p = owner;
    if (!let_in(p, r, false))
        return;
    struct listener *l = memory_zeroed(1, sizeof *l);
    bool first = p->listeners == NULL;
    if (!http_stream(r, "text/event-stream", on_gone, l, &l->stream)) {
        free(l);
        return;
    }
    l->page = p;
    l->next = p->listeners;
    l->at = &p->listeners;
    if (l->next != NULL)
        l->next->at = &l->next;
    p->listeners = l;
    http_say(l->stream, BYTES("retry: 3000\n\n"));
    if (first)
        uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    else
        http_say(l->stream, buffer_bytes(&p->status));
    ask_live(p, first, first);
}

/* ---- life */

static const struct http_route routes[] = {
    {"POST", "/api/ctl", post_ctl, LIMIT_HTTP_BODY_BYTES},
    {"POST", "/api/login", post_login, 4096},
    {"POST", "/api/logout", post_logout, 4096},
    {"POST", "/api/session", post_session, 4096},
    {"GET", "/api/events", get_events, 0},
    {"GET", "/*", get_file, 0},
};

void page_open(struct city *c) {
    static const struct http_limits limits = {
        .connections = LIMIT_HTTP_CONNECTIONS,
        .per_address = LIMIT_HTTP_ADDRESS,
        .idle_s = LIMIT_HTTP_IDLE_S,
        .stream_behind = LIMIT_HTTP_BEHIND_BYTES,
        .streams = LIMIT_HTTP_CONNECTIONS / 2};
    const char *listen = settings_text(c->settings, "page");
    struct page *p = memory_zeroed(1, sizeof *p);
    c->page = p;
    p->city = c;
    uv_timer_init(&c->loop, &p->tick);
    p->tick.data = p;
    if (*listen == '\0')
        return;
    p->failed = http_open(&c->loop, listen, &limits, routes, sizeof routes / sizeof *routes, p, &p->http);
    if (p->failed != 0)
        log_fact(LOG_ERROR, "page.closed", FACT_TEXT("listen", listen), FACT_TEXT("why", error_text(p->failed)));
    else
        log_fact(LOG_INFO, "page.open", FACT_TEXT("endpoint", http_endpoint(p->http)));
}

void page_stop(struct city *c) {
    if (c->page != NULL)
        c->page->stopping = true;
}

static void on_closed(uv_handle_t *h) {
    struct page *p = h->data;
    buffer_close(&p->status);
    json_decref(p->known);
    free(p->glances);
    free(p);
}

void page_close(struct city *c) {
    if (c->page == NULL)
        return;
    c->page->http = http_close(c->page->http);
    uv_close((uv_handle_t *)&c->page->tick, on_closed);
    c->page = NULL;
}

void page_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct page *p = c->page;
    if (p != NULL && p->failed != 0)
        problem_add(
            problems, PROBLEM_PAGE_PORT, "{s:s, s:s}", "endpoint", settings_text(c->settings, "page"), "why", error_text(p->failed));
    json_object_set_new(
        out, "page",
        p == NULL || p->http == NULL ? json_string("") : json_sprintf("http://%s/", http_endpoint(p->http) + strlen("tcp://")));
}
