/* The logs: day by day edits are drawn, and a planner spreads the promised events over the days. */
#include "tests/city/gen/world.h"
#include "tests/city/names.h"

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

void run_days(struct city *c) {
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
