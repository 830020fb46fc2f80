/* A story of a re-division: an office's community is dissolved and merged into its neighbour's while the office is away. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

/* What the hub does when the tree says so: the office serves the successor too, and what lies under the old code moves there. */
static void redivision(struct world *w) {
    world_create(w, 1, 1);
    world_create(w, 1, 2);
    world_create(w, 2, 3);
    world_create(w, 3, 4);
    world_run(w, 10000);
    world_adopt(w, 1, 4);
    world_run(w, 10000);
    world_cut(w, 1);
    world_cut(w, 3);
    world_set(w, 1, 1, A, 7);
    world_create(w, 1, 5); /* under the code that is dissolved just now */
    world_set(w, 1, 5, B, 8);
    world_add(w, 1, 4, 9);
    world_move(w, 1, 2, 3); /* and one that it gives to a third office */
    world_scope(w, 1, 2, true);
    world_hub_move(w, 1, 2);
    world_hub_move(w, 2, 2);
    world_run(w, 30000);
    world_must(w, world_has(w, 2, 1) && world_has(w, 2, 2), "the successor's office does not have what was moved");
    world_must(w, world_value(w, 1, 1, A) == 7, "who is away lost what it had written");
    world_crash(w, 0, 500);
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "hub  n-1 serves the area of n-2");
    world_expect(w, "node n-1 caught_up");
    world_must(w, world_has(w, 0, 5) && !world_has(w, 2, 5), "what was made under the old code did not come in under it");
    world_must(w, world_held(w) == 0, "work under a dissolved code is held");
    world_hub_move(w, 5, 2);
    world_run(w, 30000);
    world_join(w, 3);
    world_run(w, 400000);
    for (uint32_t node = 0; node <= 2; node++)
        world_must(
            w, world_value(w, node, 1, A) == 7 && world_value(w, node, 5, B) == 8 && world_has(w, node, 2),
            "records are not where they belong, or lost something");
    world_must(w, world_heads(w, 0, 2, FIELD_HOME) == 2, "two who gave it a home at once did not both stand");
    world_must(w, world_has(w, 3, 2) && world_has(w, 3, 4) && world_has(w, 1, 4), "a third office's records are gone");
    world_set(w, 2, 5, A, 10);
    world_run(w, 20000);
    world_must(w, world_value(w, 1, 5, A) == 10, "the office of the old code does not follow the successor's feed");
    world_expect_none(w, "alarm");
}
const struct story story_redivision = {
    "redivision", "a community is merged into another while its office is away with unsent work: nothing is lost", 3, redivision};
