/* Where a record is, as far as this office knows: its own changes of it on their way to the city, and what came from there. No values. */
#include "common/base/clock.h"
#include "common/catalogue/catalogue.h"
#include "common/daemon/words.h"
#include "common/model/version.h"
#include "node/office.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES_MOST = 12 };

struct why {
    struct ask ask;                 /* first */
    struct buffer types;            /* owns; u32: those that an id without a type may be of */
    struct node_progress *progress; /* owns; while it works */
    size_t changes;
    bool zh;
};

static void add(struct why *x, const char *step, const char *state, wall_ms at, uint64_t seq, const char *words) {
    json_array_append_new(
        x->ask.rows,
        json_pack(
            "{s:s, s:s, s:o, s:o, s:s}", "step", step, "state", state, "at_ms", at == 0 ? json_null() : json_integer((json_int_t)at), "seq",
            seq == 0 ? json_null() : json_integer((json_int_t)seq), "words", words));
}

static int each_change(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    struct why *x = owner;
    const struct life *l = life_find(x->progress->lives, x->progress->life_count, incarnation);
    bool zh = x->zh;
    if (c->type != x->ask.type || !id_equal(&c->record, &x->ask.record))
        return 0;
    if (++x->changes > CHANGES_MOST)
        return 0;
    if (held != VERDICT_MERGED) {
        struct buffer words = {0};
        buffer_format(
            &words, zh ? "市级未接受：%s；`anjuctl held`" : "the city holds it: %s; `anjuctl held`", words_in(zh, verdict_text(held)));
        add(x, "change", "held", saved, c->seq, buffer_string(&words));
        buffer_close(&words);
    } else if (l != NULL && c->seq <= l->includes) {
        add(x, "change", "merged", saved, c->seq,
            zh                  ? "本站保存，已上传并合并"
            : l->safe >= c->seq ? "saved here, merged by the city, and in a backup there"
                                : "saved here, and merged by the city");
    } else if (l != NULL && c->seq <= l->acked) {
        add(x, "change", "acked", saved, c->seq,
            zh ? "已上传，市级尚未合并或结果尚未返回" : "the city has it, and has not said yet what became of it");
    } else {
        add(x, "change", "saved", saved, c->seq,
            zh ? "仅保存在本机，尚未上传：请看link" : "saved here, and not sent yet: the link is below");
    }
    return 0;
}

/* What is only in the log: a change that the city holds leaves the view. */
static int each_type(void *owner, const struct id16 *incarnation, const struct change *c, wall_ms saved, enum verdict held) {
    struct why *x = owner;
    (void)incarnation;
    (void)saved;
    (void)held;
    if (id_equal(&c->record, &x->ask.record))
        x->ask.type = c->type;
    return 0;
}

static bool known(struct txn *t, uint32_t type, const struct id16 *id) {
    struct arena a = {0};
    struct record r;
    bool pending, there = node_record(t, type, id, &a, &r, &pending) != NODE_RECORD_NONE || node_erased(t, type, id);
    arena_close(&a);
    return there;
}

static void say_record(struct why *x, struct txn *t) {
    struct arena a = {0};
    struct record r;
    bool pending, zh = x->zh;
    if (node_erased(t, x->ask.type, &x->ask.record))
        add(x, "record", "erased", 0, 0, zh ? "已永久删除" : "it is erased for ever");
    else if (node_base(t, x->ask.type, &x->ask.record, &a, &r) == 0)
        add(x, "record", "in", 0, x->progress->cursor.at, zh ? "市级的这条记录在本站" : "what the city has of it is here");
    else if (node_record(t, x->ask.type, &x->ask.record, &a, &r, &pending) == 0)
        add(x, "record", "own", 0, 0,
            zh ? "只有本站自己的更改；市级的尚未到达" : "only this office's own changes of it; the city's have not come");
    arena_close(&a);
}

static void run_why(struct ask *a, struct txn *t) {
    struct why *x = (struct why *)a;
    const uint32_t *types = (const uint32_t *)(const void *)x->types.at;
    x->progress = memory_zeroed(1, sizeof *x->progress);
    node_progress_get(t, x->progress);
    for (size_t i = 0; i < x->types.len / sizeof *types && a->type == 0; i++)
        if (known(t, types[i], &a->record))
            a->type = types[i];
    if (a->type == 0)
        node_log_each(t, false, each_type, x);
    if (a->type != 0 && node_log_each(t, false, each_change, x) < 0)
        ask_fail(a, "internal", "run `anjuctl verify`", "the change log could not be read");
    if (a->type != 0)
        say_record(x, t);
    if (a->type == 0 || json_array_size(a->rows) == 0)
        ask_fail(
            a, "not_found", "if it is another office's: `anjuctl why RECORD NODE` at city hall says whether it comes here",
            "this office has no such record, and no change of one");
}

/* Below what is known of the record: how the link stands. The engine belongs to the loop. */
static void say_link(struct why *x) {
    const struct office *o = x->ask.office;
    const struct node_side *s = node_engine_side(o->engine);
    struct buffer words = {0};
    bool zh = x->zh;
    buffer_format(
        &words,
        zh ? "与市级的连接：%s；未上传%" PRIu64 "条，游标%" PRIu64
           : "the link to the city: %s; %" PRIu64 " changes not sent, cursor %" PRIu64,
        office_link_state(o), progress_backlog(&s->progress), s->progress.cursor.at);
    add(x, "link", office_link_state(o), s->verified, s->progress.cursor.at, buffer_string(&words));
    buffer_close(&words);
}

static void free_why(struct ask *a) {
    struct why *x = (struct why *)a;
    buffer_close(&x->types);
    free(x->progress);
}

void cmd_why(void *owner, struct request *q) {
    struct office *o = owner;
    struct why *x = ask_new(o, q, sizeof *x, run_why);
    const struct catalogue *k = &o->catalogue->catalogue;
    const char *text = request_text(q, "record"), *slash = text == NULL ? NULL : strchr(text, '/');
    x->ask.free = free_why;
    x->zh = request_chinese(q);
    for (size_t i = 0; i < k->type_count; i++)
        if (slash == NULL)
            buffer_add(&x->types, bytes_of(&k->types[i].number, sizeof k->types[i].number));
        else if (strlen(k->types[i].name) == (size_t)(slash - text) && strncmp(k->types[i].name, text, (size_t)(slash - text)) == 0)
            x->ask.type = k->types[i].number;
    if (text == NULL || (slash == NULL && !id_parse(text, &x->ask.record))) {
        ask_refuse(&x->ask, "bad_request", "`anjuctl why RECORD`", "a record is named TYPE/ID, or by its id of 32 hex digits");
        return;
    }
    if (slash != NULL && x->ask.type == 0) {
        ask_refuse(&x->ask, "bad_request", "`anjuctl types` lists them", "there is no such record type");
        return;
    }
    if (slash != NULL && !id_parse(slash + 1, &x->ask.record))
        x->ask.record = office_derived_id(o, x->ask.type, bytes_text(slash + 1));
    say_link(x);
    ask_submit(&x->ask);
}
