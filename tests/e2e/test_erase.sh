#!/bin/sh
# A person is erased for ever, with real processes: at the hub and at two offices, one of them away meanwhile; after restarts nothing is
# back, certificates come, and the verify of both sides is content.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
make_node n2 650203002010 二
start_node n1
start_node n2
until_true 20 said "(purpose)" ctl n1 types
until_true 20 said "(purpose)" ctl n2 types
person=$(ctl n1 -o jsonl put Person name=阿不力米提·消失 $who | field id)
other=$(ctl n1 -o jsonl put Person name=王留下 $who | field id)
job=$(ctl n1 -o jsonl put Employment person="$person" employer=消失公司 $who | field id)
kept=$(ctl n1 -o jsonl put Employment person="$other" employer=留下公司 $who | field id)
school=$(ctl n1 -o jsonl put SchoolPlaceApplication child="$other" guardian="$person" school=一小 $who | field id)
check "n1 has sent all" ctl n1 wait --caught-up --timeout 20
check "n2 takes the person up" ctl n2 adopt Person "$person" --reason "搬到本社区" $who
check "… and has a copy" until_true 20 said 消失 ctl n2 get Person "$person" $who
ctl n2 pause >/dev/null
ctl n2 put Person "$person" phone=12900000001 $who >/dev/null
late=$(ctl n2 -o jsonl put Employment person="$person" employer=后来公司 $who | field id)

# ---- asking
check "only from admin.sock" code_of 4 "$bin/anjuctl" -s "$town/hub/status.sock" person erase "$person" --reason r --order o --yes
check "why, and by which order" said "by which legal order" ctl hub person erase "$person" --yes
check "it must be confirmed" said "erases 2 records for ever" ctl hub person erase "$person" --reason r --order o
check "… by the same id" said "another one" ctl hub person erase "$person" --reason r --order o --confirm "$other"
asked_at_a_terminal() { echo "$other" | script -qec "'$bin/anjuctl' -s '$town/hub' person erase $person --reason r --order o" /dev/null; }
check "a person at a terminal is asked for the id" said "Type the id once more" asked_at_a_terminal
check "… and another one erases nobody" grep -q "another one" "$work/.out"
check "nobody else is erased" said "no such record" ctl hub person erase 00112233445566778899aabbccddeeff --reason r --order o --yes
ctl hub -o jsonl person erase "$person" --dry-run >"$work/dry"
check "a dry run counts the person" grep -q '"type":"Person","erased":1,"cleared":0' "$work/dry"
check "… what is about the person" grep -q '"type":"Employment","erased":1,"cleared":0' "$work/dry"
check "… and what refers to the person elsewhere" grep -q '"type":"SchoolPlaceApplication","erased":0,"cleared":1' "$work/dry"
check "nothing is erased yet" said 消失 ctl n1 get Person "$person" $who

# ---- the order
mkdir "$town/backups"
check "a backup from before it" ctl hub backup "$town/backups"
order=$(ctl hub -o jsonl person erase "$person" --reason "本人申请" --order "决定2026-1" --confirm "$person" | field order)
check "an order has an id" [ ${#order} = 32 ]
check "the person is gone at n1" until_true 20 code_of 5 ctl n1 get Person "$person" $who
check "… and what is about the person" until_true 20 code_of 5 ctl n1 get Employment "$job" $who
check "another person is not" said 王留下 ctl n1 get Person "$other" $who
check "… nor what is about that one" said 留下公司 ctl n1 get Employment "$kept" $who
school_cleared() { ctl n1 -o jsonl get SchoolPlaceApplication "$school" $who >"$work/school" && grep -q 一小 "$work/school" && ! grep -q "$person" "$work/school"; }
check "in another's record the reference is gone, the rest stands" until_true 20 school_cleared
check "… by a change of the hub, which it signed" said '"proof":"hub"' ctl hub -o jsonl history SchoolPlaceApplication "$school" $who
check "nothing can be saved about the person any more" said "erased for ever" ctl n1 put Person "$person" phone=12900000002 $who
check "… nor a record about the person" said "erased for ever" ctl n1 put Employment person="$person" employer=x $who
check "n2 still shows the person, it has not heard" said 消失 ctl n2 get Person "$person" $who
state() { ctl hub -o jsonl person erase-status "$order" | grep -v '"name":"backup' | sed -n "s/.*\"node\":$1,.*\"state\":\"\([a-z]*\)\".*/\1/p"; }
check "n1's certificate is there" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl person erase-status $order | grep '\"node\":1,' | grep -qv open"
check "n2's is not" [ "$(state 2)" = open ]
check "the status says that an order is open" said '"erasures_open":1' ctl hub -o jsonl status
ctl n2 resume >/dev/null
check "n2 hears of it at once" until_true 20 code_of 5 ctl n2 get Person "$person" $who
check "… what it wrote about the person meanwhile goes too" until_true 20 code_of 5 ctl n2 get Employment "$late" $who
check "… and is told why" until_true 20 said "erased for ever" ctl n2 -o jsonl held
check "n2's certificate is there" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl person erase-status $order | grep '\"node\":2,' | grep -qv open"
destroyed() { [ "$(state 0),$(state 1),$(state 2)" = destroyed,destroyed,destroyed ]; }
check "no file holds it any more, at the hub and at both offices" until_true 90 destroyed
check "… and the status says that no order is open" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl status | grep -q '\"erasures_open\":0'"
check "the audit log has the order" said "person erase" ctl hub -o jsonl audit export --actor auditor --purpose rights_request
check "the backup from before it is named" said "backup $town/backups" ctl hub person erase-status "$order"
check "the hub says erased once more" said "erased already" ctl hub person erase "$person" --reason r --order o --yes

# ---- afterwards
hub_has_none() { ctl hub -o jsonl export --hashes >"$work/hub" && ! grep -q "$person\|$job\|$late" "$work/hub" && grep -q "$other" "$work/hub"; }
check "the city has nothing of it" hub_has_none
check "nothing of it is in quarantine" sh -c "! '$bin/anjuctl' -s '$town/hub' -o jsonl quarantine list | grep -q '$person\|$late'"
check "the hub is sound" ctl hub verify
check "… with every push that is kept" said '"pushes":' ctl hub -o jsonl verify
check "n1 is sound" ctl n1 verify
check "n2 is sound" ctl n2 verify
stop hub KILL
stop n1 KILL
start_hub
start_node n1
check "n1 is there again" ctl n1 wait --caught-up --timeout 30
check "after kills nothing is back" code_of 5 ctl n1 get Person "$person" $who
check "… at the hub" hub_has_none
check "certificates outlive the hub" until_true 20 sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl person erase-status $order | grep '\"node\":2,' | grep -qv open"
check "the order has no personal data" sh -c "! '$bin/anjuctl' -s '$town/n1' -o jsonl export --raw $who | grep -q 本人申请"
check "the hub is still sound" ctl hub verify

# ---- the hub is restored from before the order
nothing_held() { ctl hub -o jsonl quarantine list >"$work/held" && [ ! -s "$work/held" ]; }
restored() { # with what the second home is: a folder, or nothing
    stop hub
    mv "$town/hub.d" "$town/old.$1"
    shift
    "$bin/anju-hub" --restore "$backup" --backup-key "$town/backup.key" "$@" --set data="$town/hub.d"
}
backup=$(ctl hub -o jsonl backups | field path | head -n 1)
cp "$town/hub.d/backup.key" "$town/backup.key"
stop n1
stop n2
check "restored, with the newer second home" restored 1 --own "$town/old.1/own"
start_hub
check "… nothing of it is there, though no office was heard" until_true 20 hub_has_none
check "restored, without" restored 2
start_hub
check "… then it is back" sh -c "'$bin/anjuctl' -s '$town/hub' -o jsonl export --hashes | grep -q '$person'"
start_node n1
check "… until an office says the order again" until_true 30 hub_has_none
check "… which is signed: nothing is in quarantine" nothing_held
start_node n2
check "n2 is there again" ctl n2 wait --caught-up --timeout 60
again() { [ "$(state 0),$(state 1),$(state 2)" = destroyed,destroyed,destroyed ]; }
check "and it is destroyed everywhere once more" until_true 90 again
check "the restored hub is sound" ctl hub verify

finish
