# Sourced by the end-to-end tests: checks, a town of its own, and everything stopped at the end.
. tests/support/check.sh
root=$(pwd)
make -s B="$B" all >&2 || exit 2
town=$(mktemp -d /tmp/anju-e2e.XXXXXX) || exit 2
. deploy/city.sh
trap 'stop_all; rm -rf "$work" "$town"' EXIT
who="--actor op1 --purpose registration"
# said TEXT COMMAND…: the command's output holds the text, whatever it exits with
said() {
    _text=$1
    shift
    "$@" >"$work/.out" 2>&1
    cat "$work/.out"
    grep -qF -- "$_text" "$work/.out"
}
code_of() {
    _wanted=$1
    shift
    "$@"
    _got=$?
    echo "exit $_got, wanted $_wanted"
    [ "$_got" = "$_wanted" ]
}
page_port() { status_of hub page | sed 's/.*:\([0-9]*\).*/\1/'; }
at_page() { # REQUEST: the hub's page is asked, as a person does who has not logged in; with the head of the answer
    printf 'POST /api/ctl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Anju: person\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
        "$(printf %s "$1" | wc -c)" "$1" | socat -T 10 - "TCP:127.0.0.1:$(page_port)"
}
# finds DAEMON CODE [LIMIT…]: `problems` names it with words and a next step, and `check` does, with its exit code
finds() {
    _daemon=$1 _problem=$2
    shift 2
    ctl "$_daemon" -o jsonl problems "$@" | grep "\"code\":\"$_problem\",.*\"text\":\"..*\",\"next\":\"..*\"" || return 1
    ctl "$_daemon" check -f prometheus "$@" >"$work/.check"
    [ $? = "$(sed -n 's/^anju_check_state //p' "$work/.check")" ] && grep "code=\"$_problem\"" "$work/.check"
}
finds_none() { # DAEMON CODE [LIMIT…]: it answers, and without it
    _daemon=$1 _problem=$2
    shift 2
    ctl "$_daemon" -o jsonl problems "$@" >"$work/.problems" && ! grep "\"code\":\"$_problem\"" "$work/.problems"
}
