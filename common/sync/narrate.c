#include "common/sync/narrate.h"

#include <inttypes.h>

static void lives(const struct life *l, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++)
        buffer_format(out, "%s%02x%02x:%" PRIu64, i == 0 ? " " : ",", l[i].incarnation.b[0], l[i].incarnation.b[1], l[i].acked);
}

void narrate_message(const struct message *m, struct buffer *out) {
    buffer_text(out, message_name(m->kind));
    switch (m->kind) {
    case MESSAGE_HELLO:
        lives(m->hello.lives, m->hello.life_count, out);
        buffer_format(out, " at %" PRIu64, m->hello.cursor.at);
        break;
    case MESSAGE_WELCOME:
        lives(m->welcome.lives, m->welcome.life_count, out);
        buffer_format(out, " go on at %" PRIu64 "%s", m->welcome.cursor.at, m->welcome.load ? ", load" : "");
        break;
    case MESSAGE_REFUSE:
        buffer_format(out, " %s", refusal_text(m->refuse.reason));
        break;
    case MESSAGE_PUSH:
        buffer_format(
            out, " %" PRIu64 "..%" PRIu64 " of %02x%02x", m->push.first, m->push.first + m->push.count - 1, m->push.incarnation.b[0],
            m->push.incarnation.b[1]);
        break;
    case MESSAGE_ACK:
        lives(m->ack.lives, m->ack.life_count, out);
        buffer_text(out, m->ack.rewind ? " rewind" : "");
        break;
    case MESSAGE_PULL:
        buffer_format(out, " from %" PRIu64 " loading %zu", m->pull.cursor.at, m->pull.loading_count);
        break;
    case MESSAGE_FEED:
        buffer_format(
            out, " %" PRIu64 "..%" PRIu64 "%s, %zu entries, %zu verdicts", m->feed.from.at, m->feed.to.at,
            m->feed.caught_up ? " caught up" : "", m->feed.entry_count, m->feed.held_count);
        break;
    case MESSAGE_TIP:
        buffer_format(out, " %" PRIu64, m->tip.hub_seq);
        break;
    case MESSAGE_REPORT:
        buffer_format(out, " backlog %" PRIu64 " at %" PRIu64, m->report.backlog, m->report.at);
        break;
    case MESSAGE_REPAIR_ASK:
    case MESSAGE_KEY_OFFER:
    case MESSAGE_KEY_TAKEN:
        break;
    case MESSAGE_REPAIR_FILL:
        buffer_format(out, " %zu entries%s", m->repair_fill.entry_count, m->repair_fill.more ? ", more" : "");
        break;
    }
}
