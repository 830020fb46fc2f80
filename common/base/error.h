/* Errors are int: 0 is done, a negative errno is the system's fault and is forwarded, a positive value is a named outcome
 * of the one function that returns it, handled by its caller and never forwarded.
 *
 * The trace carries the place of a failure: fail() where it is first seen, pass() where it goes on upwards. */
#pragma once

#define fail(err) error_fail((err), __FILE__, __LINE__, __func__)
#define pass(err) error_pass((err), __FILE__, __LINE__, __func__)

int error_fail(int err, const char *file, int line, const char *where); /* err < 0; logs it and gives it back */
int error_pass(int err, const char *file, int line, const char *where);
const char *error_text(int err); /* words for a person; static */

/* Runs fn(&variable) when the variable goes out of scope; what is handed over is set to NULL (or zeroed) first. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
