#!/bin/sh
# Files that are no policy: broken, enormous, against themselves. Each is refused at its place in plain words, by `policy check` on any machine
# and by `policy publish` at the hub, all that is wrong at once, and nothing of it is published.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
has_types() { ctl hub -o jsonl policies | grep -q '"name":"purposes"'; }
until_true 20 has_types
ctl hub -o jsonl policies --all >"$work/before"
file=$work/bad.yaml

# refused TEXT: both commands refuse $file, and say it with its line and column
both_refuse() {
    ! "$bin/anjuctl" policy check "$file" >"$work/check" 2>&1 || { cat "$work/check" && return 1; }
    ! ctl hub policy publish "$file" >"$work/publish" 2>&1 || { cat "$work/publish" && return 1; }
    for _said in check publish; do
        head -n 3 "$work/$_said" | cut -c 1-200
        grep -qF -- "$1" "$work/$_said" || return 1
        grep -qE '(bad\.yaml|policy):[0-9]+:[0-9]+: ' "$work/$_said" || [ -n "${2:-}" ] || return 1
    done
}
notice() { printf 'kind: notices\nname: board\n%s\nnotices: [{name: a, from: 2026-01-01, to: 2026-12-31, title: {zh: 甲}, body: {zh: 乙}}]\n' "$1"; }

notice "scope: [" >"$file"
check "broken YAML" both_refuse "while parsing a flow sequence"
printf 'kind: labels\nname: bomb\na: &a [x, x, x, x, x, x, x, x, x, x]\n' >"$file"
for n in b:a c:b d:c e:d f:e g:f h:g; do
    printf '%s: &%s [*%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s]\n' ${n%:*} ${n%:*} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:} ${n#*:}
done >>"$file"
check "an alias bomb" both_refuse "aliases counted each time"
printf 'kind: wage_floor\nname: city\nfloors: [{area: 6502, month: plenty, hour: -1}]\nfields: [{field: Vacancy.nothing, unit: year}]\n' >"$file"
check "wrong types" both_refuse "belongs here"
check "… all of them at once" [ "$(grep -c ':[0-9]*:[0-9]*: ' "$work/publish")" -ge 4 ]
{
    printf 'kind: notices\nname: board\nnotices:\n'
    awk 'BEGIN { for (i = 0; i < 110000; i++) print "  - {name: n" i ", from: 2026-01-01, to: 2026-12-31, title: {zh: 甲}, body: {zh: 乙}}" }'
} >"$file"
check "a file of ten megabytes" [ "$(wc -c <"$file")" -gt 8000000 ]
check "… is refused by its size" both_refuse "at most 1 MiB" x
{
    printf 'kind: code_list\nname: enormous\nfields: [Vacancy.occupation]\ncodes:\n'
    awk 'BEGIN { for (i = 0; i < 100000; i++) print "  - {code: \"" i "\", zh: 甲}" }'
} >"$file"
check "100,000 codes" both_refuse "at most 1 MiB" x
notice "supersedes: 7" >"$file"
check "a version that supersedes one to come" said "supersedes a version that is not there yet" code_of 1 ctl hub policy publish "$file"
printf 'kind: code_list\nname: round\nfields: [Vacancy.occupation]\ncodes:\n  - {code: a, zh: 甲, to: 2026-01-01, replaced_by: b}\n  - {code: b, zh: 乙, to: 2026-01-01, replaced_by: a}\n' >"$file"
check "codes that replace each other" both_refuse "round in a loop"
notice "from: 2027-02-01
to: 2027-01-01" >"$file"
check "days in the wrong order" both_refuse "to"
notice "from: 2027-02-30" >"$file"
check "a day that there is not" both_refuse "from"
notice "legal_basis: 某法" | iconv -f UTF-8 -t GB18030 >"$file"
check "another encoding" both_refuse "UTF-8"
{
    notice "legal_basis: 某法"
    echo '# 备注' | iconv -f UTF-8 -t GB18030
} >"$file"
check "two encodings in one file" both_refuse "UTF-8"
notice "legal_basis: 某法" | iconv -f UTF-8 -t UTF-16 >"$file"
check "UTF-16" both_refuse "UTF-8"
printf 'kind: notices\nname: board\0x\nnotices: []\n' >"$file"
check "a zero byte" both_refuse "" x
: >"$file"
check "nothing" both_refuse "" x
notice "kind: labels" >"$file"
check "a key twice" both_refuse "twice"
printf 'kind: horoscope\nname: a\n' >"$file"
check "a kind that there is not" both_refuse "kind" x
rm "$file"
check "a file that is not there" said "No such file" code_of 64 ctl hub policy publish "$file"
ctl hub -o jsonl policies --all >"$work/after"
check "nothing was published" cmp "$work/before" "$work/after"
check "the hub goes on" ctl hub hello
notice "" >"$file"
check "a good file is taken" ctl hub policy publish "$file"
finish
