/* The city's daemon: what its parts share. Everything here belongs to the loop's thread but the work functions of questions. */
#pragma once

#include "common/base/endpoint.h"
#include "common/catalogue/policy.h"
#include "common/catalogue/show.h"
#include "common/daemon/metrics.h"
#include "common/daemon/self.h"
#include "common/daemon/service.h"
#include "common/engine/hub_engine.h"
#include "common/net/porter.h"
#include "common/store/audit.h"
#include "common/wire/wire.h"
#include "common/wire/wire_enrol.h"

struct enrol;      /* enrol.c: tokens, and the door of those who hold one */
struct backups;    /* backup.c: the one that is being made */
struct erasures;   /* erase.c: orders to erase, and who carried them out */
struct rules;      /* common/catalogue/rules.h */
struct standing;   /* standing.c: how the rules stand, for status */
struct watch;      /* watch.c: ages of what waits for a person */
struct keeping;    /* retention.c: records whose time is over */
struct logins;     /* common/daemon/login.h */
struct page;       /* page.c */
struct trend;      /* trend.c */
struct redivision; /* areas.c: divisions that are no more, and what follows them */

struct city {
    struct self self; /* first: of its commands */
    uv_loop_t loop;
    struct service service;
    struct settings *settings;
    struct keys keys, policy_keys;
    struct buffer policy_root; /* owns; its text */
    struct sealing sealing;
    struct arena arena;   /* of `who` */
    struct enrolment who; /* the city itself: id, secrets, policy root; node 0 */
    struct hub_engine *engine;
    struct porter *porter; /* the public port */
    /* While the hub's keys change (rekey.c). */
    enum { REKEY_NONE, REKEY_DUE, REKEY_OPEN } rekey; /* DUE: the second door is to be opened */
    bool at_next_sock;                                /* the door is behind next.sock, a further one is behind door.sock */
    struct keys next;
    struct porter *next_porter;
    char next_listen[ENDPOINT_MAX], next_advertise[ENDPOINT_MAX], moved_listen[ENDPOINT_MAX], moved_advertise[ENDPOINT_MAX];
    struct request *rekey_asks;
    struct control *control;
    struct metrics_door metrics;
    struct command *table;         /* owns; what the control answers */
    struct enrol *enrol;           /* owns */
    struct backups *backups;       /* owns */
    struct erasures *erasures;     /* owns */
    struct redivision *redivision; /* owns */
    struct standing *standing;     /* owns */
    struct keeping *keeping;       /* owns */
    struct watch *watch;           /* owns */
    struct logins *logins;         /* owns */
    struct page *page;             /* owns */
    struct trend *trend;           /* owns */
    uv_timer_t daily;              /* looks whether the city's day has changed */
    struct catalogue catalogue;    /* of the policies in force and of those on the way there */
    struct buffer documents;       /* they themselves, for enrolment files */
    bool catalogue_known;          /* the state was looked into */
    unsigned publishing;           /* documents on the way: accepted, not merged yet */
    uint32_t promised;             /* the highest node id handed out; its change may not be merged yet */
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
    struct public_keys hub;             /* its keys when it was asked: they may change meanwhile */
    bool one, raw, hashes;
    bool restricted;          /* the purpose opens what is only kept */
    bool more;                /* set by `run`: it is run again, on a later snapshot */
    struct log_proof *proof;  /* owns; of verify and history */
    struct progress progress; /* of verify: values */
    const char *code, *hint;  /* static */
    struct buffer message;
    uint32_t node;
    struct buffer only; /* owns; uint32_t, in order: of nodes only these; empty: all */
    area areas[LIMIT_AREAS];
    size_t area_count;
    /* Of those that show what is personal: who asks and what for, an entry for each record shown, and its way into the audit log. */
    struct audit_entry asked; /* action: 0 = nothing personal */
    struct buffer shown;      /* owns; of struct audit_entry */
    struct buffer subjects;   /* owns; subject_fields: the catalogue belongs to the loop */
    struct hub_own_work note;
};
struct question *question_new(
    struct city *c, struct request *q, void (*run)(struct question *a, struct txn *state, struct txn *log)); /* gives */
/* The same with what follows the struct. */
void *question_of(
    struct city *c, struct request *q, size_t size, void (*run)(struct question *a, struct txn *state, struct txn *log)); /* gives */
void question_submit(struct question *a /* takes */);
void question_answer(struct question *a /* takes */, int result); /* what its read gave; 0: with its rows, or as it failed. On the loop. */
/* Gives a->proof: with the keys of the second home, and of the state, since after a restore without `own` only that has them. */
void question_keys(struct question *a, struct txn *state, struct txn *own, void (*complain_to)(void *owner, const char *what));
bool question_target(struct question *a); /* "type" and "id" (hex, or a source's key) into `asked`; false: it was answered */
/* Reads actor, purpose and case; false: they are not there, and it was answered. What shows something leaves an entry before its answer. */
bool question_purpose(struct question *a, uint32_t action /* enum audit_action */);
void question_refuse(struct question *a /* takes */, const char *code, const char *hint, const char *message); /* not submitted yet */
/* Held changes, as a person names them: NODE SEQ [--incarnation HEX], or all of a node that are held for one reason (held.c). */
struct held_wanted {
    uint32_t node; /* 0: of every one */
    uint64_t seq;  /* 0: all of it */
    struct id16 incarnation;
    bool by_life;
    bool waiting; /* only what waits for a person */
    bool by_reason;
    enum verdict reason;
};
enum held_scope { HELD_ONE, HELD_MANY, HELD_ANY }; /* one change; one, or several of a node; what a list shows */
/* Reads "node", "seq", "incarnation", "all" and "held-for". false: they do not say what is meant, and that was answered. */
bool held_wanted_read(struct request *q, enum held_scope scope, struct held_wanted *out);
bool held_is_wanted(const struct held_wanted *w, uint32_t node, const struct held *h, const struct quarantined *kept);
void held_missing(struct question *a, const struct held_wanted *w, unsigned found); /* fails it when none was found, or not the one meant */
void question_fail(struct question *a, const char *code, const char *hint, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What became of a change of the hub itself, to whom ordered it (orders.c). */
void hub_write_answer(struct request *q, int result, const json_t *answer /* borrows; when all is well */);

/* An office's node, for all that adds one (orders.c). */
struct office_areas {
    area areas[LIMIT_AREAS];
    size_t count;
};
const char *office_areas_parse(const char *text, struct office_areas *a);                   /* NULL, or what is wrong; static */
bool office_areas_fit(const struct office_areas *a);                                        /* it can pull their feeds and all above them */
struct id16 operator_id(const struct city *c, struct request *q /* NULL: our own doing */); /* as the author of a change */
bool office_known(const struct city *c, uint32_t node);
bool office_open(const struct city *c, uint32_t node);                                    /* known, neither closed for good nor revoked */
const struct hub_peer *office_of_key(const struct city *c, const uint8_t key[KEY_BYTES]); /* NULL: no node has it */
uint32_t office_number(struct city *c);                                                   /* for a new node; never given out twice */
/* The file that enrols the machine. It holds the city's secrets. by_token: it names the hub that the machine has met at the enrolment
 * endpoint; while the hub's keys change that is the former one, and the machine moves over as all do. */
void office_enrolment(struct city *c, bool by_token, uint32_t node, const struct office_areas *a, const char *name, struct buffer *out);
void office_add(/* answers q, which may be NULL; `end` follows in any case */
                struct city *c, struct request *q, uint32_t node, const struct office_areas *a, const char *name, const char *key,
                void (*end)(void *owner, int result), void *owner);
void office_serve(/* these areas from now on; `end` follows in any case */
                  struct city *c, uint32_t node, const struct office_areas *a, void (*end)(void *owner, int result), void *owner);

/* Enrolment by token (enrol.c). */
void enrol_open(struct city *c);                       /* reads the tokens, then opens the door; what fails is in status, and tried again */
void enrol_stop(struct city *c);                       /* nobody is heard any more; before the engine closes */
void enrol_close(struct city *c);                      /* after it */
bool enrol_approve(struct city *c, struct request *q); /* tokens.c; false: the argument is no code, nothing was answered */
void enrol_status(const struct city *c, json_t *out, struct problems *problems);

void city_catalogue_load(struct city *c); /* reads the policies of the state anew; the first time publishes what the folder has newer */

/* Backups (backup.c). They are stopped before the engine closes, since the last one may still be noted, and closed after it. */
void backups_open(struct city *c);
void backups_submit(struct city *c, struct job *j /* takes */); /* its work runs on the thread of backups, after what is under way there */
void backups_stop(struct city *c);
void backups_close(struct city *c);
void backups_status(const struct city *c, json_t *out, struct problems *problems);

/* The hub's keys (rekey.c). */
const struct keys *city_keys(const struct city *c); /* that new enrolment files name; tokens: c->keys, until the former ones are retired */
const char *city_endpoint(const struct city *c);    /* where those answer */
const char *city_door_endpoint(const struct city *c); /* where c->keys answer */
const char *city_listen(const struct city *c);        /* where the first door is */
int rekey_load(struct city *c);                       /* what lies on the disk of a change; 0: good */
void rekey_open(struct city *c);                      /* REKEY_DUE: outside of the loop's callbacks */
void rekey_stop(struct city *c);                      /* who asked is told that the hub stops */
void rekey_status(const struct city *c, json_t *out, struct problems *problems);
void enrol_rekeyed(struct city *c);                             /* enrol.c: its door has the new c->keys from now on */
size_t enrol_waiting(const struct city *c, struct buffer *ids); /* tokens.c: that can still bring a machine; their ids, apart by spaces */
void policy_put(
    struct city *c, struct request *q, struct bytes kind, struct bytes name, struct bytes body); /* policy.c: the next version */

void audit_status(const struct city *c, struct problems *problems); /* audit.c */
void city_ordered(struct city *c, struct request *q);               /* main.c: carries out the command of the request */

void office_key(void *owner, const struct hub_peer *p, const struct public_keys *offered, wall_ms old_until); /* of hub_engine_calls … */
void office_emptied(void *owner, const struct hub_peer *p);                                                   /* … too */

/* Orders to erase for ever (erase.c). */
void erase_open(struct city *c);                        /* goes on with what a stop left to be done */
void erase_close(struct city *c);                       /* after the engine */
bool erase_signed(void *owner, const struct change *c); /* the engine's calls: on the merge worker */
void erase_ordered(void *owner);
void erase_holder(void *owner, const struct hub_peer *p);
void erase_compacted(void *owner, uint64_t hub_seq);
void erase_status(struct city *c, json_t *out);
/* Orders that records are erased, without a person: `names` as erasure_name builds them, at most ERASE_NAMES, all of one type. An
 * order that is given already may name more. Why and by which law stays here. `end` follows in any case. */
enum { ERASE_NAMES = 500 };
void erase_records(
    struct city *c, const struct id16 *order, struct bytes names, uint32_t type, const char *reason, const char *law,
    void (*end)(void *owner, int result), void *owner);

/* Retention (retention.c): records whose time is over. */
void retention_open(struct city *c);
void retention_close(struct city *c); /* after the engine */
void retention_look(struct city *c);  /* the city's day may have changed */
void retention_merged(struct city *c, const struct merged *m);
void retention_status(const struct city *c, json_t *out, struct problems *problems);

/* Re-division (areas.c). */
void areas_open(struct city *c);
void areas_close(struct city *c); /* after the engine */
void areas_look(struct city *c);  /* the city's day may have changed, or what failed is to be tried again */
void areas_merged(struct city *c, const struct merged *m);
void areas_status(const struct city *c, json_t *out, struct problems *problems);
/* Accounts of those who log in at the page (accounts.c). */
void accounts_open(struct city *c);
void accounts_stop(struct city *c);                                /* while the engine works */
void accounts_close(struct city *c);                               /* after it */
struct id16 account_id(const struct city *c, const char *account); /* as an actor in the audit log, as the author of a change */
/* The page for city IT (page.c), and the last day in numbers (trend.c). */
void page_open(struct city *c);
void page_stop(struct city *c);  /* nothing is asked any more */
void page_close(struct city *c); /* after the engine, when all questions are answered; before the control */
void page_status(const struct city *c, json_t *out, struct problems *problems);
void trend_open(struct city *c);
void trend_close(struct city *c);         /* before the engine */
json_t *trend_last(const struct city *c); /* gives; NULL: nothing yet */
/* How the rules stand (standing.c). */
void standing_open(struct city *c);
void standing_close(struct city *c);               /* after the engine */
void standing_look(struct city *c, bool policies); /* the city's day may have changed, or policies did */
void standing_status(const struct city *c, json_t *out, struct problems *problems);
bool standing_update_needed(const struct city *c, const struct hub_link *l); /* by what its program says of itself */
/* How far the policies in force have come, in offices, each policy by itself; counted twice a minute. */
struct city_reach {
    bool known;
    size_t policies, of, taken, refused;
    size_t late, latest; /* of the one that most have not got yet: how many; its place on the shelf */
    bool again;          /* it was that one the last time too */
};
const struct city_reach *standing_reach(const struct city *c); /* NULL: not known yet */
const struct rules *standing_labels(const struct city *c);     /* of the whole city; NULL: not known yet */

/* All that is wrong (problems.c), with the numbers of `status` into `out`; sorted. */
void city_problems(struct city *c, const struct problem_limits *limits, json_t *out, struct problems *problems);
const char *office_state(const struct hub_link *l, instant now); /* online, stale, unknown, … as `nodes` says it */
extern const char *const office_states[];                        /* all that it says; NULL ends them */
uint64_t office_wrongs(const struct hub_peer *p);
void city_metrics(void *owner, struct metrics *m); /* metrics.c: of a struct city */
/* Ages of what waits for a person (watch.c). */
void watch_open(struct city *c);
void watch_close(struct city *c); /* after the engine */
void watch_look(struct city *c);  /* every few seconds */
void watch_status(const struct city *c, json_t *out, struct problems *problems);

bool city_writes(const struct city *c); /* main.c: changes of the hub itself are merged as they are made */

/* ---- commands */
void cmd_schema(void *owner, struct request *q); /* fields.c */
/* Has an answer of the command such a field? All its fields go to `all`, apart by spaces. */
bool schema_has(const char *command, const char *field, struct buffer *all /* appends */);
void cmd_status(void *owner, struct request *q); /* answers.c */
void cmd_nodes(void *owner, struct request *q);
void cmd_problems(void *owner, struct request *q); /* problems.c */
void cmd_check(void *owner, struct request *q);
void cmd_metrics(void *owner, struct request *q); /* metrics.c */
void cmd_node_show(void *owner, struct request *q);
void cmd_node_enrolment(void *owner, struct request *q);
void cmd_retention(void *owner, struct request *q); /* retention.c */
void cmd_retention_run(void *owner, struct request *q);
void cmd_areas(void *owner, struct request *q);    /* areas.c */
void cmd_policies(void *owner, struct request *q); /* reach.c */
void cmd_policy_show(void *owner, struct request *q);
void cmd_policy_who(void *owner, struct request *q);
void cmd_policy_preview(void *owner, struct request *q);
void cmd_conflicts(void *owner, struct request *q);
void cmd_conflict_show(void *owner, struct request *q);
void cmd_quarantine(void *owner, struct request *q);
void cmd_digest(void *owner, struct request *q);
void cmd_export(void *owner, struct request *q);
void cmd_verify_state(void *owner, struct request *q);
void cmd_why(void *owner, struct request *q);          /* why.c */
void cmd_history(void *owner, struct request *q);      /* history.c */
void cmd_audit_export(void *owner, struct request *q); /* audit.c */
void cmd_audit_person(void *owner, struct request *q);
void cmd_audit_verify(void *owner, struct request *q);
void cmd_audit_heads(void *owner, struct request *q);
void cmd_audit_settle(void *owner, struct request *q);
void cmd_administer(void *owner, struct request *q); /* an order: noted, then city_ordered */
void cmd_backup(void *owner, struct request *q);     /* backup.c */
void cmd_backups(void *owner, struct request *q);
void cmd_job_stop(void *owner, struct request *q);
void cmd_node_add(void *owner, struct request *q); /* orders.c */
void cmd_node_approve(void *owner, struct request *q);
void cmd_node_pause(void *owner, struct request *q);
void cmd_node_resume(void *owner, struct request *q);
void cmd_hub_key_rotate(void *owner, struct request *q); /* rekey.c */
void cmd_hub_key_retire(void *owner, struct request *q);
void cmd_node_triage(void *owner, struct request *q); /* triage.c */
void cmd_quarantine_retry(void *owner, struct request *q);
void cmd_quarantine_discard(void *owner, struct request *q);
void cmd_quarantine_show(void *owner, struct request *q); /* held.c */
void cmd_node_retire(void *owner, struct request *q);
void cmd_node_revoke(void *owner, struct request *q);
void cmd_node_token(void *owner, struct request *q); /* tokens.c */
void cmd_node_tokens(void *owner, struct request *q);
void cmd_node_token_revoke(void *owner, struct request *q);
void cmd_node_pending(void *owner, struct request *q);
void cmd_node_reject(void *owner, struct request *q);
void cmd_decide(void *owner, struct request *q);         /* decide.c */
void cmd_policy_publish(void *owner, struct request *q); /* policy.c */
void cmd_policy_rollback(void *owner, struct request *q);
void cmd_policy_halt(void *owner, struct request *q);
void cmd_person_erase(void *owner, struct request *q); /* erase.c */
void cmd_person_erase_status(void *owner, struct request *q);
void cmd_erasures(void *owner, struct request *q);
void cmd_account_add(void *owner, struct request *q); /* accounts.c */
void cmd_account_passwd(void *owner, struct request *q);
void cmd_account_remove(void *owner, struct request *q);
void cmd_account_list(void *owner, struct request *q);
void cmd_trend(void *owner, struct request *q); /* trend.c */
