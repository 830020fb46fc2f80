/* Stories of an office by itself: its clock, its log, its disk. */
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

/* What was written under the wrong clock is sent at once, and held; nothing is left to stamp again when the clock is right. */
static void wrong_then_right(struct world *w, bool welcome_between) {
    world_create(w, 1, 1);
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_skew(w, 1, 5000000);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_must(w, world_held(w) == 1, "an edit stamped far ahead was not held");
    world_skew(w, 1, 0);
    if (welcome_between) {
        world_cut(w, 1);
        world_run(w, 1000);
        world_join(w, 1);
        world_run(w, 400000);
    }
    world_set(w, 1, 1, B, 9);
    world_set(w, 1, 2, B, 10);
    world_run(w, 20000);
    world_must(w, world_held(w) == 1, "the clock is right again, and edits are still held");
    world_must(w, world_value(w, 0, 1, B) == 9 && world_value(w, 0, 2, B) == 10, "what was written under the right clock is not merged");
}

static void clock_wrong_online(struct world *w) {
    wrong_then_right(w, false);
}
const struct story story_clock_wrong_online = {
    "clock_wrong_online", "an office's clock was wrong while it was online: what it writes afterwards counts", 1, clock_wrong_online};

static void clock_wrong_welcomed(struct world *w) {
    wrong_then_right(w, true);
}
const struct story story_clock_wrong_welcomed = {"clock_wrong_welcomed", "the same, with a new session between", 1, clock_wrong_welcomed};
