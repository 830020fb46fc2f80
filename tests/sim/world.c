/* The loop of a world: time, the network, the disks, and the effects of both sides. Doings and faults are in acts.c, the checks in check.c.
 */
#include "tests/sim/world.h"

#include "common/base/invariant.h"
#include "common/store/hub_erase.h"
#include "common/sync/narrate.h"
#include "tests/sim/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCH_MS = 1000 };

/* ---- narration and the trace */

void world_say(struct world *w, const char *format, ...) {
    struct buffer line = {0};
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_format(&line, "[%7" PRIu64 "] %s\n", w->now, text);
    w->trace = hash_of_two(bytes_of(w->trace.b, sizeof w->trace.b), buffer_bytes(&line));
    if (w->tell)
        fputs(buffer_string(&line), stdout);
    buffer_add(&w->story, buffer_bytes(&line));
    buffer_close(&line);
}

void world_fail(struct world *w, const char *format, ...) {
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_format(&w->failures, "[%7" PRIu64 "] %s\n", w->now, text);
    world_say(w, "FAILURE %s", text);
}

void world_must(struct world *w, bool holds, const char *what) {
    if (!holds)
        world_fail(w, "%s", what);
}

void world_expect(struct world *w, const char *text) {
    const char *story = buffer_string(&w->story), *found = strstr(story + w->story_read, text);
    if (found == NULL) {
        world_fail(w, "the story does not tell: %s", text);
        return;
    }
    const char *end = strchr(found, '\n');
    w->story_read = (size_t)((end == NULL ? found : end) - story);
}

void world_expect_none(struct world *w, const char *text) {
    if (strstr(buffer_string(&w->story) + w->story_read, text) != NULL)
        world_fail(w, "the story tells what it must not: %s", text);
}

size_t world_told(struct world *w, const char *text) {
    size_t n = 0;
    for (const char *at = buffer_string(&w->story) + w->story_read; (at = strstr(at, text)) != NULL; n++)
        at += strcspn(at, "\n");
    return n;
}

static void say_message(struct world *w, const char *who, uint32_t node, const char *does, const struct message *m) {
    struct buffer b = {0};
    narrate_message(m, &b);
    world_say(w, "%s n-%u %s %s", who, node, does, buffer_string(&b));
    buffer_close(&b);
}

/* ---- the heap of what is to come */

static bool before(const struct world_event *a, const struct world_event *b) {
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void world_later(struct world *w, uint64_t ms, struct world_event e) {
    e.at = w->now + ms;
    e.order = ++w->order;
    if (w->heap_len == w->heap_room) {
        w->heap_room = w->heap_room == 0 ? 64 : 2 * w->heap_room;
        w->heap = memory_resize(w->heap, w->heap_room * sizeof *w->heap);
    }
    size_t i = w->heap_len++;
    while (i > 0 && before(&e, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = e;
}

static struct world_event pop(struct world *w) {
    struct world_event top = w->heap[0], last = w->heap[--w->heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->heap_len)
            break;
        if (child + 1 < w->heap_len && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    if (w->heap_len > 0)
        w->heap[i] = last;
    return top;
}

struct bytes world_keep(struct bytes b) {
    uint8_t *at = memory_resize(NULL, b.len);
    if (b.len > 0)
        memcpy(at, b.at, b.len);
    return bytes_of(at, b.len);
}

static void drop_frame(struct world_event *e) {
    free((void *)(uintptr_t)e->frame.at);
    e->frame = (struct bytes){NULL, 0};
}

/* ---- clocks and disks */

wall_ms world_clock(const struct world *w, uint32_t node) {
    int64_t skew = node == 0 ? w->hub.skew_ms : w->nodes[node].skew_ms;
    return (wall_ms)((int64_t)WORLD_WALL + (int64_t)w->now + skew);
}

uint64_t world_disk_ms(struct world *w) {
    return 1 + random_below(&w->chance, random_below(&w->chance, 20) == 0 ? 400 : 6);
}

/* ---- the network: a connection is in order both ways; faults are drawn per message */

static void deliver(struct world *w, uint32_t node, bool up, struct bytes frame) {
    struct world_node *n = &w->nodes[node];
    if (n->conn == 0 || n->cut)
        return;
    bool noise = !w->quiet;
    if (noise && (w->faults & FAULT_LOSS) && random_below(&w->chance, 25) == 0) {
        world_say(w, "net  n-%u loses a message", node);
        return;
    }
    int copies = noise && (w->faults & FAULT_TWICE) && random_below(&w->chance, 20) == 0 ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        instant at = w->now + 1 + random_below(&w->chance, 40), *last = up ? &n->last_up : &n->last_down;
        if (!(noise && (w->faults & FAULT_TWICE) && random_below(&w->chance, 10) == 0)) {
            if (at <= *last)
                at = *last;
            *last = at;
        }
        world_later(
            w, at - w->now,
            (struct world_event){.kind = up ? WORLD_TO_HUB : WORLD_TO_NODE, .node = node, .life = n->conn, .frame = world_keep(frame)});
    }
}

void world_send(struct world *w, uint32_t node, bool up, const struct message *m) {
    struct buffer frame = {0};
    struct world_node *n = &w->nodes[node];
    int r = wire_pack(m, &frame);
    if (n->loses != NULL && n->loses(m)) {
        n->loses = NULL;
        world_say(w, "net  n-%u loses %s", node, message_name(m->kind));
    } else if (r != 0)
        world_fail(w, "cannot pack %s: %d", message_name(m->kind), r);
    else
        deliver(w, node, up, buffer_bytes(&frame));
    buffer_close(&frame);
}

/* The link is gone for both ends. What the node had sent may still arrive (late), or never. */
void world_disconnect(struct world *w, uint32_t node, bool tell_node) {
    struct world_node *n = &w->nodes[node];
    if (n->conn == 0)
        return;
    for (size_t i = 0; i < w->heap_len; i++) {
        struct world_event *e = &w->heap[i];
        if (e->kind == WORLD_TO_HUB && e->life == n->conn && e->node == node) {
            bool late = !w->quiet && (w->faults & FAULT_LATE) && random_below(&w->chance, 2) == 0;
            if (late)
                e->a = 1;
            else
                e->kind = WORLD_NOTHING;
        }
    }
    uint64_t gone = n->conn;
    n->conn = 0;
    world_later(w, random_below(&w->chance, 20), (struct world_event){.kind = WORLD_HUB_GONE, .node = node, .life = w->hub.life});
    if (tell_node)
        world_later(
            w, random_below(&w->chance, 20), (struct world_event){.kind = WORLD_LINK, .node = node, .life = n->life, .a = 0, .b = gone});
}

/* ---- the node's effects */

static void node_effects(struct world *w, struct world_node *n, const struct node_effects *out, struct bytes frame) {
    for (size_t i = 0; i < out->count; i++) {
        const struct node_effect *e = &out->list[i];
        switch (e->kind) {
        case NODE_FX_CONNECT:
            world_later(
                w, 1 + random_below(&w->chance, 50), (struct world_event){.kind = WORLD_LINK, .node = n->id, .life = n->life, .a = 1});
            break;
        case NODE_FX_DISCONNECT:
            world_disconnect(w, n->id, false);
            break;
        case NODE_FX_SEND: {
            say_message(w, "node", n->id, "says", &e->message);
            struct message m = e->message;
            if (m.kind == MESSAGE_PULL && w->page_bytes != 0)
                m.pull.bytes = w->page_bytes;
            world_send(w, n->id, true, &m);
            break;
        }
        case NODE_FX_READ:
            world_later(
                w, world_disk_ms(w),
                (struct world_event){
                    .kind = WORLD_READ,
                    .node = n->id,
                    .life = n->life,
                    .a = e->read.after,
                    .b = e->read.session,
                    .id = e->read.incarnation});
            break;
        case NODE_FX_VERB:
            world_later(
                w, world_disk_ms(w),
                (struct world_event){
                    .kind = WORLD_VERB,
                    .node = n->id,
                    .life = n->life,
                    .verb = e->verb.verb,
                    .a = e->verb.area,
                    .b = e->verb.asked,
                    .frame = world_keep(frame)});
            break;
        case NODE_FX_ACK:
            world_later(
                w, world_disk_ms(w), (struct world_event){.kind = WORLD_ACK, .node = n->id, .life = n->life, .frame = world_keep(frame)});
            break;
        case NODE_FX_TRIM:
            world_trim(w, n->id);
            break;
        case NODE_FX_NOTE:
            world_say(
                w, "node n-%u %s%s%s", n->id, node_note_name(e->note.note), e->note.refusal == 0 ? "" : ": ",
                e->note.refusal == 0 ? "" : refusal_text(e->note.refusal));
            if (e->note.note == NODE_NOTE_ALARM)
                n->alarmed = true;
            break;
        }
    }
}

void world_node_step(struct world *w, struct world_node *n, struct node_event *in, struct bytes frame) {
    struct node_effects *out = memory_zeroed(1, sizeof *out);
    in->now = w->now;
    in->wall = world_clock(w, n->id);
    node_side_step(&n->side, in, out);
    node_effects(w, n, out, frame);
    free(out);
}

void world_node_saved(struct world *w, struct world_node *n) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct txn *t;
    invariant(store_read(n->store, &t) == 0);
    invariant(node_progress_get(t, p));
    txn_abort(t);
    if (n->up)
        world_node_step(w, n, &(struct node_event){.kind = NODE_SAVED, .progress = p}, (struct bytes){NULL, 0});
    free(p);
}

void world_node_start(struct world *w, struct world_node *n) {
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct txn *t;
    n->up = true;
    n->life = ++w->lives;
    node_side_init(&n->side, random_u64(&w->chance), BYTES("sim"));
    invariant(store_read(n->store, &t) == 0);
    invariant(node_progress_get(t, p));
    p->oldest_saved = node_oldest(t, p);
    txn_abort(t);
    world_node_step(w, n, &(struct node_event){.kind = NODE_START, .progress = p}, (struct bytes){NULL, 0});
    free(p);
}

static void node_heard(struct world *w, struct world_event *e) {
    struct world_node *n = &w->nodes[e->node];
    if (!n->up || n->conn != e->life)
        return;
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    int r = wire_unpack(e->frame, &a, m);
    if (r != 0) {
        world_fail(w, "node n-%u cannot read a message: %d", n->id, r);
    } else {
        say_message(w, "node", n->id, "hears", m);
        world_node_step(w, n, &(struct node_event){.kind = NODE_HEARD, .heard = m}, e->frame);
    }
    free(m);
    arena_close(&a);
}

static void node_read(struct world *w, struct world_event *e) {
    struct world_node *n = &w->nodes[e->node];
    struct buffer raw = {0}, body = {0};
    struct node_event in = {.kind = NODE_BATCH};
    struct txn *t;
    invariant(store_read(n->store, &t) == 0);
    in.batch.session = e->b;
    size_t most = random_below(&w->chance, 3) == 0 ? 300 : 4000;
    int r = node_batch(t, &e->id, e->a, most, &in.batch.push, &raw);
    in.batch.push.incarnation = e->id;
    in.batch.broken = r == NODE_BATCH_BROKEN;
    if (r == 0) {
        invariant(wire_batch_seal(buffer_bytes(&raw), &body) == 0);
        in.batch.push.body = buffer_bytes(&body);
    } else {
        in.batch.push.count = 0;
    }
    txn_abort(t);
    world_node_step(w, n, &in, (struct bytes){NULL, 0});
    buffer_close(&raw);
    buffer_close(&body);
}

/* A verb in one transaction. A full disk makes it wait and try again, as the engine does. */
static bool node_verb(struct world *w, struct world_event *e) {
    struct world_node *n = &w->nodes[e->node];
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct node_laid laid = {0};
    struct digest buckets[DIGEST_BUCKETS];
    struct node_event in = {.kind = NODE_DONE};
    struct txn *t;
    bool done = false;
    if (e->verb != NODE_VERB_NEW_LIFE && e->verb != NODE_VERB_BUCKETS)
        invariant(wire_unpack(e->frame, &a, m) == 0);
    invariant(store_write(n->store, &t) == 0);
    switch (e->verb) {
    case NODE_VERB_WELCOME:
        in.done.outcome = node_welcome(t, &m->welcome, e->b, world_clock(w, n->id));
        break;
    case NODE_VERB_NEW_LIFE: {
        struct id16 id;
        random_fill(&w->chance, id.b, sizeof id.b);
        node_new_life(t, &id);
        break;
    }
    case NODE_VERB_LAY_FEED:
        in.done.outcome = node_lay_feed(t, &m->feed, &laid);
        if (in.done.outcome == 0 && !laid.dropped)
            world_lay_policies(w, n, t, m->feed.entries, m->feed.entry_count);
        break;
    case NODE_VERB_LAY_REPAIR:
        in.done.outcome = node_lay_repair(t, &m->repair_fill, &laid);
        if (in.done.outcome == 0 && !laid.dropped)
            world_lay_policies(w, n, t, m->repair_fill.entries, m->repair_fill.entry_count);
        in.done.more = m->repair_fill.more;
        break;
    case NODE_VERB_BUCKETS:
        node_buckets(t, e->a, buckets);
        break;
    case NODE_VERB_NONE:
        break;
    }
    if (in.done.outcome < 0)
        world_fail(w, "node n-%u verb %d failed: %d", n->id, (int)e->verb, in.done.outcome);
    int r = txn_commit(t);
    if (r == 0) {
        invariant(store_read(n->store, &t) == 0);
        invariant(node_progress_get(t, p));
        p->oldest_saved = node_oldest(t, p);
        txn_abort(t);
        if (e->verb == NODE_VERB_NEW_LIFE && p->lost_count > 0)
            world_say(w, "node n-%u has lost %" PRIu64 " changes", n->id, p->lost_count);
        in.done.verb = e->verb;
        in.done.progress = p;
        in.done.dropped = laid.dropped;
        in.done.erased = laid.erased > 0;
        in.done.caught_up = laid.caught_up;
        in.done.compared = laid.compared;
        in.done.equal = laid.digests_equal;
        in.done.alarm = laid.alarm;
        in.done.differs = laid.differs;
        in.done.buckets = buckets;
        world_node_step(w, n, &in, (struct bytes){NULL, 0});
        done = true;
    } else if (r != STORE_DISK_FULL) {
        world_disk_failed(w, n->id, r);
        done = true;
    }
    free(p);
    free(m);
    arena_close(&a);
    return done;
}

static void node_ack(struct world *w, struct world_event *e) {
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct txn *t;
    invariant(wire_unpack(e->frame, &a, m) == 0);
    invariant(store_write(w->nodes[e->node].store, &t) == 0);
    node_acked(t, &m->ack);
    int r = txn_commit(t); /* a full disk: the next Ack says it again */
    if (r < 0)
        world_disk_failed(w, e->node, r);
    free(m);
    arena_close(&a);
}

/* ---- the hub's effects */

struct heard {
    struct world *w;
    struct message *message;
    struct bytes frame;
};

static void hub_commit_soon(struct world *w) {
    if (!w->hub.committing && w->hub.queue_len > 0) {
        w->hub.committing = true;
        world_later(w, world_disk_ms(w), (struct world_event){.kind = WORLD_COMMIT, .life = w->hub.life});
    }
}

static void hub_merge_soon(struct world *w) {
    if (!w->hub.merging) {
        w->hub.merging = true;
        world_later(w, world_disk_ms(w), (struct world_event){.kind = WORLD_MERGE, .life = w->hub.life});
    }
}

void world_hub_queue(struct world *w, uint64_t ticket, uint32_t node, const struct log_entry *entry, const struct hub_link *nonce) {
    struct world_hub *h = &w->hub;
    invariant(h->queue_len < sizeof h->queue / sizeof *h->queue);
    struct buffer b = {0};
    if (entry != NULL)
        wire_log_entry_pack(entry, &b);
    h->queue[h->queue_len].ticket = ticket;
    h->queue[h->queue_len].node = node;
    h->queue[h->queue_len].nonce = nonce != NULL;
    h->queue[h->queue_len].entry = world_keep(buffer_bytes(&b));
    if (nonce != NULL) {
        h->queue[h->queue_len].current = nonce->current;
        h->queue[h->queue_len].issued = nonce->issued;
        h->queue[h->queue_len].used = nonce->used;
    }
    h->queue_len++;
    buffer_close(&b);
    hub_commit_soon(w);
}

static void on_effect(void *owner, const struct hub_effect *e) {
    struct heard *heard = owner;
    struct world *w = heard->w;
    uint32_t node = e->link == NULL ? 0 : e->link->node;
    switch (e->kind) {
    case HUB_FX_SEND:
        say_message(w, "hub  to", node, "says", &e->message);
        world_send(w, node, false, &e->message);
        break;
    case HUB_FX_APPEND: {
        struct log_entry entry = wire_log_entry_of(LOG_PUSH, node, &heard->message->push, world_clock(w, 0));
        world_hub_queue(w, e->ticket, node, &entry, NULL);
        break;
    }
    case HUB_FX_NONCE:
        world_hub_queue(w, e->ticket, node, NULL, e->link);
        break;
    case HUB_FX_WELCOME: {
        struct buffer b = {0};
        if (wire_pack(&e->message, &b) != 0)
            world_fail(w, "cannot pack a Welcome");
        world_later(
            w, world_disk_ms(w),
            (struct world_event){
                .kind = WORLD_WELCOME,
                .node = node,
                .life = w->hub.life,
                .a = e->message.welcome.session,
                .frame = world_keep(buffer_bytes(&b))});
        buffer_close(&b);
        break;
    }
    case HUB_FX_PAGE:
    case HUB_FX_REPAIR:
        world_later(
            w, world_disk_ms(w),
            (struct world_event){
                .kind = e->kind == HUB_FX_PAGE ? WORLD_PAGE : WORLD_REPAIR,
                .node = node,
                .life = w->hub.life,
                .a = hub_side_session(e->link),
                .frame = world_keep(heard->frame)});
        break;
    case HUB_FX_NOTE:
        world_say(
            w, "hub  on n-%u %s%s%s", node, hub_note_name(e->note), e->refusal == 0 ? "" : ": ",
            e->refusal == 0 ? "" : refusal_text(e->refusal));
        break;
    }
}

void world_hub_step(struct world *w, struct hub_event *in, struct bytes frame) {
    struct heard heard = {w, in->kind == HUB_HEARD ? in->heard : NULL, frame};
    in->now = w->now;
    in->wall = world_clock(w, 0);
    hub_side_step(&w->hub.side, in, &(struct hub_out){on_effect, &heard});
}

/* The chain of a push, checked as the hub's worker does before the core sees it. */
static bool push_holds(const struct push *p) {
    struct buffer raw = {0};
    bool good = wire_batch_open(p->body, &raw) == 0;
    struct reader r = {.rest = buffer_bytes(&raw)};
    struct bytes packed;
    struct hash h = p->before;
    uint32_t count = 0;
    while (good && wire_batch_next(&r, &packed)) {
        h = wire_chain(&h, packed);
        count++;
    }
    good = good && !r.bad && count == p->count && hash_equal(&h, &p->after);
    buffer_close(&raw);
    return good;
}

static void hub_heard(struct world *w, struct world_event *e) {
    struct world_node *n = &w->nodes[e->node];
    if (!w->hub.up || (n->conn != e->life && e->a == 0))
        return;
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    int r = wire_unpack(e->frame, &a, m);
    if (r != 0) {
        world_fail(w, "the hub cannot read a message of n-%u: %d", e->node, r);
    } else {
        say_message(w, "hub  from", e->node, "hears", m);
        if (m->kind != MESSAGE_PUSH || push_holds(&m->push))
            world_hub_step(w, &(struct hub_event){.kind = HUB_HEARD, .link = &w->hub.links[e->node - 1], .heard = m}, e->frame);
        else
            world_fail(w, "a push of n-%u does not hold", e->node);
    }
    free(m);
    arena_close(&a);
}

static void hub_commit(struct world *w) {
    struct world_hub *h = &w->hub;
    struct txn *t;
    uint64_t ticket = 0;
    invariant(store_write(h->log, &t) == 0);
    for (size_t i = 0; i < h->queue_len; i++) {
        if (h->queue[i].nonce) {
            struct hub_log_node n;
            hub_log_node(t, h->queue[i].node, &n);
            n.current = h->queue[i].current;
            n.issued = h->queue[i].issued;
            n.used = h->queue[i].used;
            hub_log_node_put(t, &n);
        } else {
            struct log_entry entry;
            invariant(wire_log_entry_unpack(h->queue[i].entry, &entry) == 0);
            hub_log_append(t, &entry);
        }
        if (h->queue[i].ticket > ticket)
            ticket = h->queue[i].ticket;
    }
    struct hub_log_place place;
    invariant(hub_log_place(t, &place));
    int r = txn_commit(t);
    if (r < 0) {
        world_disk_failed(w, 0, r);
        return;
    }
    for (size_t i = 0; i < h->queue_len; i++)
        free((void *)(uintptr_t)h->queue[i].entry.at);
    h->queue_len = 0;
    h->committing = false;
    if (r == 0) {
        if (ticket != 0)
            world_hub_step(w, &(struct hub_event){.kind = HUB_APPENDED, .appended = {ticket, place.last}}, (struct bytes){NULL, 0});
        hub_merge_soon(w);
    } else {
        world_say(w, "hub  log is full");
        world_hub_step(w, &(struct hub_event){.kind = HUB_FAILED}, (struct bytes){NULL, 0});
        world_later(w, 2000, (struct world_event){.kind = WORLD_OWN, .life = h->life});
    }
    hub_commit_soon(w);
}

static bool allows(void *owner, const struct change *c, const struct record *before_it) {
    (void)before_it;
    const struct world *w = owner;
    for (size_t i = 0; i < c->op_count && c->type != TYPE_POLICY; i++)
        if (!w->hub.upgraded && c->ops[i].value.len > 2 && c->ops[i].value.at[2] == 'b')
            return false;
    return true;
}

/* Whose quarantine budget is used up gets no credit. */
static void hub_quarantines(struct world *w) {
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct txn *t;
    invariant(store_read(w->hub.state, &t) == 0);
    for (uint32_t i = 0; i < w->node_count && w->quarantine_bytes != 0; i++) {
        struct hub_link *l = &w->hub.links[i];
        hub_node_get(t, i + 1, n);
        if (l->full != (n->held_bytes >= w->quarantine_bytes)) {
            l->full = !l->full;
            world_say(w, "hub  quarantine of n-%u is %s", i + 1, l->full ? "full" : "free again");
            world_hub_step(w, &(struct hub_event){.kind = HUB_PEER, .link = l}, (struct bytes){NULL, 0});
        }
    }
    txn_abort(t);
    free(n);
}

static void hub_merge_step(struct world *w) {
    struct world_hub *h = &w->hub;
    static const uint32_t limits[] = {1, 2, 7, 99};
    struct merged *done = memory_zeroed(1, sizeof *done);
    struct hub_rules rules = {.allows = allows, .owner = w};
    struct txn *log, *state;
    invariant(store_read(h->log, &log) == 0);
    invariant(store_write(h->state, &state) == 0);
    int r = hub_merge(log, state, limits[random_below(&w->chance, 4)], &rules, done);
    struct hub_log_place place;
    invariant(hub_log_place(log, &place));
    txn_abort(log);
    h->merging = false;
    if (r != 0) {
        world_fail(w, "merge failed: %d", r);
        txn_abort(state);
    } else {
        r = txn_commit(state);
        if (r == STORE_DISK_FULL) {
            h->merging = true;
            world_later(w, 500, (struct world_event){.kind = WORLD_MERGE, .life = h->life});
        } else if (r != 0) {
            world_disk_failed(w, 0, r);
        } else {
            hub_quarantines(w);
            if (done->changes > 0 || done->every_node || done->node_count > 0) {
                world_say(w, "hub  merged to %" PRIu64 ", tip %" PRIu64, done->position, done->hub_seq);
                struct hub_event in = {.kind = HUB_MERGED};
                in.merged.tip = done->hub_seq;
                in.merged.backlog = place.last - done->position;
                in.merged.areas = done->areas;
                in.merged.area_count = done->area_count;
                in.merged.every = done->every_area || done->every_node;
                in.merged.nodes = done->nodes;
                in.merged.node_count = done->node_count;
                world_hub_step(w, &in, (struct bytes){NULL, 0});
            }
            world_hub_step(w, &(struct hub_event){.kind = HUB_FOLDED, .folded = done->position}, (struct bytes){NULL, 0});
            if (done->position < place.last)
                hub_merge_soon(w);
            else
                world_hub_erases(w);
        }
    }
    free(done);
}

static void hub_answer(struct world *w, struct world_event *e) {
    struct hub_link *l = &w->hub.links[e->node - 1];
    if (hub_side_session(l) != e->a || e->a == 0)
        return;
    struct arena a = {.cap = 0};
    struct message *m = memory_zeroed(1, sizeof *m), *answer = memory_zeroed(1, sizeof *answer);
    struct txn *t;
    invariant(wire_unpack(e->frame, &a, m) == 0);
    invariant(store_read(w->hub.state, &t) == 0);
    int r = 0;
    if (e->kind == WORLD_PAGE) {
        answer->kind = MESSAGE_FEED;
        r = hub_feed_page(t, e->node, &m->pull, &a, &answer->feed, NULL);
        answer->feed.session = e->a;
    } else {
        answer->kind = MESSAGE_REPAIR_FILL;
        r = hub_repair_fill(t, e->node, &m->repair_ask, &a, &answer->repair_fill, NULL);
        answer->repair_fill.session = e->a;
    }
    if (r != 0)
        world_fail(w, "the hub cannot answer n-%u: %d", e->node, r);
    else {
        say_message(w, "hub  to", e->node, "says", answer);
        world_send(w, e->node, false, answer);
    }
    txn_abort(t);
    free(m);
    free(answer);
    arena_close(&a);
}

static void hub_welcome(struct world *w, struct world_event *e) {
    struct hub_link *l = &w->hub.links[e->node - 1];
    if (hub_side_session(l) != e->a || e->a == 0)
        return;
    struct arena a = {.cap = 0};
    struct message *m = memory_zeroed(1, sizeof *m);
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct txn *t;
    invariant(wire_unpack(e->frame, &a, m) == 0);
    invariant(store_read(w->hub.state, &t) == 0);
    hub_place_get(t, place);
    hub_node_get(t, e->node, n);
    hub_cursor_adopt(place, l->cursor, &m->welcome.cursor, &m->welcome.load);
    m->welcome.tip = place->hub_seq;
    m->welcome.erasures = hub_erasures_tip(t);
    m->welcome.clock = world_clock(w, 0);
    for (size_t i = 0; i < m->welcome.life_count; i++) {
        const struct life *merged = life_find(n->lives, n->life_count, &m->welcome.lives[i].incarnation);
        m->welcome.lives[i].includes = merged == NULL ? 0 : merged->includes;
    }
    say_message(w, "hub  to", e->node, "says", m);
    world_send(w, e->node, false, m);
    txn_abort(t);
    free(n);
    free(place);
    free(m);
    arena_close(&a);
}

/* Own changes that are in their second home but not in the log yet. */
static bool hub_own(struct world *w) { /* says if there were some */
    struct world_hub *h = &w->hub;
    struct txn *own, *log;
    struct hub_log_node zero;
    struct id16 incarnation;
    struct buffer body = {0};
    struct log_entry entry;
    invariant(store_read(h->own, &own) == 0);
    invariant(store_read(h->log, &log) == 0);
    hub_log_node(log, 0, &zero);
    txn_abort(log);
    for (size_t i = 0; i < h->queue_len; i++)
        if (!h->queue[i].nonce && h->queue[i].node == 0) {
            txn_abort(own);
            return true; /* one at a time keeps the chain */
        }
    hub_own_last(own, &incarnation);
    const struct life *l = life_find(zero.lives, zero.life_count, &incarnation);
    struct hash before_it = {{0}};
    if (l != NULL)
        before_it = l->acked_hash;
    bool missing = hub_own_entry(own, l == NULL ? 0 : l->acked, &before_it, world_clock(w, 0), &body, &entry);
    if (missing) {
        world_hub_queue(w, 0, 0, &entry, NULL);
        world_later(w, 1000, (struct world_event){.kind = WORLD_OWN, .life = h->life});
    }
    txn_abort(own);
    buffer_close(&body);
    return missing;
}

/* The door stays shut until what the second home held at the start is folded: nobody is shown an older policy than it has seen (I6). */
static bool hub_open(struct world *w) {
    struct world_hub *h = &w->hub;
    if (!h->replays)
        return h->up;
    struct hub_node_state *n = memory_zeroed(1, sizeof *n);
    struct id16 incarnation;
    struct txn *t;
    invariant(store_read(h->own, &t) == 0);
    uint64_t last = hub_own_last(t, &incarnation);
    txn_abort(t);
    invariant(store_read(h->state, &t) == 0);
    hub_node_get(t, 0, n);
    txn_abort(t);
    const struct life *l = life_find(n->lives, n->life_count, &incarnation);
    h->replays = l == NULL || l->includes < last;
    free(n);
    return h->up && !h->replays;
}

void world_hub_start(struct world *w) {
    struct world_hub *h = &w->hub;
    struct txn *t;
    h->up = true;
    h->life = ++w->lives;
    hub_side_init(&h->side, random_u64(&w->chance), 4u << 20);
    invariant(store_read(h->log, &t) == 0);
    for (uint32_t i = 0; i < w->node_count; i++) {
        struct hub_log_node n;
        struct hub_link *l = &h->links[i];
        memset(l, 0, sizeof *l);
        l->node = i + 1;
        hub_log_node(t, l->node, &n);
        l->current = n.current;
        l->issued = n.issued;
        l->used = n.used;
        for (size_t k = 0; k < n.life_count; k++) {
            l->lives[l->life_count++] = (struct hub_life){
                .incarnation = n.lives[k].incarnation,
                .accepted = n.lives[k].acked,
                .expected = n.lives[k].acked,
                .accepted_hash = n.lives[k].acked_hash,
                .expected_hash = n.lives[k].acked_hash,
            };
        }
        h->table[i] = l;
    }
    txn_abort(t);
    hub_side_links(&h->side, h->table, w->node_count);
    world_hub_safe(w);
    struct hub_place *place = memory_zeroed(1, sizeof *place);
    invariant(store_read(h->state, &t) == 0);
    hub_place_get(t, place);
    txn_abort(t);
    h->side.tip = place->hub_seq;
    free(place);
    hub_quarantines(w);
    h->replays = hub_own(w);
    hub_merge_soon(w);
}

/* ---- the loop */

static void happen(struct world *w, struct world_event *e) {
    struct world_node *n = &w->nodes[e->node];
    bool of_node = e->node != 0 && n->up && e->life == n->life, of_hub = w->hub.up && e->life == w->hub.life;
    switch (e->kind) {
    case WORLD_TO_HUB:
        hub_heard(w, e);
        break;
    case WORLD_TO_NODE:
        node_heard(w, e);
        break;
    case WORLD_LINK:
        if (!of_node)
            break;
        if (e->a == 1 && !n->cut && hub_open(w)) {
            n->conn = ++w->conns;
            n->last_up = n->last_down = w->now;
            world_node_step(w, n, &(struct node_event){.kind = NODE_LINK_UP}, (struct bytes){NULL, 0});
        } else if (e->a == 1 || n->conn == 0) {
            world_node_step(w, n, &(struct node_event){.kind = NODE_LINK_DOWN}, (struct bytes){NULL, 0});
        }
        break;
    case WORLD_READ:
        if (of_node)
            node_read(w, e);
        break;
    case WORLD_VERB:
        if (of_node && !node_verb(w, e)) {
            struct world_event again = *e;
            again.frame = world_keep(e->frame);
            world_later(w, 500, again);
        }
        break;
    case WORLD_ACK:
        if (of_node)
            node_ack(w, e);
        break;
    case WORLD_HUB_GONE:
        if (of_hub && n->conn == 0)
            world_hub_step(w, &(struct hub_event){.kind = HUB_GONE, .link = &w->hub.links[e->node - 1]}, (struct bytes){NULL, 0});
        break;
    case WORLD_COMMIT:
        if (of_hub)
            hub_commit(w);
        break;
    case WORLD_MERGE:
        if (of_hub)
            hub_merge_step(w);
        break;
    case WORLD_PAGE:
    case WORLD_REPAIR:
        if (of_hub)
            hub_answer(w, e);
        break;
    case WORLD_WELCOME:
        if (of_hub)
            hub_welcome(w, e);
        break;
    case WORLD_OWN:
        if (of_hub)
            hub_own(w);
        break;
    case WORLD_NODE_UP:
        if (!n->up)
            world_node_start(w, n);
        break;
    case WORLD_HUB_UP:
        if (!w->hub.up)
            world_hub_start(w);
        break;
    case WORLD_FULL_ENDS:
        world_full(w, e->node, false);
        break;
    default:
        break;
    }
    drop_frame(e);
    w->steps++;
    world_check_cheap(w);
}

/* The node whose deadline comes first, if it comes before the heap's top. */
static uint32_t next_tick(const struct world *w, instant *at) {
    uint32_t who = 0;
    *at = w->heap_len > 0 ? w->heap[0].at : INSTANT_NEVER;
    for (uint32_t i = 1; i <= w->node_count; i++) {
        instant d = w->nodes[i].up ? node_side_deadline(&w->nodes[i].side) : INSTANT_NEVER;
        if (d < *at) {
            *at = d;
            who = i;
        }
    }
    return who;
}

void world_run(struct world *w, uint64_t ms) {
    instant end = w->now + ms;
    for (;;) {
        instant at;
        uint32_t who = next_tick(w, &at);
        if (at > end)
            break;
        if (at > w->now)
            w->now = at;
        if (who != 0) {
            world_node_step(w, &w->nodes[who], &(struct node_event){.kind = NODE_TICK}, (struct bytes){NULL, 0});
        } else {
            struct world_event e = pop(w);
            happen(w, &e);
        }
    }
    w->now = end;
}

void world_open(struct world *w, uint64_t seed, unsigned faults, uint32_t nodes) {
    memset(w, 0, sizeof *w);
    invariant(nodes <= WORLD_NODES);
    random_seed(&w->chance, seed);
    w->seed = seed;
    w->faults = faults;
    w->now = EPOCH_MS;
    w->node_count = nodes;
    w->page_bytes = 0;
    world_begin(w);
}

void world_close(struct world *w) {
    for (size_t i = 0; i < w->heap_len; i++)
        drop_frame(&w->heap[i]);
    free(w->heap);
    for (uint32_t i = 1; i <= w->node_count; i++) {
        for (size_t k = 0; k < w->nodes[i].backup_count; k++)
            store_close(w->nodes[i].backups[k]);
        store_close(w->nodes[i].store);
    }
    struct world_hub *h = &w->hub;
    for (size_t k = 0; k < h->backup_count; k++) {
        store_close(h->backups[k].log);
        store_close(h->backups[k].state);
    }
    for (size_t i = 0; i < h->queue_len; i++)
        free((void *)(uintptr_t)h->queue[i].entry.at);
    hub_side_close(&h->side);
    store_close(h->log);
    store_close(h->state);
    store_close(h->own);
    oracle_close(&w->oracle);
    buffer_close(&w->story);
    buffer_close(&w->failures);
    memset(w, 0, sizeof *w);
}
