/* Stories of the feed: paging, entering and leaving an area, scope. Each is a shortest script that once broke a rule (named in brackets).
 */
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

static void first_contact(struct world *w) {
    world_create(w, 1, 1);
    world_expect(w, "node n-1 saved 1 of record 1");
    world_run(w, 10000);
    world_expect(w, "hears push 1..1");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 caught_up");
    world_must(w, world_has(w, 0, 1), "the record did not reach the hub");
}
const struct story story_first_contact = {"first_contact", "a new office saves a record, and the hub has it", 1, first_contact};

static void offline_weeks(struct world *w) {
    world_cut(w, 1);
    for (uint64_t i = 1; i <= 30; i++) {
        world_create(w, 1, i);
        world_run(w, 86400000 / 2);
    }
    world_must(w, !world_has(w, 0, 1), "an office without a link reached the hub");
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "hears push");
    world_must(w, world_acked(w, 1) == 30, "not all edits of two weeks were accepted");
}
const struct story story_offline_weeks = {
    "offline_weeks", "two weeks without a link: work goes on, then everything goes up", 1, offline_weeks};

/* Fields newer than the cursor's floor, never than at (A1). */
static void paging(struct world *w) {
    w->page_bytes = 1;
    world_scope(w, 2, 1, true);
    world_run(w, 10000);
    world_cut(w, 2);
    for (uint64_t i = 1; i <= 4; i++)
        world_create(w, 1, i);
    world_run(w, 5000);
    world_set(w, 1, 1, B, 7);
    world_run(w, 5000);
    world_join(w, 2);
    world_run(w, 60000);
    world_expect(w, "node n-2 hears feed");
    world_must(w, world_value(w, 2, 1, A) == 1 && world_value(w, 2, 1, B) == 7, "a field between two pages was never sent");
}
const struct story story_paging = {"paging", "a record whose older row is stale comes whole over two pages (A1)", 2, paging};

/* An entry is whole when the record came into the node's areas after its floor (A2). */
static void moved(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set(w, 1, 1, B, 5);
    world_run(w, 10000);
    world_move(w, 1, 1, 2);
    world_run(w, 10000);
    world_must(w, world_value(w, 2, 1, B) == 5 && world_value(w, 2, 1, A) == 1, "a record that moved in came without its older fields");
    world_must(w, !world_has(w, 1, 1), "a record that moved away stayed");
    world_expect(w, "hub  from n-1 hears push 3..3");
    world_expect(w, "hub  to n-2 says feed");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_moved = {"moved", "a record moves to another office: it comes whole there and leaves here (A2)", 2, moved};

/* A `left` row is current in the area that was left, however often the record changes elsewhere (A3). */
static void left_row(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_hub_move(w, 1, 2);
    world_run(w, 10000);
    world_set(w, 2, 1, A, 9);
    world_run(w, 10000);
    world_sweep(w);
    world_join(w, 1);
    world_run(w, 400000);
    world_must(w, !world_has(w, 1, 1), "the office that was away did not hear that the record left");
    world_expect(w, "net  n-1 is cut off");
    world_expect(w, "hub  sweeps stale rows");
    world_expect(w, "net  n-1 is reachable");
    world_expect(w, "hub  to n-1 says feed");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_left_row = {
    "left_row", "an office that was away hears that a record left, although it changed since (A3)", 2, left_row};

static void gained(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_create(w, 2, 2);
    world_run(w, 10000);
    world_scope(w, 2, 1, true);
    world_run(w, 20000);
    world_must(w, world_has(w, 2, 1), "what was in the area before it was gained never came");
    world_expect(w, "hub  n-2 serves the area of n-1");
    world_expect(w, "loading 1");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_gained = {"gained", "an office gains an area: what was there before is loaded (A11)", 2, gained};

static void lost_scope(struct world *w) {
    world_scope(w, 2, 1, true);
    world_create(w, 1, 1);
    world_run(w, 20000);
    world_must(w, world_has(w, 2, 1), "a served area's record did not come");
    world_scope(w, 2, 1, false);
    world_run(w, 20000);
    world_must(w, !world_has(w, 2, 1), "an office keeps a record of an area that it no longer serves");
    world_expect(w, "hub  n-2 serves the area of n-1");
    world_expect(w, "hub  n-2 leaves the area of n-1");
    world_expect(w, "hub  to n-2 says feed");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_lost_scope = {"lost_scope", "an office loses an area: its copies go", 2, lost_scope};

/* A copy of the disk, with a change that was merged since, comes back after the area went: the change is pushed again, its record is not
 * here any more, and no row of an area that is still served ever told of it. */
static void lost_scope_pending(struct world *w) {
    world_scope(w, 2, 1, true);
    world_create(w, 1, 1);
    world_run(w, 20000);
    world_cut(w, 2);
    world_set(w, 2, 1, A, 8);
    world_backup(w, 2);
    world_join(w, 2);
    world_run(w, 400000);
    world_must(w, world_value(w, 1, 1, A) == 8, "the edit is not merged");
    world_scope(w, 2, 1, false);
    world_run(w, 20000);
    world_restore_node(w, 2, 0);
    world_run(w, 400000);
    world_must(w, !world_has(w, 2, 1), "an office keeps what it wrote of a record in an area that it no longer serves");
    world_expect(w, "hub  n-2 leaves the area of n-1");
    world_expect(w, "node n-2 is restored from its backup 0");
    world_expect(w, "node n-2 says push 1..1");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_lost_scope_pending = {
    "lost_scope_pending", "an older disk has an edit in an area that its office has lost: no copy stays (A11)", 2, lost_scope_pending};

static void shared(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_create(w, 2, 2);
    world_run(w, 10000);
    world_cut(w, 2);
    world_adopt(w, 2, 1);
    world_join(w, 2);
    world_run(w, 400000);
    world_must(w, world_value(w, 2, 1, A) == 1, "an office took up a record by its id, and it did not come whole");
    world_must(w, world_heads(w, 1, 1, FIELD_HOME) == 1, "the home office lost the record's home");
    world_expect(w, "net  n-2 is cut off");
    world_expect(w, "node n-2 saved 2 of record 1");
    world_expect(w, "net  n-2 is reachable");
    world_expect(w, "hub  from n-2 hears push 2..2");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_shared = {"shared", "an office without a link takes up a record that it has never seen", 2, shared};

static void concurrent(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_cut(w, 2);
    world_set(w, 1, 1, A, 11);
    world_run(w, 1000);
    world_set(w, 2, 1, A, 22);
    world_join(w, 1);
    world_join(w, 2);
    world_run(w, 400000);
    world_must(w, world_heads(w, 0, 1, A) == 2, "a concurrent edit was lost");
    world_must(w, world_value(w, 1, 1, A) == 22 && world_value(w, 2, 1, A) == 22, "the offices show different winners");
    world_hub_set(w, 1, A, 33);
    world_run(w, 20000);
    world_must(w, world_heads(w, 1, 1, A) == 1 && world_value(w, 2, 1, A) == 33, "a decision did not settle the conflict everywhere");
    world_expect(w, "node n-1 saved 2 of record 1");
    world_expect(w, "node n-2 saved 2 of record 1");
    world_expect(w, "hears push 2..2");
    world_expect(w, "hears push 2..2");
    world_expect(w, "hub  merged to");
    world_expect(w, "caught_up");
}
const struct story story_concurrent = {
    "concurrent", "two offices set one field apart: both values stay until a person decides", 2, concurrent};

static void delete_against_edit(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_cut(w, 2);
    world_delete(w, 1, 1);
    world_set(w, 2, 1, A, 22);
    world_join(w, 2);
    world_run(w, 400000);
    world_must(
        w, world_heads(w, 0, 1, FIELD_DELETED) == 1 && world_value(w, 0, 1, A) == 22, "an edit made while the record was deleted is lost");
    world_expect(w, "node n-1 saved 2 of record 1");
    world_expect(w, "node n-2 saved 2 of record 1");
    world_expect(w, "hub  from n-2 hears push 2..2");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_delete_against_edit = {
    "delete_against_edit", "deleted here, edited there: the edit stays visible for review", 2, delete_against_edit};

static void policy(struct world *w) {
    world_cut(w, 2);
    world_policy(w, 12);
    world_run(w, 20000);
    world_policy(w, 13);
    world_run(w, 20000);
    world_join(w, 2);
    world_run(w, 400000);
    world_expect(w, "node n-2 caught_up");
}
const struct story story_policy = {"policy", "two policies while an office is away: it gets the newer one", 2, policy};

/* A8, the second part of rule (A3): a load interrupted by a crash resumes, and what changes meanwhile comes too. */
static void interrupted_load(struct world *w) {
    w->page_bytes = 1;
    for (uint64_t i = 1; i <= 30; i++)
        world_create(w, 1, i);
    world_run(w, 20000);
    world_scope(w, 2, 1, true);
    world_run(w, 300);
    world_crash(w, 2, 20);
    world_set(w, 1, 1, A, 77);
    world_set(w, 1, 30, A, 78);
    world_run(w, 800);
    world_crash(w, 2, 20);
    world_run(w, 300000);
    world_must(w, world_value(w, 2, 1, A) == 77 && world_value(w, 2, 30, A) == 78, "a change during an interrupted load did not come");
    world_expect(w, "hub  n-2 serves the area of n-1");
    world_expect(w, "node n-2 crashes");
    world_expect(w, "node n-2 welcome");
    world_expect(w, "node n-2 crashes");
    world_expect(w, "node n-2 welcome");
    world_expect(w, "loading 1");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_interrupted_load = {
    "interrupted_load", "a load that two crashes interrupt resumes and misses nothing", 2, interrupted_load};
