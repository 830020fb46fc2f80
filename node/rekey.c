/* The node's keys change: made beside the old ones, durable before the hub hears of them, and in their place once the hub has let us in
 * with them (node_engine_rekey). Whenever the power goes: the file `keys.next` is there until then, and the hub takes one of the two for a
 * week at least. */
#include "node/office.h"

#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void path_of(const struct office *o, const char *name, struct buffer *out) {
    buffer_format(out, "%s/%s", settings_text(o->settings, "data"), name);
}

int office_next_keys(struct office *o) {
    struct buffer path = {0};
    path_of(o, "keys.next", &path);
    int r = keys_load(buffer_string(&path), &o->next);
    if (r == KEYS_BROKEN) { /* a power cut while they were made: nobody has heard of them */
        log_fact(LOG_WARNING, "node.keys_half_made", FACT_TEXT("file", buffer_string(&path)));
        r = unlink(buffer_string(&path)) == 0 ? KEYS_MISSING : r;
    }
    o->rekeying = r == 0;
    if (r != 0 && r != KEYS_MISSING)
        fprintf(stderr, "anju-node: %s: %s\n", buffer_string(&path), keys_outcome_text(r));
    buffer_close(&path);
    return r == KEYS_MISSING ? 0 : r;
}

void office_rekeyed(void *owner) {
    struct office *o = owner;
    struct buffer path = {0}, next = {0};
    path_of(o, "keys", &path);
    path_of(o, "keys.next", &next);
    int r = keys_replace(buffer_string(&path), buffer_string(&next));
    if (r != 0) /* both stay, and at the next start both are tried */
        log_fact(
            LOG_ERROR, "node.keys_not_replaced", FACT_TEXT("why", strerror(-r)), FACT_TEXT("do", "look at the disk, restart the node"));
    o->keys = o->next;
    keys_forget(&o->next);
    o->rekeying = false;
    buffer_close(&path);
    buffer_close(&next);
}

void cmd_key_rotate(void *owner, struct request *q) {
    struct office *o = owner;
    struct buffer next = {0};
    char text[PUBLIC_TEXT];
    int r = 0;
    path_of(o, "keys.next", &next);
    if (!o->rekeying)
        r = keys_make(buffer_string(&next), &o->next);
    if (r != 0) {
        request_errorf(
            q, "busy", "free space on the disk, or look at it; then again", "the new keys could not be saved: %s",
            request_words(q, keys_outcome_text(r)));
    } else {
        if (!o->rekeying)
            node_engine_rekey(o->engine, &o->next);
        o->rekeying = true;
        request_ok(
            q, json_pack(
                   "{s:s, s:s, s:s}", "state", office_key_state(o), "public", public_text(&o->next.public, text), "next",
                   "`anjuctl status` says `settled` when the hub has let this node in with it; make a backup then: it holds the keys"));
    }
    buffer_close(&next);
}

const char *office_key_state(const struct office *o) {
    static const char *const names[] = {"settled", "offered", "taken"};
    return names[node_engine_rekeying(o->engine)];
}
