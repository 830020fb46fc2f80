/* Chinese for what is said to people in errors: answers' messages and hints, and anjuctl's own. English stands in the code, where the error
 * is, and is the key; the table in words.c has the Chinese. tests/tidy/words.sh looks that none is missing, none is left over, and that the
 * conversions of a format are the same ones in the same order. */
#pragma once

#include "common/base/bytes.h"

#include <stdarg.h>

/* static, or the text itself: in English, or without a translation; NULL of NULL */
const char *words_in(bool zh, const char *text) __attribute__((format_arg(2)));
/* Adds the words, at most WORDS_MOST bytes of them, cut between two characters. */
enum { WORDS_MOST = 2000 };
void words_format(struct buffer *out, bool zh, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
const char *words_errno(bool zh, int number /* of errno */); /* of the common ones in Chinese; static */
