#!/bin/sh
# What can go wrong at the door, on the way and with the disks, each made to happen: `problems` and `check` name it, with what to do, and it
# goes away when its cause does. Damage and time have scripts of their own; the end of this one asks that no code is without such a test.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/hostile" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
ANJU_DISK=$town/disk
export ANJU_DISK
start_hub_on_bad_disk() { LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so start_hub; }
occupy() { # NAME ENDPOINT: somebody else has the port
    socat "TCP-LISTEN:${2##*:},bind=127.0.0.1,reuseaddr,fork" /dev/null 2>/dev/null &
    echo $! >"$town/pids/$1"
    until_true 10 socat -u /dev/null "TCP:127.0.0.1:${2##*:}"
}
hostile() { "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 20 "$@"; }
make_hub
start_hub_on_bad_disk
make_node n1 650203001001 一
make_node n2 650203002002 二
start_node n1
check "the node is there" ctl n1 wait --caught-up --timeout 20

# ---- the door
greet() { # as a node does, up to a HELLO of the right size that says nothing
    printf '\377\0\0\0\0\0\0\0\001\177\003\001CURVE'
    head -c 47 /dev/zero
    printf '\004\310\005HELLO'
    head -c 194 /dev/zero
}
greet | timeout 10 socat -t 2 - "TCP:127.0.0.1:$(sed 's/.*://' "$town/hub.listen"),shut-none" >/dev/null
check "somebody who is no node knocks" until_true 20 finds hub other_tongue
check "no other office's program is wrong" finds_none hub version_mismatch
check "an office with another protocol comes" hostile newer
check "… is named" finds hub version_mismatch
check "… until it comes with this one" hostile legal
check "… then it is not" finds_none hub version_mismatch
check "an office whose log begins too late comes" hostile gap
check "… is named" finds hub gap
check "… until it has what lies between" hostile legal
check "… then it is not" finds_none hub gap

# ---- quarantine
held_at_hub() { [ "$(status_of hub held)" = "$1" ]; }
check "a change for another office's area" hostile elsewhere=650203001001
check "… is held" until_true 20 held_at_hub 1
check "… and named: quarantine grows" finds hub quarantine_grows
stop hub
start_hub_on_bad_disk
check "a hub that began with it names it too" until_true 20 finds hub quarantine
check "… and the stranger at the door no more" finds_none hub other_tongue
seq=$(ctl hub -o jsonl quarantine list | field seq)
check "a person discards it" ctl hub quarantine discard 2 "$seq" --reason "not theirs"
check "… then nothing is in quarantine" until_true 20 finds_none hub quarantine

# ---- merging stands still: the disk of the state is full
check "the node is there" ctl n1 wait --caught-up --timeout 20
person=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)
check "a record is merged" ctl n1 wait --caught-up --timeout 20
echo full /state/ >"$town/disk"
ctl n1 put Person name=李小兵 $who >/dev/null
check "what waits to be merged" until_true 20 finds hub merge_stuck --max-lag 3
check "… is not said before its time" finds_none hub merge_stuck --max-lag 600
check "the office sees that nothing comes back" until_true 20 finds n1 unverified --max-lag 8
rm "$town/disk"
check "with room it goes on" until_true 30 finds_none hub merge_stuck --max-lag 3
check "… and the office sees it" until_true 60 finds_none n1 unverified --max-lag 8

# ---- the hub's keys and ports
ctl hub hub-key rotate --endpoint "tcp://127.0.0.1:*" >/dev/null
ctl hub node revoke 2 >/dev/null
check "the keys change, and all have moved" until_true 60 finds hub hub_key_moved
next=$(status_of n1 hub)
stop hub
occupy socat_next "$next"
occupy socat_page "$(cat "$town/hub.page")"
start_hub
check "the next endpoint is taken" finds hub hub_key_port
check "… and the page's" finds hub page_port
stop socat_next
stop socat_page
stop hub
start_hub
check "with the ports free" finds_none hub hub_key_port
check "… both" finds_none hub page_port
check "… it is as it was" until_true 60 finds hub hub_key_moved
ctl hub hub-key retire --now >/dev/null
check "the change is over" until_true 20 finds_none hub hub_key_moved

# ---- backups that cannot be deleted
mkdir "$town/backups"
backup() { ctl hub -o jsonl backup "$town/backups"; }
check "a backup" backup
oldest=$(ctl hub -o jsonl backups | field path)
check "another" backup
printf x | dd of="$oldest/manifest" bs=1 seek=90 conv=notrunc 2>/dev/null
check "a third, and the first is damaged" backup
check "… it stays, and is named" finds hub backups_left
rm -r "$oldest"
check "a fourth, and it is gone" backup
check "… then none is left over" finds_none hub backups_left

# ---- no code is without a test that sees it
seen() { grep -qE "(^|[^_a-z])finds [a-z0-9]+ $1( |$|')" tests/e2e/test_*.sh; }
named() {
    _all=$(sed -n 's/^    X([A-Z_]*, "\([a-z_]*\)",.*/\1/p' common/daemon/problems.h)
    [ "$(echo "$_all" | wc -l)" = "$(grep -c '^    X(' common/daemon/problems.h)" ] || return 1
    _bad=0
    for _code in $_all; do
        seen "$_code" || { echo "no test makes it happen: $_code" && _bad=1; }
    done
    return $_bad
}
check "every problem is made to happen by a test" named
finish
