/* What a record shows, by the show rules: the same whatever the order in which its changes came. */
#include "common/catalogue/show.h"
#include "common/model/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char type[] = "kind: record_type\nnumber: 900\nname: Thing\nzh: 物\nclass: public\nkeep: life\nfields:\n"
                           "  - {number: 16, name: once, zh: 一, kind: text, rule: once}\n"
                           "  - {number: 17, name: last, zh: 二, kind: text, rule: last}\n"
                           "  - {number: 18, name: both, zh: 三, kind: text, rule: both}\n"
                           "  - {number: 19, name: hub, zh: 四, kind: text, rule: hub}\n"
                           "  - {number: 20, name: max, zh: 五, kind: date, rule: max}\n"
                           "  - {number: 21, name: min, zh: 六, kind: number, rule: min}\n"
                           "  - {number: 22, name: set, zh: 七, kind: text, rule: set}\n"
                           "  - {number: 23, name: ledger, zh: 八, kind: money, rule: ledger}\n"
                           "  - {number: 24, name: state, zh: 九, kind: list, rule: workflow}\n"
                           "workflow:\n  initial: draft\n  states: {draft: 草稿, sent: 已送, granted: 准予}\n"
                           "  moves: {draft: [sent], sent: [granted]}\n  final: [granted]\n  hub: [granted]\n";

enum { ONCE = 16, LAST, BOTH, HUB, MAX, MIN, SET, LEDGER, STATE };

struct shown {
    struct catalogue k;
    struct arena arena;
    struct record r;
    uint64_t seq;
};

static void open_shown(struct shown *s) {
    struct complaints c = {.count = 0};
    *s = (struct shown){.r = {.type = 900}};
    assert_true(catalogue_add(&s->k, "type", bytes_text(type), &c) && catalogue_finish(&s->k, &c));
}

static void close_shown(struct shown *s) {
    catalogue_close(&s->k);
    arena_close(&s->arena);
}

static struct name write_packed(struct shown *s, uint32_t node, uint64_t hlc, struct op op, struct bytes packed) {
    struct change c = {.seq = ++s->seq, .version = {hlc << 16, node}, .name = {node, 100 + s->seq}, .type = 900, .op_count = 1};
    op.value = packed;
    c.ops = &op;
    assert_null(change_check(&c));
    assert_int_equal(merge_change(&s->r, &c, NULL, &s->arena), 0);
    return c.name;
}

static struct name say(struct shown *s, uint32_t node, uint64_t hlc, uint32_t field, enum op_kind kind, const char *text) {
    struct value v = {.kind = VALUE_NONE};
    struct buffer b = {0};
    const struct catalogue_field *f = type_field_number(&s->k.types[0], field);
    if (*text != '\0')
        assert_null(value_read(f == NULL ? VALUE_TEXT : f->kind, bytes_text(text), &v));
    value_pack(&v, &b);
    struct name n = write_packed(s, node, hlc, (struct op){.field = field, .kind = kind}, arena_copy(&s->arena, buffer_bytes(&b)));
    buffer_close(&b);
    return n;
}

static void is(const json_t *from, const char *path, const char *want) {
    char *got = from == NULL ? NULL : json_dumps(json_object_get(from, path), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(got == NULL ? "none" : got, want);
    free(got);
}

static void several_heads(void **unused) {
    struct shown s;
    (void)unused;
    open_shown(&s);
    say(&s, 2, 20, ONCE, OP_SET, "second");
    say(&s, 1, 10, ONCE, OP_SET, "first");
    say(&s, 2, 21, LAST, OP_SET, "late");
    say(&s, 1, 11, LAST, OP_SET, "early");
    say(&s, 1, 12, BOTH, OP_SET, "one");
    say(&s, 2, 13, BOTH, OP_SET, "two");
    say(&s, 1, 14, HUB, OP_SET, "asked");
    say(&s, 1, 15, MAX, OP_SET, "2025-03");
    say(&s, 2, 14, MAX, OP_SET, "2025-03-31");
    say(&s, 3, 16, MAX, OP_SET, "2024-12-31");
    say(&s, 1, 15, MIN, OP_SET, "-2");
    say(&s, 2, 16, MIN, OP_SET, "10");
    json_t *out = record_show(&s.k, &s.r, true);
    const json_t *fields = json_object_get(out, "fields"), *sides = json_object_get(out, "sides");
    is(fields, "once", "\"first\"");
    is(fields, "last", "\"late\"");
    is(fields, "both", "\"two\"");
    is(fields, "hub", "none"); /* an office's word is a proposal */
    is(fields, "max", "\"2025-03-31\"");
    is(fields, "min", "\"-2\"");
    is(out, "concurrent", "[\"once\",\"both\"]"); /* for a person; a last is only put aside, an extreme is settled */
    is(json_object_get(out, "proposals"), "hub", "[{\"side\":\"1@14\",\"value\":\"asked\",\"node\":1,\"at_ms\":14}]");
    assert_int_equal(json_object_size(sides), 3);
    assert_int_equal(json_array_size(json_object_get(sides, "last")), 2);
    json_decref(out);

    say(&s, 0, 13, HUB, OP_SET, "decided"); /* older than the office's word, and it counts */
    out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "hub", "\"decided\"");
    assert_int_equal(json_array_size(json_object_get(json_object_get(out, "proposals"), "hub")), 1);
    assert_null(json_object_get(out, "sides"));
    json_decref(out);
    say(&s, 0, 30, HUB, OP_SET, "asked"); /* what was proposed is said: nothing is proposed any more */
    out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "hub", "\"asked\"");
    assert_null(json_object_get(out, "proposals"));
    json_decref(out);
    close_shown(&s);
}

static void a_value_that_was_cleared(void **unused) {
    struct shown s;
    (void)unused;
    open_shown(&s);
    say(&s, 1, 10, ONCE, OP_SET, "");
    say(&s, 2, 20, ONCE, OP_SET, "stands");
    say(&s, 1, 10, LAST, OP_SET, "before");
    say(&s, 2, 20, LAST, OP_SET, "");
    say(&s, 1, 10, MIN, OP_SET, "");
    json_t *out = record_show(&s.k, &s.r, true);
    is(json_object_get(out, "fields"), "once", "\"stands\"");
    is(json_object_get(out, "fields"), "last", "none");
    is(json_object_get(out, "fields"), "min", "none");
    is(out, "concurrent", "[]");
    assert_int_equal(json_array_size(json_object_get(json_object_get(out, "sides"), "last")), 2);
    json_decref(out);
    close_shown(&s);
}

static void elements(void **unused) {
    struct shown s;
    char entry[LEDGER_NAME];
    struct buffer b = {0};
    struct name parsed;
    (void)unused;
    open_shown(&s);
    say(&s, 1, 10, SET, OP_ADD, "b");
    say(&s, 2, 9, SET, OP_ADD, "a");
    say(&s, 3, 12, SET, OP_ADD, "b");
    say(&s, 1, 20, LEDGER, OP_ADD, "200");
    struct name wrong = say(&s, 2, 21, LEDGER, OP_ADD, "1000.50");
    say(&s, 2, 22, LEDGER, OP_ADD, "-0.25");
    ledger_reversal_pack(wrong, &b);
    struct name reversal = write_packed(&s, 1, 23, (struct op){.field = LEDGER, .kind = OP_ADD}, arena_copy(&s.arena, buffer_bytes(&b)));
    json_t *out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "set", "[\"a\",\"b\"]");
    is(json_object_get(out, "sums"), "ledger", "\"199.75\"");
    const json_t *entries = json_object_get(json_object_get(out, "fields"), "ledger");
    assert_int_equal(json_array_size(entries), 4);
    assert_true(json_is_true(json_object_get(json_array_get(entries, 1), "reversed")));
    assert_null(json_object_get(json_array_get(entries, 0), "reversed"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 3), "reverses")), ledger_name(wrong, entry));
    json_decref(out);
    /* Two that are beyond what a sum holds: no sum, rather than a wrong one. */
    struct value huge = {.kind = VALUE_FEN, .number = INT64_MAX - 100};
    buffer_clear(&b);
    value_pack(&huge, &b);
    write_packed(&s, 1, 30, (struct op){.field = LEDGER, .kind = OP_ADD}, arena_copy(&s.arena, buffer_bytes(&b)));
    out = record_show(&s.k, &s.r, false);
    assert_null(json_object_get(out, "sums"));
    json_decref(out);
    assert_true(ledger_name_parse(bytes_text(ledger_name(reversal, entry)), &parsed) && name_equal(parsed, reversal));
    static const char *const no[] = {
        "", "1", "1:2", "x:0000000000000001", "1:000000000000000g", "1:0000000000000001 ", "-1:0000000000000001"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(ledger_name_parse(bytes_text(no[i]), &parsed));
    buffer_close(&b);
    close_shown(&s);
}

static void move(struct shown *s, uint32_t node, uint64_t hlc, const char *to) {
    struct workflow_event e = {.to = bytes_text(to), .from = BYTES("draft"), .date = BYTES("2025-03-01")};
    struct buffer b = {0};
    workflow_event_pack(&e, &b);
    write_packed(s, node, hlc, (struct op){.field = STATE, .kind = OP_ADD}, arena_copy(&s->arena, buffer_bytes(&b)));
    buffer_close(&b);
}

static void a_workflow(void **unused) {
    struct shown s;
    (void)unused;
    open_shown(&s);
    json_t *out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "state", "\"draft\""); /* before any event */
    is(json_object_get(out, "workflow"), "moves", "[\"sent\"]");
    json_decref(out);
    move(&s, 1, 12, "granted");
    move(&s, 2, 10, "sent");
    move(&s, 1, 13, "draft");
    out = record_show(&s.k, &s.r, false);
    const json_t *w = json_object_get(out, "workflow");
    is(json_object_get(out, "fields"), "state", "\"sent\"");
    is(w, "state_zh", "\"已送\"");
    assert_int_equal(json_array_size(json_object_get(w, "events")), 3);
    is(json_array_get(json_object_get(w, "proposed"), 0), "to", "\"granted\"");
    assert_int_equal(json_array_size(json_object_get(w, "review")), 1);
    is(json_array_get(json_object_get(w, "review"), 0), "outcome", "\"illegal\"");
    json_decref(out);
    move(&s, 0, 20, "granted");
    out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "state", "\"granted\"");
    is(json_object_get(out, "workflow"), "proposed", "[]"); /* the city has followed it */
    json_decref(out);
    close_shown(&s);
}

/* A node whose catalogue is older keeps and shows, by number, what it does not know; its state hash is everybody's. */
static void what_is_not_known_is_kept(void **unused) {
    struct shown s;
    struct catalogue none = {.types = NULL};
    struct buffer before = {0}, after = {0};
    (void)unused;
    open_shown(&s);
    say(&s, 1, 10, 99, OP_SET, "newer field");
    say(&s, 1, 11, 98, OP_ADD, "newer element");
    say(&s, 1, 12, LAST, OP_SET, "x");
    record_canonical(&s.r, &before);
    json_t *out = record_show(&s.k, &s.r, false);
    is(json_object_get(out, "fields"), "field-99", "\"newer field\"");
    is(json_object_get(out, "fields"), "field-98", "[\"newer element\"]");
    json_decref(out);
    out = record_show(&none, &s.r, false); /* not even the type */
    is(out, "type", "\"type-900\"");
    is(json_object_get(out, "fields"), "field-17", "\"x\"");
    json_decref(out);
    say(&s, 2, 20, LAST, OP_SET, "y"); /* work on what it knows leaves the rest as it is */
    assert_true(bytes_equal(field_winner(record_field(&s.r, 99))->value, BYTES("\x0a\x0bnewer field")));
    record_canonical(&s.r, &after);
    assert_true(after.len > before.len);
    buffer_close(&before);
    buffer_close(&after);
    close_shown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_heads), cmocka_unit_test(a_value_that_was_cleared),  cmocka_unit_test(elements),
        cmocka_unit_test(a_workflow),    cmocka_unit_test(what_is_not_known_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
