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
    until_true 30 gone "$(pid_of hub)" || { stop hub && echo "it went on" && return 1; }
    wait "$(pid_of hub)"
    _got=$?
    rm -f "$town/pids/hub"
    echo "exit $_got, wanted $1"
    [ "$_got" = "$1" ]
}
# puts FROM COUNT: as many records of n1, one session, ten in an edit
puts() {
    seq "$1" $(($1 + $2 - 1)) | awk '
        { line = line (line == "" ? "" : ",") "{\"type\":\"Person\",\"key\":\"k-" $1 "\",\"op\":\"create\",\"fields\":{\"name\":\"n" $1 "\"}}" }
        NR % 10 == 0 { edit() }
        END { if (line != "") edit() }
        function edit() { print "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[" line "]}}"; line = "" }
    ' | "$bin/anjuctl" -s "$town/n1" batch | grep -c '"id":"'
}
same_bytes() {
    ctl n1 -o name export --raw $who >"$work/a" && ctl hub -o name export --raw --node 1 $who >"$work/b" || return 1
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
check "… and status says nothing of it" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'disk is full'"

# ---- the state breaks: the fold is made again from the log
echo broken once write /state/ >"$town/disk"
puts 20000 500 >"$work/count"
check "the state's disk breaks once: the hub ends with 74" ends_with 74
start_hub_on_bad_disk
whole $((before + 20500))

# ---- where a change of the hub itself goes first
key=$("$bin/anju-node" --init --set data="$town/n2.d")
add_n2() { ctl hub node add 650203002010 --name 二 --key "$key" --out "$work/n2.enrolment"; }
offices() { ctl hub -o name nodes | wc -l; }
echo full /own/ >"$town/disk"
check "no room for orders: nothing was changed" said "nothing was done, since the audit log cannot note it: the disk is full" add_n2
check "… and status says so" said "no order is taken" ctl hub status
check "… and check does" finds hub own_full
check "… while records are accepted" [ "$(puts 20500 1)" = 1 ]
check "… and merged" ctl n1 wait --caught-up --timeout 20
rm "$town/disk"
check "… and it was not noted either" [ "$(offices)" = 1 ]
echo broken once sync /own/ >"$town/disk"
refuse "its disk breaks: no order is answered as carried out" add_n2
check "… and the hub ends with 74" ends_with 74
start_hub_on_bad_disk
check "… and nothing of it was noted" [ "$(offices)" = 1 ]

# ---- no room in the log, or in the state
echo full /log/ >"$town/disk"
check "no room in the log: an order is noted" said "it was noted" add_n2
check "… and status says so" said "nothing is accepted" ctl hub status
check "… and check does" finds hub log_full
rm "$town/disk"
two_offices() { [ "$(offices)" = 2 ]; }
check "… and carried out when there is room" until_true 20 two_offices
check "… once" said "belongs to a node already" add_n2
echo full /state/ >"$town/disk"
puts 20501 500 >"$work/count"
check "no room in the state: what comes is accepted" ctl n1 wait --acked --timeout 20
check "… status says that nothing is merged" said "nothing is merged" ctl hub status
check "… and check does" finds hub state_full
rm "$town/disk"
whole $((before + 21002))
check "… status says nothing of it any more" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'disk is full'"
finish
