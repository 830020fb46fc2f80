/* One line of words per message, for debug logs and the simulator's stories: "push 7..9 of 3f2a", "feed 12..40 caught up, 3 entries". */
#pragma once

#include "common/model/message.h"

void narrate_message(const struct message *m, struct buffer *out); /* appends; no personal data: kinds, seqs, counts */
