/* The key that tests seal with: the same code as in the daemons, one key that everybody knows. */
#pragma once

#include "common/store/seal.h"

const struct seal *test_seal(void); /* lives until the program ends */
const struct seal *test_seal_of(
    const char *store_folder); /* of a daemon's store DATA/x: the key in DATA.seal; ends the program without it */
