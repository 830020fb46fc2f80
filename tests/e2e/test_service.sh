#!/bin/sh
# What the service manager and the disk see: readiness, watchdog, ordered stop, a broken disk, a store of a newer program, and data that this
# program does not know.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/bad_disk.so" "$B/tests/e2e/corrupt" "$B/tests/bench/w1" >&2 || exit 2

# heard WORD TIMES: the words come without line ends
heard() { [ "$(grep -o "$1" "$work/notified" | wc -l)" -ge "$2" ]; }
socat -u "UNIX-RECV:$work/notify" - >"$work/notified" &
socat=$!
trap 'kill $socat 2>/dev/null; stop_all; rm -rf "$work" "$town"' EXIT
until_true 10 [ -S "$work/notify" ]

make_hub
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=200000 start_hub
check "the hub tells that it is ready" until_true 10 heard READY=1 1
check "… and where" until_true 10 heard STATUS= 1
check "… and that it lives" until_true 10 heard WATCHDOG=1 3
make_node n1 650203001001 一
make_node n2 650203001002 二
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=200000 start_node n1
check "a node tells that it is ready" until_true 10 heard READY=1 2
stop n1
check "… and that it stops" until_true 10 heard STOPPING=1 1

# A type that no catalogue has, and fields that Person does not have: a newer office's. An older hub keeps and forwards them.
check "changes of an unknown type are written" "$B/tests/bench/w1" fill "$town/n1.d/store" 60 7 900
check "… and of a known type with unknown fields" "$B/tests/bench/w1" fill "$town/n1.d/store" 60 8 32
start_node n1
check "the hub takes them" ctl n1 wait --caught-up --timeout 30
check "… holds none of them back" said '"held":0' ctl hub -o jsonl nodes
raw_equal() {
    ctl n1 -o name export --raw --actor op1 --purpose proof >"$work/a" && ctl hub -o name export --raw --node 1 --actor op1 --purpose proof >"$work/b" &&
        [ -s "$work/a" ] && cmp "$work/a" "$work/b"
}
check "hub and node hold the same bytes of them" raw_equal
check "more than a hundred fields are in them" [ "$(wc -c <"$work/a")" -gt 4000 ]

# A key that the hub does not know, with another office's enrolment: the node says so, and saves its clerks' work meanwhile.
cp -r "$town/n2.d" "$town/n3.d"
cp "$town/n2.d.seal" "$town/n3.d.seal"
rm "$town/n3.d/keys"
"$bin/anju-node" --init --set data="$town/n3.d" >/dev/null
start_node n3
check "a key that is not enrolled is told" until_true 20 said "does not know" ctl n3 status
check "… at the hub too, with the key" until_true 20 grep -qE 'door.refused.*reason=unknown_key.*key=[0-9a-f]{64}' "$town/log/hub"
check "… and in its status" said '"reason":"unknown_key"' ctl hub -o jsonl status
check "… with what to do" said "its key is not enrolled here, or revoked; if it is a new office: \`anjuctl node add\`" ctl hub status
check "… and check does" finds hub wrong_key
check "… and work goes on" ctl n3 put Person name=x $who
stop n3

# A node that was enrolled at another hub: it cannot know this one, and city hall sees that it tries.
"$bin/anju-hub" --init --set data="$work/other.d" >"$work/other.public"
sed "s/$(cat "$town/hub.public")/$(cat "$work/other.public")/" "$town/n2.enrolment" >"$work/n4.enrolment"
"$bin/anju-node" --init --set data="$town/n4.d" >/dev/null
check "an enrolment of another hub is stored" "$bin/anju-node" --join "$work/n4.enrolment" --set data="$town/n4.d"
start_node n4
check "another hub's key is told at the node" until_true 20 said "another key" ctl n4 status
check "… and at the hub" until_true 20 said '"reason":"other_hub_key"' ctl hub -o jsonl status
check "… with what to do" said "it was enrolled with another hub's key" ctl hub status
check "… and check does" finds hub other_hub_key
stop n4

# A revoked node.
check "a node is revoked" ctl hub node revoke 2
start_node n2
check "a revoked node is told" until_true 20 said "does not know" ctl n2 status
revoked_told() { ctl hub -o jsonl status | grep -qE '"reason":"unknown_key"[^}]*"node":2[,}]'; }
check "… and named at the hub" until_true 20 revoked_told
stop n2

stop n1
cp -r "$town/n1.d" "$work/n1.copy"
check "a store of a newer program" "$B/tests/e2e/corrupt" --newer "$town/n1.d/store"
check "… is refused" code_of 74 timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1"
check "… in plain words" said "newer" timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1"
rm -rf "$town/n1.d"
cp -r "$work/n1.copy" "$town/n1.d"
check "a bit flips in the enrolment" "$B/tests/e2e/corrupt" --meta enrolment "$town/n1.d/store"
check "… the node says so" said "the enrolment in the store is damaged" timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1"
check "… and takes it again" "$bin/anju-node" --join "$town/n1.enrolment" --set data="$town/n1.d"
check "a bit flips in the progress" "$B/tests/e2e/corrupt" --meta progress "$town/n1.d/store"
check "… the node ends with 74" code_of 74 timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1"
rm -rf "$town/n1.d"
cp -r "$work/n1.copy" "$town/n1.d"

# A disk that breaks in the middle of work: nothing is answered as saved that is not, and the daemon ends for the manager to see.
export ANJU_DISK="$work/full"
LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so start_node n1
check "an edit is saved" ctl n1 put Person name=before $who
pid=$(pid_of n1)
echo broken >"$work/full"
refuse "a broken disk: the edit is not answered as saved" ctl n1 put Person name=lost $who
wait "$pid"
check "… and the node ends with 74" [ $? = 74 ]
check "… and says why" grep -q "store" "$town/log/n1"
rm -f "$work/full" "$town/pids/n1"
start_node n1
check "the disk is well: what was saved is there" said before ctl n1 find Person name=before $who
check "… and what was refused is not" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl find Person name=lost $who | grep -q '\"id\"'"
check "verify at the node" said sound ctl n1 verify
check "all comes to the hub" ctl n1 wait --caught-up --timeout 30

# A disk that hangs: the loop still answers, but the store's thread does not come back, and the service manager must hear it.
stop n1
socat -u "UNIX-RECV:$work/notify.n1" - >"$work/notified.n1" &
socat="$socat $!"
until_true 10 [ -S "$work/notify.n1" ]
signs() { grep -o WATCHDOG=1 "$work/notified.n1" | wc -l; }
lives() { [ "$(signs)" -ge 3 ]; }
NOTIFY_SOCKET=$work/notify.n1 WATCHDOG_USEC=100000 LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so start_node n1
check "a node shows that it lives" until_true 10 lives
pid=$(pid_of n1)
echo "broken once sync ms=6000" >"$work/full"
ctl n1 put Person name=hangs $who >/dev/null 2>&1 &
put=$!
check "a disk that hangs is told" until_true 20 grep -q watchdog.stuck "$town/log/n1"
before=$(signs)
check "… while the loop still answers" ctl n1 hello
wait "$pid"
check "… and no sign of life goes out meanwhile" test "$(signs)" -le $((before + 2))
wait "$put"
rm -f "$work/full" "$town/pids/n1"
start_node n1
check "the disk is well again: all comes to the hub" ctl n1 wait --caught-up --timeout 30

# A change that rots on the disk before it was sent: it is lost, and named; everything else goes on.
ctl n1 pause >/dev/null
check "an edit before" ctl n1 put Person name=beforerot $who
check "the edit that will rot" ctl n1 put Person name=rots $who
stop n1
check "a bit flips in it" "$B/tests/e2e/corrupt" --log "$town/n1.d/store"
start_node n1
check "the next edit is saved" ctl n1 put Person name=afterrot $who
check "all that is sound comes to the hub" ctl n1 wait --caught-up --timeout 30
check "… what was written before and after it" sh -c "'$bin/anjuctl' -s '$town/n1' find Person name=beforerot $who && '$bin/anjuctl' -s '$town/n1' find Person name=afterrot $who"
check "what rotted is not shown as saved" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl find Person name=rots $who | grep -q '\"id\"'"
check "status says that it is lost" said "are lost" ctl n1 status
check "… and check does" finds n1 lost
check "held names it" said "damaged on this disk" ctl n1 held
check "hub and node hold the same bytes after it" raw_equal
check "verify at the node is sound again" said sound ctl n1 verify
stop n1
pid=$(pid_of hub)
stop hub
wait "$pid" 2>/dev/null
check "the hub told that it stops" until_true 10 heard STOPPING=1 2
finish
