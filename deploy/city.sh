# A whole city on this machine: functions that start, stop and question a hub and nodes as real processes. Used by deploy/demo and by the
# end-to-end tests. Source it with `root` (the checkout), `B` (the build folder) and `town` (an own folder, its path short) set.
# Every process id is in $town/pids/NAME; nothing else is ever signalled.

LC_ALL=C.UTF-8 # scripts look for what anjuctl says in English
export LC_ALL
bin=$root/$B/bin
mkdir -p "$town/pids" "$town/log"

say() { printf '%s\n' "$*"; }
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# until_true SECONDS COMMAND…: tries again until it holds or the time is over
until_true() {
    _end=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$_end" ] || return 1
        sleep 0.05
    done
}

answers() { "$bin/anjuctl" -s "$town/$1" hello; }
ctl() {
    _who=$1
    shift
    "$bin/anjuctl" -s "$town/$_who" "$@"
}
# field NAME < one JSON object a line: a member that is a number or a text
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
status_of() { ctl "$1" -o jsonl status | field "$2"; }
pid_of() { cat "$town/pids/$1"; }

enrols() { [ -n "$(status_of hub enrol)" ]; }
make_hub() { "$bin/anju-hub" --init --set data="$town/hub.d" >"$town/hub.public" 2>>"$town/log/hub"; }
start_hub() {
    listen=tcp://127.0.0.1:*
    enrol=tcp://127.0.0.1:*
    page=tcp://127.0.0.1:*
    [ ! -s "$town/hub.page" ] || page=$(cat "$town/hub.page")
    [ ! -s "$town/hub.listen" ] || listen=$(cat "$town/hub.listen")
    [ ! -s "$town/hub.enrol" ] || enrol=$(cat "$town/hub.enrol")
    "$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set listen="$listen" --set enrol="$enrol" --set catalogue="$root/deploy/catalogue" \
        --set metrics=tcp://127.0.0.1:* --set page="$page" --set page_files="$root/$B/www/hub" 2>>"$town/log/hub" &
    echo $! >"$town/pids/hub"
    until_true 20 answers hub || die "the hub did not start: see $town/log/hub"
    ctl hub -o jsonl status | field endpoint >"$town/hub.listen"
    status_of hub page | sed 's,^http\(.*\)/$,tcp\1,' >"$town/hub.page"
    until_true 20 enrols || die "the hub's enrolment endpoint did not open: see $town/log/hub"
    status_of hub enrol >"$town/hub.enrol"
}

# make_node NAME AREA OFFICE
make_node() {
    key=$("$bin/anju-node" --init --set data="$town/$1.d" 2>>"$town/log/$1") || return 1
    ctl hub node add "$2" --name "$3" --key "$key" --out "$town/$1.enrolment" >/dev/null || return 1
    "$bin/anju-node" --join "$town/$1.enrolment" --set data="$town/$1.d" >/dev/null
}
start_node() {
    "$bin/anju-node" --set data="$town/$1.d" --set socket="$town/$1" --set metrics=tcp://127.0.0.1:* 2>>"$town/log/$1" &
    echo $! >"$town/pids/$1"
    until_true 20 answers "$1" || die "node $1 did not start: see $town/log/$1"
}

gone() { ! kill -0 "$1" 2>/dev/null; }
# stop NAME [SIGNAL]
stop() {
    [ -s "$town/pids/$1" ] || return 0
    _pid=$(pid_of "$1")
    kill "-${2:-TERM}" "$_pid" 2>/dev/null || true
    wait "$_pid" 2>/dev/null || true
    until_true 20 gone "$_pid" || kill -KILL "$_pid" 2>/dev/null || true
    rm -f "$town/pids/$1"
}
stop_all() {
    for _f in "$town"/pids/*; do
        [ -s "$_f" ] && stop "$(basename "$_f")"
    done
    return 0
}
