/* Stories of lives and timelines: restored and cloned nodes, restored hubs, lost messages, wrong clocks, full disks. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

/* A node restored from a backup pushes again what the hub has, after others built on it (idempotent by name). */
static void pushed_again(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 1, A, 11);
    world_backup(w, 1);
    world_join(w, 1);
    world_run(w, 400000);
    world_set(w, 2, 1, A, 22);
    world_run(w, 10000);
    world_set(w, 2, 1, A, 23);
    world_set(w, 1, 1, B, 5);
    world_run(w, 10000);
    world_restore_node(w, 1, 0);
    world_run(w, 60000);
    world_expect(w, "node n-1 restored");
    world_must(w, world_heads(w, 0, 1, A) == 1 && world_value(w, 0, 1, A) == 23, "a change that came again undid what was built on it");
}
const struct story story_pushed_again = {
    "pushed_again", "a restored node sends again what the hub has: nothing is undone", 2, pushed_again};

static void two_lives_one_clock(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 1);
    world_skew(w, 1, -10000);
    world_set(w, 1, 1, A, 41);
    world_run(w, 10000);
    world_restore_node(w, 1, 0);
    world_set(w, 1, 1, A, 42);
    world_run(w, 60000);
    world_must(w, world_heads(w, 0, 1, A) == 2, "an edit of a lost life and one of the new life share a name");
    world_expect(w, "node n-1 is restored from its backup 0");
    world_expect(w, "node n-1 restored");
    world_expect(w, "hub  on n-1 take_over");
    world_expect(w, "hub  merged to");
}
const struct story story_two_lives = {
    "two_lives", "a restored node with a clock that went back: both lives' edits are there", 1, two_lives_one_clock};

static void late_push(struct world *w) {
    w->faults = FAULT_LATE;
    world_create(w, 1, 1);
    world_run(w, 10000);
    for (int i = 0; i < 10; i++) {
        world_skew(w, 1, 500000);
        world_set(w, 1, 1, A, (uint64_t)(50 + i));
        world_run(w, 5);
        world_cut(w, 1);
        world_skew(w, 1, 0);
        world_join(w, 1);
        world_run(w, 5000);
    }
    world_expect_none(w, "restored");
    world_expect_none(w, "forked");
    world_expect(w, "net  n-1 is cut off");
    world_expect(w, "hub  from n-1 hears push");
    world_expect(w, "node n-1 welcome");
}
const struct story story_late_push = {
    "late_push", "a push of the old connection arrives after the new Welcome: it is dropped", 1, late_push};

static void lost_messages(struct world *w) {
    w->faults = FAULT_LOSS | FAULT_TWICE;
    for (uint64_t i = 1; i <= 20; i++) {
        world_create(w, 1, i);
        world_run(w, 500);
    }
    world_run(w, 400000);
    world_must(w, world_acked(w, 1) == 20, "messages were lost, and the node waits for ever");
    world_expect(w, "net  n-1 loses a message");
    world_expect(w, "hears push");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_lost_messages = {
    "lost_messages", "messages are lost, doubled and overtake each other: all comes through", 1, lost_messages};

static void hub_clock_year_ahead(struct world *w) {
    world_skew(w, 0, INT64_C(31536000000));
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_skew(w, 0, 0);
    world_crash(w, 0, 100);
    world_run(w, 400000);
    world_set(w, 1, 1, A, 9);
    world_run(w, 20000);
    world_must(w, world_held(w) == 0 && world_value(w, 0, 1, A) == 9, "after the hub's clock was wrong, honest edits are held");
    world_expect(w, "clock is off by 31536000000");
    world_expect(w, "hub  crashes");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "hub  from n-1 hears push 2..2");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_hub_clock = {
    "hub_clock", "the hub's clock was a year ahead for a while: honest edits still count", 1, hub_clock_year_ahead};

static void node_clock_ahead(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_skew(w, 1, 5000000);
    world_set(w, 1, 1, A, 8);
    world_set(w, 1, 1, A, 9);
    world_skew(w, 1, 0);
    world_join(w, 1);
    world_run(w, 400000);
    world_must(w, world_held(w) == 0 && world_value(w, 0, 1, A) == 9, "edits made under a wrong clock are lost or held");
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_expect(w, "clock is off by 5000000");
    world_expect(w, "node n-1 saved 3 of record 1");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "hears push 2..");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_node_clock = {"node_clock", "edits stamped ahead are stamped again at the Welcome (A10)", 1, node_clock_ahead};

static void hub_restored(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 2, 1, A, 22);
    world_run(w, 10000);
    world_restore_hub(w, 0, 0);
    world_run(w, 400000);
    world_must(
        w, world_value(w, 0, 1, A) == 22 && world_value(w, 1, 1, A) == 22, "an edit that the restored hub lacked was not sent again");
    world_expect_none(w, "alarm");
    world_expect(w, "hub  is restored: log of backup 0");
    world_expect(w, "node n-2 welcome");
    world_expect(w, "hub  from n-2 hears push 2..2");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_hub_restored = {
    "hub_restored", "the hub is restored: offices fill up what it lacks, without alarm (A12)", 2, hub_restored};

static void same_copy_twice(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    for (int i = 0; i < 2; i++) {
        world_restore_hub(w, 0, 0);
        world_run(w, 400000);
    }
    world_set(w, 1, 1, A, 9);
    world_run(w, 20000);
    world_must(w, world_value(w, 0, 1, A) == 9, "after the second restore of one copy the node does not follow");
    world_expect(w, "log of backup 0");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "log of backup 0");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "hears push 2..2");
}
const struct story story_same_copy_twice = {
    "same_copy_twice", "one copy is restored twice: each restore is a new epoch", 1, same_copy_twice};

static void older_copy(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 9);
    world_run(w, 70000);
    world_trim(w, 1);
    world_restore_hub(w, 0, 0);
    world_run(w, 400000);
    world_must(w, world_value(w, 0, 1, A) == 9, "a change between two copies was forgotten before the older copy was restored");
    world_expect(w, "forgets");
    world_expect(w, "log of backup 0");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "hears push");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_older_copy = {
    "older_copy", "the newest copy is bad, the one before is restored: nothing was trimmed too early (A9)", 1, older_copy};

static void log_and_state_apart(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_backup(w, 0);
    world_cut(w, 1);
    world_restore_hub(w, 0, 1);
    world_create(w, 2, 2);
    world_run(w, 400000);
    world_must(w, world_has(w, 0, 2), "what was acknowledged after the restore is never merged");
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "log of backup 0, state of backup 1");
    world_expect(w, "hub  from n-2 hears push 1..1");
    world_expect(w, "hub  merged to");
    world_expect(w, "net  n-1 is reachable");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_log_and_state = {"log_and_state", "log and state are restored to different moments (A8)", 2, log_and_state_apart};

static void second_incarnation(struct world *w) {
    world_backup(w, 0);
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 1);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_restore_node(w, 1, 0);
    world_run(w, 60000);
    world_restore_hub(w, 0, 0);
    world_run(w, 400000);
    world_must(w, world_value(w, 0, 1, A) != 0, "the first incarnation was never sent again to the restored hub");
    world_expect(w, "node n-1 restored");
    world_expect(w, "hub  is restored");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "hears push 1..");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_second_incarnation = {
    "second_incarnation", "node restored, then hub restored to before: every incarnation is sent again", 1, second_incarnation};

static void own_decision(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_policy(w, 12);
    world_run(w, 10000);
    world_backup(w, 0);
    world_hub_set(w, 1, A, 13);
    world_run(w, 10000);
    world_restore_hub(w, 0, 0);
    world_run(w, 400000);
    world_must(
        w, world_value(w, 0, 1, A) == 13 && world_value(w, 1, 1, A) == 13, "the hub's own decision after the copy has no second home");
    world_expect(w, "hub  is restored");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_own_decision = {
    "own_decision", "what the hub itself decided after its copy comes back after a restore", 1, own_decision};

static void cloned(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 1); /* the clone's disk: run for a while, then the first disk returns */
    struct store *first = store_memory_copy(w->nodes[1].store);
    world_set(w, 1, 1, A, 7);
    world_run(w, 10000);
    store_close(first);
    first = store_memory_copy(w->nodes[1].store);
    world_restore_node(w, 1, 0);
    world_run(w, 30000);
    world_expect(w, "take_over");
    /* now the first disk is plugged in again */
    world_crash(w, 1, 100);
    store_close(w->nodes[1].store);
    w->nodes[1].store = first;
    world_run(w, 400000);
    world_expect(w, "two machines use this node's disk");
    world_person(w);
    world_run(w, 400000);
}
const struct story story_cloned = {
    "cloned", "a life returns after another took over: the hub calls it forked and waits for a person", 1, cloned};

/* The same, and the clone has work that nobody else has: it becomes a node of its own, and nothing is lost or doubled. */
static void clone_enrolled_anew(struct world *w) {
    world_scope(w, 2, 1, true);
    world_cut(w, 2); /* not in use yet */
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 1, A, 7); /* both disks have it unsent */
    world_backup(w, 1);       /* the clone's disk */
    world_join(w, 1);
    world_run(w, 10000);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    struct store *first = store_memory_copy(w->nodes[1].store);
    world_restore_node(w, 1, 0); /* the clone runs instead */
    world_run(w, 30000);
    world_expect(w, "hub  on n-1 take_over");
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 2, B, 9); /* nobody else has it */
    struct store *clone = store_memory_copy(w->nodes[1].store);
    world_crash(w, 1, 100);
    store_close(w->nodes[1].store);
    w->nodes[1].store = first; /* the first disk is plugged in again */
    world_join(w, 1);
    world_run(w, 60000);
    world_expect(w, "hub  on n-1 refused: two machines use this node's disk");
    world_enrol_anew(w, 2, clone, 1);
    world_join(w, 2);
    world_person(w);
    world_run(w, 400000);
    world_expect(w, "node n-2 is enrolled, on a clone of the disk of n-1");
    world_expect(w, "hub  from n-2 hears push");
    world_expect(w, "node n-2 caught_up");
    world_must(w, world_heads(w, 0, 1, A) == 1 && world_value(w, 0, 1, A) == 8, "what both disks had counts twice, or undid what followed");
    world_must(w, world_value(w, 0, 2, A) == 2 && world_value(w, 0, 2, B) == 9, "the clone's own work is lost");
    world_must(w, world_value(w, 1, 2, B) == 9 && world_value(w, 2, 1, A) == 8, "the two offices do not hold the same");
}
const struct story story_clone_enrolled_anew = {
    "clone_enrolled_anew", "a cloned disk becomes a node of its own: its work comes in, names kept", 2, clone_enrolled_anew};

static void node_disk_full(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_full(w, 1, true);
    world_set(w, 1, 1, A, 9);
    world_expect(w, "cannot save");
    world_policy(w, 5);
    world_run(w, 20000);
    world_full(w, 1, false);
    world_set(w, 1, 1, A, 10);
    world_run(w, 60000);
    world_must(w, world_value(w, 0, 1, A) == 10, "an office whose disk was full does not go on");
}
const struct story story_node_disk_full = {
    "node_disk_full", "an office's disk is full: the clerk is told, nothing half is kept", 1, node_disk_full};

static void crashes(struct world *w) {
    for (uint64_t i = 1; i <= 10; i++) {
        world_create(w, 1, i);
        world_run(w, 3 * i);
        world_crash(w, 0, 50);
        world_run(w, 2000);
        world_create(w, 2, 100 + i);
        world_run(w, 2 * i);
        world_crash(w, 2, 20);
        world_run(w, 2000);
    }
    world_expect(w, "hub  crashes");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "node n-2 crashes");
    world_expect(w, "node n-2 welcome");
    world_expect(w, "hub  crashes");
}
const struct story story_crashes = {"crashes", "hub and node crash in the middle of commits, merges and pages", 2, crashes};

static void bit_rot(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 20000);
    world_expect_none(w, "alarm");
    world_flip(w, 1);
    world_expect(w, "node n-1 has a flipped bit");
    world_set(w, 1, 1, B, 3);
    world_run(w, 10000);
    world_expect(w, "node n-1 alarm"); /* found at the next comparison … */
    world_expect(w, "node n-1 says repair-ask");
    world_expect(w, "hub  to n-1 says repair-fill 1 entries"); /* … and filled from the hub */
    world_expect(w, "node n-1 caught_up");
    w->nodes[1].alarmed = false; /* rot is what the alarm is for */
    world_run(w, 200000);
    world_expect_none(w, "alarm");
    world_expect_none(w, "repair-ask");
}
const struct story story_bit_rot = {"bit_rot", "a flipped bit in an office's copy is found and filled again from the hub", 1, bit_rot};
