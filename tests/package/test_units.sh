#!/bin/sh
# What the packages install beside the programs: units with a hardening score of at most 1.5, and configurations that name every setting.
cd "$(dirname "$0")/../.." || exit 2
. tests/support/check.sh
make -s B="$B" all >&2 || exit 2

same_settings() { # WHAT: the file, with every setting at its default uncommented, is what the daemon says of itself
    sed '1,/^$/d; s/^#\([a-z_]*:\)/\1/; s/^log_form: journal/log_form: plain/' "deploy/debian/$1.yaml" >"$work/file"
    "$B/bin/anju-$1" --show-config | diff "$work/file" -
}
for what in hub node; do
    unit=deploy/debian/anju-$what.service
    check "$what: a hardening score of at most 1.5" systemd-analyze security --no-pager --offline=true --threshold=15 "$unit"
    # The programs lie in the build folder; otherwise it is the unit that is installed.
    sed "s,^ExecStart=/usr/bin/,ExecStart=$PWD/$B/bin/," "$unit" >"$work/anju-$what.service"
    check "$what: systemd finds nothing wrong with the unit" sh -c "! systemd-analyze verify '$work/anju-$what.service' 2>&1 | grep ."
    check "$what: the configuration names every setting, with its default" same_settings "$what"
    check "$what: … and is good" "$B/bin/anju-$what" --config "deploy/debian/$what.yaml" --check-config
    check "$what: the unit starts the daemon with it" grep -qx "ExecStart=/usr/bin/anju-$what --config /etc/anju/$what.yaml" "$unit"
done
sed 's/^ProtectSystem=.*//; s/^SystemCallFilter=.*//' deploy/debian/anju-hub.service >"$work/open.service"
refuse "a unit with less is found" systemd-analyze security --no-pager --offline=true --threshold=15 "$work/open.service"
finish
