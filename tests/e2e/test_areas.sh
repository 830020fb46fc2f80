#!/bin/sh
# A division is dissolved and merged into another's, by a policy: its office is away and has unsent work under the old code, and the hub is
# killed while it moves the records. Afterwards everything is where it belongs, nothing is lost, and both sides hold the same.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
old=650203001001
new=650203001002
make_node n1 $old 一
make_node n2 $new 二
make_node n3 650204001001 三
for n in n1 n2 n3; do start_node $n; done
for n in n1 n2 n3; do until_true 20 said "(purpose)" ctl $n types; done
# shellcheck disable=SC2086
put() { ctl "$1" -o jsonl put Person name="$2" $who | field id; }
# shellcheck disable=SC2086
home_is() { ctl "$1" -o jsonl get Person "$2" $who | grep -q "\"home\":\"$3\""; }
# shellcheck disable=SC2086
holds() { ctl "$1" get Person "$2" $who; }
# shellcheck disable=SC2086
many() { # NODE FROM COUNT
    _i=$2
    while [ "$_i" -lt $(($2 + $3)) ]; do
        echo "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[{\"type\":\"Person\",\"op\":\"create\",\"fields\":{\"name\":\"众$_i\"}}]}}"
        _i=$((_i + 1))
    done | "$bin/anjuctl" -s "$town/$1" batch >"$work/.out" 2>&1
}
areas() { ctl hub -o jsonl areas --dissolved | grep "\"code\":\"$1\"" | field "$2"; }
left_is() { [ "$(areas $old left)" = "$1" ]; }
same() { # NODE NUMBER: it holds what the hub has of its areas
    ctl "$1" -o jsonl export --hashes | sort >"$work/at.$1"
    ctl hub -o jsonl export --hashes --node "$2" | sort >"$work/of.$1"
    [ -s "$work/at.$1" ] && diff "$work/at.$1" "$work/of.$1"
}

# ---- before
first=$(put n1 甲一)
foreign=$(put n3 丙一)
many n1 0 500
for n in n1 n2 n3; do check "$n has sent all" ctl $n wait --caught-up --timeout 30; done
# shellcheck disable=SC2086
check "n1 takes up a record of n3" ctl n1 adopt Person "$foreign" --reason 代办 $who
check "… and has a copy" until_true 20 holds n1 "$foreign"
check "no area is dissolved" [ "$(status_of hub areas_dissolved)" = 0 ]
ctl n1 pause >/dev/null
late=$(put n1 甲后来)
# shellcheck disable=SC2086
ctl n1 put Person "$first" phone=12900000001 $who >/dev/null
check "n1 is away with unsent work under its code" home_is n1 "$late" $old

# ---- the tree
today=$(TZ=UTC-8 date +%F)
yesterday=$(TZ=UTC-8 date -d yesterday +%F)
tree() { # what follows the old code
    cat <<T
kind: area_tree
name: city
legal_basis: 测试区划调整
areas:
  - {code: "650203", zh: 某区}
  - {code: "650203001", zh: 某街道}
  - {code: "$old", zh: 甲社区, to: $yesterday$1}
  - {code: "$new", zh: 乙社区, en: Second}
  - {code: "650204001001", parent: "650203", zh: 丙社区}
T
}
tree ", successor: \"$new\"" | sed "s/zh: 乙社区, en: Second/zh: 乙社区, to: $yesterday, successor: \"$old\"/" >"$work/loop.yaml"
check "successors that go round are refused" said "go round in a loop" code_of 1 ctl hub policy publish "$work/loop.yaml"
tree ", successor: \"$new\"" | sed 's/parent: "650203"/parent: "650299"/' >"$work/parent.yaml"
check "… a parent that is in no tree" said "is not in this tree" code_of 1 ctl hub policy publish "$work/parent.yaml"
tree ", successor: [\"$new\", \"650204001001\"]" >"$work/split.yaml"
check "… and a split, which people do" said "people decide" code_of 1 ctl hub policy publish "$work/split.yaml"
tree "" >"$work/ended.yaml"
check "a code that ends without a successor" ctl hub policy publish "$work/ended.yaml"
check "… is dissolved" until_true 20 left_is 502
check "… and nothing moves" [ "$(status_of hub areas_moved)" = 0 ]
tree ", successor: \"$new\"" >"$work/tree.yaml"
check "a tree that merges it into its neighbour" ctl hub policy publish "$work/tree.yaml"
moving() { [ "$(status_of hub areas_moved)" -gt 0 ]; }
check "the hub moves records" until_true 20 moving
stop hub KILL
start_hub
check "after a kill it goes on by itself" until_true 60 left_is 0
check "… since some were left" moving
check "it says what follows" [ "$(areas $old successor)" = $new ]
check "n2 has the records of the dissolved one" until_true 30 holds n2 "$first"
check "… with their new home" until_true 20 home_is n2 "$first" $new
check "a record that was taken up there is taken up by the successor" until_true 20 holds n2 "$foreign"
check "… and its home stays" home_is n2 "$foreign" 650204001001
check "who was away has not heard" home_is n1 "$first" $old

# ---- it comes back
ctl n1 resume >/dev/null
check "n1 is back" ctl n1 wait --caught-up --timeout 60
check "what it wrote under the old code is not held" said '"held":0' ctl n1 -o jsonl status
check "… it is at n2, with its new home" until_true 30 home_is n2 "$late" $new
check "… and at n1" until_true 30 home_is n1 "$late" $new
# shellcheck disable=SC2086
check "its edit of a moved record counts" until_true 30 said 12900000001 ctl n2 -o jsonl get Person "$first" $who
check "nothing is left" until_true 30 left_is 0
check "n1 serves both" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl node show 1 | grep -q '\"areas\":\"$new $old\"'"
after() { home_is n1 "$(put n1 甲新)" $new; }
check "… and what is new belongs to the successor" until_true 30 after
# shellcheck disable=SC2086
check "the history says where it was" said $old ctl n1 -o jsonl history Person "$first" $who
check "… the hub's too, with who moved it" said '"proof":"hub"' ctl hub -o jsonl history Person "$first" --actor a --purpose proof
for n in 1 2 3; do
    ctl n$n wait --caught-up --timeout 30 >/dev/null
    check "n$n and the hub hold the same" until_true 30 same n$n $n
    check "n$n is sound" ctl n$n verify
done
check "nothing is lost" [ "$(ctl n2 -o jsonl export --type Person --actor op1 --purpose proof | grep -c 众)" = 500 ]
check "the hub is sound" ctl hub verify
check "no conflict came of it" [ -z "$(ctl hub -o jsonl conflicts)" ]

# ---- a new name moves nothing; another office that comes late with the old code follows at once
moved=$(status_of hub areas_moved)
tree ", successor: \"$new\"" | sed 's/乙社区/乙新社区/' >"$work/renamed.yaml"
check "a renamed area" ctl hub policy publish "$work/renamed.yaml"
check "… has its new name" until_true 20 said 乙新社区 ctl hub areas
check "… and nothing moved" [ "$(status_of hub areas_moved)" = "$moved" ]
make_node n4 $old 四
start_node n4
check "a node that is enrolled for the dissolved code gets the successor" until_true 30 holds n4 "$first"
check "nothing moves twice" [ "$(status_of hub areas_moved)" = "$moved" ]

# ---- an office that is online: what is in force there follows its place
printf 'kind: record_type\nname: PublicBench\nnumber: 900\nzh: 长椅\nclass: public\nkeep: life\nscope: "650204001001"\nfields:\n  - {number: 16, name: place, zh: 位置, kind: text}\n' >"$work/bench.yaml"
has_bench() { ctl n3 -o jsonl types | grep -q PublicBench; }
has_none() { ! has_bench; }
check "what is only for the third community" ctl hub policy publish "$work/bench.yaml"
check "… is in force there" until_true 20 has_bench
tree ", successor: \"$new\"" | sed "s/zh: 丙社区/zh: 丙社区, to: $yesterday, successor: \"$old\"/" >"$work/third.yaml"
check "it is dissolved too, by way of one that is no more" ctl hub policy publish "$work/third.yaml"
check "… its records move to the end of the way" until_true 30 home_is n3 "$foreign" $new
check "… and what was only for it is not in force any more" until_true 20 has_none
for n in 2 3; do check "n$n and the hub hold the same" until_true 30 same n$n $n; done

# ---- the real table of codes, where it is at hand: as it was in 2017, and what became of it
table=../shared/data/divisions-karamay-history.csv
if [ -r $table ]; then
    awk -F, 'NR > 1 && $2 == "removed" { to[$3] = $1; next }
        NR > 1 { if (!($3 in name)) order[n++] = $3; name[$3] = $4 }
        END { print "kind: area_tree\nname: karamay\nareas:"
            for (i = 0; i < n; i++) { c = order[i]; print "  - {code: \"" c "\", zh: \"" name[c] "\"" (c in to ? ", to: " to[c] : "") "}" } }' $table >"$work/real.yaml"
    check "the real table is a tree" said good "$bin/anjuctl" policy check "$work/real.yaml" --catalogue deploy/catalogue
    check "… and is published" ctl hub policy publish "$work/real.yaml"
    check "… with what is no more" until_true 20 said karamay ctl hub -o jsonl areas --dissolved
else
    echo "skip the real table of codes: $table is not here"
fi
finish
