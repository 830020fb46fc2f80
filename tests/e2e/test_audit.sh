#!/bin/sh
# The audit log: who reads, searches, exports, prints, changes, decides and orders leaves an entry, at an office and at the hub; the log is a
# chain whose heads lie at the other side; whoever cuts or rewrites it is seen here by verification, and there by an alarm; a person may know
# who was shown what of him, also with the line cut.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/forge_audit" >&2 || exit 2
forge="$B/tests/e2e/forge_audit"
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
start_node n1
start_node n2
until_true 20 said "(purpose)" ctl n1 types
until_true 20 said "(purpose)" ctl n2 types
audit="--actor auditor --purpose rights_request"
log() { # log DAEMON TEXT: how many entries hold the text
    # shellcheck disable=SC2086  several words
    ctl "$1" -o jsonl audit export $audit | grep -cF -- "$2"
}
last() { ctl "$1" -o jsonl audit verify | field last; }
kept() { ctl hub -o jsonl audit heads "$1" | sed -n 's/.*"whose":"node.*"n":\([0-9]*\),.*"broken":null.*/\1/p'; }
told() { # told NODE N: city hall keeps the head of N entries or more
    _n=$(kept "$1")
    echo "kept: $_n"
    [ "${_n:-0}" -ge "$2" ]
}

# ---- entries
person=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
job=$(ctl n1 -o jsonl put Employment person="$person" employer=x $who | field id)
check "a change is an entry with its name" [ "$(log n1 "\"action\":\"change\",\"purpose\":\"registration\",\"type\":\"Person\",\"record\":\"$person\"")" = 1 ]
check "… and the kernel's word on who asked" [ "$(log n1 "\"uid\":$(id -u),\"action\":\"change\"")" = 2 ]
check "… of a record about somebody, with whom" [ "$(log n1 "\"record\":\"$job\",\"case\":null,\"subject\":\"$person\"")" = 1 ]
ctl n1 get Person "$person" $who --print >/dev/null
check "what is printed is an entry" [ "$(log n1 '"action":"print"')" = 1 ]
ctl n1 get Person 00112233445566778899aabbccddeeff $who >/dev/null 2>&1
check "what was not there to show is one" [ "$(log n1 '"action":"refused"')" = 1 ]
ctl n1 put Person "$person" nosuch=1 $who >/dev/null 2>&1
check "an edit that cannot be is none: nothing was asked of the store" [ "$(log n1 '"action":"refused"')" = 1 ]
ctl n1 pause >/dev/null
ctl n1 resume >/dev/null
check "orders at an office are entries" [ "$(log n1 '"note":"pause"'),$(log n1 '"note":"resume"')" = 1,1 ]
check "enrolling was the first" [ "$(log n1 '"note":"enrolled as node 1"')" = 1 ]
check "n1 has sent all" ctl n1 wait --caught-up --timeout 30
ctl n2 adopt Person "$person" --reason x $who >/dev/null
check "n2 has the record" until_true 20 said 王宇轩 ctl n2 get Person "$person" $who
ctl n1 pause >/dev/null
ctl n2 pause >/dev/null
ctl n1 put Person "$person" name=王一 $who >/dev/null
ctl n2 put Person "$person" name=王二 $who >/dev/null
ctl n1 resume >/dev/null
ctl n2 resume >/dev/null
check "two names stand" until_true 20 said 王二 ctl n1 -o jsonl conflicts $who
ctl n1 put Person "$person" name=王三 $who >/dev/null
check "a decision between values is its own kind" [ "$(log n1 "\"action\":\"decide\",\"purpose\":\"registration\",\"type\":\"Person\",\"record\":\"$person\"")" = 1 ]
ctl hub node token 650203003031 >/dev/null
ctl hub node add 650203003032 --key "$("$bin/anju-node" --init --set data="$town/n3.d")" --out "$work/three" >/dev/null
check "orders at the hub are entries, before they are carried out" [ "$(log hub '"note":"node token 650203003031"'),$(log hub '"note":"node add 650203003032"')" = 1,1 ]
check "… and the changes that they made" sh -c "[ $(log hub '"action":"change"') -ge 4 ]"
check "no secret is in the log" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl node token 650203003030 >'$work/token' && ! '$bin/anjuctl' -s '$town/hub' -o jsonl audit export $audit | grep -qF \"\$(sed 's/.*\"token\":\"\([^\"]*\)\".*/\1/' '$work/token')\""
check "a look at the log needs a purpose" said "what for?" ctl n1 audit export --actor op1
check "… and is an entry" sh -c "[ $(log n1 '"action":"log"') -gt 0 ]"
check "a span of time is shown" sh -c "[ $(ctl n1 -o jsonl audit export $audit --from 2020-01-01 --to 2020-01-02 | wc -l) = 0 ]"
check "… and a day that is none is refused" said "a time is a day" ctl n1 audit export $audit --from yesterday

# ---- a person
check "a person sees who was shown what" said "一 printed the Person record; what for: registration" ctl n1 audit person "Person/$person" $audit
check "… also of records about him" said "一 changed the Employment record" ctl n1 audit person "Person/$person" $audit
check "… in Chinese" said "一更改了" ctl n1 --lang zh audit person "Person/$person" $audit
check "… and not of others" sh -c "! '$bin/anjuctl' -s '$town/n1' audit person Person/00112233445566778899aabbccddeef0 $audit | grep -q record"
check "the hub knows its own and who else keeps notes" said "一 (node 1) keeps its own notes, which are not seen here" ctl hub audit person "Person/$person" $audit
check "… and which office took it up" said "二 (node 2) keeps its own notes" ctl hub audit person "Person/$person" $audit
stop hub
check "with the line cut it says as of when" until_true 20 said "itself noted, as of 20" ctl n1 audit person "Person/$person" $audit
check "… in Chinese too" said "数据截至 20" ctl n1 --lang zh audit person "Person/$person" $audit
start_hub

# ---- heads
stop n1
start_node n1
check "the log is whole" ctl n1 audit verify
check "the hub's is too" ctl hub audit verify
before=$(last n1)
check "city hall keeps its head" until_true 30 told 1 "$before"
check "… and knows which of its own heads the office keeps" until_true 70 said '"keeper":"node 1"' ctl hub -o jsonl audit heads
check "nothing is wrong" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'audit log'"

# ---- tampering at an office
i=0
while [ $i -lt 600 ]; do
    echo '{"cmd":"get","args":{"type":"Person","id":"'"$person"'","actor":"op1","purpose":"service"}}'
    i=$((i + 1))
done | ctl n1 batch >/dev/null
many=$(last n1)
stop n1
start_node n1
check "city hall keeps the longer log's head" until_true 30 told 1 "$many"
check "… which the office knows" until_true 70 said "\"n\":$(kept 1)" ctl n1 -o jsonl audit heads
own=$(ctl n1 -o jsonl audit heads | sed -n 's/.*"whose":"this node".*"n":\([0-9]*\),.*/\1/p' | tail -n 1)
check "the heads are compared" said '"heads":' ctl n1 -o jsonl audit verify
stop n1
cp -R "$town/n1.d" "$town/n1.sound"

check "an entry is rewritten clumsily" "$forge" clumsy "$town/n1.d/store" 9
start_node n1
check "… verification names the block's first entry" said "from entry 1 on the log does not hold" ctl n1 audit verify
check "… and fails" code_of 1 ctl n1 audit verify
check "… the office's status says so" said "audit log is not what it was" ctl n1 status
check "… and check does" finds n1 audit_own
check "… city hall's names the node" until_true 30 said "the audit log of node 1 was written anew" ctl hub status
check "… and check does" finds hub audit_node
check "… and settles it when somebody has looked" ctl hub audit settle 1
check "… which is an entry" [ "$(log hub '"note":"audit settle 1"')" = 1 ]
stop n1

rm -rf "$town/n1.d" && cp -R "$town/n1.sound" "$town/n1.d"
check "the end is cut off" "$forge" cut "$town/n1.d/store" $((own - 3))
stop hub # else a new life begins, as on any older disk, and its entry comes behind the cut
start_node n1
check "… verification names the first that is missing" said "from entry $((own - 2)) on the log does not hold" ctl n1 audit verify
start_hub
check "… city hall alarms" until_true 30 said "the audit log of node 1 " ctl hub status
ctl hub audit settle 1 >/dev/null
stop n1

check "all of it is taken away" "$forge" all "$town/n1.d/store"
start_node n1
check "… city hall alarms" until_true 30 said "the audit log of node 1 began a new life" ctl hub status
check "… and the office's new log says why it begins" [ "$(log n1 '"note":"no log was here"')" = 1 ]
ctl hub audit settle 1 >/dev/null
check "settled is settled" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'audit log of node'"

# ---- tampering at the hub
check "the office keeps a head of the hub's log" until_true 70 said '"whose":"hub"' ctl n1 -o jsonl audit heads
check "n2 too" until_true 70 said '"whose":"hub"' ctl n2 -o jsonl audit heads
stop hub
check "the hub's log is rewritten" "$forge" rewrite "$town/hub.d/own" 2
start_hub
check "… the offices see it" until_true 90 said "the hub's audit log does not go on" ctl n2 status
check "… and their check does" finds n2 audit_city
check "… and the hub hears that its own is not what they keep" until_true 90 said "the hub's own audit log was written anew" ctl hub status
check "… and check does" finds hub audit_hub
check "… and verification names where" said "does not hold" ctl hub audit verify
check "it is settled at the office" ctl n2 audit settle
check "… and at the hub" ctl hub audit settle hub
check "… whose chain holds again, as it is now" ctl hub audit verify

finish
