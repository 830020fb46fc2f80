/* How the city's rules stand, for status and lists: which programs are older than the city asks for, which policies offices refused, what
 * people call record types. Read again with each policy and on each new day; status itself needs no store. */
#include "common/base/error.h"
#include "common/base/program.h"
#include "common/engine/clock.h"
#include "hub/in_force.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 5000 };

struct standing {
    bool busy, due, known;
    instant again_at;              /* what failed is tried again then; 0: nothing did */
    struct in_force floors, words; /* of the kinds protocol and labels; own */
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

static void name_old_programs(const struct city *c, json_t *out, json_t *problems) {
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
        json_array_append_new(
            problems, json_sprintf(
                          "update needed: %zu offices run a program that is older than the city asks for, and take no edits: node %s; "
                          "install a newer version there",
                          count, buffer_string(&nodes)));
    const struct rules *here = &in_force_at(&c->standing->floors, AREA_CITY)->rules;
    if (rules_protocol(here, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT) == PROTOCOL_OK)
        return;
    rules_floor(here, &protocol, &store);
    json_array_append_new(
        problems, json_sprintf(
                      "update needed: the city asks for protocol %lld and store format %lld; this hub (%s) has %d and %d: install a "
                      "newer version, or publish a lower floor",
                      (long long)protocol, (long long)store, PROGRAM_VERSION, PROGRAM_PROTOCOL, PROGRAM_STORE_FORMAT));
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

static void name_refused(const struct city *c, json_t *out, json_t *problems) {
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
        json_array_append_new(
            problems, json_sprintf(
                          "%zu offices refused %.*s/%.*s, version %" PRId64 ": `anjuctl policy who %.*s/%.*s --version %" PRId64
                          "` says which and why; publish it again, mended",
                          offices, (int)p->kind.len, (const char *)p->kind.at, (int)p->name.len, (const char *)p->name.at, p->version,
                          (int)p->kind.len, (const char *)p->kind.at, (int)p->name.len, (const char *)p->name.at, p->version));
    }
    json_object_set_new(out, "policies_refused", json_integer((json_int_t)refused));
}

void standing_status(const struct city *c, json_t *out, json_t *problems) {
    if (c->standing == NULL || !c->standing->known)
        return;
    name_old_programs(c, out, problems);
    name_refused(c, out, problems);
}
