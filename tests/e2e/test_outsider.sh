#!/bin/sh
# 5,000 sockets of somebody without a key: an enrolled node does not wait for them, and the hub does not grow.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/outsider" >&2 || exit 2
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
check "the node is there" until_true 20 ctl n1 wait --caught-up --timeout 1
hub=$(pid_of hub)
porter=$(pgrep -P "$hub")
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
port=$(sed 's/.*://' "$town/hub.listen")

# ---- the process at the port
check "the port is the porter's: one process, and no more" sh -c "[ \$(pgrep -c -P $hub) = 1 ]"
check "… that may call nothing but what it needs" grep -qx 'Seccomp:.2' "/proc/$porter/status"
check "… and never gets more rights" grep -qx 'NoNewPrivs:.1' "/proc/$porter/status"
check "… that has no file of the hub open" sh -c "! ls -l /proc/$porter/fd | grep -F '$town/hub'"
kill -KILL "$porter"
check "killed, it is begun again" until_true 10 sh -c "pgrep -P $hub | grep -vqx $porter"
check "… the hub says that it ended" until_true 10 grep -q "porter.ended" "$town/log/hub"
check "… and the node comes back" sh -c "'$bin/anjuctl' -s '$town/n1' put Person name=back $who && '$bin/anjuctl' -s '$town/n1' wait --acked --timeout 30"
porter=$(pgrep -P "$hub")

# ---- the crowd
before=$(anon "$hub")
porter_before=$(anon "$porter")
"$B/tests/e2e/outsider" "127.0.0.1:$port" 5000 20 "$(cat "$town/hub.public")" >"$work/crowd" &
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
check "the crowd is still there" kill -0 "$crowd"
check "the hub has grown by less than 64 MiB ($before, at most $most kB)" [ "$((most - before))" -lt 65536 ]
check "the porter too ($porter_before, $(anon "$porter") kB)" [ "$(($(anon "$porter") - porter_before))" -lt 65536 ]
wait "$crowd"
check "all of them were seen, and sent away" sh -c "cat '$work/crowd'; grep -q 'ended by the hub [1-9][0-9][0-9][0-9]' '$work/crowd'"
check "… which the log tells, without a line for each" sh -c "grep -q porter.sent_away '$town/log/hub' && [ \$(grep -c . '$town/log/hub') -lt 200 ]"

# ---- the end
stop hub KILL
check "a hub that is killed takes its porter along" until_true 10 gone "$porter"
start_hub
check "… and finds its port free" until_true 30 ctl n1 wait --caught-up --timeout 1
porter=$(pgrep -P "$(pid_of hub)")
stop hub
check "a hub that stops takes its porter along" until_true 10 gone "$porter"
finish
