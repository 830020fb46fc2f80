#include "tests/support/rule_kit.h"

#include "common/base/invariant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linked into programs without a test library too: what is not as it should be ends the program. */
__attribute__((format(printf, 1, 2))) static _Noreturn void fail_msg(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}

static const char *const types[] = {
    "kind: record_type\nnumber: 32\nname: Person\nzh: 居民\nclass: personal\nfields:\n"
    "  - {number: 16, name: name, zh: 姓名, kind: text, required: true}\n"
    "  - {number: 18, name: birth_date, zh: 出生日期, kind: date}\n"
    "  - {number: 19, name: phone, zh: 电话, kind: text, rule: set}\n",
    "kind: record_type\nnumber: 33\nname: Identifier\nzh: 证件\nfields:\n"
    "  - {number: 16, name: kind, zh: 证件种类, kind: code}\n"
    "  - {number: 17, name: value, zh: 证件号码, kind: text}\n"
    "  - {number: 18, name: issued, zh: 签发日期, kind: date}\n"
    "  - {number: 19, name: expires, zh: 到期日期, kind: date}\n"
    "  - {number: 20, name: place, zh: 地点, kind: area}\n",
    "kind: record_type\nnumber: 48\nname: Vacancy\nzh: 岗位\nfields:\n"
    "  - {number: 16, name: occupation, zh: 职业, kind: code}\n"
    "  - {number: 17, name: wage_min, zh: 最低工资, kind: money}\n"
    "  - {number: 18, name: posts, zh: 人数, kind: number}\n",
    "kind: record_type\nnumber: 53\nname: WageClaim\nzh: 欠薪\nfields:\n"
    "  - {number: 16, name: opened_on, zh: 受理日期, kind: date}\n"
    "  - {number: 17, name: closed_on, zh: 办结日期, kind: date}\n"
    "  - {number: 18, name: amount, zh: 金额, kind: money}\n"
    "  - {number: 19, name: employer, zh: 单位, kind: text}\n"
    "  - {number: 20, name: site, zh: 工地, kind: text}\n"
    "  - {number: 21, name: state, zh: 状态, kind: list, rule: workflow}\n"
    "workflow:\n  initial: reported\n  states: {reported: 已反映, paid: 已付清, closed: 已办结}\n"
    "  moves: {reported: [paid], paid: [closed]}\n  final: [closed]\n  reason: [closed]\n",
    "kind: record_type\nnumber: 54\nname: MediationCase\nzh: 调解\nfields:\n"
    "  - {number: 16, name: note, zh: 备注, kind: text}\n"
    "  - {number: 17, name: closed_on, zh: 办结日期, kind: date}\n",
};

void kit_open(struct rule_kit *t) {
    struct complaints c = {.count = 0};
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!catalogue_add(&t->catalogue, "kit", bytes_text(types[i]), &c))
            fail_msg("refused: %s", buffer_string(&c.text));
    invariant(catalogue_finish(&t->catalogue, &c));
    complaints_close(&c);
}

void kit_close(struct rule_kit *t) {
    rules_close(&t->rules);
    catalogue_close(&t->catalogue);
    arena_close(&t->memory);
}

int64_t kit_day(const char *date) {
    struct value v;
    invariant(value_read(VALUE_DATE, bytes_text(date), &v) == NULL);
    return v.number;
}

/* The rest of the line that begins with the key. */
static void line_of(const char *text, const char *key, char *out, size_t room) {
    const char *at = strstr(text, key);
    size_t len = at == NULL ? 0 : strcspn(at + strlen(key), "\n");
    snprintf(out, room, "%.*s", (int)len, at == NULL ? "" : at + strlen(key));
}

static bool add(struct rule_kit *t, int64_t version, const char *from, const char *text, struct complaints *c) {
    char kind[64], name[64];
    line_of(text, "kind: ", kind, sizeof kind);
    line_of(text, "name: ", name, sizeof name);
    struct rule_text r = {.kind = kind, .name = name, .version = version, .from = kit_day(from), .text = bytes_text(text)};
    return rules_add(&t->rules, &r, &t->catalogue, c);
}

void kit_add_from(struct rule_kit *t, int64_t version, const char *from, const char *text) {
    struct complaints c = {.count = 0};
    if (!add(t, version, from, text, &c))
        fail_msg("refused: %s", buffer_string(&c.text));
    if (!rules_finish(&t->rules, &c))
        fail_msg("not whole: %s", buffer_string(&c.text));
    complaints_close(&c);
}

void kit_add(struct rule_kit *t, int64_t version, const char *text) {
    kit_add_from(t, version, "2020-01-01", text);
}

void kit_refuses(struct rule_kit *t, const char *text, const char *complaint) {
    struct complaints c = {.count = 0}, again = {.count = 0};
    struct rules before = t->rules;
    invariant(!rules_kind_check(NULL, "kit", bytes_text(text), &t->catalogue, &c));
    if (strstr(buffer_string(&c.text), complaint) == NULL)
        fail_msg("'%s' is not in: %s", complaint, buffer_string(&c.text));
    if (strncmp(text, "kind: ", 6) == 0 && strncmp(text, "kind: unknown", 13) != 0) {
        invariant(!add(t, 9, "2020-01-01", text, &again));
        before.memory = t->rules.memory;
        invariant(memcmp(&t->rules, &before, sizeof before) == 0); /* no table has grown */
    }
    complaints_close(&c);
    complaints_close(&again);
}

void kit_takes(struct rule_kit *t, const char *text) {
    struct complaints c = {.count = 0};
    if (!rules_kind_check(NULL, "kit", bytes_text(text), &t->catalogue, &c))
        fail_msg("refused: %s", buffer_string(&c.text));
    invariant(c.count == 0);
    complaints_close(&c);
}

struct record *kit_record(struct rule_kit *t, const char *type) {
    struct record *r = arena_take(&t->memory, sizeof *r);
    invariant(r != NULL);
    invariant(catalogue_type(&t->catalogue, type) != NULL);
    r->type = catalogue_type(&t->catalogue, type)->number;
    return r;
}

static void put(struct rule_kit *t, struct record *r, uint32_t number, bool element, const struct value *v, uint64_t hlc) {
    struct buffer packed = {0};
    struct field *f = record_field_make(r, number, &t->memory);
    value_pack(v, &packed);
    size_t count = element ? f->element_count : 0;
    struct head *heads = arena_take(&t->memory, (count + 1) * sizeof *heads);
    invariant(heads != NULL);
    if (count > 0)
        memcpy(heads, f->elements, count * sizeof *heads);
    heads[count].value = arena_copy(&t->memory, buffer_bytes(&packed));
    heads[count].version.hlc = hlc;
    if (element) {
        f->elements = heads;
        f->element_count = count + 1;
    } else {
        f->heads = heads;
        f->head_count = 1;
    }
    buffer_close(&packed);
}

static void set(struct rule_kit *t, struct record *r, const char *field, const char *text, uint64_t hlc) {
    const struct catalogue_field *f = type_field(catalogue_type_number(&t->catalogue, r->type), field);
    struct value v;
    invariant(f != NULL);
    invariant(value_read(f->kind, bytes_text(text), &v) == NULL);
    put(t, r, f->number, f->rule == SHOW_SET, &v, hlc);
}

void kit_set(struct rule_kit *t, struct record *r, const char *field, const char *text) {
    set(t, r, field, text, 0);
}

void kit_set_on(struct rule_kit *t, struct record *r, const char *field, const char *text, const char *date) {
    set(t, r, field, text, HLC_MS(kit_day(date) * 86400000LL + 4 * 3600000LL)); /* noon in the city */
}

void kit_move(struct rule_kit *t, struct record *r, const char *state, const char *date) {
    struct workflow_event e = {.to = bytes_text(state), .reason = BYTES("办结"), .actor = {{1}}};
    struct buffer packed = {0};
    struct value v;
    workflow_event_pack(&e, &packed);
    invariant(value_unpack(buffer_bytes(&packed), &v));
    put(t, r, type_field(catalogue_type_number(&t->catalogue, r->type), "state")->number, true, &v, HLC_MS(kit_day(date) * 86400000LL));
    buffer_close(&packed);
}

void kit_home(struct rule_kit *t, struct record *r, const char *digits) {
    struct value v;
    invariant(value_read(VALUE_AREA, bytes_text(digits), &v) == NULL);
    put(t, r, FIELD_HOME, false, &v, 0);
}

const char *kit_findings(struct rule_kit *t, const struct record *r, const char *today, const char *receipt) {
    struct findings f;
    struct buffer b = {0};
    rules_check(&t->rules, &t->catalogue, r, kit_day(today), kit_day(receipt), &f);
    for (size_t i = 0; i < f.count; i++) {
        const struct catalogue_field *of = type_field_number(catalogue_type_number(&t->catalogue, r->type), f.items[i].field);
        invariant(f.items[i].zh != NULL);
        invariant(f.items[i].en != NULL);
        invariant(f.items[i].legal_basis != NULL);
        buffer_format(
            &b, "%s%s %s %s", i == 0 ? "" : "; ", of == NULL ? "?" : of->name, f.items[i].rule, severity_name(f.items[i].severity));
    }
    size_t len = b.len;
    char *text = (char *)arena_take(&t->memory, len + 1);
    invariant(text != NULL);
    memcpy(text, buffer_string(&b), len + 1);
    buffer_close(&b);
    return text;
}
