#include "common/base/key_file.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sync_folder_of(const char *path) {
    char copy[4096];
    if (strlen(path) >= sizeof copy)
        return -ENAMETOOLONG;
    strcpy(copy, path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
    if (fd >= 0)
        close(fd);
    return r;
}

static void wipe(struct buffer *b) {
    if (b->at != NULL)
        sodium_memzero(b->at, b->len);
    buffer_close(b);
}

int key_file_make(const char *path, const char *what, const uint8_t key[KEY_FILE_BYTES]) {
    CLEANUP(wipe) struct buffer text = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    buffer_grow(&text, 256); /* so that it does not move, and leave what it held behind */
    buffer_clear(&text);
    buffer_format(&text, "%s 1\n", what);
    hex_encode(bytes_of(key, KEY_FILE_BYTES), &text);
    buffer_text(&text, "\n");
    errno = 0;
    int r = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0 ? 0 : errno == 0 ? -EIO : -errno;
    close(fd);
    if (r == 0)
        r = sync_folder_of(path);
    if (r != 0)
        unlink(path);
    return r;
}

int key_file_load(const char *path, const char *what, unsigned forbidden, uint8_t key[KEY_FILE_BYTES]) {
    CLEANUP(wipe) struct buffer text = {0};
    CLEANUP(wipe) struct buffer raw = {0};
    CLEANUP(buffer_close) struct buffer head = {0};
    struct stat st;
    size_t digits = (size_t)2 * KEY_FILE_BYTES;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? KEY_FILE_MISSING : -errno;
    if ((st.st_mode & forbidden) != 0)
        return KEY_FILE_OPEN;
    int r = file_read(path, 1024, &text);
    if (r < 0 && r != -EFBIG)
        return r;
    buffer_format(&head, "%s 1\n", what);
    if (text.len != head.len + digits + 1 || memcmp(text.at, head.at, head.len) != 0 ||
        !hex_decode((const char *)text.at + head.len, digits, &raw) || raw.len != KEY_FILE_BYTES)
        return KEY_FILE_BROKEN;
    memcpy(key, raw.at, KEY_FILE_BYTES);
    return 0;
}
