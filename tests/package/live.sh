# Sourced by run.sh: the packages on a machine that is booted, with its own systemd as process 1 (systemd-nspawn), hub and node beside each
# other on it, with a network of its own in which there is nobody else. Here is what only shows under the real units: readiness, watchdog and
# restarts, what the sandbox takes from a daemon and what it leaves, what the packages do to a daemon that runs.
# It takes six minutes (371 s on two cores that others used too), much of it waiting: for the watchdog, and until systemd gives a unit up.
# Where no systemd can be started it says `MISSING no live systemd can be started here: …`, and tests/run counts the part as missing.

live=$room/live
on() { at live "$@"; }
anju() { # hub|node ARGUMENT…
    _who=$1
    shift
    on anjuctl -s "$_who" "$@"
}
property() { on systemctl show -p "$2" --value "anju-$1"; } # hub|node NAME
is() { [ "$(property "$1" "$2")" = "$3" ]; }                # hub|node NAME VALUE
active() { is "$1" ActiveState active; }
main_pid() { property "$1" MainPID; }
another() {                                             # hub|node PID: it runs, and not as that process; both by one look
    on systemctl show -p ActiveState -p MainPID "anju-$1" >"$work/now"
    grep -qx ActiveState=active "$work/now" && ! grep -qxE "MainPID=(0|$2)" "$work/now"
}
journal() {                                                  # hub|node OPTION…
    _w=$1
    shift
    on journalctl --no-pager -q -o cat -u "anju-$_w" "$@"
}
logged() { # hub|node TEXT OPTION…
    _w=$1
    _t=$2
    shift 2
    journal "$_w" "$@" | grep -F -- "$_t"
}
not() { ! "$@"; }
ready_after() { journal "$1" | awk -v event="$2" '$1 == event { said = 1 } /^Started / { good = said; exit } END { exit !good }'; }
packages() { # VERSION hub|node…: these daemons and the tools; what apt-get says is in $work/apt
    _v=$1
    shift
    # shellcheck disable=SC2046
    apt live --allow-downgrades install $(printf "/debs/anju-%s_${_v}_$arch.deb " tools "$@") >"$work/apt" 2>&1
    _r=$?
    cat "$work/apt"
    return $_r
}
runs_version() { anju "$1" metrics | grep -F "version=\"$2\""; }
person() { anju node -o jsonl put Person "name=$1" --actor op1 --purpose registration; }
people() { anju "$1" -o jsonl export --raw --actor op1 --purpose registration | grep '"type":32,' | LC_ALL=C sort; } # catalogue/32-Person.yaml
# alike COUNT: so many people are at the office, and the same bytes at the hub
alike() {
    anju node wait --caught-up --timeout 60 >"$work/wait" || return 1
    for _w in hub node; do people $_w >"$work/$_w"; done
    cut -c 1-60 "$work/hub" "$work/node"
    [ "$(wc -l <"$work/node")" = "$1" ] && cmp "$work/hub" "$work/node"
}
seen_by() { # hub|node COMMAND…: in the file system that the daemon sees
    _w=$1
    shift
    on nsenter -t "$(main_pid "$_w")" -m -- "$@"
}
process_has() { on grep -x "$2:[[:space:]]*$3" "/proc/$(main_pid "$1")/status"; } # hub|node FIELD VALUE
filters() { on sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$1/status"; }
filtered() { [ "$(filters "$(main_pid "$1")")" -gt "$(filters 1)" ]; }
compacted() { anju "$1" -o jsonl jobs | grep '"compaction"' | grep '"done"'; }
page() { on curl -sS -m 20 -H 'X-Anju: person' -H 'Content-Type: application/json' "$@"; }
restart_until_refused() {
    for _i in 1 2 3 4 5 6; do on systemctl restart anju-hub || return 0; done
    return 1
}
restore() { on runuser -u anju -- anju-hub --config /etc/anju/hub.yaml --restore "$backup" --backup-key /var/lib/anju/backup.key "$@"; }
stops() { # hub|node: in much less than its unit allows
    _at=$(date +%s)
    on systemctl stop "anju-$1" && [ "$(($(date +%s) - _at))" -lt 20 ]
}

clean() { # hub|node
    is "$1" Result success || { property "$1" Result; journal "$1" -n 20; return 1; }
}

# ---- to boot it
boot() {
    command -v systemd-nspawn >/dev/null || { echo "there is no systemd-nspawn (deploy/setup full)" >"$work/why" && return 1; }
    mkdir -p "$room/cgroup"
    mount -t cgroup2 cgroup2 "$room/cgroup" 2>"$work/why" || return 1
    mkdir "$room/cgroup/anju-live-$$" 2>"$work/why" || return 1
    # It gets a /run that is not this machine's, and control groups below one of ours.
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c '
        echo $$ >"$1/cgroup.procs" || exit 1
        umount --recursive --lazy /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /run || exit 1
        exec systemd-nspawn --quiet --register=no --keep-unit --private-network --resolv-conf=off --timezone=off --link-journal=no \
            --console=pipe --directory="$2" --boot
    ' sh "$room/cgroup/anju-live-$$" "$live" </dev/null >"$work/why" 2>&1 &
    echo $! >"$room/pids/live"
    until_true 60 is_up && return 0
    unboot
    cat "$work/why"
    return 1
}
is_up() { pgrep -P "$(pid_of live)" >"$live.leader" && on systemctl is-active basic.target; }
unboot() {
    stop live # its process 1 is told to power off
    rm -f "$live.leader"
    find "$room/cgroup/anju-live-$$" -depth -type d -exec rmdir {} + 2>/dev/null
    umount "$room/cgroup" 2>/dev/null
}

live_life() {
    # ---- install
    check "a machine is booted" is_up
    check "both packages are installed" packages "$version" hub node
    check "sysusers made the user" on getent passwd anju
    for made in "anju 750 /var/lib/anju" "anju 700 /var/lib/anju/before-upgrade" "anju 700 /var/backups/anju" "root 755 /run/anju"; do
        check "tmpfiles made ${made##* }" [ "$(on stat -c '%U %a %n' "${made##* }")" = "$made" ]
    done
    check "the node runs at once" active node
    check "… and says what it waits for" is node StatusText "not enrolled"
    check "the hub waits for --init" is hub ConditionResult no
    check "… which is no failure" is hub ActiveState inactive

    # ---- the first city
    check "the city is made" on runuser -u anju -- anju-hub --config /etc/anju/hub.yaml --init
    check "the hub is started" on systemctl start anju-hub
    check "… and is active" active hub
    check "… once it said so itself, with its address" is hub StatusText "tcp://[::]:7401"
    check "… which was not before it was ready" ready_after hub hub.started
    check "… and is shown" says 'Status: "tcp://[::]:7401"' on systemctl --no-pager status anju-hub
    check "its page answers" says "<title>" page http://127.0.0.1:7490/
    check "its metrics" says 'anju_build_info{daemon="hub"' page http://127.0.0.1:7491/metrics
    token=$(anju hub -o jsonl node token 650203001001 --name 一 --auto | field token)
    check "the office is enrolled" anju node enrol "$token@127.0.0.1:7402"
    check "it is a node soon, and saves" until_true 30 person one
    check "… and says so" is node StatusText running
    check "work goes to the hub" until_true 30 alike 1
    check "it is found" says '"name":"one"' anju node -o jsonl find Person name=one --actor op1 --purpose registration
    check "nothing was restarted for it" [ "$(property hub NRestarts) $(property node NRestarts)" = "0 0" ]

    # ---- what the sandbox takes
    on useradd -m -G anju clerk
    check "a clerk has a home" on sh -c 'ls ~clerk'
    for what in hub node; do
        check "$what: no capabilities" process_has $what CapEff 0000000000000000
        check "$what: … and none to be had" process_has $what CapBnd 0000000000000000
        check "$what: no new privileges" process_has $what NoNewPrivs 1
        check "$what: system calls are filtered" filtered $what
        refuse "$what: /etc cannot be written" seen_by $what touch /etc/anju/x
        refuse "$what: homes are not there" seen_by $what sh -c 'ls ~clerk'
        refuse "$what: nor are disks" seen_by $what ls /dev/loop-control
        refuse "$what: nor are other processes" seen_by $what setpriv --reuid=anju --regid=anju --clear-groups ls /proc/1
    done

    # ---- and what it leaves
    on mkdir -p /media/backup
    on mount -t tmpfs -o "uid=$(on id -u anju),mode=700" tmpfs /media/backup
    check "a backup onto a medium that was put in later" anju hub backup /media/backup
    check "the node's, where backups are by default" anju node backup /var/backups/anju
    check "hub: sound" says sound anju hub verify
    check "node: sound" says sound anju node verify
    {
        echo record_id,name,sex,birth_date,id_number,phone,native_place,education,kind,registered_on,status
        echo 'A-1,王宇轩,男,1998-06-17,992156199806176814,12973125514,,初中,resident,2023-08-21,active'
    } >"$live/srv/people.csv"
    check "a spreadsheet goes in" says "1 rows saved" \
        anju node import person /srv/people.csv --map /usr/share/anju/catalogue/mapping/person.yaml --actor op1
    echo 'correct horse 99' >"$live/srv/password"
    check "an account with a password is added" on sh -c 'anjuctl -s hub account add it1 </srv/password'
    check "… and logs in" says it1 page -d '{"name":"it1","password":"correct horse 99"}' http://127.0.0.1:7490/api/login
    on install -m 600 /usr/share/anju/policies/notices.yaml /srv/notices.yaml
    check "a policy that only root may read is published" anju hub policy publish /srv/notices.yaml
    erased=$(person gone | field id)
    check "work goes to the hub" anju node wait --acked --timeout 30
    check "a person is erased" anju hub person erase "$erased" --reason request --order O-1 --yes
    for what in hub node; do check "$what: its stores are written anew for it" until_true 90 compacted $what; done
    check "hub and office hold the same" until_true 30 alike 2
    check "who is in the group anju may ask" says state on runuser -u clerk -- anjuctl -s hub status
    refuse "who is not may not" on runuser -u nobody -- anjuctl -s hub status
    for what in hub node; do
        check "$what: a warning is one in the journal" logged $what seal.key_beside_data -p warning
        check "$what: news is there" logged $what $what.started -p info
        check "$what: … and is no warning" not logged $what $what.started -p notice
    done

    # ---- it dies, hangs, is stopped
    pid=$(main_pid hub)
    on kill -KILL "$pid"
    check "a hub that was killed is started again" until_true 30 another hub "$pid"
    check "… with its data" until_true 30 alike 2
    check "… and the node outlived it" is node NRestarts 0
    pid=$(main_pid node)
    on kill -KILL "$pid"
    check "so is a node" until_true 30 another node "$pid"
    check "… with its data" until_true 30 alike 2
    hub_pid=$(main_pid hub)
    pid=$(main_pid node)
    on kill -STOP "$hub_pid" "$pid"
    check "the watchdog ends a hub that hangs, and it is started again" until_true 120 another hub "$hub_pid"
    check "so for a node" until_true 60 another node "$pid"
    for what in hub node; do
        check "$what: … and the journal says why" logged $what "Watchdog timeout"
        check "$what: it stops when told" stops $what
        check "$what: … cleanly" clean $what
        check "$what: … by itself" logged $what "$what.stopped exit=0"
    done

    # ---- the sealing key as a credential; the machine starts again
    on install -d -m 700 /etc/credstore
    on install -m 600 /var/lib/anju/hub.seal /etc/credstore/anju-hub.seal
    on rm /var/lib/anju/hub.seal
    on systemctl unmask systemd-networkd-wait-online 2>"$work/online"
    unboot
    check "the machine is booted again" boot
    [ -s "$live.leader" ] || return
    check "the node comes up with it, without a line" until_true 60 active node
    check "… while whoever needs one waits for it" is hub ActiveState inactive
    on systemctl stop systemd-networkd-wait-online # nobody waits for it any longer
    check "so does the hub then" until_true 60 active hub
    check "the hub has its sealing key from the service manager" says '"seal":"credential"' anju hub -o jsonl status
    check "all is there" until_true 30 alike 2

    # ---- an upgrade while they run
    check "a hub that was started often is not started any more" restart_until_refused
    check "both are upgraded" packages "$next" hub node
    check "… and what was on the disk was copied" says "copied /var/lib/anju/node" cat "$work/apt"
    for what in hub node; do
        check "$what: runs again after it" active $what
        check "$what: … as the new version" runs_version $what "$next"
    done
    check "all is there" until_true 60 alike 2
    check "the hub is stopped" stops hub
    person two >"$work/put"
    refuse "going down with unsent work is refused" packages "$version" node
    check "… and the node still runs" active node
    check "… as the version it was" runs_version node "$next"
    on systemctl start anju-hub
    check "all is sent" anju node wait --acked --timeout 60

    # ---- and back, the hub first
    for what in hub node; do
        check "the older $what is installed" packages "$version" $what
        check "… and names the way back" until_true 30 logged $what "written by a newer version"
        check "… and is tried no more after a while" until_true 120 is $what ActiveState failed
        check "the way back" says "anju-$what runs again" on anju-rollback $what
        check "it runs" active $what
        check "… as the older version" runs_version $what "$version"
        check "all is there, what came after the upgrade too" until_true 60 alike 3
    done

    # ---- a restore, as on a machine of the drill
    backup=$(anju hub -o jsonl backup /var/backups/anju | field path)
    check "the hub is stopped" stops hub
    on sh -c 'cp -p /var/lib/anju/hub/backup.key /srv/ && rm -r /var/lib/anju/hub'
    on install -o anju -g anju -m 600 /srv/backup.key /var/lib/anju/backup.key
    on install -o anju -g anju -m 600 /etc/credstore/anju-hub.seal /var/lib/anju/hub.seal
    check "the backup is good" restore --check
    check "it is restored" restore
    check "the hub is started" on systemctl start anju-hub
    check "it is sound" says sound anju hub verify
    check "all is there" until_true 60 alike 3

    # ---- the end
    check "purge" apt live purge anju-hub anju-node anju-tools
    for what in hub node; do
        refuse "$what: the unit is gone" on systemctl cat anju-$what
        check "$what: does not run" on sh -c "! pgrep -x anju-$what && ! ls /etc/systemd/system/*.wants/anju-$what.service"
        check "$what: its data stays" [ -s "$live/var/lib/anju/$what/keys" ]
    done
    check "nothing failed meanwhile but what is said above" [ -z "$(on systemctl --failed --plain --no-legend)" ]
}

began=$(date +%s)
mount -t proc proc "$live/proc"
apt live install systemd systemd-sysv dbus curl procps >"$work/apt" 2>&1
# Once it is booted it has no way to a mirror.
check "what the packages need is fetched" apt live --download-only install "/debs/anju-hub_${version}_$arch.deb" \
    "/debs/anju-node_${version}_$arch.deb" "/debs/anju-tools_${version}_$arch.deb"
umount "$live/proc"
# There is a line, as far as it knows.
at live systemctl enable systemd-networkd >"$work/online" 2>&1
at live systemctl mask systemd-networkd-wait-online >"$work/online" 2>&1
if boot; then
    live_life
    unboot
    echo "the booted machine took $(($(date +%s) - began)) s"
else
    echo "MISSING no live systemd can be started here: $(tail -n 1 "$work/why")"
fi
