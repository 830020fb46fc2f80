/* Stories of quarantine: what the hub cannot apply, is kept, shown, retried; and the stream goes on. */
#include "tests/sim/story.h"

enum { A = WORLD_FIELD_A, B = WORLD_FIELD_B };

static void held_base(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set_bad(w, 1, 1, A, 66);
    world_must(w, world_value(w, 1, 1, A) == 66, "an edit is not seen at once by who made it");
    world_run(w, 20000);
    world_must(w, world_held(w) == 1, "a change against a rule was not held");
    world_must(w, world_value(w, 1, 1, A) == 1, "a held change stays in the view, or what it replaced did not come back");
    world_expect(w, "hub  from n-1 hears push 2..2");
    world_expect(w, "1 verdicts");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_held_base = {"held_base", "a held change leaves the view, and what it replaced comes back", 1, held_base};

static bool tells_verdicts(const struct message *m) {
    return m->kind == MESSAGE_FEED && m->feed.held_count > 0;
}

/* The one message that tells the verdict is lost; the next page tells it again, since the cursor has not moved. */
static void held_told_again(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set_bad(w, 1, 1, B, 66);
    w->nodes[1].loses = tells_verdicts;
    world_run(w, 200000);
    world_expect(w, "1 verdicts");
    world_expect(w, "net  n-1 loses feed");
    world_expect(w, "node n-1 hears feed");
    world_must(w, world_heads(w, 1, 1, B) == 0, "a verdict whose message was lost never came");
}
const struct story story_held_told_again = {
    "held_told_again", "the one message that tells a verdict is lost: it comes again", 1, held_told_again};

static void held_ack_lost(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set_bad(w, 1, 1, B, 66);
    for (int ms = 0; ms < 10000 && world_told(w, "1 verdicts") == 0; ms++)
        world_run(w, 1);
    world_cut(w, 1);
    world_run(w, 10000);
    world_must(w, world_heads(w, 1, 1, B) == 1, "the verdict came before the link went");
    world_join(w, 1);
    world_run(w, 400000);
    world_expect(w, "net  n-1 is reachable");
    world_must(w, world_told(w, "1 verdicts") >= 2, "the verdict is not told again");
    world_must(w, world_heads(w, 1, 1, B) == 0, "a verdict that was told while the link was gone never came");
}
const struct story story_held_ack_lost = {"held_ack_lost", "the link goes while a verdict is on its way: it comes later", 1, held_ack_lost};

static void held_retry(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set_bad(w, 1, 1, A, 66);
    world_run(w, 20000);
    world_upgrade(w);
    world_run(w, 20000);
    world_must(w, world_held(w) == 0 && world_value(w, 1, 1, A) == 66, "a retried change did not come back into the view");
    world_expect(w, "1 verdicts");
    world_expect(w, "hub  is upgraded and tries what it held again");
    world_expect(w, "1 entries, 1 verdicts");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_held_retry = {
    "held_retry", "the hub is upgraded and tries again: the change returns to the office's view", 1, held_retry};

/* B10: a change that replaces a held one takes over what that one replaced; the retry then finds itself replaced. */
static void held_replaced(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set_bad(w, 1, 1, A, 66);
    world_set(w, 1, 1, A, 67);
    world_join(w, 1);
    world_run(w, 400000);
    world_must(w, world_heads(w, 0, 1, A) == 1 || world_heads(w, 0, 1, A) == 2, "no value is left");
    world_must(w, world_value(w, 1, 1, A) == 67, "the later edit is not shown");
    world_upgrade(w);
    world_run(w, 20000);
    world_must(w, world_value(w, 0, 1, A) == 67, "a retry brought back what was replaced");
    world_expect(w, "1 verdicts");
    world_expect(w, "hub  is upgraded and tries what it held again");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_held_replaced = {
    "held_replaced", "an edit replaces a held one; the held one's retry changes nothing (B10)", 1, held_replaced};

static void stream_goes_on(struct world *w) {
    world_create(w, 1, 1);
    world_set_bad(w, 1, 1, A, 66);
    world_create(w, 1, 2);
    world_run(w, 20000);
    world_must(w, world_has(w, 0, 2) && world_held(w) == 1, "a held change stops the stream");
    world_expect(w, "1 verdicts");
    world_expect(w, "node n-1 caught_up");
}
const struct story story_stream_goes_on = {"stream_goes_on", "what follows a held change is merged", 1, stream_goes_on};

/* A7: a change is in scope if its writer serves an area that the record EVER had. */
static void good_faith(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_cut(w, 1);
    world_set(w, 1, 1, B, 5);
    world_hub_move(w, 1, 2);
    world_run(w, 10000);
    world_join(w, 1);
    world_run(w, 400000);
    world_must(w, world_held(w) == 0 && world_value(w, 2, 1, B) == 5, "what a former office wrote in good faith is not with the new one");
    world_expect(w, "net  n-1 is cut off");
    world_expect(w, "net  n-1 is reachable");
    world_expect(w, "hub  from n-1 hears push 2..2");
    world_expect(w, "hub  merged to");
    world_expect(w, "node n-2 caught_up");
}
const struct story story_good_faith = {"good_faith", "an office edits while its record moves away: the edit counts (A7)", 2, good_faith};

/* Acknowledged, not yet merged: no digest is compared too early, no alarm. */
static void no_early_alarm(struct world *w) {
    world_create(w, 1, 1);
    for (int i = 0; i < 20; i++) {
        world_set(w, 1, 1, A, (uint64_t)(100 + i));
        world_run(w, 37);
    }
    world_run(w, 20000);
    world_expect_none(w, "alarm");
}
const struct story story_no_early_alarm = {
    "no_early_alarm", "digests are compared while edits are on their way: no false alarm", 1, no_early_alarm};

static bool an_ack(const struct message *m) {
    return m->kind == MESSAGE_ACK;
}

static void credit_lost(struct world *w) {
    w->quarantine_bytes = 150;
    world_create(w, 1, 1);
    world_run(w, 10000);
    for (uint64_t i = 0; i < 4; i++) {
        world_set_bad(w, 1, 1, A, i);
        world_run(w, 5000);
    }
    world_expect(w, "hub  quarantine of n-1 is full");
    world_cut(w, 1);
    world_set(w, 1, 1, B, 5);
    world_join(w, 1);
    world_run(w, 100000);
    world_must(w, world_value(w, 0, 1, B) == 0, "an office got credit though its quarantine is full");
    w->nodes[1].loses = an_ack;
    world_upgrade(w);
    world_run(w, 200000);
    world_must(w, world_value(w, 0, 1, B) == 5, "the message with the new credit was lost, and nothing moves any more");
    world_expect(w, "hub  quarantine of n-1 is free again");
    world_expect(w, "net  n-1 loses ack");
    world_expect(w, "node n-1 says push");
}
const struct story story_credit_lost = {
    "credit_lost", "the message that gives credit again, after quarantine was full, is lost: the next report asks for it", 1, credit_lost};
