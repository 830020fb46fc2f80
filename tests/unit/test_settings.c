/* Settings: what is shown is a file that gives the same, whatever a text holds. */
#include "common/daemon/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct setting table[] = {
    {"data", SETTING_TEXT, "/var/lib/anju", 0, 0, "where everything lies"},
    {"limit", SETTING_NUMBER, "5", -3, 1000, "how many"},
    {"on", SETTING_FLAG, "true", 0, 0, "whether"},
    {"colour", SETTING_CHOICE, "green blue yellow", 0, 0, "which"},
    {"listen", SETTING_ENDPOINT, "tcp://[::]:7401", 0, 0, "where"},
    {"reach", SETTING_ENDPOINT, "", 1, 1, "where to"},
};
enum { SETTINGS = sizeof table / sizeof *table };

static struct settings *load(const char *path, const char *const *sets, size_t count) {
    struct complaints c = {.count = 0};
    struct settings *s = settings_load(table, SETTINGS, path, sets, count, &c);
    assert_int_equal(s == NULL, c.count > 0);
    complaints_close(&c);
    return s;
}

static struct settings *load_text(struct bytes text) {
    char path[64];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    assert_int_equal(write(fd, text.at, text.len), (ssize_t)text.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct settings *s = load(path, NULL, 0);
    close(fd);
    return s;
}

static void what_is_shown_gives_the_same(void **state) {
    static const char *const texts[] = {
        "",
        "/srv/安居/data",
        " two  spaces ",
        "a \"quoted\" \\ path",
        "line\nbreak\ttab",
        "\x01\x7f",
        "\xc2\x85\xc2\xa0",
        "\xe2\x80\xa8",
        "# no comment",
        "\xef\xbb\xbfmark",
        "\xef\xbf\xbf",
        "\xf0\x9f\x8f\xa0"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char set[64];
        snprintf(set, sizeof set, "data=%s", texts[i]);
        const char *const sets[] = {set, "limit=-3", "on=false"};
        struct buffer shown = {0};
        struct settings *s = load(NULL, sets, 3), *back;
        assert_non_null(s);
        assert_string_equal(settings_text(s, "data"), texts[i]);
        settings_show(s, &shown);
        back = load_text(buffer_bytes(&shown));
        assert_non_null(back);
        assert_string_equal(settings_text(back, "data"), texts[i]);
        assert_int_equal(settings_number(back, "limit"), -3);
        assert_false(settings_flag(back, "on"));
        settings_free(s);
        settings_free(back);
        buffer_close(&shown);
    }
}

static void what_is_no_value_is_refused(void **state) {
    static const char *const sets[] = {
        "data=\xff",
        "data",
        "limit=5x",
        "limit=",
        "limit=1001",
        "limit=99999999999999999999",
        "on=1",
        "dta=x",
        "colour=red",
        "colour=",
        "colour=green blue",
        "listen=",
        "listen=nonsense",
        "listen=tcp://"};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        assert_null(load(NULL, &sets[i], 1));
}

static void choices_and_endpoints(void **state) {
    static const char *const good[] = {
        "colour=blue",
        "listen=tcp://*:*",
        "listen=tcp://10.0.0.1:1",
        "listen=tcp://[fe80::1%eth0]:65535",
        "reach=tcp://city-hall.example:7401",
        "reach=tcp://[::1]:7401",
        "reach="};
    static const char *const bad[] = {"listen=tcp://h:0",      "listen=tcp://h:65536",    "listen=tcp://h:7401x",  "listen=tcp://h",
                                      "listen=tcp://:7401",    "listen=udp://h:7401",     "listen=tcp://::1:7401", "listen=tcp://[1]:7401",
                                      "listen=tcp://a b:7401", "listen=tcp://a;b:7401",   "listen=tcp://h:+1",     "reach=tcp://h:*",
                                      "reach=tcp://*:7401",    "listen=tcp://[::g]:7401", "listen=h:7401"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct settings *s = load(NULL, &good[i], 1);
        assert_non_null(s);
        settings_free(s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(load(NULL, &bad[i], 1));
    char longest[300] = "listen=tcp://";
    memset(longest + strlen(longest), 'h', 256 - strlen("tcp://:7401"));
    strcat(longest, ":7401");
    const char *set = longest;
    assert_null(load(NULL, &set, 1));
    longest[strlen("listen=tcp://")] = '\0';
    memset(longest + strlen(longest), 'h', 255 - strlen("tcp://:7401"));
    strcpy(longest + strlen("listen=tcp://") + 255 - strlen("tcp://:7401"), ":7401");
    struct settings *s = load(NULL, &set, 1);
    assert_non_null(s);
    assert_string_equal(settings_text(s, "colour"), "green");
    settings_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_gives_the_same),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(choices_and_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
