#!/bin/sh
# An office's clock jumps a day ahead while it is online: the city holds what it stamps then and says why at both ends, and nothing is lost.
# With the right clock again, what it writes counts, although the stamps that are held lie above it.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 first
echo +0 >"$work/clock"
FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
    "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1" 2>>"$town/log/n1" &
echo $! >"$town/pids/n1"
until_true 20 answers n1 || die "the node did not start"
# shellcheck disable=SC2086
put() { ctl n1 put Person name="$1" sex=1 $who; }
shows() { [ "$(status_of "$1" "$2")" = "$3" ]; }
check "online with the right clock" ctl n1 wait --caught-up --timeout 20
check "an edit is taken" put 甲
check "… and merged" ctl n1 wait --caught-up --timeout 20
echo +1d >"$work/clock"
check "the clock jumps a day ahead: an edit is saved" put 乙
check "the city does not take it" until_true 20 shows n1 held 1
check "… the office is told why, and by which change" said "clock" sh -c "'$bin/anjuctl' -s '$town/n1' held | tr 'C' 'c'"
check "… its check says so" finds n1 held
check "… and the hub keeps it, with the reason" said "clock" ctl hub quarantine list
check "… in Chinese too" said "其时间超前于市级时钟" ctl hub --lang zh quarantine list
check "… at the office" said "其时间超前于市级时钟" ctl n1 --lang zh held
check "… for a program it is one text" said "its time is ahead" ctl n1 --lang zh -o jsonl held
seq=$(ctl hub -o jsonl quarantine list --node 1 | field seq)
check "… shown: what it means" said "that machine's clock was ahead when it was saved" ctl hub quarantine show 1 "$seq"
ctl hub -o jsonl quarantine show 1 "$seq" >"$work/shown"
check "… that it was saved a day after it came" [ "$((($(field saved_ms <"$work/shown") - $(field received_ms <"$work/shown")) / 60000))" -ge 1430 ]
check "… what to do" grep -q '"next":"set that machine.s clock right; then discard it' "$work/shown"
check "… no name of a person" sh -c "! grep -q 乙 '$work/shown'"
members() { sed 's/,"/\n"/g; s/^{//' "$work/shown" | sed -n 's/^"\([a-z_]*\)":.*/\1/p' | sort; }
texts() { ctl hub -o jsonl schema "quarantine show" | field field | sort; }
check "… all of it is in the schema" [ "$(members)" = "$(texts)" ]
check "… status points there" said "quarantine list" ctl hub status
check "… and check, since quarantine grows" finds hub quarantine_grows
echo +0 >"$work/clock"
check "with the right clock again an edit is taken" put 丙
check "… and merged, though a higher stamp is held" until_true 20 shows n1 merged 3
check "nothing else is held" shows n1 held 1
check "what the office is told to do: city hall looks at it" said "city hall" finds n1 held
check "… and discards it" ctl hub quarantine discard 1 "$seq" --reason "stamped with a wrong clock"
check "… then nothing is held at the office" until_true 60 finds_none n1 held
check "… nor in quarantine" finds_none hub quarantine
finish
