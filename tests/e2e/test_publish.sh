#!/bin/sh
# A record type is published only when the whole catalogue still holds together: one bad document would stop every office's updates.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
"$bin/anju-hub" --init --set data="$town/early.d" >/dev/null
"$bin/anju-hub" --set data="$town/early.d" --set socket="$town/early" --set page= --set listen='tcp://127.0.0.1:*' --set catalogue="$root/deploy/catalogue" 2>>"$town/log/early" &
echo $! >"$town/pids/early"
until_true 20 answers early
key=$("$bin/anju-node" --init --set data="$town/first.d")
check "who is enrolled as soon as the hub answers" ctl early node add 650203001001 --key "$key" --out "$town/first.enrolment"
stop early
"$bin/anju-node" --join "$town/first.enrolment" --set data="$town/first.d" >/dev/null
start_node first
check "… has all of the catalogue, before any feed" said '"name":"MediationCase.closed_on"' sh -c "'$bin/anjuctl' -s '$town/first' -o jsonl types | sed 's/\"type\":\"\([A-Za-z]*\)\".*\"name\":\"/\"name\":\"\1./'"
check "… and the purposes" ctl first find Person name=x --actor op1 --purpose proof
stop first
has_types() { ctl hub -o jsonl policies | grep -q '"name":"purposes"'; }
until_true 20 has_types
publish() { ctl hub policy publish "$work/doc.yaml"; }
# document NUMBER NAME FIELD-NUMBER FIELD KIND [MORE]
document() {
    printf 'kind: record_type\nnumber: %s\nname: %s\nzh: 试\nclass: public\nkeep: life\nfields:\n  - {number: %s, name: %s, zh: 试, kind: %s%s}\n' \
        "$@" >"$work/doc.yaml"
}
document 32 Stolen 16 note text ""
check "a number that another type has" said "used by two types" code_of 1 publish
document 900 Person 16 name text ""
check "a name that another type has" said "number 32 was given to it for ever" code_of 1 publish
sed 's/name: phone, zh: 电话, kind: text/name: phone, zh: 电话, kind: number/' deploy/catalogue/32-Person.yaml >"$work/doc.yaml"
check "a field of another kind" said "Person.phone: number 19 was given to it as text" code_of 1 publish
sed '/name: phone/d' deploy/catalogue/32-Person.yaml >"$work/doc.yaml"
check "a field that is gone" said "Person.phone: number 19" code_of 1 publish
document 900 Lost 16 of reference ", refers: Nothing"
check "a reference to nothing" said "refers to a type that is not there" code_of 1 publish
document 900 PublicBench 16 place text ""
check "a new type is published" code_of 0 publish
sed 's/^  - {number: 23/  - {number: 60, name: nickname, zh: 常用名, kind: text}\n&/' deploy/catalogue/32-Person.yaml >"$work/doc.yaml"
check "a field more is published" code_of 0 publish
check "… as the next version" said '"version":2' ctl hub -o jsonl policies
make_node n1 650203001001 first
start_node n1
check "an office that is enrolled afterwards works with both" said nickname ctl n1 types
check "… the new type" said PublicBench ctl n1 types
stop n1
stop hub
cp -r deploy/catalogue "$work/folder"
document 32 Stolen 16 note text ""
cp "$work/doc.yaml" "$work/folder/99-Stolen.yaml"
start_hub_with() {
    "$bin/anju-hub" --set data="$town/other.d" --set socket="$town/other" --set page= --set listen='tcp://127.0.0.1:*' --set enrol= --set catalogue="$work/folder" \
        2>>"$town/log/other" &
    echo $! >"$town/pids/other"
    until_true 20 answers other
}
"$bin/anju-hub" --init --set data="$town/other.d" >/dev/null
check "a hub with a broken folder starts" start_hub_with
check "… says what is wrong" until_true 10 grep -q "catalogue.refused.*used by two types" "$town/log/other"
check "… and publishes none of it" sh -c "[ -z \"\$('$bin/anjuctl' -s '$town/other' -o jsonl policies)\" ]"
finish
