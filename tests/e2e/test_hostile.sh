#!/bin/sh
# An enrolled node that speaks the protocol wrongly: nothing of it is applied, nobody waits for it, the hub stays small and names its key.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/hostile" >&2 || exit 2
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
make_node n2 650203002002 二
check "the honest node is there" until_true 20 ctl n1 wait --caught-up --timeout 1
id=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
check "its record is accepted" ctl n1 wait --caught-up --timeout 20
hub=$(pid_of hub)
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$hub/status"; }
export_raw() { ctl hub -o jsonl export --raw $who | sort; }
hostile() {
    _seconds=$1
    shift
    "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" "$_seconds" "$@" >"$work/said" 2>&1
    _status=$?
    cat "$work/said"
    return $_status
}
wrong() { ctl hub -o jsonl node show 2 | field "$1"; }
merged_all() { [ "$(status_of hub merge_backlog)" = 0 ]; }

check "what it may say is taken" hostile 5 legal
check "… and is no alarm" [ "$(wrong wrongs)" = 0 ]
check "… and merged" until_true 10 merged_all

# ---- signatures
check "a push without a signature" hostile 5 unsigned
check "… is counted" [ "$(wrong forged)" = 1 ]
check "… and told with the key" grep -q "hub.alarm.*without this key's signature.*node=2 key=$(sed -n 's/^key //p' "$work/said")" "$town/log/hub"
check "a push that another key signed" hostile 5 other_key
check "… is counted" [ "$(wrong forged)" = 2 ]
check "the signature of an earlier push under another" hostile 5 old_signature
check "… is counted" [ "$(wrong forged)" = 3 ]
check "what was right is merged" until_true 10 merged_all
check "… and nothing else" [ "$(wrong merged) $(wrong held)" = "2 0" ]
export_raw >"$work/before"
check "the hub's state is there to compare with" [ "$(grep -c . "$work/before")" -ge 3 ]
before=$(anon)

# ---- in others' places and names
check "another office's area, another office's record" hostile 5 elsewhere=650203001001 "overwrite=$id"
check "… are held, with the reason" until_true 10 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl quarantine list --node 2 | grep -c 'does not serve' | grep -qx 2"
check "changes in another's name" hostile 5 forge=1
check "… are held" until_true 10 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl quarantine list --node 2 | grep -c author | grep -qx 3"
check "… counted" [ "$(wrong forged)" = 6 ]
export_raw >"$work/after"
check "nothing of it is applied" cmp "$work/before" "$work/after"

# ---- one of them, for whom decides
check "what is no change at all" hostile 5 mumble
held_as() { # TEXT [WITHOUT]: the first such line, as a person names it: each run of the program is a life of its own
    ctl hub -o jsonl quarantine list --node 2 | grep -- "$1" | grep -v -- "${2:-nothing}" | head -n 1 | sed 's/.*"seq":\([0-9]*\),.*"incarnation":"\([0-9a-f]*\)".*/\1 --incarnation \2/'
}
some_as() { [ -n "$(held_as "$1")" ]; }
check "… is held" until_true 10 some_as 'cannot read it'
theirs=$(held_as "$id") new=$(held_as 'does not serve' "$id") forged=$(held_as author) mumbled=$(held_as 'cannot read it')
shown() { ctl hub -o jsonl quarantine show "$@" >"$work/shown" || return 1; }
tells() { cat "$work/shown"; grep -qF -- "$1" "$work/shown"; }
check "another office's record: it is shown" shown 2 $theirs
check "… with the office it came from" tells '"node":2,"office":"二","seq":'
check "… that it is not its" tells '"means":"the record is of the offices that are named here, and not of this one"'
check "… whose it is" tells '"record":"there","home":"650203001001","offices":["1 一"]'
check "… what to do" tells 'anjuctl adopt TYPE ID'
check "… which fields, and how" tells '"operations":["set name"]'
check "… what for, and who" tells '"purpose":"registration","author_node":2'
check "… signed" tells '"proof":"signed"'
check "… nothing that was written" sh -c "! grep -q 'office to say' '$work/shown'"
check "… in Chinese" said "此记录属于所列办公室" ctl hub --lang zh quarantine show 2 $theirs
check "… by the socket that may only look" code_of 0 "$bin/anjuctl" -s "$town/hub/status.sock" quarantine show 2 $theirs
check "a record that is not there" shown 2 $new
check "… nobody's" tells '"record":"none","home":null,"offices":[]'
check "… with all that it would be" tells '"operations":["set name","set home"]'
check "… what to do" tells 'it is tried again by itself when the record comes'
check "in another's name" shown 2 $forged
check "… whose" tells '"author_node":1'
check "… a retry does not help" tells '"next":"a retry changes nothing; discard it'
check "no change at all" shown 2 $mumbled
check "… is not read" tells '"readable":false'
check "… what is known is told" tells '"size_bytes":6,"proof":"signed"'
check "… the rest is not known" tells '"type":null,"id":null,"operations":null,"purpose":null'
check "… what to do" tells 'a retry changes nothing; discard it, and look after that machine'
check "discarded" ctl hub quarantine discard 2 $mumbled --reason noise
discarded() { shown 2 $mumbled && tells '"means":"a person decided that it is not merged; it is only kept","next":"nothing"'; }
check "… it says so" until_true 10 discarded
seq=${mumbled%% *}
check "of several lives it does not guess" said "lives of node 2 have a held change $seq" ctl hub quarantine show 2 "$seq"
check "of another life there is none" code_of 5 ctl hub quarantine show 2 "$seq" --incarnation 00000000000000000000000000000000
check "of another node there is none" said "no change $seq of node 1 is held" ctl hub quarantine show 1 $mumbled
check "… nor of the hub itself" said "which node" code_of 1 ctl hub quarantine retry 0 $mumbled
check "which change?" said "which change" ctl hub quarantine show 2 x
check "at the page too" said '"readable":false' at_page "{\"cmd\":\"quarantine show\",\"args\":{\"node\":\"2\",\"seq\":\"$seq\",\"incarnation\":\"${mumbled##* }\"}}"

# ---- noise
check "pushes whose chain does not hold" hostile 5 chain
check "garbage and a hub's words" hostile 5 garbage
check "… are counted" [ "$(wrong garbage)" -ge 1000 ]
check "a megabyte of empty values, for every field of every message" hostile 10 empties
check "bodies that grow a thousandfold" hostile 10 bombs
export_raw >"$work/after"
check "nothing of it is applied" cmp "$work/before" "$work/after"

# ---- floods, while the other office works
for act in replay flood beyond; do
    "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 5 $act >"$work/$act" 2>&1 &
    flood=$!
    check "during $act: the other office's edits are accepted" sh -c "
        for i in 1 2 3; do
            '$bin/anjuctl' -s '$town/n1' put Person name=$act\$i $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 10 || exit 1
        done"
    wait $flood
    check "… $act came through to the end" sh -c "cat '$work/$act'; grep -q '^$act: sent [0-9]' '$work/$act'"
done
check "floods are counted" [ "$(wrong flood)" -ge 100 ]
now=$(anon)
check "the hub has grown by less than 64 MiB ($before, now $now kB)" [ "$((now - before))" -lt 65536 ]

# ---- quarantine. The budget is looked at when changes are merged: what the log took before that comes on top, more of it on a busy machine.
check "out of scope without end" hostile 40 quarantine=650203001001
check "… ends when its quarantine is full" sh -c "cat '$work/said'; '$bin/anjuctl' -s '$town/hub' -o jsonl node show 2 | sed -n 's/.*\"held\":\([0-9]*\).*/\1/p' | awk '{ print; exit !(\$1 >= 10000 && \$1 < 25000) }'"
check "… which check says" finds hub quarantine_full
check "… with what to do" said "quarantine list --node 2" finds hub quarantine_full
discard() { ctl hub quarantine discard 2 --held-for scope --reason "not theirs"; }
check "a person discards them all at once" discard
room() { [ "$(wrong held)" -lt 10000 ] || { discard >/dev/null && false; }; } # one command takes 10,000
check "what is discarded makes room" until_true 20 room
check "… and check says no more" until_true 5 finds_none hub quarantine_full
check "… and the other office works on" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=after $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 10"

# ---- who it was
key=$(sed -n 's/^key //p' "$work/flood")
check "the log names the key" grep -q "hub.alarm.*node=2 key=$key" "$town/log/hub"
check "… without a line for each frame" [ "$(grep -c . "$town/log/hub")" -lt 1000 ]
check "status names the key" said "node 2 (key $key)" ctl hub status
check "… and check does" finds hub node_alarm
check "… with what to do" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl problems | grep 'node_alarm.*anjuctl node revoke 2'"
check "it is revoked" ctl hub node revoke 2
check "… which ends the alarm" until_true 20 finds_none hub node_alarm
check "… the other office works on" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=later $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 10"
check "the honest node is no alarm" [ "$(ctl hub -o jsonl node show 1 | field wrongs)" = 0 ]
check "the hub's state is sound" said sound ctl hub verify
check "of the hostile node three changes are merged, the ones that were right" sh -c "'$bin/anjuctl' -s '$town/hub' nodes; [ \$('$bin/anjuctl' -s '$town/hub' -o jsonl node show 2 | sed -n 's/.*\"merged\":\\([0-9]*\\).*/\\1/p') = 3 ]"

# ---- who said what, against somebody who writes into the hub's log
proved() { ctl hub -o jsonl verify | field pushes; }
check "each push in the log is proved" [ "$(proved)" -gt 20 ]
stop n1
stop hub
check "the log's last push is put into other words" "$B/tests/e2e/corrupt" --said "$town/hub.d/log"
start_hub
check "… and verify names it" said "no key of node 1 signed its changes" ctl hub verify
finish
