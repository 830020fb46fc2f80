/* A small file read whole. */
#pragma once

#include "common/base/bytes.h"

/* Appends the file's bytes. 0; a negative errno; -EFBIG when it has more than `most`. The caller says so to whoever named the file. */
int file_read(const char *path, size_t most, struct buffer *out);
