#!/bin/sh
# A node changes its keys on the live link: both are taken for seven days, then the old one is not; whoever is killed in between, the node
# comes back with a key that the hub takes; what was signed with the old key stays proven; a copied disk is caught as before.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/hostile" >&2 || exit 2
make_hub
echo +0 >"$work/clock"
faked=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p')
# A hub whose clock is what $work/clock says
clock_hub() {
    stop hub
    "$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set page= --set listen="$(cat "$town/hub.listen")" --set enrol="$(cat "$town/hub.enrol")" \
        --set catalogue="$root/deploy/catalogue" 2>>"$town/log/hub" &
    echo $! >"$town/pids/hub"
    until_true 20 answers hub || die "the hub did not start: see $town/log/hub"
}
clock_hub_at() {
    echo "$1" >"$work/clock"
    export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD="$faked"
    clock_hub
    unset FAKETIME_DONT_FAKE_MONOTONIC FAKETIME_NO_CACHE FAKETIME_TIMESTAMP_FILE LD_PRELOAD
}
is() { [ "$(status_of "$1" "$2")" = "$3" ]; }
public_of() { status_of "$1" public; }
both_until() { ctl hub -o jsonl node show 1 | field key_before_until_ms; }
works() { ctl n1 put Person name="$1" $who && ctl n1 wait --acked --timeout 40; }
# settled OLD: the change is over, and the key is another
settled() { is n1 key_change settled && [ "$(public_of n1)" != "$1" ]; }

start_hub
make_node n1 650203001001 一
start_node n1
check "an edit under the first key" works 甲
first=$(public_of n1)
cp -r "$town/n1.d" "$town/thief.d" && cp "$town/n1.d.seal" "$town/thief.d.seal" # somebody copies the disk, with the keys

# ---- on the live link
check "the node changes its keys" said "7 days" sh -c "'$bin/anjuctl' -s '$town/n1' key rotate && '$bin/anjuctl' -s '$town/n1' help | grep 'key rotate'"
check "it is over without a restart" until_true 30 settled "$first"
second=$(public_of n1)
check "… the file is the new one alone" sh -c "[ ! -e '$town/n1.d/keys.next' ] && [ \$(stat -c %a '$town/n1.d/keys') = 600 ]"
check "the hub takes both for seven days" sh -c "[ $(both_until) -gt \$((\$(date +%s000) + 6 * 86400000)) ] && [ $(both_until) -le \$(((\$(date +%s) + 1) * 1000 + 7 * 86400000)) ]"
check "… and logs it" grep -q "hub.key_changed node=1" "$town/log/hub"
check "an edit under the second key" works 乙
check "what both keys signed is proven" said sound ctl hub verify
stop n1
start_node n1
check "after a restart it is the second" is n1 public "$second"
check "… which works" works 丙
stop hub KILL
start_hub
check "a hub that was killed knows both" sh -c "[ -n '$(both_until)' ]"
check "… and the node goes on" works 丁

# ---- who may not give a node new keys
make_node n2 650203002002 二
start_node n2
check "another office works" sh -c "'$bin/anjuctl' -s '$town/n2' put Person name=甲 $who && '$bin/anjuctl' -s '$town/n2' wait --acked --timeout 20"
cp "$town/n2.d/keys" "$work/n2.first"
two=$(public_of n2)
ctl n2 key rotate >/dev/null
other_settled() { is n2 key_change settled && [ "$(public_of n2)" != "$two" ]; }
check "it changes its keys too" until_true 30 other_settled
two=$(public_of n2)
stop n2
key_at_hub() { ctl hub -o jsonl node show 2 | field public; }
check "the hub says which key a node has" [ "$(key_at_hub)" = "$two" ]
for wrong in rekey=old rekey=new rekey=node; do
    "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 2 $wrong >"$work/hostile"
    check "a new key that is not signed by both for this node is none ($wrong)" [ "$(key_at_hub)" = "$two" ]
done
"$B/tests/e2e/hostile" "$town/n2.enrolment" "$work/n2.first" 2 rekey >"$work/hostile"
check "with a key that was replaced nobody changes the key" [ "$(key_at_hub)" = "$two" ]
check "… and all four are alarms" sh -c "[ \$('$bin/anjuctl' -s '$town/hub' -o jsonl node show 2 | sed -n 's/.*\"forged\":\([0-9]*\).*/\1/p') = 4 ]"
"$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 2 rekey >"$work/hostile"
check "… with the right one he does" [ "$(key_at_hub)" != "$two" ]

# ---- the copied disk, with the old key, that is still taken
"$bin/anju-node" --set data="$town/thief.d" --set socket="$town/thief" 2>>"$town/log/thief" &
echo $! >"$town/pids/thief"
until_true 20 answers thief
ctl thief put Person name=thief $who >/dev/null
check "a copy with the old key is seen as an older copy, and begins a life of its own" until_true 30 grep -q "note=restored" "$town/log/thief"
until_true 20 ctl thief wait --acked --timeout 1
check "the office and its copy are caught" until_true 60 sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=x $who >/dev/null; '$bin/anjuctl' -s '$town/n1' pause; '$bin/anjuctl' -s '$town/n1' resume; '$bin/anjuctl' -s '$town/hub' nodes | grep -q forked"
stop thief
ctl hub node approve 1 >/dev/null
ctl n1 pause >/dev/null
ctl n1 resume >/dev/null
check "a person settles it, and the office goes on" works 戊

# ---- killed in between, at any moment
i=0
while [ $i -lt 6 ]; do
    i=$((i + 1))
    was=$(public_of n1)
    ctl n1 key rotate >/dev/null
    case $i in
    1 | 4) stop n1 KILL ;;                                  # at once
    2 | 5) until_true 5 grep -q . "$town/n1.d/keys.next" && stop hub KILL && stop n1 KILL && start_hub ;; # both
    3) until_true 5 is n1 key_change taken; stop n1 KILL ;; # between the hub's word and the new link, if we are quick
    6) stop hub KILL; start_hub ;;                          # the hub alone
    esac
    [ -e "$town/pids/n1" ] || start_node n1
    check "killed in between ($i): the change comes to its end" until_true 60 settled "$was"
    check "… and the office works" works "$i"
done

# The power went after the hub had noted the new key and before the node knew: the file system is as before, and a week and more pass.
was=$(public_of n1)
cp "$town/n1.d/keys" "$work/keys.before"
ctl n1 key rotate >/dev/null
until_true 30 settled "$was"
stop n1
mv "$town/n1.d/keys" "$town/n1.d/keys.next"
cp "$work/keys.before" "$town/n1.d/keys"
start_node n1
check "with the old key and the new one beside it, it changes again" until_true 40 is n1 key_change settled
check "… and works" works 己
stop n1
mv "$town/n1.d/keys" "$town/n1.d/keys.next"
cp "$work/keys.before" "$town/n1.d/keys"
clock_hub_at +8d
start_node n1
check "eight days later the old key is refused, and it comes with the new one" until_true 60 is n1 key_change settled
check "… and works" works 庚
check "the hub says that one key is left" sh -c "[ -z '$(both_until)' ] || [ '$(both_until)' = null ]"

# ---- seven days, by the hub's clock, whatever was restarted
was=$(public_of n1)
cp -r "$town/n1.d" "$town/old.d"
ctl n1 key rotate >/dev/null
until_true 30 settled "$was"
stop n1
mkdir "$town/late.d"
cp -r "$town/n1.d/store" "$town/late.d/store" # the same log, the old key
cp "$town/old.d/keys" "$town/late.d/keys"
cp "$town/n1.d.seal" "$town/late.d.seal"
clock_hub_at +14d # eight and six are fourteen: a week later but a day
start_node late
check "six days later the old key is still taken" until_true 40 is late link ready
stop late
clock_hub_at +16d
start_node late
check "eight days later it is not, after a restart of the hub" until_true 60 said "the hub does not know this machine's key" ctl late status
stop late
start_node n1
check "… the new one is" until_true 60 is n1 link ready
check "all that was signed is proven" said sound ctl hub verify

# ---- half a file of keys is none
was=$(public_of n1)
stop n1
printf 'anju-keys' >"$town/n1.d/keys.next"
chmod 600 "$town/n1.d/keys.next"
start_node n1
check "keys that a power cut left half made are none" is n1 key_change settled
check "… and go" [ ! -e "$town/n1.d/keys.next" ]
finish
