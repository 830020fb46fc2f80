#!/bin/sh
# Spreadsheets that come again, come late, or are none: nothing newer is overwritten, nothing is written twice, and the exit code says it.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
until_true 20 said "(purpose)" ctl n1 types
map=deploy/catalogue/mapping/person.yaml
import() { ctl n1 import person "$1" --map $map --actor op1 ${2:-}; }
head=record_id,name,sex,birth_date,id_number,phone,native_place,education,kind,registered_on,status

# ---- the same file again
{
    echo $head
    echo 'A-1,王宇轩,男,1998-06-17,992156199806176814,12973125514,,初中,resident,2023-08-21,active'
    echo 'A-2,李明,女,1990-01-02,,12900000002,,高中,resident,2023-08-21,active'
} >"$work/a.csv"
saved() { status_of n1 saved; }
check "a file goes in" said "2 rows saved, 0 left out, 0 warnings, 0 there already, 0 unchanged" import "$work/a.csv"
before=$(saved)
check "again: nothing to do" said "0 rows saved, 0 left out, 0 warnings, 0 there already, 2 unchanged" import "$work/a.csv"
check "… and no change is left behind" [ "$(saved)" = "$before" ]
check "… which is no error" code_of 0 import "$work/a.csv"
check "a clerk writes a newer phone" ctl n1 put Person A-1 phone=12911111111 $who
before=$(saved)
check "the old file does not write over it" said "0 rows saved, 0 left out, 0 warnings, 1 there already, 1 unchanged" import "$work/a.csv"
check "… says where, and in which column" grep -q "a.csv:2: there already, left as it is: it differs in phone" "$work/.out"
check "… and no change is left behind" [ "$(saved)" = "$before" ]
check "… the newer value stands" said '"phone":"12911111111"' ctl n1 -o jsonl get Person A-1 $who
check "--update writes over it" said "1 rows saved, 0 left out, 0 warnings, 0 there already, 1 unchanged" import "$work/a.csv" --update
check "… in one change of that one field" said '"fields":["phone"]' sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl history Person A-1 $who | tail -n 1"
check "… and the file's value stands" said '"phone":"12973125514"' ctl n1 -o jsonl get Person A-1 $who
check "a record that was deleted" ctl n1 delete Person A-2 $who
check "… does not come back by itself" said "1 there already, 1 unchanged" import "$work/a.csv"
check "making a record that is there is refused" said "there is such a Person already" ctl n1 put Person A-1 name=other --create $who
check "what hangs on a row may come later" sh -c "sed 's/1990-01-02,,/1990-01-02,992156199001020015,/; s/A-2/A-3/' '$work/a.csv' >'$work/b.csv'"
check "… a row with a new identity number" said "1 rows saved" import "$work/b.csv"

# ---- references resolve by themselves, whichever file comes first
child=deploy/catalogue/mapping/child.yaml
printf 'record_id,guardian_id,name,school,grade\nK-1,G-1,王小宝,虚构小学,1\n' >"$work/child.csv"
printf 'record_id,name,sex\nG-1,王大宝,男\n' >"$work/person.csv"
check "a child comes before its guardian" said "1 rows saved" ctl n1 import child "$work/child.csv" --map $child --actor op1
check "… get marks the field" said '"unresolved":["guardian"]' ctl n1 -o jsonl get SchoolPlaceApplication K-1 $who
check "… find too" said '"unresolved":["guardian"]' ctl n1 -o jsonl find SchoolPlaceApplication school=虚构小学 $who
check "… and export" said '"unresolved":["guardian"]' ctl n1 -o jsonl export --type SchoolPlaceApplication $who
check "… and a table" said '["guardian"]' ctl n1 find SchoolPlaceApplication school=虚构小学 $who
check "the guardian comes" said "1 rows saved" import "$work/person.csv"
check "… and the reference is resolved" said '"unresolved":[]' ctl n1 -o jsonl get SchoolPlaceApplication K-1 $who
sed 's/K-1,G-1/K-2,G-2/' "$work/child.csv" >"$work/child2.csv"
sed 's/G-1/G-2/' "$work/person.csv" >"$work/person2.csv"
check "the other order" sh -c "'$bin/anjuctl' -s '$town/n1' import person '$work/person2.csv' --map $map --actor op1 && '$bin/anjuctl' -s '$town/n1' import child '$work/child2.csv' --map $child --actor op1"
check "… is resolved at once" said '"unresolved":[]' ctl n1 -o jsonl get SchoolPlaceApplication K-2 $who
check "one that was taken up and has not come is not here" sh -c "'$bin/anjuctl' -s '$town/n1' pause && '$bin/anjuctl' -s '$town/n1' adopt Person G-3 --reason x $who && '$bin/anjuctl' -s '$town/n1' put SchoolPlaceApplication K-2 guardian=G-3 $who"
check "… and marked" said '"unresolved":["guardian"]' ctl n1 -o jsonl get SchoolPlaceApplication K-2 $who

# ---- told in Chinese
printf 'record_id,name,sex,birth_date\nZ-1,某人,男,soon\nZ-2,某人,?,\nZ-3\n' >"$work/zh.csv"
check "what is wrong with a row, in Chinese" said "zh.csv:2: 未导入: 列birth_date: 日期写作2025-03-31、2025-03或2025" ctl n1 --lang zh import person "$work/zh.csv" --map $map --actor op1
check "… a value that the mapping does not know" grep -q "zh.csv:3: 未导入: 列sex：映射中没有值“?”" "$work/.out"
check "… a line that is too short" grep -q "zh.csv:4: 未导入: 该行有1个字段，表头有4个" "$work/.out"
check "… and how many" grep -q "保存0行，未导入3行" "$work/.out"

# ---- files that are none
: >"$work/empty.csv"
printf '\357\273\277' >"$work/bom.csv"
printf '%s\nB-1,"甲,男\n' $head >"$work/quotes.csv"
printf '%s,phone\nB-1,甲,男,1998-06-17,,,,,resident,2023-08-21,active,1\n' $head >"$work/twice.csv"
echo $head >"$work/head.csv"
check "an empty file is told" said "empty.csv:1: the file is empty" import "$work/empty.csv"
check "… with 1" code_of 1 import "$work/empty.csv"
check "… likewise one with a byte order mark only" code_of 1 import "$work/bom.csv"
check "a file with a header only is a file" code_of 0 import "$work/head.csv"
check "broken quotes exit with 1" code_of 1 import "$work/quotes.csv"
check "a file that is not there exits with 1" code_of 1 import "$work/nowhere.csv"
check "… and is named" said "nowhere.csv" import "$work/nowhere.csv"
check "a column that is there twice is refused by name" said "column 'phone' is there twice; nothing was imported" import "$work/twice.csv"
check "… with 1" code_of 1 import "$work/twice.csv"
check "… and nothing of it went in" code_of 5 ctl n1 get Person B-1 $who
printf 'table: person\nrecord: Person\nkey: record_id\ncolumns:\n - name: Person.name\n - Person.sex\n' >"$work/list.yaml"
list() { ctl n1 import person "$work/a.csv" --map "$work/list.yaml" --actor op1; }
check "a mapping whose columns are a list is told" said "list.yaml:6:4: a column is a name and its target" list
check "… with 1" code_of 1 list
check "a mapping that is not there exits with 1" code_of 1 ctl n1 import person "$work/a.csv" --map "$work/nowhere.yaml" --actor op1
check "a missing argument exits with 64" code_of 64 ctl n1 import person "$work/a.csv"

# ---- an edit log whose edit waits for a record that is taken up: it is told as late by the call that applies it, whatever that call replays
make_node n2 650203001002 二
start_node n2
until_true 20 said "(purpose)" ctl n2 types
ctl n2 pause >/dev/null
mkdir -p "$work/logs/650203001001" "$work/logs/650203001002"
log_of() { echo "seq,time,operator,op,record_type,record_id,field,new_value" && cat; }
log_of >"$work/logs/650203001002/edits.csv" <<LOG
1,2025-03-03T09:00:00+08:00,op1,adopt,person,A-1,,
2,2025-03-03T10:00:00+08:00,op1,set,person,A-1,phone,12955555555
LOG
log_of >"$work/logs/650203001001/edits.csv" <<LOG
1,2025-03-04T09:00:00+08:00,op1,set,person,A-1,education,初中
LOG
replay() {
    "$bin/anjuctl" replay --map deploy/catalogue/mapping --waiting "$work/waiting" --late "$work/late" "$@" \
        "$work/logs/650203001001/edits.csv=$town/n1" "$work/logs/650203001002/edits.csv=$town/n2"
}
check "an edit of a record that was taken up and has not come waits" said '"waiting":1' replay --until 2025-03-05
check "… and is not late yet" [ ! -s "$work/late" ]
ctl n2 resume >/dev/null
there() { ctl n2 get Person A-1 $who; }
check "the record comes" until_true 20 there
check "the edit goes in with a call for later ones" said '"waiting":0' replay --from 2025-03-05 --until 9999
check "… which notes how late: after all that was applied before" grep -qx "650203001002,2,2025-03-04T09:00:00.5+08:00" "$work/late"
finish
