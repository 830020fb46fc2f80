/* A library for LD_PRELOAD: writes down what a process does to its stores (files called data.mdb), in the file that ANJU_TRACE names, so
 * that cut_image can lay out what a disk would hold if the power had gone at any of those moments.
 *
 * LMDB writes pages with pwrite, pwritev or lseek + writev, syncs them, and writes the page that makes a commit count through a second
 * descriptor opened with O_DSYNC: such a write counts as synced. One event at a time, so the order here is the order on the disk.
 * ANJU_TRACE_LIES: nothing is synced, nor said to be: the self-check of what judges the images. */
#include "tests/e2e/power_cut.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 16 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char known[FILES][4096];
static unsigned known_count;
static int trace = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);

__attribute__((constructor)) static void find_real(void) {
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_writev = dlsym(RTLD_NEXT, "writev");
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    *(void **)&real_pwritev = dlsym(RTLD_NEXT, "pwritev");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note(const struct disk_event *e, const struct iovec *parts, int count) {
    if (real_write(trace, e, sizeof *e) != (ssize_t)sizeof *e)
        abort();
    for (int i = 0; i < count; i++)
        if (real_write(trace, parts[i].iov_base, parts[i].iov_len) != (ssize_t)parts[i].iov_len)
            abort();
}

/* The file's number; -1: not a store's. */
static int store_of(int fd) {
    char link[64], path[4096];
    if (getenv("ANJU_TRACE") == NULL)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 9 || memcmp(path + n - 9, "/data.mdb", 9) != 0)
        return -1;
    path[n] = '\0';
    if (trace < 0 && (trace = open(getenv("ANJU_TRACE"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        abort();
    for (unsigned i = 0; i < known_count; i++)
        if (strcmp(known[i], path) == 0)
            return (int)i;
    if (known_count == FILES)
        abort();
    memcpy(known[known_count], path, (size_t)n + 1);
    struct iovec name = {path, (size_t)n};
    note(&(struct disk_event){.kind = DISK_FILE, .file = known_count, .len = (uint64_t)n}, &name, 1);
    return (int)known_count++;
}

static ssize_t written(int fd, const struct iovec *parts, int count, off_t offset, bool positioned) {
    pthread_mutex_lock(&one_at_a_time);
    int file = store_of(fd);
    struct disk_event e = {.kind = DISK_WRITE, .file = (uint32_t)file, .start = now_ns()};
    if (file >= 0 && !positioned)
        offset = lseek(fd, 0, SEEK_CUR);
    ssize_t n = positioned ? real_pwritev(fd, parts, count, offset) : real_writev(fd, parts, count);
    if (file >= 0 && n > 0) {
        if (getenv("ANJU_TRACE_LIES") == NULL && (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
            e.kind = DISK_WRITE_SYNCED;
        e.offset = (uint64_t)offset;
        for (int i = 0; i < count; i++)
            e.len += parts[i].iov_len;
        if ((uint64_t)n != e.len)
            abort(); /* a short write would be told wrongly */
        note(&e, parts, count);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return written(fd, parts, count, offset, true);
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t offset) {
    struct iovec part = {(void *)(uintptr_t)at, len};
    return written(fd, &part, 1, offset, true);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return store_of(fd) < 0 ? real_writev(fd, parts, count) : written(fd, parts, count, 0, false);
}

ssize_t write(int fd, const void *at, size_t len) {
    struct iovec part = {(void *)(uintptr_t)at, len};
    return store_of(fd) < 0 ? real_write(fd, at, len) : written(fd, &part, 1, 0, false);
}

static int synced(int fd, int (*real)(int)) {
    if (getenv("ANJU_TRACE_LIES") != NULL)
        return 0;
    pthread_mutex_lock(&one_at_a_time);
    int file = store_of(fd);
    struct disk_event e = {.kind = DISK_SYNC, .file = (uint32_t)file, .start = now_ns()};
    int r = real(fd);
    if (file >= 0 && r == 0)
        note(&e, NULL, 0);
    pthread_mutex_unlock(&one_at_a_time);
    return r;
}

int fsync(int fd) {
    return synced(fd, real_fsync);
}

int fdatasync(int fd) {
    return synced(fd, real_fdatasync);
}
