/* What a person decides about changes that were not merged: those that a revoked or closed node still had, brought in a file, come into
 * quarantine; there each is tried again, or discarded. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/unsent.h"
#include "hub/city.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deciding {
    struct hub_entries entries;
    struct city *city;
    struct request *request;
    uint32_t node;
    uint64_t seq;
};

static bool failed(struct deciding *d, int result) {
    if (result != 0)
        request_error(d->request, "busy", "the disk is full, or failed; nothing was changed", "free space on the hub's disk, then again");
    return result != 0;
}

/* ---- a file of what was not sent */

static void triage_done(struct hub_entries *w, int result) {
    struct deciding *d = (struct deciding *)w;
    if (!failed(d, result) && w->other > 0 && w->taken + w->known == 0) {
        request_error(
            d->request, "conflict",
            "these changes do not follow what the hub has of that node: a part before them is missing, or its log is an older copy",
            "bring the parts in their order; else a person writes them again from `anjuctl export` there");
    } else if (result == 0) {
        log_fact(
            LOG_WARNING, "hub.triage", FACT_UINT("node", d->node), FACT_UINT("taken", w->taken), FACT_UINT("known", w->known),
            FACT_UINT("other", w->other), FACT_UINT("uid", request_uid(d->request)));
        request_ok(
            d->request,
            json_pack(
                "{s:i, s:I, s:I, s:I, s:s}", "node", (int)d->node, "taken", (json_int_t)w->taken, "known", (json_int_t)w->known, "other",
                (json_int_t)w->other, "next", "they are in quarantine: `anjuctl quarantine list`, then retry or discard each"));
    }
    free(d);
}

static bool by_its_key(const struct unsent *u, const struct hub_peer *p) {
    return p->keyed && (unsent_holds(u, p->keys.sign) || (p->before_until != 0 && unsent_holds(u, p->before.sign)));
}

static void fill(struct deciding *d, const struct unsent *u) {
    struct hub_entries *w = &d->entries;
    w->list = arena_take(&w->arena, (u->count + 1) * sizeof *w->list);
    for (size_t i = 0; i < u->count; i++) {
        const struct push *p = &u->pushes[i];
        w->list[w->count++] = (struct log_entry){
            .kind = LOG_TRIAGE,
            .node = u->node,
            .incarnation = p->incarnation,
            .first = p->first,
            .count = p->count,
            .before = p->before,
            .after = p->after,
            .received = clock_wall(),
            .signature = p->signature,
            .body = p->body,
        };
    }
}

void cmd_node_triage(void *owner, struct request *q) {
    struct city *c = owner;
    struct deciding *d = memory_zeroed(1, sizeof *d);
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

/* ---- one held change: which it is, then the order */

bool held_wanted_read(struct request *q, struct held_wanted *out) {
    const char *node = request_text(q, "node"), *seq = request_text(q, "seq"), *life = request_text(q, "incarnation");
    char *node_end = NULL, *end = NULL;
    *out = (struct held_wanted){
        .node = node == NULL ? 0 : (uint32_t)strtoul(node, &node_end, 10),
        .seq = seq == NULL ? 0 : strtoull(seq, &end, 10),
        .by_life = life != NULL};
    bool good = node_end != NULL && node_end != node && *node_end == '\0' && out->seq != 0 && *end == '\0' &&
                (life == NULL || id_parse(life, &out->incarnation));
    if (!good)
        request_error(q, "bad_request", "which change? the node's number and the change's seq", "`anjuctl quarantine list` shows both");
    return good;
}

bool held_is_wanted(const struct held_wanted *w, uint32_t node, const struct held *h) {
    return node == w->node && h->seq == w->seq && (!w->by_life || id_equal(&h->incarnation, &w->incarnation));
}

struct finding {
    struct question ask;
    struct held_wanted wanted; /* its life is filled in when it is found */
    enum log_kind kind;
    struct buffer reason; /* owns */
};

static int find_each(void *owner, uint32_t node, const struct held *h, const struct quarantined *held) {
    struct finding *f = owner;
    (void)held;
    if (!held_is_wanted(&f->wanted, node, h))
        return 0;
    f->wanted.found++;
    f->wanted.incarnation = h->incarnation;
    return 0;
}

static void find_run(struct hub_read *r, struct txn *state, struct txn *log) {
    struct finding *f = (struct finding *)r;
    (void)log;
    hub_held(state, f->wanted.node, find_each, f);
}

static void decide_done(struct hub_entries *w, int result) {
    struct deciding *d = (struct deciding *)w;
    if (!failed(d, result))
        request_ok(
            d->request, json_pack(
                            "{s:i, s:I, s:s}", "node", (int)d->node, "seq", (json_int_t)d->seq, "next",
                            "`anjuctl quarantine list` says what became of it"));
    free(d);
}

static void find_done(struct hub_read *r, int result) {
    struct finding *f = (struct finding *)r;
    struct request *q = f->ask.request;
    if (result != 0)
        request_error(q, "internal", "the state cannot be read", "run `anjuctl verify`");
    else if (f->wanted.found == 0)
        request_errorf(
            q, "not_found", "`anjuctl quarantine list`", "no change %" PRIu64 " of node %" PRIu32 " is held", f->wanted.seq,
            f->wanted.node);
    else if (f->wanted.found > 1)
        request_errorf(
            q, "conflict", "--incarnation HEX, as `anjuctl -o jsonl quarantine list` says",
            "%u lives of node %" PRIu32 " have a held change %" PRIu64, f->wanted.found, f->wanted.node, f->wanted.seq);
    if (result == 0 && f->wanted.found == 1) {
        struct deciding *d = memory_zeroed(1, sizeof *d);
        struct hub_entries *w = &d->entries;
        d->city = f->ask.city;
        d->request = q;
        d->node = f->wanted.node;
        d->seq = f->wanted.seq;
        w->list = arena_take(&w->arena, sizeof *w->list);
        w->count = 1;
        w->list[0] = (struct log_entry){
            .kind = f->kind,
            .node = d->node,
            .incarnation = f->wanted.incarnation,
            .first = f->wanted.seq,
            .received = clock_wall(),
            .actor = operator_id(d->city, q),
            .body = arena_copy(&w->arena, buffer_bytes(&f->reason))};
        w->done = decide_done;
        hub_engine_entries(d->city->engine, w);
    }
    json_decref(f->ask.rows);
    buffer_close(&f->reason);
    free(f);
}

static void decide(struct city *c, struct request *q, enum log_kind kind) {
    const char *reason = request_text(q, "reason");
    struct held_wanted wanted;
    if (!held_wanted_read(q, &wanted))
        return;
    if (kind == LOG_DISCARD && (reason == NULL || *reason == '\0')) {
        request_error(q, "bad_request", "why shall it not be merged? its office is told that it was discarded", "--reason TEXT");
        return;
    }
    struct finding *f = memory_zeroed(1, sizeof *f);
    f->ask.city = c;
    f->ask.request = q;
    f->ask.read.work = find_run;
    f->ask.read.done = find_done;
    f->wanted = wanted;
    f->kind = kind;
    buffer_text(&f->reason, reason == NULL ? "" : reason);
    hub_engine_read(c->engine, &f->ask.read);
}

void cmd_quarantine_retry(void *owner, struct request *q) {
    decide(owner, q, LOG_RETRY);
}

void cmd_quarantine_discard(void *owner, struct request *q) {
    decide(owner, q, LOG_DISCARD);
}
