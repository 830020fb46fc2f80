#include "common/base/error.h"
#include "common/model/merge.h"
#include "common/store/hub_fold.h"

#include <string.h>

/* ---- CLOCK */

static bool ahead(const struct fold *f, const struct change *c, wall_ms received) {
    wall_ms top = received + LIMIT_CLOCK_AHEAD_MS, merged = hlc_ms(f->place.highest_hlc) + 1;
    return hlc_ms(c->version.hlc) > (merged > top ? merged : top);
}

/* ---- SCOPE: only ever grows with what is merged, so that the order of arrival cannot matter (A7) */

static bool serves(const struct fold_node *n, area a) {
    for (size_t i = 0; i < n->state.served_count; i++)
        if (n->state.served[i] == a)
            return true;
    return false;
}

bool op_area(const struct op *o, area *out) {
    if (o->kind == OP_REMOVE || (o->field != FIELD_HOME && o->field != FIELD_SHARED) || o->value.len != 9 || o->value.at[0] != 0x41)
        return false;
    area a = 0;
    for (size_t i = 0; i < 8; i++)
        a |= (area)o->value.at[1 + i] << (8 * i);
    *out = a;
    return area_valid(a);
}

static bool in_scope(const struct fold_node *writer, const struct record *r, const struct change *c) {
    if (c->type == TYPE_OFFICE || c->type == TYPE_POLICY || c->type == TYPE_POLICY_PART || c->type == TYPE_ERASURE)
        return false;
    bool mine = false;
    for (size_t i = 0; i < r->area_count; i++) {
        if (!area_is_community(r->areas[i].area))
            return false;
        mine = mine || serves(writer, r->areas[i].area);
    }
    for (size_t i = 0; i < c->op_count; i++) {
        const struct op *o = &c->ops[i];
        area a;
        if (!op_area(o, &a))
            continue;
        if (!area_is_community(a))
            return false; /* only the hub lays records before a whole district */
        if ((o->field == FIELD_SHARED && o->kind == OP_ADD) || (o->field == FIELD_HOME && o->kind == OP_SET && o->name_count == 0))
            mine = mine || serves(writer, a);
    }
    return mine;
}

/* ---- FORGED */

/* Was the other node enrolled for an office that the writer serves too? */
static bool same_office(struct fold *f, const struct fold_node *writer, uint32_t node) {
    struct hub_node_state known; /* an id that nobody has costs no place in the fold */
    if (!hub_node_get(f->state, node, &known))
        return false;
    const struct fold_node *other = fold_node(f, node);
    for (size_t i = 0; i < other->state.served_count; i++)
        if (serves(writer, other->state.served[i]))
            return true;
    return false;
}

/* A node signs its own versions and makes its own names. Another's name is right in one case, the branch of a cloned disk that goes on as a
 * new node: of the same office, and marked as labelled again. In any other case a person has to say that it is right (retries it). A copy
 * of what is merged is no question at all: the caller looks for it. */
static bool forged(struct fold *f, const struct fold_node *writer, const struct change *c) {
    if (c->version.node != writer->state.node)
        return true;
    return c->name.node != writer->state.node && !(c->again && (f->vouched || same_office(f, writer, c->name.node)));
}

/* ---- FULL */

/* Some room is left for hub_seqs that grow. */
enum { RECORD_ROOM = LIMIT_RECORD_BYTES - 4096 };

static bool never(void *owner, struct name name) {
    (void)owner;
    (void)name;
    return false;
}

static bool fits(const struct touched *t, const struct change *c, size_t packed) {
    if (t->bound + fold_growth(c, packed) <= RECORD_ROOM)
        return true;
    /* The bound is near: merge into a copy and measure. Without history more names may become early, never fewer. */
    CLEANUP(arena_close) struct arena a = {0};
    CLEANUP(buffer_close) struct buffer b = {0};
    struct merge_history h = {never, NULL};
    struct record r = record_copy(&t->record, &a);
    merge_change(&r, c, &h, &a);
    wire_record_pack(&r, RECORD_HUB, &b);
    return b.len <= RECORD_ROOM;
}

/* ---- all of them, the cheapest and most certain first */

enum verdict fold_verdict(
    struct fold *f, const struct fold_node *writer, struct touched *t, const struct change *c, wall_ms received, size_t packed) {
    if (fold_erased(f, t, c))
        return VERDICT_ERASED;
    if (writer->state.node != 0) {
        if (forged(f, writer, c))
            return VERDICT_FORGED;
        if (ahead(f, c, received))
            return VERDICT_CLOCK;
        if (!in_scope(writer, &t->record, c))
            return VERDICT_SCOPE;
    }
    if (!fits(t, c, packed))
        return VERDICT_FULL;
    if (writer->state.node != 0 && !f->vouched && !fold_rules_allow(f, c))
        return VERDICT_RULE; /* unless a person at the hub has looked at it and ordered it */
    if (f->rules != NULL && f->rules->allows != NULL && !f->rules->allows(f->rules->owner, c, t->exists ? &t->record : NULL))
        return VERDICT_RULE;
    return VERDICT_MERGED;
}
