/* How the city's rules stand, for status and lists: which programs are older than the city asks for, which policies offices refused, what
 * people call record types. Read again with each policy and on each new day; status itself needs no store. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/program.h"
#include "hub/in_force.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 5000, REACH_MS = 30000 };

struct standing {
    bool busy, due, known;
    instant again_at;              /* what failed is tried again then; 0: nothing did */
    struct in_force floors, words; /* of the kinds protocol and labels; own */
    struct city_reach reach;
    instant reach_at; /* when that is counted again */
};

struct look {
    struct hub_read read; /* first */
    struct city *city;
    struct buffer documents; /* owns; the catalogue's */
    int64_t day;
    struct in_force floors, words; /* own */
};

static void look_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct look *l = (struct look *)r;
    (void)log;
    in_force_read(state, buffer_bytes(&l->documents), "protocol", l->day, &l->floors, &r->damaged);
    in_force_read(state, buffer_bytes(&l->documents), "labels", l->day, &l->words, &r->damaged);
}

static void step(struct city *c);
static void count_reach(const struct city *c);
static bool refuses(const struct hub_peer *p, const struct id16 *policy);
static bool is_replaced(const struct policy_shelf *shelf, const struct policy *p, int64_t day);

static void look_done(struct hub_read *r, int result) {
    struct look *l = (struct look *)r;
    struct city *c = l->city;
    struct standing *s = c->standing;
    s->busy = false;
    if (result == 0) {
        in_force_close(&s->floors);
        in_force_close(&s->words);
        s->floors = l->floors;
        s->words = l->words;
        s->known = true;
        s->reach = (struct city_reach){.known = false};
        count_reach(c);
    } else {
        in_force_close(&l->floors);
        in_force_close(&l->words);
        s->due = true;
        s->again_at = clock_now() + AGAIN_MS;
    }
    buffer_close(&l->documents);
    free(l);
    if (result == 0)
        step(c);
}

static void step(struct city *c) {
    struct standing *s = c->standing;
    if (s == NULL || s->busy || !s->due || (s->again_at != 0 && clock_now() < s->again_at))
        return;
    struct look *l = memory_zeroed(1, sizeof *l);
    s->busy = true;
    s->due = false;
    s->again_at = 0;
    l->city = c;
    l->day = city_day(clock_wall());
    buffer_add(&l->documents, buffer_bytes(&c->documents));
    l->read.work = look_works;
    l->read.done = look_done;
    hub_engine_read(c->engine, &l->read);
}

/* ---- how far the versions in force have come. One that is new is on its way; it is late when it still is the next time that is counted.
 */

static bool in_scope(const struct hub_link *l, area scope) {
    for (size_t i = 0; i < l->area_count; i++)
        if (!area_is_node(l->areas[i]) && area_within(l->areas[i], scope))
            return true;
    return false;
}

static void count_one(const struct city *c, size_t version, size_t *of, size_t *taken, size_t *refused) {
    const struct policy_shelf *shelf = &c->standing->floors.shelf;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_peer *p = hub_engine_peer(c->engine, i);
        uint64_t at = p->link.at > p->link.last.at ? p->link.at : p->link.last.at;
        if (p->link.revoked || p->link.retired || !in_scope(&p->link, shelf->taken[version].scope))
            continue;
        (*of)++;
        if (refuses(p, &shelf->marks[version].id))
            (*refused)++;
        else
            *taken += at >= shelf->marks[version].row;
    }
}

static void count_reach(const struct city *c) {
    struct standing *s = c->standing;
    const struct policy_shelf *shelf = &s->floors.shelf;
    struct city_reach now = {.known = true};
    for (size_t i = 0; i < shelf->count; i++) {
        const struct policy *p = &shelf->taken[i];
        size_t of = 0, taken = 0, refused = 0;
        if (p->ended || !policy_begun(p, shelf->taken, shelf->count, s->floors.day) || is_replaced(shelf, p, s->floors.day))
            continue;
        count_one(c, i, &of, &taken, &refused);
        now.policies++;
        now.of += of;
        now.taken += taken;
        now.refused += refused;
        if (of - taken - refused > now.late) {
            now.late = of - taken - refused;
            now.latest = i;
        }
    }
    now.again = s->reach.known && s->reach.late > 0 && now.late > 0 && s->reach.latest == now.latest;
    s->reach = now;
    s->reach_at = clock_now() + REACH_MS;
}

const struct city_reach *standing_reach(const struct city *c) {
    return c->standing == NULL || !c->standing->reach.known ? NULL : &c->standing->reach;
}

void standing_open(struct city *c) {
    c->standing = memory_zeroed(1, sizeof *c->standing);
    c->standing->due = true;
    step(c);
}

void standing_close(struct city *c) {
    if (c->standing == NULL)
        return;
    in_force_close(&c->standing->floors);
    in_force_close(&c->standing->words);
    free(c->standing);
    c->standing = NULL;
}

void standing_look(struct city *c, bool policies) {
    struct standing *s = c->standing;
    if (s == NULL)
        return;
    s->due = s->due || policies || (s->known && s->floors.day != city_day(clock_wall()));
    step(c);
    if (s->known && clock_now() >= s->reach_at)
        count_reach(c);
}

const struct rules *standing_labels(const struct city *c) {
    return c->standing == NULL || !c->standing->known ? NULL : &in_force_at(&c->standing->words, AREA_CITY)->rules;
}

/* ---- programs below the floor */

/* The longest of the areas that it pulls: all others are above it. */
static area place_of(const struct hub_link *l) {
    area place = AREA_CITY;
    for (size_t i = 0; i < l->area_count; i++)
        if (!area_is_node(l->areas[i]) && area_within(l->areas[i], place))
            place = l->areas[i];
    return place;
}

bool standing_update_needed(const struct city *c, const struct hub_link *l) {
    const char *says = strchr(l->software, '(');
    unsigned protocol, store;
    if (c->standing == NULL || !c->standing->known || says == NULL || sscanf(says, PROGRAM_SAYS, &protocol, &store) != 2)
        return false;
    return rules_protocol(&in_force_at(&c->standing->floors, place_of(l))->rules, protocol, store) == PROTOCOL_UPDATE_NEEDED;
}

static void name_old_programs(const struct city *c, json_t *out, struct problems *problems) {
    CLEANUP(buffer_close) struct buffer nodes = {0};
    int64_t protocol, store;
    size_t count = 0;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_link *l = &hub_engine_peer(c->engine, i)->link;
        if (l->revoked || l->retired || !standing_update_needed(c, l))
            continue;
        buffer_format(&nodes, "%s%" PRIu32, count++ == 0 ? "" : ", ", l->node);
    }
    json_object_set_new(out, "update_needed", json_integer((json_int_t)count));
    if (count > 0)
        problem_add(problems, PROBLEM_UPDATE, "{s:I, s:s}", "count", (json_int_t)count, "nodes", buffer_string(&nodes));
    const struct rules *here = &in_force_at(&c->standing->floors, AREA_CITY)->rules;
    if (rules_protocol(here, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT) == PROTOCOL_OK)
        return;
    rules_floor(here, &protocol, &store);
    problem_add(
        problems, PROBLEM_UPDATE_HUB, "{s:I, s:I, s:s, s:i, s:i}", "protocol", (json_int_t)protocol, "store", (json_int_t)store, "version",
        PROGRAM_VERSION, "own_protocol", PROGRAM_PROTOCOL, "own_store", PROGRAM_STORE_FORMAT);
}

/* ---- policies that offices refused */

static bool refuses(const struct hub_peer *p, const struct id16 *policy) {
    const struct book_say *book = &p->link.last.book;
    for (size_t i = 0; !p->link.revoked && !p->link.retired && i < book->count && i < BOOK_NAMES; i++)
        if (id_equal(&book->refused[i].id, policy))
            return true;
    return false;
}

/* A later version has begun: that this one was refused concerns nobody any more. */
static bool is_replaced(const struct policy_shelf *shelf, const struct policy *p, int64_t day) {
    for (size_t i = 0; i < shelf->count; i++) {
        const struct policy *o = &shelf->taken[i];
        if (o->version > p->version && o->scope == p->scope && bytes_equal(o->kind, p->kind) && bytes_equal(o->name, p->name) &&
            policy_begun(o, shelf->taken, shelf->count, day))
            return true;
    }
    return false;
}

static void add_policy(struct problems *problems, enum problem_name name, const struct policy *p, size_t offices) {
    CLEANUP(buffer_close) struct buffer policy = {0};
    buffer_add(&policy, p->kind);
    buffer_text(&policy, "/");
    buffer_add(&policy, p->name);
    problem_add(
        problems, name, "{s:I, s:s, s:I}", "count", (json_int_t)offices, "policy", buffer_string(&policy), "version",
        (json_int_t)p->version);
}

static void name_refused(const struct city *c, json_t *out, struct problems *problems) {
    const struct policy_shelf *shelf = &c->standing->floors.shelf;
    size_t refused = 0;
    for (size_t i = 0; i < shelf->count; i++) {
        const struct policy *p = &shelf->taken[i];
        size_t offices = 0;
        for (size_t k = 0; k < hub_engine_peers(c->engine); k++)
            offices += refuses(hub_engine_peer(c->engine, k), &shelf->marks[i].id);
        if (offices == 0 || is_replaced(shelf, p, c->standing->floors.day))
            continue;
        refused++;
        add_policy(problems, PROBLEM_POLICY_REFUSED, p, offices);
    }
    json_object_set_new(out, "policies_refused", json_integer((json_int_t)refused));
}

void standing_status(const struct city *c, json_t *out, struct problems *problems) {
    if (c->standing == NULL || !c->standing->known)
        return;
    name_old_programs(c, out, problems);
    name_refused(c, out, problems);
    const struct city_reach *r = standing_reach(c);
    if (r != NULL && r->again)
        add_policy(problems, PROBLEM_POLICY_LATE, &c->standing->floors.shelf.taken[r->latest], r->late);
}
