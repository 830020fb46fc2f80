/* The city's daemon: what its parts share. Everything here belongs to the loop's thread but the work functions of questions. */
#pragma once

#include "common/catalogue/policy.h"
#include "common/catalogue/show.h"
#include "common/daemon/control.h"
#include "common/daemon/service.h"
#include "common/engine/hub_engine.h"
#include "common/store/access.h"
#include "common/wire/wire.h"

struct city {
    uv_loop_t loop;
    struct service service;
    struct settings *settings;
    struct keys keys, policy_keys;
    struct arena arena;   /* of `who` */
    struct enrolment who; /* the city itself: id, secrets, policy root; node 0 */
    struct hub_engine *engine;
    struct control *control;
    struct catalogue catalogue; /* of the policies in force; the loop's and, between loads, nobody else's */
    struct buffer documents;    /* they themselves, for enrolment files */
    bool catalogue_known;
    uint32_t promised; /* the highest node id handed out; its change may not be merged yet */
    wall_ms started;
    int exit;
};

/* A question to a snapshot of the state: rows are filled on the read worker and answered on the loop. */
struct question {
    struct hub_read read;
    struct city *city;
    struct request *request;
    void (*run)(struct question *a, struct txn *state, struct txn *log);
    void (*finish)(struct question *a); /* on the loop before the answer; may be NULL */
    json_t *rows;                       /* owns */
    bool one, raw, hashes;
    const char *code, *hint; /* static */
    struct buffer message;
    uint32_t node;
    area areas[LIMIT_AREAS];
    size_t area_count;
    /* Of those that show what is personal: who asks and what for, an entry for each record shown, and its way into the access log. */
    struct access_entry asked; /* action: 0 = nothing personal */
    struct buffer shown;       /* owns; of struct access_entry */
    struct hub_own_work note;
};
struct question *question_new(
    struct city *c, struct request *q, void (*run)(struct question *a, struct txn *state, struct txn *log)); /* gives */
void question_submit(struct question *a /* takes */);
void question_fail(struct question *a, const char *code, const char *hint, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An office's areas, and the file that enrols its machine (orders.c). It holds the city's secrets. */
struct office_areas {
    area areas[LIMIT_AREAS];
    size_t count;
};
void office_enrolment(struct city *c, uint32_t node, const struct office_areas *a, const char *name, struct buffer *out);

void city_catalogue_load(struct city *c); /* reads the policies of the state anew; then publishes what the catalogue folder has newer */

/* ---- commands */
void cmd_schema(void *owner, struct request *q); /* fields.c */
void cmd_status(void *owner, struct request *q); /* answers.c */
void cmd_nodes(void *owner, struct request *q);
void cmd_node_show(void *owner, struct request *q);
void cmd_node_enrolment(void *owner, struct request *q);
void cmd_policies(void *owner, struct request *q);
void cmd_conflicts(void *owner, struct request *q);
void cmd_quarantine(void *owner, struct request *q);
void cmd_digest(void *owner, struct request *q);
void cmd_export(void *owner, struct request *q);
void cmd_access_log(void *owner, struct request *q);
void cmd_verify_state(void *owner, struct request *q);
void cmd_node_add(void *owner, struct request *q); /* orders.c */
void cmd_node_approve(void *owner, struct request *q);
void cmd_node_pause(void *owner, struct request *q);
void cmd_node_resume(void *owner, struct request *q);
void cmd_node_revoke(void *owner, struct request *q);
void cmd_publish(void *owner, struct request *q);
