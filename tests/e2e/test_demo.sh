#!/bin/sh
# The demo's proof holds, and it fails when one stored value at one node is another.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" "$B/tests/city/fold_city" "$B/tests/city/check_export" "$B/tests/city/gen_city" >&2 || exit 2
B=$B deploy/demo --stay >"$work/demo.out" 2>&1 &
demo=$!
trap 'kill $demo 2>/dev/null; wait $demo 2>/dev/null; stop_all; rm -rf "$work" "$town"' EXIT
check "the demo runs to its end" until_true 240 grep -q "goes on running until" "$work/demo.out"
check "its proof holds" grep -q "^the proof holds" "$work/demo.out"
sed -n '/The proof/,$p' "$work/demo.out"
theirs=$(sed -n 's/.*(folder \(.*\))$/\1/p' "$work/demo.out" | head -n 1)
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
