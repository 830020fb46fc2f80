#include "common/base/file.h"

#include <errno.h>
#include <stdio.h>

int file_read(const char *path, size_t most, struct buffer *out) {
    FILE *f = fopen(path, "re");
    size_t before = out->len;
    if (f == NULL)
        return -errno;
    for (size_t n = 1; n > 0 && out->len - before <= most;) {
        uint8_t part[8192];
        n = fread(part, 1, sizeof part, f);
        buffer_add(out, bytes_of(part, n));
    }
    int r = ferror(f) ? -EIO : out->len - before > most ? -EFBIG : 0;
    fclose(f);
    return r;
}
