#!/bin/sh
# The hub's page without a browser: without its files, at a port that is taken, under names, closed; what it costs; an ordered stop while
# somebody listens. (tests/pages looks at it with one.)
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
hub_with() { # --set …: a hub with these settings, in the place of the one before
    stop hub
    "$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set listen='tcp://127.0.0.1:*' --set enrol= --set catalogue= "$@" 2>>"$town/log/hub" &
    echo $! >"$town/pids/hub"
    until_true 20 answers hub
}
# get PATH HOST [HEADER]
get() { printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n' "$1" "$2" "${3:+$3
}" | socat -T 10 - "TCP:127.0.0.1:$(page_port)"; }

hub_with --set 'page=tcp://127.0.0.1:*' --set page_files="$work/none" --set page_names='hub.city.example, other'
check "without its files there is a plain page" said "make pages" get / localhost
check "… in Chinese too" grep -q 未安装网页文件 "$work/.out"
check "… and no other file" said "404 Not Found" get /app.js localhost
check "the rest works" said '"merge_backlog":0' at_page '{"cmd":"status"}'
check "trend has its first sample" until_true 15 said '"offices_backlog":0' at_page '{"cmd":"trend","args":{"hours":"2"}}'
check "… as anjuctl has it" said offices_backlog ctl hub -o jsonl trend --hours 2
check "… not of a week" code_of 1 ctl hub trend --hours 168
check "a name that was set" said "200 OK" get / HUB.city.example:7490
check "… another" said "200 OK" get / other
check "an address" said "200 OK" get / "[::1]:80"
check "a name that was not" said "403 Forbidden" get / hub.city.example.evil
check "… nor a part of one" said "403 Forbidden" get / city.example
check "none" said "403 Forbidden" get / ""
check "an address that is none" said "403 Forbidden" get / 127.0.0.1.evil

taken=$(page_port)
socat "TCP-LISTEN:$((taken + 0)),bind=127.0.0.2,fork,reuseaddr" EXEC:cat &
other=$!
until_true 5 socat -u /dev/null "TCP:127.0.0.2:$taken"
hub_with --set "page=tcp://127.0.0.2:$taken"
check "a port that is taken: the hub runs" answers hub
check "… says so, and what to do" said "the page cannot be opened at" ctl hub status
check "… and has no page" [ -z "$(status_of hub page)" ]
kill $other
hub_with --set page=
check "closed when it is so set" [ -z "$(status_of hub page)" ]
check "… without a word" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'page cannot'"

# ---- who listens does not keep the hub from stopping, and who asks is answered
hub_with --set 'page=tcp://127.0.0.1:*' --set page_files="$work/none"
make_node n1 650203001001 一
make_node n2 650203001002 二
start_node n1
ctl n1 wait --caught-up --timeout 30 >/dev/null
mkfifo "$work/open" # who listens says nothing more, and does not hang up
{ printf 'GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n' && cat "$work/open"; } | socat - "TCP:127.0.0.1:$(page_port)" >"$work/heard" &
hears=$!
exec 4>"$work/open"
check "somebody listens" until_true 10 grep -q "event: status" "$work/heard"
check "… again and again" until_true 10 sh -c "[ \$(grep -c 'event: status' '$work/heard') -ge 3 ]"
hub=$(pid_of hub)
ticks() { awk '{ print $14 + $15 }' "/proc/$hub/stat"; }
before=$(ticks)
began=$(date +%s)
a_while() { [ "$(date +%s)" -ge $((began + 6)) ]; }
until_true 10 a_while
spent=$(($(ticks) - before))
check "one who listens costs less than 2 % of a core ($spent ticks in 6 s)" [ "$spent" -le 12 ]
# Names and what is held come once a minute; what the machine knows must not wait for that.
stop n1 && start_node n1 4>&- # else it would keep that open
check "an office that was heard is told" until_true 30 grep -q '^data: \[{"node":1,' "$work/heard"
check "… and none that was not" sh -c "! grep -A1 'event: nodes' '$work/heard' | grep -q '\"node\":2,'"
stop hub
check "the hub stops in order" grep -q "hub.stopped exit=0" "$town/log/hub"
check "… and the stream is ended, as an answer ends" until_true 5 sh -c "tail -c 7 '$work/heard' | od -c | grep -q '0  .r  .n  .r  .n'"
exec 4>&-
wait $hears
finish
