/* Makes a synthetic city in the layout of the sample city: registers, an edit log for each community, and what to check against.
 *
 *   gen_city --out DIR [--seed 1] [--communities 8] [--people 900] [--days 60] [--edits 90]
 *
 * The same arguments give the same bytes. Nobody and nothing in it is real: the communities lie under 650299, a division that does
 * not exist; identity numbers begin with 650299 or 99 and most have a right check digit; phones begin with 129. Promised whatever the
 * seed: adopted and created records, at least 20 deletes, at least 5 deletes against an edit by another community within hours, at
 * least 30 pairs of different values for one field by two communities within hours. It refuses to make a city too small for that.
 *
 * How it works: files (a person's record and the service records that hang from it) are made at communities, then day by day edits
 * are drawn for them. A planner spreads the promised events over the days. Nothing is written before the end. Two communities never
 * write one record in the same second: the one that made it writes in even seconds, the one that adopted it in odd ones. C leaves the
 * order of arguments to the compiler, so no statement draws twice. */
#include "tests/city/gen/world.h"

#include <getopt.h>
#include <sys/stat.h>

static void usage(void) {
    die("usage: gen_city --out DIR [--seed 1] [--communities 8, 2 to 40] [--people 900] [--days 60] [--edits 90]\n"
        "DIR is new or empty; --people counts adults registered before the first day; --edits is log lines a day per 1000 of them");
}

static unsigned parse(const char *text, unsigned least, unsigned most) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || n < least || n > most)
        usage();
    return (unsigned)n;
}

int main(int argc, char **argv) {
    enum { SEED = 1, COMMUNITIES, PEOPLE, DAYS, EDITS, OUT };
    static const struct option options[] = {
        {"seed", required_argument, NULL, SEED},
        {"communities", required_argument, NULL, COMMUNITIES},
        {"people", required_argument, NULL, PEOPLE},
        {"days", required_argument, NULL, DAYS},
        {"edits", required_argument, NULL, EDITS},
        {"out", required_argument, NULL, OUT},
        {NULL, 0, NULL, 0},
    };
    struct city c = {.seed = 1, .communities = 8, .people = 900, .days = 60, .edits = 90};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == SEED)
            c.seed = parse(optarg, 0, 4000000000u);
        else if (o == COMMUNITIES)
            c.communities = parse(optarg, 2, 40);
        else if (o == PEOPLE)
            c.people = parse(optarg, 100, 50000);
        else if (o == DAYS)
            c.days = parse(optarg, 10, 2000);
        else if (o == EDITS)
            c.edits = parse(optarg, 0, 10000);
        else if (o == OUT)
            c.out = optarg;
        else
            usage();
    }
    if (optind != argc || c.out == NULL)
        usage();
    if (mkdir(c.out, 0777) != 0 && errno != EEXIST)
        die("%s: %s", c.out, strerror(errno));
    c.dice = c.seed;
    communities_make(&c);
    populate(&c);
    put_registers(&c);
    run_days(&c);
    number_lines(&c);
    put_logs(&c);
    put_folder(&c, "truth");
    put_folder(&c, "linkage");
    put_concurrent(&c);
    put_identity(&c);
    put_linkage(&c);
    put_manifest(&c);
    free(c.files.items);
    free(c.records.items);
    free(c.log);
    pool_close(&c.pool);
    return 0;
}
