/* What the city decides, on its way to every office (common/catalogue/policy.h). */
#include "tests/sim/story.h"

enum { DAY = 86400000 };

static void policy_day(struct world *w) {
    world_publish(w, 'x', 0, 0, 1);
    world_publish(w, 'x', 0, 1, 2);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 1, 'x') == 1 && world_in_force(w, 2, 'x') == 1, "what is to come tomorrow is in force today");
    world_cut(w, 2);
    world_run(w, DAY);
    world_must(w, world_in_force(w, 2, 'x') == 2, "an office without a line did not go over to the staged policy");
    world_must(w, world_in_force(w, 1, 'x') == 2, "an office with a line did not go over to the staged policy");
    world_join(w, 2);
}
const struct story story_policy_day = {"policy_day", "a staged policy begins on its day, at an office that is cut off too", 2, policy_day};

/* One hears of both at once, the other one by one, the third of the later one first in force. */
static void policy_order(struct world *w) {
    world_cut(w, 2);
    world_publish(w, 'x', 0, 0, 1);
    world_run(w, 20000);
    world_publish(w, 'x', 0, 0, 2);
    world_publish(w, 'y', 0, 1, 5);
    world_publish(w, 'y', 0, 0, 6);
    world_run(w, 20000);
    world_join(w, 2);
    world_run(w, 400000);
    for (uint32_t i = 1; i <= 2; i++) {
        world_must(w, world_in_force(w, i, 'x') == 2, "the later version is not in force");
        world_must(w, world_in_force(w, i, 'y') == 6, "a later version that begins earlier is not in force");
        world_must(w, world_refused(w, i) == 0, "an office refused what the city published");
    }
    world_run(w, 2 * DAY);
    world_must(w, world_in_force(w, 1, 'y') == 6 && world_in_force(w, 2, 'y') == 6, "what was superseded before its day began after all");
}
const struct story story_policy_order = {"policy_order", "versions come one by one or all at once: the same is in force", 2, policy_order};

static void policy_back(struct world *w) {
    world_publish(w, 'x', 0, 0, 1);
    world_run(w, 20000);
    world_cut(w, 2);
    world_publish(w, 'x', 0, 0, 2);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 1, 'x') == 2 && world_in_force(w, 2, 'x') == 1, "an office that is away has what it cannot have");
    world_publish(w, 'x', 0, 0, 1); /* a roll-back is a new version of the old text */
    world_run(w, 20000);
    world_join(w, 2);
    world_run(w, 400000);
    world_must(w, world_in_force(w, 1, 'x') == 1 && world_in_force(w, 2, 'x') == 1, "it did not go back everywhere");
    world_must(w, world_refused(w, 1) == 0 && world_refused(w, 2) == 0, "a roll-back was refused");
}
const struct story story_policy_back = {"policy_back", "a policy goes back while an office is away", 2, policy_back};

static void policy_old_disk(struct world *w) {
    world_publish(w, 'x', 0, 0, 1);
    world_run(w, 20000);
    world_backup(w, 2);
    world_publish(w, 'x', 0, 0, 2);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 2, 'x') == 2, "the second version is not in force");
    world_restore_node(w, 2, 0);
    world_must(w, world_in_force(w, 2, 'x') == 1, "the old copy does not have the first version");
    world_run(w, 400000);
    world_must(w, world_in_force(w, 2, 'x') == 2, "an office on an old disk stays with the old policy");
    world_must(w, world_refused(w, 2) == 0, "it refused a version that it had had before");
}
const struct story story_policy_old_disk = {
    "policy_old_disk", "an office comes back on an old disk: it has the old policy until it hears of the new one", 2, policy_old_disk};

static void policy_district(struct world *w) {
    world_publish(w, 'x', 0, 0, 1);
    world_publish(w, 'x', 2, 0, 7);
    world_publish(w, 'y', 2, 0, 8);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 2, 'x') == 7 && world_in_force(w, 2, 'y') == 8, "a narrower scope's policy does not count in it");
    world_must(w, world_in_force(w, 1, 'x') == 1 && world_in_force(w, 3, 'x') == 1, "a narrower scope's policy counts elsewhere");
    world_must(w, !world_heard_of(w, 1, 'y') && !world_heard_of(w, 3, 'y'), "an office heard of a policy that is not for it");
    world_halt(w, 'x', 2);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 2, 'x') == 1, "the city's policy does not count again where the narrower one ended");
}
const struct story story_policy_district = {
    "policy_district", "a policy for a part of the city reaches that part alone, and ends there", 3, policy_district};

static void policy_forged(struct world *w) {
    world_publish(w, 'x', 0, 0, 1);
    world_publish(w, 'x', 0, 0, 2);
    world_run(w, 20000);
    world_forge(w, 'x', FORGE_SIGNATURE, 66);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 1, 'x') == 2 && world_refused(w, 1) == 1, "an office took what the city's keys did not sign");
    world_forge(w, 'x', FORGE_TEXT, 77);
    world_run(w, 20000);
    world_must(w, world_in_force(w, 1, 'x') == 2 && world_refused(w, 1) == 2, "a version was given another text");
    world_publish(w, 'x', 0, 0, 3); /* the number that the forged one had */
    world_run(w, 20000);
    world_must(
        w, world_in_force(w, 1, 'x') == 3 && world_refused(w, 1) == 1, "the true version of a number that was forged is not taken up");
}
const struct story story_policy_forged = {"policy_forged", "forged versions: the old rule stays, and it is told", 2, policy_forged};
