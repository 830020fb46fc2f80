#!/bin/sh
# make bench: W1 (100,000 changes saved one by one while offline, then the link comes up) on 1 and on 10 nodes, beside raw LMDB on this disk in the
# same run, interleaved: raw, W1 on 1, raw, W1 on 10, PASSES times. COUNT=n and PASSES=n change the numbers. Writes build/bench.json (value: the
# middle of the passes); a table goes to standard output.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
B=${B:-build}
COUNT=${COUNT:-100000}
PASSES=${PASSES:-3}
make --no-print-directory -s -j"$(nproc)" B="$B" all "$B/tests/bench/w1" "$B/tests/bench/acks" "$B/tests/bench/seal" "$B/tests/bench/fanout" "$B/tests/bench/status" "$B/tests/e2e/outsider" "$B/tests/e2e/hostile" >&2
w1=$B/tests/bench/w1
town=$(mktemp -d "${BENCH_DIR:-$root/$B}/b.XXXXXX")
. deploy/city.sh
. tests/bench/bounds.sh
trap 'stop_all; rm -rf "$town"' EXIT
trap 'exit 130' INT TERM
rows=$town/rows
: >"$rows"
: >"$town/append"
: >"$town/fourput"

raw() {
    for kind in append fourput; do
        "$w1" $kind "$town/raw.$kind" "$COUNT" >>"$town/$kind"
        rm -rf "$town/raw.$kind"
    done
}
middle() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
low() { sort -n "$1" | head -n 1; }
high() { sort -n "$1" | tail -n 1; }
# cpu PID: microseconds of processor time so far
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000000 / hz }' "/proc/$1/stat"; }
stored() { wc -c <"$1/data.mdb"; } # all its pages: also those that are free
anon() { awk '/RssAnon/ { print $2 }' "/proc/$1/status"; }
now() { date +%s.%N; }
# Bytes through the loopback interface so far: both directions of every link, with the headers of TCP and IP.
loopback() { awk '$1 == "lo:" { print $2 }' /proc/net/dev; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a - b }'; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", b == 0 ? 0 : a / b }'; }

# row NAME UNIT VALUE LIMIT GOAL LESS N: LIMIT and GOAL may be `null`; LESS: 1 when less is better
row() {
    ratio=null met=null
    [ "$4" = null ] || ratio=$(per "$3" "$4")
    if [ "$5" != null ]; then
        compared=$ratio
        [ "$4" != null ] || compared=$3
        met=$(awk -v v="$compared" -v g="$5" -v less="$6" 'BEGIN { print ((less && v <= g) || (!less && v >= g)) ? "true" : "false" }')
    fi
    printf '{"name":"%s","unit":"%s","value":%s,"limit":%s,"ratio":%s,"goal":%s,"met":%s,"low":%s,"high":%s,"n":%s}\n' \
        "$1" "$2" "$3" "$4" "$ratio" "$5" "$met" "${8:-$3}" "${9:-$3}" "$7" >>"$rows"
    printf '%-52s %14s %-12s limit %12s  ratio %8s  goal %6s  met %s\n' "$1" "$3" "$2" "$4" "$ratio" "$5" "$met"
}

node_cpus() {
    for _f in "$town"/pids/n*; do
        cpu "$(cat "$_f")"
    done | awk '{ n += $1 } END { printf "%.0f", n }'
}

# w1_run NODES: the whole of W1 on so many nodes
w1_run() {
    nodes=$1
    each=$((COUNT / nodes))
    total=$((each * nodes))
    rm -rf "$town"/hub.d "$town"/n*.d "$town"/*.enrolment "$town"/hub.listen "$town"/hub
    make_hub
    start_hub
    i=1
    while [ $i -le "$nodes" ]; do
        make_node "n$i" "$(printf '650203%03d%03d' $i $i)" "office $i"
        i=$((i + 1))
    done
    saved=0
    i=1
    while [ $i -le "$nodes" ]; do
        "$w1" fill "$town/n$i.d/store" "$each" "$i" >"$town/fill.$i"
        i=$((i + 1))
    done
    cut -d' ' -f2 "$town"/fill.* >"$town/saves"
    # all nodes run and keep their links closed; then the links come up at one moment
    stop hub
    names=
    i=1
    while [ $i -le "$nodes" ]; do
        start_node "n$i"
        ctl "n$i" pause >/dev/null
        names="$names $town/n$i"
        i=$((i + 1))
    done
    start_hub
    hub_pid=$(pid_of hub)
    hub_before=$(cpu "$hub_pid")
    node_before=$(node_cpus)
    bytes_before=$(status_of hub received_bytes)
    loopback_before=$(loopback)
    # shellcheck disable=SC2086 # the folders have no spaces
    "$w1" race "$total" "$town/hub" $names >"$town/race"
    acked=$(cut -d' ' -f1 "$town/race")
    merged=$(cut -d' ' -f2 "$town/race")
    hub_cpu=$(minus "$(cpu "$hub_pid")" "$hub_before")
    node_cpu=$(minus "$(node_cpus)" "$node_before")
    wire=$(minus "$(loopback)" "$loopback_before")
    cat "$town/saves" >>"$town/saves.$nodes"
    note acked "$(per "$total" "$acked")"
    note merged "$(per "$total" "$merged")"
    note hub_cpu "$(per "$hub_cpu" "$total")"
    note node_cpu "$(per "$node_cpu" "$total")"
    note pushed "$(per "$(minus "$(status_of hub received_bytes)" "$bytes_before")" "$total")"
    note wire "$(per "$wire" "$total")"
    note hub_bytes "$(per "$(($(stored "$town/hub.d/log") + $(stored "$town/hub.d/state")))" "$total")"
    note node_bytes "$(per "$(cat "$town"/n*.d/store/data.mdb | wc -c)" "$total")"
    note hub_anon "$(anon "$hub_pid")"
    note node_anon_busy "$(anon "$(pid_of n1)")"
    i=1
    while [ $i -le "$nodes" ]; do
        ctl "n$i" wait --caught-up --timeout 120 >/dev/null || die "n$i does not catch up"
        i=$((i + 1))
    done
    until_true 10 gave_back || : # after some quiet; if it gives nothing back, that is what is measured
    note node_anon "$(anon "$(pid_of n1)")"
    stop_all
}
gave_back() { [ "$(anon "$(pid_of n1)")" -lt "$(($(tail -n 1 "$town/seen.$nodes.node_anon_busy") / 2))" ]; }
note() { echo "$2" >>"$town/seen.$nodes.$1"; }

# seen NAME UNIT LIMIT GOAL LESS: a row of what the passes saw
seen() {
    f=$town/seen.$nodes.$1
    row "w1.$nodes.$1" "$2" "$(middle "$f")" "$3" "$4" "$5" "$PASSES" "$(low "$f")" "$(high "$f")"
}

# What a sealed value of 300 bytes costs, under the store key and under a key of its own (seal.c).
seal_rows() {
    "$B/tests/bench/seal" 300 200000 >"$town/seal"
    for kind in store own; do
        read -r put open more <<V
$(sed -n "$([ $kind = store ] && echo 1 || echo 2)p" "$town/seal")
V
        row "seal.$kind.put_300" us "$put" null null 1 200000
        row "seal.$kind.open_300" us "$open" null null 1 200000
        row "seal.$kind.more" bytes/value "$more" null null 1 1
    done
}

# A policy to so many offices, all engines in one process; beside the same commits alone.
fanout_rows() {
    for offices in 100 1000; do
        rm -rf "$town"/hub.d "$town"/hub.listen "$town"/hub "$town/fan" "$town/fan.raw"
        mkdir "$town/fan" "$town/fan.raw"
        make_hub
        start_hub
        "$B/tests/bench/fanout" "$town/hub" $offices "$town/fan" >"$town/fanout" 2>"$town/log/fanout" || die "the fan-out ended badly: $town/log/fanout"
        stop_all
        alone=$("$B/tests/bench/fanout" --raw $offices "$town/fan.raw")
        row "fanout.$offices.p50" ms "$(cut -d' ' -f1 "$town/fanout")" null null 1 1
        row "fanout.$offices.last" ms "$(cut -d' ' -f2 "$town/fanout")" "$alone" 1.3 1 1
    done
}

# What it costs to look at a city of 3,000 offices (5-INTERFACES): one answer, the page that nobody looks at, 200 watchers.
status_rows() {
    rm -rf "$town"/hub.d "$town"/hub.listen "$town"/hub
    make_hub
    start_hub
    "$B/tests/bench/status" "$town/hub" 3000 >"$town/status" 2>"$town/log/status" || die "looking at 3,000 offices ended badly: $town/log/status"
    row "status.3000.p50" us "$(cut -d' ' -f1 "$town/status")" null 5000 1 200
    row "status.3000.p99" us "$(cut -d' ' -f2 "$town/status")" null null 1 200
    row "nodes.3000.p50" us "$(cut -d' ' -f3 "$town/status")" null null 1 20
    for watchers in 0 200; do
        before=$(cpu "$(pid_of hub)")
        "$B/tests/bench/status" --watch "$town/hub" $watchers 10 >"$town/frames"
        # microseconds of ten seconds, in percent
        row "hub.cpu.$watchers-watchers" percent "$(awk -v a="$(cpu "$(pid_of hub)")" -v b="$before" 'BEGIN { printf "%.2f", (a - b) / 100000 }')" null \
            "$([ $watchers = 0 ] && echo 1 || echo 5)" 1 1
    done
    page_rows
    stop_all
}

# What a page that is open and not touched costs, on the same city: its tab, the whole browser, the hub.
page_rows() {
    command -v chromium node npm >/dev/null && make --no-print-directory -s B="$B" pages tests/pages/node_modules/.package-lock.json >&2 || {
        echo "page.idle: not measured: it needs chromium, node and npm" >&2
        return 0
    }
    (cd tests/pages && node ../bench/page.mjs "$(status_of hub page)" 30 "$(pid_of hub)") >"$town/page" || die "the page was not measured"
    row page.idle.tab percent "$(cut -d' ' -f1 "$town/page")" null 1 1 1
    row page.idle.browser percent "$(cut -d' ' -f2 "$town/page")" null null 1 1
    row page.idle.hub percent "$(cut -d' ' -f3 "$town/page")" null 1 1 1
}

# w1_rows NODES: beside the limits of the whole run
w1_rows() {
    nodes=$1
    seen acked changes/s "$(middle "$town/append")" 0.15 0
    seen merged changes/s "$(middle "$town/fourput")" 1.5 0
    seen hub_cpu us/change null 8 1
    seen node_cpu us/change null null 1
    seen pushed bytes/change null 110 1
    seen wire bytes/change null null 1
    row "w1.$nodes.save_p50" us "$(middle "$town/saves.$nodes")" "$(middle "$town/commit")" 1.5 1 "$COUNT" "$(low "$town/saves.$nodes")" "$(high "$town/saves.$nodes")"
    seen hub_bytes bytes/change null null 1
    seen node_bytes bytes/change null null 1
    seen hub_anon kB null null 1
    seen node_anon_busy kB null null 1
    seen node_anon kB null 8192 1
}

echo "W1 with $COUNT changes, $PASSES passes, on $(nproc) processors; folder $town"
pass=1
while [ $pass -le "$PASSES" ]; do
    "$w1" commit "$town/raw.commit" 2000 >>"$town/commit"
    rm -rf "$town/raw.commit"
    raw
    w1_run 1
    raw
    w1_run 10
    pass=$((pass + 1))
done
raw
w1_rows 1
w1_rows 10
raws=$((2 * PASSES + 1))
row w1.unshrinkable bytes/change "$(awk 'BEGIN { print 16 + 0.4 * 16 }')" null null 1 1
row raw.append changes/s "$(middle "$town/append")" null null 0 $raws "$(low "$town/append")" "$(high "$town/append")"
row raw.fourput changes/s "$(middle "$town/fourput")" null null 0 $raws "$(low "$town/fourput")" "$(high "$town/fourput")"
row raw.commit_p50 us "$(middle "$town/commit")" null null 1 "$PASSES" "$(low "$town/commit")" "$(high "$town/commit")"
for kind in audit plain; do
    "$w1" $kind "$town/raw.$kind" "$COUNT" >"$town/$kind"
    rm -rf "$town/raw.$kind"
done
row access.bytes_per_entry bytes "$(cut -d' ' -f1 "$town/audit")" "$(cut -d' ' -f1 "$town/plain")" 0.5 1 1
row access.add_us us "$(cut -d' ' -f2 "$town/audit")" "$(cut -d' ' -f2 "$town/plain")" null 1 1
seal_rows
fanout_rows
status_rows
bounds_rows
{
    echo '['
    sed '$!s/$/,/' "$rows"
    echo ']'
} >"$B/bench.json"
echo "written: $B/bench.json"
