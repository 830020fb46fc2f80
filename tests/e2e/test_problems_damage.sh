#!/bin/sh
# What damage to a store makes of a city: `problems` and `check` name it, with what to do, and it goes away when the sound store is back.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" "$B/tests/e2e/forge_audit" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
check "the node is there" ctl n1 wait --caught-up --timeout 20
for i in 1 2 3; do ctl n1 put Person name=n$i $who; done >/dev/null
check "its records are at the hub" ctl n1 wait --caught-up --timeout 20
check "nothing is wrong at the office" code_of 0 ctl n1 check
stop n1
stop hub
cp -R "$town/hub.d" "$town/hub.sound"
put_back() { # PART: no node came meanwhile but for the state, which the log makes new again
    stop hub
    rm -rf "$town/hub.d/$1" && cp -R "$town/hub.sound/$1" "$town/hub.d/$1"
    start_hub
}

# ---- the hub
check "an office's line is damaged" "$B/tests/e2e/corrupt" --tree nodes "$town/hub.d/state"
start_hub
check "… the hub says that it may not be able to connect" until_true 20 finds hub roster_damaged
put_back state
check "… it can with the sound store" finds_none hub roster_damaged
stop hub
check "an entry of the hub's audit log is rewritten clumsily" "$B/tests/e2e/forge_audit" clumsy "$town/hub.d/own" 1
start_hub
check "… the hub says that it does not hold" until_true 20 finds hub audit_bad
put_back own
check "… the sound one does" finds_none hub audit_bad
stop hub
check "a digest that an office needs is damaged" "$B/tests/e2e/corrupt" --tree digests "$town/hub.d/state"
start_hub
start_node n1
check "… the hub says so" until_true 20 finds hub unreadable
check "… a check finds it" code_of 1 ctl hub verify
check "… which settles nothing" finds hub unreadable
rm "$town/hub.d/state/lock" # what keeps a second program out: the store is mended under the running hub
check "the disk gives it back as it was" "$B/tests/e2e/corrupt" --tree digests "$town/hub.d/state"
check "… which is still said" finds hub unreadable
check "… until a check finds all sound" ctl hub verify
check "… then nothing is unreadable" finds_none hub unreadable
check "… and the office is there" ctl n1 wait --caught-up --timeout 60
stop n1

# ---- the node. What a bug in merging would leave behind has the same code; a record that fell out of the base is made to happen easily.
check "a record of the office is damaged" "$B/tests/e2e/corrupt" --tree base "$town/n1.d/store"
start_node n1
ctl n1 put Person name=n4 $who >/dev/null
check "… the office sees that it is not the city's" until_true 30 finds n1 digest_alarm
check "… and the hub hears of it" until_true 60 finds hub office_alarm
check "… the record comes back" until_true 20 said '"name":"n3"' ctl n1 -o jsonl find Person name=n3 $who
check "… a check finds the office sound" ctl n1 verify
check "… then nothing is wrong" finds_none n1 digest_alarm
check "… how often it was is still known" [ "$(status_of n1 alarms)" = 1 ]
check "… and the hub hears that too" until_true 60 finds_none hub office_alarm

# ---- what was erased cannot be written over: there is no room for a copy of the stores
ANJU_DISK=$town/disk
export ANJU_DISK
person=$(ctl n1 -o jsonl put Person name=n5 $who | field id)
check "a record is merged" ctl n1 wait --caught-up --timeout 20
stop hub
LD_PRELOAD=$root/$B/tests/e2e/bad_disk.so start_hub
echo full /compact/ >"$town/disk"
order=$(ctl hub -o jsonl person erase "$person" --reason r --order o --yes | field order)
check "a person is erased" [ ${#order} = 32 ]
check "… and the disk has no room to write the stores anew" until_true 40 finds hub erase_disk
rm "$town/disk"
stop hub
start_hub
destroyed() { ctl hub -o jsonl person erase-status "$order" | grep '"node":0,' | grep -q destroyed; }
check "with room the hub destroys it" until_true 60 destroyed
check "… and says nothing more" finds_none hub erase_disk
finish
