/* The scan (pb.h) against the code generated from proto/: both write the same bytes, and both read what the other wrote, also when its
 * fields come in another order, or twice. */
#include "common/base/error.h"
#include "common/base/random.h"
#include "common/model/value.h"
#include "common/wire/pb.h"
#include "common/wire/wire.h"
#include "common/wire/wire_audit.h"
#include "common/wire/wire_enrol.h"
#include "common/wire/wire_parts.h"
#include "common/wire/wire_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 3000, SOME = 4 };

/* ---- random things; zero, small and large are all frequent */

static uint64_t number(struct random *r, uint64_t most) {
    switch (random_below(r, 4)) {
    case 0:
        return 0;
    case 1:
        return random_below(r, 300) % (most < 300 ? most + 1 : 300);
    case 2:
        return most;
    default:
        return most == UINT64_MAX ? random_u64(r) : random_below(r, most + 1);
    }
}

static uint32_t number32(struct random *r) {
    return (uint32_t)number(r, UINT32_MAX);
}

static uint64_t number64(struct random *r) {
    return number(r, UINT64_MAX);
}

static struct bytes some_bytes(struct random *r, struct arena *a, size_t least, size_t most) {
    size_t len = least + random_below(r, most - least + 1);
    uint8_t *at = arena_take(a, len + 1);
    random_fill(r, at, len);
    return bytes_of(at, len);
}

static struct id16 some_id(struct random *r) {
    struct id16 id = {{0}};
    if (random_below(r, 4) > 0)
        random_fill(r, id.b, sizeof id.b);
    return id;
}

static struct hash some_hash(struct random *r) {
    struct hash h = {{0}};
    if (random_below(r, 4) > 0)
        random_fill(r, h.b, sizeof h.b);
    return h;
}

static struct name *some_names(struct random *r, struct arena *a, size_t *count) {
    struct name *names = arena_take(a, (*count + 1) * sizeof *names);
    for (size_t i = 0; i < *count; i++)
        names[i] = (struct name){number32(r), number64(r)};
    return names;
}

static area some_area(struct random *r) {
    return random_below(r, 3) == 0 ? AREA_CITY : area_of_node((uint32_t)random_below(r, 1000));
}

static void some_change(struct random *r, struct arena *a, struct buffer *out) {
    struct op *ops = arena_take(a, SOME * sizeof *ops);
    struct change c = {
        .seq = number64(r),
        .version = {number64(r), number32(r)},
        .name = {number32(r), number64(r)},
        .salt = number64(r),
        .type = 1 + (uint32_t)number(r, UINT16_MAX - 1),
        .record = some_id(r),
        .actor = some_id(r),
        .purpose = number32(r),
        .case_id = some_id(r),
        .again = random_below(r, 2) == 0,
        .ops = ops,
        .op_count = 1 + random_below(r, SOME),
    };
    for (size_t i = 0; i < c.op_count; i++) {
        ops[i].field = (uint32_t)(1 + 1000 * i + random_below(r, 1000));
        ops[i].kind = (enum op_kind)(OP_SET + random_below(r, 3));
        ops[i].name_count = ops[i].kind == OP_ADD ? 0 : (ops[i].kind == OP_REMOVE) + random_below(r, SOME);
        ops[i].names = some_names(r, a, &ops[i].name_count);
        if (ops[i].kind != OP_REMOVE)
            ops[i].value = some_bytes(r, a, ops[i].kind == OP_ADD, 300);
    }
    if (change_check(&c) == NULL) /* else it names itself */
        wire_change_pack(&c, out);
    else
        some_change(r, a, out);
}

static struct head *some_heads(struct random *r, struct arena *a, size_t *count) {
    *count = random_below(r, SOME);
    struct head *heads = arena_take(a, SOME * sizeof *heads);
    for (size_t i = 0; i < *count; i++) {
        heads[i].version = (struct version){number64(r), number32(r)};
        heads[i].name = (struct name){number32(r), number64(r)};
        heads[i].value = some_bytes(r, a, 0, 200);
        heads[i].replace_count = random_below(r, SOME);
        heads[i].replaces = some_names(r, a, &heads[i].replace_count);
    }
    return heads;
}

static struct record some_record(struct random *r, struct arena *a) {
    struct record rec = {.type = 1 + (uint32_t)number(r, UINT16_MAX - 1), .id = some_id(r), .feed_seq = number64(r)};
    rec.field_count = random_below(r, SOME);
    rec.fields = arena_take(a, SOME * sizeof *rec.fields);
    for (size_t i = 0; i < rec.field_count; i++) {
        struct field *f = &rec.fields[i];
        f->number = (uint32_t)(1 + 1000 * i + random_below(r, 1000));
        f->heads = some_heads(r, a, &f->head_count);
        f->elements = some_heads(r, a, &f->element_count);
        f->early_count = random_below(r, SOME);
        f->early = some_names(r, a, &f->early_count);
        f->feed_seq = number64(r);
    }
    rec.area_count = random_below(r, SOME);
    rec.areas = arena_take(a, SOME * sizeof *rec.areas);
    for (size_t i = 0; i < rec.area_count; i++)
        rec.areas[i] = (struct area_row){some_area(r), number64(r), random_below(r, 2) == 0, number64(r)};
    return rec;
}

static void some_entries(struct random *r, struct arena *a, struct buffer *out) {
    struct entry entries[SOME];
    size_t count = 1 + random_below(r, SOME);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct entry){(enum entry_kind)(ENTRY_FIELDS + random_below(r, 3)), some_record(r, a)};
    wire_entries_pack(entries, count, out);
}

static void some_batch(struct random *r, struct arena *a, struct buffer *out) {
    for (size_t i = 0; i <= random_below(r, SOME); i++)
        wire_batch_add(out, some_bytes(r, a, 0, 300));
}

static struct epoch some_epoch(struct random *r) {
    return (struct epoch){number64(r), number64(r)};
}

static size_t some_areas(struct random *r, area *out) {
    size_t count = random_below(r, SOME);
    for (size_t i = 0; i < count; i++)
        out[i] = some_area(r);
    return count;
}

static void some_progress(struct random *r, struct buffer *out) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    p->node = number32(r);
    p->life_count = 1 + random_below(r, SOME);
    for (size_t i = 0; i < p->life_count; i++)
        p->lives[i] = (struct life){some_id(r), number64(r), number64(r), number64(r), some_hash(r), number64(r), number64(r)};
    p->cursor = (struct cursor){some_epoch(r), number64(r), number64(r)};
    p->highest = some_epoch(r);
    p->nonce = number64(r);
    p->offset_ms = (int64_t)number64(r);
    p->hlc = number64(r);
    p->served_count = some_areas(r, p->served);
    p->loading_count = random_below(r, SOME);
    for (size_t i = 0; i < p->loading_count; i++)
        p->loading[i] = (struct loading){.area = some_area(r), .upto = number64(r)};
    p->verdicts_after = number64(r);
    p->unproven = random_below(r, 2) == 0;
    p->digest_ok_at = number64(r);
    p->held_count = number64(r);
    p->erasures_after = number64(r);
    p->uncompacted = random_below(r, 2) == 0;
    wire_progress_pack(p, out);
    free(p);
}

static void some_log_entry(struct random *r, struct arena *a, struct buffer *out) {
    struct log_entry e = {
        .kind = (enum log_kind)(LOG_PUSH + random_below(r, 3)),
        .node = number32(r),
        .incarnation = some_id(r),
        .first = number64(r),
        .count = (uint32_t)random_below(r, LIMIT_PUSH_CHANGES + 1),
        .after = some_hash(r),
        .received = number64(r),
        .signature = some_bytes(r, a, 0, 64),
        .body = some_bytes(r, a, 0, 300),
        .actor = some_id(r),
        .before = some_hash(r),
    };
    wire_log_entry_pack(&e, out);
}

static void some_history(struct random *r, struct buffer *out) {
    struct history_entry h = {
        .hub_seq = number64(r),
        .version = {number64(r), number32(r)},
        .name = {number32(r), number64(r)},
        .actor = some_id(r),
        .purpose = number32(r),
        .incarnation = some_id(r),
        .seq = number64(r),
        .received = number64(r),
        .field_count = random_below(r, SOME),
    };
    for (size_t i = 0; i < h.field_count; i++)
        h.fields[i] = number32(r);
    wire_history_pack(&h, out);
}

static void some_quarantined(struct random *r, struct arena *a, struct buffer *out) {
    struct quarantined q = {(enum verdict)random_below(r, 8), number64(r), number64(r), number64(r), some_bytes(r, a, 0, 300)};
    wire_quarantined_pack(&q, out);
}

static void some_enrolment(struct random *r, struct arena *a, struct buffer *out) {
    struct enrolment e = {
        .node = number32(r),
        .city = some_id(r),
        .name = some_bytes(r, a, 0, 40),
        .hub_public = some_bytes(r, a, 0, 80),
        .endpoint = some_bytes(r, a, 0, 40),
        .city_secret = some_bytes(r, a, 32, 32),
        .index_key = some_bytes(r, a, 32, 32),
        .policy_root = some_hash(r),
        .catalogue = some_bytes(r, a, 0, 300),
        .catalogue_version = number64(r),
    };
    e.served_count = some_areas(r, e.served);
    wire_enrolment_pack(&e, out);
}

static void some_value(struct random *r, struct arena *a, struct buffer *out) {
    CLEANUP(buffer_close) struct buffer list = {0};
    for (size_t i = 0; i <= random_below(r, SOME); i++)
        value_list_add(&list, BYTES("item"));
    struct value v = {
        .kind = (enum value_kind)(VALUE_TEXT + random_below(r, VALUE_KINDS - VALUE_TEXT)),
        .text = random_below(r, 4) == 0 ? (struct bytes){NULL, 0} : BYTES("text"),
        .number = (int64_t)number64(r),
        .precision = (uint32_t)random_below(r, 3),
        .area = some_area(r),
        .list = buffer_bytes(&list),
    };
    v.reference.type = 1 + (uint32_t)number(r, UINT16_MAX - 1);
    random_fill(r, v.reference.id.b, sizeof v.reference.id.b);
    v.reference.key = some_bytes(r, a, 0, 0);
    if (v.kind == VALUE_DATE)
        v.number %= 1000000;
    if (v.kind == VALUE_FLAG)
        v.number &= 1;
    value_pack(&v, out);
}

static size_t some_offices(struct random *r, area areas[]) {
    size_t count = 1 + random_below(r, SOME);
    for (size_t i = 0; i < count; i++)
        assert_true(area_parse(random_below(r, 2) == 0 ? BYTES("650203001001") : BYTES("650203"), &areas[i]));
    return count;
}

static void some_enrol(enum wire_form form, struct random *r, struct arena *a, struct buffer *out) {
    struct enrol_token token = {.policy_root = some_hash(r), .expires = number64(r)};
    struct enrol_ask ask = {.version = ENROL_VERSION, .policy_root = some_hash(r)};
    struct enrol_answer answer = {1 + (uint32_t)number(r, 20), number32(r), some_bytes(r, a, 0, 300)};
    struct enrol_entry entry = {
        .made = number64(r),
        .expires = number64(r),
        .claimed = number64(r),
        .automatic = random_below(r, 2),
        .revoked = random_below(r, 2),
        .rejected = random_below(r, 2),
        .node = number32(r)};
    random_fill(r, token.secret, sizeof token.secret);
    random_fill(r, token.hub, sizeof token.hub);
    token.area_count = some_offices(r, token.areas);
    random_fill(r, ask.secret, sizeof ask.secret);
    random_fill(r, ask.signature, sizeof ask.signature);
    strcpy(ask.public, random_below(r, 2) == 0 ? "" : "anju1:abc");
    entry.area_count = some_offices(r, entry.areas);
    strcpy(entry.name, random_below(r, 2) == 0 ? "" : "和平社区");
    strcpy(entry.public, ask.public);
    if (form == FORM_ENROL_TOKEN)
        enrol_token_pack(&token, out);
    else if (form == FORM_ENROL_ASK)
        enrol_ask_pack(&ask, out);
    else if (form == FORM_ENROL_ANSWER)
        enrol_answer_pack(&answer, out);
    else
        enrol_entry_pack(&entry, out);
}

static struct audit_head some_head(struct random *r) {
    struct audit_head h = {some_id(r), number64(r), some_hash(r)};
    h.life.b[0] |= 1; /* a head without a life is none */
    return h;
}

static void some_audit(enum wire_form form, struct random *r, struct arena *a, struct buffer *out) {
    struct audit_entry e = {
        .at = number64(r),
        .actor = some_id(r),
        .has_uid = random_below(r, 2),
        .case_id = some_id(r),
        .record = some_id(r),
        .subject = some_id(r),
        .change = {number32(r), number64(r)},
        .note = some_bytes(r, a, 0, 40),
        .action = number32(r),
        .purpose = number32(r),
        .type = number32(r)};
    struct audit_block b = {
        1 + (uint32_t)random_below(r, LIMIT_AUDIT_BLOCK_ENTRIES),
        some_hash(r),
        some_hash(r),
        number64(r),
        number64(r),
        some_bytes(r, a, 0, 300),
        random_below(r, 2),
        number64(r)};
    struct audit_log l = {some_head(r).life, number64(r) >> 1, some_hash(r)};
    struct audit_kept k = {
        .told = {.head = some_head(r), .at = number64(r)}, .heard = number64(r), .verdict = (enum audit_verdict)random_below(r, 5)};
    e.uid = e.has_uid ? number32(r) : 0;
    random_fill(r, k.told.signature, sizeof k.told.signature);
    if (k.verdict != AUDIT_EXTENDS)
        k.said = some_head(r);
    if (form == FORM_AUDIT_ENTRY)
        wire_audit_entry_pack(&e, out);
    else if (form == FORM_AUDIT_BLOCK)
        wire_audit_block_pack(&b, out);
    else if (form == FORM_AUDIT_LOG)
        wire_audit_log_pack(&l, out);
    else
        wire_audit_kept_pack(&k, out);
}

static void some(enum wire_form form, struct random *r, struct arena *a, struct buffer *out) {
    struct record rec;
    switch (form) {
    case FORM_CHANGE:
        some_change(r, a, out);
        return;
    case FORM_BATCH:
        some_batch(r, a, out);
        return;
    case FORM_RECORD:
        rec = some_record(r, a);
        wire_record_pack(&rec, random_below(r, 2) == 0 ? RECORD_HUB : RECORD_BASE, out);
        return;
    case FORM_ENTRIES:
        some_entries(r, a, out);
        return;
    case FORM_PROGRESS:
        some_progress(r, out);
        return;
    case FORM_LOG_ENTRY:
        some_log_entry(r, a, out);
        return;
    case FORM_HISTORY:
        some_history(r, out);
        return;
    case FORM_QUARANTINED:
        some_quarantined(r, a, out);
        return;
    case FORM_ENROLMENT:
        some_enrolment(r, a, out);
        return;
    case FORM_VALUE:
        some_value(r, a, out);
        return;
    case FORM_ENROL_TOKEN:
    case FORM_ENROL_ASK:
    case FORM_ENROL_ANSWER:
    case FORM_ENROL_ENTRY:
        some_enrol(form, r, a, out);
        return;
    case FORM_AUDIT_ENTRY:
    case FORM_AUDIT_BLOCK:
    case FORM_AUDIT_LOG:
    case FORM_AUDIT_KEPT:
        some_audit(form, r, a, out);
        return;
    case WIRE_FORMS:
        break;
    }
    fail_msg("form %u has no generator", form);
}

/* ---- what the scan reads, written again */

static int scan_entries(struct bytes in, struct arena *a, struct buffer *out) {
    const struct entry *entries;
    size_t count;
    int r = wire_entries_unpack(in, a, &entries, &count);
    if (r == 0)
        wire_entries_pack(entries, count, out);
    return r;
}

static int scan_batch(struct bytes in, struct buffer *out) {
    struct reader r = {.rest = in};
    struct bytes packed;
    while (wire_batch_next(&r, &packed))
        wire_batch_add(out, packed);
    return r.bad;
}

static int scan_progress(struct bytes in, struct buffer *out) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    int r = wire_progress_unpack(in, p);
    if (r == 0)
        wire_progress_pack(p, out);
    free(p);
    return r;
}

static int scan(enum wire_form form, struct bytes in, struct arena *a, struct buffer *out) {
    struct change c;
    struct record rec;
    struct log_entry e;
    struct history_entry h;
    struct quarantined q;
    struct enrolment n;
    struct value v;
    struct enrol_token token;
    struct enrol_ask ask;
    struct enrol_answer answer;
    struct enrol_entry entry;
    struct audit_entry audited;
    struct audit_block block;
    struct audit_log log;
    struct audit_kept k;
    int r = -1;
    switch (form) {
    case FORM_CHANGE:
        if ((r = wire_change_unpack(in, a, &c)) == 0)
            wire_change_pack(&c, out);
        break;
    case FORM_BATCH:
        return scan_batch(in, out);
    case FORM_RECORD:
        if ((r = wire_record_unpack(in, a, &rec)) == 0)
            wire_record_pack(&rec, RECORD_HUB, out); /* what a base copy leaves out is zero in it */
        break;
    case FORM_ENTRIES:
        return scan_entries(in, a, out);
    case FORM_PROGRESS:
        return scan_progress(in, out);
    case FORM_LOG_ENTRY:
        if ((r = wire_log_entry_unpack(in, &e)) == 0)
            wire_log_entry_pack(&e, out);
        break;
    case FORM_HISTORY:
        if ((r = wire_history_unpack(in, &h)) == 0)
            wire_history_pack(&h, out);
        break;
    case FORM_QUARANTINED:
        if ((r = wire_quarantined_unpack(in, &q)) == 0)
            wire_quarantined_pack(&q, out);
        break;
    case FORM_ENROLMENT:
        if ((r = wire_enrolment_unpack(in, a, &n)) == 0)
            wire_enrolment_pack(&n, out);
        break;
    case FORM_VALUE:
        if ((r = !value_unpack(in, &v)) == 0)
            value_pack(&v, out);
        break;
    case FORM_ENROL_TOKEN:
        if ((r = enrol_token_unpack(in, &token)) == 0)
            enrol_token_pack(&token, out);
        break;
    case FORM_ENROL_ASK:
        if ((r = enrol_ask_unpack(in, &ask)) == 0)
            enrol_ask_pack(&ask, out);
        break;
    case FORM_ENROL_ANSWER:
        if ((r = enrol_answer_unpack(in, &answer)) == 0)
            enrol_answer_pack(&answer, out);
        break;
    case FORM_ENROL_ENTRY:
        if ((r = enrol_entry_unpack(in, &entry)) == 0)
            enrol_entry_pack(&entry, out);
        break;
    case FORM_AUDIT_ENTRY:
        if ((r = wire_audit_entry_unpack(in, &audited)) == 0)
            wire_audit_entry_pack(&audited, out);
        break;
    case FORM_AUDIT_BLOCK:
        if ((r = wire_audit_block_unpack(in, &block)) == 0)
            wire_audit_block_pack(&block, out);
        break;
    case FORM_AUDIT_LOG:
        if ((r = wire_audit_log_unpack(in, &log)) == 0)
            wire_audit_log_pack(&log, out);
        break;
    case FORM_AUDIT_KEPT:
        if ((r = wire_audit_kept_unpack(in, &k)) == 0)
            wire_audit_kept_pack(&k, out);
        break;
    case WIRE_FORMS:
        break;
    }
    return r;
}

/* ---- the same message, written as no packer of ours would */

struct shape { /* which fields are messages */
    struct {
        uint32_t field;
        const struct shape *of;
    } subs[4];
};
static const struct shape leaf = {0}, op = {{{4, &leaf}}}, change = {{{13, &op}}}, head = {{{6, &leaf}}};
static const struct shape field = {{{2, &head}, {3, &head}, {4, &leaf}}}, record = {{{3, &field}, {4, &leaf}}};
static const struct shape entry = {{{2, &record}}}, entries = {{{1, &entry}}}, cursor = {{{1, &leaf}}};
static const struct shape progress = {{{2, &leaf}, {3, &cursor}, {4, &leaf}, {9, &leaf}}};
static const struct shape told = {{{1, &leaf}}}, kept = {{{1, &told}, {4, &leaf}}};
static const struct shape *const shapes[WIRE_FORMS] = {
    [FORM_CHANGE] = &change,     [FORM_BATCH] = &leaf,       [FORM_RECORD] = &record,    [FORM_ENTRIES] = &entries,
    [FORM_PROGRESS] = &progress, [FORM_LOG_ENTRY] = &leaf,   [FORM_HISTORY] = &leaf,     [FORM_QUARANTINED] = &leaf,
    [FORM_ENROLMENT] = &leaf,    [FORM_ENROL_TOKEN] = &leaf, [FORM_ENROL_ASK] = &leaf,   [FORM_ENROL_ANSWER] = &leaf,
    [FORM_ENROL_ENTRY] = &leaf,  [FORM_AUDIT_ENTRY] = &leaf, [FORM_AUDIT_BLOCK] = &leaf, [FORM_AUDIT_LOG] = &leaf,
    [FORM_AUDIT_KEPT] = &kept};

static void varint(struct buffer *out, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buffer_u8(out, (uint8_t)(v | 0x80));
    buffer_u8(out, (uint8_t)v);
}

static void fixed(struct buffer *out, uint64_t v) {
    for (size_t i = 0; i < 8; i++)
        buffer_u8(out, (uint8_t)(v >> (8 * i)));
}

static const struct shape *sub_of(const struct shape *s, uint32_t number) {
    for (size_t i = 0; i < 4; i++)
        if (s->subs[i].field == number)
            return s->subs[i].of;
    return NULL;
}

/* One field; a number is sometimes preceded by another that it replaces, a message is turned over in its turn. */
static void turn_one(const struct shape *s, const struct pb *p, struct random *r, struct buffer *out);

static void turn_over(const struct shape *s, struct bytes in, struct random *r, struct buffer *out) {
    struct pb all[64], p = {.rest = in};
    size_t count = 0;
    while (pb_next(&p)) {
        assert_true(count < 64);
        all[count++] = p;
    }
    assert_false(p.bad);
    while (count > 0) { /* a random one of those that are the first of their number */
        size_t at = random_below(r, count);
        for (size_t i = 0; i < at; i++)
            if (all[i].field == all[at].field)
                at = i;
        turn_one(s, &all[at], r, out);
        memmove(all + at, all + at + 1, (--count - at) * sizeof *all);
    }
}

static void turn_one(const struct shape *s, const struct pb *p, struct random *r, struct buffer *out) {
    for (unsigned twice = p->wire != 2 && random_below(r, 3) == 0; p->wire != 2; twice--) {
        varint(out, (uint64_t)p->field << 3 | p->wire);
        uint64_t v = twice > 0 ? random_below(r, 2) : p->number;
        if (p->wire == 0)
            varint(out, v);
        else
            fixed(out, v);
        if (twice == 0)
            return;
    }
    const struct shape *of = sub_of(s, p->field);
    size_t mark = pb_open(out, p->field);
    if (of != NULL)
        turn_over(of, p->bytes, r, out);
    else
        buffer_add(out, p->bytes);
    pb_close(out, mark);
}

/* ---- both */

static void both_agree(void **state) {
    (void)state;
    struct random r;
    random_seed(&r, 1);
    CLEANUP(buffer_close) struct buffer packed = {0}, turned = {0}, theirs = {0}, ours = {0};
    for (unsigned round = 0; round < ROUNDS; round++)
        for (enum wire_form form = 0; form < WIRE_FORMS; form++) {
            struct arena a = {0};
            buffer_clear(&packed);
            buffer_clear(&turned);
            buffer_clear(&theirs);
            buffer_clear(&ours);
            some(form, &r, &a, &packed);
            assert_true(wire_reference(form, buffer_bytes(&packed), &theirs));
            if (!bytes_equal(buffer_bytes(&packed), buffer_bytes(&theirs)))
                fail_msg("round %u: form %u is written otherwise by the generated code", round, form);
            assert_int_equal(scan(form, buffer_bytes(&theirs), &a, &ours), 0);
            assert_true(bytes_equal(buffer_bytes(&packed), buffer_bytes(&ours)));
            if (shapes[form] != NULL) {
                buffer_clear(&theirs);
                buffer_clear(&ours);
                turn_over(shapes[form], buffer_bytes(&packed), &r, &turned);
                assert_true(wire_reference(form, buffer_bytes(&turned), &theirs));
                assert_int_equal(scan(form, buffer_bytes(&turned), &a, &ours), 0);
                assert_true(bytes_equal(buffer_bytes(&packed), buffer_bytes(&theirs)));
                if (!bytes_equal(buffer_bytes(&packed), buffer_bytes(&ours)))
                    fail_msg("round %u: form %u is read otherwise by the generated code", round, form);
            }
            arena_close(&a);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
