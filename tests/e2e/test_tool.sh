#!/bin/sh
# anjuctl as people and scripts use it: help for each command, options anywhere, exit codes, forms of output, the meaning of every field, and
# an enrolment file that cannot be lost.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
make_node n3 650203003022 '三,"南"'
start_node n1
start_node n2
until_true 20 said "(purpose)" ctl n1 types
id=$(ctl n1 -o jsonl put Person name=王宇轩 $who | field id)

# ---- an enrolment file
key=$("$bin/anju-node" --init --set data="$town/n4.d")
check "no secret on a terminal" code_of 64 ctl hub node add 650203003023 --key "$key"
check "… and no node was made" sh -c "! '$bin/anjuctl' -s '$town/hub' nodes | grep -q 650203003023"
check "a file that cannot be made: nothing is done" said "nothing was asked for" ctl hub node add 650203003023 --key "$key" --out "$work/nowhere/file"
check "… with 1" code_of 1 ctl hub node add 650203003023 --key "$key" --out "$work/nowhere/file"
check "… and no node was made" sh -c "! '$bin/anjuctl' -s '$town/hub' nodes | grep -q 650203003023"
check "a refused one leaves no file" sh -c "! '$bin/anjuctl' -s '$town/hub' node add 65020 --key '$key' --out '$work/refused' 2>/dev/null && [ ! -e '$work/refused' ]"
check "the same again with a good file" ctl hub node add 650203003023 --name 四 --key "$key" --out "$work/file"
check "… which only its owner may read" [ "$(stat -c %a "$work/file")" = 600 ]
check "… and is not printed" sh -c "! grep -q file_hex '$work/.said'"
check "a file that is there is not overwritten" code_of 1 ctl hub node enrolment 4 --out "$work/file"
check "the file once more" ctl hub node enrolment 4 --out "$work/again"
check "… is the same" cmp "$work/file" "$work/again"
check "… is told in the log" grep -q "node.enrolment_again.*node=4" "$town/log/hub"
check "… and enrols the machine" said "this is node 4, 四" "$bin/anju-node" --join "$work/again" --set data="$town/n4.d"
check "of a node that is none" code_of 5 ctl hub node enrolment 99 --out "$work/none"
check "… leaves no file" [ ! -e "$work/none" ]
check "only from admin.sock" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" node enrolment 4 --out "$work/none"
check "of a revoked one" sh -c "'$bin/anjuctl' -s '$town/hub' node revoke 3 && ! '$bin/anjuctl' -s '$town/hub' node enrolment 3 --out '$work/none'"

# ---- words and options
check "help for one command" said "get              type id        one record" ctl n1 help get
check "… tells its options" grep -q -- "--actor=… --purpose=… --case=…" "$work/.out"
check "… and what its answer means" grep -q "unresolved .*fields that refer to records which are not here" "$work/.out"
check "… and for no other" sh -c "! grep -q quarantine '$work/.out'"
check "--help of a command is the same" sh -c "'$bin/anjuctl' -s '$town/n1' get --help | cmp - '$work/.out'"
check "of a command of two words" said "once more" ctl hub help node enrolment
check "in Chinese" said "未解析的引用字段" ctl n1 help get --lang zh
check "help for none names a near one" said "did you mean 'status'" ctl n1 help statsu
check "help of a local command" said "--update" ctl n1 help import
check "… also so" code_of 0 ctl n1 import --help
check "options after the command" said '{"' ctl n1 status -o jsonl
check "… the socket too" said '{"' "$bin/anjuctl" status -o jsonl -s "$town/n1"
check "a word behind -- is a word" said "this office has no such Person" ctl n1 put Person name=x $who -- -o
check "a form that is none" code_of 64 ctl n1 status -o xml
check "a time that is none" code_of 64 ctl n1 -t soon status
check "a waiting time that is none" said "a number of seconds" ctl n1 wait --timeout soon
check "version tells both" said "anjuctl" ctl n1 version
check "… the daemon's protocol" grep -q "anju-ctl" "$work/.out"

# ---- errors in Chinese; the codes of programs and exits stay
none=00000000000000000000000000000000
also() { grep -qF -- "$1" "$work/.out"; }
check "a record that is not here, in Chinese" said "anjuctl: 本办公室没有此记录" ctl n1 --lang zh get Person $none $who
check "… says what to do" also "anjuctl adopt\`可接收其他办公室的记录"
check "… and exits the same" code_of 5 ctl n1 --lang zh get Person $none $who
check "… in English as before" said "anjuctl: this office has no such record" ctl n1 --lang en get Person $none $who
check "… which is what one gets unasked" said "anjuctl: this office has no such record" ctl n1 get Person $none $who
batch() { printf '{"cmd":"get","args":{"type":"Person","id":"%s","actor":"op1","purpose":"registration"}}\n' $none | ctl n1 --lang zh batch; }
check "… a program reads the same code" said '"error":{"code":"not_found","message":"本办公室没有此记录"' batch
check "a refused command, in Chinese" said "没有此用途" ctl n1 --lang zh get Person $none --actor op1 --purpose curiosity
check "… of a command without words of its own for people" said "没有节点“99”" ctl hub --lang zh node pause 99
check "… with its next step" also "anjuctl nodes\`列出全部节点"
check "… on a socket that may only read" said "此套接字只能查看守护进程的状态" "$bin/anjuctl" -s "$town/hub/status.sock" --lang zh node pause 1
check "… what is wrong with a value" said "Person.birth_date: 日期写作2025-03-31、2025-03或2025" ctl n1 --lang zh put Person name=x birth_date=soon $who
check "… a field that is none" said "Person没有字段“phon”；是不是“phone”？" ctl n1 --lang zh put Person name=x phon=1 $who
check "a Chinese machine is answered in Chinese" said "没有节点“99”" env LC_ALL= LC_MESSAGES= LANG=zh_CN.UTF-8 "$bin/anjuctl" -s "$town/hub" node pause 99
check "… unless it says otherwise" said "there is no node '99'" env LC_ALL=C.UTF-8 LANG=zh_CN.UTF-8 "$bin/anjuctl" -s "$town/hub" node pause 99
check "… or the person" said "there is no node '99'" env LC_ALL=zh_CN.UTF-8 "$bin/anjuctl" -s "$town/hub" --lang en node pause 99
check "an argument is missing, in Chinese" said "缺少参数id；参数为：type id" ctl n1 --lang zh get Person
check "… an actor" said "您是谁？" ctl n1 --lang zh get Person $none
check "… an option's value" said "--actor需要一个值" ctl n1 --lang zh get Person $none --actor
check "… with 64" code_of 64 ctl n1 --lang zh get Person
check "a command that is none, in Chinese" said "没有命令“statsu”；是不是“status”？" ctl n1 --lang zh statsu
check "… and the usage" said "用法错误" ctl n1 --lang zh status -o xml
check "a daemon that does not run, in Chinese" said "没有该文件或目录；守护进程在运行吗？" "$bin/anjuctl" -s "$work/nobody" --lang zh status
check "… with 3" code_of 3 "$bin/anjuctl" -s "$work/nobody" --lang zh status
check "a wait that is over, in Chinese" said "未在规定时间内完成" ctl n1 --lang zh wait --safe --timeout 0.3
person_asks() { printf 'node show 99 --lang=zh\n' | socat - "UNIX:$town/hub/status.sock"; }
check "a person's line at the socket too" said "error: 没有节点" person_asks

# ---- output
check "a refused command prints no rows" sh -c "[ -z \"\$('$bin/anjuctl' -s '$town/n1' -o json export 2>/dev/null)\" ]"
check "… an answer without rows is an empty list" said "[]" ctl n1 -o json conflicts $who
check "nodes in order" [ "$(ctl hub -o name nodes | tr '\n' ' ')" = "1 2 3 4 " ]
check "… only those that are named" [ "$(ctl hub -o name nodes 4 2 | tr '\n' ' ')" = "2 4 " ]
check "… of which one at least must be there" code_of 5 ctl hub nodes 99
check "a number with a tail is no node" said "no node '1x'" code_of 5 ctl hub node pause 1x
check "… nor here" code_of 5 ctl hub node show 1x
check "… nor among several" [ "$(ctl hub -o name nodes 2 1x | tr '\n' ' ')" = "2 " ]
json_number() { printf '{"cmd":"node show","args":{"node":2}}\n' | ctl hub batch; }
check "a number of JSON is one" said '"node":2' json_number
no_number() { printf '{"cmd":"node pause","args":{"node":99}}\n' | ctl hub batch; }
check "… and is told when there is no such node" said "there is no node 99" no_number
sorted() { # FORM ARGUMENT…
    _form=$1
    shift
    ctl hub -o "$_form" nodes "$@" | sed 's/"node"://; s/^{*\([0-9]*\)[ ,].*/\1/' | tr '\n' ' '
}
accepts() { [ "$(ctl hub -o jsonl node show "$1" | field accepted)" = "$2" ]; }
check "node 1 has sent more than the others" until_true 20 accepts 1 1
check "… --sort by a number: what is equal by node" [ "$(sorted name --sort accepted)" = "2 3 4 1 " ]
check "… downwards: what is equal by node too" [ "$(sorted name --sort -accepted)" = "1 2 3 4 " ]
check "… by a text" [ "$(sorted name --sort=-areas)" = "4 3 2 1 " ]
check "… what is not known comes last" [ "$(sorted name --sort last_seen_ms 4 3 2)" = "2 3 4 " ]
check "… in both directions" [ "$(sorted name --sort -last_seen_ms 4 3 2)" = "2 3 4 " ]
check "… as JSON lines" [ "$(sorted jsonl --sort -node)" = "4 3 2 1 " ]
check "… as a table" [ "$(sorted table --no-header --sort -node)" = "4 3 2 1 " ]
check "… as wide as it goes" [ "$(sorted wide --no-header --sort -node)" = "4 3 2 1 " ]
check "… as CSV" [ "$(sorted csv --no-header --sort -node)" = "4 3 2 1 " ]
check "… as a list" [ "$(ctl hub -o json nodes --sort -node | sed -n 's/^  "node": \(.\),/\1/p' | tr '\n' ' ')" = "4 3 2 1 " ]
check "… --state: only those" [ "$(sorted name --state revoked)" = "3 " ]
check "… of two words" [ "$(sorted name --state 'never seen' --sort -node)" = "4 " ]
check "… none may be so" said "[]" ctl hub -o json nodes 1 --state retired
check "… of those that are named" [ "$(sorted name 4 3 1 --state revoked)" = "3 " ]
check "a field that is none" said "no field 'lag' to sort by" ctl hub nodes --sort lag
check "… tells which there are" also "clock_ahead_ms"
check "… with 1" code_of 1 ctl hub nodes --sort lag
check "… in Chinese" said "没有可排序的字段“lag”" ctl hub --lang zh nodes --sort lag
check "a state that is none" said "a node is never 'down'" ctl hub nodes --state down
check "… tells which there are" also "offline, greeting"
check "a table in Chinese has its states in Chinese" said "从未连接" ctl hub --lang zh nodes
check "… by which they can be asked for, too" [ "$(sorted name --state 从未连接)" = "4 " ]
latin() { ctl hub --lang zh nodes --state x 2>&1 | sed 's/^anjuctl//; s/“x”//' | grep '[A-Za-z]'; }
check "… all of them" sh -c "[ -z '$(latin)' ]"
check "… the titles too, as the schema has them" also "节点编号 办公室名称"
check "… where the terminal's locale is not Chinese" said "节点编号 办公室名称" env LC_ALL=C "$bin/anjuctl" -s "$town/hub" --lang zh nodes
check "… columns stand under their titles" sh -c "'$bin/anjuctl' -s '$town/hub' --lang zh nodes | awk 'NR > 1 && index(\$0, "6502") == 0 { exit 1 }'"
status_zh() { ctl n1 --lang zh status; }
check "… and of one object" sh -c "'$bin/anjuctl' -s '$town/n1' --lang zh status | grep -qE '^总体状态 +(正常|警告)$'"
check "… yes and no in Chinese" sh -c "'$bin/anjuctl' -s '$town/n1' --lang zh status | grep -qE '^是否正在备份 +否$'"
check "… a record's own fields keep their names" said '"name"' ctl n1 --lang zh find Person name=王宇轩 $who
check "… no titles when none are wanted" sh -c "'$bin/anjuctl' -s '$town/hub' --lang zh --no-header nodes | head -n 1 | grep -q '^1 '"
check "… CSV has the names of programs" said "node,name,areas" ctl hub --lang zh -o csv nodes
check "… not for a program" said '"state":"never seen"' ctl hub --lang zh -o jsonl nodes 4
check "… both are completed" said --state "$bin/anjuctl" -s "$town/hub" completion words nodes --
check "… and told by its help" said "--sort=… --state=…" ctl hub help nodes
person_sorts() { printf 'nodes --sort=-node --state=revoked\n' | socat - "UNIX:$town/hub/status.sock"; }
check "… a person's line at the socket takes them" said "650203003022" person_sorts
check "export --raw as a table" said "RAW" sh -c "'$bin/anjuctl' -s '$town/n1' export --raw $who | tr a-z A-Z"
check "… without the columns that it has not" sh -c "! '$bin/anjuctl' -s '$town/n1' export --raw $who | head -n 1 | grep -q unresolved"
check "export --raw as JSON names each record" said "\"id\": \"$id\"" ctl n1 -o json export --raw $who
check "wait --safe waits for a backup, and there is none" code_of 6 ctl n1 wait --safe --timeout 0.3

# ---- what every field means
fields_of() { # DAEMON COMMAND…: the members of each object in its answer, which lie one space deep, in a list two
    _d=$1
    shift
    ctl "$_d" "$@" -o json >"$work/answer"
    _deep=" "
    [ "$(head -n 1 "$work/answer")" != "[" ] || _deep="  "
    sed -n "s/^$_deep\"\([^\"]*\)\":.*/\1/p" "$work/answer" | LC_ALL=C sort -u
}
# meant DAEMON COMMAND ARGUMENT…: every member is in the schema, with a text in both languages
meant() {
    _daemon=$1
    _command=$2
    shift 2
    # shellcheck disable=SC2086  two words
    fields_of "$_daemon" $_command "$@" >"$work/members"
    [ -s "$work/members" ] || { echo "no answer" && return 1; }
    ctl "$_daemon" -o jsonl schema "$_command" | sed -n 's/.*"field":"\([^"]*\)","unit":"[^"]*","text":"..*","text_zh":"..*"}/\1/p' | LC_ALL=C sort >"$work/schema"
    LC_ALL=C sort "$work/members" | LC_ALL=C comm -23 - "$work/schema" | grep -v '^file$' | sed "s/^/$_command: not in the schema: /" >"$work/lacks"
    cat "$work/lacks"
    [ ! -s "$work/lacks" ]
}
meant_of() { # COMMAND ARGUMENT…
    _c=$1
    shift
    meant n1 "$_c" "$@"
}
says_rule() { ctl n1 -o jsonl rules | grep -q "\"kind\":\"$1\""; }
all_commands() {
    ctl "$1" -o jsonl commands | sed 's/^{"name":"\([^"]*\)".*/\1/' | while read -r _c; do
        ctl "$1" -o jsonl schema "$_c" | grep -q . || echo "$1: $_c has no fields in the schema"
    done >"$work/without"
    cat "$work/without"
    [ ! -s "$work/without" ]
}
check "every command of the hub is in the schema" all_commands hub
check "every command of the node is in the schema" all_commands n1
ctl n1 pause >/dev/null
ctl n1 put Employment person=nobody employer=x $who >/dev/null
for c in status types policies rules digest queue verify limits commands hello version schema; do
    check "the fields of $c" meant n1 $c
done
for c in export conflicts; do
    [ $c = conflicts ] || check "the fields of $c" meant n1 $c $who
done
for form in --raw --hashes; do
    check "the fields of export $form" meant n1 export $form $who
    check "the fields of export $form at the hub" meant hub export $form $who
done
for c in export verify heads settle; do
    case $c in export) who_asks=$who ;; *) who_asks= ;; esac
    # shellcheck disable=SC2086  several words, or none
    check "the fields of audit $c" meant n1 "audit $c" $who_asks
done
check "the fields of audit person" meant n1 "audit person" "Person/$id" $who
check "the fields of audit person at the hub" meant hub "audit person" "Person/$id" $who
check "the fields of audit heads at the hub" meant hub "audit heads"
check "the fields of audit settle at the hub" meant hub "audit settle" 1
check "the fields of get" meant n1 get Person "$id" $who
check "the fields of find" meant n1 find Person name=王宇轩 $who
check "the fields of history" meant n1 history Person "$id" $who
check "the fields of put" meant n1 put Person "$id" phone=12900000001 $who
check "the fields of adopt" meant n2 adopt Person "$id" --reason x $who
check "the fields of resume" meant n1 resume
check "the fields of wait" meant n1 wait --caught-up --timeout 20
check "the fields of why" meant n1 why "Person/$id"
check "the fields of why at the hub" meant hub why "Person/$id" 2
check "the fields of history at the hub" meant hub history Person "$id" $who
check "the fields of pause" meant n1 pause
check "the fields of delete" meant n1 delete Person "$id" $who
for c in status nodes policies conflicts digest "audit export" "audit verify" verify; do
    case $c in
    conflicts) ;;
    digest) check "the fields of $c at the hub" meant hub $c --node 1 ;;
    "audit export") check "the fields of $c at the hub" meant hub "$c" $who ;;
    *) check "the fields of $c at the hub" meant hub "$c" ;;
    esac
done
check "the fields of node show" meant hub "node show" 1
check "the fields of problems" meant hub problems
check "… of all of them" meant n1 problems --all
check "the fields of node add" meant hub "node add" 650203003029 --key "$("$bin/anju-node" --init --set data="$town/n5.d")" --out "$work/five"
check "the fields of node enrolment" meant hub "node enrolment" 5 --out "$work/five.again"
check "the fields of node token" meant hub "node token" 650203003030
check "the fields of node tokens" meant hub "node tokens"
check "the fields of node pause" meant hub "node pause" 2
check "the fields of node approve" meant hub "node approve" 2
printf 'kind: labels\nname: test\nlabels:\n  Person: {zh: 人员, en: Person}\n' >"$work/notice.yaml"
check "the fields of policy publish" meant hub "policy publish" "$work/notice.yaml"

# ---- … of what rules say
for f in service-catalogue document-rules code-list-occupation school-admission-2026 deadlines points-schedule; do
    ctl hub policy publish deploy/policies/$f.yaml >/dev/null
done
ctl n1 resume >/dev/null
until_true 20 says_rule points_schedule
ctl n1 put WageClaim employer=x $who >/dev/null
person=$(ctl n1 -o jsonl put Person name=刘一 $who | field id)
ctl n1 put PointsEntry person="$person" rule=residence-years rule_version=1 points=400 $who >/dev/null
for c in services "codes occupation" admission "checklist school-place" tasks; do
    # shellcheck disable=SC2086  several words
    check "the fields of $c" meant_of $c
done
check "the fields of points" meant n1 points "Person/$person" $who
check "the fields of what changed in a rule" meant n1 rules deadlines/city

# ---- forms
check "csv has all fields, quoted where it must be" sh -c "'$bin/anjuctl' -s '$town/hub' -o csv nodes | head -n 1 | grep -q '^node,name,areas,'"
check "… a comma and a quote in a value" sh -c "'$bin/anjuctl' -s '$town/hub' -o csv nodes | grep -qF '3,\"三,\"\"南\"\"\",'"
check "a time is read by people in a table" sh -c "'$bin/anjuctl' -s '$town/hub' status | grep -qE '^as_of_ms +20[0-9]{2}-[0-9]{2}-[0-9]{2} '"
check "… and by programs elsewhere" sh -c "'$bin/anjuctl' -s '$town/hub' -o json status | grep -qE '\"as_of_ms\": [0-9]{13}'"
check "wide has more than the table" [ "$(ctl hub -o wide nodes | head -n 1 | wc -w)" -gt "$(ctl hub nodes | head -n 1 | wc -w)" ]
colors() { "$@" | grep -q "$(printf '\033')\[.*m"; }
on_terminal() { script -qec "$*" /dev/null; }
check "states are painted when one wants it" colors "$bin/anjuctl" -s "$town/hub" nodes --color=always
check "… in one object too" colors "$bin/anjuctl" -s "$town/hub" status --color=always
refuse_colors() { ! colors "$@"; }
check "… and not for a program" refuse_colors "$bin/anjuctl" -s "$town/hub" nodes
check "… nor as JSON" refuse_colors "$bin/anjuctl" -s "$town/hub" -o json nodes --color=always
check "on a terminal they are" colors on_terminal "'$bin/anjuctl' -s '$town/hub' nodes"
check "… but not with NO_COLOR" refuse_colors on_terminal "NO_COLOR=1 '$bin/anjuctl' -s '$town/hub' nodes"
check "… nor with --color=never" refuse_colors on_terminal "'$bin/anjuctl' -s '$town/hub' nodes --color=never"
check "another word is none" code_of 64 ctl hub nodes --color=red
"$bin/anjuctl" -s "$town/hub" --no-header nodes --watch=0.2 >"$work/watched" 2>&1 &
watching=$!
again() { [ "$(grep -c '^1 ' "$work/watched")" -ge 3 ]; }
check "what is watched comes again" until_true 20 again
kill $watching
wait $watching 2>/dev/null
check "only what may be read is watched" said "only what status.sock answers" code_of 1 ctl hub node pause 1 --watch
check "a span that is none" code_of 64 ctl hub nodes --watch=0

# ---- the manual and the shell know every command, and the README names none that there is not
B=$B deploy/man/make.sh "$work/man" 2>"$work/made" || cat "$work/made"
for d in hub node; do "$bin/anju-$d" --show-commands | cut -f 1; done | sort -u >"$work/names"
check "there are many commands" [ "$(wc -l <"$work/names")" -gt 60 ]
in_manual() { while read -r name; do grep -q "^\\\\fB$name\\\\fR" "$work/man/anjuctl.1" || { echo "$name" && return 1; }; done <"$work/names"; }
check "all are in the manual" in_manual
offered() { # SOCKET DAEMON
    "$bin/anju-$2" --show-commands | cut -f 1 >"$work/own"
    while read -r name; do
        last=${name##* }
        # shellcheck disable=SC2046  words
        "$bin/anjuctl" -s "$town/$1" completion words $([ "$name" = "$last" ] || echo "${name% *}") "$last" | grep -qx -- "$last" || { echo "$name" && return 1; }
    done <"$work/own"
}
check "all of the hub's are completed" offered hub hub
check "all of a node's too" offered n1 node
check "options too" said --pilot "$bin/anjuctl" -s "$town/hub" completion words policy publish --
check "what bash is to know" said "complete -o default -F _anjuctl anjuctl" "$bin/anjuctl" completion bash
check "… bash takes it" sh -c "'$bin/anjuctl' completion bash | bash -n"
named() {
    grep -o '`anjuctl [a-z][a-z -]*' README.md | sed 's/`anjuctl //; s/ *$//; s/ -.*//' | sort -u | while read -r name; do
        grep -qxF "$name" "$work/names" || grep -q "^$name " "$work/names" || case $name in help* | 'policy check' | completion* | import | check) ;; *) echo "$name" ;; esac
    done
}
check "the README names only what there is" [ -z "$(named)" ]
named

# ---- version 1 of the protocol: what answers had, they have for ever; new fields are added to the lists by hand
shape() { ctl "$1" -o csv --no-header schema | tr -d '\r' | cut -d , -f 1-3 | LC_ALL=C sort -u; }
for d in hub:hub n1:node; do
    shape "${d%:*}" >"$work/shape"
    LC_ALL=C comm -23 tests/e2e/v1-${d#*:}.fields "$work/shape" >"$work/gone"
    check "no field of the ${d#*:}'s answers is gone or has another unit" [ ! -s "$work/gone" ]
    cat "$work/gone"
    LC_ALL=C comm -13 tests/e2e/v1-${d#*:}.fields "$work/shape" >"$work/new"
    check "… and none is missing in tests/e2e/v1-${d#*:}.fields" [ ! -s "$work/new" ]
    cat "$work/new"
done
finish
