#include "tests/support/test_seal.h"

#include "common/base/key_file.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct seal *made;

const struct seal *test_seal(void) {
    struct seal_key k;
    memset(k.b, 0x5a, sizeof k.b);
    if (made == NULL)
        made = seal_new(&k);
    return made;
}

const struct seal *test_seal_of(const char *store_folder) {
    struct seal_key k;
    char copy[4096], path[4200];
    snprintf(copy, sizeof copy, "%s", store_folder);
    snprintf(path, sizeof path, "%s.seal", dirname(copy));
    if (key_file_load(path, "anju-seal", 077, k.b) != 0) {
        fprintf(stderr, "%s: no key\n", path);
        exit(1);
    }
    return made = seal_new(&k);
}
