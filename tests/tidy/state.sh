#!/bin/sh
# No state outside what is passed: writable variables at file scope, static locals included, are refused in the product, except in
# the log's sink, the allocator's and the mains. Read from the object files of a plain build (make), where no macro can hide one.
. "$(dirname "$0")/../support/files.sh"
objects=${B:-build}/obj
[ -d "$objects" ] || { echo "$objects: build first (make)"; exit 1; }
files 'common/*.c' 'hub/*.c' 'node/*.c' | while read -r c; do
    case $c in common/base/log.c | common/base/memory.c | hub/main.c | node/main.c | common/daemon/anjuctl.c) continue ;; esac
    o=$objects/${c%.c}.o
    [ -f "$o" ] || { echo "$c: not compiled; run make"; continue; }
    # Section .data.rel.ro is constant once the program is loaded: tables of pointers.
    objdump -t "$o" | awk -v c="$c" '
        NF > 3 && $(NF - 2) ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $(NF - 2) !~ /^\.data\.rel\.ro/ && !/ d  / {
            print c ": " $NF " is writable state at file scope; pass it in a struct"
        }'
done 2>&1 | found
