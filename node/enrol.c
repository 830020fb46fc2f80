/* A machine that is not enrolled yet: it runs, says so, and asks the hub's enrolment endpoint with the token that an operator brings.
 *
 * Happy path: enrol -> connect with our own key and the token's hub key -> ask -> WAIT with a code, or DONE -> the file is checked against
 * the token, stored, and the office begins in this process. Each question has a connection of its own, so that a machine which waits over a
 * weekend takes no place at the hub. Before the first answer every failure ends the attempt and is told (being cut off the fourth time);
 * after it only the hub's final word does. The token is nowhere but in memory: after a restart the same command with the same token finds
 * the same place at the hub. Whether a token is too old is the hub's to say: the clock of a new machine may be wrong. */
#include "common/base/clock.h"
#include "common/net/node_door.h"
#include "common/wire/wire_enrol.h"
#include "node/office.h"

#include "common/base/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 12000, REST_MS = 1000, REST_MOST_MS = 10000, BUSY_TRIES = 3, STANDARD_PORT = 7402, ADDRESS = 200 };

enum enrol_state { ENROL_ASKING, ENROL_RESTING, ENROL_TAKING, ENROL_OVER };

struct enrolling {
    struct office *office;
    struct enrol_token token;
    char address[ADDRESS]; /* HOST:PORT */
    char code[ENROL_CODE_TEXT];
    struct node_door *door;
    uv_timer_t timer;
    struct request *request; /* NULL once answered */
    enum enrol_state state;
    bool up, contacted; /* the hub proved its key; the hub has answered once */
    unsigned rests;
    const char *problem, *hint; /* static */
    struct buffer file;         /* the enrolment, when it came */
};

static const char not_enrolled[] = "this machine is not enrolled: it is no office's node yet",
                  how_to_enrol[] =
                      "take a token to it (at city hall: anjuctl node token AREA), then here: anjuctl enrol TOKEN@HOST:PORT; or take "
                      "its public string to city hall (anjuctl node add) and --join the enrolment file";

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

static void forget(struct enrolling *e) {
    e->office->enrolling = NULL;
    node_door_close(e->door);
    sodium_memzero(&e->token, sizeof e->token);
    buffer_close(&e->file);
    uv_close((uv_handle_t *)&e->timer, on_closed);
}

/* ---- how it goes on */

static void on_timer(uv_timer_t *t);

static void rest(struct enrolling *e, uint32_t least_ms, const char *problem, const char *hint) {
    uint64_t ms = (uint64_t)REST_MS << (e->rests < 4 ? e->rests : 4);
    ms = ms > REST_MOST_MS ? REST_MOST_MS : ms;
    e->rests++;
    e->state = ENROL_RESTING;
    e->problem = problem;
    e->hint = hint;
    node_door_disconnect(e->door);
    uv_timer_start(&e->timer, on_timer, ms > least_ms ? ms : least_ms, 0);
}

/* It is over, and the operator is told why. */
static void end(struct enrolling *e, const char *problem, const char *hint) {
    e->state = ENROL_OVER;
    e->problem = problem;
    e->hint = hint;
    node_door_disconnect(e->door);
    uv_timer_stop(&e->timer);
    sodium_memzero(&e->token, sizeof e->token);
    log_fact(LOG_WARNING, "enrol.failed", FACT_TEXT("hub", e->address), FACT_TEXT("why", problem), FACT_TEXT("do", hint));
    if (e->request != NULL)
        request_error(e->request, "conflict", problem, hint);
    e->request = NULL;
}

static void lost(struct enrolling *e, const char *problem, const char *hint) {
    if (e->contacted)
        rest(e, 0, problem, hint);
    else
        end(e, problem, hint);
}

static void fell(struct enrolling *e, enum node_door_end how) {
    static const struct {
        const char *problem, *hint;
    } ends[] = {
        [NODE_DOOR_BROKE] = {"the connection broke before the hub answered", "is the line up? then the same command again"},
        [NODE_DOOR_NOBODY] =
            {"nobody answers at this address", "is it the hub's enrolment endpoint (port 7402, unless city hall says "
                                               "otherwise), does the hub have one, is the line up?"},
        [NODE_DOOR_STRANGER] =
            {"who answers at this address has not the key that the token names, or is busy",
             "is the token of this city's hub, and is this its address? do not go on elsewhere: ask city hall; when the hub's keys changed "
             "since the token was made, they give you a new one"},
        [NODE_DOOR_REFUSED] =
            {"this is the endpoint of nodes, not the one for enrolment",
             "the enrolment endpoint has a port of its own: 7402, unless city hall says otherwise"},
    };
    if (how == NODE_DOOR_STRANGER && !e->contacted && e->rests < BUSY_TRIES) /* a crowd may be at the hub's port */
        rest(e, 0, ends[how].problem, ends[how].hint);
    else
        lost(e, ends[how].problem, ends[how].hint);
}

static void on_down(void *owner, const char *reason) {
    struct enrolling *e = owner;
    log_fact(LOG_INFO, "enrol.down", FACT_TEXT("hub", e->address), FACT_TEXT("reason", reason));
    fell(e, node_door_ended(e->door));
}

static void on_up(void *owner) {
    struct enrolling *e = owner;
    struct enrol_ask ask = {.version = ENROL_VERSION, .policy_root = e->token.policy_root};
    struct buffer said = {0}, frame = {0};
    e->up = true;
    memcpy(ask.secret, e->token.secret, sizeof ask.secret);
    public_text(&e->office->keys.public, ask.public);
    enrol_ask_signed(&ask, e->token.hub, &said);
    keys_sign(&e->office->keys, buffer_bytes(&said), ask.signature);
    enrol_ask_pack(&ask, &frame);
    node_door_send(e->door, buffer_bytes(&frame)); /* lost: the timer asks again */
    sodium_memzero(&ask, sizeof ask);
    sodium_memzero(frame.at, frame.len);
    buffer_close(&said);
    buffer_close(&frame);
}

static void tell_waiting(struct enrolling *e, const struct enrol_words *w) {
    if (e->request == NULL)
        return;
    request_ok(
        e->request, json_pack(
                        "{s:s, s:s, s:s, s:s}", "state", w->word, "code", e->code, "problem", request_words(e->request, w->text), "next",
                        request_words(e->request, w->hint)));
    e->request = NULL;
}

static void on_heard(void *owner, struct bytes frame) {
    struct enrolling *e = owner;
    struct enrol_answer a;
    if (e->state != ENROL_ASKING)
        return;
    if (enrol_answer_unpack(frame, &a) != 0) {
        lost(e, "the hub's answer cannot be read", "install the version that city hall has");
        return;
    }
    static const struct enrol_words newer = {
        "newer", "the hub turned this machine away for a reason that this version does not know", "install the version that city hall has",
        true};
    const struct enrol_words *known = enrol_outcome_words(a.outcome), *w = known == NULL ? &newer : known;
    e->contacted = true;
    if (a.outcome == ENROL_DONE) {
        buffer_clear(&e->file);
        if (wire_batch_open(a.file, &e->file) != 0) {
            end(e, "the enrolment that the hub sent cannot be read", "install the version that city hall has");
            return;
        }
        e->state = ENROL_TAKING;
        uv_timer_start(&e->timer, on_timer, 0, 0); /* outside of the door's call */
    } else if (w->final) {
        end(e, w->text, w->hint);
    } else {
        rest(e, a.retry_after_ms, w->text, w->hint);
        tell_waiting(e, w);
    }
}

static void ask(struct enrolling *e) {
    e->state = ENROL_ASKING;
    e->up = false;
    uv_timer_start(&e->timer, on_timer, ANSWER_MS, 0);
    node_door_connect(e->door); /* may end at once: the address is none */
}

/* ---- the enrolment that came */

/* A hub that listens on all its addresses does not know which of them reaches it; we do. */
static void name_host(const struct enrolling *e, struct enrolment *now, struct buffer *endpoint) {
    static const char *const all[] = {"tcp://[::]:", "tcp://0.0.0.0:"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t len = strlen(all[i]);
        if (now->endpoint.len <= len || memcmp(now->endpoint.at, all[i], len) != 0)
            continue;
        buffer_format(endpoint, "tcp://%.*s:", (int)(strrchr(e->address, ':') - e->address), e->address);
        buffer_add(endpoint, bytes_of(now->endpoint.at + len, now->endpoint.len - len));
        now->endpoint = buffer_bytes(endpoint);
    }
}

static int store_enrolment(const struct enrolling *e, uint32_t *node, struct buffer *name) {
    struct arena arena = {0};
    struct buffer endpoint = {0}, file = {0};
    struct enrolment *now = memory_zeroed(1, sizeof *now);
    struct public_keys hub;
    int r = NODE_ENROLMENT_BROKEN;
    if (wire_enrolment_unpack(buffer_bytes(&e->file), &arena, now) == 0 && public_parse(now->hub_public, &hub) &&
        memcmp(hub.curve, e->token.hub, sizeof hub.curve) == 0 && hash_equal(&now->policy_root, &e->token.policy_root)) {
        name_host(e, now, &endpoint);
        wire_enrolment_pack(now, &file);
        const char *why = office_useless(now);
        if (why != NULL)
            log_fact(LOG_ERROR, "enrol.useless", FACT_TEXT("why", why));
        else
            r = node_engine_enrol(e->office->store, buffer_bytes(&file));
        *node = now->node;
        buffer_add(name, now->name);
    }
    free(now);
    buffer_close(&file);
    buffer_close(&endpoint);
    arena_close(&arena);
    return r;
}

static void take(struct enrolling *e) {
    struct office *o = e->office;
    struct buffer name = {0};
    uint32_t node = 0;
    int r = store_enrolment(e, &node, &name);
    if (r == STORE_DISK_FULL) {
        rest(e, 0, "the disk is full: the enrolment could not be saved", "free space on this machine's disk; it is tried again");
    } else if (r == NODE_ENROLMENT_BROKEN) {
        end(e, "the enrolment that the hub sent is damaged, or not what the token promised", "tell city hall; nothing was saved");
    } else if (r != 0) {
        end(e, "the store failed: the enrolment could not be saved", "look at the disk, restart the node");
        office_fatal(o, r);
    } else {
        log_fact(LOG_INFO, "enrol.done", FACT_UINT("node", node), FACT_TEXT("hub", e->address));
        if (e->request != NULL)
            request_ok(e->request, json_pack("{s:s, s:i, s:s}", "state", "done", "node", (int)node, "name", buffer_string(&name)));
        e->request = NULL;
        forget(e);
        if (office_open(o))
            office_begin(o);
    }
    buffer_close(&name);
}

static void on_timer(uv_timer_t *t) {
    struct enrolling *e = t->data;
    if (e->state == ENROL_RESTING)
        ask(e);
    else if (e->state == ENROL_TAKING)
        take(e);
    else if (e->state == ENROL_ASKING && !e->up)
        fell(e, NODE_DOOR_NOBODY); /* a name that nobody knows has no event of its own */
    else if (e->state == ENROL_ASKING)
        lost(e, "the hub let us in but did not answer", "the same command again; if it stays so, city IT looks into the hub's log");
}

/* ---- commands */

/* TOKEN@HOST:PORT; false: it was answered. */
static bool parse(const char *text, struct enrol_token *token, char address[ADDRESS], struct request *q) {
    const char *at = text == NULL ? NULL : strchr(text, '@'), *host = at == NULL ? "" : at + 1;
    if (strncmp(host, "tcp://", 6) == 0)
        host += 6;
    size_t len = strlen(host);
    bool port = strrchr(host, ':') != NULL && (*host != '[' || strstr(host, "]:") != NULL);
    if (len == 0 || len + 8 > ADDRESS || strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]%") != len) {
        request_error(q, "bad_request", "where is the hub? a token is followed by @HOST:PORT", "anjuctl enrol TOKEN@HOST:PORT");
        return false;
    }
    if (!enrol_token_parse(bytes_of(text, (size_t)(at - text)), token)) {
        request_error(
            q, "bad_request", "the token is mistyped, or not whole: its check does not hold",
            "copy it as city hall's screen shows it, from anju-token1: to its end");
        return false;
    }
    if (port)
        snprintf(address, ADDRESS, "%s", host);
    else
        snprintf(address, ADDRESS, "%s:%d", host, STANDARD_PORT);
    return true;
}

void cmd_enrol(void *owner, struct request *q) {
    struct office *o = owner;
    struct enrol_token token;
    char address[ADDRESS];
    if (o->engine != NULL) {
        request_errorf(
            q, "conflict", "a new machine, or an empty data folder", "this is node %u already; a machine is enrolled once",
            node_engine_who(o->engine)->node);
        return;
    }
    if (!parse(request_text(q, "token"), &token, address, q))
        return;
    if (o->enrolling != NULL)
        office_enrol_end(o, "another enrol took its place");
    struct enrolling *e = memory_zeroed(1, sizeof *e);
    struct buffer endpoint = {0};
    char text[PUBLIC_TEXT];
    struct hash secret = hash_of(bytes_of(token.secret, sizeof token.secret));
    e->office = o;
    e->token = token;
    e->request = q;
    strcpy(e->address, address);
    enrol_code(token.hub, &token.policy_root, &secret, public_text(&o->keys.public, text), e->code);
    uv_timer_init(&o->loop, &e->timer);
    e->timer.data = e;
    buffer_format(&endpoint, "tcp://%s", address);
    struct node_door_calls calls = {on_up, on_down, on_heard, e};
    e->door = node_door_open(&o->loop, buffer_string(&endpoint), token.hub, &o->keys, &calls);
    o->enrolling = e;
    buffer_close(&endpoint);
    sodium_memzero(&token, sizeof token);
    ask(e);
}

void office_enrol_end(struct office *o, const char *why) {
    struct enrolling *e = o->enrolling;
    if (e == NULL)
        return;
    if (e->request != NULL)
        request_error(e->request, "busy", why, "");
    e->request = NULL;
    forget(e);
}

void cmd_not_enrolled(void *owner, struct request *q) {
    (void)owner;
    request_error(q, "conflict", not_enrolled, how_to_enrol);
}

void office_enrol_problem(const struct office *o, struct problems *out) {
    const struct enrolling *e = o->enrolling;
    problem_add(
        out, PROBLEM_NOT_ENROLLED, "{s:s, s:s}", "why", e == NULL || e->problem == NULL ? not_enrolled : e->problem, "how",
        e == NULL || e->hint == NULL ? how_to_enrol : e->hint);
}

void office_status_unenrolled(const struct office *o, struct request *q) {
    static const char *const states[] = {"asking", "waits", "enrolling", "refused"};
    const struct enrolling *e = o->enrolling;
    char text[PUBLIC_TEXT];
    json_t *out = json_object();
    json_object_set_new(out, "node", json_integer(0));
    json_object_set_new(out, "link", json_string("not enrolled"));
    json_object_set_new(out, "state", json_string(problem_level_name(PROBLEM_CRITICAL)));
    json_object_set_new(out, "problem", json_string(request_words(q, e == NULL || e->problem == NULL ? not_enrolled : e->problem)));
    json_object_set_new(out, "next", json_string(request_words(q, e == NULL || e->hint == NULL ? how_to_enrol : e->hint)));
    json_object_set_new(out, "public", json_string(public_text(&o->keys.public, text)));
    json_object_set_new(out, "enrol", json_string(e == NULL ? "" : states[e->state]));
    json_object_set_new(out, "hub", json_string(e == NULL ? "" : e->address));
    json_object_set_new(out, "code", json_string(e == NULL || !e->contacted || e->state == ENROL_OVER ? "" : e->code));
    json_object_set_new(out, "seal", json_string(o->sealing.from));
    json_object_set_new(out, "as_of_ms", json_integer((json_int_t)clock_wall()));
    request_ok(q, out);
}
