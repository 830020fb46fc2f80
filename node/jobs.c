/* Long work of the node (common/daemon/jobs.h): what people ask of it, compactions, which begin by themselves, and imports, whose programs
 * tell how far they are. */
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
