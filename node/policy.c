/* Policies at the office: what its book has (common/engine/policy_book.h), and what of it is in force here today. Both are looked at again
 * when the book, the office's place or the city's day changed: a policy that is to begin begins on an office that is offline too. */
#include "common/engine/policy_book.h"

#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/engine/hub_move.h"
#include "node/office.h"

#include <stdlib.h>
#include <string.h>

/* ---- what there is */

static const char *state_of(const struct policy_shelf *s, size_t i, area at, int64_t day) {
    const struct policy *p = &s->taken[i];
    if (policy_in_force(s->taken, s->count, p->kind, p->name, at, day) == p)
        return "active";
    return policy_begun(p, s->taken, s->count, day) ? "waiting" : p->from > day ? "staged" : "over";
}

static void run_policies(struct ask *a, struct txn *t) {
    struct policy_shelf s;
    area at = node_engine_place(a->office->engine);
    int64_t day = city_day(clock_wall());
    char id[ID_HEX], scope[AREA_TEXT];
    policy_shelf_read(t, &s);
    for (size_t i = 0; i < s.count; i++) {
        const struct policy *p = &s.taken[i];
        json_array_append_new(
            a->rows, json_pack(
                         "{s:s#, s:s#, s:s, s:I, s:o, s:o, s:s, s:s, s:s}", "kind", (const char *)p->kind.at, (int)p->kind.len, "name",
                         (const char *)p->name.at, (int)p->name.len, "scope", area_text(p->scope, scope), "version", (json_int_t)p->version,
                         "from", office_day(p->from), "to", office_day(p->to), "state", state_of(&s, i, at, day), "fault",
                         s.marks[i].fault == POLICY_GOOD ? "" : policy_fault_text(s.marks[i].fault), "id", id_hex(&s.marks[i].id, id)));
    }
    for (size_t i = 0; i < s.refused_count; i++) {
        const struct shelf_refusal *r = &s.refused[i];
        bool counts = false;
        for (size_t k = 0; k < s.count; k++)
            counts = counts || memcmp(s.marks[k].id.b, r->id.b, sizeof r->id.b) == 0;
        if (!counts)
            json_array_append_new(
                a->rows, json_pack(
                             "{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "kind", "", "name", "", "scope", "", "version", (json_int_t)0,
                             "from", "", "to", "", "state", r->fault == POLICY_PARTS ? "coming" : "refused", "fault",
                             policy_fault_text(r->fault), "id", id_hex(&r->id, id)));
    }
    policy_shelf_close(&s);
}

void cmd_policies(void *owner, struct request *q) {
    ask_submit(ask_new(owner, q, sizeof(struct ask), run_policies));
}

/* ---- what is in force */

struct reading {
    struct node_work work; /* first */
    struct office *office;
    struct policy_shelf shelf;
    const struct policy **in_force; /* owns; into the shelf */
    size_t count;
    area at;
    int64_t day;
    uint64_t changes; /* of the book, when it was asked for */
};

static void reading_works(struct node_work *w, struct txn *t) {
    struct reading *x = (struct reading *)w;
    policy_shelf_read(t, &x->shelf);
    x->in_force = memory_zeroed(x->shelf.count + 1, sizeof *x->in_force);
    x->count = policies_in_force(x->shelf.taken, x->shelf.count, x->at, x->day, x->in_force);
}

/* A hub that listens on all its addresses does not know which of them reaches it: the one that does. */
static void name_host(const struct enrolment *who, struct bytes told, struct buffer *out) {
    static const char *const all[] = {"tcp://[::]:", "tcp://0.0.0.0:"};
    size_t host = who->endpoint.len;
    while (host > 0 && who->endpoint.at[host - 1] != ':')
        host--;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t len = strlen(all[i]);
        if (told.len <= len || memcmp(told.at, all[i], len) != 0)
            continue;
        buffer_add(out, bytes_of(who->endpoint.at, host));
        buffer_add(out, bytes_of(told.at + len, told.len - len));
        return;
    }
    buffer_add(out, told);
}

/* Of those keys that we were enrolled with, or moved to, and signed by them. */
static void hear_of_hub(struct office *o, struct bytes body) {
    const struct enrolment *who = node_engine_who(o->engine);
    struct public_keys hub;
    struct hub_move m;
    struct buffer endpoint = {0};
    if (body.len == 0 || !public_parse(who->hub_public, &hub) || !hub_move_read(body, &m) || memcmp(&m.former, &hub, sizeof hub) != 0)
        return;
    name_host(who, m.endpoint, &endpoint);
    if (!hub_move_holds(&m, &who->city) || endpoint.len >= ENDPOINT_MAX || !endpoint_good(buffer_string(&endpoint), false))
        log_fact(LOG_WARNING, "hub_key.refused", FACT_TEXT("why", "not signed by the hub's keys that this node knows, or no address"));
    else
        node_engine_hub_moves(o->engine, &m.next, buffer_bytes(&endpoint));
    buffer_close(&endpoint);
}

static bool is_hub_key(const struct policy *p) {
    return bytes_equal(p->kind, BYTES(HUB_MOVE_KIND));
}

/* Record types and purposes: those of the enrolment file, and in their place those in force. */
static void documents_of(const struct reading *x, struct buffer *out) {
    buffer_add(out, node_engine_who(x->office->engine)->catalogue);
    for (size_t i = 0; i < x->count; i++)
        if (policy_is_catalogue(x->in_force[i]->kind))
            catalogue_put(out, x->in_force[i]->body);
}

static void add_rule(struct office *o, struct catalogue_version *v, const struct policy *p) {
    CLEANUP(buffer_close) struct buffer kind = {0}, name = {0}, basis = {0};
    struct complaints c = {.count = 0};
    buffer_add(&kind, p->kind);
    buffer_add(&name, p->name);
    buffer_add(&basis, p->basis);
    struct rule_text text = {
        .kind = buffer_string(&kind),
        .name = buffer_string(&name),
        .version = p->version,
        .scope = p->scope,
        .from = p->from,
        .legal_basis = buffer_string(&basis),
        .text = p->body};
    if (!rules_add(&v->rules, &text, &v->catalogue, &c)) {
        o->rules_unread++;
        log_fact(LOG_WARNING, "rule.unread", FACT_TEXT("name", buffer_string(&name)), FACT_TEXT("first", buffer_string(&c.text)));
    }
    complaints_close(&c);
}

/* Beside each rule in force the earlier ones of its scope: what came in under them is judged by them. Earlier ones first. */
static void add_rules(const struct reading *x, struct catalogue_version *v) {
    x->office->rules_unread = 0;
    for (size_t i = 0; i < x->count; i++) {
        const struct policy *p = x->in_force[i];
        if (is_hub_key(p) || bytes_equal(p->kind, BYTES("record_type")))
            continue;
        for (int64_t version = 1; version < p->version; version++)
            for (size_t k = 0; k < x->shelf.count; k++) {
                const struct policy *e = &x->shelf.taken[k];
                if (e->version == version && e->scope == p->scope && !e->ended && e->from <= x->day && bytes_equal(e->kind, p->kind) &&
                    bytes_equal(e->name, p->name))
                    add_rule(x->office, v, e);
            }
        add_rule(x->office, v, p);
    }
}

static struct hash hash_of_all(const struct reading *x, struct bytes documents) {
    struct hash h = hash_of(documents);
    for (size_t i = 0; i < x->count; i++)
        h = hash_of_two(bytes_of(h.b, sizeof h.b), bytes_of(x->in_force[i]->hash.b, sizeof h.b));
    return h;
}

static void use(struct office *o, struct reading *x) {
    CLEANUP(buffer_close) struct buffer documents = {0};
    struct complaints c = {.count = 0};
    documents_of(x, &documents);
    struct hash h = hash_of_all(x, buffer_bytes(&documents));
    if (hash_equal(&h, &o->catalogue->hash))
        return;
    struct catalogue_version *v = memory_zeroed(1, sizeof *v);
    v->hash = h;
    v->older = o->catalogue;
    if (catalogue_add_all(&v->catalogue, buffer_bytes(&documents), &c)) {
        add_rules(x, v);
        rules_finish(&v->rules, &c);
        subject_fields(&v->catalogue, &v->subjects);
        o->catalogue = v;
        log_fact(LOG_INFO, "catalogue.changed", FACT_UINT("types", v->catalogue.type_count), FACT_UINT("policies", x->count));
    } else {
        log_fact(LOG_WARNING, "catalogue.refused", FACT_TEXT("first", buffer_string(&c.text)));
        catalogue_close(&v->catalogue);
        free(v);
    }
    complaints_close(&c);
}

/* A later version is in force: that this one was refused concerns nobody any more. */
static bool is_replaced(const struct reading *x, const struct id16 *refused) {
    for (size_t i = 0; i < x->count; i++) {
        struct policy older = *x->in_force[i];
        for (older.version--; older.version > 0; older.version--) {
            struct id16 id = policy_id(&node_engine_who(x->office->engine)->city, &older);
            if (id_equal(&id, refused))
                return true;
        }
    }
    return false;
}

static void reading_done(struct node_work *w, int result) {
    struct reading *x = (struct reading *)w;
    struct office *o = x->office;
    o->policies_reading = false;
    if (result == 0) {
        o->policies_day = x->day;
        o->policies_at = x->at;
        o->policies_seen = x->changes;
        o->policies_refused = 0;
        o->policies_in_force = (unsigned)x->count;
        o->policies_staged = 0;
        for (size_t i = 0; i < x->shelf.count; i++)
            o->policies_staged += strcmp(state_of(&x->shelf, i, x->at, x->day), "staged") == 0;
        for (size_t i = 0; i < x->shelf.refused_count; i++)
            o->policies_refused += x->shelf.refused[i].fault != POLICY_PARTS && !is_replaced(x, &x->shelf.refused[i].id);
        use(o, x);
        for (size_t i = 0; i < x->count; i++)
            if (is_hub_key(x->in_force[i]))
                hear_of_hub(o, x->in_force[i]->body);
    }
    free(x->in_force);
    policy_shelf_close(&x->shelf);
    free(x);
    if (result == 0)
        office_policies(o); /* they may have changed meanwhile */
}

void office_policies(struct office *o) {
    uint64_t changes = node_engine_book_changes(o->engine);
    int64_t day = city_day(clock_wall());
    area at = node_engine_place(o->engine);
    if (o->policies_reading || (changes == o->policies_seen && day == o->policies_day && at == o->policies_at))
        return;
    struct reading *x = memory_zeroed(1, sizeof *x);
    o->policies_reading = true;
    x->office = o;
    x->at = at;
    x->day = day;
    x->changes = changes;
    x->work.work = reading_works;
    x->work.done = reading_done;
    node_engine_submit(o->engine, &x->work);
}
