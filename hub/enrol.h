/* What the two chapters of enrolment by token share: enrol.c hears machines, tokens.c operators. */
#pragma once

#include "common/net/enrol_door.h"
#include "hub/city.h"

enum { TOKEN_ID_BYTES = 6, TOKEN_ID_TEXT = 2 * TOKEN_ID_BYTES + 1 /* hex, and the NUL: what people call a token */ };

struct token {
    struct token *next;
    struct hash id; /* of the secret */
    struct enrol_entry entry;
    bool busy;      /* being saved, or its office being added */
    bool added;     /* its office was merged in this process; the roster follows */
    instant asked;  /* by its machine, last */
    uint32_t ended; /* the last refusal; 0: none */
};

struct enrol {
    struct city *city;
    struct enrol_door *door; /* NULL: not open; behind the porter */
    struct porter *porter;
    int failed;     /* errno of the last opening */
    uint32_t ended; /* the last refusal of a secret that nobody knows; 0: none */
    bool loaded, stopping;
    struct token *tokens; /* owns */
    size_t count;
    uv_timer_t timer;
};

enum token_state {
    TOKEN_OPEN,
    TOKEN_EXPIRED,
    TOKEN_PENDING,
    TOKEN_ENROLLED /* or approved */,
    TOKEN_REVOKED,
    TOKEN_REJECTED,
    TOKEN_OUTDATED /* it names a key that the hub had before */
};

struct saving {
    struct hub_own_work work;
    struct enrol *enrol;
    struct hash id;
    struct enrol_entry entry;
    struct buffer drop;       /* hashes of tokens that are forgotten with it */
    struct request *request;  /* an operator's, answered with `answer`; NULL: a machine's */
    json_t *answer;           /* owns */
    struct router_route from; /* len 0: nobody to answer */
    bool approves;
};

const struct hub_peer *token_peer(const struct enrol *e, const struct token *t); /* the node that it became; NULL: none yet */
uint32_t token_node(const struct enrol *e, const struct token *t);               /* its number, or that which it will have; 0: none */
enum token_state token_state_of(const struct enrol *e, const struct token *t);
const char *token_state_name(enum token_state s);
const char *token_id_text(const struct hash *id, char out[TOKEN_ID_TEXT]); /* borrows out */
void token_code(const struct enrol *e, const struct token *t, char out[ENROL_CODE_TEXT]);

struct saving *token_saving(struct enrol *e, const struct hash *id, const struct enrol_entry *entry); /* gives; then save it */
void token_save(struct saving *s /* takes */); /* memory follows when it is durable; answers the request, or the machine */
/* Its number is durable before its office is ordered, so an order that a crash cut off is given again and says the same. */
void token_approve(struct enrol *e, const struct token *t, struct request *q /* NULL: policy's */);
