/* Enrolment by token (proto/enrol.proto): the token's text, the short code that two people compare, the two messages, and what the hub
 * keeps of a token. Nothing here speaks to anybody or looks at a clock. */
#pragma once

#include "common/base/hash.h"
#include "common/base/instant.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/model/area.h"

enum {
    ENROL_VERSION = 1,
    ENROL_KEY = 32,
    ENROL_SECRET = 16,
    ENROL_AREAS = LIMIT_AREAS,
    ENROL_PUBLIC_TEXT = 104, /* room for a public key string and its NUL */
    ENROL_NAME_TEXT = 201,   /* room for an office's name and its NUL */
    ENROL_CODE_TEXT = 15,    /* "K7QF-9M2X-A3CD" and its NUL */
};

/* How an ask ends: X(name, number on the wire, final, in the log, for the person at the office, what to do).
 * Not final: the machine asks again by itself. */
#define ENROL_OUTCOMES(X)                                                                                                                  \
    X(ENROL_DONE, 1, true, "done", "this machine is enrolled", "")                                                                         \
    X(ENROL_WAIT, 2, false, "waits", "city hall must approve this machine", "tell city hall the code; they compare it and approve")        \
    X(ENROL_LATER, 3, false, "too_often", "the hub was asked too often, or heard too many wrong tokens in this minute",                    \
      "it is tried again by itself")                                                                                                       \
    X(ENROL_BUSY, 4, false, "busy", "the hub cannot save just now", "it is tried again by itself; city IT looks at the hub's disk")        \
    X(ENROL_UNKNOWN, 5, true, "unknown", "the hub knows no such token", "ask city hall for a new one")                                     \
    X(ENROL_EXPIRED, 6, true, "expired", "the token is too old", "ask city hall for a new one")                                            \
    X(ENROL_USED, 7, true, "used", "another machine used this token already",                                                              \
      "tell city hall at once if you did not do that; ask for a new token")                                                                \
    X(ENROL_REVOKED, 8, true, "revoked", "city hall took this token back", "ask city hall why, and for a new one")                         \
    X(ENROL_REJECTED, 9, true, "rejected", "city hall did not approve this machine", "ask city hall why, and for a new token")             \
    X(ENROL_ROOT, 10, true, "policy_root", "the token names another policy key than the hub has",                                          \
      "the token is of another city, or of before the keys changed; ask city hall for a new one")                                          \
    X(ENROL_KEY_IN_USE, 11, true, "key_in_use", "the key of this machine belongs to a node already",                                       \
      "a machine is enrolled once: use that node's data folder, or take an empty one")                                                     \
    X(ENROL_NODE_REVOKED, 12, true, "node_revoked", "city hall revoked this node", "take an empty data folder and a new token")            \
    X(ENROL_UNPROVEN, 13, true, "unproven", "this machine did not prove that its keys are its own",                                        \
      "take an empty data folder; if it happens again, tell city hall")                                                                    \
    X(ENROL_NEWER, 14, true, "version", "the hub does not speak this version of enrolment", "install the version that city hall has")      \
    X(ENROL_TOO_BIG, 15, true, "too_big", "the city's catalogue is too large for this way",                                                \
      "city hall gives out an enrolment file instead: anjuctl node add … --out FILE")

enum enrol_outcome {
#define X(name, number, final, word, text, hint) name = number,
    ENROL_OUTCOMES(X)
#undef X
};
struct enrol_words {
    const char *word, *text, *hint;
    bool final;
};
const struct enrol_words *enrol_outcome_words(uint32_t outcome); /* NULL: none that this build knows */

struct enrol_token {
    uint8_t secret[ENROL_SECRET], hub[ENROL_KEY];
    struct hash policy_root;
    area areas[ENROL_AREAS];
    size_t area_count;
    wall_ms expires;
};
void enrol_token_pack(const struct enrol_token *t, struct buffer *out); /* the message inside the text */
int enrol_token_unpack(struct bytes packed, struct enrol_token *out);   /* + WIRE_BROKEN */
void enrol_token_text(const struct enrol_token *t, struct buffer *out);
bool enrol_token_parse(struct bytes text, struct enrol_token *out); /* false: mistyped, or no token */

struct enrol_ask {
    uint32_t version;
    uint8_t secret[ENROL_SECRET];
    char public[ENROL_PUBLIC_TEXT];
    struct hash policy_root;
    uint8_t signature[64];
};
void enrol_ask_pack(const struct enrol_ask *a, struct buffer *out);
int enrol_ask_unpack(struct bytes frame, struct enrol_ask *out); /* + WIRE_BROKEN; WIRE_NEWER: only the version was read */
/* What the machine signs, so that nobody enrols with another's signature key. */
void enrol_ask_signed(const struct enrol_ask *a, const uint8_t hub[ENROL_KEY], struct buffer *out);

struct enrol_answer {
    uint32_t outcome;
    uint32_t retry_after_ms;
    struct bytes file; /* borrows from the frame, or from who sends */
};
void enrol_answer_pack(const struct enrol_answer *a, struct buffer *out);
int enrol_answer_unpack(struct bytes frame, struct enrol_answer *out); /* + WIRE_BROKEN */

struct enrol_entry {
    area areas[ENROL_AREAS];
    size_t area_count;
    char name[ENROL_NAME_TEXT];
    wall_ms made, expires, claimed;
    bool automatic, revoked, rejected;
    uint32_t node;                  /* 0: not approved */
    char public[ENROL_PUBLIC_TEXT]; /* "": nobody used it yet */
    bool names_hub;                 /* else it was written before `hub` was */
    uint8_t hub[ENROL_KEY];         /* that the token names */
};
void enrol_entry_pack(const struct enrol_entry *e, struct buffer *out);
int enrol_entry_unpack(struct bytes stored, struct enrol_entry *out); /* + WIRE_BROKEN */

/* The short code: 60 bits of a hash over both machines' keys, the policy root and the hash of the secret, shown at both ends. A thief who
 * uses the token first has other keys, so city hall sees another code than the office. */
void enrol_code(
    const uint8_t hub[ENROL_KEY], const struct hash *policy_root, const struct hash *secret_hash, const char *public_text,
    char out[ENROL_CODE_TEXT]);
bool enrol_code_parse(const char *text, char out[ENROL_CODE_TEXT]); /* as people write it: any case, O for 0, with or without dashes */
