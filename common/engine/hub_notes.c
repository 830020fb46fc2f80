/* What the hub keeps beside its log, in hub-own: what the offices said last, the heads of audit logs, who has moved to its next keys, which
 * backups a restore may use. It is known on the loop and written by hub_engine_own (audit_works and moved_works: on the log worker); the
 * proof of the hub's own audit log runs on the read worker (audit_proof_works). */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/engine/hub_parts.h"

#include <stdlib.h>
#include <string.h>

enum { AUDIT_TRIM_BLOCKS = 64 };

/* ---- what the offices said last, and the heads of audit logs: kept durably once a minute, a break at once */

struct audit_line {
    uint32_t node;
    struct hub_audit audit;
};

struct said_line {
    uint32_t node;
    struct office_said said;
};

struct audit_saving {
    struct hub_own_work own;
    struct hub_engine *engine;
    struct audit_line *lines; /* owns */
    struct said_line *said;   /* owns */
    size_t count, said_count, signer_count;
    uint8_t signers[2][KEY_BYTES];
};

static void audit_works(struct hub_own_work *w, struct txn *own) {
    struct audit_saving *s = (struct audit_saving *)w;
    wall_ms now = clock_wall(), keep = (wall_ms)LIMIT_AUDIT_KEEP_DAYS * 86400000;
    for (size_t i = 0; i < s->count; i++)
        hub_audit_write(own, s->lines[i].node, &s->lines[i].audit);
    for (size_t i = 0; i < s->said_count; i++)
        hub_own_said(own, s->said[i].node, &s->said[i].said);
    for (size_t i = 0; i < s->signer_count; i++)
        audit_signer_add(own, &audit_hub, s->signers[i]);
    audit_trim(own, &audit_hub, now > keep ? now - keep : 0, AUDIT_TRIM_BLOCKS);
}

static void audit_done(struct hub_own_work *w, int result) {
    struct audit_saving *s = (struct audit_saving *)w;
    for (size_t i = 0; i < s->count && result != 0; i++) { /* with the next that go */
        struct hub_peer *p = hub_peer_by_node(s->engine, s->lines[i].node);
        if (p != NULL)
            p->audit.dirty = true;
        else
            s->engine->own_told_dirty = true;
    }
    for (size_t i = 0; i < s->said_count && result != 0; i++) {
        struct hub_peer *p = hub_peer_by_node(s->engine, s->said[i].node);
        if (p != NULL)
            p->said_dirty = true;
    }
    s->engine->signers_dirty = s->engine->signers_dirty || (s->signer_count > 0 && result != 0);
    free(s->lines);
    free(s->said);
    free(s);
}

void hub_notes_save(struct hub_engine *e) {
    struct audit_saving *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->lines = memory_zeroed(e->peer_count + 1, sizeof *s->lines);
    s->said = memory_zeroed(e->peer_count + 1, sizeof *s->said);
    for (size_t i = 0; i < e->peer_count; i++) {
        const struct hub_link *l = &e->peers[i]->link;
        if (!e->peers[i]->said_dirty)
            continue;
        struct said_line *line = &s->said[s->said_count++];
        line->node = l->node;
        line->said.at = l->reported;
        line->said.report = l->last;
        memcpy(line->said.software, l->software, sizeof l->software);
        e->peers[i]->said_dirty = false;
    }
    for (size_t i = 0; i < e->peer_count; i++)
        if (e->peers[i]->audit.dirty) {
            s->lines[s->count++] = (struct audit_line){e->peers[i]->link.node, e->peers[i]->audit};
            e->peers[i]->audit.dirty = false;
        }
    if (e->own_told_dirty) {
        s->lines[s->count++] = (struct audit_line){HEADS_OWN, {.kept = e->own_told, .broken = e->own_broken}};
        e->own_told_dirty = false;
    }
    for (size_t i = 0; e->signers_dirty && i < (e->next_keys ? 2 : 1); i++)
        memcpy(s->signers[s->signer_count++], e->keys[i].public.sign, KEY_BYTES);
    e->signers_dirty = false;
    s->own.work = audit_works;
    s->own.done = audit_done;
    if (s->count > 0 || s->said_count > 0 || s->signer_count > 0)
        hub_engine_own(e, &s->own);
    else
        audit_done(&s->own, 0);
}

void hub_notes_signers(struct hub_engine *e) {
    e->signers_dirty = true;
    hub_notes_save(e);
}

/* ---- who has moved to the hub's next keys: kept durably, one commit at a time */

struct moved_line {
    uint32_t node;
    uint8_t to[KEY_BYTES];
};

struct moved_saving {
    struct hub_own_work own;
    struct hub_engine *engine;
    struct moved_line *lines; /* owns */
    size_t count;
};

static void moved_works(struct hub_own_work *w, struct txn *own) {
    struct moved_saving *s = (struct moved_saving *)w;
    for (size_t i = 0; i < s->count; i++)
        hub_own_moved(own, s->lines[i].node, s->lines[i].to);
}

static void moved_save(struct hub_engine *e);

static void moved_done(struct hub_own_work *w, int result) {
    struct moved_saving *s = (struct moved_saving *)w;
    struct hub_engine *e = s->engine;
    e->moved_saving = false;
    for (size_t i = 0; i < s->count && result != 0; i++) { /* with the next that go */
        struct hub_peer *p = hub_peer_by_node(e, s->lines[i].node);
        if (p != NULL)
            p->moved_dirty = true;
    }
    free(s->lines);
    free(s);
    if (result == 0 && !e->closing)
        moved_save(e);
}

static void moved_save(struct hub_engine *e) {
    size_t count = 0;
    for (size_t i = 0; i < e->peer_count; i++)
        count += e->peers[i]->moved_dirty;
    if (count == 0 || e->moved_saving)
        return;
    struct moved_saving *s = memory_zeroed(1, sizeof *s);
    s->engine = e;
    s->lines = memory_zeroed(count, sizeof *s->lines);
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_peer *p = e->peers[i];
        if (!p->moved_dirty)
            continue;
        s->lines[s->count].node = p->link.node;
        memcpy(s->lines[s->count++].to, p->moved_to, KEY_BYTES);
        p->moved_dirty = false;
    }
    s->own.work = moved_works;
    s->own.done = moved_done;
    e->moved_saving = true;
    hub_engine_own(e, &s->own);
}

/* It was heard. A copy of an office that has not the next keys comes by the former ones again, and has not moved then. */
void hub_notes_moved(struct hub_peer *p) {
    static const uint8_t former[KEY_BYTES];
    struct hub_engine *e = p->engine;
    if (e->next_way == NULL || p->way == NULL)
        return;
    const uint8_t *to = p->way == e->next_way ? e->keys[1].public.curve : former;
    if (memcmp(p->moved_to, to, KEY_BYTES) == 0)
        return;
    memcpy(p->moved_to, to, KEY_BYTES);
    p->moved_dirty = true;
    moved_save(e);
}

bool hub_engine_moved(const struct hub_engine *e, const struct hub_peer *p) {
    return e->next_way == NULL || memcmp(p->moved_to, e->keys[1].public.curve, sizeof p->moved_to) == 0;
}

void hub_notes_again(uv_timer_t *t) {
    hub_notes_save(t->data);
    moved_save(t->data);
}

/* ---- the heads of audit logs: what a node says of its own, and what it keeps of the hub's */

void hub_notes_hear(struct hub_engine *e, struct hub_peer *p, const struct report *m) {
    if (audit_head_none(&m->audit.mine.head) || m->session != hub_side_session(&p->link))
        return;
    enum audit_verdict v = hub_audit_heard(&p->audit, &m->audit, clock_wall());
    if (v == AUDIT_EXTENDS || v == AUDIT_UNPROVEN)
        return;
    log_fact(
        LOG_ERROR, "hub.alarm", FACT_TEXT("what", "an audit log that does not go on"), FACT_UINT("node", p->link.node),
        FACT_HEX("key", bytes_of(p->keys.curve, KEY_BYTES)), FACT_TEXT("it", audit_verdict_text(v)),
        FACT_UINT("kept", p->audit.broken.told.head.n), FACT_UINT("now", p->audit.broken.said.n));
    hub_notes_save(e);
}

/* What a node keeps of the hub's own log, and the hub's answer to it. */
void hub_notes_judged(
    struct hub_engine *e, struct hub_peer *p, const struct audit_told *told, const struct audit_say *say, enum audit_verdict v) {
    if (v == AUDIT_UNPROVEN)
        return;
    if (v == AUDIT_EXTENDS && told->head.n >= e->own_told.told.head.n) {
        e->own_told = (struct audit_kept){.told = *told, .heard = clock_wall()};
        e->own_told_dirty = true;
    }
    if (v == AUDIT_EXTENDS || e->own_broken.told.head.n >= told->head.n)
        return;
    e->own_broken = (struct audit_kept){.told = *told, .heard = clock_wall(), .verdict = v, .said = say->mine.head};
    e->own_told_dirty = true;
    log_fact(
        LOG_ERROR, "hub.audit_broken", FACT_TEXT("it", audit_verdict_text(v)), FACT_UINT("told_by", p->link.node),
        FACT_UINT("kept", told->head.n), FACT_UINT("now", say->mine.head.n));
    hub_notes_save(e);
}

const struct audit_kept *hub_engine_audit_broken(const struct hub_engine *e) {
    return &e->own_broken;
}

void hub_engine_audit_settled(struct hub_engine *e, uint32_t node) {
    struct hub_peer *p = hub_peer_by_node(e, node);
    if (node == HEADS_OWN)
        e->own_broken = e->own_told = (struct audit_kept){.heard = 0};
    else if (p != NULL)
        p->audit.broken = (struct audit_kept){.heard = 0};
}

/* Is the hub's own log whole? It answers for nothing if it is not. */
struct audit_proof {
    struct hub_read read;
    struct hub_engine *engine;
    struct audit_checked checked;
};

static void audit_proof_works(struct hub_read *q, struct txn *state, struct txn *log) {
    struct audit_proof *a = (struct audit_proof *)q;
    struct txn *own;
    (void)state;
    (void)log;
    if (store_read(a->engine->stores.own, &own) != 0)
        return;
    audit_verify(own, &audit_hub, &a->checked);
    txn_abort(own);
}

static void audit_proof_done(struct hub_read *q, int result) {
    struct audit_proof *a = (struct audit_proof *)q;
    (void)result;
    if (!a->checked.by_head)
        a->engine->troubles.audit_bad = a->checked.bad;
    if (a->checked.bad != 0)
        log_fact(LOG_ERROR, "audit.bad", FACT_UINT("from", a->checked.bad), FACT_TEXT("why", buffer_string(&a->checked.what)));
    buffer_close(&a->checked.what);
    free(a);
}

void hub_notes_prove(struct hub_engine *e) {
    struct audit_proof *a = memory_zeroed(1, sizeof *a);
    a->engine = e;
    a->read.work = audit_proof_works;
    a->read.done = audit_proof_done;
    hub_engine_read(e, &a->read);
}

/* ---- backups: what a restore may use, and with it what is safe */

int hub_notes_read(struct hub_engine *e) {
    struct txn *own;
    int r = store_read(e->stores.own, &own);
    if (r != 0)
        return pass(r);
    struct hub_audit ours = {.due = false};
    hub_kept_view(own, &e->kept);
    hub_audit_read(own, HEADS_OWN, &ours);
    e->own_told = ours.kept;
    e->own_broken = ours.broken;
    r = txn_result(own);
    txn_abort(own);
    return r == 0 ? 0 : pass(r);
}

const struct hub_kept_view *hub_engine_backups(const struct hub_engine *e) {
    return &e->kept;
}

void hub_engine_kept(struct hub_engine *e, struct hub_kept_view *v) {
    hub_kept_view_close(&e->kept);
    e->kept = *v;
    *v = (struct hub_kept_view){.kept = NULL};
    if (e->closing)
        return;
    for (size_t i = 0; i < e->peer_count; i++) {
        struct hub_link *l = &e->peers[i]->link;
        for (size_t k = 0; k < l->life_count; k++)
            l->lives[k].safe = hub_kept_safe(&e->kept, l->node, &l->lives[k].incarnation);
    }
    hub_step(e, &(struct hub_event){.kind = HUB_KEPT}, NULL);
    hub_appends_trim(e);
}
