/* Every reader of what a person or a file hands us; the first byte chooses which. What is read must be shown again without a crash. */
#include "common/catalogue/catalogue.h"
#include "common/daemon/mapping.h"
#include "common/daemon/settings.h"
#include "common/net/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void catalogue(struct bytes in) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    if (!catalogue_add_all(&k, in, &c) && c.count == 0)
        abort(); /* refused without a word */
    catalogue_close(&k);
    complaints_close(&c);
}

static void value(struct bytes in) {
    struct value v, back;
    struct buffer text = {0}, packed = {0};
    if (value_unpack(in, &v)) {
        value_text(&v, &text);
        value_pack(&v, &packed);
        if (v.kind != VALUE_NONE && !value_unpack(buffer_bytes(&packed), &back))
            abort();
    }
    buffer_close(&text);
    buffer_close(&packed);
}

static void typed(struct bytes in) {
    if (in.len == 0)
        return;
    struct value v, back;
    struct buffer packed = {0};
    if (value_read((enum value_kind)(in.at[0] % VALUE_KINDS), bytes_of(in.at + 1, in.len - 1), &v) == NULL) {
        value_pack(&v, &packed);
        if (!value_unpack(buffer_bytes(&packed), &back))
            abort();
    }
    field_check_text((enum field_check)(in.at[0] % 3), bytes_of(in.at + 1, in.len - 1));
    buffer_close(&packed);
}

static void public_string(struct bytes in) {
    struct public_keys k;
    char text[PUBLIC_TEXT];
    if (public_parse(in, &k))
        public_text(&k, text);
}

/* These read files by name. */
static void as_file(struct bytes in, void (*reads)(const char *path, struct complaints *c)) {
    struct complaints c = {.count = 0};
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) != 0 || (in.len > 0 && write(fd, in.at, in.len) != (ssize_t)in.len))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    reads(path, &c);
    complaints_close(&c);
    close(fd);
}

static void read_csv(const char *path, struct complaints *c) {
    struct csv_table t;
    if (!csv_load(path, &t, c) && c->count == 0)
        abort();
    size_t last = 0;
    for (size_t i = 0; i < t.rows; i++) {
        if (t.lines[i] <= last)
            abort(); /* two rows begin in one line */
        last = t.lines[i];
        for (size_t k = 0; k < t.columns; k++)
            if (t.cells[i * t.columns + k] == NULL)
                abort();
    }
    csv_close(&t);
}

static void read_mapping(const char *path, struct complaints *c) {
    struct mapping *m = mapping_load(path, c);
    if (m == NULL && c->count == 0)
        abort();
    mapping_free(m);
}

static void csv(struct bytes in) {
    as_file(in, read_csv);
}

static void mapping(struct bytes in) {
    as_file(in, read_mapping);
}

static const struct setting table[] = {
    {"data", SETTING_TEXT, "/var/lib/anju", 0, 0, "where everything lies"},
    {"limit", SETTING_NUMBER, "5", -3, 1000, "how many"},
    {"on", SETTING_FLAG, "true", 0, 0, "whether"},
    {"colour", SETTING_CHOICE, "green blue yellow", 0, 0, "which"},
    {"listen", SETTING_ENDPOINT, "tcp://[::]:7401", 0, 0, "where"},
};
enum { SETTINGS = sizeof table / sizeof *table };

static bool same(const struct settings *a, const struct settings *b) {
    return strcmp(settings_text(a, "data"), settings_text(b, "data")) == 0 && settings_number(a, "limit") == settings_number(b, "limit") &&
           settings_flag(a, "on") == settings_flag(b, "on");
}

static struct settings *shown;

static void read_shown(const char *path, struct complaints *c) {
    struct settings *again = settings_load(table, SETTINGS, path, NULL, 0, c);
    if (again == NULL || !same(shown, again))
        abort();
    settings_free(again);
}

/* What is shown is a file that gives the same. */
static void show_settings(struct settings *s, const struct complaints *c) {
    struct buffer b = {0};
    if (s == NULL && c->count == 0)
        abort();
    if (s == NULL)
        return;
    settings_show(s, &b);
    shown = s;
    as_file(buffer_bytes(&b), read_shown);
    buffer_close(&b);
    settings_free(s);
}

static void read_settings(const char *path, struct complaints *c) {
    show_settings(settings_load(table, SETTINGS, path, NULL, 0, c), c);
}

static void settings_file(struct bytes in) {
    as_file(in, read_settings);
}

/* Arguments of --set, one a line. */
static void settings_set(struct bytes in) {
    struct complaints c = {.count = 0};
    char *text = memory_zeroed(in.len + 1, 1), *rest = text;
    const char *sets[8];
    size_t count = 0;
    if (in.len > 0)
        memcpy(text, in.at, in.len);
    while (count < 8 && (sets[count] = strsep(&rest, "\n")) != NULL)
        count++;
    show_settings(settings_load(table, SETTINGS, NULL, sets, count, &c), &c);
    complaints_close(&c);
    free(text);
}

static void read_keys(const char *path, struct complaints *c) {
    struct keys k;
    char text[PUBLIC_TEXT];
    struct public_keys back;
    (void)c;
    if (keys_load(path, &k) == 0 && !public_parse(bytes_text(public_text(&k.public, text)), &back))
        abort();
}

static void keys_file(struct bytes in) {
    as_file(in, read_keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(struct bytes) = {catalogue, value,         typed,        public_string, csv,
                                                    mapping,   settings_file, settings_set, keys_file};
    enum { READERS = sizeof readers / sizeof *readers };
    if (size > 0)
        readers[data[0] % READERS](bytes_of(data + 1, size - 1));
    return 0;
}
