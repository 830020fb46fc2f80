#include "common/daemon/config.h"

#include <string.h>

static void show(void *owner, const struct setting *of, const char *value, const char *from) {
    request_row(owner, json_pack("{s:s, s:s, s:s, s:s}", "setting", of->name, "value", value, "from", from, "help", of->help));
}

void config_show(const struct settings *s, struct request *q) {
    settings_each(s, show, q);
    request_end(q);
}

struct comparing {
    const struct settings *now;
    struct request *request;
};

static void compare(void *owner, const struct setting *of, const char *value, const char *from) {
    struct comparing *x = owner;
    const char *now = settings_text(x->now, of->name);
    if (strcmp(now, value) != 0)
        request_row(x->request, json_pack("{s:s, s:s, s:s, s:s}", "setting", of->name, "now", now, "restart", value, "from", from));
}

void config_check(const struct settings *s, struct request *q) {
    const char *file = request_text(q, "path");
    struct complaints c = {.count = 0};
    struct comparing x = {s, q};
    if (file != NULL && *file != '/') {
        request_error(q, "bad_request", "name the file from / on: the daemon reads it", "anjuctl config check /etc/anju/hub.yaml");
        return;
    }
    struct settings *again = settings_again(s, file, &c);
    if (again == NULL) {
        if (c.text.len > 0 && c.text.at[c.text.len - 1] == '\n')
            c.text.len--;
        request_error(q, "conflict", buffer_string(&c.text), "correct the file; the daemon runs on as it is");
    } else {
        settings_each(again, compare, &x);
        request_end(q);
    }
    settings_free(again);
    complaints_close(&c);
}
