/* Enrolment by token, at city hall. A token is used by the first machine that proves its secret, and by no other from then on; that machine
 * waits until a person has compared the short code, unless the token was made to do without.
 *
 * What is durable is the token with who used it, and the office record; that a machine is enrolled is only said of a key in the roster. So
 * a crash at any moment loses nothing: an asker finds itself waiting, or enrolled, and an order given twice says the same twice. */
#include "hub/enrol.h"

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/net/enrol_door.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 5000,
    PORT_WAIT_MS = 1000,
    RETRY_MS = 2000,
    LATER_MS = 60000,
    ASK_LEAST_MS = 200,
};

const char *token_state_name(enum token_state s) {
    static const char *const names[] = {"open", "expired", "pending", "enrolled", "revoked", "rejected", "outdated"};
    return names[s];
}

const struct hub_peer *token_peer(const struct enrol *e, const struct token *t) {
    struct public_keys keys;
    return public_parse(bytes_text(t->entry.public), &keys) ? office_of_key(e->city, keys.curve) : NULL;
}

uint32_t token_node(const struct enrol *e, const struct token *t) {
    const struct hub_peer *peer = token_peer(e, t);
    return peer == NULL ? t->entry.node : peer->link.node;
}

enum token_state token_state_of(const struct enrol *e, const struct token *t) {
    if (t->entry.revoked)
        return TOKEN_REVOKED;
    if (t->entry.rejected)
        return TOKEN_REJECTED;
    if (*t->entry.public != '\0' && token_node(e, t) != 0)
        return TOKEN_ENROLLED;
    if (t->entry.names_hub && memcmp(t->entry.hub, e->city->keys.public.curve, sizeof t->entry.hub) != 0)
        return TOKEN_OUTDATED;
    if (*t->entry.public == '\0')
        return clock_wall() >= t->entry.expires ? TOKEN_EXPIRED : TOKEN_OPEN;
    return TOKEN_PENDING;
}

const char *token_id_text(const struct hash *id, char out[TOKEN_ID_TEXT]) {
    struct buffer b = {0};
    hex_encode(bytes_of(id->b, TOKEN_ID_BYTES), &b);
    strcpy(out, buffer_string(&b));
    buffer_close(&b);
    return out;
}

void token_code(const struct enrol *e, const struct token *t, char out[ENROL_CODE_TEXT]) {
    const uint8_t *hub = t->entry.names_hub ? t->entry.hub : e->city->keys.public.curve;
    enrol_code(hub, &e->city->who.policy_root, &t->id, t->entry.public, out);
}

static struct token *find(const struct enrol *e, const struct hash *id) {
    struct token *t = e->tokens;
    while (t != NULL && !hash_equal(&t->id, id))
        t = t->next;
    return t;
}

static struct token *add(struct enrol *e, const struct hash *id, const struct enrol_entry *entry) {
    struct token *t = memory_zeroed(1, sizeof *t);
    t->id = *id;
    t->entry = *entry;
    t->next = e->tokens;
    e->tokens = t;
    e->count++;
    return t;
}

static void areas_of(const struct enrol_entry *entry, struct office_areas *out) {
    memcpy(out->areas, entry->areas, sizeof out->areas);
    out->count = entry->area_count;
}

/* ---- saving: memory follows the disk, so nobody is told what a crash could forget */

static void save_works(struct hub_own_work *w, struct txn *own) {
    struct saving *s = (struct saving *)w;
    struct buffer packed = {0};
    struct key k = key_token(&s->id);
    enrol_entry_pack(&s->entry, &packed);
    envelope_put(own, HUB_OWN_TOKENS, key_bytes(&k), buffer_bytes(&packed));
    for (size_t at = 0; at < s->drop.len; at += sizeof s->id)
        txn_delete(own, HUB_OWN_TOKENS, bytes_of(s->drop.at + at, sizeof s->id));
    buffer_close(&packed);
}

static void decide(struct enrol *e, struct token *t, const struct router_route *from);
static void order_office(struct enrol *e, struct token *t, struct request *q);
static void answer(struct enrol *e, const struct router_route *to, const struct enrol_answer *a);

static void drop_tokens(struct enrol *e, const struct buffer *ids) {
    for (struct token **at = &e->tokens; *at != NULL;) {
        struct token *t = *at;
        bool goes = false;
        for (size_t i = 0; i < ids->len; i += sizeof t->id)
            goes = goes || memcmp(ids->at + i, &t->id, sizeof t->id) == 0;
        if (!goes) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        free(t);
        e->count--;
    }
}

static void save_done(struct hub_own_work *w, int result) {
    struct saving *s = (struct saving *)w;
    struct enrol *e = s->enrol;
    if (result == 0)
        drop_tokens(e, &s->drop);
    struct token *t = find(e, &s->id);
    if (t != NULL)
        t->busy = false;
    if (result == 0 && t != NULL)
        t->entry = s->entry;
    else if (result == 0)
        t = add(e, &s->id, &s->entry);
    if (result == 0 && s->approves)
        order_office(e, t, s->request);
    else if (s->request != NULL && result == 0)
        request_ok(s->request, json_incref(s->answer));
    else if (s->request != NULL)
        request_error(
            s->request, "busy", "the disk is full, or failed; nothing of this was saved", "free space on the hub's disk, then again");
    else if (result == 0)
        decide(e, t, &s->from);
    else
        answer(e, &s->from, &(struct enrol_answer){.outcome = ENROL_BUSY, .retry_after_ms = RETRY_MS});
    json_decref(s->answer);
    buffer_close(&s->drop);
    free(s);
}

struct saving *token_saving(struct enrol *e, const struct hash *id, const struct enrol_entry *entry) {
    struct saving *s = memory_zeroed(1, sizeof *s);
    s->enrol = e;
    s->id = *id;
    s->entry = *entry;
    s->work.work = save_works;
    s->work.done = save_done;
    return s;
}

void token_save(struct saving *s) {
    struct token *t = find(s->enrol, &s->id);
    if (t != NULL)
        t->busy = true;
    hub_engine_own(s->enrol->city->engine, &s->work);
}

/* ---- approval */

struct approving {
    struct enrol *enrol;
    struct hash id;
};

static void approve_end(void *owner, int result) {
    struct approving *a = owner;
    struct token *t = find(a->enrol, &a->id);
    char id[TOKEN_ID_TEXT];
    if (t != NULL)
        t->busy = false;
    if (t != NULL && (result == 0 || result == HUB_WRITE_NOTED)) {
        t->added = true;
        log_fact(
            LOG_INFO, "enrol.approved", FACT_TEXT("token", token_id_text(&a->id, id)), FACT_UINT("node", t->entry.node),
            FACT_TEXT("by", t->entry.automatic ? "policy" : "a person"));
    }
    free(a);
}

static void order_office(struct enrol *e, struct token *t, struct request *q) {
    struct approving *a = memory_zeroed(1, sizeof *a);
    struct office_areas areas;
    a->enrol = e;
    a->id = t->id;
    areas_of(&t->entry, &areas);
    t->busy = true;
    office_add(e->city, q, t->entry.node, &areas, t->entry.name, t->entry.public, approve_end, a);
}

void token_approve(struct enrol *e, const struct token *t, struct request *q) {
    struct saving *s = token_saving(e, &t->id, &t->entry);
    s->entry.node = office_number(e->city);
    s->request = q;
    s->approves = true;
    token_save(s);
}

/* ---- what machines ask */

static void answer(struct enrol *e, const struct router_route *to, const struct enrol_answer *a) {
    struct buffer frame = {0};
    enrol_answer_pack(a, &frame);
    if (e->door != NULL && to->len > 0)
        enrol_door_answer(e->door, to, buffer_bytes(&frame));
    buffer_close(&frame);
}

static void refuse(
    struct enrol *e, struct token *t /* may be NULL */, const uint8_t key[KEY_BYTES], const struct router_route *to, uint32_t outcome) {
    uint32_t *last = t == NULL ? &e->ended : &t->ended;
    char id[TOKEN_ID_TEXT] = "";
    if (t == NULL || *last != outcome)
        log_fact(
            LOG_WARNING, "enrol.refused", FACT_TEXT("why", enrol_outcome_words(outcome)->word),
            FACT_TEXT("token", t == NULL ? "" : token_id_text(&t->id, id)), FACT_HEX("key", bytes_of(key, KEY_BYTES)));
    *last = outcome;
    answer(e, to, &(struct enrol_answer){.outcome = outcome});
}

static void hand_over(struct enrol *e, const struct token *t, const struct hub_peer *peer, const struct router_route *to) {
    struct enrol_answer a = {.outcome = ENROL_DONE};
    struct office_areas areas;
    struct buffer file = {0}, sealed = {0};
    areas_of(&t->entry, &areas);
    office_enrolment(e->city, true, peer->link.node, &areas, t->entry.name, &file);
    if (wire_batch_seal(buffer_bytes(&file), &sealed) != 0 || sealed.len > LIMIT_MESSAGE_BYTES - LIMIT_ENROL_BYTES)
        a.outcome = ENROL_TOO_BIG;
    else
        a.file = buffer_bytes(&sealed);
    answer(e, to, &a);
    buffer_close(&file);
    buffer_close(&sealed);
}

/* The token is this machine's. */
static void decide(struct enrol *e, struct token *t, const struct router_route *from) {
    const struct hub_peer *peer = token_peer(e, t);
    if (peer != NULL && peer->link.node != t->entry.node) { /* added by hand meanwhile */
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_KEY_IN_USE});
    } else if (peer != NULL && peer->link.revoked) {
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_NODE_REVOKED});
    } else if (peer != NULL && e->city->catalogue_known) {
        hand_over(e, t, peer, from);
    } else if (peer == NULL && t->entry.node != 0 && office_known(e->city, t->entry.node)) { /* with another key since: no way back to this
                                                                                                one */
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_USED});
    } else {
        if (peer == NULL && t->entry.node == 0 && t->entry.automatic)
            token_approve(e, t, NULL);
        else if (peer == NULL && t->entry.node != 0 && !t->added)
            order_office(e, t, NULL); /* a crash came between */
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_WAIT, .retry_after_ms = t->entry.automatic ? RETRY_MS / 4 : RETRY_MS});
    }
}

static void claim(struct enrol *e, const struct token *t, const struct enrol_ask *ask, const struct router_route *from) {
    struct saving *s = token_saving(e, &t->id, &t->entry);
    char code[ENROL_CODE_TEXT], id[TOKEN_ID_TEXT];
    strcpy(s->entry.public, ask->public);
    s->entry.claimed = clock_wall();
    s->from = *from;
    struct token as = {.id = t->id, .entry = s->entry};
    token_code(e, &as, code);
    log_fact(LOG_INFO, "enrol.asked", FACT_TEXT("token", token_id_text(&t->id, id)), FACT_TEXT("code", code));
    token_save(s);
}

static bool proves(const struct enrol *e, const struct enrol_ask *ask, const uint8_t key[KEY_BYTES]) {
    struct public_keys keys;
    struct buffer said = {0};
    enrol_ask_signed(ask, e->city->keys.public.curve, &said);
    bool good = public_parse(bytes_text(ask->public), &keys) && memcmp(keys.curve, key, KEY_BYTES) == 0 &&
                keys_check(keys.sign, buffer_bytes(&said), bytes_of(ask->signature, sizeof ask->signature));
    buffer_close(&said);
    return good;
}

/* Why a machine that knows the secret is turned away; 0: it is not. */
static uint32_t against(const struct enrol *e, const struct token *t, const struct enrol_ask *ask, const uint8_t key[KEY_BYTES]) {
    if (!proves(e, ask, key))
        return ENROL_UNPROVEN;
    if (t->entry.revoked)
        return ENROL_REVOKED;
    if (*t->entry.public != '\0' && strcmp(t->entry.public, ask->public) != 0)
        return ENROL_USED;
    if (t->entry.rejected)
        return ENROL_REJECTED;
    if (!hash_equal(&ask->policy_root, &e->city->who.policy_root))
        return ENROL_ROOT;
    if (*t->entry.public == '\0' && clock_wall() >= t->entry.expires)
        return ENROL_EXPIRED;
    return *t->entry.public == '\0' && office_of_key(e->city, key) != NULL ? ENROL_KEY_IN_USE : 0;
}

static void heard(void *owner, const uint8_t key[KEY_BYTES], const struct router_route *from, struct bytes frame) {
    struct enrol *e = owner;
    struct enrol_ask ask;
    int r = enrol_ask_unpack(frame, &ask);
    struct hash id = hash_of(bytes_of(ask.secret, sizeof ask.secret));
    struct token *t = r == 0 ? find(e, &id) : NULL;
    uint32_t why = t == NULL ? ENROL_UNKNOWN : against(e, t, &ask, key);
    instant now = clock_now();
    if (r == WIRE_NEWER) {
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_NEWER});
    } else if (t == NULL && !enrol_door_wrong(e->door, key)) {
        e->ended = ENROL_LATER;
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_LATER, .retry_after_ms = LATER_MS});
    } else if (r != 0) {
        log_fact(LOG_WARNING, "enrol.garbage", FACT_UINT("bytes", frame.len), FACT_HEX("key", bytes_of(key, KEY_BYTES)));
    } else if (why != 0) {
        refuse(e, t, key, from, why);
    } else if (t->busy || (t->asked != 0 && now - t->asked < ASK_LEAST_MS)) {
        answer(e, from, &(struct enrol_answer){.outcome = ENROL_WAIT, .retry_after_ms = RETRY_MS / 4});
    } else {
        t->asked = now;
        t->ended = 0;
        if (*t->entry.public == '\0')
            claim(e, t, &ask, from);
        else
            decide(e, t, from);
    }
    sodium_memzero(&ask, sizeof ask);
}

/* ---- for status */

void enrol_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct enrol *e = c->enrol;
    const struct enrol_words *last = enrol_outcome_words(e->ended);
    size_t pending = 0;
    for (const struct token *t = e->tokens; t != NULL; t = t->next)
        pending += token_state_of(e, t) == TOKEN_PENDING;
    if (pending > 0)
        problem_add(problems, PROBLEM_ENROL_WAITS, "{s:I}", "count", (json_int_t)pending);
    if (e->failed != 0)
        problem_add(
            problems, PROBLEM_ENROL_PORT, "{s:s, s:s}", "endpoint", settings_text(c->settings, "enrol"), "why", strerror(e->failed));
    json_object_set_new(out, "enrol", json_string(e->porter == NULL ? "" : porter_endpoint(e->porter)));
    json_object_set_new(out, "enrol_pending", json_integer((json_int_t)pending));
    json_object_set_new(out, "enrol_wrong", json_integer(e->door == NULL ? 0 : (json_int_t)enrol_door_wrongs(e->door)));
    json_object_set_new(out, "enrol_refused", json_string(last == NULL ? "" : last->word));
}

/* ---- life */

/* The door first, then the port in front of it. The first time the port of a hub that was killed is waited for. */
static void open_door(struct enrol *e) {
    const char *at = settings_text(e->city->settings, "enrol");
    struct buffer door = {0};
    int r = 0;
    if (!e->loaded || *at == '\0' || (e->porter != NULL && e->door != NULL))
        return;
    buffer_format(&door, "ipc://%s/enrol.sock", settings_text(e->city->settings, "data"));
    if (e->door == NULL)
        r = enrol_door_open(&e->city->loop, buffer_string(&door), &e->city->keys, heard, e, &e->door);
    if (r == 0 && e->porter == NULL)
        r = porter_open(
            &e->city->loop, at, e->failed == 0 ? PORT_WAIT_MS : 0, buffer_string(&door) + strlen("ipc://"), &porter_rooms_enrol,
            &e->porter);
    if (r == 0)
        log_fact(LOG_INFO, "enrol.open", FACT_TEXT("endpoint", porter_endpoint(e->porter)));
    else if (e->failed != -r)
        log_fact(LOG_ERROR, "enrol.not_open", FACT_TEXT("endpoint", at), FACT_TEXT("why", strerror(-r)));
    e->failed = -r;
    buffer_close(&door);
}

static void on_tick(uv_timer_t *t) {
    open_door(t->data);
}

void enrol_rekeyed(struct city *c) {
    if (c->enrol == NULL)
        return;
    c->enrol->door = enrol_door_close(c->enrol->door);
    open_door(c->enrol);
}

struct loading_tokens {
    struct hub_own_work work;
    struct enrol *enrol;
    struct token *tokens; /* owns until it is done */
    size_t count;
    unsigned rotten;
    uint32_t highest; /* number of a node that was approved */
};

static void load_works(struct hub_own_work *w, struct txn *own) {
    struct loading_tokens *l = (struct loading_tokens *)w;
    struct scan *c = scan_open(own, HUB_OWN_TOKENS);
    struct bytes at, stored, value;
    for (bool on = scan_next(c, &at, &stored); on; on = scan_next(c, &at, &stored)) {
        struct token *t = memory_zeroed(1, sizeof *t);
        if (!key_token_read(at, &t->id) || envelope_open(own, HUB_OWN_TOKENS, at, stored, &value) != 0 ||
            enrol_entry_unpack(value, &t->entry) != 0) {
            l->rotten++;
            free(t);
            continue;
        }
        t->next = l->tokens;
        l->tokens = t;
        l->highest = t->entry.node > l->highest ? t->entry.node : l->highest;
        l->count++;
    }
    scan_close(c);
}

static void load_done(struct hub_own_work *w, int result) {
    struct loading_tokens *l = (struct loading_tokens *)w;
    struct enrol *e = l->enrol;
    e->tokens = l->tokens;
    e->count = l->count;
    e->loaded = result == 0;
    if (e->city->promised < l->highest)
        e->city->promised = l->highest;
    if (l->rotten > 0)
        log_fact(LOG_ERROR, "enrol.rotten", FACT_UINT("tokens", l->rotten), FACT_TEXT("do", "make new tokens; run anjuctl verify"));
    if (e->loaded && !e->stopping)
        open_door(e);
    free(l);
}

void enrol_open(struct city *c) {
    struct enrol *e = memory_zeroed(1, sizeof *e);
    struct loading_tokens *l = memory_zeroed(1, sizeof *l);
    c->enrol = e;
    e->city = c;
    uv_timer_init(&c->loop, &e->timer);
    e->timer.data = e;
    uv_timer_start(&e->timer, on_tick, TICK_MS, TICK_MS);
    l->enrol = e;
    l->work.work = load_works;
    l->work.done = load_done;
    hub_engine_own(c->engine, &l->work);
}

void enrol_stop(struct city *c) {
    struct enrol *e = c->enrol;
    if (e == NULL)
        return;
    e->stopping = true;
    uv_timer_stop(&e->timer);
    e->porter = porter_close(e->porter);
    e->door = enrol_door_close(e->door);
}

static void on_closed(uv_handle_t *h) {
    struct enrol *e = h->data;
    while (e->tokens != NULL) {
        struct token *t = e->tokens;
        e->tokens = t->next;
        free(t);
    }
    free(e);
}

void enrol_close(struct city *c) {
    if (c->enrol != NULL)
        uv_close((uv_handle_t *)&c->enrol->timer, on_closed);
    c->enrol = NULL;
}
