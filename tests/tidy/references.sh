#!/bin/sh
# What the documents name is there: every path in backticks (shell patterns allowed), and every test in deploy/SECURITY.md that is named as
# `tests/…`: "check", "check": a line of that script, a function that the program runs, or a story.
. "$(dirname "$0")/../support/files.sh"
# shellcheck disable=SC2016
named='`(tests|deploy|common|hub|node)/[^` ]*'
security=deploy/SECURITY.md
{
    files README.md ARCHITECTURE.md CONTRIBUTING.md 'deploy/*.md' | xargs -r grep -noHE "$named" | while IFS='`' read -r at path; do
        # The shell expands the pattern; where nothing matches it stays one.
        # shellcheck disable=SC2086
        set -- $path
        [ -e "$1" ] || echo "$at $path   <- is not in the tree"
    done
    [ ! -f $security ] || tr -s ' \n' ' ' <$security | awk '{
        while (match($0, /`tests\/[^`]*`:( "[^"]*",?)*/)) {
            said = substr($0, RSTART + 1, RLENGTH - 1)
            $0 = substr($0, RSTART + RLENGTH)
            path = substr(said, 1, index(said, "`") - 1)
            n = split(said, part, "\"")
            if (n < 2)
                print path "\t"
            for (i = 2; i <= n; i += 2)
                print path "\t" part[i]
        }
    }' | while IFS='	' read -r path name; do
        if [ -z "$name" ] || ! grep -qF -e "check \"$name\"" -e "refuse \"$name\"" -e "($name)" -e "{\"$name\"," "$path"; then
            echo "$security: $path: \"$name\"   <- no such check there"
        fi
    done
} 2>&1 | found
