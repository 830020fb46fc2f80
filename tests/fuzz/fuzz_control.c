/* The status socket: what anybody who may open it can write. A real control over a real socket, with a command that answers at once and one
 * that answers a turn of the loop later; the session must end, and every line must have been answered or refused. */
#include "common/daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static uv_idle_t later;
static struct request *waiting[64];
static size_t waiting_count;
static char path[64];

static void on_later(uv_idle_t *h) {
    uv_idle_stop(h);
    while (waiting_count > 0)
        request_end(waiting[--waiting_count]);
}

static void at_once(void *owner, struct request *q) {
    (void)owner;
    const char *text = request_text(q, "text");
    request_ok(q, json_pack("{s:s}", "text", text == NULL ? "" : text));
}

static void later_on(void *owner, struct request *q) {
    (void)owner;
    if (waiting_count == sizeof waiting / sizeof *waiting) {
        request_error(q, "busy", "too many", NULL);
        return;
    }
    request_row(q, json_pack("{s:b}", "flag", request_flag(q, "flag")));
    waiting[waiting_count++] = q;
    uv_idle_start(&later, on_later);
}

static void start(void) {
    static const struct command table[] = {
        {"now", CONTROL_STATUS, at_once, "text?", "", "", "", ""},
        {"later", CONTROL_STATUS, later_on, "", "flag", "flag", "", ""},
        {"secret", CONTROL_ADMIN, at_once, "", "", "", "", ""}};
    static char folder[] = "/tmp/anju-fuzz-XXXXXX";
    struct control *c;
    if (path[0] != '\0')
        return;
    uv_loop_init(&loop);
    uv_idle_init(&loop, &later);
    if (mkdtemp(folder) == NULL || control_open(&loop, folder, table, 3, NULL, &c) != 0)
        abort();
    snprintf(path, sizeof path, "%s/status.sock", folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char answer[65536];
    size_t sent = 0;
    start();
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        abort();
    for (unsigned turns = 0;; turns++) {
        if (sent < size) {
            ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
            sent = n > 0 ? sent + (size_t)n : n < 0 && errno != EAGAIN ? size : sent;
        }
        if (sent == size)
            shutdown(fd, SHUT_WR);
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (turns > 1000000)
            abort(); /* the session never ends */
    }
    close(fd);
    uv_run(&loop, UV_RUN_NOWAIT);
    return 0;
}
