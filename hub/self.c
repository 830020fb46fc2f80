/* What the hub answers of itself, as every daemon does: long work (common/daemon/jobs.h), which is what operators ask of it and
 * compactions, which begin by themselves; the latest of its log; its settings. */
#include "common/daemon/config.h"
#include "common/daemon/events.h"
#include "common/daemon/jobs.h"

#include "hub/city.h"

void cmd_jobs(void *owner, struct request *q) {
    const struct city *c = owner;
    jobs_list(c->jobs, q);
}

void cmd_job_wait(void *owner, struct request *q) {
    const struct city *c = owner;
    jobs_wait(c->jobs, q);
}

/* Before it is noted. */
void cmd_job_stop(void *owner, struct request *q) {
    struct city *c = owner;
    jobs_stop_one(c->jobs, q);
    cmd_administer(c, q);
}

void cmd_job_cancel(void *owner, struct request *q) {
    const struct city *c = owner;
    jobs_cancel(c->jobs, q);
}

void compaction_began(void *owner, struct progress *p) {
    struct city *c = owner;
    c->compaction = jobs_begin_own(c->jobs, "compaction", "stores", p);
}

void compaction_ended(void *owner, const char *why) {
    struct city *c = owner;
    jobs_end(c->jobs, c->compaction, why);
}

void cmd_events(void *owner, struct request *q) {
    const struct city *c = owner;
    events_list(c->events, q);
}

void cmd_log_level(void *owner, struct request *q) {
    const struct city *c = owner;
    events_level(q, settings_text(c->settings, "log_level"));
}

void cmd_config_show(void *owner, struct request *q) {
    const struct city *c = owner;
    config_show(c->settings, q);
}

void cmd_config_check(void *owner, struct request *q) {
    const struct city *c = owner;
    config_check(c->settings, q);
}
