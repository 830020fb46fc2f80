/* The ZAP gate: whatever asks it, it answers, once, and never lets in who did not ask in the right form. Frames are cut by length bytes. */
#include "common/base/log.h"
#include "common/net/gate.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static void *asker;
static bool asked;

static enum gate_verdict admits(void *owner, const uint8_t key[32]) {
    (void)owner;
    asked = true;
    return (enum gate_verdict)(key[0] % 3);
}

static void start(void) {
    struct gate *g;
    if (asker != NULL)
        return;
    log_level_set(LOG_ERROR); /* every refusal is told */
    void *context = zmq_ctx_new();
    uv_loop_init(&loop);
    if (context == NULL || gate_open(&loop, context, "anju", admits, NULL, NULL, &g) != 0)
        abort();
    asker = zmq_socket(context, ZMQ_DEALER);
    if (asker == NULL || zmq_connect(asker, "inproc://zeromq.zap.01") != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char status[4] = "", frame[512];
    size_t frames = 0, parts = 0;
    start();
    asked = false;
    zmq_send(asker, "", 0, ZMQ_SNDMORE);
    while (size > 0 && frames++ < 12) {
        size_t len = data[0] < size ? data[0] : size - 1;
        len = data[0] == 255 && size > 300 ? 300 : len; /* longer than any frame of such a request */
        zmq_send(asker, data + 1, len, ZMQ_SNDMORE);
        data += 1 + len;
        size -= 1 + len;
    }
    zmq_send(asker, "", 0, 0);
    for (unsigned turns = 0;; turns++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        int n = zmq_recv(asker, frame, sizeof frame, ZMQ_DONTWAIT), more = 0;
        size_t len = sizeof more;
        if (n < 0) {
            if (turns > 10000000)
                abort(); /* no answer */
            continue;
        }
        if (parts++ == 3 && n == 3)
            memcpy(status, frame, 3);
        if (zmq_getsockopt(asker, ZMQ_RCVMORE, &more, &len) != 0 || !more)
            break;
    }
    if (parts != 7 || (strcmp(status, "200") == 0 && !asked))
        abort();
    return 0;
}
