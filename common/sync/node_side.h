/* The node's side of the protocol: one machine that greets, pushes its change log, pulls the feed, and repairs.
 *
 * A function of (state, event) -> effects: it cannot fail, block, allocate, log or look at a clock. Start reading here.
 *
 * Glossary. Verb: durable work that the shell does in one store transaction and answers with NODE_DONE; at most one of WELCOME, NEW_LIFE,
 * LAY_FEED, BUCKETS, LAY_REPAIR is under way, ACKs may queue behind it. Session: what one Welcome opened; messages of another are dropped.
 */
#pragma once

#include "common/base/instant.h"
#include "common/base/random.h"
#include "common/model/progress.h"

enum node_state {
    NODE_ASLEEP,     /* not started, paused by an operator, or closed by the city */
    NODE_DOWN,       /* no link; waits until `until` */
    NODE_CONNECTING, /* the shell was asked to connect */
    NODE_GREETING,   /* Hello is out */
    NODE_SETTLING,   /* a Welcome (or a new life) is being made durable */
    NODE_READY,
    NODE_STATES,
};

enum node_verb { NODE_VERB_NONE, NODE_VERB_WELCOME, NODE_VERB_NEW_LIFE, NODE_VERB_LAY_FEED, NODE_VERB_BUCKETS, NODE_VERB_LAY_REPAIR };

enum node_event_kind {
    NODE_START,     /* progress as the store has it; also after a pause */
    NODE_PAUSE,     /* an operator's: the link closes and stays closed */
    NODE_SAVED,     /* an edit was saved: progress has grown */
    NODE_LINK_UP,   /* the transport's handshake succeeded */
    NODE_LINK_DOWN, /* it is gone, or did not come up */
    NODE_HEARD,     /* a message; it lives until the step ends, or until the verb that it was handed to is done */
    NODE_BATCH,     /* what NODE_FX_READ asked for; push.count == 0: nothing there */
    NODE_DONE,      /* a verb is done */
    NODE_TICK,      /* the deadline has passed */
    NODE_SOUND,     /* a whole check of the store found it sound */
};

struct node_event {
    enum node_event_kind kind;
    instant now;
    wall_ms wall; /* the local clock, for Hello and Report */
    union {
        const struct node_progress *progress; /* START, SAVED */
        uint64_t alarms;                      /* SOUND: how many there had been when the check began */
        struct message *heard;                /* HEARD */
        struct {
            uint64_t session; /* of the read */
            struct push push; /* body as it will be sent */
            bool broken;      /* what follows cannot be sent as it is: only the next Welcome settles that */
        } batch;
        struct {
            enum node_verb verb;
            int outcome;                                     /* of the store's function (node_apply.h) */
            const struct node_progress *progress;            /* after it */
            bool dropped, caught_up, compared, equal, alarm; /* LAY_FEED, LAY_REPAIR */
            bool more;                                       /* LAY_REPAIR: further buckets differ */
            bool erased;                                     /* LAY_FEED: it brought orders to erase … */
            bool policies;                                   /* … or policies */
            area differs;                                    /* LAY_FEED */
            const struct digest *buckets;                    /* BUCKETS: DIGEST_BUCKETS of them */
        } done;
    };
};

enum node_effect_kind {
    NODE_FX_CONNECT,
    NODE_FX_DISCONNECT,
    NODE_FX_SEND, /* message */
    NODE_FX_READ, /* read a batch of `incarnation` after `after`, at most `bytes` compressed: answered with NODE_BATCH */
    NODE_FX_VERB, /* verb, with the message just heard (WELCOME, LAY_FEED, LAY_REPAIR) or `area` (BUCKETS) */
    NODE_FX_ACK,  /* make the heard Ack's watermarks durable; no answer */
    NODE_FX_TRIM, /* the log may be trimmed; no answer */
    NODE_FX_NOTE, /* tell: a fact for the log and the status */
};

enum node_note {
    NODE_NOTE_CONNECTED,
    NODE_NOTE_WELCOME,
    NODE_NOTE_REFUSED,  /* refusal */
    NODE_NOTE_RESTORED, /* a new incarnation is begun */
    NODE_NOTE_STALE,    /* the hub speaks of an older epoch */
    NODE_NOTE_GAP,
    NODE_NOTE_CAUGHT_UP,
    NODE_NOTE_REPAIR, /* digests differ while unproven: repaired, counted */
    NODE_NOTE_ALARM,  /* digests differ though proven */
    NODE_NOTE_REWIND,
    NODE_NOTE_LINK_DOWN,
};

struct node_effect {
    enum node_effect_kind kind;
    union {
        struct message message;
        struct {
            uint64_t session;
            struct id16 incarnation;
            uint64_t after;
            size_t bytes;
        } read;
        struct {
            enum node_verb verb;
            area area;
            wall_ms asked; /* WELCOME: the local clock when the Hello went out */
        } verb;
        struct {
            enum node_note note;
            enum refusal refusal;
            uint64_t number;
        } note;
    };
};

enum { NODE_EFFECTS = 6 };
struct node_effects {
    struct node_effect list[NODE_EFFECTS];
    size_t count;
};

struct node_side {
    enum node_state state;
    instant until; /* when this state's patience ends */
    wall_ms asked; /* the local clock at the last Hello */
    unsigned attempt;
    struct random chance;

    struct node_progress progress; /* as last known durable; `acked` may be ahead of it by Acks just heard */
    uint64_t sent[LIMIT_LIVES];    /* highest seq handed to the link in this session, by index of progress.lives */

    uint64_t session;
    uint64_t credit, spent; /* bytes of Push bodies in this session */
    bool reading;
    unsigned rewinds;      /* that the hub asked for since an Ack last brought progress */
    bool resting;          /* nothing is pushed until push_deadline: the hub took nothing, twice */
    instant push_deadline; /* no progress of Acks until then: rewind */

    bool pulling;
    instant pull_deadline;
    enum node_verb busy;
    bool want_pull; /* something is newer than the last page */
    uint64_t tip;
    uint64_t erasures; /* row of the newest order to erase at the Welcome: until it is laid nothing is pushed */
    area repairing;
    bool repair_open;

    unsigned silent; /* deadlines that passed since the hub last spoke in this session */

    instant next_report;
    uint64_t told_backlog; /* of the last Report */
    /* The canary (hub_side.h): numbers of Reports of this session. */
    uint64_t reports;      /* said */
    uint64_t canary;       /* the newest that came back */
    uint64_t canary_named; /* the newest that an Ack named */
    uint64_t canary_out;   /* waits to come back, and what has to come with it: a page after so many, all that was saved then */
    uint64_t canary_last;
    uint64_t canary_pages;
    uint64_t pages;       /* that said caught up, so far */
    wall_ms verified;     /* when the last one came back, by the local clock; 0 = never in this life of the process */
    bool tell_laid;       /* orders to erase were carried out, policies taken up or refused since */
    enum refusal refused; /* the last refusal, 0 = none since the last Welcome */
    instant caught_up_at; /* 0 = never in this life of the process */
    wall_ms welcomed_wall;
    uint64_t repairs, alarms; /* so far */
    uint64_t settled;         /* alarms after which the store was found sound, with digests that were equal again */
    bool unequal;             /* the digests that were compared last differed */
    struct bytes software;    /* borrows, static */
};

void node_side_init(struct node_side *n, uint64_t seed, struct bytes software /* borrows, for ever */);
void node_side_step(struct node_side *n, const struct node_event *in, struct node_effects *out);
instant node_side_deadline(const struct node_side *n); /* when NODE_TICK is due; INSTANT_NEVER */
uint64_t node_side_alarmed(const struct node_side *n); /* alarms that are not settled */
const char *node_state_name(enum node_state s);
const char *node_note_name(enum node_note note);
