/* Where somebody listens or is reached, as text: tcp://host:port. The host is a name, an IPv4 address, or an IPv6 address in [ ]. */
#pragma once

#include <stdbool.h>

enum { ENDPOINT_MAX = 256 /* bytes, with the NUL */ };

bool endpoint_good(const char *text, bool listens /* host and port may be *: all interfaces, a free port */);
