#!/bin/sh
# `why`: where a record is, and why it is not there yet.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
make_node n3 650203003022 三
start_node n1
start_node n2
why() { ctl hub why "$@"; }
# row STEP STATE WORDS COMMAND…: the answer has a row of this step, in this state, whose words hold these
row() {
    _step=$1 _state=$2 _words=$3
    shift 3
    "$@" -o jsonl >"$work/.rows" 2>&1
    cat "$work/.rows"
    grep "\"step\":\"$_step\"" "$work/.rows" | grep "\"state\":\"$_state\"" | grep -qF -- "$_words"
}
# of NODE STATE WORDS COMMAND…: the same of an office's row
of() {
    _node=$1 _state=$2 _words=$3
    shift 3
    "$@" -o jsonl >"$work/.rows" 2>&1
    cat "$work/.rows"
    grep '"step":"office"' "$work/.rows" | grep "\"node\":$_node," | grep "\"state\":\"$_state\"" | grep -qF -- "$_words"
}
until_true 20 said "(purpose)" ctl n1 types
id=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
check "at the office: it is saved, sent and merged" until_true 20 row change merged "merged by the city" ctl n1 why "Person/$id"
check "… the city's copy is here" row record in "is here" ctl n1 why "$id"
check "… and how the link stands" row link online "0 changes not sent" ctl n1 why "$id"
check "at the hub: where it was saved" row saved saved "saved at node 1" why "Person/$id"
check "… where in the log" row log "in the log" "entry" why "$id"
check "… that it is merged" row merge merged "hub_seq" why "$id"
check "… in which feeds" row feed in "650203001001" why "$id"
check "… and how far the office is" of 1 online "" why "$id"
check "… and no other is concerned" sh -c "! '$bin/anjuctl' -s '$town/hub' -o jsonl why '$id' | grep -q '\"node\":2'"
check "asked about another office" of 2 elsewhere "in none of its areas" why "$id" 2
check "… about one that is none" code_of 5 ctl hub why "$id" 77
check "the answer is one screen" sh -c "[ \"\$('$bin/anjuctl' -s '$town/hub' why '$id' | wc -l)\" -le 12 ]"
check "… in Chinese" said "已合并" why "$id" --lang zh
check "no value is shown" sh -c "! '$bin/anjuctl' -s '$town/hub' -o jsonl why '$id' | grep -q 王宇轩"
check "only from admin.sock" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" why "$id"
check "who asked is in the audit log" said "why" ctl hub audit export --actor op1 --purpose registration

# ---- an office that is away, and one that is paused
until_true 20 ctl n2 adopt Person "$id" --reason moved $who
until_true 90 of 2 online "it has it" why "$id" 2
ctl hub node pause 2 >/dev/null
until_true 20 sh -c "'$bin/anjuctl' -s '$town/n2' status | grep -q paused"
ctl n1 put Person "$id" phone=12900000001 $who >/dev/null
check "paused: the change is not there yet, and what to do" until_true 20 of 2 paused "not yet: it is paused; \`anjuctl node resume 2\`" why "$id" 2
check "… the other one has it" until_true 90 of 1 online "it has it" why "$id"
ctl hub node resume 2 >/dev/null
check "resumed: it comes" until_true 90 of 2 online "it has it" why "$id" 2
ctl n1 pause >/dev/null
ctl n1 put Person "$id" phone=12900000003 $who >/dev/null
check "what is not sent is told at the office" row change saved "not sent yet" ctl n1 why "$id"
check "… with the link" row link offline "1 changes not sent" ctl n1 why "$id"
ctl n1 resume >/dev/null

# ---- a move
other=$(ctl n1 -o jsonl put Person name=李四 $who | field id)
until_true 20 ctl n1 wait --caught-up --timeout 20
ctl n2 adopt Person "$other" --reason moved $who >/dev/null
check "a record that an office takes up comes there" until_true 90 of 2 online "it has it" why "$other" 2
check "… and lies in its feed" row feed in "650203002010" why "$other"

# ---- held
echo +1d >"$work/clock"
FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
    "$bin/anju-node" --set data="$town/n3.d" --set socket="$town/n3" --set metrics= 2>>"$town/log/n3" &
echo $! >"$town/pids/n3"
until_true 20 answers n3
until_true 20 said "(purpose)" ctl n3 types
until_true 20 ctl n3 wait --caught-up --timeout 20
echo +3d >"$work/clock"
held=$(ctl n3 -o jsonl put Person name=赵六 $who | field id)
check "a held change says why" until_true 20 row held held "clock" why "$held"
check "… with what to do" said "quarantine list" why "$held"
check "… also at the office" until_true 20 row change held "anjuctl held" ctl n3 why "$held"

# ---- erased, unknown
ctl hub person erase "$other" --reason r --order o --yes >/dev/null
check "erased for ever" until_true 20 row erased erased "erased for ever" why "$other"
check "… at the office too" until_true 20 row record erased "erased for ever" ctl n1 why "$other"
check "an id that nobody knows" code_of 5 ctl hub why 0123456789abcdef0123456789abcdef
check "… says who may still bring it" said "no change of such a record has come" ctl hub why 0123456789abcdef0123456789abcdef
check "… and at the office" code_of 5 ctl n1 why 0123456789abcdef0123456789abcdef
check "a name that is none" code_of 1 ctl hub why nobody
check "a type that is none" said "no such record type" ctl hub why Nobody/x
finish
