/* The generated city in memory, and the steps in which it is made: people.c the registers before the first day, days.c the logs,
 * write.c the files. gen_city.c says what is promised and drives them. Text and records are the pool's and live until the end. */
#pragma once

#include "tests/city/city.h"

enum type { PERSON, RESIDENCE, EMPLOYMENT, CHILD, INSURANCE, TRAINING, DISPUTE, WAGE_CLAIM, TYPES };
static const char type_letter[TYPES + 1] = "PRECITDW";
static const char *const type_name[TYPES] = {"person",    "residence", "employment", "child",
                                             "insurance", "training",  "dispute",    "wage_claim"};
enum { COLUMNS_MAX = 10 };
static const char *const column_name[TYPES][COLUMNS_MAX + 1] = {
    {"name", "sex", "birth_date", "id_number", "phone", "native_place", "education", "kind", "registered_on", "status"},
    {"person_id", "community_code", "address", "tenure", "household_no", "permit_no", "permit_expires_on", "moved_in_on", "moved_out_on"},
    {"person_id", "employer", "occupation_code", "contract", "monthly_wage_yuan", "started_on", "ended_on", "status"},
    {"guardian_id", "name", "sex", "birth_date", "id_number", "school", "grade", "place_status", "applied_on"},
    {"person_id", "scheme", "account_no", "monthly_base_yuan", "paid_until", "status"},
    {"person_id", "course", "hours", "starts_on", "status", "certificate_no"},
    {"person_id", "kind", "other_party", "opened_on", "mediator", "status", "note", "closed_on"},
    {"person_id", "employer", "amount_yuan", "months", "opened_on", "status", "paid_yuan", "closed_on"},
};
/* Columns that are edited or looked at by number. */
enum { P_NAME, P_SEX, P_BIRTH, P_ID, P_PHONE, P_NATIVE, P_EDUCATION, P_KIND, P_REGISTERED, P_STATUS };
enum { R_COMMUNITY = 1, R_ADDRESS, R_TENURE, R_PERMIT_EXPIRES = 6, R_MOVED_IN, R_MOVED_OUT };
enum { E_EMPLOYER = 1, E_CONTRACT = 3, E_WAGE, E_ENDED = 6, E_STATUS };
enum { C_SCHOOL = 5, C_GRADE, C_PLACE };
enum { I_BASE = 3, I_PAID, I_STATUS };
enum { T_STATUS = 4, T_CERTIFICATE };
enum { D_STATUS = 5, D_NOTE, D_CLOSED };
enum { W_AMOUNT = 2, W_STATUS = 5, W_PAID, W_CLOSED };

struct record {
    enum type type;
    unsigned home;                  /* the community that made it */
    const char *id;                 /* COMMUNITY-Lnnnnnn */
    const char *value[COLUMNS_MAX]; /* while day by day edits are drawn: as last drawn; in the end: as of the last write */
    bool initial, shared, gone;
};

/* A person's record and the service records that hang from it. */
struct file {
    struct record *records[24]; /* the first is the person's, the second the residence */
    unsigned count;
    unsigned home;
    int adopter;       /* community that works on it too, or -1 */
    unsigned from_day; /* the adopter edits from here on */
    unsigned human;    /* the same human has one number */
    const char *origin, *changes, *birth, *sex, *true_id;
};

enum op { OP_CREATE, OP_ADOPT, OP_SET, OP_DELETE };
static const char *const op_name[] = {"create", "adopt", "set", "delete"};

struct edit {
    unsigned day, second, community, order, seq;
    enum op op;
    struct record *record;
    int column; /* of a set; else -1 */
    const char *value;
};

/* One drawn edit: up to three fields at once. */
struct draft {
    unsigned count;
    int column[3];
    const char *value[3];
};

struct community {
    const char *code, *name, *street_code, *street_name;
    unsigned weight, serial[TYPES];
};

struct list {
    void **items; /* owns the array; items are the pool's */
    size_t count, room;
};

struct city {
    struct pool pool;
    uint64_t dice;
    unsigned seed, communities, people, days, edits;
    const char *out;
    struct community *community; /* the pool's */
    struct list files, records;  /* struct file, struct record */
    struct edit *log;            /* owns */
    size_t log_count, log_room;
    unsigned humans, children, weight_sum, phone_serial, local_ids, far_ids;
    size_t concurrent[5];
    size_t shared_count;
};

/* One entry of an array of texts or numbers, drawn. C leaves the order of arguments to the compiler: no statement draws twice. */
#define PICK(c, array) ((array)[roll((c), sizeof(array) / sizeof *(array))])

/* ---- people.c: chance, makers, the city before the first day. A day counts from the first of the logs and may be negative. */
unsigned roll(struct city *c, unsigned n);
bool chance(struct city *c, unsigned percent);
void list_add(struct list *l, void *item);
const char *date(struct city *c, int day);
const char *number(struct city *c, unsigned n);
const char *phone(struct city *c);
const char *address(struct city *c);
const char *employer(struct city *c);
unsigned some_community(struct city *c);
unsigned other_community(struct city *c, unsigned than);
unsigned office_second(struct city *c);
void file_add(struct file *f, struct record *r);
struct record *service_make(struct city *c, const struct file *f, enum type type, unsigned home, int day);
struct file *file_make(struct city *c, unsigned home, int day, const struct file *before);
void file_services(struct city *c, struct file *f, int day);
void communities_make(struct city *c);
void populate(struct city *c);

/* ---- days.c */
void run_days(struct city *c);

/* ---- write.c: number_lines first, registers before run_days has changed them, linkage last for it plays the logs to their end */
void number_lines(struct city *c);
void put_folder(struct city *c, const char *name);
void put_registers(struct city *c);
void put_logs(struct city *c);
void put_concurrent(struct city *c);
void put_linkage(struct city *c);
void put_identity(struct city *c);
void put_manifest(struct city *c);
