/* Long work of the hub (common/daemon/jobs.h): what operators ask of it, and compactions, which begin by themselves. */
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
