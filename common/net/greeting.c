#include "common/net/greeting.h"

#include <string.h>

/* Offsets in the greeting. What lies between the signature's ends is the sender's own business, and libzmq never sets the byte that says
 * who is the server. */
enum { SIGNATURE_END = 9, VERSION = 10, MINOR = 11, MECHANISM = 12, MECHANISM_BYTES = 20 };
enum { COMMAND = 0x04, COMMAND_LONG = 0x06 };

static const uint8_t curve[MECHANISM_BYTES] = "CURVE";

void greeting_begin(struct greeting *g, enum greeting_side side) {
    *g = (struct greeting){.side = side};
}

static bool greeting_byte(const struct greeting *g, uint8_t b) {
    switch (g->greeted) {
    case 0:
        return b == 0xff;
    case SIGNATURE_END:
        return b == 0x7f;
    case VERSION:
        return b >= 3;
    default:
        return g->greeted < MECHANISM || g->greeted >= MECHANISM + MECHANISM_BYTES || b == curve[g->greeted - MECHANISM];
    }
}

/* False: no command, or one that is too long. Sets `body` when the header is whole. */
static bool header_byte(struct greeting *g, uint8_t b, bool *whole) {
    g->header[g->header_len++] = b;
    size_t wanted = g->header[0] == COMMAND ? 2 : g->header[0] == COMMAND_LONG ? 9 : 0;
    if (wanted == 0)
        return false;
    *whole = g->header_len == wanted;
    if (!*whole)
        return true;
    g->body = g->seen = 0;
    for (size_t i = 1; i < wanted; i++)
        g->body = g->body << 8 | g->header[i];
    memset(g->name, 0, sizeof g->name);
    bool hello = g->side == GREETING_NODE && g->commands == 0;
    return hello ? wanted == 2 && g->body == GREETING_HELLO - 2 : g->body > 0 && g->body <= GREETING_COMMAND;
}

/* A body begins with the length of its command's name. */
static bool body_byte(struct greeting *g, uint8_t b) {
    size_t at = (size_t)g->seen++;
    if (at == 0)
        g->header[0] = b; /* the header is read; its room serves */
    else if (at <= g->header[0] && at < GREETING_NAME)
        g->name[at - 1] = (char)b;
    return g->seen == g->body;
}

enum greeting_outcome greeting_take(struct greeting *g, struct bytes *rest) {
    while (rest->len > 0) {
        uint8_t b = *rest->at++;
        bool ended = false, whole = false;
        rest->len--;
        if (g->greeted < GREETING_BYTES) {
            if (!greeting_byte(g, b))
                return GREETING_WRONG;
            ended = ++g->greeted == GREETING_BYTES;
        } else if (g->seen == g->body) {
            if (!header_byte(g, b, &whole))
                return GREETING_WRONG;
        } else if (body_byte(g, b)) {
            g->header_len = 0;
            g->commands++;
            ended = true;
        }
        if (ended)
            return GREETING_ENDED;
    }
    return GREETING_MORE;
}

bool greeting_named(const struct greeting *g, const char *name) {
    return g->commands > 0 && strcmp(g->name, name) == 0;
}

void greeting_of_hub(uint8_t out[GREETING_BYTES]) {
    memset(out, 0, GREETING_BYTES);
    out[0] = 0xff;
    out[8] = 1; /* libzmq: the length of a routing id that is not there, and one */
    out[SIGNATURE_END] = 0x7f;
    out[VERSION] = 3;
    out[MINOR] = 1;
    memcpy(out + MECHANISM, curve, sizeof curve);
}
