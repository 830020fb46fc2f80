#!/bin/sh
# Two demos side by side: both proofs hold, and Ctrl-C ends one of them and nothing else. The proof fails when one stored value at one node is
# another.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" "$B/tests/city/fold_city" "$B/tests/city/check_export" "$B/tests/city/gen_city" >&2 || exit 2
B=$B deploy/demo --stay >"$work/demo.out" 2>&1 &
demo=$!
B=$B deploy/demo --stay --no-rules >"$work/other.out" 2>&1 &
other=$!
trap 'kill $demo $other 2>/dev/null; wait $demo $other 2>/dev/null; stop_all; rm -rf "$work" "$town"' EXIT
check "the demo runs to its end" until_true 480 grep -q "goes on running until" "$work/demo.out"
check "its proof holds" grep -q "^the proof holds" "$work/demo.out"
check "every kind of rule acted at an office that was away, and went back" grep -qx "all rules act, also where they came late" "$work/demo.out"
check "… sixteen kinds" [ "$(grep -c " 6/8, then 8/8 " "$work/demo.out")" = 16 ]
sed -n '/The proof/,$p' "$work/demo.out"
check "another one beside it too" until_true 480 grep -q "goes on running until" "$work/other.out"
check "… and its proof holds" grep -q "^the proof holds" "$work/other.out"
folder_of() { sed -n 's/.*(folder \(.*\))$/\1/p' "$1" | head -n 1; }
beside=$(folder_of "$work/other.out")
pids=$(cat "$beside"/pids/*)
town_gone() {
    for p in $pids; do kill -0 "$p" 2>/dev/null && return 1; done
    [ ! -d "$beside" ]
}
check "… with processes of its own" [ "$(echo "$pids" | wc -w)" = 9 ]
kill -TERM $other
check "told to stop, it ends its own processes and leaves nothing" until_true 30 town_gone
theirs=$(folder_of "$work/demo.out")
check "… and those of the first one go on" sh -c "for n in hub n1 n8; do '$bin/anjuctl' -s '$theirs/'\$n hello || exit 1; done"
input=../shared/data/sample-city
[ -r "$input/manifest.json" ] || input=$theirs/city
corrupted() (
    town=$theirs
    . deploy/city.sh
    stop n1
    "$B/tests/e2e/corrupt" "$town/n1.d/store" || exit 1
    start_node n1
    ctl n1 wait --caught-up --timeout 30 >/dev/null
    B=$B deploy/proof "$town" "$input"
)
corrupted >"$work/proof.out" 2>&1
check "one value at one node was changed" grep -q "one value is another now" "$work/proof.out"
check "the proof fails" grep -q "the proof FAILS" "$work/proof.out"
check "… where it should" grep -q "FAILS   n1: replicated state equal" "$work/proof.out"
check "… and nowhere else but in the fields" sh -c "grep FAILS '$work/proof.out' | grep -v n1: | grep -v 'every field' | grep -vq 'FAILS in' && exit 1; exit 0"
finish
