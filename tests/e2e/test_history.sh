#!/bin/sh
# Who changed a record, asked at the hub: each change with its office, and the proof that its office said so. What the log no longer has is
# only kept, what was put into it is named.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" "$B/tests/e2e/hostile" >&2 || exit 2
case=00112233445566778899aabbccddeeff
told() { ctl hub -o jsonl history Person "$1" $who; }
# rows ID TEXT COUNT: so many changes of the record are told with this text
rows() {
    told "$1" >"$work/told"
    cat "$work/told"
    [ "$(grep -cF -- "$2" "$work/told")" = "$3" ]
}
entries() { ctl hub -o jsonl audit export "$1" --actor auditor --purpose rights_request | grep -c "\"action\":\"$2\""; }

make_hub
start_hub
make_node n1 650299001001 一
make_node n2 650299002010 二
start_node n1
start_node n2
until_true 20 said "(purpose)" ctl n1 types
until_true 20 said "(purpose)" ctl n2 types

# ---- two offices change one record
id=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
other=$(ctl n1 -o jsonl put Person name=李明 $who | field id)
check "the first office's changes are merged" ctl n1 wait --caught-up --timeout 20
check "the second takes it up" ctl n2 adopt Person "$id" --reason "搬到本社区" $who --case $case
check "it comes" until_true 20 said 王宇轩 ctl n2 get Person "$id" $who
check "the second changes it" ctl n2 put Person "$id" phone=12900000002 --actor op2 --purpose service
check "… and that is merged" ctl n2 wait --caught-up --timeout 20
check "the hub names three changes, all signed" rows "$id" '"proof":"signed"' 3
check "… one of the first office" rows "$id" '"office":"一"' 1
check "… two of the second" rows "$id" '"office":"二"' 2
check "… the last with its field and purpose" sh -c "tail -n 1 '$work/told' | grep '\"fields\":\[\"phone\"\]' | grep '\"node\":2' | grep '\"purpose\":\"service\"'"
check "… by another actor than the first" sh -c "[ \$(sed -n 's/.*\"actor\":\"\([0-9a-f]*\)\".*/\1/p' '$work/told' | sort -u | wc -l) = 2 ]"
check "… with the case that it was for" rows "$id" "\"case\":\"$case\"" 1
check "… and no value" sh -c "! grep -q -e 王宇轩 -e 12900000002 -e 搬到 '$work/told'"
check "the table says it too" said signed ctl hub history Person "$id" $who
check "a look leaves an entry" [ "$(entries "$id" history)" -ge 1 ]
check "… for no other record" [ "$(entries "$other" history)" = 0 ]

# ---- what cannot be asked
check "no actor" said "who are you?" ctl hub history Person "$id" --purpose service
check "no purpose" said "what for?" ctl hub history Person "$id" --actor op1
check "no such purpose" said "no such purpose" ctl hub history Person "$id" --actor op1 --purpose curiosity
check "no such type" said "no such record type" ctl hub history Persona "$id" $who
check "no id" said "id" ctl hub history Person $who
check "no such record" said "neither the state nor the log" ctl hub history Person 00000000000000000000000000000001 $who
check "… is not found" code_of 5 ctl hub history Person 00000000000000000000000000000001 $who
check "not from status.sock" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" history Person "$id" $who

# ---- what is held: said by the second office of a record that is not its own
stop n2
check "the second office writes what it does not serve" "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 5 "overwrite=$other"
check "it is held" until_true 20 rows "$other" '"state":"held"' 1
check "… with the reason, and the sender's signature" sh -c "grep '\"state\":\"held\"' '$work/told' | grep 'does not serve' | grep '\"node\":2' | grep '\"proof\":\"signed\"'"

# ---- what the log no longer has
mkdir "$town/backups"
check "a backup" ctl hub backup "$town/backups"
check "a second" ctl hub backup "$town/backups"
check "what is in both goes from the log: it is only kept" until_true 20 rows "$id" '"proof":"merged"' 3
check "… what is held too" rows "$other" '"proof":"held"' 1
check "a change after that" ctl n1 put Person "$id" phone=12900000003 $who
check "… is merged" ctl n1 wait --caught-up --timeout 20
check "… and signed" rows "$id" '"proof":"signed"' 1

# ---- somebody writes into the hub's log
stop n1
stop hub
check "the last push is put into other words" "$B/tests/e2e/corrupt" --said "$town/hub.d/log"
start_hub
check "that is named" rows "$id" 'no key of node 1 signed it' 1
check "… as broken" rows "$id" '"proof":"broken"' 1
check "… and the rest is as it was" rows "$id" '"proof":"merged"' 3

# ---- the record is erased for ever
check "the record is erased" ctl hub person erase "$id" --reason test --order none --confirm "$id"
check "… its history too" until_true 20 said "erased for ever" ctl hub history Person "$id" $who
finish
