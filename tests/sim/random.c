/* Random doings: what offices, people at the hub and faults do next, drawn from the world's seed. */
#include "tests/sim/parts.h"

static uint64_t draw(struct world *w, uint64_t bound) {
    return random_below(&w->chance, bound);
}

static bool on(const struct world *w, enum world_fault f) {
    return (w->faults & f) != 0;
}

static void random_edit(struct world *w, uint32_t node) {
    uint64_t p = draw(w, 100), record = w->records == 0 ? 0 : 1 + draw(w, w->records);
    bool here = record != 0 && world_has(w, node, record) && world_heads(w, node, record, FIELD_HOME) > 0;
    if (on(w, FAULT_ERASE) && record != 0 && draw(w, 6) == 0)
        world_create_about(w, node, w->records + 1, record);
    else if (on(w, FAULT_SHARE) && record != 0 && draw(w, 10) == 0)
        world_adopt(w, node, record);
    else if (!here || p < 12)
        world_create(w, node, w->records + 1);
    else if (on(w, FAULT_MOVE) && p < 25)
        world_move(w, node, record, (uint32_t)(1 + draw(w, w->node_count)));
    else if (on(w, FAULT_BAD) && !w->hub.upgraded && p < 35)
        world_set_bad(w, node, record, draw(w, 2) == 0 ? WORLD_FIELD_A : WORLD_FIELD_B, draw(w, 1000));
    else if (p < 65)
        world_set(w, node, record, draw(w, 2) == 0 ? WORLD_FIELD_A : WORLD_FIELD_B, draw(w, 1000));
    else if (p < 78)
        world_remove(w, node, record);
    else if (p < 95)
        world_add(w, node, record, draw(w, 1000));
    else
        world_delete(w, node, record);
}

static void hub_decides(struct world *w) {
    if (on(w, FAULT_ERASE) && w->records > 0 && w->oracle.erased_count < 6 && draw(w, 3) == 0) {
        world_erase(w, 1 + draw(w, w->records));
        return;
    }
    for (uint64_t r = 1; r <= w->records; r++)
        for (uint32_t f = WORLD_FIELD_A; f <= WORLD_FIELD_B; f++)
            if (world_heads(w, 0, r, f) > 1) {
                world_hub_set(w, r, f, 5000 + draw(w, 1000));
                return;
            }
    if (draw(w, 2) == 0) {
        world_policy(w, draw(w, 1000));
        return;
    }
    char name = (char)('x' + draw(w, 2));
    uint32_t node = draw(w, 2) == 0 ? 0 : 1 + (uint32_t)draw(w, w->node_count);
    if (draw(w, 4) == 0)
        world_halt(w, name, node);
    else
        world_publish(w, name, node, 0, 1 + draw(w, 1000));
}

static void random_fault(struct world *w, uint32_t node) {
    struct world_node *n = &w->nodes[node];
    switch (draw(w, 16)) {
    case 0:
    case 1:
        n->cut ? world_join(w, node) : world_cut(w, node);
        break;
    case 2:
        if (on(w, FAULT_CRASH))
            world_crash(w, draw(w, 2) == 0 ? 0 : node, draw(w, 3000));
        break;
    case 3:
        if (on(w, FAULT_CLOCK)) {
            static const int64_t skews[] = {0, 0, -500000, 500000, 5000000, -40};
            world_skew(w, node, skews[draw(w, 6)]);
        }
        break;
    case 4:
        world_backup(w, 0);
        break;
    case 5:
        world_backup(w, node);
        break;
    case 6:
        if (on(w, FAULT_NODE_RESTORE) && n->backup_count > 0)
            world_restore_node(w, node, draw(w, n->backup_count));
        break;
    case 7:
        if (on(w, FAULT_HUB_RESTORE) && w->hub.backup_count > 0 && draw(w, 2) == 0) {
            size_t i = draw(w, w->hub.backup_count), j = i;
            if (on(w, FAULT_MIXED) && draw(w, 2) == 0)
                j = draw(w, w->hub.backup_count);
            world_restore_hub(w, i, j);
        }
        break;
    case 8:
        if (on(w, FAULT_SCOPES) && w->hub.up) {
            uint32_t other = (uint32_t)(1 + draw(w, w->node_count));
            if (other != node)
                world_scope(w, node, other, draw(w, 2) == 0);
        }
        break;
    case 9:
        if (on(w, FAULT_FULL)) {
            uint32_t who = draw(w, 2) == 0 ? 0 : node;
            world_full(w, who, true);
            world_later(w, 500 + draw(w, 20000), (struct world_event){.kind = WORLD_FULL_ENDS, .node = who});
        }
        break;
    case 10:
        if (on(w, FAULT_CLOCK) && !on(w, FAULT_HUB_RESTORE)) { /* an epoch begun under a clock that ran ahead is for ever the newest */
            static const int64_t skews[] = {0, 0, 30000, -30000, 600000, -600000};
            world_skew(w, 0, skews[draw(w, 6)]);
        }
        break;
    case 11:
        if (on(w, FAULT_EIO))
            world_eio(w, draw(w, 2) == 0 ? 0 : node);
        break;
    case 12:
        if (on(w, FAULT_BAD) && w->hub.up)
            world_order(w, 0, draw(w, 3) == 0);
        break;
    case 13:
        if (on(w, FAULT_NODE_RESTORE) && draw(w, 3) == 0)
            world_new_machine(w, node);
        break;
    case 14:
        draw(w, 2) == 0 ? world_sweep(w) : world_trim(w, node);
        break;
    default:
        if (on(w, FAULT_BAD) && !w->hub.upgraded && w->hub.up && draw(w, 3) == 0)
            world_upgrade(w);
        break;
    }
}

/* One node's disk goes back and back again, and a person settles each time who goes on. */
static void random_life(struct world *w) {
    struct world_node *n = &w->nodes[1];
    world_person(w);
    if (n->backup_count == 0 || draw(w, 4) == 0)
        world_backup(w, 1);
    else if (draw(w, 3) == 0)
        world_new_machine(w, 1);
    else
        world_restore_node(w, 1, draw(w, n->backup_count));
    world_run(w, draw(w, 4000));
}

void world_random(struct world *w, unsigned steps) {
    for (unsigned i = 0; i < steps; i++) {
        static const uint64_t pauses[] = {0, 3, 40, 200, 1500, 9000};
        world_run(w, draw(w, 1 + pauses[draw(w, 6)]));
        uint32_t node = (uint32_t)(1 + draw(w, w->node_count));
        uint64_t p = draw(w, 100);
        if (on(w, FAULT_LIVES) && draw(w, 3) == 0)
            random_life(w);
        else if (p < 62)
            random_edit(w, node);
        else if (p < 68 && w->hub.up)
            hub_decides(w);
        else if (p < 90)
            random_fault(w, node);
    }
}
