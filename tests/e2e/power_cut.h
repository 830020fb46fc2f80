/* What power_cut.so writes down and cut_image reads: events one after the other, each with its payload behind it. */
#pragma once

#include <stdint.h>

enum disk_event_kind {
    DISK_FILE = 1,     /* the payload is the path of file number `file` */
    DISK_WRITE,        /* the payload went to `offset`; nobody has promised that it stays */
    DISK_WRITE_SYNCED, /* the same, and it stays */
    DISK_SYNC,         /* every write before it stays */
};

struct disk_event {
    uint32_t kind, file;
    uint64_t offset, len; /* bytes of payload */
    uint64_t start;       /* when it began: ns of the wall clock */
};
