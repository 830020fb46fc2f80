/* Stories of sessions: nonces, lost Welcomes, repeated pushes, admission, versions of the protocol, a hub without room. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

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
    world_run(w, 60000);
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
