#!/bin/sh
# Records whose time is over, on the night when it is: one is erased for ever with certificates, one is emptied but for what stays, many are
# only kept and shown to nobody. The hub is killed meanwhile; who is still needed stays; and what no rule asks for any more is taken back.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
echo +0 >"$work/clock"
faked=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p')
clock_hub() { # a hub whose clock is what $work/clock says
    export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$work/clock" LD_PRELOAD="$faked"
    "$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set page= --set listen="$(cat "$town/hub.listen" 2>/dev/null || echo 'tcp://127.0.0.1:*')" \
        --set enrol= --set catalogue="$root/deploy/catalogue" 2>>"$town/log/hub" &
    echo $! >"$town/pids/hub"
    unset FAKETIME_DONT_FAKE_MONOTONIC FAKETIME_NO_CACHE FAKETIME_TIMESTAMP_FILE LD_PRELOAD
    until_true 20 answers hub || die "the hub did not start: see $town/log/hub"
    ctl hub -o jsonl status | field endpoint >"$town/hub.listen"
}
clock_hub
make_node n1 650203001001 一
make_node n2 650203001002 二
for n in n1 n2; do
    start_node $n
    until_true 20 said "(purpose)" ctl $n types
done
day() { TZ=UTC-8 date -d "$1" +%F; }
# shellcheck disable=SC2086
put() {
    _node=$1
    shift
    ctl "$_node" -o jsonl put "$@" $who | field id
}
# shellcheck disable=SC2086
is_gone() { code_of 5 ctl "$1" get "$2" "$3" $who; }
# shellcheck disable=SC2086
text() { ctl "$1" -o jsonl get "$2" "$3" $who; }
night() { [ "$(status_of hub retention_running)" = false ] && [ "$(status_of hub retention_ms)" != null ] && [ "$(status_of hub retention_ms)" -gt "$1" ]; }

# ---- what there is
alone=$(put n1 Person name=只有一案)
claim=$(put n1 WageClaim person="$alone" employer=某单位 closed_on="$(day yesterday)")
open=$(put n1 WageClaim person="$alone" employer=另一单位)
needed=$(put n1 Person name=还有调解)
mediation=$(put n1 MediationCase person="$needed")
stay=$(put n1 ResidencePeriod person="$needed" address=某路1号 from=2025-01-01 to="$(day yesterday)")
job=$(put n1 JobSeeker person="$needed" wage_wish=5000)
i=0
while [ $i -lt 300 ]; do
    echo "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[{\"type\":\"JobSeeker\",\"op\":\"create\",\"fields\":{\"wage_wish\":\"40$i\"}}]}}"
    i=$((i + 1))
done | "$bin/anjuctl" -s "$town/n1" batch >"$work/.out" 2>&1
check "n1 has sent all" ctl n1 wait --caught-up --timeout 30
found() { ctl n1 -o jsonl find JobSeeker wage_wish=5000.00 --actor op1 --purpose service; }
check "a job seeker is found" [ "$(found | field id)" = "$job" ]
# shellcheck disable=SC2086
check "n2 takes up the claim" ctl n2 adopt WageClaim "$claim" --reason 代办 $who
check "… and has a copy" until_true 20 text n2 WageClaim "$claim"
cat >"$work/retention.yaml" <<E2
kind: retention
name: city
legal_basis: 某法第十九条
rules:
  - {name: claims, type: WageClaim, event: closed_on, days: 2, action: erase}
  - {name: mediations, type: MediationCase, event: closed_on, days: 1827, action: erase}
  - {name: stays, type: ResidencePeriod, event: to, days: 2, action: shrink, keep: [from, to]}
  - {name: jobs, type: JobSeeker, event: last_change, days: 1, action: restrict}
  - {name: people, type: Person, event: last_change, days: 1, action: erase}
E2
check "how long they are kept" ctl hub policy publish "$work/retention.yaml"
in_force() { ctl hub -o jsonl retention | grep -q "\"id\":\"$claim\""; }
check "what is due when" until_true 20 in_force
listed() { ctl hub -o jsonl retention --days "$1" | grep "\"id\":\"$2\"" | field "$3"; }
check "… the claim tomorrow" [ "$(listed 1 "$claim" due)" = "$(day tomorrow)" ]
check "… not today" [ -z "$(listed 0 "$claim" due)" ]
check "… by which law" [ "$(listed 1 "$claim" law)" = 某法第十九条 ]
check "… what is open is not due" [ -z "$(listed 36500 "$open" due)" ]
check "… who is needed stays" [ "$(listed 1 "$needed" kept)" = true ]
dry() { ctl hub -o jsonl retention run --dry-run; }
check "nothing is due today" [ -z "$(dry)" ]
check "a run does nothing" [ -z "$(ctl hub -o jsonl retention run)" ]
check "… and the status says that it was" night 0
before=$(status_of hub retention_ms)

# ---- the night; the hub is killed in it
echo +1d >"$work/clock"
restricted() { # how many, by what the hub does not give out any more
    ctl hub -o jsonl export --raw --actor a --purpose rights_request >"$work/all" && ctl hub -o jsonl export --raw --actor a --purpose proof >"$work/open" &&
        echo $(($(wc -l <"$work/all") - $(wc -l <"$work/open")))
}
begun() { [ "$(restricted)" -gt 0 ]; }
check "the next day begins with it" until_true 20 begun
stop hub KILL
clock_hub
check "after a kill it goes on by itself" until_true 60 night "$before"
check "all job seekers are only kept" [ "$(restricted)" = 301 ]
check "the closed claim is erased at n1" until_true 20 is_gone n1 WageClaim "$claim"
check "… and at n2" until_true 20 is_gone n2 WageClaim "$claim"
check "an open one is not" text n1 WageClaim "$open"
check "… nor whom it is about" text n1 Person "$alone"
check "… nor who is needed" text n1 Person "$needed"
check "the mediation stays" text n1 MediationCase "$mediation"
ctl hub -o jsonl erasures >"$work/orders"
check "an order says by which policy and law" grep -q '"reason":"retention city, version 1, rule claims","law":"某法第十九条"' "$work/orders"
order=$(grep 'rule claims' "$work/orders" | field order)
destroyed() { [ "$(ctl hub -o jsonl person erase-status "$order" | grep -c destroyed)" = 3 ]; }
check "its certificates come" until_true 90 destroyed
check "… and the list of orders says so" said destroyed ctl hub -o jsonl erasures
check "the audit log has the night" said "retention: erased" ctl hub -o jsonl audit export --actor a --purpose proof
emptied() { text n1 ResidencePeriod "$stay" >"$work/stay" && grep -q 2025-01-01 "$work/stay" && ! grep -q "某路\|$needed" "$work/stay"; }
check "the stay has its days, and nothing else" until_true 20 emptied
raw_of() { ctl n1 -o jsonl export --raw --type "$1" --actor op1 --purpose rights_request; }
nameless() { raw_of ResidencePeriod >"$work/raw" && grep -q "$stay" "$work/raw" && ! grep -q "$needed" "$work/raw"; }
check "… it does not even say whom it was about" nameless
check "… as an open case does" sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl export --raw --type MediationCase --actor op1 --purpose proof | grep -q '$needed'"

# ---- only kept
hidden() { code_of 4 ctl n1 get JobSeeker "$job" --actor op1 --purpose service; }
check "one that is only kept is not shown" until_true 20 hidden
check "… and says why" said "only kept" ctl n1 get JobSeeker "$job" --actor op1 --purpose service
check "… nor its history" code_of 4 ctl n1 history JobSeeker "$job" --actor op1 --purpose service
check "… nor changed" code_of 4 ctl n1 put JobSeeker "$job" wage_wish=1 --actor op1 --purpose service
check "… nor found" [ -z "$(found)" ]
check "… nor exported" [ -z "$(ctl n1 -o jsonl export --type JobSeeker --actor op1 --purpose service)" ]
check "… nor exported raw" [ -z "$(ctl n1 -o jsonl export --type JobSeeker --raw --actor op1 --purpose service)" ]
check "for a right of the person it is shown" said '"restricted":true' ctl n1 -o jsonl get JobSeeker "$job" --actor op1 --purpose rights_request
same() {
    ctl n1 -o jsonl export --hashes | sort >"$work/at"
    ctl hub -o jsonl export --hashes --node 1 | sort >"$work/of"
    [ -s "$work/at" ] && diff "$work/at" "$work/of"
}
check "n1 and the hub hold the same" until_true 30 same

# ---- again, and back
check "the same is not due again" [ -z "$(dry | grep -v '"state":"kept')" ]
check "… what stays is named" said '"state":"kept' dry
check "the policy ends" ctl hub policy halt retention/city
check "what no rule asks for is taken back" until_true 20 said '"action":"lift"' ctl hub -o jsonl retention run
check "… it is shown again" until_true 20 text n1 JobSeeker "$job"
check "… all of them" [ "$(restricted)" = 0 ]
check "the hub is sound" ctl hub verify
check "n1 is sound" ctl n1 verify
finish
