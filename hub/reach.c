/* Which policies there are, what a file would change, and how far each version has come: an office has taken up what its cursor has passed,
 * since the transaction that lays a policy takes it into the book, unless its signed report says that it refused it. */
#include "hub/policy.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/model/office.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct office_row {
    uint32_t node;
    area areas[LIMIT_AREAS];
    size_t area_count;
    struct buffer name; /* owns */
};

struct reach {
    struct question ask; /* first */
    struct policy_shelf shelf;
    struct office_row *offices; /* owns */
    size_t office_count;
    struct buffer what, name, text, kind; /* own; text: of a preview */
    area scope;
    bool any_scope, all;
    int64_t version; /* 0: the one in force, else the newest */
    struct policy header;
};

static int each_office(void *owner, const struct record *r) {
    struct reach *x = owner;
    struct value v;
    struct office_row o = {.node = 0};
    const struct head *name = field_winner(record_field(r, OFFICE_NAME));
    if (!office_node(r, &o.node) || !office_areas(r, o.areas, &o.area_count))
        return 0;
    if (name != NULL && value_unpack(name->value, &v))
        buffer_add(&o.name, v.text);
    x->offices = memory_resize(x->offices, (x->office_count + 1) * sizeof *x->offices);
    x->offices[x->office_count++] = o;
    return 0;
}

static void look(struct question *a, struct txn *state, struct txn *log) {
    struct reach *x = (struct reach *)a;
    (void)log;
    policy_shelf_of_hub(state, &x->shelf, &a->read.damaged);
    hub_records(state, TYPE_OFFICE, each_office, x, &a->read.damaged);
}

static void reach_free(struct reach *x) {
    for (size_t i = 0; i < x->office_count; i++)
        buffer_close(&x->offices[i].name);
    free(x->offices);
    x->offices = NULL;
    x->office_count = 0;
    policy_shelf_close(&x->shelf);
    buffer_close(&x->what);
    buffer_close(&x->name);
    buffer_close(&x->text);
    buffer_close(&x->kind);
}

/* ---- one office and one version */

enum reached { REACH_NONE /* not in its scope */, REACH_PENDING, REACH_TAKEN, REACH_REFUSED };
static const char *const reach_names[] = {"elsewhere", "pending", "applied", "refused"};

static bool in_scope(const struct office_row *o, area scope) {
    for (size_t i = 0; i < o->area_count; i++)
        if (area_within(o->areas[i], scope))
            return true;
    return false;
}

static enum reached reached(const struct reach *x, const struct office_row *o, size_t version, enum policy_fault *fault) {
    const struct hub_peer *p = hub_engine_peer_of(x->ask.city->engine, o->node);
    const struct shelf_mark *mark = &x->shelf.marks[version];
    *fault = POLICY_GOOD;
    if (p == NULL || p->link.revoked || p->link.retired || !in_scope(o, x->shelf.taken[version].scope))
        return REACH_NONE;
    const struct book_say *book = &p->link.last.book;
    for (size_t i = 0; i < book->count && i < BOOK_NAMES; i++)
        if (memcmp(book->refused[i].id.b, mark->id.b, sizeof mark->id.b) == 0) {
            *fault = (enum policy_fault)book->refused[i].fault;
            return REACH_REFUSED;
        }
    uint64_t at = p->link.at > p->link.last.at ? p->link.at : p->link.last.at;
    return at >= mark->row ? REACH_TAKEN : REACH_PENDING;
}

/* ---- the lists */

static const char *state_of(const struct reach *x, size_t i, int64_t day) {
    const struct policy *p = &x->shelf.taken[i];
    if (p->ended)
        return policy_begun(p, x->shelf.taken, x->shelf.count, day) ? "ended" : "over";
    if (policy_begun(p, x->shelf.taken, x->shelf.count, day)) {
        for (size_t k = 0; k < x->shelf.count; k++) {
            const struct policy *o = &x->shelf.taken[k];
            if (o->scope == p->scope && o->version > p->version && bytes_equal(o->kind, p->kind) && bytes_equal(o->name, p->name) &&
                policy_begun(o, x->shelf.taken, x->shelf.count, day))
                return "over";
        }
        return "active";
    }
    if (p->from <= day)
        return "over";
    for (size_t k = 0; k < x->shelf.count; k++) { /* a later version may begin no later than it and replace it before it ever counts */
        const struct policy *o = &x->shelf.taken[k];
        if (o->scope == p->scope && bytes_equal(o->kind, p->kind) && bytes_equal(o->name, p->name) && o->supersedes >= p->version &&
            o->from <= p->from)
            return "over";
    }
    return "staged";
}

static json_t *day_json(int64_t day) {
    struct buffer b = {0};
    if (day == POLICY_NEVER)
        return json_string("");
    value_text(&(struct value){.kind = VALUE_DATE, .number = day}, &b);
    json_t *t = json_string(buffer_string(&b));
    buffer_close(&b);
    return t;
}

static json_t *row_of(const struct reach *x, size_t i) {
    const struct policy *p = &x->shelf.taken[i];
    char scope[AREA_TEXT], id[ID_HEX];
    size_t n[4] = {0};
    enum policy_fault fault;
    for (size_t k = 0; k < x->office_count; k++)
        n[reached(x, &x->offices[k], i, &fault)]++;
    return json_pack(
        "{s:s#, s:s#, s:s, s:I, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:b, s:s#, s:I, s:s}", "kind", (const char *)p->kind.at,
        (int)p->kind.len, "name", (const char *)p->name.at, (int)p->name.len, "scope", area_text(p->scope, scope), "version",
        (json_int_t)p->version, "from", day_json(p->from), "to", day_json(p->to), "state", state_of(x, i, city_day(clock_wall())),
        "applied", (json_int_t)(n[REACH_TAKEN]), "of",
        (json_int_t)n[REACH_TAKEN] + (json_int_t)n[REACH_PENDING] + (json_int_t)n[REACH_REFUSED], "pending", (json_int_t)n[REACH_PENDING],
        "refused", (json_int_t)n[REACH_REFUSED], "applies_to_open", p->open, "legal_basis",
        p->basis.len == 0 ? "" : (const char *)p->basis.at, (int)p->basis.len, "hub_seq", (json_int_t)x->shelf.marks[i].row, "id",
        id_hex(&x->shelf.marks[i].id, id));
}

static int by_name(const struct policy *a, const struct policy *b) {
    int r = bytes_compare(a->kind, b->kind);
    if (r == 0)
        r = bytes_compare(a->name, b->name);
    if (r == 0)
        r = (a->scope > b->scope) - (a->scope < b->scope);
    return r != 0 ? r : (a->version > b->version) - (a->version < b->version);
}

/* Indexes in the order of kind, name, scope, version. */
static size_t *sorted(const struct reach *x) {
    size_t *order = memory_zeroed(x->shelf.count + 1, sizeof *order);
    for (size_t i = 0; i < x->shelf.count; i++) {
        size_t at = i;
        for (; at > 0 && by_name(&x->shelf.taken[order[at - 1]], &x->shelf.taken[i]) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return order;
}

static bool is_target(const struct reach *x, const struct policy *p) {
    return bytes_equal(p->kind, buffer_bytes((struct buffer *)(uintptr_t)&x->what)) &&
           bytes_equal(p->name, buffer_bytes((struct buffer *)(uintptr_t)&x->name)) && (x->any_scope || p->scope == x->scope);
}

static void finish_list(struct question *a) {
    struct reach *x = (struct reach *)a;
    size_t *order = sorted(x);
    for (size_t i = 0; i < x->shelf.count; i++)
        if (x->all || strcmp(state_of(x, order[i], city_day(clock_wall())), "over") != 0)
            json_array_append_new(a->rows, row_of(x, order[i]));
    free(order);
    reach_free(x);
}

void cmd_policies(void *owner, struct request *q) {
    struct reach *x = question_of(owner, q, sizeof *x, look);
    x->all = request_flag(q, "all");
    x->ask.finish = finish_list;
    question_submit(&x->ask);
}

/* ---- one policy */

/* The version that was asked for, else the one in force, else the newest; SIZE_MAX: there is none. */
static size_t find_version(const struct reach *x) {
    size_t best = SIZE_MAX;
    int64_t day = city_day(clock_wall());
    for (size_t i = 0; i < x->shelf.count; i++) {
        const struct policy *p = &x->shelf.taken[i];
        if (!is_target(x, p) || (x->version != 0 && p->version != x->version))
            continue;
        bool begun = policy_begun(p, x->shelf.taken, x->shelf.count, day);
        bool best_begun = best != SIZE_MAX && policy_begun(&x->shelf.taken[best], x->shelf.taken, x->shelf.count, day);
        if (best == SIZE_MAX || (begun && !best_begun) || (begun == best_begun && p->version > x->shelf.taken[best].version))
            best = i;
    }
    return best;
}

static struct reach *reach_of(struct city *c, struct request *q) {
    const char *id = request_text(q, "policy"), *scope = request_text(q, "scope"), *version = request_text(q, "version");
    const char *slash = id == NULL ? NULL : strchr(id, '/');
    struct reach *x = question_of(c, q, sizeof *x, look);
    if (slash == NULL) {
        question_refuse(&x->ask, "bad_request", "`anjuctl policies` lists them", "which policy? KIND/NAME");
        return NULL;
    }
    if (scope != NULL && !area_parse(bytes_text(scope), &x->scope)) {
        question_refuse(&x->ask, "bad_request", "", "--scope is a division code of 2, 4, 6, 9 or 12 digits");
        return NULL;
    }
    buffer_add(&x->what, bytes_of(id, (size_t)(slash - id)));
    buffer_text(&x->name, slash + 1);
    x->any_scope = scope == NULL;
    x->version = version == NULL ? 0 : strtoll(version, NULL, 10);
    return x;
}

static void no_such(struct question *a) {
    question_fail(a, "not_found", "`anjuctl policies --all` lists all versions", "there is no such policy, scope or version");
}

static void finish_show(struct question *a) {
    struct reach *x = (struct reach *)a;
    size_t best = find_version(x);
    if (best == SIZE_MAX) {
        no_such(a);
    } else {
        json_t *row = row_of(x, best), *versions = json_array();
        const struct policy *p = &x->shelf.taken[best];
        size_t *order = sorted(x);
        for (size_t i = 0; i < x->shelf.count; i++)
            if (is_target(x, &x->shelf.taken[order[i]])) {
                char scope[AREA_TEXT];
                const struct policy *v = &x->shelf.taken[order[i]];
                json_array_append_new(
                    versions,
                    json_pack(
                        "{s:s, s:I, s:o, s:o, s:s}", "scope", area_text(v->scope, scope), "version", (json_int_t)v->version, "from",
                        day_json(v->from), "to", day_json(v->to), "state", state_of(x, order[i], city_day(clock_wall()))));
            }
        free(order);
        json_object_set_new(row, "versions", versions);
        json_t *body = json_stringn(p->body.len == 0 ? "" : (const char *)p->body.at, p->body.len);
        json_object_set_new(row, "text", body == NULL ? json_string("(not a text)") : body);
        json_array_append_new(a->rows, row);
    }
    reach_free(x);
}

void cmd_policy_show(void *owner, struct request *q) {
    struct reach *x = reach_of(owner, q);
    if (x == NULL)
        return;
    x->ask.one = true;
    x->ask.finish = finish_show;
    question_submit(&x->ask);
}

static void finish_who(struct question *a) {
    struct reach *x = (struct reach *)a;
    size_t best = find_version(x);
    if (best == SIZE_MAX)
        no_such(a);
    for (size_t i = 0; best != SIZE_MAX && i < x->office_count; i++) {
        enum policy_fault fault;
        enum reached r = reached(x, &x->offices[i], best, &fault);
        if (r != REACH_NONE)
            json_array_append_new(
                a->rows, json_pack(
                             "{s:I, s:s, s:s, s:s, s:I}", "node", (json_int_t)x->offices[i].node, "name",
                             buffer_string(&x->offices[i].name), "state", reach_names[r], "fault",
                             r == REACH_REFUSED ? policy_fault_text(fault) : "", "version", (json_int_t)x->shelf.taken[best].version));
    }
    reach_free(x);
}

void cmd_policy_who(void *owner, struct request *q) {
    struct reach *x = reach_of(owner, q);
    if (x == NULL)
        return;
    x->ask.finish = finish_who;
    question_submit(&x->ask);
}

/* ---- preview: lines of the new text that today's has not, and the other way round */

static void say_line(json_t *rows, const char *mark, struct bytes line) {
    json_array_append_new(rows, json_pack("{s:s, s:s#}", "line", mark, "text", line.len == 0 ? "" : (const char *)line.at, (int)line.len));
}

static void say_text(json_t *rows, const char *what, struct buffer *text) {
    say_line(rows, what, buffer_bytes(text));
    buffer_clear(text);
}

static void differ(json_t *rows, struct bytes from, struct bytes in, const char *mark) {
    struct bytes line;
    while (policy_line(&from, &line))
        if (!policy_has_line(in, line))
            say_line(rows, mark, line);
}

static void finish_preview(struct question *a) {
    struct reach *x = (struct reach *)a;
    CLEANUP(buffer_close) struct buffer b = {0};
    char scope[AREA_TEXT];
    size_t offices = 0;
    int64_t day = city_day(clock_wall());
    const struct policy *now =
        policy_in_force(x->shelf.taken, x->shelf.count, buffer_bytes(&x->what), buffer_bytes(&x->name), x->scope, day);
    buffer_add(&b, buffer_bytes(&x->what));
    buffer_text(&b, "/");
    buffer_add(&b, buffer_bytes(&x->name));
    say_text(a->rows, "policy", &b);
    buffer_text(&b, x->scope == AREA_CITY ? "the whole city" : area_text(x->scope, scope));
    say_text(a->rows, "scope", &b);
    for (size_t i = 0; i < x->office_count; i++)
        if (in_scope(&x->offices[i], x->scope)) {
            offices++;
            buffer_format(&b, "%u %s", x->offices[i].node, buffer_string(&x->offices[i].name));
            say_text(a->rows, "office", &b);
        }
    buffer_format(&b, "%zu", offices);
    say_text(a->rows, "offices", &b);
    value_text(&(struct value){.kind = VALUE_DATE, .number = x->header.from}, &b);
    say_text(a->rows, "from", &b);
    if (x->header.to != POLICY_NEVER) {
        value_text(&(struct value){.kind = VALUE_DATE, .number = x->header.to}, &b);
        say_text(a->rows, "to", &b);
    }
    if (now == NULL)
        buffer_text(&b, "there is none today");
    else
        buffer_format(
            &b, "version %" PRId64 " of %s", now->version, now->scope == AREA_CITY ? "the whole city" : area_text(now->scope, scope));
    say_text(a->rows, "instead of", &b);
    differ(a->rows, now == NULL ? (struct bytes){NULL, 0} : now->body, buffer_bytes(&x->text), "-");
    differ(a->rows, buffer_bytes(&x->text), now == NULL ? (struct bytes){NULL, 0} : now->body, "+");
    reach_free(x);
}

void cmd_policy_preview(void *owner, struct request *q) {
    struct reach *x = question_of(owner, q, sizeof *x, look);
    struct complaints wrong = {.count = 0};
    const char *text = request_text(q, "file");
    struct document *d = text == NULL ? NULL : document_read("policy", bytes_text(text), &wrong);
    if (d == NULL || !policy_header(d, city_day(clock_wall()), &x->header, &wrong)) {
        question_refuse(&x->ask, "bad_request", "correct the file", text == NULL ? "which policy?" : buffer_string(&wrong.text));
    } else {
        buffer_add(&x->what, x->header.kind);
        buffer_add(&x->name, x->header.name);
        buffer_text(&x->text, text);
        x->scope = x->header.scope;
        x->ask.finish = finish_preview;
        question_submit(&x->ask);
    }
    document_free(d);
    complaints_close(&wrong);
}
