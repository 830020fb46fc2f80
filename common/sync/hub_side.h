/* The hub's side of the protocol: one small machine per node (who may speak, what was accepted, how much may come), and the queue to the
 * log.
 *
 * A function of (state, event) -> effects, as node_side.h. Reads of the merged state (Welcome's watermarks, feed pages, repairs) are the
 * shell's: it answers to the session that asked, and drops the answer when that is gone (hub_side_session).
 *
 * Glossary. Accepted: in the log, fsynced. Expected: accepted, or queued for append; a push is checked against it. Ticket: the number of
 * one queued append; appends come back in order, several at once. */
#pragma once

#include "common/base/instant.h"
#include "common/base/random.h"
#include "common/model/message.h"

enum hub_link_state {
    HUB_ABSENT,   /* no session */
    HUB_GREETING, /* a Hello waits until its nonce is durable and its queued appends are done */
    HUB_READY,
};

struct hub_life {
    struct id16 incarnation;
    uint64_t accepted, expected, safe;
    struct hash accepted_hash, expected_hash;
};

/* What the hub believes about one node. Made by HUB_PEER from the roster and the log; the memory belongs to the shell. */
struct hub_link {
    uint32_t node;
    enum hub_link_state state;
    bool revoked, paused, retired, forked, full; /* full: its quarantine budget is used up */
    struct hub_life lives[LIMIT_LIVES];
    size_t life_count;
    struct id16 current;
    uint64_t issued, used; /* session nonces (B1) */
    bool nonce_due;        /* `used` is newer than what is durable, and could not be queued */
    bool reborn;           /* it was told RESTORED: the life that it greets with next is new */
    uint64_t session;
    uint64_t queued;       /* appends of this node under way */
    uint64_t nonce_ticket; /* the Welcome waits for this ticket */
    struct cursor cursor;  /* of the Hello */
    uint32_t protocol;
    uint64_t taken, credit;  /* bytes of Push bodies in this session: done, allowed */
    uint64_t spent;          /* received, done or not */
    area areas[LIMIT_AREAS]; /* of the last Pull, before it of the office's record: whom a merge concerns */
    size_t area_count;
    enum refusal refused;   /* what its last Hello was answered with; 0 = it was welcomed, or none came */
    int64_t clock_ahead_ms; /* of the hub's, at its last Hello */
    uint64_t at;            /* cursor of the last Pull */
    bool tipped;            /* a Tip is out and no Pull came since */
    instant heard;          /* last message; 0 = never */
    struct report last;
    char software[64 + 1]; /* of its last Hello or Report: printable ASCII, for people */
    wall_ms reported;      /* 0 = never */
    /* The canary: a Report that goes through log and fold, is named in an Ack, and named again in a later Report when the node has what
     * was saved then. Only that shows that the link works. */
    instant ready;                         /* since when this session is */
    uint64_t canary_ticket, canary_number; /* under way to the log, then to the fold; 0 = none */
    uint64_t canary_position;              /* the log's end when it was there; the fold has to pass it */
    uint64_t canary_passed;                /* what Acks name */
    uint64_t canary_back;                  /* the newest that the node named */
    instant verified_at;
    wall_ms verified; /* when it did so last; 0 = never since the hub started */
};

struct hub_append {
    uint64_t ticket;
    struct hub_link *link; /* NULL once the link is gone */
    struct id16 incarnation;
    uint64_t seq;
    struct hash hash;
    uint64_t bytes;
    uint64_t session;
};

enum { HUB_QUEUE = 8192, HUB_GREETINGS = 256 };

enum hub_event_kind {
    HUB_PEER,     /* a node is known (start, enrolment, change of status): link filled in by the shell */
    HUB_HEARD,    /* a message of a node */
    HUB_GONE,     /* its connection is gone */
    HUB_APPENDED, /* all tickets up to this one are durable */
    HUB_FAILED,   /* the append failed as a whole (full disk): everything queued is taken back */
    HUB_MERGED,   /* the fold moved */
    HUB_FOLDED,   /* a round of the fold is over, whether it moved or not */
    HUB_KEPT,     /* `safe` of lives was set anew by the shell: everybody who is here hears it */
};

struct hub_event {
    enum hub_event_kind kind;
    instant now;
    wall_ms wall;
    struct hub_link *link; /* PEER, HEARD, GONE */
    union {
        struct message *heard; /* HEARD; lives until the step ends, or until the effect it was handed to is done */
        struct {
            uint64_t ticket;
            uint64_t position; /* the log's last entry */
        } appended;
        uint64_t folded; /* FOLDED: the log position that is folded */
        struct {
            uint64_t tip;
            uint64_t backlog; /* log entries not folded yet */
            const area *areas;
            size_t area_count;
            bool every; /* all links */
            const uint32_t *nodes;
            size_t node_count;
        } merged;
    };
};

enum hub_effect_kind {
    HUB_FX_SEND,    /* message to link */
    HUB_FX_APPEND,  /* append the heard Push of link under `ticket` */
    HUB_FX_NONCE,   /* make link's current life and nonces durable under `ticket`, in the same queue */
    HUB_FX_WELCOME, /* send `message` (a Welcome) after filling in what the state knows: lives' includes, cursor, load, tip */
    HUB_FX_PAGE,    /* answer the heard Pull with a Feed */
    HUB_FX_REPAIR,  /* answer the heard Repair question */
    HUB_FX_NOTE,
};

enum hub_note {
    HUB_NOTE_HELLO,
    HUB_NOTE_WELCOME,
    HUB_NOTE_REFUSED,   /* refusal */
    HUB_NOTE_TAKE_OVER, /* a new life of this node */
    HUB_NOTE_REWIND,
    HUB_NOTE_APPEND_FAILED,
    HUB_NOTE_FLOOD, /* a push beyond its credit */
};

struct hub_effect {
    enum hub_effect_kind kind;
    struct hub_link *link;
    uint64_t ticket;
    enum hub_note note;
    enum refusal refusal;
    struct message message;
};

/* Effects are handed out one by one, since one merge may wake every link. */
struct hub_out {
    void (*effect)(void *owner, const struct hub_effect *e);
    void *owner; /* borrows */
};

struct hub_side {
    struct random chance;
    struct hub_link **links; /* borrows: the shell's table, by any order */
    size_t link_count;
    struct hub_append *queue; /* owns; a ring of HUB_QUEUE */
    size_t queue_first, queue_len;
    uint64_t next_ticket;
    size_t greeting, ready;
    uint64_t tip, backlog;
    uint64_t folded;     /* log position */
    size_t canaries;     /* links whose canary waits for the fold */
    uint64_t pool_bytes; /* all credit together */
    instant now;         /* of the step under way */
    instant full_until;  /* an append failed for want of room: no credit and no greeting until then, then it is tried again */
};

/* How a link stands, by what came through and back, not by its socket. */
enum hub_standing {
    HUB_NEVER_SEEN, /* since the hub started */
    HUB_OFFLINE,
    HUB_GREETS,
    HUB_UNKNOWN, /* there is a session, and no canary of it has come back yet */
    HUB_STALE,   /* none has for longer than `stale_ms` */
    HUB_ONLINE,
};
enum hub_standing hub_link_standing(const struct hub_link *l, instant now, uint64_t stale_ms);
uint64_t hub_link_unverified_ms(const struct hub_link *l, instant now); /* of a session: since when nothing came back; else 0 */

void hub_side_init(struct hub_side *h, uint64_t seed, uint64_t pool_bytes);
void hub_side_close(struct hub_side *h);
void hub_side_links(struct hub_side *h, struct hub_link **links /* borrows */, size_t count); /* after the table has grown or moved */
void hub_side_step(struct hub_side *h, const struct hub_event *in, const struct hub_out *out);
uint64_t hub_side_session(const struct hub_link *l); /* 0 = none: an answer that comes now is dropped */
const char *hub_note_name(enum hub_note note);
