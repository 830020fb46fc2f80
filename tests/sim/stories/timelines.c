/* Stories of timelines: which copies a hub is restored from, one after the other, and machines that are replaced. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A };

/* Restored to an old copy, then to a better one: a cursor of the timeline in between means nothing to the better copy's rows. */
static void lineage(struct world *w) {
    world_scope(w, 3, 1, true);
    world_run(w, 10000);
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    for (uint64_t i = 2; i <= 6; i++)
        world_create(w, 1, i);
    world_run(w, 10000);
    world_backup(w, 0);
    for (uint32_t i = 1; i <= 3; i++)
        world_cut(w, i);
    world_restore_hub(w, 0, 0);
    world_run(w, 1000);
    for (uint64_t i = 0; i < 9; i++) { /* the timeline in between gets longer than both copies */
        world_policy(w, i);
        world_run(w, 1000);
    }
    world_join(w, 3);
    world_run(w, 60000);
    world_expect(w, "node n-3 caught_up");
    world_cut(w, 3);
    world_must(w, world_has(w, 3, 1) && w->nodes[3].side.progress.cursor.at > 9, "the timeline in between did not grow");
    world_restore_hub(w, 1, 1);
    world_run(w, 1000);
    for (uint32_t i = 1; i <= 3; i++)
        world_join(w, i);
    world_run(w, 400000);
    world_expect(w, "log of backup 1");
    world_expect(w, "hub  to n-3 says welcome");
    world_expect(w, "node n-3 caught_up");
    for (uint64_t i = 1; i <= 6; i++)
        world_must(w, world_has(w, 3, i), "a record of the better copy never came to who followed the timeline in between");
    world_expect_none(w, "alarm");
}
const struct story story_lineage = {"lineage", "restored to an old copy, then to a better one: cursors of the time in between", 3, lineage};

/* A copy older than what nodes still hold: refused, and nothing else happens, until an operator restores a better one (A9). */
static void gap(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    struct store *log = store_memory_copy(w->hub.log), *state = store_memory_copy(w->hub.state);
    for (uint64_t i = 2; i <= 6; i++)
        world_create(w, 1, i);
    world_run(w, 10000);
    for (int i = 0; i < WORLD_BACKUPS; i++)
        world_backup(w, 0);
    world_run(w, 70000); /* the next Acks say what is safe */
    world_create(w, 1, 7);
    world_run(w, 10000);
    world_trim(w, 1);
    world_expect(w, "forgets 5 safe changes");
    w->promise_broken = true;
    store_close(w->hub.backups[0].log);
    store_close(w->hub.backups[0].state);
    w->hub.backups[0].log = log;
    w->hub.backups[0].state = state;
    world_restore_hub(w, 0, 0); /* one that nobody had promised to keep */
    world_run(w, 1000000);
    world_expect(w, "hub  on n-1 refused: the hub lacks changes that this node has forgotten");
    world_must(
        w, world_told(w, "hub  on n-1 hello") >= 3 && world_told(w, "hub  on n-1 hello") <= 8,
        "a node with a gap asks too often, or gives up");
    world_expect_none(w, "take_over");
    world_expect_none(w, "node n-1 restored");
    world_must(w, world_has(w, 1, 6), "the office cannot work on while an operator decides");
    world_create(w, 1, 8);
    world_restore_hub(w, 1, 1);
    world_run(w, 400000);
    world_expect(w, "log of backup 1");
    world_expect(w, "node n-1 welcome");
    world_must(w, world_has(w, 0, 6) && world_has(w, 0, 8), "with a better copy not everything is there again");
    world_must(w, w->nodes[1].side.progress.life_count == 1, "the refusals cost the node its life");
}
const struct story story_gap = {
    "gap", "restored to a copy older than what nodes still hold: refused until an operator finds a better one (A9)", 1, gap};

/* The state's position lies inside the log: what the log has above it is folded again, nothing begins anew. */
static void state_behind(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_backup(w, 0);
    uint64_t last = world_log_last(w);
    world_cut(w, 1);
    world_restore_hub(w, 1, 0);
    world_run(w, 5000);
    world_expect(w, "log of backup 1, state of backup 0");
    world_expect(w, "hub  merged to");
    world_must(w, world_log_last(w) == last, "a log that holds the state's position was begun anew");
    world_must(w, world_value(w, 0, 1, A) == 8, "what the log has above the state's position is not folded again");
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "node n-1 caught_up");
}
const struct story story_state_behind = {"state_behind", "the state is older than the log: the log is folded on (A8)", 1, state_behind};

/* Log and state are of two lives of the log: their positions say nothing about each other. */
static void another_life(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_set(w, 1, 1, A, 8);
    world_run(w, 10000);
    world_backup(w, 0);
    world_restore_hub(w, 0, 1); /* the state is beyond the log: the log begins a new life */
    world_run(w, 60000);
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_backup(w, 0);
    world_create(w, 1, 3);
    world_run(w, 10000);
    world_restore_hub(w, 1, 2);
    world_run(w, 400000);
    world_expect(w, "log of backup 1, state of backup 2");
    world_expect(w, "hears push");
    world_expect(w, "node n-1 caught_up");
    world_must(
        w, world_value(w, 0, 1, A) == 8 && world_has(w, 0, 2) && world_has(w, 0, 3), "log and state of two lives: something is missing");
}
const struct story story_another_life = {"another_life", "log and state are of different lives of the log (A8)", 1, another_life};

/* A restored pair fits, and goes on all the same under a new life of the log: at one position lies another entry than in the time that the
 * restore took back. A state of that time is not folded on from it. */
static void another_time(struct world *w) {
    world_backup(w, 0);
    for (uint64_t i = 1; i <= 2; i++)
        world_create(w, 1, i);
    world_run(w, 10000);
    world_backup(w, 0);
    world_cut(w, 1);
    world_restore_hub(w, 0, 0);
    world_run(w, 1000);
    for (uint64_t i = 3; i <= 5; i++)
        world_create(w, 2, i);
    world_run(w, 10000);
    world_must(w, world_has(w, 0, 3) && !world_has(w, 0, 1), "what was taken back is there without its node");
    world_backup(w, 0);
    world_restore_hub(w, 2, 1);
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "log of backup 2, state of backup 1");
    for (uint64_t i = 1; i <= 5; i++)
        world_must(w, world_has(w, 0, i), "a state was folded on from another time's entries");
}
const struct story story_another_time = {
    "another_time", "a restored pair begins a new life of the log: a state of the time taken back is not folded on from it (A8)", 2,
    another_time};

/* … and the log of the other life is the only place where an acknowledged change still is. */
static void another_life_carried_over(struct world *w) {
    world_backup(w, 0);
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_restore_hub(w, 0, 1); /* the state is beyond the log: the log begins a new life */
    world_run(w, 60000);
    world_create(w, 2, 2);
    world_run(w, 10000);
    world_set(w, 2, 2, A, 8);
    world_run(w, 10000);
    world_backup(w, 0);
    world_must(w, world_acked(w, 2) == 2, "not acknowledged");
    world_new_machine(w, 2);
    world_restore_hub(w, 2, 0);
    world_run(w, 400000);
    world_expect(w, "node n-2 is lost, a new machine is enrolled");
    world_expect(w, "log of backup 2, state of backup 0");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-2 caught_up");
    world_must(w, world_value(w, 0, 2, A) == 8 && world_value(w, 2, 2, A) == 8, "what was acknowledged is gone, though the log had it");
    world_must(w, world_has(w, 0, 1), "what a node still has did not come again");
}
const struct story story_another_life_carried_over = {
    "another_life_carried_over", "what only a log of another life holds is folded from there (A8)", 2, another_life_carried_over};

static void new_machine(struct world *w) {
    for (uint64_t i = 1; i <= 5; i++)
        world_create(w, 1, i);
    world_run(w, 10000);
    world_cut(w, 1);
    world_create(w, 1, 6); /* nobody else ever saw it */
    world_set(w, 1, 1, A, 7);
    world_new_machine(w, 1);
    world_expect(w, "the fault destroyed edit 6 of n-1");
    world_expect(w, "the fault destroyed edit 7 of n-1");
    world_join(w, 1);
    world_run(w, 60000);
    world_expect(w, "hub  on n-1 take_over");
    world_expect(w, "node n-1 caught_up");
    for (uint64_t i = 1; i <= 5; i++)
        world_must(w, world_value(w, 1, i, A) == i, "the new machine did not load everything");
    world_must(w, !world_has(w, 0, 6), "an edit that died with the machine is at the hub");
    world_set(w, 1, 2, A, 9);
    world_run(w, 10000);
    world_must(w, world_value(w, 0, 2, A) == 9, "the new machine's edits do not come through");
}
const struct story story_new_machine = {"new_machine", "a machine is lost: the new one loads everything, and works on", 1, new_machine};

/* I6: a restored hub says nothing before its own later decisions, which its second home has, are folded again. */
static void policy_never_falls(struct world *w) {
    world_policy(w, 12);
    world_run(w, 10000);
    world_backup(w, 0);
    world_policy(w, 13);
    world_run(w, 10000);
    world_restore_hub(w, 0, 0);
    store_memory_fault(w->hub.state, STORE_FAULT_DISK_FULL); /* folding takes its time */
    for (int i = 0; i < 40; i++) {
        world_run(w, 500);
        world_check_stores(w);
    }
    world_expect(w, "hub  is restored");
    world_must(w, world_told(w, "node n-1 welcome") == 0, "the hub let an office in before it knew its own decisions again");
    store_memory_fault(w->hub.state, STORE_FAULT_NONE);
    world_run(w, 60000);
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 welcome");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_policy_never_falls = {
    "policy_never_falls", "a restored hub waits for its own decisions before it lets anybody in (I6)", 1, policy_never_falls};
