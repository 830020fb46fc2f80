#include "tests/sim/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES(X)                                                                                                                         \
    X(story_first_contact)                                                                                                                 \
    X(story_offline_weeks)                                                                                                                 \
    X(story_paging)                                                                                                                        \
    X(story_moved)                                                                                                                         \
    X(story_left_row)                                                                                                                      \
    X(story_gained)                                                                                                                        \
    X(story_lost_scope)                                                                                                                    \
    X(story_lost_scope_pending)                                                                                                            \
    X(story_shared)                                                                                                                        \
    X(story_concurrent)                                                                                                                    \
    X(story_delete_against_edit)                                                                                                           \
    X(story_policy)                                                                                                                        \
    X(story_interrupted_load)                                                                                                              \
    X(story_held_base)                                                                                                                     \
    X(story_held_ack_lost)                                                                                                                 \
    X(story_held_told_again)                                                                                                               \
    X(story_held_retry)                                                                                                                    \
    X(story_held_replaced)                                                                                                                 \
    X(story_stream_goes_on)                                                                                                                \
    X(story_credit_lost)                                                                                                                   \
    X(story_good_faith)                                                                                                                    \
    X(story_no_early_alarm)                                                                                                                \
    X(story_pushed_again)                                                                                                                  \
    X(story_two_lives)                                                                                                                     \
    X(story_late_push)                                                                                                                     \
    X(story_lost_messages)                                                                                                                 \
    X(story_hub_clock)                                                                                                                     \
    X(story_node_clock)                                                                                                                    \
    X(story_hub_restored)                                                                                                                  \
    X(story_same_copy_twice)                                                                                                               \
    X(story_older_copy)                                                                                                                    \
    X(story_log_and_state)                                                                                                                 \
    X(story_second_incarnation)                                                                                                            \
    X(story_lineage)                                                                                                                       \
    X(story_gap)                                                                                                                           \
    X(story_state_behind)                                                                                                                  \
    X(story_another_life)                                                                                                                  \
    X(story_another_time)                                                                                                                  \
    X(story_another_life_carried_over)                                                                                                     \
    X(story_new_machine)                                                                                                                   \
    X(story_policy_never_falls)                                                                                                            \
    X(story_own_decision)                                                                                                                  \
    X(story_nonce)                                                                                                                         \
    X(story_welcome_lost)                                                                                                                  \
    X(story_pushed_twice)                                                                                                                  \
    X(story_busy)                                                                                                                          \
    X(story_other_versions)                                                                                                                \
    X(story_cloned)                                                                                                                        \
    X(story_clone_enrolled_anew)                                                                                                           \
    X(story_hub_disk_full)                                                                                                                 \
    X(story_node_disk_full)                                                                                                                \
    X(story_crashes)                                                                                                                       \
    X(story_bit_rot)                                                                                                                       \
    X(story_clock_wrong_online)                                                                                                            \
    X(story_clock_wrong_welcomed)                                                                                                          \
    X(story_log_rot)                                                                                                                       \
    X(story_log_rot_last)                                                                                                                  \
    X(story_log_rot_accepted)                                                                                                              \
    X(story_log_rot_online)                                                                                                                \
    X(story_log_rot_hub_restored)                                                                                                          \
    X(story_erased)                                                                                                                        \
    X(story_erased_unsent)                                                                                                                 \
    X(story_erased_hub_restored)                                                                                                           \
    X(story_erased_own_replayed)                                                                                                           \
    X(story_erased_node_restored)                                                                                                          \
    X(story_erased_pushed_late)                                                                                                            \
    X(story_erased_cut_off)                                                                                                                \
    X(story_erased_asked_for)                                                                                                              \
    X(story_erased_held)                                                                                                                   \
    X(story_redivision)                                                                                                                    \
    X(story_policy_day)                                                                                                                    \
    X(story_policy_order)                                                                                                                  \
    X(story_policy_back)                                                                                                                   \
    X(story_policy_old_disk)                                                                                                               \
    X(story_policy_district)                                                                                                               \
    X(story_policy_forged)

#define X(name) extern const struct story name;
STORIES(X)
#undef X

static const struct story *const all[] = {
#define X(name) &name,
    STORIES(X)
#undef X
};

/* Its own, so that one more story changes no other's world. */
static uint64_t seed_of(const char *name) {
    uint64_t seed = 1;
    for (; *name != '\0'; name++)
        seed = seed * 31 + (unsigned char)*name;
    return seed;
}

int stories_run(const char *only, bool tell, unsigned *passed, unsigned *failed) {
    unsigned found = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (only != NULL && strcmp(only, all[i]->name) != 0)
            continue;
        struct world *w = calloc(1, sizeof *w);
        if (w == NULL)
            abort();
        found++;
        world_open(w, seed_of(all[i]->name), 0, all[i]->nodes);
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
