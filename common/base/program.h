/* What this build calls itself: the programs' --version, `hello` and `version` on the status socket, the node's Hello. */
#pragma once

#define PROGRAM_VERSION "0.1"

/* Store format 2: every value is sealed. A newer one takes older stores over as it opens them; tests/compat has one of each. */
enum { PROGRAM_STORE_FORMAT = 2, PROGRAM_PROTOCOL = 1 };

/* In what a program calls itself: what it speaks and what it keeps, for the city to know who needs an update. */
#define PROGRAM_SAYS "(protocol %u, store %u)"
