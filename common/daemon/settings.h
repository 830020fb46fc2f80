/* A daemon's configuration: one table says what there is, one YAML file and --set key=value give values, all errors are told at once. */
#pragma once

#include "common/base/document.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_NUMBER,
    SETTING_FLAG,
    SETTING_CHOICE,  /* one of the words in `standard` */
    SETTING_ENDPOINT /* tcp://host:port (endpoint_good) */
};

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *standard; /* the default, as text; CHOICE: all words, space-separated, the default first */
    int64_t least, most;  /* NUMBER; ENDPOINT: least 1: to be reached, not listened at; most 1: may be empty */
    const char *help;
};

struct settings;
/* path NULL: defaults and sets only. `sets`: "key=value" each; they win over the file. NULL when c has grown. */
struct settings *settings_load(
    const struct setting *table, size_t count, const char *path, const char *const *sets, size_t set_count,
    struct complaints *c);                                                   /* gives */
struct settings *settings_free(struct settings *s /* takes, may be NULL */); /* returns NULL */
const char *settings_text(const struct settings *s, const char *name);       /* borrows; the name is in the table */
int64_t settings_number(const struct settings *s, const char *name);
bool settings_flag(const struct settings *s, const char *name);
/* Each setting in force: its value, and where that comes from (`standard`, FILE:LINE or `--set`). */
void settings_each(
    const struct settings *s, void (*each)(void *owner, const struct setting *of, const char *value, const char *from), void *owner);
/* Its file, or `path`, read again beside the same --set: what a restart would bring. NULL when c has grown. */
struct settings *settings_again(const struct settings *s, const char *path /* may be NULL */, struct complaints *c); /* gives */
void settings_show(const struct settings *s, struct buffer *out); /* as a YAML file that gives the same */
