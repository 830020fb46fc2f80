/* Stories of sessions: nonces. */
#include "tests/sim/parts.h"
#include "tests/sim/story.h"

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
