#!/bin/sh
# A sleep makes a test slow or flaky. Tests wait for a condition with a deadline, through the helpers of tests/support, which alone
# may sleep between two looks.
. "$(dirname "$0")/../support/files.sh"
{
    files 'tests/*.c' 'tests/*.h' 'tests/*.sh' 'tests/run' | grep -v -e '^tests/support/' -e '^tests/tidy/' |
        xargs grep -nE '(^|[^A-Za-z_])(u|nano|clock_nano)?sleep *\(|(^|[;&|(]|do|then)[[:space:]]*sleep [0-9$"]' |
        sed 's/$/   <- wait for a condition (tests\/support), do not sleep/'
    files 'tests/*.sh' | grep -v '^tests/tidy/' | xargs grep -nE 'until_true [0-9]+ (\[|test) .*\$\(' |
        sed 's/$/   <- expanded once, before the waiting begins: make it a function/'
} | found
