/* Patterns of validation rules: POSIX extended expressions over the whole text, without what would make them slow or read differently
 * elsewhere: no back references, no repeats inside repeats, ASCII alone inside [ ]. */
#pragma once

#include <regex.h>

enum { PATTERN_MOST = 200, PATTERN_TEXT_MOST = 4096 };

/* Compiles into out, which is freed with regfree. NULL: done, else what is wrong, static. */
const char *pattern_compile(const char *pattern, regex_t *out);
