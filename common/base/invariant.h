/* An always-on assertion about ourselves. Never on input, disk or socket: those have outcomes. */
#pragma once

#define invariant(expr) ((expr) ? (void)0 : invariant_broken(#expr, __FILE__, __LINE__, __func__))

_Noreturn void invariant_broken(const char *expr, const char *file, int line, const char *where);
