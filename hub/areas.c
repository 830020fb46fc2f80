/* Re-division: what follows when a policy of the kind area_tree says that a division is no more and which one follows it. Every office that
 * serves the dissolved one serves its successor too, before it: there new records belong. The dissolved one stays served, so that what was
 * written under it while an office was away still comes in. Records that lie there are moved by changes of the hub itself, those that come
 * later too; their history is kept. Where no successor is named, or several would be (a split), nothing moves: that a person decides. */
#include "common/catalogue/areas.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "hub/batch.h"
#include "hub/in_force.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_ROWS = 2000, AGAIN_MS = 10000, COUNT_ROWS = 200000, NAMES_MOST = 200 };

struct dissolved {
    area code, successor;
    uint64_t passed; /* its rows up to here hold nothing that is to be moved */
};

struct redivision {
    struct buffer dissolved; /* owns; struct dissolved, by code */
    int64_t day;             /* as of which they are known */
    bool busy;               /* one step at a time: the tree, the offices, a batch of records */
    bool tree_due, rows_due;
    size_t serving;        /* office records on their way */
    struct buffer crowded; /* owns; uint32_t: offices that cannot serve the successor beside what they serve */
    uint64_t moved;        /* records, since the start */
    instant again_at;      /* a step that failed is taken again then; 0: none did */
};

static struct dissolved *find(const struct buffer *list, area code) {
    struct dissolved *all = (struct dissolved *)(void *)list->at;
    size_t low = 0, high = list->len / sizeof *all;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (all[mid].code < code)
            low = mid + 1;
        else
            high = mid;
    }
    return low < list->len / sizeof *all && all[low].code == code ? &all[low] : NULL;
}

static area follow(const struct buffer *list, area code) {
    const struct dissolved *d = find(list, code);
    return d == NULL ? code : d->successor;
}

static void step(struct city *c);

/* False: it failed, and is due again in a while. */
static bool went_well(struct city *c, int result) {
    struct redivision *d = c->redivision;
    d->busy = false;
    if (result != 0)
        d->again_at = clock_now() + AGAIN_MS;
    return result == 0;
}

/* ---- the tree as of a day */

struct office_due {
    uint32_t node;
    struct office_areas areas;
};

struct reading {
    struct hub_read read; /* first */
    struct city *city;
    struct buffer documents; /* owns */
    struct buffer dissolved; /* owns */
    struct buffer offices;   /* owns; struct office_due */
    struct buffer crowded;   /* owns; uint32_t */
    int64_t day;
};

static int by_code(const void *one, const void *other) {
    const struct dissolved *a = one, *b = other;
    return (a->code > b->code) - (a->code < b->code);
}

static void dissolved_of(const struct in_force *f, struct buffer *out) {
    for (size_t i = 0; i < f->count; i++)
        for (const struct area_tree *t = f->places[i].rules.areas; t != NULL; t = t->next)
            for (size_t k = 0; k < t->count; k++) {
                struct dissolved d = {.code = t->entries[k].code};
                d.successor = areas_successor(&f->places[i].rules, d.code, f->day);
                if (d.successor != d.code && in_force_at(f, d.code) == &f->places[i] && find(out, d.code) == NULL) {
                    buffer_add(out, bytes_of(&d, sizeof d));
                    qsort(out->at, out->len / sizeof d, sizeof d, by_code);
                }
            }
}

/* False: there is no room. */
static bool serve(struct office_areas *a, area code) {
    for (size_t i = 0; i < a->count; i++)
        if (a->areas[i] == code)
            return true;
    if (a->count == LIMIT_AREAS)
        return false;
    a->areas[a->count++] = code;
    return true;
}

static int each_office(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct reading *r = owner;
    struct office_due due = {.node = node};
    area served[LIMIT_AREAS];
    size_t count;
    (void)n;
    if (office == NULL || !office_areas(office, served, &count))
        return 0;
    bool fit = true;
    for (size_t i = 0; i < count && fit; i++)
        fit = serve(&due.areas, follow(&r->dissolved, served[i])) && serve(&due.areas, served[i]);
    if (fit && due.areas.count == count && memcmp(due.areas.areas, served, count * sizeof *served) == 0)
        return 0;
    if (fit && office_areas_fit(&due.areas))
        buffer_add(&r->offices, bytes_of(&due, sizeof due));
    else
        buffer_add(&r->crowded, bytes_of(&node, sizeof node));
    return 0;
}

static void reading_works(struct hub_read *read, struct txn *state, struct txn *log) {
    struct reading *r = (struct reading *)read;
    struct in_force f;
    (void)log;
    in_force_read(state, buffer_bytes(&r->documents), "area_tree", r->day, &f, &read->damaged);
    dissolved_of(&f, &r->dissolved);
    if (r->dissolved.len > 0)
        hub_offices(state, each_office, r, &read->damaged);
    in_force_close(&f);
}

static void served(void *owner, int result) {
    struct city *c = owner;
    struct redivision *d = c->redivision;
    if (result != 0) {
        log_fact(LOG_WARNING, "areas.office_not_saved", FACT_INT("result", result));
        d->tree_due = true;
    }
    if (--d->serving == 0 && went_well(c, d->tree_due && result != 0 ? result : 0))
        step(c);
}

/* What was looked at stays looked at where the tree says the same. */
static void keep_passed(const struct buffer *old, struct buffer *now) {
    struct dissolved *all = (struct dissolved *)(void *)now->at;
    for (size_t i = 0; i < now->len / sizeof *all; i++) {
        const struct dissolved *was = find(old, all[i].code);
        if (was != NULL && was->successor == all[i].successor)
            all[i].passed = was->passed;
    }
}

static void reading_done(struct hub_read *read, int result) {
    struct reading *r = (struct reading *)read;
    struct city *c = r->city;
    struct redivision *d = c->redivision;
    const struct office_due *due = (const struct office_due *)(const void *)r->offices.at;
    if (result == 0) {
        keep_passed(&d->dissolved, &r->dissolved);
        buffer_clear(&d->dissolved);
        buffer_add(&d->dissolved, buffer_bytes(&r->dissolved));
        d->day = r->day;
        buffer_clear(&d->crowded);
        buffer_add(&d->crowded, buffer_bytes(&r->crowded));
        d->rows_due = true;
        d->serving = r->offices.len / sizeof *due;
        for (size_t i = 0; i < r->offices.len / sizeof *due; i++) {
            log_fact(LOG_INFO, "areas.office_follows", FACT_UINT("node", due[i].node));
            office_serve(c, due[i].node, &due[i].areas, served, c);
        }
    } else {
        d->tree_due = true;
    }
    if (d->serving == 0 && went_well(c, result))
        step(c);
    buffer_close(&r->documents);
    buffer_close(&r->dissolved);
    buffer_close(&r->offices);
    buffer_close(&r->crowded);
    free(r);
}

static void read_tree(struct city *c) {
    struct reading *r = memory_zeroed(1, sizeof *r);
    c->redivision->tree_due = false;
    r->city = c;
    r->day = city_day(clock_wall());
    buffer_add(&r->documents, buffer_bytes(&c->documents));
    r->read.work = reading_works;
    r->read.done = reading_done;
    hub_engine_read(c->engine, &r->read);
}

/* ---- records */

struct moving {
    struct batch batch;      /* first */
    struct buffer dissolved; /* owns; `passed` moves on */
    struct id16 actor;
    bool more;
};

static bool area_in(struct bytes value, area *out) {
    struct value v;
    if (!value_unpack(value, &v) || v.kind != VALUE_AREA)
        return false;
    *out = v.area;
    return true;
}

static bool is_dissolved(const struct moving *m, struct bytes value) {
    area a;
    return area_in(value, &a) && find(&m->dissolved, a) != NULL;
}

static struct op *add_op(struct hub_write *w, uint32_t field, enum op_kind kind) {
    struct op *o = &w->ops[w->op_count++];
    *o = (struct op){.field = field, .kind = kind};
    return o;
}

static void put_area(struct hub_write *w, struct op *o, area a) {
    o->value = batch_keep(w, &(struct value){.kind = VALUE_AREA, .area = a});
}

/* Only heads that name a dissolved area are replaced: who moved the record elsewhere meanwhile is heard. The home that was shown stays the
 * one that is shown, or its successor. */
static void move_home(const struct moving *m, const struct record *r, struct hub_write *w) {
    const struct field *f = record_field(r, FIELD_HOME);
    const struct head *shown = field_winner(f);
    area home;
    if (shown == NULL || !area_in(shown->value, &home))
        return;
    struct name *names = arena_take(&w->arena, (f->head_count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < f->head_count && count < NAMES_MOST; i++)
        if (is_dissolved(m, f->heads[i].value))
            names[count++] = f->heads[i].name;
    if (count == 0)
        return;
    struct op *o = add_op(w, FIELD_HOME, OP_SET);
    put_area(w, o, follow(&m->dissolved, home));
    o->names = names;
    o->name_count = count;
}

/* One successor a change; another has its turn in the next look. */
static void move_shared(const struct moving *m, const struct record *r, struct hub_write *w) {
    const struct field *f = record_field(r, FIELD_SHARED);
    area a, to = AREA_CITY;
    bool there = false;
    if (f == NULL)
        return;
    struct name *names = arena_take(&w->arena, (f->element_count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < f->element_count && count < NAMES_MOST; i++) {
        if (!area_in(f->elements[i].value, &a) || find(&m->dissolved, a) == NULL)
            continue;
        if (count > 0 && follow(&m->dissolved, a) != to)
            continue;
        to = follow(&m->dissolved, a);
        names[count++] = f->elements[i].name;
    }
    for (size_t i = 0; i < f->element_count; i++)
        there = there || (area_in(f->elements[i].value, &a) && a == to);
    if (count == 0)
        return;
    struct op *gone = add_op(w, FIELD_SHARED, OP_REMOVE);
    gone->names = names;
    gone->name_count = count;
    if (!there)
        put_area(w, add_op(w, FIELD_SHARED, OP_ADD), to);
}

/* What the daemons live by stays: a policy was signed for its scope, and offices follow by their own record. */
static bool moves(uint32_t type) {
    return type != TYPE_OFFICE && type != TYPE_POLICY && type != TYPE_POLICY_PART && type != TYPE_ERASURE;
}

static bool lies_there(const struct moving *m, const struct record *r, uint32_t number) {
    const struct field *f = record_field(r, number);
    for (size_t i = 0; f != NULL && i < f->head_count; i++)
        if (number == FIELD_HOME && is_dissolved(m, f->heads[i].value))
            return true;
    for (size_t i = 0; f != NULL && i < f->element_count; i++)
        if (number == FIELD_SHARED && is_dissolved(m, f->elements[i].value))
            return true;
    return false;
}

static int move_record(void *owner, const struct record *r) {
    struct moving *m = owner;
    if (!moves(r->type) || (!lies_there(m, r, FIELD_HOME) && !lies_there(m, r, FIELD_SHARED)))
        return 0;
    if (batch_full(&m->batch))
        return 1;
    struct hub_write *w = batch_write(&m->batch, r->type, &r->id);
    w->actor = m->actor;
    move_home(m, r, w);
    move_shared(m, r, w);
    return 0;
}

static void move_look(struct batch *b, struct txn *state) {
    struct moving *m = (struct moving *)b;
    struct dissolved *all = (struct dissolved *)(void *)m->dissolved.at;
    for (size_t i = 0; i < m->dissolved.len / sizeof *all; i++) {
        int r = hub_area_walk(state, all[i].code, &all[i].passed, LOOK_ROWS, move_record, m, &b->read.damaged);
        if (r < 0)
            b->result = r;
        m->more = m->more || r != HUB_AREA_END;
        if (r != HUB_AREA_END)
            return;
    }
}

static void move_end(struct batch *b, int result) {
    struct moving *m = (struct moving *)b;
    struct city *c = b->city;
    struct redivision *d = c->redivision;
    if (result == 0) {
        keep_passed(&m->dissolved, &d->dissolved);
        d->moved += b->count;
        if (b->count > 0)
            log_fact(LOG_INFO, "areas.moved", FACT_UINT("records", b->count), FACT_UINT("since_start", d->moved));
    }
    d->rows_due = d->rows_due || m->more || b->count > 0 || result != 0;
    buffer_close(&m->dissolved);
    free(m);
    if (went_well(c, result))
        step(c);
}

static void move_some(struct city *c) {
    struct moving *m = memory_zeroed(1, sizeof *m);
    c->redivision->rows_due = false;
    m->batch.city = c;
    m->batch.look = move_look;
    m->batch.end = move_end;
    m->actor = hub_actor(c, "area_tree");
    buffer_add(&m->dissolved, buffer_bytes(&c->redivision->dissolved));
    batch_submit(&m->batch);
}

static void step(struct city *c) {
    struct redivision *d = c->redivision;
    if (d->busy || (d->again_at != 0 && clock_now() < d->again_at))
        return;
    if (!city_writes(c)) { /* what cannot be merged now would be noted once more with every look */
        d->again_at = clock_now() + AGAIN_MS;
        return;
    }
    d->again_at = 0;
    d->busy = d->tree_due || (d->rows_due && d->dissolved.len > 0);
    if (d->tree_due)
        read_tree(c);
    else if (d->busy)
        move_some(c);
}

/* ---- when */

void areas_merged(struct city *c, const struct merged *m) {
    struct redivision *d = c->redivision;
    if (d == NULL)
        return;
    d->tree_due = d->tree_due || m->policies || (m->offices && d->dissolved.len > 0);
    for (size_t i = 0; i < m->area_count && !d->rows_due; i++)
        d->rows_due = find(&d->dissolved, m->areas[i]) != NULL;
    d->rows_due = d->rows_due || m->every_area;
    step(c);
}

void areas_look(struct city *c) {
    struct redivision *d = c->redivision;
    if (d == NULL)
        return;
    d->tree_due = d->tree_due || d->day != city_day(clock_wall());
    step(c);
}

void areas_open(struct city *c) {
    c->redivision = memory_zeroed(1, sizeof *c->redivision);
    areas_look(c);
}

void areas_close(struct city *c) {
    if (c->redivision != NULL) {
        buffer_close(&c->redivision->dissolved);
        buffer_close(&c->redivision->crowded);
    }
    free(c->redivision);
    c->redivision = NULL;
}

/* One that was closed or revoked serves nobody: whoever came in its place does. */
static void name_crowded(const struct city *c, struct problems *problems) {
    const uint32_t *all = (const uint32_t *)(const void *)c->redivision->crowded.at;
    size_t count = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < c->redivision->crowded.len / sizeof *all; i++)
        if (office_open(c, all[i]) && count++ == 0)
            first = all[i];
    if (count > 0)
        problem_add(
            problems, PROBLEM_AREAS_MANY, "{s:I, s:I, s:I}", "count", (json_int_t)count, "most", (json_int_t)LIMIT_AREAS, "node",
            (json_int_t)first);
}

void areas_status(const struct city *c, json_t *out, struct problems *problems) {
    const struct redivision *d = c->redivision;
    json_object_set_new(out, "areas_dissolved", json_integer(d == NULL ? 0 : (json_int_t)(d->dissolved.len / sizeof(struct dissolved))));
    json_object_set_new(out, "areas_moved", json_integer(d == NULL ? 0 : (json_int_t)d->moved));
    json_object_set_new(out, "areas_moving", json_boolean(d != NULL && (d->busy || d->again_at != 0)));
    if (d != NULL)
        name_crowded(c, problems);
}

/* ---- anjuctl areas */

struct telling {
    struct question ask;     /* first */
    struct buffer documents; /* owns */
    struct buffer offices;   /* owns; of area: what each office serves */
    bool only;
    int64_t day;
    uint64_t left;
};

static int each_served(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct telling *t = owner;
    (void)node;
    (void)office;
    buffer_add(&t->offices, bytes_of(n->served, n->served_count * sizeof *n->served));
    return 0;
}

static size_t offices_of(const struct telling *t, area code) {
    const area *all = (const area *)(const void *)t->offices.at;
    size_t n = 0;
    for (size_t i = 0; i < t->offices.len / sizeof *all; i++)
        n += all[i] == code;
    return n;
}

static int count_left(void *owner, const struct record *r) {
    ((struct telling *)owner)->left += moves(r->type);
    return 0;
}

static json_t *day_json(int64_t day) {
    CLEANUP(buffer_close) struct buffer b = {0};
    if (day != RULE_DAY_FIRST && day != RULE_DAY_LAST)
        value_text(&(struct value){.kind = VALUE_DATE, .number = day}, &b);
    return json_string(buffer_string(&b));
}

static void tell_area(struct telling *t, struct txn *state, const struct area_tree *tree, const struct area_entry *e) {
    char code[AREA_TEXT], parent[AREA_TEXT], next[AREA_TEXT];
    bool over = e->to < t->day;
    uint64_t after = 0;
    t->left = 0;
    if (over)
        hub_area_walk(state, e->code, &after, COUNT_ROWS, count_left, t, &t->ask.read.damaged);
    json_array_append_new(
        t->ask.rows,
        json_pack(
            "{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:I, s:I, s:s, s:I}", "code", area_text(e->code, code), "zh", e->zh, "en",
            e->en == NULL ? "" : e->en, "parent", area_text(e->parent, parent), "from", day_json(e->from), "to", day_json(e->to), "state",
            over               ? "dissolved"
            : e->from > t->day ? "to come"
                               : "active",
            "successor", e->successor == AREA_CITY ? "" : area_text(e->successor, next), "offices", (json_int_t)offices_of(t, e->code),
            "left", (json_int_t)t->left, "policy", tree->source->name, "version", (json_int_t)tree->source->version));
}

static void run_areas(struct question *a, struct txn *state, struct txn *log) {
    struct telling *t = (struct telling *)a;
    struct in_force f;
    (void)log;
    in_force_read(state, buffer_bytes(&t->documents), "area_tree", t->day, &f, &a->read.damaged);
    hub_offices(state, each_served, t, &a->read.damaged);
    for (size_t i = 0; i < f.count; i++)
        for (const struct area_tree *tree = f.places[i].rules.areas; tree != NULL; tree = tree->next)
            for (size_t k = 0; k < tree->count; k++)
                if (in_force_at(&f, tree->entries[k].code) == &f.places[i] && (!t->only || tree->entries[k].to < t->day))
                    tell_area(t, state, tree, &tree->entries[k]);
    in_force_close(&f);
}

static void finish_areas(struct question *a) {
    struct telling *t = (struct telling *)a;
    buffer_close(&t->documents);
    buffer_close(&t->offices);
}

void cmd_areas(void *owner, struct request *q) {
    struct city *c = owner;
    struct telling *t = question_of(c, q, sizeof *t, run_areas);
    t->ask.finish = finish_areas;
    t->day = city_day(clock_wall());
    t->only = request_flag(q, "dissolved");
    buffer_add(&t->documents, buffer_bytes(&c->documents));
    question_submit(&t->ask);
}
