#!/bin/sh
# No search is a list of people: no prefix, no range, no pattern, no field under which many are the same. Thousands of questions that are
# nearly right are asked of an office, made from what it holds; whoever is shown must have exactly the value that was asked for.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
until_true 20 said "(purpose)" ctl n1 types
i=0
while [ $i -lt 12 ]; do
    ctl n1 put Person name=WangXiao$i phone=1290000000$i birth_date=19$((70 + i))-01-0$((i % 9 + 1)) $who >/dev/null
    ctl n1 put Identifier kind=resident_id value=6502991990010100$((10 + i)) $who >/dev/null
    i=$((i + 1))
done
ctl n1 put Employment employer=甲公司 from=2025-01-01 $who >/dev/null
ctl n1 put Organization name=甲公司 $who >/dev/null

# ---- fields under which many are the same
check "by employer" said "records about people are never listed by employer (单位)" code_of 4 ctl n1 find Employment employer=甲公司 $who
check "… the hint says what can be asked" grep -q "by id, key, phone, or name with birth date" "$work/.out"
check "by landlord" said "never listed by landlords" code_of 4 ctl n1 find Tenancy landlords=00112233445566778899aabbccddeeff $who
check "by sex" said "never listed by sex" code_of 4 ctl n1 find Person sex=1 $who
check "an employer is no person" said 甲公司 ctl n1 find Organization name=甲公司 $who
check "the hub has no search at all" code_of 64 ctl hub find Person name=WangXiao1

# ---- nearly right: prefixes, ends, patterns, ranges, other forms of the same
seed=${SEED:-$(date +%s)}
echo "seed $seed"
awk -v seed="$seed" '
    function ask(type, field, value) {
        gsub(/\\/, "\\\\", value)
        gsub(/"/, "\\\"", value)
        printf "{\"cmd\":\"find\",\"args\":{\"type\":\"%s\",\"query\":\"%s=%s\",\"actor\":\"op1\",\"purpose\":\"registration\"}}\n", type, field, value
        printf "%s\t%s\t%s\n", type, field, value >asked
    }
    function near(type, field, value, len, a, b, k) {
        len = length(value)
        a = int(rand() * len) + 1
        b = int(rand() * (len - a + 1)) + 1
        k = int(rand() * 14)
        if (k == 0) value = substr(value, 1, b)
        else if (k == 1) value = substr(value, a)
        else if (k == 2) value = substr(value, a, b)
        else if (k == 3) value = substr(value, 1, b) "*"
        else if (k == 4) value = substr(value, 1, b) "%"
        else if (k == 5) value = substr(value, 1, b) ".*"
        else if (k == 6) value = substr(value, 1, a - 1) "?" substr(value, a + 1)
        else if (k == 7) value = value ".." value
        else if (k == 8) value = ">" value
        else if (k == 9) value = value "," value "9"
        else if (k == 10) value = " " value
        else if (k == 11) value = value " "
        else if (k == 12) value = "^" substr(value, 1, b)
        else value = "[" value "]"
        ask(type, field, value)
    }
    BEGIN {
        srand(seed)
        asked = "'"$work"'/asked"
        for (i = 0; i < 600; i++) {
            n = int(rand() * 12)
            near("Person", "name", "WangXiao" n)
            near("Person", "phone", "1290000000" n)
            near("Person", "birth_date", sprintf("19%d-01-0%d", 70 + n, n % 9 + 1))
            near("Identifier", "value", "6502991990010100" (10 + n))
        }
    }' >"$work/questions"
"$bin/anjuctl" -s "$town/n1" batch <"$work/questions" >"$work/answers" 2>&1
check "all are answered" sh -c "[ \$(wc -l <'$work/answers') -ge \$(wc -l <'$work/questions') ]"
# A row whose value is not among those asked for in full is a list.
shown() { grep -c '"row"' "$work/answers"; }
wholes() { awk -F '\t' '($2 == "name" && $3 ~ /^WangXiao([0-9]|1[01])$/) || ($2 == "phone" && $3 ~ /^1290000000([0-9]|1[01])$/) || ($2 == "birth_date" && $3 ~ /^19[78][0-9]-01-0[1-9]$/) || ($2 == "value" && $3 ~ /^6502991990010100(1[0-9]|2[01])$/)' "$work/asked" | wc -l; }
echo "rows shown: $(shown); questions that ask for a whole value: $(wholes), of $(wc -l <"$work/questions")"
check "nobody is shown but to who asked for the whole value" [ "$(shown)" = "$(wholes)" ]
check "… and they were" [ "$(shown)" -gt 0 ]
finish
