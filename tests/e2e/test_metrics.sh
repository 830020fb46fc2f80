#!/bin/sh
# Metrics: the text form, over HTTP and by anjuctl; nothing personal; what rules and dashboard name exists; the rules are those of the table.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
start_node n1
start_node n2
id=$(ctl n1 -o jsonl put Person name=王宇轩 phone=12900000001 $who | field id)
until_true 20 ctl n1 wait --caught-up --timeout 20
"$bin/anjuctl" -s "$town/hub" metrics >"$work/hub"
"$bin/anjuctl" -s "$town/n1" metrics >"$work/node"
PATH=$root/$B/tools:$PATH # tests/run --full puts promtool there
well_formed() { # FILE; by our own rules, and by Prometheus' where it is there
    awk -f tests/support/metrics.awk "$1" || return 1
    ! command -v promtool >/dev/null || promtool check metrics <"$1"
}
value() { sed -n "s/^$2 //p" "$work/$1"; }
check "the hub's text is well formed" well_formed "$work/hub"
check "the node's too" well_formed "$work/node"
for spoil in 's/^anju_records .*/&\n&/' 's/^# TYPE anju_records .*//' 's/^anju_records .*/anju_records x/' 's/le="+Inf"/le="9"/' 's/anju_push_bytes_total/anju_push_bytes/'; do
    sed "$spoil" "$work/hub" >"$work/spoilt"
    refuse "the check sees a fault: $spoil" awk -f tests/support/metrics.awk "$work/spoilt"
done
check "what was merged is counted" [ "$(value hub anju_merged_changes_total)" -gt 0 ]
check "… and how long it took" [ "$(value hub anju_merge_round_seconds_count)" -gt 0 ]
check "offices by how they stand" [ "$(value hub 'anju_nodes{state="online"}')" = 2 ]
check "a problem is a number" [ "$(value hub 'anju_problem{code="backup_none",severity="warning"}')" = 1 ]
check "… and one that is not there is none" [ "$(value hub 'anju_problem{code="forked",severity="critical"}')" = 0 ]
check "no backup: its age is not told" [ -z "$(value hub anju_backup_age_seconds)" ]
mkdir "$town/copies"
ctl hub backup "$town/copies" >/dev/null
ctl hub metrics >"$work/hub"
check "after one it is" [ -n "$(value hub anju_backup_age_seconds)" ]
check "the link of the node" [ "$(value node 'anju_link_state{state="online"}')" = 1 ]
check "nothing unsent" [ "$(value node anju_unsent_changes)" = 0 ]
ctl n1 pause >/dev/null
ctl n1 put Person "$id" phone=12900000002 $who >/dev/null
ctl n1 metrics >"$work/node"
check "paused: one change is" [ "$(value node anju_unsent_changes)" = 1 ]
check "… of some age" [ -n "$(value node anju_unsent_oldest_seconds)" ]
check "… and the link is not online" [ "$(value node 'anju_link_state{state="online"}')" = 0 ]
ctl n1 resume >/dev/null

# ---- over HTTP
place() { ctl "$1" -o jsonl status | sed -n 's/.*"metrics":"tcp:\/\/\([^"]*\)".*/\1/p'; }
get() { printf 'GET %s HTTP/1.0\r\n\r\n' "$2" | timeout 10 socat -t 5 - "TCP:$(place "$1")" | tr -d '\r'; }
check "the port says the same" sh -c "printf 'GET /metrics HTTP/1.0\r\n\r\n' | timeout 10 socat -t 5 - 'TCP:$(place hub)' | tr -d '\r' | sed '1,/^\$/d' | awk -f tests/support/metrics.awk -"
check "… with its form" said "text/plain; version=0.0.4" get n1 /metrics
check "another page is none" said "404" get hub /
check "only on this machine" sh -c "case '$(place hub)' in 127.0.0.1:*) ;; *) exit 1 ;; esac"
"$bin/anju-node" --init --set data="$town/n3.d" >/dev/null 2>&1
"$bin/anju-node" --set data="$town/n3.d" --set socket="$town/n3" --set metrics="tcp://$(place hub)" 2>>"$town/log/n3" &
echo $! >"$town/pids/n3"
until_true 20 answers n3
check "a port that is taken stops no daemon" finds n3 metrics_port
check "a machine that is not enrolled tells its problems" said 'anju_problem{code="not_enrolled",severity="critical"} 1' ctl n3 metrics

# ---- nobody is in it
for secret in 王宇轩 12900000001 "$id" op1 650203001001 一; do
    check "no $secret" sh -c "! cat '$work/hub' '$work/node' | grep -qF '$secret'"
done

# ---- what is made from it
{ ctl hub metrics && ctl n1 metrics; } | sed -n 's/^# HELP \([a-z_]*\) .*/\1/p' >"$work/names"
{ echo anju_conflicts_oldest_seconds && echo anju_quarantine_oldest_seconds && echo anju_unsent_oldest_seconds; } >>"$work/names" # only while there is something
grep -ohE 'anju_[a-z_]+' deploy/monitoring/grafana.json | sed 's/_bucket$//' | sort -u >"$work/named"
sed -n 's/.*expr: //p' deploy/monitoring/alerts.yaml | grep -oE 'anju_[a-z_]+' | sort -u >>"$work/named"
all_exist() { ! sort -u "$work/named" | grep -vxFf "$work/names"; }
check "every metric that dashboard and rules name exists" all_exist
echo anju_nothing >>"$work/named"
refuse "… and one that does not is seen" all_exist
check "the dashboard is JSON" sh -c "python3 -c 'import json; json.load(open(\"deploy/monitoring/grafana.json\"))' 2>&1 || ! command -v python3"
check "the rules are those of the table" sh -c "ANJUCTL='$bin/anjuctl' deploy/monitoring/make-alerts '$town/hub' | diff deploy/monitoring/alerts.yaml -"
rules_good() { ! command -v promtool >/dev/null || promtool check rules deploy/monitoring/alerts.yaml; }
check "… and Prometheus takes them, where it is there" rules_good

# ---- a hub that starts knows of all offices how far each has come, also of one that does not come
sum() { ctl hub metrics | awk '/^anju_policy_offices/ { n += $2 } END { print n + 0 }'; }
sum_is() { [ "$(sum)" = "$1" ]; }
ctl hub policy publish deploy/policies/notices.yaml >/dev/null
all=$((2 * $(ctl hub -o name policies | grep -c .)))
check "policies are counted over both offices" until_true 20 sum_is "$all"
stop n1
stop n2
stop hub
start_hub
check "a hub that starts alone counts the same" until_true 20 sum_is "$all"
finish
