/* The city's metrics: what monitors draw and warn by. Sums over offices, never one office's own. */
#include "common/daemon/metrics.h"
#include "common/base/clock.h"
#include "hub/city.h"

#include <stdio.h>
#include <string.h>

static const struct metric up = {"anju_up_seconds", "gauge", "Since the daemon started."};
static const struct metric nodes = {"anju_nodes", "gauge", "Enrolled offices, by how their link stands."};
static const struct metric connections = {"anju_connections", "gauge", "Sessions of offices that are open."};
static const struct metric canary = {"anju_canary_oldest_seconds", "gauge", "Of the sessions the longest since when no canary came back."};
static const struct metric refused = {"anju_handshakes_refused_total", "counter", "Who did not come in at the door, by reason."};
static const struct metric credit = {"anju_credit_bytes", "gauge", "What offices may still send before the hub has answered."};
static const struct metric records = {"anju_records", "gauge", "Merged records that are not deleted."};
static const struct metric pushed = {"anju_push_bytes_total", "counter", "Received in pushes since the start."};
static const struct metric merged = {"anju_merged_changes_total", "counter", "Changes that were folded since the start."};
static const struct metric log_entries = {"anju_log_entries", "gauge", "The log's last position."};
static const struct metric backlog = {"anju_merge_backlog_entries", "gauge", "In the log and not folded yet."};
static const struct metric lag = {"anju_merge_lag_seconds", "gauge", "Since the fold came further, while something waits; else 0."};
static const struct metric rounds = {"anju_merge_round_seconds", "histogram", "How long the fold's rounds took that brought something."};
static const struct metric unsent = {"anju_unsent_changes", "gauge", "Saved at offices and not sent, by their last reports."};
static const struct metric unsent_oldest = {"anju_unsent_oldest_seconds", "gauge", "Age of the oldest of them."};
static const struct metric sizes = {"anju_store_bytes", "gauge", "Size of the stores."};
static const struct metric disk = {"anju_disk_free_bytes", "gauge", "Free on the disk of the stores."};
static const struct metric conflicts = {"anju_conflicts", "gauge", "Fields with concurrent values."};
static const struct metric conflicts_oldest = {"anju_conflicts_oldest_seconds", "gauge", "Age of the oldest conflict."};
static const struct metric held = {"anju_quarantine_changes", "gauge", "Changes in quarantine."};
static const struct metric held_oldest = {"anju_quarantine_oldest_seconds", "gauge", "Age of the oldest of them."};
static const struct metric policies = {"anju_policies", "gauge", "Policies in force."};
static const struct metric reach = {"anju_policy_offices", "gauge", "Offices of all policies in force together, by how far each has come."};
static const struct metric backup_age = {"anju_backup_age_seconds", "gauge", "Since the last backup; absent: none was made."};
static const struct metric backups = {"anju_backups_kept", "gauge", "Backups that a restore may use."};
static const struct metric erasures = {"anju_erasures_open", "gauge", "Orders to erase that are not carried out everywhere yet."};

static double number_of(const json_t *status, const char *name) {
    return (double)json_integer_value(json_object_get(status, name));
}

/* What is not known is not said. */
static void seconds(struct metrics *m, const struct metric *what, const json_t *status, const char *name) {
    const json_t *v = json_object_get(status, name);
    if (json_is_integer(v))
        metric_one(m, what, (double)json_integer_value(v) / 1000);
}

static void say_nodes(struct metrics *m, const json_t *status) {
    static const char *const states[] = {"online", "stale", "unknown", "offline", "retired", "paused_or_revoked"};
    char label[64];
    metric_begin(m, &nodes);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        snprintf(label, sizeof label, "state=\"%s\"", states[i]);
        metric_sample(m, &nodes, label, number_of(status, states[i]));
    }
}

static void say_sessions(const struct city *c, struct metrics *m) {
    uint64_t open = 0, oldest = 0, allowed = 0;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++) {
        const struct hub_link *l = &hub_engine_peer(c->engine, i)->link;
        uint64_t age = hub_link_unverified_ms(l, clock_now());
        open += l->state != HUB_ABSENT;
        oldest = age > oldest ? age : oldest;
        allowed += l->state == HUB_READY && l->credit > l->spent ? l->credit - l->spent : 0;
    }
    metric_one(m, &connections, (double)open);
    metric_one(m, &canary, (double)oldest / 1000);
    metric_one(m, &credit, (double)allowed);
}

static void say_door(const struct city *c, struct metrics *m) {
    const struct router_failures *f = hub_engine_failures(c->engine);
    char label[64];
    metric_begin(m, &refused);
    for (size_t i = 0; i < ROUTER_REASONS; i++) {
        snprintf(label, sizeof label, "reason=\"%s\"", router_reason_name((enum router_reason)i));
        metric_sample(m, &refused, label, (double)f->counts[i]);
    }
}

static void say_merge(const struct hub_counts *n, const json_t *status, struct metrics *m) {
    static const double bounds[] = HUB_ROUND_SECONDS;
    metric_one(m, &records, (double)n->records);
    metric_one(m, &pushed, (double)n->received_bytes);
    metric_one(m, &merged, (double)n->merged_changes);
    metric_one(m, &log_entries, (double)n->log_last);
    metric_one(m, &backlog, number_of(status, "merge_backlog"));
    metric_one(m, &lag, number_of(status, "merge_waits_ms") / 1000);
    metric_histogram(m, &rounds, bounds, HUB_ROUNDS - 1, n->rounds, (double)n->rounds_us / 1e6);
}

static void say_stores(const struct city *c, const json_t *status, struct metrics *m) {
    const struct hub_stores *s = hub_engine_stores(c->engine);
    metric_begin(m, &sizes);
    metric_sample(m, &sizes, "store=\"log\"", (double)store_bytes(s->log));
    metric_sample(m, &sizes, "store=\"state\"", (double)store_bytes(s->state));
    metric_sample(m, &sizes, "store=\"own\"", (double)store_bytes(s->own));
    metric_one(m, &disk, number_of(status, "disk_free_bytes"));
}

static void say_policies(const struct city *c, struct metrics *m) {
    const struct city_reach *r = standing_reach(c);
    if (r == NULL)
        return;
    metric_one(m, &policies, (double)r->policies);
    metric_begin(m, &reach);
    metric_sample(m, &reach, "state=\"applied\"", (double)r->taken);
    metric_sample(m, &reach, "state=\"pending\"", (double)(r->of - r->taken - r->refused));
    metric_sample(m, &reach, "state=\"refused\"", (double)r->refused);
}

void city_metrics(void *owner, struct metrics *m) {
    struct city *c = owner;
    struct hub_counts n = hub_engine_counts(c->engine);
    struct problems problems = {.count = 0};
    json_t *status = json_object();
    city_problems(c, &(struct problem_limits){PROBLEM_LAG_MS, PROBLEM_OFFLINE_MS, PROBLEM_DISK_BYTES}, status, &problems);
    metric_common(m, "hub", &problems);
    seconds(m, &up, status, "up_ms");
    say_nodes(m, status);
    say_sessions(c, m);
    say_door(c, m);
    say_merge(&n, status, m);
    metric_one(m, &unsent, number_of(status, "unsent"));
    seconds(m, &unsent_oldest, status, "unsent_oldest_ms");
    say_stores(c, status, m);
    metric_one(m, &conflicts, (double)n.conflicts);
    seconds(m, &conflicts_oldest, status, "conflicts_oldest_ms");
    metric_one(m, &held, (double)n.held);
    seconds(m, &held_oldest, status, "held_oldest_ms");
    say_policies(c, m);
    seconds(m, &backup_age, status, "backup_age_ms");
    metric_one(m, &backups, number_of(status, "backups_kept"));
    metric_one(m, &erasures, number_of(status, "erasures_open"));
    problems_close(&problems);
    json_decref(status);
}

void cmd_metrics(void *owner, struct request *q) {
    const struct city *c = owner;
    metrics_answer(&c->metrics, q);
}
