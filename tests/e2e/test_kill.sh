#!/bin/sh
# kill -9 at any instant: what was answered is there afterwards, at the node and at the hub, and both hold the same.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
make_node n1 650203001001 一
start_node n1

# write_many FROM COUNT: puts with keys k-N, one session; the answered ids go to $work/answered
write_many() {
    _i=$1
    _end=$(($1 + $2))
    while [ "$_i" -lt "$_end" ]; do
        echo "{\"cmd\":\"edit\",\"args\":{\"actor\":\"op1\",\"purpose\":\"registration\",\"records\":[{\"type\":\"Person\",\"key\":\"k-$_i\",\"op\":\"create\",\"fields\":{\"name\":\"n$_i\"}}]}}"
        _i=$((_i + 1))
    done | "$bin/anjuctl" -s "$town/n1" batch 2>/dev/null | sed -n 's/.*"id":"\([0-9a-f]\{32\}\)".*/\1/p' >>"$work/answered"
}
: >"$work/answered"
round=0
while [ $round -lt 12 ]; do
    write_many $((round * 1000)) 1000 &
    writer=$!
    # a victim, after a part of the work: the moment differs from round to round
    wanted=$(($(wc -l <"$work/answered") + 20 + round * 37 % 400))
    until_true 10 sh -c "[ \$(wc -l <'$work/answered') -ge $wanted ]" || true
    if [ $((round % 3)) = 2 ]; then stop hub KILL; else stop n1 KILL; fi
    wait $writer 2>/dev/null || true
    [ -s "$town/pids/n1" ] || start_node n1
    [ -s "$town/pids/hub" ] || start_hub
    round=$((round + 1))
done
check "many edits were answered" [ "$(wc -l <"$work/answered")" -gt 1000 ]
check "the node catches up after all kills" ctl n1 wait --caught-up --timeout 60
ctl n1 -o jsonl export --actor op1 --purpose proof | sed -n 's/.*"id":"\([0-9a-f]*\)".*/\1/p' | LC_ALL=C sort >"$work/there"
LC_ALL=C sort -u "$work/answered" >"$work/wanted"
all_there() {
    LC_ALL=C comm -23 "$work/wanted" "$work/there" >"$work/lost"
    wc -l "$work/wanted" "$work/lost"
    [ ! -s "$work/lost" ]
}
check "every answered edit is at the node" all_there
check "hub and node hold the same bytes" sh -c "'$bin/anjuctl' -s '$town/n1' -o jsonl export --hashes >'$work/a' && '$bin/anjuctl' -s '$town/hub' -o jsonl export --hashes --node 1 >'$work/b' && [ -s '$work/a' ] && cmp '$work/a' '$work/b'"
check "verify at the node" said sound ctl n1 verify
check "verify at the hub" said sound ctl hub verify
finish
