#include "hub/batch.h"

#include "common/base/error.h"
#include "common/base/invariant.h"

#include <stdlib.h>

enum { PURPOSE_ADMINISTRATION = 1 };

struct batched {
    struct hub_write write; /* first */
    struct batch *batch;
    struct batched *next;
};

bool batch_full(const struct batch *b) {
    return b->count == BATCH_WRITES;
}

struct hub_write *batch_write(struct batch *b, uint32_t type, const struct id16 *id) {
    invariant(!batch_full(b));
    struct batched *w = memory_zeroed(1, sizeof *w), **last = &b->writes;
    while (*last != NULL)
        last = &(*last)->next;
    *last = w;
    b->count++;
    w->batch = b;
    w->write.type = type;
    w->write.record = *id;
    w->write.purpose = PURPOSE_ADMINISTRATION;
    return &w->write;
}

struct bytes batch_keep(struct hub_write *w, const struct value *v) {
    CLEANUP(buffer_close) struct buffer b = {0};
    value_pack(v, &b);
    return arena_copy(&w->arena, buffer_bytes(&b));
}

struct id16 hub_actor(const struct city *c, const char *what) {
    struct bytes part = bytes_text(what);
    return hash_derive_id(c->who.city_secret, &part, 1);
}

static void written(struct hub_write *write, int result) {
    struct batched *w = (struct batched *)write;
    struct batch *b = w->batch;
    free(w);
    b->result = b->result == 0 ? result : b->result;
    if (--b->left == 0)
        b->end(b, b->result);
}

static void look_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct batch *b = (struct batch *)r;
    (void)log;
    b->look(b, state);
}

static void look_done(struct hub_read *r, int result) {
    struct batch *b = (struct batch *)r;
    b->result = b->result == 0 ? result : b->result;
    b->left = b->count;
    struct batched *w = b->writes, *next;
    b->writes = NULL;
    if (w == NULL)
        b->end(b, b->result);
    for (; w != NULL; w = next) { /* the last of them may be the end of b */
        next = w->next;
        w->write.done = written;
        if (b->result != 0) {
            arena_close(&w->write.arena);
            written(&w->write, b->result);
        } else {
            hub_engine_write(b->city->engine, &w->write);
        }
    }
}

void batch_submit(struct batch *b) {
    b->read.work = look_works;
    b->read.done = look_done;
    hub_engine_read(b->city->engine, &b->read);
}
