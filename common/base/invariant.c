#include "common/base/invariant.h"

#include "common/base/log.h"

#include <stdlib.h>

void invariant_broken(const char *expr, const char *file, int line, const char *where) {
    log_fact(
        LOG_ERROR, "invariant.broken", FACT_TEXT("expr", expr), FACT_TEXT("file", file), FACT_INT("line", line), FACT_TEXT("in", where));
    abort();
}
