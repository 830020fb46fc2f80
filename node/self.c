/* What the node answers of itself, as every daemon does: long work (common/daemon/jobs.h), which is what people ask of it, compactions,
 * which begin by themselves, and imports, whose programs tell how far they are; the latest of its log; its settings. */
#include "common/daemon/config.h"
#include "common/daemon/events.h"
#include "common/daemon/jobs.h"

#include "node/office.h"

void cmd_jobs(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_list(o->jobs, q);
}

void cmd_job_wait(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_wait(o->jobs, q);
}

/* Before it is noted. */
void cmd_job_stop(void *owner, struct request *q) {
    struct office *o = owner;
    jobs_stop_one(o->jobs, q);
    cmd_administer(o, q);
}

void cmd_job_cancel(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_cancel(o->jobs, q);
}

void cmd_job_begin(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_begin(o->jobs, q);
}

void cmd_job_tell(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_tell(o->jobs, q);
}

void cmd_job_end(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_end(o->jobs, q);
}

void compaction_began(void *owner, struct progress *p) {
    struct office *o = owner;
    o->compaction = jobs_begin_own(o->jobs, "compaction", "stores", p);
}

void compaction_ended(void *owner, const char *why) {
    struct office *o = owner;
    jobs_end(o->jobs, o->compaction, why);
}

void cmd_events(void *owner, struct request *q) {
    const struct office *o = owner;
    events_list(o->events, q);
}

void cmd_log_level(void *owner, struct request *q) {
    const struct office *o = owner;
    events_level(q, settings_text(o->settings, "log_level"));
}

void cmd_config_show(void *owner, struct request *q) {
    const struct office *o = owner;
    config_show(o->settings, q);
}

void cmd_config_check(void *owner, struct request *q) {
    const struct office *o = owner;
    config_check(o->settings, q);
}
