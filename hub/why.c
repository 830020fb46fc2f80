/* Where a record is and why it is not somewhere yet: the way of its last change (saved, in the log, merged or held), the feeds that it lies
 * in, and of each office that pulls one of them how far it has come. One screen; no values. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/daemon/rows.h"
#include "common/daemon/words.h"
#include "common/engine/history.h"
#include "common/store/hub_erase.h"
#include "hub/city.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS_MOST = 5, OFFICES_MOST = 30 };

struct why {
    struct question ask;
    struct history *history; /* owns */
    struct buffer types;     /* owns; u32: those that an id without a type may be of */
    struct id16 id;
    uint32_t type; /* 0: to be found */
    uint32_t only; /* this office alone; 0: all that it concerns */
    bool zh, erased, there, found_only;
    uint64_t folded, log_last;
    size_t more; /* offices beyond those that are shown */
};

/* ---- on the read worker: facts, in numbers */

static void add_row(struct why *x, const char *step, uint32_t node, const char *state, wall_ms at, uint64_t seq) {
    json_array_append_new(
        x->ask.rows, json_pack(
                         "{s:s, s:o, s:n, s:s, s:o, s:o}", "step", step, "node", node == 0 ? json_null() : json_integer((json_int_t)node),
                         "office", "state", state, "at_ms", at == 0 ? json_null() : json_integer((json_int_t)at), "seq",
                         seq == 0 ? json_null() : json_integer((json_int_t)seq)));
}

static json_t *last_row(struct why *x) {
    return json_array_get(x->ask.rows, json_array_size(x->ask.rows) - 1);
}

static void keep(struct why *x, const char *name, uint64_t v) {
    json_object_set_new(last_row(x), name, json_integer((json_int_t)v));
}

static int held_type(void *owner, uint32_t node, const struct held *h, const struct quarantined *q) {
    struct why *x = owner;
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct change c;
    (void)node;
    (void)h;
    if (x->type == 0 && wire_change_unpack(q->change, &a, &c) == 0 && id_equal(&c.record, &x->id))
        x->type = c.type;
    arena_close(&a);
    return 0;
}

/* An id without its type: of a record that is there or was, or of one in quarantine. */
static void find_type(struct why *x, struct txn *state) {
    const uint32_t *types = (const uint32_t *)(const void *)x->types.at;
    for (size_t i = 0; i < x->types.len / sizeof *types && x->type == 0; i++) {
        struct arena a = {0};
        struct record r;
        if (hub_erased(state, types[i], &x->id) || hub_record(state, types[i], &x->id, &a, &r) != HUB_RECORD_NONE)
            x->type = types[i];
        arena_close(&a);
    }
    if (x->type == 0)
        hub_held(state, 0, held_type, x);
}

static void complain(void *owner, const char *what) {
    struct question *a = owner;
    question_fail(a, "conflict", "run `anjuctl verify`, then restore a backup: keys may be missing", "%s", request_words(a->request, what));
}

static void begin(struct why *x, struct txn *state, struct txn *log) {
    struct question *a = &x->ask;
    struct hub_place place;
    struct hub_log_place at;
    struct txn *own;
    if (x->type == 0)
        find_type(x, state);
    x->folded = hub_place_get(state, &place) ? place.position : 0;
    x->log_last = hub_log_place(log, &at) ? at.last : 0;
    x->erased = x->type != 0 && hub_erased(state, x->type, &x->id);
    if (x->type == 0 || x->erased)
        return;
    if (history_open(state, log, x->type, &x->id, &x->history) != 0)
        question_fail(a, "conflict", "run `anjuctl verify`", "its history, or a held change, is damaged");
    else if (store_read(hub_engine_stores(a->city->engine)->own, &own) != 0)
        complain(a, "the second home of the hub's own changes cannot be read");
    else {
        question_keys(a, state, own, complain);
        txn_abort(own);
    }
}

static void say_stage(struct why *x, const struct history_row *r) {
    if (r->stage == HISTORY_HELD) {
        add_row(x, "held", r->node, r->reason == VERDICT_DISCARDED ? "discarded" : "held", 0, r->seq);
        json_object_set_new(last_row(x), "reason", json_string(verdict_text(r->reason)));
    } else if (r->stage == HISTORY_ACCEPTED) {
        add_row(x, "merge", r->node, "waits", 0, r->position);
        keep(x, "before", r->position > x->folded ? r->position - x->folded - 1 : 0);
    } else {
        add_row(x, "merge", r->node, r->stage == HISTORY_REPEATED ? "repeated" : "merged", 0, r->hub_seq);
    }
}

/* The last change as three steps, of the others what is not merged. */
static void say_changes(struct why *x) {
    size_t count = history_count(x->history), others = 0, merged = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const struct history_row *r = history_at(x->history, i);
        merged += r->stage == HISTORY_MERGED;
        if ((r->stage == HISTORY_HELD || r->stage == HISTORY_ACCEPTED) && others++ < OTHERS_MOST)
            say_stage(x, r);
    }
    if (merged > 0)
        add_row(x, "before", 0, "merged", 0, merged);
    if (count == 0)
        return;
    const struct history_row *last = history_at(x->history, count - 1);
    add_row(x, "saved", last->node, "saved", hlc_ms(last->version.hlc), last->seq);
    add_row(x, "log", last->node, last->position == 0 ? "trimmed" : "in the log", last->received, last->position);
    say_stage(x, last);
}

static void say_areas(struct why *x, const struct record *r) {
    char text[AREA_TEXT];
    for (size_t i = 0; i < r->area_count; i++)
        if (r->areas[i].present) {
            add_row(x, "feed", 0, "in", 0, r->areas[i].row);
            json_object_set_new(last_row(x), "area", json_string(area_text(r->areas[i].area, text)));
        }
}

struct looking {
    struct why *why;
    const struct record *record;
};

static int each_office(void *owner, uint32_t node, const struct hub_node_state *n, const struct record *office) {
    struct looking *l = owner;
    struct why *x = l->why;
    area all[LIMIT_AREAS];
    struct buffer name = {0};
    uint64_t row = 0;
    bool in = false, concerns = false;
    size_t count = area_expand(n->served, n->served_count, node, all, LIMIT_AREAS);
    if (x->only != 0 && node != x->only)
        return 0;
    x->found_only = true;
    for (size_t i = 0; l->record != NULL && i < l->record->area_count; i++)
        for (size_t k = 0; k < count; k++)
            if (l->record->areas[i].area == all[k] && l->record->areas[i].row > 0) {
                concerns = true;
                in = in || l->record->areas[i].present;
                row = l->record->areas[i].row > row ? l->record->areas[i].row : row;
            }
    if (!concerns && x->only == 0)
        return 0;
    if (x->only == 0 && json_array_size(x->ask.rows) > OFFICES_MOST) {
        x->more++;
        return 0;
    }
    add_row(x, "office", node, !concerns ? "elsewhere" : in ? "in" : "left", 0, row);
    const struct head *h = office == NULL ? NULL : field_winner(record_field(office, OFFICE_NAME));
    if (h != NULL)
        value_show(h->value, &name);
    json_object_set_new(last_row(x), "office", json_string(buffer_string(&name)));
    buffer_close(&name);
    return 0;
}

static void run_why(struct question *a, struct txn *state, struct txn *log) {
    enum { STRETCH = 200 };
    struct why *x = (struct why *)a;
    struct arena arena = {0};
    struct record r;
    if (x->history == NULL) {
        begin(x, state, log);
        a->more = x->history != NULL && a->code == NULL;
        if (a->more || a->code != NULL)
            return;
    } else {
        a->more = history_walk(x->history, a->proof, log, STRETCH);
        if (a->more)
            return;
        say_changes(x);
    }
    if (x->erased)
        add_row(x, "erased", 0, "erased", 0, 0);
    x->there = x->type != 0 && !x->erased && hub_record(state, x->type, &x->id, &arena, &r) == 0;
    if (x->there)
        say_areas(x, &r);
    hub_offices(state, each_office, &(struct looking){x, x->there ? &r : NULL}, &a->read.damaged);
    arena_close(&arena);
}

/* ---- on the loop: words */

static const struct hub_link *link_of(const struct city *c, uint32_t node) {
    const struct hub_peer *p = hub_engine_peer_of(c->engine, node);
    return p == NULL ? NULL : &p->link;
}

static uint64_t number(const json_t *row, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(row, name));
}

static bool is(const json_t *row, const char *name, const char *text) {
    const char *v = json_string_value(json_object_get(row, name));
    return v != NULL && strcmp(v, text) == 0;
}

static void say_when(uint64_t ms, struct buffer *out) {
    char text[32];
    buffer_text(out, ms == 0 ? "-" : when_text(ms, text));
}

static void say_change(const struct city *c, const json_t *row, bool zh, struct buffer *out) {
    uint64_t seq = number(row, "seq"), node = number(row, "node");
    const char *reason = json_string_value(json_object_get(row, "reason"));
    if (is(row, "step", "saved"))
        buffer_format(
            out,
            zh ? "节点%" PRIu64 "保存，为其第%" PRIu64 "条更改（0为市级）"
               : "saved at node %" PRIu64 " (0: the hub itself) as its change %" PRIu64,
            node, seq);
    else if (is(row, "step", "log") && seq == 0)
        buffer_text(out, zh ? "已收到；日志中已不再保留" : "it came; the log reaches no longer back so far");
    else if (is(row, "step", "log"))
        buffer_format(out, zh ? "已收到，日志第%" PRIu64 "条" : "it came, and is in the log as entry %" PRIu64, seq);
    else if (is(row, "step", "before"))
        buffer_format(out, zh ? "此前已合并%" PRIu64 "条更改" : "%" PRIu64 " changes before it are merged", seq);
    else if (is(row, "step", "held"))
        buffer_format(
            out,
            zh ? "节点%" PRIu64 "的第%" PRIu64 "条更改被搁置：%s；`anjuctl quarantine list`"
               : "change %2$" PRIu64 " of node %1$" PRIu64 " is held: %3$s; `anjuctl quarantine list`",
            node, seq, reason == NULL ? "" : words_in(zh, reason));
    else if (is(row, "state", "waits"))
        buffer_format(
            out, zh ? "尚未合并：前面还有%" PRIu64 "条%s" : "not merged yet: %" PRIu64 " entries of the log are before it%s",
            number(row, "before"),
            hub_engine_troubles(c->engine).merge_paused ? (zh ? "；合并已停止" : "; merging is paused: `anjuctl problems`") : "");
    else
        buffer_format(out, zh ? "已合并，序号%" PRIu64 : "merged as hub_seq %" PRIu64, seq);
}

static void say_away(const struct hub_link *l /* NULL: its record came a moment ago */, bool zh, struct buffer *out) {
    if (l == NULL || l->reported == 0) {
        buffer_text(out, zh ? "还没有：从未报告" : "not yet: it never reported");
        return;
    }
    buffer_text(out, zh ? "还没有：离线，上次报告于" : "not yet: it is offline; it reported last on ");
    say_when(l->reported, out);
    buffer_text(out, zh ? "；上线后会得到" : ", and gets it when it comes");
}

static void say_office(const struct city *c, json_t *row, bool zh, struct buffer *out) {
    const struct hub_link *l = link_of(c, (uint32_t)number(row, "node"));
    uint64_t wanted = number(row, "seq"), at = l == NULL ? 0 : l->at > l->last.at ? l->at : l->last.at;
    const char *state = l == NULL ? "never seen" : office_state(l, clock_now());
    bool left = is(row, "state", "left");
    json_object_set_new(row, "cursor", json_integer((json_int_t)at));
    json_object_set_new(row, "at_ms", l == NULL || l->reported == 0 ? json_null() : json_integer((json_int_t)l->reported));
    if (is(row, "state", "elsewhere")) {
        buffer_text(out, zh ? "不涉及：该办公室不服务此记录所在区域" : "never: the record lies in none of its areas");
        return;
    }
    json_object_set_new(row, "state", json_string(state));
    if (at >= wanted)
        buffer_format(
            out,
            left ? (zh ? "已移出：游标%" PRIu64 "已过%" PRIu64 : "it is gone from there: its cursor %" PRIu64 " has passed %" PRIu64)
                 : (zh ? "已有：游标%" PRIu64 "已过%" PRIu64 : "it has it: its cursor %" PRIu64 " has passed %" PRIu64),
            at, wanted);
    else if (l != NULL && strcmp(state, "paused") == 0)
        buffer_format(
            out, zh ? "还没有：已暂停；`anjuctl node resume %" PRIu32 "`" : "not yet: it is paused; `anjuctl node resume %" PRIu32 "`",
            l->node);
    else if (strcmp(state, "revoked") == 0 || strcmp(state, "retired") == 0)
        buffer_format(out, zh ? "不会：该节点已停用（%s）" : "never: its node is %s", state);
    else if (strcmp(state, "forked") == 0)
        buffer_text(out, zh ? "还没有：两块磁盘使用同一密钥" : "not yet: two disks speak with its key; `anjuctl problems`");
    else if (strcmp(state, "offline") == 0 || strcmp(state, "never seen") == 0)
        say_away(l, zh, out);
    else if (strcmp(state, "online") == 0)
        buffer_format(
            out,
            zh ? "正在下行：上次所报游标%" PRIu64 "，需到%" PRIu64 "；一分钟内会报告"
               : "on its way: the cursor that it told last is %" PRIu64 " of %" PRIu64 "; it tells the next within a minute",
            at, wanted);
    else
        buffer_text(
            out, zh ? "还没有：已连接，但数据尚未往返" : "not yet: it is connected, but nothing has come back from it; `anjuctl problems`");
    if (l != NULL && l->last.backlog > 0)
        buffer_format(
            out, zh ? "；另有%" PRIu64 "条未上传更改（上次报告）" : "; %" PRIu64 " changes of its own are not sent, by that report",
            l->last.backlog);
}

static void not_known(struct why *x) {
    const struct city *c = x->ask.city;
    size_t waiting = 0;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_link *l = &hub_engine_peer(c->engine, i)->link;
        waiting += l->last.backlog > 0 || hub_link_standing(l, clock_now(), PROBLEM_LAG_MS) != HUB_ONLINE;
    }
    question_fail(
        &x->ask, "not_found",
        "ask at the office that saved it: `anjuctl why TYPE/ID` there; TYPE/ID finds here also what is in the log alone",
        "no change of such a record has come to the hub; %zu offices have changes that they did not send, or are not here", waiting);
}

static void finish_why(struct question *a) {
    struct why *x = (struct why *)a;
    bool known = x->erased || x->there || (x->history != NULL && history_count(x->history) > 0);
    size_t i;
    json_t *row;
    if (a->code == NULL && x->only != 0 && !x->found_only)
        question_fail(a, "not_found", "`anjuctl nodes` lists them", "there is no node %" PRIu32, x->only);
    else if (a->code == NULL && !known)
        not_known(x);
    json_array_foreach(a->rows, i, row) {
        struct buffer words = {0};
        if (is(row, "step", "office"))
            say_office(a->city, row, x->zh, &words);
        else if (is(row, "step", "feed"))
            buffer_format(
                &words, x->zh ? "在区域%s的下行中，序号%" PRIu64 : "it is in the feed of area %s, at hub_seq %" PRIu64,
                json_string_value(json_object_get(row, "area")), number(row, "seq"));
        else if (is(row, "step", "erased"))
            buffer_text(
                &words, x->zh ? "已永久删除；`anjuctl erasures`，`anjuctl person erase-status`"
                              : "it is erased for ever; `anjuctl erasures`, `anjuctl person erase-status ORDER`");
        else
            say_change(a->city, row, x->zh, &words);
        json_object_set_new(row, "words", json_string(buffer_string(&words)));
        buffer_close(&words);
    }
    if (x->more > 0 && a->code == NULL)
        json_array_append_new(
            a->rows,
            json_pack(
                "{s:s, s:n, s:n, s:s, s:n, s:n, s:o}", "step", "office", "node", "office", "state", "more", "at_ms", "seq", "words",
                json_sprintf(
                    x->zh ? "另有%zu个办公室；`anjuctl why 记录 节点`" : "%zu more offices; `anjuctl why RECORD NODE` tells of one",
                    x->more)));
    x->history = history_close(x->history);
    buffer_close(&x->types);
}

/* TYPE/ID, TYPE/KEY of a source, or an id alone. NULL: good; else what is wrong. */
static const char *take_record(struct why *x, const char *text) {
    const struct catalogue *k = &x->ask.city->catalogue;
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    if (text == NULL || (slash == NULL && !id_parse(text, &x->id)))
        return "a record is named TYPE/ID, or by its id of 32 hex digits";
    for (size_t i = 0; slash == NULL && i < k->type_count; i++)
        buffer_add(&x->types, bytes_of(&k->types[i].number, sizeof k->types[i].number));
    for (size_t i = 0; slash != NULL && i < k->type_count; i++)
        if (strlen(k->types[i].name) == (size_t)(slash - text) && strncmp(k->types[i].name, text, (size_t)(slash - text)) == 0)
            x->type = k->types[i].number;
    if (slash != NULL && x->type == 0)
        return "there is no such record type";
    if (slash != NULL && !id_parse(slash + 1, &x->id))
        x->id = id_of_key(x->ask.city->who.city_secret, x->type, bytes_text(slash + 1));
    return NULL;
}

void cmd_why(void *owner, struct request *q) {
    struct city *c = owner;
    struct why *x = question_of(c, q, sizeof *x, run_why);
    const char *wrong = take_record(x, request_text(q, "record"));
    x->ask.finish = finish_why;
    x->zh = request_chinese(q);
    x->only = request_node(q);
    if (wrong == NULL && request_has(q, "node") && x->only == 0)
        wrong = "an office is named by the number of its node";
    if (wrong != NULL) {
        buffer_close(&x->types);
        question_refuse(&x->ask, "bad_request", "`anjuctl why RECORD [NODE]`", wrong);
        return;
    }
    question_submit(&x->ask);
}
