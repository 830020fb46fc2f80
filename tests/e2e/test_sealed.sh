#!/bin/sh
# What lies on the disks of a hub and a node is sealed: marked names, numbers and texts go through real daemons, and no file and no log holds
# one of them. The key comes from a file, a credential or a passphrase; a wrong or missing one is told and changes nothing. A flipped bit in
# any tree is reported, never served, and filled again from the other side.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/corrupt" >&2 || exit 2
marks="$work/marks"
cat >"$marks" <<'M'
Zqxmarkname
Zqxmarkheld
Zqxmarkpolicy
Zqxmarkoffice
Zqxmarkstreet
12999887766
65029919870102
M
# no_mark FOLDER…: no file of theirs holds one; says which does
no_mark() { ! grep -arFf "$marks" "$@"; }
shows() { [ "$(status_of "$1" "$2")" = "$3" ]; }
ends() { "$@" >"$work/.ended" 2>&1; echo "exit $?"; cat "$work/.ended"; }

# ---- marks on every way: a policy, an office's name, records, a held change, a history, backups
make_hub
start_hub
make_node n1 650203001001 Zqxmarkoffice
echo +0 >"$work/clock"
start_n1() {
    FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
        "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1" --set log_level=debug 2>>"$town/log/n1" &
    echo $! >"$town/pids/n1"
    until_true 20 answers n1 || die "n1 did not start"
}
start_n1
printf 'kind: record_type\nnumber: 900\nname: SealedNote\nzh: Zqxmarkpolicy\nclass: public\nkeep: life\nfields:\n  - {number: 16, name: note, zh: 试, kind: text}\n' >"$work/doc.yaml"
check "a marked policy is published" ctl hub policy publish "$work/doc.yaml"
check "… and reaches the office" until_true 30 said Zqxmarkpolicy ctl n1 -o jsonl types
id=$(ctl n1 -o jsonl put Person name=Zqxmarkname phone=12999887766 $who | field id)
check "a marked record is saved" [ "${#id}" = 32 ]
check "… with a note that names a street and a number" ctl n1 put SealedNote note="Zqxmarkstreet 7, 65029919870102" $who
check "… and merged" ctl n1 wait --caught-up --timeout 20
check "it is changed, so it has a history" ctl n1 put Person "$id" name=Zqxmarkname2 $who
check "… and merged" ctl n1 wait --caught-up --timeout 20
echo +1d >"$work/clock"
check "a change that will be held is saved" ctl n1 put Person name=Zqxmarkheld $who
check "… and is held" until_true 20 shows n1 held 1
echo +0 >"$work/clock"
ctl n1 pause >/dev/null
check "one that waits" ctl n1 put Person name=Zqxmarkname3 $who
mkdir "$town/backups" "$town/node-backups"
check "a backup of the hub" ctl hub backup "$town/backups"
check "a backup of the node" ctl n1 backup "$town/node-backups"
check "all of it is read, at the node" said Zqxmarkname2 ctl n1 -o jsonl get Person "$id" $who
check "… its history" said Zqxmarkname ctl n1 -o jsonl history Person "$id" $who
check "… an export at the hub" said "$(printf Zqxmarkname2 | od -An -tx1 | tr -d ' \n')" ctl hub -o jsonl export --raw $who

# ---- no file holds a mark: while they run, and when they have stopped
refuse "the scan finds what is there" no_mark "$work/doc.yaml"
check "no mark in the hub's files" no_mark "$town/hub.d"
check "no mark in the node's files" no_mark "$town/n1.d"
check "no mark in the backups" no_mark "$town/backups" "$town/node-backups"
check "no mark in the logs" no_mark "$town/log"
# ---- and none may come from memory: there is no core file, and the process belongs to nobody but root
for daemon in hub n1; do
    check "$daemon: no core file, whatever the limit was" grep -q "Max core file size  *0  *0 " "/proc/$(pid_of $daemon)/limits"
done
mkdir "$work/crash"
crash() ( # as a user without rights, with every limit open, in a folder that it may write
    cp "$bin/anju-node" "$work/crash/" && chmod 755 "$work" "$work/crash" && chown 65534 "$work/crash" && cd "$work/crash" || exit 1
    ulimit -c unlimited
    setpriv --reuid=65534 --regid=65534 --clear-groups ./anju-node --set data="$work/crash/d" --set socket="$work/crash/s" 2>log &
    until_true 20 test -S s/status.sock || exit 1
    ! setpriv --reuid=65534 --regid=65534 --clear-groups cat "/proc/$!/environ" || exit 1
    kill -ABRT $!
    wait $!
    [ $? = 134 ] && ! ls | grep core
)
check "one that crashes leaves none, and its own user may not look into it" crash
stop n1
stop hub
check "stopped: no mark in the hub's files" no_mark "$town/hub.d"
check "stopped: no mark in the node's files" no_mark "$town/n1.d"

# ---- the key
run_node() { timeout 20 "$bin/anju-node" --set data="$town/n1.d" --set socket="$town/n1" "$@"; }
sums() { (cd "$town/n1.d" && find . -name data.mdb -exec sha256sum {} +); }
sums >"$work/before"
check "which key is used is said" said "sealed with the key file $town/n1.d.seal" "$bin/anju-node" --check-config --set data="$town/n1.d"
for daemon in node hub; do
    "$bin/anju-$daemon" --init --set data="$work/$daemon.other.d" >/dev/null 2>"$work/init.said"
    check "--init says in a line that it made a key, and what to do ($daemon)" sh -c "grep -q 'made the sealing key .*: keep a copy' '$work/init.said' && [ \$(wc -l <'$work/init.said') = 1 ]"
    check "… and once" sh -c "[ -z \"\$('$bin/anju-$daemon' --init --set data='$work/$daemon.other.d' 2>&1 >/dev/null)\" ]"
done
check "the log of a daemon whose key lies beside its data has the warning" grep -q "warning seal.key_beside_data file=$town/n1.d.seal" "$town/log/n1"
check "… the hub's too" grep -q "warning seal.key_beside_data file=$town/hub.d.seal" "$town/log/hub"
check "a wrong key is told" said "sealed with another key" run_node --set seal_key="$work/node.other.d.seal"
check "… with 74" code_of 74 run_node --set seal_key="$work/node.other.d.seal"
mv "$town/n1.d.seal" "$work/kept.seal"
check "a missing key is told" said "is not there, and without it nothing can be read" run_node
check "… with 74" code_of 74 run_node
check "… and none is made in its place" [ ! -e "$town/n1.d.seal" ]
check "a key that is named is not made either" code_of 74 run_node --set seal_key="$work/nowhere.seal"
cp "$work/kept.seal" "$work/open.seal" && chmod 644 "$work/open.seal"
check "a key that others may read is refused" said "chmod 600" run_node --set seal_key="$work/open.seal"
sed '2s/^../zz/' "$work/kept.seal" >"$work/broken.seal" && chmod 600 "$work/broken.seal"
check "a damaged key is refused" said "damaged" run_node --set seal_key="$work/broken.seal"
check "a passphrase does not stand in for it" said "nothing can be read" sh -c "echo 'a long passphrase' | ANJU_PASSPHRASE_FD=0 '$bin/anju-node' --set data='$town/n1.d' --set socket='$town/n1'" 
sums >"$work/after"
check "nothing was changed by any of them" cmp "$work/before" "$work/after"
rm -f "$town/n1.d/seal.salt"
mkdir "$work/credentials"
cp "$work/kept.seal" "$work/credentials/anju-seal"
CREDENTIALS_DIRECTORY=$work/credentials
export CREDENTIALS_DIRECTORY
check "a credential is found" said "the credential" "$bin/anju-node" --check-config --set data="$town/n1.d"
warned=$(grep -c seal.key_beside_data "$town/log/n1")
start_node n1
check "… and the status says so" shows n1 seal credential
check "… and nobody is warned of it" [ "$(grep -c seal.key_beside_data "$town/log/n1")" = "$warned" ]
check "the record is there" said Zqxmarkname2 ctl n1 -o jsonl get Person "$id" $who
stop n1
unset CREDENTIALS_DIRECTORY
mv "$work/kept.seal" "$town/n1.d.seal"

# ---- a passphrase: a node that never had a file
phrase() { # WORDS ARGUMENT…
    _words=$1
    shift
    printf '%s\n' "$_words" | ANJU_PASSPHRASE_FD=0 timeout 20 "$bin/anju-node" --set data="$town/p.d" --set socket="$town/p" "$@"
}
check "a short one is refused" said "at least 12" phrase "short" --init
check "one that is long enough is taken" phrase "correct horse battery" --init
check "… and no key file is made" [ ! -e "$town/p.d.seal" ]
start_p() {
    printf '%s\n' "correct horse battery" | ANJU_PASSPHRASE_FD=0 "$bin/anju-node" --set data="$town/p.d" --set socket="$town/p" 2>>"$town/log/p" &
    echo $! >"$town/pids/p"
    until_true 20 answers p
}
check "it starts with it" start_p
check "… and says so" shows p seal passphrase
stop p
check "another passphrase is refused" said "sealed with another key" phrase "correct horse batterz"
check "… with 74" code_of 74 phrase "correct horse batterz"
check "without one it says what is missing" said "a passphrase is needed" timeout 20 "$bin/anju-node" --set data="$town/p.d" --set socket="$town/p"
check "the passphrase is nowhere" sh -c "! grep -ar 'correct horse' '$town/p.d' '$town/log'"
check "it starts again with the right one" start_p
stop p

# ---- a flipped bit in any tree: told by verify, or at the start
start_hub
start_node n1
check "both are sound" sh -c "'$bin/anjuctl' -s '$town/hub' verify && '$bin/anjuctl' -s '$town/n1' verify"
heads() { [ -n "$(ctl hub -o jsonl audit heads)" ] && [ -n "$(ctl n1 -o jsonl audit heads)" ]; }
check "they have told each other their audit heads" until_true 20 heads
ctl n1 pause >/dev/null
ctl n1 put Person name=waits $who >/dev/null
ctl hub node token 650203001009 >/dev/null
stop n1
stop hub
tells() { # NAME: it says so by verify, or does not start and says why
    if (start_"$1") >"$work/.start" 2>&1; then
        ctl "${2:-$1}" verify >"$work/.verified" 2>&1
        _r=$?
        cat "$work/.verified"
        [ $_r -ne 0 ]
    else
        tail -n 3 "$town/log/${2:-$1}"
        tail -n 3 "$town/log/${2:-$1}" | grep -q "damaged\|Bad message\|cannot be read\|rotten"
    fi
}
start_quick() { # as start_node and start_hub, but it does not wait for one that ended
    _who=$1
    shift
    "$@" --set data="$town/$_who.d" --set socket="$town/$_who" 2>>"$town/log/$_who" &
    _pid=$!
    echo $_pid >"$town/pids/$_who"
    up_or_gone() { answers "$_who" || gone "$_pid"; }
    until_true 20 up_or_gone
    answers "$_who"
}
start_hub_alone() { start_quick hub "$bin/anju-hub" --set page= --set listen=tcp://127.0.0.1:* --set enrol= --set catalogue=; }
start_n1_alone() { start_quick n1 "$bin/anju-node"; }
cp -r "$town/n1.d" "$work/n1.kept"
cp -r "$town/hub.d" "$work/hub.kept"
for tree in meta log base view pending held digests audit heads; do
    check "a bit in the node's $tree" "$B/tests/e2e/corrupt" --tree $tree "$town/n1.d/store"
    check "… is told" tells n1_alone n1
    stop n1
    rm -rf "$town/n1.d" && cp -r "$work/n1.kept" "$town/n1.d"
done
for tree in log/meta log/entries log/nodes state/meta state/records state/rows state/verdicts state/held state/waiting state/nodes state/digests own/meta own/entries own/audit own/heads own/tokens; do
    check "a bit in the hub's $tree" "$B/tests/e2e/corrupt" --tree "${tree#*/}" "$town/hub.d/${tree%/*}"
    check "… is told" tells hub_alone hub
    stop hub
    rm -rf "$town/hub.d" && cp -r "$work/hub.kept" "$town/hub.d"
done

# ---- and filled again from the other side
start_hub
check "a bit in the node's base" "$B/tests/e2e/corrupt" --tree base "$town/n1.d/store"
start_node n1
ctl n1 resume >/dev/null
whole() { ctl n1 verify && ctl n1 -o name export --raw $who | LC_ALL=C sort >"$work/a" && ctl hub -o name export --raw --node 1 $who | LC_ALL=C sort >"$work/b" && cmp "$work/a" "$work/b"; }
again() { ctl n1 put Person name=touch $who && ctl n1 wait --caught-up --timeout 20 && whole; }
check "… is filled again from the hub" until_true 60 again
check "… and was dropped before" grep -q "node.record_dropped" "$town/log/n1"
finish
