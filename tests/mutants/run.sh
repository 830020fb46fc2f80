#!/bin/sh
# make mutants [ONLY=NAME]: every patch in this folder must be noticed. Ends with `N killed, M survived`.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
B=${B:-build}
SEEDS=${SEEDS:-150}
work=$(mktemp -d "$root/$B/mutants.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
tests='build/tests/unit/test_merge build/tests/unit/test_sync build/tests/unit/test_node_apply build/tests/unit/test_node_anew build/tests/unit/test_hub_apply build/tests/unit/test_seal build/tests/unit/test_audit build/tests/unit/test_history build/tests/unit/test_policy build/tests/unit/test_rules build/tests/unit/test_rules_tables build/tests/unit/test_rules_points build/tests/contract/test_store'
targets="$tests build/tests/sim/sim"
git ls-files | tar cf - -T - | tar xf - -C "$work" || exit 2
cd "$work" || exit 2
# shellcheck disable=SC2086
make -s -j"$(nproc)" CFLAGS=-Wno-error $targets >said 2>&1 || { tail -n 5 said; echo "the tree itself does not build"; exit 2; }

# red: says which test notices, or fails
red() {
    for t in $tests; do
        timeout 120 "$t" >said 2>&1 || { basename "$t"; return 0; }
    done
    timeout 120 build/tests/sim/sim --stories >said 2>&1 || { echo "story $(sed -n 's/^FAIL *\([a-z_0-9]*\).*/\1/p' said | head -n 1)"; return 0; }
    timeout 300 build/tests/sim/sim --seeds "$SEEDS" >said 2>&1 || { echo "$(sed -n 's/^seed \([0-9]*\) of \([a-z_]*\).*/seed \1 of \2/p' said | head -n 1)"; return 0; }
    return 1
}
killed=0 survived=0
for patch in "$root"/tests/mutants/*${ONLY:-}*.patch; do
    name=$(basename "$patch" .patch)
    began=$(date +%s)
    file=$(sed -n 's/^+++ b\///p' "$patch")
    cp "$file" original
    if ! patch -s -p1 <"$patch" >said 2>&1; then
        verdict="DOES NOT APPLY"
        survived=$((survived + 1))
    elif ! make -s -j"$(nproc)" CFLAGS=-Wno-error $targets >said 2>&1; then
        verdict="DOES NOT BUILD"
        survived=$((survived + 1))
    elif by=$(red); then
        verdict="killed by $by"
        killed=$((killed + 1))
    else
        verdict=SURVIVED
        survived=$((survived + 1))
    fi
    printf '%-36s %3d s  %s\n' "$name" "$(($(date +%s) - began))" "$verdict"
    cp original "$file"
    rm -f "$file.rej" "$file.orig"
done
echo "$killed killed, $survived survived"
[ "$survived" -eq 0 ] && [ "$killed" -gt 0 ]
