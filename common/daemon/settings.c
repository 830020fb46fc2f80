#include "common/daemon/settings.h"

#include "common/base/endpoint.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const struct setting *table; /* borrows, static */
    size_t count;
    char **values, **from; /* own */
    char *path;            /* owns; NULL: none */
    char **sets;           /* owns */
    size_t set_count;
};

static size_t place(const struct settings *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->table[i].name, name) == 0)
            return i;
    return s->count;
}

enum { CHOICES = 16 };

/* The words of a CHOICE, as nearest_word takes them; they point into `room`, which is freed. */
static void choices(const struct setting *t, char **room, const char *out[CHOICES + 1]) {
    size_t n = 0;
    char *rest = *room = memory_text(t->standard), *word;
    while ((word = strsep(&rest, " ")) != NULL) {
        invariant(n < CHOICES);
        out[n++] = word;
    }
    out[n] = NULL;
}

static const char *wrong_choice(const struct setting *t, const char *text, struct buffer *why) {
    const char *words[CHOICES + 1];
    char *room;
    bool found = false;
    choices(t, &room, words);
    for (size_t i = 0; words[i] != NULL; i++) {
        found |= strcmp(words[i], text) == 0;
        buffer_format(why, "%s%s", i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ", words[i]);
    }
    const char *near = found ? NULL : nearest_word(text, words);
    buffer_text(why, " belongs here");
    if (near != NULL)
        buffer_format(why, "; did you mean '%s'?", near);
    free(room);
    return found ? NULL : buffer_string(why);
}

static const char *wrong_endpoint(const struct setting *t, const char *text, struct buffer *why) {
    bool listens = t->least == 0;
    if ((*text == '\0' && t->most == 1) || endpoint_good(text, listens))
        return NULL;
    buffer_format(
        why, "tcp://host:port belongs here, of at most %d bytes, an IPv6 host in [ ]%s%s", ENDPOINT_MAX - 1,
        listens ? ", the port may be *" : "", t->most == 1 ? "; or nothing" : "");
    return buffer_string(why);
}

/* What is wrong with a value; NULL: nothing. */
static const char *wrong(const struct setting *t, const char *text, struct buffer *why) {
    char *end;
    errno = 0;
    switch (t->kind) {
    case SETTING_TEXT:
        return utf8_valid(bytes_text(text)) ? NULL : "this is no text in UTF-8";
    case SETTING_FLAG:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? NULL : "true or false belongs here";
    case SETTING_NUMBER: {
        long long v = strtoll(text, &end, 10);
        if (*text != '\0' && *end == '\0' && errno == 0 && v >= t->least && v <= t->most)
            return NULL;
        buffer_format(why, "a whole number from %" PRId64 " to %" PRId64 " belongs here", t->least, t->most);
        return buffer_string(why);
    }
    case SETTING_CHOICE:
        return wrong_choice(t, text, why);
    case SETTING_ENDPOINT:
        return wrong_endpoint(t, text, why);
    }
    return NULL;
}

static void take(struct settings *s, size_t i, const char *text, const char *from) {
    free(s->values[i]);
    free(s->from[i]);
    s->values[i] = memory_text(text);
    s->from[i] = memory_text(from);
}

static void from_line(struct settings *s, size_t i, const char *text, const char *path, const struct document_node *n) {
    struct buffer from = {0};
    buffer_format(&from, "%s:%zu", path, document_line(n));
    take(s, i, text, buffer_string(&from));
    buffer_close(&from);
}

static void from_file(struct settings *s, const char *path, const char *const *known, struct complaints *c) {
    struct document *d = document_load(path, c);
    if (d == NULL)
        return;
    const struct document_node *root = document_root(d);
    if (document_kind(root) != DOCUMENT_MAP) {
        document_complain(d, root, c, "a configuration is a list of `key: value` lines");
    } else {
        document_only(d, root, known, c);
        for (size_t i = 0; i < s->count; i++) {
            const struct document_node *n = document_get(root, s->table[i].name);
            struct buffer why = {0};
            if (n == NULL)
                continue;
            const char *text = document_text(n), *what = text == NULL ? "one value belongs here" : wrong(&s->table[i], text, &why);
            if (what != NULL)
                document_complain(d, n, c, "%s: %s", s->table[i].name, what);
            else
                from_line(s, i, text, path, n);
            buffer_close(&why);
        }
    }
    document_free(d);
}

static void from_set(struct settings *s, const char *set, const char *const *known, struct complaints *c) {
    const char *equals = strchr(set, '=');
    struct buffer name = {0}, why = {0};
    buffer_add(&name, bytes_of(set, equals == NULL ? strlen(set) : (size_t)(equals - set)));
    size_t i = place(s, buffer_string(&name));
    const char *what = NULL, *near = i == s->count ? nearest_word(buffer_string(&name), known) : NULL;
    if (equals == NULL)
        what = "write --set key=value";
    else if (i == s->count)
        what = "there is no such setting";
    else
        what = wrong(&s->table[i], equals + 1, &why);
    if (what != NULL) {
        buffer_format(&c->text, "--set %s: %s", buffer_string(&name), what);
        if (near != NULL)
            buffer_format(&c->text, "; did you mean '%s'?", near);
        buffer_text(&c->text, "\n");
        c->count++;
    } else {
        take(s, i, equals + 1, "--set");
    }
    buffer_close(&name);
    buffer_close(&why);
}

struct settings *settings_load(
    const struct setting *table, size_t count, const char *path, const char *const *sets, size_t set_count, struct complaints *c) {
    struct settings *s = memory_zeroed(1, sizeof *s);
    const char **known = memory_zeroed(count + 1, sizeof *known);
    unsigned before = c->count;
    s->table = table;
    s->count = count;
    s->values = memory_zeroed(count + 1, sizeof *s->values);
    s->from = memory_zeroed(count + 1, sizeof *s->from);
    s->path = path == NULL ? NULL : memory_text(path);
    s->sets = memory_zeroed(set_count + 1, sizeof *s->sets);
    for (s->set_count = 0; s->set_count < set_count; s->set_count++)
        s->sets[s->set_count] = memory_text(sets[s->set_count]);
    for (size_t i = 0; i < count; i++) {
        known[i] = table[i].name;
        take(s, i, table[i].standard, "standard");
        if (table[i].kind == SETTING_CHOICE)
            s->values[i][strcspn(s->values[i], " ")] = '\0';
    }
    if (path != NULL)
        from_file(s, path, known, c);
    for (size_t i = 0; i < set_count; i++)
        from_set(s, sets[i], known, c);
    free(known);
    return c->count == before ? s : settings_free(s);
}

struct settings *settings_free(struct settings *s) {
    if (s == NULL)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        free(s->values[i]);
        free(s->from[i]);
    }
    for (size_t i = 0; i < s->set_count; i++)
        free(s->sets[i]);
    free(s->values);
    free(s->from);
    free(s->sets);
    free(s->path);
    free(s);
    return NULL;
}

const char *settings_text(const struct settings *s, const char *name) {
    size_t i = place(s, name);
    invariant(i < s->count);
    return s->values[i];
}

void settings_each(
    const struct settings *s, void (*each)(void *owner, const struct setting *of, const char *value, const char *from), void *owner) {
    for (size_t i = 0; i < s->count; i++)
        each(owner, &s->table[i], s->values[i], s->from[i]);
}

struct settings *settings_again(const struct settings *s, const char *path, struct complaints *c) {
    return settings_load(s->table, s->count, path == NULL ? s->path : path, (const char *const *)s->sets, s->set_count, c);
}

int64_t settings_number(const struct settings *s, const char *name) {
    return strtoll(settings_text(s, name), NULL, 10);
}

bool settings_flag(const struct settings *s, const char *name) {
    return strcmp(settings_text(s, name), "true") == 0;
}

/* Between quotes as YAML has them: what it would not keep as it stands (controls, its line breaks, marks of byte order, quotes) is escaped.
 */
static void show_text(const char *text, struct buffer *out) {
    const uint8_t *p = bytes_text(text).at;
    buffer_u8(out, '"');
    while (*p != 0) {
        size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);
        for (size_t i = 1; i < len; i++)
            c = c << 6 | (p[i] & 0x3fu);
        if (c == '"' || c == '\\')
            buffer_format(out, "\\%c", (char)c);
        else if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028 || c == 0x2029 || (c >= 0xfeff && c <= 0xffff))
            buffer_format(out, "\\u%04x", c);
        else
            buffer_add(out, bytes_of(p, len));
        p += len;
    }
    buffer_text(out, "\"\n");
}

void settings_show(const struct settings *s, struct buffer *out) {
    for (size_t i = 0; i < s->count; i++) {
        buffer_format(out, "# %s\n%s: ", s->table[i].help, s->table[i].name);
        if (s->table[i].kind == SETTING_TEXT || s->table[i].kind == SETTING_ENDPOINT)
            show_text(s->values[i], out);
        else
            buffer_format(out, "%s\n", s->values[i]);
    }
}
