#!/bin/sh
# The city's programs: the generator keeps its promises, the fold and the generator agree although they share nothing but text
# helpers, and the comparison with an export notices every kind of difference.
cd "$(dirname "$0")/../.." || exit 2
. tests/support/check.sh
city=$B/tests/city
make -s B="$B" "$city/gen_city" "$city/fold_city" "$city/check_export" >&2 || exit 2
a=$work/a

# ---- the generator
check "a city is made" "$city/gen_city" --out "$a" --seed 7
check "a second one" "$city/gen_city" --out "$work/b" --seed 7
check "another seed" "$city/gen_city" --out "$work/c" --seed 8
check "one seed, the same bytes" diff -rq "$a" "$work/b"
refuse "another seed, other bytes" diff -rq "$a" "$work/c"
refuse "a folder in use is refused" "$city/gen_city" --out "$a" --seed 7
refuse "a city too small for its promises is refused" "$city/gen_city" --out "$work/d" --people 1
refuse "an unknown option is refused" "$city/gen_city" --out "$work/d" --citizens 5

# The bytes of one seed stand here, so that every compiler must make them. Changed on purpose? Then write the new sum.
sum_of() {
    (cd "$1" && find . -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-16)
}
seed7() {
    sum_of "$a"
    [ "$(sum_of "$a")" = 89c95187b666a71d ]
}
check "seed 7 makes the bytes it always made" seed7

same_columns() {
    for t in person residence employment child insurance training dispute wage_claim edits; do
        for city_folder in "$a"/650299*; do
            head -n 1 "$city_folder/$t.csv" | cmp - "$work/heads/$t" || return 1
        done
    done
}
mkdir "$work/heads"
(
    cd "$work/heads" || exit 2
    echo record_id,name,sex,birth_date,id_number,phone,native_place,education,kind,registered_on,status >person
    echo record_id,person_id,community_code,address,tenure,household_no,permit_no,permit_expires_on,moved_in_on,moved_out_on >residence
    echo record_id,person_id,employer,occupation_code,contract,monthly_wage_yuan,started_on,ended_on,status >employment
    echo record_id,guardian_id,name,sex,birth_date,id_number,school,grade,place_status,applied_on >child
    echo record_id,person_id,scheme,account_no,monthly_base_yuan,paid_until,status >insurance
    echo record_id,person_id,course,hours,starts_on,status,certificate_no >training
    echo record_id,person_id,kind,other_party,opened_on,mediator,status,note,closed_on >dispute
    echo record_id,person_id,employer,amount_yuan,months,opened_on,status,paid_yuan,closed_on >wage_claim
    echo seq,time,operator,op,record_type,record_id,field,new_value >edits
)
check "files and columns as in the sample city" same_columns

# at_least N WORD FILE…: so many lines hold the word
at_least() {
    least=$1
    word=$2
    shift 2
    found=$(cat "$@" | grep -c -- "$word")
    echo "$found lines with $word, at least $least wanted"
    [ "$found" -ge "$least" ]
}
distinct_delete_pairs() {
    n=$(grep ',delete_and_set$' "$1/truth/concurrent.csv" | cut -d, -f2 | sort -u | wc -l)
    echo "$n records deleted against an edit"
    [ "$n" -ge 5 ]
}
for made in a c; do
    check "$made: at least 20 deletes" at_least 20 ,delete, "$work/$made"/650299*/edits.csv
    check "$made: records are adopted" at_least 50 ,adopt, "$work/$made"/650299*/edits.csv
    check "$made: records are created" at_least 100 ,create, "$work/$made"/650299*/edits.csv
    check "$made: at least 30 pairs of different values" at_least 30 same_field_different_values "$work/$made/truth/concurrent.csv"
    check "$made: at least 5 records deleted against an edit" distinct_delete_pairs "$work/$made"
done

# GB 11643's check digit, in awk: shares nothing with the generator's.
identities() {
    cat "$a"/650299*/person.csv "$a"/650299*/child.csv | awk -F, '
        FNR == 1 { split("7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2", w, " ") }
        /^record_id/ { next }
        {
            n = $1 ~ /-P/ ? $5 : $6
            if (n == "") missing++
            else if (n !~ /^(650299|99)/) { print "not synthetic: " n; bad = 1 }
            else if (length(n) == 15) old++
            else if (n !~ /^[0-9]*[0-9X]$/ || length(n) != 18) odd++
            else {
                s = 0
                for (i = 1; i <= 17; i++) s += substr(n, i, 1) * w[i]
                if (substr("10X98765432", s % 11 + 1, 1) == substr(n, 18, 1)) good++; else wrong++
                if (seen[n]++ && $1 ~ /-C/) { print "twice: " n; bad = 1 }
            }
        }
        END {
            printf "good %d wrong %d old %d odd %d missing %d\n", good, wrong, old, odd, missing
            exit bad || good < 900 || wrong < 3 || old < 3 || odd < 3 || missing < 3
        }'
}
check "identity numbers: synthetic, most with a right check digit, some malformed" identities

phones() {
    ! cat "$a"/650299*/person.csv | awk -F, '!/^record_id/ && $6 != "" { print $6 }' | grep -v '^129[0-9]\{8\}$'
}
check "phones are of no mobile range" phones
check "some names have a dot" at_least 30 '·' "$a"/650299*/person.csv
check "some names have four characters" at_least 5 ',\(欧阳\|上官\|司马\|诸葛\|皇甫\|尉迟\|慕容\|令狐\)[^,][^,]' "$a"/650299*/person.csv

# ---- the fold
check "fold and generator agree on all persons" "$city/fold_city" "$a" --check-linkage
manifest() {
    "$city/fold_city" "$a" --summary "$work/summary" >/dev/null
    for pair in initial:initial_records created:creates deleted:deletes adopted:adopts; do
        want=$(sed -n "s/^ \"${pair#*:}\": \([0-9]*\),*$/\1/p" "$a/manifest.json")
        got=$(sed -n "s/^${pair%:*} //p" "$work/summary")
        echo "$pair: manifest $want, fold $got"
        [ "$want" = "$got" ] || return 1
    done
}
check "fold and manifest count the same" manifest
check "the state and what may be concurrent" "$city/fold_city" "$a" --tsv "$work/fold.tsv" --concurrent "$work/concurrent.tsv"
check "the state is sorted" env LC_ALL=C sort -c "$work/fold.tsv"
no_native_place() {
    grep -h ',set,person,.*,native_place,' "$a"/650299*/edits.csv | head -n 1 | grep -q native_place && ! grep native_place "$work"/*.tsv
}
check "columns that the product refuses are left out" no_native_place

# A tiny city with everything in it, folded by hand.
tiny=$work/tiny
mkdir -p "$tiny/650299001001" "$tiny/650299001002" "$tiny/linkage"
for c in 650299001001 650299001002; do
    for t in person residence employment child insurance training dispute wage_claim edits; do
        cp "$work/heads/$t" "$tiny/$c/$t.csv"
    done
done
printf 'community_code,name,street_code,street_name\n650299001001,a,s,s\n650299001002,b,s,s\n' >"$tiny/communities.csv"
p=650299001001-P000001
t=650299001001-T000001
echo "$p,甲,男,1990-01-01,,12900000001,x,高中,resident,2024-01-01,active" >>"$tiny/650299001001/person.csv"
echo "$t,$p,电工,8,2024-02-01,在训," >>"$tiny/650299001001/training.csv"
cat >>"$tiny/650299001001/edits.csv" <<END
1,2025-03-03T10:00:00+08:00,o,set,person,$p,phone,12900000002
2,2025-03-04T10:00:00+08:00,o,set,person,$p,education,
3,2025-03-05T10:00:00+08:00,o,set,person,$p,name,"甲,乙"
4,2025-03-05T12:00:00+08:00,o,delete,training,$t,,
END
cat >>"$tiny/650299001002/edits.csv" <<END
1,2025-03-03T09:00:00+08:00,o,adopt,person,$p,,
2,2025-03-03T09:30:00+08:00,o,set,person,$p,phone,12900000003
3,2025-03-03T11:00:00+08:00,o,create,dispute,650299001002-D000001,,
4,2025-03-03T11:00:00+08:00,o,set,dispute,650299001002-D000001,kind,邻里
END
tab=$(printf '\t')
sed "s/ /$tab/g" >"$work/tiny.want" <<END
dispute 650299001002-D000001 kind 邻里
person $p birth_date 1990-01-01
person $p kind resident
person $p name 甲,乙
person $p phone 12900000002
person $p registered_on 2024-01-01
person $p sex 男
person $p status active
training $t course 电工
training $t deleted 1
training $t hours 8
training $t person_id $p
training $t starts_on 2024-02-01
training $t status 在训
END
fold_tiny() {
    "$city/fold_city" "$tiny" --tsv "$work/tiny.tsv" --concurrent "$work/tiny.concurrent" "$@" && diff "$work/tiny.want" "$work/tiny.tsv"
}
check "last write by time, empty clears, delete marks" fold_tiny
concurrent_tiny() {
    cut -f 3,4,6 "$work/tiny.concurrent" | tr '\t' ' ' | diff - "$work/concurrent.want"
}
printf 'phone 650299001001 12900000002\nphone 650299001002 12900000003\n' >"$work/concurrent.want"
check "only the phone may be concurrent" concurrent_tiny
printf 'community_code,seq,time\n650299001002,2,2025-03-06T00:00:00+08:00\n' >"$work/late.csv"
sed -i 's/12900000002$/12900000003/' "$work/tiny.want"
check "a line that was replayed late counts from then" fold_tiny --late "$work/late.csv"
linkage_tiny() {
    printf 'rec_id,name,sex,birth_date,phone,status\n%s,"甲,乙",男,1990-01-01,%s,active\n' "$p" "$1" >"$tiny/linkage/records.csv"
    shift
    "$city/fold_city" "$tiny" --check-linkage "$@"
}
check "persons as the list of persons has them" linkage_tiny 12900000002
refuse "… and not otherwise" linkage_tiny 12900000003
check "a field edited late may differ from the list" linkage_tiny 12900000002 --late "$work/late.csv"
printf 'community_code,seq,time\n650299001002,4,2025-03-06T00:00:00+08:00\n' >"$work/other.csv"
refuse "… but no other field" linkage_tiny 12900000003 --late "$work/other.csv"
echo "5,2025-03-06T10:00:00+08:00,o,set,training,$t,status,x" >>"$tiny/650299001002/edits.csv"
refuse "an edit by a community that does not hold the record" "$city/fold_city" "$tiny"
sed -i '$d' "$tiny/650299001002/edits.csv"
echo '1,2,3' >>"$tiny/650299001002/person.csv"
refuse "a row with too few cells" "$city/fold_city" "$tiny"
refuse "no city" "$city/fold_city" "$work/nowhere"

sed -i '2s/[a-z_]*$/lost/' "$work/b/linkage/records.csv"
refuse "a person that differs is noticed" "$city/fold_city" "$work/b" --check-linkage

sample=../shared/data/sample-city
if [ -d "$sample" ]; then
    check "the sample city's persons" "$city/fold_city" "$sample" --check-linkage
else
    echo "skip the sample city: no $sample here"
fi

# ---- the comparison with an export: an export made from the fold is right, then one thing at a time is made wrong
cut -f 1,3 "$work/fold.tsv" | grep -v deleted | LC_ALL=C sort -u | sed "s/\(.*\)$tab\(.*\)/\1.\2${tab}\1.\2/" >"$work/map"
sed -i "s/^person.id_number.*/person.id_number${tab}Identifier.number${tab}text${tab}#id/" "$work/map"
sed -i "s/^\(employment.monthly_wage_yuan.*\)/\1${tab}fen/" "$work/map"
printf '# comment\nperson.sex=男\tmale\n' >>"$work/map"
awk -F"$tab" '
    function flush() {
        if (record != "") printf "{\"type\":\"%s\",\"key\":\"%s\",\"deleted\":%s,\"fields\":{%s},\"concurrent\":[]}\n", type, record, gone, fields
    }
    $2 != record { flush(); type = $1; record = $2; gone = "false"; fields = "\"own\":1" }
    $3 == "deleted" { gone = "true"; next }
    {
        gsub(/"/, "\\\"", $4)
        if ($3 == "id_number" && type == "person") {
            printf "{\"type\":\"Identifier\",\"key\":\"%s#id\",\"fields\":{\"number\":\"%s\"}}\n", record, $4
            next
        }
        if ($3 == "monthly_wage_yuan") $4 = $4 "00"
        if ($3 == "sex" && type == "person" && $4 == "男") $4 = "male"
        fields = fields ",\"" $3 "\":" ($3 ~ /_id$/ ? "{\"key\":\"" $4 "\"}" : "\"" $4 "\"")
    }
    END { flush() }' "$work/fold.tsv" >"$work/good.jsonl"
compare() {
    "$city/check_export" --fold "$work/fold.tsv" --map "$work/map" --concurrent "$work/concurrent.tsv" "$@"
}
check "a right export has no differences" compare "$work/good.jsonl"
# spoil NAME MESSAGE SED: the export changed by the sed script must be refused with that message
spoil() {
    sed "$3" "$work/good.jsonl" >"$work/bad.jsonl"
    cmp -s "$work/bad.jsonl" "$work/good.jsonl" && echo "$1: the script changed nothing" >&2 && failed=$((failed + 1))
    compare "$work/bad.jsonl" >"$work/.bad" 2>&1
    status=$?
    cp "$work/.bad" "$work/.said"
    if [ "$status" -eq 1 ] && grep -q "^$2: 1$" "$work/.bad" && grep -q '^differences: 1$' "$work/.bad"; then pass "$1"; else fail "$1"; fi
}
line=$(grep -n '"type":"person"' "$work/good.jsonl" | sed -n '9s/:.*//p')
gone=$(grep -n '"deleted":true' "$work/good.jsonl" | sed -n '3s/:.*//p')
spoil "one wrong value" "different value" "${line}s/\"education\":\"/&x/"
spoil "one field too few" "missing field" "${line}s/,\"kind\":\"[a-z]*\"//"
spoil "one field too many" "extra field" "$(grep -n '"type":"employment".*在职' "$work/good.jsonl" | head -n 1 | sed 's/:.*//')s/,\"status\"/,\"ended_on\":\"2025-01-01\",\"status\"/"
spoil "one record missing" "missing record" "${line}d"
spoil "one record too many" "extra record" "${line}{h;s/-P/-P9/;p;g;}"
spoil "a delete that was lost" "should be deleted" "${gone}s/true/false/"
spoil "a delete too many" "should not be deleted" "${line}s/\"deleted\":false/\"deleted\":true/"
spoil "a conflict where one community wrote" "concurrent values in a field that one community wrote" "${line}s/\"concurrent\":\[/&\"birth_date\"/"
split -n l/3 "$work/good.jsonl" "$work/office."
check "exports of several offices" compare "$work"/office.a?
refuse "one office alone is not all" compare "$work/office.aa"
check "one office alone as a part" compare --part "$work/office.aa"
sed -i '/^person.phone/d' "$work/map"
refuse "a column without a line in the map" compare "$work/good.jsonl"
finish
