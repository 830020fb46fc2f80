/* Stories of sessions: nonces, lost Welcomes, repeated pushes, admission, versions of the protocol, a hub without room. */
#include "common/base/memory.h"
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

#include <stdlib.h>
#include <string.h>

enum { A = WORLD_FIELD_A };

/* B1: the older nonce dies when the newer one is first used, and a crash of the hub does not bring it back. */
static void nonce(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_backup(w, 1); /* its nonce is of this session */
    world_cut(w, 1);
    world_join(w, 1);
    world_run(w, 10000); /* the next one is in use */
    world_cut(w, 1);
    world_crash(w, 0, 100);
    world_restore_node(w, 1, 0);
    world_join(w, 1);
    world_run(w, 30000);
    world_expect(w, "hub  crashes");
    world_expect(w, "hub  on n-1 hello");
    world_expect(w, "hub  on n-1 refused: this node's log is an older copy");
    world_expect(w, "node n-1 restored");
    world_expect(w, "hub  on n-1 take_over");
}
const struct story story_nonce = {"nonce", "an older copy of a disk is known by its nonce, also after the hub crashed (B1)", 1, nonce};

/* Neither side works against a full disk: the hub tries an append now and then, the node pauses; and nobody waits long when there is room.
 */
static void hub_disk_full(struct world *w) {
    for (uint64_t i = 1; i <= 4; i++)
        world_create(w, 1, i);
    world_run(w, 10000);
    world_full(w, 0, true);
    world_expect(w, "hub  n-0 disk is full");
    world_set(w, 1, 1, A, 9);
    world_run(w, 61000);
    world_must(w, w->hub.links[0].last.oldest_ms > 50000, "the hub does not hear for how long the oldest edit has waited");
    world_must(w, world_told(w, "hub  log is full") >= 2, "the hub does not try again");
    world_must(w, world_told(w, "node n-1 says push") <= 12, "the node pushes at the pace of the network while the hub's disk is full");
    world_must(w, world_told(w, "hub  log is full") <= 12, "the hub appends at the pace of the network while its disk is full");
    world_must(w, world_acked(w, 1) == 4, "an acknowledgement without a commit");
    world_full(w, 0, false);
    world_expect(w, "hub  n-0 disk is free again");
    world_run(w, 30000);
    world_expect(w, "node n-1 says push 5..5");
    world_expect(w, "node n-1 caught_up");
    world_must(w, world_value(w, 0, 1, A) == 9, "the hub did not go on after its disk was free again");
}
const struct story story_hub_disk_full = {
    "hub_disk_full", "the hub's disk is full: no acknowledgement, no storm, and it goes on by itself", 1, hub_disk_full};

static bool is_welcome(const struct message *m) {
    return m->kind == MESSAGE_WELCOME;
}

/* The nonce of the lost Welcome was never used: the one before still counts, again and again. */
static void welcome_lost(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    for (int i = 0; i < 3; i++) {
        world_cut(w, 1);
        world_set(w, 1, 1, A, (uint64_t)(20 + i));
        w->nodes[1].loses = is_welcome;
        world_join(w, 1);
        world_run(w, 120000);
        world_expect(w, "net  n-1 loses welcome");
        world_expect(w, "hub  on n-1 hello");
        world_expect(w, "node n-1 welcome");
    }
    world_must(
        w, world_told(w, "restored") == 0 && w->nodes[1].side.progress.life_count == 1, "an honest node was taken for an older copy");
    world_must(w, world_value(w, 0, 1, A) == 22, "an edit made while Welcomes were lost did not come");
}
const struct story story_welcome_lost = {
    "welcome_lost", "Welcomes are lost: the node greets with the nonce before and is welcome (B1)", 1, welcome_lost};

static bool is_ack(const struct message *m) {
    return m->kind == MESSAGE_ACK;
}

/* B2: what is accepted already is answered with an Ack, and not stored again. */
static void pushed_twice(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    world_set(w, 1, 1, A, 9);
    w->nodes[1].loses = is_ack;
    world_run(w, 5000);
    uint64_t last = world_log_last(w);
    world_run(w, 60000);
    world_expect(w, "hub  from n-1 hears push 2..2");
    world_expect(w, "net  n-1 loses ack");
    world_expect(w, "node n-1 rewind");
    world_expect(w, "hub  from n-1 hears push 2..2");
    world_expect(w, "hub  to n-1 says ack");
    world_must(w, world_log_last(w) == last, "a push that came twice is stored twice");
    world_must(w, world_acked(w, 1) == 2, "pushed, accepted, and never acknowledged");
}
const struct story story_pushed_twice = {
    "pushed_twice", "an Ack is lost: the push comes again, is answered and not stored again (B2)", 1, pushed_twice};

static void busy(struct world *w) {
    world_cut(w, 1);
    world_create(w, 1, 1);
    w->hub.side.greeting += HUB_GREETINGS; /* as many others greet just now */
    world_join(w, 1);
    world_run(w, 20000);
    world_expect(w, "hub  on n-1 refused: the hub is busy");
    world_must(
        w, world_told(w, "hub  on n-1 hello") >= 2 && world_told(w, "hub  on n-1 hello") <= 20,
        "a busy hub is asked again too often, or never");
    world_must(w, !world_has(w, 0, 1), "a busy hub let one in");
    w->hub.side.greeting -= HUB_GREETINGS;
    world_run(w, 20000);
    world_expect(w, "node n-1 welcome");
    world_must(w, world_has(w, 0, 1), "after the rush the node did not come in");
}
const struct story story_busy = {"busy", "too many greet at once: BUSY, and the node comes back by itself", 1, busy};

static void hello_of(struct world *w, uint32_t least, uint32_t most) {
    const struct node_progress *p = &w->nodes[1].side.progress;
    struct message *m = memory_zeroed(1, sizeof *m);
    m->kind = MESSAGE_HELLO;
    m->hello.protocol_least = least;
    m->hello.protocol_most = most;
    m->hello.life_count = p->life_count;
    memcpy(m->hello.lives, p->lives, sizeof m->hello.lives);
    m->hello.cursor = p->cursor;
    m->hello.nonce = p->nonce;
    world_send(w, 1, true, m);
    free(m);
}

/* Other protocol versions: refused in words, and nothing of the node's standing changes. */
static void other_versions(struct world *w) {
    world_create(w, 1, 1);
    world_run(w, 10000);
    hello_of(w, 2, 7);
    world_run(w, 10000);
    world_expect(w, "hub  on n-1 refused: this node's software is too new for the hub");
    world_run(w, 400000);
    world_expect(w, "node n-1 welcome");
    hello_of(w, 0, 0);
    world_run(w, 10000);
    world_expect(w, "hub  on n-1 refused: this node's software is too old for the hub");
    world_set(w, 1, 1, A, 5);
    world_run(w, 400000);
    world_expect(w, "node n-1 welcome");
    world_must(w, world_value(w, 0, 1, A) == 5, "after a refused version the node's edits stay away");
    world_must(w, w->nodes[1].side.progress.life_count == 1, "a refused version cost the node its life");
}
const struct story story_other_versions = {
    "other_versions", "a node speaks only newer or only older protocols: refused in plain words", 1, other_versions};
