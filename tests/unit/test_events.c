/* The ring of the log's latest facts: what is dropped when it is full, by number and by bytes, and what one asks for. */
#include "common/base/log.h"
#include "common/daemon/events.h"

#include "common/base/memory.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct daemon {
    uv_loop_t loop;
    struct control *control;
    struct events *events;
    json_t *rows, *error; /* of the last question */
    char folder[64];
    int stderr_was;
};

static void run_events(void *owner, struct request *q) {
    struct daemon *d = owner;
    events_list(d->events, q);
}

static const struct command table[] = {
    {"events", CONTROL_STATUS, run_events, "", "level= after= count=", EVENTS_COLUMNS, "", ""},
};

static int begin(void **state) {
    struct daemon *d = memory_zeroed(1, sizeof *d);
    strcpy(d->folder, "/tmp/anju-events.XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    uv_loop_init(&d->loop);
    assert_int_equal(control_open(&d->loop, d->folder, table, 1, d, &d->control), 0);
    log_level_set(LOG_DEBUG);
    d->stderr_was = dup(STDERR_FILENO);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDERR_FILENO); /* thousands of facts */
    close(null);
    d->events = events_open();
    *state = d;
    return 0;
}

static int end(void **state) {
    struct daemon *d = *state;
    d->events = events_close(d->events);
    d->control = control_close(d->control);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
    dup2(d->stderr_was, STDERR_FILENO);
    close(d->stderr_was);
    json_decref(d->rows);
    json_decref(d->error);
    rmdir(d->folder);
    free(d);
    return 0;
}

static void on_line(void *owner, const json_t *line) {
    struct daemon *d = owner;
    json_t *row = json_object_get(line, "row"), *error = json_object_get(line, "error");
    if (row != NULL)
        json_array_append(d->rows, row);
    if (error != NULL)
        d->error = json_incref(error);
}

static size_t ask(struct daemon *d, json_t *args /* takes */) {
    json_decref(d->rows);
    json_decref(d->error);
    d->rows = json_array();
    d->error = NULL;
    control_ask(d->control, CONTROL_STATUS, NULL, "events", args, on_line, d);
    return json_array_size(d->rows);
}

static const char *text_of(const struct daemon *d, size_t i, const char *name) {
    return json_string_value(json_object_get(json_array_get(d->rows, i), name));
}
static json_int_t number_of(const struct daemon *d, size_t i) {
    return json_integer_value(json_object_get(json_array_get(d->rows, i), "n"));
}

static void what_one_asks_for(void **state) {
    struct daemon *d = *state;
    assert_int_equal(ask(d, json_object()), 0);
    log_fact(LOG_INFO, "one.begun", FACT_UINT("n", 1), FACT_TEXT("why", "a b"));
    log_fact(LOG_ERROR, "two");
    log_fact(LOG_DEBUG, "three");
    assert_int_equal(ask(d, json_object()), 3);
    assert_string_equal(text_of(d, 0, "event"), "one.begun");
    assert_string_equal(text_of(d, 0, "facts"), "n=1 why=\"a b\"");
    assert_string_equal(text_of(d, 1, "event"), "two");
    assert_string_equal(text_of(d, 1, "facts"), "");
    assert_int_equal(ask(d, json_pack("{s:s}", "level", "warning")), 1);
    assert_string_equal(text_of(d, 0, "level"), "error");
    assert_int_equal(ask(d, json_pack("{s:i}", "count", 2)), 2);
    assert_int_equal(number_of(d, 0), 2);
    assert_int_equal(ask(d, json_pack("{s:s}", "after", "2")), 1);
    assert_int_equal(number_of(d, 0), 3);
    assert_int_equal(ask(d, json_pack("{s:i}", "after", 3)), 0);
    assert_int_equal(ask(d, json_pack("{s:i}", "after", 999)), 0);
    static const char *const wrong[][2] = {{"level", "loud"}, {"after", "x"}, {"after", "-1"}, {"count", ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ask(d, json_pack("{s:s}", wrong[i][0], wrong[i][1])), 0);
        assert_string_equal(json_string_value(json_object_get(d->error, "code")), "bad_request");
    }
}

static void many(void **state) {
    struct daemon *d = *state;
    for (unsigned i = 1; i <= EVENTS_MOST + 10; i++)
        log_fact(LOG_INFO, "x", FACT_UINT("i", i));
    assert_int_equal(ask(d, json_pack("{s:i}", "count", 5 * EVENTS_MOST)), EVENTS_MOST);
    assert_int_equal(number_of(d, 0), 11);
    assert_int_equal(number_of(d, EVENTS_MOST - 1), EVENTS_MOST + 10);
}

static void long_ones(void **state) {
    struct daemon *d = *state;
    static char words[8001];
    memset(words, 'w', sizeof words - 1);
    for (unsigned i = 0; i < EVENTS_MOST; i++)
        log_fact(LOG_INFO, "x", FACT_TEXT("why", words));
    size_t n = ask(d, json_pack("{s:i}", "count", EVENTS_MOST)), bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(text_of(d, i, "facts"));
    assert_true(n > 0 && n < EVENTS_MOST);
    assert_true(bytes <= EVENTS_BYTES_MOST && bytes > EVENTS_BYTES_MOST / 2);
    assert_int_equal(number_of(d, n - 1), EVENTS_MOST);
}

/* The log cuts a line wherever it is full; what is shown is text all the same. */
static void cut_within_a_character(void **state) {
    struct daemon *d = *state;
    static char words[3 * 1000 + 1];
    for (unsigned shift = 0; shift < 3; shift++) {
        memset(words, 'w', shift);
        for (size_t i = shift; i + 3 < sizeof words; i += 3)
            memcpy(words + i, "居", 3);
        log_fact(LOG_INFO, "x", FACT_TEXT("why", words));
    }
    assert_int_equal(ask(d, json_object()), 3);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_asks_for, begin, end),
        cmocka_unit_test_setup_teardown(many, begin, end),
        cmocka_unit_test_setup_teardown(long_ones, begin, end),
        cmocka_unit_test_setup_teardown(cut_within_a_character, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
