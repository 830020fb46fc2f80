#!/bin/sh
# 5,000 sockets of somebody without a key: an enrolled node does not wait for them, and the hub does not grow.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/outsider" "$B/tests/bench/acks" >&2 || exit 2
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
check "the node is there" until_true 20 ctl n1 wait --caught-up --timeout 1
hub=$(pid_of hub)
# porter_of DOOR: the process before that door
porter_of() { pgrep -P "$(pid_of hub)" -f "/$1.sock"; }
porter=$(porter_of door)
enrol_porter=$(porter_of enrol)
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
port=$(sed 's/.*://' "$town/hub.listen")

# ---- the process at the port
check "each port is a porter's: two processes, and no more" sh -c "[ \$(pgrep -c -P $hub) = 2 ] && [ -n '$porter' ] && [ -n '$enrol_porter' ]"
for p in $porter $enrol_porter; do
    check "… that may call nothing but what it needs" grep -qx 'Seccomp:.2' "/proc/$p/status"
    check "… and never gets more rights" grep -qx 'NoNewPrivs:.1' "/proc/$p/status"
    check "… that has no file of the hub open" sh -c "! ls -l /proc/$p/fd | grep -F '$town/hub'"
done
kill -KILL "$porter"
another() { porter_of door | grep -vqx "$porter"; }
check "killed, it is begun again" until_true 10 another
check "… the hub says that it ended" until_true 10 grep -q "porter.ended" "$town/log/hub"
check "… and the node comes back" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=back $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 30"
porter=$(porter_of door)

# ---- the crowd
before=$(anon "$hub")
porter_before=$(anon "$porter")
"$B/tests/e2e/outsider" "127.0.0.1:$port" 5000 30 "$(cat "$town/hub.public")" >"$work/crowd" &
crowd=$!
check "5,000 sockets have come" until_true 15 grep -q "every socket was tried" "$work/crowd"
most=0
for i in 1 2 3; do
    ctl n1 pause >/dev/null
    ctl n1 resume >/dev/null
    ctl n1 put Person name=among$i $who >/dev/null
    check "among them the node comes back, and its edit is accepted ($i)" ctl n1 wait --acked --timeout 10
    now=$(anon "$hub")
    [ "$now" -gt $most ] && most=$now
done
"$B/tests/bench/acks" "$town/n1" 100 10 >"$work/acks" # more often than a hub takes greetings of one node at once
check "coming back again and again it waits for no edit's word longer than 5 s ($(cat "$work/acks"))" awk '{ exit $3 >= 5000 }' "$work/acks"
check "… and nobody calls that a flood" sh -c "! grep -q 'what=floods' '$town/log/hub'"
check "the crowd is still there" kill -0 "$crowd"
check "the hub has grown by less than 64 MiB ($before, at most $most kB)" [ "$((most - before))" -lt 65536 ]
check "the porter too ($porter_before, $(anon "$porter") kB)" [ "$(($(anon "$porter") - porter_before))" -lt 65536 ]
wait "$crowd"
check "all of them were seen, and sent away" sh -c "cat '$work/crowd'; grep -q 'ended by the hub [1-9][0-9][0-9][0-9]' '$work/crowd'"
check "… which the log tells, without a line for each" sh -c "grep -q porter.sent_away '$town/log/hub' && [ \$(grep -c . '$town/log/hub') -lt 200 ]"

# ---- the crowd at the enrolment port
"$B/tests/e2e/outsider" "$(sed 's,tcp://,,' "$town/hub.enrol")" 5000 40 "$(cat "$town/hub.public")" >"$work/crowd" &
crowd=$!
check "5,000 sockets have come to the enrolment port" until_true 15 grep -q "every socket was tried" "$work/crowd"
most=0
for i in 1 2 3; do
    "$bin/anju-node" --set data="$town/new$i.d" --set socket="$town/new$i" 2>>"$town/log/new$i" &
    echo $! >"$town/pids/new$i"
    until_true 20 answers new$i
    token=$(ctl hub -o jsonl node token 65020300200$i --auto | field token)
    began=$(date +%s%N)
    ctl new$i enrol "$token@$(sed 's,tcp://,,' "$town/hub.enrol")" >"$work/enrol"
    check "among them a machine with a token is heard soon ($i)" [ "$(($(date +%s%N) - began))" -lt 8000000000 ]
    check "… and becomes a node" until_true 10 sh -c "[ \"\$('$bin/anjuctl' -s '$town/new$i' -o jsonl status | sed -n 's/.*\"node\":\([0-9]*\).*/\1/p')\" = $((i + 1)) ]"
    now=$(anon "$hub")
    [ "$now" -gt $most ] && most=$now
done
check "the crowd is still there" kill -0 "$crowd"
check "the hub has grown by less than 64 MiB ($before, at most $most kB)" [ "$((most - before))" -lt 65536 ]
wait "$crowd"
check "all of them were seen, and sent away" grep -q 'ended by the hub [1-9][0-9][0-9][0-9]' "$work/crowd"
for i in 1 2 3; do stop new$i; done

# ---- the end
stop hub KILL
check "a hub that is killed takes its porters along" until_true 10 gone "$porter"
check "… both" until_true 10 gone "$enrol_porter"
start_hub
check "… and finds its port free" until_true 30 ctl n1 wait --caught-up --timeout 1
porter=$(porter_of door)
stop hub
check "a hub that stops takes its porter along" until_true 10 gone "$porter"
finish
