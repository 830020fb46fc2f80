#!/bin/sh
# The end of a daemon: asked to stop while many ask it, and at any instant of its start; two daemons and one folder.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh

# poll NAME: asks for the status again and again, until told to stop; $work/polled counts whole answers
poll() {
    while [ ! -e "$work/enough" ]; do
        "$bin/anjuctl" -s "$town/$1" -t 20 status >"$work/poll.$2" 2>&1 && echo 1 >>"$work/polled.$1"
    done
}
polled() { [ "$(wc -l <"$work/polled.$1")" -ge 8 ]; }
# stop_asked NAME: TERM in the middle of it; the daemon's exit code
stop_asked() {
    : >"$work/polled.$1"
    until_true 20 polled "$1" || return 99
    _pid=$(pid_of "$1")
    kill -TERM "$_pid"
    until_true 20 gone "$_pid" || return 98
    wait "$_pid"
}

make_hub
start_hub
make_node n1 650203001001 一
start_node n1
pollers=
for name in hub n1; do
    : >"$work/polled.$name"
    for i in 1 2 3 4; do
        poll $name $name.$i &
        pollers="$pollers $!"
    done
done
trap 'touch "$work/enough"; wait $pollers; stop_all; rm -rf "$work" "$town"' EXIT
for round in 1 2 3 4 5 6; do
    check "a node that many ask stops in order ($round)" code_of 0 stop_asked n1
    check "… and a hub" code_of 0 stop_asked hub
    start_hub
    start_node n1
done
touch "$work/enough"
wait $pollers

# ---- one folder, two daemons
second() { timeout 20 "$bin/anju-hub" --set data="$town/hub2.d" --set socket="$town/hub" --set page= --set listen=tcp://127.0.0.1:* --set enrol= --set catalogue=; }
"$bin/anju-hub" --init --set data="$town/hub2.d" >/dev/null
check "a second daemon in the same socket folder is refused" code_of 69 second
check "… in words that name the folder" said "$town/hub: another daemon answers in this folder" second
check "… and the first one still answers there" ctl hub status
stop n1
check "a node too" code_of 69 timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/hub"
check "… and the first one still answers there" ctl hub status
stop hub KILL
check "a killed daemon's sockets lie there" test -S "$town/hub/status.sock"
start_hub
check "… and are replaced" ctl hub status
stop hub

# ---- TERM at any instant after exec: before the program's first lines that is the kernel's end (143), then it is one in order
# ends SECONDS COMMAND…
ends() {
    _after=$1
    shift
    timeout --preserve-status -k 20 -s TERM "$_after" "$@" 2>"$work/.log"
    _got=$?
    [ "$_got" = 0 ] || [ "$_got" = 143 ] || { cat "$work/.log" && echo "exit $_got after $_after s" && return 1; }
}
# Later and later, until so many ended in order.
all_end() {
    _orderly=0
    _ms=1
    while [ "$_orderly" -lt 16 ] && [ "$_ms" -lt 1000 ]; do
        ends "$(printf '0.%03d' "$_ms")" "$@" || return 1
        [ "$_got" != 0 ] || _orderly=$((_orderly + 1))
        _ms=$((_ms + 3))
    done
    [ "$_orderly" -ge 16 ]
}
check "TERM at any instant of a hub's start" all_end "$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set page=tcp://127.0.0.1:* \
    --set listen=tcp://127.0.0.1:* --set enrol=tcp://127.0.0.1:* --set catalogue="$root/deploy/catalogue"
check "TERM at any instant of a node's start" all_end "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1"
start_hub
start_node n1
check "nothing was harmed" ctl n1 wait --caught-up --timeout 30
check "verify at the hub" said sound ctl hub verify
check "verify at the node" said sound ctl n1 verify
finish
