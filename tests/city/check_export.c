/* Compares what the product exports with what the independent fold expects, field by field.
 *
 *   check_export --fold FOLD.tsv --map MAP.tsv [--concurrent CONCURRENT.tsv] [--part] [--show 20] EXPORT.jsonl…
 *
 * FOLD and CONCURRENT come from fold_city. An export has one JSON object a line:
 *   {"type":"Person","key":"650203001001-P000017","deleted":false,"fields":{"name":"…"},"concurrent":["phone"]}
 * and perhaps "proposals":{"permit_no":[{"value":"…"}…]} of fields that only the hub decides: the last one stands for what an office wrote
 * (other members are not looked at; a value may be text, a number, true, false, or an object with a member "key" or "value").
 * Several exports, one an office, may hold the same record; then all must be right. Together they must hold every record of the
 * fold, unless --part says that they are only some of the offices. A deleted record may be absent or be marked.
 *
 * MAP has tab-separated lines; # begins a comment:
 *   csvtype.column       Type.field  [kind]  [key suffix]    kind: text (the default), yuan (10 is 10.00), fen (10 is 1000)
 *   csvtype.column       -                                   left out on purpose
 *   csvtype.column=VALUE text                                the product writes this text for that value
 * A column without a line is an error. Fields of the export to which no column goes are counted, not compared.
 *
 * Exit: 0 all equal, 1 differences (the first ones are listed, all are counted by kind), 2 an input cannot be used. */
#include "tests/city/city.h"

#include <getopt.h>
#include <jansson.h>

struct expectation {
    const char *type, *key, *field, *value; /* field "" stands for the record */
    const char *kind;
    bool deleted, seen, concurrent;
};

struct rule {
    const char *column, *target, *kind, *suffix;
};

enum difference { MISSING_RECORD, EXTRA_RECORD, MISSING_FIELD, EXTRA_FIELD, OTHER_VALUE, NOT_DELETED, WRONGLY_DELETED, NOT_CONCURRENT };
static const char *const difference_name[] = {
    "missing record",  "extra record",      "missing field",         "extra field",
    "different value", "should be deleted", "should not be deleted", "concurrent values in a field that one community wrote"};
enum { DIFFERENCES = sizeof difference_name / sizeof *difference_name };

struct check {
    struct pool pool;
    struct rule *rules; /* owns */
    size_t rule_count, rule_room;
    struct expectation *expected; /* owns; sorted by type, key, field */
    size_t count, room;
    size_t differences[DIFFERENCES], records, fields, unmapped, concurrent;
    unsigned show;
};

static void differ(struct check *c, enum difference kind, const char *place, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void differ(struct check *c, enum difference kind, const char *place, const char *format, ...) {
    if (c->differences[kind]++ >= c->show)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%s: %s: ", place, difference_name[kind]);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/* ---- tab-separated lines; returns the number of cells, or -1 at the end */
static int tsv_line(struct pool *pool, FILE *f, const char *cell[], int most) {
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, f);
    if (n < 0) {
        free(line);
        return -1;
    }
    int cells = 0;
    char *out = pool_take(pool, (size_t)n + 1);
    cell[cells++] = out;
    for (ssize_t i = 0; i < n && line[i] != '\n'; i++) {
        if (line[i] == '\t') {
            *out++ = '\0';
            if (cells == most)
                die("a line of tab-separated text has more than %d cells: %s", most, line);
            cell[cells++] = out;
        } else if (line[i] == '\\' && strchr("tnr\\", line[i + 1]) != NULL) {
            i++;
            *out++ = line[i] == 't' ? '\t' : line[i] == 'n' ? '\n' : line[i] == 'r' ? '\r' : '\\';
        } else {
            *out++ = line[i];
        }
    }
    *out = '\0';
    free(line);
    return cells;
}

static FILE *file_open(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die("%s: %s", path, strerror(errno));
    return f;
}

/* ---- the map */
static void map_read(struct check *c, const char *path) {
    FILE *f = file_open(path);
    const char *cell[4];
    for (int n; (n = tsv_line(&c->pool, f, cell, 4)) >= 0;) {
        if (cell[0][0] == '#' || cell[0][0] == '\0')
            continue;
        if (n < 2)
            die("%s: %s has no target; write - to leave it out", path, cell[0]);
        c->rules = array_grow(c->rules, c->rule_count, &c->rule_room, sizeof *c->rules);
        c->rules[c->rule_count++] = (struct rule){cell[0], cell[1], n > 2 ? cell[2] : "text", n > 3 ? cell[3] : ""};
    }
    fclose(f);
}

static const struct rule *map_find(const struct check *c, const char *column) {
    for (size_t i = 0; i < c->rule_count; i++)
        if (strcmp(c->rules[i].column, column) == 0)
            return &c->rules[i];
    return NULL;
}

/* ---- expectations */
static int expectation_order(const void *x, const void *y) {
    const struct expectation *a = x, *b = y;
    int r = strcmp(a->type, b->type);
    r = r != 0 ? r : strcmp(a->key, b->key);
    return r != 0 ? r : strcmp(a->field, b->field);
}

static struct expectation *find(const struct check *c, const char *type, const char *key, const char *field) {
    struct expectation wanted = {.type = type, .key = key, .field = field};
    return bsearch(&wanted, c->expected, c->count, sizeof wanted, expectation_order);
}

static void expect(struct check *c, struct expectation e) {
    c->expected = array_grow(c->expected, c->count, &c->room, sizeof *c->expected);
    c->expected[c->count++] = e;
}

/* The place in the product where a column goes: type, key, field. False when it is left out on purpose. */
static bool place(struct check *c, const char *type, const char *record, const char *field, struct expectation *out) {
    const struct rule *r = map_find(c, text_make(&c->pool, "%s.%s", type, field));
    if (r == NULL)
        die("the map has no line for %s.%s", type, field);
    if (strcmp(r->target, "-") == 0)
        return false;
    const char *dot = strchr(r->target, '.');
    if (dot == NULL)
        die("the map's target %s is not of the form Type.field", r->target);
    *out = (struct expectation){
        .type = text_copy(&c->pool, r->target, (size_t)(dot - r->target)),
        .key = text_make(&c->pool, "%s%s", record, r->suffix),
        .field = dot + 1,
        .kind = r->kind,
    };
    return true;
}

/* Every (type, key) of the fold becomes one line with the field "" as well; its delete goes to all parts of a split row. */
static void fold_read(struct check *c, const char *path) {
    FILE *f = file_open(path);
    struct {
        const char *type, *key;
    } *deleted = NULL;
    size_t deleted_count = 0, deleted_room = 0;
    const char *cell[4];
    for (int n; (n = tsv_line(&c->pool, f, cell, 4)) >= 0;) {
        struct expectation e;
        if (n != 4)
            die("%s: a line has %d cells, not 4: this is no output of fold_city", path, n);
        if (strcmp(cell[2], "deleted") == 0) {
            deleted = array_grow(deleted, deleted_count, &deleted_room, sizeof *deleted);
            deleted[deleted_count].type = cell[0];
            deleted[deleted_count++].key = cell[1];
            continue;
        }
        if (!place(c, cell[0], cell[1], cell[2], &e))
            continue;
        const struct rule *value = map_find(c, text_make(&c->pool, "%s.%s=%s", cell[0], cell[2], cell[3]));
        e.value = value == NULL ? cell[3] : value->target;
        expect(c, e);
        e.field = "";
        expect(c, e);
    }
    fclose(f);
    qsort(c->expected, c->count, sizeof *c->expected, expectation_order);
    size_t kept = 0; /* a record's own line came once for each of its fields */
    for (size_t i = 0; i < c->count; i++)
        if (i == 0 || expectation_order(&c->expected[kept - 1], &c->expected[i]) != 0)
            c->expected[kept++] = c->expected[i];
    c->count = kept;
    for (size_t i = 0; i < deleted_count; i++)
        for (size_t k = 0; k < c->rule_count; k++) {
            const char *column = c->rules[k].column;
            size_t n = strlen(deleted[i].type);
            struct expectation at, *e;
            if (strncmp(column, deleted[i].type, n) != 0 || column[n] != '.' || strchr(column, '=') != NULL)
                continue;
            if (place(c, deleted[i].type, deleted[i].key, column + n + 1, &at) && (e = find(c, at.type, at.key, "")) != NULL)
                e->deleted = true;
        }
    free(deleted);
}

static void concurrent_read(struct check *c, const char *path) {
    FILE *f = file_open(path);
    const char *cell[6];
    for (int n; (n = tsv_line(&c->pool, f, cell, 6)) >= 0;) {
        struct expectation at, *e;
        if (n != 6)
            die("%s: a line has %d cells, not 6: this is no output of fold_city --concurrent", path, n);
        if (strcmp(cell[2], "deleted") != 0 && place(c, cell[0], cell[1], cell[2], &at) && (e = find(c, at.type, at.key, at.field)) != NULL)
            e->concurrent = true;
    }
    fclose(f);
}

/* ---- values */
static const char *json_text(struct check *c, const json_t *v) {
    if (json_is_string(v))
        return json_string_value(v);
    if (json_is_integer(v))
        return text_make(&c->pool, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? "true" : "false";
    if (json_is_object(v)) {
        const json_t *inner = json_object_get(v, "key");
        return json_text(c, inner != NULL ? inner : json_object_get(v, "value"));
    }
    if (v == NULL || json_is_null(v))
        return "";
    char *dump = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    if (dump == NULL)
        die("out of memory");
    const char *text = text_copy(&c->pool, dump, strlen(dump));
    free(dump);
    return text;
}

static bool same_value(struct check *c, const struct expectation *e, const char *got) {
    if (strcmp(e->value, got) == 0)
        return true;
    if (strcmp(e->kind, "yuan") == 0)
        return strcmp(text_make(&c->pool, "%s.00", e->value), got) == 0 || strcmp(text_make(&c->pool, "%s.0", e->value), got) == 0;
    if (strcmp(e->kind, "fen") == 0)
        return strcmp(text_make(&c->pool, "%s00", strcmp(e->value, "0") == 0 ? "" : e->value), got) == 0 ||
               (strcmp(e->value, "0") == 0 && strcmp(got, "0") == 0);
    return false;
}

/* Is there a column that goes to this field? */
static bool is_mapped(const struct check *c, const char *type, const char *field) {
    for (size_t i = 0; i < c->rule_count; i++) {
        const char *dot = strchr(c->rules[i].target, '.');
        if (strchr(c->rules[i].column, '=') == NULL && dot != NULL && strncmp(c->rules[i].target, type, strlen(type)) == 0 &&
            strlen(type) == (size_t)(dot - c->rules[i].target) && strcmp(dot + 1, field) == 0)
            return true;
    }
    return false;
}

static bool is_type_mapped(const struct check *c, const char *type) {
    for (size_t i = 0; i < c->rule_count; i++)
        if (strncmp(c->rules[i].target, type, strlen(type)) == 0 && c->rules[i].target[strlen(type)] == '.')
            return true;
    return false;
}

/* ---- one record of an export */
static void check_fields(struct check *c, const char *where, const char *type, const char *key, json_t *fields) {
    const char *field;
    json_t *value;
    json_object_foreach(fields, field, value) {
        const char *got = json_text(c, value);
        struct expectation *e = find(c, type, key, field);
        if (e == NULL) {
            if (!is_mapped(c, type, field))
                c->unmapped++;
            else if (got[0] != '\0')
                differ(c, EXTRA_FIELD, where, "%s %s %s is '%s', expected none", type, key, field, got);
            continue;
        }
        c->fields++;
        e->seen = true;
        if (!same_value(c, e, got))
            differ(c, OTHER_VALUE, where, "%s %s %s is '%s', expected '%s'", type, key, field, got, e->value);
    }
    struct expectation *first = find(c, type, key, "");
    for (struct expectation *e = first + 1; e < c->expected + c->count && strcmp(e->key, key) == 0 && strcmp(e->type, type) == 0; e++)
        if (json_object_get(fields, e->field) == NULL)
            differ(c, MISSING_FIELD, where, "%s %s %s, expected '%s'", type, key, e->field, e->value);
}

/* What offices wrote into fields of the hub's, where the hub says nothing. */
static void take_proposals(json_t *fields, json_t *proposals) {
    const char *field;
    json_t *list;
    json_object_foreach(proposals, field, list) {
        if (json_object_get(fields, field) == NULL && json_array_size(list) > 0)
            json_object_set(fields, field, json_object_get(json_array_get(list, json_array_size(list) - 1), "value"));
    }
}

static void check_record(struct check *c, const char *where, json_t *record, bool concurrent_known) {
    const char *type = json_string_value(json_object_get(record, "type")), *key = json_string_value(json_object_get(record, "key"));
    json_t *fields = json_object_get(record, "fields"), *concurrent = json_object_get(record, "concurrent");
    if (type == NULL || !json_is_object(fields))
        die("%s: a record has no \"type\" or no \"fields\"", where);
    take_proposals(fields, json_object_get(record, "proposals"));
    if (!is_type_mapped(c, type))
        return; /* policies, staff, reviews: not the city's CSV files */
    bool deleted = json_is_true(json_object_get(record, "deleted"));
    struct expectation *e = key == NULL ? NULL : find(c, type, key, "");
    if (e == NULL) {
        if (!deleted)
            differ(c, EXTRA_RECORD, where, "%s %s", type, key == NULL ? "without a key" : key);
        return;
    }
    c->records++;
    e->seen = true;
    if (e->deleted != deleted)
        differ(c, deleted ? WRONGLY_DELETED : NOT_DELETED, where, "%s %s", type, key);
    if (deleted && json_object_size(fields) == 0)
        return;
    check_fields(c, where, type, key, fields);
    size_t i;
    json_t *name;
    json_array_foreach(concurrent, i, name) {
        const struct expectation *at = find(c, type, key, json_text(c, name));
        c->concurrent++;
        if (concurrent_known && (at == NULL || !at->concurrent) && is_mapped(c, type, json_text(c, name)))
            differ(c, NOT_CONCURRENT, where, "%s %s %s", type, key, json_text(c, name));
    }
}

static void export_read(struct check *c, const char *path, bool concurrent_known) {
    FILE *f = file_open(path);
    char *line = NULL;
    size_t room = 0;
    for (unsigned n = 1; getline(&line, &room, f) >= 0; n++) {
        json_error_t error;
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(record))
            die("%s:%u: no JSON object: %s", path, n, error.text);
        check_record(c, path, record, concurrent_known);
        json_decref(record);
    }
    free(line);
    fclose(f);
}

static unsigned long report(struct check *c, bool part) {
    for (size_t i = 0; i < c->count && !part; i++) {
        const struct expectation *e = &c->expected[i];
        if (e->field[0] == '\0' && !e->seen && !e->deleted)
            differ(c, MISSING_RECORD, "all exports", "%s %s", e->type, e->key);
    }
    unsigned long all = 0;
    for (size_t k = 0; k < DIFFERENCES; k++) {
        all += c->differences[k];
        if (c->differences[k] > c->show)
            printf("… and %zu more of: %s\n", c->differences[k] - c->show, difference_name[k]);
    }
    size_t records = 0;
    for (size_t i = 0; i < c->count; i++)
        records += c->expected[i].field[0] == '\0';
    printf(
        "export: %zu records of %zu expected, %zu fields compared, %zu of no column, %zu concurrent\n", c->records, records, c->fields,
        c->unmapped, c->concurrent);
    for (size_t k = 0; k < DIFFERENCES; k++)
        if (c->differences[k] > 0)
            printf("%s: %zu\n", difference_name[k], c->differences[k]);
    printf("differences: %lu\n", all);
    return all;
}

static void usage(void) {
    die("usage: check_export --fold FOLD.tsv --map MAP.tsv [--concurrent CONCURRENT.tsv] [--part] [--show 20] EXPORT.jsonl…");
}

int main(int argc, char **argv) {
    enum { FOLD = 1, MAP, CONCURRENT, PART, SHOW };
    static const struct option options[] = {
        {"fold", required_argument, NULL, FOLD},
        {"map", required_argument, NULL, MAP},
        {"concurrent", required_argument, NULL, CONCURRENT},
        {"part", no_argument, NULL, PART},
        {"show", required_argument, NULL, SHOW},
        {NULL, 0, NULL, 0},
    };
    struct check c = {.show = 20};
    const char *fold = NULL, *map = NULL, *concurrent = NULL;
    bool part = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == FOLD)
            fold = optarg;
        else if (o == MAP)
            map = optarg;
        else if (o == CONCURRENT)
            concurrent = optarg;
        else if (o == PART)
            part = true;
        else if (o == SHOW)
            c.show = (unsigned)strtoul(optarg, NULL, 10);
        else
            usage();
    }
    if (fold == NULL || map == NULL || optind == argc)
        usage();
    map_read(&c, map);
    fold_read(&c, fold);
    if (concurrent != NULL)
        concurrent_read(&c, concurrent);
    for (int i = optind; i < argc; i++)
        export_read(&c, argv[i], concurrent != NULL);
    unsigned long all = report(&c, part);
    free(c.rules);
    free(c.expected);
    pool_close(&c.pool);
    return all == 0 ? 0 : 1;
}
