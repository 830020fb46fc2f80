#!/bin/sh
# Going back after an upgrade: the data folder is put back as a copy has it that lay beside it, and what came since comes back by itself.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
put() { ctl "$1" put Person "name=$2" $who >/dev/null; }
same() { # NODE-NAME NUMBER: hub and node hold the same bytes
    ctl "$1" wait --caught-up --timeout 60 >/dev/null || return 1
    ctl "$1" -o jsonl export --raw $who | LC_ALL=C sort >"$work/a"
    ctl hub -o jsonl export --raw --node "$2" $who | LC_ALL=C sort >"$work/b"
    [ "$(wc -l <"$work/a")" -ge "$3" ] && cmp "$work/a" "$work/b"
}
records() { ctl "$1" -o jsonl export --raw $who | wc -l; }
epoch() { grep -c 'hub.restored' "$town/log/hub"; }

make_hub
start_hub
make_node n1 650203001001 一 && start_node n1
make_node n2 650203002010 二 && start_node n2
put n1 one
put n2 two
check "all is there" ctl n1 wait --acked --timeout 20
ctl n2 wait --acked --timeout 20 >/dev/null

# ---- the hub goes back behind what it acknowledged
stop hub
cp -a "$town/hub.d" "$town/hub.before"
start_hub
for i in 1 2 3 4 5; do put n1 "later$i"; done
check "n1's work since the copy is accepted" ctl n1 wait --acked --timeout 20
put n2 later
check "… and n2's" ctl n2 wait --acked --timeout 20
before=$(records n1)
refuse "while it runs nothing is marked" "$bin/anju-hub" --rolled-back --set data="$town/hub.d"
stop hub
mv "$town/hub.d" "$town/hub.newer"
mv "$town/hub.before" "$town/hub.d"
put n1 meanwhile
check "the copy is marked" said "a new epoch begins" "$bin/anju-hub" --rolled-back --set data="$town/hub.d"
start_hub
check "a new epoch begins" [ "$(epoch)" = 1 ]
check "n1 and the hub hold the same, with no command" same n1 1 "$((before + 1))"
check "n2 too" same n2 2 1
put n2 after
check "work goes on" ctl n2 wait --acked --timeout 20
check "sound" said sound ctl hub verify
refuse "a folder that holds none" "$bin/anju-hub" --rolled-back --set data="$town/nowhere"
check "… is not made" [ ! -e "$town/nowhere" ]
refuse "at a node there is no such option" "$bin/anju-node" --rolled-back --set data="$town/n1.d"

# ---- an office goes back: what it sent comes from the hub, and it may speak again
stop n1
cp -a "$town/n1.d" "$town/n1.before"
start_node n1
put n1 sent
check "n1 sends what came after its copy" ctl n1 wait --acked --timeout 20
before=$(records n1)
stop n1
mv "$town/n1.d" "$town/n1.newer"
mv "$town/n1.before" "$town/n1.d"
start_node n1
check "n1 has it again" same n1 1 "$before"
put n1 again
check "… and speaks" ctl n1 wait --acked --timeout 20
check "… and nothing was held" [ -z "$(ctl hub -o jsonl quarantine list)" ]
finish
