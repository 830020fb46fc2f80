#!/bin/sh
# Stores of every format number that was ever written (tests/compat/format-N) are opened by today's build; and a build of the next format
# takes today's over, after which today's refuses them, untouched, and names the way back.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
format=$("$bin/anju-hub" --version | sed -n 's/.*store format \([0-9]*\).*/\1/p')
check "a store of today's format was kept" [ -s "tests/compat/format-$format/stores.tar.gz" ]

# hub_runs, node_runs FOLDER-OF-PROGRAMS
hub_runs() {
    "$1/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set listen='tcp://127.0.0.1:*' --set enrol= --set page= --set catalogue= \
        2>>"$town/log/hub" &
    echo $! >"$town/pids/hub"
    until_true 20 answers hub
}
node_runs() {
    "$1/anju-node" --set data="$town/n1.d" --set socket="$town/n1" 2>>"$town/log/n1" &
    echo $! >"$town/pids/n1"
    until_true 20 answers n1
}
unpack() {
    rm -rf "$town"/hub.d* "$town"/n1.d*
    tar -xzf "$1/stores.tar.gz" -C "$town"
}
# shellcheck disable=SC2086
holds() { ctl n1 -o jsonl export --raw $who | LC_ALL=C sort | cmp - "$1"; }
# meets FOLDER-OF-PROGRAMS: the office finds its hub again, wherever that listens now, and has it all
meets() {
    rm -f "$work/enrolment"
    ctl hub node enrolment 1 --out "$work/enrolment" || return 1
    stop n1
    "$1/anju-node" --join "$work/enrolment" --set data="$town/n1.d" || return 1
    node_runs "$1" || return 1
    ctl n1 wait --acked --timeout 30 && ctl n1 wait --caught-up --timeout 30
}
written=$(grep -c . "tests/compat/format-$format/node.export" 2>/dev/null)

for kept in tests/compat/format-*; do
    n=${kept##*-}
    unpack "$kept"
    check "format $n: the office's store is opened" node_runs "$bin"
    check "format $n: it holds what it held, byte for byte" holds "$kept/node.export"
    check "format $n: one change is unsent" [ "$(status_of n1 backlog)" = 1 ]
    check "format $n: it is sound" said sound ctl n1 verify
    check "format $n: the hub's stores are opened" hub_runs "$bin"
    check "format $n: they are sound, and every push is proved" said sound ctl hub verify
    check "format $n: hub and office go on" meets "$bin"
    check "format $n: the hub has the one that was unsent" [ "$(status_of n1 backlog)" = 0 ]
    stop n1
    stop hub
done

# ---- the next format: this tree, one number on
next=$work/next
mkdir -p "$next/$B"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then git ls-files -co --exclude-standard; else find . -path "./$B" -prune -o -type f -print; fi |
    tar -cT - 2>/dev/null | tar -x -C "$next"
cp -a "$B/obj" "$B/gen" "$B/flags.mk" "$next/$B"
sed -i "s/PROGRAM_STORE_FORMAT = $format/PROGRAM_STORE_FORMAT = $((format + 1))/" "$next/common/base/program.h"
check "a build of format $((format + 1))" make -s -C "$next" B="$B" all
newer=$next/$B/bin
check "… says so" said "store format $((format + 1))" "$newer/anju-hub" --version
unpack "tests/compat/format-$format"
check "it opens the office's store" node_runs "$newer"
check "… and holds the same" holds "tests/compat/format-$format/node.export"
check "it opens the hub's" hub_runs "$newer"
check "… and they go on" meets "$newer"
stop n1
stop hub
for what in hub:hub.d node:n1.d; do
    daemon=${what%:*} folder=$town/${what#*:}
    find "$folder" -name data.mdb -exec sha256sum {} + >"$work/before"
    check "$daemon: today's build refuses the newer store, and names the way back" said "anju-rollback $daemon" "$bin/anju-$daemon" --set data="$folder" --set socket="$town/$daemon"
    check "$daemon: … with the exit code of stores" code_of 74 "$bin/anju-$daemon" --set data="$folder" --set socket="$town/$daemon"
    find "$folder" -name data.mdb -exec sha256sum {} + >"$work/after"
    check "$daemon: … and touches nothing" sh -c "[ -s '$work/before' ] && cmp '$work/before' '$work/after'"
done
hub_runs "$newer"
node_runs "$newer"
check "the newer build goes on with it" [ "$(ctl n1 -o jsonl export --raw --actor op1 --purpose registration | wc -l)" -ge "$written" ]
finish
