/* Whether a process holds a secret in memory that it may write to: memory_holds PID FILE, where the file has 64 hex digits. Exit 0: it
 * does; 1: it does not; 2: cannot be seen. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET = 32, STEP = 1 << 20 };

static bool read_secret(const char *path, uint8_t out[SECRET]) {
    FILE *f = fopen(path, "re");
    size_t n = 0;
    unsigned byte;
    while (f != NULL && n < SECRET && fscanf(f, "%2x", &byte) == 1)
        out[n++] = (uint8_t)byte;
    if (f != NULL)
        fclose(f);
    return n == SECRET;
}

static bool stretch_holds(FILE *mem, unsigned long from, unsigned long to, uint8_t *room, const uint8_t secret[SECRET]) {
    for (unsigned long at = from; at < to; at += STEP) {
        size_t len = to - at < STEP + SECRET ? to - at : STEP + SECRET;
        if (fseek(mem, (long)at, SEEK_SET) != 0)
            return false;
        len = fread(room, 1, len, mem);
        if (memmem(room, len, secret, SECRET) != NULL)
            return true;
    }
    return false;
}

int main(int argc, char **argv) {
    uint8_t secret[SECRET], *room = malloc(STEP + SECRET);
    char path[64], line[512];
    bool found = false;
    unsigned seen = 0;
    if (argc != 3 || room == NULL || !read_secret(argv[2], secret))
        return 2;
    snprintf(path, sizeof path, "/proc/%s/maps", argv[1]);
    FILE *maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%s/mem", argv[1]);
    FILE *mem = fopen(path, "re");
    while (maps != NULL && mem != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' || strstr(line, "[v") != NULL)
            continue;
        found = stretch_holds(mem, from, to, room, secret);
        seen++;
    }
    return found ? 0 : seen > 0 ? 1 : 2;
}
