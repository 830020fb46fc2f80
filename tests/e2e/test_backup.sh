#!/bin/sh
# Backups of a hub and a node under load, and starting again from them: a lost hub, an older one of two, a node from an old copy, a clone.
# The commands of deploy/BACKUP.md are the ones that are run here.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
PATH=$bin:$PATH
HUB=$town/hub NODE=$town/n2 DIR=$town/backups SAFE=$town/safe
mkdir "$DIR" "$SAFE"
# page PATTERN…: the one command of the page that has all of them, and runs it
page() {
    grep '^ \{4,\}anju\|^ \{4,\}cp\|^ \{4,\}mv' deploy/BACKUP.md >"$work/page"
    for _p in "$@"; do grep -F -- "$_p" "$work/page" >"$work/page.2" && mv "$work/page.2" "$work/page"; done
    [ -s "$work/page" ] || { echo "the page has no such command: $*" && return 1; }
    eval "$(tail -n 1 "$work/page")"
}
made() { ctl hub -o jsonl backups | field path | tail -n 1; }
same() { # NODE-NAME NUMBER: hub and node hold the same bytes, and their digests are equal
    ctl "$1" wait --caught-up --timeout 60 >/dev/null || return 1
    ctl "$1" -o jsonl export --raw $who | LC_ALL=C sort >"$work/a"
    ctl hub -o jsonl export --raw --node "$2" $who | LC_ALL=C sort >"$work/b"
    ctl "$1" -o jsonl digest >"$work/c"
    ctl hub -o jsonl digest --node "$2" >"$work/d"
    [ -s "$work/a" ] && cmp "$work/a" "$work/b" && [ -s "$work/c" ] && cmp "$work/c" "$work/d"
}
# write_many NODE FROM COUNT: puts, one session; the answered ids go to $work/answered.NODE
write_many() {
    _i=$2
    _end=$(($2 + $3))
    while [ "$_i" -lt "$_end" ]; do
        echo "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[{\"type\":\"Person\",\"key\":\"$1-$_i\",\"op\":\"create\",\"fields\":{\"name\":\"n$_i\"}}]}}"
        _i=$((_i + 1))
    done | "$bin/anjuctl" -s "$town/$1" batch 2>/dev/null | sed -n 's/.*"id":"\([0-9a-f]\{32\}\)".*/\1/p' >>"$work/answered.$1"
}
all_there() { # NODE: every answered edit is at the node
    ctl "$1" -o jsonl export --actor op1 --purpose proof | field id | LC_ALL=C sort >"$work/there"
    LC_ALL=C sort -u "$work/answered.$1" | LC_ALL=C comm -23 - "$work/there" >"$work/lost"
    wc -l "$work/answered.$1" "$work/lost"
    [ -s "$work/answered.$1" ] && [ ! -s "$work/lost" ]
}
lose_hub() {
    stop hub KILL
    rm -rf "$town/hub.d" "$town/hub.d.seal"
}

make_hub
start_hub
make_node n1 650203001001 一 && start_node n1
make_node n2 650203002010 二 && start_node n2
: >"$work/answered.n1"
: >"$work/answered.n2"
write_many n1 0 300

# ---- before the first, and what goes wrong
check "the status says that nothing is safe" said "no backup was made yet" ctl hub status
check "nothing is safe" code_of 6 ctl n1 wait --safe --timeout 0.3
check "a folder is named from / on" said "from / on" ctl hub backup backups
check "a folder that is not there" said "is not there" ctl hub backup "$town/nowhere"
check "only from admin.sock" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" backup "$DIR"
check "the failure is in the status" said "the last backup failed" ctl hub status
check "… and check says so" finds hub backup_failed

# ---- the first, under load
write_many n1 1000 1500 &
writer=$!
until_true 20 sh -c "[ \$(wc -l <'$work/answered.n1') -gt 400 ]"
check "a backup under load" page 'HUB" backup "$DIR'
pids=
for i in 1 2 3 4; do # all are asked before one of them can be done
    ctl hub -o jsonl backup "$DIR" >"$work/at-once.$i" 2>&1 &
    pids="$pids $!"
done
# shellcheck disable=SC2086  a list of numbers
wait $pids
check "a second one at the same time is refused" sh -c "cat '$work'/at-once.*; grep -q 'being made already' '$work'/at-once.* && grep -q '\"path\"' '$work'/at-once.*"
wait $writer
check "the key is a file of its owner's" [ "$(stat -c %a "$town/hub.d/backup.key")" = 600 ]
check "the copies are gone from the data folder" [ ! -e "$town/hub.d/backup.copy" ]
check "nothing half-made lies there" [ -z "$(ls -A "$DIR" | grep '^\.')" ]
check "two are listed" [ "$(ctl hub -o jsonl backups | wc -l)" = 2 ]
check "no name of a person lies in a backup" sh -c "! grep -arqF n1001 '$DIR'"
check "the status shows the last" said "$(made)" ctl hub status
check "… and no problem with it" sh -c "! '$bin/anjuctl' -s '$town/hub' status | grep -q 'no backup\|backup failed'"
DATA=$town/hub.d
check "the key is put away" page cp backup.key
check "… and the sealing key" page cp data.seal '"$DATA.seal" "$SAFE'
KEY=$SAFE/backup.key
check "n1 sends all" ctl n1 wait --acked --timeout 60
ctl hub backup "$DIR" >/dev/null
oldest=$(made)
check "older ones are deleted" [ "$(ls "$DIR" | wc -l)" = 2 ]
ctl hub backup "$DIR" >/dev/null
check "what is in both that are kept is safe" ctl n1 wait --safe --timeout 20
check "… the hub says so" [ "$(status_of hub safe)" = "$(status_of hub received)" ]
cp -r "$oldest" "$town/copy"

# ---- a lost hub
write_many n1 3000 200
write_many n2 0 200
check "n1 sends more" ctl n1 wait --acked --timeout 60
check "n2 sends more" ctl n2 wait --acked --timeout 60
check "not all is safe" code_of 6 ctl n1 wait --safe --timeout 0.3
BACKUP=$(made)
write_many n2 500 400 &
writer=$!
until_true 20 sh -c "[ \$(wc -l <'$work/answered.n2') -gt 300 ]"
lose_hub
wait $writer
"$bin/anju-hub" --init --set data="$town/other.d" >/dev/null
cp "$KEY" "$work/wrong.key"
sed -i '2s/^\(.\)/\1\1/; 2s/.$//' "$work/wrong.key"
refuse "without a key" "$bin/anju-hub" --restore "$BACKUP" --set data="$DATA"
check "a wrong key is refused" said "made with another key" "$bin/anju-hub" --restore "$BACKUP" --backup-key "$work/wrong.key" --set data="$DATA"
check "a folder that is none" said "no backup lies there" "$bin/anju-hub" --restore "$DIR" --backup-key "$KEY" --set data="$DATA"
check "a folder that holds something is refused" said "is not empty" "$bin/anju-hub" --restore "$BACKUP" --backup-key "$KEY" --set data="$town/other.d"
check "… and left as it was" [ ! -e "$town/other.d/restoring" ]
for part in state.part keys.part manifest; do
    rm -rf "$work/tampered"
    cp -r "$BACKUP" "$work/tampered"
    printf 'x' | dd of="$work/tampered/$part" bs=1 seek=90 conv=notrunc 2>/dev/null
    check "a changed $part is refused" said "not what was written" "$bin/anju-hub" --restore "$work/tampered" --backup-key "$KEY" --set data="$DATA"
    check "… and leaves nothing" [ -z "$(ls -A "$DATA" 2>/dev/null)" ]
done
cp -r "$BACKUP"/. "$work/tampered"
truncate -s -100 "$work/tampered/log.part"
check "a cut file is refused" said "not what was written" "$bin/anju-hub" --restore "$work/tampered" --backup-key "$KEY" --set data="$DATA"
cp "$BACKUP/city.part" "$work/tampered/keys.part"
cp "$BACKUP/log.part" "$work/tampered/log.part"
check "a file in another's place is refused" said "not what was written" "$bin/anju-hub" --restore "$work/tampered" --backup-key "$KEY" --set data="$DATA"
check "without the sealing key it is refused" said "is not there, and without it nothing can be read" "$bin/anju-hub" --restore "$BACKUP" --backup-key "$KEY" --set data="$DATA"
check "… and leaves nothing" [ -z "$(ls -A "$DATA")" ]
check "with another sealing key too" said "sealed with another key" "$bin/anju-hub" --restore "$BACKUP" --backup-key "$KEY" --set data="$DATA" --set seal_key="$town/other.d.seal"
check "… and leaves nothing" [ -z "$(ls -A "$DATA")" ]
check "the sealing key is put back" page cp data.seal '"$SAFE/data.seal" "$DATA'
check "restore" page 'KEY" --set data' anju-hub
start_hub
check "a new epoch begins" grep -q "hub.restored" "$town/log/hub"
check "n1 is the same, with no command" same n1 1
check "n2 is the same, with no command" same n2 2
check "nothing of n1 was lost" all_there n1
check "nothing of n2 was lost" all_there n2
check "no node was refused for a gap" sh -c "! grep -q 'let go' '$town/log/hub'"
check "sound" said sound ctl hub verify
check "the backup it came from is listed" said "$BACKUP" ctl hub backups

# ---- an older one of those that are kept, with the newer second home
write_many n1 4000 50
ctl hub backup "$DIR" >/dev/null
older=$(made)
make_node n3 650203003022 三
write_many n1 5000 50
ctl hub backup "$DIR" >/dev/null
write_many n1 6000 50
check "n1 sends all" ctl n1 wait --acked --timeout 60
stop hub KILL
OLD=$town/hub.old BACKUP=$older
check "the old folder is put away" page mv OLD
check "a kept one hits nobody" said "every node still has" page --check anju-hub
check "… by its exit code" code_of 0 page --check anju-hub
BACKUP=$town/copy
check "a copy that is not kept any more is named with whom it hits" said "node 1 may have let go" page --check anju-hub
check "… by its exit code" code_of 1 page --check anju-hub
BACKUP=$older
check "restore with the newer second home" page '--own "$OLD/own" --set' anju-hub
start_hub
check "n1 is the same" same n1 1
check "n2 is the same" same n2 2
check "nothing of n1 was lost" all_there n1
check "the office that was enrolled since is still enrolled" said 三 ctl hub nodes
start_node n3
check "… and works" same n3 3
check "sound" said sound ctl hub verify

# ---- the second home of another history is none: it went on apart from what the backup holds
ctl hub node add 650203003024 --name 七 --key "$("$bin/anju-node" --init --set data="$town/n7.d")" --out "$town/n7.enrolment" >/dev/null
DIR=$town/backups
ctl hub backup "$DIR" >/dev/null
BACKUP=$(made) DATA=$town/elsewhere.d KEY=$SAFE/backup.key
cp "$town/hub.d.seal" "$DATA.seal"
page_own() { OLD=$1 page '--own "$OLD/own" --set' anju-hub; }
check "another history's second home is refused" said "not the newer second home" page_own "$OLD"
check "… and leaves nothing" [ -z "$(ls -A "$DATA")" ]
check "one that is in use too" said "another process" page_own "$town/hub.d"
DATA=$town/hub.d

# ---- a node from an old copy
ctl n2 pause >/dev/null
write_many n2 7000 20
DIR=$town/node-backups
mkdir "$DIR"
check "a backup of a node" page NODE backup
check "… is in its status" said "$DIR" ctl n2 status
BACKUP=$(status_of n2 backup_path)
cp "$town/n2.d/backup.key" "$SAFE/n2.key"
KEY=$SAFE/n2.key
DATA=$town/n2.d
check "its sealing key is put away" page cp node.seal '"$DATA.seal" "$SAFE'
ctl n2 backup "$DIR" >/dev/null
ctl n2 backup "$DIR" >/dev/null
check "older ones are deleted" [ "$(ls "$DIR" | wc -l)" = 2 ]
BACKUP=$DIR/$(ls "$DIR" | head -n 1)
write_many n2 7100 20
ctl n2 resume >/dev/null
check "it sends what it has" ctl n2 wait --caught-up --timeout 60
stop n2
start_node n2
write_many n2 7200 20
check "… and more in another session" ctl n2 wait --caught-up --timeout 60
lives=$(ctl n2 -o jsonl status | grep -o incarnation\" | wc -l)
stop n2 KILL
rm -rf "$town/n2.d" "$town/n2.d.seal"
check "a hub's backup is no node's" said "another daemon" "$bin/anju-node" --restore "$(made)" --backup-key "$SAFE/backup.key" --set data="$DATA"
check "without the sealing key it is refused" said "is not there, and without it nothing can be read" page anju-node
check "the sealing key is put back" page cp node.seal '"$SAFE/node.seal" "$DATA'
check "restore" page anju-node
start_node n2
check "it is the same" same n2 2
check "it goes on under a new incarnation" [ "$(ctl n2 -o jsonl status | grep -o incarnation\" | wc -l)" -gt "$lives" ]
check "nothing was lost" all_there n2
write_many n2 7300 20
check "it works" same n2 2
check "sound" said sound ctl n2 verify

# ---- a disk that was copied and runs twice
stop n2
cp -r "$town/n2.d" "$town/twin.d"
cp "$town/n2.d.seal" "$town/twin.d.seal"
start_node n2
write_many n2 8000 5
check "the first goes on" ctl n2 wait --caught-up --timeout 20
stop n2
start_node twin
ctl twin put Person name=twin $who >/dev/null
check "the second takes over" ctl twin wait --acked --timeout 20
start_node n2
check "the clone is caught at the hub" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' nodes | grep -q forked"
check "… and at the office" until_true 20 sh -c "'$bin/anjuctl' -s '$town/n2' -o jsonl status | grep -q 'two machines'"
check "… check says so there" finds n2 refused
check "… and at the hub" finds hub forked
check "… which says what to do" said "anjuctl node approve 2" finds hub forked
stop twin
check "the twin is switched off, and the first is said to be right" ctl hub node approve 2
check "… the office is told how it comes at once" said "anjuctl pause" finds n2 refused
ctl n2 pause >/dev/null
ctl n2 resume >/dev/null
check "… it is let in" until_true 20 finds_none n2 refused
check "… and the hub says no more" until_true 20 finds_none hub forked
write_many n2 8100 5
check "… it works" ctl n2 wait --caught-up --timeout 60
finish
