#!/bin/sh
# Each store of the hub on a disk that breaks or is full: nothing acknowledged is lost, nothing is said that is not so, and what broke says so.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
ANJU_DISK=$town/disk
export ANJU_DISK
start_hub_on_bad_disk() { LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so start_hub; }
# ends_with CODE: the hub's process has ended so
ends_with() {
    until_true 30 gone "$(pid_of hub)"
    wait "$(pid_of hub)"
    _got=$?
    rm -f "$town/pids/hub"
    echo "exit $_got, wanted $1"
    [ "$_got" = "$1" ]
}
# puts FROM COUNT: as many records of n1, one session
puts() {
    _i=$1
    while [ "$_i" -lt $(($1 + $2)) ]; do
        echo "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[{\"type\":\"Person\",\"key\":\"k-$_i\",\"op\":\"create\",\"fields\":{\"name\":\"n$_i\"}}]}}"
        _i=$((_i + 1))
    done | "$bin/anjuctl" -s "$town/n1" batch | tee "$work/puts" | grep -c '"id":"'
}
same_bytes() {
    ctl n1 -o name export --raw --actor op1 --purpose proof >"$work/a" && ctl hub -o name export --raw --node 1 >"$work/b" || return 1
    wc -l "$work/a" "$work/b"
    cmp "$work/a" "$work/b"
}
# whole COUNT: what was saved is at the hub, all COUNT of it; no digest had to tell, and no repair had to take it from the node
whole() {
    check "… all of it comes to the hub" ctl n1 wait --caught-up --timeout 60
    check "… to the last record" [ "$(status_of hub records)" = "$1" ]
    check "… no digest raised an alarm" said '"alarms":0' ctl n1 -o jsonl status
    check "… hub and node hold the same bytes" same_bytes
    check "… the hub is sound" said sound ctl hub verify
}

make_hub
start_hub_on_bad_disk
make_node n1 650203001001 一
start_node n1
check "the node comes online" ctl n1 wait --caught-up --timeout 20

# ---- the log breaks once, while a long queue comes in
before=$(status_of hub records)
ctl n1 pause >/dev/null
puts 0 20000 >"$work/count"
check "many edits wait" grep -qx 20000 "$work/count"
echo broken once sync ms=300 /log/ skip=2 >"$town/disk"
ctl n1 resume >/dev/null
check "the log's disk breaks once: the hub ends with 74" ends_with 74
start_hub_on_bad_disk
whole $((before + 20000))
finish
