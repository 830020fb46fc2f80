/* What two ends say before CURVE has let one in, read without any key: the greeting of ZMTP 3 (RFC 23) and the commands of the handshake
 * (RFC 26), by their framing alone. A pure function of the bytes; what comes after the handshake is not for this. */
#pragma once

#include "common/base/bytes.h"

enum {
    GREETING_BYTES = 64,
    GREETING_HELLO = 202,    /* a whole HELLO with its header; it has one size */
    GREETING_COMMAND = 2048, /* the largest body of any other command: INITIATE with its metadata is far below */
    GREETING_NAME = 16,
};

enum greeting_side { GREETING_NODE, GREETING_HUB }; /* who is speaking */
enum greeting_outcome {
    GREETING_MORE,  /* everything was taken, nothing ended */
    GREETING_ENDED, /* the greeting (commands == 0) or one command ended here */
    GREETING_WRONG, /* nobody of ours speaks so */
};

struct greeting {
    enum greeting_side side;
    size_t greeted;    /* bytes of the greeting */
    unsigned commands; /* ended */
    uint8_t header[9];
    size_t header_len;
    uint64_t body, seen;
    char name[GREETING_NAME]; /* of the last command; cut */
};

void greeting_begin(struct greeting *g, enum greeting_side side);
enum greeting_outcome greeting_take(struct greeting *g, struct bytes *rest); /* takes from the front, up to the next end */
bool greeting_named(const struct greeting *g, const char *name);             /* the command that ended last */
void greeting_of_hub(uint8_t out[GREETING_BYTES]);                           /* what our hub's end greets with */
