/* The office's daemon: what its parts share. Everything here belongs to the loop's thread but the work functions of asks. */
#pragma once

#include "common/catalogue/rules.h"
#include "common/catalogue/show.h"
#include "common/daemon/metrics.h"
#include "common/daemon/self.h"
#include "common/daemon/service.h"
#include "common/engine/node_engine.h"
#include "common/store/audit.h"

/* What is in force here, a catalogue and the rules; older ones live on until the end, since work under way may still read them. */
struct catalogue_version {
    struct catalogue catalogue;
    struct rules rules;
    struct hash hash;       /* of its documents and policies */
    struct buffer subjects; /* owns; subject_fields */
    struct catalogue_version *older;
};

struct enrolling; /* enrol.c */
struct backups;   /* backup.c: the one that is being made */

struct office {
    struct self self; /* first: of its commands */
    uv_loop_t loop;
    struct service service;
    struct settings *settings;
    struct keys keys, next; /* next: while `rekeying` */
    bool rekeying;
    struct sealing sealing;
    struct store *store;         /* owns while this machine is not enrolled; then the engine does */
    struct enrolling *enrolling; /* owns; NULL: nobody asked for it */
    struct command *table;       /* owns; what the control answers now: all that an office can, or why not yet */
    struct node_engine *engine;  /* NULL: not enrolled */
    struct control *control;
    struct metrics_door metrics;
    struct backups *backups; /* owns */
    struct catalogue_version *catalogue;
    struct wait *waits;
    uv_timer_t waiting;
    bool policies_reading; /* what is in force is being looked for; as of which day, place and change of the book it is known */
    int64_t policies_day;
    area policies_at;
    uint64_t policies_seen;
    unsigned policies_in_force, policies_staged; /* here; to begin on a later day */
    unsigned policies_refused, rules_unread;     /* the latter: taken up, but this build or catalogue cannot read them */
    uv_timer_t daily;                            /* looks whether the city's day has changed */
    int exit;
};

/* One question to the store: `run` on the store thread fills rows or an error; then it is answered on the loop. */
struct ask {
    struct node_work work;
    struct office *office;
    struct request *request;
    const struct catalogue *catalogue; /* borrows */
    const struct rules *rules;         /* borrows */
    const struct buffer *subjects;     /* borrows; subject_fields of it */
    struct txn *txn;                   /* borrows; while `run` works */
    void (*run)(struct ask *a, struct txn *t);
    void (*free)(struct ask *a); /* of what follows the struct; may be NULL */
    json_t *rows;                /* owns; an array: rows, or with `one` the answer's object at [0] */
    bool one;
    bool names;       /* records are shown with what people call their fields */
    const char *code; /* static; not NULL: an error */
    struct buffer message;
    const char *hint; /* static */
    /* Who asks, and what for. */
    struct id16 actor, case_id, record;
    uint32_t uid;                   /* of the process that asks */
    uint32_t purpose, type, action; /* action: of the audit log; 0 = none */
    struct buffer shown;            /* owns; of struct audit_entry: the records that the answer shows, or that were changed */
};

void *ask_new(
    struct office *o, struct request *q, size_t size, void (*run)(struct ask *a, struct txn *t)); /* gives; starts with struct ask */
void ask_submit(struct ask *a /* takes */);
void ask_fail(struct ask *a, const char *code, const char *hint, const char *format, ...) __attribute__((format(printf, 4, 5)));
void ask_restricted(struct ask *a); /* fails it: the record is only kept (FIELD_RESTRICTED), and the purpose does not open it */
/* Reads actor, purpose and case; false: it was answered with an error and freed. */
bool ask_purpose(struct ask *a, uint32_t action /* enum audit_action */);
/* The answer shows this record: the audit log will say so. */
void ask_shows(struct ask *a, const struct record *r);
void ask_notes(struct ask *a, const struct audit_entry *e); /* the same of what was changed: action, type, record, subject, change */
bool ask_refuse(struct ask *a /* takes */, const char *code, const char *hint, const char *message); /* false; it was not submitted */
const char *ask_lang(const struct ask *a);                            /* "zh" or "en": in which words it is answered */
bool ask_person(struct ask *a, const char *how /* a hint; static */); /* "person": Person/ID, or the id alone; false as above */
bool ask_target(struct ask *a);                                       /* "type" and "id" (hex, or a source's key); false as above */

/* The id under which a source's key is known all over the city (3-RECORDS): UUIDv8 of city secret, generation, type, key. */
struct id16 office_derived_id(const struct office *o, uint32_t type, struct bytes key);
/* The city asks for a newer program than this one (kind protocol); appends that, in words. Then edits are refused. */
bool office_too_old(const struct rules *r, const char *lang, struct buffer *out);
const struct catalogue_type *office_type(const struct office *o, struct request *q, const char *name); /* NULL: was answered */

json_t *office_day(int64_t day); /* gives; "" for the first and the last of all days, and POLICY_NEVER */

void office_ordered(struct office *o, struct request *q); /* main.c: carries out the command of the request */

/* Before and at enrolment. */
bool office_open(struct office *o);  /* main.c: the store is enrolled, the engine takes it; false: it cannot, the loop is stopped */
void office_begin(struct office *o); /* main.c: after it, the link opens */
const char *office_useless(const struct enrolment *e); /* main.c: what makes an enrolment useless although it can be read; NULL: nothing */
void office_fatal(void *owner, int result);            /* main.c: the store failed; stops the loop */
void office_enrol_end(struct office *o, const char *why); /* enrol.c: gives up asking; idempotent */
void office_enrol_problem(const struct office *o, struct problems *out);
void office_status_unenrolled(const struct office *o, struct request *q);

/* New keys (rekey.c). */
int office_next_keys(struct office *o);               /* those that a change of keys left behind; 0: loaded, or none */
void office_rekeyed(void *owner);                     /* of node_engine_calls */
const char *office_key_state(const struct office *o); /* settled, offered, taken */

/* Jobs of programs, and orders to stop one (jobs.c). */
void cmd_job_stop(void *owner, struct request *q);
void cmd_job_begin(void *owner, struct request *q);
void cmd_job_tell(void *owner, struct request *q);
void cmd_job_end(void *owner, struct request *q);

/* Backups (backup.c). They are stopped before the engine closes, since the last one may still be noted, and closed after it. */
void backups_open(struct office *o);
void backups_submit(struct office *o, struct job *j /* takes */); /* other long work, on their thread; what runs is waited for */
void backups_stop(struct office *o);
void backups_close(struct office *o);
/* What is wrong (problems.c); sorted. */
void office_problems(const struct office *o, const struct problem_limits *limits, const char *lang, struct problems *out);
void office_metrics(void *owner, struct metrics *m);   /* metrics.c: of a struct office */
const char *office_link_state(const struct office *o); /* online, unknown, stale, offline, refused; enrolled machines only */

void backups_status(const struct office *o, json_t *out);
int node_restore(
    struct office *o, const char *folder, const char *key_file /* NULL: the setting's */, bool check); /* gives the exit code */

/* ---- commands, by file */
void cmd_enrol(void *owner, struct request *q); /* enrol.c */
void cmd_not_enrolled(void *owner, struct request *q);
void cmd_put(void *owner, struct request *q); /* edit.c */
void cmd_edit_many(void *owner, struct request *q);
void cmd_delete(void *owner, struct request *q);
void cmd_adopt(void *owner, struct request *q);
void cmd_get(void *owner, struct request *q); /* questions.c */
void cmd_find(void *owner, struct request *q);
void cmd_history(void *owner, struct request *q);
void cmd_export(void *owner, struct request *q);
void cmd_export_unsent(void *owner, struct request *q); /* unsent.c */
void cmd_why(void *owner, struct request *q);           /* why.c */
void cmd_conflicts(void *owner, struct request *q);
void cmd_conflict_show(void *owner, struct request *q);
void cmd_conflict_resolve(void *owner, struct request *q);
void cmd_queue(void *owner, struct request *q);
void cmd_held(void *owner, struct request *q);
void cmd_audit_export(void *owner, struct request *q); /* audit.c */
void cmd_audit_person(void *owner, struct request *q);
void cmd_audit_verify(void *owner, struct request *q);
void cmd_audit_heads(void *owner, struct request *q);
void cmd_audit_settle(void *owner, struct request *q);
void cmd_administer(void *owner, struct request *q); /* an order: noted, then office_ordered */
void cmd_schema(void *owner, struct request *q);     /* fields.c */
void cmd_status(void *owner, struct request *q);     /* state.c */
void cmd_problems(void *owner, struct request *q);   /* problems.c */
void cmd_check(void *owner, struct request *q);
void cmd_metrics(void *owner, struct request *q); /* metrics.c */
void cmd_wait(void *owner, struct request *q);
void cmd_digest(void *owner, struct request *q);
void cmd_verify_store(void *owner, struct request *q);
void cmd_policies(void *owner, struct request *q); /* policy.c */
void cmd_rules(void *owner, struct request *q);
void cmd_types(void *owner, struct request *q);
void cmd_services(void *owner, struct request *q); /* board.c */
void cmd_checklist(void *owner, struct request *q);
void cmd_notices(void *owner, struct request *q);
void cmd_admission(void *owner, struct request *q);
void cmd_codes(void *owner, struct request *q);
void cmd_tasks(void *owner, struct request *q);      /* tasks.c */
void cmd_points(void *owner, struct request *q);     /* points.c */
void cmd_key_rotate(void *owner, struct request *q); /* rekey.c */
void cmd_pause(void *owner, struct request *q);
void cmd_backup(void *owner, struct request *q); /* backup.c */
void cmd_resume(void *owner, struct request *q);
void office_policies(struct office *o); /* policy.c: the book or the day may have changed */
void office_waits_end(struct office *o);
