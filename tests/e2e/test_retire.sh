#!/bin/sh
# An office closes: its node takes no more edits, is closed when all that it has is at the hub, is told so and stops; what it holds can be
# read, its records stay, and nobody waits for it any more.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
for i in 1 2 3 4; do
    make_node n$i 65020300${i}00$i "office $i"
    start_node n$i
done
of() { ctl hub -o jsonl node show "$1" | field "$2"; }
state_is() { [ "$(of "$1" state)" = "$2" ]; }
is() { [ "$(status_of "$1" "$2")" = "$3" ]; }
put() { ctl "$1" put Person name="$2" sex=1 $who; }
for i in 1 2 3 4; do
    put n$i 甲 >/dev/null
    ctl n$i wait --caught-up --timeout 20 >/dev/null
done

# ---- orderly, while it is away with work that nobody has
ctl n1 pause >/dev/null
until_true 5 is n1 link asleep
for name in 乙 丙 丁; do put n1 $name >/dev/null; done
check "an office closes" said "takes no more edits" ctl hub node retire 1
check "its node is not closed while it has something to say" sh -c "[ \"\$('$bin/anjuctl' -s '$town/hub' -o jsonl node show 1 | sed -n 's/.*\"retiring\":\(true\|false\).*/\1/p')\" = true ]"
stop hub KILL
start_hub
check "… also after a restart of the hub" [ "$(ctl hub -o jsonl node show 1 | sed -n 's/.*"retiring":\(true\|false\).*/\1/p')" = true ]
ctl n1 resume >/dev/null
refuses() { said "takes no more edits" ctl n1 put Person name=戊 $who; }
check "when it hears of it, it takes no more edits" until_true 30 refuses
check "it says all that it has" ctl n1 wait --acked --timeout 30
ctl n1 pause >/dev/null # a report comes with each new session: else within a minute
ctl n1 resume >/dev/null
check "then it is closed" until_true 90 state_is 1 retired
check "… the hub's log says that it was empty" grep -q "hub.node_emptied node=1" "$town/log/hub"
check "… it is told so" until_true 20 said "the city has closed this office's node" ctl n1 status
check "… and stops" is n1 link asleep
check "what it holds can be read" said 甲 ctl n1 export $who
saved=$(status_of n1 saved)
check "nothing was lost" [ "$(of 1 merged) $(of 1 held)" = "$saved 0" ]
check "its records stay" [ "$(ctl hub -o jsonl export --raw --node 1 $who | grep -c '"type":32')" = "$saved" ]
stop n1
start_node n1
check "after a restart it still takes none, at once" refuses
check "… and is told again" until_true 20 said "the city has closed this office's node" ctl n1 status

# ---- nobody waits for it
check "the city counts it by itself" [ "$(status_of hub retired)" = 1 ]
offline_are() { [ "$(status_of hub offline)" = "$1" ]; }
check "… and not as offline" until_true 30 offline_are 0 # the others come back after the hub was restarted
printf 'kind: labels\nname: closing\nlabels:\n  Person: {zh: 人员, en: Person}\n' >"$work/notice.yaml"
ctl hub policy publish "$work/notice.yaml" >/dev/null
check "a policy waits for the other three alone" until_true 10 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl policies | grep closing | grep -q '\"of\":3'"
check "it is not opened again by resume" said "closed for good" ctl hub node resume 1
check "… nor by retire" said "closed for good" ctl hub node retire 1
check "… but may be revoked" ctl hub node revoke 1

# ---- at once
ctl n2 pause >/dev/null
until_true 5 is n2 link asleep
put n2 乙 >/dev/null
check "--now closes it with what it has" said "export unsent" ctl hub node retire 2 --now
check "… at once" until_true 10 state_is 2 retired
check "while it does not know, it works" put n2 丙
ctl n2 resume >/dev/null
check "when it comes it is told" until_true 30 said "the city has closed this office's node" ctl n2 status
refuses2() { said "takes no more edits" ctl n2 put Person name=丁 $who; }
check "… and takes no more edits" until_true 10 refuses2
check "nothing more of it was taken" [ "$(of 2 accepted)" = 1 ]
stop n2
start_node n2
check "… also after a restart, without asking" refuses2

# ---- what a revoked or closed node still has
n2_saved=$(status_of n2 saved)
unsent() { # NODE FILE [OPTION…]
    _node=$1 _file=$2
    shift 2
    rm -f "$_file"
    ctl "$_node" export unsent --out "$_file" "$@" $who
}
check "what was not sent, without saying who looks, is not shown" said "who are you" ctl n2 export unsent --out "$work/n2.none"
check "what was not sent, in a file" unsent n2 "$work/n2.unsent"
check "… that only its owner may read" [ "$(stat -c %a "$work/n2.unsent")" = 600 ]
check "… each record of it is in the audit log" sh -c "[ \$('$bin/anjuctl' -s '$town/n2' -o jsonl audit export $who | grep -c '\"action\":\"export\"') -ge $((n2_saved - 1)) ]"
check "the city takes it" said "\"taken\":$((n2_saved - 1))" ctl hub -o jsonl node triage "$work/n2.unsent"
held_is() { [ "$(of "$1" held)" = "$2" ]; }
check "… into quarantine, with the reason" until_true 20 held_is 2 "$((n2_saved - 1))"
check "… and merges nothing" [ "$(of 2 merged)" = 1 ]
check "the reason is told" said "a person decides" ctl hub quarantine list --node 2
check "… one is shown, with what to ask" said "ask the people of that office whether it is right" ctl hub quarantine show 2 2
check "… and that its machine signed it" grep -q "^proof  *signed" "$work/.out"
check "the same file again is known" said "\"taken\":0,\"known\":$((n2_saved - 1))" ctl hub -o jsonl node triage "$work/n2.unsent"
stop hub KILL
start_hub
check "after a restart of the hub it is as before" held_is 2 "$((n2_saved - 1))"
check "a person tries one again" ctl hub quarantine retry 2 2
merged_is() { [ "$(of "$1" merged)" = "$2" ]; }
check "… and it is merged" until_true 20 merged_is 2 2
check "… that one alone" held_is 2 "$((n2_saved - 2))"
check "discarding needs a reason" said "why shall it not be merged" ctl hub quarantine discard 2 3
check "another is discarded" ctl hub quarantine discard 2 3 --reason "written twice"
check "… and held no more" until_true 20 held_is 2 "$((n2_saved - 3))"
check "no such change" code_of 5 ctl hub quarantine retry 2 999
check "a change has a seq" said "which change" ctl hub quarantine retry 2 x
check "state and log are sound, what the file brought is proven" said sound ctl hub verify

put n3 乙 >/dev/null
ctl n3 wait --acked --timeout 20 >/dev/null
check "who has sent all has no file" said "the city has all" unsent n3 "$work/n3.unsent"
ctl n3 pause >/dev/null
until_true 5 is n3 link asleep
put n3 丙 >/dev/null
check "a node in force has a file too" unsent n3 "$work/n3.unsent"
check "… which is not taken: it speaks for itself" said "sends its changes by itself" ctl hub node triage "$work/n3.unsent"
ctl hub node revoke 3 >/dev/null
sed '2s/^.\{40\}/&A/' "$work/n3.unsent" >"$work/n3.bent"
head -n 2 "$work/n3.unsent" >"$work/n3.cut"
sed "1s/3/2/" "$work/n3.unsent" >"$work/n3.other"
(head -n 1 "$work/n2.unsent"; sed -n 2p "$work/n3.unsent"; tail -n 1 "$work/n2.unsent") >"$work/n2.mixed"
for f in n3.bent n3.cut n3.other n2.mixed; do
    check "a file that was changed is not taken ($f)" code_of 1 ctl hub node triage "$work/$f"
done
check "a revoked node's file is" said '"taken":1' ctl hub -o jsonl node triage "$work/n3.unsent"
check "… into quarantine" until_true 20 held_is 3 1

# Several parts, each taken in its order.
ctl n4 pause >/dev/null
until_true 5 is n4 link asleep
ctl hub node revoke 4 >/dev/null
i=0
while [ $i -lt 24 ]; do
    i=$((i + 1))
    printf '{"cmd":"edit","args":{"actor":"op1","purpose":"registration","records":[{"type":"Person","op":"create","fields":{"name":"n%s","education":"%s"}}]}}\n' \
        $i "$(head -c 42000 /dev/urandom | base64 -w 0)"
done | ctl n4 batch >/dev/null
check "more than one file's worth is said so" said '"more":true' unsent n4 "$work/n4.1" -o jsonl
check "… and there is a second" unsent n4 "$work/n4.2" --part 2
check "… and no fourth" said "no such part" unsent n4 "$work/n4.4" --part 4
check "the second is not taken before the first" said "do not follow" ctl hub node triage "$work/n4.2"
for n in 1 2 3; do
    [ -e "$work/n4.$n" ] || unsent n4 "$work/n4.$n" --part $n >/dev/null || continue
    check "part $n is taken" said '"other":0' ctl hub -o jsonl node triage "$work/n4.$n"
done
check "all of it is in quarantine" until_true 20 held_is 4 24
only() { ctl hub -o jsonl quarantine list --node "$1" --held-for "$2" | grep -c .; }
check "the list shows those held for one reason" [ "$(only 4 revoked)/$(only 4 clock)/$(only 2 discarded)" = 24/0/1 ]
check "a person who has looked tries them all at once" said '"seq":null,"changes":24' ctl hub -o jsonl quarantine retry 4 --held-for revoked
check "… and they are merged" until_true 20 merged_is 4 25
check "… none is left" held_is 4 0
check "… again, there is none" said "no such change of node 4 is held" code_of 5 ctl hub quarantine retry 4 --held-for revoked
check "all that wait" said '"changes":1' ctl hub -o jsonl quarantine discard 3 --all --reason "written anew"
check "… then nothing waits" until_true 20 held_is 3 0
check "… what was decided is not among them" code_of 5 ctl hub quarantine retry 3 --all
check "one reason, or all, or one change" said "which changes" code_of 1 ctl hub quarantine retry 2
check "… not two of them" said "which changes" code_of 1 ctl hub quarantine retry 2 3 --all
check "no such reason" said "revoked or discarded" code_of 1 ctl hub quarantine retry 2 --held-for nothing
check "whose?" said "which node" code_of 1 ctl hub quarantine discard 0 --all --reason x
check "state and log are sound" said sound ctl hub verify
finish
