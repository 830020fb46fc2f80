/* A workflow: the states of a case, the moves between them, and the state that a field's events add up to (3-RECORDS, show rule
 * `workflow`).
 *
 * The elements of the field are EVENTS, each a list value: to, from (what its writer saw), date, reason, actor. The state is a pure fold
 * over them in version order: an event counts when its move is allowed from the state reached before it. One that does not count is kept
 * and shown. So every replica that holds the same events, in whatever order they came, shows the same state. */
#pragma once

#include "common/base/document.h"
#include "common/model/record.h"

enum { WORKFLOW_STATES = 64, WORKFLOW_NONE = WORKFLOW_STATES };

struct workflow_state {
    char *name, *zh;  /* owns */
    uint64_t next;    /* one bit for each state that a move leads to */
    bool final;       /* a withdrawal does not leave it any more */
    bool hub;         /* only the hub's event leads into it; an office's is a proposal */
    bool reason;      /* a move into it names a person and a reason (no automated adverse decision) */
    uint32_t at_most; /* so often an office may lead into it, more is the hub's; 0: as often as one likes */
};

struct workflow {
    struct workflow_state states[WORKFLOW_STATES];
    size_t count, initial;
    size_t withdraw; /* the state into which the subject's own wish leads, from every state that is not final; or WORKFLOW_NONE */
};

enum event_outcome {
    EVENT_MOVED,
    EVENT_REPEATED, /* the case was in that state already: two offices noted the same */
    EVENT_PROPOSED, /* an office's, into a state that is the hub's */
    EVENT_ILLEGAL,  /* not from the state that was reached before it: a person looks at it */
    EVENT_BARE,     /* without the reason or the person that the state needs */
    EVENT_UNKNOWN,  /* of a state, or of a form, that this catalogue does not know */
};

struct workflow_event {
    struct bytes to, from, date, reason; /* borrow; names of states, a day, words */
    struct id16 actor;                   /* zero: none */
};

/* Reads the map `workflow:` of a record type; NULL when it is wrong, and c says why. */
struct workflow *workflow_read(const struct document *d, const struct document_node *map, struct complaints *c); /* gives */
struct workflow *workflow_free(struct workflow *w /* takes, may be NULL */);                                     /* returns NULL */
/* Events name states for ever: complains about every state of `old` that is gone from `new`. */
bool workflow_keeps(const char *type, const struct workflow *old, const struct workflow *new, struct complaints *c);

void workflow_event_pack(const struct workflow_event *e, struct buffer *out); /* appends the packed value */
bool workflow_event_read(struct bytes value, struct workflow_event *out);     /* false: not of this form; borrows */

size_t workflow_find(const struct workflow *w, struct bytes name); /* a state; WORKFLOW_NONE */
/* The state that the field's elements add up to, and what became of each; NULL field: the initial state. */
size_t workflow_fold(const struct workflow *w, const struct field *f, enum event_outcome *outcomes /* element_count of them, or NULL */);
/* May it go from one state to the other, whoever says so? */
bool workflow_moves(const struct workflow *w, size_t from, size_t to);
const char *event_outcome_name(enum event_outcome o);
