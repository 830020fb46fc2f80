#!/bin/sh
# The hub's keys change: a second endpoint answers with the new ones, the offices hear of it in the feed and move over; who was away finds the
# first endpoint; what is enrolled meanwhile names the new key; at the end the first is closed, and who never heard of it is told what to do.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/memory_holds" >&2 || exit 2
make_hub
start_hub
first=$(cat "$town/hub.public")
listen=$(cat "$town/hub.listen")
for i in 1 2 3 5; do make_node n$i 65020300${i}00$i "office $i"; done
for i in 1 2; do start_node n$i; done
is() { [ "$(status_of "$1" "$2")" = "$3" ]; }
works() { ctl "$1" put Person name="$2" $who && ctl "$1" wait --acked --timeout 40; }
for i in 1 2; do works n$i 甲 >/dev/null; done
moved() { ctl hub -o jsonl nodes | grep "\"node\":$1," | grep -q '"moved":true'; }
left_is() { is hub not_moved "$1"; }

# ---- what is not taken
check "the change needs an address" said "another port" ctl hub hub-key rotate
check "… that is one" said "another port" ctl hub hub-key rotate --endpoint 7411
check "… and free" said "cannot be opened" ctl hub hub-key rotate --endpoint "$listen"
check "… else nothing is changed" sh -c "[ ! -e '$town/hub.d/keys.next' ] && [ ! -e '$town/hub.d/next' ]"
check "nothing to end" said "no change of the hub's keys" ctl hub hub-key retire
"$bin/anju-node" --init --set data="$work/strange.d" >"$work/strange"
printf 'kind: hub_key\nname: hub\nformer: %s\nnext: %s\nendpoint: tcp://127.0.0.1:1\nsignature: %s\n' "$first" "$(cat "$work/strange")" \
    "$(printf "%0128d" 0)" >"$work/lie"
check "an announcement that the hub did not make is not published" said "no kind of policy" ctl hub policy publish "$work/lie"
check "… and nobody goes there" is n1 hub "$listen"

# ---- the change
before=$(ctl hub -o jsonl node token 650203006006 --auto | field token)
ctl hub -o jsonl hub-key rotate --endpoint "tcp://127.0.0.1:*" >"$work/rotate"
check "the keys change" grep -q '"kind":"hub_key"' "$work/rotate"
check "… once at a time" said "are changing already" ctl hub hub-key rotate --endpoint "tcp://127.0.0.1:*"
check "the first office moves" until_true 60 moved 1
check "… and the second" until_true 60 moved 2
check "… to the new endpoint" sh -c "[ '$(status_of n1 hub)' != '$listen' ] && [ -n '$(status_of n1 hub)' ]"
second=$(status_of n1 hub)
check "… and none is left to try" until_true 10 is n1 hub_next ""
check "what they say is accepted" works n1 乙
kept_of_hub() { ctl n1 -o jsonl audit heads | grep '"whose":"hub"' | field n | tail -1; }
noted=$(ctl hub -o jsonl audit verify | field last)
keeps_it() { [ "$(kept_of_hub)" -ge "$noted" ]; }
check "an office that moved takes the hub's audit heads, before the change is over" until_true 60 keeps_it
check "the hub says who has not moved" left_is 2
check "… as a thing to do" said "have not come by the new endpoint" ctl hub status
check "… in check too" finds hub hub_key_moving
check "… and does not close the first endpoint yet" said "have not come" ctl hub hub-key retire
stop n2
start_node n2
check "after a restart an office goes where it moved to" until_true 40 is n2 link ready
check "… by the new endpoint alone" is n2 hub "$second"
stop n2
stop hub KILL
start_hub
check "a hub that was killed opens both again" is hub hub_key moving
check "… and knows who had moved, also of an office that is away" moved 2
check "… and who had not" left_is 2
start_node n2
check "… at the same place" works n1 丙
check "… without another version of the announcement" sh -c "[ \$('$bin/anjuctl' -s '$town/hub' -o jsonl policies | grep hub_key | sed -n 's/.*\"version\":\([0-9]*\).*/\1/p') = 1 ]"

# ---- who is enrolled meanwhile
bare() {
    "$bin/anju-node" --set data="$town/$1.d" --set socket="$town/$1" 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1"
}
enrols_with() { ctl "$1" enrol "$2@$(sed 's,tcp://,,' "$town/hub.enrol")"; }
bare n6
check "a token from before the change still brings a machine" enrols_with n6 "$before"
check "… which moves to the new endpoint as all do" until_true 60 is n6 hub "$second"
check "… and works" until_true 30 works n6 丁
bare n7
check "so does one that was made since" enrols_with n7 "$(ctl hub -o jsonl node token 650203007007 --auto | field token)"
check "… and its machine moves too" until_true 60 is n7 hub "$second"
late=$(ctl hub -o jsonl node token 650203008008 --auto)
late_id=$(echo "$late" | field id)

# ---- who was away
start_node n3
check "who was away finds the first endpoint, and moves" until_true 60 moved 3
check "… and works" works n3 甲
check "one is left, who is still away" left_is 1

# ---- killed on the way: a copy of an office from before it moved
check "the end needs a word about who is left" said "1 offices have not come" ctl hub hub-key retire
former_is_in_memory() { "$B/tests/e2e/memory_holds" "$(pid_of hub)" "$work/former"; }
sed -n 3p "$town/hub.d/keys" | cut -c1-64 >"$work/former" # the secret half of the signing key
check "the hub has its signing key in memory" former_is_in_memory
check "the first endpoint is closed" said "the former key is gone" ctl hub -o jsonl hub-key retire --now
check "… and it is said which tokens bring no machine any more" grep -qF "\"outdated_tokens\":\"$late_id\"" "$work/.out"
check "… in the log too" grep -q "enrol.outdated tokens=$late_id" "$town/log/hub"
check "… and in their list" said outdated sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl node tokens | grep $late_id"
bare n8
check "who brings one is told what to do" said "when the hub's keys changed since the token was made" enrols_with n8 "$(echo "$late" | field token)"
check "… and a new one brings it" enrols_with n8 "$(ctl hub -o jsonl node token 650203008008 --auto | field token)"
check "… by the new endpoint" until_true 30 is n8 hub "$second"
check "… and the former signing key is not in the hub's memory any more" code_of 1 former_is_in_memory
check "… nor are the keys said to be changing" is hub hub_key settled
check "… what the hub says from now on is under the new key" [ "$(status_of hub public)" != "$first" ]
check "… and is proven" sh -c "'$bin/anjuctl' -s '$town/hub' node pause 3 && '$bin/anjuctl' -s '$town/hub' node resume 3 && '$bin/anjuctl' -s '$town/hub' verify | grep sound"
port=${listen##*:}
check "… nobody answers there" sh -c "! timeout 2 socat -u /dev/null 'TCP:127.0.0.1:$port' 2>/dev/null"
check "the offices go on" works n1 戊
check "… all of them" works n3 乙
check "the file of the former key is gone" sh -c "[ ! -e '$town/hub.d/keys.next' ] && [ ! -e '$town/hub.d/next' ] && [ -e '$town/hub.d/moved' ]"
stop hub
start_hub
check "after a restart the hub is at the new endpoint" is hub endpoint "$second"
check "… with the new key" sh -c "[ '$(status_of hub public)' != '$first' ] && [ -n '$(status_of hub public)' ]"
check "… and the offices come" until_true 60 works n2 丙
check "… and no office took a head of the hub's audit log for a stranger's" sh -c "! grep -h 'audit.unsigned' '$town'/log/n*"
check "what it signed with both keys is proven" said sound ctl hub verify

# ---- a backup knows where the hub is now
mkdir "$town/b"
ctl hub backup "$town/b" >/dev/null
stop hub
mv "$town/hub.d" "$work/hub.lost"
"$bin/anju-hub" --restore "$(ls -d "$town"/b/2*)" --set data="$town/hub.d" --backup-key "$work/hub.lost/backup.key" --own "$work/hub.lost/own" >"$work/restore" 2>&1
start_hub
check "a restored hub is at the new endpoint" is hub endpoint "$second"
check "… and the offices come" until_true 60 works n1 壬

# ---- who never heard of it
start_node n5
check "who never heard of it is told what to do" until_true 40 said "new enrolment file" ctl n5 status
stop n5
ctl hub node enrolment 4 --out "$work/n5.again" >/dev/null
"$bin/anju-node" --join "$work/n5.again" --set data="$town/n5.d" >/dev/null
start_node n5
check "a new enrolment file brings it back" until_true 40 works n5 甲

# ---- a change that a crash cut off at its beginning, and one at its end
stop hub KILL
cp "$town/hub.d/keys" "$town/hub.d/keys.next"
start_hub
check "keys that nobody was told of are none" sh -c "[ ! -e '$town/hub.d/keys.next' ]"
check "… and the hub is settled" is hub hub_key settled
ctl hub hub-key rotate --endpoint "tcp://127.0.0.1:*" >/dev/null
for i in 1 2 3 4 5 6 7; do check "the offices move again ($i)" until_true 60 moved $i; done # nobody is left but a token
ctl hub node token 650203009009 >/dev/null
check "a token alone is a reason to wait too" until_true 20 said "tokens name the former key" ctl hub hub-key retire
ctl hub hub-key retire --now >/dev/null
check "the keys change again without a restart in between" said hub_key ctl hub hub-key rotate --endpoint "tcp://127.0.0.1:*"
for i in 1 2 3; do check "… and the offices move once more ($i)" until_true 60 moved $i; done
third=$(status_of n1 hub)
stop hub KILL
mv "$town/hub.d/keys.next" "$town/hub.d/keys"
start_hub
check "killed between the two files of the end, it comes to its end" is hub endpoint "$third"
check "… and the offices come" until_true 60 works n1 己
check "what it signed with all four is proven" said sound ctl hub verify
finish
