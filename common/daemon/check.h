/* `anjuctl check` and `anjuctl status -x`: what a monitor needs to know of a daemon, as an exit code and in its own form. */
#pragma once

enum { CHECK_GOOD = 0, CHECK_WARNING = 1, CHECK_CRITICAL = 2, CHECK_UNKNOWN = 3 }; /* as Nagios plugins exit */

/* The words after `check`. Gives one of the above: a daemon that cannot be asked is critical, words that make no sense are unknown. */
int check_run(const char *socket, unsigned timeout_ms, const char *lang, int argc, char **argv);
