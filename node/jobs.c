/* Jobs of this node that its daemon has no part in: imports, whose programs tell how far they are; and an order to stop one. */
#include "common/daemon/jobs.h"

#include "node/office.h"

/* Before it is noted. */
void cmd_job_stop(void *owner, struct request *q) {
    struct office *o = owner;
    jobs_stop_one(o->self.jobs, q);
    cmd_administer(o, q);
}

void cmd_job_begin(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_begin(o->self.jobs, q);
}

void cmd_job_tell(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_tell(o->self.jobs, q);
}

void cmd_job_end(void *owner, struct request *q) {
    const struct office *o = owner;
    jobs_guest_end(o->self.jobs, q);
}
