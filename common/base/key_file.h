/* A file with one secret of 32 bytes: a line that says what it is, a line of hex digits; mode 0600, never overwritten. */
#pragma once

#include <stdint.h>

enum { KEY_FILE_BYTES = 32 };
enum key_file_outcome {
    KEY_FILE_MISSING = 1, /* no such file */
    KEY_FILE_OPEN,        /* others may read it */
    KEY_FILE_BROKEN,      /* not such a file, or damaged */
};

int key_file_make(const char *path, const char *what /* "anju-seal" */, const uint8_t key[KEY_FILE_BYTES]); /* durable; -EEXIST */
int key_file_load(
    const char *path, const char *what, unsigned forbidden /* mode bits that make it KEY_FILE_OPEN */,
    uint8_t key[KEY_FILE_BYTES]); /* + enum key_file_outcome */
