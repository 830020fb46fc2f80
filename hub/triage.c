/* What a person decides about changes that were not merged: those that a revoked or closed node still had, brought in a file, come into
 * quarantine; there they are tried again, or discarded. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/unsent.h"
#include "hub/city.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taking {
    struct hub_entries entries;
    struct city *city;
    struct request *request;
    uint32_t node;
};

/* ---- a file of what was not sent */

static void triage_done(struct hub_entries *w, int result) {
    struct taking *d = (struct taking *)w;
    if (result != 0) {
        request_error(d->request, "busy", "the disk is full, or failed; nothing was changed", "free space on the hub's disk, then again");
    } else if (w->other > 0 && w->taken + w->known == 0) {
        request_error(
            d->request, "conflict",
            "these changes do not follow what the hub has of that node: a part before them is missing, or its log is an older copy",
            "bring the parts in their order; else a person writes them again from `anjuctl export` there");
    } else {
        log_fact(
            LOG_WARNING, "hub.triage", FACT_UINT("node", d->node), FACT_UINT("taken", w->taken), FACT_UINT("known", w->known),
            FACT_UINT("other", w->other), FACT_UINT("uid", request_uid(d->request)));
        request_ok(
            d->request,
            json_pack(
                "{s:i, s:I, s:I, s:I, s:s}", "node", (int)d->node, "taken", (json_int_t)w->taken, "known", (json_int_t)w->known, "other",
                (json_int_t)w->other, "next", "they are in quarantine: `anjuctl quarantine list`, then retry or discard them"));
    }
    free(d);
}

static bool by_its_key(const struct unsent *u, const struct hub_peer *p) {
    return p->keyed && (unsent_holds(u, p->keys.sign) || (p->before_until != 0 && unsent_holds(u, p->before.sign)));
}

static void fill(struct taking *d, const struct unsent *u) {
    struct hub_entries *w = &d->entries;
    w->list = arena_take(&w->arena, (u->count + 1) * sizeof *w->list);
    for (size_t i = 0; i < u->count; i++)
        w->list[w->count++] = wire_log_entry_of(LOG_TRIAGE, u->node, &u->pushes[i], clock_wall());
}

void cmd_node_triage(void *owner, struct request *q) {
    struct city *c = owner;
    struct taking *d = memory_zeroed(1, sizeof *d);
    const char *file = request_text(q, "file"), *what = NULL, *hint = "";
    struct unsent u;
    struct bytes text = arena_copy(&d->entries.arena, bytes_text(file == NULL ? "" : file));
    int r = unsent_read(text, &d->entries.arena, &u);
    const struct hub_peer *p = r == 0 ? hub_engine_peer_of(c->engine, u.node) : NULL;
    if (r != 0) {
        what = "this is no file of unsent changes, or it is cut or damaged";
        hint = "at the node: anjuctl export unsent --out FILE";
    } else if (p == NULL) {
        what = "it is of a node that this city does not have";
        hint = "`anjuctl nodes` lists them";
    } else if (!p->link.revoked && !p->link.retired) {
        what = "its node is neither revoked nor closed: it sends its changes by itself";
        hint = "`anjuctl node show` says how far it is";
    } else if (!by_its_key(&u, p)) {
        what = "it is not signed by the key of its node, or it was changed since";
        hint = "make it again at that machine: anjuctl export unsent --out FILE";
    }
    if (what != NULL) {
        request_error(q, "bad_request", what, hint);
        arena_close(&d->entries.arena);
        free(d);
        return;
    }
    d->city = c;
    d->request = q;
    d->node = u.node;
    d->entries.done = triage_done;
    fill(d, &u);
    hub_engine_entries(c->engine, &d->entries);
}

/* ---- held changes: which they are, then an order for each */

enum { ORDERS_MOST = 10000 }; /* of one command: no more than a quarantine may hold */

struct chosen {
    struct id16 incarnation;
    uint64_t seq;
};
struct decision {
    struct question ask;
    struct held_wanted wanted;
    enum log_kind kind;
    struct buffer reason; /* owns */
    struct buffer chosen; /* owns; of struct chosen */
    unsigned found;
    struct hub_entries entries;
};

static int choose(void *owner, uint32_t node, const struct held *h, const struct quarantined *kept) {
    struct decision *d = owner;
    if (held_is_wanted(&d->wanted, node, h, kept) && d->found++ < ORDERS_MOST)
        buffer_add(&d->chosen, bytes_of(&(struct chosen){h->incarnation, h->seq}, sizeof(struct chosen)));
    return 0;
}

static void choose_run(struct question *a, struct txn *state, struct txn *log) {
    struct decision *d = (struct decision *)a;
    (void)log;
    if (hub_held(state, d->wanted.node, choose, d) != 0)
        question_fail(a, "conflict", "run `anjuctl verify`", "a held change is damaged");
    else
        held_missing(a, &d->wanted, d->found);
}

static void decided(struct decision *d, int result) {
    buffer_close(&d->reason);
    buffer_close(&d->chosen);
    question_answer(&d->ask, result);
}

static void orders_done(struct hub_entries *w, int result) {
    struct decision *d = (struct decision *)(void *)((char *)w - offsetof(struct decision, entries));
    unsigned given = d->found < ORDERS_MOST ? d->found : ORDERS_MOST;
    if (result != 0) {
        question_fail(&d->ask, "busy", "free space on the hub's disk, then again", "the disk is full, or failed; nothing was changed");
    } else {
        log_fact(
            LOG_WARNING, d->kind == LOG_RETRY ? "hub.held_retried" : "hub.held_discarded", FACT_UINT("node", d->wanted.node),
            FACT_UINT("changes", given), FACT_UINT("uid", request_uid(d->ask.request)));
        json_array_append_new(
            d->ask.rows,
            json_pack(
                "{s:I, s:o, s:I, s:s}", "node", (json_int_t)d->wanted.node, "seq",
                d->wanted.seq == 0 ? json_null() : json_integer((json_int_t)d->wanted.seq), "changes", (json_int_t)given, "next",
                request_words(
                    d->ask.request,
                    d->found > given ? "there are more: the same command again" : "`anjuctl quarantine list` says what became of it")));
    }
    decided(d, 0);
}

static void choose_done(struct hub_read *r, int result) {
    struct decision *d = (struct decision *)r;
    struct hub_entries *w = &d->entries;
    const struct chosen *chosen = (const struct chosen *)(const void *)d->chosen.at;
    if (result != 0 || d->ask.code != NULL) {
        decided(d, d->ask.code != NULL ? 0 : result);
        return;
    }
    w->count = d->chosen.len / sizeof *chosen;
    w->list = arena_take(&w->arena, w->count * sizeof *w->list);
    struct id16 actor = operator_id(d->ask.city, d->ask.request);
    struct bytes reason = arena_copy(&w->arena, buffer_bytes(&d->reason));
    for (size_t i = 0; i < w->count; i++)
        w->list[i] = (struct log_entry){
            .kind = d->kind,
            .node = d->wanted.node,
            .incarnation = chosen[i].incarnation,
            .first = chosen[i].seq,
            .received = clock_wall(),
            .actor = actor,
            .body = reason};
    w->done = orders_done;
    hub_engine_entries(d->ask.city->engine, w);
}

static void decide(struct city *c, struct request *q, enum log_kind kind) {
    const char *reason = request_text(q, "reason");
    struct held_wanted wanted;
    if (!held_wanted_read(q, HELD_MANY, &wanted))
        return;
    if (kind == LOG_DISCARD && (reason == NULL || *reason == '\0')) {
        request_error(q, "bad_request", "why shall it not be merged? its office is told that it was discarded", "--reason TEXT");
        return;
    }
    struct decision *d = question_of(c, q, sizeof *d, choose_run);
    d->ask.read.done = choose_done;
    d->ask.one = true;
    d->wanted = wanted;
    d->kind = kind;
    buffer_text(&d->reason, reason == NULL ? "" : reason);
    question_submit(&d->ask);
}

void cmd_quarantine_retry(void *owner, struct request *q) {
    decide(owner, q, LOG_RETRY);
}

void cmd_quarantine_discard(void *owner, struct request *q) {
    decide(owner, q, LOG_DISCARD);
}
