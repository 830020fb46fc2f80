/* Messages, changes and records: round trips, truncation at every byte, lying sizes, bombs, what this build does not know. */
#include "common/base/random.h"
#include "common/wire/pb.h"
#include "common/wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct id16 id_of(uint8_t n) {
    struct id16 id;
    memset(id.b, n, sizeof id.b);
    return id;
}

static const struct name names[] = {{7, 0x1122334455667788}, {8, 2}};

static struct change sample(struct op ops[2]) {
    ops[0] = (struct op){
        .field = 16,
        .kind = OP_SET,
        .value = BYTES("\x0a\x03"
                       "abc"),
        .names = names,
        .name_count = 2};
    ops[1] = (struct op){.field = 17, .kind = OP_REMOVE, .names = names, .name_count = 1};
    return (struct change){
        .seq = 3,
        .version = {HLC_MS(1750000000000) + 5, 7},
        .name = {7, 0xfeedface},
        .salt = 9,
        .type = 40,
        .record = id_of(1),
        .actor = id_of(2),
        .purpose = 4,
        .again = true,
        .ops = ops,
        .op_count = 2,
    };
}

static void changes_survive(void **state) {
    struct op ops[2];
    struct change c = sample(ops), back;
    struct buffer b = {0}, again = {0};
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    (void)state;
    wire_change_pack(&c, &b);
    assert_int_equal(wire_change_unpack(buffer_bytes(&b), &a, &back), 0);
    assert_int_equal(back.op_count, 2);
    assert_true(back.again && back.purpose == 4 && name_equal(back.name, c.name) && back.version.hlc == c.version.hlc);
    assert_true(name_equal(back.ops[0].names[1], names[1]));
    wire_change_pack(&back, &again);
    assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
    for (size_t i = 0; i < b.len; i++) { /* a change cut short is broken, or at the least not the same */
        struct change cut;
        arena_clear(&a);
        buffer_clear(&again);
        if (wire_change_unpack(bytes_of(b.at, i), &a, &cut) == 0) {
            wire_change_pack(&cut, &again);
            assert_false(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
        }
    }
    buffer_close(&b);
    buffer_close(&again);
    arena_close(&a);
}

static void unknown_fields_are_skipped_and_kinds_held(void **state) {
    struct op ops[2];
    struct change c = sample(ops), back;
    struct buffer b = {0};
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    (void)state;
    wire_change_pack(&c, &b);
    pb_bytes(&b, 900, BYTES("from the future"));
    assert_int_equal(wire_change_unpack(buffer_bytes(&b), &a, &back), 0);
    ops[1].kind = (enum op_kind)9;
    buffer_clear(&b);
    wire_change_pack(&c, &b);
    assert_int_equal(wire_change_unpack(buffer_bytes(&b), &a, &back), WIRE_NEWER);
    struct message m;
    buffer_clear(&b);
    pb_bytes(&b, 99, BYTES("\x08\x01"));
    assert_int_equal(wire_unpack(buffer_bytes(&b), &a, &m), WIRE_NEWER);
    buffer_close(&b);
    arena_close(&a);
}

/* As wire_change_pack would have written it, and what this build does not know at every level where it stood. */
static void a_label_changes_only_the_label(void **state) {
    struct op ops[2];
    struct change c = sample(ops);
    struct buffer b = {0}, want = {0}, got = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        buffer_clear(&b);
        buffer_clear(&want);
        buffer_clear(&got);
        ops[1].kind = round == 2 ? (enum op_kind)9 : OP_REMOVE;
        c.seq = 3;
        c.again = round == 2;
        pb_fixed64(&b, 2, 99); /* said twice: the later one counts */
        wire_change_pack(&c, &b);
        pb_bytes(&b, 13, BYTES("\x08\x12\x10\x01\x9a\x06\x03new")); /* an operation with a field 99 */
        pb_bytes(&b, 900, BYTES("from the future"));
        c.seq = 1000;
        c.again = round != 0;
        uint64_t hlc = c.version.hlc;
        uint32_t node = c.version.node;
        c.version.hlc += round == 1 ? 0 : 77;
        c.version.node += round == 1 ? 77 : 0;
        wire_change_pack(&c, &want);
        pb_bytes(&want, 13, BYTES("\x08\x12\x10\x01\x9a\x06\x03new"));
        pb_bytes(&want, 900, BYTES("from the future"));
        assert_int_equal(
            wire_change_label(buffer_bytes(&b), 1000, round == 1 ? 0 : c.version.hlc, round == 1 ? c.version.node : 0, round == 1, &got),
            0);
        assert_true(bytes_equal(buffer_bytes(&want), buffer_bytes(&got)));
        c.version.hlc = hlc;
        c.version.node = node;
    }
    assert_int_equal(wire_change_label(bytes_of(b.at, b.len - 1), 1, 0, 0, true, &got), WIRE_BROKEN);
    buffer_close(&b);
    buffer_close(&want);
    buffer_close(&got);
}

/* The chain goes on over an erased change as over the change itself, and nothing of it is left. */
static void an_erased_change_keeps_its_place_in_the_chain(void **state) {
    struct op ops[2];
    struct change c = sample(ops), back;
    struct buffer b = {0}, gone = {0}, again = {0};
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct hash before = {{7}};
    (void)state;
    wire_change_pack(&c, &b);
    assert_false(wire_change_erased(buffer_bytes(&b)));
    wire_change_erase(buffer_bytes(&b), &gone);
    assert_true(wire_change_erased(buffer_bytes(&gone)));
    assert_true(gone.len < b.len);
    struct hash with = wire_chain(&before, buffer_bytes(&b)), without = wire_chain(&before, buffer_bytes(&gone));
    assert_true(hash_equal(&with, &without));
    wire_change_erase(buffer_bytes(&gone), &again);
    assert_true(bytes_equal(buffer_bytes(&gone), buffer_bytes(&again)));
    assert_int_equal(wire_change_unpack(buffer_bytes(&gone), &a, &back), WIRE_BROKEN); /* it says nothing any more */
    assert_false(wire_change_erased(bytes_of(gone.at, gone.len - 1)));
    buffer_close(&b);
    buffer_close(&gone);
    buffer_close(&again);
    arena_close(&a);
}

static void batches_do_not_lie(void **state) {
    struct buffer raw = {0}, body = {0}, out = {0};
    struct bytes packed;
    (void)state;
    wire_batch_add(&raw, BYTES("one"));
    wire_batch_add(&raw, BYTES("two"));
    assert_int_equal(wire_batch_seal(buffer_bytes(&raw), &body), 0);
    assert_int_equal(wire_batch_open(buffer_bytes(&body), &out), 0);
    struct reader r = {.rest = buffer_bytes(&out)};
    assert_true(wire_batch_next(&r, &packed) && bytes_equal(packed, BYTES("one")));
    assert_true(wire_batch_next(&r, &packed) && bytes_equal(packed, BYTES("two")));
    assert_false(wire_batch_next(&r, &packed));
    assert_false(r.bad);
    for (size_t i = 0; i < body.len; i++) {
        buffer_clear(&out);
        assert_int_not_equal(wire_batch_open(bytes_of(body.at, i), &out), 0);
    }
    /* a frame that claims 64 MiB: magic, single segment with an 8-byte size */
    static const uint8_t lie[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0};
    buffer_clear(&out);
    assert_int_equal(wire_batch_open(bytes_of(lie, sizeof lie), &out), WIRE_TOO_BIG);
    assert_true(out.len == 0);
    buffer_close(&raw);
    buffer_close(&body);
    buffer_close(&out);
}

static struct record record_sample(struct arena *a) {
    struct record r = {.type = 40, .id = id_of(5), .feed_seq = 77};
    struct field *f = record_field_make(&r, 16, a);
    f->heads = arena_take(a, sizeof *f->heads);
    f->heads[0] = (struct head){.version = {5, 7}, .name = names[0], .value = BYTES("\x0a\x01x"), .replaces = names, .replace_count = 2};
    f->head_count = 1;
    f->feed_seq = 70;
    f = record_field_make(&r, 18, a);
    f->early = arena_take(a, sizeof *f->early);
    f->early[0] = names[1];
    f->early_count = 1;
    r.areas = arena_take(a, sizeof *r.areas);
    r.areas[0] = (struct area_row){.area = area_of_node(3), .row = 70, .present = true, .since = 60};
    r.area_count = 1;
    return r;
}

static void records_survive(void **state) {
    struct arena a = {.cap = 0};
    struct buffer b = {0}, again = {0};
    struct record r = record_sample(&a), back;
    (void)state;
    wire_record_pack(&r, RECORD_HUB, &b);
    assert_int_equal(wire_record_unpack(buffer_bytes(&b), &a, &back), 0);
    wire_record_pack(&back, RECORD_HUB, &again);
    assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
    assert_true(back.feed_seq == 77 && back.areas[0].present && back.fields[1].early_count == 1);
    struct hash x = record_state_hash(&r), y = record_state_hash(&back);
    assert_true(hash_equal(&x, &y));
    buffer_clear(&again);
    wire_record_pack(&r, RECORD_BASE, &again);
    assert_int_equal(wire_record_unpack(buffer_bytes(&again), &a, &back), 0);
    assert_true(back.feed_seq == 0 && back.area_count == 0 && back.fields[1].early_count == 0);
    buffer_close(&b);
    buffer_close(&again);
    arena_close(&a);
}

static void messages_survive(void **state) {
    struct arena a = {.cap = LIMIT_DECODE_BYTES}, own = {.cap = 0};
    struct message *m = memory_zeroed(1, sizeof *m), *back = memory_zeroed(1, sizeof *back);
    struct entry entries[2] = {
        {.kind = ENTRY_WHOLE, .record = record_sample(&own)}, {.kind = ENTRY_LEFT, .record = {.type = 40, .id = id_of(6)}}};
    struct held held = {id_of(9), 4, VERDICT_SCOPE};
    struct erasure_order erasure = {12, BYTES("order")};
    struct buffer b = {0}, again = {0};
    (void)state;
    struct audit_say audit = {
        .mine = {{id_of(3), 7, {{8}}}, 9, {1, 2}}, .yours = {{id_of(4), 5, {{6}}}, 7, {3}}, .asked = 11, .asked_hash = {{12}}};
    for (int kind = MESSAGE_HELLO; kind <= MESSAGE_KEY_TAKEN; kind++) {
        memset(m, 0, sizeof *m);
        m->kind = (enum message_kind)kind;
        switch (m->kind) {
        case MESSAGE_HELLO:
            m->hello = (struct hello){.protocol_least = 1, .protocol_most = 1, .software = BYTES("t"), .life_count = 1, .nonce = 5};
            m->hello.lives[0] = (struct life){.incarnation = id_of(1), .first = 1, .last = 9, .acked = 4};
            break;
        case MESSAGE_WELCOME:
            m->welcome = (struct welcome){.session = 3, .load = true, .credit = 8, .cursor = {{4, 5}, 6, 7}, .erasures = 9, .audit = audit};
            break;
        case MESSAGE_REFUSE:
            m->refuse = (struct refuse){REFUSE_BUSY, BYTES("busy"), 20};
            break;
        case MESSAGE_PUSH:
            m->push = (struct push){.session = 3, .incarnation = id_of(1), .first = 2, .count = 3, .body = BYTES("body")};
            break;
        case MESSAGE_ACK:
            m->ack = (struct ack){.session = 3, .credit = 9, .rewind = true};
            break;
        case MESSAGE_PULL:
            m->pull =
                (struct pull){.session = 3, .area_count = 1, .loading_count = 1, .loading = {{.upto = 4}}, .erasures_after = 6, .bytes = 5};
            break;
        case MESSAGE_FEED:
            m->feed = (struct feed){
                .session = 3,
                .caught_up = true,
                .held = &held,
                .held_count = 1,
                .entries = entries,
                .entry_count = 2,
                .digest_count = 1,
                .erasures = &erasure,
                .erasure_count = 1,
                .erasures_to = 13};
            m->feed.audit = audit;
            break;
        case MESSAGE_TIP:
            m->tip = (struct tip){3, 4};
            break;
        case MESSAGE_REPORT:
            m->report =
                (struct report){.session = 3, .backlog = 4, .software = BYTES("t"), .erasures_to = 5, .destroyed = true, .audit = audit};
            break;
        case MESSAGE_REPAIR_ASK:
            m->repair_ask = (struct repair_ask){.session = 3, .area = area_of_node(4), .buckets = {[9] = {{1, 2}}}};
            break;
        case MESSAGE_REPAIR_FILL:
            m->repair_fill = (struct repair_fill){
                .session = 3, .covers = {[7] = true}, .held = &held, .held_count = 1, .entries = entries, .entry_count = 1};
            break;
        case MESSAGE_KEY_OFFER:
            m->key_offer = (struct key_offer){3, BYTES("anju1:new"), BYTES("old"), BYTES("new")};
            break;
        case MESSAGE_KEY_TAKEN:
            m->key_taken = (struct key_taken){BYTES("anju1:new"), 7};
            break;
        }
        buffer_clear(&b);
        buffer_clear(&again);
        arena_clear(&a);
        assert_int_equal(wire_pack(m, &b), 0);
        assert_int_equal(wire_unpack(buffer_bytes(&b), &a, back), 0);
        assert_int_equal(back->kind, kind);
        assert_int_equal(wire_pack(back, &again), 0);
        assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
        if (m->kind == MESSAGE_REPORT) { /* all of it, not only what is packed again alike */
            const struct audit_say *s = &back->report.audit;
            assert_true(s->mine.head.n == 7 && s->yours.head.n == 5 && s->asked == 11 && hash_equal(&s->asked_hash, &audit.asked_hash));
            assert_memory_equal(s->yours.signature, audit.yours.signature, sizeof audit.yours.signature);
        }
        for (size_t i = 0; i < b.len; i++) { /* truncation at every byte: never a crash (the sanitizer build watches) */
            arena_clear(&a);
            wire_unpack(bytes_of(b.at, i), &a, back);
        }
    }
    buffer_close(&b);
    buffer_close(&again);
    arena_close(&a);
    arena_close(&own);
    free(m);
    free(back);
}

/* 1 MiB of empty sub-messages would take 92 MiB; the arena's cap refuses it. */
static void bombs_are_refused(void **state) {
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct buffer inner = {0}, b = {0};
    (void)state;
    while (inner.len < LIMIT_MESSAGE_BYTES - 16) {
        buffer_u8(&inner, 0x22);
        buffer_u8(&inner, 0);
    }
    size_t mark = pb_open(&b, 1);
    buffer_add(&b, buffer_bytes(&inner));
    pb_close(&b, mark);
    assert_int_not_equal(wire_unpack(buffer_bytes(&b), &a, m), 0);
    assert_true(a.used <= LIMIT_DECODE_BYTES);
    buffer_clear(&b);
    buffer_grow(&b, LIMIT_MESSAGE_BYTES + 1);
    arena_clear(&a);
    assert_int_equal(wire_unpack(buffer_bytes(&b), &a, m), WIRE_TOO_BIG);
    buffer_close(&inner);
    buffer_close(&b);
    arena_close(&a);
    free(m);
}

static void progress_survives(void **state) {
    struct node_progress *p = memory_zeroed(1, sizeof *p), *back = memory_zeroed(1, sizeof *back);
    struct buffer b = {0}, again = {0};
    (void)state;
    p->node = 4;
    p->lives[p->life_count++] = (struct life){.incarnation = id_of(1), .first = 2, .last = 9, .acked = 5, .safe = 1, .includes = 4};
    p->cursor = (struct cursor){{3, 4}, 5, 6};
    p->offset_ms = -77;
    p->served[p->served_count++] = area_of_node(1);
    p->loading[p->loading_count++] = (struct loading){.area = AREA_CITY, .upto = 8};
    p->unproven = true;
    wire_progress_pack(p, &b);
    assert_int_equal(wire_progress_unpack(buffer_bytes(&b), back), 0);
    assert_true(back->offset_ms == -77 && back->unproven && back->loading[0].upto == 8 && back->served[0] == area_of_node(1));
    wire_progress_pack(back, &again);
    assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
    buffer_close(&b);
    buffer_close(&again);
    free(p);
    free(back);
}

static void enrolments_survive_or_are_refused(void **state) {
    struct enrolment *e = memory_zeroed(1, sizeof *e), *back = memory_zeroed(1, sizeof *back);
    struct buffer b = {0}, again = {0};
    uint8_t secret[32] = {1, 2, 3}, catalogue[100] = {4};
    (void)state;
    *e = (struct enrolment){
        .node = 4,
        .city = id_of(1),
        .served = {area_of_node(1), AREA_CITY},
        .served_count = 2,
        .name = BYTES("n"),
        .hub_public = BYTES("p"),
        .endpoint = BYTES("tcp://hub:1"),
        .city_secret = bytes_of(secret, sizeof secret),
        .index_key = bytes_of(secret, sizeof secret),
        .catalogue = bytes_of(catalogue, sizeof catalogue),
        .catalogue_version = 5,
    };
    wire_enrolment_pack(e, &b);
    for (size_t cap = 1; cap < 4096; cap++) { /* whatever there is room for: all of it, or no enrolment */
        struct arena a = {.cap = cap};
        if (wire_enrolment_unpack(buffer_bytes(&b), &a, back) == 0) {
            assert_true(bytes_equal(back->city_secret, e->city_secret) && bytes_equal(back->index_key, e->index_key));
            buffer_clear(&again);
            wire_enrolment_pack(back, &again);
            assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&again)));
        }
        arena_close(&a);
    }
    assert_true(again.len > 0);
    buffer_close(&b);
    buffer_close(&again);
    free(e);
    free(back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_survive),
        cmocka_unit_test(unknown_fields_are_skipped_and_kinds_held),
        cmocka_unit_test(a_label_changes_only_the_label),
        cmocka_unit_test(an_erased_change_keeps_its_place_in_the_chain),
        cmocka_unit_test(batches_do_not_lie),
        cmocka_unit_test(records_survive),
        cmocka_unit_test(messages_survive),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(progress_survives),
        cmocka_unit_test(enrolments_survive_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
