#!/bin/sh
# One hub, two nodes, and everything a person does with them by hand.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh

# ---- configuration: all errors at once, with line and column
cat >"$work/bad.yaml" <<'Y'
data: /tmp/x
sokcet: /tmp/y
log_level: [a]
data: /tmp/z
Y
check "a wrong key names the right one" said "bad.yaml:2:1: unknown key 'sokcet'; did you mean 'socket'?" "$bin/anju-node" --check-config --config "$work/bad.yaml"
check "… and the error in line 3 is told too" said "bad.yaml:3:12: log_level: one value belongs here" "$bin/anju-node" --check-config --config "$work/bad.yaml"
check "… and the doubled key" said "bad.yaml:4:1: 'data' is here twice" "$bin/anju-node" --check-config --config "$work/bad.yaml"
check "a bad configuration exits with 78" code_of 78 "$bin/anju-hub" --check-config --config "$work/bad.yaml"
check "a wrong --set names the right one" said "did you mean 'listen'?" "$bin/anju-hub" --check-config --set listn=x
check "what --show-config prints is a good configuration" sh -c "'$bin/anju-hub' --show-config >'$work/shown.yaml' && '$bin/anju-hub' --check-config --config '$work/shown.yaml'"

# ---- birth
check "the hub does not start without a city" code_of 69 "$bin/anju-hub" --set data="$town/none" --set socket="$town/s"
"$bin/anju-node" --init --set data="$town/lone" >/dev/null
make_hub
cp "$town/hub.d/keys" "$work/keys"
make_hub
check "a second --init changes no key" cmp "$town/hub.d/keys" "$work/keys"
start_hub
make_node n1 650203001001 和平社区 && start_node n1
make_node n2 650203002010 韶山 && start_node n2
check "both come online" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' status | grep -q '^online *2$'"
check "one key is enrolled once" said "belongs to a node already" ctl hub node add 650203003022 --key "$("$bin/anju-node" --init --set data="$town/n1.d")" --out "$work/refused"
check "a mistyped public string is refused" said "mistyped" ctl hub node add 650203003022 --key anju1:abc --out "$work/refused"
check "a wrong area is refused" said "division codes" ctl hub node add 65020 --key anju1:abc --out "$work/refused"
check "more areas than an office can pull are refused" said "at most 32 in all" ctl hub node add "$(seq -s , 650203001001 1000 650203015001)" --key "$("$bin/anju-node" --init --set data="$town/many")" --out "$work/refused"
check "… as many as it can are not" said "name" ctl hub node add "$(seq -s , 650203001001 650203001026)" --key "$("$bin/anju-node" --init --set data="$town/many")" --out "$work/many.enrolment"
check "an enrolment file that is cut is refused" said "no enrolment file" sh -c "head -c 60 '$town/n1.enrolment' >'$work/cut' && '$bin/anju-node' --join '$work/cut' --set data='$town/cut.d'"
check "a store belongs to one node" said "this store belongs to node 1" sh -c "'$bin/anju-node' --join '$town/n1.enrolment' --set data='$town/lone' && '$bin/anju-node' --join '$town/n2.enrolment' --set data='$town/lone'"
check "a cloned disk becomes another node" said "this is node 2" "$bin/anju-node" --join "$town/n2.enrolment" --anew --set data="$town/lone"
check "--anew says who to become" code_of 64 "$bin/anju-node" --anew --set data="$town/lone"
check "two daemons do not share a store" code_of 74 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/second"

# ---- a clerk's record
ctl n1 -o jsonl put Person name=王宇轩 sex=1 birth_date=1998-06-17 $who >"$work/put"
id=$(field id <"$work/put")
check "put gives the record's id" [ "${#id}" = 32 ]
check "get gives it back" said '"name":"王宇轩"' ctl n1 -o jsonl get Person "$id" $who
check "find by the exact value" said "$id" ctl n1 find Person name=王宇轩 $who
check "no find by a part of it" sh -c "! '$bin/anjuctl' -s '$town/n1' find Person name=王 $who | grep -q $id"
check "history" said "name" ctl n1 history Person "$id" $who
check "a wrong date is told by field" said "Person.birth_date: there is no such day" ctl n1 put Person name=x birth_date=2025-02-30 $who
check "a field that is not there names a near one" said "did you mean 'phone'?" ctl n1 put Person name=x phon=1 $who
check "a type that is not there names a near one" said "did you mean 'Person'?" ctl n1 get Persn "$id" $who
check "required fields" said "Person.name is required" ctl n1 put Person sex=1 $who
check "no look without a purpose" said "what for?" ctl n1 get Person "$id" --actor op1
check "no look with a purpose that is none" said "no such purpose" ctl n1 get Person "$id" --actor op1 --purpose curiosity
check "no look without a name" said "who are you?" ctl n1 get Person "$id" --purpose service
check "the look is in the audit log" said "read" ctl n1 audit export $who
check "status.sock may not read records" code_of 4 "$bin/anjuctl" -s "$town/n1/status.sock" get Person "$id" $who
check "status.sock may ask for the status" code_of 0 "$bin/anjuctl" -s "$town/n1/status.sock" status
check "a record of another office is not here" code_of 5 ctl n2 get Person "$id" $who
check "adopting needs a reason" said "why" ctl n2 adopt Person "$id" $who
check "adopt" ctl n2 adopt Person "$id" --reason "moved here" $who
check "what is taken up comes" ctl n2 wait --caught-up --timeout 20
check "… and is here" said 王宇轩 ctl n2 get Person "$id" $who
ctl n1 pause >/dev/null
ctl n2 pause >/dev/null
check "both edit one field, apart" sh -c "'$bin/anjuctl' -s '$town/n1' put Person $id phone=12900000001 $who && '$bin/anjuctl' -s '$town/n2' put Person $id phone=12900000002 $who"
ctl n1 resume >/dev/null
ctl n2 resume >/dev/null
check "n1 catches up" ctl n1 wait --caught-up --timeout 20
check "n2 catches up" ctl n2 wait --caught-up --timeout 20
check "n1 again, with what n2 sent" until_true 20 said 12900000002 ctl n1 get Person "$id" $who
check "both values are kept" said '"phone":[{' ctl n1 -o jsonl conflicts $who
check "the hub names the conflict without the values" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl conflicts | grep phone | grep -vq 12900000002"
check "one edit settles it" sh -c "'$bin/anjuctl' -s '$town/n1' put Person $id phone=12900000003 $who && '$bin/anjuctl' -s '$town/n1' wait --caught-up && ! '$bin/anjuctl' -s '$town/n1' conflicts $who | grep -q phone"

# ---- a clerk picks one of two values, seen side by side
ctl n1 pause >/dev/null
ctl n2 pause >/dev/null
ctl n1 put Person "$id" name=王宇轩 sex=1 $who >/dev/null
ctl n2 put Person "$id" name=王雨轩 $who >/dev/null
ctl n1 resume >/dev/null
ctl n2 resume >/dev/null
check "both names come to n1" until_true 20 said 王雨轩 ctl n1 conflict show Person "$id" $who
check "… side by side" said 王宇轩 ctl n1 conflict show Person "$id" $who
side=$(ctl n1 -o jsonl conflict show Person "$id" $who | grep 王雨轩 | field side)
check "the hub tells the sides" said "$side" ctl hub conflict show Person "$id"
check "… and which office decides" said "$(ctl n1 -o jsonl get Person "$id" $who | field home)" ctl hub conflict show Person "$id"
check "… without the values" sh -c "! '$bin/anjuctl' -s '$town/hub' -o jsonl conflict show Person '$id' | grep -q 轩"
check "… of no other record" code_of 5 ctl hub conflict show Person 0198c0ffee007000800000000000beef
check "a side that is none" code_of 5 ctl n1 conflict resolve Person "$id" name 9@9 $who
check "a field with one value" said "no values to decide between" ctl n1 conflict resolve Person "$id" sex "$side" $who
check "who does not say what for decides nothing" said "what for" ctl n1 conflict resolve Person "$id" name "$side" --actor op1
check "one side is taken" ctl n1 conflict resolve Person "$id" name "$side" $who
check "… it counts" said '"name":"王雨轩"' ctl n1 -o jsonl get Person "$id" $who
check "… and the conflict is over" sh -c "'$bin/anjuctl' -s '$town/n1' wait --caught-up && [ -z \"\$('$bin/anjuctl' -s '$town/hub' -o jsonl conflict show Person $id)\" ]"
check "… the audit log says that somebody decided" said '"action":"decide"' ctl n1 -o jsonl audit export "$id" --type Person --actor auditor --purpose rights_request
check "delete" ctl n1 delete Person "$id" $who
check "… marks the record" said '"deleted":true' ctl n1 -o jsonl get Person "$id" $who
check "digests of hub and node are equal" sh -c "'$bin/anjuctl' -s '$town/n1' wait --caught-up >/dev/null && '$bin/anjuctl' -s '$town/n1' -o jsonl digest >'$work/a' && '$bin/anjuctl' -s '$town/hub' -o jsonl digest --node 1 >'$work/b' && cmp '$work/a' '$work/b'"
check "verify at the node" said sound ctl n1 verify
check "verify at the hub" said sound ctl hub verify

# ---- the tool
check "an unknown command names a near one" said "did you mean 'status'?" ctl n1 statsu
check "… and exits with 64" code_of 64 ctl n1 statsu
check "an unknown option is told" said "has no option --purpse" ctl n1 get Person "$id" --purpse x
check "a missing argument is told" said "id is missing" ctl n1 get Person
check "a daemon that does not run" code_of 3 "$bin/anjuctl" -s "$town/nobody" status
check "help lists the daemon's commands" said "adopt" ctl n1 help
check "help in Chinese" said "本办公室节点的状态" "$bin/anjuctl" --lang zh -s "$town/n1" help
check "limits" said LIMIT_MESSAGE_BYTES ctl hub limits
check "tables in any locale" sh -c "LC_ALL=C '$bin/anjuctl' -s '$town/hub' nodes | grep -q 和平社区"
check "wait gives up in time" code_of 6 sh -c "'$bin/anjuctl' -s '$town/n1' pause >/dev/null; '$bin/anjuctl' -s '$town/n1' put Person name=y $who >/dev/null; '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 0.2"
ctl n1 resume >/dev/null
check "policies and their reach" said record_type ctl hub policies
check "many edits over one session" sh -c "i=0; while [ \$i -lt 300 ]; do echo '{\"cmd\":\"put\",\"args\":{\"type\":\"Person\",\"words\":[\"name=n\$i\"],\"actor\":\"op1\",\"purpose\":\"registration\"}}'; i=\$((i+1)); done | sed 's/\$i/1/' | '$bin/anjuctl' -s '$town/n1' batch | grep -c '\"ok\"' | grep -qx 300"

# ---- who may speak
check "pause a node" ctl hub node pause 2
check "… and it hears so" until_true 20 sh -c "'$bin/anjuctl' -s '$town/n2' status | grep -q paused"
check "resume it" ctl hub node resume 2
check "revoke it" ctl hub node revoke 2
check "the hub shows it" until_true 10 sh -c "'$bin/anjuctl' -s '$town/hub' nodes | grep -q revoked"

# ---- the end
pid=$(pid_of n1)
stop n1
check "SIGTERM is an ordered stop" grep -q "node.stopped exit=0" "$town/log/n1"
pid=$(pid_of hub)
stop hub
check "… of the hub too" grep -q "hub.stopped exit=0" "$town/log/hub"
check "no error in the logs" sh -c "! grep -h ' error ' '$town'/log/*"
finish
