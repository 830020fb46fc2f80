/* This office's metrics. How much is written here is not among them: in a small office that would be a clerk's own number. */
#include "common/daemon/metrics.h"
#include "common/base/clock.h"
#include "node/office.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static const struct metric link_state = {"anju_link_state", "gauge", "1 at how the link stands."};
static const struct metric canary = {"anju_canary_age_seconds", "gauge", "Since a canary came back last; absent: none yet."};
static const struct metric unsent = {"anju_unsent_changes", "gauge", "Saved here and not accepted by the hub."};
static const struct metric unsent_oldest = {"anju_unsent_oldest_seconds", "gauge", "Age of the oldest of them."};
static const struct metric credit = {"anju_credit_bytes", "gauge", "What may still be sent before the hub has answered."};
static const struct metric held = {"anju_quarantine_changes", "gauge", "Changes of this office that the city did not take."};
static const struct metric lost = {"anju_lost_changes", "gauge", "Changes that were damaged on this disk before they were sent."};
static const struct metric offset = {"anju_clock_offset_seconds", "gauge", "The city's clock, less this machine's."};
static const struct metric repairs = {"anju_repairs_total", "counter", "Areas that were repaired from the hub."};
static const struct metric alarms = {"anju_digest_alarms_total", "counter", "Digests that differed although they had been equal."};
static const struct metric sizes = {"anju_store_bytes", "gauge", "Size of the store."};
static const struct metric disk = {"anju_disk_free_bytes", "gauge", "Free on the disk of the store."};
static const struct metric policies = {"anju_policies", "gauge", "Policies of this office, by state."};

static void say_link(const struct office *o, const struct node_side *s, struct metrics *m) {
    static const char *const states[] = {"online", "stale", "unknown", "offline", "refused"};
    const char *now = office_link_state(o);
    wall_ms wall = clock_wall();
    char label[64];
    metric_begin(m, &link_state);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        snprintf(label, sizeof label, "state=\"%s\"", states[i]);
        metric_sample(m, &link_state, label, strcmp(now, states[i]) == 0);
    }
    if (s->verified != 0)
        metric_one(m, &canary, wall > s->verified ? (double)(wall - s->verified) / 1000 : 0);
}

static void say_queue(const struct node_side *s, struct metrics *m) {
    const struct node_progress *p = &s->progress;
    uint64_t waiting = progress_backlog(p);
    wall_ms wall = clock_wall();
    metric_one(m, &unsent, (double)waiting);
    if (waiting > 0 && p->oldest_saved != 0)
        metric_one(m, &unsent_oldest, wall > p->oldest_saved ? (double)(wall - p->oldest_saved) / 1000 : 0);
    metric_one(m, &credit, s->credit > s->spent ? (double)(s->credit - s->spent) : 0);
    metric_one(m, &held, (double)p->held_count);
    metric_one(m, &lost, (double)p->lost_count);
    metric_one(m, &offset, (double)p->offset_ms / 1000);
    metric_one(m, &repairs, (double)s->repairs);
    metric_one(m, &alarms, (double)s->alarms);
}

static void say_machine(const struct office *o, struct metrics *m) {
    struct statvfs free_now;
    metric_begin(m, &sizes);
    metric_sample(m, &sizes, "store=\"node\"", (double)store_bytes(node_engine_store(o->engine)));
    if (statvfs(settings_text(o->settings, "data"), &free_now) == 0)
        metric_one(m, &disk, (double)free_now.f_bavail * (double)free_now.f_frsize);
    metric_begin(m, &policies);
    metric_sample(m, &policies, "state=\"in_force\"", o->policies_in_force);
    metric_sample(m, &policies, "state=\"staged\"", o->policies_staged);
    metric_sample(m, &policies, "state=\"refused\"", o->policies_refused);
    metric_sample(m, &policies, "state=\"unread\"", o->rules_unread);
}

void office_metrics(void *owner, struct metrics *m) {
    const struct office *o = owner;
    struct problems problems = {.count = 0};
    office_problems(o, &(struct problem_limits){PROBLEM_LAG_MS, PROBLEM_OFFLINE_MS, PROBLEM_DISK_BYTES}, "en", &problems);
    metric_common(m, "node", &problems);
    if (o->engine != NULL) {
        const struct node_side *s = node_engine_side(o->engine);
        say_link(o, s, m);
        say_queue(s, m);
        say_machine(o, m);
    }
    problems_close(&problems);
}

void cmd_metrics(void *owner, struct request *q) {
    const struct office *o = owner;
    metrics_answer(&o->metrics, q);
}
