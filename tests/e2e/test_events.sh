#!/bin/sh
# What a daemon tells of itself: the latest of its log, the level of it, its settings and what a restart would change.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
until_true 20 said "(purpose)" ctl n1 types

for d in hub n1; do
    # ---- events
    check "$d: the latest of the log" said '"event":"seal.key_beside_data"' ctl $d -o jsonl events --count 1000
    check "$d: … as a table" said "at_ms" ctl $d events
    check "$d: … not more than one wants" [ "$(ctl $d -o jsonl events --count 1 | wc -l)" = 1 ]
    check "$d: … only what is bad" sh -c "[ \$('$bin/anjuctl' -s '$town/$d' -o jsonl events --level warning --count 1000 | grep -vc '\"level\":\"warning\"\|\"level\":\"error\"') = 0 ]"
    check "$d: … also for a person without the tool" said "seal.key_beside_data" sh -c "echo events --count=1000 | socat - 'UNIX:$town/$d/admin.sock'"
    check "$d: … it names who logs in, and codes: not on the read-only socket" code_of 4 "$bin/anjuctl" -s "$town/$d/status.sock" events
    check "$d: a level that is none" said "debug, info, warning or error" ctl $d events --level loud
    check "$d: a number that is none" code_of 1 ctl $d events --count many
    "$bin/anjuctl" -s "$town/$d" -o jsonl events -f --count 1 >"$work/followed.$d" 2>"$work/followed.err" &
    echo $! >"$work/follower.$d"
    check "$d: one may follow" until_true 20 [ -s "$work/followed.$d" ]

    # ---- the level
    check "$d: the level" said '"level":"info","configured":"info"' ctl $d -o jsonl log level
    check "$d: … is set" said '"level":"warning","configured":"info"' ctl $d -o jsonl log level warning
    check "$d: who follows hears of it" until_true 20 grep -q '"event":"log.level","facts":"level=warning uid=' "$work/followed.$d"
    check "$d: … it is in force" said '"level":"warning"' ctl $d -o jsonl log level
    check "$d: … nobody does so from the read-only socket" code_of 4 "$bin/anjuctl" -s "$town/$d/status.sock" log level debug
    check "$d: … another word is none" said "'loud' is no level" ctl $d log level loud
    check "$d: … it is in the audit log" said "log level" ctl $d audit export --actor op1 --purpose rights_request
    check "$d: and back" said '"level":"debug"' ctl $d -o jsonl log level debug

    # ---- the settings
    check "$d: a setting in force, and where it is from" said '"setting":"backups_kept","value":"2","from":"standard"' ctl $d -o jsonl config show
    check "$d: … from the command line" said '"from":"--set"' ctl $d -o jsonl config show
    check "$d: nothing would change" [ -z "$(ctl $d -o jsonl config check)" ]
    printf 'backups_kept: 5\n' >"$work/good.yaml"
    check "$d: a file, and what a restart with it would change" said \
        "\"setting\":\"backups_kept\",\"now\":\"2\",\"restart\":\"5\",\"from\":\"$work/good.yaml:1\"" ctl $d -o jsonl config check "$work/good.yaml"
    check "$d: … which changes nothing" said '"setting":"backups_kept","value":"2"' ctl $d -o jsonl config show
    printf 'backups_kept: none\nlog_lvel: info\n' >"$work/bad.yaml"
    check "$d: a file with faults" code_of 1 ctl $d config check "$work/bad.yaml"
    check "$d: … all of them" said "bad.yaml:1:15: backups_kept: a whole number from" ctl $d config check "$work/bad.yaml"
    check "$d: … with the line, and what was meant" said "bad.yaml:2:1: unknown key 'log_lvel'; did you mean 'log_level'?" ctl $d config check "$work/bad.yaml"
    check "$d: a file that is not there" code_of 1 ctl $d config check "$work/nowhere.yaml"
    check "$d: a path that means another thing there" said "from / on" ctl $d config check good.yaml
    check "$d: only an admin has files read" code_of 4 "$bin/anjuctl" -s "$town/$d/status.sock" config check "$work/good.yaml"
done
# ---- who follows from a place on hears only what came after it
tells() { # FILE DAEMON: each look makes another fact
    ctl "$2" log level debug >"$work/.out" && grep -q '"event":"log.level"' "$1"
}
for d in hub n1; do
    for from in count after; do
        last=$(ctl $d -o jsonl events --count 1 | sed 's/^{"n":\([0-9]*\).*/\1/')
        [ $from = count ] && from="--count 0" || from="--after $last"
        "$bin/anjuctl" -s "$town/$d" -o jsonl events -f $from >"$work/later" 2>"$work/later.err" &
        later=$!
        check "$d: -f ${from% *}: what comes" until_true 20 tells "$work/later" $d
        check "$d: … and nothing of before" [ "$(grep -c seal.key_beside_data "$work/later")" = 0 ]
        kill $later
        wait $later 2>/dev/null
    done
done

# ---- the daemon ends: who follows is told and ends
for d in hub n1; do
    stop $d
    wait "$(cat "$work/follower.$d")"
    check "$d: who follows ends with it, with exit 3" [ $? = 3 ]
done

# ---- a configuration file: where each setting is, and what was changed in it since
cat >"$work/node.yaml" <<YAML
data: $town/n1.d
socket: $town/n1
# a remark
backups_kept: 3
YAML
"$bin/anju-node" --config "$work/node.yaml" --set metrics= 2>"$work/node.log" &
echo $! >"$town/pids/n1"
check "a node with a file" until_true 20 ctl n1 hello
check "… says at which line a setting is" said "\"value\":\"3\",\"from\":\"$work/node.yaml:4\"" ctl n1 -o jsonl config show
sed -i s/3/4/ "$work/node.yaml"
check "… and what has changed in it since" said '"setting":"backups_kept","now":"3","restart":"4"' ctl n1 -o jsonl config check
rm "$work/node.yaml"
check "… and that it is gone" code_of 1 ctl n1 config check

# ---- a machine that is no node yet
"$bin/anju-node" --set data="$town/n9.d" --set socket="$town/n9" --set metrics= 2>"$town/log/n9" &
echo $! >"$town/pids/n9"
check "a machine that is not enrolled tells too" until_true 20 said "node.not_enrolled" ctl n9 events
check "… and its settings" said '"setting":"data"' ctl n9 -o jsonl config show
finish
