/* A small city for tests of the hub's store: offices that write, a log, a state. Values are encoded by hand; no protocol is in between. */
#pragma once

#include "common/base/random.h"
#include "common/store/hub_feed.h"
#include "common/store/hub_merge.h"
#include "common/store/layout.h"

enum { CITY_NODES = 4, CITY_TYPE = 100, CITY_A = 20, CITY_B = 21, CITY_SET = 22 };

struct city_writer {
    struct id16 incarnation;
    uint64_t seq;
    struct hash chain;
};

/* Everything ever pushed, for oracles and for logs in another order. */
struct city_change {
    uint32_t node;
    struct change c;     /* in the city's arena */
    struct bytes packed; /* likewise */
};

struct city {
    struct store *log, *state;
    struct arena arena;
    struct random chance;
    struct city_writer writers[CITY_NODES + 1];
    struct city_change *changes; /* owns */
    size_t change_count, change_room;
    wall_ms now; /* receive time of the next entry, and the writers' clock */
    struct hub_rules rules;
    bool in_a_file; /* what is said comes in a file, of a node that may not speak */
    bool upgraded;  /* until then the rules refuse texts that begin with '!' */
    void (*learn)(void *owner, const struct record *policy, struct buffer *out); /* of struct hub_rules; NULL */
};

/* In memory, or in LMDB when a folder is given. Every office serves its own community. */
void city_open(struct city *y, uint64_t seed, const char *folder);
void city_close(struct city *y);

struct bytes city_text(struct city *y, const char *text);
struct bytes city_number(struct city *y, char kind, uint64_t n); /* a text: the kind, then the number */
struct bytes city_area(struct city *y, area a);
area city_home(uint32_t node); /* the community of an office */
struct id16 city_id(uint64_t n);
struct op city_op(uint32_t field, enum op_kind kind, struct bytes value, const struct name *names, size_t count);

/* One change by a node, as an entry of its own; gives its name. */
struct name city_say(struct city *y, uint32_t node, uint64_t record, const struct op *ops, size_t count);
/* The same of a change that the test has made: seq is filled in, and what is zero of version, name, type, record. */
struct name city_say_change(struct city *y, uint32_t node, struct change *c);
struct name city_create(struct city *y, uint32_t node, uint64_t record);                                  /* home and CITY_A */
struct name city_write(struct city *y, uint32_t node, uint64_t record, uint32_t field, const char *text); /* replaces what is merged */
/* Appends changes that were made before, with their packed bytes as they are. */
void city_append(struct city *y, uint32_t node, const struct bytes *packed, size_t count, uint64_t first);
void city_order(struct city *y, enum log_kind kind, uint32_t node, uint64_t seq);
void city_office(struct city *y, uint32_t node, const area *served, size_t count);
struct merged city_merge(struct city *y, uint32_t limit); /* folds everything, about `limit` changes a transaction; gives the last */
void city_sweep(struct city *y, uint64_t floor);          /* the whole of it */

void city_erase(struct city *y, uint64_t record); /* the hub orders it */

/* Names of the heads of a field, else of its elements, as the state has them. */
size_t city_names(struct city *y, uint64_t record, uint32_t field, struct name *out, size_t room);
bool city_text_is(struct city *y, uint64_t record, uint32_t field, const char *text); /* the winner */
bool city_held(struct city *y, uint32_t node, uint64_t seq, enum verdict *why);
struct hub_place city_place(struct city *y);
void city_verify(struct city *y); /* fails the test at a complaint */

void city_dump(struct store *s, const struct store_shape *shape, struct buffer *out); /* every pair of every tree */
void city_dump_merged(struct store *state, struct buffer *out);                       /* canonical records, then what is held */

/* An office that pulls, as the test's own simple model of a node. */
struct reader_office {
    uint32_t node;
    struct cursor cursor;
    area served[LIMIT_AREAS], areas[LIMIT_AREAS];
    size_t served_count, area_count;
    struct loading loading[LIMIT_AREAS];
    size_t loading_count;
    uint64_t verdicts_after;
    struct record *base; /* owns; the records' memory is in `arena` */
    size_t count, room;
    struct arena arena;
    bool caught_up;
    uint64_t entries, whole, left;
};
void office_open(struct city *y, struct reader_office *o, uint32_t node);
void office_close(struct reader_office *o);
void office_pull(struct city *y, struct reader_office *o, uint32_t bytes); /* one page, laid; checks digests when caught up */
void office_catch_up(struct city *y, struct reader_office *o, uint32_t bytes);
const struct record *office_record(const struct reader_office *o, uint64_t record); /* NULL: it does not have it */
