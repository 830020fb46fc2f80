/* Machines that never come: `strangers COUNT` prints lines of a number and a public string, whose private half nobody has. */
#include "common/base/random.h"
#include "common/net/keys.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    char text[PUBLIC_TEXT];
    for (unsigned long i = 1; i <= count; i++) {
        struct public_keys k;
        entropy_fill(&k, sizeof k);
        printf("%lu %s\n", i, public_text(&k, text));
    }
    return count == 0 ? 64 : 0;
}
