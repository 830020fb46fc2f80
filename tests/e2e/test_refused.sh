#!/bin/sh
# What this system never holds: no spreadsheet, edit log, mapping or policy brings it in, and each is told by name.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
until_true 20 said "(purpose)" ctl n1 types
map=deploy/catalogue/mapping/person.yaml
printf 'record_id,name,民族,Religion,native_place\nA-1,王宇轩,某族,某教,某地\n' >"$work/a.csv"
check "a spreadsheet with refused columns" said "1 rows saved" ctl n1 import person "$work/a.csv" --map $map --actor op1
check "… names each column that it leaves out: Chinese" grep -q "column 民族 is left out: this system does not store it" "$work/.out"
check "… English" grep -q "column Religion is left out: this system does not store it" "$work/.out"
check "… and the one that the mapping names" grep -q "column native_place is left out: this system does not store it" "$work/.out"
check "… and nothing of it is stored" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl export $who | grep -q '某'"

sed 's/^  education: .*/  native_place: Person.education/; /^left_out/d' $map >"$work/bad.yaml"
check "a mapping for a refused column is refused at its place" said "bad.yaml:10:3: column native_place goes nowhere" ctl n1 import person "$work/a.csv" --map "$work/bad.yaml" --actor op1

mkdir "$work/log" "$work/log/650203001001"
{
    echo seq,time,operator,op,record_type,record_id,field,new_value
    echo 1,2025-03-03T09:00:00+08:00,op1,set,person,A-1,native_place,某地
    echo 2,2025-03-04T09:00:00+08:00,op1,set,person,A-1,ethnicity,某族
    echo 3,2025-03-05T09:00:00+08:00,op1,set,person,A-1,native_place,某地
    echo 4,2025-03-06T09:00:00+08:00,op1,set,person,A-1,education,初中
} >"$work/log/650203001001/edits.csv"
check "an edit log with refused columns" said '"applied":1,"waited":0,"waiting":0,"failed":0,"left_out":3' "$bin/anjuctl" replay --map deploy/catalogue/mapping "$work/log/650203001001/edits.csv=$town/n1"
check "… names each once" [ "$(grep -c "is left out" "$work/.out")" = 2 ]
check "… by name" grep -q "column native_place is left out: this system does not store it" "$work/.out"

types="$work/types"
ctl n1 types >"$types"
cat >"$work/type.yaml" <<'Y'
kind: record_type
number: 90
name: Faith
zh: 信仰
class: sensitive
fields:
  - {number: 16, name: note, zh: 备注, kind: text}
  - {number: 17, name: ethnicity, zh: 民族, kind: text}
Y
check "a record type with refused names is not published: its name" said "policy:3:7: Faith: this system never holds" ctl hub policy publish "$work/type.yaml"
check "… its Chinese name" grep -q "policy:4:5: 信仰: this system never holds" "$work/.out"
check "… a field" grep -q "ethnicity: this system never holds" "$work/.out"
check "… and no office has it" sh -c "'$bin/anjuctl' -s '$town/n1' types | cmp - '$types' && ! '$bin/anjuctl' -s '$town/hub' policies | grep -q Faith"
finish
