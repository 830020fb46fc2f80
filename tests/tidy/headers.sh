#!/bin/sh
# Every header compiles by itself, with nothing included before it, and only once.
. "$(dirname "$0")/../support/files.sh"
flags=$(pkg-config --cflags libzmq libuv libmicrohttpd libsodium libzstd jansson libprotobuf-c yaml-0.1 smartcols libseccomp 2>/dev/null)
unit=$(mktemp "${TMPDIR:-/tmp}/anju-header.XXXXXX") || exit 2
trap 'rm -f "$unit"' EXIT
files '*.h' | while read -r h; do
    grep -q '^#pragma once$' "$h" || echo "$h:1: no #pragma once"
    printf '#include "%s"\n#include "%s"\nint nothing;\n' "$h" "$h" >"$unit"
    # shellcheck disable=SC2086  a list of flags
    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-function -Wno-unused-variable -fsyntax-only -I. -I"${B:-build}/gen" $flags -x c "$unit" 2>&1 |
        grep -E ':[0-9]+:[0-9]+: (fatal )?(error|warning)' | sed "s,^,$h does not stand alone: ," | head -n 3
done 2>&1 | found
