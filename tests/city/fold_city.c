/* The independent fold of a city: what every field must hold once all edit logs have been replayed and merged, computed from the
 * CSV files alone. It knows nothing of versions, heads or feeds: a field's value is the write with the latest time, and of one
 * instant the later community in communities.csv, then the later line. A set of an empty value clears the field. A deleted record
 * stays in the output, with its fields, and is marked.
 *
 *   fold_city CITY [--tsv FILE] [--summary FILE] [--concurrent FILE] [--late FILE] [--check-linkage]
 *
 *   --tsv         type, record_id, field, value; sorted; without the columns that the product refuses   (default: standard output)
 *   --summary     counts, one `name value` a line                                                        (default: standard error)
 *   --concurrent  type, record_id, field, community, time, value: the last write of every community, for each field that two or
 *                 more communities wrote in their logs. Only these may hold concurrent values, and only of these values.
 *   --late        community, seq, time: log lines that were replayed later than they say (edits that waited for an adopted record)
 *   --check-linkage   compare person records with CITY/linkage/records.csv; differences are listed, exit 1. Where a line of --late
 *                     wrote the field the two may differ: that is counted, not a difference
 *
 * Exit: 0 good, 1 differences, 2 the city is no city (a line edits a record that its community does not hold, a wrong header, …). */
#include "tests/city/city.h"

#include <getopt.h>
#include <limits.h>

static const char *const types[] = {"person", "residence", "employment", "child", "insurance", "training", "dispute", "wage_claim"};
enum { TYPES = sizeof types / sizeof *types };
static const char *const refused[] = {"native_place"}; /* the product never stores it */

struct write {
    const char *type, *record, *field, *value; /* field "" says that the record exists, "deleted" is a delete's */
    const char *time;                          /* "" before the first day: sorts first */
    unsigned community, seq;
    bool late; /* replayed later than its line says */
};

struct counts {
    unsigned initial[TYPES], created[TYPES], adopted[TYPES], deleted[TYPES], delete_lines[TYPES], sets[TYPES];
};

struct fold {
    struct pool pool;
    const char *city;
    struct table communities, late;
    struct write *writes; /* owns */
    size_t count, room;
    struct write *held; /* owns; who holds which record: create and adopt lines, initial rows */
    size_t held_count, held_room;
    struct counts counts;
};

static unsigned type_number(const char *name, const char *path) {
    for (unsigned i = 0; i < TYPES; i++)
        if (strcmp(types[i], name) == 0)
            return i;
    die("%s: unknown record type %s", path, name);
}

static void write_add(struct fold *f, struct write w) {
    f->writes = array_grow(f->writes, f->count, &f->room, sizeof *f->writes);
    f->writes[f->count++] = w;
}

static void held_add(struct fold *f, struct write w) {
    f->held = array_grow(f->held, f->held_count, &f->held_room, sizeof *f->held);
    f->held[f->held_count++] = w;
}

/* ---- order */
static int write_order(const void *x, const void *y) {
    const struct write *a = x, *b = y;
    int r = strcmp(a->type, b->type);
    r = r != 0 ? r : strcmp(a->record, b->record);
    r = r != 0 ? r : strcmp(a->field, b->field);
    r = r != 0 ? r : strcmp(a->time, b->time);
    r = r != 0 ? r : (a->community > b->community) - (a->community < b->community);
    return r != 0 ? r : (a->seq > b->seq) - (a->seq < b->seq);
}

static int held_order(const void *x, const void *y) {
    const struct write *a = x, *b = y;
    int r = strcmp(a->record, b->record);
    r = r != 0 ? r : strcmp(a->type, b->type);
    return r != 0 ? r : (a->community > b->community) - (a->community < b->community);
}

static bool same_field(const struct write *a, const struct write *b) {
    return strcmp(a->type, b->type) == 0 && strcmp(a->record, b->record) == 0 && strcmp(a->field, b->field) == 0;
}

/* ---- reading */
static void read_initial(struct fold *f, unsigned community, const char *code, unsigned type) {
    const char *path = text_make(&f->pool, "%s/%s/%s.csv", f->city, code, types[type]);
    struct table t = table_read(&f->pool, path);
    if (strcmp(table_name(&t, 0), "record_id") != 0)
        die("%s: the first column must be record_id", path);
    for (size_t row = 0; row < t.rows; row++) {
        struct write w = {
            .type = types[type], .record = table_at(&t, row, 0), .field = "", .value = "", .time = "", .community = community};
        write_add(f, w);
        held_add(f, w);
        f->counts.initial[type]++;
        for (size_t column = 1; column < t.columns; column++) {
            w.field = table_name(&t, column);
            w.value = table_at(&t, row, column);
            write_add(f, w);
        }
    }
    table_close(&t);
}

static const char *line_time(const struct fold *f, const char *code, const char *seq, const char *time) {
    for (size_t row = 0; row < f->late.rows; row++)
        if (strcmp(table_at(&f->late, row, 0), code) == 0 && strcmp(table_at(&f->late, row, 1), seq) == 0)
            return table_at(&f->late, row, 2);
    return time;
}

static void check_time(const char *path, const char *time) {
    /* One form and one zone: then the order of the texts is the order of time. */
    if (strlen(time) != 25 || strcmp(time + 19, "+08:00") != 0 || time[10] != 'T')
        die("%s: the time %s is not of the form 2025-03-03T09:49:51+08:00", path, time);
}

static void read_log(struct fold *f, unsigned community, const char *code) {
    const char *path = text_make(&f->pool, "%s/%s/edits.csv", f->city, code);
    struct table t = table_read(&f->pool, path);
    size_t seq = table_column(&t, "seq"), time = table_column(&t, "time"), op = table_column(&t, "op");
    size_t type = table_column(&t, "record_type"), id = table_column(&t, "record_id");
    size_t field = table_column(&t, "field"), value = table_column(&t, "new_value");
    for (size_t row = 0; row < t.rows; row++) {
        unsigned kind = type_number(table_at(&t, row, type), path);
        const char *what = table_at(&t, row, op);
        check_time(path, table_at(&t, row, time));
        struct write w = {
            .type = types[kind],
            .record = table_at(&t, row, id),
            .field = "",
            .value = "",
            .time = line_time(f, code, table_at(&t, row, seq), table_at(&t, row, time)),
            .community = community,
            .seq = (unsigned)strtoul(table_at(&t, row, seq), NULL, 10),
        };
        w.late = strcmp(w.time, table_at(&t, row, time)) != 0;
        if (w.seq != row + 1)
            die("%s: line %zu has seq %u, expected %zu", path, row + 2, w.seq, row + 1);
        if (strcmp(what, "create") == 0) {
            f->counts.created[kind]++;
            write_add(f, w);
            held_add(f, w);
        } else if (strcmp(what, "adopt") == 0) {
            f->counts.adopted[kind]++;
            held_add(f, w);
        } else if (strcmp(what, "delete") == 0) {
            f->counts.delete_lines[kind]++;
            w.field = "deleted";
            w.value = "1";
            write_add(f, w);
        } else if (strcmp(what, "set") == 0) {
            f->counts.sets[kind]++;
            w.field = table_at(&t, row, field);
            w.value = table_at(&t, row, value);
            write_add(f, w);
        } else {
            die("%s: line %zu: unknown op %s", path, row + 2, what);
        }
    }
    table_close(&t);
}

/* Every edit must be of a record that its community holds by then, and a record begins once. */
static void check_held(const struct fold *f) {
    for (size_t i = 0; i < f->count; i++) {
        const struct write *w = &f->writes[i];
        const struct write *h = bsearch(w, f->held, f->held_count, sizeof *h, held_order);
        if (h == NULL || strcmp(h->time, w->time) > 0)
            die("community %s, seq %u: edits %s %s, which it does not hold then", table_at(&f->communities, w->community, 0), w->seq,
                w->type, w->record);
        if (w->field[0] == '\0' && i > 0 && same_field(w, w - 1))
            die("%s %s begins twice", w->type, w->record);
    }
}

/* One past the last write of the field whose first write is at; the writes are sorted. */
static size_t field_end(const struct fold *f, size_t at) {
    size_t end = at + 1;
    while (end < f->count && same_field(&f->writes[at], &f->writes[end]))
        end++;
    return end;
}

static void read_city(struct fold *f) {
    f->communities = table_read(&f->pool, text_make(&f->pool, "%s/communities.csv", f->city));
    for (unsigned c = 0; c < f->communities.rows; c++) {
        const char *code = table_at(&f->communities, c, 0);
        for (unsigned type = 0; type < TYPES; type++)
            read_initial(f, c, code, type);
        read_log(f, c, code);
    }
    qsort(f->writes, f->count, sizeof *f->writes, write_order);
    qsort(f->held, f->held_count, sizeof *f->held, held_order);
    check_held(f);
    for (size_t at = 0, end; at < f->count; at = end) {
        end = field_end(f, at);
        if (strcmp(f->writes[at].field, "deleted") == 0)
            f->counts.deleted[type_number(f->writes[at].type, "fold")]++;
    }
}

/* ---- what comes out */

static bool is_refused(const char *field) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(field, refused[i]) == 0)
            return true;
    return false;
}

static void put_state(const struct fold *f, FILE *out) {
    for (size_t at = 0, end; at < f->count; at = end) {
        end = field_end(f, at);
        const struct write *w = &f->writes[end - 1];
        if (w->value[0] == '\0' || is_refused(w->field))
            continue;
        tsv_put(out, w->type, false);
        tsv_put(out, w->record, false);
        tsv_put(out, w->field, false);
        tsv_put(out, w->value, true);
    }
}

static void put_concurrent(const struct fold *f, FILE *out) {
    for (size_t at = 0, end; at < f->count; at = end) {
        end = field_end(f, at);
        if (is_refused(f->writes[at].field))
            continue;
        /* Last write of each community: a community's own later write always replaces its earlier one. */
        const struct write *last[256] = {NULL};
        unsigned writers = 0;
        for (size_t i = at; i < end; i++) {
            const struct write *w = &f->writes[i];
            if (w->time[0] == '\0' || w->field[0] == '\0')
                continue;
            if (w->community >= sizeof last / sizeof *last)
                die("more than 256 communities");
            writers += last[w->community] == NULL;
            last[w->community] = w;
        }
        if (writers < 2)
            continue;
        for (size_t c = 0; c < f->communities.rows; c++)
            if (last[c] != NULL) {
                tsv_put(out, last[c]->type, false);
                tsv_put(out, last[c]->record, false);
                tsv_put(out, last[c]->field, false);
                tsv_put(out, table_at(&f->communities, c, 0), false);
                tsv_put(out, last[c]->time, false);
                tsv_put(out, last[c]->value, true);
            }
    }
}

static void put_summary(const struct fold *f, FILE *out) {
    const unsigned *all[] = {f->counts.initial, f->counts.created,      f->counts.adopted,
                             f->counts.deleted, f->counts.delete_lines, f->counts.sets};
    static const char *const names[] = {"initial", "created", "adopted", "deleted", "delete_lines", "sets"};
    unsigned sum[6] = {0};
    for (unsigned k = 0; k < 6; k++)
        for (unsigned t = 0; t < TYPES; t++)
            sum[k] += all[k][t];
    fprintf(out, "communities %zu\n", f->communities.rows);
    for (unsigned k = 0; k < 6; k++)
        fprintf(out, "%s %u\n", names[k], sum[k]);
    fprintf(out, "final %u\n", sum[0] + sum[1] - sum[3]);
    for (unsigned k = 0; k < 6; k++)
        for (unsigned t = 0; t < TYPES; t++)
            fprintf(out, "%s.%s %u\n", names[k], types[t], all[k][t]);
}

/* ---- persons against linkage/records.csv */

/* The last write of a person's field; `late`: one of its writes was replayed later than its line says. */
static const char *folded_value(const struct fold *f, const char *record, const char *field, bool *late) {
    size_t low = 0, high = f->count;
    struct write past = {.type = "person", .record = record, .field = field, .time = "~", .community = UINT_MAX};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (write_order(&f->writes[middle], &past) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *late = false;
    for (size_t i = low; i > 0 && same_field(&f->writes[i - 1], &past); i--)
        *late = *late || f->writes[i - 1].late;
    return low > 0 && same_field(&f->writes[low - 1], &past) ? f->writes[low - 1].value : NULL;
}

static unsigned check_linkage(struct fold *f) {
    struct table t = table_read(&f->pool, text_make(&f->pool, "%s/linkage/records.csv", f->city));
    unsigned different = 0, aside = 0;
    bool late;
    for (size_t row = 0; row < t.rows; row++) {
        const char *record = table_at(&t, row, 0);
        if (folded_value(f, record, "", &late) == NULL) {
            printf("person %s: is in linkage/records.csv, not in the fold\n", record);
            different++;
            continue;
        }
        for (size_t column = 1; column < t.columns; column++) {
            const char *value = folded_value(f, record, table_name(&t, column), &late);
            if (strcmp(value == NULL ? "" : value, table_at(&t, row, column)) == 0)
                continue;
            if (late) {
                aside++;
                continue;
            }
            printf(
                "person %s %s: fold '%s', linkage/records.csv '%s'\n", record, table_name(&t, column), value == NULL ? "" : value,
                table_at(&t, row, column));
            different++;
        }
    }
    unsigned persons = f->counts.initial[0] + f->counts.created[0];
    if (persons != t.rows) {
        printf("the fold has %u person records, linkage/records.csv %zu\n", persons, t.rows);
        different++;
    }
    printf("linkage: %zu person records, %u differences, %u fields put aside that were edited late\n", t.rows, different, aside);
    table_close(&t);
    return different;
}

/* ---- */
static void output(const struct fold *f, const char *path, FILE *otherwise, void (*put)(const struct fold *, FILE *)) {
    FILE *out = path == NULL ? otherwise : file_create(path);
    put(f, out);
    if (path != NULL)
        file_finish(out, path);
}

static void usage(void) {
    die("usage: fold_city CITY [--tsv FILE] [--summary FILE] [--concurrent FILE] [--late FILE] [--check-linkage]");
}

int main(int argc, char **argv) {
    enum { TSV = 1, SUMMARY, CONCURRENT, LATE, LINKAGE };
    static const struct option options[] = {
        {"tsv", required_argument, NULL, TSV},
        {"summary", required_argument, NULL, SUMMARY},
        {"concurrent", required_argument, NULL, CONCURRENT},
        {"late", required_argument, NULL, LATE},
        {"check-linkage", no_argument, NULL, LINKAGE},
        {NULL, 0, NULL, 0},
    };
    struct fold f = {.city = NULL};
    const char *tsv = NULL, *summary = NULL, *concurrent = NULL;
    bool linkage = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == TSV)
            tsv = optarg;
        else if (o == SUMMARY)
            summary = optarg;
        else if (o == CONCURRENT)
            concurrent = optarg;
        else if (o == LATE)
            f.late = table_read(&f.pool, optarg); /* columns community_code, seq, time */
        else if (o == LINKAGE)
            linkage = true;
        else
            usage();
    }
    if (optind + 1 != argc)
        usage();
    f.city = argv[optind];
    read_city(&f);
    if (tsv != NULL || !linkage)
        output(&f, tsv, stdout, put_state);
    if (concurrent != NULL)
        output(&f, concurrent, NULL, put_concurrent);
    output(&f, summary, stderr, put_summary);
    unsigned different = linkage ? check_linkage(&f) : 0;
    table_close(&f.communities);
    table_close(&f.late);
    free(f.writes);
    free(f.held);
    pool_close(&f.pool);
    return different == 0 ? 0 : 1;
}
