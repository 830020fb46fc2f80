/* Workflows: for every lattice of the city's own catalogue, the state is the same in whatever order the events come, through the real
 * merge; what does not count is kept; the subject's withdrawal beats every state that is not final. */
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/catalogue/catalogue.h"
#include "common/model/merge.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EVENTS = 14, ROUNDS = 150, ORDERS = 6, FIELD = 20, TYPE = 900 };

static struct catalogue city;

static bool is_document(const struct dirent *e) {
    size_t len = strlen(e->d_name);
    return len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0;
}

static int load_city(void **unused) {
    struct complaints c = {.count = 0};
    DIR *folder = opendir("deploy/catalogue");
    (void)unused;
    if (folder == NULL)
        return -1;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct buffer path = {0}, text = {0};
        if (!is_document(e))
            continue;
        buffer_format(&path, "deploy/catalogue/%s", e->d_name);
        if (file_read(buffer_string(&path), LIMIT_DOCUMENT_BYTES, &text) == 0)
            catalogue_add(&city, buffer_string(&path), buffer_bytes(&text), &c);
        buffer_close(&path);
        buffer_close(&text);
    }
    closedir(folder);
    catalogue_finish(&city, &c);
    if (c.count > 0)
        print_message("%s", buffer_string(&c.text));
    int r = c.count == 0 ? 0 : -1;
    complaints_close(&c);
    return r;
}

static int close_city(void **unused) {
    (void)unused;
    catalogue_close(&city);
    return 0;
}

struct event {
    struct change change;
    struct op op;
    size_t to;
    bool bare; /* without reason and actor */
};

struct history {
    struct event events[EVENTS];
    size_t count;
    struct arena arena;
};

static void event_make(struct history *h, const struct workflow *w, size_t to, uint64_t hlc, uint32_t node, bool bare) {
    struct event *e = &h->events[h->count];
    struct workflow_event words = {
        .to = bytes_text(w->states[to].name), .from = BYTES("?"), .date = BYTES("2025-03-01"), .reason = bytes_text(bare ? "" : "why")};
    struct buffer b = {0};
    if (!bare)
        words.actor.b[0] = 7;
    workflow_event_pack(&words, &b);
    *e = (struct event){.to = to, .bare = bare};
    e->op = (struct op){.field = FIELD, .kind = OP_ADD, .value = arena_copy(&h->arena, buffer_bytes(&b))};
    e->change = (struct change){
        .seq = h->count + 1, .version = {hlc, node}, .name = {node, 100 + h->count}, .type = TYPE, .ops = &e->op, .op_count = 1};
    assert_null(change_check(&e->change));
    buffer_close(&b);
    h->count++;
}

/* A walk that is mostly right, with wrong moves, bare ones, equal stamps, and the hub among the writers. */
static void walk(struct history *h, const struct workflow *w, struct random *chance) {
    size_t at = w->initial;
    *h = (struct history){.count = 0};
    size_t count = 2 + random_below(chance, EVENTS - 2);
    for (size_t i = 0; i < count; i++) {
        size_t to = random_below(chance, w->count);
        for (size_t k = 0; k < w->count && random_below(chance, 5) > 0; k++, to = (to + 1) % w->count)
            if (workflow_moves(w, at, to) && to != w->withdraw)
                break;
        bool bare = random_below(chance, 6) == 0;
        event_make(h, w, to, 10 + 10 * i + random_below(chance, 15), (uint32_t)random_below(chance, 3), bare);
        if (workflow_moves(w, at, to))
            at = to;
    }
}

static bool never(void *owner, struct name name) {
    (void)owner;
    (void)name;
    return false;
}

/* Merged in an order of its own, some of them twice. */
static struct record merged(struct history *h, struct random *chance, struct arena *a) {
    size_t order[EVENTS];
    struct record r = {.type = TYPE};
    struct merge_history none = {never, NULL};
    for (size_t i = 0; i < h->count; i++)
        order[i] = i;
    for (size_t i = h->count; i > 1; i--) {
        size_t k = random_below(chance, i), kept = order[i - 1];
        order[i - 1] = order[k];
        order[k] = kept;
    }
    for (size_t i = 0; i < h->count; i++) {
        assert_int_equal(merge_change(&r, &h->events[order[i]].change, &none, a), 0);
        if (random_below(chance, 4) == 0)
            assert_int_equal(merge_change(&r, &h->events[order[i]].change, &none, a), 0);
    }
    return r;
}

/* What the state must be, from the events alone: sorted here, with words of its own for what counts. */
static size_t expected(const struct history *h, const struct workflow *w) {
    bool done[EVENTS] = {false};
    size_t state = w->initial, entered[WORKFLOW_STATES] = {0};
    for (size_t n = 0; n < h->count; n++) {
        const struct event *next = NULL;
        for (size_t i = 0; i < h->count; i++) {
            const struct event *e = &h->events[i];
            if (done[i])
                continue;
            int r = next == NULL ? -1 : version_compare(e->change.version, next->change.version);
            if (r < 0 || (r == 0 && name_compare(e->change.name, next->change.name) < 0))
                next = e;
        }
        done[next - h->events] = true;
        const struct workflow_state *s = &w->states[next->to];
        bool leads = (w->states[state].next >> next->to & 1) != 0 || (next->to == w->withdraw && !w->states[state].final);
        bool hubs = s->hub || (s->at_most > 0 && entered[next->to] >= s->at_most);
        if (!leads || (s->reason && next->bare) || (hubs && next->change.name.node != 0))
            continue;
        state = next->to;
        entered[state]++;
    }
    return state;
}

static void any_order_gives_the_same_state(void **unused) {
    struct random chance;
    size_t workflows = 0, reached = 0, left = 0;
    (void)unused;
    random_seed(&chance, 20250301);
    for (size_t t = 0; t < city.type_count; t++) {
        const struct workflow *w = city.types[t].workflow;
        workflows += w != NULL;
        for (unsigned round = 0; w != NULL && round < ROUNDS; round++) {
            struct history h;
            walk(&h, w, &chance);
            size_t state = expected(&h, w);
            for (unsigned o = 0; o < ORDERS; o++) {
                struct arena a = {0};
                enum event_outcome outcomes[EVENTS];
                struct record r = merged(&h, &chance, &a);
                const struct field *f = record_field(&r, FIELD);
                assert_int_equal(f->element_count, h.count); /* what does not count is kept */
                assert_int_equal(workflow_fold(w, f, outcomes), state);
                for (size_t i = 0; i < h.count; i++)
                    left += outcomes[i] != EVENT_MOVED;
                arena_close(&a);
            }
            reached += state != w->initial;
            arena_close(&h.arena);
        }
    }
    assert_true(workflows >= 20);
    assert_true(reached > workflows * ROUNDS / 2);
    assert_true(left > 1000);
}

static void withdrawal_beats(void **unused) {
    struct random chance;
    size_t beaten = 0;
    (void)unused;
    random_seed(&chance, 7);
    for (size_t t = 0; t < city.type_count; t++) {
        const struct workflow *w = city.types[t].workflow;
        for (unsigned round = 0; w != NULL && w->withdraw != WORKFLOW_NONE && round < ROUNDS; round++) {
            struct history h;
            struct arena a = {0};
            walk(&h, w, &chance);
            h.count = h.count > EVENTS - 4 ? EVENTS - 4 : h.count;
            bool over = w->states[expected(&h, w)].final;
            event_make(&h, w, w->withdraw, 1000, 1, false);
            for (unsigned later = 0; later < 3; later++)
                event_make(&h, w, random_below(&chance, w->count), 1001 + later, 2, false);
            struct record r = merged(&h, &chance, &a);
            if (!over)
                assert_int_equal(workflow_fold(w, record_field(&r, FIELD), NULL), w->withdraw);
            beaten += !over;
            arena_close(&a);
            arena_close(&h.arena);
        }
    }
    assert_true(beaten > 500);
}

static const char words[] = "kind: record_type\nnumber: 900\nname: Case\nzh: 件\nfields:\n"
                            "  - {number: 20, name: state, zh: 状态, kind: list, rule: workflow}\nworkflow:\n  initial: draft\n"
                            "  states: {draft: 草稿, sent: 已送, granted: 准予, refused: 不予, gone: 撤回}\n"
                            "  moves: {draft: [sent], sent: [draft, granted, refused], granted: [], refused: []}\n"
                            "  final: [granted, refused, gone]\n  hub: [granted, refused]\n  reason: [refused]\n  withdraw: gone\n"
                            "  at_most: {sent: 1}\n";

static void each_event_has_an_outcome(void **unused) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    (void)unused;
    assert_true(catalogue_add(&k, "words", bytes_text(words), &c));
    const struct workflow *w = k.types[0].workflow;
    struct history h = {.count = 0};
    event_make(&h, w, 1, 10, 1, false);  /* sent */
    event_make(&h, w, 1, 20, 2, false);  /* … said by another office too */
    event_make(&h, w, 2, 30, 1, false);  /* an office cannot grant */
    event_make(&h, w, 3, 40, 0, true);   /* nor the city refuse without a reason */
    event_make(&h, w, 0, 50, 1, false);  /* back */
    event_make(&h, w, 1, 60, 1, false);  /* a second time is the city's */
    event_make(&h, w, 3, 70, 0, false);  /* not from draft */
    event_make(&h, w, 1, 80, 0, false);  /* the city sends it again */
    event_make(&h, w, 3, 90, 0, false);  /* and refuses, with a reason */
    event_make(&h, w, 4, 100, 1, false); /* too late to withdraw */
    struct random chance;
    random_seed(&chance, 1);
    struct record r = merged(&h, &chance, &h.arena);
    enum event_outcome o[EVENTS];
    static const enum event_outcome want[] = {EVENT_MOVED,    EVENT_REPEATED, EVENT_PROPOSED, EVENT_BARE,  EVENT_MOVED,
                                              EVENT_PROPOSED, EVENT_ILLEGAL,  EVENT_MOVED,    EVENT_MOVED, EVENT_ILLEGAL};
    assert_int_equal(workflow_fold(w, record_field(&r, FIELD), o), 3);
    for (size_t i = 0; i < h.count; i++)
        assert_int_equal(o[i], want[i]);
    /* An event of a later catalogue's state, and what is no event at all. */
    struct head strange[] = {{.value = BYTES("\x52\x00")}, r.fields[0].elements[0]};
    struct field f = {.number = FIELD, .elements = strange, .element_count = 2};
    assert_int_equal(workflow_fold(w, &f, o), 1);
    assert_int_equal(o[0], EVENT_UNKNOWN);
    assert_int_equal(workflow_fold(w, NULL, NULL), w->initial);
    arena_close(&h.arena);
    catalogue_close(&k);
    complaints_close(&c);
}

static unsigned complaints_after(const char *what, const char *with) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    struct buffer text = {0};
    const char *at = strstr(words, what);
    assert_non_null(at);
    buffer_add(&text, bytes_of(words, (size_t)(at - words)));
    buffer_text(&text, with);
    buffer_text(&text, at + strlen(what));
    catalogue_add(&k, "words", buffer_bytes(&text), &c);
    unsigned count = c.count;
    catalogue_close(&k);
    complaints_close(&c);
    buffer_close(&text);
    return count;
}

static void what_is_wrong_is_told(void **unused) {
    (void)unused;
    assert_int_equal(complaints_after("draft: [sent]", "draft: [sent]"), 0);
    assert_int_equal(complaints_after("draft: [sent]", "draft: [lost]"), 1);
    assert_int_equal(complaints_after("initial: draft", "initial: lost"), 1);
    assert_int_equal(complaints_after("  initial: draft\n", ""), 1);
    assert_int_equal(complaints_after("initial: draft", "initial: granted"), 3); /* the city's, and nothing leads to the others */
    assert_int_equal(complaints_after("  reason: [refused]\n", ""), 1);          /* nobody is refused without a reason */
    assert_int_equal(complaints_after("final: [granted, refused, gone]", "final: [granted, refused]"), 2);
    assert_int_equal(complaints_after("sent: 已送", "draft: 已送"), 4); /* and every other place that says sent */
    assert_int_equal(complaints_after("sent: 已送", "sent: 民族"), 1);  /* refused */
    assert_int_equal(complaints_after("at_most: {sent: 1}", "at_most: {sent: 0}"), 1);
    assert_int_equal(complaints_after("rule: workflow", "rule: set"), 2); /* a list is a workflow's, and a workflow has its field */
    assert_int_equal(complaints_after("kind: list", "kind: text"), 1);
    assert_int_equal(complaints_after("withdraw: gone", "withdrawn: gone"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_gives_the_same_state),
        cmocka_unit_test(withdrawal_beats),
        cmocka_unit_test(each_event_has_an_outcome),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, load_city, close_city);
}
