/* The hub's three stores: opened, settled when log and state are not of one moment or a backup was put back, closed. Before there is an
 * engine and its threads, or after. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/engine/hub_engine.h"
#include "common/store/layout.h"

#include <stdlib.h>
#include <string.h>

static int collect(void *owner, const struct hub_log_node *n) {
    struct buffer *all = owner;
    buffer_add(all, bytes_of(n, sizeof *n));
    return 0;
}

struct settling {
    struct txn *log, *state, *own;
};

static int forget_nonces(struct txn *log) {
    CLEANUP(buffer_close) struct buffer all = {0};
    int r = hub_log_nodes(log, collect, &all);
    for (size_t i = 0; i < all.len / sizeof(struct hub_log_node); i++) {
        struct hub_log_node *n = memory_zeroed(1, sizeof *n);
        memcpy(n, all.at + i * sizeof *n, sizeof *n);
        n->issued = n->used = 0;
        hub_log_node_put(log, n);
        free(n);
    }
    return r == 0 ? 0 : pass(r);
}

/* Log and state are of one moment, or a restore is settled: a new epoch begins, and no nonce of before counts. */
static int settle_all(const struct settling *t) {
    struct hub_log_place at = {.first = 0};
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct id16 life = entropy_id(), own_life = {{0}};
    uint64_t chance;
    int r = 0;
    entropy_fill(&chance, sizeof chance);
    bool log_there = hub_log_place(t->log, &at), state_there = hub_place_get(t->state, place) && place->epoch_count > 0;
    r = txn_result(t->log) != 0 ? txn_result(t->log) : txn_result(t->state);
    if (r != 0) { /* a place that cannot be read is not one of another moment */
        free(place);
        return pass(r);
    }
    if (!log_there)
        hub_log_begin(t->log, &life, 1);
    if (hub_own_last(t->own, &own_life) == 0 && id_zero(&own_life)) {
        struct id16 fresh = entropy_id();
        hub_own_begin(t->own, &fresh);
    }
    bool fits =
        log_there && state_there && id_equal(&place->log_life, &at.life) && place->position + 1 >= at.first && place->position <= at.last;
    bool restored = hub_restored_take(t->state);
    struct audit_head head;
    if (restored || (!fits && (log_there || state_there)))
        audit_life(
            t->own, &audit_hub, clock_wall(), restored ? "the hub was restored from a backup" : "log and state were not of one moment");
    else if (!audit_head(t->own, &audit_hub, &head))
        audit_life(t->own, &audit_hub, clock_wall(), "no log was here");
    if (!fits || restored) {
        if (log_there || state_there)
            log_fact(LOG_WARNING, "hub.restored", FACT_UINT("position", place->position), FACT_UINT("log_last", at.last));
        r = hub_join_log(t->state, t->log, &life);
        if (r == 0)
            r = forget_nonces(t->log);
        if (r == 0)
            hub_epoch_begin(t->state, clock_wall(), chance);
    }
    free(place);
    return r;
}

static int settle(struct hub_stores *s) {
    struct settling t = {NULL, NULL, NULL};
    int r = store_write(s->log, &t.log);
    if (r == 0)
        r = store_write(s->state, &t.state);
    if (r == 0)
        r = store_write(s->own, &t.own);
    if (r == 0) {
        r = settle_all(&t);
        if (r > 0)
            r += HUB_STORES_JOIN;
    }
    if (r != 0) {
        txn_abort(t.own);
        txn_abort(t.state);
        txn_abort(t.log);
        return r < 0 ? pass(r) : r;
    }
    r = txn_commit(t.own);
    int second = txn_commit(t.log), third = txn_commit(t.state);
    return r != 0 ? r : second != 0 ? second : third;
}

int hub_stores_open(const char *folder, const struct seal *seal, struct hub_stores *out) {
    static const struct {
        const char *name;
        const struct store_shape *shape;
    } parts[] = {{"log", &shape_hub_log}, {"state", &shape_hub_state}, {"own", &shape_hub_own}};
    struct store *open[3] = {NULL, NULL, NULL};
    int r = 0;
    for (size_t i = 0; i < 3 && r == 0; i++) {
        struct buffer path = {0};
        buffer_format(&path, "%s/%s", folder, parts[i].name);
        r = store_open_lmdb(buffer_string(&path), parts[i].shape, seal, 0, &open[i]);
        buffer_close(&path);
    }
    *out = (struct hub_stores){open[0], open[1], open[2]};
    if (r == 0)
        r = settle(out);
    if (r != 0)
        hub_stores_close(out);
    return r;
}

void hub_stores_close(struct hub_stores *s) {
    s->log = store_close(s->log);
    s->state = store_close(s->state);
    s->own = store_close(s->own);
}
