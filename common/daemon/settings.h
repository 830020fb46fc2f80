/* A daemon's configuration: one table says what there is, one YAML file and --set key=value give values, all errors are told at once. */
#pragma once

#include "common/base/document.h"

enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_FLAG };

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *standard; /* the default, as text */
    int64_t least, most;  /* NUMBER */
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
void settings_show(const struct settings *s, struct buffer *out); /* as a YAML file that gives the same */
