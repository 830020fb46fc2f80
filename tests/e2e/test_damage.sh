#!/bin/sh
# A record in the hub's state is damaged: it is served to nobody and taken from nobody, all else goes on, and a person can set it right.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" >&2 || exit 2
proof="--raw $who"
persons() { ctl "$1" -o jsonl export $who | grep -c '"type":"Person"'; }
has() { [ "$(persons "$1")" = "$2" ]; }
same_bytes() { # NODE NUMBER
    ctl "$1" -o name export $proof >"$work/a" && ctl hub -o name export $proof --node "$2" >"$work/b" || return 1
    wc -l "$work/a" "$work/b"
    cmp "$work/a" "$work/b"
}

make_hub
start_hub
make_node n1 650203001001 一
start_node n1
check "the node comes online" ctl n1 wait --caught-up --timeout 20
for i in 1 2 3 4 5 6 7 8 9 10; do ctl n1 put Person name=n$i $who; done >/dev/null
check "ten records are at the hub" ctl n1 wait --caught-up --timeout 20
stop hub
check "a bit flips in one of them" "$B/tests/e2e/corrupt" --hub "$town/hub.d/state"
id=$(tail -n 1 "$work/.said")
start_hub

# ---- it is not served, the rest is
make_node n2 650203001001 二
start_node n2
check "another node of the office gets the other nine" until_true 30 has n2 9
check "… and not this one" code_of 5 ctl n2 get Person "$id" $who
check "the hub's status tells" said "1 damaged records" ctl hub status
check "… and check does" finds hub records_damaged
check "the hub's log names it" grep -q "hub.record_rotten.*$id" "$town/log/hub"
check "verify finds it" said "$id" ctl hub verify
check "an export is not made of what is left" said "damaged" ctl hub export $proof
check "lists go on" said record_type ctl hub policies
check "the node that has it keeps it" said '"name"' ctl n1 -o jsonl get Person "$id" $who
check "what it saves beside it is merged" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=n11 $who && '$bin/anjuctl' -s '$town/n1' wait --caught-up --timeout 20"
check "… and reaches the other node" until_true 20 has n2 10

# ---- a change to it waits, and nothing is lost
check "a change to it is saved" ctl n1 put Person "$id" name=again $who
check "… and accepted" ctl n1 wait --acked --timeout 20
check "the hub says that merging is paused" until_true 20 said "merging is paused" ctl hub status
check "… and check does" finds hub merge_paused
check "… and accepts what comes" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=n12 $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 20"
check "an order is noted" said "it was noted" ctl hub node add 650203002010 --name 三 --key "$("$bin/anju-node" --init --set data="$town/n3.d")" --out "$work/n3.enrolment"
stop hub
start_hub
check "after a restart it is as before" until_true 20 said "merging is paused" ctl hub status
check "… and still answers" said '"name":"一"' ctl hub -o jsonl nodes

# ---- the state is made anew from the log
stop hub
mv "$town/hub.d/state" "$work/state.damaged"
start_hub
check "without the damaged state: all is merged" ctl n1 wait --caught-up --timeout 60
check "… also what waited" until_true 20 said '"name":"三"' ctl hub -o jsonl nodes
check "the other node catches up" until_true 60 has n2 12
check "… with the change that waited" until_true 20 said again ctl n2 -o jsonl get Person "$id" $who
check "hub and node hold the same bytes" until_true 60 same_bytes n1 1
check "… and the other node" until_true 60 same_bytes n2 2
check "the hub is sound" said sound ctl hub verify
check "status tells of no damage" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q -e damaged -e 'merging is paused'"
finish
