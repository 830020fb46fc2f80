#include "common/base/error.h"

#include "common/base/log.h"

#include <string.h>

int error_fail(int err, const char *file, int line, const char *where) {
    log_fact(
        LOG_ERROR, "error.failed", FACT_TEXT("what", error_text(err)), FACT_TEXT("file", file), FACT_INT("line", line),
        FACT_TEXT("in", where));
    return err;
}

int error_pass(int err, const char *file, int line, const char *where) {
    if (err < 0)
        log_fact(LOG_DEBUG, "error.passed", FACT_INT("code", err), FACT_TEXT("file", file), FACT_INT("line", line), FACT_TEXT("in", where));
    return err;
}

const char *error_text(int err) {
    const char *text = strerrordesc_np(err < 0 ? -err : err);
    return text == NULL ? "unknown error" : text;
}
