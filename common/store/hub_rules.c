#include "common/base/error.h"
#include "common/store/envelope.h"
#include "common/store/hub_fold.h"
#include "common/store/layout.h"

#include <errno.h>
#include <string.h>

/* The table as it lies in the state: what each line begins with is its key, big-endian, so that byte order is its order. */
enum { LINE_KEY = 8, LINE = LINE_KEY + 1 };

static void line_make(uint32_t type, uint32_t field, enum write_rule rule, struct buffer *out) {
    buffer_u32be(out, type);
    buffer_u32be(out, field);
    buffer_u8(out, (uint8_t)rule);
}

static size_t line_place(const struct buffer *table, const uint8_t *key, bool *there) {
    size_t low = 0, high = table->len / LINE;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (memcmp(table->at + mid * LINE, key, LINE_KEY) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *there = low < table->len / LINE && memcmp(table->at + low * LINE, key, LINE_KEY) == 0;
    return low * LINE;
}

static struct buffer *table_of(struct fold *f) {
    struct key k = key_word("rules");
    struct bytes value;
    if (f->rules_read)
        return &f->rules_table;
    struct arena_mark mark = envelope_mark(f->state);
    int r = envelope_get(f->state, HUB_META, key_bytes(&k), &value);
    if (r == 0 && value.len % LINE == 0)
        buffer_add(&f->rules_table, value);
    else if (r != ENVELOPE_MISSING)
        txn_fail(f->state, fail(-EBADMSG));
    envelope_release(f->state, mark);
    f->rules_read = true;
    return &f->rules_table;
}

void fold_learn(struct fold *f, const struct record *policy) {
    CLEANUP(buffer_close) struct buffer told = {0}, line = {0};
    if (f->rules == NULL || f->rules->learn == NULL)
        return;
    f->rules->learn(f->rules->owner, policy, &told);
    const struct field_write *all = (const struct field_write *)(const void *)told.at;
    struct buffer *table = table_of(f);
    for (size_t i = 0; i < told.len / sizeof *all; i++) {
        bool there;
        buffer_clear(&line);
        line_make(all[i].type, all[i].field, all[i].rule, &line);
        size_t at = line_place(table, line.at, &there);
        if (there)
            continue; /* given once, for ever */
        buffer_add(table, buffer_bytes(&line));
        memmove(table->at + at + LINE, table->at + at, table->len - LINE - at);
        memcpy(table->at + at, line.at, LINE);
        f->rules_changed = true;
    }
}

void fold_rules_end(struct fold *f) {
    struct key k = key_word("rules");
    if (f->rules_changed)
        envelope_put(f->state, HUB_META, key_bytes(&k), buffer_bytes(&f->rules_table));
}

static enum write_rule rule_of(struct fold *f, uint32_t type, uint32_t field) {
    const struct buffer *table = table_of(f);
    uint8_t key[LINE_KEY];
    bool there;
    for (unsigned i = 0; i < 4; i++) {
        key[i] = (uint8_t)(type >> (24 - 8 * i));
        key[4 + i] = (uint8_t)(field >> (24 - 8 * i));
    }
    size_t at = line_place(table, key, &there);
    return there ? (enum write_rule)table->at[at + LINE_KEY] : WRITE_ANY;
}

/* Names that the change's author gave; a change that was labelled again has another in its version. */
static bool names_own(const struct change *c, const struct op *o) {
    for (size_t i = 0; i < o->name_count; i++)
        if (o->names[i].node != c->name.node && o->names[i].node != c->version.node)
            return false;
    return true;
}

bool fold_rules_allow(struct fold *f, const struct change *c) {
    for (size_t i = 0; i < c->op_count; i++) {
        const struct op *o = &c->ops[i];
        bool allowed = true;
        if (o->field == FIELD_RESTRICTED)
            return false; /* the hub's alone */
        switch (rule_of(f, c->type, o->field)) {
        case WRITE_ANY:
            break;
        case WRITE_OWN:
            allowed = o->kind != OP_ADD && names_own(c, o);
            break;
        case WRITE_SET:
            allowed = o->kind != OP_SET;
            break;
        case WRITE_LEDGER:
            allowed = o->kind == OP_ADD;
            break;
        }
        if (!allowed)
            return false;
    }
    return true;
}
