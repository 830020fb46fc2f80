/* What offices get: feed pages and repairs, each read from ONE snapshot of the hub-state (2-PROTOCOL, "Downstream").
 *
 * Page: rows of the Pull's areas that are not loading with cursor.at < hub_seq <= to; a row is current if it is the record's row in that
 * area, stale ones are skipped. Rows of loading areas between upto and the snapshot's end, as whole entries, areas in the order given. An
 * entry carries the fields newer than cursor.floor, never than at (A1); it is WHOLE when the record's `since` of all the node's areas it is
 * in is newer than floor (A2); LEFT when it is in none of the node's areas any more. Areas outside the node's scope are silently left out.
 * held: every verdict with a row above verdicts_after, up to the snapshot's end (so that includes and held fit, A4). When these are more
 * than LIMIT_FEED_VERDICTS, the page is their first part and nothing else: without includes no own change is folded before its verdict is
 * known, and an entry without its includes would make a change that it already holds come twice. The cursor stays, verdicts_to moves.
 * erasures: likewise every order to erase with a row above erasures_after; more than one page takes are pages of their own. */
#pragma once

#include "common/store/hub_merge.h"

enum hub_feed_outcome {
    HUB_FEED_STALE = 1, /* a cursor of another epoch, beyond the tip, or below what is swept; or an area outside the node's scope: no
                           answer; a Hello settles it */
};

/* Fills everything but `session`. Entries live in the arena. At least one entry a page if there is any, then up to pull->bytes (capped) and
 * LIMIT_FEED_ENTRIES. caught_up: to is the tip and nothing is loading any more; then digests of all areas are in. */
int hub_feed_page(
    struct txn *state, uint32_t node, const struct pull *pull, struct arena *a, struct feed *out,
    struct buffer *damaged /* see hub_merge.h */); /* + enum hub_feed_outcome */

/* Compares the node's buckets of an area with the hub's (made by a walk over the area's rows: rare) and fills what differs, as many buckets
 * as fit one message. Fills everything but `session`. More than LIMIT_FEED_VERDICTS verdicts above the cursor: a fill that covers nothing
 * and does not ask for more, after which the node pulls and, when it has them, compares again. */
int hub_repair_fill(
    struct txn *state, uint32_t node, const struct repair_ask *ask, struct arena *a, struct repair_fill *out,
    struct buffer *damaged); /* + enum hub_feed_outcome */

/* The records that lie in an area now, by the rows of its feed above *after: up to `limit` rows, those that are stale among them, or until
 * `each` gives non-zero, which is given back. *after is then the last row that was passed. */
enum hub_area_outcome { HUB_AREA_END = 1000 /* no row is above *after any more */ };
int hub_area_walk(
    struct txn *state, area a, uint64_t *after, uint32_t limit, int (*each)(void *owner, const struct record *r), void *owner,
    struct buffer *damaged);

/* Where a node with this cursor goes on (2-PROTOCOL, "hub restored or failed over"): its own cursor; or of an older known epoch the lowest
 * first hub_seq of all epochs after its own, floor = min(floor, at); of an unknown epoch: load. */
void hub_cursor_adopt(const struct hub_place *place, struct cursor theirs, struct cursor *out, bool *load);
