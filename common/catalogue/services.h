/* What an office offers (service_catalogue), which papers that takes (document_rules), and what hangs on the board (notices). */
#pragma once

#include "common/catalogue/rules.h"

struct offer {
    const char *code, *zh, *en, *authority, *legal, *output, *audience, *channel; /* all but code, zh, authority, legal may be NULL */
    uint32_t type;                                                                /* the record type of its cases */
    int64_t from, to;
};

struct service_catalogue {
    const struct rule_source *source;
    const struct offer *services;
    size_t count;
    struct service_catalogue *next;
};

struct evidence_need {
    const char *kind, *zh, *en; /* en may be NULL */
    int64_t valid_days;         /* after its date; 0: for ever */
    bool pledge;                /* a written pledge will do */
};

struct evidence_set {
    const struct evidence_need *needs;
    size_t count;
};

/* Of a service: any one of the sets is enough. */
struct checklist {
    const char *service;
    const struct evidence_set *sets;
    size_t count;
};

struct document_rules {
    const struct rule_source *source;
    const struct checklist *checklists;
    size_t count;
    struct document_rules *next;
};

struct notice {
    const char *name, *title_zh, *title_en, *body_zh, *body_en, *audience; /* title_en, body_en may be NULL */
    area where;
    int64_t from, to;
};

struct notice_set {
    const struct rule_source *source;
    const struct notice *notices;
    size_t count;
    struct notice_set *next;
};

/* The menu of a day, in the order of the file; gives how many there are, writes at most `room`. */
size_t services_offered(const struct rules *r, int64_t day, const struct offer *out[], size_t room);
const struct offer *services_find(const struct rules *r, const char *code, int64_t day); /* NULL: not offered then */

const struct checklist *services_checklist(const struct rules *r, const char *service); /* NULL: no papers are asked for */
struct evidence {                                                                       /* what the resident brought */
    const char *kind;
    bool pledge;
    int64_t date;
};
/* What is missing of the set that lacks least. True: nothing, or the service asks for nothing. A paper that is too old on the day is not
 * there. `count` may be above `room`. */
bool services_complete(
    const struct rules *r, const char *service, const struct evidence *have, size_t have_count, int64_t day,
    const struct evidence_need *missing[], size_t room, size_t *count);

/* Which of the sets lacks least; the first of several. */
size_t services_nearest(const struct checklist *c, const struct evidence *have, size_t have_count, int64_t day);

/* Notices for an office of that area on that day: those of the area and of every area that it lies in. Gives how many there are. */
size_t notices_shown(const struct rules *r, area where, int64_t day, const struct notice *out[], size_t room);
