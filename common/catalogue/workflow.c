#include "common/catalogue/workflow.h"

#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/catalogue/banned.h"
#include "common/model/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading a document */

struct reading {
    const struct document *d;
    struct complaints *c;
    struct workflow *w;
};

static size_t known(const struct reading *r, const struct document_node *n) {
    const char *text = document_text(n);
    size_t at = text == NULL ? WORKFLOW_NONE : workflow_find(r->w, bytes_text(text));
    if (at == WORKFLOW_NONE)
        document_complain(r->d, n, r->c, "'%s' is no state of this workflow", text == NULL ? "" : text);
    return at;
}

static bool is_map(const struct reading *r, const struct document_node *n, const struct document_node *at, const char *words) {
    if (n != NULL && document_kind(n) == DOCUMENT_MAP)
        return true;
    document_complain(r->d, n == NULL ? at : n, r->c, "%s", words);
    return false;
}

/* Words for a refusal or a closure: nothing of the kind happens without a person and a reason. */
static bool adverse(const char *name) {
    static const char *const words[] = {"refus", "reject", "denied", "closed", "suspend", "revoked"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(name, words[i]) != NULL)
            return true;
    return false;
}

static void read_states(struct reading *r, const struct document_node *map, const struct document_node *at) {
    if (!is_map(r, map, at, "states is a map: {draft: 草稿, submitted: 已提交}"))
        return;
    if (document_count(map) > WORKFLOW_STATES) {
        document_complain(r->d, map, r->c, "a workflow has at most %d states", WORKFLOW_STATES);
        return;
    }
    for (size_t i = 0; i < document_count(map); i++) {
        const struct document_node *key = document_key(map, i), *value = document_item(map, i);
        const char *name = document_text(key), *zh = document_text(value);
        if (name == NULL || zh == NULL || *name == '\0' || *zh == '\0') {
            document_complain(r->d, key, r->c, "a state is written name: 中文名称");
            continue;
        }
        if (banned_word(name) != NULL || banned_word(zh) != NULL)
            document_complain(r->d, key, r->c, "%s: this system never holds such a thing", name);
        if (workflow_find(r->w, bytes_text(name)) != WORKFLOW_NONE)
            document_complain(r->d, key, r->c, "'%s' is here twice", name);
        r->w->states[r->w->count++] = (struct workflow_state){.name = memory_text(name), .zh = memory_text(zh)};
    }
}

static void read_moves(struct reading *r, const struct document_node *map, const struct document_node *at) {
    if (!is_map(r, map, at, "moves is a map of lists: {draft: [submitted]}"))
        return;
    for (size_t i = 0; i < document_count(map); i++) {
        const struct document_node *list = document_item(map, i);
        size_t from = known(r, document_key(map, i));
        if (document_kind(list) != DOCUMENT_LIST) {
            document_complain(r->d, list, r->c, "the states to which one can go are a list");
            continue;
        }
        for (size_t k = 0; k < document_count(list); k++) {
            size_t to = known(r, document_item(list, k));
            if (from != WORKFLOW_NONE && to != WORKFLOW_NONE)
                r->w->states[from].next |= UINT64_C(1) << to;
        }
    }
}

static void mark_final(struct workflow_state *s) {
    s->final = true;
}

static void mark_hub(struct workflow_state *s) {
    s->hub = true;
}

static void mark_reason(struct workflow_state *s) {
    s->reason = true;
}

static void read_marks(struct reading *r, const struct document_node *list, void (*mark)(struct workflow_state *s)) {
    if (list != NULL && document_kind(list) != DOCUMENT_LIST)
        document_complain(r->d, list, r->c, "a list of states belongs here");
    else
        for (size_t i = 0; i < document_count(list); i++) {
            size_t at = known(r, document_item(list, i));
            if (at != WORKFLOW_NONE)
                mark(&r->w->states[at]);
        }
}

static void read_at_most(struct reading *r, const struct document_node *map) {
    if (map == NULL || !is_map(r, map, map, "at_most is a map: {returned: 1}"))
        return;
    for (size_t i = 0; i < document_count(map); i++) {
        int64_t times = 0;
        size_t at = known(r, document_key(map, i));
        if (document_int(r->d, document_item(map, i), 1, 1000, &times, r->c) && at != WORKFLOW_NONE)
            r->w->states[at].at_most = (uint32_t)times;
    }
}

static void check(struct reading *r, const struct document_node *map) {
    const struct workflow *w = r->w;
    invariant(w->initial != WORKFLOW_NONE);
    uint64_t reached = UINT64_C(1) << w->initial, before = 0;
    if (w->withdraw != WORKFLOW_NONE)
        reached |= UINT64_C(1) << w->withdraw;
    while (reached != before) {
        before = reached;
        for (size_t i = 0; i < w->count; i++)
            if (before >> i & 1)
                reached |= w->states[i].next;
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct workflow_state *s = &w->states[i];
        if (!(reached >> i & 1) && !s->final) /* a final one may be kept for the events that name it */
            document_complain(r->d, map, r->c, "no moves lead to '%s'", s->name);
        if (s->next == 0 && !s->final)
            document_complain(r->d, map, r->c, "no move leads out of '%s': name it in final", s->name);
        if (adverse(s->name) && !s->reason)
            document_complain(
                r->d, map, r->c, "'%s' is a refusal or a closure: name it in reason, so that a person says why and stands for it", s->name);
    }
    if (w->states[w->initial].hub)
        document_complain(r->d, map, r->c, "what begins a case is not the hub's");
    if (w->withdraw != WORKFLOW_NONE && !w->states[w->withdraw].final)
        document_complain(r->d, map, r->c, "the state of a withdrawal is final");
}

struct workflow *workflow_read(const struct document *d, const struct document_node *map, struct complaints *c) {
    static const char *const keys[] = {"initial", "states", "moves", "final", "hub", "reason", "withdraw", "at_most", NULL};
    struct reading r = {.d = d, .c = c};
    unsigned before = c->count;
    if (!is_map(&r, map, map, "workflow is a map: initial, states, moves …"))
        return NULL;
    r.w = memory_zeroed(1, sizeof *r.w);
    document_only(d, map, keys, c);
    read_states(&r, document_get(map, "states"), map);
    read_moves(&r, document_get(map, "moves"), map);
    read_marks(&r, document_get(map, "final"), mark_final);
    read_marks(&r, document_get(map, "hub"), mark_hub);
    read_marks(&r, document_get(map, "reason"), mark_reason);
    read_at_most(&r, document_get(map, "at_most"));
    const struct document_node *initial = document_get(map, "initial"), *withdraw = document_get(map, "withdraw");
    if (initial == NULL)
        document_complain(d, map, c, "initial is missing: the state in which a case begins");
    else
        r.w->initial = known(&r, initial);
    r.w->withdraw = withdraw == NULL ? WORKFLOW_NONE : known(&r, withdraw);
    if (c->count == before)
        check(&r, map);
    return c->count == before ? r.w : workflow_free(r.w);
}

struct workflow *workflow_free(struct workflow *w) {
    for (size_t i = 0; w != NULL && i < w->count; i++) {
        free(w->states[i].name);
        free(w->states[i].zh);
    }
    free(w);
    return NULL;
}

bool workflow_keeps(const char *type, const struct workflow *old, const struct workflow *new, struct complaints *c) {
    unsigned before = c->count;
    for (size_t i = 0; old != NULL && i < old->count; i++)
        if (new == NULL || workflow_find(new, bytes_text(old->states[i].name)) == WORKFLOW_NONE) {
            buffer_format(
                &c->text,
                "catalogue: %s: its state '%s' is gone; events name it for ever: leave it, final, without moves that lead there\n", type,
                old->states[i].name);
            c->count++;
        }
    return c->count == before;
}

/* ---- events */

enum { PART_TO, PART_FROM, PART_DATE, PART_REASON, PART_ACTOR, PARTS };

void workflow_event_pack(const struct workflow_event *e, struct buffer *out) {
    struct buffer list = {0};
    char actor[ID_HEX];
    struct bytes parts[PARTS] = {e->to, e->from, e->date, e->reason, bytes_text(id_zero(&e->actor) ? "" : id_hex(&e->actor, actor))};
    for (size_t i = 0; i < PARTS; i++)
        value_list_add(&list, parts[i]);
    value_pack(&(struct value){.kind = VALUE_LIST, .list = buffer_bytes(&list)}, out);
    buffer_close(&list);
}

bool workflow_event_read(struct bytes value, struct workflow_event *out) {
    struct value v;
    struct bytes parts[PARTS] = {{0}};
    char hex[ID_HEX] = "";
    *out = (struct workflow_event){.to = {NULL, 0}};
    if (!value_unpack(value, &v) || v.kind != VALUE_LIST)
        return false;
    for (size_t i = 0; i < PARTS; i++)
        if (!value_item(&v.list, &parts[i]))
            return false;
    if (parts[PART_ACTOR].len == ID_HEX - 1)
        memcpy(hex, parts[PART_ACTOR].at, ID_HEX - 1);
    if (parts[PART_ACTOR].len != 0 && !id_parse(hex, &out->actor))
        return false;
    out->to = parts[PART_TO];
    out->from = parts[PART_FROM];
    out->date = parts[PART_DATE];
    out->reason = parts[PART_REASON];
    return true;
}

/* ---- the fold */

size_t workflow_find(const struct workflow *w, struct bytes name) {
    for (size_t i = 0; i < w->count; i++)
        if (bytes_equal(bytes_text(w->states[i].name), name))
            return i;
    return WORKFLOW_NONE;
}

bool workflow_moves(const struct workflow *w, size_t from, size_t to) {
    return (to == w->withdraw && !w->states[from].final) || (w->states[from].next >> to & 1) != 0;
}

static enum event_outcome outcome(const struct workflow *w, const struct head *h, size_t state, const uint32_t *times, size_t *to) {
    struct workflow_event e;
    *to = workflow_event_read(h->value, &e) ? workflow_find(w, e.to) : WORKFLOW_NONE;
    if (*to == WORKFLOW_NONE)
        return EVENT_UNKNOWN;
    const struct workflow_state *s = &w->states[*to];
    if (!workflow_moves(w, state, *to))
        return *to == state ? EVENT_REPEATED : EVENT_ILLEGAL;
    if (s->reason && (e.reason.len == 0 || id_zero(&e.actor)))
        return EVENT_BARE;
    if (h->name.node != 0 && (s->hub || (s->at_most > 0 && times[*to] >= s->at_most)))
        return EVENT_PROPOSED;
    return EVENT_MOVED;
}

size_t workflow_fold(const struct workflow *w, const struct field *f, enum event_outcome *outcomes) {
    uint32_t times[WORKFLOW_STATES] = {0};
    size_t state = w->initial;
    for (size_t i = 0; f != NULL && i < f->element_count; i++) {
        size_t to;
        enum event_outcome o = outcome(w, &f->elements[i], state, times, &to);
        if (o == EVENT_MOVED) {
            state = to;
            times[to]++;
        }
        if (outcomes != NULL)
            outcomes[i] = o;
    }
    return state;
}

const char *event_outcome_name(enum event_outcome o) {
    static const char *const names[] = {"moved", "repeated", "proposed", "illegal", "without a reason or a person", "unknown"};
    return o <= EVENT_UNKNOWN ? names[o] : "?";
}
