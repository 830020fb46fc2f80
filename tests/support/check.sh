# Sourced by test scripts. `check NAME COMMAND…` runs a command that must succeed, `refuse NAME COMMAND…` one that must fail with a
# message; both print one line, and the command's output when the test fails. `finish` prints the counts and ends the script.
# $work is a folder of the script's own that disappears with it; $B is the build folder.
set -u
B=${B:-build}
work=$(mktemp -d "${TMPDIR:-/tmp}/anju-test.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
passed=0
failed=0

pass() {
    passed=$((passed + 1))
    echo "ok   $1"
}

fail() {
    failed=$((failed + 1))
    echo "FAIL $1"
    [ -s "$work/.said" ] && sed 's/^/     | /' "$work/.said" | head -n 30
}

check() {
    name=$1
    shift
    if "$@" >"$work/.said" 2>&1; then pass "$name"; else fail "$name"; fi
}

# Killed by a signal is not refused, and neither is silence.
refuse() {
    name=$1
    shift
    "$@" >"$work/.said" 2>&1
    status=$?
    if [ "$status" -gt 0 ] && [ "$status" -lt 126 ] && [ -s "$work/.said" ]; then pass "$name"; else fail "$name (exit $status)"; fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}
