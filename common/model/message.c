#include "common/model/message.h"

#include <string.h>

int epoch_compare(struct epoch a, struct epoch b) {
    if (a.counter != b.counter)
        return a.counter < b.counter ? -1 : 1;
    return (a.random > b.random) - (a.random < b.random);
}

bool epoch_equal(struct epoch a, struct epoch b) {
    return epoch_compare(a, b) == 0;
}

bool cursor_equal(struct cursor a, struct cursor b) {
    return epoch_equal(a.epoch, b.epoch) && a.at == b.at && a.floor == b.floor;
}

struct life *life_find(struct life *lives, size_t count, const struct id16 *incarnation) {
    for (size_t i = 0; i < count; i++)
        if (id_equal(&lives[i].incarnation, incarnation))
            return &lives[i];
    return NULL;
}

const char *verdict_text(enum verdict v) {
    switch (v) {
    case VERDICT_MERGED:
        return "merged";
    case VERDICT_SCOPE:
        return "this office does not serve the record; take it up first";
    case VERDICT_CLOCK:
        return "its time is ahead of the city's clock";
    case VERDICT_RULE:
        return "a rule of the catalogue refuses it";
    case VERDICT_FULL:
        return "the record would become too large";
    case VERDICT_GARBAGE:
        return "the hub cannot read it";
    case VERDICT_FORGED:
        return "it claims another node's authorship";
    case VERDICT_DISCARDED:
        return "discarded by an operator";
    case VERDICT_ERASED:
        return "the record is erased for ever, by an order of the city";
    case VERDICT_REVOKED:
        return "it came in a file after its node was revoked or closed; a person decides";
    }
    return "held for a reason this version does not know";
}

static const char *const verdict_names[] = {
    [VERDICT_MERGED] = "merged", [VERDICT_SCOPE] = "scope",     [VERDICT_CLOCK] = "clock",   [VERDICT_RULE] = "rule",
    [VERDICT_FULL] = "full",     [VERDICT_GARBAGE] = "garbage", [VERDICT_FORGED] = "forged", [VERDICT_DISCARDED] = "discarded",
    [VERDICT_ERASED] = "erased", [VERDICT_REVOKED] = "revoked",
};

const char *verdict_name(enum verdict v) {
    return (size_t)v < sizeof verdict_names / sizeof *verdict_names ? verdict_names[v] : NULL;
}

bool verdict_named(const char *name, enum verdict *out) {
    for (size_t i = 0; i < sizeof verdict_names / sizeof *verdict_names; i++)
        if (verdict_names[i] != NULL && strcmp(verdict_names[i], name) == 0) {
            *out = (enum verdict)i;
            return true;
        }
    return false;
}

bool verdict_waits(enum verdict v) {
    return v != VERDICT_MERGED && v != VERDICT_DISCARDED && v != VERDICT_ERASED;
}

const char *refusal_text(enum refusal r) {
    switch (r) {
    case REFUSE_BUSY:
        return "the hub is busy; trying again later";
    case REFUSE_REVOKED:
        return "this node's key was revoked";
    case REFUSE_TOO_OLD:
        return "this node's software is too old for the hub; update it";
    case REFUSE_TOO_NEW:
        return "this node's software is too new for the hub; update the hub first";
    case REFUSE_FORKED:
        return "two machines use this node's disk; one of them must be enrolled anew";
    case REFUSE_RESTORED:
        return "this node's log is an older copy; it begins a new incarnation";
    case REFUSE_GAP:
        return "the hub lacks changes that this node has forgotten; an operator must decide";
    case REFUSE_CLOCK:
        return "this node's clock is wrong";
    case REFUSE_PAUSED:
        return "this node is paused by an operator";
    case REFUSE_DISK_FULL:
        return "the hub's disk is full; trying again later";
    case REFUSE_RETIRED:
        return "the city has closed this office's node: it takes no more edits; what it holds can still be read";
    }
    return "refused for a reason this version does not know";
}

const char *message_name(enum message_kind kind) {
    static const char *const names[] = {"?",    "hello", "welcome", "refuse",     "push",        "ack",       "pull",
                                        "feed", "tip",   "report",  "repair-ask", "repair-fill", "key-offer", "key-taken"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}
