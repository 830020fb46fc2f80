#!/bin/sh
# Long work: how far it is, waiting for it, ending it. The disk holds a backup, a compaction and an import where they are for as long as it is
# looked at.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
ANJU_DISK=$town/disk
LD_PRELOAD_HELD=$root/$B/tests/e2e/bad_disk.so
export ANJU_DISK
mkdir "$town/backups"
make_hub
LD_PRELOAD=$LD_PRELOAD_HELD start_hub
make_node n1 650203001001 一
LD_PRELOAD=$LD_PRELOAD_HELD start_node n1
until_true 20 said "(purpose)" ctl n1 types
person=$(ctl n1 -o jsonl put Person name=甲 $who | field id)
ctl n1 wait --caught-up --timeout 30 >/dev/null
hold() { echo "held write $1" >"$town/disk"; }
let_go() { rm -f "$town/disk"; }
# job DAEMON KIND STATE: the last one of its kind is in this state; its row is printed
job() { ctl "$1" -o jsonl jobs | grep "\"kind\":\"$2\"" | tail -n 1 | grep "\"state\":\"$3\""; }
number() { ctl "$1" -o jsonl jobs | grep "\"kind\":\"$2\"" | tail -n 1 | field job; }
nothing_in() { [ -z "$(ls -A "$1")" ]; }

for d in hub n1; do
    check "$d: nothing runs yet" [ -z "$(ctl $d -o name jobs)" ]
    # ---- a backup that is cancelled
    hold /backup.copy/
    check "$d: a backup begins; its number comes at once" said '"job":1' ctl $d -o jsonl backup "$town/backups" --no-wait
    check "$d: … it runs" job $d backup running
    check "$d: … how much there is to do is known" until_true 20 sh -c "'$bin/anjuctl' -s '$town/$d' -o jsonl jobs | grep '\"total\":[1-9]'"
    check "$d: … in words too" said "backup running" sh -c "'$bin/anjuctl' -s '$town/$d' jobs | tr -s ' '"
    check "$d: … a person's line lists it" said "backup running" sh -c "echo jobs | socat - 'UNIX:$town/$d/status.sock' | tr -s ' '"
    check "$d: a second one does not begin" code_of 1 ctl $d backup "$town/backups"
    check "$d: … and says why" said "being made already" ctl $d backup "$town/backups"
    (ctl $d job wait 1 >"$work/waited" 2>&1 || echo "exit $?" >>"$work/waited") &
    check "$d: it is told to stop" said stopping ctl $d -o jsonl job cancel 1
    check "$d: … and is stopping" job $d backup stopping
    let_go
    check "$d: … it has ended" until_true 30 job $d backup cancelled
    wait $!
    check "$d: who waited for it hears so" grep -q "it was cancelled" "$work/waited"
    check "$d: … with exit 1" grep -qx "exit 1" "$work/waited"
    check "$d: nothing half-made is left" nothing_in "$town/backups"
    check "$d: … nor a copy beside the data" [ ! -e "$town/$d.d/backup.copy" ]
    check "$d: no problem is told: a person wanted it so" finds_none $d backup_failed
    check "$d: who cancels it again hears that it is" said cancelled ctl $d -o jsonl job cancel 1
    check "$d: a job that never was" code_of 5 ctl $d job wait 99
    check "$d: … nor by another word" code_of 5 ctl $d job wait x

    # ---- one that is waited for
    hold /backup.copy/
    check "$d: another one" ctl $d backup "$town/backups" --no-wait
    n=$(number $d backup)
    (ctl $d -o jsonl job wait "$n" >"$work/waited" 2>&1) &
    waiter=$!
    check "$d: waiting has an end of its own" code_of 6 ctl $d -t 1 job wait "$n"
    let_go
    wait $waiter
    check "$d: who waits is answered as the backup is" grep -q "\"path\":\"$town/backups/.*\"key_file\"" "$work/waited"
    check "$d: … also later" said "$town/backups/" ctl $d job wait "$n"
    check "$d: it is done, all of it" sh -c "'$bin/anjuctl' -s '$town/$d' -o jsonl jobs | tail -n 1 | sed -n 's/.*\"done\":\([0-9]*\),\"total\":\([0-9]*\),.*/\1 \2/p' | grep -x '\([1-9][0-9]*\) \1'"
    rm -rf "$town/backups"/*

    # ---- a check of the store
    check "$d: a check is a job" said '"job"' ctl $d -o jsonl verify --no-wait
    check "$d: … and answers who waits for it" said sound ctl $d job wait "$(number $d verify)"
    check "$d: … it is done" until_true 20 job $d verify done
    check "$d: what is done cannot be cancelled" said "has ended already" ctl $d job cancel "$(number $d verify)"
    check "$d: orders to stop are in the audit log" said "job cancel" ctl $d audit export --actor op1 --purpose rights_request
done
check "the read-only socket may look" sh -c "'$bin/anjuctl' -s '$town/hub/status.sock' jobs"
check "… and wait" said sound "$bin/anjuctl" -s "$town/hub/status.sock" job wait "$(number hub verify)"
check "… but not cancel" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" job cancel 1

# ---- an import, seen and ended from another terminal
{
    echo record_id,name,sex,birth_date,id_number,phone,native_place,education,kind,registered_on,status
    seq 20000 | sed 's/.*/I-&,王,男,1998-06-17,,12900000001,,初中,resident,2023-08-21,active/'
} >"$work/many.csv"
import() { ctl n1 import person "$work/many.csv" --map deploy/catalogue/mapping/person.yaml --actor op1; }
(exec "$bin/anjuctl" -s "$town/n1" import person "$work/many.csv" --map deploy/catalogue/mapping/person.yaml --actor op1) >"$work/import" 2>&1 &
importer=$!
check "an import begins" until_true 30 job n1 import running
(ctl n1 job wait "$(number n1 import)" >"$work/waited" 2>&1 || echo "exit $?" >>"$work/waited") &
waiter=$!
kill -KILL $importer
check "its program is killed: it has failed, at once" until_true 20 job n1 import failed
check "… since its program went away" said "its program went away" job n1 import failed
wait $waiter
check "… who waited for it hears so" grep -q "its program went away" "$work/waited"
check "… with exit 1" grep -qx "exit 1" "$work/waited"
import >"$work/import" 2>&1 &
importer=$!
check "an import is a job of the node" until_true 30 job n1 import running
check "… with its rows" sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl jobs | tail -n 1 | grep '\"total\":20000,\"unit\":\"rows\"'"
check "it is told to stop" ctl n1 job cancel "$(number n1 import)"
wait $importer
check "… it ends, with exit 1" [ $? = 1 ]
check "… and says how far it came" grep -q "cancelled after [0-9]* of 20000 rows; run it again to go on" "$work/import"
check "… the node knows" job n1 import cancelled
before=$(status_of n1 saved)
check "not all of it went in" [ "$before" -lt 20000 ]
sed -i 2001q "$work/many.csv" # enough of them
import >"$work/again" 2>&1
check "run again, it goes on to the end" [ $? = 0 ]
check "… what is there stays" grep -q " [1-9][0-9]* unchanged" "$work/again"
check "… and that is a job that is done" job n1 import done
check "an import that nobody heard of cannot be told about" code_of 1 ctl n1 job tell 1 --done 5

# ---- a compaction begins by itself after an order to erase; it can be put off, and is made later
ctl n1 wait --caught-up --timeout 60 >/dev/null
hold /compact/
check "a person is erased" ctl hub person erase "$person" --reason request --order O-1 --yes
check "the stores are written anew, which is a job" until_true 60 job hub compaction running
check "… that nobody asked for" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl jobs | grep compaction | grep '\"uid\":null'"
n=$(number hub compaction)
ctl hub -o jsonl job cancel "$n" >"$work/cancel" 2>&1 & # the order is noted in a store that waits
cancel=$!
check "it is told to stop" until_true 20 job hub compaction stopping
let_go
wait $cancel
check "… which is answered" sh -c "cat '$work/cancel'; grep -q '\\\"job\\\":$n,' '$work/cancel'"
check "… after the store that is being written" until_true 30 job hub compaction cancelled
check "… and says that it is made later" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl jobs | grep compaction | grep 'in an hour'"

# ---- the daemon ends while work is under way
hold /backup.copy/
ctl hub backup "$town/backups" >"$work/backup" 2>&1 &
backup=$!
check "a backup runs" until_true 20 job hub backup running
kill -TERM "$(pid_of hub)"
let_go
wait $backup
check "… the backup is not made" grep -q "it was cancelled, or the daemon is stopping" "$work/backup"
check "… the hub has ended" until_true 30 gone "$(pid_of hub)"
check "… nothing half-made is left" nothing_in "$town/backups"

# ---- a restore has no daemon yet: it shows how far it is, and Ctrl-C takes it back
LD_PRELOAD=$LD_PRELOAD_HELD start_hub
check "a backup to restore" ctl hub backup "$town/backups"
stop hub
hold /restoring/
restore() { # a word before it, such as exec
    LD_PRELOAD=$LD_PRELOAD_HELD ${1:-} "$bin/anju-hub" --restore "$town/backups"/2* --backup-key "$town/hub.d/backup.key" --set data="$town/again" \
        --set seal_key="$town/hub.d.seal" --set socket="$town/again.sock"
}
restore exec >"$work/restore" 2>&1 &
restoring=$!
check "a restore that takes long says how far it is" until_true 30 grep -q "restoring: [0-9]* % (0 of [0-9]* MiB)" "$work/restore"
kill -INT $restoring
let_go
wait $restoring
check "… Ctrl-C ends it with exit 1" [ $? = 1 ]
check "… and says so" sh -c "cat '$work/restore'; grep -q 'it was cancelled' '$work/restore'"
check "… nothing of it is left" nothing_in "$town/again"
check "it can be done again" restore
finish
