/* Enrolment by token, what operators order: tokens are made, listed and taken back; machines that wait are approved or turned away. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "hub/enrol.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEEP_DAYS = 30, /* after its expiry a token that came to an end is kept, so that who holds it is told why */
    DAY_MS = 86400000,
    LONGEST_DAYS = 30
};

static bool ready(struct enrol *e, struct request *q) {
    if (!e->loaded)
        request_error(q, "busy", "the tokens are being read", "ask again in a moment");
    return e->loaded;
}

/* "24h", "30m", "7d", "90s"; 0: not understood. */
static wall_ms duration(const char *text) {
    char *unit;
    unsigned long long n = strtoull(text, &unit, 10);
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', DAY_MS}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*text >= '0' && *text <= '9' && unit[0] == units[i].unit && unit[1] == '\0' &&
            n <= LONGEST_DAYS * (uint64_t)DAY_MS / units[i].ms)
            return n * units[i].ms;
    return 0;
}

static void find_stale(const struct enrol *e, wall_ms now, struct buffer *out) {
    for (const struct token *t = e->tokens; t != NULL; t = t->next) {
        enum token_state s = token_state_of(e, t);
        if (s != TOKEN_OPEN && s != TOKEN_PENDING && !t->busy && now > t->entry.expires + KEEP_DAYS * (uint64_t)DAY_MS)
            buffer_add(out, bytes_of(t->id.b, sizeof t->id.b));
    }
}

/* A request that asks for what cannot be; false: it was answered. */
static bool fill_entry(struct enrol *e, struct request *q, struct enrol_entry *entry) {
    struct office_areas areas;
    const char *name = request_text(q, "name"), *expires = request_text(q, "expires");
    char text[AREA_TEXT];
    wall_ms lives = duration(expires == NULL ? "24h" : expires);
    const char *wrong = office_areas_parse(request_text(q, "area"), &areas);
    if (wrong != NULL)
        request_error(q, "bad_request", wrong, "650203001001");
    else if (lives == 0)
        request_errorf(q, "bad_request", "--expires 24h", "how long is the token good? 90s, 30m, 24h, 7d; at most %dd", LONGEST_DAYS);
    else if (name != NULL && strlen(name) >= sizeof entry->name)
        request_errorf(q, "bad_request", "a shorter name", "an office's name has at most %zu bytes here", sizeof entry->name - 1);
    else if (e->porter == NULL)
        request_error(
            q, "conflict", "this hub has no enrolment endpoint now: no machine could bring the token",
            "set `enrol` in the hub's configuration; `anjuctl status` says why it is not open; or: anjuctl node add");
    else {
        memset(entry, 0, sizeof *entry);
        memcpy(entry->areas, areas.areas, sizeof entry->areas);
        entry->area_count = areas.count;
        strcpy(entry->name, name == NULL || *name == '\0' ? area_text(areas.areas[0], text) : name);
        entry->made = clock_wall();
        entry->expires = entry->made + lives;
        entry->automatic = request_flag(q, "auto");
        return true;
    }
    return false;
}

void cmd_node_token(void *owner, struct request *q) {
    struct city *c = owner;
    struct enrol *e = c->enrol;
    struct enrol_entry entry;
    if (!ready(e, q) || !fill_entry(e, q, &entry))
        return;
    struct enrol_token token = {.policy_root = c->who.policy_root, .area_count = entry.area_count, .expires = entry.expires};
    struct buffer text = {0};
    char id[TOKEN_ID_TEXT];
    entropy_fill(token.secret, sizeof token.secret);
    memcpy(token.hub, c->keys.public.curve, sizeof token.hub);
    memcpy(entry.hub, token.hub, sizeof entry.hub);
    entry.names_hub = true;
    memcpy(token.areas, entry.areas, sizeof token.areas);
    struct hash hash = hash_of(bytes_of(token.secret, sizeof token.secret));
    struct saving *s = token_saving(e, &hash, &entry);
    find_stale(e, entry.made, &s->drop);
    if (e->count - s->drop.len / sizeof hash >= LIMIT_TOKENS) {
        request_errorf(q, "conflict", "anjuctl node tokens", "%d tokens are open or wait: revoke what is not used", LIMIT_TOKENS);
        buffer_close(&s->drop);
        free(s);
        return;
    }
    enrol_token_text(&token, &text);
    s->request = q;
    s->answer = json_pack(
        "{s:s, s:s, s:I, s:b, s:s, s:s}", "id", token_id_text(&hash, id), "token", buffer_string(&text), "expires_ms",
        (json_int_t)entry.expires, "auto", entry.automatic, "endpoint", porter_endpoint(e->porter), "next",
        "at the new machine: anjuctl enrol TOKEN@HOST:PORT; the token is shown only now");
    log_fact(
        LOG_INFO, "enrol.token", FACT_TEXT("token", id), FACT_UINT("uid", request_uid(q)), FACT_UINT("expires_ms", entry.expires),
        FACT_TEXT("auto", entry.automatic ? "yes" : "no"));
    token_save(s);
    sodium_memzero(&token, sizeof token);
    sodium_memzero(text.at, text.len);
    buffer_close(&text);
}

static json_t *areas_json(const struct enrol_entry *entry) {
    struct buffer b = {0};
    char text[AREA_TEXT];
    for (size_t i = 0; i < entry->area_count; i++)
        buffer_format(&b, "%s%s", i == 0 ? "" : " ", area_text(entry->areas[i], text));
    json_t *v = json_string(buffer_string(&b));
    buffer_close(&b);
    return v;
}

void cmd_node_tokens(void *owner, struct request *q) {
    const struct city *c = owner;
    struct enrol *e = c->enrol;
    char id[TOKEN_ID_TEXT];
    if (!ready(e, q))
        return;
    for (const struct token *t = e->tokens; t != NULL; t = t->next) {
        uint32_t node = token_node(e, t);
        const struct enrol_words *last = enrol_outcome_words(t->ended);
        request_row(
            q, json_pack(
                   "{s:s, s:o, s:s, s:s, s:b, s:I, s:o, s:s}", "id", token_id_text(&t->id, id), "area", areas_json(&t->entry), "name",
                   t->entry.name, "state", token_state_name(token_state_of(e, t)), "auto", t->entry.automatic, "expires_ms",
                   (json_int_t)t->entry.expires, "node", node == 0 ? json_null() : json_integer(node), "refused",
                   last == NULL ? "" : last->word));
    }
    request_end(q);
}

size_t enrol_waiting(const struct city *c, struct buffer *ids) {
    const struct enrol *e = c->enrol;
    char id[TOKEN_ID_TEXT];
    size_t n = 0;
    for (const struct token *t = e->tokens; t != NULL; t = t->next) {
        enum token_state s = token_state_of(e, t);
        if (s == TOKEN_OPEN || s == TOKEN_PENDING)
            buffer_format(ids, "%s%s", n++ == 0 ? "" : " ", token_id_text(&t->id, id));
    }
    return n;
}

void cmd_node_pending(void *owner, struct request *q) {
    const struct city *c = owner;
    struct enrol *e = c->enrol;
    char id[TOKEN_ID_TEXT], code[ENROL_CODE_TEXT];
    if (!ready(e, q))
        return;
    for (const struct token *t = e->tokens; t != NULL; t = t->next) {
        if (token_state_of(e, t) != TOKEN_PENDING)
            continue;
        token_code(e, t, code);
        request_row(
            q, json_pack(
                   "{s:s, s:o, s:s, s:I, s:s, s:s}", "code", code, "area", areas_json(&t->entry), "name", t->entry.name, "asked_ms",
                   (json_int_t)t->entry.claimed, "id", token_id_text(&t->id, id), "key", t->entry.public));
    }
    request_end(q);
}

static bool not_busy(const struct token *t, struct request *q) {
    if (t->busy)
        request_error(q, "busy", "this token is being worked on", "again in a moment");
    return !t->busy;
}

void cmd_node_token_revoke(void *owner, struct request *q) {
    const struct city *c = owner;
    struct enrol *e = c->enrol;
    const char *wanted = request_text(q, "id");
    struct token *t = e->tokens;
    char id[TOKEN_ID_TEXT];
    if (!ready(e, q))
        return;
    while (t != NULL && (wanted == NULL || strcmp(token_id_text(&t->id, id), wanted) != 0))
        t = t->next;
    if (t == NULL) {
        request_errorf(q, "not_found", "`anjuctl node tokens` lists them", "there is no token '%s'", wanted == NULL ? "" : wanted);
    } else if (token_state_of(e, t) == TOKEN_ENROLLED) {
        request_errorf(
            q, "conflict", "to shut the node out: anjuctl node revoke N", "node %u is enrolled with it already", token_node(e, t));
    } else if (not_busy(t, q)) {
        struct saving *s = token_saving(e, &t->id, &t->entry);
        s->entry.revoked = true;
        s->request = q;
        s->answer = json_pack("{s:s, s:s}", "id", id, "state", "revoked");
        log_fact(LOG_INFO, "enrol.revoked", FACT_TEXT("token", id), FACT_UINT("uid", request_uid(q)));
        token_save(s);
    }
}

/* The machine that waits and shows this code; NULL: it was answered. */
static struct token *waiting(struct enrol *e, struct request *q, const char *code) {
    char other[ENROL_CODE_TEXT];
    struct token *t = e->tokens;
    for (; t != NULL; t = t->next) {
        token_code(e, t, other);
        if (*t->entry.public != '\0' && strcmp(code, other) == 0)
            break;
    }
    enum token_state s = t == NULL ? TOKEN_OPEN : token_state_of(e, t);
    if (t == NULL)
        request_errorf(
            q, "not_found",
            "`anjuctl node pending` lists them; if the office shows a code that is not there, do not approve: another machine may have its "
            "token",
            "no machine waits with the code %s", code);
    else if (s == TOKEN_ENROLLED)
        request_errorf(q, "conflict", "`anjuctl nodes` shows it", "the machine with this code is node %u already", token_node(e, t));
    else if (s != TOKEN_PENDING)
        request_errorf(q, "conflict", "make a new token", "the machine with this code was turned away: %s", token_state_name(s));
    else if (not_busy(t, q))
        return t;
    return NULL;
}

bool enrol_approve(struct city *c, struct request *q) {
    struct enrol *e = c->enrol;
    const char *text = request_text(q, "node");
    char code[ENROL_CODE_TEXT];
    if (text == NULL || strspn(text, "0123456789") == strlen(text)) {
        if (text == NULL || !enrol_code_parse(text, code))
            return false;
    } else if (!enrol_code_parse(text, code)) {
        request_error(
            q, "bad_request", "a machine's code has three groups of four letters and digits; a node has a number",
            "`anjuctl node pending` lists the codes, `anjuctl nodes` the nodes");
        return true;
    }
    struct token *t = ready(e, q) ? waiting(e, q, code) : NULL;
    if (t != NULL)
        token_approve(e, t, q);
    return true;
}

void cmd_node_reject(void *owner, struct request *q) {
    const struct city *c = owner;
    struct enrol *e = c->enrol;
    const char *text = request_text(q, "code");
    char code[ENROL_CODE_TEXT], id[TOKEN_ID_TEXT];
    if (text == NULL || !enrol_code_parse(text, code)) {
        request_error(q, "bad_request", "a code has three groups of four letters and digits", "`anjuctl node pending` lists them");
        return;
    }
    struct token *t = ready(e, q) ? waiting(e, q, code) : NULL;
    if (t == NULL)
        return;
    struct saving *s = token_saving(e, &t->id, &t->entry);
    s->entry.rejected = true;
    s->request = q;
    s->answer = json_pack("{s:s, s:s}", "code", code, "state", "rejected");
    log_fact(LOG_INFO, "enrol.rejected", FACT_TEXT("token", token_id_text(&t->id, id)), FACT_UINT("uid", request_uid(q)));
    token_save(s);
}
