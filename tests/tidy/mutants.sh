#!/bin/sh
# The mutants of tests/mutants still fit the code: they are tried only in the long tier, and one that does not apply tries nothing.
. "$(dirname "$0")/../support/files.sh"
files 'tests/mutants/*.patch' | while read -r patch; do
    git apply --check "$patch" >/dev/null 2>&1 || echo "$patch   <- the code around it has changed: draw it again"
done | found
