#include "common/base/memory.h"

#include "common/base/invariant.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t room, used;
    alignas(max_align_t) uint8_t at[];
};

/* Blocks grow with what was given, so that a large arena has few: each costs a call, and its last one is rarely full. */
enum { BLOCK_BYTES = 16 * 1024, BLOCK_BYTES_MOST = 1 << 20 };

enum { WORTH_TRIMMING = 1 << 20, KEPT_BYTES = 512 << 20, LARGE_BYTES = 2 << 20, CHUNK_BYTES = 128 << 10 };
static const uint64_t GIVE_EACH_NS = UINT64_C(2000000000);

static _Atomic uint64_t given_back_at; /* ns; of the process, as the allocator is */

void memory_keep(void) {
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
}

/* malloc_trim leaves the end of what this thread has taken: that goes only when something large is freed, past the threshold. */
bool memory_give_back(uint64_t freed_at, uint64_t now) {
    uint64_t last = given_back_at;
    if (last > freed_at)
        return true;
    if (last != 0 && now - last < GIVE_EACH_NS)
        return false;
    if (!atomic_compare_exchange_strong(&given_back_at, &last, now))
        return false;
    if (mallinfo2().fordblks <= WORTH_TRIMMING)
        return true;
    mallopt(M_TRIM_THRESHOLD, CHUNK_BYTES);
    free(memory_resize(NULL, CHUNK_BYTES));
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    malloc_trim(0);
    return true;
}

void *memory_zeroed(size_t count, size_t size) {
    void *at = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    invariant(at != NULL);
    return at;
}

void *memory_resize(void *at, size_t len) {
    void *again = realloc(at, len == 0 ? 1 : len);
    invariant(again != NULL);
    return again;
}

char *memory_text(const char *text) {
    size_t len = strlen(text) + 1;
    return memcpy(memory_resize(NULL, len), text, len);
}

void arena_clear(struct arena *a) {
    struct arena_block *keep = NULL;
    while (a->blocks != NULL) {
        struct arena_block *next = a->blocks->next;
        if (keep == NULL && a->blocks->room == BLOCK_BYTES)
            keep = a->blocks;
        else
            free(a->blocks);
        a->blocks = next;
    }
    if (keep != NULL) {
        keep->used = 0;
        keep->next = NULL;
    }
    a->blocks = keep;
    a->used = 0;
}

void arena_close(struct arena *a) {
    arena_clear(a);
    free(a->blocks);
    a->blocks = NULL;
}

static size_t block_room(const struct arena *a, size_t step) {
    size_t room = BLOCK_BYTES;
    while (room < a->used / 4 && room < BLOCK_BYTES_MOST)
        room *= 2;
    return step > room ? step : room;
}

/* Not zeroed. */
static void *take(struct arena *a, size_t len) {
    if (len > SIZE_MAX / 4)
        return NULL;
    size_t step = (len + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (a->cap != 0 && step > a->cap - (a->used < a->cap ? a->used : a->cap))
        return NULL;
    struct arena_block *b = a->blocks;
    if (b == NULL || b->room - b->used < step) {
        size_t room = block_room(a, step);
        b = memory_resize(NULL, sizeof *b + room);
        *b = (struct arena_block){.next = a->blocks, .room = room};
        a->blocks = b;
    }
    void *at = b->at + b->used;
    b->used += step;
    a->used += step;
    return at;
}

void *arena_take(struct arena *a, size_t len) {
    void *at = take(a, len);
    return at == NULL ? NULL : memset(at, 0, len);
}

struct bytes arena_copy(struct arena *a, struct bytes b) {
    if (b.len == 0)
        return (struct bytes){NULL, 0};
    void *at = take(a, b.len);
    if (at == NULL)
        return (struct bytes){NULL, b.len};
    memcpy(at, b.at, b.len);
    return bytes_of(at, b.len);
}

struct arena_mark arena_mark(const struct arena *a) {
    return (struct arena_mark){a->blocks, a->blocks == NULL ? 0 : a->blocks->used, a->used};
}

void arena_release(struct arena *a, struct arena_mark to) {
    if (to.block == NULL) {
        arena_clear(a);
        return;
    }
    while (a->blocks != to.block) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->blocks->used = to.block_used;
    a->used = to.used;
}
