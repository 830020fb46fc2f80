#include "common/engine/policy_book.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalogue/refusals.h"
#include "common/engine/hub_move.h"
#include "common/store/hub_merge.h"
#include "common/store/node_apply.h"
#include "common/store/node_book.h"

#include <stdlib.h>
#include <string.h>

bool policy_body_good(const struct policy *p, struct complaints *why) {
    struct complaints own = {.count = 0}, *c = why == NULL ? &own : why;
    struct hash h = hash_of(p->body);
    bool good = p->body.len == p->size && hash_equal(&h, &p->hash);
    if (good && p->ended)
        good = p->size == 0;
    else if (good && policy_is_catalogue(p->kind)) {
        struct catalogue k = {.types = NULL};
        good = catalogue_add(&k, "policy", p->body, c);
        catalogue_close(&k);
    } else if (good && !bytes_equal(p->kind, BYTES(HUB_MOVE_KIND))) { /* what it speaks of may still be to come */
        CLEANUP(buffer_close) struct buffer kind = {0};
        buffer_add(&kind, p->kind);
        struct document *d = document_read("policy", p->body, c);
        good = d != NULL && refusals_check(d, buffer_string(&kind), c);
        document_free(d);
    }
    complaints_close(&own);
    return good;
}

/* ---- a body and its parts */

typedef int part_of(void *owner, const struct id16 *id, struct arena *a, struct record *out); /* 0: it is there */

/* False: a part is still to come. */
static bool gather(part_of *part, void *owner, const struct id16 *policy, const struct policy *p, struct buffer *body) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    buffer_add(body, p->body);
    for (unsigned i = 1; i < policy_parts(p); i++) {
        struct id16 id = policy_part_id(policy, i), whose;
        struct record r;
        struct bytes text;
        if (part(owner, &id, &a, &r) != 0 || !policy_part_of(&r, &whose, &text) || memcmp(whose.b, policy->b, sizeof whose.b) != 0)
            return false;
        buffer_add(body, text);
        arena_clear(&a);
    }
    return true;
}

/* ---- the shelf */

static void put_on(struct policy_shelf *s, const struct policy *p, struct shelf_mark mark) {
    s->taken = memory_resize(s->taken, (s->count + 1) * sizeof *s->taken);
    s->marks = memory_resize(s->marks, (s->count + 1) * sizeof *s->marks);
    s->marks[s->count] = mark;
    s->taken[s->count++] = *p;
}

static int shelve(void *owner, const struct book_entry *e) {
    struct policy_shelf *s = owner;
    struct policy p;
    bool counts = e->taken && policy_of(&e->record, &p);
    if (!counts || e->fault != POLICY_GOOD) {
        s->refused = memory_resize(s->refused, (s->refused_count + 1) * sizeof *s->refused);
        s->refused[s->refused_count++] = (struct shelf_refusal){.id = e->id, .fault = (enum policy_fault)e->fault, .at = e->at};
    }
    if (!counts)
        return 0;
    p.body = e->body;
    put_on(s, &p, (struct shelf_mark){.id = e->id, .fault = (enum policy_fault)e->fault, .at = e->at});
    return 0;
}

void policy_shelf_read(struct txn *t, struct policy_shelf *out) {
    *out = (struct policy_shelf){.count = 0};
    book_each(t, &out->arena, shelve, out);
}

struct reading_state {
    struct policy_shelf *shelf;
    struct txn *state;
};

static int hub_part(void *owner, const struct id16 *id, struct arena *a, struct record *out) {
    struct reading_state *s = owner;
    return hub_record(s->state, TYPE_POLICY_PART, id, a, out);
}

static int shelve_hub(void *owner, const struct record *r) {
    struct reading_state *s = owner;
    CLEANUP(buffer_close) struct buffer body = {0};
    struct record kept = record_copy(r, &s->shelf->arena);
    struct policy p;
    if (!policy_of(&kept, &p) || !gather(hub_part, s, &r->id, &p, &body))
        return 0;
    p.body = arena_copy(&s->shelf->arena, buffer_bytes(&body));
    put_on(s->shelf, &p, (struct shelf_mark){.id = r->id, .row = r->feed_seq});
    return 0;
}

void policy_shelf_of_hub(struct txn *state, struct policy_shelf *out, struct buffer *damaged) {
    struct reading_state s = {out, state};
    *out = (struct policy_shelf){.count = 0};
    hub_records(state, TYPE_POLICY, shelve_hub, &s, damaged);
}

void policy_shelf_close(struct policy_shelf *s) {
    arena_close(&s->arena);
    free(s->taken);
    free(s->marks);
    free(s->refused);
    *s = (struct policy_shelf){.count = 0};
}

void policy_book_say(struct txn *t, struct book_say *out) {
    struct policy_shelf s;
    policy_shelf_read(t, &s);
    memset(out, 0, sizeof *out);
    out->count = (uint32_t)s.refused_count;
    for (size_t i = 0; i < s.refused_count && i < BOOK_NAMES; i++)
        out->refused[i] = (struct book_refusal){.id = s.refused[i].id, .fault = s.refused[i].fault};
    policy_shelf_close(&s);
}

/* ---- taking up */

struct taking {
    struct txn *t;
    const struct policy_place *place;
    struct policy_shelf shelf;
    wall_ms now;
    bool changed;
};

static int office_part(void *owner, const struct id16 *id, struct arena *a, struct record *out) {
    return node_base(owner, TYPE_POLICY_PART, id, a, out);
}

static enum policy_fault judge(struct taking *k, const struct record *r, struct policy *p, struct buffer *body) {
    const struct head *home = field_winner(record_field(r, FIELD_HOME));
    struct value v;
    if (!policy_of(r, p) || home == NULL || !value_unpack(home->value, &v))
        return POLICY_TEXT;
    enum policy_fault f = policy_holds(p, &k->place->root, v.area, k->place->at);
    if (f == POLICY_GOOD)
        f = policy_fits(p, k->shelf.taken, k->shelf.count, city_day(k->now));
    if (f == POLICY_GOOD && !gather(office_part, k->t, &r->id, p, body))
        return POLICY_PARTS;
    p->body = buffer_bytes(body);
    if (f == POLICY_GOOD && !policy_body_good(p, NULL))
        return POLICY_TEXT;
    return f;
}

static void look_at(struct taking *k, const struct record *r) {
    CLEANUP(arena_close) struct arena a = {.cap = 0};
    CLEANUP(buffer_close) struct buffer body = {0};
    struct hash seen = record_state_hash(r);
    struct book_entry e;
    struct policy p;
    char id[ID_HEX];
    bool known = book_get(k->t, &r->id, &a, &e);
    if (known && hash_equal(&e.seen, &seen) && e.fault != POLICY_PARTS)
        return;
    if (!known)
        e = (struct book_entry){.id = r->id, .at = k->now};
    enum policy_fault f = judge(k, r, &p, &body);
    e.seen = seen;
    e.fault = f;
    if (f == POLICY_GOOD && !e.taken) {
        e.taken = true;
        e.at = k->now;
        e.record = *r;
        e.body = buffer_bytes(&body);
    }
    book_put(k->t, &e);
    k->changed = true;
    if (f != POLICY_GOOD && f != POLICY_PARTS)
        log_fact(
            LOG_WARNING, "policy.refused", FACT_TEXT("id", id_hex(&r->id, id)), FACT_TEXT("fault", policy_fault_name(f)),
            FACT_TEXT("why", policy_fault_text(f)));
    policy_shelf_close(&k->shelf);
    policy_shelf_read(k->t, &k->shelf);
}

/* Earlier versions first: what came in one page is taken up as if it had come one by one. */
struct waiting {
    struct id16 id;
    int64_t version;
};
struct waiting_list {
    struct waiting *all; /* owns */
    size_t count;
};

static int each_policy(void *owner, const struct record *r, bool pending) {
    struct waiting_list *l = owner;
    struct policy p;
    (void)pending;
    l->all = memory_resize(l->all, (l->count + 1) * sizeof *l->all);
    l->all[l->count++] = (struct waiting){.id = r->id, .version = policy_of(r, &p) ? p.version : 0};
    return 0;
}

static int by_version(const void *one, const void *other) {
    const struct waiting *a = one, *b = other;
    return (a->version > b->version) - (a->version < b->version);
}

bool policy_book_laid(struct txn *t, const struct policy_place *place, const struct entry *laid, size_t count, wall_ms now) {
    struct taking k = {.t = t, .place = place, .now = now};
    struct waiting_list l = {.count = 0};
    bool any = false;
    for (size_t i = 0; i < count && !any; i++)
        any = laid[i].record.type == TYPE_POLICY || laid[i].record.type == TYPE_POLICY_PART;
    if (!any)
        return false;
    policy_shelf_read(t, &k.shelf);
    node_records(t, TYPE_POLICY, true, each_policy, &l);
    if (l.count > 1)
        qsort(l.all, l.count, sizeof *l.all, by_version);
    for (size_t i = 0; i < l.count; i++) {
        struct arena a = {0};
        struct record r;
        if (node_base(t, TYPE_POLICY, &l.all[i].id, &a, &r) == 0)
            look_at(&k, &r);
        arena_close(&a);
    }
    free(l.all);
    policy_shelf_close(&k.shelf);
    return k.changed;
}
