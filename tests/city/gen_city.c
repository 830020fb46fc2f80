/* Makes a synthetic city in the layout of the sample city: registers, an edit log for each community, and what to check against.
 *
 *   gen_city --out DIR [--seed 1] [--communities 8] [--people 900] [--days 60] [--edits 90]
 *
 * The same arguments give the same bytes. Nobody and nothing in it is real: the communities lie under 650299, a division that does
 * not exist; identity numbers begin with 650299 or 99 and most have a right check digit; phones begin with 129. Promised whatever the
 * seed: adopted and created records, at least 20 deletes, at least 5 deletes against an edit by another community within hours, at
 * least 30 pairs of different values for one field by two communities within hours. It refuses to make a city too small for that.
 *
 * How it works: files (a person's record and the service records that hang from it) are made at communities, then day by day edits
 * are drawn for them. A planner spreads the promised events over the days. Nothing is written before the end. Two communities never
 * write one record in the same second: the one that made it writes in even seconds, the one that adopted it in odd ones. C leaves the
 * order of arguments to the compiler, so no statement draws twice. */
#include "tests/city/city.h"
#include "tests/city/names.h"

#include <getopt.h>
#include <sys/stat.h>
#include <time.h>

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

/* ---- chance: splitmix64, one draw per choice */
static uint64_t draw(struct city *c) {
    uint64_t z = (c->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned roll(struct city *c, unsigned n) {
    return (unsigned)((draw(c) >> 32) * n >> 32);
}

static bool chance(struct city *c, unsigned percent) {
    return roll(c, 100) < percent;
}

#define PICK(c, array) ((array)[roll((c), sizeof(array) / sizeof *(array))])

/* ---- small makers */
static void list_add(struct list *l, void *item) {
    l->items = array_grow(l->items, l->count, &l->room, sizeof *l->items);
    l->items[l->count++] = item;
}

/* The date that many days after the first day of the logs, 2025-03-03. */
static const char *date(struct city *c, int day) {
    time_t t = (time_t)(20150 + day) * 86400;
    struct tm tm;
    gmtime_r(&t, &tm);
    return text_make(&c->pool, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static const char *number(struct city *c, unsigned n) {
    return text_make(&c->pool, "%u", n);
}

static const char *birth_date(struct city *c, unsigned youngest, unsigned oldest) {
    unsigned age = youngest + roll(c, oldest - youngest + 1);
    unsigned month = 1 + roll(c, 12), day = 1 + roll(c, 28);
    return text_make(&c->pool, "%04u-%02u-%02u", 2024 - age, month, day);
}

static const char *phone(struct city *c) {
    /* A step through all eight-digit numbers: never twice, and no order to see. */
    c->phone_serial++;
    return text_make(&c->pool, "129%08u", (unsigned)((c->seed * 7919u + c->phone_serial * 61803399ull) % 100000000u));
}

static const char *identity(struct city *c, const char *birth, const char *sex) {
    static const unsigned weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    char text[19];
    /* Area and serial together never come twice: some 650299, which ends with its serials, the rest 99 and an area that counts. */
    bool local = c->local_ids < 500 && chance(c, 50);
    unsigned nth = local ? c->local_ids++ : c->far_ids++;
    unsigned area = local ? 650299 : 990000 + nth / 500;
    unsigned serial = nth % 500 * 2 + (strcmp(sex, sex_names[0]) == 0 ? 1 : 0);
    snprintf(text, sizeof text, "%06u%.4s%.2s%.2s%03u", area, birth, birth + 5, birth + 8, serial);
    unsigned sum = 0;
    for (unsigned i = 0; i < 17; i++)
        sum += (unsigned)(text[i] - '0') * weights[i];
    text[17] = "10X98765432"[sum % 11];
    return text_copy(&c->pool, text, 18);
}

static const char *full_name(struct city *c, const char *sex, const char *surname) {
    bool male = strcmp(sex, sex_names[0]) == 0;
    if (surname == NULL && chance(c, 12)) { /* own name, father's name */
        const char *own = male ? PICK(c, dotted_male) : PICK(c, dotted_female);
        const char *father = PICK(c, dotted_male);
        return text_make(&c->pool, "%s·%s", own, father);
    }
    if (surname == NULL)
        surname = chance(c, 4) ? PICK(c, surnames_double) : PICK(c, surnames);
    const char *first = male ? PICK(c, given_male) : PICK(c, given_female);
    const char *second = chance(c, 25) ? "" : male ? PICK(c, given_male) : PICK(c, given_female);
    return text_make(&c->pool, "%s%s%s", surname, first, second);
}

static const char *address(struct city *c) {
    unsigned house = 1 + roll(c, 180), block = 1 + roll(c, 24), entry = 1 + roll(c, 4), floor = 1 + roll(c, 6), flat = 1 + roll(c, 4);
    const char *road = PICK(c, roads);
    return text_make(&c->pool, "%s%u号%u栋%u单元%u0%u室", road, house, block, entry, floor, flat);
}

static const char *employer(struct city *c) {
    const char *brand = PICK(c, brands), *trade = PICK(c, trades);
    return text_make(&c->pool, "虚构%s%s有限公司", brand, trade);
}

static unsigned some_community(struct city *c) {
    unsigned at = roll(c, c->weight_sum), i = 0;
    while (at >= c->community[i].weight)
        at -= c->community[i++].weight;
    return i;
}

static unsigned other_community(struct city *c, unsigned than) {
    unsigned i = roll(c, c->communities - 1);
    return i < than ? i : i + 1;
}

/* A second of the office hours, 09:30 to 13:00 and 15:30 to 18:30. */
static unsigned office_second(struct city *c) {
    return chance(c, 55) ? 34200 + roll(c, 12600) : 55800 + roll(c, 10800);
}

/* ---- records */
static struct record *record_make(struct city *c, enum type type, unsigned home) {
    struct record *r = pool_take(&c->pool, sizeof *r);
    unsigned serial = ++c->community[home].serial[type];
    *r = (struct record){.type = type, .home = home};
    r->id = text_make(&c->pool, "%s-%c%06u", c->community[home].code, type_letter[type], serial);
    for (unsigned i = 0; i < COLUMNS_MAX; i++)
        r->value[i] = "";
    list_add(&c->records, r);
    return r;
}

static void fill(struct record *r, const char *const values[COLUMNS_MAX]) {
    for (unsigned i = 0; i < COLUMNS_MAX; i++)
        if (values[i] != NULL)
            r->value[i] = values[i];
}

static void file_add(struct file *f, struct record *r) {
    if (f->count < sizeof f->records / sizeof *f->records)
        f->records[f->count++] = r;
}

static struct record *service_make(struct city *c, const struct file *f, enum type type, unsigned home, int day) {
    struct record *r = record_make(c, type, home);
    const char *on = date(c, day), *person = f->records[0]->id;
    if (type == EMPLOYMENT) {
        const char *wage = number(c, 2500 + 100 * roll(c, 90)), *at = employer(c), *occupation = PICK(c, occupations);
        fill(r, (const char *[COLUMNS_MAX]){person, at, occupation, PICK(c, contracts), wage, on, "", "在职"});
    } else if (type == INSURANCE) {
        const char *account = text_make(&c->pool, "SI%010u", roll(c, 4000000000u)), *scheme = PICK(c, schemes);
        const char *base = number(c, 4000 + 100 * roll(c, 80)), *until = date(c, day + 30 * (1 + (int)roll(c, 12)));
        fill(r, (const char *[COLUMNS_MAX]){person, scheme, account, base, until, "正常"});
    } else if (type == TRAINING) {
        const char *hours = number(c, 8 * (1 + roll(c, 10))), *starts = date(c, day + (int)roll(c, 40));
        fill(r, (const char *[COLUMNS_MAX]){person, PICK(c, courses), hours, starts, "已报名", ""});
    } else if (type == DISPUTE) {
        const char *party = text_make(&c->pool, "当事人%04u", roll(c, 10000)), *kind = PICK(c, dispute_kinds);
        fill(r, (const char *[COLUMNS_MAX]){person, kind, party, on, PICK(c, mediators), "受理", "", ""});
    } else {
        const char *amount = number(c, 1000 * (1 + roll(c, 60))), *months = number(c, 1 + roll(c, 8));
        fill(r, (const char *[COLUMNS_MAX]){person, employer(c), amount, months, on, "受理", "0", ""});
    }
    return r;
}

static struct record *child_make(struct city *c, const struct file *f, unsigned home, int day) {
    struct record *r = record_make(c, CHILD, home);
    const char *sex = PICK(c, sex_names), *birth = birth_date(c, 3, 15), *surname = PICK(c, surnames);
    const char *name = full_name(c, sex, surname), *school = PICK(c, schools);
    const char *grade = number(c, roll(c, 9)), *id = identity(c, birth, sex);
    fill(r, (const char *[COLUMNS_MAX]){f->records[0]->id, name, sex, birth, id, school, grade, PICK(c, place_states), date(c, day)});
    c->children++;
    return r;
}

/* What a counter clerk gets wrong in an identity number; says which. */
static const char *spoil_identity(struct city *c, struct record *person) {
    const char *id = person->value[P_ID];
    char text[32];
    switch (roll(c, 4)) {
    case 0: /* a wrong check digit */
        snprintf(text, sizeof text, "%.17s%c", id, id[17] == '7' ? '8' : '7');
        person->value[P_ID] = text_copy(&c->pool, text, 18);
        return "id_digit";
    case 1: /* the old form: no century, no check digit */
        if (strncmp(id + 6, "19", 2) != 0)
            break;
        snprintf(text, sizeof text, "%.6s%.9s", id, id + 8);
        person->value[P_ID] = text_copy(&c->pool, text, 15);
        return "id_15";
    case 2:
        person->value[P_ID] = text_make(&c->pool, "%.6s %.8s %s", id, id + 6, id + 14);
        return "id_format";
    default:
        break;
    }
    person->value[P_ID] = "";
    return "id_missing";
}

/* A file of a human at a community. before: the same human's other file, or NULL. */
static struct file *file_make(struct city *c, unsigned home, int day, const struct file *before) {
    struct file *f = pool_take(&c->pool, sizeof *f);
    *f = (struct file){.home = home, .adopter = -1, .origin = day < 0 ? "initial" : "newcomer", .changes = ""};
    f->human = before != NULL ? before->human : ++c->humans;
    f->sex = before != NULL ? before->sex : PICK(c, sex_names);
    f->birth = before != NULL ? before->birth : birth_date(c, 17, 75);
    f->true_id = before != NULL ? before->true_id : identity(c, f->birth, f->sex);
    struct record *p = record_make(c, PERSON, home), *r = record_make(c, RESIDENCE, home);
    bool newcomer = day >= 0 || before != NULL || chance(c, 40);
    const char *name = before != NULL ? before->records[0]->value[P_NAME] : full_name(c, f->sex, NULL);
    const char *call = chance(c, 8) ? "" : before != NULL && chance(c, 60) ? before->records[0]->value[P_PHONE] : phone(c);
    const char *kind = newcomer ? "newcomer" : "resident", *on = date(c, day), *native = PICK(c, native_places), *at = address(c);
    fill(p, (const char *[COLUMNS_MAX]){name, f->sex, f->birth, f->true_id, call, native, PICK(c, educations), kind, on, "active"});
    if (chance(c, before != NULL ? 40 : 5))
        f->changes = spoil_identity(c, p);
    const char *home_code = c->community[home].code, *permit = "", *expires = "";
    if (newcomer) {
        permit = text_make(&c->pool, "RP%s%06u", home_code + 6, c->community[home].serial[PERSON]);
        expires = date(c, day + 365);
    }
    const char *household = text_make(&c->pool, "HH%s%05u", home_code + 6, c->community[home].serial[RESIDENCE]);
    fill(r, (const char *[COLUMNS_MAX]){p->id, home_code, at, PICK(c, tenures), household, permit, expires, on, ""});
    file_add(f, p);
    file_add(f, r);
    return f;
}

static void file_services(struct city *c, struct file *f, int day) {
    static const struct {
        enum type type;
        unsigned percent;
    } often[] = {{EMPLOYMENT, 62}, {INSURANCE, 80}, {INSURANCE, 45}, {TRAINING, 18}, {DISPUTE, 5}, {WAGE_CLAIM, 3}};
    for (size_t i = 0; i < sizeof often / sizeof *often; i++)
        if (chance(c, often[i].percent))
            file_add(f, service_make(c, f, often[i].type, f->home, day));
    if (chance(c, 15))
        file_add(f, child_make(c, f, f->home, day));
}

/* ---- the city before the first day */
static void communities_make(struct city *c) {
    c->community = pool_take(&c->pool, c->communities * sizeof *c->community);
    for (unsigned i = 0; i < c->communities; i++) {
        unsigned street = 1 + i / 3, at = 1 + i % 3;
        c->community[i] = (struct community){
            .code = text_make(&c->pool, "650299%03u%03u", street, at),
            .name = text_make(&c->pool, "样例%s社区居委会", ordinals[i % (sizeof ordinals / sizeof *ordinals)]),
            .street_code = text_make(&c->pool, "650299%03u000", street),
            .street_name = text_make(&c->pool, "虚构%s街道", ordinals[(street - 1) % (sizeof ordinals / sizeof *ordinals)]),
            .weight = 3 + roll(c, 10),
        };
        c->weight_sum += c->community[i].weight;
    }
}

static void populate(struct city *c) {
    for (unsigned i = 0; i < c->people; i++) {
        unsigned home = some_community(c);
        int day = -1 - (int)roll(c, 2000);
        struct file *f = file_make(c, home, day, NULL);
        file_services(c, f, day);
        list_add(&c->files, f);
    }
    /* Some are registered a second time, mostly elsewhere. */
    for (unsigned i = 0; i < c->people; i++)
        if (chance(c, 6)) {
            const struct file *before = c->files.items[i];
            int day = -1 - (int)roll(c, 900);
            struct file *f = file_make(c, other_community(c, before->home), day, before);
            f->origin = "initial_duplicate";
            list_add(&c->files, f);
        }
    for (size_t i = 0; i < c->records.count; i++)
        ((struct record *)c->records.items[i])->initial = true;
}

/* ---- the logs */
static void log_line(
    struct city *c, unsigned day, unsigned second, unsigned community, enum op op, struct record *r, int column, const char *value) {
    if (op != OP_CREATE)
        second = (second & ~1u) | (community == r->home ? 0 : 1);
    c->log = array_grow(c->log, c->log_count, &c->log_room, sizeof *c->log);
    c->log[c->log_count] = (struct edit){day, second, community, (unsigned)c->log_count, 0, op, r, column, value};
    c->log_count++;
}

static void log_new(struct city *c, unsigned day, unsigned second, struct record *r) {
    second &= ~1u;
    log_line(c, day, second, r->home, OP_CREATE, r, -1, "");
    for (int i = 0; i < COLUMNS_MAX; i++)
        if (r->value[i][0] != '\0')
            log_line(c, day, second, r->home, OP_SET, r, i, r->value[i]);
}

static void log_draft(struct city *c, unsigned day, unsigned second, unsigned community, struct record *r, const struct draft *d) {
    for (unsigned i = 0; i < d->count; i++) {
        log_line(c, day, second, community, OP_SET, r, d->column[i], d->value[i]);
        r->value[d->column[i]] = d->value[i];
    }
}

static struct draft draft1(int column, const char *value) {
    return (struct draft){.count = 1, .column = {column}, .value = {value}};
}

static struct draft draft2(int column, const char *value, int column2, const char *value2) {
    return (struct draft){.count = 2, .column = {column, column2}, .value = {value, value2}};
}

static struct draft draft3(int column, const char *value, int column2, const char *value2, int column3, const char *value3) {
    return (struct draft){.count = 3, .column = {column, column2, column3}, .value = {value, value2, value3}};
}

static const char *same_sound(struct city *c, const char *name) {
    for (size_t i = 0; i < sizeof sound_pairs / sizeof *sound_pairs; i++) {
        const char *at = strstr(name, sound_pairs[i][0]);
        if (at != NULL)
            return text_make(&c->pool, "%.*s%s%s", (int)(at - name), name, sound_pairs[i][1], at + strlen(sound_pairs[i][0]));
    }
    return name;
}

static struct draft draft_person(struct city *c, const struct record *r) {
    unsigned x = roll(c, 100);
    if (x < 50)
        return draft1(P_PHONE, phone(c));
    if (x < 70)
        return draft1(P_EDUCATION, PICK(c, educations));
    if (x < 80)
        return draft1(P_NATIVE, PICK(c, native_places));
    if (x < 90)
        return draft1(P_NAME, same_sound(c, r->value[P_NAME]));
    return draft1(P_STATUS, chance(c, 70) ? "active" : "away");
}

static struct draft draft_work(struct city *c, const char *on) {
    unsigned x = roll(c, 100);
    if (x < 50)
        return draft1(E_WAGE, number(c, 2500 + 100 * roll(c, 90)));
    if (x < 70)
        return draft1(E_CONTRACT, PICK(c, contracts));
    if (x < 85)
        return draft2(E_STATUS, "离职", E_ENDED, on);
    return draft3(E_EMPLOYER, employer(c), E_STATUS, "在职", E_ENDED, ""); /* an empty value clears */
}

static struct draft draft_case(struct city *c, const struct record *r, const char *on) {
    if (r->type == DISPUTE) {
        const char *state = PICK(c, dispute_open);
        return chance(c, 70) ? draft2(D_NOTE, PICK(c, notes), D_STATUS, state) : draft2(D_STATUS, PICK(c, dispute_closed), D_CLOSED, on);
    }
    if (chance(c, 60))
        return draft2(W_STATUS, "处理中", W_PAID, number(c, 500 * roll(c, 60)));
    return draft2(W_STATUS, "已结清", W_CLOSED, on);
}

/* One plausible edit of a record. */
static struct draft draft_make(struct city *c, const struct record *r, unsigned day) {
    const char *on = date(c, (int)day), *tenure;
    unsigned x = roll(c, 100);
    switch (r->type) {
    case PERSON:
        return draft_person(c, r);
    case RESIDENCE:
        if (x < 40)
            return draft1(R_PERMIT_EXPIRES, date(c, (int)day + 180 + (int)roll(c, 360)));
        tenure = PICK(c, tenures);
        return x < 70 ? draft2(R_ADDRESS, address(c), R_TENURE, tenure) : draft1(R_TENURE, tenure);
    case EMPLOYMENT:
        return draft_work(c, on);
    case CHILD:
        if (x < 50)
            return draft1(C_PLACE, PICK(c, place_states));
        return x < 80 ? draft1(C_SCHOOL, PICK(c, schools)) : draft1(C_GRADE, number(c, roll(c, 10)));
    case INSURANCE:
        if (x < 70)
            return draft1(I_PAID, date(c, (int)day + 30 * (1 + (int)roll(c, 12))));
        return x < 85 ? draft1(I_STATUS, PICK(c, insurance_states)) : draft1(I_BASE, number(c, 4000 + 100 * roll(c, 80)));
    case TRAINING:
        if (x < 50)
            return draft1(T_STATUS, PICK(c, training_states));
        return draft2(T_STATUS, "已结业", T_CERTIFICATE, text_make(&c->pool, "TC%08u", roll(c, 100000000)));
    case DISPUTE:
    case WAGE_CLAIM:
        return draft_case(c, r, on);
    case TYPES:
        break;
    }
    die("no such type");
}

static bool removable(const struct record *r) {
    return !r->gone && (r->type == TRAINING || r->type == DISPUTE || r->type == WAGE_CLAIM);
}

static struct record *removable_of(const struct file *f) {
    for (unsigned i = 2; i < f->count; i++)
        if (removable(f->records[i]))
            return f->records[i];
    return NULL;
}

static struct record *some_record(struct city *c, const struct file *f) {
    struct record *r = chance(c, 10) || f->count < 2 ? f->records[0] : f->records[1 + roll(c, f->count - 1)];
    return r->gone ? NULL : r;
}

static struct file *some_file(struct city *c) {
    return c->files.items[roll(c, (unsigned)c->files.count)];
}

/* A file of which two communities may write by that day; starts at a random place. */
static struct file *some_shared(struct city *c, unsigned day, bool with_removable) {
    size_t start = roll(c, (unsigned)c->files.count);
    for (size_t i = 0; i < c->files.count; i++) {
        struct file *f = c->files.items[(start + i) % c->files.count];
        if (f->adopter >= 0 && f->from_day <= day && (!with_removable || removable_of(f) != NULL))
            return f;
    }
    return NULL;
}

static unsigned either(struct city *c, const struct file *f, unsigned day) {
    return f->adopter >= 0 && f->from_day <= day && chance(c, 50) ? (unsigned)f->adopter : f->home;
}

/* A move that the new community found in the city's register: it adopts the records and may edit them from the next day on. */
static void move_found(struct city *c, unsigned day, bool with_removable) {
    struct file *f = NULL;
    for (unsigned i = 0; i < 500 && f == NULL; i++) {
        struct file *g = some_file(c);
        if (g->adopter < 0 && (!with_removable || removable_of(g) != NULL))
            f = g;
    }
    if (f == NULL)
        return;
    unsigned to = other_community(c, f->home), second = office_second(c) | 1;
    f->adopter = (int)to;
    f->from_day = day + 1;
    for (unsigned i = 0; i < f->count; i++)
        if (!f->records[i]->gone) {
            f->records[i]->shared = true;
            c->shared_count++;
            log_line(c, day, second, to, OP_ADOPT, f->records[i], -1, "");
        }
    struct draft d = draft3(R_COMMUNITY, c->community[to].code, R_ADDRESS, address(c), R_MOVED_IN, date(c, (int)day));
    log_draft(c, day, second, to, f->records[1], &d);
}

/* A move that was not found: the human is registered anew. Returns the new file. */
static struct file *move_unknown(struct city *c, unsigned day) {
    struct file *old = some_file(c);
    struct file *f = file_make(c, other_community(c, old->home), (int)day, old);
    unsigned second = office_second(c);
    f->origin = "reregistered";
    if (chance(c, 50))
        file_add(f, service_make(c, f, EMPLOYMENT, f->home, (int)day));
    for (unsigned i = 0; i < f->count; i++)
        log_new(c, day, second, f->records[i]);
    if (chance(c, 40)) {
        second = office_second(c);
        struct draft out = draft1(R_MOVED_OUT, date(c, (int)day)), left = draft1(P_STATUS, "moved_out");
        log_draft(c, day, second, old->home, old->records[1], &out);
        log_draft(c, day, second, old->home, old->records[0], &left);
    }
    return f;
}

static struct file *newcomer(struct city *c, unsigned day) {
    struct file *f = file_make(c, some_community(c), (int)day, NULL);
    unsigned second = office_second(c);
    file_services(c, f, (int)day);
    for (unsigned i = 0; i < f->count; i++)
        log_new(c, day, second, f->records[i]);
    return f;
}

/* Two communities change one field of one record to different values on one day. */
static bool clash(struct city *c, unsigned day) {
    for (unsigned i = 0; i < 200; i++) {
        const struct file *f = some_shared(c, day, false);
        struct record *r = f == NULL ? NULL : some_record(c, f);
        if (r == NULL)
            continue;
        struct draft a = draft_make(c, r, day), b = draft_make(c, r, day);
        if (a.column[0] != b.column[0] || strcmp(a.value[0], b.value[0]) == 0 || strcmp(a.value[0], r->value[a.column[0]]) == 0)
            continue;
        unsigned first = office_second(c), second = office_second(c);
        log_draft(c, day, first, f->home, r, &a);
        log_draft(c, day, second, (unsigned)f->adopter, r, &b);
        return true;
    }
    return false;
}

/* Both communities edit one record on one day, as it comes: other fields, or the same value. */
static void meet(struct city *c, unsigned day) {
    const struct file *f = some_shared(c, day, false);
    struct record *r = f == NULL ? NULL : some_record(c, f);
    if (r == NULL)
        return;
    struct draft a = draft_make(c, r, day), b = chance(c, 25) ? a : draft_make(c, r, day);
    unsigned first = office_second(c), second = office_second(c);
    log_draft(c, day, first, f->home, r, &a);
    log_draft(c, day, second, (unsigned)f->adopter, r, &b);
}

/* A record made by mistake is removed after office hours; against: while the other community worked on it that day. */
static bool removal(struct city *c, unsigned day, bool against) {
    const struct file *f = against ? some_shared(c, day, true) : NULL;
    for (unsigned i = 0; i < 1000 && f == NULL && !against; i++) {
        const struct file *g = some_file(c);
        if (removable_of(g) != NULL && g->adopter < 0)
            f = g;
    }
    if (f == NULL)
        return false;
    struct record *r = removable_of(f);
    unsigned by = either(c, f, day);
    if (against) {
        struct draft d = draft_make(c, r, day);
        unsigned second = 55800 + roll(c, 10800);
        log_draft(c, day, second, by == f->home ? (unsigned)f->adopter : f->home, r, &d);
    }
    r->gone = true;
    log_line(c, day, 66600 + roll(c, 3000), by, OP_DELETE, r, -1, "");
    return true;
}

/* How many of `all` events spread evenly over the days from `first` on are due by the end of that day. */
static unsigned due(const struct city *c, unsigned all, unsigned first, unsigned day) {
    return day < first ? 0 : (day - first + 1) * all / (c->days - first);
}

static void run_days(struct city *c) {
    unsigned moves = c->people / 30 + 8, clashes = c->people / 20 + 40, removals = 24, against = 8;
    unsigned moved = 0, clashed = 0, removed = 0, opposed = 0;
    static const enum type service_types[] = {EMPLOYMENT, INSURANCE, INSURANCE, TRAINING, DISPUTE, WAGE_CLAIM};
    for (unsigned day = 0; day < c->days; day++) {
        struct list joining = {0}; /* new files and records are not edited before the next day */
        struct {
            struct file *file;
            struct record *record;
        } waiting[64];
        unsigned waiting_count = 0;
        bool weekend = day % 7 >= 5; /* the first day is a Monday */
        size_t target = c->log_count + (size_t)c->edits * c->files.count / (weekend ? 4000 : 770);
        for (; moved < due(c, moves, 0, day) || moved < 4; moved++) {
            if (moved % 5 == 3)
                list_add(&joining, move_unknown(c, day));
            else
                move_found(c, day, moved % 2 == 0);
        }
        while (clashed < due(c, clashes, 3, day) && clash(c, day))
            clashed++;
        while (opposed < due(c, against, 4, day) && removal(c, day, true))
            opposed++;
        while (removed < due(c, removals, 2, day) && removal(c, day, false))
            removed++;
        while (c->log_count < target) {
            unsigned x = roll(c, 100);
            struct file *f = some_file(c);
            struct record *r;
            if (x < 84) {
                if ((r = some_record(c, f)) == NULL)
                    continue;
                unsigned by = either(c, f, day), second = office_second(c);
                struct draft d = draft_make(c, r, day);
                log_draft(c, day, second, by, r, &d);
            } else if (x < 94 && f->adopter < 0 && waiting_count < 64) {
                enum type type = PICK(c, service_types);
                r = service_make(c, f, type, f->home, (int)day);
                log_new(c, day, office_second(c), r);
                waiting[waiting_count].file = f;
                waiting[waiting_count++].record = r;
            } else if (x < 96) {
                list_add(&joining, newcomer(c, day));
            } else {
                meet(c, day);
            }
        }
        for (unsigned i = 0; i < waiting_count; i++)
            if (waiting[i].file->adopter < 0)
                file_add(waiting[i].file, waiting[i].record);
        for (size_t i = 0; i < joining.count; i++)
            list_add(&c->files, joining.items[i]);
        free(joining.items);
    }
}

/* ---- order, numbers, final values */
static int log_order(const void *x, const void *y) {
    const struct edit *a = x, *b = y;
    if (a->community != b->community)
        return a->community < b->community ? -1 : 1;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static int time_order(const void *x, const void *y) {
    const struct edit *a = *(struct edit *const *)x, *b = *(struct edit *const *)y;
    unsigned long at = a->day * 86400ul + a->second, bt = b->day * 86400ul + b->second;
    if (at != bt)
        return at < bt ? -1 : 1;
    return log_order(a, b);
}

static int record_time_order(const void *x, const void *y) {
    const struct edit *a = *(struct edit *const *)x, *b = *(struct edit *const *)y;
    int r = strcmp(a->record->id, b->record->id);
    return r != 0 ? r : time_order(x, y);
}

static void number_lines(struct city *c) {
    qsort(c->log, c->log_count, sizeof *c->log, log_order);
    for (size_t i = 0; i < c->log_count; i++)
        c->log[i].seq = i > 0 && c->log[i - 1].community == c->log[i].community ? c->log[i - 1].seq + 1 : 1;
}

static struct edit **sorted(struct city *c, int (*order)(const void *, const void *)) {
    struct edit **all = calloc(c->log_count, sizeof *all);
    if (all == NULL)
        die("out of memory");
    for (size_t i = 0; i < c->log_count; i++)
        all[i] = &c->log[i];
    qsort(all, c->log_count, sizeof *all, order);
    return all;
}

/* ---- files */
static FILE *out_file(struct city *c, const char *folder, const char *name, const char **path) {
    *path = folder[0] == '\0' ? text_make(&c->pool, "%s/%s", c->out, name) : text_make(&c->pool, "%s/%s/%s", c->out, folder, name);
    return file_create(*path);
}

static void put_folder(struct city *c, const char *name) {
    const char *path = text_make(&c->pool, "%s/%s", c->out, name);
    if (mkdir(path, 0777) != 0)
        die("%s: %s", path, strerror(errno));
}

static unsigned columns_of(enum type type) {
    unsigned n = 0;
    while (column_name[type][n] != NULL)
        n++;
    return n;
}

static void put_head(FILE *f, const char *key, enum type type) {
    unsigned n = columns_of(type);
    csv_put(f, key, n == 0);
    for (unsigned i = 0; i < n; i++)
        csv_put(f, column_name[type][i], i + 1 == n);
}

static void put_record(FILE *f, const struct record *r) {
    unsigned n = columns_of(r->type);
    csv_put(f, r->id, false);
    for (unsigned i = 0; i < n; i++)
        csv_put(f, r->value[i], i + 1 == n);
}

static void put_registers(struct city *c) {
    const char *path;
    FILE *f = out_file(c, "", "communities.csv", &path);
    fputs("community_code,name,street_code,street_name\n", f);
    for (unsigned i = 0; i < c->communities; i++)
        fprintf(f, "%s,%s,%s,%s\n", c->community[i].code, c->community[i].name, c->community[i].street_code, c->community[i].street_name);
    file_finish(f, path);
    for (unsigned i = 0; i < c->communities; i++) {
        put_folder(c, c->community[i].code);
        for (enum type t = PERSON; t < TYPES; t++) {
            f = out_file(c, c->community[i].code, text_make(&c->pool, "%s.csv", type_name[t]), &path);
            put_head(f, "record_id", t);
            for (size_t k = 0; k < c->records.count; k++) {
                const struct record *r = c->records.items[k];
                if (r->home == i && r->type == t && r->initial)
                    put_record(f, r);
            }
            file_finish(f, path);
        }
    }
}

static const char *time_text(struct city *c, const struct edit *e) {
    return text_make(&c->pool, "%sT%02u:%02u:%02u+08:00", date(c, (int)e->day), e->second / 3600, e->second / 60 % 60, e->second % 60);
}

static const char *column_text(const struct edit *e) {
    return e->column < 0 ? "" : column_name[e->record->type][e->column];
}

static void put_logs(struct city *c) {
    size_t at = 0;
    for (unsigned i = 0; i < c->communities; i++) {
        const char *path;
        FILE *f = out_file(c, c->community[i].code, "edits.csv", &path);
        fputs("seq,time,operator,op,record_type,record_id,field,new_value\n", f);
        for (; at < c->log_count && c->log[at].community == i; at++) {
            const struct edit *e = &c->log[at];
            fprintf(
                f, "%u,%s,%s-op%u,%s,%s,%s,%s,", e->seq, time_text(c, e), c->community[i].code, 1 + (e->second + e->day) % 3,
                op_name[e->op], type_name[e->record->type], e->record->id, column_text(e));
            csv_put(f, e->value, true);
        }
        file_finish(f, path);
    }
}

enum relation { DIFFERENT_FIELDS, DIFFERENT_VALUES, SAME_VALUE, DELETE_AND_SET, DELETE_AND_DELETE };
static const char *const relation_name[] = {
    "different_fields", "same_field_different_values", "same_field_same_value", "delete_and_set", "delete_and_delete"};

static enum relation relation_of(const struct edit *a, const struct edit *b) {
    if (a->op == OP_DELETE || b->op == OP_DELETE)
        return a->op == b->op ? DELETE_AND_DELETE : DELETE_AND_SET;
    if (a->column != b->column)
        return DIFFERENT_FIELDS;
    return strcmp(a->value, b->value) == 0 ? SAME_VALUE : DIFFERENT_VALUES;
}

/* Pairs of edits of one record by two communities within twelve hours, the earlier first. */
static void put_concurrent(struct city *c) {
    const char *path;
    FILE *f = out_file(c, "truth", "concurrent.csv", &path);
    fputs("record_type,record_id,community_a,seq_a,time_a,field_a,value_a,community_b,seq_b,time_b,field_b,value_b,relation\n", f);
    struct edit **all = sorted(c, record_time_order);
    for (size_t i = 0; i < c->log_count; i++)
        for (size_t k = i + 1; k < c->log_count && all[k]->record == all[i]->record; k++) {
            const struct edit *a = all[i], *b = all[k];
            if (b->day * 86400 + b->second - (a->day * 86400 + a->second) > 12 * 3600)
                break;
            if (a->community == b->community || a->op < OP_SET || b->op < OP_SET)
                continue;
            enum relation relation = relation_of(a, b);
            c->concurrent[relation]++;
            fprintf(
                f, "%s,%s,%s,%u,%s,%s,", type_name[a->record->type], a->record->id, c->community[a->community].code, a->seq,
                time_text(c, a), column_text(a));
            csv_put(f, a->value, false);
            fprintf(f, "%s,%u,%s,%s,", c->community[b->community].code, b->seq, time_text(c, b), column_text(b));
            csv_put(f, b->value, false);
            csv_put(f, relation_name[relation], true);
        }
    free(all);
    file_finish(f, path);
}

/* All person records at the end of the logs, the last write by time, shuffled. */
static void put_linkage(struct city *c) {
    struct edit **all = sorted(c, time_order);
    for (size_t i = 0; i < c->log_count; i++)
        if (all[i]->op == OP_SET)
            all[i]->record->value[all[i]->column] = all[i]->value;
    free(all);
    for (size_t i = c->files.count; i > 1; i--) {
        size_t k = roll(c, (unsigned)i);
        void *held = c->files.items[i - 1];
        c->files.items[i - 1] = c->files.items[k];
        c->files.items[k] = held;
    }
    const char *path, *truth_path;
    FILE *f = out_file(c, "linkage", "records.csv", &path), *truth = out_file(c, "linkage", "truth.csv", &truth_path);
    put_head(f, "rec_id", PERSON);
    fputs("rec_id,entity_id,origin\n", truth);
    for (size_t i = 0; i < c->files.count; i++) {
        const struct file *file = c->files.items[i];
        put_record(f, file->records[0]);
        fprintf(truth, "%s,H%07u,%s\n", file->records[0]->id, file->human, file->origin);
    }
    file_finish(f, path);
    file_finish(truth, truth_path);
}

static void put_identity(struct city *c) {
    const char *path;
    FILE *f = out_file(c, "truth", "person_identity.csv", &path);
    fputs("record_id,human_id,community_code,registered_on,origin,changes\n", f);
    for (size_t i = 0; i < c->files.count; i++) {
        const struct file *file = c->files.items[i];
        const struct record *p = file->records[0];
        fprintf(
            f, "%s,H%07u,%s,%s,%s,%s\n", p->id, file->human, c->community[file->home].code, p->value[P_REGISTERED], file->origin,
            file->changes);
    }
    file_finish(f, path);
}

static unsigned count_ops(const struct city *c, enum op op) {
    unsigned n = 0;
    for (size_t i = 0; i < c->log_count; i++)
        n += c->log[i].op == op;
    return n;
}

static void put_manifest(struct city *c) {
    size_t initial = 0, pairs = 0;
    for (size_t i = 0; i < c->records.count; i++)
        initial += ((struct record *)c->records.items[i])->initial;
    for (unsigned i = 0; i < 5; i++)
        pairs += c->concurrent[i];
    const char *path;
    FILE *f = out_file(c, "", "manifest.json", &path);
    fprintf(f, "{\n \"adopts\": %u,\n \"communities\": %u,\n \"concurrent_pairs\": %zu,\n", count_ops(c, OP_ADOPT), c->communities, pairs);
    fprintf(f, " \"creates\": %u,\n \"days\": %u,\n \"deletes\": %u,\n", count_ops(c, OP_CREATE), c->days, count_ops(c, OP_DELETE));
    fprintf(f, " \"edit_lines\": %zu,\n \"edits_per_1000_a_day\": %u,\n \"humans\": %u,\n", c->log_count, c->edits, c->humans);
    fprintf(f, " \"initial_records\": %zu,\n \"people\": %u,\n \"person_records\": %zu,\n", initial, c->people, c->files.count);
    fprintf(
        f, " \"seed\": %u,\n \"shared_records\": %zu,\n \"start\": \"2025-03-03\",\n \"window_hours\": 12\n}\n", c->seed, c->shared_count);
    file_finish(f, path);
    if (c->concurrent[DIFFERENT_VALUES] < 30 || c->concurrent[DELETE_AND_SET] < 5 || count_ops(c, OP_DELETE) < 20)
        die("the city is too small for what is promised: more --people or --days");
}

/* ---- */
static void usage(void) {
    die("usage: gen_city --out DIR [--seed 1] [--communities 8, 2 to 40] [--people 900] [--days 60] [--edits 90]\n"
        "DIR is new or empty; --people counts adults registered before the first day; --edits is log lines a day per 1000 of them");
}

static unsigned parse(const char *text, unsigned least, unsigned most) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || n < least || n > most)
        usage();
    return (unsigned)n;
}

int main(int argc, char **argv) {
    enum { SEED = 1, COMMUNITIES, PEOPLE, DAYS, EDITS, OUT };
    static const struct option options[] = {
        {"seed", required_argument, NULL, SEED},
        {"communities", required_argument, NULL, COMMUNITIES},
        {"people", required_argument, NULL, PEOPLE},
        {"days", required_argument, NULL, DAYS},
        {"edits", required_argument, NULL, EDITS},
        {"out", required_argument, NULL, OUT},
        {NULL, 0, NULL, 0},
    };
    struct city c = {.seed = 1, .communities = 8, .people = 900, .days = 60, .edits = 90};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == SEED)
            c.seed = parse(optarg, 0, 4000000000u);
        else if (o == COMMUNITIES)
            c.communities = parse(optarg, 2, 40);
        else if (o == PEOPLE)
            c.people = parse(optarg, 100, 50000);
        else if (o == DAYS)
            c.days = parse(optarg, 10, 2000);
        else if (o == EDITS)
            c.edits = parse(optarg, 0, 10000);
        else if (o == OUT)
            c.out = optarg;
        else
            usage();
    }
    if (optind != argc || c.out == NULL)
        usage();
    if (mkdir(c.out, 0777) != 0 && errno != EEXIST)
        die("%s: %s", c.out, strerror(errno));
    c.dice = c.seed;
    communities_make(&c);
    populate(&c);
    put_registers(&c);
    run_days(&c);
    number_lines(&c);
    put_logs(&c);
    put_folder(&c, "truth");
    put_folder(&c, "linkage");
    put_concurrent(&c);
    put_identity(&c);
    put_linkage(&c);
    put_manifest(&c);
    free(c.files.items);
    free(c.records.items);
    free(c.log);
    pool_close(&c.pool);
    return 0;
}
