#include "common/daemon/self.h"

static struct self *of(void *owner) {
    return owner;
}

void self_open(struct self *s, const struct settings *settings) {
    *s = (struct self){.settings = settings, .jobs = jobs_open(), .events = events_open()};
}

void self_close(struct self *s) {
    s->jobs = jobs_close(s->jobs);
    s->events = events_close(s->events);
}

void self_events(void *owner, struct request *q) {
    events_list(of(owner)->events, q);
}

void self_log_level(void *owner, struct request *q) {
    events_level(q, settings_text(of(owner)->settings, "log_level"));
}

void self_config_show(void *owner, struct request *q) {
    config_show(of(owner)->settings, q);
}

void self_config_check(void *owner, struct request *q) {
    config_check(of(owner)->settings, q);
}

void self_jobs(void *owner, struct request *q) {
    jobs_list(of(owner)->jobs, q);
}

void self_job_wait(void *owner, struct request *q) {
    jobs_wait(of(owner)->jobs, q);
}

void self_job_cancel(void *owner, struct request *q) {
    jobs_cancel(of(owner)->jobs, q);
}

void self_compaction_began(void *owner, struct progress *p) {
    of(owner)->compaction = jobs_begin_own(of(owner)->jobs, "compaction", "stores", p);
}

void self_compaction_ended(void *owner, const char *why) {
    jobs_end(of(owner)->jobs, of(owner)->compaction, why);
}
