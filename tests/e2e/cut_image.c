/* Lays out what a disk would hold if the power had gone (see power_cut.c).
 *
 *   cut_image --count TRACE
 *       says how many writes and syncs there are
 *   cut_image TRACE EVENT SEED FROM TO
 *       TO is a copy of the folder FROM as it was when the trace began; makes of it what is left when the power goes during event number
 *       EVENT (from 0): what was synced before, and of all other writes, that one included, any sectors. The seed chooses: every fourth
 * image loses all of them, every fourth keeps all. Prints when that event began: what was promised before that must hold. */
#include "tests/e2e/power_cut.h"

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/random.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, FILES = 16 };

static const uint8_t *trace;
static size_t trace_len;
static int files[FILES];

static void die(const char *what) {
    perror(what);
    exit(2);
}

static const uint8_t *event_at(const uint8_t *at, struct disk_event *e) {
    if (at + sizeof *e > trace + trace_len)
        return NULL;
    memcpy(e, at, sizeof *e);
    uint64_t payload = e->kind == DISK_SYNC ? 0 : e->len;
    return payload > (uint64_t)(trace + trace_len - at) - sizeof *e ? NULL : at + sizeof *e; /* a torn end: the process was killed */
}

static void put(int fd, const uint8_t *at, uint64_t len, uint64_t offset) {
    if (pwrite(fd, at, len, (off_t)offset) != (ssize_t)len)
        die("write");
}

struct pending {
    struct disk_event e;
    const uint8_t *payload;
};

static void some_sectors(const struct pending *p, struct random *chance, unsigned mode) {
    for (uint64_t done = 0; done < p->e.len;) {
        uint64_t n = SECTOR - (p->e.offset + done) % SECTOR;
        if (n > p->e.len - done)
            n = p->e.len - done;
        if (mode == 1 || (mode > 1 && random_below(chance, 2) == 0))
            put(files[p->e.file], p->payload + done, n, p->e.offset + done);
        done += n;
    }
}

static void open_file(const struct disk_event *e, const uint8_t *path, const char *from, const char *to) {
    char name[4096];
    size_t prefix = strlen(from);
    if (e->file >= FILES || e->len <= prefix || memcmp(path, from, prefix) != 0) {
        fprintf(stderr, "the trace is of another folder\n");
        exit(2);
    }
    snprintf(name, sizeof name, "%s%.*s", to, (int)(e->len - prefix), (const char *)path + prefix);
    files[e->file] = open(name, O_WRONLY | O_CREAT, 0600);
    if (files[e->file] < 0)
        die(name);
}

int main(int argc, char **argv) {
    bool counting = argc == 3 && strcmp(argv[1], "--count") == 0;
    if (!counting && argc != 6)
        return 64;
    const char *name = argv[counting ? 2 : 1];
    int fd = open(name, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        die(name);
    trace_len = (size_t)st.st_size;
    void *map = mmap(NULL, trace_len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        die(name);
    trace = map;
    uint64_t wanted = counting ? UINT64_MAX : strtoull(argv[2], NULL, 10), seed = counting ? 0 : strtoull(argv[3], NULL, 10), n = 0;
    struct random chance;
    random_seed(&chance, seed);
    struct pending *left = NULL;
    size_t count = 0, room = 0;
    struct disk_event e;
    const uint8_t *payload;
    for (const uint8_t *at = trace; (payload = event_at(at, &e)) != NULL; at = payload + (e.kind == DISK_SYNC ? 0 : e.len)) {
        if (e.kind == DISK_FILE) {
            if (!counting)
                open_file(&e, payload, argv[4], argv[5]);
            continue;
        }
        if (n++ > wanted || counting)
            continue;
        bool last = n - 1 == wanted;
        if (last)
            printf("%" PRIu64 "\n", e.start);
        if (e.kind == DISK_WRITE_SYNCED && !last) {
            put(files[e.file], payload, e.len, e.offset);
        } else if (e.kind != DISK_SYNC) {
            if (count == room)
                left = memory_resize(left, (room = room == 0 ? 64 : 2 * room) * sizeof *left);
            left[count++] = (struct pending){e, payload};
        } else if (!last) {
            size_t kept = 0;
            for (size_t i = 0; i < count; i++)
                if (left[i].e.file == e.file)
                    put(files[e.file], left[i].payload, left[i].e.len, left[i].e.offset);
                else
                    left[kept++] = left[i];
            count = kept;
        }
    }
    if (counting) {
        printf("%" PRIu64 "\n", n);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        some_sectors(&left[i], &chance, (unsigned)(seed % 4));
    free(left);
    return n > wanted ? 0 : 2;
}
