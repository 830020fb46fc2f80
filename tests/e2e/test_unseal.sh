#!/bin/sh
# The proof of an erasure that can fail. Somebody has the daemons' keys, kept what they had sealed of a person, and gets every byte of their
# files afterwards, also of the blocks that a store's file had before it was written anew, and of backups made since. Before the order a
# wrapped key in the files opens what was kept; afterwards none does. Then the same with daemons that leave something out: both are caught.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
unseal=$root/$B/tests/e2e/unseal
base=$town
good=$bin
person_type=32

images() { find "$@" -type f ! -name '*.sock' ! -name '*.seal' ! -name backup.key | sort; }
# city NAME BIN: a hub and an office with a person; stopped, and kept as they are: $town/before
city() {
    town=$base/$1 bin=$2
    mkdir -p "$town/pids" "$town/log" "$town/before" "$town/backups"
    make_hub
    start_hub
    make_node n1 650203001001 一
    start_node n1
    until_true 20 said "(purpose)" ctl n1 types || return 1
    person=$(ctl n1 -o jsonl put Person name=阿不力米提·消失 phone=12900000007 $who | field id)
    other=$(ctl n1 -o jsonl put Person name=王留下 $who | field id)
    ctl n1 put Person "$person" phone=12900000008 $who >/dev/null
    ctl n1 wait --caught-up --timeout 20 >/dev/null || return 1
    stop n1
    stop hub
    cp -a "$town/hub.d" "$town/hub.d.seal" "$town/n1.d" "$town/n1.d.seal" "$town/before"
    for d in hub n1; do
        cp -a "$town/before/$d.d" "$town/copy.d"
        cp -a "$town/before/$d.d.seal" "$town/copy.d.seal"
        "$unseal" save "$town/copy.d" $person_type "$person" "$town/$d.saved" || return 1
        rm -rf "$town/copy.d" "$town/copy.d.seal"
    done
    # second names of the files, so that their blocks can still be read when they are not theirs any more
    mkdir "$town/blocks"
    for s in hub.d/state hub.d/log hub.d/own n1.d/store; do ln "$town/$s/data.mdb" "$town/blocks/$(echo "$s" | tr / -)"; done
}
state() { ctl hub -o jsonl person erase-status "$order" | sed -n "s/.*\"node\":$1,.*\"state\":\"\([a-z]*\)\".*/\1/p"; }
destroyed() { [ "$(state 0),$(state 1)" = destroyed,destroyed ]; }
erase() {
    start_hub
    start_node n1
    ctl n1 wait --caught-up --timeout 30 >/dev/null || return 1
    order=$(ctl hub -o jsonl person erase "$person" --reason "本人申请" --order "决定2026-1" --yes | field order)
    until_true 90 destroyed || return 1
    ctl n1 get Person "$other" $who >/dev/null || return 1
    ctl hub backup "$town/backups" >/dev/null || return 1
    stop n1
    stop hub
}
opens() { # DAEMON FOLDER…: a key for what was kept of it lies there
    _d=$1
    shift
    # shellcheck disable=SC2046
    "$unseal" open "$town/$_d.d" "$town/$_d.saved" $(images "$@")
}
lies() {
    _d=$1
    shift
    # shellcheck disable=SC2046
    "$unseal" find "$town/$_d.saved" $(images "$@")
}
after="hub.d n1.d blocks backups"
in_town() { for f in $after; do echo "$town/$f"; done; }

check "a city with a person" city good "$good"
check "before the order, a key in the hub's files opens what was kept" code_of 0 opens hub "$town/before/hub.d"
check "… and one in the office's files" code_of 0 opens n1 "$town/before/n1.d"
check "… where the sealed bytes lie too" code_of 0 lies hub "$town/before/hub.d"
check "… and there" code_of 0 lies n1 "$town/before/n1.d"
check "the person is erased" erase
# shellcheck disable=SC2046
check "afterwards no key anywhere opens what the hub had" code_of 1 opens hub $(in_town)
# shellcheck disable=SC2046
check "… nor what the office had" code_of 1 opens n1 $(in_town)
# shellcheck disable=SC2046
check "… and none of the sealed bytes is left, in logs neither" code_of 1 lies hub $(in_town)
# shellcheck disable=SC2046
check "… at the office" code_of 1 lies n1 $(in_town)

# ---- daemons that leave something out, built from this tree and one line less
# without NAME FILE TEXT: `bin` of daemons in which the line with TEXT is another
tree=$work/tree
mkdir "$tree"
cp -a Makefile common hub node proto "$tree"
mkdir -p "$tree/$B"
cp -a "$B/obj" "$B/gen" "$tree/$B" 2>/dev/null
without() {
    cp "$root/common/store/lmdb.c" "$tree/common/store/lmdb.c"
    patch -s -d "$tree" -p1 <"tests/e2e/$1.patch" || return 1
    make -s -C "$tree" B="$B" "$B/bin/anju-hub" "$B/bin/anju-node" "$B/bin/anjuctl"
}
check "daemons that do not overwrite the old file" without unseal-no-overwrite
check "… and a city of theirs" city overwrite "$tree/$B/bin"
check "… the person is erased, they say" erase
# shellcheck disable=SC2046
check "… and the proof says no: the key lies in the blocks of the old file" code_of 0 opens hub $(in_town)
check "daemons that do not write their stores anew" without unseal-no-compaction
check "… and a city of theirs" city compaction "$tree/$B/bin"
check "… the person is erased, they say" erase
# A free page may be used again before anybody looks: one of both daemons still has it.
# shellcheck disable=SC2046
either_opens() { opens n1 $(in_town) || opens hub $(in_town); }
check "… and the proof says no: the key lies in a free page" code_of 0 either_opens

finish
