#!/bin/sh
# Enrolment by token, with real processes: both ends say how it goes and why it fails, a person compares the code, and nothing that happens in
# between loses it.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/enrol_liar" "$B/tests/e2e/bad_disk.so" >&2 || exit 2

# bare NAME: a machine that nobody enrolled
bare() {
    "$bin/anju-node" --set data="$town/$1.d" --set socket="$town/$1" 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1" || die "machine $1 did not start: see $town/log/$1"
}
# token AREA …: into $token and $id
token() {
    ctl hub -o jsonl node token "$@" >"$work/token" || return 1
    token=$(field token <"$work/token")
    id=$(field id <"$work/token")
}
# state ID: of a token, as the hub says
state() { ctl hub -o jsonl node tokens | grep "\"id\":\"$1\"" | field state; }
state_is() { [ "$(state "$1")" = "$2" ]; }
is() { [ "$(status_of "$1" "$2")" = "$3" ]; }
logged() { grep -q "$2" "$town/log/$1"; }
# another NAME ENROL [LISTEN]: a second hub, in $town/NAME.d
another() {
    "$bin/anju-hub" --set data="$town/$1.d" --set socket="$town/$1" --set page= --set listen="${3:-tcp://127.0.0.1:*}" --set enrol="$2" --set catalogue= 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1" || die "hub $1 did not start: see $town/log/$1"
}
opens() { until_true 20 sh -c "'$bin/anjuctl' -s '$town/$1' status | grep -q '^enrol  *tcp'"; }
place_of() { status_of "$1" enrol | sed 's,tcp://,,'; }
code_at_hub() { ctl hub -o jsonl node pending | grep "\"id\":\"$1\"" | field code; }
count_is() { [ "$1" = "$2" ]; }

make_hub
start_hub
at=$(sed 's,tcp://,,' "$town/hub.enrol")

# ---- a machine that is not enrolled runs and says so
bare a
check "a machine that is not enrolled runs" is a link "not enrolled"
check "… says what to do" said "anjuctl enrol TOKEN@HOST:PORT" ctl a status
check "… so does check" finds a not_enrolled
check "… has made its keys" said "anju1:" ctl a -o jsonl status
check "… keeps them to itself" [ "$(stat -c %a "$town/a.d/keys")" = 600 ]
check "… takes no edit, and says why" said "not enrolled" ctl a put Person name=x $who
check "… gives no record, and says why" said "not enrolled" ctl a get Person 1 $who
check "… and exits with 1 for it" code_of 1 ctl a find Person name=x $who
check "status.sock may not enrol" code_of 4 "$bin/anjuctl" -s "$town/a/status.sock" enrol x@y

# ---- what the operator at city hall gets
check "a token" token 650203001001 --name 和平社区
check "… is told once: the list has no secret" sh -c "! '$bin/anjuctl' -s '$town/hub' -o jsonl node tokens | grep -q anju-token"
check "… and is open" state_is "$id" open
check "a token needs an area" said "division codes" ctl hub node token 65020
check "… and a time that is understood" said "90s, 30m, 24h, 7d" ctl hub node token 650203001001 --expires tomorrow
check "… that is not for ever" said "at most 30d" ctl hub node token 650203001001 --expires 31d
check "the secret is in no file of the hub" sh -c "! grep -rqF '$(printf %s "$token" | cut -c13-40)' '$town/hub.d' '$town/log/hub'"

# ---- mistyped, wrong place: told at the machine at once
check "a mistyped token" said "mistyped" ctl a enrol "$(echo "$token" | awk '{ print substr($0, 1, 39) (substr($0, 40, 1) == "x" ? "y" : "x") substr($0, 41) }')@$at"
check "a token that is cut" said "mistyped" ctl a enrol "$(echo "$token" | cut -c1-60)@$at"
check "no address" said "where is the hub?" ctl a enrol "$token"
check "nobody there" said "nobody answers" ctl a enrol "$token@127.0.0.1:1"
check "… and what to do" said "port 7402" ctl a status
bare c
ctl c enrol "$token@no-such-host.invalid:7402" >"$work/nohost" 2>&1 & # told after a while
nohost=$!
check "the nodes' endpoint is not the one" said "the endpoint of nodes" ctl a enrol "$token@$(sed 's,tcp://,,' "$town/hub.listen")"
check "none of that used the token" state_is "$id" open

# ---- the happy path
check "enrol: the machine waits" said '"state":"waits"' ctl a -o jsonl enrol "$token@$at"
code=$(status_of a code)
check "… and shows a code" count_is "${#code}" 14
check "the hub shows the same code" count_is "$(code_at_hub "$id")" "$code"
check "… and that somebody waits" is hub enrol_pending 1
check "… as a thing to do" said "compare the code" ctl hub status
check "… in check too" finds hub enrol_waits
check "nobody is enrolled before a person said so" is hub nodes 0
check "a code that nobody shows is refused" said "do not approve" ctl hub node approve 0000-0000-0000
check "… and exits with 5" code_of 5 ctl hub node approve 0000-0000-0000
check "half a code is no node" said "three groups of four" ctl hub node approve "$(echo "$code" | cut -c1-9)"
check "a number is still a node" said "there is no node '7'" ctl hub node approve 7
check "approve, as people write it" said approved ctl hub node approve "$(echo "$code" | tr A-Z a-z | tr - ' ')"
check "the machine becomes the office's node, in the same process" until_true 20 is a node 1
check "… with its name" is a name 和平社区
check "… and takes edits" until_true 20 ctl a put Person name=x $who
check "… which come to the hub" ctl a wait --caught-up --timeout 20
check "the token is used up" state_is "$id" enrolled
check "… and names the node" said '"node":1' ctl hub -o jsonl node tokens
check "approving it again says so" said "is node 1 already" ctl hub node approve "$code"
check "a node is enrolled once" said "this is node 1 already" ctl a enrol "$token@$at"
check "a used token cannot be taken back" said "node revoke" ctl hub node token revoke "$id"
stop a
start_node a
check "after a restart it is a node" is a node 1
used=$token used_id=$id

# ---- single use
bare b
check "another machine cannot use that token" said "another machine used this token" ctl b enrol "$used@$at"
check "… the hub has noted it" logged hub "enrol.refused why=used token=$used_id"
check "… beside the token" said '"refused":"used"' ctl hub -o jsonl node tokens
check "… the machine shows it" said "tell city hall at once" ctl b status
token 650203001002
ctl b enrol "$token@$at" >/dev/null
b_id=$id b_code=$(status_of b code) b_token=$token
check "two machines have two codes" sh -c "[ '$b_code' != '$code' ] && [ -n '$b_code' ]"
wait $nohost
check "a host that is none" said "nobody answers" cat "$work/nohost"
check "who comes second to a token that waits is refused too" said "another machine used this token" ctl c enrol "$b_token@$at"
check "… and the first still waits" state_is "$b_id" pending

# ---- restarts in between
stop hub KILL
start_hub
check "a hub that was killed still knows who waits" count_is "$(code_at_hub "$b_id")" "$b_code"
stop b KILL
bare b
check "a machine that was killed asks with the same token" said "$b_code" ctl b enrol "$b_token@$at"
stop b
check "approved while the machine is off" said approved ctl hub node approve "$b_code"
stop hub KILL
start_hub
bare b
check "it comes back, says the same, and is enrolled" said '"state":"done"' ctl b -o jsonl enrol "$b_token@$at"
check "… as a node" until_true 20 is b node 2
check "the hub counts two" is hub nodes 2
keeps_head() { ctl hub -o jsonl audit heads 2 | grep -q '"n":[1-9]'; }
check "… and keeps the head of its audit log" until_true 20 keeps_head
stop b
rm -rf "$town/b.d/store"
bare b
check "a node whose store was lost asks again" ctl b enrol "$b_token@$at"
check "… and gets the same number back" until_true 20 is b node 2

# ---- policy approves
token 650203002010 --auto --name 韶山
check "--auto: nobody compares" ctl c enrol "$token@$at"
check "… and the machine is a node" until_true 20 is c node 3
check "… the log says who let it in" logged hub "enrol.approved token=$id node=3 by=policy"
check "… and it works" until_true 20 ctl c put Person name=y $who

# ---- turned away
bare d
token 650203003022 --expires 1s
check "a token expires" until_true 20 state_is "$id" expired
check "… and says so at the machine" said "too old" ctl d enrol "$token@$at"
check "… and at the hub" logged hub "enrol.refused why=expired token=$id"
token 650203003022
check "a token is taken back" said revoked ctl hub node token revoke "$id"
check "… and says so at the machine" said "took this token back" ctl d enrol "$token@$at"
check "… and at the hub" logged hub "enrol.refused why=revoked token=$id"
check "no such token to take back" code_of 5 ctl hub node token revoke 000000000000
token 650203003022
ctl d enrol "$token@$at" >/dev/null
code=$(status_of d code)
check "a machine is turned away" said rejected ctl hub node reject "$code"
check "… and hears so while it waits" until_true 20 said "did not approve" ctl d status
check "… and when it asks again" said "did not approve" ctl d enrol "$token@$at"
check "… which the hub notes" logged hub "enrol.refused why=rejected token=$id"
check "a token cannot be approved after that" said "turned away" ctl hub node approve "$code"
token 650203003022
ctl d enrol "$token@$at" >/dev/null
code=$(status_of d code)
ctl hub node token revoke "$id" >/dev/null
check "a token that waits is taken back: the machine hears it" until_true 20 said "took this token back" ctl d status
check "… and the code approves nobody" said "turned away" ctl hub node approve "$code"

# ---- liars: who knows the secret, and is not who he says
token 650203003022
lie() { "$B/tests/e2e/enrol_liar" "$token@$at" "$1"; }
check "another machine's public string" said unproven lie key
check "a signature that does not hold" said unproven lie signature
check "… is told at the hub" logged hub "enrol.refused why=unproven token=$id"
check "a version that the hub does not speak" said version lie newer
check "no message at all is not answered" said silence lie garbage
check "… and noted" logged hub enrol.garbage
check "none of that used the token" state_is "$id" open
lie twice >"$work/twice"
check "asking twice at once uses the token once" sh -c "[ \"\$(sort -u '$work/twice')\" = waits ] && [ \$(wc -l <'$work/twice') = 2 ]"
check "… and one machine waits for it" count_is "$(ctl hub -o jsonl node pending | grep -c "\"id\":\"$id\"")" 1
ctl hub node token revoke "$id" >/dev/null

# Sixty-four connections that say nothing: when one more comes, the longest waiting one goes.
"$B/tests/e2e/enrol_liar" "$token@$at" hold >"$work/hold" 2>&1 &
hold=$!
token 650203003022
check "the door is full" until_true 20 grep -q full "$work/hold"
check "… a machine is heard all the same" said '"state":"waits"' ctl d -o jsonl enrol "$token@$at"
wait $hold
check "… in the place of one that said nothing" grep -q dropped "$work/hold"
ctl hub node token revoke "$id" >/dev/null

# ---- another city
mkdir "$town/other.d"
cp "$town/hub.d/keys" "$town/other.d/keys" # the same key, another policy root
"$bin/anju-hub" --init --set data="$town/other.d" >/dev/null
another other "tcp://127.0.0.1:*"
opens other
other=$(place_of other)
token 650203003022
check "another hub does not know the token" said "knows no such token" ctl d enrol "$token@$other"
check "… and its operator sees that somebody tried" said '"enrol_refused":"unknown"' ctl other -o jsonl status
check "… in the log too" logged other "enrol.refused why=unknown"
"$bin/anju-hub" --init --set data="$town/third.d" >/dev/null
another third "tcp://127.0.0.1:*"
opens third
check "a hub with another key is not spoken to" said "has not the key that the token names" ctl d enrol "$token@$(place_of third)"
stop third

# ---- a policy root that changed under a token
ctl other -o jsonl node token 650203003022 >"$work/token"
theirs=$(field token <"$work/token")
for i in 1 2 3 4 5 6; do ctl other -o jsonl node token 650203003022 | field token; done >"$work/theirs"
stop other
rm "$town/other.d/policy.keys" "$town/other.d/policy.root" "$town/other.d/city"
"$bin/anju-hub" --init --set data="$town/other.d" >/dev/null
another other "tcp://127.0.0.1:*"
opens other
other=$(place_of other)
check "a policy root that is not the token's" said "another policy key" ctl d enrol "$theirs@$other"
check "… is told at the hub" logged other "enrol.refused why=policy_root"
stop other

# ---- no endpoint, a port that is taken
another other ""
check "a hub without the endpoint makes no token" said "no enrolment endpoint" ctl other node token 650203003022
stop other
another other "tcp://$at"
check "a port that is taken stops no hub" until_true 20 said "cannot be opened" ctl other status
check "… check names it" finds other enrol_port
stop other

# ---- a hub that dies between a person's word and the office's record, and that listens on all its addresses
ANJU_DISK=$town/other.disk LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so another other "tcp://127.0.0.1:*" "tcp://0.0.0.0:*"
opens other
place=$(place_of other)
bare f
ctl other -o jsonl node token 650203003022 >"$work/token"
ctl f enrol "$(field token <"$work/token")@$place" >/dev/null
echo "full /own/ sync skip=2" >"$town/other.disk" # the order is noted and what was decided is written, what follows from it is not
check "a full disk between the two" said "the disk is full" ctl other node approve "$(status_of f code)"
stop other KILL
rm -f "$town/other.disk"
another other "tcp://$place" "tcp://0.0.0.0:*"
opens other
check "after a kill the hub stands by its word" until_true 30 is f node 1
check "… and gave out one number" is other nodes 1
check "the node keeps the address by which it came" sh -c "'$bin/anjuctl' -s '$town/f' status | grep -q '^hub  *tcp://127.0.0.1:[1-9]'"
check "… and reaches the hub" until_true 20 is f caught_up true
stop f
stop other

# ---- revoked as a node
check "revoke a node that came by token" ctl hub node revoke 2
revoked() { ctl hub -o jsonl nodes | grep '"node":2' | grep -q revoked; }
until_true 20 revoked
stop b
rm -rf "$town/b.d/store"
bare b
check "its token does not let it in again" said "revoked this node" ctl b enrol "$b_token@$at"
cp -r "$town/a.d" "$town/e.d"
rm -rf "$town/e.d/store"
bare e
token 650203003022
check "a key that is a node's takes no second token" said "belongs to a node already" ctl e enrol "$token@$at"
check "… and does not use it up" state_is "$id" open

bare g
token 650203003022
ctl g enrol "$token@$at" >/dev/null
ctl hub node add 650203003022 --key "$(status_of g public)" --out "$work/by-hand" >/dev/null
check "a machine that waits and is added by hand meanwhile is told so" until_true 20 said "belongs to a node already" ctl g status
stop g
token 650203003022

# ---- strangers
port=${at##*:}
garbage() { head -c "$1" /dev/urandom | timeout 5 socat -u - "TCP:127.0.0.1:$port" >/dev/null 2>&1 || true; }
for size in 1 64 4096 300000; do garbage $size; done
printf '\377\000\000\000\000\000\000\000\001\177\003\001NULL\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' |
    timeout 5 socat -u - "TCP:127.0.0.1:$port" >/dev/null 2>&1
check "garbage at the endpoint: the hub answers" ctl hub status
check "… and the next machine is heard" said '"state":"waits"' ctl d -o jsonl enrol "$token@$at"
last_code=$(status_of d code)
tries() { ctl d -o jsonl enrol "$(sed -n "$1p" "$work/theirs")@$at"; }
for i in 1 2 3 4 5; do
    check "wrong token $i of a minute is told" said "knows no such token" tries $i
done
check "the next one is told to wait" said too_often tries 6
check "the hub counted them" is hub enrol_wrong 7
check "a right token is heard all the same" said '"state":"waits"' ctl d -o jsonl enrol "$token@$at"
check "… with the same code" is d code "$last_code"
check "approve after all" said approved ctl hub node approve "$last_code"
check "… and the last machine is a node" until_true 20 is d node 5

# ---- the end
stop a
stop d
stop hub
check "an ordered stop" logged hub "hub.stopped exit=0"
check "whose store was lost has lost its audit log too, and that is told" logged hub "an audit log that does not go on"
check "no other error in the logs" sh -c "! grep -h ' error ' '$town/log/hub' '$town'/log/[a-e] | grep -v 'an audit log that does not\|audit.broken'"
check "no secret in any log" sh -c "! grep -h 'anju-token1' '$town'/log/*"
finish
