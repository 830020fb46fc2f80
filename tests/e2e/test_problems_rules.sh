#!/bin/sh
# What rules ask of a city that is more than it can do at once: `problems` and `check` name it, and what they say to do next clears it.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1
until_true 20 said "(purpose)" ctl n1 types
next_is() { ctl hub -o jsonl problems | grep "\"code\":\"$1\"" | grep -F "\"next\":\"$2\""; }
import() { ctl n1 import "$1" "$work/$1.csv" --map "deploy/catalogue/mapping/$1.yaml" --actor op1; }

# ---- an office serves so many areas that it has no room for what follows one of them
area() { printf '650203001%03d' "$1"; }
areas() { seq -f '650203001%03.0f' "$1" "$2" | paste -sd, -; }
make_node n2 "$(areas 101 126)" 二
start_node n2
check "an office serves as many areas as it can" ctl n2 wait --caught-up --timeout 20
check "… which is no problem" finds_none hub areas_many
check "one more is too many" said "split it into two" ctl hub node token "$(areas 101 127)"
cat >"$work/tree.yaml" <<END
kind: area_tree
name: city
legal_basis: 测试区划调整
areas:
  - {code: "650203", zh: 某区}
  - {code: "650203001", zh: 某街道}
  - {code: "$(area 101)", zh: 甲社区, to: $(TZ=UTC-8 date -d yesterday +%F), successor: "$(area 201)"}
  - {code: "$(area 201)", zh: 乙社区}
END
# shellcheck disable=SC2086
moved_to() { ctl "$1" -o jsonl get Person "$2" $who | grep "\"home\":\"$3\""; }
# shellcheck disable=SC2086
person=$(ctl n2 -o jsonl put Person name=甲 $who | field id)
check "somebody lives there" ctl n2 wait --caught-up --timeout 20
check "one of its areas is dissolved" ctl hub policy publish "$work/tree.yaml"
check "… what follows has no room there" until_true 20 finds hub areas_many
check "… and says what to do" next_is areas_many "enrol two nodes in its place, each for a part of its areas (\`anjuctl node token AREAS\`), then \`anjuctl node retire 2\`"
make_node n3 "$(areas 101 114)" 三
make_node n4 "$(areas 115 126)" 四
start_node n3
check "two others in its place" ctl n3 wait --caught-up --timeout 30
check "… have what moved" until_true 30 moved_to n3 "$person" "$(area 201)"
check "… it is still there" finds hub areas_many
ctl hub node retire 2 >/dev/null
check "… until it is closed, all that it had being here" until_true 90 finds_none hub areas_many
stop n2
stop n3
stop hub
start_hub
one_dissolved() { [ "$(status_of hub areas_dissolved)" = 1 ]; }
check "… also after a start" until_true 20 one_dissolved
check "… it is not said any more" finds_none hub areas_many

# ---- more records are due than one night does
most=10000
{
    echo record_id,name,birth_date
    seq $most | sed 's/.*/P-&,王,1950-01-01/'
} >"$work/person.csv"
{
    echo record_id,person_id,address,moved_in_on,moved_out_on
    seq $((most + 1)) | sed 's/.*/R-&,P-&,某路,2020-01-01,2021-01-01/'
} >"$work/residence.csv"
check "people" said "$most rows saved" import person
check "… and where they lived" said "$((most + 1)) rows saved" import residence
check "all is at the hub" ctl n1 wait --caught-up --timeout 120
cat >"$work/stays.yaml" <<END
kind: retention
name: stays
legal_basis: 某法第十九条
rules:
  - {name: stays, type: ResidencePeriod, event: to, days: 2, action: restrict}
END
due() { [ "$(ctl hub -o jsonl retention run --dry-run | grep "\"rule\":\"$1\"" | field records | head -n 1)" = "$2" ]; }
run() { ctl hub -o jsonl retention run; }
job() { ctl hub -o jsonl jobs | grep '"kind":"retention"' | tail -n 1 | grep "\"state\":\"$1\""; }
check "how long it is kept" ctl hub policy publish "$work/stays.yaml"
check "more is due than one night does" until_true 20 due stays $most
check "nothing is said before the night" finds_none hub retention_left
run >"$work/run" 2>&1 &
running=$!
check "a night is work that can be looked at" until_true 60 job running
how_much() { job running | grep "\"total\":$most,\"unit\":\"records\""; }
check "… how much there is" until_true 60 how_much
wait $running
check "… it does what it does" said "\"records\":$most" cat "$work/run"
check "… which took as long as it takes" job done
check "… and the rest is named" said '"count":1' finds hub retention_left
stop hub
start_hub
check "… also after a start" until_true 20 finds hub retention_left
check "what it says to do next" next_is retention_left '`anjuctl retention run` goes on now'
check "… goes on" said '"records":1' run
check "… and nothing is left" finds_none hub retention_left

# ---- as many people are due, and stay because what is about them stays: that is no work, and in nobody's way
cat >"$work/people.yaml" <<END
kind: retention
name: people
legal_basis: 某法第十九条
rules:
  - {name: people, type: Person, event: birth_date, days: 2, action: erase}
END
check "how long people are kept" ctl hub policy publish "$work/people.yaml"
kept() { ctl hub -o jsonl retention run --dry-run | grep '"rule":"people"' | grep "\"records\":$most,.*\"state\":\"kept for what is about it\""; }
check "all of them are due, and stay" until_true 60 kept
# shellcheck disable=SC2086
check "a claim is closed" ctl n1 put WageClaim employer=某单位 closed_on=2020-01-01 $who
check "… and known at the hub" ctl n1 wait --caught-up --timeout 20
cat >"$work/claims.yaml" <<END
kind: retention
name: claims
legal_basis: 某法第十九条
rules:
  - {name: claims, type: WageClaim, event: closed_on, days: 2, action: restrict}
END
check "… and due" ctl hub policy publish "$work/claims.yaml"
check "… beside all the people" until_true 60 due claims 1
check "a night does it" said '"rule":"claims","records":1' run
check "… and says that nothing is left: who stays is no work" finds_none hub retention_left
check "… nobody was erased" [ "$(status_of hub retention_kept)" = $most ]

# ---- a person ends it
check "where they lived is kept no longer" ctl hub policy halt retention/stays
run >"$work/run" 2>&1 &
running=$!
begun() { job running | grep '"done":[1-9]'; }
check "a night begins" until_true 60 begun
check "… it is told to stop" ctl hub job cancel "$(job running | field job)"
check "… it ends" until_true 30 job cancelled
wait $running
check "… with exit 1" [ $? = 1 ]
check "… who asked for it hears so" said "what was done is done" cat "$work/run"
check "… and what it had not done is due" said '"action":"lift"' ctl hub -o jsonl retention run --dry-run
finish
