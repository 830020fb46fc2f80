/* The parts of the W1 benchmark that are no daemon.
 *
 *   w1 fill STORE COUNT SEED [TYPE]
 *       COUNT edits at an enrolled node, each its own durable transaction: 40 % new records of 12 fields, 60 % updates of two fields.
 *       Prints seconds, and the p50 of one save in microseconds.
 *   w1 race COUNT HUB NODE…
 *       Socket folders of a running hub and of paused nodes. Resumes the nodes and prints the seconds until the hub has acknowledged COUNT
 *       changes and the seconds until it has merged them. Asks every 20 ms, so that asking takes little processor from those who work.
 *   w1 audit FOLDER COUNT
 *   w1 plain FOLDER COUNT
 *       COUNT entries in the audit log, each as one look of a clerk adds it, 100 a transaction: prints bytes of the store and microseconds
 *       per entry, without the fsyncs. Plain: the same entries as values of their own, without blocks and chain.
 *   w1 commit FOLDER COUNT
 *       One-change LMDB commits: prints their p50 in microseconds.
 *   w1 append FOLDER COUNT
 *       Raw appends of 300 bytes, an fsync per 10,000: prints a second's count.
 *   w1 fourput FOLDER COUNT
 *       Raw naive merge: cursor, record, field versions and feed row (the older one deleted) per change to COUNT * 0.4 records, 10,000 a
 *       commit: prints a second's count.
 */
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/daemon/client.h"
#include "common/model/value.h"
#include "common/store/audit.h"
#include "common/store/envelope.h"
#include "common/store/layout.h"
#include "common/store/node_apply.h"
#include "tests/support/look.h"
#include "tests/support/test_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 10000, CHANGE_BYTES = 300, FIELDS = 12 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *list, size_t n) {
    qsort(list, n, sizeof *list, by_size);
    return n == 0 ? 0 : list[n / 2];
}

static void die(const char *what) {
    fprintf(stderr, "w1: %s\n", what);
    exit(1);
}

static struct id16 record_of(uint64_t seed, uint64_t n) {
    struct random r;
    struct id16 id;
    random_seed(&r, seed * 1000003 + n);
    random_fill(&r, id.b, sizeof id.b);
    return id;
}

static void text_value(struct random *r, struct buffer *out) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char text[16];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = letters[random_below(r, sizeof letters - 1)];
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = bytes_of(text, 8 + random_below(r, 8))}, out);
}

static void one_edit(struct txn *t, struct random *r, uint64_t seed, uint32_t type, uint64_t *made, area home) {
    struct op ops[FIELDS + 1];
    struct buffer values[FIELDS + 1] = {{0}};
    bool fresh = *made == 0 || random_below(r, 10) < 4;
    struct edit e = {.type = type, .purpose = 2, .replace_all = true, .ops = ops};
    e.record = record_of(seed, fresh ? ++*made : 1 + random_below(r, *made));
    size_t fields = fresh ? FIELDS : 2, first = fresh ? 0 : random_below(r, FIELDS - 1);
    struct change out;
    const char *why;
    if (fresh) {
        value_pack(&(struct value){.kind = VALUE_AREA, .area = home}, &values[FIELDS]);
        ops[e.op_count++] = (struct op){.field = FIELD_HOME, .kind = OP_SET, .value = buffer_bytes(&values[FIELDS])};
    }
    for (size_t i = 0; i < fields; i++) {
        text_value(r, &values[i]);
        ops[e.op_count++] = (struct op){.field = (uint32_t)(FIELD_OWN + first + i), .kind = OP_SET, .value = buffer_bytes(&values[i])};
    }
    entropy_fill(&e.tag, sizeof e.tag);
    entropy_fill(&e.salt, sizeof e.salt);
    if (node_edit(t, &e, clock_wall(), &out, &why) != 0)
        die(why);
    for (size_t i = 0; i <= FIELDS; i++)
        buffer_close(&values[i]);
}

static int fill(const char *folder, uint64_t count, uint64_t seed, uint32_t type) {
    struct store *s;
    struct txn *t = NULL;
    struct node_progress *p = memory_zeroed(1, sizeof *p);
    struct random r;
    uint64_t made = 0;
    double *each = memory_zeroed(count + 1, sizeof *each);
    if (store_open_lmdb(folder, &shape_node, test_seal_of(folder), 0, &s) != 0 || store_read(s, &t) != 0 || !node_progress_get(t, p))
        die("this is no enrolled node's store");
    txn_abort(t);
    random_seed(&r, seed);
    double began = seconds();
    for (uint64_t i = 0; i < count; i++) {
        double at = seconds();
        if (store_write(s, &t) != 0)
            die("no transaction");
        one_edit(t, &r, seed, type, &made, p->served[0]);
        if (txn_commit(t) != 0)
            die("a commit failed");
        each[i] = (seconds() - at) * 1e6;
    }
    double took = seconds() - began;
    printf("%.3f %.1f\n", took, median(each, count));
    store_close(s);
    free(each);
    free(p);
    return 0;
}

static const char *const raw_trees[] = {"a", "b", "c", "d"};
static const struct store_shape raw_shape = {"bench", 1, raw_trees, 4, 7, 0};

static struct store *raw_store(const char *folder) {
    struct store *s;
    if (store_open_lmdb(folder, &raw_shape, test_seal(), 0, &s) != 0)
        die("the folder cannot be used");
    return s;
}

static void number_key(uint8_t k[8], uint64_t v) {
    for (unsigned i = 0; i < 8; i++)
        k[i] = (uint8_t)(v >> (56 - 8 * i));
}

static int one_commits(const char *folder, uint64_t count) {
    struct store *s = raw_store(folder);
    double *each = memory_zeroed(count + 1, sizeof *each);
    uint8_t value[CHANGE_BYTES] = {0}, k[8];
    struct txn *t;
    for (uint64_t i = 0; i < count; i++) {
        double at = seconds();
        number_key(k, i + 1);
        if (store_write(s, &t) != 0)
            die("no transaction");
        txn_append(t, 0, bytes_of(k, 8), bytes_of(value, sizeof value));
        if (txn_commit(t) != 0)
            die("a commit failed");
        each[i] = (seconds() - at) * 1e6;
    }
    printf("%.1f\n", median(each, count));
    store_close(s);
    free(each);
    return 0;
}

/* As a first design would: every table has its own row, every change its own cursor. */
static void naive_merge(struct txn *t, struct id16 id, const uint8_t seq[8], const uint8_t value[CHANGE_BYTES]) {
    uint8_t versions[8 + FIELDS * 8] = {0};
    struct bytes had;
    bool known = txn_get(t, 2, bytes_of(id.b, 16), &had) && had.len == sizeof versions;
    if (known) {
        uint8_t old[8];
        memcpy(versions, had.at, sizeof versions);
        memcpy(old, had.at, 8);
        txn_delete(t, 3, bytes_of(old, 8));
    }
    memcpy(versions, seq, 8);
    for (size_t f = 0; f < FIELDS; f += known ? 6 : 1)
        memcpy(versions + 8 + 8 * f, seq, 8);
    txn_put(t, 0, BYTES("cursor"), bytes_of(seq, 8));
    txn_put(t, 1, bytes_of(id.b, 16), bytes_of(value, CHANGE_BYTES));
    txn_put(t, 2, bytes_of(id.b, 16), bytes_of(versions, sizeof versions));
    txn_put(t, 3, bytes_of(seq, 8), bytes_of(id.b, 16));
}

static int raw(const char *folder, uint64_t count, bool fourput) {
    struct store *s = raw_store(folder);
    uint8_t value[CHANGE_BYTES], k[8];
    struct random r;
    struct txn *t;
    uint64_t records = count * 2 / 5 + 1;
    random_seed(&r, 5);
    random_fill(&r, value, sizeof value);
    double began = seconds();
    for (uint64_t i = 0; i < count;) {
        if (store_write(s, &t) != 0)
            die("no transaction");
        for (uint64_t end = i + BATCH; i < end && i < count; i++) {
            number_key(k, i + 1);
            if (!fourput) {
                txn_append(t, 0, bytes_of(k, 8), bytes_of(value, sizeof value));
                continue;
            }
            naive_merge(t, record_of(9, random_below(&r, records)), k, value);
        }
        if (txn_commit(t) != 0)
            die("a commit failed");
    }
    printf("%.0f\n", (double)count / (seconds() - began));
    store_close(s);
    return 0;
}

/* Of five clerks on a busy day: a few seconds between looks, some for a case, some of records about somebody. */
static struct audit_entry look_of(struct random *r, wall_ms *now, uint64_t n) {
    struct audit_entry e = {.at = *now += random_below(r, 8000), .has_uid = true, .uid = 1000, .action = AUDIT_READ, .type = 32};
    e.actor = record_of(1, random_below(r, 5));
    e.record = record_of(2, n % 3 == 0 ? random_below(r, 50) : random_below(r, 5000));
    e.purpose = 2 + (uint32_t)random_below(r, 2);
    if (random_below(r, 4) == 0) {
        e.type = 40;
        e.subject = record_of(2, random_below(r, 5000));
    }
    if (random_below(r, 3) == 0)
        e.case_id = record_of(3, random_below(r, 300));
    return e;
}

static void plain_add(struct txn *t, uint64_t n, const struct audit_entry *e) {
    struct buffer b = {0};
    struct key k = key_u64(n);
    wire_audit_entry_pack(e, &b);
    envelope_put(t, NODE_AUDIT, key_bytes(&k), buffer_bytes(&b));
    buffer_close(&b);
}

static int audit(const char *folder, uint64_t count, bool plain) {
    enum { LOOKS = 100 };
    struct store *s;
    struct txn *t;
    struct random r;
    wall_ms now = 1700000000000;
    double took = 0;
    if (store_open_lmdb(folder, &shape_node, test_seal(), 0, &s) != 0)
        die("the folder cannot be used");
    uint64_t before = store_bytes(s);
    random_seed(&r, 7);
    for (uint64_t i = 1; i <= count;) {
        if (store_write(s, &t) != 0)
            die("no transaction");
        double began = seconds();
        for (uint64_t end = i + LOOKS; i < end && i <= count; i++) {
            struct audit_entry e = look_of(&r, &now, i);
            if (plain)
                plain_add(t, i, &e);
            else
                audit_add(t, &audit_node, &e, 1);
        }
        took += seconds() - began;
        if (txn_commit(t) != 0)
            die("a commit failed");
    }
    printf("%.1f %.2f\n", (double)(store_bytes(s) - before) / (double)count, took * 1e6 / (double)count);
    store_close(s);
    return 0;
}

static json_int_t counted; /* by the rows of one answer */

static void count_row(void *owner, const json_t *row) {
    counted += json_integer_value(json_object_get(row, owner));
}

static json_int_t count_of(struct client *hub, const char *cmd, char *member) {
    counted = 0;
    if (client_ask(hub, cmd, NULL) != CTL_GOOD || client_answers(hub, count_row, member) != CTL_GOOD)
        die("the hub does not answer");
    return counted;
}

static void nothing(void *owner, const json_t *row) {
    (void)owner;
    (void)row;
}

static int race(json_int_t count, const char *where, char **nodes) {
    struct client hub, node;
    static char received[] = "received", merged[] = "merged";
    if (client_open(&hub, where, 10000, "en") != CTL_GOOD)
        return 1;
    double began = seconds();
    for (; *nodes != NULL; nodes++) {
        if (client_open(&node, *nodes, 10000, "en") != CTL_GOOD || client_ask(&node, "resume", NULL) != CTL_GOOD ||
            client_answers(&node, nothing, NULL) != CTL_GOOD)
            return 1;
        client_close(&node);
    }
    while (count_of(&hub, "status", received) < count)
        look_again_in(20);
    double acked = seconds() - began;
    while (count_of(&hub, "nodes", merged) < count)
        look_again_in(20);
    printf("%.4f %.4f\n", acked, seconds() - began);
    client_close(&hub);
    return 0;
}

int main(int argc, char **argv) {
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "fill") == 0)
        return fill(
            argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), argc == 6 ? (uint32_t)strtoul(argv[5], NULL, 10) : 40);
    if (argc == 4 && strcmp(argv[1], "commit") == 0)
        return one_commits(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "append") == 0)
        return raw(argv[2], strtoull(argv[3], NULL, 10), false);
    if (argc == 4 && strcmp(argv[1], "fourput") == 0)
        return raw(argv[2], strtoull(argv[3], NULL, 10), true);
    if (argc == 4 && (strcmp(argv[1], "audit") == 0 || strcmp(argv[1], "plain") == 0))
        return audit(argv[2], strtoull(argv[3], NULL, 10), strcmp(argv[1], "plain") == 0);
    if (argc >= 5 && strcmp(argv[1], "race") == 0)
        return race(strtoll(argv[2], NULL, 10), argv[3], argv + 4);
    fprintf(stderr, "w1 fill STORE COUNT SEED [TYPE] | race COUNT HUB NODE... | audit|plain|commit|append|fourput FOLDER COUNT\n");
    return 64;
}
