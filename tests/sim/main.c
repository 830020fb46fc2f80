/* sim --seeds N [--start S] [--profile NAME] [--steps N] · sim --seed S --profile NAME [--tell] · sim --stories [NAME]
 *
 * Each seed runs in a world of its profile (all of them in turn when none is named), settles and is checked; each is run twice over a
 * sample, and the trace hashes must agree. Ends with "N passed, N failed"; a failing seed prints how to see it again. */
#include "common/base/log.h"
#include "tests/sim/story.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct profile {
    const char *name;
    unsigned faults;
} profiles[] = {
    {"plain", 0},
    {"move", FAULT_MOVE | FAULT_SHARE | FAULT_SCOPES},
    {"held", FAULT_BAD | FAULT_MOVE | FAULT_SHARE},
    {"net", FAULT_LATE | FAULT_LOSS | FAULT_TWICE | FAULT_CRASH},
    {"clock", FAULT_CLOCK | FAULT_LATE},
    {"noderestore", FAULT_NODE_RESTORE | FAULT_LOSS},
    {"clockrestore", FAULT_NODE_RESTORE | FAULT_CLOCK | FAULT_LATE},
    {"hubrestore", FAULT_HUB_RESTORE | FAULT_CRASH},
    {"mixed", FAULT_HUB_RESTORE | FAULT_MIXED},
    {"disk", FAULT_FULL | FAULT_EIO | FAULT_CRASH},
    {"erase", FAULT_ERASE | FAULT_SHARE | FAULT_MOVE | FAULT_BAD | FAULT_LOSS | FAULT_TWICE | FAULT_CRASH},
    {"eraserestore", FAULT_ERASE | FAULT_SHARE | FAULT_HUB_RESTORE | FAULT_MIXED | FAULT_NODE_RESTORE | FAULT_LATE | FAULT_SCOPES},
    {"lives", FAULT_LIVES | FAULT_NODE_RESTORE | FAULT_CRASH},
    {"all", FAULT_MOVE | FAULT_SHARE | FAULT_BAD | FAULT_LATE | FAULT_LOSS | FAULT_TWICE | FAULT_CRASH | FAULT_CLOCK | FAULT_NODE_RESTORE |
                FAULT_HUB_RESTORE | FAULT_MIXED | FAULT_SCOPES | FAULT_FULL | FAULT_EIO | FAULT_ERASE},
};
enum { PROFILES = sizeof profiles / sizeof *profiles };

struct options {
    uint64_t seed, seeds, start;
    unsigned steps;
    const char *profile, *story;
    bool one, tell, stories;
};

static struct hash run(uint64_t seed, const struct profile *p, const struct options *o, bool tell, bool *good) {
    struct world *w = calloc(1, sizeof *w);
    struct random shape;
    if (w == NULL)
        abort();
    random_seed(&shape, seed ^ 0x5eed);
    world_open(w, seed, p->faults, (uint32_t)(2 + random_below(&shape, 3)));
    w->tell = tell;
    w->page_bytes = random_below(&shape, 3) == 0 ? 0 : 200;
    w->quarantine_bytes = (p->faults & FAULT_BAD) && random_below(&shape, 3) == 0 ? 150 : 0;
    world_random(w, o->steps);
    world_settle(w);
    struct hash trace = w->trace;
    *good = w->failures.len == 0;
    if (!*good && !tell)
        printf(
            "seed %" PRIu64 " of %s fails: sim --seed %" PRIu64 " --profile %s --steps %u --tell\n%s", seed, p->name, seed, p->name,
            o->steps, buffer_string(&w->failures));
    world_close(w);
    free(w);
    return trace;
}

static bool parse(int argc, char **argv, struct options *o) {
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(a, "--tell") == 0) {
            o->tell = true;
        } else if (strcmp(a, "--stories") == 0) {
            o->stories = true;
            if (v != NULL && v[0] != '-') {
                o->story = v;
                i++;
            }
        } else if (v == NULL) {
            return false;
        } else if (strcmp(a, "--seed") == 0) {
            o->seed = strtoull(v, NULL, 10);
            o->one = true;
            i++;
        } else if (strcmp(a, "--seeds") == 0) {
            o->seeds = strtoull(v, NULL, 10);
            i++;
        } else if (strcmp(a, "--start") == 0) {
            o->start = strtoull(v, NULL, 10);
            i++;
        } else if (strcmp(a, "--steps") == 0) {
            o->steps = (unsigned)strtoul(v, NULL, 10);
            i++;
        } else if (strcmp(a, "--profile") == 0) {
            o->profile = v;
            i++;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    struct options o = {.seeds = 300, .start = 1, .steps = 120};
    unsigned passed = 0, failed = 0;
    log_level_set(LOG_ERROR);
    if (!parse(argc, argv, &o)) {
        fprintf(
            stderr,
            "sim [--seeds N] [--start S] [--profile NAME] [--steps N] | --seed S --profile NAME [--tell] | --stories [NAME] [--tell]\n");
        return 64;
    }
    if (o.stories) {
        int r = stories_run(o.story, o.tell, &passed, &failed);
        printf("%u passed, %u failed\n", passed, failed);
        return r != 0 || failed > 0;
    }
    for (uint64_t i = 0; i < (o.one ? 1 : o.seeds); i++) {
        uint64_t seed = o.one ? o.seed : o.start + i;
        const struct profile *p = &profiles[seed % PROFILES];
        for (size_t k = 0; o.profile != NULL && k < PROFILES; k++)
            if (strcmp(profiles[k].name, o.profile) == 0)
                p = &profiles[k];
        bool good, again;
        struct hash first = run(seed, p, &o, o.tell, &good);
        if (good && seed % 16 == 0) {
            struct hash second = run(seed, p, &o, false, &again);
            if (!hash_equal(&first, &second)) {
                printf("seed %" PRIu64 " of %s does not replay to the same trace\n", seed, p->name);
                good = false;
            }
        }
        passed += good;
        failed += !good;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
