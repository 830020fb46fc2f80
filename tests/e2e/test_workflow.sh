#!/bin/sh
# Show rules and workflows at two offices: sets, ledgers, cases that go from state to state, moves that are not allowed, proposals, what two
# offices wrote apart from each other; and a field that comes while an office works.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
has_types() { ctl hub -o jsonl policies | grep -q '"name":"purposes"'; }
until_true 20 has_types
make_node n1 650203001001 first
make_node n2 650203001002 second
start_node n1
start_node n2
who="--actor op1 --purpose service"
put() { _n=$1 && shift && ctl "$_n" put "$@" $who; }
get() { ctl "$1" -o jsonl get "$2" "$3" $who; }
settled() { ctl n1 wait --caught-up --timeout 20 >/dev/null && ctl n2 wait --caught-up --timeout 20 >/dev/null; }

check "a person" put n1 Person K1 name=甲 --create
check "a telephone is added" put n1 Person K1 phones=12900000001
check "… and another" put n1 Person K1 phones+=12900000002
check "both are there" said '"phones":["12900000001","12900000002"]' get n1 Person K1
check "… and found" said '"key":"K1"' ctl n1 -o jsonl find Person phones=12900000001 $who
check "one is taken out" put n1 Person K1 phones-=12900000001
check "the other stays" said '"phones":["12900000002"]' get n1 Person K1
check "what is not in it is not taken out" said "this value is not in it" code_of 1 put n1 Person K1 phones-=12900000009
check "a set is not cleared at once" said "cannot be cleared" code_of 1 put n1 Person K1 phones=
check "nothing is added to a single value" said "nothing is added to it" code_of 1 put n1 Person K1 name+=乙
check "one put says one thing of a field" said "here twice" code_of 1 put n1 Person K1 phones=1 phones=2

check "a ledger" put n1 WageClaim W1 person=K1 amount=1000 payments=200 --create
check "… another entry" put n1 WageClaim W1 payments+=50.50
check "… its sum" said '"sums":{"payments":"250.50"}' get n1 WageClaim W1
entry=$(get n1 WageClaim W1 | sed 's/.*"value":"200.00"[^}]*"entry":"\([^"]*\)".*/\1/')
check "an entry is reversed" put n1 WageClaim W1 "payments-=$entry"
check "… the sum" said '"sums":{"payments":"50.50"}' get n1 WageClaim W1
check "… and it is still there" said '"reversed":true' get n1 WageClaim W1
check "it is reversed once" said "reversed already" code_of 1 put n1 WageClaim W1 "payments-=$entry"
check "what is no entry" said "no such entry" code_of 1 put n1 WageClaim W1 payments-=9:00000000000000aa

check "a case begins, and is handed in" put n1 ServiceCase C1 person=K1 service=A1 state=submitted --create
check "a move that is not allowed names those that are" said "from there it goes to accepted (已受理), returned (一次性告知补正), withdrawn (已撤回)" code_of 1 put n1 ServiceCase C1 state=delivered
check "a state that there is not" said "no state 'lost'" code_of 1 put n1 ServiceCase C1 state=lost
check "a day that there is not" said "no such day" code_of 1 put n1 ServiceCase C1 state=accepted@2025-02-30
check "nothing is sent back without a reason" said "needs a reason" code_of 1 put n1 ServiceCase C1 state=returned
check "it is taken, on the day before" put n1 ServiceCase C1 state=accepted@2025-03-01
check "it is looked at" put n1 ServiceCase C1 state=in_review
check "what the city decides is proposed" said "a proposal" put n1 ServiceCase C1 state=refused --reason 材料不实
check "… and the case stays where it was" said '"state":"in_review","state_zh":"审核中"' get n1 ServiceCase C1
check "… with who, when and why" said '"proposed":[{"node":1' get n1 ServiceCase C1
check "the city's field is proposed too" put n1 ServiceCase C1 outcome=granted
proposed() { # NODE VALUE: what this office proposes for the outcome, with the name of its side
    get "n$1" ServiceCase C1 >"$work/got" && grep -qE "\"proposals\":\{\"outcome\":\[\{\"side\":\"$1@[0-9]+\",\"value\":\"$2\"" "$work/got"
}
check "… and does not count" proposed 1 granted
check "… but is found" said '"key":"C1"' ctl n1 -o jsonl find ServiceCase outcome=granted $who

decide() { ctl hub decide "$@" $who; }
check "the city decides the field" decide ServiceCase C1 outcome=granted
counts() { get n1 ServiceCase C1 >"$work/got" && grep -q '"outcome":"granted"' "$work/got" && ! grep -q '"proposals"' "$work/got"; }
check "… and at the office it counts" until_true 20 counts
check "the city says who decides" said "who decides" code_of 1 ctl hub decide ServiceCase C1 outcome=granted
check "… and does not do the office's work" said "an office says that" code_of 1 decide ServiceCase C1 note=x
check "… nor refuse without a reason" said "without a reason" code_of 1 decide ServiceCase C1 state=refused
check "… nor lead where no move leads" said "no move leads there" code_of 1 decide ServiceCase C1 state=closed
check "… of a record that there is" said "no such record" code_of 1 decide ServiceCase C9 outcome=granted
check "another case is handed in" put n1 ServiceCase C2 person=K1 service=A1 state=submitted --create
check "… taken" put n1 ServiceCase C2 state=accepted
check "… looked at" put n1 ServiceCase C2 state=in_review
ctl n1 wait --caught-up --timeout 20 >/dev/null
check "… and refused, with a person's name and a reason" decide ServiceCase C2 state=refused --reason 材料不实
check "… as the office sees" until_true 20 said '"state":"refused"' get n1 ServiceCase C2
check "the office goes on from there" put n1 ServiceCase C2 state=delivered

check "another office takes the case up" ctl n2 adopt ServiceCase C1 --reason 搬家 $who
until_true 20 get n2 ServiceCase C1
check "it reads the same state" said '"state":"in_review"' get n2 ServiceCase C1
ctl n2 pause >/dev/null
check "apart from each other: one sends it on" put n1 ServiceCase C1 state=referred
check "… the other notes that the person withdrew" put n2 ServiceCase C1 state=withdrawn
check "a value that stands once, said otherwise" said "another office has said it before" put n2 ServiceCase C1 service=B2
check "… and one of rule last" put n2 ServiceCase C1 note=second
check "… here too" put n1 ServiceCase C1 note=first
ctl n2 resume >/dev/null
settled
until_true 20 said '"state":"withdrawn"' get n1 ServiceCase C1
check "the withdrawal counts, at both" said '"state":"withdrawn"' get n2 ServiceCase C1
check "the first value stands" said '"service":"A1"' get n1 ServiceCase C1
check "… the second is to be decided, a last one is only put aside" said '"concurrent":["service"]' get n1 ServiceCase C1
same() { # but for references to what only one of them holds
    for _n in n1 n2; do get $_n ServiceCase C1 | sed 's/"unresolved":.*//' >"$work/$_n" || return 1; done
    cmp "$work/n1" "$work/n2"
}
check "both show all of it the same way" until_true 20 same
check "the list names it" said C1 ctl n2 conflicts $who
check "the city says which one stands" decide ServiceCase C1 service=A1
undecided() { get n2 ServiceCase C1 >"$work/got" && ! grep -q '"concurrent":\[\]' "$work/got"; }
decided() { ! undecided; }
check "… and nothing is to be decided any more" until_true 20 decided
check "a proposal beside what the city says" put n2 ServiceCase C1 outcome=refused
settled
check "… is seen" proposed 2 refused
check "… and is no conflict" sh -c "'$bin/anjuctl' -s '$town/hub' conflicts >'$work/conflicts' && ! grep -q outcome '$work/conflicts'"
check "no change was held" sh -c "[ -z \"\$('$bin/anjuctl' -s '$town/hub' -o jsonl quarantine list)\" ]"
check "nothing leads out of what is final" said "nothing any more" code_of 1 put n2 ServiceCase C1 state=accepted

check "types show classes, rules and states" said 'in_review 审核中 -> referred, granted, refused, withdrawn' ctl n1 -o jsonl types
check "… what is the city's and needs a reason is marked" said 'refused*! 不予' ctl n1 -o jsonl types
check "the record of a login name is the actor" put n1 StaffUser op1 name=甲 roles=clerk --create
actor=$(get n1 StaffUser op1 | sed 's/.*"id":"\([^"]*\)".*/\1/')
check "… of what that name did" said "\"actor\":\"$actor\"" get n1 ServiceCase C1

# A field and a type that come while the office works.
sed 's/^workflow:/  - {number: 60, name: window, zh: 窗口, kind: text, rule: max}\n&/' deploy/catalogue/43-ServiceCase.yaml >"$work/doc.yaml"
check "not known yet" said "no field 'window'" code_of 1 put n2 ServiceCase C1 window=3
check "a field is published" ctl hub policy publish "$work/doc.yaml"
knows() { ctl "$1" -o jsonl types | grep -q '"name":"window"'; }
check "… comes to one office" until_true 20 knows n1
check "… and to the other" until_true 20 knows n2
check "… and is used" put n2 ServiceCase C1 window=3
sed 's/name: window, zh: 窗口, kind: text, rule: max/name: window, zh: 窗口, kind: text, rule: last/' "$work/doc.yaml" >"$work/other.yaml"
check "its rule is for ever" said "number 60 was given to it as text, max for ever" code_of 1 ctl hub policy publish "$work/other.yaml"
sed '/    reopened:/d; s/, reopened\]/]/; /reopened: \[/d; s/closed: \[reopened\]/closed: []/' "$work/doc.yaml" >"$work/other.yaml"
check "a state stays" said "its state 'reopened' is gone" code_of 1 ctl hub policy publish "$work/other.yaml"
sed 's/name: window, zh: 窗口/name: ethnicity, zh: 民族/' "$work/doc.yaml" >"$work/other.yaml"
check "what is never held is refused" said "never holds such a thing" code_of 1 ctl hub policy publish "$work/other.yaml"
finish
