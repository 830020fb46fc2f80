/* What hangs at the counter: the menu of services, the papers that one takes, notices, schools, codes. All of it from the rules in force
 * here today, as people read it; nothing personal. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/catalogue/admission.h"
#include "common/catalogue/codes.h"
#include "common/catalogue/policy.h"
#include "common/catalogue/services.h"
#include "node/office.h"

#include <stdlib.h>
#include <string.h>

/* One look at the rules, for a request that is answered on the loop. */
struct counter {
    const struct office *office;
    const struct rules *rules;
    struct request *request;
    const char *lang;
    int64_t day;
};

static struct counter counter_of(struct office *o, struct request *q) {
    const char *lang = request_text(q, "lang");
    return (struct counter){
        .office = o,
        .rules = &o->catalogue->rules,
        .request = q,
        .lang = lang != NULL && strcmp(lang, "zh") == 0 ? "zh" : "en",
        .day = city_day(clock_wall())};
}

/* Text in the language that was asked for; what has no English is said in Chinese. */
static const char *in(const struct counter *c, const char *zh, const char *en) {
    const char *text = strcmp(c->lang, "en") == 0 && en != NULL ? en : zh;
    return text == NULL ? "" : text;
}

static const char *or_none(const char *text) {
    return text == NULL ? "" : text;
}

/* What people call a code of this list that a rule names. */
static const char *label_of(const struct counter *c, const char *list, const char *code, const char *zh, const char *en) {
    CLEANUP(buffer_close) struct buffer key = {0};
    buffer_format(&key, "%s:%s", list, code);
    const char *label = rules_label(c->rules, buffer_string(&key), c->lang);
    return label == NULL ? in(c, zh, en) : label;
}

/* ---- services */

void cmd_services(void *owner, struct request *q) {
    struct office *o = owner;
    struct counter c = counter_of(o, q);
    size_t count = services_offered(c.rules, c.day, NULL, 0);
    const struct offer **offered = memory_zeroed(count + 1, sizeof *offered);
    services_offered(c.rules, c.day, offered, count);
    for (size_t i = 0; i < count; i++) {
        const struct offer *s = offered[i];
        const struct catalogue_type *t = catalogue_type_number(&o->catalogue->catalogue, s->type);
        request_row(
            q, json_pack(
                   "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "code", s->code, "name",
                   label_of(&c, "service", s->code, s->zh, s->en), "type", t == NULL ? "" : t->name, "type_name",
                   t == NULL ? "" : label_type(c.rules, t, c.lang), "authority", or_none(s->authority), "legal_basis", or_none(s->legal),
                   "output", or_none(s->output), "audience", or_none(s->audience), "channel", or_none(s->channel), "to", office_day(s->to),
                   "papers", services_checklist(c.rules, s->code) != NULL));
    }
    free(offered);
    request_end(q);
}

/* ---- checklist: which papers, and what is missing of those that somebody brought */

enum { PAPERS_MOST = 64 };

/* "lease:2026-01-02:pledge"; without a day it is of today. NULL, or what is wrong. */
static const char *take_paper(char *text, int64_t day, struct evidence *out) {
    char *rest = text, *part;
    struct value v;
    *out = (struct evidence){.kind = strsep(&rest, ":"), .date = day};
    while ((part = strsep(&rest, ":")) != NULL) {
        if (strcmp(part, "pledge") == 0)
            out->pledge = true;
        else if (value_read(VALUE_DATE, bytes_text(part), &v) == NULL && v.precision == 0)
            out->date = v.number;
        else
            return "a paper is KIND, KIND:DAY or KIND:pledge";
    }
    return *out->kind == '\0' ? "a paper is KIND, KIND:DAY or KIND:pledge" : out->date > day ? "a paper of a day to come" : NULL;
}

static const char *take_papers(char *text, int64_t day, struct evidence *have, size_t *count) {
    char *rest = text, *part;
    const char *wrong = NULL;
    for (*count = 0; wrong == NULL && rest != NULL && (part = strsep(&rest, ",")) != NULL; (*count)++)
        wrong = *count == PAPERS_MOST ? "too many papers at once" : take_paper(part, day, &have[*count]);
    return wrong;
}

static json_t *need_row(const struct counter *c, size_t set, const struct evidence_need *n) {
    return json_pack(
        "{s:I, s:s, s:s, s:o, s:b}", "set", (json_int_t)set + 1, "paper", n->kind, "name", label_of(c, "paper", n->kind, n->zh, n->en),
        "valid_days", n->valid_days == 0 ? json_null() : json_integer(n->valid_days), "pledge", n->pledge);
}

/* Without papers: all sets. With some: of the set that lacks least, what is there and what is missing. */
static void tell_checklist(
    const struct counter *c, const struct checklist *list, const char *service, const struct evidence *have, size_t count) {
    const struct evidence_need *missing[PAPERS_MOST];
    size_t lacks, nearest = services_nearest(list, have, count, c->day);
    services_complete(c->rules, service, have, count, c->day, missing, PAPERS_MOST, &lacks);
    for (size_t s = 0; s < list->count; s++)
        for (size_t i = 0; i < list->sets[s].count; i++) {
            const struct evidence_need *n = &list->sets[s].needs[i];
            bool lack = false;
            if (count > 0 && s != nearest)
                continue;
            for (size_t k = 0; k < lacks && k < PAPERS_MOST; k++)
                lack = lack || missing[k] == n;
            json_t *row = need_row(c, s, n);
            json_object_set_new(row, "state", json_string(count == 0 ? "" : lack ? "missing" : "there"));
            request_row(c->request, row);
        }
}

void cmd_checklist(void *owner, struct request *q) {
    struct counter c = counter_of(owner, q);
    struct evidence have[PAPERS_MOST];
    size_t count = 0;
    const char *service = request_text(q, "service"), *given = request_text(q, "have"), *wrong = NULL;
    const struct checklist *list = service == NULL ? NULL : services_checklist(c.rules, service);
    char *text = given == NULL ? NULL : memory_text(given);
    if (text != NULL)
        wrong = take_papers(text, c.day, have, &count);
    if (wrong != NULL)
        request_error(q, "bad_request", wrong, "--have identity,lease:2026-01-31,residence_proof:pledge");
    else if (list == NULL && (service == NULL || services_find(c.rules, service, c.day) == NULL))
        request_error(q, "not_found", "no such service is offered today", "`anjuctl services` lists them");
    else {
        if (list != NULL)
            tell_checklist(&c, list, service, have, count);
        request_end(q);
    }
    free(text);
}

/* ---- notices */

void cmd_notices(void *owner, struct request *q) {
    struct office *o = owner;
    struct counter c = counter_of(o, q);
    area at = node_engine_place(o->engine);
    size_t count = notices_shown(c.rules, at, c.day, NULL, 0);
    const struct notice **shown = memory_zeroed(count + 1, sizeof *shown);
    char where[AREA_TEXT];
    notices_shown(c.rules, at, c.day, shown, count);
    for (size_t i = 0; i < count; i++)
        request_row(
            q, json_pack(
                   "{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", shown[i]->name, "title", in(&c, shown[i]->title_zh, shown[i]->title_en),
                   "body", in(&c, shown[i]->body_zh, shown[i]->body_en), "audience", or_none(shown[i]->audience), "area",
                   area_text(shown[i]->where, where), "from", office_day(shown[i]->from), "to", office_day(shown[i]->to)));
    free(shown);
    request_end(q);
}

/* ---- admission */

static const char *admission_name(enum admission_state s) {
    static const char *const names[] = {"none", "before", "open", "signing", "closed"};
    return s <= ADMISSION_CLOSED ? names[s] : "?";
}

static json_t *ranking_of(const struct admission *a) {
    json_t *all = json_array();
    for (size_t i = 0; i < a->ranking_count; i++)
        json_array_append_new(all, json_string(ranking_name(a->ranking[i])));
    return all;
}

static json_t *grade_row(const struct counter *c, const struct admission *a, const struct school *s, size_t grade) {
    enum admission_state state = admission_at(c->rules, s->code, s->grades[grade], c->day);
    json_t *row = json_pack(
        "{s:s, s:s, s:I, s:I, s:s}", "school", s->code, "name", label_of(c, "school", s->code, s->zh, s->en), "grade",
        (json_int_t)s->grades[grade], "seats", (json_int_t)s->seats[grade], "state", admission_name(state));
    const struct {
        const char *name;
        int64_t day;
    } days[] = {
        {"opens", s->opens},
        {"closes", s->closes},
        {"points_by", s->points_by},
        {"published", s->published},
        {"objections_to", s->objections_to},
        {"second_round", s->second_round}};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        json_object_set_new(row, days[i].name, office_day(days[i].day));
    /* The days that are left, of the one that counts now: until it opens, or closes. */
    int64_t next = state == ADMISSION_BEFORE ? s->opens : state == ADMISSION_OPEN ? s->closes : c->day;
    json_object_set_new(row, "days_left", json_integer(next - c->day));
    json_object_set_new(row, "ranking", ranking_of(a));
    return row;
}

void cmd_admission(void *owner, struct request *q) {
    struct counter c = counter_of(owner, q);
    const char *code = request_text(q, "school"), *grade = request_text(q, "grade");
    char *end = NULL;
    long wanted = grade == NULL ? 0 : strtol(grade, &end, 10);
    size_t told = 0;
    if (grade != NULL && (end == grade || *end != '\0')) {
        request_error(q, "bad_request", "a grade is a number", "anjuctl admission SCHOOL 1");
        return;
    }
    json_t *rows = json_array();
    for (const struct admission *a = c.rules->admissions; a != NULL; a = a->next)
        for (size_t i = 0; a->source->newest && i < a->count; i++)
            for (size_t g = 0; g < a->schools[i].grade_count; g++) {
                const struct school *s = &a->schools[i];
                if ((code != NULL && strcmp(s->code, code) != 0) || (grade != NULL && s->grades[g] != wanted))
                    continue;
                json_array_append_new(rows, grade_row(&c, a, s, g));
                told++;
            }
    if (told == 0 && code != NULL)
        request_error(q, "not_found", "no such school, or grade, takes applications", "`anjuctl admission` lists them");
    else {
        for (size_t i = 0; i < told; i++)
            request_row(q, json_incref(json_array_get(rows, i)));
        request_end(q);
    }
    json_decref(rows);
}

/* ---- codes */

void cmd_codes(void *owner, struct request *q) {
    struct counter c = counter_of(owner, q);
    const char *name = request_text(q, "list");
    const struct code_list *l = name == NULL ? NULL : codes_list(c.rules, name);
    bool all = request_flag(q, "all");
    if (l == NULL) {
        request_error(q, "not_found", "there is no such list of codes here", "`anjuctl rules` names them: those of the kind code_list");
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct code *k = &l->codes[i];
        bool offered = code_offered(k, c.day);
        if (offered || all)
            request_row(
                q, json_pack(
                       "{s:s, s:s, s:s, s:o, s:o, s:s}", "code", k->code, "name", label_of(&c, l->source->name, k->code, k->zh, k->en),
                       "state",
                       offered           ? "offered"
                       : k->from > c.day ? "to come"
                                         : "retired",
                       "from", office_day(k->from), "to", office_day(k->to), "replaced_by", or_none(k->replaced_by)));
    }
    request_end(q);
}
