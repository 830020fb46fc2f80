#!/bin/sh
# Taste, no gate: the ten longest files and functions.
. "$(dirname "$0")/../support/files.sh"
echo "longest files"
files '*.c' '*.h' | xargs wc -l | grep -v ' total$' | sort -rn | head -n 10
echo "longest functions"
files '*.c' '*.h' | xargs awk '
    FNR == 1 { start = 0 }
    /^[a-z].*\{$/ && /\(/ || /^\{$/ { start = FNR }
    /^\}/ && start { printf "%7d %s:%d\n", FNR - start, FILENAME, start; start = 0 }' | sort -rn | head -n 10
