#!/bin/sh
# Every command of deploy/runbooks is run, as it stands there, page by page, in one city of several machines. A machine is a folder here, with
# /etc, /var/lib, /run and /media in it; the daemons, anjuctl and the small tools of the system are the real ones. Stand-ins, since a test is
# neither root nor alone on the network: apt-get and systemctl (they put in place what deploy/debian has, and start what its units say;
# tests/package does that with real packages), runuser, journalctl, and chronyc, which sets the machine's faked clock right.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make -s B="$B" "$B/tests/e2e/bad_disk.so" >&2 || exit 2
pages=deploy/runbooks
machines=$town/m
media=$town/media
mkdir -p "$machines" "$media/safe" "$media/backup" "$media/usb" "$media/key1" "$media/key2"
faked=$(faketime -f +0 env | sed -n 's/^LD_PRELOAD=//p')

# ---- a machine
port_free() { ! grep -q ":$(printf %04X "$1") " /proc/net/tcp /proc/net/tcp6; }
port() {
    while :; do
        _port=$(awk -v seed="$$$1" -v n="${_tries:-0}" 'BEGIN { srand(seed + n); print 20000 + int(rand() * 10000) }')
        _tries=$((${_tries:-0} + 1))
        if port_free "$_port"; then echo "$_port" && return; fi
    done
}
sync_port=$(port 1)
enrol_port=$(port 2)

# here TEXT: the paths and addresses of a page, as they are on this machine in this test
here() {
    sed "s,/var/lib/anju,$at/var/lib/anju,g; s,/etc/\(anju\|chrony\),$at/etc/\1,g; s,/var/log,$at/var/log,g; s,/media,$media,g
        s,/usr/share/anju,$root/deploy,g; s,HUB:7401,127.0.0.1:$sync_port,g; s,HUB:7402,127.0.0.1:$enrol_port,g; s,\./anju-\([a-z]*\)_\*,./anju-\1_,g"
}

stand_in() { # NAME, its script on standard input
    { printf "#!/bin/sh\nm=%s root=%s B=%s bin=%s town=%s faked='%s'\n" "$at" "$root" "$B" "$bin" "$town" "$faked" && cat; } >"$at/bin/$1"
    chmod +x "$at/bin/$1"
}

machine() { # NAME
    at=$machines/$1
    [ ! -d "$at" ] || return 0
    mkdir -p "$at/bin" "$at/etc/anju" "$at/etc/chrony/conf.d" "$at/etc/chrony/sources.d" "$at/var/lib/anju/before-upgrade/hub-0" "$at/var/log" "$at/run"
    echo +0 >"$at/clock"
    for program in anju-hub anju-node; do
        what=${program#anju-}
        case $1 in city | drill) ports="--set listen=tcp://127.0.0.1:* --set enrol=" ;; *) ports="--set listen=tcp://127.0.0.1:$sync_port --set enrol=tcp://127.0.0.1:$enrol_port" ;; esac
        [ "$what" = hub ] || ports=
        pages_of=
        [ "$what" = node ] || pages_of="--set page="
        stand_in "$program" <<END
case " \$* " in *--show-config*) exec "\$bin/$program" "\$@" ;; esac
grep -q '^catalogue:' "\$m/etc/anju/hub.yaml" 2>/dev/null || catalogue="--set catalogue=\$root/deploy/catalogue"
[ $what = hub ] || catalogue=
exec "\$bin/$program" "\$@" --set data="\$m/var/lib/anju/$what" --set socket="\$m/run/$what" $ports $pages_of \$catalogue
END
    done
    stand_in anjuctl <<'END'
[ -d "$m/run/hub" ] && what=hub || what=node
ANJU_SOCKET=$m/run/$what exec "$bin/anjuctl" "$@"
END
    stand_in runuser <<'END'
[ "$1 $2 $3" = "-u anju --" ] || exit 64
shift 3
exec "$@"
END
    stand_in install <<'END'
[ "$1 $2 $3 $4 $5" = "-o anju -g anju -m" ] || exit 64
shift 4
exec /usr/bin/install "$@"
END
    stand_in journalctl <<'END'
case $1 in --vacuum-size=*M) ;; *) exit 64 ;; esac
END
    stand_in chronyc <<'END'
[ "$*" = makestep ] && echo +0 >"$m/clock" && echo "200 OK"
END
    stand_in date <<'END'
FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE=$m/clock LD_PRELOAD=$faked exec /usr/bin/date "$@"
END
    stand_in apt-get <<'END'
[ "$1" = install ] || exit 64
shift
for p in "$@"; do
    case $p in
    chrony) continue ;;
    ./anju-*_.deb) p=${p#./} p=${p%_.deb} ;;
    *) exit 64 ;;
    esac
    grep -qx "Package: $p" "$root/deploy/debian/control" || { echo "no package $p" && exit 100; }
    [ "$p" = anju-tools ] || cp "$root/deploy/debian/${p#anju-}.yaml" "$m/etc/anju/"
    # A node starts by itself, a hub has no city yet.
    [ "$p" != anju-node ] || "$m/bin/systemctl" start anju-node
done
END
    stand_in systemctl <<'END'
order=$1
shift
[ "$1" != --now ] || { now=1 && shift; }
[ "$1" != chrony ] || exit 0
name=${m##*/} what=${1#anju-}
unit=$root/deploy/debian/$1.service
[ -r "$unit" ] || exit 5
. "$root/deploy/city.sh"
stop() {
    [ -s "$town/pids/$name" ] || return 0
    pid=$(cat "$town/pids/$name")
    kill "$pid" && rm "$town/pids/$name"
    tail -s 0.05 --pid="$pid" -f /dev/null
    rm -rf "$m/run/$what"
}
start() {
    condition=$(sed -n 's/^ConditionPathExists=//p' "$unit")
    [ -z "$condition" ] || [ -e "$m$condition" ] || { echo "condition failed: $condition" && exit 1; }
    command=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s,/usr/bin,$m/bin,; s,/etc,$m/etc,")
    export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE="$m/clock" ANJU_DISK="$m/disk"
    LD_PRELOAD="$faked $root/$B/tests/e2e/bad_disk.so" $command >>"$town/log/$name" 2>&1 &
    echo $! >"$town/pids/$name"
    until_true 20 "$bin/anjuctl" -s "$m/run/$what" hello || { tail -n 3 "$town/log/$name" && exit 1; }
}
case $order in
start) start ;;
restart) stop && start ;;
stop) stop ;;
disable) [ -z "${now:-}" ] || stop ;;
*) exit 64 ;;
esac
END
}
on() { # MACHINE COMMAND-LINE
    machine "$1"
    (cd "$town" && PATH=$at/bin:$PATH sh -c "$2")
}

# ---- what stands for what a person reads off the screen
note() { # LINE: after each command
    case $1 in
    *"node token "*) token=$(sed -n 's/^token  *//p' "$work/out") ;;
    *"anjuctl enrol "*) code=$(sed -n 's/^code  *//p' "$work/out") ;;
    *"anjuctl nodes"*) node=$(awk '/一号社区/ { n = $1 } END { print n }' "$work/out") ;;
    *"quarantine list"*) seq=$(awk 'NR > 1 { print $2; exit }' "$work/out") ;;
    *"anjuctl backups"*) backup=$(awk 'END { print $1 }' "$work/out") ;;
    *keygen*key1*) public1=$(grep -o '[^ ]*$' "$work/out" | tail -n 1) ;;
    *keygen*key2*) public2=$(grep -o '[^ ]*$' "$work/out" | tail -n 1) ;;
    *"policy sign"*) signature=$(tail -n 1 "$work/out") ;;
    esac
}
filled() {
    sed "s,TOKEN,${token:-},g; s/CODE/${code:-}/g; s/NODE/${node:-}/g; s/SEQ/${seq:-}/g; s,BACKUP,${backup:-},g
        s/PUBLIC1/${public1:-}/; s/PUBLIC2/${public2:-}/; s/SIGNATURE/${signature:-}/"
}
shows() { cat "$work/out" && grep -qF -- "$1" "$work/out"; }
shows_not() { cat "$work/out" && ! grep -qF -- "$1" "$work/out"; }
problem() { on "$1" "anjuctl -o jsonl problems" | grep "\"code\":\"$2\""; }
no_problem() { ! problem "$@"; }
put() { on "$1" "anjuctl put Person name=$2 --actor clerk1 --purpose registration"; }

# page NAME: runs its commands in their order. PAGE_before LINE and PAGE_after LINE, where there are such, are what happens in the city between
# them, and what must be seen on the screen then.
page() {
    count=0
    hook=$(echo "$1" | tr - _)
    sed -n '/^```/,/^```/{/^```/d;p}' "$pages/$1.md" >"$work/commands"
    while IFS= read -r line <&3; do
        count=$((count + 1))
        case $line in
        [a-z]*'$ '*) ;;
        *) fail "$1: not a command: $line" && continue ;;
        esac
        host=${line%%\$ *}
        "${hook}_before" "$line"
        machine "$host"
        command=$(printf '%s\n' "${line#*\$ }" | here | filled)
        if on "$host" "$command" >"$work/out" 2>&1 </dev/null; then
            pass "$1: $line"
        else
            cp "$work/out" "$work/.said"
            fail "$1: $line"
        fi
        note "$line"
        "${hook}_after" "$line"
    done 3<"$work/commands"
    done_pages="$done_pages $1"
}
done_pages=

first_city_before() { :; }
first_city_after() {
    case $1 in *"anjuctl nodes") check "… three offices" [ "$(grep -c 社区 "$work/out")" = 3 ] ;; esac
}
page first-city

full_disk_before() {
    [ "$count" = 1 ] || return 0
    echo full >"$machines/hub/disk"
    put office1 meanwhile >"$work/.said"
    check "full-disk: the hub's disk is full" until_true 20 problem hub log_full
}
full_disk_after() {
    case $1 in
    *problems) [ "$count" != 1 ] || check "… it is named" shows full ;;
    *before-upgrade/\*) rm "$machines/hub/disk" ;; # that was the room that is needed
    esac
    [ "$1" != 'hub$ anjuctl problems' ] || [ "$count" = 1 ] || check "… and gone" until_true 20 no_problem hub log_full
}
page full-disk

time_before() {
    [ "$count" = 1 ] || return 0
    echo +330s >"$machines/office1/clock"
    on office1 "systemctl restart anju-node" >"$work/.said"
    check "time: the hub hears of a wrong clock" until_true 40 problem hub node_clock
    check "time: and the office" until_true 40 problem office1 clock
}
time_after() {
    case $count:$1 in
    1:* | 2:*) check "… it is named" shows clock ;;
    *"restart anju-node") check "… the office's clock is right" until_true 40 no_problem office1 clock ;;
    esac
}
page time

dead_office_before() {
    case $1 in *"node revoke"*) # it had work that was not sent when it died
        on office1 "anjuctl pause" >"$work/.said"
        put office1 未上传 >"$work/.said"
        ;;
    esac
}
dead_office_after() {
    case $1 in
    *"quarantine list") check "… it lists what was not sent" [ -n "$seq" ] ;;
    'spare$ anjuctl wait'*) check "… and the spare machine has it" sh -c "[ \$('$bin/anjuctl' -s '$machines/spare/run/node' -o jsonl find Person name=未上传 --actor op1 --purpose registration | wc -l) = 1 ]" ;;
    esac
}
page dead-office

restore_drill_before() { :; }
restore_drill_after() {
    case $1 in
    *--check) check "… it is whole" shows "this backup is whole" ;;
    *'drill$ anjuctl verify') check "… and sound" shows sound ;;
    esac
}
page restore-drill

policy_key_before() {
    case $1 in 'hub$ systemctl stop'*) rm "$machines/hub/var/lib/anju/hub/policy.keys" ;; esac
}
policy_key_after() {
    case $1 in 'hub$ anjuctl policies') check "… the policies are there" shows purposes ;; esac
}
page policy-key

move_hub_before() { :; }
move_hub_after() {
    case $1 in
    *"anjuctl nodes") check "… with all offices" [ "$(grep -c 社区 "$work/out")" = 4 ] ;;
    *"anjuctl verify") check "… sound" shows sound ;;
    esac
}
page move-hub

for file in "$pages"/*.md; do
    name=$(basename "$file" .md)
    case " $done_pages " in *" $name "*) ;; *) fail "$name: no command of it was run" ;; esac
done
finish
