#!/bin/sh
# What time brings about, and rules that do not reach an office: `problems` and `check` name it, with what to do, and it goes away.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
echo +0 >"$work/clock"
faked=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p')
clock_hub() { # a hub whose clock is what $work/clock says
    export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD="$faked"
    start_hub
    unset FAKETIME_DONT_FAKE_MONOTONIC FAKETIME_NO_CACHE FAKETIME_TIMESTAMP_FILE LD_PRELOAD
}
clock_hub
make_node n1 650203001001 一
make_node n2 650203001002 二
start_node n1
start_node n2
check "n1 is there" ctl n1 wait --caught-up --timeout 20
check "n2 is there" ctl n2 wait --caught-up --timeout 20

# ---- an office that has not heard of a policy
check "n2 stays away" ctl n2 pause
cat >"$work/rule.yaml" <<END
kind: validation
name: claims
rules:
  - {name: order, field: WageClaim.opened_on, rule: cross_field, compare: not_after, other: closed_on, severity: block, zh: 办结早于受理, en: closed before it was opened}
END
check "a rule is published" ctl hub policy publish "$work/rule.yaml"

# ---- … and meanwhile: a program that cannot read a rule
in_force() { ctl n1 -o jsonl rules | grep -q '"name":"claims"'; }
check "n1 takes it up" until_true 20 in_force
check "… and can read it" finds_none n1 rules_unread
LC_ALL=C sed 's/cross_field/cross_fjord/g' "$bin/anju-node" >"$work/older"
chmod 755 "$work/older"
stop n1
"$work/older" --set data="$town/n1.d" --set socket="$town/n1" --set metrics= 2>>"$town/log/n1" &
echo $! >"$town/pids/n1"
check "an older program is put in its place" until_true 20 answers n1
check "… it says that it cannot read it" until_true 20 finds n1 rules_unread
stop n1
start_node n1
check "… the right one can" until_true 20 in_force
check "… and says nothing" finds_none n1 rules_unread

# ---- … a backup, and two days later
mkdir "$town/backups"
check "a backup" ctl hub backup "$town/backups"
check "… is not old" finds_none hub backup_old
check "an office works by older rules for long" until_true 90 finds hub policy_late
check "n2 comes" ctl n2 resume
check "… and takes it up" until_true 60 finds_none hub policy_late
stop n2
echo +3d >"$work/clock"
check "three days after the backup it is old" until_true 20 finds hub backup_old
check "another" ctl hub backup "$town/backups"
check "… is not" finds_none hub backup_old
finish
