#!/bin/sh
# Writes tests/compat/format-N, the stores of a hub and an office as this build keeps them, and what the office's holds, as `export --raw` says
# it: once for each format number, then never again. Under `faketime "2025-01-06 08:00:00"`, so that no clock of a later test is behind it.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
format=$("$bin/anju-hub" --version | sed -n 's/.*store format \([0-9]*\).*/\1/p')
to=tests/compat/format-$format
if [ -e "$to" ]; then
    echo "$to is there; what was written once is not written again" >&2
    exit 1
fi
export FAKETIME_DONT_FAKE_MONOTONIC=1
set -e
mkdir "$town/catalogue"
cp deploy/catalogue/32-Person.yaml deploy/catalogue/purposes.yaml "$town/catalogue" # small: this is tracked
make_hub
"$bin/anju-hub" --set data="$town/hub.d" --set socket="$town/hub" --set listen='tcp://127.0.0.1:*' --set enrol= --set page= \
    --set catalogue="$town/catalogue" 2>>"$town/log/hub" &
echo $! >"$town/pids/hub"
until_true 20 answers hub
make_node n1 650203001001 一
start_node n1
# shellcheck disable=SC2086
for name in first second third; do ctl n1 put Person "name=$name" $who >/dev/null; done
ctl n1 wait --acked --timeout 20
stop hub
# shellcheck disable=SC2086
ctl n1 put Person name=unsent $who >/dev/null
mkdir "$to"
# shellcheck disable=SC2086
ctl n1 -o jsonl export --raw $who | LC_ALL=C sort >"$to/node.export"
stop n1
(cd "$town" && tar --owner=0 --group=0 -czf stores.tar.gz --exclude='*.sock' hub.d hub.d.seal n1.d n1.d.seal)
mv "$town/stores.tar.gz" "$to/stores.tar.gz"
ls -l "$to"
