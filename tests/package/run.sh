#!/bin/sh
# The life of an installation, in a fresh bookworm made by debootstrap: build the packages, install, run, upgrade with a store, go back, purge.
# Two machines, a hub's and an office's, which are not booted: each daemon is started as its unit would, by that command and as that user, and
# may be where its maintainer scripts find no systemd. Then one that is booted, with both under their units (live.sh).
# As root. The next version is this one with a store format and a version more.
cd "$(dirname "$0")/../.." || exit 2
[ "$(id -u)" -eq 0 ] || { echo "as root: debootstrap and chroot need it" && exit 2; }
# What is mounted here is seen here alone, and goes with this process.
[ "${ANJU_MACHINES:-}" = own ] || exec env ANJU_MACHINES=own unshare --mount --propagation private "$0" "$@"
. tests/support/check.sh
root=$(pwd)
room=$(mktemp -d /tmp/anju-machines.XXXXXX) || exit 2
town=$room
. deploy/city.sh # to start, stop and wait; what speaks with a daemon is said anew below, for another machine
end() {
    [ ! -s "$room/pids/live" ] || unboot
    for machine in hub office live; do
        stop "$machine"
        umount "$room/$machine/proc" 2>/dev/null
    done
    rm -rf --one-file-system "$room" "$work"
}
trap end EXIT

inside="env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
# at MACHINE COMMAND…
at() {
    _machine=$1
    shift
    if [ -s "$room/$_machine.leader" ]; then # it is booted (live.sh)
        # shellcheck disable=SC2086
        nsenter -t "$(cat "$room/$_machine.leader")" --all $inside "$@"
    else
        # shellcheck disable=SC2086
        chroot "$room/$_machine" $inside "$@"
    fi
}
daemon_of() { [ "$1" = hub ] && echo hub || echo node; }
apt() { # MACHINE ARGUMENT…
    _m=$1
    shift
    at "$_m" apt-get -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}
# install MACHINE VERSION: what apt-get says is in $work/apt
install() {
    _d=$(daemon_of "$1")
    apt "$1" --allow-downgrades install "/debs/anju-${_d}_$2_$arch.deb" "/debs/anju-tools_$2_$arch.deb" >"$work/apt" 2>&1
    _r=$?
    cat "$work/apt"
    return $_r
}
says() { # TEXT COMMAND…
    _text=$1
    shift
    "$@" >"$work/out" 2>&1
    cat "$work/out"
    grep -qF -- "$_text" "$work/out"
}
as_anju() { # MACHINE COMMAND…
    _m=$1
    shift
    at "$_m" setpriv --reuid=anju --regid=anju --init-groups "$@"
}
unit_command() { sed -n 's/^ExecStart=//p' "$room/$1/lib/systemd/system/anju-$(daemon_of "$1").service"; }
ctl() { # MACHINE ARGUMENT…
    _m=$1
    shift
    at "$_m" anjuctl -s "$(daemon_of "$_m")" "$@"
}
answers() { ctl "$1" hello; }
# start MACHINE: what systemd would do: the runtime folder, then the unit's command as its user
start() {
    at "$1" install -d -m 750 -o anju -g anju "/run/anju/$(daemon_of "$1")"
    # Not by a function: the process that $! names is to be the daemon.
    # shellcheck disable=SC2046,SC2086
    chroot "$room/$1" $inside setpriv --reuid=anju --regid=anju --init-groups $(unit_command "$1") >>"$room/$1.log" 2>&1 &
    echo $! >"$room/pids/$1"
    until_true 60 answers "$1" || { tail -n 5 "$room/$1.log" && return 1; }
}
put() { ctl office put Person "name=$1" --actor op1 --purpose registration; }
records() { ctl "$1" -o jsonl export --raw --actor op1 --purpose registration | LC_ALL=C sort; }
note_ids() { records office | field id >"$work/ids"; }
# same COUNT: the office's people, so many at least, are the same bytes at both
same() {
    ctl office wait --caught-up --timeout 60 || return 1
    for _side in office hub; do records "$_side" | grep -Ff "$work/ids" >"$work/$_side"; done
    [ "$(wc -l <"$work/office")" -ge "$1" ] && cmp "$work/office" "$work/hub"
}

# ---- the packages: this version, and one that keeps its stores in the next format
export_tree() { (cd "$root" && git ls-files -c --exclude-standard | tar -cT - 2>/dev/null) | tar -x -C "$1"; }
arch=$(dpkg --print-architecture)
mkdir -p "$room/debs" "$room/now" "$room/next"
export_tree "$room/now"
version=$(sed -n 's/^anju (\(.*\)) .*/\1/p' deploy/debian/changelog | head -n 1)
format=$(sed -n 's/.*PROGRAM_STORE_FORMAT = \([0-9]*\).*/\1/p' common/base/program.h)
next=$version.9
cp -a "$room/now/." "$room/next"
sed -i "s/PROGRAM_VERSION \"$version\"/PROGRAM_VERSION \"$next\"/; s/PROGRAM_STORE_FORMAT = $format/PROGRAM_STORE_FORMAT = $((format + 1))/" "$room/next/common/base/program.h"
sed -i "1s/($version)/($next)/" "$room/next/deploy/debian/changelog"
check "packages, and lintian says nothing" deploy/package --tree "$room/now" --out "$room/debs" --check
check "… of the next version" deploy/package --tree "$room/next" --out "$room/debs"
mkdir "$room/plain"
cp -a "$room/now/." "$room/plain"
printf 'all:\npages:\n\tmkdir -p build/www/hub\n' >"$room/plain/Makefile"
check "without the page none is built" sh -c "! deploy/package --tree '$room/plain' --out '$room/plain/out' && ! ls '$room/plain/out'/*.deb"
[ "$failed" -eq 0 ] || finish

# ---- two machines
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sed -n 's/ bookworm main$//p' | head -n 1)
check "a fresh bookworm" debootstrap --variant=minbase bookworm "$room/hub" "${mirror:?apt names no bookworm}"
cp /etc/resolv.conf "$room/hub/etc/resolv.conf" 2>/dev/null
mkdir "$room/hub/debs"
cp "$room"/debs/*.deb "$room/hub/debs"
for machine in office live; do cp -a "$room/hub" "$room/$machine"; done
for machine in hub office; do
    mount -t proc proc "$room/$machine/proc"
done

# ---- install
check "install the hub" install hub "$version"
check "install the node" install office "$version"
check "the user is there" at hub getent passwd anju
check "the data folder is its own" [ "$(at hub stat -c '%U %a' /var/lib/anju)" = "anju 750" ]
check "configurations are conffiles" says /etc/anju/hub.yaml at hub dpkg-query -W -f '${Conffiles}' anju-hub
check "the manual page" [ -s "$room/hub/usr/share/man/man8/anju-rollback.8.gz" ]
check "the page is there" [ -s "$room/hub/usr/share/anju/www/hub/index.html.gz" ]
check "mappings are there" [ -s "$room/office/usr/share/anju/catalogue/mapping/person.yaml" ]
check "the city is made" as_anju hub anju-hub --config /etc/anju/hub.yaml --init
sed -i 's,^#listen: .*,listen: "tcp://127.0.0.1:*",; s,^#enrol: .*,enrol: "tcp://127.0.0.1:*",; s,^#page: .*,page: "tcp://127.0.0.1:*",' "$room/hub/etc/anju/hub.yaml"
check "the hub runs" start hub
endpoint=$(ctl hub -o jsonl status | field endpoint)
sed -i "s,^listen: .*,listen: \"$endpoint\"," "$room/hub/etc/anju/hub.yaml"
check "the page's address" says 'http://127.0.0.1:' ctl hub status
check "the node runs and waits" start office
token=$(ctl hub -o jsonl node token 650203001001 --name 一 --auto | field token)
enrol=$(ctl hub -o jsonl status | field enrol)
check "the office is enrolled" ctl office enrol "$token@${enrol#tcp://}"
check "it is a node soon, and saves" until_true 30 put one
check "work goes to the hub" ctl office wait --acked --timeout 30
note_ids
check "hub and office hold the same" same 1

# ---- the hub first
check "an upgrade while it runs is refused" says "is in use" install hub "$next"
check "… and the program stays what it was" says "$version" at hub dpkg-query -W -f '${Version}' anju-hub
stop hub
check "the hub is upgraded" install hub "$next"
check "… and what is on its disk was copied" says "copied /var/lib/anju/hub" cat "$work/apt"
check "… for its user alone" [ "$(at hub stat -c '%U %a' "/var/lib/anju/before-upgrade/hub-$version")" = "anju 700" ]
check "… and the configuration stays" grep -q "^listen: \"$endpoint\"" "$room/hub/etc/anju/hub.yaml"
check "the newer hub takes the store over" start hub
put two >"$work/put"
check "an older node speaks with it" ctl office wait --acked --timeout 60
note_ids
check "both hold the same, two records" same 2

# ---- and back
stop hub
check "the older hub is installed again" install hub "$version"
check "it refuses the newer store and names the way back" says 'anju-rollback hub' as_anju hub anju-hub --config /etc/anju/hub.yaml
check "the way back" says "is back: start anju-hub" at hub anju-rollback hub
check "the newer store is put aside" [ -n "$(ls -d "$room"/hub/var/lib/anju/hub.newer-* 2>/dev/null)" ]
check "the older hub runs" start hub
check "the office sends again what the copy lacks" same 2
refuse "a second time there is no copy" at hub anju-rollback hub
put three >"$work/put"
check "work goes on" ctl office wait --acked --timeout 60

# ---- an office
stop office
check "the node is upgraded" install office "$next"
check "the newer node takes the store over" start office
put four >"$work/put"
check "it speaks with the older hub" ctl office wait --acked --timeout 60
stop hub
put five >"$work/put"
refuse "going down with unsent work is refused" install office "$version"
check "… and says what to do" says "anjuctl wait --acked" cat "$work/apt"
check "the hub is back" start hub
check "all is sent" ctl office wait --acked --timeout 60
note_ids
stop office
check "the older node is installed again" install office "$version"
check "it names the way back" says 'anju-rollback node' as_anju office anju-node --config /etc/anju/node.yaml
check "the way back" says "is back: start anju-node" at office anju-rollback node
check "the older node runs" start office
check "what was sent comes from the hub" same 5
put six >"$work/put"
check "it speaks again" ctl office wait --acked --timeout 60

# ---- the end
stop office
stop hub
check "purge" apt hub purge anju-hub anju-tools
check "the configuration is gone" [ ! -e "$room/hub/etc/anju/hub.yaml" ]
check "the unit is gone" [ ! -e "$room/hub/lib/systemd/system/anju-hub.service" ]
check "the city's data stays" [ -s "$room/hub/var/lib/anju/hub/keys" ]
. tests/package/live.sh
finish
