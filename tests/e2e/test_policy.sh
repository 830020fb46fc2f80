#!/bin/sh
# A policy from its file to the offices: pilot, widening, a day that comes while an office is offline, going back, ending, who has it; and
# a city whose policies need two signatures, one of them from a key that never was at the hub.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
clock() { # NAME: a node whose clock reads $work/clock.NAME
    FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock.$1" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
        "$bin/anju-node" --set data="$town/$1.d" --set socket="$town/$1" 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1" || die "the node did not start"
}
make_node n1 650203001001 first
make_node n2 650203001002 second
make_node n3 650204001001 third
echo +0 >"$work/clock.n2"
start_node n1
clock n2
start_node n3
for n in n1 n2 n3; do ctl $n wait --caught-up --timeout 30 >/dev/null; done
has_types() { ctl hub -o jsonl policies | grep -q '"name":"purposes"'; }
until_true 20 has_types

# bench WORDS [HEADER…]: a record type whose second field says which text it is
bench() {
    printf 'kind: record_type\nname: PublicBench\nnumber: 900\nzh: 长椅\nclass: public\nkeep: life\n' >"$work/bench.yaml"
    word=$1
    shift
    for line in "$@"; do printf '%s\n' "$line" >>"$work/bench.yaml"; done
    printf 'fields:\n  - {number: 16, name: place, zh: 位置, kind: text}\n  - {number: 17, name: seats, zh: %s, kind: number}\n' "$word" >>"$work/bench.yaml"
}
shows() { ctl "$1" -o jsonl types | grep PublicBench | grep -q "\"name_zh\":\"$2\""; }
shows_not() { ! ctl "$1" -o jsonl types | grep -q PublicBench; }
row() { ctl hub -o jsonl policies --all | grep '"PublicBench"' | grep "\"scope\":\"$1\"" | grep "\"version\":$2"; }
state_is() { row "$1" "$2" | grep -q "\"state\":\"$3\""; }
reach_is() { row "$1" "$2" | grep -q "\"applied\":$3,\"of\":$4"; }

# ---- preview, pilot, widening
bench 甲
check "a file is checked away from the hub" said good "$bin/anjuctl" policy check "$work/bench.yaml" --catalogue deploy/catalogue
check "a preview names offices" said "1 first" ctl hub policy preview "$work/bench.yaml"
check "… and what comes" said "PublicBench" ctl hub policy preview "$work/bench.yaml"
check "… and publishes nothing" shows_not n1
check "a pilot is published" ctl hub policy publish "$work/bench.yaml" --pilot 650203001001
check "the pilot's office has it" until_true 20 shows n1 甲
check "its neighbour has not" shows_not n2
check "the hub says who: one of one" until_true 20 reach_is 650203001001 1 1 1
check "it is widened to the whole city" ctl hub policy publish "$work/bench.yaml" --widen
for n in n1 n2 n3; do check "… at $n" until_true 20 shows $n 甲; done
check "… the pilot has ended" state_is 650203001001 2 ended
check "… and all three have it" until_true 20 reach_is "" 1 3 3

# ---- a day that comes
today=$(TZ=UTC-8 date +%F)
tomorrow=$(TZ=UTC-8 date -d tomorrow +%F)
bench 乙 "from: $tomorrow" "legal_basis: 试行办法第三条"
check "a text for tomorrow is published" ctl hub policy publish "$work/bench.yaml"
check "… and staged" state_is "" 2 staged
check "… at the offices too" until_true 20 reach_is "" 2 3 3
check "today's stays" shows n2 甲
check "who has it, office by office" said applied ctl hub policy who record_type/PublicBench --version 2
stop hub
echo +1d >"$work/clock.n2"
check "at an office whose city day has come the new text is in force, without a line" until_true 20 shows n2 乙
check "… and says so" said staged ctl n1 -o jsonl policies
echo +0 >"$work/clock.n2"
start_hub

# ---- going back, while an office is away
stop n3
check "it goes back: a new version of the old text" said '"version": 3' ctl hub -o json policy rollback record_type/PublicBench --to 1
check "… which takes the place of the staged one too" until_true 20 state_is "" 2 over
check "who is away is pending" until_true 20 reach_is "" 3 2 3
check "… by name" said pending ctl hub policy who record_type/PublicBench --version 3
start_node n3
check "… until it comes" until_true 20 reach_is "" 3 3 3
for d in hub n1 n2 n3; do stop $d; done
start_hub
check "a hub that starts alone knows whom it had reached" reach_is "" 3 3 3
check "… and what its offices said last" said '"backlog":0' ctl hub -o jsonl nodes
start_node n1
start_node n3
clock n2
for n in n1 n2 n3; do ctl $n wait --caught-up --timeout 30 >/dev/null; done
check "a version that never was" said "no such version" code_of 1 ctl hub policy rollback record_type/PublicBench --to 9

# ---- a district's, and its end
bench 丙 'scope: "650203"'
check "a district's text is published" ctl hub policy publish "$work/bench.yaml"
check "… reaches its offices" until_true 20 shows n1 丙
check "… both" until_true 20 shows n2 丙
check "… and no other" shows n3 甲
check "the district's ends" ctl hub policy halt record_type/PublicBench --scope 650203
check "… the city's counts again" until_true 20 shows n1 甲
check "it cannot end twice" said "ended in this scope already" code_of 1 ctl hub policy halt record_type/PublicBench --scope 650203
check "one policy, whole" said 位置 ctl hub -o json policy show record_type/PublicBench
check "a policy that is none" code_of 5 ctl hub policy show labels/nothing

# ---- bad input: everything at once, and nothing is published
before=$(ctl hub -o jsonl policies --all | wc -l)
bench 丁 "from: 2027-02-30" "to: nie" "scope: 65"
sed -i 's/^scope: 65$/scope: 650/; s/kind: number}/kind: nummer}/' "$work/bench.yaml"
for what in "from is a day" "to is a day" "scope is a division code"; do
    check "refused: $what" said "$what" code_of 1 ctl hub policy publish "$work/bench.yaml"
    check "… also away from the hub" said "$what" code_of 1 "$bin/anjuctl" policy check "$work/bench.yaml" --catalogue deploy/catalogue
done
bench 戊 "from: $tomorrow" "to: $today"
check "an end before the beginning" said "ends before it begins" code_of 1 ctl hub policy publish "$work/bench.yaml"
bench 己 "supersedes: 1"
check "days that overlap with another version's" said "overlap" code_of 1 ctl hub policy publish "$work/bench.yaml"
check "nothing was published" [ "$(ctl hub -o jsonl policies --all | wc -l)" = "$before" ]

# ---- a body in parts
{
    bench 庚
    cat "$work/bench.yaml"
    i=18
    while [ $i -lt 1200 ]; do
        echo "  - {number: $i, name: field$i, zh: 字段$i, kind: text}"
        i=$((i + 1))
    done
} >"$work/big.yaml"
check "a text of more than one part ($(wc -c <"$work/big.yaml") bytes) is published" ctl hub policy publish "$work/big.yaml"
check "… and whole at an office" until_true 20 sh -c "'$bin/anjuctl' -s '$town/n3' types | grep -q field1199"

# ---- two signatures, one of them from a key that stays away
away=$("$bin/anjuctl" policy keygen "$work/away.key")
check "a key is never written over another" said "never written over another" code_of 1 "$bin/anjuctl" policy keygen "$work/away.key"
check "more signatures than keys are refused" code_of 1 "$bin/anju-hub" --init --set data="$town/never.d" --set policy_threshold=2
"$bin/anju-hub" --init --set data="$town/strict.d" --set policy_signers="$away" --set policy_threshold=2 >/dev/null 2>&1
"$bin/anju-hub" --set data="$town/strict.d" --set socket="$town/strict" --set page= --set listen='tcp://127.0.0.1:*' --set enrol= --set catalogue= 2>>"$town/log/strict" &
echo $! >"$town/pids/strict"
until_true 20 answers strict
bench 辛 "from: $today"
check "the hub alone cannot publish" said "needs the signatures of 2 policy keys and has 1" code_of 4 ctl strict policy publish "$work/bench.yaml"
ctl strict -o jsonl policy publish "$work/bench.yaml" --draft >"$work/words"
check "the words are those of the text" said "not of this file" code_of 1 "$bin/anjuctl" policy sign "$work/words" "$work/big.yaml" --key "$work/away.key"
chmod 644 "$work/away.key"
check "a key that others may read is refused" said "chmod 600" code_of 1 "$bin/anjuctl" policy sign "$work/words" "$work/bench.yaml" --key "$work/away.key"
chmod 600 "$work/away.key"
signature=$("$bin/anjuctl" policy sign "$work/words" "$work/bench.yaml" --key "$work/away.key" 2>"$work/shown")
check "who signs is shown what" grep -q PublicBench "$work/shown"
check "with its signature it is published" ctl strict policy publish "$work/bench.yaml" --signatures "$signature"
bench 壬 "from: $today"
check "a signature is for one text alone" said "has 1" code_of 4 ctl strict policy publish "$work/bench.yaml" --signatures "$signature"
check "and for one version alone" code_of 4 ctl strict policy halt record_type/PublicBench --signatures "$signature"
finish
