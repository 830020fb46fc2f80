#include "common/base/endpoint.h"

#include <stdlib.h>
#include <string.h>

static bool host_good(const char *host, size_t len, bool listens) {
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (listens && len == 1 && *host == '*')
        return true;
    bool v6 = len > 2 && *host == '[' && host[len - 1] == ']';
    if (!v6)
        return len > 0 && strspn(host, word) >= len;
    const char *at = host + 1, *end = host + len - 1;
    at += strspn(at, "0123456789abcdefABCDEF:.");
    if (at < end && *at == '%') /* an interface */
        at += 1 + strspn(at + 1, word);
    return at == end && memchr(host, ':', len) != NULL;
}

static bool port_good(const char *port, bool listens) {
    size_t digits = strspn(port, "0123456789");
    if (listens && strcmp(port, "*") == 0)
        return true;
    long v = digits > 0 && digits <= 5 && port[digits] == '\0' ? strtol(port, NULL, 10) : 0;
    return v >= 1 && v <= 65535;
}

bool endpoint_good(const char *text, bool listens) {
    static const char scheme[] = "tcp://";
    size_t head = sizeof scheme - 1;
    if (strlen(text) >= ENDPOINT_MAX || strncmp(text, scheme, head) != 0)
        return false;
    const char *port = strrchr(text + head, ':');
    return port != NULL && host_good(text + head, (size_t)(port - text) - head, listens) && port_good(port + 1, listens);
}
