/* A world: one hub, some nodes, a network between them, and virtual time. The second engine: it carries out the core's effects on memory
 * stores. Everything that happens comes from one seed; the same seed gives the same trace hash. */
#pragma once

#include "common/store/hub_feed.h"
#include "common/store/node_apply.h"
#include "common/sync/hub_side.h"
#include "common/sync/node_side.h"
#include "tests/sim/oracle.h"

enum { WORLD_NODES = 6, WORLD_BACKUPS = 3, WORLD_FIELD_A = 16, WORLD_FIELD_B = 17, WORLD_FIELD_SET = 18, WORLD_TYPE = 40 };

/* What a profile lets happen; bits. */
enum world_fault {
    FAULT_MOVE = 1,           /* records change their home */
    FAULT_SHARE = 2,          /* offices take up records of others */
    FAULT_BAD = 4,            /* edits that a rule holds until the hub is upgraded */
    FAULT_LATE = 8,           /* messages of a dead connection arrive later */
    FAULT_LOSS = 16,          /* messages are lost on a live connection */
    FAULT_TWICE = 32,         /* … and doubled, and overtake each other */
    FAULT_CRASH = 64,         /* hub and nodes crash */
    FAULT_CLOCK = 128,        /* clocks jump */
    FAULT_NODE_RESTORE = 256, /* a node's disk goes back */
    FAULT_HUB_RESTORE = 512,  /* the hub's disks go back */
    FAULT_MIXED = 1024,       /* … its log and its state to different moments */
    FAULT_SCOPES = 2048,      /* nodes gain and lose areas */
    FAULT_FULL = 4096,        /* disks are full for a while */
    FAULT_EIO = 8192,         /* a disk fails under a commit: the process ends and starts again */
    FAULT_ERASE = 32768,      /* records are erased for ever */
    FAULT_LIVES = 16384,      /* above all, disks of nodes go back or are replaced: more lives than are remembered */
};

struct world_event {
    instant at;
    uint64_t order;
    unsigned kind;
    uint32_t node; /* 0 = the hub */
    uint64_t life; /* the process or connection it belongs to; a later one ignores it */
    uint64_t a, b;
    struct id16 id;
    enum node_verb verb;
    struct bytes frame; /* owns */
};

struct world_node {
    uint32_t id;
    struct node_side side;
    struct store *store;
    bool up;            /* the process runs */
    bool cut;           /* no network */
    uint64_t life;      /* of the process */
    uint64_t conn;      /* connection number; 0 = none */
    instant busy_until; /* its disk */
    int64_t skew_ms;
    struct store *backups[WORLD_BACKUPS];
    size_t backup_count;
    instant last_down, last_up; /* scheduled arrival of the last message each way: connections are in order */
    area home;
    bool alarmed;
    uint64_t policy_hlc;                    /* I6: the policy's version as last seen here; a disk that went back begins anew */
    bool (*loses)(const struct message *m); /* the next message to or from it of which this is true is lost */
};

struct world_hub {
    struct hub_side side;
    struct hub_link links[WORLD_NODES];
    struct hub_link *table[WORLD_NODES];
    struct store *log, *state, *own;
    bool up;
    uint64_t life;
    struct {
        struct store *log, *state;
    } backups[WORLD_BACKUPS];
    size_t backup_count;
    struct {
        uint64_t ticket;
        uint32_t node; /* 0: of the hub itself */
        bool nonce;
        struct bytes entry; /* owns; packed log entry */
        struct id16 current;
        uint64_t issued, used;
    } queue[256];
    size_t queue_len;
    bool committing, merging, upgraded;
    bool replays; /* own changes that a restore or crash left out of the log are on their way */
    int64_t skew_ms;
    uint64_t own_hlc;     /* last stamp of the hub's own changes */
    wall_ms wall_highest; /* of its clock, right or wrong */
};

/* What was published, for the oracle: policies are called by a letter, x, y or z. */
struct world_published {
    char name;
    area scope;
    int64_t version, from; /* a day */
    bool ended;
    uint64_t value;
};
enum { WORLD_POLICIES = 64 };

struct world {
    struct random chance;
    uint64_t seed;
    unsigned faults;
    instant now;
    uint64_t order, conns, lives;
    struct world_event *heap; /* owns */
    size_t heap_len, heap_room;
    struct world_node nodes[WORLD_NODES + 1]; /* by id, from 1 */
    uint32_t node_count;
    struct world_hub hub;
    struct oracle oracle;
    struct buffer story; /* narration */
    size_t story_read;   /* how far expectations have got */
    bool tell;
    struct hash trace;
    struct buffer failures; /* one a line; empty = all is well */
    bool quiet;             /* faults have stopped */
    bool promise_broken;    /* a story restores a copy that nobody kept: safe does not hold */
    uint64_t records;       /* made so far */
    uint64_t steps;
    uint32_t page_bytes;       /* small pages find more */
    uint64_t quarantine_bytes; /* of one node; 0 = no bound */
    struct world_published published[WORLD_POLICIES];
    size_t published_count;
    bool own_lost; /* the hub's second home went back: it may have forgotten what it published */
};

void world_open(struct world *w, uint64_t seed, unsigned faults, uint32_t nodes);
void world_close(struct world *w);
void world_run(struct world *w, uint64_t ms);       /* lets virtual time pass */
void world_random(struct world *w, unsigned steps); /* random doings for so many steps */
void world_settle(struct world *w);                 /* faults stop, everybody connects, until all is quiet; then world_check */
void world_check(struct world *w);                  /* all that can be seen at rest; failures go to `failures` */
bool world_quiet(struct world *w);
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_must(struct world *w, bool holds, const char *what); /* `what` is told when it does not hold */
void world_say(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* a line of narration with the time before it */
/* The next line (from where the last expectation ended) that contains the text; none is a failure. */
void world_expect(struct world *w, const char *text);
size_t world_told(struct world *w, const char *text);      /* how many lines from there to now contain it */
void world_expect_none(struct world *w, const char *text); /* from there to now, no line contains it */

/* ---- doings; records are called by small numbers */
void world_create(struct world *w, uint32_t node, uint64_t record);
void world_set(struct world *w, uint32_t node, uint64_t record, uint32_t field, uint64_t value); /* replaces what the node sees */
void world_set_bad(struct world *w, uint32_t node, uint64_t record, uint32_t field, uint64_t value);
void world_add(struct world *w, uint32_t node, uint64_t record, uint64_t value);
void world_remove(struct world *w, uint32_t node, uint64_t record); /* one element, if there is one */
void world_move(struct world *w, uint32_t node, uint64_t record, uint32_t to);
void world_adopt(struct world *w, uint32_t node, uint64_t record);
void world_delete(struct world *w, uint32_t node, uint64_t record);
void world_create_about(struct world *w, uint32_t node, uint64_t record, uint64_t about); /* its subject is another record */
void world_erase(struct world *w, uint64_t record);                                       /* the hub orders that it is erased for ever */
void world_hub_set(struct world *w, uint64_t record, uint32_t field, uint64_t value);
void world_hub_move(struct world *w, uint64_t record, uint32_t to);
void world_policy(struct world *w, uint64_t value);
/* The next version of policy `name` in the scope of a node's community, or of the city (0), from so many days after today. */
void world_publish(struct world *w, char name, uint32_t node, int64_t days, uint64_t value);
void world_halt(struct world *w, char name, uint32_t node);
enum world_forgery { FORGE_SIGNATURE, FORGE_TEXT /* of its newest version in the city, signed as it should be */, FORGE_REPLAY };
void world_forge(struct world *w, char name, enum world_forgery how, uint64_t value);
uint64_t world_in_force(struct world *w, uint32_t node, char name); /* its value; 0: none */
size_t world_refused(struct world *w, uint32_t node);               /* policies that the office reports as refused */
bool world_heard_of(struct world *w, uint32_t node, char name);     /* any version of it, in the city or in a community, is in its store */
void world_scope(struct world *w, uint32_t node, uint32_t other, bool serves); /* node gains or loses other's area */
void world_upgrade(struct world *w);                                           /* the hub takes bad edits from now on, and retries */
void world_order(struct world *w, uint32_t node, bool discard); /* an operator discards or retries one held change (0: of any node) */
uint64_t world_value(
    struct world *w, uint32_t node, uint64_t record, uint32_t field); /* the winner as node sees it (0: the hub); 0 = none */
size_t world_heads(struct world *w, uint32_t node, uint64_t record, uint32_t field);
bool world_has(struct world *w, uint32_t node, uint64_t record);
uint64_t world_acked(struct world *w, uint32_t node);
size_t world_held(struct world *w);
uint64_t world_log_last(struct world *w); /* entries of the hub's log */

/* ---- faults */
void world_cut(struct world *w, uint32_t node);
void world_join(struct world *w, uint32_t node);
void world_crash(struct world *w, uint32_t node, uint64_t down_ms); /* 0 = the hub */
void world_backup(struct world *w, uint32_t node);                  /* 0 = the hub */
void world_restore_node(struct world *w, uint32_t node, size_t which);
void world_enrol_anew(struct world *w, uint32_t node, struct store *disk /* takes */, uint32_t other); /* a clone of other's disk */
void world_new_machine(struct world *w, uint32_t node); /* its disk is lost; another machine is enrolled in its place */
void world_restore_hub(struct world *w, size_t log, size_t state);
void world_restore_own(struct world *w, struct store *own /* takes */); /* the hub's second home goes back too; the hub is down */
void world_skew(struct world *w, uint32_t node, int64_t ms);            /* 0 = the hub */
void world_full(struct world *w, uint32_t node, bool full);
void world_eio(struct world *w, uint32_t node); /* the next commit fails */
void world_sweep(struct world *w);
void world_trim(struct world *w, uint32_t node);
void world_person(struct world *w);                           /* decides for each forked node that its present disk goes on */
void world_flip(struct world *w, uint32_t node);              /* bit rot in one base copy */
void world_rot(struct world *w, uint32_t node, uint64_t seq); /* … in a change of its present life's log */

struct id16 world_record_id(uint64_t record);
