#!/bin/sh
# Garbage on every socket, files that are not what they say, a full disk: a clear word, nothing lost, and the daemons go on.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
ANJU_DISK=$town/full
LD_PRELOAD_FOR=$root/$B/tests/e2e/bad_disk.so
make_hub
ANJU_DISK=$town/hub.full LD_PRELOAD=$LD_PRELOAD_FOR start_hub
make_node n1 650203001001 一
ANJU_DISK=$town/node.full LD_PRELOAD=$LD_PRELOAD_FOR start_node n1

# ---- sockets
port=$(sed 's/.*://' "$town/hub.listen")
garbage() { head -c "$2" /dev/urandom | timeout 5 socat -u - "$1" >/dev/null 2>&1 || true; }
for size in 1 64 4096 300000; do
    garbage "TCP:127.0.0.1:$port" $size
    garbage "UNIX-CONNECT:$town/n1/status.sock" $size
    garbage "UNIX-CONNECT:$town/hub/admin.sock" $size
done
printf '\377\000\000\000\000\000\000\000\001\177\003\001NULL\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' |
    timeout 5 socat -u - "TCP:127.0.0.1:$port" >/dev/null 2>&1
ask() { printf "$1" | timeout 5 socat -t 3 - "UNIX-CONNECT:$town/n1/${2:-status}.sock"; }
check "no JSON is answered with what is" said bad_request ask '{hello\n'
check "a person's words are answered with words" said "caught_up            " ask 'status\n'
check "… that is no command" said "no command 'helo' here" ask 'helo\n'
check "… and no more than anybody" said "use admin.sock" ask 'queue\n'
check "a doubled key" said bad_request ask '{"cmd":"status","cmd":"x"}\n'
check "a later version of the protocol" said bad_version ask '{"v":2,"cmd":"status"}\n'
check "args that are no object" said bad_request ask '{"cmd":"status","args":[]}\n'
check "an endless line" said too_long sh -c "head -c 9000 /dev/zero | tr '\0' x | timeout 5 socat -t 3 - 'UNIX-CONNECT:$town/n1/status.sock'"
check "ids come back" said '"id":77' ask '{"v":1,"id":77,"cmd":"hello"}\n'
check "hub and node still answer" sh -c "'$bin/anjuctl' -s '$town/n1' status >/dev/null && '$bin/anjuctl' -s '$town/hub' status >/dev/null"

# ---- several records in one request: all or none
two() {
    printf '{"cmd":"edit","args":{"actor":"op1","purpose":"registration","records":[{"type":"Person","key":"H-1","op":"create","fields":{"name":"half"}},'
    printf '{"type":"Identifier","key":"H-2","op":"create","fields":{"value":"992156199806176815","status":"current"}}]}}\n'
}
check "a request whose second record is against a rule" said bad_request sh -c "printf '%s\n' '$(two)' | '$bin/anjuctl' -s '$town/n1' batch"
check "… saves the first neither" code_of 5 ctl n1 get Person H-1 $who

# ---- configuration
cat >"$work/bad.yaml" <<'Y'
log_level: wraning
log_form: xml
listen: nonsense
advertise: tcp://*:7401
Y
"$bin/anju-hub" --check-config --config "$work/bad.yaml" >"$work/bad.said" 2>&1
check "a level that is none is told with its place" said "bad.yaml:1:12: log_level: info, debug, warning or error belongs here; did you mean 'warning'?" cat "$work/bad.said"
check "… a form too" said "bad.yaml:2:11: log_form: plain, journal or json belongs here" cat "$work/bad.said"
check "… an address to listen at" said "bad.yaml:3:9: listen: tcp://host:port belongs here" cat "$work/bad.said"
check "… and one that nobody could reach" said "bad.yaml:4:12: advertise: tcp://host:port belongs here" cat "$work/bad.said"
check "… all four at once" [ "$(wc -l <"$work/bad.said")" = 4 ]
check "the daemon does not start with it" code_of 78 timeout 20 "$bin/anju-hub" --set data="$town/hub.d" --set log_level=loud
check "… and says which --set it was" said "set log_level: info, debug" timeout 20 "$bin/anju-hub" --check-config --set log_level=loud

# ---- enrolment files that can be read and are useless all the same
"$bin/anju-node" --init --set data="$town/n2.d" >/dev/null
useless() { sed "$1" "$town/n1.enrolment" >"$work/bad.enrolment" && "$bin/anju-node" --join "$work/bad.enrolment" --set data="$town/n2.d"; }
check "an enrolment with a damaged hub key" said "the hub's public string in it is damaged" useless s/anju1:/anju2:/
check "… is refused" code_of 1 useless s/anju1:/anju2:/
check "an enrolment with an address of another kind" said "the hub's address in it is none that can be reached" useless 's#tcp://#udp://#'
check "… is refused" code_of 1 useless 's#tcp://#udp://#'
check "… and nothing was stored" sh -c "! grep -aqE 'anju2:|udp:' '$town/n2.d/store/data.mdb'"

# ---- spreadsheets
map=deploy/catalogue/mapping/person.yaml
import() { ctl n1 import person "$1" --map $map --actor op1 ${2:-}; }
head=record_id,name,sex,birth_date,id_number,phone,native_place,education,kind,registered_on,status
printf '\357\273\277%s\nA-1,王宇轩,男,1998-06-17,992156199806176814,12973125514,某地,初中,resident,2023-08-21,active\n' $head >"$work/bom.csv"
check "a file with a byte order mark" said "1 rows saved, 0 left out" import "$work/bom.csv"
check "what is never stored is named" said "column native_place is left out" import "$work/bom.csv"
check "… and is nowhere" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl export $who | grep -q 某地"
iconv -f UTF-8 -t GB18030 "$work/bom.csv" >/dev/null 2>&1
sed '1s/^\xef\xbb\xbf//; s/A-1/A-2/' "$work/bom.csv" | iconv -f UTF-8 -t GB18030 >"$work/gb.csv"
check "a file of Excel on Chinese Windows (GB18030)" said "1 rows saved" import "$work/gb.csv"
check "… reads right" said 王宇轩 ctl n1 -o jsonl get Person A-2 $who
{
    echo $head
    echo 'B-1,甲,男,1998-06-17,992156199806176815,,,,resident,2023-08-21,active'
    echo 'B-2,乙,男,1998-13-17,,,,,resident,2023-08-21,active'
    echo 'B-3,丙,不明,1998-06-17,,,,,resident,2023-08-21,active'
    echo 'B-4,丁,女'
    echo ',戊,女,1998-06-17,,,,,resident,2023-08-21,active'
    echo 'B-6,己,女,1998-06-17,,,,,resident,2023-08-21,active'
} >"$work/rows.csv"
import "$work/rows.csv" >"$work/rows.said" 2>&1
check "good rows go in, bad ones are listed" said "2 rows saved, 4 left out, 1 warnings" cat "$work/rows.said"
check "a wrong date by line and column" said "rows.csv:3: left out: column birth_date: there is no such day" cat "$work/rows.said"
check "a code that the mapping does not know" said "rows.csv:4: left out: column sex: '不明'" cat "$work/rows.said"
check "a short line" said "rows.csv:5: left out: the line has 3 fields, the header 11" cat "$work/rows.said"
check "a row without a key" said "rows.csv:6: left out: column record_id is empty" cat "$work/rows.said"
check "a wrong identity number is kept, with a warning" said "rows.csv:2: kept, marked unverified: column id_number" cat "$work/rows.said"
check "… and marked" said '"status":"unverified"' ctl n1 -o jsonl get Identifier B-1 $who
check "no bad row is half there" code_of 5 ctl n1 get Person B-2 $who
{
    echo $head,shoe_size
    echo 'C-1,甲,男,1998-06-17,,,,,resident,2023-08-21,active,42'
} >"$work/unknown.csv"
check "an unknown column is refused by name" said "column 'shoe_size' is not in the mapping; nothing was imported" import "$work/unknown.csv"
check "… unless it is left out on purpose" said "1 rows saved" import "$work/unknown.csv" "--ignore shoe_size"
printf '%s\nD-1,"甲,男\nD-2,乙"x,女\n' $head >"$work/quotes.csv"
check "broken quotes are told with their line" said "quotes.csv:" import "$work/quotes.csv"
check "… and nothing of it goes in" code_of 5 ctl n1 get Person D-2 $who
printf '\377\376\000' >"$work/binary.csv"
check "a file that is no text" said "neither UTF-8 nor GB18030" import "$work/binary.csv"

# ---- a full disk
check "the node has sent all" ctl n1 wait --caught-up --timeout 20
touch "$town/node.full"
check "a full disk refuses the edit, in words" said "the disk is full; nothing of this was saved" ctl n1 put Person name=full $who
check "… and a look, which nobody could tell of later" said "nothing is shown, since the audit log cannot note it" ctl n1 get Person A-1 $who
check "status says so" said "the disk is full" ctl n1 status
check "… and check does" finds n1 disk_full
rm "$town/node.full"
check "room again: the next edit is saved" ctl n1 put Person name=room $who
check "… and the one that was refused is not there" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl export $who | grep -q '\"full\"'"
touch "$town/hub.full"
check "the hub's disk is full: the node saves all the same" ctl n1 put Person name=meanwhile $who
check "… and is not told that it was accepted" code_of 6 ctl n1 wait --acked --timeout 2
check "… the hub's status says so" until_true 10 said "the disk is full" ctl hub status
rm "$town/hub.full"
check "room again: it is accepted" ctl n1 wait --caught-up --timeout 90
check "verify at the hub" said sound ctl hub verify
check "verify at the node" said sound ctl n1 verify
finish
