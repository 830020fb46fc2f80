/* The configuration of a daemon that runs, for `anjuctl config show` and `config check`. A setting is never a secret: files name those. */
#pragma once

#include "common/daemon/control.h"
#include "common/daemon/settings.h"

void config_show(const struct settings *s, struct request *q);
/* The file, or the one that is named, as it is now: all that is wrong with it, or what a restart would change. Changes nothing. */
void config_check(const struct settings *s, struct request *q);

#define CONFIG_SHOW_COLUMNS "setting value from help"
#define CONFIG_CHECK_COLUMNS "setting now restart from"
/* For the daemons' field tables. */
#define CONFIG_FIELDS                                                                                                                      \
    {"config show", "setting", "", "its name", "设置"}, {"config show", "value", "", "in force", "当前值"},                                \
        {"config show", "from", "", "standard, FILE:LINE, or --set", "来源"}, {"config show", "help", "", "what it is for", "说明"},       \
        {"config check", "setting", "", "its name; one row for each that a restart would change", "设置"},                                 \
        {"config check", "now", "", "in force", "当前值"}, {"config check", "restart", "", "what a restart would bring", "重启后的值"}, {  \
        "config check", "from", "", "standard, FILE:LINE, or --set", "来源"                                                              \
    }
