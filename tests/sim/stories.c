#include "tests/sim/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES(X) X(story_first_contact)

#define X(name) extern const struct story name;
STORIES(X)
#undef X

static const struct story *const all[] = {
#define X(name) &name,
    STORIES(X)
#undef X
};

int stories_run(const char *only, bool tell, unsigned *passed, unsigned *failed) {
    unsigned found = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (only != NULL && strcmp(only, all[i]->name) != 0)
            continue;
        struct world *w = calloc(1, sizeof *w);
        if (w == NULL)
            abort();
        found++;
        world_open(w, 1 + i, 0, all[i]->nodes);
        w->tell = tell;
        all[i]->tell(w);
        world_settle(w);
        bool good = w->failures.len == 0;
        printf("%s %s: %s\n", good ? "ok  " : "FAIL", all[i]->name, all[i]->about);
        if (!good)
            fputs(buffer_string(&w->failures), stdout);
        *passed += good;
        *failed += !good;
        world_close(w);
        free(w);
    }
    if (found == 0)
        printf("no story is called %s\n", only == NULL ? "so" : only);
    return found == 0;
}
