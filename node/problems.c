/* What is wrong at this office: the facts for the table of common/daemon/problems.h; `problems` and `check`. */
#include "common/daemon/problems.h"
#include "common/base/clock.h"
#include "node/office.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static uint64_t unverified_ms(const struct node_side *s) {
    wall_ms now = clock_wall(), since = s->verified > s->welcomed_wall ? s->verified : s->welcomed_wall;
    return s->state == NODE_READY && now > since ? now - since : 0;
}

const char *office_link_state(const struct office *o) {
    const struct node_side *s = node_engine_side(o->engine);
    if (s->state != NODE_READY)
        return s->refused != 0 ? "refused" : "offline";
    if (unverified_ms(s) > PROBLEM_LAG_MS)
        return "stale";
    return s->canary == 0 ? "unknown" : "online";
}

static void look_at_link(const struct office *o, const struct problem_limits *limits, struct problems *out) {
    const struct node_side *s = node_engine_side(o->engine);
    const char *reason = node_engine_link_reason(o->engine);
    if (s->refused == REFUSE_PAUSED || s->refused == REFUSE_BUSY || s->refused == REFUSE_RETIRED)
        problem_add(out, PROBLEM_LINK, "{s:s}", "why", refusal_text(s->refused));
    else if (s->refused != 0)
        problem_add(out, PROBLEM_REFUSED, "{s:s}", "why", refusal_text(s->refused));
    else if (s->state != NODE_READY && *reason != '\0')
        problem_add(out, PROBLEM_LINK, "{s:s}", "why", reason);
    if (unverified_ms(s) > limits->lag_ms)
        problem_add(out, PROBLEM_UNVERIFIED, "{s:I}", "age_ms", (json_int_t)unverified_ms(s));
}

static void look_at_machine(const struct office *o, const struct problem_limits *limits, struct problems *out) {
    const struct node_side *s = node_engine_side(o->engine);
    struct statvfs disk;
    uint64_t off = (uint64_t)llabs((long long)s->progress.offset_ms);
    if (node_engine_disk_full(o->engine))
        problem_add(out, PROBLEM_DISK_FULL, "{}");
    else if (statvfs(settings_text(o->settings, "data"), &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < limits->disk_bytes)
        problem_add(out, PROBLEM_DISK_LOW, "{s:I}", "free_bytes", (json_int_t)disk.f_bavail * (json_int_t)disk.f_frsize);
    if (node_engine_compact_full(o->engine))
        problem_add(out, PROBLEM_ERASE_DISK, "{s:I}", "needed_bytes", (json_int_t)store_bytes(node_engine_store(o->engine)));
    if (node_side_alarmed(s) > 0)
        problem_add(out, PROBLEM_DIGEST_ALARM, "{s:I}", "count", (json_int_t)node_side_alarmed(s));
    if (s->progress.lost_count > 0)
        problem_add(out, PROBLEM_LOST, "{s:I}", "count", (json_int_t)s->progress.lost_count);
    if (off > LIMIT_CLOCK_AHEAD_MS)
        problem_add(out, PROBLEM_CLOCK, "{s:I}", "off_ms", (json_int_t)off);
}

static void look_at_audit(const struct office *o, struct problems *out) {
    const struct node_audit *a = node_engine_audit(o->engine);
    if (!audit_head_none(&a->own_broken.told.head) || a->bad != 0)
        problem_add(out, PROBLEM_AUDIT_OWN, "{}");
    if (!audit_head_none(&a->hub_broken.told.head))
        problem_add(out, PROBLEM_AUDIT_CITY, "{}");
}

static void look_at_rules(const struct office *o, const char *lang, struct problems *out) {
    struct buffer old = {0};
    if (office_too_old(&o->catalogue->rules, lang, &old))
        problem_add(out, PROBLEM_UPDATE_HERE, "{s:s}", "why", buffer_string(&old));
    if (o->policies_refused > 0)
        problem_add(out, PROBLEM_POLICIES_REFUSED, "{s:I}", "count", (json_int_t)o->policies_refused);
    if (o->rules_unread > 0)
        problem_add(out, PROBLEM_RULES_UNREAD, "{s:I}", "count", (json_int_t)o->rules_unread);
    buffer_close(&old);
}

void office_problems(const struct office *o, const struct problem_limits *limits, const char *lang, struct problems *out) {
    metrics_problem(&o->metrics, out);
    if (o->engine == NULL) {
        office_enrol_problem(o, out);
        return;
    }
    look_at_machine(o, limits, out);
    look_at_link(o, limits, out);
    look_at_audit(o, out);
    if (node_engine_side(o->engine)->progress.held_count > 0)
        problem_add(out, PROBLEM_HELD, "{s:I}", "count", (json_int_t)node_engine_side(o->engine)->progress.held_count);
    look_at_rules(o, lang, out);
    problems_sort(out);
}

/* ---- commands */

void cmd_problems(void *owner, struct request *q) {
    struct problems problems = {.count = 0};
    struct problem_limits limits;
    if (!problem_limits_of(q, &limits))
        return;
    office_problems(owner, &limits, request_chinese(q) ? "zh" : "en", &problems);
    problems_answer(q, &problems);
    problems_close(&problems);
}

void cmd_check(void *owner, struct request *q) {
    const struct office *o = owner;
    struct problems problems = {.count = 0};
    struct problem_limits limits;
    json_t *numbers = json_object();
    if (!problem_limits_of(q, &limits)) {
        json_decref(numbers);
        return;
    }
    office_problems(o, &limits, request_chinese(q) ? "zh" : "en", &problems);
    if (o->engine != NULL) {
        const struct node_side *s = node_engine_side(o->engine);
        json_object_set_new(numbers, "backlog", json_integer((json_int_t)progress_backlog(&s->progress)));
        json_object_set_new(numbers, "held", json_integer((json_int_t)s->progress.held_count));
        json_object_set_new(numbers, "unverified_ms", json_integer((json_int_t)unverified_ms(s)));
        json_object_set_new(numbers, "store_bytes", json_integer((json_int_t)store_bytes(node_engine_store(o->engine))));
    }
    problems_answer_check(q, &problems, numbers);
    problems_close(&problems);
}
