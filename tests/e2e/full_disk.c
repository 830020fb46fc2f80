/* A library for LD_PRELOAD: while the file named by ANJU_FULL exists, no store grows or changes on disk: every write to a file called
 * data.mdb fails with ENOSPC, as on a full disk; with EIO, as on a broken one, when the file says `broken`. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { META_BYTES = 8192 };

/* 0 or the errno of the write. */
static int fails(int fd) {
    const char *sign = getenv("ANJU_FULL");
    char link[64], path[4096], word = 0;
    int sign_fd = sign == NULL ? -1 : open(sign, O_RDONLY | O_CLOEXEC);
    if (sign_fd < 0)
        return 0;
    int how = read(sign_fd, &word, 1) == 1 && word == 'b' ? EIO : ENOSPC;
    close(sign_fd);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return n > 9 && strcmp(path + n - 9, "/data.mdb") == 0 ? how : 0;
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    int how = offset >= META_BYTES ? fails(fd) : 0;
    if (how != 0) {
        errno = how;
        return -1;
    }
    return real(fd, at, len, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    static ssize_t (*real)(int, const struct iovec *, int, off_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pwritev");
    int how = fails(fd);
    if (how != 0) {
        errno = how;
        return -1;
    }
    return real(fd, parts, count, offset);
}

ssize_t write(int fd, const void *at, size_t len) {
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    int how = fails(fd);
    if (how != 0) {
        errno = how;
        return -1;
    }
    return real(fd, at, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "writev");
    int how = fails(fd);
    if (how != 0) {
        errno = how;
        return -1;
    }
    return real(fd, parts, count);
}
