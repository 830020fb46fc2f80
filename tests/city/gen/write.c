/* What is written: registers, logs, and what to check against. */
#include "tests/city/gen/world.h"

#include <sys/stat.h>

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

void number_lines(struct city *c) {
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

void put_folder(struct city *c, const char *name) {
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

void put_registers(struct city *c) {
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

void put_logs(struct city *c) {
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
void put_concurrent(struct city *c) {
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
void put_linkage(struct city *c) {
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

void put_identity(struct city *c) {
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

void put_manifest(struct city *c) {
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
