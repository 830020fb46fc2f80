#!/bin/sh
# No silent reading: whoever is shown a record leaves an entry that names the record, at an office and at the hub. A record that
# another office takes up says who took it up, and why.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
start_node n1
start_node n2
until_true 20 said "(purpose)" ctl n1 types
until_true 20 said "(purpose)" ctl n2 types
entries() { ctl "$1" -o jsonl audit export "$2" --actor auditor --purpose rights_request | grep -c "\"action\":\"$3\""; }
first=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
second=$(ctl n1 -o jsonl put Person name=李明 phone=12900000001 $who | field id)
case=00112233445566778899aabbccddeeff

# ---- at an office
check "get leaves an entry" sh -c "'$bin/anjuctl' -s '$town/n1' get Person $first $who --case $case >/dev/null"
check "… for the record" [ "$(entries n1 "$first" read)" = 1 ]
check "… with its case and the purpose's name" said "\"purpose\":\"registration\",\"type\":\"Person\",\"record\":\"$first\",\"case\":\"$case\"" ctl n1 -o jsonl audit export "$first" $who
check "… and not for another" [ "$(entries n1 "$second" read)" = 0 ]
check "a case that is none is refused" said "a case is named by its id" ctl n1 get Person "$first" $who --case x
ctl n1 find Person name=王宇轩 $who >/dev/null
check "find leaves an entry for what it showed" [ "$(entries n1 "$first" search)" = 1 ]
check "… and none for what it did not" [ "$(entries n1 "$second" search)" = 0 ]
ctl n1 find Person name=nobody $who >/dev/null
check "a search that found nothing is noted too" said '"action":"search","purpose":"registration","type":"Person","record":null' ctl n1 -o jsonl audit export $who
ctl n1 export $who >/dev/null
check "export leaves an entry for each record" [ "$(entries n1 "$first" export),$(entries n1 "$second" export)" = 1,1 ]
ctl n1 export --raw $who >/dev/null
check "export --raw too" [ "$(entries n1 "$first" export),$(entries n1 "$second" export)" = 2,2 ]
ctl n1 history Person "$first" $who >/dev/null
check "history too" [ "$(entries n1 "$first" history)" = 1 ]
check "the audit log needs an actor" said "who are you?" ctl n1 audit export --purpose service
check "… and a purpose" said "what for?" ctl n1 audit export --actor op1
check "… and a look at it is an entry" sh -c "[ $(entries n1 "$first" log) -gt 0 ]"
check "export --hashes shows nobody" sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl export --hashes | grep -q '\"hash\":\"[0-9a-f]\{64\}\"'"
check "… and leaves no entry" [ "$(entries n1 "$first" export)" = 2 ]
check "the queue shows no values" sh -c "'$bin/anjuctl' -s '$town/n1' pause >/dev/null; '$bin/anjuctl' -s '$town/n1' put Person $second phone=12900000002 $who >/dev/null; '$bin/anjuctl' -s '$town/n1' -o jsonl queue | grep phone | grep -vq 12900000002"
ctl n1 resume >/dev/null
check "the node has sent all" ctl n1 wait --caught-up --timeout 20

# ---- at the hub
check "export --raw at the hub needs an actor" said "who are you?" ctl hub export --raw --purpose proof
check "… and a purpose" said "what for?" ctl hub export --raw --actor op1
check "… and one that there is" said "no such purpose" ctl hub export --raw --actor op1 --purpose curiosity
check "… and then shows the values" said '"raw"' ctl hub -o jsonl export --raw --actor op1 --purpose proof --case $case
check "… with an entry for each record" [ "$(entries hub "$first" export),$(entries hub "$second" export)" = 1,1 ]
check "… that names the case" said "\"action\":\"export\",\"purpose\":\"proof\",\"type\":\"Person\",\"record\":\"$first\",\"case\":\"$case\"" ctl hub -o jsonl audit export "$first" $who
check "the hub's audit log needs a purpose" said "what for?" ctl hub audit export --actor op1
same_hashes() {
    ctl hub -o jsonl export --hashes --node 1 >"$work/a" && ctl n1 -o jsonl export --hashes >"$work/b" && [ -s "$work/a" ] && cmp "$work/a" "$work/b"
}
check "hub and node compare by hashes, without a purpose" same_hashes
check "… and nobody was looked at" [ "$(entries hub "$first" export)" = 1 ]
stop hub
start_hub
check "the hub's entries outlive it" [ "$(entries hub "$first" export)" = 1 ]

# ---- what was taken up
check "n1 is there again" ctl n1 wait --caught-up --timeout 30
ctl n2 pause >/dev/null
check "a record is taken up" ctl n2 adopt Person "$first" --reason "搬到本社区" $who --case $case
check "… before it comes there is nothing to show" said "taken up but has not come yet" ctl n2 get Person "$first" $who
check "… which is a conflict" code_of 1 ctl n2 get Person "$first" $who
check "… and no edit is possible" said "has not come yet" ctl n2 put Person "$first" phone=12900000003 $who
check "… but taking it up once more" ctl n2 adopt Person "$first" --reason "搬到本社区" $who
ctl n2 resume >/dev/null
check "it comes" until_true 20 said 王宇轩 ctl n2 get Person "$first" $who
check "the home office sees who took it up and why" until_true 20 said '"area":"650203002010","reason":"搬到本社区"' ctl n1 -o jsonl get Person "$first" $who
check "… in its history too, with the node" said '"node":2' ctl n1 -o jsonl history Person "$first" $who
check "… by the names of the fields" said '"fields":["shared"],' sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl history Person $first $who | sed 's/\"shared\",\"taken_up\"/\"shared\"/'"
check "the office's own history names actor, purpose, case and values" said '"case":"00112233445566778899aabbccddeeff"' ctl n2 -o jsonl history Person "$first" $who
check "… the reason among them" grep -q '"purpose":"registration".*搬到本社区' "$work/.out"

finish
