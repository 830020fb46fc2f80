/* The hub's peers, on the loop: which there are, what each may take of us, words to it. Who may come is read from the office records by the
 * read worker (roster_works). */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/hub_parts.h"
#include "common/model/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_MS = 10000, ALARM_EACH_MS = 10000 };

/* ---- by key and by node */

const struct public_keys *hub_peer_keys(const struct hub_peer *p, const uint8_t key[KEY_BYTES]) {
    if (p->keyed && memcmp(p->keys.curve, key, KEY_BYTES) == 0)
        return &p->keys;
    return p->keyed && memcmp(p->before.curve, key, KEY_BYTES) == 0 && clock_wall() < p->before_until ? &p->before : NULL;
}

struct hub_peer *hub_peer_by_key(const struct hub_engine *e, const uint8_t key[KEY_BYTES]) {
    for (size_t i = 0; i < e->peer_count; i++)
        if (hub_peer_keys(e->peers[i], key) != NULL)
            return e->peers[i];
    return NULL;
}

/* The one that it speaks with. */
const struct public_keys *hub_peer_keys_in_use(const struct hub_peer *p) {
    return p->by_before ? &p->before : &p->keys;
}

static int against_peer(const void *node, const void *peer) {
    uint32_t a = *(const uint32_t *)node, b = (*(struct hub_peer *const *)peer)->link.node;
    return (a > b) - (a < b);
}

struct hub_peer *hub_peer_by_node(const struct hub_engine *e, uint32_t node) {
    struct hub_peer **at = e->peer_count == 0 ? NULL : bsearch(&node, e->peers, e->peer_count, sizeof *e->peers, against_peer);
    return at == NULL ? NULL : *at;
}

size_t hub_engine_peers(const struct hub_engine *e) {
    return e->peer_count;
}

const struct hub_peer *hub_engine_peer(const struct hub_engine *e, size_t i) {
    return e->peers[i];
}

const struct hub_peer *hub_engine_peer_of(const struct hub_engine *e, uint32_t node) {
    return hub_peer_by_node(e, node);
}

uint32_t hub_engine_free_node(const struct hub_engine *e) {
    return e->peer_count == 0 ? 1 : e->peers[e->peer_count - 1]->link.node + 1;
}

/* ---- what a peer may take of us */

bool hub_within(instant *due, instant now, uint64_t each_ms) {
    instant next = (*due > now ? *due : now) + each_ms;
    if (next > now + BURST_MS)
        return false;
    *due = next;
    return true;
}

void hub_peer_wrong(struct hub_peer *p, uint64_t *count, uint64_t more, const char *what) {
    instant now = clock_now();
    bool first = *count == 0;
    *count += more;
    if (!first && now < p->told + ALARM_EACH_MS)
        return;
    p->told = now;
    log_fact(
        LOG_ERROR, "hub.alarm", FACT_TEXT("what", what), FACT_UINT("node", p->link.node),
        FACT_HEX("key", bytes_of(hub_peer_keys_in_use(p)->curve, KEY_BYTES)), FACT_UINT("garbage", p->wrongs.garbage),
        FACT_UINT("forged", p->wrongs.forged), FACT_UINT("flood", p->wrongs.flood));
}

void hub_peer_flooded(struct hub_peer *p) {
    hub_peer_wrong(p, &p->wrongs.flood, 1, "floods");
}

/* ---- words to a peer */

void hub_peer_send(struct hub_peer *p, struct bytes frame) {
    if (p->way != NULL)
        hub_door_send(p->way->door, hub_peer_keys_in_use(p)->curve, frame);
}

void hub_peer_say(struct hub_peer *p, const struct message *m) {
    struct buffer frame = {0};
    if (wire_pack(m, &frame) == 0)
        hub_peer_send(p, buffer_bytes(&frame));
    else
        log_fact(LOG_ERROR, "hub.message_too_big", FACT_TEXT("kind", message_name(m->kind)));
    buffer_close(&frame);
}

void hub_peer_tell_key(struct hub_peer *p) {
    char text[PUBLIC_TEXT];
    struct message m = {.kind = MESSAGE_KEY_TAKEN};
    m.key_taken = (struct key_taken){bytes_text(public_text(&p->keys, text)), p->before_until};
    hub_peer_say(p, &m);
}

/* ---- the roster: who may come, from the office records */

struct office_line {
    uint32_t node;
    struct public_keys keys, before;
    wall_ms before_until;
    bool keyed, revoked, paused, retiring, retired, full;
    struct hub_audit audit;
    uint8_t moved_to[KEY_BYTES];
    struct office_said said;
    area areas[LIMIT_AREAS]; /* that it asks for in its Pulls */
    size_t area_count;
};

struct roster {
    struct hub_read read;
    struct hub_engine *engine;
    struct office_line *lines; /* owns */
    struct hub_log_node *logs; /* owns; of the same nodes */
    uint64_t position;         /* of the snapshot */
    size_t count, room;
};

static struct bytes winner_text(const struct record *r, uint32_t field) {
    const struct head *h = field_winner(record_field(r, field));
    struct value v;
    return h != NULL && value_unpack(h->value, &v) && v.kind == VALUE_TEXT ? v.text : BYTES("");
}

static wall_ms winner_number(const struct record *r, uint32_t field) {
    const struct head *h = field_winner(record_field(r, field));
    struct value v;
    return h != NULL && value_unpack(h->value, &v) && v.kind == VALUE_NUMBER && v.number > 0 ? (wall_ms)v.number : 0;
}

static int roster_each(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct roster *r = owner;
    if (office == NULL)
        return 0;
    if (r->count == r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->lines = memory_resize(r->lines, r->room * sizeof *r->lines);
    }
    struct office_line *l = &r->lines[r->count++];
    struct bytes status = winner_text(office, OFFICE_STATUS);
    *l = (struct office_line){.node = node};
    l->keyed = public_parse(winner_text(office, OFFICE_KEY), &l->keys);
    if (public_parse(winner_text(office, OFFICE_KEY_BEFORE), &l->before))
        l->before_until = winner_number(office, OFFICE_KEY_UNTIL);
    l->revoked = bytes_equal(status, BYTES("revoked"));
    l->paused = bytes_equal(status, BYTES("paused"));
    l->retiring = bytes_equal(status, BYTES("retiring"));
    l->retired = bytes_equal(status, BYTES("retired"));
    l->full = hub_node_full(n);
    l->area_count = area_expand(n->served, n->served_count, node, l->areas, LIMIT_AREAS);
    return 0;
}

static void roster_works(struct hub_read *q, struct txn *state, struct txn *log) {
    struct roster *r = (struct roster *)q;
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    if (hub_place_get(state, place))
        r->position = place->position;
    free(place);
    hub_offices(state, roster_each, r, &q->damaged);
    r->logs = memory_zeroed(r->count + 1, sizeof *r->logs);
    for (size_t i = 0; i < r->count; i++)
        hub_log_node(log, r->lines[i].node, &r->logs[i]);
    struct txn *own;
    if (store_read(r->engine->stores.own, &own) != 0)
        return;
    for (size_t i = 0; i < r->count; i++) {
        hub_audit_read(own, r->lines[i].node, &r->lines[i].audit);
        hub_own_moved_to(own, r->lines[i].node, r->lines[i].moved_to);
        hub_own_said_last(own, r->lines[i].node, &r->lines[i].said);
    }
    txn_abort(own);
}

static struct hub_peer *peer_add(struct hub_engine *e, const struct hub_log_node *n) {
    struct hub_peer *p = memory_zeroed(1, sizeof *p);
    struct hub_link *l = &p->link;
    p->engine = e;
    l->node = n->node;
    l->current = n->current;
    l->issued = n->issued;
    l->used = n->used;
    for (size_t k = 0; k < n->life_count; k++)
        l->lives[l->life_count++] = (struct hub_life){
            .incarnation = n->lives[k].incarnation,
            .accepted = n->lives[k].acked,
            .expected = n->lives[k].acked,
            .accepted_hash = n->lives[k].acked_hash,
            .expected_hash = n->lives[k].acked_hash,
            .safe = hub_kept_safe(&e->kept, n->node, &n->lives[k].incarnation),
        };
    e->peers = memory_resize(e->peers, (e->peer_count + 1) * sizeof(struct hub_peer *));
    e->links = memory_resize(e->links, (e->peer_count + 1) * sizeof(struct hub_link *));
    size_t at = e->peer_count;
    while (at > 0 && e->peers[at - 1]->link.node > l->node) {
        e->peers[at] = e->peers[at - 1];
        at--;
    }
    e->peers[at] = p;
    e->peer_count++;
    for (size_t i = 0; i < e->peer_count; i++)
        e->links[i] = &e->peers[i]->link;
    hub_side_links(&e->side, e->links, e->peer_count);
    return p;
}

static void forget_key(struct hub_engine *e, const uint8_t key[KEY_BYTES]) {
    if (e->way != NULL)
        hub_door_forget(e->way->door, key);
    if (e->next_way != NULL)
        hub_door_forget(e->next_way->door, key);
}

static void set_keys(struct hub_engine *e, struct hub_peer *p, const struct office_line *l) {
    uint8_t used[KEY_BYTES];
    bool had = p->keyed;
    memcpy(used, hub_peer_keys_in_use(p)->curve, KEY_BYTES);
    p->keyed = l->keyed;
    p->keys = l->keys;
    p->before = l->before;
    p->before_until = l->before_until;
    p->by_before = had && hub_peer_keys(p, used) == &p->before;
    if (had && hub_peer_keys(p, used) == NULL)
        forget_key(e, used);
}

static void roster_done(struct hub_read *q, int result) {
    struct roster *r = (struct roster *)q;
    struct hub_engine *e = r->engine;
    e->roster_reading = false;
    if (result == -EBADMSG && !e->roster_known)
        hub_fatal(e, result);               /* it is not known what was accepted of whom */
    e->troubles.roster_damaged = !q->whole; /* who is missing in it stays as he was */
    for (size_t i = 0; result == 0 && !e->closing && i < r->count; i++) {
        const struct office_line *l = &r->lines[i];
        struct hub_peer *p = hub_peer_by_node(e, l->node);
        if (p == NULL) {
            p = peer_add(e, &r->logs[i]);
            p->audit = l->audit;
            memcpy(p->moved_to, l->moved_to, sizeof p->moved_to);
            p->link.area_count = l->area_count;
            memcpy(p->link.areas, l->areas, sizeof p->link.areas);
            p->link.last = l->said.report;
            p->link.reported = l->said.at;
            memcpy(p->link.software, l->said.software, sizeof p->link.software);
        }
        set_keys(e, p, l);
        p->link.revoked = l->revoked;
        p->link.paused = l->paused;
        p->link.retired = l->retired;
        if (l->retiring && !p->retiring)
            p->retire_at = e->counts.hub_seq; /* at least where its record says so */
        p->retiring = l->retiring;
        p->closing = p->closing && l->retiring;
        if (p->full_at <= r->position)
            p->link.full = l->full;
        hub_step(e, &(struct hub_event){.kind = HUB_PEER, .link = &p->link}, NULL);
    }
    if (result == 0)
        e->roster_known = true;
    uint64_t position = result == 0 ? r->position : UINT64_MAX; /* what cannot be read now is folded all the same */
    free(r->lines);
    free(r->logs);
    free(r);
    if (e->roster_wanted)
        hub_roster_soon(e);
    hub_writes_seen(e, position);
}

void hub_roster_soon(struct hub_engine *e) {
    e->roster_wanted = e->roster_reading;
    if (e->roster_reading || e->closing)
        return;
    struct roster *r = memory_zeroed(1, sizeof *r);
    e->roster_reading = true;
    r->engine = e;
    r->read.work = roster_works;
    r->read.done = roster_done;
    hub_engine_read(e, &r->read);
}
