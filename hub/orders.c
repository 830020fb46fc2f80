/* What an operator orders, each as a change of the hub itself: it is in the log, merged, and in the feeds before it is answered. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "hub/city.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PURPOSE_ADMINISTRATION = 1 };

struct order {
    struct hub_write write;
    struct city *city;
    struct request *request; /* NULL: our own */
    uint32_t node;
    json_t *answer;                       /* owns */
    void (*end)(void *owner, int result); /* on the loop, whatever came of it; may be NULL */
    void *end_owner;                      /* borrows */
};

static struct op *add_op(struct order *o, uint32_t field, const struct value *v) {
    struct buffer b = {0};
    value_pack(v, &b);
    struct op *op = &o->write.ops[o->write.op_count++];
    *op = (struct op){.field = field, .kind = OP_SET, .value = arena_copy(&o->write.arena, buffer_bytes(&b))};
    buffer_close(&b);
    return op;
}

static void add_text(struct order *o, uint32_t field, struct bytes text) {
    add_op(o, field, &(struct value){.kind = VALUE_TEXT, .text = text});
}

void hub_write_answer(struct request *q, int result, const json_t *answer) {
    if (result == STORE_DISK_FULL)
        request_error(q, "busy", "the disk is full; nothing was changed", "free space on the hub's disk, then say it again");
    else if (result == HUB_WRITE_DAMAGED)
        request_error(q, "conflict", "the hub's record of it is damaged; nothing was changed", "run `anjuctl verify`");
    else if (result == HUB_WRITE_NOTED)
        request_error(
            q, "busy", "it was noted, and is carried out when the hub can go on; do not say it again",
            "`anjuctl status` says what is in the way");
    else if (result != 0)
        request_error(q, "internal", "it could not be saved", "look into the hub's log");
    else
        request_ok(q, json_incref((json_t *)(uintptr_t)answer));
}

static void add_areas(struct order *o, const struct office_areas *a) {
    CLEANUP(buffer_close) struct buffer list = {0};
    for (size_t i = 0; i < a->count; i++) {
        char digits[AREA_TEXT];
        value_list_add(&list, bytes_text(area_text(a->areas[i], digits)));
    }
    add_op(o, OFFICE_AREAS, &(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)});
}

static void order_done(struct hub_write *w, int result) {
    struct order *o = (struct order *)w;
    if (o->request != NULL)
        hub_write_answer(o->request, result, o->answer);
    if (o->end != NULL)
        o->end(o->end_owner, result);
    json_decref(o->answer);
    free(o);
}

struct id16 operator_id(const struct city *c, struct request *q) {
    char who[32];
    const char *account = q == NULL ? NULL : request_account(q);
    if (account != NULL)
        return account_id(c, account);
    snprintf(who, sizeof who, "operator %u", q == NULL ? 0 : request_uid(q));
    struct bytes part = bytes_text(who);
    return hash_derive_id(c->who.city_secret, &part, 1);
}

static struct order *order_new(struct city *c, struct request *q, uint32_t type) {
    struct order *o = memory_zeroed(1, sizeof *o);
    o->city = c;
    o->request = q;
    o->write.type = type;
    o->write.purpose = PURPOSE_ADMINISTRATION;
    o->write.done = order_done;
    o->write.has_uid = q != NULL && request_account(q) == NULL;
    o->write.uid = o->write.has_uid ? request_uid(q) : 0;
    o->write.actor = operator_id(c, q);
    return o;
}

/* ---- nodes */

bool office_areas_fit(const struct office_areas *a) {
    area all[6 * LIMIT_AREAS + 1];
    return area_expand(a->areas, a->count, 0, all, sizeof all / sizeof *all) <= LIMIT_AREAS;
}

const char *office_areas_parse(const char *text, struct office_areas *a) {
    static const char wrong[] = "which areas does the office serve? division codes of 2, 4, 6, 9 or 12 digits, apart by commas";
    static const char many[] =
        "an office pulls the feeds of its areas and of all above them, at most 32 in all with its own: these are more; split it into two";
    a->count = 0;
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ", ");
        if (a->count == LIMIT_AREAS)
            return many;
        if (len == 0 || !area_parse(bytes_of(text, len), &a->areas[a->count]) || area_is_node(a->areas[a->count]))
            return wrong;
        a->count++;
        text += len + (text[len] != '\0');
    }
    if (a->count == 0)
        return wrong;
    return office_areas_fit(a) ? NULL : many;
}

void office_enrolment(struct city *c, bool by_token, uint32_t node, const struct office_areas *a, const char *name, struct buffer *out) {
    struct enrolment *e = memory_zeroed(1, sizeof *e);
    char public[PUBLIC_TEXT];
    *e = c->who;
    e->hub_public = bytes_text(public_text(by_token ? &c->keys.public : &city_keys(c)->public, public));
    e->node = node;
    memcpy(e->served, a->areas, sizeof e->served);
    e->served_count = a->count;
    e->name = bytes_text(name);
    e->endpoint = bytes_text(by_token ? city_door_endpoint(c) : city_endpoint(c));
    e->catalogue = buffer_bytes(&c->documents);
    e->catalogue_version = 1;
    wire_enrolment_pack(e, out);
    free(e);
}

const struct hub_peer *office_of_key(const struct city *c, const uint8_t key[KEY_BYTES]) {
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_peer *p = hub_engine_peer(c->engine, i);
        if (hub_peer_keys(p, key) != NULL)
            return p;
    }
    return NULL;
}

uint32_t office_number(struct city *c) {
    uint32_t node = hub_engine_free_node(c->engine);
    c->promised = node <= c->promised ? c->promised + 1 : node;
    return c->promised;
}

/* The office's record, as a change of the hub itself; asked again with the same number it says the same again. */
static struct order *office_order(
    struct city *c, struct request *q, uint32_t node, const struct office_areas *a, const char *name, const char *key) {
    struct order *o = order_new(c, q, TYPE_OFFICE);
    o->node = node;
    o->write.record = office_id(node);
    add_op(o, FIELD_HOME, &(struct value){.kind = VALUE_AREA, .area = area_of_node(node)});
    add_areas(o, a);
    add_text(o, OFFICE_NAME, bytes_text(name));
    add_text(o, OFFICE_KEY, bytes_text(key));
    add_text(o, OFFICE_STATUS, BYTES("active"));
    return o;
}

void office_add(
    struct city *c, struct request *q, uint32_t node, const struct office_areas *a, const char *name, const char *key,
    void (*end)(void *owner, int result), void *owner) {
    struct order *o = office_order(c, q, node, a, name, key);
    o->answer = json_pack("{s:i, s:s, s:s}", "node", (int)node, "name", name, "state", "approved");
    o->end = end;
    o->end_owner = owner;
    hub_engine_write(c->engine, &o->write);
}

void office_serve(struct city *c, uint32_t node, const struct office_areas *a, void (*end)(void *owner, int result), void *owner) {
    struct order *o = order_new(c, NULL, TYPE_OFFICE);
    o->write.record = office_id(node);
    add_areas(o, a);
    o->end = end;
    o->end_owner = owner;
    hub_engine_write(c->engine, &o->write);
}

void cmd_node_add(void *owner, struct request *q) {
    struct city *c = owner;
    struct office_areas a;
    struct public_keys keys;
    const char *key = request_text(q, "key"), *name = request_text(q, "name");
    const char *wrong = office_areas_parse(request_text(q, "area"), &a);
    if (wrong != NULL) {
        request_error(q, "bad_request", wrong, "650203001001");
        return;
    }
    if (key == NULL || !public_parse(bytes_text(key), &keys)) {
        request_error(
            q, "bad_request", "the node's public string is missing or mistyped", "`anju-node --init` prints it: anju1:…; --key STRING");
        return;
    }
    if (office_of_key(c, keys.curve) != NULL) {
        request_error(
            q, "conflict", "this key belongs to a node already; a machine is enrolled once", "a new machine runs --init of its own");
        return;
    }
    uint32_t node = office_number(c);
    struct buffer file = {0}, hex = {0};
    char text[AREA_TEXT];
    if (name == NULL || *name == '\0')
        name = area_text(a.areas[0], text);
    struct order *o = office_order(c, q, node, &a, name, key);
    office_enrolment(c, false, node, &a, name, &file);
    hex_encode(buffer_bytes(&file), &hex);
    o->answer = json_pack("{s:i, s:s, s:s}", "node", (int)node, "name", name, "file_hex", buffer_string(&hex));
    buffer_close(&file);
    buffer_close(&hex);
    hub_engine_write(c->engine, &o->write);
}

/* A node's new keys (hub_engine_calls): its record keeps the ones before beside them until then. */
struct key_change {
    struct city *city;
    uint32_t node;
    struct public_keys offered;
};

static void key_end(void *owner, int result) {
    struct key_change *k = owner;
    hub_engine_key_changed(k->city->engine, k->node, &k->offered, result);
    free(k);
}

void office_key(void *owner, const struct hub_peer *p, const struct public_keys *offered, wall_ms old_until) {
    struct city *c = owner;
    struct key_change *k = memory_zeroed(1, sizeof *k);
    struct order *o = order_new(c, NULL, TYPE_OFFICE);
    char now[PUBLIC_TEXT], next[PUBLIC_TEXT];
    *k = (struct key_change){c, p->link.node, *offered};
    o->write.record = office_id(p->link.node);
    add_text(o, OFFICE_KEY, bytes_text(public_text(offered, next)));
    add_text(o, OFFICE_KEY_BEFORE, bytes_text(public_text(&p->keys, now)));
    add_op(o, OFFICE_KEY_UNTIL, &(struct value){.kind = VALUE_NUMBER, .number = (int64_t)old_until});
    o->end = key_end;
    o->end_owner = k;
    hub_engine_write(c->engine, &o->write);
}

bool office_known(const struct city *c, uint32_t node) {
    return hub_engine_peer_of(c->engine, node) != NULL;
}

bool office_open(const struct city *c, uint32_t node) {
    const struct hub_peer *p = hub_engine_peer_of(c->engine, node);
    return p != NULL && !p->link.revoked && !p->link.retired;
}

static uint32_t known_node(struct city *c, struct request *q) {
    const char *text = request_text(q, "node");
    uint32_t node = request_node(q);
    if (office_known(c, node))
        return node;
    if (text != NULL)
        request_errorf(q, "not_found", "`anjuctl nodes` lists them", "there is no node '%s'", text);
    else
        request_errorf(q, "not_found", "`anjuctl nodes` lists them", "there is no node %u", node);
    return 0;
}

static void order_status(struct city *c, struct request *q, uint32_t node, const char *status, const char *next) {
    struct order *o = order_new(c, q, TYPE_OFFICE);
    o->write.record = office_id(node);
    add_text(o, OFFICE_STATUS, bytes_text(status));
    o->answer = json_pack("{s:i, s:s}", "node", (int)node, "status", status);
    if (*next != '\0')
        json_object_set_new(o->answer, "next", json_string(next));
    hub_engine_write(c->engine, &o->write);
}

/* A node that was closed stays so: it was told that it may forget its work. */
static uint32_t open_node(struct city *c, struct request *q) {
    uint32_t node = known_node(c, q);
    if (node == 0 || !hub_engine_peer_of(c->engine, node)->link.retired)
        return node;
    request_errorf(q, "conflict", "a new machine is enrolled: anjuctl node token AREA", "node %u was closed for good", node);
    return 0;
}

static void set_status(struct city *c, struct request *q, const char *status) {
    uint32_t node = open_node(c, q);
    if (node != 0)
        order_status(c, q, node, status, "");
}

void cmd_node_retire(void *owner, struct request *q) {
    struct city *c = owner;
    uint32_t node = open_node(c, q);
    if (node == 0)
        return;
    if (hub_engine_peer_of(c->engine, node)->link.revoked)
        request_errorf(
            q, "conflict", "`anjuctl node triage FILE` takes what it still has", "node %u is revoked: nothing is taken from it", node);
    else if (request_flag(q, "now"))
        order_status(
            c, q, node, "retired",
            "what it has not sent: at that machine `anjuctl export unsent --out FILE`, here `anjuctl node triage FILE`");
    else
        order_status(
            c, q, node, "retiring", "it takes no more edits, and is closed when all that it has is here: `anjuctl node show`; or --now");
}

void office_emptied(void *owner, const struct hub_peer *p) {
    log_fact(LOG_INFO, "hub.node_emptied", FACT_UINT("node", p->link.node));
    order_status(owner, NULL, p->link.node, "retired", "");
}

void cmd_node_pause(void *owner, struct request *q) {
    set_status(owner, q, "paused");
}

void cmd_node_resume(void *owner, struct request *q) {
    set_status(owner, q, "active");
}

void cmd_node_revoke(void *owner, struct request *q) {
    uint32_t node = known_node(owner, q);
    if (node != 0)
        order_status(owner, q, node, "revoked", "");
}

void cmd_node_approve(void *owner, struct request *q) {
    struct city *c = owner;
    if (enrol_approve(c, q)) /* a machine's code, not a node's number */
        return;
    uint32_t node = known_node(c, q);
    if (node != 0 && hub_engine_settle_fork(c->engine, node))
        request_ok(
            q, json_pack("{s:i, s:s}", "node", (int)node, "next", "the disk that connects next goes on; switch the other one off first"));
}
