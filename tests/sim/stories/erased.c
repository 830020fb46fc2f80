/* Stories of what is erased for ever: who was away, whose disk is older, and who comes late with it. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

static void everywhere(struct world *w) {
    world_create(w, 1, 1);
    world_create_about(w, 1, 2, 1);
    world_create(w, 1, 3);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_adopt(w, 2, 2);
    world_run(w, 10000);
    world_must(w, world_has(w, 2, 1) && world_has(w, 2, 2), "the second office has no copy to lose");
    world_erase(w, 1);
    world_run(w, 10000);
    for (uint32_t node = 0; node <= 2; node++)
        world_must(w, !world_has(w, node, 1) && !world_has(w, node, 2), "an erased record, or one about it, is still there");
    world_must(w, world_has(w, 1, 3) && world_has(w, 0, 3), "another record went with it");
    world_set(w, 1, 1, A, 5);
    world_expect(w, "node n-1 refuses an edit of 1: 5");
    world_create_about(w, 2, 4, 1);
    world_expect(w, "node n-2 refuses an edit of 4: 5");
}
const struct story story_erased = {
    "erased", "a record and what is about it are gone everywhere, and taken by nobody any more", 2, everywhere};

static void unsent(struct world *w) {
    world_create(w, 1, 1);
    world_create(w, 1, 2);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_cut(w, 2);
    world_set(w, 2, 1, A, 7);
    world_create_about(w, 2, 3, 1);
    world_set(w, 2, 3, B, 8);
    world_create(w, 2, 4);
    world_set(w, 2, 1, B, 9);
    world_erase(w, 1);
    world_run(w, 10000);
    world_must(w, !world_has(w, 1, 1) && world_has(w, 2, 1), "who is away cannot have heard of it");
    world_join(w, 2);
    world_run(w, 60000);
    world_must(w, !world_has(w, 2, 1) && !world_has(w, 2, 3), "an office that was away still shows what is erased");
    world_must(w, world_has(w, 0, 4) && world_has(w, 2, 4), "its other work did not go on");
    world_must(w, world_held(w) == 0, "what came of the erased record is kept in quarantine");
    world_expect(w, "node n-2 connected");
    world_expect(w, "hub  to n-2 says feed"); /* the orders come first, and only then does it push */
    world_expect(w, "node n-2 says push");
}
const struct story story_erased_unsent = {
    "erased_unsent", "an office was away and has unsent edits of what is erased: the rest of its work goes on", 2, unsent};

static bool a_push(const struct message *m) {
    return m->kind == MESSAGE_PUSH;
}

static void hub_restored(struct world *w) {
    world_create(w, 1, 1);
    world_create_about(w, 1, 2, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    struct store *own = store_memory_copy(w->hub.own);
    world_cut(w, 2);
    world_set(w, 2, 1, A, 7);
    world_erase(w, 1);
    world_run(w, 10000);
    world_restore_hub(w, 0, 0);
    world_restore_own(w, own);           /* everything of it is older than the order: only an office knows it */
    for (int ms = 0; ms < 15000; ms++) { /* … and the hub hears of it late, however often it is said */
        w->nodes[1].loses = a_push;
        world_run(w, 1);
    }
    w->nodes[1].loses = NULL;
    world_must(w, world_has(w, 0, 1), "the restored hub has heard of the order already");
    world_must(w, !world_has(w, 1, 1), "an office took back what it had erased");
    world_run(w, 45000);
    world_must(w, !world_has(w, 1, 1) && !world_has(w, 1, 2), "an office that carried the order out got it back from the restored hub");
    world_must(w, !world_has(w, 0, 1) && !world_has(w, 0, 2), "the restored hub did not hear of the order again");
    world_join(w, 2);
    world_run(w, 60000);
    world_must(w, !world_has(w, 2, 1) && !world_has(w, 0, 1), "who was away brought it back");
    world_expect(w, "hub  is restored");
    world_expect(w, "hub  has an older second home");
    world_expect(w, "net  n-1 loses push");
}
const struct story story_erased_hub_restored = {
    "erased_hub_restored", "the hub and its second home are restored from before the order: an office hands it back", 2, hub_restored};

static void own_replayed(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 0);
    world_cut(w, 1);
    world_erase(w, 1);
    world_run(w, 10000);
    world_restore_hub(w, 0, 0);
    world_join(w, 1);
    world_run(w, 60000);
    world_must(w, !world_has(w, 1, 1) && !world_has(w, 0, 1), "the restored hub served what its second home says is erased");
    world_expect(w, "hub  is restored");
    world_expect(w, "node n-1 welcome");
}
const struct story story_erased_own_replayed = {
    "erased_own_replayed", "the hub is restored from before the order, and nobody else knows it: its second home does", 1, own_replayed};

static void node_restored(struct world *w) {
    world_create(w, 1, 1);
    world_create_about(w, 1, 2, 1);
    world_run(w, 10000);
    world_backup(w, 1);
    world_set(w, 1, 1, A, 5);
    world_run(w, 10000);
    world_erase(w, 1);
    world_run(w, 60000);
    world_must(w, !world_has(w, 1, 1), "it is not erased in the first place");
    world_cut(w, 1);
    world_restore_node(w, 1, 0);
    world_run(w, 1000);
    world_must(w, world_has(w, 1, 1), "the old disk has no copy to lose");
    world_set(w, 1, 1, B, 6);
    world_join(w, 1);
    world_run(w, 60000);
    world_must(w, !world_has(w, 1, 1) && !world_has(w, 1, 2), "a restored office shows again what is erased");
    world_must(w, !world_has(w, 0, 1), "a restored office brought it back");
    world_expect(w, "node n-1 is restored");
    world_expect(w, "node n-1 restored");
}
const struct story story_erased_node_restored = {
    "erased_node_restored", "an office is restored from before the order: it is carried out at the first contact", 1, node_restored};

static bool feed(const struct message *m) {
    return m->kind == MESSAGE_FEED;
}

/* The page with the order is lost on its way, and before it is asked for again the office writes to the record, and sends that. */
static void pushed_late(struct world *w) {
    world_create(w, 1, 1);
    world_create_about(w, 1, 2, 1);
    world_run(w, 10000);
    w->nodes[1].loses = feed;
    world_erase(w, 1);
    for (int i = 0; i < 400 && world_told(w, "net  n-1 loses feed") == 0; i++)
        world_run(w, 10);
    world_must(w, world_has(w, 1, 1) && !world_has(w, 0, 1), "the office has heard of the order already");
    world_set(w, 1, 1, A, 7);
    world_set(w, 1, 2, A, 8);
    for (int i = 0; i < 400 && world_told(w, "hub  from n-1 hears push 3..") == 0; i++)
        world_run(w, 10);
    world_run(w, 500);
    world_must(w, !world_has(w, 0, 1) && !world_has(w, 0, 2), "a late edit brought back what is erased");
    world_must(w, world_has(w, 1, 1), "the edit came after the order");
    world_run(w, 60000);
    world_must(w, !world_has(w, 1, 1) && !world_has(w, 1, 2) && !world_has(w, 0, 1), "the office does not carry it out");
    world_must(w, world_held(w) == 0, "the late edit is kept in quarantine");
    world_expect(w, "net  n-1 loses feed");
    world_expect(w, "hears push 3..");
}
const struct story story_erased_pushed_late = {
    "erased_pushed_late", "an office that has not heard of the order writes to what is erased: the hub takes none of it", 1, pushed_late};

static void two_offices(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_adopt(w, 2, 1);
    world_adopt(w, 3, 1);
    world_run(w, 10000);
    world_cut(w, 2);
    world_erase(w, 1);
    w->nodes[3].loses = feed; /* the page with the order is lost, and asked for again */
    world_run(w, 60000);
    world_must(w, !world_has(w, 1, 1) && !world_has(w, 3, 1), "an office that is there has not carried it out");
    world_must(w, world_has(w, 2, 1), "who is cut off cannot have heard of it");
    world_set(w, 2, 1, A, 7);
    world_move(w, 2, 1, 2);
    world_join(w, 2);
    world_run(w, 60000);
    for (uint32_t node = 0; node <= 3; node++)
        world_must(w, !world_has(w, node, 1), "the late move brought it back");
    world_expect(w, "loses feed");
}
const struct story story_erased_cut_off = {
    "erased_cut_off", "one office is cut off, another loses the page with the order: a late move brings nothing back", 3, two_offices};

static void asked_for(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_create_about(w, 1, 2, 1);
    world_adopt(w, 2, 2); /* before it was ever heard of */
    world_run(w, 10000);
    world_erase(w, 1);
    world_run(w, 10000);
    world_must(w, world_has(w, 2, 2), "what was asked for is not noted");
    world_join(w, 1);
    world_run(w, 60000);
    for (uint32_t node = 0; node <= 2; node++)
        world_must(w, !world_has(w, node, 1) && !world_has(w, node, 2), "what is about an erased record came late, and something is left");
}
const struct story story_erased_asked_for = {
    "erased_asked_for", "an office asked for a record that turns out to be about an erased one", 2, asked_for};

static void held(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set_bad(w, 1, 1, A, 5);
    world_create_about(w, 1, 2, 1);
    world_run(w, 10000);
    world_must(w, world_held(w) == 1, "nothing is held");
    world_erase(w, 1);
    world_run(w, 60000);
    world_must(w, world_held(w) == 0, "quarantine keeps what is erased");
    world_upgrade(w);
    world_run(w, 60000);
    world_must(w, !world_has(w, 0, 1) && !world_has(w, 1, 1), "a retry brought it back");
}
const struct story story_erased_held = {"erased_held", "a held change of an erased record goes too", 1, held};
