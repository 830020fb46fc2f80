#include "tests/sim/story.h"

static void tell(struct world *w) {
    world_create(w, 1, 1);
    world_expect(w, "node n-1 saved 1 of record 1");
    world_run(w, 10000);
    world_expect(w, "hears push 1..1");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 caught_up");
    if (!world_has(w, 0, 1))
        world_fail(w, "the record did not reach the hub");
}

const struct story story_first_contact = {"first_contact", "a new office saves a record, and the hub has it", 1, tell};
