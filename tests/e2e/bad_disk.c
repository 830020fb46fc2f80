/* A library for LD_PRELOAD: a disk that is full or breaks, as a file says: the one named by ANJU_DISK. While it exists, operations on
 * stores (files called data.mdb) fail. Its words, in any order, each with what stands when it is left out:
 *
 *   full | broken | held ENOSPC | EIO | it waits while the file is there, then works   (full)
 *   /log/               only stores whose path holds this text                 (all)
 *   write, sync, meta   which operation: pages, fsync, or the page that makes a commit count   (write)
 *   skip=N              the first N such operations still work                 (0)
 *   once                only one fails; the file is then taken away
 *   ms=N                it takes as long to fail: a disk tries again and again before it gives up   (0) */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { META_BYTES = 8192 };

struct fault {
    int error, skip, ms;
    bool once, held;
    char operation[16], part[64];
};

static bool read_sign(const char *sign, struct fault *out) {
    char text[256], *rest = text;
    int fd = open(sign, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    *out = (struct fault){.error = ENOSPC, .operation = "write"};
    for (char *word; (word = strtok_r(rest, " \n", &rest)) != NULL;) {
        if (strcmp(word, "broken") == 0)
            out->error = EIO;
        else if (strcmp(word, "held") == 0)
            out->held = true;
        else if (strcmp(word, "once") == 0)
            out->once = true;
        else if (strncmp(word, "skip=", 5) == 0)
            out->skip = atoi(word + 5);
        else if (strncmp(word, "ms=", 3) == 0)
            out->ms = atoi(word + 3);
        else if (*word == '/')
            snprintf(out->part, sizeof out->part, "%s", word);
        else if (strcmp(word, "full") != 0)
            snprintf(out->operation, sizeof out->operation, "%s", word);
    }
    return true;
}

/* 0 or the errno of the operation. */
static int fails(int fd, const char *operation) {
    static atomic_int seen;
    const char *sign = getenv("ANJU_DISK");
    struct fault f;
    char link[64], path[4096];
    if (sign == NULL || !read_sign(sign, &f) || strcmp(operation, f.operation) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    if (n < 9 || strcmp(path + n - 9, "/data.mdb") != 0 || strstr(path, f.part) == NULL)
        return 0;
    if (atomic_fetch_add(&seen, 1) < f.skip)
        return 0;
    if (f.once && unlink(sign) != 0)
        return 0;
    while (f.held && access(sign, F_OK) == 0)
        poll(NULL, 0, 5);
    if (f.held)
        return 0;
    poll(NULL, 0, f.ms);
    return f.error;
}

/* Finds the C library's own function, once. */
#define REAL(name, ...)                                                                                                                    \
    static ssize_t (*real)(__VA_ARGS__);                                                                                                   \
    if (real == NULL)                                                                                                                      \
        *(void **)&real = dlsym(RTLD_NEXT, name);

static bool broke(int fd, const char *operation) {
    int error = fails(fd, operation);
    if (error != 0)
        errno = error;
    return error != 0;
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t offset) {
    REAL("pwrite", int, const void *, size_t, off_t)
    return broke(fd, offset < META_BYTES ? "meta" : "write") ? -1 : real(fd, at, len, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL("pwritev", int, const struct iovec *, int, off_t)
    return broke(fd, "write") ? -1 : real(fd, parts, count, offset);
}

ssize_t write(int fd, const void *at, size_t len) {
    REAL("write", int, const void *, size_t)
    return broke(fd, "write") ? -1 : real(fd, at, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", int, const struct iovec *, int)
    return broke(fd, "write") ? -1 : real(fd, parts, count);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return broke(fd, "sync") ? -1 : real(fd);
}

int fsync(int fd) {
    return sync_with("fsync", fd);
}

int fdatasync(int fd) {
    return sync_with("fdatasync", fd);
}
