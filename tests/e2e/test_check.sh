#!/bin/sh
# What is wrong is told in the same words everywhere: status, problems, check; what monitors need; a dead link never looks healthy.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
start_node n1
start_node n2
state_of() { ctl hub -o jsonl node show "$1" | sed -n 's/.*"state":"\([^"]*\)".*/\1/p'; }
in_state() { [ "$(state_of "$1")" = "$2" ]; }
check "an office is online when a canary came back" until_true 20 in_state 1 online
check "… and knows it too" said '"link_state":"online"' ctl n1 -o jsonl status
until_true 20 in_state 2 online

# ---- forms
check "no backup: check warns" code_of 1 ctl hub check
check "… in one line for Nagios, with numbers" sh -c "'$bin/anjuctl' -s '$town/hub' check | head -n 1 | grep 'ANJU WARNING - no backup was made yet.*anjuctl backup DIR.* | nodes=2 online=2 .*disk_free_bytes=[0-9]*B\$'"
check "… as JSON" said '"state": "warning"' ctl hub check -f json
check "… for Prometheus" said 'anju_check_problem{code="backup_none",severity="warning"} 1' ctl hub check -f prometheus
check "… in Chinese" said "尚未做过备份" ctl hub check --lang zh
check "problems says the same" finds hub backup_none
check "… status too" said "no backup was made yet: nothing is safe, and nodes keep all they ever sent; \`anjuctl backup DIR\`" ctl hub status
check "… in Chinese" said "尚未做过备份" ctl hub status --lang zh
check "status -x exits as check" code_of 1 ctl hub status -x
mkdir "$town/copies"
check "after a backup all is well" sh -c "'$bin/anjuctl' -s '$town/hub' backup '$town/copies' && '$bin/anjuctl' -s '$town/hub' check"
check "… and status -x exits 0" code_of 0 ctl hub status -x
check "… at the node too" code_of 0 ctl n1 check
check "a daemon that does not run is critical" code_of 2 "$bin/anjuctl" -s "$town/nobody" check
check "… and said so" said "ANJU CRITICAL - the daemon cannot be asked" "$bin/anjuctl" -s "$town/nobody" check
check "… for Prometheus" said 'anju_check_state 2' "$bin/anjuctl" -s "$town/nobody" check -f prometheus
check "… by status -x" code_of 2 "$bin/anjuctl" -s "$town/nobody" status -x
check "words that make no sense are unknown" code_of 3 ctl hub check -f xml
check "… and a limit that is none" code_of 3 ctl hub check --max-lag soon

# ---- limits
check "less room than is asked for" finds hub disk_low --disk 900000000
check "… at the node" finds n1 disk_low --disk 900000000
check "… at the offices, by their reports" finds hub office_disk_low --disk 900000000
stop n2
stop hub
start_hub
until_true 20 in_state 1 online
check "an office that is away" finds hub node_offline --max-offline 0
check "… is no problem while it may be" finds_none hub node_offline

# ---- its queue is its last report, and says so
check "the queue of an office that is here" said " 0 " sh -c "'$bin/anjuctl' -s '$town/hub' nodes | grep ' online '"
check "… of one that is away is marked, also after a restart of the hub" said " 0? " sh -c "'$bin/anjuctl' -s '$town/hub' nodes | grep ' never seen '"
check "… and as old as its report" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl node show 2 | sed 's/.*\"as_of_ms\":\([0-9]*\).*\"reported_ms\":\([0-9]*\).*/\1 \2/' | awk '{ print; exit !(\$1 == \$2 && \$1 > 0) }'"

# ---- an open socket is not health: the node's process stands still, its connection stays
until_true 20 in_state 1 online
kill -STOP "$(pid_of n1)"
check "a node that stands still is not verified" until_true 20 finds hub node_unverified --max-lag 2
check "… which is critical" code_of 2 ctl hub check --max-lag 2
kill -CONT "$(pid_of n1)"

# ---- the clock
start_node_at() { # NAME OFFSET
    FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="$2" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
        "$bin/anju-node" --set data="$town/$1.d" --set socket="$town/$1" 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1"
}
start_node_at n2 +330s
check "a wrong clock is named at the hub" until_true 20 finds hub node_clock
check "… with how much" said "the worst node 2 by 5 minutes" ctl hub status
check "… and there" until_true 20 finds n2 clock
stop n2

# ---- the table
check "every problem is in the list" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl problems --all | wc -l | grep -x \"\$(grep -c '^    X(' common/daemon/problems.h)\""
check "… each with words in both languages" sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl problems --all | grep -vq -e '\"text\":\"\"' -e '\"text_zh\":\"\"' -e '\"next\":\"\"' -e '\"next_zh\":\"\"'"
check "the node hears how a link stands" said '"link_state":"online"' ctl n1 -o jsonl status
stop hub
check "… when the hub is gone" until_true 40 finds n1 link
check "… its state is not online" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl status | grep -q '\"link_state\":\"online\"'"
finish
