#!/bin/sh
# An office that may speak no more, for good or for a while: nothing of it is merged 5 s later, what it said before stays, and an honest
# one that may speak again has lost nothing.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/hostile" >&2 || exit 2
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
make_node n2 650203002002 二
make_node n3 650203003003 三
start_node n3
of() { ctl hub -o jsonl node show "$1" | field "$2"; }
merged_of() { [ "$(of "$1" merged)" -ge "$2" ]; }
records_of() { ctl hub -o jsonl export --raw --node "$1" $who | grep -c '"type":[0-9][0-9]'; } # below are the city's own

# ---- revoked on a live link, and it goes on pushing
"$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 14 on >"$work/on" 2>&1 &
pushes=$!
check "an enrolled node pushes" until_true 10 merged_of 2 20
check "its key is revoked on the live link" ctl hub node revoke 2
at=$(($(date +%s) + 5))
five_later() { [ "$(date +%s)" -ge "$at" ]; }
until_true 10 five_later
merged=$(of 2 merged)
accepted=$(of 2 accepted)
seconds_left() { kill -0 $pushes; }
check "5 s later it still pushes" seconds_left
wait $pushes
cat "$work/on"
check "… nothing of it is accepted" [ "$(of 2 accepted)" = "$accepted" ]
check "… nor merged" [ "$(of 2 merged)" = "$merged" ]
check "what it had pushed before stays" [ "$(records_of 2)" -ge 20 ]
check "it was told" [ "$(sed -n 's/.*refused \([0-9]*\).*/\1/p' "$work/on")" -ge 1 ]

# ---- an honest one
check "an honest node's record" ctl n3 put Person name=王宇轩 $who
check "… is accepted" ctl n3 wait --caught-up --timeout 20
check "it is revoked" ctl hub node revoke 3
check "it says so" until_true 10 said "this node's key was revoked" ctl n3 status
check "… and works on by itself" ctl n3 put Person name=王欣怡 $who
check "… without asking again and again" [ "$(grep -c "refusal=\"\?this node's key was revoked" "$town/log/n3")" = 1 ]
check "the hub has what it said before" [ "$(of 3 merged)" = 1 ]

# ---- paused, and back
check "a record before the pause" ctl n1 put Person name=王宇轩 $who
check "… is accepted" ctl n1 wait --caught-up --timeout 20
check "pause the node" ctl hub node pause 1
check "it says so" until_true 10 said "paused by an operator" ctl n1 status
for name in 一 二 三 四 五; do
    ctl n1 put Person name=$name $who >/dev/null
done
check "nothing of it is taken meanwhile" [ "$(of 1 accepted)" = 1 ]
check "resume it" ctl hub node resume 1
check "it comes back by itself in half a minute, and catches up" ctl n1 wait --caught-up --timeout 40
check "nothing is lost" [ "$(of 1 merged) $(of 1 held) $(records_of 1)" = "6 0 6" ]
finish
