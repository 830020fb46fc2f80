#include "common/catalogue/services.h"

#include "common/catalogue/rules_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- the menu */

static void read_service(struct rule_reading *g, const struct document_node *n, struct offer *s) {
    static const char *const keys[] = {"code",   "zh",       "en",   "type", "authority", "legal", "channel",
                                       "output", "audience", "cost", "from", "to",        NULL};
    if (!read_map(g, n, keys, "{code: school-place, zh: …, type: SchoolPlaceApplication, authority: …, legal: …}"))
        return;
    s->code = read_text(g, n, "code", true, 40);
    read_names(g, n, RULE_NAME_MOST, &s->zh, &s->en);
    s->authority = read_text(g, n, "authority", true, RULE_WORDS_MOST);
    s->legal = read_text(g, n, "legal", true, RULE_WORDS_MOST);
    s->channel = read_text(g, n, "channel", false, RULE_WORDS_MOST);
    s->output = read_text(g, n, "output", false, RULE_WORDS_MOST);
    s->audience = read_text(g, n, "audience", false, RULE_WORDS_MOST);
    read_days(g, n, &s->from, &s->to);
    if (document_get(n, "type") == NULL) {
        document_complain(g->d, n, g->c, "type is missing: which record a case of this service is");
    } else {
        const struct catalogue_type *t = read_type(g, document_get(n, "type"));
        s->type = t == NULL ? 0 : t->number;
    }
    if (read_hundredths(g, n, "cost", false, 0) != 0)
        document_complain(g->d, document_get(n, "cost"), g->c, "these services are free: cost is 0");
}

void read_service_catalogue(struct rule_reading *g) {
    static const char *const keys[] = {"services", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "services", true, 2000);
    size_t count = document_count(list);
    struct service_catalogue *s = rules_take(g->r, 1, sizeof *s);
    struct offer *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        read_service(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].code, document_item(list, i)};
    }
    read_unique(g, names, count);
    free(names);
    *s = (struct service_catalogue){g->source, all, count, g->r->services};
    g->r->services = s;
}

size_t services_offered(const struct rules *r, int64_t day, const struct offer *out[], size_t room) {
    size_t count = 0;
    for (const struct service_catalogue *s = r->services; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++)
            if (s->services[i].from <= day && day <= s->services[i].to) {
                if (count < room)
                    out[count] = &s->services[i];
                count++;
            }
    return count;
}

const struct offer *services_find(const struct rules *r, const char *code, int64_t day) {
    for (const struct service_catalogue *s = r->services; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++)
            if (strcmp(s->services[i].code, code) == 0 && s->services[i].from <= day && day <= s->services[i].to)
                return &s->services[i];
    return NULL;
}

/* ---- papers */

static void read_need(struct rule_reading *g, const struct document_node *n, struct evidence_need *e) {
    static const char *const keys[] = {"kind", "zh", "en", "valid_days", "pledge", NULL};
    if (!read_map(g, n, keys, "{kind: residence_proof, zh: …, valid_days: 90, pledge: true}"))
        return;
    e->kind = read_text(g, n, "kind", true, 40);
    read_names(g, n, RULE_NAME_MOST, &e->zh, &e->en);
    e->valid_days = read_number(g, n, "valid_days", false, 1, 36525, 0);
    e->pledge = read_flag(g, n, "pledge", false);
}

static void read_set(struct rule_reading *g, const struct document_node *n, struct evidence_set *s) {
    if (document_kind(n) != DOCUMENT_LIST || document_count(n) == 0 || document_count(n) > 64) {
        document_complain(g->d, n, g->c, "a set is a list of 1 to 64 papers that are enough together");
        return;
    }
    struct evidence_need *all = rules_take(g->r, document_count(n), sizeof *all);
    struct read_name *names = memory_zeroed(document_count(n) + 1, sizeof *names);
    for (; s->count < document_count(n); s->count++) {
        read_need(g, document_item(n, s->count), &all[s->count]);
        names[s->count] = (struct read_name){all[s->count].kind, document_item(n, s->count)};
    }
    read_unique(g, names, s->count);
    free(names);
    s->needs = all;
}

static void read_checklist(struct rule_reading *g, const struct document_node *n, struct checklist *c) {
    static const char *const keys[] = {"service", "any_of", NULL};
    if (!read_map(g, n, keys, "{service: school-place, any_of: [[{kind: …, zh: …}], …]}"))
        return;
    c->service = read_text(g, n, "service", true, 40);
    const struct document_node *list = read_list(g, n, "any_of", true, 16);
    struct evidence_set *all = rules_take(g->r, document_count(list), sizeof *all);
    for (; c->count < document_count(list); c->count++)
        read_set(g, document_item(list, c->count), &all[c->count]);
    c->sets = all;
}

void read_document_rules(struct rule_reading *g) {
    static const char *const keys[] = {"checklists", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "checklists", true, 2000);
    size_t count = document_count(list);
    struct document_rules *s = rules_take(g->r, 1, sizeof *s);
    struct checklist *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        read_checklist(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].service, document_item(list, i)};
    }
    read_unique(g, names, count);
    free(names);
    *s = (struct document_rules){g->source, all, count, g->r->checklists};
    g->r->checklists = s;
}

const struct checklist *services_checklist(const struct rules *r, const char *service) {
    for (const struct document_rules *s = r->checklists; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++)
            if (strcmp(s->checklists[i].service, service) == 0)
                return &s->checklists[i];
    return NULL;
}

static bool has(const struct evidence_need *need, const struct evidence *have, size_t count, int64_t day) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(have[i].kind, need->kind) == 0 && (need->pledge || !have[i].pledge) &&
            (need->valid_days == 0 || day - have[i].date <= need->valid_days))
            return true;
    return false;
}

static size_t lacks(const struct evidence_set *s, const struct evidence *have, size_t count, int64_t day) {
    size_t missing = 0;
    for (size_t i = 0; i < s->count; i++)
        missing += !has(&s->needs[i], have, count, day);
    return missing;
}

size_t services_nearest(const struct checklist *c, const struct evidence *have, size_t have_count, int64_t day) {
    size_t best = 0;
    for (size_t i = 1; i < c->count; i++)
        if (lacks(&c->sets[i], have, have_count, day) < lacks(&c->sets[best], have, have_count, day))
            best = i;
    return best;
}

bool services_complete(
    const struct rules *r, const char *service, const struct evidence *have, size_t have_count, int64_t day,
    const struct evidence_need *missing[], size_t room, size_t *count) {
    const struct checklist *c = services_checklist(r, service);
    const struct evidence_set *best = c == NULL || c->count == 0 ? NULL : &c->sets[services_nearest(c, have, have_count, day)];
    *count = 0;
    for (size_t i = 0; best != NULL && i < best->count; i++)
        if (!has(&best->needs[i], have, have_count, day)) {
            if (*count < room)
                missing[*count] = &best->needs[i];
            (*count)++;
        }
    return *count == 0;
}

/* ---- notices */

static void read_in_two(
    struct rule_reading *g, const struct document_node *n, const char *key, size_t most, const char **zh, const char **en) {
    static const char *const keys[] = {"zh", "en", NULL};
    const struct document_node *two = document_get(n, key);
    if (two == NULL)
        document_complain(g->d, n, g->c, "%s is missing", key);
    else if (read_map(g, two, keys, "{zh: …, en: …}"))
        read_names(g, two, most, zh, en);
}

static void read_notice(struct rule_reading *g, const struct document_node *n, struct notice *s) {
    static const char *const keys[] = {"name", "area", "from", "to", "audience", "title", "body", NULL};
    static const char *const audiences[] = {"all", "clerks", "residents", "employers", NULL};
    if (!read_map(g, n, keys, "{name: …, from: 2026-03-01, to: 2026-03-31, title: {zh: …}, body: {zh: …}}"))
        return;
    s->name = read_text(g, n, "name", true, RULE_NAME_MOST);
    if (document_get(n, "area") != NULL)
        s->where = read_area(g, document_get(n, "area"));
    read_days(g, n, &s->from, &s->to);
    if (document_get(n, "to") == NULL)
        document_complain(g->d, n, g->c, "to is missing: a notice has a last day");
    s->audience = audiences[read_choice(g, n, "audience", audiences, false, 0)];
    read_in_two(g, n, "title", RULE_WORDS_MOST, &s->title_zh, &s->title_en);
    read_in_two(g, n, "body", RULE_PROSE_MOST, &s->body_zh, &s->body_en);
}

void read_notices(struct rule_reading *g) {
    static const char *const keys[] = {"notices", NULL};
    read_top(g, keys);
    const struct document_node *list = read_list(g, g->root, "notices", true, 500);
    size_t count = document_count(list);
    struct notice_set *s = rules_take(g->r, 1, sizeof *s);
    struct notice *all = rules_take(g->r, count, sizeof *all);
    struct read_name *names = memory_zeroed(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        read_notice(g, document_item(list, i), &all[i]);
        names[i] = (struct read_name){all[i].name, document_item(list, i)};
    }
    read_unique(g, names, count);
    free(names);
    *s = (struct notice_set){g->source, all, count, g->r->notices};
    g->r->notices = s;
}

size_t notices_shown(const struct rules *r, area where, int64_t day, const struct notice *out[], size_t room) {
    size_t count = 0;
    for (const struct notice_set *s = r->notices; s != NULL; s = s->next)
        for (size_t i = 0; s->source->newest && i < s->count; i++) {
            const struct notice *n = &s->notices[i];
            if (!area_within(where, n->where) || n->from > day || day > n->to)
                continue;
            if (count < room)
                out[count] = n;
            count++;
        }
    return count;
}
