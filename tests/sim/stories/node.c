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

#define LOST "node n-1 has lost 1 changes"

/* A damaged change was not sent yet: a new life begins behind it, and only it is lost. */
static void log_rot(struct world *w) {
    world_create(w, 1, 1);
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 1, A, 8);
    world_set(w, 1, 2, A, 9);
    world_create(w, 1, 3);
    world_rot(w, 1, 4);
    world_set(w, 1, 2, B, 10);
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, LOST);
    world_must(w, world_value(w, 0, 1, A) == 8 && world_has(w, 0, 3), "what is sound around a damaged change was not sent");
    world_must(w, world_value(w, 0, 2, A) == 2 && world_value(w, 0, 2, B) == 10, "more, or less, than the damaged change is lost");
    world_must(w, world_value(w, 1, 2, A) == 2, "the office still shows what is lost");
    world_set(w, 1, 2, A, 11);
    world_run(w, 10000);
    world_must(w, world_value(w, 0, 2, A) == 11, "after a loss the work does not go on");
}
const struct story story_log_rot = {
    "log_rot", "a bit flips in a change that was not sent yet: it alone is lost, and told; work goes on", 1, log_rot};

static void log_rot_last(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 1, A, 8);
    world_rot(w, 1, 2);
    world_set(w, 1, 1, B, 9);
    world_must(w, world_value(w, 1, 1, B) == 9, "behind a damaged change no edit is saved");
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, LOST);
    world_must(w, world_value(w, 0, 1, B) == 9, "what was written behind a damaged change was not sent");
}
const struct story story_log_rot_last = {
    "log_rot_last", "the newest change is the damaged one: edits are saved all the same", 1, log_rot_last};

static void log_rot_accepted(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_rot(w, 1, 1);
    world_set(w, 1, 1, A, 8);
    world_cut(w, 1);
    world_run(w, 1000);
    world_join(w, 1);
    world_run(w, 400000);
    world_must(w, world_value(w, 0, 1, A) == 8, "behind a damaged change that the hub has nothing is sent");
    world_expect_none(w, "node n-1 restored");
    world_backup(w, 0);
    world_set(w, 1, 1, A, 9);
    world_run(w, 100000); /* what is safe is forgotten, damaged or not */
}
const struct story story_log_rot_accepted = {
    "log_rot_accepted", "the damaged change is the last that the hub accepted: nothing is lost, no new life", 1, log_rot_accepted};

/* The hub takes nothing for a while; what it did not take is read again from the disk, and one of it is damaged by then. */
static void log_rot_online(struct world *w) {
    world_create(w, 1, 1);
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_full(w, 0, true);
    world_set(w, 1, 1, A, 8);
    world_set(w, 1, 2, A, 9);
    world_set(w, 1, 1, B, 10);
    world_run(w, 2000);
    world_rot(w, 1, 4);
    world_full(w, 0, false);
    world_run(w, 400000);
    world_must(w, world_value(w, 0, 1, A) == 8 && world_value(w, 0, 1, B) == 10, "behind a damaged change nothing is sent");
    world_expect(w, LOST);
    world_must(w, world_value(w, 0, 2, A) == 2, "a damaged change went out");
}
const struct story story_log_rot_online = {
    "log_rot_online", "a change is damaged while the line is up and the hub's disk full", 1, log_rot_online};

/* After a restored hub even an accepted change must be sent again, and it is damaged by then. */
static void log_rot_hub_restored(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 8);
    world_set(w, 1, 1, B, 9);
    world_run(w, 10000);
    world_rot(w, 1, 2);
    world_restore_hub(w, 0, 0);
    world_run(w, 400000);
    world_expect(w, LOST);
    world_must(w, world_value(w, 0, 1, B) == 9, "what is sound was not sent again to the restored hub");
}
const struct story story_log_rot_hub_restored = {
    "log_rot_hub_restored", "the hub is restored and lacks a change that is damaged at its office", 1, log_rot_hub_restored};
