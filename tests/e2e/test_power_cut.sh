#!/bin/sh
# The power goes at any instant: what the disks hold then, in every way in which unsynced writes may be lost or torn, is a sound store that has
# all that was promised. Real daemons write, power_cut.so notes it, cut_image lays out the moment, the real daemons open it.
#
#   tests/e2e/test_power_cut.sh [IMAGES [SEED]]     (20 of each daemon; the seed is that of the first image)
cd "$(dirname "$0")/../.." || exit 2
images=${1:-20}
patience=10
seed=${2:-1}
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/power_cut.so" "$B/tests/e2e/cut_image" >&2 || exit 2
cut_image=$B/tests/e2e/cut_image
# traced NAME COMMAND…: the daemon that the command starts has its stores' writes noted
traced() {
    export LD_PRELOAD="$root/$B/tests/e2e/power_cut.so" ANJU_TRACE="$town/$1.trace"
    shift
    "$@"
    unset LD_PRELOAD ANJU_TRACE
}
nanoseconds() { date +%s%N; }
# promises NAME FIELD NODE: what the daemon says it has on its disk, with the moment after the answer
promise() { _n=$(promised "$1") && echo "$(nanoseconds) $_n" >>"$town/$1.promises"; }
promised() {
    if [ "$1" = hub ]; then
        ctl hub -o jsonl nodes | sed -n '/"node":1,/p' | field accepted
    else
        status_of n1 saved
    fi
}
# write_some FROM COUNT
write_some() {
    seq "$1" $(($1 + $2 - 1)) | sed 's/.*/{"cmd":"edit","args":{"actor":"op1","purpose":"registration","records":[{"type":"Person","key":"k-&","op":"create","fields":{"name":"n&"}}]}}/' |
        "$bin/anjuctl" -s "$town/n1" batch >/dev/null
}

make_hub
start_hub
make_node n1 650203001001 一
stop hub
cp -r "$town/hub.d" "$town/hub.base"
cp -r "$town/n1.d" "$town/n1.base"

work_on() { # one by one while the line is up, in a long queue after it was down, and another again
    traced hub start_hub
    traced n1 start_node n1
    ctl n1 wait --caught-up --timeout 20 >/dev/null || return 1
    for i in 0 1 2 3 4 5; do
        write_some $((i * 20)) 20
        promise n1 && promise hub || return 1
    done
    ctl n1 pause >/dev/null && write_some 200 400 && promise n1 && ctl n1 resume >/dev/null
    until_true 20 ctl n1 wait --caught-up --timeout 1
    promise hub
    for i in 0 1 2; do
        write_some $((700 + i * 20)) 20
        promise n1 && promise hub || return 1
    done
    ctl n1 wait --caught-up --timeout 20 >/dev/null && promise n1 && promise hub
}
check "hub and node work, and promise" work_on
stop n1
stop hub

# at_least NAME TIME: the greatest promise that was made before that moment
at_least() { awk -v t="$2" '$1 <= t && $2 > most { most = $2 } END { print most + 0 }' "$town/$1.promises"; }
# image NAME EVENT SEED: lays it out in $town/img.d; says what was promised by then
image() {
    rm -rf "$town/img.d"
    cp -r "$town/$1.base" "$town/img.d"
    _moment=$("$cut_image" "$town/$1.trace" "$2" "$3" "$town/$1.d" "$town/img.d") || return 1
    at_least "$1" "$_moment"
}
# opens NAME EVENT SEED: the daemon starts on the image, is sound, and has what was promised
opens() {
    _least=$(image "$1" "$2" "$3") || return 1
    mv "$town/$1.d" "$town/$1.aside" && mv "$town/img.d" "$town/$1.d"
    _said=unstarted _has=0
    if (if [ "$1" = hub ]; then start_hub; else start_node "$1"; fi); then
        until_true $patience settled "$1" "$_least"
        _has=$(promised "$1")
        _said=$(ctl "$1" verify 2>&1)
        stop "$1"
    fi
    rm -rf "$town/$1.d" && mv "$town/$1.aside" "$town/$1.d"
    echo "$1, event $2, seed $3: $_has of $_least promised; $_said"
    [ "${_has:-0}" -ge "$_least" ] && case $_said in *sound*) true ;; *) false ;; esac
}
settled() { [ "$(promised "$1")" -ge "$2" ]; }
# all_open NAME: so many images, spread over the whole trace, the moment within each stretch by the seed
all_open() {
    _events=$("$cut_image" --count "$town/$1.trace")
    echo "$_events writes and syncs"
    _i=0 _bad=0
    while [ $_i -lt "$images" ]; do
        _event=$(((_i * _events + (seed * 7919 + _i * 104729) % _events) / images % _events))
        opens "$1" $_event $((seed + _i)) || _bad=$((_bad + 1))
        _i=$((_i + 1))
    done
    echo "$_bad of $images images are bad"
    [ "$_bad" = 0 ]
}
check "a node opens $images images" all_open n1
check "the hub opens $images images" all_open hub

# ---- the self-check: a disk that only says that it has synced is caught
lies() {
    rm -rf "$town/n1.d" && cp -r "$town/n1.base" "$town/n1.d" && rm -f "$town/n1.promises"
    ANJU_TRACE_LIES=1
    export ANJU_TRACE_LIES
    traced n1 start_node n1
    unset ANJU_TRACE_LIES
    for i in 0 1 2 3; do
        write_some $((i * 20)) 20
        promise n1
    done
    stop n1
    images=4 patience=1
    ! all_open n1
}
check "a disk that does not sync what it says it synced is caught" lies
finish
