#!/bin/sh
# Every kind of policy that acts: the city publishes a rule, an office does otherwise than before; the city changes it, the office changes.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
clock() { # NAME [PROGRAM]: a node whose clock reads $work/clock.NAME
    FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock.$1" LD_PRELOAD=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p') \
        "${2:-$bin/anju-node}" --set data="$town/$1.d" --set socket="$town/$1" 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1" || die "the node did not start"
}
make_node n1 650203001001 first
make_node n2 650203001002 second
echo +0 >"$work/clock.n1"
echo +0 >"$work/clock.n2"
clock n1
clock n2
for n in n1 n2; do ctl $n wait --caught-up --timeout 30 >/dev/null; done
day() { TZ=UTC-8 date -d "$(TZ=UTC-8 date +%F) $1 days" +%F; }
today=$(day +0)

in_force_at() { ctl "$1" -o jsonl rules | grep "\"kind\":\"$2\"" | grep "\"name\":\"$3\"" | grep -q "\"version\":$4,"; }
published() { # the document in $work/rule.yaml: until it is in force at both offices
    _kind=$(sed -n 's/^kind: //p' "$work/rule.yaml")
    _name=$(sed -n 's/^name: //p' "$work/rule.yaml")
    ctl hub -o jsonl policy publish "$work/rule.yaml" >"$work/published" || return 1
    _version=$(field version <"$work/published")
    for _n in n1 n2; do until_true 20 in_force_at $_n "$_kind" "$_name" "$_version" || return 1; done
}
document() { # … from the standard input
    cat >"$work/rule.yaml"
    published
}
says() { # TEXT COMMAND…
    _text=$1
    shift
    "$@" >"$work/.out" 2>&1
    cat "$work/.out"
    grep -qF -- "$_text" "$work/.out"
}
lacks() { # … answers, and without the text
    _text=$1
    shift
    "$@" >"$work/.out" 2>&1 || return 1
    cat "$work/.out"
    ! grep -qF -- "$_text" "$work/.out"
}
new() { # NODE TYPE FIELD=VALUE…: the id of a new record
    _n=$1
    shift
    # shellcheck disable=SC2086  several words
    ctl "$_n" -o jsonl put "$@" $who | field id
}
rule_row() { ctl "$1" -o jsonl rules | grep "\"kind\":\"$2\""; }
has_types() { ctl hub -o jsonl policies | grep -q '"name":"purposes"'; }
until_true 20 has_types

# ---- record types: a new field
check "a new record type is published" document <<-END
	kind: record_type
	number: 900
	name: PublicBench
	zh: 长椅
	class: public
	keep: life
	fields:
	  - {number: 16, name: place, zh: 位置, kind: text, required: true}
END
check "… offices have it" says '"name_zh":"位置"' ctl n1 -o jsonl types
check "… and not yet the next field" code_of 1 ctl n1 put PublicBench place=a seats=4 $who
check "the type gets a field" document <<-END
	kind: record_type
	number: 900
	name: PublicBench
	zh: 长椅
	class: public
	keep: life
	fields:
	  - {number: 16, name: place, zh: 位置, kind: text, required: true}
	  - {number: 17, name: seats, zh: 座位, kind: number}
END
check "… it can be written" ctl n1 put PublicBench place=a seats=4 $who
check "what changed is told line by line" says 座位 ctl n1 rules record_type/PublicBench

# ---- labels
person=$(new n1 Person name=王小明 birth_date=1990-01-01 phone=12900000001)
check "a type is called as its catalogue says" says '"type_zh":"居民"' ctl n1 -o jsonl types
check "labels are published" document <<-END
	kind: labels
	name: city
	labels:
	  Person: {zh: 新居民, en: New resident}
	  Person.phone: {zh: 联系电话, en: Phone to call}
END
check "… and are in types, Chinese" says '"type_zh":"新居民"' ctl n1 -o jsonl types
check "… English" says '"name_en":"Phone to call"' ctl n1 -o jsonl types
check "… in a record" says '"phone":"联系电话"' ctl n1 -o jsonl --lang zh get Person "$person" $who
check "… with its type" says '"type_name":"New resident"' ctl n1 -o jsonl get Person "$person" $who
check "… whose machine names stay" says '"phone":"12900000001"' ctl n1 -o jsonl --lang zh get Person "$person" $who
check "… in a search" says '"phone":"Phone to call"' ctl n1 -o jsonl find Person name=王小明 $who
check "… in a history" says '"phone":"联系电话"' ctl n1 -o jsonl --lang zh history Person "$person" $who
check "… in an export that asks for names" says '"phone":"联系电话"' ctl n1 -o jsonl --lang zh export --type Person --names $who
check "… and in no other" lacks 联系电话 ctl n1 -o jsonl --lang zh export --type Person $who
check "… in what a person is told of who looked" says "查看了新居民记录" ctl n1 -o jsonl --lang zh audit person "Person/$person" $who
ctl n1 wait --acked --timeout 20 >/dev/null
merged_there() { ctl hub -o jsonl export --raw $who | grep -q "$person"; }
until_true 20 merged_there
check "… at city hall too" says "the New resident record" ctl hub -o jsonl audit person "Person/$person" $who
check "they change" document <<-END
	kind: labels
	name: city
	labels:
	  Person: {zh: 来建设者}
END
check "… the type is called so" says '"type_zh":"来建设者"' ctl n1 -o jsonl types
check "… the field as its catalogue says again" says '"phone":"电话"' ctl n1 -o jsonl --lang zh get Person "$person" $who

# ---- code lists
occupations() {
    cat >"$work/rule.yaml" <<-END
	kind: code_list
	name: occupation
	fields: [Vacancy.occupation]
	codes:
	  - {code: "20204", zh: 石油工程, en: Oil engineering}
	  - {code: "40205", zh: 装卸搬运, en: Loading}
	  - {code: "40206", zh: 仓储人员$1}
	END
    published
}
check "a list of codes is published" occupations ""
check "… and offered" says 仓储人员 ctl n1 -o jsonl codes occupation
check "a code that is not in it is refused" says "Vacancy.occupation" code_of 1 ctl n1 put Vacancy title=a occupation=99999 $who
vacancy=$(new n1 Vacancy title=仓库 occupation=40206)
check "a code is retired for later" occupations ", to: $(day +1), replaced_by: \"40205\""
check "… today it is offered" says 40206 ctl n1 -o jsonl codes occupation
echo +2d >"$work/clock.n1"
check "… after its last day it is hidden" until_true 20 lacks '"code":"40206"' ctl n1 -o jsonl codes occupation
check "… where that day has not come it is not" says '"code":"40206"' ctl n2 -o jsonl codes occupation
check "… with --all it is retired" says '"state":"retired"' ctl n1 -o jsonl codes occupation --all
check "… and says what took its place" says '"replaced_by":"40205"' ctl n1 -o jsonl codes occupation --all
check "it is refused for a new record" says "Vacancy.occupation" code_of 1 ctl n1 put Vacancy title=b occupation=40206 $who
check "an old record keeps it" says '"occupation":"40206"' ctl n1 -o jsonl get Vacancy "$vacancy" $who
check "… with its name" says '"occupation":"仓储人员"' ctl n1 -o jsonl get Vacancy "$vacancy" $who
check "… and can be gone on with" ctl n1 put Vacancy "$vacancy" title=仓库二 $who
echo +0 >"$work/clock.n1"
check "a code gets a label" document <<-END
	kind: labels
	name: city
	labels:
	  occupation:20204: {zh: 采油}
END
check "… the list shows it" says 采油 ctl n1 -o jsonl --lang zh codes occupation
check "… only in the language that it has" says "Oil engineering" ctl n1 -o jsonl codes occupation
check "a list that there is not" code_of 5 ctl n1 codes nothing

# ---- validation: all at once, in both languages
check "checks are published" document <<-END
	kind: validation
	name: people
	legal_basis: 个人信息保护法 第八条
	rules:
	  - {name: short-name, field: Person.name, rule: length, least: 2, most: 60, severity: block, zh: 姓名太短, en: the name is too short}
	  - {name: born, field: Person.birth_date, rule: range, least: 1880-01-01, most: today, severity: block, zh: 出生日期不对, en: no birth date of a living person}
	  - {name: phone-form, field: Person.phone, rule: pattern, pattern: "1[0-9]{10}", severity: warn, zh: 电话格式不符, en: this is no phone number}
	  - {name: number-check, field: Identifier.value, rule: check, check: gb11643, severity: warn, zh: 证件号码校验未通过, en: the number does not pass its check}
	  - {name: licence-check, field: Organization.uscc, rule: check, check: gb32100, severity: warn, zh: 信用代码校验未通过, en: the code does not pass its check}
	  - {name: claim-order, field: WageClaim.opened_on, rule: cross_field, compare: not_after, other: closed_on, severity: block, zh: 办结早于受理, en: closed before it was opened}
END
ctl n1 put Person name=王 birth_date=1700-01-01 phone=1 $who >"$work/english" 2>&1
ctl n1 --lang zh put Person name=王 birth_date=1700-01-01 phone=1 $who >"$work/chinese" 2>&1
check "two findings at once: the first with its law" grep -qF "Person.name: the name is too short (short-name, 个人信息保护法 第八条)" "$work/english"
check "… the second" grep -qF "Person.birth_date: no birth date of a living person" "$work/english"
check "… Chinese: the first" grep -qF "Person.name 姓名: 姓名太短" "$work/chinese"
check "… the second" grep -qF "出生日期不对" "$work/chinese"
check "a warning keeps the record, and tells rule and severity" says '"rule":"phone-form","severity":"warn"' ctl n1 -o jsonl put Person name=李小龙 phone=1 $who
check "an identity number" says number-check ctl n1 -o jsonl put Identifier kind=resident_id value=650299199001010012 $who
check "… that is right" lacks number-check ctl n1 -o jsonl put Identifier kind=resident_id value=650299199001010011 $who
check "an organisation's code" says licence-check ctl n1 -o jsonl put Organization name=甲 uscc=91650299MA0000001F $who
check "two fields beside each other" says "claim-order" code_of 1 ctl n1 put WageClaim opened_on=2026-03-02 closed_on=2026-03-01 $who
check "the checks change" document <<-END
	kind: validation
	name: people
	rules:
	  - {name: phone-form, field: Person.phone, rule: pattern, pattern: "1[0-9]{10}", severity: note, zh: 电话格式不符, en: this is no phone number}
END
check "… what one stopped is saved" ctl n1 put Person name=王 $who
check "… what one warned of is a note" says '"severity":"note"' ctl n1 -o jsonl put Person name=王 phone=1 $who

# ---- wage floor
wages() {
    cat >"$work/rule.yaml" <<-END
	kind: wage_floor
	name: city
	floors:
	  - {area: "6502", month: $1, hour: 20}
	fields:
	  - {field: Vacancy.wage_min, unit: month, severity: $2, zh: 低于最低工资, en: below the minimum wage}
	END
    published
}
check "a wage floor is published" wages 2000 block
check "a vacancy below it is refused" says "below the minimum wage" code_of 1 ctl n1 put Vacancy title=a wage_min=1999 $who
check "… one at it is not" lacks "minimum wage" ctl n1 put Vacancy title=a wage_min=2000 $who
check "the floor rises, and only warns" wages 2100 warn
check "… the same vacancy is kept with a warning" says "below the minimum wage" ctl n1 -o jsonl put Vacancy title=a wage_min=2000 $who

# ---- text lint
lint() {
    cat >"$work/rule.yaml" <<-END
	kind: text_lint
	name: notes
	most: $1
	notes: [ServiceCase.note]
	terms:
	  - {term: 籍贯, zh: 办事不需要, en: no request needs this} # refused
	END
    published
}
check "a lint for notes is published" lint 500
check "a note with such a word is kept, and doubted" says "no request needs this" ctl n1 -o jsonl put ServiceCase service=advice note=籍贯不明 $who
check "… one without is not" lacks '"rule":' ctl n1 -o jsonl put ServiceCase service=advice note=来访者询问 $who
check "notes get shorter" lint 3
check "… it is refused" says "at most 3 characters" code_of 1 ctl n1 put ServiceCase service=advice note=来访者询问 $who

# ---- the menu of services
services() {
    cat >"$work/rule.yaml" <<-END
	kind: service_catalogue
	name: city
	services:
	  - {code: advice, zh: 政策咨询, en: Advice, type: ServiceCase, authority: 社区服务站, legal: 就业促进法 第三十五条, cost: 0$1}
	  - {code: school-place, zh: 义务教育入学, en: School place, type: SchoolPlaceApplication, authority: 教育局, legal: 义务教育法 第十二条, cost: 0}
	  - {code: night, zh: 夜间窗口, type: ServiceCase, authority: 社区服务站, legal: 居住证暂行条例 第十三条, cost: 0, from: $(day +3)}
	END
    published
}
check "the menu is published" services ""
check "… English" says '"name":"Advice"' ctl n1 -o jsonl services
check "… Chinese" says '"name":"政策咨询"' ctl n1 -o jsonl --lang zh services
check "… without what begins later" lacks night ctl n1 -o jsonl services
case=$(new n1 ServiceCase service=advice)
check "a case of what is offered" [ -n "$case" ]
check "a service that is not offered" says "is not offered today" code_of 1 ctl n1 put ServiceCase service=haircut $who
check "… Chinese" says "今日不办理" code_of 1 ctl n1 --lang zh put ServiceCase service=night $who
check "a service of another type" says "are of the type SchoolPlaceApplication" code_of 1 ctl n1 put ServiceCase service=school-place $who
check "a service is dropped for later" services ", to: $(day +1)"
echo +3d >"$work/clock.n1"
check "… on that day it is off the menu" until_true 20 lacks Advice ctl n1 -o jsonl services
check "… and the other one is on it" says night ctl n1 -o jsonl services
check "… no new case of it" says "is not offered today" code_of 1 ctl n1 put ServiceCase service=advice $who
check "… the old one goes on" ctl n1 put ServiceCase "$case" state=submitted $who
echo +0 >"$work/clock.n1"
until_true 20 says Advice ctl n1 -o jsonl services

# ---- document rules
papers() {
    cat >"$work/rule.yaml" <<-END
	kind: document_rules
	name: city
	checklists:
	  - service: school-place
	    any_of:
	      - - {kind: identity, zh: 身份证, en: Identity card}
	        - {kind: residence, zh: 居住证明, en: Proof of residence, valid_days: 90, pledge: $1}
	      - - {kind: permit, zh: 居住证, en: Residence permit}
	END
    published
}
checklist() { ctl n1 -o jsonl checklist school-place "$@"; }
paper_is() { # PAPER STATE HAVE
    checklist --have "$3" | tee "$work/.out" | grep "\"paper\":\"$1\"" | grep -q "\"state\":\"$2\"" && return 0
    cat "$work/.out"
    return 1
}
check "a checklist is published" papers false
check "… with both sets" [ "$(checklist | grep -c '"set"')" = 3 ]
check "… in words" says "Proof of residence" checklist
check "what is there" paper_is identity there identity
check "what is missing" paper_is residence missing identity
check "a pledge will not do" paper_is residence missing identity,residence:pledge
check "a paper that is too old" paper_is residence missing "identity,residence:$(day -91)"
check "one that is not" paper_is residence there "identity,residence:$(day -90)"
check "the other set is enough" paper_is permit there permit
check "the rules change: a pledge will do" papers true
check "… so it does" paper_is residence there identity,residence:pledge
check "a paper of tomorrow" says "a day to come" code_of 1 ctl n1 checklist school-place --have "identity:$(day +1)"
check "a service that nobody knows" code_of 5 ctl n1 checklist haircut
check "a service without papers has none" [ -z "$(ctl n1 -o jsonl checklist advice)" ]

# ---- notices
notices() {
    cat >"$work/rule.yaml" <<-END
	kind: notices
	name: board
	notices:
	  - {name: all, from: $today, to: $(day +1), title: {zh: 全市通知, en: To all}, body: {zh: $1}}
	  - {name: next-door, area: "650203001002", from: $today, to: $(day +9), title: {zh: 邻社区}, body: {zh: 乙}}
	END
    published
}
check "notices are published" notices 甲
check "… the city's hangs here" says '"body":"甲"' ctl n1 -o jsonl notices
check "… English" says '"title":"To all"' ctl n1 -o jsonl notices
check "… the neighbour's does not" lacks 邻社区 ctl n1 -o jsonl notices
check "… but there" says 邻社区 ctl n2 -o jsonl notices
check "a notice changes" notices 丙
check "… here too" says '"body":"丙"' ctl n1 -o jsonl notices
stop hub
echo +2d >"$work/clock.n1"
check "it is gone after its last day, without a line" until_true 20 lacks 丙 ctl n1 -o jsonl notices
echo +0 >"$work/clock.n1"
start_hub

# ---- school admission, by date
admission() {
    cat >"$work/rule.yaml" <<-END
	kind: school_admission
	name: autumn
	legal_basis: 义务教育法 第十二条
	opens: $(day +2)
	closes: $(day "$1")
	points_by: $(day +20)
	published: $(day +40)
	objections_to: $(day +47)
	second_round: $(day +60)
	ranking: [catchment, points, lot]
	schools:
	  - {code: primary-1, zh: 虚构第一小学, en: First Primary, catchment: ["650203001"], grades: [{grade: 1, seats: 20}, {grade: 2, seats: 4}]}
	END
    published
}
apply() { ctl n1 "$@" put SchoolPlaceApplication school=primary-1 grade=1 applied_on="$today" $who; }
check "a school's dates are published" admission +4
check "… it is too early" says '"state":"before"' ctl n1 -o jsonl admission primary-1 1
check "… places are given by" says '"ranking":["catchment","points","lot"]' ctl n1 -o jsonl admission primary-1
check "an application is refused with the dates" says "First Primary takes applications from $(day +2) to $(day +4)" code_of 1 apply
check "… Chinese" says "虚构第一小学的申请时间为 $(day +2) 至 $(day +4)" code_of 1 apply --lang zh
ctl n1 pause >/dev/null # the hub takes no change from days to come
echo +3d >"$work/clock.n1"
opened() { says '"state":"open"' ctl n1 -o jsonl admission primary-1 1; }
check "the day comes" until_true 20 opened
check "… it can be made" apply
check "a grade that is not there" says "has no grade" code_of 1 ctl n1 put SchoolPlaceApplication school=primary-1 grade=5 $who
check "a school that is not there" says "no school 'primary-9'" code_of 1 ctl n1 put SchoolPlaceApplication school=primary-9 grade=1 $who
application=$(new n1 SchoolPlaceApplication school=primary-1 grade=2)
echo +6d >"$work/clock.n1"
check "it is over" until_true 20 says '"state":"signing"' ctl n1 -o jsonl admission primary-1 1
check "… a new one is refused" says "takes applications from" code_of 1 apply
check "… one that was made goes on" ctl n1 put SchoolPlaceApplication "$application" state=submitted $who
check "… but not to another school" says "no school 'primary-9'" code_of 1 ctl n1 put SchoolPlaceApplication "$application" school=primary-9 $who
ctl n1 resume >/dev/null
check "the city gives more days" admission +8
check "… it is open again" until_true 20 opened
check "… and can be made" apply
echo +0 >"$work/clock.n1"

# ---- deadlines and working days
next_work() { # DAY COUNT FREE-TO: the count-th working day after it, when all days up to the last one are free
    _d=$1
    _left=$2
    while [ "$_left" -gt 0 ]; do
        _d=$(TZ=UTC-8 date -d "$_d +1 day" +%F)
        case $(TZ=UTC-8 date -d "$_d" +%u) in 6 | 7) continue ;; esac
        [ "$(TZ=UTC-8 date -d "$_d" +%s)" -gt "$(TZ=UTC-8 date -d "$3" +%s)" ] || continue
        _left=$((_left - 1))
    done
    echo "$_d"
}
deadline() {
    cat >"$work/rule.yaml" <<-END
	kind: deadlines
	name: city
	legal_basis: 保障农民工工资支付条例 第三十九条
	applies_to_open: true
	deadlines:
	  - {name: wage-claim, type: WageClaim, count: $1, unit: workday, warn: 1, escalate_to: district}
	END
    published
}
holidays() {
    cat >"$work/rule.yaml" <<-END
	kind: calendar
	name: feast
	first: $(day -30)
	last: $(day +200)
	holidays:
	  - {from: $(day +1), to: $(day "$1"), zh: 假期}
	END
    published
}
claim=$(new n2 WageClaim opened_on="$today")
task() { ctl n2 -o jsonl tasks "$@" | grep "$claim"; }
task_says() { # TEXT…: all of them are in the claim's row
    for _word in "$@"; do task | grep -qF -- "$_word" || { task; return 1; }; done
}
check "a claim without a deadline is no task" lacks "$claim" ctl n2 -o jsonl tasks
check "a deadline in working days is published" deadline 5
check "… the claim is due on the fifth of them" task_says "\"due\":\"$(next_work "$today" 5 "$today")\""
check "… an estimate, since no calendar knows that time" task_says '"estimated":true'
check "a calendar with a holiday is published" holidays +10
check "… it is due later" task_says "\"due\":\"$(next_work "$today" 5 "$(day +10)")\"" '"estimated":false'
check "the deadline changes, also for what is open" deadline 3
last=$(next_work "$today" 3 "$(day +10)")
check "… it is due on the third" task_says "\"due\":\"$last\"" '"level":"open"'
check "… and is not among what is due soon" lacks "$claim" ctl n2 -o jsonl tasks --soon
late=$((($(TZ=UTC-8 date -d "$last" +%s) - $(TZ=UTC-8 date -d "$today" +%s)) / 86400))
echo "+${late}d" >"$work/clock.n2"
check "on its last day it is amber" until_true 20 task_says '"level":"amber"' '"days_left":0'
check "… and among what is due soon" says "$claim" ctl n2 -o jsonl tasks --soon
echo "+$((late + 1))d" >"$work/clock.n2"
check "the day after it is overdue, and says to whom it goes" until_true 20 task_says '"level":"overdue"' '"escalate_to":"district"'
echo +0 >"$work/clock.n2"
check "no value of the claim is shown" lacks opened_on ctl n2 -o jsonl tasks

# ---- points
schedule() {
    cat >"$work/rule.yaml" <<-END
	kind: points_schedule
	name: city
	published: $(day -1)
	cap: 120
	indices:
	  - {index: residence-years, zh: 居住年限, en: Years of residence, counts: residence, unit: year, points: 4, cap: $1, evidence: [residence]}
	  - {index: employment-years, zh: 就业年限, en: Years of work, counts: employment, unit: year, points: 3, cap: 30, evidence: [contract]}
	  - {index: insurance-years, zh: 参保年限, en: Years of insurance, counts: insurance, unit: year, points: 3, cap: 30, evidence: [record]}
	END
    published
}
points() { ctl n1 -o json "$@" points "Person/$person" $who; }
total_is() { says "\"total\": \"$1\"" points; }
check "a schedule of points is published" schedule 40
first=$(new n1 PointsEntry person="$person" rule=city/residence-years rule_version=1 points=5000)
second=$(new n1 PointsEntry person="$person" rule=employment-years rule_version=1 points=300)
check "the total counts one row up to its cap, the other whole" total_is 43.00
check "… explained" says "Years of residence" points
check "… Chinese" says 居住年限 points --lang zh
check "points below zero are refused" says "never below zero" code_of 1 ctl n1 put PointsEntry person="$person" rule=city/residence-years points=-1 $who
check "an entry says points, or what it takes back" says reverses=ENTRY code_of 1 ctl n1 put PointsEntry person="$person" rule=city/residence-years $who
check "a row that no schedule has is doubted" says '"rule":"schedule"' ctl n1 -o jsonl put PointsEntry person=nobody rule=city/other points=1 $who
other=$(new n1 Person name=赵小红)
check "another person's entry is not taken back" says "of the same person" code_of 1 ctl n1 put PointsEntry person="$other" rule=x reverses="$first" $who
back=$(new n1 PointsEntry person="$person" rule=city/employment-years rule_version=1 reverses="$second")
check "an entry is taken back by name" total_is 40.00
check "… and its row says so" says "taken back by another entry" points
check "a reversal is not taken back" says "that adds points" code_of 1 ctl n1 put PointsEntry person="$person" rule=x reverses="$back" $who
check "the schedule changes" schedule 44
check "… what was posted under the old one stays" total_is 40.00
new n1 PointsEntry person="$person" rule=city/residence-years rule_version=2 points=400 >/dev/null
check "… what is posted under the new one has its cap" total_is 44.00
check "who looks at points leaves an entry for each" says "\"action\":\"read\",\"purpose\":\"registration\",\"type\":\"PointsEntry\",\"record\":\"$first\"" ctl n1 -o jsonl audit export $who

# ---- purposes: what is read
purposes() {
    cat >"$work/rule.yaml" <<-END
	kind: purposes
	name: purposes
	purposes:
	  - {number: 1, name: administration, zh: 系统管理}
	  - {number: 2, name: registration, zh: 登记服务}
	  - {number: 3, name: service, zh: 办理服务事项, types: [ServiceCase], fields: [Person.name, WageClaim.opened_on$1]}
	  - {number: 4, name: correction, zh: 更正}
	  - {number: 5, name: rights_request, zh: 权利请求}
	  - {number: 6, name: proof, zh: 一致性核对}
	END
    published
}
as="--actor op1 --purpose service"
check "a purpose opens all while none names anything" says 12900000001 ctl n1 -o jsonl get Person "$person" $as
check "a purpose that names types and fields is published" purposes ""
check "what it opens is shown" says 王小明 ctl n1 -o jsonl get Person "$person" $as
check "… what it does not is left out" lacks 12900000001 ctl n1 -o jsonl get Person "$person" $as
check "… and named" says '"withheld":["birth_date","phone"]' ctl n1 -o jsonl get Person "$person" $as
check "… in a search" lacks 12900000001 ctl n1 -o jsonl find Person name=王小明 $as
check "… a search by it is refused" says "does not open Person.phone; these do: administration, registration" code_of 4 ctl n1 find Person phone=12900000001 $as
check "… in a history" lacks 12900000001 ctl n1 -o jsonl history Person "$person" $as
check "… where it is named" says '"withheld":["birth_date","phone"]' ctl n1 -o jsonl history Person "$person" $as
check "… in an export" lacks 12900000001 ctl n1 -o jsonl export --type Person $as
check "… a raw export is refused" says "does not open all of the record" code_of 4 ctl n1 export --type Person --raw $as
check "a type that it does not open is refused, with the purposes that do" says "does not open Vacancy; these do: administration, registration" code_of 4 ctl n1 get Vacancy "$vacancy" $as
check "… in Chinese" says "用途“service”不能查看Vacancy；可用的用途：administration, registration" code_of 4 ctl n1 --lang zh get Vacancy "$vacancy" $as
for c in "history Vacancy $vacancy" "find Vacancy title=a" "export --type Vacancy" "conflicts --type Vacancy" "points Person/$person"; do
    # shellcheck disable=SC2086  several words
    check "… by ${c%% *} too" says "does not open" code_of 4 ctl n1 $c $as
done
check "an export of all types names those that it opens" says "it opens: " code_of 4 ctl n1 export $as
for t in Person ServiceCase WageClaim; do check "… $t" grep -q "it opens: .*$t" "$work/.out"; done
check "a type that it opens is whole" says '"service":"advice"' ctl n1 -o jsonl get ServiceCase "$case" $as
check "a refusal is in the audit log" says '"action":"refused","purpose":"service","type":"Vacancy"' ctl n1 -o jsonl audit export $who
wages=$(new n1 WageClaim opened_on="$today" employer=甲)
check "of a case it opens one field" says "\"opened_on\":\"$today\"" ctl n1 -o jsonl get WageClaim "$wages" $as
check "… its state stays closed" lacks workflow ctl n1 -o jsonl get WageClaim "$wages" $as
check "… which another purpose opens" says workflow ctl n1 -o jsonl get WageClaim "$wages" $who
check "other purposes open as before" says 12900000001 ctl n1 -o jsonl get Person "$person" $who
check "the purpose opens more" purposes ", Person.phone"
check "… it is shown" says 12900000001 ctl n1 -o jsonl get Person "$person" $as

# ---- the rules in force, one by one; carried; not understood
check "a kind on which no program acts yet is carried" document <<-END
	kind: permit_rules
	name: city
	months: 6
	grounds: [{ground: job}]
END
check "… and said so" says '"state":"carried"' rule_row n1 permit_rules
check "a rule says what it speaks about, and what was before" says '"was":1,"state":"acts","speaks":"1 deadlines"' rule_row n1 deadlines
check "… Chinese" says 1个时限 ctl n1 --lang zh rules
check "what changed: the line that went" says "count: 5" ctl n1 rules deadlines/city
check "… and the line that came" says "count: 3" ctl n1 rules deadlines/city
check "a rule that there is not" code_of 5 ctl n1 rules deadlines/none
LC_ALL=C sed 's/wage_floor/wage_flour/g' "$bin/anju-node" >"$work/older"
chmod 755 "$work/older"
stop n2
clock n2 "$work/older"
check "a program that does not know a kind carries it" until_true 20 says '"state":"carried"' rule_row n2 wage_floor
check "… it does not act there" lacks "minimum wage" ctl n2 -o jsonl put Vacancy title=a wage_min=1 $who
check "… the others do" says "is not offered" code_of 1 ctl n2 put ServiceCase service=haircut $who
stop n2
clock n2
check "… with the program that knows it, it acts" until_true 20 says '"state":"acts"' rule_row n2 wage_floor
check "… and warns" says "minimum wage" ctl n2 -o jsonl put Vacancy title=a wage_min=1 $who
LC_ALL=C sed 's/text_lint/text_lunt/g' "$bin/anju-node" >"$work/older"
stop n2
clock n2 "$work/older"
lint 400 >/dev/null 2>&1 & # n2 never has it
check "words that only a lint may hold are refused by a program that knows no lint" until_true 20 says '"policies_refused":1' ctl n2 -o jsonl status
check "… its status says what to do" says "1 policies of the city were refused here" ctl n2 -o jsonl status
check "… and check does" finds n2 policies_refused
check "… the hub names the policy" until_true 20 says "1 offices refused text_lint/notes, version 3" ctl hub -o jsonl status
check "… and its check" finds hub policy_refused
check "… and counts it" says '"policies_refused":1' ctl hub -o jsonl status
wait $!
stop n2
clock n2
check "the next version is taken by the program that knows it" lint 500
check "… at the hub nothing is wrong with it any more" until_true 20 lacks "offices refused" ctl hub -o jsonl status
check "… nor there" says '"policies_refused":0' ctl n2 -o jsonl status
check "status counts them" says '"policies_refused":0,"rules_unread":0' ctl n1 -o jsonl status

# ---- the protocol's floor
floor() {
    cat >"$work/rule.yaml" <<-END
	kind: protocol
	name: city
	least_protocol: $1
	END
    published
}
check "a floor that this program reaches" floor 1
check "… changes nothing" ctl n1 put Person name=孙小兵 $who
check "a floor above it" floor 99
check "… an edit is refused" says "update needed: the city asks for protocol 99" code_of 1 ctl n1 put Person name=孙大兵 $who
check "… Chinese" says 请先升级 code_of 1 ctl n1 --lang zh put Person name=孙大兵 $who
check "… status says so" says "update needed: the city asks for protocol 99" ctl n1 -o jsonl status
check "… and check" finds n1 update_here
check "… what is here is read" says 王小明 ctl n1 -o jsonl get Person "$person" $who
check "… the line stays up" ctl n1 wait --caught-up --timeout 20
check "the hub names the offices" until_true 20 says "update needed: 2 offices run a program that is older than the city asks for" ctl hub -o jsonl status
check "… and says that it is too old itself" says "this hub (" ctl hub -o jsonl status
check "… check names the offices" finds hub update_needed
check "… and the hub" finds hub update_hub
check "… and what each runs" says '"software":"anju-node 0.1 (protocol 1, store 2)","update_needed":true' ctl hub -o jsonl nodes
check "the floor falls again" floor 1
check "… at the hub too" until_true 20 lacks "update needed" ctl hub -o jsonl status
check "… its list names no office" finds_none hub update_needed
check "… nor itself" finds_none hub update_hub
check "… edits are taken" ctl n1 put Person name=孙大兵 $who
check "… and status says nothing of it" lacks "update needed" ctl n1 -o jsonl status
finish
