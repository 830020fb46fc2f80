/* What is wrong in the city: the facts for the table of common/daemon/problems.h, gathered from all that the hub knows without its stores,
 * with the numbers of `status`; `problems` and `check`. */
#include "common/daemon/problems.h"
#include "common/base/clock.h"
#include "hub/city.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

/* ---- offices */

enum { STATE_FORKED = HUB_ONLINE + 1, STATE_PAUSED, STATE_RETIRED, STATE_REVOKED };

const char *const office_states[] = {"never seen", "offline", "greeting", "unknown", "stale", "online",
                                     "forked",     "paused",  "retired",  "revoked", NULL};

const char *office_state(const struct hub_link *l, instant now) {
    if (l->revoked)
        return office_states[STATE_REVOKED];
    if (l->retired)
        return office_states[STATE_RETIRED];
    if (l->paused)
        return office_states[STATE_PAUSED];
    if (l->forked)
        return office_states[STATE_FORKED];
    return office_states[hub_link_standing(l, now, PROBLEM_LAG_MS)];
}

uint64_t office_wrongs(const struct hub_peer *p) {
    return p->wrongs.garbage + p->wrongs.forged + p->wrongs.flood;
}

/* How long an office has been away: by what it said last, or since the hub started. */
static uint64_t away_ms(const struct city *c, const struct hub_link *l, instant now) {
    wall_ms wall = clock_wall(), since = l->reported != 0 ? l->reported : c->started;
    return l->heard != 0 ? now - l->heard : wall > since ? wall - since : 0;
}

/* Many offices may have the same: one line with how many, and the worst. */
struct worst {
    size_t count;
    uint32_t node;
    uint64_t by;
    const char *software;
};

static void worse(struct worst *w, const struct hub_link *l, uint64_t by) {
    if (w->count++ == 0 || by > w->by) {
        w->node = l->node;
        w->by = by;
        w->software = l->software;
    }
}

struct offices {
    size_t online, offline, unknown, stale, other, retired;
    uint64_t received, backlog, oldest_ms;
    struct worst away, unverified, clock, disk, alarm, version;
};

static bool speaks_other(const struct hub_link *l) {
    return l->refused == REFUSE_TOO_OLD || l->refused == REFUSE_TOO_NEW;
}

static uint64_t off(const struct hub_link *l) {
    return (uint64_t)llabs((long long)l->clock_ahead_ms);
}

static void count_office(const struct city *c, const struct problem_limits *limits, const struct hub_link *l, struct offices *o) {
    instant now = clock_now();
    enum hub_standing s = hub_link_standing(l, now, PROBLEM_LAG_MS);
    for (size_t k = 0; k < l->life_count; k++)
        o->received += l->lives[k].accepted;
    o->retired += l->retired && !l->revoked;
    o->other += l->revoked || (l->paused && !l->retired);
    if (l->revoked || l->retired || l->paused)
        return;
    o->backlog += l->last.backlog;
    if (l->reported != 0 && l->last.backlog > 0) {
        uint64_t age = l->last.oldest_ms + (clock_wall() > l->reported ? clock_wall() - l->reported : 0);
        o->oldest_ms = age > o->oldest_ms ? age : o->oldest_ms;
    }
    if (l->forked)
        return;
    o->online += s == HUB_ONLINE;
    o->offline += s == HUB_OFFLINE || s == HUB_NEVER_SEEN;
    o->unknown += s == HUB_UNKNOWN || s == HUB_GREETS;
    o->stale += s == HUB_STALE;
    if ((s == HUB_OFFLINE || s == HUB_NEVER_SEEN) && away_ms(c, l, now) > limits->offline_ms)
        worse(&o->away, l, away_ms(c, l, now));
    if (s > HUB_GREETS && hub_link_unverified_ms(l, now) > limits->lag_ms)
        worse(&o->unverified, l, hub_link_unverified_ms(l, now));
    if (l->heard != 0 && off(l) > LIMIT_CLOCK_AHEAD_MS)
        worse(&o->clock, l, off(l));
    if (speaks_other(l))
        worse(&o->version, l, 0);
    if (l->reported != 0 && l->last.disk_free < limits->disk_bytes)
        worse(&o->disk, l, UINT64_MAX - l->last.disk_free);
    if (l->last.alarms > 0)
        worse(&o->alarm, l, l->last.alarms);
}

static void name_offices(const struct offices *o, struct problems *out) {
    if (o->unverified.count > 0)
        problem_add(
            out, PROBLEM_NODE_UNVERIFIED, "{s:I, s:I, s:I}", "count", (json_int_t)o->unverified.count, "node",
            (json_int_t)o->unverified.node, "age_ms", (json_int_t)o->unverified.by);
    if (o->version.count > 0)
        problem_add(
            out, PROBLEM_VERSION, "{s:I, s:I, s:s}", "count", (json_int_t)o->version.count, "node", (json_int_t)o->version.node, "software",
            *o->version.software == '\0' ? "?" : o->version.software);
    if (o->alarm.count > 0)
        problem_add(out, PROBLEM_OFFICE_ALARM, "{s:I, s:I}", "count", (json_int_t)o->alarm.count, "node", (json_int_t)o->alarm.node);
    if (o->away.count > 0)
        problem_add(
            out, PROBLEM_NODE_OFFLINE, "{s:I, s:I, s:I}", "count", (json_int_t)o->away.count, "node", (json_int_t)o->away.node, "age_ms",
            (json_int_t)o->away.by);
    if (o->clock.count > 0)
        problem_add(
            out, PROBLEM_NODE_CLOCK, "{s:I, s:I, s:I}", "count", (json_int_t)o->clock.count, "node", (json_int_t)o->clock.node, "off_ms",
            (json_int_t)o->clock.by);
    if (o->disk.count > 0)
        problem_add(
            out, PROBLEM_OFFICE_DISK_LOW, "{s:I, s:I, s:I}", "count", (json_int_t)o->disk.count, "node", (json_int_t)o->disk.node,
            "free_bytes", (json_int_t)(UINT64_MAX - o->disk.by));
}

static void name_each(const struct hub_engine *e, struct problems *out) {
    struct buffer key = {0};
    for (size_t i = 0; i < hub_engine_peers(e); i++) {
        const struct hub_peer *p = hub_engine_peer(e, i);
        if (p->link.revoked || p->link.retired)
            continue;
        if (p->link.forked)
            problem_add(out, PROBLEM_FORKED, "{s:I}", "node", (json_int_t)p->link.node);
        if (p->link.refused == REFUSE_GAP)
            problem_add(out, PROBLEM_GAP, "{s:I}", "node", (json_int_t)p->link.node);
        if (p->link.full)
            problem_add(out, PROBLEM_QUARANTINE_FULL, "{s:I}", "node", (json_int_t)p->link.node);
    }
    for (size_t i = 0; i < hub_engine_peers(e); i++) { /* whose key does what no node of ours does: somebody has to look there */
        const struct hub_peer *p = hub_engine_peer(e, i);
        if (office_wrongs(p) == 0 || p->link.revoked || p->link.retired)
            continue;
        buffer_clear(&key);
        hex_encode(bytes_of(p->keys.curve, KEY_BYTES), &key);
        problem_add(
            out, PROBLEM_NODE_ALARM, "{s:I, s:s, s:I, s:I, s:I}", "node", (json_int_t)p->link.node, "key", buffer_string(&key), "garbage",
            (json_int_t)p->wrongs.garbage, "forged", (json_int_t)p->wrongs.forged, "flood", (json_int_t)p->wrongs.flood);
    }
    buffer_close(&key);
}

/* ---- the door: who knocked and did not come in. Of the last quarter of an hour each reason is told once. */

static bool was_key_of(const struct hub_peer *p, const uint8_t key[KEY_BYTES]) {
    return p->keyed &&
           (memcmp(p->keys.curve, key, KEY_BYTES) == 0 || (p->before_until != 0 && memcmp(p->before.curve, key, KEY_BYTES) == 0));
}

static uint32_t node_of_key(const struct hub_engine *e, const struct router_failure *x) {
    for (size_t k = 0; x->keyed && k < hub_engine_peers(e); k++)
        if (was_key_of(hub_engine_peer(e, k), x->key))
            return hub_engine_peer(e, k)->link.node;
    return 0;
}

static void name_stranger(const struct router_failures *f, const struct router_failure *x, uint32_t node, struct problems *out) {
    struct buffer who = {0};
    enum problem_name name = x->reason == ROUTER_UNKNOWN_KEY ? PROBLEM_WRONG_KEY
                             : x->reason == ROUTER_OTHER_HUB ? PROBLEM_OTHER_HUB
                                                             : PROBLEM_OTHER_TONGUE;
    if (node != 0)
        buffer_format(&who, "node %" PRIu32 ": ", node);
    buffer_format(&who, "somebody%s%s", *x->address == '\0' ? "" : " at ", x->address);
    problem_add(out, name, "{s:s, s:I}", "who", buffer_string(&who), "count", (json_int_t)f->counts[x->reason]);
    buffer_close(&who);
}

static void look_at_door(const struct city *c, json_t *out, struct problems *problems) {
    enum { RECENT_MS = 900000 };
    const struct router_failures *f = hub_engine_failures(c->engine);
    json_t *rows = json_array(), *counts = json_object();
    uint64_t all = 0;
    bool told[ROUTER_REASONS] = {[ROUTER_LATER] = true, [ROUTER_BROKEN_OFF] = true}; /* nobody need do anything */
    for (size_t i = 0; i < ROUTER_REASONS; i++) {
        json_object_set_new(counts, router_reason_name((enum router_reason)i), number(f->counts[i]));
        all += f->counts[i];
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct router_failure *x = &f->last[i];
        uint64_t ago = uv_now(&c->loop) - x->at;
        struct buffer key = {0};
        uint32_t node = node_of_key(c->engine, x);
        if (x->keyed)
            hex_encode(bytes_of(x->key, KEY_BYTES), &key);
        if (ago < RECENT_MS && !told[x->reason])
            name_stranger(f, x, node, problems);
        told[x->reason] = true;
        json_array_append_new(
            rows, json_pack(
                      "{s:I, s:s, s:s, s:s, s:s, s:o}", "when_ms", (json_int_t)(clock_wall() - ago), "address", x->address, "reason",
                      router_reason_name(x->reason), "words", router_reason_text(x->reason), "key", buffer_string(&key), "node",
                      node == 0 ? json_null() : number(node)));
        buffer_close(&key);
    }
    json_object_set_new(out, "handshakes_refused", number(all));
    json_object_set_new(out, "refused_by_reason", counts);
    json_object_set_new(out, "refused_last", rows);
}

/* ---- the hub itself */

static void look_at_troubles(const struct city *c, struct problems *out) {
    struct hub_troubles t = hub_engine_troubles(c->engine);
    if (t.log_full)
        problem_add(out, PROBLEM_LOG_FULL, "{}");
    if (t.state_full)
        problem_add(out, PROBLEM_STATE_FULL, "{}");
    if (t.own_full)
        problem_add(out, PROBLEM_OWN_FULL, "{}");
    if (t.merge_paused)
        problem_add(out, PROBLEM_MERGE_PAUSED, "{}");
    if (t.damaged > 0)
        problem_add(out, PROBLEM_RECORDS_DAMAGED, "{s:I}", "count", (json_int_t)t.damaged);
    if (t.roster_damaged)
        problem_add(out, PROBLEM_ROSTER_DAMAGED, "{}");
    if (t.unreadable)
        problem_add(out, PROBLEM_UNREADABLE, "{}");
    if (hub_engine_compact_full(c->engine)) {
        const struct hub_stores *s = hub_engine_stores(c->engine);
        json_int_t needed = (json_int_t)store_bytes(s->state) + (json_int_t)store_bytes(s->log) + (json_int_t)store_bytes(s->own);
        problem_add(out, PROBLEM_ERASE_DISK, "{s:I}", "needed_bytes", needed);
    }
}

static void look_at_merge(const struct hub_counts *n, const struct problem_limits *limits, struct problems *out) {
    uint64_t age = n->log_last > n->position ? clock_now() - n->moved_at : 0;
    if (age > limits->lag_ms)
        problem_add(out, PROBLEM_MERGE_STUCK, "{s:I, s:I}", "age_ms", (json_int_t)age, "count", (json_int_t)(n->log_last - n->position));
}

static void look_at_disk(const struct city *c, const struct problem_limits *limits, json_t *out, struct problems *problems) {
    struct statvfs disk;
    bool known = statvfs(settings_text(c->settings, "data"), &disk) == 0;
    uint64_t free_bytes = known ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
    json_object_set_new(out, "disk_free_bytes", known ? number(free_bytes) : json_null());
    if (known && free_bytes < limits->disk_bytes)
        problem_add(problems, PROBLEM_DISK_LOW, "{s:I}", "free_bytes", (json_int_t)free_bytes);
}

static void say_numbers(struct city *c, const struct hub_counts *n, const struct offices *o, json_t *out) {
    json_object_set_new(out, "endpoint", json_string(porter_endpoint(c->porter)));
    json_object_set_new(out, "nodes", number(hub_engine_peers(c->engine)));
    json_object_set_new(out, "online", number(o->online));
    json_object_set_new(out, "stale", number(o->stale));
    json_object_set_new(out, "unknown", number(o->unknown));
    json_object_set_new(out, "offline", number(o->offline));
    json_object_set_new(out, "paused_or_revoked", number(o->other));
    json_object_set_new(out, "retired", number(o->retired));
    json_object_set_new(out, "records", number(n->records));
    json_object_set_new(out, "received", number(o->received));
    json_object_set_new(out, "received_bytes", number(n->received_bytes));
    json_object_set_new(out, "unsent", number(o->backlog));
    json_object_set_new(out, "unsent_oldest_ms", o->backlog == 0 ? json_null() : number(o->oldest_ms));
    json_object_set_new(out, "log_last", number(n->log_last));
    json_object_set_new(out, "merged_to", number(n->position));
    json_object_set_new(out, "merge_backlog", number(n->log_last - n->position));
    json_object_set_new(out, "merge_waits_ms", number(n->log_last > n->position ? clock_now() - n->moved_at : 0));
    json_object_set_new(out, "hub_seq", number(n->hub_seq));
    json_object_set_new(out, "conflicts", number(n->conflicts));
    json_object_set_new(out, "held", number(n->held));
    json_object_set_new(out, "seal", json_string(c->sealing.from));
    json_object_set_new(out, "up_ms", number(clock_wall() - c->started));
}

void city_problems(struct city *c, const struct problem_limits *limits, json_t *out, struct problems *problems) {
    struct hub_counts n = hub_engine_counts(c->engine);
    struct offices o = {.online = 0};
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++)
        count_office(c, limits, &hub_engine_peer(c->engine, i)->link, &o);
    say_numbers(c, &n, &o, out);
    look_at_disk(c, limits, out, problems);
    look_at_troubles(c, problems);
    look_at_merge(&n, limits, problems);
    name_offices(&o, problems);
    name_each(c->engine, problems);
    look_at_door(c, out, problems);
    watch_status(c, out, problems);
    metrics_problem(&c->metrics, problems);
    json_object_set_new(out, "metrics", json_string(metrics_endpoint(&c->metrics)));
    backups_status(c, out, problems);
    enrol_status(c, out, problems);
    audit_status(c, problems);
    rekey_status(c, out, problems);
    erase_status(c, out);
    standing_status(c, out, problems);
    areas_status(c, out, problems);
    retention_status(c, out, problems);
    page_status(c, out, problems);
    problems_sort(problems);
}

/* ---- commands */

static bool find(void *owner, struct request *q, json_t *out, struct problems *problems) {
    struct problem_limits limits;
    if (!problem_limits_of(q, &limits))
        return false;
    city_problems(owner, &limits, out, problems);
    return true;
}

void cmd_problems(void *owner, struct request *q) {
    json_t *out = json_object();
    struct problems problems = {.count = 0};
    if (find(owner, q, out, &problems))
        problems_answer(q, &problems);
    problems_close(&problems);
    json_decref(out);
}

void cmd_check(void *owner, struct request *q) {
    static const char *const shown[] = {"nodes",         "online",         "stale", "unknown",   "offline",        "unsent",
                                        "merge_backlog", "merge_waits_ms", "held",  "conflicts", "disk_free_bytes"};
    json_t *out = json_object(), *numbers = json_object();
    struct problems problems = {.count = 0};
    if (find(owner, q, out, &problems)) {
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            json_object_set(numbers, shown[i], json_object_get(out, shown[i]));
        problems_answer_check(q, &problems, numbers);
    } else {
        json_decref(numbers);
    }
    problems_close(&problems);
    json_decref(out);
}
