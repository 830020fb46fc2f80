/* Held changes, for whoever is to decide between retry and discard: the list, and of one what it is, why it is held, what to do for this
 * very reason. Names of fields and what is done to them, no values, and not who did it: a look that leaves no entry in the audit log. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/engine/log_proof.h"
#include "common/store/envelope.h"
#include "hub/city.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- which are meant */

static bool read_reason(struct request *q, struct held_wanted *out) {
    const char *reason = request_text(q, "held-for");
    out->by_reason = reason != NULL;
    if (reason == NULL || verdict_named(reason, &out->reason))
        return true;
    request_errorf(q, "bad_request", "scope, clock, rule, full, garbage, forged, revoked or discarded", "nothing is held for '%s'", reason);
    return false;
}

bool held_wanted_read(struct request *q, enum held_scope scope, struct held_wanted *out) {
    const char *life = request_text(q, "incarnation");
    bool one = scope == HELD_ONE || request_has(q, "seq"), all = scope == HELD_MANY && request_flag(q, "all");
    *out = (struct held_wanted){.by_life = life != NULL, .waiting = all};
    out->node = request_node(q);
    if (out->node == 0 && (scope != HELD_ANY || request_has(q, "node"))) {
        request_error(q, "bad_request", "which node? its number", "`anjuctl quarantine list` shows it");
        return false;
    }
    if ((life != NULL && !id_parse(life, &out->incarnation)) || (one && (!request_number(q, "seq", &out->seq) || out->seq == 0))) {
        request_error(q, "bad_request", "which change? the node's number and the change's seq", "`anjuctl quarantine list` shows both");
        return false;
    }
    if (scope == HELD_ONE)
        return true;
    if (!read_reason(q, out))
        return false;
    if (scope == HELD_MANY && one + all + out->by_reason != 1) {
        request_error(
            q, "bad_request", "which changes? one by its seq, those held for one reason, or all that wait",
            "NODE SEQ, NODE --held-for REASON or NODE --all");
        return false;
    }
    return true;
}

bool held_is_wanted(const struct held_wanted *w, uint32_t node, const struct held *h, const struct quarantined *kept) {
    return (w->node == 0 || node == w->node) && (w->seq == 0 || h->seq == w->seq) &&
           (!w->by_life || id_equal(&h->incarnation, &w->incarnation)) && (!w->by_reason || kept->reason == w->reason) &&
           (!w->waiting || verdict_waits(kept->reason));
}

void held_missing(struct question *a, const struct held_wanted *w, unsigned found) {
    if (found == 0 && w->seq == 0)
        question_fail(a, "not_found", "`anjuctl quarantine list`", "no such change of node %" PRIu32 " is held", w->node);
    else if (found == 0)
        question_fail(a, "not_found", "`anjuctl quarantine list`", "no change %" PRIu64 " of node %" PRIu32 " is held", w->seq, w->node);
    else if (found > 1 && w->seq != 0)
        question_fail(
            a, "conflict", "--incarnation HEX, as `anjuctl -o jsonl quarantine list` says",
            "%u lives of node %" PRIu32 " have a held change %" PRIu64, found, w->node, w->seq);
}

/* ---- the list */

struct listing {
    struct question ask;
    struct held_wanted wanted;
};

static int list_each(void *owner, uint32_t node, const struct held *h, const struct quarantined *kept) {
    struct listing *l = owner;
    struct arena arena = {0};
    struct change c;
    char id[ID_HEX];
    if (!held_is_wanted(&l->wanted, node, h, kept))
        return 0;
    json_t *row = json_pack(
        "{s:I, s:I, s:s?, s:s, s:I, s:s}", "node", (json_int_t)node, "seq", (json_int_t)h->seq, "held_for", verdict_name(kept->reason),
        "reason", verdict_text(kept->reason), "received_ms", (json_int_t)kept->received, "incarnation", id_hex(&h->incarnation, id));
    if (wire_change_unpack(kept->change, &arena, &c) == 0) {
        json_object_set_new(row, "type", json_integer(c.type));
        json_object_set_new(row, "id", json_string(id_hex(&c.record, id)));
    }
    json_array_append_new(l->ask.rows, row);
    arena_close(&arena);
    return 0;
}

static void run_list(struct question *a, struct txn *state, struct txn *log) {
    struct listing *l = (struct listing *)a;
    (void)log;
    if (hub_held(state, l->wanted.node, list_each, l) != 0)
        question_fail(a, "conflict", "run `anjuctl verify`", "a held change is damaged");
}

static void name_types(struct question *a) {
    size_t i;
    json_t *row;
    char unknown[16];
    json_array_foreach(a->rows, i, row) {
        json_t *type = json_object_get(row, "type");
        if (type != NULL)
            json_object_set_new(row, "type", json_string(type_name(&a->city->catalogue, (uint32_t)json_integer_value(type), unknown)));
    }
}

void cmd_quarantine(void *owner, struct request *q) {
    struct held_wanted wanted;
    if (!held_wanted_read(q, HELD_ANY, &wanted))
        return;
    struct listing *l = question_of(owner, q, sizeof *l, run_list);
    l->wanted = wanted;
    l->ask.finish = name_types;
    question_submit(&l->ask);
}

/* ---- one of them */

struct showing {
    struct question ask;
    struct held_wanted wanted;
    unsigned found;
    struct id16 incarnation; /* of the one that was found, as all below */
    struct arena arena;
    struct quarantined held;
    struct change change; /* when `unpacked` is 0 */
    int unpacked;         /* what wire_change_unpack said */
    struct record record; /* when `there` is 0 */
    int there;            /* what hub_record said */
    bool serves;          /* its node's office serves an area of the record's */
    const char *proof;    /* NULL: not known */
    bool keys_lost;
    json_t *office, *offices; /* own */
};

static bool readable(const struct showing *x) {
    return x->unpacked == 0 && x->change.seq == x->wanted.seq;
}

static bool record_here(const struct showing *x) {
    return readable(x) && x->there == 0 && field_winner(record_field(&x->record, FIELD_HOME)) != NULL;
}

/* ---- … on the read worker */

static int find_each(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct showing *x = owner;
    if (!held_is_wanted(&x->wanted, node, h, q) || x->found++ > 0)
        return 0;
    x->incarnation = h->incarnation;
    x->held = *q;
    x->held.change = arena_copy(&x->arena, q->change);
    return 0;
}

static bool serves(const struct hub_node_state *n, area a) {
    for (size_t i = 0; i < n->served_count; i++)
        if (n->served[i] == a)
            return true;
    return false;
}

static int each_office(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct showing *x = owner;
    area now[64];
    size_t count = x->there == 0 ? record_areas_now(&x->record, now, 64) : 0;
    const struct head *h = office == NULL ? NULL : field_winner(record_field(office, OFFICE_NAME));
    struct buffer name = {0};
    bool theirs = false;
    if (h != NULL)
        value_show(h->value, &name);
    for (size_t i = 0; i < count && i < 64; i++)
        theirs = theirs || serves(n, now[i]);
    if (theirs)
        json_array_append_new(x->offices, json_sprintf("%" PRIu32 " %s", node, buffer_string(&name)));
    if (node == x->wanted.node)
        x->office = json_string(buffer_string(&name));
    for (size_t i = 0; node == x->wanted.node && x->there == 0 && i < x->record.area_count; i++)
        x->serves = x->serves || serves(n, x->record.areas[i].area); /* also an area that it has left, as the verdict looks at it */
    buffer_close(&name);
    return 0;
}

static void keys_lost(void *owner, const char *what) {
    struct question *a = owner;
    (void)what; /* `anjuctl verify` tells it */
    ((struct showing *)a)->keys_lost = true;
}

/* Is it, byte for byte, in a push that a key of its node signed? */
static const char *prove(struct showing *x, struct txn *log) {
    struct buffer raw = {0};
    struct log_entry e;
    struct bytes packed = {NULL, 0};
    if (hub_log_read(log, x->held.position, &e) != 0)
        return "held";
    bool in = log_changes(e.kind) && e.node == x->wanted.node && id_equal(&e.incarnation, &x->incarnation) && e.first <= x->wanted.seq &&
              x->wanted.seq - e.first < e.count && log_proof_said(x->ask.proof, &e) == LOG_SAID && wire_batch_open(e.body, &raw) == 0;
    struct reader r = {.rest = buffer_bytes(&raw)};
    for (uint64_t seq = e.first; in && seq <= x->wanted.seq; seq++)
        in = wire_batch_next(&r, &packed);
    in = in && bytes_equal(packed, x->held.change);
    buffer_close(&raw);
    return !in ? "broken" : e.node == 0 ? "hub" : "signed";
}

static void look_for_proof(struct showing *x, struct txn *state, struct txn *log) {
    struct txn *own;
    if (store_read(hub_engine_stores(x->ask.city->engine)->own, &own) != 0)
        return;
    question_keys(&x->ask, state, own, keys_lost);
    txn_abort(own);
    if (!x->keys_lost)
        x->proof = prove(x, log);
}

static void run_show(struct question *a, struct txn *state, struct txn *log) {
    struct showing *x = (struct showing *)a;
    if (hub_held(state, x->wanted.node, find_each, x) != 0)
        question_fail(a, "conflict", "run `anjuctl verify`", "a held change is damaged");
    else
        held_missing(a, &x->wanted, x->found);
    if (a->code != NULL)
        return;
    x->unpacked = wire_change_unpack(x->held.change, &x->arena, &x->change);
    x->there = HUB_RECORD_NONE;
    if (readable(x))
        x->there = hub_record(state, x->change.type, &x->change.record, &x->arena, &x->record);
    hub_offices(state, each_office, x, &a->read.damaged);
    look_for_proof(x, state, log);
}

/* ---- … on the loop: words. A retry merges it when nothing of what follows speaks against it any more. */

static bool citys_own(uint32_t type) {
    return type == TYPE_OFFICE || type == TYPE_POLICY || type == TYPE_POLICY_PART || type == TYPE_ERASURE;
}

static const char *scope_means(const struct showing *x) {
    if (citys_own(x->change.type))
        return "only the city itself writes such records, no office does";
    if (!record_here(x))
        return "the city has no such record yet, and this change does not make it one of this office's: an earlier change of it has not "
               "come or is held too, or the area that it names is another office's";
    if (x->serves)
        return "what lies before a whole district, or shall lie there, only the city changes";
    return "the record is of the offices that are named here, and not of this one";
}

static const char *scope_next(const struct showing *x) {
    if (citys_own(x->change.type))
        return "discard it, and ask who works at that machine: `anjuctl node show`";
    if (!record_here(x))
        return "it is tried again by itself when the record comes or the office's areas grow; a retry before that changes nothing; discard "
               "it when the record is none of that office's";
    if (x->serves)
        return "discard it; what it should say is decided here: `anjuctl decide`";
    return "is it that office's business? then somebody there takes the record up (`anjuctl adopt TYPE ID --reason TEXT`), and it is "
           "merged "
           "by itself; a retry before that changes nothing; else discard it";
}

static const char *garbage_means(const struct showing *x) {
    if (readable(x))
        return "the program that the hub had when it came could not read it; this one can";
    if (x->unpacked == WIRE_NEWER)
        return "a newer program wrote it, in a form that the hub's does not know";
    return "its bytes are no change, or not the one that belongs there: the machine is broken, or its program is a wrong one";
}

static const char *garbage_next(const struct showing *x) {
    if (readable(x))
        return "retry it";
    if (x->unpacked == WIRE_NEWER)
        return "update the hub's program, then retry it";
    return "a retry changes nothing; discard it, and look after that machine: `anjuctl node show`";
}

static const char *held_means(const struct showing *x) {
    switch (x->held.reason) {
    case VERDICT_SCOPE:
        return scope_means(x);
    case VERDICT_CLOCK:
        return "that machine's clock was ahead when it was saved; merged as it is, it would count as newer than all that others write "
               "until "
               "that time";
    case VERDICT_RULE:
        return "the rule of a field forbids this to an office: to replace what others said there, or to write what only the city writes";
    case VERDICT_FULL:
        return "with it the record would be larger than a record may be (`anjuctl limits`)";
    case VERDICT_GARBAGE:
        return garbage_means(x);
    case VERDICT_FORGED:
        return x->change.version.node != x->wanted.node ? "it came from this node and says that another one wrote it"
                                                        : "this node wrote it under the name of another one's change";
    case VERDICT_DISCARDED:
        return "a person decided that it is not merged; it is only kept";
    case VERDICT_REVOKED:
        return "its node was revoked or closed before it came in a file: who wrote it may have had no right to";
    default:
        return "the hub's program does not know this reason: a newer one held it";
    }
}

static const char *held_next(const struct showing *x) {
    switch (x->held.reason) {
    case VERDICT_SCOPE:
        return scope_next(x);
    case VERDICT_CLOCK:
        return hlc_ms(x->change.version.hlc) > clock_wall() + LIMIT_CLOCK_AHEAD_MS
                   ? "set that machine's clock right; then discard it and let the office write it again, or retry it when the time that it "
                     "was saved with has come"
                   : "the time that it was saved with has come: retry it, unless what was written since makes it wrong; then discard it";
    case VERDICT_RULE:
        return "ask the office what it meant; a retry merges it in spite of the rule, since a person has looked; else discard it";
    case VERDICT_FULL:
        return "let an office take something out of the record, then retry it; or discard it and let the office write it into a new record";
    case VERDICT_GARBAGE:
        return garbage_next(x);
    case VERDICT_FORGED:
        return x->change.version.node != x->wanted.node
                   ? "a retry changes nothing; discard it; if nobody there can explain it, `anjuctl node revoke`"
                   : "retry it only if that machine goes on with a copy of the other one's disk; else discard it";
    case VERDICT_DISCARDED:
        return readable(x) ? "nothing; retry it if that was a mistake" : "nothing";
    case VERDICT_REVOKED:
        return "ask the people of that office whether it is right and still wanted: then retry it, else discard it";
    default:
        return "update the hub's program";
    }
}

static const char *operation(const struct op *o) {
    struct value v;
    if (o->kind == OP_ADD)
        return "add";
    if (o->kind == OP_REMOVE)
        return "remove";
    if (o->field == FIELD_DELETED)
        return value_unpack(o->value, &v) && v.kind == VALUE_FLAG && v.number != 0 ? "delete" : "restore";
    return o->value.len == 0 ? "clear" : "set";
}

static void tell_change(const struct showing *x, json_t *row) {
    const struct catalogue *k = &x->ask.city->catalogue;
    const struct change *c = &x->change;
    const struct catalogue_purpose *p = catalogue_purpose_number(k, c->purpose);
    char id[ID_HEX], unknown[16], name[24];
    json_t *operations = json_array();
    for (size_t i = 0; i < c->op_count; i++)
        json_array_append_new(operations, json_sprintf("%s %s", operation(&c->ops[i]), field_name(k, c->type, c->ops[i].field, name)));
    json_object_set_new(row, "saved_ms", json_integer((json_int_t)hlc_ms(c->version.hlc)));
    json_object_set_new(row, "type", json_string(type_name(k, c->type, unknown)));
    json_object_set_new(row, "id", json_string(id_hex(&c->record, id)));
    json_object_set_new(row, "operations", operations);
    json_object_set_new(row, "purpose", p != NULL ? json_string(p->name) : json_sprintf("%" PRIu32, c->purpose));
    json_object_set_new(row, "author_node", json_integer(c->version.node != x->wanted.node ? c->version.node : c->name.node));
}

static void tell_record(const struct showing *x, json_t *row) {
    const char *state = x->there == HUB_RECORD_ROTTEN   ? "damaged"
                        : !record_here(x)               ? "none"
                        : record_deleted(&x->record)    ? "deleted"
                        : record_restricted(&x->record) ? "restricted"
                                                        : "there";
    json_object_set_new(row, "record", json_string(state));
    if (record_here(x)) {
        struct buffer home = {0};
        value_show(field_winner(record_field(&x->record, FIELD_HOME))->value, &home);
        json_object_set_new(row, "home", json_string(buffer_string(&home)));
        buffer_close(&home);
    }
    json_object_set(row, "offices", x->offices);
}

static void finish_show(struct question *a) {
    static const char *const unknown[] = {"saved_ms", "type", "id", "operations", "purpose", "author_node", "record", "home", "offices"};
    struct showing *x = (struct showing *)a;
    char id[ID_HEX];
    if (a->code == NULL && x->found == 1) {
        json_t *row = json_pack(
            "{s:I, s:O?, s:I, s:s, s:s, s:s, s:s, s:b, s:I}", "node", (json_int_t)x->wanted.node, "office", x->office, "seq",
            (json_int_t)x->wanted.seq, "incarnation", id_hex(&x->incarnation, id), "reason", verdict_text(x->held.reason), "means",
            request_words(a->request, held_means(x)), "next", request_words(a->request, held_next(x)), "readable", (int)readable(x),
            "received_ms", (json_int_t)x->held.received);
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
            json_object_set_new(row, unknown[i], json_null());
        if (readable(x)) {
            tell_change(x, row);
            tell_record(x, row);
        }
        json_object_set_new(row, "size_bytes", json_integer((json_int_t)x->held.change.len));
        json_object_set_new(row, "proof", x->proof == NULL ? json_null() : json_string(x->proof));
        json_object_set_new(row, "log_entry", json_integer((json_int_t)x->held.position));
        json_array_append_new(a->rows, row);
    }
    json_decref(x->office);
    json_decref(x->offices);
    arena_close(&x->arena);
}

void cmd_quarantine_show(void *owner, struct request *q) {
    struct held_wanted wanted;
    if (!held_wanted_read(q, HELD_ONE, &wanted))
        return;
    struct showing *x = question_of(owner, q, sizeof *x, run_show);
    x->wanted = wanted;
    x->offices = json_array();
    x->ask.one = true;
    x->ask.finish = finish_show;
    question_submit(&x->ask);
}
