/* Every decoder of what a peer or a disk can hand us; the first byte chooses which. What is read must be written again without a crash. */
#include "common/base/memory.h"
#include "common/wire/wire_enrol.h"
#include "common/wire/wire_parts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message(struct bytes in, struct arena *a) {
    struct message *m = memory_zeroed(1, sizeof *m);
    struct buffer b = {0};
    if (wire_unpack(in, a, m) == 0)
        wire_pack(m, &b);
    buffer_close(&b);
    free(m);
}

static void change(struct bytes in, struct arena *a) {
    struct change c, back;
    struct buffer b = {0};
    int r = wire_change_unpack(in, a, &c);
    if (r == 0) {
        wire_change_pack(&c, &b);
        if (b.len <= LIMIT_CHANGE_BYTES && wire_change_unpack(buffer_bytes(&b), a, &back) != 0)
            abort();
    }
    buffer_clear(&b);
    if (r == 0 && (wire_change_label(in, 7, 0, 0, true, &b) != 0 || wire_change_unpack(buffer_bytes(&b), a, &back) != 0 || back.seq != 7 ||
                   back.version.hlc != c.version.hlc || !back.again || back.op_count != c.op_count || back.purpose != c.purpose))
        abort();
    buffer_close(&b);
}

static void record(struct bytes in, struct arena *a) {
    struct record r, back;
    struct buffer b = {0};
    if (wire_record_unpack(in, a, &r) == 0) {
        wire_record_pack(&r, RECORD_HUB, &b);
        if (a->used < a->cap / 2 && wire_record_unpack(buffer_bytes(&b), a, &back) != 0)
            abort();
        record_state_hash(&r);
    }
    buffer_close(&b);
}

static void batch(struct bytes in) {
    struct buffer raw = {0};
    struct bytes packed;
    if (wire_batch_open(in, &raw) == 0) {
        struct reader r = {.rest = buffer_bytes(&raw)};
        while (wire_batch_next(&r, &packed))
            continue;
    }
    buffer_close(&raw);
}

static void stored(struct bytes in, struct arena *a) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct log_entry e;
    struct history_entry h;
    struct quarantined q;
    struct enrolment n;
    struct buffer b = {0};
    if (wire_progress_unpack(in, p) == 0) {
        wire_progress_pack(p, &b);
        if (wire_progress_unpack(buffer_bytes(&b), p) != 0)
            abort();
    }
    buffer_clear(&b);
    if (wire_log_entry_unpack(in, &e) == 0) {
        wire_log_entry_pack(&e, &b);
        if (wire_log_entry_unpack(buffer_bytes(&b), &e) != 0)
            abort();
    }
    buffer_clear(&b);
    if (wire_history_unpack(in, &h) == 0) {
        wire_history_pack(&h, &b);
        if (wire_history_unpack(buffer_bytes(&b), &h) != 0)
            abort();
    }
    buffer_clear(&b);
    if (wire_quarantined_unpack(in, &q) == 0) {
        wire_quarantined_pack(&q, &b);
        if (wire_quarantined_unpack(buffer_bytes(&b), &q) != 0)
            abort();
    }
    buffer_clear(&b);
    if (wire_enrolment_unpack(in, a, &n) == 0) {
        wire_enrolment_pack(&n, &b);
        if (a->used < a->cap / 2 && wire_enrolment_unpack(buffer_bytes(&b), a, &n) != 0)
            abort();
    }
    buffer_close(&b);
    free(p);
}

/* As a Feed or a RepairFill holds them, without luck at compressing. */
static void entries(struct bytes in, struct arena *a) {
    const struct entry *all;
    size_t count;
    struct buffer b = {0};
    if (wire_entries_unpack(in, a, &all, &count) == 0) {
        wire_entries_pack(all, count, &b);
        if (a->used < a->cap / 2 && wire_entries_unpack(buffer_bytes(&b), a, &all, &count) != 0)
            abort();
    }
    buffer_close(&b);
}

static void enrol(struct bytes in) {
    struct enrol_ask ask, ask_back;
    struct enrol_answer answer;
    struct enrol_entry entry, entry_back;
    struct enrol_token token, token_back;
    struct buffer b = {0};
    char code[ENROL_CODE_TEXT], again[ENROL_CODE_TEXT];
    if (enrol_ask_unpack(in, &ask) == 0) {
        enrol_ask_pack(&ask, &b);
        if (enrol_ask_unpack(buffer_bytes(&b), &ask_back) != 0)
            abort();
    }
    buffer_clear(&b);
    if (enrol_answer_unpack(in, &answer) == 0)
        enrol_answer_pack(&answer, &b);
    buffer_clear(&b);
    if (enrol_entry_unpack(in, &entry) == 0) {
        enrol_entry_pack(&entry, &b);
        if (enrol_entry_unpack(buffer_bytes(&b), &entry_back) != 0)
            abort();
    }
    buffer_clear(&b);
    if (enrol_token_parse(in, &token)) {
        enrol_token_text(&token, &b);
        if (!enrol_token_parse(buffer_bytes(&b), &token_back))
            abort();
    }
    buffer_clear(&b);
    buffer_add(&b, in);
    if (enrol_code_parse(buffer_string(&b), code) && !enrol_code_parse(code, again))
        abort();
    buffer_close(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    switch (data[0] % 7) {
    case 0:
        message(in, &a);
        break;
    case 1:
        change(in, &a);
        break;
    case 2:
        record(in, &a);
        break;
    case 3:
        batch(in);
        break;
    case 4:
        stored(in, &a);
        break;
    case 5:
        entries(in, &a);
        break;
    default:
        enrol(in);
        break;
    }
    arena_close(&a);
    return 0;
}
