/* Chance, the makers of names, numbers and records, and the registers before the first day. */
#include "tests/city/gen/world.h"
#include "tests/city/names.h"

#include <time.h>

/* ---- chance: splitmix64, one draw per choice */
static uint64_t draw(struct city *c) {
    uint64_t z = (c->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned roll(struct city *c, unsigned n) {
    return (unsigned)((draw(c) >> 32) * n >> 32);
}

bool chance(struct city *c, unsigned percent) {
    return roll(c, 100) < percent;
}

/* ---- small makers */
void list_add(struct list *l, void *item) {
    l->items = array_grow(l->items, l->count, &l->room, sizeof *l->items);
    l->items[l->count++] = item;
}

/* The date that many days after the first day of the logs, 2025-03-03. */
const char *date(struct city *c, int day) {
    time_t t = (time_t)(20150 + day) * 86400;
    struct tm tm;
    gmtime_r(&t, &tm);
    return text_make(&c->pool, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

const char *number(struct city *c, unsigned n) {
    return text_make(&c->pool, "%u", n);
}

static const char *birth_date(struct city *c, unsigned youngest, unsigned oldest) {
    unsigned age = youngest + roll(c, oldest - youngest + 1);
    unsigned month = 1 + roll(c, 12), day = 1 + roll(c, 28);
    return text_make(&c->pool, "%04u-%02u-%02u", 2024 - age, month, day);
}

const char *phone(struct city *c) {
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

const char *address(struct city *c) {
    unsigned house = 1 + roll(c, 180), block = 1 + roll(c, 24), entry = 1 + roll(c, 4), floor = 1 + roll(c, 6), flat = 1 + roll(c, 4);
    const char *road = PICK(c, roads);
    return text_make(&c->pool, "%s%u号%u栋%u单元%u0%u室", road, house, block, entry, floor, flat);
}

const char *employer(struct city *c) {
    const char *brand = PICK(c, brands), *trade = PICK(c, trades);
    return text_make(&c->pool, "虚构%s%s有限公司", brand, trade);
}

unsigned some_community(struct city *c) {
    unsigned at = roll(c, c->weight_sum), i = 0;
    while (at >= c->community[i].weight)
        at -= c->community[i++].weight;
    return i;
}

unsigned other_community(struct city *c, unsigned than) {
    unsigned i = roll(c, c->communities - 1);
    return i < than ? i : i + 1;
}

/* A second of the office hours, 09:30 to 13:00 and 15:30 to 18:30. */
unsigned office_second(struct city *c) {
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

void file_add(struct file *f, struct record *r) {
    if (f->count < sizeof f->records / sizeof *f->records)
        f->records[f->count++] = r;
}

struct record *service_make(struct city *c, const struct file *f, enum type type, unsigned home, int day) {
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
struct file *file_make(struct city *c, unsigned home, int day, const struct file *before) {
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

void file_services(struct city *c, struct file *f, int day) {
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
void communities_make(struct city *c) {
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

void populate(struct city *c) {
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
